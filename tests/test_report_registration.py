"""Registration in the report: numbers are the observations', words the state's, pictures the files'."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.core.finding import Finding, Severity
from atlasplane.report import assemble
from atlasplane.report.bones_numbers import angle_texts
from atlasplane.report.bones_scene import ANGLES, measured_angle
from atlasplane.report.html import html_report
from atlasplane.report.pdf import pdf_report
from atlasplane.report.registration_section import NOTE, registration_view
from atlasplane.report.registration_view import RegistrationSheet, RegistrationView
from atlasplane.sources.film import ImageDirection
from tests.bones_cases import flat_pair, placed
from tests.registration_records import colour_of, record_json, write_record
from tests.test_report_case import PRE_TIME
from tests.test_report_pdf import pdf_text

ANGLES_DEG = (
    {"laterality": 2.4, "rotation": -3.1, "flexion": -6.0},
    {"laterality": 0.9, "rotation": -1.1, "flexion": -5.1},
)


@cache
def registered_pair() -> MeasuredCase:
    """Both visits with C1 placed by a registration."""
    measured = flat_pair()
    visits = tuple(
        placed(visit, angles, "registered") for visit, angles in zip(measured.visits, ANGLES_DEG, strict=True)
    )
    return replace(measured, visits=visits)


def in_folder(root: Path, *records: dict[str, Any]) -> MeasuredCase:
    """The pair in a folder with a record for each visit, the first ones as given."""
    measured = registered_pair()
    measured = replace(measured, case=replace(measured.case, folder=root))
    for k, visit in enumerate(measured.visits):
        record = records[k] if k < len(records) else record_of(visit)
        write_record(root / visit.visit.folder, record)
    return measured


def record_of(visit: MeasuredVisit, **how: Any) -> dict[str, Any]:
    return record_json(visit.visit.id, [film.file for film in visit.visit.films[:2]], **how)


def view_of(measured: MeasuredCase) -> RegistrationView:
    found = registration_view(measured)
    assert found is not None
    return found


def first_sheet(root: Path, **how: Any) -> RegistrationSheet:
    """Of the first visit, with a record of a state."""
    return view_of(in_folder(root, record_of(registered_pair().visits[0], **how))).sheets[0]


def test_every_registered_visit_has_a_sheet_with_state_and_facts(tmp_path: Path) -> None:
    view = view_of(in_folder(tmp_path))
    assert [sheet.title for sheet in view.sheets] == ["Visit v1, before (pre)", "Visit v2, after (post)"]
    assert {(sheet.kind, sheet.state, sheet.reasons) for sheet in view.sheets} == {("ok", "in order", ())}
    facts = dict(view.sheets[0].facts)
    space = "\N{NO-BREAK SPACE}"
    assert facts["Left of the films"] == "0.400; at most 1.000 is accepted"
    assert facts["Searches that began elsewhere"] == f"end within 0.020° and 0.010{space}mm of each other"
    assert facts["Explained of the films' edges"].count(f"80{space}%") == 2
    assert facts["Made"] == f"2 March 2026, 11:00 (UTC+01:00), in 0.5{space}s"


def test_angles_stand_beside_the_lines_and_the_films_together(tmp_path: Path) -> None:
    measured = in_folder(tmp_path)
    for visit, sheet in zip(measured.visits, view_of(measured).sheets, strict=True):
        angles, poses = sheet.tables
        assert angles.columns[:3] == (
            "Lines on the film",
            "Films fitted together",
            "Scan registered to the films",
        )
        for row, kind in zip(angles.rows, ANGLES, strict=True):
            found = measured_angle(visit, kind.quantity, "registered")
            assert found is not None
            way, number, doubt = angle_texts(kind, found)
            assert row.cells[2].value == f"{way} {number}"
            assert "u " in row.cells[2].sub
            assert doubt in row.cells[2].sub
        assert [row.name for row in poses.rows] == ["C1 in the skull", "C2 in the skull"]
        assert len(poses.columns) == 6
        assert all(cell.sub.startswith("u ") for row in poses.rows for cell in row.cells)


def test_two_registered_visits_make_a_series(tmp_path: Path) -> None:
    view = view_of(in_folder(tmp_path))
    assert view.series is not None
    assert view.series.columns == ("Visit v1, before (pre)", "Visit v2, after (post)")
    tables = [sheet.tables[0] for sheet in view.sheets]
    for k, row in enumerate(view.series.rows):
        assert [cell.value for cell in row.cells] == [table.rows[k].cells[2].value for table in tables]


def test_pictures_are_those_of_the_folder(tmp_path: Path) -> None:
    measured = in_folder(tmp_path)
    sheet = view_of(measured).sheets[0]
    assert [film.title for film in sheet.films] == ["Lateral film", "Nasium film"]
    seen = [picture for film in sheet.films for picture in film.pictures]
    for k, picture in enumerate(seen):
        image = Image.open(io.BytesIO(base64.b64decode(picture.jpeg))).convert("RGB")
        assert image.size == (picture.width, picture.height) == (64, 80)
        assert image.getpixel((32, 40)) == pytest.approx(colour_of(k), abs=4)
    assert measured.visits[0].visit.films[1].patient_right is ImageDirection.LEFT
    assert sheet.films[1].caption.endswith("the patient's right is at the left")


@pytest.mark.parametrize(
    ("status", "codes"), [("doubtful", ["starts_disagree"]), ("refused", ["residual", "shape"])]
)
def test_what_is_not_in_order_says_why_and_shows_no_number(
    tmp_path: Path, status: str, codes: list[str]
) -> None:
    sheet = first_sheet(tmp_path, status=status, codes=codes)
    assert (sheet.kind, sheet.tables, len(sheet.reasons)) == (status, (), len(codes))
    assert all(what and remedy for what, remedy in sheet.reasons)
    assert len(sheet.films) == 2


def test_a_stale_one_shows_no_number(tmp_path: Path) -> None:
    measured = in_folder(tmp_path)
    visit = measured.visits[0]
    stale = Finding(
        code="registration.stale",
        severity=Severity.WARN,
        file=f"{visit.visit.folder}/registration.json",
        text="changed",
    )
    analysis = replace(visit.alignment, findings=(*visit.alignment.findings, stale))
    aged = replace(measured, visits=(replace(visit, alignment=analysis), measured.visits[1]))
    first, second = view_of(aged).sheets
    assert (first.kind, first.state, first.tables) == ("stale", "not used any more", ())
    assert second.kind == "ok"


def test_a_damaged_record_and_odd_pictures_do_no_harm(tmp_path: Path) -> None:
    measured = in_folder(tmp_path)
    folder = tmp_path / measured.visits[0].visit.folder
    lateral = sorted((folder / "registration").glob("lateral*"))
    lateral[0].unlink()
    lateral[1].write_bytes(b"GIF89a no picture")
    lateral[2].unlink()
    lateral[2].symlink_to(folder / "registration" / "nasium-contours.png")
    assert [film.title for film in view_of(measured).sheets[0].films] == ["Nasium film"]
    (folder / "registration.json").write_text("{", "utf-8")
    sheet = view_of(measured).sheets[0]
    assert (sheet.kind, sheet.films, sheet.tables) == ("unread", (), ())
    assert "Register the visit again" in sheet.said


def test_a_case_without_registration_has_no_section(tmp_path: Path) -> None:
    measured = registered_pair()
    assert registration_view(replace(measured, case=replace(measured.case, folder=tmp_path))) is None


def test_both_faces_say_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = record_of(registered_pair().visits[0], status="doubtful", codes=["unresolved"])
    measured = in_folder(tmp_path, first)
    monkeypatch.setattr(assemble, "film_groups", lambda *_visits, **_options: ())
    for other in ("bones_view", "series_view"):
        monkeypatch.setattr(assemble, other, lambda *_of: None)
    view = assemble.report_view(measured)
    page = html_report(view)
    paper = pdf_text(pdf_report(view, dated=PRE_TIME))
    assert page.count('<img src="data:image/jpeg;base64,') == 12
    for said in (NOTE, "in order", "doubtful", "Scan registered to the films", "Registered visits"):
        assert said in page.replace("&#39;", "'")
        assert "".join(said.split()) in paper
