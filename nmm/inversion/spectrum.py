"""Spectra of a model that stays near a fixed point: transfer functions and cross-spectra.

Near a fixed point the model is linear, ẋ = Q (J x + E u), with SPM's delay operator Q (`delays`);
its answer to an input that turns at frequency f is C (2πi f − QJ)⁻¹ Q E.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nmm.checks import real_array
from nmm.fixed_points import Equilibrium, check_fixed_point, equilibria
from nmm.inversion.delays import (
    checked_delays,
    delay_operator,
    effective_derivatives,
    effective_jacobian,
)
from nmm.sigmoid import Array
from nmm.system import NeuralMass

Complex = NDArray[np.complex128]


def transfer_function(
    m: NeuralMass,
    frequencies: ArrayLike,
    *,
    equilibrium: Equilibrium | None = None,
    delays: ArrayLike | None = None,
    inputs: ArrayLike | None = None,
    outputs: ArrayLike | Sequence[str] | None = None,
) -> Complex:
    """Answer of a model near a fixed point to an input that turns at each frequency.

    ``H(f) = C (2πi f − QJ)⁻¹ Q E`` (eq-response of chapter 08).

    Parameters
    ----------
    m : NeuralMass
        Any model.
    frequencies : array (n_f,)
        Hz.
    equilibrium : Equilibrium, optional
        A stable one of `m`; default ``equilibria(m)[0]``.
    delays : array (N, N), optional
        From state j to state i, s, zero where nothing is delayed; none by default. SPM's for a
        column: `nmm.inversion.delays.column_delays`.
    inputs : array (N, n_in), optional
        What one unit of each input adds to the flow; default the model's own inputs.
    outputs : array (n_out, N) or names, optional
        Weights of the states in each output, or names of populations (their potentials) or
        states; default the reference population's potential.

    Returns
    -------
    complex array (n_f, n_out, n_in)
        mV per unit of input; per mV/s, that is in s, for the input of a column.

    Raises
    ------
    ValueError
        At a fixed point that is not stable, where a small disturbance grows and no steady answer
        exists; if the delays are too long; or if a shape is wrong, or a number not finite.

    Examples
    --------
    >>> from nmm import cmc, transfer_function
    >>> H = transfer_function(cmc(), range(1, 65))
    >>> H.shape, round(512 * float(abs(H[21, 0, 0])), 4)      # SPM multiplies its input by 512
    ((64, 1, 1), 0.1755)
    """
    f = checked_frequencies(frequencies)
    J = m.jacobian(_rest(m, equilibrium).x)
    E, C = _inputs(m, inputs), _outputs(m, outputs)
    X = effective_jacobian(J, checked_delays(delays, m.n_states))
    values, vectors = np.linalg.eig(X)
    if not values.real.max() < 0:
        raise ValueError(
            f"{m.name}: this fixed point is not stable (an eigenvalue has real part "
            f"{values.real.max():.4g} per s), so it has no steady spectrum; take a stable one "
            "from equilibria(m), shorter delays, or simulate"
        )
    drive = E if X is J else delay_operator(J, X) @ E
    return resolvent(f, values, C @ vectors, np.linalg.solve(vectors, drive))


def cross_spectrum(
    m: NeuralMass,
    frequencies: ArrayLike,
    *,
    sigma: float | ArrayLike = 1.0,
    equilibrium: Equilibrium | None = None,
    delays: ArrayLike | None = None,
    inputs: ArrayLike | None = None,
    outputs: ArrayLike | Sequence[str] | None = None,
) -> Complex:
    """Spectral densities of the outputs when white noise drives the inputs.

    ``G(f) = 2 H diag(σ²) Hᴴ``, one-sided: compare with `scipy.signal.welch` and `scipy.signal.csd`.

    Parameters
    ----------
    m, frequencies, equilibrium, delays, inputs, outputs
        As in `transfer_function`.
    sigma : float or array (n_in,), default 1
        Noise intensity of each input, mV s^(−1/2); the inputs' noises are independent.

    Returns
    -------
    complex array (n_f, n_out, n_out)
        mV²/Hz, Hermitian at each frequency; the diagonal holds the power spectra.

    Raises
    ------
    ValueError
        As `transfer_function`; or if a noise intensity is negative.

    Examples
    --------
    >>> from nmm import cmc, cross_spectrum
    >>> G = cross_spectrum(cmc(), [10.0, 20.0], sigma=10.0, outputs=("sp", "dp"))
    >>> G.shape, bool(abs(G[0, 0, 1] - G[0, 1, 0].conj()) < 1e-18)
    ((2, 2, 2), True)
    """
    H = transfer_function(
        m, frequencies, equilibrium=equilibrium, delays=delays, inputs=inputs, outputs=outputs
    )
    intensity = real_array("cross_spectrum: sigma", sigma)
    if intensity.shape not in ((), (1,), H.shape[2:]) or not np.isfinite(intensity).all():
        raise ValueError(
            f"cross_spectrum: sigma = {sigma!r}; give one number, or one for each of the "
            f"{H.shape[2]} inputs"
        )
    if (intensity < 0).any():
        raise ValueError(f"cross_spectrum: sigma = {sigma!r}; an intensity must not be negative")
    return np.asarray(2 * (H * intensity**2) @ np.swapaxes(H, 1, 2).conj())


def resolvent(f: Array, values: Complex, left: Complex, right: Complex) -> Complex:
    """Sum over modes of ``left_k right_k / (2πi f − λ_k)``: (n_f, n_out, n_in).

    Parameters
    ----------
    f : array (n_f,)
        Hz.
    values : array (N,)
        Eigenvalues, rad/s.
    left, right : arrays (n_out, N), (N, n_in)
        Outputs and inputs in the eigenvectors' coordinates.
    """
    return np.asarray((left / (2j * np.pi * f[:, None, None] - values)) @ right)


def transfer_derivatives(
    f: Array, J: Array, E: Array, C: Array, delays: Array, dJ: Array, dE: Array
) -> tuple[Complex, Complex]:
    """Transfer function, and its derivatives as Jacobian and input move in k directions: exact.

    Exact for the fixed point that the delay operator approaches to its tolerance.

    Parameters
    ----------
    f : array (n_f,)
        Hz.
    J, E, C, delays : arrays (N, N), (N, n_in), (n_out, N), (N, N)
        Jacobian, inputs, outputs, delays in s.
    dJ, dE : arrays (k, N, N), (k, N, n_in)
        Directions.

    Returns
    -------
    tuple of complex array (n_f, n_out, n_in), complex array (k, n_f, n_out, n_in)
    """
    X = effective_jacobian(J, delays)
    values, vectors = np.linalg.eig(X)
    inverse = np.linalg.inv(vectors)
    moved = effective_derivatives(J, delays, values, vectors, dJ)  # dX V
    if X is J:
        drive, pushed = E, dE
    else:  # Q = X J⁻¹, so dQ = (dX − Q dJ) J⁻¹
        Q = delay_operator(J, X)
        carried = np.linalg.solve(J, E)
        drive = Q @ E
        pushed = moved @ (inverse @ carried) - Q @ (dJ @ carried) + Q @ dE
    modes = 1 / (2j * np.pi * f[:, None] - values)
    left, right = (C @ vectors) * modes[:, None, :], modes[:, :, None] * (inverse @ drive)
    H = left @ (inverse @ drive)
    turned = inverse @ moved  # (k, N, N)
    change = left @ turned[:, None] @ right + left @ (inverse @ pushed)[:, None]
    return H, np.asarray(change)


def checked_frequencies(frequencies: ArrayLike, *, positive: bool = False) -> Array:
    """Frequencies as an array (n_f,), Hz; positive ones where a power law needs that."""
    f = real_array("frequencies", frequencies)
    if f.ndim != 1 or not f.size or not np.isfinite(f).all():
        raise ValueError(f"frequencies have shape {f.shape}; give a list of finite numbers, in Hz")
    if positive and (f <= 0).any():
        raise ValueError(
            f"the lowest frequency is {f.min()} Hz; it must be positive: the noise is a power law, "
            "infinite at zero"
        )
    return f


def _rest(m: NeuralMass, equilibrium: Equilibrium | None) -> Equilibrium:
    if equilibrium is None:
        return equilibria(m)[0]
    check_fixed_point(m, equilibrium)
    return equilibrium


def _inputs(m: NeuralMass, inputs: Any) -> Array:
    E = m.E if inputs is None else real_array("inputs", inputs)
    if E.ndim != 2 or len(E) != m.n_states or not E.size or not np.isfinite(E).all():
        raise ValueError(
            f"inputs have shape {E.shape}; give a finite array ({m.n_states}, number of inputs), "
            "e.g. m.E"
        )
    return np.asarray(E)


def _outputs(m: NeuralMass, outputs: Any) -> Array:
    if outputs is None:
        outputs = (m.reference,)
    if isinstance(outputs, str):
        outputs = (outputs,)
    if all(isinstance(name, str) for name in outputs):
        return np.eye(m.n_states)[[_row(m, name) for name in outputs]]
    C = real_array("outputs", outputs)
    if C.ndim != 2 or C.shape[1] != m.n_states or not C.size or not np.isfinite(C).all():
        raise ValueError(
            f"outputs have shape {C.shape}; give names, or a finite array (number of outputs, "
            f"{m.n_states})"
        )
    return C


def _row(m: NeuralMass, name: str) -> int:
    if name in m.populations:
        return m.populations.index(name)
    if name in m.state_names:
        return m.state_names.index(name)
    raise KeyError(f"{m.name} has no output {name!r}; it has {', '.join(m.populations)}")
