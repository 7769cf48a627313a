"""Curves with sliders: computed beforehand, self-contained, nothing from elsewhere.

The page's first state is drawn here, so that it is complete without JavaScript; the script then
shows the sliders, and only exchanges what was computed: lines, their marks, and a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Mark = tuple[float, float, bool]
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 660, 330, 64, 12, 12, 48
_RAISED = str.maketrans("-1234567890", "⁻¹²³⁴⁵⁶⁷⁸⁹⁰")


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

    def __init__(self, xlim: tuple[float, float], ylim: tuple[float, float], log: bool) -> None:
        self.xlim, self.log = xlim, log
        self.ylim = (float(np.log10(ylim[0])), float(np.log10(ylim[1]))) if log else ylim

    def x(self, values: ArrayLike) -> NDArray[np.float64]:
        share = (np.asarray(values, float) - self.xlim[0]) / (self.xlim[1] - self.xlim[0])
        return np.asarray(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))

    def y(self, values: ArrayLike) -> NDArray[np.float64]:
        heights = np.asarray(values, float)
        return self.level(np.log10(heights) if self.log else heights)

    def level(self, values: ArrayLike) -> NDArray[np.float64]:
        """Pixels of a height, or of its logarithm where the axis has that."""
        share = (np.asarray(values, float) - self.ylim[0]) / (self.ylim[1] - self.ylim[0])
        return np.asarray(_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM))


def explorer(
    name: str,
    x: ArrayLike,
    curves: ArrayLike | Mapping[str, ArrayLike],
    marks: Sequence[Any],
    texts: Sequence[Any],
    sliders: Sequence[Slider],
    *,
    labels: tuple[str, str],
    ylim: tuple[float, float],
    alt: str,
    xlim: tuple[float, float] | None = None,
    log: bool = False,
) -> str:
    """Write curves that move with sliders, as HTML.

    What does not depend on a slider has length one along its axis.

    Parameters
    ----------
    name : str
        For the ids; one per page.
    x : array (n,)
        Abscissa, with unit in `labels`.
    curves : array (n_1, …, n_d, n), or mapping of str to such arrays
        The curve at each position of the d sliders, or several by their label; nan where it ends.
    marks : nested sequence (n_1, …, n_d)
        For each position, points (x, y, stable): full or open circles.
    texts : nested sequence (n_1, …, n_d) of str
        For each, what it shows, in words.
    sliders : sequence of d Slider
        With n_1, …, n_d values.
    labels : pair of str
        Of the axes.
    ylim : pair of float
        Of the vertical axis.
    alt : str
        For readers who do not see it.
    xlim : pair of float, optional
        Of the horizontal axis; from zero to the last `x` by default.
    log : bool, default False
        Whether the vertical axis is logarithmic.

    Returns
    -------
    str
        No request to anywhere, legible in dark mode; without JavaScript the first state stays.
    """
    x = np.asarray(x, float)
    frame = _Frame(xlim or (0.0, float(x[-1])), ylim, log)
    named = curves if isinstance(curves, Mapping) else {"": curves}
    d = len(sliders)
    data = {
        "paths": _each(
            np.stack([np.asarray(part, float) for part in named.values()], axis=d).tolist(),
            d,
            lambda lines: [_path(frame, x, np.asarray(line)) for line in lines],
        ),
        "marks": _each(marks, d, lambda found: _places(frame, found)),
        "texts": texts,
        "values": [list(slider.values) for slider in sliders],
    }
    paths, places, text = (_at(data[key], sliders) for key in ("paths", "marks", "texts"))
    circles = "".join(_circle(*place) for place in places)
    drawn = "".join(f'<path class="curve line-{k}" d="{path}"/>' for k, path in enumerate(paths))
    controls = "".join(_control(name, k, slider) for k, slider in enumerate(sliders))
    return (
        f'<div class="nmm-explorer" id="{name}">{_STYLE}'
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(alt, quote=True)}">'
        f"{_axes(frame, labels)}{_key(list(named))}"
        f'<g class="lines">{drawn}</g><g class="marks">{circles}</g></svg>'
        f'<div class="controls" hidden>{controls}</div>'
        f'<p class="says" aria-live="polite">{escape(text)}</p>'
        f'<script type="application/json">{_json(data)}</script>'
        f"<script>({_SCRIPT})(document.getElementById({_json(name)}));</script></div>"
    )


def _each(nested: Any, depth: int, change: Callable[[Any], Any]) -> Any:
    """Change what lies `depth` lists down."""
    return [_each(part, depth - 1, change) for part in nested] if depth else change(nested)


def _at(nested: Any, sliders: Sequence[Slider]) -> Any:
    """What is shown at first."""
    for slider in sliders:
        nested = nested[min(slider.start, len(nested) - 1)]
    return nested


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")


def _path(frame: _Frame, x: NDArray[np.float64], curve: NDArray[np.float64]) -> str:
    kept = np.isfinite(curve)
    begins = kept & ~np.concatenate([[False], kept[:-1]])
    points = zip(frame.x(x[kept]), frame.y(curve[kept]), begins[kept], strict=True)
    return "".join(f"{'M' if begin else ' '}{a:.1f},{b:.1f}" for a, b, begin in points)


def _places(frame: _Frame, marks: Sequence[Mark]) -> list[tuple[float, float, int]]:
    """Marks in pixels; the script makes circles of them, as `_circle` does."""
    return [
        (round(float(frame.x(at)), 1), round(float(frame.y(height)), 1), int(stable))
        for at, height, stable in marks
    ]


def _circle(x: float, y: float, stable: int) -> str:
    kind = "stays" if stable else "tips"
    return f'<circle cx="{x:g}" cy="{y:g}" r="5.5" class="{kind}"></circle>'


def _axes(frame: _Frame, labels: tuple[str, str]) -> str:
    """Frame, ticks and labels."""
    from matplotlib.ticker import MaxNLocator

    bottom, middle = _HEIGHT - _BOTTOM, (_LEFT + _WIDTH - _RIGHT) / 2
    out = [f'<line x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" y2="{bottom}"/>']
    out += [f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{bottom}" y2="{bottom}"/>']
    if not frame.log and frame.ylim[0] <= 0 <= frame.ylim[1]:
        zero = float(frame.level(0.0))
        out += [f'<line class="zero" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{zero}" y2="{zero}"/>']
    for (low, high), horizontal in ((frame.xlim, True), (frame.ylim, False)):
        decades = frame.log and not horizontal
        ticks = np.asarray(MaxNLocator(6, integer=decades).tick_values(low, high))
        for tick in ticks[(ticks >= low - 1e-9) & (ticks <= high + 1e-9)]:
            label = f"{tick:g}".replace("-", "−")
            if decades:
                label = "1" if tick == 0 else "10" + f"{tick:.0f}".translate(_RAISED)
            if horizontal:
                at = float(frame.x(tick))
                out.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{bottom}" y2="{bottom + 5}"/>')
                out.append(f'<text x="{at:.1f}" y="{bottom + 20}" class="middle">{label}</text>')
            else:
                at = float(frame.level(tick))
                out.append(f'<line x1="{_LEFT - 5}" x2="{_LEFT}" y1="{at:.1f}" y2="{at:.1f}"/>')
                out.append(f'<text x="{_LEFT - 9}" y="{at + 4:.1f}" class="end">{label}</text>')
    out.append(f'<text x="{middle}" y="{_HEIGHT - 8}" class="middle">{escape(labels[0])}</text>')
    up = f'transform="translate(15 {(_TOP + bottom) / 2}) rotate(-90)"'
    out.append(f'<text {up} class="middle">{escape(labels[1])}</text>')
    return f'<g class="frame">{"".join(out)}</g>'


def _key(labels: Sequence[str]) -> str:
    """Which line is which."""
    return "".join(
        f'<path class="curve line-{k}" d="M{_WIDTH - 190},{_TOP + 12 + 20 * k} h34"/>'
        f'<text x="{_WIDTH - 148}" y="{_TOP + 17 + 20 * k}">{escape(label)}</text>'
        for k, label in enumerate(labels)
        if label
    )


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
.nmm-explorer .line-1{stroke:var(--pst-color-text-base,#1f2933);stroke-dasharray:8 4}
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
  const lines = [...root.querySelectorAll('.lines path')];
  const at = (part, places) => places.reduce((p, k) => p[Math.min(k, p.length - 1)], part);
  const circle = ([x, y, stable]) => `<circle cx="${x}" cy="${y}" r="5.5" ` +
    `class="${stable ? 'stays' : 'tips'}"></circle>`;
  const show = () => {
    const places = inputs.map(input => Number(input.value));
    const paths = at(data.paths, places);
    lines.forEach((line, k) => line.setAttribute('d', paths[k]));
    root.querySelector('.marks').innerHTML = at(data.marks, places).map(circle).join('');
    root.querySelector('.says').textContent = at(data.texts, places);
    inputs.forEach((input, k) => {
      outputs[k].textContent = data.values[k][places[k]];
      input.setAttribute('aria-valuetext', outputs[k].textContent);
    });
  };
  inputs.forEach(input => input.addEventListener('input', show));
  root.querySelector('.controls').hidden = false;
  show();
}"""
