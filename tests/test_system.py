"""The Lur'e form: derivatives by other routes, broadcasting, changed copies, refusals."""

import numpy as np
import pytest

import nmm


@pytest.fixture(params=["potential", "current"])
def column(request):
    return nmm.cmc(bias=0.4, u=120.0, coupling=request.param)


@pytest.fixture
def x():
    return np.random.default_rng(3).normal(size=8) * np.repeat([1.5, 80.0], 4)


def test_jacobian_equals_differences_of_the_flow(column, x):
    step = 1e-6 * np.maximum(np.abs(x), 1.0)
    numeric = np.array(
        [
            (column.flow(x + e) - column.flow(x - e)) / (2 * h)
            for h, e in zip(step, np.diag(step), strict=True)
        ]
    ).T
    # Central differences: error of order step², and rounding 1e-16/step.
    np.testing.assert_allclose(
        numeric, column.jacobian(x), rtol=1e-6, atol=1e-9 * abs(numeric).max()
    )


@pytest.mark.parametrize("order", [2, 3, 4])
def test_forms_equal_differences_of_the_form_before(column, x, order):
    rng = np.random.default_rng(order)
    *arms, last = rng.normal(size=(order, 8)) * np.repeat([1.0, 50.0], 4)
    h = 1e-5
    numeric = (column.form(x + h * last, *arms) - column.form(x - h * last, *arms)) / (2 * h)
    exact = column.form(x, *arms, last)
    np.testing.assert_allclose(numeric, exact, rtol=1e-5, atol=1e-6 * abs(exact).max())


def test_leading_axes_broadcast(column, x):
    many = np.stack([x, 2 * x, -x]).reshape(3, 1, 8)
    assert column.flow(many).shape == (3, 1, 8)
    assert column.jacobian(many).shape == (3, 1, 8, 8)
    assert column.form(many, x, x).shape == (3, 1, 8)
    np.testing.assert_array_equal(column.flow(many)[1, 0], column.flow(2 * x))


def test_forms_take_complex_directions(column, x):
    a, b = x + 1j * x[::-1], x - 2j * x
    by_parts = (
        column.form(x, a.real, b.real)
        - column.form(x, a.imag, b.imag)
        + 1j * (column.form(x, a.real, b.imag) + column.form(x, a.imag, b.real))
    )
    np.testing.assert_allclose(column.form(x, a, b), by_parts, rtol=1e-12)


def test_with_returns_a_changed_copy():
    column = nmm.cmc()
    changed = column.with_(u=2600, g6=24 * 200)
    values = {p.name: p.value for p in changed.parameters}
    assert (values["u"], values["g6"]) == (2600.0, 4800.0)
    assert {p.name: p.value for p in column.parameters}["g6"] == 400.0
    np.testing.assert_array_equal(
        changed.A, nmm.cmc(g=200.0 * np.array([4, 4, 8, 4, 4, 24, 4, 4, 2, 1]), u=2600).A
    )


def test_arrays_cannot_be_changed_in_place():
    with pytest.raises(ValueError, match="read-only"):
        nmm.cmc().A[0, 0] = 1.0


def test_an_unknown_name_brings_the_nearest_ones():
    with pytest.raises(KeyError, match=r"no parameter 'tau_s'.*tau_ss"):
        nmm.cmc().with_(tau_s=0.003)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.flow(np.zeros(7)), "last axis must have length 8"),
        (lambda m: m.flow(0.0), "last axis"),
        (lambda m: m.flow(1j * np.zeros(8)), "is complex"),
        (lambda m: m.jacobian(np.full(8, np.nan)), "NaN"),
        (lambda m: m.form(np.zeros(8)), "no direction"),
        (lambda m: m.form(np.zeros(8), np.zeros(3)), "direction has shape"),
        (lambda m: m.with_(u=float("nan")), "finite"),
        (lambda m: m.with_(u="loud"), "real numbers"),
        (lambda m: m.with_(tau_ss=-0.002), "must be positive"),
        (lambda m: m.with_(g3=-1.0), "must not be negative"),
        (lambda m: m.with_(slope=0.0), "slope"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(nmm.cmc())
