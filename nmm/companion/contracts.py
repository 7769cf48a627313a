"""Pages that show how the contracts are kept: every equation, every figure, the papers' figures."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nmm.companion import chapters as book
from nmm.companion import equations, figures
from nmm.companion.printed import PRINTED


def scientific(value: float) -> str:
    """Write a number with two digits, in powers of ten where it is small."""
    if value == 0 or 0.01 <= value < 1000:
        return f"{value:.2g}"
    digits, exponent = f"{value:.1e}".split("e")
    return rf"${digits}\times10^{{{int(exponent)}}}$"


@dataclass(frozen=True)
class EquationState:
    """How a displayed equation stands against the numerical code.

    Parameters
    ----------
    chapter, label : str
        Where it is displayed.
    twin : float
        Largest relative difference between its SymPy twin and the numerical code.
    printed : float or None
        The same, of the LaTeX on the page, read back; None where it is not read back.
    """

    chapter: str
    label: str
    twin: float
    printed: float | None


def equation_states() -> list[EquationState]:
    """Every displayed equation, compared; kept in _build until the package or the pages change."""
    shown = list(_displayed())
    key = hashlib.sha256(_package() + json.dumps(shown).encode()).hexdigest()
    path = book.build_folder() / "equations.json"
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf8"))
        if kept["key"] == key:
            return [EquationState(*row) for row in kept["states"]]
    states = []
    for chapter, label, latex in shown:
        read = PRINTED[label](latex) if label in PRINTED and latex else None
        states.append(EquationState(chapter, label, float(equations.TWINS[label]()), read))
    rows = [[s.chapter, s.label, s.twin, s.printed] for s in states]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"key": key, "states": rows}), encoding="utf8")
    return states


def _displayed() -> Iterator[tuple[str, str, str]]:
    """Chapter, label and, where a cell printed it, LaTeX of each equation."""
    for chapter in book.chapters():
        recorded = book.records(book.executed(chapter), "equation")
        for label in equations.labels(chapter.source.read_text(encoding="utf8")):
            yield chapter.name, label, recorded.get(label, {}).get("latex", "")


def _package() -> bytes:
    files = sorted(Path(__file__).resolve().parents[1].rglob("*.py"))
    return b"".join(path.read_bytes() for path in files)


def equations_table(page: str) -> str:
    """Each chapter's equations: what its twin compares, by how much they differ, as printed too."""
    states, parts = equation_states(), []
    read = sum(s.printed is not None for s in states)
    for chapter in dict.fromkeys(s.chapter for s in states):
        rows = [
            "| equation | label | what is compared | twin | as printed |",
            "|---|---|---|---|---|",
        ]
        for s in (s for s in states if s.chapter == chapter):
            printed = "not read" if s.printed is None else scientific(s.printed)
            rows.append(
                f"| {{eq}}`{s.label}` | `{s.label}` | {_compared(s.label)} "
                f"| {scientific(s.twin)} | {printed} |"
            )
        parts.append(f"**{{doc}}`{chapter}`**\n\n" + "\n".join(rows))
    parts.append(
        f"Of {len(states)} equations all have a twin, and {read} are read back as printed. "
        f"The largest difference of a twin is {scientific(max(s.twin for s in states))}."
    )
    return "\n\n".join(parts)


def _compared(label: str) -> str:
    """First line of the twin's description; the plainest ones need none."""
    said = (equations.TWINS[label].__doc__ or "").strip().split("\n\n")[0]
    return re.sub(r"\s+", " ", said).replace("|", "&#124;") or "Both sides at random points."


def figures_table(page: str) -> str:
    """Each chapter's figures: a small picture, the second route, deviation, hash of the arrays."""
    parts = []
    for chapter in book.chapters():
        notebook = book.executed(chapter)
        pictures = _pictures(notebook)
        rows = ["| picture | figure | checked against | deviation | arrays |", "|---" * 5 + "|"]
        for name, record in book.records(notebook, "figure").items():
            arrays = figures.arrays(record)
            # The picture's file is named by its content: the same file as on the chapter's page.
            svg = "\n".join(pictures[name].splitlines())
            picture = hashlib.sha256(svg.encode()).hexdigest()
            alt = html.escape(record["alt"]).replace("|", "&#124;")
            rows.append(
                f'| <img src="../_images/{picture}.svg" alt="{alt}" loading="lazy" width="150"> '
                f"| {{numref}}`fig-{name}` | {record['route']} "
                f"| {scientific(record['deviation'])}, allowed {scientific(record['tolerance'])} "
                f"| {len(arrays)}: `{figures.fingerprint(arrays)[:12]}` |"
            )
        if len(rows) > 2:
            parts.append(f"**{{doc}}`{chapter.name}`**\n\n" + "\n".join(rows))
    return "\n\n".join(parts)


def _pictures(notebook: Any) -> dict[str, str]:
    """Name of each figure → its SVG."""
    found = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            name = output.get("metadata", {}).get("scrapbook", {}).get("name", "")
            for mime, content in output.get("data", {}).items():
                if name.startswith("figure-") and mime.endswith("image/svg+xml"):
                    found[name.removeprefix("figure-")] = str(content)
    return found


def tolerances_table(page: str) -> str:
    """Figures and numbers that another processor may move by more than rounding, and why."""
    rows = ["| page | figure or number | allowed | why |", "|---|---|---|---|"]
    for where, listed in figures.tolerance_rows().items():
        for row in listed:
            kind = "figure" if "figure" in row else "number"
            rows.append(
                f"| {{doc}}`{where}` | {kind} `{row[kind]}` "
                f"| {scientific(float(row['tolerance']))} | {row['reason']} |"
            )
    return "\n".join(rows)


def paper_figures() -> list[dict[str, str]]:
    """Every row of book/paper_figures.yml."""
    text = (book.root() / "book" / "paper_figures.yml").read_text(encoding="utf8")
    rows: list[dict[str, str]] = yaml.safe_load(text)
    return rows


def paper_figure_faults(rows: list[dict[str, str]]) -> list[str]:
    """Rows whose figure, or whose numbers, no chapter has; rows that say neither figure nor why."""
    faults = []
    for row in rows:
        if "figure" not in row:
            if not row.get("reason"):
                faults.append(f"{row['shows']} has neither a figure nor a reason")
            continue
        try:
            notebook = book.executed(book.chapter(row["chapter"]))
        except KeyError as error:
            faults.append(str(error))
            continue
        if row["figure"] not in book.records(notebook, "figure"):
            faults.append(f"{row['chapter']} shows no figure {row['figure']!r}")
        known = book.records(notebook, "number")
        named = re.findall(r"\{([\w-]+)[:}]", row["difference"])
        faults += [f"{row['chapter']} records no number {n!r}" for n in named if n not in known]
    return faults


def paper_figures_list(page: str) -> str:
    """What is known of each figure of the papers, ours beside it, and the difference seen."""
    parts = []
    for row in paper_figures():
        shown = row["shows"].strip()
        lines = [f"**{shown}**\n", f"- *Known from:* {row['source']}; {row['parameters']}."]
        if "figure" in row:
            lines += [
                f"- *Ours:* {{numref}}`fig-{row['figure']}` in {{doc}}`{row['chapter']}`.",
                f"- *Rerun:* `nmm figure {row['figure']}`",
                f"- *Difference:* {_filled(row)}",
            ]
        else:
            lines.append(f"- *Not reproduced:* {row['reason'].strip()}")
        parts.append("\n".join(lines))
    return "\n\n---\n\n".join(parts)


def _filled(row: Mapping[str, str]) -> str:
    """The difference, with the numbers that the chapter recorded."""
    known = book.records(book.executed(book.chapter(row["chapter"])), "number")

    def filled(match: re.Match[str]) -> str:
        return format(known[match[1]]["value"], match[2]).replace("-", "−")

    return re.sub(r"\{([\w-]+):([^}]*)\}", filled, row["difference"].strip())
