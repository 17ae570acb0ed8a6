"""Facts of a DICOM film's header that `check` holds against the case; read only when it asks."""

from __future__ import annotations

import math
import secrets
from datetime import date, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from atlasplane.io.film_file import is_dicom
from atlasplane.sources.film_header import FilmHeader

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_TAGS = (
    "SpecificCharacterSet",
    "SOPInstanceUID",
    "AcquisitionDate",
    "AcquisitionTime",
    "ContentDate",
    "ContentTime",
    "StudyDate",
    "PatientSex",
    "ViewPosition",
    "Laterality",
    "ImageLaterality",
    "BodyPartExamined",
    "PositionerPrimaryAngle",
    "PositionerSecondaryAngle",
)
_SEXES = {"F": "female", "M": "male", "O": "other"}
_KEY = secrets.token_bytes(32)


def film_header(path: Path, *, name: str) -> FilmHeader | None:
    """Facts of a film's header; None for a film that is not DICOM.

    Raises
    ------
    BadFile
        When the header cannot be read.
    """
    if not is_dicom(path, name=name):
        return None
    from atlasplane.io.dicom_guard import scan
    from atlasplane.io.dicom_parse import header_of, parsing

    scan(path, name=name)
    with parsing(name, "has a DICOM header that cannot be read", "Export the film again"):
        return _facts(header_of(path, _TAGS, name=name))


def _facts(header: Dataset) -> FilmHeader:
    uid = _text(header, "SOPInstanceUID")
    laterality = (_text(header, "ImageLaterality") or _text(header, "Laterality")).upper()
    return FilmHeader(
        exposure_token=blake2b(uid.encode(), key=_KEY, digest_size=16).digest() if uid else None,
        acquired=_moment(header),
        study_day=_day(_text(header, "StudyDate")),
        view_position=_text(header, "ViewPosition").upper() or None,
        laterality=laterality if laterality in ("R", "L", "B") else None,
        body_part=_text(header, "BodyPartExamined").upper() or None,
        sex=_SEXES.get(_text(header, "PatientSex").upper()),
        positioner_deg=(_angle(header, "PositionerPrimaryAngle"), _angle(header, "PositionerSecondaryAngle")),
    )


def _moment(header: Dataset) -> datetime | None:
    for kind in ("Acquisition", "Content"):
        day = _day(_text(header, f"{kind}Date"))
        if day is not None:
            digits = (_text(header, f"{kind}Time").partition(".")[0] + "000000")[:6]
            hour, minute, second = (int(digits[k : k + 2]) if digits.isdecimal() else 0 for k in (0, 2, 4))
            if hour < 24 and minute < 60 and second < 60:
                return datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001  as written
    return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 8 and text.isdecimal() else None
    except ValueError:
        return None


def _angle(header: Dataset, keyword: str) -> float | None:
    try:
        angle = float(header.get(keyword))
    except (TypeError, ValueError):
        return None
    return angle if math.isfinite(angle) and abs(angle) <= 180 else None


def _text(header: Dataset, keyword: str) -> str:
    value = header.get(keyword)
    return "" if value is None else str(value).strip("\0 ")
