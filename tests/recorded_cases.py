"""Short simulated recordings of muscle activity, in memory and as files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from atlasplane.simulate.night import write_night
from atlasplane.simulate.recording_plan import (
    MotionSensor,
    Movement,
    PlannedChannel,
    PlannedEvent,
    RecorderNoise,
    RecordingPlan,
)
from atlasplane.simulate.semg_recording import simulated_recording
from atlasplane.sources.recording import Recording

NOISE_UV = 2.0
QUIET = (0.0, 20.0)
STARTED = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
SPASMS = ((30.0, 40.0), (60.0, 66.0), (100.0, 104.0))
"""Of the left channel."""
CLONUS = (70.0, 76.0)
"""Of the right channel, 30 contractions at 5 Hz."""
WORK = (130.0, 134.0)
"""Both muscles work while the body moves."""
DURATION_S = 160.0


def emg(label: str, side: str | None = "left", **fields: object) -> PlannedChannel:
    noise = RecorderNoise(rms_uV=NOISE_UV)
    return PlannedChannel(label=label, muscle="trapezius_upper", side=side, noise=noise, **fields)


def tonic(channel: int, start_s: float, stop_s: float, rms_uV: float = 30.0) -> PlannedEvent:
    return PlannedEvent(
        channel=channel, start_s=start_s, stop_s=stop_s, class_="tonic", rms_uV=rms_uV, fluctuation=0.0
    )


def work(channel: int, start_s: float, stop_s: float, rms_uV: float = 60.0) -> PlannedEvent:
    return PlannedEvent(channel=channel, start_s=start_s, stop_s=stop_s, class_="voluntary", rms_uV=rms_uV)


def moved(start_s: float, stop_s: float, **fields: object) -> Movement:
    return Movement(start_s=start_s, stop_s=stop_s, acceleration_g=0.2, **fields)


def plan_of(
    channels: Sequence[PlannedChannel], events: Sequence[PlannedEvent], duration_s: float, **fields: object
) -> RecordingPlan:
    return RecordingPlan(
        seed=11,
        duration_s=duration_s,
        period_s=Fraction(1, 1000),
        channels=tuple(channels),
        events=tuple(events),
        **fields,
    )


def pair_plan(**fields: object) -> RecordingPlan:
    """Both trapezius muscles with a motion sensor: three tonic spasms left, a clonus right, one movement."""
    clonus = PlannedEvent(
        channel=1, start_s=CLONUS[0], stop_s=CLONUS[1], class_="clonus", rms_uV=40.0, frequency_hz=5.0
    )
    known: dict[str, object] = {
        "quiet": (QUIET,),
        "started": STARTED,
        "movements": (moved(*WORK),),
        "motion": MotionSensor(period_s=Fraction(1, 50)),
        "file": "night.edf",
    }
    events = [*(tonic(0, *ends) for ends in SPASMS), clonus, work(0, *WORK), work(1, *WORK)]
    plan = plan_of([emg("TRAP L"), emg("TRAP R", "right")], events, DURATION_S, **known)
    return replace(plan, **fields)


def pair(**fields: object) -> Recording:
    """The same as a recording in memory."""
    return simulated_recording(pair_plan(**fields))


def night_file(folder: Path, name: str = "night.edf", **fields: object) -> Path:
    """The same as EDF+, with the truth as labels beside it."""
    path = folder / name
    write_night(path, pair_plan(**fields), truth=True)
    return path
