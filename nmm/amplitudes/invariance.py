"""The invariance equation of a two-dimensional slow surface, and Newton's method for it.

With x = x* + Re Σ_k X_k(R) e^{ikθ}, k = 0 … H, Ṙ = a(R) R and θ̇ = Ω(R), the flow stays on the
surface if (eq-invariance)

    a R ∂_R X_k + i k Ω X_k = [flow]_k,    X_k(−R) = (−1)^k X_k(R).

The surface is followed in R = |fundamental of ζ|, ζ = p·(x − x*), because that keeps growing where
the fundamental of a single potential saturates: p·X_1 = 2R, real. Along R the X_k are polynomials
in t = R² / (1 + R²/scale²), times R or R², at Chebyshev's points; the derivative is a matrix, and
Newton's method solves for all points at once. Only the sigmoids' arguments enter nonlinearly, so
each step is condensed to them: (2H + 1) numbers for each sigmoid and point.

Slow harmonic balance is the same equation with R ∂_R X_k = k X_k (2 X_0 for the mean) at each R
alone. It gives the first guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import lu_factor, lu_solve

from nmm.sigmoid import Array
from nmm.system import NeuralMass

Complex = NDArray[np.complex128]

_FIRST = 2e-6  # the first point, as a share of the range of t: so near zero, λ is all but exact
_TOLERANCE = 1e-10  # of the last Newton step, relative


@dataclass(frozen=True, eq=False)
class Grid:
    """Chebyshev's points along R, with interpolation and differentiation of even functions.

    Parameters
    ----------
    end : float
        Largest R, mV.
    scale : float
        Where t = R² / (1 + R²/scale²) begins to saturate, mV.
    size : int
        Number of points K; the first is R = `end`, the last almost zero.
    """

    end: float
    scale: float
    size: int

    @cached_property
    def t(self) -> Array:
        """The points, as t."""
        x = np.cos(np.pi * np.arange(self.size) / (self.size - 1))
        return np.asarray(self._t(self.end) * (_FIRST + (1 - _FIRST) * (1 + x) / 2))

    @cached_property
    def R(self) -> Array:
        """The points, mV."""
        return np.asarray(np.sqrt(self.t / (1 - self.t / self.scale**2)))

    def _t(self, R: ArrayLike) -> Array:
        square = np.square(R)
        return np.asarray(square / (1 + square / self.scale**2))

    @cached_property
    def _weights(self) -> Array:
        weights = (-1.0) ** np.arange(self.size)
        weights[[0, -1]] /= 2
        return weights

    @cached_property
    def _by_t(self) -> Array:
        gaps = self.t[:, None] - self.t + np.eye(self.size)
        matrix = self._weights / self._weights[:, None] / gaps
        np.fill_diagonal(matrix, 0.0)
        np.fill_diagonal(matrix, -matrix.sum(axis=1))
        return np.asarray(matrix)

    @property
    def derivative(self) -> Array:
        """R d/dR of an even function, from its values to its values: (K, K)."""
        return np.asarray((2 * self.t * (1 - self.t / self.scale**2))[:, None] * self._by_t)

    def slopes(self, R: ArrayLike) -> Array:
        """From values at the points to R d/dR at `R` (...), of an even function: (..., K)."""
        t = self._t(R)
        rows = self.interpolation(R) @ self._by_t
        return np.asarray((2 * t * (1 - t / self.scale**2))[..., None] * rows)

    def interpolation(self, R: ArrayLike) -> Array:
        """From values at the points to values at `R` (...), of an even function: (..., K)."""
        gaps = self._t(R)[..., None] - self.t
        hit = gaps == 0
        terms = np.where(
            hit.any(axis=-1, keepdims=True), hit, self._weights / np.where(hit, 1, gaps)
        )
        return np.asarray(terms / terms.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Invariance:
    """The invariance equation of one model at a set of amplitudes.

    Parameters
    ----------
    m : NeuralMass
        With N states and m sigmoids.
    rest : array (N,)
        x*.
    left : array (N,)
        p.
    R : array (K,)
        Amplitudes, mV.
    operators : array (H + 1, K, K)
        R ∂_R, for each k, from values at the amplitudes to values there.
    inflow : array (H + 1, N) or None
        R ∂_R X_k at the first amplitude, where it is given instead of computed.
    """

    m: NeuralMass
    rest: Array
    left: Complex
    R: Array
    operators: Array
    inflow: Complex | None = None

    @property
    def harmonics(self) -> int:
        """H."""
        return len(self.operators) - 1

    @cached_property
    def basis(self) -> Array:
        """Values at equal phases of 1, cos θ, sin θ, cos 2θ, …: (phases, 2H + 1)."""
        n = 6 * self.harmonics + 16  # aliasing starts where five harmonics of order H multiply
        theta = 2 * np.pi * np.arange(n) / n
        k = np.arange(1, self.harmonics + 1)
        waves = np.stack([np.cos(np.outer(theta, k)), np.sin(np.outer(theta, k))], axis=2)
        return np.hstack([np.ones((n, 1)), waves.reshape(n, -1)])

    @cached_property
    def projection(self) -> Array:
        """From values at the phases to coefficients: (2H + 1, phases)."""
        weights = np.full(2 * self.harmonics + 1, 2.0 / len(self.basis))
        weights[0] /= 2
        return np.asarray(weights[:, None] * self.basis.T)

    def arguments(self, X: Complex) -> Array:
        """The sigmoids' arguments at the phases: (K, m, phases)."""
        y = to_real(X @ self.m.C.T)
        y[..., 0] += self.m.C @ self.rest + self.m.d
        return np.asarray(y @ self.basis.T)

    def radial(self, X: Complex) -> Complex:
        """R ∂_R X_k: (H + 1, K, N)."""
        out = self.operators @ X
        if self.inflow is not None:
            out[:, 0] = self.inflow
        return np.asarray(out)

    def defect(self, X: Complex, growth: Array, omega: Array) -> Complex:
        """What is left of a R ∂_R X_k + i k Ω X_k = [flow]_k: (H + 1, K, N)."""
        m = self.m
        firing = to_complex(np.asarray(m.sigmoid(self.arguments(X))) @ self.projection.T)
        firing[0] -= np.asarray(m.sigmoid(m.C @ self.rest + m.d))
        turning = 1j * np.arange(self.harmonics + 1)[:, None, None] * omega[:, None] * X
        return np.asarray(growth[:, None] * self.radial(X) + turning - X @ m.A.T - firing @ m.B.T)

    def linearised(self, X: Complex, growth: Array, omega: Array) -> Linearised:
        """The derivative of the equation at one guess, factorised."""
        K, N, width = len(self.R), self.m.n_states, 2 * self.harmonics + 1
        inverse = self._filters(growth, omega)
        gain = np.asarray(self.m.sigmoid.derivative(self.arguments(X), 1))
        slope = (self.projection * gain[:, :, None, :]) @ self.basis  # K, m, coefficients twice
        slopes = to_complex(slope.transpose(0, 3, 1, 2)).transpose(0, 1, 3, 2)  # H+1, K, m, 2H+1
        seen = self.m.C @ inverse.reshape(-1, K, N, K * N)  # by the sigmoids
        k = np.arange(self.harmonics + 1)[:, None, None]
        moves = np.stack([self.radial(X), 1j * k * X])  # by growth, by ω
        loop = seen.reshape(*seen.shape[:3], K, N) @ self.m.B
        size = K * len(self.m.C) * width
        matrix = np.empty((size + 2 * K,) * 2)
        inner = matrix[:size, :size].reshape(K, len(self.m.C), width, size)
        for j, (part, by) in enumerate(zip(loop, slopes, strict=True)):
            block = (part[..., None] * by).reshape(K, len(self.m.C), size)
            inner[:, :, max(2 * j - 1, 0)] = -block.real
            if j:
                inner[:, :, 2 * j] = block.imag
        matrix[np.arange(size), np.arange(size)] += 1
        by_rates = np.einsum("kjalp,qklp->qkjla", seen.reshape(*seen.shape[:3], K, N), moves)
        for q in range(2):
            columns = slice(size + q * K, size + (q + 1) * K)
            matrix[:size, columns] = _rows(by_rates[q]).reshape(size, K)
        own = (self.left @ inverse[1].reshape(K, N, K * N)).reshape(K, K, N)  # p·X_1
        top = ((own @ self.m.B)[..., None] * slopes[1]).reshape(K, size)
        rates = np.einsum("jlp,qlp->jql", own, moves[:, 1]).reshape(K, 2 * K)
        rows = np.hstack([top, -rates])
        matrix[size:] = np.vstack([rows.real, rows.imag])
        return Linearised(self, inverse, slopes, moves, lu_factor(matrix, overwrite_a=True))

    def _filters(self, growth: Array, omega: Array) -> Complex:
        """Inverse of a R ∂_R + i k Ω − A, for each k: (H + 1, K N, K N)."""
        K, N = len(self.R), self.m.n_states
        matrix = np.zeros((self.harmonics + 1, K, N, K, N), complex)
        rows = growth[:, None] * self.operators
        turning = np.arange(self.harmonics + 1)[:, None, None] * np.diag(omega)
        for n in range(N):
            matrix[:, :, n, :, n] = rows + 1j * turning
        for j in range(K):
            matrix[:, j, :, j] -= self.m.A
        return np.asarray(np.linalg.inv(matrix.reshape(self.harmonics + 1, K * N, K * N)))


@dataclass(frozen=True, eq=False)
class Linearised:
    """The factorised derivative of an `Invariance`: solves for steps and for sensitivities."""

    equation: Invariance
    inverse: Complex
    slopes: Complex
    moves: Complex
    factors: tuple[Array, Array]

    def solve(self, defect: Complex, gap: Complex) -> tuple[Complex, Array, Array]:
        """Changes of X, a, Ω that make up for a defect (H + 1, K, N), and `gap` (K,) in p·X_1."""
        e = self.equation
        plain = self._filtered(-defect)
        missing = gap - plain[1] @ e.left
        known = to_real(plain @ e.m.C.T)
        step = lu_solve(self.factors, np.concatenate([known.ravel(), missing.real, missing.imag]))
        y = step[: known.size].reshape(known.shape)
        growth, omega = step[known.size :].reshape(2, -1)
        firing = np.einsum("klip,lip->kli", self.slopes, y)
        drive = firing @ e.m.B.T - growth[:, None] * self.moves[0] - omega[:, None] * self.moves[1]
        return self._filtered(drive - defect), growth, omega

    def _filtered(self, drive: Complex) -> Complex:
        return np.asarray((self.inverse @ drive.reshape(len(drive), -1, 1)).reshape(drive.shape))


def to_complex(real: Array) -> Complex:
    """Coefficients (..., 2H + 1) of 1, cos, sin, … as X_k with Re Σ X_k e^{ikθ}: (H + 1, ...)."""
    out = np.empty(((real.shape[-1] + 1) // 2, *real.shape[:-1]), complex)
    out[0] = real[..., 0]
    out[1:] = np.moveaxis(real[..., 1::2] - 1j * real[..., 2::2], -1, 0)
    return out


def to_real(values: Complex) -> Array:
    """Inverse of `to_complex`: (H + 1, ...) → (..., 2H + 1)."""
    out = np.empty((*values.shape[1:], 2 * len(values) - 1))
    out[..., 0] = values[0].real
    out[..., 1::2] = np.moveaxis(values[1:].real, 0, -1)
    out[..., 2::2] = -np.moveaxis(values[1:].imag, 0, -1)
    return out


def _rows(values: Complex) -> Array:
    """(H + 1, K, K', m) → (K, m, 2H + 1, K')."""
    return np.asarray(to_real(values).transpose(0, 2, 3, 1))


def newton(
    equation: Invariance, X: Complex, growth: Array, omega: Array
) -> tuple[Complex, Array, Array] | None:
    """Solve the equation from a guess; the factors are kept as long as they serve."""
    factors, last = None, np.inf
    for _ in range(40):
        if factors is None:
            try:
                factors = equation.linearised(X, growth, omega)
            except np.linalg.LinAlgError:
                return None
        gap = 2 * equation.R - X[1] @ equation.left
        dX, da, dw = factors.solve(equation.defect(X, growth, omega), gap)
        X, growth, omega = X + dX, growth + da, omega + dw
        y = np.abs(dX @ equation.m.C.T).max(axis=(0, 2)) / equation.R
        size = float(y.max() / np.abs(X[1] @ equation.m.C.T / equation.R[:, None]).max())
        if not size < 10:
            return None
        if size < _TOLERANCE:
            return X, growth, omega
        if size > min(1e-2, 0.1 * last):
            factors = None
        last = size
    return None


def slow_operators(harmonics: int) -> Array:
    """R ∂_R of slow harmonic balance, at one amplitude: (H + 1, 1, 1)."""
    k = np.arange(harmonics + 1.0)
    k[0] = 2.0
    return np.asarray(k[:, None, None])


def grid_operators(grid: Grid, harmonics: int) -> Array:
    """R ∂_R on a grid: X_k is R (odd k) or R² (even k) times an even function."""
    out = np.empty((harmonics + 1, grid.size, grid.size))
    for k, power in enumerate(parity(harmonics)):
        ratio = (grid.R[:, None] / grid.R) ** power
        out[k] = power * np.eye(grid.size) + grid.derivative * ratio
    return out


def parity(harmonics: int) -> NDArray[np.int64]:
    """Power of R that goes with each X_k, k = 0 … H: 1 for odd k, 2 for even."""
    return np.asarray(2 - np.arange(harmonics + 1) % 2)
