"""The demo's recorded nights: both upper trapezius muscles with a motion sensor, spasms at a stated rate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cache

import numpy as np

from atlasplane.simulate.recording_plan import (
    Heart,
    Mains,
    MotionSensor,
    Movement,
    PlannedChannel,
    PlannedEvent,
    RecorderNoise,
    RecordingPlan,
    TruthClass,
)
from atlasplane.sources.recording import BodySide

NIGHT_FILE = "night.edf"
MUSCLE = "trapezius_upper"
DURATION_S = 4 * 3600.0
QUIET_S = (30.0, 330.0)
"""Lying still before sleep, noted in the recording."""
PERIOD_S = Fraction(1, 1000)
MOTION_PERIOD_S = Fraction(1, 25)
_CHANNELS: tuple[tuple[str, BodySide, float], ...] = (("TRAP L", "left", 45.0), ("TRAP R", "right", 25.0))
"""Label, side, and peak of the R wave of the heart, uV: it lies nearer to the left."""
_HOUR_S = 3600.0
_FIRST_S = QUIET_S[1] + 20.0
_GAP_S = 4.0
"""Least pause between two events of one side: nearer ones a person would not count as two."""
_CLONUS_HZ = (4.7, 7.0)
"""Wallace et al. 2005, J Appl Physiol 99:2166."""
_TURNS_PER_HOUR = 5.0
"""Changes of posture in sleep; 3 to 6 an hour are usual (De Koninck et al. 1992, Sleep 15:143)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpasmLaw:
    """How often spasms come, per hour, and how strong they are, uV.

    Attributes
    ----------
    tonic_per_hour, clonus_per_hour : (float, float)
        Left and right.
    rms_uV : (float, float)
        Range of the strengths, even on the scale of the logarithm.
    """

    tonic_per_hour: tuple[float, float]
    clonus_per_hour: tuple[float, float]
    rms_uV: tuple[float, float] = (12.0, 60.0)


def night_plan(rng: np.random.Generator, law: SpasmLaw, started: datetime) -> RecordingPlan:
    """A night: spasms come independently of each other, changes of posture beside them.

    Parameters
    ----------
    rng : Generator
    law : SpasmLaw
    started : datetime with offset
    """
    movements, events = _happenings(rng, law)
    return RecordingPlan(
        seed=int(rng.integers(2**62)),
        duration_s=DURATION_S,
        period_s=PERIOD_S,
        channels=tuple(
            PlannedChannel(
                label=label,
                muscle=MUSCLE,
                side=side,
                noise=RecorderNoise(rms_uV=float(rng.uniform(1.6, 2.4)), drift=0.03),
                heart_uV=heart_uV,
                mains_uV=float(rng.uniform(0.5, 2.0)),
            )
            for label, side, heart_uV in _CHANNELS
        ),
        events=events,
        movements=movements,
        heart=Heart(rate_per_min=58.0),
        mains=Mains(),
        motion=MotionSensor(period_s=MOTION_PERIOD_S),
        quiet=(QUIET_S,),
        started=started,
        file=NIGHT_FILE,
    )


def _happenings(
    rng: np.random.Generator, law: SpasmLaw
) -> tuple[tuple[Movement, ...], tuple[PlannedEvent, ...]]:
    """Movements, and the events of both sides in time order."""
    movements = _turns(rng)
    taken = [(m.start_s - _GAP_S, m.stop_s + _GAP_S) for m in movements]
    events: list[PlannedEvent] = [_work(rng, m, side) for m in movements for side in (0, 1)]
    for side in (0, 1):
        own = list(taken)
        events += _spasms(rng, law, side, "tonic", own)
        events += _spasms(rng, law, side, "clonus", own)
    return movements, tuple(sorted(events, key=lambda event: (event.start_s, event.channel)))


def _turns(rng: np.random.Generator) -> tuple[Movement, ...]:
    found: list[Movement] = []
    now_s = _FIRST_S
    while True:
        now_s += 60.0 + float(rng.exponential(_HOUR_S / _TURNS_PER_HOUR - 60.0))
        length_s = float(rng.uniform(2.0, 8.0))
        if now_s + length_s > DURATION_S - 30.0:
            return tuple(found)
        found.append(
            Movement(
                start_s=now_s,
                stop_s=now_s + length_s,
                acceleration_g=float(rng.uniform(0.08, 0.3)),
                turn_deg=float(rng.uniform(10.0, 60.0)),
                artefact_uV=float(rng.uniform(20.0, 150.0)),
            )
        )
        now_s += length_s


def _work(rng: np.random.Generator, movement: Movement, side: int) -> PlannedEvent:
    """The muscle work of a change of posture."""
    return PlannedEvent(
        channel=side,
        start_s=movement.start_s,
        stop_s=movement.stop_s,
        class_="voluntary",
        rms_uV=float(rng.uniform(30.0, 120.0)),
    )


def _spasms(
    rng: np.random.Generator,
    law: SpasmLaw,
    side: int,
    class_: TruthClass,
    taken: list[tuple[float, float]],
) -> list[PlannedEvent]:
    """Spasms of one class and side; one that meets what is there already does not come about."""
    per_hour = (law.clonus_per_hour if class_ == "clonus" else law.tonic_per_hour)[side]
    n = rng.poisson(per_hour * DURATION_S / _HOUR_S)
    found: list[PlannedEvent] = []
    for start_s in np.sort(rng.uniform(_FIRST_S, DURATION_S - 90.0, n)).tolist():
        rms_uV = float(np.exp(rng.uniform(*np.log(law.rms_uV))))
        frequency_hz = float(rng.uniform(*_CLONUS_HZ)) if class_ == "clonus" else None
        length_s = float(np.clip(rng.lognormal(np.log(14.0), 0.7), 2.0, 80.0))
        if frequency_hz is not None:  # a clonus is shorter, and a whole number of contractions
            length_s = max(8, round(length_s / 3 * frequency_hz)) / frequency_hz
        stop_s = start_s + length_s
        if any(start_s < high and stop_s > low for low, high in taken):
            continue
        taken.append((start_s - _GAP_S, stop_s + _GAP_S))
        found.append(
            PlannedEvent(
                channel=side,
                start_s=start_s,
                stop_s=stop_s,
                class_=class_,
                rms_uV=rms_uV,
                frequency_hz=frequency_hz,
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A recorded night, and the law that its spasms come by."""

    plan: RecordingPlan
    law: SpasmLaw

    def truth(self) -> dict[str, dict[str, float | None]]:
        """True burdens by observation key, per cent of the time outside of the quiet stretch.

        `film` is that of this very night, `patient` what nights of this law have on average, to a twentieth
        of the spread between nights.
        """
        return {
            f"spasm_burden/{channel.muscle}/{channel.side}": {
                "film": _burden_percent(self.plan.events, k),
                "patient": _usual_burdens(self.law)[k],
            }
            for k, channel in enumerate(self.plan.channels)
        }


@cache
def _usual_burdens(law: SpasmLaw) -> tuple[float, float]:
    nights = [_happenings(np.random.default_rng([_NIGHTS, n]), law)[1] for n in range(_NIGHTS)]
    left, right = (float(np.mean([_burden_percent(night, side) for night in nights])) for side in (0, 1))
    return left, right


def _burden_percent(events: Iterable[PlannedEvent], side: int) -> float:
    low, high = QUIET_S
    lengths = (e.duration_s for e in events if e.channel == side and e.class_ != "voluntary")
    return 100 * sum(lengths) / (DURATION_S - (high - low))


_NIGHTS = 400
"""Drawn for the average."""
