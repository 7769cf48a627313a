"""Draw the book's mark from the book's column: rest, the border around it, and the rhythm.

The plane is that of the inhibitory interneurons (across) and the deep pyramidal cells (up), each
axis scaled so that the rhythm fills the square. Dot: rest. Solid: the rhythm. Dashed, as in a
bifurcation diagram: the unstable cycle between them, where a push neither dies nor grows.

From the root of the repository::

    python tools/draw_mark.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import nmm

Array = NDArray[np.float64]

MARK = Path(__file__).resolve().parents[1] / "assets" / "mark.svg"
# Each keeps 3:1 on the page's light ground and on its dark one, so one mark serves both.
RHYTHM, BORDER, REST = "#0072b2", "#7b8794", "#d55e00"
_SIZE, _MARGIN, _POINTS = 64, 4, 60


def orbit(kick: float, seconds: float) -> Array:
    """Release the column from rest but for one potential, and watch it in the mark's plane.

    Parameters
    ----------
    kick : float
        First deep pyramidal potential, mV.
    seconds : float
        Length of the simulation, s.

    Returns
    -------
    array (n_t, 2)
        Potentials v_ii and v_dp at steps of 0.1 ms, mV.
    """
    column = nmm.bistable_column()
    across, up = (column.state_names.index(name) for name in ("v_ii", "v_dp"))
    start = np.zeros(column.n_states)
    start[up] = kick
    v: Array = nmm.simulate(column, seconds, x0=start).x[0][:, [across, up]]
    return v


def last_turn(v: Array) -> Array:
    """Return the last whole turn of an oscillation, from one upward zero of v_dp to the next."""
    upward = np.flatnonzero((v[:-1, 1] < 0) & (v[1:, 1] >= 0))
    return v[upward[-2] : upward[-1]]


def border_kick() -> float:
    """Find, by bisection, the kick (mV) whose oscillation neither dies nor grows.

    It is compared at 0.5 s, when all but its amplitude has settled, and one second later.
    """
    dies, grows = 0.0, 1.0
    for _ in range(40):
        kick = (dies + grows) / 2
        up = orbit(kick, 1.5)[:, 1]
        if np.ptp(up[-1000:]) < np.ptp(up[5000:6000]):
            dies = kick
        else:
            grows = kick
    return dies


def path(curve: Array) -> str:
    """Write a closed curve as SVG path data, thinned to a few points of one decimal."""
    chosen = np.linspace(0, len(curve), _POINTS, endpoint=False).astype(int)
    return "M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in curve[chosen]) + "Z"


def draw() -> str:
    """Return the mark as SVG: the same text at every call."""
    rhythm, border = last_turn(orbit(1.0, 5.0)), last_turn(orbit(border_kick(), 1.5))
    low, high = rhythm.min(axis=0), rhythm.max(axis=0)

    def place(v: Array) -> Array:
        scaled: Array = (v - low) / (high - low) * (_SIZE - 2 * _MARGIN) + _MARGIN
        scaled[:, 1] = _SIZE - scaled[:, 1]  # SVG counts downwards
        return scaled

    ((x, y),) = place(np.zeros((1, 2)))
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIZE} {_SIZE}">
<!-- Computed by tools/draw_mark.py: rest, an unstable cycle, a stable one. -->
<g fill="none" stroke-linejoin="round">
<path stroke="{BORDER}" stroke-width="1.6" stroke-dasharray="3 2.4" d="{path(place(border))}"/>
<path stroke="{RHYTHM}" stroke-width="5" d="{path(place(rhythm))}"/>
</g>
<circle cx="{x:.1f}" cy="{y:.1f}" r="5.2" fill="{REST}"/>
</svg>
"""


if __name__ == "__main__":
    MARK.write_text(draw(), encoding="utf8", newline="\n")
