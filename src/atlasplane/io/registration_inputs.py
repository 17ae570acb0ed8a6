"""Digests of what a registration rests on: films and their marks, scan, masks; whether all is as it was."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from atlasplane.io.case_folder import read_case_file
from atlasplane.io.digest import sha256_of
from atlasplane.io.models_registration import (
    FilmInputJson,
    MaskInputJson,
    RegisterInputs,
    VolumeInputJson,
)
from atlasplane.io.segmentation_record import digest_of
from atlasplane.sources.case import Visit
from atlasplane.sources.film import PlanarImage, Radiograph
from atlasplane.sources.reading import Reading
from atlasplane.sources.volume import Volume


def inputs_of(root: Path, films: Sequence[Radiograph], volume: Volume, *, method: str) -> RegisterInputs:
    """Digests of all that a registration rests on.

    Raises
    ------
    BadInput
        When a file cannot be read.
    """
    tables = {table.file: table for table in read_case_file(root).volume}
    masks = {}
    for bone, file in volume.masks.items():
        if bone not in ("skull", "c1", "c2"):
            continue
        named = tables[volume.file].masks.get(bone)  # type: ignore[call-overload]
        label = None if named is None or isinstance(named, str) else named.label
        masks[bone] = MaskInputJson(file=file, sha256=sha256_of(root / file, name=file), label=label)
    return RegisterInputs(
        method=method,
        films=tuple(
            FilmInputJson(file=film.file, sha256=film.sha256, stated=_film_stated(film)) for film in films
        ),
        volume=VolumeInputJson(
            file=volume.file,
            sha256=digest_of(root / volume.file, volume.file),
            stated=_digest(_readings_text(volume.readings)),
        ),
        masks=masks,  # type: ignore[arg-type]
    )


def changed_inputs(
    root: Path, visit: Visit, volumes: Sequence[Volume], inputs: RegisterInputs, *, method: str
) -> tuple[str, ...]:
    """What a registration rested on and is another now, in words; empty where all is as it was.

    Raises
    ------
    BadInput
        When a file cannot be read.
    """
    if inputs.method != method:
        return (f"the method (was {inputs.method})",)
    volume = next((each for each in volumes if each.file == inputs.volume.file), None)
    films = {film.file: film for film in visit.films}
    missing = [film.file for film in inputs.films if film.file not in films]
    if volume is None or missing:
        return tuple(f"{file} (not in the case any more)" for file in missing or [inputs.volume.file])
    now = inputs_of(root, [films[film.file] for film in inputs.films], volume, method=method)
    return tuple(_differences(inputs, now))


def _differences(before: RegisterInputs, now: RegisterInputs) -> list[str]:
    stood: list[FilmInputJson | VolumeInputJson] = [*before.films, before.volume]
    stands: list[FilmInputJson | VolumeInputJson] = [*now.films, now.volume]
    told = []
    for was, after in zip(stood, stands, strict=True):
        if was.sha256 != after.sha256:
            told.append(f"the file {was.file}")
        elif was.stated != after.stated:
            told.append(f"marks or geometry of {was.file}")
    bones = sorted({*before.masks, *now.masks})
    told += [f"the mask of {bone}" for bone in bones if before.masks.get(bone) != now.masks.get(bone)]
    return told


def seed_of(inputs: RegisterInputs) -> int:
    """A seed that belongs to these inputs: the same films and scan are registered alike every time."""
    return int(_digest(inputs.model_dump_json())[:8], 16)


def _film_stated(film: PlanarImage) -> str:
    """Digest of what case and marks say of a film: all that its start is made from."""
    parts = [
        film.view.value,
        str(film.shape),
        *(d.value if d else "" for d in (film.patient_right, film.patient_anterior, film.patient_superior)),
        repr(film.technique),
        repr(film.calibration),
        "" if film.camera_lps is None else repr(np.asarray(film.camera_lps).tolist()),
        getattr(film, "rig", None) or "",
        _readings_text(film.readings),
    ]
    return _digest("\n".join(parts))


def _readings_text(readings: Sequence[Reading]) -> str:
    """Who placed which point where, how precisely: not the file's layout, nor a note in it."""
    lines = []
    for reading in sorted(readings, key=lambda each: each.id):
        lines.append(f"{reading.id} {reading.observer}")
        for id_, mark in sorted(reading.points.items()):
            cov = None if mark.cov is None else np.asarray(mark.cov).tolist()
            lines.append(f"{id_} {np.asarray(mark.at).tolist()} {cov}")
        lines += [
            f"{id_} {np.asarray(line.at).tolist()} {line.sd}"
            for id_, line in sorted(reading.contours.items())
        ]
    return "\n".join(lines)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
