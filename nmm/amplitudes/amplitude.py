"""The amplitude equation: how fast an oscillation of any size grows, and where it comes to stay.

On the slow surface of a fixed point the whole model obeys ṙ = α(r) r, θ̇ = ω(r), with r half the
amplitude of the fundamental of one potential (eq-amplitude). In the modal amplitude
R = |fundamental of ζ|, ζ = p·(x − x*), the same motion is a gradient flow: Ṙ = ρ(R) = −dU/dR.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from nmm.amplitudes.escape import NoisyAmplitude
from nmm.amplitudes.invariance import Complex
from nmm.amplitudes.manifold import Surface, slow_surface
from nmm.amplitudes.manifold_sensitivity import SurfaceDerivative, surface_derivative
from nmm.checks import real_array, whole_number
from nmm.fixed_points import Equilibrium, check_fixed_point
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array, plain
from nmm.system import NeuralMass

_SAMPLES = 241  # along R, to look for zeros and limits
_GAP = 3.0  # all else must decay this many times faster than the amplitude moves
_NEUTRAL = 1e-10  # of ω: growth this small, at every amplitude, is rounding
_SHARE = 0.1  # of the oscillation: how much may be missing from it
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


@dataclass(frozen=True, eq=False)
class AmplitudeEquation(NoisyAmplitude):
    """Slow dynamics of an oscillation's amplitude, from rest to beyond its cycles.

    Parameters
    ----------
    model : NeuralMass
        The model.
    equilibrium : Equilibrium
        The fixed point x*.
    reference : str
        Population whose potential defines r.
    surface : Surface
        The invariant surface along R.
    r_max : float
        Largest r described, mV; zero if none.
    outcome : str
        Why it stops there.

    Notes
    -----
    Outside [0, r_max], or [0, modal_radius(r_max)], methods return nan with a `NumericalWarning`.
    """

    model: NeuralMass
    equilibrium: Equilibrium
    reference: str
    surface: Surface
    r_max: float
    outcome: str

    def growth(self, r: ArrayLike) -> Array | float:
        """Relative growth α = ṙ/r at `r` (mV), s⁻¹: the shape of `r`."""
        R = self._modal(r)
        return plain(self.surface.rates(R)[0] * self._fundamental(R)[1].real)

    def frequency(self, r: ArrayLike) -> Array | float:
        """Frequency θ̇/2π at `r` (mV), Hz: the shape of `r`; v_ref's fundamental peaks at θ = 0."""
        R = self._modal(r)
        growth, omega = self.surface.rates(R)
        return plain((omega + growth * self._fundamental(R)[1].imag) / (2 * np.pi))

    def radii(self) -> list[tuple[float, bool]]:
        """Stationary amplitudes up to r_max, ascending: (r in mV, stable); (0.0, …) is rest."""
        zeros = self._modal_zeros()
        slopes = self.surface.slope(zeros) if zeros.size else zeros
        radii = np.abs(self._fundamental(zeros)[0]) / 2
        found = [(float(r), bool(s < 0)) for r, s in zip(radii, slopes, strict=True)]
        return [(0.0, self.equilibrium.stable), *found]

    def modal_radius(self, r: ArrayLike) -> Array | float:
        """R, mV: modulus of the fundamental of ζ along θ at `r` (mV); the shape of `r`."""
        return plain(self._modal(r))

    def radius(self, R: ArrayLike) -> Array | float:
        """Amplitude r, mV, that belongs to `R` (mV): the inverse of `modal_radius`."""
        return plain(np.abs(self._fundamental(self._inside(R, self._R_max))[0]) / 2)

    def drift(self, R: ArrayLike) -> Array | float:
        """ρ(R) = Ṙ at `R` (mV), mV/s: the shape of `R`."""
        R = self._inside(R, self._R_max)
        return plain(self.surface.rates(R)[0] * R)

    def potential(self, R: ArrayLike) -> Array | float:
        """U(R) = −∫_0^R ρ at `R` (mV), mV²/s: the shape of `R`."""
        R = self._inside(R, self._R_max)
        return plain(-integral(lambda x: self.surface.rates(x)[0] * x, R))

    def quick_drift(self, R: ArrayLike) -> Array | float:
        """α R of slow harmonic balance at `R` (mV), mV/s: the shape of `R`.

        With at most five harmonics. It vanishes where `drift` does, but for the harmonics left out;
        between the zeros it is near. Nan where slow harmonic balance was not followed.
        """
        slow = self.surface.slow
        R = self._inside(R, float(slow.R[-1]))
        return plain(CubicSpline(slow.R, slow.growth)(R) * R)

    def state(self, r: ArrayLike, theta: ArrayLike) -> Array:
        """State on the surface at `r` (mV) and phase `theta` (rad), which broadcast: (..., N)."""
        r, theta = np.broadcast_arrays(np.asarray(r, float), np.asarray(theta, float))
        R = self._modal(r)
        return self.surface.state(R, theta - np.angle(self._fundamental(R)[0]))

    def locate(self, x: ArrayLike) -> tuple[Array, Array]:
        """Amplitude r (mV) and phase θ (rad) of the surface's point with the ζ of `x` (..., N).

        Near the surface, as any state is once the fast modes are gone, this reads amplitude and
        phase at one instant: ζ contains harmonics, so ``|ζ|`` itself ripples over a cycle. Nan
        where no point up to r_max has this ζ.
        """
        x = real_array("x", x)
        zeta = (x - self.equilibrium.x) @ self.surface.equation.left
        R, phase = self.surface.invert(zeta.ravel())
        R = np.where(self._R_max >= R, R, np.nan)
        value = self._fundamental(R)[0]
        r, theta = np.abs(value) / 2, np.mod(phase + np.angle(value), 2 * np.pi)
        return r.reshape(zeta.shape), theta.reshape(zeta.shape)

    def error(self, r: ArrayLike) -> Array | float:
        """Share of the oscillation that is missing at `r` (mV): the shape of `r`.

        What the harmonics H + 1 … 2H would be, to first order, at the sigmoid where they count
        most; rms over a cycle.
        """
        R = self._modal(r)
        return plain(self.surface.error(R.ravel()).reshape(R.shape))

    def separation(self, r: ArrayLike) -> Array | float:
        """How much faster all else decays than the amplitude moves at `r` (mV): as `r`."""
        R = self._modal(r)
        return plain(_separation(self.surface, R.ravel()).reshape(R.shape))

    def sensitivity(self, name: str) -> AmplitudeSensitivity:
        """Derivatives of growth, radii and potential by the parameter `name` of the model.

        Raises
        ------
        KeyError
            If the model has no such parameter.
        """
        moved = surface_derivative(self.surface, name, self.reference)
        return AmplitudeSensitivity(self, name, moved)

    @property
    def _index(self) -> int:
        return self.model.populations.index(self.reference)

    def _fundamental(self, R: Array) -> tuple[Complex, Complex]:
        """Fundamental of v_ref at `R`, and the derivative of its logarithm by ln R."""
        value, slope = self.surface.component(R, self._index)
        with np.errstate(invalid="ignore"):  # 0/0 at rest, nan outside
            return value, np.where(R == 0, 1.0, slope / value)

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        """R on a fine grid, and r there, up to r_max."""
        R = np.linspace(0.0, self.surface.grid.end, _SAMPLES)
        r = np.abs(self._fundamental(R)[0]) / 2
        last = int(np.argmin(np.abs(r[: np.argmax(r) + 1] - self.r_max))) + 1
        return R[:last], r[:last]

    @property
    def _R_max(self) -> float:
        return float(self._table[0][-1])

    def _inside(self, values: ArrayLike, largest: float) -> Array:
        values = np.asarray(values, float)
        outside = ~((values >= 0) & (values <= largest * (1 + 1e-9)))
        if outside.any():
            warnings.warn(
                f"{int(outside.sum())} amplitudes lie outside [0, {largest:.4g}] mV, where the "
                f"amplitude equation stops ({self.outcome}): nan",
                NumericalWarning,
                stacklevel=4,
            )
        return np.where(outside, np.nan, values)

    def _modal(self, r: ArrayLike) -> Array:
        """R that belongs to `r`: from a table, refined by Newton's method."""
        r = self._inside(r, self.r_max)
        R = np.where(np.isnan(r), np.nan, np.interp(r, self._table[1], self._table[0]))
        for _ in range(4):
            value, slope = self._fundamental(R)
            now = np.abs(value) / 2
            R = np.where(R == 0, 0.0, R * (1 + (r / np.where(now == 0, 1, now) - 1) / slope.real))
        return np.asarray(R)

    def _modal_zeros(self) -> Array:
        """R at which the growth vanishes, ascending."""
        R = self._table[0][1:]
        a, omega = self.surface.rates(R)
        if (np.abs(a) < _NEUTRAL * omega).all():
            return np.empty(0)  # neither grows nor decays: signs are rounding
        crossings = np.flatnonzero(a[:-1] * a[1:] < 0)
        return np.array(
            [
                brentq(lambda x: float(self.surface.rates(x)[0]), R[i], R[i + 1], xtol=1e-15)
                for i in crossings
            ]
        )


def amplitude_equation(
    m: NeuralMass,
    equilibrium: Equilibrium,
    *,
    harmonics: int = 5,
    reference: str | None = None,
) -> AmplitudeEquation:
    """Reduce a model to one equation for its amplitude, valid far from the fixed point.

    Solves for the two-dimensional invariant surface that contains the fixed point and the cycles
    around it, ``ṙ = α(r) r``, ``θ̇ = ω(r)`` (eq-invariance): Fourier series along θ, collocation at
    Chebyshev's points along R, Newton's method for all of it at once. The first guess is slow
    harmonic balance.

    Parameters
    ----------
    m : NeuralMass
        With n populations.
    equilibrium : Equilibrium
        With a complex leading pair of eigenvalues.
    harmonics : int, default 5
        Fourier modes H along θ. Five give three digits for the bistable column.
    reference : str, optional
        Population whose fundamental defines r; the model's by default.

    Returns
    -------
    AmplitudeEquation
        ``growth(r)`` in s⁻¹, ``frequency(r)`` in Hz, for r in [0, r_max] in mV; ``drift(R)`` and
        ``potential(R)`` in the modal amplitude R.

    Raises
    ------
    ValueError
        If `equilibrium` is no fixed point of `m`; if its leading eigenvalue is real, or a second
        pair is equally slow; if `harmonics` is not a whole number from 1, or the reference is not a
        population.

    Warns
    -----
    NumericalWarning
        If a second mode is nearly as slow, no solution was found, or the surface ends before its
        cycles do for want of harmonics. `outcome` says which.

    Examples
    --------
    >>> from nmm import amplitude_equation, bistable_column, equilibria
    >>> column = bistable_column(u=0.0)
    >>> rest, = equilibria(column)
    >>> amplitude = amplitude_equation(column, rest)
    >>> [(round(r, 3), stable) for r, stable in amplitude.radii()]
    [(0.0, True), (0.348, False), (0.41, True)]
    """
    harmonics = whole_number("harmonics", harmonics)
    reference = reference or m.reference
    check_fixed_point(m, equilibrium)
    surface, reach = slow_surface(m, equilibrium, harmonics, reference)
    r_max, outcome, short = _limit(surface, m.populations.index(reference), reach)
    if short:
        warnings.warn(
            f"the amplitude equation ends early: {outcome}", NumericalWarning, stacklevel=2
        )
    return AmplitudeEquation(m, equilibrium, reference, surface, r_max, outcome)


def _limit(surface: Surface, index: int, reach: str) -> tuple[float, str, bool]:
    """Largest r that is described, what ends it, and whether that is a failure."""
    R = np.linspace(0.0, surface.grid.end, _SAMPLES)[1:]
    r = np.abs(surface.coefficients(R)[:, 1, index]) / 2
    coarse = R[np.linspace(0, R.size - 1, 13).astype(int)]
    gap = np.interp(R, coarse, _separation(surface, coarse))
    error = surface.error(R)
    checks = {
        "a second mode is nearly as slow: it decays only {gap:.2g} times faster": gap < _GAP,
        "more harmonics are needed: {error:.0%} of the oscillation is missing": error > _SHARE,
        "the fundamental of the reference potential stops growing there": np.gradient(r) <= 0,
    }
    first = {text: int(np.argmax(bad)) for text, bad in checks.items() if bad.any()}
    if not first:
        return float(r[-1]), reach, reach.startswith("Newton")
    text, i = min(first.items(), key=lambda item: item[1])
    beyond = R[i] < surface.slow.R
    cycles = np.diff(np.sign(surface.slow.growth[beyond])).any()  # left out
    text = text.format(gap=gap[i], error=error[i])
    return (
        (float(r[i - 1]) if i else 0.0),
        f"{text} (R = {R[i]:.3g} mV)",
        bool(cycles or gap[i] < _GAP),
    )


def _separation(surface: Surface, R: Array) -> Array:
    """Decay of all else, over the larger of |a| and |dṘ/dR|."""
    slow = np.maximum(np.abs(surface.rates(R)[0]), np.abs(surface.slope(R)))
    return np.asarray(surface.decay(R) / slow)


@dataclass(frozen=True, eq=False)
class AmplitudeSensitivity:
    """Derivatives of an amplitude equation by one parameter of the model.

    Exact for the discretised equation (implicit differentiation). Units: those of the quantity,
    over the parameter's. Beyond the outermost cycle, where the surface is not unique, derivatives
    are of the surface that was computed.

    Parameters
    ----------
    amplitude : AmplitudeEquation
        What is differentiated.
    name : str
        The parameter.
    moved : SurfaceDerivative
        Derivative of the surface.
    """

    amplitude: AmplitudeEquation
    name: str
    moved: SurfaceDerivative

    def growth(self, r: ArrayLike) -> Array | float:
        """Derivative of ``growth(r)`` at fixed `r` (mV): the shape of `r`."""
        surface, (stretch, shift) = self.amplitude.surface, self._radius
        D, a = surface.grid.derivative, surface.growth
        change = self.moved.growth * stretch + a * (D @ shift)
        values = change - shift / stretch * (D @ (a * stretch))
        return plain(surface.grid.interpolation(self.amplitude._modal(r)) @ values)

    def radii(self) -> list[float]:
        """Derivatives of the stationary amplitudes, in the order of ``radii()``; rest has 0."""
        surface, (stretch, shift) = self.amplitude.surface, self._radius
        R = self.amplitude._modal_zeros()
        rows = surface.grid.interpolation(R)
        r = np.abs(self.amplitude._fundamental(R)[0]) / 2
        moved = -(rows @ self.moved.growth) / (rows @ surface.grid.derivative @ surface.growth)
        return [0.0, *(r * (rows @ shift + rows @ stretch * moved)).tolist()]

    def potential(self, R: ArrayLike) -> Array | float:
        """Derivative of ``potential(R)`` at fixed `R` (mV): the shape of `R`."""
        surface = self.amplitude.surface
        R = self.amplitude._inside(R, self.amplitude._R_max)
        rows, D, a = surface.grid.interpolation, surface.grid.derivative, surface.growth
        scale = (surface.X[1] @ self.moved.left).real / (2 * surface.grid.R)  # of R, as p moves
        rate = self.moved.growth + 2 * a * (scale + D @ scale)
        return plain(rows(R) @ (a * scale) * R**2 - integral(lambda x: rows(x) @ rate * x, R))

    @property
    def _radius(self) -> tuple[Array, Array]:
        """Slope d ln r / d ln R, and the derivative of ln r by the parameter, at the points."""
        surface, i = self.amplitude.surface, self.amplitude._index
        stretch = self.amplitude._fundamental(surface.grid.R)[1].real
        return stretch, (self.moved.X[1, :, i] / surface.X[1, :, i]).real


def integral(f: Callable[[Array], Array], R: Array) -> Array:
    """∫_0^R f, at each `R` (...), by Gauss' rule."""
    half = np.asarray(R)[..., None] / 2
    return np.asarray((f(half * (1 + _NODES)) * _WEIGHTS * half).sum(axis=-1))
