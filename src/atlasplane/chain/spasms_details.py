"""What a person looks at in a recording: single events near by, and the spectrum over the whole time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.pathways.spasm.context import Signal
from atlasplane.pathways.spasm.result import ChannelSpasms, EventClass, SpasmEvent
from atlasplane.sources.recording import Recording

LONGEST_S = 20.0
"""Longest stretch of an event that is looked at: more is a grey block."""
AROUND_S = 1.5
"""Shown before and after an event."""
ENVELOPE_S = 0.1
SPECTRUM_COLUMNS, SPECTRUM_BANDS = 220, 56
SPECTRUM_LOW_HZ, SPECTRUM_HIGH_HZ = 10.0, 500.0
_WINDOWS = 4
"""Seconds that are read for one column of the spectrum: it is coarse, and a day is read in a moment."""
_SHORT_S = {EventClass.CLONUS: 5.0}
"""Classes whose single contractions should be seen."""
_BAND_HZ = 430.0
"""Width of the band of the electromyogram, 20-450 Hz: the noise's power is spread over it."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EventDetail:
    """An event near by.

    Attributes
    ----------
    event : SpasmEvent
    start_s : float
        Of the first sample, after the start of the recording.
    rate_hz : float
    signal_uV : array, shape (n,)
        Cleaned signal.
    envelope_uV : array, shape (n,)
        Its root mean square over 0.1 s.
    threshold_uV : float
    whole : bool
        Whether the whole event is shown, or only its begin.
    """

    event: SpasmEvent
    start_s: float
    rate_hz: float
    signal_uV: Floats
    envelope_uV: Floats
    threshold_uV: float
    whole: bool


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Spectrum:
    """Power over time and frequency, decibels over the noise of the baseline spread over its band.

    Attributes
    ----------
    start_s : float
        Begin of the first column, after the start of the recording.
    step_s : float
        Width of a column.
    low_hz, high_hz : float
    level_dB : array, shape (bands, columns)
        From low to high frequency; NaN where nothing was recorded.
    """

    start_s: float = 0.0
    step_s: float
    low_hz: float
    high_hz: float
    level_dB: Floats


def telling_events(channel: ChannelSpasms) -> tuple[SpasmEvent, ...]:
    """Of each class of a channel the event of middle strength: neither the best nor the worst."""
    chosen = []
    for kind in EventClass:
        own = sorted((e for e in channel.events if e.class_ is kind), key=lambda e: (e.rms_uV, e.start_s))
        if own:
            chosen.append(own[len(own) // 2])
    return tuple(chosen)


def event_detail(
    event: SpasmEvent, signal: Signal, *, threshold_uV: float, begin_s: float, end_s: float
) -> EventDetail:
    """An event with its surroundings; of a long one its begin.

    Parameters
    ----------
    signal : callable
        Cleaned samples of a stretch, and their rate.
    threshold_uV : float
    begin_s, end_s : float
        Of the channel, after the start of the recording.
    """
    longest = _SHORT_S.get(event.class_, LONGEST_S)
    whole = event.duration_s <= longest
    start_s = max(event.start_s - AROUND_S, begin_s)
    stop_s = min((event.stop_s if whole else event.start_s + longest) + AROUND_S, end_s)
    samples, rate_hz = signal(start_s, stop_s)
    return EventDetail(
        event=event,
        start_s=start_s,
        rate_hz=rate_hz,
        signal_uV=samples,
        envelope_uV=_envelope(samples, rate_hz),
        threshold_uV=threshold_uV,
        whole=whole,
    )


def _envelope(samples: Floats, rate_hz: float) -> Floats:
    """Root mean square around each sample."""
    half = max(1, round(ENVELOPE_S * rate_hz / 2))
    power = np.concatenate([[0.0], np.cumsum(np.nan_to_num(samples.astype(np.float64)) ** 2)])
    at = np.arange(len(samples))
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(samples))
    return np.asarray(np.sqrt((power[high] - power[low]) / (high - low)), dtype=np.float32)


def spectrum(
    recording: Recording, channel: int, *, noise_uV: float, events: Sequence[SpasmEvent] = ()
) -> Spectrum:
    """The spectrum of a channel as it was recorded, over the whole time.

    Of each column a few seconds are read, within the events that it holds, or spread over it where it holds
    none: Welch's mean of their Hann-windowed periodograms (Welch 1967, IEEE Trans Audio Electroacoust 15:70,
    doi 10.1109/TAU.1967.1161901).

    Parameters
    ----------
    events : sequence of SpasmEvent
        Of this channel.
    noise_uV : float
        Root mean square of the quiet channel: 0 dB is that much, spread evenly over 20 to 450 Hz.
    """
    own = recording.channels[channel]
    rate_hz, duration_s = own.rate_hz, own.duration_s
    high_hz = min(SPECTRUM_HIGH_HZ, rate_hz / 2)
    columns = max(1, min(SPECTRUM_COLUMNS, math.floor(duration_s)))
    step_s = duration_s / columns
    length = min(round(rate_hz), own.n_samples)
    frequencies = np.fft.rfftfreq(length, 1 / rate_hz)
    edges = np.linspace(SPECTRUM_LOW_HZ, high_hz, SPECTRUM_BANDS + 1)
    bands = np.digitize(frequencies, edges) - 1
    level = np.full((SPECTRUM_BANDS, columns), np.nan, dtype=np.float32)
    floor = max(noise_uV, np.finfo(float).tiny) ** 2 / _BAND_HZ
    for k in range(columns):
        centres_s = _centres(own.start_s + k * step_s, step_s, events)
        begins = (round((at_s - own.start_s) * rate_hz) - length // 2 for at_s in centres_s)
        first = sorted({min(max(begin, 0), own.n_samples - length) for begin in begins})
        density = _density(recording, channel, first, length)
        if density is not None:
            level[:, k] = _band_levels(density / floor, bands)
    return Spectrum(
        start_s=own.start_s, step_s=step_s, low_hz=SPECTRUM_LOW_HZ, high_hz=high_hz, level_dB=level
    )


def _centres(start_s: float, step_s: float, events: Sequence[SpasmEvent]) -> list[float]:
    """Middles of the seconds that are read for one column."""
    parts = [(max(e.start_s, start_s), min(e.stop_s, start_s + step_s)) for e in events]
    held = sorted((part for part in parts if part[1] > part[0]), key=lambda part: part[0] - part[1])
    if held:
        return [(low + high) / 2 for low, high in held[:_WINDOWS]]
    windows = min(_WINDOWS, max(1, int(step_s)))
    return [start_s + (w + 0.5) * step_s / windows for w in range(windows)]


def _density(
    recording: Recording, channel: int, begins: Sequence[int], length: int
) -> NDArray[np.float64] | None:
    """Mean one-sided power density, uV squared a hertz; None where nothing was recorded."""
    rate_hz = recording.channels[channel].rate_hz
    window = np.hanning(length)
    found = []
    for first in begins:
        samples = recording.samples.read(channel, first, first + length).astype(np.float64)
        if not np.all(np.isfinite(samples)):
            continue
        spectrum_ = np.fft.rfft((samples - samples.mean()) * window)
        found.append(2.0 * np.abs(spectrum_) ** 2 / (rate_hz * np.sum(window**2)))
    return np.mean(found, axis=0) if found else None


def _band_levels(ratio: NDArray[np.float64], bands: NDArray[np.int64]) -> Floats:
    inside = (bands >= 0) & (bands < SPECTRUM_BANDS)
    n = np.bincount(bands[inside], minlength=SPECTRUM_BANDS)
    total = np.bincount(bands[inside], weights=ratio[inside], minlength=SPECTRUM_BANDS)
    mean = np.divide(total, n, out=np.full(SPECTRUM_BANDS, np.nan), where=n > 0)
    return np.asarray(10 * np.log10(np.maximum(mean, 1e-12)), dtype=np.float32)
