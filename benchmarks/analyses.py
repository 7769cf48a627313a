"""Analyses whose peers do not run here: our time beside the time another program needed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import nmm

Array = NDArray[np.float64]

AUTO = "AUTO-07p, Fortran, on an AMD EPYC core, November 2026"
SPM = "SPM12 r7771, Octave 7.3.0, on an AMD EPYC core, November 2026"
SPECTRA = 20  # at once: one alone is too short to time
NOISE = 1e-3  # on the spectrum that is inverted, whose largest value is about 0.3
# What SPM inverts in a spectrum of one source: field → (entries, prior mean, prior variance).
SPM_FIELDS = {
    "T": (4, 0.0, 1 / 32),
    "G": (4, 0.0, 1 / 32),
    "S": (1, 0.0, 1 / 64),
    "D": (1, 0.0, 1 / 64),
    "L": (1, 1.0, 64.0),
    "a": (2, 0.0, 1 / 128),
    "b": (2, 0.0, 1 / 128),
    "c": (2, 0.0, 1 / 128),
    "d": (4, 0.0, 1 / 128),
    "f": (2, 0.0, 1 / 64),
}


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
    """Jansen and Rit's diagram; spectra of SPM's column, and the inversion of one."""
    return [*_diagram(), *_spectra()]


def spm_fields(theta: Array) -> dict[str, Array]:
    """SPM's parameter structure from one vector, in the order of SPM_FIELDS."""
    sizes = [size for size, _, _ in SPM_FIELDS.values()]
    parts = np.split(theta, np.cumsum(sizes)[:-1])
    return {k: p if p.size > 1 else p[0] for k, p in zip(SPM_FIELDS, parts, strict=True)}


def invert_spectrum() -> nmm.Posterior:
    """Invert a synthetic spectrum of SPM's model by variational Laplace, by differences as SPM."""
    f = np.arange(1.0, 65)
    mean, variance = (
        np.concatenate([np.full(row[0], row[k]) for row in SPM_FIELDS.values()]) for k in (1, 2)
    )
    random = np.random.default_rng(17)
    shift = random.standard_normal(mean.size) * np.sqrt(np.minimum(variance, 0.1))

    def predict(theta: Array) -> Array:
        return np.asarray(nmm.spm_cross_spectrum(spm_fields(theta), f)[:, 0, 0].real)

    y = predict(mean + shift) + NOISE * random.standard_normal(f.size)
    return nmm.variational_laplace(predict, y, mean, np.diag(variance), hE=-2 * np.log(NOISE))


def _spectra() -> list[Analysis]:
    P, f = spm_fields(np.zeros(sum(row[0] for row in SPM_FIELDS.values()))), np.arange(1.0, 65)
    return [
        Analysis(
            f"SPM's cross-spectrum of one source, 64 frequencies, {SPECTRA} times",
            lambda: [nmm.spm_cross_spectrum(P, f) for _ in range(SPECTRA)],
            SPM,
            SPECTRA * 0.0168,
        ),
        Analysis("SPM's spectrum inverted by variational Laplace", invert_spectrum, SPM, 16.7),
    ]


def _diagram() -> list[Analysis]:
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
        times = f"{row['median_s']:.3g} s, {row['ratio']:.2g} times the {row['peer_s']:.3g} s of"
        lines.append(f"{row['analysis']}: {times} {row['peer']}")
    return "\n".join(lines)


def _timed(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
