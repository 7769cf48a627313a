"""Synthetic data from a model's own prior: what an inversion has to get right on average."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nmm.checks import real_array
from nmm.inversion.models import GaussianModel
from nmm.sigmoid import Array

_TRIES = 1000


def synthetic(model: GaussianModel, seed: int | Sequence[int]) -> tuple[Array, Array]:
    """Draw parameters from the prior, a precision from its prior, and data from both.

    Draws for which the model has no prediction, such as a column whose rest is not stable, are
    drawn again: the prior is cut there.

    Parameters
    ----------
    model : GaussianModel
        With one component of noise, the identity, and with hE and hC.
    seed : int or sequence of int
        Of the random numbers.

    Returns
    -------
    tuple of array (k,), array
        Parameters, data.

    Raises
    ------
    ValueError
        If hE or hC is missing, or the model predicts nothing anywhere.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm.inversion.calibration import synthetic
    >>> from nmm.inversion.models import GaussianModel, Prior
    >>> prior = Prior.of({"level": (1.0, 0.5)})
    >>> model = GaussianModel(prior, lambda p: p[0] * np.ones(50), hE=6.0, hC=0.1)
    >>> level, y = synthetic(model, 3)
    >>> bool(abs(y.mean() - level[0]) < 0.05)
    True
    """
    if model.hE is None or model.hC is None or model.precision is not None:
        raise ValueError("synthetic: the model needs hE and hC, and no components of precision")
    random = np.random.default_rng(seed)
    for _ in range(_TRIES):
        theta = model.prior.mean + model.prior.factor @ random.standard_normal(
            len(model.prior.names)
        )
        clean = real_array("predict(θ)", model.predict(theta))
        if np.isfinite(clean).all():
            break
    else:
        raise ValueError(f"synthetic: no prediction for any of {_TRIES} draws from the prior")
    h = float(np.ravel(model.hE)[0] + np.sqrt(np.ravel(model.hC)[0]) * random.standard_normal())
    return theta, clean + np.exp(-h / 2) * random.standard_normal(clean.shape)
