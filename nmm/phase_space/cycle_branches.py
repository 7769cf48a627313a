"""Branches of limit cycles as a parameter moves: through folds, to Hopf points and SNICs.

Pseudo-arclength (`cycle_walks`) on `cycle_curves`; special points from `cycle_points`, ends from
`cycle_ends`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nmm.checks import interval_around
from nmm.fixed_points import Equilibrium
from nmm.outcome import NumericalWarning
from nmm.perturbation.submanifolds import leading_pair
from nmm.phase_space.cycle_curves import FEWEST, CycleCurve, CyclePoint, curve_through, resolve
from nmm.phase_space.cycle_ends import hopf, snic
from nmm.phase_space.cycle_points import special_points
from nmm.phase_space.cycle_walks import SMALL, oriented, walk
from nmm.phase_space.cycles import Cycle, find_cycle
from nmm.phase_space.special_points import SpecialPoint
from nmm.sigmoid import Array
from nmm.simulation import Trajectory
from nmm.system import NeuralMass, check_parameter_name

_SIZES = (0.1, 0.01, 0.001)  # mV: of the small cycle beside a Hopf point


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
        In the order of the curve: ``"fold"``, ``"period-doubling"``, ``"torus"`` (coefficients:
        its multiplier), each with its cycle, x the mean state; at an end ``"hopf"``, where the
        cycle shrinks to a point, or ``"snic"``, where its period grows without bound because a
        fold of fixed points opens on it (parameter, x and coefficients are that fold's, frequency
        zero).
    outcome : str
        ``"complete"`` (both ends are such points, or leave the interval), ``"closed"``,
        ``"too sharp for its harmonics"`` (512 do not hold it, as near a homoclinic orbit),
        ``"a special point was not located"``, ``"no convergence"`` or ``"step limit"``.
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
        Followed both ways until it leaves the interval or ends at a Hopf point or a SNIC.

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
    box = np.array([interval_around(name, interval, own)])
    first = _first(m, name, box, own, start)
    down, outcome = walk(first, -1.0, _at_snic)
    up, other = ([first], outcome) if outcome == "closed" else walk(first, 1.0, _at_snic)
    points = oriented([*reversed(down), *up[1:]])
    failed = [o for o in (outcome, other) if o not in ("complete", "closed")]
    if len(points) < 2:
        raise ValueError(f"the branch ends where it starts: {(failed or [outcome])[0]}")
    branch = _branch(points, (failed or [outcome])[0])
    if branch.outcome not in ("complete", "closed"):
        warnings.warn(
            f"the branch of cycles in {name} ends at {points[0].parameter:.6g} and "
            f"{points[-1].parameter:.6g}: {branch.outcome}",
            NumericalWarning,
            stacklevel=2,
        )
    return branch


def _first(m: NeuralMass, name: str, box: Array, own: float, start: object) -> CyclePoint:
    """A first cycle on the branch."""
    if isinstance(start, SpecialPoint):
        if start.kind != "hopf":
            raise ValueError(f"a branch of cycles does not start at a {start.kind}")
        return _from_hopf(m, name, box, start)
    cycle = start if isinstance(start, Cycle) else find_cycle(m, start)  # type: ignore[arg-type]
    curve, guess = curve_through(m, (name,), box, cycle, np.array([own]))
    normal = np.zeros(len(guess))
    normal[-1] = 1.0
    point = resolve(curve, guess, normal)
    if point is None:
        raise ValueError("the start is not near a cycle of this model")
    return point


def _from_hopf(m: NeuralMass, name: str, box: Array, start: SpecialPoint) -> CyclePoint:
    """A small cycle beside a Hopf point."""
    there = m.with_(**{name: start.parameter})
    omega = 2 * np.pi * start.frequency
    _, q, _ = leading_pair(there, there.jacobian(start.x), pair=1j * omega)
    fundamental = there.C @ q / np.linalg.norm(there.C @ q)
    for size in _SIZES:
        y = np.zeros((len(m.C), 2 * FEWEST + 1))
        y[:, 0] = there.C @ start.x + there.d
        y[:, 1], y[:, 2] = size * fundamental.real, -size * fundamental.imag
        curve = CycleCurve(m, (name,), box, y, omega)
        guess = curve.pack(y, omega, np.array([start.parameter]))
        normal = np.zeros(len(guess))
        normal[:-2] = np.concatenate([np.zeros((len(y), 1)), y[:, 1:]], axis=1).ravel()
        point = resolve(curve, guess, normal / np.linalg.norm(normal))
        if point is not None and box[0, 0] <= point.parameter <= box[0, 1]:
            return point
    raise ValueError(
        "no small cycle was found beside this Hopf point inside the interval: widen the interval "
        "on both sides of the Hopf point, and check that it is one of this model in this parameter"
    )


def _at_snic(points: list[CyclePoint]) -> bool:
    return snic(points) is not None


def _branch(points: list[CyclePoint], outcome: str) -> CycleBranch:
    special: list[SpecialPoint] = []
    try:
        special.extend(special_points(points))
    except ValueError:
        if outcome in ("complete", "closed"):
            outcome = "a special point was not located"
    largest = max(p.swing for p in points)
    for path, place in ((points[::-1], 0), (points, len(special) + 1)):
        if path[-1].swing < 2 * SMALL * largest:
            special.insert(place, hopf(path[-1]))
        elif (end := snic(path)) is not None:
            special.insert(place, end)
    return CycleBranch(
        parameter=np.array([p.parameter for p in points]),
        frequency=np.array([p.frequency for p in points]),
        amplitude=np.array([p.cycle.amplitude for p in points]),
        stable=np.array([p.cycle.stable for p in points]),
        special=tuple(special),
        outcome=outcome,
    )
