"""Readings out to Slicer and back: the same marks to the digit, LPS or RAS, refused where they do not fit."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.core.errors import BadFile, BadInput, BadLandmarks
from atlasplane.io.case_folder import read_case
from atlasplane.io.landmark_file import reading_table
from atlasplane.io.slicer_exchange import ReadingStamp, export_slicer, import_slicer
from atlasplane.io.slicer_markups import SCHEMA, MarkupsSpace, marks_of, markups_text
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading
from tests.bad_input.cases import change, make_case
from tests.cli_cases import PRE, Run, copy_of, everything, runner, write_whole_case

FILM = MarkupsSpace(mm_per_px=(0.143, 0.15))
VOLUME = MarkupsSpace()
WHEN = datetime.fromisoformat("2026-03-02T10:00:00+01:00")


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whole_case(tmp_path_factory.mktemp("whole") / "case")


def reading(length: int) -> Reading:
    at = np.array([[1210.4, 903.2, -12.5], [1500.1, 210.05, 7.25], [1502.0, 240.5, 7.75]])[:, :length]
    return Reading(
        id="r1",
        observer="KR",
        time=WHEN,
        tool="mark/1.0",
        blinded=True,
        points={"PL_R": MarkedPoint(at[0], 2.1 * np.eye(length)), "PL_L": MarkedPoint(at[1])},
        contours={"SKULL_R": MarkedContour(at[1:], 0.7)},
        not_visible=frozenset({"C7_C"}),
        x={"light box": 2},
    )


def written(mark: Reading, space: MarkupsSpace) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(markups_text(mark, space, image_file="a.png", sha256="0" * 64))
    return content


# ---- the format ----


def test_points_of_a_volume_stand_in_lps_millimetres() -> None:
    content = written(reading(3), VOLUME)
    assert content["@schema"] == SCHEMA
    points, curve = content["markups"]
    assert (points["type"], points["coordinateSystem"], points["coordinateUnits"]) == (
        "Fiducial",
        "LPS",
        "mm",
    )
    by_label = {point["label"]: point for point in points["controlPoints"]}
    assert by_label["PL_R"]["position"] == [1210.4, 903.2, -12.5]
    assert by_label["C7_C"]["positionStatus"] == "missing" and "position" not in by_label["C7_C"]
    assert (curve["type"], curve["name"]) == ("Curve", "SKULL_R")
    assert [point["label"] for point in curve["controlPoints"]] == ["SKULL_R-1", "SKULL_R-2"]


def test_points_of_a_film_stand_at_pixel_times_spacing() -> None:
    """[column, row] = [1210.4, 903.2] at 0.143 x 0.15 mm: (173.0872, 135.48, 0)."""
    (points, _) = written(reading(2), FILM)["markups"]
    assert points["controlPoints"][0]["position"] == pytest.approx([173.0872, 135.48, 0.0], rel=1e-12)


@pytest.mark.parametrize(("space", "length"), [(FILM, 2), (VOLUME, 3)])
def test_what_is_written_is_read_and_written_again_as_it_was(space: MarkupsSpace, length: int) -> None:
    mark = reading(length)
    table = reading_table(mark)
    marks = marks_of(written(mark, space), space, name="a.mrk.json")
    assert marks == {key: table[key] for key in ("points", "contours", "contour_sd")}


coordinate = st.floats(-3000, 3000, allow_nan=False).map(lambda value: value + 0.0)


@given(st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=4), st.floats(0.01, 2.0))
def test_every_pixel_comes_back_to_the_digit(places: list[tuple[float, float]], size: float) -> None:
    space = MarkupsSpace(mm_per_px=(size, 1.1 * size))
    points = {f"P{n}": MarkedPoint(np.array(place)) for n, place in enumerate(places)}
    mark = Reading(id="r", observer="A", time=WHEN, tool="t", points=points)
    found = marks_of(written(mark, space), space, name="a")["points"]
    assert [found[id_]["at"] for id_ in points] == [list(place) for place in places]


def without_ours(content: dict[str, Any]) -> dict[str, Any]:
    """As Slicer saves it again: what it does not know is gone."""
    content.pop("atlasplane")
    for markup in content["markups"]:
        for point in markup["controlPoints"]:
            point.pop("atlasplane", None)
    return content


def test_a_file_that_slicer_saved_again_keeps_its_places() -> None:
    marks = marks_of(without_ours(written(reading(2), FILM)), FILM, name="a")
    assert marks["points"]["PL_R"]["at"] == pytest.approx([1210.4, 903.2], abs=1e-9)
    assert "cov" not in marks["points"]["PL_R"] and "contour_sd" not in marks
    assert marks["points"]["C7_C"] == {"visible": False}


def test_ras_and_micrometres_are_the_same_points() -> None:
    content = without_ours(written(reading(3), VOLUME))
    for markup in content["markups"]:
        markup["coordinateSystem"], markup["coordinateUnits"] = "RAS", ["um", "UCUM", "micrometer"]
        for point in markup["controlPoints"]:
            if "position" in point:
                x, y, z = point["position"]
                point["position"] = [-1000 * x, -1000 * y, 1000 * z]
    found = marks_of(content, VOLUME, name="a")
    assert found["points"]["PL_R"]["at"] == pytest.approx([1210.4, 903.2, -12.5], rel=1e-12)
    assert found["contours"]["SKULL_R"][0] == pytest.approx([1500.1, 210.05, 7.25], rel=1e-12)


def test_a_curve_without_a_name_is_called_by_its_points() -> None:
    content = without_ours(written(reading(2), FILM))
    content["markups"][1].pop("name")
    assert list(marks_of(content, FILM, name="a")["contours"]) == ["SKULL_R"]


def test_points_that_were_never_placed_are_no_marks() -> None:
    content = written(reading(2), FILM)
    content["markups"][0]["controlPoints"][0]["positionStatus"] = "undefined"
    assert "PL_R" not in marks_of(content, FILM, name="a")["points"]


def first_point(content: dict[str, Any]) -> dict[str, Any]:
    point: dict[str, Any] = content["markups"][0]["controlPoints"][0]
    return point


@pytest.mark.parametrize(
    ("edit", "error", "what"),
    [
        (lambda c: c.update({"@schema": "something"}), BadFile, "is not a Slicer markups file"),
        (lambda c: c.update(markups=3), BadFile, "no list 'markups'"),
        (lambda c: c["markups"][0].update(controlPoints=[4]), BadFile, "no list 'controlPoints'"),
        (lambda c: c["markups"][0].update(coordinateUnits="inch"), BadFile, "inch of LPS"),
        (lambda c: c["markups"][0].update(coordinateSystem="IJK"), BadFile, "mm of IJK"),
        (lambda c: c["markups"][0].update(type="Plane"), BadLandmarks, "of type 'Plane'"),
        (lambda c: first_point(c).update(label="PL_L"), BadLandmarks, "'PL_L' is given twice"),
        (lambda c: first_point(c).update(position=[1.0, 2.0]), BadLandmarks, "no position of three numbers"),
        (
            lambda c: first_point(c).update(position=[1.0, 2.0, "x"]),
            BadLandmarks,
            "no position of three numbers",
        ),
        (
            lambda c: first_point(c).update(position=[1.0, 2.0, 4.0]),
            BadLandmarks,
            "off the plane of the film",
        ),
        (lambda c: c["markups"].append(c["markups"][1]), BadLandmarks, "'SKULL_R' is given twice"),
        (lambda c: c["markups"][1].update(controlPoints=[]), BadLandmarks, "curve without a name or a point"),
    ],
)
def test_what_stands_for_no_landmark_is_refused(
    edit: Callable[[dict[str, Any]], object], error: type[BadInput], what: str
) -> None:
    content = written(reading(2), FILM)
    edit(content)
    with pytest.raises(error, match=what) as failed:
        marks_of(content, FILM, name="a.mrk.json")
    assert failed.value.file == "a.mrk.json" and failed.value.remedy


# ---- a case ----


def test_a_case_goes_out_and_comes_back_unchanged(whole: Path, tmp_path: Path) -> None:
    case = copy_of(whole, tmp_path / "case")
    before, out = everything(case), tmp_path / "slicer"
    files = export_slicer(case, out)
    assert sorted(files) == sorted(path.name for path in out.iterdir())
    assert f"{PRE}_nasium.r1.mrk.json" in files and f"{PRE}_nasium.nii.gz" in files
    for film in ("nasium", "lateral", "vertex"):
        done = import_slicer(case, out / f"{PRE}_{film}.r1.mrk.json", f"{PRE}/{film}.png", ReadingStamp())
        assert (done.reading, done.is_known) == ("r1", True)
    assert everything(case) == before
    again = tmp_path / "again"
    export_slicer(case, again)
    assert everything(again) == everything(out)


def test_the_picture_lies_where_its_points_are(whole: Path, tmp_path: Path) -> None:
    export_slicer(whole, tmp_path / "out")
    film = next(f for f in read_case(whole).visits[0].films if f.view.value == "nasium")
    image = nibabel.Nifti1Image.from_bytes(
        gzip.decompress((tmp_path / "out" / f"{PRE}_nasium.nii.gz").read_bytes())
    )
    assert image.shape == (film.shape[1], film.shape[0], 1)
    column, row = 700.0, 300.0
    ras = image.affine @ [column, row, 0, 1]
    width, height = film.calibration.pixel_shape
    assert np.allclose([-ras[0], -ras[1], ras[2]], [column * width, row * height, 0])
    assert np.array_equal(np.asarray(image.dataobj)[:, :, 0].T, film.load_pixels())


def test_marks_made_in_slicer_become_a_reading(whole: Path, tmp_path: Path) -> None:
    case = copy_of(whole, tmp_path / "case")
    export_slicer(case, tmp_path / "out")
    path = tmp_path / "out" / f"{PRE}_nasium.r1.mrk.json"
    content = without_ours(json.loads(path.read_text(encoding="utf-8")))
    first_point(content)["position"][0] += 1.0
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(BadInput, match="does not say who"):
        import_slicer(case, path, f"{PRE}/nasium.png", ReadingStamp())
    stamp = ReadingStamp(observer="AB", time=WHEN, blinded=True)
    done = import_slicer(case, path, f"{PRE}/nasium.png", stamp)
    assert (done.reading, done.is_known) == ("r2", False)
    film = next(f for f in read_case(case).visits[0].films if f.view.value == "nasium")
    old, new = film.readings
    assert (new.observer, new.time, new.tool, new.blinded) == ("AB", WHEN, "3D Slicer", True)
    label = first_point(content)["label"]
    width = film.calibration.pixel_shape[0]
    assert new.points[label].at - old.points[label].at == pytest.approx([1 / width, 0], abs=1e-9)
    assert set(new.contours) == set(old.contours)


def test_a_film_without_landmarks_gets_its_file_and_key(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case")
    export_slicer(case, tmp_path / "out")
    day = case / "2026-03-02"
    (day / "nasium.landmarks.json").unlink()
    change(day / "visit.toml", 'landmarks = "nasium.landmarks.json"\n', "# mine\n")
    name = "2026-03-02_nasium.r1.mrk.json"
    done = import_slicer(case, tmp_path / "out" / name, "2026-03-02/nasium.png", ReadingStamp())
    assert done.file == "2026-03-02/nasium.landmarks.json"
    assert "# mine" in (day / "visit.toml").read_text(encoding="utf-8")
    (film,) = read_case(case).visits[0].films
    assert film.readings[0].points["PL_R"].at.tolist() == [12.5, 20.25]


def test_a_volume_goes_out_and_comes_back(tmp_path: Path) -> None:
    case = make_case(tmp_path / "case")
    affine = np.diag([-2.0, -3.0, 4.0, 1.0])
    image = nibabel.Nifti1Image(np.zeros((30, 20, 10), np.int16), affine)
    image.header.set_xyzt_units("mm")
    (case / "ct").mkdir()
    nibabel.save(image, case / "ct" / "head.nii.gz")
    toml = case / "case.toml"
    toml.write_text(
        toml.read_text(encoding="utf-8") + '[[volume]]\nfile = "ct/head.nii.gz"\n', encoding="utf-8"
    )
    points = {"PL_R": MarkedPoint(np.array([20.0, 30.0, 12.0]))}
    mark = Reading(id="r1", observer="KR", time=WHEN, tool="3D Slicer", points=points)
    digest = hashlib.sha256((case / "ct" / "head.nii.gz").read_bytes()).hexdigest()
    path = tmp_path / "head.mrk.json"
    path.write_text(markups_text(mark, VOLUME, image_file="ct/head.nii.gz", sha256=digest), encoding="utf-8")
    done = import_slicer(case, path, "ct/head.nii.gz", ReadingStamp())
    assert done.file == "ct/head.landmarks.json"
    (volume,) = read_case(case).volumes
    assert volume.readings[0].points["PL_R"].at.tolist() == [20.0, 30.0, 12.0]
    export_slicer(case, tmp_path / "out")
    assert (tmp_path / "out" / "ct_head.r1.mrk.json").read_text(encoding="utf-8") == path.read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("edit", "what", "remedy"),
    [
        (lambda c: first_point(c).update(label="PL_Q"), "unknown landmark 'PL_Q'", "PL_"),
        (lambda c: first_point(c).update(label="F-1"), "unknown landmark 'F-1'", ""),
        (lambda c: first_point(c).update(label="PL"), "unknown landmark 'PL'", "Say which side"),
        (lambda c: first_point(c).update(label="SKULL_L"), "is a contour", "contours"),
        (
            lambda c: first_point(c).update(position=[9000.0, 1.0, 0.0], atlasplane={}),
            "outside the image",
            "",
        ),
        (lambda c: c["atlasplane"]["image"].update(sha256="1" * 64), "another image", ""),
        (lambda c: c["atlasplane"].update(mm_per_px=[0.9, 0.9]), "another size", ""),
        (
            lambda c: first_point(c).update(position=[9.0, 9.0, 0.0], atlasplane={}),
            "with other marks",
            "--reading",
        ),
    ],
)
def test_an_import_that_does_not_fit_changes_nothing(
    tmp_path: Path, go: Run, edit: Callable[[dict[str, Any]], object], what: str, remedy: str
) -> None:
    case = make_case(tmp_path / "case")
    export_slicer(case, tmp_path / "out")
    path = tmp_path / "out" / "2026-03-02_nasium.r1.mrk.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(json.dumps(content), encoding="utf-8")
    before = everything(case)
    outcome = go("import", case, path, "--film", "2026-03-02/nasium.png", "--json")
    assert outcome.status == 2
    assert what in outcome.document["what"]
    assert remedy in outcome.document["remedy"]
    assert path.name in outcome.document["file"]
    assert everything(case) == before


def test_the_command_line(tmp_path: Path, go: Run) -> None:
    case = make_case(tmp_path / "case")
    out = go("export", case, "--slicer", tmp_path / "out", "--json")
    assert out.status == 0
    assert out.document["files"] == ["2026-03-02_nasium.r1.mrk.json", "2026-03-02_nasium.nii.gz"]
    path = tmp_path / "out" / out.document["files"][0]
    assert go("export", case, "--slicer", tmp_path / "out").status == 2  # the folder is not empty
    assert go("import", case, path).status == 2
    assert go("import", case, path, "--film", "a", "--volume", "b").status == 2
    wrong = go("import", case, path, "--film", "2026-03-02/nasum.png")
    assert wrong.status == 2 and "2026-03-02/nasium.png" in wrong.err
    known = go("import", case, path, "--film", "2026-03-02/nasium.png", "--json")
    assert known.document["is_known"] is True
    again = go(
        "import",
        case,
        path,
        "--film",
        "2026-03-02/nasium.png",
        "--reading",
        "r7",
        "--time",
        "2026-04-01T10:00:00+02:00",
    )
    assert again.status == 0 and "reading r7" in again.out
    assert go("import", case, path, "--film", "2026-03-02/nasium.png", "--time", "noon").status == 2
    assert [each.id for each in read_case(case).visits[0].films[0].readings] == ["r1", "r7"]


def test_a_case_without_readings_exports_nothing(tmp_path: Path, go: Run) -> None:
    assert go("new", tmp_path / "case", "--pseudonym", "P-1").status == 0
    outcome = go("export", tmp_path / "case", "--slicer", tmp_path / "out")
    assert outcome.status == 2 and "holds no reading" in outcome.err
    assert not (tmp_path / "out").exists()
