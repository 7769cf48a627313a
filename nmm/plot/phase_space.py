"""Figures of part II: eigenvalues, branches of fixed points and cycles, maps, basins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.plot.model import _axes
from nmm.plot.style import INK, POPULATION_STYLES, QUIET

_MARKS = MappingProxyType(
    {"fold": "s", "hopf": "D", "branch": "^", "torus": "o", "period-doubling": "v", "snic": "P"}
)
_NAMES = MappingProxyType({"fold": "fold", "hopf": "Hopf point", "branch": "branch point"})
_NAMES_OF_CYCLES = MappingProxyType(
    {
        "fold": "fold of cycles",
        "hopf": "Hopf point",
        "torus": "torus point",
        "period-doubling": "period doubling",
        "snic": "SNIC",
    }
)
_BLUE = POPULATION_STYLES["sp"]["color"]
_REST, _CYCLE = "#dfe5ea", "#f3c9a8"  # grounds of a basin: apart in grey too


def eigenvalues(values: ArrayLike, *, ax: Any = None, **style: Any) -> Any:
    """Draw eigenvalues in the complex plane, right of the line at zero where they grow.

    Parameters
    ----------
    values : array (n,)
        Eigenvalues, rad/s; complex.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.
    **style
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    values = np.asarray(values)
    ax.axvline(0, color=QUIET, lw=0.7)
    ax.plot(values.real, values.imag / (2 * np.pi), **{"ls": "", "marker": "o", **style})
    ax.set(xlabel="real part (1/s)", ylabel="frequency (Hz)")
    return ax


def branch(
    parameter: ArrayLike,
    values: ArrayLike,
    stable: ArrayLike,
    special: Iterable[tuple[str, float, float]] = (),
    *,
    ax: Any = None,
    **style: Any,
) -> Any:
    """Draw fixed points against a parameter: solid where stable, dashed where not.

    Parameters
    ----------
    parameter : array (n,)
        Along the curve.
    values : array (n,)
        What is shown of each fixed point.
    stable : array (n,) of bool
        Whether it is stable.
    special : iterable of (str, float, float)
        Kind of `nmm.SpecialPoint`, parameter and value of each point to mark.
    ax : matplotlib Axes, optional
        Where to draw.
    **style
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes
        Without labels: the caller knows the parameter and its unit.
    """
    ax = _axes(ax)
    return _branch(ax, parameter, values, stable, special, ("stable", "unstable"), _NAMES, style)


def cycles(
    parameter: ArrayLike,
    values: ArrayLike,
    stable: ArrayLike,
    special: Iterable[tuple[str, float, float]] = (),
    *,
    ax: Any = None,
    **style: Any,
) -> Any:
    """Draw cycles against a parameter, in blue: solid where stable, dashed where not.

    Parameters
    ----------
    parameter : array (n,)
        Along the curve.
    values : array (n,)
        What is shown of each cycle.
    stable : array (n,) of bool
        Whether it is stable.
    special : iterable of (str, float, float)
        Kind of `nmm.SpecialPoint`, parameter and value of each point to mark.
    ax : matplotlib Axes, optional
        Where to draw.
    **style
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes
        Without labels: the caller knows the parameter and its unit.
    """
    look = {"color": _BLUE, "lw": 2.0, **style}
    names = ("stable cycle", "unstable cycle")
    return _branch(_axes(ax), parameter, values, stable, special, names, _NAMES_OF_CYCLES, look)


def curves(
    named: Mapping[str, ArrayLike],
    special: Mapping[str, ArrayLike] = MappingProxyType({}),
    *,
    ax: Any = None,
) -> Any:
    """Draw curves in the plane of two parameters, and points marked on them.

    Parameters
    ----------
    named : mapping of str to array (k, 2)
        Label → the two parameters along the curve.
    special : mapping of str to array (m, 2)
        Label → where to put marks.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Without labels: the caller knows the parameters and their units.
    """
    ax = _axes(ax)
    looks: tuple[dict[str, Any], ...] = (
        {"color": INK},
        {"color": _BLUE, "ls": "--"},
        {"color": QUIET, "ls": ":"},
    )
    for (label, points), look in zip(named.items(), cycle(looks), strict=False):
        ax.plot(*np.asarray(points, float).T, label=label, **look)
    for (label, points), marker in zip(special.items(), cycle("Do^v"), strict=False):
        places = np.asarray(points, float).reshape(-1, 2).T
        ax.plot(*places, marker, color=INK, mfc="white", label=label)
    return ax


def basin(x: ArrayLike, y: ArrayLike, tipped: ArrayLike, *, ax: Any = None) -> Any:
    """Colour a slice of initial states by where they end: grey at rest, orange on a cycle.

    Parameters
    ----------
    x : array (n_x,)
        Horizontal coordinate of the slice.
    y : array (n_y,)
        Vertical coordinate.
    tipped : array (n_y, n_x) of bool
        Whether the trajectory goes to the cycle.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Without labels: the caller knows the coordinates and their units.
    """
    from matplotlib.colors import ListedColormap

    ax = _axes(ax)
    fates = np.asarray(tipped, float)
    look = {"cmap": ListedColormap([_REST, _CYCLE]), "vmin": 0, "vmax": 1, "rasterized": True}
    ax.pcolormesh(np.asarray(x), np.asarray(y), fates, shading="nearest", **look)
    return ax


def legend(fig: Any, columns: int = 4) -> Any:
    """Write one legend below a figure, with each label of its axes once.

    Parameters
    ----------
    fig : matplotlib Figure
        With a constrained layout, as `use_style` sets it.
    columns : int, default 4
        Entries in a row.

    Returns
    -------
    Legend
    """
    entries = [ax.get_legend_handles_labels() for ax in fig.axes]
    once: dict[str, Any] = {}
    for handles, labels in entries:
        for handle, label in zip(handles, labels, strict=True):
            once.setdefault(label, handle)
    return fig.legend(
        list(once.values()),
        list(once),
        loc="outside lower center",
        ncols=columns,
        columnspacing=1.4,
        handlelength=2.0,
    )


def _branch(
    ax: Any,
    parameter: ArrayLike,
    values: ArrayLike,
    stable: ArrayLike,
    special: Iterable[tuple[str, float, float]],
    names: tuple[str, str],
    marks: Mapping[str, str],
    style: Mapping[str, Any],
) -> Any:
    stable, values = np.asarray(stable, bool), np.asarray(values, float)
    beside = stable.copy()  # the dashed line begins where the solid one ends
    beside[1:] &= stable[:-1]
    beside[:-1] &= stable[1:]
    look = {"color": INK, **style}
    ax.plot(parameter, np.where(stable, values, np.nan), "-", **{"label": names[0], **look})
    ax.plot(parameter, np.where(beside, np.nan, values), "--", **{"label": names[1], **look})
    marked = list(special)
    for kind in dict.fromkeys(kind for kind, _, _ in marked):
        places = np.array([(at, value) for k, at, value in marked if k == kind])
        ax.plot(*places.T, _MARKS[kind], color=look["color"], mfc="white", label=marks[kind])
    return ax
