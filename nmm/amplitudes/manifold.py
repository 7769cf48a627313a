"""The slow surface of an oscillation of any size, with the limits of what it describes.

The surface contains the fixed point and the cycles around it. Its equation is solved in
`invariance`; here are the first guess, how far out to go, and two measures of trust: the
harmonics that were left out, and how much faster than the amplitude everything else decays.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicSpline

from nmm.amplitudes.invariance import (
    Complex,
    Grid,
    Invariance,
    Linearised,
    grid_operators,
    newton,
    parity,
    slow_operators,
)
from nmm.fixed_points import Equilibrium
from nmm.perturbation.submanifolds import leading_pair
from nmm.phase_space.cycles import floquet_multipliers
from nmm.sigmoid import Array
from nmm.system import NeuralMass

_BEYOND = 1.3  # how far past the outermost attracting cycle, in R
_FEW = 5  # harmonics of the first guess
_TAIL = 2e-4  # of the growth, in its last Chebyshev terms: more than that, and points are added
_PIECES = 64  # of a turn, for the decay across the surface


@dataclass(frozen=True, eq=False)
class SlowBranch:
    """Slow harmonic balance along R: rows by ascending R, the first at R = 0.

    Parameters
    ----------
    R : array (n,)
        mV.
    X : array (n, H + 1, N)
        X_k; the mean counted from rest.
    growth, omega : array (n,)
        α, s⁻¹, and ω, rad/s.
    """

    R: Array
    X: Complex
    growth: Array
    omega: Array


@dataclass(frozen=True, eq=False)
class Surface:
    """Solution of the invariance equation: X_k, a and Ω along R.

    Parameters
    ----------
    equation : Invariance
        On the points of `grid`.
    grid : Grid
        Points along R.
    X : array (H + 1, K, N)
        X_k at the points; the mean counted from rest.
    growth, omega : array (K,)
        a = Ṙ/R, s⁻¹, and Ω, rad/s, at the points.
    slow : SlowBranch
        Slow harmonic balance, for comparison.
    """

    equation: Invariance
    grid: Grid
    X: Complex
    growth: Array
    omega: Array
    slow: SlowBranch

    @cached_property
    def linearised(self) -> Linearised:
        """The factorised derivative of the equation at the solution."""
        return self.equation.linearised(self.X, self.growth, self.omega)

    @property
    def tail(self) -> float:
        """Size of the last three Chebyshev terms of a, as a share of the largest."""
        x = np.cos(np.pi * np.arange(self.grid.size) / (self.grid.size - 1))
        terms = np.abs(np.polynomial.chebyshev.chebfit(x, self.growth, self.grid.size - 1))
        return float(terms[-3:].max() / terms.max())

    @cached_property
    def _even(self) -> Complex:
        """X_k without its power of R: (K, H + 1, N)."""
        return np.asarray((self.X / self._power(self.grid.R).T[:, :, None]).swapaxes(0, 1))

    def _power(self, R: Array) -> Array:
        return np.asarray(R[..., None] ** parity(len(self.X) - 1))

    def coefficients(self, R: ArrayLike) -> Complex:
        """X_k at `R` (...): shape (..., H + 1, N)."""
        R = np.asarray(R, float)
        values = np.tensordot(self.grid.interpolation(R), self._even, 1)
        return np.asarray(values * self._power(R)[..., None])

    def radial(self, R: ArrayLike, order: int = 1) -> Complex:
        """(R ∂_R)ⁿ X_k at `R` (...), n = `order` ≥ 1: shape (..., H + 1, N)."""
        R, power = np.asarray(R, float), parity(len(self.X) - 1)[:, None]
        even = self._even
        for _ in range(order - 1):
            even = np.tensordot(self.grid.derivative, even, 1) + power * even
        rows = (
            np.tensordot(self.grid.slopes(R), even, 1),
            np.tensordot(self.grid.interpolation(R), even, 1),
        )
        return np.asarray((rows[0] + power * rows[1]) * self._power(R)[..., None])

    def rates(self, R: ArrayLike) -> tuple[Array, Array]:
        """Values of a and Ω at `R` (...)."""
        rows = self.grid.interpolation(R)
        return rows @ self.growth, rows @ self.omega

    def slope(self, R: ArrayLike) -> Array:
        """dṘ/dR at `R` (...), s⁻¹."""
        rows = self.grid.interpolation(R) + self.grid.slopes(R)
        return np.asarray(rows @ self.growth)

    def state(self, R: ArrayLike, phase: ArrayLike) -> Array:
        """State at `R` and at the phase at which p·X_1 is real: shape (..., N)."""
        k = np.arange(len(self.X))
        turn = np.exp(1j * np.multiply.outer(np.asarray(phase, float), k))
        waves = (turn[..., None, :] @ self.coefficients(R))[..., 0, :]
        return np.asarray(self.equation.rest + waves.real)

    def component(self, R: ArrayLike, i: int) -> tuple[Complex, Complex]:
        """Fundamental of state `i` and its R ∂_R, at `R` (...)."""
        R, even = np.asarray(R, float), self._even[:, 1, i]
        value = R * (self.grid.interpolation(R) @ even)
        return value, value + R * (self.grid.slopes(R) @ even)

    def invert(self, zeta: Complex) -> tuple[Array, Array]:
        """R and phase of the points with the projections ζ (n,); nan if there is none.

        Closer to rest than any bend of the surface can be told, ζ = R e^{i phase}.
        """
        R, phase = np.abs(zeta), np.angle(zeta)
        bent = ~(1e-9 * self.grid.scale > R)
        R[bent], phase[bent] = self._inverted(zeta[bent])
        lost = ~(self.grid.end >= R)
        return np.where(lost, np.nan, R), np.where(lost, np.nan, phase)

    def _inverted(self, zeta: Complex) -> tuple[Array, Array]:
        """R and phase by Newton's method, for ζ not at rest; nan where it finds none."""
        k, p = np.arange(len(self.X)), self.equation.left
        R, phase = np.minimum(np.abs(zeta), 0.98 * self.grid.end), np.angle(zeta)
        gap = zeta
        for _ in range(30):
            turn = np.exp(1j * phase[:, None] * k)[:, None, :]
            X = self.coefficients(R)
            value, by_R, by_phase = (
                (waves @ values)[:, 0].real @ p
                for waves, values in ((turn, X), (turn, self.radial(R)), (1j * k * turn, X))
            )
            gap = zeta - value
            area = (by_R.conj() * by_phase).imag
            relative = (gap.conj() * by_phase).imag / area
            phase = phase + np.clip((by_R.conj() * gap).imag / area, -0.5, 0.5)
            R = np.minimum(R * np.exp(np.clip(relative, -0.5, 0.5)), 1.2 * self.grid.end)
            if np.abs(relative).max(initial=0.0) < 1e-13:
                break
        return np.where(np.abs(gap) < 1e-9 * np.abs(zeta), R, np.nan), phase

    def error(self, R: Array) -> Array:
        """Share of the oscillation that is missing at `R` (n,): (n,).

        The firing's harmonics H + 1 … 2H, through the synaptic filters, as they arrive at the
        sigmoids; their size over that of the oscillation there, for the sigmoid with the largest.
        """
        e, H = self.equation, len(self.X) - 1
        X = self.coefficients(R).swapaxes(0, 1)
        omega = self.rates(R)[1]
        wide = Invariance(e.m, e.rest, e.left, R, np.zeros((2 * H + 1, R.size, R.size)))
        padded = _padded(X, 2 * H)
        left_out = -wide.defect(padded, np.zeros(R.size), omega)[H + 1 :]
        turning = 1j * np.arange(H + 1, 2 * H + 1)[:, None, None, None] * omega[:, None, None]
        missed = np.linalg.solve(turning * np.eye(X.shape[2]) - e.m.A, left_out[..., None])[..., 0]
        missed, seen = missed @ e.m.C.T, X[1:] @ e.m.C.T
        return np.asarray(np.sqrt((_square(missed) / _square(seen)).max(axis=-1)))

    def decay(self, R: Array) -> Array:
        """Rate at which all else decays towards the surface at `R` (n,), s⁻¹: (n,).

        From the third multiplier of a turn with R held; infinite if there are two states only.
        """
        if self.X.shape[2] < 3:
            return np.full(R.shape, np.inf)
        e, (_, omega) = self.equation, self.rates(R)
        orbits = self.coefficients(R)
        orbits[:, 0] += e.rest
        third = [
            abs(floquet_multipliers(e.m, orbit, float(w), _PIECES)[2])
            for orbit, w in zip(orbits, omega, strict=True)
        ]
        return np.asarray(-np.log(third) * omega / (2 * np.pi))


def _square(values: NDArray[Any]) -> Array:
    return np.asarray((np.abs(values) ** 2).sum(axis=0))


def slow_surface(
    m: NeuralMass, rest: Equilibrium, harmonics: int, reference: str | None = None
) -> tuple[Surface, str]:
    """Solve the invariance equation around a fixed point, as far out as it can be solved.

    Returns
    -------
    surface : Surface
        If nothing could be solved, the tangent plane, with `end` zero but for rounding.
    reach : str
        Why the surface ends where it ends.
    """
    eigenvalue, right, left = leading_pair(m, m.jacobian(rest.x), reference)
    scale = natural_amplitude(m, rest.x, right)
    slow = slow_branch(m, rest.x, eigenvalue, right, left, scale, min(harmonics, _FEW))
    end, attracted, reach = _range(slow, scale)
    ways = [(end, False)] if attracted else []
    ways += [(end * 0.7**i, True) for i in range(6)]  # shorter, until Newton's method succeeds
    sizes = 15 + harmonics // 4, 23 + harmonics // 4
    for length, given in ways if slow.R.size > 8 else ():  # a spline goes through them
        surface = None
        for size in sizes:
            grid = Grid(length, scale, size)
            finer = _solved(m, rest.x, left, grid, slow, harmonics, given)
            surface = finer or surface
            if finer is None or finer.tail < _TAIL:
                break
        if surface is not None and surface.tail < 100 * _TAIL:
            lost = "Newton's method found no surface further out"
            return surface, reach if length == end else lost
    grid = Grid(1e-9 * scale, scale, 3)
    X = np.zeros((harmonics + 1, 3, m.n_states), complex)
    X[1] = 2 * grid.R[:, None] * right
    equation = _equation(m, rest.x, left, grid, harmonics, None)
    rates = np.full(3, eigenvalue.real), np.full(3, eigenvalue.imag)
    return Surface(equation, grid, X, *rates, slow), "Newton's method found no surface at all"


def _solved(
    m: NeuralMass,
    rest: Array,
    left: Complex,
    grid: Grid,
    slow: SlowBranch,
    harmonics: int,
    given: bool,
) -> Surface | None:
    """Newton's method from the slow branch, with few harmonics first."""
    guess: tuple[Complex, Array, Array] | None = _first_guess(slow, grid)
    for count in dict.fromkeys((min(harmonics, _FEW), harmonics)):
        equation = _equation(m, rest, left, grid, count, slow if given else None)
        if guess is not None:
            guess = newton(equation, _padded(guess[0], count), *guess[1:])
    return None if guess is None else Surface(equation, grid, *guess, slow)


def _padded(X: Complex, harmonics: int) -> Complex:
    return np.concatenate([X, np.zeros((harmonics + 1 - len(X), *X.shape[1:]))])


def _even(slow: SlowBranch) -> CubicSpline:
    """X_k / R or R² along the slow branch, (H + 1, N)."""
    powers = parity(slow.X.shape[1] - 1)[:, None]
    return CubicSpline(slow.R[1:], slow.X[1:] / slow.R[1:, None, None] ** powers)


def _first_guess(slow: SlowBranch, grid: Grid) -> tuple[Complex, Array, Array]:
    """Slow harmonic balance at the points of a grid."""
    powers = parity(slow.X.shape[1] - 1)[:, None]
    X = _even(slow)(np.maximum(grid.R, slow.R[1])) * grid.R[:, None, None] ** powers
    rates = CubicSpline(slow.R, np.stack([slow.growth, slow.omega]), axis=1)(grid.R)
    return X.swapaxes(0, 1), rates[0], rates[1]


def _equation(
    m: NeuralMass, rest: Array, left: Complex, grid: Grid, harmonics: int, slow: SlowBranch | None
) -> Invariance:
    """The equation on a grid; with a slow branch, R ∂_R at the end is taken from there."""
    if slow is None:
        return Invariance(m, rest, left, grid.R, grid_operators(grid, harmonics))
    powers, shape = parity(slow.X.shape[1] - 1)[:, None], _even(slow)
    edge = (grid.end * shape(grid.end, 1) + powers * shape(grid.end)) * grid.end**powers
    operators = grid_operators(grid, harmonics)
    operators[:, 0] = 0.0
    return Invariance(m, rest, left, grid.R, operators, _padded(edge, harmonics))


def natural_amplitude(m: NeuralMass, x: Array, right: Complex) -> float:
    """R at which some sigmoid leaves its Taylor series at the fixed point, mV."""
    y = m.C @ x + m.d
    first = np.abs(np.asarray(m.sigmoid.derivative(y, 1)))
    with np.errstate(divide="ignore"):
        ranges = [
            (first * factorial(n) / np.abs(np.asarray(m.sigmoid.derivative(y, n)))) ** (1 / (n - 1))
            for n in (3, 5)
        ]
        return float((np.min(ranges, axis=0) / (2 * np.abs(m.C @ right))).min())


def slow_branch(
    m: NeuralMass,
    rest: Array,
    eigenvalue: complex,
    right: Complex,
    left: Complex,
    scale: float,
    harmonics: int,
) -> SlowBranch:
    """Follow slow harmonic balance along R, with steps that Newton's method can bridge."""
    first = np.zeros((harmonics + 1, 1, m.n_states), complex)
    rows = [(0.0, first, np.array([eigenvalue.real]), np.array([eigenvalue.imag]))]
    step, operators = 0.02 * scale, slow_operators(harmonics)
    while rows[-1][0] < 12 * scale and step > 1e-3 * scale and len(rows) < 200:
        R = rows[-1][0] + step
        guess = _ahead(rows, R, right)
        solved = newton(Invariance(m, rest, left, np.array([R]), operators), *guess)
        if solved is None or _jumped(guess, solved):
            step /= 2
            continue
        rows.append((R, *solved))
        step = min(1.5 * step, 0.15 * R + 0.02 * scale)
    return SlowBranch(
        np.array([row[0] for row in rows]),
        np.array([row[1][:, 0] for row in rows]),
        np.array([row[2][0] for row in rows]),
        np.array([row[3][0] for row in rows]),
    )


def _ahead(
    rows: list[tuple[float, Complex, Array, Array]], R: float, right: Complex
) -> tuple[Complex, Array, Array]:
    """A line through the last two solutions; the eigenvector to begin with."""
    if len(rows) == 1:
        X = rows[0][1].copy()
        X[1, 0] = 2 * R * right
        return X, rows[0][2], rows[0][3]
    (R1, *one), (R2, *two) = rows[-2:]
    t = (R - R2) / (R2 - R1)
    X, growth, omega = (b + t * (b - a) for a, b in zip(one, two, strict=True))
    return X, growth, omega


def _jumped(guess: tuple[Complex, Array, Array], solved: tuple[Complex, Array, Array]) -> bool:
    """Whether Newton's method went so far that this may be another branch."""
    moved = np.abs(solved[0] - guess[0]).max(axis=(0, 1))
    turn = abs(complex(solved[1][0] - guess[1][0], solved[2][0] - guess[2][0]))
    return bool((moved > 0.3 * np.abs(solved[0]).max(axis=(0, 1))).any() or turn > 0.2 * solved[2])


def _range(slow: SlowBranch, scale: float) -> tuple[float, bool, str]:
    """How far to go in R; whether the flow comes to a cycle from both sides; and in words."""
    a, last = slow.growth, float(slow.R[-1])
    attracting = np.flatnonzero((a[:-1] > 0) & (a[1:] <= 0))
    if attracting.size:
        i = attracting[-1]
        zero = float(slow.R[i] + (slow.R[i + 1] - slow.R[i]) * a[i] / (a[i] - a[i + 1]))
        wanted, attracted = _BEYOND * zero, True
        reach = f"{_BEYOND} times the outermost attracting cycle in R; nothing stays out there"
    else:
        wanted, attracted = 2 * scale, bool(np.interp(min(2 * scale, last), slow.R, a) > 0)
        reach = "twice the range of the sigmoids' Taylor series in R; no cycle attracts up to there"
    if wanted > last:
        return last, attracted, "slow harmonic balance could not be followed further out"
    return wanted, attracted, reach
