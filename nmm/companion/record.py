"""What a chapter's cell says to the book: numbers, words, equations, figures and claims.

Each call leaves a record in the cell's output. The page shows it where the text asks for it; the
tests read it from the executed notebook. Nothing is written to disk.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from io import BytesIO
from math import isfinite
from typing import Any, SupportsFloat

import numpy as np
from numpy.typing import NDArray

GLUE = "application/papermill.record/"
KEY = "nmm"  # of a record, in an output's metadata


@dataclass(frozen=True)
class Figure:
    """What is kept of a figure.

    Parameters
    ----------
    name : str
        Label on the page is ``fig-<name>``.
    alt : str
        Text for readers who do not see it: the finding, with its numbers.
    route : str
        The second way in which its main result was computed.
    deviation, tolerance : float
        How far the second way is from the figure, and how far it may be.
    reason : str
        Why the tolerance is what it is.
    arrays : dict
        Name → array, encoded, as drawn.
    texts : list of str
        Titles, axis labels, legends and other words in it.
    """

    name: str
    alt: str
    route: str
    deviation: float
    tolerance: float
    reason: str
    arrays: dict[str, dict[str, Any]]
    texts: list[str]


def number(name: str, value: SupportsFloat, unit: str = "") -> None:
    """Keep a number for the text: ``{glue:text}`name:.1f` unit``.

    Raises
    ------
    ValueError
        If it is not finite: a page must not say "nan".
    """
    plain = int(value) if isinstance(value, int | np.integer) else float(value)
    if not isfinite(plain):
        raise ValueError(f"number {name!r} is {plain}: the cell that computes it went wrong")
    _glue(name, plain, {"kind": "number", "name": name, "value": plain, "unit": unit})


def word(name: str, condition: bool, yes: str, no: str) -> None:
    """Keep a verdict for the text, so that a sentence follows the computation."""
    chosen = yes if condition else no
    _glue(name, chosen, {"kind": "word", "name": name, "value": chosen})


def claim(name: str, holds: bool, measured: str) -> None:
    """Record whether a claim of the paper holds here: one row of claims.yml names this cell.

    Parameters
    ----------
    name : str
        As in claims.yml.
    holds : bool
        The predicate, computed in this cell.
    measured : str
        What was found, in words and numbers, for the claims page.
    """
    content = {"kind": "claim", "name": name, "holds": bool(holds), "measured": measured}
    _glue(f"claim-{name}", measured, content)


def answer(
    name: str,
    value: SupportsFloat,
    unit: str = "",
    *,
    within: float = 0.01,
    slips: Mapping[float, str] | None = None,
) -> None:
    """Record the answer that a solution found, for the self-check of the page.

    Parameters
    ----------
    name : str
        Label of the exercise.
    value : float
        The answer, one number.
    unit : str, default ""
        Of the answer, as the exercise asks for it.
    within : float, default 0.01
        Relative error that still counts as right.
    slips : mapping, optional
        Known wrong answer → hint.
    """
    plain = float(value)
    if not isfinite(plain) or plain == 0:
        raise ValueError(f"answer {name!r} is {plain}: ask for a finite number that is not zero")
    known = [[float(wrong), hint] for wrong, hint in (slips or {}).items()]
    content = {"kind": "answer", "name": name, "value": plain, "unit": unit}
    _glue(f"answer-{name}", plain, {**content, "within": within, "slips": known})


def equation(label: str, latex: str) -> None:
    """Show an equation and keep it for the page, where ``{recorded-equation} label`` numbers it.

    `latex` comes from a SymPy expression; `nmm.companion.equations` has the numerical twin.
    """
    from IPython.display import Math

    _display(Math(latex))
    _glue(label, latex, {"kind": "equation", "name": label, "latex": latex})


def figure(
    name: str,
    fig: Any,
    *,
    alt: str,
    route: str,
    deviation: SupportsFloat,
    tolerance: float,
    reason: str,
) -> None:
    """Show a figure and keep it, its arrays, and the check of its result by another route.

    The tests compare `deviation` with `tolerance`, and the arrays with their references.

    Parameters
    ----------
    name : str
        ``{recorded-figure} name`` places it.
    fig : matplotlib Figure
        As drawn; every line, marker, filled area and image in it is kept.
    alt, route, deviation, tolerance, reason
        See `Figure`.
    """
    texts = drawn_texts(fig)
    arrays = {key: encode(value) for key, value in drawn_arrays(fig).items()}
    record = Figure(name, alt, route, float(deviation), float(tolerance), reason, arrays, texts)
    picture = _svg(fig)
    _close(fig)
    _display({"image/svg+xml": picture, "text/plain": alt}, raw=True)
    _glue(f"figure-{name}", picture, {"kind": "figure", **asdict(record)}, mime="image/svg+xml")


def drawn_arrays(fig: Any) -> dict[str, NDArray[np.float64]]:
    """Everything a figure shows, by place and label: lines, markers, areas, images, patches."""
    arrays: dict[str, NDArray[np.float64]] = {}
    for i, ax in enumerate(fig.axes):
        for kind, artists in _artists(ax).items():
            for j, (label, values) in enumerate(artists):
                named = "" if label.startswith("_") else f" {label}"
                arrays[f"axes {i}, {kind} {j}{named}"] = np.asarray(values, float)
    return arrays


def drawn_texts(fig: Any) -> list[str]:
    """Titles, axis labels, legends and labels of a figure; not the numbers at its ticks."""
    from matplotlib.text import Text

    found = [t.get_text() for t in fig.findobj(Text)]
    return [t for t in found if any(c.isalpha() for c in t) and "mathdefault" not in t]


def encode(array: NDArray[np.float64]) -> dict[str, Any]:
    """Write an array as text: shape, and compressed 64-bit floats in base 64."""
    content = zlib.compress(np.ascontiguousarray(array, dtype="<f8").tobytes(), 9)
    return {"shape": list(array.shape), "data": base64.b64encode(content).decode()}


def decode(encoded: dict[str, Any]) -> NDArray[np.float64]:
    """Read what `encode` wrote."""
    content = zlib.decompress(base64.b64decode(encoded["data"]))
    return np.frombuffer(content, "<f8").reshape(encoded["shape"])


def _artists(ax: Any) -> dict[str, list[tuple[str, Any]]]:
    from matplotlib.collections import PathCollection

    found: dict[str, list[tuple[str, Any]]] = {
        "line": [(a.get_label(), a.get_xydata()) for a in ax.lines],
        "image": [(a.get_label(), np.ma.filled(a.get_array(), np.nan)) for a in ax.images],
        "patch": [
            (a.get_label(), a.get_patch_transform().transform_path(a.get_path()).vertices)
            for a in ax.patches
        ],
        "widths": [("_", [a.get_linewidth() for a in ax.patches])] if ax.patches else [],
        "area": [],
        "markers": [],
        "mesh": [],
    }
    for a in ax.collections:
        if hasattr(a, "get_coordinates"):
            found["mesh"].append((a.get_label(), np.ma.filled(a.get_array(), np.nan)))
        elif isinstance(a, PathCollection):
            offsets = np.atleast_2d(a.get_offsets())
            found["markers"].append((str(a.get_label()), np.ma.filled(offsets, np.nan)))
        else:
            vertices = [path.vertices for path in a.get_paths()]
            found["area"].append((a.get_label(), np.concatenate(vertices or [np.empty((0, 2))])))
    return found


def _svg(fig: Any) -> str:
    buffer = BytesIO()
    fig.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    return buffer.getvalue().decode()


def _close(fig: Any) -> None:
    import matplotlib.pyplot as plt

    plt.close(fig)  # else the notebook shows it a second time


def _glue(name: str, value: Any, record: dict[str, Any], mime: str = "text/plain") -> None:
    # What myst_nb.glue does, plus our record; so a chapter needs no Sphinx to run.
    content = repr(value) if mime == "text/plain" else value
    metadata = {"scrapbook": {"name": name, "mime_prefix": GLUE}, KEY: record}
    _display({GLUE + mime: content}, metadata=metadata, raw=True)


def _display(content: Any, **options: Any) -> None:
    from IPython.display import display  # not at the top: `nmm list` needs no notebook

    display(content, **options)  # type: ignore[no-untyped-call]
