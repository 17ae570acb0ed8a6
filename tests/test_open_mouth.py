"""Open-mouth film: intervals beside the dens, overhang, the joint of condyle and C1."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.core.errors import BadLandmarks
from atlasplane.pathways.alignment.film_views import VIEWS
from atlasplane.pathways.alignment.open_mouth import (
    OPEN_MOUTH,
    OpenMouthLines,
    along_polyline,
    distance_to_polyline,
)
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
from atlasplane.sources.film import View
from tests.film_cases import HandFilm
from tests.front_cases import (
    EXACT,
    MM,
    Step,
    analysed,
    check_sign,
    from_front,
    ids_of,
    mirrored_person,
    turned_over,
    values,
    visit_of,
)

# Steps (right, up) in pixels of 0.2 mm. The line between the two inner borders runs 100 right and 0 up.
POINTS: dict[str, Step] = {
    "DENS_LAT_R": (31, 5),
    "DENS_LAT_L": (-30, 0),
    "C1_LMM_R": (51, 0),
    "C1_LMM_L": (-46, 0),
    "C1_LML_R": (120, -100),
    "C1_LML_L": (-104, -104),
    # 200 right and 150 up: outward of the right is (0.8, 0.6).
    "C2_FL_R": (100, -30),
    "C2_FL_L": (-100, -180),
}
# The condyle's arc is level, 80 long and 10 above the facet, which runs level and on beyond both ends.
CONTOURS = {
    "C0_FACET_R": [(60.0, 40.0), (100.0, 40.0), (140.0, 40.0)],
    "C1_FACET_R": [(50.0, 30.0), (150.0, 30.0)],
    "C0_FACET_L": [(-60.0, 40.0), (-140.0, 40.0)],
    # Falls 8 over 80 along the joint: gaps of 1, 3, 5 and 7 px more than 10, each times the slope's cosine.
    "C1_FACET_L": [(-140.0, 22.0), (-60.0, 30.0)],
}
FILM = from_front(View.APOM, POINTS, **CONTOURS)
GAP_LEFT = MM * (10 + (1 + 3 + 5 + 7) / 4) / math.hypot(1, 0.1)

BY_HAND = {
    "ladi/right": MM * 20,
    "ladi/left": MM * 16,
    "ladi_asymmetry": MM * 4,
    # Right: (20, -70) along (0.8, 0.6) is -26; left: (-4, 76) outward (-0.8, -0.6) is -42.4: none stands out.
    "lateral_mass_overhang": 0.0,
    "condyle_c1_interval/right": MM * 10,
    "condyle_c1_interval/left": GAP_LEFT,
}
POSITIVE: dict[str, tuple[str, Step]] = {
    "ladi/right": ("C1_LMM_R", (5, 0)),
    "ladi/left": ("C1_LMM_L", (-5, 0)),
    "ladi_asymmetry": ("DENS_LAT_L", (-5, 0)),
    "condyle_c1_interval/right": ("C0_FACET_R", (0, 5)),
    "condyle_c1_interval/left": ("C0_FACET_L", (0, 5)),
}


def standing_out(right: float, left: float) -> HandFilm:
    """Level facets of C2, and edges of C1 that stand out by so many pixels."""
    points = POINTS | {
        "C2_FL_R": (100, -100),
        "C2_FL_L": (-100, -100),
        "C1_LML_R": (100 + right, -95),
        "C1_LML_L": (-100 - left, -97),
    }
    return from_front(View.APOM, points)


def test_no_quantity_is_left_out() -> None:
    ids = {c.key.partition("/")[0] for c in OPEN_MOUTH}
    assert ids == ids_of("craniocervical", View.APOM)
    assert {c.key for c in OPEN_MOUTH} == set(BY_HAND)


@pytest.mark.parametrize("key", BY_HAND)
def test_value_by_hand(key: str) -> None:
    assert values(FILM)[key] == pytest.approx(BY_HAND[key], abs=EXACT)


@pytest.mark.parametrize("key", POSITIVE)
def test_plus_means_what_the_catalogue_says(key: str) -> None:
    ids, step = POSITIVE[key]
    check_sign(values, FILM, key, ids, step)


@pytest.mark.parametrize(
    ("right", "left", "expected"), [(10, 5, 15), (10, -5, 10), (-5, 5, 5), (-1, -5, 0), (0, 0, 0)]
)
def test_only_what_stands_out_is_added(right: float, left: float, expected: float) -> None:
    found = values(standing_out(right, left))["lateral_mass_overhang"]
    assert found == pytest.approx(MM * expected, abs=EXACT)


def test_more_overhang_is_more() -> None:
    check_sign(values, standing_out(10, 5), "lateral_mass_overhang", "C1_LML_R", (5, 0))
    check_sign(values, standing_out(10, 5), "lateral_mass_overhang", "C1_LML_L", (-5, 0))


def test_an_overhang_of_nothing_keeps_an_error() -> None:
    """Under 0 the sum stays 0, and its error is that of the side that is nearest to standing out.

    The edges (0.5 and 0.3 mm) and the facets (0.5 and 0.3 mm) at 1067 / 837 of magnification: 0.3 sqrt(2) mm
    on the film across, for one side; two sides standing out add theirs. The line between the facets is level,
    so that turning it moves nothing to first order but the 5 px of height (1 mm of 40).
    """
    across = 0.3 * math.sqrt(2) * 837 / 1067
    none, one, both = (
        analysed(film).u_placing("lateral_mass_overhang")
        for film in (standing_out(-20, -30), standing_out(20, -30), standing_out(20, 30))
    )
    # Heights of the facets' ends: 0.5 mm each over 200 px, times 5 px: under 1 % of the rest.
    assert none == pytest.approx(across, rel=0.01)
    assert one == pytest.approx(across, rel=0.01)
    assert both == pytest.approx(across * math.sqrt(2), rel=0.01)


def test_an_overhang_of_nothing_is_a_measurement_with_u() -> None:
    found = analyse_visit(visit_of(standing_out(-20, -30))).joint.measurement("lateral_mass_overhang")
    assert found is not None
    assert found.value == 0
    assert found.u_film is not None and found.u_film > 0.3


def test_the_mirror_image_of_the_person_exchanges_the_sides() -> None:
    here, there = values(FILM), values(mirrored_person(FILM))
    for one, other in (("right", "left"), ("left", "right")):
        for id_ in ("ladi", "condyle_c1_interval"):
            assert there[f"{id_}/{one}"] == pytest.approx(here[f"{id_}/{other}"], abs=EXACT)
    assert there["ladi_asymmetry"] == pytest.approx(-here["ladi_asymmetry"], abs=EXACT)
    out = standing_out(10, 5)
    assert values(mirrored_person(out))["lateral_mass_overhang"] == pytest.approx(MM * 15, abs=EXACT)


def test_the_other_side_of_the_film_is_the_same_person() -> None:
    assert values(turned_over(FILM)) == pytest.approx(values(FILM), abs=EXACT)


def test_a_person_is_no_wider_for_being_tilted() -> None:
    """0.995 and 0.0999 are cosine and sine of 5.7 deg."""
    sine = math.sqrt(1 - 0.995**2)
    turned = FILM.moved(lambda at: at @ np.array([[0.995, -sine], [sine, 0.995]]))
    assert values(turned) == pytest.approx(values(FILM), abs=1e-8)


def test_sides_that_contradict_are_refused() -> None:
    with pytest.raises(BadLandmarks, match=r"contour C0_FACET_R lies to the patient's left of C0_FACET_L"):
        analysed(FILM.relabelled())


def test_a_facet_of_two_points_is_enough() -> None:
    assert "condyle_c1_interval/right" in values(FILM.without("C0_FACET_L", "C1_FACET_L"))


def test_places_along_a_bent_line() -> None:
    bent = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    np.testing.assert_allclose(along_polyline(bent, (0.0, 0.5, 0.75, 1.0)), [[0, 0], [2, 0], [3, 0], [3, 1]])


def test_distance_is_to_the_nearest_place() -> None:
    line = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]])
    points = np.array([[1.0, 2.0], [-3.0, 4.0], [5.0, 1.0], [4.0, 3.0]])
    np.testing.assert_allclose(distance_to_polyline(points, line), [2, 5, 1, 0], atol=1e-15)


def test_many_lines_at_once_give_what_each_gives() -> None:
    lines = np.array([[[0.0, 0.0], [4.0, 0.0], [4.0, 3.0]], [[1.0, 1.0], [1.0, 3.0], [7.0, 3.0]]])
    points = along_polyline(lines, (0.2, 0.6))
    for k in range(2):
        np.testing.assert_array_equal(points[k], along_polyline(lines[k], (0.2, 0.6)))
        np.testing.assert_array_equal(
            distance_to_polyline(points, lines[::-1])[k], distance_to_polyline(points[k], lines[1 - k])
        )


def test_its_lines_are_the_views() -> None:
    lines = VIEWS[View.APOM].lines(analysed(FILM).first.lines.marks, None)
    assert isinstance(lines, OpenMouthLines)
