"""Take figures, numbers and equations as they are now for the references of the tests.

Run it after a change on purpose, and look at what it prints: each line is something that a reader
will see differently.
"""

from __future__ import annotations

import json
from pathlib import Path

from nmm.companion import exercises, figures
from nmm.companion.chapters import chapter, chapters, executed, records

ROOT = Path(__file__).resolve().parents[1]
REFERENCES = ROOT / "tests" / "figures"
ANSWERS = ROOT / "book" / "answers.json"
README_FIGURE = ROOT / "assets" / "pulse.svg"


def accept(folder: Path = REFERENCES) -> None:
    """Write the reference arrays of every figure that differs from its reference."""
    wanted = set()
    for page in chapters():
        allowed = figures.tolerances(page.name, "figure")
        for name, record in records(executed(page), "figure").items():
            path = folder / page.name / f"{name}.npz"
            wanted.add(path)
            shown = figures.arrays(record)
            lines = ["new"]
            if path.exists():
                tolerance = allowed.get(name, figures.TOLERANCE)
                lines = figures.changes(shown, figures.load(path), tolerance=tolerance)
            if lines:
                figures.store(path, shown)
                print(f"{page.name}, {name}: " + "; ".join(lines))
        said, kept = figures.values(executed(page)), folder / page.name / "values.json"
        reference = json.loads(kept.read_text(encoding="utf8")) if kept.exists() else {}
        if lines := figures.value_changes(
            said, reference, allowed=figures.tolerances(page.name, "number")
        ):
            kept.write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf8")
            print(f"{page.name}: " + "; ".join(lines))
    for path in set(folder.rglob("*.npz")) - wanted:
        path.unlink()
        print(f"{path.parent.name}, {path.stem}: no longer shown")


def readme_figure() -> str:
    """SVG of the figure on the index page, on the book's paper instead of a transparent ground."""
    for cell in executed(chapter("index")).cells:
        for output in cell.get("outputs", []):
            svg = output.get("data", {}).get("image/svg+xml")
            if svg:
                head, rest = svg.split("<defs>", 1)
                ground = '<rect width="100%" height="100%" fill="#ffffff"/>\n <defs>'
                return f"{head}{ground}{rest}"
    raise ValueError("the index shows no figure")


def accept_answers() -> None:
    """Write what the solutions of the exercises gave, for the self-checks."""
    found = exercises.recorded_answers(chapters())
    if not ANSWERS.exists() or found != exercises.answers():
        ANSWERS.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf8")
        print("answers of the exercises: written")


if __name__ == "__main__":
    accept()
    accept_answers()
    README_FIGURE.write_text(readme_figure(), encoding="utf8")
