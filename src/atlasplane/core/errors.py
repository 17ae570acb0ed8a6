"""Every error that a user can act on.

    AtlasplaneError
    +-- BadInput          a file, key or value that cannot be used       (exit status 2)
    |   +-- BadFile       a file that cannot be read as what it claims
    |   +-- BadLandmarks  points that are missing, doubled, outside or impossible
    |   |   +-- TooFewPoints  not enough of them for any quantity
    |   +-- NoScale       a length was asked where only angles can be measured
    |   +-- WrongPatient  a file of another person
    +-- MissingExtra      an optional dependency is not installed        (exit status 2)
    +-- OutputFailed      a result could not be written                  (exit status 2)
    +-- Cancelled         the user stopped a run; nothing was written    (exit status 2)

Anything else that escapes is our fault and ends with exit status 3.
"""

from __future__ import annotations


class AtlasplaneError(Exception):
    """Base of every error a user can act on.

    Parameters
    ----------
    file : str
        The file (or case) at fault, as the user named it; never a patient's name.
    what : str
        The fault.
    remedy : str
        What to do about it.
    """

    def __init__(self, file: str, what: str, remedy: str) -> None:
        super().__init__(f"{file}: {what}. {remedy}")
        self.file = file
        self.what = what
        self.remedy = remedy


class BadInput(AtlasplaneError):
    """A file, key or value that cannot be used."""


class BadFile(BadInput):
    """A file that cannot be read as what it claims to be."""


class BadLandmarks(BadInput):
    """Points that are missing, given twice, outside the image or geometrically impossible."""


class TooFewPoints(BadLandmarks):
    """Not enough points for any quantity of the film."""


class NoScale(BadInput):
    """A length was asked of a film that has no scale."""


class WrongPatient(BadInput):
    """A file that belongs to another person than the case."""


class MissingExtra(AtlasplaneError):
    """An optional dependency is not installed."""

    def __init__(self, extra: str, what: str) -> None:
        super().__init__(
            what, f"needs the optional part [{extra}]", f"Install it: pip install 'atlasplane[{extra}]'"
        )
        self.extra = extra


class OutputFailed(AtlasplaneError):
    """A result could not be written; what was there before is untouched."""


class Cancelled(AtlasplaneError):
    """The user stopped a run before it had a result; nothing was written."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "cancelled before it had a result", "Start it again when you want one")
