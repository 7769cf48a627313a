"""Local theory: averaging of a weakly perturbed oscillator, normal forms of a column at rest."""
