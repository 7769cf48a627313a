"""The amplitude of a recorded rhythm, from the past alone, and what of it is not usable.

A filter that looks both ways would let a forecast see the future. This one demodulates the signal
and smooths with a single pole: white noise through it has the amplitude of a linear oscillation in
noise, one well, so the filter itself makes no second one.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import signal

from nmm.checks import number, real_array, whole_number
from nmm.sigmoid import Array

_SETTLED = 5.0  # time constants of the filter after which a gap is forgotten to e⁻⁵


def causal_amplitude(
    v: ArrayLike, rate: float, band: tuple[float, float], *, every: int = 1
) -> Array:
    """Amplitude of the rhythm in a band, by a filter that never looks ahead.

    Slow drifts are taken off by a high-pass (Butterworth, second order, at the band's lower edge
    less half its width). What is left is paired with itself a quarter of a turn ago, turned back by
    the band's middle frequency, and smoothed by one pole whose cut-off is half the band's width.

    Parameters
    ----------
    v : array (n,)
        Signal, in any unit, equally sampled; nan where it is not usable.
    rate : float
        Samples per second, Hz.
    band : (float, float)
        Edges, Hz.
    every : int, default 1
        Keep one amplitude in so many.

    Returns
    -------
    array (ceil(n / every),)
        Amplitude, in the unit of `v`; nan in gaps, and at the beginning and after gaps until the
        filter has forgotten them.

    Raises
    ------
    ValueError
        If the band does not fit between twice its width and half the rate, if `v` is infinite or
        flat, or if no amplitude is left.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm.inversion.recorded_amplitudes import causal_amplitude
    >>> t = np.arange(0, 10, 0.005)
    >>> amplitude = causal_amplitude(3 * np.cos(2 * np.pi * 3.5 * t), 200.0, (2.5, 4.5))
    >>> bool(np.abs(amplitude[-200:] - 3).max() < 0.06)
    True
    """
    v = real_array("v", v)
    rate, every = number("rate", rate, positive=True), whole_number("every", every)
    low, high = (number("band", edge, positive=True) for edge in band)
    half = (high - low) / 2
    if not (0 < half < low and high < rate / 2):
        raise ValueError(
            f"band = {band}, rate = {rate:g}: edges ascend, the lower one above half the width, "
            "the higher one below half the rate"
        )
    usable = np.isfinite(v)
    if v.ndim != 1 or np.isinf(v).any() or not usable.any():
        raise ValueError(f"v has shape {v.shape}; it needs one row of numbers, nan where unusable")
    if np.ptp(v[usable]) == 0:
        raise ValueError("v is flat: a dead channel has no amplitude")
    high_pass = signal.butter(2, low - half, "highpass", fs=rate, output="sos")
    clean = signal.sosfilt(high_pass, np.where(usable, v - np.median(v[usable]), 0.0))
    quarter = max(1, round(rate / (2 * (low + high))))
    pair = clean + 1j * np.concatenate([np.zeros(quarter), clean])[: v.size]
    turn = np.exp(-1j * np.pi * (low + high) * np.arange(v.size) / rate)
    b, a = signal.butter(1, half, fs=rate)
    amplitude = np.abs(signal.lfilter(b, a, pair * turn))
    wait = quarter + round(_SETTLED * rate / (2 * np.pi * min(half, low - half)))
    amplitude = np.where(_settled(usable, wait), amplitude, np.nan)
    if not np.isfinite(amplitude).any():
        raise ValueError("no amplitude is left: gaps leave the filter no time to settle")
    return np.asarray(amplitude[::every])


def without_artefacts(
    v: ArrayLike, rate: float, *, flat: float = 0.1, limit: float = np.inf
) -> Array:
    """Mark with nan what cannot be brain: a stuck amplifier, or a potential beyond a limit.

    Parameters
    ----------
    v : array (n,)
        Signal of one electrode, as recorded.
    rate : float
        Samples per second, Hz.
    flat : float, default 0.1
        A value repeated for so long, s, is a stuck or overdriven amplifier.
    limit : float, default inf
        Potentials beyond it, either way, are marked; in the unit of `v`.

    Returns
    -------
    array (n,)
        A copy, nan where marked.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm.inversion.recorded_amplitudes import without_artefacts
    >>> v = np.concatenate([np.arange(10.0), np.full(30, 9.0), np.arange(10.0)])
    >>> int(np.isnan(without_artefacts(v, 200.0)).sum())
    31
    """
    v = real_array("v", v).copy()
    rate, least = number("rate", rate, positive=True), number("flat", flat, positive=True)
    turns = np.concatenate([[0], np.flatnonzero(np.diff(v) != 0) + 1, [v.size]])
    for first, last in pairwise(turns):
        if last - first >= max(2, round(least * rate)):
            v[first:last] = np.nan
    with np.errstate(invalid="ignore"):
        v[np.abs(v) > limit] = np.nan
    return v


def _settled(usable: Array, wait: int) -> Array:
    """Where the last unusable sample, the time before the first included, is `wait` ago or more."""
    index = np.arange(usable.size)
    last = np.maximum.accumulate(np.where(usable, -1, index))
    return np.asarray(index - last > wait)
