"""Curves of limit cycles in scaled variables, each cycle with as many harmonics as it needs.

The unknowns are the Fourier coefficients of the sigmoids' arguments, ω and one or two parameters;
the phase is fixed by the integral condition of Doedel et al. 1991. Coefficients that are left out
count as zero, so cycles with different numbers of harmonics lie on one curve, at the same distance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import LinAlgError, lu_factor, lu_solve
from scipy.optimize import brentq

from nmm.phase_space.cycles import Cycle, describe_cycle
from nmm.phase_space.harmonics import Balance, to_real
from nmm.sigmoid import Array
from nmm.system import NeuralMass

FEWEST = 8  # harmonics
SHARP = 1e-9  # share of the last three harmonics beyond which there must be more
_BLUNT = 1e-11  # share beyond a smaller number of harmonics below which these are enough
_ROUNDING = 2e-15  # a residual that cannot be told from zero: no step is exact where it decides
_BLURRED = 1e-8  # a step then, at most
_SLOW = 0.2  # ratio of two steps from which the matrix is computed anew
_STEPS, _MATRICES = 25, 4  # of Newton's method, at most

Factors = tuple[Array, Array]


class CycleCurve:
    """Cycles of one model along one or two parameters, in scaled variables z = (y, ω, parameters).

    Parameters
    ----------
    m : NeuralMass
        The model.
    names : sequence of str
        Parameters.
    box : array (k, 2)
        Their intervals; the arc measures each as of length one.
    y : array (m, 2H + 1)
        Coefficients of a first cycle: the arc measures coefficients in units of their norm, or of
        1 mV if that is more.
    omega : float
        Its ω: the unit of frequencies.
    """

    most = 512  # harmonics
    exact = 1e-11  # last Newton step, of the cycle's size
    shortest = 1e-7  # step of the arc, of the swing

    def __init__(
        self, m: NeuralMass, names: Sequence[str], box: Array, y: Array, omega: float
    ) -> None:
        self.m, self.names, self.box = m, tuple(names), box
        self.width, self.turn, self.rows = box[:, 1] - box[:, 0], omega, len(y)
        self.size = max(float(np.linalg.norm(y)), 1.0)

    def pack(self, y: Array, omega: float, parameters: Array) -> Array:
        return np.concatenate([y.ravel() / self.size, [omega / self.turn], parameters / self.width])

    def harmonics(self, z: Array) -> int:
        return ((len(z) - 1 - len(self.names)) // self.rows - 1) // 2

    def profile(self, z: Array) -> Array:
        """The scaled coefficients in `z`: (m, 2H + 1)."""
        return z[: -1 - len(self.names)].reshape(self.rows, -1)

    def resize(self, z: Array, harmonics: int) -> Array:
        """`z` with so many harmonics: zeros added, or the last cut off."""
        old = self.profile(z)
        new = np.zeros((self.rows, 2 * harmonics + 1))
        shared = min(old.shape[1], new.shape[1])
        new[:, :shared] = old[:, :shared]
        return np.concatenate([new.ravel(), z[-1 - len(self.names) :]])

    def alike(self, *vectors: Array) -> list[Array]:
        """The vectors with the harmonics of the longest."""
        most = max(self.harmonics(z) for z in vectors)
        return [self.resize(z, most) for z in vectors]

    def unpack(self, z: Array) -> tuple[Balance, Array, float]:
        """Harmonic balance of the model at `z`, y and ω."""
        k = len(self.names)
        values = dict(zip(self.names, z[-k:] * self.width, strict=True))
        balance = Balance(self.m.with_(**values), None, self.harmonics(z))
        return balance, self.profile(z) * self.size, float(z[-k - 1] * self.turn)

    def gap(self, z: Array) -> Array:
        """What vanishes on the curve, scaled: the residual of harmonic balance."""
        balance, y, omega = self.unpack(z)
        return balance.gap(y, 0.0, omega).ravel() / self.size

    def slopes(self, z: Array) -> Array:
        """Derivatives of `gap` by z: one row less than columns for the phase, one for the arc."""
        balance, y, omega = self.unpack(z)
        _, by_y, _, by_omega = balance.residual(y, 0.0, omega)
        columns = [by_omega.ravel() * (self.turn / self.size)]
        for name, width in zip(self.names, self.width, strict=True):
            columns.append(balance.by_parameter(name, y, omega).ravel() * (width / self.size))
        return np.column_stack([by_y, *columns])

    def phase(self, z: Array) -> Array:
        """Direction in which only the phase of the cycle `z` moves: a row (n + 1 + k,)."""
        y = self.profile(z)
        turned = np.zeros_like(y)
        k = np.arange(1, (y.shape[1] + 1) // 2)
        turned[:, 1::2], turned[:, 2::2] = k * y[:, 2::2], -k * y[:, 1::2]
        out = np.zeros(len(z))
        out[: y.size] = turned.ravel() / max(float(np.linalg.norm(turned)), 1e-300)
        return out

    def swing(self, z: Array) -> float:
        """Size of what is not the mean, in units of the arc."""
        return float(np.linalg.norm(self.profile(z)[:, 1:]))

    def share(self, z: Array, beyond: int) -> float:
        """Share of the harmonics beyond a number: what a series that long leaves out."""
        return float(np.linalg.norm(self.profile(z)[:, 2 * beyond + 1 :])) / max(
            self.swing(z), 1e-300
        )

    def is_sharp(self, z: Array) -> bool:
        return self.share(z, self.harmonics(z) - 3) > SHARP


def curve_through(
    m: NeuralMass, names: Sequence[str], box: Array, cycle: Cycle, parameters: Array
) -> tuple[CycleCurve, Array]:
    """A curve with units from `cycle`, a cycle of `m` at these parameters, and its z."""
    there = m.with_(**dict(zip(names, parameters, strict=True)))
    y = to_real(cycle.coefficients @ there.C.T)
    y[:, 0] += there.d
    omega = 2 * np.pi * cycle.frequency
    curve = CycleCurve(m, names, box, y, omega)
    return curve, curve.pack(y, omega, parameters)


@dataclass(frozen=True, eq=False)
class CyclePoint:
    """A cycle on a curve, with the tangent of the curve."""

    curve: CycleCurve
    z: Array
    tangent: Array
    factors: Factors | None = None  # of the bordered matrix, where it was computed
    steps: int = 0  # of Newton's method

    @property
    def parameters(self) -> Array:
        return np.asarray(self.z[-len(self.curve.names) :] * self.curve.width)

    @property
    def parameter(self) -> float:
        """The only one, or the first."""
        return float(self.parameters[0])

    @property
    def frequency(self) -> float:
        """Hz."""
        return float(self.z[-1 - len(self.curve.names)] * self.curve.turn / (2 * np.pi))

    @property
    def harmonics(self) -> int:
        return self.curve.harmonics(self.z)

    @property
    def swing(self) -> float:
        return self.curve.swing(self.z)

    @property
    def sharp(self) -> bool:
        """Whether it needs more harmonics than it has."""
        return self.curve.is_sharp(self.z)

    @cached_property
    def cycle(self) -> Cycle:
        return describe_cycle(*self.curve.unpack(self.z), "converged")

    def chord(self, other: CyclePoint) -> Array:
        """From here to `other`."""
        here, there = self.curve.alike(self.z, other.z)
        return np.asarray(there - here)


def correct(
    curve: CycleCurve, guess: Array, normal: Array, factors: Factors | None = None
) -> CyclePoint | None:
    """Newton in the plane through `guess` across `normal`, with the harmonics of `guess`.

    `factors`, of the matrix at a neighbour, serve as long as the steps shrink fast.
    """
    phase, z, last, count = curve.phase(guess), guess, np.inf, 0
    try:
        for steps in range(1, _STEPS):
            if factors is None or len(factors[0]) != len(z):
                factors, count = _factors(curve, z, phase, normal), count + 1
            gaps = [phase @ (z - guess), normal @ (z - guess)]
            values = np.append(curve.gap(z), gaps)
            step = lu_solve(factors, values, check_finite=False)
            size = float(np.abs(step).max())
            if size < curve.exact or (np.abs(values).max() < _ROUNDING and size < _BLURRED):
                return _with_tangent(curve, z - step, phase, normal, steps)
            if size > _SLOW * last or not size < 1:
                if count == _MATRICES:
                    return None
                # Steps of an old matrix that lead away are not taken.
                factors, last, z = None, np.inf, guess if size >= last or size >= 1 else z - step
                continue
            z, last = z - step, size
    except (ValueError, LinAlgError, FloatingPointError):  # no such model, or a singular matrix
        return None
    return None


def _factors(curve: CycleCurve, z: Array, phase: Array, normal: Array) -> Factors:
    matrix = np.vstack([curve.slopes(z), phase, normal])
    lu, pivots = lu_factor(matrix, overwrite_a=True)
    return lu, pivots


def _with_tangent(
    curve: CycleCurve, z: Array, phase: Array, normal: Array, steps: int
) -> CyclePoint:
    factors = _factors(curve, z, phase, normal)
    along = np.zeros(len(z))
    along[-1] = 1.0
    tangent = lu_solve(factors, along)
    return CyclePoint(curve, z, tangent / np.linalg.norm(tangent), factors, steps)


def resolve(
    curve: CycleCurve, guess: Array, normal: Array, factors: Factors | None = None
) -> CyclePoint | None:
    """`correct`, with so many harmonics that what is left out is small, or with the most."""
    point = correct(curve, guess, normal, factors)
    while point is not None and point.sharp and point.harmonics < curve.most:
        more = min(next_harmonics(point.harmonics), curve.most)
        point = correct(curve, curve.resize(point.z, more), curve.resize(normal, more))
    return point


def next_harmonics(harmonics: int) -> int:
    """The next of 8, 12, 16, 24, 32, 48 and so on."""
    power = 2 ** int(np.log2(harmonics))
    more = power * 3 // 2 if harmonics < power * 3 // 2 else 2 * power
    return int(max(more, FEWEST))


def fewer_harmonics(curve: CycleCurve, z: Array) -> int:
    """The least of 8, 12, 16, … that hold the cycle `z` well."""
    enough = FEWEST
    while enough < curve.harmonics(z) and curve.share(z, enough - 3) > _BLUNT:
        enough = next_harmonics(enough)
    return min(enough, curve.harmonics(z))


def between(a: CyclePoint, b: CyclePoint, t: float) -> CyclePoint:
    """Cycle at the fraction `t` of the chord from a to b; its tangent points from a to b."""
    chord = a.chord(b)
    curve = a.curve
    start = curve.resize(a.z, curve.harmonics(chord))
    point = resolve(curve, start + t * chord, chord / np.linalg.norm(chord))
    if point is None:
        raise ValueError("the branch was lost between two of its cycles")
    return point


def locate(a: CyclePoint, b: CyclePoint, test: Callable[[CyclePoint], float]) -> CyclePoint:
    """The cycle between a and b where a test that changes sign between them vanishes."""
    return between(a, b, float(brentq(lambda t: test(between(a, b, t)), 0.0, 1.0, xtol=1e-14)))
