"""A column's envelope: the filter, the table, a recording of the full column, unusable data."""

import time

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov
from scipy.signal import butter, hilbert, sosfiltfilt

import nmm
from nmm import datasets
from nmm.inversion.amplitude_filter import filter_amplitude
from nmm.inversion.column_tables import prompt_time, tabulate_column
from nmm.inversion.envelopes import envelope, envelope_model, filter_memory
from nmm.inversion.inverting import invert
from nmm.outcome import NumericalWarning

RATE, DT = 500.0, 0.2
SIGMA = 28.0


@pytest.fixture(scope="module")
def column():
    return nmm.bistable_column(u=2960.0).with_(g6=4480.0)


@pytest.fixture(scope="module")
def table(column):
    # Between these three the amplitude equation is nearly straight in ln g6.
    return tabulate_column(column, {"g6": [-0.005, 0.0, 0.005]}, last=0.9)


@pytest.fixture(scope="module")
def recorded(column):
    """The envelope of two minutes of the full column, which go up and come back."""
    x0 = nmm.equilibria(column)[0].x
    run = nmm.simulate(column, 140.0, x0=x0, sigma=SIGMA, seed=1, every=20)
    v = run.x[0, 10000:-1, 1]
    return v, envelope(v, RATE, (9.0, 20.0), every=100)


def times(y):
    return DT * np.arange(y.size)


def test_envelope_of_a_modulated_oscillation():
    t = np.arange(0, 20, 1 / RATE)
    r = 0.2 + 0.1 * np.cos(2 * np.pi * 0.5 * t)
    found = envelope(2 * r * np.cos(2 * np.pi * 14 * t) + 3.0, RATE, (9.0, 20.0), every=10)
    seen = np.isfinite(found)
    assert seen.mean() > 0.96
    np.testing.assert_allclose(found[seen], r[::10][seen], rtol=0.01)  # no delay: 0.01 is 3 ms


def test_envelope_leaves_gaps_out():
    t = np.arange(0, 20, 1 / RATE)
    v = np.cos(2 * np.pi * 14 * t)
    v[4000:5000] = np.nan
    found = envelope(v, RATE, (9.0, 20.0))
    assert np.isnan(found[3900:5100]).all()
    np.testing.assert_allclose(found[6000:9000], 0.5, rtol=0.002)  # 1/(π ω d), d = 2 s: the
    # tail of the analytic signal's kernel, cut at the edges
    with pytest.raises(ValueError, match="varies"):
        envelope(np.zeros(1000), RATE, (9.0, 20.0))
    with pytest.raises(ValueError, match="half the rate"):
        envelope(v, RATE, (9.0, 300.0))


def test_envelope_is_the_surface_s_amplitude(column):
    # 0.018 mV on one minute, seed 3: what the column does in the band besides its slow oscillation,
    # and the phase that wanders within the filter's memory. A delay of 10 ms makes it 0.0192.
    a = nmm.amplitude_equation(column, nmm.equilibria(column)[0])
    run = nmm.simulate(column, 60.0, x0=a.equilibrium.x, sigma=SIGMA, seed=3, every=20)
    r = a.locate(run.x[0, ::50])[0]
    difference = envelope(run.x[0, :, 1], RATE, (9.0, 20.0), every=50) - r
    assert np.nanstd(difference) < 0.019
    assert abs(np.nanmean(difference)) < 0.005


def test_table_is_the_amplitude_equation(column, table):
    a = nmm.amplitude_equation(column, nmm.equilibria(column)[0])
    growth, D, circling, r = table.at([0.0])
    inside = table.R[(table.R > 0) & (table.reach[1] > table.R)]
    k = slice(1, inside.size + 1)
    np.testing.assert_allclose(growth[k] * inside, a.drift(inside), rtol=1e-9)
    np.testing.assert_allclose(D[k], a.diffusion(inside, 1.0), rtol=1e-9)
    np.testing.assert_allclose(circling[k] / inside, a.noise_drift(inside, 1.0), rtol=1e-9)
    late = np.interp(inside, table.R, np.gradient(r, table.R)) * a.drift(inside)
    prompt = prompt_time(column, nmm.equilibria(column)[0].x)
    # Two differences of a table of 97 points: 2e-3 of a correction of a few per cent.
    np.testing.assert_allclose(r[k] - prompt * late, a.radius(inside), rtol=2e-3)
    # The chain's potential is the one of the equation: −U/D where D varies little.
    chain = table.chain([0.0], SIGMA, 240)
    inner = a.modal_radius(a.r_max) > chain.R
    density = np.asarray(a.density(chain.R[inner], SIGMA))
    share = chain.stationary[inner] / chain.stationary[inner].sum()
    assert np.abs(share - density / density.sum()).sum() < 0.01


@pytest.mark.parametrize("scale", [-0.05, 0.0])
def test_prompt_time_is_that_of_the_autocovariance(column, scale):
    """By Lyapunov's equation: what the potential's autocovariance shows of the slow mode."""
    m = column.with_(g6=4480.0 * np.exp(scale))
    x = nmm.equilibria(m)[0].x
    J, n, i = m.jacobian(x), m.E[:, 0], m.populations.index(m.reference)
    covariance = solve_continuous_lyapunov(J, -np.outer(n, n))
    values, right = np.linalg.eig(J)
    left = np.linalg.inv(right)
    k = int(np.argmax(np.where(values.imag > 0, values.real, -np.inf)))
    seen = right[i, k] * (left[k] @ covariance[:, i])
    alone = abs(right[i, k] * (left[k] @ n)) ** 2 / (-2 * values[k].real)
    expected = (seen.real / alone - 1) / (2 * values[k].real)
    assert prompt_time(m, x) == pytest.approx(expected, rel=1e-6)


def test_filter_memory_is_what_a_diffusion_loses():
    """Brownian motion on a carrier, filtered: 2000 s, seed 2; the mean square has 1.6 % of sd.

    Without the memory the ratio would be off by 0.13; four sd are 0.06.
    """
    dt, every = 1 / RATE, 100
    steps = np.random.default_rng(2).standard_normal((2, 1_000_000)) * np.sqrt(dt)
    t = dt * np.arange(steps.shape[1])
    z = np.cumsum(steps[0]) + 1j * np.cumsum(steps[1])
    band = (9.0, 20.0)
    sos = butter(2, band, "bandpass", fs=RATE, output="sos")
    turned = hilbert(sosfiltfilt(sos, (z * np.exp(2j * np.pi * 14.5 * t)).real))
    slow = (turned * np.exp(-2j * np.pi * 14.5 * t))[500:-500:every]
    moved = np.mean(np.abs(np.diff(slow)) ** 2) / 2
    assert moved == pytest.approx(every * dt - filter_memory(band), rel=0.06)
    assert filter_memory(band) / (every * dt) > 0.12


def test_noise_of_each_cell(table):
    """One number for all cells is the same as that number in each of them."""
    chain, y = table.chain([0.0], SIGMA, 120), [0.1, 0.2, 0.3]
    one = filter_amplitude(y, DT, chain, 0.02).log_likelihood
    each = np.full(120, 0.02)
    assert filter_amplitude(y, DT, chain, each).log_likelihood == pytest.approx(one, rel=1e-12)
    each[chain.R > 0.25] = 0.05
    assert abs(filter_amplitude(y, DT, chain, each).log_likelihood - one) > 0.01
    with pytest.raises(ValueError, match="above zero"):
        filter_amplitude(y, DT, chain, 0.0)


def test_a_recording_that_never_rests_is_told(column, table):
    # On its cycle the column moves by 0.012 mV, about the noise of the recording.
    noise = 0.012 * np.random.default_rng(1).standard_normal(200)
    with pytest.warns(NumericalWarning, match="never rests"):
        envelope_model(0.33 + noise, DT * np.arange(200), table, sigma=SIGMA, sd=0.011)


def test_connection_and_noise_of_a_recorded_column(table, recorded):
    # Two minutes, one seed. g6 within 0.3 %; noise within 25 %: sd 0.05, and theory's own 7 %.
    r = recorded[1]
    found = invert(
        envelope_model(r, times(r), table, sigma=20.0, sd=0.011, width=0.003).likelihood(), r
    )
    assert found.converged
    assert abs(found.mean[0]) < 0.003
    assert found.mean[1] == pytest.approx(np.log(SIGMA), abs=0.25)
    assert found.sd[1] < 0.1


def test_drift_is_followed(table, recorded):
    r = recorded[1][:100]
    still = envelope_model(r, times(r), table, sigma=SIGMA, sd=0.011)
    moving = envelope_model(r, times(r), table, sigma=SIGMA, sd=0.011, drifting="g6")
    assert moving.prior.names == ("log g6", "log sigma", "log sd", "g6 drift")
    theta = np.array([0.001, np.log(SIGMA), np.log(0.01)])
    one = still.filtered(theta, r).log_likelihood
    assert moving.filtered([*theta, 0.0], r).log_likelihood == pytest.approx(one, rel=1e-12)
    assert abs(moving.filtered([*theta, 0.004], r).log_likelihood - one) > 1e-3
    assert moving.filtered([*theta, 0.1], r) is None  # leaves the table


def test_missing_samples_cost_only_themselves(table, recorded):
    r = recorded[1].copy()
    r[100:160] = np.nan
    model = envelope_model(r, times(r), table, sigma=SIGMA, sd=0.011)
    found = model.filtered([0.0, np.log(SIGMA), np.log(0.01)], r)
    assert np.isfinite(found.log_likelihood)
    assert (found.score[100:160] == 0).all()


def test_unusable_recordings_are_refused(table):
    y, t = np.full(200, 0.1), DT * np.arange(200)
    with pytest.raises(ValueError, match="vary"):
        envelope_model(y, t, table, sigma=SIGMA, sd=0.011)
    with pytest.raises(ValueError, match="negative"):
        envelope_model(-y, t, table, sigma=SIGMA, sd=0.011)
    with pytest.raises(ValueError, match="table varies"):
        envelope_model(np.linspace(0, 0.3, 200), t, table, sigma=SIGMA, sd=0.011, drifting="g3")
    with pytest.warns(NumericalWarning, match="unit"):
        envelope_model(np.linspace(0, 300, 200), t, table, sigma=SIGMA, sd=0.011)
    with pytest.raises(KeyError, match="g99"):
        tabulate_column(nmm.bistable_column(), {"g99": [0.0, 0.1]})


def test_a_recording_that_never_leaves_rest_says_little_of_the_cycle(column, table):
    # A linear, damped oscillation of the same size as rest: noise over damping, and no barrier.
    quiet = nmm.simulate(column.with_(u=0.0), 60.0, x0=np.zeros(8), sigma=SIGMA, seed=5, every=20)
    r = envelope(quiet.x[0, :-1, 1], RATE, (9.0, 20.0), every=100)
    found = invert(
        envelope_model(r, times(r), table, sigma=SIGMA, sd=0.011, width=0.002).likelihood(), r
    )
    assert np.isfinite(found.mean).all()
    assert found.sd[0] > 0.0005  # of a prior of 0.002: no confident answer


def test_five_minutes_are_inverted_in_a_minute_as_stored():
    stored, i = datasets.envelope_calibration(), 5
    recipe, seed = stored.recipe, stored.recipe["seed"] + i
    scale, log_sigma = stored.truth[i]
    m = nmm.bistable_column(u=recipe["u"]).with_(g6=recipe["g6"] * np.exp(scale))
    start = nmm.equilibria(m)[0].x
    run = nmm.simulate(m, 320.0, x0=start, sigma=np.exp(log_sigma), seed=seed, every=20)
    v = m.observe(run.x[0, 10000:-1])
    v = v + recipe["electrode"] * np.random.default_rng(seed).standard_normal(v.size)
    began = time.process_time()
    r = envelope(v, RATE, (9.0, 20.0), every=100)
    widths = {name: recipe[name] for name in ("sigma", "sd", "width", "sigma_width")}
    model = envelope_model(r, times(r), stored.table, band=(9.0, 20.0), **widths)
    found = invert(model.likelihood(), r)
    assert time.process_time() - began < 60.0
    # The ascent stops within a hundredth of a standard deviation of the mode.
    off = (found.mean - stored.global_mean[i]) / np.sqrt(np.diag(stored.global_cov[i]))
    assert np.abs(off).max() < 0.02
