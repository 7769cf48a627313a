"""Analyses whose peers do not run here: our time beside the time another program needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import nmm

AUTO = "AUTO-07p, Fortran, on an AMD EPYC core, November 2026"


@dataclass(frozen=True)
class Analysis:
    """One row: something done once, and how long a peer took.

    Parameters
    ----------
    name : str
        What is computed.
    run : callable
        Computes it.
    peer : str
        Program, and the machine it ran on.
    peer_s : float
        Its time, s.
    """

    name: str
    run: Callable[[], Any]
    peer: str
    peer_s: float


def analyses() -> list[Analysis]:
    """Jansen and Rit's diagram: fixed points, and two branches of cycles."""
    m, reach = nmm.jansen_rit(), (-100.0, 400.0)
    hopf = [p for p in nmm.continue_equilibria(m, "p", reach).special if p.kind == "hopf"]
    spikes, alpha = hopf[0], hopf[1]
    return [
        Analysis(
            "Jansen–Rit, fixed points with folds and Hopf points",
            lambda: nmm.continue_equilibria(m, "p", reach),
            AUTO,
            0.08,
        ),
        Analysis(
            "Jansen–Rit, alpha cycles between two Hopf points",
            lambda: nmm.continue_cycles(m, "p", reach, alpha),
            AUTO,
            1.1,
        ),
        Analysis(
            "Jansen–Rit, spike cycles from a Hopf point to infinite period",
            lambda: nmm.continue_cycles(m, "p", reach, spikes),
            AUTO,
            1.1,
        ),
    ]


def time_analyses(found: list[Analysis], repetitions: int) -> list[dict[str, Any]]:
    """Run each analysis `repetitions` times after a first that does not count."""
    rows = []
    for analysis in found:
        seconds = [_timed(analysis.run) for _ in range(repetitions + 1)][1:]
        median = float(np.median(seconds))
        rows.append(
            {
                "analysis": analysis.name,
                "median_s": median,
                "minimum_s": float(np.min(seconds)),
                "peer": analysis.peer,
                "peer_s": analysis.peer_s,
                "ratio": median / analysis.peer_s,
            }
        )
    return rows


def lay_out(rows: list[dict[str, Any]]) -> str:
    """Lay `rows` out as text."""
    lines = []
    for row in rows:
        times = f"{row['median_s']:.2f} s, {row['ratio']:.1f} times the {row['peer_s']} s of"
        lines.append(f"{row['analysis']}: {times} {row['peer']}")
    return "\n".join(lines)


def _timed(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
