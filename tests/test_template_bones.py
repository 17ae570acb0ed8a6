"""Template meshes: closed, symmetric, in the bone's frame, and what the script would make again."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.anatomy.template_bones import (
    STEP_MM,
    TEMPLATE_BONES,
    template_file,
    template_mesh,
)
from atlasplane.geometry.mesh import TriangleMesh

MOST_BYTES = 300_000
WITHOUT_CT = (
    importlib.util.find_spec("skimage") is None or importlib.util.find_spec("fast_simplification") is None
)
COARSE_MM = {"skull": 2.0, "c1": 1.0, "c2": 1.0}
"""Twice the voxel of the script's recipe."""
ON_SURFACE = [
    "PL_R",
    "PLU_L",
    "TP_R",
    "DENS_TIP",
    "DENS_ANT",
    "DENS_POST_INF",
    "C2_PI",
    "BA",
    "OP",
    "OCC_INF",
    "PO_R",
    "PO_L",
]


def as_trimesh(mesh: TriangleMesh) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices_mm, mesh.faces, process=False)


def samples(mesh: TriangleMesh) -> np.ndarray:
    """Vertices, middles of edges and middles of triangles."""
    corners = mesh.vertices_mm[mesh.faces]
    middles = 0.5 * (corners + np.roll(corners, 1, axis=1)).reshape(-1, 3)
    return np.concatenate([mesh.vertices_mm, middles, corners.mean(axis=1)])


@pytest.mark.parametrize("bone", TEMPLATE_BONES)
def test_a_template_is_one_closed_surface_with_its_faces_outwards(bone: str) -> None:
    mesh = as_trimesh(template_mesh(bone))
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.body_count == 1
    assert template_mesh(bone).volume_mm3 > 0


@pytest.mark.parametrize("bone", TEMPLATE_BONES)
def test_a_template_is_its_own_mirror_image(bone: str) -> None:
    steps = np.rint(template_mesh(bone).vertices_mm / STEP_MM).astype(int)
    here = steps[np.lexsort(steps.T)]
    there = steps * [1, 1, -1]
    assert np.array_equal(here, there[np.lexsort(there.T)])


@pytest.mark.parametrize("bone", TEMPLATE_BONES)
def test_a_template_lies_in_the_frame_of_its_bone(bone: str) -> None:
    # The bodies are built through these landmarks. Cutting, smoothing (0.7 mm, skull) and thinning each move
    # the surface by some tenths of a millimetre, and a sample lies that near to any place of it.
    surface = cKDTree(samples(template_mesh(bone)))
    points = {k: at for k, (of, at) in mean_phantom().points_mm.items() if of == bone and k in ON_SURFACE}
    assert len(points) >= 3
    for name, at in points.items():
        assert surface.query(at)[0] < 1.2, name


def test_the_file_is_small_and_the_mesh_read_once_and_not_writable() -> None:
    assert len(template_file().read_bytes()) <= MOST_BYTES
    assert template_mesh("c1") is template_mesh("c1")
    with pytest.raises(ValueError, match="read-only"):
        template_mesh("c1").vertices_mm[0, 0] = 0.0


def test_there_is_no_template_of_another_bone() -> None:
    with pytest.raises(KeyError, match="no template of c3"):
        template_mesh("c3")


@pytest.mark.skipif(WITHOUT_CT, reason="the script needs scikit-image and fast-simplification")
@pytest.mark.parametrize("bone", TEMPLATE_BONES)
def test_the_file_agrees_with_a_fresh_coarser_extraction(bone: str) -> None:
    from tools.template_bones import extracted

    edge = COARSE_MM[bone]
    fresh, stored = extracted(bone, spacing_mm=edge, faces=10**7), template_mesh(bone)
    # A surface cut from partly filled voxels lies within half a voxel of the body, and a sample of its
    # triangles within half a voxel of any of its points: nearly everywhere, one voxel in all.
    there, _ = cKDTree(samples(fresh)).query(stored.vertices_mm)
    assert np.quantile(there, 0.95) < edge
    assert np.median(there) < 0.5 * edge
    # A quarter voxel of shift all round is what the volume may differ by.
    shift = 0.25 * edge * as_trimesh(stored).area
    assert abs(fresh.volume_mm3 - stored.volume_mm3) < shift
