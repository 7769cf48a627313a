"""Sentences outside the reach of `numbers`: those that cells speak, and verdicts that none decides.

A cell speaks where it gives a text to `figure`, `word` or `claim`, or a title or label to a figure.
A verdict is a word such as "unstable" or "agrees"; it must follow a computation.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from nmm.companion.chapters import root
from nmm.companion.numbers import TypedNumber, prose, typed_numbers

_CELL = re.compile(r"^```\{code-cell\}[^\n]*\n(.*?)^```", re.S | re.M)
# Function → its arguments that readers meet: by position, and by keyword.
_SPOKEN = {
    "word": ((2, 3), ("yes", "no")),
    "claim": ((2,), ("measured",)),
    "figure": ((), ("alt",)),
    "set_title": ((0,), ("label",)),
    "suptitle": ((0,), ()),
    "text": ((2,), ()),
    "annotate": ((0,), ("text",)),
}
_DRAWN = ("title", "label", "xlabel", "ylabel")  # keywords of whatever draws
_UNIT = re.compile(r"\((?:1|1/s)\)$")  # after an axis' name
_STATE = re.compile(
    r"\b(?:is|are|was|were|stays?|remains?|becomes?)(?: (?!the\b|an?\b)\w+){0,2} (?:un|bi)?stable\b"
    r"|\b(?:converge[sd]?|diverge[sd]?|undecided|recover(?:s|ed)?|fail(?:s|ed)?)\b"
)
_LIKENESS = re.compile(
    r"\b(?:(?:dis)?agree[sd]?|coincide[sd]?)\b|\bwithin [^.]*?(?:%|per cent)(?!\w)", re.I
)
# A condition, a question or a wish states no result.
_NO_RESULT = re.compile(r"\?$|\b(?:if|when|where|whether|unless|until|could|should|would)\b", re.I)
_GLUED = re.compile(r"\{glue:text\}`[\w-]+(:[^`]*)?`")
_NUMBER, _WORD = "⟦number⟧", "⟦word⟧"


@dataclass(frozen=True)
class Spoken:
    """A text that a cell gives to readers.

    Parameters
    ----------
    line : int
        In the source of the page.
    text : str
        What is typed of it; "…" stands where a value is filled in.
    to : str
        The function it is given to: ``"word"``, ``"claim"``, ``"figure"`` or one that draws.
    """

    line: int
    text: str
    to: str


def spoken(text: str) -> list[Spoken]:
    r"""Find the texts that the cells of a page give to readers.

    Examples
    --------
    >>> from nmm.companion.sentences import spoken
    >>> page = '```{code-cell} ipython3\nword("end", x > 0, f"{x:.1f} mV", "no 3 mV")\n```'
    >>> [s.text for s in spoken(page)]
    ['… mV', 'no 3 mV']
    """
    cells = [(match[1], text[: match.start(1)].count("\n")) for match in _CELL.finditer(text)]
    trees = [(ast.parse(_without_options(code)), before) for code, before in cells]
    assigned: dict[str, ast.expr] = {}
    found: dict[Spoken, None] = {}  # in order, once each
    for tree, before in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                assigned[node.targets[0].id] = node.value
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                for argument in _arguments(node):
                    given = assigned.get(getattr(argument, "id", ""), argument)
                    for line, said in _texts(given):
                        found[Spoken(before + line, said, _name(node))] = None
    return list(found)


def _without_options(code: str) -> str:
    return re.sub(r"^:.*$", "", code, flags=re.M)


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    positions, keywords = _SPOKEN.get(_name(call), ((), ()))
    yield from (call.args[i] for i in positions if i < len(call.args))
    yield from (k.value for k in call.keywords if k.arg in (*keywords, *_DRAWN))


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def _texts(node: ast.expr) -> Iterator[tuple[int, str]]:
    """Each text below an expression, with its line: adjacent parts together, values as "…"."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.lineno, node.value
    elif isinstance(node, ast.JoinedStr):
        parts = [v.value if isinstance(v, ast.Constant) else "…" for v in node.values]
        yield node.lineno, "".join(map(str, parts))
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                yield from _texts(value.value)
    elif isinstance(node, ast.Call | ast.Subscript | ast.Compare):
        return  # a key or a format, not a sentence
    else:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield from _texts(child)


def typed_in_cells(text: str, constants: set[str] | None = None) -> list[TypedNumber]:
    """Numbers typed in what cells say, where a value should be filled in.

    Parameters
    ----------
    text : str
        MyST Markdown.
    constants : set of str, optional
        Numbers that may stand as typed.

    Returns
    -------
    list of TypedNumber
        Empty for a page that keeps the contract.
    """
    return [
        TypedNumber(said.line, number.text, said.text)
        for said in spoken(text)
        for number in typed_numbers(_UNIT.sub("", said.text), constants)
    ]


@dataclass(frozen=True)
class Verdict:
    """A sentence that states a result in a word that no computation decides.

    Parameters
    ----------
    line : int
        In the source of the page.
    word : str
        The verdict.
    sentence : str
        Where it stands.
    """

    line: int
    word: str
    sentence: str


def unbound_verdicts(text: str, allowed: tuple[str, ...] = ()) -> list[Verdict]:
    """Find the verdicts in a page's prose, its alt texts and claims that no cell decides.

    What is said to be stable, to converge or to fail needs a word from a cell in its sentence, or
    the share in which it does. What is said to agree needs a word, or a number that says how well.

    Parameters
    ----------
    text : str
        MyST Markdown.
    allowed : tuple of str, optional
        Beginnings of sentences that state mathematics; see book/statements.yml.

    Returns
    -------
    list of Verdict
        Empty for a page that keeps the contract.

    Examples
    --------
    >>> from nmm.companion.sentences import unbound_verdicts
    >>> unbound_verdicts("The rest {glue:text}`fate`. A rest is stable if all modes decay.")
    []
    >>> unbound_verdicts("At this input the rest is unstable.")[0].word
    'is unstable'
    """
    found = []
    for line, sentence in _sentences(text):
        state, likeness = _STATE.search(sentence), _LIKENESS.search(sentence)
        if state and (_WORD in sentence or f"{_NUMBER} %" in sentence):
            state = None
        if likeness and (_WORD in sentence or _NUMBER in sentence):
            likeness = None
        verdict = state or likeness
        if verdict and not _NO_RESULT.search(sentence) and not sentence.startswith(allowed):
            found.append(Verdict(line, verdict.group(), sentence))
    return found


def _sentences(text: str) -> Iterator[tuple[int, str]]:
    """Line and sentence, with what cells computed marked as such."""
    marked = _GLUED.sub(lambda match: _NUMBER if match[1] else _WORD, text)
    lines = [*enumerate(prose(marked).splitlines(), 1)]
    said = [s for s in spoken(text) if s.to in ("figure", "claim")]  # a word is chosen
    lines += [(s.line, s.text.replace("…", _WORD)) for s in said]
    for i, line in lines:
        for sentence in re.split(r"(?<=[.?!])\s+", line.strip()):
            if sentence:
                yield i, re.sub(r"\s+", " ", sentence.lstrip("-* "))


def statements() -> dict[str, list[dict[str, str]]]:
    """Page → sentences with a verdict that state mathematics, each with its reason."""
    kept = (root() / "book" / "statements.yml").read_text(encoding="utf8")
    return yaml.safe_load(kept) or {}


def allowed_statements(page: str) -> tuple[str, ...]:
    """Beginnings of the sentences that `page` may state."""
    return tuple(row["begins"] for row in statements().get(page, []))
