"""What cells say holds no typed number, and no verdict on a page stands by itself."""

import pytest

from nmm.companion import chapters as book
from nmm.companion import numbers, sentences

PAGES = [page.rsplit("/", 1)[-1] for page in book.pages()]


def text_of(page):
    return (book.root() / "book" / f"{page}.md").read_text(encoding="utf8")


def listed(found):
    return "\n".join(f"line {f.line}: {f}" for f in found)


@pytest.mark.parametrize("page", PAGES)
def test_no_number_is_typed_in_what_cells_say(page):
    found = sentences.typed_in_cells(text_of(page), numbers.allowed_constants(page))
    assert not found, listed(found)


@pytest.mark.parametrize("page", PAGES)
def test_no_verdict_stands_by_itself(page):
    found = sentences.unbound_verdicts(text_of(page), sentences.allowed_statements(page))
    assert not found, listed(found)


def test_every_allowed_statement_is_needed():
    for page, rows in sentences.statements().items():
        without = [v.sentence for v in sentences.unbound_verdicts(text_of(page))]
        for row in rows:
            assert row["reason"]
            assert any(s.startswith(row["begins"]) for s in without), (page, row["begins"])


SAID = """```{code-cell} ipython3
:tags: [remove-cell]

saved = f"a barrier at {R:.1f} mV and 0.41 mV"
word("end", x > 0, "after 3 turns", f"at once, {x:.2f} s")
claim("states", True, f"rest below {R:.2f} mV, a cycle at 13.17 Hz")
ax.set(title="the first 20 s", xlabel="time (s)")
ax.plot(t, x, label="noise of 24")
figure("a", fig, alt="A peak near "
       f"{peak:.1f} Hz, and one at 22 Hz.", route="SciPy to 1e-10")
figure("b", fig, alt=saved)
scale = 0.41
```
"""


def test_what_cells_say_is_read():
    found = sentences.spoken(SAID)
    assert {s.text for s in found} == {
        *("after 3 turns", "at once, … s", "rest below … mV, a cycle at 13.17 Hz"),
        *("A peak near … Hz, and one at 22 Hz.", "a barrier at … mV and 0.41 mV"),
        *("the first 20 s", "time (s)", "noise of 24"),
    }
    assert {s.to for s in found} == {"word", "claim", "figure", "set", "plot"}


def test_numbers_typed_in_what_cells_say_are_found():
    found = sentences.typed_in_cells(SAID)
    assert {n.text for n in found} == {"3", "13.17", "22", "0.41", "20", "24"}
    assert {n.line for n in found if n.text == "3"} == {5}
    assert sentences.typed_in_cells(SAID, {n.text for n in found}) == []


def test_a_number_typed_into_the_alt_text_of_a_chapter_is_found():
    text = text_of("02-canonical-microcircuit")
    broken = text.replace("a sharp peak at {eeg_peak:.1f} Hz", "a sharp peak at 9.1 Hz", 1)
    assert broken != text
    (found,) = sentences.typed_in_cells(broken)
    assert found.text == "9.1"


@pytest.mark.parametrize("title", ["Over 1.5 mV", "In three seconds"])
def test_a_number_typed_in_a_title_is_found(title):
    for page in (f"## {title}\n", f"```{{exercise}} {title}\n:label: ex-a\n\nTry.\n```\n"):
        assert numbers.typed_numbers(page)


@pytest.mark.parametrize(
    "sentence",
    [
        "At this input the rest is unstable.",
        "The two cycles are both stable, at {glue:text}`f:.1f` Hz.",
        "The series converges.",
        "Theory and simulation agree.",
        "What to see: the dots coincide with the line.",
        "The sampler recovers the connection.",
        "The lines lie within a few per cent of the circles.",
        "Which state it took stays undecided.",
        '```{code-cell} ipython3\nfigure("a", fig, alt="A curve. Rest is stable.")\n```',
    ],
)
def test_a_verdict_by_itself_is_found(sentence):
    assert sentences.unbound_verdicts(sentence)
    text = text_of("07-noise-and-exit-times")
    allowed = sentences.allowed_statements("07-noise-and-exit-times")
    assert sentences.unbound_verdicts(f"{text}\n\n{sentence}\n", allowed)


@pytest.mark.parametrize(
    "sentence",
    [
        "The rest {glue:text}`fate`.",
        "The rest is stable: {glue:text}`stable`.",
        "The fixed point is stable in {glue:text}`share:.0f` % of them.",
        "Theory and simulation agree within {glue:text}`off:.1f` %.",
        "A rest is stable if every mode decays.",
        "Does the series converge?",
        "The stable and the unstable cycle are drawn; so is the bistable column.",
    ],
)
def test_what_is_bound_or_states_no_result_may_stand(sentence):
    assert sentences.unbound_verdicts(sentence) == []
