"""Recordings that lie, are damaged or are something else: a named error or a finding, no silent repair."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.io.recording_edf import read_edf
from atlasplane.io.recording_file import read_recording
from atlasplane.io.recording_map import RecordingLayout
from tests.recording_files import (
    Signal,
    edf_bytes,
    opensignals_text,
    trigno_text,
)
from tests.recording_reading import KILOHERTZ, codes, refused

NOISE = np.random.default_rng(6).integers(-500, 500, 3000)


def edf(tmp_path: Path, *signals: Signal, cut: int = 0, **said: object) -> Path:
    path = tmp_path / "night.edf"
    made = list(signals) or [Signal(values=NOISE)]
    content = edf_bytes(made, n_records=3, **said)  # type: ignore[arg-type]
    path.write_bytes(content[: len(content) - cut] if cut else content)
    return path


# ---- headers that lie


def test_a_billion_declared_records_take_no_memory(tmp_path: Path) -> None:
    path = edf(tmp_path, fields={"n_records": "99999999"})
    tracemalloc.start()
    recording = read_edf(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert codes(recording) == ["recording.shorter"] and recording.channels[0].n_samples == 3000
    assert peak < 16 << 20


@pytest.mark.parametrize(
    ("n_records", "code", "n_samples"),
    [("5", "recording.shorter", 3000), ("-1", "recording.shorter", 3000), ("2", "recording.longer", 2000)],
)
def test_a_header_that_lies_about_its_records(
    tmp_path: Path, n_records: str, code: str, n_samples: int
) -> None:
    recording = read_edf(edf(tmp_path, fields={"n_records": n_records}))
    assert codes(recording) == [code] and recording.channels[0].n_samples == n_samples


def test_a_truncated_file_is_read_to_its_last_whole_record(tmp_path: Path) -> None:
    recording = read_edf(edf(tmp_path, cut=100))
    assert codes(recording) == ["recording.shorter"] and recording.channels[0].n_samples == 2000


def test_a_file_that_becomes_shorter_while_it_is_read(tmp_path: Path) -> None:
    path = edf(tmp_path)
    recording = read_edf(path)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(BadFile, match="shorter while it was read"):
        recording.samples.read(0, 0, 3000)
    path.unlink()
    with pytest.raises(BadInput, match="does not exist"):
        recording.samples.read(0, 0, 3000)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"n_signals": "0"}, "declares 0 signals"),
        ({"n_signals": "-2"}, "declares -2 signals"),
        ({"n_signals": "x"}, "number of signals"),
        ({"n_signals": "9999"}, "cut off within its header of 9999 signals"),
        ({"bytes": "768"}, "says its header has 768 bytes"),
        ({"duration": "0"}, "no sampling rate"),
        ({"duration": "-1"}, "record duration"),
        ({"duration": "soon"}, "record duration"),
        ({"duration": "9999999"}, "claims to last"),
        ({"n_records": "many"}, "number of data records"),
    ],
)
def test_a_header_without_a_usable_layout_is_refused(
    tmp_path: Path, fields: dict[str, str], said: str
) -> None:
    refused(edf(tmp_path, fields=fields), said)


def test_records_that_the_file_cannot_hold_are_refused(tmp_path: Path) -> None:
    refused(edf(tmp_path, Signal(samples=99_999_999, values=NOISE)), "holds not a whole one")


@pytest.mark.parametrize("cut", [13_000, 7_000])
def test_a_file_cut_within_its_header(tmp_path: Path, cut: int) -> None:
    path = edf(tmp_path)
    path.write_bytes(path.read_bytes()[: 300 if cut == 7_000 else 100])
    refused(path, "cut off within its header")


@pytest.mark.parametrize(
    "wrong",
    [
        Signal("EMG2", physical=("5", "5")),
        Signal("EMG2", digital=("7", "7")),
        Signal("EMG2", digital=("100", "-100")),
        Signal("EMG2", physical=("low", "high")),
        Signal("EMG2", samples=0),
    ],
)
def test_a_channel_without_a_scale_is_left_out_and_named(tmp_path: Path, wrong: Signal) -> None:
    wrong.values = np.zeros(3 * wrong.samples, dtype=np.int64)
    recording = read_edf(edf(tmp_path, Signal(values=NOISE), wrong))
    assert [each.label for each in recording.channels] == ["EMG1"]
    assert codes(recording) == ["recording.no_scale"] and "EMG2" in recording.findings[0].text
    refused(
        edf(tmp_path, wrong, Signal("x", physical=("1", "1"), values=NOISE)),
        "no channel with samples and a range",
    )


def test_a_header_with_strange_characters_and_no_date(tmp_path: Path) -> None:
    path = edf(
        tmp_path,
        Signal("Trapèze", "µV", values=NOISE),
        fields={"patient": "Müller", "date": "31.02.26", "recording": "x"},
    )
    recording = read_edf(path)
    assert codes(recording) == ["recording.header", "recording.header"] and recording.started is None
    assert (recording.channels[0].label, recording.channels[0].unit) == ("Trapèze", "uV")
    assert "Müller" not in "".join(finding.text for finding in recording.findings)


def test_two_channels_of_one_label_and_one_without(tmp_path: Path) -> None:
    made = [Signal("EMG", values=NOISE), Signal("EMG", values=NOISE), Signal("", values=NOISE)]
    recording = read_edf(edf(tmp_path, *made))
    assert [each.label for each in recording.channels] == ["EMG", "EMG (2)", "channel 3"]
    assert codes(recording) == ["recording.label_twice"]


def test_a_unit_that_is_no_voltage_and_a_channel_in_counts(tmp_path: Path) -> None:
    made = [Signal("EMG 1", "deg", values=NOISE), Signal("EMG 2", "", values=NOISE)]
    recording = read_edf(edf(tmp_path, *made))
    assert codes(recording) == ["recording.unit", "recording.raw"]
    assert [each.unit for each in recording.channels] == ["deg", "1"]


def test_sampling_under_1_khz(tmp_path: Path) -> None:
    recording = read_edf(edf(tmp_path, duration="1.25"))
    (finding,) = recording.findings
    assert (finding.code, finding.value, finding.limit) == ("recording.slow", 800.0, 1000.0)
    slow_angle = read_edf(edf(tmp_path, Signal("GONIO", "deg", values=NOISE), duration="1.25"))
    assert codes(slow_angle) == []


def test_records_that_run_back_in_time(tmp_path: Path) -> None:
    notes = [f"+{start}\x14\x14\0".encode() for start in (0, 1, 0.25)]
    refused(edf(tmp_path, notes=notes, reserved="EDF+D"), "starts before the one before it ends")


def test_an_interrupted_file_without_times(tmp_path: Path) -> None:
    notes = [b"+0\x14\x14\0", b"no time\0", b"+2\x14\x14\0"]
    refused(edf(tmp_path, notes=notes, reserved="EDF+D"), "without a time")


def test_a_gap_of_a_thousand_years_is_refused(tmp_path: Path) -> None:
    notes = [f"+{start}\x14\x14\0".encode() for start in (0, 1, 31_536_000_000)]
    refused(edf(tmp_path, notes=notes, reserved="EDF+D"), "after the start of its header")


def test_damaged_annotations_are_counted(tmp_path: Path) -> None:
    notes = [
        b"+0\x14\x14\0+0.5\x151\x14quiet\x14\0oops\x14x\x14\0",
        b"+1\x14\x14\0",
        b"+2\x14\x14\0+x\x14y\x14\0",
    ]
    recording = read_edf(edf(tmp_path, notes=notes, reserved="EDF+C"))
    assert [each.text for each in recording.annotations] == ["quiet"]
    (finding,) = recording.findings
    assert (finding.code, finding.value) == ("recording.annotation", 2.0)


def test_annotations_alone_are_no_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.edf"
    path.write_bytes(edf_bytes([], n_records=1, notes=[b"+0\x14\x14\0"], reserved="EDF+C", duration="0"))
    refused(path, "annotations only")


# ---- text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("EMG,ACC\n1,2\n3\n4,5\n", "line 3 has another number of cells"),
        ("EMG,ACC\n1,2\n3,4\n5,6,7\n", "line 4 has another number of cells"),
        ("EMG;ACC\n1;2\n3;left\n", "line 3: 'left' is not a number"),
        ("EMG,ACC\n1,2,3\n4,5,6\n", "has 3 columns, and 2 names"),
        ("0,5\n1,5\n-2,25\n", "commas that may be decimals"),
        ("EMG\n", "holds no numbers"),
        ("# nothing\n", "holds no numbers"),
        ("EMG\n\n\n", "holds no numbers"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    refused(path, said, layout=KILOHERTZ)


def test_a_table_without_a_header_gets_numbers_for_names_and_needs_a_rate(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("0.5;1\n0.25;2\n")
    refused(path, "how often it was sampled")
    recording = read_recording(path, layout=KILOHERTZ)
    assert [each.label for each in recording.channels] == ["column 1", "column 2"]


@pytest.mark.parametrize("times", [(0.0, 0.001, 0.0005), (0.0, 0.001, float("nan"))])
def test_times_that_run_back_or_are_missing(tmp_path: Path, times: tuple[float, ...]) -> None:
    path = tmp_path / "a.csv"
    path.write_text("time,EMG\n" + "".join(f"{time},1\n" for time in (-0.002, -0.001, *times)))
    refused(path, "row 5")


def test_a_table_that_does_not_have_the_named_time_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("EMG,ACC\n1.5,2\n")
    refused(path, "no column 'when'", layout=RecordingLayout(time_column="when"))


def test_utf_16_and_binary_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("EMG\n1\n", "utf-16")
    refused(path, "no recording that is known|not text in UTF-8")
    path.write_bytes(bytes(range(256)) * 9)
    refused(path, "no recording that is known")


def test_a_trigno_file_with_a_column_that_its_header_does_not_describe(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = trigno_text([("S1: EMG 1", "1.481481e+003", "V", Fraction(27, 40000), np.ones(5))])
    path.write_text(text.replace('X[s],"S1: EMG 1"', 'X[s],"S2: EMG 2"'))
    refused(path, "does not describe")
    path.write_text(text.replace("1.481481e+003", "fast"))
    refused(path, "states no sampling rate")
    path.write_text(text.replace("Sampling frequency", "Rate"))
    refused(path, "not known")
    path.write_text("\n".join(text.splitlines()[:1]))
    refused(path, "no line of column names")


def test_a_trigno_file_that_states_other_numbers_of_samples(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    text = trigno_text([("S1: EMG 1", "2000.0", "V", Fraction(1, 2000), np.arange(50.0))])
    for stated, code in (("60", "recording.shorter"), ("40", "recording.longer")):
        path.write_text(text.replace("Number of points: 50", f"Number of points: {stated}"))
        assert codes(read_recording(path)) == [code]


def test_text_of_opensignals_that_describes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(opensignals_text({"column": ["nSeq"]}, [[0]]))
    refused(path, "does not describe its columns")
    path.write_text("# OpenSignals Text File Format\n# {\n# EndOfHeader\n1 2\n")
    refused(path, "no JSON")
    path.write_text('# OpenSignals Text File Format\n# {"a": {}, "b": {}}\n# EndOfHeader\n1 2\n')
    refused(path, "does not hold one device")
    path.write_text("# OpenSignals Text File Format\n1 2\n")
    refused(path, "EndOfHeader")


def test_biosppy_text_without_rate_or_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("# Simple Text Format\n# Labels:= EMG\n1\n2\n")
    refused(path, "how often it was sampled")
    path.write_text("# Simple Text Format\n# Sampling Rate (Hz):= 1000\n1\n2\n")
    refused(path, "names no channels")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dear reader,\nthis folder holds recordings\nof muscles\n", "line 2 starts with 'this'"),
        ("channel,muscle\nCH1,trapezius\nCH2,trapezius\n", "line 2 starts with 'CH1'"),
    ],
)
def test_text_without_numbers_is_not_asked_for_its_rate(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    refused(tmp_path / "a.txt", f"holds no rows of numbers: {said}")


def test_nan_and_infinity_in_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("EMG [uV]\n" + "1\n-2\nnan\ninf\n" * 50 + "1\n")
    recording = read_recording(path, layout=KILOHERTZ)
    values = recording.samples.read(0, 0, recording.channels[0].n_samples)
    assert np.count_nonzero(np.isnan(values)) == 100 and not np.any(np.isinf(values))
