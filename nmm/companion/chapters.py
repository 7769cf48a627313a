"""Find the chapters, run them through papermill, and keep what they gave."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from nmm.companion.record import KEY
from nmm.kernels import cache_folder

PROFILES = ("book", "quick", "changed")
# Modules beside this one that only read what chapters left. No chapter loads them, which a test
# checks, so that a change in them makes no chapter stale.
_READERS = re.compile(
    r"(?:\w+_)?equations|claims|command|contracts|figures|latex|ledgers|numbers|printed(?:_\w+)?|sentences"
)
_PARAMETERS = re.compile(r"^:tags: \[parameters\]\n(.*?)^```", re.S | re.M)


@dataclass(frozen=True)
class Chapter:
    """One executable page.

    Parameters
    ----------
    name : str
        Slug, e.g. ``"02-canonical-microcircuit"``.
    source : Path
        Its MyST Markdown file.
    profiles : mapping
        Profile → parameters; ``"book"`` is empty, the defaults written in the chapter.
    """

    name: str
    source: Path
    profiles: Mapping[str, Mapping[str, Any]]


def root() -> Path:
    """Folder that holds book/ and data/: the checkout, or the installed package's share."""
    package = Path(__file__).resolve().parents[1]
    shared = package / "_shared"
    return shared if (shared / "book").is_dir() else package.parent


def pages() -> list[str]:
    """Every document of the table of contents, without extension, in order."""
    import yaml  # not at the top: a chapter's notebook does not need it

    toc = yaml.safe_load((root() / "_toc.yml").read_text(encoding="utf8"))

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, list):
            for item in node:
                yield from walk(item)
        elif isinstance(node, dict):
            if "file" in node:
                yield node["file"]
            for key in ("parts", "chapters", "sections"):
                yield from walk(node.get(key))

    return [toc["root"], *walk(toc)]


def chapters() -> list[Chapter]:
    """The executable pages, in the order of the book."""
    import yaml

    path = root() / "book" / "profiles.yml"
    profiles = yaml.safe_load(path.read_text(encoding="utf8"))
    found = []
    for page in pages():
        source = root() / f"{page}.md"
        if _is_notebook(source):
            given = profiles.get(source.stem, {})
            found.append(Chapter(source.stem, source, {"book": {}, **given}))
    return found


def chapter(name: str) -> Chapter:
    """Return the chapter called `name`; its number, such as ``"02"`` or ``"2"``, is enough.

    Raises
    ------
    KeyError
        If there is no such chapter, or more than one.
    """
    known = {c.name: c for c in chapters()}
    found = [c for c in known if c == name or c.startswith(f"{name.zfill(2)}-")]
    if len(found) != 1:
        raise KeyError(unknown("chapter", name, known))
    return known[found[0]]


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Say that there is no such name, and which one is near, or else which there are."""
    near = get_close_matches(name, known, 1, cutoff=0.55)
    hint = f": did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
    return f"no {what} {name!r}{hint}"


def parameters(chapter: Chapter) -> dict[str, str]:
    """Parameters of a chapter: name → its default, and what it means, as the chapter writes it."""
    (cell,) = _PARAMETERS.findall(chapter.source.read_text(encoding="utf8"))
    return dict(re.findall(r"^(\w+) = (.*)$", cell, re.M))


def run(
    chapter: Chapter,
    values: Mapping[str, Any] | None = None,
    *,
    timeout: int = 600,
    progress: bool = False,
    first: str = "",
    until: str = "",
) -> Any:
    """Run one chapter with papermill, in its own folder.

    Parameters
    ----------
    chapter : Chapter
        Which.
    values : mapping, optional
        New values for the chapter's parameters.
    timeout : int, default 600
        Longest time for one cell, s.
    progress : bool, default False
        Show a bar on a terminal.
    first : str, optional
        Code to run before the chapter's.
    until : str, optional
        Pattern; the cells after the first that has it are left out.

    Returns
    -------
    notebook
        Executed, with outputs.

    Raises
    ------
    KeyError
        If the chapter has no such parameter (papermill alone would only log it).
    papermill.PapermillExecutionError
        If a cell fails.
    """
    import jupytext
    import nbformat
    import papermill

    known = parameters(chapter)
    for name in values or {}:
        if name not in known:
            raise KeyError(unknown("parameter", name, known))
    notebook = jupytext.read(chapter.source)
    if until:
        last = next(i for i, cell in enumerate(notebook.cells) if re.search(until, cell.source))
        del notebook.cells[last + 1 :]
    if first:
        notebook.cells.insert(0, nbformat.v4.new_code_cell(first))
    # A progress bar in a page would count as an error message; one thread of BLAS per kernel.
    for name in ("TQDM_DISABLE", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    return papermill.execute_notebook(
        notebook,
        None,
        parameters=dict(values or {}),
        cwd=str(chapter.source.parent),
        kernel_name="python3",
        progress_bar={"desc": chapter.name, "disable": None} if progress else False,
        extra_arguments=["--log-level=50"],  # of the kernel, which warns of its own transport
        request_save_on_cell_execute=False,
        execution_timeout=timeout,
    )


def build_folder() -> Path:
    """Where executed chapters go: ``_build`` in the checkout, else the user's cache."""
    return cache_folder() / "book" if root().name == "_shared" else root() / "_build"


def executed(chapter: Chapter) -> Any:
    """Return the chapter executed with its defaults, running it only if it is stale.

    It is stale when its code, anything in the package or in data/, or the pins have changed.
    """
    import nbformat

    path = build_folder() / "executed" / f"{chapter.name}.ipynb"
    key = freshness_key(chapter)
    if path.exists():
        try:
            notebook = nbformat.read(path, as_version=4)
        except Exception:  # half a file, from a machine that stopped: run again
            notebook = nbformat.v4.new_notebook()
        if notebook.metadata.get(KEY) == key:
            return notebook
    notebook = run(chapter)
    notebook.metadata[KEY] = key
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".tmp")
    nbformat.write(notebook, aside)
    aside.replace(path)
    return notebook


def freshness_key(chapter: Chapter) -> str:
    """Hash of all that the outputs of a chapter depend on."""
    import jupytext

    notebook = jupytext.read(chapter.source)
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256((_surroundings() + code).encode()).hexdigest()


@lru_cache
def _surroundings() -> str:
    """Hash of the package, as far as chapters load it, the data and the pins."""
    package = Path(__file__).resolve().parents[1]
    files = [
        path
        for path in sorted(package.rglob("*.py"))
        if not (path.parent.name == "companion" and _READERS.fullmatch(path.stem))
    ]
    files += sorted((root() / "data").glob("*"))
    files += [path for path in [root() / "constraints.txt"] if path.exists()]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def records(notebook: Any, kind: str) -> dict[str, dict[str, Any]]:
    """Records of one kind that the cells of an executed notebook left: name → record."""
    found: dict[str, dict[str, Any]] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            record = output.get("metadata", {}).get(KEY)
            if record and record["kind"] == kind:
                if record["name"] in found:
                    raise ValueError(f"two records of kind {kind} are called {record['name']!r}")
                found[record["name"]] = record
    return found


def _is_notebook(source: Path) -> bool:
    parts = source.read_text(encoding="utf8").split("---", 2)
    return len(parts) == 3 and not parts[0].strip() and "kernelspec" in parts[1]
