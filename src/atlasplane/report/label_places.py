"""Places for labels on a drawing: near their point, apart, off the marks, inside the picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.types import Array

_RINGS = (24.0, 45.0, 70.0, 100.0, 140.0, 190.0, 250.0)
"""Distances from the point at which a place is tried, in units of the drawing."""
_TURNS_DEG = (0, 25, -25, 50, -50, 80, -80, 115, -115, 150, -150, 180)
_MARGIN = 6.0

# Costs are in units of the drawing, so that they can be weighed against a longer way to the point.
_COST_OVERLAP = 2000.0
_COST_OUTSIDE = 5000.0
_COST_MARK = 45.0
_COST_TURN = 40.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WantedLabel:
    """A box of a size that wants to stand near a point, in a direction (unit vector, y down)."""

    at: Array
    toward: Array
    size: tuple[float, float]


def label_places(wanted: Sequence[WantedLabel], obstacles: Array, sheet: tuple[float, float]) -> list[Array]:
    """Centres of the labels' boxes, placed one after the other.

    Parameters
    ----------
    wanted : sequence of WantedLabel
    obstacles : array, shape (n, 2)
        Points that should stay visible.
    sheet : (width, height)

    Returns
    -------
    list of array, shape (2,)
    """
    taken: list[Array] = []
    places = []
    for label in wanted:
        boxes = _candidates(label)
        costs = _costs(boxes, label, obstacles, sheet, taken)
        best = boxes[int(np.argmin(costs))]
        taken.append(best)
        places.append((best[:2] + best[2:]) / 2)
    return places


def _candidates(label: WantedLabel) -> Array:
    """Boxes (left, top, right, bottom) around the label's point, shape (k, 4); ring by ring."""
    first = math.atan2(label.toward[1], label.toward[0])
    width, height = label.size
    boxes = []
    for ring in _RINGS:
        for turn in _TURNS_DEG:
            way = np.array([math.cos(first + math.radians(turn)), math.sin(first + math.radians(turn))])
            # The box touches the ring with its near side, whichever way it stands.
            reach = min(width / 2 / max(abs(way[0]), 1e-9), height / 2 / max(abs(way[1]), 1e-9))
            centre = label.at + way * (ring + min(reach, width / 2))
            boxes.append(
                [centre[0] - width / 2, centre[1] - height / 2, centre[0] + width / 2, centre[1] + height / 2]
            )
    return np.array(boxes)


def _costs(
    boxes: Array, label: WantedLabel, obstacles: Array, sheet: tuple[float, float], taken: list[Array]
) -> Array:
    turns = np.tile(np.abs(_TURNS_DEG) / 180.0, len(_RINGS))
    cost: Array = np.repeat(_RINGS, len(_TURNS_DEG)) + _COST_TURN * turns
    outside = np.minimum(boxes[:, :2] - _MARGIN, 0).sum(axis=1) + np.minimum(
        np.array(sheet) - _MARGIN - boxes[:, 2:], 0
    ).sum(axis=1)
    cost = cost + _COST_OUTSIDE * (outside < 0) - outside
    if len(obstacles):
        inside = np.all((obstacles >= boxes[:, None, :2]) & (obstacles <= boxes[:, None, 2:]), axis=2)
        cost = cost + _COST_MARK * inside.sum(axis=1)
    for box in taken:
        overlap = np.minimum(boxes[:, 2:], box[2:] + _MARGIN) - np.maximum(boxes[:, :2], box[:2] - _MARGIN)
        cost = cost + _COST_OVERLAP * np.all(overlap > 0, axis=1)
    return cost
