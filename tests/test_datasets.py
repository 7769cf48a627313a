"""Recordings: what they hold, and that a damaged file is refused."""

import hashlib
import shutil

import numpy as np
import pytest
from scipy import signal

import nmm
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


def test_beta_bursts():
    r = datasets.beta_bursts()
    assert r.x.shape == (r.t.size, len(r.channels)) == (19001, 3)
    assert "MIT" in r.provenance
    # Bursts at 18–19 Hz, clearest at 12–13.5 s: the README of the data.
    v = r.channel("ECOG_RIGHT_3")
    f, power = signal.welch(v, r.rate, nperseg=2048)
    beta = (f > 14) & (f < 30)
    assert 18 <= f[beta][np.argmax(power[beta])] <= 19.6
    band = signal.butter(3, [15, 22], "bandpass", fs=r.rate, output="sos")
    envelope = np.abs(signal.hilbert(signal.sosfiltfilt(band, v)))
    assert 12 <= r.t[np.argmax(envelope)] <= 13.5


def test_simulated_exits():
    points = datasets.simulated_exits()
    for p in points:
        assert p.found.times.max() <= p.t_max
        assert (p.found.times[p.found.censored] == p.t_max).all()
        low, high = p.found.interval
        assert low < p.found.mean < high
    main = [p for p in points if p.start == "rest" and p.g6 == 4800.0 and p.dt == 1e-4]
    assert sorted((p.u, p.sigma) for p in main) == [
        *((2400.0, s) for s in (30.0, 34.0)),
        *((2600.0, s) for s in (18.0, 20.0, 22.0, 24.0)),
    ]
    assert all((~p.found.censored).sum() >= 2000 for p in main)


def test_the_stored_exits_are_those_of_their_recipe():
    # The first trials of each point, again: trial i depends on the seed and i only.
    for p in datasets.simulated_exits():
        m = nmm.bistable_column(u=p.u).with_(g6=p.g6)
        again = nmm.exit_times(m, p.sigma, 24, 3.0, seed=p.seed, dt=p.dt, start=p.start, to=p.to)
        if p.start == "rest":  # the same state; on the cycle, phases depend on the number of trials
            early = p.found.times[:24] <= 3.0
            np.testing.assert_array_equal(early, ~again.censored)
            np.testing.assert_array_equal(again.times[early], p.found.times[:24][early])
        _, to = nmm.amplitude_equation(m, nmm.equilibria(m)[0]).start_and_threshold(p.start, None)
        assert p.to == pytest.approx(to, rel=1e-9)


def test_dwell_times():
    table = datasets.dwell_times()
    there = table.reason == ""
    for times in (table.at_rest, table.oscillating):
        assert (np.isfinite(times).all(axis=-1) == there).all()
    assert (np.diff(table.at_rest[there], axis=-1) < 0).all()  # more noise, shorter rest
    assert len(set(table.reason[~there])) == 2
    # Three entries, computed again: the whole theory, to rounding and the C library's last digits.
    for u, g6, sigma in ((2600.0, 4800.0, 20.0), (2960.0, 4480.0, 28.0), (2240.0, 4720.0, 40.0)):
        i, j, k = (
            int(np.flatnonzero(a == v)[0])
            for a, v in ((table.u, u), (table.g6, g6), (table.sigma, sigma))
        )
        m = nmm.bistable_column(u=u).with_(g6=g6)
        a = nmm.amplitude_equation(m, nmm.equilibria(m)[0])
        assert table.at_rest[i, j, k] == pytest.approx(a.exit_time(sigma), rel=1e-6)
        back = a.exit_time(sigma, start="cycle")
        assert table.oscillating[i, j, k] == pytest.approx(back, rel=1e-6)
    # And two of the reasons: both ends of the input, by the Jacobian and by cycles.
    unstable = np.argwhere(table.reason == "rest is unstable")[0]
    m = nmm.bistable_column(u=table.u[unstable[0]]).with_(g6=table.g6[unstable[1]])
    assert np.linalg.eigvals(m.jacobian(nmm.equilibria(m)[0].x)).real.max() > 0
    none = np.argwhere(table.reason == "there is no oscillation to go to")[0]
    m = nmm.bistable_column(u=table.u[none[0]]).with_(g6=table.g6[none[1]])
    kicked = nmm.equilibria(m)[0].x + np.linspace(0, 400, 6)[:, None] * (np.arange(8) == 4)
    late = nmm.simulate(m, 6.0, x0=kicked, n_trials=6, every=100).x[:, -50:, 1]
    assert np.ptp(late, axis=1).max() < 0.02  # mV: all starts come to rest


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
