"""Recordings: what they hold, and that a damaged file is refused."""

import hashlib
import shutil

import numpy as np
import pytest
from scipy import signal

from nmm import datasets
from nmm.datasets import _read


def test_absence():
    r = datasets.absence()
    assert r.x.shape == (r.t.size, len(r.channels)) == (88000, 8)
    assert (r.rate, r.t[0]) == (200.0, 1180.0)
    onsets = [onset for onset, _, label in r.events if label == "absence seizure"]
    np.testing.assert_allclose(onsets, [1380.512, 1416.897, 1476.933])


def test_seizures_are_large_and_slow():
    # The envelope of Fz against the ears, 2.5–4.5 Hz: the README of the data gives 287 and 9.6 µV.
    r = datasets.absence()
    v = r.channel("Fz") - (r.channel("A1") + r.channel("A2")) / 2
    band = signal.butter(3, [2.5, 4.5], "bandpass", fs=r.rate, output="sos")
    envelope = np.abs(signal.hilbert(signal.sosfiltfilt(band, v)))
    seizure = np.zeros(r.t.size, bool)
    for onset, length, label in r.events:
        if label == "absence seizure":
            seizure |= (r.t >= onset) & (r.t <= onset + length)
    assert np.median(envelope[seizure]) == pytest.approx(287, abs=5)
    assert np.median(envelope[(r.t > 1190) & (r.t < 1280)]) == pytest.approx(9.6, abs=0.5)


def test_resting_alpha():
    r = datasets.resting_alpha()
    assert r.x.shape == (r.t.size, len(r.channels)) == (7390, 9)
    assert np.isfinite(r.x).all()
    assert "CC0" in r.provenance
    with pytest.raises(KeyError, match="there are Fz"):
        r.channel("T9")


@pytest.fixture
def copy(tmp_path):
    for name in ("resting_alpha.npz", "checksums.txt"):
        shutil.copy(datasets.folder() / name, tmp_path)
    return tmp_path


def test_an_altered_file_is_refused(copy):
    path = copy / "resting_alpha.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"resting_alpha\.npz is altered"):
        _read("resting_alpha", copy)


def test_a_truncated_file_is_refused(copy):
    path = copy / "resting_alpha.npz"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="truncated or damaged"):
        _read("resting_alpha", copy)


def test_a_missing_file_is_named(copy):
    (copy / "resting_alpha.npz").unlink()
    with pytest.raises(ValueError, match="is missing"):
        _read("resting_alpha", copy)


def test_a_file_that_nobody_vouches_for_is_refused(copy):
    (copy / "checksums.txt").write_text("")
    with pytest.raises(ValueError, match="not in checksums"):
        _read("resting_alpha", copy)


def test_checksums_are_those_of_the_files():
    for line in (datasets.folder() / "checksums.txt").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((datasets.folder() / name).read_bytes()).hexdigest() == digest
