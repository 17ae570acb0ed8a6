"""A marked CT or CBCT as measurements and poses: the patient's own values, without projection.

Their u is that of placing the landmarks, of the spread between observers where there are several and, for
poses, of the frame where the surface of a bone asks for another than its landmarks. What the films add for
head position and enlargement does not exist here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atlasplane.core.errors import BadLandmarks
from atlasplane.core.finding import Finding
from atlasplane.core.key import ObservationKey
from atlasplane.core.observation import Measurement, Pose, Site
from atlasplane.core.quantity import Quantity, quantity
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marks import Construction, Marks
from atlasplane.pathways.alignment.observers import Combined, combine_readings
from atlasplane.pathways.alignment.volume_lines import (
    MIDLINE,
    NEEDS_MIDLINE,
    VOLUME,
    VolumeLines,
    carried_over,
    volume_contradictions,
)
from atlasplane.pathways.alignment.volume_marks import MarkedVolume, marked_volume
from atlasplane.pathways.alignment.volume_marks import default_placing as default_placing
from atlasplane.pathways.alignment.volume_midplanes import U_OF_BOUND, FrameCheck, frame_checks
from atlasplane.pathways.alignment.volume_points import (
    effects_of_points,
    frame_key,
    volume_name,
    volume_points,
)
from atlasplane.pathways.alignment.volume_poses import (
    BONES_OF,
    POSES,
    TURNED_WITH,
    PosedPair,
    VolumeBones,
    bone_constructions,
    frames_named,
    frames_of,
    helical_words,
    is_part_of_a_pose,
    makes,
    not_framed,
    origin_named,
    pose_of_parts,
    used_marks,
    without_lower_line,
)
from atlasplane.sources.volume import Volume
from atlasplane.uncertainty.first_order import covariance, effective_dof, jacobian

_STEP_OF_U = 0.25
"""Half-distance of the numerical derivative, in standard uncertainties of the input."""
_LEAST_SHARE = 1e-3
"""Mid-line points whose spread along the second axis is a smaller share of the first lie on one line."""
_USED = frozenset(id_ for c in VOLUME for id_ in c.needs) | frozenset(MIDLINE) | used_marks()


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Marks of a volume as lines and as bones."""

    lines: VolumeLines
    bones: VolumeBones


_Table = Mapping[str, Construction[_Seen]]
_LINES: _Table = {c.key: carried_over(c, lambda seen: seen.lines) for c in VOLUME}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _ReadVolume:
    """One reading of a volume; `frames` are those that its own marks make.

    `sensitivity`, shape (q, n), is the change of the values by the marks' coordinates.
    """

    marked: Any  # observers.Read asks for a MarkedFilm; only its reading and dof are used
    keys: tuple[str, ...]
    values: Array
    placing_cov: Array
    sensitivity: Array
    table: _Table
    frames: Mapping[str, str]

    @property
    def bones(self) -> VolumeBones:
        """The bones as they are marked."""
        return VolumeBones(self.marked.marks(self.marked.values), self.frames)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VolumeAnalysis:
    """What a volume says.

    Attributes
    ----------
    measurements : tuple of Measurement
    cov : array, shape (n, n)
        Their joint covariance, in this order.
    shared : mapping key -> array, shape (n,)
        Effect of one standard uncertainty of inputs, contained in `cov`, that films fitted with the volume's
        bones share.
    pose_shared : mapping key of a pose -> mapping key of an input -> array, shape (6,)
        The same of the poses (rad, mm).
    poses : tuple of Pose
        Bones in each other's frames; their errors are those of the angles among the measurements.
    findings : tuple of Finding
        Frames that cannot be made, or that two ways to make them do not agree on.
    """

    measurements: tuple[Measurement, ...]
    cov: Array
    shared: Mapping[str, Array] = field(default_factory=dict)
    pose_shared: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    poses: tuple[Pose, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def own_cov(self) -> Array:
        """What nothing outside the volume shares, shape (n, n); not negative by rounding."""
        shared = sum((np.outer(effect, effect) for effect in self.shared.values()), np.zeros_like(self.cov))
        variance, axes = np.linalg.eigh(self.cov - shared)
        own: Array = (axes * np.maximum(variance, 0.0)) @ axes.T
        return own


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Whole:
    """All readings of a volume, combined, with what its observations are told with.

    `chosen` holds the effect on every key of one standard uncertainty of the choice of a bone's frame,
    `shared` that of every input that others share, the choice of frames among them.
    """

    volume: Volume
    visit: str
    reads: Sequence[_ReadVolume]
    combined: Combined
    frames: Mapping[str, str]
    checks: Mapping[str, FrameCheck]
    chosen: Mapping[str, Array]
    shared: Mapping[str, Array]

    @property
    def cov(self) -> Array:
        """Covariance of every key, shape (q, q)."""
        cov: Array = self.combined.cov + np.diag(self.combined.between**2)
        for effect in self.chosen.values():
            cov = cov + np.outer(effect, effect)
        return cov

    def u_of_frame(self, k: int) -> float:
        """What the choice of frames adds to u of one key."""
        return math.sqrt(sum(float(effect[k]) ** 2 for effect in self.chosen.values()))


def measure_volume(volume: Volume, visit: str) -> tuple[Measurement, ...]:
    """Every quantity that the landmarks of a volume allow; none without a reading."""
    return analyse_volume(volume, visit).measurements


def analyse_volume(volume: Volume, visit: str) -> VolumeAnalysis:
    """Every quantity and pose that the landmarks of a volume allow, with the joint covariance.

    Parameters
    ----------
    volume : Volume
        With its readings in LPS mm, and surfaces of its bones where it has them.
    visit : str
        Id of the visit that the volume belongs to.

    Raises
    ------
    BadLandmarks
        When marks contradict the volume's axes or are geometrically impossible.
    BadInput
        When a mesh that the case names cannot be read.
    """
    marked = [marked_volume(volume, reading, _USED) for reading in volume.readings]
    for one in marked:
        _refuse_contradictions(one)
    frames, reasons = frames_of([one.marks(one.values) for one in marked])
    findings = not_framed(volume.file, reasons)
    reads = [read for one in marked if (read := _read(one, frames)).keys]
    if not reads:
        return VolumeAnalysis(measurements=(), cov=np.zeros((0, 0)), findings=tuple(findings))
    combined = combine_readings(reads)
    checks, said = frame_checks(volume, [read.bones for read in reads])
    chosen = _effects_of_frames(reads, checks, combined.keys)
    by_frame = {frame_key(volume_name(volume), bone): effect for bone, effect in chosen.items()}
    whole = _Whole(
        volume=volume,
        visit=visit,
        reads=reads,
        combined=combined,
        frames=frames,
        checks=checks,
        chosen=chosen,
        shared={**effects_of_points(volume_points(volume), reads, combined.keys), **by_frame},
    )
    told = [k for k, key in enumerate(combined.keys) if not is_part_of_a_pose(key)]
    findings += [*said, *without_lower_line(volume.file, combined.keys, reads[0].marked.reading)]
    posed = [_pose(whole, pair) for pair in POSES if pair.parts[0] in combined.keys]
    return VolumeAnalysis(
        measurements=tuple(_measurement(whole, k) for k in told),
        cov=whole.cov[np.ix_(told, told)],
        shared={key: effect[told] for key, effect in whole.shared.items() if np.any(effect[told])},
        pose_shared={pose.key: shared for pose, shared in posed},
        poses=tuple(pose for pose, _ in posed),
        findings=tuple(findings),
    )


def _refuse_contradictions(marked: MarkedVolume) -> None:
    faults = volume_contradictions(marked.marks(marked.values))
    if faults:
        raise BadLandmarks(
            marked.file,
            f"landmarks and the axes of the volume disagree: {'; '.join(faults)}",
            "Check the _R and _L of the marks, and that their space is lps_mm.",
        )


def _read(marked: MarkedVolume, frames: Mapping[str, str]) -> _ReadVolume:
    marks = marked.marks(marked.values)
    own = {bone: id_ for bone, id_ in frames.items() if makes(marks, id_)}
    table = dict(_LINES)
    table.update((c.key, carried_over(c, lambda seen: seen.bones)) for c in bone_constructions(own))
    keys = _readable(VolumeLines(marks), table)
    if not keys:
        none = np.zeros(0)
        cov = np.zeros((0, 0))
        return _ReadVolume(
            marked=marked, keys=(), values=none, placing_cov=cov, sensitivity=cov, table=table, frames=own
        )

    def values(inputs: Array) -> Array:
        seen = _seen(marked.marks(inputs), own)
        return np.stack([table[key].value(seen) for key in keys], axis=-1)

    def carried(inputs: Array) -> Array:
        seen = _seen(marked.marks(inputs), own)
        return np.stack([table[key].carried(seen) for key in keys], axis=-1)

    found = values(marked.values)
    _refuse_impossible(marked, keys, found)
    sensitivity = jacobian(carried, marked.values, _STEP_OF_U * np.sqrt(np.diag(marked.cov)))
    cov = covariance(sensitivity, marked.cov)
    return _ReadVolume(
        marked=marked,
        keys=keys,
        values=found,
        placing_cov=cov,
        sensitivity=sensitivity,
        table=table,
        frames=own,
    )


def _refuse_impossible(marked: MarkedVolume, keys: Sequence[str], found: Array) -> None:
    if not np.all(np.isfinite(found)):
        bad = ", ".join(key for key, value in zip(keys, found, strict=True) if not np.isfinite(value))
        raise BadLandmarks(
            marked.file,
            f"impossible geometry in reading '{marked.reading.id}': {bad}",
            "Check that no two marks coincide.",
        )


def _seen(marks: Marks, frames: Mapping[str, str], turns_rad: Mapping[str, Array] | None = None) -> _Seen:
    return _Seen(VolumeLines(marks), VolumeBones(marks, frames, turns_rad or {}))


def _readable(lines: VolumeLines, table: _Table) -> tuple[str, ...]:
    """Keys whose marks are there; those on the mid-sagittal plane only where three points carry it."""
    has_plane = len(lines.midline) >= 3
    if has_plane:
        spread = lines.midline_spread_mm
        has_plane = bool(spread[1] > _LEAST_SHARE * spread[0])
    return tuple(
        key
        for key, c in table.items()
        if lines.marks.has(c.needs) and (has_plane or key not in NEEDS_MIDLINE)
    )


def _effects_of_frames(
    reads: Sequence[_ReadVolume], checks: Mapping[str, FrameCheck], keys: tuple[str, ...]
) -> dict[str, Array]:
    """Effect of one standard uncertainty of a bone's frame on each key, for bones whose two ways differ.

    The values stand with the landmarks; what the other way would make of them is the end of an interval.
    """
    effects = {}
    for bone, check in checks.items():
        if not check.agrees:
            changes = [_changes(read, check, keys) for read in reads if bone in read.frames]
            effects[bone] = U_OF_BOUND * np.mean(changes, axis=0)
    return effects


def _changes(read: _ReadVolume, check: FrameCheck, keys: tuple[str, ...]) -> Array:
    """What the mid-plane of the surface makes of the values of one reading, by key; 0 where it has none."""
    marks = read.marked.marks(read.marked.values)
    turn = check.turn_rad(read.bones.placed[check.bone].rotation[:, 2])
    seen = _seen(marks, read.frames, {check.bone: turn})
    before = dict(zip(read.keys, read.values, strict=True))

    def change(key: str) -> float:
        if key in TURNED_WITH and {"c1", "c2"} <= set(read.frames):
            return float(TURNED_WITH[key](seen.bones) - TURNED_WITH[key](read.bones))
        return float(read.table[key].value(seen)) - before[key] if key in before else 0.0

    return np.array([change(key) for key in keys])


def _measurement(whole: _Whole, k: int) -> Measurement:
    combined = whole.combined
    key = ObservationKey.parse(combined.keys[k])
    entry = quantity(key.quantity)
    parts = {
        "landmarks": math.sqrt(combined.cov[k, k]),
        "observers": float(combined.between[k]),
        "frame": whole.u_of_frame(k),
    }
    u = math.sqrt(sum(part**2 for part in parts.values()))
    return Measurement(
        **_said(whole, entry, BONES_OF.get(entry.id, ())),
        site=Site(level=key.level, side=key.side) if key.level or key.side else None,
        value=float(combined.values[k]),
        u=u,
        dof=effective_dof(u, (parts["landmarks"],), (combined.dof,)),
        budget={name: part for name, part in parts.items() if part or name == "landmarks"},
    )


def _pose(whole: _Whole, pair: PosedPair) -> tuple[Pose, dict[str, Array]]:
    """A pose, and the effect on it of inputs that others share."""
    key = ObservationKey.parse(pair.key)
    at = [whole.combined.keys.index(part) for part in pair.parts]
    pose, back = pose_of_parts(whole.combined.values[at])
    cov6 = back @ whole.cov[np.ix_(at, at)] @ back.T
    said = _said(whole, quantity(key.quantity), (pair.moving, pair.reference))
    said["provenance"] |= {"helical axis": helical_words(pose)}
    observed = Pose(
        **said,
        site=Site(level=key.level) if key.level else None,
        from_frame=pair.moving,
        to_frame=pair.reference,
        origin=origin_named(whole.frames, pair),
        rotation=pose.rotation,
        translation_mm=pose.translation_mm,
        cov6=(cov6 + cov6.T) / 2,
    )
    shared = {name: back @ effect[at] for name, effect in whole.shared.items() if np.any(effect[at])}
    return observed, shared


def _said(whole: _Whole, entry: Quantity, bones: Sequence[str]) -> dict[str, Any]:
    """What every observation of a volume says of itself; `bones` are those whose frames it hangs on."""
    readings = [read.marked.reading for read in whole.reads]
    defaults = any(read.marked.has_defaults for read in whole.reads)
    provenance = {
        "readings": ", ".join(reading.id for reading in readings),
        "tools": ", ".join(sorted({reading.tool for reading in readings})),
        "placing": "catalogue default" if defaults else "covariances of the reading",
    }
    if bones:
        provenance["frames"] = frames_named(whole.frames, bones)
    checked = [whole.checks[bone].words for bone in bones if bone in whole.checks]
    if checked:
        provenance["surfaces"] = "; ".join(checked)
    return {
        "quantity": entry,
        "visit": whole.visit,
        "condition": whole.volume.modality,
        "method": entry.method if bones else f"{entry.id}-volume/1",
        "tag": entry.tag,
        "source": (whole.volume.file,),
        "observer": tuple(sorted({reading.observer for reading in readings})),
        "provenance": provenance,
        "quality": (entry.tag,) if entry.tag in ("proposed", "unverified") else ("ok",),
    }
