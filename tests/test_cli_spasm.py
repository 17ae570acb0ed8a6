"""`spasm` on the command line: what it prints and writes, and its exit status."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from atlasplane.io.recording_file import read_recording
from atlasplane.simulate.semg_recording import simulated_blocks
from tests.cli_cases import Run, runner
from tests.recorded_cases import NOISE_UV, SPASMS, night_file, pair_plan
from tests.test_visit_recordings import DAYS, case_of, recording


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return night_file(tmp_path_factory.mktemp("night"))


@pytest.fixture(scope="module")
def unnoted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Without any note of rest."""
    return night_file(tmp_path_factory.mktemp("unnoted"), quiet=())


def test_the_document_keeps_to_its_schema_and_says_what_was_found(run: Run, night: Path) -> None:
    done = run("spasm", night, "--json")
    assert done.status == 0
    document = done.document
    assert (document["file"], document["simulated"], document["merge_gap_s"]) == ("night.edf", True, 1.0)
    assert document["started"].startswith("2026-03-01T22:30:00")
    left, right = document["channels"]
    assert (left["label"], left["muscle"], left["side"]) == ("TRAP L", "trapezius_upper", "left")
    assert (left["rate"]["kind"], left["rate"]["n"], left["rate"]["unit"]) == ("count", len(SPASMS), "1/h")
    assert left["quiet"] == {"source": "segment", "start_s": 0.0, "stop_s": 20.0}
    assert left["threshold_uV"] > left["noise_uV"] == pytest.approx(NOISE_UV, rel=0.1)
    assert [event["class"] for event in left["events"]] == ["tonic"] * 3 + ["voluntary"]
    assert right["events"][0]["class"] == "clonus" and right["events"][0]["frequency_hz"] is not None
    assert document["agreement"] is None


def test_a_map_says_whose_muscles_they_are(run: Run, night: Path, tmp_path: Path) -> None:
    rows = "".join(
        f'[[channels]]\nlabel = "{label}"\nmuscle = "trapezius_middle"\nside = "{side}"\n'
        for label, side in (("TRAP L", "left"), ("TRAP R", "right"))
    )
    (tmp_path / "map.toml").write_text(f'schema = "atlasplane.channels/1"\n{rows}', encoding="utf-8")
    done = run("spasm", night, "--channels", tmp_path / "map.toml", "--json")
    sides = [(one["muscle"], one["side"]) for one in done.document["channels"]]
    assert sides == [("trapezius_middle", "left"), ("trapezius_middle", "right")]
    told = run("spasm", night, "--channels", tmp_path / "map.toml")
    assert "Left middle trapezius" in told.out and "Right middle trapezius" in told.out


def test_a_person_reads_burden_counts_and_where_the_threshold_is_from(run: Run, night: Path) -> None:
    done = run("spasm", night)
    assert done.status == 0
    for words in (
        "SIMULATED",
        "burden",
        "3 in",
        "clonus",
        "quiet segment of this recording",
        "merge gap 1.0 s",
    ):
        # A narrow window breaks lines between words.
        assert words in " ".join(done.out.split())


@pytest.mark.parametrize("rest", [["--quiet", "1:20"], ["--noise-uV", "TRAP L=2", "--noise-uV", "TRAP R=2"]])
def test_rest_may_be_stated(run: Run, unnoted: Path, rest: list[str]) -> None:
    done = run("spasm", unnoted, *rest, "--json")
    assert done.status == 0
    sources = {one["quiet"]["source"] for one in done.document["channels"]}
    assert sources == {"segment" if rest[0] == "--quiet" else "noise"}
    assert done.document["channels"][0]["rate"]["n"] >= len(SPASMS)


def test_rest_may_lie_in_a_file_of_its_own(run: Run, unnoted: Path, tmp_path: Path) -> None:
    rest = night_file(tmp_path, "rest.edf", events=(), movements=())
    done = run("spasm", unnoted, "--quiet-file", rest, "--quiet", "2:60", "--json")
    assert {one["quiet"]["source"] for one in done.document["channels"]} == {"file"}
    assert done.document["channels"][0]["quiet"]["stop_s"] == 60.0


def test_without_rest_the_status_is_2_and_the_remedy_is_named(run: Run, unnoted: Path) -> None:
    done = run("spasm", unnoted, "--json")
    assert done.status == 2
    assert done.document["schema"] == "atlasplane.error/1"
    assert "--quiet START:STOP" in done.document["remedy"] and "--noise-uV" in done.document["remedy"]
    assert "TRAP L" in done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--quiet", "60"], "'60' is no stretch of time"),
        (["--quiet", "20:10"], "does not end after it starts"),
        (["--quiet", "a:b"], "'a:b' is no stretch of time"),
        (["--quiet=-3:5"], "'-3:5' is negative"),
        (["--report", "x.pdf"], "Name it .html"),
        (["--report", "."], "is a folder"),
        (["--report", "nowhere/x.html"], "lies in 'nowhere', which does not exist"),
        (["--annotations", "nowhere/x.edf"], "lies in 'nowhere', which does not exist"),
        (["--reference", "5:5"], "--reference"),
        (["--noise-uV", "TRAP L"], "is not a channel with its noise"),
        (["--noise-uV", "TRAP L=-2"], "is not a channel with its noise"),
        (["--noise-uV", "TRAP L=2", "--noise-uV", "TRAP L=3"], "given twice"),
        (["--merge-gap", "-1"], "merge-gap"),
    ],
)
def test_values_that_mean_nothing_are_refused(run: Run, night: Path, arguments: list[str], said: str) -> None:
    done = run("spasm", night, *arguments)
    assert done.status == 2 and said in done.err


def test_annotations_beside_a_text_are_refused_before_it_is_analysed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("atlasplane.chain.spasms.analyse_file", None)
    (tmp_path / "emg.csv").write_text("emg\n1\n2\n", encoding="utf-8")
    done = run(
        "spasm", tmp_path / "emg.csv", "--quiet", "0:2", "--annotations", tmp_path / "ok.edf", "--json"
    )
    assert done.status == 2 and done.document["file"] == "emg.csv"
    assert "is no EDF recording" in done.document["what"]


def test_a_file_that_is_no_recording_is_bad_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(600))
    done = run("spasm", tmp_path / "film.png", "--json")
    assert done.status == 2 and "film.png" in done.err


def test_events_and_pictures_are_written_and_named(run: Run, night: Path, tmp_path: Path) -> None:
    notes, page = tmp_path / "out.edf", tmp_path / "out.html"
    done = run("spasm", night, "--annotations", notes, "--report", page)
    assert done.status == 0
    assert f"written: {notes}" in done.out and f"written: {page}" in done.out
    texts = [note.text for note in read_recording(notes).annotations]
    assert texts.count("spasm tonic") == 3 and texts.count("spasm clonus") == 1
    html = page.read_text(encoding="utf-8")
    assert (
        "<svg" in html
        and "SIMULATED DATA" in html
        and "http://" not in html.replace("http://www.w3.org/2000/svg", "")
    )


def test_labels_of_a_person_stand_beside_what_was_found(run: Run, night: Path, tmp_path: Path) -> None:
    labels = night.with_suffix(".labels.csv")
    done = run("spasm", night, "--labels", labels, "--json")
    left = done.document["agreement"][0]
    assert (left["n_labelled"], left["n_found"], left["n_both"], left["f1"]) == (3, 3, 3, 1.0)
    # One label less is one false alarm more.
    rows = list(csv.reader(labels.read_text(encoding="utf-8").splitlines()))
    kept = [row for row in rows if row[1] != repr(SPASMS[0][0])]
    assert len(kept) == len(rows) - 1
    fewer = tmp_path / "fewer.csv"
    fewer.write_text("\n".join(",".join(row) for row in kept), encoding="utf-8")
    told = run("spasm", night, "--labels", fewer)
    assert "Beside a person's labels" in told.out and "2, 3, 2" in told.out


def test_the_help_shows_examples(run: Run) -> None:
    done = run("spasm", "--help")
    assert done.status == 0
    for words in ("--quiet-file rest.edf", "--channels map.toml", "never from what is"):
        assert words in " ".join(done.out.split())


def test_the_fixture_is_what_the_tests_say() -> None:
    plan = pair_plan()
    assert [(e.start_s, e.stop_s) for e in plan.events if e.class_ == "tonic"] == list(SPASMS)


def test_a_recording_in_steps_of_its_converter_has_no_microvolts(run: Run, tmp_path: Path) -> None:
    """Times and shares are told all the same; amplitudes would be wrong by the converter's scale."""
    samples = simulated_blocks(pair_plan(), 0)
    steps = np.concatenate([np.asarray(block) for block in samples]) / 0.17 + 512
    lines = "\n".join(f"{value:.0f}" for value in steps)
    path = tmp_path / "counts.txt"
    path.write_text(f"EMG\n{lines}\n", encoding="utf-8")
    table = 'schema = "atlasplane.channels/1"\n[[channels]]\nlabel = "EMG"\nkind = "emg"\n'
    table += "[text]\nrate_hz = 1000.0\n"
    (tmp_path / "map.toml").write_text(table, encoding="utf-8")
    arguments = ["spasm", path, "--channels", tmp_path / "map.toml", "--quiet", "1:19"]
    channel = run(*arguments, "--json").document["channels"][0]
    assert channel["threshold_uV"] is channel["noise_uV"] is channel["intensity_uV"] is None
    assert all(event["rms_uV"] is None for event in channel["events"])
    assert channel["rate"]["n"] == len(SPASMS) + 1  # nothing tells of the movement
    told = run(*arguments).out
    assert "file units" in told and "µV" not in told
    page = tmp_path / "page.html"
    assert run(*arguments, "--report", page).status == 0
    assert "file units" in page.read_text(encoding="utf-8")


WITHOUT_NUMBA = "import sys; sys.modules['numba'] = None; from atlasplane.cli import run; sys.exit(run({!r}))"


def without_numba(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The command line in a Python where the optional library cannot be imported."""
    code = WITHOUT_NUMBA.format([str(each) for each in arguments])
    return subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8")


def test_without_the_optional_part_the_remedy_is_to_install_it(night: Path) -> None:
    done = without_numba("spasm", night, "--json")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert json.loads(done.stdout) == {
        "schema": "atlasplane.error/1",
        "file": "measuring spasm",
        "what": "needs the optional part [signals]",
        "remedy": "Install it: pip install 'atlasplane[signals]'",
    }


@pytest.mark.parametrize(
    "module", ["spasms", "spasms_channels", "spasms_movement", "spasms_rest", "spasms_visit"]
)
def test_every_module_that_needs_the_optional_part_names_it(module: str) -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from atlasplane.core.errors import MissingExtra\n"
        f"try:\n    import atlasplane.chain.{module}\n"
        "except MissingExtra as missing:\n    print(missing.extra)"
    )
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8")
    assert told.stdout.strip() == "signals"


def test_a_case_is_measured_without_the_optional_part_and_says_what_is_missing(tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", recording())
    night_file(case / DAYS[0])
    done = without_numba("measure", case, "--json")
    assert done.returncode == 0, done.stderr
    (finding,) = [one for one in json.loads(done.stdout)["findings"] if one["code"] == "spasm.not_measured"]
    assert finding["file"].endswith("night.edf") and "atlasplane[signals]" in finding["text"]
