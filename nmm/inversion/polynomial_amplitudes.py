"""A polynomial amplitude equation, for rhythms whose connections are not known.

``Ṙ = a R + b R³ − c R⁵``, written with numbers that can be read: a rate, an amplitude, a damping
that tells rest from rhythm, and the noise. The same filter as for a column gives its likelihood.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import number, whole_number
from nmm.inversion.amplitude_chain import AmplitudeChain, amplitude_chain
from nmm.sigmoid import Array


@dataclass(frozen=True)
class PolynomialAmplitude:
    """A noisy amplitude with one well or two: ``dR = (ρ(R) + D/R) dt + √(2D) dW``.

    With x = (R / size)² the drift ρ(R) is ``rate · R (−damping + 2 x − x²)`` for two wells, and
    ``rate · R (−damping − x)`` for one. With two, rest and rhythm coexist while the damping lies
    between 0, where rest loses its stability (a subcritical Hopf point), and 1, where the rhythm
    is lost (a fold of cycles). With one, a negative damping makes a rhythm (supercritical).

    Parameters
    ----------
    rate : float
        How fast the amplitude moves, s⁻¹.
    size : float
        Amplitude of the rhythm at the fold of cycles, in the unit of R.
    damping : float
        How strongly rest attracts, in units of the rate.
    noise : float
        Strength of the noise, in the unit of R: ``D = rate · noise²``. At rest the mean of R² is
        ``2 noise² / damping``, as long as the noise is weak.
    wells : {1, 2}, default 2
        Which of the two drifts.

    Raises
    ------
    ValueError
        If a number is not finite, rate, size or noise is not positive, or wells is not 1 or 2.

    Examples
    --------
    >>> from nmm.inversion.polynomial_amplitudes import PolynomialAmplitude
    >>> found = PolynomialAmplitude(rate=2.0, size=300.0, damping=0.75, noise=20.0)
    >>> [(round(R, 1), stable) for R, stable in found.radii()]
    [(0.0, True), (212.1, False), (367.4, True)]
    """

    rate: float
    size: float
    damping: float
    noise: float
    wells: int = 2

    def __post_init__(self) -> None:
        """Refuse numbers that make no equation."""
        for name in ("rate", "size", "noise"):
            number(name, getattr(self, name), positive=True)
        number("damping", self.damping)
        if self.wells not in (1, 2):
            raise ValueError(f"wells = {self.wells!r}; it must be 1 or 2")

    @property
    def diffusion(self) -> float:
        """D, in the square of the unit of R per s."""
        return self.rate * self.noise**2

    @property
    def coefficients(self) -> tuple[float, float, float]:
        """Coefficients a (s⁻¹), b and c of ``Ṙ = a R + b R³ − c R⁵``; c is zero with one well."""
        b, c = (2.0, 1.0) if self.wells == 2 else (-1.0, 0.0)
        square = self.size**2
        return -self.rate * self.damping, self.rate * b / square, self.rate * c / square**2

    def drift(self, R: ArrayLike) -> Any:
        """ρ(R), without what noise adds, in the unit of R per s."""
        a, b, c = self.coefficients
        R = np.asarray(R, float)
        return (R * (a + R**2 * (b - c * R**2)))[()]

    def potential(self, R: ArrayLike) -> Any:
        """U(R) = −∫ρ dR, zero at rest, in the square of the unit of R per s."""
        a, b, c = self.coefficients
        square = np.asarray(R, float) ** 2
        return (-square * (a / 2 + square * (b / 4 - c * square / 6)))[()]

    def radii(self) -> list[tuple[float, bool]]:
        """Amplitudes at which the drift vanishes, rest first, and whether each is stable."""
        h = self.damping
        found = [(0.0, h > 0)]
        if self.wells == 1:
            return found + ([(self.size * float(np.sqrt(-h)), True)] if h < 0 else [])
        if h < 1:
            half = float(np.sqrt(1 - h))
            if h > 0:
                found.append((self.size * float(np.sqrt(1 - half)), False))
            found.append((self.size * float(np.sqrt(1 + half)), True))
        return found

    def density(self, R: ArrayLike) -> Any:
        """Stationary density of R, not normalised, one at its highest: ``R e^{−U/D}``."""
        R = np.asarray(R, float)
        with np.errstate(divide="ignore"):
            log = np.log(R) - np.asarray(self.potential(R)) / self.diffusion
        return np.exp(log - log.max())[()]


@dataclass(frozen=True)
class Stretch:
    """A coordinate X in which small and large amplitudes are resolved alike.

    ``X = knee · arsinh(R / knee)``: as R below the knee, as its logarithm above. The filter runs in
    X; a noise of X is absolute for small amplitudes and proportional for large ones.

    Parameters
    ----------
    knee : float
        Where the one turns into the other, in the unit of R.
    last : float
        The largest amplitude, in the unit of R.
    cells : int, default 80
        Cells of the grid.
    """

    knee: float
    last: float
    cells: int = 80

    def forward(self, R: ArrayLike) -> Any:
        """X of R."""
        return self.knee * np.arcsinh(np.asarray(R, float) / self.knee)

    def backward(self, X: ArrayLike) -> Any:
        """R of X."""
        return self.knee * np.sinh(np.asarray(X, float) / self.knee)

    def slope(self, R: ArrayLike) -> Any:
        """dX/dR at R."""
        return 1 / np.sqrt(1 + (np.asarray(R, float) / self.knee) ** 2)

    def chain(self, amplitude: PolynomialAmplitude) -> AmplitudeChain:
        """Put the amplitude equation on a grid of X, by Itô's formula."""
        D = amplitude.diffusion

        def drift(X: Array) -> Array:
            R = self.backward(X)
            return np.asarray(self.slope(R) * amplitude.drift(R))

        def diffusion(X: Array) -> Array:
            return np.asarray(D * self.slope(self.backward(X)) ** 2)

        def noise_drift(X: Array) -> Array:
            R = self.backward(X)
            slope = self.slope(R)
            return np.asarray(D * slope / R - D * R / self.knee**2 * slope**3)

        last = float(self.forward(self.last))
        return amplitude_chain(last, drift, diffusion, noise_drift, cells=self.cells)


def simulate_polynomial(
    amplitude: PolynomialAmplitude | Sequence[PolynomialAmplitude],
    n: int,
    dt: float,
    *,
    start: float = 0.0,
    steps: int = 50,
    seed: int | None = None,
) -> Array:
    """Simulate a noisy amplitude, as the modulus of a rotating vector in the plane.

    The two coordinates get independent noise, so that no term D/R is ever computed; Heun's method.

    Parameters
    ----------
    amplitude : PolynomialAmplitude, or a sequence of n of them
        The equation; a sequence where it drifts, one for the way to each sample.
    n : int
        Number of samples.
    dt : float
        Time between them, s.
    start : float, default 0
        Amplitude at the first sample.
    steps : int, default 50
        Steps of the method between two samples.
    seed : int, optional
        Of the noise.

    Returns
    -------
    array (n,)
        Amplitudes, without observation noise.

    Examples
    --------
    >>> from nmm.inversion.polynomial_amplitudes import PolynomialAmplitude, simulate_polynomial
    >>> rest = PolynomialAmplitude(rate=2.0, size=300.0, damping=0.75, noise=20.0)
    >>> simulate_polynomial(rest, 4, 0.25, seed=1).shape
    (4,)
    """
    n, steps = whole_number("n", n), whole_number("steps", steps)
    along = [amplitude] * n if isinstance(amplitude, PolynomialAmplitude) else list(amplitude)
    if len(along) != n:
        raise ValueError(f"{len(along)} amplitude equations for {n} samples: give one, or n")
    h = number("dt", dt, positive=True) / steps
    kicks = np.random.default_rng(seed).standard_normal((n, steps, 2))
    place = np.array([float(start), 0.0])
    seen = np.empty(n)
    seen[0] = start
    for k in range(1, n):
        a, b, c = along[k].coefficients
        for kick in kicks[k] * np.sqrt(2 * along[k].diffusion * h):
            x = place @ place
            first = place * (a + x * (b - c * x))
            guess = place + first * h + kick
            y = guess @ guess
            place = place + (first + guess * (a + y * (b - c * y))) * (h / 2) + kick
        seen[k] = np.sqrt(place @ place)
    return seen
