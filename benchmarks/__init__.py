"""How fast `nmm.simulate` is, beside NumPy, SciPy and C: run ``python -m benchmarks``."""
