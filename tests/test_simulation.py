"""Trajectories: order of the scheme, moments of a linear column, reproducibility, refusals."""

import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm, solve_continuous_lyapunov
from scipy.signal import welch

import nmm
from nmm import kernel_math
from nmm.outcome import NumericalWarning

PUSH = np.array([0.3, -0.2, 1.0, 0.5, 20.0, -10.0, 5.0, 3.0])


def by_scipy(flow, duration, x0):
    return solve_ivp(flow, (0, duration), x0, "DOP853", rtol=1e-12, atol=1e-12).y[:, -1]


def test_heun_has_order_two():
    m = nmm.bistable_column(u=50.0)
    exact = by_scipy(lambda t, x: m.flow(x), 0.05, PUSH)
    steps = np.array([1e-4, 5e-5, 2.5e-5, 1.25e-5])
    errors = [np.abs(nmm.simulate(m, 0.05, dt=h, x0=PUSH).x[0, -1] - exact).max() for h in steps]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope == pytest.approx(2.0, abs=0.05)  # the next term is 10 % of the error at 1e-4


def test_order_two_with_a_parameter_that_varies():
    m = nmm.cmc()
    inputs = {"u": lambda t: 4e4 * np.sin(300 * t), "g6": lambda t: 400 + 4000 * t}
    exact = by_scipy(
        lambda t, x: m.with_(**{k: float(f(t)) for k, f in inputs.items()}).flow(x), 0.05, PUSH
    )
    steps = np.array([1e-4, 5e-5, 2.5e-5])
    errors = [
        np.abs(nmm.simulate(m, 0.05, dt=h, x0=PUSH, varying=inputs).x[0, -1] - exact).max()
        for h in steps
    ]
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(2.0, abs=0.1)


def test_current_coupling_and_every_parameter_enter_the_kernel():
    m = nmm.cmc(coupling="current", bias=0.5, slope=0.9, u=300.0, tau=[0.003, 0.004, 0.01, 0.02])
    exact = by_scipy(lambda t, x: m.flow(x), 0.1, PUSH)
    end = nmm.simulate(m, 0.1, dt=1e-5, x0=PUSH).x[0, -1]
    # Heun's error at 10 µs with the fastest time constant 3 ms: (dt/τ)²/6 ≈ 2e-6.
    np.testing.assert_allclose(end, exact, rtol=0, atol=2e-5 * np.abs(PUSH).max())


# One long run of the default column, driven weakly enough to be linear.
SIGMA, DT = 0.1, 1e-4


@pytest.fixture(scope="module")
def linear_run():
    return nmm.simulate(nmm.cmc(), 41.0, sigma=SIGMA, n_trials=64, seed=20230201, every=10, dt=DT)


def linear_parts():
    m = nmm.cmc()
    return m.jacobian(np.zeros(8)), SIGMA * m.E[:, 0]


def test_variance_of_the_linear_column_obeys_lyapunov(linear_run):
    J, drive = linear_parts()
    expected = solve_continuous_lyapunov(J, -np.outer(drive, drive))
    v = linear_run.x[:, 1000:, :4]  # from 1 s on: the slowest mode has decayed to e^(−34)
    for i in range(4):
        # Variance of a Gaussian variance over total time T: (2/T) ∫ C(τ)² dτ, both sides.
        lags = np.arange(0, 0.4, 5e-4)
        correlation = np.array([(expm(J * lag) @ expected)[i, i] for lag in lags])
        total = 64 * 40.0
        error = np.sqrt(4 * np.sum(correlation**2) * 5e-4 / total) / expected[i, i]
        found = np.mean(v[..., i] ** 2) / expected[i, i] - 1
        # n = 2,560 s of signal, seed above; 4.5 standard errors: false alarm 7e-6 for each of
        # four populations. Heun's own bias at this step is below 1e-3.
        assert abs(found) < 4.5 * error + 1e-3
        assert error < 0.01


def test_spectrum_of_the_linear_column_is_its_transfer_function(linear_run):
    J, drive = linear_parts()
    f, found = welch(linear_run.x[:, 1000:, 1], fs=1000.0, nperseg=2000, axis=-1)
    shown = (f >= 2) & (f <= 60)
    expected = np.array(
        [2 * abs(np.linalg.solve(2j * np.pi * a * np.eye(8) - J, drive)[1]) ** 2 for a in f[shown]]
    )
    ratio = found.mean(0)[shown] / expected
    # 64 × 39 windows overlapping by half: about 64 × 39 × 0.95/2 × 2 independent ones, so each of
    # 117 bins has relative error 1/√1200 × 1.4 ≈ 0.023 at most; 5 of them: false alarm 7e-5.
    assert np.abs(ratio - 1).max() < 0.115
    # Neighbouring bins are nearly independent: the mean over 117 is good to 0.0025.
    assert abs(ratio.mean() - 1) < 0.0125


def test_a_trial_depends_on_seed_and_number_only():
    m = nmm.bistable_column(u=2600.0)
    arguments = {"sigma": 20.0, "seed": 5, "every": 100}
    many = nmm.simulate(m, 0.2, n_trials=100, **arguments).x
    np.testing.assert_array_equal(nmm.simulate(m, 0.2, n_trials=10, **arguments).x, many[:10])
    np.testing.assert_array_equal(nmm.simulate(m, 0.2, n_trials=1, **arguments).x, many[:1])
    assert np.abs(many[0, -1] - many[1, -1]).max() > 1e-3
    other = nmm.simulate(m, 0.2, n_trials=1, sigma=20.0, seed=6, every=100).x
    assert np.abs(other - many[:1]).max() > 1e-3


def test_no_result_depends_on_the_number_of_threads():
    import numba

    m = nmm.bistable_column(u=2600.0)
    run = [
        _with_threads(k, lambda: nmm.simulate(m, 0.1, sigma=20.0, n_trials=96, seed=1).x)
        for k in (1, numba.config.NUMBA_NUM_THREADS)
    ]
    np.testing.assert_array_equal(*run)


def _with_threads(count, call):
    import numba

    before = numba.get_num_threads()
    numba.set_num_threads(count)
    try:
        return call()
    finally:
        numba.set_num_threads(before)


def test_chunks_do_not_show(monkeypatch):
    m = nmm.bistable_column(u=2600.0)
    arguments = {"sigma": 20.0, "n_trials": 3, "seed": 2, "every": 7}
    whole = nmm.simulate(m, 0.1, **arguments).x
    monkeypatch.setattr("nmm.simulation._WORK", 32 * 50)
    np.testing.assert_array_equal(nmm.simulate(m, 0.1, **arguments).x, whole)


def test_shape_times_and_first_sample():
    run = nmm.simulate(nmm.cmc(), 0.1001, dt=1e-4, x0=PUSH, n_trials=3, every=10)
    assert run.x.shape == (3, 1001 // 10 + 1, 8)
    np.testing.assert_array_equal(run.x[:, 0], np.tile(PUSH, (3, 1)))
    assert run.t[1] == pytest.approx(1e-3, rel=1e-12)
    assert run.outcome == "finished"


def test_a_function_and_its_values_give_the_same():
    m, t = nmm.cmc(), np.arange(501) * 1e-4
    one = nmm.simulate(m, 0.05, varying={"u": lambda t: 1e4 * np.cos(t)}).x
    other = nmm.simulate(m, 0.05, varying={"u": 1e4 * np.cos(t)}).x
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dt", [4.1e-3, 6e-3, 0.01])
def test_a_step_too_long_is_refused(dt):
    with pytest.raises(ValueError, match=r"too long for the fastest time constant, 0\.002 s"):
        nmm.simulate(nmm.cmc(u=1.0), 0.3, dt=dt)
    assert nmm.simulate(nmm.cmc(u=1.0), 0.3, dt=3.9e-3).outcome == "finished"


BECOMES_FAST = {"tau_ss": lambda t: np.where(t < 0.0905, 2e-3, 2e-5)}


@pytest.mark.parametrize("every", [1, 900])
def test_a_step_that_becomes_too_long_is_refused(every):
    with pytest.raises(ValueError, match=r"2e-05 s at t = 0\.0905 s"):
        nmm.simulate(nmm.cmc(u=1.0), 0.1, every=every, varying=BECOMES_FAST)


@pytest.mark.parametrize("every", [1, 900])
def test_what_diverges_all_the_same_is_reported(every, monkeypatch):
    monkeypatch.setattr("nmm.simulation.check_step", lambda *_: None)
    with pytest.warns(NumericalWarning, match="diverged"):
        run = nmm.simulate(nmm.cmc(u=1.0), 0.1, every=every, varying=BECOMES_FAST)
    assert run.outcome == "diverged"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"duration": -1.0}, ValueError, "duration"),
        ({"duration": float("nan")}, ValueError, "duration"),
        ({"duration": 1e-4, "every": 10}, ValueError, "simulate longer"),
        ({"dt": 0.0}, ValueError, "dt"),
        ({"every": 0}, ValueError, "every"),
        ({"every": float("inf")}, ValueError, "whole number"),
        ({"n_trials": True}, ValueError, "whole number"),
        ({"duration": None}, ValueError, "one finite number"),
        ({"seed": 1.5}, ValueError, "seed"),
        ({"x0": 1j * np.zeros(8)}, ValueError, "real numbers"),
        ({"varying": [1]}, ValueError, "must map"),
        ({"varying": {"u": lambda t: 1.0 if t > 0 else 0.0}}, ValueError, "np.where"),
        ({"varying": {"u": [np.nan] * 11}}, ValueError, "NaN"),
        ({"varying": {"slope": lambda t: 0.5 - 600 * t}}, ValueError, "slope"),
        ({"n_trials": 1.5}, ValueError, "whole number"),
        ({"x0": np.zeros(7)}, ValueError, "x0 has shape"),
        ({"x0": np.full(8, np.nan)}, ValueError, "NaN"),
        ({"sigma": -1.0}, ValueError, "not negative"),
        ({"sigma": [1.0, 2.0]}, ValueError, "one for each"),
        ({"varying": {"w": np.zeros(11)}}, KeyError, "no parameter 'w'"),
        ({"varying": {"u": np.zeros(3)}}, ValueError, "11 numbers"),
        ({"varying": {"u": lambda t: t[:2]}}, ValueError, "as many finite numbers"),
        ({"varying": {"tau_ss": lambda t: t - 1.0}}, ValueError, "must be positive"),
    ],
)
def test_bad_input_is_refused(change, error, message):
    arguments = {"duration": 1e-3, "sigma": 0.0, **change}
    with pytest.raises(error, match=message):
        nmm.simulate(nmm.cmc(), **arguments)


def test_polynomials_equal_numpys_functions():
    x = np.concatenate([np.linspace(-1000, 1000, 1001), np.linspace(-2, 2, 1001)])
    powers = np.array([np.prod(kernel_math.power_of_two(float(a))) for a in x])
    np.testing.assert_allclose(powers, np.exp2(x), rtol=1e-15)
    pairs = np.array([kernel_math.logistics(float(a), float(-a / 3)) for a in x[np.abs(x) < 500]])
    exact = 1 / (1 + np.exp2(np.stack([x, -x / 3], axis=1)[np.abs(x) < 500]))
    np.testing.assert_allclose(pairs, exact, rtol=4e-15)
    u = np.linspace(1e-12, 1.0, 2001)
    logarithm = np.array([kernel_math.logarithm(float(a)) for a in u])
    np.testing.assert_allclose(logarithm, np.log(u), rtol=4e-16, atol=2e-16)
    v = np.linspace(0, 1, 2000, endpoint=False)
    turned = np.array([kernel_math.turn(float(a)) for a in v])
    expected = np.stack([np.cos(2 * np.pi * v), np.sin(2 * np.pi * v)], axis=1)
    np.testing.assert_allclose(turned, expected, rtol=0, atol=1e-12)  # ends at z⁸


def test_a_finished_run_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nmm.simulate(nmm.cmc(), 0.01, sigma=1.0, seed=0)


def test_long_runs_show_progress_and_can_be_interrupted(monkeypatch):
    seen = []

    class Bar:
        def __init__(self, total, **options):
            self.total, self.options = total, options
            seen.append(self)

        def __enter__(self):
            self.done = 0
            return self

        def __exit__(self, *error):
            self.error = error[0]

        def update(self, steps):
            self.done += steps
            if self.total > 50_000 and self.done > self.total / 2:
                raise KeyboardInterrupt

    monkeypatch.setattr("nmm.simulation.tqdm", Bar)
    monkeypatch.setattr("nmm.simulation._WORK", 10_000)
    nmm.simulate(nmm.cmc(), 2.0)
    assert seen[0].done == seen[0].total == 20_000
    assert seen[0].options["delay"] > 0  # short runs stay silent
    with pytest.raises(KeyboardInterrupt):
        nmm.simulate(nmm.cmc(), 10.0)
    assert seen[1].done < seen[1].total


def test_compiled_code_is_kept_between_runs(tmp_path):
    code = (
        "import time, nmm; m = nmm.cmc(); t = time.perf_counter(); "
        "nmm.simulate(m, 0.01); print(time.perf_counter() - t)"
    )
    environment = os.environ | {"NMM_CACHE_DIR": str(tmp_path)}

    def run():
        return subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, check=True
        )

    run()
    kept = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.nbc")}
    assert kept, "Numba kept no machine code"
    run()
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.nbc")} == kept
    assert len(list(tmp_path.glob("kernel_*.py"))) == 1
    assert not list(tmp_path.glob("*.tmp"))
