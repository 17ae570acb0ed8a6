"""One measured visit as a reader sees it: gates, listing, vector, tables."""

from __future__ import annotations

import math
from collections.abc import Sequence

from atlasplane.chain.measured import MeasuredVisit
from atlasplane.core.key import ObservationKey
from atlasplane.core.observation import coverage_factor
from atlasplane.core.quantity import quantity
from atlasplane.core.side import Side
from atlasplane.core.units import MM_PER_INCH
from atlasplane.plan.classification import Classification
from atlasplane.plan.gates import Gate, GateState
from atlasplane.plan.listing import Listing
from atlasplane.plan.vector import CorrectionVector, HeadPiece
from atlasplane.report.numbers import LEVEL, NO_BREAK, decimals_of_u, fixed, time_text, with_unit
from atlasplane.report.quantity_rows import quantity_groups
from atlasplane.report.view import GateView, ListingView, VectorView, VisitView
from atlasplane.report.wording import (
    DOUBTFUL_TAGS,
    GATE_NAMES,
    GATE_STATES,
    MOMENTS,
    SIDES,
    VECTOR_NOTE,
    prose,
    sentence,
)

_MODELS = {
    "manual": "entered by the clinician",
    "table": "the user's own chart",
    "two-arc": "two-arc model (research)",
}


def visit_view(measured: MeasuredVisit, *, sex: str = "unknown") -> VisitView:
    """Everything about one visit but its films; `sex` of the person chooses between limits."""
    visit = measured.visit
    groups = quantity_groups(measured.joint.observations, sex=sex)
    return VisitView(
        id=visit.id,
        title=f"{visit_name(measured)}: {time_text(visit.time)}",
        short=visit_name(measured),
        gates=tuple(_gate(gate) for gate in measured.gates),
        listing=None if measured.listing is None else _listing(measured.listing),
        classification=_classification(measured.classification),
        vector=None if measured.vector is None else _vector(measured.vector, measured.gates),
        no_vector=_no_vector(measured),
        groups=groups,
        empty="" if groups else _empty(measured),
    )


def visit_name(measured: MeasuredVisit) -> str:
    """Visit v1, before (pre)."""
    moment = MOMENTS[measured.visit.moment]
    return f"Visit {measured.visit.id}" + (f", {moment}" if moment else "")


def _empty(measured: MeasuredVisit) -> str:
    if not measured.visit.films:
        return "This visit has no films: nothing is measured."
    return "No film of this visit could be measured: the findings say why."


def _gate(gate: Gate) -> GateView:
    return GateView(
        kind=gate.state.value,
        name=GATE_NAMES.get(gate.id, gate.id),
        state=GATE_STATES[gate.state],
        reason=sentence(gate.reason),
    )


def _listing(found: Listing) -> ListingView:
    names = tuple(_quantity_name(key) for key in found.undetermined)
    return ListingView(
        text=found.text,
        canonical=prose(found.canonical),
        words=tuple(prose(word) for word in found.words),
        undetermined=names,
    )


def _quantity_name(key: str) -> str:
    parts = ObservationKey.parse(key)
    name = quantity(parts.quantity).name
    return ", ".join(part for part in (name, parts.level, parts.side) if part)


def _classification(found: Classification | None) -> str:
    if found is None:
        return ""
    named = f"; type {found.type_name} (user's table)" if found.type_name else ""
    neck = (
        f"; lower neck {found.lower_neck}{_from(found.lower_neck)} the side of laterality"
        if found.lower_neck
        else ""
    )
    head = f"; head tilted {found.head}{_from(found.head)} the side of laterality" if found.head else ""
    return f"Upper and lower angle: {found.label}{neck}{head}{named} ({found.tag})"


def _from(way: str) -> str:
    return " from" if way == "away" else ""


def _no_vector(measured: MeasuredVisit) -> str:
    if measured.vector is not None:
        return ""
    reason = measured.no_vector_because
    for id_, name in GATE_NAMES.items():
        reason = reason.replace(f"{id_}: ", f"gate “{name}”: ")
    return f"No correction vector: {prose(reason)}" if reason else "No correction vector"


def _vector(vector: CorrectionVector, gates: Sequence[Gate]) -> VectorView:
    height, turn = (_component(vector, k) for k in (0, 1))
    return VectorView(
        headline=f"Height {height}, rotation {turn}",
        words=vector.words,
        facts=tuple(_facts(vector)),
        tag=vector.tag,
        doubtful=vector.tag in DOUBTFUL_TAGS,
        unanswered="; ".join(
            f"{GATE_NAMES.get(gate.id, gate.id)} not evaluated"
            for gate in gates
            if gate.state is GateState.UNKNOWN
        ),
        note=VECTOR_NOTE,
    )


def _component(vector: CorrectionVector, k: int) -> str:
    value = (vector.height_in, vector.rotation_in)[k]
    u = math.sqrt(vector.cov_in2[k, k])
    digits = decimals_of_u(u, quantity(("correction_height", "correction_rotation")[k]))
    half = coverage_factor(LEVEL, math.inf) * u
    return f"{fixed(value, digits)} ± {with_unit(fixed(half, digits), '[in_i]')}"


def _facts(vector: CorrectionVector) -> list[tuple[str, str]]:
    side = "undetermined" if vector.side is Side.UNDETERMINED else SIDES[vector.side]
    lever = f"{fixed(vector.lever_mm, 0)}{NO_BREAK}mm ({fixed(vector.lever_mm / MM_PER_INCH, 1)}{NO_BREAK}in)"
    x, y, z = (fixed(float(c), 3) for c in vector.direction_isb)
    facts = [
        ("Contact side", side),
        ("Height model", _MODELS.get(vector.model, vector.model)),
        ("Lever, lateral", lever),
        ("Force direction", f"anterior {x}, superior {y}, right {z}"),
        ("Torque", vector.torque or "not given by the rule set"),
    ]
    if vector.headpiece is not None:
        facts.append(("Head-piece", _headpiece(vector.headpiece)))
    return facts


def _headpiece(piece: HeadPiece) -> str:
    below = " to ".join(fixed(v, 3) for v in piece.eop_below_c7_in)
    angle = " to ".join(fixed(v, 1) for v in piece.angle_deg)
    height = " to ".join(fixed(v, 1) for v in piece.height_in)
    return (
        f"occipital protuberance {with_unit(below, '[in_i]')} below the C7 prominence "
        f"({with_unit(angle, 'deg')}, {with_unit(height, '[in_i]')} of height)"
    )
