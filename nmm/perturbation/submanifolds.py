"""The slow surface of a budding oscillation, and the slow line of a real mode, to any order.

Near a fixed point x* with leading pair λ, λ̄ the state is x = x* + Σ h_jk zʲ z̄ᵏ with
ż = λ z + Σ γ_m z |z|²ᵐ. Order by order (eq-homological)

    (jλ + kλ̄ − J) h_jk = [B s]_jk − Σ_m [(j−m) γ_m + (k−m) γ̄_m] h_{j−m,k−m},

where [B s]_jk is what the sigmoid's Taylor series makes of the lower orders. The resonant part,
j = k + 1, goes into γ_k through the left eigenvector p, and p·h_jk = 0 there: |z| is the modulus of
the fundamental of p·(x − x*). For a real λ the surface is a line x = x* + Σ h_k zᵏ with
ż = λ z + Σ a_k zᵏ and p·h_k = 0 for k ≥ 2, so that z = p·(x − x*) itself. Cabré, Fontich & de la
Llave 2003; Haller & Ponsioen 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import factorial

import numpy as np
from numpy.typing import NDArray

from nmm.fixed_points import Equilibrium
from nmm.system import NeuralMass

Complex = NDArray[np.complex128]
Polynomials = list[Complex]  # by degree D: (..., D + 1), entry j for zʲ z̄^(D−j); real: (..., 1)


@dataclass(frozen=True, eq=False)
class Submanifold:
    """Slow surface of a pair of eigenvalues, or slow line of a real one, to some order.

    Parameters
    ----------
    eigenvalue : complex
        λ, with positive imaginary part, or real; rad/s.
    coefficients : tuple of complex
        γ_1, γ_2, …, s⁻¹ mV^(−2m); for a real λ: a_2, a_3, …, s⁻¹ mV^(1−k).
    surface : list of array (N, D + 1) or (N, 1)
        h_jk for the degrees D = 1, 2, …; entry j belongs to zʲ z̄^(D−j). For a real λ: h_D.
    left : array (N,)
        p, with p·q = 1 (no conjugate).
    """

    eigenvalue: complex
    coefficients: tuple[complex, ...]
    surface: Polynomials
    left: Complex

    @cached_property
    def rates(self) -> Complex:
        """ż/z by powers of R (of z, for a real λ): shape (order,)."""
        step = 2 if self.eigenvalue.imag else 1
        rates = np.zeros(step * len(self.coefficients) + 1, complex)
        rates[0], rates[step::step] = self.eigenvalue, self.coefficients
        return rates

    @cached_property
    def table(self) -> Complex:
        """h_jk as one array (order + 1, order + 1, N); for a real λ (order + 1, 1, N)."""
        size = len(self.surface) + 1
        table = np.zeros((size, size if self.eigenvalue.imag else 1, len(self.left)), complex)
        for degree, h in enumerate(self.surface, start=1):
            j = np.arange(degree + 1) if self.eigenvalue.imag else np.array([degree])
            table[j, degree - j] = h.T
        return table


def submanifold(
    m: NeuralMass,
    equilibrium: Equilibrium,
    order: int,
    reference: str | None = None,
    *,
    pair: complex | None = None,
) -> Submanifold:
    """Compute the surface and its normal form to an odd `order` (3, 5, 7, …).

    Parameters
    ----------
    m : NeuralMass
        With n populations.
    equilibrium : Equilibrium
        With a complex leading pair.
    order : int
        Odd, from 3.
    reference : str, optional
        Population in whose potential the right eigenvector is one; the model's by default.
    pair : complex, optional
        Take the eigenvalue nearest to this instead of the leading one.

    Returns
    -------
    Submanifold

    Raises
    ------
    ValueError
        If the order is not odd, the leading eigenvalue is real, or a second pair is as slow.
    """
    if order < 3 or order % 2 == 0:
        raise ValueError(f"order = {order}; the normal form has odd orders only: 3, 5, 7, …")
    J = m.jacobian(equilibrium.x)
    eigenvalue, right, left = leading_pair(m, J, reference, pair)
    size = m.n_states
    surface: Polynomials = [np.zeros((size, 1), complex), np.stack([right.conj(), right], axis=1)]
    series = _Series(m, equilibrium.x, 2 * np.pi * np.arange(2 * order + 1) / (2 * order + 1))
    gammas: list[complex] = []
    for degree in range(2, order + 1):
        known = series.next(m.C @ surface[-1])
        j = np.arange(degree // 2 + degree % 2, degree + 1)
        k = degree - j
        lower = [_lower(surface, gammas, int(i), degree - int(i)) for i in j]
        rhs = known[:, j] - np.stack(lower, axis=1)
        resonant = j == k + 1
        if resonant.any():
            gammas.append(complex(left @ rhs[:, 0]))
            rhs[:, 0] -= gammas[-1] * right
        h = _solve(J, j * eigenvalue + k * eigenvalue.conjugate(), rhs, left, resonant)
        rows = np.zeros((size, degree + 1), complex)
        rows[:, j], rows[:, k] = h, h.conj()
        surface.append(rows)
    return Submanifold(eigenvalue, tuple(gammas), surface[1:], left)


def slow_line(
    m: NeuralMass, equilibrium: Equilibrium, order: int, reference: str | None, near: complex | None
) -> Submanifold:
    """Compute the line of the real eigenvalue that leads, or is nearest to `near`.

    Raises
    ------
    ValueError
        If the order is below 2, or a second mode is as slow.
    """
    if order < 2:
        raise ValueError(f"order = {order}; a real mode has the orders 2, 3, 4, …")
    J = m.jacobian(equilibrium.x)
    value, right, left = leading_mode(m, J, reference, near)
    surface: Polynomials = [np.zeros((m.n_states, 1), complex), right[:, None]]
    series = _Series(m, equilibrium.x, np.zeros(1))
    rates: list[float] = []
    for degree in range(2, order + 1):
        rhs = series.next(m.C @ surface[-1])[:, 0]
        for k, rate in enumerate(rates, start=2):
            rhs = rhs - rate * (degree - k + 1) * surface[degree - k + 1][:, 0]
        rates.append(float((left @ rhs).real))
        rhs = rhs - rates[-1] * right
        h = _solve(J, np.array([degree * value]), rhs[:, None], left, np.array([True]))
        surface.append(h.real.astype(complex))
    return Submanifold(complex(value.real), tuple(rates), surface[1:], left)


def leading_pair(
    m: NeuralMass,
    J: NDArray[np.floating],
    reference: str | None = None,
    pair: complex | None = None,
) -> tuple[complex, Complex, Complex]:
    """Leading eigenvalue λ of `J`, or the one nearest to `pair`, and its vectors q, p.

    p·q = 1, and q = 1 in the reference population's potential.

    Raises
    ------
    ValueError
        If the leading eigenvalue is real, or a second pair is as slow to 1e-6 of |λ|.
    """
    mode = leading_mode(m, J, reference, pair)
    if mode[0].imag <= 0:
        raise ValueError(
            f"the leading eigenvalue {mode[0].real:.4g} is real: no oscillation starts here"
        )
    return mode


def leading_mode(
    m: NeuralMass,
    J: NDArray[np.floating],
    reference: str | None = None,
    near: complex | None = None,
) -> tuple[complex, Complex, Complex]:
    """As `leading_pair`, for a real eigenvalue too.

    Raises
    ------
    ValueError
        If another mode is as slow to 1e-6 of |λ|, and none is named by `near`.
    """
    reference = reference or m.reference
    if reference not in m.populations:
        raise ValueError(f"reference = {reference!r}; it must be one of {m.populations}")
    values, vectors = np.linalg.eig(J)
    order = np.lexsort((-values.imag, -np.round(values.real, 9)))
    values, vectors = values[order].astype(complex), vectors[:, order].astype(complex)
    i = 0 if near is None else int(np.argmin(np.abs(values - near)))
    other = 1 if values[0].imag == 0 else 2
    if near is None and len(values) > other:
        gap = values[0].real - values[other].real
        if gap < 1e-6 * abs(values[0]):
            raise ValueError(
                f"two modes are equally slow ({values[0]:.4g} and {values[other]:.4g}): one "
                "amplitude does not describe them; move a parameter"
            )
    return _normalised(m, values, vectors, i, reference)


def _normalised(
    m: NeuralMass, values: Complex, vectors: Complex, i: int, reference: str
) -> tuple[complex, Complex, Complex]:
    scale = vectors[m.populations.index(reference), i]
    return complex(values[i]), vectors[:, i] / scale, np.linalg.inv(vectors)[i] * scale


class _Series:
    """Taylor composition B s(y* + w), one degree after the other, w = C (x − x*).

    A homogeneous polynomial is held by its values at z = e^{iθ}: products are products of values.
    """

    def __init__(self, m: NeuralMass, x: NDArray[np.floating], theta: NDArray[np.floating]) -> None:
        self.m, self.y, self.theta = m, m.C @ x + m.d, theta
        self.powers: list[list[NDArray[np.floating]]] = [[], []]  # by n, then by degree from n

    def next(self, newest: Complex) -> Complex:
        """Take w at one degree, return B s without its linear part at the degree after."""
        self.powers[1].append((newest @ self._waves(newest.shape[1])).real)
        self.powers.append([])
        w, degree = self.powers[1], len(self.powers) - 1
        total = np.zeros((len(self.m.C), self.theta.size))
        for n in range(2, degree + 1):
            before = self.powers[n - 1]
            part = sum(
                (w[i] * before[degree - n - i] for i in range(degree - n + 1)), np.zeros_like(total)
            )
            self.powers[n].append(part)
            total += np.asarray(self.m.sigmoid.derivative(self.y, n))[:, None] / factorial(n) * part
        back = self._waves(1 if self.theta.size == 1 else degree + 1).conj().T
        return np.asarray(self.m.B @ (total @ back) / self.theta.size)

    def _waves(self, width: int) -> Complex:
        """z^j z̄^(D−j) on the circle, D = width − 1."""
        k = 2 * np.arange(width) - (width - 1)
        return np.asarray(np.exp(1j * np.outer(k, self.theta)))


def _lower(surface: Polynomials, gammas: list[complex], j: int, k: int) -> Complex:
    """Σ_m [(j−m) γ_m + (k−m) γ̄_m] h_{j−m,k−m}."""
    total = np.zeros(len(surface[1]), complex)
    for m, gamma in enumerate(gammas, start=1):
        if k - m < 0 or j + k - 2 * m < 1:
            continue
        weight = (j - m) * gamma + (k - m) * gamma.conjugate()
        total += weight * surface[j + k - 2 * m][:, j - m]
    return total


def _solve(
    J: NDArray[np.floating],
    shifts: Complex,
    rhs: Complex,
    left: Complex,
    resonant: NDArray[np.bool_],
) -> Complex:
    """Solve (shift − J) h = rhs (N, k), column by column; on resonance with left·h = 0."""
    size = len(J)
    bordered = np.zeros((len(shifts), size + 1, size + 1), complex)
    bordered[:, :size, :size] = shifts[:, None, None] * np.eye(size) - J
    bordered[:, size, size] = 1.0
    bordered[resonant, :size, size] = left.conj()
    bordered[resonant, size, :size] = left
    bordered[resonant, size, size] = 0.0
    sides = np.concatenate([rhs.T, np.zeros((len(shifts), 1))], axis=1)
    try:
        return np.asarray(np.linalg.solve(bordered, sides[..., None])[:, :size, 0].T)
    except np.linalg.LinAlgError:
        raise ValueError(
            "another eigenvalue is a multiple of the slow one's: no surface of this order; move a "
            "parameter"
        ) from None
