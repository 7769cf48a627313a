"""Words and symbols: each word is used, each symbol has its name in the package."""

import importlib.util
import re
from pathlib import Path

import pytest

import nmm
from nmm.companion import chapters as book
from nmm.companion.ledgers import notation

ROOT = Path(__file__).resolve().parents[1]
PROSE = {c.name: c.source.read_text(encoding="utf8") for c in book.chapters()}


@pytest.fixture(scope="module")
def words():
    spec = importlib.util.spec_from_file_location("glossary", ROOT / "tools" / "glossary.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.entries(ROOT)


def test_words_are_in_order_and_each_is_used_in_a_chapter(words):
    assert list(words) == sorted(words, key=str.lower)
    for word, meaning in words.items():
        assert meaning.endswith(".")
        assert any(re.search(rf"\b{word}s?\b", text, re.I) for text in PROSE.values()), word


def test_every_entry_of_the_page_is_read(words):
    page = (ROOT / "book" / "glossary.md").read_text(encoding="utf8")
    block = page.split("```{glossary}\n")[1].split("\n```")[0]
    assert len(words) == len(re.findall(r"^\S", block, re.M)) > 20


@pytest.mark.parametrize("row", notation(), ids=lambda row: row["symbol"])
def test_a_symbol_has_its_name_in_the_package_and_stands_on_its_page(row):
    _, first, *rest = row["code"].split(".")
    owner = getattr(nmm, first)
    for name in rest:
        assert name in getattr(owner, "__dataclass_fields__", ()) or hasattr(owner, name)
    assert re.split(r"[(_]", row["symbol"])[0] in PROSE[row["page"]]
