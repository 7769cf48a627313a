"""From data back to parameters: one way to invert any model, and one to compare them.

The Laplace approximation is quick and Gaussian; nested sampling is slow and assumes nothing of the
posterior's shape; a random walk follows the shape of the hill on which Laplace ends. All give the
same kind of answer, so that each can check the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, log, pi
from typing import Any
from warnings import catch_warnings, simplefilter, warn

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from nmm.checks import number, real_array, whole_number
from nmm.inversion.laplace import variational_laplace
from nmm.inversion.models import GaussianModel, LikelihoodModel, Prior
from nmm.inversion.modes import find_mode
from nmm.inversion.problem import problem_of
from nmm.inversion.sampling import Samples, nested_samples, optional, walk_samples
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array

DECISIVE = 3.0  # of log evidence: odds of twenty to one
_ENOUGH = 25  # independent draws: a mean is then known to a fifth of a standard deviation


@dataclass(frozen=True, eq=False)
class Inversion:
    """What data say of a model's parameters, and of the model.

    Parameters
    ----------
    names : tuple of str
        Of the k parameters.
    prior : Prior
        What was believed before.
    mean, cov : array (k,), (k, k)
        Of the posterior.
    log_evidence : float
        Natural logarithm of the data's density under the model; approximate for ``"laplace"``,
        nan for ``"walk"``.
    log_evidence_error : float
        Its standard deviation by sampling; 0 for ``"laplace"``, which does not know its own error.
    converged : bool
        Whether the ascent or the sampling came to its end.
    outcome : str
        How it ended, in words.
    method : str
        ``"laplace"``, ``"sampler"`` or ``"walk"``.
    samples : array (n, k) or None
        Equally weighted, of the two last.
    effective : float or None
        Number of independent draws that they are worth.
    """

    names: tuple[str, ...]
    prior: Prior
    mean: Array
    cov: Array
    log_evidence: float
    log_evidence_error: float
    converged: bool
    outcome: str
    method: str
    samples: Array | None = None
    effective: float | None = None

    @property
    def sd(self) -> Array:
        """Standard deviations (k,)."""
        return np.asarray(np.sqrt(np.diag(self.cov)))

    def interval(self, level: float) -> Array:
        """Ends (k, 2) between which each parameter lies with probability `level`."""
        if not 0 < number("level", level) < 1:
            raise ValueError(f"level = {level}; a probability lies between 0 and 1")
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        if self.samples is not None:
            return np.asarray(np.quantile(self.samples, tails, axis=0).T)
        return np.asarray(self.mean[:, None] + self.sd[:, None] * ndtri(tails))

    def eigen(self) -> tuple[Array, Array]:
        """Posterior variance relative to the prior's, and its directions, sloppy to stiff.

        Returns
        -------
        tuple of array (k,), array (k, k)
            Ratios, descending: near 1 the data say nothing, near 0 much. Column j of the second is
            the unit vector of the j-th direction, with parameters in units of ``prior.factor``.
        """
        factor = self.prior.factor
        half = np.linalg.solve(factor, self.cov)
        values, vectors = np.linalg.eigh(np.linalg.solve(factor, half.T))
        return values[::-1], vectors[:, ::-1]

    def to_inference_data(self, *, n_draws: int = 2000, seed: int = 0) -> Any:
        """Convert to ArviZ's InferenceData; the Gaussian of ``"laplace"`` is drawn from."""
        draws = self.samples
        if draws is None:
            draws = Prior(self.names, self.mean, self.cov).sample(n_draws, seed)
        prior = self.prior.sample(len(draws), seed + 1)
        attributes = {"log_evidence": self.log_evidence, "method": self.method}
        return optional("arviz").from_dict(
            posterior=dict(zip(self.names, draws.T[:, None], strict=True)),
            prior=dict(zip(self.names, prior.T[:, None], strict=True)),
            posterior_attrs=attributes,
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """Which of several models the data favour.

    Parameters
    ----------
    names : tuple of str
        Of the models.
    log_evidence : array
        Relative to the best.
    winner : str
        Its name, or ``"undecided"``.
    """

    names: tuple[str, ...]
    log_evidence: Array
    winner: str


def compare(inversions: Mapping[str, Inversion], *, decisive: float = DECISIVE) -> Comparison:
    """Compare models, inverted on the same data, by their evidence.

    Parameters
    ----------
    inversions : mapping of str to Inversion
        Two or more, by name.
    decisive : float, default 3
        Below this difference between the two best, the winner is ``"undecided"``.

    Warns
    -----
    NumericalWarning
        If one of them did not converge: then nothing is decided.
    """
    if len(inversions) < 2:
        raise ValueError(f"compare needs two models or more, not {list(inversions)}")
    evidence = np.array([i.log_evidence for i in inversions.values()])
    if not np.isfinite(evidence).all():
        raise ValueError(f"log evidences {evidence} of {list(inversions)} must be finite")
    failed = [name for name, i in inversions.items() if not i.converged]
    if failed:
        warn(f"compare: {failed} did not converge; undecided", NumericalWarning, stacklevel=2)
    second, best = np.sort(evidence)[-2:]
    clear = best - second >= number("decisive", decisive, positive=True) and not failed
    winner = list(inversions)[int(evidence.argmax())] if clear else "undecided"
    return Comparison(tuple(inversions), evidence - best, winner)


def invert(
    model: GaussianModel | LikelihoodModel,
    y: Any,
    *,
    method: str = "laplace",
    start: ArrayLike | None = None,
    seed: int | None = None,
    max_iterations: int = 128,
    n_live: int = 400,
    tolerance: float = 0.1,
    n_steps: int = 20000,
) -> Inversion:
    """Find a model's posterior and evidence.

    Parameters
    ----------
    model : GaussianModel or LikelihoodModel
        What makes the data.
    y : array, or whatever the model's likelihood takes
        The data.
    method : "laplace", "sampler" or "walk"
        A Gaussian at the mode (for a GaussianModel, `nmm.variational_laplace`); nested sampling by
        dynesty, of a GaussianModel's log-precisions, too; or a random walk through the same
        posterior from that mode on, which finds no evidence (nan).
    start : array (k,), optional
        Where the ascent starts; default the prior mean.
    seed : int
        Of the samplers; needed there.
    max_iterations : int, default 128
        Steps of the ascent at most.
    n_live : int, default 400
        Live points of the sampler; the evidence's error falls as their inverse root.
    tolerance : float, default 0.1
        Log evidence the sampler may leave unvisited.
    n_steps : int, default 20000
        Of the walk.

    Returns
    -------
    Inversion
        Mean, covariance, log evidence, and how they were found.

    Warns
    -----
    NumericalWarning
        If the ascent did not converge, or the walk is worth fewer than 25 independent draws.

    Examples
    --------
    A level of 3 seen once, with noise of variance 1, under a prior of variance 1:

    >>> from nmm.inversion.inverting import invert
    >>> from nmm.inversion.models import LikelihoodModel, Prior
    >>> prior = Prior.of({"level": (0.0, 1.0)})
    >>> model = LikelihoodModel(prior, lambda p, y: -((y - p[0]) ** 2) / 2)
    >>> found = invert(model, 3.0)
    >>> print(found.mean.round(3), found.cov.round(3))
    [1.5] [[0.5]]
    """
    if method not in ("laplace", "sampler", "walk"):
        raise ValueError(f'method = {method!r}; it is "laplace", "sampler" or "walk"')
    if method != "laplace" and seed is None:
        raise ValueError("a sampler needs a seed: a result nobody can repeat is no result")
    repeatable = whole_number("seed", 0 if seed is None else seed, 0)
    if method == "sampler":
        live = whole_number("n_live", n_live, 2 * len(model.prior.names) + 2)
        return _sampled(model, y, repeatable, live, tolerance)
    with catch_warnings():
        simplefilter("ignore", NumericalWarning)  # told below, once
        if isinstance(model, GaussianModel):
            found = _gaussian(model, y, start, max_iterations)
        else:
            found = _at_mode(model, y, start, max_iterations)
    if method == "walk":
        found = _walked(model, y, repeatable, whole_number("n_steps", n_steps, 400), found)
    if not found.converged:
        warn(f"invert: {found.outcome}", NumericalWarning, stacklevel=2)
    return found


def _gaussian(
    model: GaussianModel, y: ArrayLike, start: ArrayLike | None, max_iterations: int
) -> Inversion:
    found = variational_laplace(
        model.predict,
        y,
        model.prior.mean,
        model.prior.cov,
        precision=model.precision,
        hE=model.hE,
        hC=model.hC,
        start=start,
        jacobian=model.jacobian,
        max_iterations=max_iterations,
    )
    return Inversion(
        model.prior.names,
        model.prior,
        found.mean,
        found.cov,
        found.free_energy,
        0.0,
        found.converged,
        found.outcome,
        "laplace",
    )


def _at_mode(
    model: LikelihoodModel, y: Any, start: ArrayLike | None, max_iterations: int
) -> Inversion:
    """Laplace's formula: log evidence = log(likelihood × prior) + log √|2π cov|, at the mode."""
    prior = model.prior
    begin = prior.mean if start is None else real_array("start", start)
    if begin.shape != prior.mean.shape or not np.isfinite(begin).all():
        raise ValueError(f"start = {start!r}; it must be {prior.mean.size} finite numbers")
    f = _log_likelihood(model, y)
    z = np.linalg.solve(prior.factor, begin - prior.mean)
    if f(z) == -inf:
        raise ValueError(
            f"the data are impossible where the ascent starts, at {begin}: give another start, or "
            "a prior under which they are possible"
        )
    mode = find_mode(f, z, whole_number("max_iterations", max_iterations))
    cov = prior.factor @ mode.cov @ prior.factor.T
    return Inversion(
        prior.names,
        prior,
        prior.mean + prior.factor @ mode.z,
        cov,
        mode.value + float(np.linalg.slogdet(mode.cov)[1]) / 2,
        0.0,
        mode.converged,
        mode.outcome,
        "laplace",
    )


def _sampled(
    model: GaussianModel | LikelihoodModel, y: Any, seed: int, n_live: int, tolerance: float
) -> Inversion:
    f, n = _standardised(model, y)
    found = nested_samples(f, n, seed=seed, n_live=n_live, tolerance=tolerance)
    return _from_samples(model.prior, found, True, "converged", "sampler")


def _walked(
    model: GaussianModel | LikelihoodModel, y: Any, seed: int, n_steps: int, near: Inversion
) -> Inversion:
    prior, k = model.prior, len(model.prior.names)
    f, n = _standardised(model, y)
    mean, cov = np.zeros(n), np.eye(n)  # log-precisions start as their prior
    mean[:k] = np.linalg.solve(prior.factor, near.mean - prior.mean)
    half = np.linalg.solve(prior.factor, near.cov)
    cov[:k, :k] = np.linalg.solve(prior.factor, half.T)
    found = walk_samples(f, mean, cov, seed=seed, n=n_steps)
    outcome = f"the walk is worth {found.effective:.0f} independent draws"
    return _from_samples(prior, found, found.effective >= _ENOUGH, outcome, "walk")


def _from_samples(
    prior: Prior, found: Samples, converged: bool, outcome: str, method: str
) -> Inversion:
    samples = prior.mean + found.z[:, : prior.mean.size] @ prior.factor.T
    return Inversion(
        prior.names,
        prior,
        samples.mean(axis=0),
        np.atleast_2d(np.cov(samples.T)),
        found.log_evidence,
        found.log_evidence_error,
        converged,
        outcome,
        method,
        samples,
        found.effective,
    )


def _standardised(
    model: GaussianModel | LikelihoodModel, y: Any
) -> tuple[Callable[[Array], float], int]:
    """Log-likelihood of standardised parameters, with log-precisions, and their number."""
    if isinstance(model, GaussianModel):
        return _gaussian_likelihood(model, y)
    return _log_likelihood(model, y), len(model.prior.names)


def _log_likelihood(model: LikelihoodModel, y: Any) -> Callable[[Array], float]:
    """Log-likelihood of standardised parameters; nan and +inf are errors."""

    def f(z: Array) -> float:
        theta = model.prior.mean + model.prior.factor @ z
        value = float(model.log_likelihood(theta, y))
        if not value < inf:
            raise ValueError(
                f"log_likelihood is {value} at {theta}: it must be a number, or −inf where the "
                "data are impossible; look for data that are not finite"
            )
        return value

    return f


def _gaussian_likelihood(model: GaussianModel, y: Any) -> tuple[Callable[[Array], float], int]:
    """Log-likelihood of standardised parameters and log-precisions, and their number."""
    prior = model.prior
    problem = problem_of(
        model.predict, y, prior.mean, prior.cov, model.precision, model.hE, model.hC, None
    )
    k, free = prior.mean.size, problem.free
    spread = np.linalg.inv(np.linalg.cholesky(problem.hyper_precision)).T
    no_slopes = np.empty((problem.y.size, 0))

    def f(z: Array) -> float:
        predicted = problem.predicted(prior.mean + prior.factor @ z[:k])
        if not np.isfinite(predicted).all():
            return -inf
        h = problem.hE.copy()
        h[free] += spread @ z[k:]
        misfit = problem.noise.moments(no_slopes, (problem.y - predicted).ravel(order="F")).misfit
        log_det = problem.noise.spectrum(h)[0]
        return float(log_det - np.exp(h) @ misfit - problem.y.size * log(2 * pi)) / 2

    return f, k + int(free.sum())
