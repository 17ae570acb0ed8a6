"""Bad input of the command `spasm`: a named error or finding, nothing resampled or half-written.

What can be measured is measured and carries a finding; what cannot ends with status 2 and one message that
names file, fault and remedy. Every case is run with all files that the command can write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bad_input.edf_files import HEADER, PER_SIGNAL, edf_bytes, saying
from tests.cli_cases import Outcome, Run, everything, runner

pytest.importorskip("numba")

RATE_HZ = 1000
LABEL, OTHER = "EMG trap right", "EMG trap left"
SECONDS, QUIET = 60, (0.0, 12.0)
SPASM = (30.0, 42.0)
NOISE_UV, SPASM_UV = 3.0, 60.0
WHOLE_HEADER = HEADER + 2 * PER_SIGNAL


def muscle(rate_hz: int = RATE_HZ, *, seconds: int = SECONDS, seed: int = 7) -> np.ndarray:
    """Noise of an amplifier with one spasm, uV."""
    rng = np.random.default_rng(seed)
    at = np.arange(seconds * rate_hz) / rate_hz
    active = (at >= SPASM[0]) & (at < SPASM[1])
    return np.asarray(rng.normal(0, NOISE_UV, len(at)) + active * rng.normal(0, SPASM_UV, len(at)))


def whole(**changes: Any) -> bytes:
    """A good file, but for the changes."""
    return edf_bytes({LABEL: muscle()}, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")], **changes)


@dataclass(frozen=True)
class Bench:
    """A folder to run in, and what it held before."""

    folder: Path
    go: Run

    def put(self, content: bytes | str, name: str = "night.edf") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, path: Path, *options: object) -> Outcome:
        """The command with every file that it can write; a refusal leaves none of them behind."""
        out = self.folder / "out"
        out.mkdir(exist_ok=True)
        before = everything(self.folder)
        more: tuple[object, ...] = ("--report", out / "page.html")
        if path.suffix == ".edf":
            more += ("--annotations", out / "noted.edf")
        done = self.go("spasm", path, *options, *more, "--json")
        after = everything(self.folder)
        written = {name for name in after if after[name] != before.get(name)}
        if done.status == 2:
            assert not written
        else:
            assert written == {Path("out", Path(str(name)).name).as_posix() for name in more[1::2]}
        return done

    def refused(self, path: Path, *options: object, what: str, remedy: str = "", file: str = "") -> None:
        """Status 2, one line that names file, fault and remedy, and the error's document."""
        done = self.run(path, *options)
        assert done.status == 2, done.out
        assert done.err.count("\n") == 1 and "Traceback" not in done.err
        error = done.document
        assert error["schema"] == "atlasplane.error/1"
        assert error["file"] == (file or path.name)
        assert what in error["what"]
        assert remedy in error["remedy"] and len(error["remedy"]) > 5

    def measured(self, path: Path, *options: object) -> dict[str, Any]:
        """Status 0 or 1 and a document that its schema accepts."""
        done = self.run(path, *options)
        assert done.status in (0, 1), done.err
        return done.document


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, runner(capsys))


def codes(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Findings by code."""
    return {finding["code"]: finding for finding in document["findings"]}


def test_a_good_file_has_none_of_these_findings(bench: Bench) -> None:
    """The file that the other tests spoil: its spasm is found, 12 s long to a tenth."""
    document = bench.measured(bench.put(whole()))
    (channel,) = document["channels"]
    (event,) = channel["events"]
    assert event["start_s"] == pytest.approx(SPASM[0], abs=0.1)
    assert event["stop_s"] == pytest.approx(SPASM[1], abs=0.1)
    assert set(codes(document)) == {"spasm.movement_unknown"}


# --- what the header says -------------------------------------------------------------------------------


def test_more_data_records_declared_than_held(bench: Bench) -> None:
    document = bench.measured(bench.put(saying(whole(), n_records=90)))
    finding = codes(document)["recording.shorter"]
    assert (finding["value"], finding["limit"]) == (60, 90)
    assert document["duration_s"] == 60


def test_fewer_data_records_declared_than_held(bench: Bench) -> None:
    document = bench.measured(bench.put(saying(whole(), n_records=50)))
    assert codes(document)["recording.longer"]["value"] == 60
    assert document["duration_s"] == 50


def test_a_billion_data_records_declared(bench: Bench) -> None:
    """Refused or measured as far as it goes, at once and without room for what is not there."""
    path = bench.put(saying(whole(), n_records=99_999_999))
    start = time.perf_counter()
    document = bench.measured(path)
    assert time.perf_counter() - start < 30
    assert codes(document)["recording.shorter"]["value"] == 60


@pytest.mark.parametrize("said", ["1e9", "1000000000"[:8], "-7", "many"])
def test_a_number_of_data_records_that_is_none(bench: Bench, said: str) -> None:
    done = bench.run(bench.put(saying(whole(), n_records=said)))
    if done.status == 2:
        assert "record" in done.document["what"]
    else:
        assert "recording.shorter" in codes(done.document)


def test_records_that_overlap_by_their_own_times(bench: Bench) -> None:
    """Records of 1 s that call themselves 2 s, so that the rate is half of what it was."""
    bench.refused(bench.put(saying(whole(), record_s=2)), what="data record")


def test_records_that_leave_gaps_by_their_own_times(bench: Bench) -> None:
    """Records of 1 s that call themselves 0.5 s: by the file, half of the time was not recorded."""
    document = bench.measured(bench.put(saying(whole(), record_s="0.5")))
    assert codes(document)["recording.gaps"]["value"] == pytest.approx(29.5, abs=0.6)
    assert document["channels"][0]["analysed_s"] < 31


@pytest.mark.parametrize("said", ["0", "-1", "soon"])
def test_data_records_without_length(bench: Bench, said: str) -> None:
    bench.refused(bench.put(saying(whole(), record_s=said)), what="record")


def test_a_file_cut_off_within_a_data_record(bench: Bench) -> None:
    content = whole()
    document = bench.measured(bench.put(content[: len(content) * 2 // 3]))
    assert codes(document)["recording.shorter"]["limit"] == 60
    assert document["duration_s"] < 41


@pytest.mark.parametrize(
    "length", [0, 100, HEADER + 10, HEADER + 2 * PER_SIGNAL, HEADER + 2 * PER_SIGNAL + 500]
)
def test_a_file_cut_off_before_its_first_data_record(bench: Bench, length: int) -> None:
    bench.refused(bench.put(whole()[:length]), what="")


# --- what the samples are -------------------------------------------------------------------------------


def samples_of(change: Callable[[np.ndarray], None], **changes: Any) -> bytes:
    samples = muscle()
    change(samples)
    return edf_bytes({LABEL: samples}, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")], **changes)


def test_a_channel_of_zeros(bench: Bench) -> None:
    bench.refused(bench.put(samples_of(lambda x: x.fill(0))), what="quiet")


def test_a_channel_that_is_flat_for_a_while(bench: Bench) -> None:
    def flat(samples: np.ndarray) -> None:
        samples[20 * RATE_HZ : 25 * RATE_HZ] = 17.0

    (channel,) = bench.measured(bench.put(samples_of(flat)))["channels"]
    assert {part["why"] for part in channel["excluded"]} == {"spasm.flat"}
    assert sum(part["stop_s"] - part["start_s"] for part in channel["excluded"]) == pytest.approx(5, abs=0.2)
    assert channel["analysed_s"] == pytest.approx(SECONDS - QUIET[1] - 5, abs=0.2)


def test_a_channel_that_is_clipped(bench: Bench) -> None:
    """A range of 90 uV cuts a spasm of 60 uV root mean square: such frames understate it and are left out."""
    (channel,) = bench.measured(bench.put(whole(reach_uV=90.0)))["channels"]
    assert "spasm.saturated" in {part["why"] for part in channel["excluded"]}


def test_nothing_recorded_for_a_while(bench: Bench) -> None:
    """NaN in a text file: left out, and never a number in the result (the document refuses NaN)."""
    samples = muscle()
    samples[20 * RATE_HZ : 22 * RATE_HZ] = np.nan
    path = bench.put(text_of(samples), "emg.csv")
    channels = bench.put(MAP.format(label="emg", side="right"), "map.toml")
    (channel,) = bench.measured(path, "--channels", channels, "--quiet", "0:12")["channels"]
    assert {part["why"] for part in channel["excluded"]} == {"spasm.missing"}
    assert sum(part["stop_s"] - part["start_s"] for part in channel["excluded"]) == pytest.approx(2, abs=0.2)


def test_nothing_recorded_at_all(bench: Bench) -> None:
    path = bench.put(text_of(np.full(20 * RATE_HZ, np.nan)), "emg.csv")
    channels = bench.put(MAP.format(label="emg", side="right"), "map.toml")
    bench.refused(path, "--channels", channels, "--quiet", "0:12", what="")


MAP = """schema = "atlasplane.channels/1"
[text]
unit = "uV"
rate_hz = 1000
[[channels]]
label = "{label}"
kind = "emg"
side = "{side}"
"""


def text_of(samples: np.ndarray) -> str:
    return "emg\n" + "".join(f"{value:.1f}\n" for value in samples)


# --- rates, clocks, sides -------------------------------------------------------------------------------


def test_sampling_under_a_kilohertz(bench: Bench) -> None:
    content = edf_bytes({LABEL: muscle(500)}, rate_hz=500, notes=[(*QUIET, "quiet")])
    document = bench.measured(bench.put(content))
    finding = codes(document)["recording.slow"]
    assert (finding["value"], finding["limit"]) == (500, 1000)
    assert document["channels"][0]["rate_hz"] == 500


def test_a_rate_too_low_for_muscle(bench: Bench) -> None:
    content = edf_bytes({LABEL: muscle(40)}, rate_hz=40, notes=[(*QUIET, "quiet")])
    bench.refused(bench.put(content), what="Hz")


def test_two_clocks_stay_two(bench: Bench) -> None:
    """A Delsys file of two sensors, 1259.26 and 1111.11 Hz: each result has its own rate, and a finding."""
    path = bench.put(trigno({"Sensor 1: EMG 1": 17 / 21.408, "Sensor 2: EMG 2": 0.9}), "two.csv")
    document = bench.measured(path, "--quiet", "0:8")
    assert "recording.clocks" in codes(document)
    rates = [channel["rate_hz"] for channel in document["channels"]]
    assert rates[1] == pytest.approx(1000 / 0.9, rel=1e-6)
    assert rates[0] != rates[1]


def trigno(periods_ms: Mapping[str, float], *, seconds: float = 14.0) -> str:
    """A CSV as Delsys' own export writes it, volts, of noise."""
    rng = np.random.default_rng(2)
    counts = {label: int(seconds * 1000 / period) for label, period in periods_ms.items()}
    lines = [
        f"Label: {label} Sampling frequency: {1000 / period:.6e} Number of points: {counts[label]} "
        "start: 0.000000e+000 Unit: V Domain Unit: s"
        for label, period in periods_ms.items()
    ]
    lines += ["Start Trigger Method: None", "Stop Trigger Method: None", ""]
    lines.append(",".join(f'X[s],"{label}"' for label in periods_ms))
    for k in range(max(counts.values())):
        cells = [
            f"{k * period / 1000:.7g},{rng.normal(0, 3e-6):.6e}" if k < counts[label] else ","
            for label, period in periods_ms.items()
        ]
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def test_sides_swapped_against_the_map(bench: Bench) -> None:
    content = edf_bytes({LABEL: muscle(), OTHER: muscle(seed=8)}, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")])
    rows = "".join(
        f'[[channels]]\nlabel = "{label}"\nkind = "emg"\nmuscle = "trapezius_upper"\nside = "{side}"\n'
        for label, side in ((LABEL, "left"), (OTHER, "right"))
    )
    channels = bench.put(f'schema = "atlasplane.channels/1"\n{rows}', "map.toml")
    document = bench.measured(bench.put(content), "--channels", channels)
    told = [finding for finding in document["findings"] if finding["code"] == "recording.side"]
    assert len(told) == 2
    assert [channel["side"] for channel in document["channels"]] == ["left", "right"]


def test_raw_microvolts_are_not_compared_across_sides(bench: Bench) -> None:
    """No number compares the sides: without a reference contraction no intensity is relative."""
    content = edf_bytes(
        {LABEL: muscle(), OTHER: 2 * muscle(seed=8)}, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")]
    )
    document = bench.measured(bench.put(content))
    assert [channel["intensity_percent"] for channel in document["channels"]] == [None, None]
    assert "asymmetry" not in str(document)
    assert "spasm.raw_sides" in codes(document)


def test_a_map_of_a_channel_that_is_not_there(bench: Bench) -> None:
    channels = bench.put(MAP.format(label="EMG trap", side="right"), "map.toml")
    bench.refused(bench.put(whole()), "--channels", channels, what="EMG trap", remedy=LABEL, file="map.toml")


# --- rest -----------------------------------------------------------------------------------------------


def no_rest() -> bytes:
    return edf_bytes({LABEL: muscle()}, rate_hz=RATE_HZ)


def test_without_rest_nothing_is_measured(bench: Bench) -> None:
    bench.refused(bench.put(no_rest()), what=LABEL, remedy="--quiet")


def test_a_quiet_stretch_with_activity_in_it(bench: Bench) -> None:
    """28 to 34 s holds the first third of the spasm."""
    document = bench.measured(bench.put(no_rest()), "--quiet", "20:34")
    finding = codes(document)["spasm.baseline_active"]
    assert finding["severity"] == "warn"
    assert finding["value"] == pytest.approx(100 * 4 / 14, abs=3)


@pytest.mark.parametrize("said", ["10", "12:3", "a:b", "-5:10", "50:70", "nan:12", "0:inf"])
def test_a_quiet_stretch_that_is_none(bench: Bench, said: str) -> None:
    done = bench.run(bench.put(no_rest()), f"--quiet={said}")
    assert done.status == 2
    assert done.document["schema"] == "atlasplane.error/1"


def test_a_quiet_stretch_that_is_too_short(bench: Bench) -> None:
    bench.refused(bench.put(no_rest()), "--quiet", "3:3.5", what=LABEL)


@pytest.mark.parametrize("said", [f"{LABEL}=0", f"{LABEL}=-1", f"{LABEL}=nan", f"{LABEL}=", "3", "EMG 9=3"])
def test_a_noise_that_is_none(bench: Bench, said: str) -> None:
    done = bench.run(bench.put(no_rest()), "--noise-uV", said)
    assert done.status == 2
    assert len(done.document["remedy"]) > 5


def test_a_quiet_file_of_other_channels(bench: Bench) -> None:
    bench.put(edf_bytes({OTHER: muscle()}, rate_hz=RATE_HZ), "rest.edf")
    bench.refused(
        bench.put(no_rest()),
        "--quiet-file",
        bench.folder / "rest.edf",
        what=LABEL,
        remedy=OTHER,
        file="rest.edf",
    )


# --- no recording at all --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("night.edf", b""),
        ("night.edf", b"\x00" * 4000),
        ("night.edf", b"%PDF-1.7\n"),
        ("night.h5", b"\x89HDF\r\n\x1a\n" + b"\x00" * 100),
        ("night.otb+", b"PK\x03\x04"),
        ("night.c3d", b"\x02\x50" + b"\x00" * 600),
        ("night.txt", b"nothing\n" * 3),
    ],
)
def test_what_is_no_recording(bench: Bench, name: str, content: bytes) -> None:
    bench.refused(bench.put(content, name), "--quiet", "0:1", what="")


def test_a_recording_that_is_not_there(bench: Bench) -> None:
    bench.refused(bench.folder / "gone.edf", what="")


def test_a_recording_without_muscle(bench: Bench) -> None:
    content = edf_bytes({"ACC X": muscle() / 1000}, rate_hz=RATE_HZ, unit="g", reach_uV=16)
    bench.refused(bench.put(content), "--quiet", "0:12", what="muscle", remedy="emg")
