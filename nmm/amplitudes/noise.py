"""What noise on the input does to the amplitude of an oscillation.

Noise on the input pushes the state off the slow surface; the fast modes bring it back at once. What
is left is a one-dimensional diffusion of the modal amplitude (eq-noisy-amplitude),

    dR = [ρ(R) + g(R)] dt + √(2 D(R)) dW,   D = ½ ⟨(R̂′)²⟩,   g = ½ ⟨R̂″⟩,

averaged over a cycle. R̂(x) is the R of the point of the surface whose orbit the orbit of x joins;
R̂′ and R̂″ are its first and second derivative in the direction n = σ ∂ẋ/∂u of the noise. They follow
from the first and second variation of an orbit, carried along until the fast modes are gone: no
step of differences is chosen, and nothing is fitted (found for this project).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nmm.amplitudes.invariance import Complex
from nmm.amplitudes.manifold import Surface
from nmm.sigmoid import Array
from nmm.system import NeuralMass

_GONE = 1e-4  # what is left of the fast modes when the orbit is read
_STEPS = 5  # of Runge and Kutta, in the fastest time constant


@dataclass(frozen=True, eq=False)
class NoiseTerms:
    """What noise of intensity one on the input does to the amplitude.

    Parameters
    ----------
    surface : Surface
        The slow surface, with the points R_1 … R_K of its grid.
    at_rest : float
        D(0), the diffusion of ζ: ``|p·∂ẋ/∂u|²/4``.
    diffusion : array (K,)
        D(R) at the grid's points, for σ = 1.
    circling : array (K,)
        R g(R) there, for σ = 1; D(0) as R → 0.
    """

    surface: Surface
    at_rest: float
    diffusion: Array
    circling: Array

    def at(self, R: Array, noise: str) -> tuple[Array, Array]:
        """D and R g at `R` (n,) for σ = 1, with full noise terms or those at rest."""
        if noise == "constant":
            return np.full(R.shape, self.at_rest), np.full(R.shape, self.at_rest)
        rows = self.surface.grid.interpolation(R)
        return rows @ self.diffusion, rows @ self.circling


def noise_terms(surface: Surface) -> NoiseTerms:
    """Reduce noise on the input to noise on the amplitude."""
    m, grid, p = surface.equation.m, surface.grid, surface.equation.left
    phases = 2 * np.pi * np.arange(4 * len(surface.X)) / (4 * len(surface.X))
    R, phase = (part.ravel() for part in np.meshgrid(grid.R, phases, indexing="ij"))
    n = m.E[:, 0]
    orbits, slow = _carry(surface, surface.state(R, phase), n, R)
    first, second = _displacement(surface, orbits, slow)
    first, second = (part.reshape(grid.R.size, -1) for part in (first, second))
    at_rest = float(abs(p @ n) ** 2 / 4)
    return NoiseTerms(
        surface, at_rest, (first**2).mean(axis=1) / 2, grid.R * second.mean(axis=1) / 2
    )


def _carry(surface: Surface, x: Array, n: Array, R: Array) -> tuple[Array, Array]:
    """Orbits (3, k, N) with their two variations along n, and R (3, k) with its own, later."""
    m = surface.equation.m
    rate = float(surface.decay(surface.grid.R).min())
    longest = -np.log(_GONE) / rate
    fastest = np.abs(np.linalg.eigvals(m.A)).max()
    steps = max(1, int(np.ceil(_STEPS * longest * fastest)))
    h = longest / steps
    orbits = np.stack([x, np.broadcast_to(n, x.shape), np.zeros_like(x)])
    slow = np.stack([R, np.ones_like(R), np.zeros_like(R)])
    for _ in range(steps):
        orbits = _runge_kutta(lambda o: _variations(m, o), orbits, h)
        slow = _runge_kutta(lambda s: _slow_variations(surface, s), slow, h)
    return orbits, slow


def _variations(m: NeuralMass, orbits: Array) -> Array:
    """Rates of change of a state and of its first and second variation: (3, k, N)."""
    x, v, w = orbits
    y, seen, again = x @ m.C.T + m.d, v @ m.C.T, w @ m.C.T
    s, s1, s2 = (np.asarray(m.sigmoid.derivative(y, order)) for order in range(3))
    firing = np.stack([s, s1 * seen, s1 * again + s2 * seen**2])
    rates = orbits @ m.A.T + firing @ m.B.T
    rates[0] += m.E @ m.u
    return np.asarray(rates)


def _slow_variations(surface: Surface, slow: Array) -> Array:
    """Rates of change of R and of its derivatives by the initial R: (3, k)."""
    grid, a = surface.grid, surface.growth
    R, s1, s2 = slow
    rows, once = grid.interpolation(R), grid.derivative @ a
    growth, first, second = rows @ a, rows @ once, rows @ (grid.derivative @ once)
    slope, bend = growth + first, (first + second) / R  # of ρ = a R
    return np.stack([growth * R, slope * s1, slope * s2 + bend * s1**2])


def _runge_kutta(f: Callable[[Array], Array], y: Array, h: float) -> Array:
    one = f(y)
    two = f(y + h / 2 * one)
    three = f(y + h / 2 * two)
    return np.asarray(y + h / 6 * (one + 2 * two + 2 * three + f(y + h * three)))


def _displacement(surface: Surface, orbits: Array, slow: Array) -> tuple[Array, Array]:
    """R̂′ and R̂″ along n, at the orbits' beginnings.

    At their ends the displaced orbits are on the surface, at (R + ε R′ + ε² R″/2, …), where ζ is
    known; ṙ = ρ(R) carries the change of R back.
    """
    p, rest = surface.equation.left, surface.equation.rest
    x, v, w = orbits
    R, phase = surface.invert((x - rest) @ p)
    (by_R, by_phase), (RR, Rp, pp) = _zeta_derivatives(surface, R, phase)
    R1, turn = _split(v @ p, by_R, by_phase)
    R2, _ = _split(w @ p - RR * R1**2 - 2 * Rp * R1 * turn - pp * turn**2, by_R, by_phase)
    first = R1 / slow[1]
    return first, (R2 - slow[2] * first**2) / slow[1]


def _split(zeta: Complex, by_R: Complex, by_phase: Complex) -> tuple[Array, Array]:
    """Changes of R and phase that change ζ by `zeta`."""
    area = (by_R.conj() * by_phase).imag
    return (zeta.conj() * by_phase).imag / area, (by_R.conj() * zeta).imag / area


def _zeta_derivatives(
    surface: Surface, R: Array, phase: Array
) -> tuple[tuple[Complex, Complex], tuple[Complex, Complex, Complex]]:
    """First and second derivatives of ζ on the surface, by R and by phase."""
    p, k = surface.equation.left, np.arange(len(surface.X))
    turn = np.exp(1j * phase[:, None] * k)

    def zeta(X: Complex, wave: Complex) -> Complex:
        return np.asarray(np.einsum("nk,nki->ni", wave, X).real @ p)

    X, radial, twice = surface.coefficients(R), surface.radial(R), surface.radial(R, 2)
    first = zeta(radial, turn) / R, zeta(X, 1j * k * turn)
    mixed = zeta(radial, 1j * k * turn) / R
    return first, (zeta(twice - radial, turn) / R**2, mixed, zeta(X, -(k**2) * turn))
