"""How channels of a recording are cleaned: whose heart beats are taken, and short stretches read anew."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from atlasplane.chain.spasms import SpasmRequest, analyse_recording
from atlasplane.chain.spasms_channels import channel_signal, conditioning_of, told_beats
from atlasplane.pathways.spasm.result import EventClass
from atlasplane.signals.conditioning import frames
from atlasplane.simulate.night import write_night
from atlasplane.simulate.recording_plan import Heart, PlannedEvent, Pop, RecordingPlan
from atlasplane.simulate.semg_channel import heart_beats
from atlasplane.simulate.semg_recording import simulated_recording
from atlasplane.sources.recording import Channel, ChannelKind, Recording
from atlasplane.sources.visit_recording import StatedStretch
from tests.recorded_cases import QUIET, emg, plan_of


def hearted(peak_uV: float, *, reference_uV: float = 0.0, **fields: object) -> RecordingPlan:
    """Three minutes of one quiet channel with a heart."""
    events = fields.pop("events", ())
    return plan_of(
        [emg("TRAP L", heart_uV=peak_uV, **fields)],
        events,
        180.0,
        heart=Heart(reference_uV=reference_uV),
        quiet=(QUIET,),
    )


def changed(recording: Recording, of: ChannelKind, **fields: object) -> Recording:
    """The recording with the channels of one kind changed."""
    channels = tuple(replace(c, **fields) if c.kind is of else c for c in recording.channels)
    return replace(recording, channels=channels)


def test_beats_are_those_of_the_electrocardiogram_beside_the_muscle() -> None:
    plan = hearted(60.0, reference_uV=800.0)
    recording = simulated_recording(plan)
    beats, true = told_beats(recording), heart_beats(plan)
    assert beats is not None and true is not None and beats.channel.label == "ECG"
    true = true[(true > 1) & (true < 179)]
    # Beats are told to a few samples of the 125 Hz at which they are looked for; Q and S move the match.
    assert np.abs(beats.times_s[:, None] - true).min(axis=0).max() < 0.02
    told = conditioning_of(recording, 0, beats).beat_times_s
    assert told is not None and np.array_equal(told, beats.times_s)
    assert conditioning_of(recording, 0).beat_times_s is None


def test_beats_of_another_clock_or_of_no_heart_are_not_taken() -> None:
    recording = simulated_recording(hearted(60.0, reference_uV=800.0))
    other = changed(recording, ChannelKind.ECG, period_s=Fraction(27, 20_000))
    assert conditioning_of(other, 0, told_beats(other)).beat_times_s is None
    assert told_beats(changed(recording, ChannelKind.ECG, kind=ChannelKind.OTHER)) is None
    # A channel that is called an electrocardiogram and shows none.
    assert told_beats(changed(recording, ChannelKind.ECG, n_samples=0)) is None


def test_told_beats_are_counted_from_the_first_sample_of_the_muscle() -> None:
    recording = simulated_recording(hearted(60.0, reference_uV=800.0))
    beats = told_beats(recording)
    assert beats is not None
    later = changed(recording, ChannelKind.EMG, start_s=0.5)
    told = conditioning_of(later, 0, beats).beat_times_s
    assert told is not None and np.allclose(told, beats.times_s - 0.5, atol=1e-12)


@pytest.mark.parametrize("reference_uV", [0.0, 800.0], ids=["own", "told"])
def test_a_short_stretch_is_read_without_the_heart_that_the_frames_are_without(reference_uV: float) -> None:
    recording = simulated_recording(hearted(800.0, reference_uV=reference_uV))
    conditioning = conditioning_of(recording, 0, told_beats(recording))
    every = frames(recording.blocks(0, 60_000), 1000.0, conditioning)
    signal = channel_signal(recording, 0, conditioning)
    for start_s in (40.0, 90.0, 171.0):
        samples, rate_hz = signal(start_s, start_s + 4)
        assert (samples.size, rate_hz) == (4000, 1000.0)
        own = every.power_uV2[round(20 * start_s) : round(20 * (start_s + 4))].mean()
        # The shape of the beats is told by 46 in one and 160 in the other: 800 uV leave 1 % of 10 uV2 each.
        assert np.mean(samples.astype(float) ** 2) == pytest.approx(own, rel=0.1)


def test_a_jump_of_an_electrode_is_told_beside_strong_heart_beats() -> None:
    pops = tuple(Pop(at_s=40.0 + 8.1 * k, step_uV=400.0, decay_s=0.02 + 0.004 * k) for k in range(15))
    found = analyse_recording(simulated_recording(hearted(800.0, pops=pops))).analysis.channels[0]
    assert found.events == ()
    assert {stretch.why for stretch in found.excluded} <= {"spasm.jump", "spasm.missing"}
    assert sum(stretch.why == "spasm.jump" for stretch in found.excluded) >= 10


def test_a_slow_clonus_is_kept_where_an_electrocardiogram_tells_the_beats() -> None:
    clonus = PlannedEvent(
        channel=0, start_s=40.0, stop_s=160.0, class_="clonus", rms_uV=20.0, frequency_hz=4.8
    )
    plan = hearted(60.0, reference_uV=800.0, events=(clonus,))
    (event,) = analyse_recording(simulated_recording(plan)).analysis.channels[0].events
    assert event.class_ is EventClass.CLONUS
    assert (event.start_s, event.stop_s) == (pytest.approx(40, abs=0.2), pytest.approx(160, abs=0.2))
    # 20 uV to the share that a template of some 140 beats takes of it, a hundredth.
    assert event.rms_uV == pytest.approx(20.0, rel=0.05)


def test_a_muscle_far_from_the_heart_is_left_as_it_is() -> None:
    recording = simulated_recording(hearted(60.0, reference_uV=800.0))
    calf: tuple[Channel, ...] = tuple(
        replace(c, muscle="soleus") if c.kind is ChannelKind.EMG else c for c in recording.channels
    )
    assert not conditioning_of(replace(recording, channels=calf), 0, told_beats(recording)).heart


def test_rest_of_another_file_where_no_heart_is_seen_does_not_leave_the_heart_in(tmp_path: Path) -> None:
    path = tmp_path / "rest.edf"
    write_night(path, hearted(0.0))
    request = SpasmRequest(quiet=StatedStretch(path=path))
    found = analyse_recording(simulated_recording(hearted(300.0)), request).analysis.channels[0]
    assert found.events == ()


def test_noise_stated_of_one_channel_comes_before_rest_stated_of_all() -> None:
    recording = simulated_recording(
        plan_of([emg("TRAP L"), emg("TRAP R", side="right")], (), 60.0, quiet=(QUIET,))
    )
    request = SpasmRequest(quiet=StatedStretch(start_s=2.0, stop_s=12.0), noise_uV={"TRAP R": 7.0})
    left, right = analyse_recording(recording, request).analysis.channels
    assert (left.baseline.source, right.baseline.source) == ("segment", "noise")
    assert right.baseline.noise_uV == 7.0
