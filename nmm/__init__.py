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
    "continue_equilibria": "phase_space.continuation",
    "Branch": "phase_space.continuation",
    "SpecialPoint": "phase_space.special_points",
    "continue_bifurcation": "phase_space.two_parameters",
    "BifurcationCurve": "phase_space.two_parameters",
    "CodimensionTwo": "phase_space.codimension_two",
    "find_cycle": "phase_space.cycles",
    "Cycle": "phase_space.cycles",
    "continue_cycles": "phase_space.cycle_branches",
    "CycleBranch": "phase_space.cycle_branches",
    "continue_cycle_folds": "phase_space.cycle_folds",
    "CycleFoldCurve": "phase_space.cycle_folds",
    "CycleFoldPoint": "phase_space.cycle_folds",
    "average": "perturbation.averaging",
    "Averaged": "perturbation.averaging",
    "average_numerically": "perturbation.slow_motion",
    "SlowMotion": "perturbation.slow_motion",
    "normal_form": "perturbation.normal_forms",
    "NormalForm": "perturbation.normal_forms",
    "normal_form_along": "perturbation.unfoldings",
    "NormalFormCurve": "perturbation.unfoldings",
    "unfold": "perturbation.unfoldings",
    "Unfolding": "perturbation.unfoldings",
    "describing_function": "perturbation.describing",
    "amplitude_drift": "perturbation.describing",
    "amplitude_potential": "perturbation.describing",
    "amplitude_equation": "amplitudes.amplitude",
    "AmplitudeEquation": "amplitudes.amplitude",
    "AmplitudeSensitivity": "amplitudes.amplitude",
    "measured_drift": "amplitudes.transients",
    "MeasuredDrift": "amplitudes.transients",
    "exit_times": "amplitudes.exits",
    "ExitTimes": "amplitudes.exits",
    "fit_barrier": "inversion.barriers",
    "Barrier": "inversion.barriers",
    "simulate": "simulation",
    "Trajectory": "simulation",
    "variational_laplace": "inversion.laplace",
    "transfer_function": "inversion.spectrum",
    "cross_spectrum": "inversion.spectrum",
    "spm_cross_spectrum": "inversion.spm_spectrum",
    "Posterior": "inversion.laplace",
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
