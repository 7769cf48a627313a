"""The look of every figure: palette, lines and letters."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

# Okabe & Ito's palette (2008), safe for colour-blind readers, its purple darkened to 3:1 on white.
# Populations differ in line style too, so that a grey print can be read.
INK = "#1f2933"
QUIET = "#7b8794"
POPULATION_STYLES = MappingProxyType(
    {
        "ss": MappingProxyType({"color": "#009e73", "linestyle": (0, (5, 1.2, 1, 1.2))}),
        "sp": MappingProxyType({"color": "#0072b2", "linestyle": "-"}),
        "ii": MappingProxyType({"color": "#d55e00", "linestyle": (0, (5, 1.5))}),
        "dp": MappingProxyType({"color": "#9b4f96", "linestyle": (0, (1.2, 1))}),
    }
)
_STYLE: dict[str, Any] = {
    "figure.figsize": (6.6, 3.4),
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "svg.hashsalt": "nmm",  # same figure, same bytes
    "svg.fonttype": "path",
    "font.family": "serif",
    "font.serif": ["STIXGeneral", "DejaVu Serif"],
    "mathtext.fontset": "stix",
    "font.size": 11.5,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 11.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.handlelength": 2.6,
}


def use_style() -> None:
    """Set Matplotlib's defaults to the look of the book, for the rest of the session.

    Transparent ground and dark ink: the site turns the ink light in dark mode, a paper stays white.
    """
    import matplotlib as mpl
    from cycler import cycler

    colours = cycler(color=[INK, *(style["color"] for style in POPULATION_STYLES.values())])
    style: Any = _STYLE | {"axes.prop_cycle": colours}
    mpl.rcParams.update(style)
