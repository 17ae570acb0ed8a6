"""Surfaces of bones as STL or PLY files, in LPS millimetres.

Neither format says in which axes its numbers are. Files are taken to be LPS, as 3D Slicer writes them since
2020; a header that says ``SPACE=RAS`` is believed, and ours say ``SPACE=LPS``. What a file claims to hold is
held against its size before anything is decoded.
"""

from __future__ import annotations

import re
import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.geometry.frames import LPS_FROM_RAS
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.io.atomic import write_bytes
from atlasplane.io.digest import unreadable
from atlasplane.io.limits import agreement, limit

MESH_ENDS = (".stl", ".ply")
_SPACE = re.compile(rb"SPACE=(LPS|RAS)")
_ELEMENT = re.compile(rb"^element\s+(vertex|face)\s+(\d{1,12})\s*$", re.MULTILINE)
_STL_HEAD, _STL_FACE = 84, 50
_PLY_HEAD = 1 << 16
_LEAST_BYTES = {b"vertex": 3, b"face": 4}
"""No format stores a vertex or a face in less."""
_AGAIN = "Export the mesh again as binary STL"
_DAMAGED = (
    *(ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError, MemoryError),
    struct.error,
)


def read_mesh(path: Path, *, name: str) -> TriangleMesh:
    """A surface in LPS mm, vertices of equal place joined, faces turned outwards.

    Raises
    ------
    BadInput
        When it is neither STL nor PLY, damaged, too large, empty, or not in millimetres.
    """
    suffix = path.suffix.lower()
    if suffix not in MESH_ENDS:
        raise BadInput(name, "is neither an STL nor a PLY file", _AGAIN)
    content = _content(path, name)
    head = _stl_head(content, name) if suffix == ".stl" else _ply_head(content, name)
    vertices, faces = _triangles(content, suffix, name)
    space = _SPACE.search(head)
    if space is not None and space[1] == b"RAS":
        vertices = vertices @ LPS_FROM_RAS.T
    return _outwards(*_checked(*_joined(vertices, faces), name))


def mesh_bytes(mesh: TriangleMesh, suffix: str) -> bytes:
    """A mesh in LPS mm as the bytes of a file; coordinates are rounded to single precision.

    Parameters
    ----------
    suffix : ".stl" or ".ply"
        Binary in both formats. STL repeats the corners of every triangle; PLY keeps vertices and faces.
    """
    import trimesh

    library: Any = trimesh
    made = library.Trimesh(mesh.vertices_mm, mesh.faces, process=False, validate=False)
    content = bytes(made.export(file_type=suffix[1:]))
    if suffix == ".stl":
        return b"atlasplane SPACE=LPS".ljust(80) + content[80:]
    first, rest = content.split(b"\n", 1)
    line, rest = rest.split(b"\n", 1)
    return b"\n".join([first, line, b"comment atlasplane SPACE=LPS", rest])


def write_mesh(path: Path, mesh: TriangleMesh) -> None:
    """Write a mesh in LPS mm as STL or PLY, whole or not at all.

    Raises
    ------
    BadInput
        When the name ends otherwise.
    OutputFailed
        When it cannot be written.
    """
    if path.suffix.lower() not in MESH_ENDS:
        raise BadInput(path.name, "is neither named .stl nor .ply", "Name it .stl")
    write_bytes(path, mesh_bytes(mesh, path.suffix.lower()))


def _content(path: Path, name: str) -> bytes:
    try:
        size = path.stat().st_size
        if size > limit("mesh_bytes"):
            raise BadFile(name, f"is larger than {limit('mesh_bytes') >> 20} MB", "Thin the mesh out")
        return path.read_bytes()
    except OSError as fault:
        raise unreadable(name, fault) from fault


def _stl_head(content: bytes, name: str) -> bytes:
    """The header, once the file was found to hold what it says."""
    if len(content) >= _STL_HEAD:
        count = struct.unpack_from("<I", content, 80)[0]
        if len(content) == _STL_HEAD + _STL_FACE * count:
            _check_count(count, name)
            return content[:80]
    if not content[:512].lstrip().lower().startswith(b"solid"):
        raise BadFile(name, "is no STL file, or is cut off", _AGAIN)
    _check_count(content.count(b"endfacet"), name)
    return content.split(b"\n", 1)[0][:4096]


def _ply_head(content: bytes, name: str) -> bytes:
    end = content.find(b"end_header", 0, _PLY_HEAD)
    if not content.startswith(b"ply") or end < 0:
        raise BadFile(name, "is no PLY file", _AGAIN)
    head = content[:end]
    counts = {kind: int(number) for kind, number in _ELEMENT.findall(head.replace(b"\r", b""))}
    needed = sum(_LEAST_BYTES[kind] * count for kind, count in counts.items())
    if set(counts) != set(_LEAST_BYTES) or needed > len(content) - end:
        raise BadFile(name, "does not hold the vertices and faces that its header speaks of", _AGAIN)
    _check_count(max(counts.values()), name)
    return head


def _check_count(count: int, name: str) -> None:
    if count > limit("mesh_faces"):
        raise BadFile(name, f"has more than {limit('mesh_faces'):,} triangles", "Thin the mesh out")


def _triangles(content: bytes, suffix: str, name: str) -> tuple[Array, NDArray[np.int64]]:
    import trimesh

    library: Any = trimesh
    try:
        read = library.load_mesh(BytesIO(content), file_type=suffix[1:], process=False)
        vertices = np.asarray(read.vertices, dtype=np.float64).reshape(-1, 3)
        faces = np.asarray(read.faces, dtype=np.int64).reshape(-1, 3)
    except _DAMAGED as fault:
        raise BadFile(name, "is damaged, or no surface of triangles", _AGAIN) from fault
    if faces.size and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise BadFile(name, "names vertices that it does not hold", _AGAIN)
    return vertices, faces


def _joined(vertices: Array, faces: NDArray[np.int64]) -> tuple[Array, NDArray[np.int64]]:
    """Vertices of equal place made one; triangles that lose their area by it are left out."""
    places, number = np.unique(vertices, axis=0, return_inverse=True)
    joined = number.reshape(-1)[faces]
    a, b, c = joined.T
    kept = joined[(a != b) & (b != c) & (c != a)]
    return places, np.ascontiguousarray(kept, dtype=np.int64)


def _checked(vertices: Array, faces: NDArray[np.int64], name: str) -> tuple[Array, NDArray[np.int64]]:
    if len(faces) < 4:
        raise BadFile(name, "holds no surface", "Check that this is the right file")
    if not np.all(np.isfinite(vertices)):
        raise BadFile(name, "has vertices that are no numbers", _AGAIN)
    longest = float(np.ptp(vertices, axis=0).max())
    if not agreement("mesh_least_mm") <= longest <= agreement("mesh_most_mm"):
        raise BadFile(name, f"is {longest:g} mm long, which no bone is", "Export the mesh in millimetres")
    return vertices, faces


def _outwards(vertices: Array, faces: NDArray[np.int64]) -> TriangleMesh:
    mesh = TriangleMesh(vertices, faces)
    return mesh if mesh.volume_mm3 >= 0 else TriangleMesh(vertices, np.ascontiguousarray(faces[:, ::-1]))
