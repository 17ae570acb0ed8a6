"""Gates and the neutral classification: every state, every sign."""

from __future__ import annotations

import pytest

from atlasplane.core.finding import Finding, Severity
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Grade, Measurement
from atlasplane.core.quantity import quantity
from atlasplane.plan.classification import TypeRule, classify
from atlasplane.plan.gates import Gate, GateState, gates, is_open
from tests.strategies import measured, visit_of

PASS, STOP, UNKNOWN = GateState.PASS, GateState.STOP, GateState.UNKNOWN


def flagged(value: float, low: float | None = None, high: float | None = None) -> JointObservations:
    """A visit with one instability quantity of stated limits."""
    entry = quantity("atlas_plane_sagittal").model_copy(
        update={"red_flag_low": low, "red_flag_high": high, "name": "ADI"}
    )
    return JointObservations(
        observations=(Measurement(quantity=entry, visit="v", method="m", value=value, u=0.2),)
    )


def state(id_: str, joint: JointObservations, *findings: Finding) -> Gate:
    return next(gate for gate in gates(joint, findings) if gate.id == id_)


def finding(severity: Severity, file: str | None = "nasium.dcm") -> Finding:
    return Finding(code="film.yaw", severity=severity, text="head turned 4 deg", file=file)


def test_four_gates_in_order() -> None:
    ids = [gate.id for gate in gates(visit_of({}), ())]
    assert ids == ["red_flag_quantity", "film_failed", "laterality_below_mdc", "stop_table"]


@pytest.mark.parametrize(
    ("value", "low", "high", "wanted"),
    [
        (3.1, None, 3.0, STOP),
        (3.0, None, 3.0, PASS),
        (0.5, 1.0, None, STOP),
        (1.0, 1.0, None, PASS),
        (2.0, 1.0, 3.0, PASS),
        (3.5, 1.0, 3.0, STOP),
    ],
)
def test_red_flags(value: float, low: float | None, high: float | None, wanted: GateState) -> None:
    gate = state("red_flag_quantity", flagged(value, low, high))
    assert gate.state is wanted
    assert gate.reason == (
        f"beyond its limit: ADI {value:.1f} deg" if wanted is STOP else "within limits: ADI"
    )


def test_red_flags_that_nobody_measured_are_unknown() -> None:
    grade = Grade(quantity=quantity("s_line_class"), visit="v", method="m", level=1, scale="s")
    for joint in (visit_of({"atlas_laterality": 5.0}), JointObservations(observations=(grade,))):
        gate = state("red_flag_quantity", joint)
        assert (gate.state, gate.reason) == (UNKNOWN, "no instability quantity is measured on these films")


@pytest.mark.parametrize(
    ("findings", "wanted", "reason"),
    [
        ((), PASS, "no film failed its checks"),
        ((finding(Severity.WARN), finding(Severity.INFO)), PASS, "no film failed its checks"),
        ((finding(Severity.WARN), finding(Severity.STOP)), STOP, "nasium.dcm: head turned 4 deg"),
        (
            (finding(Severity.STOP, None), finding(Severity.STOP)),
            STOP,
            "visit: head turned 4 deg; nasium.dcm: head turned 4 deg",
        ),
    ],
)
def test_failed_films(findings, wanted: GateState, reason: str) -> None:
    gate = state("film_failed", visit_of({}), *findings)
    assert (gate.state, gate.reason) == (wanted, reason)


@pytest.mark.parametrize(("value", "wanted"), [(1.24, STOP), (1.25, PASS), (-1.24, STOP), (-1.25, PASS)])
def test_laterality_below_its_minimal_detectable_change(value: float, wanted: GateState) -> None:
    gate = state("laterality_below_mdc", visit_of({"atlas_laterality": value}, u=0.45))  # MDC95 1.247 deg
    assert gate.state is wanted
    assert gate.reason.startswith(f"|AL| {abs(value):.2f} deg, MDC95 1.25 deg")


@pytest.mark.parametrize("observations", [(), (measured("atlas_laterality", 5.0, None),)])
def test_laterality_without_u_is_unknown(observations) -> None:
    assert state("laterality_below_mdc", JointObservations(observations=observations)).state is UNKNOWN


def test_an_unanswered_stop_table_is_never_called_safe() -> None:
    gate = state("stop_table", flagged(2.0, 1.0, 3.0))
    assert gate.state is UNKNOWN
    assert "not evaluated" in gate.reason
    every = " ".join(g.reason for g in gates(flagged(2.0, 1.0, 3.0), ()))
    assert "safe" not in every


@pytest.mark.parametrize(
    ("states", "wanted"), [((PASS, UNKNOWN), True), ((PASS, STOP), False), ((), True), ((UNKNOWN,), True)]
)
def test_only_a_stop_closes(states, wanted: bool) -> None:
    assert is_open([Gate(id="x", state=s, reason="") for s in states]) is wanted


FACTORS = {
    "atlas_laterality": 3.0,
    "lower_angle": 3.0,
    "atlas_plane_tilt": 3.0,
    "head_tilt": -3.0,
    "c7_offset": 3.0,
}


def signs(**values: float):
    return classify(visit_of({**FACTORS, **values}, u=0.5))  # MDC95 1.386


@pytest.mark.parametrize(
    ("upper", "lower", "label"),
    [
        (3, 3, "same side"),
        (-3, -3, "same side"),
        (3, -3, "opposite angles"),
        (-3, 3, "opposite angles"),
        (3, 1, "single-angle"),
        (1, -3, "single-angle"),
        (1, 1, "single-angle"),
    ],
)
def test_label_of_upper_and_lower_angle(upper: float, lower: float, label: str) -> None:
    assert signs(atlas_laterality=upper, lower_angle=lower).label == label


def test_signs_and_relations() -> None:
    found = signs()
    assert (found.upper, found.lower, found.plane, found.tilt, found.neck) == (
        "right",
        "right",
        "right",
        "left",
        "right",
    )
    assert (found.lower_neck, found.head, found.type_name, found.tag) == ("toward", "away", None, "proposed")
    mirrored = signs(**{key: -value for key, value in FACTORS.items()})
    assert (mirrored.upper, mirrored.tilt, mirrored.lower_neck, mirrored.head) == (
        "left",
        "right",
        "toward",
        "away",
    )


@pytest.mark.parametrize(
    ("value", "sign"), [(1.38, "zero"), (1.39, "right"), (-1.38, "zero"), (-1.39, "left")]
)
def test_zero_is_within_the_factors_own_mdc(value: float, sign: str) -> None:
    assert signs(atlas_plane_tilt=value).plane == sign


def test_relations_need_both_sides() -> None:
    assert signs(c7_offset=1.0).lower_neck is None
    assert signs(atlas_laterality=1.0).head is None
    few = classify(visit_of({"atlas_laterality": 3.0, "lower_angle": 3.0}))
    assert few is not None
    assert (few.plane, few.tilt, few.neck, few.lower_neck, few.head) == (None,) * 5


def test_without_both_angles_or_their_u_nothing_is_classified() -> None:
    assert classify(visit_of({"atlas_laterality": 3.0})) is None
    unknown = JointObservations(
        observations=(measured("atlas_laterality", 3.0), measured("lower_angle", 3.0, None))
    )
    assert classify(unknown) is None


def test_types_come_from_the_users_own_table_and_the_first_line_wins() -> None:
    rules = (
        TypeRule(name="mine 1", upper="left"),
        TypeRule(name="mine 2", upper="right", lower="right", plane="right", neck="right"),
        TypeRule(name="mine 3"),
    )
    named = [
        classify(visit_of({**FACTORS, **c}, u=0.5), rules)
        for c in ({}, {"atlas_laterality": -3.0}, {"c7_offset": 0.0})
    ]
    assert [n.type_name for n in named if n is not None] == ["mine 2", "mine 1", "mine 3"]
