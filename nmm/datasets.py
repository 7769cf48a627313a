"""Real recordings that travel with the book; each is checked against its checksum when read."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from nmm.sigmoid import Array

_PROVENANCE = {
    "absence": "One child with absence epilepsy, hyperventilation; eeghdf 0.2.4 (C. Lee-Messer), "
    "BSD-3-Clause; see data/NOTICE.md",
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
            "restore it with git, reinstall nmm, or cut it again with tools/cut_recordings.py"
        )
    return content
