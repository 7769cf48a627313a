"""Exercises: each is open in its notebook, judged by its answer, and solved by its solution."""

import json
import re

import nbclient
import pytest

from nmm.companion import chapters as book
from nmm.companion import check, exercises

CHAPTERS = [c for c in book.chapters() if c.name != "index"]
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda c: c.name)
ANSWERS = exercises.answers()
each_answer = pytest.mark.parametrize("name", ANSWERS)


def stubs(chapter):
    """Code of the cells that are left open, by the name of the exercise."""
    cells = [c.source for c in exercises.stub_notebook(chapter).cells if c.cell_type == "code"]
    return {re.search(r'check\("(.+?)"', c)[1]: c for c in cells if "NotImplementedError" in c}


@each_chapter
def test_every_exercise_has_a_level_a_hint_an_answer_and_a_solution(chapter):
    text = chapter.source.read_text(encoding="utf8")
    asked = re.findall(r"^```\{exercise\}.*\n:label: (\S+)", text, re.M)
    assert len(asked) >= 3
    assert len(asked) == len(re.findall(r"^```\{exercise", text, re.M))
    checks = r"^```\{self-check\} (\S+)\n:level: [123]\n:answer: .+\n\n\S.+\n"
    assert re.findall(checks, text, re.M) == asked
    assert re.findall(r"^```\{solution-start\} (\S+)", text, re.M) == asked
    assert list(exercises.answers_of(chapter)) == asked


def test_the_stored_answers_are_those_of_the_solutions():
    # Two processors may differ in the last digits; an answer is judged far more loosely.
    found = exercises.recorded_answers(CHAPTERS)
    assert list(ANSWERS) == list(found)
    for name, kept in ANSWERS.items():
        assert kept["value"] == pytest.approx(found[name]["value"], rel=0.1 * kept["within"])
        assert kept["unit"] == found[name]["unit"]
        assert [hint for _, hint in kept["slips"]] == [hint for _, hint in found[name]["slips"]]


@each_answer
def test_the_solution_passes_and_other_numbers_do_not(name):
    value, within = ANSWERS[name]["value"], ANSWERS[name]["within"]
    assert check(name, value)
    assert check(name, value * (1 + 0.9 * within))
    for wrong in (value * (1 + 1.1 * within), value * (1 - 1.1 * within), -value, 1000 * value):
        assert not check(name, wrong)


@each_answer
def test_a_slip_gets_its_own_hint(name):
    value, within, slips = (ANSWERS[name][key] for key in ("value", "within", "slips"))
    for wrong, hint in slips:
        assert abs(wrong - value) > 2 * within * abs(value), "too near the right answer"
        assert str(check(name, wrong)) == f"Not yet. {hint}"


@each_chapter
def test_an_open_exercise_fails_until_it_is_solved(chapter):
    answers = exercises.answers_of(chapter)
    assert list(stubs(chapter)) == list(answers)
    for name, cell in stubs(chapter).items():
        with pytest.raises(NotImplementedError, match=name):
            exec(cell, {})
        solved = cell.replace("check(", "verdict = check(").replace(
            "raise NotImplementedError", f"return {answers[name]['value']!r}\n    raise ValueError"
        )
        namespace = {}
        exec(solved, namespace)
        assert namespace["verdict"]


def test_the_notebook_with_open_exercises_runs_up_to_them():
    chapter = book.chapter("02")
    notebook = exercises.stub_notebook(chapter)
    assert "solution-start" not in json.dumps(notebook)
    client = nbclient.NotebookClient(notebook, allow_errors=True, kernel_name="python3")
    client.execute()
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    errors = [o for c in cells for o in c.outputs if o.output_type == "error"]
    assert [e.ename for e in errors] == ["NotImplementedError"] * len(stubs(chapter))


def test_what_is_no_answer_is_refused():
    with pytest.raises(KeyError, match="no exercise 'ex-slop'; there are"):
        check("ex-slop", 0.25)
    with pytest.raises(ValueError, match="not a number"):
        check("ex-slope", "a quarter")
    with pytest.raises(ValueError, match="finite"):
        check("ex-slope", float("inf"))
