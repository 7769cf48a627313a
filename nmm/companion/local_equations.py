"""Twins of the displayed equations of the local theory: averaging, and the slow surface.

As in `nmm.companion.equations`, of which this is the part for chapter 05.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import mul
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp

from nmm.fixed_points import equilibria
from nmm.models import bistable_column, oscillator
from nmm.perturbation.averaging import Averaged, average
from nmm.perturbation.normal_forms import NormalForm, normal_form
from nmm.perturbation.slow_motion import average_numerically
from nmm.symbolic import activation

_V, _W = sp.symbols("v w")
_A, _PHI = sp.symbols("a psi", positive=True)
_CYCLE = MappingProxyType({_V: _A * sp.cos(_PHI), _W: -_A * sp.sin(_PHI)})
_TURN = (_PHI, 0, 2 * sp.pi)


def _weak_oscillator() -> float:
    """Flow of the package's oscillator: f is a polynomial of the velocity."""
    m = oscillator(coefficients=[-8.0, 13.0, -3.0], g=0.07)
    force = -8 * _W + 13 * _W**3 - 3 * _W**5
    written = sp.lambdify((_V, _W), [_W, -_V + 0.07 * force])
    states = np.random.default_rng(50).normal(size=(10, 2))
    return _difference([written(*x) for x in states], m.flow(states))


def _slow() -> float:
    """Velocity of the ansatz by SymPy, to first order, against the package's reconstruction."""
    _, averaged = _cubic(51)
    eps, speed = sp.Symbol("epsilon"), _moved(averaged)
    wave = _A * sp.cos(_PHI) + eps * _correction(averaged)
    velocity = speed[0] * wave.diff(_A) + speed[1] * wave.diff(_PHI)
    first = [sp.series(sp.expand(part), eps, 0, 2).removeO() for part in (wave, velocity)]
    slow, at = averaged.compiled(), (1.3, 0.7, 0.05)
    written = [sp.lambdify((_A, _PHI, eps), part)(*at) for part in (*first, *speed)]
    found = [*slow.solution(*at), *slow.rates(at[0], at[2])]
    return _difference(written, [float(value) for value in found])


def _first_bend() -> float:
    """Both sides, with the package's drifts and correction."""
    force, averaged = _cubic(52)
    u = _correction(averaged)
    A1, Phi1 = (_in_a(averaged, part) for part in (averaged.A1, averaged.Phi1))
    right = force.subs(_CYCLE) + 2 * A1 * sp.sin(_PHI) + 2 * _A * Phi1 * sp.cos(_PHI)
    return _compared(u.diff(_PHI, 2) + u, right)


def _first_order() -> float:
    """The two integrals, against numerical averaging."""
    force, _ = _cubic(53)
    on_cycle = sp.expand(force.subs(_CYCLE))
    A1, turned = (-_mean(on_cycle * s) for s in (sp.sin(_PHI), sp.cos(_PHI)))
    a = np.array([0.4, 1.1, 2.3])
    slow = average_numerically(sp.lambdify((_V, _W), force), order=1)
    written = [sp.lambdify(_A, part)(a) for part in (A1, turned / _A)]
    return _difference(written, [slow.A1(a), slow.Phi1(a)])


def _van_der_pol() -> float:
    a, eps = sp.symbols("a epsilon", positive=True)
    amplitude = -eps * a * (a - 2) * (a + 2) / 8
    phase = 1 + eps**2 * (-7 * a**4 / 256 + a**2 / 8 - sp.Rational(1, 8))
    return _rates((1 - _V**2) * _W, amplitude, phase, a, eps)


def _quadratic() -> float:
    a, eps = sp.symbols("a epsilon", positive=True)
    al, be, ga = 0.7, -1.3, 0.4
    amplitude = eps**2 * be * (al + ga) * a**3 / 8
    phase = 1 - eps**2 * (10 * al**2 + 10 * al * ga + be**2 + 4 * ga**2) * a**2 / 24
    return _rates(al * _V**2 + be * _V * _W + ga * _W**2, amplitude, phase, a, eps)


def _second_bend() -> float:
    """The drifts that leave its right side without first harmonic, against the package's."""
    force = 0.7 * _V**2 - 1.3 * _V * _W + 0.4 * _W**2
    averaged = average(force, _V, _W)
    u = _correction(averaged)
    again = (force.diff(_V) * u + force.diff(_W) * u.diff(_PHI)).subs(_CYCLE)
    A2, turned = (-_mean(sp.expand(again * s)) for s in (sp.sin(_PHI), sp.cos(_PHI)))
    a = np.array([0.4, 1.1, 2.3])
    slow = averaged.compiled()
    written = [sp.lambdify(_A, part)(a) for part in (A2, turned / _A)]
    return _difference(written, [slow.A2(a), slow.Phi2(a)])


def _surface() -> float:
    """States and velocities of the two sums, term by term, against the package's."""
    form = _form(7)
    z = 0.09 * np.exp(0.8j)
    state = form.equilibrium.x.astype(complex)
    for degree, h in enumerate(form.surface.surface, start=1):
        for j in range(degree + 1):
            state = state + h[:, j] * z**j * np.conj(z) ** (degree - j)
    rate = form.eigenvalue + sum(g * abs(z) ** (2 * m) for m, g in enumerate(form.coefficients, 1))
    found = [float(form.growth(abs(z))), 2 * np.pi * float(form.frequency(abs(z)))]
    return max(
        _difference(state.real, form.state(z)),
        _difference([rate.real, rate.imag], found),
        float(np.abs(form.surface.left @ _right(form) - 1)),
    )


def _homological() -> float:
    """Every equation to order five, with the sigmoid's Taylor series multiplied out by SymPy."""
    form, order = _form(5), 5
    s, m, lam = form.surface, form.model, form.eigenvalue
    gammas = dict(enumerate(form.coefficients, start=1))
    fired = _composed(form, order)
    left, right = [], []
    for degree in range(2, order + 1):
        for j in range(degree + 1):
            k = degree - j
            h = s.surface[degree - 1][:, j]
            lower = sum(
                ((j - i) * g + (k - i) * np.conj(g)) * s.surface[degree - 2 * i - 1][:, j - i]
                for i, g in gammas.items()
                if j >= i and k >= i and degree - 2 * i >= 1
            )
            shift = j * lam + k * np.conj(lam)
            left.append(shift * h - m.jacobian(form.equilibrium.x) @ h)
            right.append(m.B @ fired[j, k] - lower)
    # Each order by its own size, and each state as it counts in p·x: units differ.
    weight = np.abs(s.left)
    return max(
        _complex(weight * one, weight * other) for one, other in zip(left, right, strict=True)
    )


def _three_parts() -> float:
    """The formula with SymPy's derivatives of the sigmoid, against the surface's coefficient."""
    form = _form(3)
    m, lam, p, q = form.model, form.eigenvalue, form.surface.left, _right(form)
    d2, d3 = (_bend(form, n) for n in (2, 3))
    J, unit, Q = m.jacobian(form.equilibrium.x), np.eye(m.n_states), q.conj()

    def second(x: Any, y: Any) -> Any:
        return m.B @ (d2 * (m.C @ x) * (m.C @ y))

    h11 = np.linalg.solve(2 * lam.real * unit - J, second(q, Q))
    h20 = np.linalg.solve(2 * lam * unit - J, second(q, q)) / 2
    cubic = m.B @ (d3 * (m.C @ q) ** 2 * (m.C @ Q)) / 2
    written = [p @ cubic, p @ second(q, h11), p @ second(Q, h20)]
    found = list(form.terms.values())
    total = [sum(written)], [form.coefficients[0]]
    return max(_complex(written, found), _complex(*total))


def _closed_form() -> float:
    """Bernoulli's solution, put into its equation by SymPy, and the package's own."""
    t, alpha, gamma, R0 = sp.symbols("t alpha gamma R0", real=True)
    grown = sp.exp(alpha * t)
    R = R0 * grown / sp.sqrt(1 - gamma * R0**2 * (grown**2 - 1) / alpha)
    missing = R.diff(t) / R - alpha - gamma * R**2
    form, times = _form(3), np.array([0.0, 1.0, 4.0])
    at = (form.eigenvalue.real, form.coefficients[0].real, 0.06)
    names = (t, alpha, gamma, R0)
    gap = np.abs(sp.lambdify(names, missing)(times, *at)).max() / abs(at[0])
    written = sp.lambdify(names, R)(times, *at)
    return max(float(gap), _difference(written, np.abs(form.solution(at[2], times))))


def _cubic(seed: int) -> tuple[sp.Expr, Averaged]:
    """A random polynomial of degree three, and its average."""
    c = np.random.default_rng(seed).normal(size=(4, 4)).round(3)
    terms = (
        sp.Rational(str(c[i, j])) * _V**i * _W**j for i in range(4) for j in range(1 - i % 2, 4 - i)
    )
    force = sp.Add(*terms)
    return force, average(force, _V, _W)


def _in_a(averaged: Averaged, expression: sp.Expr | None) -> sp.Expr:
    """In this file's symbols."""
    known = {averaged.amplitude: _A, sp.Symbol("psi", real=True): _PHI}
    return sp.sympify(expression or 0).subs(known)


def _correction(averaged: Averaged) -> sp.Expr:
    return _in_a(averaged, averaged.correction)


def _moved(averaged: Averaged) -> tuple[sp.Expr, sp.Expr]:
    """Velocities of amplitude and phase."""
    eps = sp.Symbol("epsilon")
    A1, Phi1, A2, Phi2 = (
        _in_a(averaged, part) for part in (averaged.A1, averaged.Phi1, averaged.A2, averaged.Phi2)
    )
    return eps * A1 + eps**2 * A2, 1 + eps * Phi1 + eps**2 * Phi2


def _mean(expression: sp.Expr) -> sp.Expr:
    return sp.integrate(sp.expand(expression), _TURN) / (2 * sp.pi)


def _compared(one: sp.Expr, other: sp.Expr) -> float:
    points = np.random.default_rng(60).uniform(0.3, 2.0, (2, 20))
    return _difference(*(sp.lambdify((_A, _PHI), side)(*points) for side in (one, other)))


def _rates(force: sp.Expr, amplitude: sp.Expr, phase: sp.Expr, a: Any, eps: Any) -> float:
    """The printed rates, against numerical averaging."""
    functions = (sp.lambdify((_V, _W), part) for part in (force, force.diff(_V), force.diff(_W)))
    f, f_v, f_w = functions
    slow, at = average_numerically(f, f_v=f_v, f_w=f_w), np.array([0.4, 1.1, 2.3])
    written = [sp.lambdify((a, eps), part)(at, 0.2) for part in (amplitude, phase)]
    return _difference(written, slow.rates(at, 0.2))


def _form(order: int) -> NormalForm:
    m = bistable_column(u=2700.0)
    return normal_form(m, equilibria(m)[0], order=order)


def _right(form: NormalForm) -> Any:
    return form.surface.surface[0][:, 1]


def _bend(form: NormalForm, n: int) -> Any:
    """n-th derivative of the sigmoid at rest, by SymPy."""
    m = form.model
    s = activation(m.assemble({p.name: p.value for p in m.parameters}))
    (y,) = s.variables
    return sp.lambdify(y, s.expr.diff(y, n), "numpy")(m.C @ form.equilibrium.x + m.d)


def _composed(form: NormalForm, order: int) -> dict[tuple[int, int], Any]:
    """Coefficients of s(C x + d) without its linear part, products multiplied out by SymPy."""
    z, Z = sp.symbols("z Z")
    m, bends = form.model, [_bend(form, n) for n in range(2, order + 1)]
    found: dict[tuple[int, int], Any] = {}
    for i, row in enumerate(m.C):
        w = sp.Poly(0, z, Z)
        for degree, h in enumerate(form.surface.surface, start=1):
            for j in range(degree + 1):
                w += sp.Poly(complex(row @ h[:, j]) * z**j * Z ** (degree - j), z, Z)
        for n, bend in enumerate(bends, start=2):
            power = reduce(mul, [w] * n)
            for (j, k), c in power.terms():
                if j + k <= order:
                    at = found.setdefault((j, k), np.zeros(len(m.C), complex))
                    at[i] += float(bend[i]) / float(sp.factorial(n)) * complex(c)
    return found


def _complex(one: Any, other: Any) -> float:
    one, other = np.asarray(one, complex), np.asarray(other, complex)
    return float(np.abs(one - other).max() / np.abs(other).max())


def _difference(one: Any, other: Any) -> float:
    """Largest difference relative to the largest value."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    return float(np.abs(one - other).max() / np.abs(other).max())


LOCAL_TWINS: MappingProxyType[str, Callable[[], float]] = MappingProxyType(
    {
        "eq-weak-oscillator": _weak_oscillator,
        "eq-slow": _slow,
        "eq-first-bend": _first_bend,
        "eq-first-order": _first_order,
        "eq-van-der-pol": _van_der_pol,
        "eq-second-bend": _second_bend,
        "eq-quadratic": _quadratic,
        "eq-surface": _surface,
        "eq-homological": _homological,
        "eq-three-parts": _three_parts,
        "eq-closed-form": _closed_form,
    }
)
