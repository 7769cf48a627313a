"""The book's own Sphinx extension: fresh chapters, recorded figures and equations, repairs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from html import escape
from pathlib import Path
from shutil import copy2
from typing import Any, ClassVar

import nbformat
import publishing
from docutils import nodes
from docutils.parsers.rst import directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from nmm.companion import exercises, ledgers
from nmm.companion.chapters import (
    Chapter,
    build_folder,
    chapter,
    chapters,
    executed,
    records,
    root,
)
from nmm.companion.contracts import scientific

_NEGATIVE = re.compile(r"-?[\d,]*\.?\d+(e[-+]?\d+)?")  # or with a negative exponent


def refresh_chapters(app: Sphinx) -> None:
    """Run what is stale, once, and hand every chapter's outputs to Jupyter Book's cache."""
    for page in chapters():
        try:
            notebook = executed(page)
        except Exception as error:
            raise ExtensionError(f"chapter {page.name} failed:\n{error}") from error
        fill_cache(page, notebook)
        print(f"chapter {page.name}: ready", file=sys.stderr)


def fill_cache(chapter: Chapter, notebook: Any) -> None:
    """Store a papermill run where myst-nb looks for it, so that the build executes nothing."""
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn
    from myst_nb.core.read import read_myst_markdown_notebook
    from myst_parser.config.main import MdParserConfig

    # As Jupyter Book reads the source, so that the cache's hash of the cells is the same.
    text = chapter.source.read_text(encoding="utf8")
    ours = read_myst_markdown_notebook(
        text, MdParserConfig(), add_source_map=True, path=chapter.source
    )
    pairs = zip(
        (c for c in ours.cells if c.cell_type == "code"),
        (c for c in notebook.cells if c.cell_type == "code"),
        strict=True,
    )
    for mine, done in pairs:
        mine.outputs, mine.execution_count = done.outputs, done.execution_count
    folder = build_folder() / ".jupyter_cache"
    folder.parent.mkdir(parents=True, exist_ok=True)
    seconds = notebook.metadata.papermill.duration
    get_cache(folder).cache_notebook_bundle(
        CacheBundleIn(nb=ours, uri=str(chapter.source), data={"execution_seconds": seconds}),
        check_validity=False,
        overwrite=True,
    )


def pages_to_read(app: Sphinx, env: Any, *_: Any) -> list[str]:
    """Every page, or none if no file has changed since the last build without a warning.

    A page may depend on any chapter's outputs and on any list of the book, so one change is all.
    """
    kept = Path(app.doctreedir) / "book.sha256"
    same = kept.exists() and kept.read_text(encoding="ascii") == digest(root())
    return [] if same else list(env.found_docs)


def keep_digest(app: Sphinx, exception: Exception | None) -> None:
    """Note what was built, if all of it was and nothing is to be said again."""
    kept = Path(app.doctreedir) / "book.sha256"
    kept.unlink(missing_ok=True)
    if exception is None and not app._warncount:
        kept.write_text(digest(root()), encoding="ascii")


def digest(folder: Path) -> str:
    """Hash of every file of the checkout that may matter, executed chapters included."""
    found = hashlib.sha256()
    left_out = {"_build", "build", "__pycache__"}
    files = [
        path
        for top in sorted(folder.iterdir())
        if not (top.name.startswith(".") or top.name in left_out)
        for path in ([top] if top.is_file() else sorted(top.rglob("*")))
        if path.is_file() and "__pycache__" not in path.parts
    ]
    for path in [*files, *sorted((folder / "_build" / "executed").glob("*.ipynb"))]:
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


class Recorded(SphinxDirective):  # type: ignore[misc]
    """A directive that writes MyST text from what an executed chapter recorded."""

    has_content = True
    required_arguments = 1

    def record(self, kind: str) -> dict[str, Any]:
        """Return the record of this page that the directive's argument names."""
        name = Path(self.env.docname).name
        path = build_folder() / "executed" / f"{name}.ipynb"
        found = records(nbformat.read(path, as_version=4), kind)
        if self.arguments[0] not in found:
            raise self.error(
                f"no {kind} {self.arguments[0]!r} is recorded in {name}; there are {list(found)}"
            )
        return found[self.arguments[0]]

    def parse(self, text: str) -> list[nodes.Node]:
        """Parse MyST text as if it stood here."""
        holder = nodes.Element()
        lines = StringList(text.splitlines(), source=self.env.doc2path(self.env.docname))
        self.state.nested_parse(lines, self.content_offset, holder)
        found: list[nodes.Node] = holder.children
        return found


class RecordedFigure(Recorded):
    """``{recorded-figure} name``: a figure with alt text and source line from its record."""

    def run(self) -> list[nodes.Node]:
        """Write a glue:figure."""
        record = self.record("figure")
        source = (
            f"Checked against {record['route']}: largest deviation "
            f"{scientific(record['deviation'])}, allowed {scientific(record['tolerance'])} "
            f"({record['reason']})."
        )
        caption = "\n".join(self.content)
        return self.parse(
            f"`````{{glue:figure}} figure-{record['name']}\n:alt: {record['alt']}\n"
            f":name: fig-{record['name']}\n\n{caption} [{source}]{{.figure-source}}\n`````"
        )


class RecordedEquation(Recorded):
    """``{recorded-equation} label``: a numbered equation as SymPy wrote it."""

    def run(self) -> list[nodes.Node]:
        """Write a math block."""
        record = self.record("equation")
        return self.parse(f"`````{{math}}\n:label: {record['name']}\n\n{record['latex']}\n`````")


class SelfCheck(Recorded):
    """``{self-check} label``: level, what to answer, a hint, and a form that judges a number."""

    option_spec: ClassVar = {
        "level": directives.positive_int,
        "answer": directives.unchanged_required,
    }

    def run(self) -> list[nodes.Node]:
        """Write a line, a hint that opens, and the form."""
        name, record = self.arguments[0], self.record("answer")
        level, asked = self.options["level"], self.options["answer"]
        dots = "●" * level + "○" * (len(exercises.LEVELS) - level)
        expected = {key: record[key] for key in ("value", "within", "slips")}
        unit = f" ({record['unit']})" if record["unit"] else ""
        form = (
            f'<form class="self-check" hidden data-expected="{escape(json.dumps(expected))}">'
            f'<label for="check-{name}">Your answer{escape(unit)}</label>'
            f'<input id="check-{name}" type="text" inputmode="decimal" autocomplete="off"/>'
            f'<button type="submit">Check</button><output for="check-{name}"></output></form>'
        )
        hint = "\n".join(self.content)
        return self.parse(
            f"{dots} Level {level}: {exercises.LEVELS[level - 1]}. Give {asked}.\n\n"
            f"`````{{dropdown}} Hint\n{hint}\n`````\n\n"
            f"```{{raw}} html\n{form}\n```"
        )


class Ledger(Recorded):
    """``{ledger} name``: a table that the book keeps about itself."""

    def run(self) -> list[nodes.Node]:
        """Write the table, or the line."""
        return self.parse(ledgers.LEDGERS[self.arguments[0]](Path(self.env.docname).name))


def typographic_minus(app: Sphinx, doctree: nodes.document) -> None:
    """Print glued negative numbers with a minus sign, not a hyphen; words keep theirs."""
    for node in doctree.findall(nodes.inline):
        text = node.astext()
        if "pasted-text" in node["classes"] and _NEGATIVE.fullmatch(text):
            node.children = []
            node += nodes.Text(text.replace("-", "−"))


def drop_thebe(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Take out sphinx-thebe, which Jupyter Book always loads: it asks unpkg.com for its code."""

    def is_thebe(script: Any) -> bool:
        body = getattr(script, "attributes", {}).get("body") or ""
        return "thebe" in str(getattr(script, "filename", "")) or "THEBE_JS_URL" in body

    for key in ("script_files", "css_files"):
        context[key] = [script for script in context.get(key, []) if not is_thebe(script)]


def offer_notebook(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Offer the executed .ipynb of a chapter for download, without our records."""
    path = build_folder() / "executed" / f"{Path(pagename).name}.ipynb"
    if not context.get("sourcename", "").endswith(".md") or not path.exists():
        return
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = [o for o in cell.outputs if "scrapbook" not in o.get("metadata", {})]
    repository, branch, _ = publishing.addresses(app.config)
    if repository:
        code = publishing.install_code(repository, branch)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(code, id="install"))
    target = Path(app.outdir, "_sources", f"{pagename}.ipynb")
    target.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, target)
    if exercises.answers_of(own := chapter(Path(pagename).name)):
        nbformat.write(exercises.stub_notebook(own), target.with_stem(f"{target.stem}-exercises"))
    context["ipynb_source"] = f"{pagename}.ipynb"


def drop_wrong_roles(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Take out the roles of docutils' list of references: screen readers find no list in it."""
    if "body" in context:
        context["body"] = re.sub(r' role="(?:list|doc-biblioentry)"', "", context["body"])


def copy_notice(app: Sphinx, exception: Exception | None) -> None:
    """Put the notice on the recordings with the site."""
    if exception is None and app.builder.format == "html":
        copy2(Path(app.confdir, "data", "NOTICE.md"), Path(app.outdir, "_static", "NOTICE.md"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything; called by Sphinx."""
    os.environ.setdefault("TQDM_DISABLE", "1")
    app.add_directive("recorded-figure", RecordedFigure)
    app.add_directive("recorded-equation", RecordedEquation)
    app.add_directive("self-check", SelfCheck)
    app.add_directive("ledger", Ledger)
    app.connect("builder-inited", refresh_chapters)
    app.connect("env-get-outdated", pages_to_read)
    app.connect("doctree-read", typographic_minus)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", offer_notebook, priority=400)
    app.connect("html-page-context", drop_wrong_roles)
    app.connect("build-finished", copy_notice)
    app.connect("build-finished", keep_digest)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}
