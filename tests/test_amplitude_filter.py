"""The amplitude's likelihood: closed forms, a particle filter, other data than it was made for."""

import time

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.special import logsumexp
from scipy.stats import kstest, rice

from nmm.inversion.amplitude_chain import amplitude_chain
from nmm.inversion.amplitude_filter import filter_amplitude

DECAY, D, DT = 2.0, 0.004, 0.1


def linear(cells=160, last=0.5):
    """The amplitude of a damped oscillation under noise: of two Ornstein–Uhlenbeck processes."""
    return amplitude_chain(last, lambda R: -DECAY * R, lambda R: D + 0 * R, cells=cells)


def two_wells(scale=1.0, cells=160):
    return amplitude_chain(
        0.8, lambda R: scale * wells_drift(R), lambda R: 0.0025 + 0 * R, cells=cells
    )


def wells_drift(R):
    return -80 * R * (R**2 - 0.2**2) * (R**2 - 0.4**2)


def walk(n, seed, trials=1, fine=200):
    """Amplitudes (trials, n) of two wells every DT: both quadratures, Euler–Maruyama, from 0.3."""
    rng, dt = np.random.default_rng(seed), DT / fine
    z, found = np.tile([[0.3], [0.0]], trials), []
    for _ in range(n):
        for kick in np.sqrt(2 * 0.0025 * dt) * rng.standard_normal((fine, 2, trials)):
            R = np.hypot(*z)
            z = z + z * (wells_drift(R) / R) * dt + kick
        found.append(np.hypot(*z))
    return np.array(found).T


def test_transitions_of_a_linear_oscillation():
    # R after dt, from R, is Rice's: the modulus of a Gaussian. Cells of 3 µV and a spread of
    # 26 µV: errors of (h/spread)²/12, as R begins anywhere in its cell.
    errors = []
    for cells in (80, 160):
        chain = linear(cells)
        spread = np.sqrt(D * (1 - np.exp(-2 * DECAY * DT)) / DECAY)
        P = chain.transition(DT)
        i = cells // 5
        left = chain.R[i] * np.exp(-DECAY * DT)
        exact = np.diff(rice.cdf(chain.edges, left / spread, scale=spread))
        errors.append(np.abs(P[i] - exact).sum() / 2)
    assert errors[1] < 2e-3
    assert errors[1] < errors[0] / 3  # second order


def test_transition_is_the_exponential():
    chain = two_wells(cells=40)
    L = np.diag(chain.up, 1) + np.diag(chain.down, -1)
    L -= np.diag(L.sum(axis=1))
    np.testing.assert_allclose(chain.transition(0.3), expm(0.3 * L), atol=1e-12)
    np.testing.assert_allclose(chain.stationary @ L, 0, atol=1e-10)
    np.testing.assert_allclose(
        chain.transition(0.05) @ chain.transition(0.25),
        chain.transition(0.3),
        rtol=1e-10,
        atol=1e-300,
    )


def test_stationary_density_of_two_wells():
    chain = two_wells()
    weight = lambda R: R * np.exp(quad(wells_drift, 0, R)[0] / 0.0025)  # noqa: E731
    exact = np.array([weight(R) for R in chain.R])
    np.testing.assert_allclose(chain.stationary, exact / exact.sum(), rtol=1e-6)


def test_diffusion_that_depends_on_the_amplitude():
    # dR = (ρ + g) dt + √(2D) dW has no flow where ρ + g = D′ + D (log p)′.
    Dx = lambda R: 0.01 - 0.012 * R  # noqa: E731
    g = lambda R: 0.01 / R + 0.02  # noqa: E731
    chain = amplitude_chain(0.6, lambda R: -R, Dx, g, cells=400)
    p, R = chain.stationary, chain.R
    flow = (-R + g(R)) * p - np.gradient(Dx(R) * p, R)
    assert np.abs(flow[20:-20]).max() < 2e-3 * np.abs(R * p).max()


def test_likelihood_against_particles():
    # 40 samples, 20 runs of 4000 particles; each quadrature by exact steps, so nothing is shared
    # with the grid but the observation's density. The mean of the runs' likelihoods is unbiased.
    rng = np.random.default_rng(3)
    noise, keep = 0.02, np.exp(-DECAY * DT)
    spread = np.sqrt(D * (1 - keep**2) / DECAY)
    z = np.sqrt(D / DECAY) * rng.standard_normal(2)
    y = []
    for _ in range(40):
        z = keep * z + spread * rng.standard_normal(2)
        y.append(np.hypot(*(z + noise * rng.standard_normal(2))))
    y = np.array(y)
    y[[7, 8, 20]] = np.nan
    streams = [np.random.default_rng([4, i]) for i in range(20)]
    runs = [particles(y, noise, keep, spread, 4000, rng) for rng in streams]
    estimate = logsumexp(runs) - np.log(len(runs))
    share = np.exp(runs - estimate)
    error = share.std() / np.sqrt(len(runs))  # of the log of the mean
    found = filter_amplitude(y, DT, linear(320), noise).log_likelihood
    # Three standard errors, two-sided: a false alarm of 3 in 1000; and the grid's own 0.02.
    assert error < 0.1
    assert abs(found - estimate) < 3 * error + 0.02


def particles(y, noise, keep, spread, n, rng):
    """Bootstrap particle filter on both quadratures, with exact steps: one log likelihood."""
    z, total = np.sqrt(D / DECAY) * rng.standard_normal((n, 2)), 0.0
    for value in y:
        z = keep * z + spread * rng.standard_normal((n, 2))
        if np.isnan(value):
            continue
        weight = rice.pdf(value, np.hypot(*z.T) / noise, scale=noise)
        total += np.log(weight.mean())
        z = z[np.searchsorted(np.cumsum(weight) / weight.sum(), (rng.random() + np.arange(n)) / n)]
    return total


def test_likelihood_without_noise_is_the_product_of_transitions():
    # A chain of Rice's densities, in closed form; the noise is at the grid's own resolution.
    rng = np.random.default_rng(8)
    keep = np.exp(-DECAY * DT)
    spread = np.sqrt(D * (1 - keep**2) / DECAY)
    z = np.sqrt(D / DECAY) * rng.standard_normal(2)
    y = []
    for _ in range(200):
        z = keep * z + spread * rng.standard_normal(2)
        y.append(np.hypot(*z))
    y = np.array(y)
    exact = rice.logpdf(y[0], 0, scale=np.sqrt(D / DECAY))
    exact += rice.logpdf(y[1:], y[:-1] * keep / spread, scale=spread).sum()
    # Noise of 0.7 h where there is none: errors of (0.7 h / 0.026)² a sample, of both signs.
    off = [filter_amplitude(y, DT, linear(n), 1e-6).log_likelihood - exact for n in (80, 160, 320)]
    assert abs(off[1]) < 0.3
    assert abs(off[2]) < 0.4 * abs(off[1]) < 0.2 * abs(off[0])


def test_predictions_are_calibrated():
    # Probability integral transform of 2000 samples: Kolmogorov's test, false alarm 1 in 1000.
    rows = walk(50, seed=12, trials=40)
    noise = 0.02 * np.random.default_rng(1).standard_normal((2, *rows.shape))
    rows = np.hypot(rows + noise[0], noise[1])
    pit, score = {}, {}
    for scale in (1.0, 4.0):
        chain = two_wells(scale)
        begin = np.exp(-((chain.R - 0.3) ** 2) / (2 * 0.01**2)) @ chain.transition(DT)
        found = [filter_amplitude(y, DT, chain, 0.02, start=begin) for y in rows]
        pit[scale] = kstest(np.concatenate([f.pit() for f in found]), "uniform").pvalue
        score[scale] = sum(f.log_likelihood for f in found)
    assert pit[1.0] > 1e-3 > pit[4.0]
    assert score[4.0] < score[1.0] - 3


def test_smoothing_by_enumeration():
    # Three cells, four samples: all 81 paths.
    chain = amplitude_chain(0.6, lambda R: -R, lambda R: 0.02 + 0 * R, cells=3)
    y = np.array([0.1, np.nan, 0.5, 0.3])
    found = filter_amplitude(y, 0.5, chain, 0.1, observation="gauss")
    P, paths = chain.transition(0.5), np.indices((3,) * 4).reshape(4, -1)
    weight = chain.stationary[paths[0]].copy()
    for k in range(4):
        if k:
            weight *= P[paths[k - 1], paths[k]]
        if y[k] == y[k]:
            gap = y[k] - chain.R[paths[k]]
            sd = found.sd[paths[k]]
            weight *= np.exp(-(gap**2) / (2 * sd**2)) / (np.sqrt(2 * np.pi) * sd)
    assert found.log_likelihood == pytest.approx(np.log(weight.sum()), rel=1e-12)
    share = np.array([[weight[paths[k] == i].sum() for i in range(3)] for k in range(4)])
    np.testing.assert_allclose(found.smoothed(), share / weight.sum(), rtol=1e-10)


def test_drift_of_a_parameter():
    # Two stretches, each with its own chain: equal to filtering one after the other.
    y = walk(60, seed=2)[0]
    first, second = two_wells(), two_wells(scale=2.0)
    which = np.repeat([0, 1], 30)
    both = filter_amplitude(y, 0.1, (first, second), 0.02, which=which)
    head = filter_amplitude(y[:30], 0.1, first, 0.02)
    step = head.filtered[-1] @ second.transition(0.1)
    tail = filter_amplitude(y[30:], 0.1, second, 0.02, start=step)
    assert both.log_likelihood == pytest.approx(head.log_likelihood + tail.log_likelihood)


def test_missing_samples():
    y = walk(50, seed=6)[0]
    chain = two_wells()
    gap = y.copy()
    gap[10:20] = np.nan
    found = filter_amplitude(gap, 0.1, chain, 0.02)
    assert (found.score[10:20] == 0).all()
    assert np.isnan(found.pit()[10:20]).all()
    head = filter_amplitude(y[:10], 0.1, chain, 0.02)
    leap = head.filtered[-1] @ chain.transition(1.1)
    tail = filter_amplitude(y[20:], 0.1, chain, 0.02, start=leap)
    assert found.log_likelihood == pytest.approx(head.log_likelihood + tail.log_likelihood)


def test_a_recording_that_cannot_be_is_impossible_not_wrong():
    found = filter_amplitude([0.1, 50.0, 0.1], 0.1, linear(), 0.01)
    assert found.log_likelihood < -1e6
    assert np.isfinite(found.filtered).all()
    assert filter_amplitude([0.1, 0.0, 0.1], 0.1, linear(), 0.01).log_likelihood == -np.inf


def test_steep_drift_and_little_noise_stay_finite():
    chain = amplitude_chain(1.0, lambda R: -200 * R, lambda R: 1e-7 + 0 * R)
    P = chain.transition(0.1)
    assert np.isfinite(P).all()
    np.testing.assert_allclose(P.sum(axis=1), 1)
    assert P[-1].argmax() == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": [np.nan, np.nan]}, "0 of them finite"),
        ({"y": [[0.1]]}, "one row"),
        ({"y": [0.1, np.inf]}, "infinite or negative"),
        ({"y": [0.1, -0.2]}, "infinite or negative"),
        ({"sd": 0.0}, "sd = 0"),
        ({"dt": -0.1}, "dt"),
        ({"observation": "poisson"}, "observation = 'poisson'"),
        ({"which": [0, 1]}, "1 chains"),
        ({"which": [0.0, 0.0]}, "one whole number"),
        ({"start": [1.0]}, "one probability per cell"),
        ({"chain": (linear(), linear(80))}, "different grids"),
    ],
)
def test_bad_input(changed, message):
    given = {"y": [0.1, 0.2], "dt": 0.1, "chain": linear(), "sd": 0.01, **changed}
    with pytest.raises(ValueError, match=message):
        filter_amplitude(**given)


def test_bad_profiles():
    with pytest.raises(ValueError, match="diffusion positive"):
        amplitude_chain(1.0, lambda R: -R, lambda R: 0 * R)
    with pytest.raises(ValueError, match="end the grid"):
        amplitude_chain(1.0, lambda R: np.where(R > 0.5, np.nan, -R), lambda R: 1 + 0 * R)


def test_cost():
    # Five minutes at 20 Hz: well under a second, in process time.
    y = np.abs(0.1 + 0.05 * np.sin(np.arange(6000)))
    began = time.process_time()
    filter_amplitude(y, 0.05, linear(), 0.02)
    assert time.process_time() - began < 1.0
