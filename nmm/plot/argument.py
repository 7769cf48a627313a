"""The argument of the book in one row: connections, manifold, potential, dwell times, data."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmm.plot.style import INK, POPULATION_STYLES, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def argument(names: list[str], back: str) -> tuple[Figure, NDArray[np.object_]]:
    """Make axes in a row, each named, with arrows from one to the next, and one back to the first.

    Parameters
    ----------
    names : list of str
        Titles of the axes, in the order of the argument.
    back : str
        What leads from the last to the first.

    Returns
    -------
    tuple of Figure and array of Axes
        The axes are empty.
    """
    import matplotlib.pyplot as plt
    from matplotlib.patches import FancyArrowPatch

    look: dict[str, Any] = {
        "arrowstyle": "-|>",
        "color": QUIET,
        "linewidth": 1.2,
        "mutation_scale": 14,
    }
    fig, axes = plt.subplots(1, len(names), figsize=(2.1 * len(names), 3.0))
    fig.set_layout_engine("constrained", rect=(0, 0.13, 1, 0.87), wspace=0.1)
    for ax, name in zip(axes, names, strict=True):
        ax.set_title(name)
    for left, right in pairwise(axes):
        ends = {"xycoords": right.transAxes, "textcoords": left.transAxes}
        right.annotate("", (-0.02, 1.08), (0.75, 1.08), arrowprops=look, **ends)
    fig.add_artist(FancyArrowPatch((0.95, 0.09), (0.05, 0.09), **look))
    fig.text(0.5, 0.015, back, ha="center", color=INK)
    return fig, axes


def strengths(names: list[str], values: ArrayLike, *, ax: Axes) -> None:
    """Draw the strengths of connections as bars.

    Parameters
    ----------
    names : list of str
        Symbols, in TeX.
    values : array_like, shape (n,)
        Strengths (mV/s).
    ax : Axes
        To draw on.
    """
    places = np.arange(len(names))
    ax.barh(places, np.asarray(values) / 1000, height=0.6, color=POPULATION_STYLES["sp"]["color"])
    ax.set_yticks(places, [f"${name}$" for name in names], fontsize=9)
    ax.invert_yaxis()
    ax.set_xlabel("strength (V/s)")
