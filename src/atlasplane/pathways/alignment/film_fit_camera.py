"""The camera of a film as the joint fit takes it, and where the patient is expected before it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from atlasplane.anatomy.views import film_camera
from atlasplane.core.calibration import CalibrationKind
from atlasplane.geometry.bundle_problem import BundleFilm, CameraSd
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_fit_clicks import FilmClicks
from atlasplane.pathways.alignment.film_fit_settings import CameraPrior, fit_settings
from atlasplane.pathways.alignment.film_fit_shape import FittedShape
from atlasplane.pathways.alignment.film_geometry import film_technique, isb_camera
from atlasplane.sources.film import Detector, PlanarImage, Technique


@dataclass(frozen=True, slots=True, eq=False)
class _Stated:
    """A film's camera with its spread, and the room point where the atlas is expected."""

    camera: PinholeCamera
    sd: CameraSd
    atlas_mm: Array


def bundle_film(clicks: FilmClicks, shape: FittedShape) -> BundleFilm | None:
    """One film for the joint fit; None where its geometry is not known.

    The camera is the stated one: technique, detector pixel, and the marks' place on the film, which says
    where off the central ray the patient stood. A film whose scale is that of the object has a detector pixel
    larger by the stated magnification; a film without any scale takes it from the size of the bones, with a
    wide prior, since angles need none and the other films know the size of a patient's own bones.
    """
    technique = film_technique(clicks.analysis)
    if technique is None:
        return None
    stated = _stated(clicks, technique, shape)
    rotation, joint = np.eye(3), shape.joints["c1"]
    skull = RigidTransform(rotation, stated.atlas_mm - joint.translation_mm)
    skull = _where_marked(stated.camera, skull, clicks, shape)
    prior = fit_settings().head
    spread = np.repeat([np.radians(prior.rotation_sd_deg), prior.translation_sd_mm], 3)
    return BundleFilm(
        camera=stated.camera,
        skull=skull,
        skull_cov=np.diag(spread**2),
        camera_sd=stated.sd,
        ids=clicks.ids,
        at_px=clicks.at_px,
        cov_px=clicks.cov_px + fit_settings().films.least_click_px ** 2 * np.eye(2),
    )


def _stated(clicks: FilmClicks, technique: Technique, shape: FittedShape) -> _Stated:
    film = clicks.analysis.film
    if film.technique is None and film.camera_lps is not None:
        return _from_matrix(film, film.camera_lps, technique)
    prior = fit_settings().camera
    camera = _detector_camera(clicks, technique)
    pitch_rel = max(film.calibration.u_rel, prior.pitch_rel_least)
    if film.calibration.kind is CalibrationKind.NONE:
        skull = RigidTransform(np.eye(3), -shape.joints["c1"].translation_mm)
        camera = replace(camera, pitch_mm=np.full(2, _pitch_of_bones(camera, skull, clicks, shape)))
        pitch_rel = prior.pitch_rel_unscaled
    return _Stated(camera, _camera_sd(prior, pitch_rel), np.zeros(3))


def _camera_sd(prior: CameraPrior, pitch_rel: float) -> CameraSd:
    return CameraSd(sid_mm=prior.sid_sd_mm, principal_mm=prior.principal_sd_mm, pitch_rel=pitch_rel)


def _detector_camera(clicks: FilmClicks, technique: Technique) -> PinholeCamera:
    """Camera with the central ray through the room's origin, in detector pixels."""
    film, frame = clicks.analysis.film, clicks.analysis.first.marked.frame
    size = np.array(film.calibration.mm_per_px or (1.0, 1.0))
    kind = film.calibration.kind
    magnified = technique.magnification if kind.has_object_scale else 1.0
    first, second = (row / np.linalg.norm(row) for row in frame.matrix)
    principal = technique.principal_px or (np.array(film.shape[::-1]) - 1) / 2
    return film_camera(
        film.view.value,
        sid_mm=technique.sid_mm,
        sod_mm=technique.sod_mm,
        tube_deg=technique.tube_deg,
        upright=technique.detector is Detector.UPRIGHT,
        target_mm=np.zeros(3),
        first_px=first,
        second_px=second,
        pitch_mm=size * magnified,
        principal_px=np.array(principal, dtype=float),
    )


def _from_matrix(film: PlanarImage, matrix_lps: Array, technique: Technique) -> _Stated:
    """A calibrated camera; the atlas is expected on the ray through the marks, at the distance they tell."""
    camera, prior = isb_camera(film, matrix_lps), fit_settings().camera_matrix
    at = camera.detector_points_mm(np.array(technique.principal_px, dtype=float))
    ray = (at - camera.source_mm) / np.linalg.norm(at - camera.source_mm)
    return _Stated(
        camera,
        _camera_sd(prior, max(film.calibration.u_rel, prior.pitch_rel_least)),
        camera.source_mm + technique.sod_mm * ray,
    )


def _expected_px(
    camera: PinholeCamera, skull: RigidTransform, clicks: FilmClicks, shape: FittedShape
) -> tuple[Array, Array]:
    """Pixels (n, 2) of the clicked points where the patient is expected, and their places in the room."""
    placed = {"skull": skull} | {bone: skull @ pose for bone, pose in shape.joints.items()}
    at, bone_of = dict(zip(shape.ids, shape.points_mm, strict=True)), shape.bone_of
    points = np.stack([placed[bone_of[id_]].apply(at[id_]) for id_ in clicks.ids])
    return camera.project(points), points


def _where_marked(
    camera: PinholeCamera, skull: RigidTransform, clicks: FilmClicks, shape: FittedShape
) -> RigidTransform:
    """The expected skull moved parallel to the detector until its points lie amid the marks."""
    expected, points = _expected_px(camera, skull, clicks, shape)
    off_px = (clicks.at_px - expected).mean(axis=0)
    off_mm = off_px * camera.pitch_mm / camera.magnification(points.mean(axis=0))
    shift = off_mm[0] * camera.column_axis + off_mm[1] * camera.row_axis
    return RigidTransform(skull.rotation, skull.translation_mm + shift)


def _pitch_of_bones(
    camera: PinholeCamera, skull: RigidTransform, clicks: FilmClicks, shape: FittedShape
) -> float:
    """Detector pixel at which the bones' marks spread as they do on the film, mm."""
    expected = _expected_px(replace(camera, pitch_mm=np.ones(2)), skull, clicks, shape)[0]
    spread = [np.sqrt(at.var(axis=0).sum()) for at in (expected, clicks.at_px)]
    return float(spread[0] / spread[1]) if min(spread) > 0 else 1.0
