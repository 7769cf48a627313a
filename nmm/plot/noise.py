"""Figures of noise: how long a state lasts, and where the amplitude is found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.plot.model import _axes
from nmm.plot.style import INK, POPULATION_STYLES

_COLOURS = (INK, *(POPULATION_STYLES[name]["color"] for name in ("sp", "ii", "dp")))
_LINES = ("-", "--", ":", "-.")


def dwell_times(
    sigma: ArrayLike,
    theory: Mapping[str, ArrayLike],
    simulated: Mapping[str, ArrayLike],
    *,
    ax: Any = None,
) -> Any:
    """Draw mean exit times against noise: lines by theory, dots with intervals by simulation.

    Parameters
    ----------
    sigma : array (n,)
        Noise intensity, mV s^(−1/2).
    theory : mapping of str to array (n,)
        Label → mean exit time, s.
    simulated : mapping of str to array (k, 4)
        Label → rows of noise intensity, mean, and both ends of its interval, s.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    for (label, times), colour, line in zip(theory.items(), _COLOURS, _LINES, strict=False):
        ax.plot(sigma, times, color=colour, ls=line, label=label)
    for (label, rows), marker in zip(simulated.items(), "os^", strict=False):
        at, mean, low, high = np.asarray(rows, float).T
        look = {"color": _COLOURS[2], "mfc": "white", "ms": 5, "capsize": 2.5, "zorder": 3}
        ax.errorbar(at, mean, [mean - low, high - mean], fmt=marker, label=label, **look)
    ax.set(yscale="log", xlabel="noise $\\sigma$ (mV s$^{-1/2}$)", ylabel="mean exit time (s)")
    return ax


def histogram(edges: ArrayLike, density: ArrayLike, *, ax: Any = None, **style: Any) -> Any:
    """Draw a histogram of amplitudes as a filled step.

    Parameters
    ----------
    edges : array (n + 1,)
        Borders of the bins, mV.
    density : array (n,)
        Share of time per mV.
    ax : matplotlib Axes, optional
        Where to draw.
    **style
        Passed to ``Axes.stairs``.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    look = {"fill": True, "color": _COLOURS[2], "alpha": 0.35, **style}
    ax.stairs(np.asarray(density), np.asarray(edges), **look)
    ax.set(xlabel="amplitude $R$ (mV)", ylabel="density (1/mV)", ylim=(0, None))
    return ax
