"""What a picture of the bones shows: where C1 and C2 stand in the skull, and by which way it is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from atlasplane.anatomy.bone_frames import FRAMES
from atlasplane.chain.measured import MeasuredVisit
from atlasplane.core.key import ObservationKey
from atlasplane.core.observation import Measurement, Pose
from atlasplane.geometry.transform import RigidTransform
from atlasplane.report.bones_shapes import BoneShape, bone_shapes
from atlasplane.report.visit_view import visit_name
from atlasplane.report.wording import CONDITIONS
from atlasplane.sources.volume import Volume

ATLAS_POSE = "c1_in_skull"
_AXIS_POSE, _AXIS_ON_ATLAS = "c2_in_skull", "c2_in_c1"
BY_FILMS = "films fitted together"


@dataclass(frozen=True, slots=True, kw_only=True)
class AngleKind:
    """One of the three angles of C1 in the skull, and its counterpart on a film.

    Attributes
    ----------
    id : str
        Short name.
    quantity : str
        Of the angle in space.
    place, sign : int
        Which of the pose's angles (Z, X', Y'') it is, and with which sign.
    film_quantity, film_sign : str, int
        What the classical lines on a film measure of it, and its sign against the angle in space.
    words : (str, str)
        What + and - mean, in a few words.
    """

    id: str
    quantity: str
    place: int
    sign: int
    film_quantity: str
    film_sign: int
    words: tuple[str, str]


ANGLES = (
    AngleKind(
        id="laterality",
        quantity="atlas_laterality_3d",
        place=1,
        sign=-1,
        film_quantity="atlas_laterality",
        film_sign=1,
        words=("right side up", "left side up"),
    ),
    AngleKind(
        id="rotation",
        quantity="atlas_rotation_3d",
        place=2,
        sign=1,
        film_quantity="atlas_rotation",
        film_sign=1,
        words=("right side forward", "left side forward"),
    ),
    AngleKind(
        id="flexion",
        quantity="atlas_flexion_3d",
        place=0,
        sign=-1,
        film_quantity="atlas_plane_sagittal",
        film_sign=-1,
        words=("front down", "front up"),
    ),
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BoneScene:
    """Bones of one visit, placed in one way.

    Attributes
    ----------
    visit : MeasuredVisit
    pose : Pose
        Of C1 in the skull.
    places : mapping bone -> RigidTransform
        Bone frame to skull frame, for the bones whose pose is known.
    shapes : mapping bone -> BoneShape
    """

    visit: MeasuredVisit
    pose: Pose
    places: Mapping[str, RigidTransform]
    shapes: Mapping[str, BoneShape]

    @property
    def name(self) -> str:
        """Visit v1, before (pre): films fitted together."""
        return f"{visit_name(self.visit)}: {self.way}"

    @property
    def way(self) -> str:
        """What the pose comes from."""
        condition = self.pose.condition
        return BY_FILMS if condition is None else CONDITIONS.get(condition, condition)

    @property
    def own_bones(self) -> tuple[str, ...]:
        """Bones whose surface is the patient's own."""
        return tuple(bone for bone, shape in self.shapes.items() if shape.source)

    def angle(self, kind: AngleKind) -> Measurement | None:
        """One of the three angles as it was measured."""
        return measured_angle(self.visit, kind.quantity, self.pose.condition)


def measured_angle(visit: MeasuredVisit, quantity: str, condition: str | None) -> Measurement | None:
    """A measurement of a visit by its quantity and condition, or None."""
    key = ObservationKey(quantity=quantity, level=None, side=None, condition=condition)
    return visit.joint.measurement(str(key))


def bone_scenes(visits: Sequence[MeasuredVisit], volumes: Sequence[Volume]) -> tuple[BoneScene, ...]:
    """A scene for every pose of C1 in the skull: those of the films, visit after visit, then of volumes."""
    found = [(visit, pose) for visit in visits for pose in _poses(visit, ATLAS_POSE)]
    found.sort(key=lambda pair: pair[1].condition or "")
    return tuple(_scene(visit, pose, volumes) for visit, pose in found)


def _poses(visit: MeasuredVisit, quantity: str) -> list[Pose]:
    return [o for o in visit.joint.observations if isinstance(o, Pose) and o.quantity.id == quantity]


def _scene(visit: MeasuredVisit, pose: Pose, volumes: Sequence[Volume]) -> BoneScene:
    places = {"skull": RigidTransform.identity(), "c1": _transform(pose)}
    frames = _frames(pose)
    for name in (_AXIS_POSE, _AXIS_ON_ATLAS):
        axis = next((p for p in _poses(visit, name) if p.condition == pose.condition), None)
        if axis is not None:
            reference = RigidTransform.identity() if name == _AXIS_POSE else places["c1"]
            places["c2"] = reference @ _transform(axis)
            frames = _frames(axis) | frames
            break
    return BoneScene(visit=visit, pose=pose, places=places, shapes=bone_shapes(frames, volumes))


def _frames(pose: Pose) -> dict[str, str]:
    """Ids of the frames that a pose names, by bone."""
    named = (pose.from_frame, pose.to_frame, *pose.provenance.get("frames", "").split(", "))
    return {FRAMES[id_].bone: id_ for id_ in named if id_ in FRAMES}


def _transform(pose: Pose) -> RigidTransform:
    return RigidTransform(pose.rotation, pose.translation_mm)
