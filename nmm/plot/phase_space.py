"""Figures of part II: eigenvalues in the complex plane, and branches of fixed points."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.plot.model import _axes
from nmm.plot.style import INK, QUIET

_MARKS = MappingProxyType({"fold": "s", "hopf": "D", "branch": "^"})
_NAMES = MappingProxyType({"fold": "fold", "hopf": "Hopf point", "branch": "branch point"})


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
    stable, values = np.asarray(stable, bool), np.asarray(values, float)
    beside = stable.copy()  # the dashed line begins where the solid one ends
    beside[1:] &= stable[:-1]
    beside[:-1] &= stable[1:]
    look = {"color": INK, **style}
    ax.plot(parameter, np.where(stable, values, np.nan), "-", **{"label": "stable", **look})
    ax.plot(parameter, np.where(beside, np.nan, values), "--", **{"label": "unstable", **look})
    marked = list(special)
    for kind in dict.fromkeys(kind for kind, _, _ in marked):
        places = np.array([(at, value) for k, at, value in marked if k == kind])
        ax.plot(*places.T, _MARKS[kind], color=look["color"], mfc="white", label=_NAMES[kind])
    return ax
