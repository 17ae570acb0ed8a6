"""Bad input of a case whose films and CBCT tell the bones in space: an error with a remedy, or a finding.

Wherever the films cannot be brought together, no number and no pose of the joint fit is given.
"""

from __future__ import annotations

import gzip
import json
import re
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from atlasplane.api import load
from atlasplane.io.digest import sha256_of
from atlasplane.report.document import measure_document
from atlasplane.simulate.case import CaseHead, write_case
from atlasplane.simulate.case_volume import CaseVolume
from atlasplane.simulate.ct_files import write_scan
from atlasplane.simulate.ct_observer import marked_truth, repeated_clicks
from atlasplane.simulate.ct_scan import MODALITY, CtScan, Field
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.patient import Scenario, phantom_subject, scenario_visits
from atlasplane.simulate.truth_tables import ScanTruth
from atlasplane.simulate.visit import SimulatedFilm
from tests.bad_input import dicom_files
from tests.cli_cases import PRE, Run, change, copy_of, edit_marks, runner

PERSON, OTHER = 1, 2
VIEWS = ("lateral", "nasium", "vertex")
CT = "ct/cbct.nii.gz"
CT_MARKS = "ct/cbct.landmarks.json"
VOXEL_MM = 5.0
"""Of the greys and masks, which nothing here measures on."""
SIZE_PX: Mapping[str, int] = {"lateral": 1320, "nasium": 1120, "vertex": 1200}
"""Columns of the films."""
REFUSALS = {"pose.joint_moved", "pose.residual", "pose.one_film", "pose.collinear_views", "pose.film_twice"}
_NUMBER = r"[-\d.]+"

Point = dict[str, Any]
Edit = Callable[[Path], None]


def write_scanned_case(folder: Path, seed: int) -> Path:
    """Three films of a person with the CBCT of the same day; films are one grey, the CBCT is all water."""
    scenario = Scenario(seed=seed)
    visits = scenario_visits(scenario, phantom_subject(scenario))
    posed, time = visits[0].films[0].posed, visits[0].time
    field = Field.of(posed.points_mm, voxel_mm=VOXEL_MM)
    rng = np.random.default_rng(seed)
    readings = repeated_clicks(posed, field, Observer(noise_mm=None), rng=rng, time=time)

    def write(root: Path) -> dict[str, object]:
        made = CtScan(
            hounsfield=np.zeros(field.shape, np.int16),
            masks=_masks(field.shape),
            affine_lps=field.affine_lps,
            readings=readings,
        )
        return write_scan(root, made, visits[0].id)

    points, contours = marked_truth(posed, readings[0])
    truth = ScanTruth(condition=MODALITY, points_mm=points, contours_mm=contours)
    count = iter(range(100 * seed, 100 * seed + 99))

    def picture(film: SimulatedFilm) -> np.ndarray:
        return np.full(film.setup.shape, next(count), np.uint16)

    head = CaseHead(id="case", pseudonym="SIM", seed=seed, plan={"height": "two-arc"})
    write_case(folder, head, visits, picture, volume=CaseVolume(truth=truth, write=write))
    return folder


def _masks(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Three blocks on one grid."""
    masks = {bone: np.zeros(shape, np.uint8) for bone in ("skull", "c1", "c2")}
    for k, mask in enumerate(masks.values()):
        mask[3:6, 3:6, 3 + 4 * k : 6 + 4 * k] = 1
    return masks


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scanned_case(tmp_path_factory.mktemp("whole") / "case", PERSON)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scanned_case(tmp_path_factory.mktemp("other") / "case", OTHER)


@pytest.fixture
def case(whole: Path, tmp_path: Path) -> Path:
    return copy_of(whole, tmp_path / "case")


@pytest.fixture(scope="module")
def as_it_is(whole: Path) -> Mapping[str, Any]:
    """What `measure --json` prints of the case before anything is spoiled."""
    text = json.dumps(measure_document(load(whole).measure()), allow_nan=False)
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.fixture
def go(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


# ---- what is asked of every case ----


def in_space(document: Mapping[str, Any]) -> set[str]:
    """Quantities of the joint fit; those of the CBCT have its condition."""
    return {
        each["quantity"]
        for visit in document["visits"]
        for each in visit["observations"]
        if each["method"] == "films-jointly/1" or (each["kind"] == "pose" and each["condition"] is None)
    }


def refused(go: Run, case: Path, *, file: str, what: str, commands: tuple[str, ...] = ("measure",)) -> None:
    """Status 2 and an error's document that names the file, the fault and a remedy."""
    for command in commands:
        done = go(command, case, "--json")
        assert done.status == 2, done.err
        error = done.document
        assert error["schema"] == "atlasplane.error/1"
        assert error["file"] == file
        assert what in error["what"]
        assert len(error["remedy"]) > 5
        assert "Traceback" not in done.err


def nothing_in_space(
    go: Run, case: Path, code: str, *, file: str | None, words: str = ""
) -> Mapping[str, Any]:
    """Measured, but nothing of the joint fit, and a finding that says why; returns the document."""
    done = go("measure", case, "--json")
    assert done.status == 0, done.err
    document = done.document
    assert in_space(document) == set()
    (found,) = (each for each in document["findings"] if each["code"] == code)
    assert found["file"] == file
    assert words in found["text"]
    return document


def film_table(case: Path, view: str, edit: Callable[[str], str]) -> None:
    """Change the table of one film in visit.toml."""
    path = case / PRE / "visit.toml"
    head, *tables = path.read_text(encoding="utf-8").split("[[film]]")
    edited = [edit(table) if f'"{view}.png"' in table else table for table in tables]
    assert edited != tables
    path.write_text("[[film]]".join((head, *edited)), encoding="utf-8")


def stated(table: str, before: str) -> float:
    """The number that stands behind a pattern."""
    found = re.search(f"{before}({_NUMBER})", table)
    assert found is not None
    return float(found[1])


def with_number(case: Path, view: str, name: str, value: object) -> None:
    """Set one number of a film's technique."""
    film_table(case, view, lambda table: re.sub(rf"{name} = {_NUMBER}", f"{name} = {value}", table))


def with_camera(case: Path, view: str, matrix: np.ndarray) -> None:
    """A camera matrix in place of the technique."""
    camera = f"camera = {{ P = {matrix.tolist()} }}\n"
    film_table(case, view, lambda table: re.sub(r"technique = .*\n", camera, table))


def edit_ct_marks(case: Path, edit: Callable[[dict[str, Point]], None]) -> None:
    """Change every reading of the CBCT."""
    path = case / CT_MARKS
    content = json.loads(path.read_text(encoding="utf-8"))
    for reading in content["readings"]:
        edit(reading["points"])
    path.write_text(json.dumps(content), encoding="utf-8")


def film_of(case: Path, source: Path, view: str) -> None:
    """Put the film of another case, with its marks, in the place of one."""
    for ending in (".png", ".landmarks.json"):
        (case / PRE / f"{view}{ending}").write_bytes((source / PRE / f"{view}{ending}").read_bytes())


def exchanged_sides(points: dict[str, Point]) -> None:
    """Right marks named left and the other way."""
    for id_ in [id_ for id_ in points if id_.endswith("_R") and f"{id_[:-1]}L" in points]:
        left = f"{id_[:-1]}L"
        points[id_], points[left] = points[left], points[id_]


def test_the_case_as_it_is_has_both(as_it_is: Mapping[str, Any]) -> None:
    """What every other test takes away."""
    wanted = {"atlas_flexion_3d", "atlas_laterality_3d", "atlas_rotation_3d"}
    assert wanted | {"c1_in_skull"} <= in_space(as_it_is)
    observed = as_it_is["visits"][0]["observations"]
    assert wanted <= {each["quantity"] for each in observed if each["condition"] == MODALITY}
    assert {f["code"] for f in as_it_is["findings"]} & REFUSALS == set()


# ---- other people, other days ----


@pytest.mark.parametrize("view", VIEWS)
def test_a_film_of_another_person(go: Run, case: Path, other: Path, view: str) -> None:
    """The bones do not fit; that the joint moved or that a person is another looks the same."""
    film_of(case, other, view)
    nothing_in_space(go, case, "pose.joint_moved", file=f"{PRE}/visit.toml", words="of another person")


def test_check_says_the_same(go: Run, case: Path, other: Path) -> None:
    film_of(case, other, "nasium")
    measured, checked = (go(command, case, "--json").document["findings"] for command in ("measure", "check"))
    of_the_fit = [[f for f in found if f["code"].startswith("pose.")] for found in (measured, checked)]
    assert of_the_fit[0] == of_the_fit[1] != []


def test_a_ct_of_another_person(go: Run, case: Path, other: Path) -> None:
    edit = json.loads((other / CT_MARKS).read_text(encoding="utf-8"))
    edit["image"]["sha256"] = sha256_of(other / CT)
    for file in (CT, CT_MARKS, *(f"ct/{bone}.{end}" for bone in ("skull", "c1", "c2") for end in _ENDS)):
        (case / file).write_bytes((other / file).read_bytes())
    measured = go("measure", case, "--json").document
    assert in_space(measured) == set()
    (found,) = (f for f in measured["findings"] if f["code"] in {"pose.joint_moved", "pose.residual"})
    assert "CT" in found["text"] and "another person" in found["text"]


_ENDS = ("nii.gz", "stl")


def test_a_film_of_another_day_is_not_fitted(go: Run, case: Path) -> None:
    """Its header tells the day; the two others still tell what they can."""
    grey = np.full((1760, SIZE_PX["nasium"]), 7, np.uint16)
    dicom_files.film(case / PRE / "nasium.dcm", grey, AcquisitionDate="20250101")
    marks = case / PRE / "nasium.landmarks.json"
    content = json.loads(marks.read_text(encoding="utf-8"))
    content["image"] = {"file": "nasium.dcm", "sha256": sha256_of(case / PRE / "nasium.dcm")}
    marks.write_text(json.dumps(content), encoding="utf-8")
    change(case / PRE / "visit.toml", 'file = "nasium.png"', 'file = "nasium.dcm"')
    document = go("measure", case, "--json").document
    (found,) = (f for f in document["findings"] if f["code"] == "pose.dates_differ")
    assert found["file"] == f"{PRE}/nasium.dcm" and "days before the visit" in found["text"]
    assert "atlas_laterality_3d" not in in_space(document)


# ---- one film twice, one direction only ----


def copied_film(case: Path, source: str, name: str) -> None:
    """The very same file once more, as another entry of the visit."""
    for ending in (".png", ".landmarks.json"):
        content = (case / PRE / f"{source}{ending}").read_bytes()
        (case / PRE / f"{name}{ending}").write_bytes(content.replace(source.encode(), name.encode()))
    path = case / PRE / "visit.toml"
    text = path.read_text(encoding="utf-8")
    (table,) = (part for part in text.split("[[film]]")[1:] if f'"{source}.png"' in part)
    again = table.replace(f"{source}.", f"{name}.")
    path.write_text(f"{text.rstrip()}\n\n[[film]]{again}", encoding="utf-8")


def only(case: Path, *views: str) -> None:
    """Leave the films of these views in the visit."""
    path = case / PRE / "visit.toml"
    head, *tables = path.read_text(encoding="utf-8").split("[[film]]")
    kept = [table for table in tables if any(f'"{view}.png"' in table for view in views)]
    path.write_text("[[film]]".join((head, *kept)), encoding="utf-8")


@pytest.mark.parametrize("view", ["lateral", "nasium"])
def test_two_films_of_one_view_are_one(go: Run, case: Path, view: str) -> None:
    only(case, view)
    copied_film(case, view, "again")
    document = nothing_in_space(go, case, "pose.one_film", file=f"{PRE}/visit.toml", words=f"{view}.png")
    assert {"film.same_file", "film.second_of_view"} <= {f["code"] for f in document["findings"]}


def test_the_same_picture_under_two_views_counts_once(go: Run, case: Path) -> None:
    film = case / PRE / "vertex.png"
    film.write_bytes((case / PRE / "nasium.png").read_bytes())
    marks = case / PRE / "vertex.landmarks.json"
    content = json.loads(marks.read_text(encoding="utf-8"))
    content["image"]["sha256"] = sha256_of(film)
    marks.write_text(json.dumps(content), encoding="utf-8")
    document = go("measure", case, "--json").document
    (found,) = (f for f in document["findings"] if f["code"] == "pose.film_twice")
    assert found["file"] == f"{PRE}/vertex.png" and "nasium.png" in found["text"]
    assert "c1_in_skull" not in in_space(document)


def test_without_vertex_and_without_ct(go: Run, case: Path) -> None:
    only(case, "lateral", "nasium")
    change(case / "case.toml", f'landmarks = "{CT_MARKS}"\n', "")
    nothing_in_space(go, case, "pose.no_vertex_without_ct", file=f"{PRE}/visit.toml", words="CT or CBCT")


# ---- flipped, exchanged ----


def mirrored(view: str) -> Callable[[dict[str, Any]], None]:
    """The marks of a film whose picture was mirrored, as a person places them on it."""

    def edit(reading: dict[str, Any]) -> None:
        for mark in reading["points"].values():
            mark["at"][0] = SIZE_PX[view] - 1 - mark["at"][0]

    return edit


@pytest.mark.parametrize("view", VIEWS)
def test_a_mirrored_film_with_the_direction_it_had(go: Run, case: Path, view: str) -> None:
    edit_marks(case, view, mirrored(view))
    refused(
        go, case, file=f"{PRE}/{view}.png", what="landmarks and the stored directions of the patient disagree"
    )


@pytest.mark.parametrize(
    ("view", "old", "new"),
    [
        ("lateral", 'patient_anterior = "image_left"', 'patient_anterior = "image_right"'),
        ("nasium", 'patient_right = "image_left"', 'patient_right = "image_right"'),
        ("vertex", 'patient_right = "image_left"', 'patient_right = "image_right"'),
        ("vertex", 'patient_anterior = "image_up"', 'patient_anterior = "image_down"'),
    ],
)
def test_a_direction_stored_the_wrong_way(go: Run, case: Path, view: str, old: str, new: str) -> None:
    film_table(case, view, lambda table: table.replace(old, new))
    refused(go, case, file=f"{PRE}/{view}.png", what="stored directions")


@pytest.mark.parametrize("view", ["nasium", "vertex"])
def test_sides_exchanged_on_a_film(go: Run, case: Path, view: str) -> None:
    edit_marks(case, view, lambda reading: exchanged_sides(reading["points"]))
    refused(go, case, file=f"{PRE}/{view}.png", what="the patient's left of")


def test_sides_exchanged_on_the_ct(go: Run, case: Path) -> None:
    edit_ct_marks(case, exchanged_sides)
    refused(go, case, file=CT, what="the axes of the volume disagree", commands=("measure", "check"))


# ---- technique and camera ----


@pytest.mark.parametrize("view", VIEWS)
def test_a_film_that_is_too_large_for_its_distance(go: Run, case: Path, view: str) -> None:
    """A wrong SID that made the scale of the film: everything is 20 % too large for the patient's bones."""

    def larger(table: str) -> str:
        size = 1.2 * stated(table, r"mm_per_px = \[")
        return re.sub(r"mm_per_px = \[[^]]*\]", f"mm_per_px = [{size}, {size}]", table)

    film_table(case, view, larger)
    document = nothing_in_space(go, case, "pose.residual", file=f"{PRE}/{view}.png", words="SID")
    (found,) = (f for f in document["findings"] if f["code"] == "pose.residual")
    assert found["value"] < found["limit"]


@pytest.mark.parametrize("change_mm", [-200, 400])
def test_a_wrong_sid_is_met_twice_where_the_scale_is_told(go: Run, case: Path, change_mm: int) -> None:
    """On the detector's own scale a SID that is off by 200 mm makes the bones a fifth too large or small."""

    def detector(table: str) -> str:
        size = stated(table, r"mm_per_px = \[")
        sid, sod = stated(table, "sid_mm = "), stated(table, "sod_mm = ")
        size *= sid / sod
        told = f'kind = "detector_plane_only", mm_per_px = [{size}, {size}]'
        table = re.sub(r'kind = "sid_sod", mm_per_px = \[[^]]*\]', told, table)
        return table.replace(f"sid_mm = {sid}", f"sid_mm = {sid + change_mm}")

    film_table(case, "nasium", detector)
    nothing_in_space(go, case, "pose.residual", file=f"{PRE}/nasium.png", words="SID")


@pytest.mark.parametrize("change_mm", [-200, 400])
def test_a_wrong_sid_alone_moves_no_number(
    go: Run, case: Path, as_it_is: Mapping[str, Any], change_mm: int
) -> None:
    """On the object's scale a SID tells perspective alone, which is too weak to be noticed or to matter."""
    with_number(case, "nasium", "sid_mm", 1067 + change_mm)
    after = _angles(go("measure", case, "--json").document)
    before = _angles(as_it_is)
    assert before.keys() == after.keys()
    for name, (value, u) in before.items():
        assert abs(after[name][0] - value) < 0.2 * u


def _angles(document: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    return {
        each["quantity"]: (each["value"], each["u"])
        for each in document["visits"][0]["observations"]
        if each["method"] == "films-jointly/1" and each["kind"] == "measurement"
    }


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("sid_mm", 667, "sod_mm = 837 is not smaller than sid_mm = 667"),
        ("sod_mm", 1837, "not smaller than sid_mm"),
        ("sid_mm", "nan", "is nan"),
        ("sid_mm", "inf", "is inf"),
        ("sid_mm", -1067, "greater than 0"),
        ("tube_deg", 120, "less than 60"),
    ],
)
def test_an_impossible_technique(go: Run, case: Path, name: str, value: object, what: str) -> None:
    with_number(case, "nasium", name, value)
    refused(go, case, file=f"{PRE}/visit.toml", what=what)


def test_films_without_technique(go: Run, case: Path) -> None:
    path = case / PRE / "visit.toml"
    path.write_text(re.sub(r"technique = .*\n", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    document = nothing_in_space(
        go, case, "pose.one_film", file=f"{PRE}/visit.toml", words="no film can be used"
    )
    lacking = {f["file"] for f in document["findings"] if f["code"] == "pose.no_geometry"}
    assert lacking == {f"{PRE}/{view}.png" for view in VIEWS}


@pytest.mark.parametrize(
    ("matrix", "what"),
    [
        (np.zeros((3, 4)), "source is at infinity"),
        (np.random.default_rng(1).normal(size=(3, 4)), "not perpendicular"),
    ],
    ids=["zero", "random"],
)
def test_a_camera_matrix_that_is_none(go: Run, case: Path, matrix: np.ndarray, what: str) -> None:
    with_camera(case, "nasium", matrix)
    refused(go, case, file=f"{PRE}/nasium.png", what=what)


def test_a_camera_that_does_not_see_the_patient(go: Run, case: Path) -> None:
    with_camera(case, "nasium", np.eye(3, 4))
    nothing_in_space(go, case, "pose.residual", file=f"{PRE}/visit.toml", words="camera")


def test_a_camera_that_looks_along_the_body(go: Run, case: Path) -> None:
    matrix = np.array([[5e3, 0.0, 560.0, 6e5], [0.0, 5e3, 960.0, 9e5], [0.0, 0.0, 1.0, 1e3]])
    with_camera(case, "nasium", matrix)
    refused(go, case, file=f"{PRE}/nasium.png", what="tube")


@pytest.mark.parametrize("column", [8000.0, 1e300])
def test_a_central_ray_far_outside_the_film(go: Run, case: Path, column: float) -> None:
    film_table(
        case, "nasium", lambda t: re.sub(r"principal_px = \[[^]]*\]", f"principal_px = [{column}, 960.0]", t)
    )
    refused(go, case, file=f"{PRE}/visit.toml", what="principal_px")


# ---- no numbers ----


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
@pytest.mark.parametrize("file", [f"{PRE}/nasium.landmarks.json", CT_MARKS])
def test_marks_that_are_no_numbers(go: Run, case: Path, file: str, wrong: float) -> None:
    path = case / file
    content = json.loads(path.read_text(encoding="utf-8"))
    next(iter(content["readings"][0]["points"].values()))["at"][0] = wrong
    path.write_text(json.dumps(content), encoding="utf-8")
    refused(go, case, file=file, what="which is not a number")


def test_a_mark_far_outside_the_ct(go: Run, case: Path) -> None:
    edit_ct_marks(case, lambda points: points["BA"].update(at=[1e4, 0.0, 0.0]))
    refused(go, case, file=CT_MARKS, what="lies outside the image")


@pytest.mark.parametrize("cov", [-np.eye(3), np.zeros((3, 3)), np.eye(3) + np.eye(3, k=1) * 5])
def test_a_covariance_that_is_none(go: Run, case: Path, cov: np.ndarray) -> None:
    edit_ct_marks(case, lambda points: points["BA"].update(cov=cov.tolist()))
    refused(go, case, file=CT_MARKS, what="not symmetric and positive definite")


def test_a_covariance_beyond_all_measure(go: Run, case: Path) -> None:
    edit_ct_marks(case, lambda points: points["BA"].update(cov=(1e300 * np.eye(3)).tolist()))
    refused(go, case, file=CT_MARKS, what="cov")


# ---- volumes ----


def rewritten(
    case: Path, make: Callable[[np.ndarray, np.ndarray], nibabel.Nifti1Image], name: str = "cbct"
) -> None:
    """Another volume under the same name, its marks told that it is the one they were placed on."""
    path = case / f"ct/{name}.nii.gz"
    image = nibabel.load(path)
    nibabel.save(make(np.asanyarray(image.dataobj), np.asarray(image.affine)), path)
    if name == "cbct":
        _stamp(case)


def _stamp(case: Path) -> None:
    content = json.loads((case / CT_MARKS).read_text(encoding="utf-8"))
    content["image"]["sha256"] = sha256_of(case / CT)
    (case / CT_MARKS).write_text(json.dumps(content), encoding="utf-8")


def test_a_ct_without_c1_leaves_the_template(go: Run, case: Path) -> None:
    """No shape of the patient's own, and no pose of C1 on the CT; what rests on the template says so."""

    def without(points: dict[str, Point]) -> None:
        for id_ in [id_ for id_ in points if id_.startswith(("C1_", "TF_"))]:
            del points[id_]

    edit_ct_marks(case, without)
    document = go("measure", case, "--json").document
    assert {"pose.no_frame", "pose.generic_shape"} <= {f["code"] for f in document["findings"]}
    observed = document["visits"][0]["observations"]
    given = [o for o in observed if o["quantity"].startswith("atlas_") and o["quantity"].endswith("_3d")]
    assert given and all(o["condition"] is None and "generic_shape" in o["quality"] for o in given)
    assert "c1_in_skull" not in {o["quantity"] for o in observed if o["condition"] == MODALITY}


def test_voxels_that_are_no_numbers_stop_the_segmentation(go: Run, case: Path) -> None:
    def spoiled(greys: np.ndarray, affine: np.ndarray) -> nibabel.Nifti1Image:
        wrong = greys.astype(np.float32)
        wrong[5:9] = np.nan
        return nibabel.Nifti1Image(wrong, affine)

    rewritten(case, spoiled)
    refused(go, case, file=CT, what="greys that are no numbers", commands=("segment",))


@pytest.mark.parametrize(
    ("turn", "what"),
    [(np.diag([np.nan, 1, 1, 1]), "no number"), (np.diag([0.0, 0, 0, 1]), "voxels of 0 x 0 x 0")],
)
def test_a_volume_that_lies_nowhere(go: Run, case: Path, turn: np.ndarray, what: str) -> None:
    def spoiled(greys: np.ndarray, affine: np.ndarray) -> nibabel.Nifti1Image:
        image = nibabel.Nifti1Image(greys, affine)
        image.header.set_sform(turn, 1)
        image.header.set_qform(None, 0)
        return nibabel.Nifti1Image(greys, None, image.header)

    rewritten(case, spoiled)
    refused(go, case, file=CT, what=what, commands=("measure", "check"))


@pytest.mark.parametrize("name", ["cbct", "c1"])
def test_a_volume_larger_than_memory(go: Run, case: Path, name: str) -> None:
    """The header claims 20000 voxels along every axis, 16 TB; nothing of it is read."""
    content = bytearray(
        nibabel.Nifti1Image(np.zeros((2, 2, 2), np.int16), np.diag([0.01, 0.01, 0.01, 1])).to_bytes()
    )
    struct.pack_into("<8h", content, 40, 3, 20000, 20000, 20000, 1, 1, 1, 1)
    (case / f"ct/{name}.nii.gz").write_bytes(gzip.compress(bytes(content)))
    if name == "cbct":
        _stamp(case)
    refused(go, case, file=f"ct/{name}.nii.gz", what="larger than", commands=("measure", "check", "segment"))


def test_a_dicom_series_larger_than_memory(go: Run, case: Path) -> None:
    """Every slice claims 65535 x 65535 voxels."""
    folder = case / "ct" / "series"
    folder.mkdir()
    for k in range(3):
        dicom_files.ct_slice(folder / f"{k}.dcm", float(k), Rows=65535, Columns=65535)
    table = (case / "case.toml").read_text(encoding="utf-8")
    table = re.sub(r"\[\[volume\]\].*?\n\n", '[[volume]]\nfile = "ct/series"\n\n', table, flags=re.DOTALL)
    (case / "case.toml").write_text(table, encoding="utf-8")
    done = go("segment", case, "--json")
    assert done.status == 2
    assert done.document["file"].startswith("ct/series")


@pytest.mark.parametrize("change_mm", [(0.0, VOXEL_MM), (0.3, 0.0)], ids=["shifted", "stretched"])
def test_a_mask_of_another_volume(go: Run, case: Path, change_mm: tuple[float, float]) -> None:
    stretch, shift = change_mm

    def moved(mask: np.ndarray, affine: np.ndarray) -> nibabel.Nifti1Image:
        other = affine.copy()
        other[0, 0] *= 1 + stretch
        other[0, 3] += shift
        return nibabel.Nifti1Image(mask, other)

    rewritten(case, moved, "c1")
    refused(go, case, file="ct/c1.nii.gz", what="voxels beside", commands=("measure", "check"))


def test_a_mask_on_another_grid(go: Run, case: Path) -> None:
    rewritten(case, lambda mask, affine: nibabel.Nifti1Image(mask[:-4], affine), "c1")
    refused(go, case, file="ct/c1.nii.gz", what="voxels", commands=("measure", "check"))


# ---- what is handed on ----


def test_every_number_is_finite_and_every_covariance_is_one(as_it_is: Mapping[str, Any]) -> None:
    (visit,) = as_it_is["visits"]
    assert all(np.isfinite(number) for number in _numbers(as_it_is))
    poses = [each for each in visit["observations"] if each["kind"] == "pose"]
    assert {each["condition"] for each in poses if each["quantity"] == "c1_in_skull"} == {None, MODALITY}
    known = [np.array(each["pose"]["cov6"]) for each in poses if each["pose"]["cov6"] is not None]
    assert known
    for cov in known:
        np.testing.assert_allclose(cov, cov.T, rtol=1e-9)
        assert np.linalg.eigvalsh(_correlation(cov)).min() > 0
    joint = np.array(visit["joint"]["cov"])
    assert {"atlas_laterality", "atlas_laterality_3d"} <= {
        key.split("/")[0] for key in visit["joint"]["order"]
    }
    np.testing.assert_allclose(_correlation(joint), _correlation(joint).T, atol=1e-12)  # rounding
    # Rounding of n numbers of size 1: n times the unit in the last place, taken a hundredfold.
    assert np.linalg.eigvalsh(_correlation(joint)).min() > -100 * len(joint) * np.finfo(float).eps


def _correlation(cov: np.ndarray) -> np.ndarray:
    sd = np.sqrt(np.diag(cov))
    return np.asarray(cov / np.outer(sd, sd))


def _numbers(node: object) -> list[float]:
    if isinstance(node, Mapping):
        return [number for each in node.values() for number in _numbers(each)]
    if isinstance(node, list):
        return [number for each in node for number in _numbers(each)]
    return [node] if isinstance(node, float) else []
