"""A column's envelope: the filter, the table, a recording of the full column, unusable data."""

import numpy as np
import pytest

import nmm
from nmm.inversion.envelopes import envelope, envelope_model, tabulate_column
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
    inside = table.R[(table.R > 0) & (table.R < table.reach[1])]
    k = slice(1, inside.size + 1)
    np.testing.assert_allclose(growth[k] * inside, a.drift(inside), rtol=1e-9)
    np.testing.assert_allclose(D[k], a.diffusion(inside, 1.0), rtol=1e-9)
    np.testing.assert_allclose(circling[k] / inside, a.noise_drift(inside, 1.0), rtol=1e-9)
    np.testing.assert_allclose(r[k], a.radius(inside), rtol=1e-9)
    # The chain's potential is the one of the equation: −U/D where D varies little.
    chain = table.chain([0.0], SIGMA, 240)
    inner = chain.R < a.modal_radius(a.r_max)
    density = np.asarray(a.density(chain.R[inner], SIGMA))
    share = chain.stationary[inner] / chain.stationary[inner].sum()
    assert np.abs(share - density / density.sum()).sum() < 0.01


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
