"""Points where a branch of fixed points changes: folds, Hopf points and branch points.

Between two points of a branch a change is looked for in three functions: the parameter's share of
the tangent (folds), the determinant of the bordered Jacobian (branch points), the real parts of
complex pairs (Hopf points). A real part that comes near zero and turns back is searched for its
extreme value, so that two Hopf points inside one step are not missed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from nmm.outcome import NumericalWarning
from nmm.perturbation.submanifolds import submanifold
from nmm.phase_space.equilibrium_curves import Curve, Point
from nmm.sigmoid import Array
from nmm.system import NeuralMass

_STILL = 1e-8  # share of the largest potential that is rounding


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
        Branch point: empty. nan where the reference population takes no part.
    cycle : Cycle, optional
        At a special point of a branch of cycles.
    """

    kind: str
    parameter: float
    x: Array
    frequency: float
    coefficients: tuple[complex | float, ...]
    cycle: object | None = None


def _pairs(point: Point) -> Array:
    """Real parts of the complex pairs, descending."""
    values = point.equilibrium.eigenvalues
    return np.sort(values.real[values.imag > 0])[::-1]


def _crossings(point: Point) -> int:
    """Number of complex pairs to the right of the imaginary axis."""
    return int((_pairs(point) > 0).sum())


def densify(curve: Curve, points: list[Point]) -> list[Point]:
    """Add the points where a pair, or the tangent, comes nearest to a change and turns back."""
    tests: list[Callable[[Point], float]] = [
        lambda p: float(_pairs(p)[np.argmin(np.abs(_pairs(p)))]) if _pairs(p).size else nan,
        lambda p: float(p.tangent[-1]),
    ]
    added: dict[int, list[Point]] = {}
    for i in range(1, len(points) - 1):
        for test in tests:
            values = [test(p) for p in points[i - 1 : i + 2]]
            if turns_back(values):
                point = _nearest(curve, points[i - 1], points[i + 1], test)
                if point is not None:
                    before = np.linalg.norm(point.vector - points[i - 1].vector) < np.linalg.norm(
                        points[i].vector - points[i - 1].vector
                    )
                    added.setdefault(i - 1 if before else i, []).append(point)
    out: list[Point] = []
    for i, p in enumerate(points):
        out.append(p)
        out += sorted(added.get(i, []), key=lambda q: float(np.linalg.norm(q.vector - p.vector)))
    return out


def turns_back(values: list[float]) -> bool:
    """Same sign three times, nearest to zero in the middle, and near enough to have crossed it."""
    if not np.isfinite(values).all() or len({np.sign(v) for v in values}) != 1:
        return False
    size = np.abs(values)
    return bool(size[1] <= size.min() and size[1] < 2 * (size.max() - size[1]))


def _nearest(curve: Curve, a: Point, b: Point, test: Callable[[Point], float]) -> Point | None:
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


def special_points(curve: Curve, points: list[Point]) -> Iterator[SpecialPoint]:
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
            found += list(_hopf(curve, a, b))
        yield from (point for _, point in sorted(found, key=lambda pair: pair[0]))


def _root(curve: Curve, a: Point, b: Point, test: Callable[[Point], float]) -> float:
    return float(brentq(lambda t: test(curve.between(a, b, t)), 0.0, 1.0, xtol=1e-15))


def _fold(curve: Curve, a: Point, b: Point) -> tuple[float, SpecialPoint]:
    t = _root(curve, a, b, lambda p: float(p.tangent[-1]))
    point = curve.between(a, b, t)
    model = point.model
    left, _, right = np.linalg.svd(model.jacobian(point.x))
    coefficient = nan
    if _takes_part(model, right[-1], "fold", point.parameter):
        q = right[-1] * np.sign(right[-1][model.populations.index(model.reference)])
        p = left[:, -1] / (left[:, -1] @ q)
        coefficient = float(p @ model.form(point.x, q, q)) / 2
    return t, SpecialPoint("fold", point.parameter, point.x, nan, (coefficient,))


def _takes_part(m: NeuralMass, q: NDArray[Any], kind: str, parameter: float) -> bool:
    """Whether the reference population moves along q, which is scaled by it."""
    share = abs(q[m.populations.index(m.reference)]) / np.abs(q[: len(m.populations)]).max()
    if share > _STILL:
        return True
    warnings.warn(
        f"the {kind} at {parameter:.6g} does not move the reference population {m.reference!r}: "
        "its coefficients, which are in that population's potential, are nan",
        NumericalWarning,
        stacklevel=2,
    )
    return False


def _hopf(curve: Curve, a: Point, b: Point) -> Iterator[tuple[float, SpecialPoint]]:
    """Crossings of complex pairs; a pair that merely splits or forms on the real axis is none."""
    counts = _crossings(a), _crossings(b)
    for k in range(min(counts), max(counts)):  # the k-th pair from the right crosses

        def real_part(p: Point, k: int = k) -> float:
            pairs = _pairs(p)
            return float(pairs[k]) if pairs.size > k else -1.0

        t = _root(curve, a, b, real_part)
        point = curve.between(a, b, t)
        # Else the pair met on the real axis: the count changed, no real part vanished.
        if abs(real_part(point)) < 1e-7 * np.abs(point.equilibrium.eigenvalues).max():
            yield t, _hopf_point(point, k)


def _hopf_point(point: Point, k: int) -> SpecialPoint:
    values, vectors = point.equilibrium.eigenvalues, point.equilibrium.eigenvectors
    upper = np.flatnonzero(values.imag > 0)
    i = upper[np.argsort(-values.real[upper])][k]
    gammas: tuple[complex, ...] = (complex(nan, nan),) * 2
    if _takes_part(point.model, vectors[:, i], "Hopf point", point.parameter):
        pair = complex(values[i])
        gammas = submanifold(point.model, point.equilibrium, 5, pair=pair).coefficients
    frequency = float(values[i].imag / (2 * np.pi))
    return SpecialPoint("hopf", point.parameter, point.x, frequency, gammas)
