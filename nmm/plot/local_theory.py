"""Figures of the local theory: orders of errors, parts of a coefficient, reach of a series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.plot.model import _axes
from nmm.plot.style import INK, POPULATION_STYLES, QUIET

_COLOURS = (INK, *(POPULATION_STYLES[name]["color"] for name in ("sp", "ii", "ss")))
_PALE = "#a9b4be"
_LINES = ("-", "--", "-.", ":")
_HATCHES = ("", "///", "...", "xx")  # apart in a grey print too


def orders(
    errors: Mapping[str, tuple[ArrayLike, ArrayLike]], slopes: Sequence[float], *, ax: Any = None
) -> Any:
    """Draw errors against what they should be a power of, and lines of the expected slopes.

    Parameters
    ----------
    errors : mapping of str to (array (n,), array (n,))
        Label → abscissa and error, both positive.
    slopes : sequence of float
        Expected power for each.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    Axes
        Without labels: the caller knows the quantities and their units.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax = _axes(ax)
    for i, ((label, pair), slope) in enumerate(zip(errors.items(), slopes, strict=True)):
        x, y = (np.asarray(values, float) for values in pair)
        middle = len(x) // 2
        line = y[middle] * (x / x[middle]) ** slope
        ax.loglog(x, line, color=_COLOURS[i % 4], ls=_LINES[i % 4], lw=1.0, label="_expected")
        ax.loglog(x, y, "osD^"[i % 4], color=_COLOURS[i % 4], ms=5, mfc="white", label=label)
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    return ax


def parts(
    names: Sequence[str], values: Mapping[str, ArrayLike], total: ArrayLike, *, ax: Any = None
) -> Any:
    """Draw bars of the parts of a sum, side by side for each case, and a mark at the sum.

    Parameters
    ----------
    names : sequence of str (n,)
        Cases.
    values : mapping of str to array (n,)
        Label → part, for each case.
    total : array (n,)
        Sum of the parts.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Without a vertical label: the caller knows the unit.
    """
    ax = _axes(ax)
    places, width = np.arange(len(names)), 0.8 / (len(values) + 1)
    for i, (label, heights) in enumerate(values.items()):
        look = {"edgecolor": _COLOURS[i], "facecolor": "none" if i else INK, "hatch": _HATCHES[i]}
        at = places + (i - len(values) / 2) * width
        ax.bar(at, np.asarray(heights, float), width * 0.9, label=label, **look)
    at = places + len(values) / 2 * width
    ax.plot(at, np.asarray(total, float), "D", color=INK, ms=6, label="sum")
    ax.axhline(0, color=INK, lw=0.8)
    ax.set_xticks(places, names)
    return ax


def envelope(t: ArrayLike, v: ArrayLike, bounds: ArrayLike, *, ax: Any = None) -> Any:
    """Draw an oscillation and the bounds that a theory gives it.

    Parameters
    ----------
    t : array (n,)
        Time, s.
    v : array (n,)
        Potential, mV, from rest.
    bounds : array (2, n)
        Lower and upper bound, mV.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    ax.plot(t, v, color=_PALE, lw=0.5, label="full column, sp")
    t, bounds = np.asarray(t), np.asarray(bounds)
    ax.plot(t[::50], bounds[0][::50], color=_COLOURS[1], label="closed form")
    ax.plot(t[::50], bounds[1][::50], color=_COLOURS[1], label="_closed form")
    ax.set(xlabel="time (s)", ylabel="potential, from rest (mV)")
    return ax


def compared(t: ArrayLike, simulated: ArrayLike, predicted: ArrayLike, *, ax: Any = None) -> Any:
    """Draw a theory as lines, and simulations of the full column as ten circles on each.

    Parameters
    ----------
    t : array (n,)
        Time, s.
    simulated, predicted : array (k, n)
        One row for each start.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Without a vertical label: the caller knows the quantity and its unit.
    """
    ax = _axes(ax)
    t, few = np.asarray(t), max(1, len(np.asarray(t)) // 10)
    for dots, line in zip(np.asarray(simulated), np.asarray(predicted), strict=True):
        ax.plot(t[:: few // 10 or 1], line[:: few // 10 or 1], color=_COLOURS[1], label="_theory")
        ax.plot(t[::few], dots[::few], "o", color=INK, mfc="white", ms=4, label="full column, $R$")
    ax.set(xlabel="time (s)")
    return ax


def series(R: ArrayLike, curves: Mapping[str, tuple[ArrayLike, float]], *, ax: Any = None) -> Any:
    """Draw the growth that truncated series give: thick up to the trust radius, thin beyond.

    Parameters
    ----------
    R : array (n,)
        Amplitude, mV.
    curves : mapping of str to (array (n,), float)
        Label → relative growth (1/s) and trust radius (mV).
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    R = np.asarray(R, float)
    ax.axhline(0, color=QUIET, lw=0.7)
    for i, (label, (growth, trusted)) in enumerate(curves.items()):
        values, inside = np.asarray(growth, float), trusted >= R
        look: dict[str, Any] = {"color": _COLOURS[i % 4], "ls": _LINES[i % 4]}
        ax.plot(R[inside], values[inside], lw=2.2, label=label, **look)
        ax.plot(R[~inside], values[~inside], lw=0.7, label="_beyond", **look)
        end = np.interp(trusted, R, values)
        ax.plot([trusted], [end], "|", color=look["color"], ms=11, mew=2.0, label="_trust")
    ax.set(xlabel="amplitude $R$ (mV)", ylabel="growth $\\dot R/R$ (1/s)")
    return ax


def validity(x: ArrayLike, y: ArrayLike, error: ArrayLike, limit: float, *, ax: Any = None) -> Any:
    """Colour a plane by the logarithm of an error, with steps up to where it stays below a limit.

    Parameters
    ----------
    x : array (n_x,)
        Horizontal coordinate, positive; drawn on a logarithmic axis.
    y : array (n_y,)
        Vertical coordinate.
    error : array (n_y, n_x)
        Relative error; nan where there is none, left blank.
    limit : float
        Error that the steps keep below.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    QuadMesh
        For a colour bar; it shows the decimal logarithm of the error.
    """
    ax = _axes(ax)
    x, y = np.asarray(x, float), np.asarray(y, float)
    field = np.asarray(error, float)
    look = {"cmap": "cividis_r", "vmin": -4.0, "vmax": 0.0, "rasterized": True}
    across, up = np.exp(_edges(np.log(x))), _edges(y)
    mesh = ax.pcolormesh(across, up, np.log10(field), shading="flat", **look)
    kept = np.logical_and.accumulate(np.nan_to_num(field, nan=np.inf) < limit).sum(axis=0)
    ax.stairs(up[kept], across, baseline=None, color=INK, lw=2.0, label=f"error {limit:.0%}")
    ax.set_xscale("log")
    return mesh


def _edges(centres: Any) -> Any:
    """Borders between neighbouring centres, and half a step beyond the last ones."""
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - middle[0], 2 * centres[-1] - middle[-1]
    return np.concatenate([[first], middle, [last]])
