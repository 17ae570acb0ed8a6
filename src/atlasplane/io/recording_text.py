"""Recordings in plain text: BioSPPy, Biometrics DataLog, and tables with a declared or found layout."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.recording_channels import RawChannel, rates_differ, recording_of
from atlasplane.io.recording_clock import exact_period_s
from atlasplane.io.recording_map import ChannelMap, RecordingLayout
from atlasplane.io.recording_table import Rows, TableForm, first_lines, number_rows, unpacked
from atlasplane.io.recording_trigno import fewer_or_more
from atlasplane.io.recording_units import is_unit
from atlasplane.sources.recording import Recording

_NO_RATE = (
    "does not say how often it was sampled",
    "State rate_hz or period_ms under [text] in a channel map",
)
_DATALOG = re.compile(r"Channel (\d+): '(.*)', (\d+) values, engineering units: (\S+?), (.*)", re.IGNORECASE)
_STRETCHED = re.compile(r"extrapolated from ([\d.]+) to ([\d.]+) samples per second")
_NAME_UNIT = re.compile(r"(.*?)\s*[\[(]([^\])]*)[\])]")
_TIMES = {"time", "t", "x", "seconds", "sec", "zeit", "tempo", "timestamp"}
_TIME_UNITS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "": 1.0}
_COMMA_NUMBER = re.compile(r"[+-]?\d+,\d+")
_LOOKED_AT = 50
"""Lines of numbers that the layout is found from."""


def read_biosppy(
    path: Path, *, layout: RecordingLayout | None = None, channels: ChannelMap | None = None
) -> Recording:
    """A recording in BioSPPy's "Simple Text Format"; raises BadInput."""
    file = path.name
    lines = first_lines(path)
    head = [line for line in lines if line.startswith("#")]
    parts = [line.lstrip("# ").split(":=", 1) for line in head if ":=" in line]
    said = {name.strip(): value.strip() for name, value in parts}
    period_s = _layout(layout, channels).period_s
    if period_s is None:
        try:
            period_s = 1 / Fraction(said.get("Sampling Rate (Hz)", ""))
        except (ValueError, ZeroDivisionError) as fault:
            raise BadInput(file, *_NO_RATE) from fault
    labels = [label.strip() for label in said.get("Labels", "").split("\t") if label.strip()]
    if not labels:
        raise BadFile(file, "names no channels in its header", "State columns under [text] in a channel map")
    form = TableForm(first_line=len(head), delimiter=" ", n_columns=len(labels))
    store = unpacked(number_rows(path, form), range(len(labels)), file=file)
    raw = [
        RawChannel(label=label, unit=said.get("Units", ""), period_s=period_s, n_samples=store.length(n))
        for n, label in enumerate(labels)
    ]
    return recording_of(raw, store, file=file, channels=channels)


def read_datalog(
    path: Path, *, layout: RecordingLayout | None = None, channels: ChannelMap | None = None
) -> Recording:
    """A recording of a Biometrics DataLog as text, the form of the UCI "EMG in lower limb" data.

    Most of these files state no sampling rate: it has to be declared.

    Raises
    ------
    BadInput
        When the file cannot be read, or no rate is known.
    """
    file = path.name
    lines = first_lines(path)
    described = [match for match in map(_DATALOG.match, lines) if match is not None]
    stretched = [_STRETCHED.search(each[5]) for each in described]
    period_s = _layout(layout, channels).period_s or _mapped_period(channels)
    if period_s is None:
        rates = [Fraction(each[2]) for each in stretched if each is not None]
        if not rates or not described:
            raise BadInput(file, *_NO_RATE)
        period_s = 1 / rates[0]
    form = TableForm(first_line=len(described) + 2, delimiter="\t", n_columns=len(described))
    store = unpacked(number_rows(path, form), range(len(described)), file=file)
    raw = [
        RawChannel(label=each[2], unit=each[4], period_s=period_s, n_samples=store.length(n))
        for n, each in enumerate(described)
    ]
    stated = [
        round(int(each[3]) * (1 if factor is None else Fraction(factor[2]) / Fraction(factor[1])))
        for each, factor in zip(described, stretched, strict=True)
    ]
    findings = list(fewer_or_more(raw, stated, file))
    findings += [
        Finding(
            code="recording.extrapolated",
            severity=Severity.INFO,
            file=file,
            text=f"{each[2]}: the file's own samples were extrapolated from {factor[1]} to {factor[2]} Hz "
            "by the program that wrote it.",
        )
        for each, factor in zip(described, stretched, strict=True)
        if factor is not None
    ]
    return recording_of(raw, store, file=file, channels=channels, findings=findings)


def read_table(
    path: Path, *, layout: RecordingLayout | None = None, channels: ChannelMap | None = None
) -> Recording:
    """A table of numbers, a column a channel; what no layout declares is found from the file.

    Parameters
    ----------
    path : Path
    layout : RecordingLayout, optional
        Else the one of the channel map.
    channels : ChannelMap, optional

    Raises
    ------
    BadInput
        When rows are ragged, cells are no numbers, or neither a layout nor a column of times tells the rate.
    """
    file = path.name
    said = _layout(layout, channels)
    table = _found(first_lines(path), said, file)
    values = [n for n in range(len(table.names)) if n != table.time]
    if not values:
        what = "has a column of times and no other"
        raise BadFile(
            file, what, "Export it with its channels, or state columns under [text] in a channel map"
        )
    clock = _Clock(table, said.period_s or _mapped_period(channels), file)
    blocks = clock.watched(number_rows(path, table.form))
    store = unpacked(blocks, values, file=file, lost=clock.lost)
    units = [unit or said.unit or "" for unit in table.units]
    raw = [
        RawChannel(
            label=table.names[column],
            unit=units[column],
            period_s=clock.period_s,
            n_samples=store.length(n),
            unit_stated=not table.units[column] and said.unit is not None,
        )
        for n, column in enumerate(values)
    ]
    findings = [*table.findings, *clock.findings(max(each.n_samples for each in raw))]
    return recording_of(raw, store, file=file, channels=channels, findings=findings)


def _layout(layout: RecordingLayout | None, channels: ChannelMap | None) -> RecordingLayout:
    if layout is not None:
        return layout
    return (channels.layout if channels is not None else None) or RecordingLayout()


def _mapped_period(channels: ChannelMap | None) -> Fraction | None:
    periods = [] if channels is None else [each.period_s for each in channels.channels]
    return next((period for period in periods if period is not None), None)


@dataclass(frozen=True, slots=True)
class _Table:
    """What was found of a table; `time` is the column of times, `time_s` how many seconds its unit has."""

    form: TableForm
    names: list[str]
    units: list[str]
    time: int | None
    time_s: float
    head: list[list[str]]
    findings: list[Finding] = field(default_factory=list)


def _found(lines: Sequence[str], said: RecordingLayout, file: str) -> _Table:
    start = said.skip_lines
    while start < len(lines) and (not lines[start].strip() or lines[start][0] in "#%"):
        start += 1
    if start >= len(lines):
        raise BadFile(file, "holds no numbers", "Check that this is the right file")
    delimiter = said.delimiter or _delimiter(lines[start : start + _LOOKED_AT])
    cells = [_cells(line, delimiter) for line in lines[start : start + _LOOKED_AT] if line.strip()]
    comma = said.decimal == "," if said.decimal else _has_comma(cells, delimiter)
    header = said.header if said.header is not None else not _is_numbers(cells[0], comma)
    rows = cells[header:]
    if not rows:
        raise BadFile(file, "holds no numbers", "Check that this is the right file")
    if not any(_is_numbers(row, comma) for row in rows):
        what = f"holds no rows of numbers: line {start + header + 1} starts with '{rows[0][0][:40]}'"
        raise BadFile(file, what, "Give a recording, such as an EDF, or a table with a column a channel")
    if not header and not said.delimiter and delimiter == "," and _may_be_decimals(rows):
        what = "has commas that may be decimals or may part columns"
        raise BadInput(file, what, "State delimiter and decimal under [text] in a channel map")
    head = [] if not header else cells[0] if len(rows[0]) > 1 else [" ".join(cells[0])]
    names, units = _names(head, len(rows[0]), said, file)
    time = _time(names, units, said, file)
    form = TableForm(
        first_line=start + header, delimiter=delimiter, decimal_comma=comma, n_columns=len(names)
    )
    text = "The numbers have decimal commas; they are read as decimals."
    found = comma and said.decimal is None
    findings = [Finding(code="recording.decimal_comma", severity=Severity.INFO, file=file, text=text)]
    time_s = 1.0 if time is None else _TIME_UNITS[units[time]]
    return _Table(form, names, units, time, time_s, rows, findings if found else [])


def _delimiter(lines: Sequence[str]) -> str:
    filled = [line for line in lines if line.strip()]
    last = [line.rstrip("\r\n") for line in filled[-10:]]
    for mark in ("\t", ";"):
        if _in_most(mark, last):
            return mark
    # Numbers with decimal commas, parted by spaces.
    spaced = all(len(line.split()) > 1 and _COMMA_NUMBER.search(line) for line in last)
    if spaced and all(_COMMA_NUMBER.fullmatch(cell) for line in last for cell in line.split()):
        return " "
    return "," if _in_most(",", last) else " "


def _in_most(mark: str, lines: Sequence[str]) -> bool:
    """Whether most lines hold a delimiter: a ragged one is found when the rows are read."""
    return 2 * sum(mark in line for line in lines) > len(lines)


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return line.split()
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]


def _has_comma(cells: Sequence[Sequence[str]], delimiter: str) -> bool:
    return delimiter != "," and any(_COMMA_NUMBER.fullmatch(cell) for row in cells for cell in row)


def _is_numbers(row: Sequence[str], comma: bool) -> bool:
    try:
        for cell in row:
            float((cell.replace(",", ".") if comma else cell) or "nan")
    except ValueError:
        return False
    return True


def _may_be_decimals(rows: Sequence[Sequence[str]]) -> bool:
    """Whether an even number of whole numbers in each row may as well be half as many decimals."""
    return len(rows[0]) % 2 == 0 and all("." not in cell for row in rows for cell in row)


def _names(
    header: Sequence[str], n_columns: int, said: RecordingLayout, file: str
) -> tuple[list[str], list[str]]:
    names = list(said.columns) or list(header) or [f"column {n}" for n in range(1, n_columns + 1)]
    if len(names) != n_columns:
        what = f"has {n_columns} columns, and {len(names)} names for them"
        raise BadFile(file, what, "State delimiter, decimal and columns under [text] in a channel map")
    plain, units = [], []
    for name in names:
        match = _NAME_UNIT.fullmatch(name)
        unit = "" if match is None else match[2].strip()
        known = is_unit(unit) or unit.lower() in _TIME_UNITS
        plain.append(match[1] if match is not None and match[1] and known else name)
        units.append(unit if known else "")
    return plain, units


def _time(names: Sequence[str], units: Sequence[str], said: RecordingLayout, file: str) -> int | None:
    wanted = {said.time_column} if said.time_column is not None else _TIMES
    found = [
        n
        for n, name in enumerate(names)
        if (name if said.time_column is not None else name.lower()) in wanted
        and units[n].lower() in _TIME_UNITS
    ]
    if said.time_column is not None and not found:
        what = f"has no column '{said.time_column}'"
        raise BadInput(file, what, f"Its columns are: {', '.join(names[:20])}")
    return found[0] if found else None


class _Clock:
    """Sampling period of a table, and the samples that its column of times leaves out."""

    def __init__(self, table: _Table, period_s: Fraction | None, file: str) -> None:
        self._time, self._time_s, self._file = table.time, table.time_s, file
        self._declared = period_s is not None
        self._before: float | None = None
        self._first_s = self._last_s = 0.0
        self._n_rows = 0
        self._lost = 0
        self.period_s = period_s or self._measured(table)

    def _measured(self, table: _Table) -> Fraction:
        if self._time is None:
            raise BadInput(self._file, *_NO_RATE)
        comma = table.form.decimal_comma
        texts = [row[self._time].replace(",", ".") if comma else row[self._time] for row in table.head]
        try:
            times_s = np.array([float(text) for text in texts]) * self._time_s
        except (ValueError, IndexError) as fault:
            raise BadFile(
                self._file, "has times that are no numbers", "Correct the column of times"
            ) from fault
        steps_s = np.diff(times_s)
        steps_s = steps_s[np.isfinite(steps_s)]
        if len(steps_s) < 1 or not np.median(steps_s) > 0:
            raise BadInput(self._file, *_NO_RATE)
        even = steps_s[steps_s < 1.5 * np.median(steps_s)]
        step_s = float(even.mean())
        # Times are rounded to their last digit; over n steps that is shared.
        half_s = 0.5 * self._time_s * max(_last_digit(text) for text in texts) / len(even)
        return exact_period_s(1 / step_s, max(2 * half_s / step_s**2, 1e-9 / step_s))

    def watched(self, blocks: Iterator[Rows]) -> Iterator[Rows]:
        """The rows as they are, their times checked."""
        for block in blocks:
            if self._time is not None:
                times_s = block[:, self._time] * self._time_s
                steps = np.diff(times_s, prepend=times_s[0] if self._before is None else self._before)
                if not np.all(steps >= 0):
                    at = self._n_rows + int(np.argmax(~(steps >= 0))) + 1
                    raise BadFile(
                        self._file, f"has a time in row {at} that is missing or before the last", "Correct it"
                    )
            yield block

    def lost(self, block: Rows) -> NDArray[np.int64]:
        """Samples left out before each row: where times are more than one and a half periods apart."""
        if self._time is None:
            return np.zeros(len(block), dtype=np.int64)
        times_s = block[:, self._time] * self._time_s
        if self._before is None:
            self._first_s = float(times_s[0])
            self._before = self._first_s - float(self.period_s)
        steps = np.diff(times_s, prepend=self._before) / float(self.period_s)
        lost = np.where(steps > 1.5, np.rint(steps) - 1, 0).astype(np.int64)
        self._before = self._last_s = float(times_s[-1])
        self._n_rows += len(block)
        self._lost += int(lost.sum())
        return lost

    def findings(self, n_samples: int) -> Iterator[Finding]:
        """Gaps, and a declared rate that the times contradict."""
        if self._lost:
            seconds = float(self._lost * self.period_s)
            text = f"The times leave out {seconds:.6g} s in all; nothing is put in their place."
            yield Finding(
                code="recording.gaps", severity=Severity.WARN, file=self._file, value=seconds, text=text
            )
        steps = self._n_rows + self._lost - 1
        if self._time is not None and steps > 0:
            found = Fraction(self._last_s - self._first_s) / steps
            for each in rates_differ(
                "All channels", stated=self.period_s, found=found, n_samples=n_samples, file=self._file
            ):
                yield each if self._declared else replace(each, text=f"{each.text} (by its first rows)")


def _last_digit(text: str) -> float:
    mantissa, _, exponent = text.lower().partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
