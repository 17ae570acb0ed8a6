"""Attenuation of a CT volume by a stated map of two materials, and the removal of what is not the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.anatomy.solids import CORTICAL_PER_MM, WATER_PER_MM, Solid
from atlasplane.core.errors import BadInput
from atlasplane.geometry.types import Array

Mask = NDArray[np.bool_]

UNCALIBRATED = (
    "the greys are not Hounsfield units: attenuation comes from the stated greys of air, water and bone, "
    "so shapes and positions are right and densities are not calibrated"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GreyMap:
    """Greys of the materials that fix the map; linear between them, bone's slope kept above.

    Attributes
    ----------
    air, water, bone : grey of air (attenuation 0), of water and of dense bone; strictly increasing
    hounsfield : whether the greys are Hounsfield units
    """

    air: float
    water: float
    bone: float
    hounsfield: bool

    def __post_init__(self) -> None:
        if not self.air < self.water < self.bone:
            raise BadInput(
                "CT greys",
                f"air {self.air:g}, water {self.water:g} and bone {self.bone:g} do not increase",
                "Read the three greys off the volume's histogram",
            )


HOUNSFIELD = GreyMap(air=-1000.0, water=0.0, bone=1800.0, hounsfield=True)
"""Hounsfield units by definition for air and water; 1800 HU taken for dense cortical bone."""


def attenuation(grey: NDArray[np.generic], greys: GreyMap) -> tuple[NDArray[np.float32], str | None]:
    """Attenuation at about 60 keV effective, and a note when it is uncalibrated.

    Parameters
    ----------
    grey : array, any shape and numeric type
    greys : GreyMap

    Returns
    -------
    array of float32, same shape, 1/mm, never negative
    str or None
    """
    value = np.asarray(grey, dtype=np.float32)
    soft = (value - greys.air) * (WATER_PER_MM / (greys.water - greys.air))
    hard = WATER_PER_MM + (value - greys.water) * (
        (CORTICAL_PER_MM - WATER_PER_MM) / (greys.bone - greys.water)
    )
    mapped = np.where(value < greys.water, np.maximum(soft, 0.0), hard).astype(np.float32)
    return mapped, None if greys.hounsfield else UNCALIBRATED


def patient_mask(
    attenuation_per_mm: NDArray[np.float32], *, threshold_per_mm: float = 0.5 * WATER_PER_MM
) -> Mask:
    """The patient without table and head-rest: the largest connected body with its closed hollows.

    Parameters
    ----------
    attenuation_per_mm : array, shape (nx, ny, nz)
    threshold_per_mm : what counts as a body

    Raises
    ------
    BadInput
        When nothing reaches the threshold.
    """
    # One erosion parts the head-rest from the skin that touches it; the dilation gives skin and rim back.
    body = ndimage.binary_erosion(attenuation_per_mm > threshold_per_mm)
    labels, count = ndimage.label(body)
    if not count:
        raise BadInput(
            "CT volume", f"nothing reaches {threshold_per_mm:g} per mm", "Check the greys of air and water"
        )
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest = ndimage.binary_dilation(labels == sizes.argmax(), np.ones((3, 3, 3)), iterations=2)
    return np.asarray(ndimage.binary_fill_holes(largest), dtype=bool)


def cropped(solid: Solid, mask: Mask, *, margin_voxels: int = 2) -> Solid:
    """The solid emptied outside the mask and cut to the mask's box and a margin.

    Parameters
    ----------
    mask : array of bool, shape of the solid's attenuation, not empty
    """
    spans = []
    for axis, size in enumerate(mask.shape):
        hit = np.flatnonzero(mask.any(axis=tuple(k for k in range(3) if k != axis)))
        spans.append(slice(max(int(hit[0]) - margin_voxels, 0), min(int(hit[-1]) + margin_voxels + 1, size)))
    at = (spans[0], spans[1], spans[2])
    first: Array = np.array([s.start for s in at], dtype=float)
    return Solid(
        attenuation_per_mm=np.where(mask[at], solid.attenuation_per_mm[at], np.float32(0)),
        origin_mm=solid.origin_mm + first * solid.spacing_mm,
        spacing_mm=solid.spacing_mm.copy(),
    )
