"""Generative models of a recorded amplitude: one well or two, drifting or not, and none at all.

Each has a prior whose widths are in units of the data's own scale, the density of every sample
given those before it, and the probability that the amplitude will pass a threshold soon.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from nmm.checks import number, real_array
from nmm.inversion.amplitude_filter import FilteredAmplitude, filter_amplitude
from nmm.inversion.models import LikelihoodModel, Prior
from nmm.inversion.polynomial_amplitudes import PolynomialAmplitude, Stretch
from nmm.sigmoid import Array

DRIFTING = ("damping", "noise")
# What a change of each is called, and the standard deviation of its prior.
_CHANGES = {
    "damping": ("damping change", 2.0),
    "noise": ("log noise change", 1.0),
    "level": ("level change", 1.0),
}
_PIECE = 10.0  # s: a drifting parameter is constant for so long
_NARROW = 200  # points of the log-amplitude's grid


@dataclass(frozen=True)
class Course:
    """How far a slow influence has come: 0 before it begins, towards 1 while it lasts, and back.

    ``s = 1 − e^{−(t − begin)/τ}`` up to its end, from where it falls with the same time constant.

    Parameters
    ----------
    begin, end : float
        When the influence begins and ends, s, on the recording's clock.
    piece : float, default 10
        The course is constant on pieces of this length, s, at the value of their middle.
    """

    begin: float
    end: float
    piece: float = _PIECE

    def pieces(self, t: Array) -> tuple[Array, Any]:
        """Middles of the pieces (s), −inf before the influence, and the piece of each time."""
        index = np.maximum(np.floor((t - self.begin) / self.piece).astype(int), -1)
        of, which = np.unique(index, return_inverse=True)
        return np.where(of < 0, -np.inf, self.begin + (of + 0.5) * self.piece), which

    def value(self, t: ArrayLike, tau: float) -> Array:
        """Value of s at times `t`, for a time constant `tau` (s)."""
        t = np.asarray(t, float)
        rising = -np.expm1(-np.clip(t - self.begin, 0.0, self.end - self.begin) / tau)
        return np.asarray(rising * np.exp(-np.maximum(t - self.end, 0.0) / tau))


@dataclass(frozen=True, eq=False)
class AmplitudeModel:
    """What the two kinds of model share: times, course, prior.

    Parameters
    ----------
    t : array (n_t,)
        Times of the samples, equally spaced, s.
    prior : Prior
        Of the parameters.
    course : Course, optional
        Of what drifts.
    """

    t: Array
    prior: Prior
    course: Course | None

    @property
    def dt(self) -> float:
        """Time between samples, s."""
        return float(self.t[1] - self.t[0])

    def on(self, t: ArrayLike) -> AmplitudeModel:
        """Return the same model, with the same prior, at other times."""
        return replace(self, t=equal_times(t))

    def likelihood(self) -> LikelihoodModel:
        """Return what `invert` takes."""
        return LikelihoodModel(self.prior, self._log_likelihood)

    def scores(self, theta: ArrayLike, y: ArrayLike) -> Array:
        """Log density of each sample given those before it (n_t,), zero where missing."""
        raise NotImplementedError

    def passing(self, theta: ArrayLike, y: ArrayLike, threshold: float, horizon: float) -> Array:
        """Probability (n_t,), by the samples so far, that one within `horizon` (s) is above.

        Parameters stay as they are at that moment.
        """
        raise NotImplementedError

    def named(self, theta: ArrayLike) -> dict[str, float]:
        """Parameters by name."""
        return dict(zip(self.prior.names, np.asarray(theta, float).tolist(), strict=True))

    @cached_property
    def _pieces(self) -> tuple[Array, Any]:
        if self.course is None:
            return np.array([-np.inf]), np.zeros(self.t.size, int)
        return self.course.pieces(self.t)

    def _course(self, p: dict[str, float]) -> Array:
        """Value of s in each piece."""
        middles = self._pieces[0]
        if self.course is None:
            return np.zeros(middles.size)
        return self.course.value(middles, np.exp(p["log time constant"]))

    def _log_likelihood(self, theta: Array, y: Array) -> float:
        with np.errstate(over="ignore"):
            try:
                return float(self.scores(theta, y).sum())
            except (ValueError, FloatingPointError):  # beyond what numbers can hold
                return -np.inf


@dataclass(frozen=True, eq=False)
class PolynomialModel(AmplitudeModel):
    """A recording of a polynomial amplitude equation, with noise of its own and of the recorder.

    Parameters
    ----------
    t, prior, course
        See `AmplitudeModel`.
    wells : {1, 2}
        Of the potential.
    drifting : tuple of str
        What follows the course: "damping", "noise", both or nothing.
    stretch : Stretch
        The filter's grid.
    """

    wells: int
    drifting: tuple[str, ...]
    stretch: Stretch

    def amplitude(self, theta: ArrayLike, s: float = 0.0) -> PolynomialAmplitude:
        """Return the amplitude equation where the course has come to `s`."""
        p = self.named(theta)
        damping = p["damping"] if "damping" in p else float(ndtr(p["probit damping"]))
        return PolynomialAmplitude(
            rate=float(np.exp(p["log rate"])),
            size=float(np.exp(p["log size"])),
            damping=damping + s * p.get("damping change", 0.0),
            noise=float(np.exp(p["log noise"] + s * p.get("log noise change", 0.0))),
            wells=self.wells,
        )

    def along(self, theta: ArrayLike) -> list[PolynomialAmplitude]:
        """Return the amplitude equation of each piece of the course."""
        return [self.amplitude(theta, s) for s in self._course(self.named(theta)).tolist()]

    def filtered(self, theta: ArrayLike, y: ArrayLike) -> FilteredAmplitude:
        """Filter the samples, in the coordinate of the stretch."""
        chains = [self.stretch.chain(a) for a in self.along(theta)]
        sd = float(np.exp(self.named(theta)["log sd"]))
        X, which = self.stretch.forward(_samples(y, self.t)), self._pieces[1]
        return filter_amplitude(X, self.dt, chains, sd, which=which, observation="gauss")

    def scores(self, theta: ArrayLike, y: ArrayLike) -> Array:
        """See `AmplitudeModel`."""
        found = self.filtered(theta, y).score + np.log(self.stretch.slope(y))
        return np.where(np.isnan(y), 0.0, found)

    def passing(self, theta: ArrayLike, y: ArrayLike, threshold: float, horizon: float) -> Array:
        """See `AmplitudeModel`."""
        found, which = self.filtered(theta, y), self._pieces[1]
        below = self.stretch.forward(threshold) > found.R
        stays = []
        for amplitude in self.along(theta):
            step = self.stretch.chain(amplitude).transition(self.dt)
            stays.append(_stays(step, below, round(horizon / self.dt)))
        now = found.filtered * below
        now = now / np.maximum(now.sum(axis=1), 1e-300)[:, None]
        return np.asarray(1 - np.einsum("ki,ki->k", now, np.array(stays)[which]))


@dataclass(frozen=True, eq=False)
class LogAmplitudeModel(AmplitudeModel):
    """No wells at all: the logarithm of the amplitude, Gaussian with an exponential memory.

    Its level follows the course, if there is one. A competitor that is hard to beat.
    """

    def level(self, theta: ArrayLike) -> Array:
        """Mean of the log amplitude in each piece of the course."""
        p = self.named(theta)
        return np.asarray(p["level"] + self._course(p) * p.get("level change", 0.0))

    def scores(self, theta: ArrayLike, y: ArrayLike) -> Array:
        """See `AmplitudeModel`."""
        y = _samples(y, self.t)
        p, seen = self.named(theta), np.flatnonzero(np.isfinite(y))
        spread = np.exp(p["log spread"])
        log_y = np.log(np.maximum(y[seen], np.finfo(float).tiny))
        z = (log_y - self.level(theta)[self._pieces[1][seen]]) / spread
        kept = np.exp(-np.diff(seen) * self.dt / np.exp(p["log memory"]))
        mean, var = np.append(0.0, kept * z[:-1]), np.append(1.0, 1 - kept**2)
        score = np.zeros(y.size)
        log = -((z - mean) ** 2) / (2 * var) - np.log(2 * np.pi * var) / 2
        score[seen] = log - np.log(spread) - log_y
        return score

    def passing(self, theta: ArrayLike, y: ArrayLike, threshold: float, horizon: float) -> Array:
        """See `AmplitudeModel`."""
        y, p, which = _samples(y, self.t), self.named(theta), self._pieces[1]
        z = np.linspace(-6, 6, _NARROW)
        kept = np.exp(-self.dt / np.exp(p["log memory"]))
        step = np.exp(-((z - kept * z[:, None]) ** 2) / (2 * (1 - kept**2)))
        step /= step.sum(axis=1, keepdims=True)
        spread, level = np.exp(p["log spread"]), self.level(theta)
        stays = [
            _stays(step, z < (np.log(threshold) - m) / spread, round(horizon / self.dt))
            for m in level
        ]
        last = np.maximum.accumulate(np.where(np.isfinite(y), np.arange(y.size), 0))
        at = (np.log(y[last]) - level[which]) / spread
        return 1 - np.array([np.interp(a, z, stays[w]) for a, w in zip(at, which, strict=True)])


def polynomial_model(
    y: ArrayLike,
    t: ArrayLike,
    *,
    wells: int = 2,
    drifting: tuple[str, ...] = (),
    course: Course | None = None,
) -> PolynomialModel:
    """Model a recorded amplitude by a polynomial amplitude equation.

    Parameters
    ----------
    y : array (n_t,)
        Amplitudes to train on, in any unit, nan where missing. They give the priors their scale.
    t : array (n_t,)
        Their times, equally spaced, s.
    wells : {1, 2}, default 2
        Of the potential.
    drifting : tuple of str, default ()
        "damping", "noise", or both.
    course : Course, optional
        What they follow; needed if anything drifts.

    Returns
    -------
    PolynomialModel
        Parameters, all Gaussian: "log size", prior at the 99th percentile of the data; "log rate",
        at one per sample; "log noise", at their median; "log sd", at a tenth of it; "damping", at
        1 ± 2, or its normal quantile "probit damping" for two wells whose damping does not drift;
        "damping change", at 0 ± 2, "log noise change", at 0 ± 1, "log time constant", at a third.

    Raises
    ------
    ValueError
        If there are too few samples or they do not vary, if times are not equally spaced, or if
        something drifts without a course.

    Notes
    -----
    Evidence tells the number of wells only of a recording that visits rest. Of one that never rests
    it tells the shape of one well, and prefers the quintic's where it should not: the simulated
    ones in `nmm.datasets.recording_fits` show how often.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm.inversion.recording_models import polynomial_model
    >>> y = np.random.default_rng(1).rayleigh(10.0, 200)
    >>> polynomial_model(y, 0.25 * np.arange(200), wells=1).prior.names
    ('log rate', 'log size', 'log noise', 'log sd', 'damping')
    """
    t, y = equal_times(t), _training(y, t)
    unknown = [name for name in drifting if name not in DRIFTING]
    if unknown or (drifting and course is None):
        raise ValueError(
            f"drifting = {drifting}: choose among {DRIFTING}, and give the course they follow"
        )
    middle, high = np.nanpercentile(y, [50, 99])
    rows = {
        "log rate": (-np.log(t[1] - t[0]), 1.0),
        "log size": (np.log(high), 0.7),
        "log noise": (np.log(middle), 1.0),
        "log sd": (np.log(0.1 * middle), 0.7),
    }
    if _both(wells, drifting):
        rows["probit damping"] = (0.0, 1.0)
    else:
        rows["damping"] = (1.0, 2.0)
    rows |= _drift_rows(drifting, course)
    stretch = Stretch(knee=float(middle), last=3 * float(np.nanmax(y)))
    return PolynomialModel(
        t, Prior.of(rows), course if drifting else None, wells, tuple(drifting), stretch
    )


def log_amplitude_model(
    y: ArrayLike, t: ArrayLike, *, course: Course | None = None
) -> LogAmplitudeModel:
    """Model a recorded amplitude without wells: a Gaussian log amplitude with a memory.

    Parameters
    ----------
    y, t
        As for `polynomial_model`.
    course : Course, optional
        What its level follows.

    Returns
    -------
    LogAmplitudeModel
        Parameters: "level", "log spread", "log memory" (s); with a course "level change" and
        "log time constant".

    Raises
    ------
    ValueError
        As `polynomial_model`.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm.inversion.recording_models import log_amplitude_model
    >>> y = np.random.default_rng(1).rayleigh(10.0, 200)
    >>> log_amplitude_model(y, 0.25 * np.arange(200)).prior.names
    ('level', 'log spread', 'log memory')
    """
    t, y = equal_times(t), _training(y, t)
    log_y = np.log(np.maximum(y[np.isfinite(y)], np.finfo(float).tiny))
    rows = {
        "level": (float(np.median(log_y)), 1.0),
        "log spread": (float(np.log(log_y.std())), 0.7),
        "log memory": (float(np.log(t[1] - t[0])), 1.0),
    }
    rows |= _drift_rows(("level",) if course else (), course)
    return LogAmplitudeModel(t, Prior.of(rows), course)


def _both(wells: int, drifting: tuple[str, ...]) -> bool:
    """Whether rest and rhythm coexist throughout, by the model's own statement."""
    return wells == 2 and "damping" not in drifting


def _drift_rows(drifting: tuple[str, ...], course: Course | None) -> dict[str, tuple[float, float]]:
    rows = {_CHANGES[name][0]: (0.0, _CHANGES[name][1]) for name in drifting}
    if course is not None and rows:
        rows["log time constant"] = (float(np.log((course.end - course.begin) / 3)), 0.7)
    return rows


def _stays(step: Array, below: Array, n: int) -> Array:
    """Probability, from each cell, of being below at each of the next n samples."""
    stay = np.ones(below.size)
    for _ in range(n):
        stay = step @ (below * stay)
    return stay


def equal_times(t: ArrayLike) -> Array:
    """Times of a recording, in equal steps, or raise ValueError."""
    t = real_array("t", t)
    if t.ndim != 1 or t.size < 2 or not np.isfinite(t).all():
        raise ValueError(f"t has shape {t.shape}; it needs at least two finite times in a row")
    steps = np.diff(t)
    if steps[0] <= 0 or np.abs(steps - steps[0]).max() > 1e-3 * steps[0]:
        raise ValueError("t must ascend in equal steps: mark samples that are missing with nan")
    return t


def _samples(y: ArrayLike, t: Array) -> Array:
    y = real_array("y", y)
    if y.shape != t.shape:
        raise ValueError(f"y has shape {y.shape} and t {t.shape}: one amplitude per time")
    if np.isinf(y).any() or (y[np.isfinite(y)] < 0).any():
        raise ValueError("an amplitude is infinite or negative: mark what is no sample with nan")
    return y


def _training(y: ArrayLike, t: Array, least: int = 40) -> Array:
    y = _samples(y, t)
    seen = y[np.isfinite(y)]
    if seen.size < least:
        raise ValueError(f"{seen.size} samples to train on; at least {least} are needed")
    number("the median amplitude", np.median(seen), positive=True)
    if np.ptp(seen) < 1e-6 * np.median(seen):
        raise ValueError("the amplitude does not vary: a flat channel says nothing of a model")
    return y
