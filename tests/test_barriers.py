"""Exit-time curves: what the fit of a barrier returns, and what it refuses."""

import numpy as np
import pytest

from nmm import fit_barrier
from nmm.inversion.barriers import kramers_from_above


@pytest.mark.parametrize("power", [0, 1])
@pytest.mark.parametrize("sd", [None, 0.1, np.array([0.3, 0.1, 0.2, 0.5, 0.1])])
def test_exact_curves_give_their_two_numbers(sd, power):
    random = np.random.default_rng(3)
    for _ in range(50):
        a, b = random.normal(0, [10 ** random.uniform(-2, 4), 5])
        sigma = 10 ** random.uniform(-1, 2) * np.array([1.0, 1.1, 1.3, 1.7, 2.0])
        found = fit_barrier(
            sigma, a / sigma**2 + b + power * np.log(sigma), sd=sd, prefactor_power=power
        )
        # What rounding of the data themselves may move; 1e-10 where they are of order one.
        slack = 1e-10 * max(1.0, abs(b), np.abs(a / sigma**2).max())
        assert found.height == pytest.approx(a / 2, rel=1e-10, abs=slack * sigma[0] ** 2)
        assert found.log_prefactor == pytest.approx(b, rel=1e-10, abs=slack)


def test_the_covariance_is_that_of_repeated_fits():
    # 4000 fits, seed 5: a variance has a standard error of 2.2 %; 10 % is 4.5 of those, so a false
    # alarm in one run of 100,000.
    random, sigma = np.random.default_rng(5), np.array([0.7, 0.8, 1.0, 1.3])
    sd = np.array([0.1, 0.05, 0.2, 0.1])
    exact = 2 / sigma**2 + 1
    fits = [fit_barrier(sigma, exact + sd * random.standard_normal(4), sd=sd) for _ in range(4000)]
    seen = np.cov([[f.height, f.log_prefactor] for f in fits], rowvar=False)
    assert seen == pytest.approx(fits[0].cov, rel=0.1)


def test_without_sd_the_residuals_give_the_scale():
    sigma = np.array([0.7, 0.8, 1.0, 1.3])
    rough = fit_barrier(sigma, 2 / sigma**2 + [0.1, -0.1, 0.1, -0.1])
    assert (np.diag(rough.cov) > 0).all()
    assert np.isinf(fit_barrier(sigma[:2], [1.0, 2.0]).cov).all()


@pytest.mark.parametrize(
    ("sigma", "log_time", "sd", "says"),
    [
        ([1.0, 1.0], [1.0, 2.0], None, "one noise intensity"),
        ([1.0], [1.0], None, "one noise intensity"),
        ([1.0, 2.0], [1.0, np.inf], None, "censored"),
        ([1.0, -2.0], [1.0, 2.0], None, "positive"),
        ([1.0, 2.0], [1.0], None, "as many"),
        ([1.0, 2.0], [1.0, 2.0], 0.0, "standard deviations"),
    ],
)
def test_what_cannot_be_fitted_is_refused(sigma, log_time, sd, says):
    with pytest.raises(ValueError, match=says):
        fit_barrier(sigma, log_time, sd=sd)


def test_the_polynomial_well():
    s = np.array([0.5, 1.0])
    # By hand: U″ is −6 at one and 24 at two, the barrier 9/4.
    by_hand = np.log(2 * np.pi / 12) + 4.5 / s**2
    assert kramers_from_above([4, -5, 1], s) == pytest.approx(by_hand, abs=1e-12)
    # Second differences at 0.01, undivided, are the curvatures times its square.
    scripts = -np.log(2 * np.pi * 12 * 0.01**2) - 6 + 4.5 / s**2
    found = kramers_from_above([4, -5, 1], s, convention="scripts")
    assert found == pytest.approx(scripts, abs=1e-12)
    # Without an upper state, without a barrier, and beside one that has both.
    several = kramers_from_above([[4, -1, 1], [-4, -5, 1], [4, -5, 1]], s)
    assert np.isnan(several[:2]).all()
    assert several[2] == pytest.approx(by_hand, abs=1e-12)
    with pytest.raises(ValueError, match="convention"):
        kramers_from_above([4, -5, 1], s, convention="ours")
