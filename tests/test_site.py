"""The site as built: every page, its figures, its links; nothing from third parties."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import bookext
import pytest
import yaml

from nmm.companion import chapters as book
from nmm.companion import equations, figures

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"


class Page(HTMLParser):
    """What the checks need to know of one page."""

    def __init__(self, path):
        super().__init__()
        self.ids, self.links, self.assets, self.images = set(), [], [], []
        self.text = path.read_text(encoding="utf8")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        if a.get("id"):
            self.ids.add(a["id"])
        if tag == "a" and a.get("href"):
            self.links.append(a["href"])
        if tag in ("script", "img", "iframe", "source") and a.get("src"):
            self.assets.append(a["src"])
        if tag == "link" and a.get("rel") in ("stylesheet", "preload", "icon", "shortcut icon"):
            self.assets.append(a.get("href", ""))
        if tag == "img":
            self.images.append(a)


@pytest.fixture(scope="session")
def pages(built):
    return {
        p.relative_to(HTML).as_posix(): Page(p)
        for p in HTML.rglob("*.html")
        if "_static" not in p.parts
    }


def test_every_page_of_the_contents_exists(pages):
    assert {f"{page}.html" for page in book.pages()} <= set(pages)
    assert (HTML / "index.html").exists()
    assert len(book.pages()) >= 7


def test_every_chapter_shows_its_figures_and_equations(pages):
    for chapter in book.chapters():
        text = chapter.source.read_text(encoding="utf8")
        page = pages[f"book/{chapter.name}.html"]
        for name in figures.placed(text):
            assert f"fig-{name}" in page.ids, f"{chapter.name}: figure {name}"
        for label in equations.labels(text):
            assert f"equation-{label}" in page.ids, f"{chapter.name}: {label}"
        drawn = [i for i in page.images if "_images" in i.get("src", "")]
        assert len(drawn) == len(figures.placed(text))


def test_no_page_shows_an_error(pages):
    for name, page in pages.items():
        if name.startswith(("genindex", "search")):
            continue
        for sign in ("Traceback (most recent", "text_html output-error", "problematic", "glue:"):
            assert sign not in page.text, f"{name}: {sign}"


def test_glued_numbers_reach_the_page(pages):
    number = book.records(book.executed(book.chapter("02")), "number")["swing"]["value"]
    text = re.sub(r"<[^>]+>", "", pages["book/02-canonical-microcircuit.html"].text)
    assert f"a swing of {number:.3f} mV" in text


def test_nothing_comes_from_outside(pages):
    bad = [(n, a) for n, p in pages.items() for a in p.assets if re.match(r"(https?:)?//", a)]
    assert not bad
    for style in HTML.rglob("*.css"):
        assert not re.search(r"url\(['\"]?https?://", style.read_text(encoding="utf8")), style


def test_links_and_anchors_lead_somewhere(pages):
    bad = []
    for name, page in pages.items():
        for href in page.links:
            u = urlsplit(href)
            if u.scheme or u.netloc:
                continue
            path = unquote(u.path)
            target = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            anchors = pages[target].ids | {""} if target in pages else {u.fragment}
            if not (HTML / target).exists() or unquote(u.fragment) not in anchors:
                bad.append((name, href))
    assert not bad


def test_every_image_is_there(pages):
    for name, page in pages.items():
        for image in page.images:
            source = urlsplit(image["src"])
            if source.scheme != "data":
                target = HTML / os.path.dirname(name) / unquote(source.path)
                assert target.exists(), f"{name}: {image['src']}"


def test_no_link_goes_to_jupyter_books_own_repository(pages):
    assert not [(n, h) for n, p in pages.items() for h in p.links if "executablebooks" in h]


def test_every_image_has_alt_text(pages):
    # myst-nb gives an output image without alt text its own path.
    bad = [
        (name, image)
        for name, page in pages.items()
        for image in page.images
        if "logo__image" not in image.get("class", "")  # decoration: the title stands beside it
        and re.search(r"^\s*$|_images/|\.svg$", image.get("alt") or "")
    ]
    assert not bad


def test_every_chapter_can_be_downloaded_as_a_notebook(pages):
    import nbformat

    for chapter in book.chapters():
        link = f"../_sources/book/{chapter.name}.ipynb"
        assert link in pages[f"book/{chapter.name}.html"].links
        path = HTML / "_sources" / "book" / f"{chapter.name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        pictures = [o for c in notebook.cells for o in c.get("outputs", []) if "data" in o]
        assert any("image/svg+xml" in o["data"] for o in pictures)


def test_the_second_build_runs_nothing(built):
    assert "Executing notebook" not in built.stdout + built.stderr


def test_configuration_has_no_key_twice():
    class Strict(yaml.SafeLoader):
        pass

    def mapping(loader, node):
        keys = [loader.construct_object(key) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"key twice in {keys}"
        return loader.construct_mapping(node, deep=True)

    Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    for name in ("_config.yml", "_toc.yml", "environment.yml", "book/claims.yml"):
        yaml.load((ROOT / name).read_text(encoding="utf8"), Strict)


def test_a_changed_file_means_every_page_again(tmp_path, monkeypatch):
    page, run = tmp_path / "book" / "a.md", tmp_path / "_build" / "executed" / "a.ipynb"
    for path in (page, run):
        path.parent.mkdir(parents=True)
        path.write_text("one", encoding="ascii")
    monkeypatch.setattr(bookext, "root", lambda: tmp_path)
    app = SimpleNamespace(doctreedir=tmp_path / "_build", _warncount=0)
    env = SimpleNamespace(found_docs={"book/a"})
    assert bookext.pages_to_read(app, env) == ["book/a"]
    bookext.keep_digest(app, None)
    assert bookext.pages_to_read(app, env) == []
    for path in (page, run):
        path.write_text("two", encoding="ascii")
        assert bookext.pages_to_read(app, env) == ["book/a"]
        bookext.keep_digest(app, None)
    assert bookext.pages_to_read(app, env) == []
    for broken in ({"_warncount": 1}, {"_warncount": 0, "exception": ValueError()}):
        app._warncount = broken["_warncount"]
        bookext.keep_digest(app, broken.get("exception"))
        assert bookext.pages_to_read(app, env) == ["book/a"]
