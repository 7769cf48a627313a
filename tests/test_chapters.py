"""Every chapter runs: with its defaults (for the book), quickly, and with a parameter changed."""

import re
from pathlib import Path

import pytest

from nmm.companion import chapters as book

CHAPTERS = book.chapters()
FRAME = ("**What you will learn**", "**Before you start.**", "## Exercises", "## The answer")
FRAME += ("**What you have learned**", "**Sources.**")


def cells(text):
    """Code cells of a MyST page: (tags, lines of code)."""
    for body in re.findall(r"^```\{code-cell\}[^\n]*\n(.*?)^```", text, re.S | re.M):
        tags = re.findall(r"^:tags: \[(.*)\]", body, re.M)
        code = [line for line in body.splitlines() if line.strip() and not line.startswith(":")]
        yield tags[0].split(", ") if tags else [], code


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_book_profile_runs(chapter):
    notebook = book.executed(chapter)
    assert notebook.metadata.papermill.exception is None
    # The promise of the README: a chapter within 90 s; a busy machine may double that.
    assert notebook.metadata.papermill.duration < 180


@pytest.mark.parametrize("profile", ["quick", "changed"])
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_other_profiles_run_with_no_false_sentence(chapter, profile):
    parameters = chapter.profiles[profile]
    notebook = book.run(chapter, parameters)
    default = book.executed(chapter)
    assert set(book.records(notebook, "word")) == set(book.records(default, "word"))
    assert notebook.metadata.papermill.duration < 60
    figures = book.records(notebook, "figure")
    for name, record in figures.items():
        assert record["deviation"] <= record["tolerance"], f"{name} against {record['route']}"
    changed = [n for n, r in figures.items() if r != book.records(default, "figure")[n]]
    assert changed, "the parameters changed nothing that is shown"


def test_a_verdict_follows_the_computation():
    # From half of 0.6 mV and from 0.6 mV the bistable column comes to rest: one answer.
    chapter = book.chapter("02")
    words = book.records(book.run(chapter, chapter.profiles["changed"]), "word")
    assert words["how-many"]["value"] == "one answer"
    assert words["fate"]["value"] == "comes to rest"
    default = book.records(book.executed(chapter), "word")
    assert default["how-many"]["value"] == "two answers"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
def test_form_of_a_chapter(chapter):
    text = chapter.source.read_text(encoding="utf8")
    found = list(cells(text))
    assert sum("parameters" in tags for tags, _ in found) == 1
    long = [code[0] for tags, code in found if len(code) > 15 and "remove-cell" not in tags]
    assert not long, f"cells a reader sees, over 15 lines: {long}"
    helpers = [code[0] for _, code in found if len(code) > 25]
    assert not helpers, f"cells over 25 lines, for nmm or for two cells: {helpers}"
    wide = [line for tags, code in found if not tags for line in code if len(line) > 100]
    assert not wide
    assert not [tags for tags, _ in found if "raises-exception" in tags]
    if chapter.name[0].isdigit():
        missing = [part for part in FRAME if part not in text]
        assert not missing
        assert text.count("```{exercise}") >= 3
        assert text.count("```{exercise}") == text.count("```{solution-start}")


def test_opening_and_closing_points_match_in_number():
    for chapter in CHAPTERS:
        text = chapter.source.read_text(encoding="utf8")
        if not chapter.name[0].isdigit():
            continue
        lists = [
            re.findall(r"^- ", text.split(head)[1].split("\n\n**")[0], re.M)
            for head in ("**What you will learn**", "**What you have learned**")
        ]
        assert len(lists[0]) == len(lists[1]) >= 3


def test_an_unknown_parameter_is_refused():
    with pytest.raises(KeyError, match="no parameter 'loudness'; there are kick"):
        book.run(book.chapter("02"), {"loudness": 3})


def test_an_unknown_chapter_is_refused():
    with pytest.raises(KeyError, match="no chapter '99'; there are index"):
        book.chapter("99")


def test_a_failing_cell_is_reported():
    import papermill

    with pytest.raises(papermill.PapermillExecutionError, match=r"at least 1\.2 s"):
        book.run(book.chapter("index"), {"duration": -1.0})


def test_what_makes_a_chapter_stale(monkeypatch, tmp_path):
    chapter = book.chapter("index")
    key = book.freshness_key(chapter)
    text = chapter.source.read_text(encoding="utf8")
    other = tmp_path / "index.md"
    other.write_text(text.replace("Here is a column", "This is a column"), encoding="utf8")
    assert book.freshness_key(book.Chapter("index", other, {})) == key  # prose alone
    other.write_text(text.replace("pulse = 4000.0", "pulse = 4001.0"), encoding="utf8")
    assert book.freshness_key(book.Chapter("index", other, {})) != key
    monkeypatch.setattr(book, "_surroundings", lambda: "another package")
    assert book.freshness_key(chapter) != key


def test_the_surroundings_are_the_package_the_data_and_the_pins(monkeypatch, tmp_path):
    for part in ("book", "data"):
        (tmp_path / part).mkdir()
    (tmp_path / "data" / "x.npz").write_bytes(b"1")
    monkeypatch.setattr(book, "root", lambda: tmp_path)
    before = book._surroundings.__wrapped__()
    (tmp_path / "data" / "x.npz").write_bytes(b"2")
    after = book._surroundings.__wrapped__()
    assert before != after
    (tmp_path / "constraints.txt").write_text("numpy==2.4.6")
    assert book._surroundings.__wrapped__() != after


def test_a_changed_line_of_the_package_runs_a_chapter_again(monkeypatch, tmp_path):
    import shutil

    chapter, runs = book.chapter("index"), []
    package = Path(book.__file__).parents[1]
    shutil.copytree(package, tmp_path / "nmm", ignore=shutil.ignore_patterns("__pycache__"))
    notebook = book.executed(chapter)
    monkeypatch.setattr(book, "run", lambda c: runs.append(c.name) or notebook)
    monkeypatch.setattr(book, "build_folder", lambda: tmp_path)
    share = book.root()
    monkeypatch.setattr(book, "root", lambda: share)
    monkeypatch.setattr(book, "__file__", str(tmp_path / "nmm" / "companion" / "chapters.py"))
    module = tmp_path / "nmm" / "sigmoid.py"
    for line, expected in (("", 1), ("", 1), ("\nTOO_STEEP = 1e3\n", 2), ("", 2)):
        with module.open("a") as file:
            file.write(line)
        book._surroundings.cache_clear()
        book.executed(chapter)
        assert len(runs) == expected
    book._surroundings.cache_clear()


def test_chapters_load_no_module_that_only_reads_them():
    """What makes no chapter stale must not be loaded by one."""
    import subprocess
    import sys

    for chapter in CHAPTERS:  # through nmm.companion itself only, and what it loads
        text = chapter.source.read_text(encoding="utf8")
        assert not re.findall(r"^(?:import|from) nmm\.companion\..*", text, re.M), chapter.name
    code = "import sys, nmm.companion; print(*(m for m in sys.modules if m.startswith('nmm.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = [m.rsplit(".", 1)[1] for m in done.stdout.split() if m.startswith("nmm.companion.")]
    assert loaded
    assert [m for m in loaded if book._READERS.fullmatch(m)] == []
