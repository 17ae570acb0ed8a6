"""The section on spasm: every recording of the case at a glance, in numbers, and event by event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase
from atlasplane.chain.spasms import AnalysedRecording
from atlasplane.chain.spasms_details import event_detail, spectrum, telling_events
from atlasplane.core.finding import Severity
from atlasplane.pathways.spasm.result import ChannelSpasms, SpasmAnalysis, SpasmEvent
from atlasplane.report.numbers import length_text, time_text
from atlasplane.report.spasm_agreement import agreement_table
from atlasplane.report.spasm_event import event_plot
from atlasplane.report.spasm_numbers import (
    EVENT_COLUMNS,
    MOST_EVENTS,
    analysed_text,
    axis_of,
    by_muscle,
    channel_name,
    channel_table,
    count_text,
    estimate_interval,
    estimate_text,
    event_cells,
    event_rows,
    findings_once,
    muscle_text,
)
from atlasplane.report.spasm_series import Named, recordings_table, series_plot
from atlasplane.report.spasm_spectrogram import SpectrumRow, spectrogram
from atlasplane.report.spasm_strip import HourBar, StripRow, most_of, strip
from atlasplane.report.spasm_svg import CLASS_NAMES, TimeAxis
from atlasplane.report.spasm_view import SpasmPicture, SpasmSheet, SpasmView
from atlasplane.report.visit_view import visit_name
from atlasplane.report.wording import sentence

TITLE = "Spasm in recordings of muscle activity"
NOTE = (
    "A muscle counts as active where its electromyogram rises above a threshold from outside of what is "
    "judged: from a stretch of rest, a recording of rest, a stated noise or a reference contraction. Burden "
    "is the share of the analysed time in spasm, however events are merged; counts hang on the merge gap, "
    "which stands beside them. What a motion sensor or a note says to be movement is voluntary work and is "
    "not counted."
)
LIMITS = (
    "What this does not say: an electromyogram shows that a muscle is active, not why. It tells neither pain "
    "nor the cause of a spasm, and a muscle that feels tight may be electrically silent. Counts from "
    "recordings and from people agree weakly, so both are shown and never merged into one score."
)
STRIP_NOTE = (
    "Grey: activity over the channel's own threshold (dark: mean; pale: strongest quarter of a second), with "
    "a line below for each class of event. Hatched: excluded, because it tells nothing of the muscle. "
    "Channels share the axis of time; the height of each is in units of its own threshold, not in µV."
)
SPECTRUM_NOTE = (
    "As it was recorded, before anything was taken out: mains shows as level lines, heart beats and movement "
    "of cables as dark feet below 50 Hz. A column that holds events shows seconds within them, any other "
    "seconds spread over it. 0 dB is the noise of the baseline, spread evenly over 20 to 450 Hz."
)
UNMEASURED = "why is said below; this is not the same as no spasm"
_LONGEST = 12
"""Letters of a label beside a drawing."""
_EVENTS_SHOWN = 8
"""Events that are drawn near by, of all channels together."""


def spasm_view(measured: MeasuredCase, comparison: Comparison | None = None) -> SpasmView | None:
    """The section, or None where no recording of the case was analysed; changes are the comparison's."""
    recordings = [
        (analysed, f"{visit_name(visit)}: {analysed.analysis.file}")
        for visit in measured.visits
        for analysed in visit.recordings
    ]
    return spasm_section(recordings, comparison) if recordings else None


def spasm_section(
    recordings: Sequence[tuple[AnalysedRecording, str]], comparison: Comparison | None = None
) -> SpasmView:
    """The section of some recordings with their titles; their burdens are drawn on one scale."""
    most = max((_most_percent(analysed) for analysed, _ in recordings), default=0.0)
    sheets = tuple(_sheet(analysed, title, most) for analysed, title in recordings)
    named = [(analysed.analysis, title.partition(":")[0]) for analysed, title in recordings]
    return SpasmView(
        title=TITLE,
        note=NOTE,
        limits=LIMITS,
        strip_note=STRIP_NOTE,
        event_columns=EVENT_COLUMNS,
        series=recordings_table(named, comparison),
        series_picture=_series_picture(named) if len(recordings) > 1 else None,
        sheets=sheets,
    )


def _series_picture(recordings: Named) -> SpasmPicture:
    stamp = "Simulated recordings" if all(analysis.simulated for analysis, _ in recordings) else ""
    named = f"{stamp}: " if stamp else ""
    alt = f"{named}burden of each muscle over the recordings, with 95 % intervals. The table has the numbers."
    svg = series_plot(recordings, alt, stamp=stamp)
    return SpasmPicture(title="Burden over the recordings", caption="", svg=svg, alt=alt)


def _most_percent(analysed: AnalysedRecording) -> float:
    channels = analysed.analysis.channels
    return most_of([_strip_row(analysed, channel, channels) for channel in channels])


def _sheet(analysed: AnalysedRecording, title: str, most_percent: float) -> SpasmSheet:
    """One recording: pictures are drawn, numbers are those of the analysis."""
    analysis, recording = analysed.analysis, analysed.recording
    axis = axis_of(analysis.duration_s, recording.started)
    groups = by_muscle(analysis.channels)
    ordered = [channel for group in groups for channel in group]
    rows = list(event_rows(ordered, axis, analysed.raw))
    return SpasmSheet(
        title=title,
        headline=(
            *(_headline(channel) for channel in ordered),
            *((channel_name(lost), "not measured", UNMEASURED) for lost in analysis.unmeasured),
        ),
        facts=tuple(_facts(analysed)),
        remarks=_remarks(analysis, informing=False),
        notes=_remarks(analysis, informing=True),
        table=channel_table(ordered, axis, analysed.raw),
        strips=tuple(_strip(analysed, group, axis, most_percent) for group in groups),
        spectra=tuple(_spectra(analysed, group, axis) for group in groups),
        events=tuple(_events(analysed, ordered, axis)),
        spectrum_note=SPECTRUM_NOTE,
        event_rows=tuple(rows[:MOST_EVENTS]),
        event_note=_left_out(len(rows)),
        agreement=agreement_table(analysed),
    )


def _remarks(analysis: SpasmAnalysis, *, informing: bool) -> tuple[str, ...]:
    """Findings that change how the numbers are read, or those that tell about the recording."""
    found = (f for f in findings_once(analysis) if (f.severity is Severity.INFO) is informing)
    return tuple(dict.fromkeys(sentence(f.text) for f in found))


def _left_out(events: int) -> str:
    if events <= MOST_EVENTS:
        return ""
    return f"The first {MOST_EVENTS} of {events} events; all of them with: atlasplane spasm --json."


def _headline(channel: ChannelSpasms) -> tuple[str, str, str]:
    burden = channel.burden_percent
    return (
        channel_name(channel),
        f"{estimate_text(burden, '%')} of the time in spasm",
        f"{_within(channel)}; {count_text(channel.rate)}",
    )


def _within(channel: ChannelSpasms) -> str:
    """The interval of the burden in words."""
    text = estimate_interval(channel.burden_percent, "%")
    return f"95 % interval {text}" if channel.burden_percent.interval is not None else text


def _facts(analysed: AnalysedRecording) -> Iterator[tuple[str, str]]:
    analysis, started = analysed.analysis, analysed.recording.started
    yield "Recording", analysis.file + (" (simulated)" if analysis.simulated else "")
    if started is not None:
        yield "Started", time_text(started)
    yield "Length", length_text(analysis.duration_s)
    yield "Analysed", analysed_text(analysis.channels)
    yield "Merge gap", length_text(analysis.merge_gap_s)


# ---- pictures ----


def _group_name(group: Sequence[ChannelSpasms]) -> str:
    return sentence(muscle_text(group[0].muscle)) if group[0].muscle else group[0].label


def _row_name(channel: ChannelSpasms, group: Sequence[ChannelSpasms]) -> str:
    """The side; of a channel without one its label, which stands alone above the drawing as well."""
    if channel.side:
        return channel.side.capitalize()
    whole = channel.label
    return "" if len(group) == 1 else whole if len(whole) <= _LONGEST else f"{whole[: _LONGEST - 1]}…"


def _strip(
    analysed: AnalysedRecording, group: Sequence[ChannelSpasms], axis: TimeAxis, most_percent: float
) -> SpasmPicture:
    said = "; ".join(
        f"{channel_name(c)}: {estimate_text(c.burden_percent, '%')} of the time ({_within(c)}), "
        f"{count_text(c.rate)}"
        for c in group
    )
    length = length_text(analysed.analysis.duration_s)
    stamp = _stamp(analysed)
    named = f"{stamp}: " if stamp else ""
    alt = f"{named}{_group_name(group)}, {length}. In spasm: {said}. The table has the numbers."
    rows = [_strip_row(analysed, channel, group) for channel in group]
    svg = strip(rows, axis, alt, most_percent=most_percent, stamp=stamp)
    return SpasmPicture(title=_group_name(group), caption="", svg=svg, alt=alt)


def _stamp(analysed: AnalysedRecording) -> str:
    return "Simulated recording" if analysed.analysis.simulated else ""


def _said(channel: ChannelSpasms) -> Iterator[str]:
    """Lines under the name of a channel."""
    burden = channel.burden_percent
    yield estimate_text(burden, "%")
    if burden.interval is not None:
        yield estimate_interval(burden, "%")
    yield "of the time;"
    yield f"{channel.rate.n} {'spasm' if channel.rate.n == 1 else 'spasms'}"


def _strip_row(
    analysed: AnalysedRecording, channel: ChannelSpasms, group: Sequence[ChannelSpasms]
) -> StripRow:
    course, baseline = analysed.courses[channel.label], channel.baseline
    threshold = np.float32(baseline.threshold_uV)
    quiet = None
    if baseline.source == "segment" and baseline.start_s is not None and baseline.stop_s is not None:
        quiet = (baseline.start_s, baseline.stop_s)
    return StripRow(
        name=_row_name(channel, group),
        said=tuple(_said(channel)),
        step_s=course.step_s,
        mean=course.rms_uV / threshold,
        peak=course.peak_uV / threshold,
        events=tuple((e.class_, e.start_s, e.stop_s) for e in channel.events),
        excluded=tuple((x.start_s, x.stop_s) for x in channel.excluded),
        quiet=quiet,
        hours=tuple(_hours(channel)),
    )


def _hours(channel: ChannelSpasms) -> Iterator[HourBar]:
    for k, burden in enumerate(channel.burden_by_hour):
        if burden is not None:
            span = burden.interval
            yield HourBar(
                hour=k,
                percent=burden.value,
                low=None if span is None else span.low,
                high=None if span is None else span.high,
            )


def _spectra(analysed: AnalysedRecording, group: Sequence[ChannelSpasms], axis: TimeAxis) -> SpasmPicture:
    rows = [
        SpectrumRow(
            name=_row_name(channel, group),
            spectrum=spectrum(
                analysed.recording,
                analysed.index(channel.label),
                noise_uV=channel.baseline.noise_uV,
                events=channel.events,
            ),
        )
        for channel in group
    ]
    alt = f"{_group_name(group)}: power of the signal as recorded over time and frequency."
    svg = spectrogram(rows, axis, alt, stamp=_stamp(analysed))
    return SpasmPicture(title=_group_name(group), caption="", svg=svg, alt=alt)


def _events(
    analysed: AnalysedRecording, channels: Sequence[ChannelSpasms], axis: TimeAxis
) -> Iterator[SpasmPicture]:
    """One event of each class and channel, as far as there is room: classes first, then channels."""
    chosen = [(event, channel) for channel in channels for event in telling_events(channel)]
    order = list(CLASS_NAMES)
    chosen.sort(key=lambda pair: order.index(pair[0].class_))
    for event, channel in chosen[:_EVENTS_SHOWN]:
        yield _event(analysed, event, channel, axis)


def _event(
    analysed: AnalysedRecording, event: SpasmEvent, channel: ChannelSpasms, axis: TimeAxis
) -> SpasmPicture:
    own, raw = analysed.recording.channels[analysed.index(channel.label)], channel.label in analysed.raw
    detail = event_detail(
        event,
        analysed.signals[channel.label],
        threshold_uV=channel.baseline.threshold_uV,
        begin_s=own.start_s,
        end_s=own.start_s + own.duration_s,
    )
    kind, begin, duration, strength, rhythm, confidence = event_cells(event, axis, raw=raw)
    words = [f"at {begin}", f"{duration} long", strength]
    words += [rhythm] if event.frequency_hz is not None else []
    seen_s = detail.start_s + len(detail.signal_uV) / detail.rate_hz
    shown = "" if seen_s >= event.stop_s else "; its start is shown"
    title = f"{channel_name(channel)}: {kind}{'' if event.class_.is_spasm else ', not counted'}"
    return SpasmPicture(
        title=title,
        caption=f"{', '.join(words)}; confidence {confidence}{shown}",
        svg=event_plot(detail, title, raw=raw, stamp=_stamp(analysed)),
        alt=f"{title} {', '.join(words)}: cleaned signal, its root mean square and the threshold.",
    )
