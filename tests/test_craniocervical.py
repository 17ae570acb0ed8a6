"""Craniocervical measures of the lateral film: worked out by hand, their sign, their mirror image."""

from __future__ import annotations

import math

import pytest

from atlasplane.core.errors import BadLandmarks
from atlasplane.sources.film import View
from tests.lateral_cases import (
    MM,
    approx,
    atan,
    check_sign,
    entry_of,
    ids_of,
    pitched,
    read,
    side_on,
    turned_over,
)

# Steps (forward, upward). The posterior axial line runs down along (7, -24) / 25, so a point before it lies
# along (24, 7) / 25; the clivus runs down along (-4, -3) / 5, with (3, -4) / 5 before it.
FILM = side_on(
    {
        "DENS_POST_SUP": (-35, 120),
        "DENS_POST_INF": (0, 0),
        "DENS_ANT": (30, 100),
        "C1_AA": (35, 105),
        "SLL_C1": (-160, 95),
        "BA": (-10, 170),
        "OP": (-230, 180),
        "DENS_TIP": (-28, 146),
        "CLIV_SUP": (70, 230),
        "HP_POST": (250, 320),
        "OCC_INF": (-310, 128),
        "C1_AT": (70, 110),
        "C1_PT": (-170, 90),
        "C2_AI": (49, -2),
        "C2_PI": (-21, 6),
        "C2_PED": (0, 30),
        "DURA_C2": (-55, 110),
    }
)
FORAMEN = math.hypot(220, 10)

BY_HAND = {
    # C1_AA is (5, 5) from DENS_ANT.
    "adi": MM * (24 * 5 + 7 * 5) / 25,
    # SLL_C1 is (-125, -25) from DENS_POST_SUP.
    "padi": MM * (24 * 125 + 7 * 25) / 25,
    # BA is (18, 24) from the tip, and (25, 50) from DENS_POST_SUP.
    "bdi": MM * 30,
    "bai": MM * (24 * 25 + 7 * 50) / 25,
    # BA to SLL_C1 (150, 75); OP to C1_AA (265, 75).
    "powers_ratio": math.hypot(150, 75) / math.hypot(265, 75),
    # The tip is (-18, -24) from BA.
    "wackenheim": MM * (3 * -18 - 4 * -24) / 5,
    # OP to HP_POST is (480, 140), along (24, 7) / 25; the tip is (202, -34) from OP.
    "chamberlain": MM * (24 * -34 - 7 * 202) / 25,
    # OP to BA is (220, -10).
    "mcrae": MM * (220 * -34 + 10 * 202) / FORAMEN,
    "foramen_magnum_diameter": MM * FORAMEN,
    # OCC_INF to HP_POST is (560, 192), along (35, 12) / 37; the tip is (282, 18) from OCC_INF.
    "mcgregor": MM * (35 * 18 - 12 * 282) / 37,
    # Axis of C2 from (14, 2) to the tip, along (-7, 24) / 25; the atlas rises by 1 over 12 through (-170,
    # 90). From (0, 30) a step t reaches it where 30 + 24 t / 25 = 90 + (170 - 7 t / 25) / 12.
    "ranawat": MM * (90 + 170 / 12 - 30) / (24 / 25 + 7 / 25 / 12),
    # (14, 2) is (324, -126) from OCC_INF.
    "redlund_johnell": -MM * (35 * -126 - 12 * 324) / 37,
    # The textbook's acos(c . a), c = (4, 3) / 5 and a = (7, -24) / 25.
    "clivoaxial_angle": math.degrees(math.acos((4 * 7 - 3 * 24) / 125)),
    # BA to C2_PI is (-11, -164), BA to the dura (-45, -60).
    "grabb_oakes": MM * (164 * 45 - 11 * 60) / math.hypot(11, 164),
    # McGregor rises by 12 over 35, the atlas by 1 over 12, the endplate of C2 falls by 8 over 70.
    "c0_c1_angle": atan(12, 35) - atan(1, 12),
    "c1_c2_angle": atan(1, 12) + atan(8, 70),
    "c0_c2_angle": atan(12, 35) + atan(8, 70),
}

# What quantity.positive says, as steps of marks.
FORWARD, BACKWARD, UPWARD, DOWNWARD = (10, 0), (-10, 0), (0, 10), (0, -10)
POSITIVE = {
    "adi": ("C1_AA", FORWARD),
    "padi": ("SLL_C1", BACKWARD),
    "bdi": ("BA", UPWARD),
    "bai": ("BA", FORWARD),
    "powers_ratio": ("BA", FORWARD),
    "wackenheim": ("DENS_TIP", FORWARD),
    "chamberlain": ("DENS_TIP", UPWARD),
    "mcrae": ("DENS_TIP", UPWARD),
    "foramen_magnum_diameter": ("OP", BACKWARD),
    "mcgregor": ("DENS_TIP", UPWARD),
    "ranawat": ("C1_AT C1_PT", UPWARD),
    "redlund_johnell": ("C2_AI C2_PI", DOWNWARD),
    "clivoaxial_angle": ("CLIV_SUP", BACKWARD),
    "grabb_oakes": ("DURA_C2", BACKWARD),
    "c0_c1_angle": ("HP_POST", UPWARD),
    "c1_c2_angle": ("C1_AT", UPWARD),
    "c0_c2_angle": ("HP_POST", UPWARD),
}


def measured(film):
    return {key: value for key, value in read(film).items() if key in BY_HAND}


def test_no_quantity_of_the_lateral_film_is_left_out() -> None:
    assert set(BY_HAND) == set(POSITIVE) == ids_of("craniocervical", View.LATERAL) == set(measured(FILM))


@pytest.mark.parametrize("key", BY_HAND)
def test_value_by_hand(key: str) -> None:
    assert measured(FILM)[key] == approx(BY_HAND[key])


@pytest.mark.parametrize("key", POSITIVE)
def test_sign_is_what_the_catalogue_says(key: str) -> None:
    ids, (x, y) = POSITIVE[key]
    check_sign(measured, FILM, key, ids, x, y)


@pytest.mark.parametrize("key", BY_HAND)
def test_a_mirrored_image_gives_the_same(key: str) -> None:
    assert measured(turned_over(FILM))[key] == approx(BY_HAND[key])


@pytest.mark.parametrize("deg", [-20.0, 20.0])
def test_nothing_of_the_junction_hangs_on_how_the_person_leans(deg: float) -> None:
    after = measured(pitched(FILM, deg))
    assert after == {key: approx(value) for key, value in BY_HAND.items()}


def test_lengths_grow_with_the_scale_and_angles_and_ratios_do_not() -> None:
    film = FILM.film()
    coarse = film.calibration.__class__(
        kind=film.calibration.kind, mm_per_px=(2 * MM, 2 * MM), u_rel=film.calibration.u_rel
    )
    for key, value in read(FILM, calibration=coarse).items():
        if key in BY_HAND:
            assert value == approx((2 if entry_of(key).is_length else 1) * BY_HAND[key])


def test_angles_of_the_junction_add_up() -> None:
    found = measured(FILM)
    assert found["c0_c2_angle"] == approx(found["c0_c1_angle"] + found["c1_c2_angle"])


def test_an_interval_goes_through_zero_without_a_kink() -> None:
    """The arch behind the dens: a negative interval, as far below 0 as the other is above."""
    behind = FILM.nudged("C1_AA", (2 * 5, 2 * 5))
    assert measured(behind)["adi"] == approx(-BY_HAND["adi"])


def test_the_clivoaxial_angle_runs_on_through_straight() -> None:
    """Clivus bent forward by 10 px over 100, straight, bent back: 180 and the same angle on both sides."""

    def angle(x: float) -> float:
        steps = {"DENS_POST_INF": (0, 0), "DENS_POST_SUP": (0, 100), "BA": (0, 150), "CLIV_SUP": (x, 250)}
        return read(side_on(steps))["clivoaxial_angle"]

    assert angle(0) == approx(180.0)
    assert angle(10) == approx(180.0 - atan(10, 100))
    assert angle(-10) == approx(180.0 + atan(10, 100))


@pytest.mark.parametrize(
    ("ids", "by", "text"),
    [
        ("BA", (230, 0), "BA lies behind OP"),
        ("C2_AI", (80, 0), "C2_AI lies behind C2_PI"),
        ("OCC_INF", (-600, 0), "HP_POST lies behind OCC_INF"),
        ("DENS_POST_SUP", (0, 130), "DENS_POST_SUP lies under DENS_POST_INF"),
        ("CLIV_SUP", (0, 70), "CLIV_SUP lies under BA"),
    ],
)
def test_ends_of_one_edge_that_changed_places_are_refused(
    ids: str, by: tuple[float, float], text: str
) -> None:
    with pytest.raises(BadLandmarks, match=text):
        read(FILM.nudged(ids, by))


def test_a_dislocation_is_measured_and_not_refused() -> None:
    moved = FILM.nudged("BA OP CLIV_SUP HP_POST OCC_INF", (-100, 0))  # the whole skull 25 mm forward
    assert measured(moved)["bai"] == approx(BY_HAND["bai"] + 25 * 24 / 25)
    assert measured(moved)["powers_ratio"] > 1


def test_marks_that_coincide_are_named() -> None:
    # SLL_C1 stays; OP on the arch leaves the Powers ratio without its lower length.
    on_arch = FILM.nudged("BA", (-60, 0)).nudged("OP", (-265, 75))
    with pytest.raises(BadLandmarks, match=r"impossible geometry.*powers_ratio"):
        read(on_arch)
