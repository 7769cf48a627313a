"""One weakly coupled population: prescribed amplitudes, averages, and the equation itself."""

import warnings

import numpy as np
import pytest
import sympy as sp
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

import nmm
from nmm.outcome import NumericalWarning
from nmm.sigmoid import OddPolynomial
from nmm.system import LureForm, NeuralMass

WELL = (-8.0, 40 / 3, -3.2)  # amplitudes 1 and 2 (theory of chapter 06)
EDGE = np.log(2 + np.sqrt(3))  # |b − ϱ m| beyond which s''' > 0
KINDS = {
    "radii": {"radii": (1, 2)},
    "coefficients": {"coefficients": (0.5, -1.0, 0.0, 0.2), "coupling": "potential"},
    "sigmoid": {"bias": 2.0, "slope": 1.5, "damping": 0.1},
}


@pytest.fixture(params=KINDS)
def model(request):
    return nmm.oscillator(**KINDS[request.param], g=0.3, u=0.2)


def by_hand(m, x):
    """The equation as it stands in the docstring, from the model's table of parameters."""
    p = {q.name: q.value for q in m.parameters}
    v, c = x
    y = v if m.C[0, 0] else c
    if "slope" in p:
        s = 1 / (1 + np.exp(p["bias"] - p["slope"] * y)) - 1 / (1 + np.exp(p["bias"]))
        s -= p["damping"] * c
    else:
        s = sum(p[f"B{k}"] * y ** (2 * k - 1) for k in range(1, len(p) - 1))
    return np.array([c, -v + p["g"] * s + p["u"]])


def test_the_flow_is_the_equation(model):
    for x in np.random.default_rng(0).normal(size=(5, 2)):
        np.testing.assert_allclose(model.flow(x), by_hand(model, x), rtol=1e-13)


def test_derivatives_equal_differences(model):
    rng = np.random.default_rng(1)
    x, a, b = rng.normal(size=(3, 2))
    h = 1e-6  # central: error h², and rounding 1e-16/h
    numeric = [(model.flow(x + h * e) - model.flow(x - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(model.jacobian(x), np.transpose(numeric), rtol=1e-7, atol=1e-9)
    second = (model.form(x + h * b, a) - model.form(x - h * b, a)) / (2 * h)
    np.testing.assert_allclose(model.form(x, a, b), second, rtol=1e-6, atol=1e-9)
    for p in model.parameters:
        up, down = (model.with_(**{p.name: p.value + d}).flow(x) for d in (h, -h))
        expected = (up - down) / (2 * h)
        np.testing.assert_allclose(model.sensitivity(p.name, x), expected, rtol=1e-7, atol=1e-9)


def test_symbols_and_numbers_are_one_system(model):
    written = nmm.symbolic.equations(model)
    x = np.array([0.7, -0.4])
    flow = written.evaluate(written.explicit(), model, x).ravel()
    np.testing.assert_allclose(flow, model.flow(x), rtol=1e-13)
    jacobian = written.evaluate(written.jacobian(), model, x)
    np.testing.assert_allclose(jacobian, model.jacobian(x), rtol=1e-13)
    assert r"\dot{c}" in written.latex()


def test_simulation_follows_the_equation(model):
    x0 = [1.2, -0.5]
    exact = solve_ivp(lambda t, x: by_hand(model, x), (0, 5), x0, rtol=1e-12, atol=1e-13).y[:, -1]
    steps = np.array([4e-3, 2e-3, 1e-3])
    errors = [np.abs(nmm.simulate(model, 5.0, dt=h, x0=x0).x[0, -1] - exact).max() for h in steps]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(2.0, abs=0.05)


def test_simulation_with_coefficients_that_vary():
    m = nmm.oscillator(coefficients=(0.0, -0.5), g=0.3)
    changes = {"B1": lambda t: np.sin(t), "B2": lambda t: -0.1 * t, "u": lambda t: 0.2 * t}
    exact = solve_ivp(
        lambda t, x: by_hand(m.with_(**{k: float(f(t)) for k, f in changes.items()}), x),
        *((0, 5), [1.0, 0.0]),
        rtol=1e-12,
        atol=1e-13,
    ).y[:, -1]
    steps = np.array([4e-3, 2e-3, 1e-3])
    runs = [nmm.simulate(m, 5.0, dt=h, x0=[1, 0], varying=changes).x[0, -1] for h in steps]
    errors = [np.abs(run - exact).max() for run in runs]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(2.0, abs=0.05)


def test_noise_enters_where_the_input_does():
    # Linear: v̈ + v = −0.5 v̇ + σ ξ has variance σ²/(2·0.5) in v and in c, and none in common.
    m, sigma, trials = nmm.oscillator(coefficients=(-0.5,), g=1.0), 0.3, 400
    run = nmm.simulate(m, 60.0, dt=0.02, sigma=sigma, n_trials=trials, seed=4, every=1500)
    end = run.x[:, 1:].reshape(-1, 2)  # at 30 and 60: e^(−7.5) of memory
    covariance = end.T @ end / len(end) / sigma**2
    # Four standard errors of a variance from independent Gaussian numbers; half that for the zero.
    np.testing.assert_allclose(covariance, np.eye(2), atol=4 * np.sqrt(2 / len(end)))


def random_radii(rng):
    return np.cumsum(rng.uniform(0.2, 0.6, size=rng.integers(1, 6)))


def test_theorys_coefficients():
    m = nmm.oscillator(radii=(1, 2))
    np.testing.assert_allclose(m.sigmoid.coefficients, WELL, rtol=1e-15)
    a = np.linspace(0, 2.1, 50)
    expected = 0.01 * (2 * a**2 - 5 * a**4 / 4 + a**6 / 6)
    np.testing.assert_allclose(nmm.amplitude_potential(m, a), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", range(8))
def test_prescribed_amplitudes_are_stationary(seed):
    radii = random_radii(np.random.default_rng(seed))
    m = nmm.oscillator(radii=radii)
    # The terms that cancel at a root: rounding is relative to them.
    products = [np.prod(radii**2 + r**2) * r for r in radii]
    assert np.all(np.abs(nmm.amplitude_drift(m, radii)) < 0.01 * 1e-14 * np.array(products))
    a = np.linspace(0, 1.2 * radii[-1], 40)
    expected = -0.01 * a * np.prod([a**2 - r**2 for r in radii], axis=0)
    scale = 0.01 * a * np.prod([a**2 + r**2 for r in radii], axis=0)
    assert np.all(np.abs(nmm.amplitude_drift(m, a) - expected) <= 1e-14 * scale)


@pytest.mark.parametrize("kind", ["radii", "sigmoid"])
def test_the_drift_is_minus_the_slope_of_the_potential(kind):
    m = nmm.oscillator(**KINDS[kind], g=0.3, u=0.2)
    for a in (0.4, 1.7, 5.0):
        height = quad(lambda r: nmm.amplitude_drift(m, r), 0, a, epsabs=0, epsrel=1e-11)[0]
        assert nmm.amplitude_potential(m, a) == pytest.approx(-height, rel=1e-9)


def test_the_drift_equals_the_symbolic_average():
    v, w = sp.symbols("v w")
    f = sum(sp.nsimplify(b) * w ** (2 * k + 1) for k, b in enumerate((-8, sp.Rational(40, 3))))
    f += sp.Rational(-16, 5) * w**5
    r = nmm.average(f, v, w)
    a = r.amplitude
    assert sp.expand(r.A1 + a * (a**2 - 1) * (a**2 - 4)) == 0
    # Time reversal with v → −v maps g to −g: the radii are even in g, so nothing at second order.
    assert r.A2 == 0
    assert r.Phi1 == 0


def test_without_enough_cubic_gain_no_oscillation_is_left():
    # The variant of the authors' script. −4 + (3/8) B_2 x − x² has real zeros for B_2 ≥ 32/3 only.
    a = np.linspace(0.01, 3, 3000)
    well = nmm.oscillator(radii=(1, 2))
    assert (nmm.amplitude_drift(well.with_(B2=10.5), a) < 0).all()
    assert (nmm.amplitude_drift(well.with_(B2=32 / 3 - 1e-3), a) < 0).all()
    assert (nmm.amplitude_drift(well.with_(B2=32 / 3 + 1e-3), a) > 0).any()


def test_averaging_error_over_long_times_falls_like_g():
    strengths = np.geomspace(0.002, 0.03, 4)
    errors = [averaging_error(g) for g in strengths]
    slope = np.polyfit(np.log(strengths), np.log(errors), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.1)


def averaging_error(g):
    """Largest error of v over a time 1/g, from an amplitude between barrier and cycle."""
    m, dt = nmm.oscillator(radii=(1, 2), g=g), 5e-4
    run = nmm.simulate(m, 1 / g, dt=dt, x0=[1.3, 0.0], every=40)
    slow = solve_ivp(
        lambda t, a: nmm.amplitude_drift(m, a),
        (0, run.t[-1]),
        [1.3],
        t_eval=run.t,
        rtol=1e-9,
        atol=1e-10,
    ).y[0]
    # Heun's own phase runs off by dt²/6 per unit of time, 4e-8/g here: below 0.2 % of the error.
    return np.abs(run.x[0, :, 0] - slow * np.cos(run.t)).max()


def test_cycles_lie_where_averaging_puts_them():
    strengths = np.array([0.005, 0.01, 0.02])
    found = [[cycle_near(g, a) for a in (1.0, 2.0)] for g in strengths]
    for inner, outer in found:
        assert (inner.outcome, outer.outcome) == ("converged", "converged")
        assert (inner.stable, outer.stable) == (False, True)
    amplitudes = np.array([[2 * c.amplitude[0] for c in pair] for pair in found])
    # Better than averaging promises: the radii are even in g, see above.
    slopes = np.polyfit(np.log(strengths), np.log(np.abs(amplitudes - [1, 2])), 1)[0]
    np.testing.assert_allclose(slopes, 2.0, atol=0.1)
    # Multipliers: exp(2π dȧ/da), the derivative of −g a (a² − 1)(a² − 4) being 6 g and −24 g.
    exponents = [np.log(np.prod(c.multipliers).real) for c in found[0]]
    np.testing.assert_allclose(exponents, 2 * np.pi * 0.005 * np.array([6, -24]), rtol=0.01)


def cycle_near(g, a):
    m = nmm.oscillator(radii=(1, 2), g=g)
    (rest,) = nmm.equilibria(m)
    return nmm.find_cycle(m, (rest, a / 2))


def test_the_stable_cycle_is_what_a_simulation_reaches():
    cycle = cycle_near(0.02, 2.0)
    m = nmm.oscillator(radii=(1, 2), g=0.02)
    run = nmm.simulate(m, 150.0, dt=2e-3, x0=[1.3, 0.0])
    late = run.x[0, -5000:, 0]  # more than a period; e^(−24·0.02·140) is left of the transient
    peak = cycle.x(np.linspace(0, 2 * np.pi, 4001))[:, 0].max()
    assert late.max() == pytest.approx(peak, abs=1e-5)


def test_normal_form_of_rest_is_the_average():
    # R = a/2 at first order: γ_k = g B_(k+1) 4^(−k−1) C(2k+2, k+1) 4^k.
    g = 1e-4
    m = nmm.oscillator(radii=(1, 2), g=g)
    form = nmm.perturbation.submanifolds.submanifold(m, nmm.equilibria(m)[0], 5)
    found = [form.eigenvalue.real, *(c.real for c in form.coefficients)]
    np.testing.assert_allclose(found, g * np.array([-4.0, 5 * 4, -16]), rtol=20 * g)


# Potential coupling: conservative.


def test_potential_coupling_is_neutral_at_both_orders():
    v, w, b1, b2, b3 = sp.symbols("v w B1 B2 B3")
    r = nmm.average(b1 * v + b2 * v**3 + b3 * v**5, v, w)
    a = r.amplitude
    assert (r.A1, r.A2) == (0, 0)
    # Only the frequency moves. At first order by the mean spring, at second for the cubic alone
    # −15 B_2² a⁴/256 (Nayfeh 1973), for the linear one that of sqrt(1 − g B_1).
    first = -(b1 + 3 * b2 * a**2 / 4 + 5 * b3 * a**4 / 8) / 2
    assert sp.expand(r.Phi1 - first) == 0
    assert sp.expand(r.Phi2.subs({b1: 0, b3: 0}) + 15 * b2**2 * a**4 / 256) == 0
    assert sp.expand(r.Phi2.subs({b2: 0, b3: 0}) + b1**2 / 8) == 0
    m = nmm.oscillator(coefficients=WELL, coupling="potential")
    np.testing.assert_array_equal(nmm.amplitude_drift(m, [0.5, 1.5]), 0.0)
    np.testing.assert_array_equal(nmm.amplitude_potential(m, [0.5, 1.5]), 0.0)


def test_second_order_frequency_of_potential_coupling():
    """The second-order term against the exact period, an integral over the orbit."""
    v, w = sp.symbols("v w")
    force = sum(b * v ** (2 * k + 1) for k, b in enumerate(WELL))
    r = nmm.average(force, v, w)
    a0, strengths, errors = 1.3, np.array([0.001, 0.002, 0.004]), []
    for g in strengths:
        m = nmm.oscillator(coefficients=WELL, coupling="potential", g=g)
        top = turning_point(m, a0)
        omega = 2 * np.pi / exact_period(m, top)
        phi1, phi2 = (float(e.subs(r.amplitude, a0)) for e in (r.Phi1, r.Phi2))
        errors.append(abs(omega - 1 - g * phi1 - g**2 * phi2))
    slope = np.polyfit(np.log(strengths), np.log(errors), 1)[0]
    assert slope == pytest.approx(3.0, abs=0.1)


def exact_period(m, top):
    """∮ dv/c by the conserved energy; with v = top cos θ the integrand is smooth and periodic."""
    v = top * np.cos((np.arange(64) + 0.5) * np.pi / 64)
    S = m.sigmoid.primitive
    return 2 * np.pi * np.mean((1 - 2 * m.B[1, 0] * (S(top) - S(v)) / (top**2 - v**2)) ** -0.5)


def turning_point(m, a0):
    """Largest v of the orbit whose fundamental has amplitude a0."""

    def fundamental(top):
        period = exact_period(m, top)
        n = 256
        t = np.arange(n) * period / n
        run = solve_ivp(
            lambda t, x: m.flow(x), (0, period), [top, 0.0], "DOP853", t, rtol=1e-12, atol=1e-13
        )
        return 2 * np.abs(np.fft.rfft(run.y[0])[1]) / n

    return brentq(lambda top: fundamental(top) - a0, 0.9 * a0, 1.1 * a0, xtol=1e-11)


def test_potential_coupling_keeps_the_energy():
    m, dt = nmm.oscillator(coefficients=WELL, coupling="potential"), 2e-3
    run = nmm.simulate(m, 100.0, dt=dt, x0=[1.5, 0.0], every=50)
    v, c = run.x[0].T
    energy = c**2 / 2 + v**2 / 2 - 0.01 * np.asarray(m.sigmoid.primitive(v))
    # Heun adds dt³/8 per unit of time to the relative amplitude, twice that to the energy, and
    # a wobble of dt² within a cycle.
    assert np.abs(energy / energy[0] - 1).max() < 2 * 100 * dt**3 / 8 + dt**2
    assert np.ptp(c) > 2.9  # it does oscillate


# The real sigmoid.


@pytest.mark.parametrize("s", [nmm.Sigmoid(), nmm.Sigmoid(2.0, 3.0, 5.0), OddPolynomial(WELL)])
@pytest.mark.parametrize("mean", [0.0, 0.7, -2.0])
def test_describing_function_is_its_integral(s, mean):
    for a in (0.01, 0.3, 2.5, 40.0, 300.0):
        found = nmm.describing_function(s, a, mean=mean)
        integral = quad(
            lambda phi, a=a: float(s(a * np.cos(phi) + mean)) * np.cos(phi),
            *(0, np.pi),
            points=[np.arccos(np.clip((1.5 - mean) / a, -1, 1)), np.pi / 2],  # it is steepest near
            epsabs=1e-10 * a * abs(found),
            epsrel=0,
            limit=400,
        )[0]
        # Ten times the tolerance of QUADPACK, whose error is an estimate.
        assert found == pytest.approx(2 * integral / np.pi / a, rel=1e-9)
    assert nmm.describing_function(s, 0.0, mean=mean) == pytest.approx(s.derivative(mean, 1))


def test_gain_first_rises_exactly_if_the_third_derivative_is_positive():
    rng = np.random.default_rng(7)
    for slope, bias, mean in rng.uniform([0.3, -4, -3], [2, 4, 3], size=(200, 3)):
        s = nmm.Sigmoid(slope, bias)
        third = s.derivative(mean, 3)
        small = 0.02 / slope
        rise = nmm.describing_function(s, small, mean=mean) - nmm.describing_function(
            s, 0.0, mean=mean
        )
        # N = s' + s''' a²/8 + s⁽⁵⁾ a⁴/192; the last is below a thousandth of slope³ here.
        assert rise / small**2 == pytest.approx(third / 8, abs=1e-4 * slope**3)
        beyond = abs(bias - slope * mean) > EDGE
        assert (third > 0) == beyond
        a = np.linspace(0, 60 / slope, 300)
        gain = np.asarray(nmm.describing_function(s, a, mean=mean))
        turns = np.sum(np.diff(np.sign(np.diff(gain))) != 0)
        if abs(abs(bias - slope * mean) - EDGE) > 0.05:  # the first rise must reach past a point
            assert turns == int(beyond)  # up and then down; or down from the start


def test_the_sigmoid_crosses_its_damping_twice_and_makes_two_cycles():
    m = nmm.oscillator(g=0.2)
    a = np.linspace(0.1, 12, 2000)
    drift = np.asarray(nmm.amplitude_drift(m, a))
    crossings = np.flatnonzero(np.diff(np.sign(drift)))
    assert np.sign(drift[crossings]).tolist() == [-1, 1]  # unstable, then stable
    (rest,) = nmm.equilibria(m)
    assert rest.stable
    for k, stable in zip(crossings, (False, True), strict=True):
        zero = brentq(lambda r: nmm.amplitude_drift(m, r), a[k], a[k + 1], xtol=1e-12)
        cycles = [cycle_of(m.with_(g=g), zero) for g in (0.2, 0.1)]
        errors = [abs(2 * c.amplitude[0] - zero) for c in cycles]
        assert [c.stable for c in cycles] == [stable, stable]
        assert errors[0] < 1e-3 * zero
        assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)  # even in g


def cycle_of(m, a):
    (rest,) = nmm.equilibria(m)
    return nmm.find_cycle(m, (rest, a / 2))


# Current coupling of a whole column.


def test_current_coupling_of_the_column_by_hand():
    """Each connection written out once more, from the theory's list, with τ c in each sigmoid."""
    rng = np.random.default_rng(11)
    g, tau = rng.uniform(100, 2000, 10), rng.uniform(0.002, 0.03, 4)
    m = nmm.cmc(g=g, tau=tau, bias=0.4, slope=0.9, u=150.0, coupling="current")
    np.testing.assert_array_equal(m.C, np.hstack([np.zeros((4, 4)), np.diag(tau)]))
    for x in rng.normal(size=(5, 8)) * np.repeat([1.5, 80.0], 4):
        v, c = x[:4], x[4:]
        ss, sp_, ii, dp = 1 / (1 + np.exp(0.4 - 0.9 * tau * c)) - 1 / (1 + np.exp(0.4))
        drive = [
            -g[0] * ss - g[1] * sp_ - g[2] * ii + 150.0,
            -g[6] * sp_ + g[7] * ss,
            -g[3] * ii + g[4] * ss + g[5] * dp,
            -g[8] * ii - g[9] * dp,
        ]
        expected = np.concatenate([c, (np.array(drive) - 2 * c - v / tau) / tau])
        np.testing.assert_allclose(m.flow(x), expected, rtol=1e-12)


# Fixed points.


def test_all_fixed_points_of_a_polynomial():
    rng = np.random.default_rng(5)
    for _ in range(50):
        coefficients = rng.normal(size=4) * [3, 3, 1, 0.3]
        m = nmm.oscillator(coefficients=coefficients, coupling="potential", g=1.0, u=rng.normal())
        found = [e.x[0] for e in nmm.equilibria(m)]
        p = [0.0] * 8
        p[1::2] = coefficients
        p[0], p[1] = m.u[0], p[1] - 1
        roots = np.roots(p[::-1])  # another way: eigenvalues of the companion matrix
        expected = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_current_coupling_has_one_fixed_point():
    (rest,) = nmm.equilibria(nmm.oscillator(radii=(1, 2), u=0.7))
    np.testing.assert_allclose(rest.x, [0.7, 0.0], atol=1e-15)


def test_a_double_root_is_reported():
    # v = v − v³ + u: at u = 0 three roots in one.
    m = nmm.oscillator(coefficients=(2.0, -2.0), coupling="potential", g=0.5)
    with pytest.warns(NumericalWarning, match="undecided"):
        found = nmm.equilibria(m)
    np.testing.assert_allclose([e.x for e in found], [[0.0, 0.0]], atol=1e-15)


def test_several_polynomial_arguments_are_refused():
    def assemble(_):
        A, pair = np.diag([-1.0, -2.0]), {"coefficients": (1.0, 2.0)}
        one, zero = np.eye(2), np.zeros(2)
        return LureForm(A, one, one, zero, one, zero, pair, OddPolynomial)

    m = NeuralMass("two", ("p", "q"), ("v_p", "v_q"), "p", (), assemble)
    with pytest.raises(ValueError, match="2 arguments"):
        nmm.equilibria(m)


# Boundaries.


@pytest.mark.parametrize(
    "s", [nmm.Sigmoid(), nmm.Sigmoid(2, 3, 5), nmm.Sigmoid(1, -2, 3, False), OddPolynomial(WELL)]
)
def test_primitives_are_integrals(s):
    for v in (-3.0, -0.2, 0.0, 1.1, 30.0):
        # Rounding: of the log of the exponential, 1e-16 of its argument and of the height.
        assert s.primitive(v) == pytest.approx(quad(s, 0, v, epsrel=1e-12)[0], rel=1e-11, abs=1e-14)


def test_a_growing_polynomial_diverges_and_says_so():
    m = nmm.oscillator(coefficients=(1.0, 1.0), g=0.5)
    with pytest.warns(NumericalWarning, match="diverged"):
        assert nmm.simulate(m, 50.0, dt=1e-3, x0=[1.0, 0.0]).outcome == "diverged"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nmm.simulate(m, 0.1, dt=1e-3, x0=[1.0, 0.0]).outcome == "finished"
    line = nmm.oscillator(coefficients=(1.0,), g=1.0)  # grows like e^(t/2), a million times by 28
    with pytest.warns(NumericalWarning, match="no bounds"):
        assert nmm.simulate(line, 40.0, dt=1e-3, x0=[1.0, 0.0]).outcome == "diverged"


def test_changed_copies_keep_the_kind():
    m = nmm.oscillator(radii=(1, 2)).with_(B2=10.5, g=0.02)
    assert m.sigmoid.coefficients == pytest.approx((-8.0, 10.5, -3.2))
    assert m.B[1, 0] == 0.02
    assert [p.name for p in m.parameters] == ["g", "B1", "B2", "B3", "u"]
    assert [p.name for p in nmm.oscillator().parameters] == ["g", "slope", "bias", "damping", "u"]
    with pytest.raises(KeyError, match="B4"):
        m.with_(B4=1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"radii": (1, 2), "coefficients": (1,)}, "not both"),
        ({"radii": (2, 1)}, "ascending"),
        ({"radii": (0, 1)}, "positive"),
        ({"radii": ()}, "list of finite numbers"),
        ({"radii": 1.0}, "list of finite numbers"),
        ({"coefficients": (np.nan,)}, "list of finite numbers"),
        ({"coefficients": (1,), "damping": 0.1}, "damping belong to the sigmoid"),
        ({"coupling": "chemical"}, "choose one of"),
        ({"g": -0.1}, "not be negative"),
        ({"slope": -1.0}, "slope"),
        ({"u": np.inf}, "finite"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        nmm.oscillator(**arguments)


def scaled(spring, weight):
    """Almost the oscillator: another frequency, or a current that enters with another weight."""

    def assemble(_):
        A, C = np.array([[0, 1], [spring, 0]]), np.array([[0, weight]])
        end = np.array([[0], [1]])
        return LureForm(A, end, C, [0], end, [0], {"coefficients": WELL}, OddPolynomial)

    return NeuralMass("scaled", ("p",), ("v", "c"), "p", (), assemble)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nmm.describing_function(nmm.cmc(), 1.0), "take m.sigmoid"),
        (lambda: nmm.describing_function(nmm.Sigmoid(), -1.0), "not negative"),
        (lambda: nmm.amplitude_drift(nmm.cmc(), 1.0), "build it with oscillator"),
        (lambda: nmm.amplitude_potential(nmm.wilson_cowan(), 1.0), "build it with oscillator"),
        (lambda: nmm.amplitude_drift(scaled(-4.0, 1.0), 1.0), "build it with oscillator"),
        (lambda: nmm.amplitude_drift(scaled(-1.0, 2.0), 1.0), "build it with oscillator"),
        (lambda: nmm.amplitude_drift(nmm.oscillator(), np.nan), "finite"),
        (lambda: OddPolynomial(()), "at least one"),
        (lambda: OddPolynomial((np.inf,)), "finite"),
    ],
)
def test_averages_refuse_what_they_cannot_average(call, message):
    with pytest.raises(ValueError, match=message):
        call()
