"""Figures: axes in, axes out. Nothing here computes, and nothing elsewhere plots.

`use_style` sets the look of the whole book; a chapter calls it once.
"""

from nmm.plot.model import circuit, orbit, potentials, sigmoid, spectrum
from nmm.plot.phase_space import branch, eigenvalues
from nmm.plot.style import INK, POPULATION_STYLES, use_style

__all__ = [
    "INK",
    "POPULATION_STYLES",
    "branch",
    "circuit",
    "eigenvalues",
    "orbit",
    "potentials",
    "sigmoid",
    "spectrum",
    "use_style",
]
