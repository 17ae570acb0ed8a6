"""`check`: what contradicts is found and said at once, with a number, a limit and a source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from atlasplane import api
from atlasplane.chain.case_records import record_findings
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.film_facts import film_header
from atlasplane.sources.case import Case, Moment
from atlasplane.sources.film import View
from atlasplane.sources.film_header import FilmHeader
from tests.bad_input import dicom_files
from tests.cli_cases import POST, PRE, Run, change, copy_of, edit_marks, runner, write_whole_case
from tests.film_cases import LATERAL, NASIUM, WHEN, case_of, visit_of_films

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whole_case(tmp_path_factory.mktemp("check") / "case")


@pytest.fixture
def case(whole: Path, tmp_path: Path) -> Path:
    return copy_of(whole, tmp_path / "case")


def codes(findings: object) -> set[str]:
    return {found.code for found in findings}  # type: ignore[attr-defined]


# ---- the command ----


def test_a_whole_case_has_no_stop(go: Run, whole: Path) -> None:
    done = go("check", whole, "--json")
    assert done.status == 0
    document = done.document
    assert (document["case"], document["simulated"]) == ("cli-case", True)
    # The films of this case are one grey each, and that is all that speaks against them.
    assert {f["code"] for f in document["findings"] if f["severity"] == "warn"} == {"film.blank"}


def test_what_measure_finds_stands_in_check_too(whole: Path) -> None:
    checked = api.check(whole)
    assert set(api.load(whole).measure().findings) <= set(checked.findings)
    assert checked.findings == api.load(whole).check().findings


def test_a_film_replaced_after_marking_stops_and_the_rest_is_still_checked(go: Run, case: Path) -> None:
    film = case / PRE / "nasium.png"
    film.write_bytes((case / POST / "nasium.png").read_bytes())
    done = go("check", case, "--json")
    assert done.status == 1
    found = {(f["code"], f["file"]) for f in done.document["findings"]}
    assert ("film.replaced", f"{PRE}/nasium.png") in found
    assert ("film.blank", f"{PRE}/vertex.png") in found
    assert go("measure", case).status == 2


def test_findings_come_gravest_first_and_once(go: Run, case: Path) -> None:
    (case / PRE / "nasium.png").write_bytes((case / POST / "nasium.png").read_bytes())
    found = go("check", case, "--json").document["findings"]
    ranks = [["stop", "warn", "info"].index(f["severity"]) for f in found]
    assert ranks == sorted(ranks)
    assert len({json.dumps(f, sort_keys=True) for f in found}) == len(found)


def test_a_marker_on_the_wrong_side_stops(go: Run, case: Path) -> None:
    change(
        case / PRE / "visit.toml",
        'patient_right = "image_left"',
        'patient_right = "image_left"\nmarker_at = [1100.0, 800.0]',
    )
    done = go("check", case, "--json")
    assert done.status == 1
    assert "film.marker_contradicts" in {f["code"] for f in done.document["findings"]}


def test_marks_that_contradict_the_sides_stop(go: Run, case: Path) -> None:
    def exchange(reading: dict[str, dict[str, object]]) -> None:
        points = reading["points"]
        points["PL_R"], points["PL_L"] = points["PL_L"], points["PL_R"]

    edit_marks(case, "nasium", exchange)
    done = go("check", case, "--json")
    assert done.status == 1
    found = next(f for f in done.document["findings"] if f["code"] == "landmarks.unusable")
    assert found["file"] == f"{PRE}/nasium.png" and "PL_R" in found["text"]


def test_another_scale_at_the_second_visit_shows_in_the_bones(go: Run, case: Path) -> None:
    path = case / POST / "visit.toml"
    text = path.read_text(encoding="utf-8")
    numbers = [line for line in text.splitlines() if "mm_per_px" in line]
    assert numbers
    content = api.load(case).case.visits[1].films[1].calibration.mm_per_px
    assert content is not None
    path.write_text(text.replace(repr(content[0]), repr(content[0] * 1.4)), encoding="utf-8")
    done = go("check", case, "--json")
    found = [f for f in done.document["findings"] if f["code"] == "bones.other_person"]
    assert done.status == 1 and found
    assert all(f["value"] > f["limit"] and f["source"] for f in found)


def test_the_same_bytes_twice_are_one_film(go: Run, case: Path) -> None:
    for name in ("nasium.png", "nasium.landmarks.json"):
        (case / POST / name).write_bytes((case / PRE / name).read_bytes())
    assert "film.same_file" in {f["code"] for f in go("check", case, "--json").document["findings"]}


def test_a_damaged_film_is_an_error_and_no_finding(go: Run, case: Path) -> None:
    (case / PRE / "nasium.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = go("check", case, "--json")
    assert done.status == 2
    assert done.document["schema"] == "atlasplane.error/1"


def test_no_case_is_an_error(go: Run, tmp_path: Path) -> None:
    assert go("check", tmp_path).status == 2


# ---- films of different people ----


def dicom_case(folder: Path, films: Mapping[str, Mapping[str, object]], **head: object) -> Path:
    """A case with one visit of DICOM films without marks."""
    extra = "".join(f"{key} = {json.dumps(value)}\n" for key, value in head.items())
    day = folder / PRE
    day.mkdir(parents=True)
    (folder / "case.toml").write_text(
        f'schema = "atlasplane.case/1"\nid = "d"\npseudonym = "P-1"\n{extra}', encoding="utf-8"
    )
    text = 'schema = "atlasplane.visit/1"\nid = "v1"\ntime = 2026-03-02T09:10:00+01:00\nphase = "baseline"\n'
    for name, elements in films.items():
        dicom_files.film(day / f"{name}.dcm", **elements)
        text += (
            f'[[film]]\nfile = "{name}.dcm"\nview = "nasium"\npatient_right = "image_left"\nmarker = "R"\n'
            'calibration = { kind = "none" }\n'
        )
    (day / "visit.toml").write_text(text, encoding="utf-8")
    return folder


def test_another_patient_s_film_stops_and_nobody_is_named(go: Run, tmp_path: Path) -> None:
    case = dicom_case(tmp_path / "c", {"a": {}, "b": {"PatientID": "OTHER-ID"}})
    done = go("check", case, "--json")
    assert done.status == 1
    found = next(f for f in done.document["findings"] if f["code"] == "film.other_patient")
    assert found["severity"] == "stop" and found["file"] == f"{PRE}/b.dcm"
    shown = done.out + done.err + go("check", case).out
    assert not any(word in shown for word in ("OTHER-ID", "PLANTED", "Planted", "Name"))


def test_sex_and_birth_year_are_held_against_the_case(go: Run, tmp_path: Path) -> None:
    films = {"a": {"PatientSex": "M", "PatientBirthDate": "19701231"}}
    case = dicom_case(tmp_path / "c", films, sex="female", birth_year=1980)
    found = {f["code"]: f["severity"] for f in go("check", case, "--json").document["findings"]}
    assert found["film.sex"] == found["film.birth_year"] == "warn"


def test_one_exposure_exported_twice_is_found(tmp_path: Path) -> None:
    twice = {name: {"SOPInstanceUID": "1.2.3.4", "StudyID": name} for name in ("a", "b")}
    assert "film.same_exposure" in codes(api.check(dicom_case(tmp_path / "c", twice)).findings)


def test_the_header_s_facts_are_read_and_nothing_else(tmp_path: Path) -> None:
    path = dicom_files.film(
        tmp_path / "a.dcm", ViewPosition="AP", BodyPartExamined="CSPINE", PatientSex="F", ImageLaterality="B",
        PositionerPrimaryAngle="1.5", PositionerSecondaryAngle="-12", StudyDate="20260301",
        AcquisitionTime="091000.25",
    )  # fmt: skip
    header = film_header(path, name="a.dcm")
    assert header is not None
    assert header.acquired == datetime(2026, 3, 2, 9, 10)
    assert header.study_day == date(2026, 3, 1)
    assert (header.view_position, header.body_part, header.sex, header.laterality) == (
        "AP", "CSPINE", "female", "B",
    )  # fmt: skip
    assert header.positioner_deg == (1.5, -12.0)
    assert "PLANTED" not in repr(header)


# ---- records against each other ----


def said(case: Case, headers: Mapping[str, FilmHeader] | None = None) -> dict[str, Finding]:
    return {found.code: found for found in record_findings(case, headers or {}, NOW)}


def header_says(**facts: object) -> dict[str, Finding]:
    film = NASIUM.film()
    return said(case_of(visit_of_films(film), sex="female"), {film.file: FilmHeader(**facts)})  # type: ignore[arg-type]


def test_a_post_visit_before_its_pre_visit_stops() -> None:
    pre = visit_of_films(id="v1", moment=Moment.PRE)
    post = visit_of_films(id="v2", moment=Moment.POST, time=WHEN - timedelta(minutes=30))
    found = said(case_of(pre, post))["visit.order"]
    assert (found.severity, found.value) == (Severity.STOP, -30)
    right = replace(post, time=WHEN + timedelta(minutes=30))
    assert said(case_of(pre, right)) == {}


def test_a_visit_of_the_future_is_said() -> None:
    assert "visit.future" in said(case_of(visit_of_films(time=NOW + timedelta(days=3))))
    assert "visit.future" not in said(case_of(visit_of_films(time=NOW + timedelta(hours=20))))


def test_films_exposed_against_the_visits_order_stop() -> None:
    early, late = NASIUM.film(file="pre.png"), NASIUM.film(file="post.png")
    case = case_of(visit_of_films(early), visit_of_films(late, id="v2", time=WHEN + timedelta(hours=1)))
    times = {"pre.png": datetime(2026, 3, 2, 11), "post.png": datetime(2026, 3, 2, 10)}
    found = said(case, {file: FilmHeader(acquired=time) for file, time in times.items()})["film.order"]
    assert (found.severity, found.value) == (Severity.STOP, -60)
    swapped = {"pre.png": times["post.png"], "post.png": times["pre.png"]}
    assert "film.order" not in said(case, {file: FilmHeader(acquired=time) for file, time in swapped.items()})


@pytest.mark.parametrize(
    ("facts", "code", "severity"),
    [
        ({"view_position": "LL"}, "header.view", Severity.STOP),
        ({"positioner_deg": (-88.0, None)}, "header.view", Severity.STOP),
        ({"positioner_deg": (0.0, -20.0)}, "header.tube", Severity.WARN),
        ({"body_part": "HAND"}, "header.body_part", Severity.WARN),
        ({"acquired": datetime(2026, 3, 9, 9)}, "film.date", Severity.WARN),
        ({"study_day": date(2025, 3, 2)}, "film.date", Severity.WARN),
        ({"sex": "male"}, "film.sex", Severity.WARN),
    ],
)  # fmt: skip
def test_a_header_that_contradicts_is_said(facts: dict[str, object], code: str, severity: Severity) -> None:
    found = header_says(**facts)
    assert set(found) == {code}
    assert found[code].severity is severity
    assert found[code].source


@pytest.mark.parametrize(
    "facts",
    [
        {"view_position": "AP", "positioner_deg": (180.0, -11.0), "sex": "female", "body_part": "CSPINE"},
        {"acquired": datetime(2026, 3, 2, 9, 12), "laterality": "B"},
        {},
    ],
)
def test_a_header_that_agrees_is_not_mentioned(facts: dict[str, object]) -> None:
    assert header_says(**facts) == {}


def test_a_side_film_seen_from_the_front_stops() -> None:
    film = LATERAL.film()
    facts = {film.file: FilmHeader(positioner_deg=(3.0, None))}
    found = said(case_of(visit_of_films(film)), facts)["header.view"]
    assert found.value == pytest.approx(87) and found.limit == 45


def test_a_blair_film_of_the_other_side_stops() -> None:
    film = replace(NASIUM.film(), view=View.BLAIR_RIGHT, readings=())
    found = said(case_of(visit_of_films(film)), {film.file: FilmHeader(laterality="L")})
    assert found["header.laterality"].severity is Severity.STOP


def test_pixels_that_cannot_be_decoded_stop_the_check() -> None:
    def broken() -> np.ndarray:
        raise BadInput("nasium.png", "has pixels that cannot be decoded", "Copy it again")

    from atlasplane.chain.case_check import check_case

    with pytest.raises(BadInput):
        check_case(case_of(visit_of_films(NASIUM.film(load_pixels=broken))), now=NOW)
