"""The book's face: its mark, and colours that everybody can tell apart."""

import re
from itertools import combinations
from pathlib import Path

import draw_mark
import numpy as np
import pytest

from nmm.plot import INK, POPULATION_STYLES

CSS = (Path(__file__).resolve().parents[1] / "assets" / "book.css").read_text(encoding="utf8")
# The page's colours, by name: first in light mode, then in dark.
PALETTES = [
    dict(re.findall(r"--(?:pst-color|book)-([\w-]+): (#\w{6});", block))
    for block in re.findall(r"html\[data-theme[^{]*{([^}]*)}", CSS)[:2]
]
LIGHT, DARK = (palette["background"] for palette in PALETTES)
COLOURS = {name: style["color"] for name, style in POPULATION_STYLES.items()}
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
# Machado, Oliveira & Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
FILTER = re.search(r"filter: invert\(([\d.]+)\) hue-rotate\(180deg\);", CSS)


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def linear(c):
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(a, b):
    """Return WCAG's contrast ratio of two sRGB colours."""
    low, high = sorted(XYZ[1] @ linear(c) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


def lab(c):
    """Return CIELAB (D65) of linear RGB."""
    t = XYZ @ np.clip(c, 0, 1) / XYZ.sum(axis=1)
    x, y, z = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def in_dark_mode(c):
    """Apply the filter of figures in dark mode: invert, then turn the hue by half a circle."""
    share = float(FILTER[1])
    grey = np.array([0.213, 0.715, 0.072])  # CSS's luminance weights
    inverted = c * (1 - 2 * share) + share
    return np.clip(2 * grey @ inverted - inverted, 0, 1)


def test_mark_is_what_the_column_draws():
    assert draw_mark.MARK.read_text(encoding="utf8") == draw_mark.draw()


@pytest.mark.parametrize("colour", [draw_mark.RHYTHM, draw_mark.BORDER, draw_mark.REST])
@pytest.mark.parametrize("ground", [LIGHT, DARK])
def test_mark_shows_on_both_grounds(colour, ground):
    assert contrast(rgb(colour), rgb(ground)) >= 3


@pytest.mark.parametrize(("name", "least"), [*((name, 3) for name in COLOURS), ("ink", 7)])
def test_lines_show_on_both_grounds(name, least):
    colour = rgb(COLOURS.get(name, INK))
    assert contrast(colour, rgb(LIGHT)) >= least
    assert contrast(in_dark_mode(colour), rgb(DARK)) >= least


@pytest.mark.parametrize("palette", PALETTES, ids=["light", "dark"])
@pytest.mark.parametrize("name", ["text-base", "text-muted", "primary", "secondary", "string"])
def test_text_and_links_are_readable(palette, name):
    for ground in ("background", "surface"):
        assert contrast(rgb(palette[name]), rgb(palette[ground])) >= 4.5


def test_line_styles_differ():
    assert len({style["linestyle"] for style in POPULATION_STYLES.values()}) == len(COLOURS)


def test_colours_differ_for_colour_blind_readers():
    """Pairs are 20 apart in CIELAB, but one: sp and dp in protanopia (9), told by line style."""
    close = {}
    for vision, matrix in VISION.items():
        seen = {name: lab(np.array(matrix) @ linear(rgb(c))) for name, c in COLOURS.items()}
        for a, b in combinations(COLOURS, 2):
            distance = np.linalg.norm(seen[a] - seen[b])
            if distance < 20:
                close[vision, a, b] = round(distance)
                assert POPULATION_STYLES[a]["linestyle"] != POPULATION_STYLES[b]["linestyle"]
    assert close == {("protanopia", "sp", "dp"): 9}
