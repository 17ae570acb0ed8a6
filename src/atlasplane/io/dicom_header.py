"""What a DICOM header states about a film: person, time, scale, orientation; for a person to confirm."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from typing import TYPE_CHECKING

from atlasplane.core.calibration import Calibration
from atlasplane.core.finding import Finding
from atlasplane.io.dicom_place import PLACE_TAGS, stated_place
from atlasplane.io.dicom_scale import SCALE_TAGS, stated_scale
from atlasplane.io.dicom_values import text
from atlasplane.sources.film import ImageDirection, Technique

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PERSON_TAGS = ("SpecificCharacterSet", "PatientID", "IssuerOfPatientID", "PatientBirthDate")
TIME_TAGS = (
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentDate",
    "ContentTime",
    "StudyDate",
    "StudyTime",
    "TimezoneOffsetFromUTC",
)
STATEMENT_TAGS = (*PERSON_TAGS, *TIME_TAGS, *SCALE_TAGS, *PLACE_TAGS)
"""Elements that `statement` looks at."""

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
    tube_deg, tilt_deg : float or None
        Tube angle, caudad +, where its sign is known; its size, where only that is stated.
    principal_px : (float, float) or None
        Centre of the collimated field, [column, row].
    shown_window : (float, float) or None
        Darkest and brightest grey that the header asks a display to tell apart.
    remarks : tuple of Finding
        What in the header contradicts itself; without the name of the file.
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
    tube_deg: float | None = None
    tilt_deg: float | None = None
    principal_px: tuple[float, float] | None = None
    shown_window: tuple[float, float] | None = None
    remarks: tuple[Finding, ...] = ()

    @property
    def technique(self) -> Technique | None:
        """Distances and tube angle, where both distances are stated and make sense; an unknown angle is 0."""
        if self.sid_mm is None or self.sod_mm is None or not 0 < self.sod_mm < self.sid_mm:
            return None
        return Technique(sid_mm=self.sid_mm, sod_mm=self.sod_mm, tube_deg=self.tube_deg or 0.0)


def statement(
    header: Dataset, *, name: str, shown_window: tuple[float, float] | None = None
) -> HeaderStatement:
    """What the header states; the window is passed through.

    Raises
    ------
    BadFile
        When one of the numbers used is not a finite number.
    """
    time, offset_assumed = _time(header)
    scale, place = stated_scale(header, name=name), stated_place(header, name=name)
    return HeaderStatement(
        person=person(header),
        time=time,
        offset_assumed=offset_assumed,
        calibration=scale.calibration,
        detector_mm_per_px=scale.detector_mm_per_px,
        sid_mm=scale.sid_mm,
        sod_mm=scale.sod_mm,
        patient_right=place.patient_right,
        patient_anterior=place.patient_anterior,
        patient_superior=place.patient_superior,
        view_hint=place.view_hint,
        tube_deg=place.tube_deg,
        tilt_deg=place.tilt_deg,
        principal_px=place.principal_px,
        shown_window=shown_window,
        remarks=(*scale.remarks, *place.remarks),
    )


def person(header: Dataset) -> Person:
    """Whom the header speaks of, as tokens."""
    id_ = text(header, "PatientID")
    birth = text(header, "PatientBirthDate")
    year = int(birth[:4]) if birth[:4].isdecimal() and int(birth[:4]) > 1850 else None
    return Person(
        id_token=None if id_.lower() in _NO_PERSON else _token(id_),
        issuer_token=_token(text(header, "IssuerOfPatientID")),
        birth_token=_token(birth) if year is not None else None,
        birth_year=year,
    )


def _token(words: str) -> bytes | None:
    return blake2b(words.encode("utf-8", "replace"), key=_KEY, digest_size=16).digest() if words else None


def _both_differ(a: bytes | None, b: bytes | None) -> bool:
    return a is not None and b is not None and a != b


def _time(header: Dataset) -> tuple[datetime | None, bool]:
    """Time of the exposure, and whether the offset had to be taken from this computer."""
    for kind in ("Acquisition", "Content", "Study"):
        digits = text(header, f"{kind}Date") + (text(header, f"{kind}Time").partition(".")[0] or "000000")
        try:
            naive = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S")  # noqa: DTZ007  the offset comes next
        except ValueError:
            continue
        offset = _offset(text(header, "TimezoneOffsetFromUTC"))
        return (naive.astimezone(), True) if offset is None else (naive.replace(tzinfo=offset), False)
    return None, False


def _offset(words: str) -> timezone | None:
    if len(words) != 5 or words[0] not in "+-" or not words[1:].isdecimal() or int(words[1:3]) > 14:
        return None
    ahead = timedelta(hours=int(words[1:3]), minutes=int(words[3:]))
    return timezone(-ahead if words[0] == "-" else ahead)
