"""Sagittal measures of neck and spine: worked out by hand, their sign, mirror image and identities."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from atlasplane.core.errors import BadLandmarks
from atlasplane.sources.film import View
from tests.film_cases import HandFilm
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

# Each body: its rear lower corner, how far the top of the rear wall lies forward over a height of 88, how
# much the lower endplate rises over 96 and the upper one over 98.
BODIES = {
    "C2": ((0, 500), -14, 12, 5),
    "C3": ((-6, 400), -8, 6, 8),
    "C4": ((-8, 300), -2, 0, 3),
    "C5": ((-5, 200), 3, -5, -2),
    "C6": ((4, 100), 9, -9, -8),
    "C7": ((20, 0), 15, -14, -12),
}
LEVELS = tuple(BODIES)
SEGMENTS = tuple(pairwise(LEVELS))


def corners(level: str) -> dict[str, tuple[float, float]]:
    (x, y), lean, lower, upper = BODIES[level]
    return {
        f"{level}_PI": (x, y),
        f"{level}_AI": (x + 96, y + lower),
        f"{level}_PS": (x + lean, y + 88),
        f"{level}_AS": (x + lean + 98, y + 88 + upper),
    }


NECK = {id_: at for level in LEVELS for id_, at in corners(level).items()}
STEPS = {
    **NECK,
    # Spinolaminar line: 90 px behind the middle of the rear wall and 3 above it.
    **{f"SLL_{level}": (x + lean / 2 - 90, y + 44 + 3) for level, ((x, y), lean, _, _) in BODIES.items()},
    "T1_PS": (24, -20),
    "T1_AS": (116, -60),
    "STERN_TOP": (270, -330),
    "EAM_C": (60, 760),
    "HP_POST": (330, 700),
    "OCC_INF": (-170, 650),
    "OPLL": (-30, 250),
}
TRUNK = {
    "T4_PS": (-150, -300),
    "T4_AS": (-60, -340),
    "T12_PI": (-120, -900),
    "T12_AI": (-20, -870),
    "L1_PS": (-118, -915),
    "L1_AS": (-18, -890),
    "S1_P": (-60, -1400),
    "S1_A": (30, -1460),
    "FHC_R": (40, -1560),
    "FHC_L": (60, -1540),
}
FILM = side_on(STEPS)
FULL = side_on({**NECK, **{k: v for k, v in STEPS.items() if k[:2] in ("T1", "ST", "EA")}, **TRUNK})


def mean_x(level: str) -> float:
    return sum(x for x, _ in corners(level).values()) / 4


def george(above: str, at: str, below: str) -> float:
    """Step from the upper neighbour to the corner, across the chord; the chord runs down."""
    (ax, ay), (px, py), (bx, by) = NECK[above], NECK[at], NECK[below]
    chord = math.hypot(bx - ax, by - ay)
    # Forward of a line that runs down along (u, v) is (-v, u).
    return MM * ((px - ax) * (ay - by) + (py - ay) * (bx - ax)) / chord


def listhesis(upper: str, lower: str) -> float:
    """Step from the lower body's rear upper to the upper body's rear lower corner, along (98, rise)."""
    rise = BODIES[lower][3]
    x, y = (NECK[f"{upper}_PI"][k] - NECK[f"{lower}_PS"][k] for k in range(2))
    return (98 * x + rise * y) / math.hypot(98, rise)


def torg(level: str) -> float:
    """Canal (90, 3); body from the middle of the rear to the middle of the front corners."""
    _, lean, lower, upper = BODIES[level]
    return math.hypot(90, 3) / math.hypot((96 + lean + 98) / 2 - lean / 2, (lower + upper) / 2)


def wall(level: str) -> float:
    """How far the rear wall leans back of the vertical, degrees."""
    return atan(-BODIES[level][1], 88)


ARC = [f"{level}_{end}" for level in LEVELS for end in ("PS", "PI")]
COBB = atan(12, 96) + atan(14, 96)
T1S = atan(40, 92)
# The middle of T1 is (70, -40), the sternum 200 before and 290 below it.
NECK_TILT = atan(200, 290)
# K-line: from (-7 - 45, 544 + 1.5) at C2 to (27.5 - 45, 44 + 1.5) at C7, so (34.5, -500); the ossification
# lies (22, -295.5) from its upper end.
K_LINE = MM * (22 * 500 - 295.5 * 34.5) / math.hypot(34.5, 500)
# The middle of the sacral plate is (-15, -1430), the hip axis (50, -1550).
PELVIC_TILT, SACRAL_SLOPE = atan(65, 120), atan(60, 90)

OF_BOTH = {
    "cobb_c2_c7": COBB,
    "ara_c2_c7": wall("C2") - wall("C7"),
    **{f"rra/{a}-{b}": wall(a) - wall(b) for a, b in SEGMENTS},
    "sva_c2_c7": MM * (mean_x("C2") - 35),
    "anterior_head_translation": MM * (-14 - 20),
    "eam_c7_sva": MM * (60 - 35),
    "t1_slope": T1S,
    "thoracic_inlet_angle": T1S + NECK_TILT,
    "neck_tilt": NECK_TILT,
    "c7_slope": atan(12, 98),
    "t1_slope_mismatch": T1S - COBB,
}
BY_HAND = {
    **OF_BOTH,
    # From the occiput to the palate (500, 50): the front end is the higher one.
    "mcgregor_slope": -atan(50, 500),
    **{f"disc_angle/{a}-{b}": atan(BODIES[a][2], 96) - atan(BODIES[b][3], 98) for a, b in SEGMENTS},
    **{f"listhesis/{a}-{b}": MM * listhesis(a, b) for a, b in SEGMENTS},
    **{
        f"listhesis_percent/{a}-{b}": 100 * listhesis(a, b) / math.hypot(98, BODIES[b][3])
        for a, b in SEGMENTS
    },
    **{
        f"george_deviation/{at}": george(above, at, below)
        for above, at, below in zip(ARC, ARC[1:], ARC[2:], strict=False)
    },
    **{f"torg_ratio/{level}": torg(level) for level in LEVELS[1:]},
    "k_line_distance": K_LINE,
}
BY_HAND_FULL = {
    **OF_BOTH,
    "sva_c7_s1": MM * (mean_x("C7") + 60),
    "thoracic_kyphosis": atan(40, 90) + atan(30, 100),
    "lumbar_lordosis": atan(25, 100) + atan(60, 90),
    "sacral_slope": SACRAL_SLOPE,
    "pelvic_tilt": PELVIC_TILT,
    "pelvic_incidence": PELVIC_TILT + SACRAL_SLOPE,
}

FORWARD, BACKWARD, UPWARD, DOWNWARD = (10, 0), (-10, 0), (0, 10), (0, -10)
POSITIVE_OF_BOTH = {
    "cobb_c2_c7": ("C2_AI", UPWARD),
    "ara_c2_c7": ("C2_PS", BACKWARD),
    **{f"rra/{a}-{b}": (f"{a}_PS", BACKWARD) for a, b in SEGMENTS},
    "sva_c2_c7": ("C2_AS C2_PS C2_AI C2_PI", FORWARD),
    "anterior_head_translation": ("C2_PS", FORWARD),
    "eam_c7_sva": ("EAM_C", FORWARD),
    "t1_slope": ("T1_AS", DOWNWARD),
    "thoracic_inlet_angle": ("STERN_TOP", FORWARD),
    "neck_tilt": ("STERN_TOP", FORWARD),
    "c7_slope": ("C7_AS", DOWNWARD),
    "t1_slope_mismatch": ("T1_AS", DOWNWARD),
}
POSITIVE = {
    **POSITIVE_OF_BOTH,
    "mcgregor_slope": ("HP_POST", DOWNWARD),
    **{f"disc_angle/{a}-{b}": (f"{a}_AI", UPWARD) for a, b in SEGMENTS},
    **{f"listhesis/{a}-{b}": (f"{a}_PI", FORWARD) for a, b in SEGMENTS},
    **{f"listhesis_percent/{a}-{b}": (f"{a}_PI", FORWARD) for a, b in SEGMENTS},
    **{f"george_deviation/{at}": (at, FORWARD) for at in ARC[1:-1]},
    **{f"torg_ratio/{level}": (f"SLL_{level}", BACKWARD) for level in LEVELS[1:]},
    "k_line_distance": ("OPLL", FORWARD),
}
POSITIVE_FULL = {
    **POSITIVE_OF_BOTH,
    "sva_c7_s1": ("C7_AS C7_PS C7_AI C7_PI", FORWARD),
    "thoracic_kyphosis": ("T4_AS", DOWNWARD),
    "lumbar_lordosis": ("L1_AS", UPWARD),
    "sacral_slope": ("S1_A", DOWNWARD),
    "pelvic_tilt": ("S1_A S1_P", BACKWARD),
    "pelvic_incidence": ("FHC_R FHC_L", FORWARD),
}


def measured(film: HandFilm) -> dict[str, float]:
    return {key: value for key, value in read(film).items() if key in BY_HAND}


def measured_full(film: HandFilm) -> dict[str, float]:
    return read(film, View.LATERAL_FULL)


def ids(keys: dict[str, object]) -> set[str]:
    return {key.partition("/")[0] for key in keys}


def test_no_quantity_of_the_lateral_film_is_left_out() -> None:
    assert set(BY_HAND) == set(POSITIVE) == set(measured(FILM))
    assert ids(BY_HAND) == ids_of("sagittal", View.LATERAL)


def test_no_quantity_of_the_full_length_film_is_left_out() -> None:
    assert set(BY_HAND_FULL) == set(POSITIVE_FULL) == set(measured_full(FULL))
    assert ids(BY_HAND_FULL) == ids_of("sagittal", View.LATERAL_FULL)


@pytest.mark.parametrize("key", BY_HAND)
def test_value_by_hand(key: str) -> None:
    assert measured(FILM)[key] == approx(BY_HAND[key])


@pytest.mark.parametrize("key", BY_HAND_FULL)
def test_value_by_hand_on_the_full_length_film(key: str) -> None:
    assert measured_full(FULL)[key] == approx(BY_HAND_FULL[key])


@pytest.mark.parametrize("key", POSITIVE)
def test_sign_is_what_the_catalogue_says(key: str) -> None:
    marks, (x, y) = POSITIVE[key]
    check_sign(measured, FILM, key, marks, x, y)


@pytest.mark.parametrize("key", POSITIVE_FULL)
def test_sign_on_the_full_length_film(key: str) -> None:
    marks, (x, y) = POSITIVE_FULL[key]
    check_sign(measured_full, FULL, key, marks, x, y)


def test_a_mirrored_image_gives_the_same() -> None:
    assert measured(turned_over(FILM)) == {key: approx(value) for key, value in BY_HAND.items()}
    full = measured_full(turned_over(FULL))
    assert full == {key: approx(value) for key, value in BY_HAND_FULL.items()}


def test_lengths_grow_with_the_scale_and_angles_and_ratios_do_not() -> None:
    film = FILM.film()
    coarse = film.calibration.__class__(
        kind=film.calibration.kind, mm_per_px=(2 * MM, 2 * MM), u_rel=film.calibration.u_rel
    )
    for key, value in read(FILM, calibration=coarse).items():
        if key in BY_HAND:
            assert value == approx((2 if entry_of(key).is_length else 1) * BY_HAND[key])


@pytest.mark.parametrize("deg", [-15.0, 15.0])
def test_posture_alone_hangs_on_how_the_person_leans(deg: float) -> None:
    """Extended by so much, slopes fall by it and the rest of posture changes; all others stay."""
    slopes = {"t1_slope", "c7_slope", "mcgregor_slope", "sacral_slope", "t1_slope_mismatch"}
    tilts = {"neck_tilt", "pelvic_tilt"}
    pairs = (
        (measured(pitched(FILM, deg)), BY_HAND),
        (measured_full(pitched(FULL, deg)), BY_HAND_FULL),
    )
    for after, before in pairs:
        for key, value in before.items():
            if key in slopes:
                assert after[key] == approx(value - deg)
            elif key in tilts:
                assert after[key] == approx(value + deg)
            elif entry_of(key).posture:
                assert after[key] != approx(value)
            else:
                assert after[key] == approx(value)


def test_the_slopes_and_tilts_are_posture() -> None:
    posture = {"sva_c2_c7", "anterior_head_translation", "eam_c7_sva", "sva_c7_s1"}
    posture |= {"t1_slope", "c7_slope", "mcgregor_slope", "sacral_slope", "t1_slope_mismatch"}
    posture |= {"neck_tilt", "pelvic_tilt"}
    every = ids_of("sagittal", View.LATERAL) | ids_of("sagittal", View.LATERAL_FULL)
    assert {id_ for id_ in every if entry_of(id_).posture} == posture


@pytest.mark.parametrize(("film", "taken"), [(FILM, measured), (FULL, measured_full)])
def test_relative_rotations_add_up_to_the_absolute_one(film, taken) -> None:
    found = taken(film)
    assert sum(found[f"rra/{a}-{b}"] for a, b in SEGMENTS) == approx(found["ara_c2_c7"])


def test_inlet_and_pelvis_add_up() -> None:
    found = measured_full(FULL)
    assert found["thoracic_inlet_angle"] == approx(found["t1_slope"] + found["neck_tilt"])
    assert found["pelvic_incidence"] == approx(found["pelvic_tilt"] + found["sacral_slope"])
    assert found["t1_slope_mismatch"] == approx(found["t1_slope"] - found["cobb_c2_c7"])


def test_lordosis_is_positive_and_kyphosis_of_the_neck_negative() -> None:
    """The neck upside down in its curve: every lean and rise with the other sign."""
    steps = {}
    for level, ((x, y), lean, lower, upper) in BODIES.items():
        steps |= {
            f"{level}_PI": (x, y),
            f"{level}_AI": (x + 96, y - lower),
            f"{level}_PS": (x - lean, y + 88),
            f"{level}_AS": (x - lean + 98, y + 88 - upper),
        }
    found = read(side_on(steps))
    for key in ("cobb_c2_c7", "ara_c2_c7", *(f"rra/{a}-{b}" for a, b in SEGMENTS)):
        assert found[key] == approx(-BY_HAND[key])
    assert BY_HAND["cobb_c2_c7"] > 0 and BY_HAND["ara_c2_c7"] > 0


@pytest.mark.parametrize(
    ("film", "view", "marks", "by", "text"),
    [
        (FILM, View.LATERAL, "C5_AS", (120, 0), "C5_AS lies behind C5_PS"),
        (FILM, View.LATERAL, "C4_PS", (0, 100), "C4_PS lies under C4_PI"),
        (FILM, View.LATERAL, "T1_PS", (-100, 0), "T1_AS lies behind T1_PS"),
        (FULL, View.LATERAL_FULL, "T12_AI", (120, 0), "T12_AI lies behind T12_PI"),
        (FULL, View.LATERAL_FULL, "L1_AS", (120, 0), "L1_AS lies behind L1_PS"),
    ],
)
def test_ends_of_one_edge_that_changed_places_are_refused(
    film: HandFilm, view: View, marks: str, by: tuple[float, float], text: str
) -> None:
    with pytest.raises(BadLandmarks, match=text):
        read(film.nudged(marks, by), view)


def test_an_upright_sacrum_is_measured_and_not_refused() -> None:
    # The front end of the plate 60 px below its rear end and 1 px behind it.
    found = measured_full(FULL.nudged("S1_A", (91, 0)))
    assert found["sacral_slope"] == approx(90 + atan(1, 60))
