"""What a person should know about the data, apart from the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a finding weighs; `STOP` forbids a correction vector and ends with exit status 1."""

    INFO = "info"
    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding about a file, a film or a visit.

    Attributes
    ----------
    code : str
        Dotted name, e.g. ``film.yaw``; documented in the guide.
    severity : Severity
    file : str or None
        The file concerned, as named in the case folder.
    value, limit : float or None
        The number that was found and the limit it was held against, in the unit that `text` names.
    text : str
        One sentence with number, limit and consequence.
    source : str
        Where the limit comes from.
    """

    code: str
    severity: Severity
    text: str
    file: str | None = None
    value: float | None = None
    limit: float | None = None
    source: str | None = None
