"""A visit registered: the problem made of a case, what is kept of the result, what is measured from it."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2

from atlasplane.chain import register_worker, registered
from atlasplane.chain.measured import measure_case
from atlasplane.chain.registered import prepare, register_visit
from atlasplane.chain.registered_bones import bone_models, check_masks, registered_volume
from atlasplane.chain.registered_films import rig_of, visit_to_register
from atlasplane.chain.registered_measures import with_registration
from atlasplane.chain.registered_record import Prepared, record_of, registered_bones
from atlasplane.chain.registered_start import detector_behind
from atlasplane.core.errors import BadInput
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Pose
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.frames import lps_from_isb
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.io.models_registration import RegisterOutput
from atlasplane.io.registration_record import (
    camera_matrix_lps,
    camera_of,
    pose_of,
    read_registration,
    record_bytes,
    record_document,
    record_path,
    write_registration,
)
from atlasplane.pathways.alignment.visit_analysis import AlignmentAnalysis
from atlasplane.pathways.alignment.volume_measures import analyse_volume
from atlasplane.sources.case import Case, Visit
from atlasplane.sources.volume import Volume
from atlasplane.xray.registration_problem import RegistrationProblem, change_about_centre
from atlasplane.xray.registration_result import Registration
from tests.bad_input.cases import change
from tests.registered_cases import POST, SD_DEG, loaded, moved, ready, stand_in, visits, whole_case

STILL = RigidTransform.identity()


@pytest.fixture
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The case, for tests that do not change it."""
    return whole_case(tmp_path_factory.getbasetemp())


@pytest.fixture
def case(whole: Path, tmp_path: Path) -> Case:
    """The case in a folder of its own, which may be changed; it is not read again."""
    return replace(loaded(whole), folder=Path(shutil.copytree(whole, tmp_path / "case")))


def kept(case: Case, prepared: Prepared, **result: Any) -> RegisterOutput:
    """The record of a stand-in, kept in the case's folder."""
    findings = prepared.findings
    record = record_of(prepared, stand_in(prepared.problem, **result), findings)
    write_registration(case.folder, prepared.visit, record)
    return record


def record_file(case: Case, prepared: Prepared) -> Path:
    return record_path(case.folder, prepared.visit)


def true_places(visit: int) -> dict[str, RigidTransform]:
    """Bones of a visit in the room of its films; the volume's axes are those of the first visit's room."""
    return dict(visits()[visit].films[0].posed.room_from)


# ---- the problem ----


@pytest.mark.parametrize("visit", [0, 1])
def test_the_start_lies_where_the_truth_is_within_its_covariance(whole: Path, visit: int) -> None:
    problem = ready(whole, f"v{visit + 1}").problem
    scan, now = true_places(0), true_places(visit)
    skull = now["skull"] @ scan["skull"].inverse()
    off = [change_about_centre(pose, skull, problem.bones[0].centre_mm) for pose in problem.start.skull]
    for model in problem.bones[1:]:
        motion = skull.inverse() @ now[model.bone] @ scan[model.bone].inverse()
        off.append(change_about_centre(problem.start.bones[model.bone], motion, model.centre_mm))
    error = np.concatenate(off)
    squared = error @ np.linalg.solve(problem.start.cov, error)
    assert chi2.ppf(1e-4, len(error)) < squared < chi2.ppf(1 - 1e-4, len(error))


def test_each_bone_is_cut_where_it_lies(whole: Path) -> None:
    problem = ready(whole, "v1").problem
    posed = visits()[0].films[0].posed
    bones = {model.bone: model for model in problem.bones}
    assert list(bones) == ["skull", "c1", "c2"]
    # The middle of C1's arches and masses lies between its tubercles; that of C2 below the dens' base.
    middle = (posed.points_mm["C1_AT"] + posed.points_mm["C1_PT"]) / 2
    assert np.linalg.norm(bones["c1"].centre_mm - middle) < 10.0
    assert np.linalg.norm(bones["c2"].centre_mm - posed.points_mm["OD_BASE"]) < 20.0
    for model in problem.bones:
        values = model.solid.attenuation_per_mm
        # Bone over soft tissue: dense cortex, partial volume down to nothing, no water anywhere.
        assert 0.02 < values.max() < 0.1
        assert np.all(values[[0, -1]] == 0)


def small_volume(axes: Array | None = None, **fields: Any) -> Volume:
    """Three blocks of bone one above the other, on axes that may be turned."""
    voxels = np.zeros((12, 10, 24), dtype=np.int16)
    masks = {bone: np.zeros(voxels.shape, dtype=bool) for bone in ("skull", "c1", "c2")}
    masks["skull"][2:10, 2:8, 16:22] = True
    masks["c1"][4:9, 3:7, 10:13] = True
    masks["c2"][4:8, 3:8, 3:7] = True
    for mask in masks.values():
        voxels[mask] = 1200
    linear = np.diag([1.0, 1.5, 2.0]) if axes is None else axes
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = linear, (-5.0, -7.0, -20.0)
    return Volume(
        **{
            "file": "ct/small.nii.gz",
            "shape": voxels.shape,
            "affine_lps": affine,
            "hounsfield": True,
            "load_voxels": lambda: voxels,
            "masks": {bone: f"ct/{bone}.nii.gz" for bone in masks},
            "load_mask": masks.__getitem__,
        }
        | fields
    )


def flipped(volume: Volume, axis: int) -> Volume:
    """The same scan stored the other way round along one axis."""
    affine = volume.affine_lps.copy()
    affine[:3, 3] += affine[:3, axis] * (volume.shape[axis] - 1)
    affine[:3, axis] *= -1
    return replace(
        volume,
        affine_lps=affine,
        load_voxels=lambda: np.flip(volume.load_voxels(), axis),
        load_mask=lambda bone: np.flip(volume.load_mask(bone), axis),
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_how_a_scan_is_stored_changes_nothing(axis: int) -> None:
    volume = small_volume()
    for here, there in zip(bone_models(volume), bone_models(flipped(volume, axis)), strict=True):
        assert there.centre_mm == pytest.approx(here.centre_mm, abs=1e-9)
        assert np.linalg.det(there.to_volume.rotation) == pytest.approx(1.0)
        first = (here.to_volume.apply(here.solid.origin_mm), there.to_volume.apply(there.solid.origin_mm))
        low, high = (corners(each).min(axis=0) for each in (here, there))
        assert low == pytest.approx(high, abs=1e-9), first


def corners(model: Any) -> Array:
    """Corners of a bone's block in the volume, shape (8, 3)."""
    size = (np.array(model.solid.attenuation_per_mm.shape) - 1) * model.solid.spacing_mm
    ends = np.array(np.meshgrid(*([0.0, s] for s in size), indexing="ij")).reshape(3, -1).T
    return np.asarray(model.to_volume.apply(model.solid.origin_mm + ends))


def test_the_middle_of_a_block_is_where_its_affine_says() -> None:
    volume = small_volume()
    index = np.array([(4 + 8) / 2, (3 + 6) / 2, (10 + 12) / 2])
    expected = volume.affine_lps[:3, :3] @ index + volume.affine_lps[:3, 3]
    assert lps_from_isb(bone_models(volume)[1].centre_mm) == pytest.approx(expected, abs=1e-6)


def test_a_scan_without_hounsfield_units_is_told_bone_from_what_lies_around() -> None:
    raw = small_volume()
    greys = (raw.load_voxels().astype(np.int32) // 20 + 40).astype(np.uint8)
    bone = bone_models(replace(raw, hounsfield=False, load_voxels=lambda: greys))[1].solid
    inside = bone.attenuation_per_mm[bone.attenuation_per_mm != 0]
    # All bone has one grey, which is taken for dense cortex: 0.0575 - 0.0206 per mm over water.
    assert inside == pytest.approx(np.full(len(inside), 0.0369), rel=1e-4)


def test_oblique_axes_are_kept_and_a_sheared_scan_is_refused() -> None:
    angle = np.radians(20)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    oblique = small_volume(turn @ np.diag([1.0, 1.5, 2.0]))
    index = np.array([6.0, 4.5, 11.0])
    expected = oblique.affine_lps[:3, :3] @ index + oblique.affine_lps[:3, 3]
    assert lps_from_isb(bone_models(oblique)[1].centre_mm) == pytest.approx(expected, abs=1e-6)
    sheared = np.diag([1.0, 1.5, 2.0])
    sheared[1, 2] = 0.3
    with pytest.raises(BadInput, match="not square"):
        bone_models(small_volume(sheared))


def test_a_detector_is_put_behind_the_head_and_sees_the_same(whole: Path) -> None:
    known = ready(whole, "v1").problem.films[0].camera
    head = ready(whole, "v1").problem.start.skull[0].apply(ready(whole, "v1").problem.bones[0].centre_mm)
    assert detector_behind(known, head) is known
    before = PinholeCamera.from_matrix(known.matrix(), facing_mm=head, principal_px=known.principal_px)
    behind = detector_behind(before, head)
    depth = (head - before.source_mm) @ before.normal
    assert (before.centre_mm - before.source_mm) @ before.normal < depth
    assert (behind.centre_mm - behind.source_mm) @ behind.normal > depth + 100.0
    around = head + np.random.default_rng(1).normal(0.0, 60.0, (20, 3))
    assert behind.project(around) == pytest.approx(known.project(around), abs=1e-6)


# ---- bad input ----


def with_masks(**masks: Any) -> dict[str, Any]:
    volume = small_volume()
    return {bone: np.asarray(volume.load_mask(masks.get(bone, bone))) for bone in ("skull", "c1", "c2")}


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        ({"c1": "c2", "c2": "c1"}, "C1 lies below that of C2"),
        ({"skull": "c1", "c1": "skull"}, "the skull lies below that of C1"),
        ({"c2": "c1"}, "C1 lies below"),
    ],
)
def test_exchanged_masks_are_refused(masks: dict[str, str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        check_masks(small_volume(), with_masks(**masks))


def test_masks_of_another_grid_empty_or_too_large_are_refused() -> None:
    volume, masks = small_volume(), with_masks()
    with pytest.raises(BadInput, match=r"ct/c1\.nii\.gz: has 12 x 10 x 9 voxels"):
        check_masks(volume, masks | {"c1": masks["c1"][:, :, :9]})
    with pytest.raises(BadInput, match="holds no voxel of C1"):
        check_masks(volume, masks | {"c1": np.zeros_like(masks["c1"])})
    large = masks["c1"].copy()
    large[:, :, 8:14] = True
    with pytest.raises(BadInput, match="C1 is larger than that of the skull"):
        check_masks(volume, masks | {"c1": large})


def test_a_case_without_scan_masks_or_marks_says_what_to_do(whole: Path) -> None:
    case = loaded(whole)
    with pytest.raises(BadInput, match="no CT or CBCT"):
        registered_volume(replace(case, volumes=()))
    volume = case.volumes[0]
    with pytest.raises(BadInput, match="no accepted mask of C2") as fault:
        registered_volume(
            replace(case, volumes=(replace(volume, masks={b: volume.masks[b] for b in ("skull", "c1")}),))
        )
    assert "atlasplane segment" in fault.value.remedy
    with pytest.raises(BadInput, match="no landmarks"):
        registered_volume(replace(case, volumes=(replace(volume, readings=()),)))


def test_films_that_give_no_start_are_named(whole: Path) -> None:
    case = loaded(whole)
    visit = case.visits[0]
    with pytest.raises(BadInput, match="there is no visit 'v7'"):
        visit_to_register(case, "v7")
    one = replace(case, visits=(replace(visit, films=visit.films[:1]),))
    with pytest.raises(BadInput, match="no visit with two films"):
        visit_to_register(one, None)
    with pytest.raises(BadInput, match=r"visit\.toml: only .*lateral\.png can be registered"):
        prepare(one, visit="v1")
    bare = replace(
        case, visits=(replace(visit, films=tuple(replace(f, technique=None) for f in visit.films)),)
    )
    with pytest.raises(BadInput, match="no film can be registered"):
        prepare(bare, visit="v1")
    twice = replace(visit.films[1], sha256=visit.films[0].sha256)
    with pytest.raises(BadInput, match="gives no start"):
        prepare(replace(case, visits=(replace(visit, films=(visit.films[0], twice)),)), visit="v1")


def test_a_fixed_rig_takes_full_cameras_of_one_rig(whole: Path) -> None:
    films = loaded(whole).visits[0].films
    cameras = [camera_matrix_lps(film.camera) for film in ready(whole, "v1").problem.films]
    stated = [
        replace(film, technique=None, camera_lps=camera, rig="stand")
        for film, camera in zip(films, cameras, strict=True)
    ]
    assert rig_of(films, None) == "free"
    assert rig_of(stated, None) == "fixed"
    assert rig_of(stated, "free") == "free"
    assert rig_of([replace(film, rig=None) for film in stated], "fixed") == "fixed"
    with pytest.raises(BadInput, match="no full camera"):
        rig_of(films, "fixed")
    with pytest.raises(BadInput, match="another rig"):
        rig_of([stated[0], replace(stated[1], rig="other")], "fixed")
    assert rig_of([stated[0], replace(stated[1], rig="other")], None) == "free"


def test_films_of_one_rig_share_one_pose_of_the_skull(whole: Path) -> None:
    case = loaded(whole)
    visit = case.visits[0]
    cameras = [film.setup.camera(film.tube_deg, film.target_mm) for film in visits()[0].films]
    films = tuple(
        replace(film, technique=None, camera_lps=camera_matrix_lps(camera), rig="stand")
        for film, camera in zip(visit.films, cameras, strict=True)
    )
    problem = prepare(replace(case, visits=(replace(visit, films=films),)), visit="v1").problem
    assert problem.rig == "fixed" and problem.skulls == 1
    assert problem.films[0].camera_sd.sid_mm == 0
    first, second = problem.start.skull
    assert first.rotation == pytest.approx(second.rotation) and problem.start.cov.shape == (18, 18)
    off = change_about_centre(first, STILL, problem.bones[0].centre_mm)
    sd = np.sqrt(np.diag(problem.start.cov)[:6])
    assert np.all(np.abs(off) < 5 * sd)


# ---- what is kept ----

MOTION = {"c1": moved(STILL, 1.0, 2.0, -1.5, 0.2, 0.1, -0.3), "c2": moved(STILL, 0.5, 0, 0, 0, 0, 0.4)}


def test_a_record_says_what_was_found_and_reads_back(whole: Path, case: Case) -> None:
    record = kept(case, ready(whole, "v2"), motions=MOTION)
    path = record_file(case, ready(whole, "v2"))
    assert path == case.folder / POST / "registration.json"
    assert path.read_bytes() == record_bytes(record)
    back = read_registration(path, name="r")
    assert back == record
    assert (back.status, back.reason, back.rig, back.visit) == ("ok", None, "free", "v2")
    bones, motion = (dict(part.items()) for part in (back.bones, back.motion))
    for bone, pose in MOTION.items():
        assert pose_of(motion[bone]).rotation == pytest.approx(pose.rotation)  # type: ignore[index]
        in_room = pose_of(bones["skull"]) @ pose
        assert pose_of(bones[bone]).translation_mm == pytest.approx(in_room.translation_mm)  # type: ignore[index]
    assert set(back.relative) == {"c1_in_skull", "c2_in_c1", "c2_in_skull"}
    skulls = (f"skull/{POST}/lateral.png", f"skull/{POST}/nasium.png")
    assert back.uncertainty is not None and back.uncertainty.order == (*skulls, "c1", "c2")
    camera = back.cameras[0]
    detector = camera_of(camera.detector)
    assert np.array(camera.P) == pytest.approx(camera_matrix_lps(detector), rel=1e-9)
    at = np.array([3.0, -20.0, 15.0])
    homogeneous = np.array(camera.P) @ np.append(lps_from_isb(at), 1.0)
    assert homogeneous[:2] / homogeneous[2] == pytest.approx(detector.project(at), abs=1e-9)


def test_a_refused_registration_keeps_no_pose(whole: Path, case: Case) -> None:
    record = kept(case, ready(whole, "v2"), status="refused", reasons=("residual", "shape"))
    assert record.bones == {} and record.relative == {} and record.motion == {}
    assert record.uncertainty is None
    assert record.reason is not None and "another shape" in record.reason
    assert record.cameras and record.residual.value == 0.4
    with pytest.raises(ValueError, match="refused"):
        registered_bones(record)
    with pytest.raises(ValueError, match="no poses"):
        document = record_document(record) | {"bones": {"skull": record.cameras[0].skull}}
        RegisterOutput.model_validate(document)


def test_an_earlier_registration_is_a_start(whole: Path, case: Case) -> None:
    record = kept(case, ready(whole, "v1"), motions=MOTION)
    films = ready(whole, "v2").films
    from_it = films.from_earlier(record).start
    assert from_it.motions["c1"].rotation == pytest.approx(MOTION["c1"].rotation)
    assert np.degrees(np.sqrt(np.diag(from_it.cov)[-12:-9])) == pytest.approx(np.full(3, 3.0))
    assert from_it.cov[:12, :12] == pytest.approx(films.start.cov[:12, :12])
    assert not from_it.cov[:12, 12:].any()


def test_what_is_no_start_is_refused_before_anything_else_is_read(whole: Path, case: Case) -> None:
    prepared = ready(whole, "v1")
    path = record_file(case, prepared)
    with pytest.raises(BadInput, match="does not exist"):
        prepare(case, visit="v2", start=str(path))
    kept(case, prepared, status="doubtful", reasons=("unresolved",))
    with pytest.raises(BadInput, match="is doubtful"):
        prepare(case, visit="v2", start=str(path))
    record = kept(case, prepared)
    change(path, '"case": "registered-case"', '"case": "another"')
    with pytest.raises(BadInput, match="of another case"):
        prepare(case, visit="v2", start=str(path))
    kept(case, prepared)
    change(path, record.inputs.volume.sha256, "0" * 64)
    with pytest.raises(BadInput, match="another scan"):
        prepare(case, visit="v2", start=str(path))


# ---- what is measured ----


def told(case: Case, visit: Visit) -> tuple[JointObservations, list[str]]:
    """Observations and findings that a visit gains by the registration in its folder."""
    nothing = AlignmentAnalysis(joint=JointObservations(observations=()), films=(), findings=())
    found = with_registration(case, visit, nothing)
    return found.joint, [f"{each.code}: {each.text}" for each in found.findings]


def test_a_registration_is_measured_and_compared(whole: Path, case: Case) -> None:
    first, second = case.visits
    assert told(case, first)[1] == [] and not told(case, first)[0].observations
    kept(case, ready(whole, "v1"), motions={"c1": STILL, "c2": STILL})
    kept(case, ready(whole, "v2"), motions={"c1": moved(STILL, 0, 0, 0, 0, 0, 1.0), "c2": STILL})
    before, after = (told(case, visit)[0] for visit in (first, second))
    pose = after.get("c1_in_skull@registered")
    assert isinstance(pose, Pose) and pose.method == "ct-to-film/1"
    assert pose.source == (f"{POST}/lateral.png", f"{POST}/nasium.png", "ct/cbct.nii.gz")
    scan = {o.key: o for o in analyse_volume(case.volumes[0], "v1").poses}["c1_in_skull@cbct"]
    here = before.get("c1_in_skull@registered")
    # Two readings are combined as points here and as angles there: they differ by the frames' curvature.
    assert isinstance(here, Pose) and here.rotation == pytest.approx(scan.rotation, abs=1e-3)
    changes = {each.pre.key: each for each in before.compare(after)}
    assert {"atlas_rotation_3d@registered", "c1_in_skull@registered"} <= changes.keys()
    rotation = changes["atlas_rotation_3d@registered"]
    assert "shape of CBCT" in rotation.correlation_source and rotation.mdc is not None
    # Both visits' own errors; those of the scan's landmarks cancel.
    assert rotation.u == pytest.approx(np.sqrt(2) * SD_DEG, rel=0.1)


@pytest.mark.parametrize("status", ["doubtful", "refused"])
def test_what_is_doubtful_or_refused_gives_a_finding_and_no_number(
    whole: Path, case: Case, status: str
) -> None:
    kept(case, ready(whole, "v2"), status=status, reasons=("starts_disagree",))
    joint, (said,) = told(case, case.visits[1])
    assert not joint.observations
    assert said.startswith(f"registration.{status}: ") and "ended elsewhere" in said


def renamed(path: Path, *keys: str, to: object) -> None:
    """Set one entry of a JSON file."""
    document = at = json.loads(path.read_text("utf-8"))
    for key in keys[:-1]:
        at = at[key]
    assert at[keys[-1]] != to
    at[keys[-1]] = to
    path.write_text(json.dumps(document), "utf-8")


@pytest.mark.parametrize(
    ("keys", "to", "words"),
    [
        (("inputs", "method"), "ct-to-film/0", "the method (was ct-to-film/0)"),
        (("inputs", "masks", "c1", "sha256"), "0" * 64, "the mask of c1"),
        (("inputs", "masks", "c2", "label"), 3, "the mask of c2"),
        (("inputs", "volume", "file"), "ct/other.nii.gz", "ct/other.nii.gz (not in the case any more)"),
        (("inputs", "volume", "stated"), "0" * 64, "marks or geometry of ct/cbct.nii.gz"),
        (("visit",), "v1", "the visit that it is of"),
        (("case",), "another", "the visit that it is of"),
    ],
)
def test_what_has_changed_since_gives_a_finding_and_no_number(
    whole: Path, case: Case, keys: tuple[str, ...], to: object, words: str
) -> None:
    kept(case, ready(whole, "v2"))
    renamed(record_file(case, ready(whole, "v2")), *keys, to=to)
    joint, (said,) = told(case, case.visits[1])
    assert not joint.observations
    assert said.startswith("registration.stale: ") and words in said


def test_a_film_that_changed_is_named(whole: Path, case: Case) -> None:
    kept(case, ready(whole, "v2"))
    visit = case.visits[1]
    lateral, nasium = visit.films
    assert nasium.technique is not None
    moved_away = replace(nasium, technique=replace(nasium.technique, sid_mm=1068.0))
    assert (
        "marks or geometry of 2026-03-02-2/nasium.png"
        in told(case, replace(visit, films=(lateral, moved_away)))[1][0]
    )
    reading = replace(lateral.readings[0], points=dict(list(lateral.readings[0].points.items())[1:]))
    fewer = replace(lateral, readings=(reading,))
    assert (
        "marks or geometry of 2026-03-02-2/lateral.png"
        in told(case, replace(visit, films=(fewer, nasium)))[1][0]
    )
    other = replace(lateral, sha256="0" * 64)
    assert "the file 2026-03-02-2/lateral.png" in told(case, replace(visit, films=(other, nasium)))[1][0]
    assert "not in the case any more" in told(case, replace(visit, films=(nasium,)))[1][0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("atlasplane.register/1", "atlasplane.register/7"),
        lambda text: text.replace("atlasplane.register/1", "atlasplane.segment/1"),
    ],
)
def test_a_record_that_cannot_be_read_gives_a_finding(whole: Path, case: Case, spoil: Any) -> None:
    kept(case, ready(whole, "v2"))
    path = record_file(case, ready(whole, "v2"))
    path.write_text(spoil(path.read_text("utf-8")), "utf-8")
    assert told(case, case.visits[1])[1][0].startswith("registration.unreadable: ")


def test_numbers_that_are_no_pose_are_told(whole: Path, case: Case) -> None:
    kept(case, ready(whole, "v2"))
    path = record_file(case, ready(whole, "v2"))
    good = path.read_text("utf-8")
    renamed(path, "motion", "c1", "R", to=[[1, 0, 0], [0, 1, 0], [0, 0, -1]])
    assert "holds a turn that is none" in told(case, case.visits[1])[1][0]
    path.write_text(good, "utf-8")
    cov = np.eye(24)
    cov[0, 0] = -1.0
    renamed(path, "uncertainty", "cov", to=cov.tolist())
    assert "holds a covariance that is none" in told(case, case.visits[1])[1][0]


def test_measure_reads_what_lies_in_the_visits_folder(whole: Path, case: Case) -> None:
    kept(case, ready(whole, "v2"))
    only = replace(case, visits=case.visits[1:], volumes=(replace(case.volumes[0], visit=None),))
    (visit,) = measure_case(only).visits
    assert visit.joint.get("c1_in_skull@registered") is not None
    assert visit.joint.get("c1_in_skull") is not None


# ---- the verb, and the process of its own ----


def test_a_visit_is_registered_and_the_worker_says_how_it_goes(
    whole: Path, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    def found(problem: RegistrationProblem, *, rng: np.random.Generator, **_: Any) -> Registration:
        seeds.append(rng.bit_generator.state["state"]["state"])
        return stand_in(problem, status="doubtful", reasons=("unresolved",))

    monkeypatch.setattr(registered, "register", found)
    monkeypatch.setattr(registered, "prepare", lambda case, **_: replace(ready(whole, "v2"), case=case))

    def registering(folder: Path, *, progress: Any, **options: Any) -> registered.RegisteredVisit:
        assert folder == case.folder and options == {"visit": "v2", "rig": None, "start": "landmarks"}
        done = register_visit(case, progress=progress)
        done.store()
        return done

    for _ in range(2):
        answers = io.StringIO()
        job = {"root": str(case.folder), "visit": "v2"}
        end = register_worker._done(job, answers, registering)
        assert end == {"file": f"{POST}/registration.json", "status": "doubtful"}
        assert json.loads(answers.getvalue().splitlines()[-1]) == {"stage": "Done", "share": 1.0}
    assert len(seeds) == 2 and seeds[0] == seeds[1]
    done = register_visit(case)
    assert done.needs_a_person and [f.code for f in done.findings][-1] == "registration.doubtful"
    assert {pose.quantity.id for pose in done.poses} == {"c1_in_skull", "c2_in_c1", "c2_in_skull"}
    named = done.with_overlays([done.folder / "registration" / "lateral.png"])
    assert named.record.overlays == ("registration/lateral.png",)
