"""The activation function against SymPy and against its own definition."""

import numpy as np
import pytest
import sympy as sp

from nmm import Sigmoid

CURVES = [Sigmoid(), Sigmoid(0.56, 3.36, 5.0, False), Sigmoid(2.0, -1.5, 3.0)]


@pytest.mark.parametrize("s", CURVES)
def test_value_is_the_logistic_curve_of_the_definition(s):
    v = np.linspace(-30, 30, 201)
    expected = s.height / (1 + np.exp(-s.slope * v + s.bias))
    expected -= s.height / (1 + np.exp(s.bias)) if s.centred else 0.0
    # Rounding of two exponentials of moderate arguments.
    np.testing.assert_allclose(s(v), expected, rtol=0, atol=1e-14 * s.height)


@pytest.mark.parametrize("s", CURVES)
@pytest.mark.parametrize("order", range(1, 10))
def test_derivatives_of_any_order_equal_sympys(s, order):
    v = sp.Symbol("v")
    height, slope, bias = (sp.nsimplify(a) for a in (s.height, s.slope, s.bias))
    exact = sp.diff(height / (1 + sp.exp(bias - slope * v)), v, order)
    points = [-4.0, -0.7, 0.0, 1.3, 6.0]
    expected = [float(exact.subs(v, sp.nsimplify(p)).evalf(40)) for p in points]
    scale = s.height * s.slope**order * np.abs(np.polynomial.polynomial.polyval(1, [1.0]))
    # The polynomial in p cancels: its terms grow like order! times the value.
    tolerance = 1e-15 * float(sp.factorial(order)) * scale * 4
    np.testing.assert_allclose(s.derivative(np.array(points), order), expected, atol=tolerance)


def test_it_does_not_overflow_far_away():
    s = Sigmoid()
    with np.errstate(all="raise"):
        assert s(1e6) == 0.5
        assert s(-1e6) == -0.5


def test_single_numbers_come_back_as_floats():
    assert type(Sigmoid()(0.3)) is float
    assert type(Sigmoid().derivative(0.3, 2)) is float
    assert Sigmoid()([0.1, 0.2]).shape == (2,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"slope": -1.0}, "slope"),
        ({"slope": float("nan")}, "slope"),
        ({"height": 0.0}, "height"),
        ({"bias": float("inf")}, "bias"),
    ],
)
def test_impossible_numbers_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Sigmoid(**change)
