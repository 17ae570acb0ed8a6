"""Motor units: rates, regularity, power, and that stretches fit together."""

from __future__ import annotations

import math

import numpy as np
import pytest

from atlasplane.simulate.recording_plan import UnitPool
from atlasplane.simulate.semg_spectrum import PIECE
from atlasplane.simulate.semg_units import Pool, firings, pool, potentials, unit_signal

RATE_HZ = 2000.0
PIECE_S = PIECE / RATE_HZ
STRETCHES = 20
STEPS = 1536


@pytest.fixture(scope="module")
def units() -> Pool:
    return pool(UnitPool(), RATE_HZ, 5, 1)


def grid(k: int) -> np.ndarray:
    return np.linspace(k * PIECE_S, (k + 1) * PIECE_S, STEPS + 1)


def trains(units: Pool, level_uV: float, key: int = 11) -> tuple[np.ndarray, np.ndarray]:
    """Firing times and owners over all stretches at one level."""
    rates = units.rates_hz(np.full(STEPS + 1, level_uV))
    parts = [firings(units, grid(k), rates, key, k) for k in range(STRETCHES)]
    return np.concatenate([t for t, _ in parts]), np.concatenate([u for _, u in parts])


def test_rates_meet_the_planned_power_exactly(units: Pool) -> None:
    levels = np.array([0.0, 1.0, 5.0, 10.0, 50.0, 200.0, units.full_uV])
    energy = np.square(units.potential_uV.astype(float)).sum(axis=2).mean(axis=1) / RATE_HZ
    rates = units.rates_hz(levels)
    np.testing.assert_allclose(energy[: len(rates)] @ rates, levels**2, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("level_uV", [5.0, 50.0, 300.0])
def test_units_fire_at_6_to_25_hz_in_the_order_of_their_size(units: Pool, level_uV: float) -> None:
    _, owner = trains(units, level_uV)
    counts = np.bincount(owner) / (STRETCHES * PIECE_S)
    # The last unit is just being recruited and may fire slower; counts are off by one firing at either end.
    assert np.all(counts[:-1] > 6 - 2 / (STRETCHES * PIECE_S))
    assert np.all(counts < 25 + 2 / (STRETCHES * PIECE_S))
    planned = units.rates_hz(np.array([level_uV]))[:, 0]
    # A renewal process of variation c counts n firings with a standard deviation of c sqrt(n).
    allowed = 5 * 0.25 * np.sqrt(planned / (STRETCHES * PIECE_S)) + 2 / (STRETCHES * PIECE_S)
    assert np.all(np.abs(counts - planned[: len(counts)]) < allowed[: len(counts)])
    assert np.all(np.diff(planned) <= 1e-9), "early recruited units fire faster than late ones"


def test_intervals_vary_as_planned_across_all_seams(units: Pool) -> None:
    times, owner = trains(units, 300.0)
    for unit in (0, 10, 40):
        intervals = np.diff(np.sort(times[owner == unit]))
        cv, planned = intervals.std() / intervals.mean(), units.interval_cv[unit]
        # Standard error of a coefficient of variation of n intervals: cv sqrt((1 + 2 cv^2) / 2 n).
        error = planned * math.sqrt((1 + 2 * planned**2) / (2 * len(intervals)))
        # The bridge between seams stretches its mean interval by up to half an interval in 15 s.
        assert cv == pytest.approx(planned, abs=5 * error + 0.01)
        assert intervals.min() > 0.3 * 0.9 * intervals.mean(), "no interval is broken at a seam"


def test_a_pool_regulates_within_the_stated_variation(units: Pool) -> None:
    assert units.interval_cv.min() >= 0.10
    assert units.interval_cv.max() <= 0.25


def test_weak_contractions_are_sparse(units: Pool) -> None:
    active = [len(units.rates_hz(np.array([level]))) for level in (5.0, 20.0, 100.0)]
    assert active[0] < 20 < active[2]
    assert active == sorted(active)


def test_no_drive_no_firing(units: Pool) -> None:
    times, owner = firings(units, grid(0), units.rates_hz(np.zeros(STEPS + 1)), 1, 0)
    assert len(times) == len(owner) == 0


def test_stretches_can_be_made_in_any_order(units: Pool) -> None:
    rates = units.rates_hz(np.full(STEPS + 1, 50.0))
    alone, _ = firings(units, grid(7), rates, 11, 7)
    times, _ = trains(units, 50.0)
    among = times[(times >= 7 * PIECE_S) & (times < 8 * PIECE_S)]
    np.testing.assert_array_equal(np.sort(alone), np.sort(among))


def test_a_stretch_begins_in_the_middle_of_things(units: Pool) -> None:
    # The first firing of a steady unit is even over its first interval: no burst of all units at a seam.
    rates = units.rates_hz(np.full(STEPS + 1, 300.0))
    firsts = []
    for k in range(60):
        times, owner = firings(units, grid(k), rates, 3, k)
        firsts += [(times[owner == unit].min() - k * PIECE_S) * rates[unit, 0] for unit in (0, 5)]
    assert min(firsts) >= 0
    assert max(firsts) <= 1 + 1e-9
    assert np.mean(firsts) == pytest.approx(0.5, abs=5 / math.sqrt(12 * len(firsts)))


@pytest.mark.parametrize("phases", [2, 3])
@pytest.mark.parametrize("duration_s", [0.005, 0.012])
def test_a_potential_has_its_phases_and_duration(phases: int, duration_s: float) -> None:
    shape = potentials(duration_s, phases, 20_000.0, 0.012)[0]
    heard = np.flatnonzero(np.abs(shape) > 0.05)
    # Both ends are found to a sample, 0.05 ms, and the share that is heard is stated to three digits.
    assert (heard[-1] - heard[0]) / 20_000 == pytest.approx(duration_s, abs=1e-4 + 1e-3 * duration_s)
    signs = np.sign(shape[heard])
    assert np.count_nonzero(np.diff(signs)) == phases - 1
    assert np.abs(shape).max() == pytest.approx(1, abs=0.02)
    # No constant part: what a bipolar electrode hears adds up to nothing.
    assert abs(shape.sum()) < 1e-3 * np.abs(shape).sum()


def test_a_firing_is_placed_between_samples(units: Pool) -> None:
    at_s = 0.5 + 0.31 / RATE_HZ
    drawn = unit_signal(units, np.array([at_s]), np.array([3]), 0.0)
    whole = unit_signal(units, np.array([0.5]), np.array([3]), 0.0)

    def centre(samples: np.ndarray) -> float:
        power = samples.astype(float) ** 2
        return float((power * np.arange(len(power))).sum() / power.sum())

    # Nearest eighth of a sample; centre of power moves with it.
    assert centre(drawn) - centre(whole) == pytest.approx(0.31, abs=1 / 16 + 0.02)


@pytest.mark.parametrize(
    "broken", [{"n_units": 0}, {"size_ratio": 1.0}, {"lowest_hz": 30.0}, {"lowest_hz": 0.0}]
)
def test_impossible_pools_are_refused(broken: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="n_units >= 1"):
        UnitPool(**broken)
