"""The drawings of the guide: the film frames with their signs, and what curved walls do to the skull line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from atlasplane.geometry.types import Array

from . import drawing as d
from .pictures import WHOLE, straight

FRAMES: Mapping[str, tuple[str, tuple[str, str], tuple[Array, Array], tuple[Array, Array, float], str]] = {
    # view: axes names, axes on the page, ends and bend of the turning arrow, what it shows
    "lateral": (
        "lateral",
        ("x  anterior", "y  superior"),
        (np.array([1.0, 0.0]), np.array([0.0, 1.0])),
        (np.array([95.0, 130.0]), np.array([20.0, 172.0]), 0.28),
        "+ α  extension",
    ),
    "nasium": (
        "nasium",
        ("z  patient's right", "y  superior"),
        (np.array([-1.0, 0.0]), np.array([0.0, 1.0])),
        (np.array([58.0, 152.0]), np.array([-40.0, 165.0]), 0.28),
        "+ β  right side bending",
    ),
    "vertex": (
        "vertex",
        ("z  patient's right", "x  anterior"),
        (np.array([-1.0, 0.0]), np.array([0.0, 1.0])),
        (np.array([-92.0, 30.0]), np.array([-45.0, 96.0]), -0.28),
        "+ γ  left axial rotation",
    ),
}


def frame_sketch(view: str) -> Figure:
    """The film frame of a view: its axes, and the turn of the head that counts as positive."""
    _, names, axes_on_page, (start, stop, bend), turn = FRAMES[view]
    sheet = straight(view)
    window = d.with_strip(WHOLE[view])
    figure, axes = d.blank(window, width_in=3.6)
    d.bones(axes, sheet, WHOLE[view], strength=0.55)
    origin = np.zeros(2)
    length = 0.31 * window.width
    for name, along, color in zip(names, axes_on_page, (d.LINE, d.SECOND), strict=True):
        d.arrow(axes, origin, length * along, color=color, width=2.2)
        shift = np.array([0, 9.0]) if abs(along[0]) > 0.5 else np.array([0, 8.0])
        d.words(axes, length * along * 1.02 + shift, name, color=color, size=8.5, bold=True)
    d.dot(axes, origin, color=d.INK)
    arrow = FancyArrowPatch(
        (float(start[0]), float(start[1])),
        (float(stop[0]), float(stop[1])),
        connectionstyle=f"arc3,rad={bend}",
        arrowstyle="-|>",
        mutation_scale=14,
        color=d.MARK,
        lw=2.2,
        zorder=9,
    )
    axes.add_patch(arrow)
    d.furniture(axes, sheet, window, bar_mm=50, note=turn)
    return figure


def kappa_sketch() -> Figure:
    """One pass of the skull line on straight and on curved walls, from the same wrong trial line."""
    figure = Figure(figsize=(7.2, 3.5), facecolor="white")
    for k, (kappa, title) in enumerate(((0.0, "straight walls: κ = 0"), (0.6, "curved walls: κ = 0.6"))):
        axes = figure.add_axes((0.01 + 0.5 * k, 0.02, 0.48, 0.96))
        d.show(axes, d.Window(left=-100, right=100, bottom=-68, top=74))
        _one_pass(axes, kappa)
        d.words(axes, (0, 66), title, size=10, bold=True)
    return figure


def _one_pass(axes: Axes, kappa: float, half_mm: float = 60.0, tilt_deg: float = 14.0) -> None:
    tilt = np.radians(tilt_deg)
    c = np.array([np.sin(tilt), np.cos(tilt)])
    heights = np.linspace(-48, 48, 97)
    half = np.sqrt(half_mm**2 - kappa * heights**2)
    for sign in (-1, 1):
        axes.plot(sign * half, heights, color=d.EDGE["skull"], lw=2.4, zorder=4)
    mids = []
    for level in np.linspace(-26, 26, 7):
        ends = [_wall_end(level * c, sign * np.array([c[1], -c[0]]), kappa, half_mm) for sign in (-1, 1)]
        d.segment(axes, *ends, color=d.GUIDE, width=0.7)
        mids.append((ends[0] + ends[1]) / 2)
        d.dot(axes, mids[-1], color=d.MARK, size=3.6)
    d.segment(axes, -56 * c, 56 * c, color=d.LINE, style="--")
    found = d.unit(mids[-1] - mids[0])
    d.segment(axes, -50 * found, 50 * found, color=d.MARK)
    d.segment(axes, np.array([0, -56]), np.array([0, 56]), color=d.GUIDE, style=":", width=1.2)
    d.words(axes, 58 * c + np.array([20, -1]), "trial line", color=d.LINE, size=8.5, bold=True)
    d.words(axes, (-4, -61), "found from the mid-points", color=d.MARK, size=8.5, bold=True)


def _wall_end(at: Array, along: Array, kappa: float, half_mm: float) -> Array:
    """Where a line from inside meets the wall x^2 + kappa y^2 = half^2."""
    weight = np.array([1.0, kappa])
    a, b, c = (weight * along) @ along, (weight * along) @ at, (weight * at) @ at - half_mm**2
    end: Array = at + along * (-b + np.sqrt(b * b - a * c)) / a
    return end


SKETCHES: Mapping[str, Callable[[], Figure]] = {
    **{f"frame-{view}": partial(frame_sketch, view) for view in FRAMES},
    "kappa": kappa_sketch,
}
