"""From line integrals to a radiograph: noise, scatter, presentation, marker."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.core.errors import BadInput
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.simulate.exposure import (
    FULL_GREY,
    Beam,
    Detector,
    expected_counts,
    field_of,
    marker_glyph,
    marker_place_px,
    quantum_counts,
    radiograph,
)

SHAPE = (420, 360)
PLAIN = Beam(photons=1000.0, hardening=0.0, falloff=0.0, collimated=0.0)


def head() -> np.ndarray:
    """A disc of water with a denser ring, in air."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    radius = np.hypot(rows - 200, columns - 180)
    film = np.where(radius < 140, 3.0, 0.0) + np.where(np.abs(radius - 120) < 6, 1.0, 0.0)
    return film.astype(np.float32)


def frontal(sign: float) -> PinholeCamera:
    """Film from the front (sign -1: patient's right at the left of the film) or from behind."""
    return PinholeCamera(
        source_mm=np.array([-sign * 800.0, 0.0, 0.0]),
        centre_mm=np.array([sign * 200.0, 0.0, 0.0]),
        column_axis=np.array([0.0, 0.0, sign]),
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.full(2, 0.5),
        principal_px=np.zeros(2),
    )


def test_noise_is_of_poisson() -> None:
    n = 200_000
    counts = quantum_counts(np.full(n, 50.0, dtype=np.float32), np.random.default_rng(5)).astype(float)
    # Standard errors of mean and variance of a Poisson sample; four of them.
    assert counts.mean() == pytest.approx(50.0, abs=4 * np.sqrt(50.0 / n))
    assert counts.var() == pytest.approx(50.0, abs=4 * np.sqrt((50.0 + 2 * 50.0**2) / n))


def test_primary_beam_follows_the_law_of_attenuation() -> None:
    absorbed = np.full((8, 8), 2.0, dtype=np.float32)
    plain = Detector(scatter_fraction=0.0)
    counts = expected_counts(absorbed, PLAIN, plain, field_of(PLAIN, (8, 8)))
    assert counts == pytest.approx(1000 * np.exp(-2.0), rel=1e-5)
    harder = Beam(photons=1000.0, hardening=0.2, falloff=0.0, collimated=0.0)
    counts = expected_counts(absorbed, harder, plain, field_of(harder, (8, 8)))
    assert counts == pytest.approx(1000 * np.exp(-2.0 / 1.04), rel=1e-5)


def test_scatter_is_the_stated_share_and_smooth() -> None:
    absorbed = np.zeros((200, 200), dtype=np.float32)
    absorbed[40:160, 40:160] = 2.5
    beam_field = field_of(PLAIN, absorbed.shape)
    primary = expected_counts(absorbed, PLAIN, Detector(scatter_fraction=0.0), beam_field)
    veil = expected_counts(absorbed, PLAIN, Detector(scatter_fraction=0.4), beam_field) - primary
    from_patient = primary * (1 - np.exp(-absorbed))
    assert veil.mean() / (veil.mean() + from_patient.mean()) == pytest.approx(0.4, abs=1e-4)
    assert np.abs(np.diff(veil, axis=1)).max() < 0.1 * veil.max()


def test_film_is_twelve_bits_with_bone_bright_and_air_and_shutter_black() -> None:
    picture = radiograph(head(), rng=np.random.default_rng(1))
    assert picture.dtype == np.uint16
    assert picture.max() <= FULL_GREY
    assert picture[0].max() == 0 and picture[:, -1].max() == 0
    assert picture[20:60, 20:60].mean() < 0.1 * FULL_GREY
    ring, inside = picture[200 + 118 : 200 + 122, 178:182].mean(), picture[198:202, 178:182].mean()
    assert ring > inside > picture[20:60, 20:60].mean()


def test_same_generator_same_film() -> None:
    first, again, other = (radiograph(head(), rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_fewer_photons_more_noise() -> None:
    def noise(photons: float) -> float:
        quiet = {"detector": Detector(blur_px=0.0, detail=0.0), "beam": Beam(photons=photons)}
        one, two = (radiograph(head(), rng=np.random.default_rng(k), **quiet).astype(float) for k in (1, 2))
        return float((one - two)[190:210, 170:190].std())

    assert noise(2_000.0) > 2 * noise(50_000.0)


@pytest.mark.parametrize("letter", ["R", "L"])
def test_marker_can_be_read_where_it_was_put(letter: str) -> None:
    at = (50.0, 330.0)
    picture = radiograph(
        head(), rng=np.random.default_rng(1), marker=letter, marker_at_px=at, marker_height_px=60
    )
    around = (slice(285, 375), slice(5, 95))
    seen = picture[around].astype(float)
    other = "L" if letter == "R" else "R"

    def likeness(glyph: np.ndarray) -> float:
        return float(np.corrcoef(seen.ravel(), glyph[around].ravel())[0, 1])

    right = marker_glyph(SHAPE, letter, at, 60)
    mirrored = marker_glyph(SHAPE, letter, (SHAPE[1] - 1 - at[0], at[1]), 60)[:, ::-1]
    # Blur and the shading of the head beside it take the rest.
    assert likeness(right) > 0.75
    assert likeness(right) > likeness(mirrored) + 0.1
    assert likeness(right) > likeness(marker_glyph(SHAPE, other, at, 60)) + 0.1


def test_marker_belongs_on_the_side_of_the_patient() -> None:
    for sign, right_is_left in ((-1.0, True), (1.0, False)):
        column, row = marker_place_px(frontal(sign), SHAPE, "R")
        assert (column < SHAPE[1] / 2) == right_is_left
        assert 0 < row < SHAPE[0]
        opposite, _ = marker_place_px(frontal(sign), SHAPE, "L")
        assert (opposite < SHAPE[1] / 2) != right_is_left
    turned = marker_place_px(frontal(-1.0), SHAPE, "R", right_axis=np.array([0.0, 0.0, -1.0]))
    assert turned[0] > SHAPE[1] / 2


def test_film_says_that_it_is_simulated() -> None:
    stamp = radiograph(np.zeros(SHAPE, dtype=np.float32), rng=np.random.default_rng(1))
    corner = stamp[-60:, -120:]
    assert (corner > 0.8 * FULL_GREY).sum() > 30


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"marker": "X", "marker_at_px": (5, 5)}, "not a side"),
        ({"marker": "R"}, "no place"),
    ],
)
def test_marker_without_side_or_place_is_refused(options: dict[str, object], what: str) -> None:
    with pytest.raises(BadInput, match=what):
        radiograph(head(), rng=np.random.default_rng(1), **options)


def test_impossible_exposures_are_refused() -> None:
    with pytest.raises(BadInput, match="photon"):
        Beam(photons=0.0)
    with pytest.raises(BadInput, match="scattered"):
        Detector(scatter_fraction=1.0)
