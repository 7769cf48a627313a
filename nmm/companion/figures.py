"""The figures contract: what a figure shows is kept, compared, and checked by a second route."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from nmm.companion.chapters import records, root
from nmm.companion.record import decode

# Relative to the largest value of an array. Two builds of the C library differ by 1e-15 a step; a
# driven column forgets within a second, so 1e-8 leaves room and still sees any change of a model.
TOLERANCE = 1e-8
# Numbers in the text have at most four digits; what is a measured error may move in its sixth.
VALUE_TOLERANCE = 1e-5
_PLACED = re.compile(r"^[`:]{3,}\{recorded-figure\}\s*(\S+)", re.M)

Arrays = Mapping[str, NDArray[np.float64]]


def placed(text: str) -> list[str]:
    """Names of the figures that a page shows."""
    return _PLACED.findall(text)


def arrays(record: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Arrays of a figure's record, by name."""
    return {name: decode(encoded) for name, encoded in record["arrays"].items()}


def changes(shown: Arrays, reference: Arrays, *, tolerance: float = TOLERANCE) -> list[str]:
    """Say where a figure differs from its reference, and by how much.

    Parameters
    ----------
    shown, reference : mapping
        Name → array, as `arrays` and `load` give them.
    tolerance : float, default 1e-8
        Largest difference allowed, relative to the largest value of the reference array,
        each coordinate by itself.

    Returns
    -------
    list of str
        One line for each array that differs; empty if the figure is the same.
    """
    lines = [f"{name}: no longer drawn" for name in reference if name not in shown]
    lines += [f"{name}: new, without a reference" for name in shown if name not in reference]
    for name in reference.keys() & shown.keys():
        one, other = shown[name], reference[name]
        if one.shape != other.shape:
            lines.append(f"{name}: shape {one.shape}, was {other.shape}")
            continue
        worst = _difference(one, other)
        if not worst <= tolerance:
            lines.append(
                f"{name}: differs by {worst:.1e} of its largest value, {tolerance:.0e} allowed"
                + _where(one, other)
            )
    return sorted(lines)


def _where(one: NDArray[np.float64], other: NDArray[np.float64]) -> str:
    """Say where two arrays of one shape differ most, and by what."""
    gap = np.where(np.isnan(one) | np.isnan(other), 0.0, np.abs(one - other))
    if not gap.size or not gap.max() > 0:
        return "; gaps in other places"
    place = np.unravel_index(gap.argmax(), gap.shape)
    at = ", ".join(map(str, map(int, place)))
    return f"; most at [{at}]: {one[place]:.6g}, was {other[place]:.6g}"


def tolerances(page: str, kind: str) -> dict[str, float]:
    """Name → difference from its reference that book/tolerances.yml allows, on another processor.

    Parameters
    ----------
    page : str
        A chapter.
    kind : {"figure", "number"}
        Of what.
    """
    rows = tolerance_rows().get(page, [])
    return {row[kind]: float(row["tolerance"]) for row in rows if kind in row}


def tolerance_rows() -> dict[str, list[dict[str, Any]]]:
    """Chapter → rows of book/tolerances.yml."""
    text = (root() / "book" / "tolerances.yml").read_text(encoding="utf8")
    return yaml.safe_load(text) or {}


def fingerprint(shown: Arrays) -> str:
    """SHA-256 of a figure's arrays: names, shapes and values, to the last bit."""
    digest = hashlib.sha256()
    for name in sorted(shown):
        array = np.ascontiguousarray(shown[name], dtype="<f8")
        digest.update(f"{name}\0{array.shape}\0".encode() + array.tobytes())
    return digest.hexdigest()


def values(notebook: Any) -> dict[str, dict[str, Any]]:
    """What a chapter says beside its arrays: numbers, words, equations, words in figures."""
    kinds = {"number": "value", "word": "value", "equation": "latex", "figure": "texts"}
    return {
        kind: {name: record[part] for name, record in records(notebook, kind).items()}
        for kind, part in kinds.items()
    }


def value_changes(
    said: Mapping[str, Mapping[str, Any]],
    reference: Mapping[str, Mapping[str, Any]],
    *,
    allowed: Mapping[str, float] = MappingProxyType({}),
) -> list[str]:
    """Say which numbers, words, equations and labels differ from their references, and how.

    `allowed` has the numbers that may differ by more than `VALUE_TOLERANCE`, relative.
    """
    lines = []
    for kind in sorted({*said, *reference}):
        one, other = said.get(kind, {}), reference.get(kind, {})
        for name in sorted({*one, *other}):
            new, old = one.get(name), other.get(name)
            if isinstance(new, float) and isinstance(old, float):
                if abs(new - old) <= allowed.get(name, VALUE_TOLERANCE) * max(abs(old), 1e-6):
                    continue
            elif new == old:
                continue
            lines.append(f"{kind} {name}: is {new!r}, was {old!r}")
    return lines


def _difference(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Largest difference, each column relative to its own largest value; gaps must agree."""
    if not np.array_equal(np.isnan(one), np.isnan(other)):
        return np.inf
    columns = other.reshape(-1, other.shape[-1] if other.ndim > 1 else 1)
    gap = np.abs(one.reshape(columns.shape) - columns)
    scale = np.nanmax(np.abs(columns), axis=0, initial=0.0)
    worst = np.nanmax(gap, axis=0, initial=0.0) / np.where(scale > 0, scale, 1.0)
    return float(worst.max(initial=0.0))


def store(path: Path, content: Arrays) -> None:
    """Write reference arrays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        arrays: Any = {name.replace("/", "÷"): a for name, a in content.items()}
        np.savez_compressed(file, **arrays)


def load(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read reference arrays."""
    with np.load(path, allow_pickle=False) as file:
        return {name.replace("÷", "/"): file[name] for name in file.files}
