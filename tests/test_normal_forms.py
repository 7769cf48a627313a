"""The spectral submanifold: stated numbers, Kuznetsov's formula, the residual of invariance."""

import numpy as np
import pytest
from scipy.optimize import brentq

import nmm
from nmm.fixed_points import Equilibrium, equilibrium_at
from nmm.normal_forms import leading_pair, submanifold


def rest(m) -> Equilibrium:
    (point,) = nmm.equilibria(m)
    return point


@pytest.fixture(scope="module")
def hopf():
    """The bistable column where its rest loses stability as the input grows."""
    u = brentq(lambda u: rest(nmm.bistable_column(u=u)).eigenvalues[0].real, 2700, 2760, xtol=1e-11)
    return nmm.bistable_column(u=u)


def test_the_bistable_columns_upper_hopf_point(hopf):
    # As published with this project: u = 2728.2, 15.43 Hz, Re γ1 = +3.060, Re γ2 = +207.6.
    s = submanifold(hopf, rest(hopf), 5)
    assert hopf.u[0] == pytest.approx(2728.2, abs=0.05)
    assert s.eigenvalue.imag / (2 * np.pi) == pytest.approx(15.43, abs=0.005)
    assert s.coefficients[0].real == pytest.approx(3.060, abs=0.0005)
    assert s.coefficients[1].real == pytest.approx(207.6, abs=0.05)


def kuznetsov(m, x):
    """c1 of Kuznetsov's Elements of Applied Bifurcation Theory, eq. 5.34, from the forms alone."""
    J = m.jacobian(x)
    value, q, p = leading_pair(m, J)
    omega, one = value.imag, np.eye(len(J))
    mean = np.linalg.solve(J, m.form(x, q, q.conj()))
    second = np.linalg.solve(2j * omega * one - J, m.form(x, q, q))
    third = m.form(x, q, q, q.conj())
    return p @ (third - 2 * m.form(x, q, mean) + m.form(x, q.conj(), second)) / 2


def random_hopf_point(seed):
    """A column, its connections drawn at random, tuned by g6 to where rest loses stability."""
    rng = np.random.default_rng(seed)
    for _ in range(400):
        g = np.exp(rng.normal(0, 0.8, 10)) * [800, 800, 1600, 800, 800, 400, 800, 800, 400, 200]
        m = nmm.cmc(g=g, bias=rng.normal(), u=1000 * rng.normal())

        def leading(log_scale, m=m, g6=g[5]):
            found = nmm.equilibria(m.with_(g6=g6 * np.exp(log_scale)))
            return found[0].eigenvalues[0] if len(found) == 1 else complex("nan")

        if np.sign(leading(-2.0).real) * np.sign(leading(3.0).real) == -1:
            at = brentq(lambda s: leading(s).real, -2.0, 3.0, xtol=1e-14)
            if leading(at).imag > 1:
                return m.with_(g6=g[5] * np.exp(at))
    raise AssertionError("no Hopf point among 400 columns")


@pytest.mark.parametrize("seed", range(12))
def test_first_coefficient_is_kuznetsovs(seed):
    m = random_hopf_point(seed)
    point = rest(m)
    gamma = submanifold(m, point, 3).coefficients[0]
    # λ there is imaginary to 1e-9, and the formula assumes exactly that.
    assert gamma == pytest.approx(kuznetsov(m, point.x), rel=1e-8)


def test_the_surface_is_invariant_up_to_its_order():
    m = nmm.bistable_column(u=2700.0)
    point = rest(m)
    radii = np.array([0.02, 0.04])
    for order in (3, 5, 7):
        s = submanifold(m, point, order)
        left = [residual(m, point.x, s, R) for R in radii]
        slope = np.log(left[1] / left[0]) / np.log(2)
        # The first neglected order, plus a share R of the one after.
        assert slope == pytest.approx(order + 1, abs=0.1)


def residual(m, x, s, R, n=64):
    """Largest flow that points out of the surface, over a circle of radius R."""
    z = R * np.exp(2j * np.pi * np.arange(n) / n)
    state, slope = np.tile(x.astype(complex), (n, 1)), np.zeros((n, len(x)), complex)
    for rows in s.surface:
        degree = rows.shape[1] - 1
        for j in range(degree + 1):
            k = degree - j
            state += np.outer(z**j * z.conj() ** k, rows[:, j])
            if j:
                slope += np.outer(j * z ** (j - 1) * z.conj() ** k, rows[:, j])
    rate = s.eigenvalue * z
    for i, gamma in enumerate(s.coefficients, start=1):
        rate = rate + gamma * z * np.abs(z) ** (2 * i)
    along = 2 * (slope * rate[:, None]).real
    return np.abs(m.flow(state.real) - along).max()


def test_z_is_the_projection_on_the_left_eigenvector():
    m = nmm.bistable_column(u=2700.0)
    s = submanifold(m, rest(m), 7)
    assert s.left @ s.surface[0][:, 1] == pytest.approx(1.0, rel=1e-10)
    for rows in s.surface[1:]:
        degree = rows.shape[1] - 1
        if degree % 2:
            assert abs(s.left @ rows[:, degree // 2 + 1]) < 1e-8 * np.abs(rows).max()


def test_what_is_no_oscillation_is_refused():
    m = nmm.jansen_rit(p=-41.0)
    unstable = nmm.equilibria(m)[1]
    with pytest.raises(ValueError, match="is real"):
        submanifold(m, unstable, 3)
    with pytest.raises(ValueError, match="odd orders"):
        submanifold(nmm.bistable_column(), rest(nmm.bistable_column()), 4)


def test_two_equally_slow_modes_are_refused():
    two = nmm.from_spm({}, n_sources=2)
    with pytest.raises(ValueError, match="equally slow"):
        submanifold(two, equilibrium_at(two, np.zeros(16)), 3)
