"""Bad input of the command `spasm`: a named error or finding, nothing resampled or half-written.

What can be measured is measured and carries a finding; what cannot ends with status 2 and one message that
names file, fault and remedy. Every case is run with all files that the command can write.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bad_input.edf_files import HEADER, PER_SIGNAL, edf_bytes, saying
from tests.cli_cases import runner
from tests.spasm_bench import (
    LABEL,
    MAP,
    OTHER,
    QUIET,
    RATE_HZ,
    SECONDS,
    SPASM,
    Bench,
    codes,
    muscle,
    text_of,
    trigno,
    whole,
)

pytest.importorskip("numba")


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, runner(capsys))


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


DEAD = {
    "recording.zero": np.zeros(SECONDS * RATE_HZ),
    "recording.flat": np.full(SECONDS * RATE_HZ, 17.0),
    "recording.clipped": np.clip(300 * muscle(seed=9), -600, 600),
}


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("recording.zero", "is zero throughout"),
        ("recording.flat", "stands still throughout"),
        ("recording.clipped", "is clipped throughout"),
    ],
)
def test_a_channel_that_tells_nothing(bench: Bench, code: str, said: str) -> None:
    """Beside a good one it is left out, by name; alone it is an error. It never is a burden of 0 %."""
    content = edf_bytes({LABEL: muscle(), OTHER: DEAD[code]}, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")])
    document = bench.measured(bench.put(content))
    assert [channel["label"] for channel in document["channels"]] == [LABEL]
    assert document["unmeasured"] == [{"label": OTHER, "muscle": None, "side": None, "why": code}]
    assert said in codes(document)[code]["text"] and "cannot be told" in codes(document)[code]["text"]
    told = bench.go("spasm", bench.folder / "night.edf").out
    assert f"{OTHER}   not measured ({code})" in told and said in " ".join(told.split())
    alone = edf_bytes({OTHER: DEAD[code]}, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")])
    bench.refused(bench.put(alone), what=said, remedy="Check the sensor")


def test_labels_of_a_channel_that_could_not_be_measured_are_not_compared(bench: Bench) -> None:
    path = bench.put(
        edf_bytes(
            {LABEL: muscle(), OTHER: DEAD["recording.zero"]}, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")]
        )
    )
    rows = "".join(f"{label},{SPASM[0]},{SPASM[1]},tonic\n" for label in (LABEL, OTHER))
    labels = bench.put(f"channel,start_s,stop_s,class\n{rows}", "labels.csv")
    (compared,) = bench.measured(path, "--labels", labels)["agreement"]
    assert (compared["channel"], compared["n_labelled"], compared["n_both"]) == (LABEL, 1, 1)


def test_a_channel_that_stands_still_in_the_quiet_stretch(bench: Bench) -> None:
    """Connected late: no threshold, and the other channel is measured all the same."""
    late = muscle(seed=8)
    late[: 14 * RATE_HZ] = 0.0
    content = edf_bytes({LABEL: muscle(), OTHER: late}, rate_hz=RATE_HZ, notes=[(*QUIET, "quiet")])
    document = bench.measured(bench.put(content))
    assert [lost["why"] for lost in document["unmeasured"]] == ["spasm.not_measured"]
    found = codes(document)
    assert "quiet segment" in found["spasm.not_measured"]["text"]
    assert found["recording.flat"]["value"] == pytest.approx(14 / SECONDS, abs=0.01)


def test_a_channel_that_is_flat_for_a_while(bench: Bench) -> None:
    def flat(samples: np.ndarray) -> None:
        samples[20 * RATE_HZ : 25 * RATE_HZ] = 17.0

    document = bench.measured(bench.put(samples_of(flat)))
    assert codes(document)["recording.flat"]["value"] == pytest.approx(5 / SECONDS, abs=0.005)
    (channel,) = document["channels"]
    assert {part["why"] for part in channel["excluded"]} == {"spasm.flat"}
    assert sum(part["stop_s"] - part["start_s"] for part in channel["excluded"]) == pytest.approx(5, abs=0.2)
    assert channel["analysed_s"] == pytest.approx(SECONDS - QUIET[1] - 5, abs=0.2)


def test_a_channel_that_is_clipped(bench: Bench) -> None:
    """A range of 90 uV cuts a spasm of 60 uV root mean square: such frames understate it and are left out.

    The spasm then is not in the burden, and a finding says that it may be missing.
    """
    document = bench.measured(bench.put(whole(reach_uV=90.0)))
    (channel,) = document["channels"]
    assert "spasm.saturated" in {part["why"] for part in channel["excluded"]}
    finding = codes(document)["recording.clipped"]
    assert "strong spasm may be missing" in finding["text"] and finding["limit"] == 1e-4
    # Two-sided tail of a normal law beyond 90 / 60 standard deviations, in the 12 of the 60 seconds.
    assert finding["value"] == pytest.approx(math.erfc(1.5 / math.sqrt(2)) * 12 / SECONDS, rel=0.05)


def test_an_amplifier_that_clips_within_the_range_of_the_converter(bench: Bench) -> None:
    content = samples_of(lambda samples: np.clip(samples, -90, 90, out=samples))
    assert "recording.clipped" in codes(bench.measured(bench.put(content)))


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
