"""Harmonic balance: an oscillation of constant, or slowly growing, amplitude as Fourier series.

With x(θ) = Re Σ_k X_k e^{ikθ}, k = 0 … H, the linear filters of a model act on each harmonic alone,
and the sigmoid couples the harmonics. Only the sigmoids' arguments y = C x + d are unknown:

    ŷ_k = C (S_k − A)⁻¹ (B ŝ_k + E u δ_k0) + d δ_k0,

where S_k is the rate at which the k-th harmonic turns and grows (eq-balance). For a cycle
S_k = i k ω. For a growing oscillation of relative growth α, S_k = k (α + i ω), and 2α for the
change of the mean (k = 0), which follows the square of the amplitude.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nmm.sigmoid import Array
from nmm.system import NeuralMass

Complex = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Balance:
    """Harmonic balance of one model around a state of rest.

    Parameters
    ----------
    m : NeuralMass
        With m sigmoids.
    rest : array (N,) or None
        The fixed point around which an oscillation grows; the change of its mean is counted from
        there. None will do for a cycle, whose amplitude does not change.
    harmonics : int
        H.
    """

    m: NeuralMass
    rest: Array | None
    harmonics: int

    @cached_property
    def theta(self) -> Array:
        """Phases, enough to project products of four harmonics without aliasing."""
        n = 5 * self.harmonics + 8
        return 2 * np.pi * np.arange(n) / n

    @cached_property
    def basis(self) -> Array:
        """Values at the phases of 1, cos θ, sin θ, cos 2θ, …: (phases, 2H + 1)."""
        columns = [np.ones_like(self.theta)]
        for k in range(1, self.harmonics + 1):
            columns += [np.cos(k * self.theta), np.sin(k * self.theta)]
        return np.stack(columns, axis=1)

    @cached_property
    def projection(self) -> Array:
        """From values at the phases to coefficients: (2H + 1, phases)."""
        weights = np.full(self.basis.shape[1], 2.0 / self.theta.size)
        weights[0] /= 2
        return np.asarray(weights[:, None] * self.basis.T)

    def firing(self, y: Array) -> Array:
        """Coefficients of s(y(θ)), for y as coefficients (m, 2H + 1)."""
        return np.asarray(self.m.sigmoid(y @ self.basis.T) @ self.projection.T)

    def firing_slope(self, y: Array) -> Array:
        """Derivative of `firing`, for each sigmoid: (m, 2H + 1, 2H + 1)."""
        gain = np.asarray(self.m.sigmoid.derivative(y @ self.basis.T, 1))
        return np.asarray(np.einsum("kt,it,tl->ikl", self.projection, gain, self.basis))

    def rates(self, growth: float, omega: float) -> Complex:
        """S_k for k = 0 … H."""
        k = np.arange(self.harmonics + 1)
        out = k * (growth + 1j * omega)
        out[0] = 2 * growth
        return np.asarray(out)

    def filters(self, growth: float, omega: float) -> tuple[Complex, Complex, Complex]:
        """(S_k − A)⁻¹ B for each k, and its derivatives by growth and by ω: (H + 1, N, m)."""
        size = self.m.n_states
        inverse = np.linalg.inv(self.rates(growth, omega)[:, None, None] * np.eye(size) - self.m.A)
        k = np.arange(self.harmonics + 1)[:, None, None]
        response = inverse @ self.m.B
        by_rate = -inverse @ response
        return response, np.where(k == 0, 2.0, k) * by_rate, 1j * k * by_rate

    def states(self, y: Array, growth: float, omega: float) -> Complex:
        """X_k (H + 1, N) that belong to the sigmoids' arguments `y`."""
        response, _, _ = self.filters(growth, omega)
        return self._states(response, to_complex(self.firing(y)))

    def _states(self, response: Complex, firing: Complex) -> Complex:
        out = np.einsum("kni,ki->kn", response, self._change(firing))
        out[0] += (
            np.linalg.solve(self.m.A, -self.m.E @ self.m.u) if self.rest is None else self.rest
        )
        return np.asarray(out)

    def _change(self, firing: Complex) -> Complex:
        """Firing as the filters see it: its mean counted from that at rest, if there is one."""
        if self.rest is None:
            return firing
        change = firing.copy()
        change[0] -= np.asarray(self.m.sigmoid(self.m.C @ self.rest + self.m.d))
        return change

    def by_parameter(self, name: str, y: Array, omega: float) -> Array:
        """Derivative of a cycle's residual by a parameter of the model: (m, 2H + 1)."""
        m, by = self.m, self.m.part_derivatives(name)
        inverse = np.linalg.inv(self.rates(0.0, omega)[:, None, None] * np.eye(m.n_states) - m.A)
        firing = to_complex(self.firing(y))
        states = self.states(y, 0.0, omega)
        values = np.asarray(m.sigmoid.change(y @ self.basis.T, **by["sigmoid"]))
        drive = states @ by["A"].T + firing @ by["B"].T
        drive = drive + to_complex(values @ self.projection.T) @ m.B.T
        drive[0] += by["Eu"]
        moved = np.einsum("kij,kj->ki", inverse, drive) @ m.C.T + states @ by["C"].T
        moved[0] += by["d"]
        return -to_real(moved)

    def residual(self, y: Array, growth: float, omega: float) -> tuple[Array, Array, Array, Array]:
        """How far `y` is from balance, and the derivatives by y, growth and ω.

        Returns
        -------
        residual : array (m, 2H + 1)
        by_y : array (m (2H + 1), m (2H + 1))
        by_growth, by_omega : array (m, 2H + 1)
        """
        C, width = self.m.C, y.shape[1]
        response, by_growth, by_omega = self.filters(growth, omega)
        firing = to_complex(self.firing(y))
        states = self._states(response, firing)
        out = y - to_real(states @ C.T)
        out[:, 0] -= self.m.d
        change = self._change(firing)
        slopes = [
            -to_real(np.einsum("kni,ki->kn", part, change) @ C.T) for part in (by_growth, by_omega)
        ]
        loop = _real_operator(np.einsum("jn,kni->kji", C, response))
        by_y = -np.einsum("jlip,ipq->jliq", loop, self.firing_slope(y))
        size = y.size
        by_y = by_y.reshape(size, size) + np.eye(size)
        assert by_y.shape == (len(C) * width,) * 2
        return out, by_y, slopes[0], slopes[1]


def to_complex(real: Array) -> Complex:
    """Coefficients (m, 2H + 1) of 1, cos, sin, … as X_k with Re Σ X_k e^{ikθ}: (H + 1, m)."""
    out = np.empty(((real.shape[1] + 1) // 2, len(real)), complex)
    out[0] = real[:, 0]
    out[1:] = (real[:, 1::2] - 1j * real[:, 2::2]).T
    return out


def to_real(values: Complex) -> Array:
    """Inverse of `to_complex`: (H + 1, m) → (m, 2H + 1)."""
    out = np.empty((values.shape[1], 2 * len(values) - 1))
    out[:, 0] = values[0].real
    out[:, 1::2], out[:, 2::2] = values[1:].real.T, -values[1:].imag.T
    return out


def _real_operator(transfer: Complex) -> Array:
    """Complex gains (H + 1, m, m) as an operator on real coefficients: (m, 2H+1, m, 2H+1)."""
    n, m = len(transfer), transfer.shape[1]
    out = np.zeros((m, 2 * n - 1, m, 2 * n - 1))
    out[:, 0, :, 0] = transfer[0].real
    for k in range(1, n):
        c, s = 2 * k - 1, 2 * k
        out[:, c, :, c] = out[:, s, :, s] = transfer[k].real
        out[:, c, :, s], out[:, s, :, c] = transfer[k].imag, -transfer[k].imag
    return out
