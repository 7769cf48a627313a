"""Averaging: known formulas, and the order of the error measured against the equation itself."""

import warnings

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad, solve_ivp

import nmm
from nmm.companion import latex
from nmm.outcome import NumericalWarning

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


def test_rayleighs_oscillator():
    # ẇ of van der Pol: the same cycle, frequency 1 − ε²/16 and amplitude 2.
    r = nmm.average(w - w**3 / 3, v, w)
    a = r.amplitude
    assert same(r.A1, a / 2 * (1 - a**2 / 4))
    assert r.A2.subs(a, 2) == 0
    assert r.Phi2.subs(a, 2) == sp.Rational(-1, 16)


def test_helmholtz_and_duffing_together():
    # Nayfeh & Mook 1979, section 2.3: ω = 1 + (9 β − 10 α²) a²/24 with α of order ε, β of order ε².
    alpha, beta = sp.symbols("alpha beta")
    r = nmm.average(-alpha * v**2 - beta * v**3, v, w)
    a = r.amplitude
    assert (r.A1, r.A2) == (0, 0)
    assert same(r.Phi1, 9 * beta * a**2 / 24)
    assert same(r.Phi2, -10 * alpha**2 * a**2 / 24 - 15 * beta**2 * a**4 / 256)


def cycle_of(force, eps, start, wait):
    """Frequency and amplitude of the fundamental, from one period of the equation itself."""

    def velocity(_, z):
        return [z[1], -z[0] + eps * force(*z)]

    def top(_, z):
        return z[1]

    top.direction = -1
    tight = {"method": "DOP853", "rtol": 1e-13, "atol": 1e-13}
    z = solve_ivp(velocity, (0, wait), [start, 0.0], **tight).y[:, -1] if wait else [start, 0.0]
    run = solve_ivp(velocity, (0, 20), z, events=top, dense_output=True, **tight)
    t0, t1 = run.t_events[0][-2:]
    t = t0 + (t1 - t0) * np.arange(256) / 256
    fundamental = np.fft.rfft(run.sol(t)[0])[1] / 128
    return 2 * np.pi / (t1 - t0), abs(fundamental)


@pytest.mark.parametrize(
    ("f", "start", "settle"),
    [
        ((1 - v**2) * w, 2.0, 30),  # van der Pol
        (w - w**3 / 3, 2.0, 30),  # Rayleigh
        (-(v**3), 1.0, 0),  # Duffing
        (-(v**2), 0.8, 0),  # Helmholtz
        (-(v**2) - v**3, 0.8, 0),  # both
    ],
)
def test_second_order_frequency_is_that_of_the_equation(f, start, settle):
    slow = nmm.average(f, v, w).compiled()
    force, errors = sp.lambdify((v, w), f), []
    for eps in (0.1, 0.05):
        frequency, a = cycle_of(force, eps, start, settle / eps)
        second = (frequency - 1 - eps * slow.Phi1(a)) / eps**2
        errors.append(abs(second - slow.Phi2(a)))
    # The next term is of order ε or ε²: at least halved with ε, and small beside Φ2.
    assert errors[1] < 0.55 * errors[0]
    assert errors[1] < 0.1 * abs(slow.Phi2(a))


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


def steepness(y):
    return 1 / (1 + np.exp(-2 * y + 1))


SMOOTH = {  # a sigmoid of v̇ and one of v, with damping
    "f": lambda v, w: 3 * steepness(w) - 0.6 * w + steepness(v),
    "f_v": lambda v, w: 2 * steepness(v) * (1 - steepness(v)) + 0 * w,
    "f_w": lambda v, w: 6 * steepness(w) * (1 - steepness(w)) - 0.6,
}


def errors_over_long_times(f, slow, eps, a0=1.5):
    """Largest errors of v and of the amplitude over a time 2/ε, against the equation itself."""
    t = np.linspace(0, 2 / eps, 4000)
    tight = {"rtol": 1e-10, "atol": 1e-10, "t_eval": t, "method": "DOP853"}
    second = slow.order == 2
    path = solve_ivp(lambda _, z: [*slow.rates(z[0], eps)], (0, t[-1]), [a0, 0.0], **tight).y
    start = [float(s) for s in slow.solution(a0, 0.0, eps)]
    exact = solve_ivp(lambda _, z: [z[1], -z[0] + eps * f(*z)], (0, t[-1]), start, **tight).y
    found = slow.solution(*path, eps)[0] if second else path[0] * np.cos(path[1])
    # The amplitude of the exact solution, by the map of initial data.
    amplitude = np.array([slow.initial(*z, eps)[0] for z in exact.T[::40]])
    return np.abs(found - exact[0]).max(), np.abs(amplitude - path[0][::40]).max()


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("kind", ["polynomial", "sigmoid"])
def test_error_over_long_times_falls_like_its_order(order, kind):
    if kind == "polynomial":
        expression = (1 - v**2) * w + (v**2 + v * w) / 2 - v**3 / 5
        f = sp.lambdify((v, w), expression)
        slow = nmm.average(expression, v, w, order=order).compiled()
    else:
        f, slow = SMOOTH["f"], nmm.average_numerically(**SMOOTH, order=order)
    epsilons = np.geomspace(0.0008, 0.0256, 4)  # a decade and a half
    assert np.log10(epsilons[-1] / epsilons[0]) >= 1.5
    errors = np.array([errors_over_long_times(f, slow, e) for e in epsilons])
    for of_one in errors.T:
        slope = np.polyfit(np.log(epsilons), np.log(of_one), 1)[0]
        assert slope == pytest.approx(order, abs=0.1)


def test_numbers_equal_formulas_for_a_polynomial():
    alpha, beta = sp.symbols("alpha beta")
    f = alpha * v**2 + beta * v * w + (1 - v**2) * w - v**3
    known = nmm.average(f, v, w).compiled(alpha=0.3, beta=0.7)
    force = [
        sp.lambdify((v, w), e.subs({alpha: 0.3, beta: 0.7})) for e in (f, f.diff(v), f.diff(w))
    ]
    found = nmm.average_numerically(force[0], f_v=force[1], f_w=force[2])
    a, psi = np.linspace(0.1, 3, 7), np.linspace(0, 6, 7)
    for name in ("A1", "Phi1", "A2", "Phi2"):
        one, other = getattr(known, name)(a), getattr(found, name)(a)
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(known.correction(a, psi), found.correction(a, psi), atol=1e-12)
    np.testing.assert_allclose(known.rates(a, 0.1), found.rates(a, 0.1), rtol=1e-12)


def test_a_sigmoids_average_is_its_describing_function():
    # Firing driven by v̇: A1 = (a/2) N(a), N(a) = (1/(π a)) ∮ s(a cos φ + m) cos φ dφ.
    s = nmm.Sigmoid(bias=2.0)
    slow = nmm.average_numerically(lambda v, w: s(w + 0.4), order=1)
    for a in (0.3, 2.0, 15.0):
        integral = quad(lambda p, a=a: s(a * np.cos(p) + 0.4) * np.cos(p), 0, 2 * np.pi)[0]
        assert slow.A1(a) == pytest.approx(integral / (2 * np.pi), rel=1e-8)  # quad's own
        assert slow.Phi1(a) == pytest.approx(0, abs=1e-14)
    # By v: no growth at first order, and the frequency by the same integral.
    slow = nmm.average_numerically(lambda v, w: s(v + 0.4), order=1)
    assert slow.Phi1(15.0) == pytest.approx(-integral / (2 * np.pi * 15), rel=1e-8)
    assert slow.A1(15.0) == pytest.approx(0, abs=1e-14)


def test_a_force_with_a_corner_is_said_to_have_one():
    slow = nmm.average_numerically(lambda v, w: -np.abs(w) * w, order=1)
    with pytest.warns(NumericalWarning, match="not smooth"):
        value = slow.A1(1.5)
    assert value == pytest.approx(-4 * 1.5**2 / (3 * np.pi), rel=1e-6)  # Nayfeh 1973
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nmm.average_numerically(**SMOOTH).A2([0.5, 40.0])


def test_initial_data_map_there_and_back():
    slow = nmm.average((1 - v**2) * w + v**2 / 3, v, w).compiled()
    a, psi = slow.initial(1.0, 0.5, 0.1)
    np.testing.assert_allclose(slow.solution(a, psi, 0.1), (1.0, 0.5), rtol=1e-12)
    with pytest.raises(ValueError, match="too large"):
        slow.initial(1.0, 0.5, 60.0)


def test_the_printed_equations_are_those_computed():
    mu = sp.Symbol("mu")
    r = nmm.average(mu * (1 - v**2) * w + v * w - v**2 - v**3, v, w)
    printed = latex.sides_of(r.latex())
    assert list(printed) == [r"\dot{a}", r"\dot{\varphi}"]
    at = {"a": 1.3, "varepsilon": 0.2, "mu": 0.7}
    found = [latex.value(right, at) for right in printed.values()]
    np.testing.assert_allclose(found, r.compiled(mu=0.7).rates(1.3, 0.2), rtol=1e-12)


def test_first_order_alone():
    r = nmm.average(w * (1 - v**2), v, w, order=1)
    assert (r.A2, r.Phi2) == (None, None)
    assert r.compiled().order == 1
    assert "varepsilon^{2}" not in r.latex()


@pytest.mark.parametrize(
    ("f", "order", "message"),
    [
        (sp.sin(v), 2, "not a real polynomial"),
        (v**2, 3, "order = 3"),
        (1 / v, 1, "not a real polynomial"),
    ],
)
def test_bad_input_is_refused(f, order, message):
    with pytest.raises(ValueError, match=message):
        nmm.average(f, v, w, order=order)


def test_what_cannot_be_evaluated_is_refused():
    mu = sp.Symbol("mu")
    with pytest.raises(ValueError, match="no number for mu"):
        nmm.average(mu * w, v, w).compiled()
    with pytest.raises(ValueError, match="f_v and f_w"):
        nmm.average_numerically(lambda v, w: v)
    with pytest.raises(ValueError, match="order = 3"):
        nmm.average_numerically(lambda v, w: v, order=3)
    with pytest.raises(ValueError, match="must be positive"):
        nmm.average(w, v, w).compiled().A1(0.0)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (sp.Symbol("a", positive=True) * v**2, "the name 'a' is taken"),
        (sp.Symbol("psi", real=True) * v**2, "the name 'psi' is taken"),
        (sp.Symbol("v", real=True) ** 2 * w, "the name 'v' is taken"),
        (sp.I * v**2 * w, "not a real polynomial"),
    ],
)
def test_names_that_are_taken_are_refused(f, message):
    with pytest.raises(ValueError, match=message):
        nmm.average(f, v, w)
    with pytest.raises(ValueError, match="two symbols"):
        nmm.average(v**2, v, v)


def test_any_other_name_is_kept():
    E, alpha = sp.symbols("E alpha")
    named, plain = (nmm.average(s * v**2 + s * v * w, v, w) for s in (E, alpha))
    assert sp.expand(named.A2.subs(E, alpha) - plain.A2) == 0
    assert sp.expand(plain.A2 - alpha**2 * plain.amplitude**3 / 8) == 0
