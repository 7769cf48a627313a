"""Print the built site as one PDF, with a table of contents, bookmarks and page numbers.

Needs the site (`make book`) and Chromium or Chrome. From the root of the repository::

    python tools/print_book.py [FILE]
"""

from __future__ import annotations

import re
import shutil
import sys
from html import escape
from pathlib import Path

import yaml

from nmm.companion.chapters import pages, root

HTML = root() / "_build" / "html"
_ARTICLE = re.compile(r'<article class="bd-article">(.*)</article>', re.S)
_SHEETS = re.compile(r'<link [^>]*rel="stylesheet"[^>]*>')
_FORMULAS = "() => MathJax.startup.promise.then(() => true)"
_PAPER = """
@page { size: A4; margin: 22mm 24mm 24mm; }
@page { @bottom-center { content: counter(page); font: 9pt serif } }
@page :first { @bottom-center { content: none } }
body { background: #fff; }
.sheet { break-before: page; }
.cover { padding-top: 70mm; font: 14pt/1.6 var(--book-serif); }
.cover h1 { font-size: 30pt; font-weight: 400; }
.contents { font: 11pt/1.7 var(--book-serif); }
.contents p { display: flex; justify-content: space-between; margin: 0; }
.contents h3 { margin: 5mm 0 1mm; font-size: 11pt; font-style: italic; font-weight: 400; }
.contents a { color: inherit; text-decoration: none; }
.bd-article { font-family: var(--book-serif); font-size: 10.5pt; }
.bd-article h1 { display: block !important; margin-top: 0; } /* the theme prints its own */
.bd-article :is(p, ul, ol, dl, blockquote, div.math) { max-width: none; }
.bd-article h2 { margin-top: 2rem; }
.headerlink, .toggle-button, .self-check, .open-exercises, .nmm-explorer input { display: none; }
"""


def chromium() -> str:
    """Path of a browser that can print."""
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"):
        if path := shutil.which(name):
            return path
    raise SystemExit(
        "The PDF is printed by Chromium or Chrome, and none is on the PATH: install it."
    )


def section(page: str, every: list[str]) -> str:
    """The text of one page of the site, its anchors and links made unique in one document."""
    here = page.removeprefix("book/")
    names = {other.removeprefix("book/") for other in every}

    def link(match: re.Match[str]) -> str:
        target, _, anchor = match[1].partition("#")
        name = target.removesuffix(".html") if target else here
        if name not in names:  # elsewhere, or a file of the site
            return match[0] if "://" in target else ""
        return f'href="#{name}--{anchor}"' if anchor else f'href="#{name}"'

    text = re.sub(r"<script\b.*?</script>", "", article(page), flags=re.S)
    text = re.sub(r'\bhref="([^"]*)"', link, text)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{here}--\1"', text)
    text = text.replace('src="../', 'src="../html/').replace('loading="lazy"', "")
    text = text.replace('<details class="sd-', '<details open class="sd-')  # hints
    return f'<article class="bd-article sheet" id="{here}">{text}</article>'


def contents(every: list[str], numbers: dict[str, int]) -> str:
    """Cover and table of contents; without page numbers while they are unknown."""
    config = yaml.safe_load((root() / "_config.yml").read_text(encoding="utf8"))
    about = yaml.safe_load((root() / "CITATION.cff").read_text(encoding="utf8"))
    toc = yaml.safe_load((root() / "_toc.yml").read_text(encoding="utf8"))
    parts = {part["chapters"][0]["file"]: part["caption"] for part in toc["parts"]}
    rows = []
    for page in every:
        if page in parts:
            rows.append(f"<h3>{escape(parts[page])}</h3>")
        name = page.removeprefix("book/")
        rows.append(
            f'<p><a href="#{name}">{title(page)}</a><span>{numbers.get(name, "000")}</span></p>'
        )
    return (
        f'<div class="cover"><h1>{escape(config["title"])}</h1>'
        f"<p>{escape(config['author'])}<br/>Version {about['version']}</p>"
        f"{config['html']['extra_footer']}</div>"
        f'<div class="contents sheet"><h2>Contents</h2>{"".join(rows)}</div>'
    )


def article(page: str) -> str:
    """The text of a page of the site, without what surrounds it."""
    found = _ARTICLE.search((HTML / f"{page}.html").read_text(encoding="utf8"))
    if found is None:
        raise SystemExit(f"{page}.html has no article: build the site again with `make book`.")
    return found[1]


def title(page: str) -> str:
    """Heading of a page of the site."""
    (heading, *_) = re.findall(r"<h1>(.*?)<a ", article(page), re.S)
    return str(heading)


def document(numbers: dict[str, int]) -> str:
    """The whole book as one page of HTML."""
    every = pages()
    head = (HTML / f"{every[0]}.html").read_text(encoding="utf8")
    sheets = "".join(_SHEETS.findall(head)).replace('href="../', 'href="../html/')
    name = re.sub(r"<[^>]+>", "", title(every[0]))
    (mathjax,) = re.findall(r"<script>window.MathJax.*?</script>\s*<script[^>]*></script>", head)
    return (
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"/>'
        f"<title>{name}</title>{sheets}"
        f"{mathjax.replace('../_static', '../html/_static')}<style>{_PAPER}</style></head>"
        '<body><main class="bd-main"><div class="bd-content"><div class="bd-article-container">'
        f"{contents(every, numbers)}{''.join(section(page, every) for page in every)}"
        "</div></div></main></body></html>"
    )


def page_numbers(pdf: bytes) -> dict[str, int]:
    """On which page each anchor of a PDF by Chromium is: it writes pages in their order."""
    order = [int(n) for n in re.findall(rb"^(\d+) 0 obj\n<</Type /Page\n", pdf, re.M)]
    anchors = re.findall(rb"/(\S+) \[(\d+) 0 R /XYZ", pdf)
    return {name.decode(): order.index(int(obj)) + 1 for name, obj in anchors}


def print_book(target: Path) -> int:
    """Write the PDF, printing twice: the table of contents needs the numbers of the first."""
    from playwright.sync_api import sync_playwright

    if not HTML.exists():
        raise SystemExit("There is no site to print: run `make book` first.")
    source = HTML.parent / "print" / "book.html"
    source.parent.mkdir(exist_ok=True)
    numbers: dict[str, int] = {}
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        for _ in range(2):
            source.write_text(document(numbers), encoding="utf8")
            page.goto(source.as_uri())
            page.wait_for_function(_FORMULAS, timeout=300_000)
            pdf = page.pdf(prefer_css_page_size=True, outline=True, tagged=True)
            numbers = page_numbers(pdf)
        browser.close()
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(pdf)
    return len(re.findall(rb"<</Type /Page\n", pdf))


if __name__ == "__main__":
    chosen = (
        Path(sys.argv[1]) if len(sys.argv) > 1 else root() / "_build" / "release" / "nmm-book.pdf"
    )
    count = print_book(chosen)
    print(f"{chosen}: {count} pages, {chosen.stat().st_size / 1e6:.1f} MB")
