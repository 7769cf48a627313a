"""The competitors in C: compiled when they are needed, called through ctypes."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmm import NeuralMass

Array = NDArray[np.float64]

FOLDER = Path(__file__).parent
# The last two let sqrt and comparisons become vector instructions. The order of operations stays;
# a multiplication and an addition may become one.
FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math")
# What is built of each source: name of the competitor, and flags of its own.
_VARIANTS = {
    "trajectory": {
        "C, scalar": ["-fno-tree-slp-vectorize"],
        "C, scalar, exp of the C library": ["-fno-tree-slp-vectorize", "-DLIBM"],
    },
    "ensemble": {
        "C, vectorised": [],
        "C, vectorised, 512-bit registers": ["-mprefer-vector-width=512"],  # else 256 are used
    },
}

_DOUBLES = np.ctypeslib.ndpointer(np.float64, flags="C_CONTIGUOUS")
_ARGUMENTS: dict[str, list[Any]] = {
    "trajectory": [_DOUBLES, ctypes.c_double, ctypes.c_int64, _DOUBLES],
    "ensemble": [
        *(_DOUBLES, ctypes.c_double, ctypes.c_int64, ctypes.c_int64, ctypes.c_double),
        *(ctypes.c_uint64, ctypes.c_int64, ctypes.c_int, _DOUBLES),
    ],
}


@dataclass(frozen=True)
class Compiled:
    """A C function, and how long its compilation took.

    Parameters
    ----------
    call : callable
        The function.
    seconds : float
        Compile time.
    parallel : bool
        Whether it can use several threads.
    """

    call: Any
    seconds: float
    parallel: bool


def compiler() -> str | None:
    """Name of the C compiler: that of the variable CC, else cc, gcc or clang; None without one."""
    names = filter(None, (os.environ.get("CC"), "cc", "gcc", "clang"))
    return next((name for name in names if shutil.which(name)), None)


def version() -> str:
    """First line of what the compiler says of itself."""
    return _run([_need_compiler(), "--version"]).splitlines()[0]


def build_all(name: str, folder: Path) -> dict[str, Compiled]:
    """Compile all variants of ``<name>.c`` into `folder`: competitor → function; none without cc.

    Parameters
    ----------
    name : {"trajectory", "ensemble"}
        Which.
    folder : Path
        Where the libraries go.
    """
    if compiler() is None:
        return {}
    macros = _run([_need_compiler(), "-march=native", "-dM", "-E", "-x", "c", os.devnull])
    return {
        variant: build(name, folder / f"{name}{i}.so", flags)
        for i, (variant, flags) in enumerate(_VARIANTS[name].items())
        if "512" not in variant or "__AVX512F__" in macros
    }


def build(name: str, library: Path, flags: list[str]) -> Compiled:
    """Compile ``<name>.c`` to `library`; for several threads if the compiler knows OpenMP."""
    command = [_need_compiler(), *FLAGS, *flags, "-shared", "-fPIC", "-o", str(library)]
    tail = [str(FOLDER / f"{name}.c"), "-lm"]
    started, parallel = time.perf_counter(), True
    try:
        _run([*command, "-fopenmp", *tail])
    except subprocess.CalledProcessError:
        started, parallel = time.perf_counter(), False
        _run([*command, *tail])
    seconds = time.perf_counter() - started
    function = ctypes.CDLL(str(library))[name]
    function.argtypes, function.restype = _ARGUMENTS[name], None
    return Compiled(function, seconds, parallel)


def trajectory(function: Compiled, m: NeuralMass, steps: int, dt: float) -> Array:
    """Integrate a column without noise from rest, by C: array (1, steps + 1, 8)."""
    out = np.empty((1, steps + 1, 8))
    out[:, 0] = 0.0
    function.call(numbers(m), dt, steps, out)
    return out


def ensemble(
    function: Compiled,
    m: NeuralMass,
    steps: int,
    dt: float,
    *,
    every: int,
    sigma: float,
    trials: int,
    threads: int,
    seed: int = 1,
) -> Array:
    """Integrate many columns with noise from rest, by C: array (trials, steps // every + 1, 8)."""
    out = np.empty((trials, steps // every + 1, 8))
    out[:, 0] = 0.0
    noise = float(m.E[4, 0]) * sigma * dt**0.5
    function.call(numbers(m), dt, steps, every, noise, seed, trials, threads, out)
    return out


def numbers(m: NeuralMass) -> Array:
    """Constants of one column in the order of ``column.h``."""
    s, rows = m.sigmoid, range(4)
    synapses = m.B[4:] * s.height
    offset = s.height / (1.0 + np.exp(s.bias)) if s.centred else 0.0
    constant = (m.E @ m.u - offset * m.B.sum(axis=1))[4:]
    present = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0), (2, 2), (2, 3), (3, 2), (3, 3)]
    return np.array(
        [
            *(m.A[4 + i, i] for i in rows),
            *(m.A[4 + i, 4 + i] for i in rows),
            *constant,
            *(synapses[index] for index in present),
            *(-s.slope * np.log2(np.e), s.bias * np.log2(np.e)),
        ]
    )


def _need_compiler() -> str:
    name = compiler()
    if name is None:
        raise FileNotFoundError("no C compiler found: install one, or name it in the variable CC")
    return name


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
