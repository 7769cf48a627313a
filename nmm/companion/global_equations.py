"""Twins of the displayed equations of the global theory: the amplitude far from rest.

As in `nmm.companion.equations`, of which this is the part for chapter 06.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from scipy.integrate import quad

from nmm.amplitudes.amplitude import AmplitudeEquation, amplitude_equation
from nmm.amplitudes.invariance import Invariance
from nmm.fixed_points import equilibria
from nmm.models import bistable_column, oscillator
from nmm.perturbation.describing import amplitude_drift, amplitude_potential, describing_function
from nmm.sigmoid import Sigmoid
from nmm.symbolic import activation

_A, _PHI = sp.symbols("a varphi", positive=True)
_POINTS = np.array([0.3, 0.9, 1.4, 2.1])


def _two_couplings() -> float:
    """Both forces as printed, against the flows of the package."""
    numbers = [0.7, -1.3, 0.4]
    y, worst = sp.Symbol("y"), 0.0
    force = 0.07 * sum(b * y ** (2 * k - 1) for k, b in enumerate(numbers, start=1))
    for coupling, entering in (("current", 1), ("potential", 0)):
        m = oscillator(coefficients=numbers, g=0.07, coupling=coupling)
        states = np.random.default_rng(61).normal(size=(10, 2))
        pushed = sp.lambdify(y, force)(states[:, entering])
        written = np.stack([states[:, 1], pushed - states[:, 0]], axis=1)
        worst = max(worst, _difference(written, m.flow(states)))
    return worst


def _wells() -> float:
    """Drift and potential as printed, and that one is minus the slope of the other."""
    numbers = [0.7, -1.3, 0.4, 0.05]
    m = oscillator(coefficients=numbers, g=0.07)
    parts = [b * sp.binomial(2 * k, k) / 4**k for k, b in enumerate(numbers, start=1)]
    drift = 0.07 * sum(c * _A ** (2 * k - 1) for k, c in enumerate(parts, start=1))
    U = -0.07 * sum(c * _A ** (2 * k) / (2 * k) for k, c in enumerate(parts, start=1))
    slope = -sp.diff(U, _A)
    return max(
        _difference(_at(drift), amplitude_drift(m, _POINTS)),
        _difference(_at(U), amplitude_potential(m, _POINTS)),
        _difference(_at(slope), amplitude_drift(m, _POINTS)),
    )


def _prescribed() -> float:
    m = oscillator(radii=(1, 2), g=1.0)
    drift = -_A * (_A**2 - 1) * (_A**2 - 4)
    U = 2 * _A**2 - 5 * _A**4 / 4 + _A**6 / 6
    return max(
        _difference(_at(drift), amplitude_drift(m, _POINTS)),
        _difference(_at(U), amplitude_potential(m, _POINTS)),
    )


def _tilt() -> float:
    """Slope of the printed potential, against the package's drift and the average of the push."""
    h, ahead, phase = 0.013, 0.7, sp.Symbol("psi", real=True)
    pushed = -2 * h * sp.sin(phase + ahead)
    mean = -sp.integrate(sp.expand(pushed * sp.sin(phase), trig=True), (phase, 0, 2 * sp.pi))
    U = 0.01 * (2 * _A**2 - 5 * _A**4 / 4 + _A**6 / 6) - h * _A * sp.cos(ahead)
    drift = np.asarray(amplitude_drift(oscillator(radii=(1, 2), g=0.01), _POINTS))
    return _difference(_at(-sp.diff(U, _A)), drift + float(mean / (2 * sp.pi)))


def _gain() -> float:
    """The integral with SymPy's sigmoid, by QUADPACK, and the growth it gives."""
    m = oscillator(g=0.3, slope=0.8, bias=2.5, damping=0.06)
    s = activation(m.assemble({p.name: p.value for p in m.parameters}))
    firing = sp.lambdify(*_arguments(s), "math")

    def gain(a: float, mean: float) -> float:
        def turned(phi: float) -> float:
            return float(firing(a * np.cos(phi) + mean) * np.cos(phi))

        return float(2 * quad(turned, 0, np.pi, epsabs=1e-14)[0] / (np.pi * a))

    known = describing_function(Sigmoid(slope=0.8, bias=2.5), _POINTS, mean=0.4)
    drift = [a / 2 * 0.3 * (gain(a, 0.0) - 0.06) for a in _POINTS]
    gains = [gain(a, 0.4) for a in _POINTS]
    return max(_difference(gains, known), _difference(drift, amplitude_drift(m, _POINTS)))


def _amplitude() -> float:
    """Growth and frequency of the package, from the fundamental of the flow on the surface."""
    a, r, waves = _surface()
    own = waves[:, 1, a.model.populations.index(a.reference)]
    rates = np.stack([a.growth(r), 2 * np.pi * np.asarray(a.frequency(r))])
    return _difference([own.real / 2 / r, own.imag / 2 / r], rates)


def _invariance() -> float:
    """Both sides of each harmonic, in the gauge in which the reference's fundamental is 2r."""
    a, r, waves = _surface()
    X, slope = _in_r(a, r)
    k = np.arange(X.shape[1])[:, None]
    growth, omega = np.asarray(a.growth(r)), 2 * np.pi * np.asarray(a.frequency(r))
    left = growth[:, None, None] * slope + 1j * k * omega[:, None, None] * X
    return max(
        float(np.abs(left[:, :, i] - waves[:, :, i]).max() / np.abs(waves[:, :, i]).max())
        for i in range(X.shape[2])
    )


def _slow_balance() -> float:
    """Filters and firing as printed, the firing by SymPy's sigmoid, against the slow branch."""
    a = _equation()
    m, slow = a.model, a.surface.slow
    s = sp.lambdify(*_arguments(activation(m.assemble({p.name: p.value for p in m.parameters}))))
    tau, n = np.array([p.value for p in m.parameters if p.name.startswith("tau")]), 4
    W, worst = tau[:, None] * m.B[n:], 0.0
    for j in range(3, slow.R.size, 4):
        v, rate = slow.X[j, :, :n], slow.growth[j] + 1j * slow.omega[j]
        phases = np.exp(
            2j * np.pi * np.outer(np.arange(_phases(a)), np.arange(len(v))) / _phases(a)
        )
        fired = np.fft.fft(s((phases @ v).real + a.equilibrium.x[:n]), axis=0) / len(phases)
        k = np.arange(1, len(v))[:, None]
        left = (1 + k * rate * tau) ** 2 * v[1:]
        right = tau * (2 * fired[1 : len(v)] @ W.T)
        mean = (1 + 2 * rate.real * tau) ** 2 * v[0].real + a.equilibrium.x[:n]
        rest = tau * (fired[0].real @ W.T + tau * (m.E @ m.u)[n:])
        worst = max(worst, _complex(left, right), _difference(mean, rest))
    return worst


def _gradient() -> float:
    """Potential of the package, against QUADPACK's integral of the drift, mapped from r."""
    a = _equation()
    R = np.array([0.2, 0.5, 0.9])
    heights = [-quad(lambda x: float(a.drift(x)), 0, at, epsabs=1e-14, limit=200)[0] for at in R]
    surface, r = a.surface, np.asarray(a.radius(R))
    value, slope = surface.component(R, a.model.populations.index(a.reference))
    stretch = (slope / value).real * r / R  # dr/dR
    return max(
        _difference(heights, a.potential(R)),
        _difference(np.asarray(a.growth(r)) * r / stretch, a.drift(R)),
    )


@lru_cache
def _equation() -> AmplitudeEquation:
    m = bistable_column(u=2600.0)
    return amplitude_equation(m, equilibria(m)[0])


def _phases(a: AmplitudeEquation) -> int:
    """Number of phases at which the package takes the flow: both sides are aliased alike."""
    equation: Invariance = a.surface.equation
    return len(equation.basis)


def _surface() -> tuple[AmplitudeEquation, Any, Any]:
    """Equation, r at the grid's points up to r_max, and the flow's harmonics there."""
    a = _equation()
    R = a.surface.grid.R
    R = R[(a.modal_radius(a.r_max) > R) & (R > 0.05)]
    r, n, k = np.asarray(a.radius(R)), _phases(a), np.arange(a.surface.X.shape[0])
    turned = np.angle(a.surface.coefficients(R)[:, 1, a.model.populations.index(a.reference)])
    theta = turned[:, None] + 2 * np.pi * np.arange(n) / n  # where the package has its phases
    flow = a.model.flow(a.state(r[:, None], theta))
    waves = 2 / n * np.einsum("jtk,jti->jki", np.exp(-1j * theta[..., None] * k), flow)
    waves[:, 0] /= 2
    return a, r, waves


def _in_r(a: AmplitudeEquation, r: Any) -> tuple[Any, Any]:
    """X_k at `r` and r ∂_r X_k, turned so that the reference's fundamental is 2r, real."""
    R, i = np.asarray(a.modal_radius(r)), a.model.populations.index(a.reference)
    X, slope = a.surface.coefficients(R), a.surface.radial(R)
    log = slope[:, 1, i] / X[:, 1, i]  # by ln R, of ln r + i times the angle
    k = np.arange(X.shape[1])
    turn = np.exp(-1j * np.outer(np.angle(X[:, 1, i]), k))[..., None]
    moved = slope - 1j * (k * log.imag[:, None])[..., None] * X
    return X * turn, moved * turn / log.real[:, None, None]


def _arguments(function: sp.Lambda) -> tuple[Any, Any]:
    (v,) = function.variables
    return v, function.expr


def _at(expression: sp.Expr) -> Any:
    return sp.lambdify(_A, expression, "numpy")(_POINTS)


def _complex(one: Any, other: Any) -> float:
    one, other = np.asarray(one, complex), np.asarray(other, complex)
    return float(np.abs(one - other).max() / np.abs(other).max())


def _difference(one: Any, other: Any) -> float:
    """Largest difference relative to the largest value."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    return float(np.abs(one - other).max() / np.abs(other).max())


GLOBAL_TWINS: MappingProxyType[str, Callable[[], float]] = MappingProxyType(
    {
        "eq-two-couplings": _two_couplings,
        "eq-wells": _wells,
        "eq-prescribed": _prescribed,
        "eq-tilt": _tilt,
        "eq-gain": _gain,
        "eq-amplitude": _amplitude,
        "eq-invariance": _invariance,
        "eq-slow-balance": _slow_balance,
        "eq-gradient": _gradient,
    }
)
