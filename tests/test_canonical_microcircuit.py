"""The microcircuit against SPM's own code, and the bistable column against its stated numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

import nmm

SPM = json.loads((Path(__file__).parent / "reference" / "spm_cmc_flow.json").read_text())
TO_OURS = [0, 2, 4, 6, 1, 3, 5, 7]  # SPM: v, c of each population in turn; ours: all v, all c
SPM_COLUMN = [7, 2, 3, 4, 1, 5, 6, 8, 9, 10]  # which strength each column of P.G scales


def from_log_scales(P, u):
    """Build the column of SPM's parameters P, with SPM's exogenous input."""
    g = np.array([s.default for s in nmm.models.canonical_microcircuit.SYNAPSES])
    for strength, log_scale in zip(SPM_COLUMN, P["G"], strict=False):
        g[strength - 1] *= np.exp(log_scale)
    tau = np.array([0.002, 0.002, 0.016, 0.028]) * np.exp(P["T"])
    return nmm.cmc(g=g, tau=tau, slope=2 / 3 * np.exp(P["S"]), u=32 * np.exp(P["C"]) * u)


@pytest.mark.parametrize("case", SPM["cases"], ids=lambda c: c["label"][:30])
def test_flow_and_jacobian_equal_spms(case):
    m = from_log_scales(case["P"], case["u"])
    x = np.array(case["x"])[TO_OURS]
    flow = np.array(case["f_exogenous"])[TO_OURS]
    jacobian = np.array(case["J"])[np.ix_(TO_OURS, TO_OURS)]
    # Both codes round a dozen operations; SPM's Jacobian is a complex step, exact to rounding.
    np.testing.assert_allclose(m.flow(x), flow, rtol=1e-10, atol=1e-10 * abs(flow).max())
    np.testing.assert_allclose(m.jacobian(x), jacobian, rtol=1e-10, atol=1e-10)


def test_a_wrong_sign_would_be_seen():
    case = SPM["cases"][3]
    m = from_log_scales(case["P"], case["u"])
    wrong = np.array(m.B)
    wrong[4, 1] *= -1
    x = np.array(case["x"])[TO_OURS]
    altered = x @ m.A.T + np.asarray(m.sigmoid(x @ m.C.T)) @ wrong.T + m.E @ m.u
    assert np.abs(altered - np.array(case["f_exogenous"])[TO_OURS]).max() > 1.0


def test_leading_eigenvalues():
    # SPM's default column, and the bistable one: as published with this project.
    default = np.linalg.eigvals(nmm.cmc().jacobian(np.zeros(8)))
    bistable = np.linalg.eigvals(nmm.bistable_column().jacobian(np.zeros(8)))
    assert default[np.argmax(default.real)].real == pytest.approx(-33.79, abs=0.005)
    assert bistable.real.max() == pytest.approx(-5.399, abs=0.0005)
    assert np.abs(bistable.imag[np.argmax(bistable.real)]) == pytest.approx(101.357, abs=0.0005)


def test_current_coupling_replaces_v_by_tau_c():
    x = np.random.default_rng(0).normal(size=8)
    tau = np.array([0.002, 0.002, 0.016, 0.028])
    moved = np.concatenate([tau * x[4:], x[4:]])
    one, other = nmm.cmc(coupling="current"), nmm.cmc()
    linear = (x - moved) @ other.A.T
    np.testing.assert_allclose(one.flow(x), other.flow(moved) + linear, rtol=1e-12)


def test_the_table_says_what_each_parameter_is():
    table = nmm.bistable_column().parameters
    assert [p.name for p in table] == [
        *(f"g{k}" for k in range(1, 11)),
        *("tau_ss", "tau_sp", "tau_ii", "tau_dp", "slope", "bias", "u"),
    ]
    assert all(p.source and p.symbol and p.meaning for p in table)
    assert all(p.prior_variance is None or p.prior_variance > 0 for p in table)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"g": [1.0] * 9}, "10 numbers"),
        ({"tau": [0.002] * 3}, "4 numbers"),
        ({"tau": [0.002, -0.002, 0.016, 0.028]}, "positive"),
        ({"g": [-1.0] * 10}, "negative"),
        ({"g": [float("nan")] * 10}, "finite"),
        ({"coupling": "chemical"}, "choose one of"),
        ({"slope": -1.0}, "slope"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        nmm.cmc(**arguments)
