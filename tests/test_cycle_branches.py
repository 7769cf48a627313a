"""Branches of cycles: folds and Hopf points where other routes find them, and honest endings."""

import warnings

import numpy as np
import pytest

import nmm
from nmm.cycles import slow_growth
from nmm.harmonics import Balance
from nmm.outcome import NumericalWarning


@pytest.fixture(scope="module")
def column():
    return nmm.bistable_column()


def test_the_fold_in_g6(column):
    (rest,) = nmm.equilibria(column)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        branch = nmm.continue_cycles(column, "g6", (4500.0, 5000.0), (rest, 0.41))
    (fold,) = branch.special
    assert fold.kind == "fold"
    assert fold.parameter / 200 == pytest.approx(23.34, abs=0.005)  # published with this project
    # Another route: the slow growth along r has two zeros just above the fold, none just below.
    for g6, zeros in ((fold.parameter * 1.0005, 2), (fold.parameter * 0.9995, 0)):
        m = column.with_(g6=g6)
        (rest,) = nmm.equilibria(m)
        growth = [g for _, _, g, _ in slow_growth(m, rest, np.linspace(0.005, 0.5, 120), 8)]
        assert int((np.diff(np.sign(growth)) != 0).sum()) == zeros
    # Both branches reach the same end; one is stable, the other not.
    assert branch.parameter[0] == pytest.approx(5000.0, rel=1e-9)
    assert branch.parameter[-1] == pytest.approx(5000.0, rel=1e-9)
    assert branch.stable[0] != branch.stable[-1]


def test_the_unstable_branch_joins_the_two_hopf_points(column):
    hopf = nmm.continue_equilibria(column, "u", (-4000.0, 4000.0)).special
    (rest,) = nmm.equilibria(column)
    branch = nmm.continue_cycles(column, "u", (-4000.0, 4000.0), (rest, 0.348))
    assert [p.kind for p in branch.special] == ["hopf", "hopf"]
    for ours, known in zip(branch.special, hopf, strict=True):
        assert ours.parameter == pytest.approx(known.parameter, rel=1e-9)
        assert ours.frequency == pytest.approx(known.frequency, rel=1e-9)
        assert ours.coefficients[0] == pytest.approx(known.coefficients[0], rel=1e-6)
    assert not branch.stable.any()
    assert branch.outcome == "complete"


def test_a_branch_starts_at_a_hopf_point_as_its_coefficient_says(column):
    point = nmm.continue_equilibria(column, "u", (-4000.0, 4000.0)).special[1]
    branch = nmm.continue_cycles(column, "u", (2600.0, 2800.0), point)
    near = branch.parameter < point.parameter
    assert near.all()  # subcritical: the cycles lie where rest is stable
    # r² = −Re λ'(u) (u − u0) / Re γ1 to leading order; R = r there.
    h = 0.5
    growth = [
        nmm.equilibria(column.with_(u=point.parameter + s * h))[0].eigenvalues[0].real
        for s in (1, -1)
    ]
    slope = (growth[0] - growth[1]) / (2 * h)
    small = (branch.amplitude[:, 1] > 0.003) & (branch.amplitude[:, 1] < 0.03)
    squares = branch.amplitude[small, 1] ** 2
    expected = -slope * (branch.parameter[small] - point.parameter) / point.coefficients[0].real
    assert small.sum() >= 2
    # The next term is Re γ2 r² / Re γ1 = 68 r²: 6 % at r = 0.03.
    np.testing.assert_allclose(squares, expected, rtol=0.08)


def test_the_points_are_cycles(column):
    (rest,) = nmm.equilibria(column)
    branch = nmm.continue_cycles(column, "u", (-100.0, 2500.0), (rest, 0.41))
    k = int(np.argmin(np.abs(branch.parameter - 2400.0)))
    u = float(branch.parameter[k])
    m = column.with_(u=u)
    direct = nmm.find_cycle(m, (nmm.equilibria(m)[0], float(branch.amplitude[k, 1])))
    assert direct.frequency == pytest.approx(branch.frequency[k], rel=1e-9)
    np.testing.assert_allclose(direct.amplitude, branch.amplitude[k], rtol=1e-8)
    assert branch.stable.all()
    assert (branch.parameter[0], branch.parameter[-1]) == pytest.approx((-100.0, 2500.0))


def test_jansen_rits_alpha_rhythm_lives_between_two_soft_hopf_points():
    m = nmm.jansen_rit()
    points = nmm.continue_equilibria(m, "p", (-100.0, 400.0)).special
    first, last = (p for p in points if p.kind == "hopf" and p.parameter > 0)
    branch = nmm.continue_cycles(m, "p", (-100.0, 400.0), first)
    assert [p.parameter for p in branch.special] == pytest.approx(
        [first.parameter, last.parameter], rel=1e-9
    )
    assert branch.stable.all()


def test_a_branch_that_cannot_be_followed_to_its_end_says_so():
    # Jansen and Rit's spikes: their period grows without bound, and 24 harmonics do not hold them.
    m = nmm.jansen_rit()
    points = nmm.continue_equilibria(m, "p", (-100.0, 400.0)).special
    hard = next(p for p in points if p.kind == "hopf")
    with pytest.warns(NumericalWarning, match="the branch of cycles in p ends at"):
        branch = nmm.continue_cycles(m, "p", (-100.0, 400.0), hard)
    assert branch.outcome not in ("complete", "closed")


def test_balance_by_a_parameter_equals_differences(column):
    y, omega = np.random.default_rng(0).normal(size=(4, 7)), 90.0
    for name in ("u", "g6", "tau_ii", "slope", "bias"):
        value = {p.name: p.value for p in column.parameters}[name]
        h = 1e-5 * max(abs(value), 0.1)
        both = [
            Balance(column.with_(**{name: value + s * h}), None, 3).residual(y, 0.0, omega)[0]
            for s in (1, -1)
        ]
        exact = Balance(column, None, 3).by_parameter(name, y, omega)
        np.testing.assert_allclose(
            (both[0] - both[1]) / (2 * h), exact, atol=1e-8 * np.abs(exact).max()
        )


@pytest.mark.parametrize(
    ("name", "interval", "start", "error", "message"),
    [
        ("q", (0.0, 1.0), 0.4, KeyError, "no parameter 'q'"),
        ("u", (100.0, 200.0), 0.4, ValueError, "must hold the starting value"),
        ("u", (-100.0, 200.0), 0.4, ValueError, "must be"),
    ],
)
def test_bad_input_is_refused(column, name, interval, start, error, message):
    with pytest.raises(error, match=message):
        nmm.continue_cycles(column, name, interval, start)
