"""The table of a new film: what a person states, completed from the DICOM header and marked as such."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.dicom_header import HeaderStatement
from atlasplane.io.dicom_scale import scaled
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
            found.append(_finding("film.orientation_from_header", text, file, severity=Severity.WARN))
        if "view" in keys:
            text = f"The view '{self.table.view}' came from the words of the DICOM header: look at the film."
            found.append(_finding("film.view_from_header", text, file, severity=Severity.WARN))
        if "calibration" in keys:
            assert self.table.calibration is not None  # its note was made with it
            kind = CalibrationKind(self.table.calibration.kind)
            usual = kind.usual
            text = (
                f"The scale came from the DICOM header ({kind.value}: {usual.what}); its u_rel of "
                f"{usual.u_rel:g} is what is usual for this kind ({usual.tag})."
            )
            found.append(_finding("calibration.from_header", text, file, source=usual.source))
        if "technique" in keys:
            text = "Distances and tube angle came from the DICOM header, whose patient need not be the atlas."
            found.append(_finding("technique.from_header", text, file))
        return tuple(found)


def proposal(
    stated: Mapping[str, object],
    header: HeaderStatement | None,
    *,
    file: str,
    name: str,
    take_hint: bool = False,
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
    take_hint : bool
        Take the view that the header speaks of where none is stated, and say so.

    Raises
    ------
    BadInput
        When a key cannot be used, or no view is stated.
    """
    given = {key: value for key, value in stated.items() if value is not None}
    hinted = take_hint and "view" not in given and header is not None and header.view_hint is not None
    if hinted and header is not None:
        given["view"] = header.view_hint
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
        notes["calibration"] = f"{CHECK}; u_rel is the usual one of this kind"
    if hinted:
        notes["view"] = CHECK
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
    """Distances of the header: for a lateral film, elsewhere only with the tube angle that they need."""
    lateral = not View(table.view).needs_right
    said = header.technique
    if table.technique is not None or said is None or not (lateral or header.tube_deg is not None):
        return {}
    more: dict[str, object] = {} if header.tube_deg is None else {"tube_deg": header.tube_deg}
    if header.principal_px is not None:
        more["principal_px"] = header.principal_px
    content = {"sid_mm": said.sid_mm, "sod_mm": said.sod_mm, **more}
    return {"technique": TechniqueTable.model_validate(content)}


def _scale(table: FilmTable, header: HeaderStatement, technique: TechniqueTable | None) -> dict[str, object]:
    if table.calibration is not None:
        return {}
    best = _by_stated_distances(header, technique) or header.calibration
    if best.mm_per_px is None:
        return {}
    return {"calibration": CalibrationTable(kind=best.kind.value, mm_per_px=best.mm_per_px, u_rel=best.u_rel)}


def _by_stated_distances(header: HeaderStatement, technique: TechniqueTable | None) -> Calibration | None:
    """The detector's pixel over the magnification by a person's distances, where the header has none."""
    detector = header.detector_mm_per_px
    weak = header.calibration.kind is CalibrationKind.DETECTOR_PLANE_ONLY
    if not weak or detector is None or technique is None or technique.sod_mm >= technique.sid_mm:
        return None
    by = technique.sod_mm / technique.sid_mm
    mm_per_px = (detector[0] * by, detector[1] * by)
    return scaled(CalibrationKind.SID_SOD, mm_per_px)


def _finding(
    code: str, text: str, file: str, *, severity: Severity = Severity.INFO, source: str | None = None
) -> Finding:
    return Finding(code=code, severity=severity, file=file, text=text, source=source)
