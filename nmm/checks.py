"""Small checks at the boundary: what was given, why it is wrong, what to try."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nmm.sigmoid import Array


def number(what: str, value: Any, *, positive: bool = False) -> float:
    """Return `value` as a finite float, or raise ValueError naming `what`."""
    array = real_array(what, value)
    if array.shape != () or not np.isfinite(array):
        raise ValueError(f"{what} = {value!r}; it must be one finite number")
    if positive and array <= 0:
        raise ValueError(f"{what} = {value!r}; it must be positive")
    return float(array)


def whole_number(what: str, value: Any, least: int = 1) -> int:
    """Return `value` as an int of at least `least`, or raise ValueError naming `what`."""
    try:
        count = int(value) if isinstance(value, float) and value.is_integer() else index(value)
    except (TypeError, OverflowError):
        raise ValueError(f"{what} = {value!r}; it must be a whole number") from None
    if count < least or isinstance(value, bool | np.bool_):
        raise ValueError(f"{what} = {value!r}; it must be a whole number from {least}")
    return count


def interval_around(name: str, interval: Any, own: float) -> tuple[float, float]:
    """Return the ends of an interval that holds `own`, or raise ValueError."""
    ends = real_array(f"the interval of {name}", interval)
    if ends.shape != (2,) or not np.isfinite(ends).all() or not ends[0] <= own <= ends[1]:
        raise ValueError(
            f"the interval {interval} must hold the starting value {name} = {own}: move the "
            f"interval, or start from m.with_({name}=...)"
        )
    if ends[0] == ends[1]:
        raise ValueError(f"the interval {interval} of {name} is empty")
    return float(ends[0]), float(ends[1])


def real_array(what: str, value: ArrayLike) -> Array:
    """Return `value` as an array of floats, or raise ValueError naming `what`."""
    try:
        array = np.asarray(value)
        if np.iscomplexobj(array):
            raise TypeError
        return np.asarray(array, float)
    except (TypeError, ValueError):
        raise ValueError(f"{what} = {value!r}; it must be made of real numbers") from None


def covariance(what: str, value: ArrayLike, size: int | None = None) -> Array:
    """Return `value` as a symmetric positive-semidefinite matrix, or raise ValueError.

    With `size`, a number stands for that variance everywhere, a vector for the diagonal.
    """
    matrix = real_array(what, value)
    if size is not None and matrix.ndim < 2:
        matrix = np.diag(np.broadcast_to(matrix, size)) if matrix.size in (1, size) else matrix
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or size not in (None, len(matrix)):
        expected = f"{size or 'n'} × {size or 'n'}"
        raise ValueError(f"{what} has shape {matrix.shape}; it must be {expected}")
    scale = np.sqrt(np.abs(np.diag(matrix)))
    rounding = 1e-8 * np.outer(scale, scale)
    if not np.isfinite(matrix).all() or (np.abs(matrix - matrix.T) > rounding).any():
        raise ValueError(f"{what} must be finite and symmetric")
    values = np.linalg.eigvalsh(matrix)
    if matrix.size == 0 or values[0] < -1e-10 * max(values[-1], 0):
        raise ValueError(f"{what} has a negative eigenvalue, {values[:1]}; no variance is negative")
    return np.asarray((matrix + matrix.T) / 2)
