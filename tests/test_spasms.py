"""Spasms of whole recordings: where rest comes from, movement, threads."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from atlasplane import api
from atlasplane.chain.spasms import AnalysedRecording, SpasmRequest, analyse_recording
from atlasplane.chain.spasms_annotations import event_annotations
from atlasplane.chain.spasms_movement import sensed_movement
from atlasplane.core.errors import BadInput, Cancelled
from atlasplane.io.recording_file import read_recording
from atlasplane.pathways.spasm.result import ChannelSpasms, EventClass
from atlasplane.simulate.night import write_night
from atlasplane.simulate.recording_plan import MotionSensor
from atlasplane.simulate.semg_recording import simulated_recording
from atlasplane.sources.recording import Annotation, ChannelKind, Recording, Samples
from atlasplane.sources.visit_recording import StatedStretch
from tests.recorded_cases import (
    CLONUS,
    DURATION_S,
    NOISE_UV,
    QUIET,
    SPASMS,
    WORK,
    emg,
    moved,
    night_file,
    pair,
    plan_of,
    tonic,
    work,
)

EDGE_S = 0.35
"""Half of the simulated ramps (0.3 s at most) and one frame on either side."""


@pytest.fixture(scope="module")
def analysed() -> AnalysedRecording:
    return analyse_recording(pair())


def channel(found: AnalysedRecording, label: str) -> ChannelSpasms:
    return next(each for each in found.analysis.channels if each.label == label)


def ends(found: ChannelSpasms, *classes: EventClass) -> list[tuple[float, float]]:
    return [(e.start_s, e.stop_s) for e in found.events if e.class_ in classes]


def test_events_lie_where_the_truth_has_them(analysed: AnalysedRecording) -> None:
    left, right = channel(analysed, "TRAP L"), channel(analysed, "TRAP R")
    assert ends(left, EventClass.TONIC) == [pytest.approx(one, abs=EDGE_S) for one in SPASMS]
    assert ends(right, EventClass.CLONUS) == [pytest.approx(CLONUS, abs=EDGE_S)]
    assert right.events[0].frequency_hz == pytest.approx(5.0, abs=0.1)
    for one in (left, right):
        assert ends(one, EventClass.VOLUNTARY) == [pytest.approx(WORK, abs=1.0)]
        assert (one.baseline.source, one.baseline.start_s, one.baseline.stop_s) == ("segment", *QUIET)
        assert one.analysed_s == pytest.approx(DURATION_S - QUIET[1], abs=0.2)
    true = 100 * sum(b - a for a, b in SPASMS) / left.analysed_s
    assert left.burden_percent.value == pytest.approx(true, abs=100 * 3 * EDGE_S / left.analysed_s)
    assert analysed.analysis.simulated and analysed.analysis.file == "night.edf"


def test_a_muscle_in_spasm_all_along_is_found_with_its_quiet_file(tmp_path: Path) -> None:
    """Acceptance (i): 120 s at 50 uV, rest from a file of its own: burden 100 %."""
    rest = tmp_path / "rest.edf"
    write_night(rest, plan_of([emg("EMG")], [], 30.0))
    contracted = simulated_recording(plan_of([emg("EMG")], [tonic(0, -5.0, 125.0, 50.0)], 120.0))
    found = analyse_recording(contracted, SpasmRequest(quiet=StatedStretch(path=rest))).analysis.channels[0]
    assert found.burden_percent.value == 100.0
    assert found.baseline.source == "file" and found.baseline.noise_uV == pytest.approx(NOISE_UV, rel=0.1)
    assert [e.class_ for e in found.events] == [EventClass.TONIC]
    assert found.events[0].rms_uV == pytest.approx(50.0, rel=0.1)


def test_weak_spasm_is_told_from_annotated_voluntary_work() -> None:
    """Acceptance (ii): 60 s of 20 uV and four annotated bursts: one spasm of 60 s, four voluntary."""
    bursts = [(90.0 + 8 * k, 92.0 + 8 * k) for k in range(4)]
    plan = plan_of(
        [emg("EMG")],
        [tonic(0, 25.0, 85.0, 20.0), *(work(0, *ends_) for ends_ in bursts)],
        130.0,
        quiet=(QUIET,),
        movements=tuple(moved(*ends_, annotated=True) for ends_ in bursts),
    )
    found = analyse_recording(simulated_recording(plan)).analysis.channels[0]
    spasms = [e for e in found.events if e.class_.is_spasm]
    assert [(e.start_s, e.stop_s) for e in spasms] == [pytest.approx((25.0, 85.0), abs=EDGE_S)]
    assert sum(e.class_ is EventClass.VOLUNTARY for e in found.events) == 4 == len(found.events) - 1


@pytest.mark.parametrize("gap_s", [math.nan, math.inf, -1.0])
def test_a_merge_gap_that_is_none_is_refused(gap_s: float) -> None:
    with pytest.raises(BadInput, match="the merge gap is") as refused:
        analyse_recording(pair(), SpasmRequest(merge_gap_s=gap_s))
    assert refused.value.file and refused.value.remedy


def test_the_merge_gap_changes_counts_and_never_burden() -> None:
    """Acceptance (v)."""
    recording = pair()
    found = [
        channel(analyse_recording(recording, SpasmRequest(merge_gap_s=gap)), "TRAP L")
        for gap in (0.5, 25.0, 60.0)
    ]
    assert [one.rate.n for one in found] == [3, 2, 1]
    assert len({one.burden_percent.value for one in found}) == 1


# ---- where rest comes from ----


def bare() -> Recording:
    """Without annotations and motion sensor."""
    return pair(quiet=(), motion=None, movements=())


def test_without_any_rest_nothing_is_measured_and_the_remedy_is_named() -> None:
    with pytest.raises(BadInput) as refused:
        analyse_recording(bare())
    assert "TRAP L" in refused.value.what
    for way in ("--quiet START:STOP", "--quiet-file", "--noise-uV", "'quiet'", "--reference"):
        assert way in refused.value.remedy


def test_rest_of_one_channel_alone_is_not_enough() -> None:
    with pytest.raises(BadInput, match="TRAP R"):
        analyse_recording(bare(), SpasmRequest(noise_uV={"TRAP L": NOISE_UV}))


def test_a_stated_stretch_comes_before_a_note() -> None:
    stated = SpasmRequest(quiet=StatedStretch(start_s=140.0, stop_s=155.0))
    left = channel(analyse_recording(pair(), stated), "TRAP L")
    assert (left.baseline.start_s, left.baseline.stop_s) == (140.0, 155.0)
    # Both are rest and neither is judged.
    assert left.analysed_s == pytest.approx(DURATION_S - QUIET[1] - 15.0, abs=0.2)


def test_stated_noise_needs_no_rest_in_the_recording() -> None:
    noise = {"TRAP L": NOISE_UV, "TRAP R": 2.5}
    found = analyse_recording(bare(), SpasmRequest(noise_uV=noise))
    for one in found.analysis.channels:
        assert one.baseline.source == "noise" and one.baseline.noise_uV == noise[one.label]
        assert one.analysed_s == pytest.approx(DURATION_S, abs=0.1)
    assert ends(channel(found, "TRAP L"), EventClass.TONIC)[:3] == [
        pytest.approx(one, abs=EDGE_S) for one in SPASMS
    ]


def test_a_reference_contraction_gives_strength_and_where_nothing_else_is_known_the_threshold() -> None:
    reference = StatedStretch(start_s=31.0, stop_s=39.0)
    quiet = StatedStretch(start_s=QUIET[0], stop_s=QUIET[1])
    known = channel(analyse_recording(pair(), SpasmRequest(reference=reference, quiet=quiet)), "TRAP L")
    # The contraction itself is set apart; the other spasms are as strong as it is.
    assert known.baseline.source == "segment"
    assert known.intensity_percent is not None
    assert known.intensity_percent.value == pytest.approx(100.0, rel=0.15)
    alone = analyse_recording(
        simulated_recording(plan_of([emg("EMG")], [tonic(0, 30.0, 40.0, 200.0)], 60.0)),
        SpasmRequest(reference=reference, reference_kind="MVE"),
    ).analysis.channels[0]
    assert alone.baseline.source == "reference"
    assert alone.baseline.threshold_uV == pytest.approx(0.005 * math.hypot(200.0, NOISE_UV), rel=0.1)


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (SpasmRequest(quiet=StatedStretch(start_s=150.0, stop_s=170.0)), "not within"),
        (SpasmRequest(noise_uV={"EMG 9": 2.0}), "no channel 'EMG 9'"),
        (SpasmRequest(quiet=StatedStretch(start_s=0.0, stop_s=0.5)), "s are needed"),
    ],
)
def test_rest_that_cannot_be_is_refused(request_: SpasmRequest, what: str) -> None:
    with pytest.raises(BadInput, match=what):
        analyse_recording(pair(), request_)


def test_a_quiet_file_of_other_channels_is_refused(tmp_path: Path) -> None:
    rest = tmp_path / "rest.edf"
    write_night(rest, plan_of([emg("OTHER")], [], 30.0))
    with pytest.raises(BadInput, match="no channel 'TRAP L'") as refused:
        analyse_recording(pair(), SpasmRequest(quiet=StatedStretch(path=rest)))
    assert refused.value.file == "rest.edf"


def test_a_recording_without_muscle_activity_is_refused() -> None:
    recording = pair()
    silent = replace(recording, channels=recording.channels[2:])
    with pytest.raises(BadInput, match="no channel of muscle activity"):
        analyse_recording(silent)


def test_quiet_that_holds_activity_is_a_finding() -> None:
    found = analyse_recording(pair(quiet=((20.0, 50.0),)))
    doubts = [f for f in found.analysis.findings if f.code == "spasm.baseline_active"]
    assert len(doubts) == 1 and "TRAP L" in doubts[0].text


# ---- movement ----


def test_a_motion_sensor_tells_when_the_body_moved() -> None:
    told = sensed_movement(pair())
    assert told is not None
    assert [(s.start_s, s.stop_s) for s in told] == [pytest.approx(WORK, abs=0.5)]
    assert sensed_movement(bare()) is None


def test_without_sensor_and_note_work_counts_as_spasm_and_a_finding_says_so() -> None:
    found = analyse_recording(pair(motion=None, movements=()))
    left = channel(found, "TRAP L")
    assert not ends(left, EventClass.VOLUNTARY)
    assert left.rate.n == len(SPASMS) + 1
    assert any(f.code == "spasm.movement_unknown" for f in found.analysis.findings)


@pytest.mark.parametrize("stuck_at", [0.0, 1.0, np.nan])
def test_a_motion_sensor_that_is_off_tells_nothing(stuck_at: float) -> None:
    """Not that the body lay still all night: that nothing tells of movement is a finding."""
    made = pair(motion=MotionSensor(period_s=Fraction(1, 50)))

    class Off:
        def read(self, channel: int, first: int, stop: int) -> Samples:
            samples = made.samples.read(channel, first, stop)
            if made.channels[channel].kind is ChannelKind.ACCELERATION:
                samples[:] = stuck_at
            return samples

    off = replace(made, samples=Off())
    assert sensed_movement(made) and sensed_movement(off) is None
    found = analyse_recording(off).analysis
    assert "spasm.movement_unknown" in [finding.code for finding in found.findings]


def test_a_note_of_one_channel_holds_for_that_channel() -> None:
    note = Annotation(start_s=WORK[0] - 1, duration_s=6.0, text="Movement", channel="TRAP L")
    recording = pair(motion=None, movements=())
    found = analyse_recording(replace(recording, annotations=(*recording.annotations, note)))
    assert ends(channel(found, "TRAP L"), EventClass.VOLUNTARY)
    assert not ends(channel(found, "TRAP R"), EventClass.VOLUNTARY)


# ---- the run ----


def test_channels_worked_on_at_once_give_what_each_gives_alone(analysed: AnalysedRecording) -> None:
    recording = pair()
    for k in (0, 1):
        others = tuple(
            replace(c, kind=ChannelKind.OTHER) if k != n and c.kind is ChannelKind.EMG else c
            for n, c in enumerate(recording.channels)
        )
        alone = analyse_recording(replace(recording, channels=others)).analysis.channels
        assert alone == (channel(analysed, recording.channels[k].label),)


def test_progress_ends_at_one_and_a_run_can_be_ended() -> None:
    told: list[float] = []
    analyse_recording(pair(), progress=lambda share, _: told.append(share))
    assert max(told) == 1.0 and len(told) >= 2 * math.ceil(DURATION_S / 60)
    with pytest.raises(Cancelled):
        analyse_recording(pair(), cancelled=lambda: True)


def test_whoever_stops_a_run_does_not_wait_until_a_day_is_read() -> None:
    """An error of one channel ends the others with the piece of a minute that they are at."""
    still = np.zeros(60 * 60_000, dtype=np.float32)
    asked: list[int] = []

    class Counted:
        def read(self, channel: int, first: int, stop: int) -> Samples:
            asked.append(channel)
            return still[first:stop].copy()

    def stopped(share: float, channel: str) -> None:
        if channel == "TRAP L":
            raise KeyboardInterrupt

    channels = tuple(replace(own, n_samples=len(still)) for own in pair().channels[:2])
    long = Recording(file="day.edf", channels=channels, samples=Counted())
    with pytest.raises(KeyboardInterrupt):
        analyse_recording(long, SpasmRequest(noise_uV={"TRAP L": 2.0, "TRAP R": 2.0}), progress=stopped)
    assert asked.count(0) == 1 and asked.count(1) < 30


def test_labels_of_a_person_are_compared(tmp_path: Path) -> None:
    path = night_file(tmp_path)
    found = api.spasm(path, SpasmRequest(labels=path.with_suffix(".labels.csv")))
    left = next(a for a in found.agreements if a.channel == "TRAP L")
    assert (left.n_labelled, left.n_found, left.n_both) == (3, 3, 3)
    assert left.sample_f1 is not None and left.sample_f1 > 0.95


def test_a_file_gives_what_the_recording_in_memory_gives(tmp_path: Path, analysed: AnalysedRecording) -> None:
    """16 bit over 11 mV are steps of 0.17 uV, whose noise of 0.05 uV is far below the 2 uV there are."""
    found = api.spasm(night_file(tmp_path))
    for one, other in zip(found.analysis.channels, analysed.analysis.channels, strict=True):
        assert [e.class_ for e in one.events] == [e.class_ for e in other.events]
        assert one.burden_percent.value == pytest.approx(other.burden_percent.value, abs=0.1)


def test_events_are_written_back_as_annotations(tmp_path: Path) -> None:
    path = night_file(tmp_path)
    found = api.spasm(path)
    out = api.write_spasm_annotations(found, path, tmp_path / "annotated.edf")
    again = read_recording(out)
    notes = [note for note in again.annotations if note.text.startswith("spasm ")]
    wanted = event_annotations(found.analysis)
    assert [(n.text, n.channel) for n in notes] == [(n.text, n.channel) for n in wanted]
    assert [n.start_s for n in notes] == pytest.approx([n.start_s for n in wanted], abs=1e-6)
    assert any(note.text == "quiet" for note in again.annotations)
    # The copy is analysed like the original: our own notes are no note of rest or movement.
    assert api.spasm(out).analysis.channels == found.analysis.channels
