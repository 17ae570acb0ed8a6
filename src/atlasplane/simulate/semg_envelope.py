"""How strong each event is from moment to moment: ramps, fluctuation, the bursts of a clonus."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.simulate.recording_plan import PlannedEvent
from atlasplane.simulate.semg_spectrum import Floats, SlowWave, slow_wave, stream

GRID_S = 0.004
"""Spacing at which envelopes are worked out; samples between are interpolated."""
_MOST_POINTS = 5_000
"""Points at which the mean square of a long event is taken."""
_LEAST_LEVEL = 0.2
"""Of a fluctuating amplitude: a contraction that lasts does not vanish in between."""
_JITTER = 0.03
"""Standard deviation of a contraction's time about the exact beat of its clonus, share of the period."""
_UNEVEN = 0.15
"""Standard deviation of the height of the contractions of a clonus."""
_SHAKEN = 0.8
"""How deep the rhythm cuts into the tonic part of a mixed spasm."""


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """Root mean square of one event over time.

    Attributes
    ----------
    event : PlannedEvent
    wave : SlowWave
    beat_s, height : array, shape (n,)
        Middle and relative height of the contractions of a clonus, empty for other classes.
    scale_uV : float
    """

    event: PlannedEvent
    wave: SlowWave
    beat_s: Floats
    height: Floats
    scale_uV: float = 1.0

    @property
    def start_s(self) -> float:
        """First moment of activity."""
        return self.event.start_s - self.event.rise_s / 2

    @property
    def stop_s(self) -> float:
        """Last moment of activity."""
        return self.event.stop_s + self.event.fall_s / 2

    def at(self, time_s: Floats) -> Floats:
        """Root mean square [uV] at times, shape (n,)."""
        event = self.event
        level = np.maximum(1 + event.fluctuation * self.wave.at(time_s), _LEAST_LEVEL)
        if event.class_ == "clonus":
            shape = self._bursts(time_s)
        elif event.class_ == "myoclonus":
            shape = np.sqrt(_hann((time_s - event.start_s) / event.duration_s))
        else:
            shape = self._ramps(time_s)
            if event.class_ == "mixed":
                shape = shape * (1 - _SHAKEN + _SHAKEN * self._bursts(time_s))
        values: Floats = self.scale_uV * level * shape
        return values

    def _ramps(self, time_s: Floats) -> Floats:
        up = np.clip((time_s - self.start_s) / self.event.rise_s, 0, 1)
        down = np.clip((self.stop_s - time_s) / self.event.fall_s, 0, 1)
        if self.event.ramp == "linear":
            return up * down
        ramps: Floats = 0.25 * (1 - np.cos(math.pi * up)) * (1 - np.cos(math.pi * down))
        return ramps

    def _bursts(self, time_s: Floats) -> Floats:
        """Contractions as squared-cosine bursts; they do not overlap."""
        width = self.event.burst / float(self.event.frequency_hz or 1.0)
        nearest = np.searchsorted((self.beat_s[1:] + self.beat_s[:-1]) / 2, time_s)
        place = (time_s - self.beat_s[nearest]) / width + 0.5
        return self.height[nearest] * np.sqrt(_hann(place))


def _hann(place: Floats) -> Floats:
    """Raised cosine over 0 to 1, 0 outside."""
    hann: Floats = np.where((place > 0) & (place < 1), 0.5 * (1 - np.cos(2 * math.pi * place)), 0.0)
    return hann


def envelope(event: PlannedEvent, *key: int) -> Envelope:
    """The envelope of an event, scaled so that its mean square from start to stop is the planned one.

    Parameters
    ----------
    event : PlannedEvent
    key : int
        Seed and the numbers of this event (`semg_spectrum.stream`).
    """
    rng = stream(*key)
    wave = slow_wave(rng, 0.05, 1.2)
    beats = np.empty(0)
    if event.frequency_hz is not None:
        n_beats = max(1, math.floor(event.duration_s * event.frequency_hz + 1e-6))
        jitter = np.clip(_JITTER * rng.standard_normal(n_beats), -3 * _JITTER, 3 * _JITTER)
        beats = event.start_s + (np.arange(n_beats) + 0.5 + jitter) / event.frequency_hz
    height = np.clip(1 + _UNEVEN * rng.standard_normal(len(beats)), 0.4, 1.6)
    unscaled = Envelope(event, wave, beats, height)
    n_points = int(np.clip(event.duration_s / (GRID_S / 4), 64, _MOST_POINTS))
    middles = event.start_s + (np.arange(n_points) + 0.5) * event.duration_s / n_points
    mean_square = float(np.mean(np.square(unscaled.at(middles))))
    return Envelope(event, wave, beats, height, event.rms_uV / math.sqrt(mean_square))


def level_uV(envelopes: Sequence[Envelope], time_s: Floats) -> Floats | None:
    """Root mean square of all events of a channel together [uV] at rising times; None where there is none."""
    heard = [one for one in envelopes if one.start_s < time_s[-1] and one.stop_s > time_s[0]]
    if not heard:
        return None
    power = np.zeros(len(time_s))
    for one in heard:
        within = slice(*np.searchsorted(time_s, [one.start_s, one.stop_s]))
        power[within] += np.square(one.at(time_s[within]))
    level: Floats = np.sqrt(power)
    return level
