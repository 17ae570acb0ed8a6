"""Side of the patient: derived from a signed value, never stored."""

from __future__ import annotations

from enum import Enum

SIDE_K = 1.96
"""A side is named only beyond this many standard uncertainties from zero (95 %, normal)."""


class Side(Enum):
    """Side of the patient (never of the image)."""

    RIGHT = "right"
    LEFT = "left"
    UNDETERMINED = "undetermined"


def side_of(value: float, u: float | None, *, k: float = SIDE_K) -> Side:
    """Side of a lateral value, + = patient's right; UNDETERMINED within k u of zero or when u is unknown."""
    if u is None or abs(value) < k * u:
        return Side.UNDETERMINED
    return Side.RIGHT if value > 0 else Side.LEFT
