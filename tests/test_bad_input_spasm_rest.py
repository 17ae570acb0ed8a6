"""Rest that is none, and files that are no recording, on the command `spasm`: a named error or finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_input.edf_files import edf_bytes
from tests.cli_cases import runner
from tests.spasm_bench import (
    LABEL,
    MAP,
    OTHER,
    RATE_HZ,
    SECONDS,
    Bench,
    codes,
    muscle,
    text_of,
)

pytest.importorskip("numba")


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(tmp_path, runner(capsys))


# --- rest -----------------------------------------------------------------------------------------------


def no_rest() -> bytes:
    return edf_bytes({LABEL: muscle()}, rate_hz=RATE_HZ)


def test_a_quiet_stretch_that_is_the_whole_recording(bench: Bench) -> None:
    """Nothing is left to judge, which is no burden of 0 %."""
    bench.refused(
        bench.put(no_rest()), "--quiet", f"0:{SECONDS}", what="nothing is left", remedy="--quiet-file"
    )


COUNTS = MAP.replace('unit = "uV"\n', "").format(label="emg", side="right")


def test_noise_in_microvolts_of_a_channel_in_steps(bench: Bench) -> None:
    """3 uV are not 3 steps of a converter: no threshold comes from it."""
    path = bench.put(text_of(muscle() / 0.17 + 512), "emg.csv")
    channels = bench.put(COUNTS, "map.toml")
    bench.refused(
        path, "--channels", channels, "--noise-uV", "emg=3", what="steps of its converter", remedy="converter"
    )


def test_rest_in_another_unit_than_the_recording(bench: Bench) -> None:
    rest = bench.put(edf_bytes({"emg": muscle()}, rate_hz=RATE_HZ), "rest.edf")
    path, channels = bench.put(text_of(muscle() / 0.17), "emg.csv"), bench.put(COUNTS, "map.toml")
    what = "'emg' in microvolts, emg.csv in steps of its converter"
    bench.refused(path, "--channels", channels, "--quiet-file", rest, what=what, file="rest.edf")


def test_rest_in_a_text_file_is_laid_out_as_the_map_says(bench: Bench) -> None:
    """The map may name channels that the recording of rest has not."""
    both = MAP.format(label="emg", side="right") + '[[channels]]\nlabel = "acc"\nkind = "acceleration"\n'
    channels = bench.put(both, "map.toml")
    rows = "".join(f"{value:.1f},0\n" for value in muscle())
    rest = bench.put(text_of(muscle(seed=8)[: 20 * RATE_HZ]), "rest.csv")
    path = bench.put(f"emg,acc\n{rows}", "emg.csv")
    (channel,) = bench.measured(path, "--channels", channels, "--quiet-file", rest)["channels"]
    assert (channel["quiet"]["source"], channel["rate"]["n"]) == ("file", 1)


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
