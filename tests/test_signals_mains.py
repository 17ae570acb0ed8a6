"""Mains: found, told apart, followed, taken out, and not invented."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.signals.conditioning import Conditioning, frames
from atlasplane.signals.mains import MainsFilter
from tests.signal_cases import Samples, mains, muscle, white

BARE = Conditioning(mains=False)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260303)


@pytest.mark.parametrize("rate_hz", [1000.0, 1259.26, 2000.0, 4000.0])
@pytest.mark.parametrize("hz", [50.02, 59.97])
def test_ten_times_the_muscle_is_taken_out_and_the_muscle_left(
    rng: np.random.Generator, rate_hz: float, hz: float
) -> None:
    n = round(240 * rate_hz)
    emg, line = muscle(rng, n, rate_hz, 10), mains(rng, n, rate_hz, 100, hz=hz)
    alone, found = frames([emg], rate_hz, BARE), frames([emg + line], rate_hz, Conditioning())
    assert found.mains_hz == pytest.approx(hz, abs=0.01)
    assert found.power_uV2.mean() / alone.power_uV2.mean() == pytest.approx(1, abs=0.02)
    # Frame by frame too: no stretch of a second has a tenth more or less, but for the first and last (half of
    # what the amplitude is smoothed over is missing there).
    ratio = found.power_uV2.reshape(-1, 20).mean(axis=1) / alone.power_uV2.reshape(-1, 20).mean(axis=1)
    assert np.abs(np.sort(ratio[1:-1]) - 1).max() < 0.1
    assert math.sqrt(found.mains_uV2[40:-40].mean()) == pytest.approx(100, rel=0.01)


def test_a_clean_channel_is_not_touched(rng: np.random.Generator) -> None:
    emg = muscle(rng, 1_200_000, 1000, 10)
    alone, found = frames([emg], 1000, BARE), frames([emg], 1000, Conditioning())
    assert found.mains_hz is None and not found.mains_uV2.any()
    # Both are cut into other lanes: rounding alone.
    assert found.power_uV2 == pytest.approx(alone.power_uV2, rel=1e-4)


def test_weak_mains_is_found_and_loses_little_muscle(rng: np.random.Generator) -> None:
    emg, line = white(rng, 480_000, 10), mains(rng, 480_000, 2000, 3)
    alone, found = frames([emg], 2000, BARE), frames([emg + line], 2000, Conditioning())
    assert found.mains_hz == pytest.approx(50.02, abs=0.01)
    # Eleven harmonics of up to 450 Hz times 1.25, 0.6 Hz of each, of 426 Hz, would be 1.6 %; mains are 9 %.
    assert found.power_uV2.mean() / alone.power_uV2.mean() == pytest.approx(1, abs=0.016)


def test_contractions_neither_lose_nor_leave_waves_beside_them(rng: np.random.Generator) -> None:
    n = 400_000
    strength = np.ones(n, dtype=np.float32)
    for first in range(20_000, n, 40_000):
        strength[first : first + 6000] = 200
    emg, line = muscle(rng, n, 2000, 1) * strength, mains(rng, n, 2000, 20)
    alone, found = frames([emg], 2000, BARE), frames([emg + line], 2000, Conditioning())
    strong = strength[::100] > 1
    quiet = ~np.convolve(strong, np.ones(21), "same").astype(bool)
    # The ends of the record have the smoothing on one side only.
    quiet[:40] = quiet[-40:] = False
    assert found.power_uV2[strong].mean() / alone.power_uV2[strong].mean() == pytest.approx(1, abs=0.002)
    assert found.power_uV2[quiet].mean() / alone.power_uV2[quiet].mean() == pytest.approx(1, abs=0.03)
    assert found.power_uV2[quiet].max() < 1.5 * alone.power_uV2[quiet].max()


def test_a_step_of_the_mains_is_no_contraction(rng: np.random.Generator) -> None:
    n = 400_000
    emg, line = muscle(rng, n, 2000, 1), mains(rng, n, 2000, 20)
    line[n // 2 + 77 :] *= 2
    found = frames([emg + line], 2000, Conditioning())
    # In the piece of six periods that holds the step the amplitude is neither that before nor that after: up
    # to half of the step, 10 uV and 14 with the harmonics, stays for a frame or two.
    at_step = np.abs(np.arange(len(found)) - n // 200) <= 4
    assert found.power_uV2[40:-40][~at_step[40:-40]].max() < 4
    assert found.power_uV2[at_step].max() < 14**2


def test_the_grid_that_is_told_is_taken(rng: np.random.Generator) -> None:
    emg, line = muscle(rng, 240_000, 2000, 10), mains(rng, 240_000, 2000, 20, hz=50.3)
    told = frames([emg + line], 2000, Conditioning(mains_hz=50.0))
    other = frames([emg + line], 2000, Conditioning(mains_hz=60.0))
    assert told.mains_hz == pytest.approx(50.3, abs=0.01)
    # 300 Hz is in both grids; what the other takes of 50.3 Hz is none of its own.
    assert other.power_uV2.mean() > 4 * told.power_uV2.mean()
    with pytest.raises(ValueError, match="near 50 or 60"):
        MainsFilter(2000, (20, 450), 16.7)


def test_gaps_do_not_spoil_it(rng: np.random.Generator) -> None:
    n = 240_000
    emg, line = muscle(rng, n, 2000, 10), mains(rng, n, 2000, 100)
    both = emg + line
    for first in range(10_000, n, 20_000):
        both[first : first + 2000] = np.nan
    alone, found = frames([emg], 2000, BARE), frames([both], 2000, Conditioning())
    # A frame away from a gap the band-pass still feels where the waves were cut off.
    whole = ~np.convolve(found.missing > 0, np.ones(11), "same").astype(bool)
    assert found.power_uV2[whole].mean() / alone.power_uV2[whole].mean() == pytest.approx(1, abs=0.02)


def _wandering(n: int, *, cycles: float, first: float, fifth_uV: float = 4.0) -> Samples:
    """60 Hz of 26 uV with its fifth harmonic, whose phase swings by some cycles within 100 s."""
    time_s = np.arange(n) / 1000
    turns = 60 * time_s + cycles / 5 * np.sin(2 * np.pi * (time_s / 100 + first))
    wave = 26 * np.cos(2 * np.pi * turns) + fifth_uV * np.cos(10 * np.pi * turns)
    return wave.astype(np.float32)


@pytest.mark.parametrize(
    ("cycles", "first"), [(0.9, 0.0), (0.9, 0.5), (1.6, 0.1), (1.6, 0.6), (1.8, 0.9)], ids=str
)
def test_a_harmonic_that_wander_cancels_over_a_stretch_is_taken_out(
    rng: np.random.Generator, cycles: float, first: float
) -> None:
    noise = white(rng, 120_000, 2)
    line = _wandering(noise.size, cycles=cycles, first=first, fifth_uV=1.5)
    alone, found = frames([noise], 1000, BARE), frames([noise + line], 1000, Conditioning())
    # The harmonic has 1.1 uV2 beside 3.4 of the noise in the band; 2 % of the band are taken with the waves.
    assert found.power_uV2[40:-40].mean() / alone.power_uV2[40:-40].mean() == pytest.approx(1, abs=0.02)


def test_a_gap_leaves_no_waves_beside_it(rng: np.random.Generator) -> None:
    n = 480_000
    time_s = np.arange(n) / 1000
    noise, line = white(rng, n, 2), _wandering(n, cycles=1.2, first=0.1)
    line *= (1 + 0.3 * np.sin(2 * np.pi * time_s / 20)).astype(np.float32)
    both = noise + line
    for first in range(7000, n - 5000, 11_000):
        both[first : first + 2000] = np.nan
    alone, found = frames([noise], 1000, BARE), frames([both], 1000, Conditioning())
    gone = found.missing > 0
    # From a frame away from a gap, where the band-pass feels where the waves were cut off, on for a second.
    beside = np.convolve(gone, np.ones(41), "same").astype(bool)
    beside &= ~np.convolve(gone, np.ones(11), "same").astype(bool)
    # An amplitude that is 1 % off leaves 0.2 uV, 1 % of the noise's power; 2 % of the band go with the waves.
    assert found.power_uV2[beside].mean() / alone.power_uV2[beside].mean() == pytest.approx(1, abs=0.03)


def test_waves_are_followed_where_contractions_fill_most_of_the_time(rng: np.random.Generator) -> None:
    n = 480_000
    strength = np.full(n, 2.0, dtype=np.float32)
    for first in range(20_000, n, 120_000):
        strength[first : first + 80_000] = 300
    emg, line = white(rng, n, 1) * strength, _wandering(n, cycles=1.6, first=0.2)
    alone, found = frames([emg], 1000, BARE), frames([emg + line], 1000, Conditioning())
    strong = strength[::50] > 2
    quiet = ~np.convolve(strong, np.ones(21), "same").astype(bool)
    quiet[:40] = quiet[-40:] = False
    assert found.power_uV2[quiet].mean() / alone.power_uV2[quiet].mean() == pytest.approx(1, abs=0.03)
