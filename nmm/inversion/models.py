"""What a generative model is: a prior over parameters, and how parameters make data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log, pi
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import covariance, number, real_array, whole_number
from nmm.sigmoid import Array


@dataclass(frozen=True, eq=False)
class Prior:
    """A Gaussian prior over named parameters.

    Parameters
    ----------
    names : tuple of str
        Usually log-scales: ``"log g6"`` is the logarithm of the factor by which g6 differs.
    mean : array (k,)
        In the parameters' units; log-scales have none.
    cov : array (k, k)
        Positive definite; a parameter that is known is no parameter here.

    Examples
    --------
    >>> prior = Prior.of({"log g6": (0.0, 0.5), "log g3": (0.0, 0.25)})
    >>> prior.names, prior.sample(1000, seed=1).std(axis=0).round(2)
    (('log g6', 'log g3'), array([0.5 , 0.25]))
    """

    names: tuple[str, ...]
    mean: Array
    cov: Array

    def __post_init__(self) -> None:
        names = tuple(self.names)
        mean = real_array("the prior's mean", self.mean)
        if not names or len(set(names)) < len(names) or mean.shape != (len(names),):
            raise ValueError(
                f"a prior over {names} has a mean of shape {mean.shape}; give each parameter one "
                f"name of its own and one mean"
            )
        if not np.isfinite(mean).all():
            raise ValueError(f"the prior's mean {mean} must be finite")
        cov = covariance("the prior's cov", self.cov, len(names))
        sd = np.sqrt(np.diag(cov))
        if not sd.all() or np.linalg.eigvalsh(cov / np.outer(sd, sd))[0] < 1e-12:
            raise ValueError(
                "the prior's cov must be positive definite: leave a parameter that is known, or "
                "that follows from others, out of the prior"
            )
        for name, value in (("names", names), ("mean", mean), ("cov", cov)):
            object.__setattr__(self, name, value)

    @classmethod
    def of(cls, parameters: Mapping[str, tuple[float, float]]) -> Prior:
        """Independent parameters, from ``{name: (mean, standard deviation)}``."""
        pairs = {
            n: (number(n, m), number(f"sd of {n}", s, positive=True))
            for n, (m, s) in parameters.items()
        }
        mean, sd = np.array(list(pairs.values())).reshape(-1, 2).T
        return cls(tuple(pairs), mean, np.diag(sd**2))

    @cached_property
    def factor(self) -> Array:
        """Lower triangular L (k, k), L Lᵀ = cov: θ = mean + L z, z standard normal."""
        return np.asarray(np.linalg.cholesky(self.cov))

    def sample(self, n: int, seed: int) -> Array:
        """Draw n parameter vectors, (n, k), from a stated seed."""
        z = np.random.default_rng(seed).standard_normal((whole_number("n", n), len(self.names)))
        return np.asarray(self.mean + z @ self.factor.T)

    def log_density(self, theta: ArrayLike) -> float:
        """Natural logarithm of the density at θ (k,)."""
        z = np.linalg.solve(self.factor, np.asarray(theta, float) - self.mean)
        return float(-z @ z / 2 - np.log(np.diag(self.factor)).sum() - z.size / 2 * log(2 * pi))


@dataclass(frozen=True, eq=False)
class GaussianModel:
    """y = predict(θ) + Gaussian noise, whose precision has unknown scales.

    Parameters
    ----------
    prior : Prior
        Over the k parameters θ.
    predict : callable
        θ (k,) → array of the shape of the data; nan where the model has no prediction.
    precision : sequence of arrays, optional
        Components of the noise's precision, as in `nmm.variational_laplace`; default the identity.
    hE, hC : optional
        Prior mean and covariance of their log-precisions; ``hC=0``: hE is known.
    jacobian : callable, optional
        θ → derivatives, shape of the data + (k,).
    """

    prior: Prior
    predict: Callable[[Array], ArrayLike]
    precision: Sequence[ArrayLike] | None = None
    hE: ArrayLike | None = None
    hC: ArrayLike | None = None
    jacobian: Callable[[Array], ArrayLike] | None = None


@dataclass(frozen=True, eq=False)
class LikelihoodModel:
    """Data with any likelihood.

    Parameters
    ----------
    prior : Prior
        Over the k parameters θ.
    log_likelihood : callable
        θ (k,), data → natural logarithm of the density of the data; −inf where they are impossible.
    predict : callable, optional
        θ → what the data should look like, for predictive checks.
    """

    prior: Prior
    log_likelihood: Callable[[Array, Any], float]
    predict: Callable[[Array], ArrayLike] | None = None
