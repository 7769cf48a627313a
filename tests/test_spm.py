"""From SPM's structures to ours: flow, Jacobian and a trajectory against SPM's own code."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import nmm

SPM = json.loads((Path(__file__).parent / "reference" / "spm_cmc.json").read_text(encoding="utf8"))


def model_of(case):
    return nmm.from_spm(case["P"], u=case["u"], n_sources=case["n"], exogenous=case["exogenous"])


@pytest.mark.parametrize("case", SPM["cases"], ids=lambda c: f"{c['n']}-{c['label'][:24]}")
def test_flow_and_jacobian_equal_spms(case):
    m, n = model_of(case), case["n"]
    x = nmm.from_spm_state(case["x"], n)
    flow = np.array(case["f"])
    # Both codes round a dozen operations; SPM's Jacobian is a complex step, exact to rounding.
    ours = nmm.to_spm_state(m.flow(x), n)
    np.testing.assert_allclose(ours, flow, rtol=1e-10, atol=1e-10 * abs(flow).max())
    if case["J"] is not None:
        order = nmm.from_spm_state(np.arange(8.0 * n), n).astype(int)
        expected = np.array(case["J"])[np.ix_(order, order)]
        np.testing.assert_allclose(
            m.jacobian(x), expected, rtol=1e-10, atol=1e-14 * abs(expected).max()
        )


def test_a_wrong_sign_would_be_seen():
    case = SPM["cases"][6]
    m, x = model_of(case), nmm.from_spm_state(case["x"], 1)
    wrong = np.array(m.B)
    wrong[4, 1] *= -1
    altered = x @ m.A.T + np.asarray(m.sigmoid(x @ m.C.T)) @ wrong.T + m.E @ m.u
    assert np.abs(nmm.to_spm_state(altered, 1) - case["f"]).max() > 1.0


def spm_input(t):
    return 32 * 32 * np.exp(-((1000 * t - 64) ** 2) / 512)  # SPM's bump, scaled by 32·exp(0)


def test_trajectory_equals_spms_flow_integrated_by_lsode():
    m = nmm.from_spm({})
    t = np.array(SPM["trajectory"]["t"])
    expected = np.array(SPM["trajectory"]["x"])
    found = solve_ivp(
        lambda s, x: m.flow(x) + m.E[:, 0] * spm_input(s),
        (0, 1),
        np.zeros(8),
        "DOP853",
        t_eval=t,
        rtol=1e-11,
        atol=1e-13,
    ).y.T
    scale = np.abs(expected).max(axis=0)
    ours = np.array([nmm.to_spm_state(x, 1) for x in found])
    np.testing.assert_array_less(np.abs(ours - expected).max(axis=0) / scale, 1e-6)


def test_heun_comes_as_near_with_a_short_step():
    t = np.array(SPM["trajectory"]["t"])
    run = nmm.simulate(nmm.from_spm({}), 1.0, dt=1e-6, every=1000, varying={"u": spm_input})
    ours = nmm.to_spm_state(run.x[0], 1)[np.rint(1000 * t).astype(int)]
    expected = np.array(SPM["trajectory"]["x"])
    # Heun's error at 1 µs: (dt/τ)²/6 ≈ 4e-8 of the fast mode.
    worst = np.abs(ours - expected).max(axis=0) / np.abs(expected).max(axis=0)
    np.testing.assert_array_less(worst, 1e-6)


def test_states_go_there_and_back():
    x = np.random.default_rng(0).normal(size=(5, 24))
    there = nmm.from_spm_state(x, 3)
    np.testing.assert_array_equal(nmm.to_spm_state(there, 3), x)
    # Source 2's superficial potential is SPM's x3 of source 2.
    assert there[0, 5] == x[0, 2 * 3 + 1]


def test_one_source_is_the_column_of_cmc():
    one, other = nmm.from_spm({}), nmm.cmc()
    for part in "ABCdEu":
        np.testing.assert_array_equal(getattr(one, part), getattr(other, part))
    assert one.populations == other.populations
    assert [p.name for p in one.parameters] == [p.name for p in other.parameters]


def test_three_sources_are_named_source_by_source():
    m = nmm.from_spm({}, n_sources=3)
    assert m.populations[:5] == ("ss1", "sp1", "ii1", "dp1", "ss2")
    assert m.n_states == 24
    assert m.reference == "sp1"
    assert m.with_(A1_2_1=40.0, g6_3=4800.0).parameters != m.parameters


def test_inputs_are_scaled_as_spm_does():
    u = {p.name: p.value for p in nmm.from_spm({}, u=[1.0, 2.0], n_sources=2).parameters}
    assert (u["u_1"], u["u_2"]) == (512.0, 1024.0)
    P = {"C": [[0.0, -32.0], [np.log(2), 0.0]]}
    m = nmm.from_spm(P, u=[1.0, 3.0], n_sources=2, exogenous=True)
    u = {p.name: p.value for p in m.parameters}
    assert u["u_1"] == pytest.approx(32.0, rel=1e-12)
    assert u["u_2"] == pytest.approx(32 * 2 + 32 * 3, rel=1e-12)


@pytest.mark.parametrize("G", [[], None, 0, [0, 0, 0, 0], [[0, 0, 0, 0]], [0] * 10])
def test_scalars_lists_and_nothing_are_the_prior_mean(G):
    np.testing.assert_array_equal(nmm.from_spm({"G": G}).B, nmm.cmc().B)


@pytest.mark.parametrize(
    ("P", "arguments", "message"),
    [
        ({"M": 0.1}, {}, "P.M is not zero"),
        ({"G": [0, 0, 0]}, {}, "4 to 10 columns"),
        ({"T": [0, 0, 0]}, {}, "P.T has shape"),
        ({"T": [0, 0, 0, float("nan")]}, {}, "NaN"),
        ({"A": [[0, 0], [0, 0]]}, {"n_sources": 2}, "P.A has shape"),
        ({"T": np.zeros((4, 2))}, {"n_sources": 2}, "P.T has shape"),
        (None, {}, "must map field names"),
        ({"A": 0}, {"n_sources": 2}, "P.A has shape"),
        ({"A": [0, 0]}, {"n_sources": 2}, "P.A has shape"),
        ({"A": np.zeros((4, 2, 2))}, {"n_sources": 2}, "with itself"),
        ({"C": [0.1, 0.2, 0.3]}, {"n_sources": 2, "exogenous": True}, "P.C has shape"),
        ({}, {"n_sources": 2, "exogenous": True, "u": 1.0}, "needs P.C"),
        ({}, {"u": [[1.0, 2.0]], "n_sources": 2}, "list of numbers"),
        ({}, {"n_sources": 0}, "n_sources"),
        ({}, {"u": [1.0, 2.0]}, "one for each source"),
        ({}, {"u": float("nan")}, "finite"),
    ],
)
def test_bad_input_is_refused(P, arguments, message):
    with pytest.raises(ValueError, match=message):
        nmm.from_spm(P, **arguments)


@pytest.mark.parametrize("n", [1, 2])
def test_a_state_of_wrong_length_is_refused(n):
    with pytest.raises(ValueError, match="last axis"):
        nmm.from_spm_state(np.zeros(7), n)
    with pytest.raises(ValueError, match="last axis"):
        nmm.to_spm_state(np.zeros((2, 9)), n)
