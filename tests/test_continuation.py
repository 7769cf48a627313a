"""Branches of fixed points: Jansen and Rit's diagram to nine digits, and nothing passed unseen."""

import json
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import nmm
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


def test_start_chooses_the_branch():
    m = nmm.jansen_rit(p=50.0)
    top = nmm.equilibria(m)[2]
    branch = nmm.continue_equilibria(m, "p", (45.0, 55.0), start=top)
    assert branch.outcome == "complete"
    assert np.abs(branch.x - top.x).max() < 0.5
    assert not branch.special


def test_what_is_not_reached_is_said(monkeypatch):
    monkeypatch.setattr("nmm.continuation._STEPS", 5)
    with pytest.warns(NumericalWarning, match="step limit"):
        branch = nmm.continue_equilibria(nmm.jansen_rit(), "p", (-100.0, 400.0))
    assert branch.outcome == "step limit"
    assert len(branch.parameter) < 15


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
