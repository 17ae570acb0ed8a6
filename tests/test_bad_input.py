"""Bad input of every kind: exit status 2, one message with file, fault and remedy, nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from atlasplane.simulate import patient
from tests.bad_input import dicom_files
from tests.cli_cases import POST, PRE, Run, change, copy_of, edit_marks, everything, runner, write_whole_case

NASIUM = ("--view", "nasium", "--patient-right", "image_left")
ASIDE = re.compile(r"\.[0-9a-f]{8}\.part")
"""Ending of what is still being written."""
PLANTED = ("Planted", "PLANTED")
"""What stands in the headers of the test's DICOM files and nowhere else."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whole_case(tmp_path_factory.mktemp("whole") / "case")


@pytest.fixture
def case(whole: Path, tmp_path: Path) -> Path:
    return copy_of(whole, tmp_path / "case")


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def refused(go: Run, *arguments: object, file: str, what: str) -> str:
    """Run with and without --json: status 2, one line on stderr, the error's document on stdout."""
    plain, machine = go(*arguments), go(*arguments, "--json")
    assert (plain.status, machine.status) == (2, 2), plain.err
    assert plain.out == ""
    assert ASIDE.sub("", plain.err) == ASIDE.sub("", machine.err)
    assert plain.err.count("\n") == 1 and plain.err.endswith("\n")
    error = machine.document
    assert error["schema"] == "atlasplane.error/1"
    assert file in error["file"]
    assert what in error["what"]
    assert len(error["remedy"]) > 5
    for part in ("file", "what", "remedy"):
        assert error[part].rstrip(".") in machine.err
    assert "Traceback" not in plain.err
    assert not any(word in plain.err + machine.out for word in PLANTED)
    return plain.err


# ---- files ----


def test_truncated_dicom(go: Run, case: Path, tmp_path: Path) -> None:
    film = dicom_files.film(tmp_path / "film.dcm")
    film.write_bytes(film.read_bytes()[:-500])
    before = everything(case)
    refused(go, "add", case, film, *NASIUM, "--visit", "v1", file="film.dcm", what="")
    assert everything(case) == before


def test_a_dicom_name_without_dicom(go: Run, case: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.dcm"
    film.write_bytes(b"not a radiograph" * 100)
    before = everything(case)
    refused(go, "add", case, film, *NASIUM, "--visit", "v1", file="film.dcm", what="not a DICOM file")
    assert everything(case) == before


def test_the_same_files_in_a_folder(go: Run, case: Path) -> None:
    change(case / PRE / "visit.toml", 'file = "nasium.png"', 'file = "nasium.dcm"')
    (case / PRE / "nasium.dcm").write_bytes(b"not a radiograph" * 100)
    refused(go, "measure", case, file=f"{PRE}/nasium.dcm", what="not a DICOM file")


def test_a_cut_off_png(go: Run, case: Path) -> None:
    film = case / PRE / "nasium.png"
    film.write_bytes(film.read_bytes()[:20])
    refused(go, "measure", case, file=f"{PRE}/nasium.png", what="")


@pytest.mark.parametrize("command", ["measure", "compare", "report"])
def test_missing_folder(go: Run, tmp_path: Path, command: str) -> None:
    refused(go, command, tmp_path / "nowhere", file="nowhere", what="does not exist")


@pytest.mark.parametrize("command", ["measure", "compare", "report"])
def test_a_folder_that_is_no_case(go: Run, tmp_path: Path, command: str) -> None:
    refused(go, command, tmp_path, file=tmp_path.name, what="holds no case.toml")


def test_unreadable_folder(go: Run, case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = Path.iterdir

    def closed(self: Path) -> Any:
        if (
            self == case
        ):  # as the system answers for a closed folder; the test may run as one who can read all
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return listing(self)

    monkeypatch.setattr(Path, "iterdir", closed)
    refused(go, "measure", case, file="case", what="Permission denied")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs an account that files can refuse"
)
def test_really_unreadable_folder(go: Run, case: Path) -> None:
    case.chmod(0)
    try:
        refused(go, "measure", case, file="case", what="Permission denied")
    finally:
        case.chmod(0o755)


# ---- tables ----


def test_unknown_view(go: Run, case: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.png"
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(film)
    before = everything(case)
    refused(
        go, "add", case, film, "--view", "nasum", "--visit", "v1", file="film.png", what="'view' is 'nasum'"
    )
    assert everything(case) == before
    change(case / PRE / "visit.toml", 'view = "nasium"', 'view = "nasum"')
    refused(go, "measure", case, file=f"{PRE}/visit.toml", what="'nasum'")


def test_missing_patient_right(go: Run, case: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.png"
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(film)
    before = everything(case)
    refused(go, "add", case, film, "--view", "nasium", "--visit", "v1", file="film.png", what="patient_right")
    assert everything(case) == before
    toml = case / PRE / "visit.toml"
    lines = toml.read_text(encoding="utf-8").splitlines(keepends=True)
    toml.write_text("".join(line for line in lines if not line.startswith("patient_right")), encoding="utf-8")
    refused(go, "measure", case, file=f"{PRE}/visit.toml", what="'patient_right' is missing")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('view = "nasium"', 'view = "nasium"\npatient_rite = "image_left"', "unknown key"),
        ("sid_mm = 1067.0", "sid_mm = nan", "sid_mm"),
        ("sod_mm = 837.0", "sod_mm = 1837.0", "not smaller than sid_mm"),
        ('view = "nasium"', 'view = "nasium"\nmarker_at = [1000, 100]', "the right half"),
        ('moment = "pre"', 'moment = "during"', "'moment' is 'during'"),
        ('id = "v1"', 'id = "v2"', "is also that of"),
        ('landmarks = "nasium.landmarks.json"', 'landmarks = "gone.json"', "does not exist"),
        ('landmarks = "nasium.landmarks.json"', 'landmarks = "../../x.json"', "inside the folder"),
        ('schema = "atlasplane.visit/1"', 'schema = "atlasplane.visit/9"', "atlasplane.visit/9"),
        ('schema = "atlasplane.visit/1"', 'schema = "atlasplane.visit/1', "not valid TOML"),
    ],
)
def test_a_wrong_table(go: Run, case: Path, old: str, new: str, what: str) -> None:
    change(case / PRE / "visit.toml", old, new)
    refused(go, "measure", case, file="visit.toml", what=what)


def test_nan_in_a_landmark_file(go: Run, case: Path) -> None:
    edit_marks(case, "nasium", lambda reading: reading["points"]["PL_R"].update(at=[float("nan"), 3.0]))
    refused(go, "measure", case, file=f"{PRE}/nasium.landmarks.json", what="NaN")


# ---- landmarks ----


def outside(reading: dict[str, Any]) -> None:
    reading["points"]["PL_R"]["at"] = [5000.0, 20.0]


def short_contour(reading: dict[str, Any]) -> None:
    reading["contours"]["SKULL_R"] = reading["contours"]["SKULL_R"][:1]


def two_level_skull(reading: dict[str, Any]) -> None:
    for id_ in ("SKULL_R", "SKULL_L"):
        column, row = reading["contours"][id_][0]
        reading["contours"][id_] = [[column, row], [column, row + 1.0]]


def circle_of_two(reading: dict[str, Any]) -> None:
    reading["contours"]["AXIS_R"] = reading["contours"]["AXIS_R"][:1]
    reading["contours"]["AXIS_L"] = reading["contours"]["AXIS_L"][:1]


def one_circle_of_two_points(reading: dict[str, Any]) -> None:
    for id_ in ("COND_R", "COND_L"):
        reading["contours"][id_] = reading["contours"][id_][:1]


def one_point_of_a_line(reading: dict[str, Any]) -> None:
    reading["points"] = {"PL_R": reading["points"]["PL_R"]}
    reading["contours"], reading["contour_sd"] = {}, {}


def points_that_coincide(reading: dict[str, Any]) -> None:
    reading["points"]["PL_L"] = dict(reading["points"]["PL_R"])


def sides_exchanged(reading: dict[str, Any]) -> None:
    points = reading["points"]
    points["PL_R"], points["PL_L"] = points["PL_L"], points["PL_R"]


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (outside, "outside"),
        (short_contour, "SKULL_R"),
        (two_level_skull, "skull contours"),
        (circle_of_two, "AXIS"),
        (one_circle_of_two_points, "COND"),
        (one_point_of_a_line, "too few points"),
        (points_that_coincide, ""),
        (sides_exchanged, "disagree"),
        (lambda reading: reading["points"].update(PL_Q={"at": [1.0, 1.0]}), "unknown landmark 'PL_Q'"),
        (lambda reading: reading["points"]["PL_R"].update(cov=[[1.0, 2.0], [2.0, 1.0]]), "PL_R"),
    ],
)
def test_unusable_landmarks(go: Run, case: Path, edit: Callable[[dict[str, Any]], None], what: str) -> None:
    edit_marks(case, "nasium", edit)
    refused(go, "measure", case, file=f"{PRE}/nasium", what=what)


def test_a_point_given_twice(go: Run, case: Path) -> None:
    path = case / PRE / "nasium.landmarks.json"
    text = path.read_text(encoding="utf-8")
    assert '"PL_R"' in text
    path.write_text(text.replace('"PL_R"', '"PL_R": {"at": [1.0, 2.0]}, "PL_R"', 1), encoding="utf-8")
    refused(go, "measure", case, file=f"{PRE}/nasium.landmarks.json", what="'PL_R' is given twice")


def test_the_landmark_file_of_another_image(go: Run, case: Path, tmp_path: Path) -> None:
    path = case / PRE / "nasium.landmarks.json"
    (case / POST / "nasium.landmarks.json").replace(path)
    refused(go, "measure", case, file=f"{PRE}/nasium.landmarks.json", what="another image")
    film = tmp_path / "film.png"
    Image.fromarray(np.full((1760, 1120), 7, np.uint16)).save(film)
    other = write_whole_case(tmp_path / "other")
    before = everything(other)
    refused(
        go,
        "add",
        other,
        film,
        *NASIUM,
        "--visit",
        "v1",
        "--landmarks",
        path,
        file=path.name,
        what="another image",
    )
    assert everything(other) == before


# ---- what is asked ----


def test_a_length_without_a_scale(go: Run, case: Path) -> None:
    for folder in (PRE, POST):
        path = case / folder / "visit.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        path.write_text(
            "\n".join('calibration = { kind = "none" }' if s.startswith("calibration") else s for s in lines),
            encoding="utf-8",
        )
    refused(go, "measure", case, "-q", "odontoid_offset", file="nasium.png", what="has no scale")
    assert go("measure", case, "-q", "atlas_laterality").status in (0, 1)


def test_an_unknown_quantity_is_guessed(go: Run, case: Path) -> None:
    said = refused(go, "measure", case, "-q", "atlas_lateralty", file="--quantity", what="is no quantity")
    assert "atlas_laterality" in said


# ---- people ----


def test_a_film_of_another_patient(go: Run, tmp_path: Path) -> None:
    case = tmp_path / "case"
    assert go("new", case, "--pseudonym", "P-1").status == 0
    first, other = tmp_path / "a.dcm", tmp_path / "b.dcm"
    dicom_files.film(first)
    dicom_files.film(other, PatientID="PLANTED-OTHER", PatientName="Planted^Other")
    added = go("add", case, first, *NASIUM, "--json")
    assert added.status == 0 and not any(word in added.out + added.err for word in PLANTED)
    before = everything(case)
    refused(go, "add", case, other, *NASIUM, file="b.dcm", what="another patient")
    assert everything(case) == before
    (case / PRE / "other.dcm").write_bytes(other.read_bytes())
    toml = case / PRE / "visit.toml"
    table = '\n[[film]]\nfile = "other.dcm"\nview = "nasium"\npatient_right = "image_left"\n'
    toml.write_text(toml.read_text(encoding="utf-8") + table, encoding="utf-8")
    refused(go, "measure", case, file="other.dcm", what="another patient")
    refused(go, "report", case, file="other.dcm", what="another patient")
    assert not (case / "report.html").exists()


def test_header_names_are_nowhere_in_the_output(go: Run, tmp_path: Path) -> None:
    case = tmp_path / "case"
    go("new", case, "--pseudonym", "P-1")
    go("add", case, dicom_files.film(tmp_path / "a.dcm", PatientBirthDate="19310203"), *NASIUM)
    for command in (("measure", case), ("measure", case, "--json"), ("report", case, "--no-pdf")):
        outcome = go(*command)
        assert outcome.status == 0
        assert not any(word in outcome.out + outcome.err for word in (*PLANTED, "1931"))
    page = (case / "report.html").read_text(encoding="utf-8")
    assert not any(word in page for word in (*PLANTED, "1931"))
    toml = (case / PRE / "visit.toml").read_text(encoding="utf-8")
    assert not any(word in toml for word in PLANTED)


# ---- a disk that fills up ----


@pytest.mark.parametrize("fails_at", ["write", "rename"])
def test_a_full_disk_while_the_report_is_written(
    go: Run, case: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    assert go("report", case, "--no-pdf").status == 0
    before = everything(case)
    full = OSError(errno.ENOSPC, "No space left on device")

    def no_space(*_arguments: object) -> None:
        raise full

    monkeypatch.setattr(os, "fsync", no_space) if fails_at == "write" else monkeypatch.setattr(
        Path, "replace", no_space
    )
    refused(go, "report", case, "--no-pdf", file="report.html", what="No space left")
    assert everything(case) == before


@pytest.mark.parametrize("command", ["new", "simulate"])
def test_a_full_disk_while_a_folder_is_made(
    go: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def no_space(_number: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    monkeypatch.setattr(patient, "film_picture", lambda film, _noise: np.zeros(film.setup.shape, np.uint16))
    options = ("--pseudonym", "P") if command == "new" else ("--seed", "1", "--views", "lateral")
    refused(go, command, tmp_path / "out", *options, file="out", what="No space left")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_standard_output_is_no_success() -> None:
    code = "import sys; from atlasplane.cli import main; sys.argv = ['atlasplane', 'schema']; main()"
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False
        )
    assert ended.returncode != 0


def test_measured_json_is_plain(go: Run, case: Path) -> None:
    """The whole case is sound: what the other tests break is what they say."""
    outcome = go("measure", case, "--json")
    assert outcome.status == 0
    assert json.loads(outcome.out)["case"] == "cli-case"
