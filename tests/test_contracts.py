"""The four contracts: numbers, equations, figures, claims; each seen to fail on a broken copy."""

import dataclasses
import json
import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import yaml

import nmm
from nmm.companion import chapters as book
from nmm.companion import claims, equations, figures, numbers
from nmm.companion.ledgers import recorded_claims
from nmm.companion.record import drawn_arrays

CHAPTERS = book.chapters()
REFERENCES = Path(__file__).parent / "figures"
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)


def page_text(page):
    return (book.root() / f"{page}.md").read_text(encoding="utf8")


# Numbers: none is typed.


@pytest.mark.parametrize("page", book.pages())
def test_no_number_is_typed(page):
    constants = numbers.allowed_constants(page.split("/")[-1])
    found = numbers.typed_numbers(page_text(page), constants)
    assert not found, "\n".join(f"line {n.line}: {n.text} in {n.context!r}" for n in found)


@each_chapter
def test_units_in_the_text_are_those_recorded(chapter):
    assert numbers.wrong_units(chapter, book.executed(chapter)) == []


@each_chapter
def test_every_recorded_number_is_finite_and_used(chapter):
    text = chapter.source.read_text(encoding="utf8")
    recorded = book.records(book.executed(chapter), "number")
    unused = [n for n in recorded if not re.search(rf"\{{glue:text\}}`{n}[:`]", text)]
    assert not unused


@pytest.mark.parametrize(
    "typed",
    [
        "It swings by 1.362 mV.",
        "about 13 Hz",
        "−5.4 per second",
        "in 8 dimensions",
        "at 1e-6",
        "$1.362$ mV",
        "`13.17` Hz",
        "12-fold",
        ".5 mV",
        "10³",
        "½",
        "3D",
        "thirteen Hz",
        "12 %",
    ],
)
def test_a_typed_number_is_found(typed):
    text = page_text("book/02-canonical-microcircuit")
    assert numbers.typed_numbers(text + "\n\n" + typed, numbers.allowed_constants("02")) != []


def test_a_number_typed_between_two_blocks_is_found():
    text = "```{recorded-figure} a\nIn 3 steps.\n```\n\nin 4 Hz\n\n```bash\nls 5\n```\nand 6"
    assert [n.text for n in numbers.typed_numbers(text)] == ["3", "4", "6"]


def test_what_is_no_number_of_prose():
    text = (
        "`x = 3`, $a^2$, {glue:text}`a:.2f` mV, {eq}`eq-1`, [here](p1.md)\n\n1. first\n\ng7 and C3"
    )
    assert numbers.typed_numbers(text) == []


def test_a_wrong_unit_is_found(tmp_path):
    chapter = book.chapter("02")
    text = chapter.source.read_text(encoding="utf8")
    copy = tmp_path / "02.md"
    copy.write_text(text.replace("`swing:.3f` mV", "`swing:.3f` V"), encoding="utf8")
    broken = dataclasses.replace(chapter, source=copy)
    assert numbers.wrong_units(broken, book.executed(chapter)) == [
        "swing: the text goes on 'V', the unit is 'mV'"
    ]


# Equations: each has a twin, and the twin agrees.


@pytest.mark.parametrize("page", book.pages())
def test_every_equation_has_a_twin(page):
    missing = [label for label in equations.labels(page_text(page)) if label not in equations.TWINS]
    assert not missing


def test_every_twin_is_displayed():
    shown = {label for page in book.pages() for label in equations.labels(page_text(page))}
    assert set(equations.TWINS) == shown


@pytest.mark.parametrize("label", equations.TWINS)
def test_symbols_and_numbers_agree(label):
    # Two evaluations of the same formula, up to sixth derivatives: rounding grows to 1e-12.
    assert equations.TWINS[label]() < 1e-11


def test_a_wrong_sign_in_the_flow_is_found(monkeypatch):
    def wrong(self, x):
        firing = np.asarray(self.sigmoid(np.asarray(x) @ self.C.T + self.d))
        return np.asarray(x) @ self.A.T - firing @ self.B.T + self.E @ self.u

    monkeypatch.setattr(nmm.NeuralMass, "flow", wrong)
    assert equations.TWINS["eq-cmc"]() > 1e-3
    assert equations.TWINS["eq-lure"]() > 1e-3


def test_a_wrong_derivative_is_found(monkeypatch):
    right = nmm.Sigmoid.derivative
    monkeypatch.setattr(nmm.Sigmoid, "derivative", lambda s, v, k: right(s, v, k) * (1 + 1e-6 * k))
    assert equations.TWINS["eq-sigmoid"]() < 1e-11
    assert equations.TWINS["eq-cmc"]() > 1e-8


# Figures: nothing shown changes unseen, and each was checked by a second route.


@each_chapter
def test_figures_show_what_they_showed(chapter):
    recorded = book.records(book.executed(chapter), "figure")
    allowed = figures.tolerances(chapter.name, "figure")
    faults = []
    for name, record in recorded.items():
        path = REFERENCES / chapter.name / f"{name}.npz"
        if not path.exists():
            faults.append(f"{name}: no reference; look at it, then run make accept-figures")
            continue
        tolerance = allowed.get(name, figures.TOLERANCE)
        lines = figures.changes(figures.arrays(record), figures.load(path), tolerance=tolerance)
        faults += [f"{name}: {line}" for line in lines]
    assert not faults, "\n".join(faults)


@each_chapter
def test_numbers_words_equations_and_labels_are_what_they_were(chapter):
    path = REFERENCES / chapter.name / "values.json"
    assert path.exists(), "look at the page, then run make accept-figures"
    reference = json.loads(path.read_text(encoding="utf8"))
    said, allowed = (
        figures.values(book.executed(chapter)),
        figures.tolerances(chapter.name, "number"),
    )
    lines = figures.value_changes(said, reference, allowed=allowed)
    assert not lines, "\n".join(lines)


def test_wider_tolerances_have_a_reason_and_something_to_widen():
    rows = yaml.safe_load((book.root() / "book" / "tolerances.yml").read_text(encoding="utf8"))
    for page, listed in rows.items():
        notebook = book.executed(book.chapter(page))
        for row in listed:
            (kind,) = set(row) - {"tolerance", "reason"}
            assert row[kind] in book.records(notebook, kind), f"{page} has no {kind} {row[kind]}"
            assert figures.TOLERANCE < row["tolerance"] <= 0.5
            assert len(row["reason"]) > 10


def test_a_number_beyond_its_wider_tolerance_is_found():
    said = {"number": {"a": 1.02, "b": 1.02}}
    was = {"number": {"a": 1.0, "b": 1.0}}
    (line,) = figures.value_changes(said, was, allowed={"a": 0.05, "b": 0.01})
    assert line == "number b: is 1.02, was 1.0"


def test_a_changed_number_word_or_label_is_found():
    said = figures.values(book.executed(book.chapter("02")))
    for kind, name, new in (
        ("number", "swing", 1362.119),
        ("word", "rest-stable", "grows"),
        ("equation", "eq-lure", r"\dot{x} = A\,x - B\,s(C\,x + d)"),
        ("figure", "circuit", ["(V)"]),
    ):
        altered = {**said, kind: {**said[kind], name: new}}
        (line,) = figures.value_changes(altered, said)
        assert line.startswith(f"{kind} {name}: is ")


@each_chapter
def test_every_recorded_figure_is_placed_and_checked(chapter):
    recorded = book.records(book.executed(chapter), "figure")
    assert sorted(recorded) == sorted(figures.placed(chapter.source.read_text(encoding="utf8")))
    for name, record in recorded.items():
        assert record["deviation"] <= record["tolerance"], f"{name} against {record['route']}"
        assert 0 < record["tolerance"] <= 0.2, f"{name}: a tolerance that large checks nothing"
        assert record["route"], name
        assert record["reason"], name
        assert len(record["alt"]) > 40, name
        assert record["arrays"], name


def test_no_reference_is_left_over():
    known = {
        REFERENCES / c.name / f"{name}.npz"
        for c in CHAPTERS
        for name in book.records(book.executed(c), "figure")
    }
    assert set(REFERENCES.rglob("*.npz")) == known


def test_a_changed_figure_is_found_and_says_by_how_much():
    chapter = book.chapter("02")
    shown = figures.arrays(book.records(book.executed(chapter), "figure")["two-answers"])
    name = next(iter(shown))
    altered = {**shown, name: shown[name] * (1 + 1e-6)}
    (line,) = figures.changes(altered, shown)
    assert "differs by 1.0e-06 of its largest value, 1e-08 allowed; most at [" in line
    assert figures.fingerprint(altered) != figures.fingerprint(shown)
    assert figures.fingerprint(dict(reversed(shown.items()))) == figures.fingerprint(shown)
    assert figures.changes({**shown, name: shown[name][1:]}, shown)
    assert figures.changes({k: v for k, v in shown.items() if k != name}, shown)
    assert figures.changes({**shown, "more": shown[name]}, shown)
    assert figures.changes({**shown, name: np.full_like(shown[name], np.nan)}, shown)


def test_all_that_a_figure_shows_is_kept():
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    fig, (a, b) = plt.subplots(1, 2)
    a.plot([0, 1], [2, 3], label="line")
    a.scatter([1, 2], [3, 4])
    a.fill_between([0, 1], [0, 0], [1, 2])
    a.bar([0, 1], [5, 6])
    b.imshow([[1.0, 2.0], [3.0, 4.0]])
    b.pcolormesh([[1.0, 2.0], [3.0, 4.0]])
    kept = drawn_arrays(fig)
    plt.close(fig)
    assert [k.split(", ")[1].split(" ")[0] for k in kept] == [
        *("line", "patch", "patch", "widths", "area", "markers", "image", "mesh")
    ]
    assert kept["axes 0, line 0 line"].tolist() == [[0, 2], [1, 3]]
    assert kept["axes 0, patch 1"].max() == 6.0


def test_axes_say_what_they_show():
    # Checked on the drawn figures themselves: every axis that is drawn has a label with a unit.
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    for draw in (
        lambda ax: nmm.plot.potentials([0, 1], np.zeros((2, 4)), ax=ax),
        lambda ax: nmm.plot.spectrum([1, 2], [1, 2], ax=ax),
        lambda ax: nmm.plot.orbit(np.zeros((2, 2)), ("ii", "dp"), ax=ax),
        lambda ax: nmm.plot.eigenvalues([-1 + 2j, -1 - 2j], ax=ax),
    ):
        fig, ax = plt.subplots()
        assert draw(ax) is ax
        assert all("(" in label for label in (ax.get_xlabel(), ax.get_ylabel()))
        plt.close(fig)


def test_the_figure_of_the_readme_is_that_of_the_index():
    import accept_figures

    kept = accept_figures.README_FIGURE.read_text(encoding="utf8")
    assert kept == accept_figures.readme_figure(), "run make accept-figures"


def test_a_single_marker_is_kept_where_it_stands():
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    ax.scatter([3.0], [4.0])
    kept = drawn_arrays(fig)
    plt.close(fig)
    assert kept["axes 0, markers 0"].tolist() == [[3.0, 4.0]]


def test_gaps_and_small_coordinates_are_compared():
    line = {"line": np.array([[1000.0, 1e-6], [1001.0, np.nan]])}
    assert figures.changes(line, line) == []
    assert figures.changes({"line": line["line"] * [1.0, 3.0]}, line)
    assert figures.changes({"line": np.nan_to_num(line["line"])}, line)


# Claims: rows and cells belong together, both ways.


def test_claims_and_cells_match():
    assert list(claims.orphans(claims.claims(), recorded_claims())) == []


def test_no_claim_is_contradicted_by_its_cell():
    found = recorded_claims()
    assert [c.id for c in claims.claims() if c.verdict(found) == "contradicted"] == []


def test_a_claim_without_its_cell_is_found():
    found = recorded_claims()
    key = ("02-canonical-microcircuit", "two-answers")
    without = {k: v for k, v in found.items() if k != key}
    (line,) = claims.orphans(claims.claims(), without)
    assert "names the cell 'two-answers'" in line


def test_a_cell_without_a_claim_is_found():
    found = recorded_claims() | {("index", "a-new-one"): {"holds": True, "measured": ""}}
    (line,) = claims.orphans(claims.claims(), found)
    assert "records the claim 'a-new-one'" in line


def test_the_ledger_has_every_claim():
    assert [c.id for c in claims.claims()] == [f"C{k}" for k in range(1, 9)]


def test_verdicts_follow_the_cells():
    key = ("chapter", "cell")
    row = claims.Claim("C9", "text", "source", (key,), "")
    assert row.verdict({key: {"holds": True}}) == "shown"
    assert row.verdict({key: {"holds": False}}) == "contradicted"
    assert dataclasses.replace(row, missing="x").verdict({key: {"holds": True}}) == "shown in part"
    assert dataclasses.replace(row, evidence=(), missing="x").verdict({}) == "not shown yet"
