"""What else an electrode picks up: the heart, the mains, moving cables, jumps of its own potential."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from atlasplane.simulate.recording_plan import Heart, HeartShape, Mains, Movement, Pop
from atlasplane.simulate.semg_spectrum import (
    PIECE,
    Floats,
    Samples,
    SlowWave,
    between_steps,
    slow_wave,
    steps_of_piece,
    stream,
)

_BREATH_S = 4.0
_BEFORE_S, _AFTER_S = 0.30, 0.50
"""What of a beat lies before and after its R wave."""
_BEAT_ENDS_S = 0.03
_BEAT_SHIFTS = 64
"""Places within a sample at which a beat is kept ready: an error of at most 1/500 of its peak at 1000 Hz."""
_ARTEFACT_HZ = (0.4, 18.0)
_ARTEFACT_CORNER_HZ = 3.0
"""Above it the waves of an artefact get weaker with the square of their frequency."""
_ARTEFACT_WAVES = 14
_HUM_STEP_S = 0.25
_TUG_S = 0.03
"""Standard deviation of the rise of a step that a tugged cable makes."""


def beat_times(heart: Heart, duration_s: float, *key: int) -> Floats:
    """R waves of a recording [s], shape (n,): breathing, slow change and chance vary the intervals."""
    rng = stream(*key)
    mean = 60 / heart.rate_per_min
    n = math.ceil(duration_s / mean * 1.05) + 20
    about: Floats = np.arange(n, dtype=np.float64) * mean
    breath = math.sqrt(2) * np.sin(2 * math.pi * about / _BREATH_S + 2 * math.pi * rng.random())
    slow = slow_wave(rng, 0.003, 0.1).at(about)
    # Shares of the variance: 0.36 + 0.39 + 0.25 = 1.
    change = 0.6 * breath + math.sqrt(0.39) * slow + 0.5 * rng.standard_normal(n)
    intervals = mean * np.clip(1 + heart.variability * change, 0.5, 1.6)
    beats: Floats = np.cumsum(intervals) - intervals[0] * rng.random()
    return beats[beats < duration_s + _BEFORE_S]


def beat_wave(shape: HeartShape, time_s: Floats) -> Floats:
    """One beat at times after its R wave, R about 1: a sum of Gaussians.

    Notes
    -----
    McSharry PE, Clifford GD, Tarassenko L, Smith LA (2003) A dynamical model for generating synthetic
    electrocardiogram signals. IEEE Trans Biomed Eng 50:289, doi 10.1109/TBME.2003.808805.
    """
    waves = zip(shape.at_s, shape.height, shape.width_s, strict=True)
    total: Floats = np.zeros(np.shape(time_s))
    for at, height, width in waves:
        total += height * np.exp(-np.square((time_s - at) / width) / 2)
    return total


@dataclass(frozen=True, slots=True, eq=False)
class Heartbeat:
    """The heart on one channel.

    Attributes
    ----------
    beats_s : array, shape (n,)
        R waves in rising order.
    wave_uV : array of float32, shape (64, length)
        A beat that begins 0/64 .. 63/64 of a sample after a sample.
    rate_hz : float
    """

    beats_s: Floats
    wave_uV: Samples
    rate_hz: float

    def add(self, signal: Samples, start_s: float) -> None:
        """Add it to a piece in place; breathing changes the height of the beats by a tenth."""
        length = self.wave_uV.shape[1]
        stop_s = start_s + len(signal) / self.rate_hz
        near = slice(*np.searchsorted(self.beats_s, [start_s - _AFTER_S - 1, stop_s + _BEFORE_S + 1]))
        for beat in self.beats_s[near]:
            place = round((beat - _BEFORE_S - start_s) * self.rate_hz * _BEAT_SHIFTS)
            sample, shift = divmod(place, _BEAT_SHIFTS)
            first, stop = max(0, sample), min(len(signal), sample + length)
            if first < stop:
                height = np.float32(1 + 0.1 * math.sin(2 * math.pi * beat / _BREATH_S))
                signal[first:stop] += height * self.wave_uV[shift, first - sample : stop - sample]


def heartbeat(heart: Heart, beats_s: Floats, rate_hz: float, peak_uV: float) -> Heartbeat:
    """The heart on a channel whose R waves have a peak [uV]."""
    length = math.ceil((_BEFORE_S + _AFTER_S) * rate_hz)
    time_s = (np.arange(length) - np.arange(_BEAT_SHIFTS)[:, None] / _BEAT_SHIFTS) / rate_hz - _BEFORE_S
    # What is left of the waves at both ends is taken down to zero.
    ends = np.clip((np.minimum(time_s + _BEFORE_S, _AFTER_S - time_s)) / _BEAT_ENDS_S, 0, 1)
    return Heartbeat(beats_s, (peak_uV * ends * beat_wave(heart.shape, time_s)).astype(np.float32), rate_hz)


@dataclass(frozen=True, slots=True, eq=False)
class Hum:
    """Mains on one channel.

    Attributes
    ----------
    mains : Mains
    amplitude_uV : float
    level, wander : SlowWave
        Of the amplitude, and of the line's frequency.
    phase : float
        Cycles.
    """

    mains: Mains
    amplitude_uV: float
    level: SlowWave
    wander: SlowWave
    phase: float

    def add(self, signal: Samples, start_s: float, rate_hz: float) -> None:
        """Add it to a piece in place."""
        n = steps_of_piece(rate_hz, _HUM_STEP_S)
        ends_s: Floats = np.linspace(start_s, start_s + PIECE / rate_hz, n + 1)
        # Whole cycles are taken off in double precision; cosines are then quick in single.
        cycles = self.mains.frequency_hz * ends_s + self._wandered(ends_s) + self.phase
        part = (np.arange(PIECE // n) * (n / PIECE)).astype(np.float32)
        cycle = (cycles % 1)[:-1, None].astype(np.float32) + np.diff(cycles)[:, None].astype(
            np.float32
        ) * part
        level = np.maximum(1 + self.mains.drift * self.level.at(ends_s), 0.0)
        wave = _harmonics(self.mains.harmonics, cycle.reshape(PIECE))
        wave *= between_steps(self.amplitude_uV * level)
        signal += wave

    def _wandered(self, time_s: Floats) -> Floats:
        """Cycles that the line has gained: the integral of its deviation, whose size `wander_hz` bounds."""
        total: Floats = np.zeros(np.shape(time_s))
        n = len(self.wander.frequency_hz)
        for frequency, phase in zip(self.wander.frequency_hz, self.wander.phase, strict=True):
            total += np.sin(2 * math.pi * frequency * time_s + phase) / (2 * math.pi * frequency)
        return total * self.mains.wander_hz / n


def _harmonics(height: tuple[float, ...], cycle: Samples) -> Samples:
    """Sum of cosines of 1, 2, .. times a phase; each follows from the two before it (Chebyshev)."""
    before, now = np.ones_like(cycle), np.cos(np.float32(2 * math.pi) * cycle)
    twice = 2 * now
    total: Samples = np.float32(height[0]) * now
    for one in height[1:]:
        before, now = now, twice * now - before
        total += np.float32(one) * now
    return total


def hum(mains: Mains, amplitude_uV: float, *key: int) -> Hum:
    """Mains of one channel: the line's frequency is common to all, amplitude and phase are its own.

    Parameters
    ----------
    mains : Mains
    amplitude_uV : float
        Of the fundamental.
    key : int
        Seed, the number of this part, and the number of the channel.
    """
    common, own = stream(*key[:-1]), stream(*key)
    return Hum(mains, amplitude_uV, slow_wave(own, 0.002, 0.1), slow_wave(common, 0.002, 0.02), own.random())


def add_movement(
    signal: Samples, start_s: float, rate_hz: float, movement: Movement, gain: float, *key: int
) -> None:
    """Add the artefact of a movement to a piece in place: slow waves, and steps of a tugged cable."""
    if gain == 0:
        return
    _add_waves(signal, start_s, rate_hz, movement, gain * movement.artefact_uV, *key)
    _add_steps(signal, start_s, rate_hz, movement, gain * movement.step_uV, *key)


def _add_waves(
    signal: Samples, start_s: float, rate_hz: float, movement: Movement, peak_uV: float, *key: int
) -> None:
    first, stop = _samples_between(movement.start_s, movement.stop_s, start_s, rate_hz, len(signal))
    if peak_uV == 0 or stop <= first:
        return
    rng = stream(*key)
    low, high = _ARTEFACT_HZ
    frequency = low * (high / low) ** (
        (np.arange(_ARTEFACT_WAVES) + rng.random(_ARTEFACT_WAVES)) / _ARTEFACT_WAVES
    )
    height = 1 / (1 + np.square(frequency / _ARTEFACT_CORNER_HZ))
    phase = rng.random(_ARTEFACT_WAVES) * 2 * math.pi
    time_s = start_s + np.arange(first, stop) / rate_hz
    waves = sum(
        h * np.cos(2 * math.pi * f * time_s + p) for f, h, p in zip(frequency, height, phase, strict=True)
    )
    # Three standard deviations count as the peak.
    scale = peak_uV / (3 * math.sqrt(float(np.square(height).sum()) / 2))
    signal[first:stop] += (scale * waves * activity(movement, time_s)).astype(np.float32)


def _add_steps(
    signal: Samples, start_s: float, rate_hz: float, movement: Movement, step_uV: float, *key: int
) -> None:
    if step_uV == 0:
        return
    rng = stream(*key, 1)
    n_steps = 1 + rng.poisson(0.5 * (movement.stop_s - movement.start_s))
    for at in np.sort(rng.uniform(movement.start_s, movement.stop_s, n_steps)):
        height, decay = step_uV * rng.choice([-1, 1]) * rng.uniform(0.3, 1), rng.uniform(0.2, 0.8)
        first, stop = _samples_between(at - 6 * _TUG_S, at + 8 * decay, start_s, rate_hz, len(signal))
        time_s = start_s - at + np.arange(first, stop) / rate_hz
        rise = special.ndtr(time_s / _TUG_S)
        signal[first:stop] += (height * rise * np.exp(-np.maximum(time_s, 0) / decay)).astype(np.float32)


def activity(movement: Movement, time_s: Floats) -> Floats:
    """How much it moves at a time, 0 to 1: soft ramps of a quarter of a second, or of half the movement."""
    ramp = min(0.25, (movement.stop_s - movement.start_s) / 2)
    up = np.clip((time_s - movement.start_s) / ramp, 0, 1)
    down = np.clip((movement.stop_s - time_s) / ramp, 0, 1)
    ramps: Floats = 0.25 * (1 - np.cos(math.pi * up)) * (1 - np.cos(math.pi * down))
    return ramps


def add_pops(signal: Samples, start_s: float, rate_hz: float, pops: Sequence[Pop]) -> None:
    """Add jumps of the electrode's potential to a piece in place."""
    for pop in pops:
        first, stop = _samples_between(pop.at_s, pop.at_s + 12 * pop.decay_s, start_s, rate_hz, len(signal))
        if first == stop:
            continue
        time_s = start_s - pop.at_s + np.arange(first, stop) / rate_hz
        signal[first:stop] += (pop.step_uV * np.exp(-time_s / pop.decay_s)).astype(np.float32)


def _samples_between(from_s: float, to_s: float, start_s: float, rate_hz: float, n: int) -> tuple[int, int]:
    """First sample of a piece at or after a time, and first one after another; stop >= first."""
    first = min(max(0, math.ceil((from_s - start_s) * rate_hz)), n)
    return first, max(first, min(n, math.floor((to_s - start_s) * rate_hz) + 1))
