"""The averaged motion of a weakly perturbed oscillator in numbers, for any smooth force.

For v̈ + v = ε f(v, v̇), v = a cos ψ + ε u₁(a, ψ), ȧ = ε A₁ + ε² A₂, ψ̇ = 1 + ε Φ₁ + ε² Φ₂. With F_k
the k-th Fourier coefficient of f(a cos ψ, −a sin ψ), A₁ = Im F₁, a Φ₁ = −Re F₁, and u₁ has the
coefficients F_k/(1 − k²), |k| ≠ 1 (Bogoliubov & Mitropolsky 1961, section 1).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmm.checks import number, real_array
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array

Force = Callable[[Array, Array], Any]

_FEWEST, _MOST = 64, 16_384  # points on a cycle
_TAIL = 1e-12  # of the largest Fourier coefficient: how small the last third must be


@dataclass(frozen=True, eq=False)
class SlowMotion:
    """Averaged motion of v̈ + v = ε f(v, v̇): functions of arrays.

    Parameters
    ----------
    coefficients : callable
        a (...) → (A1, Phi1, A2, Phi2); the last two are zero at order 1.
    correction : callable
        a, ψ (...) → (u₁, ∂u₁/∂ψ).
    order : int
        1 or 2.
    """

    coefficients: Callable[[Array], tuple[Array, Array, Array, Array]]
    correction: Callable[[Array, Array], tuple[Array, Array]]
    order: int

    def A1(self, a: ArrayLike) -> Array:
        """First-order rate of the amplitude: the shape of `a`."""
        return self.coefficients(_positive(a))[0]

    def Phi1(self, a: ArrayLike) -> Array:
        """First-order rate of the phase: the shape of `a`."""
        return self.coefficients(_positive(a))[1]

    def A2(self, a: ArrayLike) -> Array:
        """Second-order rate of the amplitude: the shape of `a`."""
        return self.coefficients(_positive(a))[2]

    def Phi2(self, a: ArrayLike) -> Array:
        """Second-order rate of the phase: the shape of `a`."""
        return self.coefficients(_positive(a))[3]

    def rates(self, a: ArrayLike, eps: float) -> tuple[Array, Array]:
        """Velocities (ȧ, ψ̇) at amplitude `a` for ε = `eps`: each the shape of `a`."""
        A1, Phi1, A2, Phi2 = self.coefficients(_positive(a))
        return eps * A1 + eps**2 * A2, 1 + eps * Phi1 + eps**2 * Phi2

    def solution(self, a: ArrayLike, psi: ArrayLike, eps: float) -> tuple[Array, Array]:
        """Reconstruct (v, v̇) from amplitude and phase, both to order ε.

        v = a cos ψ + ε u₁, v̇ = −a sin ψ + ε (A₁ cos ψ − a Φ₁ sin ψ + ∂u₁/∂ψ).
        """
        a, psi = np.broadcast_arrays(_positive(a), real_array("psi", psi))
        A1, Phi1, _, _ = self.coefficients(a)
        u, turned = self.correction(a, psi)
        speed = A1 * np.cos(psi) - a * Phi1 * np.sin(psi) + turned
        return a * np.cos(psi) + eps * u, -a * np.sin(psi) + eps * speed

    def initial(self, v: float, w: float, eps: float) -> tuple[float, float]:
        """Amplitude and phase (a, ψ) for which `solution` gives v = `v`, v̇ = `w`.

        Raises
        ------
        ValueError
            If the iteration from a e^{iψ} = v − i w does not settle: ε is too large.
        """
        target = complex(number("v", v), -number("w", w))
        point = target
        for _ in range(200):
            a, psi = abs(point), float(np.angle(point))
            reached = self.solution(a, psi, eps) if a > 0 else (np.nan, np.nan)
            step = target - complex(float(reached[0]), -float(reached[1]))
            point += step
            if abs(step) <= 1e-13 * abs(target):
                return abs(point), float(np.angle(point))
            if not abs(step) < 1e3 * abs(target):
                break
        raise ValueError(f"no slow initial data for v = {v}, v̇ = {w}: eps = {eps} is too large")


def average_numerically(
    f: Force, *, f_v: Force | None = None, f_w: Force | None = None, order: int = 2
) -> SlowMotion:
    """Average v̈ + v = ε f(v, v̇) over a cycle, for a smooth f, by sums over equally spaced phases.

    Parameters
    ----------
    f : callable
        f(v, w) of two arrays, smooth; w = v̇.
    f_v, f_w : callable
        Its derivatives by v and w; needed for order 2.
    order : {1, 2}, default 2
        Highest power of ε.

    Returns
    -------
    SlowMotion
        The corrections carry no first harmonic, as in `average`. The sums have spectral accuracy:
        their number of points is doubled until the Fourier series has ended.

    Raises
    ------
    ValueError
        If the order is neither 1 nor 2, or a derivative is missing at order 2.

    Warns
    -----
    NumericalWarning
        When evaluated, if 16,384 points do not end the Fourier series: f is not smooth.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm import average_numerically
    >>> firing = average_numerically(lambda v, w: np.tanh(2 * w), order=1)
    >>> firing.A1([0.1, 10.0]).round(3)    # a for small a, 2/π for large
    array([0.099, 0.636])
    """
    if order not in (1, 2):
        raise ValueError(f"order = {order}; averaging is worked out to order 1 or 2")
    if order == 2 and (f_v is None or f_w is None):
        raise ValueError("order 2 needs the derivatives f_v and f_w; give both, or take order=1")

    def coefficients(a: Array) -> tuple[Array, Array, Array, Array]:
        psi, values = _sampled(f, a)
        first = _fundamental(values, psi)
        A1, Phi1 = first.imag, -first.real / a
        if f_v is None or f_w is None or order == 1:
            return A1, Phi1, np.zeros_like(a), np.zeros_like(a)
        return A1, Phi1, *_second_order(f_v, f_w, a, psi, values, A1, Phi1)

    def correction(a: Array, psi: Array) -> tuple[Array, Array]:
        waves = _correction(_sampled(f, a)[1])
        k = np.arange(waves.shape[-1])
        turning = waves * np.exp(1j * k * psi[..., None])
        return turning.real.sum(axis=-1), (1j * k * turning).real.sum(axis=-1)

    return SlowMotion(coefficients, correction, order)


def _positive(a: ArrayLike) -> Array:
    values = real_array("amplitude", a)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError(f"amplitude = {a!r}; it must be positive and finite")
    return values


def _sampled(f: Force, a: Array) -> tuple[Array, Array]:
    """Phases (n,) and f along the cycles of amplitude `a` (..., n), n large enough."""
    points = _FEWEST
    while True:
        psi = 2 * np.pi * np.arange(points) / points
        values = _along(f, a, psi)
        size = np.abs(np.fft.rfft(values))
        tail = size[..., points // 3 :].max(initial=0.0)
        if tail <= _TAIL * size.max(initial=0.0):
            return psi, values
        if points == _MOST:
            warnings.warn(
                f"the Fourier series of f has not ended after {points} points, at a share of "
                f"{tail / size.max():.1e}: f is not smooth there",
                NumericalWarning,
                stacklevel=4,
            )
            return psi, values
        points *= 2


def _along(f: Force, a: Array, psi: Array) -> Array:
    cycle = a[..., None] * np.cos(psi), -a[..., None] * np.sin(psi)
    return np.broadcast_to(np.asarray(f(*cycle), float), cycle[0].shape)


def _fundamental(values: Array, psi: Array) -> NDArray[np.complex128]:
    return np.asarray((values * np.exp(-1j * psi)).mean(axis=-1))


def _correction(values: Array) -> NDArray[np.complex128]:
    """Coefficients of u₁ = Re Σ_k c_k e^{ikψ}, without the first harmonic."""
    c = np.fft.rfft(values)[..., : values.shape[-1] // 2] * 2 / values.shape[-1]
    c[..., 0] /= 2
    c[..., 1] = 0
    k = np.arange(c.shape[-1])
    return np.asarray(c / np.where(k == 1, 1, 1 - k**2))


def _second_order(
    f_v: Force, f_w: Force, a: Array, psi: Array, values: Array, A1: Array, Phi1: Array
) -> tuple[Array, Array]:
    """A₂ and Φ₂ from the forces that the first correction meets (BM 1961, eq. 1.30)."""
    c = _correction(values)
    waves = np.exp(1j * np.outer(np.arange(c.shape[-1]), psi))
    u, turned = (c @ waves).real, ((1j * np.arange(c.shape[-1]) * c) @ waves).real
    by_v, by_w = (_along(slope, a, psi) for slope in (f_v, f_w))
    speed = A1[..., None] * np.cos(psi) - (a * Phi1)[..., None] * np.sin(psi) + turned
    met = _fundamental(by_v * u + by_w * speed, psi)
    by_a = _fundamental(by_v * np.cos(psi) - by_w * np.sin(psi), psi)
    Phi1_slope = -(by_a.real + Phi1) / a
    A2 = met.imag - A1 * Phi1 - a * A1 * Phi1_slope / 2
    return A2, (-met.real - a * Phi1**2 / 2 + A1 * by_a.imag / 2) / a
