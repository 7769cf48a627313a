"""Tables of the canonical microcircuit, and how one column or several become matrices.

Constants are those of SPM12 (spm_fx_cmc, spm_cmc_priors); Bastos et al. 2012.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nmm.system import LureForm, Parameter

SOURCE = "SPM12 r7771 spm_fx_cmc, spm_cmc_priors (Bastos et al. 2012)"
POPULATIONS = ("ss", "sp", "ii", "dp")
POPULATION_NAMES = {
    "ss": "spiny stellate cells",
    "sp": "superficial pyramidal cells",
    "ii": "inhibitory interneurons",
    "dp": "deep pyramidal cells",
}
TIME_CONSTANTS = {"ss": 0.002, "sp": 0.002, "ii": 0.016, "dp": 0.028}


class Synapse(NamedTuple):
    """A connection inside a column, ``g<number>``, or between columns, ``A<number>``."""

    number: int
    source: str
    target: str
    sign: int
    default: float
    spm: str
    prior_variance: float | None


# The strengths are 200 · (4, 4, 8, 4, 4, 2, 4, 4, 2, 1). SPM's priors let four of them vary.
SYNAPSES = (
    Synapse(1, "ss", "ss", -1, 800.0, "P.G(:,5)", None),
    Synapse(2, "sp", "ss", -1, 800.0, "P.G(:,2)", 1 / 32),
    Synapse(3, "ii", "ss", -1, 1600.0, "P.G(:,3)", 1 / 32),
    Synapse(4, "ii", "ii", -1, 800.0, "P.G(:,4)", 1 / 32),
    Synapse(5, "ss", "ii", +1, 800.0, "P.G(:,6)", None),
    Synapse(6, "dp", "ii", +1, 400.0, "P.G(:,7)", None),
    Synapse(7, "sp", "sp", -1, 800.0, "P.G(:,1)", 1 / 32),
    Synapse(8, "ss", "sp", +1, 800.0, "P.G(:,8)", None),
    Synapse(9, "ii", "dp", -1, 400.0, "P.G(:,9)", None),
    Synapse(10, "dp", "dp", -1, 200.0, "P.G(:,10)", None),
)
# Between columns: forward, forward, backward, backward.
EXTRINSIC = (
    Synapse(1, "sp", "ss", +1, 200.0, "P.A{1}", 1 / 16),
    Synapse(2, "sp", "dp", +1, 100.0, "P.A{2}", 1 / 16),
    Synapse(3, "dp", "sp", -1, 200.0, "P.A{3}", 1 / 16),
    Synapse(4, "dp", "ii", -1, 100.0, "P.A{4}", 1 / 16),
)


def mark(k: int, n: int, separator: str = "_") -> str:
    """Number of column k in a name; nothing where there is one column only."""
    return "" if n == 1 else f"{separator}{k + 1}"


def column_parameters(
    strengths: Sequence[float], constants: Sequence[float], k: int = 0, n: int = 1
) -> list[Parameter]:
    """Strengths and time constants of column k of n, as a table."""
    found = []
    for s, value in zip(SYNAPSES, strengths, strict=True):
        name, symbol = f"g{s.number}{mark(k, n)}", f"g_{{{s.number}{mark(k, n, ',')}}}"
        row = (name, symbol, float(value), "mV/s", s.default, s.prior_variance)
        found.append(Parameter(*row, SOURCE, arrow(s), s.spm))
    for i, (p, value) in enumerate(zip(POPULATIONS, constants, strict=True)):
        name, symbol = f"tau_{p}{mark(k, n)}", rf"\tau_{{\mathrm{{{p}}}{mark(k, n, ',')}}}"
        row = (name, symbol, float(value), "s", TIME_CONSTANTS[p], 1 / 32)
        meaning = f"time constant, {POPULATION_NAMES[p]}"
        found.append(Parameter(*row, SOURCE, meaning, f"P.T(:,{i + 1})"))
    return found


def firing_parameters(slope: float, bias: float) -> list[Parameter]:
    """The sigmoid's two numbers, shared by all populations, as a table."""
    return [
        Parameter(
            *("slope", r"\varrho", float(slope), "1/mV", 2 / 3, 1 / 64, SOURCE),
            *("sigmoid, steepness", "P.S"),
        ),
        Parameter("bias", "b", float(bias), "", 0.0, None, SOURCE, "sigmoid, threshold"),
    ]


def input_parameter(value: float, k: int = 0, n: int = 1) -> Parameter:
    """Input to the stellate cells of column k of n, after any scaling."""
    name, symbol = f"u{mark(k, n)}", "u" + (f"_{{{k + 1}}}" if n > 1 else "")
    meaning, scaled = f"input to ss{mark(k, n, '')}", "512·u, or 32·exp(P.C)·u"
    return Parameter(name, symbol, float(value), "mV/s", 0.0, None, SOURCE, meaning, scaled)


def extrinsic_parameter(s: Synapse, to: int, source: int, value: float) -> Parameter:
    """Connection of kind `s` from column `source` to column `to` (from 0), as a row."""
    name, symbol = (
        f"A{s.number}_{to + 1}_{source + 1}",
        rf"A^{{({s.number})}}_{{{to + 1}{source + 1}}}",
    )
    row = (name, symbol, value, "mV/s", s.default, s.prior_variance)
    return Parameter(
        *row, SOURCE, arrow(s, f"{source + 1}", f"{to + 1}"), f"{s.spm}({to + 1},{source + 1})"
    )


def arrow(s: Synapse, source: str = "", target: str = "") -> str:
    """Say where a connection goes, and what it does there."""
    effect = "excites" if s.sign > 0 else "inhibits"
    return f"{s.source}{source} → {s.target}{target}, {effect}"


def assemble(values: Mapping[str, Any], *, n: int = 1, coupling: str = "potential") -> LureForm:
    """Fill in A, B, C, d, E, u for n columns from parameter values: numbers, or symbols."""
    _check(values)
    m = 4 * n
    A, B, C, E = (
        np.zeros(shape, dtype=object)
        for shape in ((2 * m, 2 * m), (2 * m, m), (m, 2 * m), (2 * m, n))
    )
    u = np.empty(n, dtype=object)
    for k in range(n):
        for v, p in enumerate(POPULATIONS, start=4 * k):  # eq-cmc: v̇ = c,  ċ = (… − 2 c − v/τ)/τ
            tau = values[f"tau_{p}{mark(k, n)}"]
            A[v, m + v], A[m + v, v], A[m + v, m + v] = 1, -1 / tau**2, -2 / tau
            C[v, v if coupling == "potential" else m + v] = 1 if coupling == "potential" else tau
        for s in SYNAPSES:
            _connect(B, s, values, k, k, n, f"g{s.number}{mark(k, n)}")
        E[m + 4 * k, k], u[k] = 1 / values[f"tau_ss{mark(k, n)}"], values[f"u{mark(k, n)}"]
    for s in EXTRINSIC:
        for to, source in ((i, j) for i in range(n) for j in range(n) if i != j):
            _connect(B, s, values, to, source, n, f"A{s.number}_{to + 1}_{source + 1}")
    sigmoid = {"slope": values["slope"], "bias": values["bias"]}
    return LureForm(A, B, C, np.zeros(m), E, u, sigmoid)


def _connect(
    B: Any, s: Synapse, values: Mapping[str, Any], to: int, source: int, n: int, name: str
) -> None:
    """Enter one connection into the matrix of synapses."""
    row = 4 * n + 4 * to + POPULATIONS.index(s.target)
    column = 4 * source + POPULATIONS.index(s.source)
    B[row, column] += s.sign * values[name] / values[f"tau_{s.target}{mark(to, n)}"]


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
        if name == "slope" and np.min(value) <= 0:
            raise ValueError(f"slope = {np.min(value)} per mV; it must be positive")
        if name[0] in "gA" and np.min(value) < 0:
            raise ValueError(
                f"{name} = {np.min(value)} mV/s; a strength must not be negative: "
                "its sign is in the wiring"
            )
