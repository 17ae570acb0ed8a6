"""When the body moved during a recording: what its motion sensors and its notes say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from atlasplane.chain.spasms_settings import spasms_setting
from atlasplane.core.errors import MissingExtra
from atlasplane.pathways.spasm.context import Stretch
from atlasplane.pathways.spasm.segmentation import joined, runs
from atlasplane.sources.recording import Channel, ChannelKind, Recording, Samples

try:  # here: every module that works on recordings imports this one before it imports the filters
    from atlasplane.signals.motion import Motion, Sensor, motion
except ImportError as missing:
    raise MissingExtra("signals", "measuring spasm") from missing

MOVEMENT = "movement"
"""Text of an annotation, whatever its case."""
_AXES = 3
_LIMITS = {"m/s2": "acceleration", "deg/s": "rotation"}
_SENSORS = {sensor.value: sensor for sensor in Sensor}


def movement(recording: Recording, label: str) -> tuple[Stretch, ...] | None:
    """When the body moved, as a note says it for a channel; None without such a note."""
    noted = [
        Stretch(start_s=note.start_s, stop_s=note.start_s + note.duration_s)
        for note in recording.annotations
        if note.text.strip().lower() == MOVEMENT and note.duration_s > 0 and note.channel in (None, label)
    ]
    return tuple(noted) if noted else None


def sensed_movement(recording: Recording) -> tuple[Stretch, ...] | None:
    """When any motion sensor of a recording moved; None without one that tells.

    One that stands at a number from begin to end is off: a sensor at rest has noise.
    """
    found: list[Stretch] = []
    told_by_any = False
    for axes in _sensors(recording):
        first = recording.channels[axes[0]]
        told = motion(
            [_blocks(recording, k) for k in axes],
            first.rate_hz,
            _SENSORS[first.unit],
            start_s=first.start_s,
        )
        told_by_any |= bool(np.any(np.nan_to_num(told.magnitude) > 0))
        found += _moving(told, apart=_clock_apart(recording, first))
    return tuple(sorted(found, key=lambda stretch: stretch.start_s)) if told_by_any else None


def _sensors(recording: Recording) -> Iterator[Sequence[int]]:
    """Neighbouring channels of one kind, unit and clock, three to a sensor."""
    axes: list[int] = []
    for k, channel in enumerate(recording.channels):
        if not _is_motion(channel):
            continue
        before = recording.channels[axes[-1]] if axes else None
        if before is not None and (len(axes) == _AXES or _clock(before) != _clock(channel)):
            yield axes
            axes = []
        axes = [*axes, k]
    if axes:
        yield axes


def _is_motion(channel: Channel) -> bool:
    kinds = (ChannelKind.ACCELERATION, ChannelKind.ROTATION)
    return channel.kind in kinds and channel.unit in _SENSORS and channel.n_samples > 0


def _clock(channel: Channel) -> tuple[object, ...]:
    return channel.kind, channel.unit, channel.period_s, channel.start_s, channel.n_samples


def _blocks(recording: Recording, k: int) -> Iterator[Samples]:
    return recording.blocks(k, max(1, round(spasms_setting("block") * recording.channels[k].rate_hz)))


def _clock_apart(recording: Recording, sensor: Channel) -> float:
    """Share of the time by which a sensor's clock may be off that of the muscles; 0 where they have one."""
    muscles = [channel for channel in recording.channels if channel.kind is ChannelKind.EMG]
    same = all(in_step(channel, sensor) for channel in muscles)
    return 0.0 if same else spasms_setting("clock")


def in_step(one: Channel, other: Channel) -> bool:
    """Whether the samples of one channel fall on every so manieth of the other, to the end."""
    slower, faster = sorted((one, other), key=lambda channel: channel.period_s, reverse=True)
    return (slower.period_s / faster.period_s).denominator == 1


def _moving(told: Motion, *, apart: float) -> Iterator[Stretch]:
    limit = spasms_setting(_LIMITS[told.unit])
    above = np.nan_to_num(told.magnitude, nan=0.0) > limit
    rest = round(spasms_setting("rest_within") / told.hop_s)
    for first, stop in joined(runs(above), rest):
        start_s, stop_s = (told.start_s + float(edge) * told.hop_s for edge in (first, stop))
        yield Stretch(start_s=max(0.0, start_s * (1 - apart)), stop_s=stop_s * (1 + apart))
