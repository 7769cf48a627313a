"""Curves of folds and of Hopf points in the plane of two parameters.

Pseudo-arclength on the system of `bifurcation_points`. The border of the rectangle and, for
Hopf points, κ = ω² = 0 end a curve alike: the last point is solved for on the border. At κ = 0 it
is a Bogdanov–Takens point; past it the "pair" is real, ±√−κ, a neutral saddle and no Hopf point.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nmm.checks import interval_around
from nmm.outcome import NumericalWarning
from nmm.phase_space.bifurcation_points import Curve, Point
from nmm.phase_space.codimension_two import CodimensionTwo, codimension_two_points
from nmm.phase_space.special_points import SpecialPoint
from nmm.sigmoid import Array
from nmm.system import NeuralMass, check_parameter_name

_STEPS = 5_000
_SHORTEST, _LONGEST = 1e-8, 0.02  # of the arc; each interval has length one
_TURN = 0.985  # cosine of the largest angle between two tangents: 10 degrees
_NEAR = 1e-7  # of the arc: how far a start may be from the curve
_TAKENS = "ends at a Bogdanov–Takens point"


@dataclass(frozen=True, eq=False)
class BifurcationCurve:
    """Folds, or Hopf points, of fixed points along a curve in the plane of two parameters.

    Parameters
    ----------
    kind : str
        ``"fold"`` or ``"hopf"``.
    names : (str, str)
        Parameters.
    parameters : array (k, 2)
        Their values, along the curve.
    x : array (k, N)
        States.
    frequency : array (k,)
        Of Hopf points, Hz, zero at a Bogdanov–Takens point; nan along a fold curve.
    coefficient : array (k,)
        Fold: a of ż = a z² along q, of length one, q_ref > 0. Hopf: Re γ1. Both grow without bound
        towards a Bogdanov–Takens point; Re γ1 is nan there, and where the reference population
        takes no part in the oscillation.
    special : tuple of CodimensionTwo
        In the order of the curve.
    outcome : str
        ``"complete"`` if both ends lie on the border, ``"closed"``,
        ``"ends at a Bogdanov–Takens point"``, ``"no convergence"`` or ``"step limit"``.
    """

    kind: str
    names: tuple[str, str]
    parameters: Array
    x: Array
    frequency: Array
    coefficient: Array
    special: tuple[CodimensionTwo, ...]
    outcome: str


def continue_bifurcation(
    m: NeuralMass,
    names: tuple[str, str],
    intervals: tuple[tuple[float, float], tuple[float, float]],
    start: SpecialPoint,
) -> BifurcationCurve:
    """Follow a fold or a Hopf point of fixed points as two parameters move.

    Parameters
    ----------
    m : NeuralMass
        Its own value of the second parameter is that of `start`.
    names : (str, str)
        Parameters.
    intervals : ((float, float), (float, float))
        Ends of a rectangle, in the parameters' units.
    start : SpecialPoint
        Fold or Hopf point of a branch of `continue_equilibria` in the first parameter.

    Returns
    -------
    BifurcationCurve
        Followed both ways until it leaves the rectangle, closes, or, for Hopf points, ends at a
        Bogdanov–Takens point. The end with the lower first parameter comes first.

    Raises
    ------
    KeyError
        If the model has no such parameter.
    ValueError
        If `start` is no fold or Hopf point of this model, or lies outside the rectangle.

    Warns
    -----
    NumericalWarning
        If the curve could not be followed to an end; `outcome` says why.

    Notes
    -----
    Pseudo-arclength, as in `continue_equilibria`. Kuznetsov, Elements of Applied Bifurcation
    Theory, chapters 8 and 10; Govaerts, Numerical Methods for Bifurcations, 2000.

    Examples
    --------
    >>> from nmm import bistable_column, continue_bifurcation, continue_equilibria
    >>> column = bistable_column()
    >>> start = continue_equilibria(column, "u", (0, 3000)).special[0]
    >>> curve = continue_bifurcation(column, ("u", "g6"), ((2000, 3000), (4000, 5500)), start)
    >>> curve.outcome, curve.parameters[[0, -1]].round(1).tolist()
    ('complete', [[2118.8, 5500.0], [3000.0, 4497.4]])
    """
    curve, first = _first(m, names, intervals, start)
    down, outcome = _walk(curve, first, -1.0)
    up, other = ([first], outcome) if outcome == "closed" else _walk(curve, first, 1.0)
    points = [*reversed(down), *up[1:]]
    if points[0].z[-2] > points[-1].z[-2]:
        points.reverse()
    failed = [o for o in (outcome, other) if o in ("no convergence", "step limit")]
    outcome = max(failed or [outcome, other], key=lambda o: o == _TAKENS)
    if failed:
        ends = [", ".join(f"{v:.6g}" for v in p.parameters) for p in (points[0], points[-1])]
        warnings.warn(
            f"the {start.kind} curve in {', '.join(names)} ends at ({ends[0]}) and ({ends[1]}): "
            f"{outcome}",
            NumericalWarning,
            stacklevel=2,
        )
    return BifurcationCurve(
        kind=start.kind,
        names=(names[0], names[1]),
        parameters=np.array([p.parameters for p in points]),
        x=np.array([p.x for p in points]),
        frequency=np.array([p.omega / (2 * np.pi) for p in points]),
        coefficient=np.array([p.coefficient for p in points]),
        special=tuple(codimension_two_points(curve, points)),
        outcome=outcome,
    )


def _first(
    m: NeuralMass, names: Sequence[str], intervals: Sequence[Sequence[float]], start: SpecialPoint
) -> tuple[Curve, Point]:
    """Curve, and the point on it to start from."""
    for name in names:
        check_parameter_name(m, name)
    if len(names) != 2 or names[0] == names[1] or len(intervals) != 2:
        raise ValueError(
            f"names = {names}, intervals = {intervals}; they must be two different parameters, "
            "and one interval for each"
        )
    kind = getattr(start, "kind", type(start).__name__)
    if kind not in ("fold", "hopf"):
        raise ValueError(f"a curve starts at a fold or a Hopf point of a branch, not at a {kind}")
    own = (start.parameter, {p.name: p.value for p in m.parameters}[names[1]])
    rows = zip(names, intervals, own, strict=True)
    box = np.array([interval_around(name, ends, value) for name, ends, value in rows])
    curve = Curve(m, (names[0], names[1]), box, start)
    guess = np.concatenate([start.x, [curve.rate**2] * curve.hopf, own]) / curve.unit
    # With the second parameter held; where the curve turns back in it, across the curve.
    for normal in (np.eye(len(guess))[-1], Point(curve, guess).tangent):
        z = curve.correct(guess, normal)
        if z is not None and np.abs(z - guess).max() < _NEAR:
            return curve, Point(curve, np.clip(z, curve.low, curve.high))
    raise ValueError(
        f"start is no {start.kind} of this model, with {names[0]} = {own[0]:.6g} and "
        f"{names[1]} = {own[1]:.6g}: take one from continue_equilibria(m, {names[0]!r}, ...)"
    )


def _walk(curve: Curve, first: Point, direction: float) -> tuple[list[Point], str]:
    """Points from `first` to an end of the curve, setting out the given way."""
    points, length = [first], 1e-3
    along = direction * first.tangent
    for _ in range(_STEPS):
        here = points[-1]
        there = _advance(curve, here, along, length)
        if there is None:
            length /= 2
            if length < _SHORTEST:
                return points, "no convergence"
            continue
        if len(points) > 3 and _passes(here, there, first):
            return [*points, first], "closed"
        if np.linalg.norm(there.z - here.z) > _SHORTEST:  # else the start lies on the border
            points.append(there)
        on_border = (there.z == curve.low) | (there.z == curve.high)
        if on_border.any():
            return points, "complete" if on_border[-2:].any() else _TAKENS
        along = there.tangent * np.sign(there.tangent @ along)
        length = min(1.5 * length, _LONGEST)
    return points, "step limit"


def _advance(curve: Curve, here: Point, along: Array, length: float) -> Point | None:
    """One step along the arc, or to the border if that is nearer; None if it must be shorter."""
    guess = here.z + length * along
    z = None if _border(curve, here.z, guess) else curve.correct(guess, along)
    side = _border(curve, here.z, guess if z is None else z)
    if side is not None:
        i, end, share = side
        guess = here.z + share * (guess - here.z)
        guess[i] = end
        z = curve.correct(guess, np.eye(len(guess))[i])
        if z is not None:
            z[i] = end
    if z is None or _border(curve, here.z, z):
        return None
    there = Point(curve, z)
    turn, moved = abs(there.tangent @ along), np.linalg.norm(z - here.z)
    return there if turn > _TURN and moved < 1.5 * length else None


def _border(curve: Curve, a: Array, b: Array) -> tuple[int, float, float] | None:
    """Side that the chord from a to b crosses first: variable, value, fraction of the chord."""
    sides = [
        (float((end[i] - a[i]) / (b[i] - a[i])), int(i), float(end[i]))
        for end, beyond in ((curve.low, b < curve.low), (curve.high, b > curve.high))
        for i in np.flatnonzero(beyond)
    ]
    if not sides:
        return None
    share, i, end = min(sides)
    return i, end, share


def _passes(here: Point, there: Point, first: Point) -> bool:
    """Whether the step from here to there goes through the first point again."""
    step, back = there.z - here.z, first.z - here.z
    share = step @ back / (step @ step)
    return bool(0 < share <= 1 and np.linalg.norm(back - share * step) < 0.1 * np.linalg.norm(step))
