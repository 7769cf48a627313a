"""The normal form: stated numbers, Kuznetsov's formulas, the full model, and its own judgement."""

import json
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import nmm
from nmm.fixed_points import Equilibrium, equilibrium_at
from nmm.outcome import NumericalWarning
from nmm.perturbation.submanifolds import leading_pair, submanifold

KNOWN = json.loads(
    (Path(__file__).parent / "reference" / "jr_bifurcations.json").read_text(encoding="utf8")
)


def rest(m) -> Equilibrium:
    (point,) = nmm.equilibria(m)
    return point


@pytest.fixture(scope="module")
def hopf():
    """The bistable column where its rest loses stability as the input grows."""
    u = brentq(lambda u: rest(nmm.bistable_column(u=u)).eigenvalues[0].real, 2700, 2760, xtol=1e-11)
    return nmm.bistable_column(u=u)


def test_the_bistable_columns_upper_hopf_point(hopf):
    # As published with this project: u = 2728.2, 15.43 Hz, Re γ1 = +3.060, Re γ2 = +207.6.
    s = submanifold(hopf, rest(hopf), 5)
    assert hopf.u[0] == pytest.approx(2728.2, abs=0.05)
    assert s.eigenvalue.imag / (2 * np.pi) == pytest.approx(15.43, abs=0.005)
    assert s.coefficients[0].real == pytest.approx(3.060, abs=0.0005)
    assert s.coefficients[1].real == pytest.approx(207.6, abs=0.05)


def kuznetsov(m, x):
    """c1 and c2 of Kuznetsov's Elements of Applied Bifurcation Theory, chapters 5 and 8.

    From the forms alone. His Re c1 = 0 at c2 is not assumed: h22 and h31 keep their c1.
    """
    J = m.jacobian(x)
    value, q, p = leading_pair(m, J)
    Q, one, D = q.conj(), np.eye(len(J)), lambda *arms: m.form(x, *arms)

    def solve(k, rhs):
        return np.linalg.solve(1j * k * value.imag * one - J, rhs)

    h11, h20 = solve(0, D(q, Q)), solve(2, D(q, q))
    third = D(q, q, Q) + 2 * D(q, h11) + D(Q, h20)
    c1 = p @ third / 2
    bordered = np.block([[1j * value.imag * one - J, q[:, None]], [p[None, :], np.zeros((1, 1))]])
    h21 = np.linalg.solve(bordered, np.append(third - 2 * c1 * q, 0))[:-1]
    H20, H21 = h20.conj(), h21.conj()
    h30 = solve(3, D(q, q, q) + 3 * D(q, h20))
    h31 = solve(
        2,
        D(q, q, q, Q)
        + 3 * D(q, q, h11)
        + 3 * D(q, Q, h20)
        + 3 * D(h20, h11)
        + D(Q, h30)
        + 3 * D(q, h21)
        - 6 * c1 * h20,
    )
    h22 = solve(
        0,
        D(q, q, Q, Q)
        + 4 * D(q, Q, h11)
        + D(Q, Q, h20)
        + D(q, q, H20)
        + 2 * D(h11, h11)
        + 2 * D(q, H21)
        + 2 * D(Q, h21)
        + D(H20, h20)
        - 8 * c1.real * h11,
    )
    fifth = (
        D(q, q, q, Q, Q)
        + D(q, q, q, H20)
        + 3 * D(q, Q, Q, h20)
        + 6 * D(q, q, Q, h11)
        + D(Q, Q, h30)
        + 3 * D(q, q, H21)
        + 6 * D(q, Q, h21)
        + 3 * D(q, H20, h20)
        + 6 * D(q, h11, h11)
        + 6 * D(Q, h20, h11)
        + 2 * D(Q, h31)
        + 3 * D(q, h22)
        + D(H20, h30)
        + 3 * D(H21, h20)
        + 6 * D(h11, h21)
    )
    return c1, p @ fifth / 12


def random_hopf_point(seed):
    """A column, its connections drawn at random, tuned by g6 to where rest loses stability."""
    rng = np.random.default_rng(seed)
    for _ in range(400):
        g = np.exp(rng.normal(0, 0.8, 10)) * [800, 800, 1600, 800, 800, 400, 800, 800, 400, 200]
        m = nmm.cmc(g=g, bias=rng.normal(), u=1000 * rng.normal())

        def leading(log_scale, m=m, g6=g[5]):
            found = nmm.equilibria(m.with_(g6=g6 * np.exp(log_scale)))
            return found[0].eigenvalues[0] if len(found) == 1 else complex("nan")

        if np.sign(leading(-2.0).real) * np.sign(leading(3.0).real) == -1:
            at = brentq(lambda s: leading(s).real, -2.0, 3.0, xtol=1e-14)
            if leading(at).imag > 1:
                return m.with_(g6=g[5] * np.exp(at))
    raise AssertionError("no Hopf point among 400 columns")


@pytest.mark.parametrize("seed", range(100))
def test_coefficients_are_kuznetsovs(seed):
    m = random_hopf_point(seed)
    point = rest(m)
    gammas = nmm.normal_form(m, point, order=5).coefficients
    # λ there is imaginary to 1e-9, and the formulas assume exactly that.
    assert gammas == pytest.approx(kuznetsov(m, point.x), rel=1e-8)


def jansen_rits_hopf_points():
    for known in KNOWN["hopf"]:
        m = nmm.jansen_rit(p=float(known["p"]))
        omega = float(known["omega_rad_s"])
        yield m, min(nmm.equilibria(m), key=lambda e: np.abs(e.eigenvalues - 1j * omega).min())


def test_the_surface_is_invariant_up_to_its_order():
    column = nmm.bistable_column(u=2700.0)
    for m, point in [(column, rest(column)), *jansen_rits_hopf_points()]:
        size = nmm.normal_form(m, point, order=7).trust_radius
        # Small enough for the first neglected order alone, large enough to stand above rounding.
        for order, share in [(3, 0.02), (5, 0.03), (7, 0.05)]:
            form = nmm.normal_form(m, point, order=order)
            radii = size * share * np.array([1.0, 2.0])
            left = [residual(m, point.x, form.surface, R) for R in radii]
            slope = np.log(left[1] / left[0]) / np.log(2)
            assert slope == pytest.approx(order + 1, abs=0.1)


def residual(m, x, s, R, n=64):
    """Largest flow that points out of the surface, over a circle of radius R."""
    z = R * np.exp(2j * np.pi * np.arange(n) / n)
    state, slope = np.tile(x.astype(complex), (n, 1)), np.zeros((n, len(x)), complex)
    for rows in s.surface:
        degree = rows.shape[1] - 1
        for j in range(degree + 1):
            k = degree - j
            state += np.outer(z**j * z.conj() ** k, rows[:, j])
            if j:
                slope += np.outer(j * z ** (j - 1) * z.conj() ** k, rows[:, j])
    rate = s.eigenvalue * z
    for i, gamma in enumerate(s.coefficients, start=1):
        rate = rate + gamma * z * np.abs(z) ** (2 * i)
    along = 2 * (slope * rate[:, None]).real
    return np.abs(m.flow(state.real) - along).max()


def test_z_is_the_projection_on_the_left_eigenvector():
    m = nmm.bistable_column(u=2700.0)
    s = submanifold(m, rest(m), 7)
    assert s.left @ s.surface[0][:, 1] == pytest.approx(1.0, rel=1e-10)
    for rows in s.surface[1:]:
        degree = rows.shape[1] - 1
        if degree % 2:
            assert abs(s.left @ rows[:, degree // 2 + 1]) < 1e-8 * np.abs(rows).max()


def test_the_parts_of_the_first_coefficient(hopf):
    # As published with this project: Re γ1 = −17.17 + 42.65 − 22.42 at u = 2728.2.
    form = nmm.normal_form(hopf, rest(hopf), order=3)
    terms = form.terms
    assert [terms[k].real for k in ("cubic", "mean_shift", "second_harmonic")] == pytest.approx(
        [-17.17, 42.65, -22.42], abs=0.005
    )
    for m, point in [(hopf, rest(hopf)), *jansen_rits_hopf_points()]:
        form = nmm.normal_form(m, point, order=3)
        assert sum(form.terms.values()) == pytest.approx(form.coefficients[0], rel=1e-10)


def true_radius(m, point, r):
    """R of the cycle of the full model whose r is nearest, or nan."""
    try:
        cycle = nmm.find_cycle(m, (point, r), harmonics=16)
    except ValueError:
        return np.nan
    _, _, left = leading_pair(m, m.jacobian(point.x))
    return abs(left @ cycle.coefficients[1]) / 2


def trusted(form):
    """Radii without the warning, which the next test is about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericalWarning)
        return form.radii()


def test_the_separatrix_of_the_bistable_column():
    m = nmm.bistable_column(u=2700.0)
    point = rest(m)
    true = true_radius(m, point, 0.1515)
    assert true == pytest.approx(0.1578, abs=5e-5)
    for order, stated in [(5, 0.149), (7, 0.161), (9, 0.157), (11, 0.158)]:
        ((R, stable),) = trusted(nmm.normal_form(m, point, order=order))
        assert stated == pytest.approx(R, abs=5e-4)
        assert true == pytest.approx(R, rel=0.065)
        assert not stable


@pytest.mark.parametrize("order", [3, 5, 7, 9, 11])
def test_the_series_does_not_reach_the_cycle_at_2400_and_says_so(order):
    # R = 0.3926 there; every order up to 11 has a zero somewhere or none, all of them wrong.
    m = nmm.bistable_column(u=2400.0)
    form = nmm.normal_form(m, rest(m), order=order)
    assert form.trust_radius < 0.3
    if order in (7, 11):  # no zero at all
        assert form.radii() == []
        return
    with pytest.warns(NumericalWarning, match="beyond the trust radius"):
        assert form.radii() == []


def test_what_is_trusted_is_true_along_the_bistable_columns_branch():
    seen = 0
    r = 0.27
    for u in (2500, 2550, 2575, 2600, 2625, 2650, 2660, 2670, 2680, 2690, 2700, 2710, 2720, 2728):
        m = nmm.bistable_column(u=float(u))
        point = rest(m)
        cycle = nmm.find_cycle(m, (point, r), harmonics=12)
        r = cycle.amplitude[m.populations.index("sp")]
        _, _, left = leading_pair(m, m.jacobian(point.x))
        true = abs(left @ cycle.coefficients[1]) / 2
        for order in (3, 5, 7, 9, 11, 13):
            for R, stable in trusted(nmm.normal_form(m, point, order=order)):
                seen += 1
                assert not stable
                assert true == pytest.approx(R, rel=0.1)  # a tenth, as the trust radius has it
    assert seen > 30


@pytest.mark.parametrize("seed", range(20))
def test_what_is_trusted_is_true_at_random_hopf_points(seed):
    m = random_hopf_point(seed)
    g6 = m.parameters[5].value
    seen = 0
    for shift in (-0.03, -0.002, 0.002, 0.03):
        near = m.with_(g6=g6 * (1 + shift))
        points = nmm.equilibria(near)
        if len(points) > 1 or points[0].eigenvalues[0].imag <= 0:
            continue
        forms = [nmm.normal_form(near, points[0], order=order) for order in (9, 7, 5, 3)]
        found = [R for form in forms for R, _ in trusted(form)]
        true = []  # cycles of the full model near what was found
        for R in found:
            if not any(abs(R / R0 - 1) < 0.1 for R0 in true):
                true.append(true_radius(near, points[0], R))
                assert true[-1] == pytest.approx(R, rel=0.1)
            seen += 1
    assert seen > 0


def test_two_cycles_around_one_fixed_point_are_trusted_together():
    # A random column near a generalised Hopf point: the growth falls again before the second.
    m = random_hopf_point(0)
    m = m.with_(g6=m.parameters[5].value * 0.999)
    form = nmm.normal_form(m, rest(m), order=9)
    (inner, inside), (outer, outside) = form.radii()
    assert (inside, outside) == (False, True)
    for R, error in [(inner, 1e-3), (outer, 0.05)]:  # the series is near its end at the second
        assert true_radius(m, rest(m), R) == pytest.approx(R, rel=error)


@pytest.mark.parametrize("seed", range(5))
def test_the_trusted_growth_is_that_of_the_full_model(seed):
    m = random_hopf_point(seed)
    point = rest(m)
    for order in (3, 5, 9):
        form = nmm.normal_form(m, point, order=order)
        R = 0.9 * form.trust_radius
        period = 1 / form.frequency(R)
        run = nmm.simulate(m, 10 * period, dt=2e-5, x0=form.state(R))
        amplitude = np.abs(form.coordinate(run.x[0]))
        # Twice one whole period, so that what the surface lacks averages out; fast modes are gone.
        one = round(period / 2e-5)
        first, last = (
            np.mean(np.log(part)) for part in (amplitude[one : 2 * one], amplitude[-one:])
        )
        measured = (last - first) / (run.t[-one] - run.t[one])
        mean = np.exp((first + last) / 2)
        steps = np.linspace(0, R, 200)
        slopes = steps * np.gradient(form.growth(steps), steps)
        assert measured == pytest.approx(form.growth(mean), abs=0.1 * np.abs(slopes).max())


@pytest.mark.parametrize(("seed", "order"), [(6, 9), (14, 3), (33, 3), (35, 5)])
def test_the_flow_stays_near_the_trusted_surface(seed, order):
    # Points at which this, and not the size of the next orders, sets the trust radius.
    m = random_hopf_point(seed)
    form = nmm.normal_form(m, rest(m), order=order)
    z = 0.99 * form.trust_radius * np.exp(2j * np.pi * np.arange(100) / 100)
    velocity = z * (form.growth(np.abs(z)) + 2j * np.pi * form.frequency(np.abs(z)))
    step = 1e-5 / abs(form.eigenvalue)
    along = (form.state(z + step * velocity) - form.state(z - step * velocity)) / (2 * step)
    off = (m.flow(form.state(z)) - along) * np.abs(form.surface.left)
    share = np.linalg.norm(off) / np.linalg.norm(along * np.abs(form.surface.left))
    assert 0.08 < share < 0.1


def test_beyond_the_trust_radius_there_are_no_numbers():
    m = nmm.bistable_column(u=2700.0)
    form = nmm.normal_form(m, rest(m), order=7)
    far = 1.01 * form.trust_radius
    for call in (form.growth, form.frequency, form.state):
        with pytest.warns(NumericalWarning, match="beyond the trust radius"):
            found = np.asarray(call([0.1, far]))
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all()
    with pytest.warns(NumericalWarning, match="negative"):
        assert np.isnan(form.growth(-0.1))
    with pytest.warns(NumericalWarning, match="trust radius"):
        assert np.isnan(form.coordinate(rest(m).x + 5.0))
    with pytest.warns(NumericalWarning, match="trust radius"):
        z = form.solution(0.17, [0.0, 1.0, 100.0])  # outside the separatrix: it grows
    assert np.isnan(z).tolist() == [False, False, True]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert form.growth(0.0) == pytest.approx(form.eigenvalue.real)
        assert form.frequency(0.0) == pytest.approx(form.eigenvalue.imag / (2 * np.pi))


def test_surface_and_coordinate_undo_each_other():
    m = nmm.bistable_column(u=2700.0)
    form = nmm.normal_form(m, rest(m), order=9)
    z = np.outer(np.linspace(0, 0.99, 5) * form.trust_radius, np.exp(1j * np.arange(7)))
    x = form.state(z)
    assert x.shape == (5, 7, 8)
    np.testing.assert_allclose(form.coordinate(x), z, atol=1e-12)
    np.testing.assert_allclose(form.state(0.0), rest(m).x)


def test_the_reference_population_sets_the_unit_of_R():
    m = nmm.bistable_column(u=2700.0)
    one, other = (nmm.normal_form(m, rest(m), order=5, reference=p) for p in ("sp", "dp"))
    q = one.surface.surface[0][:, 1]
    ratio = abs(q[m.populations.index("dp")])
    assert other.coefficients[0] == pytest.approx(one.coefficients[0] / ratio**2, rel=1e-9)
    assert other.radii()[0][0] == pytest.approx(one.radii()[0][0] * ratio, rel=1e-9)
    assert other.trust_radius == pytest.approx(one.trust_radius * ratio, rel=1e-9)
    with pytest.raises(ValueError, match="it must be one of"):
        nmm.normal_form(m, rest(m), reference="xx")


@pytest.mark.parametrize("order", [3, 5])
@pytest.mark.parametrize("u", [2700.0, 2730.0])
def test_the_amplitude_equations_solution(u, order):
    m = nmm.bistable_column(u=u)
    form = nmm.normal_form(m, rest(m), order=order)
    t = np.linspace(0, 2, 30)
    z0 = 0.02 * np.exp(0.7j)

    def velocity(_, y):
        z = complex(*y)
        rate = form.eigenvalue * z
        rate += sum(g * z * abs(z) ** (2 * k) for k, g in enumerate(form.coefficients, start=1))
        return [rate.real, rate.imag]

    start = [z0.real, z0.imag]
    path = solve_ivp(velocity, (0, 2), start, "DOP853", t_eval=t, rtol=1e-12, atol=1e-14).y
    np.testing.assert_allclose(form.solution(z0, t), path[0] + 1j * path[1], atol=1e-9)
    assert form.solution(0.0, t).tolist() == [0.0] * 30


def test_the_closed_form_where_the_growth_vanishes(hopf):
    # At Re λ = 0: R = R0 / √(1 − 2 Re γ1 R0² t).
    form = nmm.normal_form(hopf, rest(hopf), order=3)
    R0 = 0.8 * form.trust_radius
    t = np.array([0.0, 1.0, 5.0])
    expected = R0 / np.sqrt(1 - 2 * form.coefficients[0].real * R0**2 * t)
    np.testing.assert_allclose(np.abs(form.solution(R0, t)), expected, rtol=1e-6)
    escape = 1 / (2 * form.coefficients[0].real * R0**2)
    with pytest.warns(NumericalWarning, match="trust radius") as caught:
        late = form.solution(R0, [0.1 * escape, 2 * escape])
    assert np.isnan(late).tolist() == [False, True]
    assert len(caught) == 1


def test_the_solution_is_the_full_model_near_the_hopf_point(hopf):
    # Ten relaxation times of the whole column, released on the surface, at shares of the unstable
    # cycle's R: where the error stays below 1 % (nan, beyond the trust radius, is not below).
    shares = np.array([0.1, 0.3, 0.45, 0.65])
    domain = {3: [], 5: []}
    for distance in (3.0, 10.0, 30.0):
        m = nmm.bistable_column(u=hopf.u[0] - distance)
        point = rest(m)
        barrier = trusted(nmm.normal_form(m, point, order=9))[0][0]
        for order, rows in domain.items():
            errors = nmm.normal_form(m, point, order=order).solution_error(shares * barrier)
            rows.append((errors < 0.01).tolist())
    # The closed form loses ground with the distance; the next order holds throughout.
    assert domain[3] == [[True, True, True, False]] * 2 + [[True, True, False, False]]
    assert domain[5] == [[True] * 4] * 3
    assert np.isnan(nmm.normal_form(m, point, order=3).solution_error([0.5, -0.1])).all()


def test_the_closed_form_follows_a_soft_onset():
    # Jansen and Rit's second Hopf point: the oscillation grows, or shrinks, to its stable cycle.
    m = nmm.jansen_rit(p=float(KNOWN["hopf"][1]["p"]) + 1.0)
    form = nmm.normal_form(m, nmm.equilibria(m)[-1], order=3)
    ((R, stable),) = form.radii()
    assert stable
    assert np.abs(form.solution(R / 5, 1e4)) == pytest.approx(R, rel=1e-9)
    assert (form.solution_error([R / 5, R / 2, 2 * R]) < 0.01).all()


def test_order_nine_takes_less_than_fifty_milliseconds():
    m = nmm.bistable_column(u=2700.0)
    point = rest(m)
    durations = []
    for _ in range(15):
        start = time.perf_counter()
        nmm.normal_form(m, point, order=9)
        durations.append(time.perf_counter() - start)
    assert min(durations) < 0.05


def test_what_is_no_oscillation_is_refused():
    m = nmm.jansen_rit(p=-41.0)
    unstable = nmm.equilibria(m)[1]
    with pytest.raises(ValueError, match="is real"):
        submanifold(m, unstable, 3)
    with pytest.raises(ValueError, match="is real"):
        _ = nmm.normal_form(m, unstable, order=3).terms
    with pytest.raises(ValueError, match="it is odd"):
        nmm.normal_form(nmm.bistable_column(), rest(nmm.bistable_column()), order=4)


def test_two_equally_slow_modes_are_refused():
    two = nmm.from_spm({}, n_sources=2)
    with pytest.raises(ValueError, match="equally slow"):
        nmm.normal_form(two, equilibrium_at(two, np.zeros(16)), order=3)


def switch(w, bias=0.0):
    """One self-exciting population; slope 2: at bias 0 a pitchfork at w = 200."""

    def assemble(values):
        A = np.array([[0.0, 1.0], [-1e4, -200.0]])
        B = np.zeros((2, 1), dtype=object)
        B[1, 0] = values["w"] * 100
        C, E = np.array([[1.0, 0.0]]), np.array([[0.0], [100.0]])
        shape = {"slope": 2.0, "bias": bias}
        return nmm.system.LureForm(A, B, C, np.zeros(1), E, np.zeros(1), shape)

    parameter = nmm.Parameter("w", "w", w, "mV/s", w, None, "this test", "self-excitation")
    return nmm.NeuralMass("switch", ("a",), ("v_a", "c_a"), "a", (parameter,), assemble)


@pytest.mark.parametrize("i", range(2))
def test_jansen_rits_folds(i):
    known = KNOWN["folds"][i]
    m = nmm.jansen_rit(p=float(known["p"]))
    x = np.array([float(v) for v in known["state"]])
    form = nmm.normal_form(m, equilibrium_at(m, x), order=3, near=0.0)
    assert not form.oscillates
    # There |q| = 1, here q = 1 in the reference potential: z is |q| times theirs.
    length = np.linalg.norm(form.surface.surface[0][:, 0].real)
    assert form.coefficients[0] / length == pytest.approx(float(known["quad_coeff_a"]), rel=1e-8)
    effect = nmm.unfold(form, "p")
    assert effect.kind == "fold"
    # The two fixed points left of one fold, right of the other, part like √(−push δp / a2).
    side = -np.sign(effect.push * form.coefficients[0])
    delta = 1e-3 * side
    near = m.with_(p=float(known["p"]) + delta)
    z = [float((form.surface.left @ (e.x - x)).real) for e in nmm.equilibria(near)]
    expected = np.sqrt(-effect.push * delta / form.coefficients[0])
    assert sorted(np.abs(z))[:2] == pytest.approx([expected] * 2, rel=0.02)


@pytest.mark.parametrize(("bias", "kind"), [(0.0, "pitchfork"), (0.7, "transcritical")])
def test_the_kinds_of_a_real_mode(bias, kind):
    s = nmm.Sigmoid(slope=2.0, bias=bias)
    critical = 100.0 / s.derivative(0.0, 1)
    m = switch(1.01 * critical, bias)
    form = nmm.normal_form(m, equilibrium_at(m, np.zeros(2)), order=5)
    effect = nmm.unfold(form, "w")
    assert (effect.kind, effect.push) == (kind, 0.0)
    # λ solves (λ + 100)² = 100 w s'(0).
    by_hand = 100 * s.derivative(0.0, 1) / (2 * (form.eigenvalue.real + 100))
    assert effect.slope == pytest.approx(by_hand, rel=1e-9)
    found = [R for R, _ in trusted(form)]
    others = [e.x for e in nmm.equilibria(m) if 1e-6 < abs(e.x[0]) < 0.3]
    z = sorted(float((form.surface.left @ x).real) for x in others)
    assert found == pytest.approx(z, rel=1e-3)
    assert len(found) == (2 if kind == "pitchfork" else 1)
    assert all(stable for _, stable in trusted(form))
    np.testing.assert_allclose(form.state(z[0]), form.state(form.coordinate(others[0])), atol=1e-9)
    # The line's own rate is that of the full model.
    half = form.state(z[0] / 2)
    assert form.growth(z[0] / 2) * z[0] / 2 == pytest.approx(
        (form.surface.left @ m.flow(half)).real, rel=1e-4
    )


@pytest.mark.parametrize("bias", [0.0, 0.7])
def test_a_real_modes_motion_is_the_full_models(bias):
    s = nmm.Sigmoid(slope=2.0, bias=bias)
    m = switch(1.005 * 100.0 / s.derivative(0.0, 1), bias)
    form = nmm.normal_form(m, equilibrium_at(m, np.zeros(2)), order=5)
    other = trusted(form)[0][0]
    t = np.linspace(0, 5, 11)
    z = form.solution(other / 3, t)
    run = nmm.simulate(m, 5.0, x0=form.state(other / 3), every=5000)
    assert np.isrealobj(z)
    # What the fifth order leaves out, at this size of z.
    np.testing.assert_allclose(form.coordinate(run.x[0]), z, rtol=2e-4)


def test_the_slow_line_is_invariant_up_to_its_order():
    known = KNOWN["folds"][0]
    fold = nmm.jansen_rit(p=float(known["p"]))
    x = np.array([float(v) for v in known["state"]])
    bent = switch(120.0, 0.7)
    for m, state in [(bent, np.zeros(2)), (fold, x)]:
        for order, size in [(2, 0.003), (3, 0.01), (4, 0.02), (5, 0.03)]:
            form = nmm.normal_form(m, equilibrium_at(m, state), order=order, near=0.0)
            left = []
            for z in (size, 2 * size):
                h = [rows[:, 0].real for rows in form.surface.surface]
                along = sum(k * v * z ** (k - 1) for k, v in enumerate(h, start=1))
                rate = form.eigenvalue.real * z
                rate += sum(a * z**k for k, a in enumerate(form.coefficients, start=2))
                place = state + sum(v * z**k for k, v in enumerate(h, start=1))
                left.append(np.abs(m.flow(place) - along * rate).max())
            assert np.log2(left[1] / left[0]) == pytest.approx(order + 1, abs=0.1)


def test_a_resonance_is_named():
    # Two populations without synapses: eigenvalues −10 and −20, and 2 · (−10) = −20.
    def assemble(values):
        A, zero = np.diag([-10.0, -20.0]), np.zeros((2, 1))
        return nmm.system.LureForm(A, np.ones((2, 1)), zero.T, np.zeros(1), zero, np.zeros(1), {})

    m = nmm.NeuralMass("decay", ("a", "b"), ("a", "b"), "a", (), assemble)
    with pytest.raises(ValueError, match="multiple of the slow"):
        nmm.normal_form(m, equilibrium_at(m, np.zeros(2)), order=3)


@pytest.mark.parametrize("name", ["u", "g6", "tau_dp", "bias", "slope"])
def test_the_eigenvalues_slope_equals_differences(name):
    m = nmm.bistable_column(u=2700.0)
    value = next(p.value for p in m.parameters if p.name == name)
    h = 1e-5 * max(abs(value), 1.0)
    effect = nmm.unfold(nmm.normal_form(m, rest(m), order=3), name)
    both = [rest(m.with_(**{name: value + s * h})).eigenvalues[0] for s in (1, -1)]
    # Central differences: error h² of the third derivative, and rounding 1e-11 / h.
    assert effect.slope == pytest.approx((both[0] - both[1]) / (2 * h), rel=1e-6)
    assert effect.kind == "hopf"


def test_jansen_rits_crossing_speeds():
    for known, (m, point) in zip(KNOWN["hopf"], jansen_rits_hopf_points(), strict=True):
        effect = nmm.unfold(nmm.normal_form(m, point, order=3), "p")
        assert effect.slope.real == pytest.approx(float(known["dRe_lambda_dp"]), rel=1e-8)


def test_the_normal_form_along_a_parameter(hopf):
    m = nmm.bistable_column(u=1500.0)
    values = np.array([2728.0, -900.0, 1500.0, 2740.0, 600.0])
    along = nmm.normal_form_along(m, rest(m), "u", values)
    assert along.outcome == "complete"
    for i, u in enumerate(values):
        there = nmm.bistable_column(u=u)
        form = nmm.normal_form(there, rest(there), order=5)
        np.testing.assert_allclose(along.x[i], rest(there).x, atol=1e-9)
        assert along.eigenvalue[i] == pytest.approx(form.eigenvalue, rel=1e-9)
        assert along.coefficients[i] == pytest.approx(form.coefficients, rel=1e-7)
        assert along.slope[i] == pytest.approx(nmm.unfold(form, "u").slope, rel=1e-7)
    crossing = values[0] - along.eigenvalue[0].real / along.slope[0].real
    assert crossing == pytest.approx(hopf.u[0], abs=1e-3)


def test_a_fixed_point_that_ends_is_lost_and_said_to_be():
    # Jansen and Rit's lowest fixed point ends in a fold at p = 113.59; its pair is real before.
    m = nmm.jansen_rit(p=120.0)
    upper = nmm.equilibria(m)[-1]
    with pytest.warns(NumericalWarning, match="could be followed in p from"):
        along = nmm.normal_form_along(m, upper, "p", [100.0, 0.0, -60.0])
    assert along.outcome == "lost"
    assert np.isnan(along.eigenvalue).tolist() == [False, False, True]
    with pytest.raises(KeyError, match="no parameter"):
        nmm.normal_form_along(m, upper, "q", [1.0])
    with pytest.raises(KeyError, match="no parameter"):
        nmm.unfold(nmm.normal_form(m, upper), "q")


def test_what_does_not_belong_together_is_refused():
    m, elsewhere = nmm.bistable_column(u=2700.0), nmm.equilibria(nmm.bistable_column(u=2000.0))[0]
    with pytest.raises(ValueError, match="no fixed point of this model"):
        nmm.normal_form(m, elsewhere)
    (rest,) = nmm.equilibria(m)
    with pytest.raises(ValueError, match=r"near = .nan"):
        nmm.normal_form(m, rest, near=complex("nan"))
    with pytest.raises(ValueError, match="order = 4; of an oscillation it is odd"):
        nmm.normal_form(m, rest, order=4)


def test_two_modes_almost_as_slow_are_refused():
    g = 200 * np.array([2, 10, 42, 2, 3, 24, 3.5, 4.5, 2, 3])
    inside = {f"g{i + 1}_{k}": g[i] for i in range(10) for k in (1, 2)}
    twins = nmm.from_spm({}, n_sources=2).with_(
        **{**inside, "bias": 0.6, "g6_2": g[5] * (1 + 1e-8)}
    )
    with pytest.raises(ValueError, match="equally slow"):
        nmm.normal_form(twins, nmm.equilibria(twins)[0])
