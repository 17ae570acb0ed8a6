"""How the bones of a marked volume stand to each other: frames, poses and the angles of the poses.

A pose is carried through readings and observers as three angles and a translation, the same numbers that the
angles' own measurements are: what a report prints twice is one number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np

from atlasplane.anatomy.bone_frames import (
    DEFAULT_FRAMES,
    FRAMES,
    SAME_AXES,
    FrameDefinition,
    NoFrame,
    bone_frame,
)
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.helical import helical_axis
from atlasplane.geometry.planar import dot
from atlasplane.geometry.rotation import rotation_from_zxy, zxy_from_rotation
from atlasplane.geometry.se3 import rotation_from_vector, zxy_jacobian
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks
from atlasplane.sources.reading import Reading

COMPONENTS = ("extension", "right_bend", "left_turn", "forward", "upward", "rightward")
"""Parts of a pose in the order in which they are carried: degrees of Z-X'-Y'', then mm of translation."""
_OF_A_POSE = "|"
"""Stands between a pose's key and the name of a part, so that a part is nobody's key."""
NAMES: Mapping[str, str] = {"skull": "the skull", **{f"c{k}": f"C{k}" for k in range(1, 8)}}
"""Bones as a sentence names them."""
_LOWER_LINE = ("OD_BASE", "C2_SPB", "C7_C")


@dataclass(frozen=True, slots=True)
class PosedPair:
    """A pose that volumes are read for: bone `moving` in the frame of `reference`."""

    key: str
    moving: str
    reference: str

    @property
    def parts(self) -> tuple[str, ...]:
        """Keys of its six parts."""
        return tuple(f"{self.key}{_OF_A_POSE}{name}" for name in COMPONENTS)


POSES: tuple[PosedPair, ...] = (
    PosedPair("c1_in_skull", "c1", "skull"),
    PosedPair("c2_in_c1", "c2", "c1"),
    PosedPair("c2_in_skull", "c2", "skull"),
    *(PosedPair(f"segment_pose/C{k}-C{k + 1}", f"c{k}", f"c{k + 1}") for k in range(2, 7)),
)


def is_part_of_a_pose(key: str) -> bool:
    """Whether a key is that of one part of a pose, and no observation of its own."""
    return _OF_A_POSE in key


@dataclass(frozen=True, eq=False)
class VolumeBones:
    """Frames of the bones of a marked volume; points of shape (..., 3), contours (..., n, 3).

    Attributes
    ----------
    marks : Marks
    frames : mapping bone -> id of the frame that is made of it
    turns_rad : mapping bone -> array, shape (3,)
        Turn of a bone's frame away from its landmarks, left perturbation; what another way to find the frame
        would make of it.
    """

    marks: Marks
    frames: Mapping[str, str]
    turns_rad: Mapping[str, Array] = field(default_factory=dict)

    @cached_property
    def placed(self) -> Mapping[str, RigidTransform]:
        """Frame of every bone in the volume's ISB axes."""
        points = frame_points(self.marks)
        return {bone: self._frame(bone, FRAMES[id_].build(points)) for bone, id_ in self.frames.items()}

    def pose(self, moving: str, reference: str) -> RigidTransform:
        """The frame of one bone in that of another."""
        return self.placed[reference].inverse() @ self.placed[moving]

    def lower_angle_deg(self) -> Array:
        """The nasium's lower angle in the view along the atlas plane, skull straight, parallel rays; deg.

        In that view the line of C1 stands at minus its side bending and the neck leans by g; the angle is
        -(g + phi) as on the film.
        """
        at = self.marks
        skull = self.placed["skull"].rotation
        alpha, beta, _ = zxy_from_rotation(self.pose("c1", "skull").rotation)
        neck = (at["OD_BASE"] + at["C2_SPB"]) / 2 - at["C7_C"]
        forward, upward, right = (dot(neck, skull[..., k]) for k in range(3))
        pitch = np.radians(alpha)
        in_view = upward * np.cos(pitch) - forward * np.sin(pitch)
        return beta - np.degrees(np.arctan2(right, in_view))

    def rotation_first_deg(self) -> Array:
        """Rotation of C1 on C2 as the first angle of Y-X-Z, from the frames; degrees."""
        across = self.pose("c1", "c2").rotation[..., 2]
        return np.degrees(np.arctan2(across[..., 0], across[..., 2]))

    def _frame(self, bone: str, frame: RigidTransform) -> RigidTransform:
        turn = self.turns_rad.get(bone)
        if turn is None:
            return frame
        return RigidTransform(rotation_from_vector(turn) @ frame.rotation, frame.translation_mm)


def frame_points(marks: Marks) -> Mapping[str, Array]:
    """Points, and contours by their means, of shape (..., 3)."""
    return {**marks.points, **{id_: at.mean(axis=-2) for id_, at in marks.contours.items()}}


# ---- which frames, and why not ----


def frames_of(readings_marks: Sequence[Marks]) -> tuple[Mapping[str, str], Mapping[str, NoFrame]]:
    """The frame of each bone that a volume's readings allow, by bone, and the reason for each bone without.

    One frame a bone for all readings, so that what is combined is one thing: the most preferred that any
    reading makes. The reason is that of the first reading. Of C3 to C7 only those are spoken of that somebody
    began to mark for a frame.
    """
    frames: dict[str, str] = {}
    reasons: dict[str, NoFrame] = {}
    for bone, default in DEFAULT_FRAMES.items():
        options = SAME_AXES.get(bone, (default,))
        made = next((id_ for id_ in options if any(makes(marks, id_) for marks in readings_marks)), None)
        if made is not None:
            frames[bone] = made
        elif readings_marks and _is_asked_for(bone, readings_marks):
            reason = _why_not(readings_marks[0], FRAMES[default])
            reasons[bone] = reason or NoFrame(default, "no reading has all its landmarks")
    return frames, reasons


def makes(marks: Marks, frame: str) -> bool:
    """Whether the marks of one reading make a frame."""
    return _why_not(marks, FRAMES[frame]) is None


def _why_not(marks: Marks, definition: FrameDefinition) -> NoFrame | None:
    try:
        bone_frame(definition.bone, frame_points(marks), definition.id)
    except NoFrame as reason:
        return reason
    return None


def _is_asked_for(bone: str, readings_marks: Sequence[Marks]) -> bool:
    """Skull, C1 and C2 always; a vertebra below where a pedicle is marked, which nothing else needs."""
    if bone in ("skull", "c1", "c2"):
        return True
    return any(f"{bone.upper()}_PED_{side}" in marks.points for marks in readings_marks for side in "RL")


def not_framed(file: str, reasons: Mapping[str, NoFrame]) -> list[Finding]:
    """What a volume lacks for frames: marks, or marks that fit each other."""
    lacking = {bone: reason for bone, reason in reasons.items() if reason.missing}
    findings = []
    if lacking:
        names = "; ".join(f"{NAMES[bone]} lacks {', '.join(r.missing)}" for bone, r in lacking.items())
        findings.append(
            _no_frame(file, lacking, Severity.INFO, f"{names}. Mark them in the volume to have them")
        )
    findings += [
        _no_frame(file, {bone: reason}, Severity.WARN, f"{reason.why}. Check these marks of {NAMES[bone]}")
        for bone, reason in reasons.items()
        if not reason.missing
    ]
    return findings


def _no_frame(file: str, reasons: Mapping[str, NoFrame], severity: Severity, why: str) -> Finding:
    lost = sorted({pair.key for pair in POSES if {pair.moving, pair.reference} & set(reasons)})
    text = f"No pose {', '.join(lost)} from this volume: {why}"
    return Finding(code="pose.no_frame", severity=severity, file=file, text=text)


# ---- what is read ----


def bone_constructions(frames: Mapping[str, str]) -> tuple[Construction[VolumeBones], ...]:
    """Every angle in space and every part of a pose that frames of these bones allow."""
    return (*_angles(frames), *(part for pair in POSES for part in _parts(pair, frames)))


def _angles(frames: Mapping[str, str]) -> Iterable[Construction[VolumeBones]]:
    for key, moving, reference, part in _ANGLES:
        if moving in frames and reference in frames:
            needs = _needs(frames, moving, reference)
            yield Construction(key, needs, partial(_angle, moving=moving, reference=reference, part=part))
    if "skull" in frames and "c1" in frames:
        needs = (*_needs(frames, "c1", "skull"), *_LOWER_LINE)
        yield Construction("lower_angle_3d", needs, VolumeBones.lower_angle_deg)


_ANGLES: tuple[tuple[str, str, str, Callable[[RigidTransform], Array]], ...] = (
    ("atlas_flexion_3d", "c1", "skull", lambda pose: -zxy_from_rotation(pose.rotation)[0]),
    ("atlas_laterality_3d", "c1", "skull", lambda pose: -zxy_from_rotation(pose.rotation)[1]),
    ("atlas_rotation_3d", "c1", "skull", lambda pose: zxy_from_rotation(pose.rotation)[2]),
    ("c1_c2_flexion_3d", "c1", "c2", lambda pose: -zxy_from_rotation(pose.rotation)[0]),
    ("c1_c2_lateral_3d", "c1", "c2", lambda pose: -zxy_from_rotation(pose.rotation)[1]),
)
"""Angles of a pose: key, moving bone, reference bone, and how they are read from the pose."""
BONES_OF: Mapping[str, tuple[str, ...]] = {
    **{key: (moving, reference) for key, moving, reference, _ in _ANGLES},
    "lower_angle_3d": ("c1", "skull"),
}
"""Bones whose frames an angle in space hangs on."""


TURNED_WITH: Mapping[str, Callable[[VolumeBones], Array]] = {"c1_c2_rotation": VolumeBones.rotation_first_deg}
"""Angles that are read from the same landmarks without a frame, and what they are in frames of C1 and C2."""


def _angle(
    bones: VolumeBones, *, moving: str, reference: str, part: Callable[[RigidTransform], Array]
) -> Array:
    return part(bones.pose(moving, reference))


def _parts(pair: PosedPair, frames: Mapping[str, str]) -> Iterable[Construction[VolumeBones]]:
    if pair.moving not in frames or pair.reference not in frames:
        return
    needs = _needs(frames, pair.moving, pair.reference)
    for k, key in enumerate(pair.parts):
        yield Construction(key, needs, partial(_part, pair=pair, part=k))


def _part(bones: VolumeBones, *, pair: PosedPair, part: int) -> Array:
    pose = bones.pose(pair.moving, pair.reference)
    return zxy_from_rotation(pose.rotation)[part] if part < 3 else pose.translation_mm[..., part - 3]


def _needs(frames: Mapping[str, str], moving: str, reference: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*FRAMES[frames[moving]].needs, *FRAMES[frames[reference]].needs)))


def used_marks() -> frozenset[str]:
    """Every mark that some frame or some angle in space is made of."""
    return frozenset(id_ for definition in FRAMES.values() for id_ in definition.needs) | set(_LOWER_LINE)


def without_lower_line(file: str, keys: Sequence[str], reading: Reading) -> list[Finding]:
    """What the lower angle lacks where C1 in the skull is known and somebody began to mark its line."""
    lacking = [id_ for id_ in _LOWER_LINE if id_ not in reading.points]
    if "atlas_laterality_3d" not in keys or not 0 < len(lacking) < len(_LOWER_LINE):
        return []
    text = f"Not read for lack of marks: lower_angle_3d ({', '.join(lacking)})"
    return [Finding(code="landmarks.missing", severity=Severity.INFO, file=file, text=text)]


# ---- from parts to a pose ----


def pose_of_parts(parts: Array) -> tuple[RigidTransform, Array]:
    """The pose with these six parts, and its change in the tangent space by theirs.

    Parameters
    ----------
    parts : array, shape (6,)
        As in COMPONENTS, degrees and mm.

    Returns
    -------
    pose : RigidTransform
    by_parts : array, shape (6, 6)
        Left perturbation, rotation (rad) then translation (mm), as in geometry.se3.
    """
    rotation = rotation_from_zxy(*parts[:3])
    by_parts = np.eye(6)
    by_parts[:3, :3] = np.linalg.inv(zxy_jacobian(rotation))
    return RigidTransform(rotation, parts[3:]), by_parts


def frames_named(frames: Mapping[str, str], bones: Iterable[str]) -> str:
    """The ids of the frames of some bones, as a provenance names them."""
    return ", ".join(sorted(frames[bone] for bone in bones))


def origin_named(frames: Mapping[str, str], pair: PosedPair) -> str:
    """Between which two points the translation of a pose runs, in words."""
    moving, reference = FRAMES[frames[pair.moving]], FRAMES[frames[pair.reference]]
    return f"{moving.origin}, in {pair.reference} from {reference.origin}"


def helical_words(pose: RigidTransform) -> str:
    """The helical axis of a pose in words: the check of its angles that depends on no sequence."""
    try:
        axis = helical_axis(pose)
    except ValueError:
        return "no turn"
    x, y, z = np.round(axis.direction, 3) + 0.0  # no -0.000
    return (
        f"{axis.angle_deg:.2f} deg about ({x:.3f}, {y:.3f}, {z:.3f}), shift {axis.shift_mm:.2f} mm along it; "
        "axes forward, up, right"
    )
