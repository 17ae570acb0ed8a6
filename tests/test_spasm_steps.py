"""Steps of the power within activity: risen noise, units that fire apart, what is left beside a movement."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.pathways.spasm.analysis import analyse
from atlasplane.pathways.spasm.context import Context
from atlasplane.pathways.spasm.result import EventClass
from tests.spasm_cases import HOP_S, channel, envelope, frames, quiet_baseline, spasms, stretches


def test_noise_that_has_risen_between_strong_contractions_is_set_apart_and_no_spasm():
    rng = np.random.default_rng(26)
    rms = envelope(240, (60, 64, 80.0), (90, 96, 300.0), (130, 131, 40.0))
    # Nearly twice the power: it passes the upper level now and then and holds the lower one throughout.
    noise = 3.0 * np.sqrt(1 + 0.9 * np.clip((np.arange(len(rms)) * HOP_S - 20) / 20, 0, 1))
    context = Context(movement=stretches((59, 65), (89, 97)))
    found = analyse(channel(240), frames(rng, rms, noise_uV=noise), quiet_baseline(rng), context)
    assert [event.class_ for event in found.events] == [
        EventClass.VOLUNTARY,
        EventClass.VOLUNTARY,
        EventClass.TONIC,
    ]
    # Edges to the frame, whatever the noise beside them does.
    assert [event.duration_s for event in found.events] == pytest.approx([4, 6, 1], abs=2 * HOP_S)
    assert {stretch.why for stretch in found.excluded} <= {"spasm.creep"}


def test_a_weak_spasm_that_follows_strong_work_is_found_by_its_step():
    rng = np.random.default_rng(27)
    rms = envelope(120, (40, 45, 200.0), (45, 70, 9.0))
    context = Context(movement=stretches((40, 45)))
    found = analyse(channel(120), frames(rng, rms), quiet_baseline(rng), context)
    assert [event.class_ for event in found.events] == [EventClass.VOLUNTARY, EventClass.TONIC]
    spasm = found.events[1]
    # The movement's own lag of 0.5 s is taken from it.
    assert spasm.start_s == pytest.approx(45.5, abs=2 * HOP_S)
    assert spasm.stop_s == pytest.approx(70, abs=2 * HOP_S)
    assert spasm.rms_uV == pytest.approx(9, rel=0.05)


def test_units_that_fire_apart_are_one_spasm():
    rng = np.random.default_rng(28)
    rms = envelope(120)
    # One frame in five: potentials of one unit at 4 Hz, 8.9 uV in the mean over 3 uV of noise.
    rms[600:1600:5] = 20.0
    (spasm,) = spasms(analyse(channel(120), frames(rng, rms), quiet_baseline(rng)))
    assert (spasm.start_s, spasm.stop_s) == pytest.approx((30, 80), abs=0.25)
    assert spasm.rms_uV == pytest.approx(20 / np.sqrt(5), rel=0.05)


@pytest.mark.parametrize("gap", [9, 20])
def test_single_strong_frames_are_no_train(gap):
    rng = np.random.default_rng(29)
    rms = envelope(120)
    # Further apart than a pause, such as what is left of heart beats: no two belong together.
    rms[600:1600:gap] = 20.0
    assert spasms(analyse(channel(120), frames(rng, rms), quiet_baseline(rng))) == []


def test_two_jumps_over_noise_that_has_risen_are_two_jumps():
    rng = np.random.default_rng(31)
    rms = envelope(120)
    for at in (800, 830, 1300, 1322):
        rms[at : at + 3] = (20.0, 200.0, 10.0)
    found = analyse(channel(120), frames(rng, rms, noise_uV=3.0 * np.sqrt(1.6)), quiet_baseline(rng))
    assert found.events == ()
    assert [stretch.why for stretch in found.excluded if stretch.why != "spasm.creep"] == ["spasm.jump"] * 4


@pytest.mark.parametrize(
    ("covered_s", "rest_uV", "classes"),
    [
        # A sensor that missed the end of one contraction: nothing in the signal says that it is another.
        (10.0, 60.0, [EventClass.VOLUNTARY, EventClass.UNATTRIBUTED]),
        # A third of the amplitude, and twice of it: a step of its own.
        (10.0, 20.0, [EventClass.VOLUNTARY, EventClass.TONIC]),
        (10.0, 180.0, [EventClass.UNATTRIBUTED, EventClass.TONIC]),
        # It outlasts the movement.
        (4.0, 60.0, [EventClass.UNATTRIBUTED, EventClass.TONIC]),
        # Less than a second is the movement's own.
        (13.0, 60.0, [EventClass.VOLUNTARY]),
    ],
)
def test_what_is_left_beside_a_movement_needs_a_sign_of_its_own(covered_s, rest_uV, classes):
    rng = np.random.default_rng(30)
    rms = envelope(120, (40, 40 + covered_s, 60.0), (40 + covered_s, 54, rest_uV))
    context = Context(movement=stretches((40, 40 + covered_s)))
    found = analyse(channel(120), frames(rng, rms), quiet_baseline(rng), context)
    assert [event.class_ for event in found.events] == classes
