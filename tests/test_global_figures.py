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
    assert f'd="{data["paths"][1][0]}"' in still
    assert data["marks"][1][0] in still
    assert "landscape &lt;10&gt;" in still
    assert 'class="controls" hidden' in still  # nothing to move that would not move
    assert 'aria-label="A &quot;curve&quot; that moves."' in still


def test_the_curves_are_those_given(page):
    paths = data_of(page)["paths"]
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
    assert f'class="curve" d="{data["paths"][1][2]}"' in done.stdout
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
