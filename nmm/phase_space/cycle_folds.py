"""Folds of limit cycles as two parameters move.

At a fold the linearised harmonic balance K, with the condition of phase, loses one rank. With any
two vectors b and c, v, w and g from

    [K b; c 0] (v, g) = (0, 1),    [Kᵀ c; bᵀ 0] (w, ·) = (0, 1)

g = −wᵀ K v vanishes where K is singular, and ∂g = −wᵀ (∂K) v (Govaerts, Numerical Methods for
Bifurcations of Dynamical Equilibria, 2000). As ∂_j K v = ∂_v K_j, the whole gradient is one
directional derivative of the slopes along v: a central difference, on which only the speed of
Newton's method depends.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.optimize import root

from nmm.checks import interval_around
from nmm.fixed_points import Equilibrium, equilibrium_at
from nmm.outcome import NumericalWarning
from nmm.perturbation.submanifolds import submanifold
from nmm.phase_space.cycle_curves import CycleCurve, CyclePoint, curve_through, locate, resolve
from nmm.phase_space.cycle_walks import oriented, walk
from nmm.phase_space.cycles import Cycle
from nmm.phase_space.special_points import SpecialPoint
from nmm.sigmoid import Array
from nmm.system import NeuralMass, check_parameter_name

_DIFFERENCE = 1e-3  # of the swing: step of the central difference along the null vector
_SMALL = 0.05  # of the largest swing: closer to its vanishing, rounding hides the fold
_NEAR = 1e-6  # of the box: how far the start may be from a fold of this model


@dataclass(frozen=True, eq=False)
class CycleFoldPoint:
    """A point where a curve of folds of cycles changes.

    Parameters
    ----------
    kind : str
        ``"cusp"``, where two folds meet, or ``"generalised-hopf"``, where the cycle vanishes.
    parameters : array (2,)
        In their units.
    x : array (N,)
        Mean state, or the fixed point.
    frequency : float
        Hz.
    coefficients : tuple of complex
        Generalised Hopf: (γ1, γ2), Re γ1 = 0. Else empty.
    """

    kind: str
    parameters: Array
    x: Array
    frequency: float
    coefficients: tuple[complex, ...]


@dataclass(frozen=True, eq=False)
class CycleFoldCurve:
    """Folds of limit cycles along a curve in the plane of two parameters.

    Parameters
    ----------
    names : (str, str)
        Parameters.
    parameters : array (k, 2)
        Their values, along the curve.
    frequency : array (k,)
        Hz.
    amplitude : array (k, n)
        Half the amplitude of the fundamental of each potential, mV.
    special : tuple of CycleFoldPoint
        In the order of the curve.
    outcome : str
        ``"complete"`` (both ends lie on the border or at generalised Hopf points), ``"closed"``,
        ``"too sharp for its harmonics"``, ``"a special point was not located"``,
        ``"no convergence"`` or ``"step limit"``.
    """

    names: tuple[str, str]
    parameters: Array
    frequency: Array
    amplitude: Array
    special: tuple[CycleFoldPoint, ...]
    outcome: str


def continue_cycle_folds(
    m: NeuralMass,
    names: tuple[str, str],
    intervals: tuple[tuple[float, float], tuple[float, float]],
    start: SpecialPoint,
) -> CycleFoldCurve:
    """Follow a fold of limit cycles as two parameters move.

    Parameters
    ----------
    m : NeuralMass
        Its own value of the second parameter is that of `start`.
    names : (str, str)
        Parameters.
    intervals : ((float, float), (float, float))
        Ends of a rectangle, in the parameters' units.
    start : SpecialPoint
        Fold of a branch of `continue_cycles` in the first parameter.

    Returns
    -------
    CycleFoldCurve
        Followed both ways until it leaves the rectangle, closes, or ends at a generalised Hopf
        point, where the cycle shrinks to a point. The end with the lower first parameter is first.

    Raises
    ------
    KeyError
        If the model has no such parameter.
    ValueError
        If `start` is no fold of cycles of this model, or lies outside the rectangle.

    Warns
    -----
    NumericalWarning
        If the curve could not be followed to an end; `outcome` says why.

    Examples
    --------
    >>> from nmm import bistable_column, continue_cycle_folds, continue_cycles, equilibria
    >>> column = bistable_column()
    >>> rest, = equilibria(column)
    >>> fold, = continue_cycles(column, "g6", (4400, 5200), (rest, 0.41)).special
    >>> box = (4400, 5200), (-500, 500)
    >>> curve = continue_cycle_folds(column, ("g6", "u"), box, fold)
    >>> curve.outcome, curve.parameters[[0, -1]].round(1).tolist()
    ('complete', [[4539.8, -500.0], [4733.6, 500.0]])
    """
    first = _first(m, names, intervals, start)
    down, outcome = walk(first, -1.0, _vanishes)
    up, other = ([first], outcome) if outcome == "closed" else walk(first, 1.0, _vanishes)
    points = oriented([*reversed(down), *up[1:]])
    failed = [o for o in (outcome, other) if o not in ("complete", "closed")]
    curve = _described(points, (failed or [outcome])[0])
    if curve.outcome not in ("complete", "closed"):
        ends = [p.parameters.round(6).tolist() for p in (points[0], points[-1])]
        warnings.warn(
            f"the folds of cycles in {names} end at {ends[0]} and {ends[1]}: {curve.outcome}",
            NumericalWarning,
            stacklevel=2,
        )
    return curve


def _described(points: list[CyclePoint], outcome: str) -> CycleFoldCurve:
    special: list[CycleFoldPoint] = []
    try:
        special.extend(_cusps(points))
    except ValueError:
        if outcome in ("complete", "closed"):
            outcome = "a special point was not located"
    for path, place in ((points[::-1], 0), (points, len(special) + 1)):
        if _vanishes(path):
            special.insert(place, _generalised_hopf(path[-1]))
    return CycleFoldCurve(
        names=(points[0].curve.names[0], points[0].curve.names[1]),
        parameters=np.array([p.parameters for p in points]),
        frequency=np.array([p.frequency for p in points]),
        amplitude=np.array([p.cycle.amplitude for p in points]),
        special=tuple(special),
        outcome=outcome,
    )


def _vanishes(points: list[CyclePoint]) -> bool:
    return points[-1].swing < _SMALL * max(p.swing for p in points)


class _FoldCurve(CycleCurve):
    """Cycles along two parameters where the linearised balance is singular."""

    most = 256
    exact = 1e-9  # where the cycle is small, rounding hides more
    shortest = 3e-3  # as towards a homoclinic orbit, where the fold is lost in rounding

    def gap(self, z: Array) -> Array:
        singular, _, _ = self._singular(z, super().slopes(z))
        return np.append(super().gap(z), singular)

    def slopes(self, z: Array) -> Array:
        slopes = super().slopes(z)
        _, v, w = self._singular(z, slopes)
        h = _DIFFERENCE * min(1.0, self.swing(z))
        way = np.concatenate([v, [0.0, 0.0]])
        row = np.zeros(len(z))
        for k, weight in ((1, 8.0), (2, -1.0)):  # of fourth order
            for sign in (1, -1):
                row += sign * weight * (w[:-1] @ super().slopes(z + sign * k * h * way))
        row /= 12 * h
        return np.vstack([slopes, -row])

    def _singular(self, z: Array, slopes: Array) -> tuple[float, Array, Array]:
        """g, v and w, for |v| = |w| = 1."""
        n = len(slopes) + 1
        matrix = np.zeros((n + 1, n + 1))
        matrix[: n - 1, :n], matrix[n - 1, :n] = slopes[:, :-2], self.phase(z)[:-2]
        # A border in no special direction: it must not be at right angles to v and w.
        matrix[:n, n], matrix[n, :n] = np.random.default_rng(0).normal(size=(2, n)) / np.sqrt(n)
        factors = lu_factor(matrix)
        one = np.append(np.zeros(n), 1.0)
        v, w = lu_solve(factors, one), lu_solve(factors, one, trans=1)[:n]
        sizes = np.linalg.norm(v[:n]), np.linalg.norm(w)
        return float(v[n] / (sizes[0] * sizes[1])), v[:n] / sizes[0], w / sizes[1]


def _first(
    m: NeuralMass,
    names: tuple[str, str],
    intervals: tuple[tuple[float, float], tuple[float, float]],
    start: SpecialPoint,
) -> CyclePoint:
    """The start as a point of the curve."""
    if not (isinstance(start, SpecialPoint) and start.kind == "fold"):
        raise ValueError("start must be a fold of a branch of cycles")
    if not isinstance(start.cycle, Cycle):
        raise ValueError("start is a fold of fixed points, not of cycles")
    for name in names:
        check_parameter_name(m, name)
    if names[0] == names[1]:
        raise ValueError(f"the two parameters are the same: {names[0]}")
    own = np.array([start.parameter, {p.name: p.value for p in m.parameters}[names[1]]])
    box = np.array([interval_around(*row) for row in zip(names, intervals, own, strict=True)])
    curve, guess = curve_through(m, names, box, start.cycle, own)
    folds = _FoldCurve(m, names, box, curve.profile(guess) * curve.size, curve.turn)
    across = np.zeros(len(guess))
    across[-1] = 1.0
    point = resolve(folds, guess, across)
    if point is None or np.abs((point.parameters - own) / folds.width).max() > _NEAR:
        raise ValueError(
            f"start is no fold of cycles of this model in {names[0]} at {names[1]} = {own[1]:.6g}"
        )
    return point


def _cusps(points: list[CyclePoint]) -> Iterator[CycleFoldPoint]:
    """Points where the curve, smooth in all unknowns, turns on the spot in the two parameters."""
    for a, b in pairwise(points):
        before, after = a.tangent[-2:], b.tangent[-2:]
        # Where the cycle is about to vanish the parameters stand still: their share is rounding.
        still = max(np.linalg.norm(before), np.linalg.norm(after)) < 1e-4
        if still or before @ after >= 0:
            continue
        way = (before - after) / np.linalg.norm(before - after)
        p = locate(a, b, partial(_along, way))
        if np.linalg.norm(p.tangent[-2:]) < 1e-6:
            yield CycleFoldPoint("cusp", p.parameters, p.cycle.mean, p.frequency, ())


def _along(way: Array, p: CyclePoint) -> float:
    return float(p.tangent[-2:] @ way)


def _generalised_hopf(end: CyclePoint) -> CycleFoldPoint:
    """The point near a small cycle where Re λ and Re γ1 vanish."""
    curve, omega = end.curve, 2j * np.pi * end.frequency

    def rest(parameters: Array) -> tuple[NeuralMass, Equilibrium, complex]:
        there = curve.m.with_(**dict(zip(curve.names, parameters, strict=True)))
        x = end.cycle.mean
        for _ in range(20):
            x = x - np.linalg.solve(there.jacobian(x), there.flow(x))
        point = equilibrium_at(there, x)
        values = point.eigenvalues
        return there, point, complex(values[np.argmin(np.abs(values - omega))])

    def conditions(scaled: Array) -> list[float]:
        there, point, pair = rest(scaled * curve.width)
        gammas = submanifold(there, point, 3, pair=pair).coefficients
        return [pair.real / abs(omega), gammas[0].real / abs(omega)]

    found = root(conditions, end.parameters / curve.width, tol=1e-13)
    there, point, pair = rest(found.x * curve.width)
    gammas = submanifold(there, point, 5, pair=pair).coefficients
    return CycleFoldPoint(
        "generalised-hopf", found.x * curve.width, point.x, pair.imag / (2 * np.pi), gammas
    )
