"""The normal form near a fixed point: how amplitude and phase move, and how far that holds.

On the slow surface of `submanifolds`, ż = λ z + Σ_m γ_m z |z|²ᵐ, so that with z = R e^{iφ}

    Ṙ = R (Re λ + Σ_m Re γ_m R²ᵐ),    φ̇ = Im λ + Σ_m Im γ_m R²ᵐ.

A series holds up to some radius only. The next coefficients cost little: they are computed too, and
tell what was left out.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.polynomial import polynomial as power_series
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from nmm.checks import number, real_array, whole_number
from nmm.fixed_points import Equilibrium, check_fixed_point
from nmm.outcome import NumericalWarning
from nmm.perturbation.submanifolds import (
    Submanifold,
    leading_mode,
    leading_pair,
    slow_line,
    submanifold,
)
from nmm.perturbation.trust import BEYOND, trust_radius
from nmm.sigmoid import Array
from nmm.simulation import simulate
from nmm.system import NeuralMass

__all__ = ["NormalForm", "leading_pair", "normal_form", "submanifold"]


@dataclass(frozen=True, eq=False)
class NormalForm:
    """Motion on the slow surface of a fixed point, as a power series.

    Parameters
    ----------
    model : NeuralMass
        The model.
    equilibrium : Equilibrium
        The fixed point x*.
    surface : Submanifold
        Coefficients of the surface x = x* + Σ h_jk zʲ z̄ᵏ.
    trust_radius : float
        Largest R, mV, up to which two things hold. (i) What the next six orders add to the growth,
        their sizes summed, is at most a tenth of the largest ``R |d growth/dR|`` so far: as if R
        were wrong by a tenth. (ii) The flow leaves the surface by at most a tenth of its motion
        along it. Beyond it, every method returns nan and warns.

    Notes
    -----
    For a real eigenvalue the surface is a line, z is real and may be negative, and R stands for z:
    ż = λ z + a_2 z² + a_3 z³ + …
    """

    model: NeuralMass
    equilibrium: Equilibrium
    surface: Submanifold
    trust_radius: float

    @property
    def eigenvalue(self) -> complex:
        """λ, rad/s."""
        return self.surface.eigenvalue

    @property
    def coefficients(self) -> tuple[complex, ...]:
        """γ_1, γ_2, …, s⁻¹ mV^(−2m); for a real eigenvalue a_2, a_3, …, s⁻¹ mV^(1−k)."""
        return self.surface.coefficients

    @property
    def order(self) -> int:
        """Highest power of z."""
        return len(self.surface.surface)

    @property
    def oscillates(self) -> bool:
        """Whether the eigenvalue is complex."""
        return self.eigenvalue.imag != 0

    @property
    def terms(self) -> dict[str, complex]:
        """What γ_1 is made of, s⁻¹ mV⁻²: ``"cubic"``, ``"mean_shift"``, ``"second_harmonic"``.

        p·D³F(q, q, q̄)/2, p·D²F(q, h_11) and p·D²F(q̄, h_20): the sigmoid's third derivative, and
        its second one with the shifted mean and with the second harmonic.

        Raises
        ------
        ValueError
            If the eigenvalue is real.
        """
        self._check_oscillates("terms")
        x, p, q = self.equilibrium.x, self.surface.left, self.surface.surface[0][:, 1]
        _, mean, second = self.surface.surface[1].T
        form = self.model.form
        return {
            "cubic": complex(p @ form(x, q, q, q.conj()) / 2),
            "mean_shift": complex(p @ form(x, q, mean)),
            "second_harmonic": complex(p @ form(x, q.conj(), second)),
        }

    def growth(self, R: ArrayLike) -> Array | float:
        """Relative growth Ṙ/R at amplitude `R` (mV), s⁻¹: the shape of `R`."""
        return _plain(power_series.polyval(self._amplitude(R), self.surface.rates.real))

    def frequency(self, R: ArrayLike) -> Array | float:
        """Frequency φ̇/2π at amplitude `R` (mV), Hz: the shape of `R`; zero for a real λ."""
        return _plain(
            power_series.polyval(self._amplitude(R), self.surface.rates.imag) / (2 * np.pi)
        )

    def radii(self) -> list[tuple[float, bool]]:
        """Amplitudes of cycles up to the trust radius, ascending: (R in mV, stable).

        For a real eigenvalue: the other fixed points, as z.

        Warns
        -----
        NumericalWarning
            If the growth vanishes beyond the trust radius too: those zeros are left out.
        """
        roots = power_series.polyroots(np.trim_zeros(self.surface.rates.real, "b"))
        real = np.sort(roots.real[np.abs(roots.imag) <= 1e-9 * np.abs(roots)])
        real = real[real > 0] if self.oscillates else real[real != 0]
        inside = np.abs(real) <= self.trust_radius
        if not inside.all():
            out = ", ".join(f"{R:.4g}" for R in real[~inside])
            warnings.warn(
                f"zeros of the growth at {out} mV are left out: they lie beyond the trust radius, "
                f"{self.trust_radius:.4g} mV at order {self.order}",
                NumericalWarning,
                stacklevel=2,
            )
        slopes = power_series.polyval(real, power_series.polyder(self.surface.rates.real)) * real
        stable = (slopes < 0) & self._others_decay
        return [(float(R), bool(s)) for R, s in zip(real[inside], stable[inside], strict=True)]

    def state(self, z: ArrayLike) -> Array:
        """State on the slow surface at `z` (...), complex, mV: shape (..., N)."""
        if not self.oscillates:
            z = real_array("z", z)
        return self._place(self._inside(np.asarray(z)))

    def coordinate(self, x: ArrayLike) -> NDArray[Any]:
        """Coordinate z (...), mV, of the surface's point that `x` (..., N) projects to.

        The projection is ζ = p·(x − x*), which on the surface is a function of z: Newton's method
        inverts it. On the surface this undoes `state`.
        """
        x = real_array("x", x)
        if x.shape[-1:] != (self.model.n_states,):
            raise ValueError(
                f"x has shape {x.shape}; its last axis must have length {self.model.n_states}"
            )
        zeta = (x - self.equilibrium.x) @ self.surface.left
        return self._inside(self._inverted(zeta) if self.oscillates else zeta.real)

    def solution(self, z0: complex, t: ArrayLike) -> NDArray[Any]:
        """Coordinate z(t), mV, from `z0` at t = 0, so that ``R(t) = |z(t)|``: the shape of `t` (s).

        At order 3 in closed form, Bernoulli's equation for R², with α = Re λ:

            ``z = z0 e^{λt} [1 − Re γ_1 |z0|² (e^{2αt} − 1)/α]^(−γ_1/(2 Re γ_1))``.

        At other orders by `scipy.integrate.solve_ivp`. Nan from where it passes the trust radius.
        """
        t = real_array("t", t)
        if not (np.isfinite(t).all() and (t >= 0).all()):
            raise ValueError("t holds a time that is negative or not finite; give t ≥ 0, in s")
        z0 = complex(z0) if self.oscillates else number("z0", z0)
        if not abs(z0) <= self.trust_radius or z0 == 0:
            return self._inside(np.full(t.shape, z0))
        if self.oscillates and self.order == 3:
            z = _bernoulli(self.eigenvalue, self.coefficients[0], complex(z0), t)
        else:
            z = self._integrated(z0, t)
        lost = t >= np.min(t[~(np.abs(z) <= self.trust_radius)], initial=np.inf)
        return self._inside(np.where(lost, np.nan, z))

    def solution_error(self, R0: ArrayLike) -> Array:
        """Largest relative error of `solution` over ten relaxation times, from `R0` (k,): (k,).

        The whole model is released on the surface at z = R0 and simulated; its ``|z(t)|`` is
        compared with that of `solution` for ``0 ≤ t ≤ 10/|Re λ|``. Nan where either passes the
        trust radius. The step dt is such that Heun's false growth, ω⁴dt³/8, changes R by less than
        5e-4 of it.
        """
        self._check_oscillates("solution_error")
        R0 = np.atleast_1d(real_array("R0", R0))
        error, inside = np.full(R0.shape, np.nan), (R0 > 0) & (np.abs(R0) <= self.trust_radius)
        if not inside.any():
            return error
        decay, omega = abs(self.eigenvalue.real), self.eigenvalue.imag
        fast = np.abs(self.equilibrium.eigenvalues).max()
        dt = min(0.1 / fast, (5e-4 * 8 / 10 * decay / omega**4) ** (1 / 3))
        start, duration = self.state(R0[inside]), 10 / decay
        every = max(1, round(duration / dt / 2000))
        run = simulate(self.model, duration, dt=dt, x0=start, n_trials=len(start), every=every)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NumericalWarning)  # nan is the answer, as documented
            simulated = np.abs(self.coordinate(run.x))
            predicted = np.abs([self.solution(R, run.t) for R in R0[inside]])
        error[inside] = np.max(np.abs(predicted / simulated - 1), axis=1)
        return error

    @cached_property
    def _others_decay(self) -> bool:
        values = self.equilibrium.eigenvalues
        away = np.minimum(np.abs(values - self.eigenvalue), np.abs(values.conj() - self.eigenvalue))
        others = np.argsort(away)[2 if self.oscillates else 1 :]
        return bool((values.real[others] < 0).all())

    def _check_oscillates(self, what: str) -> None:
        if not self.oscillates:
            raise ValueError(f"{what}: the eigenvalue {self.eigenvalue.real:.4g} is real")

    def _amplitude(self, R: ArrayLike) -> Array:
        R = real_array("R", R)
        return self._inside(np.where(R < 0, np.nan, R) if self.oscillates else R)

    def _inside(self, z: NDArray[Any]) -> NDArray[Any]:
        """`z`, but nan beyond the trust radius, and a warning."""
        inside = np.abs(z) <= self.trust_radius
        if inside.all():
            return z
        warnings.warn(
            f"nan beyond the trust radius, {self.trust_radius:.4g} mV at order {self.order}, and "
            "for negative amplitudes; take a higher order, or a method that is not a series",
            NumericalWarning,
            stacklevel=4,
        )
        return np.where(inside, z, np.nan)

    def _place(self, z: NDArray[Any]) -> Array:
        """Point of the surface, trusted or not."""
        h = self.surface.table
        if not self.oscillates:
            return self.equilibrium.x + np.moveaxis(power_series.polyval(z, h[:, 0].real), 0, -1)
        offset = power_series.polyval2d(z, z.conj(), h)
        return np.asarray(self.equilibrium.x + np.moveaxis(offset.real, 0, -1))

    def _inverted(self, zeta: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Solve ζ(z) = zeta; nan where Newton's method fails."""
        c = self.surface.table @ self.surface.left
        by_z, by_conjugate = power_series.polyder(c, axis=0), power_series.polyder(c, axis=1)
        z = zeta
        for _ in range(10):
            rest = zeta - power_series.polyval2d(z, z.conj(), c)
            a, b = (power_series.polyval2d(z, z.conj(), d) for d in (by_z, by_conjugate))
            with np.errstate(all="ignore"):  # nan where there is no such z
                step = (a.conj() * rest - b * rest.conj()) / (np.abs(a) ** 2 - np.abs(b) ** 2)
            z = z + np.where(np.abs(z) <= 10 * np.abs(zeta), step, np.nan)
        return np.where(np.abs(step) <= 1e-9 * np.abs(z), z, np.nan)

    def _integrated(self, z0: complex, t: Array) -> NDArray[Any]:
        """Solve for ln z, as far as the trust radius."""
        sign = 1.0 if self.oscillates else np.sign(z0.real)
        rates = self.surface.rates * sign ** np.arange(self.surface.rates.size)

        def velocity(_: float, log: Array) -> list[float]:
            rate = power_series.polyval(np.exp(log[0]), rates)
            return [rate.real, rate.imag]

        def leaves(_: float, log: Array) -> float:
            return float(log[0] - np.log(self.trust_radius) - 1e-9)

        leaves.terminal = True  # type: ignore[attr-defined]
        start = [np.log(abs(z0)), float(np.angle(z0)) if self.oscillates else 0.0]
        span = (0.0, max(float(np.max(t, initial=0.0)), 1e-300))
        path = solve_ivp(
            velocity,
            span,
            start,
            "DOP853",
            dense_output=True,
            events=leaves,
            rtol=1e-10,
            atol=1e-12,
        )
        log = path.sol(np.minimum(t, path.t[-1]))
        z = np.exp(log[0] + 1j * log[1]) if self.oscillates else sign * np.exp(log[0])
        return np.where(t <= path.t[-1], z, np.inf)


def normal_form(
    m: NeuralMass,
    equilibrium: Equilibrium,
    *,
    order: int = 5,
    reference: str | None = None,
    near: complex | None = None,
) -> NormalForm:
    """Reduce a model to its slowest mode near a fixed point, to any order.

    Parameters
    ----------
    m : NeuralMass
        With n populations.
    equilibrium : Equilibrium
        A fixed point of `m`.
    order : int, default 5
        Highest power of z: 3, 5, 7, … for a complex leading pair; 2, 3, 4, … for a real eigenvalue.
    reference : str, optional
        Population in whose potential the right eigenvector is one; the model's by default. z is
        half the amplitude there, to first order.
    near : complex, optional
        Take the eigenvalue nearest to this (rad/s) instead of the leading one.

    Returns
    -------
    NormalForm

    Raises
    ------
    ValueError
        If `equilibrium` is no fixed point of `m`, the order does not fit the eigenvalue, or a
        second mode is as slow.

    Notes
    -----
    The spectral submanifold of Haller & Ponsioen (2016), by the parametrisation method of Cabré,
    Fontich & de la Llave (2003); at order 3 and at a Hopf point γ_1 is Kuznetsov's c_1.

    Examples
    --------
    >>> from nmm import bistable_column, equilibria, normal_form
    >>> column = bistable_column(u=2700)
    >>> rest, = equilibria(column)
    >>> form = normal_form(column, rest, order=7)
    >>> form.growth(0.1) < 0 < form.growth(0.18)
    True
    """
    order = whole_number("order", order, 2)
    if near is not None and not np.isfinite(near):
        raise ValueError(f"near = {near}; it must be a finite number, rad/s")
    check_fixed_point(m, equilibrium)
    value, _, _ = leading_mode(m, m.jacobian(equilibrium.x), reference, near)
    if value.imag != 0:
        if order % 2 == 0:
            raise ValueError(f"order = {order}; of an oscillation it is odd: 3, 5, 7, …")
        near = complex(value.real, abs(value.imag)) if near is not None else None
        full = submanifold(m, equilibrium, order + BEYOND, reference, pair=near)
        kept = (order - 1) // 2
    else:
        full = slow_line(m, equilibrium, order + BEYOND, reference, near)
        kept = order - 1
    surface = replace(full, coefficients=full.coefficients[:kept], surface=full.surface[:order])
    return NormalForm(m, equilibrium, surface, trust_radius(m, equilibrium, surface, full))


def _bernoulli(
    eigenvalue: complex, gamma: complex, z0: complex, t: Array
) -> NDArray[np.complex128]:
    """Closed-form solution of ż = λ z + γ z|z|²; inf from where it has escaped."""
    alpha = eigenvalue.real
    span = np.expm1(2 * alpha * t) / alpha if alpha else 2 * t
    drop = gamma.real * abs(z0) ** 2 * span
    escaped = drop >= 1
    power = (
        np.log1p(-np.where(escaped, 0.0, drop)) / gamma.real
        if gamma.real
        else -(abs(z0) ** 2) * span
    )
    return np.where(escaped, np.inf, z0 * np.exp(eigenvalue * t - gamma / 2 * power))


def _plain(value: NDArray[Any]) -> Array | float:
    return np.asarray(value) if np.ndim(value) else float(value)
