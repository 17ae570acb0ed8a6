"""The drawings of the measures of skull base, atlas and axis."""

from __future__ import annotations

from collections.abc import Mapping

from . import drawing as d
from .construction import Construction
from .draw_lines import (
    Line,
    along_line,
    along_to_line,
    beside_line,
    between,
    crossing_angle,
    distances,
    gap,
    together,
)

MCGREGOR: Line = ("OCC_INF", "HP_POST")
CHAMBERLAIN: Line = ("OP", "HP_POST")
ATLAS: Line = ("C1_PT", "C1_AT")
C2_PLATE: Line = ("C2_PI", "C2_AI")
AXIAL: Line = ("DENS_POST_INF", "DENS_POST_SUP")

MOUTH = d.Window(left=-62, right=62, bottom=-56, top=40)
DENS = d.Window(left=-62, right=78, bottom=-62, top=42)
BASE = d.Window(left=-105, right=105, bottom=-75, top=62)
TIP = d.Window(left=-48, right=56, bottom=-46, top=34)

JUNCTION: Mapping[str, Construction] = {
    # ---- craniocervical junction, lateral ----
    "adi": Construction(
        view="lateral",
        window=TIP,
        draw=along_line(
            "DENS_ANT",
            "C1_AA",
            AXIAL,
            "ADI",
            "square to the posterior axial line, + : arch in front of the dens",
            square=True,
        ),
    ),
    "padi": Construction(
        view="lateral",
        window=DENS,
        draw=beside_line("SLL_C1", AXIAL, "PADI", "room for the cord: axial line to the arch behind"),
    ),
    "bdi": Construction(
        view="lateral",
        window=TIP,
        draw=distances((("BA", "DENS_TIP", "BDI"),), "basion to the tip of the dens"),
    ),
    "bai": Construction(
        view="lateral",
        window=TIP,
        draw=beside_line("BA", AXIAL, "BAI", "+ : basion in front of the posterior axial line"),
    ),
    "powers_ratio": Construction(
        view="lateral",
        window=DENS,
        draw=distances(
            (("BA", "SLL_C1", "A"), ("OP", "C1_AA", "B")), "ratio A / B; over 1: skull displaced forward"
        ),
    ),
    "wackenheim": Construction(
        view="lateral",
        window=BASE,
        draw=beside_line(
            "DENS_TIP", ("CLIV_SUP", "BA"), "W", "+ : tip of the dens in front of the clivus line"
        ),
    ),
    "chamberlain": Construction(
        view="lateral",
        window=BASE,
        draw=beside_line("DENS_TIP", CHAMBERLAIN, "Ch", "hard palate to opisthion, + : dens above the line"),
    ),
    "mcrae": Construction(
        view="lateral",
        window=BASE,
        draw=beside_line("DENS_TIP", ("OP", "BA"), "McR", "opisthion to basion, + : dens above the line"),
    ),
    "foramen_magnum_diameter": Construction(
        view="lateral", window=BASE, draw=distances((("OP", "BA", "diameter"),), "opisthion to basion")
    ),
    "mcgregor": Construction(
        view="lateral",
        window=BASE,
        draw=beside_line(
            "DENS_TIP", MCGREGOR, "McG", "hard palate to lowest occiput, + : dens above the line"
        ),
    ),
    "ranawat": Construction(
        view="lateral",
        window=DENS,
        draw=along_to_line(
            "C2_PED",
            (("C2_AI", "C2_PI"), "DENS_TIP"),
            ATLAS,
            "Ranawat",
            "pedicle to the atlas line, along C2",
        ),
    ),
    "redlund_johnell": Construction(
        view="lateral",
        window=BASE,
        draw=beside_line(
            ("C2_AI", "C2_PI"),
            MCGREGOR,
            "RJ",
            "McGregor's line to the lower endplate of C2, square to the line",
        ),
    ),
    "clivoaxial_angle": Construction(
        view="lateral",
        window=DENS,
        draw=crossing_angle(
            ("BA", "CLIV_SUP"),
            ("DENS_POST_SUP", "DENS_POST_INF"),
            "CXA",
            "clivus against the back of the axis, seen from in front; 180° is straight",
            radius=18,
        ),
    ),
    "grabb_oakes": Construction(
        view="lateral",
        window=DENS,
        draw=beside_line("DURA_C2", ("BA", "C2_PI"), "pB-C2", "+ : dura behind the line from basion to C2"),
    ),
    "c0_c1_angle": Construction(
        view="lateral",
        window=BASE,
        draw=between(ATLAS, MCGREGOR, "C0-C1", "McGregor's line against the atlas plane, + : lordosis"),
    ),
    "c1_c2_angle": Construction(
        view="lateral",
        window=DENS,
        draw=between(
            C2_PLATE, ATLAS, "C1-C2", "atlas plane against C2's lower endplate, + : lordosis", radius=40
        ),
    ),
    "c0_c2_angle": Construction(
        view="lateral",
        window=BASE,
        draw=between(
            C2_PLATE,
            MCGREGOR,
            "C0-C2",
            "McGregor's line against C2's lower endplate, + : lordosis",
            radius=46,
        ),
    ),
    # ---- craniocervical junction, open mouth and volumes ----
    "ladi": Construction(
        view="apom",
        window=MOUTH,
        draw=along_line(
            "DENS_LAT_R",
            "C1_LMM_R",
            ("C1_LMM_L", "C1_LMM_R"),
            "LADI",
            "dens to lateral mass; drawn: site right",
        ),
    ),
    "ladi_asymmetry": Construction(
        view="apom",
        window=MOUTH,
        draw=together(
            along_line("DENS_LAT_R", "C1_LMM_R", ("C1_LMM_L", "C1_LMM_R"), "R", ""),
            along_line(
                "DENS_LAT_L", "C1_LMM_L", ("C1_LMM_L", "C1_LMM_R"), "L", "R − L, + : right interval wider"
            ),
        ),
        aside_mm={"c2": -2.5},
    ),
    "lateral_mass_overhang": Construction(
        view="apom",
        window=MOUTH,
        draw=along_line(
            "C2_FL_R",
            "C1_LML_R",
            ("C2_FL_L", "C2_FL_R"),
            "overhang",
            "sum of the sides on which C1 stands out",
        ),
        aside_mm={"c1": 5.0},
    ),
    "condyle_c1_interval": Construction(
        view="apom",
        window=MOUTH,
        draw=gap(
            ("C0_FACET_R", "C1_FACET_R"), "CCI", "mean gap of the joint at four points; drawn: site right"
        ),
    ),
    "c1_c2_rotation": Construction(
        view="vertex",
        window=d.Window(left=-80, right=80, bottom=-62, top=58),
        draw=between(
            ("C2_TF_L", "C2_TF_R"),
            ("TF_L", "TF_R"),
            "C1-C2",
            "+ : C1 turned left on C2; from a volume",
            radius=62,
        ),
        c1=(0.0, 0.0, 14.0),
    ),
    "c0_c1_rotation": Construction(
        view="vertex",
        window=d.Window(left=-112, right=112, bottom=-82, top=142),
        draw=between(
            ("BA", "N"), ATLAS, "C0-C1", "+ : C1 turned left in the skull; from a volume", radius=80
        ),
        c1=(0.0, 0.0, 10.0),
    ),
}
