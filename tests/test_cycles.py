"""Limit cycles: the bistable column's two, their multipliers by another route, convergence in H."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import nmm
from nmm.outcome import NumericalWarning
from nmm.phase_space import cycles
from nmm.phase_space.cycles import _exponentials, floquet_multipliers, samples_of
from nmm.phase_space.harmonics import Balance, to_complex, to_real

# u: (r, Hz or None) of the unstable and the stable cycle, as published with this project.
PUBLISHED = {
    0.0: (0.3479, 0.4096),
    2400.0: (0.2994, 0.4074),
    2600.0: (0.2340, 0.4017),
    2700.0: (0.1515, 0.3986),
}


@pytest.fixture(scope="module")
def pair():
    """Unstable and stable cycle of the bistable column without input."""
    column = nmm.bistable_column()
    (rest,) = nmm.equilibria(column)
    return column, [nmm.find_cycle(column, (rest, r)) for r in (0.35, 0.41)]


def test_frequencies_and_swing(pair):
    _, (unstable, stable) = pair
    assert not unstable.stable
    assert stable.stable
    assert unstable.frequency == pytest.approx(14.67, abs=0.005)
    assert stable.frequency == pytest.approx(13.17, abs=0.005)
    swing = np.ptp(stable.x(np.linspace(0, 2 * np.pi, 4001))[:, 1])
    assert swing == pytest.approx(1.362, abs=0.0005)
    assert stable.period * stable.frequency == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("u", PUBLISHED)
def test_radii(u):
    column = nmm.bistable_column(u=u)
    (rest,) = nmm.equilibria(column)
    for r in PUBLISHED[u]:
        cycle = nmm.find_cycle(column, (rest, r), harmonics=12)
        assert cycle.amplitude[1] == pytest.approx(r, abs=6e-5)
        assert cycle.outcome == "converged"


def test_the_fundamental_is_real_and_positive_where_theta_is_zero(pair):
    for cycle in pair[1]:
        fundamental = cycle.coefficients[1, 1]
        assert fundamental.real > 0
        assert abs(fundamental.imag) < 1e-12
        assert cycle.amplitude[1] == pytest.approx(fundamental.real / 2, rel=1e-12)


def test_the_cycle_solves_the_equations():
    column = nmm.bistable_column()
    (rest,) = nmm.equilibria(column)
    theta, residuals = np.linspace(0, 2 * np.pi, 101), []
    for harmonics in (12, 24, 40):
        cycle = nmm.find_cycle(column, (rest, 0.41), harmonics=harmonics)
        k = np.arange(cycle.harmonics + 1)
        turning = np.exp(1j * np.outer(theta, k)) * (2j * np.pi * cycle.frequency * k)
        rate = (turning @ cycle.coefficients).real
        flow = column.flow(cycle.x(theta))
        residuals.append((np.abs(rate - flow).max(axis=0) / np.abs(flow).max(axis=0)).max())
    # What is left are the harmonics beyond H in the fastest cells; it falls by e^(−0.36 H).
    assert residuals[0] < 0.1
    assert residuals[1] < 1e-3
    assert residuals[2] < 1e-5


def test_the_error_falls_exponentially_with_the_harmonics():
    column = nmm.bistable_column()
    (rest,) = nmm.equilibria(column)
    exact = nmm.find_cycle(column, (rest, 0.41), harmonics=40).frequency
    few = [nmm.find_cycle(column, (rest, 0.41), harmonics=h) for h in (2, 6, 10, 14, 18)]
    errors = [abs(c.frequency / exact - 1) for c in few]
    # Each four harmonics more gain at least a factor ten, down to rounding.
    assert all(b < a / 10 or b < 1e-12 for a, b in pairwise(errors))
    assert errors[-1] < 1e-8


def monodromy(column, cycle):
    """Monodromy matrix from SciPy: state and variations integrated together."""
    n = column.n_states

    def rate(t, z):
        x, M = z[:n], z[n:].reshape(n, n)
        return np.concatenate([column.flow(x), (column.jacobian(x) @ M).ravel()])

    start = np.concatenate([cycle.x(0.0), np.eye(n).ravel()])
    end = solve_ivp(rate, (0, cycle.period), start, "DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    assert np.abs(end[:n] - start[:n]).max() < 1e-6 * np.abs(start[:n]).max()  # it comes back
    return end[n:].reshape(n, n)


def test_multipliers_equal_those_of_a_monodromy_matrix():
    column = nmm.bistable_column()
    (rest,) = nmm.equilibria(column)
    for r in (0.35, 0.41):
        cycle = nmm.find_cycle(column, (rest, r), harmonics=40)
        values = np.linalg.eigvals(monodromy(column, cycle))
        values = values[np.argsort(-np.abs(values))]
        # The first four; the others are below 1e-4 and drown in the integrator's tolerance.
        np.testing.assert_allclose(cycle.multipliers[:3], values[:3], atol=1e-6)
        assert np.abs(cycle.multipliers - 1).min() < 1e-8


def test_multipliers_converge_with_the_pieces(pair):
    column, (cycle, _) = pair
    omega, pieces = 2 * np.pi * cycle.frequency, [64, 128, 256]
    exact = floquet_multipliers(column, cycle.coefficients, omega, 4096)[0]
    errors = [
        np.abs(floquet_multipliers(column, cycle.coefficients, omega, n)[0] - exact) for n in pieces
    ]
    # Sixth order: a factor 64 each time.
    assert np.polyfit(np.log(pieces), np.log(errors), 1)[0] == pytest.approx(-6.0, abs=0.6)


def test_exponentials_of_a_stack_equal_scipys():
    matrices = (
        np.random.default_rng(2).normal(size=(5, 8, 8)) * np.logspace(-3, 0.5, 5)[:, None, None]
    )
    np.testing.assert_allclose(_exponentials(matrices), expm(matrices), rtol=1e-11, atol=1e-11)


def test_a_trajectory_leads_to_its_cycle(pair):
    column, (_, stable) = pair
    run = nmm.simulate(column, 1.0, x0=[0, 0, 0, 1, 0, 0, 0, 0])
    found = nmm.find_cycle(column, run)
    assert found.frequency == pytest.approx(stable.frequency, rel=1e-9)
    np.testing.assert_allclose(found.amplitude, stable.amplitude, rtol=1e-8)


def test_balance_is_differentiated_exactly():
    column = nmm.bistable_column(u=500.0)
    (rest,) = nmm.equilibria(column)
    balance = Balance(column, rest.x, 3)
    rng = np.random.default_rng(0)
    y, growth, omega = rng.normal(size=(4, 7)), 1.3, 90.0
    _, by_y, by_growth, by_omega = balance.residual(y, growth, omega)
    way, h = rng.normal(size=y.shape), 1e-6

    def change(dy=0.0, dg=0.0, dw=0.0):
        return balance.residual(y + dy, growth + dg, omega + dw)[0]

    numeric = (change(dy=h * way) - change(dy=-h * way)) / (2 * h)
    np.testing.assert_allclose(numeric.ravel(), by_y @ way.ravel(), atol=1e-7)
    for name, exact, step in (("dg", by_growth, 1e-4), ("dw", by_omega, 1e-4)):
        numeric = (change(**{name: step}) - change(**{name: -step})) / (2 * step)
        np.testing.assert_allclose(numeric, exact, atol=1e-7)


def test_the_slope_of_firing_equals_differences_at_every_harmonic():
    balance = Balance(nmm.bistable_column(), None, 5)
    y = np.random.default_rng(3).normal(size=(4, 11))
    slope, h = balance.firing_slope(y), 1e-6
    for column in range(11):
        way = np.zeros_like(y)
        way[:, column] = 1.0
        numeric = (balance.firing(y + h * way) - balance.firing(y - h * way)) / (2 * h)
        # Rounding of the difference: 1e-16 / 1e-6.
        np.testing.assert_allclose(slope[:, :, column], numeric.T, atol=1e-9)


def test_samples_lie_on_the_cycle_also_where_they_are_few(pair):
    _, (_, cycle) = pair
    for number in (4, 16, 256):
        theta = 2 * np.pi * (np.arange(number) / number + 0.1)
        np.testing.assert_allclose(
            samples_of(cycle.coefficients, number, 0.1), cycle.x(theta), atol=1e-11
        )


def test_real_and_complex_coefficients_say_the_same():
    values = np.random.default_rng(1).normal(size=(3, 9))
    np.testing.assert_allclose(to_real(to_complex(values)), values)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (lambda rest, run: (rest, -1.0), "positive number"),
        (lambda rest, run: (rest, 0.01), "no cycle around"),
        (lambda rest, run: run, "comes to rest"),
        (lambda rest, run: 0.4, "must be"),
    ],
)
def test_what_leads_to_no_cycle_is_refused(start, message):
    column = nmm.bistable_column()
    (rest,) = nmm.equilibria(column)
    run = nmm.simulate(column, 0.1, x0=[0, 0, 0, 0.1, 0, 0, 0, 0])
    with pytest.raises(ValueError, match=message):
        nmm.find_cycle(column, start(rest, run))


@pytest.mark.parametrize(("p", "seconds"), [(116.0, 8.0), (120.0, 3.0), (120.0, 5.0), (122.0, 8.0)])
def test_a_spike_with_a_shoulder_is_one_turn(p, seconds):
    m = nmm.jansen_rit(p=p)
    start = nmm.simulate(m, seconds, x0=np.zeros(6))
    cycle = nmm.find_cycle(m, start, harmonics=64)
    assert cycle.outcome == "converged"
    assert cycle.stable
    # Another route: time between the last two highest points of a simulation.
    run = nmm.simulate(m, 6.0, x0=start.x[0, -1])
    v = m.observe(run.x[0])
    tops = np.flatnonzero((v[1:-1] > v[:-2]) & (v[1:-1] >= v[2:]) & (v[1:-1] > 0.95 * v.max())) + 1
    # Steps of 0.1 ms at each end.
    assert cycle.period == pytest.approx(run.t[tops[-1]] - run.t[tops[-2]], abs=3e-4)


def test_too_few_harmonics_are_not_called_converged():
    m = nmm.jansen_rit(p=120.0)
    start = nmm.simulate(m, 5.0, x0=np.zeros(6))
    with pytest.warns(NumericalWarning, match="ask for more harmonics"):
        cycle = nmm.find_cycle(m, start, harmonics=16)
    assert cycle.outcome == "too sharp for its harmonics"


def test_rest_is_no_cycle(monkeypatch):
    column = nmm.bistable_column()
    monkeypatch.setattr(
        cycles, "solve_balance", lambda b, y, g, w, c, **k: (y * (np.arange(y.shape[1]) == 0), g, w)
    )
    run = nmm.simulate(column, 3.0, x0=5 * np.eye(8)[3])
    with pytest.warns(NumericalWarning, match="did not converge to a cycle"):
        assert nmm.find_cycle(column, run).outcome == "no convergence"
