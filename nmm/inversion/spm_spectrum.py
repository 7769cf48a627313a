"""Spectra by SPM's conventions throughout: innovations, channel noise, gains (spm_csd_mtf).

SPM12 r7771; one endogenous input to each source, local field potentials, one channel a source.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import whole_number
from nmm.inversion.delays import delay_operator, effective_jacobian
from nmm.inversion.spectrum import Complex, checked_frequencies, resolvent
from nmm.models.columns import EXTRINSIC, POPULATIONS, SYNAPSES
from nmm.models.spm import (
    ENDOGENOUS,
    extrinsic_strengths,
    from_spm_state,
    intrinsic_strengths,
    spm_field,
    spm_slope,
    time_constants,
)
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array

DELAYS = (1e-3, 8e-3)  # inside a source, between sources; s
_WAVES = 4  # cosines of the innovations' spectrum
_CHANNEL = -2.0  # log-scale of the channel noise


@dataclass(frozen=True, eq=False)
class SpmLinear:
    """SPM's model linearised at rest without input, in our order of states: all v, then all c.

    Parameters
    ----------
    J : array (8n, 8n)
        Jacobian, 1/s.
    E : array (8n, n)
        Inputs.
    C : array (n, 8n)
        Outputs.
    delays : array (8n, 8n)
        From state j to state i, s.
    """

    J: Array
    E: Array
    C: Array
    delays: Array


def spm_cross_spectrum(
    P: Mapping[str, Any], frequencies: ArrayLike, *, n_sources: int = 1
) -> Complex:
    """Cross-spectra of SPM's canonical microcircuit, by SPM's conventions throughout.

    Power-law innovations drive each source, common and own channel noise is added, and delays are
    those of ``spm_dcm_delay`` (SPM12 r7771, ``spm_csd_mtf``). Linear about x = 0, SPM's rest.

    Parameters
    ----------
    P : mapping
        As in `nmm.from_spm`, and D (delays), L (gain of each channel), J (what a channel sees of a
        source's eight states), a (2, n) and d (4, n) innovations, b (2,) and c (2, n) channel
        noise, f (2,) filter. A field that is missing or empty is the prior mean.
    frequencies : array (n_f,)
        Hz, positive; SPM's cosines and filter go by their number, not their value.
    n_sources : int, default 1
        Number of sources n, each with its channel.

    Returns
    -------
    complex array (n_f, n, n)
        In SPM's units.

    Raises
    ------
    ValueError
        If a field has the wrong shape or is not finite, or a frequency is not positive.

    Warns
    -----
    NumericalWarning
        If rest is not stable. SPM damps such modes and goes on; so does this.

    Examples
    --------
    >>> from nmm import spm_cross_spectrum
    >>> Y = spm_cross_spectrum({}, range(1, 65))
    >>> Y.shape, round(float(Y[9, 0, 0].real), 6)
    ((64, 1, 1), 0.028729)
    """
    n = whole_number("spm_cross_spectrum: n_sources", n_sources)
    if not isinstance(P, Mapping):
        raise ValueError(
            f"spm_cross_spectrum: P is {type(P).__name__}; it must map field names to numbers"
        )
    f = checked_frequencies(frequencies, positive=True)
    return spectrum_of(spm_transfer(spm_linear(P, n), f), P, f)


def spm_linear(P: Mapping[str, Any], n: int) -> SpmLinear:
    """Linearise the model of `P` at rest, x = 0: Jacobian, inputs, outputs, delays."""
    if np.any(spm_field(P, "M", (n, n), 0.0)):
        raise ValueError("P.M is not zero; modulation of g7 by dp is not in this model")
    strengths, tau = intrinsic_strengths(P, n), time_constants(P, n)
    m, gain, places = 4 * n, spm_slope(P) / 4, _places(n)
    J, each = np.zeros((2 * m, 2 * m)), tau.reshape(-1)
    v, c = places.v, places.c
    J[v, c], J[c, v], J[c, c] = 1.0, -1 / each**2, -2 / each
    weights = gain * places.signs * strengths / tau[:, places.to]
    J[places.intrinsic] += weights.reshape(-1)  # ten different places
    if n > 1:
        between = extrinsic_strengths(P, n)
        for s, strength in zip(EXTRINSIC, between, strict=True):
            to, source = POPULATIONS.index(s.target), POPULATIONS.index(s.source)
            J[m + to :: 4, source:m:4] += s.sign * gain * strength / tau[:, to, None]
    E = np.zeros((2 * m, n))
    E[m + 4 * np.arange(n), np.arange(n)] = ENDOGENOUS / tau[:, 0]
    absent = P.get("J") is None or np.size(P["J"]) == 0
    seen = _SP if absent else from_spm_state(spm_field(P, "J", (8,), 0.0), 1)
    C = np.zeros((n, 2 * m))
    C[places.channel] = (spm_field(P, "L", (n,), 1.0)[:, None] * seen).reshape(-1)
    return SpmLinear(J, E, C, spm_delays(J, spm_field(P, "D", (n, n), 0.0)))


def spm_delays(J: Array, scales: Array) -> Array:
    """SPM's delays for a Jacobian (8n, 8n) in our order, s; none where its entry is exactly one.

    Parameters
    ----------
    J : array (8n, 8n)
        Jacobian.
    scales : array (n, n)
        P.D, log-scales of the delays inside sources (diagonal) and between them.
    """
    n = len(scales)
    base = np.where(np.eye(n, dtype=bool), *DELAYS) * np.exp(scales)
    source = _places(n).source
    delays = base[source[:, None], source]
    delays[J == 1.0] = 0.0
    np.fill_diagonal(delays, 0.0)
    return np.asarray(delays)


def spm_transfer(linear: SpmLinear, f: Array) -> Complex:
    """Transfer functions (n_f, channels, sources) by SPM's recipe: modes damped by e^Re λ."""
    X = effective_jacobian(linear.J, linear.delays)
    Q = delay_operator(linear.J, X)
    values, vectors = np.linalg.eig(Q @ linear.J)
    if values.real.max() >= 0:
        warnings.warn(
            f"rest is not stable (an eigenvalue has real part {values.real.max():.4g} per s); "
            "SPM's convention damps such modes, and the spectrum means little",
            NumericalWarning,
            stacklevel=3,
        )
    slow = f.max() <= 1
    real = np.minimum(values.real, -1 / 32) if slow else values.real - np.exp(values.real)
    right = np.linalg.solve(vectors, Q @ linear.E)
    return resolvent(f, real + 1j * values.imag, linear.C @ vectors, right)


def spectrum_of(H: Complex, P: Mapping[str, Any], f: Array) -> Complex:
    """Cross-spectra (n_f, n, n) from transfer functions: innovations, channel noise, filter."""
    n_f, channels, n = H.shape
    log_f = np.log(f)
    a, d = spm_field(P, "a", (2, n), 0.0), spm_field(P, "d", (_WAVES, n), 0.0)
    b, c = spm_field(P, "b", (2,), 0.0), spm_field(P, "c", (2, channels), 0.0)
    filtered = spm_field(P, "f", (2,), 0.0)
    innovations = np.exp(a[0] - np.exp(a[1]) * log_f[:, None] + _waves(n_f) @ d)
    common = np.exp(b[0] + _CHANNEL - np.exp(b[1]) * log_f)
    own = np.exp(c[0] + _CHANNEL - np.exp(c[1, 0]) * log_f[:, None])
    Y = (H * innovations[:, None, :]) @ np.swapaxes(H, 1, 2).conj() + common[:, None, None]
    Y[:, np.arange(channels), np.arange(channels)] += own
    numbers = np.arange(1, n_f + 1) / n_f
    return np.asarray(Y * np.exp(filtered[0] + filtered[1] * numbers)[:, None, None])


_SP = np.array([0.0, 1, 0, 0, 0, 0, 0, 0])  # by default a channel sees the potential of sp


@dataclass(frozen=True, eq=False)
class _Places:
    """Where the numbers of n columns go in the arrays of the linear model."""

    v: Any
    c: Any
    signs: Array
    to: Any
    intrinsic: tuple[Any, Any]
    channel: tuple[Any, Any]
    source: Any


@lru_cache
def _places(n: int) -> _Places:
    m = 4 * n
    to = np.array([POPULATIONS.index(s.target) for s in SYNAPSES])
    by = np.array([POPULATIONS.index(s.source) for s in SYNAPSES])
    shift = 4 * np.arange(n)[:, None]
    columns = np.concatenate([shift + np.arange(4), m + shift + np.arange(4)], axis=1)
    return _Places(
        v=np.arange(m),
        c=m + np.arange(m),
        signs=np.array([float(s.sign) for s in SYNAPSES]),
        to=to,
        intrinsic=((m + shift + to).reshape(-1), (shift + by).reshape(-1)),
        channel=(np.repeat(np.arange(n), 8), columns.reshape(-1)),
        source=np.tile(np.repeat(np.arange(n), 4), 2),
    )


@lru_cache
def _waves(n_f: int) -> Array:
    """The cosines of the innovations (n_f, 4): orthonormal over the numbers of the frequencies."""
    k, n = np.arange(1, _WAVES + 1), np.arange(n_f)[:, None]
    return np.asarray(np.sqrt(2 / n_f) * np.cos(np.pi * (2 * n + 1) * k / (2 * n_f)))
