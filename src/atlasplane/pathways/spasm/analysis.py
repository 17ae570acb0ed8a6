"""One channel analysed: from its frames to events, burden and rate."""

from __future__ import annotations

from collections.abc import Sequence

from atlasplane.pathways.spasm.activity import Activity, activity
from atlasplane.pathways.spasm.attribution import attributed, moving_frames
from atlasplane.pathways.spasm.context import Context, Stretch
from atlasplane.pathways.spasm.kinds import Kind, kind_of_parts, spasm_kind
from atlasplane.pathways.spasm.quality import excluded_stretches
from atlasplane.pathways.spasm.result import Baseline, ChannelSpasms, EventClass, SpasmEvent
from atlasplane.pathways.spasm.settings import SpasmSettings, spasm_settings
from atlasplane.pathways.spasm.summary import Found, summary
from atlasplane.signals.frames import Frames
from atlasplane.sources.recording import Channel


def analyse(
    channel: Channel,
    frames: Frames,
    baseline: Baseline,
    context: Context | None = None,
    settings: SpasmSettings | None = None,
) -> ChannelSpasms:
    """Spasms of a channel.

    Parameters
    ----------
    channel : Channel
    frames : Frames
        Of the whole channel.
    baseline : Baseline
        From outside of what is judged.
    context : Context, optional
        Movement, notes, palpation, reference.
    settings : SpasmSettings, optional
        Default the packaged ones.
    """
    known, used = context or Context(), settings or spasm_settings()
    seen = activity(frames, baseline, known, used)
    moving = None if known.movement is None else moving_frames(known.movement, frames, used)
    parts = attributed(seen.active, seen.excess_uV2, seen.certain, moving, used, frames.hop_s)
    spasm = seen.stretches(parts.spasm)
    events = [_event(seen, stretch, EventClass.VOLUNTARY) for stretch in seen.stretches(parts.voluntary)]
    events += [
        _event(seen, stretch, EventClass.UNATTRIBUTED) for stretch in seen.stretches(parts.unattributed)
    ]
    for near in grouped(spasm, used.merge_gap_s):
        parts_of = grouped(near, min(used.kind_gap_s, used.merge_gap_s))
        kind = kind_of_parts([_kind(seen, part, known, used) for part in parts_of])
        events.append(_event(seen, whole(near), kind.class_, kind.frequency_hz))
    events.sort(key=lambda event: (event.start_s, event.stop_s))
    excluded = sorted(
        (*excluded_stretches(frames, used), *seen.excluded, *known.excluded),
        key=lambda stretch: stretch.start_s,
    )
    found = Found(seen=seen, spasm=spasm, events=tuple(events), excluded=tuple(excluded))
    return summary(channel, baseline, known, used, found)


def grouped(stretches: Sequence[Stretch], gap_s: float) -> tuple[tuple[Stretch, ...], ...]:
    """Stretches, in order, those less than a gap apart together."""
    groups: list[list[Stretch]] = []
    stop_s = 0.0
    for stretch in stretches:
        if groups and stretch.start_s - stop_s < gap_s:
            groups[-1].append(stretch)
            stop_s = max(stop_s, stretch.stop_s)
        else:
            groups.append([stretch])
            stop_s = stretch.stop_s
    return tuple(map(tuple, groups))


def whole(stretches: Sequence[Stretch]) -> Stretch:
    """From the start of the first of stretches in order to the last end."""
    return Stretch(start_s=stretches[0].start_s, stop_s=max(stretch.stop_s for stretch in stretches))


def _kind(seen: Activity, parts: Sequence[Stretch], context: Context, settings: SpasmSettings) -> Kind:
    """Class of stretches that lie near each other."""
    stretch = whole(parts)
    power = seen.excess_uV2[seen.between(stretch)]
    class_, frequency_hz = spasm_kind(
        stretch,
        power,
        seen.hop_s,
        active=parts,
        baseline=seen.baseline,
        context=context,
        settings=settings,
    )
    return Kind(class_, frequency_hz, sum(part.stop_s - part.start_s for part in parts))


def _event(
    seen: Activity, stretch: Stretch, class_: EventClass, frequency_hz: float | None = None
) -> SpasmEvent:
    """One stretch with its level and how sure it is."""
    return SpasmEvent(
        start_s=stretch.start_s,
        stop_s=stretch.stop_s,
        class_=class_,
        rms_uV=seen.rms_uV(stretch),
        frequency_hz=frequency_hz,
        confidence=seen.confidence(stretch),
    )
