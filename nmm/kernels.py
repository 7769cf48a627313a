"""Compiled simulation kernels, written out for the sparsity of one model and kept on disk.

A model in Lur'e form has few non-zero entries. The kernel names each of them, so that nothing is
looked up inside a step; the numbers themselves are arguments, so one kernel serves every choice of
parameters. The text goes to a folder of its own, where Numba keeps the machine code beside it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import gettempdir
from typing import Any

from nmm import kernel_math

Index = tuple[int, ...]

_LOG2E = 1.4426950408889634


@dataclass(frozen=True)
class Pattern:
    """Which coefficients of ẋ = A x + B σ(C x + d) + k + G ẇ are not zero; σ is the logistic.

    `coefficients` lists (matrix, index) in the order of the kernel's coefficient array; `ones`
    lists the entries that are exactly one and need no coefficient. With `powers` = n > 0, σ is the
    odd polynomial Σ_k P_k y^(2k+1), k = 0 … n − 1, instead.
    """

    n_states: int
    n_sigmoids: int
    n_noises: int
    coefficients: tuple[tuple[str, Index], ...]
    ones: tuple[tuple[str, Index], ...]
    powers: int = 0


@lru_cache
def kernel(
    pattern: Pattern, width: int, varying: bool = False, watch: bool = False
) -> Callable[..., None]:
    """Return the compiled stochastic Heun kernel for `pattern`.

    Parameters
    ----------
    pattern : Pattern
        Which entries are there.
    width : int
        Trajectories advanced side by side in one block; 1 for a single trajectory.
    varying : bool, default False
        Whether coefficients change in time.
    watch : bool, default False
        Whether to note the first step at which |ζ|, ζ = p·x − p·x*, passes a limit, instead of
        writing out states.

    Returns
    -------
    callable
        ``run(x, bits, spare, coef, h, start, stop, every, out)``: advances ``x`` (blocks, N, width)
        from step `start` to `stop`, `coef` (steps + 1 or 1, n) being the coefficients, and writes
        each `every`-th state to ``out`` (trials, n_t, N). With `watch`,
        ``run(x, bits, spare, coef, h, start, stop, modes, square, side, hit)``: modes (2, N + 1)
        holds the real and the imaginary part of p and −p·x*; where side·(|ζ|² − square) ≥ 0 for
        the first time, the step goes to ``hit`` (blocks, width), which comes filled with infinity.
    """
    text = source(pattern, width, varying, watch)
    words = text + Path(kernel_math.__file__).read_text(encoding="utf8")
    name = "kernel_" + hashlib.sha256(words.encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}.py"
    if not path.exists():
        # Another process may do the same: write aside, then rename, so no half file is ever read.
        aside = path.with_suffix(f".{os.getpid()}.tmp")
        aside.write_text(text, encoding="utf8")
        aside.replace(path)
    spec = importlib.util.spec_from_file_location(f"nmm_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    run: Callable[..., None] = module.run
    return run


def cache_folder() -> Path:
    """Where kernels are kept: ``NMM_CACHE_DIR``, else the user's cache, else a temporary folder."""
    wanted = os.environ.get("NMM_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    first = Path(wanted) if wanted else Path(home or Path.home() / ".cache") / "nmm"
    for folder in (first, Path(gettempdir()) / "nmm-kernels"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise OSError(f"no folder to keep compiled kernels: {first}; set NMM_CACHE_DIR to one")


def source(pattern: Pattern, width: int, varying: bool, watch: bool = False) -> str:
    """Return the Python text of the kernel: one step of Heun, written out."""
    states, noises = range(pattern.n_states), range(pattern.n_noises)
    number = {entry: i for i, entry in enumerate(pattern.coefficients)}
    load = [f"a{i} = coef[i * {int(varying)}, {i}]" for i in number.values()]
    ahead = [f"b{i} = coef[i + 1, {i}]" for i in number.values()] if varying else []
    step = [
        *(f"x{i} = X{i}[k]" for i in states),
        *(f"w{j} = W{j}[k]" for j in noises),
        *_flow(pattern, number, "x", "f", "a"),
        *(f"n{i} = {noise}" for i, noise in _noise(pattern, number).items()),
        *(f"y{i} = fma(h, f{i}, x{i}){_plus_noise(pattern, i)}" for i in states),
        *_flow(pattern, number, "y", "e", "b" if varying else "a"),
        *(f"X{i}[k] = fma(q, f{i} + e{i}, x{i}){_plus_noise(pattern, i)}" for i in states),
    ]
    draws = [line for j in noises for line in _DRAW.format(j=j, width=width).splitlines()]
    blocks = {
        "VIEWS": [f"X{i} = x[block, {i}]" for i in states]
        + [f"W{j} = np.zeros({width}); S{j} = spare[block, {j}]" for j in noises],
        "FIXED": [] if varying else load,
        "DRAWS": draws,
        "VARYING": [*load, *ahead] if varying else [],
        "STEP": step,
        "STORE": [f"out[trial, row, {i}] = X{i}[k]" for i in states],
    }
    template = _watching(pattern.n_states) if watch else _TEMPLATE
    text = template.replace("WIDTH", str(width)).replace("PARALLEL", str(width > 1))
    for name, lines in blocks.items():
        text = _fill(text, name, lines)
    return text


def _watching(n_states: int) -> str:
    """The template, with a look at |ζ| after each step in place of the output."""
    head, _ = _TEMPLATE.split("            i += 1\n")
    head = head.replace("every, out", "modes, square, side, hit")
    parts = [" + ".join([f"modes[{j}, {i}] * X{i}[k]" for i in range(n_states)]) for j in range(2)]
    return head + _WATCH.format(parts[0], parts[1], n_states)


def _flow(
    pattern: Pattern, number: dict[tuple[str, Index], int], x: str, out: str, c: str
) -> list[str]:
    """Lines that compute the flow at the states `x` into `out`, with the coefficients `c`."""
    arguments = [
        _sum(pattern, number, {"d": "", "C": x}, row, c) for row in range(pattern.n_sigmoids)
    ]
    if pattern.powers:
        lines = _polynomials(pattern, number, arguments, c)
    else:
        lines = [
            f"s{row}, s{row + 1} = logistics({', '.join([*arguments, '0.0'][row : row + 2])})"
            for row in range(0, pattern.n_sigmoids, 2)
        ]
    for row in range(pattern.n_states):
        lines.append(f"{out}{row} = {_sum(pattern, number, {'k': '', 'A': x, 'B': 's'}, row, c)}")
    return lines


def _polynomials(
    pattern: Pattern, number: dict[tuple[str, Index], int], arguments: list[str], c: str
) -> list[str]:
    """Lines that compute each y Σ_k P_k (y²)ᵏ by Horner's rule."""
    total = ""
    for k in reversed(range(pattern.powers)):
        coefficient = f"{c}{number['P', (k,)]}" if ("P", (k,)) in number else ""
        total = _plus(coefficient, total, "z") if total else coefficient
    lines = []
    for row, argument in enumerate(arguments):
        lines += [f"y = {argument}", "z = y * y", f"s{row} = y * ({total or '0.0'})"]
    return lines


def _sum(
    pattern: Pattern,
    number: dict[tuple[str, Index], int],
    factors: dict[str, str],
    row: int,
    c: str,
) -> str:
    """Text of one row's sum; what comes first in `factors` is summed first, what is late last."""
    total = ""
    for matrix, factor in factors.items():
        for entry in (*pattern.ones, *pattern.coefficients):
            if entry[0] != matrix or entry[1][0] != row:
                continue
            variable = f"{factor}{entry[1][1]}" if factor else ""
            coefficient = f"{c}{number[entry]}" if entry in number else ""
            total = _plus(total, coefficient, variable)
    return total or "0.0"


def _plus(total: str, coefficient: str, variable: str) -> str:
    """Text of total + coefficient · variable, some of which may be absent."""
    if total and coefficient and variable:
        return f"fma({coefficient}, {variable}, {total})"
    product = " * ".join(filter(None, (coefficient, variable))) or "1.0"
    return f"{total} + {product}" if total else product


def _noise(pattern: Pattern, number: dict[tuple[str, Index], int]) -> dict[int, str]:
    rows = sorted({index[0] for matrix, index in pattern.coefficients if matrix == "G"})
    return {row: _sum(pattern, number, {"G": "w"}, row, "a") for row in rows}


def _plus_noise(pattern: Pattern, row: int) -> str:
    noisy = any(m == "G" and index[0] == row for m, index in pattern.coefficients)
    return f" + n{row}" if noisy else ""


def _fill(text: str, name: str, lines: Iterable[str]) -> str:
    """Replace the line ``# NAME`` by `lines`, at its indentation."""
    out = []
    for line in text.splitlines():
        if line.strip() == f"# {name}":
            indent = line[: len(line) - len(line.lstrip())]
            out += [indent + added for added in lines]
        else:
            out.append(line)
    return "\n".join(out) + "\n"


# xoshiro256+ (Blackman & Vigna 2021) and Box–Muller: one pair of numbers serves two steps.
_DRAW = """\
if i & 1:
    for k in range({width}):
        W{j}[k] = S{j}[k]
else:
    for k in range({width}):
        s0 = B0[{j}, k]; s1 = B1[{j}, k]; s2 = B2[{j}, k]; s3 = B3[{j}, k]
        r1 = s0 + s3
        t = s1 << nb.uint64(17)
        s2 ^= s0; s3 ^= s1; s1 ^= s2; s0 ^= s3; s2 ^= t
        s3 = (s3 << nb.uint64(45)) | (s3 >> nb.uint64(19))
        r2 = s0 + s3
        t = s1 << nb.uint64(17)
        s2 ^= s0; s3 ^= s1; s1 ^= s2; s0 ^= s3; s2 ^= t
        s3 = (s3 << nb.uint64(45)) | (s3 >> nb.uint64(19))
        B0[{j}, k] = s0; B1[{j}, k] = s1; B2[{j}, k] = s2; B3[{j}, k] = s3
        u, v = uniforms(r1, r2)
        radius = math.sqrt(-2.0 * logarithm(u))
        c, s = turn(v)
        W{j}[k] = radius * c
        S{j}[k] = radius * s"""

_TEMPLATE = '''\
"""Written by nmm.kernels; safe to delete."""
import math

import numba as nb
import numpy as np
from numba import njit, prange

from nmm.kernel_math import fma, logarithm, logistics, turn, uniforms


@njit(parallel=PARALLEL, cache=True, error_model="numpy")
def run(x, bits, spare, coef, h, start, stop, every, out):
    q = 0.5 * h
    for block in prange(x.shape[0]):
        # VIEWS
        B0 = bits[block, 0]; B1 = bits[block, 1]; B2 = bits[block, 2]; B3 = bits[block, 3]
        i = 0
        # FIXED
        for step in range(start, stop):
            # DRAWS
            # VARYING
            for k in range(WIDTH):
                # STEP
            i += 1
            if (step + 1) % every == 0:
                row = (step + 1) // every
                for k in range(WIDTH):
                    trial = block * WIDTH + k
                    if trial < out.shape[0]:
                        # STORE
'''

_WATCH = """\
                re = {0} + modes[0, {2}]
                im = {1} + modes[1, {2}]
                passed = side * (re * re + im * im - square) >= 0.0
                hit[block, k] = min(hit[block, k], step + 1.0 if passed else np.inf)
            i += 1
"""


def coefficients(pattern: Pattern, values: dict[tuple[str, Index], Any]) -> list[Any]:
    """Return the values of the non-zero entries in the order of the kernel.

    The kernel's exponential has base two: σ(y) = 1 / (1 + 2^(−y log₂ e)), so the sigmoids'
    arguments C x + d come in that unit. A polynomial takes them as they are.
    """
    unit = 1.0 if pattern.powers else -_LOG2E
    return [
        values[entry] * (unit if entry[0] in ("C", "d") else 1.0) for entry in pattern.coefficients
    ]
