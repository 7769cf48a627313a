"""What is measured: one trajectory, and ensembles on one thread and on all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

import nmm
from benchmarks import c_code, peers

Array = NDArray[np.float64]

DT = 1e-4  # s
SIGMA = 20.0  # of the noise on the input, mV s^(−1/2)


@dataclass(frozen=True)
class Sizes:
    """How much is computed; the defaults are those of the published tables."""

    trajectory: int = 100_000
    ensemble: int = 20_000
    trials: int = 1_000
    every: int = 10
    numpy_trajectory: int = 5_000
    numpy_ensemble: int = 1_000


@dataclass(frozen=True)
class Tool:
    """One row of a table.

    Parameters
    ----------
    name : str
        As shown; the names of the competitors in C begin with "C,".
    run : callable
        Does the task once and returns the states.
    steps : int
        Steps of each trajectory that `run` does; fewer than the task's for slow tools.
    compile_seconds : float
        Time of compilation, not part of `run`.
    """

    name: str
    run: Callable[[], Array]
    steps: int
    compile_seconds: float = 0.0


@dataclass(frozen=True)
class Task:
    """One table.

    Parameters
    ----------
    name : str
        Heading.
    tools : tuple of Tool
        Rows.
    trials : int
        Trajectories; a time per step is that of one step of one of them.
    """

    name: str
    tools: tuple[Tool, ...]
    trials: int


def tasks(sizes: Sizes, folder: Path) -> list[Task]:
    """All tables; C is compiled into `folder`, and left out if there is no compiler."""
    compiled = c_code.build_all("ensemble", folder)
    found = [trajectory_task(sizes, folder), ensemble_task(sizes, compiled, 1)]
    threads = numba.config.NUMBA_NUM_THREADS
    return found + ([ensemble_task(sizes, compiled, threads)] if threads > 1 else [])


def trajectory_task(sizes: Sizes, folder: Path) -> Task:
    """One canonical microcircuit from rest with constant input, every step kept."""
    m, n, few = nmm.cmc(u=1000.0), sizes.trajectory, sizes.numpy_trajectory

    def ours(steps: int) -> Array:
        return np.asarray(nmm.simulate(m, steps * DT, dt=DT).x)

    tools = [_ours(ours, n)]
    error, tolerances, scale = peers.tolerances_like_heun(m, n, DT, ("RK45", "DOP853"))
    for name, f in c_code.build_all("trajectory", folder).items():
        tools.append(Tool(name, partial(c_code.trajectory, f, m, n, DT), n, f.seconds))
    for method, rtol in tolerances.items():
        name = f"SciPy {method}, rtol {rtol:.0e}, error ≤ {error:.0e}"
        tools.append(Tool(name, partial(peers.scipy_solver, m, n, DT, method, rtol, scale), n))
    name = f"NumPy loop, {few:,} steps, scaled"
    tools.append(Tool(name, partial(peers.numpy_loop, m, few, DT), few))
    return Task(f"One trajectory, {n:,} steps, every one kept", tuple(tools), 1)


def ensemble_task(sizes: Sizes, compiled: dict[str, c_code.Compiled], threads: int) -> Task:
    """Bistable columns from rest with noisy input; NumPy only where it is one thread's turn."""
    m, n, few = nmm.bistable_column(u=2600.0), sizes.ensemble, sizes.numpy_ensemble
    every, trials = sizes.every, sizes.trials
    shared: dict[str, Any] = {"every": every, "sigma": SIGMA, "seed": 1}

    def ours(steps: int) -> Array:
        numba.set_num_threads(threads)
        return np.asarray(nmm.simulate(m, steps * DT, dt=DT, n_trials=trials, **shared).x)

    tools = [_ours(ours, n)]
    for name, f in compiled.items():
        if threads == 1 or f.parallel:
            run = partial(c_code.ensemble, f, m, n, DT, trials=trials, threads=threads, **shared)
            tools.append(Tool(name, run, n, f.seconds * (threads == 1)))  # compiled once
    if threads == 1:
        run = partial(peers.numpy_loop, m, few, DT, trials=trials, **shared)
        tools.append(Tool(f"NumPy loop, {few:,} steps, scaled", run, few))
    kept = f"every {every}th step kept, {threads} thread{'s' * (threads > 1)}"
    return Task(f"{trials:,} trajectories, {n:,} noisy steps, {kept}", tuple(tools), trials)


def _ours(run: Callable[[int], Array], steps: int) -> Tool:
    """`nmm` as a tool: what the first of two short calls takes longer is compilation."""
    seconds = []
    for _ in range(2):
        started = time.perf_counter()
        run(100)
        seconds.append(time.perf_counter() - started)
    return Tool("nmm", partial(run, steps), steps, max(seconds[0] - seconds[1], 0.0))
