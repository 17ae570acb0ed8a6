"""Voxel solids of a phantom: skull, C1, C2, the bones below, and the soft tissue around them.

Every bone is modelled in its own frame at the mean size from the landmarks of the phantom, so a varied
phantom gets the solids that belong to it. Attenuations add: soft tissue is water throughout, bones hold what
they add to it (see `Solid`), so parts that move on their own need no carving out of each other. The soft
tissue moves with the skull.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from atlasplane.anatomy.phantom import Phantom
from atlasplane.anatomy.solids_cervical import atlas, axis, trunk
from atlasplane.anatomy.solids_field import (
    CANCELLOUS_PER_MM,
    CORTICAL_PER_MM,
    DENTINE_PER_MM,
    ENAMEL_PER_MM,
    WATER_PER_MM,
    Block3,
    Solid,
)
from atlasplane.anatomy.solids_person import person_of
from atlasplane.anatomy.solids_skull import skull
from atlasplane.anatomy.solids_soft import soft_tissue

__all__ = [
    "SOFT",
    "Solid",
    "solids",
    "CANCELLOUS_PER_MM",
    "CORTICAL_PER_MM",
    "DENTINE_PER_MM",
    "ENAMEL_PER_MM",
    "WATER_PER_MM",
]

SOFT = "soft"
"""Key of the soft tissue; its frame is that of the skull."""


def solids(
    phantom: Phantom,
    *,
    rng: np.random.Generator,
    skull_voxel_mm: float = 1.0,
    spine_voxel_mm: float = 0.7,
    soft_voxel_mm: float = 2.5,
) -> Mapping[str, Solid]:
    """Solids of one person.

    Parameters
    ----------
    phantom : Phantom
        One person (no leading axes).
    rng : Generator
        Source of the sponge texture; mirror-symmetric, so the mean person stays symmetric.
    skull_voxel_mm, spine_voxel_mm, soft_voxel_mm : voxel edges

    Returns
    -------
    mapping of "skull", "c1", "c2", "trunk" and "soft" to Solid
        Each in the frame of its bone, mm; "soft" in the frame of the skull.

    Raises
    ------
    ValueError
        When the phantom holds more than one person.
    """
    person = person_of(phantom)
    # Bones are built at the mean size: the person's voxel is smaller or larger there by the size factor.
    skull_edge, spine_edge, soft_edge = (
        v / person.size for v in (skull_voxel_mm, spine_voxel_mm, soft_voxel_mm)
    )
    blocks = {
        "skull": skull(person, skull_edge, rng),
        "c1": atlas(person, spine_edge, rng),
        "c2": axis(person, spine_edge, rng),
        "trunk": trunk(person, spine_edge, rng),
        SOFT: soft_tissue(person, soft_edge),
    }
    return MappingProxyType({name: _sized(block, person.size) for name, block in blocks.items()})


def _sized(block: Block3, size: float) -> Solid:
    made = block.solid()
    return Solid(
        attenuation_per_mm=made.attenuation_per_mm,
        origin_mm=made.origin_mm * size,
        spacing_mm=made.spacing_mm * size,
    )
