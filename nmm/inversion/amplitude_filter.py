"""Likelihood of a sampled amplitude: the forward algorithm over a grid of amplitudes.

Between samples the amplitude moves as its chain says; at a sample the probabilities are weighted
with the density of what was observed. Nothing is approximated but the grid, so that the likelihood
holds across both wells and the barrier between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import i0e, ndtr
from scipy.stats import ncx2

from nmm.checks import real_array
from nmm.inversion.amplitude_chain import AmplitudeChain
from nmm.sigmoid import Array

_OBSERVED = ("rice", "gauss")
_RESOLUTION = 0.7  # of a cell; what a sum over cells misses is 2 exp(−2π² 0.7²) = 1e-4
_LEAST = 1e-290  # a sum of probabilities below this is lost to underflow


@dataclass(frozen=True, eq=False)
class FilteredAmplitude:
    """What a recording of the amplitude says at each sample, by the samples up to it.

    Parameters
    ----------
    R : array (n,)
        Middles of the grid's cells.
    y : array (n_t,)
        The samples; nan where missing.
    sd : array (n,)
        Standard deviation of the observation noise in each cell, the grid's resolution included.
    observation : str
        "rice" or "gauss".
    seen : array (n,)
        What a sample without noise would be in each cell.
    predicted, filtered : array (n_t, n)
        Probability of each cell before and after the sample itself.
    score : array (n_t,)
        Log density of each sample given those before it, per unit of R; zero where missing.
    """

    R: Array
    y: Array
    sd: Array
    observation: str
    seen: Array
    predicted: Array
    filtered: Array
    score: Array
    _transitions: tuple[Array, ...]
    _which: Array

    @property
    def log_likelihood(self) -> float:
        """Sum of the scores; −inf if the recording is impossible."""
        return float(self.score.sum())

    @property
    def mean(self) -> Array:
        """Mean of the amplitude given the samples so far (n_t,)."""
        return np.asarray(self.filtered @ self.R)

    def pit(self) -> Array:
        """Probability, given the samples before, of a sample up to the one found: (n_t,).

        Uniform if the model is right; nan where the sample is missing.
        """
        return np.array(
            [
                p @ _cumulative(y, self.seen, self.sd, self.observation) if y == y else np.nan
                for p, y in zip(self.predicted, self.y, strict=True)
            ]
        )

    def smoothed(self) -> Array:
        """Probability of each cell (n_t, n) given the whole recording."""
        after = np.ones_like(self.R)
        result = np.empty_like(self.filtered)
        for k in range(len(self.y) - 1, -1, -1):
            both = self.filtered[k] * after
            result[k] = both / both.sum()
            if k:
                now = (
                    after * _density(self.y[k : k + 1], self.seen, self.sd, self.observation)[0][0]
                )
                after = self._transitions[self._which[k]] @ now
                after /= after.max()
        return result


def filter_amplitude(
    y: ArrayLike,
    dt: float,
    chain: AmplitudeChain | Sequence[AmplitudeChain],
    sd: ArrayLike,
    *,
    which: ArrayLike | None = None,
    observation: str = "rice",
    seen: ArrayLike | None = None,
    start: ArrayLike | None = None,
) -> FilteredAmplitude:
    """Filter a sampled amplitude, and find its likelihood, under the diffusion of `chain`.

    Parameters
    ----------
    y : array (n_t,)
        Samples of the amplitude, in the unit of R; nan where missing.
    dt : float
        Time between samples, s.
    chain : AmplitudeChain, or a sequence of them on one grid
        The amplitude's motion; several where a parameter drifts.
    sd : float, or array (n,)
        Standard deviation of the observation noise, in the unit of R, in each cell or in all; with
        "rice" that of each quadrature.
    which : array (n_t,) of int, optional
        Which chain leads to each sample; by default the first.
    observation : {"rice", "gauss"}, default "rice"
        Noise on both quadratures of the oscillation, or on the amplitude itself.
    seen : array (n,), optional
        What a sample without noise is in each cell; by default R, its middle. `y` and `sd` are in
        its unit.
    start : array (n,), optional
        Probabilities of the cells at the first sample; by default the chain's stationary ones.

    Returns
    -------
    FilteredAmplitude

    Raises
    ------
    ValueError
        If the samples are infinite or negative (with "rice"), all are missing, the grids differ,
        or a number is out of range.

    Notes
    -----
    Seven tenths of a cell's width are added to `sd`, in squares: finer than that the grid cannot
    see, and a sum over cells would depend on where between two of them a sample lies.

    Examples
    --------
    >>> from nmm.inversion.amplitude_chain import amplitude_chain
    >>> from nmm.inversion.amplitude_filter import filter_amplitude
    >>> chain = amplitude_chain(1.0, lambda R: -2 * R, lambda R: 0.01 + 0 * R)
    >>> found = filter_amplitude([0.1, float("nan"), 0.12], 0.1, chain, 0.02)
    >>> found.filtered.shape, bool(found.log_likelihood > 0)
    ((3, 160), True)
    """
    chains = (chain,) if isinstance(chain, AmplitudeChain) else tuple(chain)
    y = _samples(y, observation)
    steps, start = _steps(which, y.size, chains), _beginning(start, chains)
    R = chains[0].R
    seen = R if seen is None else _shown(seen, R)
    spread = np.hypot(_noise(sd, R), _RESOLUTION * np.gradient(seen))
    transitions = tuple(c.transition(dt) for c in chains)
    density, scale = _density(y, seen, spread, observation)
    predicted, filtered = np.empty((2, y.size, R.size))
    total = np.empty(y.size)
    now = start
    for k in range(y.size):
        predicted[k] = now @ transitions[steps[k]] if k else now
        both = predicted[k] * density[k]
        total[k] = both.sum()
        now = both / total[k] if total[k] > _LEAST else predicted[k]
        filtered[k] = now
    with np.errstate(divide="ignore"):
        score = np.log(np.where(total > _LEAST, total, 0.0)) + scale
    score[np.isnan(y)] = 0.0  # nothing was seen
    return FilteredAmplitude(
        R, y, spread, observation, seen, predicted, filtered, score, transitions, steps
    )


def _density(y: Array, R: Array, sd: Array, observation: str) -> tuple[Array, Array]:
    """Density of each sample in each cell over its largest one, (n_t, n), and log of the latter."""
    log = -((y[:, None] - R) ** 2) / (2 * sd**2)
    if observation == "rice":
        with np.errstate(divide="ignore"):
            log += np.log(y[:, None] / sd**2 * i0e(y[:, None] * R / sd**2))
    else:
        log -= np.log(np.sqrt(2 * np.pi) * sd)
    missing = np.isnan(y)
    log[missing] = 0.0
    scale = log.max(axis=1)
    scale[~np.isfinite(scale)] = 0.0
    return np.exp(log - scale[:, None]), scale


def _noise(sd: ArrayLike, R: Array) -> Array:
    sd = real_array("sd", sd)
    if sd.shape not in ((), R.shape) or not (np.isfinite(sd) & (sd >= 0)).all() or not sd.any():
        raise ValueError(f"sd = {sd}: one number above zero, or one of them for each cell")
    return sd


def _cumulative(y: float, R: Array, sd: Array, observation: str) -> Array:
    """Probability of a sample up to `y` in each cell (n,)."""
    if observation == "rice":
        return np.asarray(ncx2.cdf((y / sd) ** 2, 2, (R / sd) ** 2))
    return np.asarray(ndtr((y - R) / sd))


def _samples(y: ArrayLike, observation: str) -> Array:
    if observation not in _OBSERVED:
        raise ValueError(f"observation = {observation!r}; it must be one of {_OBSERVED}")
    y = real_array("the samples", y)
    if y.ndim != 1 or not np.isfinite(y).any():
        raise ValueError(
            f"samples of shape {y.shape}, {int(np.isfinite(y).sum())} of them finite: one row of "
            "amplitudes is needed, with nan where a sample is missing, and not all of them"
        )
    if np.isinf(y).any() or (observation == "rice" and (y < 0).any()):
        raise ValueError("an amplitude is infinite or negative: mark what is not a sample with nan")
    return y


def _steps(which: ArrayLike | None, n_t: int, chains: tuple[AmplitudeChain, ...]) -> Array:
    """Index of the chain that leads to each sample (n_t,)."""
    first = chains[0].edges
    if any(c.edges.shape != first.shape or c.edges[-1] != first[-1] for c in chains):
        raise ValueError("the chains have different grids: give all the same `last` and `cells`")
    steps = np.zeros(n_t, int) if which is None else np.asarray(which)
    if steps.shape != (n_t,) or steps.dtype.kind not in "iu":
        raise ValueError(f"which has shape {steps.shape}; it needs one whole number per sample")
    if steps.min() < 0 or steps.max() >= len(chains):
        raise ValueError(f"which runs from {steps.min()} to {steps.max()}; {len(chains)} chains")
    return steps


def _shown(seen: ArrayLike, R: Array) -> Array:
    seen = real_array("seen", seen)
    if seen.shape != R.shape or not np.isfinite(seen).all():
        raise ValueError(f"seen has shape {seen.shape}; it needs one finite number per cell")
    return seen


def _beginning(start: ArrayLike | None, chains: tuple[AmplitudeChain, ...]) -> Array:
    if start is None:
        return chains[0].stationary
    start = real_array("start", start)
    if start.shape != chains[0].R.shape or (start < 0).any() or not start.sum() > 0:
        raise ValueError(f"start has shape {start.shape}; it needs one probability per cell")
    return np.asarray(start / start.sum())
