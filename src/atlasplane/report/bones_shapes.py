"""The bones that are drawn: the patient's own where the CT's surfaces are accepted, else the template's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from atlasplane.anatomy.bone_frames import DEFAULT_FRAMES, FRAMES, NoFrame, Points, bone_frame
from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.anatomy.template_bones import TEMPLATE_BONES, template_mesh
from atlasplane.core.errors import AtlasplaneError
from atlasplane.geometry.frames import isb_from_lps
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.sources.volume import Volume

MOST_FACES: Mapping[str, int] = {"skull": 40_000, "c1": 8_000, "c2": 8_000}
"""More are thinned out: a picture of some hundred pixels shows no more, and the file stays small."""
_COARSER = 1.25
_SHARPEST_MM = 0.5


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BoneShape:
    """The surface of one bone.

    Attributes
    ----------
    mesh : TriangleMesh
        In the bone's anatomical frame, mm.
    source : str
        File that it was read from; empty for the template.
    """

    mesh: TriangleMesh
    source: str = ""


def bone_shapes(frames: Mapping[str, str], volumes: Sequence[Volume]) -> Mapping[str, BoneShape]:
    """The surface of skull, C1 and C2, each in its frame.

    Parameters
    ----------
    frames : mapping bone -> id of its frame
        As the poses name them; a bone without one is told in its default frame.
    volumes : sequence of Volume
        Of the case. A bone's mesh counts where the landmarks of its frame are marked, too.
    """
    found: dict[str, BoneShape] = {}
    for bone in TEMPLATE_BONES:
        id_ = frames.get(bone, DEFAULT_FRAMES[bone])
        own = (shape for volume in volumes if (shape := _own_shape(volume, bone, id_)) is not None)
        found[bone] = next(own, None) or BoneShape(mesh=_template(bone, id_))
    return found


def thinned(mesh: TriangleMesh, faces: int) -> TriangleMesh:
    """A mesh with at most so many triangles: vertices of one cell of a grid become one, at their mean."""
    edge, thin = _SHARPEST_MM, mesh
    while len(thin.faces) > faces:
        thin = _clustered(mesh, edge)
        edge *= _COARSER
    return thin


def _clustered(mesh: TriangleMesh, edge_mm: float) -> TriangleMesh:
    cells = np.floor(mesh.vertices_mm / edge_mm).astype(np.int64)
    _, cell, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    means = np.stack(
        [np.bincount(cell, mesh.vertices_mm[:, k]) / count for k in range(3)],
        axis=-1,
    )
    faces = cell[mesh.faces]
    a, b, c = faces.T
    return TriangleMesh(means, faces[(a != b) & (b != c) & (c != a)])


@cache
def _template(bone: str, frame: str) -> TriangleMesh:
    """The template in one of the bone's frames: both are those of the mean phantom."""
    phantom = mean_phantom()
    points = {id_: at for id_, (of, at) in phantom.points_mm.items() if of == bone}
    arcs = {id_: arc.mean(axis=0) for id_, (of, arc) in phantom.arcs_mm.items() if of == bone}
    mesh = thinned(template_mesh(bone), MOST_FACES[bone])
    return mesh.moved(bone_frame(bone, points | arcs, frame).inverse())


def _own_shape(volume: Volume, bone: str, frame: str) -> BoneShape | None:
    if bone not in volume.meshes or FRAMES[frame].missing(points := _points(volume)):
        return None
    try:
        at = bone_frame(bone, points, frame)
        mesh = thinned(volume.load_mesh(bone), MOST_FACES[bone])
    except (NoFrame, AtlasplaneError):  # said where the case was read; the template stands in
        return None
    isb = TriangleMesh(isb_from_lps(mesh.vertices_mm), mesh.faces)
    return BoneShape(mesh=isb.moved(at.inverse()), source=volume.meshes[bone])


def _points(volume: Volume) -> Points:
    """Landmarks of the volume on ISB axes, mm: means over the readings, of a contour of its vertices."""
    marks: dict[str, list[Array]] = {}
    for reading in volume.readings:
        placed = {id_: mark.at for id_, mark in reading.points.items()}
        placed |= {id_: mark.at for id_, mark in reading.contours.items()}
        for id_, at in placed.items():
            marks.setdefault(id_, []).append(isb_from_lps(np.atleast_2d(at)).mean(axis=0))
    return {id_: np.mean(places, axis=0) for id_, places in marks.items()}
