"""Branch-free arithmetic for the compiled kernels: exp, Gaussian numbers, random bits.

Numba's own ``exp`` does not vectorise without Intel's library. These are polynomials, strict in
IEEE arithmetic, so that one trajectory or many, one thread or several, give the same bits.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import types
from numba.extending import intrinsic

_ROUND = 6755399441055744.0  # 1.5 · 2⁵²: adding it rounds to an integer
_ROUND_BITS = nb.uint64(0x4338000000000000)
_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10
_ONE_BITS = nb.uint64(0x3FF0000000000000)
_MANTISSA = nb.uint64(0x000FFFFFFFFFFFFF)


@intrinsic  # type: ignore[untyped-decorator]
def bits(_context: Any, _x: Any) -> Any:
    """The 64 bits of a float."""

    def generate(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.uint64(types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def from_bits(_context: Any, _x: Any) -> Any:
    """The float that has these 64 bits."""

    def generate(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.uint64), generate


@njit(inline="always")  # type: ignore[untyped-decorator]
def exponential(x: Any) -> Any:
    """exp(x), relative error below 1e-14 for |x| ≤ 700, held at the ends beyond."""
    x = min(max(x, -700.0), 700.0)
    shifted = x * _LOG2E + _ROUND
    k = shifted - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1 / 3628800.0 + r * (1 / 39916800.0)
    p = 1 / 362880.0 + r * p
    p = 1 / 40320.0 + r * p
    p = 1 / 5040.0 + r * p
    p = 1 / 720.0 + r * p
    p = 1 / 120.0 + r * p
    p = 1 / 24.0 + r * p
    p = 1 / 6.0 + r * p
    p = 1.0 + r * (1.0 + r * (0.5 + r * p))
    exponent = (bits(shifted) - _ROUND_BITS + nb.uint64(1023)) << nb.uint64(52)
    return p * from_bits(exponent)


@njit(inline="always")  # type: ignore[untyped-decorator]
def logarithm(u: Any) -> Any:
    """log(u) for normal u > 0, absolute error below 1e-15 near 1."""
    i = bits(u)
    e = np.float64(np.int64(i >> nb.uint64(52))) - 1023.0
    m = from_bits((i & _MANTISSA) | _ONE_BITS)
    large = m > 1.4142135623730951
    m = m * 0.5 if large else m
    e = e + 1.0 if large else e
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    q = 2 / 13.0 + z * (2 / 15.0 + z * (2 / 17.0))
    q = 2 / 7.0 + z * (2 / 9.0 + z * (2 / 11.0 + z * q))
    q = s * (2.0 + z * (2 / 3.0 + z * (2 / 5.0 + z * q)))
    return e * 0.6931471805599453 + q


@njit(inline="always")  # type: ignore[untyped-decorator]
def turn(v: Any) -> tuple[Any, Any]:
    """(cos 2πv, sin 2πv) for v in [0, 1), absolute error below 1e-12."""
    x = v - 0.5  # half a turn back: both change sign
    k = (2.0 * x + _ROUND) - _ROUND
    y = (x - 0.5 * k) * 6.283185307179586
    sign = 2.0 * abs(k) - 1.0
    z = y * y
    s = 1 / 6227020800.0 + z * (-1 / 1307674368000.0 + z * (1 / 355687428096000.0))
    s = 1 / 120.0 + z * (-1 / 5040.0 + z * (1 / 362880.0 + z * (-1 / 39916800.0 + z * s)))
    s = y * (1.0 + z * (-1 / 6.0 + z * s))
    c = 1 / 479001600.0 + z * (-1 / 87178291200.0 + z * (1 / 20922789888000.0))
    c = 1 / 24.0 + z * (-1 / 720.0 + z * (1 / 40320.0 + z * (-1 / 3628800.0 + z * c)))
    c = 1.0 + z * (-0.5 + z * c)
    return c * sign, s * sign


@njit(inline="always")  # type: ignore[untyped-decorator]
def uniforms(r1: Any, r2: Any) -> tuple[Any, Any]:
    """Two words of random bits as one number in (0, 1] and one in [0, 1)."""
    u = 2.0 - from_bits((r1 >> nb.uint64(12)) | _ONE_BITS)
    v = from_bits((r2 >> nb.uint64(12)) | _ONE_BITS) - 1.0
    return u, v
