"""How good predictions are: log density of what came, and probabilities of what comes soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from nmm.checks import number, real_array, whole_number
from nmm.inversion.recording_models import (
    AmplitudeModel,
    Course,
    log_amplitude_model,
    polynomial_model,
)
from nmm.sigmoid import Array


@dataclass(frozen=True)
class Mean:
    """A mean over time, and how well it is known.

    Parameters
    ----------
    value : float
        The mean.
    interval : (float, float)
        95 % of bootstrap means, whole blocks drawn with replacement.
    """

    value: float
    interval: tuple[float, float]


def candidates(y: ArrayLike, t: ArrayLike, course: Course) -> dict[str, AmplitudeModel]:
    """Models to compare on one recording: no well, one, two; still, or drifting with a course.

    Parameters
    ----------
    y, t : array (n_t,)
        Amplitudes to train on and their times, as for `polynomial_model`.
    course : Course
        What the drifting ones follow.

    Returns
    -------
    dict of str to AmplitudeModel
    """
    found: dict[str, AmplitudeModel] = {
        "no well": log_amplitude_model(y, t),
        "no well, level drifts": log_amplitude_model(y, t, course=course),
    }
    for wells, name in ((1, "one well"), (2, "two wells")):
        found[name] = polynomial_model(y, t, wells=wells)
        for what in ("damping", "noise"):
            found[f"{name}, {what} drifts"] = polynomial_model(
                y, t, wells=wells, drifting=(what,), course=course
            )
    return found


def predictive_scores(model: AmplitudeModel, thetas: ArrayLike, y: ArrayLike) -> Array:
    """Log density of each sample (n_t,) given those before it, averaged over a posterior.

    Parameters
    ----------
    model : AmplitudeModel
        On the times of `y`.
    thetas : array (n, k)
        Equally weighted draws of its parameters; they are not updated on the way.
    y : array (n_t,)
        Amplitudes.

    Returns
    -------
    array (n_t,)
        Per unit of y; zero where missing.
    """
    each = np.array([model.scores(theta, y) for theta in np.atleast_2d(thetas)])
    return np.asarray(logsumexp(each, axis=0) - np.log(len(each)))


def passing_forecast(
    model: AmplitudeModel, thetas: ArrayLike, y: ArrayLike, threshold: float, horizon: float
) -> Array:
    """Probability (n_t,) that `threshold` is passed within `horizon` (s), over a posterior.

    Parameters
    ----------
    model, thetas, y
        See `predictive_scores`.
    threshold : float
        In the unit of y.
    horizon : float
        s.

    Returns
    -------
    array (n_t,)
        Each from the samples up to it alone.
    """
    number("threshold", threshold, positive=True)
    number("horizon", horizon, positive=True)
    each = [model.passing(theta, y, threshold, horizon) for theta in np.atleast_2d(thetas)]
    return np.asarray(np.mean(each, axis=0))


def passings(y: ArrayLike, threshold: float, n: int) -> tuple[Any, Any]:
    """Whether one of the next `n` samples reaches the threshold, and where that is a question.

    Parameters
    ----------
    y : array (n_t,)
        Amplitudes, nan where missing.
    threshold : float
        In the unit of y.
    n : int
        Samples.

    Returns
    -------
    comes : array (n_t,) of bool
        Whether one of the next n samples reaches it.
    open : array (n_t,) of bool
        False where the amplitude was above within the last n samples, is missing, or the recording
        ends before the answer.

    Examples
    --------
    >>> from nmm.inversion.forecasts import passings
    >>> comes, asked = passings([1, 1, 1, 9, 1, 1], 5.0, 2)
    >>> comes.astype(int).tolist(), asked.astype(int).tolist()
    ([0, 1, 1, 0, 0, 0], [1, 1, 1, 0, 0, 0])
    """
    y, n = real_array("y", y), whole_number("n", n)
    above: Any = np.append(np.nan_to_num(y, nan=-np.inf) >= threshold, np.zeros(n, bool))
    windows = np.lib.stride_tricks.sliding_window_view
    comes = np.asarray(windows(above, n).any(axis=1))[1:]
    before = np.append(np.zeros(n - 1, bool), above[: y.size])
    was = windows(before, n).any(axis=1)
    asked: Any = ~was & np.isfinite(y)
    asked[max(0, y.size - n) :] = False
    return comes, asked


def log_score(probability: ArrayLike, comes: ArrayLike) -> Array:
    """Log of the probability given to what came; the higher the better."""
    p = np.clip(real_array("probability", probability), 1e-12, 1 - 1e-12)
    return np.where(np.asarray(comes, bool), np.log(p), np.log1p(-p))


def brier_score(probability: ArrayLike, comes: ArrayLike) -> Array:
    """Square of the probability's distance from what came; the lower the better."""
    return np.asarray((real_array("probability", probability) - np.asarray(comes, bool)) ** 2)


def block_mean(values: ArrayLike, block: int, *, draws: int = 4000, seed: int = 0) -> Mean:
    """Mean of a series, with an interval from a bootstrap of its blocks.

    Parameters
    ----------
    values : array (n,)
        In the order of time.
    block : int
        Values in a block, longer than their memory; a last one that is not whole joins the one
        before.
    draws : int, default 4000
        Bootstrap samples.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    Mean

    Raises
    ------
    ValueError
        If there are fewer than five blocks.

    Notes
    -----
    Blocks must be alike for the interval to mean what it says. With a single seizure in a test they
    are not: the interval then shows how much hangs on that block, no more.

    Examples
    --------
    >>> from nmm.inversion.forecasts import block_mean
    >>> block_mean([0.0, 1.0] * 50, 10).interval
    (0.5, 0.5)
    """
    values = real_array("values", values)
    count = values.size // whole_number("block", block)
    if count < 5:
        raise ValueError(f"{values.size} values make {count} blocks of {block}; 5 are needed")
    parts: Sequence[Array] = np.split(values, block * np.arange(1, count))
    sums, sizes = np.array([p.sum() for p in parts]), np.array([p.size for p in parts])
    drawn = np.random.default_rng(seed).integers(count, size=(whole_number("draws", draws), count))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return Mean(float(values.mean()), (float(low), float(high)))
