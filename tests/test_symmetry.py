"""The mid-plane of a surface: found wherever the bone lies, not turned by what one side alone has."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.volume.symmetry import NoSymmetry, SymmetryPlane, mirrored, symmetry_plane

RIGHT = np.array([0.0, 0.0, 1.0])
_FINDS_DEG = 0.03
"""A symmetric surface of 1 mm triangles: the plane is found far under the 0.1 deg of a real bone."""


def bumpy(
    subdivisions: int = 40, spur_mm: float = 0.0, *, dent: float = 0.0, size: tuple[float, ...] = (20, 14, 30)
) -> TriangleMesh:
    """A closed surface, its own mirror image in z = 0 but for a spur on the right side; mm.

    An ellipsoid with waves; `dent` turns waves on that are not the same on both sides.
    """
    u = np.linspace(0, np.pi, subdivisions + 1)[:, None]
    v = np.linspace(0, 2 * np.pi, 2 * subdivisions, endpoint=False)[None, :]
    x, y, z = np.sin(u) * np.cos(v), np.sin(u) * np.sin(v), np.cos(u) * np.ones_like(v)
    waves = 1 + 0.12 * np.cos(3 * v) * np.sin(u) ** 3 + 0.08 * np.cos(4 * u) + dent * z * x
    spur = spur_mm / 30 * np.exp(-((x - 0.3) ** 2 + (y - 0.4) ** 2 + (z - 0.85) ** 2) / 0.02)
    at = np.stack([x, y, z], axis=-1) * (waves + spur)[..., None] * np.array(size)
    rows, columns = np.meshgrid(np.arange(subdivisions), np.arange(2 * subdivisions), indexing="ij")
    a, b = rows * 2 * subdivisions + columns, rows * 2 * subdivisions + (columns + 1) % (2 * subdivisions)
    c, d = a + 2 * subdivisions, b + 2 * subdivisions
    faces = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    return TriangleMesh(at.reshape(-1, 3), faces)


def angle_deg(first: Array, second: Array) -> float:
    return float(np.degrees(np.arccos(np.clip(first @ second, -1.0, 1.0))))


@pytest.mark.parametrize(
    ("angles", "start"),
    [((0, 0, 0), RIGHT), ((0, 0, 0), (0.15, 0.1, 1.0)), ((50, -20, 140), None), ((-10, 70, 5), None)],
)
def test_the_plane_of_a_symmetric_surface_is_found_wherever_it_lies(
    angles: tuple[float, float, float], start: tuple[float, ...] | None
) -> None:
    place = RigidTransform(rotation_from_zxy(*angles), np.array([30.0, -900.0, 55.0]))
    normal = place.rotation @ RIGHT
    begin = normal + 0.1 * place.rotation[:, 0] if start is None else np.array(start)
    found = symmetry_plane(bumpy().moved(place), begin)
    assert angle_deg(found.normal, normal) < _FINDS_DEG
    assert abs((found.point_mm - place.translation_mm) @ normal) < 0.02
    assert found.residual_mm < 0.1
    assert found.matched > 0.8


def test_the_start_says_which_way_is_right() -> None:
    there, back = symmetry_plane(bumpy(), RIGHT), symmetry_plane(bumpy(), -RIGHT)
    assert angle_deg(there.normal, -back.normal) < _FINDS_DEG
    np.testing.assert_allclose(there.point_mm @ RIGHT, back.point_mm @ RIGHT, atol=0.02)


def test_a_start_beside_the_plane_is_drawn_into_it() -> None:
    found = symmetry_plane(bumpy(), RIGHT, np.array([0.0, 0.0, 4.0]))
    assert abs(found.point_mm[2]) < 0.02


def test_a_spur_on_one_side_does_not_turn_the_plane() -> None:
    """A 6 mm spur on the right: matched by least squares it would turn the plane by most of a degree."""
    found = symmetry_plane(bumpy(spur_mm=6.0), RIGHT)
    assert angle_deg(found.normal, RIGHT) < 0.1
    assert abs(found.point_mm[2]) < 0.1


def test_the_same_surface_gives_the_same_plane() -> None:
    first, second = symmetry_plane(bumpy(), RIGHT), symmetry_plane(bumpy(), RIGHT)
    np.testing.assert_array_equal(first.normal, second.normal)
    np.testing.assert_array_equal(first.cov, second.cov)


def test_mirrored_twice_is_the_same_and_faces_stay_outward() -> None:
    mesh, normal = bumpy(dent=0.1), np.array([0.6, 0.0, 0.8])
    once = mirrored(mesh, normal, np.array([1.0, 2.0, 3.0]))
    assert once.volume_mm3 == pytest.approx(mesh.volume_mm3)
    assert mesh.volume_mm3 > 0
    twice = mirrored(once, normal, np.array([1.0, 2.0, 3.0]))
    np.testing.assert_allclose(twice.vertices_mm, mesh.vertices_mm, atol=1e-10)
    np.testing.assert_array_equal(twice.faces, mesh.faces)
    # (x, y, z) in the plane z = 0 becomes (x, y, -z).
    flat = mirrored(mesh, RIGHT, np.zeros(3))
    np.testing.assert_allclose(flat.vertices_mm, mesh.vertices_mm * [1, 1, -1], atol=1e-12)


# ---- uncertainty ----


def uneven(mesh: TriangleMesh, rng: np.random.Generator, *, range_mm: float, sd_mm: float) -> TriangleMesh:
    """A surface moved by a smooth random field of this range and standard deviation along each axis."""
    waves = rng.normal(0, 1 / range_mm, (200, 3))
    phase, size = rng.uniform(0, 2 * np.pi, 200), rng.normal(0, 1, (200, 3))
    field = sd_mm * np.sqrt(2 / 200) * np.cos(mesh.vertices_mm @ waves.T + phase) @ size
    return TriangleMesh(mesh.vertices_mm + field, mesh.faces)


def errors_in_u(found: SymmetryPlane) -> Array:
    """Errors of the two turns and of the shift against the plane z = 0, in their own u."""
    tilts = np.cross(found.axes, found.normal)
    error = np.array([*(tilts @ (found.normal - RIGHT)), found.point_mm @ found.normal])
    return error / np.sqrt(np.diag(found.cov))


def test_the_stated_error_is_that_of_uneven_bones() -> None:
    """Fields of 0.3 mm and 5 mm range on a bone 60 mm wide: RMS of error over u near 1.

    60 draws of three errors tell it to 8 %; the estimate of u from eight patches, itself uncertain by a
    third, adds as much again. From 0.5 to 1.5 both a u of points and one twice as wide would fall out.
    """
    rng = np.random.default_rng(11)
    mesh = bumpy()
    found = [symmetry_plane(uneven(mesh, rng, range_mm=5.0, sd_mm=0.3), RIGHT) for _ in range(60)]
    ratio = float(np.sqrt(np.mean([errors_in_u(one) ** 2 for one in found])))
    assert 0.5 < ratio < 1.5
    assert np.mean([one.normal_sd_deg for one in found]) > 0.05


def test_more_uneven_bones_have_planes_less_sure() -> None:
    rng = np.random.default_rng(12)
    smooth, rough = (
        np.mean(
            [symmetry_plane(uneven(bumpy(), rng, range_mm=5.0, sd_mm=sd), RIGHT).offset_sd_mm for _ in "12"]
        )
        for sd in (0.1, 0.5)
    )
    assert rough > 2 * smooth


# ---- what has no mid-plane ----


def test_a_surface_without_area_or_counterpart_is_refused() -> None:
    speck = TriangleMesh(np.zeros((3, 3)), np.array([[0, 1, 2]]))
    with pytest.raises(NoSymmetry, match="no surface"):
        symmetry_plane(speck, RIGHT)
    # One sheet facing the plane meets its image from behind only.
    sheet = TriangleMesh(
        np.array([[0.0, 0, 5], [9, 0, 5], [0, 9, 5], [9, 9, 5]]), np.array([[0, 1, 2], [1, 3, 2]])
    )
    with pytest.raises(NoSymmetry, match="too little"):
        symmetry_plane(sheet, RIGHT)


# ---- real bones ----


def stl(path: Path) -> TriangleMesh:
    """A binary STL file, equal corners joined."""
    raw = path.read_bytes()
    (count,) = struct.unpack("<I", raw[80:84])
    kind = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("rest", "<u2")])
    corners = np.frombuffer(raw[84:], dtype=kind, count=count)["corners"].reshape(-1, 3).astype(float)
    vertices, number = np.unique(corners.round(4), axis=0, return_inverse=True)
    return TriangleMesh(vertices, number.reshape(-1, 3).astype(np.int64))


REAL = {"C1_atlas__FMA12519": 2.5, "C2_axis__FMA12520": 2.5, "C3__FMA12521": 2.0, "C7__FMA12525": 2.0}
"""Bones of BodyParts3D and how far, at most, their planes stand from the common frame's x axis, degrees."""


@pytest.mark.parametrize("name", REAL)
def test_real_vertebrae_have_a_plane_that_moves_with_them(name: str, data_dir: Path) -> None:
    mesh = stl(data_dir / "meshes" / "bones" / f"{name}.stl")
    right = np.array([-1.0, 0.0, 0.0])
    found = symmetry_plane(mesh, right)
    assert angle_deg(found.normal, right) < REAL[name]
    assert 0.05 < found.normal_sd_deg < 1.5
    assert 0.2 < found.residual_mm < 1.0
    turn = RigidTransform(rotation_from_zxy(25.0, -30.0, 100.0), np.array([5.0, 6.0, 7.0]))
    moved = symmetry_plane(mesh.moved(turn), turn.rotation @ right)
    # The places that are mirrored are the same; the start is as far off. What is left is the search's step.
    assert angle_deg(moved.normal, turn.rotation @ found.normal) < 0.01
    assert (moved.point_mm - turn.apply(found.point_mm)) @ moved.normal == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("name", ["C1_atlas__FMA12519", "C2_axis__FMA12520"])
def test_a_real_half_and_its_mirror_image_are_symmetric(name: str, data_dir: Path) -> None:
    mesh = stl(data_dir / "meshes" / "bones" / f"{name}.stl")
    plane = symmetry_plane(mesh, np.array([-1.0, 0.0, 0.0]))
    height = (mesh.vertices_mm - plane.point_mm) @ plane.normal
    half = TriangleMesh(mesh.vertices_mm, mesh.faces[np.all(height[mesh.faces] > 0, axis=1)])
    image = mirrored(half, plane.normal, plane.point_mm)
    both = TriangleMesh(
        np.concatenate([half.vertices_mm, image.vertices_mm]),
        np.concatenate([half.faces, image.faces + len(half.vertices_mm)]),
    )
    found = symmetry_plane(both, np.array([-1.0, 0.06, -0.05]))
    assert angle_deg(found.normal, plane.normal) < _FINDS_DEG
    assert found.residual_mm < 0.1  # a place on a facet against the tangent of its nearest corner
