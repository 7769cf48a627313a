"""The canonical microcircuit: four populations, ten intrinsic connections (Bastos et al. 2012)."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import number, real_array
from nmm.models.columns import (
    POPULATIONS,
    SYNAPSES,
    TIME_CONSTANTS,
    assemble,
    column_parameters,
    firing_parameters,
    input_parameter,
)
from nmm.system import NeuralMass

COUPLINGS = ("potential", "current")


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
        parameters=(
            *column_parameters(strengths, constants),
            *firing_parameters(number("slope", slope), number("bias", bias)),
            input_parameter(number("u", u)),
        ),
        assemble=partial(assemble, coupling=coupling),
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
    array = real_array(name, values)
    if array.shape != (length,):
        raise ValueError(f"{name} has shape {array.shape}; it must be {length} numbers")
    return [float(value) for value in array]
