"""One form for every neural mass model: linear filters closed through a sigmoid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import number
from nmm.sigmoid import Activation, Array, Sigmoid


@dataclass(frozen=True)
class Parameter:
    """One number of a model, with what a reader needs to know about it.

    Parameters
    ----------
    name : str
        As in the code, e.g. ``"g6"``.
    symbol : str
        As in the formulas (LaTeX), e.g. ``"g_{6}"``.
    value : float
        In `unit`.
    unit : str
        Empty for a pure number.
    default : float
        The value in the source.
    prior_variance : float or None
        Of the log-scale ε in ``value = default · exp(ε)``; None where the source has no prior.
    source : str
        Where the default comes from.
    meaning : str
        What it does, in a few words.
    spm : str
        What scales it in SPM; empty if nothing does.
    """

    name: str
    symbol: str
    value: float
    unit: str
    default: float
    prior_variance: float | None
    source: str
    meaning: str = ""
    spm: str = ""


@dataclass(frozen=True)
class LureForm:
    """The parts of ẋ = A x + B s(C x + d) + E u, as numbers or as symbols.

    Parameters
    ----------
    A : array (N, N)
        Synaptic filters.
    B : array (N, m)
        Synapses: firing of each sigmoid into each state.
    C : array (m, N)
        Which state enters which sigmoid.
    d : array (m,)
        Constant shift of the sigmoids' arguments.
    E : array (N, k)
        Where the exogenous inputs enter.
    u : array (k,)
        Exogenous inputs.
    sigmoid : mapping
        Arguments of the activation function s.
    activation : type, default Sigmoid
        Its kind: `Sigmoid` or `OddPolynomial`.
    """

    A: Any
    B: Any
    C: Any
    d: Any
    E: Any
    u: Any
    sigmoid: Mapping[str, Any]
    activation: type[Activation] = Sigmoid


@dataclass(frozen=True, eq=False, repr=False)
class NeuralMass:
    """A neural mass model: ẋ = A x + B s(C x + d) + E u (eq-lure of chapter 02).

    Built by `cmc` and its companions; a reader seldom calls this directly.

    Parameters
    ----------
    name : str
        What the model is called.
    populations : tuple of str
        Names of the populations, in the order of the state.
    state_names : tuple of str
        Names of the N states, e.g. ``("v_ss", ..., "c_ss", ...)``.
    reference : str
        Population whose potential is reported when none is named.
    parameters : tuple of Parameter
        Everything that can be changed.
    assemble : callable
        Maps ``{name: value}`` to a `LureForm`. Works for numbers and for symbols alike, so that the
        equations on a page and the numbers in a simulation have one source.
    electrode : tuple of float, optional
        Weight of each state in what an electrode sees; the reference potential by default.

    Raises
    ------
    ValueError
        If the assembled parts do not fit together or hold a number that is not finite.

    Examples
    --------
    >>> from nmm import cmc
    >>> column = cmc()
    >>> column.n_states, column.populations
    (8, ('ss', 'sp', 'ii', 'dp'))
    >>> float(abs(column.flow([0.0] * 8)).max())        # rest, without input
    0.0
    """

    name: str
    populations: tuple[str, ...]
    state_names: tuple[str, ...]
    reference: str
    parameters: tuple[Parameter, ...]
    assemble: Callable[[Mapping[str, Any]], LureForm]
    electrode: tuple[float, ...] | None = None
    A: Array = field(init=False)
    B: Array = field(init=False)
    C: Array = field(init=False)
    d: Array = field(init=False)
    E: Array = field(init=False)
    u: Array = field(init=False)
    sigmoid: Activation = field(init=False)

    def __post_init__(self) -> None:
        for p in self.parameters:
            if not np.isfinite(p.value):
                raise ValueError(f"{self.name}: {p.name} = {p.value}; it must be a finite number")
        form = self.assemble({p.name: p.value for p in self.parameters})
        for part in ("A", "B", "C", "d", "E", "u"):
            value = np.array(getattr(form, part), dtype=float)
            value.flags.writeable = False
            object.__setattr__(self, part, value)
        object.__setattr__(self, "sigmoid", form.activation(**form.sigmoid))
        self._check_shapes()

    def _check_shapes(self) -> None:
        n, m, k = self.n_states, self.C.shape[0], self.u.size
        wanted = {"A": (n, n), "B": (n, m), "C": (m, n), "d": (m,), "E": (n, k), "u": (k,)}
        for part, shape in wanted.items():
            if getattr(self, part).shape != shape:
                raise ValueError(
                    f"{self.name}: {part} has shape {getattr(self, part).shape}, not {shape}, "
                    f"for {n} states, {m} sigmoids and {k} inputs"
                )
        if self.reference not in self.populations:
            raise ValueError(
                f"{self.name}: reference {self.reference!r} is none of {self.populations}"
            )

    def __repr__(self) -> str:
        moved = [f"{p.name}={p.value:.6g}" for p in self.parameters if p.value != p.default]
        return f"<{self.name}: {', '.join(moved) or 'default parameters'}>"

    @property
    def n_states(self) -> int:
        """Number of states N."""
        return len(self.state_names)

    def observe(self, x: ArrayLike) -> Array:
        """What an electrode sees of the states `x` (..., N): shape (...), mV."""
        if self.electrode is None:
            return np.asarray(self._states(x)[..., self.populations.index(self.reference)])
        return np.asarray(self._states(x) @ np.array(self.electrode))

    def flow(self, x: ArrayLike) -> Array:
        """Rate of change ẋ at state `x` (..., N): shape (..., N), in mV/s and mV/s²."""
        state = self._states(x)
        firing = np.asarray(self.sigmoid(state @ self.C.T + self.d))
        return np.asarray(state @ self.A.T + firing @ self.B.T + self.E @ self.u)

    def jacobian(self, x: ArrayLike) -> Array:
        """Derivative of the flow at state `x` (..., N): A + B diag(s'(y)) C, shape (..., N, N)."""
        gain = np.asarray(self.sigmoid.derivative(self._states(x) @ self.C.T + self.d, 1))
        return np.asarray(self.A + (self.B * gain[..., None, :]) @ self.C)

    def part_derivatives(self, name: str) -> dict[str, Any]:
        """Derivatives by the parameter `name` of A, B, C, d, of E u as "Eu", and of the sigmoid.

        A complex step through the builder (Squire & Trapp 1998): exact to rounding.
        """
        check_parameter_name(self, name)
        values: dict[str, Any] = {p.name: p.value for p in self.parameters}
        step = 1e-30 * max(abs(values[name]), 1.0)
        values[name] = complex(values[name], step)
        form = self.assemble(values)
        parts = {part: np.array(getattr(form, part), complex) for part in ("A", "B", "C", "d")}
        parts["Eu"] = np.array(form.E, complex) @ np.array(form.u, complex)
        slopes = {part: value.imag / step for part, value in parts.items()}
        rates = {k: np.imag(v) / step for k, v in sigmoid_arguments(form).items() if k != "centred"}
        return {**slopes, "sigmoid": rates}

    def sensitivity(self, name: str, x: ArrayLike) -> Array:
        """Derivative of the flow at state `x` (N,) by the parameter `name`: shape (N,)."""
        state, by = self._states(x), self.part_derivatives(name)
        y = self.C @ state + self.d
        firing = np.asarray(self.sigmoid.change(y, **by["sigmoid"]))
        firing = firing + self.sigmoid.derivative(y, 1) * (by["C"] @ state + by["d"])
        linear = by["A"] @ state + by["B"] @ np.asarray(self.sigmoid(y)) + by["Eu"]
        return np.asarray(linear + self.B @ firing)

    def form(self, x: ArrayLike, *directions: ArrayLike) -> Array:
        """The k-th derivative of the flow at `x`, applied to k directions.

        For k ≥ 2 only the sigmoid contributes: B (s⁽ᵏ⁾(y) ∘ C a₁ ∘ … ∘ C aₖ).

        Parameters
        ----------
        x : array (..., N)
            State.
        *directions : arrays (..., N)
            a₁, …, aₖ, at least one; real or complex.

        Returns
        -------
        array (..., N)

        Raises
        ------
        ValueError
            If no direction is given, or a shape is wrong.
        """
        if not directions:
            raise ValueError("form: no direction given; for the flow itself call flow(x)")
        state = self._states(x)
        arms = [self._states(a, "direction", complex_allowed=True) for a in directions]
        if len(arms) == 1:
            return np.asarray(np.einsum("...ij,...j->...i", self.jacobian(state), arms[0]))
        product = np.asarray(self.sigmoid.derivative(state @ self.C.T + self.d, len(arms)))
        for arm in arms:
            product = product * (arm @ self.C.T)
        return np.asarray(product @ self.B.T)

    def with_(self, **changes: float) -> NeuralMass:
        """Return a copy with some parameters changed, e.g. ``column.with_(u=2600, g6=24 * 200)``.

        Raises
        ------
        KeyError
            If a name is not a parameter of this model; the message has the nearest names.
        ValueError
            If a value is not a finite number, or not possible (a negative time constant).
        """
        known = {p.name: p for p in self.parameters}
        for name, value in changes.items():
            check_parameter_name(self, name)
            known[name] = replace(known[name], value=number(name, value))
        return NeuralMass(
            self.name,
            self.populations,
            self.state_names,
            self.reference,
            tuple(known.values()),
            self.assemble,
            self.electrode,
        )

    def _states(self, x: ArrayLike, what: str = "state", *, complex_allowed: bool = False) -> Any:
        array = np.asarray(x)
        if np.iscomplexobj(array) and not complex_allowed:
            raise ValueError(
                f"{self.name}: the {what} is complex; a state is real. For derivatives use "
                "jacobian, form and sensitivity"
            )
        array = array.astype(complex if np.iscomplexobj(array) else float)
        if array.ndim == 0 or array.shape[-1] != self.n_states:
            raise ValueError(
                f"{self.name}: the {what} has shape {array.shape}, but its last axis must have "
                f"length {self.n_states} ({', '.join(self.state_names)})"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"{self.name}: the {what} holds NaN or infinity; look upstream")
        return array


def sigmoid_arguments(form: LureForm) -> dict[str, Any]:
    """Arguments of the sigmoid of a form, numbers or symbols, those left out at their defaults."""
    defaults = {f.name: f.default for f in fields(form.activation) if f.default is not MISSING}
    return defaults | dict(form.sigmoid)


def check_parameter_name(model: NeuralMass, name: str) -> None:
    """Raise KeyError, with the nearest names, unless `model` has a parameter called `name`."""
    names = [p.name for p in model.parameters]
    if name not in names:
        near = get_close_matches(name, names, n=3, cutoff=0.4) or names
        raise KeyError(
            f"{model.name} has no parameter {name!r}; nearest: {', '.join(near)}. "
            f"All: {', '.join(names)}"
        )
