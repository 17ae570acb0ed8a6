"""The second way to a bone's frame: the mid-plane of its whole surface, held against its landmarks.

Where both agree the landmarks stand as they are. Where they do not, no landmark was misplaced as a rule: the
bone is not symmetric, and which of the two planes is meant is a matter of definition. The difference then is
part of u, the same for everything that hangs on the frame.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.frames import isb_from_lps
from atlasplane.geometry.mesh import TriangleMesh
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.limits import Limit
from atlasplane.pathways.alignment.volume_marks import marked_volume
from atlasplane.pathways.alignment.volume_poses import NAMES, VolumeBones, frames_of, makes, used_marks
from atlasplane.sources.volume import Volume

if TYPE_CHECKING:
    # At run time only where a volume has surfaces: what it needs takes time to load.
    from atlasplane.volume.symmetry import SymmetryPlane

_BONES = ("skull", "c1", "c2")
U_OF_BOUND = 1 / math.sqrt(3)
"""Standard uncertainty of a value known only to lie within +- 1 (JCGM 100:2008, 4.3.7)."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FrameCheck:
    """The mid-plane of one bone's surface against the frame of its landmarks.

    Attributes
    ----------
    bone : str
    plane : SymmetryPlane
        In the volume's ISB axes.
    angle_deg : float
        Between the normal of the plane and the frame's Z.
    """

    bone: str
    plane: SymmetryPlane
    angle_deg: float

    @property
    def agrees(self) -> bool:
        """Whether both ways count as one frame."""
        return self.angle_deg <= agreement_limit().value

    def turn_rad(self, right: Array) -> Array:
        """The smallest turn that lays a frame's Z, shape (3,), on the plane's normal; shape (3,), rad."""
        across = np.cross(right, self.plane.normal)
        sine = float(np.linalg.norm(across))
        turn: Array = across * (math.atan2(sine, float(right @ self.plane.normal)) / sine if sine else 1.0)
        return turn

    @property
    def words(self) -> str:
        """For a provenance."""
        return (
            f"mid-plane of the surface of {NAMES[self.bone]} {self.angle_deg:.2f} deg from the landmarks' "
            f"(its own u {self.plane.normal_sd_deg:.2f} deg)"
        )


@cache
def agreement_limit() -> Limit:
    """The angle up to which the two ways agree."""
    text = files("atlasplane.pathways.alignment").joinpath("data/volume_poses.toml").read_text("utf-8")
    return Limit(**tomllib.loads(text)["frame_agreement"])


def frame_checks(
    volume: Volume, readings: Sequence[VolumeBones]
) -> tuple[Mapping[str, FrameCheck], list[Finding]]:
    """The check of every framed bone that the volume has a surface of, by bone, and what it found.

    Parameters
    ----------
    volume : Volume
    readings : sequence of VolumeBones
        One for each reading, single marks of shape (3,); all with the same frames.

    Raises
    ------
    BadInput
        When a mesh that the case names cannot be read.
    """
    checks: dict[str, FrameCheck] = {}
    findings = []
    for bone in _BONES:
        frames = [own.placed[bone] for own in readings if bone in own.frames]
        if bone not in volume.meshes or not frames:
            continue
        right = np.mean([frame.rotation[:, 2] for frame in frames], axis=0)
        origin = np.mean([frame.translation_mm for frame in frames], axis=0)
        plane = _plane(volume, bone, tuple(right.tolist()), tuple(origin.tolist()))
        if isinstance(plane, str):
            findings.append(_no_plane(volume.meshes[bone], bone, plane))
            continue
        cosine = float(right @ plane.normal / np.linalg.norm(right))
        checks[bone] = FrameCheck(bone=bone, plane=plane, angle_deg=math.degrees(math.acos(min(1.0, cosine))))
        if not checks[bone].agrees:
            findings.append(_differs(volume.meshes[bone], checks[bone]))
    return checks, findings


def frame_turns(volume: Volume) -> Mapping[str, Array]:
    """One standard uncertainty of which frame of skull, C1 or C2 is meant, for those whose two ways differ.

    Returns
    -------
    mapping bone -> array, shape (3,)
        A turn of the bone's frame on its own axes, rad: F exp([turn]x). The mean over the readings.

    Raises
    ------
    BadInput
        When a mesh that the case names cannot be read.
    """
    if not volume.meshes:
        return {}
    marked = [marked_volume(volume, reading, used_marks()) for reading in volume.readings]
    marks = [one.marks(one.values) for one in marked]
    frames, _ = frames_of(marks)
    made = [{bone: id_ for bone, id_ in frames.items() if makes(own, id_)} for own in marks]
    readings = [VolumeBones(own, ids) for own, ids in zip(marks, made, strict=True)]
    checks, _ = frame_checks(volume, readings)
    turns = {}
    for bone, check in checks.items():
        axes = [own.placed[bone].rotation for own in readings if bone in own.frames]
        if not check.agrees:
            turns[bone] = U_OF_BOUND * np.mean([at.T @ check.turn_rad(at[:, 2]) for at in axes], axis=0)
    return turns


@lru_cache(maxsize=8)
def _plane(
    volume: Volume, bone: str, right: tuple[float, ...], origin: tuple[float, ...]
) -> SymmetryPlane | str:
    """The mid-plane of a bone's surface, or why there is none; films and volume ask for the same one."""
    from atlasplane.volume.symmetry import NoSymmetry, symmetry_plane

    try:
        return symmetry_plane(_in_isb(volume.load_mesh(bone)), np.array(right), np.array(origin))
    except NoSymmetry as reason:
        return str(reason)


def _in_isb(mesh: TriangleMesh) -> TriangleMesh:
    return TriangleMesh(isb_from_lps(mesh.vertices_mm), mesh.faces)


def _no_plane(file: str, bone: str, reason: str) -> Finding:
    text = f"The frame of {NAMES[bone]} is not checked by its surface: {reason}. Check the mesh"
    return Finding(code="pose.no_midplane", severity=Severity.WARN, file=file, text=text)


def _differs(file: str, check: FrameCheck) -> Finding:
    limit = agreement_limit()
    text = (
        f"The mid-plane of the surface of {NAMES[check.bone]} stands {check.angle_deg:.1f} deg (u "
        f"{check.plane.normal_sd_deg:.2f}) from that of its landmarks, limit {limit.value:g} deg: the bone "
        "is not symmetric or a mark is off; the difference is part of u of its poses (term frame)"
    )
    return Finding(
        code="pose.frame_differs",
        severity=Severity.WARN,
        file=file,
        value=check.angle_deg,
        limit=limit.value,
        text=text,
        source=limit.source,
    )
