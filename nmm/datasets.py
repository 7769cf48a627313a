"""Recordings and stored simulations that travel with the book, checked against their checksums."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmm.amplitudes.exits import ExitTimes, mean_and_interval
from nmm.inversion.column_tables import ColumnTable
from nmm.inversion.exit_models import CONDITIONS, Dwells, ExitTable
from nmm.sigmoid import Array

_PROVENANCE = {
    "absence": "One child with absence epilepsy, hyperventilation; eeghdf 0.2.4 (C. Lee-Messer), "
    "BSD-3-Clause; see data/NOTICE.md",
    "beta_bursts": "One person, sensorimotor cortex, test file of py-neuromodulation 0.1.3 "
    "(Neumann Lab, Berlin), MIT; the unit is our reading; see data/NOTICE.md",
    "resting_alpha": "One person at rest, OpenNeuro ds003490, CC0, through transfreq 1.1; Cavanagh "
    "et al. 2018, Vallarino et al. 2022; see data/NOTICE.md",
}


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording.

    Parameters
    ----------
    t : array (n_t,)
        Times, s, in the clock of the original file.
    x : array (n_t, n_channels)
        Potentials, µV.
    channels : tuple of str
        Names of the electrodes.
    rate : float
        Samples per second, Hz.
    events : tuple of (float, float, str)
        Onset (s), duration (s), label.
    provenance : str
        Where it comes from, and on which terms.
    """

    t: Array
    x: Array
    channels: tuple[str, ...]
    rate: float
    events: tuple[tuple[float, float, str], ...]
    provenance: str

    def channel(self, name: str) -> Array:
        """Potential of one electrode, µV: shape (n_t,).

        Raises
        ------
        KeyError
            If there is no such electrode; the message has those there are.
        """
        if name not in self.channels:
            raise KeyError(f"no channel {name!r} here; there are {', '.join(self.channels)}")
        return np.asarray(self.x[:, self.channels.index(name)])


def absence() -> Recording:
    """Return the EEG of a child with absence seizures: 440 s, 8 channels, 200 Hz, three seizures.

    Returns
    -------
    Recording
        With the clinical annotations as events.

    Examples
    --------
    >>> from nmm import datasets
    >>> [label for _, _, label in datasets.absence().events]
    ['hyperventilation', 'absence seizure', 'absence seizure', 'absence seizure']
    """
    return _read("absence")


def resting_alpha() -> Recording:
    """Return the EEG of one person at rest: 59 s, 9 channels, 125 Hz, already filtered to 2–50 Hz.

    Returns
    -------
    Recording
        Without events.

    Examples
    --------
    >>> from nmm import datasets
    >>> datasets.resting_alpha().channels[-2:]
    ('Oz', 'O2')
    """
    return _read("resting_alpha")


def beta_bursts() -> Recording:
    """Return the ECoG of one person with beta bursts: 19 s, 3 channels, 1000 Hz, as recorded.

    Returns
    -------
    Recording
        Without events. Absolute amplitudes are uncertain: see data/NOTICE.md.

    Examples
    --------
    >>> from nmm import datasets
    >>> datasets.beta_bursts().channels
    ('ECOG_RIGHT_0', 'ECOG_RIGHT_3', 'ECOG_RIGHT_4')
    """
    return _read("beta_bursts")


@dataclass(frozen=True, eq=False)
class SimulatedExits:
    """Exit times of the bistable column at one setting, and how to get them again.

    Parameters
    ----------
    u, g6 : float
        Parameters that were set, mV/s.
    sigma : float
        Noise intensity, mV s^(−1/2).
    dt, t_max : float
        Step and longest time, s.
    start : str
        "rest" or "cycle".
    to : float
        Threshold on ``|ζ|``, mV.
    seed : int
        As given to `nmm.exit_times`.
    took : float
        Time of computing, s.
    found : ExitTimes
        The exits.
    """

    u: float
    g6: float
    sigma: float
    dt: float
    t_max: float
    start: str
    to: float
    seed: int
    took: float
    found: ExitTimes


def simulated_exits() -> list[SimulatedExits]:
    """Return the stored exit times of the whole column, by tools/simulate_exit_times.py.

    Returns
    -------
    list of SimulatedExits
        In the order of the recipe.

    Examples
    --------
    >>> from nmm import datasets
    >>> sorted({point.start for point in datasets.simulated_exits()})
    ['cycle', 'rest']
    """
    parts = _arrays("exit_times.npz")
    steps = np.split(parts["steps"], np.cumsum(parts["n_trials"])[:-1])
    keys = ("u", "g6", "sigma", "dt", "t_max", "start", "to", "seed", "took")
    points = []
    for i, left in enumerate(steps):
        of = {key: parts[key][i].item() for key in keys}
        censored = left < 0
        times = np.where(censored, of["t_max"], left * of["dt"])
        points.append(
            SimulatedExits(
                **of, found=ExitTimes(times, censored, *mean_and_interval(times, censored))
            )
        )
    return points


@dataclass(frozen=True, eq=False)
class DwellTimes:
    """Mean dwell times of the bistable column by theory, where it has two stable states.

    Parameters
    ----------
    u, g6 : array (n_u,), array (n_g6,)
        Parameters that were set, mV/s.
    sigma : array (n_sigma,)
        Noise intensity, mV s^(−1/2).
    at_rest, oscillating : array (n_u, n_g6, n_sigma)
        Mean time until noise ends each state, s; nan where there are not two.
    reason : array (n_u, n_g6) of str
        Why there is no time; empty where there is one.
    """

    u: Array
    g6: Array
    sigma: Array
    at_rest: Array
    oscillating: Array
    reason: NDArray[np.str_]


def dwell_times() -> DwellTimes:
    """Return the tabulated dwell times of the bistable column, by tools/tabulate_dwell_times.py.

    Returns
    -------
    DwellTimes
        On a grid of input, strength of g6 and noise.

    Examples
    --------
    >>> from nmm import datasets
    >>> table = datasets.dwell_times()
    >>> table.at_rest.shape == (table.u.size, table.g6.size, table.sigma.size)
    True
    """
    return DwellTimes(**_arrays("dwell_times.npz"))


def exit_table() -> ExitTable:
    """Return the stored table of the theory of exits, by tools/simulate_calibration.py."""
    parts = _arrays("exit_table.npz")
    return ExitTable(parts["half_width"], parts["coefficients"], float(parts["error"]))


def exit_calibration() -> list[tuple[Array, list[Dwells]]]:
    """Return simulated sets of exits: true log-scales (3,), and exits condition by condition.

    Examples
    --------
    >>> from nmm import datasets
    >>> truth, exits = datasets.exit_calibration()[0]
    >>> truth.shape, [d.start for d in exits]
    ((3,), ['rest', 'rest', 'rest', 'cycle'])
    """
    parts = _arrays("exit_calibration.npz")
    sets = []
    for theta, by_condition in zip(parts["theta"], parts["steps"], strict=True):
        exits = []
        for (start, level, _, t_max), left in zip(CONDITIONS, by_condition, strict=True):
            times = np.where(left < 0, t_max, left * float(parts["dt"]))
            found = ExitTimes(times, left < 0, *mean_and_interval(times, left < 0))
            exits.append(Dwells.of(start, level, found, t_max))
        sets.append((theta, exits))
    return sets


@dataclass(frozen=True, eq=False)
class SpectralCalibration:
    """Inversions of synthetic spectra of a column at rest, with their truths.

    Parameters
    ----------
    names : tuple of str
        Parameters.
    truth, mean : array (n, k)
        What made each spectrum; posterior mean by variational Laplace.
    cov : array (n, k, k)
        Posterior covariance.
    evidence : array (n,)
        Free energy.
    converged : array (n,) of bool
        Whether the ascent did.
    compared : array (2, n2, 2)
        Free energy by (model that made the data, set, model inverted).
    exact_mean, exact_sd, exact_effective, exact_rank, highest, held, cut : array (n, ...)
        The posterior itself, by random walks: each is described in data/NOTICE.md.
    sampler_mean, sampler_cov, sampler_evidence, sampler_error, sampler_took : array (m, ...)
        The first m sets by nested sampling: posterior mean and covariance, log evidence and its
        error, time of computing (s).
    seed : int
        Set i of the first part is ``synthetic(model, (seed, 0, i))``, that of comparison j
        ``synthetic(model, (seed, 1 + j, i))``.
    recipe : dict
        Column, frequencies, priors: as in tools/calibrate_spectra.py.
    """

    names: tuple[str, ...]
    truth: Array
    mean: Array
    cov: Array
    evidence: Array
    converged: Array
    compared: Array
    exact_mean: Array
    exact_sd: Array
    exact_effective: Array
    exact_rank: Array
    highest: Array
    held: Array
    cut: Array
    sampler_mean: Array
    sampler_cov: Array
    sampler_evidence: Array
    sampler_error: Array
    sampler_took: Array
    seed: int
    recipe: dict[str, Any]


def spectral_calibration() -> SpectralCalibration:
    """Return the stored inversions of synthetic spectra, by tools/calibrate_spectra.py.

    Returns
    -------
    SpectralCalibration

    Examples
    --------
    >>> from nmm import datasets
    >>> datasets.spectral_calibration().truth.shape
    (200, 12)
    """
    parts = _arrays("spectral_calibration.npz")
    recipe = json.loads(parts.pop("recipe").item())
    del parts["fingerprint"]
    names = tuple(str(name) for name in parts.pop("names"))
    return SpectralCalibration(names=names, seed=recipe["seed"], recipe=recipe, **parts)


@dataclass(frozen=True, eq=False)
class EnvelopeCalibration:
    """Inversions of simulated recordings of a column that goes both ways, with their truths.

    Parameters
    ----------
    table : ColumnTable
        Amplitude equations over g6.
    truth : array (n, 2)
        Log-scale of g6 and logarithm of the noise (mV s^(−1/2)) of each recording.
    rests : array (n,) of bool
        Whether its envelope visits rest.
    global_mean, global_cov : array (n, 3), (n, 3, 3)
        Posterior by the envelope: "log g6", "log sigma", "log sd".
    local_mean, local_cov : array (n, 3), (n, 3, 3)
        Posterior by the spectrum: "log g6", "log input" (of σ²), "log noise".
    global_converged, local_converged : array (n,) of bool
        Whether each ascent did.
    sampled : array (m,) of int
        Recordings inverted by nested sampling, too.
    sampler_mean, sampler_cov, sampler_evidence, sampler_error : array (m, ...)
        Their posterior, log evidence and its error.
    recipe : dict
        Column, recording, filter, priors: as in tools/calibrate_envelopes.py.
    """

    table: ColumnTable
    truth: Array
    rests: Array
    global_mean: Array
    global_cov: Array
    local_mean: Array
    local_cov: Array
    global_converged: Array
    local_converged: Array
    sampled: Array
    sampler_mean: Array
    sampler_cov: Array
    sampler_evidence: Array
    sampler_error: Array
    recipe: dict[str, Any]


def envelope_calibration() -> EnvelopeCalibration:
    """Return the stored inversions of simulated recordings, by tools/calibrate_envelopes.py.

    Examples
    --------
    >>> from nmm import datasets
    >>> datasets.envelope_calibration().truth.shape
    (240, 2)
    """
    parts = _arrays("envelope_calibration.npz")
    recipe = json.loads(parts.pop("recipe").item())
    del parts["fingerprint"]
    axis, R, rows, reach = (parts.pop(name) for name in ("axis", "R", "rows", "reach"))
    return EnvelopeCalibration(
        ColumnTable(("g6",), (axis,), R, rows, reach), recipe=recipe, **parts
    )


def _arrays(name: str) -> dict[str, Any]:
    with np.load(BytesIO(_checked(folder() / name)), allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def recording_fits() -> dict[str, Any]:
    """Return the models of the absence recording as inverted by tools/fit_recordings.py.

    Returns
    -------
    dict of str to array
        "NAME: mean", "NAME: cov" and "NAME: log evidence" of each model; "wells: TRUTH",
        differences of log evidence, two wells less one, of simulated recordings; their "seeds".

    Examples
    --------
    >>> from nmm import datasets
    >>> datasets.recording_fits()["two wells: mean"].shape
    (5,)
    """
    return _arrays("recording_fits.npz")


def folder() -> Path:
    """Where the recordings lie: in the checkout, or inside the installed package."""
    package = Path(__file__).resolve().parent
    for place in (package / "_shared" / "data", package.parent / "data"):
        if (place / "checksums.txt").exists():
            return place
    raise FileNotFoundError(
        f"no data/ folder beside {package}: reinstall nmm, or check the repository out again"
    )


def _read(name: str, place: Path | None = None) -> Recording:
    place = place or folder()
    with np.load(BytesIO(_checked(place / f"{name}.npz")), allow_pickle=False) as file:
        parts: dict[str, Any] = {key: file[key] for key in file.files}
    x = parts["x"] * parts.get("gain", 1.0) + parts.get("offset", 0.0)
    rate = float(parts["rate"])
    keys = ("event_onset", "event_duration", "event_label")
    rows = zip(*(parts.get(key, ()) for key in keys), strict=True)
    return Recording(
        t=float(parts["t0"]) + np.arange(len(x)) / rate,
        x=np.asarray(x, float),
        channels=tuple(str(c) for c in parts["channels"]),
        rate=rate,
        events=tuple((float(onset), float(length), str(label)) for onset, length, label in rows),
        provenance=_PROVENANCE[name],
    )


def _checked(path: Path) -> bytes:
    """Read a file; raise ValueError unless its SHA-256 is the one in checksums.txt."""
    lines = (path.parent / "checksums.txt").read_text(encoding="utf8").splitlines()
    sums = {name: digest for digest, name in (line.split() for line in lines if line.strip())}
    if path.name not in sums:
        raise ValueError(f"{path.name} is not in checksums.txt; known: {', '.join(sums)}")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path.name} is missing; restore it with git, or reinstall nmm") from None
    found = hashlib.sha256(content).hexdigest()
    if found != sums[path.name]:
        kind = "altered" if zipfile.is_zipfile(BytesIO(content)) else "truncated or damaged"
        raise ValueError(
            f"{path.name} is {kind}: its SHA-256 is {found[:12]}…, not {sums[path.name][:12]}…; "
            "restore it with git, reinstall nmm, or make it again as data/NOTICE.md says"
        )
    return content
