"""Twins of the equations of a recorded amplitude, of a column and of a polynomial."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from types import MappingProxyType

import mpmath as mp  # type: ignore[import-untyped]
import numpy as np
import sympy as sp

from nmm.amplitudes.amplitude import amplitude_equation
from nmm.fixed_points import equilibria
from nmm.inversion.amplitude_chain import AmplitudeChain, amplitude_chain
from nmm.inversion.amplitude_filter import filter_amplitude
from nmm.inversion.column_tables import prompt_time, tabulate_column
from nmm.inversion.polynomial_amplitudes import PolynomialAmplitude
from nmm.inversion.recording_models import Course
from nmm.models import bistable_column
from nmm.system import NeuralMass


def _column() -> NeuralMass:
    return bistable_column(u=2960.0).with_(g6=4480.0)


def _prompt_answer() -> float:
    """The sum over modes, by mpmath's eigenvectors in thirty digits."""
    m = _column()
    x, i = equilibria(m)[0].x, m.populations.index(m.reference)
    with mp.workdps(30):
        values, right = mp.eig(mp.matrix(m.jacobian(x).tolist()))
        taken = mp.lu_solve(right, mp.matrix(m.E[:, 0].tolist()))
        gains = [right[i, j] * taken[j] for j in range(len(values))]
        k = max((j for j in range(len(values)) if values[j].imag > 0), key=lambda j: values[j].real)
        answers = [
            mp.conj(gains[j] / gains[k]) / (values[k] + mp.conj(values[j]))
            for j in range(len(values))
            if j != k
        ]
        written = float(mp.re(mp.fsum(answers)))
    return abs(prompt_time(m, x) / written - 1)


def _shown_envelope() -> float:
    """What a filter shows, by differences of the radius; Rice's density, by SymPy's Bessel."""
    m = _column()
    a = amplitude_equation(m, equilibria(m)[0])
    table = tabulate_column(m, {"g6": [-1e-3, 0.0, 1e-3]})
    R, h = table.R[8:40:4], 1e-3
    one, two = (np.asarray(a.radius(R + k * h)) - np.asarray(a.radius(R - k * h)) for k in (1, 2))
    slope = (8 * one - two) / (12 * h)
    prompt = prompt_time(m, a.equilibrium.x)
    written = np.asarray(a.radius(R)) + prompt * slope * np.asarray(a.drift(R))
    worst = float(np.abs(table.rows[1, 3, 8:40:4] / written - 1).max())

    chain = amplitude_chain(1.0, lambda R: -R, lambda R: 0.01 + 0 * R, cells=40)
    y, r, s = sp.symbols("y r s", positive=True)
    density = y / s**2 * sp.exp(-(y**2 + r**2) / (2 * s**2)) * sp.besseli(0, y * r / s**2)
    found = filter_amplitude([0.31], 0.1, chain, 0.05, start=np.eye(40)[12])
    values = {y: 0.31, r: found.R[12], s: found.sd[12]}
    return max(worst, abs(float(np.exp(found.score[0]) / float(density.subs(values))) - 1))


def _recording_likelihood() -> float:
    """The recursion against the sum over every path through five cells."""
    chain = amplitude_chain(1.0, lambda R: R * (1 - 3 * R), lambda R: 0.05 + 0 * R, cells=5)
    y, start = [0.3, 0.6, 0.5], chain.stationary
    found = filter_amplitude(y, 0.2, chain, 0.1)
    P = chain.transition(0.2)
    single = [np.exp([_alone(chain, value, i) for i in range(5)]) for value in y]
    total = 0.0
    for path in product(range(5), repeat=3):
        moves = start[path[0]] * P[path[0], path[1]] * P[path[1], path[2]]
        total += moves * np.prod([single[k][i] for k, i in enumerate(path)])
    return abs(float(np.exp(found.log_likelihood) / total) - 1)


def _alone(chain: AmplitudeChain, value: float, i: int) -> float:
    """Log density of one sample in one cell."""
    return filter_amplitude([value], 0.2, chain, 0.1, start=np.eye(5)[i]).log_likelihood


def _polynomial() -> float:
    """Drift and potential of both kinds, by SymPy, against the package."""
    R, x = sp.symbols("R x", positive=True)
    rate, size, h = sp.Rational(7, 2), sp.Rational(240), sp.Rational(4, 5)
    grid, worst = np.linspace(5.0, 400.0, 9), 0.0
    for wells, bend in ((1, -x), (2, 2 * x - x**2)):
        rho = (rate * R * (-h + bend)).subs(x, (R / size) ** 2)
        U = -sp.integrate(rho, (R, 0, R))
        a = PolynomialAmplitude(float(rate), float(size), float(h), 20.0, wells)
        for written, known in ((rho, a.drift(grid)), (U, a.potential(grid))):
            found = sp.lambdify(R, written, "numpy")(grid)
            worst = max(worst, float(np.abs(found - known).max() / np.abs(known).max()))
    return worst


def _course() -> float:
    t, begin, end, tau = sp.symbols("t t_b t_e tau", positive=True)
    risen = 1 - sp.exp(-(t - begin) / tau)
    fallen = risen.subs(t, end) * sp.exp(-(t - end) / tau)
    times = np.array([12.0, 30.0, 55.0, 90.0])
    values = {begin: 10, end: 50, tau: 25}
    found = [float((risen if at <= 50 else fallen).subs(values).subs(t, at)) for at in times]
    return float(np.abs(Course(10.0, 50.0).value(times, 25.0) - found).max())


RECORDING_TWINS: MappingProxyType[str, Callable[[], float]] = MappingProxyType(
    {
        "eq-prompt-answer": _prompt_answer,
        "eq-shown-envelope": _shown_envelope,
        "eq-recording-likelihood": _recording_likelihood,
        "eq-polynomial-amplitude": _polynomial,
        "eq-course": _course,
    }
)
