"""Wilson and Cowan's pair: an excitatory and an inhibitory population, one equation each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nmm.system import LureForm, NeuralMass, Parameter

_SOURCE = "Wilson & Cowan 1972, figure 11"
# name: symbol, default, unit, meaning
_TABLE = {
    "w_EE": ("w_{EE}", 16.0, "", "E → E, excites"),
    "w_EI": ("w_{EI}", 12.0, "", "I → E, inhibits"),
    "w_IE": ("w_{IE}", 15.0, "", "E → I, excites"),
    "w_II": ("w_{II}", 3.0, "", "I → I, inhibits"),
    "slope_E": ("a_E", 1.3, "", "sigmoid of E, steepness"),
    "slope_I": ("a_I", 2.0, "", "sigmoid of I, steepness"),
    "threshold_E": (r"\theta_E", 4.0, "", "sigmoid of E, threshold"),
    "threshold_I": (r"\theta_I", 3.7, "", "sigmoid of I, threshold"),
    "tau_E": (r"\tau_E", 0.008, "s", "time constant of E"),
    "tau_I": (r"\tau_I", 0.008, "s", "time constant of I"),
    "P": ("P", 1.25, "", "input to E"),
    "Q": ("Q", 0.0, "", "input to I"),
}


def wilson_cowan(
    *,
    w_EE: float = 16.0,
    w_EI: float = 12.0,
    w_IE: float = 15.0,
    w_II: float = 3.0,
    slope_E: float = 1.3,
    slope_I: float = 2.0,
    threshold_E: float = 4.0,
    threshold_I: float = 3.7,
    tau_E: float = 0.008,
    tau_I: float = 0.008,
    P: float = 1.25,
    Q: float = 0.0,
) -> NeuralMass:
    """Build Wilson and Cowan's pair of populations, without the refractory factor.

    ``τ_E Ė = −E + S(a_E (w_EE E − w_EI I + P − θ_E))``,
    ``τ_I İ = −I + S(a_I (w_IE E − w_II I + Q − θ_I))`` with ``S(y) = 1 / (1 + exp(−y))``
    (Wilson & Cowan 1972, with r = 0; they subtract S(−a θ) from each sigmoid, which only shifts E
    and I).

    Parameters
    ----------
    w_EE, w_EI, w_IE, w_II : float, default 16, 12, 15 and 3
        Weights, the target first; I inhibits.
    slope_E, slope_I : float, default 1.3 and 2
        Steepness of each sigmoid, a; positive.
    threshold_E, threshold_I : float, default 4 and 3.7
        Threshold of each sigmoid, θ.
    tau_E, tau_I : float, default 0.008
        Time constants, s; positive.
    P, Q : float, default 1.25 and 0
        Inputs to E and I, in units of the thresholds.

    Returns
    -------
    NeuralMass
        States E and I, active proportions between 0 and 1. Noise enters as σ dW / τ_E in Ė.

    Raises
    ------
    ValueError
        If a number is not finite, or a time constant or a slope is not positive.

    Examples
    --------
    >>> from nmm import wilson_cowan
    >>> wilson_cowan(P=1.5)
    <Wilson–Cowan pair: P=1.5>
    """
    weights = {"w_EE": w_EE, "w_EI": w_EI, "w_IE": w_IE, "w_II": w_II}
    sigmoids = {"slope_E": slope_E, "slope_I": slope_I}
    thresholds = {"threshold_E": threshold_E, "threshold_I": threshold_I}
    rest = {"tau_E": tau_E, "tau_I": tau_I, "P": P, "Q": Q}
    given = {**weights, **sigmoids, **thresholds, **rest}
    table = tuple(
        Parameter(name, symbol, float(given[name]), unit, default, None, _SOURCE, meaning)
        for name, (symbol, default, unit, meaning) in _TABLE.items()
    )
    return NeuralMass(
        name="Wilson–Cowan pair",
        populations=("E", "I"),
        state_names=("E", "I"),
        reference="E",
        parameters=table,
        assemble=_assemble,
    )


def _assemble(values: Mapping[str, Any]) -> LureForm:
    for name in ("tau_E", "tau_I", "slope_E", "slope_I"):
        if isinstance(values[name], int | float | np.ndarray) and np.min(values[name]) <= 0:
            raise ValueError(f"{name} = {np.min(values[name])}; it must be positive")
    A, B, C, E = (np.zeros(s, dtype=object) for s in ((2, 2), (2, 2), (2, 2), (2, 1)))
    d = np.zeros(2, dtype=object)
    for i, (me, other, drive) in enumerate((("E", "I", "P"), ("I", "E", "Q"))):
        slope, sign = values[f"slope_{me}"], 1 if me == "E" else -1
        A[i, i], B[i, i] = -1 / values[f"tau_{me}"], 1 / values[f"tau_{me}"]
        C[i, i] = sign * slope * values[f"w_{me}{me}"]
        C[i, 1 - i] = -sign * slope * values[f"w_{me}{other}"]
        d[i] = slope * (values[drive] - values[f"threshold_{me}"])
    E[0, 0] = 1 / values["tau_E"]
    sigmoid = {"slope": 1.0, "bias": 0.0, "centred": False}
    return LureForm(A, B, C, d, E, np.zeros(1), sigmoid)
