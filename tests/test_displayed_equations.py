"""The equations as the pages print them, read back and computed, equal the numerical code."""

import re

import numpy as np
import pytest

from nmm.companion import chapters as book
from nmm.companion import equations
from nmm.companion.latex import statements, value
from nmm.companion.printed import PRINTED

pytestmark = pytest.mark.filterwarnings("ignore")  # of a formula altered on purpose
TOLERANCE = 1e-10  # rounding, of a quadrature to eleven digits in some


@pytest.fixture(scope="module")
def printed():
    return {
        label: record["latex"]
        for chapter in book.chapters()
        for label, record in book.records(book.executed(chapter), "equation").items()
    }


@pytest.mark.parametrize("label", PRINTED)
def test_what_is_printed_is_what_is_computed(printed, label):
    assert PRINTED[label](printed[label]) < TOLERANCE


def altered(latex):
    """Copies of a formula with one fault: a sign, a digit, a power, a function, a time constant."""
    body = 0 if latex.endswith("= 0") else latex.find("=") + 1 or latex.find(r"\approx")
    faults = [(r" \+ ", " - "), (r" - ", " + "), (r"\\sin", r"\\cos"), (r"\\cos", r"\\sin")]
    faults += [(r"\\frac", r"3\\frac"), (r"\(t - s", "(t + s"), (r"C\\,x", r"2C\\,x"), ("2", "3")]
    faults += [(name, f"2{name}") for name in (r"s\(", "B", "T", "V")] + [(r"\\rho", r"2\\rho")]
    faults = [(pattern, wrong.replace(r"\(", "(")) for pattern, wrong in faults]
    for pattern, wrong in faults:
        for match in re.finditer(pattern, latex):
            if match.start() >= body - 1:
                yield latex[: match.start()] + match.expand(wrong) + latex[match.end() :]


@pytest.mark.parametrize("label", PRINTED)
def test_a_fault_on_the_page_is_seen(printed, label):
    seen = 0
    for wrong in altered(printed[label]):
        try:
            off = PRINTED[label](wrong)
        except Exception:  # not a formula any more
            continue
        seen += not off < 1e-6
    assert seen >= 1


def test_a_sign_in_the_microcircuit_is_seen(printed):
    latex = printed["eq-cmc"]
    assert latex.count("+ g_{5}") == 1
    assert PRINTED["eq-cmc"](latex.replace("+ g_{5}", "- g_{5}")) > 1e-6
    rows = latex.split(r"\\")
    rows[4], rows[5] = rows[5], rows[4]
    assert PRINTED["eq-cmc"](r"\\".join(rows)) > 1e-6


def test_readers_read_what_is_displayed(printed):
    assert set(PRINTED) <= set(printed)
    assert set(PRINTED) <= set(equations.TWINS)


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"2 a b^{2} - \frac{a}{b}", 2 * 3 * 4 - 3 / 2),
        (r"\tfrac12 a - e^{- b}", 1.5 - np.exp(-2)),
        (r"-a\,(b - 1)^2", -3),
        (r"\left|b - a\right|\cos\varphi", np.cos(0.3)),
        (r"\sqrt{\binom{4}{b}}", np.sqrt(6)),
        (r"\int_0^{b} x^2\,\mathrm{d}x", 8 / 3),
        (r"\int_0^b \int_0^y x\,\mathrm{d}x\,\mathrm{d}y", 8 / 6),
        (r"\sum_{k=1}^{3} c_k\,a^k", 3 + 2 * 9 + 3 * 27),
        (r"f(a, b)\,\dot v_{\mathrm{ss}}", 30.0),
        (r"M^{-1}\,w \cdot w", 2.0),
    ],
)
def test_the_reader_of_formulas(latex, expected):
    names = {"a": 3.0, "b": 2.0, "varphi": 0.3, "c_": [0, 1, 2, 3], "dot_v_ss": 6.0}
    names |= {"f": lambda x, y: x + y, "M": np.eye(2), "w": np.ones(2)}
    assert value(latex, names) == pytest.approx(expected)


@pytest.mark.parametrize("latex", [r"a \star b", r"(a + b", r"\unknown", "a + ", "a)"])
def test_what_is_not_understood_is_refused(latex):
    with pytest.raises((ValueError, KeyError)):
        value(latex, {"a": 1.0, "b": 2.0})


def test_relations_are_taken_apart():
    latex = r"\begin{aligned} x &= a, \\ &\quad + b \\ y &= c = d, \qquad k \ge 2 . \end{aligned}"
    assert statements(latex) == [("x", "a + b"), ("y", "c"), ("y", "d")]


@pytest.mark.parametrize("page", book.pages())
def test_no_displayed_formula_is_without_a_label(page):
    text = (book.root() / f"{page}.md").read_text(encoding="utf8")
    assert equations.unlabelled(text) == []


def test_an_unlabelled_formula_is_found():
    assert equations.unlabelled("Look:\n\n$$x = 1$$\n") == ["$$x = 1$$"]
    assert equations.unlabelled("```{math}\nx = 1\n```\n") == ["```{math}"]
    assert equations.unlabelled("```{math}\n:label: eq-a\n\nx = 1\n```\n") == []
