"""Conduction delays of a linearised model, as a matrix: SPM's delay operator (spm_dcm_delay).

With delays D the linearised model is ẋ_i(t) = Σ_j J_ij x_j(t − D_ij). It has infinitely many modes.
SPM keeps as many as there are states: the matrix X whose eigenpairs solve λ v = (J ∘ e^(−λD)) v,
which is the fixed point of

    X = Σ_m ((−D)^m ∘ J) X^m / m!        (powers of D element by element)

Then ẋ = X x = Q J x, and the same Q stands before the input.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from nmm.checks import number, real_array
from nmm.sigmoid import Array
from nmm.system import NeuralMass

TOLERANCE = 1e-6  # SPM's, relative to the first guess
_SWEEPS, _TERMS = 2000, 256  # SPM needs 26 to 42 sweeps for a column; its series has 256 terms
_RIDGE = np.exp(-16.0)  # SPM's, added to the Jacobian before it is inverted


def column_delays(m: NeuralMass, within: float = 1e-3) -> Array:
    """Delays of SPM inside one column: the same for every pair of states that differ.

    The potentials' own rates of change, ``v̇ = c``, have none. The decay ``−v/τ²`` in ``ċ`` is
    delayed, a peculiarity of SPM.

    Parameters
    ----------
    m : NeuralMass
        One column.
    within : float, default 1e-3
        Delay, s.

    Returns
    -------
    array (N, N)
        From state j to state i, s.

    Examples
    --------
    >>> from nmm import cmc
    >>> from nmm.inversion.delays import column_delays
    >>> column_delays(cmc())[4, :5].tolist()    # into c_ss: from v_ss, v_sp, v_ii, v_dp, c_ss
    [0.001, 0.001, 0.001, 0.001, 0.0]
    """
    delay = number("column_delays: within", within)
    if delay < 0:
        raise ValueError(f"column_delays: within = {delay} s; a delay must not be negative")
    return np.where((m.A == 1.0) | np.eye(m.n_states, dtype=bool), 0.0, delay)


def effective_jacobian(J: Array, delays: Array, *, tolerance: float | None = None) -> Array:
    """The matrix X = Q J that stands for a Jacobian with delays, by SPM's iteration.

    Parameters
    ----------
    J : array (N, N)
        Jacobian without delays, 1/s.
    delays : array (N, N)
        From state j to state i, s.
    tolerance : float, optional
        Relative to the norm of the first guess; default SPM's, 1e-6.

    Returns
    -------
    array (N, N)

    Raises
    ------
    ValueError
        If the iteration does not settle: the delays are too long for such a matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm.inversion.delays import effective_jacobian
    >>> X = effective_jacobian(np.array([[-2.0]]), np.array([[0.1]]))   # x = −2 exp(−0.1 x)
    >>> float(X[0, 0].round(4))
    -2.5917
    """
    if not delays.any():
        return J
    start = np.linalg.solve(np.eye(len(J)) + delays * J, J)
    least = (tolerance or TOLERANCE) * np.abs(start).sum(axis=1).max()
    X, settled = _iterate(J, delays, *np.nonzero(J * delays), start, least)
    if not settled or not np.isfinite(X).all():
        raise ValueError(
            f"the delay operator does not settle: delays up to {delays.max()} s are too long "
            "beside the time constants; they are in s, 1 ms is 0.001"
        )
    return np.asarray(X)


def delay_operator(J: Array, X: Array) -> Array:
    """SPM's Q (N, N), without unit, from a Jacobian and its effective one: X (J + e⁻¹⁶ I)⁻¹."""
    return np.asarray(np.linalg.solve((J + _RIDGE * np.eye(len(J))).T, X.T).T)


def effective_derivatives(
    J: Array,
    delays: Array,
    values: NDArray[np.complex128],
    vectors: NDArray[np.complex128],
    dJ: Array,
) -> NDArray[np.complex128]:
    """How the effective Jacobian moves with the Jacobian, applied to its own eigenvectors: dX V.

    Differentiating the fixed point on the eigenvector v_k leaves one linear equation for dX v_k,
    ``(I − M_k) dX v_k = (dJ ∘ e^(−λ_k D)) v_k``, in which ``M_k v_i`` is the divided difference of
    ``(J ∘ e^(−λD)) v_i`` between λ_k and λ_i (derived for this project).

    Parameters
    ----------
    J, delays : arrays (N, N)
        As in `effective_jacobian`.
    values, vectors : arrays (N,), (N, N)
        Eigen-decomposition of the effective Jacobian; no eigenvalue twice.
    dJ : array (k, N, N)
        Directions in which the Jacobian moves.

    Returns
    -------
    complex array (k, N, N)
        dX V for each direction.
    """
    kernels = np.exp(-values[:, None, None] * delays)  # e^(−λ_k D)
    if not delays.any():
        return np.asarray(dJ @ vectors)
    moved = np.einsum("kij,ja->kia", J * kernels, vectors)  # (J ∘ e^(−λ_k D)) v_a
    own = np.einsum("aia->ia", moved)  # with the eigenvector's own eigenvalue
    gap = values[None, :] - values[:, None]  # λ_a − λ_k
    np.fill_diagonal(gap, 1.0)
    divided = (own[None] - moved) / gap[:, None, :]
    k = np.arange(len(values))
    divided[k, :, k] = -np.einsum("kij,jk->ki", delays * J * kernels, vectors)
    system = np.eye(len(values)) - divided @ np.linalg.inv(vectors)
    right = np.einsum("pij,kij,jk->kip", dJ, kernels, vectors, optimize=True)
    return np.asarray(np.moveaxis(np.linalg.solve(system, right), (0, 1, 2), (2, 1, 0)))


def checked_delays(given: ArrayLike | None, n_states: int) -> Array:
    """Delays as an array (N, N) in s; none given means zeros."""
    if given is None:
        return np.zeros((n_states, n_states))
    delays = real_array("delays", given)
    if delays.shape != (n_states, n_states):
        raise ValueError(
            f"delays have shape {delays.shape}; give {(n_states, n_states)}, from state j to i, "
            "in s: column_delays(m) has SPM's"
        )
    if not np.isfinite(delays).all() or (delays < 0).any() or np.diagonal(delays).any():
        raise ValueError(
            "delays must be finite, not negative, and zero from a state to itself; in s: "
            "1 ms is 0.001"
        )
    return delays


@njit(cache=True)  # type: ignore[untyped-decorator]
def _iterate(J: Any, D: Any, rows: Any, columns: Any, X: Any, tolerance: float) -> tuple[Any, bool]:
    """SPM's iteration: a quarter of the way to the series each time, until both agree.

    `rows` and `columns` are those of the delayed entries; of the powers of X only the rows that
    meet one are needed.
    """
    n, needed, weights = len(J), np.zeros(len(J)), np.empty(len(rows))
    Y, term, power, spare = np.empty((n, n)), np.empty((n, n)), np.empty((n, n)), np.empty((n, n))
    for column in columns:
        needed[column] = 1.0
    for _ in range(_SWEEPS):
        for i in range(n):
            for j in range(n):
                Y[i, j], power[i, j] = J[i, j], X[i, j]
        for e in range(len(rows)):
            weights[e] = J[rows[e], columns[e]]
        for m in range(1, _TERMS + 1):
            if m > 1:
                _multiply(power, X, spare, needed)
                power, spare = spare, power
            term[:, :] = 0.0
            for e in range(len(rows)):  # the m-th term of the series: (−D)^m ∘ J / m! times X^m
                row, column = rows[e], columns[e]
                weights[e] *= -D[row, column] / m
                weight = weights[e]
                for j in range(n):
                    term[row, j] += weight * power[column, j]
            for i in range(n):
                for j in range(n):
                    Y[i, j] += term[i, j]
            if _row_sum(term) < tolerance:
                break
        for i in range(n):
            for j in range(n):
                X[i, j] = 0.75 * X[i, j] + 0.25 * Y[i, j]
                term[i, j] = X[i, j] - Y[i, j]
        if _row_sum(term) < tolerance:
            return Y, True
    return Y, False


@njit(cache=True)  # type: ignore[untyped-decorator]
def _multiply(left: Any, right: Any, out: Any, needed: Any) -> None:
    """Those rows of a product that are needed; too small for BLAS to be worth its call."""
    for i in range(len(left)):
        if needed[i] == 0.0:
            continue
        for j in range(len(right)):
            out[i, j] = 0.0
        for k in range(len(right)):
            factor = left[i, k]
            for j in range(len(right)):
                out[i, j] += factor * right[k, j]


@njit(cache=True)  # type: ignore[untyped-decorator]
def _row_sum(matrix: Any) -> float:
    """Largest sum of absolute values in a row."""
    largest = 0.0
    for i in range(len(matrix)):
        total = 0.0
        for j in range(len(matrix)):
            total += abs(matrix[i, j])
        largest = max(largest, total)
    return largest
