"""Twins of the equations on the inversion of exit times."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import sympy as sp

from nmm.inversion.barriers import kramers_from_above
from nmm.inversion.exit_models import Dwells


def _exit_curve() -> float:
    """Kramers' law from SymPy's potential, its stationary points and its curvatures."""
    R = sp.Symbol("R", positive=True)
    b = [sp.Rational(39, 10), sp.Rational(-26, 5), sp.Rational(19, 20)]
    slope = R * (b[0] + b[1] * R**2 + b[2] * R**4)
    U = sp.integrate(slope, R)
    low, high = sorted(sp.solve(slope / R, R), key=float)
    bends = [sp.diff(slope, R).subs(R, place) for place in (low, high)]
    s = np.array([0.6, 1.1])
    height = float(U.subs(R, low) - U.subs(R, high))
    written = np.log(2 * np.pi / np.sqrt(abs(float(bends[0] * bends[1])))) + 2 * height / s**2
    found = kramers_from_above([float(value) for value in b], s)
    return float(np.abs(found / written - 1).max())


def _dwell_likelihood() -> float:
    """The displayed sum with SymPy's gamma functions, against the package's statistics."""
    times, stayed, t_max, mean, cv = [3.0, 7.0, 12.0], 2, 15.0, 9.0, 0.8
    t, kappa, nu = sp.symbols("t kappa nu", positive=True)
    term = kappa * sp.log(nu) - sp.loggamma(kappa) + (kappa - 1) * sp.log(t) - nu * t
    shape = cv**-2
    values = {kappa: shape, nu: shape / mean}
    written = sum(float(term.subs({**values, t: at})) for at in times)
    staying = sp.uppergamma(shape, shape / mean * t_max) / sp.gamma(shape)
    written += stayed * float(sp.log(staying))
    d = Dwells("rest", 30.0, 3, stayed, sum(times), float(np.log(times).sum()), t_max)
    found = float(d.log_likelihood(np.log(np.array(mean)), np.log(np.array(cv))))
    return abs(found / written - 1)


EXIT_TWINS: MappingProxyType[str, Callable[[], float]] = MappingProxyType(
    {"eq-exit-curve": _exit_curve, "eq-dwell-likelihood": _dwell_likelihood}
)
