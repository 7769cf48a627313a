"""Amplitude equations of a column, with noise, tabulated over the connections that are sought.

The fast modes do not move the amplitude, but a potential shows them: they answer the same noise at
once. Seen through a filter, their answer makes the oscillation look smaller where it decays, larger
where it grows (eq-prompt-answer, found for this project).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline, RegularGridInterpolator

from nmm.amplitudes.amplitude import AmplitudeEquation, amplitude_equation
from nmm.checks import number, real_array
from nmm.fixed_points import equilibria
from nmm.inversion.amplitude_chain import AmplitudeChain, amplitude_chain
from nmm.sigmoid import Array
from nmm.system import NeuralMass

_POINTS = 97  # of the table, along R


@dataclass(frozen=True, eq=False)
class ColumnTable:
    """Amplitude equations of a column over a grid of its parameters.

    Parameters
    ----------
    names : tuple of str
        Parameters of the model that vary.
    axes : tuple of array
        Log-scales of each: logarithm of its value over the model's own.
    R : array (n,)
        Modal amplitudes, mV, from 0.
    rows : array (..., 4, n)
        ρ/R, D and R g for noise of intensity one, and the r that a filter shows, at each point.
    reach : array (...)
        R (mV) up to which each equation holds; beyond, its rows go on in a straight line.
    """

    names: tuple[str, ...]
    axes: tuple[Array, ...]
    R: Array
    rows: Array
    reach: Array

    def at(self, scales: ArrayLike) -> Array | None:
        """Rows (4, n) at log-scales (k,), by splines; None outside the table."""
        scales = np.asarray(scales, float)
        if any(not a[0] <= s <= a[-1] for a, s in zip(self.axes, scales, strict=True)):
            return None
        return np.asarray(self._splines(scales)[0])

    @cached_property
    def _splines(self) -> RegularGridInterpolator:
        method = "cubic" if min(a.size for a in self.axes) > 3 else "linear"
        return RegularGridInterpolator(self.axes, self.rows, method=method)

    def chain(self, scales: ArrayLike, sigma: float, cells: int) -> AmplitudeChain | None:
        """Chain of the column with these log-scales and noise `sigma`; None outside the table."""
        rows = self.at(scales)
        if rows is None:
            return None
        growth, D, circling = (CubicSpline(self.R, row) for row in rows[:3])
        return amplitude_chain(
            float(self.R[-1]),
            lambda R: growth(R) * R,
            lambda R: sigma**2 * D(R),
            lambda R: sigma**2 * circling(R) / R,
            cells=cells,
        )


def tabulate_column(
    m: NeuralMass, axes: Mapping[str, ArrayLike], *, last: float | None = None, harmonics: int = 5
) -> ColumnTable:
    """Tabulate the amplitude equation of a column, and its noise, over some of its parameters.

    Parameters
    ----------
    m : NeuralMass
        The column; its noise enters the input.
    axes : mapping of str to array
        Log-scales, ascending, by name of the parameter: {"g6": [-0.05, 0, 0.05]}. Four points or
        more give splines, fewer straight lines.
    last : float, optional
        Where the table ends, mV; by default 1.2 times the farthest of the equations.
    harmonics : int, default 5
        As for `nmm.amplitude_equation`.

    Returns
    -------
    ColumnTable

    Raises
    ------
    ValueError
        If a column of the grid has no oscillation to follow, or several fixed points.
    """
    points = {name: real_array(name, values) for name, values in axes.items()}
    for name, values in points.items():
        if values.ndim != 1 or values.size < 2 or not (np.diff(values) > 0).all():
            raise ValueError(f"{name}: {values}; log-scales must ascend, two of them or more")
        number(f"{name} of the column", _value(m, name), positive=True)
    found = []
    for scales in product(*points.values()):
        column = m.with_(
            **{n: _value(m, n) * np.exp(s) for n, s in zip(points, scales, strict=True)}
        )
        states = equilibria(column)
        if len(states) != 1:
            raise ValueError(f"log-scales {scales}: {len(states)} fixed points; narrow the table")
        found.append(amplitude_equation(column, states[0], harmonics=harmonics))
    reach = np.array([float(a.modal_radius(a.r_max)) for a in found])
    R = np.linspace(0.0, 1.2 * reach.max() if last is None else last, _POINTS)
    rows = np.array([_rows(a, R, float(end)) for a, end in zip(found, reach, strict=True)])
    shape = tuple(v.size for v in points.values())
    return ColumnTable(
        tuple(points),
        tuple(points.values()),
        R,
        rows.reshape(*shape, *rows.shape[1:]),
        reach.reshape(shape),
    )


def _value(m: NeuralMass, name: str) -> float:
    known = {p.name: p.value for p in m.parameters}
    if name not in known:
        raise KeyError(f"the column has no parameter {name!r}; it has {', '.join(known)}")
    return float(known[name])


def prompt_time(m: NeuralMass, x: ArrayLike) -> float:
    """How long the slow mode would need for what the other modes answer to noise at once, in s.

    Parameters
    ----------
    m : NeuralMass
        The column; its noise enters the first input, its reference potential is recorded.
    x : array (N,)
        A fixed point with a slow oscillation about it.

    Returns
    -------
    float
        c of eq-prompt-answer: ``c = Re Σ_j conj(γ_j/γ) / (λ + conj λ_j)``, the sum over all modes
        but the slow one, γ_j the product of what mode j takes of the noise and what the potential
        shows of it.

    Examples
    --------
    >>> import nmm
    >>> from nmm.inversion.column_tables import prompt_time
    >>> column = nmm.bistable_column()
    >>> 0.0 < prompt_time(column, nmm.equilibria(column)[0].x) < 0.1
    True
    """
    values, right = np.linalg.eig(m.jacobian(x))
    gains = right[m.populations.index(m.reference)] * np.linalg.solve(right, m.E[:, 0])
    slow = int(np.argmax(np.where(values.imag > 0, values.real, -np.inf)))
    others = np.arange(values.size) != slow
    answers = np.conj(gains[others] / gains[slow]) / (values[slow] + np.conj(values[others]))
    return float(answers.sum().real)


def _rows(a: AmplitudeEquation, R: Array, end: float) -> Array:
    """ρ/R, D and R g for unit noise, and the shown r (4, n); beyond `end` in a straight line."""
    inside = np.minimum(R, end)
    step = end / 200
    prompt = prompt_time(a.model, a.equilibrium.x)
    both = []
    for x in (inside, np.full_like(R, end - step)):
        D, circling = a._noise.at(x, "full")
        growth = a.surface.rates(x)[0]
        fundamental, slope = a._fundamental(x)  # and d ln / d ln R
        shown = np.abs(fundamental) / 2 * (1 + prompt * growth * slope.real)
        both.append(np.array([growth, D, circling, shown]))
    here, before = both
    rows = here + (here - before) / step * (R - inside)
    rows[1] = np.maximum(rows[1], 0.1 * here[1])  # noise does not vanish
    return np.asarray(rows)
