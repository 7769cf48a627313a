"""Branches of limit cycles as a parameter moves: through folds, to Hopf points, with multipliers.

Pseudo-arclength in the Fourier coefficients of the sigmoids' arguments, ω and the parameter
together; the phase is fixed by the integral condition of Doedel et al. 1991. Stability
is given for every cycle by its multipliers; folds are located from the tangent. Torus points and
period doublings show as a change of stability along the branch, but are not located.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from nmm.checks import interval_around
from nmm.continuation import SpecialPoint
from nmm.cycles import Cycle, describe_cycle, find_cycle
from nmm.fixed_points import Equilibrium, equilibrium_at
from nmm.harmonics import Balance, to_real
from nmm.normal_forms import leading_pair, submanifold
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array
from nmm.simulation import Trajectory
from nmm.system import NeuralMass, check_parameter_name

_STEPS = 2000
_SHORTEST, _LONGEST = 1e-7, 0.1  # of the arc; the interval has length one
_TURN = 0.95  # cosine of the largest angle between two tangents
_RESOLVED = 1e-3  # share of the last three harmonics beyond which a cycle is not trusted
_SMALL = 2e-3  # of the largest swing on the branch: the cycle is about to vanish


@dataclass(frozen=True, eq=False)
class CycleBranch:
    """Limit cycles along one curve.

    Parameters
    ----------
    parameter : array (k,)
        Values of the parameter, along the curve.
    frequency : array (k,)
        Hz.
    amplitude : array (k, n)
        Half the amplitude of the fundamental of each potential, mV.
    stable : array (k,) of bool
        Whether all multipliers but the one at 1 lie inside the unit circle.
    special : tuple of SpecialPoint
        ``"fold"`` and, where the cycle shrinks to a point, ``"hopf"``; in the order of the curve. x
        is the mean state.
    outcome : str
        ``"complete"``, ``"closed"``, ``"too sharp for its harmonics"`` (as where the period grows
        without bound: find the start with more), ``"a fold was not located"``,
        ``"no convergence"`` or ``"step limit"``.
    """

    parameter: Array
    frequency: Array
    amplitude: Array
    stable: NDArray[np.bool_]
    special: tuple[SpecialPoint, ...]
    outcome: str


def continue_cycles(
    m: NeuralMass,
    name: str,
    interval: tuple[float, float],
    start: Cycle | SpecialPoint | tuple[Equilibrium, float] | Trajectory,
) -> CycleBranch:
    """Follow a limit cycle as one parameter moves, through folds.

    Parameters
    ----------
    m : NeuralMass
        Its own value of the parameter lies in the interval.
    name : str
        Parameter.
    interval : (float, float)
        Ends, in the parameter's unit.
    start : Cycle, SpecialPoint, (Equilibrium, r) or Trajectory
        A cycle of `m`; a Hopf point of a branch in the same parameter; or as for `find_cycle`.

    Returns
    -------
    CycleBranch
        Followed both ways until it leaves the interval or shrinks to a Hopf point.

    Raises
    ------
    KeyError
        If the model has no such parameter.
    ValueError
        If the interval is empty or does not hold the starting value, or the start is none of these.

    Warns
    -----
    NumericalWarning
        If the branch could not be followed to an end; `outcome` says why.

    Examples
    --------
    >>> from nmm import bistable_column, continue_cycles, equilibria
    >>> column = bistable_column()
    >>> rest, = equilibria(column)
    >>> branch = continue_cycles(column, "g6", (4400, 5200), (rest, 0.41))
    >>> [(point.kind, round(point.parameter / 200, 2)) for point in branch.special]
    [('fold', 23.34)]
    """
    check_parameter_name(m, name)
    own = {p.name: p.value for p in m.parameters}[name]
    own = start.parameter if isinstance(start, SpecialPoint) else own
    low, high = interval_around(name, interval, own)
    curve, first = _first(m, name, low, high, own, start)
    down, outcome = _walk(curve, first, -1.0)
    up, other = ([first], outcome) if outcome == "closed" else _walk(curve, first, 1.0)
    points = _oriented([*reversed(down), *up[1:]])
    failed = [o for o in (outcome, other) if o not in ("complete", "closed")]
    if len(points) < 2:
        raise ValueError(f"the branch ends where it starts: {(failed or [outcome])[0]}")
    branch = _branch(curve, points, (failed or [outcome])[0])
    if branch.outcome not in ("complete", "closed"):
        warnings.warn(
            f"the branch of cycles in {name} ends at {points[0].parameter:.6g} and "
            f"{points[-1].parameter:.6g}: {branch.outcome}",
            NumericalWarning,
            stacklevel=2,
        )
    return branch


@dataclass(frozen=True, eq=False)
class _Point:
    curve: _Curve
    z: Array  # y, ω and the parameter, in the units of the arc
    tangent: Array

    @property
    def parameter(self) -> float:
        return float(self.z[-1] * self.curve.width)

    @property
    def omega(self) -> float:
        return float(self.z[-2] * self.curve.turn)

    @property
    def y(self) -> Array:
        return self.z[:-2].reshape(self.curve.shape) * self.curve.size

    @property
    def swing(self) -> float:
        """Size of what is not the mean, in units of the arc."""
        return float(np.linalg.norm(self.z[:-2].reshape(self.curve.shape)[:, 1:]))

    @property
    def blunt(self) -> float:
        """Share of the last harmonics: what the series leaves out is about as large."""
        y = self.z[:-2].reshape(self.curve.shape)
        return float(np.linalg.norm(y[:, -6:]) / max(self.swing, 1e-300))

    @cached_property
    def cycle(self) -> Cycle:
        return describe_cycle(self.curve.balance(self.parameter), self.y, self.omega, "converged")


class _Curve:
    """Cycles of one model along one parameter, in scaled variables."""

    def __init__(
        self, m: NeuralMass, name: str, low: float, high: float, y: Array, omega: float
    ) -> None:
        self.m, self.name, self.low, self.high = m, name, low, high
        self.width, self.turn, self.shape = high - low, omega, y.shape
        self.size = max(float(np.linalg.norm(y)), 1e-3)

    def balance(self, parameter: float) -> Balance:
        return Balance(self.m.with_(**{self.name: parameter}), None, (self.shape[1] - 1) // 2)

    def pack(self, y: Array, omega: float, parameter: float) -> Array:
        return np.concatenate([y.ravel() / self.size, [omega / self.turn, parameter / self.width]])

    def system(self, z: Array) -> tuple[Array, Array]:
        """Residual (n,) and its derivatives (n, n + 2) in the scaled variables."""
        y, omega, parameter = (
            z[:-2].reshape(self.shape) * self.size,
            z[-2] * self.turn,
            z[-1] * self.width,
        )
        balance = self.balance(parameter)
        residual, by_y, _, by_omega = balance.residual(y, 0.0, omega)
        by_parameter = balance.by_parameter(self.name, y, omega)
        columns = [by_omega.ravel() * self.turn, by_parameter.ravel() * self.width]
        return residual.ravel() / self.size, np.column_stack(
            [by_y, *(column / self.size for column in columns)]
        )

    def phase(self, z: Array) -> Array:
        """Direction in which only the phase of the cycle `z` moves: a row (n + 2,)."""
        y = z[:-2].reshape(self.shape)
        turned = np.zeros_like(y)
        k = np.arange(1, (self.shape[1] + 1) // 2)
        turned[:, 1::2], turned[:, 2::2] = k * y[:, 2::2], -k * y[:, 1::2]
        return np.concatenate(
            [turned.ravel() / max(float(np.linalg.norm(turned)), 1e-300), [0.0, 0.0]]
        )

    def correct(self, guess: Array, normal: Array) -> tuple[Array, Array] | None:
        """Newton in the plane through `guess` across `normal`: (z, tangent), or None."""
        z, phase = guess.copy(), self.phase(guess)
        for _ in range(8):
            try:
                residual, slopes = self.system(z)
                matrix = np.vstack([slopes, phase, normal])
                gaps = [phase @ (z - guess), normal @ (z - guess)]
                step = np.linalg.solve(matrix, np.append(residual, gaps))
            except (ValueError, np.linalg.LinAlgError):
                return None
            z = z - step
            if np.abs(step).max() < 1e-11:
                along = np.zeros(len(z))
                along[-1] = 1.0
                tangent = np.linalg.solve(np.vstack([self.system(z)[1], phase, normal]), along)
                return z, tangent / np.linalg.norm(tangent)
        return None

    def between(self, a: _Point, b: _Point, t: float) -> _Point:
        """Cycle at the fraction `t` of the chord from a to b."""
        chord = b.z - a.z
        solved = self.correct(a.z + t * chord, chord / np.linalg.norm(chord))
        if solved is None:
            raise ValueError("the branch was lost between two of its cycles")
        return _Point(self, *solved)


def _first(
    m: NeuralMass, name: str, low: float, high: float, own: float, start: object
) -> tuple[_Curve, _Point]:
    """Curve, and the point on it to start from."""
    if isinstance(start, SpecialPoint):
        if start.kind != "hopf":
            raise ValueError(f"a branch of cycles does not start at a {start.kind}")
        return _from_hopf(m, name, low, high, start)
    cycle = start if isinstance(start, Cycle) else find_cycle(m, start)  # type: ignore[arg-type]
    y = to_real(cycle.coefficients @ m.C.T)
    y[:, 0] += m.d
    omega = 2 * np.pi * cycle.frequency
    curve = _Curve(m, name, low, high, y, omega)
    guess = curve.pack(y, omega, own)
    normal = np.zeros(len(guess))
    normal[-1] = 1.0
    solved = curve.correct(guess, normal)
    if solved is None:
        raise ValueError("the start is not near a cycle of this model")
    return curve, _Point(curve, *solved)


def _from_hopf(
    m: NeuralMass, name: str, low: float, high: float, start: SpecialPoint
) -> tuple[_Curve, _Point]:
    """A small cycle beside a Hopf point."""
    there = m.with_(**{name: start.parameter})
    _, q, _ = leading_pair(there, there.jacobian(start.x), pair=2j * np.pi * start.frequency)
    harmonics, r = 24, 0.02
    y = np.zeros((len(m.C), 2 * harmonics + 1))
    fundamental = 2 * r * (m.C @ q)
    y[:, 0] = m.C @ start.x + m.d
    y[:, 1], y[:, 2] = fundamental.real, -fundamental.imag
    omega = 2 * np.pi * start.frequency
    curve = _Curve(m, name, low, high, y, omega)
    guess = curve.pack(y, omega, start.parameter)
    normal = np.zeros(len(guess))
    normal[:-2] = np.concatenate([np.zeros((len(y), 1)), y[:, 1:]], axis=1).ravel()
    solved = curve.correct(guess, normal / np.linalg.norm(normal))
    if solved is None:
        raise ValueError("no small cycle was found beside this Hopf point")
    return curve, _Point(curve, *solved)


def _walk(curve: _Curve, first: _Point, direction: float) -> tuple[list[_Point], str]:
    """Points from `first` to an end of the branch, setting out the given way."""
    points = [_Point(curve, first.z, direction * first.tangent)]
    length, largest = 0.01, first.swing
    for _ in range(_STEPS):
        here = points[-1]
        there = _advance(curve, here, length)
        if there is None:
            length /= 2
            if length < _SHORTEST:
                return points, "no convergence"
            continue
        if not curve.low <= there.parameter <= curve.high:
            return [*points, *_at_the_end(curve, here, there)], "complete"
        points.append(there)
        if there.blunt > _RESOLVED:
            return points[:-1], "too sharp for its harmonics"
        largest = max(largest, there.swing)
        if there.swing < _SMALL * largest:
            return points, "complete"
        if len(points) > 10 and np.linalg.norm(there.z - first.z) < length / 2:
            return points, "closed"
        # Near its end the cycle shrinks: never step over the point where it vanishes.
        length = min(1.4 * length, _LONGEST, max(0.5 * there.swing, 1e-6))
    return points, "step limit"


def _advance(curve: _Curve, here: _Point, length: float) -> _Point | None:
    solved = curve.correct(here.z + length * here.tangent, here.tangent)
    if solved is None:
        return None
    z, tangent = solved
    moved = np.linalg.norm(z - here.z)
    if tangent @ here.tangent < _TURN or moved > 1.5 * length:
        return None
    return _Point(curve, z, tangent)


def _at_the_end(curve: _Curve, a: _Point, b: _Point) -> list[_Point]:
    """The cycle where the branch leaves the interval."""
    end = curve.low if b.parameter < curve.low else curve.high
    if a.parameter == end:
        return []
    t = brentq(lambda t: curve.between(a, b, t).parameter - end, 0.0, 1.0, xtol=1e-12)
    return [curve.between(a, b, t)]


def _oriented(points: list[_Point]) -> list[_Point]:
    """Lower end first, tangents along the order of the list."""
    if points[0].parameter > points[-1].parameter:
        points = points[::-1]
    out = []
    for i, p in enumerate(points):
        before, after = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
        sign = 1.0 if p.tangent @ (after.z - before.z) >= 0 else -1.0
        out.append(_Point(p.curve, p.z, sign * p.tangent))
    return out


def _branch(curve: _Curve, points: list[_Point], outcome: str) -> CycleBranch:
    special = list(_folds(curve, points))
    if any(point.kind == "lost" for point in special):
        special = [point for point in special if point.kind != "lost"]
        outcome = "a fold was not located"
    largest = max(p.swing for p in points)
    for end, place in ((points[0], 0), (points[-1], len(special) + 1)):
        if end.swing < 2 * _SMALL * largest:
            special.insert(place, _hopf(curve, end))
    return CycleBranch(
        parameter=np.array([p.parameter for p in points]),
        frequency=np.array([p.cycle.frequency for p in points]),
        amplitude=np.array([p.cycle.amplitude for p in points]),
        stable=np.array([p.cycle.stable for p in points]),
        special=tuple(special),
        outcome=outcome,
    )


def _folds(curve: _Curve, points: list[_Point]) -> Iterator[SpecialPoint]:
    """Points where the parameter turns back, in the order of the curve."""
    for a, b in pairwise(points):
        if a.tangent[-1] * b.tangent[-1] >= 0:
            continue
        try:
            t = float(brentq(_turning, 0.0, 1.0, args=(curve, a, b), xtol=1e-13))
            p, kind = curve.between(a, b, t), "fold"
        except ValueError:  # the branch turns too sharply to say where
            p, kind = a, "lost"
        yield SpecialPoint(kind, p.parameter, p.cycle.mean, p.cycle.frequency, ())


def _turning(t: float, curve: _Curve, a: _Point, b: _Point) -> float:
    """The parameter's share of the tangent between a and b, the tangent pointing from a to b."""
    p = curve.between(a, b, t)
    return float(p.tangent[-1] * np.sign(p.tangent @ (b.z - a.z)))


def _hopf(curve: _Curve, end: _Point) -> SpecialPoint:
    """The Hopf point to which a small cycle shrinks: solved for on the branch of fixed points."""

    def rest(parameter: float) -> Equilibrium:
        m = curve.m.with_(**{curve.name: parameter})
        x = end.cycle.mean
        for _ in range(20):
            x = x - np.linalg.solve(m.jacobian(x), m.flow(x))
        return equilibrium_at(m, x)

    def pair(point: Equilibrium) -> complex:
        values = point.eigenvalues
        return complex(values[np.argmin(np.abs(values - 1j * end.omega))])

    reach = 1e-6 * curve.width
    while pair(rest(end.parameter - reach)).real * pair(rest(end.parameter + reach)).real > 0:
        reach *= 2
        if reach > 0.1 * curve.width:
            return SpecialPoint("hopf", end.parameter, end.cycle.mean, nan, ())
    at = float(
        brentq(
            lambda p: pair(rest(p)).real,
            end.parameter - reach,
            end.parameter + reach,
            xtol=1e-13 * curve.width,
        )
    )
    point = rest(at)
    gammas = submanifold(curve.m.with_(**{curve.name: at}), point, 5, pair=pair(point)).coefficients
    return SpecialPoint("hopf", at, point.x, pair(point).imag / (2 * np.pi), gammas)
