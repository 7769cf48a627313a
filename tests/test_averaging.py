"""Averaging: known formulas, and the order of the error measured against the equation itself."""

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import solve_ivp

import nmm

v, w = sp.symbols("v w")


def same(one, other):
    return sp.simplify(sp.expand(one - other)) == 0


def test_quadratic_forces():
    alpha, beta, gamma = sp.symbols("alpha beta gamma")
    r = nmm.average(alpha * v**2 + beta * v * w + gamma * w**2, v, w)
    a = r.amplitude
    assert r.A1 == 0
    assert r.Phi1 == 0
    assert same(r.A2, beta * (alpha + gamma) * a**3 / 8)
    expected = -(a**2) * (10 * alpha**2 + 10 * alpha * gamma + beta**2 + 4 * gamma**2) / 24
    assert same(r.Phi2, expected)


def test_van_der_pol():
    r = nmm.average((1 - v**2) * w, v, w)
    a = r.amplitude
    assert same(r.A1, a / 2 * (1 - a**2 / 4))
    assert r.Phi1 == 0
    assert r.A2 == 0
    # Frequency of the cycle: 1 − ε²/16 (Nayfeh 1973).
    assert r.Phi2.subs(a, 2) == sp.Rational(-1, 16)


def test_duffing():
    r = nmm.average(-(v**3), v, w)
    a = r.amplitude
    assert (r.A1, r.A2) == (0, 0)
    assert same(r.Phi1, 3 * a**2 / 8)
    # In the amplitude of the fundamental, as here (Nayfeh 1973).
    assert same(r.Phi2, -15 * a**4 / 256)


def test_linear_damping_is_exact():
    c = sp.Symbol("c")
    r = nmm.average(-2 * c * w, v, w)
    assert same(r.A1, -c * r.amplitude)
    assert r.A2 == 0
    assert same(r.Phi2, -(c**2) / 2)  # of sqrt(1 − ε²c²)


def test_a_shifted_spring():
    # f = −v shifts the frequency to sqrt(1 + ε) = 1 + ε/2 − ε²/8.
    r = nmm.average(-v, v, w)
    assert (r.A1, r.A2) == (0, 0)
    assert same(r.Phi1, sp.Rational(1, 2))
    assert same(r.Phi2, -sp.Rational(1, 8))


def amplitude_error(f, epsilon, order, a0=1.5):
    """Largest error of v over a time 3/ε, the initial data being those of the averaged solution."""
    r = nmm.average(f, v, w, order=2)
    a, psi = r.amplitude, sp.Symbol("psi", real=True)
    rates = [r.A1, r.Phi1] if order == 1 else [r.A1 + epsilon * r.A2, r.Phi1 + epsilon * r.Phi2]
    slow = sp.lambdify(a, rates, "numpy")
    position = a * sp.cos(psi) + (epsilon * r.correction if order == 2 else 0)
    full = a * sp.cos(psi) + epsilon * r.correction
    speed = sp.diff(full, psi) * (1 + epsilon * rates[1]) + sp.diff(full, a) * epsilon * rates[0]
    place, start_speed = (sp.lambdify((a, psi), e, "numpy") for e in (position, speed))
    start = sp.lambdify((a, psi), full, "numpy")
    t = np.linspace(0, 3 / epsilon, 400)
    tight = {"rtol": 1e-11, "atol": 1e-12, "t_eval": t}
    path = solve_ivp(
        lambda s, z: [epsilon * slow(z[0])[0], 1 + epsilon * slow(z[0])[1]],
        (0, t[-1]),
        [a0, 0.0],
        **tight,
    ).y
    force = sp.lambdify((v, w), f, "numpy")
    exact = solve_ivp(
        lambda s, z: [z[1], -z[0] + epsilon * force(*z)],
        (0, t[-1]),
        [float(start(a0, 0.0)), float(start_speed(a0, 0.0))],
        **tight,
    ).y[0]
    return np.abs(place(*path) - exact).max()


@pytest.mark.parametrize("order", [1, 2])
def test_error_over_long_times_falls_like_its_order(order):
    f = (1 - v**2) * w + v**2 / 3 - v**3 / 5
    epsilons = np.geomspace(0.002, 0.06, 5)  # a decade and a half
    errors = [amplitude_error(f, e, order) for e in epsilons]
    slope = np.polyfit(np.log(epsilons), np.log(errors), 1)[0]
    assert slope == pytest.approx(order, abs=0.1)


def test_first_order_alone():
    r = nmm.average(w * (1 - v**2), v, w, order=1)
    assert (r.A2, r.Phi2) == (None, None)


@pytest.mark.parametrize(
    ("f", "order", "message"),
    [(sp.sin(v), 2, "not a polynomial"), (v**2, 3, "order = 3"), (1 / v, 1, "not a polynomial")],
)
def test_bad_input_is_refused(f, order, message):
    with pytest.raises(ValueError, match=message):
        nmm.average(f, v, w, order=order)
