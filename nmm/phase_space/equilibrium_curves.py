"""Fixed points of a model along one parameter, as a curve in the space of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np

from nmm.fixed_points import Equilibrium, equilibrium_at
from nmm.sigmoid import Array
from nmm.system import NeuralMass


@dataclass(frozen=True, eq=False)
class Point:
    """A point of the branch: model there, state, and what is asked of it."""

    curve: Curve
    x: Array
    parameter: float
    tangent: Array = field(repr=False)

    @cached_property
    def equilibrium(self) -> Equilibrium:
        return equilibrium_at(self.model, self.x)

    @cached_property
    def model(self) -> NeuralMass:
        """The model at this value of the parameter."""
        return self.curve.model(self.parameter)

    @property
    def arguments(self) -> Array:
        """What enters the sigmoids."""
        return np.asarray(self.model.C @ self.x + self.model.d)

    @property
    def vector(self) -> Array:
        """State and parameter in the units of the arc."""
        return self.curve.scaled(self.x, self.parameter)

    @cached_property
    def border(self) -> float:
        """Sign and size of the bordered Jacobian's determinant, per pivot."""
        sign, size = np.linalg.slogdet(
            np.vstack([self.curve.derivative(self.x, self.parameter), self.tangent])
        )
        return float(sign * np.exp(size / self.tangent.size))


class Curve:
    """Solutions of flow(x, parameter) = 0; x in units of `size`, the interval of length one."""

    def __init__(self, m: NeuralMass, name: str, low: float, high: float, size: float) -> None:
        self.m, self.name, self.low, self.high = m, name, low, high
        self.width, self.size = high - low, size
        self.model = lru_cache(64)(self._model)

    def _model(self, parameter: float) -> NeuralMass:
        return self.m.with_(**{self.name: parameter})

    def border(self, share: float) -> float | None:
        """End of the interval that a scaled parameter lies beyond, if it does."""
        value = share * self.width
        return self.low if value < self.low else self.high if value > self.high else None

    def scaled(self, x: Array, parameter: float) -> Array:
        return np.append(x / self.size, parameter / self.width)

    def derivative(self, x: Array, parameter: float) -> Array:
        """Derivative (N, N + 1) of the flow in the scaled variables."""
        model = self.model(parameter)
        slope = model.sensitivity(self.name, x) * self.width
        return np.column_stack([model.jacobian(x) * self.size, slope])

    def place(self, x: Array, parameter: float, along: Array | None = None) -> Point:
        """Point with its tangent, which goes the way of `along`."""
        tangent = np.linalg.svd(self.derivative(x, parameter))[2][-1]
        if along is not None and tangent @ along < 0:
            tangent = -tangent
        return Point(self, x, parameter, tangent)

    def correct(self, guess: Array, normal: Array) -> tuple[Array, float] | None:
        """Newton to the curve, in the plane through `guess` across `normal`; None if it fails."""
        z = guess.copy()
        for _ in range(8):
            x, parameter = z[:-1] * self.size, z[-1] * self.width
            try:
                residual = np.append(self.model(parameter).flow(x), normal @ (z - guess))
                matrix = np.vstack([self.derivative(x, parameter), normal])
                # Least squares: at a branch point the matrix is singular, and the guess still good.
                step = np.linalg.lstsq(matrix, residual, rcond=1e-13)[0]
            except (ValueError, np.linalg.LinAlgError):
                return None
            z = z - step
            if np.abs(step).max() < 1e-12 * (1 + np.abs(z).max()):
                return z[:-1] * self.size, float(z[-1] * self.width)
        return None

    def between(self, a: Point, b: Point, t: float) -> Point:
        """Point of the curve at the fraction `t` of the chord from a to b."""
        if t in (0.0, 1.0):
            return b if t else a
        chord = b.vector - a.vector
        normal = chord / np.linalg.norm(chord)
        solved = self.correct(a.vector + t * chord, normal)
        if solved is None:
            raise ValueError("the curve was lost between two of its points")
        return self.place(*solved, along=a.tangent)
