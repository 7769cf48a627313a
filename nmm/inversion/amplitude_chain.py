"""A noisy amplitude on a grid: the diffusion as a chain that jumps between neighbouring cells.

Finite volumes with detailed balance (Scharfetter and Gummel): the chain's stationary distribution
is that of the diffusion, walls at both ends, and its probabilities are never negative.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nmm.checks import number, whole_number
from nmm.sigmoid import Array

Profile = Callable[[Array], Array]

_TERMS = 18  # of the exponential's series, for a norm up to one: the next is 1e-17


@dataclass(frozen=True, eq=False)
class AmplitudeChain:
    """The diffusion of an amplitude R between two walls, in n cells.

    Parameters
    ----------
    edges : array (n + 1,)
        Borders of the cells, equally spaced, in the unit of R (mV for a column).
    up, down : array (n − 1,)
        Rates from cell i to i + 1, and from cell i + 1 to i, s⁻¹.
    log_weight : array (n,)
        Logarithm of the stationary probability of each cell, up to a constant.
    """

    edges: Array
    up: Array
    down: Array
    log_weight: Array

    @property
    def R(self) -> Array:
        """Middles of the cells (n,)."""
        return np.asarray((self.edges[1:] + self.edges[:-1]) / 2)

    @property
    def width(self) -> float:
        """Width of a cell, in the unit of R."""
        return float(self.edges[1] - self.edges[0])

    @cached_property
    def stationary(self) -> Array:
        """Probability of each cell (n,) after a long time."""
        weight = np.exp(self.log_weight - self.log_weight.max())
        return np.asarray(weight / weight.sum())

    def transition(self, dt: float) -> Array:
        """Probabilities (n, n) to be in cell j (column) a time `dt` (s) after cell i (row).

        The exponential of a matrix without negative entries, by its series and squarings: nothing
        is subtracted, so that even the smallest probabilities are right.
        """
        dt = number("dt", dt, positive=True)
        out = np.zeros(self.R.size)
        out[:-1] += self.up
        out[1:] += self.down
        rate = float(out.max())
        squarings = max(0, int(np.ceil(np.log2(max(rate * dt, 1e-12)))))
        h = dt / 2**squarings
        stay, up, down = (rate - out) * h, self.up * h, self.down * h
        term = np.eye(out.size)
        P = term.copy()
        for k in range(1, _TERMS + 1):
            last, term = term, term * stay
            term[:, 1:] += last[:, :-1] * up
            term[:, :-1] += last[:, 1:] * down
            term /= k
            P += term
        for _ in range(squarings):
            P /= P.sum(axis=1, keepdims=True)
            P = P @ P
        return np.asarray(P / P.sum(axis=1, keepdims=True))


def amplitude_chain(
    last: float,
    drift: Profile,
    diffusion: Profile,
    noise_drift: Profile | None = None,
    *,
    cells: int = 160,
) -> AmplitudeChain:
    """Put dR = [ρ(R) + g(R)] dt + √(2 D(R)) dW, between walls at 0 and `last`, on a grid.

    Parameters
    ----------
    last : float
        Where the grid ends, in the unit of R.
    drift, diffusion : callable
        ρ (unit of R per s) and D (its square per s) at an array of R.
    noise_drift : callable, optional
        g (as ρ) at an array of R > 0; by default D/R, that of an oscillation near rest, whose two
        quadratures get the same noise.
    cells : int, default 160
        Cells of the grid. A cell should be narrower than √(2 D dt), dt the time between samples.

    Returns
    -------
    AmplitudeChain

    Raises
    ------
    ValueError
        If D is not positive everywhere, or a value is not finite.

    Examples
    --------
    >>> from nmm.inversion.amplitude_chain import amplitude_chain
    >>> chain = amplitude_chain(1.0, lambda R: -2 * R, lambda R: 0.01 + 0 * R)
    >>> round(float(chain.R[chain.stationary.argmax()]), 2)  # √(D/2)
    0.07
    """
    last = number("last", last, positive=True)
    edges = np.linspace(0.0, last, whole_number("cells", cells, 3) + 1)
    R, inner, width = (edges[1:] + edges[:-1]) / 2, edges[1:-1], edges[1]
    at = np.sort(np.concatenate([R, inner]))  # a middle, a border, a middle, …
    D = np.asarray(diffusion(at), float) + np.zeros_like(at)
    rho = np.asarray(drift(at), float)
    g = D / at if noise_drift is None else np.asarray(noise_drift(at), float)
    if not (np.isfinite(rho + g).all() and (D > 0).all()):
        raise ValueError(
            "the amplitude's drift must be finite, and its diffusion positive, all the way from 0 "
            f"to last = {last:g}: end the grid where the amplitude equation holds"
        )
    # Rise of the log density from cell to cell, by Simpson; its factor R is kept exact.
    slope = (rho + g) / D - 1 / at
    rise = width / 6 * (slope[:-2:2] + 4 * slope[1::2] + slope[2::2]) - np.diff(np.log(D[::2]))
    flow = D[1::2] * inner / width**2
    up, down = flow / R[:-1] * _bernoulli(-rise), flow / R[1:] * _bernoulli(rise)
    log_weight = np.log(R) + np.concatenate([[0.0], np.cumsum(rise)])
    return AmplitudeChain(edges, up, down, log_weight)


def _bernoulli(x: Array) -> Array:
    """Bernoulli's function x / (eˣ − 1), one at zero; never negative."""
    small = np.abs(x) < 1e-8
    return np.where(small, 1 - x / 2, x / np.expm1(np.where(small, 1.0, np.minimum(x, 600.0))))
