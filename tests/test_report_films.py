"""Lines on the films: where the marks are, the right way round, and labels that do not cover each other."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from atlasplane.chain.comparison import compare_visits
from atlasplane.chain.measured import MeasuredVisit
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.report.assemble import report_view
from atlasplane.report.film_picture import MOST_ROWS, Cut, cut_around, film_jpeg
from atlasplane.report.film_svg import SHEET_WIDTH
from atlasplane.report.film_view import film_groups
from atlasplane.report.label_places import WantedLabel, label_places
from atlasplane.report.view import FilmView
from atlasplane.sources.case import Visit
from atlasplane.sources.film import ImageDirection, PixelArray, Radiograph, View
from atlasplane.sources.reading import MarkedContour, MarkedPoint
from tests.test_report_case import (
    POST_POSE,
    case_of,
    film_of,
    measured_of,
    measured_pair,
    pre_visit,
    reading_of,
    visit_of,
    without_technique,
)

SVG = "{http://www.w3.org/2000/svg}"


def plates(visit: Visit) -> dict[str, FilmView]:
    """Plates of one visit by name."""
    groups = film_groups(measured_of(case_of(visit)).visits, simulated=True)
    return {group.name: group.films[0] for group in groups}


def texts(film: FilmView) -> list[tuple[str, float]]:
    """Texts of a drawing with the column of their middle."""
    found = ElementTree.fromstring(film.svg).iter(f"{SVG}text")
    return [(text.text or "", float(text.get("x") or "nan")) for text in found]


def mirrored(film: Radiograph) -> Radiograph:
    """The same film looked at from behind, marks and directions with it."""
    last = film.shape[1] - 1
    flip = np.array([last, 0.0])

    def turn(at: np.ndarray) -> np.ndarray:
        return np.asarray(flip + at * [-1.0, 1.0])

    readings = tuple(
        replace(
            r,
            points={k: MarkedPoint(turn(p.at)) for k, p in r.points.items()},
            contours={k: MarkedContour(turn(c.at)) for k, c in r.contours.items()},
        )
        for r in film.readings
    )
    opposite = {ImageDirection.LEFT: ImageDirection.RIGHT}
    assert film.technique is not None and film.technique.principal_px is not None
    column, row = film.technique.principal_px
    return replace(
        film,
        readings=readings,
        patient_right=None if film.patient_right is None else opposite[film.patient_right],
        technique=replace(film.technique, principal_px=(last - column, row)),
    )


def test_each_plate_of_each_visit_is_drawn() -> None:
    view = report_view(measured_pair(), compare_visits(measured_pair()))
    assert [group.name for group in view.films] == [
        "Nasium film", "Nasium film, atlas and axis", "Lateral film", "Vertex film",
        "Lateral film, skull base, atlas and axis", "Lateral film, neck",
    ]  # fmt: skip
    assert {len(group.films) for group in view.films} == {2}


def test_a_cross_stands_on_its_mark() -> None:
    visit = pre_visit()
    vertex = next(film for film in visit.films if film.view is View.VERTEX)
    film = plates(visit)["Vertex film"]
    scale = SHEET_WIDTH / _cut_width(film, vertex)
    crosses = np.array(
        [[float(n) for n in m] for m in re.findall(r'd="M([\d.]+) ([\d.]+)H[\d.]+M', film.svg)]
    )
    marks = vertex.readings[0].points
    distance = np.array(marks["TF_R"].at) - np.array(marks["CRIB"].at)
    drawn = crosses[:, None] - crosses[None]
    assert np.abs(drawn - scale * distance).max(axis=2).min() < 0.2


def _cut_width(film: FilmView, radiograph: Radiograph) -> float:
    """Columns of the film that the sheet shows, from its size in the embedded picture."""
    import base64
    import io

    from PIL import Image

    match = re.search(r"base64,([^\"]+)", film.svg)
    assert match is not None
    size = Image.open(io.BytesIO(base64.b64decode(match.group(1)))).size
    assert size[1] <= min(MOST_ROWS, radiograph.shape[0])
    return size[0]


def test_right_and_left_stand_where_the_film_says() -> None:
    badges = dict(texts(plates(pre_visit())["Nasium film"]))
    assert badges["R"] < 100 and badges["L"] > 900
    turned = replace(pre_visit(), films=(mirrored(pre_visit().films[1]),))
    badges = dict(texts(plates(turned)["Nasium film"]))
    assert badges["R"] > 900 and badges["L"] < 100


def test_a_mirrored_film_gives_the_same_numbers_on_the_other_side_of_the_picture() -> None:
    plain = plates(replace(pre_visit(), films=(pre_visit().films[1],)))["Nasium film"]
    turned = plates(replace(pre_visit(), films=(mirrored(pre_visit().films[1]),)))["Nasium film"]
    before, after = ({t for t, _ in texts(film) if "±" in t} for film in (plain, turned))
    assert before == after
    column = {t.split()[0]: x for t, x in texts(plain) if "±" in t}["AL"]
    assert column < 500 < {t.split()[0]: x for t, x in texts(turned) if "±" in t}["AL"]


def test_a_lateral_film_names_front_and_back() -> None:
    badges = dict(texts(plates(pre_visit())["Lateral film"]))
    assert badges["anterior"] < badges["posterior"]
    assert "R" not in badges


@pytest.mark.parametrize("seed", range(4))
def test_labels_do_not_cover_each_other(seed: int) -> None:
    visit = visit_of("v2", pre_visit().moment, POST_POSE, seed=seed)
    for film in plates(visit).values():
        boxes = [
            tuple(float(rect.get(name) or 0) for name in ("x", "y", "width", "height"))
            for rect in ElementTree.fromstring(film.svg).iter(f"{SVG}rect")
        ]
        assert boxes
        for k, (x, y, w, h) in enumerate(boxes):
            assert x >= 0 and y >= 0 and x + w <= film.width and y + h <= film.height
            for other in boxes[k + 1 :]:
                apart = x + w <= other[0] or other[0] + other[2] <= x
                assert apart or y + h <= other[1] or other[1] + other[3] <= y


def test_values_on_the_film_are_those_of_the_table() -> None:
    view = report_view(measured_pair(), compare_visits(measured_pair()))
    rows = {(r.name, r.value) for g in view.visits[0].groups for r in g.rows}
    for group in view.films:
        for row in group.legend:
            if row.quantity:
                value = re.split(r" ± | \(", row.values[0])[0]
                assert (row.quantity, value) in rows


def test_simulated_films_say_so_in_the_picture() -> None:
    for film in plates(pre_visit()).values():
        assert "SIMULATED" in dict(texts(film))
    measured = measured_of(case_of(pre_visit(), simulated=False))
    assert "SIMULATED" not in film_groups(measured.visits, simulated=False)[0].films[0].svg


def test_a_film_with_one_line_is_drawn_with_that_line() -> None:
    visit = pre_visit()
    reading = visit.films[1].readings[0]
    only = replace(reading, points={k: reading.points[k] for k in ("PL_R", "PL_L")}, contours={})
    film = replace(visit.films[1], readings=(only,))
    named = plates(replace(visit, films=(film,)))
    assert [t for t, _ in texts(named["Nasium film"]) if t == "APL"] == ["APL"]
    assert any(t.startswith("APL ") for t, _ in texts(named["Nasium film, atlas and axis"]))


def test_a_film_that_was_not_marked_is_not_drawn() -> None:
    visit = pre_visit()
    assert plates(replace(visit, films=(replace(visit.films[0], readings=()),))) == {}


def test_the_mean_of_two_observers_is_said_beside_the_first_one_s_lines() -> None:
    visit = pre_visit()
    film = visit.films[1]
    second = reading_of("nasium", POST_POSE, np.random.default_rng(9), observer="AB", id_="r2")
    second = replace(
        film.readings[0], id="r2", observer="AB", points=film.readings[0].points, tool=second.tool
    )
    drawn = plates(replace(visit, films=(replace(film, readings=(*film.readings, second)),)))["Nasium film"]
    assert "lines of reading r1, KR, values are the mean of 2 readings" in drawn.caption


def test_a_refused_skull_line_is_named_and_not_drawn() -> None:
    measured = measured_of(case_of(without_technique(pre_visit())))
    visit = measured.visits[0]
    nasium = visit.alignment.film(View.NASIUM)
    assert nasium is not None
    refused = _refused(nasium, visit)
    film = film_groups((refused,), simulated=True)[0]
    assert "no central skull line (refused)" in film.films[0].alt
    assert "CSL" not in dict(texts(film.films[0]))


def _refused(analysis: FilmAnalysis, visit: MeasuredVisit) -> MeasuredVisit:
    lines = replace(analysis.first.lines, skull=None)  # type: ignore[type-var, call-arg]
    first = replace(analysis.first, levels=None, lines=lines)
    films = (replace(analysis, readings=(first,)),)
    return replace(visit, alignment=replace(visit.alignment, films=films))


def test_a_cut_keeps_every_point_inside_the_film() -> None:
    cut = cut_around(np.array([[10.0, 10.0], [300.0, 200.0]]), (1000, 800), 0.8)
    assert cut.left == 0 and cut.top == 0
    assert cut.right >= 300 and cut.bottom >= 200
    assert cut.right <= 800 and cut.bottom <= 1000
    assert cut_around(np.zeros((0, 2)), (1000, 800), 0.8) == Cut(0, 0, 800, 1000)


@pytest.mark.parametrize("pixels", [np.zeros((50, 40), np.uint16), np.full((50, 40), 7, np.uint8)])
def test_a_film_of_one_grey_is_still_a_picture(pixels: PixelArray) -> None:
    assert film_jpeg(pixels, Cut(0, 0, 40, 50)).startswith(b"\xff\xd8")


def test_a_label_goes_where_it_wants_when_nothing_is_in_the_way() -> None:
    wanted = [WantedLabel(at=np.array([500.0, 500.0]), toward=np.array([1.0, 0.0]), size=(100.0, 30.0))]
    place = label_places(wanted, np.zeros((0, 2)), (1000, 1000))[0]
    assert place[0] > 540 and place[1] == pytest.approx(500)


def test_film_of_the_tests_has_its_own_digest() -> None:
    assert len({film_of(v, "f", ()).sha256 for v in ("lateral", "nasium")}) == 2
