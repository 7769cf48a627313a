"""Invert many simulated recordings of the full column, and store what chapter 10 shows of them.

From the root of the repository::

    python tools/calibrate_envelopes.py         # some fifteen minutes on one core; resumable

In ``data/envelope_calibration.npz``: the table of amplitude equations over g6, and `SETS` runs
of the eight-dimensional column, connection and noise drawn from the prior, each inverted by its
envelope (this chapter's model) and by its spectrum (chapter 08's, about rest); some that rest also
by nested sampling. Set i depends on the
seed and i only. What is done is kept in ``_build/envelope_calibration.jsonl``.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from simulate_exit_times import DATA_FOLDER, store_arrays
from tqdm import tqdm

import nmm
from nmm.inversion.column_tables import ColumnTable, tabulate_column
from nmm.inversion.envelopes import envelope, envelope_model, rests
from nmm.inversion.inverting import Inversion, invert
from nmm.inversion.log_spectra import log_spectrum
from nmm.inversion.models import Prior
from nmm.inversion.spectral_models import spectral_model

NAME = "envelope_calibration.npz"
RECIPE: dict[str, Any] = {
    "u": 2960.0,
    "g6": 4480.0,
    "sigma": 28.0,
    "width": 0.015,  # prior sd of ln g6
    "sigma_width": 0.15,  # and of ln sigma
    "axis": [-0.1, -0.07, -0.045, -0.03, -0.015, -0.005, 0.005, 0.015, 0.03, 0.045, 0.07, 0.1],
    "duration": 300.0,  # s, after 20 s that are left out
    "rate": 500.0,  # Hz
    "electrode": 0.05,  # mV: white noise of the recording
    "band": [9.0, 20.0],  # Hz
    "every": 100,
    "sd": 0.011,  # mV, expected: half of it the electrode's, the rest the column's other modes
    "spectrum": [4.0, 40.0],  # Hz
    "seed": 1010,
}
SETS, SAMPLED = 240, 6
LOST = 20.0  # s
KEPT = Path(__file__).resolve().parents[1] / "_build" / "envelope_calibration.jsonl"


def column(scale: float = 0.0) -> nmm.NeuralMass:
    """The column that goes both ways, its g6 changed by a log-scale."""
    return nmm.bistable_column(u=RECIPE["u"]).with_(g6=RECIPE["g6"] * float(np.exp(scale)))


def recording(scale: float, log_sigma: float, seed: int) -> Any:
    """Potential of the superficial pyramidal cells, with the electrode's noise, mV."""
    m, rate = column(scale), RECIPE["rate"]
    run = nmm.simulate(
        m,
        RECIPE["duration"] + LOST,
        x0=nmm.equilibria(m)[0].x,
        sigma=float(np.exp(log_sigma)),
        seed=seed,
        every=round(1e4 / rate),
    )
    v = run.x[0, round(LOST * rate) : -1, m.populations.index(m.reference)]
    return v + RECIPE["electrode"] * np.random.default_rng(seed).standard_normal(v.size)


def envelope_of(v: Any) -> Any:
    """The recording's envelope, mV."""
    return envelope(v, RECIPE["rate"], tuple(RECIPE["band"]), every=RECIPE["every"])


def globally(r: Any, table: ColumnTable, **options: Any) -> Inversion:
    """Invert the envelope: names "log g6", "log sigma", "log sd"."""
    t = np.arange(r.size) * RECIPE["every"] / RECIPE["rate"]
    model = envelope_model(
        r,
        t,
        table,
        sigma=RECIPE["sigma"],
        sd=RECIPE["sd"],
        band=tuple(RECIPE["band"]),
        width=RECIPE["width"],
        sigma_width=RECIPE["sigma_width"],
    )
    return invert(model.likelihood(), r, **options)


def locally(v: Any) -> Inversion:
    """Invert the spectrum about rest: names "log g6", "log input" (of σ²), "log noise"."""
    data = log_spectrum(v, RECIPE["rate"], band=tuple(RECIPE["spectrum"]))
    white = 2 * RECIPE["electrode"] ** 2 / RECIPE["rate"]
    prior = Prior.of(
        {
            "log g6": (0.0, RECIPE["width"]),
            "log input": (2 * float(np.log(RECIPE["sigma"])), 2 * RECIPE["sigma_width"]),
            "log noise": (float(np.log(white)), 0.5),
        }
    )
    model = spectral_model(column(), data.frequencies, prior, averages=data.averages)
    return invert(model, data.log_power)


def draw(i: int) -> list[float]:
    """Log-scale of g6 and logarithm of sigma of set i, from the prior."""
    z = np.random.default_rng([RECIPE["seed"], i]).standard_normal(2)
    return [
        float(RECIPE["width"] * z[0]),
        float(np.log(RECIPE["sigma"]) + RECIPE["sigma_width"] * z[1]),
    ]


def one(i: int, table: ColumnTable) -> dict[str, Any]:
    """Draw, simulate and invert set i."""
    seed, truth = RECIPE["seed"] + i, draw(i)
    row: dict[str, Any] = {"set": i, "truth": truth}
    v = recording(truth[0], truth[1], seed)
    r = envelope_of(v)
    row["rests"] = rests(r)
    for name, found in (("global", globally(r, table)), ("local", locally(v))):
        row |= {f"{name}_mean": found.mean.tolist(), f"{name}_cov": found.cov.tolist()}
        row |= {f"{name}_converged": bool(found.converged)}
    return row


def sampled(i: int, table: ColumnTable) -> Inversion:
    """Invert the envelope of set i by nested sampling."""
    truth = draw(i)
    r = envelope_of(recording(truth[0], truth[1], RECIPE["seed"] + i))
    return globally(r, table, method="sampler", seed=i)


def main() -> None:
    """Tabulate, invert what is not yet inverted, store."""
    warnings.simplefilter("ignore")
    table = tabulate_column(column(), {"g6": RECIPE["axis"]})
    KEPT.parent.mkdir(exist_ok=True)
    done = KEPT.read_text(encoding="ascii").splitlines() if KEPT.exists() else []
    rows = {row["set"]: row for row in map(json.loads, done)}
    for i in tqdm(range(SETS)):
        if i not in rows:
            rows[i] = one(i, table)
            with KEPT.open("a", encoding="ascii") as file:
                file.write(json.dumps(rows[i]) + "\n")
    resting = [i for i in range(SETS) if rows[i]["rests"]]
    arrays: dict[str, Any] = {"sampled": np.array(resting[:SAMPLED])}
    found = [sampled(i, table) for i in tqdm(arrays["sampled"].tolist())]
    arrays |= {
        "sampler_mean": np.array([f.mean for f in found]),
        "sampler_cov": np.array([f.cov for f in found]),
        "sampler_evidence": np.array([f.log_evidence for f in found]),
        "sampler_error": np.array([f.log_evidence_error for f in found]),
    }
    arrays |= {k: np.array([rows[i][k] for i in range(SETS)]) for k in rows[0] if k != "set"}
    arrays |= {"axis": table.axes[0], "R": table.R, "rows": table.rows, "reach": table.reach}
    recipe = json.dumps(RECIPE)
    arrays["recipe"] = np.array(recipe)
    arrays["fingerprint"] = np.array(hashlib.sha256(recipe.encode()).hexdigest())
    store_arrays(NAME, arrays, DATA_FOLDER)


if __name__ == "__main__":
    main()
