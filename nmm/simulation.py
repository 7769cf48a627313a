"""Trajectories of a model: deterministic, driven by noise, one or many."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from nmm.checks import number, real_array, whole_number
from nmm.kernels import Pattern, coefficients, kernel
from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array, OddPolynomial, Sigmoid
from nmm.system import NeuralMass, check_parameter_name, sigmoid_arguments

Entries = dict[tuple[str, tuple[int, ...]], Any]

WIDTH = 16  # trajectories in a block: with fewer, LLVM leaves the vector registers unused
_VARYING = 50_000  # steps whose coefficients are tabulated at once: some 20 MB
_WORK = 10_000_000  # trajectory steps between two looks at the keyboard: about 0.2 s


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What `simulate` returns.

    Parameters
    ----------
    t : array (n_t,)
        Times, s.
    x : array (n_trials, n_t, N)
        States, in the order of the model's ``state_names``.
    outcome : str
        ``"finished"``, or ``"diverged"`` if a state became NaN or infinite.
    """

    t: Array
    x: Array
    outcome: str = "finished"


def simulate(
    m: NeuralMass,
    duration: float,
    *,
    dt: float = 1e-4,
    x0: ArrayLike | None = None,
    sigma: float | ArrayLike = 0.0,
    n_trials: int = 1,
    seed: int | None = None,
    every: int = 1,
    varying: Mapping[str, Callable[[Array], ArrayLike] | ArrayLike] | None = None,
) -> Trajectory:
    """Integrate a model in time, with or without noise, by Heun's scheme.

    Second order without noise; with the additive noise used here, strong order one and the drift
    still integrated to second order, which explicit Euler steps are not (Kloeden & Platen 1992).
    Compiled on first use; the compiled code is kept between runs.

    Parameters
    ----------
    m : NeuralMass
        The model.
    duration : float
        Length of the simulation, s; positive.
    dt : float, default 1e-4
        Step, s.
    x0 : array (N,) or (n_trials, N), optional
        Initial state; zeros by default.
    sigma : float or array (k,), default 0
        Intensity of white noise on the inputs, mV s^(−1/2); independent on each of the k inputs.
    n_trials : int, default 1
        Number of trajectories.
    seed : int, optional
        Trial i depends on (seed, i) only, not on n_trials nor on threads. None: a new seed each
        time.
    every : int, default 1
        Keep each `every`-th step.
    varying : mapping, optional
        Parameters that change in time: name → function of t (s, vectorised) or array of values at
        every dt, length ``round(duration / dt) + 1``; in the parameter's unit.

    Returns
    -------
    Trajectory
        ``t`` (n_t,) in s, ``x`` (n_trials, n_t, N), with n_t = round(duration/dt)//every + 1; the
        initial state comes first.

    Raises
    ------
    ValueError
        If a number is out of range, dt is too long for the fastest time constant, or the shape of
        x0, sigma or a varying array is wrong.
    KeyError
        If a varying name is not a parameter of the model.

    Warns
    -----
    NumericalWarning
        If the states left every bound that a bounded sigmoid allows; with a polynomial, which has
        no bounds, if they grew a million times.

    Examples
    --------
    >>> from nmm import bistable_column, simulate
    >>> run = simulate(bistable_column(), 0.5, x0=[0, 0.1, 0, 0, 0, 0, 0, 0], every=10)
    >>> run.x.shape
    (1, 501, 8)
    >>> bool(abs(run.x[0, -1, 1]) < 0.01)       # a small kick dies away
    True
    """
    duration = number("simulate: duration", duration, positive=True)
    dt = number("simulate: dt", dt, positive=True)
    every, n_trials = (
        whole_number(f"simulate: {what}", value)
        for what, value in (("every", every), ("n_trials", n_trials))
    )
    seed = None if seed is None else whole_number("simulate: seed", seed, 0)
    n_steps = _count_steps(m, duration, dt, every)
    start = _initial_states(m, x0, n_trials)
    noise = intensities(m, sigma)
    width = 1 if n_trials == 1 else WIDTH
    state = blocks(start, width)
    bits = random_states(seed, n_trials, noise.size, width) if noise.any() else _no_bits(state)
    spare = np.zeros((state.shape[0], max(noise.size, 1), width))
    inputs = _varying_inputs(m, varying, n_steps, dt)

    out = np.empty((n_trials, n_steps // every + 1, m.n_states))
    out[:, 0] = start
    chunk = _WORK // (state.shape[0] * width)
    if inputs:
        chunk = min(chunk, _VARYING)
    chunk = max(2, chunk // 2 * 2)
    look = {"disable": True if chunk >= n_steps else None, "delay": 2.0, "leave": False}
    with tqdm(total=n_steps, unit="step", desc="simulate", **look) as bar:
        for first in range(0, n_steps, chunk):  # even chunks: normal numbers come in pairs
            last = min(first + chunk, n_steps)
            entries = entries_of(m, noise * np.sqrt(dt), inputs, first, last, dt)
            if inputs:
                _check_fastest(m, entries, dt, first)
            pattern = pattern_of(m, entries, int(np.count_nonzero(noise)) and noise.size)
            table = np.array(np.broadcast_arrays(*coefficients(pattern, entries)), float)
            table = np.ascontiguousarray(table.reshape(len(pattern.coefficients), -1).T)
            run = kernel(pattern, width, bool(inputs))
            run(state, bits, spare, table, dt, first, last, every, out)
            bar.update(last - first)
    t = np.arange(out.shape[1], dtype=float)
    t *= dt * every  # in place: for one trajectory, filling memory is what takes the time
    return Trajectory(t, out, _judge(m, out, state, noise))


def _count_steps(m: NeuralMass, duration: float, dt: float, every: int) -> int:
    if not isinstance(m, NeuralMass):
        raise ValueError(f"simulate: the model is {type(m).__name__}; build one with nmm.cmc()")
    check_step(m.A, dt)
    steps = round(duration / dt)
    if steps < every:
        raise ValueError(
            f"simulate: duration {duration} s is {steps} steps of {dt} s, fewer than every = "
            f"{every}; simulate longer, or keep more steps"
        )
    return steps


def check_step(A: Array, dt: float, when: str = "") -> None:
    """Raise ValueError where Heun's scheme would blow up on the linear filters alone.

    Below |z| = 0.1 it follows any filter, undamped or growing, to z³/6: nothing to refuse.
    """
    z = np.linalg.eigvals(A) * dt
    z = z[np.abs(z) > 0.1]
    if np.abs(1 + z + z * z / 2).max(initial=0.0) > 1 + 1e-12:
        raise ValueError(
            f"simulate: dt = {dt} s is too long for the fastest time constant, "
            f"{dt / np.abs(z).max():.3g} s{when}: Heun's scheme would blow up; try a twentieth of "
            "that time constant"
        )


def _check_fastest(m: NeuralMass, entries: Entries, dt: float, first: int) -> None:
    """Check the step where varying time constants are shortest within a chunk."""
    filters = {index: v for (part, index), v in entries.items() if part == "A"}
    rates = [np.atleast_1d(v) for index, v in filters.items() if index[0] == index[1]]
    if all(rate.size == 1 for rate in rates):
        return
    worst = int(np.argmin(np.min(np.broadcast_arrays(*rates), axis=0)))
    A = np.zeros((m.n_states, m.n_states))
    for index, v in filters.items():
        A[index] = np.atleast_1d(v)[worst if np.ndim(v) else 0]
    check_step(A, dt, f" at t = {(first + worst) * dt:.4g} s")


def _initial_states(m: NeuralMass, x0: ArrayLike | None, n_trials: int) -> Array:
    start = np.zeros(m.n_states) if x0 is None else real_array("simulate: x0", x0)
    if start.shape not in ((m.n_states,), (n_trials, m.n_states)):
        raise ValueError(
            f"simulate: x0 has shape {start.shape}; it must be ({m.n_states},) or "
            f"({n_trials}, {m.n_states}): {', '.join(m.state_names)}"
        )
    if not np.isfinite(start).all():
        raise ValueError("simulate: x0 holds NaN or infinity")
    return np.array(np.broadcast_to(start, (n_trials, m.n_states)))


def intensities(m: NeuralMass, sigma: float | ArrayLike) -> Array:
    noise = real_array("simulate: sigma", sigma)
    if noise.shape not in ((), (m.u.size,)):
        raise ValueError(
            f"simulate: sigma has shape {noise.shape}; give one number, or one for each of the "
            f"{m.u.size} inputs"
        )
    if not (np.isfinite(noise).all() and (noise >= 0).all()):
        raise ValueError(f"simulate: sigma = {noise}; it must be finite and not negative")
    return np.array(np.broadcast_to(noise, m.u.shape))


def blocks(start: Array, width: int) -> Array:
    """Lay trajectories side by side, (n_trials, N) → (blocks, N, width); fill the last block up."""
    n_blocks = -(-len(start) // width)
    padded = np.concatenate([start, np.repeat(start[-1:], n_blocks * width - len(start), axis=0)])
    return np.ascontiguousarray(padded.reshape(n_blocks, width, -1).transpose(0, 2, 1))


def random_states(seed: int | None, n_trials: int, n_noises: int, width: int) -> NDArray[np.uint64]:
    """256 random bits for each trial and noise: shape (blocks, 4, n_noises, width)."""
    root = np.random.SeedSequence(seed)
    n_blocks = -(-n_trials // width)
    words = np.ones((n_blocks * width, n_noises, 4), np.uint64)
    for trial in range(n_trials):
        child = np.random.SeedSequence(root.entropy, spawn_key=(trial,))
        words[trial] = child.generate_state(4 * n_noises, np.uint64).reshape(n_noises, 4)
    grouped = words.reshape(n_blocks, width, n_noises, 4)
    return np.ascontiguousarray(grouped.transpose(0, 3, 2, 1))


def _no_bits(state: Array) -> NDArray[np.uint64]:
    return np.ones((state.shape[0], 4, 1, 1), np.uint64)


def _varying_inputs(
    m: NeuralMass, varying: Mapping[str, Any] | None, n_steps: int, dt: float
) -> dict[str, Callable[[int, int], Array]]:
    """Return, for each varying parameter, its values at steps first … last."""
    inputs = {}
    if not isinstance(varying, Mapping | None):
        raise ValueError("simulate: varying must map parameter names to functions or arrays")
    for name, given in (varying or {}).items():
        check_parameter_name(m, name)
        if callable(given):
            inputs[name] = _from_function(name, given, dt)
            continue
        values = real_array(f"simulate: varying {name!r}", given)
        if values.shape not in ((), (n_steps + 1,)):
            raise ValueError(
                f"simulate: varying {name!r} has shape {values.shape}; it must be {n_steps + 1} "
                "numbers: the value at every dt, both ends included"
            )
        if not np.isfinite(values).all():
            raise ValueError(f"simulate: varying {name!r} holds NaN or infinity")
        inputs[name] = _from_values(np.broadcast_to(values, n_steps + 1))
    return inputs


def _from_values(values: Array) -> Callable[[int, int], Array]:
    return lambda first, last: values[first : last + 1]


def _from_function(
    name: str, function: Callable[[Array], ArrayLike], dt: float
) -> Callable[[int, int], Array]:
    def values(first: int, last: int) -> Array:
        t = np.arange(first, last + 1) * dt
        try:
            result = real_array(f"simulate: varying {name!r}", function(t))
        except Exception as error:
            raise ValueError(
                f"simulate: varying {name!r} failed on an array of times ({error}); it must take "
                "arrays: use np.where instead of if"
            ) from error
        if result.shape not in ((), t.shape) or not np.isfinite(result).all():
            raise ValueError(
                f"simulate: varying {name!r} gave shape {result.shape} for times of shape "
                f"{t.shape}, or NaN; it must map an array of times (s) to as many finite numbers"
            )
        return np.array(np.broadcast_to(result, t.shape))

    return values


def entries_of(
    m: NeuralMass,
    noise: Array,
    inputs: Mapping[str, Callable[[int, int], Array]],
    first: int,
    last: int,
    dt: float,
) -> Entries:
    """Non-zero entries of ẋ = A x + B σ(C x + d) + k + G ẇ: numbers, or arrays over the steps."""
    values: dict[str, Any] = {p.name: p.value for p in m.parameters}
    values.update({name: at(first, last) for name, at in inputs.items()})
    form = m.assemble(values)
    s = {"slope": 1.0, "bias": 0.0, "height": 1.0, "centred": False} | sigmoid_arguments(form)
    entries: Entries = {("P", (k,)): b for k, b in enumerate(s.get("coefficients", ()))}
    for matrix, part, factor in (
        ("A", form.A, 1.0),
        ("B", form.B, s["height"]),
        ("C", form.C, s["slope"]),
    ):
        for index, value in np.ndenumerate(part):
            entries[matrix, index] = value * factor
    for index, value in np.ndenumerate(form.d):
        entries["d", index] = value * s["slope"] - s["bias"]
    offset = s["height"] / (1.0 + np.exp(s["bias"])) if s["centred"] else 0.0
    for row in range(m.n_states):
        constant = sum(form.E[row, j] * form.u[j] for j in range(len(form.u)))
        entries["k", (row,)] = constant - offset * sum(form.B[row])
        for j in np.flatnonzero(noise):
            entries["G", (row, int(j))] = form.E[row, j] * noise[j]
    return {
        key: value for key, value in entries.items() if isinstance(value, np.ndarray) or value != 0
    }


def pattern_of(m: NeuralMass, entries: Entries, n_noises: int) -> Pattern:
    ones = tuple(
        k for k, v in entries.items() if k[0] == "A" and not isinstance(v, np.ndarray) and v == 1
    )
    return Pattern(
        n_states=m.n_states,
        n_sigmoids=len(m.C),
        n_noises=n_noises,
        coefficients=tuple(key for key in entries if key not in ones),
        ones=ones,
        powers=len(m.sigmoid.coefficients) if isinstance(m.sigmoid, OddPolynomial) else 0,
    )


def _judge(m: NeuralMass, out: Array, state: Array, noise: Array) -> str:
    """Say whether the states stayed where bounded firing keeps them, with room to spare.

    A polynomial is not bounded; it adds nothing here to what the states started from.
    """
    firing = m.sigmoid.height if isinstance(m.sigmoid, Sigmoid) else 0.0
    drive = np.abs(m.B).sum(axis=1) * firing + np.abs(m.E) @ (np.abs(m.u) + noise)
    bound = np.abs(np.linalg.pinv(m.A) @ drive).max() + np.abs(out[:, 0]).max() + 1.0
    largest = max(float(np.abs(out[:, -1]).max()), float(np.abs(state).max()))
    if largest < 1e6 * bound:  # false for NaN, too
        return "finished"
    warnings.warn(
        f"the trajectory diverged: its states reach {largest:.3g}; try a shorter dt"
        + ("" if firing else ", or smaller states: a polynomial has no bounds"),
        NumericalWarning,
        stacklevel=3,
    )
    return "diverged"
