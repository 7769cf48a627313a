"""Gaussian noise whose precision is a sum of known components with unknown scales.

Π(h) = Σ_i e^{h_i} Q_i. Inverting a model asks for three things again and again: what the residual
and the Jacobian weigh under each component, log|Π|, and the traces by which it bends with h. All
are reduced here to arrays as small as the number of parameters and of components, before the loop
over h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cholesky

from nmm.checks import covariance
from nmm.sigmoid import Array


@dataclass(frozen=True, eq=False)
class Moments:
    """What the data and the model weigh under each of m components, for k parameters.

    Parameters
    ----------
    curvature : array (m, k, k)
        Gᵀ Q_i G, G the Jacobian of the prediction.
    slope : array (m, k)
        Gᵀ Q_i e, e the residual.
    misfit : array (m,)
        eᵀ Q_i e.
    """

    curvature: Array
    slope: Array
    misfit: Array


class Noise(Protocol):
    """Components of the precision of N data."""

    @property
    def n_components(self) -> int:
        """Number m of components."""

    def moments(self, jacobian: Array, residual: Array) -> Moments:
        """Weigh a Jacobian (N, k) and a residual (N,)."""

    def spectrum(self, h: Array) -> tuple[float, Array, Array]:
        """log|Π|, tr(P_i Π⁻¹) (m,) and tr(P_i Π⁻¹ P_j Π⁻¹) (m, m), with P_i = e^{h_i} Q_i."""


@dataclass(frozen=True, eq=False)
class Diagonal:
    """Components that are diagonal once the data are multiplied by `factor`.

    Parameters
    ----------
    weights : array (m, N)
        Their diagonals.
    factor : array (n, n) or None
        Multiplies each of N/n pieces of the data; None stands for the identity.
    log_det : float
        Of factorᵀ factor, over all pieces.
    """

    weights: Array
    factor: Array | None = None
    log_det: float = 0.0

    @property
    def n_components(self) -> int:
        """Number m of components."""
        return int(self.weights.shape[0])

    def moments(self, jacobian: Array, residual: Array) -> Moments:
        """Weigh a Jacobian (N, k) and a residual (N,)."""
        if self.factor is not None:
            pieces = np.column_stack((jacobian, residual)).reshape(
                -1, len(self.factor), 1 + jacobian.shape[1]
            )
            whitened = (self.factor @ pieces).reshape(residual.size, -1)
            jacobian, residual = whitened[:, :-1], whitened[:, -1]
        weighted = jacobian.T * self.weights[:, None]
        return Moments(weighted @ jacobian, weighted @ residual, self.weights @ residual**2)

    def spectrum(self, h: Array) -> tuple[float, Array, Array]:
        """log|Π|, tr(P_i Π⁻¹) (m,) and tr(P_i Π⁻¹ P_j Π⁻¹) (m, m), with P_i = e^{h_i} Q_i."""
        share = np.exp(h)[:, None] * self.weights
        total = share.sum(axis=0)
        share /= total
        return float(self.log_det + np.log(total).sum()), share.sum(axis=1), share @ share.T


@dataclass(frozen=True, eq=False)
class Dense:
    """Several components that share no obvious basis, each repeated `copies` times.

    Parameters
    ----------
    components : array (m, n, n)
        Q_i.
    copies : int
        N = copies·n.
    """

    components: Array
    copies: int

    @property
    def n_components(self) -> int:
        """Number m of components."""
        return int(self.components.shape[0])

    def moments(self, jacobian: Array, residual: Array) -> Moments:
        """Weigh a Jacobian (N, k) and a residual (N,)."""
        k, n = jacobian.shape[1], self.components.shape[1]
        both = np.column_stack((jacobian, residual))
        weighted = (self.components[:, None] @ both.reshape(self.copies, n, k + 1)).reshape(
            self.n_components, -1, k + 1
        )
        all_pairs = both.T @ weighted
        return Moments(all_pairs[:, :k, :k], all_pairs[:, :k, k], all_pairs[:, k, k])

    def spectrum(self, h: Array) -> tuple[float, Array, Array]:
        """log|Π|, tr(P_i Π⁻¹) (m,) and tr(P_i Π⁻¹ P_j Π⁻¹) (m, m), with P_i = e^{h_i} Q_i."""
        parts = np.exp(h)[:, None, None] * self.components
        total = parts.sum(axis=0)
        shares = np.linalg.solve(total, parts)
        products = np.einsum("iab,jba->ij", shares, shares)
        traces = np.trace(shares, axis1=1, axis2=2)
        log_det = self.copies * np.linalg.slogdet(total)[1]
        return float(log_det), self.copies * traces, self.copies * products


def noise_of(precision: Sequence[ArrayLike] | None, y: Array) -> Noise:
    """Read a list of precision components for data y; None is the identity.

    A component is (N, N), N = y.size, or (n, n) with n = y.shape[0]: then every column of y has it.
    """
    if precision is None:
        return Diagonal(np.ones((1, y.size)))
    sizes = sorted({y.size, y.shape[0]})
    components = [covariance(f"precision[{i}]", q) for i, q in enumerate(precision)]
    if not components or len({q.shape for q in components}) > 1 or len(components[0]) not in sizes:
        raise ValueError(
            f"precision has components of shapes {[q.shape for q in components]}; data of shape "
            f"{y.shape} need one or more, all square with {' or '.join(map(str, sizes))} rows"
        )
    stack = np.array(components)
    copies = y.size // stack.shape[1]
    try:
        whole = cholesky(stack.sum(axis=0))
    except LinAlgError:
        raise ValueError(
            "the components of precision must add up to a positive-definite matrix: some data, or "
            "some combination of data, has no noise component"
        ) from None
    diagonals = np.diagonal(stack, axis1=1, axis2=2)
    if not (stack - diagonals[:, :, None] * np.eye(stack.shape[1])).any():
        return Diagonal(np.tile(diagonals, copies))
    if len(stack) == 1:
        return Diagonal(np.ones((1, y.size)), whole, 2 * copies * np.log(np.diag(whole)).sum())
    return Dense(stack, copies)
