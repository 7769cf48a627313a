"""Twins of the equations on spectra and inversion."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import mpmath  # type: ignore[import-untyped]
import numpy as np
import sympy as sp

from nmm.fixed_points import equilibria
from nmm.inversion.delays import delay_operator, effective_jacobian
from nmm.inversion.laplace import variational_laplace
from nmm.inversion.models import Prior
from nmm.inversion.spectral_models import PIVOT, spectral_model
from nmm.inversion.spectrum import transfer_function
from nmm.models import bistable_column


def _response() -> float:
    """C (2πi f − QJ)⁻¹ Q E solved with thirty digits at one frequency, against the sum of modes.

    QJ is X, up to where SPM's iteration stops; `_delays` is the twin of that.
    """
    m, f = bistable_column(), 7.0
    D = np.where((m.A == 1.0) | np.eye(8, dtype=bool), 0.0, 5e-4)
    J = m.jacobian(_rest(m))
    X = effective_jacobian(J, D)
    used = transfer_function(m, [f], delays=D)[0, 0, 0]
    with mpmath.workdps(30):
        q, x, e = (mpmath.matrix(part.tolist()) for part in (delay_operator(J, X), X, m.E))
        answer = mpmath.lu_solve(2j * mpmath.pi * f * mpmath.eye(8) - x, q * e)
    return float(abs(complex(answer[1]) - used) / abs(used))


def _delays() -> float:
    """The series summed at X, against X, for a matrix of two states."""
    J, D = np.array([[-3.0, 40.0], [-60.0, -8.0]]), np.array([[0.0, 0.004], [0.002, 0.0]])
    X = effective_jacobian(J, D, tolerance=1e-15)
    total, power = sp.zeros(2), sp.eye(2)
    for m in range(30):
        lagged = sp.Matrix(2, 2, lambda i, j, m=m: (-_exact(D)[i, j]) ** m * _exact(J)[i, j])
        total, power = total + lagged * power / sp.factorial(m), power * _exact(X)
    return _difference(np.array(total.evalf(20), float), X)


def _spectral_model() -> float:
    """The formula by SymPy, with the transfer function as a symbol, against the prediction."""
    f, a, alpha, b, beta, gain = sp.symbols("f a alpha b beta gain", positive=True)
    Y = 2 * sp.exp(a) * (f / PIVOT) ** (-alpha) * gain + sp.exp(b) * (f / PIVOT) ** (-beta)
    column, at = bistable_column(), np.array([2.0, 9.0, 16.0, 40.0])
    theta = [4.0, 0.8, -12.0, 1.1]
    names = ("log input", "input exponent", "log noise", "noise exponent")
    model = spectral_model(column, at, Prior.of({name: (0.0, 1.0) for name in names}))
    H = transfer_function(column, at)[:, 0, 0]
    written = sp.lambdify((f, a, alpha, b, beta, gain), Y, "numpy")(at, *theta, np.abs(H) ** 2)
    return _difference(np.exp(model.predict(np.array(theta))), written)


def _free_energy() -> float:
    """For a straight line F is the log evidence, a Gaussian integral that SymPy does exactly."""
    x, y = sp.Matrix([0, 1, 2, 4]), sp.Matrix([1, 2, 4, 7])
    precision, spread = sp.Integer(9), sp.Rational(1, 4)
    design = sp.ones(4, 1).row_join(x)
    eta, before = sp.Matrix([1, 1]), spread * sp.eye(2)
    Pi = precision * sp.eye(4)
    after = (design.T * Pi * design + before.inv()).inv()
    mu = eta + after * design.T * Pi * (y - design * eta)
    e, moved = y - design * mu, mu - eta
    F = (
        sp.log(Pi.det()) / 2
        - sp.Rational(4, 2) * sp.log(2 * sp.pi)
        - (e.T * Pi * e)[0] / 2
        - (moved.T * before.inv() * moved)[0] / 2
        + sp.log(after.det()) / 2
        - sp.log(before.det()) / 2
    )
    marginal = Pi.inv() + design * before * design.T
    off = y - design * eta
    evidence = -(off.T * marginal.inv() * off)[0] / 2 - sp.log((2 * sp.pi * marginal).det()) / 2
    X = np.array(design, float)
    found = variational_laplace(
        *(lambda p: X @ p, np.array(y, float).ravel(), [1, 1], np.eye(2) / 4),
        **{"hE": np.log(9.0), "hC": 0.0, "jacobian": lambda p: X},
    )
    # The ascent ends where a step promises less than 0.1 of F; here it is quadratic, and F at the
    # posterior mean it reports follows from where it stopped.
    short = np.array(mu, float).ravel() - found.mean
    missing = short @ np.linalg.solve(found.cov, short) / 2
    return _difference([found.free_energy + missing, float(F)], [float(evidence)] * 2)


def _rest(m: Any) -> Any:
    return equilibria(m)[0].x


def _exact(matrix: Any) -> Any:
    """A float array as a matrix of rational numbers, without rounding."""
    return sp.Matrix(*matrix.shape, [sp.Rational(float(v)) for v in np.ravel(matrix)])


def _difference(one: Any, other: Any) -> float:
    """Largest difference relative to the largest value."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    return float(np.abs(one - other).max() / np.abs(other).max())


INVERSION_TWINS: MappingProxyType[str, Callable[[], float]] = MappingProxyType(
    {
        "eq-response": _response,
        "eq-delays": _delays,
        "eq-spectral-model": _spectral_model,
        "eq-free-energy": _free_energy,
    }
)
