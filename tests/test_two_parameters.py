"""Curves of folds and Hopf points in two parameters: closed forms, eigenvalues, known crossings."""

import json
import warnings
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.optimize import brentq, fsolve, root
from scipy.special import expit

import nmm
from nmm.outcome import NumericalWarning
from nmm.perturbation.normal_forms import leading_pair
from nmm.phase_space.bifurcation_points import _jacobian_by
from nmm.system import LureForm

KNOWN = json.loads(
    (Path(__file__).parent / "reference" / "jr_bifurcations.json").read_text(encoding="utf8")
)
PLANE = ((-4000.0, 4000.0), (4000.0, 8000.0))


def special_points(m, name, interval, kind):
    return [s for s in nmm.continue_equilibria(m, name, interval).special if s.kind == kind]


def of_kind(curve, kind):
    return [point for point in curve.special if point.kind == kind]


def models_along(m, curve):
    for values, x in zip(curve.parameters, curve.x, strict=True):
        yield m.with_(**dict(zip(curve.names, map(float, values), strict=True))), x


# The bistable column ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def column_hopf():
    m = nmm.bistable_column()
    lower, upper = special_points(m, "u", (-4000.0, 4000.0), "hopf")
    return m, lower, nmm.continue_bifurcation(m, ("u", "g6"), PLANE, upper)


def test_every_point_of_the_columns_curve_is_a_hopf_point(column_hopf):
    m, _, curve = column_hopf
    assert curve.outcome == "complete"
    assert curve.kind == "hopf"
    assert curve.names == ("u", "g6")
    assert len(curve.x) > 60
    for (there, x), frequency in zip(models_along(m, curve), curve.frequency, strict=True):
        values = np.linalg.eigvals(there.jacobian(x))
        omega = 2 * np.pi * frequency
        assert np.abs(values - 1j * omega).min() < 1e-9 * omega
        # The flow's terms are about 1e6 mV/s²; rounding leaves 1e-10 of them.
        assert np.abs(there.flow(x)).max() < 1e-6


def test_the_curve_ends_on_the_border_and_is_drawn_closely(column_hopf):
    _, _, curve = column_hopf
    assert curve.parameters[0, 1] == curve.parameters[-1, 1] == 4000.0
    assert curve.parameters[0, 0] < curve.parameters[-1, 0]
    step = np.abs(np.diff(curve.parameters, axis=0)) / [8000.0, 4000.0]
    assert step.max() < 0.02 + 1e-6


def test_both_hopf_points_of_the_column_lie_on_one_curve(column_hopf):
    m, lower, curve = column_hopf
    other = nmm.continue_bifurcation(m, ("u", "g6"), PLANE, lower)
    np.testing.assert_allclose(other.parameters[[0, -1]], curve.parameters[[0, -1]], rtol=1e-9)


def test_without_input_rest_is_lost_where_the_leading_eigenvalue_says(column_hopf):
    m, _, _ = column_hopf
    (start,) = special_points(m, "u", (0.0, 4000.0), "hopf")
    curve = nmm.continue_bifurcation(m, ("u", "g6"), ((0.0, 4000.0), PLANE[1]), start)

    def leading(g6):  # rest is x = 0 at u = 0
        return np.linalg.eigvals(m.with_(g6=g6).jacobian(np.zeros(8))).real.max()

    at = brentq(leading, 4800.0, 7000.0, xtol=1e-10)
    assert at / 200 == pytest.approx(29.16, abs=0.005)  # as published with this project
    assert curve.parameters[0, 0] == 0.0
    assert curve.parameters[0, 1] == pytest.approx(at, rel=1e-9)


def kuznetsov(m, x, pair=None):
    """c1 of Kuznetsov's Elements of Applied Bifurcation Theory, eq. 5.34, from the forms alone."""
    J = m.jacobian(x)
    value, q, p = leading_pair(m, J, pair=pair)
    omega, one = value.imag, np.eye(len(J))
    mean = np.linalg.solve(J, m.form(x, q, q.conj()))
    second = np.linalg.solve(2j * omega * one - J, m.form(x, q, q))
    third = m.form(x, q, q, q.conj())
    return p @ (third - 2 * m.form(x, q, mean) + m.form(x, q.conj(), second)) / 2


def test_the_coefficient_along_the_curve_is_kuznetsovs(column_hopf):
    m, _, curve = column_hopf
    formula = np.array([kuznetsov(there, x).real for there, x in models_along(m, curve)])
    # Near its zero Re γ1 is a difference of terms forty times larger.
    np.testing.assert_allclose(curve.coefficient, formula, rtol=1e-7, atol=1e-7)
    assert np.sum(np.diff(np.sign(formula)) != 0) == len(of_kind(curve, "generalised-hopf"))


def test_the_generalised_hopf_point(column_hopf):
    m, _, curve = column_hopf
    (point,) = curve.special
    assert point.kind == "generalised-hopf"

    def hopf_point(g6):
        def rest(u):
            there = m.with_(u=u, g6=g6)
            return there, root(there.flow, point.x, jac=there.jacobian, tol=1e-13).x

        def real_part(u):
            there, x = rest(u)
            return np.linalg.eigvals(there.jacobian(x)).real.max()

        u = brentq(real_part, 2600.0, 3000.0, xtol=1e-10)
        return u, *rest(u)

    g6 = brentq(lambda g6: kuznetsov(*hopf_point(g6)[1:]).real, 4700.0, 4760.0, xtol=1e-9)
    # Re γ1 crosses zero with slope 0.05 per unit of g6, and is known to about 1e-10.
    np.testing.assert_allclose(point.parameters, [hopf_point(g6)[0], g6], rtol=1e-8)
    gamma1, gamma2 = point.coefficients
    assert abs(gamma1.real) < 1e-9 * abs(gamma1)
    assert gamma2.real > 100
    assert point.frequency == pytest.approx(15.356, abs=1e-3)


# Jansen and Rit's column, in closed form -------------------------------------------------------


class ClosedForm:
    """Rest of Jansen and Rit's column as a function of v = y1 − y2, and its eigenvalues' equation.

    p(v) is eq-input-at-rest of chapter 03; the characteristic equation is
    (λ+a)⁴ (λ+b)² = A a S'(v) [A a C1 C2 S'(C1 w) (λ+b)² − B b C3 C4 S'(C3 w) (λ+a)²].
    """

    A, B, a, b, e0, v0, r = 3.25, 22.0, 100.0, 50.0, 2.5, 6.0, 0.56

    def __init__(self, C=135.0, B=22.0):
        self.C1, self.C2, self.C3, self.C4 = C, 0.8 * C, 0.25 * C, 0.25 * C
        self.B = B

    def S(self, v, k=0):
        s = expit(self.r * (v - self.v0))
        first = s * (1 - s)
        powers = (s, first, first * (1 - 2 * s), first * (1 - 6 * s + 6 * s * s))
        return 2 * self.e0 * self.r**k * powers[k]

    def p(self, v):
        w = self.A / self.a * self.S(v)
        inhibition = self.B / self.b * self.C4 * self.S(self.C3 * w)
        return self.a / self.A * (v + inhibition) - self.C2 * self.S(self.C1 * w)

    def slopes(self, v):
        """First and second derivative of p."""
        share = self.A / self.a
        w, w1, w2 = (share * self.S(v, k) for k in range(3))
        up, down = self.a / self.A * self.B / self.b * self.C4, self.C2
        first = w1 * (
            up * self.C3 * self.S(self.C3 * w, 1) - down * self.C1 * self.S(self.C1 * w, 1)
        )
        second = up * (
            self.C3 * w2 * self.S(self.C3 * w, 1) + (self.C3 * w1) ** 2 * self.S(self.C3 * w, 2)
        ) - down * (
            self.C1 * w2 * self.S(self.C1 * w, 1) + (self.C1 * w1) ** 2 * self.S(self.C1 * w, 2)
        )
        return self.a / self.A + first, second

    def characteristic(self, v):
        """Coefficients of the characteristic polynomial, highest power first."""
        w = self.A / self.a * self.S(v)
        fast, slow = np.poly1d([1.0, self.a]), np.poly1d([1.0, self.b])
        excited = self.A * self.a * self.C1 * self.C2 * self.S(self.C1 * w, 1)
        inhibited = self.B * self.b * self.C3 * self.C4 * self.S(self.C3 * w, 1)
        loop = self.A * self.a * self.S(v, 1) * (excited * slow**2 - inhibited * fast**2)
        return (fast**4 * slow**2 - loop).coeffs


@pytest.fixture(scope="module")
def jansen():
    m = nmm.jansen_rit()
    return m, nmm.continue_equilibria(m, "p", (-100.0, 400.0)).special


def follow(jansen, kind, name, interval):
    m, special = jansen
    start = next(s for s in special if s.kind == kind)
    return nmm.continue_bifurcation(m, ("p", name), ((-200.0, 400.0), interval), start)


def test_the_cusp_in_closed_form(jansen):
    curve = follow(jansen, "fold", "C", (40, 300))
    (cusp,) = of_kind(curve, "cusp")
    v, C = fsolve(lambda z: ClosedForm(z[1]).slopes(z[0]), [5.0, 60.0], xtol=1e-13)
    np.testing.assert_allclose(cusp.parameters, [ClosedForm(C).p(v), C], rtol=1e-9)
    assert cusp.x[1] - cusp.x[2] == pytest.approx(v, abs=1e-8)
    assert curve.outcome == "complete"
    assert np.isnan(curve.frequency).all()


def test_every_point_of_the_fold_curve_is_a_fold_in_closed_form(jansen):
    curve = follow(jansen, "fold", "C", (40, 300))
    for (p, C), x in zip(curve.parameters, curve.x, strict=True):
        v = x[1] - x[2]
        assert ClosedForm(C).p(v) == pytest.approx(p, abs=1e-8)
        assert abs(ClosedForm(C).slopes(v)[0]) < 1e-7  # of terms of about 30


def double_zeros(name, interval):
    """All Bogdanov–Takens points with p in (-200, 400), by Newton from a grid of v and value."""

    def conditions(z):
        constant, linear = ClosedForm(**{name: z[1]}).characteristic(z[0])[:-3:-1]
        return constant / 1e11, linear / 1e9

    found = []
    for guess in product(np.linspace(-3, 12, 11), np.linspace(*interval, 6)):
        z, *_ = fsolve(conditions, guess, xtol=1e-13, full_output=True)
        inside = interval[0] < z[1] < interval[1] and np.abs(conditions(z)).max() < 1e-9
        p = ClosedForm(**{name: z[1]}).p(z[0]) if inside else np.nan
        if -200 < p < 400 and not any(np.allclose(q, (p, z[1]), rtol=1e-6) for q in found):
            found.append((p, z[1]))
    return sorted(found, key=lambda q: q[1])


@pytest.mark.parametrize(("name", "interval", "count"), [("C", (40, 300), 1), ("B", (7, 70), 2)])
def test_bogdanov_takens_points_in_closed_form(jansen, name, interval, count):
    folds, hopfs = follow(jansen, "fold", name, interval), follow(jansen, "hopf", name, interval)
    found = sorted(of_kind(folds, "bogdanov-takens"), key=lambda p: p.parameters[1])
    known = double_zeros(name, interval)
    assert len(known) == len(found) == count
    for point, values in zip(found, known, strict=True):
        np.testing.assert_allclose(point.parameters, values, rtol=1e-8)
    kinds = [p.kind for p in folds.special]
    assert kinds == ["bogdanov-takens", "cusp", "bogdanov-takens"][: count + 1]
    # The curve of Hopf points ends at the first of them, and goes no further.
    assert hopfs.outcome == "ends at a Bogdanov–Takens point"
    (end,) = of_kind(hopfs, "bogdanov-takens")
    np.testing.assert_allclose(end.parameters, found[0].parameters, rtol=1e-9)
    assert hopfs.frequency[0] == 0
    assert (hopfs.frequency[1:] > 0).all()
    assert np.isnan(hopfs.coefficient[0])
    assert np.isfinite(hopfs.coefficient[1:]).all()


def test_the_hopf_curve_in_closed_form(jansen):
    curve = follow(jansen, "hopf", "C", (40, 300))
    for (p, C), x, frequency in zip(curve.parameters, curve.x, curve.frequency, strict=True):
        v, omega = x[1] - x[2], 2 * np.pi * frequency
        polynomial = ClosedForm(C).characteristic(v)
        # a⁴ b² is one of the terms that cancel.
        assert abs(np.polyval(polynomial, 1j * omega)) < 1e-10 * 100.0**4 * 50.0**2
        assert ClosedForm(C).p(v) == pytest.approx(p, abs=1e-8)


def test_the_known_folds_are_the_two_ends_of_one_curve(jansen):
    curve = follow(jansen, "fold", "C", (40.0, 135.0))
    known = sorted(KNOWN["folds"], key=lambda f: float(f["p"]))
    for end, fold in zip((0, -1), known, strict=True):
        assert curve.parameters[end, 1] == 135.0
        assert curve.parameters[end, 0] == pytest.approx(float(fold["p"]), rel=1e-9)
        assert curve.coefficient[end] == pytest.approx(float(fold["quad_coeff_a"]), rel=1e-7)


# Two columns side by side: what one does is known, so their crossings are ---------------------


def two_columns(first, second, coupling=0.0, inputs=None):
    """Jansen–Rit columns in inputs (s, t); the pyramidal rate of each excites the other."""

    def assemble(values):
        s, t = values["s"], values["t"]
        p = inputs(s, t) if inputs else (s, t)
        forms = [
            m.assemble({q.name: q.value for q in m.parameters} | {"p": value})
            for m, value in zip((first, second), p, strict=True)
        ]
        parts = [block_diag(*(getattr(f, k) for f in forms)) for k in ("A", "B", "C")]
        parts[1][4, 3] = parts[1][10, 0] = coupling
        u = np.concatenate([f.u for f in forms])
        E = block_diag(*(f.E for f in forms))
        return LureForm(*parts, np.zeros(6), E, u, forms[0].sigmoid)

    names = tuple(f"{name}{k}" for k in (1, 2) for name in ("y0", "y1", "y2", "y3", "y4", "y5"))
    row = nmm.jansen_rit().parameters[0]
    parameters = tuple(replace(row, name=name, value=-90.0) for name in ("s", "t"))
    populations = ("py1", "ex1", "in1")
    return nmm.NeuralMass("two columns", populations, names, "ex1", parameters, assemble)


# Jansen and Rit's column in slow motion: the same rests, frequencies four fifths as high.
SLOWER = {"a": 80.0, "b": 40.0, "A": 0.8 * 3.25, "B": 0.8 * 22.0}


@pytest.fixture(scope="module")
def crossings(jansen):
    """Curve along which the first column is at a Hopf point, while the second goes its way."""
    m = two_columns(nmm.jansen_rit(**SLOWER), nmm.jansen_rit())
    start = special_points(m, "s", (-100.0, 400.0), "hopf")[-1]
    box = ((-100.0, 400.0), (-100.0, 400.0))
    return start, nmm.continue_bifurcation(m, ("s", "t"), box, start)


def test_zero_hopf_and_double_hopf_points_where_the_second_column_has_its_own(crossings):
    start, curve = crossings
    np.testing.assert_allclose(curve.parameters[:, 0], start.parameter, rtol=1e-10)
    assert curve.outcome == "complete"
    assert sorted(curve.parameters[[0, -1], 1]) == [-100.0, 400.0]
    assert {p.kind for p in curve.special} == {"zero-hopf", "double-hopf"}
    for kind, known in (("zero-hopf", KNOWN["folds"]), ("double-hopf", KNOWN["hopf"])):
        ours = [p.parameters[1] for p in of_kind(curve, kind)]
        np.testing.assert_allclose(sorted(ours), sorted(float(k["p"]) for k in known), rtol=1e-9)
    for point in curve.special:
        assert point.frequency == pytest.approx(start.frequency, rel=1e-9)
    omega = float(KNOWN["hopf"][-1]["omega_rad_s"])
    assert 2 * np.pi * start.frequency == pytest.approx(0.8 * omega, rel=1e-9)


def test_the_special_points_come_in_the_order_of_the_curve(crossings):
    _, curve = crossings
    places = [
        np.argmin(
            np.linalg.norm(curve.x - p.x, axis=1) + np.abs(curve.parameters - p.parameters)[:, 1]
        )
        for p in curve.special
    ]
    assert places == sorted(places)


def test_a_neutral_saddle_on_the_way_is_no_double_hopf_point(crossings):
    """Somewhere the second column has real eigenvalues ±λ: the test's trap is really there."""
    _, curve = crossings
    second = nmm.jansen_rit()
    smallest = []
    for (_, t), x in zip(curve.parameters, curve.x, strict=True):
        values = np.linalg.eigvals(second.with_(p=float(t)).jacobian(x[6:]))
        real = values[np.abs(values.imag) < 1e-9].real
        if len(real) > 1 and real.max() > 0:
            smallest.append(real.max() + real[real < 0].max())
    assert min(smallest) < 0 < max(smallest)


@pytest.mark.parametrize("number", [0, 1])
def test_zero_hopf_points_of_a_curve_of_folds(number):
    known = KNOWN["hopf"][-1]
    p = float(known["p"])
    m = two_columns(nmm.jansen_rit(), nmm.jansen_rit(**SLOWER)).with_(t=p + 40)
    fold = special_points(m, "s", (-100.0, 400.0), "fold")[number]
    box = ((-100.0, 400.0), (p - 60, p + 60))
    curve = nmm.continue_bifurcation(m, ("s", "t"), box, fold)
    (point,) = curve.special
    assert point.kind == "zero-hopf"
    np.testing.assert_allclose(point.parameters, [fold.parameter, p], rtol=1e-9)
    assert 2 * np.pi * point.frequency == pytest.approx(0.8 * float(known["omega_rad_s"]), rel=1e-9)


@pytest.fixture(scope="module")
def coupled():
    m = two_columns(nmm.jansen_rit(**SLOWER), nmm.jansen_rit(), coupling=200.0)
    start = special_points(m, "s", (-100.0, 400.0), "hopf")[-1]
    box = ((-100.0, 400.0), (-100.0, 400.0))
    return m, nmm.continue_bifurcation(m, ("s", "t"), box, start)


def test_special_points_of_coupled_columns_have_the_eigenvalues_they_are_named_for(coupled):
    m, curve = coupled
    assert np.ptp(curve.parameters[:, 0]) > 1  # the coupling is felt
    assert len(of_kind(curve, "zero-hopf")) == 2
    assert len(of_kind(curve, "double-hopf")) == 3
    for point in curve.special:
        there = m.with_(s=float(point.parameters[0]), t=float(point.parameters[1]))
        values = np.linalg.eigvals(there.jacobian(point.x))
        number = {"generalised-hopf": 2, "zero-hopf": 3, "double-hopf": 4}[point.kind]
        near = values[np.argsort(np.abs(values.real))[:number]]
        assert np.abs(near.real).max() < 1e-7  # per s; a position off by 1e-9 moves it so far
        assert np.abs(values - 2j * np.pi * point.frequency).min() < 1e-7
        assert np.abs(there.flow(point.x)).max() < 1e-6


def test_beside_the_pole_of_the_coefficient_at_a_zero_hopf_point_it_vanishes(coupled):
    """γ1 is nearly that of the first column alone, but for a narrow pole, so it has a zero too."""
    m, curve = coupled
    found = of_kind(curve, "generalised-hopf")
    assert len(found) == 2
    for point in found:
        there = m.with_(s=float(point.parameters[0]), t=float(point.parameters[1]))
        c1 = kuznetsov(there, point.x, 2j * np.pi * point.frequency)
        assert abs(c1.real) < 1e-6 * abs(c1)


def test_two_double_hopf_points_inside_one_step_are_seen():
    # The second column's input turns back just beyond its Hopf point.
    known = float(KNOWN["hopf"][-1]["p"])
    apart = 0.002
    m = two_columns(
        nmm.jansen_rit(**SLOWER),
        nmm.jansen_rit(),
        inputs=lambda s, t: (s, known + 40 * ((t - 0.13) ** 2 - (apart / 2) ** 2)),
    ).with_(t=0.9)
    start = special_points(m, "s", (-100.0, 400.0), "hopf")[-1]
    curve = nmm.continue_bifurcation(m, ("s", "t"), ((-100.0, 400.0), (-1.0, 1.0)), start)
    ours = sorted(p.parameters[1] for p in of_kind(curve, "double-hopf"))
    # A turning point is flat: 1e-10 of the second column's input is 1e-9 of t.
    np.testing.assert_allclose(ours, [0.13 - apart / 2, 0.13 + apart / 2], rtol=1e-7)


# Ends, closed curves, what is refused ----------------------------------------------------------


@pytest.mark.parametrize(("kind", "number"), [("fold", 0), ("hopf", -1)])
def test_a_closed_curve_is_a_circle(kind, number):
    """The input is p0 + s² + t²: where p has its fold or Hopf point, (s, t) runs on a circle."""
    jansen = nmm.jansen_rit()
    known = special_points(jansen, "p", (-100.0, 400.0), kind)[number].parameter
    p0 = known - 9.0

    def assemble(values):
        s, t = values["s"], values["t"]
        own = {q.name: q.value for q in jansen.parameters}
        return jansen.assemble(own | {"p": p0 + s * s + t * t})

    rows = tuple(replace(jansen.parameters[0], name=n, value=v) for n, v in (("s", 2.8), ("t", 0)))
    m = replace(jansen, parameters=rows, assemble=assemble)
    starts = nmm.equilibria(m)
    branches = [nmm.continue_equilibria(m, "s", (2.0, 4.0), start=e).special for e in starts]
    start = next(p for b in branches for p in b if p.kind == kind and abs(p.parameter - 3) < 1e-6)
    curve = nmm.continue_bifurcation(m, ("s", "t"), ((-5.0, 5.0), (-5.0, 5.0)), start)
    assert curve.outcome == "closed"
    np.testing.assert_allclose(np.linalg.norm(curve.parameters, axis=1), 3.0, rtol=1e-9)
    np.testing.assert_array_equal(curve.parameters[0], curve.parameters[-1])
    angle = np.unwrap(np.arctan2(curve.parameters[:, 1], curve.parameters[:, 0]))
    assert abs(angle[-1] - angle[0]) == pytest.approx(2 * np.pi, rel=1e-9)  # once round
    assert not curve.special


def test_a_start_on_the_border_is_an_end():
    m = nmm.bistable_column()
    (start,) = special_points(m, "u", (0.0, 4000.0), "hopf")
    curve = nmm.continue_bifurcation(m, ("u", "g6"), ((0.0, 4000.0), (4800.0, 8000.0)), start)
    assert curve.outcome == "complete"
    assert curve.parameters[-1, 1] == 4800.0
    assert curve.parameters[-1, 0] == pytest.approx(start.parameter, rel=1e-10)
    assert np.linalg.norm(np.diff(curve.parameters, axis=0), axis=1).min() > 1e-3  # no point twice


def test_the_curve_reaches_a_border_that_the_model_cannot_pass():
    m = nmm.bistable_column()
    (start,) = special_points(m, "g6", (4800.0, 8000.0), "hopf")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        box = ((1000.0, 12_000.0), (0.0, 1600.0))  # no strength is negative
        curve = nmm.continue_bifurcation(m, ("g6", "g1"), box, start)
    assert curve.outcome == "complete"
    assert curve.parameters[-1, 1] == 0.0
    without = np.linalg.eigvals(m.with_(g1=0, g6=curve.parameters[-1, 0]).jacobian(np.zeros(8)))
    assert abs(without.real.max()) < 1e-8
    box = ((1000.0, 12_000.0), (-100.0, 1600.0))
    with pytest.warns(NumericalWarning, match="no convergence"):
        beyond = nmm.continue_bifurcation(m, ("g6", "g1"), box, start)
    assert beyond.outcome == "no convergence"
    assert 0 < beyond.parameters[-1, 1] < 1e-3


def test_no_coefficient_where_the_reference_population_stands_still():
    # At an input of 30 000 mV/s sp is saturated, and the pair swings in the deep layer only.
    m = nmm.bistable_column()
    (start,) = special_points(m, "u", (0.0, 4000.0), "hopf")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        curve = nmm.continue_bifurcation(m, ("u", "g6"), ((0.0, 40_000.0), PLANE[1]), start)
        far = nmm.continue_bifurcation(m, ("u", "g6"), ((0.0, 40_000.0), (2000.0, 8000.0)), start)
    assert np.isfinite(curve.coefficient).all()
    assert far.parameters[-1, 0] == 40_000.0
    assert np.isnan(far.coefficient[-1])
    assert len(of_kind(far, "generalised-hopf")) == 1


def test_what_is_not_reached_is_said(monkeypatch, jansen):
    monkeypatch.setattr("nmm.phase_space.two_parameters._STEPS", 5)
    with pytest.warns(NumericalWarning, match="step limit"):
        curve = follow(jansen, "fold", "C", (40, 300))
    assert curve.outcome == "step limit"
    assert len(curve.x) < 15


@pytest.mark.parametrize(
    ("names", "intervals", "change", "error", "message"),
    [
        (("p", "q"), ((0.0, 1.0), (0.0, 1.0)), {}, KeyError, "no parameter 'q'"),
        (("p", "p"), ((-200.0, 400.0), (-200.0, 400.0)), {}, ValueError, "two different"),
        (("p", "C"), ((-200.0, 400.0),), {}, ValueError, "two different"),
        (("p", "C"), ((200.0, 400.0), (40, 300)), {}, ValueError, "starting value p = 113"),
        (("p", "C"), ((-200.0, 400.0), (140.0, 300.0)), {}, ValueError, "starting value C = 135"),
        (("p", "C"), ((-200.0, 400.0), (40, 300)), {"C": 136.0}, ValueError, "no fold of this"),
        (("p", "C"), ((-200.0, 400.0), (40, 300)), {"kind": "hopf"}, ValueError, "no hopf of"),
        (("p", "C"), ((-200.0, 400.0), (40, 300)), {"kind": "branch"}, ValueError, "branch"),
    ],
)
def test_bad_input_is_refused(jansen, names, intervals, change, error, message):
    m, special = jansen
    start = next(s for s in special if s.kind == "fold")
    if "kind" in change:
        start = replace(start, kind=change["kind"], frequency=10.0)
    m = m.with_(**{k: v for k, v in change.items() if k != "kind"})
    with pytest.raises(error, match=message):
        nmm.continue_bifurcation(m, names, intervals, start)


def test_a_damped_pair_is_no_hopf_point():
    """The parameters do nothing, and the pair stays beside the axis: least squares would stop."""

    def assemble(values):
        A = np.array([[0.0, 1.0], [-1e4, -0.02]])  # ω = 100, damping 1e-4 of it
        s, t = values["s"], values["t"]
        E = np.zeros((2, 1), dtype=object)
        E[1, 0] = 0.0 * (s + t)
        return LureForm(A, np.zeros((2, 1)), np.array([[1.0, 0.0]]), [0.0], E, [1.0], {})

    row = nmm.jansen_rit().parameters[0]
    rows = tuple(replace(row, name=name, value=0.0) for name in ("s", "t"))
    m = nmm.NeuralMass("damped", ("a",), ("v", "c"), "a", rows, assemble)
    start = nmm.SpecialPoint("hopf", 0.0, np.zeros(2), 100 / (2 * np.pi), ())
    with pytest.raises(ValueError, match="no hopf of this model"):
        nmm.continue_bifurcation(m, ("s", "t"), ((-1.0, 1.0), (-1.0, 1.0)), start)


@pytest.mark.parametrize("name", ["g6", "tau_dp", "slope", "bias", "u"])
def test_the_jacobians_derivative_equals_differences(name):
    m = nmm.cmc(bias=0.3, u=200.0)
    x = np.random.default_rng(1).normal(size=8) * np.repeat([2.0, 100.0], 4)
    value = {p.name: p.value for p in m.parameters}[name]
    h = 1e-6 * max(abs(value), 0.1)
    above, below = (m.with_(**{name: value + s * h}).jacobian(x) for s in (1, -1))
    ours = _jacobian_by(m, name, x)
    # Central differences: rounding of the Jacobian, 1e-16 of its largest entry over h.
    np.testing.assert_allclose((above - below) / (2 * h), ours, rtol=1e-6, atol=1e-15 * 1e6 / h)


def test_a_start_that_is_no_point_of_a_branch_is_refused():
    m, box = nmm.jansen_rit(), ((-200.0, 400.0), (40, 300))
    rest = nmm.equilibria(m)[0]
    with pytest.raises(ValueError, match="not at a Equilibrium"):
        nmm.continue_bifurcation(m, ("p", "C"), box, rest)
