"""The grey at which bone begins, read off the volume itself.

No scanner's scale is trusted, nor one level for all scans: soft tissue is the highest peak of the histogram
of the body, dense bone is the grey that the shell behind an edge reaches, and the surface of bone lies half
way between them. An edge between two even materials keeps its place at that grey under any symmetric blur;
where the shell is thinner than the blur the place is off by a fraction of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.core.errors import BadInput
from atlasplane.geometry.types import Array
from atlasplane.volume.settings import setting

_BINS = 400
_REPEATS = 3
_MOST_SAMPLES = 4_000_000
_TAIL = 1.047
"""Standard deviation of a normal over that of the part of it within 2.5 of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyLevels:
    """Greys of one volume.

    Attributes
    ----------
    soft : grey of soft tissue
    spread : standard deviation of the grey within soft tissue (noise and texture)
    surface : grey at which bone begins
    bone : grey of dense bone
    """

    soft: float
    spread: float
    surface: float
    bone: float

    def share(self, grey: NDArray[np.generic]) -> NDArray[np.float32]:
        """Grey as a share of the way from soft tissue (0) to dense bone (1), clipped to that."""
        scaled = (np.asarray(grey, dtype=np.float32) - self.soft) / (self.bone - self.soft)
        return np.asarray(np.clip(scaled, 0, 1), dtype=np.float32)


def body_levels(values: NDArray[np.generic], *, hounsfield: bool, name: str) -> GreyLevels:
    """First levels from the histogram alone; the surface half way from soft tissue to dense bone.

    Parameters
    ----------
    values : array, any shape
    hounsfield : bool
        Whether the greys are Hounsfield units, so that soft tissue is looked for around water.
    name : str
        What errors call the volume.

    Raises
    ------
    BadInput
        When the volume is flat, or nothing in it is brighter than soft tissue.
    """
    flat = values.reshape(-1)
    greys = np.asarray(flat[:: max(flat.size // _MOST_SAMPLES, 1)], dtype=np.float32)
    top, low = float(np.quantile(greys, 0.9999)), float(greys.min())
    if not top > low:
        raise BadInput(name, "has one grey everywhere", "Give the scan itself, not an empty volume.")
    counts, edges = np.histogram(greys, bins=_BINS, range=(low, top))
    middle = (edges[:-1] + edges[1:]) / 2
    if hounsfield:
        body = np.abs(middle - setting("water_hu")) < setting("soft_within_hu")
    else:
        body = middle > low + setting("air_share") * (top - low)
    if not counts[body].any():
        raise BadInput(name, "holds no soft tissue", "Check whether its greys are Hounsfield units.")
    peak = int(np.argmax(np.where(body, ndimage.uniform_filter1d(counts.astype(float), 3), 0.0)))
    soft = float(middle[peak])
    spread = _upper_spread(greys, soft)
    brighter = greys[greys > soft + setting("bone_above_soft") * spread]
    if brighter.size < setting("least_bone_share") * greys.size:
        raise BadInput(
            name, "holds nothing brighter than soft tissue", "Give a CT or CBCT of the neck; not an MRI."
        )
    bone = float(np.quantile(brighter, setting("dense_quantile")))
    return GreyLevels(soft=soft, spread=spread, surface=(soft + bone) / 2, bone=bone)


def surface_levels(values: NDArray[np.float32], spacing_mm: Array, first: GreyLevels) -> GreyLevels:
    """Levels of the neck: dense bone is what the shell behind an edge of bone reaches, in the median.

    Parameters
    ----------
    values : array, shape (nx, ny, nz)
        Greys of the neck alone.
    spacing_mm : array, shape (3,)
    first : GreyLevels
        Where to look for edges.
    """
    smooth = ndimage.gaussian_filter(values, setting("edge_blur"))
    reach = 2 * np.maximum(np.round(setting("shell") / spacing_mm), 1).astype(int) + 1
    peaks = ndimage.maximum_filter(smooth, size=tuple(reach))
    levels = first
    for _ in range(_REPEATS):
        bone = smooth > levels.surface
        edge = bone & ~ndimage.binary_erosion(bone, border_value=1)
        if not edge.any():
            return levels
        dense = float(np.median(peaks[edge]))
        surface = first.soft + setting("surface_share") * (dense - first.soft)
        surface = max(surface, first.soft + setting("bone_above_soft") * first.spread)
        levels = GreyLevels(
            soft=first.soft, spread=first.spread, surface=surface, bone=max(dense, surface + 1)
        )
    return levels


def _upper_spread(greys: NDArray[np.float32], soft: float) -> float:
    """Standard deviation of the peak of soft tissue, from its brighter side: fat lies on the darker one."""
    brighter = np.sort(greys[greys >= soft]) - soft
    # Two thirds of a half normal lie within its standard deviation; bone is far out in the tail, so the
    # part that is counted is narrowed until it no longer changes.
    spread = float(np.quantile(brighter, 0.6827)) if brighter.size else 0.0
    for _ in range(20):
        near = brighter[: int(np.searchsorted(brighter, 2.5 * spread, side="right"))]
        narrower = float(np.sqrt(np.mean(near**2))) * _TAIL if near.size else spread
        if narrower >= 0.999 * spread:
            break
        spread = narrower
    return spread
