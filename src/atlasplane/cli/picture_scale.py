"""The options that give a picture of a film its scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atlasplane.cli.values import numbers
from atlasplane.core.errors import BadInput

if TYPE_CHECKING:
    from atlasplane.geometry.types import Array
    from atlasplane.io.film_preparation import PictureScale


def picture_scale(
    corners: str | None, size: str | None, ends: str | None, length_mm: float | None, plane: str | None
) -> PictureScale:
    """Corners or a known length as the reader wants them.

    Raises
    ------
    BadInput
        When one of the options that go together is missing, or is not what it should be.
    """
    from atlasplane.io.film_preparation import PictureScale
    from atlasplane.io.photographed_film import KnownLength, SheetCorners

    _together({"--film-corners": corners, "--film-size-mm": size})
    _together({"--scale-ends": ends, "--scale-mm": length_mm, "--scale-plane": plane})
    sheet = known = None
    if corners is not None and size is not None:
        width, height = numbers("--film-size-mm", size.replace("x", ","), like="240,300")
        sheet = SheetCorners(corners_px=_points("--film-corners", corners, 4), size_mm=(width, height))
    if ends is not None and length_mm is not None:
        if plane not in ("film", "bones"):
            raise BadInput("--scale-plane", f"is '{plane}'", "Write film or bones")
        points = _points("--scale-ends", ends, 2)
        known = KnownLength(ends_px=points, length_mm=length_mm, in_film_plane=plane == "film")
    return PictureScale(sheet=sheet, known=known)


def _together(options: dict[str, object]) -> None:
    missing = [option for option, value in options.items() if value is None]
    if 0 < len(missing) < len(options):
        given = next(option for option, value in options.items() if value is not None)
        raise BadInput(given, "does not stand alone", f"Give {' and '.join(missing)} too")


def _points(option: str, text: str, count: int) -> Array:
    like = " ".join(["120,80", "2310,95", "2298,2890", "101,2874"][:count])
    import numpy as np

    parts = text.split()
    if len(parts) != count:
        raise BadInput(option, f"holds {len(parts)} points, {count} are needed", f'Write {option} "{like}"')
    return np.array([numbers(option, part, like="120,80") for part in parts])
