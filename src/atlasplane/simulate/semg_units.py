"""Activity of a muscle as the sum of its motor units' potentials: sparse and spiky while it is weak."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.simulate.recording_plan import UnitPool
from atlasplane.simulate.semg_spectrum import PIECE, Floats, Samples, stream

_SHIFTS = 8
"""Places within a sample at which a potential is kept ready."""
_LATEST_RECRUITED = 0.6
"""Drive at which the last unit is recruited; stronger drive only raises rates (Fuglevand 1993)."""
_HEARD = {2: 0.836, 3: 0.918}
"""Share of a potential with two or three phases that exceeds a twentieth of its peak."""
_PEAK_OF_TWO = 0.75**1.5 * 0.5
"""Largest value of sin^3 cos, where sin^2 is 3/4."""
_LEAST_INTERVAL = 0.3
"""Shortest interval between firings, of the mean one."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """The motor units of one muscle.

    Attributes
    ----------
    rate_hz : float
        Samples a second.
    potential_uV : array of float32, shape (n_units, 8, length)
        Potentials that begin 0/8 .. 7/8 of a sample after a sample.
    interval_cv : array, shape (n_units,)
    power_uV2 : array, shape (n_drives,)
        Mean square at rising drives, 0 first.
    firing_hz : array, shape (n_units, n_drives)
        Rates at these drives.
    """

    rate_hz: float
    potential_uV: Samples
    interval_cv: Floats
    power_uV2: Floats
    firing_hz: Floats

    @property
    def full_uV(self) -> float:
        """Root mean square at full drive."""
        return math.sqrt(self.power_uV2[-1])

    def rates_hz(self, level_uV: Floats) -> Floats:
        """Firing rates that give a root mean square, shape (n_active, n); the power is met exactly.

        Units are recruited in their order: those after the first n_active do not fire at all.
        """
        power = np.minimum(np.square(level_uV), self.power_uV2[-1])
        above = np.clip(np.searchsorted(self.power_uV2, power, side="left"), 1, len(self.power_uV2) - 1)
        low, high = self.power_uV2[above - 1], self.power_uV2[above]
        part = (power - low) / (high - low)
        active = self.firing_hz[: np.count_nonzero(self.firing_hz[:, above.max()])]
        rates: Floats = active[:, above]
        rates *= part
        rates += active[:, above - 1] * (1 - part)
        return rates


def pool(plan: UnitPool, rate_hz: float, *key: int) -> Pool:
    """The units of a pool with their own potentials, rates and regularity.

    A unit that is just being recruited fires slowly and reaches its lowest steady rate when the next one
    joins, so the power rises with the drive without a step and any level can be met.

    Parameters
    ----------
    plan : UnitPool
    rate_hz : float
    key : int
        Seed and the numbers of this muscle (`semg_spectrum.stream`).

    Notes
    -----
    Fuglevand AJ, Winter DA, Patla AE (1993) Models of recruitment and rate coding organization in motor-unit
    pools. J Neurophysiol 70:2470, doi 10.1152/jn.1993.70.6.2470.
    """
    rng = stream(*key)
    n = plan.n_units
    size = plan.size_ratio ** (np.arange(n) / max(n - 1, 1)) * np.exp(0.2 * rng.standard_normal(n))
    duration = rng.uniform(*plan.duration_s, n)
    phases = np.where(rng.random(n) < plan.triphasic, 3, 2)
    sign = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    potential = (size * sign)[:, None, None] * np.stack(
        [potentials(d, p, rate_hz, plan.duration_s[1]) for d, p in zip(duration, phases, strict=True)]
    )
    joins = _LATEST_RECRUITED * (plan.size_ratio ** (np.arange(n + 1) / n) - 1) / (plan.size_ratio - 1)
    drive = np.unique(np.concatenate([joins, np.linspace(0, 1, 200)]))
    firing = np.stack([_firing_hz(drive, joins[i], joins[i + 1], plan) for i in range(n)])
    energy = np.square(potential).sum(axis=2).mean(axis=1) / rate_hz
    power = energy @ firing
    scale = plan.full_uV / math.sqrt(power[-1])
    return Pool(
        rate_hz,
        (scale * potential).astype(np.float32),
        rng.uniform(*plan.interval_cv, n),
        scale**2 * power,
        firing,
    )


def _firing_hz(drive: Floats, joins: float, steady: float, plan: UnitPool) -> Floats:
    """Rate of one unit: from its recruitment to the lowest steady rate, then evenly to the highest."""
    rate: Floats = np.interp(drive, [joins, steady, 1.0], [0.0, plan.lowest_hz, plan.highest_hz])
    return rate


def potentials(duration_s: float, phases: int, rate_hz: float, longest_s: float) -> Floats:
    """One unit's potential at fractions of a sample, peak about 1.

    Parameters
    ----------
    duration_s : float
        From where it first exceeds a twentieth of its peak to where it last does. It is the first (two
        phases) or second derivative of the fourth power of half a sine, a bell that begins and ends without
        an edge; so it has no constant part.
    phases : 2 or 3
    rate_hz, longest_s : float
        Samples a second, and the time that is kept for it.

    Returns
    -------
    array, shape (8, length)
    """
    length = math.ceil(longest_s / min(_HEARD.values()) * rate_hz) + 1
    time_s = (np.arange(length) - np.arange(_SHIFTS)[:, None] / _SHIFTS) / rate_hz
    angle = math.pi * np.clip(time_s * (_HEARD[phases] / duration_s), 0, 1)
    sine, cosine = np.sin(angle), np.cos(angle)
    if phases == 2:
        return sine**3 * cosine / _PEAK_OF_TWO
    values: Floats = sine**2 * (sine**2 - 3 * cosine**2)
    return values


def firings(units: Pool, grid_s: Floats, rates_hz: Floats, *key: int) -> tuple[Floats, NDArray[np.int64]]:
    """Firing times within a stretch, and whose they are.

    Each unit is a renewal process in its own time, the integral of its rate. At every seam between stretches
    it is tied to a firing that only seed, unit and seam decide, so stretches can be made in any order and no
    interval is broken at a seam.

    Parameters
    ----------
    units : Pool
    grid_s : array, shape (n,)
        Evenly spaced times from start to end of the stretch.
    rates_hz : array, shape (n_active, n)
    key : int
        Seed, the numbers of this muscle, and the number of the stretch.

    Returns
    -------
    times_s : array, shape (n_firings,)
    unit : array of int, shape (n_firings,)
    """
    n_active, n_units = len(rates_hz), len(units.interval_cv)
    grown = np.zeros(rates_hz.shape)
    np.cumsum(0.5 * (grid_s[1] - grid_s[0]) * (rates_hz[:, 1:] + rates_hz[:, :-1]), axis=1, out=grown[:, 1:])
    first = stream(*key).random(n_units)[:n_active]
    after = stream(*key[:-1], key[-1] + 1).random(n_units)[:n_active]
    rng = stream(*key, 1)
    times, owners = [], []
    for unit in np.flatnonzero(grown[:, -1] > first):
        total = grown[unit, -1]
        span = total + after[unit] - first[unit]
        own = first[unit] + span * _intervals(rng, round(span), units.interval_cv[unit])
        own = own[: np.searchsorted(own, total)]
        times.append(np.interp(own, grown[unit], grid_s))
        owners.append(np.full(len(own), unit))
    if not times:
        return np.empty(0), np.empty(0, dtype=np.int64)
    return np.concatenate(times), np.concatenate(owners)


def _intervals(rng: np.random.Generator, n: int, cv: float) -> Floats:
    """Starts of n intervals that together fill 0 to 1, shape (n,); one start at 0 where n is 0."""
    ends = np.zeros(max(n, 1))
    if n > 1:
        lengths = rng.standard_normal(n) * cv + 1
        np.cumsum(np.maximum(lengths, _LEAST_INTERVAL, out=lengths), out=lengths)
        ends[1:] = lengths[:-1] / lengths[-1]
    return ends


def unit_signal(units: Pool, times_s: Floats, owner: NDArray[np.int64], start_s: float) -> Samples:
    """Sum of the potentials of firings within a piece, with what reaches into the next one.

    Parameters
    ----------
    units : Pool
    times_s, owner : arrays, shape (n_firings,)
    start_s : float
        Of the first sample of the piece.

    Returns
    -------
    array of float32, shape (PIECE + length of a potential,)
    """
    length = units.potential_uV.shape[2]
    at = (times_s - start_s) * units.rate_hz
    # A potential that is shifted by s eighths begins s eighths after the sample before it.
    eighths = np.rint(at * _SHIFTS).astype(np.int64)
    sample, shift = eighths // _SHIFTS, eighths % _SHIFTS
    inside = (sample >= 0) & (sample < PIECE)
    sample, shift, owner = sample[inside], shift[inside], owner[inside]
    places = (sample[:, None] + np.arange(length)).ravel()
    weights = units.potential_uV[owner, shift].ravel()
    return np.bincount(places, weights=weights, minlength=PIECE + length).astype(np.float32)
