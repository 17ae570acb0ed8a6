"""What a DICOM header states about a film: person, time, scale, orientation; for a person to confirm."""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING

from atlasplane.core.calibration import UNCALIBRATED, Calibration, CalibrationKind
from atlasplane.core.errors import BadFile
from atlasplane.sources.film import ImageDirection, Technique

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ASSUMED_U_REL = 0.02
"""Relative u of a scale whose maker states none (assumption: the distance is known to 2 cm at 1 m)."""

SAME_SIZE = 1e-3
"""Two pixel sizes closer than this, relatively, are the same number written twice."""

_NO_PERSON = frozenset({"", "0", "anon", "anonymous", "anonymized", "unknown", "none"})
_KEY = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom a file speaks of, only so far that two files can be compared.

    The tokens are keyed digests, and the key dies with the process: they identify nobody outside it.
    """

    id_token: bytes | None = field(default=None, repr=False)
    issuer_token: bytes | None = field(default=None, repr=False)
    birth_token: bytes | None = field(default=None, repr=False)
    birth_year: int | None = field(default=None, repr=False)

    def differs_from(self, other: Person) -> bool:
        """Whether the two cannot be one person: other birth date, or another id from the same issuer."""
        if _both_differ(self.birth_token, other.birth_token):
            return True
        same_issuer = not _both_differ(self.issuer_token, other.issuer_token)
        return same_issuer and _both_differ(self.id_token, other.id_token)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderStatement:
    """What the header states; None where it is silent.

    Attributes
    ----------
    person : Person
    time : datetime or None
        With offset; the computer's own offset where `offset_assumed`.
    calibration : Calibration
        Proposal, in the order of trust: stated calibration, corrected by the modality, magnification factor,
        distances, detector plane, none.
    detector_mm_per_px : (float, float) or None
        Pixel size on the detector, [column, row].
    sid_mm, sod_mm : float or None
    patient_right, patient_anterior, patient_superior : ImageDirection or None
        From PatientOrientation.
    view_hint : str or None
        The view that the header's own words are closest to.
    """

    person: Person
    time: datetime | None
    offset_assumed: bool
    calibration: Calibration
    detector_mm_per_px: tuple[float, float] | None
    sid_mm: float | None
    sod_mm: float | None
    patient_right: ImageDirection | None
    patient_anterior: ImageDirection | None
    patient_superior: ImageDirection | None
    view_hint: str | None

    @property
    def technique(self) -> Technique | None:
        """Distances, where both are stated and make sense; the header has no tube angle, so it stays 0."""
        if self.sid_mm is None or self.sod_mm is None or not 0 < self.sod_mm < self.sid_mm:
            return None
        return Technique(sid_mm=self.sid_mm, sod_mm=self.sod_mm)


def statement(header: Dataset, *, name: str) -> HeaderStatement:
    """What the header states.

    Raises
    ------
    BadFile
        When one of the numbers used is not a finite number.
    """
    time, offset_assumed = _time(header)
    directions = _directions(header)
    return HeaderStatement(
        person=person(header),
        time=time,
        offset_assumed=offset_assumed,
        calibration=proposed_calibration(header, name=name),
        detector_mm_per_px=_spacing(header, "ImagerPixelSpacing", name),
        sid_mm=_number(header, "DistanceSourceToDetector", name),
        sod_mm=_number(header, "DistanceSourceToPatient", name),
        patient_right=directions.get("R"),
        patient_anterior=directions.get("A"),
        patient_superior=directions.get("H"),
        view_hint=_view_hint(header),
    )


def person(header: Dataset) -> Person:
    """Whom the header speaks of, as tokens."""
    id_ = _text(header, "PatientID")
    birth = _text(header, "PatientBirthDate")
    year = int(birth[:4]) if birth[:4].isdecimal() and int(birth[:4]) > 1850 else None
    return Person(
        id_token=None if id_.lower() in _NO_PERSON else _token(id_),
        issuer_token=_token(_text(header, "IssuerOfPatientID")),
        birth_token=_token(birth) if year is not None else None,
        birth_year=year,
    )


def proposed_calibration(header: Dataset, *, name: str) -> Calibration:
    """The best scale that the header supports; `mm_per_px` is [column, row].

    ImagerPixelSpacing is a size on the detector: it is divided by a stated magnification, or stays
    `detector_plane_only`.
    """
    patient = _spacing(header, "PixelSpacing", name)
    detector = _spacing(header, "ImagerPixelSpacing", name)
    stated = {
        "FIDUCIAL": CalibrationKind.DICOM_FIDUCIAL,
        "GEOMETRY": CalibrationKind.DICOM_GEOMETRY,
    }.get(_text(header, "PixelSpacingCalibrationType").upper())
    if patient is not None and stated is not None:
        return _calibration(stated, patient)
    if patient is not None and detector is not None and not _same_size(patient, detector):
        return _calibration(CalibrationKind.MODALITY_CORRECTED, patient)
    if detector is not None:
        return _by_magnification(header, detector, name)
    plane = patient or _spacing(header, "NominalScannedPixelSpacing", name)
    return UNCALIBRATED if plane is None else _calibration(CalibrationKind.DETECTOR_PLANE_ONLY, plane)


def _by_magnification(header: Dataset, detector: tuple[float, float], name: str) -> Calibration:
    factor = _number(header, "EstimatedRadiographicMagnificationFactor", name)
    if factor is not None and factor > 1:
        return _calibration(CalibrationKind.ERMF, _divided(detector, factor))
    sid = _number(header, "DistanceSourceToDetector", name)
    sod = _number(header, "DistanceSourceToPatient", name)
    if sid is not None and sod is not None and 0 < sod < sid:
        return _calibration(CalibrationKind.SID_SOD, _divided(detector, sid / sod))
    return _calibration(CalibrationKind.DETECTOR_PLANE_ONLY, detector)


def _calibration(kind: CalibrationKind, mm_per_px: tuple[float, float]) -> Calibration:
    return Calibration(kind=kind, mm_per_px=mm_per_px, u_rel=ASSUMED_U_REL)


def _divided(size: tuple[float, float], by: float) -> tuple[float, float]:
    return size[0] / by, size[1] / by


def _same_size(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return all(math.isclose(p, q, rel_tol=SAME_SIZE) for p, q in zip(a, b, strict=True))


def _spacing(header: Dataset, keyword: str, name: str) -> tuple[float, float] | None:
    """A DICOM spacing [between rows, between columns] as our [column size, row size]."""
    value = header.get(keyword)
    if value is None or value == "":
        return None
    try:
        between_rows, between_columns = (float(part) for part in value)
    except (TypeError, ValueError) as fault:
        raise _garbled(name, keyword) from fault
    if not all(math.isfinite(size) and size > 0 for size in (between_rows, between_columns)):
        raise _garbled(name, keyword)
    return between_columns, between_rows


def _number(header: Dataset, keyword: str, name: str) -> float | None:
    """A positive number; the standard's 0 and empty mean unknown."""
    value = header.get(keyword)
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as fault:
        raise _garbled(name, keyword) from fault
    if not math.isfinite(number):
        raise _garbled(name, keyword)
    return number if number > 0 else None


def _garbled(name: str, keyword: str) -> BadFile:
    return BadFile(
        name, f"has a header whose {keyword} is not a usable number", "Correct the header, or export it again"
    )


def _text(header: Dataset, keyword: str) -> str:
    value = header.get(keyword)
    return "" if value is None else str(value).strip("\0 ")


def _token(text: str) -> bytes | None:
    return blake2b(text.encode("utf-8", "replace"), key=_KEY, digest_size=16).digest() if text else None


def _both_differ(a: bytes | None, b: bytes | None) -> bool:
    return a is not None and b is not None and a != b


def _time(header: Dataset) -> tuple[datetime | None, bool]:
    """Time of the exposure, and whether the offset had to be taken from this computer."""
    for kind in ("Acquisition", "Content", "Study"):
        digits = _text(header, f"{kind}Date") + (_text(header, f"{kind}Time").partition(".")[0] or "000000")
        try:
            naive = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007  the offset comes next
        except ValueError:
            continue
        offset = _offset(_text(header, "TimezoneOffsetFromUTC"))
        return (naive.astimezone(), True) if offset is None else (naive.replace(tzinfo=offset), False)
    return None, False


def _offset(text: str) -> timezone | None:
    if len(text) != 5 or text[0] not in "+-" or not text[1:].isdecimal() or int(text[1:3]) > 14:
        return None
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[3:]))
    return timezone(-ahead if text[0] == "-" else ahead)


def _directions(header: Dataset) -> dict[str, ImageDirection]:
    """Where R, A and H (patient right, anterior, head) lie, from the directions of rows and columns."""
    value = header.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2:
        return {}
    opposite = {"L": "R", "R": "L", "P": "A", "A": "P", "F": "H", "H": "F"}
    ends = ((ImageDirection.RIGHT, ImageDirection.LEFT), (ImageDirection.DOWN, ImageDirection.UP))
    found: dict[str, ImageDirection] = {}
    for letters, (forward, backward) in zip(value, ends, strict=True):
        towards = str(letters)[:1]
        if towards in opposite:
            found |= {towards: forward, opposite[towards]: backward}
    return found


def _view_hint(header: Dataset) -> str | None:
    position = _text(header, "ViewPosition").upper()
    if position in ("LL", "RL", "LATERAL", "LAT", "LLD", "RLD"):
        return "lateral"
    return "ap-cervical" if position in ("AP", "PA") else None
