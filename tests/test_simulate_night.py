"""A simulated night: what is planned, and what its file says when it is read again."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from atlasplane.io.recording_edf import read_edf
from atlasplane.simulate.night import TRUTH_SCHEMA, NightHabits, Site, night_plan, write_night
from atlasplane.simulate.recording_plan import RecordingPlan
from atlasplane.simulate.semg_ranges import Range
from atlasplane.simulate.semg_recording import simulated_recording
from atlasplane.simulate.semg_truth import truth_labels

SITES = (
    Site(label="UT left", muscle="trapezius_upper", side="left"),
    Site(label="UT right", muscle="trapezius_upper", side="right"),
)


def night(seed: int = 1, **over: object) -> RecordingPlan:
    usual = {
        "hours": 0.1,
        "habits": NightHabits(spasms_per_hour=60, movements_per_hour=20, voluntary_per_hour=20),
        "period_s": Fraction(27, 40_000),
        "started": datetime(2026, 5, 4, 22, 30, tzinfo=UTC),
    }
    return night_plan(np.random.default_rng(seed), SITES, **{**usual, **over})  # type: ignore[arg-type]


def test_a_night_is_the_same_from_the_same_seed() -> None:
    assert night() == night()
    assert night() != night(2)


def test_a_night_begins_quiet_and_has_a_sleeper_with_two_muscles() -> None:
    plan = night()
    ((start, stop),) = plan.quiet
    first = min(one.start_s - one.rise_s / 2 for one in plan.events)
    assert 0 <= start < stop < first
    assert [(one.muscle, one.side) for one in plan.channels] == [
        ("trapezius_upper", "left"),
        ("trapezius_upper", "right"),
    ]
    assert plan.motion is not None
    assert plan.heart is not None


def test_spasms_come_as_often_as_planned() -> None:
    habits = NightHabits(
        spasms_per_hour=12, movements_per_hour=0, voluntary_per_hour=0, spasm_s=Range(2.0, 3.0)
    )
    plan = night(hours=100.0, habits=habits)
    starts = np.unique([one.start_s for one in plan.events])
    lengths = [max(e.stop_s for e in plan.events if e.start_s == at) - at for at in starts[:50]]
    # Waiting times are exponential; the next one is waited for when a spasm is over.
    expected = 100 * 3600 / (300 + np.mean(lengths))
    assert len(starts) == pytest.approx(expected, abs=5 * np.sqrt(expected))


def test_a_quiet_night_has_no_spasm() -> None:
    habits = NightHabits(spasms_per_hour=0, movements_per_hour=30, voluntary_per_hour=0)
    plan = night(habits=habits)
    assert plan.events == ()
    assert plan.movements


def test_the_file_holds_what_was_planned(tmp_path: Path) -> None:
    plan = night()
    labels = write_night(tmp_path / "night.edf", plan)
    read, made = read_edf(tmp_path / "night.edf"), simulated_recording(plan)
    assert read.simulated
    assert read.started == plan.started
    assert labels == truth_labels(plan)
    quiet = [note for note in read.annotations if note.text == "quiet"]
    assert [(note.start_s, note.duration_s) for note in quiet] == [
        (
            pytest.approx(plan.quiet[0][0], abs=1e-4),
            pytest.approx(plan.quiet[0][1] - plan.quiet[0][0], abs=1e-4),
        )
    ]
    assert not [note for note in read.annotations if note.text == "movement"], "the motion sensor saw it"
    for number in (0, 1):
        assert read.channels[number].period_s == Fraction(27, 40_000)
        n = made.channels[number].n_samples
        np.testing.assert_allclose(
            read.samples.read(number, 0, n), made.samples.read(number, 0, n), atol=0.01, equal_nan=True
        )


def test_the_truth_is_written_beside_only_when_asked(tmp_path: Path) -> None:
    plan = night()
    write_night(tmp_path / "a.edf", plan)
    assert [one.name for one in tmp_path.iterdir()] == ["a.edf"]
    labels = write_night(tmp_path / "b.edf", plan, truth=True)
    with (tmp_path / "b.labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["channel"], float(row["start_s"]), row["class"]) for row in rows] == [
        (one.channel, one.start_s, one.class_) for one in labels
    ]
    truth = json.loads((tmp_path / "b.truth.json").read_text(encoding="utf-8"))
    assert truth["schema"] == TRUTH_SCHEMA
    assert truth["seed"] == plan.seed
    assert [row["rms_uV"] for row in truth["labels"]] == [one.rms_uV for one in labels]
    assert {"channel", "start_s", "stop_s", "class", "rms_uV", "frequency_hz"} == set(truth["labels"][0])


def test_a_night_too_short_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="60 s at least"):
        night(hours=0.01)
