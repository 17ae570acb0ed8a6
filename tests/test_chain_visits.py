"""From visits to changes and vectors.

Which pair is compared, what the two share, what the plan may use, what stops it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from atlasplane.chain.comparison import compare_visits
from atlasplane.chain.measured import MeasuredCase, MeasuredVisit, PlanSettings, measure_case, plan_settings
from atlasplane.core.calibration import UNCALIBRATED
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.observation import Pose
from atlasplane.pathways.alignment import head_position
from atlasplane.plan.gates import GateState
from atlasplane.plan.height import MANUAL_U_IN, ManualHeight, TableHeight, TwoArcHeight
from atlasplane.plan.vector import LEVER_IN
from atlasplane.simulate.memory import visit_in_memory
from atlasplane.sources.case import Case, EnteredHeight, Moment, Phase, PlanChoice, Visit
from atlasplane.sources.film import View
from tests.film_cases import (
    NASIUM,
    VERTEX,
    WHEN,
    case_of,
    exact_visit,
    person,
    pose,
    two_visits,
    visit_of_films,
)
from tests.strategies import visit_of


@pytest.fixture(autouse=True)
def few_persons(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here hangs on the size of the projection term: fewer template persons make the tests quick."""
    monkeypatch.setattr(head_position, "TEMPLATE_PERSONS", 256)


# ---- which visits are compared ----


def measured_visit(
    id_: str, day: int, moment: Moment, phase: Phase = Phase.CARE, hour: int = 0
) -> MeasuredVisit:
    """A visit of which only date and moment matter."""
    time = WHEN + timedelta(days=day, hours=hour)
    visit = Visit(id=id_, time=time, phase=phase, moment=moment, folder=time.date().isoformat())
    return measure_case(case_of(visit)).visits[0]


def measured_case(*visits: MeasuredVisit) -> MeasuredCase:
    return MeasuredCase(case=case_of(*(v.visit for v in visits)), visits=visits)


SINGLE, PRE, POST = Moment.SINGLE, Moment.PRE, Moment.POST


@pytest.mark.parametrize(
    ("visits", "wanted"),
    [
        # Pre and post of one day, whatever else there is.
        ([("a", 0, SINGLE), ("b", 7, PRE), ("c", 7, POST), ("d", 30, SINGLE)], ("b", "c")),
        # Of several such days the latest.
        ([("a", 0, PRE), ("b", 0, POST), ("c", 7, PRE), ("d", 7, POST)], ("c", "d")),
        # A post film without its pre of that day is no pair.
        ([("a", 0, PRE), ("b", 1, POST)], ("a", "b")),
        ([("a", 0, PRE), ("b", 0, POST), ("c", 7, POST)], ("a", "b")),
        # Else the first and the last.
        ([("a", 0, SINGLE), ("b", 7, SINGLE), ("c", 30, SINGLE)], ("a", "c")),
    ],
)
def test_default_pair(visits, wanted: tuple[str, str]) -> None:
    compared = compare_visits(measured_case(*(measured_visit(*v) for v in visits)))
    assert (compared.pre.visit.id, compared.post.visit.id) == wanted


def test_default_pair_starts_at_the_first_baseline() -> None:
    visits = [
        measured_visit("old", 0, SINGLE, Phase.CARE),
        measured_visit("base", 5, SINGLE, Phase.BASELINE),
        measured_visit("base2", 6, SINGLE, Phase.BASELINE),
        measured_visit("last", 9, SINGLE, Phase.FOLLOW_UP),
    ]
    compared = compare_visits(measured_case(*visits))
    assert (compared.pre.visit.id, compared.post.visit.id) == ("base", "last")


def test_a_named_visit_takes_the_place_of_its_default() -> None:
    case = measured_case(*(measured_visit(name, day, SINGLE) for day, name in enumerate("abc")))
    compared = compare_visits(case, pre="b")
    assert (compared.pre.visit.id, compared.post.visit.id) == ("b", "c")
    backwards = compare_visits(case, pre="c", post="a")
    assert (backwards.pre.visit.id, backwards.post.visit.id) == ("c", "a")


def test_an_unknown_visit_is_named_with_those_that_there_are() -> None:
    case = measured_case(measured_visit("a", 0, SINGLE), measured_visit("b", 1, SINGLE))
    with pytest.raises(BadInput) as caught:
        compare_visits(case, pre="v9")
    assert "'v9'" in caught.value.what and "a, b" in caught.value.remedy


def test_a_visit_is_not_compared_with_itself() -> None:
    case = measured_case(measured_visit("a", 0, SINGLE), measured_visit("b", 1, SINGLE))
    with pytest.raises(BadInput, match="itself"):
        compare_visits(case, pre="b")


@pytest.mark.parametrize("count", [0, 1])
def test_two_visits_are_needed(count: int) -> None:
    case = measured_case(*[measured_visit("a", 0, SINGLE)][:count])
    with pytest.raises(BadInput, match="two are needed"):
        compare_visits(case)


# ---- changes ----


def filmed(laterality: float, rotation: float = 4.0, head=(0.0, 0.0, 0.0)):
    return exact_visit(person(), pose(head, (-12.0, laterality, rotation)))


@pytest.fixture(scope="module")
def corrected() -> MeasuredCase:
    """Laterality from 4 to 0 deg, rotation as it was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head_position, "TEMPLATE_PERSONS", 256)
        return measure_case(two_visits(filmed(4.0), filmed(0.0)))


def test_a_large_change_is_distinguishable_and_none_is_not(corrected: MeasuredCase) -> None:
    compared = compare_visits(corrected)
    laterality, rotation = compared.change("atlas_laterality"), compared.change("atlas_rotation")
    assert laterality is not None and rotation is not None
    # A vertical film shows tan(4 deg) / cos(12 deg): 4.09 deg.
    assert laterality.value == pytest.approx(-4.1, abs=0.05)
    assert laterality.distinguishable is True
    assert rotation.value == pytest.approx(0.0, abs=0.3)
    assert rotation.distinguishable is False
    assert compared.change("no_such_key") is None


def test_the_minimal_detectable_change_is_that_of_the_pair(corrected: MeasuredCase) -> None:
    for change in compare_visits(corrected).changes:
        if change.u is None or isinstance(change.pre, Pose):  # poses: test_pose_change
            continue
        assert change.mdc is not None
        assert change.mdc.value >= 1.959 * change.u  # normal, or Student's wider factor
        pre, post = change.pre, change.post
        total = pre.u**2 + post.u**2 - 2 * change.correlation * pre.u * post.u
        assert change.u == pytest.approx(math.sqrt(total), rel=1e-9)


def test_lengths_of_one_set_up_share_their_scale_and_say_so(corrected: MeasuredCase) -> None:
    compared = compare_visits(corrected)
    radius, tilt = compared.change("condylar_radius"), compared.change("atlas_plane_tilt")
    assert radius is not None and tilt is not None
    assert "scale sid_sod" in radius.correlation_source
    # u_rel 0.005 of both radii over both u: by hand.
    wanted = 0.005**2 * radius.pre.value * radius.post.value / (radius.pre.u * radius.post.u)
    tube = corrected.visits[0].joint.shared["tube angle scale, nasium"]
    row = corrected.visits[0].joint.order.index("condylar_radius")
    other = corrected.visits[1].joint.shared["tube angle scale, nasium"]
    wanted += tube[row] * other[row] / (radius.pre.u * radius.post.u)
    assert radius.correlation == pytest.approx(wanted, rel=1e-6)
    assert "scale sid_sod" not in tilt.correlation_source


def test_films_of_different_set_ups_share_no_scale() -> None:
    pre, post = visit_in_memory(filmed(4.0)), visit_in_memory(filmed(0.0))
    moved = tuple(replace(f, calibration=replace(f.calibration, mm_per_px=(0.17, 0.17))) for f in post.films)
    later = replace(post, id="v2", films=moved, time=WHEN + timedelta(days=1))
    compared = compare_visits(measure_case(case_of(pre, later)))
    radius = compared.change("condylar_radius")
    assert radius is not None
    assert "scale" not in radius.correlation_source.replace("tube angle scale", "tube")


def test_percent_reduction_needs_a_pre_value_beyond_its_mdc(corrected: MeasuredCase) -> None:
    compared = compare_visits(corrected)
    laterality = compared.change("atlas_laterality")
    assert laterality is not None
    before, after = laterality.pre.value, laterality.post.value
    assert laterality.percent_reduction == pytest.approx(100 * (abs(before) - abs(after)) / abs(before))
    back = compare_visits(corrected, pre="v2", post="v1").change("atlas_laterality")
    assert back is not None and back.distinguishable is True
    assert back.percent_reduction is None  # from about 0, below its own MDC


def test_unknown_u_is_shown_and_not_compared() -> None:
    case = two_visits(filmed(4.0), filmed(0.0))
    bare = replace(
        case,
        visits=tuple(
            replace(v, films=tuple(replace(f, technique=None) for f in v.films)) for v in case.visits
        ),
    )
    change = compare_visits(measure_case(bare)).change("atlas_laterality")
    assert change is not None
    assert change.value == pytest.approx(-4.1, abs=0.05)
    assert (change.u, change.mdc, change.distinguishable) == (None, None, None)


def test_the_level_goes_through(corrected: MeasuredCase) -> None:
    wide, narrow = (
        compare_visits(corrected, level=level).change("atlas_laterality") for level in (0.99, 0.8)
    )
    assert wide.mdc.level == 0.99
    assert wide.mdc.value / narrow.mdc.value == pytest.approx(2.576 / 1.2816, rel=0.01)


# ---- plan settings ----


def visit_with(entered: EnteredHeight | None = None) -> Visit:
    return visit_of_films(entered_height=entered)


@pytest.mark.parametrize(
    ("choice", "entered", "wanted"),
    [
        (PlanChoice(), None, None),
        (PlanChoice(height="two-arc"), None, TwoArcHeight()),
        (
            PlanChoice(height="table", height_table={"atlas_plane_tilt": ((0.0, 0.0), (4.0, 2.0))}),
            None,
            TableHeight,
        ),
        # What the clinician entered for the visit goes before any model.
        (
            PlanChoice(height="two-arc"),
            EnteredHeight(height_in=2.5),
            ManualHeight(entered_in=2.5, u_model_in=MANUAL_U_IN),
        ),
        (PlanChoice(), EnteredHeight(height_in=0.0, u_in=0.5), ManualHeight(entered_in=0.0, u_model_in=0.5)),
    ],
)
def test_height_model_of_a_visit(choice: PlanChoice, entered: EnteredHeight | None, wanted: object) -> None:
    visit = visit_with(entered)
    chosen = plan_settings(case_of(visit, plan=choice), visit).height
    if isinstance(wanted, type):
        assert isinstance(chosen, wanted)
    else:
        assert chosen == wanted


def test_lever_share_and_types_of_the_case() -> None:
    visit = visit_with()
    plain = plan_settings(case_of(visit), visit)
    assert (plain.lever_in, plain.rotation_share, plain.types) == (LEVER_IN, 1.0, ())
    rules = ({"name": "mine", "upper": "right"},)
    own = plan_settings(
        case_of(visit, plan=PlanChoice(lever_in=24.0, rotation_share=0.5, types=rules)), visit
    )
    assert (own.lever_in, own.rotation_share, own.types[0].name) == (24.0, 0.5, "mine")


def test_settings_given_by_hand_go_before_the_case() -> None:
    case = case_of(visit_in_memory(filmed(5.0)), plan=PlanChoice(height="two-arc"))
    by_case = measure_case(case).visits[0].vector
    by_hand = measure_case(case, PlanSettings(height=ManualHeight(entered_in=1.5))).visits[0].vector
    assert by_case is not None and by_hand is not None
    assert (by_case.model, by_hand.model) == ("two-arc", "manual")
    assert by_hand.height_in == 1.5


def test_a_chart_that_does_not_reach_the_value_withholds_the_vector_and_leaves_the_measurements() -> None:
    chart = {"atlas_laterality": ((-0.2, 0.0), (0.2, 1.0))}
    visit = visit_in_memory(filmed(5.0))
    measured = measure_case(case_of(visit, plan=PlanChoice(height="table", height_table=chart))).visits[0]
    assert measured.vector is None
    assert "outside the chart" in measured.no_vector_because
    assert measured.joint.measurement("atlas_laterality") is not None


# ---- gates and vector ----


def gate_states(visit: MeasuredVisit) -> Mapping[str, GateState]:
    return {gate.id: gate.state for gate in visit.gates}


def test_a_clear_laterality_on_good_films_gives_a_vector_beside_the_open_stop_table() -> None:
    visit = measure_case(case_of(visit_in_memory(filmed(5.0)), plan=PlanChoice(height="two-arc"))).visits[0]
    assert gate_states(visit) == {
        "red_flag_quantity": GateState.UNKNOWN,
        "film_failed": GateState.PASS,
        "laterality_below_mdc": GateState.PASS,
        "stop_table": GateState.UNKNOWN,
    }
    assert visit.vector is not None and visit.vector.side.value == "right"
    assert visit.no_vector_because == ""
    assert visit.listing is not None and visit.listing.text.startswith("R 5")
    assert visit.classification is not None and visit.classification.upper == "right"


def test_laterality_below_its_mdc_hides_the_vector_and_names_the_gate() -> None:
    visit = measure_case(case_of(visit_in_memory(filmed(0.8)), plan=PlanChoice(height="two-arc"))).visits[0]
    assert gate_states(visit)["laterality_below_mdc"] is GateState.STOP
    assert visit.vector is None
    assert visit.no_vector_because.startswith("laterality_below_mdc: |AL|")


def test_a_failed_film_hides_the_vector_and_names_gate_and_film() -> None:
    crooked = filmed(5.0, head=(0.0, 0.0, 9.0))
    measured = measure_case(case_of(visit_in_memory(crooked), plan=PlanChoice(height="two-arc")))
    visit = measured.visits[0]
    assert gate_states(visit)["film_failed"] is GateState.STOP
    assert visit.vector is None
    assert "film_failed: nasium.png" in visit.no_vector_because
    assert measured.needs_a_person


def test_a_stop_of_the_folder_about_this_film_closes_the_gate_too() -> None:
    stop = Finding(code="film.other_patient", severity=Severity.STOP, file="nasium.png", text="another name")
    elsewhere = replace(stop, file="2026-01-01/lateral-old.png")
    visit = visit_in_memory(filmed(5.0))
    closed = measure_case(case_of(visit, findings=(stop,)))
    assert gate_states(closed.visits[0])["film_failed"] is GateState.STOP
    other = measure_case(case_of(visit, findings=(elsewhere,)))
    assert gate_states(other.visits[0])["film_failed"] is GateState.PASS
    # Either asks for a person, and both are listed first.
    assert closed.needs_a_person and other.needs_a_person
    assert closed.findings[0] is stop


def test_without_a_height_model_there_is_no_vector_and_it_says_why() -> None:
    visit = measure_case(case_of(visit_in_memory(filmed(5.0)))).visits[0]
    assert visit.vector is None
    assert visit.no_vector_because.startswith("no height model chosen")


def test_without_rotation_there_is_no_vector_and_it_says_why() -> None:
    whole = visit_in_memory(filmed(5.0))
    nasium_only = replace(whole, films=tuple(f for f in whole.films if f.view is not View.VERTEX))
    visit = measure_case(case_of(nasium_only, plan=PlanChoice(height="two-arc"))).visits[0]
    assert visit.vector is None
    assert "not measured" in visit.no_vector_because


def test_a_visit_without_films_has_nothing_and_says_so() -> None:
    visit = measure_case(case_of(visit_with(), plan=PlanChoice(height="two-arc"))).visits[0]
    assert (visit.listing, visit.classification, visit.vector) == (None, None, None)
    assert gate_states(visit)["laterality_below_mdc"] is GateState.UNKNOWN
    assert visit.joint.order == ()


def test_good_films_need_no_person_and_warnings_do_not_either() -> None:
    good = measure_case(case_of(visit_in_memory(filmed(5.0))))
    assert not good.needs_a_person
    unscaled = measure_case(case_of(visit_of_films(NASIUM.film(calibration=UNCALIBRATED), VERTEX)))
    assert any(f.severity is Severity.WARN for f in unscaled.findings)
    assert not unscaled.needs_a_person


def test_visits_are_found_by_id(corrected: MeasuredCase) -> None:
    assert corrected.visit("v2") is corrected.visits[1]
    assert corrected.visit("v3") is None
    assert isinstance(corrected.case, Case)


def test_joint_observations_made_by_hand_compare_as_measured_ones_do() -> None:
    """The comparison works on any joint observations: shared inputs by name, own parts apart."""
    shared = {"scale": np.array([0.3, 0.0])}
    pre = visit_of({"condylar_radius": 40.0, "atlas_laterality": 3.0}, 0.4, shared=shared)
    post = visit_of({"condylar_radius": 41.0, "atlas_laterality": 1.0}, 0.4, shared=shared)
    radius, laterality = pre.compare(post)
    assert radius.correlation == pytest.approx(0.09 / (0.16 + 0.09))
    assert laterality.correlation == 0.0
