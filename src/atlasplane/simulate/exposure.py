"""From line integrals to the 16-bit picture of a digital radiograph (12-bit greys, MONOCHROME2: bone bright).

The chain is physical as far as it is visible: fall-off and collimation of the beam, hardening, lead marker,
scatter, quantum noise, blur of the detector, logarithm, and the evening-out of large densities that every
digital system applies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from atlasplane.core.errors import BadInput
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.types import Array

Film = NDArray[np.float32]
Radiograph = NDArray[np.uint16]

FULL_GREY = 4095
LEAD = 9.0
"""Line integral of a 1.5 mm lead marker; below this a film already shows full white."""
PATIENT = 0.4
"""Densities below this are open air beside the patient."""
MARKERS = ("R", "L")
STAMP = "SIMULATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """What comes out of the tube.

    Attributes
    ----------
    photons : mean count per pixel at the detector without patient
    hardening : share by which a line integral of 10 is lowered because soft photons are used up first
    falloff : share of the intensity lost in the corners of the film (heel and distance)
    collimated : width of the unexposed border as a share of the film's shorter side
    """

    photons: float = 25_000.0
    hardening: float = 0.12
    falloff: float = 0.12
    collimated: float = 0.015

    def __post_init__(self) -> None:
        if not self.photons > 0:
            raise BadInput(
                "beam", f"the photon count per pixel must be > 0, got {self.photons:g}", "Pass photons > 0"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """What the film, its grid and its reader do.

    Attributes
    ----------
    scatter_fraction : share of the detected quanta that were scattered, 0 <= . < 1
    scatter_width : sd of the scatter as a share of the film's shorter side
    blur_px : sd of the detector's point spread
    evening : share of the large-scale density that the presentation removes
    detail : how much small structures (about 1 % of the film) are raised
    black, white : percentiles of the exposed area shown as black and white
    """

    scatter_fraction: float = 0.25
    scatter_width: float = 0.12
    blur_px: float = 0.6
    evening: float = 0.68
    detail: float = 0.8
    black: float = 0.7
    white: float = 99.7

    def __post_init__(self) -> None:
        if not 0 <= self.scatter_fraction < 1:
            raise BadInput(
                "detector", f"the scattered share is {self.scatter_fraction:g}", "Pass 0 <= share < 1"
            )


def radiograph(
    line_integral: Film,
    *,
    rng: np.random.Generator,
    beam: Beam | None = None,
    detector: Detector | None = None,
    marker: str | None = None,
    marker_at_px: tuple[float, float] | None = None,
    marker_height_px: float = 90.0,
) -> Radiograph:
    """A digital radiograph.

    Parameters
    ----------
    line_integral : array, shape (rows, columns)
        Dimensionless, of a monochromatic beam.
    rng : Generator
        Source of the quantum noise.
    marker : "R" or "L", optional
        Lead letter, readable as the picture lies.
    marker_at_px : (column, row), required with a marker
        Centre of the letter; `marker_place_px` finds it from the camera.

    Returns
    -------
    array of uint16, shape (rows, columns)
        0 .. 4095, bone bright.

    Raises
    ------
    BadInput
        A marker other than R or L, or one without a place.
    """
    beam, detector = beam or Beam(), detector or Detector()
    absorbed = np.array(line_integral, dtype=np.float32)
    if marker is not None:
        absorbed += LEAD * marker_glyph(absorbed.shape, marker, marker_at_px, marker_height_px)
    open_field = field_of(beam, absorbed.shape)
    expected = expected_counts(absorbed, beam, detector, open_field)
    counts = ndimage.gaussian_filter(quantum_counts(expected, rng), detector.blur_px)
    # Inside the penumbra of the collimator: the shutter hides it.
    exposed = open_field > (0.97 - beam.falloff) * beam.photons
    return presented(counts, exposed, beam, detector)


def field_of(beam: Beam, shape_px: tuple[int, ...]) -> Film:
    """Counts per pixel of the open beam: fall-off towards the corners, nothing under the collimator."""
    rows, columns = shape_px
    v, u = np.linspace(-1, 1, rows, dtype=np.float32)[:, None], np.linspace(-1, 1, columns, dtype=np.float32)
    field = np.float32(beam.photons) * (1 - np.float32(beam.falloff) * (u * u + v * v) / 2)
    border = round(beam.collimated * min(rows, columns))
    inside = np.zeros((rows, columns), dtype=np.float32)
    inside[border : rows - border, border : columns - border] = 1
    # The focal spot has a size, so the collimator's edge is a penumbra of a few pixels.
    return field * (ndimage.gaussian_filter(inside, 1.5) if border else inside)


def expected_counts(absorbed: Film, beam: Beam, detector: Detector, open_field: Film) -> Film:
    """Mean counts per pixel: hardened primary beam and a wide veil of scatter."""
    hardened = absorbed / (1 + np.float32(beam.hardening / 10) * np.maximum(absorbed, 0))
    primary: Film = open_field * np.exp(-hardened)
    share = detector.scatter_fraction
    if not share:
        return primary
    # Scatter arises in the patient: the primary that air lets through brings none.
    source = primary * (1 - np.exp(-hardened))
    width = detector.scatter_width * min(absorbed.shape)
    veil = _wide_blur(source, width)
    mean_primary, mean_veil = float(np.mean(source)), float(np.mean(veil))
    scale = share / (1 - share) * (mean_primary / mean_veil if mean_veil > 0 else 0.0)
    return primary + np.float32(scale) * veil


def _wide_blur(image: Film, width_px: float) -> Film:
    """Gaussian blur worked out on a coarse grid; meant for widths of many pixels."""
    step = max(1, int(width_px / 4))
    coarse = ndimage.gaussian_filter(
        ndimage.uniform_filter(image, step)[::step, ::step], width_px / step, mode="nearest"
    )
    at = [np.arange(n) / step for n in image.shape]
    rows = ndimage.map_coordinates(
        coarse, np.meshgrid(at[0], np.arange(coarse.shape[1]), indexing="ij"), order=1, mode="nearest"
    )
    left = np.minimum(at[1].astype(int), coarse.shape[1] - 1)
    right = np.minimum(left + 1, coarse.shape[1] - 1)
    part = (at[1] - left).astype(np.float32)
    blurred: Film = rows[:, left] * (1 - part) + rows[:, right] * part
    return blurred


def quantum_counts(expected: Film, rng: np.random.Generator) -> Film:
    """Poisson counts about the expected ones, float32."""
    return rng.poisson(np.maximum(expected, 0)).astype(np.float32)


def presented(counts: Film, exposed: NDArray[np.bool_], beam: Beam, detector: Detector) -> Radiograph:
    """Greys for viewing: logarithm, evening-out, window by percentiles; the shutter is black."""
    density = -np.log(np.maximum(counts, 1.0) / np.float32(beam.photons))
    seen = np.where(exposed, np.clip(density, 0, LEAD), 0).astype(np.float32)
    wide, narrow = (_local_mean(seen, exposed, share * min(counts.shape)) for share in (0.06, 0.012))
    density = density - np.float32(detector.evening) * wide + np.float32(detector.detail) * (seen - narrow)
    # The window is set on the patient, so that open air is black as on any film.
    patient = exposed & (seen > PATIENT)
    shown = density[patient if patient.any() else exposed][::7]
    black, white = np.percentile(shown, [detector.black, detector.white])
    grey = np.clip((density - black) / max(float(white - black), 1e-6), 0, 1)
    # An S-shaped curve: flat toe and shoulder, as of film; open air stays black.
    grey = (grey * grey * (3 - 2 * grey) * 0.5 + grey * 0.5) * np.clip(seen / PATIENT, 0, 1)
    picture = np.rint(FULL_GREY * np.where(exposed, grey, 0)).astype(np.uint16)
    return stamped(picture)


def _local_mean(image: Film, exposed: NDArray[np.bool_], width_px: float) -> Film:
    """Gaussian mean over the exposed area only: the shutter casts no shadow on what lies beside it."""
    weight = _wide_blur(exposed.astype(np.float32), width_px)
    mean: Film = np.divide(
        _wide_blur(image, width_px), np.maximum(weight, np.float32(1e-3)), dtype=np.float32
    )
    return mean


def _letters(shape_px: tuple[int, ...], text: str, centre_px: tuple[float, float], height_px: float) -> Film:
    """Text drawn about a centre [column, row], 0 .. 1."""
    canvas = Image.new("L", (shape_px[1], shape_px[0]), 0)
    font = ImageFont.load_default(size=height_px)
    ImageDraw.Draw(canvas).text(centre_px, text, fill=255, font=font, anchor="mm")
    drawn: Film = np.asarray(canvas, dtype=np.float32) / np.float32(255)
    return drawn


def marker_glyph(
    shape_px: tuple[int, ...], marker: str, at_px: tuple[float, float] | None, height_px: float = 90.0
) -> Film:
    """Share of each pixel that the lead letter covers, shape (rows, columns).

    Raises
    ------
    BadInput
        A marker other than R or L, or one without a place.
    """
    if marker not in MARKERS:
        raise BadInput("marker", f"{marker!r} is not a side", "Pass 'R' or 'L'")
    if at_px is None:
        raise BadInput("marker", "it has no place on the film", "Pass marker_at_px=(column, row)")
    return _letters(shape_px, marker, at_px, height_px)


def stamped(picture: Radiograph) -> Radiograph:
    """The picture with its origin written in the lower right corner."""
    rows, columns = picture.shape
    height = max(12.0, 0.016 * rows)
    place = (columns - 0.05 * columns - 2.6 * height, rows - 0.03 * rows - height)
    ink = _letters(picture.shape, STAMP, place, height)
    return np.rint(picture + ink * (FULL_GREY - picture.astype(np.float32))).astype(np.uint16)


def marker_place_px(
    camera: PinholeCamera, shape_px: tuple[int, int], marker: str, right_axis: Array | None = None
) -> tuple[float, float]:
    """Where the marker belongs: near the border of the film that shows the marked side of the patient.

    Parameters
    ----------
    camera : PinholeCamera
    shape_px : (rows, columns)
    marker : "R" or "L"
    right_axis : array, shape (3,), optional
        Direction to the patient's right in the frame of the camera; default Z of the ISB axes.

    Returns
    -------
    (column, row)
        On a film taken from the side, where neither border is the right one, the lower left corner region.
    """
    right = np.array([0.0, 0.0, 1.0]) if right_axis is None else np.asarray(right_axis, dtype=float)
    rows, columns = shape_px
    across = float(right @ camera.column_axis) * (1 if marker == "R" else -1)
    share = 0.92 if across > 0.5 else 0.08
    return share * (columns - 1), 0.78 * (rows - 1)
