"""Option texts as numbers and times."""

from __future__ import annotations

import math
from datetime import datetime

from atlasplane.core.errors import BadInput


def numbers(option: str, text: str, *, like: str) -> tuple[float, ...]:
    """Comma-separated finite numbers.

    Parameters
    ----------
    like : str
        An example; it also says how many there must be.

    Raises
    ------
    BadInput
        Naming the option.
    """
    count = like.count(",") + 1
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if len(found) != count or not all(map(math.isfinite, found)):
        how_many = {1: "a number", 2: "two numbers", 3: "three numbers"}[count]
        raise BadInput(option, f"'{text}' is not {how_many}", f'Write {option} "{like}"')
    return found


def number_pair(option: str, text: str | None, *, one: bool = False) -> tuple[float, float] | None:
    """A pair "column,row"; with `one`, a single number counts for both.

    Raises
    ------
    BadInput
        Naming the option.
    """
    if text is None:
        return None
    if one and "," not in text:
        (both,) = numbers(option, text, like="0.143")
        return both, both
    first, second = numbers(option, text, like="0.143,0.143" if one else "512,640")
    return first, second


def instant(option: str, text: str) -> datetime:
    """A time with its offset from UTC.

    Raises
    ------
    BadInput
        Naming the option.
    """
    remedy = "Write it as 2026-03-02T09:10:00+01:00"
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(option, f"'{text}' is no time", remedy) from error
    if found.tzinfo is None:
        raise BadInput(option, f"'{text}' has no offset from UTC", remedy)
    return found
