"""The scoring of the spasm benchmarks, on cases worked by hand, and small versions of its bars."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from atlasplane.simulate.night import write_night
from atlasplane.simulate.semg_draw import Group
from atlasplane.simulate.semg_recording import simulated_recording
from benchmarks.registration_peers import PeerMissing
from benchmarks.spasm import bars as group_bars
from benchmarks.spasm_acceptance import beside as beside_scene
from benchmarks.spasm_acceptance import clonus_bar, found_in, full, merge_bars, penn_bar, spasm_rows
from benchmarks.spasm_corpus import corpus_item
from benchmarks.spasm_coverage import QUANTITIES, drawn, frames_of, held
from benchmarks.spasm_coverage import stretches as night_of
from benchmarks.spasm_judging import (
    SETTINGS,
    Judged,
    alarms_of_day,
    beside,
    best_setting,
    numbers_from,
    peer_scores,
    run,
)
from benchmarks.spasm_peers import (
    HodgesBui,
    Trace,
    biosppy_as_it_comes,
    hodges_bui,
    neurokit_activity,
    neurokit_seconds,
    peers_python,
)
from benchmarks.spasm_scoring import Score, hits, score, stretches, tidied, total, without
from benchmarks.spasm_speed import busy_plan, command, in_memory

pytest.importorskip("numba")


def test_a_perfect_finding_scores_one() -> None:
    got = score([(1, 2), (5, 9)], [(1, 2), (5, 9)], 20)
    assert (got.event_f1, got.sample_f1, got.burden_error, got.false_alarms_a_day) == (1, 1, 0, 0)
    assert (got.n_hits, got.both_s) == (2, 5)


def test_events_and_seconds_are_scored_apart() -> None:
    """One of 10 s found as 4 + 5 s with a pause of 1 s: neither reaches half but the longer one."""
    got = score([(0, 10)], [(0, 4), (5, 10)], 100)
    assert (got.n_hits, got.n_true, got.n_found) == (1, 1, 2)
    assert got.event_f1 == pytest.approx(2 / 3)
    assert got.sample_f1 == pytest.approx(18 / 19)
    assert got.burden_error == pytest.approx(-1)


@pytest.mark.parametrize(
    ("found", "n"),
    [
        ((0, 5), 1),  # 5 of 10 s: exactly half counts
        ((0, 4.9), 0),
        ((5, 15), 0),  # 5 of 15 s
        ((-1, 19), 1),  # 10 of 20 s
        ((10, 20), 0),  # touches only
    ],
)
def test_an_event_counts_from_half_of_the_union_on(found: tuple[float, float], n: int) -> None:
    assert hits(stretches([(0, 10)]), stretches([found])) == n


def test_no_event_is_paired_twice() -> None:
    """Both halves have half of the union in common with the whole; one of them is a false alarm."""
    got = score([(0, 10)], [(0, 5), (5, 10)], 100)
    assert (got.n_hits, got.n_found) == (1, 2)
    assert got.false_alarms_a_day == pytest.approx(864)


def test_nothing_found_where_nothing_is_counts_as_right() -> None:
    got = score([], [], 60)
    assert (got.event_f1, got.sample_f1) == (1, 1)
    assert math.isnan(got.event_sensitivity)
    assert score([(0, 1)], [], 60).event_f1 == score([], [(0, 1)], 60).sample_f1 == 0


def test_scores_add_up_over_recordings() -> None:
    one, other = score([(0, 10)], [(0, 10)], 100), score([(0, 30)], [], 100)
    both = total([one, other])
    assert both == one + other
    assert both.sample_f1 == pytest.approx(0.4)
    assert both.event_f1 == pytest.approx(2 / 3)
    assert total([]) == Score()


@pytest.mark.parametrize("bad", [[(2, 1)], [(0, 0)], [(0, 2), (1, 3)], [(5, 6), (0, 1)]])
def test_stretches_that_are_none_are_refused(bad: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="in order"):
        score(bad, [], 10)


def test_merging_comes_before_the_shortest_duration() -> None:
    rows = [(0, 0.4), (0.6, 1.0), (3, 3.2)]
    assert tidied(rows, gap_s=0.3, least_s=0.5).tolist() == [[0, 1]]
    assert tidied(rows, gap_s=0.1, least_s=0.3).tolist() == [[0, 0.4], [0.6, 1.0]]
    assert tidied([(0, 1), (2, 3)], gap_s=1.0, least_s=0).tolist() == [[0, 1], [2, 3]]
    assert tidied([], gap_s=1, least_s=1).shape == (0, 2)


def test_the_quiet_stretch_is_cut_out() -> None:
    assert without([(0, 10), (12, 13)], 4, 12.5).tolist() == [[0, 4], [12.5, 13]]
    assert without([(0, 10)], 20, 30).tolist() == [[0, 10]]
    assert without([(5, 6)], 0, 10).shape == (0, 2)


def test_time_scales_rates_and_nothing_else() -> None:
    """The same events in twice the units of time: F1 stays, alarms a day halve."""
    rng = np.random.default_rng(3)
    ends = np.sort(rng.uniform(0, 900, 40)).reshape(-1, 2)
    near = np.sort(ends + rng.normal(0, 2, ends.shape), axis=None).reshape(-1, 2)
    one, two = score(ends, near, 1000), score(2 * ends, 2 * near, 2000)
    assert (one.n_hits, one.event_f1) == (two.n_hits, two.event_f1)
    assert two.sample_f1 == pytest.approx(one.sample_f1)
    assert two.false_alarms_a_day == pytest.approx(one.false_alarms_a_day / 2)


# --- the peers, where they are installed ------------------------------------------------------------------


def trace_with_burst(rms_uV: float, *, stop_s: float = 12.0) -> Trace:
    """20 s of noise at 3 uV with a burst from 5 s on, and 5 s of rest."""
    rng = np.random.default_rng(5)
    at = np.arange(20_000) / 1000
    loud = np.where((at >= 5) & (at < stop_s), rms_uV, 0.0)
    signal = rng.normal(0, 3, len(at)) + loud * rng.normal(0, 1, len(at))
    return Trace(
        signal_uV=signal.astype(np.float32),
        rest_uV=rng.normal(0, 3, 5000).astype(np.float32),
        rate_hz=1000.0,
    )


def or_skip(ask):
    try:
        return ask()
    except PeerMissing as why:
        pytest.skip(f"the peer is not installed, and is too large for every test run: {why}")


def test_hodges_bui_gets_its_best() -> None:
    """A strong burst is found to a twentieth of a second, one that fills the record wholly."""
    strong, full = trace_with_burst(40.0), trace_with_burst(40.0)
    full = replace(full, signal_uV=full.signal_uV[5500:11500])
    setting = HodgesBui(window_s=0.1, threshold=3.0, rectified=False)
    of_strong, of_full = or_skip(lambda: hodges_bui([strong, full], [setting]))
    assert score([(5, 12)], tidied(of_strong[0], gap_s=0.5, least_s=0.2), 20).sample_f1 > 0.98
    assert score([(0, 6)], tidied(of_full[0], gap_s=0.5, least_s=0.2), 6).sample_f1 > 0.99


def test_neurokit_answers_or_complains() -> None:
    """In uV the method `silva` sees an activation without end and fails: its complaint is passed on."""
    methods = ("threshold", "silva")
    found = or_skip(lambda: neurokit_activity(trace_with_burst(40.0), methods))
    threshold = found["threshold"]
    assert isinstance(found["silva"], str) and not isinstance(threshold, str)
    assert score([(5, 12)], tidied(threshold, gap_s=0.5, least_s=0.2), 20).sample_f1 > 0.98


def test_a_method_that_does_not_end_is_stopped() -> None:
    found = or_skip(lambda: neurokit_activity(trace_with_burst(40.0), ("pelt",), limit_s=1))
    assert found == {"pelt": "TimeoutError: did not end within 1 s of processor time"}


def test_biosppy_as_it_comes_finds_a_short_strong_burst() -> None:
    """One second of twenty: a threshold from the record itself still lies below it."""
    found = or_skip(lambda: biosppy_as_it_comes(trace_with_burst(40.0, stop_s=6.0)))
    assert score([(5, 6)], tidied(found, gap_s=0.5, least_s=0.2), 20).sample_f1 > 0.9


def test_neurokit_is_timed_without_its_import() -> None:
    seconds = or_skip(lambda: neurokit_seconds(trace_with_burst(40.0).signal_uV[:3000], 1000.0, repeats=2))
    assert len(seconds) == 2 and all(0 < each < 30 for each in seconds)


def test_a_missing_peer_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ATLASPLANE_SPASM_PEERS", str(tmp_path / "python"))
    peers_python.cache_clear()
    try:
        with pytest.raises(PeerMissing, match="make bench"):
            biosppy_as_it_comes(trace_with_burst(40.0))
        assert peer_scores([corpus_item(Group.CLONUS, 0, judging=True, duration_s=90.0)]) == [()]
    finally:
        peers_python.cache_clear()


# --- small versions of the bars ---------------------------------------------------------------------------


def test_the_long_contraction_is_burden_throughout() -> None:
    found = found_in(full())
    assert found["burden_percent"]["value"] == 100.0
    assert spasm_rows(found).shape == (1, 2)


def test_the_weak_spasm_is_one_and_the_noted_bursts_are_four() -> None:
    scene = beside_scene()
    found = found_in(scene)
    (row,) = spasm_rows(found)
    assert row == pytest.approx(scene.spasm, abs=0.1)
    assert [event["class"] for event in found["events"]].count("voluntary") == 4


def test_the_frequency_of_a_clonus() -> None:
    """The ends of the range and its middle."""
    assert clonus_bar((4.7, 5.9, 7.0)).passed


def test_merging_changes_counts_and_never_burden() -> None:
    change, counts = merge_bars((0.0, 1.0, 8.0))
    assert change.passed and counts.passed


def test_penns_second_part_is_refused_beside_no_spasm() -> None:
    assert penn_bar().passed


@pytest.mark.parametrize("group", list(Group))
def test_each_group_of_the_corpus(group: Group) -> None:
    """Two recordings of two and a half minutes: the bars of the whole draw, with room for so few."""
    wanted = [(group, number) for number in range(2)]
    found = run(wanted, duration_s=150.0, level_uV=30.0, peer=False)
    ours = total([one.ours for one in found])
    assert ours.event_f1 >= 0.85 and ours.sample_f1 >= 0.93
    assert max(abs(error) for one in found for error in one.burden_errors) < 3


def test_a_recording_is_judged_alike_whoever_is_beside_it() -> None:
    wanted = [(Group.CLONUS, 3), (Group.INTERMITTENT, 1)]
    both = run(wanted, duration_s=100.0, level_uV=30.0, peer=False)
    (alone,) = run(wanted[1:], duration_s=100.0, level_uV=30.0, peer=False)
    assert (both[1].name, both[1].ours, both[1].burden_errors) == (
        alone.name,
        alone.ours,
        alone.burden_errors,
    )


def test_weak_recordings_are_not_among_the_judged() -> None:
    chosen = numbers_from(Group.WEAK, 4)
    assert len(set(chosen)) == 4
    assert all(corpus_item(group, k, judging=True).level_uV >= 10 for group, k in chosen)


def test_an_hour_without_spasm_has_no_alarm() -> None:
    alarms, seconds = alarms_of_day(1, hours=1.0)
    assert alarms == 0 and 3000 < seconds < 3600


def test_the_truth_of_a_process_is_its_long_run() -> None:
    """4000 h of one process of each kind, within four standard errors of about 1.5 %."""
    for restless in (False, True):
        rng = np.random.default_rng(11)
        process = drawn(rng, restless=restless)
        rows = night_of(rng, process, 3600 * 4000.0)
        truth = process.truth
        assert 100 * np.diff(rows, axis=1).sum() / (3600 * 4000) == pytest.approx(truth["burden"], rel=0.06)
        assert len(rows) / 4000 == pytest.approx(truth["rate"], rel=0.06)
        assert np.diff(rows, axis=1).mean() == pytest.approx(truth["duration"], rel=0.06)


def test_frames_hold_the_power_of_their_share_of_a_spasm() -> None:
    """1.02 to 2 s: of the frame from 1.00 to 1.05 s three fifths; frames of 50 ms."""
    rng = np.random.default_rng(1)
    shares = [
        frames_of(rng, np.array([[1.02, 2.0]]), 1000.0, 4.0).power_uV2[[10, 20, 30, 40]] for _ in range(600)
    ]
    assert np.mean(shares, axis=0)[1:3] == pytest.approx([0.6e6, 1e6], rel=0.06)
    assert np.max(shares, axis=0)[[0, 3]] == pytest.approx([9, 9], abs=20)


def test_intervals_hold_the_truth_more_often_than_not() -> None:
    """Thirty half nights: with a coverage of 95 % fewer than 24 hold in one of 20 000 draws."""
    found = [held(k, hours=4.0) for k in range(30)]
    for k, _ in enumerate(QUANTITIES):
        assert sum(bool(one.inside[k]) for one in found) >= 24


def test_the_command_is_timed_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Status, seconds, and a peak that is that of the program and not of the test run."""
    write_night(tmp_path / "short.edf", busy_plan(60.0, 1))
    ran = command("spasm", tmp_path / "short.edf")
    assert ran.status == 0 and ran.document["schema"] == "atlasplane.spasm/1"
    assert 0 < ran.seconds < 120
    assert 40 < ran.peak_MiB < 1024


def test_samples_in_memory_are_those_of_the_recording() -> None:
    made = simulated_recording(busy_plan(60.0, 2))
    kept = in_memory(made)
    for k, channel in enumerate(made.channels):
        assert np.array_equal(made.samples.read(k, 100, 900), kept.samples.read(k, 100, 900), equal_nan=True)
        assert kept.channels[k] == channel


def test_one_part_is_run_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []
    for module, name in (
        ("spasm_acceptance", "bars"),
        ("spasm_speed", "bars"),
        ("spasm_judging", "bars"),
        ("spasm_judging", "curve_bars"),
        ("spasm_judging", "alarm_bars"),
        ("spasm_coverage", "bars"),
    ):
        part = f"{module}.{name}"
        monkeypatch.setattr(f"benchmarks.{part}", lambda *_, part=part: ran.append(part) or iter(()))
    assert not list(group_bars("spasm.curve.10uV.event-f1"))
    assert ran == ["spasm_judging.curve_bars"]
    assert not list(group_bars("spasm"))
    assert len(ran) == 7


def judged_with(ours: Score, *peers: Score) -> Judged:
    """A recording whose first settings of the peer score like this, and all others nothing."""
    rest = (score([(0, 10)], [], 20),) * (len(SETTINGS) - len(peers))
    return Judged(name="x", level_uV=20.0, ours=ours, burden_errors=(0.0,), peers=(*peers, *rest))


def test_one_setting_of_the_peer_stands_for_all_groups() -> None:
    """Setting 0 is right in the first group and wrong in the second; setting 1 is fair in both."""
    right, fair, wrong = (score([(0, 10)], [(0, stop)], 20) for stop in (10, 7, 0.1))
    groups = [[judged_with(right, right, fair)], [judged_with(right, wrong, fair)]]
    assert best_setting(groups) == 1
    first = beside("x", "sample_f1", groups[0], 0.95, 1)
    assert first.passed and first.ratio == pytest.approx(14 / 17)
    assert first.peer is not None and "0.824" in first.peer and "1.000" in first.peer
    assert best_setting([[replace(groups[0][0], peers=())]]) is None


def test_a_tie_with_the_peer_below_one_is_a_miss() -> None:
    fair, right = score([(0, 10)], [(0, 9.6)], 20), score([(0, 10)], [(0, 10)], 20)
    assert beside("x", "sample_f1", [judged_with(fair, fair)], 0.95, 0).passed is False
    assert beside("x", "sample_f1", [judged_with(right, right)], 0.95, 0).passed is True
    assert beside("x", "sample_f1", [judged_with(fair, fair)], 0.95, None).passed is True
