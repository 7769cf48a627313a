"""The numbers contract: no computed number is typed in prose."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from nmm.companion.chapters import Chapter, records, root

# What may hold digits without being prose: blanked before looking, line count kept.
_NOT_PROSE = [
    re.compile(r"\A---\n.*?\n---\n", re.S),  # front matter
    re.compile(r"^:[\w-]+:.*$", re.M),  # their options
    re.compile(r"^\([\w-]+\)=\s*$", re.M),  # labels
    re.compile(r"\{[\w:-]+\}`[^`]*`"),  # roles: glue, cite, ref
    re.compile(r"\$\$.*?\$\$", re.S),
    re.compile(r"\$(?!\s*[-−]?[\d.,]+\s*\$)[^$\n]+\$"),  # formulas, unless they are a number
    re.compile(r"`(?!\s*[-−]?[\d.,]+\s*`)[^`\n]+`"),
    re.compile(r"\]\([^)\s]*\)"),  # link targets
    re.compile(r"<[^>\n]+>"),
    re.compile(r"^\s*\d+\.\s", re.M),  # list markers
]
_FENCE = re.compile(r"^([`:]{3,})(?:\{([\w:-]+)\})?(.*)$")
_TITLED = {"exercise", "admonition", "dropdown", "figure"}  # what follows the name is prose
_CODE = {None, "code-cell", "math", "recorded-equation", "ledger", "bibliography", "eval-rst"}
_WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_WORDS += " sixteen seventeen eighteen nineteen twenty thirty forty fifty hundred thousand half"
_UNITS = r"(?:mV|µV|Hz|ms|s|s⁻¹|%|per cent|seconds?|milliseconds?)(?!\w)"
_NUMBER = re.compile(
    r"(?<![\w.])[-−]?(?:\d[\d\u2009 ]*(?:[.,]\d+)?|\.\d+)(?:e[-+]?\d+)?(?!\w)"
    r"|(?<![\w.])\d+(?:e[-+]?\d+|[⁰¹²³⁴-⁹]+|D\b)|[½¼¾⅓⅔]"
    rf"|\b(?:{'|'.join(_WORDS.split())})[ -]{_UNITS}"
)
_GLUED = re.compile(r"\{glue:text\}`([\w-]+)(?::[^`]*)?`\s*([^\s.,;:){]*)")


@dataclass(frozen=True)
class TypedNumber:
    """A number in prose that is bound to nothing.

    Parameters
    ----------
    line : int
        In the source.
    text : str
        As typed.
    context : str
        The line it stands in.
    """

    line: int
    text: str
    context: str


def typed_numbers(text: str, constants: set[str] | None = None) -> list[TypedNumber]:
    """Find the numbers that a page's prose states without computing them.

    Parameters
    ----------
    text : str
        MyST Markdown.
    constants : set of str, optional
        Numbers that may stand as typed: definitions with a source, listed in constants.yml.

    Returns
    -------
    list of TypedNumber
        Empty for a page that keeps the contract.

    Examples
    --------
    >>> from nmm.companion.numbers import typed_numbers
    >>> typed_numbers("It peaks at {glue:text}`peak:.1f` Hz.")
    []
    >>> typed_numbers("It peaks at 8.6 Hz.")[0].text
    '8.6'
    """
    lines = text.splitlines()
    found = []
    for i, line in enumerate(prose(text).splitlines()):
        for match in _NUMBER.finditer(line):
            if match.group().strip() not in (constants or set()):
                found.append(TypedNumber(i + 1, match.group().strip(), lines[i].strip()))
    return found


def prose(text: str) -> str:
    """Text of a page without its cells, listings, formulas, roles and options; same lines."""
    left = _without_code(text)
    for pattern in _NOT_PROSE:
        left = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), left)
    return left


def _without_code(text: str) -> str:
    """Blank listings, cells and formulas, and the fences of everything else; keep the lines."""
    lines: list[str] = []
    open_fences: list[str] = []
    skipping = False
    for line in text.splitlines():
        fence = _FENCE.match(line)
        if fence and open_fences and fence[1] == open_fences[-1] and not fence[2] and not fence[3]:
            open_fences.pop()
            skipping = False
        elif fence and not skipping:
            open_fences.append(fence[1])
            skipping = fence[2] in _CODE
            lines.append(fence[3] if fence[2] in _TITLED else "")
            continue
        elif not skipping:
            lines.append(line)
            continue
        lines.append("")
    return "\n".join(lines)


def constants() -> dict[str, list[dict[str, Any]]]:
    """Page → numbers it may state as typed, with what they are and their source."""
    text = (root() / "book" / "constants.yml").read_text(encoding="utf8")
    return yaml.safe_load(text) or {}


def allowed_constants(page: str) -> set[str]:
    """Numbers that `page` may state as typed."""
    listed = constants()
    rows = [*listed.get("all", []), *listed.get(page, [])]
    return {str(row["number"]) for row in rows}


def wrong_units(chapter: Chapter, notebook: Any) -> list[str]:
    """Glued numbers whose unit in the text is not the recorded one, or that no cell records."""
    known = records(notebook, "number")
    others = set(records(notebook, "word")) | {
        f"{r['name']}" for r in records(notebook, "claim").values()
    }
    faults = []
    for name, following in _GLUED.findall(chapter.source.read_text(encoding="utf8")):
        if name in others:
            continue
        if name not in known:
            faults.append(f"{name}: no cell records it")
        elif (unit := known[name]["unit"]) and following != unit.split()[0]:
            faults.append(f"{name}: the text goes on {following!r}, the unit is {unit!r}")
    return faults
