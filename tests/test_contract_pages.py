"""The pages that list equations, figures and the papers' figures say what the cells found."""

import json
import re

import numpy as np
import pytest
import yaml

from nmm.companion import chapters as book
from nmm.companion import contracts, equations, figures, ledgers
from nmm.companion.printed import PRINTED


@pytest.fixture(scope="module")
def states():
    return contracts.equation_states()


def test_every_displayed_equation_is_listed_once(states):
    shown = [
        (chapter.name, label)
        for chapter in book.chapters()
        for label in equations.labels(chapter.source.read_text(encoding="utf8"))
    ]
    assert [(s.chapter, s.label) for s in states] == shown
    table = contracts.equations_table("equations")
    assert re.findall(r"^\| \{eq\}`([\w-]+)`", table, re.M) == [label for _, label in shown]


def test_states_are_what_twins_and_readers_find(states):
    for state in states:
        assert state.twin < 1e-11
        assert (state.printed is not None) == (state.label in PRINTED)
        assert state.printed is None or state.printed < 1e-10


def test_kept_states_are_computed_again_when_the_package_changes(states, monkeypatch):
    path = book.build_folder() / "equations.json"
    kept = path.read_text(encoding="utf8")
    try:
        content = json.loads(kept)
        content["states"][0][2] = 0.5
        path.write_text(json.dumps(content), encoding="utf8")
        assert contracts.equation_states()[0].twin == 0.5  # kept, as nothing has changed
        monkeypatch.setattr(contracts, "_package", lambda: b"changed")
        twins = dict.fromkeys(equations.TWINS, lambda: 0.25)
        monkeypatch.setattr(equations, "TWINS", twins)
        monkeypatch.setattr(contracts, "PRINTED", {})
        assert {s.twin for s in contracts.equation_states()} == {0.25}
    finally:
        path.write_text(kept, encoding="utf8")


def test_every_figure_is_listed_with_its_arrays():
    table = contracts.figures_table("figures")
    for chapter in book.chapters():
        for name, record in book.records(book.executed(chapter), "figure").items():
            (row,) = re.findall(rf"^.*\{{numref\}}`fig-{re.escape(name)}`.*$", table, re.M)
            assert record["route"] in row
            assert figures.fingerprint(figures.arrays(record))[:12] in row


def test_every_row_of_the_papers_figures_leads_somewhere():
    assert contracts.paper_figure_faults(contracts.paper_figures()) == []


def test_the_papers_figures_name_no_number_of_a_figure_that_was_not_seen():
    text = yaml.safe_dump(contracts.paper_figures(), allow_unicode=True)
    text += (book.root() / "book" / "paper-figures.md").read_text(encoding="utf8")
    assert not re.search(r"\b[Ff]ig(?:ure|\.)?\s*\d", text)
    assert "not at hand" in text


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"figure": "no-such"}, "shows no figure 'no-such'"),
        ({"chapter": "99-nowhere"}, "no chapter '99-nowhere'"),
        ({"difference": "off by {nothing:.1f}"}, "records no number 'nothing'"),
    ],
)
def test_a_wrong_row_of_the_papers_figures_is_found(change, fault):
    row = next(r for r in contracts.paper_figures() if "figure" in r)
    (found,) = contracts.paper_figure_faults([{**row, **change}])
    assert fault in found


def test_a_row_without_figure_or_reason_is_found():
    (found,) = contracts.paper_figure_faults([{"shows": "A map"}])
    assert found == "A map has neither a figure nor a reason"


def test_differences_are_filled_in_from_the_chapters():
    text = contracts.paper_figures_list("paper-figures")
    number = book.records(book.executed(book.chapter("07")), "number")["walk-off"]["value"]
    assert f"within {number:.1f} %" in text
    differences = [line for line in text.splitlines() if "*Difference:*" in line]
    assert differences
    assert not any("{" in line for line in differences)


def test_a_number_typed_into_a_difference_is_found():
    for row in contracts.paper_figures():
        assert typed(row.get("difference", "")) == []
    assert typed("off by 12 % or {walk-off:.1f} %") == ["12"]


def typed(difference):
    """Numbers of a difference that are not filled in; indices and exponents are formulas."""
    from nmm.companion.numbers import typed_numbers

    without = re.sub(r"\{[\w-]+:[^}]*\}|exp\([^)]*\)", "", difference)
    return [n.text for n in typed_numbers(without)]


def test_the_summary_of_claims_gives_each_verdict():
    summary = ledgers.claims_summary("claims")
    found = ledgers.recorded_claims()
    rows = re.findall(r"^\| \*\*(C\d)\*\* \|.*\| ([^|]*) \| [^|]* \|$", summary, re.M)
    from nmm.companion.claims import claims

    expected = [(c.id, c.verdict(found)) for c in claims()]
    assert [(name, verdict.replace("\u00a0", " ")) for name, verdict in rows] == expected


def test_the_status_page_has_every_page():
    table = ledgers.status_table("status")
    assert all(f"{{doc}}`{c.name}`" in table for c in book.chapters())
    assert "All cells together ran in" in table


def test_a_second_run_that_differs_in_one_bit_is_found():
    from copy import deepcopy

    from run_again import differences

    from nmm.companion.record import decode, encode

    kept = book.executed(book.chapter("index"))
    again = deepcopy(kept)
    assert list(differences(kept, again)) == []
    (name, record), *_ = book.records(again, "figure").items()
    key = next(iter(record["arrays"]))
    array = decode(record["arrays"][key]).copy()
    array.flat[0] = np.nextafter(array.flat[0], np.inf)
    record["arrays"][key] = encode(array)
    (number, kept_number), *_ = book.records(again, "number").items()
    kept_number["value"] = np.nextafter(kept_number["value"], np.inf)
    found = list(differences(kept, again))
    assert [line.split(":")[0] for line in found] == [f"figure {name}", f"number {number}"]
