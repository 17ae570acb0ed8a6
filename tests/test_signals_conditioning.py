"""Powers of frames: right whatever the rate, the blocks, the gaps and the clipping."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from atlasplane.signals.conditioning import Conditioning, conditioned, frames
from atlasplane.signals.filters import band_pass
from atlasplane.signals.frames import ARRAYS, Frames
from atlasplane.signals.rails import rails
from atlasplane.signals.stretches import stretches
from tests.signal_cases import heart, mains, muscle, white

RATES_HZ = (1000.0, 1111.11, 1259.26, 1481.48, 1925.9, 2000.0, 2148.15, 4000.0)
BARE = Conditioning(mains=False)
ALL = Conditioning(heart=True)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260302)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_power_of_white_noise_is_that_of_the_band(rng: np.random.Generator, rate_hz: float) -> None:
    n = round(300 * rate_hz)
    found = frames([white(rng, n, 3)], rate_hz, BARE)
    band = band_pass(rate_hz, 20, 450, zero_phase=True)
    assert found.band_hz == (20, 450)
    assert len(found) == 6000
    # Chi-square of 2 B T degrees of freedom; four standard deviations of the mean of 300 s.
    expected = 9 * band.noise_bandwidth_hz / (rate_hz / 2)
    width = band.statistical_bandwidth_hz
    assert found.power_uV2.mean(dtype=float) == pytest.approx(expected, rel=4 / math.sqrt(width * 300))
    # Spread of frames: 1 / (B T) but for the edges of the frame, which cut off 1 / (pi B) s of its
    # correlation in 50 ms; the variance of 6000 of skewness 2 sqrt(2 / 43) is known to 3 %: four of them.
    spread = found.power_uV2.var(dtype=float) / found.power_uV2.mean(dtype=float) ** 2
    assert spread == pytest.approx(1 / (width * 0.05), rel=0.12)


def test_powers_are_those_of_the_filtered_samples(rng: np.random.Generator) -> None:
    samples = white(rng, 60_000, 10) + np.float32(400)
    found = frames([samples], 2000, BARE)
    peer = signal.sosfiltfilt(band_pass(2000, 20, 450, zero_phase=True).sections, samples.astype(float))
    expected = np.mean(peer.reshape(-1, 100) ** 2, axis=1)
    inner = slice(8, -8)
    assert found.power_uV2[inner] == pytest.approx(expected[inner], rel=1e-4)


@pytest.mark.parametrize("rate_hz", [2000.0, 1259.26])
def test_blocks_do_not_show(rng: np.random.Generator, rate_hz: float) -> None:
    n = round(290 * rate_hz)
    samples = _everything(rng, n, rate_hz)
    whole = frames([samples], rate_hz, ALL)
    places = np.sort(rng.integers(0, n, 500))
    for cut in (
        np.split(samples, places),
        np.array_split(samples, 3),
        _drops(samples[:5000], samples[5000:]),
    ):
        again = frames(cut, rate_hz, ALL)
        for name in ARRAYS:
            assert np.array_equal(getattr(again, name), getattr(whole, name), equal_nan=True), name
        assert (again.mains_hz, again.heart_per_min) == (whole.mains_hz, whole.heart_per_min)


def _everything(rng: np.random.Generator, n: int, rate_hz: float) -> np.ndarray:
    samples = muscle(rng, n, rate_hz, 10) + mains(rng, n, rate_hz, 20) + heart(rng, n, rate_hz, 300).samples
    samples[n // 3 : n // 3 + 3000] = np.nan
    return samples


def _drops(head: np.ndarray, tail: np.ndarray) -> Iterator[np.ndarray]:
    """Single samples, and an empty block."""
    yield from np.split(head, head.size)
    yield np.empty(0, dtype=np.float32)
    yield tail


def test_the_border_of_two_stretches_does_not_show(rng: np.random.Generator) -> None:
    samples = muscle(rng, 500_000, 2000, 10)
    found = frames([samples], 2000, BARE)
    peer = signal.sosfiltfilt(band_pass(2000, 20, 450, zero_phase=True).sections, samples.astype(float))
    expected = np.mean(peer.reshape(-1, 100) ** 2, axis=1)
    border = slice(2395, 2405)
    assert found.power_uV2[border] == pytest.approx(expected[border], rel=1e-4)


def test_the_memory_held_does_not_grow_with_the_recording(rng: np.random.Generator) -> None:
    """Blocks are taken one by one: never are more than a stretch and its surroundings waiting."""
    block = white(rng, 20_000, 10)
    given: list[int] = []

    def blocks() -> Iterator[np.ndarray]:
        for k in range(100):
            given.append(k)
            yield block

    waiting = []
    for stretch in stretches(blocks(), rate_hz=2000, hop_s=0.05, n_frames=200, context=4000):
        waiting.append((given[-1] + 1) * block.size - stretch.first)
    # The last ones come when the blocks are at an end.
    assert max(waiting[:-1]) <= 20_000 + 20_000 + 4000
    assert len(waiting) == 100


def test_a_gap_spreads_no_further_than_the_filter_reaches(rng: np.random.Generator) -> None:
    samples = white(rng, 60_000, 10)
    holed = samples + np.float32(5000)
    holed[20_000:30_000] = np.nan
    whole, found = frames([samples], 2000, BARE), frames([holed], 2000, BARE)
    gap = slice(200, 300)
    assert np.isnan(found.power_uV2[gap]).all()
    assert np.array_equal(found.missing[gap], np.ones(100, dtype=np.float32))
    assert not found.missing[:200].any() and not found.missing[300:].any()
    # No ringing: the frames beside the gap hold no more than chance brings (1 + 4 standard deviations).
    beside = np.concatenate([found.power_uV2[190:200], found.power_uV2[300:310]])
    assert beside.max() < whole.power_uV2.mean() * (1 + 5 * math.sqrt(2 / 43))
    far = np.r_[0:190, 310:600]
    reach = band_pass(2000, 20, 450, zero_phase=True).settle
    assert reach <= 10 * 100
    assert found.power_uV2[far] == pytest.approx(whole.power_uV2[far], rel=2e-3)


def test_a_frame_partly_missing_has_the_power_of_the_rest(rng: np.random.Generator) -> None:
    samples = white(rng, 200_000, 10)
    holed = samples.copy()
    holed.reshape(-1, 1000)[:, 30:60] = np.nan
    whole, found = frames([samples], 2000, BARE), frames([holed], 2000, BARE)
    part = found.missing > 0
    assert part.sum() == 200 and found.missing[part] == pytest.approx(0.3)
    # 200 frames of 70 ms x 2 B: 0.3 % of the mean; the samples beside a gap lack neighbours, at most those
    # of the filter's half-width (0.6 ms) at either end of 35 ms.
    assert found.power_uV2[part].mean() == pytest.approx(whole.power_uV2.mean(), rel=0.06)


@pytest.mark.parametrize("fill", [0.0, 5000.0, np.nan])
def test_a_channel_that_says_nothing_has_no_power(fill: float) -> None:
    found = frames([np.full(20_000, fill, dtype=np.float32)], 2000, ALL)
    if math.isnan(fill):
        assert np.isnan(found.power_uV2).all() and np.isnan(found.slow_uV2).all()
        assert found.missing.min() == 1
    else:
        assert np.abs(found.power_uV2).max() < 1e-9 and found.flat[1:].min() == 1
    assert found.heart_per_min is None and found.mains_hz is None


def test_a_short_drop_out_to_zero_does_not_ring(rng: np.random.Generator) -> None:
    samples = white(rng, 60_000, 5) + np.float32(3000)
    samples[20_000:20_400] = 0
    found = frames([samples], 2000, BARE)
    assert found.flat[201:204].min() == 1
    around = np.r_[190:200, 204:214]
    assert found.power_uV2[around].max() < 25 * 0.43 * (1 + 5 * math.sqrt(2 / 43))


def test_clipped_samples_are_counted(rng: np.random.Generator) -> None:
    samples = white(rng, 100_000, 10)
    clipped = np.clip(samples, -25, 25)
    found = frames([clipped], 2000, BARE)
    assert found.saturated.sum() * 100 == np.count_nonzero(np.abs(clipped) == 25)
    # A converter's range that is wider than the amplifier's hides nothing; one that is narrower counts.
    wide = frames([clipped], 2000, replace(BARE, range_uV=(-1000.0, 1000.0)))
    assert np.array_equal(wide.saturated, found.saturated)
    told = frames([samples], 2000, replace(BARE, range_uV=(-20.0, 1000.0)))
    assert round(float(told.saturated.sum()) * 100) == np.count_nonzero(samples <= -20)


def test_an_unclipped_channel_has_no_rails(rng: np.random.Generator) -> None:
    samples = white(rng, 100_000, 10)
    assert rails(samples) == (-math.inf, math.inf)
    # A coarse recorder on a quiet channel: five steps.
    assert rails(np.round(samples / 8).astype(np.float32)) == (-math.inf, math.inf)
    assert rails(np.zeros(100, dtype=np.float32)) == (-math.inf, math.inf)
    assert rails(np.full(100, np.nan, dtype=np.float32)) == (-math.inf, math.inf)
    assert rails(np.clip(np.round(samples * 10), -math.inf, 200).astype(np.float32)) == (-math.inf, 200)


def test_samples_that_repeat_are_counted(rng: np.random.Generator) -> None:
    samples = np.repeat(white(rng, 5000, 10), 2)
    found = frames([samples], 2000, BARE)
    assert found.flat[1:-1].mean() == pytest.approx(0.5)


@pytest.mark.parametrize("frequency_hz", [2.0, 5.0, 10.0])
def test_movement_is_slow_power(frequency_hz: float) -> None:
    time = np.arange(120_000) / 2000
    samples = (100 * np.sin(2 * np.pi * frequency_hz * time) + 7000 + 3 * time).astype(np.float32)
    found = frames([samples], 2000, BARE)
    inner = slice(100, -100)
    # Mean over 2 s: whole periods of all three; gain below the edge 1 / (1 + 0.41 (f / 20)^8).
    assert found.slow_uV2[inner].mean() == pytest.approx(5000, rel=0.01)
    gain = band_pass(2000, 20, 450, zero_phase=True).gain(np.array(frequency_hz))
    # float32 holds 7000 to 0.0005, which is white noise of 1e-7 uV2.
    assert found.power_uV2[inner].mean() == pytest.approx(5000 * gain**2, rel=0.01, abs=1e-6)


def test_a_strong_contraction_is_not_slow(rng: np.random.Generator) -> None:
    samples = muscle(rng, 240_000, 2000, 200)
    found = frames([samples], 2000, BARE)
    # 2.2 % of the spectrum lies below 20 Hz (Shwedyk, 60 and 120 Hz); what folds down adds a thousandth.
    frequency = np.fft.rfftfreq(240_000, 1 / 2000)
    power = np.abs(np.fft.rfft(samples)) ** 2
    below = power[(frequency < 20) & (frequency > 0.5)].sum() / power.sum()
    assert found.slow_uV2.mean() / 200**2 == pytest.approx(below, rel=0.2)


@pytest.mark.parametrize(
    ("rate_hz", "upper_hz"), [(999.0, 449.55), (500.0, 225.0), (250.0, 112.5), (200.0, 90.0)]
)
def test_at_low_rates_the_band_is_narrower_and_says_so(
    rng: np.random.Generator, rate_hz: float, upper_hz: float
) -> None:
    n = round(200 * rate_hz)
    found = frames([white(rng, n, 3) + heart(rng, n, rate_hz, 300).samples], rate_hz, ALL)
    assert found.band_hz == (20, pytest.approx(upper_hz))
    assert found.heart_per_min == pytest.approx(70, abs=1)


def test_an_envelope_is_refused() -> None:
    with pytest.raises(ValueError, match="hand in the raw signal"):
        frames([np.zeros(100, dtype=np.float32)], 100, BARE)


def test_no_samples_are_no_frames() -> None:
    assert len(frames([], 2000, ALL)) == 0
    assert conditioned(np.empty(0, dtype=np.float32), 2000, ALL).size == 0


@pytest.mark.parametrize("n", [1, 50, 101, 3000])
def test_few_samples_have_their_frames(rng: np.random.Generator, n: int) -> None:
    found = frames([white(rng, n, 3)], 2000, ALL, start_s=4.0)
    assert len(found) == math.ceil(n / 100)
    assert found.missing[-1] == pytest.approx(1 - (n - 1) % 100 / 100 - 0.01, abs=1e-6)
    assert found.between(4.0, 4.0 + n / 2000) == slice(0, n // 100)


def test_frames_of_an_odd_rate_hold_the_samples_of_their_time() -> None:
    rate_hz = 1111.11
    samples = np.zeros(20_000, dtype=np.float32)
    samples[10_000] = np.nan
    found = frames([samples], rate_hz, BARE)
    assert np.flatnonzero(found.missing[:-1]).tolist() == [math.floor(10_000 / rate_hz / 0.05)]


def test_the_cleaned_signal_is_what_the_frames_are_of(rng: np.random.Generator) -> None:
    samples = _everything(rng, 200_000, 2000)
    clean, found = conditioned(samples, 2000, ALL), frames([samples], 2000, ALL)
    assert np.array_equal(np.isnan(clean), np.isnan(samples))
    powers = np.mean(clean.reshape(-1, 100).astype(float) ** 2, axis=1)
    whole = found.missing == 0
    assert found.power_uV2[whole] == pytest.approx(powers[whole], rel=1e-4)


@pytest.mark.parametrize("change", [{"low_hz": 0.0}, {"high_hz": 10.0}, {"hop_s": 0.0}])
def test_settings_that_cannot_be_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        replace(ALL, **change)


def test_frames_must_fit_each_other() -> None:
    arrays = {name: np.zeros(3, dtype=np.float32) for name in ARRAYS}
    with pytest.raises(ValueError, match="one shape"):
        Frames(hop_s=0.05, **(arrays | {"flat": np.zeros(2, dtype=np.float32)}))
    with pytest.raises(ValueError, match="hop_s"):
        Frames(hop_s=0.0, **arrays)
    found = Frames(hop_s=0.05, **arrays)
    assert found.between(0.01, 0.14) == slice(1, 2)
    assert found.between(0.06, 0.07) == slice(2, 2)
