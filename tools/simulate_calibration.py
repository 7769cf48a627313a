"""Tabulate the theory of chapter 09 and simulate the sets of exit times that calibrate it.

From the root of the repository::

    python tools/simulate_calibration.py            # about ten minutes on two cores

writes ``data/exit_table.npz`` and ``data/exit_calibration.npz``. Each set is drawn from the prior
`EXIT_PRIOR` of `nmm.inversion.exit_models`, cut to the box of the table: columns in which rest and
cycle coexist and every condition has exits, though not every trial exits within t_max. Its exits
are those of the whole stochastic column, by `nmm.exit_times`; no formula makes data. Draw i and
its seeds depend on i only, so any set can be computed again. ``--resume FILE`` goes on where a
former run stopped.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from simulate_exit_times import DATA_FOLDER, store_arrays, to_npz

import nmm
from nmm.inversion.exit_models import (
    CONDITIONS,
    EXIT_BOX,
    EXIT_PRIOR,
    exit_column,
    tabulate_exits,
)

NAME = "exit_calibration.npz"
DT = 1e-4
SETS = 240


def draw(i: int) -> np.ndarray:
    """Parameters of set i: the prior, cut to the box."""
    random = np.random.default_rng([909, i])
    while True:
        theta = np.array([random.normal(mean, sd) for mean, sd in EXIT_PRIOR.values()])
        if (np.abs(theta) <= EXIT_BOX).all():
            return theta


def simulate(i: int) -> tuple[np.ndarray, np.ndarray]:
    """Parameters (3,) and the step of each exit, −1 where a trial stayed: condition by trial."""
    theta = draw(i)
    column = exit_column(theta)
    amplitude = nmm.amplitude_equation(column, nmm.equilibria(column)[0])
    steps = []
    for k, (start, level, n_trials, t_max) in enumerate(CONDITIONS):
        _, to = amplitude.start_and_threshold(start, None)
        found = nmm.exit_times(
            column,
            level * float(np.exp(theta[2])),
            n_trials,
            t_max,
            seed=10 * i + k,
            dt=DT,
            start=start,
            to=to,
        )
        steps.append(np.where(found.censored, -1, np.round(found.times / DT)).astype(np.int32))
    return theta, np.array(steps)


def arrays(sets: list[Any]) -> dict[str, np.ndarray]:
    """What the file holds."""
    return {
        "theta": np.array([theta for theta, _ in sets]),
        "steps": np.array([steps for _, steps in sets]),
        "dt": np.array(DT),
        "t_max": np.array([t_max for _, _, _, t_max in CONDITIONS]),
        "fingerprint": fingerprint(),
    }


def fingerprint() -> np.ndarray:
    """SHA-256 of the recipe."""
    recipe = json.dumps([EXIT_PRIOR, EXIT_BOX.tolist(), CONDITIONS, DT])
    return np.array(hashlib.sha256(recipe.encode()).hexdigest())


def table() -> dict[str, np.ndarray]:
    """Coefficients of the theory, and the error of the interpolation."""
    found = tabulate_exits(exit_column, EXIT_BOX[:2])
    print(f"table: log T within {found.error:.1e} between the nodes", flush=True)
    return {**vars(found), "fingerprint": fingerprint()}


def main() -> None:
    """Read the command line, simulate, store."""
    parser = argparse.ArgumentParser(description="Simulate sets of exit times.")
    parser.add_argument("--out", type=Path, default=DATA_FOLDER, help="where to write")
    parser.add_argument("--resume", type=Path, help="a file that keeps what was done so far")
    options = parser.parse_args()
    store_arrays("exit_table.npz", table(), options.out)
    sets: list[Any] = []
    if options.resume and options.resume.exists():
        with np.load(options.resume) as kept:
            sets = list(zip(kept["theta"], kept["steps"], strict=True))
    for i in range(len(sets), SETS):
        sets.append(simulate(i))
        if options.resume and i % 20 == 19:
            options.resume.write_bytes(to_npz(arrays(sets)))
            print(f"{i + 1} of {SETS}", flush=True)
    store_arrays(NAME, arrays(sets), options.out)


if __name__ == "__main__":
    main()
