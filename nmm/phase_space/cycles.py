"""Limit cycles: found by harmonic balance, with their Floquet multipliers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfft
from scipy.linalg import matrix_balance
from scipy.optimize import brentq

from nmm.checks import whole_number
from nmm.fixed_points import Equilibrium, equilibria
from nmm.outcome import NumericalWarning
from nmm.perturbation.submanifolds import leading_pair
from nmm.phase_space.harmonics import Balance, to_real
from nmm.sigmoid import Array
from nmm.simulation import Trajectory, simulate
from nmm.system import NeuralMass

_PIECES = 512  # of a period, at least, for the monodromy matrix
_TRIVIAL = 1e-3  # of the start's swing: what Newton's method found is the rest, no cycle
_MANY = 16  # harmonics: fewer are asked for on purpose, to see what is missing
_BLUNT = 1e-4  # share of the last three harmonics beyond which a cycle is not trusted
_FINE = 8  # pieces in the shortest time constant along the cycle, at least


@dataclass(frozen=True, eq=False)
class Cycle:
    """A periodic solution x(θ) = Re Σ_k X_k e^{ikθ}, θ = 2π·frequency·t.

    Parameters
    ----------
    frequency : float
        Hz.
    coefficients : array (H + 1, N)
        X_k; the fundamental of the reference potential is real and positive.
    multipliers : array (N,)
        Floquet multipliers, by descending modulus; one of them is 1.
    stable : bool
        Whether all others lie inside the unit circle.
    amplitude : array (n,)
        Half the amplitude of the fundamental of each potential, mV.
    mean : array (N,)
        State averaged over the cycle.
    outcome : str
        ``"converged"``, or what went wrong.
    """

    frequency: float
    coefficients: NDArray[np.complex128]
    multipliers: NDArray[np.complex128]
    stable: bool
    amplitude: Array
    mean: Array
    outcome: str

    @property
    def period(self) -> float:
        """1 / frequency, s."""
        return 1.0 / self.frequency

    @property
    def harmonics(self) -> int:
        """H."""
        return len(self.coefficients) - 1

    def x(self, theta: ArrayLike) -> Array:
        """State at phase `theta` (rad): shape (..., N)."""
        return states_at(self.coefficients, theta)


def find_cycle(
    m: NeuralMass,
    start: tuple[Equilibrium, float] | Trajectory,
    *,
    harmonics: int = 24,
) -> Cycle:
    """Find a limit cycle, stable or not.

    Parameters
    ----------
    m : NeuralMass
        The model.
    start : (Equilibrium, float) or Trajectory
        A fixed point and r, half the amplitude of the fundamental in the reference population (mV):
        the cycle around that point whose r is nearest. Or a simulation that has come near a stable
        cycle: its last sample is followed on to the cycle.
    harmonics : int, default 24
        Fourier modes H; the error falls exponentially with H.

    Returns
    -------
    Cycle

    Raises
    ------
    ValueError
        If the start is neither, or there is no cycle to be found from it.

    Warns
    -----
    NumericalWarning
        If Newton's method did not converge, or 16 harmonics or more are too few; `outcome` says so.

    Examples
    --------
    >>> from nmm import bistable_column, equilibria, find_cycle
    >>> column = bistable_column()
    >>> rest, = equilibria(column)
    >>> cycle = find_cycle(column, (rest, 0.41))
    >>> round(cycle.frequency, 2), cycle.stable
    (13.17, True)
    """
    harmonics = whole_number("harmonics", harmonics)
    if isinstance(start, Trajectory):
        rest, y, omega = _from_trajectory(m, start, harmonics)
    elif isinstance(start, tuple) and len(start) == 2 and isinstance(start[0], Equilibrium):
        rest = start[0].x
        y, omega = _from_amplitude(m, start[0], float(start[1]), harmonics)
    else:
        raise ValueError("start must be (Equilibrium, r in mV) or a Trajectory")
    balance = Balance(m, rest, harmonics)
    solved = solve_balance(balance, y, 0.0, omega, _phase_condition(balance), fixed_growth=True)
    if solved is None or solved[2] <= 0 or _swing(solved[0]) < _TRIVIAL * _swing(y):
        message = "harmonic balance did not converge to a cycle"
        warnings.warn(message, NumericalWarning, stacklevel=2)
        return describe_cycle(balance, y, omega, "no convergence")
    y, _, omega = solved
    share = float(np.linalg.norm(y[:, -6:])) / _swing(y)
    if harmonics >= _MANY and share > _BLUNT:
        warnings.warn(
            f"the last three of {harmonics} harmonics hold {share:.1e} of the oscillation: what is "
            "left out is about as large; ask for more harmonics",
            NumericalWarning,
            stacklevel=2,
        )
        return describe_cycle(balance, y, omega, "too sharp for its harmonics")
    return describe_cycle(balance, y, omega, "converged")


def _swing(y: Array) -> float:
    """Size of what is not the mean."""
    return float(np.linalg.norm(y[:, 1:]))


def describe_cycle(balance: Balance, y: Array, omega: float, outcome: str) -> Cycle:
    """Turn a solution of harmonic balance into a `Cycle`, with multipliers."""
    m = balance.m
    X = balance.states(y, 0.0, omega)
    multipliers = floquet_multipliers(m, X, omega)
    n = len(m.populations)
    return Cycle(
        frequency=float(omega / (2 * np.pi)),
        coefficients=X,
        multipliers=multipliers,
        stable=bool(np.abs(without_trivial(multipliers)).max() < 1),
        amplitude=np.abs(X[1, :n]) / 2,
        mean=X[0].real,
        outcome=outcome,
    )


def without_trivial(multipliers: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """All multipliers but the one nearest to 1, which belongs to a shift in time."""
    return np.delete(multipliers, np.argmin(np.abs(multipliers - 1)))


def states_at(coefficients: NDArray[np.complex128], theta: ArrayLike) -> Array:
    """Re Σ_k X_k e^{ikθ}: shape (..., N) for theta of shape (...)."""
    k = np.arange(len(coefficients))
    return np.asarray(
        (np.exp(1j * np.multiply.outer(np.asarray(theta, float), k)) @ coefficients).real
    )


def floquet_multipliers(
    m: NeuralMass, coefficients: NDArray[np.complex128], omega: float, pieces: int | None = None
) -> NDArray[np.complex128]:
    """Eigenvalues of the monodromy matrix, by descending modulus.

    Two runs of fourth-order Magnus steps, with `pieces` of a period and half as many, extrapolated
    to sixth order. `pieces` is a power of two; by default it grows with the period and the fastest
    rate along the cycle. Rounding hides multipliers below 1e-16 of the largest.
    """
    if pieces is None:
        rates = np.linalg.eigvals(m.jacobian(samples_of(coefficients, 64)))
        wanted = _FINE * float(np.abs(rates).max()) * 2 * np.pi / omega
        pieces = 2 ** int(np.ceil(np.log2(max(wanted, _PIECES))))
    coarse, fine = (_monodromy(m, coefficients, omega, n) for n in (pieces // 2, pieces))
    values = np.linalg.eigvals((16 * fine - coarse) / 15).astype(complex)
    return values[np.argsort(-np.abs(values))]


def _monodromy(
    m: NeuralMass, coefficients: NDArray[np.complex128], omega: float, pieces: int
) -> Array:
    """Product of fourth-order Magnus steps over one period."""
    h = 2 * np.pi / omega / pieces
    shift = np.sqrt(3) / 6 / pieces
    a, b = (_jacobians(m, coefficients, pieces, 0.5 / pieces + s * shift) for s in (-1, 1))
    steps = _exponentials(h / 2 * (a + b) - np.sqrt(3) / 12 * h**2 * (a @ b - b @ a))
    while len(steps) > 1:  # multiply neighbours, later ones from the left
        steps = steps[1::2] @ steps[0::2]
    return np.asarray(steps[0])


def samples_of(coefficients: NDArray[np.complex128], number: int, start: float = 0.0) -> Array:
    """States (number, N) at evenly spaced times of a period, the first at the fraction `start`."""
    turned = coefficients * np.exp(2j * np.pi * start * np.arange(len(coefficients)))[:, None]
    every = -(-2 * len(turned) // number)  # as many more are computed as there are harmonics
    spectrum = np.zeros((every * number // 2 + 1, turned.shape[1]), complex)
    spectrum[: len(turned)] = turned * (every * number / 2)
    spectrum[0] *= 2
    return np.asarray(irfft(spectrum, every * number, axis=0)[::every])


def _jacobians(
    m: NeuralMass, coefficients: NDArray[np.complex128], pieces: int, start: float
) -> Array:
    """Jacobians along the cycle, in units of the states in which A's entries are of like size."""
    _, (unit, _) = matrix_balance(np.abs(m.A), permute=False, separate=True)
    return np.asarray(m.jacobian(samples_of(coefficients, pieces, start)) * unit / unit[:, None])


def _exponentials(matrices: Array) -> Array:
    """Matrix exponentials of a stack: Taylor series of a small part, squared again."""
    size = float(np.abs(matrices).sum(axis=2).max())
    squarings = max(0, int(np.ceil(np.log2(max(size, 1e-300) / 0.25))))
    small = matrices / 2**squarings
    identity = np.eye(matrices.shape[1])
    out = identity + small / 9
    for k in range(8, 0, -1):  # what is left out: 0.25^10 / 10! < 1e-12
        out = identity + small @ out / k
    for _ in range(squarings):
        out = out @ out
    return np.asarray(out)


def solve_balance(
    balance: Balance,
    y: Array,
    growth: float,
    omega: float,
    conditions: Callable[[Array, float, float], tuple[Array, Array]],
    *,
    fixed_growth: bool = False,
) -> tuple[Array, float, float] | None:
    """Newton's method for harmonic balance with growth and ω free, or ω alone.

    `conditions(y, growth, ω)` gives one value for each free number, and the derivatives
    (values, y.size + 2) by y, growth and ω. None if it does not converge.
    """
    keep = np.ones(y.size + 2, bool)
    keep[y.size] = not fixed_growth
    for _ in range(30):
        residual, by_y, by_growth, by_omega = balance.residual(y, growth, omega)
        values, rows = conditions(y, growth, omega)
        top = np.column_stack([by_y, by_growth.ravel(), by_omega.ravel()])
        matrix = np.vstack([top, rows])[:, keep]
        try:
            step = np.linalg.solve(matrix, np.append(residual.ravel(), values))
        except np.linalg.LinAlgError:
            return None
        full = np.zeros(y.size + 2)
        full[keep] = step
        y, growth, omega = y - full[:-2].reshape(y.shape), growth - full[-2], omega - full[-1]
        if not np.isfinite(y).all() or np.abs(y).max() > 1e6:
            return None
        if np.abs(full[:-2]).max() < 1e-12 * (1 + np.abs(y).max()):
            return y, float(growth), float(omega)
    return None


def _fundamental(balance: Balance, y: Array, growth: float, omega: float) -> tuple[complex, Array]:
    """Fundamental of the reference potential, and its derivatives by y, growth, ω."""
    i = balance.m.populations.index(balance.m.reference)
    response, by_growth, by_omega = (part[1, i] for part in balance.filters(growth, omega))
    firing = balance.firing(y)[1]
    by_y = response[:, None] * balance.firing_slope(y)[:, 1]
    slopes = np.concatenate([by_y.ravel(), [by_growth @ firing, by_omega @ firing]])
    return complex(response @ firing), slopes


def _phase_condition(balance: Balance) -> Callable[[Array, float, float], tuple[Array, Array]]:
    """The fundamental of the reference potential is real."""

    def conditions(y: Array, growth: float, omega: float) -> tuple[Array, Array]:
        value, slopes = _fundamental(balance, y, growth, omega)
        return np.array([value.imag]), slopes.imag[None, :]

    return conditions


def _amplitude_condition(
    balance: Balance, r: float
) -> Callable[[Array, float, float], tuple[Array, Array]]:
    """The fundamental of the reference potential is 2 r, and real."""

    def conditions(y: Array, growth: float, omega: float) -> tuple[Array, Array]:
        value, slopes = _fundamental(balance, y, growth, omega)
        return np.array([value.real - 2 * r, value.imag]), np.stack([slopes.real, slopes.imag])

    return conditions


def slow_growth(
    m: NeuralMass, rest: Equilibrium, radii: Array, harmonics: int
) -> list[tuple[float, Array, float, float]]:
    """Slow harmonic balance along r: (r, y, growth, ω), as far as it can be followed."""
    balance = Balance(m, rest.x, harmonics)
    eigenvalue, right, _ = leading_pair(m, m.jacobian(rest.x))
    y0 = m.C @ rest.x + m.d
    found: list[tuple[float, Array, float, float]] = []
    for r in radii:
        if len(found) < 2:
            y = np.zeros((len(m.C), 2 * harmonics + 1))
            fundamental = 2 * r * (m.C @ right)
            y[:, 0], y[:, 1], y[:, 2] = y0, fundamental.real, -fundamental.imag
            guess = (y, eigenvalue.real, eigenvalue.imag)
        else:  # a line through the last two
            (r1, ya, g1, w1), (r2, yb, g2, w2) = found[-2:]
            t = (r - r2) / (r2 - r1)
            guess = (yb + t * (yb - ya), g2 + t * (g2 - g1), w2 + t * (w2 - w1))
        solved = solve_balance(balance, *guess, _amplitude_condition(balance, r))
        if solved is None:
            break
        found.append((float(r), *solved))
    return found


def _from_amplitude(
    m: NeuralMass, rest: Equilibrium, r: float, harmonics: int
) -> tuple[Array, float]:
    """Sigmoids' arguments and ω of the cycle around `rest` whose r is nearest."""
    if not (np.isfinite(r) and r > 0):
        raise ValueError(f"r = {r}; it must be a positive number of mV")
    few = min(harmonics, 6)
    path = slow_growth(m, rest, np.linspace(r / 200, 2 * r, 160), few)
    candidates = [(a, b) for a, b in pairwise(path) if a[2] * b[2] < 0]
    if not candidates:
        reach = path[-1][0] if path else 0.0
        raise ValueError(
            f"no cycle around this fixed point for r up to {reach:.3g} mV: try another r, or start "
            "from a trajectory"
        )
    balance = Balance(m, rest.x, few)
    zeros = [_zero(balance, a, b) for a, b in candidates]
    _, y, _, omega = min(zeros, key=lambda z: abs(z[0] - r))
    padded = np.zeros((len(y), 2 * harmonics + 1))
    padded[:, : y.shape[1]] = y
    return padded, omega


def _zero(
    balance: Balance, a: tuple[float, Array, float, float], b: tuple[float, Array, float, float]
) -> tuple[float, Array, float, float]:
    """Where the growth vanishes between two amplitudes."""
    best = {}

    def growth(r: float) -> float:
        t = (r - a[0]) / (b[0] - a[0])
        y, g, w = (1 - t) * a[1] + t * b[1], (1 - t) * a[2] + t * b[2], (1 - t) * a[3] + t * b[3]
        solved = solve_balance(balance, y, g, w, _amplitude_condition(balance, r))
        if solved is None:
            raise ValueError("the slow oscillation was lost between two amplitudes")
        best[r] = solved
        return solved[1]

    r = float(brentq(growth, a[0], b[0], xtol=1e-6))
    return (r, *best[r])


def _upward(signal: Array) -> NDArray[np.intp]:
    """Samples before the signal rises through zero; once for each rise from low to high.

    Low and high are a quarter of the range away, so that a shoulder or a ripple does not count.
    """
    quarter = np.ptp(signal) / 4
    crossings = np.flatnonzero((signal[:-1] < 0) & (signal[1:] >= 0))
    marks = np.flatnonzero(np.abs(signal) > quarter)
    rise = np.diff(np.sign(signal[marks])) > 0
    pairs = zip(marks[:-1][rise], marks[1:][rise], strict=True)
    last = [crossings[(crossings >= a) & (crossings < b)][-1] for a, b in pairs]
    return np.array(last, dtype=np.intp)


def _from_trajectory(
    m: NeuralMass, start: Trajectory, harmonics: int
) -> tuple[Array, Array, float]:
    """Rest, sigmoids' arguments and ω of the cycle that the last sample comes to."""
    run = simulate(m, 4.0, x0=start.x[0, -1])
    late = run.x[0, len(run.t) // 2 :]
    signal = m.observe(late)
    signal = signal - (signal.max() + signal.min()) / 2
    quarters = np.array_split(signal, 2)
    if np.ptp(quarters[1]) < max(1e-6, 0.5 * np.ptp(quarters[0])):
        raise ValueError(
            "the trajectory does not oscillate during two seconds: it comes to rest, or a turn "
            "takes longer; start from (Equilibrium, r) instead"
        )
    k = _upward(signal)
    if k.size < 3:
        raise ValueError(
            "less than two periods in two seconds; start from (Equilibrium, r) instead"
        )
    at = k + signal[k] / (signal[k] - signal[k + 1])
    period = (at[-1] - at[0]) / (len(at) - 1)
    samples = at[-2] + period * np.arange(256) / 256
    x = np.array([np.interp(samples, np.arange(len(late)), column) for column in late.T])
    X = np.fft.rfft(x, axis=1).T[: harmonics + 1] / 128
    X[0] /= 2
    X = np.concatenate([X, np.zeros((max(0, harmonics + 1 - len(X)), X.shape[1]))])
    i = m.populations.index(m.reference)
    X = X * np.exp(-1j * np.arange(len(X)) * np.angle(X[1, i]))[:, None]
    y = to_real(X @ m.C.T)
    y[:, 0] += m.d
    return equilibria(m)[0].x, y, 2 * np.pi / (period * (run.t[1] - run.t[0]))
