"""What separates a film from the patient: head position, beam and projection, propagated through the camera.

A few thousand template persons (anatomy.phantom) are placed in the film's own camera with head positions drawn from the prior
that the film's own checks have tightened, and with the pose of C1 that the visit's films show. Each gives the difference
film minus patient of every quantity at once; its mean and covariance are the projection term of u. The template's shape is
varied between persons because sign and size of the effect are patient-specific: nothing is ever corrected with a constant.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from atlasplane.anatomy.phantom import Phantom, Posture, phantom_population, posture
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

TEMPLATE_PERSONS = 4096
"""Relative standard error of the term: 1 / sqrt(2 n) = 1.1 %."""
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


@cache
def _population(count: int = TEMPLATE_PERSONS) -> _Population:
    rng = np.random.default_rng(_TEMPLATE_SEED)
    table = _table()["neighbours"]
    assert isinstance(table, dict)
    normal = rng.standard_normal((4, count, 3))
    axis_deg, trunk_deg = normal[2] * table["axis_sd"], normal[3] * table["trunk_sd"]
    return _Population(phantom_population(count, rng), normal[0], normal[1], axis_deg, trunk_deg)


def projection_term(analysis: FilmAnalysis, technique: Technique, atlas: AtlasEstimate, prior: HeadPrior) -> ProjectionTerm:
    """The projection term of one film whose geometry is known.

    Parameters
    ----------
    analysis : FilmAnalysis
    technique : Technique
    atlas : AtlasEstimate
    prior : HeadPrior
    """
    view = analysis.film.view
    keys = tuple(key for key in analysis.keys if not key.startswith("check."))
    people = _population()
    mean = np.zeros(3)
    sd = np.array([prior.yaw_sd_deg, prior.pitch_sd_deg, prior.roll_sd_deg])
    first_pass = _Template(people, view, technique, atlas, mean + sd * people.head, shift_mm=np.zeros(2))
    shift = _shift(analysis, first_pass)
    draft = _Template(people, view, technique, atlas, mean + sd * people.head, shift_mm=shift)
    checks, mean, cov = _tightened(analysis, draft, sd)
    head_deg = mean + people.head @ np.linalg.cholesky(cov).T
    final = _Template(people, view, technique, atlas, head_deg, shift_mm=shift)
    difference = final.film_values(keys) - final.patient_values(keys)
    off = _Template(people, view, technique, atlas, head_deg, shift_mm=shift, tube_offset_deg=prior.tube_sd_deg)
    return ProjectionTerm(
        keys=keys,
        bias=difference.mean(axis=0),
        cov=np.atleast_2d(np.cov(difference, rowvar=False)),
        tube=(off.film_values(keys) - final.film_values(keys)).mean(axis=0),
        checks=checks,
    )


class _Template:
    """Template persons in one film's camera; film coordinates in object millimetres."""

    def __init__(
        self,
        people: _Population,
        view: View,
        technique: Technique,
        atlas: AtlasEstimate,
        head_deg: Array,
        *,
        shift_mm: Array,
        tube_offset_deg: float = 0.0,
    ) -> None:
        self._people = people
        self._view = view
        self._technique = technique
        self._head_deg = head_deg
        # The lateral film shows the atlas' pitch together with the head's, so a head that was extended hides a flexed atlas.
        self._atlas_deg = atlas.mean_deg + people.atlas * atlas.u_deg
        self._shift_mm = shift_mm
        self._tube_offset_deg = tube_offset_deg

    def marks(self) -> Marks:
        """What the film shows."""
        camera = _camera(
            self._view,
            self._technique,
            tube_deg=self._technique.tube_deg + self._tube_offset_deg,
            upright=self._technique.detector is Detector.UPRIGHT,
            shift_mm=self._shift_mm,
        )
        return self._project(self._posture(self._head_deg), camera)

    def film_values(self, keys: Sequence[str]) -> Array:
        """Quantities of the film, shape (persons, q)."""
        return self._values(self.marks(), keys, self._posture(self._head_deg), self._film_matrix())

    def patient_values(self, keys: Sequence[str]) -> Array:
        """The patients' own values, shape (persons, q): the ideal film, or the pose itself where it has a name."""
        straight = self._posture(np.zeros_like(self._head_deg))
        true_position = self._posture(self._head_deg)
        ideal = self._ideal_values(straight, keys)
        upright = self._ideal_values(true_position, keys)
        exact = {
            "atlas_laterality": self._atlas_deg[:, 1],
            "atlas_rotation": self._atlas_deg[:, 2],
            "atlas_plane_sagittal": -self._atlas_deg[:, 0],
            "head_tilt": self._head_deg[:, 2],
        }
        columns = [
            exact[key] if key in exact else (upright if key in POSTURE_KEYS else ideal)[:, k] for k, key in enumerate(keys)
        ]
        return np.stack(columns, axis=-1)

    def _posture(self, head_deg: Array) -> Posture:
        people = self._people
        return posture(
            people.phantom,
            head_deg=head_deg,
            atlas_deg=self._atlas_deg,
            axis_deg=people.axis_deg,
            trunk_deg=people.trunk_deg,
        )

    def _ideal_values(self, pose: Posture, keys: Sequence[str]) -> Array:
        """Quantities on a film along the atlas plane (vertex: across it), perpendicular to the beam, centred on the atlas."""
        if self._view is not View.LATERAL:
            pitch, _, _ = zxy_from_rotation(pose.room_from("c1").rotation)
            level = RigidTransform(rotation_from_zxy(-pitch, np.zeros_like(pitch), np.zeros_like(pitch)), np.zeros(3))
            pose = Posture(head=level @ pose.head, c1=pose.c1, c2=pose.c2, trunk=pose.trunk, pivot_mm=pose.pivot_mm)
        camera = _camera(self._view, self._technique, tube_deg=0.0, upright=False, shift_mm=np.zeros(2))
        return self._values(self._project(pose, camera), keys, pose, camera.matrix(pixels=False))

    def _film_matrix(self) -> Array:
        return _camera(
            self._view,
            self._technique,
            tube_deg=self._technique.tube_deg + self._tube_offset_deg,
            upright=self._technique.detector is Detector.UPRIGHT,
            shift_mm=self._shift_mm,
        ).matrix(pixels=False)

    def _project(self, pose: Posture, camera: PinholeCamera) -> Marks:
        scale = 1 / self._technique.magnification
        phantom = self._people.phantom
        room = {bone: pose.room_from(bone) for bone in phantom.origins_mm}

        def contour(bone: str, at: Array) -> Array:
            lifted = RigidTransform(room[bone].rotation[:, None], room[bone].translation_mm[:, None])
            return camera.project_mm(lifted.apply(at)) * scale

        return Marks(
            {id_: camera.project_mm(room[bone].apply(at)) * scale for id_, (bone, at) in phantom.points_mm.items()},
            {id_: contour(bone, at) for id_, (bone, at) in phantom.arcs_mm.items()},
        )

    def _values(self, marks: Marks, keys: Sequence[str], pose: Posture, matrix: Array) -> Array:
        table = {c.key: c for c in (*VIEWS[self._view].constructions, *VIEWS[self._view].checks)}
        lines: LateralLines | NasiumLines | VertexLines
        if self._view is View.NASIUM:
            vault = outline(self._people.phantom.vault.moved(pose.room_from("skull")), matrix)
            lines = NasiumLines(marks, _OutlineAxis(vault, 1 / self._technique.magnification))
        elif self._view is View.LATERAL:
            lines = LateralLines(marks)
        else:
            lines = VertexLines(marks)
        return np.stack([table[key].value(lines) for key in keys], axis=-1)

    def check_values(self, keys: Sequence[str]) -> Array:
        """Checks of the film, shape (persons, k)."""
        return self.film_values(keys)


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


def _shift(analysis: FilmAnalysis, template: _Template) -> Array:
    """How far the film shows C1 off the central ray, object mm along the film's axes."""
    marked = analysis.first.marked
    technique = analysis.film.technique
    if technique is None or not analysis.film.calibration.kind.has_object_scale:
        return np.zeros(2)
    principal = technique.principal_px or tuple((np.array(analysis.film.shape[::-1]) - 1) / 2)
    seen = marked.marks(marked.values).points
    shown = template.marks().points
    shared = [id_ for id_ in seen if id_ in shown]
    if not shared:
        return np.zeros(2)
    drawn = np.mean([seen[id_] for id_ in shared], axis=0) - marked.frame.film(np.array(principal))
    expected = np.mean([shown[id_].mean(axis=0) for id_ in shared], axis=0)
    return np.asarray(drawn - expected)


def _tightened(analysis: FilmAnalysis, draft: _Template, sd: Array) -> tuple[tuple[HeadCheck, ...], Array, Array]:
    """The film's own checks, and mean and covariance of (yaw, pitch, roll) that they leave of the prior.

    Linear Gaussian update: check = J (yaw, roll) + noise, with J and the between-person noise regressed on the template. A yaw
    or roll that the prior cannot explain (beyond 1.96 of their joint SD) is taken from the checks alone.
    """
    names = [*YAW_PAIRS, "check.roll"]
    keys = [key for key in names if key in analysis.keys]
    prior = np.diag(sd**2)
    if not keys:
        return (), np.zeros(3), prior
    scale = 1.0 if analysis.film.calibration.kind.has_object_scale else _unit_mm(analysis)
    size = np.array([1.0 if key == "check.roll" else scale for key in keys])
    observed = size * np.array([analysis.value(key) for key in keys])
    rows = [analysis.keys.index(key) for key in keys]
    placing = analysis.placing_cov[np.ix_(rows, rows)] * np.outer(size, size)
    angles = draft._head_deg[:, [0, 2]]
    shown = draft.check_values(keys)
    design = np.column_stack([angles, np.ones(len(angles))])
    fitted, *_ = np.linalg.lstsq(design, shown, rcond=None)
    noise = np.atleast_2d(np.cov(shown - design @ fitted, rowvar=False)) + placing
    slopes = fitted[:2].T
    free = slopes.T @ np.linalg.solve(noise, slopes)
    told = slopes.T @ np.linalg.solve(noise, observed)
    return _updated(free, told, prior)


def _updated(free: Array, told: Array, prior: Array) -> tuple[tuple[HeadCheck, ...], Array, Array]:
    """Checks and posterior from the information matrix and vector of (yaw, roll)."""
    checks = []
    keep = prior[[0, 2], [0, 2]].copy()
    can_tell = np.linalg.matrix_rank(free) == 2
    if can_tell:
        cov = np.linalg.inv(free)
        alone = cov @ told
        checks = [
            HeadCheck(name=name, value_deg=float(alone[k]), u_deg=math.sqrt(cov[k, k])) for k, name in enumerate(("yaw", "roll"))
        ]
        # A conflict with the prior is evidence against the prior, not a reason to shrink.
        conflict = np.abs(alone) > 1.96 * np.sqrt(keep + np.diag(cov))
        keep = np.where(conflict, 1e6, keep)
    posterior = np.linalg.inv(np.diag(1 / keep) + free)
    mean2 = posterior @ told
    mean, total = np.zeros(3), prior.copy()
    mean[[0, 2]] = mean2
    total[np.ix_([0, 2], [0, 2])] = posterior
    return tuple(checks), mean, total


def _unit_mm(analysis: FilmAnalysis) -> float:
    marked = analysis.first.marked
    magnification = 1.0 if analysis.film.technique is None else analysis.film.technique.magnification
    return marked.film_mm_per_unit / magnification
