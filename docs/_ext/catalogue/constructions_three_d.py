"""The drawings of poses and angles in space."""

from __future__ import annotations

from collections.abc import Mapping

from . import draw_nasium
from . import drawing as d
from .construction import Construction
from .draw_frames import frames_of
from .draw_lines import Line, between

FORAMINA: Line = ("TF_L", "TF_R")
PORIA: Line = ("PO_L", "PO_R")
ATLAS: Line = ("C1_PT", "C1_AT")

SIDE = d.Window(left=-112, right=88, bottom=-72, top=82)
FRONT = d.Window(left=-112, right=112, bottom=-82, top=92)
ABOVE = d.Window(left=-112, right=112, bottom=-82, top=142)
NECK = d.Window(left=-110, right=110, bottom=-160, top=52)
FACE = d.Window(left=-92, right=118, bottom=-72, top=72)
AXIS = d.Window(left=-78, right=78, bottom=-70, top=46)

THREE_D: Mapping[str, Construction] = {
    "c1_in_skull": Construction(
        view="lateral",
        window=SIDE,
        draw=frames_of("c1", "skull", note="frames of C1 and of the skull; Z points at the viewer"),
    ),
    "c2_in_c1": Construction(
        view="lateral",
        window=AXIS,
        draw=frames_of("c2", "c1", note="frames of C2 and of C1; Z points at the viewer", length_mm=24),
    ),
    "c2_in_skull": Construction(
        view="lateral",
        window=SIDE,
        draw=frames_of("c2", "skull", note="frames of C2 and of the skull; Z points at the viewer"),
    ),
    "segment_pose": Construction(
        view="lateral",
        around=("C3_AS", "C3_PS", "C4_AI", "C4_PI"),
        draw=frames_of("c3", "c4", note="drawn: C3 on C4; Z points at the viewer", length_mm=18),
    ),
    "atlas_flexion_3d": Construction(
        view="lateral",
        window=FACE,
        draw=between(
            (("PO_R", "PO_L"), ("OR_R", "OR_L")),
            ATLAS,
            "flexion",
            "Frankfort plane against the atlas plane, + : front of C1 down",
            radius=52,
        ),
        c1=(26.0, 0.0, 0.0),
    ),
    "atlas_laterality_3d": Construction(
        view="nasium",
        window=FRONT,
        draw=between(
            PORIA, FORAMINA, "laterality", "seen along the atlas plane, + : right side of C1 up", radius=74
        ),
        c1=(0.0, 9.0, 0.0),
    ),
    "atlas_rotation_3d": Construction(
        view="vertex",
        window=ABOVE,
        draw=between(PORIA, FORAMINA, "rotation", "+ : right side of C1 anterior", radius=74),
        c1=(0.0, 0.0, 12.0),
    ),
    "c1_c2_flexion_3d": Construction(
        view="lateral",
        window=AXIS,
        draw=between(
            (("C2_AI", "C2_PI"), "DENS_TIP"),
            ATLAS,
            "90° + flexion",
            "axis of the dens against the atlas plane; flexion + : front of C1 down",
            radius=34,
        ),
        c1=(26.0, 0.0, 0.0),
    ),
    "c1_c2_lateral_3d": Construction(
        view="nasium",
        window=FRONT,
        draw=between(
            ("C2_TF_L", "C2_TF_R"), FORAMINA, "side bending", "+ : right side of C1 up on C2", radius=58
        ),
        c1=(0.0, 9.0, 0.0),
    ),
    "lower_angle_3d": Construction(
        view="nasium",
        window=NECK,
        draw=draw_nasium.lower_angle,
        c1=(0.0, -5.0, 0.0),
        trunk=(0.0, 7.0, 0.0),
        c2=(0.0, 3.0, 0.0),
    ),
}
