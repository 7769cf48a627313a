"""A polynomial amplitude equation: closed forms, its filter, and what a recording tells of it."""

import numpy as np
import pytest
from scipy import integrate, linalg

import nmm
from nmm.inversion.polynomial_amplitudes import PolynomialAmplitude, Stretch, simulate_polynomial

TWO = PolynomialAmplitude(rate=2.0, size=300.0, damping=0.75, noise=20.0)


def test_the_drift_is_that_of_the_oscillator_with_the_same_stationary_amplitudes():
    # Section 4's population, averaged: ȧ = −g a (a² − a1²)(a² − a2²).
    (_, _), (low, _), (high, _) = TWO.radii()
    g = 0.01
    well = nmm.oscillator(radii=(1.0, high / low), g=g)
    a = np.linspace(0.1, 1.2 * high / low, 7)
    expected = nmm.amplitude_drift(well, a)
    c = TWO.coefficients[2]
    assert TWO.drift(a * low) / (c * low**5) == pytest.approx(expected / g, rel=1e-10)


@pytest.mark.parametrize(
    ("wells", "damping"), [(2, 0.75), (2, -0.2), (2, 1.5), (1, 0.5), (1, -0.5)]
)
def test_the_potential_has_the_stated_wells(wells, damping):
    found = PolynomialAmplitude(2.0, 300.0, damping, 20.0, wells)
    R = np.linspace(0, 700, 1401)
    direct = -integrate.cumulative_simpson(found.drift(R), x=R, initial=0)
    assert found.potential(R) == pytest.approx(direct, rel=1e-9, abs=1e-9 * np.ptp(direct))
    for radius, stable in found.radii():
        assert found.drift(radius) == pytest.approx(0, abs=1e-9)
        nearby = found.potential(radius + np.array([0.0, 5.0, -5.0]))
        assert (nearby[1:] > nearby[0]).all() == stable
    assert sum(stable for _, stable in found.radii()) == (2 if (wells, damping) == (2, 0.75) else 1)


def test_coefficients_are_those_of_the_polynomial():
    a, b, c = TWO.coefficients
    R = np.array([1.0, 150.0, 420.0])
    assert TWO.drift(R) == pytest.approx(a * R + b * R**3 - c * R**5, rel=1e-12)
    assert a == -1.5
    assert min(b, c) > 0


def test_the_stretched_grid_keeps_the_stationary_density():
    noisy = PolynomialAmplitude(2.0, 100.0, 0.75, 25.0)
    stretch = Stretch(knee=20.0, last=400.0, cells=240)
    chain = stretch.chain(noisy)
    edges = stretch.backward(chain.edges)
    fine = np.linspace(0, 400, 40001)
    mass = integrate.cumulative_simpson(noisy.density(fine), x=fine, initial=0)
    expected = np.diff(np.interp(edges, fine, mass / mass[-1]))
    # Finite volumes: an error of second order in the cell, largest where the density is small.
    assert chain.stationary == pytest.approx(expected, abs=2e-3 * expected.max())


def test_the_stretched_grid_moves_like_one_that_is_not():
    """By brute force: the Fokker–Planck equation in R itself, on a fine grid."""
    noisy = PolynomialAmplitude(2.0, 100.0, 0.75, 25.0)
    stretch, dt = Stretch(knee=20.0, last=250.0, cells=160), 0.25
    chain = stretch.chain(noisy)
    n, D = 500, noisy.diffusion
    w = 250.0 / n
    inner = w * np.arange(1, n)
    flow = noisy.drift(inner) + D / inner
    up, down = D / w**2 + flow / (2 * w), D / w**2 - flow / (2 * w)  # central differences
    up[0] = max(up[0], 0)
    down = np.maximum(down, 0)
    Q = np.diag(up, 1) + np.diag(down, -1)
    P = linalg.expm((Q - np.diag(Q.sum(axis=1))) * dt)
    R = w * (np.arange(n) + 0.5)
    stretched_R = stretch.backward(chain.R)
    step = chain.transition(dt)
    for start in (10.0, 60.0, 130.0):
        mean = P[np.argmin(np.abs(R - start))] @ R
        i = np.argmin(np.abs(stretched_R - start))
        shift = stretched_R[i] - R[np.argmin(np.abs(R - start))]
        # The two grids begin up to a cell apart: allow for it, and for a per cent of their error.
        assert step[i] @ stretched_R == pytest.approx(mean, abs=1.5 * abs(shift) + 0.01 * mean)


def test_simulation_and_density_agree():
    noisy = PolynomialAmplitude(2.0, 100.0, 0.75, 40.0)
    seen = simulate_polynomial(noisy, 4000, 0.25, steps=10, seed=3)[50:]
    fine = np.linspace(0, 600, 6001)
    mass = integrate.cumulative_simpson(noisy.density(fine), x=fine, initial=0)
    expected = np.interp(np.array([30.0, 60.0, 90.0, 120.0]), fine, mass / mass[-1])
    found = [(seen < R).mean() for R in (30.0, 60.0, 90.0, 120.0)]
    # Memory about a second: some 1000 independent samples, sd 0.016; 0.06 is nearly four of them.
    assert found == pytest.approx(expected, abs=0.06)


def test_a_seed_is_a_recording():
    one, again = (simulate_polynomial(TWO, 5, 0.25, seed=1) for _ in range(2))
    assert np.array_equal(one, again)
    assert one[0] == 0
    assert not np.array_equal(one, simulate_polynomial(TWO, 5, 0.25, seed=2))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"rate": 0.0}, "rate"),
        ({"size": -1.0}, "size"),
        ({"noise": np.nan}, "noise"),
        ({"damping": np.inf}, "damping"),
        ({"wells": 3}, "wells"),
    ],
)
def test_numbers_that_make_no_equation_are_refused(wrong, message):
    numbers = {"rate": 2.0, "size": 300.0, "damping": 0.75, "noise": 20.0} | wrong
    with pytest.raises(ValueError, match=message):
        PolynomialAmplitude(**numbers)


def test_as_many_equations_as_samples():
    with pytest.raises(ValueError, match="2 amplitude equations for 5 samples"):
        simulate_polynomial([TWO, TWO], 5, 0.25)
