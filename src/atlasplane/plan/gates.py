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
from atlasplane.plan.red_flags import Standing, judged


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


def gates(joint: JointObservations, findings: Iterable[Finding], *, sex: str = "unknown") -> tuple[Gate, ...]:
    """All gates of a visit: red-flag quantity, failed film, laterality under its MDC95, stop table.

    Parameters
    ----------
    joint : JointObservations
    findings : iterable of Finding
    sex : str
        Of the case; some limits are published for one sex.
    """
    return (_red_flags(joint, sex), _films(findings), _laterality(joint), _STOP_TABLE)


def is_open(states: Sequence[Gate]) -> bool:
    """Whether no gate stops."""
    return all(gate.state is not GateState.STOP for gate in states)


_RED_FLAG = "red_flag_quantity"
_STOP_TABLE = Gate(
    id="stop_table",
    state=GateState.UNKNOWN,
    reason="stop table not evaluated: red flags in history and examination are unanswered",
)


def _red_flags(joint: JointObservations, sex: str) -> Gate:
    """Stopped by one value beyond its limit; open while one is too near to it (plan.red_flags)."""
    found = judged((o for o in joint.observations if isinstance(o, Measurement)), sex=sex)
    if not found:
        return Gate(
            id=_RED_FLAG,
            state=GateState.UNKNOWN,
            reason="no instability quantity with a limit for its modality is measured",
        )
    worst = max(judgement.standing for judgement in found)
    deciding = [judgement for judgement in found if judgement.standing is worst]
    if worst is Standing.WITHIN:
        names = ", ".join(judgement.name for judgement in deciding)
        return Gate(id=_RED_FLAG, state=GateState.PASS, reason=f"within limits: {names}")
    text = "; ".join(judgement.text for judgement in deciding)
    if worst is Standing.NEAR:
        reason = f"cannot be told from its limit: {text}"
        return Gate(id=_RED_FLAG, state=GateState.UNKNOWN, reason=reason)
    return Gate(id=_RED_FLAG, state=GateState.STOP, reason=f"beyond its limit: {text}")


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
