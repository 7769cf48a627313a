"""Invert many synthetic spectra, and store what chapter 08 shows in data/spectral_calibration.npz.

From the root of the repository::

    pip install -e ".[inference]"               # the sampler
    python tools/calibrate_spectra.py           # nearly all of the time is the sampler

Four questions, one recipe. Do credible intervals cover (`COVERAGE` sets drawn from the prior,
each inverted by variational Laplace)? Do those of the posterior itself, by a random walk, and how
much of it lies inside Laplace's intervals? Does nested sampling find the same posterior (the
first `SAMPLED` sets)? Do free energies name the model that made the data (`COMPARED` sets from each
of two)? Set i depends on the seed and i only, so any of them can be made and inverted again. The
fingerprint is the recipe's.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from simulate_exit_times import DATA_FOLDER, store_arrays
from tqdm import tqdm

import nmm
from nmm.inversion.calibration import synthetic
from nmm.inversion.inverting import invert
from nmm.inversion.models import GaussianModel, Prior
from nmm.inversion.spectral_models import spectral_model

NAME = "spectral_calibration.npz"
RECIPE: dict[str, Any] = {
    "g6": 4000.0,  # of the bistable column, which then rests
    "frequencies": [1.0, 64.0, 1.0],  # first, last, step, Hz
    "averages": 60.0,
    "strengths": ["g2", "g3", "g5", "g6"],
    "time constants": ["tau_ss", "tau_sp", "tau_ii", "tau_dp"],
    "sd": 0.15,  # of the log-scales
    "spectral": {
        "log input": [4.6, 1.0],
        "input exponent": [1.0, 0.25],
        "log noise": [-15.0, 1.0],
        "noise exponent": [1.0, 0.25],
    },
    "seed": 808,
}
COVERAGE, SAMPLED, COMPARED = 200, 12, 100
STARTS = 4  # of the ascent, besides the one from the prior mean
LEVELS = np.array([0.5, 0.8, 0.95])


def model_of(*groups: str) -> GaussianModel:
    """The model in which the parameters of `groups` ("strengths", "time constants") are free."""
    first, last, step = RECIPE["frequencies"]
    free = [name for group in groups for name in RECIPE[group]]
    scales = {f"log {name}": (0.0, RECIPE["sd"]) for name in free}
    prior = Prior.of(scales | {k: tuple(v) for k, v in RECIPE["spectral"].items()})
    column = nmm.bistable_column().with_(g6=RECIPE["g6"])
    frequencies = np.arange(first, last + step / 2, step)
    return spectral_model(column, frequencies, prior, averages=RECIPE["averages"])


def coverage() -> dict[str, Any]:
    """Truth, posterior mean, covariance and free energy of each set."""
    model, rows = model_of("strengths", "time constants"), []
    for i in tqdm(range(COVERAGE), desc="coverage"):
        truth, y = synthetic(model, (RECIPE["seed"], 0, i))
        found = invert(model, y)
        rows.append((truth, found.mean, found.cov, found.log_evidence, found.converged))
    keys = ("truth", "mean", "cov", "evidence", "converged")
    arrays = dict(zip(keys, map(np.array, zip(*rows, strict=True)), strict=True))
    return {"names": np.array(model.prior.names), **arrays}


def exact(laplace: dict[str, Any]) -> dict[str, Any]:
    """The posteriors themselves, by random walks: see `exact_set`."""
    model, rows = model_of("strengths", "time constants"), []
    for i in tqdm(range(COVERAGE), desc="walks"):
        rows.append(exact_set(model, i, laplace["mean"][i], laplace["cov"][i]))
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def exact_set(model: GaussianModel, i: int, mean: Any, cov: Any) -> dict[str, Any]:
    """Posterior of set i, rank of its truth in it, and what Gaussians hold of it.

    The walk starts on the highest hill that the stored ascent and `STARTS` others find. The last
    of each row of ranks and masses is that of all parameters together: of the distance from the
    mean in units of the covariance.
    """
    truth, y = synthetic(model, (RECIPE["seed"], 0, i))
    drawn = [d for d in model.prior.sample(STARTS, i) if np.isfinite(model.predict(d)).all()]
    hills = {invert(model, y, start=d).log_evidence: d for d in (mean, *drawn)}
    start = hills[max(hills)]
    found = invert(model, y, method="walk", start=start, seed=RECIPE["seed"] + i)
    samples = np.asarray(found.samples)
    draws = np.random.default_rng((RECIPE["seed"], 3, i)).multivariate_normal(mean, cov, 1000)
    below = (samples < truth).mean(axis=0)
    nearer = (far(samples, found.mean, found.cov) < far(truth, found.mean, found.cov)).mean()
    return {
        "exact_mean": found.mean,
        "exact_sd": found.sd,
        "highest": max(hills),
        "exact_effective": found.effective,
        "exact_rank": np.append(below, nearer),
        "held": [held(samples, *g) for g in ((mean, cov), (found.mean, found.cov))],
        "cut": np.mean([not np.isfinite(model.predict(d)).all() for d in draws]),
    }


def far(x: Any, mean: Any, cov: Any) -> Any:
    """Squared distance from `mean`, in units of `cov`."""
    return np.einsum("...i,ij,...j->...", x - mean, np.linalg.inv(cov), x - mean)


def held(samples: Any, mean: Any, cov: Any) -> Any:
    """Share of the samples (level, parameter) inside a Gaussian's intervals and ellipsoids."""
    z = np.abs(samples - mean) / np.sqrt(np.diag(cov))
    single = [(z < stats.norm.ppf((1 + level) / 2)).mean(axis=0) for level in LEVELS]
    squared = far(samples, mean, cov)
    together = [(squared < stats.chi2.ppf(level, mean.size)).mean() for level in LEVELS]
    return np.column_stack((single, together))


def comparison() -> dict[str, Any]:
    """Free energies (truth, set, model) of both models on the data of either."""
    models = [model_of(group) for group in ("strengths", "time constants")]
    F = np.empty((2, COMPARED, 2))
    for k, truth in enumerate(models):
        for i in tqdm(range(COMPARED), desc="comparison"):
            _, y = synthetic(truth, (RECIPE["seed"], 1 + k, i))
            F[k, i] = [invert(model, y).log_evidence for model in models]
    return {"compared": F}


def sampled() -> dict[str, Any]:
    """Mean, covariance, evidence and its error by the sampler, for the first sets."""
    model, rows = model_of("strengths", "time constants"), []
    for i in tqdm(range(SAMPLED), desc="sampler"):
        _, y = synthetic(model, (RECIPE["seed"], 0, i))
        began = time.perf_counter()
        found = invert(model, y, method="sampler", seed=RECIPE["seed"] + i)
        took = time.perf_counter() - began
        rows.append((found.mean, found.cov, found.log_evidence, found.log_evidence_error, took))
    keys = ("sampler_mean", "sampler_cov", "sampler_evidence", "sampler_error", "sampler_took")
    return dict(zip(keys, map(np.array, zip(*rows, strict=True)), strict=True))


def store(arrays: dict[str, Any], folder: Path) -> None:
    """Write the file with its recipe, and its line in checksums.txt."""
    recipe = json.dumps(RECIPE)
    arrays["recipe"] = np.array(recipe)
    arrays["fingerprint"] = np.array(hashlib.sha256(recipe.encode()).hexdigest())
    store_arrays(NAME, arrays, folder)


def main() -> None:
    """Read the command line, invert, store."""
    parser = argparse.ArgumentParser(description="Calibrate the inversion of spectra.")
    parser.add_argument("--out", type=Path, default=DATA_FOLDER, help="where to write")
    folder = parser.parse_args().out
    laplace = coverage()
    store({**laplace, **exact(laplace), **comparison(), **sampled()}, folder)


if __name__ == "__main__":
    main()
