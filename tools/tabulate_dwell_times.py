"""Compute the dwell times that the figure to play with in chapter 07 shows: theory, no simulation.

From the root of the repository::

    python tools/tabulate_dwell_times.py             # about a minute on one core

For each input and strength of g6 the bistable column is reduced to its amplitude; where rest and an
oscillation are both stable, the mean time until noise ends either is tabulated against its
intensity. The file holds no time where there are not two states, and why.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from simulate_exit_times import DATA_FOLDER, store_arrays

import nmm

NAME = "dwell_times.npz"
INPUTS = np.arange(2200.0, 3001.0, 40.0)  # mV/s
STRENGTHS = np.arange(4480.0, 4961.0, 40.0)  # of g6, mV/s
NOISES = np.arange(16.0, 40.5, 1.0)  # mV s^(−1/2)


def tabulate(u: float, g6: float) -> tuple[str, Any]:
    """Why there is no dwell time (or nothing), and the times (2, noises), s: at rest, away."""
    column = nmm.bistable_column(u=u).with_(g6=g6)
    (rest,) = nmm.equilibria(column)
    nothing = np.full((2, NOISES.size), np.nan)
    if not rest.stable:
        return "rest is unstable", nothing
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        amplitude = nmm.amplitude_equation(column, rest)
    states = [stable for _, stable in amplitude.radii()]
    if said or states not in ([True], [True, False, True]):
        return "the amplitude equation does not reach far enough", nothing
    if states == [True]:
        return "there is no oscillation to go to", nothing
    times = [[amplitude.exit_time(s, start=w) for s in NOISES] for w in ("rest", "cycle")]
    return "", np.array(times)


def main() -> None:
    """Read the command line, compute, store."""
    parser = argparse.ArgumentParser(description="Compute the dwell times stored in data/.")
    parser.add_argument("--out", type=Path, default=DATA_FOLDER, help="where to write")
    folder = parser.parse_args().out
    rows = [[tabulate(u, g6) for g6 in STRENGTHS] for u in INPUTS]
    times = np.array([[found for _, found in row] for row in rows])
    store_arrays(
        NAME,
        {
            "u": INPUTS,
            "g6": STRENGTHS,
            "sigma": NOISES,
            "at_rest": times[:, :, 0],
            "oscillating": times[:, :, 1],
            "reason": np.array([[reason for reason, _ in row] for row in rows]),
        },
        folder,
    )


if __name__ == "__main__":
    main()
