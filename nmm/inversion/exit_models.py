"""A generative model of dwell times: the theory of exits, tabulated, and the likelihood of times.

Mean and spread of the exit times follow from the amplitude equation and its noise. They are smooth
in the connections and in the noise, so that a small Chebyshev table replaces them. Exits are
described by a gamma distribution with the theory's mean and spread; trials that stayed count with
the probability of staying. The theory has an error of its own, common to all times from one state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial.chebyshev import chebvander
from numpy.typing import ArrayLike
from scipy.special import gammaincc, gammaln, logsumexp
from scipy.stats import chi2

from nmm.amplitudes.amplitude import AmplitudeEquation, amplitude_equation
from nmm.amplitudes.exits import ExitTimes
from nmm.checks import number
from nmm.fixed_points import equilibria
from nmm.inversion.models import LikelihoodModel, Prior
from nmm.models import bistable_column
from nmm.sigmoid import Array
from nmm.system import NeuralMass

STARTS = ("rest", "cycle")
# Log-scales of two connections and of the noise: mean and standard deviation of the prior, and the
# box of the table, inside which rest and cycle coexist.
EXIT_PRIOR = {"log g8": (0.0, 0.045), "log g10": (0.0, 0.03), "log sigma": (0.0, 0.1)}
EXIT_BOX = np.array([0.09, 0.09, 0.25])
# Start, nominal noise (mV s^(−1/2)), trials, and t_max (s) of one set of data.
CONDITIONS = (
    ("rest", 26.0, 60, 120.0),
    ("rest", 30.0, 60, 120.0),
    ("rest", 34.0, 60, 120.0),
    ("cycle", 30.0, 60, 300.0),
)
LEVEL = 30.0  # mV s^(−1/2): the middle of the table
_REACH = 0.4  # of ln σ around it
THEORY_SD = 0.05  # of log T: rms against the column of chapter 07 that goes both ways
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
_CONTRADICTION = 1e-4  # probability of a larger misfit, were the model right


def exit_column(theta: ArrayLike) -> NeuralMass:
    """Return the column of the exit-time inversion at log-scales of g8 and g10 (and the noise)."""
    g8, g10 = np.exp(np.asarray(theta, float)[:2]).tolist()
    return bistable_column(u=2960.0).with_(g6=4480.0, g8=792.0 * g8, g10=600.0 * g10)


@dataclass(frozen=True, eq=False)
class ExitTable:
    """Mean and spread of exit times over a box of two log-scales and the noise.

    Parameters
    ----------
    half_width : array (2,)
        Of the box, in log-scale.
    coefficients : array (2, 3, n, n, k)
        Chebyshev coefficients: from rest and from the cycle; log of the mean time (s), of its
        coefficient of variation, and of the frequency of the cycle (Hz).
    error : float
        Largest error of log T at points between the nodes.
    """

    half_width: Array
    coefficients: Array
    error: float

    def look_up(self, theta: ArrayLike, level: float, start: str) -> tuple[Array, Array, Array]:
        """Log mean time (s), log of its coefficient of variation, log frequency of the cycle.

        Parameters
        ----------
        theta : array (..., 3)
            Log-scales of both connections and of the noise.
        level : float
            Nominal noise, mV s^(−1/2).
        start : {"rest", "cycle"}
            State that is left.

        Returns
        -------
        three arrays (...)
            Nan outside the box.
        """
        theta = np.asarray(theta, float)
        noise = theta[..., 2] + np.log(number("level", level, positive=True) / LEVEL)
        places = np.stack([*(theta[..., i] / self.half_width[i] for i in (0, 1)), noise / _REACH])
        inside = (np.abs(places) <= 1 + 1e-9).all(axis=0)
        c = self.coefficients[STARTS.index(start)]
        rows = [
            chebvander(x, n - 1).reshape(*x.shape, n)
            for x, n in zip(places, c.shape[1:], strict=True)
        ]
        # One axis after the other: the last is contracted for all quantities at once.
        value = np.einsum("...k,qijk->...qij", rows[2], c)
        value = np.einsum("...qij,...i,...j->q...", value, rows[0], rows[1])
        mean, cv, frequency = np.where(inside, value, np.nan)
        return mean, cv, frequency


def tabulate_exits(
    column: Callable[[Any], NeuralMass], half_width: ArrayLike, *, nodes: int = 6, levels: int = 8
) -> ExitTable:
    """Solve the theory of exits at Chebyshev points, and measure the error between them."""
    half = np.asarray(half_width, float)
    points = [np.cos(np.pi * (np.arange(n) + 0.5) / n) for n in (nodes, nodes, levels)]
    noise = LEVEL * np.exp(_REACH * points[2])
    values = np.array(
        [[solved(column([x * half[0], y * half[1]]), noise) for y in points[1]] for x in points[0]]
    )
    inverse = [np.linalg.inv(chebvander(x, x.size - 1)) for x in points]
    table = ExitTable(half, np.einsum("xysqn,ix,jy,kn->sqijk", values, *inverse), np.nan)
    random, worst = np.random.default_rng(0), 0.0
    for theta in random.uniform(-1, 1, (8, 3)) * [*half, 0]:
        between = LEVEL * np.exp(random.uniform(-_REACH, _REACH, 2))
        exact = solved(column(theta), between)[:, 0]
        for start, row in zip(STARTS, exact, strict=True):
            found = [table.look_up(theta, level, start)[0] for level in between]
            worst = max(worst, float(np.abs(row - found).max()))
    return ExitTable(half, table.coefficients, worst)


def solved(m: NeuralMass, noise: ArrayLike) -> Array:
    """Return log mean, log coefficient of variation and log frequency: start, quantity, noise."""
    a = amplitude_equation(m, equilibria(m)[0])
    frequency = np.log(a.frequency(a.radii()[-1][0]))
    rows = [
        [(*moments(a, float(s), start), frequency) for s in np.atleast_1d(noise)]
        for start in STARTS
    ]
    return np.array(rows).swapaxes(1, 2)


def moments(a: AmplitudeEquation, sigma: float, start: str) -> tuple[float, float]:
    """Log of the mean time and of its coefficient of variation."""
    mean = a.exit_time(sigma, start=start)
    t = mean * np.linspace(0, 12, 600) ** 2 / 12
    square = 2 * np.trapezoid(t * a.survival(t, sigma, start=start), t)
    return float(np.log(mean)), float(np.log(square / mean**2 - 1) / 2)


@dataclass(frozen=True)
class Dwells:
    """Exit times under one condition, as far as the likelihood needs them.

    Parameters
    ----------
    start : str
        "rest" or "cycle".
    level : float
        Nominal noise, mV s^(−1/2); the scale is to be inferred.
    exits, stayed : int
        Trials that left, and that stayed for the whole of t_max.
    total, log_total : float
        Sum of the exits' times, s, and of their logarithms.
    t_max : float
        s.
    """

    start: str
    level: float
    exits: int
    stayed: int
    total: float
    log_total: float
    t_max: float

    @classmethod
    def of(cls, start: str, level: float, found: ExitTimes, t_max: float) -> Dwells:
        """Summarise simulated or recorded exits."""
        if start not in STARTS:
            raise ValueError(f"start = {start!r}; it must be 'rest' or 'cycle'")
        t = np.asarray(found.times, float)[~found.censored]
        if not (np.isfinite(t) & (t > 0) & (t <= t_max)).all():
            raise ValueError(f"exit times must be positive and at most t_max = {t_max} s")
        stayed = int(np.sum(found.censored))
        return cls(
            start, float(level), t.size, stayed, float(t.sum()), float(np.log(t).sum()), t_max
        )

    def log_likelihood(self, log_mean: Array, log_cv: Array) -> Array:
        """Log density of the times, if they are gamma distributed with this mean and spread."""
        shape = np.exp(-2 * log_cv)
        rate = shape * np.exp(-log_mean)
        value = (shape - 1) * self.log_total - rate * self.total
        value = value + self.exits * (shape * np.log(rate) - gammaln(shape))
        if self.stayed:
            staying = gammaincc(shape, rate * self.t_max)
            value = value + self.stayed * np.log(np.maximum(staying, 1e-300))
        return np.asarray(value)


def exit_log_likelihood(
    table: ExitTable, theta: ArrayLike, data: Sequence[Dwells], *, theory_sd: float = THEORY_SD
) -> Array:
    """Log likelihood of exits at `theta` (..., 3); −inf outside the table.

    The error of the theory, of standard deviation `theory_sd` in log T and common to all times from
    one state, is integrated out. The spread of the times is that of the middle of the box: their
    law is not exactly gamma, and what its shape says of θ would mislead.
    """
    value = np.zeros(np.shape(theta)[:-1])
    for start in STARTS:
        parts = [d for d in data if d.start == start]
        if not parts:
            continue
        rows = np.zeros((_NODES.size, *value.shape))
        for d in parts:
            mean, _, _ = table.look_up(theta, d.level, start)
            cv = table.look_up(np.zeros(3), d.level, start)[1]
            rows += [d.log_likelihood(mean + theory_sd * z, cv) for z in _NODES]
        value = value + logsumexp(rows.T, b=_WEIGHTS / _WEIGHTS.sum(), axis=-1).T
    return np.where(np.isnan(value), -np.inf, value)


def exit_model(table: ExitTable, *, theory_sd: float = THEORY_SD) -> LikelihoodModel:
    """Return the model for `nmm.inversion.inverting.invert`: data are a sequence of `Dwells`."""

    def log_likelihood(theta: Array, data: Sequence[Dwells]) -> float:
        return float(exit_log_likelihood(table, theta, data, theory_sd=theory_sd))

    return LikelihoodModel(Prior.of(EXIT_PRIOR), log_likelihood)


@dataclass(frozen=True, eq=False)
class ExitPosterior:
    """Exact posterior over the box of the table, on a grid.

    Parameters
    ----------
    names : tuple of str
        Parameters.
    axes : tuple of arrays
        The grid.
    weight : array (n, n, n)
        Posterior probability of each point.
    prior_sd : array (3,)
        Standard deviations of the prior, as cut by the box.
    log_evidence : float
        Natural logarithm.
    """

    names: tuple[str, ...]
    axes: tuple[Array, ...]
    weight: Array
    prior_sd: Array
    log_evidence: float

    def marginal(self, i: int) -> Array:
        """Probability along axis i."""
        return np.asarray(self.weight.sum(axis=tuple(j for j in range(3) if j != i)))

    @property
    def mean(self) -> Array:
        """Posterior mean (3,)."""
        return np.array([self.marginal(i) @ x for i, x in enumerate(self.axes)])

    @property
    def cov(self) -> Array:
        """Posterior covariance (3, 3)."""
        away = [x - m for x, m in zip(self.axes, self.mean, strict=True)]
        mesh = np.stack(np.meshgrid(*away, indexing="ij")).reshape(3, -1)
        return np.asarray((mesh * self.weight.ravel()) @ mesh.T)

    @property
    def sd(self) -> Array:
        """Posterior standard deviations (3,)."""
        return np.asarray(np.sqrt(np.diag(self.cov)))

    def rank(self, theta: ArrayLike) -> Array:
        """Posterior probability below each true value (3,): uniform if calibrated."""
        ranks = []
        for i, (x, true) in enumerate(zip(self.axes, np.asarray(theta, float), strict=True)):
            p = self.marginal(i)
            step = x[1] - x[0]
            ranks.append(np.interp(true, [x[0] - step / 2, *(x + step / 2)], [0, *np.cumsum(p)]))
        return np.array(ranks)

    def eigen(self) -> tuple[Array, Array]:
        """Posterior over prior standard deviation along its own directions, sloppy to stiff.

        Returns
        -------
        ratios (3,), directions (3, 3)
            Columns are directions, in units of the prior's standard deviations.
        """
        values, vectors = np.linalg.eigh(self.cov / np.outer(self.prior_sd, self.prior_sd))
        return np.sqrt(values[::-1]), vectors[:, ::-1]


def exit_posterior(
    table: ExitTable,
    data: Sequence[Dwells],
    *,
    also: Callable[[Array], Array] | None = None,
    theory_sd: float = THEORY_SD,
    points: int = 33,
) -> ExitPosterior:
    """Posterior of two connections and the noise, given exits.

    Parameters
    ----------
    table : ExitTable
        The theory.
    data : sequence of Dwells
        One for each condition; none gives the prior.
    also : callable, optional
        θ (..., 3) → log likelihood of other data, such as a frequency.
    theory_sd : float
        Error of the theory, in log T.
    points : int
        Of the grid, along each axis.

    Raises
    ------
    ValueError
        If the data contradict the model: no point of the box comes near them.
    """
    axes = tuple(h * (2 * (np.arange(points) + 0.5) / points - 1) for h in EXIT_BOX)
    theta = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    mean, sd = np.array(list(EXIT_PRIOR.values())).T
    prior = -(((theta - mean) / sd) ** 2).sum(axis=-1) / 2
    prior = np.exp(prior - logsumexp(prior))
    log_l = exit_log_likelihood(table, theta, data, theory_sd=theory_sd)
    _check_misfit(data, float(log_l.max()))
    if also is not None:
        log_l = log_l + also(theta)
    weight = prior * np.exp(log_l - log_l.max())
    evidence = float(np.log(weight.sum()) + log_l.max())
    spread = [
        np.sqrt(((x - m) ** 2 * prior.sum(axis=tuple({0, 1, 2} - {i}))).sum())
        for i, (x, m) in enumerate(zip(axes, mean, strict=True))
    ]
    return ExitPosterior(tuple(EXIT_PRIOR), axes, weight / weight.sum(), np.array(spread), evidence)


def _check_misfit(data: Sequence[Dwells], best: float) -> None:
    """Compare the best fit with one in which every condition has a mean time of its own."""
    if not data:
        return
    free, scale = 0.0, np.log(np.geomspace(0.2, 5.0, 200))
    for d in data:
        own = np.log((d.total + d.stayed * d.t_max) / max(d.exits, 0.5))
        free += float(d.log_likelihood(own + scale, np.log([[0.7], [0.8], [0.9], [1.0]])).max())
    misfit = 2 * (free - best)
    if chi2.sf(misfit, 2 * len(data)) < _CONTRADICTION:
        raise ValueError(
            f"the exit times contradict the model: the misfit is {misfit:.0f}, where about "
            f"{2 * len(data)} is expected; look for mixed conditions, or widen the table"
        )
