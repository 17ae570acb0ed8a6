"""Volumes for the page: what marking one needs, and slices in any direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.protocol import VOLUME, protocol
from atlasplane.core.errors import BadInput
from atlasplane.geometry.types import Array
from atlasplane.io.volume_image import VolumeImage
from atlasplane.web.documents import problem_json, revision_json, stated_revision, step_json
from atlasplane.web.grey import TOP
from atlasplane.web.opened import OpenImage
from atlasplane.xray.slices import SlicePlane, oblique_slice

Json = dict[str, Any]
MOST_BYTES = 1 << 30
"""Of one volume in memory."""
MOST_PIXELS = 2048
"""Columns and rows of a slice."""
_SAMPLES = 1 << 21
_WINDOW = (0.5, 99.6)
_FEWEST_STEPS = 256
"""Greys with a fraction are spread where fewer whole numbers than this lie between their ends."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VolumeGreys:
    """Greys of a volume in memory.

    Attributes
    ----------
    voxels : array of int16 or float32
    scale, offset : float
        A slice stores grey * scale + offset, so that 0 is left for what lies outside.
    low, high : float
        Least and greatest grey.
    window : (low, high)
        Greys that become black and white at first.
    """

    voxels: NDArray[np.generic]
    scale: float
    offset: float
    low: float
    high: float
    window: tuple[float, float]


def volume_greys(image: VolumeImage, name: str) -> VolumeGreys:
    """Read a volume's greys.

    Raises
    ------
    BadInput
        When they cannot be read, or do not fit into the memory that one volume may take.
    """
    if np.prod(image.shape, dtype=float) * 2 > MOST_BYTES:
        what = f"has {' x '.join(map(str, image.shape))} voxels, more than {MOST_BYTES >> 20} MB"
        raise BadInput(name, what, "Cut it to head and neck")
    voxels = _small(np.asarray(image.load_voxels()))
    low, high = float(voxels.min()), float(voxels.max())
    whole = voxels.dtype.kind == "i" or high - low >= _FEWEST_STEPS
    scale = 1.0 if whole and high - low < TOP - 1 else (TOP - 2) / max(high - low, 1e-30)
    step = max(1, int((voxels.size / _SAMPLES) ** (1 / 3)))
    black, white = np.percentile(voxels[::step, ::step, ::step].astype(np.float32), _WINDOW)
    return VolumeGreys(
        voxels=voxels,
        scale=scale,
        offset=1.0 - float(np.floor(low * scale)),
        low=low,
        high=high,
        window=(float(black), float(white) if white > black else float(black) + 1.0),
    )


def volume_document(
    opened: OpenImage, image: VolumeImage, greys: VolumeGreys, readings: list[Json], next_reading: str
) -> Json:
    """A volume with everything that marking it needs; greys are those of the slices, less their offset."""
    corners = _corners(image)
    return {
        "id": opened.place.id,
        "file": opened.place.name,
        "shape": list(image.shape),
        "spacing_mm": np.linalg.norm(image.affine_lps[:3, :3], axis=0).tolist(),
        "bounds_lps": [corners.min(axis=0).tolist(), corners.max(axis=0).tolist()],
        "centre_lps": corners.mean(axis=0).tolist(),
        "hounsfield": image.hounsfield and greys.scale == 1.0,
        "window": {
            "low": greys.window[0] * greys.scale,
            "high": greys.window[1] * greys.scale,
            "data_low": greys.low * greys.scale,
            "data_high": greys.high * greys.scale,
        },
        "protocol": [step_json(step, VOLUME) for step in protocol(VOLUME)],
        "readings": readings,
        "next_reading": next_reading,
        "revision": revision_json(opened),
        "visit_revision": stated_revision(opened.place),
        "sha256": opened.sha256,
        "problem": problem_json(opened.problem),
    }


def slice_bytes(greys: VolumeGreys, index_from_lps: Array, plane: SlicePlane) -> bytes:
    """A slice as 16-bit greys, row after row; 0 is outside."""
    found = oblique_slice(greys.voxels, index_from_lps, plane, outside=-greys.offset / greys.scale)
    stored = np.clip(np.rint(found * np.float32(greys.scale) + np.float32(greys.offset)), 0, TOP)
    little_endian: bytes = stored.astype("<u2").tobytes()
    return little_endian


def plane_from(centre: str, right: str, down: str, *, size: tuple[int, int], mm_per_px: float) -> SlicePlane:
    """The plane that an address names; raises BadInput."""
    try:
        width, height = size
        if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
            raise ValueError(f"width and height must lie between 1 and {MOST_PIXELS}")
        return SlicePlane(
            centre_mm=_three(centre),
            right=_unit(_three(right)),
            down=_unit(_three(down)),
            width=width,
            height=height,
            mm_per_px=mm_per_px,
        )
    except ValueError as fault:
        raise BadInput("slice", str(fault), "Load the page again") from fault


def _small(voxels: NDArray[np.generic]) -> NDArray[np.generic]:
    """The voxels in the least room that loses nothing that can be seen."""
    limits = np.iinfo(np.int16)
    if voxels.dtype.kind in "iu" and voxels.min() >= limits.min and voxels.max() <= limits.max:
        return voxels.astype(np.int16, copy=False)
    return voxels.astype(np.float32)


def _corners(image: VolumeImage) -> Array:
    ends = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape])).reshape(3, -1).T
    corners: Array = ends @ image.affine_lps[:3, :3].T + image.affine_lps[:3, 3]
    return corners


def _three(text: str) -> Array:
    numbers = np.array([float(part) for part in text.split(",")])
    if numbers.shape != (3,):
        raise ValueError(f"'{text[:60]}' is not three numbers")
    return numbers


def _unit(vector: Array) -> Array:
    length = float(np.linalg.norm(vector))
    if not length > 0:
        raise ValueError("a direction has no length")
    unit: Array = vector / length
    return unit
