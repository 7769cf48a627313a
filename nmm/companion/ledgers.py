"""Tables that the book keeps about itself, as MyST text: claims, facts of a page, versions."""

from __future__ import annotations

import platform
import re
from collections.abc import Callable
from fractions import Fraction
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import yaml

from nmm.companion import chapters as book
from nmm.companion import contracts, equations, numbers
from nmm.companion.claims import claims
from nmm.models import bistable_column, cmc
from nmm.models.columns import EXTRINSIC, SOURCE, extrinsic_parameter

_WORDS_A_MINUTE = 130  # slower than a novel: formulas and figures are looked at


def facts(page: str) -> str:
    """Minutes to read a page, and seconds its cells took."""
    chapter = book.chapter(page)
    minutes = _minutes(chapter.source.read_text(encoding="utf8"))
    seconds = book.executed(chapter).metadata.papermill.duration
    return f"About {minutes} minutes to read; its cells ran in {seconds:.0f} s."


def open_exercises(page: str) -> str:
    """Where to get the chapter with its exercises open."""
    link = f'<a href="../_sources/book/{page}-exercises.ipynb" download>as a notebook</a>'
    return (
        f'```{{raw}} html\n<p class="open-exercises">This chapter can be had {link} whose '
        "solutions are left open. Each answer is one number: <code>check</code> judges it there, "
        "the form does here.</p>\n```"
    )


def _minutes(text: str) -> int:
    words = len(re.findall(r"\w+", numbers.prose(text)))
    return max(1, round(words / _WORDS_A_MINUTE))


def claims_summary(page: str) -> str:
    """One line for each claim: its verdict, and how many cells bear it out."""
    found = recorded_claims()
    rows = ["| no. | claim | verdict | cells |", "|---|---|---|---|"]
    for claim in claims():
        held = [found[key]["holds"] for key in claim.evidence if key in found]
        verdict = claim.verdict(found).replace(" ", "\u00a0")
        count = f"{sum(held)}\u00a0of\u00a0{len(held)}" if held else "none"
        rows.append(f"| **{claim.id}** | {claim.text} | {verdict} | {count} |")
    return "\n".join(rows)


def claims_table(page: str) -> str:
    """Each claim, its verdict, and what each cell found."""
    found = recorded_claims()
    parts = []
    for claim in claims():
        lines = [
            f"**{claim.id}. {claim.text}** {{cite:p}}`{claim.source}`\n",
            f"*{claim.verdict(found).capitalize()}*"
            + (". What was measured:\n" if claim.evidence else ".\n"),
        ]
        lines += [
            f"- {_sentence(found[key]['measured'])} ({{doc}}`{key[0]}`)"
            for key in claim.evidence
            if key in found
        ]
        if claim.missing:
            lines.append(f"\n*Not shown yet:* {claim.missing}")
        parts.append("\n".join(lines))
    return "\n\n---\n\n".join(parts)


def _sentence(text: str) -> str:
    """With a capital, unless it begins with a formula; a true minus; no break before per cent."""
    text = text[0].upper() + text[1:] if text[:2].isalpha() else text
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text).replace(" %", "\u00a0%")


def recorded_claims() -> dict[tuple[str, str], dict[str, Any]]:
    """Return (chapter, cell) → record, over the whole book."""
    return {
        (chapter.name, name): record
        for chapter in book.chapters()
        for name, record in book.records(book.executed(chapter), "claim").items()
    }


def status_table(page: str) -> str:
    """Reading and run time of every page, and the versions that made it."""
    rows = ["| page | minutes to read | seconds to run | figures | equations | numbers |"]
    rows.append("|---|---|---|---|---|---|")
    total = 0.0
    for chapter in book.chapters():
        notebook = book.executed(chapter)
        text = chapter.source.read_text(encoding="utf8")
        counts = [len(book.records(notebook, kind)) for kind in ("figure", "number")]
        seconds = notebook.metadata.papermill.duration
        total += seconds
        rows.append(
            f"| {{doc}}`{chapter.name}` | {_minutes(text)} | {seconds:.1f} "
            f"| {counts[0]} | {len(equations.labels(text))} | {counts[1]} |"
        )
    names = ("nmm", "numpy", "scipy", "sympy", "matplotlib", "numba", "jupyter-book", "papermill")
    used = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        "\n".join(rows) + f"\n\nAll cells together ran in {total / 60:.1f} minutes, with Python "
        f"{platform.python_version()} on {platform.system()} ({platform.machine()}), {used}."
    )


def constants_table(page: str) -> str:
    """Numbers that pages may state as typed, with their sources."""
    rows = ["| page | number | what | source |", "|---|---|---|---|"]
    for where, listed in numbers.constants().items():
        rows += [f"| {where} | {r['number']} | {r['what']} | {r['source']} |" for r in listed]
    return "\n".join(rows)


def parameters_table(page: str) -> str:
    """Every parameter of the canonical microcircuit: symbol, code, unit, default, meaning."""
    rows = [
        "| symbol | in code | unit | default | bistable | meaning |",
        "|---|---|---|---|---|---|",
    ]
    rows += [
        f"| ${p.symbol}$ | `{p.name}` | {p.unit or 'none'} | {p.default:.4g} | {b.value:.4g} "
        f"| {p.meaning} |"
        for p, b in zip(cmc().parameters, bistable_column().parameters, strict=True)
    ]
    return "\n".join(rows)


def rosetta_table(page: str) -> str:
    """The same quantity in formulas, in code and in SPM, with its default and prior."""
    rows = ["| symbol | in code | in SPM | unit | default | prior variance | meaning |"]
    rows.append("|---|---|---|---|---|---|---|")
    extrinsic = [extrinsic_parameter(s, 1, 0, s.default) for s in EXTRINSIC]
    for p in (*cmc().parameters, *extrinsic):
        prior = str(Fraction(p.prior_variance)) if p.prior_variance else "none"
        rows.append(
            f"| ${p.symbol}$ | `{p.name}` | {f'`{p.spm}`' if p.spm else 'fixed'} "
            f"| {p.unit or 'none'} | {p.default:.4g} | {prior} | {p.meaning} |"
        )
    notes = (
        f"Defaults and priors: {SOURCE}, which gives no units. The log-scale P.C of an exogenous "
        "input has prior variance 1/32. A connection between columns is there only where SPM's "
        "mask says so, and is divided by five where its kind goes both ways."
    )
    return "\n".join(rows) + "\n\n" + notes


def notation() -> list[dict[str, str]]:
    """Symbols of the book, each with its meaning, unit, name in the package, and page."""
    rows: list[dict[str, str]] = yaml.safe_load(
        (book.root() / "book" / "notation.yml").read_text(encoding="utf8")
    )
    return rows


def notation_table(page: str) -> str:
    """Every symbol of the book."""
    rows = ["| symbol | meaning | unit | in code | introduced in |", "|---|---|---|---|---|"]
    rows += [
        f"| ${s['symbol']}$ | {s['meaning']} | {s['unit']} | `{s['code']}` | {{doc}}`{s['page']}` |"
        for s in notation()
    ]
    return "\n".join(rows)


def references() -> list[str]:
    """The paper, and this book, as a list of references has them."""
    book_, paper = _cited()
    people = "; ".join(f"{a['family-names']}, {a['given-names']}" for a in paper["authors"])
    return [
        f"{people} ({paper['year']}). {paper['title']}. {paper['journal']} {paper['volume']}"
        f"({paper['issue']}): {paper['start']}. https://doi.org/{paper['doi']}",
        f"{book_['authors'][0]['name']}. {book_['title']}. Version {book_['version']}.",
    ]


def bibtex(url: str = "") -> str:
    """The same as BibTeX; `url` is the address of the book, if it has one."""
    book_, paper = _cited()
    people = " and ".join(f"{a['family-names']}, {a['given-names']}" for a in paper["authors"])
    article = {
        "author": people,
        "title": paper["title"],
        "journal": paper["journal"],
        "volume": paper["volume"],
        "number": paper["issue"],
        "pages": paper["start"],
        "year": paper["year"],
        "doi": paper["doi"],
    }
    software = {
        "author": f"{{{book_['authors'][0]['name']}}}",  # a group: braces keep it whole
        "title": book_["title"],
        "version": book_["version"],
        "year": str(book_.get("date-released", ""))[:4],
        "doi": book_.get("doi"),
        "url": url,
    }
    return "\n\n".join(
        f"@{kind}{{{key},\n"
        + "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
        + "}"
        for kind, key, fields in (
            ("article", "cooray2023global", article),
            ("software", "nmm-book", software),
        )
    )


def _cited() -> tuple[dict[str, Any], dict[str, Any]]:
    about = yaml.safe_load((book.root() / "CITATION.cff").read_text(encoding="utf8"))
    return about, about["preferred-citation"]


LEDGERS: MappingProxyType[str, Callable[[str], str]] = MappingProxyType(
    {
        "facts": facts,
        "exercises": open_exercises,
        "claims": claims_table,
        "claims-summary": claims_summary,
        "equations": contracts.equations_table,
        "figures": contracts.figures_table,
        "tolerances": contracts.tolerances_table,
        "paper-figures": contracts.paper_figures_list,
        "status": status_table,
        "constants": constants_table,
        "parameters": parameters_table,
        "rosetta": rosetta_table,
        "notation": notation_table,
    }
)
