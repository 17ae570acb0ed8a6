"""The supine leg check of a visit: one reading or several, with the error that examiners have."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from atlasplane.core.observation import Measurement
from atlasplane.core.quantity import quantity
from atlasplane.sources.case import Visit
from atlasplane.uncertainty.first_order import effective_dof

QUANTITY = "leg_length_difference"


@cache
def _table() -> Mapping[str, Any]:
    text = files("atlasplane.pathways.alignment").joinpath("data/leg_check.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def leg_check(visit: Visit) -> Measurement | None:
    """Leg length difference of exam.toml, mm, + right leg short; None where it was not read.

    The value is the mean of the readings. u is the standard deviation between examiners that Woodfield et al.
    2011 (JMPT 34:239) imply; with repeats, the examiner's own scatter takes the place of a part of it and
    shrinks with their number. Examiners of two visits share no known error, so nothing cancels in a change.
    """
    readings = _readings(visit)
    if not readings:
        return None
    entry, source = quantity(QUANTITY), str(_table()["between_examiners"]["source"])
    between, own = _parts(readings)
    u = math.hypot(between, own)
    return Measurement(
        quantity=entry,
        visit=visit.id,
        method=f"{QUANTITY}/1",
        tag=entry.tag,
        source=(f"{visit.folder}/exam.toml",),
        observer=() if visit.observer is None else (visit.observer,),
        provenance={"readings": str(len(readings)), "between examiners": source},
        value=float(np.mean(readings)),
        u=u,
        dof=effective_dof(u, (own,), (len(readings) - 1,)) if own else math.inf,
        budget={"examiners": between} | ({"repeats": own} if own else {}),
    )


def _readings(visit: Visit) -> Sequence[float]:
    table = visit.exam.get("leg_check")
    given = table.get(QUANTITY) if isinstance(table, Mapping) else None
    if given is None:
        return ()
    return [float(x) for x in given] if isinstance(given, Sequence) else [float(given)]


def _parts(readings: Sequence[float]) -> tuple[float, float]:
    """Standard uncertainties from examiners and from the scatter of own repeats, mm."""
    variance = float(_table()["between_examiners"]["sd_mm"]) ** 2
    if len(readings) < 2:
        return math.sqrt(variance), 0.0
    scatter = float(np.var(readings, ddof=1))
    taken = min(scatter, float(_table()["own_share"]["value"]) * variance)
    return math.sqrt(variance - taken), math.sqrt(scatter / len(readings))
