"""Delsys Trigno recordings as EMGworks exports them to CSV: several clocks in one table."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from atlasplane.core.errors import BadFile
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.recording_channels import RawChannel, rates_differ, recording_of
from atlasplane.io.recording_clock import exact_period_s, half_last_digit
from atlasplane.io.recording_map import ChannelMap
from atlasplane.io.recording_table import Rows, TableForm, first_lines, number_rows, unpacked
from atlasplane.sources.recording import Recording

_LINE = re.compile(
    r"Label: (?P<label>.*?) Sampling frequency: (?P<rate>\S+) Number of points: (?P<points>\d+) "
    r"start: (?P<start>\S+) Unit: (?P<unit>.*?) Domain Unit: (?P<domain>\S+)\s*"
)
_TIME = re.compile(r"X ?\[(.*)\]")
_AGAIN = "Export the recording from EMGworks again"


@dataclass(frozen=True, slots=True)
class _Stated:
    label: str
    period_s: Fraction
    points: int
    start_s: float
    unit: str


def read_trigno(path: Path, *, channels: ChannelMap | None = None) -> Recording:
    """A recording of Delsys Trigno sensors; each channel keeps its own exact sampling period.

    Raises
    ------
    BadInput
        When the file cannot be read, or its columns are not those that its header names.
    """
    file = path.name
    lines = first_lines(path)
    stated = {each.label: each for each in _stated(lines, file)}
    at, delimiter, names = _columns(lines, file)
    labels = [name for name in names if not _TIME.fullmatch(name)]
    missing = next((label for label in labels if label not in stated), None)
    if missing is not None or not labels:
        raise BadFile(file, f"has a column '{missing}' that its header does not describe", _AGAIN)
    values = [n for n, name in enumerate(names) if not _TIME.fullmatch(name)]
    times = [_time_column(names, column) for column in values]
    form = TableForm(
        first_line=at + 1, delimiter=delimiter, decimal_comma=delimiter == ";", n_columns=len(names)
    )
    last = _LastTimes(times, values)
    store = unpacked(last.watched(number_rows(path, form)), values, file=file)
    raw = [
        RawChannel(
            label=label,
            unit=stated[label].unit,
            period_s=stated[label].period_s,
            n_samples=store.length(n),
            start_s=stated[label].start_s,
        )
        for n, label in enumerate(labels)
    ]
    points = [stated[label].points for label in labels]
    findings = [*fewer_or_more(raw, points, file), *last.findings(raw, file)]
    return recording_of(raw, store, file=file, channels=channels, findings=findings)


def _stated(lines: Sequence[str], file: str) -> Iterator[_Stated]:
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            if line.startswith("Label:"):
                raise BadFile(file, f"describes a channel in a way that is not known: '{line[:80]}'", _AGAIN)
            continue
        try:
            rate_hz = float(match["rate"])
            period_s = exact_period_s(rate_hz, half_last_digit(match["rate"]), trigno=True)
            start_s = float(match["start"])
        except (ValueError, ZeroDivisionError) as fault:
            raise BadFile(file, f"states no sampling rate for '{match['label']}'", _AGAIN) from fault
        yield _Stated(match["label"].strip(), period_s, int(match["points"]), start_s, match["unit"].strip())


def _columns(lines: Sequence[str], file: str) -> tuple[int, str, list[str]]:
    for n, line in enumerate(lines):
        if line.lstrip('"').startswith("X["):
            delimiter = next((mark for mark in ("\t", ";", ",") if mark in line), ",")
            return n, delimiter, [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    raise BadFile(file, "has no line of column names that starts with X[s]", _AGAIN)


def _time_column(names: Sequence[str], column: int) -> int:
    """The nearest column of times before one of values."""
    return max((n for n in range(column) if _TIME.fullmatch(names[n])), default=-1)


class _LastTimes:
    """The time that the file writes beside the last sample of each channel."""

    def __init__(self, times: Sequence[int], values: Sequence[int]) -> None:
        self._columns = list(zip(times, values, strict=True))
        self._last_s = [0.0] * len(values)

    def watched(self, blocks: Iterator[Rows]) -> Iterator[Rows]:
        for block in blocks:
            for n, (time, value) in enumerate(self._columns):
                there = np.flatnonzero(~np.isnan(block[:, value]) & ~np.isnan(block[:, time]))
                if time >= 0 and len(there):
                    self._last_s[n] = float(block[there[-1], time])
            yield block

    def findings(self, raw: Sequence[RawChannel], file: str) -> Iterator[Finding]:
        for each, last_s in zip(raw, self._last_s, strict=True):
            if each.n_samples > 1 and last_s > each.start_s:
                found = Fraction(last_s - each.start_s) / (each.n_samples - 1)
                yield from rates_differ(
                    each.label, stated=each.period_s, found=found, n_samples=each.n_samples, file=file
                )


def fewer_or_more(raw: Sequence[RawChannel], stated: Sequence[int], file: str) -> Iterator[Finding]:
    """The finding when channels hold another number of samples than the header states."""
    for code, word, chosen in (
        ("recording.shorter", "fewer", [(r, s) for r, s in zip(raw, stated, strict=True) if r.n_samples < s]),
        ("recording.longer", "more", [(r, s) for r, s in zip(raw, stated, strict=True) if r.n_samples > s]),
    ):
        if chosen:
            first, points = chosen[0]
            text = (
                f"{len(chosen)} channels hold {word} samples than the header states: {first.label} has "
                f"{first.n_samples} of {points}."
            )
            yield Finding(
                code=code,
                severity=Severity.WARN,
                file=file,
                value=float(first.n_samples),
                limit=float(points),
                text=text,
            )
