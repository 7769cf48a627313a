"""A column at rest as the generative model of a power spectrum.

The spectrum is that of innovations filtered by the column, plus noise of the channel; both fall as
powers of the frequency. Data are logarithms of estimated spectra (`log_spectra`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import number, real_array
from nmm.fixed_points import Equilibrium, check_fixed_point, equilibria
from nmm.inversion.delays import checked_delays, delay_operator, effective_jacobian
from nmm.inversion.models import GaussianModel, Prior
from nmm.inversion.spectrum import checked_frequencies, resolvent, transfer_derivatives
from nmm.sigmoid import Array, Sigmoid
from nmm.system import NeuralMass, check_parameter_name, sigmoid_arguments

SPECTRAL = ("log input", "input exponent", "log noise", "noise exponent")
PIVOT = 10.0  # Hz: where the power laws have their strength
_STEP = 1e-30  # of a complex step


def spectral_model(
    column: NeuralMass,
    frequencies: ArrayLike,
    prior: Prior,
    *,
    averages: float | None = None,
    delays: ArrayLike | None = None,
    equilibrium: Equilibrium | None = None,
    fixed: Mapping[str, float] | None = None,
) -> GaussianModel:
    """A column at rest as the model of a log power spectrum, with exact derivatives.

    ``Y(f) = 2 e^input (f/10)^(−input exponent) |H(f)|² + e^noise (f/10)^(−noise exponent)``
    (eq-spectral-model of chapter 08), H the transfer function to what the electrode sees.

    Parameters
    ----------
    column : NeuralMass
        With the parameters at which the log-scales are zero.
    frequencies : array (n_f,)
        Hz, positive.
    prior : Prior
        Names choose what is free: ``"log g6"`` scales the column's g6 by e^θ, and so for any of its
        positive parameters; "log input" (σ² in mV²/s at 10 Hz), "log noise" (mV²/Hz at 10 Hz), and
        the exponents "input exponent" and "noise exponent".
    averages : float, optional
        Number of averages of the estimated spectrum: sets the prior of the error's precision.
    delays : array (N, N), optional
        s, as in `nmm.transfer_function`.
    equilibrium : Equilibrium, optional
        Rest of `column`; followed as the parameters move. Default ``equilibria(column)[0]``.
    fixed : mapping, optional
        Values of those of the four spectral parameters that are not free; default zero.

    Returns
    -------
    GaussianModel
        Predicts the log spectrum (n_f,); nan where rest is not stable.

    Raises
    ------
    KeyError
        For a name that is no parameter.
    ValueError
        For a parameter that is not positive, or a rest that is not one.

    Examples
    --------
    >>> from nmm import cmc
    >>> from nmm.inversion.models import Prior
    >>> from nmm.inversion.spectral_models import spectral_model
    >>> prior = Prior.of({"log g6": (0.0, 0.2), "log input": (0.0, 2.0)})
    >>> model = spectral_model(cmc(), range(1, 65), prior)
    >>> model.predict([0.0, 0.0]).shape, model.jacobian([0.0, 0.0]).shape
    ((64,), (64, 2))
    """
    predictor = _Predictor.of(column, frequencies, prior.names, delays, equilibrium, fixed or {})
    hE = None if averages is None else np.log(number("averages", averages, positive=True))
    return GaussianModel(
        prior=prior,
        predict=predictor.log_power,
        jacobian=predictor.slopes,
        hE=hE,
        hC=None if averages is None else 1 / 16,
    )


@dataclass(frozen=True, eq=False)
class _Predictor:
    """Log spectrum and its derivatives as functions of θ."""

    column: NeuralMass
    base: Mapping[str, float]
    names: tuple[str, ...]
    of_column: tuple[tuple[int, str], ...]
    fixed: Mapping[str, float]
    f: Array
    delays: Array
    output: Array
    rest: Array

    @classmethod
    def of(
        cls,
        column: NeuralMass,
        frequencies: ArrayLike,
        names: tuple[str, ...],
        delays: ArrayLike | None,
        equilibrium: Equilibrium | None,
        fixed: Mapping[str, float],
    ) -> _Predictor:
        """Check what was given, and prepare."""
        if not isinstance(column.sigmoid, Sigmoid):
            raise ValueError(f"{column.name}: its activation is no Sigmoid")
        base = {p.name: p.value for p in column.parameters}
        chosen = [(i, name) for i, name in enumerate(names) if name not in SPECTRAL]
        for _, name in chosen:
            if not name.startswith("log "):
                raise KeyError(f"{name!r}: write 'log <parameter>', or one of {SPECTRAL}")
            check_parameter_name(column, name[4:])
            if base[name[4:]] <= 0:
                raise ValueError(f"{name!r}: {name[4:]} = {base[name[4:]]} has no log-scale")
        if unknown := set(fixed) - set(SPECTRAL):
            raise KeyError(f"fixed holds {sorted(unknown)}; it may hold {SPECTRAL}")
        if equilibrium is not None:
            check_fixed_point(column, equilibrium)
        return cls(
            column=column,
            base=base,
            names=tuple(names),
            of_column=tuple((i, name[4:]) for i, name in chosen),
            fixed=dict.fromkeys(SPECTRAL, 0.0) | {k: float(v) for k, v in fixed.items()},
            f=checked_frequencies(frequencies, positive=True),
            delays=checked_delays(delays, column.n_states),
            output=np.asarray(column.observe(np.eye(column.n_states)))[None],
            rest=np.asarray((equilibrium or equilibria(column)[0]).x),
        )

    def log_power(self, theta: Array) -> Array:
        """Log spectrum (n_f,); nan where the column has no stable rest."""
        theta = self._checked(theta)
        found = self._linear(theta)
        if found is None:
            return np.full(self.f.size, np.nan)
        values, vectors, _, J, E, X = found
        drive = E if X is J else delay_operator(J, X) @ E
        H = resolvent(self.f, values, self.output @ vectors, np.linalg.solve(vectors, drive))
        return np.asarray(np.log(sum(self._parts(theta, H))))

    def slopes(self, theta: Array) -> Array:
        """Derivatives of the log spectrum (n_f, k), exact."""
        theta = self._checked(theta)
        found = self._linear(theta)
        if found is None:
            return np.full((self.f.size, theta.size), np.nan)
        _, _, x, J, E, _ = found
        moved = [self._directions(theta, name, x, J) for _, name in self.of_column]
        dJ = np.array([m[0] for m in moved]).reshape(-1, *J.shape)
        dE = np.array([m[1] for m in moved]).reshape(-1, *E.shape)
        H, dH = transfer_derivatives(self.f, J, E, self.output, self.delays, dJ, dE)
        filtered, noise = self._parts(theta, H)
        total, slopes = filtered + noise, np.zeros((self.f.size, theta.size))
        strength = filtered / np.sum(np.abs(H) ** 2, axis=(1, 2))
        for (i, _), change in zip(self.of_column, dH, strict=True):
            slopes[:, i] = strength * 2 * np.sum((H.conj() * change).real, axis=(1, 2)) / total
        log_f = np.log(self.f / PIVOT)
        by_name = {
            "log input": filtered,
            "input exponent": -filtered * log_f,
            "log noise": noise,
            "noise exponent": -noise * log_f,
        }
        for i, name in enumerate(self.names):
            if name in by_name:
                slopes[:, i] = by_name[name] / total
        return slopes

    def _checked(self, theta: ArrayLike) -> Array:
        values = real_array("θ", theta)
        if values.shape != (len(self.names),):
            raise ValueError(
                f"θ has shape {values.shape}; it must be one number for each of "
                f"{', '.join(self.names)}"
            )
        return values

    def _parts(self, theta: Array, H: Any) -> tuple[Array, Array]:
        """Spectrum of the filtered innovations, and of the channel noise."""
        p = dict(self.fixed) | {n: theta[i] for i, n in enumerate(self.names) if n in SPECTRAL}
        log_f = np.log(self.f / PIVOT)
        gain = 2 * np.sum(np.abs(H) ** 2, axis=(1, 2))
        filtered = np.exp(p["log input"] - p["input exponent"] * log_f) * gain
        return filtered, np.exp(p["log noise"] - p["noise exponent"] * log_f)

    def _values(self, theta: Array) -> dict[str, Any]:
        return dict(self.base) | {n: self.base[n] * np.exp(theta[i]) for i, n in self.of_column}

    def _linear(self, theta: Array) -> tuple[Any, ...] | None:
        """Eigen-decomposition, rest, Jacobian, input and effective Jacobian; None if not stable."""
        with np.errstate(over="ignore", invalid="ignore"):
            parts = _Parts(self.column, self._values(theta))
            x = parts.rest_near(self.rest)
        if x is None:
            return None
        J = parts.jacobian(x).real
        try:
            X = effective_jacobian(J, self.delays)
        except (ValueError, np.linalg.LinAlgError):
            return None
        values, vectors = np.linalg.eig(X)
        return (values, vectors, x, J, parts.E.real, X) if values.real.max() < 0 else None

    def _directions(self, theta: Array, name: str, x: Array, J: Array) -> tuple[Array, Array]:
        """How Jacobian and input move with one log-scale, rest moving too: a complex step."""
        values = self._values(theta)
        values[name] = values[name] * (1 + 1j * _STEP)
        parts = _Parts(self.column, values)
        rest_moves = -np.linalg.solve(J, parts.flow(x).imag)
        return parts.jacobian(x + 1j * rest_moves).imag / _STEP, parts.E.imag / _STEP


class _Parts:
    """The arrays of a column for some values of its parameters, one of which may be complex."""

    def __init__(self, column: NeuralMass, values: Mapping[str, Any]) -> None:
        form = column.assemble(values)
        self.A, self.B, self.C, self.d, self.E, self.u = (
            np.array(getattr(form, part), complex) for part in ("A", "B", "C", "d", "E", "u")
        )
        self.s = sigmoid_arguments(form)

    def flow(self, x: Array) -> Any:
        """Rate of change at `x` (N,)."""
        s = self.s
        rest = 1 / (1 + np.exp(s["bias"])) if s["centred"] else 0.0
        firing = s["height"] * (self._logistic(x) - rest)
        return self.A @ x + self.B @ firing + self.E @ self.u

    def jacobian(self, x: Any) -> Any:
        """Its derivative (N, N)."""
        p = self._logistic(x)
        return self.A + (self.B * (self.s["height"] * self.s["slope"] * p * (1 - p))) @ self.C

    def rest_near(self, x: Array) -> Array | None:
        """The fixed point that Newton's method reaches from `x`; None if it does not."""
        for _ in range(50):
            flow = self.flow(x).real
            if not np.isfinite(flow).all():
                return None
            step = np.linalg.solve(self.jacobian(x).real, flow) if flow.any() else 0 * x
            x = x - step
            if np.abs(step).max() < 1e-12 * (1 + np.abs(x).max()):
                return x
        return None

    def _logistic(self, x: Array) -> Any:
        return 1 / (1 + np.exp(self.s["bias"] - self.s["slope"] * (self.C @ x + self.d)))
