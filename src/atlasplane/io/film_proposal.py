"""The table of a new film: what a person states, completed from the DICOM header and marked as such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.dicom_header import ASSUMED_U_REL, HeaderStatement
from atlasplane.io.faults import validated
from atlasplane.io.models import CalibrationTable, FilmTable, TechniqueTable
from atlasplane.io.toml_text import table_lines
from atlasplane.sources.film import View

CHECK = "from the DICOM header: check it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A film's table, and for each key that the header gave, the comment that says so."""

    table: FilmTable
    notes: Mapping[str, str]

    @property
    def lines(self) -> list[str]:
        """The table as lines of TOML."""
        content = self.table.model_dump(by_alias=True, exclude_none=True, exclude_unset=True)
        return ["[[film]]", *table_lines(content, self.notes)]

    def findings(self, file: str) -> tuple[Finding, ...]:
        """What came from the header, for a person to confirm."""
        keys = sorted(self.notes)
        directions = [key for key in keys if key.startswith("patient_")]
        found = []
        if directions:
            text = (
                f"{' and '.join(directions)} came from the DICOM header: hold them against the side marker."
            )
            found.append(
                Finding(code="film.orientation_from_header", severity=Severity.WARN, file=file, text=text)
            )
        if "calibration" in keys:
            text = f"The scale came from the DICOM header; its u_rel of {ASSUMED_U_REL:g} is an assumption."
            found.append(
                Finding(code="calibration.from_header", severity=Severity.INFO, file=file, text=text)
            )
        return tuple(found)


def proposal(
    stated: Mapping[str, object], header: HeaderStatement | None, *, file: str, name: str
) -> Proposal:
    """The table of a film.

    Parameters
    ----------
    stated : mapping
        Keys as the user gives them; they win.
    header : HeaderStatement or None
    file : str
        The film's name in its visit folder.
    name : str
        How messages call the file.

    Raises
    ------
    BadInput
        When a key cannot be used, or no view is stated.
    """
    given = {key: value for key, value in stated.items() if value is not None}
    if "view" not in given:
        hint = (
            f"; its header speaks of '{header.view_hint}'" if header is not None and header.view_hint else ""
        )
        raise BadInput(name, f"no view is stated{hint}", "Say which: lateral, nasium, vertex …")
    table = validated(FilmTable, {"file": file, **given}, name=name)
    if header is None:
        return Proposal(table=table, notes={})
    proposed = {**_directions(table, header), **_technique(table, header)}
    technique = table.technique or proposed.get("technique")
    assert technique is None or isinstance(technique, TechniqueTable)
    proposed |= _scale(table, header, technique)
    notes = dict.fromkeys(proposed, CHECK)
    if "calibration" in proposed:
        notes["calibration"] = f"{CHECK}; u_rel is an assumption"
    return Proposal(table=table.model_copy(update=proposed), notes=notes)


def _directions(table: FilmTable, header: HeaderStatement) -> dict[str, object]:
    view = View(table.view)
    wanted = {
        "patient_right": (view.needs_right, header.patient_right),
        "patient_anterior": (view.needs_anterior, header.patient_anterior),
        "patient_superior": (not (view.needs_right and view.needs_anterior), header.patient_superior),
    }
    return {
        key: direction.value
        for key, (wants, direction) in wanted.items()
        if wants and direction is not None and getattr(table, key) is None
    }


def _technique(table: FilmTable, header: HeaderStatement) -> dict[str, object]:
    """Distances of the header, for a lateral film only: elsewhere the tube angle is needed too."""
    lateral = not View(table.view).needs_right
    if table.technique is not None or header.technique is None or not lateral:
        return {}
    return {"technique": TechniqueTable(sid_mm=header.technique.sid_mm, sod_mm=header.technique.sod_mm)}


def _scale(table: FilmTable, header: HeaderStatement, technique: TechniqueTable | None) -> dict[str, object]:
    if table.calibration is not None:
        return {}
    best = _by_stated_distances(header, technique) or header.calibration
    if best.mm_per_px is None:
        return {}
    return {
        "calibration": CalibrationTable(kind=best.kind.value, mm_per_px=best.mm_per_px, u_rel=ASSUMED_U_REL)
    }


def _by_stated_distances(header: HeaderStatement, technique: TechniqueTable | None) -> Calibration | None:
    """The detector's pixel over the magnification by a person's distances, where the header has none."""
    detector = header.detector_mm_per_px
    weak = header.calibration.kind is CalibrationKind.DETECTOR_PLANE_ONLY
    if not weak or detector is None or technique is None or technique.sod_mm >= technique.sid_mm:
        return None
    by = technique.sod_mm / technique.sid_mm
    mm_per_px = (detector[0] * by, detector[1] * by)
    return Calibration(kind=CalibrationKind.SID_SOD, mm_per_px=mm_per_px, u_rel=ASSUMED_U_REL)
