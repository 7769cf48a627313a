"""How a normal form changes with a parameter: eigenvalue, coefficients, kind of bifurcation."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmm.checks import real_array
from nmm.fixed_points import Equilibrium, equilibrium_at
from nmm.outcome import NumericalWarning
from nmm.perturbation.normal_forms import NormalForm
from nmm.perturbation.submanifolds import Complex, leading_pair, submanifold
from nmm.sigmoid import Array
from nmm.system import NeuralMass, check_parameter_name

_HALVINGS = 12  # of a step in the parameter, before a fixed point counts as lost


@dataclass(frozen=True)
class Unfolding:
    """First-order effect of one parameter p on the slow mode of a fixed point.

    Parameters
    ----------
    kind : str
        What happens where Re λ passes zero. ``"hopf"`` for a complex λ. For a real one, with
        ż = push δp + (λ + slope δp) z + a_2 z² + a_3 z³: ``"fold"`` if push ≠ 0; else the fixed
        point lives on, and it is a ``"transcritical"`` if a_2 ≠ 0, else a ``"pitchfork"``.
    push : float
        p·∂F/∂p for a real λ, mV/s per unit of the parameter; zero for a complex λ.
    slope : complex
        dλ/dp, rad/s per unit, with the motion of the fixed point; where a fold takes the fixed
        point away, at the place it had.
    """

    kind: str
    push: float
    slope: complex


@dataclass(frozen=True, eq=False)
class NormalFormCurve:
    """Normal form of one oscillation along a parameter.

    Parameters
    ----------
    parameter : array (k,)
        Values, as given.
    x : array (k, N)
        Fixed points.
    eigenvalue : array (k,)
        λ, rad/s.
    coefficients : array (k, (order − 1)/2)
        γ_1, γ_2, …, s⁻¹ mV^(−2m).
    slope : array (k,)
        dλ/dp, rad/s per unit of the parameter.
    outcome : str
        ``"complete"``, or ``"lost"``: nan where the fixed point or its oscillation could not be
        followed.
    """

    parameter: Array
    x: Array
    eigenvalue: NDArray[np.complex128]
    coefficients: NDArray[np.complex128]
    slope: NDArray[np.complex128]
    outcome: str


def unfold(form: NormalForm, name: str) -> Unfolding:
    """Say what a parameter does to the slow mode, by first-order perturbation.

    Parameters
    ----------
    form : NormalForm
        Of a fixed point; of order 3 or higher.
    name : str
        Parameter.

    Returns
    -------
    Unfolding

    Raises
    ------
    KeyError
        If the model has no such parameter.
    ValueError
        If the order is 2: the kind needs a_3 too.

    Notes
    -----
    dλ/dp = p·(∂J/∂p q + D²F(q, dx*/dp)); ∂J/∂p q by differences, along q, of ∂F/∂p, which is exact.
    Zero means: 1e-6 of ``‖p‖ ‖∂F/∂p‖`` for the push, ``a_2² < 1e-10 |a_3| max|λ_i|`` for a_2.

    Examples
    --------
    >>> from nmm import bistable_column, equilibria, normal_form, unfold
    >>> column = bistable_column(u=2700)
    >>> rest, = equilibria(column)
    >>> effect = unfold(normal_form(column, rest), "u")
    >>> effect.kind, round(effect.slope.real, 5)
    ('hopf', 0.00714)
    """
    check_parameter_name(form.model, name)
    m, x, h = form.model, form.equilibrium.x, form.surface
    right = h.surface[0][:, -1]
    if form.oscillates:
        return Unfolding("hopf", 0.0, _slope(m, name, x, right, h.left))
    if form.order < 3:
        raise ValueError("the normal form has order 2; the kind needs a_3 too: order=3")
    by = m.sensitivity(name, x)
    push = float((h.left @ by).real)
    n = m.n_states
    bordered = np.block([[-m.jacobian(x), h.left.real[:, None]], [h.left.real, np.zeros((1, 1))]])
    moved = np.linalg.solve(bordered, np.append(by - push * right.real, 0.0))[:n]
    slope = h.left @ (_jacobian_change(m, name, x, right) + m.form(x, right, moved))
    a2, a3 = (abs(c) for c in form.coefficients[:2])
    flat = a2**2 <= 1e-10 * a3 * np.abs(form.equilibrium.eigenvalues).max()
    kind = "pitchfork" if flat else "transcritical"
    if abs(push) > 1e-6 * np.linalg.norm(h.left) * np.linalg.norm(by):
        kind = "fold"
    return Unfolding(kind, push, complex(slope.real))


def normal_form_along(
    m: NeuralMass,
    equilibrium: Equilibrium,
    name: str,
    values: ArrayLike,
    *,
    order: int = 5,
    reference: str | None = None,
) -> NormalFormCurve:
    """Follow a fixed point and the normal form of its oscillation along a parameter.

    Parameters
    ----------
    m : NeuralMass
        The model, at its own value of the parameter.
    equilibrium : Equilibrium
        A fixed point of `m`, with a complex leading pair.
    name : str
        Parameter.
    values : array (k,)
        Its values, in any order.
    order : int, default 5
        3, 5, 7, …
    reference : str, optional
        As in `normal_form`.

    Returns
    -------
    NormalFormCurve

    Raises
    ------
    KeyError
        If the model has no such parameter.
    ValueError
        If the leading eigenvalue is real, or the order even.

    Warns
    -----
    NumericalWarning
        If the fixed point is lost, as at a fold, or its pair becomes real.

    Examples
    --------
    >>> from nmm import bistable_column, equilibria, normal_form_along
    >>> column = bistable_column(u=2700)
    >>> rest, = equilibria(column)
    >>> along = normal_form_along(column, rest, "u", [2700, 2728.2, 2750])
    >>> along.eigenvalue.real.round(2).tolist(), along.coefficients[:, 0].real.round(1).tolist()
    ([-0.2, 0.0, 0.15], [5.1, 3.1, 1.4])
    """
    check_parameter_name(m, name)
    values = np.atleast_1d(real_array(f"values of {name}", values))
    own = next(p.value for p in m.parameters if p.name == name)
    eigenvalue, _, _ = leading_pair(m, m.jacobian(equilibrium.x), reference)
    first = submanifold(m, equilibrium, order, reference)
    k = values.size
    x, lam = np.full((k, m.n_states), np.nan), np.full(k, complex("nan"))
    gammas, slope = np.full((k, len(first.coefficients)), complex("nan")), lam.copy()
    for side in (values >= own, values < own):
        at, state, pair = own, equilibrium.x, eigenvalue
        for i in np.flatnonzero(side)[np.argsort(np.abs(values[side] - own))]:
            found = _follow(m, name, state, pair, at, float(values[i]), _HALVINGS)
            if found is None:
                break
            (state, pair), at = found, float(values[i])
            there = m.with_(**{name: at})
            h = submanifold(there, equilibrium_at(there, state), order, reference, pair=pair)
            x[i], lam[i], gammas[i] = state, h.eigenvalue, h.coefficients
            slope[i] = _slope(there, name, state, h.surface[0][:, 1], h.left)
    outcome = "lost" if np.isnan(lam).any() else "complete"
    if outcome == "lost":
        reached = values[~np.isnan(lam)]
        ends = f"{reached.min():.6g} to {reached.max():.6g}" if reached.size else "nowhere"
        warnings.warn(
            f"the oscillation's fixed point could be followed in {name} from {ends} only",
            NumericalWarning,
            stacklevel=2,
        )
    return NormalFormCurve(values, x, lam, gammas, slope, outcome)


def _follow(
    m: NeuralMass, name: str, x: Array, pair: complex, start: float, end: float, halvings: int
) -> tuple[Array, complex] | None:
    """Fixed point and complex pair at `end`, from those at `start`; None if they are lost."""
    if start == end:
        return x, pair
    found = _jump(m.with_(**{name: start}), m.with_(**{name: end}), name, x, pair, end - start)
    if found is not None or not halvings:
        return found
    middle = (start + end) / 2
    half = _follow(m, name, x, pair, start, middle, halvings - 1)
    return half and _follow(m, name, *half, middle, end, halvings - 1)


def _jump(
    here: NeuralMass, there: NeuralMass, name: str, x: Array, pair: complex, length: float
) -> tuple[Array, complex] | None:
    """One step of `_follow`; None if it is too long."""
    try:
        y = x - np.linalg.solve(here.jacobian(x), here.sensitivity(name, x)) * length
        for _ in range(8):
            step = np.linalg.solve(there.jacobian(y), there.flow(y))
            y = y - step
        values = np.linalg.eigvals(there.jacobian(y))
    except (np.linalg.LinAlgError, ValueError):  # a singular Jacobian, or a state gone to infinity
        return None
    near = complex(values[np.argmin(np.abs(values - pair))])
    settled = np.abs(step).max() <= 1e-9 * (1e-3 + np.abs(x).max())
    kept = near.imag > 0 and abs(near - pair) <= 0.1 * abs(pair)  # else it may be another's
    return (y, near) if settled and kept else None


def _slope(m: NeuralMass, name: str, x: Array, right: Complex, left: Complex) -> complex:
    """dλ/dp of an eigenvalue of the fixed point x*(p)."""
    moved = -np.linalg.solve(m.jacobian(x), m.sensitivity(name, x))
    return complex(left @ (_jacobian_change(m, name, x, right) + m.form(x, right, moved)))


def _jacobian_change(m: NeuralMass, name: str, x: Array, direction: Complex) -> Complex:
    """∂J/∂p applied to a direction: five-point differences of ∂F/∂p along it."""
    step = 1e-3 * np.abs(m.C @ x + m.d).max(initial=1.0) / np.abs(m.C @ direction).max()

    def along(arm: Array) -> Array:
        one, two = (
            m.sensitivity(name, x + k * step * arm) - m.sensitivity(name, x - k * step * arm)
            for k in (1, 2)
        )
        return np.asarray((8 * one - two) / (12 * step))

    return along(direction.real) + 1j * along(direction.imag)
