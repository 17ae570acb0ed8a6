"""The section on registration: what it came to at every visit, beside other ways to the angles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.chain.registered_words import REASONS
from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Pose
from atlasplane.io.models_registration import RegisterOutput
from atlasplane.io.registration_record import read_registration, record_name, record_path
from atlasplane.report.bones_numbers import LINES, TOGETHER, Way, angle_texts, visit_table, ways
from atlasplane.report.bones_scene import ANGLES, AngleKind
from atlasplane.report.bones_view import BonesCell, BonesRow, BonesTable
from atlasplane.report.numbers import (
    NO_BREAK,
    NO_ERROR,
    NOTHING,
    fixed,
    percent,
    shown_measurement,
    time_text,
    with_unit,
)
from atlasplane.report.pose_rows import pose_rows
from atlasplane.report.registration_pictures import registration_picture
from atlasplane.report.registration_view import RegistrationFilm, RegistrationSheet, RegistrationView
from atlasplane.report.visit_view import visit_name
from atlasplane.report.wording import REGISTERED, VIEW_NAMES, sentence
from atlasplane.sources.film import Radiograph

TITLE = "Registration of the scan to the films"
NOTE = (
    "The bones of the patient's own scan were moved, as rigid bodies, until their computed shadows agree "
    "with the films. How well that works is known from simulated films only: it has not been validated on "
    "patients. The stated u includes a floor for errors that the films themselves do not show, measured on "
    "simulated repositionings. Comparable methods are published with 0.4 mm and 1.1° between the bones of "
    "living necks (Anderst et al. 2011)."
)
PICTURE_NOTE = (
    "The difference and the tiles show edges only: large shades are taken out of film and model alike. Bones "
    "that are not in the model, such as C3 and the jaw, stay in the difference."
)
_STATES = {
    "ok": ("in order", "What the films show beyond these bones is within its limit: its poses are measured."),
    "doubtful": ("doubtful", "Nothing is measured from it: look at the pictures, then at what may help."),
    "refused": ("refused", "It gives no pose, and nothing is measured from it."),
    "stale": ("not used any more", "What it was made from has changed since. Register the visit again."),
    "unread": ("cannot be read", "Nothing is measured from it. Register the visit again."),
}
_STALE = "registration.stale"
_RIGS = {
    "fixed": "films calibrated to each other, head still between them",
    "free": "every film on its own: the head may have moved between them",
}
_ENDS = {"image_left": "left", "image_right": "right", "image_up": "top", "image_down": "bottom"}
_MM = "mm"


def registration_view(measured: MeasuredCase) -> RegistrationView | None:
    """The section, or None where no visit of the case has a registration.

    Parameters
    ----------
    measured : MeasuredCase
        Its folder holds the records and pictures.
    """
    sheets = [sheet for visit in measured.visits if (sheet := _sheet(measured, visit)) is not None]
    if not sheets:
        return None
    return RegistrationView(
        title=TITLE,
        note=NOTE,
        picture_note=PICTURE_NOTE,
        sheets=tuple(sheets),
        series=_series(measured.visits),
    )


def registration_sheet(record: RegisterOutput, title: str, *, stale: bool) -> RegistrationSheet:
    """What a registration came to, in words: without tables and pictures.

    Parameters
    ----------
    stale : bool
        Whether what it was made from has changed since.
    """
    kind = "stale" if stale else record.status
    state, said = _STATES[kind]
    return RegistrationSheet(
        title=title,
        kind=kind,
        state=state,
        said=said,
        reasons=tuple(
            (sentence(REASONS[code].what), sentence(REASONS[code].remedy)) for code in record.reasons
        ),
        facts=tuple(_facts(record)),
        tables=(),
        films=(),
    )


def unread_sheet(title: str, fault: BadInput) -> RegistrationSheet:
    """The same of a record that cannot be read."""
    state, said = _STATES["unread"]
    why = sentence(fault.what).rstrip(".")
    return RegistrationSheet(
        title=title,
        kind="unread",
        state=state,
        said=f"{why}. {said}",
        reasons=(),
        facts=(),
        tables=(),
        films=(),
    )


def _sheet(measured: MeasuredCase, visit: MeasuredVisit) -> RegistrationSheet | None:
    path, name = record_path(measured.case.folder, visit.visit), record_name(visit.visit)
    if not path.is_file():
        return None
    try:
        record = read_registration(path, name=name)
    except BadInput as fault:
        return unread_sheet(visit_name(visit), fault)
    stale = any(found.code == _STALE and found.file == name for found in measured.findings)
    sheet = registration_sheet(record, visit_name(visit), stale=stale)
    return replace(
        sheet,
        tables=tuple(_tables(visit)) if sheet.kind == "ok" else (),
        films=tuple(_films(measured, visit, record)),
    )


def _facts(record: RegisterOutput) -> Iterator[tuple[str, str]]:
    """What a reader needs to judge it."""
    left, limit = record.residual.value, record.residual.limit
    yield "Left of the films", f"{fixed(left, 3)}; at most {fixed(limit, 3)} is accepted"
    if record.cameras:
        told = ", ".join(
            f"{VIEW_NAMES.get(film.view, film.view).lower()} {percent(film.share)}" for film in record.cameras
        )
        yield "Explained of the films' edges", told
    yield "Searches that began elsewhere", _agreement(record)
    yield "Films", _RIGS[record.rig]
    yield "Scan", record.inputs.volume.file
    yield "Made", f"{time_text(record.time)}, in {fixed(record.seconds, 1)}{NO_BREAK}s"


def _agreement(record: RegisterOutput) -> str:
    agree = record.agreement
    if agree.deg == agree.mm == 0:
        return "none ended as well as the best one"
    return f"end within {fixed(agree.deg, 3)}° and {with_unit(fixed(agree.mm, 3), _MM)} of each other"


def _tables(visit: MeasuredVisit) -> Iterator[BonesTable]:
    registered = [way for way in ways([visit]) if way.condition == REGISTERED]
    if registered:
        yield replace(visit_table(visit, (LINES, TOGETHER, *registered)), title="Angles of C1 in the skull")
    poses = [o for o in visit.joint.observations if isinstance(o, Pose) and o.condition == REGISTERED]
    if poses:
        yield BonesTable(
            title="Poses",
            rows_are="Pose",
            columns=tuple(row.name.capitalize() for row in pose_rows(poses[0])),
            rows=tuple(
                BonesRow(name=pose.quantity.name, sub=sentence(pose.origin), cells=tuple(_pose_cells(pose)))
                for pose in poses
            ),
            notes=(),
        )


def _pose_cells(pose: Pose) -> Iterator[BonesCell]:
    """Three angles and three shifts with their u."""
    for row in pose_rows(pose):
        yield BonesCell(
            value=row.value, sub=f"u {row.u}" if row.u else NO_ERROR, kind="" if row.u else "missing"
        )


def _films(
    measured: MeasuredCase, visit: MeasuredVisit, record: RegisterOutput
) -> Iterator[RegistrationFilm]:
    folder = measured.case.folder / visit.visit.folder
    known = {film.file: film for film in visit.visit.films}
    for file in dict.fromkeys(picture.film for picture in record.pictures):
        film = known.get(file)
        title = file if film is None else VIEW_NAMES.get(film.view.value, film.view.value)
        found = [
            registration_picture(folder, picture, title)
            for picture in record.pictures
            if picture.film == file
        ]
        pictures = tuple(picture for picture in found if picture is not None)
        if pictures:
            yield RegistrationFilm(title=title, caption=_caption(file, film), pictures=pictures)


def _caption(file: str, film: Radiograph | None) -> str:
    """The film's file and how it lies, from what is stored of it."""
    said = [file]
    if film is not None:
        for name, stored in (("right", film.patient_right), ("front", film.patient_anterior)):
            if stored is not None:
                said.append(f"the patient's {name} is at the {_ENDS[stored.value]}")
    return "; ".join(said)


def _series(visits: Sequence[MeasuredVisit]) -> BonesTable | None:
    """The angles of every registered visit; None where there are fewer than two."""
    shown = next((way for way in ways(visits) if way.condition == REGISTERED), None)
    if shown is None:
        return None
    columns = [visit for visit in visits if any(shown.angle(visit, kind) for kind in ANGLES)]
    if len(columns) < 2:
        return None
    return BonesTable(
        title="Registered visits",
        columns=tuple(visit_name(visit) for visit in columns),
        rows=tuple(
            BonesRow(
                name=kind.id.capitalize(),
                sub="",
                cells=tuple(_series_cell(visit, shown, kind) for visit in columns),
            )
            for kind in ANGLES
        ),
        notes=("Whether a change is more than its error stands under Changes.",),
    )


def _series_cell(visit: MeasuredVisit, way: Way, kind: AngleKind) -> BonesCell:
    measured = way.angle(visit, kind)
    if measured is None:
        return BonesCell(value=NOTHING, sub="", kind="missing")
    direction, number, doubt = angle_texts(kind, measured)
    sub = "; ".join(part for part in (f"u {shown_measurement(measured).u}", doubt) if part)
    return BonesCell(value=f"{direction} {number}", sub=sub, kind="doubt" if doubt else "")
