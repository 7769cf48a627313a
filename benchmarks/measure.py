"""Time tools turn by turn, and lay out what was found."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import c_code
from benchmarks.tasks import Task, Tool

Row = dict[str, Any]


def measure(task: Task, repetitions: int, progress: Callable[[str], None]) -> list[Row]:
    """Run every tool of `task` in turn, `repetitions` times: what slows the machine slows all.

    Each round begins with another tool, so that none always follows the same one.

    Parameters
    ----------
    task : Task
        What to run.
    repetitions : int
        Rounds that count; one more comes first and does not.
    progress : callable
        Called with the name of a tool after each of its runs.

    Returns
    -------
    list of dict
        A row for each tool. ``ratio_to_c`` is the median over the rounds of the time per step
        divided by that of the fastest C in the same round, or None without a compiler.
    """
    seconds = np.empty((repetitions + 1, len(task.tools)))
    for r, times in enumerate(seconds):
        for i in np.roll(np.arange(len(times)), -r):
            times[i] = _timed(task.tools[i])
            progress(task.tools[i].name)
    seconds = seconds[1:]
    steps = np.array([tool.steps * task.trials for tool in task.tools])
    ns = seconds / steps * 1e9
    in_c = [i for i, tool in enumerate(task.tools) if tool.name.startswith("C,")]
    best = min(in_c, key=lambda i: float(np.median(ns[:, i])), default=None)
    return [
        {
            "tool": tool.name,
            "steps": tool.steps,
            "median_s": float(np.median(seconds[:, i])),
            "minimum_s": float(seconds[:, i].min()),
            "median_ns_per_step": float(np.median(ns[:, i])),
            "minimum_ns_per_step": float(ns[:, i].min()),
            "ratio_to_c": None if best is None else float(np.median(ns[:, i] / ns[:, best])),
            "compile_s": tool.compile_seconds,
        }
        for i, tool in enumerate(task.tools)
    ]


def _timed(tool: Tool) -> float:
    started = time.perf_counter()
    tool.run()
    return time.perf_counter() - started


def table(name: str, rows: Sequence[Row]) -> str:
    """Lay `rows` out as text."""
    head = ("", "median", "ns/step", "least", "ratio to C", "compile")
    lines = [head]
    for row in rows:
        ratio = row["ratio_to_c"]
        lines.append(
            (
                row["tool"],
                f"{row['median_s'] * 1e3:.1f} ms",
                f"{row['median_ns_per_step']:.1f}",
                f"{row['minimum_ns_per_step']:.1f}",
                "–" if ratio is None else f"{ratio:.2f}",
                f"{row['compile_s']:.2f} s" if row["compile_s"] > 0.01 else "–",
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = [
        line[0].ljust(widths[0])
        + "".join("  " + cell.rjust(w) for cell, w in zip(line[1:], widths[1:], strict=True))
        for line in lines
    ]
    return "\n".join([name, *text])


def surroundings() -> dict[str, Any]:
    """Where and with what the measurement was made."""
    packages = ("nmm", "numpy", "scipy", "numba", "llvmlite")
    return {
        "date": date.today().isoformat(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "c_compiler": c_code.version() if c_code.compiler() else None,
        "c_flags": " ".join(c_code.FLAGS),
    }


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
