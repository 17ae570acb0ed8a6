"""Free lines and scales by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.core.calibration import UNCALIBRATED, Calibration, CalibrationKind
from atlasplane.core.errors import BadInput
from atlasplane.pathways.alignment.free_lines import angle_between, length_of, scale_from
from atlasplane.sources.film import ImageDirection, Radiograph, Technique, View

END_MM = 0.2
"""Default placing error of the catalogue."""
MAGNIFICATION = 1.25


def film(calibration: Calibration, technique: Technique | None = None) -> Radiograph:
    return Radiograph(
        file="nasium.png",
        sha256="0" * 64,
        view=View.NASIUM,
        shape=(1000, 1000),
        load_pixels=lambda: np.zeros((1000, 1000), np.uint16),
        patient_right=ImageDirection.LEFT,
        calibration=calibration,
        technique=technique,
    )


def scaled(kind: CalibrationKind, *mm_per_px: float, u_rel: float = 0.01) -> Calibration:
    return Calibration(kind=kind, mm_per_px=(mm_per_px[0], mm_per_px[-1]), u_rel=u_rel)


OBJECT = film(scaled(CalibrationKind.SID_SOD, 0.2), Technique(sid_mm=1000.0, sod_mm=800.0))
LEVEL = np.array([[0.0, 0.0], [100.0, 0.0]])


@pytest.mark.parametrize(
    ("line", "degrees"),
    [
        ([[0, 0], [100, 100]], 45.0),
        ([[100, 100], [0, 0]], 45.0),
        ([[0, 0], [-100, 100]], 45.0),
        ([[5, 5], [5, 80]], 90.0),
        ([[0, 0], [-50, 0]], 0.0),
        ([[0, 0], [3, 4]], 53.13010235415598),
    ],
)
def test_an_angle_does_not_know_how_its_lines_were_drawn(line: list[list[float]], degrees: float) -> None:
    assert angle_between(OBJECT, LEVEL, np.array(line, float)).value == pytest.approx(degrees, abs=1e-9)


def test_an_angle_s_error_is_that_of_four_ends() -> None:
    # 100 px and 50 px of 0.2 mm: 20 and 10 mm; an end is off by 0.2 / 1.25 mm at the object.
    end = END_MM / MAGNIFICATION
    expected = math.degrees(math.hypot(math.sqrt(2) * end / 20, math.sqrt(2) * end / 10))
    found = angle_between(OBJECT, LEVEL, np.array([[0.0, 0.0], [0.0, 50.0]]))
    assert found.u == pytest.approx(expected, rel=1e-12)


def test_pixels_that_are_not_square_are_not_taken_for_square() -> None:
    tall = film(scaled(CalibrationKind.SID_SOD, 0.1, 0.2))
    found = angle_between(tall, LEVEL, np.array([[0.0, 0.0], [100.0, 100.0]]))
    assert found.value == pytest.approx(math.degrees(math.atan(2)), abs=1e-9)


def test_a_length_carries_scale_and_ends() -> None:
    found = length_of(OBJECT, np.array([[0.0, 0.0], [300.0, 400.0]]))
    assert found is not None and found.value == pytest.approx(100.0)
    assert found.u == pytest.approx(math.hypot(100 * 0.01, math.sqrt(2) * END_MM / MAGNIFICATION), rel=1e-12)


def test_at_the_detector_ends_are_not_magnified() -> None:
    detector = film(scaled(CalibrationKind.DETECTOR_PLANE_ONLY, 0.2, u_rel=0.0))
    found = length_of(detector, np.array([[0.0, 0.0], [300.0, 400.0]]))
    assert found is not None and found.u == pytest.approx(math.sqrt(2) * END_MM, rel=1e-12)


def test_without_a_scale_there_is_no_length_and_no_error() -> None:
    bare = film(UNCALIBRATED)
    assert length_of(bare, LEVEL) is None
    assert angle_between(bare, LEVEL, np.array([[0.0, 0.0], [9.0, 9.0]])).u is None


@pytest.mark.parametrize(
    "call", [lambda line: length_of(OBJECT, line), lambda line: angle_between(OBJECT, LEVEL, line)]
)
def test_a_line_without_length_is_refused(call: object) -> None:
    with pytest.raises(BadInput, match="one place"):
        call(np.array([[3.0, 3.0], [3.0, 3.0]]))  # type: ignore[operator]


def test_a_scale_from_an_inch() -> None:
    line = np.array(
        [[10.0, 10.0], [10.0 + 3 * 40, 10.0 + 4 * 20]]
    )  # 200 columns long where rows are twice as high
    found = scale_from(OBJECT, line, length_mm=25.4, u_length_mm=0.1, at_object=True, pixel_aspect=2.0)
    assert found.kind is CalibrationKind.USER_FIDUCIAL
    assert found.mm_per_px == pytest.approx((0.127, 0.254), rel=1e-12)
    assert found.u_rel == pytest.approx(
        math.hypot(0.1, math.sqrt(2) * END_MM / MAGNIFICATION) / 25.4, rel=1e-12
    )


def test_an_object_on_the_detector_gives_the_detector_s_scale() -> None:
    found = scale_from(OBJECT, LEVEL, length_mm=10.0, u_length_mm=0.0, at_object=False, pixel_aspect=1.0)
    assert found.kind is CalibrationKind.DETECTOR_PLANE_ONLY
    assert found.u_rel == pytest.approx(math.sqrt(2) * END_MM / 10.0, rel=1e-12)


def test_an_object_that_is_shorter_than_its_error_is_no_scale() -> None:
    with pytest.raises(BadInput, match="too short"):
        scale_from(OBJECT, LEVEL, length_mm=0.2, u_length_mm=0.0, at_object=True, pixel_aspect=1.0)
