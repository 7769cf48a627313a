"""Branches of fixed points: Jansen and Rit's diagram to nine digits, and nothing passed unseen."""

import json
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import nmm
from nmm.fixed_points import equilibrium_at
from nmm.outcome import NumericalWarning

KNOWN = json.loads(
    (Path(__file__).parent / "reference" / "jr_bifurcations.json").read_text(encoding="utf8")
)


@pytest.fixture(scope="module")
def diagram():
    return nmm.continue_equilibria(nmm.jansen_rit(), "p", (-100.0, 400.0))


def of_kind(branch, kind):
    return [s for s in branch.special if s.kind == kind]


def test_jansen_rits_folds(diagram):
    found = of_kind(diagram, "fold")
    assert len(found) == len(KNOWN["folds"])
    for ours, known in zip(found, KNOWN["folds"], strict=True):
        assert ours.parameter == pytest.approx(float(known["p"]), rel=1e-9)
        np.testing.assert_allclose(ours.x, [float(v) for v in known["state"]], atol=1e-6)
        assert ours.coefficients[0] == pytest.approx(float(known["quad_coeff_a"]), rel=1e-7)


def test_jansen_rits_hopf_points_and_no_others(diagram):
    found = of_kind(diagram, "hopf")
    assert len(found) == len(KNOWN["hopf"])
    for ours, known in zip(found, KNOWN["hopf"], strict=True):
        assert ours.parameter == pytest.approx(float(known["p"]), rel=1e-9)
        assert 2 * np.pi * ours.frequency == pytest.approx(float(known["omega_rad_s"]), rel=1e-9)
        soft = ours.coefficients[0].real < 0
        assert soft == (known["criticality"] == "supercritical")
    assert not of_kind(diagram, "branch")


def test_the_curve_runs_from_end_to_end_on_fixed_points(diagram):
    assert diagram.outcome == "complete"
    assert (diagram.parameter[0], diagram.parameter[-1]) == (-100.0, 400.0)
    for p, x in zip(diagram.parameter[::7], diagram.x[::7], strict=True):
        m = nmm.jansen_rit(p=p)
        assert np.abs(m.flow(x)).max() < 1e-7
    step = np.abs(np.diff(diagram.x, axis=0)).max()
    assert step < 0.5  # mV: smooth, no jump between sheets


def test_bistable_column_between_two_subcritical_hopf_points():
    branch = nmm.continue_equilibria(nmm.bistable_column(), "u", (-4000.0, 4000.0))
    lower, upper = of_kind(branch, "hopf")
    # As published with this project: upper end, frequency, coefficients.
    assert upper.parameter == pytest.approx(2728.2, abs=0.05)
    assert upper.frequency == pytest.approx(15.43, abs=0.005)
    assert upper.coefficients[0].real == pytest.approx(3.060, abs=5e-4)
    assert upper.coefficients[1].real == pytest.approx(207.6, abs=0.05)
    assert lower.coefficients[0].real > 0
    inside = (branch.parameter > lower.parameter) & (branch.parameter < upper.parameter)
    assert (branch.stable == inside).all()
    assert lower.parameter == pytest.approx(leading_zero("u", -1500.0, 0.0), rel=1e-9)


def leading(m, name, value):
    (rest,) = nmm.equilibria(m.with_(**{name: value}))
    return rest.eigenvalues[0].real


def leading_zero(name, low, high):
    """Where the leading real part vanishes, without any continuation."""
    m = nmm.bistable_column()
    return brentq(lambda v: leading(m, name, v), low, high, xtol=1e-11)


def test_two_hopf_points_inside_one_step_are_seen():
    # With growing g6 rest is stable on an ever shorter interval of u; just before it closes the
    # two Hopf points lie closer together than the steps of the continuation.
    def best(g6):
        m = nmm.bistable_column().with_(g6=g6)
        return minimize_scalar(lambda u: leading(m, "u", u), bounds=(-2000, 3000), method="bounded")

    closed = brentq(lambda g6: best(g6).fun, 5000.0, 9000.0, xtol=1e-6)
    m = nmm.bistable_column().with_(g6=closed - 0.02)
    m = m.with_(u=-3900.0)
    branch = nmm.continue_equilibria(m, "u", (-4000.0, 5000.0))
    found = of_kind(branch, "hopf")
    assert len(found) == 2
    apart = found[1].parameter - found[0].parameter
    assert 0 < apart < 9000 * 0.005  # a quarter of the longest step


@pytest.mark.parametrize("seed", range(6))
def test_random_columns_against_a_dense_scan(seed):
    rng = np.random.default_rng(100 + seed)
    g = np.exp(rng.normal(0, 0.9, 10)) * [800, 800, 1600, 800, 800, 400, 800, 800, 400, 200]
    m = nmm.cmc(g=g, bias=rng.normal(), u=1000 * rng.normal())
    own = m.parameters[5].value
    branch = nmm.continue_equilibria(m, "g6", (own / 10, 20 * own))
    assert branch.outcome == "complete"
    scan = np.geomspace(own / 10, 20 * own, 1500)
    points = [nmm.equilibria(m.with_(g6=v)) for v in scan]
    if any(len(p) > 1 for p in points):
        assert len(of_kind(branch, "fold")) >= 2
        return
    real = np.array([np.sort(p[0].eigenvalues.real[p[0].eigenvalues.imag > 0])[-1] for p in points])
    crossed = [
        (a, b) for (a, b), (s, t) in zip(pairwise(scan), pairwise(real), strict=True) if s * t < 0
    ]
    found = of_kind(branch, "hopf")
    assert len(found) == len(crossed)
    for point, (a, b) in zip(found, crossed, strict=True):
        assert a <= point.parameter <= b


def test_a_pitchfork_is_a_branch_point():
    def assemble(values):
        A = np.array([[0.0, 1.0], [-1e4, -200.0]])
        B = np.zeros((2, 1), dtype=object)
        B[1, 0] = values["w"] * 100
        C, E = np.array([[1.0, 0.0]]), np.array([[0.0], [100.0]])
        return nmm.system.LureForm(A, B, C, np.zeros(1), E, np.zeros(1), {"slope": 2.0})

    w = nmm.Parameter("w", "w", 100.0, "mV/s", 100.0, None, "this test", "self-excitation")
    m = nmm.NeuralMass("switch", ("a",), ("v_a", "c_a"), "a", (w,), assemble)
    branch = nmm.continue_equilibria(m, "w", (50.0, 400.0))
    (point,) = branch.special
    assert point.kind == "branch"
    assert point.parameter == pytest.approx(200.0, rel=1e-10)  # where 0.01 · w · slope/4 is one


def two_columns(links):
    """Two bistable columns; SPM's default connections between them, scaled."""
    m = nmm.from_spm({}, n_sources=2)
    g = 200 * np.array([2, 10, 42, 2, 3, 24, 3.5, 4.5, 2, 3])
    inside = {f"g{i + 1}_{k}": g[i] for i in range(10) for k in (1, 2)}
    between = {p.name: links * p.default for p in m.parameters if p.name.startswith("A")}
    return m.with_(**inside, **between, bias=0.6)


@pytest.mark.parametrize("links", [0.0, 0.1, 1.0])
def test_two_pairs_that_cross_together(links):
    # Twins: every crossing of one column is a crossing of two modes, split by the links.
    branch = nmm.continue_equilibria(two_columns(links), "slope", (0.2, 5.0))
    found = [p.parameter for p in of_kind(branch, "hopf")]
    assert found == sorted(found)
    scan = np.linspace(0.2, 5.0, 4801)  # dense, off the points themselves
    m = two_columns(links)
    counts = [
        int((np.linalg.eigvals(m.with_(slope=s).jacobian(np.zeros(16))).real > 0).sum())
        for s in scan
    ]
    changes = np.repeat(scan[1:], np.abs(np.diff(counts)) // 2)
    assert len(found) == len(changes) >= 2
    assert np.abs(np.array(found) - changes).max() <= 0.001 + 1e-9


def test_start_at_a_special_point():
    m = nmm.jansen_rit()
    for point in nmm.continue_equilibria(m, "p", (-100.0, 400.0)).special:
        there = m.with_(p=point.parameter)
        start = equilibrium_at(there, point.x)
        again = nmm.continue_equilibria(there, "p", (-100.0, 400.0), start=start)
        assert [p.kind for p in again.special] == ["fold", "fold", "hopf", "hopf", "hopf"]
        for name, interval in (("C", (120.0, 150.0)), ("B", (18.0, 26.0)), ("a", (85.0, 110.0))):
            own = {p.name: p.value for p in m.parameters}[name]
            branch = nmm.continue_equilibria(there, name, interval, start=start)
            # The start is itself on the branch, as the same kind of point.
            near = [p for p in branch.special if abs(p.parameter - own) < 1e-6 * own]
            assert [p.kind for p in near] == [point.kind]


def test_a_start_that_is_no_fixed_point_is_refused():
    start = nmm.equilibria(nmm.jansen_rit(p=60.0))[0]
    with pytest.raises(ValueError, match="no fixed point at p = 120"):
        nmm.continue_equilibria(nmm.jansen_rit(), "p", (0.0, 200.0), start=start)


def test_without_the_reference_population_there_are_no_coefficients():
    m = nmm.bistable_column().with_(g8=0.0)  # nothing drives sp
    with pytest.warns(NumericalWarning, match="does not move the reference population 'sp'"):
        branch = nmm.continue_equilibria(m, "g6", (100.0, 9000.0))
    (point,) = of_kind(branch, "hopf")
    assert np.isnan(point.coefficients).all()


def test_wide_intervals_hide_nothing():
    far = nmm.continue_equilibria(nmm.jansen_rit(p=3e4), "p", (-200.0, 4e4))
    assert [p.kind for p in far.special] == ["fold", "fold", "hopf", "hopf", "hopf"]
    wide = nmm.continue_equilibria(nmm.bistable_column(u=1e6), "u", (-1e6, 2e6))
    assert [p.kind for p in wide.special] == ["hopf", "hopf"]
    assert wide.special[1].parameter == pytest.approx(2728.2, abs=0.05)


def test_the_border_may_be_the_edge_of_what_is_possible():
    branch = nmm.continue_equilibria(nmm.cmc(), "g1", (0.0, 2000.0))  # a strength is not negative
    assert branch.outcome == "complete"
    assert (branch.parameter[0], branch.parameter[-1]) == (0.0, 2000.0)


def isle(values):
    """One self-exciting population whose weight falls with the parameter's square."""
    A = np.array([[0.0, 1.0], [-1e4, -200.0]])
    B, E = np.zeros((2, 1), dtype=object), np.zeros((2, 1), dtype=object)
    B[1, 0], E[1, 0] = (300 - values["q"] ** 2) * 100, 100.0
    C, u = np.array([[1.0, 0.0]]), np.array([values["drive"]])
    return nmm.system.LureForm(A, B, C, np.zeros(1), E, u, {"slope": 2.0})


def test_an_isola_is_closed_and_has_two_folds():
    rows = (("q", 0.0), ("drive", -20.0))
    table = tuple(nmm.Parameter(n, n, v, "", v, None, "this test", "") for n, v in rows)
    m = nmm.NeuralMass("isle", ("a",), ("v_a", "c_a"), "a", table, isle)

    def gap(v, q):  # rest: v = ((300 − q²) s(v) − 20) / 100
        return (300 - q**2) * (1 / (1 + np.exp(-2 * v)) - 0.5) - 20 - 100 * v

    def highest(q):
        return -minimize_scalar(lambda v: -gap(v, q), bounds=(0, 3), method="bounded").fun

    fold = brentq(highest, 0.0, 12.0, xtol=1e-10)
    points = nmm.equilibria(m)
    assert len(points) == 3
    for start in points[1:]:  # both on the isola
        branch = nmm.continue_equilibria(m, "q", (-20.0, 20.0), start=start)
        assert branch.outcome == "closed"
        np.testing.assert_array_equal(branch.x[0], branch.x[-1])
        found = sorted(p.parameter for p in of_kind(branch, "fold"))
        # The search for the highest point is good to 1e-8 of v, which enters squared.
        assert found == pytest.approx([-fold, fold], abs=1e-6)


def test_two_folds_inside_one_step(monkeypatch):
    # Just above the cusp at C = 59.1138 the two folds are close together.
    monkeypatch.setattr("nmm.phase_space.continuation._LONGEST", 0.05)
    m = nmm.jansen_rit(C=59.116, p=0.0)
    found = of_kind(nmm.continue_equilibria(m, "p", (-400.0, 800.0)), "fold")
    assert len(found) == 2
    assert abs(found[0].parameter - found[1].parameter) < 0.01


def test_start_chooses_the_branch():
    m = nmm.jansen_rit(p=50.0)
    top = nmm.equilibria(m)[2]
    branch = nmm.continue_equilibria(m, "p", (45.0, 55.0), start=top)
    assert branch.outcome == "complete"
    assert np.abs(branch.x - top.x).max() < 0.5
    assert not branch.special


def test_what_is_not_reached_is_said(monkeypatch):
    monkeypatch.setattr("nmm.phase_space.continuation._STEPS", 5)
    with pytest.warns(NumericalWarning, match="step limit"):
        branch = nmm.continue_equilibria(nmm.jansen_rit(), "p", (-100.0, 400.0))
    assert branch.outcome == "step limit"
    assert len(branch.parameter) < 15


def test_no_convergence_is_said(monkeypatch):
    monkeypatch.setattr("nmm.phase_space.continuation._TURN", 2.0)  # no step is ever good enough
    with pytest.warns(NumericalWarning, match="no convergence"):
        branch = nmm.continue_equilibria(nmm.jansen_rit(), "p", (-100.0, 400.0))
    assert branch.outcome == "no convergence"


def test_a_complete_branch_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nmm.continue_equilibria(nmm.cmc(), "g3", (800.0, 3000.0))


@pytest.mark.parametrize(
    ("name", "interval", "error", "message"),
    [
        ("q", (0.0, 1.0), KeyError, "no parameter 'q'"),
        ("p", (200.0, 300.0), ValueError, "must hold the starting value p = 120"),
        ("p", (120.0, 120.0), ValueError, "interval"),
        ("p", (float("nan"), 200.0), ValueError, "interval"),
    ],
)
def test_bad_input_is_refused(name, interval, error, message):
    with pytest.raises(error, match=message):
        nmm.continue_equilibria(nmm.jansen_rit(), name, interval)


@pytest.mark.parametrize("name", ["g6", "tau_dp", "slope", "bias", "u"])
def test_sensitivity_equals_differences(name):
    m = nmm.cmc(bias=0.3, u=200.0)
    x = np.random.default_rng(1).normal(size=8) * np.repeat([2.0, 100.0], 4)
    value = {p.name: p.value for p in m.parameters}[name]
    h = 1e-6 * max(abs(value), 0.1)
    both = [m.with_(**{name: value + s * h}).flow(x) for s in (1, -1)]
    exact = m.sensitivity(name, x)
    numeric = (both[0] - both[1]) / (2 * h)
    # Central differences: rounding of the flow, 1e-16 of its largest term over h.
    np.testing.assert_allclose(numeric, exact, rtol=1e-6, atol=1e-7 * np.abs(exact).max())
