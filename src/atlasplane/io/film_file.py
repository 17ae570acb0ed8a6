"""A film by its content, whatever its name ends in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from atlasplane.core.errors import BadFile
from atlasplane.io.dicom_header import HeaderStatement
from atlasplane.io.digest import unreadable
from atlasplane.io.image_film import load_image_pixels, read_image_header
from atlasplane.sources.film import PixelArray

SUFFIXES = {"PNG": ".png", "TIFF": ".tif", "JPEG": ".jpg"}


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
    """

    shape: tuple[int, int]
    suffix: str
    load_pixels: Callable[[], PixelArray]
    stated: HeaderStatement | None = None


def open_film(path: Path, *, name: str | None = None) -> FilmImage:
    """Shape and header of a film, quickly; pixels are read when asked for.

    Raises
    ------
    BadFile
        When the file is damaged or not a film.
    BadInput
        When it cannot be read at all.
    """
    name = name or path.as_posix()
    if is_dicom(path, name=name):
        # Only a DICOM film pays for the DICOM library.
        from atlasplane.io.dicom_film import load_dicom_pixels, read_dicom_film

        film = read_dicom_film(path, name=name)
        load = partial(load_dicom_pixels, path, name=name)
        return FilmImage(shape=film.shape, suffix=".dcm", load_pixels=load, stated=film.stated)
    header = read_image_header(path, name=name)
    return FilmImage(
        shape=header.shape,
        suffix=SUFFIXES[header.format],
        load_pixels=partial(load_image_pixels, path, name=name),
    )


def is_dicom(path: Path, *, name: str) -> bool:
    """Whether the content is DICOM; a file that only its name calls DICOM is an error."""
    try:
        with path.open("rb") as stream:
            marked = stream.read(132)[128:] == b"DICM"
    except OSError as fault:
        raise unreadable(name, fault) from fault
    if not marked and path.suffix.lower() == ".dcm":
        what = "is not a DICOM file (no mark 'DICM' at byte 128)"
        raise BadFile(name, what, "Export it as DICOM, or give it as PNG or TIFF")
    return marked
