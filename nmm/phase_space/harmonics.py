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
from scipy.fft import irfft, next_fast_len, rfft

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
    def phases(self) -> int:
        """Samples of a period, enough to project products of four harmonics without aliasing."""
        return int(next_fast_len(5 * self.harmonics + 8, real=True))

    def values(self, y: Array) -> Array:
        """Values at the phases, for y as coefficients (m, 2H + 1): (m, phases)."""
        spectrum = to_complex(y).T * (self.phases / 2)
        spectrum[:, 0] *= 2
        return np.asarray(irfft(spectrum, self.phases, axis=1))

    def project(self, values: Array) -> Complex:
        """Coefficients (H + 1, m) of functions given at the phases (m, phases)."""
        out: Complex = rfft(values, axis=1).T[: self.harmonics + 1] * (2 / self.phases)
        out[0] /= 2
        return out

    def firing(self, y: Array) -> Complex:
        """Coefficients (H + 1, m) of s(y(θ)), for y as coefficients (m, 2H + 1)."""
        return self.project(np.asarray(self.m.sigmoid(self.values(y))))

    def firing_slope(self, y: Array) -> Complex:
        """Derivative of `firing` by y, for each sigmoid: (m, H + 1, 2H + 1).

        With ĝ the Fourier coefficients of s'(y(θ)), row k is ĝ_{k−l} + ĝ_{k+l} for cos lθ and
        i (ĝ_{k+l} − ĝ_{k−l}) for sin lθ: a Toeplitz and a Hankel matrix.
        """
        size = self.harmonics
        gain = np.asarray(rfft(np.asarray(self.m.sigmoid.derivative(self.values(y), 1)), axis=1))
        gain = gain[:, : 2 * size + 1] / self.phases
        row, column = np.arange(size + 1)[:, None], np.arange(1, size + 1)
        signed = np.concatenate([gain[:, size:0:-1].conj(), gain], axis=1)  # from −H on
        toeplitz, hankel = signed[:, row - column + size], gain[:, row + column]
        out = np.empty((len(y), size + 1, 2 * size + 1), complex)
        out[:, :, 0] = 2 * gain[:, : size + 1]
        out[:, :, 1::2], out[:, :, 2::2] = toeplitz + hankel, 1j * (hankel - toeplitz)
        out[:, 0] /= 2
        return out

    def rates(self, growth: float, omega: float) -> Complex:
        """S_k for k = 0 … H."""
        k = np.arange(self.harmonics + 1)
        out = k * (growth + 1j * omega)
        out[0] = 2 * growth
        return np.asarray(out)

    def response(self, growth: float, omega: float) -> Complex:
        """(S_k − A)⁻¹ B for each k: (H + 1, N, m)."""
        return np.asarray(self._inverse(growth, omega) @ self.m.B)

    def filters(self, growth: float, omega: float) -> tuple[Complex, Complex, Complex]:
        """`response`, and its derivatives by growth and by ω: (H + 1, N, m)."""
        inverse = self._inverse(growth, omega)
        response = inverse @ self.m.B
        by_rate = -inverse @ response
        k = np.arange(self.harmonics + 1)[:, None, None]
        return response, np.where(k == 0, 2.0, k) * by_rate, 1j * k * by_rate

    def _inverse(self, growth: float, omega: float) -> Complex:
        rates = self.rates(growth, omega)[:, None, None]
        return np.asarray(np.linalg.inv(rates * np.eye(self.m.n_states) - self.m.A))

    def states(self, y: Array, growth: float, omega: float) -> Complex:
        """X_k (H + 1, N) that belong to the sigmoids' arguments `y`."""
        return self._states(self.response(growth, omega), self.firing(y))

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
        inverse, firing = self._inverse(0.0, omega), self.firing(y)
        states = self._states(inverse @ m.B, firing)
        change = self.project(np.asarray(m.sigmoid.change(self.values(y), **by["sigmoid"])))
        drive = states @ by["A"].T + firing @ by["B"].T + change @ m.B.T
        drive[0] += by["Eu"]
        moved = np.einsum("kij,kj->ki", inverse, drive) @ m.C.T + states @ by["C"].T
        moved[0] += by["d"]
        return -to_real(moved)

    def gap(self, y: Array, growth: float, omega: float) -> Array:
        """How far `y` is from balance: (m, 2H + 1)."""
        out = y - to_real(self.states(y, growth, omega) @ self.m.C.T)
        out[:, 0] -= self.m.d
        return np.asarray(out)

    def residual(self, y: Array, growth: float, omega: float) -> tuple[Array, Array, Array, Array]:
        """`gap`, and its derivatives by y, growth and ω.

        Returns
        -------
        gap : array (m, 2H + 1)
        by_y : array (m (2H + 1), m (2H + 1))
        by_growth, by_omega : array (m, 2H + 1)
        """
        C = self.m.C
        response, by_growth, by_omega = self.filters(growth, omega)
        firing = self.firing(y)
        out = y - to_real(self._states(response, firing) @ C.T)
        out[:, 0] -= self.m.d
        change = self._change(firing)
        slopes = [
            -to_real(np.einsum("kni,ki->kn", part, change) @ C.T) for part in (by_growth, by_omega)
        ]
        by_y = self._by_y(np.asarray(C @ response), self.firing_slope(y))
        return out, by_y, slopes[0], slopes[1]

    def _by_y(self, loop: Complex, slope: Complex) -> Array:
        """Identity less the filters (H + 1, m, m) after the sigmoids' slopes, as a matrix."""
        m, _, width = slope.shape
        out = np.zeros((m, width, m, width))
        for j, i in np.argwhere(np.any(loop != 0, axis=0)):
            block = loop[:, j, i, None] * slope[i]
            out[j, 0, i] = -block[0].real
            out[j, 1::2, i], out[j, 2::2, i] = -block[1:].real, block[1:].imag
        by_y = out.reshape(m * width, m * width)
        by_y[np.diag_indices(m * width)] += 1
        return by_y


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
