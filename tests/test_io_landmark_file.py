"""Landmark files: identity of writing and reading, and every way in which one can be wrong."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlasplane.core.errors import BadFile, BadInput, BadLandmarks
from atlasplane.io.digest import sha256_of
from atlasplane.io.landmark_file import MarkedImage, read_landmarks, write_landmarks
from atlasplane.sources.reading import MarkedContour, MarkedPoint, Reading
from tests.bad_input.cases import SHAPE, image, landmark_text

DIGEST = "0" * 64
NUMBERS = st.floats(-1e6, 1e6)
POINT_IDS = ("PL_R", "PL_L", "C7_C", "OD_BASE", "TP_R")
CONTOUR_IDS = ("SKULL_R", "SKULL_L", "COND_R")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | NUMBERS | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


def covariances(size: int) -> st.SearchStrategy[np.ndarray | None]:
    spread = st.lists(st.floats(0.01, 100), min_size=size, max_size=size)
    turned = st.floats(-0.9, 0.9)

    def build(sd: list[float], correlation: float) -> np.ndarray:
        cov = np.diag(np.square(sd))
        cov[0, 1] = cov[1, 0] = correlation * sd[0] * sd[1]
        return cov

    return st.one_of(st.none(), st.builds(build, spread, turned))


def readings(size: int) -> st.SearchStrategy[list[Reading]]:
    at = st.lists(NUMBERS, min_size=size, max_size=size).map(np.array)
    line = st.lists(st.lists(NUMBERS, min_size=size, max_size=size), min_size=2, max_size=4).map(np.array)
    points = st.dictionaries(st.sampled_from(POINT_IDS), st.builds(MarkedPoint, at, covariances(size)))
    sd = st.one_of(st.none(), st.floats(0.01, 10))
    contours = st.dictionaries(st.sampled_from(CONTOUR_IDS), st.builds(MarkedContour, line, sd))
    offsets = st.integers(-720, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    one = st.builds(
        Reading,
        id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
        observer=st.just("KR"),
        time=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=offsets),
        tool=st.just("mark/1.0"),
        blinded=st.booleans(),
        points=points,
        contours=contours,
        not_visible=st.frozensets(st.sampled_from(("BA", "OP"))),
        x=st.dictionaries(st.text(max_size=4), JSON_VALUES, max_size=3),
    )
    return st.lists(one, max_size=3, unique_by=lambda reading: reading.id)


def plain(reading: Reading) -> object:
    return (
        reading.id,
        reading.observer,
        reading.time,
        reading.tool,
        reading.blinded,
        {
            id_: (p.at.tolist(), None if p.cov is None else p.cov.tolist())
            for id_, p in reading.points.items()
        },
        {id_: (c.at.tolist(), c.sd) for id_, c in reading.contours.items()},
        reading.not_visible,
        dict(reading.x),
    )


@pytest.mark.parametrize(("size", "space"), [(2, "pixel"), (3, "lps_mm")])
def test_what_is_written_is_read_back(tmp_path: Path, size: int, space: str) -> None:
    @given(readings(size))
    def check(some: list[Reading]) -> None:
        write_landmarks(tmp_path / "l.json", some, image_file="a.png", sha256=DIGEST, space=space)
        back = read_landmarks(tmp_path / "l.json")
        assert [plain(reading) for reading in back] == [plain(reading) for reading in some]
        first = (tmp_path / "l.json").read_bytes()
        write_landmarks(tmp_path / "l.json", back, image_file="a.png", sha256=DIGEST, space=space)
        assert (tmp_path / "l.json").read_bytes() == first

    check()


def test_the_example_of_the_interface_is_read(tmp_path: Path) -> None:
    example = """{"schema": "atlasplane.landmarks/1",
      "image": {"file": "nasium.dcm", "sha256": "%s"}, "space": "pixel",
      "readings": [{"id": "r1", "observer": "KR", "time": "2026-03-02T10:00:00+01:00", "tool": "mark/1.0",
      "blinded": false,
      "points": {"PL_R": {"at": [1210.4, 903.2], "cov": [[2.1, 0], [0, 2.1]]}, "C7_C": {"visible": false}},
      "contours": {"SKULL_R": [[1500.1, 210.0], [1502.0, 240.5]]}}]}"""
    (tmp_path / "l.json").write_text(example % DIGEST)
    (reading,) = read_landmarks(tmp_path / "l.json")
    assert reading.time == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert reading.points["PL_R"].at.tolist() == [1210.4, 903.2]
    assert reading.not_visible == {"C7_C"}
    assert reading.contours["SKULL_R"].at.shape == (2, 2)


def read_one(
    tmp_path: Path, points: str = '{"PL_R": {"at": [1, 1]}}', **changes: object
) -> tuple[Reading, ...]:
    picture = image(tmp_path / "nasium.png")
    (tmp_path / "l.json").write_text(landmark_text(picture, points, **changes))
    marked = MarkedImage(sha256=sha256_of(picture), size=(SHAPE[1], SHAPE[0]))
    return read_landmarks(tmp_path / "l.json", name="l.json", image=marked)


@pytest.mark.parametrize(
    ("points", "what", "remedy"),
    [
        ('{"PL_R": {"at": [1, 1]}, "PL_R": {"at": [2, 2]}}', "'PL_R' is given twice", "Keep one"),
        ('{"PLR": {"at": [1, 1]}}', "unknown landmark 'PLR'", "'PL_R'"),
        ('{"PL": {"at": [1, 1]}}', "unknown landmark 'PL'", "PL_R or PL_L"),
        ('{"@": {"at": [1, 1]}}', "unknown landmark '@'", "catalogue"),
        ('{"SKULL_R": {"at": [1, 1]}}', "is a contour, but is given as a point", "contours"),
        ('{"PL_R": {"at": [59.6, 1]}}', r"at \(59.6, 1\) lies outside the image \(60 x 40\)", "exchanged"),
        ('{"PL_R": {"at": [1, -0.6]}}', "lies outside", ""),
        ('{"PL_R": {"at": [1, 1, 1]}}', "needs 2 numbers", ""),
        ('{"PL_R": {"at": [1]}}', r"points\.PL_R\.at", ""),
        ('{"PL_R": {"at": ["1", 1]}}', r"points\.PL_R\.at\[0\]", ""),
        ('{"PL_R": {}}', "has no 'at'", ""),
        ('{"PL_R": {"at": [1, 1], "visible": false}}', "not visible, but has a place", ""),
        ('{"PL_R": {"at": [1e999, 1]}}', "not a number", ""),
        ('{"PL_R": {"at": [1, 1], "cov": [[1, 2], [2, 1]]}}', "positive definite", ""),
        ('{"PL_R": {"at": [1, 1], "cov": [[1, 0.5], [0, 1]]}}', "symmetric", ""),
        ('{"PL_R": {"at": [1, 1], "cov": [[0, 0], [0, 0]]}}', "positive definite", ""),
        ('{"PL_R": {"at": [1, 1], "cov": [[1, 0], [0, 1], [0, 0]]}}', "does not fit", ""),
        ('{"PL_R": {"at": [1, 1], "covv": 1}}', r"unknown key 'readings\[0\]\.points\.PL_R\.covv'", "'cov'"),
    ],
)
def test_an_impossible_point_is_refused(tmp_path: Path, points: str, what: str, remedy: str) -> None:
    with pytest.raises(BadLandmarks, match=what) as failed:
        read_one(tmp_path, points)
    assert remedy in failed.value.remedy
    assert failed.value.file == "l.json"


def test_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="NaN"):
        read_one(tmp_path, '{"PL_R": {"at": [NaN, 1]}}')


def test_the_outer_half_of_the_border_pixels_is_inside(tmp_path: Path) -> None:
    (reading,) = read_one(tmp_path, '{"PL_R": {"at": [-0.5, -0.5]}, "PL_L": {"at": [59.5, 39.5]}}')
    assert set(reading.points) == {"PL_R", "PL_L"}


def one_reading(**more: object) -> list[dict[str, object]]:
    return [{"id": "r1", "observer": "KR", "time": "2026-03-02T10:00:00+01:00", "tool": "t", **more}]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"image": {"file": "old.png", "sha256": DIGEST}}, "belongs to another image.*old.png"),
        ({"image": {"file": "old.png", "sha256": "12"}}, r"image\.sha256"),
        ({"space": "lps_mm"}, "space 'lps_mm', expected 'pixel'"),
        ({"readings": one_reading() * 2}, "reading 'r1' is given twice"),
        ({"readings": one_reading(contours={"SKULL_R": [[1, 1]]})}, r"contours\.SKULL_R"),
        ({"readings": one_reading(contours={"SKULL_R": [[1, 1], [1, 99]]})}, "outside"),
        (
            {"readings": one_reading(contours={"PL_R": [[1, 1], [1, 2]]})},
            "is a point, but is given as a contour",
        ),
        ({"readings": one_reading(contour_sd={"SKULL_R": 1.0})}, "has no contour"),
        ({"readings": one_reading(time="2026-03-02T10:00:00")}, "offset"),
    ],
)
def test_an_impossible_reading_is_refused(tmp_path: Path, changes: dict[str, object], what: str) -> None:
    with pytest.raises(BadLandmarks, match=what):
        read_one(tmp_path, **changes)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "l.json").write_text(json.dumps({"schema": "atlasplane.labs/1"}))
    with pytest.raises(BadInput, match=r"expected 'atlasplane\.landmarks/1'"):
        read_landmarks(tmp_path / "l.json")


def test_points_of_a_volume_are_held_against_its_grid(tmp_path: Path) -> None:
    affine = np.diag([2.0, 2.0, 1.0, 1.0])
    affine[:3, 3] = (-10, -10, 100)
    marked = MarkedImage(sha256=DIGEST, size=(10, 10, 10), index_from_lps=np.linalg.inv(affine))
    time = datetime(2026, 3, 2, tzinfo=UTC)
    for z, inside in ((109.4, True), (109.6, False)):
        reading = Reading(
            id="r", observer="o", time=time, tool="t", points={"TP_R": MarkedPoint(np.array([0.0, 0.0, z]))}
        )
        write_landmarks(tmp_path / "l.json", [reading], image_file="ct", sha256=DIGEST, space="lps_mm")
        if inside:
            assert read_landmarks(tmp_path / "l.json", image=marked)[0].points["TP_R"].at[2] == z
        else:
            with pytest.raises(BadLandmarks, match="outside"):
                read_landmarks(tmp_path / "l.json", image=marked)
