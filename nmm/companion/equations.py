"""The equations contract: every displayed model equation has a SymPy twin, tested against the code.

A twin is a function that evaluates the equation twice at random points, as SymPy reads it and as
the package computes it, and returns the largest relative difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp

from nmm.models import cmc
from nmm.sigmoid import Array
from nmm.symbolic import activation, equations
from nmm.system import NeuralMass

_LABEL = re.compile(r"^(?:[`:]{3,}\{recorded-equation\}\s*(\S+)|:label:\s*(eq-\S+))", re.M)


def labels(text: str) -> list[str]:
    """Labels of the equations that a page displays."""
    return [recorded or typed for recorded, typed in _LABEL.findall(text)]


def _sigmoid() -> float:
    m = cmc(slope=0.7, bias=0.4)
    written = activation(m.assemble({p.name: p.value for p in m.parameters}))
    v = _random(0, 50, scale=5.0)
    return _difference(sp.lambdify(*_arguments(written), "numpy")(v), m.sigmoid(v))


def _derivatives() -> float:
    """Derivatives of the sigmoid to order six, and the Jacobian and second form they enter."""
    m = cmc(slope=0.7, bias=0.4)
    written = activation(m.assemble({p.name: p.value for p in m.parameters}))
    (v,) = written.variables
    points = _random(1, 50, scale=5.0)
    worst = _forms()
    for order in range(1, 7):
        exact = sp.lambdify(v, sp.diff(written.expr, v, order), "numpy")(points)
        worst = max(worst, _difference(exact, m.sigmoid.derivative(points, order)))
    return worst


def _flow() -> float:
    worst = 0.0
    for seed in range(5):
        m, x = _random_column(seed)
        written = equations(m)
        worst = max(
            worst,
            _difference(written.evaluate(written.explicit(), m, x)[:, 0], m.flow(x)),
            _difference(written.evaluate(written.jacobian(), m, x), m.jacobian(x)),
        )
    return worst


def _lure() -> float:
    m, x = _random_column(11)
    names, flow = _matrix_form(m)
    at = dict(zip(names, x, strict=True))
    return _difference(np.array(flow.subs(at), float)[:, 0], m.flow(x))


def _forms() -> float:
    m, x = _random_column(11)
    names, flow = _matrix_form(m)
    at = dict(zip(names, x, strict=True))
    jacobian = flow.jacobian(names)
    a = _random(12, m.n_states)
    along = sum((jacobian.diff(n) * float(v) for n, v in zip(names, a, strict=True)), sp.zeros(8))
    second = np.array((along * sp.Matrix(a)).subs(at), float)[:, 0]
    return max(
        _difference(np.array(jacobian.subs(at), float), m.jacobian(x)),
        _difference(second, m.form(x, a, a)),
    )


def _matrix_form(m: NeuralMass) -> tuple[Any, Any]:
    """States, and A x + B s(C x + d) + E u with the arrays of the model."""
    names = sp.symbols(f"x0:{m.n_states}", real=True)
    s = activation(m.assemble({p.name: p.value for p in m.parameters}))
    y = sp.Matrix(m.C) * sp.Matrix(names) + sp.Matrix(m.d)
    flow = sp.Matrix(m.A) * sp.Matrix(names) + sp.Matrix(m.B) * y.applyfunc(s)
    return names, flow + sp.Matrix(m.E) * sp.Matrix(m.u)


def _arguments(function: sp.Lambda) -> tuple[Any, Any]:
    (v,) = function.variables
    return v, function.expr


def _random_column(seed: int) -> tuple[NeuralMass, Array]:
    rng = np.random.default_rng(seed)
    strengths = rng.uniform(100, 9000, 10)
    constants = rng.uniform(0.002, 0.03, 4)
    coupling = ("potential", "current")[seed % 2]
    m = cmc(g=strengths, tau=constants, slope=0.8, bias=rng.normal(), u=300.0, coupling=coupling)
    scale = np.repeat([2.0, 100.0], 4)
    return m, rng.normal(size=8) * scale


def _random(seed: int, n: int, scale: float = 1.0) -> Array:
    return np.random.default_rng(seed).normal(size=n) * scale


def _difference(one: Any, other: Any) -> float:
    """Largest difference relative to the largest value."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    return float(np.abs(one - other).max() / np.abs(other).max())


# Label → twin. An equation that only names or defines something says so instead, in one line.
TWINS: MappingProxyType[str, Callable[[], float]] = MappingProxyType(
    {
        "eq-sigmoid": _sigmoid,
        "eq-cmc": _flow,
        "eq-lure": _lure,
        "eq-derivatives": _derivatives,
    }
)
