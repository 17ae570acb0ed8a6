"""Frames of skull, C1, C2 and C3 to C7 from landmarks, on ISB axes (X anterior, Y superior, Z right).

Two directions of a bone make its frame: one is kept exactly, the other only gives the plane. The directions
are those of Wu et al. 2002 (doi:10.1016/s0021-9290(01)00222-6) for C3 to C7 and, for skull, C1 and C2, the
project's own (tag: proposed), after the craniofacial mid-sagittal plane and the Frankfort plane of the
orthodontic literature. What a frame is called by its id stays as it is: a pose names the ids of its two
frames, and another construction gets another id.

A contour counts by the mean of its vertices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np

from atlasplane.geometry.planar import dot
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

Points = Mapping[str, Array]
"""Landmarks of one bone by id, each of shape (..., 3), mm, all in one frame."""
_AXES = {"anterior": 0, "superior": 1, "right": 2}
_LEAST_SINE = 1e-6
"""Two directions that enclose a smaller angle make no plane: marks lie on one line."""


class NoFrame(ValueError):
    """A bone's frame that cannot be made from the marks given.

    Attributes
    ----------
    frame : str
        Id of the frame.
    missing : tuple of str
        Landmarks that are not there; empty where the fault is another.
    why : str
        The fault in words.
    """

    def __init__(self, frame: str, why: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(f"{frame}: {why}")
        self.frame, self.why, self.missing = frame, why, missing


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FrameDefinition:
    """How the frame of one bone is made.

    Attributes
    ----------
    id : str
    bone : str
        skull, c1, c2, c3 … c7.
    needs : tuple of str
        Landmarks without which it cannot be made.
    origin : str
        Where its origin lies, in words.
    kept : str
        The direction that is an axis of the frame exactly, in words; the other one is made square to it.
    build : callable
        From landmarks, each (..., 3), to the transform from the bone's frame to the frame of the landmarks;
        without any check, so that derivatives can be taken through it. Not finite where marks coincide.
    order : tuple of (id, id, axis)
        The second landmark lies further along the axis ("anterior", "superior", "right") of the finished
        frame; held against whatever of them is marked.
    """

    id: str
    bone: str
    needs: tuple[str, ...]
    origin: str
    kept: str
    build: Callable[[Points], RigidTransform]
    order: tuple[tuple[str, str, str], ...] = ()

    def missing(self, ids: Iterable[str]) -> tuple[str, ...]:
        """Landmarks that it needs and that `ids` lacks."""
        present = set(ids)
        return tuple(id_ for id_ in self.needs if id_ not in present)


def bone_frame(bone: str, points_mm: Points, id: str | None = None) -> RigidTransform:
    """Transform from a bone's frame to the frame of the points.

    Parameters
    ----------
    bone : str
        skull, c1, c2, c3 … c7.
    points_mm : mapping id -> array, shape (..., 3)
        Landmarks of the bone, others are left alone; leading axes broadcast.
    id : str, optional
        Id of the frame; default that of DEFAULT_FRAMES.

    Returns
    -------
    RigidTransform
        Rotation (..., 3, 3), columns anterior, superior, right; translation (..., 3), the origin, mm.

    Raises
    ------
    KeyError
        When the bone has no such frame.
    NoFrame
        When a landmark is missing, marks lie on one line, or left and right, front and back or top and
        bottom contradict each other.
    """
    definition = frame_definition(bone, id)
    missing = definition.missing(points_mm)
    if missing:
        raise NoFrame(definition.id, f"{', '.join(missing)} not marked", missing)
    frame = definition.build(points_mm)
    if not np.all(np.isfinite(frame.rotation)):
        raise NoFrame(definition.id, f"two of {', '.join(definition.needs)} coincide, or all lie on one line")
    faults = frame_faults(definition, frame, points_mm)
    if faults:
        raise NoFrame(definition.id, "; ".join(faults))
    return frame


def frame_definition(bone: str, id: str | None = None) -> FrameDefinition:
    """The definition of a bone's frame, that of DEFAULT_FRAMES without an id.

    Raises
    ------
    KeyError
        When there is no such frame, or it is another bone's.
    """
    definition = FRAMES[DEFAULT_FRAMES[bone] if id is None else id]
    if definition.bone != bone:
        raise KeyError(f"{definition.id} is a frame of {definition.bone}, not of {bone}")
    return definition


def frame_faults(definition: FrameDefinition, frame: RigidTransform, points_mm: Points) -> list[str]:
    """Landmarks that lie the wrong way round in a finished frame, in words; empty where all is well."""
    faults = []
    for first, second, axis in definition.order:
        if first not in points_mm or second not in points_mm:
            continue
        along = dot(points_mm[second] - points_mm[first], frame.rotation[..., _AXES[axis]])
        if not np.all(along > 0):
            faults.append(f"{second} does not lie {_FURTHER[axis]} {first}")
    return faults


_FURTHER = {"anterior": "in front of", "superior": "above", "right": "to the right of"}


def skull_frame(points_mm: Points) -> RigidTransform:
    """The frame ``skull-frankfort`` without checks; N, BA, INC_F, PO_R, PO_L, OR_R, OR_L of shape (..., 3).

    Z square to the plane N, BA, INC_F (kept), Y as near as that allows to the normal of the plane through
    both porions and the mid-point of the orbitales; origin BA.

    Raises
    ------
    KeyError
        When a landmark is missing.
    """
    orbit = (points_mm["OR_R"] + points_mm["OR_L"]) / 2
    up = np.cross(points_mm["PO_L"] - orbit, points_mm["PO_R"] - orbit)
    return _frame(right=_off_midline(points_mm), up=up, origin=points_mm["BA"])


def atlas_frame(points_mm: Points) -> RigidTransform:
    """The frame ``c1-foramina`` without checks; needs TF_R, TF_L, C1_AT, C1_PT, each (..., 3).

    Z through the transverse foramina (kept), X as near as that allows to the line C1_PT-C1_AT; origin mid-way
    between the foramina.

    Raises
    ------
    KeyError
        When a landmark is missing.
    """
    return _atlas(points_mm, ("TF",))


def _skull_by_foramen(points_mm: Points) -> RigidTransform:
    right = _off_midline(points_mm)
    up = np.cross(right, points_mm["BA"] - points_mm["OP"])
    return _frame(right=right, up=up, origin=(points_mm["BA"] + points_mm["OP"]) / 2)


def _off_midline(points_mm: Points) -> Array:
    """Direction square to the mid-sagittal plane, to the right: nasion lies above the incisive foramen."""
    n, ba, inc = (points_mm[id_] for id_ in ("N", "BA", "INC_F"))
    return np.asarray(np.cross(inc - ba, n - ba))


def _atlas(points_mm: Points, pairs: tuple[str, ...]) -> RigidTransform:
    right = sum(_unit(_across(points_mm, name)) for name in pairs)
    up = np.cross(right, points_mm["C1_AT"] - points_mm["C1_PT"])
    return _frame(right=np.asarray(right), up=up, origin=_middle(points_mm, "TF_R", "TF_L"))


def _axis(points_mm: Points, pair: str) -> RigidTransform:
    """Z through a pair (kept); Y along the dens axis as near as that allows."""
    dens = points_mm["DENS_TIP"] - _middle(points_mm, "C2_AI", "C2_PI")
    right = _across(points_mm, pair)
    forward = np.cross(dens, right)
    return _frame(right=right, up=np.cross(right, forward), origin=points_mm["OD_BASE"])


def _vertebra(points_mm: Points, name: str) -> RigidTransform:
    """Y through the centres of both endplates (kept); Z as near as that allows to the pedicles' line."""
    above, below = (_middle(points_mm, f"{name}_A{end}", f"{name}_P{end}") for end in "SI")
    up = _unit(above - below)
    forward = _unit(np.cross(up, _across(points_mm, f"{name}_PED")))
    rotation = np.stack([forward, up, np.cross(forward, up)], axis=-1)
    return RigidTransform(rotation, (above + below) / 2)


def _frame(*, right: Array, up: Array, origin: Array) -> RigidTransform:
    """Axes from the right, kept, and a direction upward that is made square to it."""
    right = _unit(right)
    up = _unit(up - dot(up, right)[..., None] * right)
    rotation = np.stack([np.cross(up, right), up, right], axis=-1)
    return RigidTransform(rotation, np.broadcast_to(origin, rotation.shape[:-1]))


def _across(points_mm: Points, name: str) -> Array:
    return points_mm[f"{name}_R"] - points_mm[f"{name}_L"]


def _middle(points_mm: Points, first: str, second: str) -> Array:
    middle: Array = (points_mm[first] + points_mm[second]) / 2
    return middle


def _unit(vector: Array) -> Array:
    """Unit vectors; not a number where the length is next to nothing."""
    length = np.sqrt(dot(vector, vector))[..., None]
    scaled: Array = vector / np.where(length > _LEAST_SINE, length, np.nan)
    return scaled


_MIDLINE = ("N", "BA", "INC_F")
_SKULL_ORDER = (
    ("PO_L", "PO_R", "right"),
    ("OR_L", "OR_R", "right"),
    ("MASTOID_L", "MASTOID_R", "right"),
    ("BA", "N", "anterior"),
    ("BA", "INC_F", "anterior"),
    ("OP", "BA", "anterior"),
    ("INC_F", "N", "superior"),
)
_ATLAS_ORDER = (
    ("TF_L", "TF_R", "right"),
    ("TP_L", "TP_R", "right"),
    ("C1_PT", "C1_AT", "anterior"),
    ("PL_R", "PLU_R", "superior"),
    ("PL_L", "PLU_L", "superior"),
    ("C1_IF_R", "C1_SF_R", "superior"),
    ("C1_IF_L", "C1_SF_L", "superior"),
)
_AXIS_ORDER = (
    ("C2_PI", "C2_AI", "anterior"),
    ("C2_SPB", "OD_BASE", "anterior"),
    ("OD_BASE", "DENS_TIP", "superior"),
)


def _isb(name: str) -> FrameDefinition:
    corners = tuple(f"{name}_{corner}" for corner in ("AS", "PS", "AI", "PI"))
    return FrameDefinition(
        id=f"{name.lower()}-isb",
        bone=name.lower(),
        needs=(*corners, f"{name}_PED_R", f"{name}_PED_L"),
        origin=f"middle of the body of {name}, half way between the centres of its endplates",
        kept="Y through the centres of the two endplates",
        build=partial(_vertebra, name=name),
        order=((f"{name}_PI", f"{name}_AI", "anterior"), (f"{name}_PS", f"{name}_AS", "anterior")),
    )


_DEFINITIONS = (
    FrameDefinition(
        id="skull-frankfort",
        bone="skull",
        needs=(*_MIDLINE, "PO_R", "PO_L", "OR_R", "OR_L"),
        origin="basion",
        kept="Z square to the plane through nasion, basion and incisive foramen",
        build=skull_frame,
        order=_SKULL_ORDER,
    ),
    FrameDefinition(
        id="skull-foramen-magnum",
        bone="skull",
        needs=(*_MIDLINE, "OP"),
        origin="centre of the foramen magnum, mid-way between basion and opisthion",
        kept="Z square to the plane through nasion, basion and incisive foramen",
        build=_skull_by_foramen,
        order=_SKULL_ORDER,
    ),
    FrameDefinition(
        id="c1-foramina",
        bone="c1",
        needs=("TF_R", "TF_L", "C1_AT", "C1_PT"),
        origin="mid-way between the transverse foramina of C1",
        kept="Z through the transverse foramina",
        build=atlas_frame,
        order=_ATLAS_ORDER,
    ),
    FrameDefinition(
        id="c1-three-pairs",
        bone="c1",
        needs=("TF_R", "TF_L", "C1_SF_R", "C1_SF_L", "C1_IF_R", "C1_IF_L", "C1_AT", "C1_PT"),
        origin="mid-way between the transverse foramina of C1",
        kept="Z, mean of the directions through foramina, upper facets and lower facets",
        build=partial(_atlas, pairs=("TF", "C1_SF", "C1_IF")),
        order=_ATLAS_ORDER,
    ),
    FrameDefinition(
        id="c2-dens",
        bone="c2",
        needs=("DENS_TIP", "C2_AI", "C2_PI", "C2_TF_R", "C2_TF_L", "OD_BASE"),
        origin="centre of the dens at its base",
        kept="Z through the transverse foramina of C2",
        build=partial(_axis, pair="C2_TF"),
        order=_AXIS_ORDER,
    ),
    FrameDefinition(
        id="c2-facets",
        bone="c2",
        needs=("DENS_TIP", "C2_AI", "C2_PI", "AXIS_R", "AXIS_L", "OD_BASE"),
        origin="centre of the dens at its base",
        kept="Z through the middles of the upper joint surfaces of C2",
        build=partial(_axis, pair="AXIS"),
        order=_AXIS_ORDER,
    ),
    *(_isb(f"C{k}") for k in range(3, 8)),
)

FRAMES: Mapping[str, FrameDefinition] = MappingProxyType({d.id: d for d in _DEFINITIONS})
"""Every frame by its id."""

DEFAULT_FRAMES: Mapping[str, str] = MappingProxyType(
    {
        "skull": "skull-frankfort",
        "c1": "c1-foramina",
        "c2": "c2-dens",
        **{f"c{k}": f"c{k}-isb" for k in range(3, 8)},
    }
)
"""The frame that a bone's poses are told in unless another is named."""

SAME_AXES: Mapping[str, tuple[str, ...]] = MappingProxyType({"c2": ("c2-dens", "c2-facets")})
"""Frames of a bone that stand for the same axes, the preferred one first.

Where its marks are missing the next takes its place, and the frame's id says so. Others, as the two of the
skull, differ in pitch and never do.
"""
