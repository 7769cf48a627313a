"""The microcircuit and the bistable column against their stated numbers; refusals."""

import numpy as np
import pytest

import nmm


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
        ({"u": [1.0, 2.0]}, "one finite number"),
        ({"u": None}, "one finite number"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        nmm.cmc(**arguments)


def test_a_huge_bias_does_not_overflow():
    with np.errstate(all="raise"):
        assert np.isfinite(nmm.cmc(bias=1000.0).flow(np.ones(8))).all()


# What SPM's notes on spm_fx_cmc and spm_cmc_priors say: SPM's name, prior variance, unit here.
SPM_TABLE = {
    "g1": ("P.G(:,5)", None, "mV/s"),
    "g2": ("P.G(:,2)", 1 / 32, "mV/s"),
    "g3": ("P.G(:,3)", 1 / 32, "mV/s"),
    "g4": ("P.G(:,4)", 1 / 32, "mV/s"),
    "g5": ("P.G(:,6)", None, "mV/s"),
    "g6": ("P.G(:,7)", None, "mV/s"),
    "g7": ("P.G(:,1)", 1 / 32, "mV/s"),
    "g8": ("P.G(:,8)", None, "mV/s"),
    "g9": ("P.G(:,9)", None, "mV/s"),
    "g10": ("P.G(:,10)", None, "mV/s"),
    "tau_ss": ("P.T(:,1)", 1 / 32, "s"),
    "tau_sp": ("P.T(:,2)", 1 / 32, "s"),
    "tau_ii": ("P.T(:,3)", 1 / 32, "s"),
    "tau_dp": ("P.T(:,4)", 1 / 32, "s"),
    "slope": ("P.S", 1 / 64, "1/mV"),
}


def test_the_table_agrees_with_spms():
    table = {p.name: p for p in nmm.cmc().parameters}
    for name, (spm, prior, unit) in SPM_TABLE.items():
        row = table[name]
        assert (row.spm, row.prior_variance, row.unit) == (spm, prior, unit), name
        assert row.value == row.default
    signs = {p.name: "inhibits" in p.meaning for p in table.values() if p.name[0] == "g"}
    J = nmm.cmc().jacobian(np.zeros(8))
    for s in nmm.models.columns.SYNAPSES:
        index = [nmm.models.columns.POPULATIONS.index(p) for p in (s.target, s.source)]
        off = J[4 + index[0], index[1]]
        if s.target != s.source:
            assert (off < 0) == signs[f"g{s.number}"]
        assert f"{s.source} → {s.target}" in table[f"g{s.number}"].meaning
