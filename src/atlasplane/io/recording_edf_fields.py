"""Headers of EDF, EDF+ and BDF files as bytes; every number stands in them exactly, or not at all."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction

from atlasplane.io.recording_edf_header import (
    HEAD_BYTES,
    MONTHS,
    NOTES,
    SIGNAL_BYTES,
    SIGNAL_FIELDS,
    EdfHeader,
    EdfSignal,
    says_simulated,
)
from atlasplane.io.recording_marks import BDF_MARK, EDF_MARK

ANONYMOUS = "X X X X"
"""The patient field of EDF+ without code, sex, birth date and name."""


def header_bytes(header: EdfHeader) -> bytes:
    """The header as bytes.

    Raises
    ------
    ValueError
        When something does not fit its field.
    """
    started = header.started or datetime(1985, 1, 1)  # noqa: DTZ001  EDF's word for "unknown"
    fixed = (
        (header.patient, 80),
        (header.recording, 80),
        (f"{started.day:02d}.{started.month:02d}.{started.year % 100:02d}", 8),
        (f"{started.hour:02d}.{started.minute:02d}.{started.second:02d}", 8),
        (str(HEAD_BYTES + SIGNAL_BYTES * len(header.signals)), 8),
        (header.reserved, 44),
        (str(header.n_records), 8),
        (_decimal_text(header.record_s), 8),
        (str(len(header.signals)), 4),
    )
    mark = EDF_MARK if header.width == 2 else BDF_MARK
    rows = [_signal_fields(signal) for signal in header.signals]
    columns = b"".join(_field(row[n], width) for n, (_, width) in enumerate(SIGNAL_FIELDS) for row in rows)
    return mark + b"".join(_field(text, width) for text, width in fixed) + columns


def header_with_notes(head: bytes, header: EdfHeader, *, n_records: int, samples: int) -> bytes:
    """A header as it is, without the patient, and with a signal of annotations behind the others.

    Parameters
    ----------
    head : bytes
        As the file has it: what is not changed stays byte for byte.
    n_records, samples : int
        Data records, and samples of the new signal in each.
    """
    bdf = header.width == 3
    lowest, highest = (-(1 << 23), (1 << 23) - 1) if bdf else (-32768, 32767)
    own = EdfSignal(
        label=NOTES[bdf],
        transducer="",
        dimension="",
        physical=(-1.0, 1.0),
        digital=(lowest, highest),
        samples=samples,
        place=header.record_samples,
    )
    n_signals = len(header.signals)
    fields = (
        (8, _field(ANONYMOUS, 80)),
        (88, _field(recording_field(header.started, simulated=says_simulated(header.recording)), 80)),
        (184, _field(str(HEAD_BYTES + SIGNAL_BYTES * (n_signals + 1)), 8)),
        (192, _field(header.reserved if header.is_plus else ("BDF+C" if bdf else "EDF+C"), 44)),
        (236, _field(str(n_records), 8)),
        (252, _field(str(n_signals + 1), 4)),
    )
    fixed = bytearray(head[:HEAD_BYTES])
    for at, content in fields:
        fixed[at : at + len(content)] = content
    columns, at = b"", HEAD_BYTES
    for text, (_, width) in zip(_signal_fields(own), SIGNAL_FIELDS, strict=True):
        columns += head[at : at + width * n_signals] + _field(text, width)
        at += width * n_signals
    return bytes(fixed) + columns


def _signal_fields(signal: EdfSignal) -> tuple[str, ...]:
    physical, digital = signal.physical or (-1.0, 1.0), signal.digital or (-32768.0, 32767.0)
    return (
        signal.label,
        signal.transducer,
        signal.dimension,
        number_text(physical[0]),
        number_text(physical[1]),
        str(int(digital[0])),
        str(int(digital[1])),
        "",
        str(signal.samples),
        "",
    )


def number_text(value: float) -> str:
    """A number in at most 8 characters, as exactly as they allow.

    Raises
    ------
    ValueError
        When 8 characters cannot hold it.
    """
    for digits in range(8, -1, -1):
        text = f"{value:.{digits}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        if len(text) <= 8:
            return "0" if text in ("-0", "") else text
    raise ValueError(f"{value} does not fit into 8 characters")


def _decimal_text(value: Fraction) -> str:
    text = exact_text(value)
    if text is None:
        raise ValueError(f"{value} s cannot be written exactly in 8 characters")
    return text


def exact_text(value: Fraction) -> str | None:
    """A number written exactly in at most 8 characters, or None."""
    for digits in range(7):
        scaled = value * 10**digits
        if scaled.denominator == 1:
            whole = str(scaled.numerator)
            text = whole if not digits else f"{whole[:-digits] or '0'}.{whole[-digits:].rjust(digits, '0')}"
            return text if len(text) <= 8 else None
    return None


def _field(text: str, width: int) -> bytes:
    content = text.encode("ascii", errors="replace")
    if len(content) > width:
        raise ValueError(f"'{text}' does not fit into {width} characters")
    return content.ljust(width)


def recording_field(started: datetime | None, *, simulated: bool) -> str:
    """The recording field of EDF+: start date, no codes of people, equipment, offset from UTC."""
    day = "X" if started is None else f"{started.day:02d}-{MONTHS[started.month - 1]}-{started.year:04d}"
    offset = None if started is None else started.utcoffset()
    zone = ""
    if offset is not None:
        minutes = round(offset.total_seconds() / 60)
        sign = "-" if minutes < 0 else "+"
        zone = f" UTC{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    return f"Startdate {day} X X {'Atlasplane_simulated' if simulated else 'Atlasplane'}{zone}"
