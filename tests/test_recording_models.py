"""Generative models of a recorded amplitude: likelihood, forecasts, evidence, bad recordings."""

import numpy as np
import pytest
from scipy import stats

from nmm.inversion.inverting import compare, invert
from nmm.inversion.polynomial_amplitudes import PolynomialAmplitude, simulate_polynomial
from nmm.inversion.recording_models import Course, log_amplitude_model, polynomial_model

DT = 0.25
REST = np.random.default_rng(1).rayleigh(12.0, 400)
T = DT * np.arange(400)


def bistable(n, seed, **changed):
    """A recording of two wells that visits both, with one per cent of observation noise."""
    numbers = {"rate": 4.0, "size": 60.0, "damping": 0.8, "noise": 16.0} | changed
    R = simulate_polynomial(PolynomialAmplitude(**numbers), n, DT, steps=20, seed=seed)
    return R * (1 + 0.01 * np.random.default_rng(seed).standard_normal(n))


def spread_out(particles, amplitude, steps, rng):
    """Heun's method for many points of the plane at once, over the time of one sample."""
    h, (a, b, c) = DT / steps, amplitude.coefficients

    def flow(z):
        x = np.abs(z) ** 2
        return z * (a + x * (b - c * x))

    for _ in range(steps):
        kick = rng.standard_normal((2, particles.size)) * np.sqrt(2 * amplitude.diffusion * h)
        kick = kick[0] + 1j * kick[1]
        first = flow(particles)
        particles = particles + (first + flow(particles + first * h + kick)) * h / 2 + kick
    return particles


def by_particles(model, theta, y, *, particles=40000, seed=0):
    """Log-likelihood by brute force: simulate, weight, draw again."""
    rng, amplitude = np.random.default_rng(seed), model.amplitude(theta)
    sd = np.exp(model.named(theta)["log sd"])
    fine = np.linspace(1e-3, model.stretch.last, 20001)
    cdf = np.cumsum(amplitude.density(fine))
    z = np.interp(rng.random(particles), cdf / cdf[-1], fine) + 0j
    z *= np.exp(2j * np.pi * rng.random(particles))
    total = 0.0
    for k, seen in enumerate(y):
        z = spread_out(z, amplitude, 25, rng) if k else z
        X = model.stretch.forward(np.array([seen, *np.abs(z)]))
        weight = stats.norm.pdf(X[0], X[1:], sd) * model.stretch.slope(seen)
        total += np.log(weight.mean())
        z = z[rng.choice(particles, particles, p=weight / weight.sum())]
    return total


def test_the_likelihood_is_that_of_brute_force():
    y = np.array([14.0, 30.0, 61.0, 76.0, 72.0, 40.0, 9.0])
    model = polynomial_model(np.tile(y, 10), DT * np.arange(70)).on(DT * np.arange(7))
    theta = [*np.log([4.0, 60.0, 16.0, 2.0]), 0.8]
    found = model.scores(theta, y).sum()
    brute = [by_particles(model, theta, y, seed=seed) for seed in range(6)]
    # The grid leaves some tenths of a per cent in sd; six runs give the particles' own error.
    error = np.std(brute, ddof=1) / np.sqrt(6)
    assert found == pytest.approx(np.mean(brute), abs=4 * error + 0.05)


def test_a_longer_log_amplitude_is_one_gaussian():
    y = REST[:50].copy()
    y[[3, 4, 20]] = np.nan
    model = log_amplitude_model(REST, T).on(T[:50])
    theta = np.array([2.5, np.log(0.6), np.log(0.5)])
    seen = np.isfinite(y)
    apart = np.abs(T[:50][seen] - T[:50][seen][:, None])
    cov = 0.36 * np.exp(-apart / 0.5)
    log_y = np.log(y[seen])
    expected = stats.multivariate_normal.logpdf(log_y, np.full(seen.sum(), 2.5), cov) - log_y.sum()
    assert model.scores(theta, y).sum() == pytest.approx(expected, rel=1e-9)
    assert (model.scores(theta, y)[~seen] == 0).all()


@pytest.mark.parametrize("build", [polynomial_model, log_amplitude_model])
def test_missing_samples_cost_nothing_and_are_bridged(build):
    model = build(REST, T)
    y = REST.copy()
    y[100:160] = np.nan  # a gap of fifteen seconds
    gap = model.scores(model.prior.mean, y)
    whole = model.scores(model.prior.mean, REST)
    assert (gap[100:160] == 0).all()
    assert gap[:100] == pytest.approx(whole[:100])
    assert gap[170:] == pytest.approx(whole[170:], abs=1e-3)  # forgotten
    # After the gap a sample is predicted as if it were the first.
    first = model.on(T[160:]).scores(model.prior.mean, REST[160:])
    assert gap[160] == pytest.approx(first[0], abs=1e-6)


def test_a_course_rises_falls_and_is_constant_on_its_pieces():
    course = Course(10.0, 60.0, piece=5.0)
    t = np.arange(0.0, 100.0, 0.25)
    s = course.value(t, 20.0)
    assert (s[t <= 10] == 0).all()
    assert (np.diff(s[(t > 10) & (t < 60)]) > 0).all()
    assert s[t == 60] == pytest.approx(1 - np.exp(-2.5))
    assert s[t == 80] == pytest.approx((1 - np.exp(-2.5)) * np.exp(-1))
    middles, which = course.pieces(t)
    assert np.abs(t - middles[which])[t >= 10].max() <= 2.5
    assert (middles[which][t < 10] < 0).all()


def test_what_drifts_is_the_same_as_two_models_joined():
    course = Course(50.0, 100.0, piece=50.0)  # one step, at its middle
    model = polynomial_model(REST, T, drifting=("noise",), course=course)
    theta = np.append(model.prior.mean[:5], [0.7, np.log(30.0)])
    s = course.value(75.0, 30.0)
    before, after = model.along(theta)
    assert before == model.amplitude(theta)
    assert after.noise == pytest.approx(before.noise * np.exp(0.7 * s))
    still = polynomial_model(REST, T)
    assert model.scores(theta, REST)[:200] == pytest.approx(
        still.scores(theta[:5], REST)[:200], rel=1e-12
    )


@pytest.mark.parametrize("now", [20.0, 45.0])
def test_the_forecast_is_that_of_many_simulations(now):
    y = np.array([now])
    model = polynomial_model(bistable(400, 1), T)
    theta = [*np.log([4.0, 60.0, 16.0, 0.05]), 0.8]  # next to no observation noise
    two = model.on(np.array([0.0, DT]))
    found = two.passing(theta, np.append(y, np.nan), 55.0, 2.0)[0]
    rng = np.random.default_rng(5)
    z, passed = np.full(20000, now, complex), np.zeros(20000, bool)
    for _ in range(8):
        z = spread_out(z, model.amplitude(theta), 25, rng)
        passed |= np.abs(z) >= 55.0
    # Binomial: sd at most 0.0035; the threshold lies somewhere in a cell, 2 µV wide.
    assert found == pytest.approx(passed.mean(), abs=0.04)
    assert 0.1 < found < 0.95


def test_the_forecast_without_wells_is_that_of_many_simulations():
    model = log_amplitude_model(REST, T)
    theta = np.array([2.5, np.log(0.6), np.log(0.5)])
    found = model.passing(theta, np.where(np.arange(400) < 300, 15.0, np.nan), 25.0, 2.0)
    rng, kept = np.random.default_rng(6), np.exp(-0.5)
    z, passed = np.full(20000, (np.log(15) - 2.5) / 0.6), np.zeros(20000, bool)
    for _ in range(8):
        z = kept * z + np.sqrt(1 - kept**2) * rng.standard_normal(z.size)
        passed |= z >= (np.log(25) - 2.5) / 0.6
    assert found[10] == pytest.approx(passed.mean(), abs=0.02)  # five binomial sd, and the grid


def test_two_wells_are_told_and_recovered():
    y = bistable(1200, 4)
    t = DT * np.arange(y.size)
    found = {
        f"{wells} wells": invert(polynomial_model(y, t, wells=wells).likelihood(), y)
        for wells in (1, 2)
    }
    assert compare(found).winner == "2 wells"
    two = found["2 wells"]
    true = np.array([np.log(4.0), np.log(60.0), np.log(16.0), stats.norm.ppf(0.8)])
    kept = [0, 1, 2, 4]  # all but the observation noise
    # Four parameters, one seed: beyond 4 sd once in 4000 if the posterior is right.
    assert np.abs((two.mean[kept] - true) / two.sd[kept]).max() < 4
    assert two.sd[1] < 0.1


def test_a_recording_that_never_leaves_rest_does_not_make_a_second_well():
    y = bistable(800, 2, wells=1, damping=1.5, size=200.0, noise=12.0)
    t = DT * np.arange(y.size)
    found = {
        f"{wells} wells": invert(polynomial_model(y, t, wells=wells).likelihood(), y)
        for wells in (1, 2)
    }
    assert compare(found).winner != "2 wells"


@pytest.mark.parametrize("build", [polynomial_model, log_amplitude_model])
@pytest.mark.parametrize(
    ("y", "t", "message"),
    [
        (REST[:30], T[:30], "30 samples"),
        (np.full(400, 3.0), T, "does not vary"),
        (np.full(400, np.nan), T, "0 samples"),
        (np.where(np.arange(400) == 7, -1.0, REST), T, "negative"),
        (np.where(np.arange(400) == 7, np.inf, REST), T, "infinite"),
        (REST[:399], T, "one amplitude per time"),
        (REST, T[::-1], "ascend"),
        (REST, np.append(T[:-1], 200.0), "equal steps"),
        (np.zeros(400), T, "median"),
    ],
)
def test_recordings_that_say_nothing_are_refused(build, y, t, message):
    with pytest.raises(ValueError, match=message):
        build(y, t)


def test_a_drift_needs_a_course():
    with pytest.raises(ValueError, match="course"):
        polynomial_model(REST, T, drifting=("noise",))
    with pytest.raises(ValueError, match="choose among"):
        polynomial_model(REST, T, drifting=("size",), course=Course(1.0, 2.0))
