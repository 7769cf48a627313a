"""Inversion: spectra, variational Laplace, generative models and their comparison."""
