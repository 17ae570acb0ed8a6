"""Meshes as files: LPS millimetres in STL and PLY, and files that are not what they claim."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.io import mesh_file
from atlasplane.io.case_folder import read_case
from atlasplane.io.mesh_file import mesh_bytes, read_mesh, write_mesh
from tests.bone_cases import ball_mesh, bone_case

BALL = ball_mesh(np.array([30.0, -20.0, 10.0]), 15.0)
SINGLE = 4e-6
"""Half a step of single precision at 50 mm, doubled."""


@pytest.mark.parametrize("end", [".stl", ".ply"])
def test_a_mesh_comes_back_as_it_was_written(tmp_path: Path, end: str) -> None:
    write_mesh(tmp_path / f"c1{end}", BALL)
    read = read_mesh(tmp_path / f"c1{end}", name="c1")
    assert read.faces.shape == BALL.faces.shape and read.vertices_mm.shape == BALL.vertices_mm.shape
    order = np.lexsort(BALL.vertices_mm.astype(np.float32).T), np.lexsort(read.vertices_mm.T)
    assert np.abs(BALL.vertices_mm[order[0]] - read.vertices_mm[order[1]]).max() < SINGLE
    # rounding moves the surface (2800 mm2) by less than SINGLE
    assert read.volume_mm3 == pytest.approx(BALL.volume_mm3, abs=2830 * SINGLE)
    assert b"SPACE=LPS" in (tmp_path / f"c1{end}").read_bytes()[:200]


ASCII = """solid Slicer SPACE={space}
{facets}endsolid
"""
FACET = "facet normal 0 0 0\nouter loop\n{corners}endloop\nendfacet\n"


def ascii_stl(mesh: TriangleMesh, space: str) -> str:
    """As other programs write it; `repr` keeps every digit."""
    facets = ""
    for corners in mesh.vertices_mm[mesh.faces]:
        rows = "".join(f"vertex {float(x)!r} {float(y)!r} {float(z)!r}\n" for x, y, z in corners)
        facets += FACET.format(corners=rows)
    return ASCII.format(space=space, facets=facets)


@pytest.mark.parametrize(("space", "sign"), [("LPS", 1.0), ("RAS", -1.0), ("unknown", 1.0)])
def test_the_header_says_in_which_axes_it_is(tmp_path: Path, space: str, sign: float) -> None:
    (tmp_path / "c1.stl").write_text(ascii_stl(BALL, space), "ascii")
    read = read_mesh(tmp_path / "c1.stl", name="c1")
    middle = read.vertices_mm.mean(axis=0)
    assert middle == pytest.approx([30.0 * sign, -20.0 * sign, 10.0], abs=0.01)
    assert read.volume_mm3 > 0


def test_a_surface_turned_inside_out_is_turned_back(tmp_path: Path) -> None:
    write_mesh(tmp_path / "c1.stl", TriangleMesh(BALL.vertices_mm, BALL.faces[:, ::-1]))
    assert read_mesh(tmp_path / "c1.stl", name="c1").volume_mm3 == pytest.approx(BALL.volume_mm3, rel=1e-5)


HUGE_PLY = b"""ply
format binary_little_endian 1.0
element vertex 999999999999
property float x
property float y
property float z
element face 2
property list uchar int vertex_indices
end_header
"""


def bad(name: str) -> bytes:
    """Files that are not what they claim."""
    good = mesh_bytes(BALL, ".stl")
    nan = bytearray(good)
    nan[96:100] = struct.pack("<f", float("nan"))
    kinds = {
        "empty.stl": b"",
        "cut.stl": good[:-30],
        "counted.stl": good[:80] + struct.pack("<I", 4_000_000_000) + good[84:],
        "picture.stl": b"\x89PNG" + bytes(400),
        "bare.stl": b"solid nothing\nendsolid\n",
        "nan.stl": bytes(nan),
        "huge.ply": HUGE_PLY,
        "cut.ply": mesh_bytes(BALL, ".ply")[:-200],
        "bare.ply": b"ply\nformat ascii 1.0\nend_header\n",
        "metres.stl": mesh_bytes(TriangleMesh(BALL.vertices_mm / 1000, BALL.faces), ".stl"),
        "text.ply": b"hello",
        "words.stl": b"solid x\nfacet normal 0 0 0\nouter loop\nvertex one two three\nendfacet\n",
    }
    return kinds[name]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("empty.stl", "no STL file, or is cut off"),
        ("cut.stl", "no STL file, or is cut off"),
        ("counted.stl", "no STL file, or is cut off"),
        ("picture.stl", "no STL file, or is cut off"),
        ("bare.stl", "damaged|holds no surface"),
        ("nan.stl", "no numbers"),
        ("huge.ply", "does not hold the vertices"),
        ("cut.ply", "damaged"),
        ("bare.ply", "does not hold the vertices"),
        ("metres.stl", "0.03 mm long, which no bone is"),
        ("text.ply", "no PLY file"),
        ("words.stl", "holds no surface"),
    ],
)
def test_what_is_no_mesh_is_refused(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / name).write_bytes(bad(name))
    with pytest.raises(BadFile, match=what) as refused:
        read_mesh(tmp_path / name, name=f"ct/{name}")
    assert refused.value.file == f"ct/{name}" and refused.value.remedy


def test_a_mesh_that_is_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mesh(tmp_path / "c1.stl", BALL)
    monkeypatch.setattr(mesh_file, "limit", lambda id_: {"mesh_bytes": 1000, "mesh_faces": 10}[id_])
    with pytest.raises(BadFile, match="larger than"):
        read_mesh(tmp_path / "c1.stl", name="c1")
    monkeypatch.setattr(mesh_file, "limit", lambda id_: {"mesh_bytes": 10**9, "mesh_faces": 10}[id_])
    with pytest.raises(BadFile, match="more than 10 triangles"):
        read_mesh(tmp_path / "c1.stl", name="c1")


def test_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="neither"):
        read_mesh(tmp_path / "c1.obj", name="c1.obj")
    with pytest.raises(BadInput, match="neither"):
        write_mesh(tmp_path / "c1.obj", BALL)
    with pytest.raises(BadInput, match="does not exist"):
        read_mesh(tmp_path / "c1.stl", name="c1.stl")


def test_a_mesh_that_case_toml_names_is_read_when_it_is_wanted(tmp_path: Path) -> None:
    root = bone_case(tmp_path / "case")
    write_mesh(root / "ct" / "c1.ply", BALL)
    with (root / "case.toml").open("a", encoding="utf-8") as stream:
        stream.write('meshes = { c1 = "ct/c1.ply" }\n')
    (volume,) = read_case(root).volumes
    assert volume.load_mesh("c1").volume_mm3 == pytest.approx(BALL.volume_mm3, rel=1e-5)
    (root / "ct" / "c1.ply").unlink()
    with pytest.raises(BadInput, match=r"volume\[0\]\.meshes names 'ct/c1.ply', which does not exist"):
        read_case(root)
