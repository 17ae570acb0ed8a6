"""EDF files byte by byte, so that a header can say what is not so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

HEADER, PER_SIGNAL = 256, 256
TAL_BYTES = 120
"""Of the notes in one data record."""
_AT = {"n_records": (236, 8), "record_s": (244, 8), "n_signals": (252, 4), "header_bytes": (184, 8)}


def edf_bytes(
    channels_uV: Mapping[str, ArrayLike],
    *,
    rate_hz: int,
    reach_uV: float = 3276.7,
    notes: Sequence[tuple[float, float, str]] = (),
    unit: str = "uV",
) -> bytes:
    """EDF+ of data records of one second.

    Parameters
    ----------
    channels_uV : mapping label -> array, shape (n,)
        n is a multiple of `rate_hz`. 0.1 uV a step with the default reach.
    notes : sequence of (start_s, duration_s, text)
        All stand in the first data record.
    """
    counts = {
        label: np.clip(np.rint(np.asarray(samples) / reach_uV * 32767), -32767, 32767).astype("<i2")
        for label, samples in channels_uV.items()
    }
    n_records = len(next(iter(counts.values()))) // rate_hz
    labels = [*counts, "EDF Annotations"]
    sizes = [rate_hz] * len(counts) + [TAL_BYTES // 2]
    main = [
        _text("0", 8),
        _text("X X X X", 80),
        _text("Startdate 02-MAR-2026 X X X", 80),
        _text("02.03.26", 8),
        _text("22.00.00", 8),
        _text(HEADER + PER_SIGNAL * len(labels), 8),
        _text("EDF+C", 44),
        _text(n_records, 8),
        _text(1, 8),
        _text(len(labels), 4),
    ]
    reach = [f"{reach_uV:g}"] * len(counts)
    fields: list[tuple[list[object], int]] = [
        (list(labels), 16),
        ([""] * len(labels), 80),
        ([unit] * len(counts) + [""], 8),
        ([*(f"-{r}" for r in reach), "-1"], 8),
        ([*reach, "1"], 8),
        ([-32767] * len(counts) + [-32768], 8),
        ([32767] * len(labels), 8),
        ([""] * len(labels), 80),
        (list(sizes), 8),
        ([""] * len(labels), 32),
    ]
    header = b"".join(main) + b"".join(_text(value, size) for values, size in fields for value in values)
    body = b""
    for k in range(n_records):
        for samples in counts.values():
            body += samples[k * rate_hz : (k + 1) * rate_hz].tobytes()
        body += _tal(k, notes if k == 0 else ())
    return header + body


def saying(content: bytes, **what: object) -> bytes:
    """The file with other words in its header: n_records, record_s, n_signals, header_bytes."""
    for name, value in what.items():
        start, size = _AT[name]
        content = content[:start] + _text(value, size) + content[start + size :]
    return content


def _tal(second: int, notes: Sequence[tuple[float, float, str]]) -> bytes:
    words = f"+{second}\x14\x14\x00"
    words += "".join(f"+{start:g}\x15{duration:g}\x14{text}\x14\x00" for start, duration, text in notes)
    raw = words.encode()
    if len(raw) > TAL_BYTES:
        raise ValueError("the notes do not fit into one data record")
    return raw.ljust(TAL_BYTES, b"\x00")


def _text(value: object, size: int) -> bytes:
    raw = str(value).encode("ascii")
    if len(raw) > size:
        raise ValueError(f"{value} does not fit into {size} bytes")
    return raw.ljust(size)
