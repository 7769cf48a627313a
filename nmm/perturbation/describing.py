"""The amplitude of one weakly coupled population: first-order averages over a cycle, exactly.

How much of s(a cos φ) falls on cos φ is the describing function N(a), the gain of the coupling s at
that amplitude. With current coupling, against a damping δ, it decides growth:

    ȧ = −dU/da = (a/2) (g N(a) − g δ),   U(a) = g δ a²/4 − g ⟨S(a cos φ)⟩,

where S is the integral of s from 0 and ⟨·⟩ the mean over a cycle: the potential of amplitude is the
mean potential of the coupling. For a polynomial ⟨cos^(2k) φ⟩ = 4^(−k) C(2k, k) gives the closed
form of Cooray et al. 2023.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import number, real_array
from nmm.sigmoid import Activation, Array, OddPolynomial, Sigmoid, plain
from nmm.system import NeuralMass


def describing_function(s: Activation, a: ArrayLike, *, mean: float = 0.0) -> Array | float:
    """Gain of an activation function for an oscillation of amplitude `a`.

    ``N(a) = (1/(πa)) ∮ s(a cos φ + m) cos φ dφ = (1/π) ∮ s'(a cos φ + m) sin² φ dφ``, by parts; so
    ``N(0) = s'(m)``, and near zero ``N = s'(m) + s'''(m) a²/8``. The gain of a sigmoid first rises
    with the amplitude if and only if s'''(m) > 0, that is ``|b − ϱ m| > ln(2 + √3)``.

    Parameters
    ----------
    s : Sigmoid or OddPolynomial
        What the oscillation passes through: ``m.sigmoid`` of a model.
    a : array (...)
        Full amplitude of the oscillation, in mV for a sigmoid of potentials; not negative.
    mean : float, default 0
        Its mean m, in the unit of `a`.

    Returns
    -------
    array (...) or float
        N(a), in the unit of s'. The trapezoidal rule, exact for a polynomial, else to rounding.

    Raises
    ------
    ValueError
        If `s` is not an activation function, or an amplitude is negative or not finite.

    Examples
    --------
    >>> from nmm import Sigmoid, describing_function
    >>> describing_function(Sigmoid(slope=1.0, bias=3.0), [0.0, 4.74, 20.0]).round(4)
    array([0.0452, 0.0877, 0.0313])
    """
    if not isinstance(s, Sigmoid | OddPolynomial):
        raise ValueError(f"describing_function: {s!r} is no activation function; take m.sigmoid")

    def slope(cosine: Array, y: Array) -> Array:
        return np.asarray(2 * (1 - cosine**2) * np.asarray(s.derivative(y, 1)))

    return _cycle_mean(s, _amplitudes(a), number("describing_function: mean", mean), slope)


def amplitude_drift(m: NeuralMass, a: ArrayLike) -> Array | float:
    """Growth ȧ of the amplitude of a weakly coupled population, averaged to first order.

    ``ȧ = (a/2) (g N(a) − g δ)`` with current-to-current coupling, and ``−(a/2) g δ`` with
    potential-to-current coupling; N is the `describing_function`, δ the damping, which a polynomial
    has in B_1. For a polynomial it is ``g Σ_k B_k 4^(−k) C(2k, k) a^(2k−1)`` (Cooray et al. 2023).

    Parameters
    ----------
    m : NeuralMass
        As `oscillator` builds it.
    a : array (...)
        Full amplitude of v, dimensionless; not negative.

    Returns
    -------
    array (...) or float
        ȧ, per dimensionless unit of time.

    Raises
    ------
    ValueError
        If the model is not one weakly coupled population, or an amplitude is negative.

    Examples
    --------
    >>> from nmm import amplitude_drift, oscillator
    >>> amplitude_drift(oscillator(radii=(1, 2)), [0.5, 1.5]).round(4)
    array([-0.0141,  0.0328])
    """
    damping, strength = _parts(m)
    a = _amplitudes(a)
    gain = describing_function(m.sigmoid, a) if strength else 0.0
    return plain(np.asarray(a / 2 * (strength * gain - damping)))


def amplitude_potential(m: NeuralMass, a: ArrayLike) -> Array | float:
    """Potential U(a) on which the amplitude slides down: ȧ = −dU/da, U(0) = 0.

    ``U(a) = g δ a²/4 − g ⟨S(a cos φ)⟩`` with current-to-current coupling, S the integral of s from
    0; for a polynomial ``−g Σ_k B_k 4^(−k) C(2k, k) a^(2k) / (2k)`` (Cooray et al. 2023). With
    potential-to-current coupling the second term is missing.

    Parameters
    ----------
    m : NeuralMass
        As `oscillator` builds it.
    a : array (...)
        Full amplitude of v, dimensionless; not negative.

    Returns
    -------
    array (...) or float
        U(a), per dimensionless unit of time.

    Raises
    ------
    ValueError
        If the model is not one weakly coupled population, or an amplitude is negative.

    Examples
    --------
    >>> from nmm import amplitude_potential, oscillator
    >>> amplitude_potential(oscillator(radii=(1, 2)), [1.0, 2.0]).round(6)    # barrier and well
    array([ 0.009167, -0.013333])
    """
    damping, strength = _parts(m)
    a = _amplitudes(a)

    def primitive(_: Array, y: Array) -> Array:
        return np.asarray(m.sigmoid.primitive(y))

    gained = _cycle_mean(m.sigmoid, a, 0.0, primitive) if strength else 0.0
    return plain(np.asarray(damping * a**2 / 4 - strength * gained))


def _parts(m: NeuralMass) -> tuple[float, float]:
    """Damping g δ, and the strength g where the coupling sees the current c, whose mean is zero."""
    known = isinstance(m, NeuralMass) and m.A.shape == (2, 2)
    if known:  # v̇ = c, ċ = −v + …, and s takes c or v as it is
        fixed = [*m.A[0], m.A[1, 0], *m.B[0], *m.E[0], *m.d, *np.sort(m.C[0])]
        known = fixed == [0, 1, -1, 0, 0, 0, 0, 1]
    if not known:
        raise ValueError(f"{m!r} is not one weakly coupled population; build it with oscillator()")
    return -float(m.A[1, 1]), float(m.B[1, 0] * m.C[0, 1])


def _amplitudes(a: ArrayLike) -> Array:
    values = real_array("amplitude", a)
    if not (np.isfinite(values).all() and (values >= 0).all()):
        raise ValueError(f"amplitude = {a!r}; it must be finite and not negative")
    return values


def _cycle_mean(
    s: Activation, a: Array, mean: float, function: Callable[[Array, Array], Array]
) -> Array | float:
    """Mean over a cycle of function(cos φ, a cos φ + mean), by the trapezoidal rule.

    The function is even in φ, so half the cycle is enough.
    """
    points = _points(s, float(a.max(initial=0.0)))
    cosine = np.cos((np.arange(points) + 0.5) * pi / points)
    return plain(np.asarray(function(cosine, a[..., None] * cosine + mean).mean(axis=-1)))


def _points(s: Activation, a: float) -> int:
    """How many points on half a cycle reach rounding.

    A polynomial of degree d needs more than d/2. A logistic has poles i π/ϱ off the real axis, that
    is asinh(π/(ϱ a)) in φ, and the error falls like exp(−2 · points · that); 1/asinh(1/x) < x + ½.
    """
    if isinstance(s, OddPolynomial):
        return len(s.coefficients) + 2
    return 32 + int(20 * s.slope * a / pi)
