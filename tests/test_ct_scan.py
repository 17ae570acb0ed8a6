"""The simulated CBCT: greys, orientation, true masks, clicks, and what the case and its truth say of it."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import nibabel
import numpy as np
import pytest
from jsonschema import Draft202012Validator
from scipy import ndimage, stats
from scipy.interpolate import RegularGridInterpolator

from atlasplane.anatomy.phantom import Phantom, random_phantom
from atlasplane.anatomy.solids import SOFT, WATER_PER_MM, Solid, solids
from atlasplane.api import load
from atlasplane.core.errors import BadInput
from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantity
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.frames import isb_from_lps, lps_from_isb
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.io.digest import sha256_of, sha256_of_folder
from atlasplane.io.landmark_file import read_landmarks
from atlasplane.io.schemas import json_schema
from atlasplane.io.volume_file import open_volume
from atlasplane.pathways.alignment.volume_measures import VolumeAnalysis, analyse_volume
from atlasplane.simulate import patient
from atlasplane.simulate.ct_files import CtSource, copy_scan
from atlasplane.simulate.ct_observer import REPEATS, click_covariance, clicks, marked_truth, repeated_clicks
from atlasplane.simulate.ct_scan import (
    AIR_HU,
    MODALITY,
    MOST_HU,
    NOISE_HU,
    VOXEL_MM,
    Field,
    bone_share,
    scan,
)
from atlasplane.simulate.demo import DEMO_SEED, demo_patients
from atlasplane.simulate.memory import scan_in_memory
from atlasplane.simulate.observer import Observer
from atlasplane.simulate.patient import Scenario, scenario_visits, simulate_case, simulated_phantom
from atlasplane.simulate.subject import PhantomSubject, Posed
from atlasplane.simulate.truth_space import bone_poses, relative_poses, space_values
from atlasplane.simulate.truth_tables import ScanTruth
from atlasplane.sources.film import View
from atlasplane.sources.volume import Volume
from tests.film_cases import WHEN, person, pose

ANGLES = pose((3.0, -2.0, 1.5), (-12.0, 3.4, 4.0), (2.0, -1.0, 5.0), (1.0, 0.5, -2.0))
SCENARIO = Scenario(
    seed=5, head_deg=(3.0, -2.0, 1.5), atlas_deg=(-12.0, 3.4, 4.0), views=(View.LATERAL,), scan="cbct"
)
COARSE = {"skull_voxel_mm": 2.0, "soft_voxel_mm": 5.0}
"""Voxels of the tests' solids, to be quick; those of the spine stay fine, for their cortex must close."""


@cache
def phantom() -> Phantom:
    return random_phantom(np.random.default_rng(2))


@cache
def parts() -> dict[str, Solid]:
    return dict(solids(phantom(), rng=np.random.default_rng(0), **COARSE))


def subject() -> PhantomSubject:
    return PhantomSubject(phantom(), parts)


@pytest.fixture(scope="module")
def posed() -> Posed:
    return subject().posed(ANGLES)


@pytest.fixture(scope="module")
def field(posed: Posed) -> Field:
    return Field.of(posed.points_mm)


@pytest.fixture(scope="module")
def plain(posed: Posed, field: Field) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Greys without noise, and masks."""
    greys, masks = scan(posed, parts(), field, rng=np.random.default_rng(0), noise_hu=0.0)
    return greys, dict(masks)


def lps_of(field: Field, index: Array) -> Array:
    return index @ field.affine_lps[:3, :3].T + field.affine_lps[:3, 3]


def index_of(field: Field, at_isb: Array) -> Array:
    return (lps_from_isb(at_isb) - field.affine_lps[:3, 3]) / field.voxel_mm


# ---- greys ----


def test_greys_are_those_of_the_solids_at_the_voxels_centres(
    posed: Posed, field: Field, plain: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    """Another interpolator, from bone to voxel: equal but for the rounding to whole greys."""
    rng = np.random.default_rng(1)
    index = rng.integers(0, field.shape, (6000, 3))
    index = index[field.columns[index[:, 0], index[:, 1]]]
    at = isb_from_lps(lps_of(field, index.astype(float)))
    near_ball = np.linalg.norm(at - posed.points_mm["TRAGUS_R"], axis=1) < 10
    index, at = index[~near_ball], at[~near_ball]
    total = np.zeros(len(at))
    for name, solid in parts().items():
        room = posed.room_from["skull" if name == SOFT else name]
        axes = [
            o + s * np.arange(n)
            for o, s, n in zip(solid.origin_mm, solid.spacing_mm, solid.attenuation_per_mm.shape, strict=True)
        ]
        grid = RegularGridInterpolator(axes, solid.attenuation_per_mm, bounds_error=False, fill_value=0.0)
        total += grid(room.inverse().apply(at))
    wanted = np.clip(1000 * (total / WATER_PER_MM - 1), AIR_HU, MOST_HU)
    found = plain[0][tuple(index.T)]
    assert np.ptp(wanted) > 2000  # air, water and bone are among them
    np.testing.assert_allclose(found, wanted, atol=0.51)


def test_water_air_and_noise(field: Field, posed: Posed) -> None:
    """Flesh between C4 and its spinous process is water; SD of n greys to 1 / sqrt(2 n), four of which."""
    greys, _ = scan(posed, {SOFT: parts()[SOFT]}, field, rng=np.random.default_rng(4))
    middle = np.rint(index_of(field, posed.points_mm["C4_PI"])).astype(int)
    block = greys[tuple(slice(k - 8, k + 9) for k in middle)].astype(float)
    four = 4 / math.sqrt(2 * block.size)
    assert block.std() == pytest.approx(NOISE_HU, rel=four)
    assert abs(block.mean()) < 4 * NOISE_HU / math.sqrt(block.size)
    assert np.all(greys[~field.columns] == AIR_HU)
    assert greys.dtype == np.int16


def test_the_edge_of_a_body_is_shared_by_volume() -> None:
    """A plane face at a known place: the greys, added up, tell where it lies.

    Interpolation of the solid's ramp has kinks of slope 0.23, 0.54 and 0.77; each moves a sum of steps h by
    h^2 / 8 of it at most, together 0.12 mm.
    """
    edge = 3.27
    x = -20.0 + 1.0 * np.arange(41)
    share = np.clip(0.5 - (x - edge), 0, 1)
    block = np.broadcast_to((share * WATER_PER_MM)[:, None, None], (41, 41, 41)).astype(np.float32)
    solid = Solid(attenuation_per_mm=block.copy(), origin_mm=np.full(3, -20.0), spacing_mm=np.ones(3))
    still = replace(person().posed(pose()), points_mm={}, room_from={"skull": RigidTransform.identity()})
    field = Field(centre_mm=np.zeros(3), voxel_mm=0.8, diameter_mm=48.0, height_mm=24.0)
    greys, _ = scan(still, {"skull": solid}, field, rng=np.random.default_rng(0), noise_hu=0.0)
    line = greys[field.shape[0] // 2, :, field.shape[2] // 2].astype(float) / 1000 + 1
    y_lps = field.affine_lps[1, 3] + 0.8 * np.arange(field.shape[1])
    inside = np.abs(y_lps) < 15  # x = -y: the body fills what lies behind the face
    reach = 0.8 * line[inside].sum() - (y_lps[inside].max() + 0.4)
    assert reach == pytest.approx(edge, abs=0.125)


# ---- orientation ----


def test_the_ball_lies_on_the_patients_right(
    plain: tuple[np.ndarray, dict[str, np.ndarray]], posed: Posed, field: Field
) -> None:
    """Metal more than 6 cm off the mid-line is the marker's; right is the side of small x in LPS."""
    metal = np.argwhere(plain[0] > 2500).astype(float)
    at = lps_of(field, metal)
    middle = lps_from_isb(posed.points_mm["C1_AT"])[0]
    aside = at[np.abs(at[:, 0] - middle) > 60]
    assert len(aside) >= 40 and np.all(aside[:, 0] < middle)
    tragus = lps_from_isb(posed.points_mm["TRAGUS_R"])
    np.testing.assert_allclose(aside.mean(axis=0), tragus - np.array([3.0, 0, 0]), atol=0.5 * VOXEL_MM)


def test_both_sides_of_an_asymmetric_person_are_where_they_were_marked(
    plain: tuple[np.ndarray, dict[str, np.ndarray]], posed: Posed, field: Field
) -> None:
    """Frames, chin and nape: mirrored, front to back or upside down the marks would lie in other bones."""
    _, masks = plain
    for id_, bone in (
        ("TP_R", "c1"),
        ("TP_L", "c1"),
        ("C1_AT", "c1"),
        ("PL_R", "c1"),
        ("DENS_TIP", "c2"),
        ("C2_SPB", "c2"),
        ("C2_AI", "c2"),
        ("MASTOID_R", "skull"),
        ("BA", "skull"),
        ("OP", "skull"),
    ):
        away = ndimage.distance_transform_edt(
            _around(masks[bone], index_of(field, posed.points_mm[id_])) == 0
        )
        assert away[6, 6, 6] * VOXEL_MM <= 2.5, id_


def _around(mask: np.ndarray, at: Array) -> np.ndarray:
    first = np.rint(at).astype(int) - 6
    return np.pad(mask, 6)[tuple(slice(k + 6, k + 19) for k in first)]


# ---- masks ----


@pytest.mark.parametrize("bone", ["c1", "c2"])
def test_masks_have_the_volume_of_their_solid(
    bone: str, plain: tuple[np.ndarray, dict[str, np.ndarray]]
) -> None:
    """Against the solid's voxels filled by another routine.

    A grid that cuts a surface anew moves it by chance, 0.3 voxels at each of its faces independently, which
    leaves 0.5 % of these bones; half a ramp's asymmetry, 0.1 of the solid's voxel all over the surface, is
    the rest: area times 0.14 mm.
    """
    solid = parts()[bone]
    hard = solid.attenuation_per_mm > 0.5 * 0.0369
    whole = ndimage.binary_fill_holes(hard)
    edge = float(solid.spacing_mm[0])
    volume = whole.sum() * edge**3
    area = 6 * edge**2 * sum(np.abs(np.diff(whole.astype(int), axis=k)).sum() for k in range(3)) / 9
    found = plain[1][bone].sum() * VOXEL_MM**3
    assert abs(found - volume) < 0.005 * volume + area * 0.1 * edge


def test_no_voxel_is_in_two_masks_and_none_lies_outside_the_field(
    plain: tuple[np.ndarray, dict[str, np.ndarray]], field: Field
) -> None:
    _, masks = plain
    assert set(masks) == {"skull", "c1", "c2"}
    together = sum(mask.astype(int) for mask in masks.values())
    assert together.max() == 1 and not np.any(together[~field.columns])
    assert all(mask.dtype == np.uint8 and mask.sum() > 5000 for mask in masks.values())


def test_marrow_belongs_to_a_bone_and_air_cells_do_not() -> None:
    excess = np.zeros((20, 20, 20), dtype=np.float32)
    excess[3:17, 3:17, 3:17] = 0.0369
    excess[5:15, 5:15, 5:10] = 0.004  # sponge
    excess[5:15, 5:15, 11:15] = -0.0206  # cell
    excess[9:11, 9:11, 15:] = 0.0  # a hole from the outside into the cell's wall
    share = bone_share(excess)
    assert share[10, 5, 7] == 1.0 and share[4, 4, 4] == 1.0
    assert share[10, 5, 12] == 0.0 and share[0, 0, 0] == 0.0 and share[10, 10, 16] == 0.0


# ---- clicks ----


def test_exact_clicks_lie_on_the_landmarks(posed: Posed, field: Field) -> None:
    reading = clicks(posed, field, Observer(noise_mm=0.0), rng=np.random.default_rng(0), time=WHEN)
    for id_, mark in reading.points.items():
        np.testing.assert_allclose(mark.at, lps_from_isb(posed.points_mm[id_]), atol=1e-12)
        assert mark.cov is None
    assert {"C0_FACET_R", "AXIS_L", "COND_R"} <= reading.contours.keys()


def test_what_is_marked_is_bone_and_in_the_field(posed: Posed, field: Field) -> None:
    reading = clicks(posed, field, Observer(), rng=np.random.default_rng(0), time=WHEN)
    frames = (
        "N BA OP INC_F PO_R PO_L OR_R OR_L TF_R TF_L C1_AT C1_PT DENS_TIP C2_TF_R C2_TF_L OD_BASE C2_AI C2_PI"
    )
    assert set(frames.split()) <= reading.points.keys()
    assert "C7_C" in reading.points  # the lower angle needs it
    assert not {"TRAGUS_R", "EYE_L", "C7_SP", "OPLL", "S1_A", "FHC_R"} & reading.points.keys()
    assert all(field.holds(posed.points_mm[id_]) for id_ in reading.points)


def test_clicks_scatter_as_their_file_says() -> None:
    """300 clicks: the trace of their covariance to sqrt(2 / (3 n)) = 5 %, four of which are allowed."""
    posed = person().posed(ANGLES)
    field = Field.of(posed.points_mm)
    rng = np.random.default_rng(3)
    readings = [clicks(posed, field, Observer(), rng=rng, time=WHEN) for _ in range(300)]
    for id_ in ("HP_ANT", "PL_L", "PO_R", "CRIB"):
        at = np.array([reading.points[id_].at for reading in readings])
        stated = readings[0].points[id_].cov
        assert stated is not None
        np.testing.assert_array_equal(stated, click_covariance(id_, Observer(), field.voxel_mm))
        assert np.trace(np.cov(at.T)) == pytest.approx(np.trace(stated), rel=0.2)
        off = at.mean(axis=0) - lps_from_isb(posed.points_mm[id_])
        assert off @ np.linalg.solve(stated / 300, off) < stats.chi2.ppf(0.9999, 3)


def test_covariances_by_hand() -> None:
    """HP_ANT: 1.0 along, 0.4 across on the lateral film (x, y), 1.0 across it; a voxel's part.

    In LPS x is the beam's, y runs along -X, z along Y. With voxels of 0.6 mm 0.03 mm2 are added.
    """
    own = np.diag([1.03, 1.03, 0.19])
    np.testing.assert_allclose(click_covariance("HP_ANT", Observer(), 0.6), own, atol=1e-12)
    np.testing.assert_allclose(click_covariance("N", Observer(), 0.6), 0.28 * np.eye(3), atol=1e-12)
    np.testing.assert_allclose(click_covariance("N", Observer(noise_mm=0.3), 0.6), 0.09 * np.eye(3))


def test_a_scan_is_read_more_than_once(posed: Posed, field: Field) -> None:
    readings = repeated_clicks(posed, field, Observer(), rng=np.random.default_rng(0), time=WHEN)
    assert [reading.id for reading in readings] == [f"ct-r{k + 1}" for k in range(REPEATS)]
    assert len({tuple(reading.points["N"].at) for reading in readings}) == REPEATS
    exact = repeated_clicks(posed, field, Observer(noise_mm=0.0), rng=np.random.default_rng(0), time=WHEN)
    assert len(exact) == 1


# ---- truth ----


@pytest.mark.parametrize("seed", range(5))
def test_the_frames_of_the_landmarks_are_those_that_were_asked_for(seed: int) -> None:
    """Skull and C1 of the phantom lie on their own axes: the asked angles come back for any head."""
    rng = np.random.default_rng(seed)
    head, atlas = rng.uniform(-5, 5, 3), rng.uniform(-20, 20, 3)
    someone = PhantomSubject(random_phantom(rng), dict)
    posed = someone.posed(pose(head, atlas, rng.uniform(-8, 8, 3)))
    values = space_values(posed.points_mm, posed.contours_mm)
    found = [values[f"atlas_{name}_3d"] for name in ("flexion", "laterality", "rotation")]
    np.testing.assert_allclose(found, atlas, atol=1e-9)
    bones = bone_poses(posed.points_mm, posed.contours_mm)
    for bone in ("skull", "c1"):
        np.testing.assert_allclose(bones[bone].rotation, posed.room_from[bone].rotation, atol=1e-9)
        np.testing.assert_allclose(
            bones[bone].translation_mm, posed.room_from[bone].translation_mm, atol=1e-9
        )
    poses = relative_poses(bones)
    chained = poses["c1_in_skull"] @ poses["c2_in_c1"]
    np.testing.assert_allclose(chained.rotation, poses["c2_in_skull"].rotation, atol=1e-12)


def test_c1_on_c2_by_hand() -> None:
    """A straight dens and level foramina, C1 turned 3 deg extended, 2 deg to the right, 5 deg to the left."""
    turn = rotation_from_zxy(3.0, 2.0, 5.0)
    axis = {
        "DENS_TIP": np.array([0.0, 18.0, 0.0]),
        "C2_AI": np.array([8.0, -20.0, 0.0]),
        "C2_PI": np.array([-8.0, -20.0, 0.0]),
        "OD_BASE": np.zeros(3),
        "C2_TF_R": np.array([-4.0, -14.0, 24.0]),
        "C2_TF_L": np.array([-4.0, -14.0, -24.0]),
    }
    atlas = {
        "TF_R": turn @ [0.0, 0.0, 27.0],
        "TF_L": turn @ [0.0, 0.0, -27.0],
        "C1_AT": turn @ [18.0, 0.0, 0.0],
        "C1_PT": turn @ [-27.0, 0.0, 0.0],
    }
    values = space_values(axis | atlas, {})
    assert values["c1_c2_flexion_3d"] == pytest.approx(-3.0)
    assert values["c1_c2_lateral_3d"] == pytest.approx(-2.0)
    # Y first: atan2(Z1 . X, Z1 . Z) = atan2(R02, R22).
    assert values["c1_c2_rotation"] == pytest.approx(math.degrees(math.atan2(turn[0, 2], turn[2, 2])))
    without = {id_: at for id_, at in axis.items() if not id_.startswith("C2_TF")}
    assert "c1_c2_flexion_3d" not in space_values(without | atlas, {})
    arcs = {
        f"AXIS_{s}": np.array([[0.0, 0.0, k * 8.0], [0.0, -2.0, k * 24.0]]) for s, k in (("R", 1), ("L", -1))
    }
    assert space_values(without | atlas, arcs)["c1_c2_flexion_3d"] == pytest.approx(-3.0)


def test_the_lower_angle_by_hand() -> None:
    """Head and atlas straight, the neck's top 4 deg to the right of C7: -(g + phi) = -4; then C1 2 deg up."""
    posed = person().posed(pose(atlas=(0, 0, 0)))
    points = dict(posed.points_mm)
    middle = (points["OD_BASE"] + points["C2_SPB"]) / 2
    points["C7_C"] = middle - 80 * np.array([0.3, math.cos(math.radians(4)), math.sin(math.radians(4))])
    assert space_values(points, {})["lower_angle_3d"] == pytest.approx(-4.0)
    raised = person().posed(pose(atlas=(0, 2.0, 0))).points_mm
    points |= {id_: raised[id_] for id_ in ("TF_R", "TF_L", "C1_AT", "C1_PT")}
    assert space_values(points, {})["lower_angle_3d"] == pytest.approx(-6.0)


def read_scan(seed: int, noise_mm: float | None) -> tuple[VolumeAnalysis, dict[str, float]]:
    """Measures of a simulated scan's clicks, and its truth."""
    return read_scan_of(Scenario(seed=seed, scan="cbct", noise_mm=noise_mm))


def read_scan_of(scenario: Scenario) -> tuple[VolumeAnalysis, dict[str, float]]:
    someone = PhantomSubject(simulated_phantom(scenario), dict)
    volume = patient.scenario_volume(scenario, someone)
    assert volume is not None
    posed = someone.posed(scenario_visits(scenario, someone)[0].films[0].angles)
    field = Field.of(posed.points_mm)
    rng = patient._stream(scenario, "scan clicks")
    readings = repeated_clicks(posed, field, patient._scan_observer(scenario), rng=rng, time=WHEN)
    points, contours = marked_truth(posed, readings[0])
    truth = ScanTruth(condition=MODALITY, points_mm=points, contours_mm=contours).values()
    assert truth.keys() == volume.truth.values().keys()
    return analyse_volume(scan_in_memory(readings, field, "v1"), "v1"), dict(truth)


def test_exact_clicks_measure_the_truth() -> None:
    """Two sets of formulas on one set of points: equal to rounding, but for a line that one draws finely."""
    analysis, truth = read_scan(3, 0.0)
    assert len(analysis.measurements) >= 60
    for found in analysis.measurements:
        key = str(found.key)
        near = 1e-4 if key.startswith("condyle_c1_interval") else 1e-8
        assert found.value == pytest.approx(truth[key], abs=near), key
        assert not quantity(ObservationKey.parse(key).quantity).posture


OF_THE_SKULL = ("bdi", "bai", "powers_ratio", "chamberlain", "mcrae", "clivoaxial_angle")
OF_THE_JOINTS = ("c0_c1_angle", "c1_c2_angle", "rra/C2-C3", "ladi/right", "ladi/left")
TURNS = ("c1_c2_rotation", "c0_c1_rotation")
IN_SPACE = (
    "atlas_flexion_3d",
    "atlas_laterality_3d",
    "atlas_rotation_3d",
    "c1_c2_flexion_3d",
    "lower_angle_3d",
)
JOINT = tuple(f"{key}@{MODALITY}" for key in (*OF_THE_SKULL, *OF_THE_JOINTS, *TURNS, *IN_SPACE))
"""Measures of which none follows from the others."""


def distance(analysis: VolumeAnalysis, truth: dict[str, float], of: Sequence[str] = JOINT) -> float:
    """Squared distance of some measures from the truth, in their covariance."""
    keys = [str(m.key) for m in analysis.measurements]
    at = [keys.index(key) for key in of]
    off = np.array([analysis.measurements[k].value - truth[keys[k]] for k in at])
    return float(off @ np.linalg.solve(analysis.cov[np.ix_(at, at)], off))


def test_noisy_clicks_lie_in_the_joint_region() -> None:
    """12 persons: distances add to a chi-square of 12 x 18; 9 or more lie in the 95 % region (0.998)."""
    distances = [distance(*read_scan(seed, None)) for seed in range(12)]
    low, high = stats.chi2.ppf([0.0005, 0.9995], 12 * len(JOINT))
    assert low < sum(distances) < high
    limit = stats.chi2.ppf(0.95, len(JOINT))
    assert sum(d < limit for d in distances) >= 9


def test_the_demo_patients_scan_agrees_with_his_truth() -> None:
    """The clicks that the demo writes, in their joint 95 % region."""
    person_of_the_demo, _ = demo_patients(DEMO_SEED)
    analysis, truth = read_scan_of(person_of_the_demo.scenario)
    marked = [key for key in JOINT if key in truth]
    assert len(marked) > len(JOINT) / 2
    assert distance(analysis, truth, marked) < stats.chi2.ppf(0.95, len(marked))


# ---- the case ----


@pytest.fixture(scope="module")
def case_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scanned") / "case"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(patient, "film_picture", blank)
        simulate_case(folder, replace(SCENARIO, post_deg=(-12.0, 0.5, 0.8)), subject=subject())
    return folder


def blank(film, rng) -> np.ndarray:
    return np.full(film.setup.shape, int(film.film_truth["s_line_angle"] * 1e3) % 4096, dtype=np.uint16)


def volume_of(folder: Path) -> Volume:
    (volume,) = load(folder).case.volumes
    return volume


def test_the_case_names_its_scan(case_folder: Path) -> None:
    content = tomllib.loads((case_folder / "case.toml").read_text(encoding="utf-8"))
    (table,) = content["volume"]
    assert table == {
        "file": "ct/cbct.nii.gz",
        "landmarks": "ct/cbct.landmarks.json",
        "masks": {bone: f"ct/{bone}.nii.gz" for bone in ("skull", "c1", "c2")},
        "meshes": {bone: f"ct/{bone}.stl" for bone in ("skull", "c1", "c2")},
        "hounsfield": True,
        "modality": "cbct",
        "visit": "v1",
    }
    marks = json.loads((case_folder / "ct" / "cbct.landmarks.json").read_text(encoding="utf-8"))
    assert marks["image"] == {"file": "cbct.nii.gz", "sha256": sha256_of(case_folder / "ct" / "cbct.nii.gz")}
    assert marks["space"] == "lps_mm" and content["simulated"] is True


def test_files_hold_the_scan_exactly(case_folder: Path) -> None:
    """Greys, header and affine as another program reads them: voxels along left, back, up."""
    image = nibabel.load(case_folder / "ct" / "cbct.nii.gz")
    assert image.get_data_dtype() == np.int16
    assert nibabel.aff2axcodes(image.affine) == ("L", "P", "S")
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (1, 1)
    np.testing.assert_allclose(image.header.get_qform(), image.header.get_sform(), atol=1e-4)
    assert bytes(image.header["descrip"]).rstrip(b"\0") == b"SIMULATED"
    assert image.header.get_zooms() == (VOXEL_MM,) * 3
    posed = subject().posed(scenario_visits(SCENARIO, subject())[0].films[0].angles)
    field = Field.of(posed.points_mm)
    volume = volume_of(case_folder)
    # NIfTI keeps its affine in single precision: 1e-7 of 200 mm.
    np.testing.assert_allclose(volume.affine_lps, field.affine_lps, atol=2e-5)
    greys, masks = scan(posed, parts(), field, rng=patient._stream(SCENARIO, "scan"))
    np.testing.assert_array_equal(volume.load_voxels(), greys)
    for bone, mask in masks.items():
        kept = open_volume(case_folder / volume.masks[bone])
        np.testing.assert_array_equal(kept.load_voxels(), mask)
        np.testing.assert_array_equal(kept.affine_lps, volume.affine_lps)


def test_the_scan_shows_the_first_visit_as_it_sat(case_folder: Path) -> None:
    truth = json.loads((case_folder / "truth.json").read_text(encoding="utf-8"))
    Draft202012Validator(json_schema("truth")).validate(truth)
    first, second = truth["visits"]["v1"], truth["visits"]["v2"]
    for name in ("c1_in_skull", "c2_in_skull", "c2_in_c1"):
        assert first["poses"][f"{name}@cbct"]["R"] == first["poses"][name]["R"]
    assert first["poses"]["skull_in_room@cbct"]["R"] == pytest.approx(
        np.array(first["poses"]["skull_in_room/lateral"]["R"])
    )
    assert not any("@cbct" in key for key in (*second["poses"], *second["quantities"]))
    for name in ("atlas_flexion_3d", "atlas_laterality_3d", "atlas_rotation_3d"):
        assert first["quantities"][f"{name}@cbct"]["patient"] == pytest.approx(
            first["quantities"][name]["patient"]
        )
    for reading in volume_of(case_folder).readings:
        for id_, mark in reading.points.items():
            off = mark.at - first["landmarks_lps_mm"][id_]
            assert off @ np.linalg.solve(mark.cov, off) < 30, id_  # 1 in 700 000 of a chi-square of 3


def test_cameras_and_poses_of_the_truth_make_the_clicks(case_folder: Path) -> None:
    """What a fit of the films has to find: true places through the true camera, the noiseless marks."""
    truth = json.loads((case_folder / "truth.json").read_text(encoding="utf-8"))["visits"]["v1"]
    camera = PinholeCamera.from_matrix(np.array(truth["cameras"]["lateral"]))
    film = load(case_folder).case.visits[0].films[0]
    for id_, mark in film.readings[0].points.items():
        at = camera.project(isb_from_lps(np.array(truth["landmarks_lps_mm"][id_])))
        # On the film 0.2 mm a pixel; placing errors of the catalogue are below 2 mm, four of which.
        assert np.abs(at - mark.at).max() < 40, id_
    exact = scenario_visits(replace(SCENARIO, noise_mm=0.0), subject())[0]
    (shown,) = exact.films
    table = exact.truth()
    camera = PinholeCamera.from_matrix(np.array(table["cameras"]["lateral"]))  # type: ignore[index]
    for id_, mark in shown.reading.points.items():
        at = camera.project(isb_from_lps(np.array(table["landmarks_lps_mm"][id_])))  # type: ignore[index]
        np.testing.assert_allclose(at, mark.at, atol=1e-6)


def test_one_seed_one_scan(tmp_path: Path, case_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "film_picture", blank)
    simulate_case(tmp_path / "again", replace(SCENARIO, post_deg=(-12.0, 0.5, 0.8)), subject=subject())
    for path in sorted(case_folder.rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(case_folder)).read_bytes()


def test_a_scan_changes_nothing_else(
    tmp_path: Path, case_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patient, "film_picture", blank)
    without = replace(SCENARIO, post_deg=(-12.0, 0.5, 0.8), scan="none")
    simulate_case(tmp_path / "without", without, subject=subject())
    assert not (tmp_path / "without" / "ct").exists()
    for day in ("2026-03-02", "2026-03-02-2"):
        for path in sorted((tmp_path / "without" / day).iterdir()):
            assert path.read_bytes() == (case_folder / day / path.name).read_bytes()


def test_the_demo_shows_both_ways() -> None:
    patients = demo_patients(DEMO_SEED)
    assert [each.scenario.scan for each in patients] == ["cbct", "none"]


@pytest.mark.parametrize("wanted", ["mri", "", "CBCT"])
def test_an_unknown_scan_is_refused(wanted: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="none, cbct") as caught:
        simulate_case(tmp_path / "case", replace(SCENARIO, scan=wanted), subject=subject())
    assert caught.value.file == "--scan" and not (tmp_path / "case").exists()


def test_a_ct_that_is_filmed_needs_no_scan(tmp_path: Path) -> None:
    real = PhantomSubject(phantom(), parts, simulated_bones=False)
    with pytest.raises(BadInput, match="the case holds it") as caught:
        simulate_case(tmp_path / "case", SCENARIO, subject=real)
    assert caught.value.file == "--scan" and not (tmp_path / "case").exists()


# ---- copies ----


def test_a_folder_is_copied_under_plain_names(tmp_path: Path, case_folder: Path) -> None:
    """The digest is the copy's, since names count in it; readings are kept to the digit."""
    series = tmp_path / "Doe^Jane"
    series.mkdir()
    for name in ("b", "a"):
        (series / f"{name}.ima").write_bytes(name.encode())
    root = tmp_path / "case"
    root.mkdir()
    marks = case_folder / "ct" / "cbct.landmarks.json"
    table = copy_scan(root, CtSource(ct=series, landmarks=marks), "v1")
    assert table == {"file": "ct/ct", "landmarks": "ct/ct.landmarks.json", "modality": "ct", "visit": "v1"}
    assert [(p.name, p.read_bytes()) for p in sorted((root / "ct" / "ct").iterdir())] == [
        ("0001.dcm", b"a"),
        ("0002.dcm", b"b"),
    ]
    image = json.loads((root / "ct" / "ct.landmarks.json").read_text(encoding="utf-8"))["image"]
    assert image == {"file": "ct", "sha256": sha256_of_folder(root / "ct" / "ct")}
    before, after = read_landmarks(marks)[1], read_landmarks(root / "ct" / "ct.landmarks.json")[1]
    assert before.points.keys() == after.points.keys()
    for id_, mark in before.points.items():
        np.testing.assert_array_equal(mark.at, after.points[id_].at)
        np.testing.assert_array_equal(mark.cov, after.points[id_].cov)
