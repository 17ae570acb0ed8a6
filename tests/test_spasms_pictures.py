"""What pictures of a recording are made of: course, single events, spectrum, annotations."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from atlasplane.chain.spasms import AnalysedRecording, SpasmRequest, analyse_recording
from atlasplane.chain.spasms_course import COLUMNS, course
from atlasplane.chain.spasms_details import event_detail, spectrum, telling_events
from atlasplane.pathways.spasm.result import ChannelSpasms, EventClass
from atlasplane.signals.frames import Frames
from atlasplane.simulate.semg_recording import simulated_recording
from atlasplane.sources.recording import Channel, ChannelKind, Recording
from tests.recorded_cases import (
    DURATION_S,
    NOISE_UV,
    QUIET,
    emg,
    pair,
    plan_of,
    tonic,
)

EDGE_S = 0.35
"""Half of the simulated ramps (0.3 s at most) and one frame on either side."""


@pytest.fixture(scope="module")
def analysed() -> AnalysedRecording:
    return analyse_recording(pair())


def channel(found: AnalysedRecording, label: str) -> ChannelSpasms:
    return next(each for each in found.analysis.channels if each.label == label)


def test_intervals_of_hours_lie_around_the_hours(analysed: AnalysedRecording) -> None:
    for one in analysed.analysis.channels:
        (hour,) = one.burden_by_hour
        assert hour is not None and hour.interval is not None
        span = hour.interval
        assert span.low is not None and span.high is not None
        assert 0 <= span.low < hour.value < span.high <= 100
        # One hour holds all of it: its burden is that of the recording.
        assert hour == one.burden_percent


def flat_frames(power_uV2: np.ndarray, hop_s: float = 0.05) -> Frames:
    zeros = np.zeros(len(power_uV2), dtype=np.float32)
    others = dict.fromkeys(("slow_uV2", "mains_uV2", "beats_uV2", "missing", "saturated", "flat"), zeros)
    return Frames(hop_s=hop_s, power_uV2=power_uV2.astype(np.float32), **others)


def test_a_course_keeps_mean_power_and_peaks_and_shows_gaps() -> None:
    power = np.full(72_000, 4.0)  # an hour at 2 uV
    power[36_000:36_005] = 100.0  # a quarter of a second at 10 uV
    power[60_000:66_000] = np.nan
    shown = course(flat_frames(power), 3600.0)
    assert shown.step_s == pytest.approx(3600 / COLUMNS)
    assert len(shown.rms_uV) == COLUMNS
    assert float(np.nanmax(shown.peak_uV)) == pytest.approx(10.0)
    share = 0.25 / shown.step_s
    assert float(np.nanmax(shown.rms_uV)) == pytest.approx(math.sqrt(4 + 96 * share), rel=1e-5)
    gaps = np.isnan(shown.rms_uV)
    assert gaps.sum() == pytest.approx(300 / shown.step_s, abs=2)
    assert np.array_equal(gaps, np.isnan(shown.peak_uV))


class Tone:
    """A sine of 20 uV amplitude and 125 Hz at 1000 Hz."""

    def read(self, channel: int, first: int, stop: int) -> np.ndarray:
        del channel
        return (20 * np.sin(2 * np.pi * 0.125 * np.arange(first, stop))).astype(np.float32)


def test_a_spectrum_has_the_power_of_a_tone_at_its_frequency() -> None:
    """Power over the bands: a sine of amplitude A has A^2 / 2; 0 dB is 1 uV^2 over 430 Hz."""
    about = Channel(
        label="EMG", kind=ChannelKind.EMG, unit="uV", period_s=pair().channels[0].period_s, n_samples=60_000
    )
    recording = Recording(file="tone", channels=(about,), samples=Tone())
    shown = spectrum(recording, 0, noise_uV=1.0)
    bands, columns = shown.level_dB.shape
    assert columns == 60 and shown.high_hz == 500.0
    width_hz = (shown.high_hz - shown.low_hz) / bands
    density = 10 ** (shown.level_dB.astype(float) / 10) / 430
    assert np.allclose(density.sum(axis=0) * width_hz, 200.0, rtol=0.15)  # bands hold 8 or 9 lines each
    strongest = shown.low_hz + (np.argmax(shown.level_dB, axis=0) + 0.5) * width_hz
    assert np.all(np.abs(strongest - 125.0) <= width_hz)


def test_a_detail_shows_the_event_with_its_threshold(analysed: AnalysedRecording) -> None:
    left = channel(analysed, "TRAP L")
    chosen = telling_events(left)
    assert [event.class_ for event in chosen] == [EventClass.TONIC, EventClass.VOLUNTARY]
    detail = event_detail(
        chosen[0],
        analysed.signals["TRAP L"],
        threshold_uV=left.baseline.threshold_uV,
        begin_s=0.0,
        end_s=DURATION_S,
    )
    assert detail.whole and detail.start_s == pytest.approx(chosen[0].start_s - 1.5)
    assert len(detail.signal_uV) == pytest.approx((chosen[0].duration_s + 3.0) * 1000, abs=2)
    inside = slice(round(1.5 * 1000), -round(1.5 * 1000))
    rms = math.sqrt(float(np.mean(detail.signal_uV[inside].astype(float) ** 2)))
    assert rms == pytest.approx(math.hypot(30.0, NOISE_UV), rel=0.1)
    assert float(np.median(detail.envelope_uV[inside])) == pytest.approx(rms, rel=0.1)
    assert float(np.max(detail.envelope_uV[:1000])) < detail.threshold_uV * 1.5


def test_of_a_long_event_the_begin_is_shown() -> None:
    found = analyse_recording(
        simulated_recording(plan_of([emg("EMG")], [tonic(0, 30.0, 110.0)], 120.0, quiet=(QUIET,)))
    )
    one = found.analysis.channels[0]
    detail = event_detail(one.events[0], found.signals["EMG"], threshold_uV=3.0, begin_s=0.0, end_s=120.0)
    assert not detail.whole and len(detail.signal_uV) == pytest.approx(23_000, abs=2)


def test_a_channel_that_starts_late_is_drawn_where_it_was_recorded() -> None:
    """It begins with the event, so that nothing is there to be shown before it."""
    made = simulated_recording(plan_of([emg("EMG")], [tonic(0, 0.0, 20.0)], 60.0))
    late_s = 5.0
    recording = replace(made, channels=(replace(made.channels[0], start_s=late_s),))
    found = analyse_recording(recording, SpasmRequest(noise_uV={"EMG": NOISE_UV}))
    own = recording.channels[0]
    (event,) = (e for e in found.analysis.channels[0].events if e.start_s < 10.0)
    assert event.start_s - late_s < EDGE_S
    detail = event_detail(
        event,
        found.signals["EMG"],
        threshold_uV=3.0,
        begin_s=own.start_s,
        end_s=own.start_s + own.duration_s,
    )
    assert detail.start_s == late_s
    seen_s = detail.start_s + len(detail.signal_uV) / detail.rate_hz
    assert seen_s == pytest.approx(event.stop_s + 1.5, abs=0.01)
    shown = spectrum(recording, 0, noise_uV=NOISE_UV)
    assert (shown.start_s, shown.level_dB.shape[1] * shown.step_s) == (late_s, 60.0)
