"""Exit times of the full stochastic column, by simulation.

An exit is the first step at which |ζ(t)|, ζ = p·(x − x*), passes a threshold. Many trials run side
by side in compiled code; those that have left make room for the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2
from tqdm import tqdm

from nmm.amplitudes.amplitude import amplitude_equation
from nmm.checks import number, whole_number
from nmm.fixed_points import equilibria
from nmm.kernels import coefficients, kernel
from nmm.perturbation.submanifolds import leading_pair
from nmm.sigmoid import Array
from nmm.simulation import WIDTH, blocks, check_step, entries_of, pattern_of, random_states
from nmm.system import NeuralMass

_WORK = 40_000_000  # steps of trials in one piece: a fraction of a second


@dataclass(frozen=True, eq=False)
class ExitTimes:
    """When each trial passed the threshold.

    Parameters
    ----------
    times : array (n_trials,)
        s; t_max where the trial stayed.
    censored : array (n_trials,) of bool
        Whether it stayed.
    mean : float
        Total time spent inside, over the number of exits, s; inf if there was none.
    interval : (float, float)
        95 % confidence interval of the mean, s, exact if exits have a constant rate (χ²).
    """

    times: Array
    censored: np.typing.NDArray[np.bool_]
    mean: float
    interval: tuple[float, float]


def exit_times(
    m: NeuralMass,
    sigma: float,
    n_trials: int,
    t_max: float,
    *,
    seed: int | None = None,
    dt: float = 1e-4,
    start: str | float = "rest",
    to: float | None = None,
) -> ExitTimes:
    """Simulate how long a noisy column stays before its oscillation passes a threshold.

    Stochastic Heun steps of the full column; the threshold is on ``|ζ(t)|`` and looked at after
    every step.

    Parameters
    ----------
    m : NeuralMass
        With one fixed point, and a complex leading pair of eigenvalues there.
    sigma : float
        Noise intensity on the input u, mV s^(−1/2); positive.
    n_trials : int
        Number of trials.
    t_max : float
        Longest time for one trial, s.
    seed : int, optional
        Trial i depends on (seed, i) only. None: a new seed each time.
    dt : float, default 1e-4
        Step, s.
    start : {"rest", "cycle"} or float, default "rest"
        Where every trial starts: the fixed point, the stable cycle, or an R (mV) on the slow
        surface; phases are spread evenly over the trials.
    to : float, optional
        Threshold R, mV. By default, from rest the midpoint between barrier and cycle, and from the
        cycle half the barrier's R.

    Returns
    -------
    ExitTimes

    Raises
    ------
    ValueError
        If a number is out of range, or the column has no barrier and no threshold is given.

    Examples
    --------
    >>> from nmm import bistable_column, exit_times
    >>> found = exit_times(bistable_column(u=2600.0), 30.0, 64, 60.0, seed=1, to=0.55)
    >>> bool(found.interval[0] < found.mean < found.interval[1]), int(found.censored.sum())
    (True, 0)
    """
    sigma, t_max, dt = (
        number(f"exit_times: {what}", value, positive=True)
        for what, value in (("sigma", sigma), ("t_max", t_max), ("dt", dt))
    )
    n_trials = whole_number("exit_times: n_trials", n_trials)
    seed = None if seed is None else whole_number("exit_times: seed", seed, 0)
    check_step(m.A, dt)
    x0, below, limit = _setting(m, n_trials, start, to)
    steps = _first_passages(m, sigma, x0, limit, below, round(t_max / dt), dt, seed)
    times, censored = np.minimum(steps * dt, t_max), ~np.isfinite(steps)
    return ExitTimes(times, censored, *mean_and_interval(times, censored))


def _setting(
    m: NeuralMass, n_trials: int, start: str | float, to: float | None
) -> tuple[Array, bool, float]:
    """Initial states (n_trials, N), whether they lie below the threshold, and the threshold."""
    rest = equilibria(m)[0]
    if to is not None and start == "rest":  # no need of the amplitude equation
        return np.tile(rest.x, (n_trials, 1)), True, number("exit_times: to", to, positive=True)
    amplitude = amplitude_equation(m, rest)
    R, limit = amplitude.start_and_threshold(start, to)
    theta = 2 * np.pi * np.arange(n_trials) / n_trials
    return amplitude.state(amplitude.radius(R), theta), limit > R, limit


def _first_passages(
    m: NeuralMass,
    sigma: float,
    x: Array,
    limit: float,
    below: bool,
    n_steps: int,
    dt: float,
    seed: int | None,
) -> Array:
    """Step at which each trial passes the limit; infinity where it does not."""
    entries = entries_of(m, np.array([sigma] + [0.0] * (m.u.size - 1)) * np.sqrt(dt), {}, 0, 1, dt)
    pattern = pattern_of(m, entries, 1)
    table = np.array([coefficients(pattern, entries)], float)
    run, modes = kernel(pattern, WIDTH, watch=True), _modes(m)
    bits = _by_trial(random_states(seed, len(x), 1, WIDTH)[:, :, 0])[: len(x)]
    out, alive, step = np.full(len(x), np.inf), np.arange(len(x)), 0
    with tqdm(total=len(x), unit="exit", desc="exit_times", disable=None) as bar:
        while alive.size and step < n_steps:
            # Even pieces: normal numbers come in pairs.
            stop = min(n_steps, step + max(2, _WORK // alive.size // 2 * 2))
            state, random = blocks(x, WIDTH), blocks(bits, WIDTH)
            hit = np.full((len(state), WIDTH), np.inf)
            spare = np.zeros((len(state), 1, WIDTH))
            side = 1.0 if below else -1.0
            run(state, random[:, :, None], spare, table, dt, step, stop, modes, limit**2, side, hit)
            out[alive] = hit.ravel()[: alive.size]
            inside = ~np.isfinite(out[alive])
            x, bits = (_by_trial(part)[: alive.size][inside] for part in (state, random))
            bar.update(int((~inside).sum()))
            alive, step = alive[inside], stop
    return out


def _by_trial(blocked: Any) -> Any:
    """(blocks, M, width) → (trials, M), the filling of the last block included."""
    return blocked.transpose(0, 2, 1).reshape(-1, blocked.shape[1])


def _modes(m: NeuralMass) -> Array:
    """Real and imaginary part of p, and of −p·x*: shape (2, N + 1)."""
    rest = equilibria(m)[0]
    _, _, left = leading_pair(m, m.jacobian(rest.x))
    row = np.append(left, -(left @ rest.x))
    return np.ascontiguousarray([row.real, row.imag])


def mean_and_interval(
    times: Array, censored: np.typing.NDArray[np.bool_]
) -> tuple[float, tuple[float, float]]:
    """Total time over exits, and its 95 % interval (χ², conservative where trials stayed)."""
    exits, total = int((~censored).sum()), float(times.sum())
    more = 2 if censored.any() else 0
    low = 2 * total / float(chi2.ppf(0.975, 2 * exits + more)) if exits + more else 0.0
    if not exits:
        return float("inf"), (low, float("inf"))
    return total / exits, (low, 2 * total / float(chi2.ppf(0.025, 2 * exits)))
