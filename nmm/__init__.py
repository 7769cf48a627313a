"""Global dynamics of neural mass models.

Public names load when first used, so that ``import nmm`` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Public name -> the module that defines it.
_HOME = {
    "Sigmoid": "sigmoid",
    "NeuralMass": "system",
    "Parameter": "system",
    "cmc": "models",
    "bistable_column": "models",
    "jansen_rit": "models",
    "wilson_cowan": "models",
    "oscillator": "models",
    "from_spm": "models",
    "from_spm_state": "models",
    "to_spm_state": "models",
    "equilibria": "fixed_points",
    "Equilibrium": "fixed_points",
    "continue_equilibria": "continuation",
    "Branch": "continuation",
    "SpecialPoint": "special_points",
    "continue_bifurcation": "two_parameters",
    "BifurcationCurve": "two_parameters",
    "CodimensionTwo": "codimension_two",
    "find_cycle": "cycles",
    "Cycle": "cycles",
    "continue_cycles": "cycle_branches",
    "CycleBranch": "cycle_branches",
    "continue_cycle_folds": "cycle_folds",
    "CycleFoldCurve": "cycle_folds",
    "CycleFoldPoint": "cycle_folds",
    "average": "averaging",
    "Averaged": "averaging",
    "average_numerically": "slow_motion",
    "SlowMotion": "slow_motion",
    "normal_form": "normal_forms",
    "NormalForm": "normal_forms",
    "normal_form_along": "unfoldings",
    "NormalFormCurve": "unfoldings",
    "unfold": "unfoldings",
    "Unfolding": "unfoldings",
    "describing_function": "describing",
    "amplitude_drift": "describing",
    "amplitude_potential": "describing",
    "amplitude_equation": "amplitude",
    "AmplitudeEquation": "amplitude",
    "AmplitudeSensitivity": "amplitude",
    "measured_drift": "transients",
    "MeasuredDrift": "transients",
    "exit_times": "exits",
    "ExitTimes": "exits",
    "simulate": "simulation",
    "Trajectory": "simulation",
    "datasets": "",
    "plot": "",
    "symbolic": "",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'nmm' has no attribute {name!r}; it has {', '.join(__all__)}")
    module = _HOME[name]
    if not module:
        return import_module(f"nmm.{name}")
    return getattr(import_module(f"nmm.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
