"""Posteriors without a Gaussian: nested sampling, and a random walk.

Nested sampling, with dynesty (Speagle 2020), needs no start and finds the evidence; from ten
parameters on its own walks are short, and in chapter 08 its means are off. The random walk
(Metropolis et al. 1953) starts on a hill of the posterior, knows no other, and is quicker.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from scipy.special import ndtri

from nmm.sigmoid import Array

_BATCHES = 20  # of a walk, whose means tell what it is worth


@dataclass(frozen=True, eq=False)
class Samples:
    """Posterior samples of standardised parameters, and the evidence.

    Parameters
    ----------
    z : array (n, k)
        Equally weighted.
    log_evidence, log_evidence_error : float
        Natural logarithm, and its standard deviation; nan where not found.
    effective : float
        Number of independent draws that they are worth.
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
        sampler = dynesty.NestedSampler(f, ndtri, k, nlive=n_live, rstate=random)
        sampler.run_nested(dlogz=tolerance, print_progress=False)
    result = sampler.results
    return Samples(
        np.asarray(result.samples_equal(rstate=random)),
        float(result.logz[-1]),
        float(result.logzerr[-1]),
        float(1 / np.sum(result.importance_weights() ** 2)),
    )


def walk_samples(
    f: Callable[[Array], float], start: Array, cov: Array, *, seed: int, n: int
) -> Samples:
    """Walk through the posterior of z ~ N(0, I_k) under log-likelihood f(z), −inf where impossible.

    Steps have the shape of `cov`, and after an eighth and a quarter of the n steps that of the walk
    so far; the first quarter is not kept. Some steps are short, for narrow bent places.
    """
    random, k = np.random.default_rng(seed), start.size
    z, here = start, f(start) - start @ start / 2
    for length in (n // 8, n // 8, n - 2 * (n // 8)):
        steps = random.standard_normal((length, k)) @ np.linalg.cholesky(cov).T * 2.38 / np.sqrt(k)
        steps *= random.choice([0.4, 1.0, 1.0], (length, 1))
        parts = []
        for step, level in zip(steps, -random.exponential(size=length), strict=True):
            there = f(z + step) - (z + step) @ (z + step) / 2
            if there - here > level:
                z, here = z + step, there
            parts.append(z)
        walk = np.array(parts)
        cov = np.cov(walk.T).reshape(k, k) + 1e-6 * cov
    return Samples(walk, np.nan, np.nan, _worth(walk))


def _worth(z: Array) -> float:
    """Independent draws a walk is worth, of its worst coordinate, by the spread of batch means."""
    size = len(z) // _BATCHES
    means = z[-size * _BATCHES :].reshape(_BATCHES, size, -1).mean(axis=1)
    spread = np.maximum(means.var(axis=0, ddof=1), 1e-300)
    return float(_BATCHES * np.min(z.var(axis=0) / spread))


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
