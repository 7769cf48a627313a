"""The `nmm` command: what it writes, what it refuses, and what an interruption leaves."""

import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import psutil
import pytest

from nmm.companion import chapters as book
from nmm.companion import command

COMMAND = [sys.executable, "-m", "nmm.companion.command"]


def test_list_names_chapters_parameters_and_figures(capsys):
    assert command.main(["list"]) == 0
    said = capsys.readouterr().out
    for chapter in book.chapters():
        assert re.search(rf"^{chapter.name}$", said, re.M)
        for name in book.records(book.executed(chapter), "figure"):
            assert name in said
    assert command.main(["list", "index"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("  pulse = 4000.0  ")


def test_parameters_are_those_that_papermill_finds():
    import jupytext
    import papermill

    for chapter in book.chapters():
        found = papermill.inspect_notebook(jupytext.read(chapter.source))
        assert list(book.parameters(chapter)) == list(found)


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


def test_a_figure_needs_only_the_cells_before_it():
    notebook = book.run(book.chapter("index"), until=r"import matplotlib")
    whole = book.executed(book.chapter("index"))
    assert 1 < len(notebook.cells) < len(whole.cells) / 2
    assert "import matplotlib" in notebook.cells[-1].source


def test_values_are_read_as_python_reads_them():
    read = {"1e-3": 1e-3, "[1, 2]": [1, 2], "True": True, "Oz": "Oz", "a b": "a b"}
    assert {text: command._value(text) for text in read} == read


REFUSED = {
    "chapter": (["run", "99"], "no chapter '99'; there are index"),
    "near chapter": (["run", "indx"], "no chapter 'indx': did you mean index?"),
    "parameter": (["run", "02", "-p", "x", "3"], "no parameter 'x'; there are kick, sigma"),
    "near parameter": (["run", "2", "-p", "kik", "3"], "did you mean kick?"),
    "figure": (["figure", "pulses"], "no figure 'pulses': did you mean pulse?"),
    "folder": (["run", "02", "--out", "nowhere/x"], "no folder"),
    "ending": (["figure", "pulse", "--out", "it.svg"], "does not end in .pdf"),
    "cell": (["run", "index", "-p", "duration", "-1"], "index failed: ValueError: duration must"),
}


@pytest.mark.parametrize(("line", "says"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(line, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command.main(line) == 1
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing(tmp_path):
    line = [*COMMAND, "run", "index", "--out", "mine"]
    running = subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (kernels := psutil.Process(running.pid).children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert kernels
    assert [path.name[:5] for path in tmp_path.iterdir()] == [".nmm-"]
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.splitlines()[-1] == "nmm: stopped; nothing was left half-written"
    assert not list(tmp_path.iterdir())
    assert not psutil.wait_procs(kernels, timeout=60)[1]  # a kernel ends after its parent


WITHOUT = """
import sys
sys.modules.update(dict.fromkeys(["papermill", "jupytext", "nbformat", "IPython", "ipykernel"]))
from nmm.companion.command import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("verb", "code", "says"),
    [("list", 0, ""), ("cite", 0, ""), ("run 02", 1, 'pip install "nmm[book]"')],
)
def test_without_the_extra(verb, code, says, tmp_path):
    line = [sys.executable, "-c", WITHOUT, *verb.split()]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_wheel_holds_chapters_and_data(tmp_path):
    """Built, unpacked, and used from elsewhere."""
    root, away = Path(__file__).resolve().parents[1], tmp_path / "away"
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", tmp_path, root], check=True)
    (wheel,) = tmp_path.glob("nmm-*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "lib")
    away.mkdir()
    settings = {**os.environ, "PYTHONPATH": str(tmp_path / "lib"), "PYTHONSAFEPATH": "1"}

    def says(*line):
        done = subprocess.run(
            line, cwd=away, env=settings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    home = says(sys.executable, "-c", "from nmm.companion.chapters import root; print(root())")
    assert home.strip() == str(tmp_path / "lib" / "nmm" / "_shared")
    for chapter in book.chapters():
        assert chapter.name in says(*COMMAND, "list", chapter.name)
    assert "10.1371/journal.pcbi.1010915" in says(*COMMAND, "cite")
    says(*COMMAND, "figure", "resting-eeg", "-p", "duration", "20")  # a recording from data/
    assert [path.name for path in away.iterdir()] == ["resting-eeg.pdf"]
    assert (away / "resting-eeg.pdf").read_bytes().startswith(b"%PDF")


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
