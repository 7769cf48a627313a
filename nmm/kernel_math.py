"""Branch-free arithmetic for the compiled kernels: exp, Gaussian numbers, random bits.

Numba's own ``exp`` does not vectorise without Intel's library. These are polynomials whose every
operation is laid down, so that one trajectory or many, one thread or several, give the same bits.
Nothing is left to the compiler's choice: it may not reorder, and multiplies and adds in one
rounding exactly where `fma` says so.
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
_EXPONENT = _ROUND + 1023.0  # the same, and leaves the exponent's bits of 2ᵏ lowest in the sum
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


@intrinsic  # type: ignore[untyped-decorator]
def fma(_context: Any, _a: Any, _b: Any, _c: Any) -> Any:
    """Compute a b + c: rounded once where the processor can, twice where not, at any width."""

    def generate(_ctx: Any, builder: Any, _signature: Any, args: Any) -> Any:
        double = ir.DoubleType()
        kind = ir.FunctionType(double, [double] * 3)
        function = builder.module.declare_intrinsic("llvm.fmuladd", [double], kind)
        return builder.call(function, args)

    double = types.float64
    return double(double, double, double), generate


@njit(inline="always")  # type: ignore[untyped-decorator]
def power_of_two(x: Any) -> tuple[Any, Any]:
    """2ˣ for |x| ≤ 1020 as two factors, the second a whole power; relative error below 1e-15."""
    shifted = x + _EXPONENT
    r = x - (shifted - _EXPONENT)
    z = r * r
    # (2ʳ − 1)/r interpolated at ten Chebyshev nodes on |r| ≤ 1/2, in two short chains.
    odd = fma(z, 1.0205905413765595e-07, 1.5252672924850737e-05)
    odd = fma(z, odd, 0.0013333558200794592)
    odd = fma(z, odd, 0.05550410866465167)
    odd = fma(z, odd, 0.6931471805599462)
    even = fma(z, 7.070977866508138e-09, 1.3215451633221434e-06)
    even = fma(z, even, 0.00015403530424776529)
    even = fma(z, even, 0.009618129107618665)
    even = fma(z, even, 0.24022650695910075)
    return fma(z, even, fma(r, odd, 1.0)), from_bits(bits(shifted) << nb.uint64(52))


@njit(inline="always")  # type: ignore[untyped-decorator]
def logistics(x: Any, y: Any) -> tuple[Any, Any]:
    """1 / (1 + 2ˣ) and 1 / (1 + 2ʸ) by one division, the slowest operation of all.

    Arguments are held within ±500, so that the product of the two denominators is finite.
    """
    a, b = power_of_two(min(max(x, -500.0), 500.0))
    p = fma(a, b, 1.0)
    a, b = power_of_two(min(max(y, -500.0), 500.0))
    q = fma(a, b, 1.0)
    r = 1.0 / (p * q)
    return r * q, r * p


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
    q = fma(z, fma(z, 2 / 17.0, 2 / 15.0), 2 / 13.0)
    q = fma(z, fma(z, fma(z, q, 2 / 11.0), 2 / 9.0), 2 / 7.0)
    q = fma(z, fma(z, fma(z, q, 2 / 5.0), 2 / 3.0), 2.0)
    return fma(e, 0.6931471805599453, s * q)


@njit(inline="always")  # type: ignore[untyped-decorator]
def turn(v: Any) -> tuple[Any, Any]:
    """(cos 2πv, sin 2πv) for v in [0, 1), absolute error below 1e-12."""
    x = v - 0.5  # half a turn back: both change sign
    k = (2.0 * x + _ROUND) - _ROUND
    y = fma(k, -0.5, x) * 6.283185307179586
    sign = fma(2.0, abs(k), -1.0)
    z = y * y
    s = fma(z, fma(z, 1 / 355687428096000.0, -1 / 1307674368000.0), 1 / 6227020800.0)
    s = fma(z, fma(z, fma(z, s, -1 / 39916800.0), 1 / 362880.0), -1 / 5040.0)
    s = fma(z, fma(z, fma(z, s, 1 / 120.0), -1 / 6.0), 1.0)
    c = fma(z, fma(z, 1 / 20922789888000.0, -1 / 87178291200.0), 1 / 479001600.0)
    c = fma(z, fma(z, fma(z, c, -1 / 3628800.0), 1 / 40320.0), -1 / 720.0)
    c = fma(z, fma(z, fma(z, c, 1 / 24.0), -0.5), 1.0)
    return c * sign, y * s * sign


@njit(inline="always")  # type: ignore[untyped-decorator]
def uniforms(r1: Any, r2: Any) -> tuple[Any, Any]:
    """Two words of random bits as one number in (0, 1] and one in [0, 1)."""
    u = 2.0 - from_bits((r1 >> nb.uint64(12)) | _ONE_BITS)
    v = from_bits((r2 >> nb.uint64(12)) | _ONE_BITS) - 1.0
    return u, v
