"""Builders: each fills in the parts of one `nmm.NeuralMass`."""

from nmm.models.canonical_microcircuit import bistable_column, cmc

__all__ = ["bistable_column", "cmc"]
