"""The landmark drawings: one picture for each landmark and view, and overviews with every label."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from atlasplane.anatomy.landmarks import Landmark, landmarks
from atlasplane.anatomy.schematic_film import (
    VIEWS,
    Film,
    page_from_film,
    schematic_film,
    schematic_table,
    special_subjects,
)
from atlasplane.geometry.types import Array

from . import drawing as d

WHOLE: Mapping[str, d.Window] = {
    view: d.Window(**dict(zip(("left", "right", "bottom", "top"), map(float, stand["whole"]), strict=True)))
    for view, stand in schematic_table()["view"].items()
}
SHAPE = 1.45
"""Width over height of a landmark picture."""
WIDTH_IN, BESIDE_IN = 5.2, 1.15
ELLIPSE_TIMES = 10
LINE_GAP = 1.3
"""Least distance of two labels in an overview, times the height of the type."""


def by_entry() -> Mapping[str, Landmark]:
    """The catalogue with bilateral landmarks once, by id without side."""
    return {landmark.id: landmark for landmark in landmarks().values()}


def drawn_views(landmark: Landmark) -> tuple[str, ...]:
    """Views on which a landmark is drawn; a point of volumes is drawn where it can be understood."""
    views = tuple(view for view in landmark.views if view in VIEWS)
    return views or (VOLUME_VIEW.get(landmark.id, "lateral"),)


VOLUME_VIEW: Mapping[str, str] = {"OR": "nasium"}


def straight(view: str, landmark: str = "") -> Film:
    """The drawing with everything in place, as a landmark without side wants it."""
    return _drawn(view, landmark if landmark in special_subjects() else "")


@cache
def _drawn(view: str, subject: str) -> Film:
    return schematic_film(view, subject=subject)


def close_mm(view: str) -> float:
    """Width of a close picture of a view."""
    return float(schematic_table()["view"][view]["close"])


def landmark_picture(landmark: Landmark, view: str) -> Figure:
    """A landmark on its film: a close view, and where on the film it lies."""
    sheet = straight(view, landmark.id)
    at = {id_: sheet.landmark(id_) for id_ in landmark.ids}
    everything = np.concatenate([np.atleast_2d(points) for points in at.values()])
    contour = landmark.kind == "contour"
    seen = d.Window.around(everything, margin=24 if contour else 30, least=close_mm(view), shape=SHAPE)
    window = d.with_strip(seen)
    figure, axes = d.blank(window, width_in=WIDTH_IN, beside_in=BESIDE_IN)
    d.bones(axes, sheet, seen)
    middle = everything.mean(axis=0)
    for id_, points in at.items():
        if contour:
            d.trace(axes, points)
        else:
            _placing(axes, landmark, id_, view, points)
            d.dot(axes, points, size=5.2)
        anchor = points[len(points) // 2] if contour else points
        d.label(axes, anchor, id_, _towards(anchor - middle, len(at), window), size=10)
    note = "" if contour else f"dashed: one SD of the placing, drawn {ELLIPSE_TIMES} times larger"
    d.furniture(axes, sheet, window, note=note)
    _locator(figure, sheet, seen)
    return figure


def _placing(axes: Axes, landmark: Landmark, id_: str, view: str, at: Array) -> None:
    cov = landmark.placing.covariance(mirrored=landmark.bilateral and id_.endswith("_L"))
    turn = page_from_film(view)
    d.scatter_ellipse(axes, at, turn @ cov @ turn.T, times=ELLIPSE_TIMES)


def _towards(offset: Array, n: int, window: d.Window) -> tuple[float, float]:
    """Where a label goes, in points of type: outward for a pair with room beside it, up for one alone."""
    if n == 1:
        return (26.0, 24.0)
    outward = 1.0 if offset[0] > 0 else -1.0
    roomy = abs(offset[0]) < 0.3 * window.width
    return (26.0 * outward if roomy else -26.0 * outward, 24.0)


def _locator(figure: Figure, sheet: Film, window: d.Window) -> None:
    """A small drawing of the whole film beside the picture, with the window on it."""
    whole = WHOLE[sheet.view]
    left = WIDTH_IN / (WIDTH_IN + BESIDE_IN) + 0.012
    width = 0.994 - left
    height = width * figure.get_figwidth() / figure.get_figheight() * whole.height / whole.width
    inset = figure.add_axes((left, 0.988 - height, width, height))
    d.show(inset, whole)
    d.small_bones(inset, sheet)
    frame = Rectangle(
        (window.left, window.bottom), window.width, window.height, fill=False, ec=d.MARK, lw=1.0, zorder=9
    )
    inset.add_patch(frame)


# ---- overviews ----


def _lateral_head(id_: str) -> bool:
    return not _lateral_neck(id_) and not _lateral_close(id_)


def _lateral_neck(id_: str) -> bool:
    return id_[:2] in ("C3", "C4", "C5", "C6", "C7", "T1") or (id_.startswith("SLL") and id_[-1] not in "12")


def _lateral_close(id_: str) -> bool:
    near = ("C1", "C2", "DENS", "SLL_C1", "SLL_C2", "BA", "OP", "OCC", "CLIV", "MASTOID")
    return id_.startswith(near)


def _nasium_close(id_: str) -> bool:
    return id_.startswith(("PL", "TP", "COND", "AXIS", "AX_", "OD", "C2"))


def _every(id_: str) -> bool:
    return True


OVERVIEWS: Mapping[str, tuple[str, str, d.Window, Callable[[str], bool]]] = {
    "lateral-head": (
        "lateral",
        "Lateral: skull and thoracic inlet",
        d.Window(left=-215, right=240, bottom=-230, top=195),
        lambda id_: _lateral_head(id_) or id_ == "C1_AT",
    ),
    "lateral-junction": (
        "lateral",
        "Lateral: occiput, atlas and axis",
        d.Window(left=-135, right=125, bottom=-62, top=78),
        _lateral_close,
    ),
    "lateral-neck": (
        "lateral",
        "Lateral: vertebral bodies and spinolaminar line",
        d.Window(left=-160, right=110, bottom=-165, top=-22),
        _lateral_neck,
    ),
    "nasium": (
        "nasium",
        "Nasium: skull and lower neck",
        d.Window(left=-185, right=185, bottom=-185, top=200),
        lambda id_: not _nasium_close(id_),
    ),
    "nasium-junction": (
        "nasium",
        "Nasium: condyles, atlas and axis",
        d.Window(left=-105, right=105, bottom=-62, top=45),
        _nasium_close,
    ),
    "vertex": ("vertex", "Vertex", d.Window(left=-165, right=165, bottom=-105, top=158), _every),
    "apom": ("apom", "Open mouth", d.Window(left=-95, right=95, bottom=-62, top=42), _every),
    "base-posterior": (
        "base-posterior",
        "Base posterior",
        d.Window(left=-165, right=165, bottom=-110, top=125),
        _every,
    ),
    "ap-cervical": (
        "ap-cervical",
        "Cervical film from the front",
        d.Window(left=-290, right=290, bottom=-250, top=60),
        _every,
    ),
    "lateral-full": (
        "lateral-full",
        "Full length from the side: below the neck",
        d.Window(left=-430, right=430, bottom=-860, top=60),
        lambda id_: not _lateral_close(id_) and id_[:2] not in ("C3", "C4", "C5", "C6", "C7"),
    ),
    "ap-full": (
        "ap-full",
        "Full length from the front",
        d.Window(left=-430, right=430, bottom=-860, top=60),
        _every,
    ),
    "photo-lateral": (
        "photo-lateral",
        "Photograph from the side",
        d.Window(left=-270, right=270, bottom=-260, top=160),
        _every,
    ),
    "photo-front": (
        "photo-front",
        "Photograph from the front",
        d.Window(left=-340, right=340, bottom=-260, top=160),
        _every,
    ),
    "photo-back": (
        "photo-back",
        "Photograph from behind",
        d.Window(left=-340, right=340, bottom=-260, top=160),
        _every,
    ),
}


def overview(name: str) -> Figure:
    """Every landmark of a part of a film, with its id in the margin."""
    view, title, seen, shown = OVERVIEWS[name]
    sheet = straight(view)
    window = d.with_strip(seen)
    figure, axes = d.blank(window, width_in=7.6)
    d.bones(axes, sheet, seen)
    anchors: list[tuple[str, Array]] = []
    for id_, landmark in landmarks().items():
        if view in landmark.views and shown(id_):
            at = sheet.landmark(id_)
            if landmark.kind == "contour":
                d.trace(axes, at)
                anchors.append((id_, at[len(at) // 2]))
            else:
                d.dot(axes, at)
                anchors.append((id_, at))
    _margin_labels(axes, seen, anchors)
    d.furniture(axes, sheet, window, note=title)
    return figure


def _margin_labels(axes: Axes, window: d.Window, anchors: Sequence[tuple[str, Array]]) -> None:
    """Ids in two columns beside the drawing, joined to their points by leaders."""
    middle = float(np.median([at[0] for _, at in anchors]))
    type_mm = d.SIZE / 72 / 7.6 * window.width
    for side in (-1, 1):
        column = [item for item in anchors if _column(item, middle) == side]
        column.sort(key=lambda item: -item[1][1])
        edge = (window.left if side < 0 else window.right) - side * 0.155 * window.width
        heights = _spread(np.array([at[1] for _, at in column]), LINE_GAP * type_mm, window)
        for (id_, at), height in zip(column, heights, strict=True):
            axes.plot(
                [at[0], edge - side * 0.02 * window.width, edge],
                [at[1], height, height],
                color=d.MARK,
                lw=0.55,
                alpha=0.8,
            )
            text = (edge + side * 0.006 * window.width, height)
            d.words(axes, text, id_, color=d.INK, size=d.SIZE, ha="left" if side > 0 else "right")


def _column(item: tuple[str, Array], middle: float) -> int:
    """Column of a label: the corners of a body by their end, everything else by its side of the drawing."""
    id_, at = item
    if id_[3:] in ("AS", "AI", "PS", "PI"):
        return 1 if id_[3] == "A" else -1
    if id_ == "DENS_POST_INF":
        return -1
    return 1 if at[0] >= middle - 1e-6 else -1


def _spread(wanted: Array, gap: float, window: d.Window) -> Array:
    """Heights in falling order, at least `gap` apart, close to the wanted ones and inside the window."""
    heights = wanted.copy()
    for _ in range(400):
        for i in range(len(heights) - 1):
            short = gap - (heights[i] - heights[i + 1])
            if short > 0:
                heights[i] += short / 2
                heights[i + 1] -= short / 2
        heights = np.clip(heights, window.bottom + 3 * gap, window.top - 3 * gap)
    return heights
