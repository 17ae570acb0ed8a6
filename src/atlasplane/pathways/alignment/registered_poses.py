"""Bones of a scan registered to the films of a visit, as observations: poses of C1 and C2, and their angles.

The registration tells how each bone moved in the volume since the scan; what is measured are the frames that
the scan's landmarks give those bones. So an error has two parts: that of the registration, which is the
visit's own, and that of the frames, which comes from the scan's landmarks and is the same at every registered
visit and in what is measured on the scan itself. The second part stands under the keys of the scan's points
(`volume_points`), so it leaves changes between visits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from atlasplane.anatomy.bone_frames import DEFAULT_FRAMES, FRAMES
from atlasplane.core.finding import Finding
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Measurement, Pose
from atlasplane.core.quantity import quantities, quantity
from atlasplane.geometry.se3 import cross_matrix, relative_jacobians
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.image_part import Part
from atlasplane.pathways.alignment.pose_angles import POSE_ANGLES
from atlasplane.pathways.alignment.volume_frames import VolumeFrames, volume_frames
from atlasplane.pathways.alignment.volume_points import volume_name
from atlasplane.sources.volume import Volume

METHOD = "ct-to-film/1"
CONDITION = "registered"
"""Condition of what comes from bones registered to films."""
PAIRS: tuple[tuple[str, str], ...] = (("c1", "skull"), ("c2", "c1"), ("c2", "skull"), ("c1", "c2"))
"""Moving bone and reference of every pose; the catalogue has all but the last, which is read for angles."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RegisteredBones:
    """What a registration tells of the bones of a scan.

    Attributes
    ----------
    motions : mapping bone -> RigidTransform
        Motion of C1, C2 in the volume since the scan, the skull standing still; ISB axes, mm.
    centres_mm : mapping bone -> array, shape (3,)
        Point of the volume that changes of the motion turn about.
    cov : array, shape (6 K, 6 K)
        Of changes (w rad, d mm) in the order of `motions`: x_to = exp([w]x) (T x - T c) + T c + d.
    source : tuple of str
        Files that it rests on.
    observer : tuple of str
    provenance : mapping
    """

    motions: Mapping[str, RigidTransform]
    centres_mm: Mapping[str, Array]
    cov: Array
    source: tuple[str, ...] = ()
    observer: tuple[str, ...] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = 6 * len(self.motions)
        if self.cov.shape != (size, size) or not np.all(np.isfinite(self.cov)):
            raise ValueError(f"{len(self.motions)} motions need a finite covariance ({size}, {size})")
        if set(self.centres_mm) != set(self.motions):
            raise ValueError("every motion needs the point that its changes turn about")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RelativePose:
    """One bone in another.

    Attributes
    ----------
    quantity, moving, reference : str
    pose : RigidTransform
        Frame of the moving bone in that of the reference.
    by_motion : array, shape (6, 6 K)
        Its change by changes of the registered motions.
    by_input : mapping key -> array, shape (6,)
        Its change by one standard uncertainty of each input of the frames.
    cov : array, shape (6, 6)
        All of it; rad and mm.
    """

    quantity: str
    moving: str
    reference: str
    pose: RigidTransform
    by_motion: Array
    by_input: Mapping[str, Array]
    cov: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RegisteredPart:
    """Observations with their share of the visit's joint covariance (`core.joint`)."""

    part: Part
    pose_shared: Mapping[str, Mapping[str, Array]]


def relative_poses(registered: RegisteredBones, frames: VolumeFrames) -> tuple[RelativePose, ...]:
    """Every pose of `PAIRS` whose two bones were registered and have a frame."""
    known = {"skull", *registered.motions} & frames.placed.keys()
    return tuple(
        _relative(registered, frames, moving, reference)
        for moving, reference in PAIRS
        if {moving, reference} <= known
    )


def registered_part(
    visit: str, volume: Volume, registered: RegisteredBones
) -> tuple[RegisteredPart, tuple[Finding, ...]]:
    """Poses and angles of a visit, and a finding for bones without a frame.

    Parameters
    ----------
    visit : str
        Id of the visit that the films are of.
    volume : Volume
        That was registered, with its landmarks.

    Raises
    ------
    BadInput
        When a mesh that the case names cannot be read.
    """
    frames, findings = volume_frames(volume)
    relative = relative_poses(registered, frames)
    by_pose = {pose.quantity: pose for pose in relative}
    angles = [
        _Angle(id_, by_pose[pose], *read(by_pose[pose].pose.rotation))
        for pose, readers in POSE_ANGLES.items()
        if pose in by_pose
        for id_, read in readers.items()
    ]
    by_motion = np.array([a.by_turn @ a.of.by_motion[:3] for a in angles])
    by_motion = by_motion.reshape(len(angles), len(registered.cov))
    own = by_motion @ registered.cov @ by_motion.T
    shared = _shared(angles)
    measurements = tuple(
        _measurement(visit, volume, registered, angle, _budget(k, own, shared, frames))
        for k, angle in enumerate(angles)
    )
    poses = tuple(
        (_pose(visit, volume, registered, each), each) for each in relative if each.quantity in quantities()
    )
    return RegisteredPart(
        part=Part(measurements, tuple(pose for pose, _ in poses), (own + own.T) / 2, shared),
        pose_shared={pose.key: each.by_input for pose, each in poses},
    ), findings


def with_registered(joint: JointObservations, found: RegisteredPart) -> JointObservations:
    """A visit's observations and those of its registration.

    What the scan's landmarks give both is told by shared keys. The clicks on the films only start the
    registration, and its result does not hang on them, so nothing else is shared with the films' own numbers.
    """
    own = tuple(m.key for m in found.part.measurements)
    before, after = len(joint.order), len(own)
    cov = np.zeros((before + after, before + after))
    cov[:before, :before], cov[before:, before:] = joint.own_cov, found.part.own_cov
    shared = {key: np.pad(effect, (0, after)) for key, effect in joint.shared.items()}
    for key, effect in found.part.shared.items():
        shared[key] = shared.get(key, np.zeros(before + after)) + np.pad(effect, (before, 0))
    return JointObservations(
        observations=(*joint.observations, *found.part.measurements, *found.part.others),
        order=(*joint.order, *own),
        own_cov=cov,
        shared=shared,
        pose_shared={**joint.pose_shared, **found.pose_shared},
    )


def turned_at(from_mm: Array, to_mm: Array) -> Array:
    """Matrix, shape (6, 6): a change that turns about one point as a change that turns about another.

    A turn w about `from_mm` shifts what lies at `to_mm` by w x (to - from); both in the frame that the pose
    leads to.
    """
    matrix = np.eye(6)
    matrix[3:, :3] = -cross_matrix(np.asarray(to_mm) - np.asarray(from_mm))
    return matrix


@dataclass(frozen=True, slots=True, eq=False)
class _Angle:
    """One angle in degrees and its derivative by a turn of the pose it is read from, per rad."""

    quantity: str
    of: RelativePose
    value: float
    by_turn: Array


def _relative(registered: RegisteredBones, frames: VolumeFrames, moving: str, reference: str) -> RelativePose:
    ends = [_Placed.of(registered, frames, bone) for bone in (reference, moving)]
    jacobians = relative_jacobians(ends[0].frame, ends[1].frame)
    by_motion = sum(
        (by_end @ end.by_motion for by_end, end in zip(jacobians, ends, strict=True)),
        np.zeros((6, len(registered.cov))),
    )
    by_input: dict[str, Array] = {}
    for by_end, end in zip(jacobians, ends, strict=True):
        for key, change in end.by_input.items():
            by_input[key] = by_input.get(key, np.zeros(6)) + by_end @ change
    by_input = {key: change for key, change in by_input.items() if np.any(change)}
    cov = by_motion @ registered.cov @ by_motion.T
    for change in by_input.values():
        cov = cov + np.outer(change, change)
    return RelativePose(
        quantity=f"{moving}_in_{reference}",
        moving=moving,
        reference=reference,
        pose=ends[0].frame.inverse() @ ends[1].frame,
        by_motion=by_motion,
        by_input=by_input,
        cov=(cov + cov.T) / 2,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """The frame of a bone where the registration puts it, and its changes, shapes (6, 6 K) and (6,)."""

    frame: RigidTransform
    by_motion: Array
    by_input: Mapping[str, Array]

    @classmethod
    def of(cls, registered: RegisteredBones, frames: VolumeFrames, bone: str) -> _Placed:
        """The skull stands still: nothing of the registration moves its frame."""
        frame = frames.placed[bone]
        by_motion = np.zeros((6, len(registered.cov)))
        if bone not in registered.motions:
            return cls(frame, by_motion, frames.by_input[bone])
        motion, centre = registered.motions[bone], registered.centres_mm[bone]
        at = 6 * list(registered.motions).index(bone)
        moved = motion @ frame
        by_motion[:, at : at + 6] = turned_at(motion.apply(centre), moved.translation_mm)
        carried = np.kron(np.eye(2), motion.rotation)
        return cls(moved, by_motion, {key: carried @ by for key, by in frames.by_input[bone].items()})


def _shared(angles: Sequence[_Angle]) -> dict[str, Array]:
    """Effect of each input of the frames on the angles, deg, shape (n,)."""
    keys = dict.fromkeys(key for angle in angles for key in angle.of.by_input)
    none = np.zeros(6)
    return {
        key: np.array([float(a.by_turn @ a.of.by_input.get(key, none)[:3]) for a in angles]) for key in keys
    }


def _budget(k: int, own: Array, shared: Mapping[str, Array], frames: VolumeFrames) -> dict[str, float]:
    """Contributions to u of one angle, deg: the registration, the scan's landmarks, the choice of frames."""
    squares = {"registration": float(own[k, k]), "shape": 0.0, "frame": 0.0}
    for key, effect in shared.items():
        squares["frame" if key in frames.turn_keys else "shape"] += float(effect[k]) ** 2
    return {name: math.sqrt(part) for name, part in squares.items() if part or name != "frame"}


def _measurement(
    visit: str, volume: Volume, registered: RegisteredBones, angle: _Angle, budget: Mapping[str, float]
) -> Measurement:
    entry = quantity(angle.quantity)
    return Measurement(
        quantity=entry,
        visit=visit,
        condition=CONDITION,
        method=METHOD,
        tag=entry.tag,
        source=registered.source,
        observer=registered.observer,
        provenance=_provenance(volume, registered, (angle.of.moving, angle.of.reference)),
        quality=_quality(entry.tag),
        value=angle.value,
        u=math.hypot(*budget.values()),
        budget=budget,
    )


def _pose(visit: str, volume: Volume, registered: RegisteredBones, found: RelativePose) -> Pose:
    entry = quantity(found.quantity)
    return Pose(
        quantity=entry,
        visit=visit,
        condition=CONDITION,
        method=METHOD,
        tag=entry.tag,
        source=registered.source,
        observer=registered.observer,
        provenance=_provenance(volume, registered, (found.moving, found.reference)),
        quality=_quality(entry.tag),
        from_frame=found.moving,
        to_frame=found.reference,
        origin=pose_origin(found.moving, found.reference),
        rotation=found.pose.rotation,
        translation_mm=found.pose.translation_mm,
        cov6=found.cov,
    )


def pose_origin(moving: str, reference: str) -> str:
    """Between which two points the translation of a pose runs, in words."""
    of, to = (FRAMES[DEFAULT_FRAMES[bone]] for bone in (moving, reference))
    return f"{of.origin}, in {reference} from {to.origin}"


def _quality(tag: str) -> tuple[str, ...]:
    return (tag,) if tag in ("proposed", "unverified") else ("ok",)


def _provenance(volume: Volume, registered: RegisteredBones, bones: Sequence[str]) -> dict[str, str]:
    readings = ", ".join(reading.id for reading in volume.readings)
    return {
        "shape": volume_name(volume),
        "readings": f"{volume.file}: {readings}",
        "frames": ", ".join(sorted(DEFAULT_FRAMES[bone] for bone in bones)),
        **registered.provenance,
    }
