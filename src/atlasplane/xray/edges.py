"""A drawn polyline moved to the edge that it was meant to follow, to a fraction of a pixel.

Each vertex looks along its normal for the steepest change of grey. What it looks at is the film under a
Gaussian, whose steepest place is close to the best estimate of a step in white noise (Canny 1986,
doi:10.1109/TPAMI.1986.4767851). Which of several edges is meant is decided for all vertices together, so that
none jumps to another one. Two edges nearer to each other than about three times the width of the Gaussian
push each other apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.geometry.types import Array
from atlasplane.xray.tables import packaged_table

SCHEMA = "atlasplane.edges/1"
_STEP = 0.25
"""Distance of the samples along a normal, px; far below the width of what is looked for."""
_WIDE = 8.0
"""A box larger than this many of its vertices' own neighbourhoods is not worth filtering as a whole."""

_Peak = tuple[float, float]
"""Place along the normal, px, and signed derivative there."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SnappedContour:
    """A polyline after it was moved.

    Attributes
    ----------
    at : array, shape (n, 2)
        [column, row]; a vertex without an edge stands where it was.
    moved_px : array, shape (n,)
        Along the normal, + to the right of the drawing direction as the image shows it.
    found : array of bool, shape (n,)
    """

    at: Array
    moved_px: Array
    found: NDArray[np.bool_]


def snapped(pixels: NDArray[np.generic], contour: Array, *, reach_px: float) -> SnappedContour:
    """The polyline with every vertex on the edge near it.

    Parameters
    ----------
    pixels : array, shape (rows, columns)
    contour : array, shape (n, 2)
        [column, row]; one vertex alone looks along the film's own gradient around it.
    reach_px : float
        How far a vertex may move.
    """
    if len(contour) > 1:
        normals = _normals(contour)
    else:
        normals = _Field.around(pixels, contour, reach_px).direction(contour[0], reach_px)[None]
    chosen = _followed(_candidates(pixels, contour, normals, reach_px), reach_px)
    moved = np.array([0.0 if peak is None else peak[0] for peak in chosen])
    found = np.array([peak is not None for peak in chosen])
    return SnappedContour(at=contour + moved[:, None] * normals, moved_px=moved, found=found)


def _candidates(
    pixels: NDArray[np.generic], points: Array, normals: Array, reach_px: float
) -> list[list[_Peak]]:
    """Edges that each vertex could be meant for. A polyline that crosses a wide box is taken in pieces."""
    box = np.prod(np.ptp(points, axis=0) + 2 * reach_px)
    if len(points) > 1 and box > _WIDE * len(points) * (2 * reach_px) ** 2:
        half = len(points) // 2
        pieces = ((points[:half], normals[:half]), (points[half:], normals[half:]))
        return [peaks for at, across in pieces for peaks in _candidates(pixels, at, across, reach_px)]
    field = _Field.around(pixels, points, reach_px)
    most = math.ceil(reach_px / _STEP)
    steps: Array = np.arange(-most, most + 1).astype(float) * _STEP
    profiles = field.along(points, normals, steps)
    return [_peaks(profile, steps, reach_px, field.noise) for profile in profiles]


@dataclass(frozen=True, slots=True, eq=False)
class _Field:
    """Gradient of the blurred film around a polyline.

    Attributes
    ----------
    across, down : array, shape (h, w)
        Cubic splines of the derivatives along columns and rows, greys per px.
    corner : array, shape (2,)
        [column, row] of their first element.
    noise : float
        Standard deviation that the film's white noise gives to a derivative.
    """

    across: Array
    down: Array
    corner: Array
    noise: float

    @classmethod
    def around(cls, pixels: NDArray[np.generic], contour: Array, reach_px: float) -> _Field:
        blur = _setting("blur")
        margin = math.ceil(reach_px + _setting("along") + 5 * blur) + 2
        size = np.array(pixels.shape[::-1])
        low = np.clip(np.floor(contour.min(axis=0)).astype(int) - margin, 0, size - 1)
        high = np.clip(np.ceil(contour.max(axis=0)).astype(int) + margin + 1, low + 1, size)
        part = np.asarray(pixels[low[1] : high[1], low[0] : high[0]], dtype=np.float32)
        across, down = (
            # Cubic between the pixels: a linear interpolant is steepest at a pixel, whatever the edge.
            ndimage.spline_filter(ndimage.gaussian_filter(part, blur, order=order, mode="nearest"), order=3)
            for order in ((0, 1), (1, 0))
        )
        # Variance of a Gaussian derivative of white noise of variance 1: 1 / (8 pi blur^4).
        noise = _white_noise(part) / (math.sqrt(8 * math.pi) * blur**2)
        return cls(across, down, low.astype(float), noise)

    def along(self, points: Array, normals: Array, steps: Array) -> Array:
        """Derivative along each normal, averaged a little along the polyline; shape (n, steps)."""
        beside = np.arange(-_setting("along"), _setting("along") + 0.5)
        tangents = normals @ np.array([[0.0, -1.0], [1.0, 0.0]])
        at = (
            points[:, None, None]
            + steps[None, :, None, None] * normals[:, None, None]
            + beside[None, None, :, None] * tangents[:, None, None]
            - self.corner
        )
        where = [at[..., 1].ravel(), at[..., 0].ravel()]
        parts = [
            _interpolated(part, where).reshape(at.shape[:-1]).mean(axis=-1)
            for part in (self.across, self.down)
        ]
        mean: Array = parts[0] * normals[:, :1] + parts[1] * normals[:, 1:]
        return mean

    def direction(self, point: Array, reach_px: float) -> Array:
        """Unit vector of the steepest change around a point, shape (2,)."""
        rows, columns = np.indices(self.across.shape)
        away2 = (columns + self.corner[0] - point[0]) ** 2 + (rows + self.corner[1] - point[1]) ** 2
        weight = np.exp(-2 * away2 / reach_px**2)
        a, d = self.across, self.down
        tensor = np.array(
            [
                [(weight * a * a).sum(), (weight * a * d).sum()],
                [(weight * a * d).sum(), (weight * d * d).sum()],
            ]
        )
        principal: Array = np.linalg.eigh(tensor)[1][:, 1]
        return principal


def _interpolated(spline: Array, where: list[Array]) -> Array:
    values: Array = ndimage.map_coordinates(spline, where, order=3, mode="nearest", prefilter=False)
    return values


def _white_noise(part: NDArray[np.float32]) -> float:
    """Standard deviation of the noise from pixel to pixel; straight edges along the pixels add nothing."""
    if min(part.shape) < 2:
        return 0.0
    mixed = (part[:-1, :-1] - part[1:, :-1] - part[:-1, 1:] + part[1:, 1:]) / 2
    return float(1.4826 * np.median(np.abs(mixed)))


def _normals(contour: Array) -> Array:
    """Unit normals, shape (n, 2), from the neighbours of each vertex; to the right as the image shows it."""
    tangent = (
        np.gradient(contour, axis=0) if len(contour) > 2 else np.repeat(np.diff(contour, axis=0), 2, axis=0)
    )
    length = np.linalg.norm(tangent, axis=1, keepdims=True)
    unit = np.divide(tangent, length, out=np.tile([1.0, 0.0], (len(contour), 1)), where=length > 0)
    normals: Array = unit @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    return normals


def _peaks(profile: Array, steps: Array, reach_px: float, noise: float) -> list[_Peak]:
    """Steepest places of one profile that stand out of the noise."""
    size = np.abs(profile)
    inner = size[1:-1]
    at = 1 + np.flatnonzero((inner >= size[:-2]) & (inner > size[2:]) & (inner > _setting("seen") * noise))
    peaks = []
    for k in at:
        before, here, after = size[k - 1], size[k], size[k + 1]
        shift = 0.5 * (before - after) / (before - 2 * here + after)
        place = float(steps[k] + shift * _STEP)
        if abs(place) <= reach_px and profile[k] != 0:
            peaks.append((place, float(profile[k])))
    return peaks


def _followed(candidates: list[list[_Peak]], reach_px: float) -> list[_Peak | None]:
    """One edge a vertex, or none, chosen for all together (dynamic programming): steep, near, the same."""
    clear = _clear(candidates)
    if clear == 0:
        return [None] * len(candidates)
    weak = _setting("weak") * clear
    options: list[list[_Peak | None]] = [
        [None, *(p for p in peaks if abs(p[1]) > weak)] for peaks in candidates
    ]
    total = np.array([_own(option, clear, reach_px) for option in options[0]])
    back: list[NDArray[np.intp]] = []
    for before, here in pairwise(options):
        steps = total[:, None] + np.array([[_between(a, b, reach_px) for b in here] for a in before])
        back.append(steps.argmin(axis=0))
        total = steps.min(axis=0) + np.array([_own(option, clear, reach_px) for option in here])
    k = int(total.argmin())
    chosen = [options[-1][k]]
    for pointers, before in zip(reversed(back), reversed(options[:-1]), strict=True):
        k = int(pointers[k])
        chosen.append(before[k])
    return chosen[::-1]


def _clear(candidates: list[list[_Peak]]) -> float:
    """What counts as a clear edge on this polyline: the median of each vertex' steepest."""
    steepest = [max(abs(size) for _, size in peaks) for peaks in candidates if peaks]
    return float(np.median(steepest)) if steepest else 0.0


def _own(option: _Peak | None, clear: float, reach_px: float) -> float:
    """Cost of an edge by itself, or of none."""
    if option is None:
        return _setting("missed")
    place, size = option
    return -min(abs(size) / clear, 1.5) + _setting("far") * (place / reach_px) ** 2


def _between(a: _Peak | None, b: _Peak | None, reach_px: float) -> float:
    if a is None or b is None:
        return 0.0
    turned = _setting("turned") if a[1] * b[1] < 0 else 0.0
    return turned + _setting("jump") * ((a[0] - b[0]) / reach_px) ** 2


def _setting(name: str) -> float:
    return float(packaged_table("edges.toml", SCHEMA)[name]["value"])
