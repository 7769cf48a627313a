"""One weakly coupled population: an oscillator whose amplitude its own coupling decides."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import comb
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import number, real_array
from nmm.models.canonical_microcircuit import COUPLINGS
from nmm.sigmoid import Array, OddPolynomial
from nmm.system import LureForm, NeuralMass, Parameter

_SOURCE = "Cooray et al. 2023"
# The real sigmoid, chosen here: it rises from 0.045 to 0.088 with the amplitude, and falls again.
_FIRING = {
    "slope": (r"\varrho", 1.0, "sigmoid, steepness"),
    "bias": ("b", 3.0, "sigmoid, threshold"),
    "damping": (r"\delta", 0.075, "what the sigmoid's gain works against"),
}


def oscillator(
    *,
    coefficients: ArrayLike | None = None,
    radii: ArrayLike | None = None,
    g: float = 0.01,
    coupling: str = "current",
    u: float = 0.0,
    slope: float | None = None,
    bias: float | None = None,
    damping: float | None = None,
) -> NeuralMass:
    """Build one weakly coupled population, which oscillates by itself at frequency one.

    ``v̇ = c,  ċ = −v + g s(y) + u`` with y = c for current-to-current and y = v for
    potential-to-current coupling (Cooray et al. 2023). Everything is dimensionless:
    time counts in radians of the uncoupled oscillation, so what is called Hz elsewhere is cycles
    per unit of time here. Three kinds of coupling:

    * `coefficients`: ``s(y) = Σ_k B_k y^(2k−1)``;
    * `radii`: the same, with the B_k for which the first-order average of current coupling is
      ``ȧ = −g a Π_i (a² − a_i²)``;
    * neither: the sigmoid of `Sigmoid`, against a damping: ``ċ = −v + g (s(y) − δ c) + u``.

    Parameters
    ----------
    coefficients : array (n,), optional
        B_1, B_2, …
    radii : array (n,), optional
        Amplitudes a_1 < a_2 < … of v at which the averaged oscillation is stationary, positive. The
        last is stable; going down, rest included, unstable and stable take turns. With potential
        coupling the same B_k leave every amplitude as it is.
    g : float, default 0.01
        Strength of the coupling, not negative.
    coupling : {"current", "potential"}, default "current"
        What drives the synapse: the rate of change c, or the potential v.
    u : float, default 0
        Input, added to the force as it stands; noise of `simulate` enters here.
    slope, bias, damping : float, optional
        Of the real sigmoid: ϱ, default 1; b, default 3; δ, default 0.075. Its gain rises with the
        amplitude only if ``|b| > ln(2 + √3)``, see `describing_function`; then a δ between its
        first and its highest value gives an unstable and a stable amplitude. Growth is of order
        g (gain − δ)/2, so that a g near one is still weak.

    Returns
    -------
    NeuralMass
        States v, c; parameters g, then B1, B2, … or slope, bias, damping, then u.

    Raises
    ------
    ValueError
        If both coefficients and radii are given, or one with slope, bias or damping; if the radii
        are not positive and ascending; if a number is not finite, g is negative, or the coupling is
        unknown.

    Examples
    --------
    >>> from nmm import oscillator
    >>> well = oscillator(radii=(1, 2))
    >>> [round(b, 4) for b in well.sigmoid.coefficients]
    [-8.0, 13.3333, -3.2]
    >>> well.with_(B2=10.5)
    <weakly coupled population: B2=10.5>
    """
    if coupling not in COUPLINGS:
        raise ValueError(f"coupling = {coupling!r}; choose one of {COUPLINGS}")
    firing = {"slope": slope, "bias": bias, "damping": damping}
    if coefficients is not None and radii is not None:
        raise ValueError("oscillator: give coefficients or radii, not both: radii set all B_k")
    powers = coefficients if radii is None else _coefficients(radii)
    if powers is None:
        table = _firing_parameters(firing)
    else:
        _refuse_firing(firing)
        table = _polynomial_parameters(_vector("coefficients", powers))
    return NeuralMass(
        name="weakly coupled population",
        populations=("p",),
        state_names=("v", "c"),
        reference="p",
        parameters=(
            Parameter("g", "g", number("g", g), "", 0.01, None, _SOURCE, "strength of coupling"),
            *table,
            Parameter("u", "u", number("u", u), "", 0.0, None, _SOURCE, "input, a force"),
        ),
        assemble=partial(_assemble, coupling=coupling),
    )


def _coefficients(radii: ArrayLike) -> Array:
    """B_k of ȧ = −g a Π (a² − a_i²): the coefficients of −Π (x − a_i²), over 4^(−k) C(2k, k)."""
    a = _vector("radii", radii)
    if not ((a > 0).all() and (np.diff(a) > 0).all()):
        raise ValueError(f"oscillator: radii = {a}; they must be positive and ascending")
    averages = [comb(2 * k, k) / 4**k for k in range(1, a.size + 2)]
    return np.asarray(-np.polynomial.polynomial.polyfromroots(a**2) / averages)


def _vector(name: str, values: ArrayLike) -> Array:
    array = real_array(f"oscillator: {name}", values)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise ValueError(f"oscillator: {name} = {values!r}; it must be a list of finite numbers")
    return array


def _refuse_firing(given: Mapping[str, float | None]) -> None:
    wrong = [name for name, value in given.items() if value is not None]
    if wrong:
        raise ValueError(
            f"oscillator: {', '.join(wrong)} belong to the sigmoid, and coefficients or radii "
            "replace it; a polynomial's damping is −B_1"
        )


def _polynomial_parameters(coefficients: Array) -> list[Parameter]:
    found = []
    for k, b in enumerate(coefficients.tolist(), start=1):
        meaning = f"coupling, power {2 * k - 1}"
        found.append(Parameter(f"B{k}", f"B_{{{k}}}", b, "", b, None, _SOURCE, meaning))
    return found


def _firing_parameters(given: Mapping[str, float | None]) -> list[Parameter]:
    found = []
    for name, (symbol, default, meaning) in _FIRING.items():
        chosen = given[name]
        value = default if chosen is None else number(name, chosen)
        found.append(Parameter(name, symbol, value, "", default, None, "this project", meaning))
    return found


def _assemble(values: Mapping[str, Any], *, coupling: str) -> LureForm:
    """Fill in the parts from parameter values: numbers, or symbols."""
    g = values["g"]
    if isinstance(g, int | float | np.ndarray) and np.min(g) < 0:
        raise ValueError(f"g = {np.min(g)}; a strength must not be negative: B_k have the signs")
    A, B, C, E = (np.zeros(s, dtype=object) for s in ((2, 2), (2, 1), (1, 2), (2, 1)))
    A[0, 1], A[1, 0] = 1, -1
    B[1, 0], E[1, 0] = g, 1
    C[0, ("potential", "current").index(coupling)] = 1
    u = np.empty(1, dtype=object)
    u[0] = values["u"]
    parts = (A, B, C, np.zeros(1), E, u)
    if "damping" not in values:
        powers = tuple(b for name, b in values.items() if name.startswith("B"))
        return LureForm(*parts, {"coefficients": powers}, OddPolynomial)
    A[1, 1] = -g * values["damping"]
    return LureForm(*parts, {"slope": values["slope"], "bias": values["bias"]})
