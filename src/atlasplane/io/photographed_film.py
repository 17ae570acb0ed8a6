"""A film photographed on a light box: straightened by its four corners, with its scale and the scale's u.

The corners of a sheet of known size give millimetres of the film, which is the detector's plane: without the
distances no length of the patient follows. A ruler gives millimetres of its own plane, along itself.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from atlasplane import __version__
from atlasplane.core.calibration import CalibrationKind
from atlasplane.core.errors import BadFile, BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.geometry.homography import homography, mapped, rectangle_aspect, turns_clockwise
from atlasplane.geometry.types import Array
from atlasplane.io.image_film import UPRIGHT, load_image_pixels, read_image_header
from atlasplane.io.limits import agreement, limit
from atlasplane.io.models_rectified import RECTIFIED_SCHEMA
from atlasplane.sources.film import PixelArray

_STRIP_ROWS = 256
_STEP = 1e-3

_TURNS: Mapping[int, Callable[[PixelArray], PixelArray]] = {
    1: lambda grey: grey,
    2: lambda grey: grey[:, ::-1],
    3: lambda grey: grey[::-1, ::-1],
    4: lambda grey: grey[::-1],
    5: lambda grey: grey.T,
    6: lambda grey: grey.T[:, ::-1],
    7: lambda grey: grey.T[::-1, ::-1],
    8: lambda grey: grey.T[::-1],
}
"""From the stored picture to what a viewer shows, by EXIF orientation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCorners:
    """Corners of a film on its photograph.

    Attributes
    ----------
    corners_px : array, shape (4, 2)
        [column, row] on the picture as viewers show it: top left, top right, bottom right, bottom left.
    size_mm : (float, float)
        Width and height of the sheet.
    """

    corners_px: Array
    size_mm: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownLength:
    """An object of known length on a film; `ends_px`, shape (2, 2), on the picture as viewers show it.

    `in_film_plane` says that it lies on the film, not beside the bones.
    """

    ends_px: Array
    length_mm: float
    in_film_plane: bool


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StraightFilm:
    """A picture made straight.

    Attributes
    ----------
    png : bytes
        The film as PNG; of 16 bits where it was resampled.
    mm_per_px : (float, float) or None
        [column, row] in the plane of the film; None where only EXIF was applied.
    u_rel : float
    provenance : mapping
        How it came about: plain values for a JSON file beside it.
    findings : tuple of Finding
        Without the name of the file.
    """

    png: bytes
    mm_per_px: tuple[float, float] | None
    u_rel: float
    provenance: Mapping[str, object]
    findings: tuple[Finding, ...]


def upright_picture(path: Path, *, name: str) -> StraightFilm | None:
    """The picture as viewers show it, where that is not how it is stored; raises BadFile."""
    turned = read_image_header(path, name=name).turned
    if turned == UPRIGHT:
        return None
    text = "The picture was stored turned or mirrored and is kept upright; the original lies beside it."
    told = Finding(code="film.made_upright", severity=Severity.INFO, text=text, value=turned)
    return StraightFilm(
        png=_png(_upright(path, name, turned)),
        mm_per_px=None,
        u_rel=0.0,
        provenance={"exif_orientation": turned},
        findings=(told,),
    )


def straightened(path: Path, sheet: SheetCorners, *, name: str) -> StraightFilm:
    """The sheet of film cut out of its photograph, as if it had been looked at straight on.

    Raises
    ------
    BadInput
        When the corners are outside the picture, out of order or no four corners, or the size is impossible.
    BadFile
        When the picture cannot be read.
    """
    turned = read_image_header(path, name=name).turned
    photo = _upright(path, name, turned)
    _check_corners(sheet, photo.shape, name)
    shape, mm_per_px = _straight_grid(sheet, name)
    rows, columns = shape
    edges = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], dtype=float) - 0.5
    to_photo = homography(edges, sheet.corners_px)
    terms = _scale_terms(sheet)
    u_rel = math.sqrt(sum(value**2 for value in terms.values()))
    return StraightFilm(
        png=_png(_resampled(photo, to_photo, shape)),
        mm_per_px=mm_per_px,
        u_rel=u_rel,
        provenance={
            "exif_orientation": turned,
            "corners_px": np.asarray(sheet.corners_px).tolist(),
            "size_mm": list(sheet.size_mm),
            "photo_px_from_film_px": to_photo.tolist(),
            "mm_per_px": list(mm_per_px),
            "u_rel": u_rel,
            "u_rel_terms": terms,
        },
        findings=_aspect_findings(sheet, photo.shape),
    )


def provenance_text(film: StraightFilm, *, ends_in: str, sha256: str) -> str:
    """The JSON file that lies beside a straightened film, under the film's own stem.

    Parameters
    ----------
    ends_in : str
        What the original's name ends in, after the same stem.
    sha256 : str
        Digest of the original's bytes.
    """
    content = {
        "schema": RECTIFIED_SCHEMA,
        "software": __version__,
        "original": {"ends_in": ends_in, "sha256": sha256},
        "film": {"sha256": hashlib.sha256(film.png).hexdigest()},
        **film.provenance,
    }
    return json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def length_scale(known: KnownLength, shape: tuple[int, int], *, name: str) -> tuple[float, float]:
    """Millimetres of a pixel along an object of known length, and its relative u from placing both ends.

    Raises
    ------
    BadInput
        When an end lies outside the picture, or the two are one.
    """
    _check_inside(known.ends_px, shape, name, "--scale-ends")
    pixels = float(np.hypot(*(known.ends_px[1] - known.ends_px[0])))
    if pixels < 1 or not known.length_mm > 0:
        raise BadInput(
            name, "the ends of the known length are one point", "Give its two ends, and its length"
        )
    return known.length_mm / pixels, math.sqrt(2) * agreement("corner_sd_px") / pixels


def plane_calibration(
    mm_per_px: tuple[float, float], u_rel: float, technique: Mapping[str, object] | None
) -> dict[str, object]:
    """A scale on the film as a calibration table: at the patient where both distances are stated."""
    sid, sod = (technique or {}).get("sid_mm"), (technique or {}).get("sod_mm")
    if isinstance(sid, int | float) and isinstance(sod, int | float) and 0 < sod < sid:
        by = sod / sid
        usual = CalibrationKind.SID_SOD.usual.u_rel
        sizes = [size * by for size in mm_per_px]
        return {"kind": "sid_sod", "mm_per_px": sizes, "u_rel": _rounded(math.hypot(u_rel, usual))}
    return {"kind": "detector_plane_only", "mm_per_px": list(mm_per_px), "u_rel": _rounded(u_rel)}


def object_calibration(mm_per_px: float, u_rel: float) -> dict[str, object]:
    """A scale beside the bones as a calibration table: the depth of the object is part of its u."""
    usual = CalibrationKind.USER_FIDUCIAL.usual.u_rel
    return {
        "kind": "user_fiducial",
        "mm_per_px": [mm_per_px, mm_per_px],
        "u_rel": _rounded(math.hypot(u_rel, usual)),
    }


def perspective_finding(known: KnownLength) -> Finding:
    """That one length corrects no perspective."""
    plane = "the film" if known.in_film_plane else "the object"
    text = (
        f"The scale holds in the plane of {plane}, along the known length: a photograph taken at an angle "
        "has another scale elsewhere, and bent angles. The four corners of the film would correct both."
    )
    return Finding(code="photo.perspective_unknown", severity=Severity.WARN, text=text)


def _rounded(u_rel: float) -> float:
    """Two significant digits: more would claim to know the u of a u."""
    return float(f"{u_rel:.2g}")


def _upright(path: Path, name: str, turned: int) -> PixelArray:
    return np.ascontiguousarray(_TURNS[turned](load_image_pixels(path, name=name)))


def _check_corners(sheet: SheetCorners, shape: tuple[int, ...], name: str) -> None:
    _check_inside(sheet.corners_px, shape, name, "--film-corners")
    if not all(math.isfinite(side) and 20 <= side <= 2500 for side in sheet.size_mm):
        what = f"a sheet of {sheet.size_mm[0]:g} x {sheet.size_mm[1]:g} mm is no film"
        raise BadInput(name, what, "Give --film-size-mm as WIDTHxHEIGHT in millimetres")
    if not turns_clockwise(sheet.corners_px):
        remedy = "Give them clockwise from the top left: top left, top right, bottom right, bottom left"
        raise BadInput(name, "the corners of the film do not run round it clockwise", remedy)


def _check_inside(points: Array, shape: tuple[int, ...], name: str, option: str) -> None:
    rows, columns = shape[:2]
    inside = np.all((points >= -0.5) & (points <= np.array([columns, rows]) - 0.5), axis=1)
    if not np.all(inside):
        column, row = points[~inside][0]
        what = f"{option}: ({column:g}, {row:g}) lies outside the picture ({columns} x {rows})"
        raise BadInput(name, what, "Give [column, row] as a viewer shows the picture")


def _straight_grid(sheet: SheetCorners, name: str) -> tuple[tuple[int, int], tuple[float, float]]:
    """(rows, columns) and mm a pixel, somewhat finer than the photograph where that is finest."""
    width, height = sheet.size_mm
    film = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float)
    to_photo = homography(film, sheet.corners_px)
    finest = max(float(np.linalg.svd(_jacobian(to_photo, corner), compute_uv=False)[0]) for corner in film)
    pitch = agreement("photo_step_px") / finest
    columns, rows = max(1, round(width / pitch)), max(1, round(height / pitch))
    if rows * columns > limit("image_pixels"):
        what = f"would be a film of {columns} x {rows} pixels"
        raise BadFile(name, what, "Take the photograph straight on, or at a lower resolution")
    return (rows, columns), (width / columns, height / rows)


def _jacobian(matrix: Array, at: Array) -> Array:
    """Derivative of a mapping at a point, shape (2, 2)."""
    homogeneous = matrix @ np.append(at, 1.0)
    point = homogeneous[:2] / homogeneous[2]
    jacobian: Array = (matrix[:2, :2] - np.outer(point, matrix[2, :2])) / homogeneous[2]
    return jacobian


def _scale_terms(sheet: SheetCorners) -> dict[str, float]:
    """Relative u of a length in the middle of the film, by cause; the worse of the two directions."""
    width, height = sheet.size_mm
    film = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float)
    middle = film.mean(axis=0)
    worst = 0.0
    for along in ([width / 4, 0.0], [0.0, height / 4]):
        ends = np.array([middle - along, middle + along])
        seen = mapped(homography(film, sheet.corners_px), ends)
        slopes = []
        for place in np.ndindex(4, 2):
            moved = np.array(sheet.corners_px, dtype=float)
            moved[place] += _STEP
            found = mapped(homography(moved, film), seen)
            slopes.append((np.hypot(*(found[1] - found[0])) / np.hypot(*(ends[1] - ends[0])) - 1) / _STEP)
        worst = max(worst, float(np.linalg.norm(slopes)))
    return {
        "corners": worst * agreement("corner_sd_px"),
        "film_size": agreement("film_size_u_mm") / min(sheet.size_mm),
        "lens": agreement("photo_lens_rel"),
    }


def _aspect_findings(sheet: SheetCorners, shape: tuple[int, ...]) -> tuple[Finding, ...]:
    rows, columns = shape[:2]
    centre = np.array([(columns - 1) / 2, (rows - 1) / 2])
    stated = sheet.size_mm[0] / sheet.size_mm[1]
    told = rectangle_aspect(sheet.corners_px, centre)
    seen, most = (
        (_mean_sides_ratio(sheet.corners_px), agreement("film_sides_rel"))
        if told is None
        else (told, agreement("film_aspect_rel"))
    )
    if abs(seen / stated - 1) <= most:
        return ()
    text = (
        f"On the photograph the sheet is {seen:.2f} times as wide as high, by its stated size {stated:.2f}: "
        "were width and height exchanged, or is it another film size?"
    )
    return (
        Finding(
            code="photo.film_aspect", severity=Severity.WARN, text=text, value=seen / stated - 1, limit=most
        ),
    )


def _mean_sides_ratio(corners: Array) -> float:
    top, right, bottom, left = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    return float((top + bottom) / (left + right))


def _resampled(photo: PixelArray, to_photo: Array, shape: tuple[int, int]) -> PixelArray:
    """Greys of the straight film, 16 bit, linear between pixels of the photograph."""
    from scipy.ndimage import map_coordinates

    rows, columns = shape
    grey = photo.astype(np.float32)
    top = (
        {1: 255.0, 2: 65535.0}.get(photo.itemsize if photo.dtype.kind == "u" else 0)
        or float(grey.max())
        or 1.0
    )
    out = np.empty(shape, np.uint16)
    for first in range(0, rows, _STRIP_ROWS):
        last = min(first + _STRIP_ROWS, rows)
        row, column = np.mgrid[first:last, 0:columns]
        places = mapped(to_photo, np.column_stack([column.ravel(), row.ravel()]).astype(float))
        strip = map_coordinates(grey, [places[:, 1], places[:, 0]], order=1, mode="nearest")
        out[first:last] = np.rint(np.clip(strip / top, 0, 1) * 65535).reshape(last - first, columns)
    return out


def _png(grey: PixelArray) -> bytes:
    if grey.dtype not in (np.uint8, np.uint16):
        low, high = float(grey.min()), float(grey.max())
        grey = np.rint((grey.astype(float) - low) / ((high - low) or 1.0) * 65535).astype(np.uint16)
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(grey)).save(stream, "PNG")
    return stream.getvalue()
