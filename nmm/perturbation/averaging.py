"""Averaging: the slow amplitude and phase of a weakly perturbed oscillator, to second order.

For v̈ + v = ε f(v, v̇) the method of Krylov, Bogoliubov and Mitropolsky seeks

    v = a cos ψ + ε u₁(a, ψ) + …,   ȧ = ε A₁(a) + ε² A₂(a),   ψ̇ = 1 + ε Φ₁(a) + ε² Φ₂(a),

with corrections u that carry no first harmonic (Bogoliubov & Mitropolsky 1961, section 1). For a
polynomial f everything is a Laurent polynomial in E = e^{iψ}: an average is a coefficient. For any
other smooth f see `nmm.average_numerically`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_

import numpy as np
import sympy as sp

from nmm.checks import number
from nmm.perturbation.slow_motion import SlowMotion
from nmm.sigmoid import Array


@dataclass(frozen=True)
class Averaged:
    """Rates of amplitude and phase, as formulas.

    Parameters
    ----------
    A1, A2 : Expr
        ȧ = ε A1 + ε² A2. A2 is None at first order.
    Phi1, Phi2 : Expr
        φ̇ − 1 = ε Φ1 + ε² Φ2. Φ2 is None at first order.
    amplitude : Symbol
        a, in which they are written.
    correction : Expr
        u₁ as a function of a and of the Symbol ``psi``: add ε u₁ to a cos ψ.
    """

    A1: sp.Expr
    Phi1: sp.Expr
    A2: sp.Expr | None
    Phi2: sp.Expr | None
    amplitude: sp.Symbol
    correction: sp.Expr

    def latex(self) -> str:
        r"""Write the two slow equations as an aligned block of LaTeX; ε is ``\varepsilon``."""
        rows = [
            rf"\dot{{{sp.latex(self.amplitude)}}} &= {_powers([sp.S.Zero, self.A1, self.A2])}",
            rf"\dot{{\varphi}} &= {_powers([sp.S.One, self.Phi1, self.Phi2])}",
        ]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def compiled(self, **values: float) -> SlowMotion:
        """Turn the formulas into fast functions of arrays.

        Parameters
        ----------
        **values : float
            A number for each other symbol of f, by name.

        Returns
        -------
        SlowMotion

        Raises
        ------
        ValueError
            If a symbol has no number.
        """
        a, psi = self.amplitude, sp.Symbol("psi", real=True)
        zero = sp.S.Zero
        formulas = [self.A1, self.Phi1, self.A2 or zero, self.Phi2 or zero, self.correction]
        names = {s.name: s for s in reduce(or_, (e.free_symbols for e in formulas)) - {a, psi}}
        if set(names) - set(values):
            missing = ", ".join(sorted(set(names) - set(values)))
            raise ValueError(f"no number for {missing}; give compiled({missing}=...)")
        numbers = {s: number(name, values[name]) for name, s in names.items()}
        *slow, u = (e.subs(numbers) for e in formulas)
        rates = sp.lambdify(a, slow, "numpy", cse=True)
        waves = sp.lambdify((a, psi), [u, sp.diff(u, psi)], "numpy", cse=True)

        def coefficients(at: Array) -> tuple[Array, Array, Array, Array]:
            A1, Phi1, A2, Phi2 = (np.broadcast_to(r, at.shape) + 0.0 for r in rates(at))
            return A1, Phi1, A2, Phi2

        def correction(at: Array, phase: Array) -> tuple[Array, Array]:
            shift, turned = (np.broadcast_to(w, at.shape) + 0.0 for w in waves(at, phase))
            return shift, turned

        return SlowMotion(coefficients, correction, 1 if self.A2 is None else 2)


def average(f: sp.Expr, v: sp.Symbol, w: sp.Symbol, *, order: int = 2) -> Averaged:
    """Average v̈ + v = ε f(v, v̇) over a cycle.

    Parameters
    ----------
    f : Expr
        A polynomial in `v` and `w`; other symbols are kept.
    v, w : Symbol
        v and v̇; to leading order v = a cos φ and w = −a sin φ.
    order : {1, 2}, default 2
        Highest power of ε.

    Returns
    -------
    Averaged

    Raises
    ------
    ValueError
        If f is not a real polynomial in v and w, has a symbol whose name is taken (a, psi, or that
        of v or w with other assumptions), or the order is neither 1 nor 2.

    Examples
    --------
    >>> import sympy as sp
    >>> from nmm import average
    >>> v, w = sp.symbols("v w")
    >>> van_der_pol = average((1 - v**2) * w, v, w)
    >>> sp.solve(van_der_pol.A1, van_der_pol.amplitude)
    [2]
    """
    if order not in (1, 2):
        raise ValueError(f"order = {order}; averaging is worked out to order 1 or 2")
    f = sp.sympify(f)
    _check_force(f, v, w)
    a, psi, E = sp.Symbol("a", positive=True), sp.Symbol("psi", real=True), sp.Dummy("E")
    cycle = {v: a * (E + 1 / E) / 2, w: sp.I * a * (E - 1 / E) / 2}
    forcing = _harmonics(f.subs(cycle, simultaneous=True), E)
    A1, phase = _resonant(forcing)
    Phi1 = sp.cancel(phase / a)
    u1 = {k: sp.expand(c / (1 - k**2)) for k, c in forcing.items() if abs(k) != 1}
    waves = {k: sp.cos(k * psi) + sp.I * sp.sin(k * psi) for k in u1}
    correction = sp.simplify(sp.expand(sum((c * waves[k] for k, c in u1.items()), sp.S.Zero)))
    if order == 1:
        return Averaged(A1, Phi1, None, None, a, correction)
    A2, Phi2 = _second_order(f, v, w, cycle, a, E, A1, Phi1, u1)
    return Averaged(A1, Phi1, A2, Phi2, a, correction)


def _check_force(f: sp.Expr, v: sp.Symbol, w: sp.Symbol) -> None:
    if v == w:
        raise ValueError(f"v and w are both {v}; they must be two symbols, for v and v̇")
    if not f.is_polynomial(v, w) or f.has(sp.I):
        raise ValueError(
            f"f = {f} is not a real polynomial in {v} and {w}; expand it in a Taylor series first"
        )
    taken = {"a", "psi", str(v), str(w)}
    clash = sorted(str(s) for s in f.free_symbols - {v, w} if str(s) in taken)
    if clash or {str(v), str(w)} & {"a", "psi"}:
        raise ValueError(
            f"the name {(clash or [str(v)])[0]!r} is taken: a is the amplitude, psi the phase, and "
            "v and w stand for themselves, with one set of assumptions; choose another name"
        )


def _harmonics(expression: sp.Expr, E: sp.Symbol) -> dict[int, sp.Expr]:
    """Coefficients of a Laurent polynomial in E."""
    found: dict[int, sp.Expr] = {}
    for term in sp.Add.make_args(sp.expand(expression)):
        coefficient, power = term.as_independent(E)
        k = int(power.as_base_exp()[1]) if power != 1 else 0
        found[k] = found.get(k, sp.S.Zero) + coefficient
    return found


def _resonant(harmonics: dict[int, sp.Expr]) -> tuple[sp.Expr, sp.Expr]:
    """What the first harmonic does: −½ of its sine part to a, −½ of its cosine part to a φ."""
    up, down = harmonics.get(1, sp.S.Zero), harmonics.get(-1, sp.S.Zero)
    return sp.factor(sp.expand(-sp.I * (up - down) / 2)), sp.factor(sp.expand(-(up + down) / 2))


def _second_order(
    f: sp.Expr,
    v: sp.Symbol,
    w: sp.Symbol,
    cycle: dict[sp.Symbol, sp.Expr],
    a: sp.Symbol,
    E: sp.Symbol,
    A1: sp.Expr,
    Phi1: sp.Expr,
    u1: dict[int, sp.Expr],
) -> tuple[sp.Expr, sp.Expr]:
    """A₂ and Φ₂: what the first correction adds to the first harmonic (BM 1961, eq. 1.30)."""
    shift = sum((c * E**k for k, c in u1.items()), sp.S.Zero)
    turned = sum((sp.I * k * c * E**k for k, c in u1.items()), sp.S.Zero)
    speed = A1 * (E + 1 / E) / 2 + sp.I * a * Phi1 * (E - 1 / E) / 2 + turned
    slopes = [sp.diff(f, s).subs(cycle, simultaneous=True) for s in (v, w)]
    amplitude, phase = _resonant(_harmonics(slopes[0] * shift + slopes[1] * speed, E))
    A2 = amplitude - A1 * Phi1 - a * A1 * sp.diff(Phi1, a) / 2
    Phi2 = (phase - a * Phi1**2 / 2 + A1 * sp.diff(A1, a) / 2) / a
    return sp.factor(sp.expand(A2)), sp.expand(sp.cancel(Phi2))


def _powers(coefficients: list[sp.Expr | None]) -> str:
    """LaTeX of Σ c_k ε^k, without the terms that vanish."""
    text = ""
    for k, c in enumerate(coefficients):
        if c is None or c == 0:
            continue
        power = ["", r"\varepsilon", rf"\varepsilon^{{{k}}}"][min(k, 2)]
        printed = sp.latex(c) if not c.is_Add or not k else rf"\left({sp.latex(c)}\right)"
        body, sign = (printed[1:].strip(), "-") if printed.startswith("-") else (printed, "+")
        text += f" {sign} {power} {body}" if k else f" {sign} {body}"
    return text.removeprefix(" + ").strip() or "0"
