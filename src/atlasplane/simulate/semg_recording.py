"""A planned recording as samples: made piece by piece when they are read, the same in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from atlasplane.simulate.recording_plan import PlannedChannel, RecordingPlan
from atlasplane.simulate.semg_channel import electrode, heart_beats
from atlasplane.simulate.semg_motion import motion_axes
from atlasplane.simulate.semg_spectrum import PIECE, Samples
from atlasplane.sources.recording import Annotation, Channel, ChannelKind, Recording

MOTION_RANGE_G = 16.0


def simulated_recording(plan: RecordingPlan) -> Recording:
    """The planned recording; samples are made when they are read, in bounded memory.

    Parameters
    ----------
    plan : RecordingPlan

    Returns
    -------
    Recording
        Electromyograms in the plan's order; then "ECG" where the heart has a reference, and "ACC X", "ACC Y",
        "ACC Z" where there is a motion sensor. Annotated with `quiet`, and with `movement` where planned.
    """
    return Recording(
        file=plan.file,
        channels=_channels(plan),
        samples=PlannedSamples(plan),
        annotations=_annotations(plan),
        started=plan.started,
        simulated=True,
    )


def simulated_blocks(plan: RecordingPlan, channel: int, length: int = PIECE) -> Iterator[Samples]:
    """Samples of one channel [uV; g] in blocks of `length`, the last one maybe shorter."""
    return simulated_recording(plan).blocks(channel, length)


def _channels(plan: RecordingPlan) -> tuple[Channel, ...]:
    electric = [(one.label, ChannelKind.EMG, one.range_uV, one.muscle, one.side) for one in plan.channels]
    if plan.heart is not None and plan.heart.reference_uV:
        electric.append(("ECG", ChannelKind.ECG, reference_channel(plan).range_uV, None, None))
    channels = [
        Channel(
            label=label,
            kind=kind,
            unit="uV",
            period_s=plan.period_s,
            n_samples=plan.n_samples,
            low=-range_uV,
            high=range_uV,
            muscle=muscle,
            side=side,
        )
        for label, kind, range_uV, muscle, side in electric
    ]
    return (*channels, *_motion_channels(plan))


def _motion_channels(plan: RecordingPlan) -> tuple[Channel, ...]:
    sensor = plan.motion
    if sensor is None:
        return ()
    n = max(0, int((plan.duration_s - sensor.start_s) / sensor.period_s))
    return tuple(
        Channel(
            label=f"ACC {axis}",
            kind=ChannelKind.ACCELERATION,
            unit="[g]",
            period_s=sensor.period_s,
            n_samples=n,
            start_s=sensor.start_s,
            low=-MOTION_RANGE_G,
            high=MOTION_RANGE_G,
        )
        for axis in "XYZ"
    )


def _annotations(plan: RecordingPlan) -> tuple[Annotation, ...]:
    quiet = [Annotation(start_s=start, duration_s=stop - start, text="quiet") for start, stop in plan.quiet]
    moved = [
        Annotation(start_s=one.start_s, duration_s=one.stop_s - one.start_s, text="movement")
        for one in plan.movements
        if one.annotated
    ]
    return tuple(sorted([*quiet, *moved], key=lambda note: note.start_s))


def reference_channel(plan: RecordingPlan) -> PlannedChannel:
    """The electrocardiogram channel of a plan whose heart has a reference."""
    peak = plan.heart.reference_uV if plan.heart is not None else 0.0
    return PlannedChannel(label="ECG", heart_uV=peak, movement_gain=0.3)


class PlannedSamples:
    """The samples of a plan; may be read by several threads at once.

    Each channel keeps the piece that was read last: whoever reads on from there makes nothing twice.
    """

    def __init__(self, plan: RecordingPlan) -> None:
        beats = heart_beats(plan)
        electric = list(plan.channels)
        if plan.heart is not None and plan.heart.reference_uV:
            electric.append(reference_channel(plan))
        makers: list[Callable[[int], Samples]] = [
            electrode(plan, number, channel, beats).piece for number, channel in enumerate(electric)
        ]
        makers += [axis.piece for axis in motion_axes(plan)]
        self._makers = makers
        self._last: list[tuple[int, Samples] | None] = [None] * len(makers)

    def read(self, channel: int, first: int, stop: int) -> Samples:
        """Samples first to stop - 1 of a channel [uV; g]."""
        out = np.empty(max(stop - first, 0), dtype=np.float32)
        done = first
        while done < stop:
            k, within = divmod(done, PIECE)
            n = min(PIECE - within, stop - done)
            out[done - first : done - first + n] = self._piece(channel, k)[within : within + n]
            done += n
        return out

    def _piece(self, channel: int, k: int) -> Samples:
        last = self._last[channel]
        if last is None or last[0] != k:
            last = (k, self._makers[channel](k))
            self._last[channel] = last
        return last[1]
