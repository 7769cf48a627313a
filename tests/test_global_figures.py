"""Figures of the global theory: complete without a script, moved by it, nothing from outside."""

import json
import re
import shutil
import subprocess

import matplotlib as mpl
import numpy as np
import pytest

import nmm

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
X = np.linspace(0, 2, 5)
CURVES = np.arange(2)[:, None, None] + np.arange(3)[None, :, None] + X**2
CURVES[1, 2, 3:] = np.nan
MARKS = [[[(0.5, float(i + j), i == j)] for j in range(3)] for i in range(2)]
TEXTS = [[f"landscape <{i}{j}>" for j in range(3)] for i in range(2)]


@pytest.fixture
def page():
    sliders = (nmm.plot.Slider("input", ["a", "b"], 1), nmm.plot.Slider("gain", ["c", "d", "e"], 0))
    return nmm.plot.explorer(
        *("play", X, CURVES, MARKS, TEXTS, sliders),
        labels=("R (mV)", "U (mV²/s)"),
        ylim=(0.0, 8.0),
        alt='A "curve" that moves.',
    )


def data_of(page):
    return json.loads(re.search(r'application/json">(.*?)</script>', page)[1])


def heights(path):
    return np.array([float(point.split(",")[1]) for point in path[1:].split()])


def test_it_asks_nothing_of_anybody(page):
    assert not re.search(r"https?:|//[a-z]|src=|@import|url\(|fetch|XMLHttp", page)


def test_without_a_script_the_first_curve_stands(page):
    data = data_of(page)
    still = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert f'd="{data["paths"][1][0][0]}"' in still
    ((x, y, stays),) = data["marks"][1][0]
    kind = "stays" if stays else "tips"
    assert f'<circle cx="{x:g}" cy="{y:g}" r="5.5" class="{kind}"></circle>' in still
    assert "landscape &lt;10&gt;" in still
    assert 'class="controls" hidden' in still  # nothing to move that would not move
    assert 'aria-label="A &quot;curve&quot; that moves."' in still


def test_the_curves_are_those_given(page):
    paths = [[lines[0] for lines in row] for row in data_of(page)["paths"]]
    scale = (heights(paths[0][0])[0] - heights(paths[1][1])[0]) / 2  # pixels for one unit
    for i in range(2):
        for j in range(3):
            curve = CURVES[i, j][np.isfinite(CURVES[i, j])]
            drawn = (heights(paths[0][0])[0] - heights(paths[i][j])) / scale
            assert drawn == pytest.approx(curve, abs=0.01)  # a tenth of a pixel, rounded


def test_sliders_can_be_reached_and_named(page):
    for k, name in enumerate(("input", "gain")):
        assert f'<label for="play-{k}">{name}</label><input type="range" id="play-{k}"' in page
    assert page.count("aria-valuetext") == 3  # two sliders, and the script that keeps them


def test_lines_on_decades_and_what_a_slider_leaves_alone():
    # Two lines on a logarithmic axis: 10 and 1000 lie evenly between 1 and 10,000. The second
    # slider changes the words only, so curves and marks have one entry for all its positions.
    x, level = np.array([1.0, 2.0, 3.0]), np.ones((2, 1, 3))
    gap = 1000 * level
    gap[0, 0, 1] = np.nan
    sliders = (nmm.plot.Slider("input", ["a", "b"], 0), nmm.plot.Slider("noise", ["c", "d"], 1))
    page = nmm.plot.explorer(
        *("two", x, {"rest": 10 * level, "away": gap}, [[[(2.0, 100.0, True)]]] * 2),
        *([["one", "other"], ["none"]], sliders),
        **{"labels": ("noise (1)", "time (s)"), "ylim": (1.0, 1e4), "xlim": (1.0, 3.0)},
        **{"alt": "Two lines.", "log": True},
    )
    data, still = data_of(page), re.sub(r"<script.*?</script>", "", page, flags=re.S)
    (rest, away), (_, whole) = data["paths"][0][0], data["paths"][1][0]
    bottom, top = 330 - 48, 12
    share = lambda y: (bottom - y) / (bottom - top)  # noqa: E731
    assert share(heights(rest)) == pytest.approx(0.25, abs=1e-3)
    assert share(data["marks"][0][0][0][1]) == pytest.approx(0.5, abs=1e-3)
    assert (away.count("M"), whole.count("M")) == (2, 1)  # a gap is not bridged
    assert share(heights(whole)) == pytest.approx(0.75, abs=1e-3)
    assert 'aria-live="polite">other<' in still
    for label in ("rest", "away", "10⁴", ">1<"):
        assert label in still
    assert 'class="zero"' not in still


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_slider_moves_the_curve(page, tmp_path):
    moved = """<script>const i = document.getElementById('play-1'); i.value = 2;
    i.dispatchEvent(new Event('input'));</script>"""
    file = tmp_path / "page.html"
    file.write_text(f"<!DOCTYPE html><meta charset=utf8>{page}{moved}", encoding="utf8")
    quiet = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    command = [CHROMIUM, *quiet.split(), "--disable-background-networking"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    data = data_of(page)
    assert f'class="curve line-0" d="{data["paths"][1][2][0]}"' in done.stdout
    ((x, y, _),) = data["marks"][1][2]
    assert f'<circle cx="{x:g}" cy="{y:g}" r="5.5" class="tips"></circle></g>' in done.stdout
    assert 'aria-live="polite">landscape &lt;12&gt;<' in done.stdout
    assert 'aria-valuetext="e"' in done.stdout
    assert 'class="controls" hidden' not in done.stdout


def test_axes_say_what_they_show():
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    column = nmm.bistable_column()
    amplitude = nmm.amplitude_equation(column, nmm.equilibria(column)[0])
    measured = nmm.measured_drift(amplitude, [0.38], phases=2)
    for draw in (nmm.plot.growth, lambda e, ax: nmm.plot.transients(e, measured, ax=ax)):
        fig, ax = plt.subplots()
        assert draw(amplitude, ax=ax) is ax
        assert all("(" in label for label in (ax.get_xlabel(), ax.get_ylabel()))
        plt.close(fig)


def test_balls_stand_on_their_landscapes():
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots()
    nmm.plot.landscapes({"U": (X, X**2)}, {"U": [(0.0, 0.0, True), (1.0, 1.0, False)]}, ax=ax)
    filled = [line.get_markerfacecolor() for line in ax.lines if line.get_marker() == "o"]
    assert filled == [nmm.plot.INK, "white"]
    plt.close(fig)
