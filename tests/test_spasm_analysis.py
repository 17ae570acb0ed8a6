"""A channel from frames to events: acceptance cases, weak and long spasm, hysteresis, what is excluded."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from atlasplane.core.errors import BadInput
from atlasplane.pathways.spasm.activity import Activity
from atlasplane.pathways.spasm.analysis import analyse
from atlasplane.pathways.spasm.baseline import (
    baseline_findings,
    baseline_from,
    baseline_of_noise,
    baseline_of_reference,
)
from atlasplane.pathways.spasm.context import Context, Stretch
from atlasplane.pathways.spasm.result import Estimate, EventClass
from atlasplane.pathways.spasm.settings import spasm_settings
from atlasplane.sources.recording import Annotation
from tests.spasm_cases import HOP_S, channel, envelope, frames, quiet_baseline, spasms, stretches


def codes(found):
    return {finding.code for finding in found.findings}


def test_a_recording_contracted_throughout_has_a_burden_of_100_percent():
    rng = np.random.default_rng(1)
    found = analyse(channel(120), frames(rng, envelope(120, (0, 120, 50.0))), quiet_baseline(rng))
    assert found.burden_percent.value == 100.0
    assert [(event.start_s, event.stop_s) for event in found.events] == [(0.0, 120.0)]
    assert found.events[0].class_ is EventClass.TONIC
    # The mean of 2400 powers with 40 degrees of freedom: 0.3 % of the amplitude (k = 1).
    assert found.events[0].rms_uV == pytest.approx(50.0, rel=0.01)
    interval = found.burden_percent.interval
    # One-sided: 0.05 ^ (10 s / 120 s).
    assert interval.high == 100.0
    assert interval.low == pytest.approx(100 * 0.05 ** (10 / 120))


VOLUNTARY = ((110.0, 112.0), (130.0, 132.0), (150.0, 152.0), (170.0, 172.0))


def beside_voluntary(rng):
    return frames(rng, envelope(240, (30, 90, 20.0), *((a, b, 60.0) for a, b in VOLUNTARY)))


def test_one_spasm_of_60_s_beside_four_voluntary_bursts():
    rng = np.random.default_rng(2)
    context = Context(movement=stretches(*VOLUNTARY))
    found = analyse(channel(240), beside_voluntary(rng), quiet_baseline(rng), context)
    assert found.rate.n == 1
    (spasm,) = spasms(found)
    # Ends to the frame; within one by the share of its power.
    assert spasm.start_s == pytest.approx(30.0, abs=HOP_S)
    assert spasm.duration_s == pytest.approx(60.0, abs=2 * HOP_S)
    voluntary = [event for event in found.events if event.class_ is EventClass.VOLUNTARY]
    assert [round(event.start_s) for event in voluntary] == [110, 130, 150, 170]
    assert len(found.events) == 5
    assert found.burden_percent.value == pytest.approx(25.0, abs=100 * 2 * HOP_S / 240)
    assert codes(found) == set()


def test_without_sensor_or_note_voluntary_work_counts_and_it_is_said():
    rng = np.random.default_rng(2)
    found = analyse(channel(240), beside_voluntary(rng), quiet_baseline(rng))
    assert found.rate.n == 5
    assert codes(found) == {"spasm.movement_unknown"}


@pytest.mark.parametrize("rms_uV", [5.0, 7.0, 10.0])
def test_a_minute_of_weak_activity_is_one_spasm(rms_uV):
    rng = np.random.default_rng(3)
    found = analyse(channel(180), frames(rng, envelope(180, (60, 120, rms_uV))), quiet_baseline(rng))
    (spasm,) = spasms(found)
    assert abs(spasm.start_s - 60) < 2 * HOP_S and abs(spasm.stop_s - 120) < 2 * HOP_S
    assert spasm.rms_uV == pytest.approx(rms_uV, rel=0.05)


def test_a_quiet_day_gives_no_alarm():
    rng = np.random.default_rng(4)
    found = analyse(channel(86_400), frames(rng, envelope(86_400)), quiet_baseline(rng, 30.0))
    # 0.1 a day are expected at most; no alarm has a probability of at least 0.9.
    assert found.events == ()
    assert found.burden_percent.value == 0.0 and found.burden_percent.interval.low == 0.0
    assert [hour.value for hour in found.burden_by_hour] == [0.0] * 24


def test_a_fluctuating_spasm_is_one_event():
    rng = np.random.default_rng(5)
    rms = envelope(120, (20, 100, 6.0))
    rms[800:860] *= 0.4  # three seconds at 2.4 uV over 3 uV of noise
    rms[1200:1210] *= 3
    (spasm,) = spasms(analyse(channel(120), frames(rng, rms), quiet_baseline(rng)))
    assert spasm.duration_s == pytest.approx(80.0, abs=0.2)


def test_noise_that_has_risen_does_not_join_strong_spasms():
    rng = np.random.default_rng(6)
    rms = envelope(120, (20, 30, 80.0), (60, 70, 80.0))
    # Half as much again in power, above the lower level of the hysteresis and below the upper one.
    found = analyse(channel(120), frames(rng, rms, noise_uV=3.0 * np.sqrt(1.5)), quiet_baseline(rng))
    assert [round(event.duration_s) for event in spasms(found)] == [10, 10]


def test_the_merge_gap_changes_the_count_and_never_the_burden():
    rng = np.random.default_rng(7)
    bursts = [(20 + 4.0 * k, 22 + 4.0 * k, 40.0) for k in range(20)]
    seen, baseline = frames(rng, envelope(120, *bursts)), quiet_baseline(rng)
    results = [
        analyse(channel(120), seen, baseline, None, replace(spasm_settings(), merge_gap_s=gap))
        for gap in (0.0, 1.0, 1.9, 2.2, 5.0)
    ]
    assert [found.rate.n for found in results] == [20, 20, 20, 1, 1]
    assert len({found.burden_percent.value for found in results}) == 1
    assert len({found.burden_by_hour for found in results}) == 1
    assert results[0].burden_percent.value == pytest.approx(100 * 40 / 120, abs=100 * 20 * HOP_S / 120)


def test_edges_are_placed_within_a_frame():
    rng, errors = np.random.default_rng(8), []
    for _ in range(40):
        start, stop = 10 + rng.uniform(0, 1), 20 + rng.uniform(0, 1)
        (spasm,) = spasms(
            analyse(channel(30), frames(rng, envelope(30, (start, stop, 60.0))), quiet_baseline(rng))
        )
        errors += [spasm.start_s - start, spasm.stop_s - stop]
    # The share of a frame is told to sqrt(2 / 40) = 0.22 of it at most, half of them half of a frame: 8 ms.
    assert np.sqrt(np.mean(np.square(errors))) < 0.22 * HOP_S
    assert np.max(np.abs(errors)) < HOP_S


@pytest.mark.parametrize(
    ("array", "code"),
    [("missing", "spasm.missing"), ("saturated", "spasm.saturated"), ("flat", "spasm.flat")],
)
def test_what_tells_nothing_is_excluded_and_neither_spasm_nor_rest(array, code):
    rng = np.random.default_rng(9)
    rms = envelope(60, (20, 30, 50.0))
    share = np.zeros(len(rms))
    share[200:600] = 1.0  # 10 to 30 s
    found = analyse(channel(60), frames(rng, rms, **{array: share}), quiet_baseline(rng))
    assert [(e.start_s, e.stop_s, e.why) for e in found.excluded] == [(10.0, 30.0, code)]
    assert found.events == ()
    assert found.analysed_s == pytest.approx(40.0)


def test_a_short_drop_out_does_not_split_a_spasm_and_a_long_one_ends_it():
    rng = np.random.default_rng(10)
    for length_s, n in ((0.5, 1), (5.0, 2)):
        rms = envelope(90, (20, 60, 50.0))
        share = np.zeros(len(rms))
        share[800 : 800 + round(length_s / HOP_S)] = 1.0
        found = analyse(channel(90), frames(rng, rms, missing=share), quiet_baseline(rng))
        assert len(spasms(found)) == n
        assert found.analysed_s == pytest.approx(90 - length_s)
        # What was not recorded is in neither part of the share.
        assert found.burden_percent.value == pytest.approx(100 * (40 - length_s) / (90 - length_s), abs=0.2)


def test_a_jump_of_the_electrode_is_excluded_and_a_twitch_is_not():
    rng = np.random.default_rng(11)
    rms = envelope(60, (40.02, 40.2, 60.0))
    rms[400] = 300.0
    rms[[399, 401]] = 20.0
    found = analyse(channel(60), frames(rng, rms), quiet_baseline(rng))
    assert [each.why for each in found.excluded] == ["spasm.jump"]
    (twitch,) = found.events
    assert twitch.class_ is EventClass.MYOCLONUS
    assert twitch.start_s == pytest.approx(40.02, abs=HOP_S)


def test_noise_that_creeps_up_is_excluded():
    rng = np.random.default_rng(12)
    minutes = np.linspace(-1, 1, 12_000)
    noise = 3.0 * (1 + 0.5 * np.exp(-((minutes / 0.5) ** 2)))
    found = analyse(channel(600), frames(rng, envelope(600), noise_uV=noise), quiet_baseline(rng))
    assert found.events == ()
    assert {each.why for each in found.excluded} == {"spasm.creep"}
    # The same height with steps at its ends is muscle.
    rms = envelope(600, (200, 400, 3.0 * np.sqrt(1.5**2 - 1)))
    assert len(spasms(analyse(channel(600), frames(rng, rms), quiet_baseline(rng)))) == 1


def test_what_heart_and_movement_leave_behind_is_no_spasm():
    rng = np.random.default_rng(13)
    slow, beats = np.ones(2400), np.zeros(2400)
    slow[400:600] = 200.0**2
    beats[1000:1010] = 200.0**2
    noise = np.full(2400, 3.0)
    noise[400:600] = 6.0
    noise[1000:1010] = 5.0
    disturbed = frames(rng, envelope(120), noise_uV=noise, slow_uV2=slow, beats_uV2=beats)
    assert analyse(channel(120), disturbed, quiet_baseline(rng)).events == ()
    plain = frames(rng, envelope(120), noise_uV=noise)
    assert len(analyse(channel(120), plain, quiet_baseline(rng)).events) == 2


def test_time_that_is_set_apart_is_not_analysed():
    rng = np.random.default_rng(14)
    seen = frames(rng, envelope(120, (60, 80, 50.0)))
    baseline = baseline_from(seen, label="EMG", source="segment", start_s=5, stop_s=45)
    found = analyse(channel(120), seen, baseline, Context(apart=stretches((100, 110))))
    assert found.analysed_s == pytest.approx(70.0)
    assert found.burden_percent.value == pytest.approx(100 * 20 / 70, abs=0.2)
    assert found.excluded == ()


def test_voluntary_work_on_top_of_a_spasm_does_not_end_it():
    rng = np.random.default_rng(15)
    rms = envelope(120, (20, 80, 20.0), (40, 42, 100.0))
    found = analyse(
        channel(120), frames(rng, rms), quiet_baseline(rng), Context(movement=stretches((40, 42)))
    )
    assert [event.class_ for event in found.events] == [EventClass.TONIC, EventClass.VOLUNTARY]
    assert found.events[0].duration_s == pytest.approx(60.0, abs=0.1)


def test_a_movement_at_the_end_of_a_spasm_is_unattributed_where_it_is_no_stronger():
    rng = np.random.default_rng(16)
    for top_uV, class_ in ((0.1, EventClass.UNATTRIBUTED), (100.0, EventClass.VOLUNTARY)):
        rms = envelope(120, (20, 60, 20.0), (56, 60, top_uV))
        found = analyse(
            channel(120), frames(rng, rms), quiet_baseline(rng), Context(movement=stretches((56, 60)))
        )
        assert [event.class_ for event in found.events] == [EventClass.TONIC, class_]
        # The movement's own lead of 0.5 s is taken from the spasm.
        assert found.events[0].stop_s == pytest.approx(55.5, abs=0.1)


def test_cramp_is_what_a_note_says():
    rng = np.random.default_rng(17)
    seen, baseline = frames(rng, envelope(120, (20, 40, 90.0), (60, 80, 90.0))), quiet_baseline(rng)
    context = Context(annotations=(Annotation(start_s=25.0, text="Cramp "),))
    found = analyse(channel(120), seen, baseline, context)
    assert [event.class_ for event in found.events] == [EventClass.CRAMP, EventClass.TONIC]


def test_a_tight_muscle_without_activity_is_said_to_be_silent():
    rng = np.random.default_rng(18)
    baseline = quiet_baseline(rng)
    quiet, active = frames(rng, envelope(120)), frames(rng, envelope(120, (20, 60, 30.0)))
    assert "spasm.silent_tightness" in codes(analyse(channel(120), quiet, baseline, Context(tight=True)))
    assert "spasm.silent_tightness" not in codes(analyse(channel(120), quiet, baseline, Context(tight=False)))
    assert "spasm.silent_tightness" not in codes(analyse(channel(120), active, baseline, Context(tight=True)))


def test_intensity_is_also_told_in_percent_of_the_reference():
    rng = np.random.default_rng(19)
    seen = frames(rng, envelope(120, (20, 40, 30.0), (60, 80, 45.0)))
    reference = Estimate(value=120.0, interval=None, u=12.0, dof=9.0)
    found = analyse(channel(120), seen, quiet_baseline(rng), Context(reference=reference))
    own, share = found.intensity_uV, found.intensity_percent
    assert own.value == pytest.approx(37.5, rel=0.03)
    assert share.value == pytest.approx(100 * own.value / 120)
    # Two spasms have one degree of freedom, the reference nine (Welch and Satterthwaite).
    parts = own.u / own.value, 0.1
    assert share.u / share.value == pytest.approx(math.hypot(*parts))
    assert share.dof == pytest.approx(math.hypot(*parts) ** 4 / (parts[0] ** 4 / 1 + parts[1] ** 4 / 9))
    assert share.interval.low * share.interval.high == pytest.approx(share.value**2)


def test_a_baseline_tells_noise_and_spread_of_quiet():
    rng = np.random.default_rng(20)
    found = quiet_baseline(rng, 600.0)
    # 12 000 frames tell the noise to sqrt(pi / 2) / sqrt(2 x 40 x 12 000) = 0.13 % (k = 1).
    assert found.noise_uV == pytest.approx(3.0, rel=0.005)
    assert 30 < found.dof <= 44
    assert found.u_rel == pytest.approx(np.sqrt(np.pi / (found.dof * 12_000)), rel=1e-6)
    # Active from R ln R / (R - 1) of the noise's power on, R = 5, and three standard uncertainties.
    expected = found.noise_uV * np.sqrt(5 * np.log(5) / 4 * (1 + 3 * found.u_rel))
    assert found.threshold_uV == pytest.approx(expected)


@pytest.mark.parametrize("hop_s", [0.025, 0.1])
def test_the_spread_of_quiet_is_told_of_50_ms_whatever_the_frames(hop_s):
    """Independent frames of 40 degrees of freedom in 50 ms, as `frames` of other lengths have them."""
    rng = np.random.default_rng(28)
    seen = frames(rng, envelope(600), dof=40 * hop_s / HOP_S)
    found = baseline_from(replace(seen, hop_s=hop_s), label="EMG", source="file")
    assert 30 < found.dof <= 44
    # A frame's own, for the error of the mean of all frames.
    own = found.dof * hop_s / HOP_S
    assert found.u_rel == pytest.approx(np.sqrt(np.pi / (own * 12_000)), rel=1e-6)


def test_frames_that_tell_nothing_do_not_lessen_the_confidence():
    rng = np.random.default_rng(29)
    told = Activity(
        start_s=0.0,
        hop_s=HOP_S,
        usable=np.ones(20, dtype=bool),
        told=np.ones(20, dtype=bool),
        excess_uV2=np.full(20, 20.0),
        active=np.array([[0, 20]]),
        certain=np.ones(20, dtype=bool),
        excluded=(),
        baseline=quiet_baseline(rng),
        under_s=0.0,
    )
    half = np.arange(20) % 2 == 0
    gaps = replace(told, usable=half, excess_uV2=told.excess_uV2 * half)
    whole = Stretch(start_s=0.0, stop_s=1.0)
    assert 0.5 < told.confidence(whole) < 1
    assert gaps.confidence(whole) == pytest.approx(told.confidence(whole))


def test_a_twitch_in_the_quiet_segment_does_not_raise_the_noise():
    rng = np.random.default_rng(21)
    found = baseline_from(frames(rng, envelope(60, (30, 31, 80.0))), label="EMG", source="file")
    assert found.noise_uV == pytest.approx(3.0, rel=0.02)


def test_a_quiet_segment_with_activity_is_a_finding():
    rng = np.random.default_rng(22)
    for rms, expected in ((envelope(60), []), (envelope(60, (10, 30, 8.0)), ["spasm.baseline_active"])):
        quiet = frames(rng, rms)
        baseline = baseline_from(quiet, label="EMG", source="file")
        told = baseline_findings(quiet, baseline, label="EMG", file="a.edf")
        assert [finding.code for finding in told] == expected


def test_weak_activity_of_a_quiet_segment_is_a_finding_too():
    """A quarter at 3.2 times the power: less than what is looked for, more than noise spreads."""
    rng = np.random.default_rng(22)
    quiet = frames(rng, envelope(60, (15, 30, 3.0 * np.sqrt(2.2))))
    baseline = baseline_from(quiet, label="EMG", source="file")
    (told,) = baseline_findings(quiet, baseline, label="EMG", file="a.edf")
    assert told.value == pytest.approx(25, abs=5)
    assert "above 2.6 times the power of its quietest part" in told.text


def test_noise_of_the_narrowest_band_is_no_activity():
    """4 degrees of freedom a frame, 20 over the five frames that are looked at together."""
    used = spasm_settings()
    spread = chi2.ppf(1 - used.active_share, 20) / chi2.ppf(used.quiet_quantile, 20)
    assert 2.5 < spread < used.baseline_rise


def test_a_recording_below_its_baseline_is_a_finding():
    rng = np.random.default_rng(23)
    contracted = baseline_from(frames(rng, envelope(60, (0, 60, 8.0))), label="EMG", source="file")
    found = analyse(channel(120), frames(rng, envelope(120)), contracted)
    assert codes(found) == {"spasm.under_baseline"}


def test_a_baseline_needs_enough_quiet_and_a_signal():
    rng = np.random.default_rng(24)
    with pytest.raises(BadInput, match=r"1\.0 s of the quiet segment"):
        baseline_from(frames(rng, envelope(1)), label="EMG", source="file")
    lost = frames(rng, envelope(60), missing=np.ones(1200))
    with pytest.raises(BadInput, match=r"0\.0 s of the quiet segment"):
        baseline_from(lost, label="EMG", source="file")
    dead = frames(rng, envelope(60), noise_uV=0.0)
    with pytest.raises(BadInput, match="holds no signal"):
        baseline_from(dead, label="EMG", source="file")


@pytest.mark.parametrize("level", [0.0, -1.0, np.nan, np.inf])
def test_a_stated_level_must_be_positive(level):
    with pytest.raises(BadInput, match="must be > 0 uV"):
        baseline_of_noise(level, label="EMG")
    with pytest.raises(BadInput, match="must be > 0 uV"):
        baseline_of_reference(level, label="EMG", kind="MVE")


def test_stated_noise_and_reference_give_a_threshold():
    rng = np.random.default_rng(25)
    seen = frames(rng, envelope(120, (40, 80, 20.0)))
    (spasm,) = spasms(analyse(channel(120), seen, baseline_of_noise(3.0, label="EMG")))
    assert spasm.duration_s == pytest.approx(40.0, abs=0.1)
    # 0.5 % of 1000 uV, and 3 % of 200 uV.
    assert baseline_of_reference(1000.0, label="EMG", kind="MVE").threshold_uV == pytest.approx(5.0)
    assert baseline_of_reference(200.0, label="EMG", kind="RVC").threshold_uV == pytest.approx(6.0)


def test_hours_are_told_apart_and_those_not_analysed_are_none():
    rng = np.random.default_rng(26)
    share = np.zeros(3 * 72_000)
    share[72_000:144_000] = 1.0
    rms = envelope(10_800, (1800, 3600, 30.0), (9000, 9900, 30.0))
    found = analyse(channel(10_800), frames(rng, rms, missing=share), quiet_baseline(rng))
    first, lost, last = found.burden_by_hour
    assert first.value == pytest.approx(50.0, abs=0.01) and last.value == pytest.approx(25.0, abs=0.01)
    assert lost is None


def test_the_interval_of_an_hour_is_of_the_time_analysed_of_it():
    rng = np.random.default_rng(27)
    for quiet_s, spasm in ((600.0, (600.0, 5400.0)), (60.0, (1800.0, 5400.0))):
        seen = frames(rng, envelope(5400, (*spasm, 30.0)))
        apart = (Stretch(start_s=0.0, stop_s=quiet_s),)
        found = analyse(channel(5400), seen, quiet_baseline(rng), Context(apart=apart))
        first, last = found.burden_by_hour
        assert found.apart == ((0.0, quiet_s),)
        assert first.value == pytest.approx(100 * (3600 - spasm[0]) / (3600 - quiet_s), abs=0.01)
        assert last.value == 100.0
        assert all(hour.interval.low <= hour.value <= hour.interval.high for hour in (first, last))
        # All of it spasm: one-sided, of as many seconds as were analysed (estimates.burden_estimate).
        assert last.interval.low == pytest.approx(100 * 0.05 ** (10 / 1800), abs=1e-6)
        if quiet_s == spasm[0]:
            assert first.interval.high == 100.0
            assert first.interval.low == pytest.approx(100 * 0.05 ** (10 / 3000), abs=1e-6)
