"""Freely drawn lines and scales in words, with the digits that a report would give them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from atlasplane.core.calibration import Calibration, CalibrationKind
from atlasplane.core.observation import coverage_factor
from atlasplane.pathways.alignment.free_lines import FreeValue, angle_between, length_of, scale_from
from atlasplane.report.numbers import LEVEL, fixed, percent, with_unit
from atlasplane.sources.film import PlanarImage
from atlasplane.web.bodies import AngleBody, CalibrationBody, LengthBody
from atlasplane.web.documents import calibration_json

Json = dict[str, Any]
_UNKNOWN_DECIMALS = 1


def angle_document(film: PlanarImage, body: AngleBody) -> Json:
    """The angle between two free lines; raises BadInput."""
    first, second = (np.array(line) for line in body.lines)
    found = angle_between(film, first, second)
    return {"value_deg": found.value, "u_deg": found.u, "text": _text(found, "deg")}


def length_document(film: PlanarImage, body: LengthBody) -> Json:
    """The length of a free line; raises BadInput."""
    kind = film.calibration.kind
    found = length_of(film, np.array(body.line))
    if found is None:
        return {
            "value_mm": None,
            "u_mm": None,
            "text": "no length: the film has no scale",
            "calibration": kind.value,
        }
    at = " at the detector" if kind is CalibrationKind.DETECTOR_PLANE_ONLY else ""
    return {
        "value_mm": found.value,
        "u_mm": found.u,
        "text": f"{_text(found, 'mm')}{at}",
        "calibration": kind.value,
    }


def calibration_document(film: PlanarImage, body: CalibrationBody, pixel_aspect: float) -> Json:
    """The scale that an object of known length gives; raises BadInput. It is not stored."""
    found = scale_from(
        film,
        np.array([body.from_, body.to]),
        length_mm=body.length_mm,
        u_length_mm=body.u_length_mm,
        at_object=body.at_object,
        pixel_aspect=pixel_aspect,
    )
    return {"calibration": calibration_json(found), "text": _scale_text(found)}


def _text(found: FreeValue, unit: str) -> str:
    if found.u is None:
        value = with_unit(fixed(found.value, _UNKNOWN_DECIMALS), unit)
        return f"{value} (no error known: the film has no scale)"
    digits = 1 - math.floor(math.log10(found.u))
    half = coverage_factor(LEVEL, math.inf) * found.u
    return f"{with_unit(fixed(found.value, digits), unit)} ± {with_unit(fixed(half, digits), unit)}"


def _scale_text(found: Calibration) -> str:
    assert found.mm_per_px is not None
    size = " x ".join(f"{part:.4f}" for part in found.mm_per_px)
    plane = "of the object's plane" if found.kind.has_object_scale else "at the detector"
    return f"{size} mm a pixel {plane}, u {percent(found.u_rel, 2)}"
