"""What separates a film from the patient: head position, beam and projection, propagated through the camera.

A few thousand template persons (anatomy.phantom) are placed in the film's own camera with head positions drawn from the prior
that the film's own checks have tightened, and with the pose of C1 that the visit's films show. Each gives the difference
film minus patient of every quantity at once; its mean and covariance are the projection term of u. The template's shape is
varied between persons because sign and size of the effect are patient-specific: nothing is ever corrected with a constant.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

import numpy as np

from atlasplane.anatomy.phantom import BONES, Phantom, Posture, mean_phantom, phantom_population, posture
from atlasplane.anatomy.views import film_camera
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.quadric import Ellipse, outline
from atlasplane.geometry.rotation import rotation_from_zxy, zxy_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.checks import YAW_PAIRS
from atlasplane.pathways.alignment.film_analysis import VIEWS, FilmAnalysis
from atlasplane.pathways.alignment.lateral import LateralLines
from atlasplane.pathways.alignment.marks import Marks
from atlasplane.pathways.alignment.nasium import NasiumLines
from atlasplane.pathways.alignment.vertex import VertexLines
from atlasplane.sources.film import Detector, Technique, View

TEMPLATE_PERSONS = 2048
"""Relative standard error of the term: 1 / sqrt(2 n) = 1.6 %."""
CONFLICT_K = 3.0
"""Joint standard deviations beyond which a check overrules the prior: rare enough (0.3 %) not to widen ordinary films."""
_TEMPLATE_SEED = 20_260_302
"""Fixed, so that one film always gives the same u; the draws stand for a population and not for a patient."""
POSTURE_KEYS = ("head_tilt", "cervical_lean", "c7_offset")
"""Their patient's own value keeps the true head position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPrior:
    """Standard deviations of the head's mis-position and of the tube angle, degrees."""

    yaw_sd_deg: float
    pitch_sd_deg: float
    roll_sd_deg: float
    tube_sd_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class AtlasEstimate:
    """What the visit's films say of C1 in the skull: (flexion, laterality, rotation), deg, each with its uncertainty."""

    mean_deg: Array
    u_deg: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadCheck:
    """A head angle as the film itself tells it, degrees; None u where the film cannot tell."""

    name: str
    value_deg: float
    u_deg: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ProjectionTerm:
    """Film minus patient, for the quantities in `keys`.

    Attributes
    ----------
    keys : tuple of str
    bias : array, shape (q,)
        Mean difference, left uncorrected.
    cov : array, shape (q, q)
        Covariance of the difference beyond placing; its diagonal may be slightly negative where the checks also tell of placing.
    tube : array, shape (q,)
        Effect of one standard uncertainty of the tube angle.
    checks : tuple of HeadCheck
        Yaw and roll as the film tells them.
    """

    keys: tuple[str, ...]
    bias: Array
    cov: Array
    tube: Array
    checks: tuple[HeadCheck, ...]


@cache
def _table() -> Mapping[str, object]:
    text = files("atlasplane.pathways.alignment").joinpath("data/head_position.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def head_prior() -> HeadPrior:
    """The default prior of the head's mis-position (data/head_position.toml)."""
    names = ("yaw_sd_deg", "pitch_sd_deg", "roll_sd_deg", "tube_sd_deg")
    return HeadPrior(**{name: float(str(_table()[name])) for name in names})


def default_atlas() -> AtlasEstimate:
    """C1 in the skull where no film tells (data/head_position.toml)."""
    table = _table()["atlas"]
    assert isinstance(table, dict)
    pairs = np.array([table[name] for name in ("flexion", "laterality", "rotation")], dtype=float)
    return AtlasEstimate(pairs[:, 0], pairs[:, 1])


@dataclass(frozen=True, slots=True, eq=False)
class _Population:
    """Template persons with standard normal draws of everything that turns."""

    phantom: Phantom
    head: Array
    atlas: Array
    axis_deg: Array
    trunk_deg: Array

    def atlas_deg(self, atlas: AtlasEstimate) -> Array:
        """Poses of C1 around the visit's estimate, shape (persons, 3)."""
        return atlas.mean_deg + self.atlas * atlas.u_deg


@cache
def _population(count: int) -> _Population:
    rng = np.random.default_rng(_TEMPLATE_SEED)
    table = _table()["neighbours"]
    assert isinstance(table, dict)
    normal = rng.standard_normal((4, count, 3))
    axis_deg, trunk_deg = normal[2] * table["axis_sd"], normal[3] * table["trunk_sd"]
    phantom = phantom_population(count, rng) if count > 1 else mean_phantom(count)
    return _Population(phantom, normal[0], normal[1], axis_deg, trunk_deg)


def projection_term(
    analysis: FilmAnalysis, technique: Technique, atlas: AtlasEstimate, prior: HeadPrior
) -> ProjectionTerm:
    """The projection term of one film whose geometry is known.

    Parameters
    ----------
    analysis : FilmAnalysis
    technique : Technique
    atlas : AtlasEstimate
    prior : HeadPrior
    """
    keys = tuple(key for key in analysis.keys if not key.startswith("check."))
    asked = tuple(key for key in (*YAW_PAIRS, "check.roll") if key in analysis.keys)
    scene = _Scene(analysis.film.view, technique, _shift(analysis, technique, atlas))
    people = _population(TEMPLATE_PERSONS)
    sd = np.array([prior.yaw_sd_deg, prior.pitch_sd_deg, prior.roll_sd_deg])

    def crowd(spread_deg: Array) -> _Template:
        return _Template(people, scene, people.atlas_deg(atlas), spread_deg * people.head)

    seen = _Seen.on(analysis, asked)
    template = crowd(sd)
    film = template.film_values((*keys, *asked))
    checks = _head_checks(template.head_deg, film[:, len(keys) :], seen)
    wider = _without_conflicts(sd, checks)
    if np.any(wider != sd):
        template = crowd(wider)
        film = template.film_values((*keys, *asked))
    difference = film[:, : len(keys)] - template.patient_values(keys)
    bias, cov = _given_checks(difference, film[:, len(keys) :], seen, analysis, keys)
    off = replace(template, scene=replace(scene, tube_offset_deg=prior.tube_sd_deg)).film_values(keys)
    return ProjectionTerm(
        keys=keys, bias=bias, cov=cov, tube=(off - film[:, : len(keys)]).mean(axis=0), checks=checks
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Scene:
    """One film's geometry, with the atlas shown off the central ray by `shift_mm` (object mm along the film's axes)."""

    view: View
    technique: Technique
    shift_mm: Array
    tube_offset_deg: float = 0.0

    def camera(self) -> PinholeCamera:
        """The film's camera, detector mm along the film's axes."""
        upright = self.technique.detector is Detector.UPRIGHT
        tube_deg = self.technique.tube_deg + self.tube_offset_deg
        return _camera(self.view, self.technique, tube_deg=tube_deg, upright=upright, shift_mm=self.shift_mm)

    def ideal_camera(self) -> PinholeCamera:
        """Along the level atlas plane (vertex: across it), perpendicular, the atlas on the central ray."""
        return _camera(self.view, self.technique, tube_deg=0.0, upright=False, shift_mm=np.zeros(2))


@dataclass(frozen=True, slots=True, eq=False)
class _Template:
    """Template persons in one film's scene; film coordinates in object millimetres."""

    people: _Population
    scene: _Scene
    atlas_deg: Array
    head_deg: Array

    def film_values(self, keys: Sequence[str]) -> Array:
        """Quantities and checks of the film, shape (persons, q)."""
        return self._values(self._posture(self.head_deg), self.scene.camera(), keys)

    def patient_values(self, keys: Sequence[str]) -> Array:
        """The patients' own values, shape (persons, q): the ideal film, or the pose itself where it has a name."""
        exact = {
            "atlas_laterality": self.atlas_deg[:, 1],
            "atlas_rotation": self.atlas_deg[:, 2],
            "atlas_plane_sagittal": -self.atlas_deg[:, 0],
            "head_tilt": self.head_deg[:, 2],
        }
        as_it_stood = [key for key in keys if key in POSTURE_KEYS and key not in exact]
        straight = [key for key in keys if key not in exact and key not in as_it_stood]
        columns = dict(exact)
        for group, head_deg in ((straight, np.zeros_like(self.head_deg)), (as_it_stood, self.head_deg)):
            if group:
                columns |= dict(zip(group, self._ideal_values(head_deg, group).T, strict=True))
        return np.stack([columns[key] for key in keys], axis=-1)

    def _posture(self, head_deg: Array) -> Posture:
        return posture(
            self.people.phantom,
            head_deg=head_deg,
            atlas_deg=self.atlas_deg,
            axis_deg=self.people.axis_deg,
            trunk_deg=self.people.trunk_deg,
        )

    def _ideal_values(self, head_deg: Array, keys: Sequence[str]) -> Array:
        pose = self._posture(head_deg)
        if self.scene.view is not View.LATERAL:
            pitch, _, _ = zxy_from_rotation(pose.room_from("c1").rotation)
            flat = np.zeros_like(pitch)
            level = RigidTransform(rotation_from_zxy(-pitch, flat, flat), np.zeros(3))
            pose = replace(pose, head=level @ pose.head)
        return self._values(pose, self.scene.ideal_camera(), keys)

    def _values(self, pose: Posture, camera: PinholeCamera, keys: Sequence[str]) -> Array:
        analysis = VIEWS[self.scene.view]
        table = {c.key: c for c in (*analysis.constructions, *analysis.checks)}
        needed = {id_ for key in keys for id_ in table[key].needs}
        marks = _projected(self.people.phantom, pose, camera, needed, 1 / self.scene.technique.magnification)
        lines: LateralLines | NasiumLines | VertexLines
        if self.scene.view is View.NASIUM:
            vault = outline(self.people.phantom.vault.moved(pose.room_from("skull")), camera.matrix(pixels=False))
            lines = NasiumLines(marks, _OutlineAxis(vault, 1 / self.scene.technique.magnification))
        elif self.scene.view is View.LATERAL:
            lines = LateralLines(marks)
        else:
            lines = VertexLines(marks)
        return np.stack([table[key].value(lines) for key in keys], axis=-1)


def _projected(phantom: Phantom, pose: Posture, camera: PinholeCamera, needed: Collection[str], scale: float) -> Marks:
    """Needed points and arcs of all persons on the film, bone by bone in one sweep."""
    points: dict[str, Array] = {}
    contours: dict[str, Array] = {}
    for bone in BONES:
        ids = [id_ for id_, (on, _) in phantom.points_mm.items() if on == bone and id_ in needed]
        arcs = [id_ for id_, (on, _) in phantom.arcs_mm.items() if on == bone and id_ in needed]
        if not ids and not arcs:
            continue
        stacked = [phantom.points_mm[id_][1][:, None, :] for id_ in ids] + [phantom.arcs_mm[id_][1] for id_ in arcs]
        room = pose.room_from(bone)
        moved = np.concatenate(stacked, axis=1) @ np.swapaxes(room.rotation, -1, -2) + room.translation_mm[:, None, :]
        shown = camera.project_mm(moved) * scale
        points |= {id_: shown[:, k] for k, id_ in enumerate(ids)}
        start = len(ids)
        for id_ in arcs:
            stop = start + phantom.arcs_mm[id_][1].shape[-2]
            contours[id_] = shown[:, start:stop]
            start = stop
    return Marks(points, contours)


@dataclass(frozen=True, slots=True, eq=False)
class _OutlineAxis:
    """Central skull line of an ellipsoidal vault: the long axis of its outline is the fixed point of geometry.midline."""

    vault: Ellipse
    scale: float

    @property
    def point(self) -> Array:
        return self.vault.centre_mm * self.scale

    @property
    def lean_deg(self) -> Array:
        return self.vault.long_axis_lean_deg()

    @property
    def direction(self) -> Array:
        lean = np.radians(self.lean_deg)
        return np.stack([np.sin(lean), np.cos(lean)], axis=-1)


def _camera(view: View, technique: Technique, *, tube_deg: float, upright: bool, shift_mm: Array) -> PinholeCamera:
    """Camera in film axes (detector mm), with the atlas shifted off the central ray by object mm."""
    base = film_camera(
        view.value,
        sid_mm=technique.sid_mm,
        sod_mm=technique.sod_mm,
        tube_deg=tube_deg,
        upright=upright,
        target_mm=np.zeros(3),
        first_px=np.array([1.0, 0.0]),
        second_px=np.array([0.0, 1.0]),
        pitch_mm=np.ones(2),
        principal_px=np.zeros(2),
    )
    offset = shift_mm[0] * base.column_axis + shift_mm[1] * base.row_axis
    return PinholeCamera(
        source_mm=base.source_mm - offset,
        centre_mm=base.centre_mm - offset,
        column_axis=base.column_axis,
        row_axis=base.row_axis,
        pitch_mm=base.pitch_mm,
        principal_px=base.principal_px,
    )


def _shift(analysis: FilmAnalysis, technique: Technique, atlas: AtlasEstimate) -> Array:
    """How far the film shows C1 off the central ray, object mm along the film's axes; from all points that the phantom has."""
    if not analysis.film.calibration.kind.has_object_scale:
        return np.zeros(2)
    marked = analysis.first.marked
    principal = technique.principal_px or tuple((np.array(analysis.film.shape[::-1]) - 1) / 2)
    seen = marked.marks(marked.values).points
    people = _population(1)
    pose = posture(people.phantom, head_deg=np.zeros((1, 3)), atlas_deg=atlas.mean_deg[None])
    camera = _Scene(analysis.film.view, technique, np.zeros(2)).camera()
    shown = _projected(people.phantom, pose, camera, seen.keys(), 1 / technique.magnification).points
    if not shown:
        return np.zeros(2)
    drawn = np.mean([seen[id_] for id_ in shown], axis=0) - marked.frame.film(np.array(principal))
    return np.asarray(drawn - np.mean([at[0] for at in shown.values()], axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """The film's own checks as read, object mm and degrees.

    Attributes
    ----------
    values : array, shape (k,)
    cov : array, shape (k, k)
        Placing covariance of the checks.
    with_quantities : array, shape (q, k)
        Placing covariance of all keys of the film with the checks.
    """

    values: Array
    cov: Array
    with_quantities: Array

    @classmethod
    def on(cls, analysis: FilmAnalysis, asked: Sequence[str]) -> _Seen:
        scale = 1.0 if analysis.film.calibration.kind.has_object_scale else _unit_mm(analysis)
        size = np.array([1.0 if key == "check.roll" else scale for key in asked])
        rows = [analysis.keys.index(key) for key in asked]
        cov = analysis.placing_cov[np.ix_(rows, rows)] * np.outer(size, size)
        return cls(size * analysis.values[rows], cov, analysis.placing_cov[:, rows] * size)


def _head_checks(head_deg: Array, shown: Array, seen: _Seen) -> tuple[HeadCheck, ...]:
    """Yaw and roll as the film alone tells them: generalised least squares on slopes and noise of the template."""
    angles = head_deg[:, [0, 2]]
    design = np.column_stack([angles, np.ones(len(angles))])
    fitted, *_ = np.linalg.lstsq(design, shown, rcond=None)
    slopes = fitted[:2].T
    if np.linalg.matrix_rank(slopes) < 2:
        return ()
    noise = np.atleast_2d(np.cov(shown - design @ fitted, rowvar=False)) + seen.cov
    cov = np.linalg.inv(slopes.T @ np.linalg.solve(noise, slopes))
    told = cov @ slopes.T @ np.linalg.solve(noise, seen.values)
    return tuple(
        HeadCheck(name=name, value_deg=float(told[k]), u_deg=math.sqrt(cov[k, k])) for k, name in enumerate(("yaw", "roll"))
    )


def _without_conflicts(sd: Array, checks: Sequence[HeadCheck]) -> Array:
    """Prior SD of (yaw, pitch, roll), widened to what a check says where the prior cannot explain it.

    A conflict (beyond 3 of the joint SD) is evidence against the prior, not a reason to shrink.
    """
    wider = sd.copy()
    for k, check in zip((0, 2), checks, strict=False):
        if abs(check.value_deg) > CONFLICT_K * math.hypot(sd[k], check.u_deg):
            wider[k] = abs(check.value_deg)
    return wider


def _given_checks(
    difference: Array, shown: Array, seen: _Seen, analysis: FilmAnalysis, keys: Sequence[str]
) -> tuple[Array, Array]:
    """Mean and covariance of film minus patient, placing errors included, given the film's own checks; less the placing part.

    Linear Gaussian conditioning on the joint covariance of (error, checks) of the template persons.
    """
    mean = difference.mean(axis=0)
    rows = [analysis.keys.index(key) for key in keys]
    placing = analysis.placing_cov[np.ix_(rows, rows)]
    if not seen.values.size:
        return mean, np.atleast_2d(np.cov(difference, rowvar=False))
    joint = np.cov(np.hstack([difference, shown]), rowvar=False)
    q = len(keys)
    with_checks = joint[:q, q:] + seen.with_quantities[rows]
    gain = np.linalg.solve(joint[q:, q:] + seen.cov, with_checks.T).T
    bias = mean + gain @ (seen.values - shown.mean(axis=0))
    total = placing + joint[:q, :q] - gain @ with_checks.T
    return bias, total - placing


def _unit_mm(analysis: FilmAnalysis) -> float:
    marked = analysis.first.marked
    magnification = 1.0 if analysis.film.technique is None else analysis.film.technique.magnification
    return marked.film_mm_per_unit / magnification
