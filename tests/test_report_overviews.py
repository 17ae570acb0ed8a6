"""Overviews of the whole spine, the junction and posture: the lines lie where the marks say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantities
from atlasplane.pathways.alignment.base import BaseLines
from atlasplane.pathways.alignment.coronal import CoronalLines
from atlasplane.pathways.alignment.film_analysis import ReadFilm
from atlasplane.pathways.alignment.film_views import VIEWS
from atlasplane.pathways.alignment.lateral_lines import LateralLines
from atlasplane.pathways.alignment.marks import Marks
from atlasplane.pathways.alignment.open_mouth import OpenMouthLines
from atlasplane.pathways.alignment.posture import PostureLines
from atlasplane.report.drawing import Drawing
from atlasplane.report.drawing_coronal import draw_base, draw_front
from atlasplane.report.drawing_craniocervical import draw_junction, draw_open_mouth
from atlasplane.report.drawing_posture import draw_facing, draw_profile
from atlasplane.report.drawing_sagittal import draw_neck, draw_spine
from atlasplane.report.film_view import PLATES
from atlasplane.sources.film import View

# Hand-placed, film coordinates in mm, near to those of an upright adult.
PROFILE = {
    "HP_POST": (40, -2), "OCC_INF": (-52, -12), "BA": (0, 0), "OP": (-35, -2), "CLIV_SUP": (28, 28),
    "EAM_C": (4, 18), "C1_AT": (12, -19), "C1_PT": (-33, -21), "C1_AA": (9, -19), "SLL_C1": (-28, -20),
    "DENS_TIP": (3, -6), "DENS_ANT": (7, -15), "DENS_POST_SUP": (-2, -9), "DENS_POST_INF": (-6, -44),
    "C2_PED": (2, -31), "DURA_C2": (-6, -16), "C2_SP": (-47, -39),
    "C2_AS": (11, -27), "C2_PS": (-5, -27), "C2_AI": (11, -47), "C2_PI": (-6, -44), "SLL_C2": (-23, -32),
    "C3_AS": (9, -53), "C3_PS": (-7, -50), "C3_AI": (8, -65), "C3_PI": (-8, -62), "SLL_C3": (-25, -57),
    "C4_AS": (6, -70), "C4_PS": (-9, -66), "C4_AI": (5, -82), "C4_PI": (-11, -78), "SLL_C4": (-27, -74),
    "C5_AS": (3, -87), "C5_PS": (-12, -82), "C5_AI": (1, -99), "C5_PI": (-14, -94), "SLL_C5": (-30, -90),
    "C6_AS": (-2, -103), "C6_PS": (-17, -97), "C6_AI": (-4, -115), "C6_PI": (-20, -109),
    "SLL_C6": (-35, -105),
    "C7_AS": (-9, -120), "C7_PS": (-23, -113), "C7_AI": (-12, -131), "C7_PI": (-27, -124),
    "SLL_C7": (-42, -120),
    "T1_AS": (-17, -137), "T1_PS": (-31, -129), "STERN_TOP": (17, -172), "OPLL": (-15, -84),
    "T4_AS": (-38, -195), "T4_PS": (-57, -188), "T12_AI": (-25, -392), "T12_PI": (-54, -400),
    "L1_AS": (-20, -400), "L1_PS": (-50, -408), "S1_A": (-30, -592), "S1_P": (-55, -571),
    "FHC_R": (-22, -686), "FHC_L": (-25, -688),
}  # fmt: skip
FRONT = {
    "OD_BASE": (3, -24), "C2_SPB": (1, -34), "C7_C": (-4, -122), "T1_SUP_R": (12, -131),
    "T1_SUP_L": (-14, -133),
    "CLAV_R": (150, -138), "CLAV_L": (-151, -146), "COBB_U_R": (38, -225), "COBB_U_L": (12, -232),
    "COBB_L_R": (42, -372), "COBB_L_L": (8, -363), "CREST_R": (96, -530), "CREST_L": (-94, -524),
    "FHT_R": (88, -668), "FHT_L": (-89, -661), "S1_MID": (1, -581),
}  # fmt: skip
MOUTH = {
    "DENS_LAT_R": (5, 0), "DENS_LAT_L": (-5, 0), "C1_LMM_R": (9, 1), "C1_LMM_L": (-8, 1),
    "C1_LML_R": (27, -8), "C1_LML_L": (-25, -8), "C2_FL_R": (24, -10), "C2_FL_L": (-24, -10),
}  # fmt: skip
JOINTS = {
    "C0_FACET_R": [(9, 8), (15, 10), (22, 14)], "C1_FACET_R": [(9, 6), (15, 8), (22, 12)],
    "C0_FACET_L": [(-9, 8), (-15, 10), (-22, 14)], "C1_FACET_L": [(-9, 6), (-15, 8), (-22, 12)],
}  # fmt: skip
BASE = {
    "MSP_A": (72, 0), "MSP_P": (-62, 1), "CONV_A_R": (9, 10), "CONV_P_R": (-14, 22),
    "CONV_A_L": (9, -10), "CONV_P_L": (-14, -24),
}  # fmt: skip
SIDE = {"C7_SP": (-95.0, -120.0), "TRAGUS_R": (5.0, 0.0)}
FACE = {"EYE_R": (46, 29), "EYE_L": (-46, 31), "ACR_R": (180, -150), "ACR_L": (-181, -156)}


def read(lines: type, points: dict[str, Any], contours: dict[str, Any] | None = None) -> ReadFilm:
    """A film that is marked so; a drawing asks for its lines alone."""
    marks = Marks(
        {id_: np.array(at, dtype=float) for id_, at in points.items()},
        {id_: np.array(at, dtype=float) for id_, at in (contours or {}).items()},
    )
    return cast(ReadFilm, SimpleNamespace(lines=lines(marks)))


DRAWN: dict[View, tuple[Drawing, ...]] = {
    View.LATERAL: (draw_junction(read(LateralLines, PROFILE)), draw_neck(read(LateralLines, PROFILE))),
    View.LATERAL_FULL: (draw_spine(read(LateralLines, PROFILE)),),
    View.APOM: (draw_open_mouth(read(OpenMouthLines, MOUTH, JOINTS)),),
    View.AP_FULL: (draw_front(read(CoronalLines, FRONT)),),
    View.AP_CERVICAL: (draw_front(read(CoronalLines, FRONT)),),
    View.BASE_POSTERIOR: (draw_base(read(BaseLines, BASE)),),
    View.PHOTO_LATERAL: (draw_profile(read(PostureLines, SIDE)),),
    View.PHOTO_FRONT: (draw_facing(read(PostureLines, FACE)),),
}
IN_TABLES_ONLY = {
    "rra", "disc_angle", "listhesis", "listhesis_percent", "george_deviation", "torg_ratio", "c7_slope",
    # drawn on the plates of the listing
    "s_line_angle", "s_palate_angle", "s_offset", "atlas_plane_sagittal", "nasium_tube_angle",
    "cobb_c2_c7", "craniovertebral_angle/left",
}  # fmt: skip


def keys(view: View) -> set[str]:
    return {key for sheet in DRAWN[view] for entry in sheet.legends for key in entry.keys}


@pytest.mark.parametrize("view", DRAWN)
def test_what_a_plate_names_is_in_the_catalogue(view: View) -> None:
    labelled = {label.key for sheet in DRAWN[view] for label in sheet.labels if label.key}
    assert labelled
    assert labelled <= keys(view)
    assert {ObservationKey.parse(key).quantity for key in keys(view)} <= set(quantities())


@pytest.mark.parametrize("view", DRAWN)
def test_every_quantity_of_the_film_is_drawn_or_left_to_the_tables(view: View) -> None:
    read_here = {c.key for c in VIEWS[view].constructions}
    quantities_only = {key for key in read_here if ObservationKey.parse(key).quantity not in IN_TABLES_ONLY}
    assert quantities_only - keys(view) - IN_TABLES_ONLY == set()


@pytest.mark.parametrize("view", [*DRAWN, View.PHOTO_BACK])
def test_every_view_that_is_measured_has_a_plate(view: View) -> None:
    assert any(plate.view is view for plate in PLATES)


def test_without_marks_nothing_is_drawn() -> None:
    for draw, lines in (
        (draw_junction, LateralLines), (draw_neck, LateralLines), (draw_spine, LateralLines),
        (draw_open_mouth, OpenMouthLines), (draw_front, CoronalLines), (draw_base, BaseLines),
        (draw_profile, PostureLines), (draw_facing, PostureLines),
    ):  # fmt: skip
        sheet = draw(read(lines, {}))
        assert (sheet.strokes, sheet.labels, sheet.legends) == ([], [], [])


def ends(sheet: Drawing) -> list[np.ndarray]:
    return [stroke.at for stroke in sheet.strokes]


def drawn(sheet: Drawing, start: tuple[float, float], stop: tuple[float, float]) -> bool:
    """Whether a straight stroke joins two points."""
    line = np.array([start, stop], dtype=float)
    return any(at.shape == (2, 2) and np.allclose(at, line) for at in ends(sheet))


def test_the_plumb_line_of_c2_falls_from_its_centre_to_the_height_of_c7() -> None:
    sheet = DRAWN[View.LATERAL][1]
    # Mean of the corners of C2: x (11 - 5 + 11 - 6) / 4, y (-27 - 27 - 47 - 44) / 4; C7_PS is (-23, -113).
    assert drawn(sheet, (2.75, -36.25), (2.75, -113))
    assert drawn(sheet, (2.75, -113), (-23, -113))


def test_the_interval_in_front_of_the_dens_is_square_to_the_axial_line() -> None:
    sheet = DRAWN[View.LATERAL][0]
    interval = next(at for at in ends(sheet) if at.shape == (2, 2) and np.allclose(at[0], (7, -15)))
    axial = np.array([-6, -44]) - np.array([-2, -9])
    assert abs(float((interval[1] - interval[0]) @ axial)) < 1e-9
    assert interval[1][0] > interval[0][0]


def test_mcrae_joins_the_ends_of_the_foramen() -> None:
    assert drawn(DRAWN[View.LATERAL][0], (-35, -2), (0, 0))


def test_the_arc_of_the_craniovertebral_angle_runs_from_the_horizontal_to_the_tragus() -> None:
    arc = next(at for at in ends(DRAWN[View.PHOTO_LATERAL][0]) if len(at) > 2)
    nape = np.array(SIDE["C7_SP"])
    angles = np.degrees(np.arctan2(*(arc - nape).T[::-1]))
    # atan2(120, 100)
    assert sorted((angles[0], angles[-1])) == pytest.approx([0.0, 50.194], abs=1e-3)


def test_the_heights_of_the_hips_are_compared_half_way_between_them() -> None:
    assert drawn(DRAWN[View.AP_FULL][0], (-0.5, -668), (-0.5, -661))


def test_the_curve_is_measured_in_its_hollow() -> None:
    """The upper plate rises to the right: convex to the right, hollow to the left, label on the left."""
    sheet = DRAWN[View.AP_FULL][0]
    label = next(label for label in sheet.labels if label.key == "coronal_cobb")
    assert label.at[0] < FRONT["COBB_L_L"][0]
    mirrored = {
        f"{id_[:-1]}{'L' if id_.endswith('R') else 'R'}": (-at[0], at[1])
        for id_, at in FRONT.items() if id_.startswith("COBB")
    }  # fmt: skip
    other = draw_front(read(CoronalLines, mirrored)).labels[0]
    assert other.at == pytest.approx(label.at * [-1, 1])


def test_the_axes_of_the_condyles_are_drawn_to_the_middle() -> None:
    sheet = DRAWN[View.BASE_POSTERIOR][0]
    arcs = [at for at in ends(sheet) if len(at) > 2]
    assert len(arcs) == 2
    assert arcs[0][-1][1] > arcs[0][0][1]  # right: from the middle to the patient's right
    assert arcs[1][-1][1] < arcs[1][0][1]


def test_the_angle_of_the_clivus_opens_forward() -> None:
    """Straight is 180 degrees, so the drawn arc is the angle itself, on the side of the face."""
    sheet = DRAWN[View.LATERAL][0]
    label = next(label for label in sheet.labels if label.key == "clivoaxial_angle")
    axial_x = -2.0
    assert label.at[0] > axial_x
