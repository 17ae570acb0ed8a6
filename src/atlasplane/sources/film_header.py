"""What a film's DICOM header says apart from scale and person: held against the case, never measured from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmHeader:
    """Facts of one film's header; None where it is silent.

    Attributes
    ----------
    exposure_token : bytes or None
        Stands for the SOP instance UID, so that one exposure exported twice is known; means nothing outside
        this run.
    acquired : datetime or None
        Time of the exposure as written, without an offset where the header gives none.
    study_day : date or None
    view_position : str or None
        As written: AP, PA, LL, RL ...
    laterality : "R", "L", "B" or None
        Body side that the header names.
    body_part : str or None
    sex : "female", "male", "other" or None
    positioner_deg : (float or None, float or None)
        Primary (right-left, + to the patient's left side) and secondary (cranial +) angle of the beam.
    """

    exposure_token: bytes | None = None
    acquired: datetime | None = None
    study_day: date | None = None
    view_position: str | None = None
    laterality: str | None = None
    body_part: str | None = None
    sex: str | None = None
    positioner_deg: tuple[float | None, float | None] = (None, None)
