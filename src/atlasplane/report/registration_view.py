"""The view-model of the section on registration: strings, as in `report.view`."""

from __future__ import annotations

from dataclasses import dataclass

from atlasplane.report.bones_view import BonesTable


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationPicture:
    """One overlay of a film; `jpeg` is base64, sizes are its pixels."""

    title: str
    jpeg: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationFilm:
    """The overlays of one film, side by side."""

    title: str
    caption: str
    pictures: tuple[RegistrationPicture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationSheet:
    """The registration of one visit.

    Attributes
    ----------
    kind, state : str
        "ok", "doubtful", "refused", "stale" or "unread", and the word for it.
    said : str
        What that means for the numbers.
    reasons : tuple of (str, str)
        What speaks against it, and what would help.
    facts : tuple of (str, str)
    tables : tuple of BonesTable
        Angles beside the other ways to them, and the poses; empty where nothing is measured from it.
    films : tuple of RegistrationFilm
    """

    title: str
    kind: str
    state: str
    said: str
    reasons: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str], ...]
    tables: tuple[BonesTable, ...]
    films: tuple[RegistrationFilm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationView:
    """All registrations of a case; `series` is a table over the visits where there are two or more."""

    title: str
    note: str
    picture_note: str
    sheets: tuple[RegistrationSheet, ...]
    series: BonesTable | None
