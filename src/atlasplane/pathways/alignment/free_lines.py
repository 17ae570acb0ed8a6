"""Lines that an observer draws freely on a film: the angle between two, the length of one, a scale from one.

They are no quantities of the catalogue: nothing is compared or planned with them. Their error is that of
placing the ends, by the catalogue's default, and of the film's scale.
"""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from atlasplane.anatomy.landmarks import Placing
from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.core.errors import BadInput
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.marked_film import NOMINAL_MAGNIFICATION
from atlasplane.sources.film import PlanarImage


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeValue:
    """A number of freely drawn lines, on this film.

    Attributes
    ----------
    value : float
        Degrees or millimetres.
    u : float or None
        Standard uncertainty of placing and scale; None where the film has no scale that placing errors, in
        millimetres, could be turned into pixels with.
    """

    value: float
    u: float | None


def angle_between(film: PlanarImage, first: Array, second: Array) -> FreeValue:
    """Angle between two lines, whichever way they were drawn: 0 to 90 degrees.

    Parameters
    ----------
    first, second : array, shape (2, 2)
        Ends of each line, [column, row].

    Raises
    ------
    BadInput
        When a line has no length.
    """
    ways = [_way(film, line) for line in (first, second)]
    (a, b), (c, d) = ways
    angle = math.degrees(math.atan2(abs(a * d - b * c), abs(a * c + b * d)))
    end = _end_in_units(film)
    if end is None:
        return FreeValue(value=angle, u=None)
    # Each end moves its line by end / length across; two ends a line.
    turns = [math.sqrt(2) * end / math.hypot(*way) for way in ways]
    return FreeValue(value=angle, u=math.degrees(math.hypot(*turns)))


def length_of(film: PlanarImage, line: Array) -> FreeValue | None:
    """Length of a line, mm of the patient (`detector_plane_only`: at the detector); None without a scale.

    Raises
    ------
    BadInput
        When the line has no length.
    """
    length = math.hypot(*_way(film, line))
    end = _end_in_units(film)
    if end is None:
        return None
    return FreeValue(value=length, u=math.hypot(length * film.calibration.u_rel, math.sqrt(2) * end))


def scale_from(
    film: PlanarImage,
    line: Array,
    *,
    length_mm: float,
    u_length_mm: float,
    at_object: bool,
    pixel_aspect: float,
) -> Calibration:
    """The scale that an object of known length gives.

    Parameters
    ----------
    line : array, shape (2, 2)
        Ends of the object, [column, row].
    length_mm, u_length_mm : float
        Its length and the standard uncertainty of that.
    at_object : bool
        Whether it lay as far from the detector as the atlas; else it lay on the detector.
    pixel_aspect : float
        Height of a pixel over its width.

    Raises
    ------
    BadInput
        When the line has no length, or is too short for a scale.
    """
    across, down = line[1] - line[0]
    length_px = math.hypot(across, pixel_aspect * down)
    if length_px <= 0:
        raise _no_length(film)
    column = length_mm / length_px
    magnification = _magnification(film) if at_object else 1.0
    u_ends = math.sqrt(2) * _end_mm() / magnification
    u_rel = math.hypot(u_length_mm, u_ends) / length_mm
    if u_rel >= 1:
        raise BadInput(film.file, "the object is too short for a scale", "Take a longer one")
    return Calibration(
        kind=CalibrationKind.USER_FIDUCIAL if at_object else CalibrationKind.DETECTOR_PLANE_ONLY,
        mm_per_px=(column, column * pixel_aspect),
        u_rel=u_rel,
    )


def _way(film: PlanarImage, line: Array) -> tuple[float, float]:
    """From the first end to the second, in film units: mm, or pixels without a scale."""
    across, down = (line[1] - line[0]) * np.array(film.calibration.pixel_shape)
    if across == 0 and down == 0:
        raise _no_length(film)
    return float(across), float(down)


def _no_length(film: PlanarImage) -> BadInput:
    return BadInput(film.file, "both ends of a line are at one place", "Draw it longer")


def _end_in_units(film: PlanarImage) -> float | None:
    """Placing error of one end in film units; None without a scale."""
    match film.calibration.kind:
        case CalibrationKind.NONE:
            return None
        case CalibrationKind.DETECTOR_PLANE_ONLY:
            return _end_mm()
    return _end_mm() / _magnification(film)


def _magnification(film: PlanarImage) -> float:
    if film.view.is_photo:
        return 1.0
    return NOMINAL_MAGNIFICATION if film.technique is None else film.technique.magnification


@cache
def _end_mm() -> float:
    """Default placing error of one end, mm on the film, in each direction."""
    text = files("atlasplane.anatomy").joinpath("data/placing.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    table.pop("schema")
    placing = Placing(**table)
    return math.sqrt((placing.along_mm**2 + placing.across_mm**2) / 2)
