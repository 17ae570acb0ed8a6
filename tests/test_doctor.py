"""`doctor`: what is there, what is missing, and how to mend it; never an exit status but 0."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from atlasplane.cli import browsers, requirements, trials
from atlasplane.cli.requirements import Requirement, within
from atlasplane.io.codec_trial import CodecTrial
from tests.cli_cases import Run, runner


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def test_this_computer_can_run_it(go: Run, tmp_path: Path) -> None:
    done = go("doctor", tmp_path, "--json")
    assert done.status == 0
    found = done.document["trials"]
    problems = [t for t in found if t["state"] == "problem"]
    assert problems == []
    names = {t["name"] for t in found}
    assert {"Python", "numpy", "pydicom", "JPEG 2000", "JPEG-LS", "RLE", "Source Sans", "landmarks"} <= names
    assert next(t for t in found if t["name"] == "writing")["text"] == str(tmp_path)


def test_every_remedy_stands_below_what_it_mends(
    go: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLASPLANE_DATA", str(tmp_path / "gone"))
    monkeypatch.setenv("COLUMNS", "80")
    done = go("doctor", tmp_path)
    assert done.status == 0
    assert "1 problem" in done.out and "Correct it, or unset it" in done.out
    assert all(len(line) <= 80 for line in done.out.splitlines())


def test_a_folder_that_cannot_be_written_is_a_problem(go: Run, tmp_path: Path) -> None:
    found = go("doctor", tmp_path / "gone", "--json")
    assert found.status == 0
    writing = next(t for t in found.document["trials"] if t["name"] == "writing")
    assert writing["state"] == "problem" and "doctor FOLDER" in writing["remedy"]


def test_a_codec_that_fails_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[CodecTrial]:
        yield CodecTrial(name="JPEG-LS", fault="has pixel data that cannot be decoded")

    monkeypatch.setattr("atlasplane.io.codec_trial.codec_trials", broken)
    found = next(t for t in trials.trials(tmp_path) if t.name == "JPEG-LS")
    assert found.state == "problem" and found.remedy


@pytest.mark.parametrize(
    ("found", "bounds", "fits"),
    [
        ("2.4.6", ">=2.4,<3", True),
        ("3.0", ">=2.4,<3", False),
        ("3", "<3.0", False),
        ("2.3.9", ">=2.4", False),
        ("2.10", ">=2.9", True),
        ("1.0rc1", ">=1.0", True),
        ("1.2", "!=1.2", False),
        ("1.2.0", "==1.2", True),
        ("9", "", True),
    ],
)
def test_versions_are_held_against_their_bounds(found: str, bounds: str, fits: bool) -> None:
    assert within(found, bounds) is fits


def test_metadata_is_read_with_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        "numpy<3,>=2.4",
        "pydicom (>=3.0.2)",
        'numba<0.69,>=0.68.1; extra == "ct"',
        "atlasplane[ct]; extra == 'all'",
    ]
    monkeypatch.setattr(requirements, "requires", lambda _name: lines)
    monkeypatch.setattr(requirements, "_installed", lambda name: None if name == "numba" else "2.5")
    found = list(requirements.requirements())
    assert [(each.asked, each.extra, each.installed, each.is_met) for each in found] == [
        ("numpy>=2.4,<3", "", "2.5", True),
        ("pydicom>=3.0.2", "", "2.5", False),
        ("numba>=0.68.1,<0.69", "ct", None, False),
    ]


def test_a_missing_part_is_a_note_and_a_wrong_version_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [
        Requirement(name="numpy", bounds=">=9", extra="", installed="2.4.6"),
        Requirement(name="numba", bounds=">=0.68", extra="ct", installed=None),
    ]
    monkeypatch.setattr(trials, "requirements", lambda: iter(asked))
    found = {t.name: t for t in trials.trials(tmp_path)}
    assert (found["numpy"].state, found["numpy"].remedy) == ("problem", "pip install 'numpy>=9'")
    assert (found["[ct]"].state, "atlasplane[ct]" in found["[ct]"].remedy) == ("note", True)


def test_a_package_that_was_never_installed_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def gone(_name: str) -> list[str]:
        raise PackageNotFoundError

    monkeypatch.setattr(requirements, "requires", gone)
    assert next(t for t in trials.trials(tmp_path) if t.name == "packages").state == "note"


def test_browsers_are_found_by_path_and_by_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(browsers.shutil, "which", lambda name: "/x" if name == "firefox" else None)
    program = tmp_path / "Microsoft" / "Edge" / "Application" / "msedge.exe"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setenv("PROGRAMFILES", str(tmp_path))
    assert {"firefox", "msedge"} <= set(browsers.browsers())


def test_without_a_browser_it_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none() -> None:
        raise webbrowser.Error("none")

    monkeypatch.setattr(trials, "browsers", lambda: ())
    monkeypatch.setattr(webbrowser, "get", none)
    found = next(t for t in trials.trials(tmp_path) if t.name == "browser")
    assert found.state == "note" and "Chromium" in found.remedy
