"""Orders of the stochastic scheme on the linear column, whose moments are known.

With additive noise Heun's step on ẋ = J x + g ẇ is x + (Jh + J²h²/2) x + (1 + Jh/2) g ΔW. Given
the increments ΔW of its grid, the best guess of the exact solution is known in closed form; the
scheme is compared with that, path by path, and the part that no scheme on this grid can know is
added exactly.
"""

import numpy as np
import pytest
from scipy.linalg import expm, solve_continuous_lyapunov, solve_discrete_lyapunov

import nmm
from nmm.system import LureForm

SIGMA = 0.01  # so weak that the sigmoid is straight: its cubic term is 1e-8 of the linear one
DURATION = 0.064


def brownian_path(dt, n_trials):
    """The very increments that `simulate` uses for a seed: the model ẋ = σ ẇ integrates them."""

    def assemble(values):
        zero = np.zeros((1, 1))
        return LureForm(zero, zero, zero, np.zeros(1), np.ones((1, 1)), np.zeros(1), {})

    m = nmm.NeuralMass("Brownian path", ("w",), ("w",), "w", (), assemble)
    run = nmm.simulate(m, DURATION, dt=dt, sigma=1.0, n_trials=n_trials, seed=11)
    return np.diff(run.x[:, :, 0], axis=1)


def strong_errors(dt, n_trials=256):
    """Root mean square of Heun against its best guess, and of the exact solution against it."""
    m = nmm.cmc()
    J, g = m.jacobian(np.zeros(8)), SIGMA * m.E[:, 0]
    end = nmm.simulate(m, DURATION, dt=dt, sigma=SIGMA, n_trials=n_trials, seed=11).x[:, -1, :4]
    increments = brownian_path(dt, n_trials)
    n = increments.shape[1]
    step, mean = expm(J * dt), np.linalg.solve(J * dt, expm(J * dt) - np.eye(8)) @ g
    answers = [mean]
    for _ in range(n - 1):
        answers.append(step @ answers[-1])
    guess = increments[:, ::-1] @ np.array(answers)
    scheme = np.sqrt(np.mean((end - guess[:, :4]) ** 2))
    # Variance within the steps: total of the exact solution less that of the guess.
    total = solve_continuous_lyapunov(J, -np.outer(g, g))
    total = total - expm(J * DURATION) @ total @ expm(J * DURATION).T
    explained = dt * sum(np.outer(a, a) for a in answers)
    unknown = np.sqrt(np.mean(np.diag(total - explained)[:4]))
    return scheme, np.hypot(scheme, unknown)


def test_strong_order():
    steps = np.array([1e-4, 5e-5, 2.5e-5, 1.25e-5])
    scheme, total = np.array([strong_errors(h) for h in steps]).T
    logs = np.log(steps)
    # 256 paths, seed 11: the same normal numbers at each step, so the slopes hardly fluctuate.
    assert np.polyfit(logs, np.log(scheme), 1)[0] == pytest.approx(2.0, abs=0.1)
    assert np.polyfit(logs, np.log(total), 1)[0] == pytest.approx(1.0, abs=0.1)


def heun_variance(J, g, h):
    """Stationary variance of Heun's recursion, from the discrete Lyapunov equation."""
    one = np.eye(len(J))
    step, noise = one + J * h + J @ J * h * h / 2, (one + J * h / 2) @ g
    return solve_discrete_lyapunov(step, h * np.outer(noise, noise))


def test_weak_order():
    m = nmm.cmc()
    J, g = m.jacobian(np.zeros(8)), SIGMA * m.E[:, 0]
    exact = solve_continuous_lyapunov(J, -np.outer(g, g))[1, 1]
    steps = np.array([1e-3, 5e-4, 2.5e-4])
    found = []
    for h in steps:
        run = nmm.simulate(m, 401.0, dt=h, sigma=SIGMA, n_trials=64, seed=4, every=4)
        v = run.x[:, round(1.0 / (4 * h)) :, 1]
        found.append(np.mean(v**2) / exact - 1)
    # 25,600 s of signal with correlation time about 10 ms: standard error sqrt(2·0.01/25600) =
    # 0.0009; 4.5 of them (false alarm 7e-6 each).
    predicted = [heun_variance(J, g, h)[1, 1] / exact - 1 for h in steps]
    np.testing.assert_allclose(found, predicted, rtol=0, atol=0.004)
    fine = np.array([4e-5, 2e-5, 1e-5])
    bias = [abs(heun_variance(J, g, h)[1, 1] / exact - 1) for h in fine]
    assert np.polyfit(np.log(fine), np.log(bias), 1)[0] == pytest.approx(2.0, abs=0.05)
    assert abs(predicted[0]) > 0.004  # so the comparison above sees the bias itself


def test_euler_steps_are_biased_where_heun_is_not():
    """Explicit Euler adds ω²h/2 to a mode's growth, implicit Euler takes it away; Heun neither."""
    m = nmm.bistable_column()
    J, g = m.jacobian(np.zeros(8)), SIGMA * m.E[:, 0]
    exact = solve_continuous_lyapunov(J, -np.outer(g, g))[1, 1]
    h, one = 1e-4, np.eye(8)
    explicit = solve_discrete_lyapunov(one + J * h, h * np.outer(g, g))[1, 1]
    inverse = np.linalg.inv(one - J * h)
    implicit = solve_discrete_lyapunov(inverse, h * np.outer(inverse @ g, inverse @ g))[1, 1]
    run = nmm.simulate(m, 201.0, dt=h, sigma=SIGMA, n_trials=64, seed=9, every=10)
    heun = np.mean(run.x[:, 1000:, 1] ** 2)
    mode = np.linalg.eigvals(J)
    mode = mode[np.argmax(mode.real)]
    growth = np.log(abs(1 + mode * h)) / h
    assert growth - mode.real == pytest.approx(abs(mode) ** 2 * h / 2 - mode.real**2 * h, rel=0.02)
    assert explicit / exact - 1 > 0.04
    assert implicit / exact - 1 < -0.04
    # 12,800 s with correlation time 0.1 s: standard error about 0.4 %, four of them.
    assert heun / exact == pytest.approx(1.0, abs=0.016)
