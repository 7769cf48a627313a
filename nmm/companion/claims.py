"""The claims contract: each claim of the paper, the cells that show it, and what they found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from nmm.companion.chapters import root


@dataclass(frozen=True)
class Claim:
    """One claim of the paper.

    Parameters
    ----------
    id : str
        C1, C2, …
    text : str
        The claim, in our words.
    source : str
        Key in references.bib.
    evidence : tuple of (str, str)
        Chapter and name of each cell that shows it.
    missing : str
        What has not been shown yet; empty if nothing.
    """

    id: str
    text: str
    source: str
    evidence: tuple[tuple[str, str], ...]
    missing: str

    def verdict(self, found: Mapping[tuple[str, str], Mapping[str, Any]]) -> str:
        """Return "shown", "shown in part", "not shown yet" or "contradicted"."""
        held = [found[key]["holds"] for key in self.evidence if key in found]
        if not all(held):
            return "contradicted"
        if not held:
            return "not shown yet"
        return "shown in part" if self.missing else "shown"


def claims() -> list[Claim]:
    """Every row of book/claims.yml."""
    rows = yaml.safe_load((root() / "book" / "claims.yml").read_text(encoding="utf8"))
    return [
        Claim(
            row["id"],
            row["claim"],
            row["source"],
            tuple((e["chapter"], e["cell"]) for e in row.get("evidence", [])),
            row.get("missing", ""),
        )
        for row in rows
    ]


def orphans(
    ledger: list[Claim], found: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Iterator[str]:
    """Claims without their cell, cells without a claim, and rows that show nothing nor say why."""
    named = {key for claim in ledger for key in claim.evidence}
    for chapter, cell in sorted(named - set(found)):
        yield f"claims.yml names the cell {cell!r} of {chapter}, which records no such claim"
    for chapter, cell in sorted(set(found) - named):
        yield f"{chapter} records the claim {cell!r}, which claims.yml does not name"
    for claim in ledger:
        if not claim.evidence and not claim.missing:
            yield f"{claim.id} has neither evidence nor a word on what is missing"
