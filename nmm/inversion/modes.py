"""The highest point of a log-posterior, and its curvature there, from values alone.

Damped Newton ascent in standardised parameters z (prior N(0, I)). Differences are taken along the
axes, and in the units, of the curvature found last: where the data say much the steps are small,
where they say nothing they are the prior's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import inf, isfinite

import numpy as np

from nmm.sigmoid import Array

_STEP = 0.02  # of a standard deviation: error of the curvature 1e-4, its rounding 1e-11 per unit
_SHRINK = 6  # times a step is divided by four where the function is not finite
_FAR = 3.0  # standard deviations of the prior: the longest step
_HALVINGS = 30
_ENOUGH = 1e-6  # promised by a Newton step: 1e-3 standard deviations of the posterior
_TRUE = 0.1  # largest error of the frame's units, for the curvature to be trusted


@dataclass(frozen=True, eq=False)
class Mode:
    """Where the ascent of f(z) − |z|²/2 ended.

    Parameters
    ----------
    z : array (k,)
        Standardised parameters.
    cov : array (k, k)
        Inverse of the negative curvature.
    value : float
        f(z) − |z|²/2.
    converged : bool
        Whether z is a maximum to 1e-3 of its standard deviations.
    outcome : str
        In words.
    """

    z: Array
    cov: Array
    value: float
    converged: bool
    outcome: str


def find_mode(f: Callable[[Array], float], z: Array, max_iterations: int) -> Mode:
    """Ascend f(z) − |z|²/2, f finite at the starting z, −inf where impossible."""

    def value(z: Array) -> float:
        return f(z) - float(z @ z) / 2

    frame, here = np.eye(z.size), value(z)
    outcome = f"no convergence in {max_iterations} steps; give more, or another start"
    for _ in range(max_iterations):
        found = _derivatives(value, z, here, frame)
        if found is None:
            outcome = "the ascent ended at the edge of the possible, where no Gaussian fits"
            break
        gradient, curvature = found
        values, vectors = np.linalg.eigh(-curvature)
        scale = np.maximum(np.abs(values), 1e-3)
        step = vectors @ (gradient @ vectors / scale)
        settled = gradient @ step < 2 * _ENOUGH
        previous, frame = frame, frame @ vectors / np.sqrt(scale)
        if settled and np.abs(values - 1).max() < _TRUE:
            frame = previous @ vectors / np.sqrt(values)
            return Mode(z, frame @ frame.T, here, True, "converged")
        z, here, moved = _climb(value, z, here, previous @ step)
        if not (moved or settled):
            outcome = "no higher value along the step: the log-likelihood is rough, or has an edge"
            break
    return Mode(z, frame @ frame.T, here, False, outcome)


def _climb(
    value: Callable[[Array], float], z: Array, here: float, step: Array
) -> tuple[Array, float, bool]:
    """Go along the step, or half of it, or a quarter..., as soon as that is higher."""
    step = step * min(1.0, _FAR / max(float(np.linalg.norm(step)), 1e-300))
    for _ in range(_HALVINGS):
        there = value(z + step)
        if there > here:
            return z + step, there, True
        step = step / 2
    return z, here, False


def _derivatives(
    value: Callable[[Array], float], z: Array, here: float, frame: Array
) -> tuple[Array, Array] | None:
    """Gradient and curvature along the columns of `frame`; None if it is not finite nearby."""
    k = z.size
    gradient, curvature, steps = np.empty(k), np.empty((k, k)), np.empty((k, k))
    ups, downs = np.empty(k), np.empty(k)
    for i in range(k):
        size = _STEP
        for _ in range(_SHRINK):
            steps[i] = size * frame[:, i]
            ups[i], downs[i] = value(z + steps[i]), value(z - steps[i])
            if isfinite(ups[i] + downs[i]):
                break
            size /= 4
        gradient[i] = (ups[i] - downs[i]) / (2 * size)
        curvature[i, i] = (ups[i] - 2 * here + downs[i]) / size**2
    lengths = np.linalg.norm(steps, axis=1) / np.linalg.norm(frame, axis=0)
    for i, j in combinations(range(k), 2):
        both = value(z + steps[i] + steps[j]) + value(z - steps[i] - steps[j])
        mixed = (both + 2 * here - ups[i] - downs[i] - ups[j] - downs[j]) / 2
        curvature[i, j] = curvature[j, i] = mixed / (lengths[i] * lengths[j])
    finite = np.isfinite(gradient).all() and np.isfinite(curvature).all()
    return (gradient, curvature) if finite and here > -inf else None
