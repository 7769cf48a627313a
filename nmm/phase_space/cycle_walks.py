"""Along a curve of cycles by pseudo-arclength, in steps as long as Newton's method likes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from nmm.phase_space.cycle_curves import CyclePoint, fewer_harmonics, locate, resolve

_STEPS = 2000
_LONGEST = 0.1  # step of the arc; the interval has length one
_TURN = 0.95  # cosine of the largest angle between two tangents
_EASY, _HARD = 8, 14  # Newton steps up to which the next step may be longer, need not be shorter
SMALL = 2e-3  # of the largest swing on the branch: the cycle is about to vanish


def walk(
    first: CyclePoint,
    direction: float,
    ended: Callable[[list[CyclePoint]], bool] = lambda points: False,
) -> tuple[list[CyclePoint], str]:
    """Points from `first` to an end of the curve, setting out the given way.

    The walk is complete where it leaves the box, where the cycle has shrunk to a point, or where
    `ended` says so of the points so far.
    """
    points = [replace(first, tangent=direction * first.tangent, factors=None)]
    length, largest = min(0.01, 0.5 * first.swing), first.swing
    low, high = first.curve.box.T
    for _ in range(_STEPS):
        here = points[-1]
        there = _advance(here, length)
        if there is None:
            length /= 2
            if length < first.curve.shortest * here.swing:
                return points, "no convergence"
            continue
        if there.sharp:
            return points, "too sharp for its harmonics"
        if np.any((there.parameters < low) | (there.parameters > high)):
            return [*points, *_at_the_border(here, there)], "complete"
        points.append(there)
        largest = max(largest, there.swing)
        if there.swing < SMALL * largest or ended(points):
            return points, "complete"
        if len(points) > 10 and np.linalg.norm(first.chord(there)) < length / 2:
            return points, "closed"
        # Near its end the cycle shrinks: never step over the point where it vanishes.
        growth = 1.5 if there.steps <= _EASY else 1.0 if there.steps <= _HARD else 0.7
        length = min(growth * length, _LONGEST, max(0.5 * there.swing, 1e-6))
    return points, "step limit"


def _advance(here: CyclePoint, length: float) -> CyclePoint | None:
    """One step along the arc; None if it must be shorter."""
    curve, harmonics = here.curve, fewer_harmonics(here.curve, here.z)
    guess = curve.resize(here.z + length * here.tangent, harmonics)
    there = resolve(curve, guess, curve.resize(here.tangent, harmonics), here.factors)
    if there is None:
        return None
    before, after = curve.alike(here.tangent, there.tangent)
    if before @ after < _TURN or np.linalg.norm(here.chord(there)) > 1.5 * length:
        return None
    return there


def _at_the_border(a: CyclePoint, b: CyclePoint) -> list[CyclePoint]:
    """The cycle where the curve leaves the box between a, inside, and b."""
    ends = np.clip(b.parameters, *a.curve.box.T)
    if np.any((a.parameters == ends) & (b.parameters != ends)):
        return []
    for i in np.flatnonzero(b.parameters != ends):  # in a corner, the side that is reached first
        b = locate(a, b, partial(_beyond, int(i), float(ends[i])))
    return [b]


def _beyond(i: int, end: float, p: CyclePoint) -> float:
    return float(p.parameters[i] - end)


def oriented(points: list[CyclePoint]) -> list[CyclePoint]:
    """Lower end first, by the first parameter; tangents along the order of the list."""
    if points[0].parameter > points[-1].parameter:
        points = points[::-1]
    out = []
    for i, p in enumerate(points):
        chord = points[max(i - 1, 0)].chord(points[min(i + 1, len(points) - 1)])
        along, tangent = p.curve.alike(chord, p.tangent)
        sign = 1.0 if tangent @ along >= 0 else -1.0
        out.append(replace(p, tangent=sign * p.tangent, factors=None))
    return out
