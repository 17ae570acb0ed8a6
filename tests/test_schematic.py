"""The landmark pictures of the marking page: one for every landmark and film, the right way round."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.schematic import HEIGHT, WIDTH, landmark_svg
from atlasplane.anatomy.schematic_film import VIEWS, page_from_film, schematic_film, special_subjects

SVG = "{http://www.w3.org/2000/svg}"
ON_FILMS = [(view, id_) for id_, entry in landmarks().items() for view in entry.views]
CLOSE_RING = "12"


def marked_at(picture: str) -> tuple[float, float]:
    """Where the strongly marked point lies."""
    root = ET.fromstring(picture)
    rings = [circle for circle in root.iter(f"{SVG}circle") if circle.get("r") == CLOSE_RING]
    assert len(rings) == 2
    return float(rings[0].get("cx", "nan")), float(rings[0].get("cy", "nan"))


@pytest.mark.parametrize(("view", "id_"), ON_FILMS)
def test_every_landmark_of_every_film_has_a_picture(view: str, id_: str) -> None:
    picture = landmark_svg(view, id_)
    root = ET.fromstring(picture)
    assert root.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    assert id_ in (root.findtext(f"{SVG}title") or "")
    assert len(picture) < 100_000
    assert not re.search(r"<script|href|<style|class=|\bid=|url\(", picture)


@pytest.mark.parametrize(("view", "id_"), [(v, i) for v, i in ON_FILMS if landmarks()[i].kind == "point"])
def test_the_landmark_lies_well_inside_its_picture(view: str, id_: str) -> None:
    x, y = marked_at(landmark_svg(view, id_))
    assert 20 < x < WIDTH - 20
    assert 20 < y < HEIGHT - 20


def test_the_patients_right_is_on_the_left_but_from_behind() -> None:
    for view, id_ in (
        ("nasium", "PL"),
        ("apom", "C1_LML"),
        ("photo-front", "EYE"),
        ("base-posterior", "CONV_P"),
    ):
        assert marked_at(landmark_svg(view, f"{id_}_R"))[0] < marked_at(landmark_svg(view, f"{id_}_L"))[0]
    right, left = (marked_at(landmark_svg("photo-back", f"EARLOBE_{side}"))[0] for side in "RL")
    assert right > left


def test_a_lateral_picture_faces_right() -> None:
    sheet = schematic_film("lateral")
    assert sheet.landmark("HP_ANT")[0] > sheet.landmark("HP_POST")[0]
    full = schematic_film("lateral-full")
    assert full.landmark("S1_A")[0] > full.landmark("S1_P")[0]


@pytest.mark.parametrize("view", VIEWS)
def test_the_page_turns_the_film_frame_and_keeps_lengths(view: str) -> None:
    turn = page_from_film(view)
    assert np.allclose(turn @ turn.T, np.eye(2))


def test_a_curved_spine_is_drawn_only_for_what_marks_a_curve() -> None:
    assert {"COBB_U", "COBB_L"} <= special_subjects()
    straight, bowed = (schematic_film("ap-full", subject=name).landmark("C7_C") for name in ("", "COBB_U"))
    assert np.allclose(straight, bowed)
    ends = [schematic_film("ap-full", subject="COBB_U").landmark(f"COBB_U_{side}") for side in "RL"]
    # The end vertebra of a curve to the right leans with it: its right end lies higher than its left one.
    assert ends[0][1] > ends[1][1] + 2


def test_a_contour_is_marked_along_its_whole_length() -> None:
    root = ET.fromstring(landmark_svg("apom", "C0_FACET_R"))
    strong = [path for path in root.iter(f"{SVG}path") if path.get("stroke-width") == "4.0"]
    assert len(strong) == 1
    assert (strong[0].get("d") or "").count("L") >= 3


def test_a_picture_of_an_unknown_landmark_or_view_is_refused() -> None:
    with pytest.raises(KeyError):
        landmark_svg("lateral", "NOWHERE")
    with pytest.raises(KeyError, match="apom2"):
        landmark_svg("apom2", "C1_LML_R")
