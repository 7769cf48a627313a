"""Sphinx extension: what depends on where the book and its repository are.

Both addresses stand in ``_config.yml`` (``repository: url`` and ``html: baseurl``), nowhere else.
Without them the site asks for nothing and points nowhere; with them pages get launch buttons,
canonical links (by Sphinx itself), a sitemap, and an image for social previews.
"""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape as escape_xml

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

from nmm.companion import ledgers

PREVIEW = "social-preview.png"  # drawn by tools/draw_preview.py
NOTEBOOKS = "gh-pages"  # branch that `make publish` writes: site and notebooks, which Colab opens
_GITHUB = re.compile(r"https://github\.com/[\w.-]+/[\w.-]+")
_VERSION = re.compile(r"^## (\S+) \((.+)\)$", re.M)
_SITE = re.compile(r"https://\S+/")


def addresses(config: Config) -> tuple[str, str, str]:
    """Return the repository's address, a branch or tag of it, and the site's; empty if unknown.

    The variable BOOK_REF, set when a release is built, goes before the configured branch.
    """
    options = config.html_theme_options
    branch = os.environ.get("BOOK_REF") or options.get("repository_branch") or "main"
    return options.get("repository_url") or "", branch, config.html_baseurl or ""


def check_addresses(app: Sphinx, config: Config) -> None:
    """Refuse an address from which no link could be made."""
    repository, _, site = addresses(config)
    if repository and not _GITHUB.fullmatch(repository):
        raise ExtensionError(
            f"_config.yml: repository url is {repository!r}; Binder and Colab need "
            "https://github.com/OWNER/NAME. Leave it empty if there is none."
        )
    if site and not _SITE.fullmatch(site):
        raise ExtensionError(
            f"_config.yml: html baseurl is {site!r}; it must begin with https:// and end with a "
            "slash. Leave it empty if there is none."
        )


def launch_links(repository: str, branch: str, page: str) -> dict[str, str]:
    """Where a chapter can be run: Binder opens its source, Colab its notebook.

    Examples
    --------
    >>> launch_links("https://github.com/owner/name", "main", "book/02-x")["Binder"]
    'https://mybinder.org/v2/gh/owner/name/main?urlpath=lab/tree/book/02-x.md'
    """
    name = repository.removeprefix("https://github.com/")
    return {
        "Binder": f"https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/{page}.md",
        "Colab": "https://colab.research.google.com/github/"
        f"{name}/blob/{NOTEBOOKS}/_sources/{page}.ipynb",
    }


def install_code(repository: str, branch: str) -> str:
    """Code of a notebook's first cell, for a machine that has no `nmm`, such as Colab's."""
    return (
        "try:\n    import nmm\nexcept ImportError:\n"
        f'    %pip install --quiet "nmm @ git+{repository}@{branch}"'
    )


def add_launch_buttons(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Put Binder and Colab into the header of every chapter, once the repository is known."""
    repository, branch, _ = addresses(app.config)
    if not repository or "kernelspec" not in app.env.metadata.get(pagename, {}):
        return
    buttons = [
        {"type": "link", "text": name, "tooltip": f"Run on {name}", "icon": "fas fa-play", "url": u}
        for name, u in launch_links(repository, branch, pagename).items()
    ]
    group = {"type": "group", "tooltip": "Run this page", "icon": "fas fa-rocket"}
    context["header_buttons"].append(group | {"buttons": buttons, "label": "launch-buttons"})


def add_preview(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Say in the page's head what messengers and search engines show of it."""
    if doctree is None:
        return
    _, _, site = addresses(app.config)
    title = re.sub(r"<[^>]+>", "", context["title"])
    said = {"og:type": "article", "og:site_name": app.config.project, "og:title": title}
    said |= {"description": (text := summary(doctree)), "og:description": text}
    if site:
        said |= {"og:url": context["pageurl"], "og:image": f"{site}_static/{PREVIEW}"}
        said |= {"og:image:alt": "The rhythm of a cortical column after a pulse of input."}
        said |= {"twitter:card": "summary_large_image"}
    context["metatags"] += "".join(
        f'<meta {"property" if name.startswith("og:") else "name"}="{name}" '
        f'content="{escape(value)}" />\n'
        for name, value in said.items()
        if value
    )


def summary(doctree: nodes.document, longest: int = 200) -> str:
    """First paragraph of a page, in chapters the question it answers; cut between words."""
    first = next((p for p in doctree.findall(nodes.paragraph) if p.astext().strip()), None)
    text = " ".join(first.astext().split()) if first else ""
    text = re.sub(r" \[\d+(, \d+)*\]", "", text)  # numbers of references
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + " …"


def write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    """List every page for search engines, once the site's address is known."""
    _, _, site = addresses(app.config)
    if exception or not site or app.builder.format != "html":
        return
    pages = (app.builder.get_target_uri(page) for page in sorted(app.env.found_docs))
    rows = "".join(f"<url><loc>{escape_xml(site + page)}</loc></url>\n" for page in pages)
    Path(app.outdir, "sitemap.xml").write_text(
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{rows}</urlset>\n',
        encoding="utf8",
    )


class Written(SphinxDirective):  # type: ignore[misc]
    """A directive that writes MyST text, which may depend on the addresses."""

    def run(self) -> list[nodes.Node]:
        """Parse the text as if it stood here."""
        holder = nodes.Element()
        self.state.nested_parse(StringList(self.text().splitlines()), self.content_offset, holder)
        found: list[nodes.Node] = holder.children
        return found


class HowToCite(Written):
    """``{how-to-cite}``: the paper and this book, in words and as BibTeX."""

    def text(self) -> str:
        """Write a list and a block of code."""
        repository, _, site = addresses(self.config)
        listed = "\n".join(f"- {reference}" for reference in ledgers.references())
        entries = ledgers.bibtex(site or repository)
        return f"{listed}\n\n`````{{code-block}} bibtex\n{entries}\n`````"


class Versions(Written):
    """``{versions}``: every version that the changelog knows, and where it is."""

    def text(self) -> str:
        """Write a table."""
        changes = Path(self.env.srcdir, "CHANGELOG.md").read_text(encoding="utf8")
        repository, _, site = addresses(self.config)
        rows = [version_row(v, when, repository, site) for v, when in _VERSION.findall(changes)]
        return "\n".join(["| version | released | where |", "|---|---|---|", *rows])


def version_row(version: str, released: str, repository: str, site: str) -> str:
    """Row of one version: links to its pages and files, as far as the addresses are known."""
    if released == "unreleased":
        return f"| {version} | not yet | this site |"
    places = [f"[pages]({site}v{version}/)"] if site else []
    if repository:
        places.append(f"[PDF, notebooks, checksums]({repository}/releases/tag/v{version})")
    return f"| {version} | {released} | {', '.join(places) or f'tag `v{version}`'} |"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register everything; called by Sphinx."""
    app.add_directive("how-to-cite", HowToCite)
    app.add_directive("versions", Versions)
    app.connect("config-inited", check_addresses)
    app.connect("html-page-context", add_preview)
    app.connect("html-page-context", add_launch_buttons, priority=502)  # the theme's come at 501
    app.connect("build-finished", write_sitemap)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
