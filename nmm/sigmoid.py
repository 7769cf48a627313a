"""The activation function of a population, and its derivatives: logistic or polynomial."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Sigmoid:
    """Firing as a function of potential: a logistic curve, shifted to pass through zero at rest.

    ``s(v) = height · (1 / (1 + exp(−slope·v + bias)) − 1 / (1 + exp(bias)))`` (eq-sigmoid of
    chapter 02; Bastos et al. 2012 have ``bias = 0``). With ``centred=False`` the second term
    is left out.

    Parameters
    ----------
    slope : float, default 2/3
        Steepness ϱ, per mV; positive.
    bias : float, default 0
        Threshold in units of the slope: the curve is steepest at ``v = bias / slope``.
    height : float, default 1
        Firing at saturation, above the lower end of the curve.
    centred : bool, default True
        Whether the value at ``v = 0`` is subtracted.

    Raises
    ------
    ValueError
        If the slope or the height is not positive, or anything is not finite.

    Examples
    --------
    >>> s = Sigmoid(slope=2 / 3)
    >>> s(0.0)
    0.0
    >>> round(s.derivative(0.0, 1), 6)    # slope / 4
    0.166667
    """

    slope: float = 2 / 3
    bias: float = 0.0
    height: float = 1.0
    centred: bool = True

    def __post_init__(self) -> None:
        for name in ("slope", "height"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0):
                raise ValueError(
                    f"sigmoid: {name} = {value}; it must be positive and finite "
                    "(a decreasing sigmoid is an inhibitory synapse: change the weight's sign)"
                )
        if not isfinite(self.bias):
            raise ValueError(f"sigmoid: bias = {self.bias}; it must be a finite number")

    @property
    def offset(self) -> float:
        """What is subtracted from the logistic curve: its value at v = 0, or zero."""
        return self.height * float(logistic(-self.bias)) if self.centred else 0.0

    def __call__(self, v: ArrayLike) -> Array | float:
        """Firing at potential `v` (mV): dimensionless, the shape of `v`."""
        return plain(self.height * self._logistic(v) - self.offset)

    def derivative(self, v: ArrayLike, order: int) -> Array | float:
        """The `order`-th derivative at `v` (mV), in mV^(−order): a polynomial in the logistic."""
        if order < 1:
            return self(v)
        polynomial = _logistic_derivative(order)
        return plain(self.height * self.slope**order * np.polyval(polynomial, self._logistic(v)))

    def change(
        self, v: ArrayLike, *, slope: float = 0.0, bias: float = 0.0, height: float = 0.0
    ) -> Array | float:
        """How firing at `v` (mV) changes as slope, bias and height move at the given rates."""
        p = self._logistic(v)
        rest = float(logistic(-self.bias)) if self.centred else 0.0
        moved = slope * np.asarray(v, float) - bias
        by_bias = self.height * rest * (1 - rest) * bias
        return plain(np.asarray(height * (p - rest) + self.height * p * (1 - p) * moved + by_bias))

    def primitive(self, v: ArrayLike) -> Array | float:
        """The integral of the firing from 0 to `v` (mV), in mV."""
        v = np.asarray(v, float)
        area = np.logaddexp(0.0, self.slope * v - self.bias) - np.logaddexp(0.0, -self.bias)
        return plain(np.asarray(self.height / self.slope * area - self.offset * v))

    def _logistic(self, v: ArrayLike) -> Array:
        return logistic(self.slope * np.asarray(v, float) - self.bias)


@dataclass(frozen=True)
class OddPolynomial:
    """Coupling as an odd polynomial, ``s(y) = Σ_k B_k y^(2k−1)``: what `oscillator` may use.

    It stands where a `Sigmoid` stands, with the same methods; but it has no bounds.

    Parameters
    ----------
    coefficients : tuple of float
        B_1, B_2, …; at least one.

    Raises
    ------
    ValueError
        If there is no coefficient, or one is not finite.

    Examples
    --------
    >>> from nmm.sigmoid import OddPolynomial
    >>> s = OddPolynomial((-1.0, 2.0))    # −y + 2 y³
    >>> s(2.0), s.derivative(2.0, 1), s.primitive(2.0)
    (14.0, 23.0, 6.0)
    """

    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        values = tuple(float(b) for b in self.coefficients)
        if not (values and np.isfinite(values).all()):
            raise ValueError(
                f"polynomial: coefficients = {values}; give at least one, all finite: B_1, B_2, …"
            )
        object.__setattr__(self, "coefficients", values)

    @property
    def offset(self) -> float:
        """What is subtracted so that s(0) = 0: nothing."""
        return 0.0

    def polynomial(self) -> np.polynomial.Polynomial:
        """The same function as NumPy's kind of polynomial."""
        return _odd(self.coefficients)

    def __call__(self, v: ArrayLike) -> Array | float:
        """Value at `v`: the shape of `v`."""
        return plain(np.asarray(self.polynomial()(np.asarray(v, float))))

    def derivative(self, v: ArrayLike, order: int) -> Array | float:
        """The `order`-th derivative at `v`."""
        return plain(np.asarray(self.polynomial().deriv(order)(np.asarray(v, float))))

    def change(self, v: ArrayLike, *, coefficients: ArrayLike) -> Array | float:
        """How the value at `v` changes as the coefficients move at the given rates."""
        return plain(np.asarray(_odd(np.asarray(coefficients))(np.asarray(v, float))))

    def primitive(self, v: ArrayLike) -> Array | float:
        """The integral from 0 to `v`."""
        return plain(np.asarray(self.polynomial().integ()(np.asarray(v, float))))


Activation = Sigmoid | OddPolynomial


def _odd(coefficients: ArrayLike) -> np.polynomial.Polynomial:
    """Σ_k B_k y^(2k−1)."""
    values = np.zeros(2 * np.size(coefficients))
    values[1::2] = coefficients
    return np.polynomial.Polynomial(values)


def logistic(x: ArrayLike) -> Array:
    """1 / (1 + exp(−x)), written with tanh, which does not overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * np.asarray(x))))


@lru_cache
def _logistic_derivative(order: int) -> tuple[float, ...]:
    """Coefficients, highest power first, of the `order`-th derivative of p as a polynomial in p.

    The logistic p obeys p' = p (1 − p), so each derivative is P'(p) · (p − p²).
    """
    polynomial = np.poly1d([1.0, 0.0])
    for _ in range(order):
        polynomial = polynomial.deriv() * np.poly1d([-1.0, 1.0, 0.0])
    return tuple(float(c) for c in polynomial.coeffs)


def plain(value: Array) -> Array | float:
    """A single number as a Python float, anything else as it is."""
    return value if value.ndim else float(value)
