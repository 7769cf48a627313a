"""The PDF, the files of a release, the branch that is published, and the workflow."""

import hashlib
import re
import subprocess
import tarfile
import zipfile
from pathlib import Path

import print_book
import publishing
import pytest
import release
import yaml

from nmm.companion import chapters as book

ROOT = Path(__file__).resolve().parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "pages.yml"


def git(*words, where):
    done = subprocess.run(["git", *words], cwd=where, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def build(tmp_path):
    """A small site, as a build leaves it."""
    pages = tmp_path / "build" / "html" / "_sources" / "book"
    pages.mkdir(parents=True)
    (pages / "01-one.ipynb").write_text("{}", encoding="utf8")
    (tmp_path / "build" / "html" / "index.html").write_text("first", encoding="utf8")
    (tmp_path / "build" / "release").mkdir()
    (tmp_path / "build" / "release" / "nmm-book.pdf").write_bytes(b"%PDF")
    return tmp_path / "build"


def test_files_of_a_release_have_their_checksums_and_are_the_same_twice(build):
    first = {path.name: path.read_bytes() for path in release.assets(build)}
    assert {path.name: path.read_bytes() for path in release.assets(build)} == first
    sums = dict(line.split("  ")[::-1] for line in first["SHA256SUMS"].decode().splitlines())
    assert set(sums) == set(first) - {"SHA256SUMS"}
    for name, value in sums.items():
        assert hashlib.sha256(first[name]).hexdigest() == value
    (packed,) = (build / "release").glob("*.tar.gz")
    with tarfile.open(packed) as tar:
        assert "site/index.html" in tar.getnames()
    (notebooks,) = (build / "release").glob("*.zip")
    assert zipfile.ZipFile(notebooks).namelist() == ["01-one.ipynb"]


def test_a_release_without_pdf_is_refused(build):
    (build / "release" / "nmm-book.pdf").unlink()
    with pytest.raises(SystemExit, match="make pdf"):
        release.assets(build)


def test_former_versions_stay_when_a_new_one_is_published(build, tmp_path, monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.org")
    remote, clone, site = tmp_path / "remote.git", tmp_path / "clone", build / "html"
    git("init", "--quiet", "--bare", str(remote), where=tmp_path)
    git("clone", "--quiet", str(remote), str(clone), where=tmp_path)
    git("commit", "--quiet", "--allow-empty", "-m", "code", where=clone)
    (site / "gone.html").write_text("only in the first", encoding="utf8")
    release.publish(clone, site, "v0.1.0")
    (site / "gone.html").unlink()
    (site / "index.html").write_text("second", encoding="utf8")
    release.publish(clone, site, "v0.2.0")

    def shown(path):
        return git("show", f"gh-pages:{path}", where=remote)

    assert shown("index.html") == shown("v0.2.0/index.html") == "second"
    assert shown("v0.1.0/index.html") == "first"
    names = git("ls-tree", "--name-only", "gh-pages", where=remote).split()
    assert set(names) == {".nojekyll", "_sources", "index.html", "v0.1.0", "v0.2.0"}
    assert git("status", "--porcelain", where=clone) == ""
    assert len(git("worktree", "list", where=clone).splitlines()) == 1


def steps():
    content = yaml.safe_load(WORKFLOW.read_text(encoding="utf8"))
    return [step for job in content["jobs"].values() for step in job["steps"]]


def test_the_workflow_runs_only_what_can_be_run_here():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf8"), re.M)
    lines = [line for step in steps() for line in step.get("run", "").splitlines()]
    assert len(lines) >= 5
    for line in lines:
        made = re.fullmatch(r'make ([\w-]+)(?: \w+="?\$\w+"?)?', line)
        assert made, line
        assert made[1] in targets, line


def test_the_workflow_is_of_the_form_that_github_reads():
    content = yaml.safe_load(WORKFLOW.read_text(encoding="utf8"))
    assert set(content[True]) == {"push", "pull_request"}  # YAML reads the key `on` as true
    assert content[True]["push"]["tags"] == ["v*"]
    assert content["permissions"] == {"contents": "read"}
    for step in steps():
        assert ("uses" in step) != ("run" in step), step
        assert set(step) <= {"name", "uses", "run", "with", "env", "if"}
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"])
    (publish,) = (step for step in steps() if "publish" in step.get("run", ""))
    assert publish["if"] == "github.ref_type == 'tag'"


def test_pages_of_versions_are_linked_once_there_is_an_address():
    site, repository = "https://someone.example/b/", "https://github.com/a/b"
    row = publishing.version_row("0.1.0", "2030-01-31", repository, site)
    assert f"{site}v0.1.0/" in row
    assert f"{repository}/releases/tag/v0.1.0" in row
    assert "http" not in publishing.version_row("0.1.0", "2030-01-31", "", "")


def test_the_page_of_versions_knows_this_one(built):
    text = (ROOT / "_build/html/book/archive.html").read_text(encoding="utf8")
    table = re.sub(r"<[^>]+>", " ", re.search(r"<table.*?</table>", text, re.S)[0])
    assert release.version() in table


def test_every_link_inside_the_printed_book_leads_somewhere(built):
    text = print_book.document({})
    anchors = re.findall(r'\bid="([^"]+)"', text)
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert {page.removeprefix("book/") for page in book.pages()} <= links
    assert {link: anchors.count(link) for link in links if anchors.count(link) != 1} == {}
    for source in re.findall(r'<img[^>]*src="([^":]+)"', text):
        assert (ROOT / "_build" / "print" / source).resolve().exists(), source


def test_without_a_browser_the_pdf_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit, match="install it"):
        print_book.chromium()


def test_pages_of_anchors_are_read_from_a_pdf(browser, tmp_path):
    source = tmp_path / "three.html"
    links = "".join(f'<a href="#at-{n}">{n}</a>' for n in (1, 2, 3))
    pages = "".join(f'<h1 id="at-{n}" style="break-before: page">{n}</h1>' for n in (1, 2, 3))
    source.write_text(links + pages, encoding="utf8")
    page = browser.new_page()
    page.goto(source.as_uri())
    found = print_book.page_numbers(page.pdf())
    page.close()
    assert found == {"at-1": 2, "at-2": 3, "at-3": 4}
