"""The generative model of exits: its table, its likelihood, and what bad data do to it."""

import importlib
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

from nmm import amplitude_equation, datasets, equilibria, exit_times
from nmm.amplitudes.exits import ExitTimes
from nmm.inversion.exit_models import (
    CONDITIONS,
    EXIT_BOX,
    EXIT_PRIOR,
    LEVEL,
    THEORY_SD,
    Dwells,
    ExitPosterior,
    ExitTable,
    exit_column,
    exit_log_likelihood,
    exit_posterior,
    solved,
)


@pytest.fixture(scope="module")
def table():
    return datasets.exit_table()


def dwells(start, level, times, t_max):
    times = np.minimum(np.asarray(times, float), t_max)
    return Dwells.of(start, level, ExitTimes(times, times >= t_max, np.nan, (0, 0)), t_max)


def test_the_table_follows_the_theory_between_its_nodes(table):
    theta = np.array([0.041, -0.067, 0.0])
    exact = solved(exit_column(theta), [27.3])[..., 0]
    found = [table.look_up(theta, 27.3, start) for start in ("rest", "cycle")]
    # Ten times the error that the table states of itself, from other points.
    assert np.array(found) == pytest.approx(exact, abs=10 * table.error)
    assert table.error < 1e-3


def test_a_prediction_is_quick_and_ends_at_the_box(table):
    began = time.process_time()
    for _ in range(100):
        table.look_up(np.zeros(3), 30.0, "rest")
    assert (time.process_time() - began) / 100 < 0.010
    assert np.isnan(table.look_up([0.1, 0, 0], 30.0, "rest")).all()


def test_the_likelihood_is_the_gamma_density_with_censoring():
    times, t_max = np.array([3.0, 7.0, 20.0, 12.0]), 15.0
    mean, cv = 9.0, 0.8
    law = stats.gamma(cv**-2, scale=mean * cv**2)
    expected = law.logpdf(times[times < t_max]).sum() + law.logsf(t_max)
    found = dwells("rest", 30.0, times, t_max).log_likelihood(np.log(mean), np.log(cv))
    assert float(found) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("g8", [0.0, 0.04])
def test_the_error_of_the_theory_is_integrated_out(table, g8):
    _, exits = datasets.exit_calibration()[0]
    theta = np.array([g8, 0.0, -0.05])

    def of_state(start):
        laws = [
            (
                d,
                table.look_up(theta, d.level, start)[0],
                table.look_up(0 * theta, d.level, start)[1],
            )
            for d in exits
            if d.start == start
        ]

        def log_likelihood(z):  # one error, common to all conditions that leave this state
            return sum(float(d.log_likelihood(m + THEORY_SD * z, cv)) for d, m, cv in laws)

        top = log_likelihood(0.0)
        density = lambda z: stats.norm.pdf(z) * np.exp(log_likelihood(z) - top)  # noqa: E731
        return top + np.log(quad(density, -8, 8)[0])

    # Five nodes are that good; with no error at all the logs differ by 0.3 and 2.8.
    expected = of_state("rest") + of_state("cycle")
    assert exit_log_likelihood(table, theta, exits) == pytest.approx(expected, abs=0.01)


def test_the_evidence_is_an_integral_over_the_prior():
    # Times that depend on the noise alone leave an integral over one parameter.
    coefficients = np.zeros((2, 3, 1, 1, 2))
    coefficients[:, 0, 0, 0] = 3.0, -1.2
    only_noise = ExitTable(EXIT_BOX[:2], coefficients, 0.0)
    exits = dwells("rest", LEVEL, np.geomspace(4.0, 70.0, 9), 60.0)
    mean, sd = EXIT_PRIOR["log sigma"]
    prior = stats.truncnorm(-EXIT_BOX[2] / sd, EXIT_BOX[2] / sd, mean, sd)

    def density(x):
        log_mean, log_cv, _ = only_noise.look_up([0.0, 0.0, x], LEVEL, "rest")
        return prior.pdf(x) * np.exp(exits.log_likelihood(log_mean, log_cv))

    found = exit_posterior(only_noise, [exits], theory_sd=1e-9)
    integral, _ = quad(density, -EXIT_BOX[2], EXIT_BOX[2], epsabs=0)
    # The midpoint rule at 33 points, where the cut prior does not vanish at its ends.
    assert found.log_evidence == pytest.approx(np.log(integral), abs=1e-3)


def test_other_data_count_once(table):
    _, exits = datasets.exit_calibration()[0]
    alone = exit_posterior(table, exits, points=11)
    theta = np.stack(np.meshgrid(*alone.axes, indexing="ij"), axis=-1)
    other = lambda q: 2.0 - 800 * (q[..., 1] - 0.03) ** 2  # noqa: E731
    both = exit_posterior(table, exits, also=other, points=11)
    expected = alone.weight * np.exp(other(theta))
    assert both.weight == pytest.approx(expected / expected.sum(), rel=1e-9, abs=1e-15)
    more = both.log_evidence - alone.log_evidence
    assert more == pytest.approx(np.log(expected.sum()), abs=1e-9)


def test_ranks_and_directions_of_a_posterior_made_by_hand():
    axis, one = np.array([-3.0, -1.0, 1.0, 3.0]), np.array([0.1, 0.2, 0.3, 0.4])  # variance 4
    correlated = 0.4 * np.outer(one, one) + 0.6 * np.diag(one)
    weight = np.multiply.outer(correlated, one)
    found = ExitPosterior(
        ("a", "b", "c"), (axis, 3 * axis, axis), weight, np.array([4.0, 12.0, 2.0]), 0.0
    )
    # Each weight is spread over its cell: a whole number of cells, and half of one.
    assert found.rank([0.0, -6.0, 3.0]) == pytest.approx([0.3, 0.1, 0.8], abs=1e-12)
    # The first two have half the prior's width and a correlation of 0.6, the third all of it.
    ratios, directions = found.eigen()
    assert ratios == pytest.approx([1, np.sqrt(1.6) / 2, np.sqrt(0.4) / 2], abs=1e-12)
    half = np.sqrt(0.5)
    expected = [[0, half, half], [0, half, half], [1, 0, 0]]
    assert np.abs(directions) == pytest.approx(np.array(expected), abs=1e-12)


def test_no_data_leave_the_prior(table):
    nothing = exit_posterior(table, [], points=21)
    assert nothing.sd == pytest.approx(nothing.prior_sd, rel=1e-9)


def test_all_censored_leaves_the_prior_nearly_as_it_is(table):
    stayed = exit_posterior(table, [dwells("rest", 26.0, np.full(8, 1.0), 1.0)], points=21)
    assert (stayed.sd / stayed.prior_sd > 0.95).all()
    assert (np.abs(stayed.mean) < 0.3 * stayed.prior_sd).all()


def test_trials_that_all_stay_where_exits_are_certain_are_refused(table):
    with pytest.raises(ValueError, match="contradict"):
        exit_posterior(table, [dwells("rest", 34.0, np.full(60, 120.0), 120.0)], points=21)


def test_one_noise_leaves_the_connections_open(table):
    _, exits = datasets.exit_calibration()[0]
    one = exit_posterior(table, exits[1:2], points=21)
    assert (one.sd[:2] / one.prior_sd[:2] > 0.85).all()


def test_contradictory_times_are_refused(table):
    random = np.random.default_rng(2)
    long_at_strong = [
        dwells("rest", 26.0, random.exponential(3.0, 60), 500.0),
        dwells("rest", 34.0, random.exponential(60.0, 60), 500.0),
    ]
    with pytest.raises(ValueError, match="contradict"):
        exit_posterior(table, long_at_strong, points=21)


def test_impossible_times_are_refused():
    with pytest.raises(ValueError, match="positive"):
        Dwells.of("rest", 30.0, ExitTimes(np.array([-1.0]), np.array([False]), 1.0, (0, 1)), 5.0)
    with pytest.raises(ValueError, match="start"):
        dwells("up", 30.0, [1.0], 5.0)


def test_the_stored_sets_are_those_of_the_recipe(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "tools"))
    recipe = importlib.import_module("simulate_calibration")
    sets = datasets.exit_calibration()
    assert len(sets) >= 200
    assert all(d.exits for _, exits in sets for d in exits)
    for i, (truth, _) in enumerate(sets):
        assert truth == pytest.approx(recipe.draw(i), abs=1e-12)
    i, k = 229, 2  # all of its trials left within 9 s
    column = exit_column(sets[i][0])
    start, level, n_trials, t_max = CONDITIONS[k]
    _, to = amplitude_equation(column, equilibria(column)[0]).start_and_threshold(start, None)
    sigma = level * float(np.exp(sets[i][0][2]))
    again = exit_times(column, sigma, n_trials, t_max, seed=10 * i + k, dt=recipe.DT, to=to)
    stored = sets[i][1][k]
    assert again.censored.sum() == stored.stayed
    # One trial that leaves a step later, by another processor's rounding, is 1e-6 of the total.
    assert again.times.sum() == pytest.approx(stored.total, rel=1e-5)


def test_coverage_of_the_posterior(table):
    # Every fourth set; the number inside a 90 % interval is binomial(60, 0.9). False alarm for one
    # of three parameters: below 3 % by 99 % intervals; the sets are fixed, so it cannot flicker.
    sets = datasets.exit_calibration()[::4]
    ranks = np.array([exit_posterior(table, e, points=17).rank(truth) for truth, e in sets])
    inside = (np.abs(ranks - 0.5) < 0.45).sum(axis=0)
    low, high = stats.binom.interval(0.99, len(sets), 0.9)
    assert ((inside >= low) & (inside <= high)).all()
