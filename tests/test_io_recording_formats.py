"""Trigno, PLUX, OTB+ and C3D: made files come back number for number, real ones as they are."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from pathlib import Path

import ezc3d
import h5py
import numpy as np
import pytest

from atlasplane.io import recording_store
from atlasplane.io.recording_clock import exact_period_s, half_last_digit, lost_before
from atlasplane.io.recording_file import read_recording
from atlasplane.io.recording_map import ChannelMap
from atlasplane.io.recording_store import SampleStore
from atlasplane.sources.recording import Annotation, ChannelKind, Samples
from tests.recording_files import (
    opensignals_text,
    otb_file,
    plux_file,
    trigno_text,
)
from tests.recording_reading import SINGLE, codes, whole, written

# ---- clocks


@pytest.mark.parametrize(
    ("text", "trigno", "period_ms"),
    [
        ("1.481481e+003", True, Fraction(27, 40)),
        ("1481", True, Fraction(27, 40)),
        ("1778", True, Fraction(27, 48)),
        ("1259.26", True, Fraction(27, 34)),
        ("2148.148", True, Fraction(27, 58)),
        ("1925.926", True, Fraction(27, 52)),
        ("74", True, Fraction(27, 2)),
        ("2000.000000", True, Fraction(1, 2)),
        ("4370.629", True, 1000 / Fraction("4370.629")),
        ("1481", False, 1000 / Fraction(1481)),
        ("1481.4815", False, Fraction(27, 40)),
        ("1000.00", False, Fraction(1)),
        ("2048", False, Fraction(1000, 2048)),
        ("333.333", False, Fraction(3)),
    ],
)
def test_a_rounded_rate_stands_for_an_exact_period(text: str, trigno: bool, period_ms: Fraction) -> None:
    found = exact_period_s(float(text), half_last_digit(text), trigno=trigno)
    assert found == period_ms / 1000


def test_lost_samples_are_counted_by_the_devices_counter() -> None:
    counter = np.array([14, 15, 0, 3, 4, 4])
    assert lost_before(counter, 12, 16).tolist() == [1, 0, 0, 2, 0, 0]
    assert lost_before(np.array([65533, 65535, 65535, 65535]), None, 1 << 16).tolist() == [0, 1, 0, 0]
    assert lost_before(np.array([5, 0, 1]), None, None).tolist() == [0, 0, 0]


# ---- store


def test_a_store_keeps_samples_in_a_file_once_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording_store, "MEMORY_BYTES", 64)
    store = SampleStore(2, file="a")
    rng = np.random.default_rng(1)
    kept: list[list[Samples]] = [[], []]
    for n in range(30):
        block = rng.normal(size=n).astype(np.float32)
        store.append(n % 2, block)
        kept[n % 2].append(block)
        if n % 7 == 0:
            store.skip(n % 2, 3)
            kept[n % 2].append(np.full(3, np.nan, dtype=np.float32))
    for channel in range(2):
        joined = np.concatenate(kept[channel])
        assert store.length(channel) == len(joined)
        for first in range(0, len(joined), 11):
            for stop in range(first, len(joined) + 1, 13):
                assert np.array_equal(store.read(channel, first, stop), joined[first:stop], equal_nan=True)


# ---- Delsys Trigno


def trigno_file(tmp_path: Path) -> tuple[Path, list[np.ndarray]]:
    rng = np.random.default_rng(2)
    emg, acc = rng.normal(0, 5e-5, 4000), rng.normal(0, 1, 400)
    channels = [
        ("S1: EMG 1", "1.481481e+003", "V", Fraction(27, 40000), emg),
        ("S1: ACC.X 1", "1.481481e+002", "g", Fraction(27, 4000), acc),
        ("S1: GYRO.Y 1", "1.481481e+002", "°/s", Fraction(27, 4000), acc * 30),
    ]
    return written(tmp_path / "trigno.csv", trigno_text(channels)), [emg * 1e6, acc, acc * 30]


def test_every_clock_of_a_trigno_file_is_kept(tmp_path: Path) -> None:
    path, values = trigno_file(tmp_path)
    recording = read_recording(path)
    kinds = [(each.kind.value, each.unit, each.period_s, each.n_samples) for each in recording.channels]
    assert kinds == [
        ("emg", "uV", Fraction(27, 40000), 4000),
        ("acceleration", "[g]", Fraction(27, 4000), 400),
        ("rotation", "deg/s", Fraction(27, 4000), 400),
    ]
    for n, expected in enumerate(values):
        # the file rounds to 7 digits
        assert whole(recording, n) == pytest.approx(expected, rel=6e-7, abs=1e-9)
    assert codes(recording) == ["recording.clocks"]


def test_a_trigno_file_whose_times_contradict_its_rate(tmp_path: Path) -> None:
    path, _ = trigno_file(tmp_path)
    text = path.read_text("utf-8").replace("1.481481e+003", "1.400000e+003")
    recording = read_recording(written(path, text))
    found = next(finding for finding in recording.findings if finding.code == "recording.rate")
    # 4000 samples of 1/1400 s instead of 0.675 ms; the times are written with 7 digits
    assert found.value == pytest.approx(4000 * (1 / 1400 - 0.000675), rel=1e-4)
    assert recording.channels[0].period_s == Fraction(1, 1400)


def test_a_real_trigno_export(data_dir: Path) -> None:
    recording = read_recording(data_dir / "signals/emg_trigno/truncated_trigno_sample.csv")
    assert len(recording.channels) == 14
    emg, acc = recording.channels[0], recording.channels[1]
    assert (emg.period_s, acc.period_s) == (Fraction(27, 34000), Fraction(27, 4000))
    # The export was cut after 2519 rows: 2 s of the 64 that its header states.
    assert (emg.n_samples, acc.n_samples) == (2519, 297)
    assert codes(recording) == ["recording.shorter", "recording.clocks"]
    # The line of 0.3254597 mV at 1.998794 s is the last but one.
    assert recording.samples.read(0, 2517, 2518)[0] == pytest.approx(325.4597, rel=2 * SINGLE)
    rest = np.hypot.reduce([whole(recording, n)[200:] for n in (1, 2, 3)])
    assert np.median(rest) == pytest.approx(1.0, abs=0.1)  # standing still, gravity alone


# ---- PLUX


def test_counts_of_a_plux_sensor_become_microvolts(tmp_path: Path) -> None:
    counts = np.arange(0, 65536, 7)
    recording = read_recording(plux_file(tmp_path / "a.h5", counts, np.arange(len(counts))))
    (channel,) = recording.channels
    assert (channel.kind, channel.unit, channel.period_s) == (ChannelKind.EMG, "uV", Fraction(1, 1000))
    # PLUX: U = (count / 2^16 - 1/2) 3 V / 1000
    assert whole(recording) == pytest.approx((counts / 65536 - 0.5) * 3000, abs=1500 * 3 * SINGLE)
    assert channel.low == -1500 and channel.high == pytest.approx(1500 - 3000 / 65536, rel=SINGLE)
    assert recording.started == datetime(2026, 3, 2, 22, 10, 5, 69000)


def test_samples_that_a_plux_device_lost_are_not_recorded(tmp_path: Path) -> None:
    counter = np.concatenate([np.arange(65500, 65536), np.arange(5, 100)])
    counts = np.arange(len(counter)) + 32768
    recording = read_recording(plux_file(tmp_path / "a.h5", counts, counter))
    read = whole(recording)
    assert recording.channels[0].n_samples == len(counter) + 5
    assert np.flatnonzero(np.isnan(read)).tolist() == [36, 37, 38, 39, 40]
    assert read[~np.isnan(read)] == pytest.approx(
        np.arange(len(counter)) * 3000 / 65536, abs=1500 * 3 * SINGLE
    )
    assert np.array_equal(recording.samples.read(0, 30, 60), read[30:60], equal_nan=True)
    assert codes(recording) == ["recording.gaps"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_counter_of_four_bits_starts_again_at_16(tmp_path: Path, dtype: type) -> None:
    """As a BITalino counts: by the type of the numbers alone, each turn would be a gap."""
    counter = np.delete(np.arange(400) % 16, slice(100, 103))
    path = plux_file(tmp_path / "a.h5", np.arange(397) + 32768, counter)
    with h5py.File(path, "r+") as stored:
        raw = stored["00:07:80:3B:46:61/raw"]
        del raw["nSeq"]
        raw["nSeq"] = counter.astype(dtype)[:, None]
    assert np.flatnonzero(np.isnan(whole(read_recording(path)))).tolist() == [100, 101, 102]


def test_a_sensor_without_a_known_transfer_function_stays_in_counts(tmp_path: Path) -> None:
    recording = read_recording(plux_file(tmp_path / "a.h5", np.arange(100), np.arange(100), sensor="GONIO"))
    assert (recording.channels[0].kind, recording.channels[0].unit) == (ChannelKind.ANGLE, "1")
    assert whole(recording) == pytest.approx(np.arange(100))


def test_text_of_opensignals(tmp_path: Path) -> None:
    device = {
        "sensor": ["EMG"],
        "column": ["nSeq", "DI", "A1"],
        "label": ["A1"],
        "resolution": [4, 1, 10],
        "device": "bitalino_rev",
        "sampling rate": 1000,
        "date": "2026-3-2",
        "time": "9:3:5.606",
    }
    rows = [[n % 16, 0, 400 + n] for n in range(50) if n not in (20, 21)]
    recording = read_recording(written(tmp_path / "a.txt", opensignals_text(device, rows)))
    read = whole(recording)
    assert np.flatnonzero(np.isnan(read)).tolist() == [20, 21]
    # BITalino: U = (count / 2^10 - 1/2) 3.3 V / 1009
    expected = ((400 + np.arange(50)) / 1024 - 0.5) * 3.3 / 1009 * 1e6
    there = ~np.isnan(read)
    assert read[there] == pytest.approx(expected[there], abs=1636 * 3 * SINGLE)
    assert recording.started == datetime(2026, 3, 2, 9, 3, 5, 606000)


@pytest.mark.parametrize(
    ("file", "n_samples", "unit"),
    [
        ("emg_bursts.h5", 28_519, "uV"),
        ("emg_fatigue.h5", 126_900, "uV"),
        ("GON.h5", 29_100, "1"),
        ("bvp_sample.txt", 27_300, "1"),
        ("bvp_motion_artifact.txt", 29_850, "1"),
    ],
)
def test_real_plux_recordings(data_dir: Path, file: str, n_samples: int, unit: str) -> None:
    recording = read_recording(data_dir / "signals/emg_plux" / file)
    (*_, channel) = recording.channels
    assert (channel.n_samples, channel.unit, channel.period_s) == (n_samples, unit, Fraction(1, 1000))
    assert not np.any(np.isnan(whole(recording))) and "recording.gaps" not in codes(recording)
    assert recording.started is not None


# ---- OTB+


@pytest.mark.parametrize(("bits", "gain", "total"), [(16, "1", 150.0), (24, "1", 150.0), (16, "500", 500.0)])
def test_counts_of_an_otb_archive(tmp_path: Path, bits: int, gain: str, total: float) -> None:
    counts = np.arange(3 * 5000).reshape(-1, 3) % 30_000 - 15_000
    recording = read_recording(otb_file(tmp_path, counts, bits=bits, gain=gain))
    assert [(each.label, each.unit) for each in recording.channels] == [
        ("Right trapezius", "uV"),
        ("Left trapezius", "uV"),
        ("Ramp", "1"),
    ]
    assert recording.channels[0].period_s == Fraction(1, 2048)
    # OT Bioelettronica: U = count 5 V / 2^bits / gain
    step = 5e6 / 2**bits / total
    assert whole(recording) == pytest.approx(counts[:, 0] * step, abs=15_000 * step * 2 * SINGLE)
    assert np.array_equal(whole(recording, 2), counts[:, 2])
    assert np.array_equal(recording.samples.read(1, 777, 3000), whole(recording, 1)[777:3000])
    assert recording.annotations == (Annotation(start_s=1.5, text="quiet"),)
    assert recording.started == datetime(2026, 3, 2, 22, 10)


# ---- C3D


def test_analog_channels_of_c3d(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    made = ezc3d.c3d()
    analog = rng.normal(0, 1e-4, (1, 2, 2000))
    made["parameters"]["POINT"]["RATE"]["value"] = [100]
    made["parameters"]["ANALOG"]["RATE"]["value"] = [2000.0]
    made["parameters"]["ANALOG"]["LABELS"]["value"] = ["EMG Left SCM", "GONIO 1"]
    made["parameters"]["ANALOG"]["UNITS"]["value"] = ["V", "deg"]
    made["data"]["points"] = np.zeros((4, 0, 100))
    made["data"]["analogs"] = analog
    made.write(str(tmp_path / "a.c3d"))
    recording = read_recording(tmp_path / "a.c3d")
    emg, angle = recording.channels
    assert (emg.kind, emg.unit, emg.period_s, emg.n_samples) == (
        ChannelKind.EMG,
        "uV",
        Fraction(1, 2000),
        2000,
    )
    assert (angle.kind, angle.unit) == (ChannelKind.ANGLE, "deg")
    assert whole(recording) == pytest.approx(analog[0, 0] * 1e6, rel=3 * SINGLE, abs=1e-9)


def test_a_map_without_channels_changes_nothing(tmp_path: Path) -> None:
    path, values = trigno_file(tmp_path)
    assert read_recording(path, channels=ChannelMap()).channels == read_recording(path).channels
    assert len(values) == 3
