"""The supine leg check and its series over visits."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from scipy.special import ndtri

from atlasplane.chain.comparison import compare_visits
from atlasplane.chain.measured import measure_case
from atlasplane.chain.series import FEWEST_VISITS, series_of
from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Measurement
from atlasplane.core.side import Side
from atlasplane.io.case_folder import read_case
from atlasplane.io.outputs import CompareOutput, MeasureOutput
from atlasplane.pathways.alignment.leg_check import leg_check
from atlasplane.pathways.alignment.visit_analysis import analyse_visit
from atlasplane.report.document import compare_document, measure_document
from atlasplane.sources.case import Case, Moment, Visit
from tests.bad_input.cases import CASE, VISIT
from tests.front_cases import visit_of

SD_MM = 4.5
"""Between examiners, derived from Woodfield et al. 2011."""
EIGHTH_MM = 25.4 / 8


def checked(*readings: float, **fields: object) -> Visit:
    given: object = readings[0] if len(readings) == 1 else list(readings)
    return visit_of(exam={"leg_check": {"leg_length_difference": given}}, **fields)


def measured(*readings: float) -> Measurement:
    found = leg_check(checked(*readings))
    assert found is not None and found.u is not None
    return found


def case_of(*visits: Visit) -> Case:
    return Case(id="c", pseudonym="P", folder=Path("case"), visits=visits)


def at_day(visit: Visit, day: int) -> Visit:
    return replace(visit, id=f"v{day}", time=visit.time + timedelta(days=day))


def test_the_error_follows_from_the_agreement_of_examiners() -> None:
    """Two readings in steps of 1/8 in that lie within three of them differ by less than 3.5 steps.

    92 % of a normal difference of SD sqrt(2) s: 3.5 steps = z(0.96) sqrt(2) s. Kept to one digit.
    """
    derived = 3.5 * EIGHTH_MM / (float(ndtri(0.96)) * math.sqrt(2))
    assert measured(0.0).u == SD_MM == round(derived, 1)


def test_one_reading_is_the_value() -> None:
    found = measured(6.0)
    assert (found.value, found.u, found.dof) == (6.0, SD_MM, math.inf)
    assert found.source == ("2026-03-02/exam.toml",)
    assert found.observer == ("KR",)
    assert found.side is Side.UNDETERMINED  # 6 mm is less than 1.96 u


@pytest.mark.parametrize(("value", "side"), [(12.0, Side.RIGHT), (-12.0, Side.LEFT)])
def test_plus_is_a_short_right_leg(value: float, side: Side) -> None:
    """12 mm are 2.7 u."""
    assert measured(value).side is side
    assert measured(-value).value == -measured(value).value


def test_repeats_are_averaged_and_their_scatter_shrinks() -> None:
    """4, 6 and 8 mm: variance 4. It takes the place of 4 of 20.25 mm2 and is divided by three."""
    found = measured(4.0, 6.0, 8.0)
    assert found.value == 6.0
    assert found.u == pytest.approx(math.sqrt(SD_MM**2 - 4 + 4 / 3), rel=1e-12)
    # Welch-Satterthwaite: only the scatter spends degrees of freedom, two of them.
    assert found.dof == pytest.approx(2 * (found.u or 0) ** 4 / (4 / 3) ** 2, rel=1e-9)
    assert found.budget["repeats"] == pytest.approx(math.sqrt(4 / 3))


def test_equal_repeats_leave_what_examiners_differ_by() -> None:
    assert measured(5.0, 5.0, 5.0).u == SD_MM


def test_a_scatter_as_large_as_all_examiners_leaves_half_of_their_variance() -> None:
    """0 and 20 mm: variance 200, of which only half of 20.25 may be the examiner's own."""
    assert measured(0.0, 20.0).u == pytest.approx(math.sqrt(SD_MM**2 / 2 + 200 / 2), rel=1e-12)


def test_without_a_leg_check_there_is_none() -> None:
    assert leg_check(visit_of()) is None
    assert leg_check(visit_of(exam={"neuro": {"hoffmann": False}})) is None
    assert leg_check(visit_of(exam={"leg_check": {}})) is None


def test_it_joins_the_visit() -> None:
    joint = analyse_visit(checked(6.0)).joint
    assert joint.order == ("leg_length_difference",)
    assert joint.cov[0, 0] == pytest.approx(SD_MM**2)


def test_two_visits_of_one_examiner_share_nothing_that_is_known() -> None:
    before, after = (at_day(checked(value), day) for value, day in ((9.0, 0), (0.0, 1)))
    (change,) = compare_visits(measure_case(case_of(before, after))).changes
    assert change.u == pytest.approx(math.sqrt(2) * SD_MM)
    assert change.distinguishable is False
    assert change.mdc is not None and change.mdc.value == pytest.approx(1.959964 * math.sqrt(2) * SD_MM)


# ---- the series ----


def test_three_visits_are_a_series_against_the_first() -> None:
    case = case_of(*(at_day(checked(value), day) for day, value in enumerate((12.0, 3.0, -2.0))))
    (series,) = series_of(measure_case(case))
    assert series.key == "leg_length_difference"
    assert [point.visit for point in series.points] == ["v0", "v1", "v2"]
    assert series.points[0].change is None
    changes = [point.change for point in series.points[1:]]
    assert [change.value for change in changes if change is not None] == [-9.0, -14.0]
    assert [change.distinguishable for change in changes if change is not None] == [False, True]


def test_two_visits_are_no_series_and_a_gap_is_left_out() -> None:
    visits = [at_day(checked(value), day) for day, value in enumerate((12.0, 3.0))]
    assert FEWEST_VISITS == 3
    assert series_of(measure_case(case_of(*visits))) == ()
    gap = [visits[0], at_day(visit_of(), 5), at_day(checked(1.0), 6), at_day(checked(2.0), 7)]
    (series,) = series_of(measure_case(case_of(*gap)))
    assert [point.visit for point in series.points] == ["v0", "v6", "v7"]


def test_the_documents_hold_it() -> None:
    case = case_of(
        *(
            replace(at_day(checked(value), day), moment=Moment.SINGLE)
            for day, value in enumerate((12.0, 3.0, -2.0))
        )
    )
    found = measure_case(case)
    MeasureOutput.model_validate(measure_document(found))
    document = compare_document(compare_visits(found))
    output = CompareOutput.model_validate(document)
    (series,) = output.series
    assert [(point.visit, point.value, point.change) for point in series.points] == [
        ("v0", 12.0, None),
        ("v1", 3.0, -9.0),
        ("v2", -2.0, -14.0),
    ]
    assert series.points[2].distinguishable is True


# ---- the file ----


def with_exam(root: Path, text: str) -> Path:
    day = root / "2026-03-02"
    day.mkdir(parents=True)
    (root / "case.toml").write_text(CASE)
    (day / "visit.toml").write_text(VISIT + '[exam]\nfile = "exam.toml"\n')
    (day / "exam.toml").write_text(f'schema = "atlasplane.exam/1"\n[leg_check]\n{text}\n')
    return root


@pytest.mark.parametrize(
    ("text", "value"),
    [("leg_length_difference = 6", 6.0), ("leg_length_difference = [4.0, 6.0, 8.0]", 6.0)],
)
def test_it_is_read_from_exam_toml(tmp_path: Path, text: str, value: float) -> None:
    (visit,) = measure_case(read_case(with_exam(tmp_path / "case", text))).visits
    found = visit.joint.measurement("leg_length_difference")
    assert found is not None and found.value == value


@pytest.mark.parametrize(
    "text",
    [
        "leg_length_difference = []",
        'leg_length_difference = "6 mm"',
        "leg_length_difference = [true]",
        "leg_length_difference = nan",
        "leg_lenght_difference = 6",
    ],
)
def test_what_is_no_reading_is_refused_by_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match="leg_") as failed:
        read_case(with_exam(tmp_path / "case", text))
    assert failed.value.file == "2026-03-02/exam.toml"
