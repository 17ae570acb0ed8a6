"""Volumes in the page: slices in any direction, and marks in millimetres."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from atlasplane.geometry.types import Array
from atlasplane.io.landmark_file import read_landmarks
from atlasplane.xray.slices import SlicePlane, oblique_slice
from tests.bad_input.cases import CASE, make_case
from tests.web_client import Client, serving

SHAPE = (30, 24, 20)
SPACING = (0.8, 1.0, 1.5)
VOLUME = CASE + '[[volume]]  # the scan\nfile = "ct/head.nii.gz"\n'


def ramp() -> Array:
    """Greys that are linear in space: trilinear interpolation gives them back exactly."""
    i, j, k = np.indices(SHAPE)
    return (3.0 * i - 2.0 * j + 5.0 * k - 40.0).astype(np.int16)


@pytest.fixture
def case(tmp_path: Path) -> Path:
    root = make_case(tmp_path / "case", case=VOLUME)
    (root / "ct").mkdir()
    affine = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])  # RAS: LPS axes grow with the index
    nibabel.save(nibabel.Nifti1Image(ramp(), affine), root / "ct" / "head.nii.gz")
    return root


@pytest.fixture
def page(case: Path) -> Iterator[Client]:
    with serving(case) as client:
        yield client


def address(page: Client) -> str:
    return "/api/volumes/" + page.get("/api/desk")["volumes"][0]["id"]


def test_a_plane_in_any_direction_shows_what_lies_in_it() -> None:
    from_lps = np.diag([1 / s for s in SPACING] + [1.0])
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    plane = SlicePlane(
        centre_mm=np.array([11.0, 12.0, 14.0]), right=turn[0], down=turn[1], width=9, height=7, mm_per_px=0.5
    )
    found = oblique_slice(ramp(), from_lps, plane, outside=-999.0)
    for row in range(7):
        for column in range(9):
            at = plane.centre_mm + (column - 4) * 0.5 * turn[0] + (row - 3) * 0.5 * turn[1]
            i, j, k = at / SPACING
            # float32 greys of some 100
            assert found[row, column] == pytest.approx(3 * i - 2 * j + 5 * k - 40, abs=1e-4)


def test_outside_is_outside() -> None:
    plane = SlicePlane(
        centre_mm=np.array([500.0, 0, 0]),
        right=np.eye(3)[0],
        down=np.eye(3)[1],
        width=4,
        height=4,
        mm_per_px=1.0,
    )
    assert np.all(oblique_slice(ramp(), np.eye(4), plane, outside=-7.0) == -7.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"right": np.array([2.0, 0, 0])},
        {"right": np.array([0.0, 1.0, 0])},
        {"mm_per_px": 0.0},
        {"width": 0},
        {"centre_mm": np.array([np.nan, 0, 0])},
    ],
)
def test_a_plane_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "centre_mm": np.zeros(3),
        "right": np.eye(3)[0],
        "down": np.eye(3)[1],
        "width": 4,
        "height": 4,
        "mm_per_px": 1.0,
    }
    SlicePlane(**good)
    with pytest.raises(ValueError, match=r"plane|right"):
        SlicePlane(**(good | wrong))


def test_the_page_gets_the_grid_and_slices_of_it(page: Client) -> None:
    volume = address(page)
    shown = page.get(volume)
    assert shown["shape"] == list(SHAPE) and shown["spacing_mm"] == pytest.approx(SPACING)
    assert shown["bounds_lps"] == [
        [0.0, 0.0, 0.0],
        pytest.approx([(n - 1) * s for n, s in zip(SHAPE, SPACING, strict=True)]),
    ]
    assert shown["window"]["data_low"] == ramp().min() and shown["window"]["data_high"] == ramp().max()
    query = "right=0,1,0&down=0,0,-1&width=5&height=3&mm=1"
    answer = page.ask("GET", f"{volume}/slice?centre=8,10,12&{query}")
    assert answer.status == 200
    greys = np.frombuffer(answer.body, "<u2").reshape(3, 5).astype(float) - float(answer.headers["x-offset"])
    i, rows = 8 / SPACING[0], (12 - (np.arange(3) - 1)) / SPACING[2]
    expected = 3 * i - 2 * (10 + np.arange(5) - 2) + 5 * rows[:, None] - 40
    assert np.all(np.abs(greys - expected) <= 0.5 + 1e-4)  # rounded to whole greys
    far = page.ask("GET", f"{volume}/slice?centre=800,10,12&{query}")
    assert not any(far.body)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "centre=1,2&right=1,0,0&down=0,1,0&width=4&height=4&mm=1",
        "centre=1,2,x&right=1,0,0&down=0,1,0&width=4&height=4&mm=1",
        "centre=1,2,nan&right=1,0,0&down=0,1,0&width=4&height=4&mm=1",
        "centre=1,2,3&right=0,0,0&down=0,1,0&width=4&height=4&mm=1",
        "centre=1,2,3&right=1,0,0&down=1,0,0&width=4&height=4&mm=1",
        "centre=1,2,3&right=1,0,0&down=0,1,0&width=99999&height=4&mm=1",
        "centre=1,2,3&right=1,0,0&down=0,1,0&width=4&height=4&mm=0",
        "centre=1,2,3&right=1,0,0&down=0,1,0&width=4&height=4&mm=inf",
    ],
)
def test_a_slice_that_cannot_be_is_refused(page: Client, query: str) -> None:
    assert page.ask("GET", f"{address(page)}/slice?{query}").status == 422


def test_marks_of_a_volume_are_millimetres(case: Path, page: Client) -> None:
    volume = address(page)
    reading = page.post(f"{volume}/readings", {"observer": "KR"})
    reading["points"] = {"N": {"at": [8.0, 10.0, 12.0]}}
    saved = page.save(volume, reading, None)
    assert saved.status == 200
    text = (case / "case.toml").read_text(encoding="utf-8")
    assert text == VOLUME + 'landmarks = "ct/head.landmarks.json"\n'
    (stored,) = read_landmarks(case / "ct" / "head.landmarks.json")
    assert stored.points["N"].at.tolist() == [8.0, 10.0, 12.0]
    assert page.get(volume)["readings"][0]["points"] == reading["points"]
    reading["points"]["N"]["at"] = [800.0, 0.0, 0.0]
    refused = page.save(volume, reading, saved.json["revision"])
    assert refused.status == 422 and "outside" in refused.json["what"]
    flat = page.save(volume, reading | {"points": {"N": {"at": [1.0, 1.0]}}}, saved.json["revision"])
    assert flat.status == 422 and "3 numbers" in flat.json["what"]


def test_a_volume_that_was_replaced_takes_no_marks(case: Path, page: Client) -> None:
    volume = address(page)
    page.get(volume)
    reading = page.post(f"{volume}/readings", {"observer": "KR"}) | {
        "points": {"N": {"at": [8.0, 10.0, 12.0]}}
    }
    nibabel.save(nibabel.Nifti1Image(ramp() + 1, np.eye(4)), case / "ct" / "head.nii.gz")
    assert page.save(volume, reading, None).json["conflict"] == "film"
    assert "landmarks" not in (case / "case.toml").read_text(encoding="utf-8")


def test_fractions_are_spread_over_the_greys(tmp_path: Path) -> None:
    root = make_case(tmp_path / "case", case=VOLUME)
    (root / "ct").mkdir()
    unit = (ramp().astype(np.float32) + 100) / 300
    nibabel.save(nibabel.Nifti1Image(unit, np.diag([-1.0, -1.0, 1.0, 1.0])), root / "ct" / "head.nii.gz")
    with serving(root) as page:
        volume = address(page)
        window = page.get(volume)["window"]
        assert window["data_high"] - window["data_low"] > 60000
        answer = page.ask("GET", f"{volume}/slice?centre=5,5,5&right=1,0,0&down=0,1,0&width=2&height=1&mm=1")
        first, second = np.frombuffer(answer.body, "<u2").astype(float)
        per_grey = (window["data_high"] - window["data_low"]) / float(unit.max() - unit.min())
        assert second - first == pytest.approx(3 / 300 * per_grey, abs=1.0)


def test_a_volume_that_cannot_be_read_is_a_problem(case: Path) -> None:
    (case / "ct" / "head.nii.gz").write_bytes(b"no volume")
    with serving(case) as page:
        (volume,) = page.get("/api/desk")["volumes"]
        assert volume["problem"]["remedy"]
        refused = page.ask("GET", f"/api/volumes/{volume['id']}")
        assert refused.status == 422 and json.loads(refused.body)["remedy"]
