"""How the drawings look: tints, strokes, labels, and the lines, arcs and arrows of a construction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle, Ellipse, Polygon, Rectangle
from matplotlib.patheffects import withStroke

from atlasplane.anatomy.schematic_film import Film, Outline
from atlasplane.geometry.types import Array

INK = "#22303c"
MARK = "#b5121b"
LINE = "#0b5fa5"
SECOND = "#a15c00"
GUIDE = "#5d6b78"
TINT: Mapping[str, str] = {
    "skull": "#8fa1b3",
    "c1": "#dd9a33",
    "c2": "#5f9e78",
    "vertebra": "#a79c8e",
    "trunk": "#a79c8e",
}
EDGE: Mapping[str, str] = {
    "skull": "#4b5f73",
    "c1": "#8a560b",
    "c2": "#2c6243",
    "vertebra": "#6e6354",
    "trunk": "#6e6354",
}
EDGE_STRENGTH: Mapping[str, float] = {
    "bone": 1.0,
    "edge": 1.0,
    "faint": 0.5,
    "line": 0.6,
    "hole": 0.7,
    "skin": 0.25,
    "wash": 0.0,
}
HALO = [withStroke(linewidth=2.6, foreground="white")]
SIZE = 8.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Part of the page that is shown, mm."""

    left: float
    right: float
    bottom: float
    top: float

    @property
    def width(self) -> float:
        """Width in mm."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Height in mm."""
        return self.top - self.bottom

    def sees(self, at_mm: Array) -> bool:
        """Whether a curve reaches into it."""
        low, high = at_mm.min(axis=0), at_mm.max(axis=0)
        across = low[0] < self.right and high[0] > self.left
        return bool(across and low[1] < self.top and high[1] > self.bottom)

    @classmethod
    def around(cls, points_mm: Array, *, margin: float, least: float, shape: float) -> Window:
        """Window about points with a margin, at least `least` mm wide, of width over height `shape`."""
        points = np.atleast_2d(points_mm)
        low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
        centre = (low + high) / 2
        width = max(least, float(high[0] - low[0]), float(high[1] - low[1]) * shape)
        half = np.array([width, width / shape]) / 2
        return cls(
            left=centre[0] - half[0],
            right=centre[0] + half[0],
            bottom=centre[1] - half[1],
            top=centre[1] + half[1],
        )


def blank(window: Window, *, width_in: float, beside_in: float = 0.0) -> tuple[Figure, Axes]:
    """A figure that shows a window at true proportions, with free space to its right if wanted."""
    whole = width_in + beside_in
    figure = Figure(figsize=(whole, width_in * window.height / window.width), facecolor="white")
    axes = figure.add_axes((0, 0, width_in / whole, 1))
    show(axes, window)
    return figure, axes


def show(axes: Axes, window: Window) -> None:
    """Set the part of the page that axes show."""
    axes.set(xlim=(window.left, window.right), ylim=(window.bottom, window.top), xticks=[], yticks=[])
    axes.set_aspect("equal")
    for spine in axes.spines.values():
        spine.set(color="#b9c2ca", linewidth=0.8)


def bones(axes: Axes, film: Film, window: Window, *, strength: float = 1.0) -> None:
    """Every outline that reaches into the window; overlapping bones darken as on a film."""
    for curve in film.outlines():
        if window.sees(curve.at_mm):
            _outline(axes, curve, strength)


def small_bones(axes: Axes, film: Film) -> None:
    """The main outlines, coarsely, for a drawing of the size of a thumbnail."""
    for curve in film.outlines():
        if curve.style in ("bone", "edge") and curve.closed:
            at = curve.at_mm[::3]
            axes.fill(*at.T, facecolor=TINT[curve.bone], edgecolor=EDGE[curve.bone], lw=0.35, alpha=0.75)


def _outline(axes: Axes, curve: Outline, strength: float) -> None:
    fill = {"bone": 0.34, "wash": 0.34, "faint": 0.12, "skin": 0.06}.get(curve.style, 0.0) * strength
    edge = EDGE_STRENGTH[curve.style] * strength
    width = 0.9 if curve.style in ("bone", "edge") else 0.65
    if not curve.closed:
        axes.plot(*curve.at_mm.T, color=EDGE[curve.bone], alpha=edge, lw=width, solid_capstyle="round")
        return
    face = to_rgba("white", 0.55 * strength) if curve.style == "hole" else to_rgba(TINT[curve.bone], fill)
    shape = Polygon(
        curve.at_mm, closed=True, facecolor=face, edgecolor=to_rgba(EDGE[curve.bone], edge), lw=width
    )
    axes.add_patch(shape)


def dot(axes: Axes, at: Array, *, color: str = MARK, size: float = 4.2) -> None:
    """A marked point."""
    axes.plot(*at, "o", color=color, ms=size, mec="white", mew=0.7, zorder=9)


def trace(axes: Axes, at: Array, *, color: str = MARK, width: float = 1.8, dots: bool = True) -> None:
    """A marked contour."""
    axes.plot(*at.T, "-", color=color, lw=width, zorder=8, solid_capstyle="round")
    if dots:
        some = at[np.linspace(0, len(at) - 1, min(len(at), 9)).astype(int)]
        axes.plot(*some.T, "o", color=color, ms=2.8, mec="white", mew=0.5, zorder=9)


def words(
    axes: Axes,
    at: Sequence[float] | Array,
    text: str,
    *,
    color: str = INK,
    size: float = SIZE,
    ha: str = "center",
    va: str = "center",
    bold: bool = False,
) -> None:
    """Text on a white halo."""
    weight = "bold" if bold else "normal"
    axes.text(
        at[0],
        at[1],
        text,
        color=color,
        fontsize=size,
        ha=ha,
        va=va,
        fontweight=weight,
        path_effects=HALO,
        zorder=12,
    )


def label(
    axes: Axes, at: Array, text: str, towards: Sequence[float], *, color: str = MARK, size: float = SIZE
) -> None:
    """A label beside a point, `towards` in points of type, with a thin leader."""
    dx, dy = towards
    axes.annotate(
        text,
        xy=(float(at[0]), float(at[1])),
        xytext=(dx, dy),
        textcoords="offset points",
        color=color,
        fontsize=size,
        fontweight="bold",
        ha="left" if dx > 4 else "right" if dx < -4 else "center",
        va="center",
        path_effects=HALO,
        arrowprops={"arrowstyle": "-", "color": color, "lw": 0.7, "shrinkA": 1, "shrinkB": 3},
        zorder=12,
    )


def segment(
    axes: Axes, a: Array, b: Array, *, color: str = LINE, width: float = 1.6, style: str = "-"
) -> None:
    """A straight line from a to b."""
    axes.plot([a[0], b[0]], [a[1], b[1]], ls=style, color=color, lw=width, zorder=7, solid_capstyle="round")


def through(
    axes: Axes,
    a: Array,
    b: Array,
    before: float,
    after: float,
    *,
    color: str = LINE,
    style: str = "-",
    width: float = 1.6,
) -> tuple[Array, Array]:
    """A line through two points, carried on by lengths in mm; its ends."""
    along = unit(b - a)
    ends = a - before * along, b + after * along
    segment(axes, *ends, color=color, style=style, width=width)
    return ends


def arrow(
    axes: Axes, a: Array, b: Array, *, color: str = MARK, both: bool = False, width: float = 1.4
) -> None:
    """An arrow from a to b, or a dimension line with two heads."""
    axes.annotate(
        "",
        xy=(float(b[0]), float(b[1])),
        xytext=(float(a[0]), float(a[1])),
        arrowprops={
            "arrowstyle": "<|-|>" if both else "-|>",
            "color": color,
            "lw": width,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 9,
        },
        zorder=11.5,
    )


def angle(axes: Axes, at: Array, first: Array, second: Array, radius: float, *, color: str = MARK) -> Array:
    """The smaller arc between two directions; the direction of its middle, shape (2,)."""
    start, stop = (float(np.degrees(np.arctan2(v[1], v[0]))) for v in (first, second))
    sweep = (stop - start + 180) % 360 - 180
    low, high = (start, start + sweep) if sweep > 0 else (start + sweep, start)
    axes.add_patch(
        Arc((at[0], at[1]), 2 * radius, 2 * radius, theta1=low, theta2=high, color=color, lw=1.5, zorder=8)
    )
    middle = np.radians((low + high) / 2)
    return np.array([np.cos(middle), np.sin(middle)])


def ring(
    axes: Axes, centre: Array, radius: float, *, color: str = LINE, style: str = "-", width: float = 1.5
) -> None:
    """A circle."""
    axes.add_patch(Circle((centre[0], centre[1]), radius, fill=False, ec=color, lw=width, ls=style, zorder=6))


def area(axes: Axes, corners: Iterable[Array], *, color: str, alpha: float = 0.12) -> None:
    """A tinted area."""
    axes.add_patch(
        Polygon(
            np.array(list(corners)), closed=True, facecolor=color, alpha=alpha, edgecolor="none", zorder=3
        )
    )


def scatter_ellipse(axes: Axes, at: Array, cov: Array, *, times: float) -> None:
    """One standard deviation of the placing, enlarged."""
    size, turn = np.linalg.eigh(cov)
    width, height = 2 * times * np.sqrt(size)
    tilt = float(np.degrees(np.arctan2(turn[1, 0], turn[0, 0])))
    axes.add_patch(
        Ellipse(
            (at[0], at[1]), width, height, angle=tilt, facecolor=MARK, alpha=0.13, edgecolor="none", zorder=5
        )
    )
    axes.add_patch(
        Ellipse(
            (at[0], at[1]),
            width,
            height,
            angle=tilt,
            fill=False,
            edgecolor=MARK,
            lw=0.8,
            ls=(0, (2, 1.5)),
            zorder=5,
        )
    )


STRIP = 0.1
"""Height of the white strip below a drawing over its width: it holds note, scale and the word schematic."""


LARGE = 280.0
"""A window of more millimetres has the longer scale bar."""


def with_strip(window: Window) -> Window:
    """The window with the strip added below."""
    return replace(window, bottom=window.bottom - STRIP * window.width)


def furniture(axes: Axes, film: Film, window: Window, *, bar_mm: float | None = None, note: str = "") -> None:
    """Side marker, and a strip (the lower end of the window) with note, scale bar and the word schematic."""
    strip = STRIP * window.width
    bar_mm = bar_mm or (20.0 if window.width < LARGE else 50.0)
    axes.add_patch(
        Rectangle(
            (window.left, window.bottom),
            window.width,
            strip,
            facecolor="white",
            edgecolor="none",
            zorder=10.5,
        )
    )
    axes.plot([window.left, window.right], [window.bottom + strip] * 2, color="#b9c2ca", lw=0.8, zorder=10.6)
    if note:
        words(
            axes, ((window.left + window.right) / 2, window.bottom + 0.68 * strip), note, size=7.4, color=INK
        )
    pad = 0.03 * window.width
    x, y = window.left + pad, window.bottom + 0.022 * window.width
    axes.plot([x, x + bar_mm], [y, y], color=INK, lw=2.2, solid_capstyle="butt", zorder=11)
    words(
        axes,
        (x + bar_mm + 0.015 * window.width, y),
        f"{bar_mm:g} mm on the {'picture' if film.view.startswith('photo') else 'film'}",
        size=6.2,
        ha="left",
    )
    words(axes, (window.right - pad, y), "schematic", size=6.2, ha="right", color=GUIDE)
    marker(axes, film, window)


def marker(axes: Axes, film: Film, window: Window) -> None:
    """The side marker R in the corner on its side, or an arrow to the front in a lateral drawing's strip."""
    if film.seen == "side":
        tip = np.array([window.left + 0.60 * window.width, window.bottom + 0.022 * window.width])
        arrow(axes, tip - [0.09 * window.width, 0], tip, color=INK, width=1.0)
        words(axes, (tip[0] + 0.012 * window.width, tip[1]), "anterior", size=6.2, ha="left")
        return
    box = 0.026 * window.width
    edge = window.right - 0.05 * window.width if film.seen == "back" else window.left + 0.05 * window.width
    at = np.array([edge, window.top - 0.05 * window.width])
    axes.add_patch(
        Rectangle(
            (at[0] - box, at[1] - box), 2 * box, 2 * box, fill=True, fc="white", ec=INK, lw=1.0, zorder=11
        )
    )
    words(axes, at, "R", size=9, bold=True)


def unit(v: Array) -> Array:
    """Unit vector."""
    one: Array = v / np.linalg.norm(v)
    return one


def across(v: Array) -> Array:
    """Perpendicular of a vector, counter-clockwise."""
    return np.array([-v[1], v[0]])


def crossing(a: Array, u: Array, b: Array, v: Array) -> Array:
    """Where the line through a along u meets the line through b along v."""

    def turn(p: Array, q: Array) -> float:
        return float(p[0] * q[1] - p[1] * q[0])

    met: Array = a + u * turn(b - a, v) / turn(u, v)
    return met
