"""Inversion of any model: closed forms, quadrature, the sampler, and what must not be answered."""

import numpy as np
import pytest
from scipy import stats

from nmm.inversion.inverting import Inversion, compare, invert
from nmm.inversion.models import GaussianModel, LikelihoodModel, Prior
from nmm.outcome import NumericalWarning

X = np.stack((np.ones(20), np.linspace(-1, 1, 20)), 1)
Y = X @ [0.8, -1.5] + np.random.default_rng(2).standard_normal(20) / 2
PRIOR = Prior(("level", "slope"), np.array([0.2, 0.1]), np.array([[1.0, 0.3], [0.3, 0.5]]))
LINE = GaussianModel(PRIOR, lambda p: X @ p, hE=np.log(4.0), hC=0.0, jacobian=lambda p: X)
SAME = LikelihoodModel(
    PRIOR, lambda p, y: stats.norm.logpdf(y, X @ p, 0.5).sum(), predict=lambda p: X @ p
)


def exact():
    """Posterior and evidence of the straight line in closed form."""
    precision = 4 * X.T @ X + np.linalg.inv(PRIOR.cov)
    cov = np.linalg.inv(precision)
    mean = PRIOR.mean + cov @ X.T @ (Y - X @ PRIOR.mean) * 4
    total = X @ PRIOR.cov @ X.T + np.eye(20) / 4
    return mean, cov, stats.multivariate_normal(X @ PRIOR.mean, total).logpdf(Y)


@pytest.mark.parametrize("model", [LINE, SAME], ids=["Gaussian", "likelihood"])
def test_laplace_is_exact_for_a_line(model):
    """Tolerances: the last regularised step, and differences of second order."""
    mean, cov, evidence = exact()
    found = invert(model, Y)
    assert found.converged
    np.testing.assert_allclose(found.mean, mean, rtol=0, atol=1e-4)
    np.testing.assert_allclose(found.cov, cov, rtol=1e-4, atol=1e-6)
    assert abs(found.log_evidence - evidence) < 1e-4


@pytest.mark.parametrize("model", [LINE, SAME], ids=["Gaussian", "likelihood"])
def test_sampler_agrees_with_the_closed_form(model):
    """Five standard errors, seed 1: a false alarm in a million."""
    mean, cov, evidence = exact()
    found = invert(model, Y, method="sampler", seed=1, n_live=200)
    n = 200 * 2  # of the samples few are independent: at least the live points, twice over
    assert np.abs((found.mean - mean) / np.sqrt(np.diag(cov) / n)).max() < 5
    assert np.abs(found.sd / np.sqrt(np.diag(cov)) - 1).max() < 5 / np.sqrt(2 * n)
    assert abs(found.log_evidence - evidence) < 5 * found.log_evidence_error
    again = invert(model, Y, method="sampler", seed=1, n_live=200)
    assert again.log_evidence == found.log_evidence


@pytest.mark.parametrize("model", [LINE, SAME], ids=["Gaussian", "likelihood"])
def test_walk_agrees_with_the_closed_form(model):
    """Five standard errors of what the walk says it is worth, seed 1: two parameters, 1e-6."""
    mean, cov, _ = exact()
    found = invert(model, Y, method="walk", seed=1)
    assert found.converged
    assert np.isnan(found.log_evidence)
    assert 700 < found.effective < 4000  # of 15,000 steps; twenty batches know it to a third
    assert np.abs((found.mean - mean) / np.sqrt(np.diag(cov) / found.effective)).max() < 5
    assert np.abs(found.sd / np.sqrt(np.diag(cov)) - 1).max() < 5 / np.sqrt(found.effective)


def test_walk_follows_a_bent_posterior():
    """A banana of closed form: Laplace misses the mean, the walk does not.

    b given a is N(a²/2, 1/100) and a is N(0, 1): the mean of b is one half, its mode zero.
    """
    prior = Prior.of({"a": (0.0, 1.0), "b": (0.0, 10.0)})
    bent = LikelihoodModel(prior, lambda p, y: -50 * (p[1] - p[0] ** 2 / 2) ** 2)
    found = invert(bent, None, method="walk", seed=2)
    # b's prior is so wide that it moves the mean by one per cent of the deviation.
    assert abs(invert(bent, None).mean[1]) < 0.01
    assert abs(found.mean[1] - 0.5) < 5 * found.sd[1] / np.sqrt(found.effective) + 0.01
    assert found.sd[1] == pytest.approx(np.sqrt(0.5 + 0.01), rel=0.3)


def test_a_walk_that_hardly_moves_is_worth_little():
    prior = Prior.of({f"p{k}": (0.0, 1.0) for k in range(25)})
    shell = LikelihoodModel(prior, lambda p, y: -((p @ p - 25) ** 2) / 2)
    with pytest.warns(NumericalWarning, match="worth"):
        found = invert(shell, None, method="walk", seed=1, n_steps=400, start=np.ones(25))
    assert not found.converged


def test_counts_against_quadrature():
    """A Poisson count of unknown log rate: Laplace within 1 %, the sampler within its error."""
    prior = Prior.of({"log rate": (1.0, 0.8)})
    model = LikelihoodModel(prior, lambda p, y: stats.poisson.logpmf(y, np.exp(p[0])).sum())
    counts = [7, 4, 6]
    grid = np.linspace(-4, 6, 4001)
    logs = stats.poisson.logpmf(np.array(counts)[:, None], np.exp(grid)).sum(axis=0)
    density = np.exp(logs) * stats.norm.pdf(grid, 1, 0.8)
    total = density.sum() * (grid[1] - grid[0])
    quick, slow = invert(model, counts), invert(model, counts, method="sampler", seed=3, n_live=200)
    assert abs(quick.mean[0] - grid[density.argmax()]) < 2e-3
    assert abs(quick.log_evidence - np.log(total)) < 0.01
    assert abs(slow.log_evidence - np.log(total)) < 5 * slow.log_evidence_error
    mean = grid @ density / density.sum()
    assert abs(slow.mean[0] - mean) < 5 * slow.sd[0] / np.sqrt(400)


def test_impossible_regions_are_left_out():
    """Half of the prior impossible: the evidence is a half, and no sample lies there."""
    prior = Prior.of({"a": (0.0, 1.0)})
    model = LikelihoodModel(prior, lambda p, y: 0.0 if p[0] > 0 else -np.inf)
    found = invert(model, None, method="sampler", seed=5, n_live=200)
    assert found.samples.min() > 0
    assert abs(found.log_evidence - np.log(0.5)) < 0.3
    with pytest.raises(ValueError, match="impossible where the ascent starts"):
        invert(model, None, start=[-1.0])


def test_data_that_say_nothing_leave_the_prior():
    found = invert(LikelihoodModel(PRIOR, lambda p, y: 0.0), None)
    np.testing.assert_allclose(found.mean, PRIOR.mean, atol=1e-8)
    np.testing.assert_allclose(found.cov, PRIOR.cov, rtol=1e-4)
    assert abs(found.log_evidence) < 1e-4
    np.testing.assert_allclose(found.eigen()[0], 1, rtol=1e-4)


def test_directions_run_from_sloppy_to_stiff():
    values, vectors = invert(SAME, Y).eigen()
    assert 1 > values[0] > values[1] > 0
    half = np.linalg.inv(PRIOR.factor)
    np.testing.assert_allclose(
        vectors @ np.diag(values) @ vectors.T, half @ exact()[1] @ half.T, rtol=1e-3, atol=1e-6
    )


def test_interval_and_arviz():
    found = invert(SAME, Y)
    low, high = found.interval(0.95).T
    np.testing.assert_allclose((high - low) / found.sd, 2 * 1.959964, rtol=1e-6)
    data = found.to_inference_data(n_draws=4000, seed=1)
    assert data.posterior["slope"].shape == (1, 4000)
    # 4000 draws: five standard errors
    assert abs(float(data.posterior["slope"].mean()) - found.mean[1]) < 5 * found.sd[1] / 63
    assert data.posterior.attrs["log_evidence"] == found.log_evidence


def made(evidence, converged=True):
    return Inversion(
        PRIOR.names, PRIOR, PRIOR.mean, PRIOR.cov, evidence, 0.0, converged, "", "laplace"
    )


def test_comparison():
    found = compare({"a": made(-10.0), "b": made(-6.9), "c": made(-30.0)})
    assert found.winner == "b"
    np.testing.assert_allclose(found.log_evidence, [-3.1, 0, -23.1])
    assert compare({"a": made(-10.0), "b": made(-7.1)}).winner == "undecided"
    with pytest.warns(NumericalWarning, match="did not converge"):
        assert compare({"a": made(0.0, False), "b": made(-9.0)}).winner == "undecided"
    with pytest.raises(ValueError, match="two models"):
        compare({"a": made(0.0)})
    with pytest.raises(ValueError, match="finite"):
        compare({"a": made(0.0), "b": made(np.nan)})


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: invert(SAME, Y, method="sampler"), "needs a seed"),
        (lambda: invert(SAME, Y, method="walk"), "needs a seed"),
        (lambda: invert(SAME, Y, method="other"), "it is"),
        (lambda: invert(SAME, Y * np.nan), "not finite"),
        (lambda: invert(LINE, Y * np.nan), "not finite"),
        (lambda: invert(LINE, Y * np.nan, method="sampler", seed=1), "not finite"),
        (lambda: invert(SAME, Y, start=[1.0]), "2 finite numbers"),
        (lambda: invert(GaussianModel(PRIOR, LINE.predict), 0 * Y), "all equal"),
        (lambda: Prior.of({"a": (0.0, 0.0)}), "positive"),
        (lambda: Prior(("a", "a"), np.zeros(2), np.eye(2)), "name of its own"),
        (lambda: Prior(("a", "b"), np.zeros(2), np.ones((2, 2))), "positive definite"),
        (lambda: invert(SAME, Y).interval(95), "between 0 and 1"),
    ],
)
def test_what_must_not_be_answered(call, says):
    with pytest.raises(ValueError, match=says):
        call()
