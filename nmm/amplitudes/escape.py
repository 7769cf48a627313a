"""How long a noisy oscillation stays where it is: first-passage times of the amplitude.

One-dimensional diffusion between a wall at each end (Gardiner 2009, sections 5.2 and 5.5), with the
drift and the noise of `nmm.amplitudes.noise`: every number follows from the model, none is fitted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import cumulative_simpson
from scipy.linalg import eigh_tridiagonal

from nmm.amplitudes.manifold import Surface
from nmm.amplitudes.noise import NoiseTerms, noise_terms
from nmm.checks import number
from nmm.sigmoid import Array, plain

_POINTS = 2001  # along R, for the integrals
_CELLS = 600  # along R, for the distribution of exit times
_NOISE = ("full", "constant")


@dataclass(frozen=True, eq=False)
class Diffusion:
    """The noisy amplitude at one noise intensity, on a fine grid of R from zero to the last R.

    Parameters
    ----------
    R : array (n,)
        mV.
    D : array (n,)
        D(R), mV²/s.
    log_weight : array (n,)
        Φ = ∫ [ρ/D + (R g/D − 1)/R] dR: the stationary density is R e^Φ / D, up to a factor.
    """

    R: Array
    D: Array
    log_weight: Array

    @cached_property
    def weight(self) -> Array:
        """Stationary density, not normalised: its largest exponential is one."""
        return np.asarray(self.R * np.exp(self.log_weight - self.log_weight.max()) / self.D)

    def density(self) -> Array:
        """Stationary density per mV, integral one over the grid."""
        return np.asarray(self.weight / _integral(self.weight, self.R)[-1])

    def passage_time(self, start: float, to: float) -> float:
        """Mean first-passage time, s, with no way out at either end of the grid."""
        if start < to:
            inside = _integral(self.weight, self.R)
        else:  # from the other end: as a difference, what is above would drown in what is below
            inside = _integral(self.weight[::-1], -self.R[::-1])[::-1]
        shift = self.log_weight.max()
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            rate = np.exp(shift - self.log_weight) * inside / self.R
        rate[0] = 0.0 if start < to else np.inf
        low, high = sorted((start, to))
        points = np.linspace(low, high, _POINTS)
        return float(_integral(np.interp(points, self.R, rate), points)[-1])

    def survival(self, start: float, to: float, t: Array) -> Array:
        """Probability that `to` has not been passed at the times `t` (k,), s."""
        low, high = (0.0, to) if start < to else (to, float(self.R[-1]))
        edges = np.linspace(low, high, _CELLS + 1)
        middle, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
        weight = np.interp(middle, self.R, self.weight)
        # Flow between neighbours with detailed balance: D times the density at their border.
        flow = np.interp(edges, self.R, self.D * self.weight) / width**2
        flow[0 if start < to else -1] = 0.0
        flow[-1 if start < to else 0] *= 2  # the absorbing border is half a cell away
        out = (flow[1:] + flow[:-1]) / weight
        values, vectors = eigh_tridiagonal(out, -flow[1:-1] / np.sqrt(weight[1:] * weight[:-1]))
        place = int(np.clip((start - low) / width, 0, _CELLS - 1))
        parts = vectors[place] / np.sqrt(weight[place]) * (np.sqrt(weight) @ vectors)
        return np.asarray(np.exp(-np.multiply.outer(t, values)) @ parts)


def diffusion_of(terms: NoiseTerms, last: float, sigma: float, noise: str) -> Diffusion:
    """The noisy amplitude up to R = `last` at one noise intensity; `noise` "full" or "constant"."""
    R = np.linspace(0.0, last, _POINTS)
    D, circling = terms.at(R, noise)
    rho = terms.surface.rates(R)[0] * R
    bend = np.zeros_like(R)
    bend[1:] = (circling[1:] / D[1:] - 1) / R[1:]  # zero at rest, where R g = D
    log_weight = _integral(rho / (sigma**2 * D) + bend, R)
    return Diffusion(R, sigma**2 * D, log_weight)


def _integral(values: Array, R: Array) -> Array:
    return np.asarray(cumulative_simpson(values, x=R, initial=0.0))


class NoisyAmplitude:
    """What an `AmplitudeEquation` says of noise on the input u; the mixin keeps it in one place."""

    surface: Surface

    @property
    def _R_max(self) -> float:
        raise NotImplementedError

    def _inside(self, values: ArrayLike, largest: float) -> Array:
        raise NotImplementedError

    def _modal_zeros(self) -> Array:
        raise NotImplementedError

    @cached_property
    def _noise(self) -> NoiseTerms:
        return noise_terms(self.surface)

    def diffusion(self, R: ArrayLike, sigma: float) -> Array | float:
        """D(R) at `R` (mV) for noise of intensity `sigma` (mV s^(−1/2)), mV²/s."""
        D, _ = self._noise.at(self._inside(R, self._R_max), "full")
        return plain(D * _intensity(sigma) ** 2)

    def noise_drift(self, R: ArrayLike, sigma: float) -> Array | float:
        """g(R) at `R` (mV) for noise of intensity `sigma` (mV s^(−1/2)), mV/s; infinite at rest."""
        R = self._inside(R, self._R_max)
        _, circling = self._noise.at(R, "full")
        with np.errstate(divide="ignore"):
            return plain(circling * _intensity(sigma) ** 2 / R)

    def density(self, R: ArrayLike, sigma: float) -> Array | float:
        """Stationary density of the amplitude at `R` (mV), per mV; integral one up to r_max."""
        R, d = self._inside(R, self._R_max), self._diffusion(sigma, "full")
        return plain(np.interp(R, d.R, d.density()))

    def exit_time(
        self,
        sigma: float,
        *,
        start: str | float = "rest",
        to: float | None = None,
        noise: str = "full",
    ) -> float:
        """Mean time until the noisy amplitude first passes a threshold.

        Parameters
        ----------
        sigma : float
            Noise intensity on the input u, mV s^(−1/2); positive.
        start : {"rest", "cycle"} or float, default "rest"
            The fixed point, the outermost stable cycle, or an R, mV.
        to : float, optional
            Threshold R, mV. By default, from below the barrier the midpoint between barrier and
            cycle, and from above it half the barrier's R.
        noise : {"full", "constant"}, default "full"
            With D(R) and g(R), or with D(0) and D(0)/R, as near rest.

        Returns
        -------
        float
            s; beyond the largest R described there is a wall.

        Raises
        ------
        ValueError
            If there is no barrier and no threshold is given, or a number is out of range.
        """
        R, limit = self.start_and_threshold(start, to)
        return self._diffusion(sigma, noise).passage_time(R, limit)

    def survival(
        self,
        t: ArrayLike,
        sigma: float,
        *,
        start: str | float = "rest",
        to: float | None = None,
        noise: str = "full",
    ) -> Array:
        """Probability of no exit up to the times `t` (k,), s; the rest as in `exit_time`."""
        R, limit = self.start_and_threshold(start, to)
        times = np.atleast_1d(np.asarray(t, float))
        return self._diffusion(sigma, noise).survival(R, limit, times)

    def kramers_time(self, sigma: float) -> float:
        """Weak-noise limit of the exit time from rest, s: radial well, noise as near rest.

        ``√(2πD/|U''(R_u)|) exp(ΔU/D) / (|Re λ| R_u)``, R_u the barrier, D = D(0) (eq-kramers).
        """
        barrier = self._barrier_and_cycle()[0]
        D = self._noise.at_rest * _intensity(sigma) ** 2
        R = np.linspace(0.0, barrier, _POINTS)
        height = -float(_integral(self.surface.rates(R)[0] * R, R)[-1])
        curvature = float(self.surface.slope(np.array(barrier)))
        decay = -float(self.surface.rates(np.array(0.0))[0])
        return float(np.sqrt(2 * np.pi * D / curvature) * np.exp(height / D) / (decay * barrier))

    def start_and_threshold(self, start: str | float, to: float | None) -> tuple[float, float]:
        """Resolve `start` and `to` of `exit_time` into two R, mV."""
        if isinstance(start, str) and start not in ("rest", "cycle"):
            raise ValueError(f"start = {start!r}; it must be 'rest', 'cycle' or an R in mV")
        R = {"rest": 0.0}.get(start) if isinstance(start, str) else number("start", start)
        if R is None:
            R = self._barrier_and_cycle()[1]
        if to is None:
            barrier, cycle = self._barrier_and_cycle()
            to = (barrier + cycle) / 2 if barrier > R else barrier / 2
        to = number("to", to, positive=True)
        if not (0 <= R <= self._R_max and to <= self._R_max and to != R):
            raise ValueError(
                f"start R = {R:.4g} mV and threshold R = {to:.4g} mV must differ, and lie within "
                f"[0, {self._R_max:.4g}] mV, where the amplitude equation holds"
            )
        return R, to

    def _barrier_and_cycle(self) -> tuple[float, float]:
        zeros = self._modal_zeros()
        if zeros.size < 2 or self.surface.slope(zeros[-1:])[0] > 0:
            raise ValueError(
                "this column has no barrier with a stable cycle beyond it: say where to start and "
                "where to stop, as R in mV"
            )
        return float(zeros[-2]), float(zeros[-1])

    def _diffusion(self, sigma: float, noise: str) -> Diffusion:
        if noise not in _NOISE:
            raise ValueError(f"noise = {noise!r}; it must be one of {_NOISE}")
        return diffusion_of(self._noise, self._R_max, _intensity(sigma), noise)


def _intensity(sigma: float) -> float:
    return number("sigma", sigma, positive=True)
