"""Single values of a DICOM header as plain numbers and words, or an error that names the element."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from atlasplane.core.errors import BadFile

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def text(header: Dataset, keyword: str) -> str:
    """An element's text without padding; empty where it is absent."""
    value = header.get(keyword)
    return "" if value is None else str(value).strip("\0 ")


def number(header: Dataset, keyword: str, name: str) -> float | None:
    """A finite number of any sign; raises BadFile."""
    value = header.get(keyword)
    if value is None or value == "":
        return None
    try:
        found = float(value)
    except (TypeError, ValueError) as fault:
        raise _garbled(name, keyword) from fault
    if not math.isfinite(found):
        raise _garbled(name, keyword)
    return found


def positive(header: Dataset, keyword: str, name: str) -> float | None:
    """A positive number; the standard's 0 and empty mean unknown; raises BadFile."""
    found = number(header, keyword, name)
    return found if found is not None and found > 0 else None


def spacing(header: Dataset, keyword: str, name: str) -> tuple[float, float] | None:
    """A DICOM spacing [between rows, between columns] as our [column size, row size]; raises BadFile."""
    pair = numbers(header, keyword, 2, name)
    if pair is None:
        return None
    if not all(size > 0 for size in pair):
        raise _garbled(name, keyword)
    return pair[1], pair[0]


def numbers(header: Dataset, keyword: str, count: int, name: str) -> tuple[float, ...] | None:
    """As many finite numbers as the element must have; raises BadFile."""
    value = header.get(keyword)
    if value is None or value == "":
        return None
    try:
        found = tuple(float(part) for part in value)
    except (TypeError, ValueError) as fault:
        raise _garbled(name, keyword) from fault
    if len(found) != count or not all(map(math.isfinite, found)):
        raise _garbled(name, keyword)
    return found


def _garbled(name: str, keyword: str) -> BadFile:
    return BadFile(
        name, f"has a header whose {keyword} is not a usable number", "Correct the header, or export it again"
    )
