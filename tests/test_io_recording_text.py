"""Tables of numbers, BioSPPy and Biometrics text: what is laid out how, and what the file does not say."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from atlasplane.core.errors import BadInput
from atlasplane.io import recording_table
from atlasplane.io.recording_file import read_recording
from atlasplane.io.recording_map import Converter, MappedChannel, RecordingLayout, channel_map
from atlasplane.sources.recording import ChannelKind
from tests.recording_reading import KILOHERTZ, SINGLE, codes, whole, written


def table(rows: Sequence[Sequence[object]], mark: str = ",") -> str:
    return "\n".join(mark.join(map(str, row)) for row in rows) + "\n"


def test_a_table_with_times_and_units_needs_no_layout(tmp_path: Path) -> None:
    rows = [["time (ms)", "EMG left [mV]", "acc x (m/s^2)"]]
    rows += [[f"{n * 0.5:.1f}", f"{0.01 * (n % 7):.4f}", f"{9.80665 * (n % 3):.5f}"] for n in range(500)]
    recording = read_recording(written(tmp_path / "a.csv", table(rows)))
    emg, acc = recording.channels
    assert (emg.label, emg.unit, emg.kind, emg.period_s) == (
        "EMG left",
        "uV",
        ChannelKind.EMG,
        Fraction(1, 2000),
    )
    assert (acc.unit, acc.kind) == ("[g]", ChannelKind.ACCELERATION)
    assert whole(recording) == pytest.approx(10.0 * (np.arange(500) % 7), abs=60 * 3 * SINGLE)
    assert whole(recording, 1) == pytest.approx(np.arange(500) % 3, abs=1e-6)


def test_an_odd_period_is_found_behind_rounded_times(tmp_path: Path) -> None:
    rows = [["t", "EMG"], *([f"{n * 0.000675:.7f}", n % 11] for n in range(3000))]
    assert read_recording(written(tmp_path / "a.csv", table(rows))).channels[0].period_s == Fraction(
        27, 40000
    )


@pytest.mark.parametrize("piece", [200, 1 << 22])
def test_times_left_out_are_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(recording_table, "PIECE_BYTES", piece)
    kept = [n for n in range(600) if not 200 <= n < 260]
    rows = [["time", "EMG [uV]"], *([f"{n / 1000:.3f}", n] for n in kept)]
    recording = read_recording(written(tmp_path / "a.csv", table(rows)))
    read = whole(recording)
    assert recording.channels[0].n_samples == 600
    assert np.flatnonzero(np.isnan(read)).tolist() == list(range(200, 260))
    assert np.array_equal(read[~np.isnan(read)], kept)
    assert codes(recording) == ["recording.gaps"] and recording.findings[0].value == pytest.approx(0.06)


def test_a_declared_rate_that_the_times_contradict(tmp_path: Path) -> None:
    rows = [["time", "EMG [uV]"], *([f"{n / 1000:.3f}", n] for n in range(2000))]
    layout = RecordingLayout(period_s=Fraction(1, 1024))
    recording = read_recording(written(tmp_path / "a.csv", table(rows)), layout=layout)
    assert recording.channels[0].period_s == Fraction(1, 1024)
    found = next(finding for finding in recording.findings if finding.code == "recording.rate")
    assert found.value == pytest.approx(2000 * (1 / 1000 - 1 / 1024), rel=1e-6)


@pytest.mark.parametrize("mark", [";", "\t", " "])
def test_decimal_commas_are_told_from_delimiters(tmp_path: Path, mark: str) -> None:
    rows = [["EMG_1", "EMG_2"], *([f"{n},5", f"-{n},25"] for n in range(100))]
    recording = read_recording(written(tmp_path / "a.csv", table(rows, mark)), layout=KILOHERTZ)
    assert whole(recording) == pytest.approx(np.arange(100) + 0.5)
    assert whole(recording, 1) == pytest.approx(-np.arange(100) - 0.25)
    assert codes(recording)[0] == "recording.decimal_comma"


def test_empty_cells_are_not_recorded_and_short_columns_end(tmp_path: Path) -> None:
    rows = [["EMG 1", "EMG 2"], [1, 2], ["", 3], [4, ""], [5, ""]]
    recording = read_recording(written(tmp_path / "a.csv", table(rows)), layout=KILOHERTZ)
    assert [each.n_samples for each in recording.channels] == [4, 2]
    assert np.array_equal(whole(recording), [1, np.nan, 4, 5], equal_nan=True)


def test_a_headerless_column_with_declared_rate_unit_and_name(tmp_path: Path) -> None:
    layout = RecordingLayout(
        period_s=Fraction(1, 2000), unit="mV", columns=("EMG1",), header=False, skip_lines=1
    )
    recording = read_recording(written(tmp_path / "a.txt", "some words\n0.5\n-0.25\n"), layout=layout)
    assert whole(recording) == pytest.approx([500, -250])
    assert recording.channels[0].label == "EMG1"


def test_counts_are_scaled_by_a_stated_converter(data_dir: Path) -> None:
    """The sample states 12 bits and no gain: with a converter of 3 V and gain 1000 it is in microvolts."""
    path = data_dir / "signals/emg_biosppy/emg.txt"
    raw = read_recording(path)
    assert codes(raw) == ["recording.raw"] and raw.channels[0].unit == "1"
    said = channel_map([MappedChannel(label="EMG", converter=Converter(bits=12, supply_V=3.0, gain=1000.0))])
    scaled = read_recording(path, channels=said)
    assert (scaled.channels[0].unit, codes(scaled)) == ("uV", [])
    assert whole(scaled) == pytest.approx((whole(raw) / 4096 - 0.5) * 3000, abs=1500 * 4 * SINGLE)
    assert (scaled.channels[0].n_samples, scaled.channels[0].rate_hz) == (100_000, 1000.0)


def test_an_acceleration_of_biosppy(data_dir: Path) -> None:
    recording = read_recording(data_dir / "signals/emg_biosppy/acc.txt")
    assert [each.kind for each in recording.channels] == [ChannelKind.ACCELERATION] * 3
    assert recording.channels[0].rate_hz == 100.0
    # The header says m/s^2, and is believed, though the numbers look like g.
    assert recording.samples.read(0, 0, 1)[0] == pytest.approx(0.28467 / 9.80665, rel=4 * SINGLE)


@pytest.mark.parametrize(
    ("file", "lengths", "declared"),
    [
        ("3Amar.txt", [43_665] * 5, True),
        ("3Apie.txt", [22_124] * 5, True),
        ("3Asen.txt", [38_971] * 5, True),
        ("5Nmar.txt", [6_563] * 4 + [6_580], False),
        ("5Npie.txt", [15_260] * 5, False),
        ("5Nsen.txt", [13_480] * 5, False),
    ],
)
def test_real_recordings_of_a_datalog(data_dir: Path, file: str, lengths: list[int], declared: bool) -> None:
    """Numbers of samples are those of the headers; three of the files do not state a rate."""
    path = data_dir / "signals/emg_uci" / file
    if declared:
        with pytest.raises(BadInput, match="how often it was sampled"):
            read_recording(path)
    recording = read_recording(path, layout=KILOHERTZ if declared else None)
    assert [each.n_samples for each in recording.channels] == lengths
    assert [each.kind.value for each in recording.channels] == ["emg"] * 4 + ["angle"]
    assert recording.channels[0].unit == "uV" and recording.channels[0].rate_hz == 1000.0
    assert "recording.shorter" not in codes(recording) and "recording.longer" not in codes(recording)
    assert ("recording.extrapolated" in codes(recording)) is not declared
    first = [float(cell) for cell in path.read_text("utf-8").splitlines()[7].split("\t")]
    assert recording.samples.read(0, 0, 1)[0] == pytest.approx(first[0] * 1000, rel=3 * SINGLE, abs=1e-4)


def test_a_table_of_times_alone_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "time\n" + "\n".join(f"{k / 1000:.3f}" for k in range(50)))
    with pytest.raises(BadInput, match="column of times and no other") as refused:
        read_recording(path)
    assert "channels" in refused.value.remedy
