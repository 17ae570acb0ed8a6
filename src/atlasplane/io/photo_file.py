"""A photograph of a visit: its file, directions and scale."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding
from atlasplane.io.dicom_header import Person
from atlasplane.io.film_file import open_film
from atlasplane.io.film_orientation import orientation_of
from atlasplane.io.film_scale import calibration_of
from atlasplane.io.models import PhotoTable
from atlasplane.sources.film import View
from atlasplane.sources.photograph import Photograph

SCALES = ("user_fiducial", "none")
"""Kinds of scale that a photograph can have: an object of known size beside the person, or none."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PhotoRead:
    """A photograph without its readings, whom its header speaks of, and what reading it brought up."""

    photo: Photograph
    person: Person | None
    findings: tuple[Finding, ...]


def read_photo(path: Path, table: PhotoTable, sha256: str, *, file: str, name: str, where: str) -> PhotoRead:
    """One photograph, without readings; no pixel is decoded.

    Parameters
    ----------
    path : Path
    table : PhotoTable
    sha256 : str
        Digest of the file's bytes.
    file : str
        Its path inside the case folder.
    name, where : str
        The visit.toml and the table that messages name.

    Raises
    ------
    BadInput
        When the file cannot be read, or what its table says cannot be.
    """
    image = open_film(path, name=file)
    if table.calibration is not None and table.calibration.kind not in SCALES:
        what = f"{where}: a photograph has no calibration of kind '{table.calibration.kind}'"
        raise BadInput(name, what, f"Write {' or '.join(SCALES)}: angles need no scale")
    orientation = orientation_of(table, name=name, where=where)
    calibration, findings = calibration_of(
        table.calibration, None, shape=image.shape, file=file, name=name, where=where
    )
    photo = Photograph(
        file=file,
        sha256=sha256,
        view=View(table.view),
        shape=image.shape,
        load_pixels=image.load_pixels,
        patient_right=orientation.right,
        patient_anterior=orientation.anterior,
        patient_superior=orientation.superior,
        calibration=calibration,
    )
    return PhotoRead(photo=photo, person=image.stated.person if image.stated else None, findings=findings)
