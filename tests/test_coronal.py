"""Neck, trunk and pelvis from the front: by hand, by sign, in the mirror."""

from __future__ import annotations

import math

import pytest

from atlasplane.core.errors import BadLandmarks
from atlasplane.core.quantity import quantity
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
from atlasplane.sources.film import View
from tests.front_cases import (
    EXACT,
    MM,
    Step,
    analysed,
    check_sign,
    from_front,
    ids_of,
    mirrored_person,
    read_of,
    turned_over,
    values,
    visit_of,
)

# Steps (right, up) in pixels of 0.2 mm: a dwarf of a full spine, with the arithmetic of any other.
POINTS: dict[str, Step] = {
    "OD_BASE": (40, 600),
    "C2_SPB": (20, 500),
    "C7_C": (10, 300),
    "T1_SUP_R": (110, 260),
    "T1_SUP_L": (-90, 250),
    "CLAV_R": (400, 200),
    "CLAV_L": (-400, 240),
    "COBB_U_R": (120, 230),
    "COBB_U_L": (-80, 210),
    "COBB_L_R": (150, -100),
    "COBB_L_L": (-50, -70),
    "S1_MID": (-15, -400),
    "CREST_R": (250, -350),
    "CREST_L": (-250, -340),
    "FHT_R": (180, -600),
    "FHT_L": (-180, -615),
}
FULL = from_front(View.AP_FULL, POINTS)


def slope(up: float, right: float) -> float:
    return math.degrees(math.atan(up / right))


BY_HAND = {
    # The centre of C2 stands at (40 + 20) / 2 = 30, C7 at 10.
    "coronal_c2_c7_offset": MM * 20,
    # Upper plate: 20 up over 200; lower one: 30 down over 200.
    "coronal_cobb": slope(20, 200) + slope(30, 200),
    "t1_tilt": slope(10, 200),
    "clavicle_angle": slope(-40, 800),
    "c7_plumb_offset": MM * 25,
    "pelvic_obliquity": slope(-10, 500),
    "femoral_head_difference": MM * 15,
}
# Which marks, moved right and up by this, raise the value: the + of the catalogue.
POSITIVE: dict[str, tuple[str, Step]] = {
    "coronal_c2_c7_offset": ("OD_BASE C2_SPB", (5, 0)),
    # A curve convex to the right: its ends go left, so its upper plate rises on the right, the lower sinks.
    "coronal_cobb": ("COBB_U_R COBB_L_L", (0, 5)),
    "t1_tilt": ("T1_SUP_R", (0, 5)),
    "clavicle_angle": ("CLAV_R", (0, 5)),
    "c7_plumb_offset": ("C7_C", (5, 0)),
    "pelvic_obliquity": ("CREST_R", (0, 5)),
    "femoral_head_difference": ("FHT_R", (0, 5)),
}


def test_no_quantity_is_left_out() -> None:
    assert ids_of("coronal", View.AP_FULL) == read_of(View.AP_FULL) == set(BY_HAND) == set(POSITIVE)
    assert ids_of("coronal", View.AP_CERVICAL) == read_of(View.AP_CERVICAL)


@pytest.mark.parametrize("key", BY_HAND)
def test_value_by_hand(key: str) -> None:
    assert values(FULL)[key] == pytest.approx(BY_HAND[key], abs=EXACT)


@pytest.mark.parametrize("key", POSITIVE)
def test_plus_means_what_the_catalogue_says(key: str) -> None:
    ids, step = POSITIVE[key]
    check_sign(values, FULL, key, ids, step)


def test_the_mirror_image_of_the_person_turns_every_sign() -> None:
    mirrored = values(mirrored_person(FULL))
    for key, value in BY_HAND.items():
        assert quantity(key).lateral
        assert mirrored[key] == pytest.approx(-value, abs=EXACT)


def test_the_other_side_of_the_film_is_the_same_person() -> None:
    assert values(turned_over(FULL)) == pytest.approx(values(FULL), abs=EXACT)


def test_the_angle_of_a_curve_does_not_know_how_the_person_leans() -> None:
    """Cobb's angle is between two plates: both turn together. 0.1 is the sine of 5.7 deg, on all marks."""
    turned = FULL.moved(lambda at: at @ [[0.995, -math.sqrt(1 - 0.995**2)], [math.sqrt(1 - 0.995**2), 0.995]])
    assert values(turned)["coronal_cobb"] == pytest.approx(BY_HAND["coronal_cobb"], abs=1e-8)
    assert abs(values(turned)["t1_tilt"] - BY_HAND["t1_tilt"]) > 5


@pytest.mark.parametrize(
    ("ids", "by", "says"),
    [
        ("T1_SUP_R", (300, 0), "T1_SUP_R lies to the patient's left of T1_SUP_L"),
        ("C7_C", (0, 1000), "C7_C lies below S1_MID"),
        ("COBB_U_R", (0, 500), "COBB_U_R lies below COBB_L_R"),
    ],
)
def test_marks_that_contradict_the_stored_sides_are_refused(ids: str, by: Step, says: str) -> None:
    with pytest.raises(BadLandmarks, match=says):
        analysed(FULL.nudged(ids, by))


def test_off_its_home_view_a_value_names_the_view() -> None:
    neck = from_front(View.AP_CERVICAL, {id_: POINTS[id_] for id_ in ("OD_BASE", "C2_SPB", "C7_C")})
    joint = analyse_visit(visit_of(neck, FULL)).joint
    home, away = joint.measurement("coronal_c2_c7_offset"), joint.measurement("coronal_c2_c7_offset@ap-full")
    assert home is not None and away is not None
    assert (home.condition, away.condition) == (None, "ap-full")
    assert (home.source, away.source) == (("ap-cervical.png",), ("ap-full.png",))
    assert joint.measurement("c7_plumb_offset") is not None


def test_two_views_share_the_error_of_one_scale() -> None:
    """Both films are calibrated alike: what their lengths have in common is u_rel squared times both."""
    neck = from_front(View.AP_CERVICAL, {id_: POINTS[id_] for id_ in ("OD_BASE", "C2_SPB", "C7_C")})
    joint = analyse_visit(visit_of(neck.film(technique=None), FULL.film(technique=None))).joint
    i, j = joint.order.index("coronal_c2_c7_offset"), joint.order.index("coronal_c2_c7_offset@ap-full")
    length = MM * 20
    assert joint.cov[i, j] == pytest.approx((0.01 * length) ** 2, rel=1e-9)
