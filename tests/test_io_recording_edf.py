"""EDF, EDF+ and BDF are read as their bytes say, at any place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import edfio
import numpy as np
import pytest

from atlasplane.core.errors import BadFile
from atlasplane.io import recording_edf_samples
from atlasplane.io.recording_edf import read_edf
from atlasplane.sources.recording import Annotation, ChannelKind
from tests.recording_files import (
    Signal,
    edf_bytes,
    ramp,
    write,
)
from tests.recording_reading import SINGLE, whole


def test_numbers_of_the_file_are_scaled_as_the_header_says(tmp_path: Path) -> None:
    first, second = ramp(3000), ramp(300, -100)
    content = edf_bytes(
        [
            Signal(values=first),
            Signal("ACC X", "g", ("-16", "16"), ("-2048", "2047"), 100, values=second),
        ],
        n_records=3,
    )
    recording = read_edf(write(tmp_path / "a.edf", content))
    emg, acc = recording.channels
    assert (emg.kind, emg.unit, emg.period_s, emg.n_samples) == (
        ChannelKind.EMG,
        "uV",
        Fraction(1, 1000),
        3000,
    )
    assert (acc.kind, acc.unit, acc.period_s) == (ChannelKind.ACCELERATION, "[g]", Fraction(1, 100))
    # the header's ends: 0.1 uV a step, and 32 g over 4095 steps
    assert whole(recording) == pytest.approx(first * 0.1, abs=3277 * SINGLE)
    assert whole(recording, 1) == pytest.approx(-16 + (second + 2048) * 32 / 4095, abs=90 * SINGLE)
    assert emg.high == np.float32(32767) * np.float32(0.1)
    assert recording.started == datetime(2026, 3, 2, 22, 10)
    assert not recording.simulated and recording.findings[0].code == "recording.clocks"


def test_edfio_reads_the_same_file_alike(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(0, 40, 2 * 1024)
    made = edfio.Edf(
        [edfio.EdfSignal(values, 1024, label="EMG L", physical_dimension="mV", physical_range=(-300, 300))],
        annotations=[edfio.EdfAnnotation(0.25, 1.5, "quiet")],
        starttime=datetime(2026, 3, 2, 22, 10, 0, 500000).time(),
    )
    made.write(tmp_path / "a.edf")
    recording = read_edf(tmp_path / "a.edf")
    assert whole(recording) == pytest.approx(made.signals[0].data * 1000, abs=300e3 * SINGLE)
    assert recording.annotations == (Annotation(start_s=0.25, duration_s=1.5, text="quiet"),)
    assert recording.channels[0].side is None


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("piece", [64, 1 << 20])
def test_any_stretch_is_the_same_as_that_stretch_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int, piece: int
) -> None:
    monkeypatch.setattr(recording_edf_samples, "PIECE_BYTES", piece)
    values = ramp(70) * (200 if width == 3 else 1)
    ends = ("-8388608", "8388607") if width == 3 else ("-32768", "32767")
    signals = [
        Signal(physical=("-8388608", "8388607"), digital=ends, samples=7, values=values),
        Signal(samples=3, values=ramp(30)),
    ]
    content = edf_bytes(signals, n_records=10, duration="0.007", width=width)
    recording = read_edf(write(tmp_path / "a.edf", content))
    all_ = whole(recording)
    if width == 3:
        assert np.array_equal(all_, values)
    for first in range(0, 70, 3):
        for stop in (first, first + 1, min(first + 17, 70), 70):
            if stop >= first:
                assert np.array_equal(recording.samples.read(0, first, stop), all_[first:stop])


@pytest.mark.parametrize("width", [2, 3])
def test_long_records_are_read_without_their_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    signals = [Signal(samples=700, values=ramp(2100)), Signal("EMG2", samples=300, values=ramp(900, -9))]
    notes = [f"+{n}\x14\x14\0".encode() for n in range(3)]
    notes[2] += b"+2.5\x14tonic\x14\0"
    reserved = "BDF+C" if width == 3 else "EDF+C"
    path = tmp_path / "a.edf"
    content = edf_bytes(signals, n_records=3, notes=notes, reserved=reserved, width=width)
    together = read_edf(write(path, content))
    expected = [whole(together, n) for n in range(2)]
    monkeypatch.setattr(recording_edf_samples, "_NEIGHBOURS_BYTES", 0)
    monkeypatch.setattr(recording_edf_samples, "PIECE_BYTES", 100)
    apart = read_edf(path)
    assert apart.annotations == together.annotations == (Annotation(start_s=2.5, text="tonic"),)
    for n, values in enumerate(expected):
        assert np.array_equal(whole(apart, n), values)
        assert np.array_equal(apart.samples.read(n, 123, 871), values[123:871])


def test_samples_outside_a_channel_are_our_own_fault(tmp_path: Path) -> None:
    recording = read_edf(write(tmp_path / "a.edf", edf_bytes([Signal(values=ramp(1000))], n_records=1)))
    for first, stop in ((-1, 3), (0, 1001), (5, 4)):
        with pytest.raises(ValueError, match="of 1000"):
            recording.samples.read(0, first, stop)


def test_several_threads_read_at_once(tmp_path: Path) -> None:
    signals = [Signal(f"EMG{n}", samples=500, values=ramp(20_000, -n)) for n in range(6)]
    recording = read_edf(write(tmp_path / "a.edf", edf_bytes(signals, n_records=40)))
    alone = [whole(recording, n) for n in range(6)]
    with ThreadPoolExecutor(4) as pool:
        for n, read in enumerate(
            pool.map(lambda k: np.concatenate(list(recording.blocks(k % 6, 333))), range(24))
        ):
            assert np.array_equal(read, alone[n % 6])


def test_gaps_of_an_interrupted_recording_are_not_recorded(tmp_path: Path) -> None:
    values = ramp(400)
    starts = ("+0.5", "+1.5", "+4.5", "+5.5")
    notes = [f"{start}\x14\x14\0".encode() for start in starts]
    notes[2] += b"+4.75\x150.5\x14spasm@@EMG1\x14\0"
    content = edf_bytes([Signal(samples=100, values=values)], n_records=4, notes=notes, reserved="EDF+D")
    recording = read_edf(write(tmp_path / "a.edf", content))
    read = whole(recording)
    assert recording.channels[0].n_samples == 600
    assert (
        np.all(np.isnan(read[200:400]))
        and not np.any(np.isnan(read[:200]))
        and not np.any(np.isnan(read[400:]))
    )
    assert read[400:] == pytest.approx(values[200:] * 0.1, abs=3277 * SINGLE)
    # zero is the first sample, half a second after the start that the header states
    assert recording.annotations == (Annotation(start_s=4.25, duration_s=0.5, text="spasm", channel="EMG1"),)
    assert recording.started == datetime(2026, 3, 2, 22, 10, 0, 500000)
    gaps = [finding for finding in recording.findings if finding.code == "recording.gaps"]
    assert [finding.value for finding in gaps] == [pytest.approx(2.0)]
    assert np.array_equal(recording.samples.read(0, 150, 450), read[150:450], equal_nan=True)


def test_records_that_call_themselves_continuous_and_are_not(tmp_path: Path) -> None:
    notes = [f"+{start}\x14\x14\0".encode() for start in (0, 1, 7)]
    content = edf_bytes([Signal(samples=100, values=ramp(300))], n_records=3, notes=notes, reserved="EDF+C")
    recording = read_edf(write(tmp_path / "a.edf", content))
    assert recording.channels[0].n_samples == 800
    assert np.all(np.isnan(whole(recording)[200:700]))


def test_a_clock_that_runs_apart_from_the_header_is_said_and_nothing_is_moved(tmp_path: Path) -> None:
    notes = [f"+{1.001 * n:.3f}\x14\x14\0".encode() for n in range(60)]
    content = edf_bytes([Signal(samples=100, values=ramp(6000))], n_records=60, notes=notes, reserved="EDF+C")
    recording = read_edf(write(tmp_path / "a.edf", content))
    assert recording.channels[0].n_samples == 6000 and not np.any(np.isnan(whole(recording)))
    found = next(finding for finding in recording.findings if finding.code == "recording.rate")
    assert found.value == pytest.approx(0.059)


@pytest.mark.parametrize("reserved", ["EDF+C", "EDF+D"])
@pytest.mark.parametrize(
    "starts", [("+999999999999999", "+1000000000000000"), ("+0", "+999999999999999"), ("+0", "+" + "9" * 300)]
)
def test_a_data_record_of_another_age_is_refused(
    tmp_path: Path, starts: tuple[str, str], reserved: str
) -> None:
    notes = [f"{start}\x14\x14\0".encode() for start in starts]
    content = edf_bytes([Signal(samples=100, values=ramp(200))], n_records=2, notes=notes, reserved=reserved)
    with pytest.raises(BadFile, match=r"data record .* days after the start"):
        read_edf(write(tmp_path / "a.edf", content))


@pytest.mark.parametrize("length", ["9" * 21, "9" * 330])
def test_a_stretch_not_recorded_ends_with_the_recording(tmp_path: Path, length: str) -> None:
    """So far as its length is a number at all; else the note is damaged."""
    note = f"+0\x14\x14\0+0.5\x15{length}\x14not recorded\x14\0".encode()
    notes = [note, b"+1\x14\x14\0"]
    content = edf_bytes([Signal(samples=100, values=ramp(200))], n_records=2, notes=notes, reserved="EDF+C")
    recording = read_edf(write(tmp_path / "a.edf", content))
    (finding,) = [each for each in recording.findings if each.code != "recording.slow"]
    if len(length) > 300:
        assert finding.code == "recording.annotation" and not np.any(np.isnan(whole(recording)))
    else:
        assert finding.code == "recording.gaps" and finding.value == 1.5
        assert np.flatnonzero(np.isnan(whole(recording))).tolist() == list(range(50, 200))
