"""Every page as a browser shows it, offline: in light and dark, on a phone, by keyboard, to axe."""

import io
from pathlib import Path

import numpy as np
import pytest

from nmm.companion import chapters as book

HTML = Path(__file__).resolve().parents[1] / "_build" / "html"
PAGES = [*book.pages(), "search", "genindex"]
CHAPTERS = [f"book/{c.name}" for c in book.chapters()]
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
FORMULAS_DONE = "() => !window.MathJax || MathJax.startup.promise.then(() => true)"
# Text that a reader sees as text: formulas still raw, outside code.
RAW = r"""() => {
  const seen = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data, parent = walk.currentNode.parentElement;
    if (/\\\(|\\\[|\\begin|\{glue|\{doc\}|\{eq\}/.test(text)
        && !parent.closest('pre, code, script, style, mjx-container')) seen.push(text);
  }
  return seen;
}"""
IMAGES = """() => [...document.querySelectorAll('article img')].filter(i => !i.closest('details'))
  .filter(i => i.loading != 'lazy' && !(i.complete && i.naturalWidth > 0 && i.width > 0))
  .map(i => i.src)"""
# What can be operated must be reachable by Tab, in the order of the page.
UNREACHABLE = """() => [...document.querySelectorAll(
  'a[href], button, input:not([type=hidden]), select, textarea, summary, [onclick], [role=button]')]
  .filter(e => e.tabIndex != 0 && e.checkVisibility() && !e.disabled
    && !e.matches('.headerlink, .sd-stretched-link'))
  .map(e => e.outerHTML.slice(0, 150))"""


class Visitor:
    """One page of one browser, and what went wrong on it."""

    def __init__(self, page):
        self.page, self.faults = page, []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))
        page.on("console", self.hear)
        page.on("request", self.asked)

    def hear(self, message):
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def asked(self, request):
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.faults.append(f"request elsewhere: {request.url}")

    def go(self, name, query="", size=WIDE):
        self.faults.clear()
        self.page.set_viewport_size(size)
        self.page.goto((HTML / f"{name}.html").as_uri() + query)
        self.page.wait_for_function(FORMULAS_DONE)

    def theme(self, mode):
        """Set light or dark at once: colours on their way from one to the other are not judged."""
        self.page.add_style_tag(content="*, *::before, *::after { transition: none !important }")
        self.page.evaluate("mode => { document.documentElement.dataset.theme = mode }", mode)


@pytest.fixture(scope="session")
def visitor(built, browser):
    return Visitor(browser.new_page())


@pytest.fixture(scope="session")
def axe():
    package = pytest.importorskip("axe_playwright_python")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf8")


def violations(page, axe, only=None):
    """Serious and critical violations that axe-core finds: rule, and the first element."""
    if not page.evaluate("!!window.axe"):
        page.evaluate(axe)
    options = {"resultTypes": ["violations"], "preload": False}
    if only:
        options["runOnly"] = {"type": "rule", "values": only}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [
        (v["id"], len(v["nodes"]), v["nodes"][0]["html"][:200])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]


def figure_range(page):
    """Brightest minus darkest grey of the first figure as shown, and its ground; 0 to 255."""
    from PIL import Image

    image = page.locator("article figure img").first
    image.scroll_into_view_if_needed()
    grey = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("L"), float)
    return np.percentile(grey, 99.9) - np.percentile(grey, 0.1), np.median(grey)


@pytest.mark.parametrize("name", PAGES)
def test_page(visitor, name):
    page = visitor.page
    visitor.go(name)
    assert visitor.faults == []
    source = (HTML / f"{name}.html").read_text(encoding="utf8")
    formulas = source.count('class="math notranslate') + source.count('class="math wy')
    assert page.locator("mjx-container").count() >= formulas
    assert page.locator("mjx-merror").count() == 0
    assert page.evaluate(RAW) == []
    assert page.evaluate(IMAGES) == []
    assert page.evaluate(UNREACHABLE) == []
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert visitor.faults == []


# axe-core takes seconds a page: two in `make test`, all of them in `make check-site`.
QUICK = ("book/02-canonical-microcircuit", "book/paper-figures")


@pytest.mark.parametrize(
    "name", [p if p in QUICK else pytest.param(p, marks=pytest.mark.slow) for p in PAGES]
)
def test_page_is_for_everybody(visitor, axe, name):
    visitor.go(name)
    visitor.theme("light")
    assert violations(visitor.page, axe) == []
    visitor.theme("dark")
    assert violations(visitor.page, axe, only=["color-contrast", "link-in-text-block"]) == []


@pytest.mark.parametrize("name", CHAPTERS)
def test_figures_are_seen_in_light_and_dark(visitor, name):
    visitor.go(name)
    for mode, ground in (("light", (220, 255)), ("dark", (0, 60))):
        visitor.theme(mode)
        contrast, paper = figure_range(visitor.page)
        assert contrast > 120, f"{mode}: ink and ground differ by {contrast:.0f} of 255"
        assert ground[0] <= paper <= ground[1], f"{mode}: the ground is {paper:.0f}"


def focused(page):
    return page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


@pytest.mark.parametrize("name", ["book/index", "book/06-adiabatic-amplitudes"])
def test_tab_reaches_everything_in_order(visitor, name):
    visitor.go(name)
    page = visitor.page
    wanted = page.evaluate(
        """() => [...document.querySelectorAll('a[href], button, input, summary')].filter(
          e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility(
            {visibilityProperty: true, contentVisibilityAuto: true})
          && !e.closest('dialog:not([open])')).map((e, i) => { e.dataset.nth = i; return i; })"""
    )
    assert len(wanted) > 20
    seen = []
    for _ in range(2 * len(wanted)):  # boxes that scroll are stops too
        page.keyboard.press("Tab")
        nth = page.evaluate("document.activeElement.dataset.nth")
        if nth == "0" and seen:
            break
        seen += [int(nth)] if nth is not None else []
    missed = sorted(set(wanted) - set(seen))
    assert not missed, [
        page.evaluate("n => document.querySelector(`[data-nth='${n}']`).outerHTML.slice(0, 200)", n)
        for n in missed[:5]
    ]
    assert seen == sorted(seen)


def test_the_first_stop_skips_to_the_text(visitor):
    visitor.go("book/02-canonical-microcircuit")
    page = visitor.page
    page.keyboard.press("Tab")
    assert "Skip to main content" in focused(page)
    page.keyboard.press("Enter")
    assert page.url.endswith("#main-content")


def test_solutions_open_and_close_by_keyboard(visitor):
    visitor.go("book/02-canonical-microcircuit")
    page = visitor.page
    box = page.locator(".solution.toggle").first
    button = box.locator("button.toggle-button")
    inside = box.locator("p:not(.admonition-title)").first
    assert not inside.is_visible()
    button.focus()
    page.keyboard.press("Enter")
    assert inside.is_visible()
    page.keyboard.press("Space")
    assert not inside.is_visible()


def test_code_opens_by_keyboard(visitor):
    visitor.go("book/02-canonical-microcircuit")
    page = visitor.page
    summary = page.locator("article details > summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("article details[open]").count() == 1


def test_the_explorer_follows_the_arrow_keys(visitor):
    visitor.go("book/06-adiabatic-amplitudes")
    page = visitor.page
    says = page.locator(".nmm-explorer .says")
    before, curve = says.inner_text(), page.locator(".nmm-explorer path.curve").get_attribute("d")
    page.locator(".nmm-explorer input").first.focus()
    page.keyboard.press("ArrowRight")
    assert says.inner_text() != before
    assert page.locator(".nmm-explorer path.curve").get_attribute("d") != curve


@pytest.mark.parametrize(
    ("query", "target"),
    [("Kramers", "07-noise-and-exit-times"), ("hysteresis", "04-bifurcations-and-cycles")],
)
def test_search_finds_pages_without_a_network(visitor, query, target):
    # From disk too; only the lines below each result need the pages from a server.
    visitor.go("search", query=f"?q={query}")
    visitor.page.wait_for_selector(f"#search-results li a[href*='{target}']", timeout=10_000)


def test_the_button_turns_the_page_dark_and_it_stays(visitor):
    visitor.go("book/index")
    page = visitor.page
    grounds = set()
    for _ in range(3):
        page.locator(".theme-switch-button:visible").first.click()
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2
    page.evaluate("localStorage.setItem('mode', 'dark'); localStorage.setItem('theme', 'dark')")
    visitor.go("book/claims")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.evaluate("localStorage.clear()")


# Each check, seen to fail on a broken page.

BROKEN = """<!doctype html><html lang="en"><head><title>broken</title></head><body><main>
<h1>A page</h1><article><img src="missing.svg" alt="lost" width="20">
<p style="color: #ccc; background: #fff">too faint</p>
<p>the rate \\\\(x^2\\\\) is raw</p>
<div role="button" onclick="1">by mouse only</div><div style="width: 900px">wide</div>
<script>console.error("broken"); fetch("https://example.org/x").catch(() => 0);</script>
</article></main></body></html>"""


def test_the_checks_find_what_is_broken(browser, axe, tmp_path):
    path = tmp_path / "broken.html"
    path.write_text(BROKEN.replace("\\\\", "\\"), encoding="utf8")
    page = browser.new_page(viewport=PHONE)
    broken = Visitor(page)
    page.goto(path.as_uri())
    assert any("broken" in fault for fault in broken.faults)
    assert any("request elsewhere" in fault for fault in broken.faults)
    assert any("missing.svg" in fault for fault in broken.faults)
    assert len(page.evaluate(RAW)) == 1
    assert len(page.evaluate(IMAGES)) == 1
    assert len(page.evaluate(UNREACHABLE)) == 1
    assert [rule for rule, _, _ in violations(page, axe)] == ["color-contrast"]
    assert page.evaluate("document.documentElement.scrollWidth") > PHONE["width"]
    page.close()
