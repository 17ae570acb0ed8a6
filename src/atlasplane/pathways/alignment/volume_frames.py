"""Anatomical frames of a scan's skull, C1 and C2, each with the errors that its landmarks give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atlasplane.anatomy.bone_frames import DEFAULT_FRAMES, FRAMES, NoFrame, bone_frame
from atlasplane.anatomy.landmarks import landmark
from atlasplane.core.finding import Finding
from atlasplane.geometry.se3 import difference
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.volume_midplanes import frame_turns
from atlasplane.pathways.alignment.volume_points import (
    BONES,
    VolumePoints,
    frame_key,
    shape_key,
    volume_points,
)
from atlasplane.pathways.alignment.volume_poses import not_framed
from atlasplane.sources.volume import Volume

_STEP_OF_U = 0.25
"""Half-distance of the numerical derivative of a frame, in standard uncertainties of a coordinate."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VolumeFrames:
    """Anatomical frames of a volume's bones with the errors that its landmarks give them.

    Attributes
    ----------
    placed : mapping bone -> RigidTransform
        Frame of the bone -> volume (ISB axes, mm).
    by_input : mapping bone -> mapping key of an input -> array, shape (6,)
        Change of the frame (`geometry.se3`, volume axes) by one standard uncertainty of an input: a
        coordinate of a landmark, or which of two frames is meant.
    turn_keys : frozenset of str
        Those keys that stand for the choice of a frame.
    """

    placed: Mapping[str, RigidTransform]
    by_input: Mapping[str, Mapping[str, Array]]
    turn_keys: frozenset[str]


def volume_frames(volume: Volume) -> tuple[VolumeFrames, tuple[Finding, ...]]:
    """The frames of skull, C1 and C2 that a volume's landmarks make, and what it lacks for others.

    Raises
    ------
    BadInput
        When a mesh that the case names cannot be read.
    """
    points, turns = volume_points(volume), frame_turns(volume)
    placed: dict[str, RigidTransform] = {}
    by_input: dict[str, dict[str, Array]] = {}
    lacking: dict[str, NoFrame] = {}
    for bone in BONES:
        own = {id_: k for k, id_ in enumerate(points.ids) if landmark(id_).bone == bone}
        try:
            placed[bone] = bone_frame(bone, {id_: points.at_mm[k] for id_, k in own.items()})
        except NoFrame as fault:
            lacking[bone] = fault
            continue
        by_input[bone] = _by_points(bone, points, own)
        if bone in turns:
            turned = np.concatenate([placed[bone].rotation @ turns[bone], np.zeros(3)])
            by_input[bone][frame_key(points.name, bone)] = turned
    keys = frozenset(frame_key(points.name, bone) for bone in turns)
    found = VolumeFrames(placed=placed, by_input=by_input, turn_keys=keys)
    return found, tuple(not_framed(volume.file, lacking)) if lacking else ()


def _by_points(bone: str, points: VolumePoints, own: Mapping[str, int]) -> dict[str, Array]:
    """Change of a bone's frame by each standardised coordinate of the landmarks that it is made of."""
    definition = FRAMES[DEFAULT_FRAMES[bone]]
    needs = [id_ for id_ in definition.needs if id_ in own]
    count = 3 * len(needs)
    moved = {id_: np.broadcast_to(points.at_mm[k], (2, count, 3)).copy() for id_, k in own.items()}
    for row, id_ in enumerate(needs):
        for column in range(3):
            step = _STEP_OF_U * points.root_mm[own[id_]][:, column]
            moved[id_][0, 3 * row + column] -= step
            moved[id_][1, 3 * row + column] += step
    made = definition.build(moved)
    low, high = (RigidTransform(made.rotation[k], made.translation_mm[k]) for k in (0, 1))
    change = difference(low, high) / (2 * _STEP_OF_U)
    return {
        shape_key(points.name, 3 * own[id_] + column): change[3 * row + column]
        for row, id_ in enumerate(needs)
        for column in range(3)
    }
