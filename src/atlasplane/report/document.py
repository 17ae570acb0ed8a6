"""The JSON documents of `measure`, `compare` and `check`, and of an error, in full precision."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import atlasplane
from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase, MeasuredVisit
from atlasplane.chain.series import Series, SeriesPoint
from atlasplane.core.change import Change
from atlasplane.core.errors import AtlasplaneError
from atlasplane.core.finding import Finding
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Category, Count, Grade, Measurement, Observation
from atlasplane.plan.classification import Classification
from atlasplane.plan.gates import Gate
from atlasplane.plan.listing import Listing
from atlasplane.plan.vector import CorrectionVector, HeadPiece
from atlasplane.report.document_observation import (
    Json,
    finite,
    interval_json,
    mdc_json,
    numbers,
    observation_json,
    site_json,
)


def measure_document(measured: MeasuredCase) -> Json:
    """`measure --json`: every visit with its observations, listing, gates and vector."""
    return {
        "schema": "atlasplane.measure/1",
        "software": atlasplane.__version__,
        "case": measured.case.id,
        "simulated": measured.case.simulated,
        "visits": [_visit(visit) for visit in measured.visits],
        "findings": [finding_json(finding) for finding in measured.findings],
    }


def compare_document(
    comparison: Comparison, *, case: str | None = None, simulated: bool | None = None
) -> Json:
    """`compare --json`: the changes between two visits.

    Parameters
    ----------
    case, simulated : optional
        Of the case that the comparison came from.
    """
    return {
        "schema": "atlasplane.compare/1",
        "software": atlasplane.__version__,
        "case": case,
        "simulated": simulated,
        "pre": comparison.pre.visit.id,
        "post": comparison.post.visit.id,
        "changes": [_change(change) for change in comparison.changes],
        "series": [_series(series) for series in comparison.series],
    }


def check_document(case: str, findings: Iterable[Finding]) -> Json:
    """`check --json`."""
    return {
        "schema": "atlasplane.check/1",
        "software": atlasplane.__version__,
        "case": case,
        "findings": [finding_json(finding) for finding in findings],
    }


def error_document(error: AtlasplaneError) -> Json:
    """What stands on stdout where the input could not be used."""
    return {"schema": "atlasplane.error/1", "file": error.file, "what": error.what, "remedy": error.remedy}


def finding_json(finding: Finding) -> Json:
    """One finding; a number that is not finite is null."""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "file": finding.file,
        "value": finite(finding.value),
        "limit": finite(finding.limit),
        "text": finding.text,
        "source": finding.source,
    }


def _visit(measured: MeasuredVisit) -> Json:
    visit = measured.visit
    return {
        "id": visit.id,
        "time": visit.time.isoformat(),
        "phase": visit.phase.value,
        "moment": visit.moment.value,
        "observations": [observation_json(o) for o in measured.joint.observations],
        "joint": _joint(measured.joint),
        "listing": _listing(measured.listing),
        "classification": _classification(measured.classification),
        "vector": _vector(measured.vector),
        "no_vector_because": measured.no_vector_because or None,
        "gates": [_gate(gate) for gate in measured.gates],
    }


def _joint(joint: JointObservations) -> Json:
    return {"order": list(joint.order), "cov": numbers(joint.cov)}


def _listing(listing: Listing | None) -> Json | None:
    if listing is None:
        return None
    return {
        "text": listing.text,
        "canonical": listing.canonical,
        "words": list(listing.words),
        "undetermined": list(listing.undetermined),
    }


def _classification(found: Classification | None) -> Json | None:
    if found is None:
        return None
    names = ("label", "upper", "lower", "plane", "tilt", "neck", "lower_neck", "head", "type_name", "tag")
    return {name: getattr(found, name) for name in names}


def _gate(gate: Gate) -> Json:
    return {"id": gate.id, "state": gate.state.value, "reason": gate.reason}


def _vector(vector: CorrectionVector | None) -> Json | None:
    if vector is None:
        return None
    return {
        "height_in": vector.height_in,
        "rotation_in": vector.rotation_in,
        "u": numbers(vector.cov_in2),
        "direction_isb": numbers(vector.direction_isb),
        "lever_mm": vector.lever_mm,
        "model": vector.model,
        "headpiece": _headpiece(vector.headpiece),
        "side": vector.side.value,
        "letter": vector.letter,
        "words": list(vector.words),
        "torque": vector.torque,
        "tag": vector.tag,
    }


def _headpiece(piece: HeadPiece | None) -> Json | None:
    if piece is None:
        return None
    return {
        "eop_below_c7_in": list(piece.eop_below_c7_in),
        "angle_deg": list(piece.angle_deg),
        "height_in": list(piece.height_in),
    }


def _change(change: Change) -> Json:
    pre = change.pre
    return {
        "quantity": pre.quantity.id,
        "name": pre.quantity.name,
        "kind": pre.quantity.kind,
        "unit": pre.quantity.unit,
        "site": site_json(pre.site),
        "condition": pre.condition,
        "pre": _compared(pre),
        "post": _compared(change.post),
        "change": finite(change.value),
        "u": change.u,
        "dof": change.dof if math.isfinite(change.dof) else None,
        "correlation": change.correlation,
        "correlation_source": change.correlation_source or None,
        "mdc": mdc_json(change.mdc),
        "distinguishable": change.distinguishable,
        "withheld": list(change.withheld),
        "meaningful": change.meaningful,
        "sustained": change.sustained,
        "percent_reduction": finite(change.percent_reduction),
    }


def _series(series: Series) -> Json:
    first = series.points[0].observation
    return {
        "quantity": first.quantity.id,
        "name": first.quantity.name,
        "unit": first.quantity.unit,
        "site": site_json(first.site),
        "condition": first.condition,
        "points": [_point(point) for point in series.points],
    }


def _point(point: SeriesPoint) -> Json:
    change, observed = point.change, point.observation
    return {
        "visit": point.visit,
        "value": _compared(observed),
        "u": observed.u if isinstance(observed, Measurement) else None,
        "change": None if change is None else finite(change.value),
        "mdc": None if change is None else mdc_json(change.mdc),
        "distinguishable": None if change is None else change.distinguishable,
    }


def _compared(observation: Observation) -> Any:
    """What stands under pre and post: the number or word, or the whole pose."""
    match observation:
        case Measurement() | Category():
            return observation.value
        case Count():
            return observation.rate
        case Grade():
            return observation.level
    return observation_json(observation)


__all__ = [
    "check_document",
    "compare_document",
    "error_document",
    "finding_json",
    "interval_json",
    "measure_document",
]
