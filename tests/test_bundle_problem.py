"""What the joint fit refuses, and the roots of covariances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlasplane.geometry.bundle import (
    CameraSd,
    CollinearViews,
    JointPrior,
    NotFinite,
    OneFilm,
    TooFewClicks,
    bound,
    view_angle_deg,
)
from atlasplane.geometry.bundle_problem import covariance_root
from atlasplane.geometry.transform import RigidTransform
from tests import bundle_cases as world


def test_one_film_is_refused() -> None:
    with pytest.raises(OneFilm, match="1 film"):
        world.problem(world.usual().films[:1])


def test_one_view_twice_and_from_the_other_side_is_refused() -> None:
    first = world.usual().films[0]
    with pytest.raises(CollinearViews):
        world.problem([first, first])
    behind = world.film(world.camera(world.Z, world.Y), RigidTransform(np.eye(3), np.array([6.0, 20, 0])))
    ahead = world.film(world.camera(-world.Z, world.Y), RigidTransform(np.eye(3), np.array([6.0, 20, 0])))
    # The skull's origin lies 6 and 20 mm beside the beams, 850 mm away: 2 atan(21 / 850) = 2.8 deg.
    assert view_angle_deg([ahead, behind]) == pytest.approx(2.81, abs=0.01)
    centred = RigidTransform(np.eye(3), np.zeros(3))
    opposite = [replace(film, skull=centred) for film in (ahead, behind)]
    assert view_angle_deg(opposite) == pytest.approx(0, abs=1e-5)
    with pytest.raises(CollinearViews, match="along one line"):
        world.problem(opposite)
    assert view_angle_deg(world.usual().films) > 70


def test_too_few_clicks_are_refused_by_bone_and_by_film() -> None:
    films = list(world.usual().films)
    heads = world.heads(np.random.default_rng(1))
    short = [id_ for id_ in world.POINTS if world.POINTS[id_][0] != "c2"]
    with pytest.raises(TooFewClicks, match="0 clicks on c2"):
        world.problem([world.film(c, h, ids=short) for c, h in zip(world.CAMERAS, heads, strict=True)])
    films[2] = world.film(world.CAMERAS[2], heads[2], ids=["S_O", "A_A"])
    with pytest.raises(TooFewClicks, match="2 clicks on film 3"):
        world.problem(films)


def test_names_that_do_not_fit_are_refused() -> None:
    given = world.usual()
    first = given.films[0]
    with pytest.raises(ValueError, match="clicked twice on one film"):
        replace(given, films=(replace(first, ids=(*first.ids[:-1], first.ids[0])), *given.films[1:]))
    with pytest.raises(ValueError, match="no known bone has: NOWHERE"):
        replace(given, films=(replace(first, ids=(*first.ids[:-1], "NOWHERE")), *given.films[1:]))
    with pytest.raises(ValueError, match="no known bone has: B_T, B_S, B_R, B_L"):
        replace(given, joints=given.joints[:1])
    with pytest.raises(ValueError, match="two priors"):
        replace(given, joints=(given.joints[0], given.joints[0]))
    with pytest.raises(ValueError, match="no frame is defined for c2"):
        replace(given, frames={bone: world.FRAMES[bone] for bone in ("skull", "c1")})
    with pytest.raises(ValueError, match="no pose in itself"):
        JointPrior(bone="skull", pose=RigidTransform.identity(), cov=np.eye(6))
    with pytest.raises(ValueError, match="named twice"):
        replace(given.shape, ids=(*given.shape.ids[:-1], given.shape.ids[0]))


def test_arrays_that_do_not_fit_are_refused() -> None:
    given = world.usual()
    first, joint = given.films[0], given.joints[0]
    with pytest.raises(ValueError, match="17 clicks need"):
        replace(first, at_px=first.at_px[:-1])
    with pytest.raises(ValueError, match=r"skull_cov has shape \(3, 3\)"):
        replace(first, skull_cov=np.eye(3))
    with pytest.raises(ValueError, match="negative variance"):
        replace(joint, cov=-np.eye(6))
    with pytest.raises(ValueError, match="not symmetric"):
        replace(joint, cov=np.triu(np.ones((6, 6))))
    with pytest.raises(ValueError, match="not positive definite"):
        replace(first, cov_px=0 * first.cov_px)
    with pytest.raises(ValueError, match="17 points need"):
        replace(given.shape, bones=given.shape.bones[:-1])


def test_numbers_that_are_not_finite_are_refused() -> None:
    given = world.usual()
    first, joint = given.films[0], given.joints[0]
    with pytest.raises(NotFinite, match="click"):
        replace(first, at_px=first.at_px * np.nan)
    with pytest.raises(NotFinite, match="cov_px"):
        replace(first, cov_px=first.cov_px + np.inf)
    with pytest.raises(NotFinite, match="point of the shape"):
        replace(given.shape, points_mm=given.shape.points_mm * np.nan)
    with pytest.raises(NotFinite, match="prior of c1"):
        replace(joint, cov=joint.cov * np.nan)
    with pytest.raises(NotFinite, match="centre of c1"):
        replace(joint, centre_mm=np.full(3, np.nan))
    with pytest.raises(NotFinite, match="camera"):
        CameraSd(sid_mm=-1.0, principal_mm=0.0, pitch_rel=0.0)


def test_a_patient_behind_the_source_is_refused() -> None:
    given = world.usual()
    behind = RigidTransform(np.eye(3), np.array([0.0, 2000.0, 0.0]))
    films = (*given.films[:2], replace(given.films[2], skull=behind))
    for attempt in (lambda p: world.solved(p), bound):
        with pytest.raises(NotFinite, match="behind a source"):
            attempt(replace(given, films=films))


def test_a_frame_whose_points_coincide_is_refused() -> None:
    points = {**world.POINTS, "A_L": world.POINTS["A_R"]}
    build = world.FRAMES["c1"]

    def flat(points_mm):
        with np.errstate(invalid="ignore"):
            return build(points_mm)

    given = world.usual(
        shape=world.shape(0.0, points), frames={**world.FRAMES, "c1": flat}, joints=world.joint_priors()
    )
    for attempt in (lambda p: world.solved(p), bound):
        with pytest.raises(NotFinite, match="frame of c1 cannot be built"):
            attempt(given)


# ---- roots of covariances ----


def test_root_of_a_covariance_in_mixed_units() -> None:
    root = np.random.default_rng(12).normal(size=(6, 2)) * np.array([[1e-3]] * 3 + [[20.0]] * 3)
    cov = root @ root.T
    found = covariance_root(cov)
    assert found.shape == (6, 2)
    np.testing.assert_allclose(found @ found.T, cov, rtol=1e-9, atol=1e-15)


def test_root_leaves_out_what_is_known() -> None:
    np.testing.assert_array_equal(covariance_root(np.diag([4.0, 0.0, 9.0])), [[2, 0], [0, 0], [0, 3]])
    tied = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    found = covariance_root(tied)
    np.testing.assert_allclose(found @ found.T, tied, atol=1e-12)


def test_root_of_what_is_no_covariance_is_refused() -> None:
    with pytest.raises(ValueError, match="positive semi-definite"):
        covariance_root(np.array([[1.0, 2.0], [2.0, 1.0]]))
