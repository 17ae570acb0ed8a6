"""The header of EDF, EDF+ and BDF files: read with doubt, written to the letter.

Kemp 1992, doi:10.1016/0013-4694(92)90009-7; EDF+: Kemp 2003, doi:10.1016/S1388-2457(03)00123-8.
A header is text in fields of fixed width; every number in it may be wrong, so none of them decides how much
memory is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from fractions import Fraction

from atlasplane.core.errors import BadFile
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.recording_marks import BDF_MARK

HEAD_BYTES = 256
NOTES = ("EDF Annotations", "BDF Annotations")
_AGAIN = "Export the recording again"

SIGNAL_FIELDS = (
    ("label", 16),
    ("transducer", 80),
    ("dimension", 8),
    ("physical_min", 8),
    ("physical_max", 8),
    ("digital_min", 8),
    ("digital_max", 8),
    ("prefilter", 80),
    ("samples", 8),
    ("reserved", 32),
)
"""What the header says of each signal, and in how many characters; all labels first, then all transducers."""
SIGNAL_BYTES = sum(width for _, width in SIGNAL_FIELDS)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
"""As EDF+ writes them."""
_START_DATE = re.compile(r"Startdate (\d\d)-([A-Za-z]{3})-(\d{4})")
_OFFSET = re.compile(r"\bUTC([+-])(\d\d):(\d\d)\b")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class EdfSignal:
    """One signal of the header.

    Attributes
    ----------
    label, transducer, dimension : str
    physical, digital : pair of float or None
        Values at the ends of the range; None where they are no numbers.
    samples : int
        In one data record.
    place : int
        Samples of a data record before this signal's.
    """

    label: str
    transducer: str
    dimension: str
    physical: tuple[float, float] | None
    digital: tuple[float, float] | None
    samples: int
    place: int

    @property
    def is_notes(self) -> bool:
        """Whether it holds annotations."""
        return self.label in NOTES

    @property
    def gain(self) -> float | None:
        """Physical units of one digital step; None where the header's ends give none."""
        if self.physical is None or self.digital is None:
            return None
        steps = self.digital[1] - self.digital[0]
        span = self.physical[1] - self.physical[0]
        return span / steps if span and steps > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdfHeader:
    """What a header says.

    Attributes
    ----------
    width : int
        Bytes of a sample: 2, or 3 for BDF.
    patient, recording, reserved : str
    started : datetime or None
        With an offset only where the recording field states one.
    bytes : int
        Length of the header.
    n_records : int
        As declared; -1 is "unknown".
    record_s : Fraction
    signals : tuple of EdfSignal
    findings : tuple of Finding
    """

    width: int
    patient: str
    recording: str
    reserved: str
    started: datetime | None
    bytes: int
    n_records: int
    record_s: Fraction
    signals: tuple[EdfSignal, ...]
    findings: tuple[Finding, ...]

    @property
    def record_samples(self) -> int:
        """Samples of a data record, all signals together."""
        return sum(signal.samples for signal in self.signals)

    @property
    def record_bytes(self) -> int:
        """Length of a data record."""
        return self.record_samples * self.width

    @property
    def is_plus(self) -> bool:
        """Whether it is an EDF+ or BDF+ file."""
        return self.reserved[:4] in ("EDF+", "BDF+")

    @property
    def is_interrupted(self) -> bool:
        """Whether the header says that the data records do not follow each other without gaps."""
        return self.reserved[:5] in ("EDF+D", "BDF+D")


def read_header(head: bytes, *, file: str) -> EdfHeader:
    """The header of a file.

    Parameters
    ----------
    head : bytes
        The first bytes of the file; more than the header does no harm.

    Raises
    ------
    BadFile
        When it is cut off, or the layout of the data records cannot be told from it.
    """
    if len(head) < HEAD_BYTES:
        raise BadFile(file, "is cut off within its header", _AGAIN)
    n_signals = signal_count(head, file=file)
    end = HEAD_BYTES + n_signals * SIGNAL_BYTES
    if len(head) < end:
        raise BadFile(file, f"is cut off within its header of {n_signals} signals", _AGAIN)
    declared = _whole(head[184:192], "length of the header", file)
    if declared != end:
        what = f"says its header has {declared} bytes, but {n_signals} signals take {end}"
        raise BadFile(file, what, _AGAIN)
    record_s = _decimal(head[244:252])
    if record_s is None or record_s < 0:
        raise BadFile(file, f"states a record duration of {_text(head[244:252])!r}", _AGAIN)
    recording = _text(head[88:168])
    started = _started(_text(head[168:176]), _text(head[176:184]), recording)
    return EdfHeader(
        width=3 if head[:1] == BDF_MARK[:1] else 2,
        patient=_text(head[8:88]),
        recording=recording,
        reserved=_text(head[192:236]),
        started=started,
        bytes=end,
        n_records=_whole(head[236:244], "number of data records", file),
        record_s=record_s,
        signals=tuple(_signals(head[HEAD_BYTES:end], n_signals, file)),
        findings=tuple(_findings(head[8:end], _text(head[168:184]), started, file)),
    )


def signal_count(head: bytes, *, file: str) -> int:
    """Number of signals that the header declares; raises BadFile."""
    count = _whole(head[252:256], "number of signals", file)
    if count < 1:
        raise BadFile(file, f"declares {count} signals", "Check that this is the right file")
    return count


def _signals(table: bytes, n_signals: int, file: str) -> Iterator[EdfSignal]:
    columns: dict[str, list[bytes]] = {}
    at = 0
    for name, width in SIGNAL_FIELDS:
        columns[name] = [table[at + n * width : at + (n + 1) * width] for n in range(n_signals)]
        at += width * n_signals
    place = 0
    for n in range(n_signals):
        samples = _whole(columns["samples"][n], f"number of samples of signal {n + 1}", file)
        if samples < 0:
            raise BadFile(file, f"states {samples} samples a record for signal {n + 1}", _AGAIN)
        yield EdfSignal(
            label=_text(columns["label"][n]),
            transducer=_text(columns["transducer"][n]),
            dimension=_text(columns["dimension"][n]),
            physical=_pair(columns["physical_min"][n], columns["physical_max"][n]),
            digital=_pair(columns["digital_min"][n], columns["digital_max"][n]),
            samples=samples,
            place=place,
        )
        place += samples


def _findings(head: bytes, start: str, started: datetime | None, file: str) -> Iterator[Finding]:
    strange = sum(byte > 126 or byte < 32 for byte in head)
    if strange:
        text = f"The header has {strange} characters that EDF does not allow; they are read as Latin-1."
        yield Finding(
            code="recording.header", severity=Severity.INFO, file=file, value=float(strange), text=text
        )
    if started is None:
        text = f"The start '{start}' is no date and time; times are given after the start only."
        yield Finding(code="recording.header", severity=Severity.WARN, file=file, text=text)


def _started(day: str, clock: str, recording: str) -> datetime | None:
    try:
        d, m, y = (int(part) for part in day.split("."))
        hours, minutes, seconds = (int(part) for part in clock.split("."))
        # Kemp 2003: 85 to 99 are of the twentieth century, 00 to 84 of the twenty-first.
        year = y + (1900 if y >= 85 else 2000)
        full = _START_DATE.search(recording)
        if full is not None and full[2].upper() in MONTHS:
            d, m, year = int(full[1]), MONTHS.index(full[2].upper()) + 1, int(full[3])
        zone = _zone(recording)
        return datetime(year, m, d, hours, minutes, seconds, tzinfo=zone)
    except ValueError:
        return None


def _zone(recording: str) -> timezone | None:
    offset = _OFFSET.search(recording)
    if offset is None:
        return None
    minutes = int(offset[2]) * 60 + int(offset[3])
    return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))


def says_simulated(recording: str) -> bool:
    """Whether the recording field marks a file as simulated."""
    return "simulated" in recording.lower()


def _text(field: bytes) -> str:
    return field.decode("latin-1").strip(" \0")


def _whole(field: bytes, what: str, file: str) -> int:
    text = _text(field)
    try:
        return int(text)
    except ValueError as fault:
        raise BadFile(file, f"states no whole number as {what} ({text!r})", _AGAIN) from fault


def _decimal(field: bytes) -> Fraction | None:
    """The number of a field exactly as its digits say; a decimal comma is taken as a point."""
    text = _text(field).replace(",", ".")
    return Fraction(text) if _NUMBER.fullmatch(text) else None


def _pair(low: bytes, high: bytes) -> tuple[float, float] | None:
    first, second = _decimal(low), _decimal(high)
    return None if first is None or second is None else (float(first), float(second))
