"""The equations contract: every displayed model equation has a SymPy twin, tested against the code.

A twin is a function that evaluates the equation twice at random points, as SymPy reads it and as
the package computes it, and returns the largest relative difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
import sympy as sp
from scipy.linalg import expm

from nmm.companion.exit_equations import EXIT_TWINS
from nmm.companion.global_equations import GLOBAL_TWINS
from nmm.companion.inversion_equations import INVERSION_TWINS
from nmm.companion.local_equations import LOCAL_TWINS
from nmm.companion.noise_equations import NOISE_TWINS
from nmm.companion.recording_equations import RECORDING_TWINS
from nmm.fixed_points import equilibria
from nmm.models import bistable_column, cmc, jansen_rit
from nmm.phase_space.continuation import continue_equilibria
from nmm.phase_space.cycles import find_cycle
from nmm.sigmoid import Array, Sigmoid
from nmm.symbolic import activation, equations
from nmm.system import NeuralMass

_LABEL = re.compile(r"^(?:[`:]{3,}\{recorded-equation\}\s*(\S+)|:label:\s*(eq-\S+))", re.M)


def labels(text: str) -> list[str]:
    """Labels of the equations that a page displays."""
    return [recorded or typed for recorded, typed in _LABEL.findall(text)]


def unlabelled(text: str) -> list[str]:
    """First lines of displayed formulas that carry no label, and so no twin."""
    found = re.findall(r"^\$\$.*", text, re.M)
    blocks = re.findall(r"^([`:]{3,}\{math\}.*)\n(.*)", text, re.M)
    return found + [first for first, second in blocks if ":label: eq-" not in second]


def _kernel() -> float:
    """What enters a sigmoid after an impulse of drive, without connections; H = 1, as in nmm."""
    t, tau = sp.symbols("t tau", positive=True)
    return _impulse_difference(t / tau * sp.exp(-t / tau), "potential")


def _current_kernel() -> float:
    t, tau = sp.symbols("t tau", positive=True)
    return _impulse_difference((1 - t / tau) * sp.exp(-t / tau), "current")


def _impulse_difference(kernel: sp.Expr, coupling: str) -> float:
    """Compare a kernel with the matrix exponential of the model's filters."""
    written = sp.lambdify(sp.symbols("t tau", positive=True), kernel, "numpy")
    m, tau, times = _alone(21, coupling)
    answers = [(m.C @ expm(m.A * at) @ m.E)[0, 0] for at in times]
    return _difference(written(times, tau), answers)


def _convolution() -> float:
    """Drive e^(−βt): the integral over the past, and filters that hold the drive as a state."""
    t, s, tau, beta = sp.symbols("t s tau beta", positive=True)
    kernel = (t - s) / tau * sp.exp(-(t - s) / tau)
    past = sp.integrate(sp.expand(kernel * sp.exp(-beta * s)), (s, 0, t), conds="none")
    m, constant, times = _alone(22)
    rate = 3.0 / constant
    extended = np.block([[m.A, m.E], [np.zeros((1, m.n_states)), -np.full((1, 1), rate)]])
    answers = [expm(extended * at)[0, -1] for at in times]
    return _difference(sp.lambdify((t, tau, beta), past, "numpy")(times, constant, rate), answers)


def _membrane() -> float:
    m, x = _random_column(23)
    v, c, drive, tau = sp.symbols("v c m tau")
    rate = sp.lambdify((v, c, drive, tau), drive / tau - 2 * c / tau - v / tau**2)
    taus = np.array([p.value for p in m.parameters if p.name.startswith("tau")])
    received = m.B @ np.asarray(m.sigmoid(m.C @ x + m.d)) + m.E @ m.u
    written = np.concatenate([x[4:], rate(x[:4], x[4:], taus * received[4:], taus)])
    return _difference(written, m.flow(x))


def _transfer() -> float:
    p, tau = sp.symbols("p tau")
    written = sp.lambdify((p, tau), tau / (1 + p * tau) ** 2)
    m, constant, _ = _alone(24)
    at = 2j * np.pi * np.abs(_random(25, 30, scale=20.0))
    unit = np.eye(m.n_states)
    filtered = np.array([(m.C @ np.linalg.solve(q * unit - m.A, m.E))[0, 0] for q in at])
    exact = written(at, constant)
    return max(_difference(exact.real, filtered.real), _difference(exact.imag, filtered.imag))


def _crowd() -> float:
    """Fraction of thresholds below v, and their density, at a random slope and bias."""
    theta, b = sp.symbols("theta b", real=True)
    slope = sp.symbols("varrho", positive=True)
    odds = sp.exp(b - slope * theta)
    numbers = {slope: 0.7, b: 0.4}
    fired = sp.lambdify(theta, (1 / (1 + odds)).subs(numbers), "numpy")
    density = sp.lambdify(theta, (slope * odds / (1 + odds) ** 2).subs(numbers), "numpy")
    s, points = Sigmoid(slope=0.7, bias=0.4, centred=False), _random(26, 50, scale=5.0)
    return max(
        _difference(fired(points), s(points)),
        _difference(density(points), s.derivative(points, 1)),
    )


def _bend() -> float:
    y = sp.symbols("y", real=True)
    below = 2 * (1 + sp.cosh(y)) ** 2
    s, points = Sigmoid(slope=0.7, bias=0.4), _random(27, 50, scale=5.0)
    worst = 0.0
    for order, formula in ((2, -sp.sinh(y) / below), (3, (sp.cosh(y) - 2) / below)):
        written = 0.7**order * sp.lambdify(y, formula, "numpy")(0.7 * points - 0.4)
        worst = max(worst, _difference(written, s.derivative(points, order)))
    return worst


def _coupling() -> float:
    """Second half of the flow, from the firing of v and of τ c."""
    worst = 0.0
    for seed, coupling in ((28, "potential"), (29, "current")):
        m, x = _random_column(seed)
        taus = np.array([p.value for p in m.parameters if p.name.startswith("tau")])
        entering = x[:4] if coupling == "potential" else taus * x[4:]
        fired = np.asarray(m.sigmoid(entering))
        worst = max(worst, _difference(m.A @ x + m.B @ fired + m.E @ m.u, m.flow(x)))
    return worst


def _units() -> float:
    """The flow in symbols, in old units, and of the model rebuilt in units of T s and V mV."""
    clock, scale = 0.003, 0.02
    m, x = _random_column(30)
    value = {p.name: p.value for p in m.parameters}
    changed = cmc(
        g=[value[f"g{i}"] * clock / scale for i in range(1, 11)],
        tau=[value[f"tau_{p}"] / clock for p in m.populations],
        slope=value["slope"] * scale,
        bias=value["bias"],
        u=value["u"] * clock / scale,
    )
    written = equations(m)
    flow = written.evaluate(written.explicit(), m, x)[:, 0]
    to = np.repeat([1 / scale, clock / scale], 4)
    return _difference(flow * to * clock, changed.flow(x * to))


def _alone(seed: int, coupling: str = "potential") -> tuple[NeuralMass, float, Array]:
    """A column without connections, the time constant of its stellate cells, random times."""
    rng = np.random.default_rng(seed)
    taus = rng.uniform(0.002, 0.03, 4)
    times = rng.uniform(0.0, 6.0, 40) * taus[0]
    return cmc(g=np.zeros(10), tau=taus, coupling=coupling), float(taus[0]), times


def _sigmoid() -> float:
    m = cmc(slope=0.7, bias=0.4)
    written = activation(m.assemble({p.name: p.value for p in m.parameters}))
    v = _random(0, 50, scale=5.0)
    return _difference(sp.lambdify(*_arguments(written), "numpy")(v), m.sigmoid(v))


def _derivatives() -> float:
    """Derivatives of the sigmoid to order six, and the Jacobian and second form they enter."""
    m = cmc(slope=0.7, bias=0.4)
    written = activation(m.assemble({p.name: p.value for p in m.parameters}))
    (v,) = written.variables
    points = _random(1, 50, scale=5.0)
    worst = _forms()
    for order in range(1, 7):
        exact = sp.lambdify(v, sp.diff(written.expr, v, order), "numpy")(points)
        worst = max(worst, _difference(exact, m.sigmoid.derivative(points, order)))
    return worst


def _flow() -> float:
    worst = 0.0
    for seed in range(5):
        m, x = _random_column(seed)
        written = equations(m)
        worst = max(
            worst,
            _difference(written.evaluate(written.explicit(), m, x)[:, 0], m.flow(x)),
            _difference(written.evaluate(written.jacobian(), m, x), m.jacobian(x)),
        )
    return worst


def _lure() -> float:
    m, x = _random_column(11)
    names, flow = _matrix_form(m)
    at = dict(zip(names, x, strict=True))
    return _difference(np.array(flow.subs(at), float)[:, 0], m.flow(x))


def _forms() -> float:
    m, x = _random_column(11)
    names, flow = _matrix_form(m)
    at = dict(zip(names, x, strict=True))
    jacobian = flow.jacobian(names)
    a = _random(12, m.n_states)
    along = sum((jacobian.diff(n) * float(v) for n, v in zip(names, a, strict=True)), sp.zeros(8))
    second = np.array((along * sp.Matrix(a)).subs(at), float)[:, 0]
    return max(
        _difference(np.array(jacobian.subs(at), float), m.jacobian(x)),
        _difference(second, m.form(x, a, a)),
    )


def _rest() -> float:
    """Distance of y from y₀ + K s(y) at the state that y leads to: C times A⁻¹ times the flow."""
    m, _ = _random_column(32)  # even: potentials enter the sigmoids
    y = _random(31, m.n_states // 2)
    fired = np.asarray(m.sigmoid(y))
    offset = m.d - m.C @ np.linalg.solve(m.A, m.E @ m.u)
    gains = -m.C @ np.linalg.solve(m.A, m.B)
    x = np.linalg.lstsq(m.C, y - m.d, rcond=None)[0]  # some state with these arguments
    missing = m.C @ np.linalg.solve(m.A, m.flow(x))
    return _difference(offset + gains @ fired, y - missing)


def _modes() -> float:
    """Determinant of the four filters in a loop, against the characteristic polynomial."""
    m, x = _random_column(34)
    tau = np.array([p.value for p in m.parameters if p.name.startswith("tau")])
    strengths = tau[:, None] * m.B[4:]
    slopes = np.asarray(m.sigmoid.derivative(x[:4], 1))
    jacobian = m.jacobian(x)
    worst = 0.0
    for at in _random(35, 10, scale=300.0) + 1j * _random(36, 10, scale=300.0):
        loop = np.diag((1 + at * tau) ** 2) - tau[:, None] * strengths * slopes
        written = np.linalg.det(loop)
        exact = np.linalg.det(at * np.eye(8) - jacobian) * np.prod(tau**2)
        worst = max(worst, float(abs(written - exact) / abs(exact)))
    return worst


def _input_at_rest() -> float:
    """Input that holds Jansen and Rit's column at v, against the input its flow asks for."""
    names = sp.symbols("v a A b B C1 C2 C3 C4", positive=True)
    v, a, A, b, B, C1, C2, C3, C4 = names
    firing = sp.Function("S")
    w = A / a * firing(v)
    formula = a / A * (v + B / b * C4 * firing(C3 * w)) - C2 * firing(C1 * w)
    m = jansen_rit(p=0.0, C=120.0)
    at = {p.name: p.value for p in m.parameters}
    shares = [at["C"] * share for share in (1.0, 0.8, 0.25, 0.25)]
    written = sp.lambdify(names, formula, [{"S": m.sigmoid}, "numpy"])
    points = _random(37, 20, scale=5.0)
    asked = []
    for potential in points:
        output = at["A"] / at["a"] * float(m.sigmoid(potential))
        inhibition = at["B"] / at["b"] * shares[3] * float(m.sigmoid(shares[2] * output))
        x = np.array([output, potential + inhibition, inhibition, 0, 0, 0])
        asked.append(-m.flow(x)[4] / (at["A"] * at["a"]))
    return _difference(written(points, *(at[n] for n in ("a", "A", "b", "B")), *shares), asked)


def _small_push() -> float:
    """Sum over the modes of SymPy's Jacobian, against the matrix exponential of the package's."""
    m, x = _random_column(38)
    names, flow = _matrix_form(m)
    at = dict(zip(names, x, strict=True))
    push, jacobian = _random(39, m.n_states), m.jacobian(x)
    values, q = np.linalg.eig(np.array(flow.jacobian(names).subs(at), float))
    p = np.linalg.inv(q)  # rows p_k, with p_k q_k = 1
    times = np.abs(_random(40, 8, scale=0.003))
    written = [(q * np.exp(values * t) @ (p @ push)).real for t in times]
    return _difference(written, [expm(jacobian * t) @ push for t in times])


def _onset() -> float:
    """Kuznetsov's formula from SymPy's derivatives, against the series of the package."""
    m = jansen_rit(p=-12.0)
    (hopf,) = continue_equilibria(m, "p", (-13.0, -11.0), start=equilibria(m)[-1]).special
    m = m.with_(p=hopf.parameter)
    rate, q, p = _mode(m, hopf.x, 2j * np.pi * hopf.frequency)
    J, unit = m.jacobian(hopf.x), np.eye(m.n_states)
    twice = np.linalg.solve(2 * rate * unit - J, _derivative(m, hopf.x, q, q))
    mean = np.linalg.solve(2 * rate.real * unit - J, _derivative(m, hopf.x, q, q.conj()))
    third = _derivative(m, hopf.x, q, q, q.conj()) / 2 + _derivative(m, hopf.x, q, mean)
    written = p @ (third + _derivative(m, hopf.x, q.conj(), twice) / 2)
    known = hopf.coefficients[0]
    rate, gamma, z = -3.0 + 97.0j, complex(written), 1j * np.sqrt(3.0 / known.real)
    growth = (rate * z + gamma * z * abs(z) ** 2) / z  # purely imaginary on the cycle
    gap = _difference([written.real, written.imag], [known.real, known.imag])
    return max(gap, float(abs(growth.real)) / 3.0)


def _balance() -> float:
    """Both sides for a cycle of the package, its firing computed by SymPy's sigmoid and an FFT."""
    m = bistable_column()
    cycle = find_cycle(m, (equilibria(m)[0], 0.35))
    theta = 2 * np.pi * np.arange(256) / 256
    firing = sp.lambdify(
        *_arguments(activation(m.assemble({p.name: p.value for p in m.parameters})))
    )
    harmonics = (
        np.fft.rfft(firing(cycle.x(theta) @ m.C.T + m.d), axis=0)[: cycle.harmonics + 1] / 128
    )
    harmonics[0] /= 2
    rates = 2j * np.pi * cycle.frequency * np.arange(len(harmonics))
    left = rates[:, None] * cycle.coefficients - cycle.coefficients @ m.A.T
    right = harmonics @ m.B.T
    right[0] += m.E @ m.u
    return max(_difference(left.real, right.real), _difference(left.imag, right.imag))


def _passage() -> float:
    """Time past a fold: SymPy's integral and derivatives, against the package's coefficients."""
    z, a, b, distance = sp.symbols("z a b d", positive=True)
    time = sp.integrate(1 / (a * z**2 + b * distance), (z, -sp.oo, sp.oo))
    m = jansen_rit(p=112.0)
    (fold,) = continue_equilibria(m, "p", (100.0, 130.0)).special
    m = m.with_(p=fold.parameter)
    _, q, p = (np.real(part) for part in _mode(m, fold.x, 0.0))
    size = np.linalg.norm(q)
    form = m.assemble({v.name: v.value for v in m.parameters} | {"p": sp.Symbol("p")})
    push = np.array((sp.Matrix(form.E) * sp.Matrix(form.u)).diff(sp.Symbol("p")), float)[:, 0]
    curve = p @ np.real(_derivative(m, fold.x, q, q)) / 2 / size  # along q of length one
    written = time.subs({a: curve, b: size * (p @ push), distance: 0.3})
    slope = size * (p @ m.sensitivity("p", fold.x))
    return _difference(float(written), np.pi / np.sqrt(fold.coefficients[0] * slope * 0.3))


def _mode(m: NeuralMass, x: Array, eigenvalue: complex) -> tuple[Any, Any, Any]:
    """Eigenvalue nearest to the given one, with its eigenvectors q and p: q_ref = 1, p·q = 1."""
    values, vectors = np.linalg.eig(m.jacobian(x))
    k = int(np.argmin(np.abs(values - eigenvalue)))
    scale = vectors[m.populations.index(m.reference), k]
    return values[k], vectors[:, k] / scale, np.linalg.inv(vectors)[k] * scale


def _derivative(m: NeuralMass, x: Array, *directions: Any) -> Any:
    """Derivative of the flow along several directions: SymPy differentiates each sigmoid."""
    s = activation(m.assemble({p.name: p.value for p in m.parameters}))
    steps, y = sp.symbols(f"t0:{len(directions)}"), sp.Symbol("y")
    moved = s(y + sp.Add(*steps))
    slope = sp.lambdify(y, moved.diff(*steps).subs(dict.fromkeys(steps, 0)), "numpy")
    return m.B @ (slope(m.C @ x + m.d) * np.prod([m.C @ a for a in directions], axis=0))


def _matrix_form(m: NeuralMass) -> tuple[Any, Any]:
    """States, and A x + B s(C x + d) + E u with the arrays of the model."""
    names = sp.symbols(f"x0:{m.n_states}", real=True)
    s = activation(m.assemble({p.name: p.value for p in m.parameters}))
    y = sp.Matrix(m.C) * sp.Matrix(names) + sp.Matrix(m.d)
    flow = sp.Matrix(m.A) * sp.Matrix(names) + sp.Matrix(m.B) * y.applyfunc(s)
    return names, flow + sp.Matrix(m.E) * sp.Matrix(m.u)


def _arguments(function: sp.Lambda) -> tuple[Any, Any]:
    (v,) = function.variables
    return v, function.expr


def _random_column(seed: int) -> tuple[NeuralMass, Array]:
    rng = np.random.default_rng(seed)
    strengths = rng.uniform(100, 9000, 10)
    constants = rng.uniform(0.002, 0.03, 4)
    coupling = ("potential", "current")[seed % 2]
    m = cmc(g=strengths, tau=constants, slope=0.8, bias=rng.normal(), u=300.0, coupling=coupling)
    scale = np.repeat([2.0, 100.0], 4)
    return m, rng.normal(size=8) * scale


def _random(seed: int, n: int, scale: float = 1.0) -> Array:
    return np.random.default_rng(seed).normal(size=n) * scale


def _difference(one: Any, other: Any) -> float:
    """Largest difference relative to the largest value."""
    one, other = np.asarray(one, float), np.asarray(other, float)
    return float(np.abs(one - other).max() / np.abs(other).max())


# Label → twin. An equation that only names or defines something says so instead, in one line.
TWINS: MappingProxyType[str, Callable[[], float]] = MappingProxyType(
    {
        "eq-kernel": _kernel,
        "eq-convolution": _convolution,
        "eq-membrane": _membrane,
        "eq-transfer": _transfer,
        "eq-crowd": _crowd,
        "eq-bend": _bend,
        "eq-coupling": _coupling,
        "eq-current-kernel": _current_kernel,
        "eq-units": _units,
        "eq-sigmoid": _sigmoid,
        "eq-cmc": _flow,
        "eq-lure": _lure,
        "eq-derivatives": _derivatives,
        "eq-rest": _rest,
        "eq-modes": _modes,
        "eq-input-at-rest": _input_at_rest,
        "eq-small-push": _small_push,
        "eq-onset": _onset,
        "eq-balance": _balance,
        "eq-passage": _passage,
        **LOCAL_TWINS,
        **NOISE_TWINS,
        **INVERSION_TWINS,
        **GLOBAL_TWINS,
        **EXIT_TWINS,
        **RECORDING_TWINS,
    }
)
