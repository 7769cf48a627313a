"""Posterior and evidence by nested sampling, with dynesty (Speagle 2020)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from scipy.special import ndtri

from nmm.sigmoid import Array


@dataclass(frozen=True, eq=False)
class NestedSamples:
    """Posterior samples of standardised parameters, and the evidence.

    Parameters
    ----------
    z : array (n, k)
        Equally weighted.
    log_evidence, log_evidence_error : float
        Natural logarithm, and its standard deviation.
    """

    z: Array
    log_evidence: float
    log_evidence_error: float


def nested_samples(
    f: Callable[[Array], float], k: int, *, seed: int, n_live: int, tolerance: float
) -> NestedSamples:
    """Sample the posterior of z ~ N(0, I_k) under log-likelihood f(z), −inf where impossible."""
    dynesty = optional("dynesty")
    random = np.random.default_rng(seed)
    with catch_warnings():
        simplefilter("ignore")  # of its own progress; what it finds is judged by its error
        sampler = dynesty.NestedSampler(f, ndtri, k, nlive=n_live, rstate=random)
        sampler.run_nested(dlogz=tolerance, print_progress=False)
    result = sampler.results
    return NestedSamples(
        np.asarray(result.samples_equal(rstate=random)),
        float(result.logz[-1]),
        float(result.logzerr[-1]),
    )


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
