"""A real head (NLM Visible Human Male, CT) filmed by the simulator: bone frames, films, and on to the report.

The landmarks are this project's own markings (tests/data/visible_human_male_head.landmarks.md says how and
how well).
"""

from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage, stats

from atlasplane.api import LoadedCase, load
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Severity
from atlasplane.io.landmark_file import read_landmarks
from atlasplane.simulate.ct_subject import CtSubject, ct_subject
from atlasplane.simulate.patient import Scenario, scenario_visits, simulate_case
from atlasplane.simulate.setup import SETUPS
from atlasplane.simulate.truth import film_axes_camera
from atlasplane.simulate.visit import SimulatedFilm
from atlasplane.sources.film import View
from tests.film_cases import pose

LANDMARKS = Path(__file__).parent / "data" / "visible_human_male_head.landmarks.json"
VOXEL_MM = (1.578, 0.996, 1.008)
AS_IT_LIES = Scenario(seed=3, atlas_deg=(0.0, 0.0, 0.0), noise_mm=0.25)


@pytest.fixture(scope="module")
def head(data_dir: Path) -> CtSubject:
    return ct_subject(data_dir / "ct" / "visible_human_male_head.nii.gz", LANDMARKS)


@pytest.fixture(scope="module")
def case_folder(head: CtSubject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three films, rendered once, and the same films a week later as a second visit."""
    folder = tmp_path_factory.mktemp("real") / "case"
    simulate_case(folder, AS_IT_LIES, subject=head)
    first, second = folder / "2026-03-02", folder / "2026-03-09"
    shutil.copytree(first, second)
    text = (second / "visit.toml").read_text(encoding="utf-8")
    text = re.sub(r'^id = "v1"', 'id = "v2"', text, flags=re.MULTILINE).replace("2026-03-02", "2026-03-09")
    (second / "visit.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def case(case_folder: Path) -> LoadedCase:
    return load(case_folder)


@pytest.fixture(scope="module")
def films(head: CtSubject) -> dict[View, SimulatedFilm]:
    (visit,) = scenario_visits(AS_IT_LIES, head)
    return {film.setup.view: film for film in visit.films}


# ---- frames ----


@pytest.mark.parametrize("bone", ["skull", "c1"])
def test_bone_frames_are_proper_rotations_on_isb_axes(head: CtSubject, bone: str) -> None:
    frame = head.posed(pose(atlas=(0, 0, 0))).room_from[bone].rotation
    np.testing.assert_allclose(frame.T @ frame, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1.0)
    # The head is straight in the room, so each axis is within 10 deg of the room's (anterior, up, right).
    assert np.all(np.diag(frame) > math.cos(math.radians(10)))


def test_frames_follow_their_landmarks(head: CtSubject) -> None:
    posed = head.posed(pose(atlas=(0, 0, 0)))
    seen = {
        bone: {i: posed.room_from[bone].inverse().apply(at) for i, at in posed.points_mm.items()}
        for bone in ("skull", "c1")
    }
    # Skull: basion is the origin, nasion and incisive foramen lie in the mid-plane before it, Frankfort is
    # level.
    np.testing.assert_allclose(seen["skull"]["BA"], 0.0, atol=1e-9)
    for id_ in ("N", "INC_F"):
        assert seen["skull"][id_][2] == pytest.approx(0.0, abs=1e-9)
        assert seen["skull"][id_][0] > 50
    porion = (seen["skull"]["PO_R"] + seen["skull"]["PO_L"]) / 2
    orbit = (seen["skull"]["OR_R"] + seen["skull"]["OR_L"]) / 2
    # The plane goes through both porions and the mid orbit, then turns to the mid-plane: level to the
    # asymmetry, 4 deg at most.
    assert abs(orbit[1] - porion[1]) < math.tan(math.radians(4)) * abs(orbit[0] - porion[0])
    # Atlas: foramina on the transverse axis at equal distances, the anterior tubercle before the posterior
    # one.
    np.testing.assert_allclose(seen["c1"]["TF_R"][:2], 0.0, atol=1e-9)
    np.testing.assert_allclose(seen["c1"]["TF_R"], -seen["c1"]["TF_L"], atol=1e-9)
    assert seen["c1"]["TF_R"][2] == pytest.approx(53.3 / 2, abs=0.1)  # printed distance
    assert seen["c1"]["C1_AT"][0] > 0 > seen["c1"]["C1_PT"][0]


def test_the_atlas_is_turned_left_as_the_landmark_notes_say(head: CtSubject) -> None:
    """+3.3 deg; 1.5 deg is three SD of TF (0.4 mm over 53 mm) and nasion-basion (0.5 mm over 95 mm)."""
    _, _, rotation = head.atlas_deg(np.zeros(3))
    assert rotation == pytest.approx(3.3, abs=1.5)


def test_an_atlas_of_a_ct_cannot_be_moved(head: CtSubject, tmp_path: Path) -> None:
    moved = Scenario(seed=3, atlas_deg=(0.0, 2.0, 0.0))
    with pytest.raises(BadInput) as caught:
        simulate_case(tmp_path / "case", moved, subject=head)
    assert caught.value.file == "--atlas"
    assert list(tmp_path.iterdir()) == []


def test_a_ct_lacking_a_landmark_of_the_frames_is_refused_by_name(data_dir: Path, tmp_path: Path) -> None:
    without = tmp_path / "head.landmarks.json"
    text = LANDMARKS.read_text(encoding="utf-8")
    without.write_text(re.sub(r'\n\s*"INC_F": .*', "", text), encoding="utf-8")
    with pytest.raises(BadInput, match="lacks INC_F"):
        ct_subject(data_dir / "ct" / "visible_human_male_head.nii.gz", without)


def test_head_angles_turn_the_whole_head_about_the_atlas(head: CtSubject) -> None:
    straight, turned = head.posed(pose(atlas=(0, 0, 0))), head.posed(pose((3.0, -2.0, 1.0), (0, 0, 0)))
    for posed in (straight, turned):
        np.testing.assert_allclose(posed.room_from["c1"].translation_mm, 0.0, atol=1e-9)
    step = turned.room_from["skull"].rotation @ straight.room_from["skull"].rotation.T
    # Straight is the identity of the skull's frame, so the step is Rz(pitch) Rx(roll) Ry(yaw) itself.
    assert math.degrees(math.asin(step[2, 1])) == pytest.approx(1.0)
    assert math.degrees(math.atan2(-step[0, 1], step[1, 1])) == pytest.approx(-2.0)
    assert math.degrees(math.atan2(-step[2, 0], step[2, 2])) == pytest.approx(3.0)


# ---- films ----


def picture(case_folder: Path, view: View) -> np.ndarray:
    with Image.open(case_folder / "2026-03-02" / f"{view.value}.png") as image:
        return np.asarray(image)


@pytest.mark.parametrize("view", list(View)[:3])
def test_films_are_deep_large_and_not_flat(case_folder: Path, view: View) -> None:
    pixels = picture(case_folder, view)
    assert pixels.dtype == np.uint16
    assert pixels.size >= 1_500_000
    # Twelve bits are used, and the head's greys spread over them.
    assert int(pixels.max()) > 3500
    middle = pixels[
        pixels.shape[0] // 4 : -pixels.shape[0] // 4, pixels.shape[1] // 4 : -pixels.shape[1] // 4
    ]
    assert np.percentile(middle, 95) - np.percentile(middle, 5) > 500
    assert len(np.unique(middle)) > 1000


def edge_offsets(pixels: np.ndarray, film: SimulatedFilm, sign: int) -> np.ndarray:
    """Columns from the known outline to the picture's steepest rise near it, inwards +, every 4 mm."""
    camera = film_axes_camera(film.setup, film.tube_deg, film.target_mm)
    low, high = film.posed.wall_heights(camera)
    outline = film.posed.walls(camera).side(np.arange(low, high, 4.0), sign)
    smooth = ndimage.gaussian_filter(pixels.astype(float), 2.0)
    found = []
    for column, row in np.array(film.setup.principal_px) - outline / film.setup.pitch_mm:
        columns = np.arange(round(column) - 25, round(column) + 26)
        rise = np.gradient(smooth[round(row), columns]) * sign  # patient's right is the image's left
        found.append(sign * (columns[int(np.argmax(rise))] - column))
    return np.array(found)


def test_the_skull_outline_is_the_films_own_edge(case_folder: Path, films: dict[View, SimulatedFilm]) -> None:
    """The ramp of a bone edge is a voxel wide (10 px), begins at the outline and is steepest midway.

    So the picture's edge lies half a voxel, 5 px, inside the outline, right and left alike: within 2 px of
    that at two levels of three from suture to turn, and their mid-points, which make the skull line, within 2
    px of the outline's.
    """
    film = films[View.NASIUM]
    pixels = picture(case_folder, View.NASIUM)
    half_voxel_px = VOXEL_MM[0] / 2 * film.setup.magnification / film.setup.pitch_mm
    right, left = (edge_offsets(pixels, film, sign) for sign in (1, -1))
    assert len(right) >= 12
    for side in (right, left):
        assert np.mean(np.abs(side - half_voxel_px) <= 2.0) >= 2 / 3
    assert np.mean(np.abs(right - left) / 2 <= 2.0) >= 0.75


def test_marks_lie_on_the_films(case: LoadedCase) -> None:
    for film in case.case.visits[0].films:
        (reading,) = film.readings
        assert not reading.not_visible
        places = np.array([mark.at for mark in reading.points.values()])
        assert np.all(places >= 0) and np.all(places <= np.array(film.shape[::-1]) - 1)


# ---- the whole way ----


def test_films_measure_what_was_filmed(case: LoadedCase, films: dict[View, SimulatedFilm]) -> None:
    """Clicks of 0.25 mm: every film value within four of its own u_film of the truth (24 values.

    One in 10 000 goes beyond).
    """
    measured = case.measure().visits[0]
    checked = 0
    for key in measured.joint.order:
        found = measured.joint.measurement(key)
        true = next((f.film_truth[key] for f in films.values() if key in f.film_truth), None)
        if true is None:
            continue  # of the CT, or of the bones in space
        assert found is not None and found.u_film is not None
        if found.quantity.interval == "reciprocal":
            continue  # the joint space is narrower than the CT's resolution
        assert abs(found.value - true) < 4 * found.u_film, key
        checked += 1
    assert checked >= 12


def test_the_case_holds_the_ct_that_was_filmed(case: LoadedCase, data_dir: Path) -> None:
    """The same bytes and readings; what it measures belongs to the first visit."""
    (volume,) = case.case.volumes
    original = data_dir / "ct" / "visible_human_male_head.nii.gz"
    assert (case.case.folder / volume.file).read_bytes() == original.read_bytes()
    assert (volume.file, volume.modality, volume.visit) == ("ct/ct.nii.gz", "ct", "v1")
    given = read_landmarks(LANDMARKS)
    assert [r.id for r in volume.readings] == [r.id for r in given]
    for ours, theirs in zip(volume.readings, given, strict=True):
        assert ours.not_visible == theirs.not_visible and ours.points.keys() == theirs.points.keys()
        np.testing.assert_array_equal(ours.points["TF_R"].at, theirs.points["TF_R"].at)


ANGLES = ("atlas_flexion_3d", "atlas_laterality_3d", "atlas_rotation_3d")


def test_ct_and_films_tell_one_pose(case: LoadedCase) -> None:
    """Difference of the CT's three angles and the films', and of the films' and the truth: 95 % regions.

    The mean of the readings is the truth here, so the CT itself is nearer to it than its u: only the
    curvature of the angles between readings remains, hundredths of a degree.
    """
    joint = case.measure().visits[0].joint
    truth = json.loads((case.case.folder / "truth.json").read_text(encoding="utf-8"))
    true = truth["visits"]["v1"]["quantities"]
    keys = [*ANGLES, *(f"{key}@ct" for key in ANGLES)]
    found = [joint.measurement(key) for key in keys]
    values = np.array([each.value for each in found if each is not None])
    at = [joint.order.index(key) for key in keys]
    cov = joint.cov[np.ix_(at, at)]
    apart = np.hstack([np.eye(3), -np.eye(3)])
    off = values[:3] - [true[key]["patient"] for key in ANGLES]
    limit = stats.chi2.ppf(0.95, 3)
    assert off @ np.linalg.solve(cov[:3, :3], off) < limit
    difference = apart @ values
    assert difference @ np.linalg.solve(apart @ cov @ apart.T, difference) < limit
    np.testing.assert_allclose(values[3:], [true[f"{key}@ct"]["patient"] for key in ANGLES], atol=0.05)


def test_the_rotation_that_lies_in_the_bones_is_found(case: LoadedCase, head: CtSubject) -> None:
    rotation = case.measure().visits[0].joint.measurement("atlas_rotation")
    assert rotation is not None
    interval = rotation.interval()
    assert interval is not None and interval.low is not None and interval.high is not None
    assert interval.low < head.atlas_deg(np.zeros(3))[2] < interval.high
    assert rotation.value > 0


def test_what_the_neck_does_not_show_is_said(case: LoadedCase) -> None:
    measured = case.measure().visits[0]
    missing = {f.file: f for f in measured.alignment.findings if f.code == "landmarks.missing"}
    of_nasium = next(f for file, f in missing.items() if file is not None and "nasium" in file)
    assert "C7_C" in of_nasium.text and of_nasium.severity is Severity.INFO
    assert "lower_angle" not in measured.joint.order


def test_two_visits_of_one_head_are_not_distinguishable(case: LoadedCase) -> None:
    compared = case.compare()
    assert (compared.pre.visit.id, compared.post.visit.id) == ("v1", "v2")
    assert len(compared.changes) >= 15
    for change in compared.changes:
        if change.u is not None:
            assert change.value == 0.0
            assert change.distinguishable is False


def test_the_report_of_a_real_head(case: LoadedCase, tmp_path: Path) -> None:
    page, paper = case.report(folder=tmp_path)
    text = page.read_text(encoding="utf-8")
    assert (page.name, paper.name) == ("report.html", "report.pdf")
    assert "Simulated" in text or "SIMULATED" in text
    rotation = case.measure().visits[0].joint.measurement("atlas_rotation")
    assert rotation is not None and f"{rotation.value:.2f}" in text
    assert paper.read_bytes().startswith(b"%PDF")


def test_a_tilted_real_head_moves_its_skull_line(head: CtSubject) -> None:
    """Roll 2 deg under a level tube.

    The curved walls (kappa 0.8) answer with more or less than the roll, but to its side.
    """
    leans = []
    for roll_deg in (0.0, 2.0):
        posed = head.posed(pose((0.0, 0.0, roll_deg), (0, 0, 0)))
        camera = film_axes_camera(SETUPS[View.NASIUM], 0.0, posed.room_from["c1"].translation_mm)
        leans.append(posed.walls(camera).axis()[0])
    assert 0.5 < leans[1] - leans[0] < 6.0
