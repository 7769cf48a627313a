"""Jansen and Rit's column: three populations, one rhythm of alpha and one of spikes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nmm.system import LureForm, NeuralMass, Parameter

_SOURCE = "Jansen & Rit 1995"
# name: symbol, default, unit, meaning
_TABLE = {
    "p": ("p", 120.0, "1/s", "input to the excitatory interneurons"),
    "A": ("A", 3.25, "mV", "excitatory gain"),
    "B": ("B", 22.0, "mV", "inhibitory gain"),
    "a": ("a", 100.0, "1/s", "excitatory rate"),
    "b": ("b", 50.0, "1/s", "inhibitory rate"),
    "C": ("C", 135.0, "", "number of synapses"),
    "e0": ("e_0", 2.5, "1/s", "half of the maximal firing rate"),
    "v0": ("v_0", 6.0, "mV", "potential of half-maximal firing"),
    "r": ("r", 0.56, "1/mV", "steepness of the sigmoid"),
}
_SHARES = (1.0, 0.8, 0.25, 0.25)  # of C: C1 … C4


def jansen_rit(
    *,
    p: float = 120.0,
    A: float = 3.25,
    B: float = 22.0,
    a: float = 100.0,
    b: float = 50.0,
    C: float = 135.0,
    e0: float = 2.5,
    v0: float = 6.0,
    r: float = 0.56,
) -> NeuralMass:
    """Build Jansen and Rit's column as three synaptic blocks.

    ``ÿ₀ = A a S(y₁ − y₂) − 2a ẏ₀ − a² y₀``, ``ÿ₁ = A a (p + C₂ S(C₁ y₀)) − 2a ẏ₁ − a² y₁``,
    ``ÿ₂ = B b C₄ S(C₃ y₀) − 2b ẏ₂ − b² y₂`` with ``S(v) = 2 e₀ / (1 + exp(r (v₀ − v)))`` and
    C₁ … C₄ = C, 0.8 C, 0.25 C, 0.25 C (Jansen & Rit 1995).

    Parameters
    ----------
    p : float, default 120
        Input, pulses per s.
    A, B : float, default 3.25 and 22
        Excitatory and inhibitory gain, mV.
    a, b : float, default 100 and 50
        Excitatory and inhibitory rate, 1/s.
    C : float, default 135
        Number of synapses.
    e0 : float, default 2.5
        Half of the maximal firing rate, 1/s.
    v0 : float, default 6
        Potential at which half of it is reached, mV.
    r : float, default 0.56
        Steepness of the sigmoid, per mV.

    Returns
    -------
    NeuralMass
        States y0 … y5, populations py, ex, in; the electrode sees y1 − y2.

    Raises
    ------
    ValueError
        If a number is not finite, or a rate is not positive.

    Examples
    --------
    >>> from nmm import jansen_rit
    >>> jansen_rit(p=220.0)
    <Jansen–Rit column: p=220>
    """
    given = {"p": p, "A": A, "B": B, "a": a, "b": b, "C": C, "e0": e0, "v0": v0, "r": r}
    table = tuple(
        Parameter(name, symbol, float(given[name]), unit, default, None, _SOURCE, meaning)
        for name, (symbol, default, unit, meaning) in _TABLE.items()
    )
    return NeuralMass(
        name="Jansen–Rit column",
        populations=("py", "ex", "in"),
        state_names=("y0", "y1", "y2", "y3", "y4", "y5"),
        reference="ex",
        parameters=table,
        assemble=_assemble,
        electrode=(0.0, 1.0, -1.0, 0.0, 0.0, 0.0),
    )


def _assemble(values: Mapping[str, Any]) -> LureForm:
    for name in ("a", "b"):
        if isinstance(values[name], int | float | np.ndarray) and np.min(values[name]) <= 0:
            raise ValueError(f"{name} = {np.min(values[name])} 1/s; a rate must be positive")
    c1, c2, c3, c4 = (share * values["C"] for share in _SHARES)
    rates = (values["a"], values["a"], values["b"])
    gains = (
        values["A"] * values["a"],
        values["A"] * values["a"] * c2,
        values["B"] * values["b"] * c4,
    )
    A, B, C, E = (np.zeros(s, dtype=object) for s in ((6, 6), (6, 3), (3, 6), (6, 1)))
    for i, (rate, gain) in enumerate(zip(rates, gains, strict=True)):
        A[i, 3 + i], A[3 + i, i], A[3 + i, 3 + i] = 1, -(rate**2), -2 * rate
        B[3 + i, i] = gain
    C[0, 1], C[0, 2], C[1, 0], C[2, 0] = 1, -1, c1, c3
    E[4, 0] = values["A"] * values["a"]
    u = np.empty(1, dtype=object)
    u[0] = values["p"]
    sigmoid = {
        "slope": values["r"],
        "bias": values["r"] * values["v0"],
        "height": 2 * values["e0"],
        "centred": False,
    }
    return LureForm(A, B, C, np.zeros(3), E, u, sigmoid)
