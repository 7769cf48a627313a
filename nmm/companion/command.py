"""The `nmm` command: list, run, draw, verify and cite the book, from a checkout or a wheel."""

from __future__ import annotations

import argparse
import ast
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from nmm.companion import chapters as book
from nmm.companion.record import KEY

FORMATS = ("svg", "pdf", "png")
_DRAWS = r"""(?m)^figure\(\s*["']({})["']"""
_SVG = "application/papermill.record/image/svg+xml"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        0; 1 after a mistake, or if `verify` finds what does not hold; 130 if interrupted.

    Examples
    --------
    >>> from nmm.companion.command import main
    >>> main(["run", "99"])
    1
    """
    given = _parser().parse_args(arguments)
    try:
        return int(given.do(given) or 0)
    except KeyboardInterrupt:
        print("nmm: stopped; nothing was left half-written", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of a pipe has seen enough: `nmm list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ModuleNotFoundError as error:
        print(f'nmm: {error.name} is missing; pip install "nmm[book]" brings it', file=sys.stderr)
    except (KeyError, ValueError, OSError, RuntimeError) as error:
        print(f"nmm: {error.args[-1] if isinstance(error, KeyError) else error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="nmm", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="COMMAND")

    def verb(name: str, do: Callable[[Any], int | None]) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=do.__doc__, description=do.__doc__)
        added.set_defaults(do=do)
        return added

    verb("list", show_list).add_argument("chapter", nargs="?", help="default: every chapter")
    run = verb("run", run_chapter)
    run.add_argument("chapter", help='its name, or a beginning such as "06"')
    run.add_argument("--out", type=Path, help="new folder to write (default: the chapter's name)")
    draw = verb("figure", draw_figure)
    draw.add_argument("name", help="as `nmm list` says")
    draw.add_argument("--format", choices=FORMATS, default="pdf")
    draw.add_argument("--out", type=Path, help="file to write (default: the figure's name)")
    for one in (run, draw):
        one.add_argument(
            "-p",
            nargs=2,
            action="append",
            default=[],
            dest="parameters",
            metavar=("NAME", "VALUE"),
            help="another value for a parameter of the chapter; may be repeated",
        )
    verb("verify", verify)
    verb("cite", cite)
    return parser


def show_list(given: Any) -> None:
    """Chapters, with their parameters and figures."""
    for chapter in [book.chapter(given.chapter)] if given.chapter else book.chapters():
        print(chapter.name)
        print(*(f"  {k} = {v}" for k, v in book.parameters(chapter).items()), sep="\n")
        print("  figures:", ", ".join(_figures_of(chapter)))


def run_chapter(given: Any) -> None:
    """Run a chapter: its notebook with outputs, and its figures, in a new folder."""
    import nbformat

    chapter = book.chapter(given.chapter)
    target = given.out or Path(chapter.name)
    if target.exists():
        raise ValueError(f"{target} exists; give --out a folder that does not")
    with _put_at(target, folder=True) as aside:
        notebook = _run(chapter, given)
        nbformat.write(notebook, aside / f"{chapter.name}.ipynb")
        for name, picture in _pictures(notebook):
            (aside / f"{name}.svg").write_text(picture, encoding="utf8")
    print(f"{target}: {chapter.name}.ipynb and {len(list(target.glob('*.svg')))} figures")


def draw_figure(given: Any) -> None:
    """Draw one figure of a chapter, for print."""
    known = {name: chapter for chapter in book.chapters() for name in _figures_of(chapter)}
    if given.name not in known:
        raise KeyError(book.unknown("figure", given.name, known))
    target = given.out or Path(f"{given.name}.{given.format}")
    if target.suffix != f".{given.format}":
        raise ValueError(f"{target} does not end in .{given.format}; change --out or --format")
    with _put_at(target) as aside:
        first = (
            "import nmm.companion\nfrom nmm.companion.command import saving\n"
            f"nmm.companion.figure = saving({given.name!r}, {str(aside)!r}, nmm.companion.figure)"
        )
        _run(known[given.name], given, first=first, until=_DRAWS.format(given.name))
        if not aside.exists():
            raise ValueError(f"the chapter drew no figure {given.name!r} with these parameters")
    print(target)


def saving(name: str, path: str, draw: Callable[..., None]) -> Callable[..., None]:
    """`draw`, the chapters' `figure`, which saves the figure called `name` at `path` as well."""

    def draw_and_save(called: str, fig: Any, **rest: Any) -> None:
        if called == name:
            fig.savefig(path, dpi=300, bbox_inches="tight")
        draw(called, fig, **rest)

    return draw_and_save


def verify(_: Any) -> int:
    """Run every chapter, and print the receipt: claims, figures, numbers, versions, platform."""
    wrong = 0
    for chapter in book.chapters():
        notebook = book.executed(chapter)
        kinds = {k: book.records(notebook, k) for k in ("claim", "figure", "equation", "number")}
        off = [n for n, r in kinds["figure"].items() if r["deviation"] > r["tolerance"]]
        off += [name for name, record in kinds["claim"].items() if not record["holds"]]
        wrong += len(off)
        counts = ", ".join(f"{len(found)} {kind}s" for kind, found in kinds.items())
        print(f"{chapter.name}: {counts}; {'not so: ' + ', '.join(off) if off else 'all hold'}")
    used = ", ".join(f"{name} {version(name)}" for name in ("nmm", "numpy", "scipy", "numba"))
    print(f"Python {platform.python_version()}, {used}; {platform.platform()}")
    return 1 if wrong else 0


def cite(_: Any) -> None:
    """How to cite paper and book, in words and as BibTeX."""
    from nmm.companion import ledgers

    print("\n".join([*ledgers.references(), "", ledgers.bibtex()]))


def _figures_of(chapter: book.Chapter) -> list[str]:
    return re.findall(_DRAWS.format(r"[\w-]+"), chapter.source.read_text(encoding="utf8"))


def _run(chapter: book.Chapter, given: Any, **how: Any) -> Any:
    """Run with the values given; an error of a cell becomes one sentence."""
    from papermill import PapermillExecutionError

    values = {name: _value(text) for name, text in given.parameters}
    try:
        return book.run(chapter, values, progress=True, **how)
    except PapermillExecutionError as error:
        raise RuntimeError(f"{chapter.name} failed: {error.ename}: {error.evalue}") from error


def _value(text: str) -> Any:
    """Return what Python reads in the text; where it reads nothing, the text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _pictures(notebook: Any) -> Iterator[tuple[str, str]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            record = output.get("metadata", {}).get(KEY)
            if record and record["kind"] == "figure":
                yield record["name"], output["data"][_SVG]


@contextmanager
def _put_at(target: Path, *, folder: bool = False) -> Iterator[Path]:
    """A place beside `target` to write to, moved there at the end, or removed if that fails."""
    if not target.absolute().parent.is_dir():
        raise ValueError(f"there is no folder {target.absolute().parent} to write {target.name} in")
    beside = Path(tempfile.mkdtemp(prefix=".nmm-", dir=target.absolute().parent))
    try:
        yield beside if folder else beside / target.name
        if folder:
            beside.chmod(0o755)
        os.replace(beside if folder else beside / target.name, target)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
