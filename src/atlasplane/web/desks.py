"""A desk from what the command line names: a case folder, or a film without a case."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.io.case_folder import read_case_file
from atlasplane.io.faults import validated
from atlasplane.io.film_file import open_film
from atlasplane.io.film_proposal import proposal
from atlasplane.io.models import VISIT_SCHEMA, FilmTable, VisitFile
from atlasplane.sources.film import View
from atlasplane.web.desk import Desk


def case_desk(folder: Path) -> Desk:
    """The desk of a case folder; raises BadInput when it is none."""
    read_case_file(folder)
    return Desk(root=folder.resolve())


def film_desk(film: Path, stated: Mapping[str, object]) -> Desk:
    """The desk of one film; its landmark file lies beside it.

    Parameters
    ----------
    stated : mapping
        Keys of a film's table as given on the command line: view and directions of the patient. What is
        missing is taken from the film's DICOM header where that states it.

    Raises
    ------
    BadInput
        When the film cannot be read, or its view or a direction that the view needs is not stated.
    """
    image = open_film(film)
    table = proposal(stated, image.stated, file=film.name, name=film.name).table
    _check_directions(table)
    beside = f"{film.stem}.landmarks.json"
    if (film.parent / beside).exists():
        table = table.model_copy(update={"landmarks": beside})
    time = datetime.fromtimestamp(film.stat().st_mtime, UTC)
    visit = {"schema": VISIT_SCHEMA, "id": "film", "time": time, "phase": "baseline"}
    lone = validated(VisitFile, visit, name=film.name).model_copy(update={"film": (table,)})
    return Desk(root=film.parent.resolve(), lone=lone)


def _check_directions(table: FilmTable) -> None:
    view = View(table.view)
    needed = {"patient_right": view.needs_right, "patient_anterior": view.needs_anterior}
    for key, needs in needed.items():
        if needs and getattr(table, key) is None:
            option = f"--{key.replace('_', '-')}"
            what = f"a {table.view} film needs it: where the patient's {key.removeprefix('patient_')} is"
            raise BadInput(option, what, f"Give {option} image_left, image_right, image_up or image_down")
