"""EDF+ recordings written as they come, block after block; every sampling period stays exact.

The length of the data records is chosen so that it holds a whole number of samples of every clock and can be
written exactly in the header's 8 characters: periods of 0.675 ms and 6.75 ms give records of 37 times 27 ms.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.finding import Finding, Severity
from atlasplane.io.atomic import write_filled
from atlasplane.io.recording_edf_fields import ANONYMOUS, header_bytes, recording_field
from atlasplane.io.recording_edf_header import EdfHeader, EdfSignal
from atlasplane.io.recording_edf_notes import (
    NOT_RECORDED,
    RECORDING_ENDS,
    note_bytes,
    packed,
    signed_text,
    time_bytes,
)
from atlasplane.io.recording_edf_plan import (
    HIGH,
    check_labels,
    notes_signal,
    record_length_s,
    signals_of,
)
from atlasplane.sources.recording import Annotation, Channel, Samples

Numbers = NDArray[np.int16]


def write_edf(
    path: Path,
    channels: Sequence[Channel],
    blocks: Iterable[Sequence[Samples]],
    annotations: Sequence[Annotation] = (),
    *,
    started: datetime | None = None,
    simulated: bool,
) -> tuple[Finding, ...]:
    """Write a recording as EDF+, whole or not at all; no more than a few blocks are held.

    Parameters
    ----------
    path : Path
    channels : sequence of Channel
        `low` and `high` are the range that 65534 steps are spread over; where they are None, a range by kind.
    blocks : iterable of sequences of float32 arrays
        Each item holds the next samples of every channel, in the order of `channels` and in their units, as
        many of each as the maker likes; NaN where nothing was recorded.
    annotations : sequence of Annotation
        Times after the start of the recording.
    started : datetime, optional
        An offset from UTC is kept in the recording field.
    simulated : bool
        Marked in the recording field.

    Returns
    -------
    tuple of Finding
        `recording.write_clipped` for each channel with samples outside its range.

    Raises
    ------
    OutputFailed
        When it cannot be written; what was there before is untouched.
    BadInput
        When no length of data records fits all clocks, or a label does not fit EDF.
    ValueError
        When the blocks do not hold as many samples as the channels say.
    """
    writer = _Writer(tuple(channels), annotations, path.name, started=started, simulated=simulated)
    write_filled(path, partial(writer.fill, blocks=blocks))
    return writer.findings()


@dataclass(slots=True)
class _Line:
    """One channel while it is written.

    `done` counts its samples, `open_` is the first of a stretch that was not recorded, `clipped` how many lay
    outside the range, `waiting` what has not gone into a data record yet.
    """

    channel: Channel
    signal: EdfSignal
    lead: int
    waiting: deque[Numbers]
    n_waiting: int = 0
    done: int = 0
    clipped: int = 0
    open_: int | None = None

    @property
    def n_samples(self) -> int:
        return self.lead + self.channel.n_samples

    def add(self, numbers: Numbers) -> None:
        self.waiting.append(numbers)
        self.n_waiting += len(numbers)
        self.done += len(numbers)

    def take(self, n_samples: int) -> Numbers:
        joined = np.concatenate(self.waiting)
        self.waiting.clear()
        self.waiting.append(joined[n_samples:])
        self.n_waiting -= n_samples
        return joined[:n_samples]


class _Writer:
    def __init__(
        self,
        channels: tuple[Channel, ...],
        annotations: Sequence[Annotation],
        file: str,
        *,
        started: datetime | None,
        simulated: bool,
    ) -> None:
        self._file = file
        self._record_s = record_length_s((each.period_s for each in channels), file=file)
        check_labels(channels, file)
        signals = signals_of(channels, self._record_s)
        self._lines = [
            _Line(channel, signal, round(Fraction(channel.start_s) / channel.period_s), deque())
            for channel, signal in zip(channels, signals, strict=True)
        ]
        self._end_s = max(line.n_samples * line.channel.period_s for line in self._lines)
        self._n_records = max(1, math.ceil(self._end_s / self._record_s))
        self._written = 0
        # EDF counts whole seconds: the rest of the start stands in the times of the data records.
        self._zero_s = 0.0 if started is None else started.microsecond / 1e6
        self._plan_notes(annotations)
        notes = notes_signal(signals, self._time_room + self._room)
        self._header = EdfHeader(
            width=2,
            patient=ANONYMOUS,
            recording=recording_field(started, simulated=simulated),
            reserved="EDF+C",
            started=started,
            bytes=0,
            n_records=self._n_records,
            record_s=self._record_s,
            signals=(*signals, notes),
            findings=(),
        )

    def _plan_notes(self, annotations: Sequence[Annotation]) -> None:
        """Room for annotations in every record: all that are known, and one gap that may come."""
        known = list(annotations)
        if self._n_records * self._record_s != self._end_s:
            known.append(self._end_note())
        lists = [self._list(each) for each in sorted(known, key=lambda each: each.start_s)]
        longest = max((line.channel.label for line in self._lines), key=len)
        gap = self._list(
            Annotation(
                start_s=float(self._end_s) + 0.123456789,
                duration_s=float(self._end_s) + 0.123456789,
                text=NOT_RECORDED,
                channel=longest,
            )
        )
        most = max([len(gap), *map(len, lists)])
        self._room = most + math.ceil(sum(map(len, lists)) / self._n_records)
        self._time_room = len(time_bytes(signed_text(float(self._end_s) * 2 + 1e6 + 0.123456789)))
        self._lists = deque(packed(lists, self._room))
        self._gaps: list[bytes] = []

    def _end_note(self) -> Annotation:
        return Annotation(start_s=float(self._end_s), text=RECORDING_ENDS)

    def _list(self, annotation: Annotation) -> bytes:
        return note_bytes(replace(annotation, start_s=annotation.start_s + self._zero_s))

    def fill(self, stream: BinaryIO, *, blocks: Iterable[Sequence[Samples]]) -> None:
        """Write header and records."""
        stream.write(header_bytes(self._header))
        for line in self._lines:
            self._not_recorded(line, line.lead)
        for block in blocks:
            for line, samples in zip(self._lines, block, strict=True):
                line.add(self._numbers(line, samples))
            self._flush(stream)
        self._end(stream)

    def _end(self, stream: BinaryIO) -> None:
        for line in self._lines:
            if line.done != line.n_samples:
                got = line.done - line.lead
                raise ValueError(
                    f"{line.channel.label}: {line.channel.n_samples} samples expected, got {got}"
                )
            self._not_recorded(line, int(self._end_s / line.channel.period_s) - line.done)
            self._close(line, line.done)
        self._pad(self._n_records)
        self._flush(stream)
        self._lists.extend(packed(self._gaps, self._room))
        self._gaps = []
        if self._lists and self._n_records * self._record_s == self._end_s:
            self._lists.append(self._list(self._end_note()))
        while self._lists:
            # More stretches were missing than records had room for: the file gets records behind its end.
            self._pad(self._written + 1)
            self._flush(stream)
        if self._written != self._n_records:
            stream.seek(0)
            stream.write(header_bytes(replace(self._header, n_records=self._written)))
            stream.seek(0, 2)

    def _pad(self, n_records: int) -> None:
        for line in self._lines:
            line.add(np.zeros(n_records * line.signal.samples - line.done, dtype="<i2"))

    def _not_recorded(self, line: _Line, n_samples: int) -> None:
        if n_samples > 0:
            line.open_ = line.done if line.open_ is None else line.open_
            line.add(np.zeros(n_samples, dtype="<i2"))

    def _numbers(self, line: _Line, samples: Samples) -> Numbers:
        """Samples as digital numbers; outside the range they are clipped and counted, NaN is noted."""
        gain = line.signal.gain or 1.0
        low = (line.signal.physical or (0.0, 0.0))[0]
        numbers = np.multiply(samples, np.float32(1.0 / gain), dtype=np.float32)
        shift = -HIGH - low / gain
        if abs(shift) > 1e-6:
            numbers += np.float32(shift)
        np.rint(numbers, out=numbers)
        if not len(numbers):
            return numbers.astype("<i2")
        least, most = float(numbers.min()), float(numbers.max())
        missing = np.isnan(numbers) if math.isnan(least) else None
        self._note_missing(line, missing, len(numbers))
        if missing is not None:
            numbers[missing] = 0.0
        if missing is not None or least < -HIGH or most > HIGH:
            line.clipped += int(np.count_nonzero(np.abs(numbers) > HIGH))
            np.clip(numbers, -HIGH, HIGH, out=numbers)
        return numbers.astype("<i2")

    def _note_missing(self, line: _Line, missing: NDArray[np.bool_] | None, n_samples: int) -> None:
        if missing is None:
            if n_samples:
                self._close(line, line.done)
            return
        before = line.open_ is not None
        turns = np.flatnonzero(np.diff(missing, prepend=before))
        for turn in turns:
            if missing[turn]:
                line.open_ = line.done + int(turn)
            else:
                self._close(line, line.done + int(turn))

    def _close(self, line: _Line, stop: int) -> None:
        if line.open_ is None:
            return
        period_s = line.channel.period_s
        gap = Annotation(
            start_s=float(line.open_ * period_s),
            duration_s=float((stop - line.open_) * period_s),
            text=NOT_RECORDED,
            channel=line.channel.label,
        )
        line.open_ = None
        self._gaps.append(self._list(gap))

    def _flush(self, stream: BinaryIO) -> None:
        count = min(line.n_waiting // line.signal.samples for line in self._lines)
        if count < 1:
            return
        self._lists.extend(packed(self._gaps, self._room))
        self._gaps = []
        records = np.empty((count, self._header.record_samples), dtype="<i2")
        for line in self._lines:
            place, samples = line.signal.place, line.signal.samples
            records[:, place : place + samples] = line.take(count * samples).reshape(count, samples)
        notes = self._header.signals[-1]
        rows = [self._note_row(2 * notes.samples) for _ in range(count)]
        records[:, notes.place :] = np.frombuffer(b"".join(rows), dtype="<i2").reshape(count, -1)
        stream.write(records.data)

    def _note_row(self, room: int) -> bytes:
        start_s = float(self._written * self._record_s) + self._zero_s
        self._written += 1
        lists = self._lists.popleft() if self._lists else b""
        return (time_bytes(signed_text(start_s)) + lists).ljust(room, b"\0")

    def findings(self) -> tuple[Finding, ...]:
        """What was clipped."""
        return tuple(
            Finding(
                code="recording.write_clipped",
                severity=Severity.WARN,
                file=self._file,
                value=float(line.clipped),
                limit=0.0,
                text=f"{line.channel.label}: {line.clipped} samples lie outside the range that was written "
                "and were set to its end.",
            )
            for line in self._lines
            if line.clipped
        )
