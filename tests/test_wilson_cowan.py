"""Wilson and Cowan's pair against formulas written by hand, and its diagram in closed form."""

import numpy as np
import pytest
from scipy.optimize import brentq

import nmm


def by_hand(state, *, w, slope, threshold, tau, drive):
    """The two equations as in the paper, one after the other."""
    E, I = state  # noqa: E741 - the paper's names
    to_E = slope[0] * (w[0] * E - w[1] * I + drive[0] - threshold[0])
    to_I = slope[1] * (w[2] * E - w[3] * I + drive[1] - threshold[1])
    fired = 1 / (1 + np.exp(-np.array([to_E, to_I])))
    return (fired - np.array([E, I])) / np.array(tau)


@pytest.mark.parametrize("seed", range(4))
def test_the_flow_is_the_formula(seed):
    rng = np.random.default_rng(seed)
    w, slope, threshold = rng.uniform(1, 20, 4), rng.uniform(1, 3, 2), rng.uniform(1, 5, 2)
    tau, drive, state = rng.uniform(0.005, 0.02, 2), rng.normal(size=2), rng.uniform(0, 1, 2)
    names = ("w_EE", "w_EI", "w_IE", "w_II", "slope_E", "slope_I", "threshold_E", "threshold_I")
    given = dict(zip(names, (*w, *slope, *threshold), strict=True))
    m = nmm.wilson_cowan(**given, tau_E=tau[0], tau_I=tau[1], P=drive[0], Q=drive[1])
    expected = by_hand(state, w=w, slope=slope, threshold=threshold, tau=tau, drive=drive)
    np.testing.assert_allclose(m.flow(state), expected, rtol=1e-12)
    assert nmm.wilson_cowan().with_(P=2.0).d[0] == pytest.approx(1.3 * (2.0 - 4.0))


def at_rest(I):  # noqa: E741
    """Along the default pair's fixed points: (P, trace, determinant) of each inhibitory activity.

    The second equation gives E, then the first gives P; the Jacobian is two by two.
    """
    E = (np.log(I / (1 - I)) / 2 + 3.7 + 3 * I) / 15
    P = np.log(E / (1 - E)) / 1.3 + 4 - 16 * E + 12 * I
    gain_E, gain_I = 1.3 * E * (1 - E), 2 * I * (1 - I)
    trace = (gain_E * 16 - 1 - gain_I * 3 - 1) / 0.008
    determinant = ((16 * gain_E - 1) * (-1 - 3 * gain_I) + 12 * 15 * gain_E * gain_I) / 0.008**2
    return P, trace, determinant


def zeros(which):
    """Fixed points (as I) where the trace (1) or the determinant (2) vanishes."""
    grid = 1 / (1 + np.exp(-np.linspace(-9, 17, 12000)))
    E = (np.log(grid / (1 - grid)) / 2 + 3.7 + 3 * grid) / 15
    grid = grid[(E > 0) & (E < 1)]
    values = at_rest(grid)[which]
    return [
        brentq(lambda y: at_rest(y)[which], a, b, xtol=1e-15)
        for a, b, s, t in zip(grid[:-1], grid[1:], values[:-1], values[1:], strict=True)
        if s * t < 0
    ]


def test_folds_and_no_false_hopf_point():
    branch = nmm.continue_equilibria(nmm.wilson_cowan(P=0.0), "P", (-1.0, 7.5))
    folds = sorted(p.parameter for p in branch.special if p.kind == "fold")
    expected = sorted(at_rest(y)[0] for y in zeros(2) if -1 < at_rest(y)[0] < 7.5)
    assert len(folds) == len(expected) == 4
    np.testing.assert_allclose(folds, expected, rtol=1e-9)
    # The trace vanishes once where the determinant is negative: a neutral saddle, no Hopf point.
    neutral = [y for y in zeros(1) if at_rest(y)[2] < 0]
    assert len(neutral) >= 1
    turning = [y for y in zeros(1) if at_rest(y)[2] > 0]
    hopf = [p for p in branch.special if p.kind == "hopf"]
    assert len(hopf) == len([y for y in turning if -1 < at_rest(y)[0] < 7.5])


def test_a_hopf_point_in_closed_form():
    # A faster inhibitory population: trace and determinant as above, with τ_I in place of τ_E.
    tau_I = 0.004

    def trace(y):
        E = (np.log(y / (1 - y)) / 2 + 3.7 + 3 * y) / 15
        return (16 * 1.3 * E * (1 - E) - 1) / 0.008 - (1 + 6 * y * (1 - y)) / tau_I

    grid = np.linspace(0.05, 0.9999, 4000)
    values = trace(grid)
    roots = [
        brentq(trace, a, b, xtol=1e-15)
        for a, b, s, t in zip(grid[:-1], grid[1:], values[:-1], values[1:], strict=True)
        if s * t < 0 and at_rest((a + b) / 2)[2] > 0  # its sign does not depend on τ_I
    ]
    assert roots
    branch = nmm.continue_equilibria(nmm.wilson_cowan(P=0.0, tau_I=tau_I), "P", (-1.0, 30.0))
    found = sorted(p.parameter for p in branch.special if p.kind == "hopf")
    np.testing.assert_allclose(found, sorted(at_rest(y)[0] for y in roots), rtol=1e-9)


def test_a_rhythm_by_simulation_and_by_harmonic_balance():
    m = nmm.wilson_cowan()
    run = nmm.simulate(m, 1.0, dt=1e-5, x0=[0.3, 0.3])
    cycle = nmm.find_cycle(m, run, harmonics=64)
    assert cycle.stable
    late = run.x[0, -20000:, 0]
    theta = np.linspace(0, 2 * np.pi, 2000)
    # Heun's steps of 10 µs and 2000 phases: the extremes agree to 1e-4.
    assert late.max() == pytest.approx(cycle.x(theta)[:, 0].max(), abs=1e-4)
    assert late.min() == pytest.approx(cycle.x(theta)[:, 0].min(), abs=1e-4)


@pytest.mark.parametrize(
    ("given", "message"),
    [({"tau_E": 0.0}, "tau_E"), ({"slope_I": -1.0}, "slope_I"), ({"P": np.nan}, "P = nan")],
)
def test_impossible_values_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        nmm.wilson_cowan(**given)
