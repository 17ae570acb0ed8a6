"""The report over the visits: what is plotted, where it lies, and what the table says."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from atlasplane.chain.comparison import compare_visits
from atlasplane.chain.measured import MeasuredCase, measure_case
from atlasplane.chain.series import beyond_by_chance, series_of
from atlasplane.report.assemble import report_view
from atlasplane.report.html import html_report
from atlasplane.report.palette import BAND
from atlasplane.report.pdf import pdf_report
from atlasplane.report.series_plot import PlotPoint, series_plot
from atlasplane.report.series_view import series_view
from atlasplane.report.view import SeriesCell, SeriesView
from atlasplane.report.wording import BEYOND_MARK
from atlasplane.sources.case import Case, Moment, Visit
from tests.front_cases import visit_of
from tests.test_report_case import PRE_TIME, measured_pair
from tests.test_report_pdf import pdf_text

FIVE = (12.0, 3.0, -2.0, 5.0, -9.0)
"""Leg checks in mm, u 4.5: a change must exceed 1.96 sqrt(2) 4.5 = 12.5."""
SVG = "{http://www.w3.org/2000/svg}"
TEN_DAYS = [datetime(2026, 3, 2, tzinfo=UTC) + timedelta(days=d) for d in (0, 5, 10)]


def leg_visit(value: float, day: int) -> Visit:
    visit = visit_of(exam={"leg_check": {"leg_length_difference": value}})
    return replace(visit, id=f"v{day}", time=visit.time + timedelta(days=day), moment=Moment.SINGLE)


@cache
def legs(*values: float) -> MeasuredCase:
    visits = tuple(leg_visit(value, 7 * k) for k, value in enumerate(values))
    return measure_case(Case(id="c", pseudonym="P-014", folder=Path("case"), visits=visits))


def view_of(*values: float) -> SeriesView:
    found = series_view(legs(*values), compare_visits(legs(*values)))
    assert found is not None
    return found


def cells(view: SeriesView) -> list[SeriesCell]:
    return [
        cell for block in view.blocks for group in block.groups for row in group.rows for cell in row.cells
    ]


def marks(svg: str) -> list[tuple[str, float, float]]:
    """Kind and middle of every mark but the one of the key."""
    found = []
    for element in ElementTree.fromstring(svg):
        diamond = re.fullmatch(r"M([\d.]+) ([\d.]+)l7 -7l7 7l-7 7Z", element.get("d", ""))
        if diamond:
            found.append(("diamond", float(diamond[1]) + 7, float(diamond[2])))
        elif element.tag == f"{SVG}circle":
            found.append(("circle", float(element.get("cx", "")), float(element.get("cy", ""))))
    return found[:-1]


# ---- when there is one ----


def test_two_visits_have_no_such_section() -> None:
    view = report_view(measured_pair(), compare_visits(measured_pair()))
    assert view.series is None
    assert 'id="series"' not in html_report(view)


def test_without_a_comparison_the_series_is_the_same() -> None:
    assert series_view(legs(*FIVE)) == view_of(*FIVE)


# ---- table ----


def test_each_visit_has_its_value_its_error_and_its_verdict() -> None:
    """Changes are -9, -14, -7 and -21 mm."""
    view = view_of(*FIVE)
    assert [cell.value[:4] for cell in cells(view)] == [
        "12.0",
        "3.0\N{NO-BREAK SPACE}",
        "−2.0",
        "5.0\N{NO-BREAK SPACE}",
        "−9.0",
    ]
    assert {cell.expanded for cell in cells(view)} == {"± 8.8\N{NO-BREAK SPACE}mm"}
    assert [cell.mark for cell in cells(view)] == ["", "", BEYOND_MARK, "", BEYOND_MARK]
    assert view.blocks[0].title == "All 5 visits"
    assert view.blocks[0].columns[1] == ("Visit v7", "9 March 2026")


def test_more_than_six_visits_wrap() -> None:
    view = view_of(*(float(k) for k in range(13)))
    assert [len(block.columns) for block in view.blocks] == [6, 6, 1]
    assert [block.title for block in view.blocks] == [
        "Visits 1 to 6 of 13",
        "Visits 7 to 12 of 13",
        "Visit 13 of 13",
    ]
    assert len(cells(view)) == 13


def test_a_visit_without_the_quantity_has_no_column() -> None:
    visits = (leg_visit(1.0, 0), replace(visit_of(), id="x"), *(leg_visit(2.0, d) for d in (7, 14)))
    view = series_view(measure_case(Case(id="c", pseudonym="P", folder=Path("case"), visits=visits)))
    assert view is not None
    assert [name for name, _ in view.blocks[0].columns] == ["Visit v0", "Visit v7", "Visit v14"]


def test_what_chance_alone_would_do_is_said() -> None:
    """40 changes at 95 %: two."""
    (series,) = series_of(legs(*FIVE))
    assert (len(series.judged), series.beyond) == (4, 2)
    assert (beyond_by_chance(40), beyond_by_chance(4)) == (2, 0)
    assert "by chance" not in view_of(*FIVE).note
    assert "40 changes are judged: where nothing changed at all, about 2" in view_of(0.0, *[20.0] * 40).note


# ---- plot ----


def test_caption_and_picture_say_how_changes_are_judged() -> None:
    (plot,) = view_of(*FIVE).plots
    assert plot.title == "Leg length difference, leg check"
    assert "Each change judged one by one at 95\N{NO-BREAK SPACE}%." in plot.caption
    assert plot.caption.endswith("Distinguishable from the first visit: v14, v28.")
    assert ">distinguishable from the first visit<" in plot.svg
    assert [kind for kind, *_ in marks(plot.svg)] == ["circle", "circle", "diamond", "circle", "diamond"]


def test_a_leg_check_that_does_not_change_is_plotted_too() -> None:
    (plot,) = view_of(1.0, 2.0, 3.0).plots
    assert plot.caption.endswith("No visit is distinguishable from the first.")
    assert ">not distinguishable from the first visit<" in plot.svg


def test_dates_are_to_scale_and_values_too() -> None:
    points = [PlotPoint(time=t, value=v, mdc=4.0) for t, v in zip(TEN_DAYS, (0.0, 1.0, 3.0), strict=True)]
    (_, x0, y0), (_, x1, y1), (_, x2, y2) = marks(series_plot(points, unit="deg"))
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.11)  # printed to a tenth
    assert y0 - y2 == pytest.approx(3 * (y0 - y1), abs=0.31)
    assert y0 > y1 > y2


def test_before_and_after_of_one_day_stand_apart() -> None:
    times = [TEN_DAYS[0], TEN_DAYS[2] - timedelta(minutes=30), TEN_DAYS[2]]
    points = [PlotPoint(time=t, value=1.0, mdc=4.0) for t in times]
    places = [x for _, x, _ in marks(series_plot(points, unit="deg"))]
    assert places[2] - places[1] == pytest.approx(22, abs=0.11)
    crowd = [PlotPoint(time=TEN_DAYS[0], value=1.0, mdc=4.0)] * 60
    places = [x for _, x, _ in marks(series_plot(crowd, unit="deg"))]
    assert (places[0], places[-1]) == (92.0, 428.0)
    assert all(math.isclose(b - a, 336 / 59, abs_tol=0.11) for a, b in pairwise(places))


def test_a_mark_outside_the_band_is_beyond() -> None:
    """Each visit's own limit: the second is beyond 2, the third within 4 though it changed by more."""
    changes = [(0.0, None, False), (3.0, 2.0, True), (3.5, 4.0, False)]
    points = [
        PlotPoint(time=t, value=v, mdc=m, beyond=b) for t, (v, m, b) in zip(TEN_DAYS, changes, strict=True)
    ]
    svg = series_plot(points, unit="deg")
    band = re.search(rf'd="M([^"]+)Z" fill="{BAND}"', svg)
    assert band is not None
    edge = [corner.split() for corner in band[1].split(" L")]
    upper = {float(x): float(y) for x, y in edge[: len(edge) // 2]}
    _, (_, x1, y1), (_, x2, y2) = marks(svg)
    assert y1 < upper[x1]  # above the band: rows of a picture go down
    assert y2 > upper[x2]


@pytest.mark.parametrize("size", [3e-4, 0.07, 1.0, 25.0, 999.0, 1e4])
def test_every_scale_has_some_ruled_lines_and_each_its_own_number(size: float) -> None:
    points = [PlotPoint(time=t, value=size * k, mdc=size) for k, t in enumerate(TEN_DAYS)]
    texts = re.findall(
        r'text-anchor="end" font-size="13" fill="#51606B">([^<]+)<', series_plot(points, unit="1")
    )
    assert 3 <= len(texts) <= 9
    assert len(set(texts)) == len(texts)


# ---- both faces ----


def test_both_faces_show_it() -> None:
    view = report_view(legs(*FIVE), compare_visits(legs(*FIVE)))
    page, text = html_report(view), pdf_text(pdf_report(view, dated=PRE_TIME))
    assert view.series is not None
    said = [view.series.note, view.series.plot_note, view.series.plots[0].caption, view.series.title]
    said += [cell.value for cell in cells(view.series)]
    for piece in said:
        assert re.sub(r"\s", "", piece) in text
        assert piece in page
    assert page.count(f'<span class="mark">{BEYOND_MARK}</span>') == 2
    assert view.series.plots[0].svg in page
