"""Saved overlays as pictures of a report: read from the visit's folder, looked at, and made small."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from atlasplane.io.models_registration import PictureJson
from atlasplane.io.registration_record import OVERLAY_FOLDER
from atlasplane.report.registration_view import RegistrationPicture

TITLES = {
    "contours": "Outlines of the bones",
    "difference": "Film minus model",
    "checkerboard": "Film and model in tiles",
}
ALTS = {
    "contours": "the film with the outlines of skull, C1 and C2 where they were found",
    "difference": "the film minus the model; where they agree it is even grey",
    "checkerboard": "film and model in turn, tile by tile; where they agree edges run on across the tiles",
}
_QUALITY = 84
_MOST_PIXELS = 4_000_000
_MOST_BYTES = 16 << 20


def registration_picture(folder: Path, picture: PictureJson, film: str) -> RegistrationPicture | None:
    """A saved overlay as a JPEG; None where its file is missing or no such picture.

    Parameters
    ----------
    folder : Path
        Of the visit.
    picture : PictureJson
        As the record names it.
    film : str
        Name of the film for those who cannot see it.
    """
    from PIL import Image, UnidentifiedImageError  # here, so that a report without pictures needs no library

    path = folder / OVERLAY_FOLDER / Path(picture.file).name
    try:
        if path.is_symlink() or path.stat().st_size > _MOST_BYTES:
            return None
        with Image.open(path, formats=("PNG",)) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                return None
            whole = opened.convert("RGB")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        return None
    stream = io.BytesIO()
    whole.save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    return RegistrationPicture(
        title=TITLES[picture.kind],
        jpeg=base64.b64encode(stream.getvalue()).decode("ascii"),
        width=whole.width,
        height=whole.height,
        alt=f"{film}: {ALTS[picture.kind]}.",
    )
