"""Soft tissue: head, neck and shoulders filled with water, airway cut out; mean size, frame of the skull."""

from __future__ import annotations

import numpy as np

from atlasplane.anatomy.solids_field import WATER_PER_MM, Block3
from atlasplane.anatomy.solids_person import Person, brow_and_nape
from atlasplane.anatomy.solids_shapes import Egg, Quadric, Rod, Shape, bent, both, sagittal_axes, tube

SIDE = (0.0, 0.0, 1.0)
SCALP_MM = 6.5


def soft_tissue(person: Person, spacing: float) -> Block3:
    """Water inside the skin, nothing in the airway."""
    low, high = person.vault.bounds()
    block = Block3((min(low[0] - 12, -135), -175, -215), (125, high[1] + 10, 215), spacing)
    skin = block.blank()
    scalp = Quadric(person.vault.centre, _grown(person.vault.shape_mm2, SCALP_MM))
    block.join(
        skin, [scalp, *brow_and_nape(person, SCALP_MM), *_face(), *_neck(), *_shoulders()], blend_mm=9.0
    )
    block.cut(skin, _airway(), blend_mm=1.0)
    block.attenuation = block.inside(skin, 1.6) * np.float32(WATER_PER_MM)
    return block


def _grown(shape_mm2: np.typing.NDArray[np.float64], by_mm: float) -> np.typing.NDArray[np.float64]:
    """Ellipsoid about `by_mm` larger all round."""
    values, vectors = np.linalg.eigh(shape_mm2)
    grown = (np.sqrt(values) + by_mm) ** 2
    return np.asarray((vectors * grown) @ vectors.T)


def _face() -> list[Shape]:
    return [
        Egg((45.0, 5.0, 0.0), (50.0, 62.0, 64.0)),
        Egg((52.0, -38.0, 0.0), (40.0, 42.0, 50.0), sagittal_axes(-15.0)),
        Rod((88.0, 48.0, 0.0), (108.0, 14.0, 0.0), 8.0, 9.0),
        Egg((104.0, 12.0, 0.0), (12.0, 8.0, 15.0)),
        Rod((88.0, -14.0, -14.0), (88.0, -14.0, 14.0), 10.0, 10.0),
        Rod((89.0, -33.0, -12.0), (89.0, -33.0, 12.0), 9.0, 9.0),
        Egg((81.0, -64.0, 0.0), (16.0, 16.0, 26.0)),
        *both([Egg((-2.0, 20.0, 74.0), (16.0, 30.0, 6.0))]),
    ]


def _neck() -> list[Shape]:
    return [
        Rod((-20.0, -20.0, 0.0), (-28.0, -150.0, 0.0), 58.0, 62.0, SIDE, 0.98),
        Rod((6.0, -60.0, 0.0), (8.0, -150.0, 0.0), 40.0, 47.0),
        Egg((42.0, -98.0, 0.0), (9.0, 15.0, 13.0)),
        Rod((-50.0, -10.0, 0.0), (-70.0, -150.0, 0.0), 34.0, 48.0, SIDE, 1.3),
    ]


def _shoulders() -> list[Shape]:
    """Shoulders drawn down, as they are for a lateral film of the neck."""
    slope = both([Rod((-48.0, -150.0, 25.0), (-42.0, -205.0, 185.0), 34.0, 42.0)])
    return [*slope, Egg((-30.0, -250.0, 0.0), (85.0, 92.0, 190.0))]


def _airway() -> list[Shape]:
    throat = bent(
        [(30.0, 6.0, 0.0), (22.0, -14.0, 0.0), (20.5, -40.0, 0.0), (21.0, -62.0, 0.0), (22.0, -84.0, 0.0)]
    )
    wind = bent([(19.0, -106.0, 0.0), (12.0, -130.0, 0.0), (0.0, -165.0, 0.0), (-12.0, -205.0, 0.0)])
    radii = np.interp(
        np.linspace(0, 1, len(throat)), (0, 0.25, 0.5, 0.8, 1), (7.5, 6.0, 5.0, 6.5, 5.5)
    ).tolist()
    return [
        *tube(throat, radii, along=SIDE, flat=1.9),
        Rod((22.0, -84.0, 0.0), (20.0, -97.0, 0.0), 5.0, 3.2, SIDE, 1.2),
        Rod((20.0, -97.0, 0.0), (19.0, -106.0, 0.0), 3.2, 7.6),
        *tube(wind, [7.8] * len(wind), along=SIDE, flat=1.05),
        Egg((33.0, -66.0, 0.0), (3.4, 6.5, 10.0), sagittal_axes(-25.0)),
        Egg((101.0, 9.0, 6.0), (7.0, 3.5, 4.0)),
        Egg((101.0, 9.0, -6.0), (7.0, 3.5, 4.0)),
    ]
