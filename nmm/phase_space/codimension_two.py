"""Points of codimension two on a curve of folds or Hopf points.

Each kind has a test function that changes sign there. The eigenvalues are taken all together: the
sign of the product of those besides the curve's own changes only where a real one vanishes, that of
the product of the sums of two of them only at an imaginary pair, or at a neutral saddle (two real
eigenvalues ±λ), which is told apart at the root. A pair that splits changes neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from nmm.phase_space.bifurcation_points import Curve, Point
from nmm.phase_space.special_points import turns_back
from nmm.sigmoid import Array

_VANISHED = 1e-6  # of |γ1|: Re γ1 at its root


@dataclass(frozen=True, eq=False)
class CodimensionTwo:
    """A point where a curve of folds or Hopf points changes.

    Parameters
    ----------
    kind : str
        On a curve of folds ``"cusp"``, ``"bogdanov-takens"`` or ``"zero-hopf"``; on a curve of Hopf
        points ``"generalised-hopf"``, ``"bogdanov-takens"``, ``"zero-hopf"`` or ``"double-hopf"``.
    parameters : array (2,)
        Values of the two parameters, in their units.
    x : array (N,)
        State.
    frequency : float
        Of the imaginary pair, Hz; at a double Hopf point of the curve's own. Else nan.
    coefficients : tuple of complex
        Generalised Hopf: (γ1, γ2), Re γ1 = 0. Else empty.
    """

    kind: str
    parameters: Array
    x: Array
    frequency: float
    coefficients: tuple[complex, ...]


Test = Callable[[Point, Point], float]  # of a point, and of another whose signs it follows


def _tests(curve: Curve) -> dict[str, Test]:
    """What vanishes at each kind of point."""
    if curve.hopf:
        return {
            # γ1 has a pole where another eigenvalue vanishes, which the product has not.
            "generalised-hopf": lambda p, _: p.cubic.real * _smallest(p.others),
            "zero-hopf": lambda p, _: _smallest(p.others),
            "double-hopf": _pair,
        }
    return {
        "cusp": _quadratic,
        "bogdanov-takens": lambda p, like: float(np.vdot(*_null_vectors(p, like))),
        "zero-hopf": _pair,
    }


def _smallest(values: NDArray[np.complex128]) -> float:
    """Smallest modulus, with the sign of the product of all values: continuous, linear at zero.

    The values come in conjugate pairs or are real, so that only a real one changes that sign.
    """
    size = np.abs(values)
    sign = np.sign(np.prod(values / np.maximum(size, 1e-300)).real) if size.size else 1.0
    return float(sign * size.min(initial=np.inf))


def _pair(p: Point, _: Point) -> float:
    """Smallest sum of two other eigenvalues: zero for an imaginary pair, or a neutral saddle."""
    i, j = np.triu_indices(len(p.others), 1)
    return _smallest(p.others[i] + p.others[j])


def _imaginary_pair(p: Point) -> complex:
    """The other eigenvalue next to the imaginary axis, above it; real at a neutral saddle."""
    i, j = np.triu_indices(len(p.others), 1)
    nearest = int(np.argmin(np.abs(p.others[i] + p.others[j])))
    return complex(p.others[i[nearest]])


def _null_vectors(p: Point, like: Point) -> tuple[Array, Array]:
    """Left and right null vector of a fold, their signs as at the other point."""
    (left, _, right), (left0, _, right0) = p.singular, like.singular
    left, right, left0, right0 = left[:, 0], right[:, 0], left0[:, 0], right0[:, 0]
    return left * np.sign(left0 @ left), right * np.sign(right0 @ right)


def _quadratic(p: Point, like: Point) -> float:
    """Quadratic coefficient of a fold, finite at a Bogdanov–Takens point too."""
    left, right = _null_vectors(p, like)
    weight = p.curve.weight
    return float((left / weight) @ p.model.form(p.x, weight * right, weight * right))


def codimension_two_points(curve: Curve, points: list[Point]) -> list[CodimensionTwo]:
    """Points of codimension two, in the order of the curve."""
    arc = np.cumsum([0.0, *(float(np.linalg.norm(b.z - a.z)) for a, b in pairwise(points))])
    found = [
        (arc[i], _describe("bogdanov-takens", points[i])) for i in (0, -1) if points[i].omega == 0
    ]
    points = _without_takens(curve, points)
    for kind, test in _tests(curve).items():
        for i, a, b in _brackets(curve, points, test):
            p = _root(curve, a, b, test)
            if _is(kind, p):
                found.append((arc[i] + np.linalg.norm(p.z - points[i].z), _describe(kind, p)))
    return [point for _, point in sorted(found, key=lambda pair: float(pair[0]))]


def _without_takens(curve: Curve, points: list[Point]) -> list[Point]:
    """The same points, ends at κ = 0 moved inwards a little: there is no normal form there."""
    out = list(points)
    for end, before in ((0, 1), (-1, -2)):
        if points[end].omega == 0:
            out[end] = curve.between(points[end], points[before], 0.01)
    return out


def _brackets(curve: Curve, points: list[Point], test: Test) -> Iterator[tuple[int, Point, Point]]:
    """Pairs between which the test changes sign, with the number of a point before them."""
    for i, (a, b) in enumerate(pairwise(points)):
        if test(a, a) * test(b, a) < 0:
            yield i, a, b
    for i in range(len(points) - 2):
        a, b, c = points[i : i + 3]
        values = [test(p, b) for p in (a, b, c)]
        if not turns_back(values):
            continue
        sign = np.sign(values[1])
        found = minimize_scalar(
            lambda t, a=a, b=b, c=c, s=sign: s * test(curve.between(a, c, t), b),
            bounds=(0, 1),
            method="bounded",
        )
        if found.fun < 0:
            beyond = curve.between(a, c, float(found.x))
            yield i, a, beyond
            yield i, beyond, c


def _root(curve: Curve, a: Point, b: Point, test: Test) -> Point:
    """Where the test vanishes between a and b."""
    t = brentq(lambda t: test(curve.between(a, b, t), a), 0.0, 1.0, xtol=1e-15)
    return curve.between(a, b, float(t))


def _is(kind: str, p: Point) -> bool:
    """Whether a root of a test is what the test stands for."""
    if kind == "generalised-hopf":  # and not the other eigenvalue that vanishes
        return abs(p.cubic.real) < _VANISHED * abs(p.cubic)
    if kind == "double-hopf" or (kind == "zero-hopf" and not p.curve.hopf):
        return _imaginary_pair(p).imag != 0  # and not a neutral saddle
    return True


def _describe(kind: str, p: Point) -> CodimensionTwo:
    omega = p.omega if p.curve.hopf and kind != "bogdanov-takens" else nan
    if kind == "zero-hopf" and not p.curve.hopf:
        omega = _imaginary_pair(p).imag
    gammas = p.normal_form(5) if kind == "generalised-hopf" else ()
    in_reference = tuple(g / p.swing[1] ** (2 * k) for k, g in enumerate(gammas, start=1))
    return CodimensionTwo(kind, p.parameters, p.x, omega / (2 * np.pi), in_reference)
