"""Triangle meshes: volume of known bodies, invariance under motion, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform

TETRAHEDRON = TriangleMesh(
    np.array([[0.0, 0, 0], [3.0, 0, 0], [0, 4.0, 0], [0, 0, 5.0]]),
    np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]]),
)


def test_the_volume_of_a_tetrahedron_is_a_sixth_of_its_box() -> None:
    assert TETRAHEDRON.volume_mm3 == pytest.approx(3 * 4 * 5 / 6, rel=1e-12)


def test_motion_keeps_the_volume_and_turning_faces_flips_its_sign() -> None:
    moved = TETRAHEDRON.moved(
        RigidTransform(rotation_from_zxy(20.0, -7.0, 31.0), np.array([5.0, -60.0, 7.0]))
    )
    assert moved.volume_mm3 == pytest.approx(10.0, rel=1e-9)
    assert TriangleMesh(moved.vertices_mm, moved.faces[:, ::-1]).volume_mm3 == pytest.approx(-10.0, rel=1e-9)


@pytest.mark.parametrize(
    ("vertices", "faces", "says"),
    [
        (np.zeros((3, 2)), np.array([[0, 1, 2]]), "needs"),
        (np.zeros((3, 3)), np.array([[0, 1, 3]]), "not there"),
        (np.full((3, 3), np.nan), np.array([[0, 1, 2]]), "not finite"),
    ],
)
def test_what_is_no_mesh_is_refused(vertices: np.ndarray, faces: np.ndarray, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        TriangleMesh(vertices, faces)
