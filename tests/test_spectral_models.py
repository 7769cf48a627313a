"""A column at rest as the model of a spectrum: derivatives, recovery, and data that say nothing."""

import numpy as np
import pytest
from scipy import signal

import nmm
from nmm.inversion import delays as delayed
from nmm.inversion.calibration import synthetic
from nmm.inversion.log_spectra import log_spectrum
from nmm.inversion.models import GaussianModel, Prior
from nmm.inversion.spectral_models import spectral_model

FREQUENCIES = np.arange(1.0, 65)
NOISES = {"log input": (4.6, 1.0), "input exponent": (1.0, 0.25), "log noise": (-15.0, 1.0)}
RESONANT = nmm.bistable_column().with_(g6=4000.0)


def inverted(model, y, **options):
    m = model
    return nmm.variational_laplace(
        *(m.predict, y, m.prior.mean, m.prior.cov),
        **{"hE": m.hE, "hC": m.hC, "jacobian": m.jacobian} | options,
    )


@pytest.mark.parametrize("within", [0.0, 1e-3])
def test_derivatives_are_exact(within, monkeypatch):
    monkeypatch.setattr(delayed, "TOLERANCE", 1e-14)  # differences see no iteration
    column = nmm.bistable_column(u=800.0).with_(g6=3000.0)  # rest moves with every parameter
    names = ["log g2", "log g6", "log tau_ii", "log slope", "log bias", "log u"]
    prior = Prior.of({name: (0.0, 0.1) for name in names} | NOISES | {"noise exponent": (1.0, 0.2)})
    delays = delayed.column_delays(column, within) if within else None
    model = spectral_model(column, FREQUENCIES, prior, delays=delays)
    theta = prior.sample(1, seed=3)[0]
    exact = model.jacobian(theta)
    for k, step in enumerate(1e-5 * np.eye(theta.size)):
        slope = (model.predict(theta + step) - model.predict(theta - step)) / 2e-5
        # Central differences: rounding 1e-13 over the step, relative to the largest slope.
        assert np.abs(exact[:, k] - slope).max() < 1e-7 * np.abs(exact[:, k]).max(), prior.names[k]


def test_the_prediction_is_the_cross_spectrum():
    prior = Prior.of({"log g6": (0.0, 0.1), "log input": (0.0, 1.0), "log noise": (0.0, 1.0)})
    model = spectral_model(RESONANT, FREQUENCIES, prior, fixed={"noise exponent": 1.0})
    theta = [0.05, np.log(9.0), np.log(1e-7)]
    moved = RESONANT.with_(g6=4000.0 * np.exp(0.05))
    expected = nmm.cross_spectrum(moved, FREQUENCIES, sigma=3.0)[:, 0, 0].real
    np.testing.assert_allclose(
        np.exp(model.predict(theta)), expected + 1e-7 * 10 / FREQUENCIES, rtol=1e-10
    )


def test_parameters_are_recovered_from_a_simulated_recording():
    # The whole stochastic column, 240 s; nothing of it comes from the formula that is fitted.
    run = nmm.simulate(RESONANT, 240.0, sigma=4.0, seed=12, every=20)
    s = log_spectrum(run.x[0, 1000:, 1], 500.0, band=(2, 60))
    prior = Prior.of({"log g3": (0.0, 0.3), "log g6": (0.0, 0.3), "log input": (np.log(50.0), 1.0)})
    fixed = {"log noise": -30.0}
    p = inverted(
        spectral_model(RESONANT, s.frequencies, prior, averages=s.averages, fixed=fixed),
        s.log_power,
        start=[0.1, -0.1, 4.0],
    )
    z = (p.mean - [0, 0, np.log(16.0)]) / np.sqrt(np.diag(p.cov))
    # One sample, seed 12: four standard deviations in three parameters, false alarm 2e-4.
    assert np.abs(z).max() < 4
    assert np.sqrt(np.diag(p.cov)).max() < 0.1  # and the data have said something


def test_an_unstable_column_has_no_prediction():
    model = spectral_model(nmm.bistable_column(), FREQUENCIES, Prior.of({"log g6": (0.0, 0.5)}))
    assert np.isnan(model.predict([0.5])).all()  # g6 beyond 29.16·200
    assert np.isnan(model.jacobian([0.5])).all()
    assert np.isfinite(model.predict([0.1])).all()


def test_data_that_say_nothing_leave_the_prior():
    # Precision known to be nil: the posterior is the prior.
    prior = Prior.of({"log g6": (0.0, 0.1), "log input": (0.0, 1.0)})
    model = spectral_model(RESONANT, FREQUENCIES, prior, fixed={"log noise": -15.0})
    p = inverted(model, np.linspace(-5, 5, 64), hE=-30.0, hC=0.0)
    np.testing.assert_allclose(p.mean, prior.mean, atol=1e-9)
    np.testing.assert_allclose(p.cov, prior.cov, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_a_spectrum_with_gaps_is_refused(bad):
    model = spectral_model(RESONANT, FREQUENCIES, Prior.of({"log g6": (0.0, 0.1)}))
    y = model.predict([0.0])
    y[5] = bad  # log of zero, or a missing value
    with pytest.raises(ValueError, match="not finite"):
        inverted(model, y)


NOISE = np.random.default_rng(3).standard_normal(20000)


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        (np.ones(20000), {}, "constant"),
        (np.zeros(20000), {}, "constant"),
        (1e6 + 1e-9 * NOISE, {}, "constant"),
        (np.append(NOISE, np.nan), {}, "1 values that are not finite"),
        (NOISE[:800], {}, "too short"),
        (NOISE[:10], {}, "too short"),
        ([], {}, "shape"),
        (NOISE, {"band": (10, 60)}, "half the rate"),
        (NOISE, {"band": (0, 40)}, "from above 0"),
        (NOISE, {"band": (10.2, 10.8)}, "no frequency"),
        (np.sin(0.1 * np.pi * np.arange(20000)), {"band": (20, 40)}, "zero in the band"),
        (NOISE, {"spacing": 0.0}, "positive"),
    ],
)
def test_signals_without_a_spectrum_are_refused(x, options, message):
    with pytest.raises(ValueError, match=message):
        log_spectrum(x, 100.0, **({"band": (2, 45)} | options))


def test_the_error_of_a_log_spectrum_is_as_stated():
    # White noise, 400 signals: variance one over the averages, no bias, neighbours uncorrelated.
    x = np.random.default_rng(5).standard_normal((400, 3000))
    each = [log_spectrum(v, 100.0, band=(2, 45)) for v in x]
    y = np.array([s.log_power for s in each]) - np.log(2 / 100)
    # 17,600 numbers, seed 5: the mean within 4.5 standard errors, false alarm 7e-6. The variance of
    # a log-gamma exceeds one over its shape by a half of that squared; it is known to √(2/17600),
    # 1.07 %, so 4.5 % is 4.2 of them, false alarm 3e-5, and less than the overlap's 5.6 %.
    k = each[0].averages
    assert abs(y.mean()) < 4.5 / np.sqrt(k * y.size)
    assert y.var() * k == pytest.approx(1 + 0.5 / k, rel=0.045)
    assert abs(np.mean(y[:, 1:] * y[:, :-1]) * k) < 0.06


def test_stretches_are_averaged():
    long = log_spectrum(NOISE.reshape(4, -1), 100.0, band=(2, 45))
    _, power = signal.welch(
        NOISE.reshape(4, -1) - NOISE.reshape(4, -1).mean(1, keepdims=True), 100.0, nperseg=200
    )
    off = long.log_power - np.log(power.mean(0)[4:91:2])
    assert np.ptp(off) < 1e-9
    assert 0 < off[0] < 0.02  # the mean error of the logarithm


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"prior": Prior.of({"g6": (0.0, 1.0)})}, KeyError, "write 'log <parameter>'"),
        ({"prior": Prior.of({"log g66": (0.0, 1.0)})}, KeyError, "nearest: g6"),
        ({"prior": Prior.of({"log u": (0.0, 1.0)})}, ValueError, "no log-scale"),
        ({"fixed": {"gain": 1.0}}, KeyError, "fixed holds"),
        ({"frequencies": [0.0, 1.0]}, ValueError, "must be positive"),
        ({"averages": 0.0}, ValueError, "positive"),
        ({"column": nmm.oscillator(radii=(1, 2))}, ValueError, "no Sigmoid"),
    ],
)
def test_bad_models_are_refused(change, error, message):
    given = {"column": RESONANT, "frequencies": [1.0], "prior": Prior.of({"log g6": (0.0, 1.0)})}
    with pytest.raises(error, match=message):
        spectral_model(**given | change)


def test_synthetic_data_come_from_the_prior():
    model = spectral_model(
        RESONANT, FREQUENCIES, Prior.of({"log g6": (0.0, 0.3)} | NOISES), averages=60
    )
    drawn = [synthetic(model, (4, i)) for i in range(200)]
    theta = np.array([t for t, _ in drawn])
    assert theta[:, 0].max() < np.log(29.17 / 20)  # stable rests only
    # 200 draws, seed 4: mean within 4 and spread within 5 standard errors.
    assert abs(theta[:, 1].mean() - 4.6) < 4 / np.sqrt(200)
    assert abs(theta[:, 1].std() - 1) < 5 / np.sqrt(400)
    spread = np.array([(y - model.predict(t)).var() for t, y in drawn])
    # Its log varies by 2/64 for want of frequencies, and by the prior's 1/16: 200 draws know the
    # sum to a tenth, so 40 % is four standard errors; without the 1/16 it would be a third.
    assert np.log(spread).var() == pytest.approx(2 / 64 + 1 / 16, rel=0.4)
    assert (model.hE, model.hC) == (np.log(60), 1 / 16)
    scatter = spread.mean()
    assert scatter * 60 == pytest.approx(np.exp(1 / 32), rel=0.1)  # mean of e^(−h)·60, sd of h 1/4
    same = synthetic(model, (4, 7))
    np.testing.assert_array_equal(same[1], drawn[7][1])
    with pytest.raises(ValueError, match="needs hE"):
        synthetic(GaussianModel(model.prior, model.predict), 1)
    with pytest.raises(ValueError, match="no prediction"):
        synthetic(GaussianModel(model.prior, lambda p: np.nan * p, hE=0.0, hC=1.0), 1)
