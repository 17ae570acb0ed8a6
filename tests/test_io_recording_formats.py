"""Trigno, PLUX, OTB+, C3D and text: made files come back number for number, real ones as they are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import ezc3d
import h5py
import numpy as np
import pytest

from atlasplane.core.errors import BadInput
from atlasplane.io import recording_store, recording_table
from atlasplane.io.recording_clock import exact_period_s, half_last_digit, lost_before
from atlasplane.io.recording_file import read_recording
from atlasplane.io.recording_map import ChannelMap, Converter, MappedChannel, RecordingLayout, channel_map
from atlasplane.io.recording_store import SampleStore
from atlasplane.io.recording_survey import share_findings, surveyed
from atlasplane.sources.recording import Annotation, ChannelKind, Recording, Samples
from tests.recording_files import opensignals_text, otb_description, trigno_text, write_tar

SINGLE = 2.0**-23
KILOHERTZ = RecordingLayout(period_s=Fraction(1, 1000))


def whole(recording: Recording, channel: int = 0) -> Samples:
    return recording.samples.read(channel, 0, recording.channels[channel].n_samples)


def codes(recording: Recording) -> list[str]:
    return [finding.code for finding in recording.findings]


def written(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


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


def plux_file(path: Path, counts: np.ndarray, counter: np.ndarray, *, sensor: str = "EMG") -> Path:
    with h5py.File(path, "w") as stored:
        device = stored.create_group("00:07:80:3B:46:61")
        device.attrs.update(
            {
                "channels": np.array([3], dtype=np.int32),
                "resolution": np.array([16], dtype=np.int32),
                "sampling rate": np.int32(1000),
                "device": "biosignalsplux",
                "date": "2026-3-2",
                "time": "22:10:5.69",
            }
        )
        raw = device.create_group("raw")
        raw["channel_3"] = counts.astype(np.uint16)[:, None]
        raw["channel_3"].attrs.update({"label": "PORT3_CHN1", "sensor": sensor})
        raw["nSeq"] = counter.astype(np.uint16)[:, None]
    return path


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


def test_the_clipping_of_a_real_recording_is_found(data_dir: Path) -> None:
    recording = read_recording(data_dir / "signals/emg_plux/emg_fatigue.h5")
    shares = surveyed(recording, 0)
    values = whole(recording)
    at_ends = (values == values.min()) | (values == values.max())  # counts 0 and 4095 of 12 bits
    assert shares.saturated == pytest.approx(at_ends.mean(), rel=1e-12)
    assert [each.code for each in share_findings("a", recording.channels[0], shares)] == ["recording.clipped"]


# ---- OTB+


def otb_file(tmp_path: Path, counts: np.ndarray, *, bits: int = 16, gain: str = "1") -> Path:
    width = bits // 8
    content = counts.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    marker = b"<Marker><Milliseconds>1500</Milliseconds><Description>quiet</Description></Marker>"
    members = {
        "rec.sig": content,
        "rec.xml": otb_description(bits=bits, gain=gain).encode(),
        "patient.xml": b"<Patient><last_name>X</last_name><time>2026-03-02T22:10:00</time></Patient>",
        "markers_0.xml": b"<Markers>" + marker + b"</Markers>",
    }
    return write_tar(tmp_path / "a.otb+", members)


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


# ---- text


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


# ---- survey


class Held:
    def __init__(self, values: Samples) -> None:
        self.values = values

    def read(self, channel: int, first: int, stop: int) -> Samples:
        return self.values[first:stop].copy()


def test_shares_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    values = np.clip(np.round(rng.normal(0, 3, 5000)), -6, 6).astype(np.float32)
    values[100:160] = np.nan
    path = written(
        tmp_path / "a.csv", "EMG [uV]\n" + "\n".join("nan" if math.isnan(v) else str(v) for v in values)
    )
    recording = read_recording(path, layout=KILOHERTZ)
    one = surveyed(recording, 0)
    monkeypatch.setattr("atlasplane.io.recording_survey.BLOCK", 37)
    many = surveyed(recording, 0)
    assert (one.missing, one.flat, one.zero) == (many.missing, many.flat, many.zero)
    assert one.missing == 60 / 5000
    assert one.flat == np.count_nonzero(values[1:] == values[:-1]) / 5000
    assert one.spread == pytest.approx(float(np.nanstd(values.astype(np.float64))), rel=1e-9)
    assert many.spread == pytest.approx(one.spread, rel=1e-9)
    ends = [n for n in range(2, 5000) if abs(values[n]) == 6 and values[n] == values[n - 1] == values[n - 2]]
    assert one.saturated == len(ends) / 5000


def test_a_map_without_channels_changes_nothing(tmp_path: Path) -> None:
    path, values = trigno_file(tmp_path)
    assert read_recording(path, channels=ChannelMap()).channels == read_recording(path).channels
    assert len(values) == 3
