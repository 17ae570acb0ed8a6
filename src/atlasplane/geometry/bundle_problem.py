"""What is known before films are fitted jointly: clicks, cameras, shapes and poses, each with its prior.

Everything is stated with a normal prior and none of them may be infinitely wide; what is known exactly has
variance 0. Poses and their covariances follow `geometry.se3`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.least_squares import NotFinite
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

SKULL = "skull"
"""The bone that the others are posed in."""
LEAST_CLICKS = 3
"""Clicks that fix a pose: three on a plane, six numbers for six unknowns."""
_SAME_DIRECTION_DEG = 1.0
"""Two beams nearer than this are one view: no tube is set more exactly, and depth is not told."""
_ASYMMETRIC = 1e-6

FrameOf = Callable[[Mapping[str, Array]], RigidTransform]
"""From points of one bone, each of shape (..., 3), to the transform from its anatomical frame to the frame of
the points; broadcasts over the leading axes."""


class OneFilm(ValueError):
    """A single film does not tell depth."""


class CollinearViews(ValueError):
    """All films look along one line, or one film was given twice."""


class FrameNeedsPoint(ValueError):
    """The points that an anatomical frame is built from are not all there."""


class TooFewClicks(ValueError):
    """A film or a bone has too few clicks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSd:
    """How well the camera of a film is known: 1-sigma priors.

    The detector and its pixel grid stand still in the room; the source moves and the pixel scales:

    Attributes
    ----------
    sid_mm : float
        Distance from the source to `centre_mm`, along the stated central ray.
    principal_mm : float
        Of the source parallel to the detector, along column and row axis alike: the foot of the perpendicular
        from the source moves by as much. `principal_px` goes on being the pixel of `centre_mm`.
    pitch_rel : float
        Relative, of both pixel sizes in common; an error e makes the true pitch (1 + e) times the stated one.
    """

    sid_mm: float
    principal_mm: float
    pitch_rel: float

    def __post_init__(self) -> None:
        sds = (self.sid_mm, self.principal_mm, self.pitch_rel)
        if not all(np.isfinite(sd) and sd >= 0 for sd in sds):
            raise NotFinite(f"standard deviations of a camera are finite and not negative, got {sds}")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BundleFilm:
    """One film: its clicks, its camera and where the skull is expected.

    Attributes
    ----------
    camera : PinholeCamera
        As stated; room of this film (ISB axes, mm), pixels.
    skull : RigidTransform
        Expected skull frame -> room of this film.
    skull_cov : array, shape (6, 6)
        rad and mm (`geometry.se3`).
    camera_sd : CameraSd
    ids : tuple of str
        What was clicked.
    at_px : array, shape (n, 2)
        [column, row].
    cov_px : array, shape (n, 2, 2)
    """

    camera: PinholeCamera
    skull: RigidTransform
    skull_cov: Array
    camera_sd: CameraSd
    ids: tuple[str, ...]
    at_px: Array
    cov_px: Array

    def __post_init__(self) -> None:
        count = len(self.ids)
        if self.at_px.shape != (count, 2) or self.cov_px.shape != (count, 2, 2):
            shapes = f"{self.at_px.shape} and {self.cov_px.shape}"
            raise ValueError(
                f"{count} clicks need ({count}, 2) places and ({count}, 2, 2) covariances: {shapes}"
            )
        if not np.all(np.isfinite(self.at_px)):
            raise NotFinite("a click is not finite")
        _covariance("skull_cov", self.skull_cov, 6)
        if count and not np.all(np.linalg.eigvalsh(_finite("cov_px", self.cov_px)) > 0):
            raise ValueError("the covariance of a click is not positive definite")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BoneShape:
    """Points of the bones, each in the frame of its own bone, with one prior for all.

    Attributes
    ----------
    ids : tuple of str
        Clicked points and points that no film shows but frames are built from.
    bones : tuple of str
        Bone of each.
    points_mm : array, shape (n, 3)
        Expected.
    cov_mm2 : array, shape (3 n, 3 n)
        Of the coordinates in the order of `points_mm.ravel()`; may be singular.
    root_mm : array, shape (3 n, r)
        Factor L with L L' = `cov_mm2`, worked out once: points = mean + L z with z standard normal.
    """

    ids: tuple[str, ...]
    bones: tuple[str, ...]
    points_mm: Array
    cov_mm2: Array
    root_mm: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        count = len(self.ids)
        if len(self.bones) != count or self.points_mm.shape != (count, 3):
            raise ValueError(f"{count} points need as many bones and an array ({count}, 3)")
        if len(set(self.ids)) != count:
            raise ValueError("a point of the shape is named twice")
        if not np.all(np.isfinite(self.points_mm)):
            raise NotFinite("a point of the shape is not finite")
        _covariance("cov_mm2", self.cov_mm2, 3 * count)
        object.__setattr__(self, "root_mm", covariance_root(self.cov_mm2))

    def points_of(self, bone: str, points_mm: Array | None = None) -> dict[str, Array]:
        """Points of one bone by id; `points_mm`, shape (..., n, 3), default the expected ones."""
        points = self.points_mm if points_mm is None else points_mm
        return {id_: points[..., k, :] for k, id_ in enumerate(self.ids) if self.bones[k] == bone}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class JointPrior:
    """Where a bone is expected in the skull.

    Attributes
    ----------
    bone : str
    pose : RigidTransform
        Frame of the bone's points -> frame of the skull's points.
    cov : array, shape (6, 6)
        rad and mm.
    centre_mm : array, shape (3,), optional
        Point of the skull's frame that the bone would turn about if it moved between films, which only the
        test for that asks; default the origin of the bone's frame.
    """

    bone: str
    pose: RigidTransform
    cov: Array
    centre_mm: Array | None = None

    def __post_init__(self) -> None:
        if self.bone == SKULL:
            raise ValueError("the skull has no pose in itself")
        _covariance(f"the prior of {self.bone}", self.cov, 6)
        if self.centre_mm is not None:
            _finite(f"the centre of {self.bone}", self.centre_mm)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Problem:
    """Films to be fitted jointly.

    Attributes
    ----------
    films : tuple of BundleFilm
    shape : BoneShape
    joints : tuple of JointPrior
        Of the bones whose pose is wanted.
    frames : mapping bone -> FrameOf
        Anatomical frame of the skull and of every bone of `joints`.

    Raises
    ------
    OneFilm, CollinearViews, TooFewClicks
        When the films cannot tell a pose, whatever the priors say.
    ValueError
        When a click, bone or frame is named that the rest does not know, or one film's clicks name it twice.
    """

    films: tuple[BundleFilm, ...]
    shape: BoneShape
    joints: tuple[JointPrior, ...]
    frames: Mapping[str, FrameOf]

    def __post_init__(self) -> None:
        bones = self.bones
        if len(set(bones)) != len(bones):
            raise ValueError("a bone has two priors of its pose")
        if lacking := [bone for bone in (SKULL, *bones) if bone not in self.frames]:
            raise ValueError(f"no frame is defined for {', '.join(lacking)}")
        self._check_names()
        if len(self.films) < 2:
            raise OneFilm(f"{len(self.films)} film(s): a pose in space needs two films from two directions")
        self._check_counts()
        if view_angle_deg(self.films) < _SAME_DIRECTION_DEG:
            raise CollinearViews("all films look along one line: they tell no more than one film does")

    @property
    def bones(self) -> tuple[str, ...]:
        """Bones whose pose in the skull is wanted, in the order of `joints`."""
        return tuple(joint.bone for joint in self.joints)

    def _check_names(self) -> None:
        bone_of = dict(zip(self.shape.ids, self.shape.bones, strict=True))
        for film in self.films:
            if len(set(film.ids)) != len(film.ids):
                raise ValueError("a point was clicked twice on one film")
            if unknown := [id_ for id_ in film.ids if bone_of.get(id_) not in (SKULL, *self.bones)]:
                raise ValueError(f"clicked points that no known bone has: {', '.join(unknown)}")

    def _check_counts(self) -> None:
        bone_of = dict(zip(self.shape.ids, self.shape.bones, strict=True))
        clicked = [bone_of[id_] for film in self.films for id_ in film.ids]
        for bone in (SKULL, *self.bones):
            if clicked.count(bone) < LEAST_CLICKS:
                raise TooFewClicks(f"{clicked.count(bone)} clicks on {bone}; its pose needs {LEAST_CLICKS}")
        for number, film in enumerate(self.films, start=1):
            if len(film.ids) < LEAST_CLICKS:
                raise TooFewClicks(f"{len(film.ids)} clicks on film {number}; its pose needs {LEAST_CLICKS}")


def view_angle_deg(films: Iterable[BundleFilm]) -> float:
    """Largest angle between two films' beams as the skull is expected to see them, 0 to 90 deg.

    The beam is the line from the source to the skull's expected origin; opposite beams are one line.
    """
    beams = []
    for film in films:
        ray = film.skull.rotation.T @ (film.skull.translation_mm - film.camera.source_mm)
        beams.append(ray / np.linalg.norm(ray))
    along = np.abs(np.array(beams) @ np.array(beams).T)
    return float(np.degrees(np.arccos(np.clip(along.min(), 0.0, 1.0))))


def covariance_root(cov: Array) -> Array:
    """L with L L' = cov, shape (n, r), r <= n; for singular covariances too.

    Raises
    ------
    ValueError
        When a variance is negative beyond rounding.
    """
    if not np.any(cov - np.diag(np.diag(cov))):
        return _diagonal_root(np.diag(cov))
    # Divided by the standard deviations first: mm and rad differ by orders of size.
    sd = np.sqrt(np.diag(cov))
    scale = np.where(sd > 0, sd, 1.0)
    values, vectors = np.linalg.eigh(cov / np.outer(scale, scale))
    if values[0] < -_ASYMMETRIC * len(cov):
        raise ValueError(f"a covariance is not positive semi-definite: least eigenvalue {values[0]:.3g}")
    kept = values > 1e-12 * values[-1]
    root: Array = scale[:, None] * vectors[:, kept] * np.sqrt(values[kept])
    return root


def _diagonal_root(variances: Array) -> Array:
    root: Array = np.diag(np.sqrt(variances))[:, variances > 0]
    return root


def _covariance(name: str, cov: Array, size: int) -> None:
    if cov.shape != (size, size):
        raise ValueError(f"{name} has shape {cov.shape}, not ({size}, {size})")
    spread = np.abs(np.diag(_finite(name, cov)))
    if np.any(np.diag(cov) < 0):
        raise ValueError(f"{name} has a negative variance")
    if np.any(np.abs(cov - cov.T) > _ASYMMETRIC * (spread.max(initial=0.0))):
        raise ValueError(f"{name} is not symmetric")


def _finite(name: str, values: Array) -> Array:
    if not np.all(np.isfinite(values)):
        raise NotFinite(f"{name} is not finite")
    return values
