"""Posterior and evidence without a Gaussian: nested sampling, and importance sampling.

Nested sampling, with dynesty (Speagle 2020), needs no start. Importance sampling starts from a
Gaussian near the posterior and is many times quicker; it says how many independent draws it got.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from scipy.special import logsumexp, ndtri
from scipy.stats import multivariate_t

from nmm.sigmoid import Array

_MANY = 10  # parameters: from there on dynesty walks at random
_WALK = 8  # steps per parameter: with dynesty's 33 in all, thirteen were missed by two deviations
_ROUNDS = 7  # of importance sampling
_TAILS = 5  # degrees of freedom of the proposals: heavier tails than a posterior has


@dataclass(frozen=True, eq=False)
class Samples:
    """Posterior samples of standardised parameters, and the evidence.

    Parameters
    ----------
    z : array (n, k)
        Equally weighted.
    log_evidence, log_evidence_error : float
        Natural logarithm, and its standard deviation.
    effective : float
        Number of independent draws that the weighted ones were worth.
    """

    z: Array
    log_evidence: float
    log_evidence_error: float
    effective: float


def nested_samples(
    f: Callable[[Array], float], k: int, *, seed: int, n_live: int, tolerance: float
) -> Samples:
    """Sample the posterior of z ~ N(0, I_k) under log-likelihood f(z), −inf where impossible."""
    dynesty = optional("dynesty")
    random = np.random.default_rng(seed)
    with catch_warnings():
        simplefilter("ignore")  # of its own progress; what it finds is judged by its error
        way = {"sample": "rwalk", "walks": _WALK * k} if k >= _MANY else {}
        sampler = dynesty.NestedSampler(f, ndtri, k, nlive=n_live, rstate=random, **way)
        sampler.run_nested(dlogz=tolerance, print_progress=False)
    result = sampler.results
    return Samples(
        np.asarray(result.samples_equal(rstate=random)),
        float(result.logz[-1]),
        float(result.logzerr[-1]),
        float(1 / np.sum(result.importance_weights() ** 2)),
    )


def importance_samples(
    f: Callable[[Array], float], mean: Array, cov: Array, *, seed: int, n: int
) -> Samples:
    """Sample the posterior of z ~ N(0, I_k) under log-likelihood f(z), −inf where impossible.

    The n draws of the first round come from a t distribution around `mean` with the shape `cov`,
    those of each further round from one fitted to all draws so far. A weight compares the posterior
    with the mixture of all rounds (Cornuet et al. 2012), so that no draw can weigh too much
    where any round has looked.
    """
    random, k = np.random.default_rng(seed), mean.size
    proposals, z, target = [], np.empty((0, k)), np.empty(0)
    for _ in range(_ROUNDS):
        proposals.append(multivariate_t(mean, cov, _TAILS))
        z = np.vstack((z, proposals[-1].rvs(n, random_state=random).reshape(n, k)))
        target = np.append(target, [f(v) - v @ v / 2 for v in z[-n:]])
        mixture = logsumexp([p.logpdf(z) for p in proposals], axis=0) - np.log(len(proposals))
        logs = target - k / 2 * np.log(2 * np.pi) - mixture
        weights = np.exp(logs - logsumexp(logs))
        mean, cov = _moments(z, weights, mean, cov)
    effective = 1 / np.sum(weights**2)
    return Samples(
        z[random.choice(len(z), len(z), p=weights)],
        float(logsumexp(logs) - np.log(len(z))),
        float(np.sqrt(1 / effective - 1 / len(z))),
        float(effective),
    )


def _moments(z: Array, weights: Array, mean: Array, cov: Array) -> tuple[Array, Array]:
    """Moments of the draws; heavy weights are evened out, and too few draws change nothing."""
    for _ in range(20):
        if 1 / np.sum(weights**2) >= 20 * z.shape[1]:
            mean = weights @ z
            return mean, (z - mean).T @ ((z - mean) * weights[:, None])
        weights = weights**0.7 / np.sum(weights**0.7)
    return mean, cov


def optional(package: str) -> Any:
    """Import a package of the extra `inference`, or say how to install it."""
    try:
        with catch_warnings():
            simplefilter("ignore", FutureWarning)  # ArviZ announces its next release
            return import_module(package)
    except ImportError:
        raise ImportError(
            f"this needs {package}, which is not installed: pip install 'nmm[inference]'"
        ) from None
