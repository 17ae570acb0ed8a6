"""Observations as rows of a table."""

from __future__ import annotations

from typing import Any

from atlasplane.core.observation import Category, Count, Grade, Measurement, Observation

COLUMNS = (
    *("case", "visit", "time", "phase", "moment", "quantity", "site", "condition", "kind"),
    *("value", "u", "n", "exposure", "level", "unit"),
)
"""Columns of `to_frame`."""


def observation_row(observed: Observation) -> dict[str, Any]:
    """Those of `COLUMNS` that an observation has, without case and visit."""
    site = observed.site
    row: dict[str, Any] = {
        "quantity": observed.quantity.id,
        "site": None if site is None else "/".join(part for part in (site.level, site.side) if part),
        "condition": observed.condition,
        "kind": observed.quantity.kind,
        "unit": observed.quantity.unit,
    }
    match observed:
        case Measurement():
            row |= {"value": observed.value, "u": observed.u}
        case Count():
            row |= {"value": observed.rate, "n": observed.n, "exposure": observed.exposure}
        case Grade():
            row |= {"level": observed.level}
        case Category():
            row |= {"value": observed.value}
    return row
