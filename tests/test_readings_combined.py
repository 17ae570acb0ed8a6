"""Several readings of one film that do not hold the same marks, and readings that are still being made."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from atlasplane.core.errors import TooFewPoints
from atlasplane.core.finding import Severity
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis, analyse_film
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
from atlasplane.sources.reading import Reading
from tests.film_cases import NASIUM, HandFilm, visit_of_films

TILT, LEAN = "atlas_plane_tilt", "cervical_lean"


def turned(film: HandFilm) -> HandFilm:
    """The right end of the atlas plane line 4 pixels higher."""
    return film.nudged("PL_R", (0.0, -4.0))


def read(*readings: Reading) -> FilmAnalysis:
    analysis = analyse_film(NASIUM.film(*readings))
    assert analysis is not None
    return analysis


def test_a_mark_that_the_second_reading_lacks_costs_no_number() -> None:
    whole, partial = NASIUM.reading("r1"), turned(NASIUM).without("C7_C").reading("r2")
    both, first, second = read(whole, partial), read(whole), read(partial)
    assert both.keys == first.keys
    assert both.value(LEAN) == first.value(LEAN)
    assert both.u_placing(LEAN) == pytest.approx(first.u_placing(LEAN), rel=1e-12)
    tilts = [first.value(TILT), second.value(TILT)]
    assert tilts[0] is not None and tilts[1] is not None and tilts[0] != tilts[1]
    assert both.value(TILT) == pytest.approx(sum(tilts) / 2, abs=1e-12)
    # Two independent readings: u squared is a quarter of the sum of theirs.
    assert both.u_placing(TILT) == pytest.approx(
        math.hypot(first.u_placing(TILT), second.u_placing(TILT)) / 2, rel=1e-9
    )


def test_the_order_of_the_readings_does_not_matter() -> None:
    whole, partial = NASIUM.reading("r1"), turned(NASIUM).without("C7_C").reading("r2")
    one, other = read(whole, partial), read(partial, whole)
    assert (one.keys, one.values.tolist()) == (other.keys, other.values.tolist())
    assert [r.marked.reading.id for r in other.readings] == ["r1", "r2"]


def test_an_observer_without_a_quantity_has_no_say_in_it() -> None:
    whole, partial = NASIUM.reading("r1", "KR"), turned(NASIUM).without("C7_C").reading("r2", "AB")
    both, first = read(whole, partial), read(whole)
    lean = both.keys.index(LEAN)
    assert both.value(LEAN) == pytest.approx(first.value(LEAN), abs=1e-12)
    assert both.observers[lean] == 0.0
    assert both.observers[both.keys.index(TILT)] > 0.0


def test_a_reading_that_is_saved_as_it_goes_may_give_nothing_yet() -> None:
    begun = replace(NASIUM.without(*list(NASIUM.points)[1:], *NASIUM.contours).reading("r2"), tool="mark/1")
    assert analyse_film(NASIUM.film(begun)) is None
    beside = read(NASIUM.reading("r1"), begun)
    assert [r.marked.reading.id for r in beside.readings] == ["r1"]
    found = analyse_visit(visit_of_films(NASIUM.film(begun))).findings
    assert [(f.code, f.severity, f.text) for f in found] == [
        ("film.not_measured", Severity.INFO, "Not measured: too few marks yet for any quantity")
    ]


def test_a_finished_file_with_too_few_points_is_still_an_error() -> None:
    short = NASIUM.without(*list(NASIUM.points)[1:], *NASIUM.contours).reading("r1")
    with pytest.raises(TooFewPoints, match="too few points"):
        analyse_film(NASIUM.film(short))
