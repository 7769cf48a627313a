"""A model with Gaussian noise and Gaussian priors, in the coordinates in which it is inverted.

Coordinates p span the directions in which the prior has variance, θ = origin + basis p, so that
parameters in any unit, and parameters that are known, need no special care further on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmm.checks import covariance, real_array
from nmm.inversion.precision import Moments, Noise, noise_of
from nmm.sigmoid import Array

Function = Callable[[Array], ArrayLike]

STEP = 1e-4  # of the prior's standard deviation: central differences of the prediction
SIMILAR = 8.0  # prior deviations within this factor count as of one unit
_STEEPEST = np.exp(32.0)  # derivatives beyond are taken as not finite


def _data_of(y: ArrayLike) -> Array:
    """Return data as an array of at least one axis, or raise ValueError."""
    data = np.atleast_1d(real_array("y (stack real and imaginary parts, if complex)", y))
    if data.size == 0 or not np.isfinite(data).all():
        bad = int((~np.isfinite(data)).sum())
        raise ValueError(f"y has {data.size} data, {bad} of them not finite; leave those out")
    return data


def _hyperprior(
    noise: Noise, y: Array, hE: ArrayLike | None, hC: ArrayLike | None
) -> tuple[Array, Array]:
    """Mean (m,) and covariance (m, m) of the log-precisions."""
    m = noise.n_components
    if hE is None:
        variance = y.var(ddof=1) if y.size > 1 else 0.0
        if not variance > 1e-24 * np.abs(y).max() ** 2:
            raise ValueError(
                f"y has {y.size} data, all equal: they do not tell the noise; give hE, the prior "
                f"mean of its log-precision"
            )
        hE = 4 - log(variance)
    mean = real_array("hE", hE)
    if mean.size not in (1, m) or mean.ndim > 1 or not np.isfinite(mean).all():
        raise ValueError(f"hE = {hE!r}; it must be a finite number, or {m} of them")
    cov = covariance("hC", np.exp(-4.0) if hC is None else hC, m)
    free = np.diag(cov) > 0
    if free.any() and np.linalg.eigvalsh(cov[np.ix_(free, free)])[0] <= 0:
        raise ValueError("hC is singular between components of positive variance")
    return np.broadcast_to(mean, m).copy(), cov


@dataclass(frozen=True, eq=False)
class Problem:
    """The model in coordinates p of the prior's range, θ = origin + basis p."""

    y: Array
    predict: Function
    jacobian: Function | None
    origin: Array
    basis: Array
    spread: Array  # prior standard deviation along each column of the basis
    prior_precision: Array
    noise: Noise
    hE: Array
    free: NDArray[np.bool_]  # which log-precisions are not known
    hyper_precision: Array  # of the free ones
    log_dets: float  # of both prior precisions

    def at(self, p: Array) -> Array:
        return np.asarray(self.origin + self.basis @ p)

    def predicted(self, theta: Array) -> Array:
        value = real_array("predict(θ)", self.predict(theta))
        if value.shape != self.y.shape:
            if value.size != self.y.size or value.ndim > 1 or self.y.ndim > 1:
                raise ValueError(
                    f"predict(θ) has shape {value.shape}, y has {self.y.shape}; they must agree"
                )
            value = value.reshape(self.y.shape)
        return value

    def linearised(self, p: Array) -> Moments | None:
        """What data and prediction weigh at p; None where the prediction is not finite."""
        theta = self.at(p)
        residual = (self.y - self.predicted(theta)).ravel(order="F")
        slopes = self._slopes(theta)
        if not np.isfinite(residual).all() or not np.abs(slopes).max(initial=0) < _STEEPEST:
            return None
        return self.noise.moments(slopes, residual)

    def _slopes(self, theta: Array) -> Array:
        if self.jacobian is not None:
            exact = real_array("jacobian(θ)", self.jacobian(theta))
            if exact.shape != (*self.y.shape, theta.size):
                raise ValueError(
                    f"jacobian(θ) has shape {exact.shape}; it must be {(*self.y.shape, theta.size)}"
                )
            return exact.reshape(self.y.size, theta.size, order="F") @ self.basis
        slopes = np.empty((self.y.size, self.spread.size))
        for j, step in enumerate(STEP * self.spread):
            change = step * self.basis[:, j]
            rise = self.predicted(theta + change) - self.predicted(theta - change)
            slopes[:, j] = rise.ravel(order="F") / (2 * step)
        return slopes


def problem_of(
    predict: Function,
    y: ArrayLike,
    prior_mean: ArrayLike,
    prior_cov: ArrayLike,
    precision: Sequence[ArrayLike] | None,
    hE: ArrayLike | None,
    hC: ArrayLike | None,
    jacobian: Function | None,
) -> Problem:
    data = _data_of(y)
    origin = real_array("prior_mean", prior_mean)
    if origin.ndim != 1 or origin.size == 0 or not np.isfinite(origin).all():
        raise ValueError(f"prior_mean = {prior_mean!r}; it must be a list of finite numbers")
    cov = covariance("prior_cov", prior_cov, origin.size)
    basis = _range(cov)
    back = np.linalg.pinv(basis)
    inside = back @ cov @ back.T
    noise = noise_of(precision, data)
    mean, hyper = _hyperprior(noise, data, hE, hC)
    free = np.diag(hyper) > 0
    hyper_precision = np.linalg.inv(hyper[np.ix_(free, free)])
    return Problem(
        y=data,
        predict=predict,
        jacobian=jacobian,
        origin=origin,
        basis=basis,
        spread=np.sqrt(np.diag(inside)),
        prior_precision=np.linalg.inv(inside),
        noise=noise,
        hE=mean,
        free=free,
        hyper_precision=hyper_precision,
        log_dets=log_det(hyper_precision) - log_det(inside),
    )


def _range(cov: Array) -> Array:
    """Basis of the directions that have variance: orthonormal, as in SPM, or of deviations.

    SPM's steps stop short along a parameter whose unit is much smaller than the others'.
    """
    sd = np.sqrt(np.diag(cov))
    some = sd > 0
    if not some.any():
        raise ValueError("prior_cov is zero: no parameter is free")
    basis = np.zeros((sd.size, 0))
    values, vectors = np.linalg.eigh(cov[np.ix_(some, some)] / np.outer(sd[some], sd[some]))
    kept = vectors[:, values > 1e-10 * values[-1]]
    basis = np.zeros((sd.size, kept.shape[1]))
    basis[some] = sd[some, None] * kept
    if sd[some].max() <= SIMILAR * sd[some].min():
        basis[some] = np.linalg.qr(basis[some])[0]
    return basis


def log_det(matrix: Array) -> float:
    """log|matrix|; 0 of an empty one."""
    return float(np.linalg.slogdet(matrix)[1]) if matrix.size else 0.0
