"""From greys to the log image: its size for each kind, what is left out, and where reduced pixels lie."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlasplane.core.errors import BadInput
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.simulate.exposure import Beam, Detector, expected_counts, field_of, quantum_counts, radiograph
from atlasplane.xray.film_signal import FilmSignal, film_pixels, film_signal, reduced, reduced_camera

SHAPE = (250, 210)
ROW, COLUMN = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
HEAD = 3.0 * np.exp(-((((COLUMN - 105) / 55) ** 2 + ((ROW - 120) / 80) ** 2) ** 3))
NECK = 2.0 * (np.abs(COLUMN - 105) < 45) * (ROW > 130)
THICKNESS = np.maximum(HEAD, NECK).astype(np.float32)
BONE = np.hypot(COLUMN - 105, ROW - 110) < 50


def counts(rng: np.random.Generator, **beam: float) -> np.ndarray:
    source, detector = Beam(**beam), Detector()
    expected = expected_counts(THICKNESS, source, detector, field_of(source, SHAPE))
    return quantum_counts(expected, rng).astype(np.uint16)


def test_counts_give_the_line_integral():
    # Without scatter, hardening and fall-off: -ln of the transmitted share, the open field being 1.
    pixels = 40_000.0 * np.exp(-THICKNESS)
    signal = film_signal(pixels, kind="counts", bright_bone=False)
    assert signal.valid[BONE].all()
    assert np.max(np.abs(signal.log_image - THICKNESS)) < 1e-5
    turned = film_signal(pixels.max() - pixels, kind="counts", bright_bone=True)
    # Turned about the highest count, which differs from zero count by the darkest place.
    assert np.max(np.abs(np.exp(-turned.log_image) - np.exp(-THICKNESS))[turned.valid]) < 1.1 * np.exp(-3)


def test_log_values_are_taken_as_they_are():
    assert np.array_equal(film_signal(THICKNESS, kind="log", bright_bone=True).log_image, THICKNESS)
    assert np.array_equal(film_signal(THICKNESS, kind="log", bright_bone=False).log_image, -THICKNESS)
    assert film_signal(THICKNESS, kind="log", bright_bone=True).valid.all()


@settings(max_examples=15)
@given(scale=st.floats(0.1, 50), shift=st.floats(-100, 1000))
def test_greys_for_viewing_are_scaled_whatever_their_unit(scale, shift):
    greys = (THICKNESS + 0.1 * np.sin(COLUMN / 7))[::4, ::4]
    first = film_signal(greys, kind="presentation", bright_bone=True)
    other = film_signal(greys * scale + shift, kind="presentation", bright_bone=True)
    inverted = film_signal(shift - greys * scale, kind="presentation", bright_bone=False)
    # Single precision of greys of up to 1100 over a range of at least 0.3.
    tolerance = 1100 * 2**-23 / min(0.3, 3 * scale) * 4
    assert np.max(np.abs(first.log_image - other.log_image)) < tolerance
    assert np.max(np.abs(first.log_image - inverted.log_image)) < tolerance
    low, high = np.percentile(first.log_image[first.valid], [1, 99])
    assert (low, high) == pytest.approx((0, 1), abs=1e-5)


@pytest.mark.parametrize("kind", ["counts", "log"])
def test_an_open_film_raises_no_false_alarm(kind):
    noisy = counts(np.random.default_rng(1), collimated=0.0)
    pixels = noisy if kind == "counts" else -np.log(np.maximum(noisy, 1) / 25_000)
    signal = film_signal(pixels, kind=kind, bright_bone=kind == "log")
    assert signal.valid.all() and signal.note == ""


@pytest.mark.parametrize("kind", ["counts", "log"])
@pytest.mark.parametrize("side", range(4))
def test_an_unpainted_shutter_is_left_out(kind, side):
    border, rng = 12, np.random.default_rng(2)
    noisy = np.rot90(counts(rng, collimated=0.0), -side).copy()
    # Behind the collimator scatter alone: an eighth of the open field.
    noisy[:border] = rng.poisson(3000, noisy[:border].shape)
    noisy = np.rot90(noisy, side)
    pixels = noisy if kind == "counts" else -np.log(np.maximum(noisy, 1) / 25_000)
    valid = np.rot90(film_signal(pixels, kind=kind, bright_bone=kind == "log").valid, -side)
    assert not valid[:border].any()
    # A penumbra of six pixels is left out with it, and no more.
    assert valid[border + 6 :].all()


def test_the_shutter_of_a_simulated_detector_is_left_out():
    signal = film_signal(counts(np.random.default_rng(3), collimated=0.03), kind="counts", bright_bone=False)
    # 0.03 of 210 px is a border of 6; a step is looked for over 6 px.
    assert not signal.valid[:5].any() and not signal.valid[:, -5:].any()
    assert signal.valid[15:-15, 15:-15].all()
    assert "shutter" in signal.note


def test_letters_and_a_painted_shutter_are_left_out():
    film = radiograph(
        np.kron(THICKNESS, np.ones((2, 2), dtype=np.float32)),
        rng=np.random.default_rng(4),
        marker="R",
        marker_at_px=(380.0, 390.0),
        marker_height_px=40.0,
    )
    signal = film_signal(film, kind="presentation", bright_bone=True)
    assert not signal.valid[0].any() and not signal.valid[:, -1].any()
    # The letter's strokes are white, and all of them are left out.
    letter = film[370:411, 360:401] == film.max()
    assert letter.sum() > 100 and not signal.valid[370:411, 360:401][letter].any()
    assert signal.valid[2 * 80 : 2 * 140, 2 * 70 : 2 * 140].mean() > 0.99
    assert "clipped" in signal.note


def test_a_lossy_painted_border_is_left_out():
    rng = np.random.default_rng(5)
    greys = (500 + 900 * THICKNESS + rng.normal(0, 20, SHAPE)).astype(np.int32)
    greys[:20] = np.maximum(rng.normal(0, 3, greys[:20].shape), 0).astype(np.int32)
    valid = film_signal(greys, kind="presentation", bright_bone=True).valid
    assert not valid[:20].any() and valid[23:].all()


def test_saturated_air_is_left_out_and_single_pixels_at_the_end_are_not():
    noisy = np.minimum(counts(np.random.default_rng(6), collimated=0.0), 22_000)
    air = noisy == 22_000
    valid = film_signal(noisy, kind="counts", bright_bone=False).valid
    assert air.mean() > 0.3 and not valid[air].any()
    assert valid[BONE].all()
    few = counts(np.random.default_rng(6), collimated=0.0)
    few[5, 5:8] = few.max()
    assert film_signal(few, kind="counts", bright_bone=False).valid.all()


def test_what_is_no_number_is_left_out():
    pixels = THICKNESS.copy()
    pixels[30:40, 50] = np.nan
    signal = film_signal(pixels, kind="log", bright_bone=True)
    assert np.array_equal(signal.valid, np.isfinite(pixels))
    assert np.all(np.isfinite(signal.log_image))


@pytest.mark.parametrize(
    ("pixels", "kind", "words"),
    [
        (THICKNESS, "greys", "no kind of grey"),
        (np.zeros((4, 4, 3)), "log", "shape"),
        (np.full((9, 9), 7), "presentation", "one grey"),
        (np.full((9, 9), np.nan), "log", "one grey"),
        (np.kron([[0, 9], [9, 0]], np.ones((9, 9))), "presentation", "shutter, clipped or empty"),
    ],
)
def test_a_film_without_a_signal_is_named(pixels, kind, words):
    with pytest.raises(BadInput, match=rf"^lateral\.dcm: .*{words}"):
        film_signal(pixels, kind=kind, bright_bone=True, file="lateral.dcm")


def test_a_reduced_pixel_is_the_mean_of_its_block_and_looks_where_its_block_does():
    image = np.arange(7 * 10, dtype=np.float32).reshape(7, 10)
    valid = np.ones((7, 10), dtype=bool)
    valid[0, 0] = valid[3:6, 3:5] = False
    small = reduced(FilmSignal(log_image=image, valid=valid), 3)
    assert small.log_image.shape == (2, 3) and small.pixel_step == 3
    assert small.log_image[0, 1] == image[0:3, 3:6].mean()
    assert small.log_image[0, 0] == pytest.approx(image[0:3, 0:3].ravel()[1:].mean(), rel=1e-6)
    # Three of nine pixels are left of the block in the middle: fewer than half.
    assert small.valid.tolist() == [[True, True, True], [True, False, True]]
    assert small.log_image[1, 1] == 0
    # A plane's mean is its value at the middle of the block.
    at = film_pixels(np.array([2.0, 0.0]), 3)
    assert at.tolist() == [7.0, 1.0] and small.log_image[0, 2] == image[1, 7]
    assert reduced(reduced(FilmSignal(log_image=image, valid=valid), 1), 3).pixel_step == 3
    with pytest.raises(ValueError, match="reduced by 8"):
        reduced(small, 8)


@settings(max_examples=15)
@given(step=st.integers(1, 9), first=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_the_reduced_camera_is_exact(step, first):
    camera = PinholeCamera(
        source_mm=np.array([10.0, 20.0, -900.0]),
        centre_mm=np.array([0.0, 5.0, 300.0]),
        column_axis=np.array([1.0, 0.0, 0.0]),
        row_axis=np.array([0.0, 1.0, 0.0]),
        pitch_mm=np.array([0.14, 0.15]),
        principal_px=np.array([512.3, 700.8]),
    )
    pixels = np.array([[0.0, 0.0], [13.0, 7.0], [-2.5, 31.25]])
    small = reduced_camera(camera, step, first_px=first)
    expected = camera.detector_points_mm(film_pixels(pixels, step) + first)
    # Millimetres of up to 1000 in double precision.
    assert np.max(np.abs(small.detector_points_mm(pixels) - expected)) < 1e-10
