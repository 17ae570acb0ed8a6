"""The view-model of the section on spasm: strings, as in `report.view`."""

from __future__ import annotations

from dataclasses import dataclass

from atlasplane.report.bones_view import BonesTable


@dataclass(frozen=True, slots=True, kw_only=True)
class SpasmPicture:
    """A drawing; `svg` is self-contained and the same in both faces."""

    title: str
    caption: str
    svg: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpasmSheet:
    """One recording.

    Attributes
    ----------
    title : str
    headline : tuple of (str, str, str)
        Per channel: whose it is, the burden, and the rest in a line.
    facts : tuple of (str, str)
    remarks : tuple of str
        Findings that change how the numbers are read.
    notes : tuple of str
        Findings that tell about the recording.
    table : BonesTable
        The numbers, a column for each channel.
    strips, spectra, events : tuple of SpasmPicture
    spectrum_note : str
    event_rows : tuple of tuple of str
        Channel, class, begin, duration, strength, frequency, confidence.
    event_note : str
        What the table of events leaves out; empty where it has all.
    agreement : BonesTable or None
        Beside a person's labels.
    """

    title: str
    headline: tuple[tuple[str, str, str], ...]
    facts: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    notes: tuple[str, ...]
    table: BonesTable
    strips: tuple[SpasmPicture, ...]
    spectra: tuple[SpasmPicture, ...]
    events: tuple[SpasmPicture, ...]
    spectrum_note: str
    event_rows: tuple[tuple[str, ...], ...]
    event_note: str
    agreement: BonesTable | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpasmView:
    """All recordings of a case.

    Attributes
    ----------
    limits : str
        What an electromyogram cannot say.
    series : BonesTable or None
        Burden and counts over the recordings, and their changes, where there are two or more.
    series_picture : SpasmPicture or None
        The burdens beside each other, likewise.
    """

    title: str
    note: str
    limits: str
    strip_note: str
    event_columns: tuple[str, ...]
    series: BonesTable | None
    series_picture: SpasmPicture | None
    sheets: tuple[SpasmSheet, ...]
