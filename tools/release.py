"""Gather what a release consists of, and put the site where GitHub Pages shows it.

From the root of the repository, after `make book` and `make pdf`::

    python tools/release.py assets     # _build/release: PDF, notebooks, site, checksums
    python tools/release.py publish    # the site, on the branch gh-pages of the remote `origin`

The branch shows the newest release at its root and keeps each one under its own name, ``v0.1.0/``.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import yaml

from nmm.companion.chapters import root

BRANCH = "gh-pages"
_WHEN = 315_532_800  # 1980: the same files give the same archive, whenever it is made


def version() -> str:
    """Version of the book, as CITATION.cff says."""
    about = yaml.safe_load((root() / "CITATION.cff").read_text(encoding="utf8"))
    return str(about["version"])


def assets(build: Path) -> list[Path]:
    """Write notebooks, site and checksums beside the PDF in `build`/release; return all files."""
    site, folder = build / "html", build / "release"
    pdf = folder / "nmm-book.pdf"
    if not pdf.exists() or not site.exists():
        raise SystemExit("A release needs the site and the PDF: run `make book` and `make pdf`.")
    notebooks = folder / f"nmm-notebooks-{version()}.zip"
    with zipfile.ZipFile(notebooks, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((site / "_sources" / "book").glob("*.ipynb")):
            entry = zipfile.ZipInfo(path.name)  # of 1980
            archive.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    packed = folder / f"nmm-site-{version()}.tar.gz"
    with (
        gzip.GzipFile(packed, "wb", mtime=_WHEN) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for path in sorted(p for p in site.rglob("*") if p.is_file()):
            tar.add(path, f"site/{path.relative_to(site).as_posix()}", filter=_anonymous)
    made = [pdf, notebooks, packed]
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made]
    (folder / "SHA256SUMS").write_text("".join(sums), encoding="utf8")
    return [*made, folder / "SHA256SUMS"]


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime, info.uid, info.gid, info.uname, info.gname = _WHEN, 0, 0, "", ""
    info.mode = 0o644
    return info


def publish(repository: Path, site: Path, name: str) -> None:
    """Commit `site` to the branch, at its root and in a folder `name`, and push the branch."""

    def git(*words: str, where: Path = repository, check: bool = True) -> bool:
        return subprocess.run(["git", *words], cwd=where, check=check).returncode == 0

    with tempfile.TemporaryDirectory() as parent:
        tree = Path(parent, "site")
        known = git("fetch", "--quiet", "origin", BRANCH, check=False)
        git("worktree", "add", "--quiet", "--detach", str(tree), "FETCH_HEAD" if known else "HEAD")
        try:
            if not known:
                git("switch", "--quiet", "--orphan", BRANCH, where=tree)
            for old in tree.iterdir():  # the newest release gives way; those with a name stay
                if old.name != ".git" and not _is_version(old):
                    shutil.rmtree(old) if old.is_dir() else old.unlink()
            for target in (tree, tree / name):
                shutil.copytree(site, target, dirs_exist_ok=True)
            (tree / ".nojekyll").touch()  # else folders such as _static are left out
            git("add", "--all", "--force", where=tree)
            git("commit", "--quiet", "--allow-empty", "-m", f"Site of {name}", where=tree)
            git("push", "--quiet", "origin", f"HEAD:{BRANCH}", where=tree)
        finally:
            git("worktree", "remove", "--force", str(tree))
            git("branch", "--quiet", "-D", BRANCH, check=False) if not known else None


def _is_version(path: Path) -> bool:
    return path.is_dir() and path.name[0] == "v" and path.name[1:2].isdigit()


if __name__ == "__main__":
    if sys.argv[1:] == ["assets"]:
        for made in assets(root() / "_build"):
            print(f"{made}: {made.stat().st_size / 1e6:.1f} MB")
    elif sys.argv[1:] == ["publish"]:
        publish(root(), root() / "_build" / "html", f"v{version()}")
    else:
        raise SystemExit("usage: python tools/release.py assets | publish")
