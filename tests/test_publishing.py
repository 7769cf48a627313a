"""What depends on the two addresses in _config.yml; how to cite; metadata of a release."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import nbformat
import numpy as np
import publishing
import pytest
import yaml

from nmm.companion import ledgers

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
REPOSITORY, SITE = "https://github.com/someone/some-book", "https://someone.example/some-book/"
CHAPTER, PLAIN = "book/01-neural-masses", "book/references"
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf8"))
ZENODO = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf8"))


def options(repository="", branch="main", site=""):
    theme = {"repository_url": repository, "repository_branch": branch}
    return SimpleNamespace(html_theme_options=theme, html_baseurl=site)


def metas(text):
    return dict(re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)" />', text))


@pytest.fixture(scope="module")
def addressed(tmp_path_factory):
    """Two pages of the book, built with the book's configuration and both addresses."""
    folder = tmp_path_factory.mktemp("addressed")
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    config["repository"] = {"url": REPOSITORY, "branch": "trunk"}
    config["html"]["baseurl"] = SITE
    config["execute"]["execute_notebooks"] = "off"
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf8")
    contents = {"format": "jb-book", "root": CHAPTER, "chapters": [{"file": PLAIN}]}
    (folder / "_toc.yml").write_text(yaml.safe_dump(contents), encoding="utf8")
    for name in ("book", "assets", "data", "tools"):
        (folder / name).symlink_to(ROOT / name)
    tool = Path(sys.executable).with_name("jupyter-book")
    command = [tool, "build", folder, "--path-output", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return folder / "_build" / "html"


def test_without_addresses_nothing_points_anywhere(built):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf8"))
    if config["repository"]["url"] or config["html"]["baseurl"]:
        pytest.skip("the project has an address now")
    assert not (HTML / "sitemap.xml").exists()
    for path in HTML.glob("**/*.html"):
        text = path.read_text(encoding="utf8")
        found = re.findall(r'rel="canonical"|launch-buttons|og:url|og:image|mybinder|colab', text)
        assert not found, path.name


def test_every_page_says_what_it_is_about(built):
    texts = {p.stem: p.read_text(encoding="utf8") for p in (HTML / "book").glob("*.html")}
    found = {name: metas(text).get("og:description") for name, text in texts.items()}
    assert all(found.values()), found
    assert len(set(found.values())) == len(found)
    assert found["07-noise-and-exit-times"].endswith("can its connections tell?")


def test_buttons_lead_to_the_chapter_of_this_repository(addressed):
    text = (addressed / f"{CHAPTER}.html").read_text(encoding="utf8")
    links = dict(re.findall(r'<a href="([^"]+)"[^>]*title="Run on (\w+)"', text))
    assert {name: link for link, name in links.items()} == {
        "Binder": "https://mybinder.org/v2/gh/someone/some-book/trunk"
        f"?urlpath=lab/tree/{CHAPTER}.md",
        "Colab": "https://colab.research.google.com/github/someone/some-book/blob/gh-pages/"
        f"_sources/{CHAPTER}.ipynb",
    }
    assert (ROOT / f"{CHAPTER}.md").exists()  # what Binder opens
    assert (addressed / f"_sources/{CHAPTER}.ipynb").exists()  # what Colab opens
    assert "Run on" not in (addressed / f"{PLAIN}.html").read_text(encoding="utf8")


def test_notebooks_bring_the_package_where_it_is_missing(addressed):
    from IPython.core.inputtransformer2 import TransformerManager

    notebook = nbformat.read(addressed / f"_sources/{CHAPTER}.ipynb", as_version=4)
    nbformat.validate(notebook)
    first = notebook.cells[0].source
    assert f"nmm @ git+{REPOSITORY}@trunk" in first
    compile(TransformerManager().transform_cell(first), "first cell", "exec")
    offered = nbformat.read(HTML / f"_sources/{CHAPTER}.ipynb", as_version=4)
    assert not any("git+" in cell.source for cell in offered.cells)


def test_pages_name_their_address_and_the_sitemap_lists_them(addressed):
    for page in (CHAPTER, PLAIN):
        text = (addressed / f"{page}.html").read_text(encoding="utf8")
        assert re.findall(r'<link rel="canonical" href="([^"]+)"', text) == [f"{SITE}{page}.html"]
        said = metas(text)
        assert said["og:url"] == f"{SITE}{page}.html"
        image = said["og:image"].removeprefix(SITE)
        assert (addressed / image).read_bytes()[1:4] == b"PNG"
    tree = ElementTree.parse(addressed / "sitemap.xml")
    listed = [element.text for element in tree.iter() if element.tag.endswith("loc")]
    assert listed == [f"{SITE}{page}.html" for page in (CHAPTER, PLAIN)]


def test_no_page_asks_a_third_party_for_anything(addressed):
    for page in (CHAPTER, PLAIN):
        text = (addressed / f"{page}.html").read_text(encoding="utf8")
        assert not re.findall(r'<(?:script|img|iframe)[^>]*src="(?:https?:)?//[^"]*"', text)
        assert not re.findall(r'<link rel="(?:stylesheet|preload|icon)" href="https?:', text)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"repository": "https://github.com/only-owner"}, "OWNER/NAME"),
        ({"repository": "git@github.com:a/b.git"}, "OWNER/NAME"),
        ({"site": "https://someone.example/book"}, "slash"),
        ({"site": "someone.example/"}, "slash"),
    ],
)
def test_an_address_that_makes_no_link_is_refused(given, says):
    with pytest.raises(publishing.ExtensionError, match=says):
        publishing.check_addresses(None, options(**given))
    publishing.check_addresses(None, options(REPOSITORY, "main", SITE))


def test_a_release_points_at_its_own_tag(monkeypatch):
    monkeypatch.setenv("BOOK_REF", "v9.9.9")
    assert publishing.addresses(options(REPOSITORY))[1] == "v9.9.9"
    monkeypatch.setenv("BOOK_REF", "")
    assert publishing.addresses(options(REPOSITORY, "trunk"))[1] == "trunk"


def test_bibtex_says_what_the_bibliography_and_the_citation_file_say():
    from pybtex.database import parse_file, parse_string

    found = parse_string(ledgers.bibtex(SITE), "bibtex").entries
    ours, cited = found["nmm-book"], found["cooray2023global"]
    assert ours.fields["title"] == CITATION["title"]
    assert ours.fields["version"] == CITATION["version"]
    assert ours.fields["url"] == SITE
    assert "url" not in parse_string(ledgers.bibtex(), "bibtex").entries["nmm-book"].fields
    listed = parse_file(str(ROOT / "book" / "references.bib")).entries["cooray2023global"]
    for field in ("title", "journal", "volume", "number", "pages", "year", "doi"):
        assert cited.fields[field] == re.sub(r"[{}]", "", listed.fields[field]), field
    surnames = [person.last_names for person in listed.persons["author"]]
    assert [person.last_names for person in cited.persons["author"]] == surnames


def test_the_first_page_says_how_to_cite(built):
    text = (HTML / "book" / "index.html").read_text(encoding="utf8")
    plain = re.sub(r"<[^>]+>", "", text)
    assert "@software{nmm-book," in plain
    assert CITATION["title"] in plain
    assert f"https://doi.org/{CITATION['preferred-citation']['doi']}" in text


def test_metadata_of_a_release_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    assert ZENODO["version"] == CITATION["version"] == project["version"]
    assert ZENODO["license"] == CITATION["license"] == project["license"]
    assert ZENODO["keywords"] == CITATION["keywords"] == project["keywords"]
    assert ZENODO["title"] == CITATION["title"]
    names = [author["name"] for author in CITATION["authors"]]
    assert [creator["name"] for creator in ZENODO["creators"]] == names
    assert [author["name"] for author in project["authors"]] == names
    (paper,) = ZENODO["related_identifiers"]
    assert paper["identifier"] == CITATION["preferred-citation"]["doi"]
    assert paper["relation"] == "isSupplementTo"
    assert ZENODO["upload_type"] == CITATION["type"] == "software"


def test_the_preview_is_what_its_script_draws():
    import draw_preview
    from PIL import Image

    kept = Image.open(draw_preview.PREVIEW)
    assert kept.size == (1200, 630)
    assert draw_preview.PREVIEW.stat().st_size < 60_000
    drawn = draw_preview.picture().convert("L")
    difference = np.asarray(drawn, float) - np.asarray(kept.convert("L"), float)
    assert np.mean(abs(difference)) < 1  # grey levels of 255; text moved by a pixel gives 2
