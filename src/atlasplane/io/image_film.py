"""A film stored as PNG, TIFF or JPEG.

The resolution that such a file may state is that of a screen or a scanner, never the patient's: it is not
read. What the format shows bright is taken as more attenuation. A display orientation in EXIF is not applied,
since points are of the stored image: it is a finding, and `add` stores such a picture upright.
"""

from __future__ import annotations

import os
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from atlasplane.core.errors import BadFile
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.decode_process import allowance, decoded
from atlasplane.io.digest import unreadable
from atlasplane.io.limits import limit
from atlasplane.sources.film import PixelArray

MAX_BYTES = limit("image_bytes")
MAX_PIXELS = limit("image_pixels")
FORMATS = ("PNG", "TIFF", "JPEG")

UPRIGHT = 1
"""EXIF's number for a picture that is shown as it is stored."""

_LUMINANCE = np.array([0.299, 0.587, 0.114])
"""Weights of red, green and blue (ITU-R BT.601)."""
_MOST_SAMPLES = 4
_EXIF_ORIENTATION = 0x0112
_STRIPS, _STRIP_SIZES, _TILES, _TILE_SIZES, _PHOTOMETRIC = 273, 279, 324, 325, 262
_CUT_OFF = "is cut off: its contents end before they should"
_AGAIN = "Copy or export the file again"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageHeader:
    """(rows, columns), PNG, TIFF or JPEG, the display orientation of EXIF (1 = upright), and remarks."""

    shape: tuple[int, int]
    format: str
    turned: int = UPRIGHT

    @property
    def remarks(self) -> tuple[Finding, ...]:
        """That viewers show the picture otherwise than it is stored."""
        if self.turned == UPRIGHT:
            return ()
        text = (
            "Viewers show this picture turned or mirrored (EXIF orientation "
            f"{self.turned}): sides and landmarks are of the stored picture, not of what a viewer shows."
        )
        return (Finding(code="film.exif_orientation", severity=Severity.WARN, text=text, value=self.turned),)


def read_image_header(path: Path, *, name: str) -> ImageHeader:
    """Size and format of an image that is whole and not too large; no pixel is decoded.

    Raises
    ------
    BadFile
        When it is no PNG, TIFF or JPEG, too large, cut off, or of several pages.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadFile(name, f"is larger than {MAX_BYTES >> 20} MB", "Check that this is the right file")
        with _opened(path, name) as image:
            columns, rows = image.size
            if rows * columns > MAX_PIXELS or max(rows, columns) > limit("image_side"):
                what = f"has {columns} x {rows} pixels, the limit is {MAX_PIXELS}"
                raise BadFile(name, what, "Export it at a lower resolution")
            _check_whole(image, path, size, name)
            format_ = "JPEG" if image.format == "MPO" else str(image.format)
            return ImageHeader(shape=(rows, columns), format=format_, turned=_turned(image))
    except OSError as fault:
        raise unreadable(name, fault) from fault


def load_image_pixels(path: Path, *, name: str) -> PixelArray:
    """Grey values, shape (rows, columns), 8 or 16 bit or float; colour becomes luminance.

    They are decoded in a process of its own.

    Raises
    ------
    BadFile
        When the file is damaged.
    """
    rows, columns = read_image_header(path, name=name).shape
    allowed = allowance(rows * columns * _MOST_SAMPLES, file_bytes=path.stat().st_size)
    return decoded(f"{grey_of.__module__}:{grey_of.__name__}", path, name=name, allowed=allowed)


def grey_of(path: Path, *, name: str) -> PixelArray:
    """Grey values, decoded in this process; for files that `read_image_header` has passed; raises BadFile."""
    try:
        with _opened(path, name) as image:
            grey = _grey(image)
    except (OSError, ValueError, SyntaxError, struct.error) as fault:
        raise BadFile(name, "has pixels that cannot be decoded", _AGAIN) from fault
    if not np.all(np.isfinite(grey)):
        raise BadFile(name, "holds grey values that are no numbers", _AGAIN)
    return grey


def luminance(pixels: NDArray[np.generic]) -> PixelArray:
    """Grey of a grey or colour image, shape (rows, columns[, 3 or 4]); the number type is kept."""
    if pixels.ndim == 2:
        return pixels
    return np.asarray(np.rint(pixels[..., :3].astype(float) @ _LUMINANCE)).astype(pixels.dtype)


def _turned(image: Image.Image) -> int:
    """The display orientation of EXIF, 1 to 8; what is damaged there counts as none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # The PNG reader's own method would decode the picture to look behind it.
            found = Image.Image.getexif(image).get(_EXIF_ORIENTATION, UPRIGHT)
    except (OSError, ValueError, SyntaxError, struct.error, TypeError, KeyError):
        return UPRIGHT
    return found if isinstance(found, int) and 1 <= found <= 8 else UPRIGHT


def _opened(path: Path, name: str) -> Image.Image:
    try:
        with warnings.catch_warnings():
            # The size is checked against our own limit, which is above the library's; what else it has to
            # say of a damaged header is no news to a person.
            warnings.simplefilter("ignore")
            return Image.open(path, formats=FORMATS)
    except Image.DecompressionBombError as fault:
        raise BadFile(
            name, f"has more than {MAX_PIXELS} pixels", "Export it at a lower resolution"
        ) from fault
    except (UnidentifiedImageError, SyntaxError, ValueError, struct.error) as fault:
        raise BadFile(
            name, "is not a PNG, TIFF or JPEG image", "Export it in one of them, or as DICOM"
        ) from fault
    except OSError as fault:
        if fault.errno is not None:  # the system's, not the library's
            raise
        raise BadFile(name, "has a header that cannot be read", _AGAIN) from fault


def _check_whole(image: Image.Image, path: Path, size: int, name: str) -> None:
    if getattr(image, "n_frames", 1) > 1 and image.format == "TIFF":
        raise BadFile(
            name,
            f"holds {getattr(image, 'n_frames', 0)} pages, a film has one",
            "Export the page that is meant",
        )
    whole = {"PNG": _png_ends, "TIFF": _tiff_ends}.get(image.format or "", _jpeg_ends)
    if not whole(image, path, size):
        raise BadFile(name, _CUT_OFF, _AGAIN)


def _png_ends(_image: Image.Image, path: Path, size: int) -> bool:
    """Whether the chain of chunks reaches its end mark."""
    with path.open("rb") as stream:
        stream.seek(8)
        while len(head := stream.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if kind == b"IEND":
                return True
            if stream.tell() + length + 4 > size:
                return False
            stream.seek(length + 4, os.SEEK_CUR)
    return False


def _tiff_ends(image: Image.Image, _path: Path, size: int) -> bool:
    """Whether every strip or tile lies inside the file."""
    tags = getattr(image, "tag_v2", {})
    for places, sizes in ((_STRIPS, _STRIP_SIZES), (_TILES, _TILE_SIZES)):
        pairs = zip(tags.get(places, ()), tags.get(sizes, ()), strict=False)
        if any(place + length > size for place, length in pairs):
            return False
    return True


def _jpeg_ends(_image: Image.Image, path: Path, size: int) -> bool:
    """Whether an end mark stands in the last 64 kB; some writers add bytes after it."""
    with path.open("rb") as stream:
        stream.seek(max(0, size - 65536))
        return b"\xff\xd9" in stream.read()


def _grey(image: Image.Image) -> PixelArray:
    if image.mode in ("P", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"):
        return luminance(np.asarray(image.convert("RGB")))
    if image.mode in ("1", "LA", "La"):
        return np.asarray(image.convert("L"))
    grey = luminance(np.asarray(image))
    white_is_zero = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
    if white_is_zero and grey.dtype == np.uint16:  # the library turns 8-bit images round itself
        return 65535 - grey.astype(np.uint16)
    return grey
