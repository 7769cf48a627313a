"""Variational Laplace: SPM's numbers, closed forms, and what must not be answered."""

import json
from pathlib import Path

import numpy as np
import pytest

import nmm
from nmm.inversion.problem import problem_of
from nmm.outcome import NumericalWarning

SPM = json.loads(
    (Path(__file__).parent / "reference" / "spm_variational_laplace.json").read_text(
        encoding="utf8"
    )
)
CASES = {case["label"]: case for case in SPM["cases"]}


def model_of(inputs):
    """Prediction and exact derivatives of a case."""
    if "X" in inputs:
        X = np.array(inputs["X"])
        return lambda p: X @ p, lambda p: X
    t, two = np.array(inputs["t"]), np.ndim(inputs["y"]) == 2

    def decay(p):
        first = p[0] * np.exp(-p[1] * t) + p[2]
        return np.stack((first, p[2] * np.exp(-p[1] * t / 2) + p[0]), 1) if two else first

    def slopes(p):
        e, half, one = np.exp(-p[1] * t), np.exp(-p[1] * t / 2), np.ones_like(t)
        first = np.stack((e, -p[0] * t * e, one), 1)
        second = np.stack((one, -p[2] * t / 2 * half, half), 1)
        return np.stack((first, second), 1) if two else first

    return decay, slopes


def inverted(label, *, exact=True, **changed):
    inputs = CASES[label]["inputs"]
    predict, jacobian = model_of(inputs)
    start = None if inputs["start"] == "pE" else inputs["start"]
    hyper = {} if label == "B" else {"hE": inputs["hE"], "hC": inputs["hC"]}
    return nmm.variational_laplace(
        predict,
        inputs["y"],
        inputs["pE"],
        inputs["pC"],
        jacobian=jacobian if exact else None,
        **({"start": start} | hyper | changed),
    )


@pytest.mark.parametrize("exact", [True, False], ids=["exact slopes", "differences"])
@pytest.mark.parametrize("label", "ABDEJ")
def test_as_spm(label, exact):
    """SPM's differences of step 1e-6 leave 1e-6; E starts far away, where F falls by thousands."""
    of_mean, of_energy, looser = 1e-6, 1e-5, 10 if label == "E" else 1
    found, expected = inverted(label, exact=exact), CASES[label]["expected"]
    assert found.converged
    np.testing.assert_allclose(found.mean, expected["Ep"], rtol=0, atol=of_mean * looser)
    assert abs(found.free_energy - expected["F"]) < of_energy * looser
    assert found.accepted.tolist() == [bool(a) for a in expected["accepted"]]
    np.testing.assert_allclose(found.log_precision, expected["Eh"], rtol=0, atol=of_mean * looser)
    np.testing.assert_allclose(found.cov, expected["Cp"], rtol=1e-4 * looser, atol=1e-7)


def test_two_columns_are_not_counted_twice():
    """One component for each column is the same model as one for both; SPM counts log|Π| again."""
    inputs = CASES["G"]["inputs"]
    compact = inverted("G", precision=[np.eye(len(inputs["y"]))])
    assert abs(compact.free_energy - CASES["J"]["expected"]["F"]) < 1e-5
    too_much = CASES["G"]["expected"]["F"] - compact.free_energy
    # F is that of h before its last step, which promised less than 0.01
    assert abs(too_much - 80 * compact.log_precision[0] / 2) < 2e-3


def straight(n=30, seed=4):
    X = np.stack((np.ones(n), np.linspace(-1, 1, n)), 1)
    noise = np.random.default_rng(seed).standard_normal(n) / 5
    return X, X @ [1.0, -2.0] + noise


def evidence(X, y, mean, cov, precision):
    """Log density of data whose noise is known: y ~ N(X mean, X cov Xᵀ + Π⁻¹)."""
    total = X @ cov @ X.T + np.linalg.inv(precision)
    e = y - X @ mean
    return -(e @ np.linalg.solve(total, e) + np.linalg.slogdet(2 * np.pi * total)[1]) / 2


def test_linear_model_with_known_noise_is_exact():
    """Correlated noise and an oblique prior: posterior and evidence in closed form."""
    X, y = straight()
    mean, cov = np.array([0.3, 0.1]), np.array([[0.5, 0.2], [0.2, 1.0]])
    distance = np.abs(np.subtract.outer(np.arange(y.size), np.arange(y.size)))
    Q = np.linalg.inv(0.5**distance)
    found = nmm.variational_laplace(lambda p: X @ p, y, mean, cov, precision=[Q], hE=3.0, hC=0)
    P = X.T @ Q @ X * np.exp(3) + np.linalg.inv(cov)
    exact = mean + np.linalg.solve(P, X.T @ Q @ (y - X @ mean) * np.exp(3))
    # the last step is not Newton's in full; what it leaves is e^(−t), t = e^4
    np.testing.assert_allclose(found.mean, exact, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.cov, np.linalg.inv(P), rtol=1e-9)
    assert abs(found.free_energy - evidence(X, y, mean, cov, np.exp(3) * Q)) < 1e-8
    assert found.log_precision == [3.0]
    assert found.log_precision_cov == [[0.0]]


def test_components_in_any_form_agree():
    """Two groups of data: diagonal components, and the same turned so that none is diagonal."""
    X, y = straight()
    half = np.diag((np.arange(30) < 15).astype(float))
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((30, 30)))[0]
    parts = [half, np.eye(30) - half]
    options = {"prior_mean": [0, 0], "prior_cov": np.eye(2), "hE": 2.0, "hC": 0.5}
    plain = nmm.variational_laplace(lambda p: X @ p, y, precision=parts, **options)
    turned = nmm.variational_laplace(
        lambda p: turn @ X @ p, turn @ y, precision=[turn @ q @ turn.T for q in parts], **options
    )
    assert np.abs(np.subtract(*plain.log_precision)) > 0.05
    np.testing.assert_allclose(turned.mean, plain.mean, rtol=0, atol=1e-8)
    np.testing.assert_allclose(turned.log_precision, plain.log_precision, rtol=0, atol=1e-8)
    np.testing.assert_allclose(turned.log_precision_cov, plain.log_precision_cov, atol=1e-8)
    assert abs(turned.free_energy - plain.free_energy) < 1e-8


def test_free_energy_bounds_the_evidence_of_unknown_noise():
    """Noise of unknown scale, integrated out on a grid: F lies within 0.1, mean within 1e-2 sd."""
    X, y = straight()
    found = nmm.variational_laplace(lambda p: X @ p, y, [0, 0], np.eye(2), hE=3.0, hC=0.25)
    h = np.linspace(0, 6, 241)
    logs = [evidence(X, y, [0, 0], np.eye(2), np.exp(v) * np.eye(30)) for v in h]
    density = np.exp(logs - (h - 3) ** 2 / 0.5) / np.sqrt(2 * np.pi * 0.25)
    assert abs(found.free_energy - np.log(density.sum() * (h[1] - h[0]))) < 0.1
    assert abs(found.log_precision[0] - h @ density / density.sum()) < 0.1


def test_a_parameter_without_variance_stays():
    X, y = straight()
    found = nmm.variational_laplace(lambda p: X @ p, y, [0.5, 0], np.diag([0, 4.0]), hE=3, hC=0)
    assert found.mean[0] == 0.5
    assert not found.cov[0].any()
    assert abs(found.mean[1] + 2) < 0.3


def test_units_do_not_matter():
    """Parameters of 1e-6 and 1e6: same posterior, same evidence."""
    X, y = straight()
    scale = np.array([1e-6, 1e6])
    one = nmm.variational_laplace(lambda p: X @ p, y, [0, 0], np.eye(2), hE=3, hC=0.1)
    other = nmm.variational_laplace(
        lambda p: X @ (p / scale), y, [0, 0], np.diag(scale**2), hE=3, hC=0.1
    )
    np.testing.assert_allclose(other.mean / scale, one.mean, rtol=0, atol=1e-6)
    assert abs(other.free_energy - one.free_energy) < 1e-7


def test_where_the_model_has_no_prediction_steps_get_shorter():
    """Logarithm of p, undefined below 0: the ascent stays above, and arrives."""
    y = np.full(20, np.log(0.05)) + 0.01 * np.sin(np.arange(20))

    def predict(p):
        return np.full(20, np.log(p[0]) if p[0] > 0 else np.nan)

    found = nmm.variational_laplace(predict, y, [1.0], [[1.0]], hE=6.0, hC=0.1)
    assert found.converged
    assert abs(found.mean[0] - np.exp(y.mean())) < 1e-3


def test_data_that_say_nothing_leave_the_prior():
    found = nmm.variational_laplace(lambda p: 0 * p[0] + np.zeros(9), np.arange(9.0), [2], [[0.7]])
    np.testing.assert_allclose([found.mean[0], found.cov[0, 0]], [2, 0.7], rtol=1e-12)


def test_no_convergence_is_said():
    with pytest.warns(NumericalWarning, match="no convergence in 3 steps"):
        found = inverted("A", max_iterations=3)
    assert not found.converged
    assert found.iterations == 3
    assert "3 steps" in found.outcome


LINE = {"predict": lambda p: p[0] * np.ones(5), "y": np.arange(5.0), "prior_mean": [0.0]}
WRONG = {
    "constant": ({"y": np.ones(5)}, "all equal"),
    "one datum": ({"y": [1.0], "predict": lambda p: p}, "all equal"),
    "nan": ({"y": [0, 1, np.nan, 3, 4]}, "1 of them not finite"),
    "empty": ({"y": []}, "0 data"),
    "complex": ({"y": np.arange(5) + 1j}, "real"),
    "shape": ({"predict": lambda p: np.ones(4)}, "they must agree"),
    "row": ({"y": np.ones((5, 1)) * np.arange(5.0)[:, None]}, "they must agree"),
    "slopes": ({"jacobian": lambda p: np.ones((1, 5))}, r"\(5, 1\)"),
    "start": ({"start": [0.0, 1.0]}, "1 finite numbers"),
    "nowhere": ({"predict": lambda p: np.full(5, np.nan)}, "not finite where the ascent starts"),
    "negative": ({"prior_cov": [[-1.0]]}, "negative eigenvalue"),
    "no variance": ({"prior_cov": [[0.0]]}, "no parameter is free"),
    "lopsided": ({"prior_mean": [0.0, 0], "prior_cov": [[1, 0.5], [0, 1]]}, "symmetric"),
    "component": ({"precision": [np.eye(3)]}, "square with"),
    "gap": ({"precision": [np.diag([1.0, 1, 1, 1, 0])]}, "no noise component"),
    "two hE": ({"hE": [1.0, 2.0]}, "or 1 of them"),
    "hC": ({"hC": -1.0}, "negative eigenvalue"),
    "iterations": ({"max_iterations": 0}, "whole number"),
}


@pytest.mark.parametrize(("change", "says"), WRONG.values(), ids=WRONG)
def test_what_must_not_be_answered(change, says):
    given = {"prior_cov": [[1.0]]} | LINE | change
    with pytest.raises(ValueError, match=says):
        nmm.variational_laplace(**given)


def test_differences_are_central():
    """Slopes of a curved prediction: error of second order in the step."""
    predict, exact = model_of(CASES["J"]["inputs"])
    problem = problem_of(
        predict, CASES["J"]["inputs"]["y"], [1, 0.5, 0], np.eye(3), None, None, None, None
    )
    p = problem.basis.T @ np.array([0.5, 0.2, 0.1])
    theta = problem.at(p)
    want = problem.basis.T @ np.einsum("tci,tcj->ij", exact(theta), exact(theta)) @ problem.basis
    found = problem.linearised(p).curvature[0]
    np.testing.assert_allclose(found, want, rtol=1e-8, atol=1e-7)
