"""Simulate the exit times that chapter 07 shows, and store them in ``data/exit_times.npz``.

From the root of the repository::

    python tools/simulate_exit_times.py             # about five minutes on two cores

Every point is the whole stochastic column, by Heun's method, through `nmm.exit_times`; its recipe
(parameters, seed, step, threshold) is stored beside the exits. Trial i depends on the seed and i
only, so a few trials of any point can be computed again and compared one by one. The file holds the
step of each exit, −1 where the trial stayed. The fingerprint is that of the recipe alone.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

import nmm

DATA_FOLDER = Path(__file__).resolve().parents[1] / "data"
NAME = "exit_times.npz"
KEYS = ("u", "g6", "sigma", "dt", "start", "seed", "n_trials", "t_max")
RECIPE: tuple[tuple[Any, ...], ...] = (
    # From rest to the midpoint between the unstable and the stable cycle.
    (2600.0, 4800.0, 18.0, 1e-4, "rest", 718, 6720, 320.0),
    (2600.0, 4800.0, 20.0, 1e-4, "rest", 720, 6720, 130.0),
    (2600.0, 4800.0, 22.0, 1e-4, "rest", 722, 6720, 75.0),
    (2600.0, 4800.0, 24.0, 1e-4, "rest", 724, 6720, 50.0),
    (2400.0, 4800.0, 30.0, 1e-4, "rest", 730, 6720, 400.0),
    (2400.0, 4800.0, 34.0, 1e-4, "rest", 734, 6720, 100.0),
    # Half and twice the step.
    (2600.0, 4800.0, 24.0, 5e-5, "rest", 725, 6720, 50.0),
    (2600.0, 4800.0, 24.0, 2e-4, "rest", 726, 6720, 50.0),
    # From the stable cycle back to half the unstable one.
    (2960.0, 4480.0, 25.0, 1e-4, "cycle", 825, 4480, 250.0),
    (2960.0, 4480.0, 32.0, 1e-4, "cycle", 832, 4480, 250.0),
    (0.0, 4690.0, 30.0, 1e-4, "cycle", 930, 1280, 900.0),
    # And from rest, in a column that goes both ways.
    (2960.0, 4480.0, 25.0, 1e-4, "rest", 826, 4480, 400.0),
    (2960.0, 4480.0, 32.0, 1e-4, "rest", 833, 4480, 60.0),
)


def simulate(point: tuple[Any, ...]) -> dict[str, Any]:
    """Steps of exit and threshold of one point of the recipe, and its recipe."""
    recipe = dict(zip(KEYS, point, strict=True))
    column = nmm.bistable_column(u=recipe["u"]).with_(g6=recipe["g6"])
    (rest,) = nmm.equilibria(column)
    _, to = nmm.amplitude_equation(column, rest).start_and_threshold(recipe["start"], None)
    options = {key: recipe[key] for key in ("n_trials", "t_max", "seed", "dt", "start")}
    began = time.perf_counter()
    found = nmm.exit_times(column, recipe["sigma"], to=to, **options)
    steps = np.where(found.censored, -1, np.round(found.times / recipe["dt"])).astype(np.int32)
    took = time.perf_counter() - began
    exits = int((steps >= 0).sum())
    print(f"{recipe}: {exits} exits, {found.mean:.2f} s {found.interval}, {took:.0f} s", flush=True)
    return {**recipe, "to": to, "took": took, "steps": steps}


def to_npz(arrays: dict[str, Any]) -> bytes:
    """Return the bytes of an npz file with a fixed time stamp, not compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(array), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            archive.writestr(info, entry.getvalue())
    return buffer.getvalue()


def store(points: list[dict[str, Any]], folder: Path) -> None:
    """Write the exits, their recipe and its fingerprint."""
    arrays = {key: np.array([p[key] for p in points]) for key in (*KEYS, "to", "took")}
    arrays["steps"] = np.concatenate([p["steps"] for p in points])
    arrays["fingerprint"] = np.array(hashlib.sha256(json.dumps(RECIPE).encode()).hexdigest())
    store_arrays(NAME, arrays, folder)


def store_arrays(name: str, arrays: dict[str, Any], folder: Path) -> None:
    """Write a file, and its line in checksums.txt."""
    content = to_npz(arrays)
    (folder / name).write_bytes(content)
    sums = folder / "checksums.txt"
    lines = sums.read_text(encoding="ascii").splitlines()
    kept = [line for line in lines if not line.endswith(f"  {name}")]
    kept.append(f"{hashlib.sha256(content).hexdigest()}  {name}")
    sums.write_text("\n".join(sorted(kept, key=lambda s: s.split()[1])) + "\n", encoding="ascii")


def main() -> None:
    """Read the command line, simulate, store."""
    parser = argparse.ArgumentParser(description="Simulate the exit times stored in data/.")
    parser.add_argument("--out", type=Path, default=DATA_FOLDER, help="where to write")
    folder = parser.parse_args().out
    store([simulate(point) for point in RECIPE], folder)


if __name__ == "__main__":
    main()
