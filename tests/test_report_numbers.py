"""Digits: one place, no minus before zero, u with two significant digits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from atlasplane.core.change import compare
from atlasplane.core.observation import Count, Interval, Measurement
from atlasplane.core.quantity import quantity
from atlasplane.report.numbers import (
    NO_BREAK,
    change_decimals,
    decimals_of_u,
    fixed,
    interval_text,
    percent,
    shown_measurement,
    time_text,
    with_unit,
)
from atlasplane.report.quantity_rows import quantity_row
from atlasplane.report.wording import prose
from tests.strategies import measured
from tests.test_report_case import PRE_TIME

LATERALITY = Measurement(
    quantity=quantity("atlas_laterality"), visit="v1", method="csl-apl/1", value=2.364, u=0.664, dof=41.0
)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (2.364, 2, "2.36"),
        (-2.364, 1, "−2.4"),
        (-0.04, 1, "0.0"),
        (-0.0, 2, "0.00"),
        (1264.0, -1, "1260"),
        (-4.0, -1, "0"),
        (float("nan"), 1, "not determined"),
    ],
)
def test_fixed_decimals(value: float, decimals: int, text: str) -> None:
    assert fixed(value, decimals) == text


def test_a_plus_sign_only_where_it_is_wanted_and_never_before_zero() -> None:
    assert (fixed(1.25, 1, plus=True), fixed(0.001, 1, plus=True)) == ("+1.2", "0.0")


@pytest.mark.parametrize(
    ("u", "decimals"), [(0.664, 2), (1.04, 1), (0.0996, 2), (0.99, 2), (0.996, 1), (12.3, 0), (150.0, -1)]
)
def test_u_has_two_significant_digits_after_rounding(u: float, decimals: int) -> None:
    assert decimals_of_u(u, quantity("lower_angle")) == decimals


def test_without_u_the_catalogue_gives_the_decimals() -> None:
    assert decimals_of_u(None, quantity("atlas_laterality")) == 2
    assert decimals_of_u(None, quantity("lower_angle")) == 1


def test_a_measurement_in_digits() -> None:
    shown = shown_measurement(LATERALITY)
    assert (shown.value, shown.expanded, shown.u) == ("2.36°", "1.34°", "0.66°")
    assert shown.interval == "1.02 to 3.70°"
    assert shown.mdc == "1.90°"
    assert shown.in_words == "2.36° ± 1.34°"


def test_an_unknown_error_is_said() -> None:
    shown = shown_measurement(replace(LATERALITY, u=None))
    assert (shown.expanded, shown.interval, shown.mdc) == ("", "", "")
    assert shown.in_words == "2.36° (no published error)"


def test_a_radius_is_given_with_its_lopsided_interval() -> None:
    radius = replace(LATERALITY, quantity=quantity("axial_radius"), value=78.6, u=4.6)
    shown = shown_measurement(radius)
    assert shown.expanded == ""
    assert shown.interval == f"70.3 to 89.1{NO_BREAK}mm"


def test_a_share_is_given_with_its_lopsided_interval() -> None:
    shown = shown_measurement(measured("spasm_burden", 20.6, 8.4, dof=9))
    assert shown.expanded == "" and shown.interval.replace("\N{NO-BREAK SPACE}", " ") == "7.5 to 45.3 %"


@pytest.mark.parametrize(
    ("n", "hours", "value", "interval"),
    [
        (5, 0.0133, "5 in 47.9 s: 380 per h", "120 to 880 per h"),
        (57, 3.9, "57 in 3.9 h: 14.6 per h", "11.1 to 18.9 per h"),
    ],
)
def test_a_rate_has_the_digits_that_its_interval_lets_stand(
    n: int, hours: float, value: str, interval: str
) -> None:
    count = Count(quantity=quantity("spasm_rate"), visit="v1", method="m/1", n=n, exposure=hours)
    row = quantity_row(count)
    assert row.value.replace("\N{NO-BREAK SPACE}", " ") == value
    assert row.expanded.replace("\N{NO-BREAK SPACE}", " ") == interval


def test_units_stand_as_readers_know_them() -> None:
    assert [with_unit("1", code) for code in ("deg", "mm", "1", "[in_i]")] == [
        "1°",
        f"1{NO_BREAK}mm",
        "1",
        f"1{NO_BREAK}in",
    ]


def test_open_intervals_say_so() -> None:
    assert interval_text(Interval(level=0.95, low=1.0, high=None), 1, "1") == "1.0 or more"
    assert interval_text(Interval(level=0.95, low=None, high=1.0), 1, "1") == "1.0 or less"
    assert interval_text(Interval(level=0.95, low=None, high=None), 1, "mm") == "not bounded"


def test_a_change_that_barely_exceeds_its_mdc_is_not_printed_as_equal_to_it() -> None:
    pre = replace(LATERALITY, u=1.0, dof=float("inf"))
    change = compare(pre, replace(pre, value=pre.value + 2.79))
    assert change.distinguishable
    digits = change_decimals(change)
    assert change.mdc is not None and change.value is not None
    assert fixed(change.value, digits) != fixed(change.mdc.value, digits)


def test_times_need_no_locale() -> None:
    assert time_text(PRE_TIME) == "2 March 2026, 09:10 (UTC+01:00)"
    assert time_text(datetime(2026, 12, 1, 8, 5, tzinfo=UTC)) == "1 December 2026, 08:05 (UTC+00:00)"


def test_prose_takes_printed_signs() -> None:
    assert (
        prose("Head turned: -1.90 +- 0.30 (u) deg, limit 1 deg") == "Head turned: −1.90 ± 0.30° (u), limit 1°"
    )
    assert (
        prose("kappa nan is beyond 0.8; errors -inf")
        == "kappa not determined is beyond 0.8; errors not determined"
    )
    assert prose("scale (0.15688847, 0.15688847)") == "scale (0.1569, 0.1569)"
    assert prose("atlas information, nano-scale, infarct") == "atlas information, nano-scale, infarct"


def test_half_a_per_cent_is_not_printed_as_none() -> None:
    assert percent(0.005, 1) == "0.5\N{NO-BREAK SPACE}%"
    assert percent(-0.05) == "\N{MINUS SIGN}5\N{NO-BREAK SPACE}%"
