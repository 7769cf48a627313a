"""How a computation that did not go as wished says so."""

from __future__ import annotations


class NumericalWarning(RuntimeWarning):
    """A result was returned, but not the one asked for: see its ``outcome``."""
