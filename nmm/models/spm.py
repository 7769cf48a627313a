"""From SPM's dynamic causal models to ours, and states back and forth (spm_fx_cmc, spm_cmc_priors).

SPM's parameters are log-scales: a strength is its default times exp(P). One source is one column.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import real_array, whole_number
from nmm.models.columns import (
    EXTRINSIC,
    POPULATIONS,
    SYNAPSES,
    TIME_CONSTANTS,
    assemble,
    column_parameters,
    extrinsic_parameter,
    firing_parameters,
    input_parameter,
    mark,
)
from nmm.sigmoid import Array
from nmm.system import NeuralMass, Parameter

# Which strength each column of P.G scales; SPM's priors have the first four.
G_COLUMNS = (7, 2, 3, 4, 1, 5, 6, 8, 9, 10)
EXOGENOUS, ENDOGENOUS = 32.0, 512.0  # what SPM multiplies its inputs with
ABSENT = -32.0  # log-scale of a connection that is not there


def from_spm(
    P: Mapping[str, Any],
    *,
    u: float | ArrayLike = 0.0,
    n_sources: int = 1,
    exogenous: bool = False,
) -> NeuralMass:
    """Build the model that SPM's parameter structure `P` describes, without its delays.

    ``θ = θ₀ · exp(P)``: P.T scales the time constants, P.G the intrinsic strengths, P.S the slope,
    P.A{1..4} the connections between sources (SPM12 r7771, ``spm_fx_cmc``).

    Parameters
    ----------
    P : mapping
        Fields T, G, S, A, C as numbers or nested lists; missing or empty ones are the prior mean.
        G has 4 to 10 columns, for g7, g2, g3, g4, g1, g5, g6, g8, g9, g10. ``A[k][i][j]`` is from
        source j to source i; −32 is "absent". Other fields are ignored: delays D, lead
        field and noise, and the effects B and N of experimental conditions, so that this is the
        model of the baseline.
    u : float or array, default 0
        Input as SPM takes it. Endogenous: one number, or one for each source, times 512.
        Exogenous: one for each column of C, times 32·exp(C).
    n_sources : int, default 1
        Number of columns n.
    exogenous : bool, default False
        Which of the two inputs `u` is.

    Returns
    -------
    NeuralMass
        One source: named like `nmm.cmc`. Several: populations ss1, sp1, ii1, dp1, ss2, …;
        parameters g1_1 … u_1, g1_2 …, and A1_2_1 for P.A{1}(2,1). States are all v, then all c.

    Raises
    ------
    ValueError
        If a field has the wrong shape or is not finite, or P.M is not zero.

    Examples
    --------
    >>> from nmm import from_spm
    >>> column = from_spm({"G": [0, 0, 0.1, 0], "T": [0, 0, 0, 0]}, u=1.0)
    >>> {p.name: round(p.value) for p in column.parameters if p.value != p.default}
    {'g3': 1768, 'u': 512}
    """
    n = whole_number("from_spm: n_sources", n_sources)
    if not isinstance(P, Mapping):
        raise ValueError(f"from_spm: P is {type(P).__name__}; it must map field names to numbers")
    if np.any(spm_field(P, "M", (n, n), 0.0)):
        raise ValueError("from_spm: P.M is not zero; modulation of g7 by dp is not in this model")
    strengths, constants, slope = intrinsic_strengths(P, n), time_constants(P, n), spm_slope(P)
    parameters = [
        *(p for k in range(n) for p in column_parameters(strengths[k], constants[k], k, n)),
        *_extrinsic(P, n),
        *firing_parameters(slope, 0.0),
        *(input_parameter(value, k, n) for k, value in enumerate(_inputs(P, u, n, exogenous))),
    ]
    names = [f"{p}{mark(k, n, '')}" for k in range(n) for p in POPULATIONS]
    return NeuralMass(
        name="canonical microcircuit" if n == 1 else f"{n} canonical microcircuits",
        populations=tuple(names),
        state_names=tuple(f"{kind}_{name}" for kind in "vc" for name in names),
        reference=names[1],
        parameters=tuple(parameters),
        assemble=partial(assemble, n=n),
    )


def from_spm_state(x: ArrayLike, n_sources: int) -> Array:
    """Reorder a state from SPM's order into ours.

    SPM's x is (source, 8) with v, c of ss, sp, ii, dp in turn, stacked column by column: sources
    run fastest.

    Parameters
    ----------
    x : array (..., 8 n)
        SPM's vector.
    n_sources : int
        n.

    Returns
    -------
    array (..., 8 n)
        All v, source by source; then all c.

    Raises
    ------
    ValueError
        If the last axis is not 8 n long.

    Examples
    --------
    >>> from nmm import from_spm_state
    >>> from_spm_state([0, 1, 2, 3, 4, 5, 6, 7], 1).tolist()
    [0.0, 2.0, 4.0, 6.0, 1.0, 3.0, 5.0, 7.0]
    """
    values = _state_vector(x, n_sources)
    parts = values.reshape(*values.shape[:-1], 4, 2, n_sources)
    return np.moveaxis(parts, (-2, -1), (-3, -2)).reshape(values.shape)


def to_spm_state(x: ArrayLike, n_sources: int) -> Array:
    """Reorder a state from our order into SPM's; the inverse of `from_spm_state`.

    Parameters
    ----------
    x : array (..., 8 n)
        All v, source by source; then all c.
    n_sources : int
        n.

    Returns
    -------
    array (..., 8 n)
        SPM's vector.

    Raises
    ------
    ValueError
        If the last axis is not 8 n long.

    Examples
    --------
    >>> from nmm import from_spm_state, to_spm_state
    >>> to_spm_state(from_spm_state(range(16), 2), 2).tolist() == list(range(16))
    True
    """
    values = _state_vector(x, n_sources)
    parts = values.reshape(*values.shape[:-1], 2, n_sources, 4)
    return np.moveaxis(parts, (-3, -2), (-2, -1)).reshape(values.shape)


def _state_vector(x: ArrayLike, n_sources: int) -> Array:
    n_sources = whole_number("n_sources", n_sources)
    values = real_array("the state", x)
    if not np.isfinite(values).all():
        raise ValueError("the state holds NaN or infinity")
    if values.ndim == 0 or values.shape[-1] != 8 * n_sources:
        raise ValueError(
            f"the state has shape {values.shape}; for {n_sources} sources its last axis must have "
            f"length {8 * n_sources}"
        )
    return values


def spm_field(P: Mapping[str, Any], name: str, shape: tuple[int, ...], default: float) -> Array:
    """Read one field of P as an array of `shape`; missing or empty means the prior mean.

    One number serves all entries, and one row all sources (P.T, P.G), as in SPM.
    """
    given = P.get(name)
    values = real_array(f"from_spm: P.{name}", [] if given is None else given)
    if values.size == 0:
        return np.full(shape, default)
    if not np.isfinite(values).all():
        raise ValueError(f"from_spm: P.{name} holds NaN or infinity")
    if values.shape == shape or values.shape == tuple(s for s in shape if s > 1):
        return values.reshape(shape)
    shared = name in ("T", "G") and values.shape in ((shape[-1],), (1, shape[-1]))
    if shared or (values.size == 1 and name != "A"):
        return np.array(np.broadcast_to(values.reshape(-1), shape))
    raise ValueError(f"from_spm: P.{name} has shape {values.shape}; it must be {shape}")


def intrinsic_strengths(P: Mapping[str, Any], n: int) -> Array:
    """Intrinsic strengths (n, 10), mV/s."""
    given = real_array("from_spm: P.G", [] if P.get("G") is None else P["G"])
    width = given.shape[-1] if given.ndim else 4
    if given.size > 1 and not 4 <= width <= 10:
        raise ValueError(f"from_spm: P.G has shape {given.shape}; it must have 4 to 10 columns")
    scales = spm_field(P, "G", (n, max(width, 4)), 0.0)
    strengths = np.tile([s.default for s in SYNAPSES], (n, 1))
    strengths[:, np.array(G_COLUMNS[: scales.shape[1]]) - 1] *= np.exp(scales)
    return strengths


def time_constants(P: Mapping[str, Any], n: int) -> Array:
    """Time constants (n, 4), s; one row of P.T serves all sources."""
    default = np.array([TIME_CONSTANTS[p] for p in POPULATIONS])
    return np.asarray(default * np.exp(spm_field(P, "T", (n, 4), 0.0)))


def spm_slope(P: Mapping[str, Any]) -> float:
    """Steepness of the sigmoid, per mV."""
    return 2 / 3 * float(np.exp(spm_field(P, "S", (1,), 0.0)[0]))


def extrinsic_strengths(P: Mapping[str, Any], n: int) -> Array:
    """Strengths between sources (4, n, n), mV/s, in the order of EXTRINSIC.

    Pairs present both ways are divided by five, as SPM does.
    """
    if n == 1:
        return np.zeros((4, 1, 1))
    scales = spm_field(P, "A", (4, n, n), ABSENT)
    if (np.diagonal(scales, axis1=1, axis2=2) > -8).any():
        raise ValueError("from_spm: P.A connects a source with itself; its diagonal must be −32")
    strengths = np.array([s.default for s in EXTRINSIC])[:, None, None] * np.exp(scales)
    both = (strengths > np.exp(-8)) & (np.exp(-8) < np.swapaxes(strengths, 1, 2))
    return np.where(both, strengths / 5, strengths) * ~np.eye(n, dtype=bool)


def _extrinsic(P: Mapping[str, Any], n: int) -> list[Parameter]:
    """Connections between sources, as a table."""
    strengths = extrinsic_strengths(P, n)
    pairs = [(i, j) for i in range(n) for j in range(n) if i != j]
    return [
        extrinsic_parameter(s, i, j, float(strengths[k, i, j]))
        for k, s in enumerate(EXTRINSIC)
        for i, j in pairs
    ]


def _inputs(P: Mapping[str, Any], u: float | ArrayLike, n: int, exogenous: bool) -> Array:
    """Input to each source in mV/s, after SPM's scaling: (n,)."""
    given = np.atleast_1d(real_array("from_spm: u", u))
    if not np.isfinite(given).all():
        raise ValueError(f"from_spm: u = {given}; it must be finite")
    if given.ndim > 1 or not given.size:
        raise ValueError(f"from_spm: u has shape {given.shape}; give a number or a list of numbers")
    if exogenous and n > 1 and not np.size(P.get("C", [])):
        raise ValueError("from_spm: exogenous input to several sources needs P.C, (source, input)")
    if exogenous:
        scales = spm_field(P, "C", (n, given.size), 0.0 if n == 1 else ABSENT)
        return np.asarray(EXOGENOUS * np.exp(scales) @ given)
    if given.size not in (1, n):
        raise ValueError(f"from_spm: u has {given.size} numbers; give one, or one for each source")
    return np.asarray(ENDOGENOUS * np.broadcast_to(given, (n,)))
