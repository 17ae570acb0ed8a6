"""Counts, grades, categories and poses stand in the tables as well as measurements."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.chain.comparison import Comparison
from atlasplane.core.change import compare
from atlasplane.core.observation import Count, Observation, Pose
from atlasplane.core.quantity import ReferenceRange, quantity
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.io.outputs import CompareOutput
from atlasplane.report.change_plot import PLOT_WIDTH, PlotRow, change_plot
from atlasplane.report.change_rows import changes_view
from atlasplane.report.document import compare_document
from atlasplane.report.numbers import NO_BREAK, NO_ERROR, NOTHING
from atlasplane.report.palette import BUDGET_COLOURS
from atlasplane.report.quantity_rows import BUDGET_KINDS, quantity_row
from atlasplane.report.wording import POSE_ANGLES
from tests.test_report_case import measured_pair
from tests.test_report_document import five_kinds

KINDS = {type(o).__name__: o for o in five_kinds()}
MDCS = {"Pose": "227°", "Count": NOTHING}
"""Of a pose with a covariance of 1 rad2 about every axis: sqrt(2 x 7.815) rad, 7.815 the 95 % quantile of
chi-square with 3 degrees of freedom. Counts are judged by their intervals."""


def test_a_count_is_shown_with_its_exposure_and_interval() -> None:
    row = quantity_row(KINDS["Count"])
    assert row.value == f"3 in 6.2{NO_BREAK}h: 0.48°"  # the borrowed quantity counts degrees
    assert row.expanded == "0.10 to 1.41°"


def test_a_grade_and_a_category_without_agreement_say_so() -> None:
    assert (quantity_row(KINDS["Grade"]).value, quantity_row(KINDS["Grade"]).u) == (
        "level 2 (psfs-1)",
        NO_ERROR,
    )
    assert (quantity_row(KINDS["Category"]).value, quantity_row(KINDS["Category"]).u) == ("S", NO_ERROR)


def test_a_pose_is_shown_as_three_angles_in_the_order_that_its_line_names() -> None:
    pose = KINDS["Pose"]
    assert isinstance(pose, Pose)
    turned = replace(pose, rotation=rotation_from_zxy(6.0, -2.4, 3.1))
    assert quantity_row(turned).value == "+6.0°, −2.4°, +3.1°"
    assert quantity("c1_in_skull").positive.startswith(
        "extension, right side bending and left axial rotation"
    )
    assert quantity_row(replace(pose, cov6=None)).u == NO_ERROR


def test_the_angles_of_a_pose_also_stand_one_by_one() -> None:
    pose = KINDS["Pose"]
    assert isinstance(pose, Pose)
    turned = replace(pose, rotation=rotation_from_zxy(6.0, 0.0, 0.0), cov6=np.eye(6) * np.radians(0.5) ** 2)
    # Turns of 0.5 deg about fixed axes: about z itself 0.5; 1.96 x 0.5 = 0.98.
    assert quantity_row(turned).angles[0] == ("extension", "+6.0°", "± 1.0°", "0.5°")
    assert [name for name, *_ in quantity_row(turned).angles] == list(POSE_ANGLES)
    assert quantity_row(replace(pose, cov6=None)).angles[0] == ("extension", "0.0°", "", "")
    assert quantity_row(KINDS["Measurement"]).angles == ()


def test_the_change_of_a_pose_is_one_turn_without_a_sign() -> None:
    pose = KINDS["Pose"]
    assert isinstance(pose, Pose)
    turned = replace(pose, rotation=rotation_from_zxy(6.0, 0.0, 0.0))
    pre, post = measured_pair().visits
    comparison = Comparison(pre=pre, post=post, changes=(compare(turned, pose),), level=0.95)
    row = changes_view(comparison).rows[0]
    assert row.change[:1].isdigit()
    assert row.angles[0] == ("extension", "+6.0°", "0.0°")


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(7.0, 20.0, "7.0 to 20.0°"), (7.0, None, "from 7.0°"), (None, 20.0, "to 20.0°")],
)
def test_a_reference_range_names_its_modality(low: float | None, high: float | None, text: str) -> None:
    given = ReferenceRange(modality="ct", low=low, high=high, population="adult", tag="published", source="s")
    entry = quantity("lower_angle").model_copy(update={"ranges": (given,)})
    assert quantity_row(replace(KINDS["Measurement"], quantity=entry)).reference == f"{text} (CT; adult)"


def test_every_known_part_of_a_budget_has_a_colour() -> None:
    assert set(BUDGET_KINDS) == set(BUDGET_COLOURS)
    assert len(set(BUDGET_COLOURS.values())) == len(BUDGET_COLOURS)


def changed(observation: Observation) -> Comparison:
    """A comparison of one observation with itself."""
    pre, post = measured_pair().visits
    return Comparison(pre=pre, post=post, changes=(compare(observation, observation),), level=0.95)


@pytest.mark.parametrize("name", ["Count", "Grade", "Category", "Pose"])
def test_a_change_of_any_kind_is_a_row_and_a_document(name: str) -> None:
    comparison = changed(KINDS[name])
    row = changes_view(comparison).rows[0]
    assert row.mdc == MDCS.get(name, NO_ERROR)
    assert row.distinguishable in ("not compared", "not distinguishable")
    CompareOutput.model_validate_json(json.dumps(compare_document(comparison), allow_nan=False))


def test_a_count_whose_intervals_part_is_distinguishable() -> None:
    few = KINDS["Count"]
    assert isinstance(few, Count)
    pre, post = measured_pair().visits
    comparison = Comparison(pre=pre, post=post, changes=(compare(few, replace(few, n=60)),), level=0.95)
    assert changes_view(comparison).rows[0].distinguishable == "distinguishable"


def test_a_change_beyond_the_plot_is_an_arrow_at_its_border() -> None:
    rows = [PlotRow(name="n", change="c", mdc="m", ratio=r, kind="beyond") for r in (-9.0, 9.0)]
    svg = change_plot(rows)
    assert svg.count('Z"') == 2
    assert max(float(x) for x in re.findall(r'x="([\d.]+)"', svg)) <= PLOT_WIDTH
