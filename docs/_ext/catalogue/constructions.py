"""The quantity drawings: lines, angles and circles of each quantity on its film, exaggerated to be seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from atlasplane.anatomy.schematic_film import VIEWS, Angles, Film, is_drawn
from atlasplane.core.quantity import Quantity

from . import draw_lateral, draw_nasium, draw_vertex
from . import drawing as d
from .construction import Construction
from .constructions_measures import MEASURES
from .constructions_three_d import THREE_D
from .marking import mark

JUNCTION = d.Window(left=-88, right=88, bottom=-62, top=52)
SKULL = d.Window(left=-140, right=140, bottom=-62, top=205)
NECK = d.Window(left=-110, right=110, bottom=-160, top=52)
CIRCLES = d.Window(left=-120, right=120, bottom=-70, top=95)
VERTEX = d.Window(left=-112, right=112, bottom=-82, top=142)
FACE = d.Window(left=-95, right=165, bottom=-85, top=95)
ARCH = d.Window(left=-80, right=80, bottom=-50, top=52)
DRIVE = d.Window(left=-190, right=70, bottom=-70, top=110)


def quantity_picture(quantity: Quantity) -> Figure | None:
    """Drawing of a quantity; None where it has neither a construction nor landmarks on a drawn film."""
    if quantity.id in CONSTRUCTIONS:
        drawn = CONSTRUCTIONS[quantity.id]
        return (drawn if drawn.around else replace(drawn, around=quantity.landmarks)).figure()
    if quantity.view not in VIEWS or not quantity.landmarks:
        return None
    return _landmarks_only(quantity).figure()


def _landmarks_only(quantity: Quantity) -> Construction:
    """A quantity without a construction of its own: its landmarks are marked."""
    ids = tuple(id_ for id_ in quantity.landmarks if is_drawn(id_))

    def draw(axes: Axes, sheet: Film) -> str:
        for id_ in ids:
            mark(axes, sheet, id_)
        return ""

    return Construction(view=str(quantity.view), around=ids, draw=draw)


LATERALITY: Angles = (0.0, 9.0, 0.0)

CONSTRUCTIONS: Mapping[str, Construction] = {
    "s_line_angle": Construction(view="lateral", window=ARCH, draw=draw_lateral.s_line_angle),
    "s_line_class": Construction(
        view="lateral", window=FACE, draw=draw_lateral.s_line_class, c1=(-15.0, 0.0, 0.0)
    ),
    "s_palate_angle": Construction(
        view="lateral", window=FACE, draw=draw_lateral.s_palate_angle, c1=(-5.0, 0.0, 0.0)
    ),
    "s_offset": Construction(view="lateral", window=FACE, draw=draw_lateral.s_offset, c1=(-16.0, 0.0, 0.0)),
    "atlas_plane_sagittal": Construction(view="lateral", window=ARCH, draw=draw_lateral.atlas_plane_sagittal),
    "nasium_tube_angle": Construction(view="lateral", window=FACE, draw=draw_lateral.nasium_tube_angle),
    "atlas_plane_tilt": Construction(view="nasium", window=JUNCTION, draw=draw_nasium.tilt, c1=LATERALITY),
    "head_tilt": Construction(view="nasium", window=SKULL, draw=draw_nasium.head_tilt, head=(0.0, 0.0, 6.0)),
    "atlas_laterality": Construction(view="nasium", window=SKULL, draw=draw_nasium.laterality, c1=LATERALITY),
    "lower_angle": Construction(
        view="nasium",
        window=NECK,
        draw=draw_nasium.lower_angle,
        c1=(0.0, -5.0, 0.0),
        trunk=(0.0, 7.0, 0.0),
        c2=(0.0, 3.0, 0.0),
    ),
    "cervical_lean": Construction(
        view="nasium",
        window=NECK,
        draw=draw_nasium.lean,
        trunk=(0.0, -8.0, 0.0),
        c2=(0.0, -3.0, 0.0),
        c1=(0.0, -2.0, 0.0),
    ),
    "odontoid_offset": Construction(
        view="nasium",
        window=JUNCTION,
        draw=draw_nasium.offset("OD_BASE", "odontoid"),
        c1=(0.0, 5.0, 0.0),
        aside_mm={"c2": 6.0},
    ),
    "spinous_offset": Construction(
        view="nasium",
        window=JUNCTION,
        draw=draw_nasium.offset("C2_SPB", "spinous"),
        c2=(0.0, 0.0, 12.0),
        c1=(0.0, 5.0, 0.0),
    ),
    "axis_rotation": Construction(
        view="nasium",
        window=JUNCTION,
        draw=draw_nasium.axis_rotation,
        c2=(0.0, 0.0, 14.0),
        c1=(0.0, 4.0, 0.0),
    ),
    "condylar_radius": Construction(view="nasium", window=CIRCLES, draw=draw_nasium.condylar),
    "axial_radius": Construction(view="nasium", window=CIRCLES, draw=draw_nasium.axial),
    "circle_ratio": Construction(
        view="nasium", window=CIRCLES, draw=draw_nasium.both_circles("ratio of the two radii, C / A")
    ),
    "circle_difference": Construction(
        view="nasium",
        window=CIRCLES,
        draw=draw_nasium.both_circles("difference of the two diameters, 2 C − 2 A, in inches"),
    ),
    "condylar_centre_offset": Construction(
        view="nasium", window=CIRCLES, draw=draw_nasium.centre_offset("COND", d.LINE), c1=(0.0, 8.0, 0.0)
    ),
    "axial_centre_offset": Construction(
        view="nasium",
        window=d.Window(left=-120, right=120, bottom=-150, top=45),
        draw=draw_nasium.centre_offset("AXIS", d.SECOND),
        c1=(0.0, 8.0, 0.0),
    ),
    "skull_offset": Construction(
        view="nasium",
        window=SKULL,
        draw=draw_nasium.skull_offset,
        c1=(0.0, 5.0, 0.0),
        aside_mm={"c1": -8.0, "c2": -8.0, "trunk": -8.0},
    ),
    "c7_offset": Construction(
        view="nasium", window=NECK, draw=draw_nasium.c7_offset, trunk=(0.0, 8.0, 0.0), c2=(0.0, 3.0, 0.0)
    ),
    "atlas_rotation": Construction(
        view="vertex", window=VERTEX, draw=draw_vertex.rotation, c1=(0.0, 0.0, 11.0)
    ),
    "transverse_offset": Construction(
        view="nasium", window=JUNCTION, draw=draw_nasium.transverse, c1=(0.0, 5.0, 0.0)
    ),
    **MEASURES,
    **THREE_D,
    "correction_height": Construction(view="nasium", window=DRIVE, draw=draw_vertex.height, c1=LATERALITY),
    "correction_rotation": Construction(
        view="vertex", window=DRIVE, draw=draw_vertex.turning, c1=(0.0, 0.0, 9.0)
    ),
}
