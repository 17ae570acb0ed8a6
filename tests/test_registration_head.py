"""Films of the real head: bodies by closed forms, cameras, poses, and a film of moved bones by a ray walk."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.frames import ISB_FROM_LPS
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.sources.film import View
from atlasplane.xray.projection import Window, project
from atlasplane.xray.registration_problem import BoneModel
from benchmarks import registration_head_films
from benchmarks.box_voxels import box_line_integrals
from benchmarks.registration_cases import CALIBRATED, UNCALIBRATED
from benchmarks.registration_head_films import (
    ROWS,
    Head,
    HeadMissing,
    exposed,
    foreign_bodies,
    line_integrals,
    real_head,
)
from benchmarks.registration_setup import (
    Ellipsoid,
    head_pose,
    motions,
    shadows,
    stated_camera,
    true_camera,
)

CORNERS_MM = {"skull": (0.0, 30.0, 0.0), "c1": (0.0, 0.0, 0.0), "c2": (-5.0, -25.0, 0.0)}
LPS = RigidTransform(ISB_FROM_LPS, np.zeros(3))


def _centres(head: Head) -> dict[str, Array]:
    return {model.bone: model.centre_mm for model in head.models}


def block(middle_isb: Array, size_mm: float, per_mm: float) -> Solid:
    """A cube on LPS axes, empty at its border."""
    values = np.pad(np.full((8, 8, 8), per_mm, dtype=np.float32), 1)
    middle = ISB_FROM_LPS.T @ np.asarray(middle_isb)
    edge = size_mm / 8
    return Solid(attenuation_per_mm=values, origin_mm=middle - 4.5 * edge, spacing_mm=np.full(3, edge))


@pytest.fixture(scope="module")
def head() -> Head:
    """Three cubes in the place of the bones."""
    cubes = {bone: block(np.array(at), 20.0, 0.03) for bone, at in CORNERS_MM.items()}
    return Head(
        rest=cubes["skull"],
        bones={bone: cubes[bone] for bone in ("c1", "c2")},
        models=tuple(BoneModel(bone=bone, solid=cube, to_volume=LPS) for bone, cube in cubes.items()),
        upright=np.eye(3),
        points_mm={"PO_R": np.array([0.0, 30.0, 60.0]), "PO_L": np.array([0.0, 30.0, -60.0])},
        teeth_mm=np.array([[60.0, -5.0, 15.0], [60.0, -5.0, -15.0]]),
    )


def test_a_ball_casts_its_chord() -> None:
    """Through the centre 2 r, at the distance d from it 2 sqrt(r^2 - d^2), beside it nothing."""
    camera, shape = stated_camera(View.LATERAL, ROWS[View.LATERAL])
    pixel = np.round(camera.principal_px)
    along = camera.detector_points_mm(pixel) - camera.source_mm
    along = along / np.linalg.norm(along)
    across = np.cross(along, camera.row_axis)
    ball = Ellipsoid(
        camera.source_mm + 1500.0 * along + 3.0 * across / np.linalg.norm(across), np.eye(3) / 5.0, 0.1
    )
    image = shadows([ball], RigidTransform.identity(), camera, shape)
    assert image[int(pixel[1]), int(pixel[0])] == pytest.approx(0.1 * 2 * 4.0, rel=1e-5)
    assert np.count_nonzero(image) < 0.01 * image.size


def test_moved_bones_stand_where_they_were_moved(head: Head) -> None:
    """The film of the parts is the sum of box walks through each cube in its own place."""
    rng = np.random.default_rng(5)
    moved, skull = motions(rng, _centres(head)), head_pose(rng, head.upright, head.centre_mm("c1"))
    camera, _ = stated_camera(View.NASIUM, ROWS[View.NASIUM])
    coarse = replace(
        camera, pitch_mm=camera.pitch_mm * 10, principal_px=(camera.principal_px + 0.5) / 10 - 0.5
    )
    shape = (39, 37)
    film = line_integrals(head, skull, moved, (), coarse, shape, projector=box_line_integrals)
    total = np.zeros(shape)
    fine = replace(coarse, pitch_mm=coarse.pitch_mm / 2, principal_px=2 * coarse.principal_px + 0.5)
    for model in head.models:
        motion = moved.get(model.bone, RigidTransform.identity())
        whole = Window((0, 0), (2 * shape[1], 2 * shape[0]), 1)
        image = project(model.solid, skull @ motion @ model.to_volume, fine, whole).image
        total += image.reshape(shape[0], 2, shape[1], 2).mean(axis=(1, 3))
    # The two kernels differ at the cubes' edges, by half a voxel of 2.5 mm at most.
    assert np.abs(film - total).max() <= 0.03 * 0.5 * 2.5 * 4
    assert film.sum() == pytest.approx(total.sum(), rel=0.01)


def test_foreign_bodies_and_poses_follow_the_seed(head: Head) -> None:
    one, other = (np.random.default_rng(3) for _ in range(2))
    for first, second in zip(foreign_bodies(one, head), foreign_bodies(other, head), strict=True):
        assert np.array_equal(first.centre_mm, second.centre_mm) and first.per_mm == second.per_mm
    assert np.array_equal(
        motions(one, _centres(head))["c2"].rotation, motions(other, _centres(head))["c2"].rotation
    )


def test_cameras_are_off_only_where_they_are_said_to_be() -> None:
    camera, _ = stated_camera(View.VERTEX, ROWS[View.VERTEX])
    rng = np.random.default_rng(1)
    same = true_camera(rng, camera, CALIBRATED)
    assert np.array_equal(same.source_mm, camera.source_mm) and np.array_equal(same.pitch_mm, camera.pitch_mm)
    sids = [true_camera(rng, camera, UNCALIBRATED).sid_mm for _ in range(200)]
    # The standard error of an SD from 200 draws is 5 %: four of them.
    assert np.std(sids) == pytest.approx(UNCALIBRATED.sid_mm, rel=0.2)


def test_counts_fall_where_it_is_dense() -> None:
    absorbed = np.zeros((60, 80), dtype=np.float32)
    absorbed[:, 40:] = 4.0
    counts = exposed(np.random.default_rng(2), absorbed)
    assert counts[20:40, 60:].mean() < 0.35 * counts[20:40, 30:38].mean()
    assert counts.min() >= 0


def test_without_the_scan_it_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("ATLASPLANE_DATA", str(tmp_path))
    with pytest.raises(HeadMissing, match=registration_head_films.NAME):
        real_head(np.random.default_rng(1))
