"""Run every chapter a second time and compare with the run that made the book, to the last bit.

`make check-again` does so where no network can be reached.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from nmm.companion import figures
from nmm.companion.chapters import chapters, executed, records, run


def differences(one: Any, other: Any) -> Iterator[str]:
    """Say what one run of a chapter shows otherwise than another: any bit counts."""
    shown, again = (records(notebook, "figure") for notebook in (one, other))
    for name in sorted({*shown, *again}):
        if name not in shown or name not in again:
            yield f"figure {name}: in one run only"
            continue
        before, after = figures.arrays(shown[name]), figures.arrays(again[name])
        if figures.fingerprint(before) != figures.fingerprint(after):
            yield from (f"figure {name}: {line}" for line in _changes(after, before))
    said, now = figures.values(one), figures.values(other)
    for kind in said:
        for name in sorted({*said[kind], *now[kind]}):
            if said[kind].get(name) != now[kind].get(name):
                yield f"{kind} {name}: was {said[kind].get(name)!r}, is {now[kind].get(name)!r}"


def _changes(after: figures.Arrays, before: figures.Arrays) -> list[str]:
    return figures.changes(after, before, tolerance=0.0) or ["other bits: the sign of a zero"]


def main() -> int:
    """Run, compare, print; 1 if anything differs."""
    faults = 0
    for chapter in chapters():
        kept = executed(chapter)
        lines = list(differences(kept, run(chapter)))
        faults += len(lines)
        print(f"{chapter.name}: {'; '.join(lines) or 'the same'}", flush=True)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
