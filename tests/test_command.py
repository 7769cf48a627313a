"""The `nmm` command: what it writes, what it refuses, and what an interruption leaves."""

import re

import nbformat
import pytest

from nmm.companion import chapters as book
from nmm.companion import command


def test_list_names_chapters_parameters_and_figures(capsys):
    assert command.main(["list"]) == 0
    said = capsys.readouterr().out
    for chapter in book.chapters():
        assert re.search(rf"^{chapter.name}$", said, re.M)
        for name in book.records(book.executed(chapter), "figure"):
            assert name in said
    assert "pulse=4000.0" in said


def test_run_writes_notebook_and_figures(tmp_path, capsys):
    out = tmp_path / "mine"
    assert command.main(["run", "index", "-p", "duration", "1.5", "--out", str(out)]) == 0
    notebook = nbformat.read(out / "index.ipynb", as_version=4)
    assert "duration = 1.5" in "".join(c.source for c in notebook.cells)
    assert {p.stem for p in out.glob("*.svg")} == set(book.records(notebook, "figure"))
    assert (out / "pulse.svg").read_text(encoding="utf8").lstrip().startswith("<?xml")
    assert command.main(["run", "index", "--out", str(out)]) == 1
    assert "exists" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "start"), [("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_figure_of_publication_size(tmp_path, kind, start):
    out = tmp_path / f"it.{kind}"
    options = ["--format", kind, "--out", str(out), "-p", "duration", "1.5", "-p", "record", "20"]
    assert command.main(["figure", "pulse", *options]) == 0
    assert out.read_bytes().startswith(start)
    assert [p.name for p in tmp_path.iterdir()] == [out.name]


REFUSED = {
    "chapter": (["run", "99"], "no chapter '99'; there are index"),
    "parameter": (["run", "02", "-p", "loudness", "3"], "no parameter loudness; it has kick"),
    "figure": (["figure", "pulses"], "no figure 'pulses'; there are pulse"),
    "folder": (["run", "02", "--out", "nowhere/x"], "no folder"),
    "ending": (["figure", "pulse", "--out", "it.svg"], "does not end in .pdf"),
}


@pytest.mark.parametrize(("line", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(line, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.main(line) == 1
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(book, "run", interrupted)
    assert command.main(["run", "index", "--out", str(tmp_path / "mine")]) == 130
    assert "stopped" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_verify_finds_what_does_not_hold(monkeypatch, capsys):
    index = book.chapter("index")
    monkeypatch.setattr(book, "chapters", lambda: [index])
    assert command.main(["verify"]) == 0
    assert "all hold" in capsys.readouterr().out
    notebook = book.executed(index)
    record = book.records(notebook, "claim")["tipped-by-a-pulse"]
    record["holds"] = False
    monkeypatch.setattr(book, "executed", lambda _: notebook)
    assert command.main(["verify"]) == 1
    assert "not so: tipped-by-a-pulse" in capsys.readouterr().out


def test_cite(capsys):
    assert command.main(["cite"]) == 0
    said = capsys.readouterr().out
    assert "10.1371/journal.pcbi.1010915" in said
    assert "Cooray, Gerald K." in said
