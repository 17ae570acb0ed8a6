"""Gates and the neutral classification: every state, every sign."""

from __future__ import annotations

import pytest

from atlasplane.core.finding import Finding, Severity
from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Grade, Measurement, Site
from atlasplane.core.quantity import RedFlag, quantity
from atlasplane.plan.classification import TypeRule, classify
from atlasplane.plan.gates import Gate, GateState, gates, is_open
from tests.strategies import measured, visit_of

PASS, STOP, UNKNOWN = GateState.PASS, GateState.STOP, GateState.UNKNOWN


def limit(**fields: object) -> RedFlag:
    """A limit of the film, published unless told otherwise."""
    return RedFlag(**({"modality": "film", "tag": "published", "source": "s"} | fields))  # type: ignore[arg-type]


def instability(value: float, *limits: RedFlag, u: float | None = 0.2, **fields: object) -> Measurement:
    """An instability quantity with limits of its own."""
    entry = quantity("adi").model_copy(update={"red_flags": limits, "name": "ADI"})
    return Measurement(quantity=entry, visit="v", method="m", value=value, u=u, **fields)  # type: ignore[arg-type]


def flagged(*measurements: Measurement) -> JointObservations:
    """A visit with instability quantities."""
    return JointObservations(observations=measurements)


def state(id_: str, joint: JointObservations, *findings: Finding, sex: str = "unknown") -> Gate:
    return next(gate for gate in gates(joint, findings, sex=sex) if gate.id == id_)


def red_flag(*measurements: Measurement, sex: str = "unknown") -> Gate:
    return state("red_flag_quantity", flagged(*measurements), sex=sex)


def finding(severity: Severity, file: str | None = "nasium.dcm") -> Finding:
    return Finding(code="film.yaw", severity=severity, text="head turned 4 deg", file=file)


def test_four_gates_in_order() -> None:
    ids = [gate.id for gate in gates(visit_of({}), ())]
    assert ids == ["red_flag_quantity", "film_failed", "laterality_below_mdc", "stop_table"]


# 1.96 u = 0.392: from 2.608 upward the interval reaches a limit of 3.
@pytest.mark.parametrize(
    ("value", "low", "high", "wanted"),
    [
        (3.01, None, 3.0, STOP),
        (3.0, None, 3.0, UNKNOWN),
        (2.61, None, 3.0, UNKNOWN),
        (2.60, None, 3.0, PASS),
        (0.99, 1.0, None, STOP),
        (1.0, 1.0, None, UNKNOWN),
        (1.39, 1.0, None, UNKNOWN),
        (1.40, 1.0, None, PASS),
        (2.0, 1.0, 3.0, PASS),
        (3.5, 1.0, 3.0, STOP),
        (-3.5, -3.0, 3.0, STOP),
    ],
)
def test_red_flags(value: float, low: float | None, high: float | None, wanted: GateState) -> None:
    gate = red_flag(instability(value, limit(low=low, high=high)))
    assert gate.state is wanted
    begins = {STOP: "beyond its limit: ADI ", UNKNOWN: "cannot be told from its limit: ADI "}
    assert gate.reason.startswith(begins.get(wanted, "within limits: ADI"))


def test_the_reason_names_place_value_limit_and_what_it_rests_on() -> None:
    weak = limit(low=-4.0, high=12.0, tag="unverified")
    gate = red_flag(instability(12.345, weak, site=Site(level="C2-C3", side="left")))
    assert gate.reason == (
        "beyond its limit: ADI C2-C3 left 12.3 mm (not under -4 and not over 12, film, unverified limit)"
    )
    of_sex = red_flag(instability(3.4, limit(high=3.0, sex="male")), sex="male")
    assert of_sex.reason == "beyond its limit: ADI 3.4 mm (not over 3, film, male)"


def test_a_large_uncertainty_never_opens_what_the_value_stops() -> None:
    assert red_flag(instability(3.1, limit(high=3.0), u=5.0)).state is STOP


def test_without_a_known_u_a_value_inside_is_not_called_within() -> None:
    assert red_flag(instability(1.0, limit(high=3.0), u=None)).state is UNKNOWN
    assert red_flag(instability(3.1, limit(high=3.0), u=None)).state is STOP


def test_few_degrees_of_freedom_widen_the_doubt() -> None:
    # Student's t for 3 degrees of freedom is 3.18, and 2.5 + 3.18 * 0.2 > 3 > 2.5 + 1.96 * 0.2.
    assert red_flag(instability(2.5, limit(high=3.0))).state is PASS
    assert red_flag(instability(2.5, limit(high=3.0), dof=3.0)).state is UNKNOWN


@pytest.mark.parametrize(
    ("value", "low", "high", "wanted"),
    [
        # An object length against the figure of enlarged films: 12 / 1.2 = 10, and -4 / 1.2 = -3.33.
        (12.1, -4.0, 12.0, STOP),
        (11.0, -4.0, 12.0, UNKNOWN),
        (9.7, -4.0, 12.0, UNKNOWN),
        (9.6, -4.0, 12.0, PASS),
        (-2.9, -4.0, 12.0, PASS),
        (-3.4, -4.0, 12.0, UNKNOWN),
        (-4.1, -4.0, 12.0, STOP),
        # A length that must not be short: the figure as printed is the stricter one already.
        (13.9, 14.0, None, STOP),
        (14.3, 14.0, None, UNKNOWN),
        (14.5, 14.0, None, PASS),
    ],
)
def test_the_enlargement_of_the_sources_films(
    value: float, low: float | None, high: float | None, wanted: GateState
) -> None:
    assert red_flag(instability(value, limit(low=low, high=high, magnification=1.2))).state is wanted


@pytest.mark.parametrize(
    ("condition", "value", "wanted"),
    [
        (None, 2.5, PASS),
        ("lateral-full", 2.5, PASS),
        ("flexion", 3.5, STOP),
        ("ct", 2.5, STOP),
        ("cbct", 2.5, STOP),
        ("ct", 1.5, PASS),
        ("mri", 9.0, UNKNOWN),
    ],
)
def test_a_limit_is_of_its_modality(condition: str | None, value: float, wanted: GateState) -> None:
    limits = (limit(high=3.0), limit(high=2.0, modality="ct"))
    gate = red_flag(instability(value, *limits, condition=condition))
    assert gate.state is wanted
    if condition == "mri":
        assert gate.reason == "no instability quantity with a limit for its modality is measured"


@pytest.mark.parametrize(
    ("sex", "value", "wanted"),
    [
        ("male", 2.55, PASS),
        ("male", 3.1, STOP),
        ("female", 2.55, STOP),
        ("female", 2.0, PASS),
        ("unknown", 2.0, PASS),
        ("unknown", 2.55, UNKNOWN),
        ("other", 2.55, UNKNOWN),
        ("unknown", 3.1, STOP),
    ],
)
def test_a_limit_of_one_sex(sex: str, value: float, wanted: GateState) -> None:
    limits = (limit(high=3.0, sex="male"), limit(high=2.5, sex="female"))
    assert red_flag(instability(value, *limits, u=0.1), sex=sex).state is wanted


def test_a_limit_that_clears_nothing_can_only_stop() -> None:
    last = limit(high=56.0, clears=False)
    assert red_flag(instability(30.0, last)).state is UNKNOWN
    assert red_flag(instability(30.0, last)).reason.startswith("no instability quantity")
    assert red_flag(instability(56.1, last)).state is STOP
    assert red_flag(instability(55.9, last)).state is UNKNOWN
    of_sexes = (limit(high=56.0, sex="male", clears=False), limit(high=50.0, sex="female", clears=False))
    assert red_flag(instability(30.0, *of_sexes)).reason.startswith("no instability quantity")
    both = red_flag(instability(30.0, last), instability(1.0, limit(high=3.0)))
    assert (both.state, both.reason) == (PASS, "within limits: ADI")


def test_the_worst_quantity_decides_and_is_the_one_that_is_named() -> None:
    within, near, beyond = (instability(value, limit(high=3.0)) for value in (1.0, 2.9, 3.5))
    assert red_flag(within, near).state is UNKNOWN
    assert "2.9" in red_flag(within, near).reason and "1.0" not in red_flag(within, near).reason
    assert red_flag(within, near, beyond).reason == "beyond its limit: ADI 3.5 mm (not over 3, film)"


def test_of_two_ends_from_two_sources_the_worse_one_speaks() -> None:
    ends = (limit(high=12.0), limit(low=-4.0, tag="unverified"))
    assert red_flag(instability(0.0, *ends)).state is PASS
    assert "unverified" in red_flag(instability(-4.2, *ends)).reason
    assert "unverified" not in red_flag(instability(12.2, *ends)).reason


def test_red_flags_that_nobody_measured_are_unknown() -> None:
    grade = Grade(quantity=quantity("s_line_class"), visit="v", method="m", level=1, scale="s")
    for joint in (visit_of({"atlas_laterality": 5.0}), JointObservations(observations=(grade,))):
        gate = state("red_flag_quantity", joint)
        reason = "no instability quantity with a limit for its modality is measured"
        assert (gate.state, gate.reason) == (UNKNOWN, reason)


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
    within = flagged(instability(2.0, limit(low=1.0, high=3.0)))
    gate = state("stop_table", within)
    assert gate.state is UNKNOWN
    assert "not evaluated" in gate.reason
    every = " ".join(g.reason for g in gates(within, ()))
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
