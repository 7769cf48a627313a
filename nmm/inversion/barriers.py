"""The two numbers that an exit-time curve holds: a barrier and a prefactor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from nmm.checks import number, real_array
from nmm.sigmoid import Array


@dataclass(frozen=True, eq=False)
class Barrier:
    """What a curve of exit times against noise says of the well.

    Parameters
    ----------
    height : float
        In the unit of σ²: the barrier ΔU of ``dR = −U′ dt + σ dW``; ``2ΔU/|β|²`` for a column,
        whose D is ``|β|²σ²/4``.
    log_prefactor : float
        Natural logarithm of the factor, in the unit of time.
    cov : array (2, 2)
        Of both; without `sd` from the residuals, infinite if there are none to spare.
    """

    height: float
    log_prefactor: float
    cov: Array


def fit_barrier(
    sigma: ArrayLike,
    log_time: ArrayLike,
    *,
    sd: ArrayLike | None = None,
    prefactor_power: float = 0,
) -> Barrier:
    """Fit ``log T = log_prefactor + prefactor_power·ln σ + 2·height/σ²`` by least squares.

    On exact data both numbers come back to within 1e-10 of the size of the data: of the largest
    ``log_time`` for the prefactor, of that times σ² for the height.

    Parameters
    ----------
    sigma : array (n,)
        Noise intensities, at least two different ones.
    log_time : array (n,)
        Natural logarithm of the mean exit times.
    sd : float or array (n,), optional
        Standard deviations of `log_time`: weights, and the scale of `cov`. Default: equal ones, of
        the size of the residuals.
    prefactor_power : float, default 0
        0 for a one-dimensional well; 1 for exits from rest in a radial well.

    Returns
    -------
    Barrier

    Raises
    ------
    ValueError
        If there are fewer than two noise intensities, or a number is not finite: a condition
        without exits has no mean time, and does not belong here.

    Examples
    --------
    >>> import numpy as np
    >>> from nmm import fit_barrier
    >>> noise = np.array([0.6, 0.8, 1.0])
    >>> found = fit_barrier(noise, 3.0 / noise**2 - 1.5)
    >>> round(found.height, 6), round(found.log_prefactor, 6)
    (1.5, -1.5)
    """
    noise, log_T = real_array("sigma", sigma).ravel(), real_array("log_time", log_time).ravel()
    power = number("prefactor_power", prefactor_power)
    if noise.shape != log_T.shape or not (np.isfinite(noise) & (noise > 0)).all():
        raise ValueError(
            f"sigma has shape {noise.shape}, log_time {log_T.shape}; give as many positive noise "
            f"intensities as times"
        )
    if not np.isfinite(log_T).all():
        raise ValueError(
            "log_time is not finite everywhere: where all trials were censored there is no mean "
            "exit time; leave that noise out, or use the likelihood of censored times"
        )
    if np.ptp(noise) <= 1e-9 * noise.max(initial=0):
        raise ValueError(
            f"sigma = {noise}: one noise intensity does not tell the barrier from the prefactor; "
            f"give two or more"
        )
    error = (
        np.ones_like(noise) if sd is None else np.broadcast_to(real_array("sd", sd), noise.shape)
    )
    if not (np.isfinite(error) & (error > 0)).all():
        raise ValueError(f"sd = {sd!r}; standard deviations must be positive and finite")
    x, y, w = 2 / noise**2, log_T - power * np.log(noise), 1 / error**2
    x_mean, y_mean = np.average(x, weights=w), np.average(y, weights=w)
    spread = float(w @ (x - x_mean) ** 2)
    height = float(w @ ((x - x_mean) * (y - y_mean))) / spread
    prefactor = float(y_mean - height * x_mean)
    cov = np.array([[1.0, -x_mean], [-x_mean, x_mean**2 + spread / w.sum()]]) / spread
    if sd is None:
        spare = noise.size - 2
        residual = y - prefactor - height * x
        cov = cov * (residual @ residual / spare) if spare else np.full((2, 2), np.inf)
    return Barrier(height, prefactor, cov)


def kramers_from_above(slopes: ArrayLike, s: ArrayLike, *, convention: str = "textbook") -> Array:
    """Log of Kramers' mean time from the upper state of a polynomial potential over its barrier.

    ``dR = −U′(R) dt + s dW`` with ``U′ = R (b_0 + b_1 R² + b_2 R⁴)``, all without units.

    Parameters
    ----------
    slopes : array (..., 3)
        b_0, b_1, b_2; (4, −5, 1) has the barrier at one and the upper state at two.
    s : array (n,)
        Noise.
    convention : {"textbook", "scripts"}
        Prefactor ``2π/√|U″U″|``; or that of the authors' public scripts: ``1/(2π√|U″U″|)`` with
        second differences at a distance of 0.01 that are not divided by its square, over e⁶.

    Returns
    -------
    array (..., n)
        Nan if there is no barrier below an upper state.
    """
    b = np.moveaxis(real_array("slopes", slopes), -1, 0)
    if convention not in ("textbook", "scripts"):
        raise ValueError(f"convention = {convention!r}; it must be 'textbook' or 'scripts'")
    wells = (b[0] > 0) & (b[1] < 0) & (b[2] > 0) & (b[1] ** 2 > 4 * b[0] * b[2])
    b = np.where(wells, b, np.nan)
    root = np.sqrt(b[1] ** 2 - 4 * b[0] * b[2])
    squares = (-b[1] + np.multiply.outer([-1, 1], root)) / (2 * b[2])  # barrier, upper state
    barrier, upper = squares * (b[0] / 2 + squares * (b[1] / 4 + squares * b[2] / 6))
    bends = b[0] + squares * (3 * b[1] + squares * 5 * b[2])
    shift = -np.log(np.abs(bends)).sum(axis=0) / 2
    if convention == "textbook":
        shift = shift + np.log(2 * np.pi)
    else:
        shift = shift - np.log(2 * np.pi) - 2 * np.log(0.01) - 6
    height = 2 * (barrier - upper)
    return np.asarray(shift[..., None] + height[..., None] / real_array("s", s) ** 2)
