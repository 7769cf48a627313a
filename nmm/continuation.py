"""Branches of fixed points as a parameter moves, and the points where they change.

Pseudo-arclength (Keller 1977) in x and the parameter together, so that folds are passed. Between
two points of a branch a change is looked for in three functions: the parameter's share of the
tangent (folds), the determinant of the bordered Jacobian (branch points), the real parts of complex
pairs (Hopf points). A real part that comes near zero and turns back is searched for its extreme
value, so that two Hopf points inside one step are not missed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from nmm.checks import interval_around
from nmm.fixed_points import Equilibrium, equilibria, equilibrium_at
from nmm.normal_forms import submanifold
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array
from nmm.system import NeuralMass, check_parameter_name

_STEPS = 20_000
_SHORTEST, _LONGEST = 1e-8, 0.02  # of the arc; the interval has length one
_TURN = 0.985  # cosine of the largest angle between two tangents: 10 degrees


@dataclass(frozen=True, eq=False)
class SpecialPoint:
    """A point where a branch changes.

    Parameters
    ----------
    kind : str
        ``"fold"``, ``"hopf"`` or ``"branch"``.
    parameter : float
        Value of the parameter, in its unit.
    x : array (N,)
        State.
    frequency : float
        At a Hopf point, Hz; else nan.
    coefficients : tuple
        Fold: (a,), of ż = a z² along q, of length one, q_ref > 0. Hopf: (γ1, γ2), complex.
        Branch point: empty.
    """

    kind: str
    parameter: float
    x: Array
    frequency: float
    coefficients: tuple[complex | float, ...]


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
        If the interval is empty or does not hold the model's own value.

    Warns
    -----
    NumericalWarning
        If the branch could not be followed to the end; `outcome` says why.

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
    curve = _Curve(m, name, low, high, 1.0 + float(np.abs(x).max()))
    first = curve.place(x, own)
    down, outcome = _walk(curve, first, -1.0)
    up, other = ([first], outcome) if outcome == "closed" else _walk(curve, first, +1.0)
    points = [*reversed(down), *up[1:]]
    if points[0].parameter > points[-1].parameter:
        points.reverse()
    points = _densify(curve, _oriented(points))
    failed = [o for o in (outcome, other) if o not in ("complete", "closed")]
    if failed:
        warnings.warn(
            f"the branch in {name} ends at {points[0].parameter:.6g} and "
            f"{points[-1].parameter:.6g}: {failed[0]}",
            NumericalWarning,
            stacklevel=2,
        )
    return _branch(points, tuple(_special(curve, points)), (failed or [outcome])[0])


@dataclass(frozen=True, eq=False)
class _Point:
    """A point of the branch: model there, state, and what is asked of it."""

    curve: _Curve
    x: Array
    parameter: float
    tangent: Array = field(repr=False)

    @cached_property
    def equilibrium(self) -> Equilibrium:
        return equilibrium_at(self.curve.model(self.parameter), self.x)

    @property
    def vector(self) -> Array:
        """State and parameter in the units of the arc."""
        return self.curve.scaled(self.x, self.parameter)

    @cached_property
    def border(self) -> float:
        """Sign and size of the bordered Jacobian's determinant, per pivot."""
        sign, size = np.linalg.slogdet(
            np.vstack([self.curve.derivative(self.x, self.parameter), self.tangent])
        )
        return float(sign * np.exp(size / self.tangent.size))


class _Curve:
    """Solutions of flow(x, parameter) = 0; x in units of `size`, the interval of length one."""

    def __init__(self, m: NeuralMass, name: str, low: float, high: float, size: float) -> None:
        self.m, self.name, self.low, self.high = m, name, low, high
        self.width, self.size = high - low, size
        self.model = lru_cache(64)(self._model)

    def _model(self, parameter: float) -> NeuralMass:
        return self.m.with_(**{self.name: parameter})

    def scaled(self, x: Array, parameter: float) -> Array:
        return np.append(x / self.size, parameter / self.width)

    def derivative(self, x: Array, parameter: float) -> Array:
        """Derivative (N, N + 1) of the flow in the scaled variables."""
        model = self.model(parameter)
        slope = model.sensitivity(self.name, x) * self.width
        return np.column_stack([model.jacobian(x) * self.size, slope])

    def place(self, x: Array, parameter: float, along: Array | None = None) -> _Point:
        """Point with its tangent, which goes the way of `along`."""
        tangent = np.linalg.svd(self.derivative(x, parameter))[2][-1]
        if along is not None and tangent @ along < 0:
            tangent = -tangent
        return _Point(self, x, parameter, tangent)

    def correct(self, guess: Array, normal: Array) -> tuple[Array, float] | None:
        """Newton to the curve, in the plane through `guess` across `normal`; None if it fails."""
        z = guess.copy()
        for _ in range(8):
            x, parameter = z[:-1] * self.size, z[-1] * self.width
            try:
                residual = np.append(self.model(parameter).flow(x), normal @ (z - guess))
                matrix = np.vstack([self.derivative(x, parameter), normal])
                # Least squares: at a branch point the matrix is singular, and the guess still good.
                step = np.linalg.lstsq(matrix, residual, rcond=1e-13)[0]
            except (ValueError, np.linalg.LinAlgError):
                return None
            z = z - step
            if np.abs(step).max() < 1e-12 * (1 + np.abs(z).max()):
                return z[:-1] * self.size, float(z[-1] * self.width)
        return None

    def between(self, a: _Point, b: _Point, t: float) -> _Point:
        """Point of the curve at the fraction `t` of the chord from a to b."""
        chord = b.vector - a.vector
        normal = chord / np.linalg.norm(chord)
        solved = self.correct(a.vector + t * chord, normal)
        if solved is None:
            raise ValueError("the curve was lost between two of its points")
        return self.place(*solved, along=a.tangent)


def _walk(curve: _Curve, first: _Point, direction: float) -> tuple[list[_Point], str]:
    """Points from `first` to where the branch leaves the interval; first in that direction."""
    towards = np.append(np.zeros(first.x.size), direction)
    tangent = first.tangent if first.tangent @ towards >= 0 else -first.tangent
    points = [_Point(curve, first.x, first.parameter, tangent)]
    length = 1e-3
    for _ in range(_STEPS):
        here = points[-1]
        there = _advance(curve, here, length)
        if there is None:
            length /= 2
            if length < _SHORTEST:
                return points, "no convergence"
            continue
        if not curve.low <= there.parameter <= curve.high:
            end = curve.low if there.parameter < curve.low else curve.high
            at_end = [] if here.parameter == end else [_at(curve, here, there, end)]
            return [*points, *at_end], "complete"
        points.append(there)
        if len(points) > 10 and np.linalg.norm(there.vector - first.vector) < length / 2:
            return points, "closed"
        length = min(1.5 * length, _LONGEST)
    return points, "step limit"


def _oriented(points: list[_Point]) -> list[_Point]:
    """The same points, their tangents along the order of the list."""
    out = []
    for i, p in enumerate(points):
        before, after = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
        sign = 1.0 if p.tangent @ (after.vector - before.vector) >= 0 else -1.0
        out.append(_Point(p.curve, p.x, p.parameter, sign * p.tangent))
    return out


def _advance(curve: _Curve, here: _Point, length: float) -> _Point | None:
    """One step along the arc; None if it must be shorter."""
    solved = curve.correct(here.vector + length * here.tangent, here.tangent)
    if solved is None:
        return None
    there = curve.place(*solved, along=here.tangent)
    moved = np.linalg.norm(there.vector - here.vector)
    if there.tangent @ here.tangent < _TURN or moved > 1.5 * length:
        return None
    return there


def _at(curve: _Curve, a: _Point, b: _Point, parameter: float) -> _Point:
    """Point between two others where the parameter has the given value: an end of the interval."""
    t = brentq(lambda t: curve.between(a, b, t).parameter - parameter, 0.0, 1.0, xtol=1e-14)
    x = curve.between(a, b, t).x
    model = curve.model(parameter)
    for _ in range(3):
        x = x - np.linalg.solve(model.jacobian(x), model.flow(x))
    return curve.place(x, parameter, along=a.tangent)


def _pairs(point: _Point) -> Array:
    """Real parts of the complex pairs, descending."""
    values = point.equilibrium.eigenvalues
    return np.sort(values.real[values.imag > 0])[::-1]


def _crossings(point: _Point) -> int:
    """Number of complex pairs to the right of the imaginary axis."""
    return int((_pairs(point) > 0).sum())


def _densify(curve: _Curve, points: list[_Point]) -> list[_Point]:
    """Add the points where a pair, or the tangent, comes nearest to a change and turns back."""
    tests: list[Callable[[_Point], float]] = [
        lambda p: float(_pairs(p)[np.argmin(np.abs(_pairs(p)))]) if _pairs(p).size else nan,
        lambda p: float(p.tangent[-1]),
    ]
    added: dict[int, list[_Point]] = {}
    for i in range(1, len(points) - 1):
        for test in tests:
            values = [test(p) for p in points[i - 1 : i + 2]]
            if _turns_back(values):
                point = _nearest(curve, points[i - 1], points[i + 1], test)
                if point is not None:
                    before = np.linalg.norm(point.vector - points[i - 1].vector) < np.linalg.norm(
                        points[i].vector - points[i - 1].vector
                    )
                    added.setdefault(i - 1 if before else i, []).append(point)
    out: list[_Point] = []
    for i, p in enumerate(points):
        out.append(p)
        out += sorted(added.get(i, []), key=lambda q: float(np.linalg.norm(q.vector - p.vector)))
    return out


def _turns_back(values: list[float]) -> bool:
    """Same sign three times, nearest to zero in the middle, and near enough to have crossed it."""
    if not np.isfinite(values).all() or len({np.sign(v) for v in values}) != 1:
        return False
    size = np.abs(values)
    return bool(size[1] <= size.min() and size[1] < 2 * (size.max() - size[1]))


def _nearest(curve: _Curve, a: _Point, b: _Point, test: Callable[[_Point], float]) -> _Point | None:
    """Point between a and b where the test goes furthest towards the other sign, if it does."""
    sign = np.sign(test(a))
    try:
        found = minimize_scalar(
            lambda t: sign * test(curve.between(a, b, t)), bounds=(0, 1), method="bounded"
        )
        point = curve.between(a, b, found.x)
    except ValueError:
        return None
    return point if sign * test(point) < 0 else None


def _special(curve: _Curve, points: list[_Point]) -> Iterator[SpecialPoint]:
    """Folds, branch points and Hopf points, in the order of the curve."""
    for a, b in pairwise(points):
        found: list[tuple[float, SpecialPoint]] = []
        if a.tangent[-1] * b.tangent[-1] < 0:
            found.append(_fold(curve, a, b))
        if a.border * b.border < 0:
            t = _root(curve, a, b, lambda p: p.border)
            point = curve.between(a, b, t)
            found.append((t, SpecialPoint("branch", point.parameter, point.x, nan, ())))
        if _crossings(a) != _crossings(b):
            found += _hopf(curve, a, b)
        yield from (point for _, point in sorted(found, key=lambda pair: pair[0]))


def _root(curve: _Curve, a: _Point, b: _Point, test: Callable[[_Point], float]) -> float:
    return float(brentq(lambda t: test(curve.between(a, b, t)), 0.0, 1.0, xtol=1e-15))


def _fold(curve: _Curve, a: _Point, b: _Point) -> tuple[float, SpecialPoint]:
    t = _root(curve, a, b, lambda p: float(p.tangent[-1]))
    point = curve.between(a, b, t)
    model = curve.model(point.parameter)
    left, _, right = np.linalg.svd(model.jacobian(point.x))
    q = right[-1] * np.sign(right[-1][model.populations.index(model.reference)])
    p = left[:, -1] / (left[:, -1] @ q)
    coefficient = float(p @ model.form(point.x, q, q)) / 2
    return t, SpecialPoint("fold", point.parameter, point.x, nan, (coefficient,))


def _hopf(curve: _Curve, a: _Point, b: _Point) -> list[tuple[float, SpecialPoint]]:
    """Crossings of complex pairs; a pair that merely splits or forms on the real axis is none."""
    k = min(_crossings(a), _crossings(b))
    if abs(_crossings(a) - _crossings(b)) != 1:
        middle = curve.between(a, b, 0.5)
        halves = [
            (s, point) for pair in ((a, middle), (middle, b)) for s, point in _hopf(curve, *pair)
        ]
        return halves if np.linalg.norm(b.vector - a.vector) > _SHORTEST else []

    def real_part(p: _Point) -> float:
        pairs = _pairs(p)
        return float(pairs[k]) if pairs.size > k else -1.0

    t = _root(curve, a, b, real_part)
    point = curve.between(a, b, t)
    model = curve.model(point.parameter)
    if abs(real_part(point)) > 1e-7 * np.abs(point.equilibrium.eigenvalues).max():
        return []  # the pair met on the real axis: the count changed, no real part vanished
    values = point.equilibrium.eigenvalues
    pair = values[values.imag > 0][np.argsort(-values.real[values.imag > 0])][k]
    gammas = submanifold(model, point.equilibrium, 5, pair=complex(pair)).coefficients
    frequency = float(pair.imag / (2 * np.pi))
    return [(t, SpecialPoint("hopf", point.parameter, point.x, frequency, gammas))]


def _branch(points: list[_Point], special: tuple[SpecialPoint, ...], outcome: str) -> Branch:
    return Branch(
        parameter=np.array([p.parameter for p in points]),
        x=np.array([p.x for p in points]),
        eigenvalues=np.array([p.equilibrium.eigenvalues for p in points]),
        stable=np.array([p.equilibrium.stable for p in points]),
        special=special,
        outcome=outcome,
    )
