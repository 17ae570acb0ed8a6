"""From a film's greys to the log image that projections are compared with.

Attenuation adds up in the logarithm of the transmitted share (Beer and Lambert), so what is compared grows
with the line integral: taken from counts it is that, up to scatter and hardening; greys of a film made for
viewing are a locally changed version of it, and the comparison allows for that (`xray.registration_film`).
What shows no bone (shutter, letters, clipped greys) is marked and takes no part.

Places on a reduced picture: pixel [k, m] of a picture reduced by s is the mean of the film pixels s k ..
s k + s - 1 and s m .. s m + s - 1; its centre lies at film pixel [s k + (s - 1) / 2, s m + (s - 1) / 2].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.core.errors import BadInput
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.types import Array
from atlasplane.xray.film_settings import setting

Kind = Literal["counts", "log", "presentation"]
Image32 = NDArray[np.float32]
Mask = NDArray[np.bool_]

_TOUCHING = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmSignal:
    """What of a film is compared with projections.

    Attributes
    ----------
    log_image : array of float32, shape (rows, columns)
        Grows with attenuation (bone bright), finite everywhere.
    valid : array of bool, shape (rows, columns)
        Where the film shows the beam behind the patient, unclipped.
    pixel_step : int
        Film pixels that one pixel spans along each axis.
    kind : "counts", "log" or "presentation"
        What the greys were: how closely the log image follows the line integral.
    note : str
        What was left out, for the reader of a report.
    """

    log_image: Image32
    valid: Mask
    pixel_step: int = 1
    kind: Kind = "log"
    note: str = ""


def film_signal(
    pixels: NDArray[np.generic], *, kind: Kind, bright_bone: bool, step: int = 1, file: str = "film"
) -> FilmSignal:
    """The log image of a film and where it can be used.

    Parameters
    ----------
    pixels : array, shape (rows, columns)
        Stored greys; NaN where there is no film.
    kind : {"counts", "log", "presentation"}
        ``counts``: linear in the detected quanta; the open field is taken from the brightest part. ``log``:
        proportional to the line integral up to a constant, taken as they are. ``presentation``: made for
        viewing, scaled so that the 1st and 99th percentile of what is used become 0 and 1.
    bright_bone : bool
        Whether the stored greys grow with attenuation; False for a MONOCHROME1 or inverted film, and for
        counts. Inverted counts are turned at their highest value.
    step : int
        Reduce the picture by this many pixels; see `reduced`.
    file : str
        How messages call the film.

    Raises
    ------
    BadInput
        When nothing of the film can be used, or the kind is not known.
    """
    if kind not in _LOG_IMAGES:
        raise BadInput(file, f"{kind!r} is no kind of grey", f"Pass one of {', '.join(_LOG_IMAGES)}")
    grey = np.asarray(pixels)
    if grey.ndim != 2 or not grey.size:
        raise BadInput(file, f"its greys have shape {grey.shape}", "Pass a grey picture (rows, columns)")
    there = np.isfinite(grey) if np.issubdtype(grey.dtype, np.floating) else np.ones(grey.shape, dtype=bool)
    if not there.any() or grey[there].min() == grey[there].max():
        raise BadInput(file, "it is one grey all over", "Export the film with its image")
    # Only what was digitised has ends of its scale: computed counts and line integrals have none.
    scaled = kind == "presentation" or bool(np.all(grey[there] == np.rint(grey[there])))
    clipped = _clipped(grey, there) if scaled else np.zeros(grey.shape, dtype=bool)
    image, told = _LOG_IMAGES[kind](grey.astype(np.float32), there & ~clipped, bright_bone)
    shutter = np.zeros(grey.shape, dtype=bool) if kind == "presentation" else _shutter(image, kind, told)
    valid = told & ~shutter
    if not valid.any():
        raise BadInput(file, "all of it is shutter, clipped or empty", "Export the film with its image")
    signal = FilmSignal(
        log_image=np.where(np.isfinite(image), image, np.float32(0)).astype(np.float32),
        valid=valid,
        kind=kind,
        note=_note({"clipped or painted over": clipped, "under the shutter": shutter}),
    )
    return reduced(signal, step)


def reduced(signal: FilmSignal, step: int) -> FilmSignal:
    """The signal on pixels `step` times as large: means of what is valid of each block.

    Rows and columns that fill no whole block are left out. A mean over a block is free of aliasing as far as
    a detector with such large pixels is; it blurs by a standard deviation of step / sqrt(12) pixels. For
    where the pixels lie see the module and `reduced_camera`.

    Raises
    ------
    ValueError
        When the step is not positive or larger than the picture.
    """
    if step < 1 or step > min(signal.log_image.shape):
        raise ValueError(f"a picture {signal.log_image.shape} cannot be reduced by {step}")
    if step == 1:
        return signal
    share = _block_means(signal.valid.astype(np.float32), step)
    total = _block_means(np.where(signal.valid, signal.log_image, np.float32(0)), step)
    valid = share >= setting("kept_share")
    mean = np.divide(total, share, out=np.zeros_like(total), where=valid)
    return replace(signal, log_image=mean, valid=valid, pixel_step=signal.pixel_step * step)


def reduced_camera(camera: PinholeCamera, step: int, *, first_px: tuple[int, int] = (0, 0)) -> PinholeCamera:
    """The camera whose pixels are the blocks of `step` film pixels that start at `first_px` [column, row].

    Exact: pixel [k, m] of it looks at film pixel first + step [k, m] + (step - 1) / 2.
    """
    to_centre = np.array(first_px, dtype=float) + 0.5 * (step - 1)
    return replace(
        camera, pitch_mm=camera.pitch_mm * step, principal_px=(camera.principal_px - to_centre) / step
    )


def film_pixels(reduced_px: Array, step: int) -> Array:
    """[column, row] on the film of places on a reduced picture, shape (..., 2)."""
    return np.asarray(reduced_px, dtype=float) * step + 0.5 * (step - 1)


def _counts(grey: Image32, there: Mask, bright_bone: bool) -> tuple[Image32, Mask]:
    """Minus the logarithm of the share of the open field, and where there are counts enough."""
    counts = np.float32(grey[there].max()) - grey if bright_bone else grey
    open_field = float(np.percentile(counts[there], setting("open_field")))
    if not open_field > 0:
        return np.zeros_like(counts), np.zeros_like(there)
    share = counts / np.float32(open_field)
    least = np.float32(setting("floor"))
    told = there & (share > least)
    return -np.log(np.where(told, share, least)), told


def _log(grey: Image32, there: Mask, bright_bone: bool) -> tuple[Image32, Mask]:
    return (grey if bright_bone else -grey), there


def _presentation(grey: Image32, there: Mask, bright_bone: bool) -> tuple[Image32, Mask]:
    if not there.any():
        return grey, there
    low, high = np.percentile(grey[there], [1, 99])
    scaled = (grey - np.float32(low)) / np.float32(max(float(high - low), 1e-6))
    return (scaled if bright_bone else 1 - scaled), there


_LOG_IMAGES: MappingProxyType[str, Callable[[Image32, Mask, bool], tuple[Image32, Mask]]] = MappingProxyType(
    {"counts": _counts, "log": _log, "presentation": _presentation}
)


def _clipped(grey: NDArray[np.generic], there: Mask) -> Mask:
    """Areas at either end of the scale, with a rim; where they reach the border, what wavers there too."""
    values = np.where(there, grey, grey[there].min())
    low, high = float(values.min()), float(values.max())
    near = setting("near_end") * (high - low)
    flat = np.zeros(grey.shape, dtype=bool)
    for end in (low, high):
        at_end = (values == end) & there
        flat |= _large(at_end, setting("end_of_scale"))
        flat |= _at_border(np.abs(values.astype(np.float32) - np.float32(end)) <= near, at_end)
    margin = round(setting("margin"))
    return ndimage.binary_dilation(flat, _TOUCHING, iterations=margin) if flat.any() else flat


def _large(area: Mask, least_px: float) -> Mask:
    """The parts of an area that hold at least so many touching pixels."""
    labels, count = ndimage.label(area, _TOUCHING)
    if not count:
        return area
    kept = np.bincount(labels.ravel()) >= least_px
    kept[0] = False
    return np.asarray(kept[labels])


def _at_border(area: Mask, core: Mask) -> Mask:
    """The parts of an area that touch the picture's border and are mostly `core`."""
    labels, count = ndimage.label(area, _TOUCHING)
    if not count:
        return area
    size = np.bincount(labels.ravel(), minlength=count + 1)
    inner = np.bincount(labels.ravel(), weights=core.ravel(), minlength=count + 1)
    border = np.zeros(count + 1, dtype=bool)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        border[side] = True
    border[0] = False
    return np.asarray((border & (inner >= 0.5 * size) & (size >= setting("end_of_scale")))[labels])


def _shutter(image: Image32, kind: Kind, told: Mask) -> Mask:
    """Unpainted borders behind a collimator: much darker to the beam than the line next to them."""
    low, high = np.percentile(image[told], [5, 95]) if told.any() else (0.0, 0.0)
    step = setting("shutter_step") * (1.0 if kind == "counts" else float(high - low))
    hidden = np.zeros(image.shape, dtype=bool)
    if step > 0:
        for turned, out in zip(_from_sides(image), _from_sides(hidden), strict=True):
            out[: _border_lines(turned, step)] = True
    return hidden


def _from_sides(picture: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Views of a picture whose first line is its top, bottom, left and right border."""
    return picture, picture[::-1], picture.T, picture.T[::-1]


def _border_lines(image: Image32, step: float) -> int:
    """How many lines from the top lie behind the collimator, its penumbra included."""
    wide, reach = int(setting("most_penumbra")), int(setting("shutter_reach") * image.shape[0])
    if reach < 1 or image.shape[0] <= reach + wide:
        return 0
    rise = image[:reach] - image[wide : reach + wide]
    seen = np.mean(rise > step, axis=1) >= setting("shutter_share")
    seen &= np.mean(rise > setting("shutter_trace") * step, axis=1) >= setting("shutter_line")
    if not seen.any():
        return 0
    last = int(np.nonzero(seen)[0][-1])
    # All that lies outside the edge is as dark to the beam as the edge's own outer side.
    level = np.median(image[last + wide]) + 0.5 * step
    return last + wide if np.all(np.median(image[: last + 1], axis=1) > level) else 0


def _note(areas: dict[str, Mask]) -> str:
    shares = {name: 100 * float(area.mean()) for name, area in areas.items() if area.any()}
    return "; ".join(f"{share:.1f} % {name}" for name, share in shares.items())


def _block_means(image: Image32, step: int) -> Image32:
    rows, columns = (n // step for n in image.shape)
    # Rows first: they lie one after the other in memory.
    lines = image[: rows * step, : columns * step].reshape(rows, step, -1).sum(axis=1, dtype=np.float32)
    sums: Image32 = lines.reshape(rows, columns, step).sum(axis=2, dtype=np.float32)
    return sums / np.float32(step**2)
