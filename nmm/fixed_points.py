"""Every fixed point of a model, with a proof that none is missing.

At rest A x + B s(y) + E u = 0 with y = C x + d. With A regular this is y = F(y) := y₀ + K s(y), one
equation for each sigmoid. The sigmoid is bounded, so every solution lies in the box y₀ + K [s].
The box is cut until each part is shown to hold no solution, or exactly one, by an interval
Newton step (Krawczyk 1969; Neumaier 1990). Interval arithmetic is in floating point without
outward rounding: the proof holds up to rounding.

A polynomial in place of the sigmoid has no box. With one argument y, the equation is a polynomial
itself: between neighbouring zeros of its derivative it is monotone, so it has a root there exactly
if its sign changes. Again this holds up to rounding. With several arguments there is no such
argument, and they are refused.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from nmm.outcome import NumericalWarning
from nmm.sigmoid import Array, OddPolynomial, Sigmoid
from nmm.system import NeuralMass

_BOXES = 200_000  # at most this many parts of the box; a column needs a few hundred
_MARGIN = 1e-9  # relative: boxes are widened by this, so that rounding cuts nothing off
_SAME = 1e-9  # relative: solutions this near are one; polished, each is known to about 1e-12
_SMALL = 1e-7  # mV: a part this small that is still undecided is left to Newton


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """A fixed point.

    Parameters
    ----------
    x : array (N,)
        State.
    eigenvalues : array (N,)
        Of the Jacobian, rad/s; by descending real part, positive imaginary part first.
    eigenvectors : array (N, N)
        Columns, in the order of `eigenvalues`, of length one.
    stable : bool
        Whether all real parts are negative.
    """

    x: Array
    eigenvalues: NDArray[np.complex128]
    eigenvectors: NDArray[np.complex128]
    stable: bool


def equilibria(m: NeuralMass) -> list[Equilibrium]:
    """Find every fixed point of a model.

    Parameters
    ----------
    m : NeuralMass
        With a regular A: every state decays when nothing drives it.

    Returns
    -------
    list of Equilibrium
        By ascending potential at the electrode: the reference population's, where none is set.

    Raises
    ------
    ValueError
        If A is singular, or a polynomial stands for the sigmoid and has several arguments.

    Warns
    -----
    NumericalWarning
        If some part of the box could not be decided, as at a bifurcation, where two fixed points
        are one: the list may then lack or repeat one.

    Examples
    --------
    >>> from nmm import bistable_column, equilibria
    >>> rest, = equilibria(bistable_column())
    >>> rest.stable, rest.eigenvalues[0].round(3)
    (True, np.complex128(-5.399+101.357j))
    """
    if np.linalg.cond(m.A) > 1e14:
        raise ValueError(f"{m.name}: A is singular; a state that does not decay has no box")
    y0 = m.d - m.C @ np.linalg.solve(m.A, m.E @ m.u)
    K = -m.C @ np.linalg.solve(m.A, m.B)
    if isinstance(m.sigmoid, Sigmoid):
        solutions, open_parts = _solve(m.sigmoid, y0, K)
    else:
        solutions, open_parts = _solve_polynomial(m.sigmoid, y0, K)
    if open_parts:
        warnings.warn(
            f"{open_parts} small parts of the box are undecided: near a bifurcation, a fixed point "
            "may be missing or doubled",
            NumericalWarning,
            stacklevel=2,
        )
    states = [_state(m, y) for y in solutions]
    return sorted((equilibrium_at(m, x) for x in states), key=lambda e: float(m.observe(e.x)))


def equilibrium_at(m: NeuralMass, x: Array) -> Equilibrium:
    """Describe the fixed point `x` (N,) of a model: eigenvalues, eigenvectors, stability."""
    values, vectors = np.linalg.eig(m.jacobian(x))
    order = np.lexsort((-values.imag, -np.round(values.real, 9)))
    values, vectors = values[order].astype(complex), vectors[:, order].astype(complex)
    return Equilibrium(x, values, vectors, bool(values.real.max() < 0))


def check_fixed_point(m: NeuralMass, equilibrium: Equilibrium) -> None:
    """Raise ValueError if `equilibrium` is no fixed point of `m`: its Newton step is too long."""
    x = np.asarray(equilibrium.x)
    if x.shape != (m.n_states,):
        raise ValueError(f"the equilibrium has shape {x.shape}, the model {m.n_states} states")
    step = np.linalg.lstsq(m.jacobian(x), m.flow(x), rcond=1e-13)[0]
    if np.abs(step).max() > 1e-6 * (1 + np.abs(x).max()):
        raise ValueError(
            "this equilibrium is no fixed point of this model: take one from equilibria(m)"
        )


def _state(m: NeuralMass, y: Array) -> Array:
    """State that belongs to the sigmoids' arguments `y`, refined by Newton steps on the flow."""
    x = -np.linalg.solve(m.A, m.B @ np.asarray(m.sigmoid(y)) + m.E @ m.u)
    for _ in range(3):
        x = x - np.linalg.lstsq(m.jacobian(x), m.flow(x), rcond=None)[0]  # may be singular
    return np.asarray(x)


def _solve_polynomial(s: OddPolynomial, y0: Array, K: Array) -> tuple[list[Array], int]:
    """All solutions of y = y0 + K s(y) for one y, and the number of near misses: double roots."""
    if y0.size > 1:
        raise ValueError(
            f"a polynomial of {y0.size} arguments has no box that must hold every fixed point; "
            "use a Sigmoid, which is bounded, or one argument"
        )
    p = np.polynomial.Polynomial([-y0[0], 1.0]) - K[0, 0] * s.polynomial()
    turns = np.array(_real_roots(p.deriv()))
    terms = np.polynomial.Polynomial(np.abs(p.coef))(np.abs(turns))
    near = int(np.sum(np.abs(p(turns)) <= _MARGIN * terms))
    return [np.array([y]) for y in _real_roots(p)], near


def _real_roots(p: np.polynomial.Polynomial) -> list[float]:
    """Real roots of a polynomial: one where it changes sign between zeros of its derivative."""
    p = p.trim()
    if p.degree() < 1:
        return []
    bound = 1 + float(np.abs(p.coef[:-1] / p.coef[-1]).max())  # Cauchy's
    roots = []
    for left, right in pairwise([-bound, *_real_roots(p.deriv()), bound]):
        if p(left) * p(right) < 0:
            roots.append(float(brentq(p, left, right, xtol=1e-15)))
        elif p(right) == 0:
            roots.append(right)
    return roots


def _solve(s: Sigmoid, y0: Array, K: Array) -> tuple[list[Array], int]:
    """All solutions of y = y0 + K s(y), and the number of parts left undecided."""
    reach = np.array([-s.offset, s.height - s.offset])
    lower, upper = _image(y0, K, *np.broadcast_to(reach[:, None, None], (2, 1, y0.size)))
    found: list[Array] = []
    undecided = used = 0
    while len(lower) and used < _BOXES:
        used += len(lower)
        lower, upper = _contract(s, y0, K, lower, upper)
        one, lower, upper = _krawczyk(s, y0, K, lower, upper)
        small = np.max(upper - lower, axis=1, initial=0.0) < _SMALL
        starts = [*one, *((lower[small] + upper[small]) / 2)]
        reached = [_newton(s, y0, K, y) for y in starts]
        undecided += int(small.sum()) + sum(y is None for y in reached[: len(one)])
        found += _new([y for y in reached if y is not None], found)
        lower, upper = _cut(lower[~small], upper[~small])
    # The box is mapped into itself, so the degree is one: an even count has missed or doubled one.
    return found, undecided + len(lower) + (len(found) % 2 == 0)


def _margin(y: Array) -> Array:
    return np.asarray(_MARGIN * (1 + np.abs(y)))


def _image(y0: Array, K: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Range of y0 + K s over boxes of firing s: arrays (boxes, m)."""
    plus, minus = np.maximum(K, 0), np.minimum(K, 0)
    return y0 + low @ plus.T + high @ minus.T, y0 + high @ plus.T + low @ minus.T


def _contract(s: Sigmoid, y0: Array, K: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """Cut each box to the part its own image reaches, a few times; drop the empty ones."""
    for _ in range(4):
        low, high = _image(y0, K, np.asarray(s(lower)), np.asarray(s(upper)))
        lower, upper = (
            np.maximum(lower, low - _margin(low)),
            np.minimum(upper, high + _margin(high)),
        )
        keep = (lower <= upper).all(axis=1)
        lower, upper = lower[keep], upper[keep]
    return lower, upper


def _slopes(s: Sigmoid, lower: Array, upper: Array) -> tuple[Array, Array]:
    """Range of s' over boxes; s' rises up to bias/slope and falls beyond."""
    ends = [np.asarray(s.derivative(y, 1)) for y in (lower, upper)]
    top = s.bias / s.slope
    highest = np.where((lower <= top) & (top <= upper), s.derivative(top, 1), np.maximum(*ends))
    return np.minimum(*ends), highest


def _krawczyk(
    s: Sigmoid, y0: Array, K: Array, lower: Array, upper: Array
) -> tuple[list[Array], Array, Array]:
    """Interval Newton step on each box: (solutions proved unique, boxes still open)."""
    if not len(lower):
        return [], lower, upper
    lower, upper = lower - _margin(lower), upper + _margin(upper)
    middle, radius = (lower + upper) / 2, (upper - lower) / 2
    low, high = _slopes(s, lower, upper)
    identity = np.eye(y0.size)
    inverse = np.linalg.pinv(identity - K * ((low + high) / 2)[:, None, :])
    residual = middle - y0 - np.asarray(s(middle)) @ K.T
    centre = middle - np.einsum("bij,bj->bi", inverse, residual)
    # |1 − P J(Y)| with J(Y) = 1 − K diag(s'): its middle is P·J_middle, its radius |P K| · Δs'/2.
    at_middle = identity - inverse @ (identity - K * ((low + high) / 2)[:, None, :])
    spread = np.abs(at_middle) + np.abs(inverse @ K) * ((high - low) / 2)[:, None, :]
    reach = np.einsum("bij,bj->bi", spread, radius)
    unique = (np.abs(centre - middle) + reach < radius).all(axis=1)
    empty = (np.abs(centre - middle) > reach + radius).any(axis=1)
    y = middle[unique]
    for _ in range(200):  # the step that was shown to contract; full Newton steps may cycle
        step = np.einsum("bij,bj->bi", inverse[unique], y - y0 - np.asarray(s(y)) @ K.T)
        y = y - step
        if np.abs(step).max(initial=0.0) < 1e-6:
            break
    left = ~unique & ~empty
    lower = np.maximum(lower[left], (centre - reach)[left])
    return list(y), lower, np.minimum(upper[left], (centre + reach)[left])


def _newton(s: Sigmoid, y0: Array, K: Array, y: Array) -> Array | None:
    """The solution that Newton's method reaches from `y` (m,), if it does."""
    for _ in range(50):
        jacobian = np.eye(y.size) - K * np.asarray(s.derivative(y, 1))
        step = np.linalg.lstsq(jacobian, y - y0 - K @ np.asarray(s(y)), rcond=None)[0]
        y = y - step
        if np.abs(step).max() < 1e-13 * (1 + np.abs(y).max()):
            break
    terms = np.abs(y) + np.abs(y0) + np.abs(K) @ np.abs(np.asarray(s(y)))
    residual = np.abs(y - y0 - K @ np.asarray(s(y)))
    return y if (residual < 1e-11 * (1 + terms)).all() else None  # rounding of the sums


def _new(solutions: list[Array], known: list[Array]) -> list[Array]:
    """Solutions that are not known: two boxes that touch may hold the same one."""
    found: list[Array] = []
    for y in solutions:
        near = _SAME * (1 + np.abs(y).max())
        if not any(np.abs(y - z).max() < near for z in known + found):
            found.append(y)
    return found


def _cut(lower: Array, upper: Array) -> tuple[Array, Array]:
    """Cut every box across its longest side; off its middle, where zero is apt to lie."""
    rows, side = np.arange(len(lower)), np.argmax(upper - lower, axis=1)
    cut = lower[rows, side] + 0.47 * (upper[rows, side] - lower[rows, side])
    left, right = upper.copy(), lower.copy()
    left[rows, side] = cut
    right[rows, side] = cut
    return np.concatenate([lower, right]), np.concatenate([left, upper])
