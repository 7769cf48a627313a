"""Sphinx extension: the first use of a glossary's word on a page links to its meaning.

The meaning is also the link's title, so that it appears under the pointer; assets/book.css shows it
to the keyboard.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

PAGE = "book/glossary"
CHAPTER = re.compile(r"book/\d\d-")
ENTRY = re.compile(r"^(\w[^\n]*)\n  (.*?)(?: See \{doc\}.*)?$", re.M)
NOT_HERE = (nodes.reference, addnodes.pending_xref, nodes.strong, nodes.emphasis, nodes.literal)


def entries(root: Path) -> dict[str, str]:
    """Words of the glossary and their meanings."""
    text = (root / f"{PAGE}.md").read_text(encoding="utf8")
    block = text.split("```{glossary}\n", 1)[1].split("\n```", 1)[0]
    return dict(ENTRY.findall(block))


def link_first_uses(app: Sphinx, doctree: nodes.document) -> None:
    """Turn the first plain occurrence of each word in a chapter's paragraphs into a link."""
    if not CHAPTER.match(app.env.docname):
        return
    for term, meaning in entries(Path(app.srcdir)).items():
        word = re.compile(rf"\b{re.escape(term)}s?\b", re.IGNORECASE)
        for paragraph in doctree.findall(nodes.paragraph):
            texts = list(paragraph.findall(nodes.Text))
            if any(link_in(app.env.docname, text, word, term, meaning) for text in texts):
                break


def link_in(page: str, text: nodes.Text, word: re.Pattern[str], term: str, meaning: str) -> bool:
    """Link the word if this piece of text holds it and is not marked up already."""
    found = word.search(text)
    if found is None or isinstance(text.parent, NOT_HERE):
        return False
    target = {"refdomain": "std", "reftype": "term", "reftarget": term, "refexplicit": True}
    link = addnodes.pending_xref("", refdoc=page, refwarn=True, **target)
    link += nodes.inline("", found[0], classes=["std-term"], meaning=meaning)
    before, after = text[: found.start()], text[found.end() :]
    pieces = [nodes.Text(before), link, nodes.Text(after)]
    text.parent.replace(text, pieces)
    return True


def show_meanings(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Give each link to the glossary the meaning of its word as title."""
    for word in doctree.findall(nodes.inline):
        if "meaning" in word and isinstance(word.parent, nodes.reference):
            word.parent["reftitle"] = word["meaning"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the two steps."""
    app.connect("doctree-read", link_first_uses)
    app.connect("doctree-resolved", show_meanings)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
