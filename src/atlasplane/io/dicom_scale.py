"""The scale that a DICOM header supports, in the order of trust, and what in it contradicts itself.

PixelSpacing may be a size at the patient or a size on the detector; ImagerPixelSpacing is always the latter
(DICOM PS3.3 10.7.1). So a size at the patient is believed only where the header says how it came about, or
where it differs from the detector's in the only possible direction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from atlasplane.core.calibration import UNCALIBRATED, Calibration, CalibrationKind
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.dicom_values import positive, spacing, text
from atlasplane.io.limits import agreement

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SCALE_TAGS = (
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "ImagerPixelSpacing",
    "NominalScannedPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
)
_STATED = {"FIDUCIAL": CalibrationKind.DICOM_FIDUCIAL, "GEOMETRY": CalibrationKind.DICOM_GEOMETRY}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedScale:
    """What a header says about size.

    Attributes
    ----------
    calibration : Calibration
        The best that it supports, `mm_per_px` [column, row], with the usual uncertainty of its kind.
    detector_mm_per_px : (float, float) or None
        Pixel size on the detector, [column, row].
    sid_mm, sod_mm : float or None
        Distances from the focal spot; the patient's is that of the header, which need not be the atlas'.
    remarks : tuple of Finding
        What contradicts itself.
    """

    calibration: Calibration
    detector_mm_per_px: tuple[float, float] | None
    sid_mm: float | None
    sod_mm: float | None
    remarks: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    patient: tuple[float, float] | None
    detector: tuple[float, float] | None
    scanned: tuple[float, float] | None
    stated: CalibrationKind | None
    factor: float | None
    sid: float | None
    sod: float | None

    @property
    def by_distance(self) -> float | None:
        """Magnification by the two distances, where they make sense."""
        if self.sid is None or self.sod is None or self.sod >= self.sid:
            return None
        return self.sid / self.sod

    @property
    def shrinks(self) -> float | None:
        """Pixel on the detector over pixel at the patient; above 1 for a true correction."""
        if self.patient is None or self.detector is None:
            return None
        return self.detector[0] / self.patient[0]


def stated_scale(header: Dataset, *, name: str) -> StatedScale:
    """The scale of a header.

    Raises
    ------
    BadFile
        When one of the numbers used is not a finite number.
    """
    sizes = _Sizes(
        patient=spacing(header, "PixelSpacing", name),
        detector=spacing(header, "ImagerPixelSpacing", name),
        scanned=spacing(header, "NominalScannedPixelSpacing", name),
        stated=_STATED.get(text(header, "PixelSpacingCalibrationType").upper()),
        factor=positive(header, "EstimatedRadiographicMagnificationFactor", name),
        sid=positive(header, "DistanceSourceToDetector", name),
        sod=positive(header, "DistanceSourceToPatient", name),
    )
    return StatedScale(
        calibration=_best(sizes),
        detector_mm_per_px=sizes.detector,
        sid_mm=sizes.sid,
        sod_mm=sizes.sod,
        remarks=tuple(_remarks(sizes)),
    )


def scaled(kind: CalibrationKind, mm_per_px: tuple[float, float]) -> Calibration:
    """A scale with the usual uncertainty of its kind."""
    return Calibration(kind=kind, mm_per_px=mm_per_px, u_rel=kind.usual.u_rel)


def _best(sizes: _Sizes) -> Calibration:
    shrinks = sizes.shrinks
    corrected = sizes.patient is not None and (shrinks is None or shrinks > 1 + agreement("same_size_rel"))
    if corrected and sizes.patient is not None:
        if sizes.stated is not None:
            return scaled(sizes.stated, sizes.patient)
        if shrinks is not None:
            return scaled(CalibrationKind.MODALITY_CORRECTED, sizes.patient)
    if sizes.detector is not None:
        return _by_magnification(sizes, sizes.detector)
    plane = sizes.patient or sizes.scanned
    return UNCALIBRATED if plane is None else scaled(CalibrationKind.DETECTOR_PLANE_ONLY, plane)


def _by_magnification(sizes: _Sizes, detector: tuple[float, float]) -> Calibration:
    if sizes.factor is not None and sizes.factor > 1:
        return scaled(CalibrationKind.ERMF, _divided(detector, sizes.factor))
    if sizes.by_distance is not None:
        return scaled(CalibrationKind.SID_SOD, _divided(detector, sizes.by_distance))
    return scaled(CalibrationKind.DETECTOR_PLANE_ONLY, detector)


def _divided(size: tuple[float, float], by: float) -> tuple[float, float]:
    return size[0] / by, size[1] / by


def _remarks(sizes: _Sizes) -> list[Finding]:
    found = [*_spacing_remarks(sizes), *_distance_remarks(sizes)]
    magnifications = {
        "the magnification factor": sizes.factor if sizes.factor is not None and sizes.factor > 1 else None,
        "the distances": sizes.by_distance,
        "PixelSpacing against ImagerPixelSpacing": _true_shrink(sizes),
    }
    known = [(words, value) for words, value in magnifications.items() if value is not None]
    for n, (words, value) in enumerate(known):
        for other_words, other in known[:n]:
            if abs(value / other - 1) > agreement("scale_rel"):
                said = f"{other_words} says {other:.3f}, {words} says {value:.3f}"
                what = f"The DICOM header gives two magnifications: {said}. Lengths may be wrong by as much."
                found.append(_remark("header.magnification", what, value / other - 1, agreement("scale_rel")))
    return found


def _true_shrink(sizes: _Sizes) -> float | None:
    shrinks = sizes.shrinks
    return shrinks if shrinks is not None and shrinks > 1 + agreement("same_size_rel") else None


def _spacing_remarks(sizes: _Sizes) -> list[Finding]:
    found, shrinks = [], sizes.shrinks
    if sizes.stated is not None and sizes.patient is None:
        what = "The DICOM header names a calibration, but gives no PixelSpacing: no scale was taken from it."
        found.append(_remark("header.calibration_without_spacing", what))
    if shrinks is not None and shrinks < 1 - agreement("same_size_rel"):
        what = (
            f"PixelSpacing is {1 / shrinks:.3f} times ImagerPixelSpacing: "
            "a patient cannot be larger than the image on the detector. It was not used."
        )
        found.append(_remark("header.demagnified", what, 1 / shrinks, 1.0))
    elif (
        shrinks is not None
        and sizes.stated is not None
        and math.isclose(shrinks, 1, rel_tol=agreement("same_size_rel"))
    ):
        what = (
            f"The DICOM header calls PixelSpacing '{sizes.stated.value}', yet it equals ImagerPixelSpacing: "
            "it holds on the detector only."
        )
        found.append(_remark("header.not_corrected", what))
    if sizes.detector and sizes.scanned and not _same(sizes.detector, sizes.scanned):
        what = "The header gives the pixel of a detector and that of a film scanner: which is it?"
        found.append(_remark("header.two_origins", what))
    return found


def _distance_remarks(sizes: _Sizes) -> list[Finding]:
    found = []
    if sizes.factor is not None and sizes.factor <= 1:
        what = f"The header's magnification factor is {sizes.factor:g}, not above 1: it was not used."
        found.append(_remark("header.magnification_impossible", what, sizes.factor, 1.0))
    if sizes.sid is not None and sizes.sod is not None and sizes.sod >= sizes.sid:
        what = (
            f"By the header the patient ({sizes.sod:g} mm) is no nearer to the source than the detector "
            f"({sizes.sid:g} mm): neither distance was used."
        )
        found.append(_remark("header.distances", what, sizes.sod, sizes.sid))
    return found


def _same(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return all(math.isclose(p, q, rel_tol=agreement("same_size_rel")) for p, q in zip(a, b, strict=True))


def _remark(code: str, what: str, value: float | None = None, limit: float | None = None) -> Finding:
    return Finding(code=code, severity=Severity.WARN, text=what, value=value, limit=limit)
