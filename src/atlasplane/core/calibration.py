"""Where the millimetres of a film come from.

`mm_per_px` is the size of a pixel in the plane that the calibration kind speaks of: the object's plane for
all kinds but `detector_plane_only`. `ImagerPixelSpacing` is a detector size and never stands in for an object
size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum


class CalibrationKind(Enum):
    """Provenance of a film's scale."""

    USER_FIDUCIAL = "user_fiducial"
    DICOM_FIDUCIAL = "dicom_fiducial"
    DICOM_GEOMETRY = "dicom_geometry"
    MODALITY_CORRECTED = "modality_corrected"
    ERMF = "ermf"
    SID_SOD = "sid_sod"
    DETECTOR_PLANE_ONLY = "detector_plane_only"
    NONE = "none"

    @property
    def has_object_scale(self) -> bool:
        """Whether lengths of the patient can be given."""
        return self not in (CalibrationKind.DETECTOR_PLANE_ONLY, CalibrationKind.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Scale of one film.

    Attributes
    ----------
    kind : CalibrationKind
    mm_per_px : (float, float) or None
        Column and row size; None for kind `none`, whose pixels are taken as square.
    u_rel : float
        Relative standard uncertainty of the scale, shared by every length of the film.
    """

    kind: CalibrationKind
    mm_per_px: tuple[float, float] | None = None
    u_rel: float = 0.0

    def __post_init__(self) -> None:
        if (self.mm_per_px is None) != (self.kind is CalibrationKind.NONE):
            raise ValueError(
                f"calibration kind '{self.kind.value}' and mm_per_px {self.mm_per_px} do not go together"
            )
        if self.mm_per_px is not None and not all(math.isfinite(s) and s > 0 for s in self.mm_per_px):
            raise ValueError(f"mm_per_px must be two positive numbers, got {self.mm_per_px}")
        if not (math.isfinite(self.u_rel) and 0 <= self.u_rel < 1):
            raise ValueError(f"u_rel must lie in [0, 1), got {self.u_rel}")

    @property
    def pixel_shape(self) -> tuple[float, float]:
        """Relative size of a pixel along columns and rows; all that an angle needs."""
        return self.mm_per_px or (1.0, 1.0)


UNCALIBRATED = Calibration(kind=CalibrationKind.NONE)
