"""Branches of fixed points as a parameter moves.

Pseudo-arclength (Keller 1977) in x and the parameter together, so that folds are passed. What
changes along a branch is found in `nmm.phase_space.special_points`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmm.checks import interval_around
from nmm.fixed_points import Equilibrium, equilibria
from nmm.outcome import NumericalWarning
from nmm.phase_space.equilibrium_curves import Curve, Point
from nmm.phase_space.special_points import SpecialPoint, densify, special_points
from nmm.sigmoid import Array, Sigmoid
from nmm.system import NeuralMass, check_parameter_name

_STEPS = 3_000
_SHORTEST, _LONGEST = 1e-8, 0.02  # of the arc; the interval has length one
_TURN = 0.985  # cosine of the largest angle between two tangents: 10 degrees
_BEND = 0.25  # of its range: how far a sigmoid, or its slope, may move in one step
_STILL = 1e-6  # relative: a start whose Newton step is longer is no fixed point


@dataclass(frozen=True, eq=False)
class Branch:
    """Fixed points along one curve.

    Parameters
    ----------
    parameter : array (k,)
        Values of the parameter, along the curve.
    x : array (k, N)
        States.
    eigenvalues : array (k, N)
        rad/s, ordered as in `Equilibrium`.
    stable : array (k,) of bool
        Whether all real parts are negative.
    special : tuple of SpecialPoint
        In the order of the curve.
    outcome : str
        ``"complete"`` if both ends left the interval, ``"closed"`` for a closed curve,
        ``"no convergence"`` or ``"step limit"``.
    """

    parameter: Array
    x: Array
    eigenvalues: NDArray[np.complex128]
    stable: NDArray[np.bool_]
    special: tuple[SpecialPoint, ...]
    outcome: str


def continue_equilibria(
    m: NeuralMass,
    name: str,
    interval: tuple[float, float],
    *,
    start: Equilibrium | None = None,
) -> Branch:
    """Follow a fixed point as one parameter moves, through folds.

    Parameters
    ----------
    m : NeuralMass
        Its own value of the parameter lies in the interval.
    name : str
        Parameter.
    interval : (float, float)
        Ends, in the parameter's unit.
    start : Equilibrium, optional
        Where to start; by default the first of ``equilibria(m)``.

    Returns
    -------
    Branch
        Followed both ways until it leaves the interval; lower end first.

    Raises
    ------
    KeyError
        If the model has no such parameter.
    ValueError
        If the interval is empty or does not hold the model's own value, or `start` is no fixed
        point there.

    Warns
    -----
    NumericalWarning
        If the branch could not be followed to the end, and `outcome` says why; or if the reference
        population takes no part at a special point, whose coefficients are then nan.

    Examples
    --------
    >>> from nmm import bistable_column, continue_equilibria
    >>> branch = continue_equilibria(bistable_column(), "u", (0, 3000))
    >>> [(point.kind, round(point.parameter, 1)) for point in branch.special]
    [('hopf', 2728.2)]
    """
    check_parameter_name(m, name)
    own = {p.name: p.value for p in m.parameters}[name]
    low, high = interval_around(name, interval, own)
    x = equilibria(m)[0].x if start is None else start.x
    curve = Curve(m, name, low, high, _size(m, name, (low, high), x))
    first = _start(curve, x, own)
    down, outcome = _walk(curve, first, -1.0)
    up, other = ([first], outcome) if outcome == "closed" else _walk(curve, first, +1.0)
    points = [*reversed(down), *up[1:]]
    if points[0].parameter > points[-1].parameter:
        points.reverse()
    points = densify(curve, _oriented(points))
    failed = [o for o in (outcome, other) if o not in ("complete", "closed")]
    if failed:
        warnings.warn(
            f"the branch in {name} ends at {points[0].parameter:.6g} and "
            f"{points[-1].parameter:.6g}: {failed[0]}",
            NumericalWarning,
            stacklevel=2,
        )
    return _branch(points, tuple(special_points(curve, points)), (failed or [outcome])[0])


def _size(m: NeuralMass, name: str, ends: tuple[float, float], x: Array) -> float:
    """Unit of the states: the largest of them, here and at the ends of the interval."""
    largest = [float(np.abs(x).max())]
    for value in ends:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NumericalWarning)  # a size, not a count
                there = equilibria(m.with_(**{name: value}))
        except ValueError:  # no such model: a time constant of zero
            continue
        largest += [float(np.abs(e.x).max()) for e in there]
    return 1.0 + max(largest)


def _start(curve: Curve, x: Array, own: float) -> Point:
    """The fixed point to start from, refined; refused if `x` is none."""
    model = curve.model(own)
    step = np.linalg.lstsq(model.jacobian(x), model.flow(x), rcond=1e-13)[0]
    if np.abs(step).max() > _STILL * curve.size:
        raise ValueError(
            f"start is no fixed point at {curve.name} = {own:.6g}: take one from equilibria(m)"
        )
    return curve.place(x - step, own)


def _walk(curve: Curve, first: Point, direction: float) -> tuple[list[Point], str]:
    """Points from `first` to where the branch leaves the interval; first in that direction."""
    towards = np.append(np.zeros(first.x.size), direction)
    tangent = first.tangent if first.tangent @ towards >= 0 else -first.tangent
    points = [replace(first, tangent=tangent)]
    length = 1e-3
    for _ in range(_STEPS):
        here = points[-1]
        there = _advance(curve, here, length)
        if there is None:
            length /= 2
            if length < _SHORTEST:
                return points, "no convergence"
            continue
        if len(points) > 3 and _passes(here, there, points[0]):
            return [*points, points[0]], "closed"
        if np.linalg.norm(there.vector - here.vector) > _SHORTEST:  # else it starts on the border
            points.append(there)
        if there.parameter in (curve.low, curve.high):
            return points, "complete"
        length = min(1.5 * length, _LONGEST)
    return points, "step limit"


def _passes(here: Point, there: Point, first: Point) -> bool:
    """Whether the step from here to there goes through the first point again, the same way."""
    step, back = there.vector - here.vector, first.vector - here.vector
    share = step @ back / (step @ step)
    near = np.linalg.norm(back - share * step) < 0.1 * np.linalg.norm(step)
    return bool(near and 0 < share <= 1 and first.tangent @ step > 0)


def _oriented(points: list[Point]) -> list[Point]:
    """The same points, their tangents along the order of the list."""
    out = []
    for i, p in enumerate(points):
        before, after = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
        sign = 1.0 if p.tangent @ (after.vector - before.vector) >= 0 else -1.0
        out.append(Point(p.curve, p.x, p.parameter, sign * p.tangent))
    return out


def _advance(curve: Curve, here: Point, length: float) -> Point | None:
    """One step along the arc, or to the border if that is nearer; None if it must be shorter."""
    guess = here.vector + length * here.tangent
    solved = None
    if curve.border(guess[-1]) is None:
        solved = curve.correct(guess, here.tangent)
        if solved is not None:
            guess = curve.scaled(*solved)
    if curve.border(guess[-1]) is not None:
        solved = _at_the_border(curve, here, guess)
    if solved is None:
        return None
    there = curve.place(*solved, along=here.tangent)
    moved = np.linalg.norm(there.vector - here.vector)
    if there.tangent @ here.tangent < _TURN or moved > 1.5 * length or _bends(here, there):
        return None
    return there


def _at_the_border(curve: Curve, here: Point, guess: Array) -> tuple[Array, float] | None:
    """Where the branch from `here` towards `guess`, which lies outside, leaves the interval."""
    end = curve.border(guess[-1])
    assert end is not None
    share = (end / curve.width - here.vector[-1]) / (guess[-1] - here.vector[-1])
    landing = here.vector + share * (guess - here.vector)
    solved = curve.correct(landing, np.eye(len(guess))[-1])
    return None if solved is None else (solved[0], end)


def _bends(here: Point, there: Point) -> bool:
    """Whether some sigmoid moves so far that eigenvalues could cross and come back unseen."""
    s = here.curve.m.sigmoid
    if not isinstance(s, Sigmoid):
        return False
    y = np.stack([here.arguments, there.arguments])
    slope, firing = (np.abs(np.diff(part, axis=0)).max() for part in (s.derivative(y, 1), s(y)))
    return bool(max(slope * 4 / s.slope, firing) > _BEND * s.height)


def _branch(points: list[Point], special: tuple[SpecialPoint, ...], outcome: str) -> Branch:
    return Branch(
        parameter=np.array([p.parameter for p in points]),
        x=np.array([p.x for p in points]),
        eigenvalues=np.array([p.equilibrium.eigenvalues for p in points]),
        stable=np.array([p.equilibrium.stable for p in points]),
        special=special,
        outcome=outcome,
    )
