"""The drawings of the measures of neck, whole spine and posture."""

from __future__ import annotations

from collections.abc import Mapping

from . import drawing as d
from .construction import Construction
from .constructions_junction import BASE, C2_PLATE, JUNCTION, MCGREGOR
from .draw_lines import (
    Line,
    Place,
    along_line,
    beside_line,
    between,
    distances,
    forward,
    normal_angle,
    slope,
    together,
    upward,
)

C7_PLATE: Line = ("C7_PI", "C7_AI")
C2_BODY: Place = ("C2_AS", "C2_PS", "C2_AI", "C2_PI")
C7_BODY: Place = ("C7_AS", "C7_PS", "C7_AI", "C7_PI")
HIPS: Place = ("FHC_R", "FHC_L")
SACRUM: Line = ("S1_P", "S1_A")

LORDOSIS = d.Window(left=-105, right=95, bottom=-150, top=8)
INLET = d.Window(left=-105, right=95, bottom=-215, top=-65)
PELVIS = d.Window(left=-190, right=190, bottom=-870, top=-570)
TRUNK = d.Window(left=-240, right=240, bottom=-700, top=-20)

_LEVEL = ("C4_AS", "C4_PI", "C5_AS", "C5_PI")

MEASURES: Mapping[str, Construction] = {
    **JUNCTION,
    # ---- cervical spine from the side ----
    "cobb_c2_c7": Construction(
        view="lateral",
        window=LORDOSIS,
        draw=between(C7_PLATE, C2_PLATE, "Cobb", "lower endplates of C2 and C7, + : lordosis", radius=48),
    ),
    "ara_c2_c7": Construction(
        view="lateral",
        window=LORDOSIS,
        draw=between(
            ("C7_PI", "C7_PS"),
            ("C2_PI", "C2_PS"),
            "ARA",
            "posterior tangents of C2 and C7, + : lordosis",
            radius=58,
        ),
    ),
    "rra": Construction(
        view="lateral",
        around=_LEVEL,
        draw=between(
            ("C5_PI", "C5_PS"),
            ("C4_PI", "C4_PS"),
            "RRA",
            "neighbouring posterior tangents; drawn: C4-C5",
            radius=26,
        ),
    ),
    "disc_angle": Construction(
        view="lateral",
        around=_LEVEL,
        draw=between(
            ("C5_PS", "C5_AS"), ("C4_PI", "C4_AI"), "disc", "+ : open to the front; drawn: C4-C5", radius=34
        ),
    ),
    "sva_c2_c7": Construction(
        view="lateral", window=LORDOSIS, draw=forward(C2_BODY, "C7_PS", "SVA", "centre of C2 in front of C7")
    ),
    "anterior_head_translation": Construction(
        view="lateral", window=LORDOSIS, draw=forward("C2_PS", "C7_PI", "AHT", "+ : C2 in front of C7")
    ),
    "eam_c7_sva": Construction(
        view="lateral",
        window=d.Window(left=-110, right=120, bottom=-150, top=55),
        draw=forward("EAM_C", "C7_PS", "EAM-C7", "+ : ear canal in front of C7"),
    ),
    "t1_slope": Construction(
        view="lateral",
        window=INLET,
        draw=slope(("T1_PS", "T1_AS"), "T1S", "+ : anterior end lower", radius=46),
    ),
    "c7_slope": Construction(
        view="lateral",
        window=INLET,
        draw=slope(("C7_PS", "C7_AS"), "C7S", "+ : anterior end lower", radius=46),
    ),
    "mcgregor_slope": Construction(
        view="lateral", window=BASE, draw=slope(MCGREGOR, "slope", "+ : anterior end lower", radius=70)
    ),
    "thoracic_inlet_angle": Construction(
        view="lateral",
        window=INLET,
        draw=normal_angle(("T1_PS", "T1_AS"), "STERN_TOP", "TIA", "equals T1 slope plus neck tilt"),
    ),
    "neck_tilt": Construction(
        view="lateral",
        window=INLET,
        draw=slope(("STERN_TOP", ("T1_PS", "T1_AS")), "NT", "+ : sternum in front of T1", of="vertical"),
    ),
    "t1_slope_mismatch": Construction(
        view="lateral",
        window=d.Window(left=-105, right=105, bottom=-185, top=8),
        draw=together(
            slope(("T1_PS", "T1_AS"), "T1S", "", radius=40),
            between(C7_PLATE, C2_PLATE, "Cobb", "T1 slope minus Cobb angle", radius=62),
        ),
    ),
    "listhesis": Construction(
        view="lateral",
        around=_LEVEL,
        draw=along_line("C5_PS", "C4_PI", ("C5_PS", "C5_AS"), "slip", "+ : upper one in front; drawn: C4-C5"),
    ),
    "listhesis_percent": Construction(
        view="lateral",
        around=_LEVEL,
        draw=along_line(
            "C5_PS", "C4_PI", ("C5_PS", "C5_AS"), "slip", "per cent of the endplate below; drawn: C4-C5"
        ),
    ),
    "george_deviation": Construction(
        view="lateral",
        around=_LEVEL,
        draw=beside_line(
            "C5_PS", ("C4_PI", "C5_PI"), "George", "+ : corner in front of its neighbours' chord"
        ),
    ),
    "torg_ratio": Construction(
        view="lateral",
        around=(*_LEVEL, "SLL_C5"),
        draw=distances(
            ((("C5_AS", "C5_AI"), ("C5_PS", "C5_PI"), "body"), (("C5_PS", "C5_PI"), "SLL_C5", "canal")),
            "canal / body; drawn: C5",
        ),
    ),
    "k_line_distance": Construction(
        view="lateral",
        window=LORDOSIS,
        subject="OPLL",
        draw=beside_line(
            "OPLL",
            (("SLL_C7", ("C7_PS", "C7_PI")), ("SLL_C2", ("C2_PS", "C2_PI"))),
            "K",
            "middles of the canal at C2 and C7, + : ossification in front",
        ),
    ),
    # ---- whole spine from the side ----
    "sva_c7_s1": Construction(
        view="lateral-full",
        window=TRUNK,
        draw=forward(C7_BODY, "S1_P", "SVA", "+ : C7 in front of the sacrum"),
    ),
    "thoracic_kyphosis": Construction(
        view="lateral-full",
        window=d.Window(left=-260, right=220, bottom=-480, top=-140),
        draw=between(("T4_PS", "T4_AS"), ("T12_PI", "T12_AI"), "TK", "T4 to T12", radius=110),
    ),
    "lumbar_lordosis": Construction(
        view="lateral-full",
        window=d.Window(left=-220, right=240, bottom=-730, top=-385),
        draw=between(SACRUM, ("L1_PS", "L1_AS"), "LL", "L1 to the sacrum, + : lordosis", radius=120),
    ),
    "sacral_slope": Construction(
        view="lateral-full", window=PELVIS, draw=slope(SACRUM, "SS", "+ : anterior end lower", radius=90)
    ),
    "pelvic_tilt": Construction(
        view="lateral-full",
        window=PELVIS,
        draw=slope((HIPS, SACRUM), "PT", "+ : sacrum behind the hips", of="vertical"),
    ),
    "pelvic_incidence": Construction(
        view="lateral-full",
        window=PELVIS,
        draw=normal_angle(SACRUM, HIPS, "PI", "equals pelvic tilt plus sacral slope"),
    ),
    # ---- from the front ----
    "coronal_c2_c7_offset": Construction(
        view="ap-cervical",
        window=d.Window(left=-110, right=110, bottom=-165, top=25),
        draw=forward(("OD_BASE", "C2_SPB"), "C7_C", "offset", "+ : C2 to the right of C7"),
        trunk=(0.0, 10.0, 0.0),
        c2=(0.0, 5.0, 0.0),
    ),
    "coronal_cobb": Construction(
        view="ap-full",
        window=d.Window(left=-190, right=190, bottom=-480, top=-150),
        subject="COBB_U",
        draw=between(
            ("COBB_L_R", "COBB_L_L"), ("COBB_U_R", "COBB_U_L"), "Cobb", "+ : convex to the right", radius=110
        ),
    ),
    "t1_tilt": Construction(
        view="ap-full",
        window=d.Window(left=-130, right=130, bottom=-250, top=-80),
        draw=slope(("T1_SUP_L", "T1_SUP_R"), "T1", "+ : right end higher", radius=70),
        trunk=(0.0, 8.0, 0.0),
    ),
    "clavicle_angle": Construction(
        view="ap-full",
        draw=slope(("CLAV_L", "CLAV_R"), "angle", "+ : right side higher"),
        margin=90.0,
        trunk=(0.0, 5.0, 0.0),
    ),
    "pelvic_obliquity": Construction(
        view="ap-full",
        draw=slope(("CREST_L", "CREST_R"), "angle", "+ : right crest higher"),
        trunk=(0.0, 6.0, 0.0),
        margin=110.0,
    ),
    "femoral_head_difference": Construction(
        view="ap-full",
        draw=upward("FHT_R", "FHT_L", "difference", "+ : right head higher, right leg longer"),
        trunk=(0.0, 6.0, 0.0),
        margin=60.0,
    ),
    "c7_plumb_offset": Construction(
        view="ap-full",
        window=d.Window(left=-260, right=260, bottom=-720, top=-40),
        draw=forward("C7_C", "S1_MID", "offset", "+ : C7 to the right of the middle of the sacrum"),
        trunk=(0.0, -4.0, 0.0),
    ),
    "blair_convergence": Construction(
        view="base-posterior",
        window=d.Window(left=-95, right=95, bottom=-95, top=105),
        draw=between(
            ("MSP_P", "MSP_A"),
            ("CONV_P_R", "CONV_A_R"),
            "angle",
            "+ : converging forward; drawn: site right",
            radius=100,
        ),
    ),
    # ---- posture ----
    "craniovertebral_angle": Construction(
        view="photo-lateral",
        window=d.Window(left=-210, right=210, bottom=-215, top=165),
        draw=slope(("C7_SP", "TRAGUS_R"), "CVA", "smaller: head further forward; drawn: site right"),
    ),
    "head_tilt_photo": Construction(
        view="photo-front",
        window=d.Window(left=-150, right=150, bottom=-120, top=165),
        draw=slope(("EYE_L", "EYE_R"), "tilt", "+ : right eye lower", radius=110),
        head=(0.0, 0.0, 8.0),
    ),
    "shoulder_tilt": Construction(
        view="photo-front",
        draw=slope(("ACR_L", "ACR_R"), "tilt", "+ : right shoulder higher"),
        margin=90.0,
        head=(0.0, 0.0, -5.0),
    ),
}
