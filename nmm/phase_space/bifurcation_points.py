"""Folds and Hopf points of fixed points in two parameters, as zeros of one system of equations.

A fold is where M = J loses one rank, a Hopf point where M = J² + κ loses two, κ = ω². With U and V
the singular vectors that belong to the smallest singular values of M, the condition is Uᵀ M V = 0,
its derivative Uᵀ dM V (after Govaerts 2000, chapter 4). For Hopf points these are four equations of
rank two, which least squares takes as they are. At κ = 0 the system is as regular as elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import nan

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import matrix_balance

from nmm.fixed_points import Equilibrium, equilibrium_at
from nmm.perturbation.normal_forms import submanifold
from nmm.phase_space.special_points import SpecialPoint
from nmm.sigmoid import Array
from nmm.system import NeuralMass

_STILL = 1e-8  # share of the swing


class Curve:
    """Folds or Hopf points in scaled variables z: the state, κ for Hopf points, two parameters."""

    def __init__(
        self, m: NeuralMass, names: tuple[str, str], box: Array, start: SpecialPoint
    ) -> None:
        self.m, self.hopf, self.names, self.box = m, start.kind == "hopf", names, box
        J = m.with_(**{names[0]: start.parameter}).jacobian(start.x)
        self.rate = 2 * np.pi * start.frequency if self.hopf else np.abs(np.linalg.eigvals(J)).max()
        _, (weight, _) = matrix_balance(J, permute=False, separate=True)
        self.weight = weight / weight[m.populations.index(m.reference)]
        size, width = self.weight * (1 + np.abs(start.x).max()), box[:, 1] - box[:, 0]
        self.unit = np.concatenate([size, [self.rate**2] * self.hopf, width])
        free = np.full(len(self.unit) - 2, np.inf)
        floor = np.where(np.arange(free.size) < m.n_states, -free, 0.0)  # κ ≥ 0
        self.low = np.concatenate([floor, box[:, 0] / width])
        self.high = np.concatenate([free, box[:, 1] / width])

    def system(self, z: Array) -> tuple[Array, Array]:
        """Residual of the flow and of the rank condition, and their derivatives, all scaled."""
        here = Point(self, z)
        model, x, n = here.model, here.x, self.m.n_states
        scale = 1 / (self.unit[:n] * self.rate)
        slopes = np.zeros((n, len(z)))
        slopes[:, :n] = model.jacobian(x)
        slopes[:, -2:] = np.array([model.sensitivity(name, x) for name in self.names]).T
        slopes = slopes * self.unit * scale[:, None]
        residual = np.append(model.flow(x) * scale, np.diag(here.singular[1]))
        return residual, np.vstack([slopes, self._rank_slopes(here)])

    def _rank_slopes(self, here: Point) -> Array:
        """Derivatives Uᵀ dM V (k², len(z)) of the rank condition, scaled."""
        model, x, J, n = here.model, here.x, here.balanced_jacobian, self.m.n_states
        axes, (left, _, right) = np.eye(n), here.singular
        by_x = model.form(x, axes[:, None, :], axes).transpose(0, 2, 1)
        by_parameters = [_jacobian_by(model, name, x) for name in self.names]
        dJ = self.balanced(np.concatenate([by_x, by_parameters]))
        dM = left.T @ (dJ @ J + J @ dJ if self.hopf else dJ) @ right
        if self.hopf:
            dM = np.insert(dM, n, left.T @ right / self.unit[n], axis=0)
        return np.asarray(dM.reshape(len(self.unit), -1).T * self.unit)

    def balanced(self, J: Array) -> Array:
        """Jacobians (..., N, N) of balanced states, time in units of 1 / rate."""
        return np.asarray(J * self.weight / self.weight[:, None] / self.rate)

    def correct(self, guess: Array, normal: Array) -> Array | None:
        """Gauss–Newton to the curve, in the plane through `guess` across `normal`."""
        z = guess.copy()
        for _ in range(8):
            try:
                residual, slopes = self.system(z)
                gap = normal @ (z - guess)
                step = np.linalg.lstsq(np.vstack([slopes, normal]), np.append(residual, gap))[0]
            except (ValueError, np.linalg.LinAlgError):
                return None
            z = z - step
            if np.abs(step).max() < 1e-10:  # quadratic convergence: the next would be rounding
                # Least squares also stops where a pair comes near the axis and does not reach it.
                return z if np.abs(residual).max() < 1e-7 else None
        return None

    def between(self, a: Point, b: Point, t: float) -> Point:
        """Point of the curve at the fraction `t` of the chord from a to b."""
        if t in (0.0, 1.0):
            return b if t else a
        chord = b.z - a.z
        z = self.correct(a.z + t * chord, chord / np.linalg.norm(chord))
        if z is None:
            raise ValueError("the curve was lost between two of its points")
        return Point(self, z)


@dataclass(frozen=True, eq=False)
class Point:
    """A point of the curve, and what is asked of it."""

    curve: Curve
    z: Array

    @cached_property
    def parameters(self) -> Array:
        c, z = self.curve, self.z[-2:]
        inside = np.where(z == c.low[-2:], c.box[:, 0], z * c.unit[-2:])  # its ends to the digit
        return np.where(z == c.high[-2:], c.box[:, 1], inside)

    @property
    def x(self) -> Array:
        n = self.curve.m.n_states
        return np.asarray(self.z[:n] * self.curve.unit[:n])

    @property
    def omega(self) -> float:
        """Of the curve's pair, rad/s; nan along a fold curve."""
        c = self.curve
        return c.rate * float(np.sqrt(max(self.z[-3], 0.0))) if c.hopf else nan

    @cached_property
    def model(self) -> NeuralMass:
        return self.curve.m.with_(
            **{n: float(v) for n, v in zip(self.curve.names, self.parameters, strict=True)}
        )

    @cached_property
    def balanced_jacobian(self) -> Array:
        return self.curve.balanced(self.model.jacobian(self.x))

    @cached_property
    def singular(self) -> tuple[Array, Array, Array]:
        """Left vectors (N, k), values (k,), right vectors (N, k) of the rank that is lost."""
        J, k = self.balanced_jacobian, 2 if self.curve.hopf else 1
        M = J @ J + self.z[-3] * np.eye(len(J)) if self.curve.hopf else J
        left, values, right = np.linalg.svd(M)
        return left[:, -k:], values[-k:], right[-k:].T

    @cached_property
    def tangent(self) -> Array:
        return np.asarray(np.linalg.svd(self.curve.system(self.z)[1])[2][-1])

    @cached_property
    def equilibrium(self) -> Equilibrium:
        return equilibrium_at(self.model, self.x)

    @cached_property
    def others(self) -> NDArray[np.complex128]:
        """Eigenvalues without the zero of the fold, or the pair of the Hopf point."""
        values = self.equilibrium.eigenvalues
        for known in (1j * self.omega, -1j * self.omega) if self.curve.hopf else (0.0,):
            values = np.delete(values, np.argmin(np.abs(values - known)))
        return values

    @cached_property
    def coefficient(self) -> float:
        """Quadratic coefficient a of a fold, Re γ1 of a Hopf point; nan where it has none."""
        if self.curve.hopf:
            return self.cubic.real / self.swing[1] ** 2
        left, _, right = self.singular
        q = right[:, 0] * self.curve.weight
        reference = q[self.model.populations.index(self.model.reference)]
        q = q / np.copysign(np.linalg.norm(q), reference)
        p = left[:, 0] / self.curve.weight
        return float(p @ self.model.form(self.x, q, q) / (p @ q)) / 2

    @cached_property
    def cubic(self) -> complex:
        """Coefficient γ1 of a Hopf point, as in `normal_form`; nan at κ = 0."""
        return self.normal_form(3)[0] if self.omega else complex(nan, nan)

    @cached_property
    def swing(self) -> tuple[str, float]:
        """Population that swings most along the pair, and the reference's share of that.

        A share that is rounding, as where the reference's sigmoid is saturated, is given as nan.
        """
        values, vectors = self.equilibrium.eigenvalues, self.equilibrium.eigenvectors
        names = self.model.populations
        q = np.abs(vectors[: len(names), np.argmin(np.abs(values - 1j * self.omega))])
        share = float(q[names.index(self.model.reference)] / q.max())
        return names[np.argmax(q)], share if share > _STILL else nan

    def normal_form(self, order: int) -> tuple[complex, ...]:
        """γ1, γ2, … of a Hopf point, q = 1 in the population that swings most."""
        at, pair = self.equilibrium, 1j * self.omega
        return submanifold(self.model, at, order, self.swing[0], pair=pair).coefficients


def _jacobian_by(m: NeuralMass, name: str, x: Array) -> Array:
    """Derivative (N, N) of the Jacobian at state `x` (N,) by the parameter `name`."""
    by, y = m.part_derivatives(name), m.C @ x + m.d
    first, second = (np.asarray(m.sigmoid.derivative(y, k)) for k in (1, 2))
    h = 1e-5 * (1 + np.abs(y))  # a difference, but for the steps of Newton only
    above, below = (np.asarray(m.sigmoid.change(z, **by["sigmoid"])) for z in (y + h, y - h))
    gain = (above - below) / (2 * h) + second * (by["C"] @ x + by["d"])
    return np.asarray(by["A"] + (by["B"] * first + m.B * gain) @ m.C + (m.B * first) @ by["C"])
