"""From channels as a file describes them to channels with kind, unit, muscle and side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction

import numpy as np

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.faults import nearest
from atlasplane.io.recording_map import ChannelMap, MappedChannel
from atlasplane.io.recording_settings import recording_limit, recording_limits
from atlasplane.io.recording_units import UNIT_OF, kind_of, unit_and_factor
from atlasplane.sources.muscles import side_in
from atlasplane.sources.recording import (
    Annotation,
    BodySide,
    Channel,
    ChannelKind,
    Recording,
    SampleReader,
    Samples,
)

_VOLTAGES = (ChannelKind.EMG, ChannelKind.ECG)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawChannel:
    """A channel as its file describes it.

    Attributes
    ----------
    label, unit, sensor : str
        As written; empty where the file says nothing.
    period_s : Fraction
    n_samples : int
    start_s : float
    gain, offset : float
        From the file's numbers to `unit`: ``number * gain + offset``.
    ends : pair of float or None
        The file's numbers at the ends of the recorder's range.
    muscle, side : str or None
        Where the file itself says so.
    unit_stated : bool
        Whether a stated layout, and not the file, says the unit.
    """

    label: str
    unit: str
    period_s: Fraction
    n_samples: int
    sensor: str = ""
    start_s: float = 0.0
    gain: float = 1.0
    offset: float = 0.0
    ends: tuple[float, float] | None = None
    muscle: str | None = None
    side: BodySide | None = None
    unit_stated: bool = False


@dataclass(frozen=True, slots=True)
class ScaledSamples:
    """Numbers of a file as samples in the unit of their channel."""

    numbers: SampleReader
    scales: tuple[tuple[float, float], ...]
    lengths: tuple[int, ...]

    def read(self, channel: int, first: int, stop: int) -> Samples:
        """Samples first to stop - 1 of a channel.

        Raises
        ------
        BadInput
            When the file has become unreadable meanwhile.
        ValueError
            When they do not lie within the channel.
        """
        if not 0 <= first <= stop <= self.lengths[channel]:
            raise ValueError(f"samples {first} to {stop} of {self.lengths[channel]} were asked for")
        return scaled(self.numbers.read(channel, first, stop), *self.scales[channel])


def scaled(numbers: Samples, factor: float, offset: float) -> Samples:
    """``numbers * factor + offset``, in place."""
    if factor != 1.0:
        numbers *= np.float32(factor)
    if offset != 0.0:
        numbers += np.float32(offset)
    return numbers


def recording_of(
    raw: Sequence[RawChannel],
    numbers: SampleReader,
    *,
    file: str,
    channels: ChannelMap | None,
    annotations: Sequence[Annotation] = (),
    started: datetime | None = None,
    simulated: bool = False,
    findings: Sequence[Finding] = (),
) -> Recording:
    """The recording of what a reader found and a person said.

    Raises
    ------
    BadInput
        When the map names a channel that the file has not.
    BadFile
        When no channel is left, or one lasts longer than any recording.
    """
    _check(raw, file)
    unique, found = _unique(raw, file)
    mapped = _map_of(channels, [each.label for each in unique], file)
    described = [_described(each, mapped.get(each.label), file) for each in unique]
    made = tuple(channel for channel, _, _ in described)
    found = [*findings, *found, *(finding for _, _, own in described for finding in own)]
    found += _between(made, file)
    samples = ScaledSamples(
        numbers, tuple(scale for _, scale, _ in described), tuple(channel.n_samples for channel in made)
    )
    return Recording(
        file=file,
        channels=made,
        samples=samples,
        annotations=tuple(sorted(annotations, key=lambda each: each.start_s)),
        started=started,
        simulated=simulated,
        findings=tuple(found),
    )


def _check(raw: Sequence[RawChannel], file: str) -> None:
    if not any(each.n_samples for each in raw):
        raise BadFile(file, "holds no samples", "Check that this is the right file")
    if len(raw) > recording_limit("recording_channels"):
        most = int(recording_limit("recording_channels"))
        raise BadFile(file, f"has {len(raw)} channels, more than {most}", "Check that this is the right file")
    days = max(each.start_s + float(each.n_samples * each.period_s) for each in raw) / 86400
    if days > recording_limit("recording_days"):
        what = f"claims to last {days:.3g} days, more than {recording_limit('recording_days'):g}"
        raise BadFile(file, what, "Check the sampling rates and times that the file states")


def _unique(raw: Sequence[RawChannel], file: str) -> tuple[list[RawChannel], list[Finding]]:
    """Channels with labels of their own; an empty label and a second one of a name get a number."""
    taken: set[str] = set()
    made: list[RawChannel] = []
    renamed: list[str] = []
    for n, each in enumerate(raw, 1):
        label = wanted = each.label or f"channel {n}"
        number = 2
        while label in taken:
            label, number = f"{wanted} ({number})", number + 1
        if label != each.label:
            renamed.append(label)
        taken.add(label)
        made.append(replace(each, label=label))
    if not renamed:
        return made, []
    text = f"Channels without a label of their own are called {', '.join(renamed)}, in the file's order."
    return made, [Finding(code="recording.label_twice", severity=Severity.WARN, file=file, text=text)]


def _map_of(channels: ChannelMap | None, labels: Sequence[str], file: str) -> dict[str, MappedChannel]:
    if channels is None:
        return {}
    for each in channels.channels:
        if each.label not in labels and not channels.partial:
            close = nearest(each.label, labels)
            remedy = f"Did you mean '{close}'?" if close else f"{file} has: {', '.join(labels[:20])}"
            raise BadInput(
                channels.file, f"names the channel '{each.label}', which {file} does not have", remedy
            )
    return {each.label: each for each in channels.channels}


Described = tuple[Channel, tuple[float, float], list[Finding]]


def _described(raw: RawChannel, said: MappedChannel | None, file: str) -> Described:
    said = said or MappedChannel(label=raw.label)
    unit, (factor, offset), findings = _scale(raw, said, file)
    muscle = said.muscle or raw.muscle
    kind = said.kind or _kind(raw, said, unit)
    stated = raw.unit_stated or said.unit is not None or said.converter is not None
    findings += _kind_findings(raw, said, kind, unit, file)
    side, about_side = _side(raw, said, file)
    period_s, about_period = _period(raw, said, file)
    ends = None if raw.ends is None else scaled(np.array(raw.ends, dtype=np.float32), factor, offset)
    channel = Channel(
        label=raw.label,
        kind=kind,
        unit=unit,
        period_s=period_s,
        n_samples=raw.n_samples,
        start_s=raw.start_s,
        low=None if ends is None else float(ends.min()),
        high=None if ends is None else float(ends.max()),
        muscle=muscle,
        side=side,
        unit_stated=stated,
    )
    findings += [*about_side, *about_period, *_slow(channel, file)]
    return channel, (factor, offset), findings


def _kind(raw: RawChannel, said: MappedChannel, unit: str) -> ChannelKind:
    """A muscle on the map means its activity, unless the unit is that of a motion sensor on it."""
    if said.muscle is not None and unit in (UNIT_OF[ChannelKind.EMG], "1"):
        return ChannelKind.EMG
    return kind_of(raw.label, unit, sensor=raw.sensor)


def _scale(raw: RawChannel, said: MappedChannel, file: str) -> tuple[str, tuple[float, float], list[Finding]]:
    if said.converter is not None:
        scale = (said.converter.uV_per_count, said.converter.uV_at_zero)
        return "uV", scale, _declared(raw, "counts of the stated converter", file)
    unit, factor = unit_and_factor(said.unit if said.unit is not None else raw.unit)
    overruled = said.unit is not None and unit_and_factor(raw.unit) not in ((unit, factor), ("1", 1.0))
    findings = _declared(raw, f"'{said.unit}'", file) if overruled else []
    return unit, (raw.gain * factor, raw.offset * factor), findings


def _declared(raw: RawChannel, what: str, file: str) -> list[Finding]:
    if not raw.unit:
        return []
    text = (
        f"{raw.label}: the numbers are taken as {what}, as the channel map says; the file says '{raw.unit}'."
    )
    return [Finding(code="recording.unit_declared", severity=Severity.INFO, file=file, text=text)]


def _kind_findings(
    raw: RawChannel, said: MappedChannel, kind: ChannelKind, unit: str, file: str
) -> list[Finding]:
    if kind not in _VOLTAGES or unit == UNIT_OF[kind]:
        return []
    if unit == "1":
        text = (
            f"{raw.label}: the file holds counts of a converter and does not say how many microvolts one is; "
            "amplitudes cannot be given. State unit or converter in the channel map."
        )
        return [Finding(code="recording.raw", severity=Severity.WARN, file=file, text=text)]
    written = f"'{raw.unit}'" if said.unit is None else f"'{said.unit}', as the channel map says,"
    text = f"{raw.label}: {written} is no unit of a voltage. State the right one in the channel map."
    return [Finding(code="recording.unit", severity=Severity.WARN, file=file, text=text)]


def _side(raw: RawChannel, said: MappedChannel, file: str) -> tuple[BodySide | None, list[Finding]]:
    side = said.side or raw.side
    named = raw.side or side_in(raw.label)
    if side is None or named is None or side == named:
        return side, []
    text = f"{raw.label}: the channel map says {side}, the file says {named}; the map stands. Check it."
    return side, [Finding(code="recording.side", severity=Severity.WARN, file=file, text=text)]


def _period(raw: RawChannel, said: MappedChannel, file: str) -> tuple[Fraction, list[Finding]]:
    if said.period_s is None or said.period_s == raw.period_s:
        return raw.period_s, []
    return said.period_s, rates_differ(
        raw.label, stated=said.period_s, found=raw.period_s, n_samples=raw.n_samples, file=file
    )


def rates_differ(
    label: str, *, stated: Fraction, found: Fraction, n_samples: int, file: str
) -> list[Finding]:
    """The finding when a stated sampling period and the file's own run apart; the stated one stands."""
    apart_s = abs(float((stated - found) * n_samples))
    if apart_s <= recording_limit("clock_s"):
        return []
    text = (
        f"{label}: {float(1 / stated):.6g} Hz is stated, the file says {float(1 / found):.6g} Hz; they run "
        f"{apart_s:.3g} s apart over the recording, limit {recording_limit('clock_s'):g} s. "
        "The stated rate stands."
    )
    return [_limited("recording.rate", apart_s, "clock_s", text, file)]


def _slow(channel: Channel, file: str) -> list[Finding]:
    least = recording_limit("emg_least_hz")
    if channel.kind is not ChannelKind.EMG or channel.rate_hz >= least:
        return []
    text = (
        f"{channel.label} was sampled at {channel.rate_hz:.6g} Hz, under {least:g} Hz: part of the muscle's "
        "power is lost, and amplitudes do not compare with those of faster recordings."
    )
    return [_limited("recording.slow", channel.rate_hz, "emg_least_hz", text, file)]


def _between(channels: Sequence[Channel], file: str) -> Iterator[Finding]:
    """What channels say of each other: several clocks, several lengths."""
    periods = {channel.period_s for channel in channels}
    if len(periods) > 1:
        rates = ", ".join(f"{float(1 / period):.6g}" for period in sorted(periods))
        text = f"Channels run on {len(periods)} clocks ({rates} Hz); each keeps its own, none is resampled."
        yield Finding(code="recording.clocks", severity=Severity.INFO, file=file, text=text)
    ends = {channel.label: channel.start_s + channel.duration_s for channel in channels}
    apart_s = max(ends.values()) - min(ends.values())
    # Channels that stop together end within one period of the slowest.
    if apart_s > float(max(periods)) + recording_limit("clock_s"):
        short = min(ends, key=lambda label: ends[label])
        text = f"{short} ends {apart_s:.3g} s before the longest channel does."
        yield _limited("recording.lengths", apart_s, "clock_s", text, file)


def _limited(code: str, value: float, limit: str, text: str, file: str) -> Finding:
    entry = recording_limits()[limit]
    return Finding(
        code=code,
        severity=Severity.WARN,
        file=file,
        value=value,
        limit=entry.value,
        text=text,
        source=entry.source,
    )
