"""A radiograph with everything that its numbers depend on: view, sides, geometry, scale, readings.

What it shares with a photograph is a `PlanarImage`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.calibration import UNCALIBRATED, Calibration
from atlasplane.geometry.types import Array
from atlasplane.sources.reading import Reading

PixelArray = NDArray[np.generic]
"""Grey values, shape (rows, columns), bright = more attenuation."""


class View(Enum):
    """Projection of a film, or what a photograph shows the patient from."""

    LATERAL = "lateral"
    NASIUM = "nasium"
    VERTEX = "vertex"
    BASE_POSTERIOR = "base-posterior"
    APOM = "apom"
    AP_CERVICAL = "ap-cervical"
    LATERAL_FULL = "lateral-full"
    AP_FULL = "ap-full"
    BLAIR_RIGHT = "blair-right"
    BLAIR_LEFT = "blair-left"
    PHOTO_LATERAL = "photo-lateral"
    PHOTO_FRONT = "photo-front"
    PHOTO_BACK = "photo-back"

    @property
    def is_photo(self) -> bool:
        """Whether it is taken with light."""
        return self in (View.PHOTO_LATERAL, View.PHOTO_FRONT, View.PHOTO_BACK)

    @property
    def is_profile(self) -> bool:
        """Whether it shows the patient from the side."""
        return self in (View.LATERAL, View.LATERAL_FULL, View.PHOTO_LATERAL)

    @property
    def is_axial(self) -> bool:
        """Whether it looks along the body, so that no direction of the image is superior."""
        return self in (View.VERTEX, View.BASE_POSTERIOR)

    @property
    def needs_right(self) -> bool:
        """Whether `patient_right` must be stored for it."""
        return not self.is_profile

    @property
    def needs_anterior(self) -> bool:
        """Whether `patient_anterior` must be stored for it."""
        return self.is_profile or self.is_axial


class ImageDirection(Enum):
    """A direction of the stored image."""

    LEFT = "image_left"
    RIGHT = "image_right"
    UP = "image_up"
    DOWN = "image_down"

    @property
    def vector(self) -> Array:
        """Unit vector [column, row], shape (2,)."""
        return np.array(
            {
                "image_left": [-1.0, 0.0],
                "image_right": [1.0, 0.0],
                "image_up": [0.0, -1.0],
                "image_down": [0.0, 1.0],
            }[self.value]
        )

    @property
    def is_horizontal(self) -> bool:
        """Whether it runs along the columns axis."""
        return self in (ImageDirection.LEFT, ImageDirection.RIGHT)


class Detector(Enum):
    """Mounting of the detector."""

    UPRIGHT = "upright"
    PERPENDICULAR = "perpendicular"


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """How the film was taken.

    Attributes
    ----------
    sid_mm, sod_mm : float
        Distances along the central ray from the focal spot to the detector and to the atlas.
    tube_deg : float
        Tube angle, caudad + (vertex: top of the beam tilted backward +).
    detector : Detector
    principal_px : (float, float) or None
        Where the central ray meets the detector; None means the centre of the image.
    """

    sid_mm: float
    sod_mm: float
    tube_deg: float = 0.0
    detector: Detector = Detector.UPRIGHT
    principal_px: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.sid_mm) and math.isfinite(self.sod_mm) and 0 < self.sod_mm < self.sid_mm):
            raise ValueError(f"0 < sod_mm < sid_mm expected, got SOD {self.sod_mm} and SID {self.sid_mm}")
        if not abs(self.tube_deg) < 60:
            raise ValueError(f"tube_deg must lie within +-60, got {self.tube_deg}")

    @property
    def magnification(self) -> float:
        """Size on the detector over size at the atlas."""
        return self.sid_mm / self.sod_mm


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PlanarImage:
    """What an analysis needs of an image that shows the patient in one plane.

    Attributes
    ----------
    file : str
        Path inside the case folder, with forward slashes.
    sha256 : str
        Digest of the file's bytes.
    view : View
    shape : (rows, columns)
    patient_right, patient_anterior, patient_superior : ImageDirection or None
        Stored, never inferred; superior is `image_up` unless stated.
    technique : Technique or None
        Of a film; None for photographs.
    calibration : Calibration
    camera_lps : array, shape (3, 4), or None
        Full camera, LPS mm to pixel, in place of the technique.
    readings : tuple of Reading
    load_pixels : callable
        Reads the grey values when they are needed.
    """

    file: str
    sha256: str
    view: View
    shape: tuple[int, int]
    load_pixels: Callable[[], PixelArray]
    patient_right: ImageDirection | None = None
    patient_anterior: ImageDirection | None = None
    patient_superior: ImageDirection | None = None
    technique: Technique | None = None
    calibration: Calibration = UNCALIBRATED
    camera_lps: Array | None = None
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Radiograph(PlanarImage):
    """One film.

    Attributes
    ----------
    marker : "R", "L", "none" or None
        Side marker seen on the film; None where nobody said.
    rig : str or None
        Films of one rig are calibrated to each other.
    """

    marker: str | None = None
    rig: str | None = None
