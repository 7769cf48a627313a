"""Draw the image that messengers show with a link to the book: title, mark, and a pulse's rhythm.

From the root of the repository::

    python tools/draw_preview.py
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

import nmm

PREVIEW = Path(__file__).resolve().parents[1] / "assets" / "social-preview.png"
PAPER, MUTED = "#fbf9f4", "#56606b"  # of assets/book.css
_SIZE, _DPI = (1200, 630), 100  # pixels, as social networks ask for


def rhythm() -> tuple[Any, Any]:
    """The pulse of the first page: times (s) and superficial pyramidal potential (mV)."""
    column = nmm.bistable_column()
    run = nmm.simulate(
        column, 2.0, varying={"u": lambda t: 4000.0 * ((t >= 0.5) & (t < 0.6))}, every=10
    )
    return run.t, run.x[0, :, column.state_names.index("v_sp")]


def draw() -> Any:
    """Return the figure."""
    nmm.plot.use_style()
    width, height = (pixels / _DPI for pixels in _SIZE)
    fig = plt.figure(figsize=(width, height), facecolor=PAPER, layout="none")
    for y, words in ((0.80, "Global dynamics of"), (0.67, "neural mass models")):
        fig.text(0.07, y, words, size=46, color=nmm.plot.INK, family="serif")
    line = "A book whose pages compute everything they say"
    fig.text(0.07, 0.555, line, size=21, color=MUTED, family="serif")
    ax = fig.add_axes((0.07, 0.08, 0.86, 0.38))
    t, v = rhythm()
    ax.axvspan(0.5, 0.6, color=nmm.plot.POPULATION_STYLES["ii"]["color"], alpha=0.25, lw=0)
    ax.plot(t, v, color=nmm.plot.POPULATION_STYLES["sp"]["color"], lw=2.2)
    ax.set(xlim=(0, 2), ylim=(np.min(v) - 0.5, np.max(v) + 0.5))
    ax.axis("off")
    return fig


def picture() -> Image.Image:
    """The figure in pixels, with few colours so that the file is small."""
    memory = io.BytesIO()
    draw().savefig(memory, dpi=_DPI, facecolor=PAPER)
    return Image.open(memory).convert("RGB").quantize(48)


if __name__ == "__main__":
    picture().save(PREVIEW, optimize=True)
    print(f"{PREVIEW.name}: {PREVIEW.stat().st_size / 1000:.0f} kB")
