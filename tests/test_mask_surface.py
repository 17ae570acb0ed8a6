"""Surfaces of masks alone: a ball keeps its size and place; nothing gives nothing."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.volume.meshes import mask_surface

CENTRE, RADIUS = np.array([3.0, -7.0, 11.0]), 9.0
AFFINE = np.diag([0.9, 1.0, 1.1, 1.0])
AFFINE[:3, 3] = CENTRE - 14.0


def _ball() -> np.ndarray:
    index = np.stack(np.indices((32, 29, 26)), axis=-1)
    return np.linalg.norm(index @ AFFINE[:3, :3].T + AFFINE[:3, 3] - CENTRE, axis=-1) < RADIUS


def test_the_surface_of_a_ball_lies_on_the_ball() -> None:
    mesh = mask_surface(_ball(), AFFINE)
    reach = np.linalg.norm(mesh.vertices_mm - CENTRE, axis=1)
    # A voxel is in or out: its centre lies within half a diagonal (0.87 mm) of the edge at most.
    assert np.abs(reach - RADIUS).max() < 0.87
    # Blurring a convex body by s mm draws its surface in by s^2 / R, here 0.07 mm: 2.3 % of the volume.
    assert mesh.volume_mm3 == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.04)


def test_a_lighter_surface_has_no_more_triangles_than_asked() -> None:
    mesh = mask_surface(_ball(), AFFINE, faces=500)
    assert 300 < len(mesh.faces) <= 500


def test_an_empty_mask_has_no_surface() -> None:
    assert len(mask_surface(np.zeros((4, 4, 4), dtype=bool), AFFINE).faces) == 0
