"""A film by its content, whatever its name ends in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.core.finding import Finding
from atlasplane.io.dicom_header import HeaderStatement
from atlasplane.io.digest import unreadable
from atlasplane.io.image_film import load_image_pixels, read_image_header
from atlasplane.io.recording_marks import RECORDING_MARKS
from atlasplane.sources.film import PixelArray

SUFFIXES = {"PNG": ".png", "TIFF": ".tif", "JPEG": ".jpg"}

_RECORDED = (
    "A recording is copied into the visit's folder and entered in its visit.toml under [[recording]]: see "
    "'In a case' in the guide on spasm"
)
_TABLE = re.compile(rb"[\s,;+-]*\d[\d\s,;.eE+-]*\n[\s,;+-]*\d")
"""Two lines that begin with numbers."""
_UNPACK = "Unpack it, and give the file or the folder that it held"
_NO_IMAGES = {
    b"PK\x03\x04": ("is a ZIP archive", _UNPACK),
    b"\x1f\x8b": ("is a packed file (gzip)", _UNPACK),
    b"7z\xbc\xaf": ("is a 7z archive", _UNPACK),
    b"Rar!": ("is a RAR archive", _UNPACK),
    b"%PDF": ("is a PDF document", "Export the film itself, as DICOM, PNG or TIFF"),
    **dict.fromkeys(RECORDING_MARKS, ("is a recording, and no image", _RECORDED)),
}
"""First bytes of what is given in place of an image, with fault and remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmImage:
    """An image that can be a film.

    Attributes
    ----------
    shape : (rows, columns)
    suffix : str
        What a file of this format is best called: .dcm, .png, .tif or .jpg.
    load_pixels : callable
        Reads the grey values, bright = more attenuation.
    stated : HeaderStatement or None
        What the DICOM header states; None for other formats.
    frames : int
        How many frames the file holds; above 1 the film's table must say which.
    remarks : tuple of Finding
        What the image's own file says that a person should know; without the name of the file.
    """

    shape: tuple[int, int]
    suffix: str
    load_pixels: Callable[[], PixelArray]
    stated: HeaderStatement | None = None
    frames: int = 1
    remarks: tuple[Finding, ...] = ()


def open_film(path: Path, *, name: str | None = None, frame: int | None = None) -> FilmImage:
    """Shape and header of a film, quickly; pixels are read when asked for.

    Parameters
    ----------
    frame : int, optional
        Which frame of a file of several; the first is 1.

    Raises
    ------
    BadFile
        When the file is damaged or not a film.
    BadInput
        When it cannot be read at all, or has no such frame.
    """
    name = name or path.as_posix()
    if is_dicom(path, name=name):
        # Only a DICOM film pays for the DICOM library.
        from atlasplane.io.dicom_film import load_dicom_pixels, read_dicom_film

        film = read_dicom_film(path, name=name, frame=frame)
        load = partial(load_dicom_pixels, path, name=name, frame=film.frame)
        return FilmImage(
            shape=film.shape, suffix=".dcm", load_pixels=load, stated=film.stated, frames=film.frames
        )
    if frame not in (None, 1):
        raise BadInput(
            name, f"has no frame {frame}", "An image that is not DICOM has one frame: leave it out"
        )
    header = read_image_header(path, name=name)
    return FilmImage(
        shape=header.shape,
        suffix=SUFFIXES[header.format],
        load_pixels=partial(load_image_pixels, path, name=name),
        remarks=header.remarks,
    )


def is_dicom(path: Path, *, name: str) -> bool:
    """Whether the content is DICOM; an archive, or a file that only its name calls DICOM, is an error."""
    try:
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError as fault:
        raise unreadable(name, fault) from fault
    if head[128:] == b"DICM":
        return True
    known = next((said for mark, said in _NO_IMAGES.items() if head.startswith(mark)), None)
    if known is not None:
        raise BadFile(name, *known)
    if _TABLE.match(head):
        raise BadFile(name, "is a table of numbers, and no image", _RECORDED)
    if path.suffix.lower() == ".dcm":
        what = "is not a DICOM file (no mark 'DICM' at byte 128)"
        raise BadFile(name, what, "Export it as DICOM, or give it as PNG or TIFF")
    return False
