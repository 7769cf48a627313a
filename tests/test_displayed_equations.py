"""The equations as the pages print them, read back and computed, equal the numerical code."""

import numpy as np
import pytest
from latex_values import rows, value

import nmm
from nmm.companion import chapters as book
from nmm.companion import equations
from nmm.companion.equations import _random_column


@pytest.fixture(scope="module")
def printed():
    return {
        label: record["latex"]
        for label, record in book.records(book.executed(book.chapter("02")), "equation").items()
    }


def test_the_microcircuit(printed):
    m, x = _random_column(4)  # an even seed: potential-to-current
    names = {p.name: p.value for p in m.parameters}
    names |= dict(zip(m.state_names, x, strict=True)) | {"s": m.sigmoid}
    flow, found = m.flow(x), rows(printed["eq-cmc"])
    assert len(found) == 8
    for i, (left, right) in enumerate(found):
        population = m.populations[i % 4]
        assert f"{population}" in left
        assert (r"\tau" in left) == (i >= 4)
        expected = flow[i] * (names[f"tau_{population}"] if i >= 4 else 1.0)
        assert value(right, names) == pytest.approx(expected, rel=1e-10)


def test_the_sigmoid(printed):
    left, right = printed["eq-sigmoid"].split("=")
    assert left.strip() == "s(v)"
    s = nmm.Sigmoid(slope=0.7, bias=0.4)
    for v in (-3.0, 0.0, 0.5, 4.0):
        names = {"v": v, "slope": 0.7, "b": 0.4, "exp": np.exp}
        assert value(right, names) == pytest.approx(s(v), abs=1e-14)


def test_the_matrix_form(printed):
    m, x = _random_column(6)
    names = {part: getattr(m, part) for part in "ABCdEu"} | {"x": x, "s": m.sigmoid}
    left, right = printed["eq-lure"].split("=")
    assert left.strip() == r"\dot{x}"
    np.testing.assert_allclose(value(right, names, product="@"), m.flow(x), rtol=1e-10)


def test_the_jacobian(printed):
    m, x = _random_column(6)
    names = {part: getattr(m, part) for part in "ABC"} | {"y": m.C @ x + m.d, "diag": np.diag}
    names["ds"] = lambda y: m.sigmoid.derivative(y, 1)
    left, right = rows(printed["eq-derivatives"])[0]
    assert left == "J"
    np.testing.assert_allclose(value(right, names, product="@"), m.jacobian(x), rtol=1e-10)


def test_a_wrong_sign_on_the_page_is_seen(printed):
    m, x = _random_column(4)
    names = {p.name: p.value for p in m.parameters}
    names |= dict(zip(m.state_names, x, strict=True)) | {"s": m.sigmoid}
    _, right = rows(printed["eq-cmc"])[6]
    wrong = value(right.replace("+ g_{5}", "- g_{5}"), names)
    assert wrong != pytest.approx(value(right, names), rel=1e-6)


@pytest.mark.parametrize("page", book.pages())
def test_no_displayed_formula_is_without_a_label(page):
    text = (book.root() / f"{page}.md").read_text(encoding="utf8")
    assert equations.unlabelled(text) == []


def test_an_unlabelled_formula_is_found():
    assert equations.unlabelled("Look:\n\n$$x = 1$$\n") == ["$$x = 1$$"]
    assert equations.unlabelled("```{math}\nx = 1\n```\n") == ["```{math}"]
    assert equations.unlabelled("```{math}\n:label: eq-a\n\nx = 1\n```\n") == []
