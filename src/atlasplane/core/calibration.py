"""Where the millimetres of a film come from.

`mm_per_px` is the size of a pixel in the plane that the calibration kind speaks of: the object's plane for
all kinds but `detector_plane_only`. `ImagerPixelSpacing` is a detector size and never stands in for an object
size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType

from atlasplane.core.catalogue import entries

KINDS_SCHEMA = "atlasplane.calibration-kinds/1"


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

    @property
    def usual(self) -> UsualUncertainty:
        """What is taken where nobody states an uncertainty; KeyError for `none`, which has no scale."""
        return usual_uncertainties()[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class UsualUncertainty:
    """Relative standard uncertainty of one kind of scale, what the kind is, and the number's source."""

    u_rel: float
    unit: str
    what: str
    tag: str
    source: str


@cache
def usual_uncertainties() -> Mapping[CalibrationKind, UsualUncertainty]:
    """The usual uncertainty of every kind that has a scale.

    Raises
    ------
    ValueError
        When the shipped table lacks a kind or holds an impossible number.
    """
    found = {
        CalibrationKind(id_): UsualUncertainty(**table)
        for id_, table in entries(__package__, "calibration", ["kinds"], KINDS_SCHEMA)
    }
    if found.keys() != set(CalibrationKind) - {CalibrationKind.NONE}:
        raise ValueError("calibration/kinds.toml: a kind is missing, or one too many is given")
    if not all(0 < each.u_rel < 1 and each.source for each in found.values()):
        raise ValueError("calibration/kinds.toml: u_rel must lie in (0, 1) and have a source")
    return MappingProxyType(found)


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
