"""The ground of every statistical picture: size in millimetres, type, colours and axes.

Figures are made without pyplot: nothing is shown, and none is kept alive but by whoever holds it. They are as
wide as a column of a journal (89 mm) or a page (183 mm), in type of 7 to 8 points.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.text import Text

from atlasplane.report.palette import BAND, BEYOND, BLACK_INK, GRID, SOFT_INK, WITHIN

COLUMN_MM, PAGE_MM = 89.0, 183.0
"""Width of a column and of a page."""
INK, SOFT, RULE, GROUND = BLACK_INK, SOFT_INK, GRID, BAND
FIRST, SECOND, THIRD = WITHIN, BEYOND, "#009E73"
"""Blue, vermillion and green of Okabe and Ito (2008), the first two darkened to be read as type on white."""
SIZE, SMALL = 8.0, 7.0
"""Points."""
LINE, THIN = 1.1, 0.6
_MM_PER_INCH = 25.4
Place: TypeAlias = Literal["best", "upper left", "upper right", "lower left", "lower right", "upper center"]


def _family() -> str:
    """The report's type where it is installed, as it is with the package; else matplotlib's own."""
    spec = find_spec("font_source_sans_pro")
    if spec is None or spec.origin is None:
        return "DejaVu Sans"
    for face in ("Regular", "Semibold", "It"):
        fontManager.addfont(Path(spec.origin).parent / "files" / f"SourceSansPro-{face}.ttf")
    return "Source Sans Pro"


FAMILY = _family()


def type_of(size: float = SIZE, colour: str = INK, *, bold: bool = False) -> dict[str, Any]:
    """Properties of a piece of text."""
    return {
        "fontfamily": FAMILY,
        "fontsize": size,
        "color": colour,
        "fontweight": "semibold" if bold else "normal",
    }


def figure(width_mm: float, height_mm: float, *, placed: bool = False) -> Figure:
    """An empty white figure.

    Parameters
    ----------
    width_mm, height_mm : float
    placed : bool
        Whether all is placed by hand, in millimetres; else the layout engine keeps parts apart.
    """
    return Figure(
        figsize=(width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH),
        dpi=300,
        facecolor="white",
        layout=None if placed else "constrained",
    )


def page(on: Figure) -> Axes:
    """Invisible axes over the whole figure, in millimetres from its lower left corner."""
    width, height = on.get_size_inches() * _MM_PER_INCH
    made = on.add_axes((0, 0, 1, 1))
    made.set(xlim=(0, width), ylim=(0, height))
    made.set_axis_off()
    return made


def window(on: Figure, left_mm: float, right_mm: float, bottom_mm: float, top_mm: float) -> Axes:
    """Axes at a place of the figure, dressed."""
    width, height = on.get_size_inches() * _MM_PER_INCH
    made = on.add_axes(
        (left_mm / width, bottom_mm / height, (right_mm - left_mm) / width, (top_mm - bottom_mm) / height)
    )
    plain(made)
    return made


def width_mm(of: Text) -> float:
    """Width of a piece of text as it is drawn."""
    drawn = of.get_window_extent()
    return float(drawn.width / of.get_figure(root=True).dpi * _MM_PER_INCH)  # type: ignore[union-attr]


def axes(on: Figure, place: Any = (1, 1, 1), **shared: Any) -> Axes:
    """Axes with rules at the left and at the foot alone.

    Parameters
    ----------
    on : Figure
    place : tuple or SubplotSpec
        As `Figure.add_subplot` takes it.
    shared : Axes
        `sharex` or `sharey`.
    """
    where = place if isinstance(place, tuple) else (place,)
    made: Axes = on.add_subplot(*where, **shared)
    plain(made)
    return made


def plain(on: Axes) -> None:
    """Dress axes: rules at the left and at the foot, ticks outwards, the report's type."""
    on.spines[["top", "right"]].set_visible(False)
    on.spines[["left", "bottom"]].set_color(SOFT)
    on.spines[["left", "bottom"]].set_linewidth(THIN)
    on.tick_params(
        labelfontfamily=FAMILY, labelsize=SMALL, colors=SOFT, labelcolor=INK, width=THIN, length=2.5, pad=2
    )


def name_axes(on: Axes, x: str, y: str) -> None:
    """Names of both axes; an empty one is left out."""
    on.set_xlabel(x, **type_of())
    on.set_ylabel(y, **type_of())


def bare(on: Axes, *sides: str) -> None:
    """Take rule, ticks and numbers of these sides away."""
    on.spines[list(sides)].set_visible(False)
    if "left" in sides:
        on.tick_params(left=False, labelleft=False)
    if "bottom" in sides:
        on.tick_params(bottom=False, labelbottom=False)


def key(on: Axes, entries: Sequence[tuple[Artist, str]], *, where: Place = "best", columns: int = 1) -> None:
    """Explain what is drawn; `entries` are drawn things with words."""
    made = on.legend(
        [entry[0] for entry in entries],
        [entry[1] for entry in entries],
        loc=where,
        ncols=columns,
        frameon=False,
        prop=FontProperties(family=FAMILY, size=SMALL),
        labelcolor=INK,
        handlelength=1.6,
        handletextpad=0.5,
        borderaxespad=0.2,
        columnspacing=1.2,
    )
    made.set_zorder(10)


def sentence(words: str) -> str:
    """The words with a capital and a full stop, as results do not have them."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def note(on: Figure, text: str) -> None:
    """Words at the foot of the figure: what a reader must know and cannot see."""
    on.supxlabel(text, x=0.01, ha="left", **type_of(SMALL, SOFT))
