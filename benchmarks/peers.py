"""The competitors in Python: a NumPy loop, and SciPy's adaptive integrators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from nmm import NeuralMass, simulate

Array = NDArray[np.float64]


def flow(m: NeuralMass, ndim: int = 1) -> Callable[[Array], Array]:
    """Flow of `m` as bare matrix products, without the checks of ``m.flow``.

    Parameters
    ----------
    m : NeuralMass
        The model.
    ndim : {1, 2}
        Whether states come as (N,) or side by side as (N, trials).

    Returns
    -------
    callable
    """
    s, shape = m.sigmoid, (-1, 1)[:ndim]
    A, B, C = m.A, s.height * m.B, -s.slope * m.C
    offset = 1.0 / (1.0 + np.exp(s.bias)) if s.centred else 0.0
    d = (s.bias - s.slope * m.d).reshape(shape)
    k = (m.E @ m.u - offset * B.sum(axis=1)).reshape(shape)
    return lambda x: np.asarray(A @ x + B @ (1.0 / (1.0 + np.exp(C @ x + d))) + k)


def numpy_loop(
    m: NeuralMass,
    steps: int,
    dt: float,
    *,
    every: int = 1,
    sigma: float = 0.0,
    trials: int = 1,
    seed: int = 1,
) -> Array:
    """Integrate by Heun in a Python loop over time, all trajectories at once in NumPy.

    Parameters
    ----------
    m : NeuralMass
        The model.
    steps, dt
        How many steps of how many s.
    every : int, default 1
        Keep each `every`-th step.
    sigma : float, default 0
        Intensity of the noise on the inputs, mV s^(−1/2).
    trials, seed
        How many trajectories from rest, and of which noise.

    Returns
    -------
    array (trials, steps // every + 1, N)
    """
    rng = np.random.default_rng(seed)
    shape = (m.n_states,) if trials == 1 else (m.n_states, trials)
    rate, x, size = flow(m, len(shape)), np.zeros(shape), sigma * dt**0.5 * m.E
    out = np.empty((trials, steps // every + 1, m.n_states))
    out[:, 0] = x.T
    for i in range(1, steps + 1):
        noise = size @ rng.standard_normal((m.u.size, *shape[1:])) if sigma else 0.0
        f = rate(x)
        x = x + 0.5 * dt * (f + rate(x + dt * f + noise)) + noise
        if i % every == 0:
            out[:, i // every] = x.T
    return out


def scipy_solver(
    m: NeuralMass, steps: int, dt: float, method: str, rtol: float, scale: Array
) -> Array:
    """Integrate from rest with `solve_ivp`, stored at every dt: array (1, steps + 1, N).

    Parameters
    ----------
    m, steps, dt
        As in `numpy_loop`.
    method : str
        Of `solve_ivp`.
    rtol : float
        Relative tolerance; the absolute one is ``rtol · scale``.
    scale : array (N,)
        Size of each state.
    """
    rate, times = flow(m), np.arange(steps + 1) * dt
    span, start = (0.0, times[-1]), np.zeros(m.n_states)
    found = solve_ivp(
        lambda t, x: rate(x), span, start, method, t_eval=times, rtol=rtol, atol=rtol * scale
    )
    return np.asarray(found.y.T[None])


def tolerances_like_heun(
    m: NeuralMass, steps: int, dt: float, methods: tuple[str, ...]
) -> tuple[float, dict[str, float], Array]:
    """Find for each method the loosest tolerance that is no less accurate than Heun's scheme.

    Returns
    -------
    error : float
        Largest error of Heun's scheme, as a part of each state's size.
    tolerances : dict
        Method → rtol.
    scale : array (N,)
        Size of each state.
    """
    exact = scipy_solver(m, steps, dt, "DOP853", 1e-11, np.ones(m.n_states))
    scale = np.abs(exact[0]).max(axis=0)

    def error(found: Array) -> float:
        return float((np.abs(found - exact) / scale).max())

    heun = error(simulate(m, steps * dt, dt=dt).x)
    candidates = [float(rtol) for rtol in 10.0 ** np.arange(-2, -10, -0.5)]

    def loosest(method: str) -> float:
        return next(
            r for r in candidates if error(scipy_solver(m, steps, dt, method, r, scale)) <= heun
        )

    return heun, {method: loosest(method) for method in methods}, scale
