"""Scales, diary and the state of a muscle: levels, rules, bad answers, and what is never added up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Count, Measurement
from atlasplane.core.quantity import quantities, quantity
from atlasplane.pathways.spasm.analysis import analyse
from atlasplane.pathways.spasm.context import Context
from atlasplane.pathways.spasm.diary import BadDiary, DiaryDay, diary_observations
from atlasplane.pathways.spasm.muscle_state import STATES, muscle_state
from atlasplane.pathways.spasm.scales import BadAnswer, scale_grades, scales, scats_level
from atlasplane.pathways.spasm.settings import spasm_settings
from atlasplane.sources.recording import Annotation
from tests.spasm_cases import channel, envelope, frames, quiet_baseline


def grades(answers):
    return {grade.quantity.id: grade.level for grade in scale_grades(answers, file="exam.toml", visit="v1")}


def test_answers_become_grades_of_their_scales():
    found = scale_grades(
        {"penn_frequency": 3, "penn_severity": 2, "scats_clonus": None, "other": "x"},
        file="exam.toml",
        visit="v1",
        observer=("KR",),
    )
    assert [(grade.quantity.id, grade.level, grade.scale) for grade in found] == [
        ("penn_frequency", 3, "penn-frequency"),
        ("penn_severity", 2, "penn-severity"),
    ]
    assert "0.822" in found[0].agreement and "n = 61" in found[0].agreement
    assert found[0].observer == ("KR",) and found[0].source == ("exam.toml",)


def test_penn_part_2_is_refused_after_no_spasms():
    with pytest.raises(BadAnswer, match=r"penn_severity = 1 stands beside penn_frequency = 0.*not asked"):
        grades({"penn_frequency": 0, "penn_severity": 1})
    assert grades({"penn_frequency": 0}) == {"penn_frequency": 0}
    assert grades({"penn_frequency": 0, "penn_severity": None}) == {"penn_frequency": 0}


def test_penn_part_2_needs_part_1():
    with pytest.raises(BadAnswer, match="stands without penn_frequency"):
        grades({"penn_severity": 1})


@pytest.mark.parametrize("id_", scales())
def test_every_scale_takes_its_levels_and_no_other(id_):
    scale = scales()[id_]
    beside = {"penn_frequency": 1} if id_ == "penn_severity" else {}
    for level in range(scale.first, scale.last + 1):
        assert grades({**beside, id_: level})[id_] == level
    for answer in (scale.first - 1, scale.last + 1, 1.5, "1", True):
        with pytest.raises(BadAnswer, match="is no level of the scale"):
            grades({**beside, id_: answer})


def test_every_scale_is_a_grade_of_the_catalogue():
    assert all(quantity(id_).kind == "grade" for id_ in scales())
    assert {id_: (scale.first, scale.last) for id_, scale in scales().items()} == {
        "penn_frequency": (0, 4),
        "penn_severity": (1, 3),
        "spasm_nrs": (0, 10),
        "scats_clonus": (0, 3),
        "scats_flexor": (0, 3),
        "scats_extensor": (0, 3),
        "spasm_frequency_score": (0, 4),
    }


@pytest.mark.parametrize(
    ("id_", "levels"),
    [
        ("scats_clonus", {0.0: 0, 0.5: 1, 2.99: 1, 3.0: 2, 10.0: 2, 10.01: 3}),
        ("scats_extensor", {0.0: 0, 0.5: 1, 2.99: 1, 3.0: 2, 10.0: 2, 10.01: 3}),
        ("scats_flexor", {0.0: 0, 0.5: 1, 9.99: 1, 10.0: 2, 30.0: 2, 30.01: 3}),
    ],
)
def test_scats_levels_of_what_is_measured(id_, levels):
    assert {value: scats_level(id_, value, file="exam.toml") for value in levels} == levels


@pytest.mark.parametrize(
    ("id_", "value"), [("penn_frequency", 1.0), ("scats_clonus", -1.0), ("scats_clonus", np.nan)]
)
def test_scats_levels_of_nonsense_are_refused(id_, value):
    with pytest.raises(BadAnswer):
        scats_level(id_, value, file="exam.toml")


FIRST = date(2026, 3, 1)


def days(*rows):
    return [
        DiaryDay(day=FIRST + timedelta(days=k), spasms=spasms, minutes=minutes, nrs=nrs)
        for k, (spasms, minutes, nrs) in enumerate(rows)
    ]


def told(rows, **kwargs):
    found = diary_observations(rows, file="diary.csv", visit="v1", **kwargs)
    return {each.quantity.id: each for each in found}


def test_a_diary_is_spasms_minutes_and_intensity_a_day():
    found = told(days((4, 20.0, 3), (6, 40.0, 5), (None, None, None), (8, 30.0, None)))
    count, minutes, nrs = found["diary_spasms"], found["diary_minutes"], found["diary_nrs"]
    assert isinstance(count, Count) and isinstance(minutes, Measurement)
    assert (count.n, count.exposure, count.exposure_unit, count.rate) == (18, 3.0, "d", 6.0)
    assert (minutes.value, minutes.dof) == (30.0, 2)
    assert minutes.u == pytest.approx(10 / np.sqrt(3))
    assert nrs.value == 4.0
    assert found.keys() == {"diary_spasms", "diary_minutes", "diary_nrs"}


def test_days_that_differ_widen_the_interval():
    even, clustered = told(days(*[(5, None, None)] * 8)), told(days(*[(10, None, None), (0, None, None)] * 4))
    # Variance of 10 and 0 in turn, 8 days: 8 x 25 / 7; mean 5.
    assert clustered["diary_spasms"].dispersion == pytest.approx(8 * 25 / 7 / 5)
    assert even["diary_spasms"].dispersion == 1.0
    widths = [
        each["diary_spasms"].interval().high - each["diary_spasms"].interval().low
        for each in (even, clustered)
    ]
    assert widths[1] > 2 * widths[0]


def test_a_diary_is_cut_to_the_days_asked_for():
    rows = days((1, None, None), (2, None, None), (3, None, None))
    found = told(rows, first=FIRST + timedelta(days=1), last=FIRST + timedelta(days=1))
    assert found["diary_spasms"].n == 2
    assert told([]) == {}
    # A single day tells no error.
    assert told(days((None, 5.0, None)))["diary_minutes"].u is None


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ((-1, None, None), "-1 spasms"),
        ((None, 1441.0, None), "1441 minutes of a day"),
        ((None, -1.0, None), "-1 minutes"),
        ((None, None, 11), "an intensity of 11"),
        ((0, 5.0, None), "5 minutes in spasm, but no spasm"),
    ],
)
def test_a_diary_that_contradicts_itself_is_refused(row, match):
    with pytest.raises(BadDiary, match=match):
        told(days(row))


def test_a_day_stands_once():
    with pytest.raises(BadDiary, match="2026-03-01 stands twice"):
        told(days((1, None, None)) * 2)
    assert issubclass(BadDiary, BadInput) and issubclass(BadAnswer, BadInput)


def state(rms, *, tight=None, notes=(), upper_motor_neuron=False):
    rng = np.random.default_rng(1)
    context = Context(tight=tight, annotations=notes, movement=())
    found = analyse(channel(120), frames(rng, rms), quiet_baseline(rng), context)
    return muscle_state(
        found, visit="v1", source="night.edf", tight=tight, upper_motor_neuron=upper_motor_neuron
    )


def test_the_states_of_a_muscle_are_kept_apart():
    active, quiet = envelope(120, (20, 60, 40.0)), envelope(120)
    cramp = (Annotation(start_s=30.0, text="cramp"),)
    found = [
        state(active),
        state(active, tight=True),
        state(active, notes=cramp),
        state(active, upper_motor_neuron=True),
        state(quiet, tight=True),
        state(quiet, tight=False),
        state(quiet),
    ]
    assert [each.value for each in found] == [
        "active_spasm",
        "active_spasm",
        "cramp",
        "upper_motor_neuron_spasm",
        "silent_tightness",
        "quiet",
        "unknown",
    ]
    assert found[0].site.structure == "trapezius_upper" and found[0].site.side == "right"
    assert all(f"`{value}`" in quantity("muscle_state").definition for value in STATES)


def test_what_is_recorded_and_what_is_told_are_quantities_of_their_own():
    recorded = {"spasm_rate", "spasm_burden", "spasm_duration", "clonus_frequency"}
    assert recorded | set(scales()) | {"diary_spasms", "diary_minutes"} <= quantities().keys()
    assert not any("total" in id_ or "composite" in id_ for id_ in quantities() if "spasm" in id_)


def test_settings_are_checked():
    for wrong in ({"least_rise": 1.0}, {"lasting_rise": 9.0}, {"pause_s": -1.0}, {"alarms_per_day": 0.0}):
        with pytest.raises(ValueError, match=r"expected|must"):
            replace(spasm_settings(), **wrong)
