"""Where branches of cycles end: a Hopf point, to which a cycle shrinks, or a SNIC.

At a saddle-node on an invariant circle (SNIC) a cycle meets a fold of fixed points. On the way
there it is slow beside the fold: ż = bε + a z², ε the distance of the parameter from the fold, so
that its period grows like T = π / √(a b ε) + T₀ (Kuznetsov, Elements of Applied Bifurcation Theory,
section 7.1). At a homoclinic orbit it would grow like −log ε.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from scipy.optimize import brentq

from nmm.fixed_points import Equilibrium, equilibrium_at
from nmm.perturbation.submanifolds import submanifold
from nmm.phase_space.cycle_curves import CyclePoint
from nmm.phase_space.cycles import samples_of
from nmm.phase_space.special_points import SpecialPoint
from nmm.sigmoid import Array
from nmm.system import NeuralMass

_LONG = 3.0  # times the shortest period: only then a SNIC is looked for
_APART = 1.25  # ratio of the two periods that are compared with the law
_LAW = 0.05  # relative error of the law's slope that is taken for agreement
_REST = 0.1  # share of the period that is not the slow passage, at most
_EXACT = 1e-12


@dataclass(frozen=True, eq=False)
class _SaddleNode:
    """A fold of fixed points: ż = rate·(parameter − its own) + quadratic·z² along q, |q| = 1."""

    parameter: float
    x: Array
    quadratic: float
    rate: float


def snic(points: Sequence[CyclePoint]) -> SpecialPoint | None:
    """The SNIC to which the last of `points` leads, if its period follows the saddle-node's law."""
    last = points[-1]
    periods = 1 / np.array([p.frequency for p in points])
    earlier = np.flatnonzero(periods * _APART < periods[-1])
    if periods[-1] < _LONG * periods.min() or not earlier.size:
        return None
    other = points[earlier[-1]]
    name = last.curve.names[0]
    fold = _saddle_node(last.curve.m, name, _slowest(last), last.parameter)
    if fold is None:
        return None
    speeds = [fold.quadratic * fold.rate * (p.parameter - fold.parameter) for p in (last, other)]
    if min(speeds) <= 0:
        return None
    law = np.pi / np.sqrt(speeds)
    slope = (1 / last.frequency - 1 / other.frequency) / (law[0] - law[1])
    if abs(slope - 1) > _LAW or abs(1 / last.frequency / law[0] - 1) > _REST:
        return None
    return SpecialPoint("snic", fold.parameter, fold.x, 0.0, (fold.quadratic,))


def _slowest(point: CyclePoint) -> Array:
    """State in which the cycle moves most slowly, each state measured by how far it reaches."""
    m = point.curve.unpack(point.z)[0].m
    x = samples_of(point.cycle.coefficients, 4096)
    extent = np.ptp(x, axis=0)
    speed = np.abs(m.flow(x) / np.maximum(extent, 1e-9 * extent.max())).max(axis=1)
    return np.asarray(x[np.argmin(speed)])


def _saddle_node(m: NeuralMass, name: str, x: Array, parameter: float) -> _SaddleNode | None:
    """The fold of fixed points nearest to a state and a parameter: F = 0 and uᵀ J q = 0.

    u, q are the singular vectors of the smallest singular value. (∂J/∂parameter) q is a central
    difference, on which only the speed of Newton's method depends.
    """
    for _ in range(30):
        try:
            here = m.with_(**{name: parameter})
            left, values, right = np.linalg.svd(here.jacobian(x))
            u, q = left[:, -1], right[-1]
            h = 1e-4 * (1 + np.abs(x).max())
            moved = here.sensitivity(name, x + h * q) - here.sensitivity(name, x - h * q)
            row = [*(u @ here.form(x, q, e) for e in np.eye(m.n_states)), u @ moved / (2 * h)]
            slopes = np.column_stack([here.jacobian(x), here.sensitivity(name, x)])
            step = np.linalg.solve(np.vstack([slopes, row]), np.append(here.flow(x), values[-1]))
        except (ValueError, np.linalg.LinAlgError):
            return None
        x, parameter = x - step[:-1], parameter - float(step[-1])
        if np.abs(step).max() < _EXACT * (1 + np.abs(x).max() + abs(parameter)):
            q = q * np.sign(q[m.populations.index(m.reference)])
            p = u / (u @ q)
            quadratic = float(p @ here.form(x, q, q)) / 2
            return _SaddleNode(parameter, x, quadratic, float(p @ here.sensitivity(name, x)))
    return None


def hopf(end: CyclePoint) -> SpecialPoint:
    """The Hopf point to which a small cycle shrinks: solved for on the branch of fixed points."""
    m, name, width = end.curve.m, end.curve.names[0], float(end.curve.width[0])

    def rest(parameter: float) -> Equilibrium:
        there, x = m.with_(**{name: parameter}), end.cycle.mean
        for _ in range(20):
            x = x - np.linalg.solve(there.jacobian(x), there.flow(x))
        return equilibrium_at(there, x)

    def pair(point: Equilibrium) -> complex:
        values = point.eigenvalues
        return complex(values[np.argmin(np.abs(values - 2j * np.pi * end.frequency))])

    at, reach = end.parameter, 1e-6 * width
    while pair(rest(at - reach)).real * pair(rest(at + reach)).real > 0:
        reach *= 2
        if reach > 0.1 * width:
            return SpecialPoint("hopf", at, end.cycle.mean, nan, ())
    at = float(brentq(lambda p: pair(rest(p)).real, at - reach, at + reach, xtol=1e-13 * width))
    point = rest(at)
    gammas = submanifold(m.with_(**{name: at}), point, 5, pair=pair(point)).coefficients
    return SpecialPoint("hopf", at, point.x, pair(point).imag / (2 * np.pi), gammas)
