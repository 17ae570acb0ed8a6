"""One electrode of a planned recording: muscle, noise and disturbances, as the recorder holds their sum."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from atlasplane.simulate.recording_plan import (
    Generator,
    PlannedChannel,
    PlannedEvent,
    RecordingPlan,
    UnitPool,
)
from atlasplane.simulate.semg_disturbance import (
    Heartbeat,
    Hum,
    add_movement,
    add_pops,
    beat_times,
    heartbeat,
    hum,
)
from atlasplane.simulate.semg_envelope import GRID_S, Envelope, envelope, level_uV
from atlasplane.simulate.semg_spectrum import (
    PIECE,
    Floats,
    Joined,
    Samples,
    SlowWave,
    between_steps,
    coloured_noise,
    recorder_density,
    shwedyk_density,
    slow_wave,
    steps_of_piece,
    stream,
)
from atlasplane.simulate.semg_units import Pool, firings, pool, unit_signal

EVENTS, MUSCLE, FIRINGS, NOISE, HEART, MAINS, MOVEMENT = range(7)
"""Parts of a recording: second number of their streams, after the seed."""
LEVELS = 32767
"""Steps of a 16-bit recorder from 0 to either end of its range; the one number left over marks a gap."""
_STEPS_DECAY_S = 8.0
"""The artefact of a movement is over this long after it."""
_DRIFT_HZ = (1 / 10_800, 1 / 300)
UNIT_GRID_S = 0.010
"""Spacing at which firing rates are worked out."""
_SINGLE_HZ = (6.0, 12.0)
"""Firing rate of a unit that is active alone at rest."""


@dataclass(frozen=True, slots=True, eq=False)
class Muscle:
    """What the muscle of one channel does, but for units that fire alone.

    Attributes
    ----------
    envelopes : tuple of Envelope
    sound : Joined
        Noise of unit power, or the summed potentials of the motor units.
    is_noise : bool
    """

    envelopes: tuple[Envelope, ...]
    sound: Joined
    is_noise: bool


@dataclass(frozen=True, slots=True, eq=False)
class Electrode:
    """One electromyogram, or electrocardiogram, in the making.

    Attributes
    ----------
    plan : RecordingPlan
    number : int
    channel : PlannedChannel
    noise : Joined
    drift : SlowWave
        Of the noise's level.
    muscle : Muscle or None
    singles : tuple of Joined
        Units that fire alone.
    hum : Hum or None
    heartbeat : Heartbeat or None
    """

    plan: RecordingPlan
    number: int
    channel: PlannedChannel
    noise: Joined
    drift: SlowWave
    muscle: Muscle | None
    singles: tuple[Joined, ...]
    hum: Hum | None
    heartbeat: Heartbeat | None

    def piece(self, k: int) -> Samples:
        """Samples of piece k, shape (PIECE,) [uV]."""
        start_s, rate_hz = _start_s(self.plan, k), self.plan.rate_hz
        signal = self._recorder_noise(k, start_s)
        self._add_muscle(signal, k, start_s)
        if self.hum is not None:
            self.hum.add(signal, start_s, rate_hz)
        if self.heartbeat is not None:
            self.heartbeat.add(signal, start_s)
        for number, movement in enumerate(self.plan.movements):
            if (
                movement.start_s - 1 < start_s + PIECE / rate_hz
                and movement.stop_s + _STEPS_DECAY_S > start_s
            ):
                key = (self.plan.seed, MOVEMENT, self.number, number)
                add_movement(signal, start_s, rate_hz, movement, self.channel.movement_gain, *key)
        add_pops(signal, start_s, rate_hz, self.channel.pops)
        return self._recorded(signal, start_s)

    def _recorder_noise(self, k: int, start_s: float) -> Samples:
        signal = self.noise.piece(k)
        assert signal is not None, "a recorder is never silent"
        depth = self.channel.noise.drift
        if depth:
            ends = np.maximum(1 + depth * self.drift.at(np.array([start_s, _start_s(self.plan, k + 1)])), 0.3)
            signal *= np.linspace(ends[0], ends[1], PIECE, endpoint=False, dtype=np.float32)
        if self.channel.offset_uV:
            signal += np.float32(self.channel.offset_uV)
        return signal

    def _add_muscle(self, signal: Samples, k: int, start_s: float) -> None:
        if self.muscle is not None:
            if self.muscle.is_noise:
                self._add_noise_of_muscle(signal, self.muscle, k)
            else:
                _add(signal, self.muscle.sound.piece(k))
        for single in self.singles:
            _add(signal, single.piece(k))

    def _add_noise_of_muscle(self, signal: Samples, muscle: Muscle, k: int) -> None:
        grid_s = _grid_s(self.plan, k)
        level = level_uV(muscle.envelopes, grid_s)
        sound = None if level is None else muscle.sound.piece(k)
        if level is None or sound is None:
            return
        sound *= between_steps(level)
        signal += sound

    def _recorded(self, signal: Samples, start_s: float) -> Samples:
        """Held in 16 bit, clipped at the ends of the range, without what dropped out."""
        step = np.float32(self.channel.range_uV / LEVELS)
        signal /= step
        np.rint(signal, out=signal)
        np.clip(signal, -LEVELS, LEVELS, out=signal)
        signal *= step
        rate_hz = self.plan.rate_hz
        for lost in self.channel.drop_outs:
            first = max(0, round((lost.start_s - start_s) * rate_hz))
            stop = min(PIECE, round((lost.stop_s - start_s) * rate_hz))
            if first < stop:
                signal[first:stop] = _shown(lost.shows, step)
        return signal


def _shown(shows: str, step: np.float32) -> np.float32:
    return {"nan": np.float32(np.nan), "zero": np.float32(0), "rail": step * np.float32(LEVELS)}[shows]


def _add(signal: Samples, more: Samples | None) -> None:
    if more is not None:
        signal += more


def _start_s(plan: RecordingPlan, k: int) -> float:
    return float(k * PIECE * plan.period_s)


def _grid_s(plan: RecordingPlan, k: int, longest_s: float = GRID_S) -> Floats:
    """Times from the start to the end of a piece at which envelopes are worked out."""
    n = steps_of_piece(plan.rate_hz, longest_s)
    return np.linspace(_start_s(plan, k), _start_s(plan, k + 1), n + 1)


def heart_beats(plan: RecordingPlan) -> Floats | None:
    """R waves of the plan's heart [s], common to all channels; None without one."""
    return None if plan.heart is None else beat_times(plan.heart, plan.duration_s, plan.seed, HEART)


def electrode(plan: RecordingPlan, number: int, channel: PlannedChannel, beats_s: Floats | None) -> Electrode:
    """The electrode of one channel.

    Parameters
    ----------
    plan : RecordingPlan
    number : int
        Which events are its own, and which streams.
    channel : PlannedChannel
    beats_s : array or None
        As `heart_beats`.
    """
    nyquist_hz = plan.rate_hz / 2
    own = [(i, event) for i, event in enumerate(plan.events) if event.channel == number]
    whole = [envelope(event, plan.seed, EVENTS, i) for i, event in own if event.class_ != "unit"]
    return Electrode(
        plan=plan,
        number=number,
        channel=channel,
        noise=coloured_noise(
            partial(recorder_density, noise=channel.noise, nyquist_hz=nyquist_hz),
            plan.rate_hz,
            plan.seed,
            NOISE,
            number,
        ),
        drift=slow_wave(stream(plan.seed, NOISE, number), *_DRIFT_HZ),
        muscle=_muscle(plan, number, channel, tuple(whole)) if whole else None,
        singles=tuple(_single(plan, event, i) for i, event in own if event.class_ == "unit"),
        hum=hum(plan.mains, channel.mains_uV, plan.seed, MAINS, number)
        if plan.mains and channel.mains_uV
        else None,
        heartbeat=_heartbeat(plan, channel, beats_s),
    )


def _heartbeat(plan: RecordingPlan, channel: PlannedChannel, beats_s: Floats | None) -> Heartbeat | None:
    if plan.heart is None or beats_s is None or not channel.heart_uV:
        return None
    return heartbeat(plan.heart, beats_s, plan.rate_hz, channel.heart_uV)


def _muscle(
    plan: RecordingPlan, number: int, channel: PlannedChannel, envelopes: tuple[Envelope, ...]
) -> Muscle:
    if channel.generator is Generator.NOISE:
        density = partial(_unit_density, channel=channel, nyquist_hz=plan.rate_hz / 2)
        return Muscle(envelopes, coloured_noise(density, plan.rate_hz, plan.seed, MUSCLE, number), True)
    units = pool(channel.pool, plan.rate_hz, plan.seed, MUSCLE, number)

    def make(k: int) -> Samples | None:
        grid_s = _grid_s(plan, k, UNIT_GRID_S)
        level = level_uV(envelopes, grid_s) if k >= 0 else None
        return None if level is None else _pool_signal(units, grid_s, level, plan.seed, FIRINGS, number, k)

    return Muscle(envelopes, Joined(make), False)


def _unit_density(frequency_hz: Floats, *, channel: PlannedChannel, nyquist_hz: float) -> Floats:
    """Shwedyk's density, with what lies above half the sampling rate (a few percent) given to the rest."""
    density = shwedyk_density(frequency_hz, channel.spectrum)
    scaled: Floats = density / (density[1:-1].sum() * (frequency_hz[1] - frequency_hz[0]))
    return scaled


def _pool_signal(units: Pool, grid_s: Floats, level: Floats, *key: int) -> Samples:
    """Summed potentials of a piece; beyond full drive the potentials themselves grow."""
    times_s, owner = firings(units, grid_s, units.rates_hz(level), *key)
    signal = unit_signal(units, times_s, owner, grid_s[0])
    if level.max() > units.full_uV:
        gain = np.interp(np.arange(len(signal)), np.linspace(0, PIECE, len(grid_s)), level / units.full_uV)
        signal *= np.maximum(gain, 1).astype(np.float32)
    return signal


def _single(plan: RecordingPlan, event: PlannedEvent, number: int) -> Joined:
    """One unit that fires alone, steadily, from start to stop."""
    rng = stream(plan.seed, EVENTS, number)
    rate_hz = float(rng.uniform(*_SINGLE_HZ))
    shape = plan.channels[event.channel].pool
    alone = UnitPool(
        n_units=1,
        full_uV=event.rms_uV,
        lowest_hz=rate_hz,
        highest_hz=rate_hz,
        interval_cv=shape.interval_cv,
        duration_s=shape.duration_s,
        triphasic=shape.triphasic,
    )
    unit = pool(alone, plan.rate_hz, plan.seed, EVENTS, number, 1)

    def make(k: int) -> Samples | None:
        grid_s = _grid_s(plan, k)
        if event.start_s >= grid_s[-1] or event.stop_s <= grid_s[0] or k < 0:
            return None
        firing = np.where((grid_s >= event.start_s) & (grid_s < event.stop_s), rate_hz, 0.0)[None]
        times_s, owner = firings(unit, grid_s, firing, plan.seed, FIRINGS, number, k)
        return unit_signal(unit, times_s, owner, grid_s[0])

    return Joined(make)
