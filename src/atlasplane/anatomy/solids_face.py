"""Face, upper jaw, mandible and teeth, at the mean size."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from atlasplane.anatomy.solids_field import (
    DENTINE_PER_MM,
    ENAMEL_PER_MM,
    WATER_PER_MM,
    Block3,
    Tissue,
)
from atlasplane.anatomy.solids_person import Person
from atlasplane.anatomy.solids_shapes import (
    Block,
    Egg,
    Field32,
    Point,
    Rod,
    Shape,
    Wall,
    bent,
    both,
    sagittal_axes,
    tube,
)
from atlasplane.geometry.types import Array

UP = (0.0, 1.0, 0.0)
FACE = Tissue(cortex_mm=1.0)
JAW = Tissue(cortex_mm=2.0)
ALVEOLUS = Tissue(cortex_mm=0.8, cortex_per_mm=0.022, core_per_mm=0.012)
DENTINE = Tissue(cortex_mm=0.0, core_per_mm=DENTINE_PER_MM - WATER_PER_MM, grain=0.0)
CROWN = Tissue(
    cortex_mm=1.3,
    cortex_per_mm=ENAMEL_PER_MM - WATER_PER_MM,
    core_per_mm=DENTINE_PER_MM - WATER_PER_MM,
    grain=0.0,
)
THIN = Tissue(cortex_mm=2.0, cortex_per_mm=0.011)
"""Bone leaves far thinner than a voxel, drawn thicker and less dense."""
NASAL_AIR_PER_MM = -0.6 * WATER_PER_MM
"""Nasal cavity over water: air between soft conchae."""
SINUS_AIR_PER_MM = -0.97 * WATER_PER_MM

UPPER_NECK_MM = -16.0
_UPPER_ARCH = ((44.0, 28.0), (54.0, 27.0), (64.0, 25.0), (72.0, 21.5), (79.0, 15.5), (83.5, 8.0), (85.0, 0.0))
_LOWER_ARCH = ((42.0, 29.0), (53.0, 26.5), (63.0, 23.5), (71.0, 19.5), (77.5, 13.0), (81.0, 6.5), (82.0, 0.0))

# Mid-line first: width along the arch, crown height, root length, half-depth of the crown (mm).
_UPPER_TEETH = (
    (8.5, 10.5, 13.0, 3.4),
    (6.6, 9.5, 13.0, 3.0),
    (7.6, 10.0, 16.0, 3.8),
    (7.0, 8.5, 13.0, 4.3),
    (6.8, 8.0, 13.0, 4.3),
    (10.2, 7.5, 12.0, 5.2),
    (9.6, 7.2, 11.5, 5.0),
)
_LOWER_TEETH = (
    (5.4, 9.0, 12.0, 2.9),
    (5.8, 9.2, 13.0, 3.0),
    (6.8, 10.5, 15.0, 3.6),
    (7.0, 8.5, 13.5, 3.8),
    (7.1, 8.0, 14.0, 4.0),
    (11.0, 7.5, 13.0, 4.8),
    (10.6, 7.2, 12.5, 4.7),
)


def face(block: Block3, person: Person, sponge: Field32) -> None:
    """Add face, jaws, teeth and the air of nose and sinuses to the block."""
    block.hollow(block.join(block.blank(), _nasal_air()), NASAL_AIR_PER_MM)
    bones = block.blank()
    block.join(bones, _middle_face(person), blend_mm=1.0)
    block.join_mirrored(bones, _middle_face_side(person), blend_mm=1.0)
    right, left = (_on(sign, [*_orbit(person, sign), *_cheek(person, sign)]) for sign in (1, -1))
    block.join_sides(bones, right, left, blend_mm=1.5)
    antra = both([Egg((64.0, 10.0, 25.0), (15.5, 13.5, 10.5)), Egg((60.0, 17.0, 27.0), (13.0, 7.0, 9.0))])
    block.cut(bones, antra)
    upper = block.join_mirrored(block.blank(), _alveolus(_UPPER_ARCH, -15.0, -1.5, 4.6), blend_mm=2.0)
    block.fill(upper, ALVEOLUS, sponge)
    block.fill(bones, FACE, sponge)
    block.hollow(block.join(block.blank(), antra), SINUS_AIR_PER_MM)
    block.hollow(block.join(block.blank(), _cells()), SINUS_AIR_PER_MM)
    block.fill(_walls(block), THIN)
    block.fill(_jaw(block, person), JAW, sponge)
    _teeth(block)


def _on(sign: int, shapes: list[Shape]) -> list[Shape]:
    return shapes if sign > 0 else [shape.mirrored() for shape in shapes]


def _middle_face(person: Person) -> list[Shape]:
    nasion, front, back = (person.points[k] for k in ("N", "HP_ANT", "HP_POST"))
    palate_y = 0.5 * (front[1] + back[1])
    length = front[0] - back[0]
    lean = float(np.degrees(np.arctan2(front[1] - back[1], length)))
    middle = (0.5 * (front[0] + back[0]) - 0.5, palate_y, 0.0)
    return [
        Egg(middle, (0.5 * length + 0.5, 2.6, 19.0), sagittal_axes(lean)),
        Rod((front[0] - 1.0, front[1] - 1.5, 0.0), (front[0] + 4.0, front[1] + 1.5, 0.0), 2.6, 0.9),
        Rod((back[0] + 1.0, back[1], -4.0), (back[0] + 1.0, back[1], 4.0), 1.4, 1.4),
        Rod((nasion[0] - 5.0, nasion[1] + 1.0, -7.0), (nasion[0] - 5.0, nasion[1] + 1.0, 7.0), 4.5, 4.5),
    ]


def _middle_face_side(person: Person) -> list[Shape]:
    """Nasal bone, frontal process and body of the upper jaw of the right side."""
    nasion = person.points["N"]
    return [
        Rod((nasion[0] - 2.0, nasion[1], 2.6), (nasion[0] + 10.0, nasion[1] - 21.0, 3.6), 2.4, 1.0),
        Rod((nasion[0] - 4.0, nasion[1] - 2.0, 7.0), (84.0, 14.0, 15.0), 2.6, 2.4),
        Egg((63.0, 10.5, 24.5), (18.5, 16.0, 13.0)),
        Egg((44.0, 2.0, 25.0), (5.0, 12.0, 6.0)),
    ]


def _alveolus(arch: tuple[tuple[float, float], ...], low: float, high: float, half: float) -> list[Shape]:
    return [Wall(1, a, b, (low, low), (high, high), (half, half)) for a, b in pairwise(arch)]


def _orbit(person: Person, sign: int) -> list[Shape]:
    """Rim of the orbit through its landmarks, drawn on the right."""
    lower, side = person.side("OR", sign), person.side("ORB", sign)
    rim: list[Point] = [
        (87.0, 48.0, 12.0),
        (86.5, 57.0, 20.0),
        (84.0, 59.5, 31.0),
        (77.0, 53.5, side[2] - 5.0),
        (side[0] + 0.5, side[1], side[2] - 2.0),
        (73.5, 27.5, side[2] - 4.0),
        (lower[0] + 0.3, lower[1] - 1.6, lower[2]),
        (83.5, 25.0, 20.0),
        (85.5, 35.0, 13.0),
        (87.0, 48.0, 12.0),
    ]
    curve = bent(rim, per_span=3)
    return [
        *tube(curve, [2.6] * len(curve)),
        Wall(1, (side[0] - 0.5, side[2] - 2.5), (50.0, 38.0), (27.0, 26.0), (50.0, 46.0), (2.0, 1.0)),
    ]


def _cheek(person: Person, sign: int) -> list[Shape]:
    lower, side = person.side("OR", sign), person.side("ORB", sign)
    arch = bent(
        [(70.0, 14.0, 50.0), (56.0, 14.0, 61.0), (38.0, 15.0, 64.5), (22.0, 17.0, 63.0), (8.0, 20.0, 58.0)]
    )
    return [
        Rod((lower[0] - 4.0, lower[1] - 5.0, lower[2] + 2.0), (68.0, 14.5, side[2] - 2.0), 5.0, 5.5, UP, 1.4),
        Rod((70.0, 16.0, side[2] - 2.0), (side[0] + 1.0, side[1] - 8.0, side[2] - 2.5), 4.5, 2.8),
        Rod((66.0, 11.0, 45.0), (58.0, 3.0, 36.0), 4.0, 3.0),
        *tube(arch, np.linspace(2.8, 2.2, len(arch)).tolist(), along=UP, flat=1.7),
    ]


def _nasal_air() -> list[Shape]:
    return [
        Egg((64.0, 11.0, 0.0), (25.0, 13.0, 12.5)),
        Egg((72.0, 26.0, 0.0), (15.0, 13.0, 7.0)),
        Egg((86.0, 10.0, 0.0), (9.0, 11.0, 11.0)),
    ]


def _cells() -> list[Shape]:
    """Ethmoid cells beside the upper nose."""
    cells: list[Shape] = []
    for k, x in enumerate((53.0, 60.0, 67.0, 74.0, 80.0)):
        cells.append(Egg((x, 36.0 + 0.5 * (k % 2), 8.0), (3.1, 4.6, 3.0)))
        cells.append(Egg((x + 2.5, 28.0 - (k % 2), 8.6), (3.2, 4.0, 3.2)))
    return both(cells)


def _walls(block: Block3) -> Field32:
    """Septum, conchae, paper-thin medial walls of the orbits, floors of the orbits."""
    lower = bent([(48.0, 3.0, 5.5), (66.0, 5.0, 6.0), (84.0, 5.0, 5.5)], per_span=2)
    middle = bent([(54.0, 15.0, 6.0), (68.0, 17.0, 6.0), (80.0, 17.0, 5.0)], per_span=2)
    shapes: list[Shape] = [
        Wall(1, (42.0, 0.0), (84.0, 0.0), (-1.0, -1.0), (16.0, 34.0), (1.1, 1.1)),
        Wall(1, (46.0, 0.0), (74.0, 0.0), (10.0, 30.0), (32.0, 38.0), (1.1, 1.1)),
        *both(
            [
                *tube(lower, [1.5] * len(lower), along=UP, flat=2.4),
                *tube(middle, [1.3] * len(middle), along=UP, flat=2.4),
            ]
        ),
        *both(_leaves([(50.0, 17.0), (60.0, 14.0), (72.0, 12.5), (84.0, 12.5)], 25.0, 46.0)),
        *both(_leaves([(46.0, 16.5), (58.0, 14.0), (70.0, 13.0), (82.0, 15.5)], -1.0, 23.0)),
        *both([Egg((67.0, 24.0, 26.0), (15.0, 1.6, 12.0), sagittal_axes(-12.0))]),
    ]
    return block.join(block.blank(), shapes)


def _leaves(plan: list[tuple[float, float]], low: float, high: float) -> list[Shape]:
    return [Wall(1, a, b, (low, low), (high, high), (1.1, 1.1)) for a, b in pairwise(plan)]


def _jaw(block: Block3, person: Person) -> Field32:
    field = block.blank()
    right, left = (_on(sign, [*_jaw_body(person, sign), *_ramus(person, sign)]) for sign in (1, -1))
    block.join_sides(field, right, left, blend_mm=3.0)
    chin: list[Shape] = [
        Egg((82.5, -65.0, 0.0), (7.0, 8.0, 14.0)),
        Rod((83.0, -60.0, 0.0), (82.0, -45.0, 0.0), 4.5, 4.0),
    ]
    block.join(field, chin, blend_mm=4.0)
    block.cut(field, both([Egg((28.0, 12.0, 49.0), (9.5, 17.0, 9.0))]), blend_mm=1.0)
    canal = bent([(26.0, -18.0, 44.5), (34.0, -40.0, 42.5), (48.0, -50.0, 36.0), (66.0, -52.0, 25.0)])
    return block.cut(field, both(tube(canal, [1.5] * len(canal))))


def _jaw_body(person: Person, sign: int) -> list[Shape]:
    angle = person.side("RAM", sign)
    plan = (
        (angle[0] + 2.0, angle[2] - 3.6),
        (45.0, 39.5),
        (58.0, 31.5),
        (69.0, 24.5),
        (77.0, 15.0),
        (81.0, 7.0),
        (82.0, 0.0),
    )
    low = (-56.0, -58.5, -61.5, -65.0, -69.0, -71.0, -71.5)
    high = (-30.0, -31.0, -34.0, -36.0, -38.0, -39.0, -39.0)
    half = (3.6, 5.0, 5.6, 5.6, 5.6, 5.8, 5.8)
    spans = zip(plan, plan[1:], low, low[1:], high, high[1:], half, half[1:], strict=False)
    body: list[Shape] = [
        Wall(1, a, b, (la, lb), (ha, hb), (ta, tb)) for a, b, la, lb, ha, hb, ta, tb in spans
    ]
    return [*body, *_alveolus(_LOWER_ARCH[1:], -45.0, -32.0, 4.6)]


def _ramus(person: Person, sign: int) -> list[Shape]:
    angle = person.side("RAM", sign)
    low, top = angle[2] - 3.4, angle[2] + 1.5
    return [
        Wall(0, (-51.0, low), (-20.0, low + 1.0), (21.0, 17.0), (54.0, 50.0), (3.4, 3.2)),
        Wall(0, (-20.0, low + 1.0), (4.0, top), (17.0, 12.0), (50.0, 49.0), (3.2, 2.6)),
        Rod((26.0, -48.0, low), (40.0, -50.0, low - 1.0), 5.0, 5.0, (0.0, 0.0, 1.0), 0.7),
        Rod((17.0, -10.0, top - 2.0), (15.0, 9.0, top + 1.0), 4.2, 3.6),
        Egg((15.0, 12.0, top + 0.5), (4.6, 5.2, 9.5)),
        Rod((44.0, -4.0, top - 1.0), (45.0, 9.0, top - 1.0), 4.0, 1.8, (0.0, 0.0, 1.0), 0.6),
    ]


def _teeth(block: Block3) -> None:
    """Two rows of seven teeth on each side: enamel crowns over dentine roots."""
    roots, crowns = block.blank(), block.blank()
    pulp: list[Shape] = []
    # The rows meet where the upper crowns end; the lower front teeth close 2 mm behind the upper ones.
    lower_necks = [
        UPPER_NECK_MM - above[1] - below[1] + (2.0 if k < 3 else -0.4)
        for k, (above, below) in enumerate(zip(_UPPER_TEETH, _LOWER_TEETH, strict=True))
    ]
    rows = (
        (_UPPER_ARCH, _UPPER_TEETH, [UPPER_NECK_MM] * len(_UPPER_TEETH), -1),
        (_LOWER_ARCH, _LOWER_TEETH, lower_necks, 1),
    )
    for arch, teeth, necks, way in rows:
        for (place, tooth), neck in zip(_places(arch, teeth), necks, strict=True):
            block.join(roots, both(_roots(place, tooth, neck, way)))
            block.join(crowns, both([_crown(place, tooth, neck, way)]))
            pulp += both([_pulp(place, tooth, neck, way)])
    block.fill(roots, DENTINE)
    block.fill(crowns, CROWN)
    block.hollow(block.join(block.blank(), pulp), 0.002)


def _places(
    arch: tuple[tuple[float, float], ...], teeth: tuple[tuple[float, float, float, float], ...]
) -> list[tuple[Array, tuple[float, float, float, float]]]:
    """Centre and direction along the arch, (x, z, dx, dz), of every tooth, packed from the mid-line."""
    curve = np.array(bent([(x, z, 0.0) for x, z in reversed(arch)], per_span=12))[:, :2]
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    made, at = [], 0.0
    for tooth in teeth:
        middle = at + 0.5 * tooth[0]
        here = np.array([np.interp(middle, lengths, curve[:, k]) for k in (0, 1)])
        ahead = np.array([np.interp(middle + 1.0, lengths, curve[:, k]) for k in (0, 1)])
        made.append((np.concatenate([here, (ahead - here) / np.linalg.norm(ahead - here)]), tooth))
        at += tooth[0]
    return made


def _crown(place: Array, tooth: tuple[float, float, float, float], neck: float, way: int) -> Shape:
    x, z, dx, dz = (float(k) for k in place)
    width, height, _, depth = tooth
    axes = ((dz, 0.0, -dx), UP, (dx, 0.0, dz))
    return Block(
        (x, neck + way * 0.5 * height, z),
        (depth, 0.5 * height, 0.48 * width),
        0.42 * min(depth, width / 2),
        axes,
    )


def _roots(place: Array, tooth: tuple[float, float, float, float], neck: float, way: int) -> list[Shape]:
    x, z, dx, dz = (float(k) for k in place)
    width, height, root, depth = tooth
    top, end = neck + way * 0.7 * height, neck - way * root
    spread = (0.26 * width, -0.26 * width) if width > 9 else (0.0,)
    thick = 0.30 * width if width <= 9 else 0.2 * width
    return [
        Rod(
            (x + k * dx, top, z + k * dz),
            (x + 1.25 * k * dx, end, z + 1.25 * k * dz),
            min(thick + 0.6, depth),
            0.8,
        )
        for k in spread
    ]


def _pulp(place: Array, tooth: tuple[float, float, float, float], neck: float, way: int) -> Shape:
    x, z = float(place[0]), float(place[1])
    return Rod((x, neck + way * 0.35 * tooth[1], z), (x, neck - way * 0.5 * tooth[2], z), 0.8, 0.4)
