"""A simulated case on disk: pictures, landmark files, visit tables and truth.json, all or nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atlasplane.io.atomic import whole_folder, write_bytes, write_text
from atlasplane.io.case_new import write_case_file, write_visit_file
from atlasplane.io.landmark_file import write_landmarks
from atlasplane.io.models_records import EXAM_SCHEMA
from atlasplane.io.toml_text import toml_text
from atlasplane.simulate.case_volume import CaseVolume
from atlasplane.simulate.recording_plan import RecordingPlan
from atlasplane.simulate.visit import SCALE_U_REL, SimulatedFilm, SimulatedVisit

EXAM_FILE = "exam.toml"
Picture = Callable[[SimulatedFilm], NDArray[np.uint16]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseHead:
    """What case.toml says of a simulated patient."""

    id: str
    pseudonym: str
    seed: int
    plan: Mapping[str, object]
    sex: str = "unknown"


def write_case(
    folder: Path,
    head: CaseHead,
    visits: Sequence[SimulatedVisit],
    picture: Picture,
    *,
    on_film: Callable[[], None] = lambda: None,
    volume: CaseVolume | None = None,
) -> None:
    """Write a simulated case.

    Parameters
    ----------
    folder : Path
        Must be new or empty.
    picture : callable
        The grey values of a film.
    on_film : callable
        Called after each film, for a progress display.
    volume : CaseVolume, optional
        The scan of the case; its truth stands with the visit that it belongs to.

    Raises
    ------
    OutputFailed
        When the folder holds something or cannot be written; nothing half-written stays.
    """
    with whole_folder(folder) as aside:
        content: dict[str, Any] = {
            "id": head.id,
            "pseudonym": head.pseudonym,
            "sex": head.sex,
            "simulated": True,
            "consents": {"research": True},
        }
        if head.plan:
            content["plan"] = dict(head.plan)
        if volume is not None:
            content["volume"] = [dict(volume.write(aside))]
        write_case_file(aside, content)
        for visit, name in zip(visits, _folder_names(visits), strict=True):
            _write_visit(aside / name, visit, picture, on_film)
        truth = {
            "schema": "atlasplane.truth/1",
            "seed": head.seed,
            "visits": {v.id: v.truth() for v in visits},
        }
        write_text(aside / "truth.json", json.dumps(truth, indent=1, allow_nan=False) + "\n")


def _folder_names(visits: Sequence[SimulatedVisit]) -> list[str]:
    names: list[str] = []
    for visit in visits:
        day = visit.time.date().isoformat()
        count = sum(name.startswith(day) for name in names)
        names.append(day if count == 0 else f"{day}-{count + 1}")
    return names


def _write_visit(folder: Path, visit: SimulatedVisit, picture: Picture, on_film: Callable[[], None]) -> None:
    folder.mkdir()
    tables: dict[str, list[dict[str, object]]] = {"film": [], "photo": []}
    for film in visit.films:
        name = f"{film.setup.name}.png"
        digest = _write_picture(folder / name, picture(film))
        write_landmarks(
            folder / f"{film.setup.name}.landmarks.json", [film.reading], image_file=name, sha256=digest
        )
        tables["photo" if film.setup.view.is_photo else "film"].append(_film_table(film, name))
        on_film()
    content: dict[str, object] = {
        "id": visit.id,
        "time": visit.time,
        "phase": visit.phase,
        "moment": visit.moment,
        "observer": visit.films[0].reading.observer,
        **{kind: made for kind, made in tables.items() if made},
    }
    if visit.night is not None:
        content["recording"] = [_write_night(folder, visit.night.plan)]
    if visit.leg_readings_mm:
        write_text(folder / EXAM_FILE, toml_text({"schema": EXAM_SCHEMA, **visit.exam}))
        content["exam"] = {"file": EXAM_FILE}
    write_visit_file(folder, content)


def _write_night(folder: Path, plan: RecordingPlan) -> dict[str, object]:
    """The recorded night as EDF+, and its table; where its rest lies is noted in the file."""
    from atlasplane.simulate.night import write_night  # films need no writer of recordings

    write_night(folder / plan.file, plan)
    channels = [{"label": c.label, "muscle": c.muscle, "side": c.side} for c in plan.channels]
    return {"file": plan.file, "kind": "semg", "channels": channels}


def _write_picture(path: Path, pixels: NDArray[np.uint16]) -> str:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", compress_level=3)
    write_bytes(path, buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def _film_table(film: SimulatedFilm, name: str) -> dict[str, object]:
    setup = film.setup
    table: dict[str, object] = {
        "file": name,
        "view": setup.view.value,
        "landmarks": f"{setup.name}.landmarks.json",
        "calibration": {
            "kind": "user_fiducial" if setup.view.is_photo else "sid_sod",
            "mm_per_px": [film.stated_mm_per_px, film.stated_mm_per_px],
            "u_rel": SCALE_U_REL,
        },
        **{name: direction.value for name, direction in setup.directions.items()},
    }
    if setup.view.is_photo:
        return table
    if film.rig:
        return table | {"marker": "R", "rig": film.rig, "camera": {"P": film.camera_lps.tolist()}}
    return table | {
        "marker": "R",
        "technique": {
            "sid_mm": setup.sid_mm,
            "sod_mm": setup.sod_mm,
            "tube_deg": film.stated_tube_deg,
            "detector": setup.detector.value,
            "principal_px": list(setup.principal_px),
        },
    }
