"""Measure, print the tables, and write ``benchmarks/results.json``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm import tqdm

from benchmarks import c_code
from benchmarks.analyses import analyses, lay_out, time_analyses
from benchmarks.measure import measure, surroundings, table
from benchmarks.tasks import Sizes, tasks

RESULTS = Path(__file__).parent / "results.json"


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=15, help="rounds that count")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go")
    arguments = parser.parse_args()
    if c_code.compiler() is None:
        print("No C compiler found (CC, cc, gcc, clang): measuring without C.")
    with TemporaryDirectory() as folder:
        os.environ["NMM_CACHE_DIR"] = folder  # empty, so that compilation is seen
        results = run(Path(folder), arguments.repetitions)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf8")


def run(folder: Path, repetitions: int, sizes: Sizes | None = None) -> dict[str, object]:
    """Measure all tasks, printing each table; return what goes to the file.

    Parameters
    ----------
    folder : Path
        Where compiled code goes.
    repetitions : int
        Rounds that count.
    sizes : Sizes, optional
        How much each tool computes.
    """
    print("Compiling, and looking for SciPy's tolerances.", file=sys.stderr)
    found = []
    for task in tasks(sizes or Sizes(), folder):
        total = (repetitions + 1) * len(task.tools)
        with tqdm(total=total, leave=False, unit="run", desc="measure") as bar:

            def progress(tool: str, bar: tqdm = bar) -> None:
                bar.set_postfix_str(tool, refresh=False)
                bar.update()

            rows = measure(task, repetitions, progress)
        print(table(task.name, rows), end="\n\n", flush=True)
        found.append({"task": task.name, "trials": task.trials, "rows": rows})
    rows = time_analyses(analyses(), repetitions)
    print(lay_out(rows))
    return {**surroundings(), "repetitions": repetitions, "tasks": found, "analyses": rows}


if __name__ == "__main__":
    main()
