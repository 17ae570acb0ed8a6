"""What the page gets, as JSON: films, readings, steps. No number is worked out here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import atlasplane
from atlasplane.anatomy.protocol import VOLUME, Step, protocol
from atlasplane.core.calibration import UNCALIBRATED, Calibration
from atlasplane.core.errors import AtlasplaneError
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.quantity import quantities
from atlasplane.io.landmark_save import NO_FILE, revision
from atlasplane.io.models import FilmTable, PhotoTable
from atlasplane.report.document import finding_json
from atlasplane.report.wording import DISCLAIMER, VIEW_NAMES
from atlasplane.sources.reading import Reading
from atlasplane.web.desk import Desk, Place, Shelf
from atlasplane.web.opened import OpenImage, open_place, summary_of_readings

Json = dict[str, Any]


def desk_document(desk: Desk, observer: str | None, whole: AtlasplaneError | None) -> Json:
    """Everything that lies on the desk, and what is wrong with it.

    Parameters
    ----------
    observer : who marks, where that is known
    whole : why the case cannot be measured as it is; None where it can
    """
    case = desk.case()
    findings: list[Finding] = []
    visits = [_visit(desk, shelf, findings) for shelf in desk.shelves()]
    if whole is not None:
        findings.append(_unreadable(whole))
    return {
        "software": atlasplane.__version__,
        "disclaimer": DISCLAIMER,
        "simulated": case is not None and case.simulated,
        "case": None if case is None else {"id": case.id, "pseudonym": case.pseudonym},
        "observer": observer,
        "visits": visits,
        "volumes": [_volume_summary(desk, place) for place in desk.places() if place.kind == "volume"],
        "findings": [finding_json(finding) for finding in findings],
    }


def _visit(desk: Desk, shelf: Shelf, findings: list[Finding]) -> Json:
    films = []
    for place in desk.places_of(shelf):
        try:
            opened = open_place(desk, place)
        except AtlasplaneError as fault:
            films.append(film_summary(place, None) | {"problem": problem_json(fault)})
            continue
        findings.extend(opened.stated.findings)
        films.append(film_summary(place, opened))
    table = shelf.table
    return {
        "id": table.id if table is not None else shelf.folder.name,
        "time": None if table is None else table.time.isoformat(),
        "phase": None if table is None else table.phase,
        "moment": None if table is None else table.moment,
        "films": films,
    }


def film_summary(place: Place, opened: OpenImage | None) -> Json:
    """A film in the list; `opened` is None where its image cannot be shown."""
    table = place.table
    assert isinstance(table, FilmTable | PhotoTable)
    calibration = _calibration(opened)
    return {
        "id": place.id,
        "file": place.name,
        "view": table.view,
        "view_name": VIEW_NAMES.get(table.view, table.view),
        "shape": [0, 0] if opened is None or opened.image is None else list(opened.image.shape),
        "patient_right": table.patient_right,
        "patient_anterior": table.patient_anterior,
        "patient_superior": table.patient_superior,
        "marker": table.marker if isinstance(table, FilmTable) else None,
        "calibration": calibration_json(calibration),
        "pixel_aspect": pixel_aspect(opened),
        "readings": [] if opened is None else summary_of_readings(opened.readings),
        "problem": None if opened is None else problem_json(opened.problem),
    }


def film_document(opened: OpenImage, window: Json, readings: Iterable[Reading], next_reading: str) -> Json:
    """A film with everything that marking it needs."""
    return {
        **film_summary(opened.place, opened),
        "sha256": opened.sha256,
        "revision": revision_json(opened),
        "visit_revision": stated_revision(opened.place),
        "window": window,
        "protocol": [step_json(step, opened.place.view) for step in protocol(opened.place.view)],
        "readings": [reading_json(reading) for reading in readings],
        "next_reading": next_reading,
        "findings": [finding_json(finding) for finding in opened.stated.findings],
    }


def _volume_summary(desk: Desk, place: Place) -> Json:
    head: Json = {"id": place.id, "file": place.name, "readings": [], "problem": None}
    try:
        opened = open_place(desk, place)
    except AtlasplaneError as fault:
        return head | {"problem": problem_json(fault)}
    return head | {
        "shape": list(opened.marked.size),
        "readings": summary_of_readings(opened.readings),
        "problem": problem_json(opened.problem),
    }


def reading_json(reading: Reading) -> Json:
    """A reading as the page holds it; covariances stay in the file."""
    points: Json = {id_: {"at": point.at.tolist()} for id_, point in reading.points.items()}
    points |= {id_: {"visible": False} for id_ in sorted(reading.not_visible)}
    return {
        "id": reading.id,
        "observer": reading.observer,
        "time": reading.time.isoformat(),
        "tool": reading.tool,
        "blinded": reading.blinded,
        "points": points,
        "contours": {id_: contour.at.tolist() for id_, contour in reading.contours.items()},
        "free": reading.x.get("free", []),
    }


def step_json(step: Step, view: str) -> Json:
    """One step of the protocol with its words and what it serves."""
    entry = step.landmark
    shown_on = entry.views[0] if view == VOLUME and entry.views else view
    return {
        "id": step.id,
        "landmark": entry.id,
        "kind": entry.kind,
        "name": entry.name,
        "side": step.side,
        "definition": entry.definition,
        "pitfalls": entry.pitfalls,
        "picture": f"/api/pictures/{shown_on}/{step.id}.svg",
        "quantities": [
            {"id": each.id, "name": each.name}
            for each in quantities().values()
            if step.id in each.landmarks and (view in each.views or view == VOLUME)
        ],
        "optional": step.optional,
        "group": step.group,
    }


def calibration_json(calibration: Calibration) -> Json:
    """Where a film's millimetres come from."""
    size = calibration.mm_per_px
    return {
        "kind": calibration.kind.value,
        "mm_per_px": None if size is None else list(size),
        "u_rel": calibration.u_rel if size is not None else None,
    }


def pixel_aspect(opened: OpenImage | None) -> float:
    """Height of a pixel over its width: from the scale, else from what the header says of the detector."""
    stated = None if opened is None or opened.image is None else opened.image.stated
    size = _calibration(opened).mm_per_px or (stated.detector_mm_per_px if stated is not None else None)
    return 1.0 if size is None else float(np.divide(size[1], size[0]))


def problem_json(problem: AtlasplaneError | None) -> Json | None:
    """What is wrong and what to do."""
    return None if problem is None else {"file": problem.file, "what": problem.what, "remedy": problem.remedy}


def revision_json(opened: OpenImage) -> str | None:
    """Revision of its landmark file; None where there is none yet."""
    return None if opened.revision == NO_FILE else opened.revision


def stated_revision(place: Place) -> str:
    """Revision of the file that an image's keys stand in; a lone film's stand in none."""
    return NO_FILE if place.stated_in is None else revision(place.stated_in)


def _calibration(opened: OpenImage | None) -> Calibration:
    return UNCALIBRATED if opened is None or opened.film is None else opened.film.calibration


def _unreadable(problem: AtlasplaneError) -> Finding:
    text = f"{problem.what}. {problem.remedy}"
    return Finding(code="case.unreadable", severity=Severity.STOP, file=problem.file, text=text)
