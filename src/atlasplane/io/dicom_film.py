"""A film stored as DICOM: CR, DX, a secondary capture, or one frame of a fluoroscopy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.io.decode_process import allowance, decoded
from atlasplane.io.dicom_grey import GREY_TAGS, film_grey, shown_window
from atlasplane.io.dicom_guard import scan
from atlasplane.io.dicom_header import STATEMENT_TAGS, HeaderStatement, statement
from atlasplane.io.dicom_parse import header_of, parsing
from atlasplane.io.dicom_size import JPEG12, checked_shape
from atlasplane.io.dicom_stream import as_plain, opened
from atlasplane.io.limits import limit
from atlasplane.sources.film import PixelArray

FILM_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.1",  # CR
        "1.2.840.10008.5.1.4.1.1.1.1",  # DX, for presentation
        "1.2.840.10008.5.1.4.1.1.1.1.1",  # DX, for processing
        "1.2.840.10008.5.1.4.1.1.7",  # secondary capture
        "1.2.840.10008.5.1.4.1.1.7.2",  # secondary capture, grey byte
        "1.2.840.10008.5.1.4.1.1.7.3",  # secondary capture, grey word
        "1.2.840.10008.5.1.4.1.1.7.4",  # secondary capture, colour
        "1.2.840.10008.5.1.4.1.1.12.1",  # angiographic unit
        "1.2.840.10008.5.1.4.1.1.12.2",  # fluoroscopic unit
    }
)

_SIZE_TAGS = ("SOPClassUID", "Modality", "NumberOfFrames", "Rows", "Columns")
_USED = sorted({*_SIZE_TAGS, *GREY_TAGS, *STATEMENT_TAGS})
_AGAIN = "Export the film again"
_UNPACKED = "Export it again, uncompressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomFilm:
    """A DICOM film whose pixels are not read yet.

    Attributes
    ----------
    shape : (rows, columns)
    stated : HeaderStatement
    frame : int
        Which frame of the file it is; the first is 1.
    frames : int
        How many the file holds.
    is_packed : bool
        Whether its pixels are stored compressed.
    """

    shape: tuple[int, int]
    stated: HeaderStatement
    frame: int = 1
    frames: int = 1
    is_packed: bool = False


def read_dicom_film(path: Path, *, name: str, frame: int | None = None) -> DicomFilm:
    """Header of a DICOM film; no pixel is decoded.

    Parameters
    ----------
    frame : int, optional
        Which frame is meant, the first being 1; needed where the file holds several.

    Raises
    ------
    BadFile
        When the file is damaged, hostile, no film, or of several frames of which none is chosen.
    BadInput
        When it has no such frame.
    """
    return _read(path, name, frame)[0]


def load_dicom_pixels(path: Path, *, name: str, frame: int | None = None) -> PixelArray:
    """Grey values, shape (rows, columns), bright = more attenuation.

    A compressed image is decoded in a process of its own; an uncompressed one needs no codec.

    Raises
    ------
    BadFile
        When the file is damaged or its compression cannot be decoded.
    """
    film, samples = _read(path, name, frame)
    if not film.is_packed:
        return grey_of(path, name=name, frame=film.frame)
    allowed = allowance(film.shape[0] * film.shape[1] * samples, file_bytes=path.stat().st_size)
    call = f"{grey_of.__module__}:{grey_of.__name__}"
    return decoded(call, path, name=name, allowed=allowed, frame=film.frame)


def grey_of(path: Path, *, name: str, frame: int = 1) -> PixelArray:
    """Grey values of one frame, decoded in this process; for files that `read_dicom_film` has passed."""
    with parsing(name, "has pixel data that cannot be decoded", _UNPACKED):
        header = header_of(path, _USED, name=name)
        stored = _stored(path, header, frame, name)
        return film_grey(stored, header, name=name)


def _stored(path: Path, header: Dataset, frame: int, name: str) -> NDArray[np.generic]:
    """Values of one frame as stored, in this machine's byte order."""
    if str(header.file_meta.TransferSyntaxUID) == JPEG12 and int(header.BitsStored) > 8:
        from atlasplane.io.dicom_jpeg12 import stored_values

        return stored_values(path, shape=(int(header.Rows), int(header.Columns)), frame=frame)
    several = int(header.get("NumberOfFrames") or 1) > 1
    with as_plain(opened(path, name=name)) as stream:
        stored = np.asarray(pixel_array(stream, index=frame - 1 if several else None))
    return stored.astype(stored.dtype.newbyteorder("="), copy=False)


def _read(path: Path, name: str, frame: int | None) -> tuple[DicomFilm, int]:
    """The film, and how many samples its pixels have."""
    skeleton = scan(path, name=name)
    with parsing(name, "has a DICOM header that cannot be read", _AGAIN):
        header = header_of(path, _USED, name=name)
        _check_film(header, name)
        frames = _frames(header, name)
        chosen = _chosen(frame, frames, name)
        shape = checked_shape(header, skeleton, frames, name)
        film = DicomFilm(
            shape=shape,
            stated=statement(header, name=name, shown_window=shown_window(header)),
            frame=chosen,
            frames=frames,
            is_packed=skeleton.is_packed,
        )
        return film, int(header.get("SamplesPerPixel") or 1)


def _check_film(header: Dataset, name: str) -> None:
    sop_class = str(header.get("SOPClassUID", ""))
    if sop_class in FILM_CLASSES:
        return
    modality = str(header.get("Modality", "")) or "other"
    kind = UID(sop_class).name if sop_class else "no SOP class"
    article = "an" if modality[0] in "AEFHILMNORSX" else "a"
    remedy = "Give a CR, DX or secondary capture image"
    if modality == "CT":
        remedy = "A CT belongs under [[volume]] in case.toml: add the folder that holds the whole series"
    raise BadFile(name, f"is {article} {modality} image, not a film ({kind})", remedy)


def _frames(header: Dataset, name: str) -> int:
    frames = int(header.get("NumberOfFrames") or 1)
    if not 1 <= frames <= limit("dicom_frames"):
        raise BadFile(name, f"states {frames} frames", "Export the one frame that is meant")
    return frames


def _chosen(frame: int | None, frames: int, name: str) -> int:
    if frame is None and frames > 1:
        what = f"holds {frames} frames, a film has one"
        raise BadFile(name, what, f"Say which is meant: frame = 1 to {frames} (add: --frame)")
    if frame is not None and not 1 <= frame <= frames:
        raise BadInput(name, f"has no frame {frame}", f"Its frames are 1 to {frames}")
    return frame or 1
