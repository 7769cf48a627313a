"""Equations read back from the pages: the LaTeX as printed, computed, against the numerical code.

A twin shows that a formula is right; this shows that the formula on the page is that one. Each
reader takes what one label prints and returns the largest relative difference.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy.linalg import expm

from nmm.companion.equations import _alone, _random, _random_column
from nmm.companion.latex import each, gap, right_side, sides_of, statements, value
from nmm.companion.printed_amplitudes import PRINTED_AMPLITUDES
from nmm.fixed_points import equilibria
from nmm.models import cmc, jansen_rit
from nmm.phase_space.continuation import continue_equilibria
from nmm.sigmoid import Array, Sigmoid
from nmm.system import NeuralMass


def _named(m: NeuralMass, x: Array) -> dict[str, Any]:
    names = {p.name: p.value for p in m.parameters} | dict(zip(m.state_names, x, strict=True))
    names |= {name.replace("g", "g_"): names[name] for name in names if name[1:].isdigit()}
    return names | {"s": m.sigmoid}


# Chapter 01


def _kernel(latex: str) -> float:
    m, tau, times = _alone(21)
    known = [(m.C @ expm(m.A * at) @ m.E)[0, 0] for at in times]
    return gap((each(right_side(latex), {"tau": tau, "H": 1.0}, t=times), known))


def _current_kernel(latex: str) -> float:
    m, tau, times = _alone(21, "current")
    known = [(m.C @ expm(m.A * at) @ m.E)[0, 0] for at in times]
    return gap((each(right_side(latex), {"tau": tau, "H": 1.0}, t=times), known))


def _convolution(latex: str) -> float:
    m, tau, times = _alone(22)
    rate = 3.0 / tau
    names = {"h": lambda t: t / tau * np.exp(-t / tau), "m": lambda t: np.exp(-rate * t)}
    extended = np.block([[m.A, m.E], [np.zeros((1, m.n_states)), -np.full((1, 1), rate)]])
    known = [expm(extended * at)[0, -1] for at in times]
    return gap((each(right_side(latex), names, t=times), known))


def _membrane(latex: str) -> float:
    m, x = _random_column(23)
    tau = np.array([p.value for p in m.parameters if p.name.startswith("tau")])
    received = tau * (m.B @ np.asarray(m.sigmoid(m.C @ x + m.d)) + m.E @ m.u)[4:]
    names = {"v": x[:4], "c": x[4:], "m": received, "tau": tau, "H": 1.0}
    sides = sides_of(latex)
    found = [value(sides[left], names) for left in (r"\dot{v}", r"\dot{c}")]
    return gap((np.concatenate(found), m.flow(x)))


def _transfer(latex: str) -> float:
    m, tau, _ = _alone(24)
    at = 2j * np.pi * np.abs(_random(25, 30, scale=20.0))
    known = [(m.C @ np.linalg.solve(q * np.eye(m.n_states) - m.A, m.E))[0, 0] for q in at]
    return gap((value(right_side(latex), {"p": at, "tau": tau, "H": 1.0}), known))


def _crowd(latex: str) -> float:
    ((left, right),) = statements(latex.replace(r"-\infty", "-200"))  # beyond all thresholds
    s = Sigmoid(slope=0.7, bias=0.4, centred=False)
    points = _random(26, 6, scale=4.0)
    names = {"varrho": 0.7, "b": 0.4}
    return gap(*((each(side, names, v=points), s(points)) for side in (left, right)))


def _bend_of_sigmoid(latex: str) -> float:
    s, v = Sigmoid(slope=0.7, bias=0.4), _random(27, 50, scale=5.0)
    names = {"varrho": 0.7, "y": 0.7 * v - 0.4}
    sides = sides_of(latex)
    return gap(
        (value(sides["s''(v)"], names), s.derivative(v, 2)),
        (value(sides["s'''(v)"], names), s.derivative(v, 3)),
    )


def _units(latex: str) -> float:
    """A column rebuilt with the primed parameters, and its flow in the new units."""
    clock, scale = 0.003, 0.02
    m, x = _random_column(30)
    old = {p.name: p.value for p in m.parameters}
    sides = {left.strip(", "): right for left, right in statements(latex)}
    units = {"T": clock, "V": scale}
    new = {
        "tau": [value(sides[r"\tau'"], units | {"tau": old[f"tau_{p}"]}) for p in m.populations],
        "g": [value(sides["g'"], units | {"g": old[f"g{i}"]}) for i in range(1, 11)],
        "u": value(sides["u'"], units | {"u": old["u"]}),
        "slope": value(sides[r"\varrho'"], units | {"varrho": old["slope"]}),
        "bias": value(sides["b'"], units | {"b": old["bias"]}),
    }
    to = np.repeat([1 / scale, clock / scale], 4)
    return gap((cmc(**new).flow(x * to), m.flow(x) * to * clock))


# Chapter 02


def _sigmoid(latex: str) -> float:
    s, v = Sigmoid(slope=0.7, bias=0.4), np.array([-3.0, 0.0, 0.5, 4.0])
    return gap((value(right_side(latex), {"v": v, "varrho": 0.7, "b": 0.4}), s(v)))


def _microcircuit(latex: str) -> float:
    m, x = _random_column(4)  # an even seed: potential-to-current
    names, flow = _named(m, x), m.flow(x)
    found = [value(right, names) for _, right in statements(latex)]
    time = [1.0] * 4 + [names[f"tau_{p}"] for p in m.populations]
    for (left, _), state in zip(statements(latex), m.state_names, strict=True):
        kind, population = state.split("_")
        if f"{{{kind}}}" not in left or population not in left:
            return np.inf  # in another order than the states
    return max(gap((f, t * w)) for f, t, w in zip(found, time, flow, strict=True))


def _matrix_form(latex: str) -> float:
    m, x = _random_column(6)
    names = {part: getattr(m, part) for part in "ABCdEu"} | {"x": x, "s": m.sigmoid}
    return gap((value(right_side(latex), names), m.flow(x)))


def _jacobian(latex: str) -> float:
    m, x = _random_column(6)
    names: dict[str, Any] = {part: getattr(m, part) for part in "ABC"} | {"y": m.C @ x + m.d}
    names["s'"] = lambda y: m.sigmoid.derivative(y, 1)
    return gap((value(sides_of(latex)["J"], names), m.jacobian(x)))


# Chapter 03


def _rest(latex: str) -> float:
    m, _ = _random_column(32)
    sides = sides_of(latex)
    names = {part: getattr(m, part) for part in "ABCdEu"}
    offset, gains = (value(sides[left], names) for left in ("y_0", "K"))
    y = m.C @ equilibria(m)[0].x + m.d
    fixed = value(sides["y"], {"y_0": offset, "K": gains, "y": y, "s": m.sigmoid})
    return gap((fixed, y))


def _modes(latex: str) -> float:
    m, x = _random_column(34)
    tau = np.array([p.value for p in m.parameters if p.name.startswith("tau")])
    (left, _), J = statements(latex)[0], m.jacobian(x)
    names: dict[str, Any] = {"tau": tau, "W": tau[:, None] * m.B[4:], "v": x[:4]}
    names["s'"] = lambda v: m.sigmoid.derivative(v, 1)
    at = _random(35, 10, scale=300.0) + 1j * _random(36, 10, scale=300.0)
    found = [value(left, names | {"lambda": q}) for q in at]
    known = [np.linalg.det(q * np.eye(8) - J) * np.prod(tau**2) for q in at]
    return max(gap((f, k)) for f, k in zip(found, known, strict=True))


def _input_at_rest(latex: str) -> float:
    """Input that the formula asks for, at the rests that the package finds."""
    m = jansen_rit(p=60.0)
    names: dict[str, Any] = {p.name: p.value for p in m.parameters} | {"S": m.sigmoid}
    names |= {f"C_{k}": names["C"] * s for k, s in enumerate((1.0, 0.8, 0.25, 0.25), start=1)}
    sides, found = sides_of(latex), []
    for rest in equilibria(m):
        names["v"] = float(rest.x[1] - rest.x[2])
        names["w"] = value(sides["w"], names)
        found.append(value(sides["p(v)"], names))
    return gap((found, np.full(len(found), 60.0)))


def _small_push(latex: str) -> float:
    m, x = _random_column(38)
    J, push = m.jacobian(x), _random(39, m.n_states)
    values, q = np.linalg.eig(J)
    names: dict[str, Any] = {"lambda_": values, "q_": q.T, "ell_": np.linalg.inv(q), "delta": push}
    names |= {"range_k": range(m.n_states), "x*": x}
    times = np.abs(_random(40, 4, scale=0.003))
    found = each(right_side(latex).replace(r"^{\top}", ""), names, t=times)
    return gap((np.subtract(found, x), [expm(J * t) @ push for t in times]))


# Chapter 04


def _passage(latex: str) -> float:
    m = jansen_rit(p=112.0)
    (fold,) = continue_equilibria(m, "p", (100.0, 130.0)).special
    bend, slope = fold.coefficients[0], _push_past(m.with_(p=fold.parameter), fold.x)
    names = {"a": bend, "b": slope, "p": fold.parameter + 0.3, "p_0": fold.parameter}
    known = np.pi / np.sqrt(bend * slope * 0.3)
    return gap(*((value(right, names), known) for _, right in statements(latex)))


def _push_past(m: NeuralMass, x: Array) -> float:
    """What the parameter adds to the slow direction, its reference component one."""
    values, left = np.linalg.eig(m.jacobian(x).T)
    p = left[:, np.argmin(np.abs(values))].real
    values, right = np.linalg.eig(m.jacobian(x))
    q = right[:, np.argmin(np.abs(values))].real
    q = q / np.linalg.norm(q)
    p = p / (p @ q)
    return float(abs(p @ m.sensitivity("p", x)))


# Label → reader of what it prints. Equations that define, or that only SymPy can evaluate, have a
# twin alone.
PRINTED: MappingProxyType[str, Callable[[str], float]] = MappingProxyType(
    {
        "eq-kernel": _kernel,
        "eq-convolution": _convolution,
        "eq-membrane": _membrane,
        "eq-transfer": _transfer,
        "eq-crowd": _crowd,
        "eq-bend": _bend_of_sigmoid,
        "eq-current-kernel": _current_kernel,
        "eq-units": _units,
        "eq-sigmoid": _sigmoid,
        "eq-cmc": _microcircuit,
        "eq-lure": _matrix_form,
        "eq-derivatives": _jacobian,
        "eq-rest": _rest,
        "eq-modes": _modes,
        "eq-input-at-rest": _input_at_rest,
        "eq-small-push": _small_push,
        "eq-passage": _passage,
        **PRINTED_AMPLITUDES,
    }
)
