"""Noise of a stated spectrum: the formula, the samples, and that pieces fit together."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, signal

from atlasplane.simulate.recording_plan import RecorderNoise, Spectrum
from atlasplane.simulate.semg_spectrum import (
    OVERLAP,
    PIECE,
    Floats,
    between_steps,
    coloured_noise,
    recorder_density,
    shwedyk_density,
    slow_wave,
    steps_of_piece,
)

RATE_HZ = 2000.0
PIECES = 20
SECONDS = PIECES * PIECE / RATE_HZ


def shwedyk(frequency_hz: Floats) -> Floats:
    return shwedyk_density(frequency_hz, Spectrum())


def made(pieces: int = PIECES, key: int = 7) -> Floats:
    noise = coloured_noise(shwedyk, RATE_HZ, key)
    return np.concatenate([noise.piece(k) for k in range(pieces)]).astype(float)


@pytest.mark.parametrize(("low", "high"), [(60.0, 120.0), (35.0, 80.0), (50.0, 50.0)])
def test_the_density_of_a_muscle_has_unit_power(low: float, high: float) -> None:
    power, error = integrate.quad(shwedyk_density, 0, np.inf, args=(Spectrum(low_hz=low, high_hz=high),))
    assert power == pytest.approx(1, abs=10 * error)


def test_the_density_is_the_published_formula() -> None:
    # fl = 60, fh = 120 worked by hand: k fh^4 f^2 / ((f^2 + fl^2) (f^2 + fh^2)^2) at f = 60 and 120 Hz.
    at_60 = 120**4 * 60**2 / ((60**2 + 60**2) * (60**2 + 120**2) ** 2)
    at_120 = 120**4 * 120**2 / ((120**2 + 60**2) * (120**2 + 120**2) ** 2)
    density = shwedyk(np.array([0.0, 60.0, 120.0]))
    assert density[0] == 0
    assert density[1] / density[2] == pytest.approx(at_60 / at_120, rel=1e-12)


def test_the_density_peaks_where_its_derivative_vanishes() -> None:
    # d/df ln S = 0 gives 2 f^4 + fl^2 f^2 - fl^2 fh^2 = 0; fl = 60, fh = 120: f^2 = 4269.9, f = 65.34 Hz.
    frequency = np.arange(1, 500, 0.01)
    assert frequency[np.argmax(shwedyk(frequency))] == pytest.approx(65.34, abs=0.02)


@pytest.mark.parametrize(("low", "high"), [(20, 60), (60, 100), (100, 150), (150, 250), (250, 450)])
def test_samples_have_the_density_in_every_band(low: float, high: float) -> None:
    frequency, density = signal.periodogram(made(), RATE_HZ, window="hann")
    band = (frequency >= low) & (frequency < high)
    measured = density[band].sum() * frequency[1]
    planned, _ = integrate.quad(lambda f: float(shwedyk(np.array([f]))[0]), low, high)
    # A band of width B over T seconds has 2 B T degrees of freedom, 1.5 times fewer through the window; the
    # density changes within the band, which halves their number at worst.
    free = 2 * (high - low) * SECONDS / 1.5 / 2
    assert measured == pytest.approx(planned, rel=5 * math.sqrt(2 / free))


def test_variance_is_the_same_where_pieces_fade_into_each_other() -> None:
    pieces = made(400).reshape(400, PIECE)
    fading = pieces[:, :OVERLAP]
    # The bandwidth (integral S)^2 / integral S^2 gives the free values of a mean square: 2 W T.
    spread, _ = integrate.quad(lambda f: float(shwedyk(np.array([f]))[0]) ** 2, 0, 1000)
    free = 2 * fading.size / RATE_HZ / spread
    assert np.mean(fading**2) == pytest.approx(1, rel=5 * math.sqrt(2 / free) + 0.01)


def test_noise_is_gaussian() -> None:
    samples = made()[::40]  # 20 ms apart: as good as independent
    kurtosis = np.mean(samples**4) / np.mean(samples**2) ** 2
    assert kurtosis == pytest.approx(3, abs=5 * math.sqrt(24 / len(samples)))


def test_a_piece_does_not_depend_on_what_was_made_before() -> None:
    first, second = coloured_noise(shwedyk, RATE_HZ, 3, 1), coloured_noise(shwedyk, RATE_HZ, 3, 1)
    forward = [first.piece(k) for k in (0, 1, 2, 3)]
    backward = [second.piece(k) for k in (3, 1, 2, 0)]
    for ahead, back in zip(forward, [backward[3], backward[1], backward[2], backward[0]], strict=True):
        np.testing.assert_array_equal(ahead, back)


def test_pieces_and_keys_are_unlike() -> None:
    # Independent noise of n free values correlates by 1 / sqrt(n).
    a, b = made(2, key=1), made(2, key=2)
    limit = 5 / math.sqrt(2 * 200 * 2 * PIECE / RATE_HZ)
    assert abs(np.corrcoef(a, b)[0, 1]) < limit
    assert abs(np.corrcoef(a[:PIECE], a[PIECE:])[0, 1]) < limit * math.sqrt(2)


@pytest.mark.parametrize("rate_hz", [1000.0, 2000.0, 4000.0])
def test_a_recorder_has_its_noise_between_20_and_450_hz(rate_hz: float) -> None:
    noise = RecorderNoise(rms_uV=3.0, corner_hz=15.0)
    frequency = np.linspace(20, 450, 100_001)
    power = integrate.trapezoid(recorder_density(frequency, noise, rate_hz / 2), frequency)
    assert math.sqrt(power) == pytest.approx(3.0, rel=1e-6)


def test_a_recorder_is_as_loud_at_the_corner_in_both_parts() -> None:
    density = recorder_density(np.array([0.0, 15.0, 1e9]), RecorderNoise(corner_hz=15.0), 500)
    assert density[0] == 0
    assert density[1] == pytest.approx(2 * density[2], rel=1e-6)


@pytest.mark.parametrize("rate_hz", [1000.0, 10_000 / 9, 58_000 / 27, 4000.0])
@pytest.mark.parametrize("longest_s", [0.004, 0.01, 0.25])
def test_steps_fill_a_piece_with_whole_samples(rate_hz: float, longest_s: float) -> None:
    n = steps_of_piece(rate_hz, longest_s)
    assert PIECE % n == 0
    assert PIECE / n / rate_hz <= longest_s + 1 / rate_hz


def test_lines_between_steps_are_straight() -> None:
    ends = np.array([0.0, 2.0, 1.0, 1.0])
    samples = between_steps(ends)
    places = np.arange(PIECE) * 3 / PIECE
    np.testing.assert_allclose(samples, np.interp(places, [0, 1, 2, 3], ends), atol=1e-6)


def test_a_slow_wave_has_unit_variance_and_no_mean() -> None:
    wave = slow_wave(np.random.default_rng(4), 0.05, 1.2)
    values = wave.at(np.arange(0, 20_000, 0.1))
    # Cosines over T seconds: means of at most 1 / (pi f T) each.
    assert np.mean(values) == pytest.approx(0, abs=6 / (math.pi * 0.05 * 20_000))
    assert np.var(values) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("edges", [(0.0, 100.0), (120.0, 60.0)])
def test_edges_of_a_spectrum_must_be_in_order(edges: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="low_hz"):
        Spectrum(low_hz=edges[0], high_hz=edges[1])


@pytest.mark.parametrize("noise", [{"rms_uV": 0.0}, {"corner_hz": -1.0}, {"drift": 0.6}])
def test_impossible_noise_is_refused(noise: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="rms_uV > 0"):
        RecorderNoise(**noise)
