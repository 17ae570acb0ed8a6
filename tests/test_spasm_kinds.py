"""Classes of spasm from samples and from frames, the rhythm of clonus, and jumps told from twitches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from atlasplane.pathways.spasm.analysis import analyse
from atlasplane.pathways.spasm.artefacts import energy_within
from atlasplane.pathways.spasm.context import Context, Stretch
from atlasplane.pathways.spasm.kinds import Kind, kind_of_parts, spasm_kind
from atlasplane.pathways.spasm.result import EventClass
from atlasplane.pathways.spasm.rhythm import rhythm
from atlasplane.pathways.spasm.settings import spasm_settings
from tests.spasm_cases import channel, envelope, frames, quiet_baseline, spasms

RATE_HZ = 2000.0
BAND = butter(4, (20.0, 450.0), "bandpass", fs=RATE_HZ, output="sos")
MUSCLE = butter(2, (60.0, 140.0), "bandpass", fs=RATE_HZ, output="sos")


def muscle(rng, shape):
    """Noise with a spectrum like muscle's, of unit power times a shape."""
    noise = sosfiltfilt(MUSCLE, rng.standard_normal(len(shape) + 4000))[2000:-2000]
    return shape * noise / noise.std()


def contractions(rng, seconds, hz, *, burst=0.55, jitter=0.03, rest=0.0):
    """Squared-cosine bursts about a steady beat; `rest` is the activity between them."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    n = int(seconds * hz)
    beats = (np.arange(n) + 0.5 + jitter * rng.standard_normal(n)) / hz
    phase = (time_s[:, None] - beats) * hz / burst
    bursts = np.where(np.abs(phase) < 0.5, np.cos(np.pi * phase), 0).max(axis=1)
    return rest + (1 - rest) * bursts


def potentials(rng, seconds, hz):
    """Firings of one motor unit: a biphasic potential of about 10 ms, with 15 % scatter of the intervals."""
    intervals = (1 + 0.15 * rng.standard_normal(round(seconds * hz * 1.3))) / hz
    at = np.cumsum(np.clip(intervals, 0.3 / hz, None))
    signal = np.zeros(round(seconds * RATE_HZ))
    signal[(at[at < seconds - 0.02] * RATE_HZ).astype(int)] = 1.0
    t = np.arange(-12, 13) / 5.0
    return np.convolve(signal, -t * np.exp(-(t**2) / 2), "same")


def kind_of(rng, signal, *, noise_uV=3.0, with_signal=True):
    """Class and frequency of a signal that is one event, seen through frames and, where asked, samples."""
    seen = sosfiltfilt(BAND, signal + noise_uV * rng.standard_normal(len(signal)))
    seconds = len(signal) / RATE_HZ
    power = np.square(seen).reshape(-1, round(0.05 * RATE_HZ)).mean(axis=1)
    baseline = quiet_baseline(rng)

    def read(start_s, stop_s):
        return seen[round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)].astype(np.float32), RATE_HZ

    return spasm_kind(
        Stretch(start_s=0.0, stop_s=seconds),
        np.maximum(power - baseline.noise_uV**2, 0),
        0.05,
        baseline=baseline,
        context=Context(signal=read if with_signal else None),
        settings=spasm_settings(),
    )


@pytest.mark.parametrize("with_signal", [True, False])
@pytest.mark.parametrize("hz", [4.7, 5.0, 5.5, 6.2, 6.67, 7.0])
def test_clonus_is_found_within_a_tenth_of_a_hertz(hz, with_signal):
    rng = np.random.default_rng(round(100 * hz))
    for seconds in (3.0, 10.0):
        signal = 30.0 * muscle(rng, contractions(rng, seconds, hz))
        class_, found_hz = kind_of(rng, signal, with_signal=with_signal)
        assert class_ is EventClass.CLONUS
        assert found_hz == pytest.approx(hz, abs=0.1)


@pytest.mark.parametrize("with_signal", [True, False])
def test_steady_activity_is_tonic(with_signal):
    rng = np.random.default_rng(1)
    for level in (8.0, 40.0):
        signal = level * muscle(rng, np.ones(round(10 * RATE_HZ)))
        assert kind_of(rng, signal, with_signal=with_signal) == (EventClass.TONIC, None)


def test_activity_that_shakes_is_mixed():
    rng = np.random.default_rng(2)
    class_, hz = kind_of(rng, 40.0 * muscle(rng, contractions(rng, 10.0, 5.6, rest=0.25)))
    assert class_ is EventClass.MIXED
    assert hz == pytest.approx(5.6, abs=0.1)


@pytest.mark.parametrize("hz", [5.0, 8.0, 10.0])
def test_single_potentials_are_a_unit(hz):
    rng = np.random.default_rng(3)
    assert kind_of(rng, 60.0 * potentials(rng, 20.0, hz)) == (EventClass.UNIT, None)


def test_a_short_contraction_is_a_myoclonus():
    rng = np.random.default_rng(4)
    shape = np.zeros(round(0.35 * RATE_HZ))
    shape[100:600] = np.hanning(500)
    assert kind_of(rng, 60.0 * muscle(rng, shape))[0] is EventClass.MYOCLONUS


def test_bursts_seconds_apart_are_no_clonus():
    rng = np.random.default_rng(5)
    bursts = [(20 + 1.5 * k, 20.8 + 1.5 * k, 40.0) for k in range(10)]
    found = spasms(analyse(channel(60), frames(rng, envelope(60, *bursts)), quiet_baseline(rng)))
    assert len(found) == 1
    assert found[0].class_ is EventClass.TONIC


def test_a_rhythm_is_that_of_least_squares():
    # A sine of depth 0.5 without noise: frequency and depth are exact up to the search's 1e-4 Hz.
    time_s = np.arange(400) * 0.05
    found = rhythm(np.square(10 * (1 + 0.5 * np.sin(2 * np.pi * 5.37 * time_s))), 0.05, 3.0, 9.0)
    assert found.frequency_hz == pytest.approx(5.37, abs=2e-4)
    assert found.depth == pytest.approx(0.5, abs=0.01)
    assert found.share > 0.999
    assert found.cycles == pytest.approx(20 * 5.37, abs=0.01)


def test_no_rhythm_in_what_is_short_or_even():
    assert rhythm(np.ones(10), 0.05, 3.0, 9.0) is None
    assert rhythm(np.ones(400), 0.05, 3.0, 9.0) is None
    assert rhythm(np.zeros(400), 0.05, 3.0, 9.0) is None


def test_a_step_leaves_the_band_pass_within_20_ms_and_a_twitch_does_not():
    rng = np.random.default_rng(6)
    limit = spasm_settings().jump_share
    for decay_s in (0.005, 0.02, 0.1, 10.0):
        signal = np.zeros(2000)
        signal[1000:] = 1000 * np.exp(-np.arange(1000) / RATE_HZ / decay_s)
        if decay_s == 10.0:
            signal[1000:] = 1000.0
        assert energy_within(sosfiltfilt(BAND, signal)[600:1400], RATE_HZ, 0.02) > limit
    shape = np.zeros(2000)
    shape[850:1150] = np.sqrt(np.hanning(300))
    shares = [
        energy_within(sosfiltfilt(BAND, muscle(rng, shape))[600:1400], RATE_HZ, 0.02) for _ in range(100)
    ]
    # Of a twitch of 150 ms at most one in ten is concentrated enough to be taken for a jump.
    assert np.mean(np.array(shares) > limit) <= 0.1
    assert energy_within(np.zeros(100), RATE_HZ, 0.02) == 0.0


def test_samples_tell_a_jump_that_frames_cannot():
    rng = np.random.default_rng(7)
    rms = envelope(60)
    rms[400:403] = (60.0, 80.0, 60.0)
    seen, baseline = frames(rng, rms), quiet_baseline(rng)
    step = np.zeros(round(60 * RATE_HZ))
    step[round(20.075 * RATE_HZ) :] = 2000.0
    clean = sosfiltfilt(BAND, step)

    def read(start_s, stop_s):
        return clean[round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)].astype(np.float32), RATE_HZ

    assert len(spasms(analyse(channel(60), seen, baseline))) == 1
    found = analyse(channel(60), seen, baseline, Context(signal=read))
    assert found.events == ()
    assert [each.why for each in found.excluded] == ["spasm.jump"]


def test_sparse_activity_that_is_strong_is_no_unit():
    """A unit of 60 uV has 9 uV over a threshold of 4.3 uV; eight times that is no single unit's."""
    rng = np.random.default_rng(8)
    for strength, class_ in ((60.0, EventClass.UNIT), (480.0, EventClass.TONIC)):
        assert kind_of(rng, strength * potentials(rng, 20.0, 8.0)) == (class_, None)


@pytest.mark.parametrize("gap_s", [0.5, 1.0, 25.0, 1e5])
def test_the_merge_gap_makes_no_class(gap_s):
    """Steady stretches and a jerk, half a minute apart, are steady however many a person counts as one."""
    rng = np.random.default_rng(9)
    signal = np.zeros(round(120 * RATE_HZ))
    for start, stop in ((10.0, 12.0), (40.0, 43.0), (70.0, 70.3), (100.0, 101.5)):
        part = slice(round(start * RATE_HZ), round(stop * RATE_HZ))
        signal[part] = muscle(rng, np.full(part.stop - part.start, 10.0))
    seen = sosfiltfilt(BAND, signal + 3.0 * rng.standard_normal(len(signal)))
    power = np.square(seen).reshape(-1, round(0.05 * RATE_HZ)).mean(axis=1)
    made = replace(frames(rng, np.zeros(len(power))), power_uV2=power.astype(np.float32))

    def read(start_s, stop_s):
        return seen[round(start_s * RATE_HZ) : round(stop_s * RATE_HZ)].astype(np.float32), RATE_HZ

    used = replace(spasm_settings(), merge_gap_s=gap_s)
    found = spasms(analyse(channel(120), made, quiet_baseline(rng), Context(signal=read), used))
    one, jerk = EventClass.TONIC, EventClass.MYOCLONUS
    assert [event.class_ for event in found] == ([one] if gap_s > 30 else [one, one, jerk, one])


@pytest.mark.parametrize(
    ("classes", "together"),
    [
        ("tonic tonic myoclonus", EventClass.TONIC),
        ("myoclonus myoclonus", EventClass.MYOCLONUS),
        ("clonus tonic", EventClass.MIXED),
        ("clonus clonus myoclonus", EventClass.CLONUS),
        ("unit unit", EventClass.UNIT),
        ("unit tonic", EventClass.TONIC),
        ("tonic cramp", EventClass.CRAMP),
    ],
)
def test_parts_of_an_event_make_its_class(classes, together):
    rhythm_hz = {EventClass.CLONUS: 5.0}
    parts = [Kind(EventClass(word), rhythm_hz.get(EventClass(word)), 2.0) for word in classes.split()]
    found = kind_of_parts(parts)
    assert found.class_ is together
    assert found.frequency_hz == (5.0 if together in (EventClass.CLONUS, EventClass.MIXED) else None)


@pytest.mark.parametrize("gap_s", [1.0, 1e5])
def test_clonus_stays_one_however_far_apart_its_parts_are(gap_s):
    """Two bouts whose beats have nothing to do with each other."""
    rng = np.random.default_rng(10)
    signal = np.zeros(round(100 * RATE_HZ))
    for start, hz in ((10.0, 5.0), (70.13, 6.2)):
        shape = contractions(rng, 4.0, hz)
        signal[round(start * RATE_HZ) :][: len(shape)] = 30.0 * muscle(rng, shape)
    seen = sosfiltfilt(BAND, signal + 3.0 * rng.standard_normal(len(signal)))
    power = np.square(seen).reshape(-1, round(0.05 * RATE_HZ)).mean(axis=1)
    made = replace(frames(rng, np.zeros(len(power))), power_uV2=power.astype(np.float32))
    used = replace(spasm_settings(), merge_gap_s=gap_s)
    found = spasms(analyse(channel(100), made, quiet_baseline(rng), Context(), used))
    assert {event.class_ for event in found} == {EventClass.CLONUS}
    assert len(found) == (1 if gap_s > 60 else 2)
