"""Every fixed point, and none missed: known diagrams, dense searches, columns at a fold."""

import warnings

import numpy as np
import pytest
from scipy.optimize import brentq, root

import nmm
from nmm import fixed_points
from nmm.outcome import NumericalWarning

# Folds of Jansen and Rit's column, 50-digit arithmetic, agreeing with AUTO-07p: p and y1 − y2.
LOWER_FOLD, UPPER_FOLD = (
    (-41.3014104878286, 5.32653524681379),
    (
        113.586273212799,
        2.58054909139778,
    ),
)


def jansen_rit_by_one_equation(p):
    """All rest potentials y1 − y2, from sign changes of the one equation they solve."""

    def firing(v):
        return 5 / (1 + np.exp(0.56 * (6 - v)))

    def excess(y):
        y0 = 3.25 / 100 * firing(y)
        y1 = 3.25 / 100 * (p + 108 * firing(135 * y0))
        y2 = 22 / 50 * 33.75 * firing(33.75 * y0)
        return y1 - y2 - y

    grid = np.linspace(-20, 30, 20001)
    values = excess(grid)
    k = np.flatnonzero(values[:-1] * values[1:] < 0)
    return [brentq(excess, grid[i], grid[i + 1], xtol=1e-14) for i in k]


@pytest.mark.parametrize("p", [-100.0, -41.5, -41.0, -20.0, 0.0, 50.0, 100.0, 113.0, 114.0, 300.0])
def test_jansen_rit_has_the_fixed_points_of_its_one_equation(p):
    m = nmm.jansen_rit(p=p)
    found = [float(m.observe(e.x)) for e in nmm.equilibria(m)]
    np.testing.assert_allclose(found, jansen_rit_by_one_equation(p), rtol=0, atol=1e-10)
    inside = LOWER_FOLD[0] < p < UPPER_FOLD[0]
    assert len(found) == (3 if inside else 1)


@pytest.mark.parametrize(("p", "y"), [LOWER_FOLD, UPPER_FOLD])
def test_a_pair_that_is_about_to_vanish_is_seen(p, y):
    inward = 1e-7 if p < 0 else -1e-7
    m = nmm.jansen_rit(p=p + inward)
    near = [e for e in nmm.equilibria(m) if abs(m.observe(e.x) - y) < 0.01]
    assert len(near) == 2
    assert len(nmm.equilibria(nmm.jansen_rit(p=p - inward))) == 1


def test_at_the_fold_itself_the_search_says_that_it_cannot_decide():
    with pytest.warns(NumericalWarning, match="near a bifurcation"):
        found = nmm.equilibria(nmm.jansen_rit(p=UPPER_FOLD[0]))
    assert len(found) >= 2


def random_column(seed):
    rng = np.random.default_rng(seed)
    g = np.exp(rng.normal(0, 1.2, 10)) * [800, 800, 1600, 800, 800, 400, 800, 800, 400, 200]
    return nmm.cmc(g=g, bias=2 * rng.normal(), u=3000 * rng.normal())


@pytest.mark.parametrize("seed", range(40))
def test_no_start_of_newton_finds_more_in_a_random_column(seed):
    m = random_column(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [e.x for e in nmm.equilibria(m)]
    rng = np.random.default_rng(seed)
    tau = np.array([0.002, 0.002, 0.016, 0.028])
    reach = tau * np.abs(m.B[4:] * tau[:, None]).sum(axis=1) + np.abs(tau * m.u * [1, 0, 0, 0])
    for start in rng.uniform(-1, 1, (30, 4)) * reach:
        solution = root(m.flow, np.append(start, np.zeros(4)), jac=m.jacobian, tol=1e-12)
        if solution.success and np.abs(m.flow(solution.x)).max() < 1e-6:
            assert min(np.abs(solution.x - x).max() for x in found) < 1e-6
    assert len(found) % 2 == 1  # the degree of the flow on the box is one


def test_a_column_with_three_rests():
    # Deep pyramidal cells that drive themselves through the interneurons' silence: a switch. Its
    # two answers are fixed points, found by the reduction to one equation and by the box alike.
    def assemble(values):
        A = np.array([[0.0, 1.0], [-1 / 0.01**2, -2 / 0.01]])
        return nmm.system.LureForm(
            A,
            np.array([[0.0], [values["w"] / 0.01]]),
            np.array([[1.0, 0.0]]),
            np.zeros(1),
            np.array([[0.0], [100.0]]),
            np.zeros(1),
            {"slope": 2.0, "bias": 0.0},
        )

    w = nmm.Parameter("w", "w", 400.0, "mV/s", 400.0, None, "this test", "self-excitation")
    m = nmm.NeuralMass("switch", ("a",), ("v_a", "c_a"), "a", (w,), assemble)
    found = nmm.equilibria(m)
    one = brentq(lambda v: v - 0.01 * 400 * (1 / (1 + np.exp(-2 * v)) - 0.5), 0.1, 10)
    np.testing.assert_allclose([e.x[0] for e in found], [-one, 0.0, one], atol=1e-12)
    assert [e.stable for e in found] == [True, False, True]


def test_eigenvalues_and_eigenvectors_belong_together_and_are_ordered():
    m = nmm.bistable_column(u=2600.0)
    (rest,) = nmm.equilibria(m)
    J = m.jacobian(rest.x)
    residual = J @ rest.eigenvectors - rest.eigenvectors * rest.eigenvalues
    assert np.abs(residual).max() < 1e-8
    real = rest.eigenvalues.real
    assert (np.diff(real) < 1e-6).all()
    assert (rest.eigenvalues.imag[::2] > 0).all()
    # At u = 2600 as published with this project.
    assert rest.eigenvalues[0].real == pytest.approx(-0.917, abs=0.001)
    assert rest.stable


def test_several_columns_and_current_coupling():
    P = {"A": [[[-32, -32], [0, -32]]] * 2 + [[[-32, 0], [-32, -32]]] * 2}
    m = nmm.from_spm(P, n_sources=2, u=[1.0, 0.0])
    (rest,) = nmm.equilibria(m)
    assert np.abs(m.flow(rest.x)).max() < 1e-8
    (current,) = nmm.equilibria(nmm.cmc(coupling="current", u=500.0))
    assert current.x[0] == pytest.approx(500.0 * 0.002, rel=1e-12)  # c = 0: nothing but the input
    np.testing.assert_allclose(current.x[1:], 0.0, atol=1e-12)


def test_a_state_that_does_not_decay_is_refused():
    def assemble(values):
        zero = np.zeros((1, 1))
        return nmm.system.LureForm(zero, zero, zero, np.zeros(1), zero, np.zeros(1), {})

    m = nmm.NeuralMass("integrator", ("a",), ("v_a",), "a", (), assemble)
    with pytest.raises(ValueError, match="A is singular"):
        nmm.equilibria(m)


@pytest.mark.parametrize("m", [nmm.cmc(u=1e10), nmm.jansen_rit(p=1e10), nmm.cmc(u=-1e10)])
def test_large_potentials_lose_no_fixed_point(m):
    (point,) = nmm.equilibria(m)
    scale = np.abs(m.A) @ np.abs(point.x) + np.abs(m.E) @ np.abs(m.u)
    assert (np.abs(m.flow(point.x)) < 1e-12 * (1 + scale)).all()


@pytest.mark.parametrize("below", [1.0, 1e-4, 1e-8, 1e-10])
def test_two_rests_about_to_meet_are_two(below):
    # The upper fold in 15 digits; below it there are three, at any distance that can be resolved.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumericalWarning)  # undecided parts at the last one
        assert len(nmm.equilibria(nmm.jansen_rit(p=113.586273212799 - below))) == 3


def test_a_rest_at_zero_is_no_bifurcation():
    rng, known = np.random.default_rng(0), [p.value for p in nmm.cmc().parameters[:10]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(100):
            m = nmm.cmc(g=known * np.exp(1.2 * rng.standard_normal(10)))
            assert len(nmm.equilibria(m)) == 1


def test_a_search_cut_short_warns(monkeypatch):
    monkeypatch.setattr("nmm.fixed_points._BOXES", 3)
    with pytest.warns(NumericalWarning, match="undecided"):
        nmm.equilibria(nmm.jansen_rit(p=60.0))


def parts(m):
    """Sigmoid, offset and gains of y = y0 + K s(y)."""
    solve = np.linalg.solve
    return m.sigmoid, m.d - m.C @ solve(m.A, m.E @ m.u), -m.C @ solve(m.A, m.B)


def test_a_box_said_to_hold_one_holds_one():
    m = nmm.jansen_rit(p=60.0)
    s, y0, K = parts(m)
    known = np.array([m.C @ e.x + m.d for e in nmm.equilibria(m)])
    rng, found = np.random.default_rng(5), 0
    for _ in range(3000):  # boxes of all sizes around, beside and between the fixed points
        centre = known[rng.integers(3)] + rng.normal(0, 2, 3) * rng.uniform(0, 1)
        radius = 10 ** rng.uniform(-2, 1) * rng.uniform(0.2, 1, 3)
        lower, upper = centre[None] - radius, centre[None] + radius
        one, left, _ = fixed_points._krawczyk(s, y0, K, lower, upper)
        inside = ((known > lower - 1e-6) & (known < upper + 1e-6)).all(axis=1).sum()
        if one:
            found += 1
            assert inside == 1
        elif not len(left):
            assert inside == 0
    assert found > 50


def test_what_is_left_undecided_is_counted(monkeypatch):
    s, y0, K = parts(nmm.jansen_rit(p=60.0))
    solutions, undecided = fixed_points._solve(s, y0, K)
    assert (len(solutions), undecided) == (3, 0)
    with monkeypatch.context() as patch:  # one of three is lost: counted, and two is an even number
        patch.setattr(fixed_points, "_newton", lambda s, y0, K, y: y if y[0] > 3 else None)
        solutions, undecided = fixed_points._solve(s, y0, K)
        assert (len(solutions), undecided) == (2, 2)
    monkeypatch.setattr(fixed_points, "_BOXES", 1)  # two halves are left open; none found is even
    assert fixed_points._solve(s, y0, K) == ([], 3)
