"""How the slow surface moves with a parameter: implicit differentiation of its equation.

The solved equation holds for every parameter value, so its derivative vanishes: one linear system
with the matrix of the last Newton step. The fixed point, around which X_k is counted, moves too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nmm.amplitudes.invariance import Complex, to_complex
from nmm.amplitudes.manifold import Surface
from nmm.perturbation.submanifolds import leading_pair
from nmm.sigmoid import Array
from nmm.system import NeuralMass


@dataclass(frozen=True, eq=False)
class SurfaceDerivative:
    """Derivatives by one parameter, at the points of the surface's grid, with p held.

    Parameters
    ----------
    X : array (H + 1, K, N)
        Of X_k.
    growth, omega : array (K,)
        Of a and Ω.
    left : array (N,)
        Of p itself: what `X` and the rates do not yet know.
    """

    X: Complex
    growth: Array
    omega: Array
    left: Complex


def surface_derivative(surface: Surface, name: str, reference: str) -> SurfaceDerivative:
    """Differentiate a surface by the parameter `name`; `reference` as in the surface's p."""
    e, m = surface.equation, surface.equation.m
    by = m.part_derivatives(name)
    shift = -np.linalg.solve(m.jacobian(e.rest), m.sensitivity(name, e.rest))
    flow = _flow_derivative(m, by, _states(surface), shift)
    drive = to_complex(np.moveaxis(flow, 1, 2) @ e.projection.T)
    X, growth, omega = surface.linearised.solve(-drive, np.zeros(len(e.R), complex))
    return SurfaceDerivative(X, growth, omega, _left_derivative(m, e.rest, reference, by, shift))


def _states(surface: Surface) -> Array:
    """States at the points and phases: (K, phases, N)."""
    e = surface.equation
    k = np.arange(len(surface.X))
    turn = np.exp(2j * np.pi * np.outer(np.arange(len(e.basis)), k) / len(e.basis))
    return np.asarray(e.rest + np.einsum("tk,kjn->jtn", turn, surface.X).real)


def _flow_derivative(m: NeuralMass, by: dict[str, Any], x: Array, shift: Array) -> Array:
    """Derivative of the flow at the states `x` (..., N), which all move by `shift`."""
    y = x @ m.C.T + m.d
    moved = x @ by["C"].T + by["d"] + m.C @ shift
    firing = np.asarray(m.sigmoid.change(y, **by["sigmoid"]))
    firing = firing + np.asarray(m.sigmoid.derivative(y, 1)) * moved
    linear = x @ by["A"].T + np.asarray(m.sigmoid(y)) @ by["B"].T + by["Eu"] + m.A @ shift
    return np.asarray(linear + firing @ m.B.T)


def _left_derivative(
    m: NeuralMass, rest: Array, reference: str, by: dict[str, Any], shift: Array
) -> Complex:
    """Derivative of p, with p·q = 1 and q = 1 in the reference potential."""
    J, moved = m.jacobian(rest), _jacobian_derivative(m, by, rest, shift)
    eigenvalue, q, p = leading_pair(m, J, reference)
    change = moved - (p @ moved @ q) * np.eye(len(p))
    matrix = J - eigenvalue * np.eye(len(p))
    unit = np.eye(len(p))[m.populations.index(reference)]
    dq = np.linalg.lstsq(np.vstack([matrix, unit]), np.append(-change @ q, 0.0), rcond=None)[0]
    rhs = np.append(-p @ change, -p @ dq)
    return np.asarray(np.linalg.lstsq(np.vstack([matrix.T, q]), rhs, rcond=None)[0])


def _jacobian_derivative(m: NeuralMass, by: dict[str, Any], x: Array, shift: Array) -> Array:
    """Derivative (N, N) of the Jacobian at a state `x` (N,) that moves by `shift`."""
    y = m.C @ x + m.d
    first, second = (np.asarray(m.sigmoid.derivative(y, order)) for order in (1, 2))
    h = 1e-3 * (1 + np.abs(y))  # differences of a smooth closed form: exact to about 1e-12
    one, two = (
        np.asarray(m.sigmoid.change(y + d, **by["sigmoid"]))
        - np.asarray(m.sigmoid.change(y - d, **by["sigmoid"]))
        for d in (h, 2 * h)
    )
    gain = (8 * one - two) / (12 * h) + second * (by["C"] @ x + by["d"] + m.C @ shift)
    inner = by["B"] * first + m.B * gain
    return np.asarray(by["A"] + inner @ m.C + (m.B * first) @ by["C"])
