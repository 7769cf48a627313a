"""Builders: each fills in the parts of one `nmm.NeuralMass`."""

from nmm.models.canonical_microcircuit import bistable_column, cmc
from nmm.models.jansen_rit import jansen_rit
from nmm.models.spm import from_spm, from_spm_state, to_spm_state
from nmm.models.weak_coupling import oscillator
from nmm.models.wilson_cowan import wilson_cowan

__all__ = [
    "bistable_column",
    "cmc",
    "from_spm",
    "from_spm_state",
    "jansen_rit",
    "oscillator",
    "to_spm_state",
    "wilson_cowan",
]
