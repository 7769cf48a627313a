"""Transfer functions and spectra: against SPM's own, simulations, and the delay equation itself."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import signal

import nmm
from nmm.inversion import delays as delayed
from nmm.inversion import spectrum
from nmm.inversion import spm_spectrum as spm
from nmm.outcome import NumericalWarning

SPM = json.loads(
    (Path(__file__).parent / "reference" / "spm_spectra.json").read_text(encoding="utf8")
)
PAIR = SPM["two_sources"]
each_case = pytest.mark.parametrize("case", SPM["cases"], ids=lambda c: c["label"][:20])


def numbers(given):
    """An array from JSON, complex where it says so."""
    if isinstance(given, dict):
        return np.array(given["re"]) + 1j * np.array(given["im"])
    return np.array(given, float)


def order(n):
    return nmm.from_spm_state(np.arange(8.0 * n), n).astype(int)


def ours(matrix, n=1):
    return numbers(matrix)[np.ix_(order(n), order(n))]


def off(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


@each_case
def test_the_linear_model_is_spms(case):
    linear, m = spm.spm_linear(case["P"], 1), nmm.from_spm(case["P"])
    np.testing.assert_allclose(linear.J, m.jacobian(np.zeros(8)), rtol=1e-14)
    np.testing.assert_allclose(linear.E[:, 0], numbers(case["dfdu"])[order(1)], rtol=1e-14)
    np.testing.assert_allclose(linear.C[0], numbers(case["dgdx"])[order(1)], rtol=1e-14)


@each_case
def test_transfer_and_spectrum_equal_spms(case):
    f, linear = numbers(case["Hz"]), spm.spm_linear(case["P"], 1)
    mtf, csd = numbers(case["mtf"]), numbers(case["csd"])
    H = spm.spm_transfer(linear, f)[:, 0, 0]
    # SPM's Jacobian is a forward difference, in error by 3e-5; the issue asks for 1e-7 and 1e-8.
    assert off(H, mtf) < 1e-7
    assert off(nmm.spm_cross_spectrum(case["P"], f)[:, 0, 0], csd) < 1e-8
    # The rest follows the same operations: rounding only.
    same = dataclasses.replace(linear, J=ours(case["J"]))
    assert off(spm.spm_transfer(same, f)[:, 0, 0], mtf) < 1e-9
    assert off(spm.spectrum_of(spm.spm_transfer(same, f), case["P"], f)[:, 0, 0], csd) < 1e-9


@each_case
def test_delay_operator_equals_spms(case):
    J = ours(case["J"])
    D = spm.spm_delays(J, np.full((1, 1), float(case["P"]["D"])))
    Q = delayed.delay_operator(J, delayed.effective_jacobian(J, D))
    assert off(Q, ours(case["Q"])) < 1e-13


def test_two_sources_equal_spms():
    case, f = PAIR["case"], numbers(PAIR["case"]["Hz"])
    linear, mtf, csd = spm.spm_linear(case["P"], 2), numbers(case["mtf"]), numbers(case["csd"])
    assert off(spm.spm_transfer(linear, f), mtf) < 1e-7
    assert off(nmm.spm_cross_spectrum(case["P"], f, n_sources=2), csd) < 1e-8
    m = nmm.from_spm(case["P"], n_sources=2)
    np.testing.assert_allclose(linear.J, m.jacobian(np.zeros(16)), rtol=1e-14)
    # The file keeps SPM's Jacobian with the delays; from it, rounding only.
    H = spm.spm_transfer(dataclasses.replace(linear, J=ours(PAIR["delays"]["J"], 2)), f)
    assert off(H, mtf) < 1e-9
    assert off(spm.spectrum_of(H, case["P"], f), csd) < 1e-9


def test_delays_of_two_sources_equal_spms():
    J, D = ours(PAIR["delays"]["J"], 2), ours(PAIR["delays"]["D_seconds"], 2)
    np.testing.assert_array_equal(spm.spm_delays(J, np.zeros((2, 2))), D)
    Q = delayed.delay_operator(J, delayed.effective_jacobian(J, D))
    assert off(Q, ours(PAIR["delays"]["Q"], 2)) < 1e-13


def test_the_general_transfer_function_is_the_same():
    case, f = SPM["cases"][0], np.arange(1.0, 65)
    m = nmm.from_spm({})
    D = delayed.column_delays(m)
    np.testing.assert_array_equal(D, spm.spm_linear({}, 1).delays)
    H = nmm.transfer_function(m, f, delays=D)
    assert H.shape == (64, 1, 1)
    assert off(512 * H[:, 0, 0], numbers(case["mtf"])) < 1e-7
    assert f[np.argmax(np.abs(H[:, 0, 0]))] == 24
    assert round(512 * np.abs(H).max(), 4) == 0.2074
    plain = np.abs(512 * nmm.transfer_function(m, f)[:, 0, 0])
    assert (f[np.argmax(plain)], round(plain.max(), 4)) == (22, 0.1755)


def test_effective_eigenvalues_solve_the_delay_equation():
    # λ v = (J ∘ e^(−λD)) v: residual of each eigenpair, relative to J v.
    m = nmm.bistable_column()
    J, D = m.jacobian(np.zeros(8)), delayed.column_delays(m)

    def residual(X):
        return max(
            np.linalg.norm(value * v - (J * np.exp(-value * D)) @ v) / np.linalg.norm(J @ v)
            for value, v in zip(*(part.T for part in np.linalg.eig(X)), strict=True)
        )

    assert residual(delayed.effective_jacobian(J, D)) < 1e-6  # the iteration's tolerance
    assert residual(np.linalg.solve(np.eye(8) + D * J, J)) > 0.05  # the first-order operator


def test_transfer_is_the_answer_to_a_sine():
    # The full model, driven by a small sine, in time: after a while a sine of gain |H| and phase.
    m, f, dt = nmm.cmc(), 20.0, 1e-4
    run = nmm.simulate(m, 1.0, dt=dt, varying={"u": lambda t: 0.1 * np.cos(2 * np.pi * f * t)})
    late = run.t > 0.5 - dt / 2
    t, x = run.t[late][:-1], run.x[0, late][:-1]
    found = 2 / 0.1 * np.mean(x[:, [1, 3]] * np.exp(-2j * np.pi * f * t)[:, None], axis=0)
    H = nmm.transfer_function(m, [f], outputs=("sp", "dp"))[0, :, 0]
    np.testing.assert_allclose(found, H, rtol=1e-4)  # Heun at this step, and 0.1 is not zero


def test_cross_spectrum_is_that_of_a_noisy_simulation():
    m = nmm.bistable_column(u=1000.0)
    rest = nmm.equilibria(m)[0]
    run = nmm.simulate(m, 40.0, x0=rest.x, sigma=2.0, n_trials=12, seed=8, every=20)
    x = run.x[:, 500:, [1, 3]] - rest.x[[1, 3]]
    f, P = signal.welch(x, fs=500.0, nperseg=1000, axis=1)
    cross = signal.csd(x[..., 0], x[..., 1], fs=500.0, nperseg=1000)[1].mean(axis=0)
    band = (f > 3) & (f < 40)
    G = nmm.cross_spectrum(m, f[band], sigma=2.0, outputs=("sp", "dp"))
    # About 12·38 segments, half overlapping: each bin 5 to 6 %; 74 bins, so 3 % of their mean
    # (seed 8) is beyond four standard errors; the window's leakage is below one per cent.
    for k in (0, 1):
        assert np.mean(P.mean(axis=0)[band, k] / G[:, k, k].real) == pytest.approx(1, abs=0.03)
    assert np.abs(P.mean(axis=0)[band, 0] / G[:, 0, 0].real - 1).max() < 0.3
    # scipy's csd conjugates its first signal; G is x xᴴ.
    turned = np.mean(cross[band].conj() / G[:, 0, 1])
    assert abs(turned - 1) < 0.04


def directions(m, k=3):
    rng = np.random.default_rng(4)
    J = m.jacobian(np.zeros(8))
    return J, rng.normal(size=(k, 8, 8)) * J, rng.normal(size=(k, 8, 1)) * m.E


@pytest.mark.parametrize("within", [0.0, 1e-3, 2e-3])
def test_derivatives_of_the_transfer_function_are_exact(within, monkeypatch):
    monkeypatch.setattr(delayed, "TOLERANCE", 1e-14)  # so that differences see no iteration
    m, f = nmm.cmc(), np.array([2.0, 11.0, 40.0])
    D, C = delayed.column_delays(m, within), np.eye(8)[[1, 3]]
    J, dJ, dE = directions(m)
    H, change = spectrum.transfer_derivatives(f, J, m.E, C, D, dJ, dE)

    def at(step, k):
        none = np.zeros((0, 8, 8)), np.zeros((0, 8, 1))
        moved = (J + step * dJ[k], m.E + step * dE[k], C, D, *none)
        return spectrum.transfer_derivatives(f, *moved)[0]

    np.testing.assert_allclose(H, nmm.transfer_function(m, f, delays=D, outputs=C), rtol=1e-10)
    for k in range(3):
        h = 1e-5
        slope = (at(h, k) - at(-h, k)) / (2 * h)
        # Central differences: h² and rounding over h, both about 1e-9.
        assert off(change[k], slope) < 1e-7


def test_an_unstable_fixed_point_has_no_spectrum():
    m = nmm.bistable_column(u=2800.0)  # beyond the Hopf point at 2728
    for call in (nmm.transfer_function, nmm.cross_spectrum):
        with pytest.raises(ValueError, match="not stable"):
            call(m, [10.0])
    wrong = nmm.equilibria(nmm.bistable_column())[0]
    with pytest.raises(ValueError, match="no fixed point of this model"):
        nmm.transfer_function(m, [10.0], equilibrium=wrong)


def test_spms_convention_at_an_unstable_rest_says_so():
    P = {"G": [0, 0, 3.0, 0, 0, 0, 4.0, 0, 0, 0]}
    with pytest.warns(NumericalWarning, match="not stable"):
        Y = nmm.spm_cross_spectrum(P, range(1, 65))
    assert np.isfinite(Y).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frequencies": []}, "frequencies have shape"),
        ({"frequencies": 10.0}, "frequencies have shape"),
        ({"frequencies": [1.0, np.nan]}, "finite"),
        ({"delays": np.zeros((4, 4))}, "delays have shape"),
        ({"delays": -np.ones((8, 8))}, "not negative"),
        ({"delays": np.ones((8, 8))}, "zero from a state to itself"),
        ({"inputs": np.ones(8)}, "inputs have shape"),
        ({"outputs": np.ones((2, 4))}, "outputs have shape"),
        ({"outputs": [[np.nan] * 8]}, "outputs have shape"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        nmm.transfer_function(nmm.cmc(), **({"frequencies": [10.0]} | arguments))


def test_more_bad_input_is_refused():
    with pytest.raises(KeyError, match="no output 'pyramidal'; it has ss, sp"):
        nmm.transfer_function(nmm.cmc(), [1.0], outputs=("pyramidal",))
    for sigma, message in (
        (-1.0, "negative"),
        ([1.0, 2.0], "one for each"),
        (np.nan, "one number"),
    ):
        with pytest.raises(ValueError, match=message):
            nmm.cross_spectrum(nmm.cmc(), [1.0], sigma=sigma)
    for P, f, message in (
        ({}, [0.0, 1.0], "must be positive"),
        (None, [1.0], "must map"),
        ({"a": [1, 2, 3]}, [1.0], "P.a has shape"),
        ({"L": float("nan")}, [1.0], "NaN"),
        ({"M": 0.1}, [1.0], "P.M"),
    ):
        with pytest.raises(ValueError, match=message):
            nmm.spm_cross_spectrum(P, f)


def test_delays_that_are_too_long_are_reported():
    m = nmm.cmc()
    with pytest.raises(ValueError, match="does not settle: delays up to"):
        nmm.transfer_function(m, [10.0], delays=delayed.column_delays(m, 0.5))


def test_names_and_weights_choose_the_same_output():
    m = nmm.cmc()
    by_name = nmm.transfer_function(m, [10.0, 30.0], outputs=("dp", "c_ii"))
    by_weight = nmm.transfer_function(m, [10.0, 30.0], outputs=np.eye(8)[[3, 6]])
    np.testing.assert_array_equal(by_name, by_weight)
    one = nmm.transfer_function(m, [10.0, 30.0], outputs="dp", inputs=2 * m.E)
    np.testing.assert_allclose(one[:, 0], 2 * by_name[:, 0])
