"""A column as a generative model of its oscillation's amplitude, from rest to beyond its cycles.

The amplitude equation, with its noise, is tabulated over the connections that are sought: then one
likelihood costs a look-up, a chain and a pass over the recording. Parameters are connections and
noise, so that what is found is a column, not a potential.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline, RegularGridInterpolator
from scipy.ndimage import binary_dilation
from scipy.signal import butter, hilbert, sosfiltfilt

from nmm.amplitudes.amplitude import AmplitudeEquation, amplitude_equation
from nmm.checks import number, real_array, whole_number
from nmm.fixed_points import equilibria
from nmm.inversion.amplitude_chain import AmplitudeChain, amplitude_chain
from nmm.inversion.amplitude_filter import FilteredAmplitude, filter_amplitude
from nmm.inversion.models import LikelihoodModel, Prior
from nmm.inversion.recording_models import equal_times
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array
from nmm.system import NeuralMass

_PIECE = 10.0  # s: a drifting connection is constant for so long
_POINTS = 97  # of the table, along R
_LEAST = 40  # samples
_ABOVE = 1.5  # times the column's largest amplitude: noise alone does not go there


def envelope(
    v: ArrayLike, rate: float, band: tuple[float, float], *, every: int = 1, settle: float = 0.3
) -> Array:
    """Half the amplitude of a recorded oscillation, by a filter that looks both ways.

    A band-pass (Butterworth, second order, forwards and back) and the analytic signal. It follows
    the amplitude without delay, but cannot serve a forecast: `causal_amplitude` can.

    Parameters
    ----------
    v : array (n,)
        Signal, equally sampled, in any unit; nan where it is not usable.
    rate : float
        Samples per second, Hz.
    band : (float, float)
        Edges, Hz. They should leave room for the frequency to move as the amplitude does, and for
        the amplitude to change between samples: half the width well above 1/(2π dt).
    every : int, default 1
        Keep one sample in so many.
    settle : float, default 0.3
        Time around what is not usable, and at the ends, whose envelope is not used, s.

    Returns
    -------
    array (ceil(n / every),)
        r, in the unit of `v`; nan where not usable.

    Raises
    ------
    ValueError
        If the band does not lie between 0 and half the rate, if `v` is infinite or flat, or if
        nothing usable is left.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm.inversion.envelopes import envelope
    >>> t = np.arange(0, 10, 0.002)
    >>> r = envelope(3 * np.cos(2 * np.pi * 14 * t), 500.0, (9.0, 20.0), every=50)
    >>> bool(np.nanmax(np.abs(r - 1.5)) < 0.01)
    True
    """
    v = real_array("v", v)
    rate, every = number("rate", rate, positive=True), whole_number("every", every)
    low, high = (number("band", edge, positive=True) for edge in band)
    if not low < high < rate / 2:
        raise ValueError(f"band = {band}: its edges ascend, up to half the rate of {rate:g} Hz")
    usable = np.isfinite(v)
    if v.ndim != 1 or np.isinf(v).any() or not usable.any() or np.ptp(v[usable]) == 0:
        raise ValueError(
            f"v has shape {v.shape}; one row that varies is needed, nan where unusable"
        )
    margin = round(number("settle", settle) * rate)
    near = binary_dilation(~usable, iterations=margin) if margin and not usable.all() else ~usable
    near[:margin] = near[v.size - margin :] = True
    if near.all():
        raise ValueError("no envelope is left: gaps leave the filter no time to settle")
    sos = butter(2, (low, high), "bandpass", fs=rate, output="sos")
    clean = np.where(usable, v - np.median(v[usable]), 0.0)
    r = np.abs(hilbert(sosfiltfilt(sos, clean))) / 2
    return np.asarray(np.where(near, np.nan, r)[::every])


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
        ρ/R, D and R g for noise of intensity one, and r, at each point of the grid.
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
        method = "cubic" if min(a.size for a in self.axes) > 3 else "linear"
        return np.asarray(RegularGridInterpolator(self.axes, self.rows, method=method)(scales)[0])

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


@dataclass(frozen=True, eq=False)
class EnvelopeModel:
    """A recording of a column's oscillation: connections, noise on the input, noise of recording.

    Parameters
    ----------
    t : array (n_t,)
        Times of the samples, equally spaced, s.
    table : ColumnTable
        Amplitude equations of the column.
    prior : Prior
        "log g6" and so on for the table's parameters, "log sigma", "log sd", and "g6 drift" for one
        that drifts: the rise of its log-scale from the first sample to the last.
    drifting : str, optional
        Which parameter drifts.
    cells : int
        Of the filter's grid.
    """

    t: Array
    table: ColumnTable
    prior: Prior
    drifting: str | None = None
    cells: int = 120

    def filtered(self, theta: ArrayLike, y: ArrayLike) -> FilteredAmplitude | None:
        """Filter the envelope `y` (mV, nan where missing); None outside the table."""
        p = dict(zip(self.prior.names, np.asarray(theta, float).tolist(), strict=True))
        middle = [p[f"log {name}"] for name in self.table.names]
        time, which = self._pieces()
        chains = []
        for s in time:
            scales = np.array(middle)
            if self.drifting is not None:
                scales[self.table.names.index(self.drifting)] += s * p[f"{self.drifting} drift"]
            chain = self.table.chain(scales, float(np.exp(p["log sigma"])), self.cells)
            if chain is None:
                return None
            chains.append(chain)
        shown = self.table.at(middle)
        if shown is None:
            return None
        r = np.interp(chains[0].R, self.table.R, shown[3])
        dt, sd = float(self.t[1] - self.t[0]), float(np.exp(p["log sd"]))
        return filter_amplitude(y, dt, chains, sd, which=which, seen=r)

    def likelihood(self) -> LikelihoodModel:
        """Return what `nmm.invert` takes."""

        def log_likelihood(theta: Array, y: Array) -> float:
            found = self.filtered(theta, y)
            return -np.inf if found is None else found.log_likelihood

        return LikelihoodModel(self.prior, log_likelihood)

    def _pieces(self) -> tuple[Array, Array]:
        """Middles of the pieces, from −1/2 to 1/2 of the recording, and the piece of each time."""
        if self.drifting is None:
            return np.zeros(1), np.zeros(self.t.size, int)
        passed = (self.t - self.t[0]) / (self.t[-1] - self.t[0])
        n = max(1, int(np.ceil((self.t[-1] - self.t[0]) / _PIECE)))
        which = np.minimum((passed * n).astype(int), n - 1)
        return (np.arange(n) + 0.5) / n - 0.5, which


def envelope_model(
    y: ArrayLike,
    t: ArrayLike,
    table: ColumnTable,
    *,
    sigma: float,
    sd: float,
    drifting: str | None = None,
    width: float = 0.05,
    sigma_width: float = 0.2,
) -> EnvelopeModel:
    """Model the envelope of a column's oscillation.

    Parameters
    ----------
    y : array (n_t,)
        Envelope r, mV: half the amplitude of the reference potential's oscillation, nan where
        missing.
    t : array (n_t,)
        Times, equally spaced, s; as far apart as the envelope's filter remembers, or farther.
    table : ColumnTable
        Of the column, over the connections that are sought.
    sigma : float
        Noise on the input that is expected, mV s^(−1/2).
    sd : float
        Noise of the recording that is expected in each quadrature of the envelope, mV: the
        electrode's in the filter's band, and what the column does there besides its oscillation.
        The prior standard deviation of its logarithm is 0.5.
    drifting : str, optional
        Parameter of the table that may drift, in a straight line.
    width : float, default 0.05
        Prior standard deviation of each log-scale, and of the drift.
    sigma_width : float, default 0.2
        Prior standard deviation of ln σ.

    Returns
    -------
    EnvelopeModel

    Raises
    ------
    ValueError
        If samples are too few, infinite, negative, or all the same, if times are not equally
        spaced, or if what drifts is not in the table.

    Warns
    -----
    NumericalWarning
        If more than one in twenty samples lies above all amplitudes in the table: the recording is
        not of this column, or its unit is not mV.
    """
    t, y = equal_times(t), real_array("y", y)
    seen = y[np.isfinite(y)]
    if y.shape != t.shape or np.isinf(y).any() or (seen < 0).any():
        raise ValueError(
            f"y has shape {y.shape}, t {t.shape}: an envelope has one amplitude per time, none "
            "negative or infinite; mark what is missing or an artefact with nan"
        )
    if seen.size < _LEAST or not np.ptp(seen) > 1e-6 * seen.max():
        raise ValueError(
            f"{seen.size} samples between {seen.min(initial=np.inf):g} and "
            f"{seen.max(initial=-np.inf):g}: at least {_LEAST} are needed, and they must vary"
        )
    if drifting is not None and drifting not in table.names:
        raise ValueError(f"drifting = {drifting!r}; the table varies {table.names}")
    largest = float(table.rows[..., 3, :].max())
    if (seen > _ABOVE * largest).mean() > 0.05:
        warn(
            f"envelope_model: {(seen > _ABOVE * largest).mean():.0%} of the samples lie above "
            f"{_ABOVE} times {largest:.3g} mV, the largest amplitude of the column; its unit may "
            "not be mV",
            NumericalWarning,
            stacklevel=2,
        )
    rows = {f"log {name}": (0.0, width) for name in table.names}
    rows["log sigma"] = (float(np.log(number("sigma", sigma, positive=True))), sigma_width)
    rows["log sd"] = (float(np.log(number("sd", sd, positive=True))), 0.5)
    if drifting is not None:
        rows[f"{drifting} drift"] = (0.0, width)
    return EnvelopeModel(t, table, Prior.of(rows), drifting)


def _value(m: NeuralMass, name: str) -> float:
    known = {p.name: p.value for p in m.parameters}
    if name not in known:
        raise KeyError(f"the column has no parameter {name!r}; it has {', '.join(known)}")
    return float(known[name])


def _rows(a: AmplitudeEquation, R: Array, end: float) -> Array:
    """ρ/R, D and R g for unit noise, and r (4, n); beyond `end` in a straight line."""
    inside = np.minimum(R, end)
    step = end / 200
    both = []
    for x in (inside, np.full_like(R, end - step)):
        D, circling = a._noise.at(x, "full")
        both.append(np.array([a.surface.rates(x)[0], D, circling, a.radius(x)]))
    here, before = both
    rows = here + (here - before) / step * (R - inside)
    rows[1] = np.maximum(rows[1], 0.1 * here[1])  # noise does not vanish
    return np.asarray(rows)
