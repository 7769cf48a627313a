"""The amplitude equation against the whole model: measured growth, without a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from nmm.amplitudes.amplitude import AmplitudeEquation
from nmm.amplitudes.invariance import Complex
from nmm.checks import number, real_array, whole_number
from nmm.sigmoid import Array
from nmm.simulation import simulate

_TURNS = 3.3  # simulated after the fast modes are gone: two windows of two turns, one turn apart


@dataclass(frozen=True, eq=False)
class MeasuredDrift:
    """Growth of the modal amplitude in simulations of the whole model.

    Parameters
    ----------
    R : array (n, phases)
        Modal amplitude, mV.
    drift : array (n, phases)
        dR/dt there, mV/s.
    bias : array (n, phases)
        What was subtracted from the raw measurement, mV/s.
    """

    R: Array
    drift: Array
    bias: Array


def measured_drift(
    amplitude: AmplitudeEquation,
    r: ArrayLike,
    *,
    phases: int = 8,
    settle: float = 0.05,
    dt: float = 2.5e-5,
) -> MeasuredDrift:
    """Release the whole model on the slow surface and measure how fast R moves.

    The first part of each simulation is dropped. Then R(t) is the modulus of the fundamental of
    ζ = p·(x − x*) over two turns of its own phase, under a Hann window, which is blind to constant
    and linearly growing harmonics. Two such windows, one turn apart, give dR/dt half-way. Only p
    enters here. But windows blur a motion that is not linear within them: what they make of the
    amplitude equation's own motion, where dR/dt is known, is the instrument's bias and subtracted.
    It is of second order in the growth over a turn: an error ε of ρ changes it by ε times itself.

    Parameters
    ----------
    amplitude : AmplitudeEquation
        Where to start.
    r : array (n,)
        Amplitudes at the start, mV, up to r_max.
    phases : int, default 8
        Phases at the start, equally spaced.
    settle : float, default 0.05
        What is dropped, s.
    dt : float, default 2.5e-5
        Step of the simulation, s.

    Returns
    -------
    MeasuredDrift

    Raises
    ------
    ValueError
        If an amplitude is not in (0, r_max], or a number is out of range.

    Examples
    --------
    >>> from nmm import amplitude_equation, bistable_column, equilibria
    >>> from nmm import measured_drift
    >>> column = bistable_column()
    >>> amplitude = amplitude_equation(column, equilibria(column)[0], harmonics=8)
    >>> run = measured_drift(amplitude, [0.38])
    >>> bool(abs(run.drift / amplitude.drift(run.R) - 1).max() < 0.005)
    True
    """
    r = np.atleast_1d(real_array("r", r))
    if not ((r > 0) & (r <= amplitude.r_max * (1 + 1e-9))).all():
        raise ValueError(f"r = {r}; every amplitude must lie in (0, {amplitude.r_max:.4g}] mV")
    phases = whole_number("phases", phases)
    settle = number("settle", settle)
    theta = 2 * np.pi * np.arange(phases) / phases
    start = amplitude.state(r[:, None], theta).reshape(r.size * phases, -1)
    slowest = float(np.min(amplitude.frequency(r)))
    run = simulate(
        amplitude.model, settle + _TURNS / slowest, dt=dt, x0=start, n_trials=len(start), every=8
    )
    kept = run.t >= settle
    t, rest = run.t[kept], amplitude.equilibrium.x
    ideal = _reduced(amplitude, r, theta, t)
    raw, known = (
        np.array([_measure(t, (states - rest) @ amplitude.surface.equation.left) for states in x])
        for x in (run.x[:, kept], ideal)
    )
    bias = known[:, 1] - np.asarray(amplitude.drift(known[:, 0]))
    shape = (r.size, phases)
    return MeasuredDrift(
        raw[:, 0].reshape(shape), (raw[:, 1] - bias).reshape(shape), bias.reshape(shape)
    )


def _reduced(amplitude: AmplitudeEquation, r: Array, theta: Array, t: Array) -> Array:
    """States along the amplitude equation's own motion: (n · phases, times, N)."""
    surface, n = amplitude.surface, r.size

    def rates(_: float, y: Array) -> Array:
        growth, omega = surface.rates(y[:n])
        return np.concatenate([growth * y[:n], omega])

    start = np.concatenate([np.asarray(amplitude.modal_radius(r)), np.zeros(n)])
    path = solve_ivp(rates, (0.0, t[-1]), start, t_eval=t, rtol=1e-9, atol=1e-12).y[:, None]
    states = surface.state(path[:n], path[n:] + theta[:, None])
    return states.reshape(n * theta.size, t.size, -1)


def _measure(t: Array, zeta: Complex) -> tuple[float, float]:
    """R half-way between two windows, and dR/dt."""
    (begin, first), (end, second) = _two_windows(t, zeta)
    return (first + second) / 2, (second - first) / (end - begin)


def _two_windows(t: Array, zeta: Complex) -> Array:
    """Middle time and amplitude of the first two windows of two turns: rows of (2, 2)."""
    turned = np.unwrap(np.angle(zeta)) - np.angle(zeta[0])
    if turned[-1] < 6 * np.pi or (np.diff(turned) <= 0).any():
        return np.full((2, 2), np.nan)
    starts = np.interp(2 * np.pi * np.arange(4), turned, t)
    signal = CubicSpline(t, zeta)
    share = np.arange(256) / 256
    window = (1 - np.cos(2 * np.pi * share)) * np.exp(-4j * np.pi * share)
    out = []
    for begin, end in ((starts[0], starts[2]), (starts[1], starts[3])):
        values = signal(begin + (end - begin) * share)
        out.append(((begin + end) / 2, abs(np.mean(values * window))))
    return np.array(out)
