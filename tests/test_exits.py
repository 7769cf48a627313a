"""Exit times by simulation: the same paths as `simulate`, exact intervals, both directions."""

import numpy as np
import pytest
from scipy.stats import chi2

import nmm
from nmm.amplitudes.exits import mean_and_interval


@pytest.fixture(scope="module")
def column():
    return nmm.bistable_column(u=2600.0)


@pytest.fixture(scope="module")
def two_way():
    return nmm.bistable_column(u=2960.0).with_(g6=4480.0)


def modulus(m, x):
    """|ζ|, with the left eigenvector from NumPy, scaled so that q of the reference is one."""
    rest = nmm.equilibria(m)[0]
    values, right = np.linalg.eig(m.jacobian(rest.x))
    i = np.argmax(values.real + 1e-9 * values.imag)
    left = np.linalg.inv(right)[i] * right[m.populations.index(m.reference), i]
    return np.abs((x - rest.x) @ left)


def test_exits_are_those_of_simulate(column):
    # The same seed gives the same paths, so each exit is at the very step seen in the states.
    # In the compiled kernel sums run in another order: a path that grazes could differ, none does.
    rest = nmm.equilibria(column)[0]
    found = nmm.exit_times(column, 40.0, 21, 3.0, seed=8, to=0.5)
    run = nmm.simulate(column, 3.0, x0=rest.x, sigma=40.0, n_trials=21, seed=8)
    beyond = modulus(column, run.x) >= 0.5
    first = np.where(beyond.any(axis=1), beyond.argmax(axis=1), -1)
    steps = np.where(found.censored, -1, np.round(found.times / 1e-4).astype(int))
    assert 0 < found.censored.sum() < 21
    np.testing.assert_array_equal(steps, first)


def test_returns_are_those_of_simulate(two_way):
    rest = nmm.equilibria(two_way)[0]
    a = nmm.amplitude_equation(two_way, rest)
    R, to = a.start_and_threshold("cycle", 0.3)
    n = 12
    found = nmm.exit_times(two_way, 50.0, n, 3.0, seed=9, start="cycle", to=0.3)
    x0 = a.state(a.radius(R), 2 * np.pi * np.arange(n) / n)
    run = nmm.simulate(two_way, 3.0, x0=x0, sigma=50.0, n_trials=n, seed=9)
    below = modulus(two_way, run.x) <= to
    first = np.where(below.any(axis=1), below.argmax(axis=1), -1)
    steps = np.where(found.censored, -1, np.round(found.times / 1e-4).astype(int))
    assert 0 < found.censored.sum() < n
    np.testing.assert_array_equal(steps, first)


def test_a_trial_depends_on_seed_and_number_only(column):
    few, many = (nmm.exit_times(column, 34.0, n, 6.0, seed=3, to=0.5) for n in (5, 70))
    np.testing.assert_array_equal(few.times, many.times[:5])
    other = nmm.exit_times(column, 34.0, 5, 6.0, seed=4, to=0.5)
    assert (other.times != few.times).any()


def test_work_in_pieces_changes_nothing(column, monkeypatch):
    options = {"seed": 3, "to": 0.5}
    whole = nmm.exit_times(column, 34.0, 40, 6.0, **options)
    monkeypatch.setattr("nmm.amplitudes.exits._WORK", 33_333)
    pieces = nmm.exit_times(column, 34.0, 40, 6.0, **options)
    np.testing.assert_array_equal(whole.times, pieces.times)


def test_censored_trials(column):
    long = nmm.exit_times(column, 34.0, 60, 30.0, seed=5, to=0.5)
    short = nmm.exit_times(column, 34.0, 60, 2.0, seed=5, to=0.5)
    assert (short.times[short.censored] == 2.0).all()
    assert (long.times[short.censored] > 2.0).all()
    left = ~short.censored
    np.testing.assert_array_equal(short.times[left], long.times[left])
    assert short.mean == pytest.approx(short.times.sum() / left.sum())
    none = nmm.exit_times(column, 1.0, 8, 0.5, seed=5, to=0.5)
    assert none.censored.all()
    assert none.mean == np.inf
    # No exit in 8 × 0.5 s: the exact lower limit, −4 s / ln 0.025.
    assert none.interval == (pytest.approx(4.0 / -np.log(0.025)), np.inf)


def test_no_noise_to_speak_of_from_beyond_the_barrier(column):
    # Released above the barrier, the column goes out along the surface, at the theory's time:
    # ∫ dR/ρ, but |ζ| ripples by its harmonics and passes up to a turn early.
    a = nmm.amplitude_equation(column, nmm.equilibria(column)[0])
    grid = np.linspace(0.35, 0.5, 2001)
    expected = np.trapezoid(1 / a.drift(grid), grid)
    found = nmm.exit_times(column, 1e-6, 16, 5.0, seed=1, start=0.35, to=0.5)
    turn = 1 / a.frequency(a.radius(0.5))
    assert (found.times < expected + 0.01 * expected).all()
    assert (found.times > expected - 2 * turn).all()


@pytest.mark.parametrize("t_max", [0.5, 2.0, np.inf])
def test_interval_covers_the_mean(t_max):
    # 2000 sets of exponential times of mean one: coverage 95 %, or above where trials stay.
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(2000):
        times = rng.exponential(size=12)
        low, high = mean_and_interval(np.minimum(times, t_max), times > t_max)[1]
        covered += low <= 1 <= high
    error = np.sqrt(0.95 * 0.05 / 2000)
    assert covered / 2000 > 0.95 - 3 * error
    if t_max == np.inf:
        assert covered / 2000 < 0.95 + 3 * error


def test_interval_is_chi_squared():
    times = np.array([1.0, 2.0, 4.0])
    mean, (low, high) = mean_and_interval(times, np.zeros(3, bool))
    assert mean == pytest.approx(7 / 3)
    assert 1 - chi2.cdf(2 * 7 / low, 6) == pytest.approx(0.025)
    assert chi2.cdf(2 * 7 / high, 6) == pytest.approx(0.025)


def test_theory_and_simulation_meet(two_way):
    # Both directions, live, with few trials: theory within the 99.9 % interval of the simulation.
    a = nmm.amplitude_equation(two_way, nmm.equilibria(two_way)[0])
    for start in ("rest", "cycle"):
        found = nmm.exit_times(two_way, 32.0, 160, 200.0, seed=21, start=start)
        exits = int((~found.censored).sum())
        limits = 2 * found.times.sum() / chi2.ppf([0.9995, 0.0005], 2 * exits)
        assert limits[0] < a.exit_time(32.0, start=start) < limits[1]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0.0, 4, 1.0), {}, "sigma"),
        ((20.0, 0, 1.0), {}, "n_trials"),
        ((20.0, 4, -1.0), {}, "t_max"),
        ((20.0, 4, 1.0), {"dt": 0.0}, "dt"),
        ((20.0, 4, 1.0), {"dt": 0.1}, "dt = 0.1"),
        ((20.0, 4, 1.0), {"seed": -1}, "seed"),
        ((20.0, 4, 1.0), {"to": np.nan}, "to"),
        ((20.0, 4, 1.0), {"start": "up"}, "start = 'up'"),
        ((20.0, 4, 1.0), {"start": 0.2, "to": 0.2}, "must differ"),
    ],
)
def test_bad_input(column, arguments, options, message):
    with pytest.raises(ValueError, match=message):
        nmm.exit_times(column, *arguments, **options)
