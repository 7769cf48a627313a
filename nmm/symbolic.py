"""The same system as SymPy equations: for pages to show, and for checks of the numerical code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp

from nmm.sigmoid import Array, OddPolynomial
from nmm.system import LureForm, NeuralMass, sigmoid_arguments


@dataclass(frozen=True, eq=False)
class Equations:
    """A model written in symbols.

    Parameters
    ----------
    states : tuple of Symbol
        x, in the order of the model's ``state_names``.
    parameters : dict
        Parameter name → Symbol.
    flow : Matrix (N, 1)
        ẋ, with the sigmoid left as the undefined function s.
    activation : Lambda
        The sigmoid s itself.
    """

    states: tuple[sp.Symbol, ...]
    parameters: dict[str, sp.Symbol]
    flow: sp.Matrix
    activation: sp.Lambda

    def explicit(self) -> sp.Matrix:
        """The flow with the sigmoid written out: Matrix (N, 1)."""
        return self.flow.replace(sp.Function("s"), self.activation)

    def jacobian(self) -> sp.Matrix:
        """Derivatives of the flow by the states, written out: Matrix (N, N)."""
        return self.explicit().jacobian(list(self.states))

    def evaluate(self, expression: sp.Matrix, m: NeuralMass, x: Array) -> Array:
        """Value of `expression` at state `x` (N,) with the parameters of `m`."""
        values = {self.parameters[p.name]: p.value for p in m.parameters}
        values |= dict(zip(self.states, np.asarray(x, float), strict=True))
        function: Callable[..., Array] = sp.lambdify(list(values), expression, "numpy")
        return np.asarray(function(*values.values()), float)

    def latex(self) -> str:
        """The system as an aligned block of LaTeX.

        A rate of change is multiplied by its time constant, where the model has one, so that no
        fraction stands before the synapses.
        """
        n = len(self.states) // 2
        rows = [
            rf"{_dot(v)} &= {sp.latex(rate)}"
            for v, rate in zip(self.states[:n], self.flow[:n], strict=True)
        ]
        taus = [symbol for name, symbol in self.parameters.items() if name.startswith("tau")]
        for c, rate, tau in zip(self.states[n:], self.flow[n:], taus or [1] * n, strict=True):
            factor = rf"{sp.latex(tau)}\," if taus else ""
            rows.append(rf"{factor}{_dot(c)} &= {_sum(sp.expand(tau * rate))}")
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def equations(m: NeuralMass) -> Equations:
    r"""Write a model in symbols.

    The parts A, B, C, d, E of the model are assembled once more, from symbols instead of numbers: a
    page and a simulation cannot disagree about a sign.

    Parameters
    ----------
    m : NeuralMass
        Any model; its parameter values play no part.

    Returns
    -------
    Equations

    Examples
    --------
    >>> from nmm import cmc, symbolic
    >>> symbolic.equations(cmc()).flow[0]
    c_{\mathrm{ss}}
    """
    symbols = {p.name: sp.Symbol(p.symbol, real=True) for p in m.parameters}
    states = tuple(sp.Symbol(_state_symbol(name), real=True) for name in m.state_names)
    form = m.assemble(symbols)
    s = sp.Function("s")
    x = sp.Matrix(states)
    firing = sp.Matrix(form.C) * x + sp.Matrix(form.d)
    flow = sp.Matrix(form.A) * x + sp.Matrix(form.B) * firing.applyfunc(s)
    return Equations(
        states, symbols, flow + sp.Matrix(form.E) * sp.Matrix(form.u), activation(form)
    )


def activation(form: LureForm) -> sp.Lambda:
    """Write the sigmoid of an assembled form as a SymPy function of potential (eq-sigmoid)."""
    v = sp.Symbol("v", real=True)
    numbers = sigmoid_arguments(form)
    if form.activation is OddPolynomial:
        terms = (b * v ** (2 * k + 1) for k, b in enumerate(numbers["coefficients"]))
        return sp.Lambda(v, sum(terms, sp.S.Zero))
    slope, bias, height = numbers["slope"], numbers["bias"], numbers["height"]
    curve = 1 / (1 + sp.exp(bias - slope * v))
    if numbers["centred"]:
        curve -= 1 / (1 + sp.exp(bias))
    return sp.Lambda(v, curve if height == 1 else height * curve)


def _state_symbol(name: str) -> str:
    r"""Turn ``v_ss`` into ``v_{\mathrm{ss}}``."""
    letter, _, population = name.partition("_")
    return rf"{letter}_{{\mathrm{{{population}}}}}" if population else letter


def _dot(state: sp.Symbol) -> str:
    """LaTeX of a rate of change, with the dot over the letter and not over its index."""
    printed = sp.latex(state)
    return rf"\dot{{{printed[0]}}}{printed[1:]}"


def _sum(expression: sp.Expr) -> str:
    """LaTeX of a sum: synapses first, in the order of their numbers, then input, then filter."""
    terms = sorted(expression.as_ordered_terms(), key=_rank)
    text = ""
    for term in terms:
        printed = sp.latex(term).replace(r"{\left(", "(").replace(r" \right)}", ")")
        text += f" - {printed[1:].strip()}" if printed.startswith("-") else f" + {printed}"
    return text.removeprefix(" + ").strip()


def _rank(term: sp.Expr) -> tuple[int, int, str]:
    names = sorted(str(symbol) for symbol in term.free_symbols)
    synapse = [int(n[3:-1]) for n in names if n.startswith("g_{")]
    kind = 0 if synapse else 1 if "u" in names else 2
    return kind, synapse[0] if synapse else 0, sp.latex(term)
