"""Folds of cycles in two parameters: double multipliers by SciPy, ends and cusp otherwise."""

import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import nmm
from nmm.outcome import NumericalWarning
from nmm.phase_space.cycle_folds import _first, _FoldCurve
from nmm.phase_space.cycle_walks import walk

BOX = (3000.0, 8000.0), (-6000.0, 6000.0)


@pytest.fixture(scope="module")
def column():
    return nmm.bistable_column()


@pytest.fixture(scope="module")
def fold(column):
    (rest,) = nmm.equilibria(column)
    (point,) = nmm.continue_cycles(column, "g6", (4500.0, 5000.0), (rest, 0.41)).special
    return point


@pytest.fixture(scope="module")
def curve(column, fold):
    """All of the curve: from one generalised Hopf point to the other."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return nmm.continue_cycle_folds(column, ("g6", "u"), BOX, fold)


def monodromy(m, cycle):
    """Eigenvalues of the monodromy matrix from SciPy, by descending modulus."""
    n = m.n_states

    def rate(t, z):
        x, M = z[:n], z[n:].reshape(n, n)
        return np.concatenate([m.flow(x), (m.jacobian(x) @ M).ravel()])

    # From a phase at which variations grow 20 times less than from that of the spike.
    start = np.concatenate([cycle.x(2.0), np.eye(n).ravel()])
    end = solve_ivp(rate, (0, cycle.period), start, "DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    extent = np.ptp(cycle.x(np.linspace(0, 2 * np.pi, 200)), axis=0)
    assert (np.abs(end[:n] - start[:n]) / extent).max() < 1e-6  # it comes back
    values = np.linalg.eigvals(end[n:].reshape(n, n))
    return values[np.argsort(-np.abs(values))]


def assert_double(m, names, points):
    for point in points:
        there = m.with_(**dict(zip(names, map(float, point.parameters), strict=True)))
        first, second, third = monodromy(there, point.cycle)[:3]
        # A double eigenvalue splits by the root of an error: sum and product do not.
        assert abs((first - 1) * (second - 1)) < 1e-7
        assert abs(first + second - 2) < 1e-6
        assert abs(third) < 0.5


def test_the_curve_joins_two_generalised_hopf_points_over_a_cusp(curve):
    assert curve.outcome == "complete"
    assert [p.kind for p in curve.special] == ["generalised-hopf", "cusp", "generalised-hopf"]
    assert curve.parameters.shape == (len(curve.frequency), 2)
    assert curve.amplitude.shape == (len(curve.frequency), 4)
    # Towards the ends the cycles shrink, and the curve comes to the points.
    for end, point in ((0, curve.special[0]), (-1, curve.special[2])):
        assert curve.amplitude[end].max() < 0.1 * curve.amplitude.max()
        assert curve.frequency[end] == pytest.approx(point.frequency, rel=1e-3)
        np.testing.assert_allclose(curve.parameters[end], point.parameters, rtol=1e-3)


def test_generalised_hopf_points_lie_where_the_cubic_coefficient_vanishes(column, curve):
    for point in (curve.special[0], curve.special[2]):
        g6, u = map(float, point.parameters)
        m = column.with_(g6=g6, u=u + 1.0)
        hopfs = nmm.continue_equilibria(m, "u", (u - 100.0, u + 100.0)).special
        (hopf,) = (h for h in hopfs if h.kind == "hopf")
        assert hopf.parameter == pytest.approx(u, rel=1e-9)
        assert hopf.frequency == pytest.approx(point.frequency, rel=1e-9)
        # Of −80 and −40 in the imaginary part.
        assert abs(hopf.coefficients[0].real) < 1e-6
        assert abs(point.coefficients[0].real) < 1e-6
        assert hopf.coefficients[1] == pytest.approx(point.coefficients[1], rel=1e-5)


def test_points_of_the_curve_have_a_double_multiplier(column, fold):
    first = _first(column, ("g6", "u"), BOX, fold)
    for way in (-1.0, 1.0):
        points, _ = walk(first, way, lambda points: len(points) > 8)
        assert_double(column, ("g6", "u"), points[::2])


@pytest.mark.parametrize("u", [-800.0, 1200.0])
def test_a_branch_at_another_input_has_its_fold_on_the_curve(column, fold, u):
    box = (3900.0, 4900.0), (min(u, -1.0), max(u, 1.0))
    curve = nmm.continue_cycle_folds(column, ("g6", "u"), box, fold)
    assert curve.outcome == "complete"
    (end,) = (i for i in (0, -1) if abs(curve.parameters[i, 1] - u) < 1e-6)
    m = column.with_(u=u)
    start = nmm.continue_equilibria(m, "g6", (3000.0, 8000.0)).special[-1]
    branch = nmm.continue_cycles(m, "g6", (3000.0, 8000.0), start)
    places = np.array([p.parameter for p in branch.special if p.kind == "fold"])
    assert np.abs(places - curve.parameters[end, 0]).min() < 1e-6


def test_two_folds_of_a_branch_meet_in_the_cusp(column, curve):
    g6, u = curve.special[1].parameters
    gaps = []
    for below in (0.4, 0.1):
        m = column.with_(u=float(u) - below)
        start = nmm.continue_equilibria(m, "g6", (3000.0, 6000.0)).special[0]
        branch = nmm.continue_cycles(m, "g6", (3000.0, 6000.0), start)
        folds = [p.parameter for p in branch.special if p.kind == "fold"]
        assert len(folds) == 2
        gaps.append(abs(folds[0] - folds[1]))
        # Both come to g6 of the cusp, along its direction: 0.57 of g6 for one of u.
        assert np.mean(folds) == pytest.approx(g6 + 0.57 * below, abs=0.02 * below)
    # A semicubical parabola: the gap grows with the power 3/2.
    assert np.log(gaps[0] / gaps[1]) / np.log(4) == pytest.approx(1.5, abs=0.02)
    m = column.with_(u=float(u) + 0.1)
    start = nmm.continue_equilibria(m, "g6", (3000.0, 6000.0)).special[0]
    branch = nmm.continue_cycles(m, "g6", (3000.0, 6000.0), start)
    assert "fold" not in [p.kind for p in branch.special]


@pytest.mark.parametrize(("name", "interval"), [("C", (134.0, 136.0)), ("B", (21.8, 22.2))])
def test_the_fold_of_jansen_rits_spikes_moves_with_another_parameter(name, interval):
    m = nmm.jansen_rit()
    points = nmm.continue_equilibria(m, "p", (-100.0, 300.0)).special
    start = next(p for p in points if p.kind == "hopf")
    branch = nmm.continue_cycles(m, "p", (-50.0, 200.0), start)
    (fold,) = (p for p in branch.special if p.kind == "fold")
    box = (-100.0, 300.0), interval
    curve = nmm.continue_cycle_folds(m, ("p", name), box, fold)
    assert curve.outcome == "complete"
    assert curve.special == ()
    assert sorted(curve.parameters[[0, -1], 1]) == pytest.approx(interval, rel=1e-9)
    first = _first(m, ("p", name), box, fold)
    points, _ = walk(first, 1.0, lambda points: len(points) > 3)
    assert_double(m, ("p", name), points[-1:])
    # Another branch, at the lower end of the curve, has its fold there.
    there = m.with_(**{name: float(curve.parameters[0, 1])})
    places = []
    for point in nmm.continue_equilibria(there, "p", (-100.0, 300.0)).special:
        if point.kind == "hopf" and point.parameter < 0:
            branch = nmm.continue_cycles(there, "p", (-50.0, 200.0), point)
            places += [p.parameter for p in branch.special if p.kind == "fold"]
    assert np.abs(np.array(places) - curve.parameters[0, 0]).min() < 1e-7


def test_the_gradient_of_the_singular_value_equals_differences(column, fold):
    first = _first(column, ("g6", "u"), BOX, fold)
    assert isinstance(first.curve, _FoldCurve)
    rng = np.random.default_rng(0)
    slopes = first.curve.slopes(first.z)
    for _ in range(3):
        way, h = rng.normal(size=len(first.z)) / 10, 1e-6
        numeric = (first.curve.gap(first.z + h * way) - first.curve.gap(first.z - h * way)) / (
            2 * h
        )
        np.testing.assert_allclose(slopes @ way, numeric, atol=1e-7)


def test_a_curve_that_cannot_be_followed_says_so(column, fold, monkeypatch):
    monkeypatch.setattr("nmm.phase_space.cycle_walks._STEPS", 3)
    with pytest.warns(NumericalWarning, match="the folds of cycles in .* end at .* step limit"):
        curve = nmm.continue_cycle_folds(column, ("g6", "u"), BOX, fold)
    assert curve.outcome == "step limit"
    assert len(curve.frequency) > 1


@pytest.mark.parametrize(
    ("names", "box", "message", "error"),
    [
        (("g6", "nonsense"), BOX, "no parameter", KeyError),
        (("g6", "g6"), BOX, "the same", ValueError),
        (("g6", "u"), ((3000.0, 4000.0), (-1.0, 1.0)), "must hold the starting value", ValueError),
        (("g7", "u"), ((0.0, 8000.0), (-1.0, 1.0)), "no fold of cycles of this model", ValueError),
    ],
)
def test_bad_input_is_refused(column, fold, names, box, message, error):
    with pytest.raises(error, match=message):
        nmm.continue_cycle_folds(column, names, box, fold)


def test_a_start_that_is_no_fold_of_cycles_is_refused(column):
    points = nmm.continue_equilibria(nmm.jansen_rit(), "p", (-100.0, 400.0)).special
    folds = [p for p in points if p.kind == "fold"]
    with pytest.raises(ValueError, match="a fold of fixed points, not of cycles"):
        nmm.continue_cycle_folds(nmm.jansen_rit(), ("p", "C"), ((-100, 400), (1, 200)), folds[0])
    with pytest.raises(ValueError, match="must be a fold"):
        nmm.continue_cycle_folds(column, ("g6", "u"), BOX, 0.4)
