"""How each channel of a recording is cleaned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from atlasplane.chain.spasms_movement import in_step
from atlasplane.chain.spasms_settings import spasms_setting
from atlasplane.core.errors import BadInput
from atlasplane.pathways.spasm.context import Signal
from atlasplane.signals.conditioning import Conditioning, conditioned
from atlasplane.signals.filters import upper_edge_hz
from atlasplane.signals.heart_search import beat_times_s
from atlasplane.sources.muscles import muscles
from atlasplane.sources.recording import Channel, ChannelKind, Recording, Samples

_AROUND_S = 1.5
"""Read on either side of a short stretch, so that no filter's onset shows in it."""
_AROUND_WITH_HEART_S = 10.0
"""The same where heart beats are taken out: some twenty of them tell their shape."""
_LEAST_ECG_HZ = 100.0


@dataclass(frozen=True, slots=True, eq=False)
class ToldBeats:
    """Heart beats as an electrocardiogram beside the muscles tells them.

    Attributes
    ----------
    channel : Channel
        The electrocardiogram.
    times_s : array, shape (n_beats,)
        After the start of the recording.
    """

    channel: Channel
    times_s: NDArray[np.float64]


def told_beats(recording: Recording) -> ToldBeats | None:
    """Beats of the first electrocardiogram of a recording; None without one, and where it shows none."""
    for k, channel in enumerate(recording.channels):
        if channel.kind is ChannelKind.ECG and channel.rate_hz >= _LEAST_ECG_HZ:
            length = max(1, round(spasms_setting("block") * channel.rate_hz))
            times_s = beat_times_s(recording.blocks(k, length), channel.rate_hz)
            return ToldBeats(channel, times_s + channel.start_s) if times_s.size else None
    return None


def conditioning_of(recording: Recording, k: int, beats: ToldBeats | None = None) -> Conditioning:
    """What is taken out of a channel: heart beats where its muscle lies near the heart, or is not known.

    Parameters
    ----------
    recording : Recording
    k : int
        The channel.
    beats : ToldBeats, optional
        Used where both channels have one clock; otherwise the channel's own are looked for.

    Raises
    ------
    BadInput
        When the channel is too slow for muscle.
    """
    channel = recording.channels[k]
    try:
        upper_edge_hz(channel.rate_hz)
    except ValueError as slow:
        what = f"channel '{channel.label}' has {channel.rate_hz:g} Hz: {slow}"
        raise BadInput(recording.file, what, "Record muscle at 1000 Hz or more") from slow
    told = None
    if beats is not None and in_step(channel, beats.channel):
        told = beats.times_s - channel.start_s
    return Conditioning(
        heart=_near_heart(channel),
        beat_times_s=told,
        range_uV=_range_uV(channel),
    )


def _near_heart(channel: Channel) -> bool:
    known = muscles().get(channel.muscle or "")
    return known is None or known.heart


def _range_uV(channel: Channel) -> tuple[float, float] | None:
    if channel.low is None or channel.high is None:
        return None
    return channel.low, channel.high


def channel_signal(recording: Recording, k: int, conditioning: Conditioning) -> Signal:
    """Reads the cleaned signal of a short stretch of a channel."""
    channel = recording.channels[k]
    around_s = _AROUND_WITH_HEART_S if conditioning.heart else _AROUND_S

    def signal(start_s: float, stop_s: float) -> tuple[Samples, float]:
        rate_hz = channel.rate_hz
        first = max(0, round((start_s - channel.start_s) * rate_hz))
        stop = min(channel.n_samples, round((stop_s - channel.start_s) * rate_hz))
        around = round(around_s * rate_hz)
        low, high = max(0, first - around), min(channel.n_samples, stop + around)
        clean = conditioned(recording.samples.read(k, low, high), rate_hz, _from(conditioning, low / rate_hz))
        return np.ascontiguousarray(clean[first - low : stop - low]), rate_hz

    return signal


def _from(conditioning: Conditioning, start_s: float) -> Conditioning:
    """The same for samples that begin later."""
    beats_s = conditioning.beat_times_s
    return conditioning if beats_s is None else replace(conditioning, beat_times_s=beats_s - start_s)
