"""The canonical microcircuit: four populations, ten intrinsic connections (Bastos et al. 2012)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from nmm.system import LureForm, NeuralMass, Parameter

POPULATIONS = ("ss", "sp", "ii", "dp")
POPULATION_NAMES = {
    "ss": "spiny stellate cells",
    "sp": "superficial pyramidal cells",
    "ii": "inhibitory interneurons",
    "dp": "deep pyramidal cells",
}


class Synapse(NamedTuple):
    """One intrinsic connection: strength ``g<number> = default``, sign, and its ends."""

    number: int
    source: str
    target: str
    sign: int
    default: float


# SPM's spm_fx_cmc; the strengths are 200 · (4, 4, 8, 4, 4, 2, 4, 4, 2, 1).
SYNAPSES = (
    Synapse(1, "ss", "ss", -1, 800.0),
    Synapse(2, "sp", "ss", -1, 800.0),
    Synapse(3, "ii", "ss", -1, 1600.0),
    Synapse(4, "ii", "ii", -1, 800.0),
    Synapse(5, "ss", "ii", +1, 800.0),
    Synapse(6, "dp", "ii", +1, 400.0),
    Synapse(7, "sp", "sp", -1, 800.0),
    Synapse(8, "ss", "sp", +1, 800.0),
    Synapse(9, "ii", "dp", -1, 400.0),
    Synapse(10, "dp", "dp", -1, 200.0),
)
TIME_CONSTANTS = {"ss": 0.002, "sp": 0.002, "ii": 0.016, "dp": 0.028}
COUPLINGS = ("potential", "current")
_SOURCE = "SPM12 spm_fx_cmc (Bastos et al. 2012)"


def cmc(
    *,
    g: ArrayLike | None = None,
    tau: ArrayLike | None = None,
    slope: float = 2 / 3,
    bias: float = 0.0,
    u: float = 0.0,
    coupling: str = "potential",
) -> NeuralMass:
    """Build the canonical microcircuit: one cortical column of four populations.

    ``v̇_i = c_i,  ċ_i = (Σ_j W_ij s(v_j) + u_i − 2 c_i − v_i / τ_i) / τ_i`` (eq-cmc of
    chapter 02; Bastos et al. 2012, in the parametrisation of SPM12's ``spm_fx_cmc``).

    Parameters
    ----------
    g : array (10,), optional
        Strengths of the intrinsic connections g1 … g10, in mV/s, none negative; default
        200·(4, 4, 8, 4, 4, 2, 4, 4, 2, 1).
    tau : array (4,), optional
        Time constants of ss, sp, ii, dp in s, positive; default 2, 2, 16, 28 ms.
    slope : float, default 2/3
        Steepness of the sigmoid, per mV.
    bias : float, default 0
        Threshold of the sigmoid in units of its slope.
    u : float, default 0
        Input to the spiny stellate cells, mV/s, added as it stands.
    coupling : {"potential", "current"}, default "potential"
        What drives the synapses: the presynaptic potential v, or its scaled rate of change τ c.

    Returns
    -------
    NeuralMass
        With states (v_ss, v_sp, v_ii, v_dp, c_ss, c_sp, c_ii, c_dp), in mV and mV/s.

    Raises
    ------
    ValueError
        For a wrong number of strengths or time constants, a negative strength, a time constant
        that is not positive, or an unknown coupling.

    Examples
    --------
    >>> from nmm import cmc
    >>> cmc(u=100.0).with_(g6=4800)
    <canonical microcircuit: g6=4800, u=100>
    """
    if coupling not in COUPLINGS:
        raise ValueError(f"coupling = {coupling!r}; choose one of {COUPLINGS}")
    defaults = [s.default for s in SYNAPSES]
    strengths = _vector("g", defaults if g is None else g, len(SYNAPSES))
    constants = _vector("tau", list(TIME_CONSTANTS.values()) if tau is None else tau, 4)
    return NeuralMass(
        name="canonical microcircuit",
        populations=POPULATIONS,
        state_names=tuple(f"{kind}_{p}" for kind in "vc" for p in POPULATIONS),
        reference="sp",
        parameters=_parameters(strengths, constants, slope, bias, u),
        assemble=partial(_assemble, coupling=coupling),
    )


def bistable_column(*, u: float = 0.0) -> NeuralMass:
    """Build the running example of the book: a column with two answers (found for this project).

    The wiring and time constants of `cmc`, with g = 200·(2, 10, 42, 2, 3, 24, 3.5, 4.5, 2, 3) and
    bias 0.6. Without input, rest and a sustained 13 Hz oscillation are both stable.

    Parameters
    ----------
    u : float, default 0
        Input to the spiny stellate cells, mV/s.

    Returns
    -------
    NeuralMass

    Examples
    --------
    >>> from nmm import bistable_column
    >>> import numpy as np
    >>> float(np.linalg.eigvals(bistable_column().jacobian(np.zeros(8))).real.max().round(3))
    -5.399
    """
    strengths = 200.0 * np.array([2, 10, 42, 2, 3, 24, 3.5, 4.5, 2, 3])
    return cmc(g=strengths, bias=0.6, u=u)


def _vector(name: str, values: ArrayLike, length: int) -> list[float]:
    array = np.asarray(values, float)
    if array.shape != (length,):
        raise ValueError(f"{name} has shape {array.shape}; it must be {length} numbers")
    return [float(value) for value in array]


def _parameters(
    strengths: Sequence[float], constants: Sequence[float], slope: float, bias: float, u: float
) -> tuple[Parameter, ...]:
    """Return the parameter table: names, symbols, units, defaults, SPM's prior variances."""
    synapses = [
        Parameter(
            f"g{s.number}",
            f"g_{{{s.number}}}",
            value,
            "mV/s",
            s.default,
            1 / 32,
            _SOURCE,
            f"{s.source} → {s.target}, {'excites' if s.sign > 0 else 'inhibits'}",
        )
        for s, value in zip(SYNAPSES, strengths, strict=True)
    ]
    times = [
        Parameter(
            f"tau_{p}",
            rf"\tau_{{\mathrm{{{p}}}}}",
            value,
            "s",
            TIME_CONSTANTS[p],
            1 / 32,
            _SOURCE,
            f"time constant, {POPULATION_NAMES[p]}",
        )
        for p, value in zip(POPULATIONS, constants, strict=True)
    ]
    firing = [
        Parameter(
            "slope", r"\varrho", float(slope), "1/mV", 2 / 3, 1 / 64, _SOURCE, "sigmoid, steepness"
        ),
        Parameter("bias", "b", float(bias), "", 0.0, None, _SOURCE, "sigmoid, threshold"),
        Parameter("u", "u", float(u), "mV/s", 0.0, None, "input of this book", "input to ss"),
    ]
    return (*synapses, *times, *firing)


def _assemble(values: Mapping[str, Any], *, coupling: str) -> LureForm:
    """Fill in A, B, C, d, E, u from parameter values: numbers, or symbols."""
    n = len(POPULATIONS)
    tau = [values[f"tau_{p}"] for p in POPULATIONS]
    _check(values)
    A, B, C = (np.zeros(s, dtype=object) for s in ((2 * n, 2 * n), (2 * n, n), (n, 2 * n)))
    for i in range(n):  # eq-cmc: v̇ = c,  ċ = (… − 2 c − v/τ)/τ
        A[i, n + i] = 1
        A[n + i, i] = -1 / tau[i] ** 2
        A[n + i, n + i] = -2 / tau[i]
        if coupling == "potential":
            C[i, i] = 1
        else:
            C[i, n + i] = tau[i]
    for s in SYNAPSES:
        target, source = POPULATIONS.index(s.target), POPULATIONS.index(s.source)
        B[n + target, source] = s.sign * values[f"g{s.number}"] / tau[target]
    E = np.zeros((2 * n, 1), dtype=object)
    E[n, 0] = 1 / tau[0]
    u = np.empty(1, dtype=object)
    u[0] = values["u"]
    sigmoid = {"slope": values["slope"], "bias": values["bias"]}
    return LureForm(A, B, C, np.zeros(n), E, u, sigmoid)


def _check(values: Mapping[str, Any]) -> None:
    """Refuse impossible numbers, one or many; symbols pass."""
    for name, value in values.items():
        if not isinstance(value, int | float | np.ndarray):
            continue
        if name.startswith("tau") and np.min(value) <= 0:
            raise ValueError(
                f"{name} = {np.min(value)} s; a time constant must be positive, "
                "and in seconds: 2 ms is 0.002"
            )
        if name.startswith("g") and np.min(value) < 0:
            raise ValueError(
                f"{name} = {np.min(value)} mV/s; a strength must not be negative: "
                "its sign is in the wiring"
            )
