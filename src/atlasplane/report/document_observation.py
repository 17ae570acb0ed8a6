"""The five kinds of observation as JSON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from atlasplane.core.observation import (
    Category,
    Count,
    Grade,
    Interval,
    Mdc,
    Measurement,
    Observation,
    Pose,
    Site,
)
from atlasplane.geometry.types import Array

Json = dict[str, Any]


def observation_json(observation: Observation) -> Json:
    """One observation; what is unknown is null."""
    head = {"kind": observation.quantity.kind, "quantity": observation.quantity.id}
    return {**head, **_own(observation), **_common(observation)}


def finite(value: float | None) -> float | None:
    """A float, or None where it is unknown or not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def numbers(values: Array) -> Any:
    """Nested lists of floats."""
    return np.asarray(values, dtype=float).tolist()


def interval_json(interval: Interval | None) -> Json | None:
    """A coverage interval."""
    if interval is None:
        return None
    return {"level": interval.level, "low": interval.low, "high": interval.high}


def mdc_json(mdc: Mdc | None) -> Json | None:
    """A minimal detectable change with its level and source."""
    return None if mdc is None else {"value": mdc.value, "level": mdc.level, "source": mdc.source}


def site_json(site: Site | None) -> Json | None:
    """Where on the patient."""
    return None if site is None else {"structure": site.structure, "level": site.level, "side": site.side}


def _common(observation: Observation) -> Json:
    return {
        "name": observation.quantity.name,
        "visit": observation.visit,
        "site": site_json(observation.site),
        "condition": observation.condition,
        "measurand": observation.measurand,
        "method": observation.method,
        "tag": observation.tag,
        "quality": list(observation.quality),
        "source": list(observation.source),
        "observer": list(observation.observer),
        "provenance": dict(observation.provenance),
    }


def _own(observation: Observation) -> Json:
    match observation:
        case Measurement():
            return _measurement(observation)
        case Count():
            return _count(observation)
        case Grade():
            return {
                "level": observation.level,
                "scale": observation.scale,
                "agreement": observation.agreement,
            }
        case Category():
            return {"value": observation.value, "set": list(observation.choices)}
        case Pose():
            return {"pose": _pose(observation)}
    raise TypeError(f"no JSON form for {type(observation).__name__}")


def _measurement(measured: Measurement) -> Json:
    return {
        "value": measured.value,
        "unit": measured.quantity.unit,
        "u": measured.u,
        "u_film": measured.u_film,
        "dof": finite(measured.dof),
        "interval": interval_json(measured.interval()),
        "side": None if measured.side is None else measured.side.value,
        "mdc": mdc_json(measured.mdc()),
        "budget": dict(measured.budget),
        "calibration": measured.calibration,
    }


def _count(count: Count) -> Json:
    return {
        "n": count.n,
        "exposure": {"value": count.exposure, "unit": count.exposure_unit},
        "unit": count.quantity.unit,
        "rate": count.rate,
        "dispersion": count.dispersion,
        "interval": interval_json(count.interval()),
    }


def _pose(pose: Pose) -> Json:
    flexext, lateral, axial = pose.zxy_deg
    return {
        "from": pose.from_frame,
        "to": pose.to_frame,
        "R": numbers(pose.rotation),
        "t_mm": numbers(pose.translation_mm),
        "origin": pose.origin,
        "zxy_deg": {"flexext": flexext, "lateral": lateral, "axial": axial},
        "cov6": None if pose.cov6 is None else numbers(pose.cov6),
    }
