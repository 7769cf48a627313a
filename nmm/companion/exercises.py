"""Exercises: what a page asks, what its solution found, and how an answer is judged.

A chapter is the one source of an exercise. Its solution calls `answer`; the page's self-check, the
notebook with open exercises, and `check` follow from that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, SupportsFloat

from nmm.companion.chapters import Chapter, executed, records, root

LEVELS = ("by hand or in one line", "a short computation", "a small study")
_SOLUTION = re.compile(r"^```\{solution-start\} (\S+)\n.*?^```\{solution-end\}\n```\n", re.S | re.M)
_ANSWERS = "answers.json"  # in book/, so that it travels in the wheel


@dataclass(frozen=True)
class Check:
    """What `check` says of an answer; true if it is right.

    Parameters
    ----------
    right : bool
        Whether the answer is right.
    message : str
        In words; a known slip gets its own hint.
    """

    right: bool
    message: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.message


def check(name: str, given: SupportsFloat) -> Check:
    """Judge an answer to an exercise, without a network.

    Parameters
    ----------
    name : str
        Label of the exercise, e.g. ``"ex-slope"``.
    given : float
        The answer, in the unit that the exercise asks for.

    Returns
    -------
    Check
        True if right; shown, it says so, or gives a hint.

    Raises
    ------
    KeyError
        If there is no such exercise.
    ValueError
        If `given` is not one finite number.

    Examples
    --------
    >>> from nmm.companion import check
    >>> check("ex-slope", 0.25)
    Right: 0.25.
    """
    known = answers()
    if name not in known:
        raise KeyError(f"no exercise {name!r}; there are {', '.join(known)}")
    try:
        value = float(given)
    except (TypeError, ValueError):
        raise ValueError(f"the answer {given!r} is not a number; {name} asks for one") from None
    if not isfinite(value):
        raise ValueError(f"the answer is {value}; {name} asks for a finite number")
    return judge(known[name], value)


def judge(expected: Mapping[str, Any], value: float) -> Check:
    """Judge a number by a record of `nmm.companion.record.answer`."""
    unit = f" {expected['unit']}" if expected["unit"] else ""
    if _near(value, expected["value"], expected["within"]):
        return Check(True, f"Right: {expected['value']:.4g}{unit}.")
    for wrong, hint in expected["slips"]:
        if _near(value, wrong, expected["within"]):
            return Check(False, f"Not yet. {hint}")
    return Check(False, "Not yet. Look at the hint, then try again.")


def _near(value: float, other: float, within: float) -> bool:
    return abs(value - other) <= within * abs(other)


def answers() -> dict[str, dict[str, Any]]:
    """Expected answers of all exercises, by label, as the book's last run found them."""
    found: dict[str, dict[str, Any]] = json.loads(
        (root() / "book" / _ANSWERS).read_text(encoding="utf8")
    )
    return found


def recorded_answers(chapters: list[Chapter]) -> dict[str, dict[str, Any]]:
    """Answers that the solutions of executed chapters gave: what answers.json must hold."""
    return {name: kept for chapter in chapters for name, kept in answers_of(chapter).items()}


def answers_of(chapter: Chapter) -> dict[str, dict[str, Any]]:
    """Answers that the solutions of one executed chapter gave, by label."""
    return {
        name: {key: record[key] for key in ("value", "unit", "within", "slips")}
        for name, record in records(executed(chapter), "answer").items()
    }


def open_exercises(text: str) -> str:
    """Return a chapter with each solution replaced by a stub that is not solved yet."""

    def stub(match: re.Match[str]) -> str:
        name = match[1]
        return (
            "```{code-cell} ipython3\nfrom nmm.companion import check\n\n"
            "def solution():\n"
            f'    raise NotImplementedError("{name}: return your answer here, one number")\n\n'
            f'check("{name}", solution())\n```\n'
        )

    return _SOLUTION.sub(stub, text)


def stub_notebook(chapter: Chapter) -> Any:
    """The chapter as a notebook, without outputs, its exercises open."""
    import jupytext

    return jupytext.reads(open_exercises(chapter.source.read_text(encoding="utf8")), fmt="md:myst")
