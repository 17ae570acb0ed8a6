"""Heart beats: taken out where there are any, nothing invented where there are none."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.signals.conditioning import Conditioning, frames
from atlasplane.signals.filters import band_pass, causal
from atlasplane.signals.heart import HeartFilter
from atlasplane.signals.heart_adaptive import delay_samples, without_heart
from atlasplane.signals.heart_search import beat_times_s
from tests.signal_cases import heart, mains, muscle, white

BARE, ALL = Conditioning(mains=False), Conditioning(heart=True)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260304)


def _rest_of_the_heart(
    rng: np.random.Generator, rate_hz: float, emg_uV: float, height_uV: float, **beats: float
) -> tuple[float, float, float]:
    """Decibels the heart lost within 0.1 s of its beats; power over the muscle's own there, and far off."""
    n = round(260 * rate_hz)
    emg, ecg = muscle(rng, n, rate_hz, emg_uV), heart(rng, n, rate_hz, height_uV, **beats)
    alone, found = frames([emg], rate_hz, BARE), frames([emg + ecg.samples], rate_hz, ALL)
    only = frames([ecg.samples], rate_hz, BARE)
    near = ecg.near(len(found), 0.05, 0.1)
    # The very first and last beat may be cut by the end of the record.
    near[:20] = near[-20:] = False
    far = ~ecg.near(len(found), 0.05, 0.3)
    left = found.power_uV2[near].mean(dtype=float) - alone.power_uV2[near].mean(dtype=float)
    lost_db = 10 * math.log10(only.power_uV2[near].mean(dtype=float) / abs(left))
    assert found.heart_per_min == pytest.approx(beats.get("per_min", 70.0), rel=0.03)
    return (
        lost_db,
        1 + left / alone.power_uV2[near].mean(dtype=float),
        float(found.power_uV2[far].mean(dtype=float) / alone.power_uV2[far].mean(dtype=float)),
    )


@pytest.mark.parametrize("rate_hz", [1000.0, 1259.26, 2000.0, 4000.0])
@pytest.mark.parametrize("height_uV", [500.0, 1500.0])
def test_the_heart_loses_twenty_decibels_and_the_muscle_less_than_five_percent(
    rng: np.random.Generator, rate_hz: float, height_uV: float
) -> None:
    lost_db, near, far = _rest_of_the_heart(rng, rate_hz, 20, height_uV)
    assert lost_db >= 20
    assert near == pytest.approx(1, abs=0.05)
    assert far == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("height_uV", [30.0, 100.0, 300.0])
def test_a_weak_heart_is_taken_out_and_the_muscle_kept(rng: np.random.Generator, height_uV: float) -> None:
    _, near, far = _rest_of_the_heart(rng, 2000, 20, height_uV)
    assert near == pytest.approx(1, abs=0.05)
    assert far == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize(("emg_uV", "height_uV"), [(1.0, 6.0), (1.0, 50.0), (2.0, 300.0)])
def test_a_quiet_channel_is_not_distorted(rng: np.random.Generator, emg_uV: float, height_uV: float) -> None:
    _, near, far = _rest_of_the_heart(rng, 2000, emg_uV, height_uV)
    assert near == pytest.approx(1, abs=0.05)
    assert far == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize(("per_min", "jitter"), [(40.0, 0.02), (130.0, 0.01), (75.0, 0.12)])
def test_slow_fast_and_irregular_hearts(rng: np.random.Generator, per_min: float, jitter: float) -> None:
    lost_db, near, _ = _rest_of_the_heart(rng, 2000, 5, 400, per_min=per_min, jitter=jitter)
    assert lost_db >= 20
    assert near == pytest.approx(1, abs=0.05)


def test_with_mains_and_contractions(rng: np.random.Generator) -> None:
    n = 520_000
    strength = np.ones(n, dtype=np.float32)
    for first in range(20_000, n, 40_000):
        strength[first : first + 8000] = 10
    emg, ecg = muscle(rng, n, 2000, 5) * strength, heart(rng, n, 2000, 400)
    alone = frames([emg], 2000, BARE)
    found = frames([emg + ecg.samples + mains(rng, n, 2000, 50)], 2000, ALL)
    quiet = ~np.convolve(strength[::100] > 1, np.ones(5), "same").astype(bool)
    quiet[:40] = quiet[-40:] = False
    assert found.heart_per_min == pytest.approx(70, rel=0.03)
    for part in (quiet, ~quiet):
        ratio = found.power_uV2[part].mean(dtype=float) / alone.power_uV2[part].mean(dtype=float)
        assert ratio == pytest.approx(1, abs=0.05)


def _bursts(rng: np.random.Generator, n: int, rate_hz: float, kind: str) -> np.ndarray:
    """Strength of a muscle that contracts in some rhythm."""
    strength, now = np.ones(n, dtype=np.float32), 0.5
    gap_and_length = {
        "random": lambda: (rng.exponential(2), rng.uniform(0.1, 2)),
        "clonus": lambda: (1 / 5.5, 0.08),
        "slow clonus": lambda: (0.4, 0.12),
        "like a heart": lambda: (rng.normal(0.9, 0.02), 0.1),
        "steady": lambda: (rng.exponential(10), rng.uniform(1, 20)),
    }[kind]
    while now < n / rate_hz:
        gap, length = gap_and_length()
        strength[int(now * rate_hz) : int((now + length) * rate_hz)] = rng.uniform(5, 50)
        now += gap + (length if kind in ("random", "steady") else 0)
    return strength


@pytest.mark.parametrize("kind", ["random", "clonus", "slow clonus", "like a heart", "steady"])
def test_bursts_of_muscle_are_no_heart(rng: np.random.Generator, kind: str) -> None:
    n = 1_200_000
    found = frames([muscle(rng, n, 1000, 2) * _bursts(rng, n, 1000, kind)], 1000, ALL)
    assert found.heart_per_min is None and not found.beats_uV2.any()


@pytest.mark.parametrize(
    ("seconds", "contracted", "free"),
    [(145, [(114, 137)], (138, 144)), (245, [(121, 156), (170, 242)], (157, 169))],
    ids=["at its end", "about its middle"],
)
def test_a_known_heart_is_taken_out_of_a_stretch_that_is_mostly_contracted(
    rng: np.random.Generator, seconds: int, contracted: list[tuple[int, int]], free: tuple[int, int]
) -> None:
    n = 1000 * seconds
    emg, ecg = white(rng, n, 3), heart(rng, n, 1000, 80)
    for start, stop in contracted:
        emg[1000 * start : 1000 * stop] += muscle(rng, 1000 * (stop - start), 1000, 90)
    alone = frames([emg], 1000, BARE)
    found = frames([emg + ecg.samples], 1000, ALL)
    near = ecg.near(len(found), 0.05, 0.1)
    near[: 20 * free[0]] = near[20 * free[1] :] = False
    # 30 frames and more of 40 degrees of freedom; beats left in would be ten times the noise's power.
    assert found.power_uV2[near].mean() / alone.power_uV2[near].mean() == pytest.approx(1, abs=0.15)


def test_beats_are_looked_for_where_another_channel_tells_none(rng: np.random.Generator) -> None:
    n = 360_000
    emg, ecg = white(rng, n, 3), heart(rng, n, 1000, 300)
    told = ecg.times_s[ecg.times_s < 115]
    alone = frames([emg], 1000, BARE)
    found = frames([emg + ecg.samples], 1000, Conditioning(heart=True, mains=False, beat_times_s=told))
    near = ecg.near(len(found), 0.05, 0.1)
    # From the first stretch of which none is told on.
    near[: 240 * 20] = near[-20:] = False
    assert found.power_uV2[near].mean() / alone.power_uV2[near].mean() == pytest.approx(1, abs=0.05)


def test_beats_told_by_another_channel(rng: np.random.Generator) -> None:
    n = 400_000
    emg, ecg = muscle(rng, n, 2000, 20), heart(rng, n, 2000, 300)
    # The other channel sees the heart 8 ms earlier, and 2 ms to either side.
    told = ecg.times_s - 0.008 + rng.uniform(-0.002, 0.002, ecg.times_s.size)
    alone = frames([emg], 2000, BARE)
    found = frames([emg + ecg.samples], 2000, Conditioning(heart=True, beat_times_s=told))
    near = ecg.near(len(found), 0.05, 0.1)
    near[:20] = near[-20:] = False
    assert found.power_uV2[near].mean() / alone.power_uV2[near].mean() == pytest.approx(1, abs=0.05)
    assert found.heart_per_min == pytest.approx(70, rel=0.03)


def test_told_beats_of_which_the_channel_has_none_take_nothing(rng: np.random.Generator) -> None:
    n = 400_000
    emg, ecg = muscle(rng, n, 2000, 20), heart(rng, n, 2000, 300)
    alone = frames([emg], 2000, BARE)
    found = frames([emg], 2000, Conditioning(heart=True, beat_times_s=ecg.times_s))
    near = ecg.near(len(found), 0.05, 0.1)
    # Noise of the mean of 230 beats, where it passes for a shape: less than 1 in 230.
    assert found.power_uV2[near].mean() / alone.power_uV2[near].mean() == pytest.approx(1, abs=1 / 230)


def test_beats_of_an_electrocardiogram(rng: np.random.Generator) -> None:
    ecg = heart(rng, 100_000, 250, 1000)
    found = beat_times_s(np.split(ecg.samples + white(rng, 100_000, 20), [7, 5000]), 250)
    assert found.size >= ecg.times_s.size - 2
    apart = np.abs(found[:, None] - ecg.times_s).min(axis=1)
    # Filters of zero phase; Q and S are not alike, which moves the match, always alike.
    assert apart.max() < 0.02 and apart.std() < 0.002
    assert beat_times_s([white(rng, 100_000, 20)], 250).size == 0
    assert beat_times_s([np.full(5000, np.nan, dtype=np.float32)], 250).size == 0


def test_no_beat_within_the_samples_takes_nothing() -> None:
    samples = np.ones(100, dtype=np.float32)
    assert HeartFilter(2000).take_off(samples, np.array([50.0])) is None
    assert samples.min() == 1


def test_an_electrocardiogram_of_next_to_nothing_teaches_nothing(rng: np.random.Generator) -> None:
    """A lead that is off: divided by its own power, its last bits would become weights without bounds."""
    rate_hz, n = 1000.0, 20_000
    emg, ecg = muscle(rng, n, rate_hz, 10), np.zeros(n, dtype=np.float32)
    ecg[::900] = 1e-20
    clean = np.concatenate(list(without_heart([emg], [ecg], rate_hz)))
    alone = np.concatenate(list(causal([emg], band_pass(rate_hz, 20, 450, zero_phase=False))))
    late = delay_samples(rate_hz)
    assert clean[late:] == pytest.approx(alone[: n - late], abs=1e-4)


def test_the_adaptive_filter_follows_an_electrocardiogram(rng: np.random.Generator) -> None:
    rate_hz, n = 1000.0, 200_000
    emg, ecg = muscle(rng, n, rate_hz, 10), heart(rng, n, rate_hz, 1000)
    # What reaches the muscle is smaller, turned over, later and blurred.
    seen = -0.3 * np.convolve(ecg.samples, np.hanning(9) / np.hanning(9).sum(), "full")[: n + 8]
    mixed = emg + seen[:n].astype(np.float32)
    cuts = [1, 500, 90_000]
    clean = np.concatenate(
        list(without_heart(np.split(mixed, cuts), np.split(ecg.samples + white(rng, n, 5), cuts), rate_hz))
    )
    band = band_pass(rate_hz, 20, 450, zero_phase=False)
    alone, with_heart = (np.concatenate(list(causal([x], band))) for x in (emg, mixed))
    late = delay_samples(rate_hz)
    learnt = slice(60_000, n - late)
    left = clean[late:][learnt] - alone[learnt]
    given = with_heart[learnt] - alone[learnt]
    assert 10 * math.log10(np.mean(given**2) / np.mean(left**2)) > 15
    assert np.mean(clean[late:][learnt] ** 2) / np.mean(alone[learnt] ** 2) == pytest.approx(1, abs=0.05)
    with pytest.raises(ValueError, match="equal length"):
        list(without_heart([emg], [emg[:-1]], rate_hz))
