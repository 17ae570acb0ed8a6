"""Numbers beside the film: what `measure` prints, to the last digit, and what changes while dragging."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from atlasplane import api
from atlasplane.report.document import measure_document
from atlasplane.report.quantity_rows import quantity_row
from tests.cli_cases import PRE, copy_of, edit_marks, write_whole_case
from tests.web_client import Client, serving


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_whole_case(tmp_path_factory.mktemp("live") / "case")


@pytest.fixture
def case(whole: Path, tmp_path: Path) -> Path:
    return copy_of(whole, tmp_path / "case")


@pytest.fixture
def page(case: Path) -> Iterator[Client]:
    with serving(case, observer="KR") as client:
        yield client


def measured(case: Path) -> Any:
    return json.loads(json.dumps(measure_document(api.load(case).measure())))["visits"][0]


def live(page: Client, film: str, reading: dict[str, Any], *, full: bool) -> Any:
    body = {
        "reading": reading["id"],
        "points": reading["points"],
        "contours": reading["contours"],
        "full": full,
    }
    return page.post(f"{film}/live", body)


@pytest.mark.parametrize("view", ["lateral", "nasium", "vertex"])
def test_what_is_shown_is_what_measure_prints_after_saving(case: Path, page: Client, view: str) -> None:
    film = page.film(view)
    shown = page.get(film)
    reading = shown["readings"][0]
    before = live(page, film, reading, full=True)
    assert before["observations"] == measured(case)["observations"]
    first = next(iter(reading["points"]))
    reading["points"][first]["at"][1] += 3.7
    after = live(page, film, reading, full=True)
    assert after["observations"] != before["observations"]
    assert measured(case)["observations"] == before["observations"]  # nothing was written
    assert page.save(film, reading, shown["revision"]).status == 200
    printed = measured(case)
    assert after["observations"] == printed["observations"]
    assert after["listing"] == printed["listing"]
    assert after["problem"] is None


def test_the_rows_are_the_report_s(case: Path, page: Client) -> None:
    film = page.film("nasium")
    rows = live(page, film, page.get(film)["readings"][0], full=True)["rows"]
    observed = api.load(case).measure().visits[0].joint.observations
    assert [row["key"] for row in rows] == [each.key for each in observed]
    for row, observation in zip(rows, observed, strict=True):
        printed = quantity_row(observation)
        assert (row["value"], row["expanded"], row["side"], row["u"]) == (
            printed.value,
            printed.expanded,
            printed.side,
            printed.u,
        )


def test_a_drag_gives_its_film_alone_with_exact_values(page: Client) -> None:
    film = page.film("nasium")
    reading = page.get(film)["readings"][0]
    whole = live(page, film, reading, full=True)
    dragged = live(page, film, reading, full=False)
    own = [each for each in whole["observations"] if each["source"] == ["2026-03-02/nasium.png"]]
    assert dragged["observations"] == own  # the marks are those of the last look, and so is everything else
    assert dragged["listing"] == whole["listing"]
    reading["points"]["PL_R"]["at"][1] -= 5.0
    step, still = live(page, film, reading, full=False), live(page, film, reading, full=True)
    values = {
        each["quantity"]: each["value"] for each in still["observations"] if each["kind"] == "measurement"
    }
    for each in step["observations"]:
        if each["kind"] == "measurement" and each["site"] is None:
            assert each["value"] == values[each["quantity"]]
    assert step["listing"]["canonical"] == still["listing"]["canonical"]


def test_the_first_look_may_be_a_drag(page: Client) -> None:
    film = page.film("lateral")
    reading = page.get(film)["readings"][0]
    step = live(page, film, reading, full=False)
    still = live(page, film, reading, full=True)
    own = [each for each in still["observations"] if each["source"] == ["2026-03-02/lateral.png"]]
    assert step["observations"] == own


def test_a_half_marked_film_is_a_state(page: Client) -> None:
    film = page.film("nasium")
    begun = page.post(f"{film}/readings", {"observer": "AB", "blinded": True})
    for full in (True, False):
        empty = live(page, film, begun, full=full)
        assert not [o for o in empty["observations"] if o["source"] == ["2026-03-02/nasium.png"]]
        assert bool(empty["observations"]) == full  # the other films of the visit still speak
    begun["points"] = {"PL_R": {"at": [400.0, 900.0]}}
    one = live(page, film, begun, full=True)
    assert one["problem"] is None
    assert [f["text"] for f in one["findings"] if f["code"] == "film.not_measured"] == [
        "Not measured: too few marks yet for any quantity"
    ]
    assert not [o for o in one["observations"] if o["source"] == ["2026-03-02/nasium.png"]]
    begun["points"]["PL_L"] = {"at": [700.0, 905.0]}
    two = live(page, film, begun, full=True)
    assert two["problem"] is None
    assert "atlas_plane_tilt" in {each["quantity"] for each in two["observations"]}


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ({"PL_R": {"at": [1e6, 1.0]}}, "outside"),
        ({"NOSE": {"at": [1.0, 1.0]}}, "unknown landmark"),
        ({"PL_R": {"at": [400.0, 900.0]}, "PL_L": {"at": [300.0, 900.0]}}, "disagree"),
    ],
)
def test_marks_that_cannot_be_are_a_problem_with_a_remedy(
    page: Client, points: dict[str, Any], says: str
) -> None:
    film = page.film("nasium")
    reading = page.post(f"{film}/readings", {"observer": "AB", "blinded": True})
    told = live(page, film, reading | {"points": points}, full=True)
    assert says in told["problem"]["what"] and told["problem"]["remedy"]


def test_a_contour_of_one_vertex_is_none_yet(page: Client) -> None:
    film = page.film("nasium")
    reading = page.get(film)["readings"][0]
    without = dict(reading["contours"])
    del without["COND_R"]
    begun = dict(reading["contours"]) | {"COND_R": reading["contours"]["COND_R"][:1]}
    assert (
        live(page, film, reading | {"contours": begun}, full=True)["observations"]
        == live(page, film, reading | {"contours": without}, full=True)["observations"]
    )


def test_another_film_at_fault_does_not_stop_this_one(case: Path) -> None:
    def crossed(reading: dict[str, Any]) -> None:
        points = reading["points"]
        points["TF_R"], points["TF_L"] = points["TF_L"], points["TF_R"]

    edit_marks(case, "vertex", crossed)
    with serving(case) as page:
        film = page.film("nasium")
        told = live(page, film, page.get(film)["readings"][0], full=True)
        assert "vertex" in told["problem"]["file"]
        assert "atlas_laterality" in {each["quantity"] for each in told["observations"]}


def test_a_film_that_cannot_be_opened_does_not_stop_the_others(case: Path) -> None:
    (case / PRE / "vertex.png").write_bytes(b"no picture")
    with serving(case) as page:
        desk = page.get("/api/desk")
        films = {film["view"]: film for film in desk["visits"][0]["films"]}
        assert films["vertex"]["problem"]["remedy"] and films["nasium"]["problem"] is None
        assert [found["code"] for found in desk["findings"] if found["severity"] == "stop"] == [
            "case.unreadable"
        ]
        assert page.ask("GET", f"/api/films/{films['vertex']['id']}").status == 422
        film = page.film("nasium")
        told = live(page, film, page.get(film)["readings"][0], full=True)
        assert "atlas_laterality" in {each["quantity"] for each in told["observations"]}


def test_lines_are_drawn_in_pixels_through_the_marks(page: Client) -> None:
    film = page.film("nasium")
    shown = page.get(film)
    drawing = live(page, film, shown["readings"][0], full=True)["drawing"]
    columns = [at[0] for stroke in drawing["strokes"] for at in stroke["at"]]
    assert drawing["labels"] and drawing["legends"] and np.all(np.isfinite(columns))
    right, left = (np.array(shown["readings"][0]["points"][id_]["at"]) for id_ in ("PL_R", "PL_L"))
    way = (right - left) / np.linalg.norm(right - left)
    across = np.array([-way[1], way[0]])
    lines = [np.array(stroke["at"]) for stroke in drawing["strokes"] if len(stroke["at"]) == 2]
    # Both attachment points lie on one of the lines: the atlas plane line.
    assert any(np.all(np.abs((line - left) @ across) < 1e-6) for line in lines)


def test_labels_carry_the_values_of_the_rows(page: Client) -> None:
    film = page.film("nasium")
    told = live(page, film, page.get(film)["readings"][0], full=True)
    row = next(row for row in told["rows"] if row["key"] == "atlas_laterality")
    label = next(label for label in told["drawing"]["labels"] if label["text"].startswith("AL"))
    assert label["text"] == f"AL {row['value']} {row['expanded']}"


def test_the_second_reading_s_lines_are_its_own(page: Client) -> None:
    film = page.film("vertex")
    shown = page.get(film)
    second = json.loads(json.dumps(shown["readings"][0])) | {"id": "r2", "observer": "AB"}
    for point in second["points"].values():
        point["at"][0] += 40.0
    one, two = (
        live(page, film, each, full=True)["drawing"]["strokes"] for each in (shown["readings"][0], second)
    )
    assert np.array(two[0]["at"])[:, 0] == pytest.approx(np.array(one[0]["at"])[:, 0] + 40.0, abs=1e-6)
