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
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        nmm.cmc(**arguments)
