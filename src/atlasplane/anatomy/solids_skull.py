"""The brain case: vault, base, temporal bones and condyles, at the mean size."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.interpolate import RegularGridInterpolator

from atlasplane.anatomy.solids_face import face
from atlasplane.anatomy.solids_field import WATER_PER_MM, Block3, Tissue, grain, soft_min
from atlasplane.anatomy.solids_person import Person, brow_and_nape, joint_surface
from atlasplane.anatomy.solids_shapes import (
    Drum,
    Egg,
    Field32,
    Meet,
    Rod,
    Shape,
    Wall,
    both,
    frontal_axes,
    sagittal_axes,
)
from atlasplane.geometry.types import Array

SIDE = (0.0, 0.0, 1.0)
VAULT = Tissue(cortex_mm=1.6, core_per_mm=0.017, cortex_per_mm=0.034, grain=0.5)
BASE = Tissue(cortex_mm=1.3)
PETROUS = Tissue(cortex_mm=3.0, core_per_mm=0.024, cortex_per_mm=0.040)
CELLS_PER_MM = -0.75 * WATER_PER_MM
"""Air cells with their thin walls and lining, over water."""

# Height of the floor of the brain case (mm) over x (rows) and |z| (columns).
_FLOOR_X = (-100, -75, -66, -58, -48, -35, -22, -10, -2, 6, 14, 22, 28, 33, 38, 43, 50, 58, 68, 76, 84, 105)
_FLOOR_Z = (0, 7, 14, 22, 32, 42, 54, 64, 71, 76, 86)
_FLOOR_Y = (
    (30, 30, 30, 30, 30, 32, 34, 36, 28, 31, 31),
    (14, 14, 13, 13, 14, 18, 24, 30, 28, 31, 31),
    (4, 3, 3, 3, 5, 9, 18, 28, 28, 31, 31),
    (-3, -4, -5, -5, -2, 4, 14, 26, 28, 31, 31),
    (-5, -6, -7, -7, -5, 1, 11, 24, 28, 31, 31),
    (2, 1, 0, -3, -4, -1, 8, 22, 28, 31, 31),
    (2, 2, 3, -1, -3, 0, 9, 21, 25, 30, 30),
    (2, 3, 4, 4, 3, 8, 18, 21, 25, 30, 30),
    (3, 4, 6, 12, 20, 27, 30, 21, 25, 30, 30),
    (8, 9, 13, 24, 31, 31, 27, 21, 25, 30, 30),
    (15, 16, 23, 30, 27, 23, 22, 21, 25, 30, 30),
    (23, 23, 27, 23, 20, 20, 21, 21, 25, 30, 30),
    (29, 27, 22, 19, 18, 19, 21, 21, 25, 30, 30),
    (20, 20, 21, 19, 18, 19, 22, 21, 25, 30, 30),
    (19, 21, 24, 22, 21, 23, 26, 21, 25, 30, 30),
    (28, 31, 34, 33, 33, 35, 38, 21, 25, 30, 30),
    (34, 35, 37, 40, 43, 45, 46, 46, 46, 46, 46),
    (36, 37, 41, 46, 50, 51, 50, 50, 50, 50, 50),
    (38, 38, 44, 52, 55, 55, 53, 52, 52, 52, 52),
    (40, 41, 49, 56, 58, 57, 55, 54, 54, 54, 54),
    (48, 49, 54, 58, 59, 58, 57, 56, 56, 56, 56),
    (50, 50, 54, 58, 59, 58, 57, 56, 56, 56, 56),
)


def skull(person: Person, spacing: float, rng: np.random.Generator) -> Block3:
    """Skull with mandible and teeth; air cells subtract."""
    low, high = person.vault.bounds()
    half = max(high[2] + 4.0, 76.0)
    block = Block3((low[0] - 4, -80, -half), (max(high[0] + 4, 108), high[1] + 4, half), spacing)
    sponge = grain(block.attenuation.shape, rng)
    floor, slope = floor_height(block)
    block.fill(_brain_case(block, person, floor, slope), VAULT, sponge)
    block.fill(_base(block, person), BASE, sponge)
    block.fill(block.join_mirrored(block.blank(), _petrous(), blend_mm=3.0), PETROUS, sponge)
    block.hollow(block.join(block.blank(), _ear_canals(person)), -WATER_PER_MM)
    block.hollow(block.join(block.blank(), _mastoid_cells()), CELLS_PER_MM)
    face(block, person, sponge)
    block.fill(_condyles(block, person), BASE, sponge)
    return block


def floor_height(block: Block3) -> tuple[Array, Array]:
    """Height of the floor and the cosine of its slope on the plan of the block, each of shape (nx, nz)."""
    table = RegularGridInterpolator(
        (np.array(_FLOOR_X, dtype=float), np.array(_FLOOR_Z, dtype=float)), np.array(_FLOOR_Y, dtype=float)
    )
    x = np.clip(block.axes[0], _FLOOR_X[0], _FLOOR_X[-1])
    z = np.clip(np.abs(block.axes[2]), 0, _FLOOR_Z[-1])
    height = table(np.stack(np.meshgrid(x, z, indexing="ij"), axis=-1))
    height = ndimage.gaussian_filter(height, 2.0 / block.spacing, mode="nearest")
    along, across = np.gradient(height, block.spacing)
    return height, 1 / np.sqrt(1 + along**2 + across**2)


def _thickness(block: Block3) -> Array:
    """Thickness of the floor, shape (nx, nz): thin over the orbits, thick in clivus and occiput."""
    x, z = block.axes[0][:, None], np.abs(block.axes[2])[None, :]
    clivus = np.exp(-(((x - 12) / 16) ** 2) - (z / 11) ** 2)
    rear = 1 / (1 + np.exp((x - 2) / 4))
    return np.asarray(2.6 + 8.0 * clivus + 2.8 * rear, dtype=float)


def _brain_case(block: Block3, person: Person, floor: Array, slope: Array) -> Field32:
    """Vault and floor: between the outer table and the brain.

    The rounding between vault and floor reaches only a few millimetres, so above the squamous suture the
    outer table at the sides is exactly the ellipsoid.
    """
    x, y, z = block.coordinates((slice(None), slice(None), slice(None)))
    vault = _head(person, x, y, z)
    tilt = slope[:, None, :].astype(np.float32)
    above = (floor[:, None, :].astype(np.float32) - y) * tilt
    outside = -soft_min(-vault, -(above - _thickness(block)[:, None, :].astype(np.float32)), 5.0)
    thickness = _vault_thickness(x, y, z) * (1 + np.float32(0.1) * _waves(x, y, z))
    brain = -soft_min(-(vault + thickness), -above, 10.0)
    case = np.maximum(outside, -brain)
    # Thick brow with its sinuses, and the ridge inside the occiput.
    extra = block.join(block.blank(), [Egg((-74, 10, 0), (12, 9, 16))])
    block.join_mirrored(extra, [Egg((84, 60, 14), (12, 13, 18))], blend_mm=4.0)
    case = soft_min(case, np.maximum(extra, outside), 4.0)
    block.cut(case, [_foramen(person)])
    return block.cut(case, _frontal_sinuses())


def _vault_thickness(x: Field32, y: Field32, z: Field32) -> Field32:
    """Thickness of the vault: 7 mm behind and above, 4 at the temples."""
    temple = np.exp(-(((y - 45) / 22) ** 2) - ((x - 20) / 45) ** 2) * np.clip((np.abs(z) - 40) / 20, 0, 1)
    thickness = np.float32(6.6) - np.float32(2.8) * temple + np.float32(0.8) * np.clip(-x / 80, 0, 1)
    return np.asarray(thickness, dtype=np.float32)


def _head(person: Person, x: Field32, y: Field32, z: Field32) -> Field32:
    """Outer table: the vault, and in front and behind what it leaves out."""
    outer = person.vault.distance(x, y, z)
    for bulge in brow_and_nape(person):
        outer = soft_min(outer, bulge.distance(x, y, z), 6.0)
    return outer


def _waves(x: Field32, y: Field32, z: Field32) -> Field32:
    """Uneven inner table: marks of the brain's folds, size about 1, mirror-symmetric."""
    side = np.abs(z)
    first = np.sin(x / 7.3 + 1.1 * np.sin(y / 11.0)) * np.cos(y / 8.1 + side / 13.0)
    waves: Field32 = first + np.float32(0.6) * np.sin(x / 4.1 - side / 9.7) * np.sin(y / 4.7 + 0.4)
    return waves


def _foramen(person: Person) -> Shape:
    front, back = person.points["BA"], person.points["OP"]
    middle = (0.5 * (front[0] + back[0]), 0.5 * (front[1] + back[1]), 0.0)
    return Drum(middle, (0.5 * (front[0] - back[0]), 16.0, 15.0), 1.0)


def _frontal_sinuses() -> list[Shape]:
    return [
        *both(
            [
                Egg((84.0, 58.0, 8.0), (4.2, 8.0, 6.2), sagittal_axes(12)),
                Egg((80.0, 63.0, 17.0), (3.6, 7.0, 6.0)),
            ]
        ),
        *both([Egg((84.5, 68.0, 4.5), (3.0, 5.0, 4.2))]),
    ]


def _base(block: Block3, person: Person) -> Field32:
    """What hangs from the floor: occiput's lowest point, sphenoid, pterygoids, mastoids, styloids."""
    field = block.blank()
    block.join(field, [*_occiput(person), *_sphenoid_body(person)], blend_mm=2.0)
    block.join_mirrored(field, [*_sphenoid_wing(person), *_temporal(person)], blend_mm=2.0)
    block.cut(field, [_foramen(person)])
    block.cut(field, [Egg((34.0, 24.5, 0.0), (5.6, 6.0, 6.5))])
    block.cut(field, both([Egg((40.0, 11.0, 6.5), (10.0, 8.0, 5.9))]))
    return field


def _occiput(person: Person) -> list[Shape]:
    lowest, front, back = (person.points[k] for k in ("OCC_INF", "BA", "OP"))
    return [
        Rod((lowest[0], lowest[1] + 4.0, -14.0), (lowest[0], lowest[1] + 4.0, 14.0), 4.0, 4.0),
        Rod((back[0] - 2.6, back[1] + 0.3, -5.0), (back[0] - 2.6, back[1] + 0.3, 5.0), 2.6, 2.6),
        Rod((back[0] - 2.6, back[1], 0.0), (lowest[0], lowest[1] + 4.0, 0.0), 2.6, 4.0, SIDE, 4.0),
        Rod((front[0] + 2.4, front[1] + 0.6, -4.0), (front[0] + 2.4, front[1] + 0.6, 4.0), 2.5, 2.5),
    ]


def _sphenoid_body(person: Person) -> list[Shape]:
    top = person.points["CLIV_SUP"]
    crest = person.points["CRIB"]
    return [
        Rod((7.0, 1.0, 0.0), (24.0, 13.0, 0.0), 5.5, 8.5, SIDE, 1.3),
        Egg((38.0, 13.5, 0.0), (15.5, 13.0, 16.0)),
        Rod((top[0] + 3.0, top[1] - 8.0, 0.0), (top[0] + 1.5, top[1] - 2.0, 0.0), 2.4, 2.0, SIDE, 3.0),
        Rod((41.0, 25.0, -6.0), (41.0, 25.0, 6.0), 2.2, 2.2),
        Wall(
            1,
            (crest[0] - 9.0, 0.0),
            (crest[0] + 6.0, 0.0),
            (crest[1] - 3.0, crest[1] - 3.0),
            (39.0, 47.0),
            (1.0, 1.4),
        ),
    ]


def _sphenoid_wing(person: Person) -> list[Shape]:
    """Clinoid processes, lesser and greater wing, pterygoid plates of the right side."""
    top = person.points["CLIV_SUP"]
    return [
        Rod((top[0] + 1.6, top[1] - 1.5, 4.5), (top[0] + 2.6, top[1] + 0.5, 6.5), 1.9, 1.3),
        Rod((46.0, 33.0, 11.0), (37.0, 31.5, 9.0), 2.8, 1.6),
        Rod((46.0, 35.0, 12.0), (49.0, 45.0, 45.0), 2.2, 1.2),
        Wall(1, (32.0, 20.0), (42.0, 15.0), (-8.0, -6.0), (15.0, 15.0), (0.9, 1.3)),
        Wall(1, (34.0, 13.0), (42.0, 14.0), (-9.0, -4.0), (12.0, 12.0), (0.8, 1.2)),
        Wall(1, (48.0, 36.0), (36.0, 58.0), (18.0, 24.0), (46.0, 44.0), (1.4, 1.6)),
    ]


def _temporal(person: Person) -> list[Shape]:
    x, y, z = person.side("MASTOID", 1)
    canal = person.side("PO", 1)
    return [
        Rod((-9.0, 14.0, z - 2.0), (x + 1.0, y + 6.0, z - 1.0), 11.0, 5.8, SIDE, 0.85),
        Rod((canal[0] - 2, canal[1] - 4.5, 46.0), (canal[0], canal[1] - 4.5, canal[2] + 1.0), 8.0, 6.5),
        Rod((26.0, 16.5, 44.0), (26.0, 17.0, 60.0), 3.4, 3.0),
        Rod((3.0, 8.0, 40.0), (9.0, -20.0, 35.0), 2.2, 0.9),
    ]


def _petrous() -> list[Shape]:
    return [
        Rod((20.0, 20.0, 14.0), (9.0, 22.0, 34.0), 5.5, 8.0),
        Rod((9.0, 22.0, 34.0), (-5.0, 24.0, 54.0), 8.0, 9.5),
        Egg((2.0, 29.0, 36.0), (4.5, 4.5, 5.0)),
    ]


def _ear_canals(person: Person) -> list[Shape]:
    x, y, z = person.side("PO", 1)
    middle = y - 4.2
    outer = Rod((x + 3, middle + 1, 40.0), (x, middle, z + 14.0), 3.2, 4.0)
    return both([outer, Egg((x + 3.0, middle + 4.0, 39.0), (3.0, 6.0, 2.2))])


def _mastoid_cells() -> list[Shape]:
    """Air cells on a golden-angle spiral down the process: irregular to the eye, the same in everyone."""
    cells: list[Shape] = []
    for k in range(26):
        turn, share = 2.39996 * k, (k + 0.5) / 26
        ring = 8.5 * (1 - 0.55 * share) * np.sqrt(((k * 7) % 26 + 1) / 26)
        centre = (
            -8.0 - 7.0 * share + ring * np.cos(turn),
            22.0 - 26.0 * share,
            51.0 + 0.75 * ring * np.sin(turn),
        )
        size = 1.5 + 1.2 * ((k * 5) % 7) / 7
        cells.append(
            Egg((float(centre[0]), centre[1], float(centre[2])), (size, size * 1.2, size), frontal_axes(20.0))
        )
    return both(cells)


def _condyles(block: Block3, person: Person) -> Field32:
    """Occipital condyles, closed below by exactly the surface that holds the arcs."""
    parts: list[Shape] = []
    for name, sign in (("COND_R", 1), ("COND_L", -1)):
        centre, half = joint_surface(person.arcs[name], 20.0)
        body = Egg((centre[0] - 3.0, -2.0, sign * 15.5), (14.0, 17.0, 9.5))
        parts.append(Meet(body, Egg(centre, half)))
    return block.join(block.blank(), parts)
