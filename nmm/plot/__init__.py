"""Figures: axes in, axes out. Nothing here computes, and nothing elsewhere plots.

`use_style` sets the look of the whole book; a chapter calls it once.
"""

from nmm.plot.argument import argument, strengths
from nmm.plot.explorer import Slider, explorer
from nmm.plot.global_theory import drifting, effects, field, growth, landscapes, transients
from nmm.plot.local_theory import compared, envelope, orders, parts, series, validity
from nmm.plot.model import circuit, orbit, potentials, sigmoid, spectrum
from nmm.plot.noise import dwell_times, histogram
from nmm.plot.phase_space import basin, branch, curves, cycles, eigenvalues, legend
from nmm.plot.style import INK, POPULATION_STYLES, use_style

__all__ = [
    "INK",
    "POPULATION_STYLES",
    "Slider",
    "argument",
    "basin",
    "branch",
    "circuit",
    "compared",
    "curves",
    "cycles",
    "drifting",
    "dwell_times",
    "effects",
    "eigenvalues",
    "envelope",
    "explorer",
    "field",
    "growth",
    "histogram",
    "landscapes",
    "legend",
    "orbit",
    "orders",
    "parts",
    "potentials",
    "series",
    "sigmoid",
    "spectrum",
    "strengths",
    "transients",
    "use_style",
    "validity",
]
