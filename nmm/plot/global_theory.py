"""Figures of the global theory: growth of the amplitude, its potential, and what moves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.plot.model import _axes
from nmm.plot.style import INK, POPULATION_STYLES, QUIET

_BLUE, _ORANGE = (POPULATION_STYLES[name]["color"] for name in ("sp", "ii"))
_COLOURS = (INK, _BLUE, _ORANGE, POPULATION_STYLES["ss"]["color"], POPULATION_STYLES["dp"]["color"])
_LINES = ("-", "--", "-.", (0, (5, 1.2, 1, 1.2, 1, 1.2)), ":")
_HATCHES = ("", "///", "...")  # apart in a grey print too


def growth(amplitude: Any, *, ax: Any = None, **style: Any) -> Any:
    """Draw how fast an oscillation of each size grows, and mark where it neither grows nor dies.

    Parameters
    ----------
    amplitude : AmplitudeEquation
        As `nmm.amplitude_equation` returns it.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.
    **style
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    r = np.linspace(0, amplitude.r_max, 201)
    ax.axhline(0, color=QUIET, lw=0.7)
    (line,) = ax.plot(r, amplitude.growth(r), **{"color": INK, **style})
    look = {"color": line.get_color(), "ms": 6, "ls": "", "label": "_cycle"}
    for radius, stable in amplitude.radii():
        ground = line.get_color() if stable else "white"
        ax.plot([radius], [0 if radius else amplitude.growth(0.0)], "o", mfc=ground, **look)
    ax.set(xlabel="amplitude $r$ (mV)", ylabel="growth $\\alpha$ (1/s)")
    return ax


def transients(amplitude: Any, measured: Any, *, ax: Any = None) -> Any:
    """Draw the drift of the amplitude, its first guess, and dots measured on the whole model.

    Only near the dots, so that the two curves can be told apart.

    Parameters
    ----------
    amplitude : AmplitudeEquation
        As `nmm.amplitude_equation` returns it.
    measured : MeasuredDrift
        As `nmm.measured_drift` returns it.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    R = np.linspace(0.7 * np.min(measured.R), 1.02 * np.max(measured.R), 201)
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.plot(R, amplitude.drift(R), color=INK, label="invariant surface")
    ax.plot(R, amplitude.quick_drift(R), "--", color=_BLUE, label="slow harmonic balance")
    look = {"color": _ORANGE, "mfc": "white", "ms": 4, "label": "the whole column"}
    ax.plot(np.ravel(measured.R), np.ravel(measured.drift), "o", **look)
    ax.set(xlabel="amplitude $R$ (mV)", ylabel="$\\dot R$ (mV/s)")
    return ax


def landscapes(
    potentials: Mapping[str, tuple[ArrayLike, ArrayLike]],
    stationary: Mapping[str, Iterable[tuple[float, float, bool]]],
    *,
    ax: Any = None,
) -> Any:
    """Draw potentials of amplitude, with a full ball where it stays and an open one where it tips.

    Parameters
    ----------
    potentials : mapping of str to (array (n,), array (n,))
        Label → amplitude and potential.
    stationary : mapping of str to iterable of (float, float, bool)
        Label → amplitude, potential and stability of each stationary amplitude.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Without labels: the caller knows the amplitude and its unit.
    """
    ax = _axes(ax)
    ax.axhline(0, color=QUIET, lw=0.7)
    for i, (label, (a, U)) in enumerate(potentials.items()):
        colour, line = _COLOURS[i % 5], _LINES[i % 5]
        ax.plot(a, U, color=colour, ls=line, label=label)
        for at, height, stable in stationary[label]:
            look = {"mec": colour, "mfc": colour if stable else "white", "ms": 6.5}
            ax.plot([at], [height], "o", label="_stationary", zorder=3, **look)
    return ax


def effects(names: Sequence[str], values: Mapping[str, ArrayLike], *, ax: Any = None) -> Any:
    """Draw bars of several effects of each parameter, side by side.

    Parameters
    ----------
    names : sequence of str (n,)
        Parameters.
    values : mapping of str to array (n,)
        Label → effect of each.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
        Without a vertical label: the caller knows the unit.
    """
    ax = _axes(ax)
    places, width = np.arange(len(names)), 0.8 / len(values)
    for i, (label, heights) in enumerate(values.items()):
        look = {"edgecolor": _COLOURS[i], "facecolor": "none" if i else INK, "hatch": _HATCHES[i]}
        at = places + (i - (len(values) - 1) / 2) * width
        ax.bar(at, np.asarray(heights, float), 0.9 * width, label=label, **look)
    ax.axhline(0, color=INK, lw=0.8)
    ax.set_xticks(places, names)
    return ax


def drifting(
    parameter: ArrayLike, whole: ArrayLike, theory: ArrayLike, label: str, *, ax: Any = None
) -> Any:
    """Draw the amplitude while a parameter drifts: a line of theory, circles of the whole model.

    Parameters
    ----------
    parameter : array (n,)
        In time.
    whole, theory : array (n,)
        Amplitudes, mV.
    label : str
        Which drift.
    ax : matplotlib Axes, optional
        Where to draw; each call takes the next colour.

    Returns
    -------
    Axes
        With a logarithmic vertical axis; without labels: the caller knows the parameter.
    """
    ax = _axes(ax)
    i = len(ax.lines) // 2
    look = {"color": _COLOURS[i % 5]}
    few = slice(None, None, max(1, np.size(parameter) // 40))
    ax.semilogy(parameter, theory, ls=_LINES[i % 5], label=f"moving landscape, {label}", **look)
    dots = {"marker": "o", "ls": "", "ms": 4, "mfc": "white", **look}
    parameter, whole = np.asarray(parameter)[few], np.asarray(whole)[few]
    ax.semilogy(parameter, whole, label=f"whole column, {label}", **dots)
    return ax


def field(x: ArrayLike, y: ArrayLike, values: ArrayLike, *, ax: Any = None, **style: Any) -> Any:
    """Colour a plane by a quantity; blank where there is none.

    Parameters
    ----------
    x : array (n_x,)
        Horizontal coordinate, evenly spaced.
    y : array (n_y,)
        Vertical coordinate, evenly spaced.
    values : array (n_y, n_x)
        What is shown; nan for none.
    ax : matplotlib Axes, optional
        Where to draw.
    **style
        Passed to ``Axes.pcolormesh``.

    Returns
    -------
    QuadMesh
        For a colour bar.
    """
    ax = _axes(ax)
    look = {"cmap": "cividis_r", "shading": "nearest", "rasterized": True, **style}
    return ax.pcolormesh(np.asarray(x), np.asarray(y), np.asarray(values, float), **look)
