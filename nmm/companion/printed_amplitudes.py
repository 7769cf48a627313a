"""Equations of the chapters on amplitudes, read back; the rest is in `nmm.companion.printed`."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np

from nmm.amplitudes.escape import Diffusion
from nmm.companion.global_equations import _equation
from nmm.companion.latex import each, gap, right_side, sides_of, statements, value
from nmm.companion.local_equations import _bend, _form, _right
from nmm.models import oscillator
from nmm.perturbation.describing import amplitude_drift, amplitude_potential, describing_function
from nmm.perturbation.slow_motion import average_numerically
from nmm.sigmoid import Sigmoid

_AMPLITUDES = (0.3, 0.9, 1.4, 2.1)


# Chapter 05


def _first_order(latex: str) -> float:
    """Both integrals for a polynomial force, against numerical averaging."""

    def force(v: Any, w: Any) -> Any:
        return 0.3 * v**2 * w - 0.7 * w**3 + 0.2 * w + 0.4 * v**3

    slow = average_numerically(force, order=1)
    sides = sides_of(latex)
    found = []
    for a in _AMPLITUDES:
        names = {"f": force, "a": a}
        A1, turned = (value(right, names) for right in sides.values())
        found.append([0.1 * A1, 1 + 0.1 * turned / a])
    return gap((np.transpose(found), slow.rates(np.array(_AMPLITUDES), 0.1)))


def _polynomial_rates(latex: str, force: Any, slopes: tuple[Any, Any], **names: float) -> float:
    slow = average_numerically(force, f_v=slopes[0], f_w=slopes[1])
    formulas = [right.replace(r"\dots", "").strip(" +") for _, right in statements(latex)]
    amplitude, phase = (each(f, names | {"varepsilon": 0.2}, a=_AMPLITUDES) for f in formulas)
    known = slow.rates(np.array(_AMPLITUDES), 0.2)
    return gap((amplitude, known[0]), (np.subtract(phase, 1), known[1] - 1))


def _van_der_pol(latex: str) -> float:
    def force(v: Any, w: Any) -> Any:
        return (1 - v**2) * w

    return _polynomial_rates(latex, force, (lambda v, w: -2 * v * w, lambda v, w: 1 - v**2))


def _quadratic(latex: str) -> float:
    alpha, beta, gamma = 0.7, -0.4, 0.3

    def force(v: Any, w: Any) -> Any:
        return alpha * v**2 + beta * v * w + gamma * w**2

    slopes = (lambda v, w: 2 * alpha * v + beta * w, lambda v, w: beta * v + 2 * gamma * w)
    return _polynomial_rates(latex, force, slopes, alpha=alpha, beta=beta, gamma=gamma)


def _three_parts(latex: str) -> float:
    form = _form(3)
    m, q = form.model, _right(form)
    names = {"lambda": form.eigenvalue, "p": form.surface.left, "q": q, "bar_q": q.conj()}
    names |= {"B": m.B, "C": m.C, "J": m.jacobian(form.equilibrium.x)}
    names |= {"s''": _bend(form, 2), "s'''": _bend(form, 3)}
    sides = sides_of(latex)
    for label in ("h_{11}", "h_{20}"):
        names[label.replace("{", "").replace("}", "")] = value(sides[label], names)
    return gap((value(sides[r"\gamma_1"], names), form.coefficients[0]))


def _closed_form(latex: str) -> float:
    form = _form(3)
    names = {"alpha": form.eigenvalue.real, "gamma_1": form.coefficients[0], "R_0": 0.06}
    times = np.array([0.5, 1.0, 4.0])
    found = each(right_side(latex), names, t=times)
    return gap((found, np.abs(form.solution(0.06, times))))


# Chapter 06


def _two_couplings(latex: str) -> float:
    numbers, worst = [0.7, -1.3, 0.4], 0.0
    for (_, right), coupling in zip(statements(latex), ("current", "potential"), strict=True):
        m = oscillator(coefficients=numbers, g=0.07, coupling=coupling)
        states = np.random.default_rng(61).normal(size=(10, 2))
        names: dict[str, Any] = {"B_": [0, *numbers], "range_k": range(1, 4), "g": 0.07}
        names |= {"v": states[:, 0], "dot_v": states[:, 1]}
        worst = max(worst, gap((value(right, names) - states[:, 0], m.flow(states)[:, 1])))
    return worst


def _wells(latex: str) -> float:
    numbers, a = [0.7, -1.3, 0.4, 0.05], np.array(_AMPLITUDES)
    m = oscillator(coefficients=numbers, g=0.07)
    names = {"B_": [0, *numbers], "range_k": range(1, 5), "g": 0.07}
    sides = sides_of(latex)
    return gap(
        (each(sides[r"\dot a"], names, a=a), amplitude_drift(m, a)),
        (each(sides["U(a)"], names, a=a), amplitude_potential(m, a)),
    )


def _prescribed(latex: str) -> float:
    m, a = oscillator(radii=(1, 2), g=0.3), np.array(_AMPLITUDES)
    (_, drift), (_, height) = statements(latex)
    return gap(
        (each(drift, {"g": 0.3}, a=a), amplitude_drift(m, a)),
        (0.3 * np.array(each(height, {}, a=a)), amplitude_potential(m, a)),
    )


def _tilt(latex: str) -> float:
    m, a = oscillator(radii=(1, 2), g=0.01), np.array(_AMPLITUDES)
    names = {"U": lambda a: amplitude_potential(m, a), "h": 0.013, "Delta_varphi": 0.7}
    known = amplitude_potential(m, a) - 0.013 * np.cos(0.7) * a
    return gap((each(right_side(latex), names, a=a), known))


def _gain(latex: str) -> float:
    m = oscillator(g=0.3, slope=0.8, bias=2.5, damping=0.06)
    (_, gain), (_, drift) = statements(latex)[:2]
    sigmoid = Sigmoid(slope=0.8, bias=2.5)
    names: dict[str, Any] = {"s": sigmoid, "m": 0.4, "g": 0.3, "delta": 0.06}
    gains, a = each(gain, names, a=_AMPLITUDES), np.array(_AMPLITUDES)
    names["N"] = lambda a: describing_function(sigmoid, a)
    drifts = each(drift, names, a=_AMPLITUDES)
    return gap((gains, describing_function(sigmoid, a, mean=0.4)), (drifts, amplitude_drift(m, a)))


def _gradient(latex: str) -> float:
    a = _equation()
    names = {"rho": lambda R: float(a.drift(R))}
    found = each(sides_of(latex)["U(R)"], names, R=(0.2, 0.9))
    return gap((found, a.potential(np.array([0.2, 0.9]))))


# Chapter 07


def _exit(latex: str) -> float:
    """Constant D, g = D/R and no other drift, where the integrals of the package are exact."""
    D, grid = 0.02, np.linspace(0.0, 1.0, 201)
    names = {"D": lambda x: D, "Psi": np.log, "R_b": 0.75}
    known = Diffusion(grid, np.full_like(grid, D), np.zeros_like(grid))
    found = value(right_side(latex), names)
    return gap((found, known.passage_time(0.0, 0.75)))


def _kramers(latex: str) -> float:
    a = _equation()
    barrier = float(a._modal_zeros()[0])
    names = {
        "D": float(abs(a.surface.equation.left @ a.model.E[:, 0]) ** 2 * 20.0**2 / 4),
        "U''": lambda R: float(a.surface.slope(np.array(R))),
        "R_u": barrier,
        "Delta_U": float(a.potential(barrier)),
        "lambda": float(a.growth(0.0)) + 1j,
    }
    return gap((value(right_side(latex), names), a.kramers_time(20.0)))


def _occupancy(latex: str) -> float:
    m = oscillator(radii=(1, 2), g=1.0)
    nodes, weights = np.polynomial.legendre.leggauss(200)
    sides, R = sides_of(latex), np.array(_AMPLITUDES)
    pairs = [(each(sides["U(R)"], {}, R=R), amplitude_potential(m, R))]
    share = sides[r"P_{\mathrm{up}}"]
    for s in (0.7, 1.6):
        known = [
            weights @ np.exp(-amplitude_potential(m, (1 + nodes) * w / 2 + low) / s**2) * w
            for low, w in ((0.0, 1.0), (1.0, 2.0))
        ]
        names = {"U": lambda R: amplitude_potential(m, R), "s": s}
        pairs.append((value(share, names), known[1] / sum(known)))
    return gap(*pairs)


PRINTED_AMPLITUDES: MappingProxyType[str, Callable[[str], float]] = MappingProxyType(
    {
        "eq-first-order": _first_order,
        "eq-van-der-pol": _van_der_pol,
        "eq-quadratic": _quadratic,
        "eq-three-parts": _three_parts,
        "eq-closed-form": _closed_form,
        "eq-two-couplings": _two_couplings,
        "eq-wells": _wells,
        "eq-prescribed": _prescribed,
        "eq-tilt": _tilt,
        "eq-gain": _gain,
        "eq-gradient": _gradient,
        "eq-exit": _exit,
        "eq-kramers": _kramers,
        "eq-occupancy": _occupancy,
    }
)
