"""How a film was taken, by its DICOM header: projection, sides, beam, and what contradicts itself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from atlasplane.core.catalogue import entries
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.dicom_values import number, numbers, text
from atlasplane.io.limits import agreement
from atlasplane.sources.film import ImageDirection

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

PLACE_TAGS = (
    "PatientOrientation",
    "ViewPosition",
    "BodyPartExamined",
    "SeriesDescription",
    "ProtocolName",
    "AcquisitionDeviceProcessingDescription",
    "StudyDescription",
    "ImageLaterality",
    "Laterality",
    "PositionerType",
    "PositionerPrimaryAngle",
    "PositionerSecondaryAngle",
    "ColumnAngulation",
    "DetectorActiveOrigin",
    "FieldOfViewOrigin",
    "FieldOfViewRotation",
    "FieldOfViewHorizontalFlip",
    "CollimatorShape",
    "CollimatorLeftVerticalEdge",
    "CollimatorRightVerticalEdge",
    "CollimatorUpperHorizontalEdge",
    "CollimatorLowerHorizontalEdge",
)
VIEWS_SCHEMA = "atlasplane.view-words/1"
_DESCRIPTIONS = (
    "SeriesDescription",
    "ProtocolName",
    "AcquisitionDeviceProcessingDescription",
    "StudyDescription",
)
_LATERAL = ("LL", "RL", "LATERAL", "LAT", "LLD", "RLD")
_FRONTAL = ("AP", "PA")
_OPPOSITE = {"L": "R", "R": "L", "P": "A", "A": "P", "F": "H", "H": "F"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedPlace:
    """What a header says about projection, sides and beam; None where it is silent.

    Attributes
    ----------
    patient_right, patient_anterior, patient_superior : ImageDirection or None
    view_hint : str or None
        The view that its words are closest to.
    tube_deg : float or None
        Tube angle, caudad +; only a C-arm states its sign (cranial is a beam towards the head, so -).
    tilt_deg : float or None
        Size of the tube's tilt without its sign, where a tube stand states it.
    principal_px : (float, float) or None
        Centre of a rectangular collimator, [column, row]: where the central ray meets a centred beam.
    remarks : tuple of Finding
    """

    patient_right: ImageDirection | None
    patient_anterior: ImageDirection | None
    patient_superior: ImageDirection | None
    view_hint: str | None
    tube_deg: float | None
    tilt_deg: float | None
    principal_px: tuple[float, float] | None
    remarks: tuple[Finding, ...]


def stated_place(header: Dataset, *, name: str) -> StatedPlace:
    """Projection, sides and beam of a header.

    Raises
    ------
    BadFile
        When one of the numbers used is not a finite number.
    """
    ends = _directions(header)
    c_arm = text(header, "PositionerType").upper() in ("CARM", "")
    secondary = number(header, "PositionerSecondaryAngle", name)
    column = number(header, "ColumnAngulation", name)
    tube = -secondary if secondary is not None and c_arm else None
    tilt = abs(column) if column is not None else None if tube is None else abs(tube)
    return StatedPlace(
        patient_right=ends.get("R"),
        patient_anterior=ends.get("A"),
        patient_superior=ends.get("H"),
        view_hint=view_hint(header),
        tube_deg=tube,
        tilt_deg=tilt,
        principal_px=_collimator_centre(header, name),
        remarks=tuple(_remarks(header, name)),
    )


@cache
def view_words() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Words, view positions and body parts that speak for each view, in the order in which they count."""
    return dict(entries(__package__, "reading", ["views"], VIEWS_SCHEMA))


def view_hint(header: Dataset) -> str | None:
    """The view that the header's words are closest to; None where they name no film of this analysis."""
    described = " ".join(text(header, keyword).lower() for keyword in _DESCRIPTIONS)
    for view, table in view_words().items():
        if any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", described) for word in table["words"]):
            return view
    position, part = text(header, "ViewPosition").upper(), _part(header)
    fits = (
        view
        for view, table in view_words().items()
        if position in table["positions"] and part in table["parts"]
    )
    return next(fits, None)


def _part(header: Dataset) -> str:
    return re.sub(r"[^A-Z]", "", text(header, "BodyPartExamined").upper())


def _directions(header: Dataset) -> dict[str, ImageDirection]:
    """Where R, A and H (patient right, anterior, head) lie, from the directions of rows and columns."""
    ends = ((ImageDirection.RIGHT, ImageDirection.LEFT), (ImageDirection.DOWN, ImageDirection.UP))
    found: dict[str, ImageDirection] = {}
    for letters, (forward, backward) in zip(_orientation(header), ends, strict=False):
        towards = letters[:1]
        if towards in _OPPOSITE:
            found |= {towards: forward, _OPPOSITE[towards]: backward}
    return found


def _orientation(header: Dataset) -> tuple[str, ...]:
    """Letters of the row's and the column's direction, or nothing."""
    value = header.get("PatientOrientation")
    if value is None or isinstance(value, str) or len(value) != 2:
        return ()
    return tuple(str(letters) for letters in value)


def _collimator_centre(header: Dataset, name: str) -> tuple[float, float] | None:
    if "RECTANGULAR" not in text(header, "CollimatorShape").upper():
        return None
    edges = [number(header, keyword, name) for keyword in PLACE_TAGS[-4:]]
    known = [edge for edge in edges if edge is not None]
    if len(known) < 4 or known[1] <= known[0] or known[3] <= known[2]:
        return None
    return (known[0] + known[1]) / 2 - 1, (known[2] + known[3]) / 2 - 1  # the standard counts pixels from 1


def _remarks(header: Dataset, name: str) -> list[Finding]:
    return [
        *_side_remarks(header),
        *_view_remarks(header, name),
        *_field_remarks(header, name),
        *_colour_remarks(header),
    ]


def _side_remarks(header: Dataset) -> list[Finding]:
    of_image, of_series = text(header, "ImageLaterality").upper(), text(header, "Laterality").upper()
    if {of_image, of_series} == {"R", "L"}:
        what = f"The DICOM header calls the image side '{of_image}' and the series side '{of_series}'."
        return [_remark("header.laterality", f"{what} Hold patient_right against the side marker.")]
    return []


def _view_remarks(header: Dataset, name: str) -> list[Finding]:
    position, found = text(header, "ViewPosition").upper(), []
    rows = _orientation(header)[:1]
    across = rows[0][:1] if rows else ""
    wanted = {"frontal": _FRONTAL, "lateral": _LATERAL}
    named = next((kind for kind, words in wanted.items() if position in words), None)
    seen = {"L": "frontal", "R": "frontal", "A": "lateral", "P": "lateral"}.get(across)
    if named is not None and seen is not None and named != seen:
        what = f"The header's view position is {named}, but its rows run as on a {seen} film. One is wrong."
        found.append(_remark("header.view_against_orientation", what))
    turn = number(header, "PositionerPrimaryAngle", name)
    if named is not None and turn is not None:
        from_front = abs((turn + 90) % 180 - 90)
        off = from_front if named == "frontal" else 90 - from_front
        if off > agreement("beam_turn_deg"):
            what = f"The header's view position is {named}, but its beam is turned {off:.0f}° away from that."
            found.append(_remark("header.view_against_beam", what, off, agreement("beam_turn_deg")))
    if _part(header) and view_hint(header) is None and position in (*_FRONTAL, *_LATERAL):
        what = "The DICOM header names another body part than skull, neck or spine: is it the right film?"
        found.append(_remark("header.body_part", what))
    return found


def _field_remarks(header: Dataset, name: str) -> list[Finding]:
    found = []
    cut = [numbers(header, keyword, 2, name) for keyword in ("DetectorActiveOrigin", "FieldOfViewOrigin")]
    if any(origin is not None and max(map(abs, origin)) > 0 for origin in cut):
        what = (
            "The image is a part of the detector's field: the central ray need not meet its centre. "
            "State principal_px where a tube angle or a 3-D fit is used."
        )
        found.append(_remark("header.cropped", what, severity=Severity.INFO))
    flipped = text(header, "FieldOfViewHorizontalFlip").upper() == "YES"
    turned = number(header, "FieldOfViewRotation", name) or 0.0
    if flipped or turned % 360:
        what = "The unit turned or mirrored the image before it stored it: hold the sides against the marker."
        found.append(_remark("header.flipped", what, severity=Severity.INFO))
    return found


def _colour_remarks(header: Dataset) -> list[Finding]:
    if int(header.get("SamplesPerPixel") or 1) == 1:
        return []
    what = (
        "The film is stored in colour: its luminance is shown, and marks drawn on it are part of the image."
    )
    return [_remark("film.colour", what, severity=Severity.INFO)]


def _remark(
    code: str,
    what: str,
    value: float | None = None,
    limit: float | None = None,
    *,
    severity: Severity = Severity.WARN,
) -> Finding:
    return Finding(code=code, severity=severity, text=what, value=value, limit=limit)
