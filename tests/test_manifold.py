"""The amplitude equation: cycles, eigenvalue and transients of the whole model by other routes."""

import time
import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import nmm
from nmm.amplitudes.invariance import Grid, Invariance, grid_operators, to_complex, to_real
from nmm.outcome import NumericalWarning
from nmm.perturbation.normal_forms import submanifold

# u: (r, R) of the unstable and the stable cycle, as published with this project.
PUBLISHED = {
    0.0: ((0.3479, 0.6001), (0.4096, 1.139)),
    2400.0: ((0.2994, 0.3926), (0.4074, 0.9084)),
    2600.0: ((0.2340, 0.2660), (0.4017, 0.8264)),
    2700.0: ((0.1515, 0.1578), (0.3986, 0.7848)),
}
BISTABLE = np.array([2, 10, 42, 2, 3, 24, 3.5, 4.5, 2, 3])
NO_MEAN_SHIFT = nmm.cmc(  # bias 0, input 0: no second derivative of the sigmoid at rest
    g=200 * np.array([13.612, 2.971, 3.556, 8.487, 5.154, 40.63, 2.832, 0.909, 1.792, 0.640])
)
EQUAL_CONSTANTS = nmm.cmc(
    g=200 * np.array([12.81, 4.006, 26.38, 1.796, 3.272, 5.339, 0.215, 1.585, 3.199, 0.561]),
    tau=[0.016] * 4,
    bias=0.6,
)


def drawn(i):
    """The i-th of 700 columns, strengths e^(0.7 ξ) times those of the bistable one."""
    factors = np.exp(np.random.default_rng(20230216).normal(0, 0.7, (700, 10)))
    return nmm.cmc(g=200 * BISTABLE * factors[i], bias=0.6)


def reduced(m, **options):
    return nmm.amplitude_equation(m, nmm.equilibria(m)[0], **options)


@pytest.fixture(scope="module")
def columns():
    return {u: nmm.bistable_column(u=u) for u in (0.0, 1500.0, 2400.0, 2600.0, 2700.0)}


@pytest.fixture(scope="module")
def equations(columns):
    return {u: reduced(m) for u, m in columns.items()}


@pytest.fixture(scope="module")
def fine(columns):
    return {u: reduced(m, harmonics=24) for u, m in columns.items() if u in (0.0, 2600.0)}


@pytest.mark.parametrize("u", PUBLISHED)
def test_radii_as_published(equations, columns, u):
    five, twelve = equations[u], reduced(columns[u], harmonics=12)
    assert [stable for _, stable in five.radii()] == [True, False, True]
    assert five.radii()[0] == (0.0, True)
    for (r, R), (r5, _), (r12, _) in zip(
        PUBLISHED[u], five.radii()[1:], twelve.radii()[1:], strict=True
    ):
        # Five harmonics miss 0.1 % in r, which R magnifies to 0.15 %; twelve miss nothing printed.
        assert r5 == pytest.approx(r, rel=1.2e-3)
        assert five.modal_radius(r5) == pytest.approx(R, rel=1.6e-3)
        assert r12 == pytest.approx(r, abs=6e-5)
        assert twelve.modal_radius(r12) == pytest.approx(R, abs=6e-4 if R > 1 else 6e-5)


@pytest.mark.parametrize("u", [0.0, 2600.0])
def test_zeros_are_cycles_of_harmonic_balance(fine, columns, u):
    # The cycle's equation knows nothing of the surface: no collocation, no amplitude, no growth.
    (rest,) = nmm.equilibria(columns[u])
    for r, stable in fine[u].radii()[1:]:
        cycle = nmm.find_cycle(columns[u], (rest, r))
        assert r == pytest.approx(cycle.amplitude[1], abs=1e-6)
        assert stable == cycle.stable
        assert fine[u].frequency(r) == pytest.approx(cycle.frequency, abs=1e-4)
        theta = np.linspace(0, 2 * np.pi, 50)
        gap = np.abs(fine[u].state(r, theta) - cycle.x(theta)).max(axis=0)
        assert (gap < 1e-5 * np.ptp(cycle.x(theta), axis=0)).all()


@pytest.mark.parametrize("u", [0.0, 1500.0, 2400.0, 2600.0, 2700.0])
def test_small_oscillations_obey_the_eigenvalue(equations, u):
    # Nothing is imposed at r = 0: the first point of the grid has R > 0.
    a, leading = equations[u], equations[u].equilibrium.eigenvalues[0]
    assert a.growth(0.0) == pytest.approx(leading.real, abs=1e-8)
    assert 2 * np.pi * a.frequency(0.0) == pytest.approx(leading.imag, abs=1e-8)
    assert a.modal_radius(1e-4) == pytest.approx(1e-4, rel=1e-6)


def test_near_rest_it_is_the_normal_form(equations):
    a = equations[2700.0]
    series = submanifold(a.model, a.equilibrium, 11)
    R = np.array([0.01, 0.02, 0.05, 0.08])
    powers = R[:, None] ** (2 * np.arange(6))
    expected = (powers @ np.array([series.eigenvalue, *series.coefficients])).real
    # The first term left out is Re γ_6 R¹², which is 4e-5 at R = 0.08 and falls from there.
    assert a.drift(R) / R == pytest.approx(expected, abs=2e-4)
    assert a.drift(R[:2]) / R[:2] == pytest.approx(expected[:2], abs=2e-6)  # the grid's error


def test_the_flow_stays_on_the_surface(fine):
    # The definition itself, with the model's own flow and differences of `state`.
    for a in fine.values():
        r, theta = np.array([0.05, 0.2, 0.33, 0.395])[:, None], np.linspace(0, 6, 7)
        h = 1e-4
        by_r = (a.state(r * (1 + h), theta) - a.state(r * (1 - h), theta)) / (2 * h)
        by_theta = (a.state(r, theta + h) - a.state(r, theta - h)) / (2 * h)
        along = a.growth(r)[..., None] * by_r + 2 * np.pi * a.frequency(r)[..., None] * by_theta
        flow = a.model.flow(a.state(r, theta))
        scale = np.abs(flow).max(axis=1, keepdims=True)
        # 1e-3: the harmonics beyond 24 in the fastest cells, as for cycles.
        assert (np.abs(along - flow) / scale).max() < 1e-3


@pytest.mark.parametrize("u", [0.0, 2600.0])
def test_a_trajectory_stays_on_the_surface(fine, u):
    """A trajectory released on the surface follows ṙ = α(r) r, at every instant."""
    a = fine[u]
    r0 = 0.5 * (a.radii()[1][0] + a.radii()[2][0])
    t = np.linspace(0, 0.3, 31)
    whole = solve_ivp(
        lambda _, x: a.model.flow(x), (0, 0.3), a.state(r0, 1.0), "DOP853", t, rtol=1e-9, atol=1e-9
    )
    slow = solve_ivp(lambda _, r: a.growth(r) * r, (0, 0.3), [r0], t_eval=t, rtol=1e-9, atol=1e-12)
    r, theta = a.locate(whole.y.T)
    assert r == pytest.approx(slow.y[0], rel=2e-4)
    assert theta[0] == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("u", [0.0, 1500.0, 2400.0, 2600.0])
def test_transients_of_the_whole_model(equations, u):
    worst, quick, raw = transient_errors(equations[u])
    assert worst < 0.02
    assert raw < 0.02  # nor does it take the correction for the windows
    assert quick > 2 * worst  # slow harmonic balance, for comparison
    assert transient_errors(reduced(equations[u].model, harmonics=8))[0] < 2e-3


@pytest.mark.parametrize(("i", "frequency"), [(117, 14.6), (374, 9.9), (508, 16.5)])
def test_other_columns(i, frequency):
    """Not one column's luck: three of the 22 bistable ones among 700 drawn, 9.9 Hz to 16.5 Hz."""
    m = drawn(i)
    (rest,) = nmm.equilibria(m)
    a = nmm.amplitude_equation(m, rest, harmonics=8)
    assert [stable for _, stable in a.radii()] == [True, False, True]
    for r, stable in a.radii()[1:]:
        cycle = nmm.find_cycle(m, (rest, r))
        assert r == pytest.approx(cycle.amplitude[1], rel=5e-4)
        assert stable == cycle.stable
    assert a.frequency(a.radii()[2][0]) == pytest.approx(frequency, abs=0.06)
    assert transient_errors(a)[0] < 0.02


def transient_errors(a):
    """Largest gap between ρ and what is measured, over the largest |ρ| between the zeros.

    Also that of slow harmonic balance, and that without the correction for the windows' blur.
    """
    ends = a.modal_radius([r for r, _ in a.radii()[1:]])
    R_max = a.modal_radius(a.r_max)
    beyond = ends[1] + 0.6 * min(R_max - ends[1], 0.4 * (ends[1] - ends[0]))
    R = np.append(ends[0] + np.array([0.15, 0.4, 0.65, 0.9]) * (ends[1] - ends[0]), beyond)
    run = nmm.measured_drift(a, a.radius(R))
    assert run.drift.shape == (5, 8)
    top = np.abs(a.drift(np.linspace(*ends, 400))).max()
    assert np.abs(run.bias).max() < 0.04 * top  # of draw 374; below 0.01 for the bistable column
    rho = a.drift(run.R)
    gaps = rho - run.drift, a.quick_drift(run.R) - run.drift, rho - run.drift - run.bias
    return tuple(np.abs(gap).max() / top for gap in gaps)


@pytest.mark.parametrize(("m", "swing_ss"), [(NO_MEAN_SHIFT, 0.74), (EQUAL_CONSTANTS, 18.0)])
def test_neither_mean_shift_nor_unequal_constants_are_needed(m, swing_ss):
    rest = nmm.equilibria(m)[0]
    assert rest.stable
    a = nmm.amplitude_equation(m, rest, harmonics=8)
    (_, unstable), (r, stable) = a.radii()[1:]
    assert not unstable
    assert stable
    cycle = nmm.find_cycle(m, (rest, r))
    assert cycle.stable
    assert r == pytest.approx(cycle.amplitude[1], rel=1e-3)
    swing = np.ptp(cycle.x(np.linspace(0, 2 * np.pi, 2001))[:, 0])  # of ss, peak to peak
    assert swing == pytest.approx(swing_ss, rel=5e-3)


def test_a_second_slow_mode_is_reported():
    m = drawn(15)
    (rest,) = nmm.equilibria(m)
    rates = rest.eigenvalues.real
    assert 1 < rates[2] / rates[0] < 1.2  # the reason, by another route
    with pytest.warns(NumericalWarning, match="second mode"):
        a = nmm.amplitude_equation(m, rest)
    assert "second mode" in a.outcome
    assert a.r_max == 0.0
    with pytest.warns(NumericalWarning, match="second mode"):
        assert np.isnan(a.growth(0.01))


def test_too_few_harmonics_are_reported(columns):
    with pytest.warns(NumericalWarning, match="harmonics"):
        a = reduced(columns[2600.0], harmonics=2)
    assert a.radii()[-1][0] < a.r_max < 0.4  # the stable cycle is not reached, and not claimed


def test_the_separation_is_that_of_the_multipliers(equations, columns):
    a = equations[2600.0]
    for r, _ in a.radii()[1:]:
        cycle = nmm.find_cycle(columns[2600.0], (a.equilibrium, r))
        others = np.delete(cycle.multipliers, np.argmin(np.abs(cycle.multipliers - 1)))
        ratio = np.log(np.abs(others[1])) / np.abs(np.log(np.abs(others[0])))
        assert a.separation(r) == pytest.approx(-ratio, rel=0.03)  # five harmonics against 24
    rates = a.equilibrium.eigenvalues.real
    assert a.separation(1e-4) == pytest.approx(rates[2] / rates[0], rel=1e-3)


CONNECTIONS = [f"g{k}" for k in range(1, 11)]


@pytest.mark.parametrize("name", [*CONNECTIONS, "tau_ss", "tau_dp", "slope", "bias", "u"])
def test_derivatives_against_recomputed_equations(equations, columns, name):
    a, m = equations[2400.0], columns[2400.0]
    r, R = np.array([0.05, 0.2, 0.35, 0.4]), np.array([0.1, 0.4, 0.7, 0.95])
    value = {p.name: p.value for p in m.parameters}[name]

    def recomputed(x):
        b = reduced(m.with_(**{name: x}))
        return b.growth(r), [r for r, _ in b.radii()], b.potential(R)

    h = 3e-4 * value
    low, high = recomputed(value - h), recomputed(value + h)
    moved = a.sensitivity(name)
    for by, below, above in zip(
        (moved.growth(r), moved.radii(), moved.potential(R)), low, high, strict=True
    ):
        expected = (np.array(above) - np.array(below)) / (2 * h)
        # Differences over 3e-4 of the parameter: second order, and the grid moves with it.
        assert np.abs(by - expected).max() < 1e-3 * np.abs(expected).max()


def test_the_eigenvalue_moves_as_perturbation_theory_says(equations):
    a = equations[0.0]
    m, x = a.model, a.equilibrium.x
    change = (m.with_(g6=4800 + 1).jacobian(x) - m.with_(g6=4800 - 1).jacobian(x)) / 2
    q, p = a.equilibrium.eigenvectors[:, 0], a.surface.equation.left
    assert a.sensitivity("g6").growth(0.0) == pytest.approx(
        (p @ change @ q / (p @ q)).real, rel=1e-6
    )


def test_the_potential_is_that_of_the_drift(equations):
    a = equations[2600.0]
    R = np.linspace(0, a.modal_radius(a.r_max), 3001)
    slope = np.gradient(a.potential(R), R, edge_order=2)
    assert slope == pytest.approx(-a.drift(R), abs=1e-5)
    assert a.potential(0.0) == 0.0
    barrier, well = a.potential(a.modal_radius([r for r, _ in a.radii()[1:]]))
    assert barrier > 0 > well


def test_growth_of_r_and_of_R_are_one_motion(equations):
    a = equations[0.0]
    r, h = np.linspace(0.01, 0.41, 60), 1e-6
    slope = (a.modal_radius(r + h) - a.modal_radius(r - h)) / (2 * h)
    assert (slope > 0).all()
    assert a.growth(r) * r * slope == pytest.approx(a.drift(a.modal_radius(r)), abs=1e-6)


def test_the_radial_derivative_is_that_of_the_coefficients(equations):
    surface, R, h = equations[2400.0].surface, np.array([0.1, 0.5, 1.0]), 1e-5
    ahead, behind = surface.coefficients(R * (1 + h)), surface.coefficients(R * (1 - h))
    slope = surface.radial(R)
    assert np.abs((ahead - behind) / (2 * h) - slope).max() < 1e-6 * np.abs(slope).max()


def test_locate_undoes_state(equations):
    a = equations[2400.0]
    r, theta = np.meshgrid([1e-6, 0.1, 0.3, 0.42], [0.1, 2.0, 4.0, 6.0])
    found = a.locate(a.state(r, theta))
    assert found[0] == pytest.approx(r, rel=1e-9)
    assert found[1] == pytest.approx(theta, abs=1e-9)
    assert np.isnan(a.locate(100 * a.state(0.4, 0.0))[0])


def test_outside_is_nan_with_a_warning(equations):
    a = equations[0.0]
    assert a.r_max > 0.41
    assert "outermost attracting cycle" in a.outcome
    for f, value in ((a.growth, 0.9), (a.frequency, -0.1), (a.potential, 5.0), (a.drift, 5.0)):
        with pytest.warns(NumericalWarning, match="outermost"):
            result = f([0.1, value])
        assert np.isfinite(result[0])
        assert np.isnan(result[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert isinstance(a.growth(a.r_max), float)
        assert a.state(0.1, np.zeros((2, 3))).shape == (2, 3, 8)


def test_another_reference_changes_r_only(columns):
    m = columns[2600.0]
    sp, ss = reduced(m), reduced(m, reference="ss")
    for (r, _), (s, _) in zip(sp.radii()[1:], ss.radii()[1:], strict=True):
        X = sp.surface.coefficients(sp.modal_radius(r))[1]
        assert s == pytest.approx(np.abs(X[0]) / 2, rel=1e-5)
        assert ss.frequency(s) == pytest.approx(sp.frequency(r), rel=1e-5)


def test_refusals(columns):
    m = columns[0.0]
    (rest,) = nmm.equilibria(m)
    with pytest.raises(ValueError, match="harmonics"):
        nmm.amplitude_equation(m, rest, harmonics=0)
    with pytest.raises(ValueError, match="reference"):
        nmm.amplitude_equation(m, rest, reference="l5")
    with pytest.raises(ValueError, match="real"):
        nmm.amplitude_equation(nmm.jansen_rit(p=89.0), nmm.equilibria(nmm.jansen_rit(p=89.0))[1])


def test_derivative_and_interpolation_on_the_grid():
    grid = Grid(1.3, 0.7, 18)
    R = np.array([0.0, 0.3, 1.0, 1.3])
    for f in (lambda R: R**4 / (1 + R**2 / 0.49) ** 2, lambda R: (1 + R**2 / 0.49) ** -3):
        h = 1e-5  # both are polynomials in t, so the grid makes no error; the difference does
        slope = grid.R * (f(grid.R + h) - f(grid.R - h)) / (2 * h)
        assert grid.derivative @ f(grid.R) == pytest.approx(slope, abs=1e-9)
        assert grid.interpolation(R) @ f(grid.R) == pytest.approx(f(R), abs=1e-13)
    assert grid.interpolation(grid.R) == pytest.approx(np.eye(18), abs=1e-12)


def test_the_linearised_equation_is_its_derivative(columns):
    m = columns[2600.0]
    (rest,) = nmm.equilibria(m)
    rng = np.random.default_rng(7)
    grid = Grid(0.5, 0.6, 5)
    left = np.linalg.inv(rest.eigenvectors)[0]
    e = Invariance(m, rest.x, left, grid.R, grid_operators(grid, 3))
    X = rng.normal(size=(4, 5, 8)) + 1j * rng.normal(size=(4, 5, 8))
    X = to_complex(to_real(X)) * grid.R[:, None] ** 2
    growth, omega = rng.normal(size=5), 90 + rng.normal(size=5)
    step = e.linearised(X, growth, omega).solve(e.defect(X, growth, omega), np.zeros(5, complex))
    h = 1e-5
    ahead, behind = (
        e.defect(X + s * step[0], growth + s * step[1], omega + s * step[2]) for s in (h, -h)
    )
    expected = -e.defect(X, growth, omega)
    assert np.abs((ahead - behind) / (2 * h) - expected).max() < 1e-6 * np.abs(expected).max()
    assert np.abs(step[0][1] @ left).max() < 1e-9


def test_it_is_fast(columns):
    m = columns[2600.0]
    (rest,) = nmm.equilibria(m)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        nmm.amplitude_equation(m, rest)
        times.append(time.perf_counter() - begin)
    assert min(times) < 0.3  # the bound of the project; 0.08 s measured on a free core


def test_the_fixed_point_must_be_the_models_own():
    m = nmm.bistable_column(u=2600.0)
    (elsewhere,) = nmm.equilibria(nmm.bistable_column())
    with pytest.raises(ValueError, match="no fixed point of this model"):
        nmm.amplitude_equation(m, elsewhere)


def test_a_neutral_population_has_no_stationary_amplitudes():
    m = nmm.oscillator(coefficients=(-4.0, 2.0, 1.0), g=0.001, coupling="potential")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericalWarning)  # where it ends is not the question
        found = nmm.amplitude_equation(m, nmm.equilibria(m)[1])  # v = 0
    assert len(found.radii()) == 1  # rest alone: no amplitude is preferred
