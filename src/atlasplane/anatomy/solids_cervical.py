"""Atlas, axis and the vertebrae below as joined simple bodies, at the mean size."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from atlasplane.anatomy.solids_field import Block3, Tissue, grain
from atlasplane.anatomy.solids_person import Person, joint_surface
from atlasplane.anatomy.solids_shapes import (
    Block,
    Drum,
    Egg,
    Meet,
    Point,
    Rod,
    Shape,
    bent,
    both,
    frontal_axes,
    sagittal_axes,
    tube,
)
from atlasplane.geometry.types import Array

JOINT_GAP_MM = 1.8
VERTEBRA = Tissue(cortex_mm=1.0, cortex_per_mm=0.031, core_per_mm=0.0095, grain=0.7)
UP = (0.0, 1.0, 0.0)


def atlas(person: Person, spacing: float, rng: np.random.Generator) -> Block3:
    """C1: arches, lateral masses between the joint surfaces, transverse processes with their foramina."""
    block = Block3((-36, -17, -45), (28, 20, 45), spacing)
    field = block.blank()
    masses: list[Shape] = [
        Egg((2.0, 1.5, 17.0), (10.8, 17.0, 9.4)),
        Block((2.0, 1.0, 17.2), (8.6, 12.0, 7.6), 5.0),
    ]
    block.join_mirrored(field, masses)
    block.cut(field, [_condyles(person), _axis_surface(person)], blend_mm=1.0)
    block.join(field, _atlas_tubercles(person), blend_mm=1.5)
    block.join_mirrored(field, _atlas_arches(person), blend_mm=1.5)
    block.join_mirrored(field, _atlas_wings(person), blend_mm=1.5)
    block.cut(field, both([_upright_hole(person.points["TF_R"], 3.1)]))
    block.fill(field, VERTEBRA, grain(block.attenuation.shape, rng))
    return block


def _condyles(person: Person) -> Shape:
    """The occipital condyles' surface in the frame of C1, grown by the joint gap."""
    centre, half = joint_surface(person.arcs["COND_R"], 20.0, JOINT_GAP_MM)
    return Egg(person.between("skull", "c1", centre), half)


def _axis_surface(person: Person) -> Shape:
    """The upper joint surfaces of C2 in the frame of C1, grown by the joint gap."""
    centre, half = joint_surface(person.arcs["AXIS_R"], 32.0, JOINT_GAP_MM)
    return Egg(person.between("c2", "c1", centre), half)


def _upright_hole(at: Point, radius: float) -> Shape:
    x, y, z = at
    return Rod((x + 0.5, y - 14, z), (x - 0.5, y + 14, z), radius, radius)


def _atlas_tubercles(person: Person) -> list[Shape]:
    front, back = person.points["C1_AT"], person.points["C1_PT"]
    return [
        Egg((front[0] + 1.6, front[1] - 0.5, 0.0), (2.6, 4.6, 4.0)),
        Egg((back[0] - 1.2, back[1], 0.0), (3.0, 4.0, 4.5)),
    ]


def _atlas_arches(person: Person) -> list[Shape]:
    points = person.points
    front, back = points["C1_AT"], points["C1_PT"]
    third, root = points["C1_ARCH_13"], points["C1_ARCH_LM"]
    anterior = bent([(8.5, 0.0, 14.5), (14.8, 0.0, 8.5), (front[0] - 0.6, front[1], 3.0), front])
    lower, upper = points["PL_R"], points["PLU_R"]
    middle = 0.5 * (lower[1] + upper[1])
    half_height = 0.5 * (upper[1] - lower[1])
    # The arch leaves the lateral mass as high as its two attachments lie apart, and thins out behind.
    stump = Rod((-3.0, middle, 19.5), (lower[0] - 1.0, middle, 20.5), 3.4, 3.0, UP, half_height / 3.0)
    bend = bent([(-9.0, root[1], 20.8), (third[0], third[1], 19.5), (-22.5, back[1], 12.0), back])
    radii = np.linspace(3.0, 2.5, len(bend)).tolist()
    behind = tube(bend, radii, along=UP, flat=1.35)
    return [*tube(anterior, [3.2, *[2.8] * (len(anterior) - 1)], along=UP, flat=1.75), stump, *behind]


def _atlas_wings(person: Person) -> list[Shape]:
    tip = person.points["TP_R"]
    hole = person.points["TF_R"]
    blunt = (tip[0] + 0.5, tip[1], tip[2] - 3.5)
    return [
        Rod((5.5, 0.0, 22.0), (hole[0] + 3.8, -0.5, 28.5), 2.6, 2.1),
        Rod((hole[0] + 3.8, -0.5, 28.5), blunt, 2.1, 3.0),
        Rod((-6.0, 0.0, 21.0), (hole[0] - 4.8, -0.5, 28.5), 3.0, 2.6, UP, 1.3),
        Rod((hole[0] - 4.8, -0.5, 28.5), blunt, 2.6, 3.2, UP, 1.2),
        Egg((blunt[0], blunt[1], blunt[2]), (4.2, 4.4, 3.5)),
    ]


def axis(person: Person, spacing: float, rng: np.random.Generator) -> Block3:
    """C2: dens, body, joint surfaces, pedicles, laminae, two-pointed spinous process."""
    block = Block3((-58, -32, -36), (18, 23, 36), spacing)
    field = block.blank()
    block.join(field, _axis_body(person), blend_mm=2.0)
    block.join_mirrored(field, [*_axis_ring(), *_axis_spine(person)], blend_mm=2.0)
    block.cut(field, both([Rod((-3.5, -2.0, 22.0), (-5.0, -16.0, 24.5), 2.8, 2.8)]))
    block.cut(field, [Egg((0.0, -26.0, 0.0), (8.2, 5.6, 8.5), sagittal_axes(10.0))], blend_mm=1.0)
    block.cut(field, [Egg((-17.0, -8.0, 0.0), (8.4, 22.0, 11.0))])
    block.join(field, _axis_facets(person))
    block.fill(field, VERTEBRA, grain(block.attenuation.shape, rng))
    return block


def _axis_facets(person: Person) -> list[Shape]:
    """Shoulders of C2, closed above by exactly the surface that holds the arcs."""
    centre, half = joint_surface(person.arcs["AXIS_R"], 32.0)
    shoulder = Egg((-1.0, -4.0, 15.8), (9.6, 8.0, 10.6), frontal_axes(-8.0))
    return both([Meet(shoulder, Egg(centre, half))])


def _axis_body(person: Person) -> list[Shape]:
    points = person.points
    base, tip = points["OD_BASE"], points["DENS_TIP"]
    front, back = points["DENS_ANT"], points["DENS_POST_SUP"]
    thick = 0.5 * (front[0] - back[0])
    middle = (0.5 * (front[0] + back[0]), 0.5 * (front[1] + back[1]), 0.0)
    lip, rear = points["C2_AI"], points["C2_PI"]
    depth = 0.5 * (lip[0] - rear[0])
    return [
        Rod((base[0] + 0.3, base[1] - 5, 0), (base[0] + 0.6, base[1] + 3, 0), thick + 1.2, thick - 0.4),
        Rod((base[0] + 0.6, base[1] + 3, 0), (middle[0], middle[1] - 1, 0), thick - 0.4, thick),
        Rod((middle[0], middle[1] - 1, 0), (tip[0], tip[1] - thick + 0.6, 0), thick, thick - 0.6),
        Drum((0.5 * (lip[0] + rear[0]), -12.5, 0), (depth, 9.3, 9.5), 2.5, 1.2, sagittal_axes(-6.0)),
        Rod((lip[0] - 2.6, lip[1] + 2.6, -5.0), (lip[0] - 2.6, lip[1] + 2.6, 5.0), 2.5, 2.5),
        Rod((rear[0] + 2.3, rear[1] + 2.3, -6.0), (rear[0] + 2.3, rear[1] + 2.3, 6.0), 2.3, 2.3),
    ]


def _axis_ring() -> list[Shape]:
    return [
        Rod((-5.0, -9.5, 12.0), (-15.0, -13.0, 16.5), 4.6, 4.6, UP, 1.15),
        Egg((-16.0, -18.5, 17.0), (5.2, 7.0, 5.6), sagittal_axes(30.0)),
        Rod((-16.0, -13.0, 16.5), (-29.0, -9.5, 3.5), 3.2, 3.4, UP, 2.0),
        Rod((-2.0, -9.0, 20.0), (-8.0, -14.5, 28.5), 3.2, 2.2),
        Rod((-8.0, -12.0, 17.0), (-8.0, -14.5, 28.5), 3.0, 2.2),
    ]


def _axis_spine(person: Person) -> list[Shape]:
    fork, end = person.points["C2_SPB"], person.points["C2_SP"]
    middle = (fork[0], fork[1] - 1.0, 0.0)
    prong = Rod((fork[0] + 1.0, fork[1] - 1.5, 1.6), (end[0] + 2.0, end[1] + 1.0, 4.3), 4.0, 3.1, UP, 1.25)
    return [Rod((-27.0, -9.5, 0.0), middle, 3.6, 3.4, UP, 1.9), prong]


@dataclass(frozen=True, slots=True)
class Vertebra:
    """Place and size of one vertebra below the axis, mean size, frame of the trunk.

    Attributes
    ----------
    centre : centre of the body
    lean_deg : + front up
    half_depth, half_height, half_width : of the body, mm
    spine_mm : length of the spinous process behind the laminae
    forked : whether it ends in two points
    side : +1 as drawn, -1 mirrored in its own mid-plane
    """

    centre: Point
    lean_deg: float
    half_depth: float
    half_height: float
    half_width: float
    spine_mm: float
    forked: bool
    side: int = 1

    def at(self, x: float, y: float, z: float) -> Point:
        """A point given along the vertebra's own axes from the centre of its body."""
        forward, up, _ = sagittal_axes(self.lean_deg)
        c = self.centre
        return c[0] + x * forward[0] + y * up[0], c[1] + x * forward[1] + y * up[1], c[2] + self.side * z

    def tail(self) -> Point:
        """End of the spinous process before it forks."""
        slope = 0.32 if self.forked else 0.5
        return self.at(-27.0 - self.spine_mm, -6.0 - slope * self.spine_mm, 0.0)


_SIZES: tuple[tuple[str, float, float, bool], ...] = (
    ("C3", 9.5, 11.0, True),
    ("C4", 10.2, 12.0, True),
    ("C5", 11.0, 13.0, True),
    ("C6", 12.2, 18.0, False),
    ("C7", 13.2, 26.0, False),
    ("T1", 13.5, 24.0, False),
)
"""Half width, length of the spinous process, forked or not: what the corners do not tell."""
_T1_HALF_HEIGHT = 7.8


def vertebrae(person: Person) -> list[Vertebra]:
    """C3 to C7 through their four corners each, and T1 hung on its upper endplate."""
    return [_through_corners(person, *sizes) for sizes in _SIZES]


def _through_corners(person: Person, name: str, half_width: float, spine: float, forked: bool) -> Vertebra:
    def corner(which: str) -> Array:
        return np.array(person.points[f"{name}_{which}"])

    front, back = corner("AS"), corner("PS")
    if name == "T1":
        forward = (front - back) / np.linalg.norm(front - back)
        down = 2 * _T1_HALF_HEIGHT * np.array([forward[1], -forward[0], 0.0])
        below_front, below_back = front + down, back + down
    else:
        below_front, below_back = corner("AI"), corner("PI")
    ahead = (front + below_front - back - below_back) / 2
    up = (front + back - below_front - below_back) / 2
    centre = (front + back + below_front + below_back) / 4
    return Vertebra(
        centre=(float(centre[0]), float(centre[1]), float(centre[2])),
        lean_deg=float(np.degrees(np.arctan2(ahead[1], ahead[0]))),
        half_depth=float(np.linalg.norm(ahead)) / 2,
        half_height=float(np.linalg.norm(up)) / 2,
        half_width=half_width,
        spine_mm=spine,
        forked=forked,
    )


def trunk(person: Person, spacing: float, rng: np.random.Generator) -> Block3:
    """C3 to T1 and the hyoid."""
    chain = vertebrae(person)
    reach = 42.0 + max(abs(one.centre[2]) for one in chain)
    block = Block3((-92, chain[-1].centre[1] - 30, -reach), (48, -38, reach), spacing)
    field = block.blank()
    for one in chain:
        block.join(field, _middle_parts(one), blend_mm=1.5)
        block.join_sides(field, _side_parts(one), _side_parts(replace(one, side=-1)), blend_mm=1.5)
        block.cut(field, [_canal(one)])
    block.cut(field, [hole for one in chain[:-1] for hole in _vessel_holes(one)])
    for one in chain:
        block.join(field, _pillars(one))
    block.fill(field, VERTEBRA, grain(block.attenuation.shape, rng))
    hyoid = block.join(block.blank(), _hyoid(chain[0].centre))
    block.fill(hyoid, Tissue(cortex_mm=0.8, cortex_per_mm=0.022))
    return block


def _middle_parts(one: Vertebra) -> list[Shape]:
    axes = sagittal_axes(one.lean_deg)
    depth, height, width = one.half_depth, one.half_height, one.half_width
    tail = one.tail()
    body = Drum(one.centre, (depth, height, width), 1.6, 1.3, axes)
    neck = Rod(one.at(-26.0, -5.0, 0.0), tail, 2.9, 2.4, UP, 1.6)
    return [body, neck] if one.forked else [body, neck, Egg(tail, (3.2, 3.6, 4.0))]


def _side_parts(one: Vertebra) -> list[Shape]:
    width, height = one.half_width, one.half_height
    side, spine = width + 9.0, one.spine_mm
    prong = Rod(one.tail(), one.at(-30.0 - spine, -8.0 - 0.35 * spine, 3.0), 2.4, 2.4)
    return [
        *([prong] if one.forked else []),
        Rod(
            one.at(-4.0, height - 0.5, width - 1.5), one.at(3.5, height - 0.5, width - 1.5), 1.9, 1.5, UP, 1.5
        ),
        Rod(one.at(-5.5, 1.0, width - 2.5), one.at(-12.0, 0.0, side - 3.0), 3.0, 3.2, UP, 1.2),
        Rod(one.at(-16.0, -2.0, side - 2.0), one.at(-27.0, -5.5, 2.5), 2.2, 2.5, UP, 2.5),
        Rod(one.at(-1.0, 0.0, width - 2.0), one.at(0.5, -2.5, side + 4.0), 1.4, 1.4),
        Rod(one.at(-11.0, -1.0, side - 1.0), one.at(-1.0, -3.5, side + 5.0), 2.2, 1.8),
    ]


def _pillars(one: Vertebra) -> list[Shape]:
    """Joint pillars: columns cut above and below by oblique facets."""
    made: list[Shape] = []
    for sign in (1, -1):
        centre = one.at(-13.0, -1.0, sign * (one.half_width + 7.5))
        column = Drum(centre, (6.8, 15.0, 6.4), 2.0, 0.0, sagittal_axes(one.lean_deg))
        slab = Block(centre, (16.0, 5.0, 8.0), 2.4, sagittal_axes(one.lean_deg + 40.0))
        made.append(Meet(column, slab))
    return made


def _canal(one: Vertebra) -> Shape:
    return Drum(one.at(-17.2, 0.0, 0.0), (8.3, 14.0, 11.5), 2.0, 0.0, sagittal_axes(one.lean_deg))


def _vessel_holes(one: Vertebra) -> list[Shape]:
    z = one.half_width + 4.5
    return [Rod(one.at(-3.5, -8.0, sign * z), one.at(-3.5, 6.0, sign * z), 2.6, 2.6) for sign in (1, -1)]


def _hyoid(third: Point) -> list[Shape]:
    y = third[1] - 18.0
    horn = bent([(36.0, y, 0.0), (33.0, y, 10.0), (22.0, y + 4, 18.0), (8.0, y + 9, 21.0)])
    return [*both(tube(horn, np.linspace(2.6, 1.3, len(horn)).tolist(), along=UP, flat=1.6))]
