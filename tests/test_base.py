"""Base-posterior film: convergence of the condyles."""

from __future__ import annotations

import math

import pytest

from atlasplane.core.errors import BadLandmarks
from atlasplane.pathways.alignment.base import BASE
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
from atlasplane.sources.film import View
from tests.front_cases import (
    EXACT,
    Step,
    analysed,
    check_sign,
    from_below,
    ids_of,
    mirrored_person,
    read_of,
    turned_over,
    values,
    visit_of,
)

# Steps (forward, right) in pixels. The midline goes 400 forward and 0 to the side.
POINTS: dict[str, Step] = {
    "MSP_A": (300, 0),
    "MSP_P": (-100, 0),
    "CONV_A_R": (80, 40),
    "CONV_P_R": (0, 80),
    "CONV_A_L": (90, -30),
    "CONV_P_L": (-10, -90),
}
FILM = from_below(POINTS)
BY_HAND = {
    "blair_convergence/right": math.degrees(math.atan(40 / 80)),
    "blair_convergence/left": math.degrees(math.atan(60 / 100)),
}


def test_no_quantity_is_left_out() -> None:
    assert ids_of("coronal", View.BASE_POSTERIOR) == read_of(View.BASE_POSTERIOR)
    assert {c.key for c in BASE} == set(BY_HAND)


@pytest.mark.parametrize("key", BY_HAND)
def test_value_by_hand(key: str) -> None:
    assert values(FILM)[key] == pytest.approx(BY_HAND[key], abs=EXACT)


def test_plus_is_a_front_end_that_lies_medially() -> None:
    # Film steps are (right, up) here: the front is up.
    check_sign(values, FILM, "blair_convergence/right", "CONV_A_R", (-5, 0))
    check_sign(values, FILM, "blair_convergence/left", "CONV_A_L", (5, 0))


def test_a_turned_head_takes_its_midline_along() -> None:
    """0.995 is the cosine of 5.7 deg."""
    sine = math.sqrt(1 - 0.995**2)
    turned = FILM.moved(lambda at: at @ [[0.995, -sine], [sine, 0.995]])
    assert values(turned) == pytest.approx(values(FILM), abs=1e-8)


def test_the_mirror_image_of_the_person_exchanges_the_sides() -> None:
    mirrored = values(mirrored_person(FILM))
    assert mirrored["blair_convergence/right"] == pytest.approx(BY_HAND["blair_convergence/left"], abs=EXACT)
    assert mirrored["blair_convergence/left"] == pytest.approx(BY_HAND["blair_convergence/right"], abs=EXACT)


def test_the_other_side_of_the_film_is_the_same_person() -> None:
    assert values(turned_over(FILM)) == pytest.approx(values(FILM), abs=EXACT)


@pytest.mark.parametrize(
    ("ids", "by", "says"),
    [
        ("MSP_A", (0, 500), "MSP_A lies behind MSP_P"),
        ("CONV_A_L", (0, 200), "CONV_A_L lies behind CONV_P_L"),
        ("CONV_P_R", (300, 0), "CONV_P_R lies to the patient's left of CONV_P_L"),
    ],
)
def test_marks_that_contradict_the_stored_directions_are_refused(ids: str, by: Step, says: str) -> None:
    with pytest.raises(BadLandmarks, match=says):
        analysed(FILM.nudged(ids, by))


def test_each_side_is_an_observation_of_its_own() -> None:
    joint = analyse_visit(visit_of(FILM)).joint
    sides = [o.site.side for o in joint.observations if o.site is not None]
    assert sides == ["right", "left"]
    assert joint.order == tuple(BY_HAND)
