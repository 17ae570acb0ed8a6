"""Poses of bones that were registered: what the frames make of motions, and which errors visits share."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from atlasplane.anatomy.bone_frames import bone_frame
from atlasplane.anatomy.landmarks import landmark
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Measurement, Pose
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.se3 import difference
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.registered_poses import (
    CONDITION,
    RegisteredBones,
    registered_part,
    relative_poses,
    turned_at,
    with_registered,
)
from atlasplane.pathways.alignment.volume_frames import volume_frames
from atlasplane.pathways.alignment.volume_measures import analyse_volume
from atlasplane.pathways.alignment.volume_points import shape_key, volume_points
from atlasplane.sources.volume import Volume
from atlasplane.xray.registration_problem import about_centre
from tests.film_cases import person
from tests.film_fit_cases import scanned
from tests.registered_cases import moved

CENTRES = {"c1": np.array([-3.0, 1.0, 0.5]), "c2": np.array([2.0, -18.0, -0.5])}
MOTION = {
    "c1": moved(RigidTransform.identity(), 1.5, -4.0, 2.0, 0.4, -0.3, 0.8),
    "c2": moved(RigidTransform.identity(), -1.0, 6.0, 1.0, -0.5, 0.2, 0.1),
}
SD = np.repeat([np.radians(0.2), 0.15], 3)


@cache
def volume() -> Volume:
    return scanned(person(np.random.default_rng(2)))


def bones(
    c1: RigidTransform | None = None, c2: RigidTransform | None = None, *, sd: Array = SD
) -> RegisteredBones:
    """Motions, none by default, each as sure as `sd` says."""
    still = RigidTransform.identity()
    return RegisteredBones(
        motions={"c1": c1 or still, "c2": c2 or still},
        centres_mm=CENTRES,
        cov=np.diag(np.tile(sd, 2) ** 2),
    )


def joint_of(registered: RegisteredBones) -> JointObservations:
    found, _ = registered_part("v9", volume(), registered)
    return with_registered(JointObservations(observations=()), found)


def pose(joint: JointObservations, quantity: str) -> Pose:
    found = joint.get(f"{quantity}@{CONDITION}")
    assert isinstance(found, Pose)
    return found


def test_bones_that_did_not_move_stand_as_on_the_scan() -> None:
    own = {o.quantity.id: o for o in analyse_volume(volume(), "v1").poses}
    joint = joint_of(bones())
    for quantity in ("c1_in_skull", "c2_in_c1", "c2_in_skull"):
        here = pose(joint, quantity)
        assert here.rotation == pytest.approx(own[quantity].rotation, abs=1e-12)
        assert here.translation_mm == pytest.approx(own[quantity].translation_mm, abs=1e-9)
        assert here.origin == own[quantity].origin


def test_a_turn_about_the_skulls_own_axes_is_read_as_that_turn() -> None:
    frames, _ = volume_frames(volume())
    skull, atlas = frames.placed["skull"], frames.placed["c1"]
    # C1 is set to (extension, right bend, left turn) = (5, -2, 7) in the skull, at its own place.
    wanted = RigidTransform(rotation_from_zxy(5.0, -2.0, 7.0), (skull.inverse() @ atlas).translation_mm)
    joint = joint_of(bones(skull @ wanted @ atlas.inverse()))
    assert pose(joint, "c1_in_skull").zxy_deg == pytest.approx((5.0, -2.0, 7.0), abs=1e-9)
    values = {o.quantity.id: o.value for o in joint.observations if isinstance(o, Measurement)}
    assert values["atlas_flexion_3d"] == pytest.approx(-5.0, abs=1e-9)
    assert values["atlas_laterality_3d"] == pytest.approx(2.0, abs=1e-9)
    assert values["atlas_rotation_3d"] == pytest.approx(7.0, abs=1e-9)


@pytest.mark.parametrize("column", range(12))
def test_poses_change_with_the_motions_as_told(column: int) -> None:
    frames, _ = volume_frames(volume())
    step = 1e-5
    change = np.zeros(12)
    change[column] = step
    pairs = []
    for sign in (-1, 1):
        at = {
            bone: about_centre(MOTION[bone], sign * change[6 * k : 6 * k + 6], CENTRES[bone])
            for k, bone in enumerate(MOTION)
        }
        pairs.append(relative_poses(bones(**at), frames))
    told = relative_poses(bones(**MOTION), frames)
    for low, high, here in zip(*pairs, told, strict=True):
        by_column = difference(low.pose, high.pose) / (2 * step)
        # Central differences: the error is of the order of step squared, and of rounding over step.
        assert here.by_motion[:, column] == pytest.approx(by_column, abs=1e-6)


def test_frames_change_with_each_landmark_as_told() -> None:
    points = volume_points(volume())
    frames, _ = volume_frames(volume())
    k, share = points.ids.index("TF_R"), 1e-4
    for column in range(3):
        at = points.at_mm.copy()
        at[k] += share * points.root_mm[k][:, column]
        there = replace(points, at_mm=at)
        own = {i: there.at_mm[n] for n, i in enumerate(there.ids) if landmark(i).bone == "c1"}
        expected = difference(frames.placed["c1"], bone_frame("c1", own)) / share
        told = frames.by_input["c1"][shape_key(points.name, 3 * k + column)]
        # One-sided against central differences over a quarter of u, some 0.1 mm at a lever of 25 mm.
        assert told == pytest.approx(expected, abs=2e-4)
    assert all(f"#{3 * k}" not in key.split() for key in frames.by_input["skull"])


def test_the_frames_errors_cancel_between_registered_visits_and_against_the_scan() -> None:
    first, second = joint_of(bones()), joint_of(bones(**MOTION))
    change = first.change(f"atlas_laterality_3d@{CONDITION}", second)
    assert change is not None and change.u is not None
    one, other = (j.measurement(f"atlas_laterality_3d@{CONDITION}") for j in (first, second))
    assert one is not None and other is not None and one.u is not None and other.u is not None
    own = np.hypot(one.budget["registration"], other.budget["registration"])
    # Small turns hardly change what a landmark does to an angle: nearly all of it cancels.
    assert own <= change.u < 1.05 * own
    assert np.hypot(one.u, other.u) > 2 * own
    assert "shape of CT" in change.correlation_source
    poses = first.change(f"c1_in_skull@{CONDITION}", second)
    assert poses is not None and "shape of CT" in poses.correlation_source


def test_u_is_made_of_registration_and_shape() -> None:
    joint = joint_of(bones(**MOTION))
    found = joint.measurement(f"atlas_rotation_3d@{CONDITION}")
    assert found is not None and found.u is not None
    assert set(found.budget) == {"registration", "shape"}
    assert found.u == pytest.approx(np.hypot(*found.budget.values()))
    k = joint.order.index(found.key)
    assert joint.cov[k, k] == pytest.approx(found.u**2)
    # A turn of 0.2 deg about each axis is 0.2 deg in any angle at small tilts.
    assert found.budget["registration"] == pytest.approx(0.2, rel=0.05)
    assert found.condition == CONDITION and found.measurand == "patient" and found.method == "ct-to-film/1"


def test_the_covariance_of_a_pose_is_that_of_its_parts() -> None:
    joint = joint_of(bones(**MOTION))
    here = pose(joint, "c1_in_skull")
    assert here.cov6 is not None
    shared = sum(np.outer(e, e) for e in joint.pose_shared[here.key].values())
    registered = here.cov6 - shared
    turn = turned_at(MOTION["c1"].apply(CENTRES["c1"]), np.zeros(3))[:3, :3]
    assert turn == pytest.approx(np.eye(3))
    assert np.sqrt(np.diag(registered)[:3]) == pytest.approx(np.full(3, np.radians(0.2)), rel=1e-9)


def test_a_bone_without_its_marks_is_left_out_and_named() -> None:
    bare = scanned(person(np.random.default_rng(2)), without=("C2_TF_R",))
    found, findings = registered_part("v9", bare, bones(**MOTION))
    assert {o.quantity.id for o in found.part.others} == {"c1_in_skull"}
    assert {m.quantity.id for m in found.part.measurements} == {
        "atlas_flexion_3d",
        "atlas_laterality_3d",
        "atlas_rotation_3d",
    }
    assert [f.code for f in findings] == ["pose.no_frame"]
    assert "C2_TF_R" in findings[0].text


def test_registered_numbers_stand_beside_others_of_the_visit() -> None:
    scan = analyse_volume(volume(), "v9")
    before = JointObservations(
        observations=(*scan.measurements, *scan.poses),
        order=tuple(m.key for m in scan.measurements),
        own_cov=scan.own_cov,
        shared=scan.shared,
        pose_shared=scan.pose_shared,
    )
    found, _ = registered_part("v9", volume(), bones(**MOTION))
    joint = with_registered(before, found)
    scanned_key, own_key = "atlas_rotation_3d@ct", f"atlas_rotation_3d@{CONDITION}"
    i, j = (joint.order.index(key) for key in (scanned_key, own_key))
    n = len(before.order)
    assert joint.cov[:n, :n] == pytest.approx(before.cov)
    # Both rest on the scan's landmarks: the covariance is nearly the whole variance of those.
    assert joint.cov[i, j] == pytest.approx(joint.cov[i, i], rel=0.1)


def test_motions_need_their_covariance_and_centres() -> None:
    with pytest.raises(ValueError, match="finite covariance"):
        RegisteredBones(motions=MOTION, centres_mm=CENTRES, cov=np.eye(6))
    with pytest.raises(ValueError, match="turn about"):
        RegisteredBones(motions=MOTION, centres_mm={}, cov=np.eye(12))
