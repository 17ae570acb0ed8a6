"""One channel analysed: from its frames to events, burden and rate."""

from __future__ import annotations

from atlasplane.pathways.spasm.activity import Activity, activity
from atlasplane.pathways.spasm.attribution import attributed, moving_frames
from atlasplane.pathways.spasm.context import Context, Stretch
from atlasplane.pathways.spasm.kinds import spasm_kind
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
    for stretch in merged(spasm, used.merge_gap_s):
        power = seen.excess_uV2[seen.between(stretch)]
        class_, frequency_hz = spasm_kind(
            stretch, power, frames.hop_s, baseline=baseline, context=known, settings=used
        )
        events.append(_event(seen, stretch, class_, frequency_hz))
    events.sort(key=lambda event: (event.start_s, event.stop_s))
    excluded = sorted(
        (*excluded_stretches(frames, used), *seen.excluded, *known.excluded),
        key=lambda stretch: stretch.start_s,
    )
    found = Found(seen=seen, spasm=spasm, events=tuple(events), excluded=tuple(excluded))
    return summary(channel, baseline, known, used, found)


def merged(stretches: tuple[Stretch, ...], gap_s: float) -> tuple[Stretch, ...]:
    """Stretches, in order, that lie less than a gap apart made one."""
    joined: list[Stretch] = []
    for stretch in stretches:
        if joined and stretch.start_s - joined[-1].stop_s < gap_s:
            joined[-1] = Stretch(start_s=joined[-1].start_s, stop_s=max(joined[-1].stop_s, stretch.stop_s))
        else:
            joined.append(stretch)
    return tuple(joined)


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
