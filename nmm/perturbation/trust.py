"""How far the power series of a slow surface can be trusted, told by the series itself."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import polynomial as power_series

from nmm.fixed_points import Equilibrium
from nmm.perturbation.submanifolds import Submanifold
from nmm.sigmoid import Array
from nmm.system import NeuralMass

BEYOND = 6  # orders beyond the asked one, by which it is judged
_SHARE = 0.1  # of the terms kept, or of the flow: what may be missing inside the trust radius
_RESOLUTION = 1e-3  # of the trust radius


def trust_radius(
    m: NeuralMass, equilibrium: Equilibrium, surface: Submanifold, full: Submanifold
) -> float:
    """Largest R that passes the two tests of `NormalForm`; `full` has `BEYOND` orders more."""
    kept = surface.rates.size - 1
    slopes = np.arange(1, kept + 1) * surface.rates.real[1:]
    missing = np.abs(full.rates[kept + 1 :])
    if not missing.any():
        return float("inf")  # the series ends
    if not slopes.any():
        return 0.0
    # Beyond this every term left out is larger than every term kept.
    i, j = np.flatnonzero(slopes)[:, None], np.flatnonzero(missing)
    ratios = np.abs(slopes[i]) / missing[j]
    low, high, steepest = 0.0, float(np.max(ratios ** (1 / (kept + j - i)))), 0.0
    for _ in range(20):  # ever closer between the last that passed and the first that did not
        if high - low <= _RESOLUTION * high:
            break
        R = np.linspace(low, high, 33)[1:]
        change = np.abs(power_series.polyval(R, np.append(0.0, slopes)))
        scale = np.maximum.accumulate(np.append(steepest, change))[1:]
        added = power_series.polyval(R, missing) * R ** (kept + 1)
        passed = (added <= _SHARE * scale) & (_off_surface(m, equilibrium, surface, R) <= _SHARE)
        first = int(np.argmin(np.append(passed, False)))
        if first == R.size:
            return high
        high = float(R[first])
        if first:
            low, steepest = float(R[first - 1]), float(scale[first - 1])
    return low


def _off_surface(m: NeuralMass, equilibrium: Equilibrium, surface: Submanifold, R: Array) -> Array:
    """Root mean square of the flow off the surface as a share of that along it: shape of `R` (k,).

    On circles of radius R. Each state counts as it does in ζ = p·(x − x*), which makes units equal.
    """
    order, line = len(surface.surface), surface.eigenvalue.imag == 0
    theta = np.pi * np.arange(2) if line else 2 * np.pi * np.arange(4 * order) / (4 * order)
    shape, turned = np.zeros((2, order, theta.size, m.n_states))
    for d, h in enumerate(surface.surface, start=1):
        k = np.array([d]) if line else 2 * np.arange(d + 1) - d
        waves = np.exp(1j * np.outer(theta, k))
        shape[d - 1], turned[d - 1] = (waves @ h.T).real, (1j * k * waves @ h.T).real
    powers = R[:, None] ** np.arange(1, order + 1)
    rate = power_series.polyval(np.outer(R, np.cos(theta) if line else theta**0), surface.rates)
    along = rate.real[..., None] * np.tensordot(powers * np.arange(1, order + 1), shape, 1)
    if not line:
        along += rate.imag[..., None] * np.tensordot(powers, turned, 1)
    off = m.flow(equilibrium.x + np.tensordot(powers, shape, 1)) - along
    off, along = (np.linalg.norm(part * np.abs(surface.left), axis=(1, 2)) for part in (off, along))
    return np.asarray(off / along)
