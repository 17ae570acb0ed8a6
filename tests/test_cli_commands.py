"""The commands as a person and as a program use them: statuses, tables, documents, files."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from atlasplane.core.finding import Finding, Severity
from atlasplane.io.models import CaseFile, VisitFile
from atlasplane.io.schemas import json_schema, schema_names
from atlasplane.pathways.alignment import visit_analysis
from atlasplane.report.numbers import NO_BREAK
from atlasplane.simulate import demo_night, patient
from atlasplane.simulate.visit import SimulatedFilm
from tests.bad_input import dicom_files
from tests.bad_input.cases import landmark_text
from tests.cli_cases import POST, PRE, Run, change, copy_of, edit_marks, everything, runner, write_whole_case

NASIUM = ("--view", "nasium", "--patient-right", "image_left")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whole_case(tmp_path_factory.mktemp("whole") / "case")


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def quick_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """Films of one grey instead of rendered ones, and nights of twenty minutes."""
    grey = iter(range(1, 1000))

    def picture(film: SimulatedFilm, _noise: object) -> np.ndarray:
        return np.full(film.setup.shape, next(grey), np.uint16)

    monkeypatch.setattr(patient, "film_picture", picture)
    monkeypatch.setattr(demo_night, "DURATION_S", 1200.0)


# ---- measure, compare, report ----


def test_measure_prints_every_quantity_of_every_visit(whole: Path, go: Run) -> None:
    outcome = go("measure", whole)
    assert outcome.status == 0 and outcome.err == ""
    for text in (
        "SIMULATED",
        "Visit v1, before (pre)",
        "Visit v2, after (post)",
        "Nasium film",
        "Atlas laterality",
    ):
        assert text in outcome.out
    for text in ("Listing", "Gate", "Vector", "Stop table", "not a treatment recommendation"):
        assert text in outcome.out
    assert "no published error" in outcome.out
    assert NO_BREAK in outcome.out and "\\xa0" not in outcome.out


@pytest.mark.parametrize(("columns", "has_u"), [(80, False), (120, True)])
@pytest.mark.parametrize("command", ["measure", "compare"])
def test_tables_fit_the_terminal(
    whole: Path, go: Run, monkeypatch: pytest.MonkeyPatch, command: str, columns: int, has_u: bool
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = go(command, whole).out
    assert max(map(len, shown.splitlines())) <= columns
    assert "…" not in shown
    assert "Condylar circle radius" in shown or columns == 80
    words = ("unverified",) if command == "measure" else ("meaningful  sustained",)
    assert all((word in shown) == has_u for word in words)


def test_measure_json_is_complete(whole: Path, go: Run) -> None:
    outcome = go("measure", whole, "--json")
    document = outcome.document
    assert outcome.err == ""
    assert document["simulated"] is True
    assert [visit["moment"] for visit in document["visits"]] == ["pre", "post"]
    kinds = {observed["kind"] for visit in document["visits"] for observed in visit["observations"]}
    assert {"measurement", "category"} <= kinds
    pre = document["visits"][0]
    assert len(pre["joint"]["cov"]) == len(pre["joint"]["order"])
    assert {gate["id"] for gate in pre["gates"]} >= {"stop_table", "laterality_below_mdc"}


def test_one_quantity_is_shown_alone(whole: Path, go: Run) -> None:
    shown = go("measure", whole, "-q", "atlas_laterality").out
    assert "Atlas laterality" in shown and "Lower angle" not in shown and "Gate" not in shown


def test_a_visit_without_the_quantity_says_so(whole: Path, go: Run, tmp_path: Path) -> None:
    case = copy_of(whole, tmp_path / "case")
    toml = case / POST / "visit.toml"
    change(toml, 'landmarks = "nasium.landmarks.json"\n', "")
    assert "not measured in this visit" in go("measure", case, "-q", "atlas_laterality").out
    toml.write_text(toml.read_text(encoding="utf-8").split("[[film]]")[0], encoding="utf-8")
    assert "no films: nothing is measured" in go("measure", case).out


def test_an_empty_case_says_what_comes_next(go: Run, tmp_path: Path) -> None:
    go("new", tmp_path / "case", "--pseudonym", "P-1")
    outcome = go("measure", tmp_path / "case")
    assert outcome.status == 0 and "atlasplane add" in outcome.out
    assert go("measure", tmp_path / "case", "--json").document["visits"] == []
    assert go("report", tmp_path / "case", "--no-pdf").status == 0


@pytest.fixture
def with_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every visit has a finding that asks for a person."""
    analyse = visit_analysis.analyse_visit
    stop = Finding(
        code="test.stop", severity=Severity.STOP, text="A person must [look] here.", file="nasium.png"
    )

    def analysed(visit: object, **settings: object) -> object:
        found = analyse(visit, **settings)
        return replace(found, findings=(*found.findings, stop))

    monkeypatch.setattr("atlasplane.chain.measured.analyse_visit", analysed)


def test_a_stop_finding_is_status_1_and_the_json_is_complete(
    whole: Path, go: Run, with_a_stop: None, tmp_path: Path
) -> None:
    for command in ("measure", "compare"):
        told = go(command, whole)
        assert told.status == 1
        assert "stop" in told.out and "A person must [look] here. (test.stop)" in told.out
        outcome = go(command, whole, "--json")
        assert outcome.status == 1
        assert "test.stop" in {found["code"] for found in outcome.document["findings"]}
    assert len(go("compare", whole, "--json").document["changes"]) > 10
    assert go("report", copy_of(whole, tmp_path / "case"), "--no-pdf").status == 0


def test_compare_speaks_the_three_words(whole: Path, go: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    outcome = go("compare", whole)
    assert outcome.status == 0
    for word in ("distinguishable", "meaningful", "sustained", "MDC95", "Three"):
        assert word in outcome.out
    assert "MDC90" in go("compare", whole, "--level", "0.9").out
    document = go("compare", whole, "--json").document
    assert (document["pre"], document["post"]) == ("v1", "v2")
    assert (document["case"], document["simulated"]) == ("cli-case", True)
    change = next(c for c in document["changes"] if c["quantity"] == "atlas_laterality")
    assert change["distinguishable"] is True and change["mdc"]["level"] == 0.95
    turned = go("compare", whole, "--pre", "v2", "--post", "v1", "--json").document
    back = next(c for c in turned["changes"] if c["quantity"] == "atlas_laterality")
    assert back["change"] == -change["change"]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (("--pre", "v9"), "no visit 'v9'"),
        (("--pre", "v1", "--post", "v1"), "compared with itself"),
        (("--level", "2"), "0.9999"),
    ],
)
def test_compare_refuses(whole: Path, go: Run, options: tuple[str, ...], what: str) -> None:
    outcome = go("compare", whole, *options, "--json")
    assert outcome.status == 2 and what in outcome.document["what"]


def test_report_prints_what_it_wrote(whole: Path, go: Run, tmp_path: Path) -> None:
    case = copy_of(whole, tmp_path / "case")
    assert go("report", case, "--no-pdf").out.split() == [str(case / "report.html")]
    outcome = go("report", case, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.document["files"] == [str(case / "report.html"), str(case / "report.pdf")]
    assert (case / "report.pdf").read_bytes().startswith(b"%PDF")


# ---- new and add ----


def test_a_new_case_is_its_model(go: Run, tmp_path: Path) -> None:
    folder = tmp_path / "cases" / "P-014"
    outcome = go("new", folder, "--pseudonym", "P-014", "--birth-year", 1980, "--sex", "female", "--json")
    assert (outcome.status, outcome.document["folder"]) == (0, str(folder))
    content = tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))
    assert CaseFile.model_validate(content).birth_year == 1980
    Draft202012Validator(json_schema("case")).validate(content)
    assert go("new", tmp_path / "b", "--pseudonym", "P-2").out == f"{tmp_path / 'b'}\n"
    for options in (("--sex", "robot"), ("--birth-year", "12"), ("--birth-year", "x")):
        again = go("new", tmp_path / "c", "--pseudonym", "P-3", *options, "--json")
        assert again.status == 2 and again.document["remedy"]
        assert not (tmp_path / "c").exists()


def test_add_writes_every_option_into_visit_toml(go: Run, tmp_path: Path) -> None:
    case, film = tmp_path / "case", dicom_files.film(tmp_path / "film.dcm", AcquisitionDate=None)
    marks = tmp_path / "marks.json"
    marks.write_text(landmark_text(film, '{"PL_R": {"at": [12.5, 10.25]}}'), encoding="utf-8")
    go("new", case, "--pseudonym", "P-1")
    options = {
        "--landmarks": marks,
        "--visit": "first",
        "--time": "2026-03-02T09:10:00+01:00",
        "--phase": "care",
        "--moment": "pre",
        "--observer": "KR",
        "--patient-superior": "image_up",
        "--marker": "R",
        "--marker-at": "3,2.5",
        "--sid-mm": 1067,
        "--sod-mm": 837,
        "--tube-deg": 12,
        "--detector": "perpendicular",
        "--principal-px": "15,10",
        "--calibration": "ermf",
        "--mm-per-px": "1.5,1.25",
        "--u-rel": 0.03,
    }
    outcome = go("add", case, film, *NASIUM, *(part for pair in options.items() for part in pair), "--json")
    assert outcome.status == 0, outcome.err
    assert (outcome.document["visit"], outcome.document["file"]) == ("first", f"{PRE}/nasium.dcm")
    content = tomllib.loads((case / PRE / "visit.toml").read_text(encoding="utf-8"))
    table = VisitFile.model_validate(content)
    (taken,) = table.film
    assert (table.id, table.phase, table.moment, table.observer) == ("first", "care", "pre", "KR")
    assert table.time.isoformat() == "2026-03-02T09:10:00+01:00"
    assert (taken.landmarks, taken.marker, taken.marker_at) == ("nasium.landmarks.json", "R", (3.0, 2.5))
    assert taken.technique is not None and taken.calibration is not None
    assert (taken.technique.sid_mm, taken.technique.sod_mm, taken.technique.tube_deg) == (1067, 837, 12)
    assert (taken.technique.detector, taken.technique.principal_px) == ("perpendicular", (15.0, 10.0))
    assert (taken.calibration.kind, taken.calibration.mm_per_px) == ("ermf", (1.5, 1.25))
    assert taken.calibration.u_rel == 0.03
    assert (case / PRE / "nasium.landmarks.json").read_bytes() == marks.read_bytes()
    assert "too few points" in go("measure", case, "--json").document["what"]


def test_one_number_is_the_size_of_a_square_pixel(go: Run, tmp_path: Path) -> None:
    case, film = tmp_path / "case", dicom_files.film(tmp_path / "film.dcm")
    go("new", case, "--pseudonym", "P-1")
    assert go("add", case, film, *NASIUM, "--calibration", "ermf", "--mm-per-px", "1.5").status == 0
    assert "mm_per_px = [1.5, 1.5]" in (case / PRE / "visit.toml").read_text(encoding="utf-8")


def test_a_missing_marker_is_a_finding(go: Run, tmp_path: Path) -> None:
    case, film = tmp_path / "case", dicom_files.film(tmp_path / "film.dcm")
    go("new", case, "--pseudonym", "P-1")
    outcome = go("add", case, film, *NASIUM)
    assert outcome.status == 0
    assert outcome.out.startswith(f"{PRE}/nasium.dcm  (visit v1)\n")
    assert "film.marker_missing" in outcome.out


def test_a_wrong_header_can_be_overruled(go: Run, tmp_path: Path) -> None:
    case = tmp_path / "case"
    film = dicom_files.film(tmp_path / "film.dcm", PatientOrientation=["L", "F"])
    go("new", case, "--pseudonym", "P-1")
    turned = ("--view", "nasium", "--patient-right", "image_right")
    assert go("add", case, film, *turned).status == 2
    assert go("add", case, film, *turned, "--ignore-header-orientation").status == 0


@pytest.mark.parametrize(
    ("options", "file", "what"),
    [
        (("--time", "yesterday"), "--time", "'yesterday' is no time"),
        (("--time", "2026-03-02T09:10"), "--time", "no offset"),
        (("--tube-deg", "12"), "--tube-deg", "both distances"),
        (("--sid-mm", "800", "--sod-mm", "900"), "film.dcm", "not smaller"),
        (("--sid-mm", "-1", "--sod-mm", "900"), "film.dcm", "sid_mm"),
        (("--mm-per-px", "0.1"), "--mm-per-px", "kind"),
        (("--u-rel", "0.1"), "--u-rel", "kind"),
        (("--calibration", "ermf"), "--calibration", "no millimetres"),
        (("--calibration", "guess", "--mm-per-px", "1"), "film.dcm", "'guess'"),
        (("--calibration", "ermf", "--mm-per-px", "wide"), "--mm-per-px", "not a number"),
        (("--calibration", "ermf", "--mm-per-px", "1,2,3"), "--mm-per-px", "not two numbers"),
        (("--marker-at", "nan,1"), "--marker-at", "not two numbers"),
        (("--marker", "X"), "film.dcm", "'marker' is 'X'"),
        (("--phase", "during"), "visit.toml", "'phase' is 'during'"),
        (("--landmarks", "gone.json"), "gone.json", "does not exist"),
    ],
)
def test_add_refuses_and_changes_nothing(
    go: Run, tmp_path: Path, options: tuple[str, ...], file: str, what: str
) -> None:
    case, film = tmp_path / "case", dicom_files.film(tmp_path / "film.dcm")
    go("new", case, "--pseudonym", "P-1")
    before = everything(case)
    outcome = go("add", case, film, *NASIUM, *options, "--json")
    assert outcome.status == 2
    assert file in outcome.document["file"] and what in outcome.document["what"]
    assert everything(case) == before and [path.name for path in case.iterdir()] == ["case.toml"]


def test_real_films_are_added(go: Run, tmp_path: Path, data_dir: Path) -> None:
    for name, view in (("dx_image.dcm", ("--view", "nasium")), ("RG3_J2KR.dcm", ("--view", "lateral"))):
        case = tmp_path / name
        go("new", case, "--pseudonym", "P-1", "--birth-year", "1950")
        side = () if "nasium" in view else ("--patient-anterior", "image_left")
        outcome = go("add", case, data_dir / "dicom" / name, *view, *side, "--json")
        assert outcome.status == 0, outcome.err
        codes = {found["code"] for found in outcome.document["findings"]}
        assert ("film.marker_missing" in codes) == ("nasium" in view)
        assert go("measure", case).status == 0
        again = go("add", case, data_dir / "dicom" / name, *view, *side)
        assert again.status == 0 and "nothing was changed" in again.out


# ---- simulate, demo, schema ----


def test_a_simulated_case_is_whole(go: Run, tmp_path: Path, quick_films: None) -> None:
    out = tmp_path / "out"
    options = (
        "--seed",
        3,
        "--head",
        "0.5,1,0",
        "--post",
        "-12,0.5,0.5",
        "--views",
        "lateral,nasium",
        "--noise-mm",
        0,
    )
    outcome = go("simulate", out, *options, "--json")
    assert outcome.status == 0, outcome.err
    assert outcome.document == {"schema": "atlasplane.simulate/1", "folder": str(out), "seed": 3}
    truth = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    Draft202012Validator(json_schema("truth")).validate(truth)
    for folder in (PRE, POST):
        content = tomllib.loads((out / folder / "visit.toml").read_text(encoding="utf-8"))
        assert [film.view for film in VisitFile.model_validate(content).film] == ["lateral", "nasium"]
    assert go("compare", out).status == 0
    marks = {path.name: path.read_bytes() for path in (out / PRE).glob("*.json")}
    again = tmp_path / "again"
    assert go("simulate", again, *options).out == f"{again}\n"
    assert {path.name: path.read_bytes() for path in (again / PRE).glob("*.json")}.keys() == marks.keys()
    assert (again / "truth.json").read_bytes() == (out / "truth.json").read_bytes()
    assert go("simulate", out, *options).status == 2


@pytest.mark.parametrize(
    ("options", "file"),
    [
        ((), "atlasplane simulate"),
        (("--seed", "-1"), "--seed"),
        (("--seed", "x"), "atlasplane simulate"),
        (("--seed", "1", "--head", "1,2"), "--head"),
        (("--seed", "1", "--atlas", "a,b,c"), "--atlas"),
        (("--seed", "1", "--post", "99,0,0"), "--post"),
        (("--seed", "1", "--head", "1,2,nan"), "--head"),
        (("--seed", "1", "--views", "oblique"), "--views"),
        (("--seed", "1", "--views", "nasium,nasium"), "--views"),
        (("--seed", "1", "--views", ","), "--views"),
        (("--seed", "1", "--noise-mm", "50"), "--noise-mm"),
        (("--seed", "1", "--scan", "mri"), "--scan"),
        (("--seed", "1", "--ct", "x.nii.gz"), "--ct"),
        (("--seed", "1", "--landmarks", "x.json"), "--landmarks"),
        (("--seed", "1", "--ct", "gone.nii.gz", "--landmarks", "gone.json"), "gone"),
    ],
)
def test_simulate_refuses(go: Run, tmp_path: Path, options: tuple[str, ...], file: str) -> None:
    outcome = go("simulate", tmp_path / "out", *options, "--json")
    assert outcome.status == 2
    assert file in outcome.document["file"]
    assert not (tmp_path / "out").exists()


def test_the_demo_ends_in_truth_beside_measurement(
    go: Run, tmp_path: Path, quick_films: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    folder = tmp_path / "demo"
    outcome = go("demo", folder)
    assert outcome.status == 0, outcome.err
    for text in ("Twin without effect", "truth", "not distinguishable", "report.html", "report.pdf", "Next:"):
        assert text in outcome.out
    machine = go("demo", folder, "--json")
    assert machine.status == 0, machine.err
    assert machine.document["cases"] == [str(folder / "patient"), str(folder / "twin")]
    assert all(Path(file).is_file() for file in machine.document["files"])


def test_the_demo_removes_nothing_but_a_demo(go: Run, tmp_path: Path) -> None:
    own = tmp_path / "mine" / "case"
    own.mkdir(parents=True)
    (own / "truth.json").write_text("{}", encoding="utf-8")
    for folder in (tmp_path / "mine", own / "truth.json"):
        outcome = go("demo", folder, "--json")
        assert outcome.status == 2 and "another folder" in outcome.document["remedy"]
    assert (own / "truth.json").is_file()


def test_every_schema_is_printed(go: Run) -> None:
    assert go("schema").out.split() == list(schema_names())
    assert go("schema", "--json").document["names"] == list(schema_names())
    for name in schema_names():
        Draft202012Validator.check_schema(json.loads(go("schema", name).out))
    outcome = go("schema", "meassure", "--json")
    assert outcome.status == 2 and "'measure'" in outcome.document["remedy"]


def test_brackets_in_a_file_are_brackets(whole: Path, go: Run, tmp_path: Path) -> None:
    case = copy_of(whole, tmp_path / "case")
    edit_marks(case, "nasium", lambda reading: reading.update(observer="[bold]K\x1b[31mR"))
    outcome = go("measure", case)
    assert "\x1b" not in outcome.out and "\x1b" not in outcome.err
