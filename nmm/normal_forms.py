"""The slow surface of a budding oscillation: spectral submanifold and normal form.

Near a fixed point x* with leading pair λ, λ̄ the state is x = x* + Σ h_jk zʲ z̄ᵏ with
ż = λ z + Σ γ_m z |z|²ᵐ. Order by order (eq-homological)

    (jλ + kλ̄ − J) h_jk = [B s]_jk − Σ_m [(j−m) γ_m + (k−m) γ̄_m] h_{j−m,k−m},

where [B s]_jk is what the sigmoid's Taylor series makes of the lower orders. The resonant part,
j = k + 1, goes into γ_k through the left eigenvector p, and p·h_jk = 0 there: |z| is the modulus of
the fundamental of p·(x − x*). Cabré, Fontich & de la Llave 2003; Haller & Ponsioen 2016.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from nmm.fixed_points import Equilibrium
from nmm.system import NeuralMass

Complex = NDArray[np.complex128]
Polynomials = list[Complex]  # by degree D: (..., D + 1), entry j belongs to zʲ z̄^(D−j)


@dataclass(frozen=True, eq=False)
class Submanifold:
    """Slow surface of the leading pair of eigenvalues, to some order.

    Parameters
    ----------
    eigenvalue : complex
        λ, with positive imaginary part; rad/s.
    coefficients : tuple of complex
        γ_1, γ_2, …, s⁻¹ mV^(−2m).
    surface : list of array (N, D + 1)
        h_jk for the degrees D = 1, 2, …; entry j belongs to zʲ z̄^(D−j).
    left : array (N,)
        p, with p·q = 1 (no conjugate).
    """

    eigenvalue: complex
    coefficients: tuple[complex, ...]
    surface: Polynomials
    left: Complex


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
    series = _Series(m, equilibrium.x)
    gammas: list[complex] = []
    for degree in range(2, order + 1):
        known = series.next(m.C @ surface[-1])
        rows = np.zeros((size, degree + 1), complex)
        for j in range(degree, (degree - 1) // 2, -1):
            k = degree - j
            rhs = known[:, j] - _lower(surface, gammas, j, k)
            if j == k + 1:
                gammas.append(complex(left @ rhs))
                rhs = rhs - gammas[-1] * right
            rows[:, j] = _solve(
                J, j * eigenvalue + k * eigenvalue.conjugate(), rhs, left, j == k + 1
            )
            rows[:, k] = rows[:, j].conj() if j != k else rows[:, j].real
        surface.append(rows)
    return Submanifold(eigenvalue, tuple(gammas), surface[1:], left)


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
    reference = reference or m.reference
    if reference not in m.populations:
        raise ValueError(f"reference = {reference!r}; it must be one of {m.populations}")
    values, vectors = np.linalg.eig(J)
    order = np.lexsort((-values.imag, -np.round(values.real, 9)))
    values, vectors = values[order].astype(complex), vectors[:, order].astype(complex)
    if pair is not None:
        i = int(np.argmin(np.abs(values - pair)))
        return _normalised(m, values, vectors, i, reference)
    if values[0].imag <= 0:
        raise ValueError(
            f"the leading eigenvalue {values[0].real:.4g} is real: no oscillation starts here"
        )
    if len(values) > 2 and values[0].real - values[2].real < 1e-6 * abs(values[0]):
        raise ValueError(
            f"two modes are equally slow ({values[0]:.4g} and {values[2]:.4g}): one amplitude does "
            "not describe them; move a parameter"
        )
    return _normalised(m, values, vectors, 0, reference)


def _normalised(
    m: NeuralMass, values: Complex, vectors: Complex, i: int, reference: str
) -> tuple[complex, Complex, Complex]:
    scale = vectors[m.populations.index(reference), i]
    return complex(values[i]), vectors[:, i] / scale, np.linalg.inv(vectors)[i] * scale


class _Series:
    """Taylor composition B s(y* + w), one degree after the other, w = C (x − x*)."""

    def __init__(self, m: NeuralMass, x: NDArray[np.floating]) -> None:
        self.m, self.y = m, m.C @ x + m.d
        self.w: Polynomials = [np.zeros((len(m.C), 1), complex)]
        self.powers: dict[int, Polynomials] = {1: self.w}

    def next(self, newest: Complex) -> Complex:
        """Take w at one degree, return B s without its linear part at the degree after."""
        self.w.append(newest)
        degree = len(self.w)
        total = np.zeros((len(self.m.C), degree + 1), complex)
        for n in range(2, degree + 1):
            power = self.powers.setdefault(
                n, [np.zeros((len(self.m.C), d + 1), complex) for d in range(degree)]
            )
            part = np.zeros((len(self.m.C), degree + 1), complex)
            for d in range(1, degree - n + 2):
                part += _product(self.w[d], self.powers[n - 1][degree - d])
            power.append(part)
            slope = np.asarray(self.m.sigmoid.derivative(self.y, n)) / factorial(n)
            total += slope[:, None] * part
        return np.asarray(self.m.B @ total)


def _product(one: Complex, other: Complex) -> Complex:
    """Product of homogeneous polynomials, row by row: a convolution of coefficients."""
    out = np.zeros((len(one), one.shape[1] + other.shape[1] - 1), complex)
    for j in range(one.shape[1]):
        out[:, j : j + other.shape[1]] += one[:, j : j + 1] * other
    return out


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
    J: NDArray[np.floating], shift: complex, rhs: Complex, left: Complex, resonant: bool
) -> Complex:
    """Solve (shift − J) h = rhs; on resonance with the condition left·h = 0."""
    matrix = shift * np.eye(len(J)) - J
    if not resonant:
        return np.asarray(np.linalg.solve(matrix, rhs))
    bordered = np.block([[matrix, left.conj()[:, None]], [left[None, :], np.zeros((1, 1))]])
    return np.asarray(np.linalg.solve(bordered, np.append(rhs, 0.0))[:-1])
