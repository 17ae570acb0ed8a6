"""The view-model of the section on the bones in space: strings, as in `report.view`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BonesSheet:
    """The bones of one visit from the fixed directions; `svg` is self-contained, the same in both faces."""

    title: str
    svg: str
    alt: str
    caption: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BonesCell:
    """A number with its error; `kind` is doubt, missing, beyond or empty."""

    value: str
    sub: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BonesRow:
    """One angle, a cell for each way to it."""

    name: str
    sub: str
    cells: tuple[BonesCell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BonesTable:
    """The three angles of one visit, or their change, by every way; `notes` say why some are missing.

    `rows_are` heads the rows' names.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[BonesRow, ...]
    notes: tuple[str, ...]
    rows_are: str = "Angle"


@dataclass(frozen=True, slots=True, kw_only=True)
class BonesView:
    """The bones in space.

    Attributes
    ----------
    shape_note : str
        Whose bones are drawn.
    plot_svg, plot_alt : str
        The angles side by side with their intervals.
    viewer : str
        Meshes and poses for the page's viewer, JSON; the paper leaves it out.
    """

    title: str
    note: str
    shape_note: str
    sheets: tuple[BonesSheet, ...]
    tables: tuple[BonesTable, ...]
    plot_svg: str
    plot_alt: str
    viewer: str
