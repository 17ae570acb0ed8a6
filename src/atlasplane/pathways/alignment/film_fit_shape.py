"""The shape of skull, C1 and C2 that films are fitted with: the patient's own from a volume, else generic.

Points are told in the frame of their bone (anatomy.bone_frames). The errors of a shape are the same on all
films and all visits of a case: each stands under its own key, so that a change between visits knows what
cancels.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from types import MappingProxyType

import numpy as np

from atlasplane.anatomy.bone_frames import DEFAULT_FRAMES, FRAMES, NoFrame, bone_frame
from atlasplane.anatomy.landmarks import landmark
from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.bundle_problem import BoneShape
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_fit_settings import fit_settings
from atlasplane.pathways.alignment.head_prior import default_atlas
from atlasplane.pathways.alignment.template import population
from atlasplane.pathways.alignment.volume_midplanes import frame_turns
from atlasplane.pathways.alignment.volume_points import (
    BONES,
    VolumePoints,
    fitted_ids,
    frame_key,
    shape_key,
    volume_points,
)
from atlasplane.sources.volume import Volume

__all__ = ["BONES", "FittedShape", "case_shape", "fitted_ids", "generic_shape", "volume_shape"]

GENERIC = "generic template"


@dataclass(frozen=True, eq=False, kw_only=True)
class FittedShape:
    """A shape with where its bones stand and what its errors are called.

    Attributes
    ----------
    name : str
        "generic template", or "CT <file>".
    own : bool
        Whether the bones are the patient's own.
    ids, point_bones : tuple of str
        Points, and the bone of each.
    points_mm : array, shape (n, 3)
        Each in the frame of its bone.
    root_mm : array, shape (3 n, c)
        Factor of the covariance: errors of c standardised inputs, whatever points a visit's films show.
    joints : mapping bone -> RigidTransform
        Where C1 and C2 stand in the skull, frame to frame.
    source : tuple of str
        Files that it came from.
    turns_rad : mapping bone -> array, shape (3,)
        Turn of a bone's frame, on its own axes, that is one standard uncertainty of which frame is meant
        (`volume_midplanes.frame_turns`).
    """

    name: str
    own: bool
    ids: tuple[str, ...]
    point_bones: tuple[str, ...]
    points_mm: Array
    root_mm: Array
    joints: Mapping[str, RigidTransform]
    source: tuple[str, ...] = ()
    turns_rad: Mapping[str, Array] = field(default_factory=dict)

    def keeping(self, ids: Collection[str], bones: Collection[str]) -> FittedShape:
        """The shape of some bones' points that films show or frames need; the inputs of its errors stay."""
        return _kept(self, frozenset(ids), frozenset(bones))

    @cached_property
    def shape(self) -> BoneShape:
        """The points with their covariance, as the fit takes them."""
        return BoneShape(
            ids=self.ids,
            bones=self.point_bones,
            points_mm=self.points_mm,
            cov_mm2=self.root_mm @ self.root_mm.T,
        )

    @property
    def bone_of(self) -> dict[str, str]:
        """Bone of each point."""
        return dict(zip(self.ids, self.point_bones, strict=True))

    @property
    def bones(self) -> tuple[str, ...]:
        """Bones that it has, in the order of `BONES`."""
        return ("skull", *(bone for bone in BONES if bone in self.joints))

    def error_keys(self) -> tuple[str, ...]:
        """Names of the inputs of its errors, one a column of `root_mm`."""
        return tuple(shape_key(self.name, k) for k in range(self.root_mm.shape[1]))

    def turns_by_key(self) -> dict[str, tuple[str, Array]]:
        """Bone and turn of each choice of a frame, by the name of that input."""
        return {frame_key(self.name, bone): (bone, turn) for bone, turn in self.turns_rad.items()}


@lru_cache(maxsize=16)
def _kept(whole: FittedShape, ids: frozenset[str], bones: frozenset[str]) -> FittedShape:
    """Cached, because visits that are marked alike show the same points."""
    wanted = ids | {id_ for bone in bones for id_ in FRAMES[DEFAULT_FRAMES[bone]].needs}
    picks = [k for k, id_ in enumerate(whole.ids) if id_ in wanted]
    rows = (3 * np.array(picks)[:, None] + np.arange(3)).ravel()
    return replace(
        whole,
        ids=tuple(whole.ids[k] for k in picks),
        point_bones=tuple(whole.point_bones[k] for k in picks),
        points_mm=whole.points_mm[picks],
        root_mm=whole.root_mm[rows],
        joints={bone: pose for bone, pose in whole.joints.items() if bone in bones},
        turns_rad={bone: turn for bone, turn in whole.turns_rad.items() if bone in bones},
    )


def generic_shape() -> BoneShape:
    """The generic shape of skull, C1 and C2: mean person, spread of the phantom's population, and a ridge.

    Each person's points are told in that person's own bone frames; what persons differ in (size above all,
    the same for all bones) makes the points correlated. The ridge stands for what real bones differ in and
    the phantom's do not: each pair and each mid-line point by itself (data/film_fit.toml, tag proposed).
    """
    return generic_fitted_shape().shape


@cache
def generic_fitted_shape() -> FittedShape:
    """The generic shape with where the mean person's bones stand."""
    template = fit_settings().template
    people, mean = population(template.persons).phantom, mean_phantom()
    wanted = fitted_ids() & mean.points_mm.keys()
    ids, bones, spread, expected = [], [], [], []
    for bone in BONES:
        own = [id_ for id_, (on, _) in mean.points_mm.items() if on == bone and id_ in wanted]
        ids += own
        bones += [bone] * len(own)
        expected.append(_in_own_frame(bone, {id_: mean.points_mm[id_][1] for id_ in own}))
        spread.append(_in_own_frame(bone, {id_: people.points_mm[id_][1] for id_ in own}))
    drawn = np.concatenate(spread, axis=-2).reshape(template.persons, -1)
    off = drawn - drawn.mean(axis=0)
    cov = off.T @ off / (template.persons - 1) + _ridge(ids, bones)
    return FittedShape(
        name=GENERIC,
        own=False,
        ids=tuple(ids),
        point_bones=tuple(bones),
        points_mm=np.concatenate(expected),
        root_mm=np.linalg.cholesky(cov),
        joints=MappingProxyType(_usual_joints()),
    )


def _ridge(ids: Sequence[str], bones: Sequence[str]) -> Array:
    """Covariance of what real bones differ in, mm squared, shape (3 n, 3 n).

    A side of a pair is alike + own, its mirror image alike - own, with independent draws along every axis; so
    both sides have one variance, and their difference that of the asymmetry alone.
    """
    table = fit_settings().template
    mirror = np.array([1.0, 1.0, -1.0])
    cov = np.zeros((3 * len(ids), 3 * len(ids)))
    for k, (id_, bone) in enumerate(zip(ids, bones, strict=True)):
        sd = table.skull if bone == "skull" else table.vertebra
        alike, own = sd.alike_sd_mm**2, sd.asymmetry_sd_mm**2
        at = slice(3 * k, 3 * k + 3)
        if not landmark(id_).bilateral:
            cov[at, at] = np.diag([alike, alike, own])
            continue
        cov[at, at] = (alike + own) * np.eye(3)
        other = f"{id_[:-1]}{'L' if id_.endswith('R') else 'R'}"
        if other in ids:
            there = ids.index(other)
            cov[at, 3 * there : 3 * there + 3] = np.diag((alike - own) * mirror)
    return cov


def _in_own_frame(bone: str, points_mm: Mapping[str, Array]) -> Array:
    """Points (..., n, 3) in the anatomical frame that they make."""
    into = bone_frame(bone, points_mm).inverse()
    return np.stack([into.apply(at) for at in points_mm.values()], axis=-2)


def _usual_joints() -> dict[str, RigidTransform]:
    """Where C1 and C2 of the mean person stand in the skull; C1 in the pitch that most films show."""
    mean = mean_phantom()
    flexion, laterality, rotation = default_atlas().mean_deg
    turns = {"c1": rotation_from_zxy(-flexion, -laterality, rotation), "c2": np.eye(3)}
    points = {id_: at for id_, (_, at) in mean.points_mm.items()}
    frames = {bone: bone_frame(bone, points) for bone in BONES}
    return {
        bone: frames["skull"].inverse() @ RigidTransform(turn, mean.origins_mm[bone]) @ frames[bone]
        for bone, turn in turns.items()
    }


def case_shape(volumes: Sequence[Volume]) -> tuple[FittedShape, tuple[Finding, ...]]:
    """The shape of a case: of its first volume that shows skull and C1, else the generic one, and why."""
    findings: list[Finding] = []
    for volume in volumes:
        if not volume.readings:
            continue
        made, missing = volume_shape(volume)
        findings += missing
        if made is not None:
            return made, tuple(findings)
    return generic_fitted_shape(), tuple(findings)


def volume_shape(volume: Volume) -> tuple[FittedShape | None, list[Finding]]:
    """The bones of a marked volume, each in its own frame; None without frames of skull and C1.

    Their covariance is that of the volume's combined points (`volume_points`): the same errors, under the
    same keys, as those of what is measured on the volume itself.

    Raises
    ------
    BadInput
        When a mesh that the case names cannot be read.
    """
    points = volume_points(volume)
    frames: dict[str, RigidTransform] = {}
    findings = []
    for bone in BONES:
        own = {
            id_: at for id_, at in zip(points.ids, points.at_mm, strict=True) if landmark(id_).bone == bone
        }
        try:
            frames[bone] = bone_frame(bone, own)
        except NoFrame as fault:
            findings.append(_no_frame(volume, bone, fault))
    if not {"skull", "c1"} <= frames.keys():
        return None, [found for found in findings if "generic" in found.text]
    return _framed(volume, points, frames), findings


def _framed(volume: Volume, points: VolumePoints, frames: Mapping[str, RigidTransform]) -> FittedShape:
    """The points of bones with a frame; an input of their errors is a coordinate of any point."""
    picks = [k for k, id_ in enumerate(points.ids) if landmark(id_).bone in frames]
    ids = tuple(points.ids[k] for k in picks)
    bones = tuple(landmark(id_).bone for id_ in ids)
    root = np.zeros((len(picks), 3, len(points.ids), 3))
    for row, (k, bone) in enumerate(zip(picks, bones, strict=True)):
        root[row, :, k] = frames[bone].rotation.T @ points.root_mm[k]
    at = [frames[bone].inverse().apply(points.at_mm[k]) for k, bone in zip(picks, bones, strict=True)]
    joints = {bone: frames["skull"].inverse() @ frames[bone] for bone in frames if bone != "skull"}
    turns = {bone: turn for bone, turn in frame_turns(volume).items() if bone in frames}
    return FittedShape(
        name=points.name,
        own=True,
        ids=ids,
        point_bones=bones,
        points_mm=np.stack(at),
        root_mm=root.reshape(3 * len(picks), -1),
        joints=MappingProxyType(joints),
        source=(volume.file,),
        turns_rad=turns,
    )


def _no_frame(volume: Volume, bone: str, fault: NoFrame) -> Finding:
    names = {"skull": "the skull", "c1": "C1", "c2": "C2"}
    mark = f"Mark {', '.join(fault.missing)} on it." if fault.missing else "Check these marks."
    what = "the generic template stands in" if bone != "c2" else "the films give nothing of C2"
    return Finding(
        code="pose.no_frame",
        severity=Severity.INFO,
        file=volume.file,
        text=f"The shape of {names[bone]} is not taken from this volume ({fault.why}): {what}. {mark}",
    )
