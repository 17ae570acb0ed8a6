"""The geometry that an image was taken with: as stated, from its full camera, or usual for photographs."""

from __future__ import annotations

import math

import numpy as np

from atlasplane.anatomy.views import BEAM_VIEWS
from atlasplane.core.errors import BadInput
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.frames import ISB_FROM_LPS
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.pathways.alignment.head_prior import camera_distance_mm
from atlasplane.pathways.alignment.marked_film import NOMINAL_MAGNIFICATION
from atlasplane.sources.film import Detector, PlanarImage, Technique


def film_technique(analysis: FilmAnalysis) -> Technique | None:
    """The stated technique, the one that a full camera amounts to at the atlas, or None.

    None too where the projection of the view is not known. A photograph's camera is level, at its usual
    distance, and its picture plane lies as far behind the patient: only the distance matters.

    Raises
    ------
    BadInput
        When the camera matrix cannot be one.
    """
    film = analysis.film
    if film.view.value not in BEAM_VIEWS:
        return None
    if film.view.is_photo:
        distance = camera_distance_mm()
        return Technique(sid_mm=2 * distance, sod_mm=distance, detector=Detector.PERPENDICULAR)
    if film.technique is not None or film.camera_lps is None:
        return film.technique
    try:
        return _technique_at_atlas(analysis, isb_camera(film, film.camera_lps))
    except ValueError as error:
        raise BadInput(
            film.file, str(error), "Check camera.P in visit.toml (3 x 4, LPS mm to pixel)."
        ) from error


def isb_camera(film: PlanarImage, matrix_lps: Array) -> PinholeCamera:
    """The camera on ISB axes, looking the way that the view's beam runs."""
    lps_from_isb = np.eye(4)
    lps_from_isb[:3, :3] = ISB_FROM_LPS.T
    matrix = np.asarray(matrix_lps, dtype=float) @ lps_from_isb
    source = PinholeCamera.from_matrix(matrix).source_mm
    return PinholeCamera.from_matrix(matrix, facing_mm=source + BEAM_VIEWS[film.view.value].beam)


def _technique_at_atlas(analysis: FilmAnalysis, camera: PinholeCamera) -> Technique:
    """SOD and tube angle of the ray through the marks, which stands in for the central ray.

    A matrix does not know how far the detector is, and nothing here depends on it: it is put at the nominal
    magnification.
    """
    film, marked = analysis.film, analysis.first.marked
    seen = list(marked.marks(marked.values).points.values())
    principal = marked.frame.pixels(np.mean(seen, axis=0))
    at_detector = camera.detector_points_mm(principal)
    beam = (at_detector - camera.source_mm) / np.linalg.norm(at_detector - camera.source_mm)
    setup = BEAM_VIEWS[film.view.value]
    tube = math.degrees(math.atan2(beam @ setup.tilts_toward, beam @ setup.beam))
    # A pixel at the atlas is as large as the free detector's, shrunk by the distances from the source.
    sod = float(np.linalg.norm(at_detector - camera.source_mm)) * _object_px(analysis) / _pixel(camera)
    upright = camera.normal @ setup.beam > camera.normal @ beam
    return Technique(
        sid_mm=sod * NOMINAL_MAGNIFICATION,
        sod_mm=sod,
        tube_deg=tube,
        detector=Detector.UPRIGHT if upright else Detector.PERPENDICULAR,
        principal_px=(float(principal[0]), float(principal[1])),
    )


def _pixel(camera: PinholeCamera) -> float:
    return float(np.sqrt(np.prod(camera.pitch_mm)))


def _object_px(analysis: FilmAnalysis) -> float:
    """Size of a pixel at the atlas: from the calibration, else from the spread of the marks."""
    film = analysis.film
    if film.calibration.kind.has_object_scale and film.calibration.mm_per_px is not None:
        return float(np.sqrt(np.prod(film.calibration.mm_per_px)))
    return analysis.first.marked.nominal_mm_per_px
