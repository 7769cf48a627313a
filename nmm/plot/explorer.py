"""A curve with two sliders: computed beforehand, self-contained, nothing from elsewhere.

The page's first state is drawn here, so that it is complete without JavaScript; the script then
shows the sliders, and only exchanges what was computed: a line, its marks, and a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Mark = tuple[float, float, bool]
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 660, 330, 64, 12, 12, 48


class Slider(NamedTuple):
    """One parameter of an explorer.

    Parameters
    ----------
    name : str
        With symbol and unit, as its label.
    values : sequence of str
        What each position is called.
    start : int
        Position at first.
    """

    name: str
    values: Sequence[str]
    start: int


class _Frame:
    """From data to pixels."""

    def __init__(self, xlim: tuple[float, float], ylim: tuple[float, float]) -> None:
        self.xlim, self.ylim = xlim, ylim

    def x(self, values: ArrayLike) -> NDArray[np.float64]:
        share = (np.asarray(values, float) - self.xlim[0]) / (self.xlim[1] - self.xlim[0])
        return np.asarray(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))

    def y(self, values: ArrayLike) -> NDArray[np.float64]:
        share = (np.asarray(values, float) - self.ylim[0]) / (self.ylim[1] - self.ylim[0])
        return np.asarray(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM))


def explorer(
    name: str,
    x: ArrayLike,
    curves: ArrayLike,
    marks: Sequence[Sequence[Sequence[Mark]]],
    texts: Sequence[Sequence[str]],
    sliders: tuple[Slider, Slider],
    *,
    labels: tuple[str, str],
    ylim: tuple[float, float],
    alt: str,
) -> str:
    """Write a curve that moves with two sliders, as HTML.

    Parameters
    ----------
    name : str
        For the ids; one per page.
    x : array (n,)
        Abscissa, with unit in `labels`.
    curves : array (n_1, n_2, n)
        The curve at each position of both sliders; nan where it ends.
    marks : nested sequence (n_1, n_2)
        For each, stationary points (x, y, stable): full or open circles.
    texts : nested sequence (n_1, n_2) of str
        For each, what it shows, in words.
    sliders : pair of Slider
        With n_1 and n_2 values.
    labels : pair of str
        Of the axes.
    ylim : pair of float
        Of the vertical axis.
    alt : str
        For readers who do not see it.

    Returns
    -------
    str
        No request to anywhere, legible in dark mode; without JavaScript the first curve stays.
    """
    x = np.asarray(x, float)
    frame = _Frame((0.0, float(x[-1])), ylim)
    paths = [[_path(frame, x, curve) for curve in row] for row in np.asarray(curves, float)]
    circles = [[_circles(frame, found) for found in row] for row in marks]
    first = tuple(slider.start for slider in sliders)
    shown = {"paths": paths, "marks": circles, "texts": texts}
    data = shown | {"values": [list(slider.values) for slider in sliders]}
    i, j = first
    controls = "".join(_control(name, k, slider) for k, slider in enumerate(sliders))
    return (
        f'<div class="nmm-explorer" id="{name}">{_STYLE}'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(alt, quote=True)}">'
        f'{_axes(frame, labels)}<path class="curve" d="{paths[i][j]}"/>'
        f'<g class="marks">{circles[i][j]}</g></svg>'
        f'<div class="controls" hidden>{controls}</div>'
        f'<p class="says" aria-live="polite">{escape(texts[i][j])}</p>'
        f'<script type="application/json">{_json(data)}</script>'
        f"<script>({_SCRIPT})(document.getElementById({_json(name)}));</script></div>"
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def _path(frame: _Frame, x: NDArray[np.float64], curve: NDArray[np.float64]) -> str:
    kept = np.isfinite(curve)
    points = zip(frame.x(x[kept]), frame.y(curve[kept]), strict=True)
    return "M" + " ".join(f"{a:.1f},{b:.1f}" for a, b in points)


def _circles(frame: _Frame, marks: Sequence[Mark]) -> str:
    return "".join(
        f'<circle cx="{float(frame.x(at)):.1f}" cy="{float(frame.y(height)):.1f}" r="5.5" '
        f'class="{"stays" if stable else "tips"}"/>'
        for at, height, stable in marks
    )


def _axes(frame: _Frame, labels: tuple[str, str]) -> str:
    """Frame, ticks and labels."""
    from matplotlib.ticker import MaxNLocator

    bottom, middle = _HEIGHT - _BOTTOM, (_LEFT + _WIDTH - _RIGHT) / 2
    out = [f'<line x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" y2="{bottom}"/>']
    out += [f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>']
    zero = float(frame.y(0.0))
    out += [f'<line class="zero" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{zero}" y2="{zero}"/>']
    for (low, high), horizontal in ((frame.xlim, True), (frame.ylim, False)):
        ticks = np.asarray(MaxNLocator(6).tick_values(low, high))
        for tick in ticks[(ticks >= low - 1e-9) & (ticks <= high + 1e-9)]:
            label = f"{tick:g}".replace("-", "−")
            if horizontal:
                at = float(frame.x(tick))
                out.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 5}"/>')
                out.append(f'<text x="{at:.1f}" y="{bottom + 20}" class="middle">{label}</text>')
            else:
                at = float(frame.y(tick))
                out.append(f'<line x1="{_LEFT - 5}" x2="{_LEFT}" y1="{at:.1f}" y2="{at:.1f}"/>')
                out.append(f'<text x="{_LEFT - 9}" y="{at + 4:.1f}" class="end">{label}</text>')
    out.append(f'<text x="{middle}" y="{_HEIGHT - 8}" class="middle">{escape(labels[0])}</text>')
    up = f'transform="translate(15 {(_TOP + bottom) / 2}) rotate(-90)"'
    out.append(f'<text {up} class="middle">{escape(labels[1])}</text>')
    return f'<g class="frame">{"".join(out)}</g>'


def _control(name: str, k: int, slider: Slider) -> str:
    own, now = f"{name}-{k}", escape(slider.values[slider.start])
    return (
        f'<label for="{own}">{escape(slider.name)}</label>'
        f'<input type="range" id="{own}" min="0" max="{len(slider.values) - 1}" step="1" '
        f'value="{slider.start}" aria-valuetext="{now}"/><output for="{own}">{now}</output>'
    )


# The last rule undoes the light ground that the theme puts under HTML in dark mode.
_STYLE = """<style>
.nmm-explorer{max-width:660px;margin:1.5rem 0}
.nmm-explorer svg{display:block;width:100%;height:auto}
.nmm-explorer text{fill:var(--pst-color-text-base,#1f2933);font-size:14px}
.nmm-explorer .middle{text-anchor:middle}
.nmm-explorer .end{text-anchor:end}
.nmm-explorer .frame line{stroke:var(--pst-color-text-base,#1f2933);stroke-width:1}
.nmm-explorer .frame .zero{stroke:var(--pst-color-text-muted,#56606b);stroke-dasharray:2 3}
.nmm-explorer .curve{fill:none;stroke:var(--pst-color-primary,#0072b2);stroke-width:2.4}
.nmm-explorer circle{stroke:var(--pst-color-primary,#0072b2);stroke-width:2}
.nmm-explorer .stays{fill:var(--pst-color-primary,#0072b2)}
.nmm-explorer .tips{fill:var(--pst-color-background,#fff)}
.nmm-explorer .controls{display:grid;grid-template-columns:auto 1fr 7em;gap:.3rem .8rem;
align-items:center}
.nmm-explorer .controls[hidden]{display:none}
.nmm-explorer input{accent-color:var(--pst-color-primary,#0072b2);min-width:8em}
.nmm-explorer .says{min-height:3.2em}
html[data-theme] .bd-main .bd-content div.cell_output .text_html:has(.nmm-explorer .curve){
background:none;color:inherit;padding:0}
</style>"""
# Read the data; exchange three things when a slider moves.
_SCRIPT = """root => {
  const data = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
  const inputs = [...root.querySelectorAll('input')];
  const outputs = [...root.querySelectorAll('output')];
  const show = () => {
    const [i, j] = inputs.map(input => Number(input.value));
    root.querySelector('.curve').setAttribute('d', data.paths[i][j]);
    root.querySelector('.marks').innerHTML = data.marks[i][j];
    root.querySelector('.says').textContent = data.texts[i][j];
    inputs.forEach((input, k) => {
      outputs[k].textContent = data.values[k][Number(input.value)];
      input.setAttribute('aria-valuetext', outputs[k].textContent);
    });
  };
  inputs.forEach(input => input.addEventListener('input', show));
  root.querySelector('.controls').hidden = false;
  show();
}"""
