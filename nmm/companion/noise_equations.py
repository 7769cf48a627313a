"""Twins of the equations on noise, occupancy and exit times."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp

from nmm.amplitudes.amplitude import amplitude_equation
from nmm.amplitudes.escape import Diffusion
from nmm.fixed_points import equilibria
from nmm.models import bistable_column, oscillator
from nmm.perturbation.describing import amplitude_potential


def _noisy_amplitude() -> float:
    """Both averages for the amplitude of a linear mode, by SymPy, against D(0) and D(0)/R."""
    x, y, theta = sp.symbols("x y theta", real=True)
    R, bx, by = sp.symbols("R b_x b_y", positive=True)
    modulus = sp.sqrt(x**2 + y**2)
    first = bx * sp.diff(modulus, x) + by * sp.diff(modulus, y)
    second = bx * sp.diff(first, x) + by * sp.diff(first, y)
    on_cycle = {x: R * sp.cos(theta), y: R * sp.sin(theta)}

    def averaged(part: sp.Expr) -> Any:
        part = sp.expand(sp.simplify(part.subs(on_cycle)), trig=True)
        return sp.integrate(part, (theta, 0, 2 * sp.pi)) / (4 * sp.pi)

    a = _equation()
    surface = a.surface
    push = complex(surface.equation.left @ a.model.E[:, 0])
    values = {bx: abs(push.real), by: abs(push.imag), R: 0.2}
    written = [float(averaged(part).subs(values)) for part in (first**2, second)]
    D, ring = a._noise.at(np.array([0.2]), "constant")
    return _difference(written, [D[0], ring[0] / 0.2])


def _stationary() -> float:
    """R exp ∫(ρ/D) / D for a polynomial ρ and constant D, g = D/R."""
    x, R = sp.symbols("x R", positive=True)
    D, low = sp.Rational(3, 100), sp.Rational(1, 10)
    rho = -2 * x + 9 * x**3 - 5 * x**5
    written = sp.exp(sp.integrate((rho + D / x) / D, (x, low, R))) / D
    grid = np.linspace(0.0, 1.2, 61)
    log = sp.lambdify(R, sp.integrate(rho / D, (x, 0, R)), "numpy")(grid)
    known = Diffusion(grid, np.full_like(grid, float(D)), log).weight[1:]
    shape = np.asarray(sp.lambdify(R, written, "numpy")(grid[1:]))
    return _difference(shape / shape.max(), known / known.max())


def _exit() -> float:
    """Without drift, where the integrals of the package are exact; tests have the general case."""
    x, y = sp.symbols("x y", positive=True)
    D, start, to = sp.Rational(1, 50), sp.Rational(1, 4), sp.Rational(3, 4)
    exponential = x  # e^Ψ with ρ = 0 and g = D/R
    inner = sp.integrate(exponential / D, (x, 0, y))
    written = sp.integrate(inner / exponential.subs(x, y), (y, start, to))
    grid = np.linspace(0.0, 1.0, 201)
    d = Diffusion(grid, np.full_like(grid, float(D)), np.zeros_like(grid))
    return _difference([float(written)], [d.passage_time(float(start), float(to))])


def _kramers() -> float:
    a = _equation()
    barrier = float(a._modal_zeros()[0])
    D, U2, height, decay, R = sp.symbols("D U2 dU decay R_u", positive=True)
    written = sp.sqrt(2 * sp.pi * D / U2) * sp.exp(height / D) / (decay * R)
    values = {
        D: float(abs(a.surface.equation.left @ a.model.E[:, 0]) ** 2 * 20.0**2 / 4),
        U2: float(a.surface.slope(np.array(barrier))),
        height: float(a.potential(barrier)),
        decay: -float(a.growth(0.0)),
        R: barrier,
    }
    exact = float(sp.lambdify(list(values), written, "math")(*values.values()))
    return _difference([exact], [a.kramers_time(20.0)])


def _occupancy() -> float:
    """Weights with SymPy's potential and with the package's, and their ratio."""
    x = sp.Symbol("x", positive=True)
    U = sp.lambdify(x, 2 * x**2 - 5 * x**4 / 4 + x**6 / 6, "numpy")
    nodes, weights = np.polynomial.legendre.leggauss(200)
    m, worst = oscillator(radii=(1, 2), g=1.0), 0.0
    for s in (0.7, 1.6):
        shares = []
        for potential in (U, lambda R: amplitude_potential(m, R)):
            parts = [
                (hi - lo)
                / 2
                * weights
                @ np.exp(-potential((hi + lo + (hi - lo) * nodes) / 2) / s**2)
                for lo, hi in ((0.0, 1.0), (1.0, 3.0))
            ]
            shares.append(parts[1] / sum(parts))
        worst = max(worst, _difference(*np.reshape(shares, (2, 1))))
    return worst


def _equation() -> Any:
    m = bistable_column(u=2600.0)
    return amplitude_equation(m, equilibria(m)[0])


def _difference(one: Any, other: Any) -> float:
    """Largest difference relative to the largest value."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    return float(np.abs(one - other).max() / np.abs(other).max())


NOISE_TWINS: MappingProxyType[str, Callable[[], float]] = MappingProxyType(
    {
        "eq-noisy-amplitude": _noisy_amplitude,
        "eq-stationary": _stationary,
        "eq-exit": _exit,
        "eq-kramers": _kramers,
        "eq-occupancy": _occupancy,
    }
)
