"""Special points along a branch of cycles: folds, period doublings, torus points.

Each kind has a test that changes sign there and nowhere else between two cycles of the branch:

    fold              the parameter's share of the tangent
    period doubling   Π (1 + μ): a pair of multipliers counts twice, a real one changes its sign
    torus             Π (μ_i μ_j − 1) over pairs: vanishes where |μ| = 1 for a pair, and where two
                      real multipliers are inverse to each other, which is told apart at the root

The multiplier nearest to 1, the trivial one, is left out. Kuznetsov, Elements of Applied
Bifurcation Theory, section 10.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from nmm.phase_space.cycle_curves import CyclePoint, between, locate
from nmm.phase_space.cycles import without_trivial
from nmm.phase_space.special_points import SpecialPoint

_HALVINGS = 12  # of a step in which something must be, and nothing is found
_ROUNDING = 1e-10  # of a test: its sign says nothing there, as of the tangent at a homoclinic orbit
_UNIT = 1e-6  # distance from the unit circle at a root beyond which nothing crosses it


def special_points(points: list[CyclePoint]) -> Iterator[SpecialPoint]:
    """Special points in the order of the curve.

    Raises
    ------
    ValueError
        If the branch turns too sharply to say where.
    """
    for a, b in pairwise(points):
        yield from _between(a, b, _HALVINGS)


def _between(a: CyclePoint, b: CyclePoint, halvings: int) -> list[SpecialPoint]:
    """Special points between two cycles."""
    found = []
    for kind, (test, crossing) in _TESTS.items():
        ends = np.array([test(a), test(b)])
        if ends.prod() < 0 and np.abs(ends).max() > _ROUNDING:
            p = locate(a, b, test)
            if crossing(p):
                found.append((float(np.linalg.norm(a.chord(p))), _special(kind, p)))
    unexplained = a.cycle.stable != b.cycle.stable and not found
    if halvings and (unexplained or (not found and _turns_twice(a, b))):
        middle = between(a, b, 0.5)
        return _between(a, middle, halvings - 1) + _between(middle, b, halvings - 1)
    return [point for _, point in sorted(found, key=lambda pair: pair[0])]


def _special(kind: str, p: CyclePoint) -> SpecialPoint:
    coefficients = (_pair(p),) if kind == "torus" else ()
    return SpecialPoint(kind, p.parameter, p.cycle.mean, p.frequency, coefficients, p.cycle)


def _turns_twice(a: CyclePoint, b: CyclePoint) -> bool:
    """Whether the cubic through two cycles and their tangents has two folds between them."""
    chord = a.chord(b)
    share = chord[-1] / np.linalg.norm(chord)
    ends = np.array([p.tangent[-1] / (p.curve.alike(p.tangent, chord)[0] @ chord) for p in (a, b)])
    ends = ends * np.linalg.norm(chord)
    t = np.linspace(0, 1, 51)
    slope = 6 * t * (1 - t) * share + (1 - t) * (1 - 3 * t) * ends[0] - t * (2 - 3 * t) * ends[1]
    return bool(ends[0] * ends[1] > 0 and (slope * ends[0]).min() < 0)


def _turning(p: CyclePoint) -> float:
    return float(p.tangent[-1])


def _doubling(p: CyclePoint) -> float:
    return _product(1 + without_trivial(p.cycle.multipliers))


def _rotation(p: CyclePoint) -> float:
    pairs = combinations(without_trivial(p.cycle.multipliers), 2)
    return _product(np.array([one * other - 1 for one, other in pairs]))


def _product(factors: NDArray[np.complex128]) -> float:
    """Real product, no factor larger than one, so that it does not overflow."""
    return float(np.prod(factors / np.maximum(1.0, np.abs(factors))).real)


def _pair(p: CyclePoint) -> complex:
    """The complex multiplier, above the real axis, that is nearest to the unit circle."""
    values = without_trivial(p.cycle.multipliers)
    values = values[values.imag > 0]
    return complex(values[np.argmin(np.abs(np.abs(values) - 1))]) if values.size else 0j


# Kind: what changes sign, and whether a root is such a point.
_TESTS: dict[str, tuple[Callable[[CyclePoint], float], Callable[[CyclePoint], bool]]] = {
    "fold": (_turning, lambda p: True),
    "period-doubling": (
        _doubling,
        lambda p: bool(np.abs(p.cycle.multipliers + 1).min() < _UNIT),
    ),
    "torus": (_rotation, lambda p: abs(abs(_pair(p)) - 1) < _UNIT),
}
