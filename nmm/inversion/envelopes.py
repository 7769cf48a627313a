"""A column as a generative model of its oscillation's envelope, from rest to beyond its cycles.

Parameters are connections and noise, so that what is found is a column, not a potential. With the
table of `nmm.inversion.column_tables` one likelihood costs a look-up, a chain and a pass over the
recording.
"""

from __future__ import annotations

from dataclasses import dataclass
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import binary_dilation
from scipy.signal import butter, hilbert, sosfiltfilt

from nmm.checks import number, real_array, whole_number
from nmm.inversion.amplitude_filter import FilteredAmplitude, filter_amplitude
from nmm.inversion.column_tables import ColumnTable
from nmm.inversion.models import LikelihoodModel, Prior
from nmm.inversion.recording_models import equal_times
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array

_PIECE = 10.0  # s: a drifting connection is constant for so long
_LEAST = 40  # samples
_RESTS = 0.02  # of the samples, at least, lie at rest
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


def rests(r: ArrayLike) -> bool:
    """Whether an envelope visits rest: one sample in fifty below half of the largest one in ten."""
    r = np.asarray(r, float)
    return bool((r < 0.5 * np.nanpercentile(r, 90)).mean() > _RESTS)


def filter_memory(band: tuple[float, float]) -> float:
    """How much of an envelope's motion the filter of `envelope` takes off, as a time in s.

    An envelope that diffuses with D moves by ``2 D (Δ − memory)``, in squares, between samples Δ
    apart that are filtered; so the noise of a sample looks smaller by D times the memory.

    Parameters
    ----------
    band : (float, float)
        Edges, Hz.

    Returns
    -------
    float
        ``(2/π) ∫ [1 − G(ω)²] / ω² dω``, G the filter's gain about the band's middle.

    Examples
    --------
    >>> from nmm.inversion.envelopes import filter_memory
    >>> round(filter_memory((9.0, 20.0)), 3)
    0.026
    """
    x = np.linspace(0.0, 60.0, 60001)[1:]  # ω over half the band's width
    gain = 1 / (1 + x**4)
    half = np.pi * (band[1] - band[0])
    return float(2 / np.pi * (np.trapezoid((1 - gain**2) / x**2, x) + 1 / x[-1]) / half)


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
    memory : float
        Of the envelope's filter, s: see `filter_memory`.
    cells : int
        Of the filter's grid.
    """

    t: Array
    table: ColumnTable
    prior: Prior
    drifting: str | None = None
    memory: float = 0.0
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
        # A filter takes off what the envelope moves within its memory: noise of the other sign,
        # in an exponential so that it stays noise.
        lost = np.exp(2 * p["log sigma"]) * shown[1] * np.gradient(shown[3], self.table.R) ** 2
        sd = np.exp(p["log sd"])
        noise = sd * np.exp(-lost * self.memory / (2 * sd**2))
        r, sd = (np.interp(chains[0].R, self.table.R, row) for row in (shown[3], noise))
        dt = float(self.t[1] - self.t[0])
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
    band: tuple[float, float] | None = None,
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
    band : (float, float), optional
        Edges of the filter that made the envelope, Hz; without them it has no memory.
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
        not of this column, or its unit is not mV. If it never rests: about its cycle alone a column
        hardly moves more than the recording's noise, and what is found is not to be trusted.
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
    _warn_of(seen, largest)
    rows = {f"log {name}": (0.0, width) for name in table.names}
    rows["log sigma"] = (float(np.log(number("sigma", sigma, positive=True))), sigma_width)
    rows["log sd"] = (float(np.log(number("sd", sd, positive=True))), 0.5)
    if drifting is not None:
        rows[f"{drifting} drift"] = (0.0, width)
    memory = 0.0 if band is None else filter_memory(band)
    return EnvelopeModel(t, table, Prior.of(rows), drifting, memory)


def _warn_of(seen: Array, largest: float) -> None:
    if (seen > _ABOVE * largest).mean() > 0.05:
        warn(
            f"envelope_model: {(seen > _ABOVE * largest).mean():.0%} of the samples lie above "
            f"{_ABOVE} times {largest:.3g} mV, the largest amplitude of the column; its unit may "
            "not be mV",
            NumericalWarning,
            stacklevel=3,
        )
    if not rests(seen):
        warn(
            "envelope_model: the recording never rests; about its cycle the column moves little "
            "more than the recording's noise, which does not tell how strong its input fluctuates",
            NumericalWarning,
            stacklevel=3,
        )
