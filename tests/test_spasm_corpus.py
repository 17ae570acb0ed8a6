"""The corpus that detectors are tuned and judged on: what every recording of it must be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from atlasplane.simulate.recording_plan import Generator
from atlasplane.simulate.semg_draw import Group, random_plan
from atlasplane.simulate.semg_ranges import Range, usual_ranges
from atlasplane.simulate.semg_recording import simulated_recording
from benchmarks.spasm_corpus import (
    CorpusItem,
    contracted_throughout,
    corpus,
    corpus_item,
    judging_ranges,
    quiet_days,
    tuning_ranges,
    weak_beside_bursts,
)

N = 25


@pytest.fixture(scope="module", params=[False, True], ids=["tuning", "judging"])
def items(request: pytest.FixtureRequest) -> dict[Group, list[CorpusItem]]:
    return {group: list(corpus(group, judging=request.param, n=N)) for group in Group}


def test_every_recording_has_spasms_within_the_ranges(items: dict[Group, list[CorpusItem]]) -> None:
    level, noise = usual_ranges().level, usual_ranges().noise
    for drawn in items.values():
        assert len(drawn) == N
        for item in drawn:
            spasms = [label for label in item.labels if label.is_spasm]
            assert spasms, item.name
            assert all(level.low <= label.rms_uV <= level.high for label in spasms), item.name
            assert all(noise.low <= one.noise.rms_uV <= noise.high for one in item.plan.channels)
            assert 120 <= item.plan.duration_s <= 1200
            sure = {label.rms_uV >= 10 for label in spasms}
            assert len(sure) == 1, "one recording lies on one side of 10 uV"


def test_labels_of_a_channel_keep_apart(items: dict[Group, list[CorpusItem]]) -> None:
    for item in (one for drawn in items.values() for one in drawn):
        for channel in {label.channel for label in item.labels}:
            own = [label for label in item.labels if label.channel == channel]
            for before, after in pairwise(own):
                assert after.start_s - before.stop_s >= 0.5, (item.name, before, after)


def test_ramps_are_those_of_real_onsets(items: dict[Group, list[CorpusItem]]) -> None:
    for item in (one for drawn in items.values() for one in drawn):
        long = [event for event in item.plan.events if event.duration_s > 2]
        assert all(0.05 <= event.rise_s <= 0.5 for event in long), item.name


def test_a_quiet_baseline_comes_from_outside(items: dict[Group, list[CorpusItem]]) -> None:
    for group, drawn in items.items():
        for item in drawn:
            if group is Group.ALL_RECORD:
                assert item.quiet is not None
                assert item.plan.quiet == ()
                assert all(label.start_s == 0 for label in item.labels)
                assert all(label.stop_s == item.plan.duration_s for label in item.labels)
                continue
            assert item.quiet is None
            ((start, stop),) = item.plan.quiet
            assert stop - start >= 15
            happens = [(one.start_s, one.stop_s) for one in (*item.plan.events, *item.plan.movements)]
            for channel in item.plan.channels:
                happens += [(one.start_s, one.stop_s) for one in channel.drop_outs]
                happens += [(one.at_s, one.at_s) for one in channel.pops]
            assert all(begins > stop for begins, _ in happens), item.name


def test_voluntary_work_is_always_seen_or_noted(items: dict[Group, list[CorpusItem]]) -> None:
    seen = noted = 0
    for item in (*items[Group.BESIDE_VOLUNTARY], *items[Group.BUSY]):
        for label in item.labels:
            if label.is_spasm:
                assert not any(
                    m.start_s < label.stop_s and m.stop_s > label.start_s for m in item.plan.movements
                )
                continue
            over = [m for m in item.plan.movements if m.start_s <= label.start_s and m.stop_s >= label.stop_s]
            assert len(over) == 1, item.name
            assert over[0].annotated != (over[0].acceleration_g > 0)
            assert (item.plan.motion is not None) == (over[0].acceleration_g > 0)
            seen, noted = seen + (not over[0].annotated), noted + over[0].annotated
    assert seen > 20
    assert noted > 20


def test_groups_hold_what_they_are_named_for(items: dict[Group, list[CorpusItem]]) -> None:
    classes = {
        group: {label.class_ for one in drawn for label in one.labels} for group, drawn in items.items()
    }
    assert classes[Group.ALL_RECORD] == {"tonic"}
    assert classes[Group.WEAK] == {"tonic", "mixed", "unit"}
    assert classes[Group.BESIDE_VOLUNTARY] == {"tonic", "voluntary"}
    assert classes[Group.CLONUS] == {"clonus"}
    assert classes[Group.INTERMITTENT] == {"tonic"}
    assert classes[Group.BUSY] >= {"tonic", "clonus", "mixed", "cramp", "myoclonus", "voluntary"}
    assert all(label.rms_uV <= 20 for one in items[Group.WEAK] for label in one.labels)
    for label in (label for one in items[Group.CLONUS] for label in one.labels):
        assert label.frequency_hz is not None
        assert 4.7 <= label.frequency_hz <= 7.0
        beats = (label.stop_s - label.start_s) * label.frequency_hz
        assert beats == pytest.approx(round(beats), abs=1e-6)
    for item in items[Group.BUSY]:
        assert item.plan.heart is not None
        assert all(20 <= abs(one.heart_uV) <= 1000 for one in item.plan.channels)
        assert item.plan.mains is not None
        assert all(1 <= one.mains_uV <= 60 for one in item.plan.channels)
    assert any(one.drop_outs for item in items[Group.BUSY] for one in item.plan.channels)
    assert any(one.pops for item in items[Group.BUSY] for one in item.plan.channels)


def test_a_corpus_covers_generators_and_odd_rates(items: dict[Group, list[CorpusItem]]) -> None:
    drawn = [one for of_group in items.values() for one in of_group]
    assert {one.plan.period_s for one in drawn} == set(usual_ranges().periods_s)
    assert {channel.generator for one in drawn for channel in one.plan.channels} == set(Generator)
    assert {one.plan.mains.frequency_hz for one in drawn if one.plan.mains} == {50.0, 60.0}


def test_judging_differs_from_tuning_in_more_than_the_seed() -> None:
    tuned, judged = tuning_ranges(), judging_ranges()
    assert tuned.level == judged.level
    assert tuned.noise == judged.noise
    for what in ("spectrum_low", "spectrum_high", "size_ratio", "unit_duration_s", "heart_shape", "ramp"):
        assert getattr(tuned, what) != getattr(judged, what), what
    plans = [corpus_item(Group.BUSY, 3, judging=judging).plan for judging in (False, True)]
    assert plans[0].seed != plans[1].seed


def test_an_item_is_the_same_whenever_it_is_made() -> None:
    again = list(corpus(Group.CLONUS, judging=True, n=4))[3]
    alone = corpus_item(Group.CLONUS, 3, judging=True)
    assert alone.plan == again.plan
    np.testing.assert_array_equal(
        alone.recording.samples.read(0, 0, 999), again.recording.samples.read(0, 0, 999)
    )


def test_length_and_level_can_be_asked_for() -> None:
    item = corpus_item(Group.INTERMITTENT, 0, judging=False, duration_s=90.0, level_uV=35.0)
    assert item.plan.duration_s == 90
    # Each event lies about the level with a factor of exp(0.2 z).
    assert 35 * np.exp(-0.6) < item.level_uV < 35 * np.exp(0.6)


def test_the_separate_quiet_recording_is_quiet() -> None:
    item = next(iter(corpus(Group.ALL_RECORD, judging=False, n=1, duration_s=60, level_uV=50)))
    assert item.quiet is not None
    rest = item.quiet.samples.read(0, 0, item.quiet.channels[0].n_samples)
    held = item.recording.samples.read(0, 0, item.recording.channels[0].n_samples)
    assert rest.std() < 0.3 * held.std()
    assert not np.array_equal(rest[:1000], held[:1000])


def test_a_quiet_day_has_everything_but_a_spasm() -> None:
    day = next(iter(quiet_days(1, judging=True, hours=6)))
    assert day.labels
    assert not any(label.is_spasm for label in day.labels)
    assert np.isnan(day.level_uV)
    assert day.plan.heart is not None
    assert day.plan.motion is not None
    assert {bool(one.turn_deg) for one in day.plan.movements} == {True, False}
    first = min(one.start_s for one in day.plan.movements)
    assert day.plan.quiet[0][1] < first


def test_all_of_a_recording_can_be_made() -> None:
    for group in Group:
        plan = random_plan(np.random.default_rng(8), group, n_channels=1, duration_s=60)
        recording = simulated_recording(plan)
        for number, channel in enumerate(recording.channels):
            made = recording.samples.read(number, 0, channel.n_samples)
            lost = sum(one.stop_s - one.start_s for one in plan.channels[0].drop_outs if one.shows == "nan")
            assert np.count_nonzero(~np.isfinite(made)) <= lost * channel.rate_hz + 1


def test_ranges_must_be_in_order() -> None:
    with pytest.raises(ValueError, match="low <= high"):
        Range(2.0, 1.0)
    with pytest.raises(ValueError, match="low > 0"):
        Range(0.0, 1.0, log=True)


@pytest.mark.parametrize("generator", list(Generator))
def test_the_two_standing_cases_are_what_they_say(generator: Generator) -> None:
    whole, beside = contracted_throughout(generator), weak_beside_bursts(generator)
    assert [(one.start_s, one.stop_s, one.rms_uV) for one in whole.labels] == [(0.0, 120.0, 50.0)]
    assert whole.quiet is not None
    spasms = [one.stop_s - one.start_s for one in beside.labels if one.is_spasm]
    work = [one.stop_s - one.start_s for one in beside.labels if not one.is_spasm]
    assert (spasms, work) == ([60.0], [2.0] * 4)
    assert [note.text for note in beside.recording.annotations] == ["quiet"] + ["movement"] * 4
