"""How each channel of a recording is cleaned."""

from __future__ import annotations

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.pathways.spasm.context import Signal
from atlasplane.signals.conditioning import Conditioning, conditioned
from atlasplane.signals.filters import upper_edge_hz
from atlasplane.sources.muscles import muscles
from atlasplane.sources.recording import Channel, Recording, Samples

_AROUND_S = 1.5
"""Read on either side of a short stretch, so that no filter's onset shows in it."""


def conditioning_of(recording: Recording, k: int) -> Conditioning:
    """What is taken out of a channel: heart beats where its muscle lies near the heart, or is not known.

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
    return Conditioning(heart=_near_heart(channel), range_uV=_range_uV(channel))


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

    def signal(start_s: float, stop_s: float) -> tuple[Samples, float]:
        rate_hz = channel.rate_hz
        first = max(0, round((start_s - channel.start_s) * rate_hz))
        stop = min(channel.n_samples, round((stop_s - channel.start_s) * rate_hz))
        around = round(_AROUND_S * rate_hz)
        low, high = max(0, first - around), min(channel.n_samples, stop + around)
        samples = recording.samples.read(k, low, high)
        clean = conditioned(samples, rate_hz, conditioning)
        return np.ascontiguousarray(clean[first - low : stop - low]), rate_hz

    return signal
