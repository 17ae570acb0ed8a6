"""Filters: gain, phase, power of noise, and the causal ones block by block."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import signal

from atlasplane.signals.filters import band_pass, causal, filtered, low_pass, upper_edge_hz
from tests.signal_cases import muscle, white


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260301)


RATES_HZ = (1000.0, 1111.11, 1259.26, 1481.48, 1925.9, 2000.0, 2148.15, 4000.0)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("zero_phase", [True, False])
def test_half_the_power_passes_at_both_edges(rate_hz: float, zero_phase: bool) -> None:
    band = band_pass(rate_hz, 20, 440, zero_phase=zero_phase)
    # Each edge feels the other filter's skirt, 22 times away: its gain there differs from 1 by
    # less than (20 / 440)^8, times the warping of the frequency axis near half the rate.
    assert band.gain(np.array([20.0, 440.0])) == pytest.approx([math.sqrt(0.5)] * 2, abs=1e-6)
    assert band.gain(np.array([100.0])) == pytest.approx(1.0, abs=2e-4)


def test_the_gain_falls_by_48_decibels_an_octave() -> None:
    band = band_pass(2000, 20, 450, zero_phase=True)
    ratio = band.gain(np.array([2.5, 5.0]))
    # Butterworth, order 4, twice: f^8 far below the edge, over 1 + (f / fc)^8 with (5 / 18)^8 = 4e-5.
    assert 20 * math.log10(ratio[1] / ratio[0]) == pytest.approx(8 * 20 * math.log10(2), abs=0.02)


@pytest.mark.parametrize("frequency_hz", [10.0, 20.0, 100.0, 300.0, 450.0, 600.0])
def test_a_wave_keeps_its_phase_and_has_the_gain_stated(frequency_hz: float) -> None:
    band = band_pass(2000, 20, 450, zero_phase=True)
    time = np.arange(8000) / 2000
    wave = np.cos(2 * np.pi * frequency_hz * time + 0.3).astype(np.float32)
    inner = slice(band.settle, -band.settle)
    expected = band.gain(np.array(frequency_hz)) * wave[inner]
    # What a lane forgets of its start, and rounding of samples of size 1 between the two runs.
    assert filtered(wave, band)[inner] == pytest.approx(expected, abs=3e-5)


def test_it_is_the_filter_of_scipy_run_forwards_and_backwards(rng: np.random.Generator) -> None:
    band = band_pass(2000, 20, 450, zero_phase=True)
    samples = white(rng, 20011, 10) + np.float32(500)
    inner = slice(band.settle, -band.settle)
    peer = signal.sosfiltfilt(band.sections, samples.astype(float))[inner]
    assert filtered(samples, band)[inner] == pytest.approx(peer, abs=2e-4)


def test_an_offset_and_a_slow_ramp_leave_nothing() -> None:
    band = band_pass(2000, 20, 450, zero_phase=True)
    ramp = (5e4 + np.arange(20000) * 0.01).astype(np.float32)
    # float32 holds 5e4 to 0.002; differences of such samples are what the filter is given.
    assert np.abs(filtered(ramp, band)[band.settle : -band.settle]).max() < 0.01


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_white_noise_leaves_the_power_of_the_band(rng: np.random.Generator, rate_hz: float) -> None:
    band = band_pass(rate_hz, 20, 450 if rate_hz > 1000 else 440, zero_phase=True)
    n = 400_000
    power = float(np.mean(filtered(white(rng, n, 3), band).astype(float) ** 2))
    expected = 9 * band.noise_bandwidth_hz / (rate_hz / 2)
    # Mean of 2 B T degrees of freedom: relative standard deviation 1 / sqrt(B T); four of them.
    assert power == pytest.approx(expected, rel=4 / math.sqrt(band.statistical_bandwidth_hz * n / rate_hz))


def test_a_surface_electromyogram_is_kept(rng: np.random.Generator) -> None:
    band = band_pass(2000, 20, 450, zero_phase=True)
    samples = muscle(rng, 400_000, 2000, 20)
    kept = filtered(samples, band)
    assert kept.std() / samples.std() >= 0.97
    assert abs(_median_hz(kept) - _median_hz(samples)) < 2


def _median_hz(samples: np.ndarray) -> float:
    frequency, power = signal.welch(samples, 2000, nperseg=8192)
    return float(np.interp(0.5, np.cumsum(power) / power.sum(), frequency))


def test_low_pass_keeps_the_offset(rng: np.random.Generator) -> None:
    lower = low_pass(250, 20, zero_phase=True)
    step = np.full(2000, 7, dtype=np.float32)
    assert filtered(step, lower) == pytest.approx(step, abs=1e-4)
    samples = white(rng, 20_000, 5) + np.linspace(0, 300, 20_000, dtype=np.float32)
    inner = slice(lower.settle, -lower.settle)
    peer = signal.sosfiltfilt(lower.sections, samples.astype(float))[inner]
    # A lane starts 150 away from its level at the most, and forgets that but for `settled`, 1e-5.
    assert filtered(samples, lower)[inner] == pytest.approx(peer, abs=2e-3)
    assert lower.gain(np.array([0.0, 20.0])) == pytest.approx([1, math.sqrt(0.5)], abs=1e-9)


def test_blocks_do_not_show_in_the_causal_filter(rng: np.random.Generator) -> None:
    band = band_pass(2000, 20, 450, zero_phase=False)
    samples = white(rng, 10_000, 5) + np.float32(300)
    whole = np.concatenate(list(causal([samples], band)))
    cut = np.concatenate(list(causal(np.split(samples, [1, 2, 77, 4000, 4000, 9999]), band)))
    assert np.array_equal(whole, cut)
    start = signal.sosfilt_zi(band.sections) * samples[0]
    peer, _ = signal.sosfilt(band.sections, samples.astype(float), zi=start)
    assert whole == pytest.approx(peer, abs=1e-4)


def test_the_causal_filter_steps_over_what_is_missing(rng: np.random.Generator) -> None:
    band = band_pass(2000, 20, 450, zero_phase=False)
    samples = np.full(6000, 250, dtype=np.float32)
    samples[:10] = samples[3000:3500] = np.nan
    out = np.concatenate(list(causal(np.split(samples, [5, 3100, 3400]), band)))
    assert np.array_equal(np.isnan(out), np.isnan(samples))
    assert np.nanmax(np.abs(out)) < 1e-6
    nothing = np.full(4, np.nan, dtype=np.float32)
    assert np.isnan(np.concatenate(list(causal([nothing, nothing], band)))).all()


def test_a_filter_is_run_the_way_it_was_made() -> None:
    samples = np.zeros(10, dtype=np.float32)
    with pytest.raises(ValueError, match="zero phase"):
        filtered(samples, band_pass(2000, 20, 450, zero_phase=False))
    with pytest.raises(ValueError, match="zero_phase=False"):
        list(causal([samples], band_pass(2000, 20, 450, zero_phase=True)))


def test_no_samples_give_none() -> None:
    assert filtered(np.empty(0, dtype=np.float32), band_pass(2000, 20, 450, zero_phase=True)).size == 0


@pytest.mark.parametrize(("low_hz", "high_hz"), [(0, 450), (450, 20), (20, 1000), (20, math.nan)])
def test_edges_out_of_order_are_refused(low_hz: float, high_hz: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        band_pass(2000, low_hz, high_hz, zero_phase=True)
    with pytest.raises(ValueError, match="expected"):
        low_pass(2000, 1000, zero_phase=True)


def test_the_upper_edge_follows_the_rate() -> None:
    assert upper_edge_hz(2000) == 450
    assert upper_edge_hz(500) == pytest.approx(225)
    with pytest.raises(ValueError, match="at least 200 samples a second"):
        upper_edge_hz(199)
    with pytest.raises(ValueError, match="at least 200 samples a second"):
        upper_edge_hz(math.nan)
