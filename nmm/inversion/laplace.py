"""Variational Laplace: a Gaussian posterior by ascent of the free energy.

The model is y = predict(θ) + e, e ~ N(0, Π⁻¹), Π = Σ_i e^{h_i} Q_i, with Gaussian priors on θ and
on h. The scheme is that of Friston et al. (2007) in the form of SPM12's
``spm_nlsi_GN``, so that numbers can be compared. Each outer step linearises the model, fits h by a
few inner steps, evaluates the free energy F, which approximates the log evidence, and takes a
regularised step in θ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, pi
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmm.checks import real_array, whole_number
from nmm.inversion.precision import Moments
from nmm.inversion.problem import Function, Problem, log_det, problem_of
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array

_ENOUGH = 0.1  # of F: four steps in a row that promise less end the ascent
_INNER = 8  # steps in h at most, per outer step
_INNER_ENOUGH = 0.01  # of F: promised by an inner step
_RETRIES = 4  # shorter steps tried where the prediction is not finite


@dataclass(frozen=True, eq=False)
class Posterior:
    """What the data say of the parameters: a Gaussian, and the free energy.

    Parameters
    ----------
    mean : array (k,)
        Of the parameters.
    cov : array (k, k)
        Their covariance.
    log_precision : array (m,)
        Of the m components of the noise.
    free_energy : float
        F, natural logarithm; approximates the log evidence.
    iterations : int
        Outer steps taken.
    converged : bool
        Whether four steps in a row promised less than 0.1 of F.
    outcome : str
        What ended the ascent, in words.
    log_precision_cov : array (m, m)
        Covariance of the log-precisions; zero where they were given as known.
    accepted : array (iterations,) of bool
        Whether each outer step was kept.
    free_energies : array (iterations,)
        F at each outer step.
    """

    mean: Array
    cov: Array
    log_precision: Array
    free_energy: float
    iterations: int
    converged: bool
    outcome: str
    log_precision_cov: Array
    accepted: NDArray[np.bool_]
    free_energies: Array


def variational_laplace(
    predict: Function,
    y: ArrayLike,
    prior_mean: ArrayLike,
    prior_cov: ArrayLike,
    *,
    precision: Sequence[ArrayLike] | None = None,
    hE: ArrayLike | None = None,
    hC: ArrayLike | None = None,
    start: ArrayLike | None = None,
    jacobian: Function | None = None,
    max_iterations: int = 128,
) -> Posterior:
    """Invert y = predict(θ) + noise by ascent of the free energy.

    Parameters
    ----------
    predict : callable
        θ (k,) → prediction of the shape of y. Where the model has none it may return nan: the
        ascent then tries a shorter step.
    y : array
        Data, real. Columns are stacked, as in Fortran.
    prior_mean, prior_cov : array (k,), (k, k)
        Gaussian prior. A direction without variance stays at its mean.
    precision : sequence of arrays (ny, ny), optional
        Components Q_i of the noise's precision, ny = y.size, or y.shape[0] and then the same for
        every column. Default: the identity.
    hE : float or array (m,), optional
        Prior mean of the log-precisions; default 4 − log of the variance of y.
    hC : float, array (m,) or (m, m), optional
        Their prior covariance; default e⁻⁴. 0: the log-precisions are known.
    start : array (k,), optional
        Where the ascent starts; default the prior mean.
    jacobian : callable, optional
        θ → derivatives, of shape y.shape + (k,). Default: central differences.
    max_iterations : int, default 128
        Outer steps at most.

    Returns
    -------
    Posterior
        With ``mean``, ``cov``, ``log_precision``, ``free_energy``, ``iterations``, ``converged``.

    Warns
    -----
    NumericalWarning
        If the ascent did not converge.

    Notes
    -----
    SPM counts log|Π| once too often for every further column of y; this does not. It also adds
    e⁻³² to every precision and drops prior variances below about 10⁻⁷ of the largest; both depend
    on the data's unit, and are left out. SPM's step depends on the parameters' relative units and
    may stop short; where prior deviations differ by more than a factor of eight, parameters are
    measured in theirs.

    Examples
    --------
    A straight line through five points, noise of variance 0.01:

    >>> x = np.arange(5.0)
    >>> line = variational_laplace(
    ...     lambda p: p[0] + p[1] * x, 1 + 2 * x, [0, 0], 10 * np.eye(2), hE=np.log(100), hC=0
    ... )
    >>> line.mean.round(2), line.converged
    (array([1., 2.]), True)
    """
    problem = problem_of(predict, y, prior_mean, prior_cov, precision, hE, hC, jacobian)
    begin = problem.origin if start is None else real_array("start", start)
    if begin.shape != problem.origin.shape or not np.isfinite(begin).all():
        raise ValueError(f"start = {start!r}; it must be {problem.origin.size} finite numbers")
    limit = whole_number("max_iterations", max_iterations)
    p = np.linalg.pinv(problem.basis) @ (begin - problem.origin)
    best, history, outcome = _ascend(problem, p, limit)
    converged = outcome == _CONVERGED
    if not converged:
        warn(f"variational_laplace: {outcome}", NumericalWarning, stacklevel=2)
    return Posterior(
        mean=problem.at(best.p),
        cov=problem.basis @ best.cov @ problem.basis.T,
        log_precision=best.h,
        free_energy=best.free_energy,
        iterations=len(history),
        converged=converged,
        outcome=outcome,
        log_precision_cov=best.h_cov,
        accepted=np.array([kept for kept, _ in history]),
        free_energies=np.array([value for _, value in history]),
    )


@dataclass(frozen=True, eq=False)
class _Point:
    """What one outer step found at p."""

    p: Array
    h: Array
    free_energy: float
    cov: Array
    h_cov: Array
    gradient: Array
    curvature: Array


_CONVERGED = "converged"


def _ascend(problem: Problem, p: Array, limit: int) -> tuple[_Point, list[tuple[bool, float]], str]:
    """Best point, whether each step was kept and its F, and what ended the ascent."""
    moments = problem.linearised(p)
    if moments is None:
        raise ValueError(
            "predict, or its derivative, is not finite where the ascent starts: give another "
            "start, or a prior mean at which the model has a prediction"
        )
    best = point = _fitted(problem, p, problem.hE, moments)
    history: list[tuple[bool, float]] = []
    regular, small = -4.0, 0
    for k in range(1, limit + 1):
        accepted = k < 3 or point.free_energy > best.free_energy
        history.append((accepted, point.free_energy))
        if accepted:
            best, regular = point, min(regular + 0.5, 4.0)
        else:
            regular = min(regular - 2, -4.0)
        step = regularised_step(best.curvature, best.gradient, regular)
        small = small + 1 if best.gradient @ step < _ENOUGH else 0
        if small == 4:
            return best, history, _CONVERGED
        for _ in range(1 + _RETRIES):
            moments = problem.linearised(best.p + step)
            if moments is not None:
                break
            regular = min(regular - 2, -4.0)
            step = regularised_step(best.curvature, best.gradient, regular)
        else:
            return best, history, "the prediction is not finite however short the step"
        point = _fitted(problem, best.p + step, best.h, moments)
    return best, history, f"no convergence in {limit} steps; give more, or another start"


def _fitted(problem: Problem, p: Array, h: Array, moments: Moments) -> _Point:
    """Fit the log-precisions at p, from h, and evaluate the free energy."""
    free, below = problem.free, problem.hyper_precision
    m = moments
    for _ in range(_INNER):
        scale = np.exp(h)
        noise_log_det, traces, products = problem.noise.spectrum(h)
        precision = np.tensordot(scale, m.curvature, 1) + problem.prior_precision
        cov = np.linalg.inv(precision)
        off = (h - problem.hE)[free]
        misfit = scale * m.misfit
        spread = scale * np.einsum("ijk,jk->i", m.curvature, cov)
        slope = ((traces - misfit - spread) / 2)[free] - below @ off
        bend = products[np.ix_(free, free)] / 2 + below
        change = np.clip(regularised_step(-bend, slope, 4.0), -1, 1)
        h = h.copy()
        h[free] += change
        if slope @ change < _INNER_ENOUGH:
            break
    accuracy = (noise_log_det - misfit.sum() - problem.y.size * log(2 * pi)) / 2
    deviations = p @ problem.prior_precision @ p + off @ below @ off
    volumes = problem.log_dets - log_det(precision) - log_det(bend)
    h_cov = np.zeros((h.size, h.size))
    h_cov[np.ix_(free, free)] = np.linalg.inv(bend)
    return _Point(
        p=p,
        h=h,
        free_energy=float(accuracy + (volumes - deviations) / 2),
        cov=cov,
        h_cov=h_cov,
        gradient=scale @ m.slope - problem.prior_precision @ p,
        curvature=-precision,
    )


def regularised_step(curvature: Array, gradient: Array, v: float) -> Array:
    """Step (e^{tH} − 1) H⁻¹ g along the flow ẋ = g + H x for the time t = e^v / geometric mean |H|.

    Large v is Newton's step, small v a short one up the gradient; `curvature` is negative definite.
    """
    if not gradient.size:
        return gradient
    values, vectors = np.linalg.eigh(curvature)
    t = np.exp(v - np.log(np.abs(values)).mean())
    return np.asarray(vectors @ (np.expm1(t * values) / values * (gradient @ vectors)))
