"""Logarithms of the power spectra of recordings: data that a Gaussian describes.

The error of an averaged spectrum's logarithm is the same at every frequency: its variance is one
over the number of averages.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import signal, special

from nmm.checks import number, real_array
from nmm.sigmoid import Array

_LEAST = 8  # averages: below, an estimated spectrum's logarithm is far from Gaussian


@dataclass(frozen=True, eq=False)
class LogSpectrum:
    """Logarithm of an estimated power spectrum.

    Parameters
    ----------
    frequencies : array (n_f,)
        Hz.
    log_power : array (n_f,)
        Natural logarithm of the power spectral density, in the signal's unit squared per Hz.
    averages : float
        Number of independent estimates that were averaged: the variance of `log_power` is about
        one over it.
    """

    frequencies: Array
    log_power: Array
    averages: float


def log_spectrum(
    x: ArrayLike, rate: float, *, band: tuple[float, float], spacing: float = 1.0
) -> LogSpectrum:
    """Estimate the logarithm of a signal's power spectrum, at frequencies that hardly correlate.

    Welch's method: Hann windows of 2/spacing seconds that overlap by half; every second bin is
    kept, because neighbours correlate. The mean error of the logarithm is taken off.

    Parameters
    ----------
    x : array (n_t,) or (n, n_t)
        The signal, or several stretches of one process.
    rate : float
        Samples per second, Hz.
    band : (float, float)
        Lowest and highest frequency, Hz.
    spacing : float, default 1
        Between the frequencies, Hz.

    Returns
    -------
    LogSpectrum

    Raises
    ------
    ValueError
        If the signal is constant, too short for eight averages, or not finite; if the band reaches
        beyond half the rate; or if the spectrum is zero somewhere in it, as after a filter.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm.inversion.log_spectra import log_spectrum
    >>> noise = np.random.default_rng(1).standard_normal(20000)
    >>> found = log_spectrum(noise, 100.0, band=(2, 45))      # white: density 2/100
    >>> found.frequencies.size, round(float(np.exp(found.log_power.mean())), 3)
    (44, 0.02)
    """
    v, rate = _signal(x), number("log_spectrum: rate", rate, positive=True)
    step = number("log_spectrum: spacing", spacing, positive=True)
    low, high = (number("log_spectrum: band", end) for end in band)
    if not 0 < low < high <= rate / 2:
        raise ValueError(
            f"band = {band} Hz; it must rise from above 0 to at most half the rate, {rate / 2} Hz"
        )
    window = round(2 * rate / step)
    segments = 2 * (v.shape[1] // window) - 1 if v.shape[1] >= window else 0
    averages = len(v) * segments / (1 + 2 / 36)  # half-overlapping Hann windows correlate by 1/6
    if averages < _LEAST:
        raise ValueError(
            f"the signal is too short: {v.shape[1] / rate:.3g} s give {averages:.1f} averages at a "
            f"spacing of {step} Hz, of at least {_LEAST}; take a longer stretch or a wider spacing"
        )
    f, power = signal.welch(v, rate, nperseg=window, noverlap=window // 2, axis=1)
    f, power = f[::2], power.mean(axis=0)[::2]
    kept = (f >= low - 1e-9) & (f <= high + 1e-9)
    f, power = f[kept], power[kept]
    if not f.size or power.min() <= 1e-20 * np.square(v).max() / rate:
        raise ValueError(
            f"the spectrum is zero in the band {band} Hz, or the band holds no frequency: choose a "
            "band that the signal's filter passes"
        )
    bias = special.digamma(averages) - np.log(averages)
    return LogSpectrum(f, np.log(power) - bias, float(averages))


def _signal(x: ArrayLike) -> Array:
    v = np.atleast_2d(real_array("log_spectrum: the signal", x))
    if v.ndim != 2 or not v.size or not np.isfinite(v).all():
        bad = int((~np.isfinite(v)).sum())
        raise ValueError(f"the signal has shape {v.shape}, and {bad} values that are not finite")
    v = v - v.mean(axis=1, keepdims=True)
    if not np.abs(v).max() > 1e-12 * np.abs(real_array("the signal", x)).max():
        raise ValueError("the signal is constant: it has no spectrum; is the channel connected?")
    return np.asarray(v)
