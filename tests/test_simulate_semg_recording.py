"""A planned recording: levels, rhythm, disturbances, and that it is the same however it is read."""

from __future__ import annotations

import math
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from scipy import signal

from atlasplane.pathways.spasm.result import EventClass
from atlasplane.simulate.recording_plan import (
    DropOut,
    Generator,
    Heart,
    Mains,
    MotionSensor,
    Movement,
    PlannedChannel,
    PlannedEvent,
    Pop,
    RecorderNoise,
    RecordingPlan,
    TruthClass,
)
from atlasplane.simulate.semg_channel import LEVELS, heart_beats
from atlasplane.simulate.semg_envelope import envelope
from atlasplane.simulate.semg_recording import simulated_blocks, simulated_recording
from atlasplane.simulate.semg_spectrum import PIECE
from atlasplane.simulate.semg_truth import truth_labels
from atlasplane.sources.recording import ChannelKind

RATE_HZ = 2000
SILENT = RecorderNoise(rms_uV=0.05)


def channel(**over: object) -> PlannedChannel:
    return replace(PlannedChannel(label="EMG", noise=SILENT), **over)  # type: ignore[arg-type]


def event(**over: object) -> PlannedEvent:
    usual = {"channel": 0, "start_s": 5.0, "stop_s": 45.0, "class_": "tonic", "rms_uV": 50.0}
    return PlannedEvent(**{**usual, **over})  # type: ignore[arg-type]


def plan(**over: object) -> RecordingPlan:
    usual = {"seed": 3, "duration_s": 60.0, "channels": (channel(),)}
    return RecordingPlan(**{**usual, **over})  # type: ignore[arg-type]


def samples(
    made: RecordingPlan, number: int = 0, start_s: float = 0, stop_s: float | None = None
) -> np.ndarray:
    recording = simulated_recording(made)
    rate, n = recording.channels[number].rate_hz, recording.channels[number].n_samples
    stop = n if stop_s is None else round(stop_s * rate)
    return recording.samples.read(number, round(start_s * rate), stop).astype(float)


def busy_plan(duration_s: float = 60.0) -> RecordingPlan:
    return plan(
        duration_s=duration_s,
        channels=(
            channel(label="a", heart_uV=300, mains_uV=20, noise=RecorderNoise(drift=0.1), offset_uV=30),
            channel(
                label="b",
                generator=Generator.UNITS,
                heart_uV=-100,
                pops=(Pop(at_s=30, step_uV=900),),
                drop_outs=(DropOut(start_s=50, stop_s=51),),
            ),
        ),
        events=(
            event(),
            event(channel=1),
            event(channel=1, start_s=46, stop_s=49, class_="unit", rms_uV=8),
            event(start_s=46, stop_s=48, class_="clonus", frequency_hz=5.0),
        ),
        movements=(Movement(start_s=14, stop_s=17, artefact_uV=800, step_uV=300, turn_deg=30),),
        heart=Heart(reference_uV=800),
        mains=Mains(),
        motion=MotionSensor(start_s=0.01, clock_ppm=20),
        quiet=((0.0, 4.0),),
    )


# The same however it is read


@pytest.mark.parametrize("length", [1, 777, PIECE, 50_000])
def test_blocks_of_any_length_hold_the_same_samples(length: int) -> None:
    made = plan(duration_s=0.5 if length == 1 else 40.0, events=(event(),))
    whole = samples(made)
    np.testing.assert_array_equal(np.concatenate(list(simulated_blocks(made, 0, length))), whole)


def test_every_channel_reads_the_same_backwards_and_by_threads() -> None:
    made = busy_plan()
    whole = [samples(made, number) for number in range(6)]
    recording = simulated_recording(made)

    def read(task: tuple[int, int]) -> tuple[int, int, np.ndarray]:
        number, first = task
        stop = min(first + 9000, recording.channels[number].n_samples)
        return number, first, recording.samples.read(number, first, stop)

    tasks = [(n, first) for n in range(6) for first in range(0, len(whole[n]), 9000)]
    with ThreadPoolExecutor(4) as workers:
        for number, first, part in workers.map(read, reversed(tasks)):
            np.testing.assert_array_equal(part, whole[number][first : first + len(part)])


def test_equal_plans_are_equal_and_other_seeds_are_not() -> None:
    made = busy_plan(20.0)
    np.testing.assert_array_equal(samples(made, 1), samples(busy_plan(20.0), 1))
    assert not np.array_equal(samples(made, 1), samples(replace(made, seed=4), 1))


def test_a_day_takes_no_more_memory_than_a_minute() -> None:
    made = busy_plan(24 * 3600.0)
    tracemalloc.start()
    recording = simulated_recording(made)
    for number in (0, 1, 2, 3):
        last = recording.channels[number].n_samples
        recording.samples.read(number, last - 40_000, last)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The beats of a day (1e5 of 8 bytes, a few arrays while they are made), some pieces and tables.
    assert peak < 40e6


# Levels


@pytest.mark.parametrize("generator", list(Generator))
@pytest.mark.parametrize("rms_uV", [5.0, 50.0, 200.0])
def test_events_have_their_planned_level(generator: Generator, rms_uV: float) -> None:
    made = plan(
        duration_s=130, channels=(channel(generator=generator),), events=(event(stop_s=125, rms_uV=rms_uV),)
    )
    heard = samples(made, 0, 5, 125)
    seconds = np.square(heard).reshape(120, -1).mean(axis=1)
    # Five standard errors of a mean of 120 seconds, their slow fluctuation included.
    error = seconds.std(ddof=1) / math.sqrt(120)
    assert np.mean(seconds) == pytest.approx(rms_uV**2, abs=5 * error + SILENT.rms_uV**2 * 10)
    assert error < 0.06 * rms_uV**2


@pytest.mark.parametrize(
    ("class_", "length_s", "frequency_hz"),
    [("clonus", 6.0, 5.5), ("mixed", 20.0, 6.0), ("myoclonus", 0.3, None), ("cramp", 30.0, None)],
)
def test_envelopes_of_all_classes_have_the_planned_mean_square(
    class_: TruthClass, length_s: float, frequency_hz: float | None
) -> None:
    one = event(class_=class_, stop_s=5 + length_s, frequency_hz=frequency_hz, rise_s=0.1, fall_s=0.1)
    time_s = np.linspace(5, 5 + length_s, 400_001)
    assert np.mean(envelope(one, 1, 2).at(time_s) ** 2) == pytest.approx(50.0**2, rel=2e-3)


def test_an_event_starts_and_stops_at_half_its_height() -> None:
    one = envelope(event(fluctuation=0.0, rise_s=0.4, fall_s=0.6), 1)
    values = one.at(np.array([4.79, 5.0, 5.21, 44.69, 45.0, 45.31]))
    top = values[2]
    np.testing.assert_allclose(values / top, [0, 0.5, 1, 1, 0.5, 0], atol=1e-12)


def test_a_linear_ramp_is_straight() -> None:
    one = envelope(event(fluctuation=0.0, rise_s=0.4, fall_s=0.4, ramp="linear"), 1)
    values = one.at(np.array([4.9, 5.0, 5.1, 6.0]))
    np.testing.assert_allclose(values / values[3], [0.25, 0.5, 0.75, 1], atol=1e-12)


def test_activity_of_two_events_adds_in_power() -> None:
    both = plan(events=(event(rms_uV=30), event(rms_uV=40)))
    heard = np.square(samples(both, 0, 5, 45)).reshape(40, -1).mean(axis=1)
    assert heard.mean() == pytest.approx(50**2, abs=5 * heard.std() / math.sqrt(40))


def test_spasm_may_fill_the_whole_record() -> None:
    made = plan(events=(event(start_s=-5, stop_s=65),))
    seconds = np.sqrt(np.square(samples(made)).reshape(60, -1).mean(axis=1))
    assert seconds.min() > 20
    label = truth_labels(made)[0]
    assert (label.start_s, label.stop_s) == (0.0, 60.0)


def test_weak_units_are_spikier_than_weak_noise() -> None:
    kurtosis = {}
    for generator in Generator:
        made = plan(channels=(channel(generator=generator),), events=(event(rms_uV=6, fluctuation=0.0),))
        heard = samples(made, 0, 6, 44)
        kurtosis[generator] = np.mean(heard**4) / np.mean(heard**2) ** 2
    assert kurtosis[Generator.NOISE] == pytest.approx(3, abs=0.3)
    assert kurtosis[Generator.UNITS] > 4


def test_a_unit_alone_fires_6_to_12_times_a_second_at_its_level() -> None:
    heard = samples(plan(events=(event(class_="unit", rms_uV=8.0),)), 0, 5, 45)
    seconds = np.square(heard).reshape(40, -1).mean(axis=1)
    assert seconds.mean() == pytest.approx(64, abs=5 * seconds.std() / math.sqrt(40))
    loud = np.abs(heard) > 0.6 * np.abs(heard).max()
    # Phases of one firing lie within its longest potential.
    firings = 1 + np.count_nonzero(np.diff(np.flatnonzero(loud)) > 0.015 * RATE_HZ)
    assert 6 * 0.9 < firings / 40 < 12 * 1.1


# Rhythm


@pytest.mark.parametrize("generator", list(Generator))
@pytest.mark.parametrize("frequency_hz", [4.7, 5.9, 7.0])
def test_a_clonus_has_exactly_its_frequency(generator: Generator, frequency_hz: float) -> None:
    length_s = 60 / frequency_hz
    one = event(stop_s=5 + length_s, class_="clonus", frequency_hz=frequency_hz)
    made = plan(channels=(channel(generator=generator),), events=(one,))
    power = np.square(samples(made, 0, 5, 5 + length_s))
    tried = np.arange(3.5, 9.0, 0.002)
    time_s = np.arange(len(power)) / RATE_HZ
    line = [abs(np.exp(-2j * math.pi * f * time_s) @ (power - power.mean())) for f in tried]
    # A line over T seconds is placed to sqrt(6) / (pi T sqrt(2 n s)), s: line over background in each of n
    # contractions, here at least 1; five of those.
    assert tried[np.argmax(line)] == pytest.approx(
        frequency_hz, abs=5 * math.sqrt(6) / (math.pi * length_s * math.sqrt(2 * 60))
    )
    assert truth_labels(made)[0].frequency_hz == frequency_hz


def test_contractions_do_not_drift_from_the_beat() -> None:
    one = event(stop_s=5 + 60 / 6.0, class_="clonus", frequency_hz=6.0)
    beats = envelope(one, 9).beat_s
    assert len(beats) == 60
    off = beats - (5 + (np.arange(60) + 0.5) / 6.0)
    assert np.abs(off).max() <= 0.09 / 6.0 + 1e-12
    assert 0.02 < off.std() * 6 < 0.04


# Heart, mains, movement


def test_the_heart_beats_at_its_rate() -> None:
    made = plan(duration_s=3600, heart=Heart(rate_per_min=72, variability=0.06))
    beats = heart_beats(made)
    assert beats is not None
    intervals = np.diff(beats)
    # Slow change, 0.003 Hz at least, leaves of its 6 % at most 1 / (pi 0.003 3600) of a mean over the hour.
    assert 60 / intervals.mean() == pytest.approx(72, rel=0.06 / (math.pi * 0.003 * 3600) + 0.003)
    assert intervals.std() / intervals.mean() == pytest.approx(0.06, rel=0.15)
    assert intervals.min() > 0.5 * 60 / 72 - 1e-9


def test_all_channels_hear_the_same_beats_with_their_own_height() -> None:
    made = plan(
        channels=(channel(label="a", heart_uV=400), channel(label="b", heart_uV=-100)),
        heart=Heart(reference_uV=900),
    )
    beats = heart_beats(made)
    assert beats is not None
    inside = beats[(beats > 0.5) & (beats < 59)]
    recording = simulated_recording(made)
    assert [one.kind for one in recording.channels] == [ChannelKind.EMG, ChannelKind.EMG, ChannelKind.ECG]
    for number, peak in ((0, 400), (1, -100), (2, 900)):
        heard = samples(made, number)[np.rint(inside * RATE_HZ).astype(int)]
        assert np.mean(heard) == pytest.approx(peak, rel=0.05)


def test_mains_has_frequency_amplitude_and_harmonics() -> None:
    mains = Mains(frequency_hz=60.0, wander_hz=0.0, drift=0.0, harmonics=(1.0, 0.0, 0.25))
    heard = samples(plan(channels=(channel(mains_uV=20),), mains=mains))
    time_s = np.arange(len(heard)) / RATE_HZ
    lines = [2 * abs(np.mean(heard * np.exp(-2j * math.pi * f * time_s))) for f in (60, 120, 180, 61)]
    # 60 s of quiet noise leave 4 sd sqrt(2 / n) beside a line; the recorder's step is a sixth of a microvolt.
    np.testing.assert_allclose(lines, [20, 0, 5, 0], atol=0.01)


def test_mains_drifts_within_its_bounds_without_a_jump() -> None:
    mains = Mains(wander_hz=0.05, drift=0.3, harmonics=(1.0,))
    made = plan(duration_s=120, channels=(channel(mains_uV=100),), mains=mains)
    analytic = signal.hilbert(samples(made))[RATE_HZ:-RATE_HZ]
    frequency = np.diff(np.unwrap(np.angle(analytic))) * RATE_HZ / (2 * math.pi)
    smooth = np.convolve(frequency, np.ones(RATE_HZ) / RATE_HZ, "valid")
    assert np.abs(smooth - 50).max() < 0.05 + 0.01
    assert np.abs(np.diff(np.abs(analytic))).max() < 2, "the amplitude never jumps"


def test_artefacts_of_movement_are_slow() -> None:
    made = plan(movements=(Movement(start_s=10, stop_s=40, artefact_uV=1000),))
    frequency, density = signal.welch(samples(made, 0, 10, 40), RATE_HZ, nperseg=4 * RATE_HZ)
    assert density[frequency > 20].sum() < 1e-3 * density.sum()
    peak = np.abs(samples(made, 0, 10, 40)).max()
    assert 300 < peak < 1800
    assert np.abs(samples(made, 0, 0, 9.9)).max() < 1


def test_steps_and_pops_jump_and_decay() -> None:
    pop = plan(channels=(channel(pops=(Pop(at_s=10.0, step_uV=900, decay_s=0.05),)),))
    heard = samples(pop, 0, 9.9, 11)
    assert np.abs(heard[: round(0.099 * RATE_HZ)]).max() < 1
    assert heard[round(0.1 * RATE_HZ) + 1] == pytest.approx(900, rel=0.02)
    assert heard[round(0.15 * RATE_HZ)] == pytest.approx(900 / math.e, rel=0.05)
    tug = samples(plan(movements=(Movement(start_s=10, stop_s=11, step_uV=500),)), 0, 9, 20)
    assert 100 < np.abs(tug).max() < 1500
    assert np.abs(tug[-200:]).max() < 1


def test_the_motion_sensor_sees_movement_gravity_and_a_new_posture() -> None:
    made = plan(
        motion=MotionSensor(), movements=(Movement(start_s=20, stop_s=25, acceleration_g=0.2, turn_deg=60),)
    )
    axes = np.stack([samples(made, number) for number in (1, 2, 3)])
    time_s = np.arange(axes.shape[1]) * 0.00675
    before, after = axes[:, time_s < 19].mean(axis=1), axes[:, time_s > 26].mean(axis=1)
    assert np.linalg.norm(before) == pytest.approx(1, abs=0.003)
    angle = math.degrees(math.acos(before @ after / np.linalg.norm(before) / np.linalg.norm(after)))
    assert angle == pytest.approx(60, abs=0.5)
    assert np.sqrt(np.square(np.diff(axes[:, time_s < 19])).mean()) < 0.008
    still = plan(motion=MotionSensor(), movements=(Movement(start_s=5, stop_s=55, acceleration_g=0.2),))
    moving = np.stack([samples(still, number) for number in (1, 2, 3)])[
        :, round(6 / 0.00675) : round(54 / 0.00675)
    ]
    # Eight waves of unit power each axis; beats between them move the mean square of 48 s by a few percent.
    assert math.sqrt(moving.var(axis=1).sum()) == pytest.approx(0.2, rel=0.15)


def test_the_motion_sensor_has_its_own_clock() -> None:
    slow = plan(
        duration_s=100, motion=MotionSensor(start_s=0.02), movements=(Movement(start_s=50, stop_s=60),)
    )
    recording = simulated_recording(slow)
    sensor = recording.channels[1]
    assert (sensor.label, sensor.kind, sensor.unit) == ("ACC X", ChannelKind.ACCELERATION, "[g]")
    assert sensor.period_s == Fraction(27, 4000)
    assert sensor.start_s == 0.02
    assert sensor.n_samples == int((100 - 0.02) / 0.00675)


# What the recorder does


def test_samples_lie_on_the_steps_of_a_16_bit_recorder() -> None:
    heard = samples(plan(channels=(channel(range_uV=3000.0),), events=(event(),)))
    steps = heard / (3000 / LEVELS)
    assert np.abs(steps - np.rint(steps)).max() < 1e-2


def test_what_exceeds_the_range_is_clipped() -> None:
    made = plan(channels=(channel(range_uV=100.0),), events=(event(rms_uV=100),))
    heard = samples(made, 0, 6, 44)
    assert heard.max() == pytest.approx(100.0, rel=1e-6)
    assert heard.min() == pytest.approx(-100.0, rel=1e-6)
    # A Gaussian lies beyond one standard deviation for 31.7 %; the amplitude fluctuates by 15 %.
    assert np.mean(np.abs(heard) > 99.9) == pytest.approx(0.317, abs=0.03)
    assert (simulated_recording(made).channels[0].low, simulated_recording(made).channels[0].high) == (
        -100,
        100,
    )


@pytest.mark.parametrize(("shows", "value"), [("nan", np.nan), ("zero", 0.0), ("rail", 5500.0)])
def test_a_drop_out_shows_what_is_planned(shows: str, value: float) -> None:
    lost = DropOut(start_s=15.0, stop_s=16.0, shows=shows)  # type: ignore[arg-type]
    heard = samples(plan(channels=(channel(offset_uV=100, drop_outs=(lost,)),)), 0, 14, 17)
    np.testing.assert_allclose(heard[RATE_HZ : 2 * RATE_HZ], value, rtol=1e-6)
    assert np.all(np.abs(heard[:RATE_HZ] - 100) < 5)
    assert np.all(np.abs(heard[2 * RATE_HZ :] - 100) < 5)


def test_noise_drifts_over_hours() -> None:
    made = plan(duration_s=4 * 3600.0, channels=(channel(noise=RecorderNoise(rms_uV=2, drift=0.2)),))
    levels = [samples(made, 0, at, at + 2).std() for at in range(0, 14_000, 400)]
    assert 0.05 < np.std(levels) / np.mean(levels) < 0.4


# Plan, notes, truth


def test_the_recording_tells_what_it_is() -> None:
    recording = simulated_recording(busy_plan())
    assert recording.simulated
    assert [one.label for one in recording.channels] == ["a", "b", "ECG", "ACC X", "ACC Y", "ACC Z"]
    assert [(note.text, note.start_s, note.duration_s) for note in recording.annotations] == [
        ("quiet", 0.0, 4.0)
    ]
    noted = replace(busy_plan(), movements=(Movement(start_s=14, stop_s=17, annotated=True),))
    assert [note.text for note in simulated_recording(noted).annotations] == ["quiet", "movement"]


def test_odd_periods_stay_exact() -> None:
    made = plan(period_s=Fraction(27, 40_000), duration_s=27.0)
    assert simulated_recording(made).channels[0].n_samples == 40_000
    assert simulated_recording(made).channels[0].period_s == Fraction(27, 40_000)


def test_truth_is_cut_to_the_record_and_in_order() -> None:
    made = plan(
        events=(event(start_s=30, stop_s=70), event(start_s=-3, stop_s=4), event(start_s=61, stop_s=65))
    )
    labels = truth_labels(made)
    assert [(one.start_s, one.stop_s) for one in labels] == [(0.0, 4.0), (30.0, 60.0)]
    assert all(one.is_spasm for one in labels)
    assert not truth_labels(plan(events=(event(class_="voluntary"),)))[0].is_spasm


def test_truth_knows_the_classes_of_the_detector() -> None:
    assert set(get_args(TruthClass)) == {one.value for one in EventClass} - {"unattributed"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"stop_s": 5.0}, "stop_s > start_s"),
        ({"rms_uV": 0.0}, "rms_uV > 0"),
        ({"class_": "clonus"}, "have a frequency"),
        ({"frequency_hz": 5.0}, "have a frequency"),
        ({"rise_s": 50.0}, "ramp"),
    ],
)
def test_impossible_events_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        event(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"duration_s": 0.0}, "duration_s > 0"),
        ({"channels": ()}, "1 to 16 channels"),
        ({"events": (event(channel=1),)}, "names channel 1"),
    ],
)
def test_impossible_plans_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plan(**wrong)


def test_impossible_hearts_and_movements_are_refused() -> None:
    with pytest.raises(ValueError, match="beats a minute"):
        Heart(rate_per_min=5)
    with pytest.raises(ValueError, match="stop_s > start_s"):
        Movement(start_s=2, stop_s=2)
