"""A pose in six numbers with their standard uncertainties, as a table shows them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from atlasplane.core.observation import Pose
from atlasplane.report.numbers import decimals_of_u, fixed, with_unit
from atlasplane.report.wording import POSE_ANGLES

SHIFTS = ("forward", "upward", "to the right")
"""The shifts of a pose, each named by its + direction."""


@dataclass(frozen=True, slots=True)
class PoseRow:
    """One of the six: its name (its + direction), the value and u; u is empty without a covariance."""

    name: str
    value: str
    u: str


def pose_rows(pose: Pose) -> tuple[PoseRow, ...]:
    """Three angles and three shifts; each is printed to the last of two digits of its u."""
    angles_u = pose.zxy_u_deg or (None, None, None)
    if pose.cov6 is None:
        shifts_u: tuple[float | None, ...] = (None, None, None)
    else:
        shifts_u = tuple(math.sqrt(float(pose.cov6[k, k])) for k in (3, 4, 5))
    return (
        *_rows(pose, POSE_ANGLES, pose.zxy_deg, angles_u, "deg"),
        *_rows(pose, SHIFTS, tuple(float(t) for t in pose.translation_mm), shifts_u, "mm"),
    )


def _rows(
    pose: Pose,
    names: tuple[str, ...],
    values: tuple[float, ...],
    us: tuple[float | None, ...],
    unit: str,
) -> Iterator[PoseRow]:
    for name, value, u in zip(names, values, us, strict=True):
        digits = decimals_of_u(u, pose.quantity)
        error = "" if u is None else with_unit(fixed(u, digits), unit)
        yield PoseRow(name, with_unit(fixed(value, digits, plus=True), unit), error)
