"""Branches of cycles: folds and Hopf points where other routes find them, and honest endings."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import nmm
from nmm.outcome import NumericalWarning
from nmm.phase_space.cycle_branches import _first
from nmm.phase_space.cycle_ends import snic
from nmm.phase_space.cycle_points import _TESTS
from nmm.phase_space.cycle_walks import walk
from nmm.phase_space.cycles import slow_growth
from nmm.phase_space.harmonics import Balance


@pytest.fixture(scope="module")
def column():
    return nmm.bistable_column()


def test_the_fold_in_g6(column):
    (rest,) = nmm.equilibria(column)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        branch = nmm.continue_cycles(column, "g6", (4500.0, 5000.0), (rest, 0.41))
    (fold,) = branch.special
    assert fold.kind == "fold"
    assert fold.parameter / 200 == pytest.approx(23.34, abs=0.005)  # published with this project
    # Another route: the slow growth along r has two zeros just above the fold, none just below.
    for g6, zeros in ((fold.parameter * 1.0005, 2), (fold.parameter * 0.9995, 0)):
        m = column.with_(g6=g6)
        (rest,) = nmm.equilibria(m)
        growth = [g for _, _, g, _ in slow_growth(m, rest, np.linspace(0.005, 0.5, 120), 8)]
        assert int((np.diff(np.sign(growth)) != 0).sum()) == zeros
    # Both branches reach the same end; one is stable, the other not.
    assert branch.parameter[0] == pytest.approx(5000.0, rel=1e-9)
    assert branch.parameter[-1] == pytest.approx(5000.0, rel=1e-9)
    assert branch.stable[0] != branch.stable[-1]


def test_the_unstable_branch_joins_the_two_hopf_points(column):
    hopf = nmm.continue_equilibria(column, "u", (-4000.0, 4000.0)).special
    (rest,) = nmm.equilibria(column)
    branch = nmm.continue_cycles(column, "u", (-4000.0, 4000.0), (rest, 0.348))
    assert [p.kind for p in branch.special] == ["hopf", "hopf"]
    for ours, known in zip(branch.special, hopf, strict=True):
        assert ours.parameter == pytest.approx(known.parameter, rel=1e-9)
        assert ours.frequency == pytest.approx(known.frequency, rel=1e-9)
        assert ours.coefficients[0] == pytest.approx(known.coefficients[0], rel=1e-6)
    assert not branch.stable.any()
    assert branch.outcome == "complete"


def test_a_branch_starts_at_a_hopf_point_as_its_coefficient_says(column):
    point = nmm.continue_equilibria(column, "u", (-4000.0, 4000.0)).special[1]
    branch = nmm.continue_cycles(column, "u", (2600.0, 2800.0), point)
    near = branch.parameter < point.parameter
    assert near.all()  # subcritical: the cycles lie where rest is stable
    # r² = −Re λ'(u) (u − u0) / Re γ1 to leading order; R = r there.
    h = 0.5
    growth = [
        nmm.equilibria(column.with_(u=point.parameter + s * h))[0].eigenvalues[0].real
        for s in (1, -1)
    ]
    slope = (growth[0] - growth[1]) / (2 * h)
    small = (branch.amplitude[:, 1] > 0.003) & (branch.amplitude[:, 1] < 0.03)
    squares = branch.amplitude[small, 1] ** 2
    expected = -slope * (branch.parameter[small] - point.parameter) / point.coefficients[0].real
    assert small.sum() >= 2
    # The next term is Re γ2 r² / Re γ1 = 68 r²: 6 % at r = 0.03.
    np.testing.assert_allclose(squares, expected, rtol=0.08)


def test_the_points_are_cycles(column):
    (rest,) = nmm.equilibria(column)
    branch = nmm.continue_cycles(column, "u", (-100.0, 2500.0), (rest, 0.41))
    k = int(np.argmin(np.abs(branch.parameter - 2400.0)))
    u = float(branch.parameter[k])
    m = column.with_(u=u)
    direct = nmm.find_cycle(m, (nmm.equilibria(m)[0], float(branch.amplitude[k, 1])))
    assert direct.frequency == pytest.approx(branch.frequency[k], rel=1e-9)
    np.testing.assert_allclose(direct.amplitude, branch.amplitude[k], rtol=1e-8)
    assert branch.stable.all()
    assert (branch.parameter[0], branch.parameter[-1]) == pytest.approx((-100.0, 2500.0))


def test_jansen_rits_alpha_rhythm_lives_between_two_soft_hopf_points():
    m = nmm.jansen_rit()
    points = nmm.continue_equilibria(m, "p", (-100.0, 400.0)).special
    first, last = (p for p in points if p.kind == "hopf" and p.parameter > 0)
    branch = nmm.continue_cycles(m, "p", (-100.0, 400.0), first)
    assert [p.parameter for p in branch.special] == pytest.approx(
        [first.parameter, last.parameter], rel=1e-9
    )
    assert branch.stable.all()


@pytest.fixture(scope="module")
def spikes():
    """Jansen and Rit's spikes, from their subcritical Hopf point."""
    m = nmm.jansen_rit()
    points = nmm.continue_equilibria(m, "p", (-100.0, 400.0)).special
    start = next(p for p in points if p.kind == "hopf")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return m, start, nmm.continue_cycles(m, "p", (-100.0, 400.0), start)


def monodromy(m, cycle):
    """Monodromy matrix from SciPy: state and variations integrated together."""
    n = m.n_states

    def rate(t, z):
        x, M = z[:n], z[n:].reshape(n, n)
        return np.concatenate([m.flow(x), (m.jacobian(x) @ M).ravel()])

    # From a phase at which variations grow 20 times less than from that of the spike.
    start = np.concatenate([cycle.x(2.0), np.eye(n).ravel()])
    end = solve_ivp(rate, (0, cycle.period), start, "DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    extent = np.ptp(cycle.x(np.linspace(0, 2 * np.pi, 200)), axis=0)
    assert (np.abs(end[:n] - start[:n]) / extent).max() < 1e-6  # it comes back
    return np.linalg.eigvals(end[n:].reshape(n, n))


def test_spikes_from_the_hopf_point_through_the_fold_to_the_snic(spikes):
    _, start, branch = spikes
    assert branch.outcome == "complete"
    hopf, fold, snic = branch.special
    assert [p.kind for p in branch.special] == ["hopf", "fold", "snic"]
    assert hopf.parameter == pytest.approx(start.parameter, rel=1e-10)
    # AUTO-07p, collocation with NTST 400, to its last digit.
    assert fold.parameter == pytest.approx(137.379267200, abs=5e-9)
    assert 1 / fold.frequency == pytest.approx(0.211973181, abs=2e-9)
    # The fold of fixed points, from 50-digit arithmetic.
    assert snic.parameter == pytest.approx(113.586273212799, abs=1e-10)
    assert snic.coefficients[0] == pytest.approx(12.680001912, rel=1e-9)
    assert snic.frequency == 0.0
    # Unstable up to the fold, stable beyond.
    turn = int(np.argmax(branch.parameter))
    assert not branch.stable[1:turn].any()
    assert branch.stable[turn + 1 :].all()


def test_the_fold_of_spikes_does_not_depend_on_the_harmonics(spikes, monkeypatch):
    m, start, branch = spikes
    places = [branch.special[1].parameter]
    used = {branch.special[1].cycle.harmonics}
    for sharp in (1e-6, 1e-12):
        monkeypatch.setattr("nmm.phase_space.cycle_curves.SHARP", sharp)
        fold = nmm.continue_cycles(m, "p", (-50.0, 200.0), start).special[1]
        places.append(fold.parameter)
        used.add(fold.cycle.harmonics)
    assert len(used) == 3
    # What 1e-6 leaves out moves the fold by 3e-9.
    assert places[1] == pytest.approx(places[0], abs=1e-8)
    assert places[2] == pytest.approx(places[0], abs=1e-10)


def test_two_multipliers_are_one_at_the_fold_of_spikes(spikes):
    m, _, branch = spikes
    fold = branch.special[1]
    values = monodromy(m.with_(p=fold.parameter), fold.cycle)
    values = values[np.argsort(-np.abs(values))]
    # A double eigenvalue splits by the root of the integrator's error: its powers do not.
    assert abs((values[0] - 1) * (values[1] - 1)) < 1e-8
    assert abs(values[:2].sum() - 2) < 1e-8
    assert abs(values[2]) < 1e-5


def test_multipliers_of_long_periods_equal_scipys(spikes):
    m, start, _ = spikes
    first = _first(m, "p", np.array([[-100.0, 400.0]]), start.parameter, start)
    way = 1.0 if first.tangent[-1] > 0 else -1.0
    points, outcome = walk(first, way, lambda points: points[-1].frequency < 1.5)
    assert outcome == "complete"
    slow = [p for p in points if p.frequency < 4.6]  # beyond the fold: stable
    for point in (slow[0], slow[len(slow) // 2], slow[-1]):
        there = m.with_(p=point.parameter)
        values = monodromy(there, point.cycle)
        values = values[np.argsort(-np.abs(values))]
        # What the series leaves out, times the growth along the spike.
        np.testing.assert_allclose(point.cycle.multipliers[:2], values[:2], atol=1e-6)


def test_the_period_grows_to_the_snic_as_auto_and_a_simulation_have_it(spikes):
    m, _, branch = spikes
    snic = branch.special[2]
    there = m.with_(p=snic.parameter)
    left, _, right = np.linalg.svd(there.jacobian(snic.x))
    q = right[-1] * np.sign(right[-1][1])
    rate = left[:, -1] @ there.sensitivity("p", snic.x) / (left[:, -1] @ q)

    def law(p):
        return np.pi / np.sqrt(snic.coefficients[0] * rate * (p - snic.parameter))

    rest = 1 / branch.frequency[-1] - law(branch.parameter[-1])
    # AUTO-07p reaches a period of 5 s at p = 113.600989. The rest moves with p, by 0.03 s.
    assert law(113.600989) + rest == pytest.approx(5.0, abs=0.05)
    # A simulation at p = 113.7, from beside the fold: one spike to the next.
    near = m.with_(p=113.7)

    def peak(t, x):
        return near.flow(x)[1] if x[1] > 8 else 1.0

    peak.direction = -1
    run = solve_ivp(
        lambda t, x: near.flow(x), (0, 6.0), snic.x, "DOP853", rtol=1e-10, atol=1e-12, events=peak
    )
    period = np.diff(run.t_events[0])[-1]
    assert law(113.7) + rest == pytest.approx(period, rel=0.01)


def test_a_period_that_grows_like_a_logarithm_leads_to_no_snic(spikes):
    m, start, _ = spikes
    first = _first(m, "p", np.array([[-100.0, 400.0]]), start.parameter, start)
    way = 1.0 if first.tangent[-1] > 0 else -1.0
    points, _ = walk(first, way, lambda points: snic(points) is not None)
    assert snic(points).parameter == pytest.approx(113.586273212799, abs=1e-10)
    # The same cycles at other speeds: T = T_last − 0.15 log(ε / ε_last), ε counted from the fold.
    gaps = np.array([p.parameter for p in points]) - 113.586273212799
    slowed = []
    for p, gap in zip(points, gaps, strict=True):
        z = p.z.copy()
        period = 1 / points[-1].frequency - 0.15 * np.log(abs(gap) / gaps[-1])
        z[-2] *= 1 / (period * p.frequency)
        slowed.append(replace(p, z=z))
    assert slowed[-1].frequency == pytest.approx(points[-1].frequency, rel=1e-12)
    assert snic(slowed) is None


def test_the_end_at_a_homoclinic_orbit_is_no_snic(monkeypatch):
    # With C = 130 the spikes end on the saddle, far from the folds of fixed points.
    monkeypatch.setattr("nmm.phase_space.cycle_curves.CycleCurve.most", 96)
    m = nmm.jansen_rit(C=130.0)
    points = nmm.continue_equilibria(m, "p", (-200.0, 500.0)).special
    start = next(p for p in points if p.kind == "hopf")
    with pytest.warns(NumericalWarning, match="too sharp for its harmonics"):
        branch = nmm.continue_cycles(m, "p", (-200.0, 500.0), start)
    assert branch.outcome == "too sharp for its harmonics"
    assert [p.kind for p in branch.special] == ["hopf"]


def sections(m, x0, skip=8.0, duration=4.0):
    """States at upward crossings of the reference potential's mean, after transients."""
    run = nmm.simulate(m, skip + duration, x0=x0).x[0]
    late = run[int(skip / 1e-4) :]
    signal = m.observe(late) - m.observe(late).mean()
    k = np.flatnonzero((signal[:-1] < 0) & (signal[1:] >= 0))
    t = (signal[k] / (signal[k] - signal[k + 1]))[:, None]
    return (1 - t) * late[k] + t * late[k + 1]


def test_period_doublings_where_the_monodromy_and_a_simulation_have_them():
    m = nmm.jansen_rit(p=134.0, A=2.92, B=78.3, a=49.9, b=54.2, C=123.0)
    (start,) = (
        p for p in nmm.continue_equilibria(m, "p", (0.0, 400.0)).special if p.kind == "hopf"
    )
    branch = nmm.continue_cycles(m, "p", (0.0, 400.0), start)
    assert [p.kind for p in branch.special] == ["hopf", "period-doubling", "period-doubling"]
    for point, inside in zip(branch.special[1:], (2.5, -2.5), strict=True):
        values = monodromy(m.with_(p=point.parameter), point.cycle)
        assert np.abs(values + 1).min() < 1e-7
        # One period on, the state differs where the cycle has doubled; two periods on it does not.
        x0 = point.cycle.x(0.0)
        doubled = sections(m.with_(p=point.parameter + inside), x0, 20.0)
        assert np.abs(doubled[1:] - doubled[:-1]).max() > 0.1
        assert np.abs(doubled[2:] - doubled[:-2]).max() < 1e-2
        plain = sections(m.with_(p=point.parameter - 2 * inside), x0, 20.0)
        assert np.abs(plain[1:] - plain[:-1]).max() < 1e-2
    low, high = (p.parameter for p in branch.special[1:])
    inside = (branch.parameter > low) & (branch.parameter < high)
    np.testing.assert_array_equal(branch.stable, ~inside)


def test_torus_points_where_the_monodromy_and_a_simulation_have_them():
    # Odd sigmoid and no bias: −u is the same column with all signs changed.
    g = 200 * np.array([0.503, 60.8, 58.1, 1.83, 16.8, 9.72, 1.17, 33.6, 12.0, 8.9])
    m = nmm.cmc(g=g)
    start = nmm.continue_equilibria(m, "u", (-9000.0, 9000.0)).special[-1]
    branch = nmm.continue_cycles(m, "u", (-9000.0, 9000.0), start)
    assert [p.kind for p in branch.special] == ["hopf", "torus", "torus", "hopf"]
    low, high = branch.special[1:3]
    assert low.parameter == pytest.approx(-high.parameter, rel=1e-8)
    (pair,) = high.coefficients
    values = monodromy(m.with_(u=high.parameter), high.cycle)
    same = values[np.argmin(np.abs(values - pair))]
    assert abs(abs(same) - 1) < 1e-7
    assert abs(same.imag) > 0.1
    # Outside, sections settle on one state; inside they go round a curve, and do not return.
    settled = sections(m.with_(u=high.parameter + 300), high.cycle.x(0.0), 16.0)
    around = sections(m.with_(u=high.parameter - 300), high.cycle.x(0.0), 16.0)
    assert settled[:, 2].std() < 0.01
    assert around[:, 2].std() > 0.3
    plane = around[:, [2, 3]] - around[:, [2, 3]].mean(axis=0)
    turns = np.diff(np.unwrap(np.arctan2(*(plane / plane.std(axis=0)).T)))
    mean_turn = abs(turns.mean()) / (2 * np.pi)
    assert mean_turn % 1 == pytest.approx(abs(np.angle(pair)) / (2 * np.pi), abs=0.02)


def cycle_with(*multipliers):
    return SimpleNamespace(cycle=SimpleNamespace(multipliers=np.array(multipliers, complex)))


def test_pairs_that_meet_on_the_real_axis_are_no_torus_points():
    test, crossing = _TESTS["torus"]
    # The pair forms outside the unit circle: no sign changes.
    assert (
        test(cycle_with(1.0, 1.5, 1.6, 0.1)) * test(cycle_with(1.0, 1.55 + 0.1j, 1.55 - 0.1j, 0.1))
        > 0
    )
    # A pair crosses it.
    inner, outer = cycle_with(1.0, 0.99j, -0.99j, 0.1), cycle_with(1.0, 1.01j, -1.01j, 0.1)
    assert test(inner) * test(outer) < 0
    assert crossing(cycle_with(1.0, 1j, -1j, 0.1))
    # Two real ones are inverse to each other: the sign changes, and it is no torus point.
    assert test(cycle_with(1.0, 2.0, 0.49, 0.1)) * test(cycle_with(1.0, 2.0, 0.51, 0.1)) < 0
    assert not crossing(cycle_with(1.0, 2.0, 0.5, 0.1))
    # Many small multipliers do not hide it.
    many = [1e-9] * 20
    assert abs(test(cycle_with(1.0, 0.99j, -0.99j, *many))) > 1e-3


def test_two_folds_inside_one_step_are_found():
    # Just before the cusp of cycles in (g6, u) they are 2e-4 apart, the steps 10 and more.
    for u, count in ((3169.7, 2), (3172.0, 0)):
        column = nmm.bistable_column(u=u)
        (start,) = (
            p
            for p in nmm.continue_equilibria(column, "g6", (3000.0, 6000.0)).special
            if p.kind == "hopf"
        )
        branch = nmm.continue_cycles(column, "g6", (3000.0, 6000.0), start)
        assert [p.kind for p in branch.special].count("fold") == count


def test_balance_by_a_parameter_equals_differences(column):
    y, omega = np.random.default_rng(0).normal(size=(4, 7)), 90.0
    for name in ("u", "g6", "tau_ii", "slope", "bias"):
        value = {p.name: p.value for p in column.parameters}[name]
        h = 1e-5 * max(abs(value), 0.1)
        both = [
            Balance(column.with_(**{name: value + s * h}), None, 3).residual(y, 0.0, omega)[0]
            for s in (1, -1)
        ]
        exact = Balance(column, None, 3).by_parameter(name, y, omega)
        np.testing.assert_allclose(
            (both[0] - both[1]) / (2 * h), exact, atol=1e-8 * np.abs(exact).max()
        )


@pytest.mark.parametrize(
    ("name", "interval", "start", "error", "message"),
    [
        ("q", (0.0, 1.0), 0.4, KeyError, "no parameter 'q'"),
        ("u", (100.0, 200.0), 0.4, ValueError, "must hold the starting value"),
        ("u", (-100.0, 200.0), 0.4, ValueError, "must be"),
    ],
)
def test_bad_input_is_refused(column, name, interval, start, error, message):
    with pytest.raises(error, match=message):
        nmm.continue_cycles(column, name, interval, start)


def test_cycles_beside_a_hopf_point_that_lie_outside_the_interval():
    m = nmm.bistable_column()
    point = nmm.continue_equilibria(m, "u", (-4000.0, 4000.0)).special[1]
    with pytest.raises(ValueError, match="inside the interval: widen the interval"):
        nmm.continue_cycles(m, "u", (point.parameter, 4000.0), point)  # they lie below it
