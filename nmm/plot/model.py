"""Figures of part I: the circuit, its activation, its potentials and spectra."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.models.columns import POPULATIONS, SYNAPSES, Synapse
from nmm.plot.style import INK, POPULATION_STYLES, QUIET
from nmm.system import NeuralMass

# Superficial above deep, as in the cortex.
_PLACES = {"sp": (0.0, 1.25), "ss": (-1.15, 0.0), "ii": (1.15, 0.0), "dp": (0.0, -1.25)}
_LOOPS = {
    "sp": 90.0,
    "ss": 180.0,
    "ii": 0.0,
    "dp": 270.0,
}  # where a self-connection leaves, degrees
_RADIUS = 0.21


def circuit(m: NeuralMass, *, ax: Any = None) -> Any:
    """Draw a canonical microcircuit: arrowheads excite, bars inhibit, width grows with strength.

    Parameters
    ----------
    m : NeuralMass
        With the parameters g1 … g10.
    ax : matplotlib Axes, optional
        Where to draw; the current axes by default.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    strength = {p.name: p.value for p in m.parameters}
    for s in SYNAPSES:
        _synapse(ax, s, strength[f"g{s.number}"])
    for population in POPULATIONS:
        _population(ax, population)
    x, y = _PLACES["ss"]
    _arrow(ax, (x - 0.95, y + 0.62), (x - 0.17, y + 0.16), INK, "-|>", 1.2, 0.0)
    ax.text(x - 1.0, y + 0.66, "input $u$", ha="right", va="center")
    ax.set(xlim=(-2.75, 2.15), ylim=(-2.0, 2.0), aspect="equal")
    ax.axis("off")
    return ax


def potentials(
    t: ArrayLike, v: ArrayLike, names: Sequence[str] = POPULATIONS, *, ax: Any = None, **style: Any
) -> Any:
    """Draw potentials against time, one line for each population.

    Parameters
    ----------
    t : array (n_t,)
        Time, s.
    v : array (n_t, n)
        Potentials, mV.
    names : sequence of str
        Populations, in the order of the columns of `v`.
    ax : matplotlib Axes, optional
        Where to draw.
    **style
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes
    """
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    ax = _axes(ax)
    chosen = normalize_kwargs(style, Line2D)  # ls or linestyle, whichever the caller likes
    for name, column in zip(names, np.asarray(v).T, strict=True):
        ax.plot(t, column, **{**POPULATION_STYLES.get(name, {}), "label": name, **chosen})
    ax.set(xlabel="time (s)", ylabel="potential (mV)")
    return ax


def spectrum(
    frequencies: ArrayLike,
    density: ArrayLike,
    *,
    ax: Any = None,
    unit: str = "mV²/Hz",
    **style: Any,
) -> Any:
    """Draw a power spectral density on a logarithmic axis.

    Parameters
    ----------
    frequencies : array (n_f,)
        Hz.
    density : array (n_f,)
        In `unit`.
    ax : matplotlib Axes, optional
        Where to draw.
    unit : str, default "mV²/Hz"
        Of the density.
    **style
        Passed to ``Axes.semilogy``.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    ax.semilogy(frequencies, density, **style)
    ax.set(xlabel="frequency (Hz)", ylabel=f"power spectral density ({unit})")
    return ax


def orbit(v: ArrayLike, names: tuple[str, str], *, ax: Any = None, **style: Any) -> Any:
    """Draw one potential against another: a trajectory seen in a plane of the phase space.

    Parameters
    ----------
    v : array (n_t, 2)
        Potentials, mV.
    names : pair of str
        Populations on the horizontal and the vertical axis.
    ax : matplotlib Axes, optional
        Where to draw.
    **style
        Passed to ``Axes.plot``.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    horizontal, vertical = np.asarray(v).T
    ax.plot(horizontal, vertical, **style)
    ax.set(xlabel=f"{names[0]} potential (mV)", ylabel=f"{names[1]} potential (mV)")
    return ax


def sigmoid(v: ArrayLike, firing: Mapping[str, ArrayLike], *, ax: Any = None) -> Any:
    """Draw activation functions.

    Parameters
    ----------
    v : array (n,)
        Potential, mV.
    firing : mapping
        Label → firing (n,), dimensionless.
    ax : matplotlib Axes, optional
        Where to draw.

    Returns
    -------
    Axes
    """
    ax = _axes(ax)
    ax.axhline(0, color=QUIET, lw=0.7)
    ax.axvline(0, color=QUIET, lw=0.7)
    for (label, values), style in zip(firing.items(), ("-", "--", "-.", ":"), strict=False):
        ax.plot(v, values, linestyle=style, label=label, color=INK)
    ax.set(xlabel="potential $v$ (mV)", ylabel="firing $s(v)$ (no unit)")
    return ax


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.gca()


def _population(ax: Any, name: str) -> None:
    from matplotlib.patches import Circle

    colour = POPULATION_STYLES[name]["color"]
    ax.add_patch(Circle(_PLACES[name], _RADIUS, facecolor=colour, edgecolor="none", zorder=3))
    ax.text(*_PLACES[name], name, color="white", ha="center", va="center", zorder=4, weight="bold")


def _synapse(ax: Any, s: Synapse, strength: float) -> None:
    width = 0.7 + 2.6 * min(strength / 8400.0, 1.0) ** 0.5  # thickest: ii→ss of the running example
    head = "-|>" if s.sign > 0 else "-[,widthB=0.42,lengthB=0"
    start, end, bend, label = _loop(s) if s.source == s.target else _path(s)
    colour = POPULATION_STYLES[s.source]["color"]
    _arrow(ax, start, end, colour, head, width, bend)
    ax.text(*label, f"$g_{{{s.number}}}$", ha="center", va="center", color=INK, fontsize=10.5)


def _path(s: Synapse) -> tuple[Any, Any, float, Any]:
    """Ends, bend and place of the label of a connection between two populations."""
    a, b = np.array(_PLACES[s.source]), np.array(_PLACES[s.target])
    along = (b - a) / np.hypot(*(b - a))
    across = np.array([along[1], -along[0]])
    reverse = any(o.source == s.target and o.target == s.source for o in SYNAPSES)
    shift = 0.075 * across if reverse else 0 * across
    start, end = a + along * (_RADIUS + 0.02) + shift, b - along * (_RADIUS + 0.07) + shift
    bend = 0.12 if reverse else 0.0
    return start, end, bend, (start + end) / 2 + across * (0.26 if reverse else 0.14)


def _loop(s: Synapse) -> tuple[Any, Any, float, Any]:
    """Ends, bend and place of the label of a connection from a population to itself."""
    centre, angle = np.array(_PLACES[s.source]), np.deg2rad(_LOOPS[s.source])
    ends = [angle - 0.55, angle + 0.55]
    start, end = (centre + 1.28 * _RADIUS * np.array([np.cos(a), np.sin(a)]) for a in ends)
    return start, end, 2.0, centre + 2.95 * _RADIUS * np.array([np.cos(angle), np.sin(angle)])


def _arrow(
    ax: Any, start: Any, end: Any, colour: Any, head: str, width: float, bend: float
) -> None:
    from matplotlib.patches import FancyArrowPatch

    ax.add_patch(
        FancyArrowPatch(
            tuple(start),
            tuple(end),
            arrowstyle=head,
            mutation_scale=11,
            connectionstyle=f"arc3,rad={bend}",
            color=colour,
            linewidth=width,
            shrinkA=0,
            shrinkB=0,
            zorder=2,
        )
    )
