"""What a channel came to, in digits and words: for the report's tables and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType

from atlasplane.core.finding import Finding
from atlasplane.core.observation import Interval
from atlasplane.core.units import printed_unit
from atlasplane.pathways.spasm.result import (
    ChannelSpasms,
    Estimate,
    EventClass,
    SpasmAnalysis,
    SpasmCount,
    SpasmEvent,
    UnmeasuredChannel,
)
from atlasplane.report.bones_view import BonesCell, BonesRow, BonesTable
from atlasplane.report.numbers import NO_BREAK, NOTHING, fixed, interval_text, length_text, with_unit
from atlasplane.report.spasm_svg import CLASS_NAMES, LANES, TimeAxis
from atlasplane.sources.muscles import muscles

HOUR_S = 3600.0
RAW_UNIT = "file units"
"""Of a channel whose file does not tell microvolts: steps of a converter, or a unit that is no voltage."""
SIDE_ORDER = {"left": 0, "right": 1, None: 2}
SOURCES = {
    "segment": "quiet segment of this recording",
    "file": "quiet recording of its own",
    "noise": "stated noise",
    "reference": "reference contraction",
}
EXCLUDED_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "spasm.missing": "not recorded",
        "spasm.saturated": "at the end of the recorder's range",
        "spasm.flat": "in which the amplifier stood still",
        "spasm.jump": "in which the electrode's potential jumped",
        "spasm.creep": "in which the contact's noise crept up",
        "spasm.onset": "at the begin or end of the signal",
    }
)
"""Why a stretch is excluded, by the code of its finding."""
_COUNTED: Mapping[EventClass, tuple[str, str]] = MappingProxyType(
    {kind: (name, name) for kind, name in CLASS_NAMES.items()}
    | {
        EventClass.TONIC: ("tonic spasm", "tonic spasms"),
        EventClass.MIXED: ("mixed spasm", "mixed spasms"),
        EventClass.CRAMP: ("cramp", "cramps"),
        EventClass.UNIT: ("stretch of single units", "stretches of single units"),
    }
)
"""What one event of a class is called, and what several are."""
EVENT_COLUMNS = ("Channel", "Class", "Start", "Duration", "Strength", "Rhythm", "Confidence")
MOST_EVENTS = 300
"""Events that a table lists; the JSON document has all."""
_WHOLE_FROM = 10.0
"""Standard uncertainty of a rate from which on it is printed without decimals."""
_MISSING = BonesCell(value=NOTHING, sub="", kind="missing")


def muscle_text(muscle: str | None) -> str:
    """The name of a muscle, small: "upper trapezius"; its id where the table does not have it."""
    known = muscles().get(muscle or "")
    if known is None:
        return (muscle or "").replace("_", " ")
    return known.name[:1].lower() + known.name[1:]


def channel_name(channel: ChannelSpasms | UnmeasuredChannel) -> str:
    """Side and muscle, or the label of a channel that nothing is said of."""
    parts = [part for part in (channel.side, muscle_text(channel.muscle)) if part]
    text = " ".join(parts)
    return text[:1].upper() + text[1:] if parts else channel.label


def by_muscle(channels: Iterable[ChannelSpasms]) -> list[tuple[ChannelSpasms, ...]]:
    """Channels of one muscle beside each other, the left first; one without a muscle alone."""
    groups: dict[str, list[ChannelSpasms]] = {}
    for channel in channels:
        key = channel.muscle if channel.muscle is not None else f"label {channel.label}"
        groups.setdefault(key, []).append(channel)
    return [tuple(sorted(group, key=lambda c: SIDE_ORDER.get(c.side, 2))) for group in groups.values()]


def findings_once(analysis: SpasmAnalysis) -> tuple[Finding, ...]:
    """Findings of a recording; what several channels have in common is said once, with all their names."""
    labels = {*(c.label for c in analysis.channels), *(c.label for c in analysis.unmeasured)}
    alike: dict[tuple[str, ...], tuple[Finding, list[str]]] = {}
    for finding in analysis.findings:
        label, colon, rest = finding.text.partition(": ")
        own = bool(colon) and label in labels
        key = (finding.severity.value, finding.code, finding.file or "", rest if own else finding.text)
        alike.setdefault(key, (finding, []))[1].extend([label] if own else [])
    return tuple(
        replace(first, text=f"{', '.join(own)}: {key[-1]}") if own else first
        for key, (first, own) in alike.items()
    )


def estimate_text(found: Estimate | None, code: str) -> str:
    """The value to the last digit that its uncertainty lets stand; a dash for none."""
    if found is None:
        return NOTHING
    return with_unit(fixed(found.value, estimate_decimals(found)), code)


def estimate_interval(found: Estimate | None, code: str) -> str:
    """The 95 % interval; says so where the recording does not tell one."""
    if found is None:
        return ""
    if found.interval is None:
        return "too short for an interval"
    return interval_text(found.interval, estimate_decimals(found), code)


def estimate_decimals(found: Estimate) -> int:
    """Decimals that leave the uncertainty two significant digits, one where there is none; 0 to 2."""
    u = found.u if found.u else _half_width(found.interval)
    if not u:
        return 1
    return min(max(1 - math.floor(math.log10(u)), 0), 2)


def _half_width(interval: Interval | None) -> float | None:
    if interval is None or interval.low is None or interval.high is None:
        return None
    return (interval.high - interval.low) / 4


def rate_text(rate: SpasmCount) -> str:
    """23 in 4.8 h."""
    return f"{rate.n} in {length_text(rate.exposure_h * HOUR_S)}"


def count_text(rate: SpasmCount) -> str:
    """23 spasms in 4.8 h."""
    return f"{rate.n} {'spasm' if rate.n == 1 else 'spasms'} in {length_text(rate.exposure_h * HOUR_S)}"


def rate_interval(rate: SpasmCount) -> str:
    """4.8 per hour (3.1 to 7.0)."""
    per, u = rate.n / rate.exposure_h, _half_width(rate.interval)
    digits = 1 if u is None or u < _WHOLE_FROM else 0
    return f"{fixed(per, digits)} per hour ({interval_text(rate.interval, digits, '1')})"


def class_counts(channel: ChannelSpasms) -> str:
    """How many events of each class."""
    counts = ((kind, sum(e.class_ is kind for e in channel.events)) for kind in LANES)
    return "; ".join(f"{n} {_COUNTED[kind][n > 1]}" for kind, n in counts if n) or "no event"


def excluded_s(channel: ChannelSpasms) -> float:
    """Time that tells nothing of the muscle."""
    return sum(part.stop_s - part.start_s for part in channel.excluded)


def excluded_text(channel: ChannelSpasms) -> str:
    """12.0 s excluded: 10.0 s not recorded, 2.0 s beside a step of the potential; the longest first."""
    reasons: dict[str, float] = {}
    for part in channel.excluded:
        reasons[part.why] = reasons.get(part.why, 0.0) + part.stop_s - part.start_s
    if not reasons:
        return "nothing excluded"
    if len(reasons) == 1:
        (why,) = reasons
        return f"{length_text(excluded_s(channel))} excluded: {EXCLUDED_WORDS.get(why, why)}"
    ordered = sorted(reasons.items(), key=lambda pair: -pair[1])
    said = ", ".join(f"{length_text(seconds)} {EXCLUDED_WORDS.get(why, why)}" for why, seconds in ordered)
    return f"{length_text(excluded_s(channel))} excluded: {said}"


def analysed_text(channels: Sequence[ChannelSpasms]) -> str:
    """The time analysed; from the shortest to the longest where channels differ."""
    if not channels:
        return NOTHING
    ends = [length_text(end(channel.analysed_s for channel in channels)) for end in (min, max)]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}, by channel"


def baseline_text(channel: ChannelSpasms, axis: TimeAxis) -> str:
    """Where the threshold comes from."""
    baseline = channel.baseline
    said = SOURCES[baseline.source]
    if baseline.start_s is None or baseline.stop_s is None:
        return said
    ends = (baseline.start_s, baseline.stop_s)
    begin_s = axis.start_fraction_s if baseline.source == "segment" else 0.0
    digits = 0 if all((end + begin_s).is_integer() for end in ends) else 1
    if baseline.source == "segment":
        begin, end = (axis.text(end, digits).removesuffix(f"{NO_BREAK}s") for end in ends)
        unit = "" if ":" in end else f"{NO_BREAK}s"
        return f"{said}, {begin} to {end}{unit}"
    return f"{said}, {fixed(ends[0], digits)} to {fixed(ends[1], digits)}{NO_BREAK}s"


def amplitude_text(value: float, digits: int, *, raw: bool) -> str:
    """An amplitude with its unit; one of a channel that is not in microvolts is called what it is."""
    return f"{fixed(value, digits)}{NO_BREAK}{RAW_UNIT if raw else printed_unit('uV')}"


def level_text(value: float, most: int, *, raw: bool) -> str:
    """The same with three significant digits, whole from 100 on; `most` decimals at most."""
    exponent = math.floor(math.log10(value)) if value > 0 else 0
    return amplitude_text(value, min(max(2 - exponent, 0), most), raw=raw)


def channel_table(
    channels: Sequence[ChannelSpasms], axis: TimeAxis, raw: Collection[str] = frozenset()
) -> BonesTable:
    """The numbers of a recording, a column for each channel.

    Parameters
    ----------
    raw : collection of str
        Labels of the channels that are not in microvolts.
    """
    rows = (
        _row("Burden", "share of the analysed time in spasm", channels, burden_cell),
        _row("Spasms", "95 % interval of the rate", channels, count_cell),
        _row("Mean duration", "of a spasm", channels, _duration),
        _row(
            "Strength",
            "root mean square within spasms, noise taken off",
            channels,
            partial(_strength, raw=raw),
        ),
        _row("Clonus", "contractions a second", channels, _clonus),
        _row("Events", "all classes", channels, lambda c: BonesCell(value=class_counts(c), sub="", kind="")),
        _row("Analysed", "excluded beside it, and why", channels, _analysed),
        _row("Threshold", "root mean square, own noise below it", channels, partial(_threshold, raw=raw)),
        _row(
            "Baseline",
            "where the threshold comes from",
            channels,
            lambda c: BonesCell(value=baseline_text(c, axis), sub="", kind=""),
        ),
    )
    return BonesTable(
        title="Numbers",
        columns=tuple(channel_name(channel) for channel in channels),
        rows=rows,
        notes=(
            "Strength, thresholds and noise in µV belong to each electrode: skin, fat and distance differ "
            "from side to side and from day to day, so they are never compared between left and right.",
        ),
        rows_are="Measure",
    )


def _row(
    name: str, sub: str, channels: Sequence[ChannelSpasms], cell: Callable[[ChannelSpasms], BonesCell]
) -> BonesRow:
    return BonesRow(name=name, sub=sub, cells=tuple(cell(channel) for channel in channels))


def _estimate_cell(found: Estimate | None, code: str) -> BonesCell:
    if found is None:
        return _MISSING
    return BonesCell(value=estimate_text(found, code), sub=estimate_interval(found, code), kind="")


def burden_cell(channel: ChannelSpasms) -> BonesCell:
    """Burden with its interval."""
    return _estimate_cell(channel.burden_percent, "%")


def count_cell(channel: ChannelSpasms) -> BonesCell:
    """Count, and rate with its interval."""
    return BonesCell(value=rate_text(channel.rate), sub=rate_interval(channel.rate), kind="")


def _duration(channel: ChannelSpasms) -> BonesCell:
    return _estimate_cell(channel.mean_duration_s, "s")


def _strength(channel: ChannelSpasms, *, raw: Collection[str]) -> BonesCell:
    if channel.intensity_uV is None:
        return _MISSING
    value, within = _strength_parts(channel, raw=channel.label in raw)
    return BonesCell(value=value, sub=within, kind="")


def strength_text(channel: ChannelSpasms, *, raw: bool) -> str:
    """31.7 µV (28.3 to 35.2 µV): root mean square within spasms, noise taken off; a dash without one."""
    if channel.intensity_uV is None:
        return NOTHING
    value, within = _strength_parts(channel, raw=raw)
    return f"{value} ({within})" if within else value


def _strength_parts(channel: ChannelSpasms, *, raw: bool) -> tuple[str, str]:
    """Value and interval; in per cent of the reference contraction where there is one."""
    share, own = channel.intensity_percent, channel.intensity_uV
    if share is not None:
        return f"{estimate_text(share, '%')} of the reference contraction", estimate_interval(share, "%")
    if own is None:
        return NOTHING, ""
    value = amplitude_text(own.value, estimate_decimals(own), raw=raw)
    return value, "" if raw else estimate_interval(own, "uV")


def _clonus(channel: ChannelSpasms) -> BonesCell:
    return _estimate_cell(channel.clonus_hz, "Hz")


def _analysed(channel: ChannelSpasms) -> BonesCell:
    return BonesCell(value=length_text(channel.analysed_s), sub=excluded_text(channel), kind="")


def _threshold(channel: ChannelSpasms, *, raw: Collection[str]) -> BonesCell:
    steps = channel.label in raw
    low, high = channel.baseline.noise_uV, channel.baseline.threshold_uV
    return BonesCell(
        value=level_text(high, 2, raw=steps), sub=f"noise {level_text(low, 2, raw=steps)}", kind=""
    )


def event_rows(
    channels: Sequence[ChannelSpasms], axis: TimeAxis, raw: Collection[str] = frozenset()
) -> Iterator[tuple[str, ...]]:
    """Every event in time order, in the columns of `EVENT_COLUMNS`; `raw` as in `channel_table`."""
    events = sorted(
        ((event, channel) for channel in channels for event in channel.events),
        key=lambda pair: (pair[0].start_s, channel_name(pair[1])),
    )
    for event, channel in events:
        yield (channel_name(channel), *event_cells(event, axis, raw=channel.label in raw))


def event_cells(event: SpasmEvent, axis: TimeAxis, *, raw: bool = False) -> tuple[str, ...]:
    """Class, start, duration, strength, rhythm and confidence."""
    rhythm = NOTHING if event.frequency_hz is None else f"{fixed(event.frequency_hz, 1)}{NO_BREAK}Hz"
    return (
        CLASS_NAMES[event.class_],
        axis.text(event.start_s, 1 if axis.is_short else 0),
        length_text(event.duration_s),
        level_text(event.rms_uV, 1, raw=raw),
        rhythm,
        fixed(event.confidence, 2),
    )


def axis_of(duration_s: float, started: datetime | None) -> TimeAxis:
    """The axis of a whole recording."""
    return TimeAxis(start_s=0.0, stop_s=duration_s, started=started)
