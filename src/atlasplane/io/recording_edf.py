"""EDF, EDF+ and BDF recordings: the header is doubted, the samples stay in the file.

Zero of a recording's time is its first sample; the annotations are moved with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.digest import unreadable
from atlasplane.io.recording_channels import RawChannel, recording_of
from atlasplane.io.recording_edf_header import (
    HEAD_BYTES,
    SIGNAL_BYTES,
    EdfHeader,
    EdfSignal,
    read_header,
    says_simulated,
    signal_count,
)
from atlasplane.io.recording_edf_notes import NOT_RECORDED, RECORDING_ENDS, notes_of, onsets_s
from atlasplane.io.recording_edf_samples import PIECE_BYTES, EdfSamples, Segments, signal_rows
from atlasplane.io.recording_map import ChannelMap
from atlasplane.io.recording_settings import recording_limit
from atlasplane.sources.muscles import muscles
from atlasplane.sources.recording import Annotation, BodySide, Recording

_AGAIN = "Export the recording again"


def read_edf(path: Path, *, channels: ChannelMap | None = None) -> Recording:
    """An EDF, EDF+ or BDF recording.

    Parameters
    ----------
    path : Path
    channels : ChannelMap, optional
        What the file does not say: muscles, sides, units.

    Raises
    ------
    BadInput
        When the file cannot be read, its data records cannot be laid out from its header, or the map does not
        fit it.
    """
    file = path.name
    header = edf_header(path)
    n_records, findings = readable_records(header, path.stat().st_size, file)
    times = record_times(path, header, n_records)
    notes, damaged = _notes(path, header, n_records)
    length_s = times.length_s(header, n_records)
    notes = [_within(replace(each, start_s=each.start_s - times.zero_s), length_s) for each in notes]
    usable, about_scale = _usable(header, file)
    end_s = _end_s(notes, header, n_records, times)
    segments = [_segments(header, signal, n_records, times) for signal in usable]
    raw = [_raw(header, signal, each, end_s) for signal, each in zip(usable, segments, strict=True)]
    samples = EdfSamples(
        path=path,
        header=header,
        signals=tuple(usable),
        segments=tuple(segments),
        missing=tuple(_missing(notes, each) for each in raw),
    )
    findings += [*header.findings, *about_scale, *times.findings(file), *_about_notes(notes, damaged, file)]
    return recording_of(
        raw,
        samples,
        file=file,
        channels=channels,
        annotations=[each for each in notes if each.text not in (NOT_RECORDED, RECORDING_ENDS)],
        started=None if header.started is None else header.started + timedelta(seconds=times.zero_s),
        simulated=says_simulated(header.recording),
        findings=findings,
    )


def edf_header(path: Path) -> EdfHeader:
    """The header of a file; raises BadInput."""
    file = path.name
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
            if len(head) == HEAD_BYTES:
                most = int(recording_limit("recording_channels"))
                wanted = min(max(signal_count(head, file=file), 0), most) * SIGNAL_BYTES
                head += stream.read(wanted)
    except OSError as fault:
        raise unreadable(file, fault) from fault
    return read_header(head, file=file)


def readable_records(header: EdfHeader, size: int, file: str) -> tuple[int, list[Finding]]:
    """How many data records are read, and what the header says wrongly of them; raises BadFile."""
    if not header.record_samples:
        raise BadFile(file, "holds no samples", "Check that this is the right file")
    if header.record_s == 0 and any(not signal.is_notes for signal in header.signals):
        raise BadFile(file, "states a record duration of 0 s: it has no sampling rate", _AGAIN)
    held = (size - header.bytes) // header.record_bytes
    declared = header.n_records
    if held < 1:
        what = f"declares {declared} data records and holds not a whole one"
        raise BadFile(file, what, "Check that the file was copied as a whole")
    if declared == held:
        return held, []
    length = _length(float(abs(declared - held) * header.record_s))
    if declared < 1:
        text = f"The header does not say how many data records there are; all {held} of the file are read."
    elif declared > held:
        text = f"The header declares {declared} data records, the file holds {held}: {length} are missing."
    else:
        text = (
            f"The header declares {declared} data records, the file holds {held}: "
            f"the last {length} are not read."
        )
    code = "recording.longer" if 1 <= declared < held else "recording.shorter"
    finding = Finding(
        code=code, severity=Severity.WARN, file=file, value=float(held), limit=float(declared), text=text
    )
    return (declared if 1 <= declared < held else held), [finding]


def _length(seconds: float) -> str:
    for size_s, unit in ((2 * 86400, "days"), (2 * 3600, "h")):
        if seconds >= size_s:
            return f"{2 * seconds / size_s:.4g} {unit}"
    return f"{seconds:.6g} s"


def _usable(header: EdfHeader, file: str) -> tuple[list[EdfSignal], list[Finding]]:
    """Signals whose samples can be scaled; the others are left out and named."""
    signals = [signal for signal in header.signals if not signal.is_notes]
    usable = [signal for signal in signals if signal.gain is not None and signal.samples]
    left_out = [signal.label or "without a label" for signal in signals if signal not in usable]
    if signals and not usable:
        what = "has no channel with samples and a range: physical or digital ends are equal or no numbers"
        raise BadFile(file, what, _AGAIN)
    if not usable:
        raise BadFile(file, "holds annotations only, no channel", "Name the recording itself")
    if not left_out:
        return usable, []
    text = (
        f"Left out, since their physical or digital ends are equal or no numbers: {', '.join(left_out[:20])}."
    )
    return usable, [Finding(code="recording.no_scale", severity=Severity.WARN, file=file, text=text)]


@dataclass(frozen=True, slots=True, eq=False)
class RecordTimes:
    """When the data records start.

    Attributes
    ----------
    zero_s : float
        Start of the first one after the start that the header states.
    starts_s : array or None
        Starts after the first one, where they do not follow each other without gaps.
    gap_s, drift_s : float
        Time between records, all together; how far the records' own clock runs from the header's.
    """

    zero_s: float = 0.0
    starts_s: NDArray[np.float64] | None = None
    gap_s: float = 0.0
    drift_s: float = 0.0

    def length_s(self, header: EdfHeader, n_records: int) -> float:
        """From the start of the first record to the end of the last."""
        if self.starts_s is None:
            return float(n_records * header.record_s)
        return float(self.starts_s[-1]) + float(header.record_s)

    def findings(self, file: str) -> Iterator[Finding]:
        """What a person should know of them."""
        if self.gap_s > 0:
            text = f"The recording has gaps of {self.gap_s:.6g} s in all; nothing is put in their place."
            yield Finding(
                code="recording.gaps", severity=Severity.WARN, file=file, value=self.gap_s, text=text
            )
        limit = recording_limit("clock_s")
        if abs(self.drift_s) > limit:
            text = (
                f"By the times of its data records the recording lasts {self.drift_s:+.3g} s longer than by "
                f"the header's sampling rate, limit {limit:g} s. The header's rate stands."
            )
            yield Finding(
                code="recording.rate",
                severity=Severity.WARN,
                file=file,
                value=self.drift_s,
                limit=limit,
                text=text,
            )


def record_times(path: Path, header: EdfHeader, n_records: int) -> RecordTimes:
    """When the data records start; raises BadInput."""
    clock = next((signal for signal in header.signals if signal.is_notes and signal.samples), None)
    if clock is None or not header.is_plus:
        return RecordTimes()
    first, last = (
        float(onsets_s(signal_rows(path, header, clock, at, at + 1))[0]) for at in (0, n_records - 1)
    )
    zero_s = first if np.isfinite(first) else 0.0
    _check_time(zero_s, path.name)
    expected_s = float(header.record_s * (n_records - 1))
    drift_s = last - zero_s - expected_s if np.isfinite(last) else 0.0
    if not header.is_interrupted and abs(drift_s) <= recording_limit("clock_s"):
        return RecordTimes(zero_s)
    starts_s = np.concatenate([onsets_s(rows) for rows in _pieces(path, header, clock, n_records)])
    return _interrupted(starts_s - zero_s, header, drift_s, zero_s, path.name)


def _check_time(record_s: float, file: str) -> None:
    days = abs(record_s) / 86400
    if days > recording_limit("recording_days"):
        limit = recording_limit("recording_days")
        what = f"has a data record {days:.0f} days after the start of its header, more than {limit:g}"
        raise BadFile(file, what, _AGAIN)


def _interrupted(
    starts_s: NDArray[np.float64], header: EdfHeader, drift_s: float, zero_s: float, file: str
) -> RecordTimes:
    """Gaps where a record starts later than the one before it ends; else a clock that runs apart."""
    if not np.all(np.isfinite(starts_s)):
        raise BadFile(file, "has data records without a time, and says that there are gaps", _AGAIN)
    _check_time(float(starts_s[-1]), file)
    over_s = np.diff(starts_s) - float(header.record_s)
    # A sample's time is rounded in the record's own; less than half a record is the rounding or a slow clock.
    shortest_s = min(
        float(header.record_s / signal.samples)
        for signal in header.signals
        if signal.samples and not signal.is_notes
    )
    if np.any(over_s < -1.5 * shortest_s - recording_limit("clock_s")):
        at = int(np.argmin(over_s)) + 1
        raise BadFile(file, f"has a data record ({at + 1}) that starts before the one before it ends", _AGAIN)
    gaps = over_s > 1.5 * shortest_s if header.is_interrupted else over_s > float(header.record_s) / 2
    gap_s = float(np.sum(over_s[gaps]))
    if not gap_s:
        return RecordTimes(zero_s, drift_s=drift_s)
    return RecordTimes(zero_s, starts_s, gap_s)


def _segments(header: EdfHeader, signal: EdfSignal, n_records: int, times: RecordTimes) -> Segments:
    if times.starts_s is None:
        return Segments.whole(n_records * signal.samples)
    return Segments.of_records(times.starts_s, float(header.record_s / signal.samples), signal.samples)


def _raw(header: EdfHeader, signal: EdfSignal, segments: Segments, end_s: float | None) -> RawChannel:
    gain = signal.gain or 1.0
    physical, digital = signal.physical or (0.0, 0.0), signal.digital or (0.0, 0.0)
    offset = physical[0] - digital[0] * gain
    period_s = header.record_s / signal.samples
    n_samples = segments.n_samples
    if end_s is not None:
        n_samples = min(n_samples, int(Fraction(end_s) / period_s + Fraction(1, 1000)))
    muscle, side = _own_words(signal.transducer)
    return RawChannel(
        label=signal.label,
        unit=signal.dimension,
        sensor=signal.transducer,
        period_s=period_s,
        n_samples=n_samples,
        gain=gain,
        # Ends that lie evenly about zero leave rounding, not an offset.
        offset=0.0 if abs(offset) < 1e-9 * abs(physical[1] - physical[0]) else offset,
        ends=digital,
        muscle=muscle,
        side=side,
    )


def _own_words(transducer: str) -> tuple[str | None, BodySide | None]:
    """Muscle and side, as our own files state them behind the sensor."""
    parts = [part.strip() for part in transducer.split(",")]
    muscle = next((part for part in parts if part in muscles()), None)
    if muscle is None:
        return None, None
    return muscle, "right" if "right" in parts else "left" if "left" in parts else None


def _notes(path: Path, header: EdfHeader, n_records: int) -> tuple[list[Annotation], int]:
    if not header.is_plus:
        return [], 0
    found: list[Annotation] = []
    damaged = 0
    signals = [signal for signal in header.signals if signal.is_notes and signal.samples]
    for n, signal in enumerate(signals):
        for rows in _pieces(path, header, signal, n_records):
            read = notes_of(rows, timed=n == 0)
            timed = [each for each in read.annotations if math.isfinite(each.start_s + each.duration_s)]
            found += timed
            damaged += read.damaged + len(read.annotations) - len(timed)
    return found, damaged


def _pieces(path: Path, header: EdfHeader, signal: EdfSignal, n_records: int) -> Iterator[NDArray[np.uint8]]:
    step = max(1, PIECE_BYTES // header.record_bytes)
    for first in range(0, n_records, step):
        yield signal_rows(path, header, signal, first, min(first + step, n_records))


def _about_notes(notes: Sequence[Annotation], damaged: int, file: str) -> Iterator[Finding]:
    if damaged:
        text = f"{damaged} annotations are damaged and were left out."
        yield Finding(
            code="recording.annotation", severity=Severity.WARN, file=file, value=float(damaged), text=text
        )
    missing: dict[str, float] = {}
    for each in notes:
        if each.text == NOT_RECORDED:
            name = each.channel or "all channels"
            missing[name] = missing.get(name, 0.0) + each.duration_s
    for name, seconds in missing.items():
        text = f"{name}: {seconds:.6g} s were not recorded; nothing is put in their place."
        yield Finding(code="recording.gaps", severity=Severity.WARN, file=file, value=seconds, text=text)


def _end_s(
    notes: Sequence[Annotation], header: EdfHeader, n_records: int, times: RecordTimes
) -> float | None:
    """The end that our own files note, where the data records are filled up behind it."""
    whole_s = float(n_records * header.record_s)
    ends = [each.start_s for each in notes if each.text == RECORDING_ENDS and 0 < each.start_s <= whole_s]
    return min(ends) if ends and times.starts_s is None else None


def _within(note: Annotation, length_s: float) -> Annotation:
    """A note, one of a stretch that was not recorded cut to the recording."""
    if note.text != NOT_RECORDED:
        return note
    first_s, last_s = (min(max(at, 0.0), length_s) for at in (note.start_s, note.start_s + note.duration_s))
    return replace(note, start_s=first_s, duration_s=last_s - first_s)


def _missing(notes: Sequence[Annotation], raw: RawChannel) -> NDArray[np.int64]:
    """First and last sample + 1 of the stretches of a channel that were not recorded, shape (n, 2)."""
    stretches = [
        (
            round(Fraction(each.start_s) / raw.period_s),
            round(Fraction(each.start_s + each.duration_s) / raw.period_s),
        )
        for each in notes
        if each.text == NOT_RECORDED and each.channel in (None, raw.label)
    ]
    return np.array(sorted(stretches), dtype=np.int64).reshape(-1, 2)
