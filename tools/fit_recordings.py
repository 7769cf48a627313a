"""Invert the models of a recorded amplitude, and store what chapter 10 needs of it.

From the root of the repository::

    python tools/fit_recordings.py             # some forty minutes on one core

Two parts, in ``data/recording_fits.npz``. "absence": every model of the absence recording, inverted
on its first two seizures (posterior mean and covariance, log evidence). "wells": recordings
simulated with one well or two, each inverted with both; the difference of log evidence, two wells
less one. Two of these again by nested sampling. The fingerprint is that of the recipe alone.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from simulate_exit_times import DATA_FOLDER, store_arrays

from nmm import datasets
from nmm.inversion.forecasts import candidates
from nmm.inversion.inverting import invert
from nmm.inversion.polynomial_amplitudes import PolynomialAmplitude, simulate_polynomial
from nmm.inversion.recorded_amplitudes import causal_amplitude, without_artefacts
from nmm.inversion.recording_models import AmplitudeModel, Course, polynomial_model

NAME = "recording_fits.npz"
DT, SAMPLES, SETS, STEPS = 0.25, 800, 16, 20
TRUTHS: dict[str, dict[str, float]] = {
    "rest": {"rate": 4.0, "size": 60.0, "damping": 1.0, "noise": 16.0, "wells": 1},
    "rhythm": {"rate": 4.0, "size": 50.0, "damping": -1.5, "noise": 8.0, "wells": 1},
    "both": {"rate": 4.0, "size": 60.0, "damping": 0.8, "noise": 16.0, "wells": 2},
}
BAND, EVERY, END = (2.5, 4.5), 50, 1440.0  # Hz; samples; s: the third seizure comes later
LIVE = 150  # points of the nested sampler
SEED = 1000  # plus the number of the set


def absence_amplitude() -> tuple[Any, Any, Course]:
    """Return times (s), amplitudes (µV) four times a second, and the hyperventilation's course."""
    recording = datasets.absence()
    Fz, A1, A2 = (
        without_artefacts(recording.channel(c), recording.rate) for c in ("Fz", "A1", "A2")
    )
    y = causal_amplitude(Fz - (A1 + A2) / 2, recording.rate, BAND, every=EVERY)
    begin, length, _ = recording.events[0]
    return recording.t[::EVERY], y, Course(begin, begin + length)


def simulated(truth: str, seed: int) -> Any:
    """Return a recording: the amplitude, with one per cent of noise of the recorder."""
    amplitude = PolynomialAmplitude(**TRUTHS[truth])  # type: ignore[arg-type]
    start = amplitude.radii()[-1][0] or 10.0
    R = simulate_polynomial(amplitude, SAMPLES, DT, start=start, steps=STEPS, seed=seed)
    return R * (1 + 0.01 * np.random.default_rng(seed).standard_normal(SAMPLES))


def difference(truth: str, seed: int) -> float:
    """Log evidence of two wells less that of one."""
    y, t = simulated(truth, seed), DT * np.arange(SAMPLES)
    two, one = (
        invert(polynomial_model(y, t, wells=wells).likelihood(), y).log_evidence for wells in (2, 1)
    )
    print(truth, seed, round(two - one, 2), flush=True)
    return two - one


def nested(model: AmplitudeModel, y: Any) -> Any:
    """Log evidence by nested sampling, and its standard error."""
    found = invert(model.likelihood(), y, method="sampler", seed=SEED, n_live=LIVE)
    print("nested", found.log_evidence, found.log_evidence_error, flush=True)
    return np.array([found.log_evidence, found.log_evidence_error])


def main() -> None:
    """Fit, simulate, store."""
    arrays: dict[str, Any] = {}
    t, y, course = absence_amplitude()
    train = t < END
    t, y = t[train], y[train]
    models = candidates(y, t, course)
    for name, model in models.items():
        found = invert(model.likelihood(), y)
        print(name, found.log_evidence, found.converged, found.mean.round(2), flush=True)
        arrays |= {f"{name}: mean": found.mean, f"{name}: cov": found.cov}
        arrays[f"{name}: log evidence"] = np.array(found.log_evidence)
    arrays["nested: absence, two wells"] = nested(models["two wells"], y)
    rhythm, t = simulated("rhythm", SEED), DT * np.arange(SAMPLES)
    arrays["nested: rhythm, two wells"] = nested(polynomial_model(rhythm, t), rhythm)
    seeds = np.arange(SEED, SEED + SETS)
    arrays |= {f"wells: {k}": np.array([difference(k, int(s)) for s in seeds]) for k in TRUTHS}
    arrays["seeds"] = seeds
    recipe = [BAND, EVERY, END, DT, SAMPLES, SETS, STEPS, TRUTHS, SEED, list(models)]
    arrays["fingerprint"] = np.array(hashlib.sha256(json.dumps(recipe).encode()).hexdigest())
    store_arrays(NAME, arrays, DATA_FOLDER)


if __name__ == "__main__":
    main()
