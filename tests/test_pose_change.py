"""Changes of a pose between visits: turn, minimal detectable change, and what a common shape takes away."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.core.change import POSE_MDC, compare, compare_poses
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Pose
from atlasplane.core.quantity import quantity
from atlasplane.geometry.se3 import rotation_from_vector, vector_from_rotation
from atlasplane.geometry.types import Array
from tests.film_cases import person, pose
from tests.film_fit_cases import filmed, fitted, scanned, space_values

CHI2_3 = 7.814727903251178
"""95 % quantile of chi-square with 3 degrees of freedom (tables)."""


def posed(turn_deg: tuple[float, float, float] = (0.0, 0.0, 0.0), sd_deg: Array | None = None) -> Pose:
    """C1 in the skull, turned by a rotation vector, with independent errors about the three axes."""
    cov = None
    if sd_deg is not None:
        cov = np.diag(np.concatenate([np.radians(sd_deg) ** 2, np.full(3, 0.25)]))
    return Pose(
        quantity=quantity("c1_in_skull"),
        visit="v",
        method="by hand",
        from_frame="c1",
        to_frame="skull",
        origin="o",
        rotation=rotation_from_vector(np.radians(turn_deg)),
        translation_mm=np.zeros(3),
        cov6=cov,
    )


def test_a_turn_about_an_axis_is_held_against_that_axis_alone() -> None:
    """By hand: SD 1, 2, 3 deg twice over, no correlation; a turn about Y has SD 2 sqrt 2 deg."""
    sd = np.array([1.0, 2.0, 3.0])
    change = compare_poses(posed(sd_deg=sd), posed((0.0, 5.0, 0.0), sd))
    assert change.value == pytest.approx(5.0)
    # The Jacobian of 5 deg stretches across the axis by 0.03 % and turns errors by 2.5 deg: not along it.
    assert change.u == pytest.approx(2 * math.sqrt(2), rel=1e-3)
    assert change.mdc is not None
    assert change.mdc.value == pytest.approx(math.sqrt(CHI2_3) * 2 * math.sqrt(2), rel=0.01)
    assert change.mdc.source == POSE_MDC
    assert change.distinguishable is False


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_distinguishable_is_where_the_ellipsoid_ends(factor: float) -> None:
    """A turn in the direction (1, 1, 1) against SD 1, 2, 3: n' C^-1 n = (1 + 1/4 + 1/9) / 3 / 2 deg^-2."""
    limit = math.sqrt(CHI2_3 / ((1 + 1 / 4 + 1 / 9) / 3 / 2))
    sd = np.array([1.0, 2.0, 3.0])
    each = factor * limit / math.sqrt(3)
    change = compare_poses(posed(sd_deg=sd), posed((each, each, each), sd))
    assert change.distinguishable is (factor > 1)


def test_without_a_covariance_a_turn_is_told_and_not_judged() -> None:
    change = compare_poses(posed(), posed((0.0, 0.0, 4.0)))
    assert change.value == pytest.approx(4.0)
    assert (change.u, change.mdc, change.distinguishable) == (None, None, None)


def test_poses_in_other_frames_are_not_judged() -> None:
    sd = np.ones(3)
    first, second = posed(sd_deg=sd), posed((0.0, 0.0, 9.0), sd)
    from dataclasses import replace

    assert compare_poses(first, replace(second, origin="elsewhere")).distinguishable is None
    assert compare_poses(first, replace(second, provenance={"frames": "c1-three-pairs"})).u is None


def test_no_turn_at_all_has_a_minimal_detectable_change() -> None:
    change = compare_poses(posed(sd_deg=np.ones(3)), posed(sd_deg=np.ones(3)))
    assert change.value == 0.0
    assert change.mdc is not None and change.mdc.value == pytest.approx(math.sqrt(2 * CHI2_3))
    assert change.distinguishable is False


def test_what_both_visits_share_cancels() -> None:
    """Errors correlated by 0.75 in every direction: the variance of the difference is 2 (1 - 0.75)."""
    change = compare(posed(sd_deg=np.ones(3)), posed((0.0, 2.0, 0.0), np.ones(3)), correlation=0.75)
    assert change.u == pytest.approx(math.sqrt(0.5), rel=1e-3)
    assert change.correlation == pytest.approx(0.75, rel=1e-3)


def test_the_share_of_false_alarms_is_that_of_the_level() -> None:
    """4000 pairs without a change: 5 % are 200 with an SD of 14; between 155 and 245 but for 1 in 700."""
    rng = np.random.default_rng(5)
    sd = np.array([1.0, 2.0, 4.0])
    alarms = 0
    for _ in range(4000):
        pair = [posed(tuple(rng.normal(0.0, sd)), sd) for _ in range(2)]
        alarms += compare_poses(*pair).distinguishable is True
    assert 155 < alarms < 245


def test_large_turns_carry_their_errors_through_the_rotation_vector() -> None:
    """Against 4000 draws of both poses: SD of the turn's length about an oblique axis, good to 1.1 %."""
    rng = np.random.default_rng(6)
    sd = np.array([0.3, 0.9, 0.6])
    pre, post = posed((10.0, -5.0, 3.0), sd), posed((-15.0, 25.0, 20.0), sd)
    angles = []
    for _ in range(4000):
        first, second = (
            rotation_from_vector(rng.normal(0.0, np.radians(sd))) @ each.rotation for each in (pre, post)
        )
        angles.append(np.degrees(np.linalg.norm(vector_from_rotation(second @ first.T))))
    assert compare_poses(pre, post).u == pytest.approx(np.std(angles), rel=0.04)


def test_a_joint_refuses_effects_that_are_not_of_a_pose() -> None:
    with pytest.raises(ValueError, match="three turns and three shifts"):
        JointObservations(observations=(), pose_shared={"c1_in_skull": {"shape": np.zeros(3)}})


BEFORE = pose(head=(1.0, 2.0, -1.0), atlas=(-12.0, 3.0, -4.0))
AFTER = pose(head=(-1.0, -2.0, 1.0), atlas=(-12.0, 0.5, -1.0))


@pytest.mark.parametrize("own_shape", [True, False])
def test_one_shape_on_both_visits_raises_the_correlation_and_lowers_the_mdc(own_shape: bool) -> None:
    subject = person(np.random.default_rng(31))
    volumes = (scanned(subject, noise_mm=0.8),) if own_shape else ()
    pre, post = (fitted(filmed(subject, angles, seed=k), *volumes) for k, angles in ((1, BEFORE), (2, AFTER)))
    name = "CT ct/head.nii.gz" if own_shape else "generic template"
    for key in ("atlas_laterality_3d", "atlas_rotation_3d"):
        change = pre.joint.change(key, post.joint)
        alone = compare(space_values(pre)[key], space_values(post)[key])
        assert change is not None and change.mdc is not None and alone.mdc is not None
        assert change.correlation is not None and change.correlation > 0.25
        assert change.mdc.value < 0.9 * alone.mdc.value
        assert change.correlation_source == f"shared terms: shape of {name}"
    turned = pre.joint.change("c1_in_skull", post.joint)
    assert turned is not None and turned.mdc is not None and turned.correlation is not None
    assert turned.correlation_source == f"shared terms: shape of {name}"
    assert turned.correlation > 0.25


def test_another_ct_is_another_shape() -> None:
    subject = person(np.random.default_rng(32))
    pre = fitted(filmed(subject, BEFORE, seed=1), scanned(subject, seed=1, file="ct/a.nii.gz"))
    post = fitted(filmed(subject, AFTER, seed=2), scanned(subject, seed=2, file="ct/b.nii.gz"))
    change = pre.joint.change("atlas_laterality_3d", post.joint)
    assert change is not None and change.correlation == 0.0
    assert change.correlation_source == "no shared terms"


def test_a_correction_is_found_with_a_ct() -> None:
    subject = person(np.random.default_rng(33))
    volume = scanned(subject)
    pre, post = (fitted(filmed(subject, angles, seed=k), volume) for k, angles in ((3, BEFORE), (4, AFTER)))
    change = pre.joint.change("c1_in_skull", post.joint)
    assert change is not None and change.value is not None and change.u is not None
    # Laterality -2.5 and rotation +3 deg: sqrt(2.5^2 + 3^2) = 3.9 deg, and little else.
    assert change.value == pytest.approx(3.9, abs=2.5 * change.u)
    assert change.distinguishable is True
