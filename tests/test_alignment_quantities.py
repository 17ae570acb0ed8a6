"""Every quantity of the three films: worked out by hand, its sign, its mirror image.

The marks are whole pixels, the numbers arithmetic of their differences. On the hand films the patient's right
is the image's left, so a step to the patient's right is a smaller column, a step upwards a smaller row.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.core.catalogue import entries
from atlasplane.core.observation import Category
from atlasplane.core.quantity import quantity
from atlasplane.core.side import Side, side_of
from atlasplane.pathways.alignment import head_position
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
from atlasplane.sources.film import View
from tests.film_cases import (
    LATERAL,
    LEFT,
    NASIUM,
    RIGHT,
    STRAIGHT_NASIUM,
    STRAIGHT_VERTEX,
    VERTEX,
    HandFilm,
    Move,
    Place,
    values,
    visit_of_films,
)

FILMS = {View.LATERAL: LATERAL, View.NASIUM: NASIUM, View.VERTEX: VERTEX}
STRAIGHT = {View.LATERAL: LATERAL, View.NASIUM: STRAIGHT_NASIUM, View.VERTEX: STRAIGHT_VERTEX}
EXACT = 1e-7
"""The skull line is solved to 1e-9 rad (6e-8 deg), Newton's circle to rounding; the rest is arithmetic."""


@pytest.fixture(autouse=True)
def few_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here hangs on the size of the projection term: fewer template persons make the tests quick."""
    monkeypatch.setattr(head_position, "TEMPLATE_PERSONS", 256)


def atan_deg(ratio: float) -> float:
    return math.degrees(math.atan(ratio))


def view_of(key: str) -> View:
    return View(quantity(key.split("/")[0]).view)


# ---- by hand ----

# Lateral, 0.25 mm a pixel. S-line: from (600, 820) to (500, 800), 100 forward and 20 up. Palate: 100 forward,
# 10 up. Atlas plane: from (700, 840) to (450, 780), 250 forward and 60 up. The palate point (250, 705) lies
# 350 before and 115 above the arch point; its distance above the S-line is (115 * 1 - 350 * 0.2) / sqrt(1 +
# 0.2^2) = 45 / sqrt(1.04) px.
S_LINE_DEG = atan_deg(20 / 100)

# Nasium, 0.2 mm a pixel. The middle of the attachments is (600, 800). Atlas plane: from (700, 810) to (500,
# 790), 200 to the right and 20 up, so along it a point (z, y) from the middle lies (z + 0.1 y) / sqrt(1.01)
# to the right. Skull: its middle leans 0.05 to the right a row up and crosses row 800 at column 590, 10 to
# the right.
PHI_DEG, H_DEG = atan_deg(20 / 200), atan_deg(0.05)
UNIT = math.sqrt(1 + 0.1**2)
# Neck: centre of C2 (580, 930), C7 (620, 1400): 40 to the right over 470 upwards.
G_DEG = atan_deg(40 / 470)
# Where z = 10 + 0.05 y meets y = 0.1 z: z = 10 / (1 - 0.005), that is z sqrt(1.01) along the plane.
SKULL_PX = 10 / 0.995 * UNIT

BY_HAND = {
    "s_line_angle": S_LINE_DEG,
    "nasium_tube_angle": S_LINE_DEG,
    "s_palate_angle": S_LINE_DEG - atan_deg(10 / 100),
    "s_offset": -0.25 * 45 / math.sqrt(1.04),
    "atlas_plane_sagittal": atan_deg(60 / 250),
    "atlas_plane_tilt": PHI_DEG,
    "head_tilt": H_DEG,
    "atlas_laterality": PHI_DEG + H_DEG,
    "lower_angle": -(G_DEG + PHI_DEG),
    "cervical_lean": G_DEG,
    # OD_BASE (590, 860) is 10 right, 60 below the middle; C2_SPB (570, 1000) is 30 right, 200 below.
    "odontoid_offset": 0.2 * (10 - 6) / UNIT,
    "spinous_offset": 0.2 * (30 - 20) / UNIT,
    "axis_rotation": math.degrees(math.asin(0.2 * ((30 - 20) - (10 - 6)) / UNIT / 40)),
    # Arcs: Pythagorean points of a circle of radius 50, four times (condyles) and eight times (axis).
    "condylar_radius": 0.2 * 4 * 50,
    "condylar_radius/right": 0.2 * 4 * 50,
    "condylar_radius/left": 0.2 * 4 * 50,
    "axial_radius": 0.2 * 8 * 50,
    "axial_radius/right": 0.2 * 8 * 50,
    "axial_radius/left": 0.2 * 8 * 50,
    "circle_ratio": 0.5,
    "circle_difference": 2 * (40 - 80) / 25.4,
    # Their centres: (580, 640), 20 right and 160 above; (610, 1300), 10 left and 500 below.
    "condylar_centre_offset": 0.2 * (20 + 16) / UNIT,
    "axial_centre_offset": 0.2 * (-10 - 50) / UNIT,
    "skull_offset": 0.2 * SKULL_PX,
    # TP_R (400, 800) is 200 right; TP_L (800, 810) is 200 left and 10 below.
    "transverse_offset/right": 0.2 * 200 / UNIT,
    "transverse_offset/left": 0.2 * (-200 - 1) / UNIT,
    # C7 lies 20 to the left of the vertical through the middle.
    "c7_offset": 0.2 * -20,
    # Vertex: right foramen 20 before the left one over 200; the skull line goes 10 to the left over 400
    # forward, which takes from the angle: atan(20/200) - atan(10/400).
    "atlas_rotation": atan_deg(20 / 200) - atan_deg(10 / 400),
}


def test_no_quantity_of_the_atlas_films_is_left_out() -> None:
    """The other topics of the catalogue are counted in the tests of their own views."""
    table = entries("atlasplane.core", "quantities", ("atlas",), "atlasplane.quantities/1")
    atlas = {id_ for id_, _ in table}
    measured = {key.split("/")[0] for key in BY_HAND}
    assert measured == {id_ for id_ in atlas if quantity(id_).kind == "measurement"}
    # The one category of the films has its own tests below.
    assert {id_ for id_ in atlas if quantity(id_).kind != "measurement"} == {"s_line_class"}
    read = {key for film in FILMS.values() for key in values(film)}
    assert read == set(BY_HAND) == set(POSITIVE)


@pytest.mark.parametrize("key", BY_HAND)
def test_value_by_hand(key: str) -> None:
    assert values(FILMS[view_of(key)])[key] == pytest.approx(BY_HAND[key], abs=EXACT)


def test_the_two_identities_of_the_text() -> None:
    read = values(NASIUM)
    laterality = read["atlas_plane_tilt"] + read["head_tilt"]
    assert read["atlas_laterality"] == pytest.approx(laterality, abs=1e-12)
    lower = -(read["cervical_lean"] + read["atlas_plane_tilt"])
    assert read["lower_angle"] == pytest.approx(lower, abs=1e-12)


def test_printed_laterality_is_the_complement_of_the_acute_upper_angle() -> None:
    # Upper right angle between the skull line upwards and the atlas plane to the right, measured with a
    # ruler's cosine rule.
    skull, plane = np.array([0.05, 1.0]), np.array([1.0, 0.1])
    upper_right = math.degrees(
        math.acos(skull @ plane / math.sqrt(float(skull @ skull) * float(plane @ plane)))
    )
    assert upper_right < 90
    assert values(NASIUM)["atlas_laterality"] == pytest.approx(90 - upper_right, abs=EXACT)


# ---- signs ----

RIGHTWARD, UPWARD = (-10.0, 0.0), (0.0, -10.0)


def grown(column: float, row: float) -> Move:
    """Enlargement by a tenth about a pixel."""
    return lambda at: np.array([column, row]) + 1.1 * (at - np.array([column, row]))


def leaned(at: np.ndarray) -> np.ndarray:
    """Vertex to the patient's right: a column left for every 20 rows above row 800."""
    return at - np.stack([(800 - at[:, 1]) / 20, np.zeros(len(at))], axis=-1)


# What quantity.positive says, as a motion of marks.
POSITIVE: dict[str, tuple[str, Place | Move]] = {
    "s_line_angle": ("C1_ARCH_LM", UPWARD),
    "nasium_tube_angle": ("C1_ARCH_LM", UPWARD),
    "s_palate_angle": ("C1_ARCH_LM", UPWARD),
    "s_offset": ("C1_ARCH_LM C1_ARCH_13", UPWARD),
    "atlas_plane_sagittal": ("C1_AT", UPWARD),
    "atlas_plane_tilt": ("PL_R", UPWARD),
    "head_tilt": ("SKULL_R SKULL_L", leaned),
    "atlas_laterality": ("PL_R", UPWARD),
    "lower_angle": ("PL_L", UPWARD),
    "cervical_lean": ("OD_BASE C2_SPB", RIGHTWARD),
    "odontoid_offset": ("OD_BASE", RIGHTWARD),
    "spinous_offset": ("C2_SPB", RIGHTWARD),
    "axis_rotation": ("C2_SPB", RIGHTWARD),
    "condylar_radius": ("COND_R COND_L", grown(600, 640)),
    "condylar_radius/right": ("COND_R", grown(600, 640)),
    "condylar_radius/left": ("COND_L", grown(600, 640)),
    "axial_radius": ("AXIS_R AXIS_L", grown(600, 1300)),
    "axial_radius/right": ("AXIS_R", grown(600, 1300)),
    "axial_radius/left": ("AXIS_L", grown(600, 1300)),
    "circle_ratio": ("COND_R COND_L", grown(600, 640)),
    "circle_difference": ("COND_R COND_L", grown(600, 640)),
    "condylar_centre_offset": ("COND_R COND_L", RIGHTWARD),
    "axial_centre_offset": ("AXIS_R AXIS_L", RIGHTWARD),
    "skull_offset": ("SKULL_R SKULL_L", RIGHTWARD),
    "transverse_offset/right": ("TP_R", RIGHTWARD),
    "transverse_offset/left": ("TP_L", RIGHTWARD),
    "c7_offset": ("C7_C", RIGHTWARD),
    "atlas_rotation": ("TF_R", UPWARD),
}


@pytest.mark.parametrize("key", POSITIVE)
def test_sign_is_what_the_catalogue_says(key: str) -> None:
    straight = STRAIGHT[view_of(key)]
    ids, by = POSITIVE[key]
    rest, after = values(straight)[key], values(straight.nudged(ids, by))[key]
    # Ten pixels are 2 mm, and 2.9 deg over the 200 px of an atlas: far beyond rounding.
    assert after - rest > 0.01
    if quantity(key.split("/")[0]).lateral:
        assert rest == pytest.approx(0.0, abs=EXACT)
        assert side_of(after, 1e-6) is Side.RIGHT
    if not callable(by):
        back = values(straight.nudged(ids, (-by[0], -by[1])))[key]
        assert back - rest < -0.01


def test_laterality_is_acute_on_the_side_that_the_vertex_leans_to() -> None:
    leaning = STRAIGHT_NASIUM.nudged("SKULL_R SKULL_L", leaned)
    assert values(leaning)["atlas_laterality"] == pytest.approx(atan_deg(0.05), abs=EXACT)


# ---- class of the S-line ----


def class_of(film: HandFilm) -> str:
    found = analyse_visit(visit_of_films(film)).joint.get("s_line_class")
    assert isinstance(found, Category)
    assert found.choices == ("S0", "S", "I")
    return found.value


@pytest.mark.parametrize(
    ("palate_rows", "wanted"),
    [
        # On the S-line above columns 200 and 300 lie the rows 820 - 0.2 * 400 = 740 and 820 - 0.2 * 300 =
        # 760.
        ((700, 710), "I"),  # palate above the line
        ((735, 770), "S0"),  # front end above, rear end below
        ((750, 755), "S0"),  # front end below, rear end above
        ((739.9, 760.1), "S0"),
        ((780, 790), "S"),  # palate below, the line passes above it
    ],
)
def test_s_line_class(palate_rows: Place, wanted: str) -> None:
    points = {**LATERAL.points, "HP_ANT": (200, palate_rows[0]), "HP_POST": (300, palate_rows[1])}
    assert class_of(replace(LATERAL, points=points)) == wanted


@pytest.mark.parametrize(("rows", "wanted"), [(0, "I"), (45, "S0"), (90, "S")])
def test_s_line_class_of_the_mirrored_image_is_the_same(rows: float, wanted: str) -> None:
    film = LATERAL.nudged("HP_ANT HP_POST", (0, rows))
    assert class_of(film) == class_of(mirrored_image(film)) == wanted


def test_sign_of_the_offset_goes_with_the_class() -> None:
    above, below = LATERAL.nudged("HP_ANT HP_POST", (0, 90)), LATERAL
    assert (values(above)["s_offset"] > 0, class_of(above)) == (True, "S")
    assert (values(below)["s_offset"] > 0, class_of(below)) == (False, "I")


# ---- mirrors ----

OTHER = {LEFT: RIGHT, RIGHT: LEFT}
TWINS = {"transverse_offset": -1.0, "condylar_radius": 1.0, "axial_radius": 1.0}
"""Quantities of both sides: the sides change places, and a position to the right becomes one to the left."""


def columns_flipped(at: np.ndarray) -> np.ndarray:
    return np.array([1200.0, 0.0]) + at * np.array([-1.0, 1.0])


def mirrored_image(film: HandFilm) -> HandFilm:
    """The film turned over: patient_right (on a lateral film patient_anterior) changes with the marks."""
    horizontal = {name: OTHER[d] for name in ("right", "anterior") if (d := getattr(film, name)) in OTHER}
    return film.moved(columns_flipped, **horizontal)


@pytest.mark.parametrize("key", BY_HAND)
def test_a_mirrored_image_gives_the_same(key: str) -> None:
    film = FILMS[view_of(key)]
    assert values(mirrored_image(film))[key] == pytest.approx(BY_HAND[key], abs=EXACT)


@pytest.mark.parametrize("key", BY_HAND)
def test_a_mirrored_patient_flips_the_lateral_quantities_and_nothing_else(key: str) -> None:
    film = FILMS[view_of(key)]
    # A lateral film shows the mirrored patient as it showed the first; on the others the columns run the
    # other way.
    twin = film if film.view is View.LATERAL else film.moved(columns_flipped).relabelled()
    read = values(twin)
    id_, _, side = key.partition("/")
    if side:
        other = f"{id_}/{'left' if side == 'right' else 'right'}"
        assert read[other] == pytest.approx(TWINS[id_] * BY_HAND[key], abs=EXACT)
    else:
        sign = -1.0 if quantity(key).lateral else 1.0
        assert read[key] == pytest.approx(sign * BY_HAND[key], abs=EXACT)


def test_the_mirrored_patient_has_the_same_uncertainties() -> None:
    """The default placing errors are mirrored with the side, so nothing but signs and sides may change."""
    joint = analyse_visit(visit_of_films(NASIUM, VERTEX)).joint
    twins = [film.moved(columns_flipped).relabelled() for film in (NASIUM, VERTEX)]
    other = analyse_visit(visit_of_films(*twins)).joint
    for key in joint.order:
        id_, _, side = key.partition("/")
        swapped = f"{id_}/{'left' if side == 'right' else 'right'}" if side else key
        here, there = joint.measurement(key), other.measurement(swapped)
        assert here is not None and there is not None
        # Derivatives are differences over a quarter of u: symmetric, so equal up to rounding over the step.
        assert here.u_film == pytest.approx(there.u_film, rel=1e-6)
