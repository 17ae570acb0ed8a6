"""What forbids a correction vector.

A stopped gate hides the vector and says why; an open question is never called safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from atlasplane.core.finding import Finding, Severity
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Measurement


class GateState(Enum):
    """Outcome of one gate."""

    PASS = "pass"
    STOP = "stop"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One gate with its reason."""

    id: str
    state: GateState
    reason: str


def gates(joint: JointObservations, findings: Iterable[Finding]) -> tuple[Gate, ...]:
    """All gates of a visit: red-flag quantity, failed film, laterality under its MDC95, stop table."""
    return (_red_flags(joint), _films(findings), _laterality(joint), _STOP_TABLE)


def is_open(states: Sequence[Gate]) -> bool:
    """Whether no gate stops."""
    return all(gate.state is not GateState.STOP for gate in states)


_STOP_TABLE = Gate(
    id="stop_table",
    state=GateState.UNKNOWN,
    reason="stop table not evaluated: red flags in history and examination are unanswered",
)


def _red_flags(joint: JointObservations) -> Gate:
    flagged = [
        o
        for o in joint.observations
        if isinstance(o, Measurement)
        and (o.quantity.red_flag_low is not None or o.quantity.red_flag_high is not None)
    ]
    if not flagged:
        return Gate(
            id="red_flag_quantity",
            state=GateState.UNKNOWN,
            reason="no instability quantity is measured on these films",
        )
    hits = [o for o in flagged if _beyond(o)]
    if hits:
        text = ", ".join(f"{o.quantity.name} {o.value:.1f} {o.quantity.unit}" for o in hits)
        return Gate(id="red_flag_quantity", state=GateState.STOP, reason=f"beyond its limit: {text}")
    names = ", ".join(o.quantity.name for o in flagged)
    return Gate(id="red_flag_quantity", state=GateState.PASS, reason=f"within limits: {names}")


def _beyond(measured: Measurement) -> bool:
    low, high = measured.quantity.red_flag_low, measured.quantity.red_flag_high
    return (low is not None and measured.value < low) or (high is not None and measured.value > high)


def _films(findings: Iterable[Finding]) -> Gate:
    stops = [f for f in findings if f.severity is Severity.STOP]
    if stops:
        names = "; ".join(f"{f.file or 'visit'}: {f.text}" for f in stops)
        return Gate(id="film_failed", state=GateState.STOP, reason=names)
    return Gate(id="film_failed", state=GateState.PASS, reason="no film failed its checks")


def _laterality(joint: JointObservations) -> Gate:
    """Deliberately stricter than the side rule: 1.96 sqrt(2) u instead of 1.96 u."""
    measured = joint.measurement("atlas_laterality")
    mdc = None if measured is None else measured.mdc()
    if measured is None or mdc is None:
        return Gate(
            id="laterality_below_mdc",
            state=GateState.UNKNOWN,
            reason="atlas laterality is not measured with an u",
        )
    text = f"|AL| {abs(measured.value):.2f} deg, MDC95 {mdc.value:.2f} deg"
    if abs(measured.value) < mdc.value:
        return Gate(
            id="laterality_below_mdc",
            state=GateState.STOP,
            reason=f"{text}: too small to be told from reading again",
        )
    return Gate(id="laterality_below_mdc", state=GateState.PASS, reason=text)
