"""Distances and scale of a film: what visit.toml says, held against the header and against reason."""

from __future__ import annotations

import numpy as np

from atlasplane.core.calibration import UNCALIBRATED, Calibration, CalibrationKind
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.types import Array
from atlasplane.io.dicom_header import HeaderStatement
from atlasplane.io.limits import agreement
from atlasplane.io.models import CalibrationTable, CameraTable, TechniqueTable
from atlasplane.sources.film import Detector, Technique

PIXEL_MM = (0.005, 5.0)
"""A pixel outside this is not given in millimetres."""
FIELD_MM = (20.0, 2500.0)
"""A film outside this shows no neck or spine."""


def technique_of(
    table: TechniqueTable | None, stated: HeaderStatement | None, *, file: str, name: str, where: str
) -> tuple[Technique | None, tuple[Finding, ...]]:
    """The stated technique, and findings where the DICOM header tells other distances.

    Raises
    ------
    BadInput
        When the source is no nearer to the patient than to the detector.
    """
    if table is None:
        return None, ()
    if table.sod_mm >= table.sid_mm:
        what = f"{where}: sod_mm = {table.sod_mm:g} is not smaller than sid_mm = {table.sid_mm:g}"
        remedy = "The distance to the atlas is the smaller one: were they exchanged?"
        raise BadInput(name, what, remedy)
    technique = Technique(
        sid_mm=table.sid_mm,
        sod_mm=table.sod_mm,
        tube_deg=table.tube_deg,
        detector=Detector(table.detector),
        principal_px=table.principal_px,
    )
    if stated is None:
        return technique, ()
    return technique, (*_distance_findings(technique, stated, file), *_tube_findings(technique, stated, file))


def check_central_ray(technique: Technique | None, shape: tuple[int, int], *, name: str, where: str) -> None:
    """Refuse a central ray that meets the detector's plane far from an image of shape (rows, columns).

    Raises
    ------
    BadInput
        Naming the limit.
    """
    if technique is None or technique.principal_px is None:
        return
    most = agreement("central_ray_off")
    for place, size in zip(technique.principal_px, reversed(shape), strict=True):
        if not -most * size <= place <= (1 + most) * size:
            what = f"{where}: principal_px = {list(technique.principal_px)} lies far outside the film"
            raise BadInput(name, what, "It is the [column, row] that the central ray meets, in pixels")


def _distance_findings(technique: Technique, stated: HeaderStatement, file: str) -> tuple[Finding, ...]:
    header = stated.sid_mm
    if header is None or abs(technique.sid_mm / header - 1) <= agreement("scale_rel"):
        return ()
    text = f"sid_mm = {technique.sid_mm:g}, but the DICOM header says {header:g} mm."
    return (_warning("technique.disagrees", text, file, technique.sid_mm, header),)


def _tube_findings(technique: Technique, stated: HeaderStatement, file: str) -> tuple[Finding, ...]:
    """Hold the tube angle against the header: with its sign where that is known, else by its size."""
    tilt = stated.tilt_deg
    if tilt is None:
        return ()
    ours = technique.tube_deg if stated.tube_deg is not None else abs(technique.tube_deg)
    theirs = stated.tube_deg if stated.tube_deg is not None else tilt
    limit = agreement("tube_deg")
    if abs(ours - theirs) <= limit:
        return ()
    sign = "" if stated.tube_deg is not None else " (without its sign)"
    text = (
        f"tube_deg = {technique.tube_deg:g}, but the DICOM header says {theirs:g}°{sign} (limit {limit:g}°)."
    )
    return (_warning("technique.tube_disagrees", text, file, ours - theirs, limit),)


def _warning(code: str, text: str, file: str, value: float, limit: float) -> Finding:
    return Finding(code=code, severity=Severity.WARN, file=file, value=value, limit=limit, text=text)


def camera_of(table: CameraTable | None, *, name: str, where: str) -> Array | None:
    """The stated camera, shape (3, 4), LPS mm to pixel.

    Raises
    ------
    BadInput
        When it maps no space onto an image.
    """
    if table is None:
        return None
    camera = np.array(table.P, dtype=float)
    if abs(np.linalg.det(camera[:, :3])) < 1e-12 * float(np.linalg.norm(camera[:, :3])) ** 3:
        raise BadInput(name, f"{where}: camera.P is singular", "Give the 3 x 4 matrix from LPS mm to pixels")
    return camera


def calibration_of(
    table: CalibrationTable | None,
    stated: HeaderStatement | None,
    *,
    shape: tuple[int, int],
    file: str,
    name: str,
    where: str,
) -> tuple[Calibration, tuple[Finding, ...]]:
    """The film's scale: as stated, else as the DICOM header supports it; with findings.

    Raises
    ------
    BadInput
        When kind and numbers do not go together, or cannot be millimetres.
    """
    if table is not None:
        calibration, findings = _as_stated(table, file, name, where)
    elif stated is not None and stated.calibration.mm_per_px is not None:
        calibration, findings = stated.calibration, (_from_header(stated.calibration, file),)
    else:
        calibration, findings = UNCALIBRATED, ()
    return calibration, (
        *findings,
        *_plane_findings(calibration, file),
        *_field_findings(calibration, shape, file),
    )


def check_scale(
    calibration: Calibration, technique: Technique | None, stated: HeaderStatement | None, *, file: str
) -> tuple[Finding, ...]:
    """Hold a scale at the patient against the detector's pixel size and the distances."""
    by_distance = calibration.kind in (CalibrationKind.SID_SOD, CalibrationKind.ERMF)
    detector = None if stated is None else stated.detector_mm_per_px
    if not by_distance or technique is None or detector is None or calibration.mm_per_px is None:
        return ()
    expected = detector[0] / technique.magnification
    ratio, limit = calibration.mm_per_px[0] / expected, agreement("scale_rel")
    if abs(ratio - 1) <= limit:
        return ()
    text = (
        f"mm_per_px = {calibration.mm_per_px[0]:.4g} is {100 * (ratio - 1):+.0f} % off {expected:.4g}, "
        f"the detector's pixel divided by the magnification {technique.magnification:.3f} "
        f"(limit {100 * limit:.0f} %): lengths may be wrong by as much."
    )
    return (
        Finding(
            code="calibration.disagrees",
            severity=Severity.WARN,
            file=file,
            value=100 * (ratio - 1),
            limit=100 * limit,
            text=text,
        ),
    )


def _as_stated(
    table: CalibrationTable, file: str, name: str, where: str
) -> tuple[Calibration, tuple[Finding, ...]]:
    kind = CalibrationKind(table.kind)
    if kind is CalibrationKind.NONE:
        if table.mm_per_px is not None:
            raise BadInput(
                name, f"{where}: calibration kind 'none' has an mm_per_px", "Delete it, or name its kind"
            )
        return UNCALIBRATED, ()
    if table.mm_per_px is None:
        what = f"{where}: calibration kind '{kind.value}' has no mm_per_px"
        raise BadInput(name, what, 'Give mm_per_px = [column, row], or kind = "none"')
    if not all(PIXEL_MM[0] <= size <= PIXEL_MM[1] for size in table.mm_per_px):
        shown = f"[{table.mm_per_px[0]:g}, {table.mm_per_px[1]:g}]"
        what = f"{where}: mm_per_px = {shown} cannot be the millimetres of a pixel"
        raise BadInput(name, what, f"A pixel of a film measures {PIXEL_MM[0]:g} to {PIXEL_MM[1]:g} mm")
    u_rel = kind.usual.u_rel if table.u_rel is None else table.u_rel
    findings = (_u_assumed(kind, file),) if table.u_rel is None and kind.has_object_scale else ()
    return Calibration(kind=kind, mm_per_px=table.mm_per_px, u_rel=u_rel), findings


def _u_assumed(kind: CalibrationKind, file: str) -> Finding:
    usual = kind.usual
    text = (
        f"No u_rel is stated for the scale: {usual.u_rel:g} is taken, as is usual for '{kind.value}' "
        f"({usual.tag})."
    )
    return Finding(
        code="calibration.u_assumed",
        severity=Severity.INFO,
        file=file,
        value=usual.u_rel,
        text=text,
        source=usual.source,
    )


def _from_header(calibration: Calibration, file: str) -> Finding:
    text = (
        f"The scale was taken from the DICOM header (kind '{calibration.kind.value}', "
        f"u_rel {calibration.u_rel:g} assumed); state 'calibration' in visit.toml to confirm or correct it."
    )
    return Finding(
        code="calibration.from_header",
        severity=Severity.INFO,
        file=file,
        text=text,
        source=calibration.kind.usual.source,
    )


def _plane_findings(calibration: Calibration, file: str) -> tuple[Finding, ...]:
    if calibration.kind is CalibrationKind.NONE:
        text = "No scale: angles can be measured (pixels taken as square), lengths cannot."
        return (Finding(code="calibration.none", severity=Severity.WARN, file=file, text=text),)
    if calibration.kind is CalibrationKind.DETECTOR_PLANE_ONLY:
        text = "The scale holds on the detector only: angles can be measured, lengths of the patient cannot."
        return (
            Finding(code="calibration.detector_plane_only", severity=Severity.WARN, file=file, text=text),
        )
    return ()


def _field_findings(calibration: Calibration, shape: tuple[int, int], file: str) -> tuple[Finding, ...]:
    if calibration.mm_per_px is None:
        return ()
    width_mm, height_mm = shape[1] * calibration.mm_per_px[0], shape[0] * calibration.mm_per_px[1]
    wrong = next((mm for mm in (width_mm, height_mm) if not FIELD_MM[0] <= mm <= FIELD_MM[1]), None)
    if wrong is None:
        return ()
    text = f"By its scale the film shows {width_mm:.0f} x {height_mm:.0f} mm: the scale is hardly right."
    limit = FIELD_MM[0] if wrong < FIELD_MM[0] else FIELD_MM[1]
    return (
        Finding(
            code="calibration.implausible",
            severity=Severity.WARN,
            file=file,
            value=wrong,
            limit=limit,
            text=text,
        ),
    )
