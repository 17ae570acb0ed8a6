"""A recording being drawn: spasms, voluntary work and movements one after another, and its electrodes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

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
    Spectrum,
    TruthClass,
    UnitPool,
)
from atlasplane.simulate.semg_ranges import Range, Ranges

LEAST_SURE_UV = 10.0
"""Events of one recording lie all below or all above this level."""
SHORTEST_S = 60.0
_MARGIN_S = 1.0
"""Least time between anything that happens and what happens next."""


@dataclass(slots=True)
class Draft:
    """A recording being drawn: time moves on with everything that happens.

    Attributes
    ----------
    rng : Generator
    ranges : Ranges
    n_channels : int
    duration_s : float
    level_uV : float
        About which the spasms lie.
    has_motion : bool
        Whether there is a motion sensor; voluntary work is noted where there is none.
    accidents_per_hour : float
        Drop-outs, and as many jumps of an electrode, of each channel.
    now_s : float
    events, movements
        Drawn so far.
    """

    rng: np.random.Generator
    ranges: Ranges
    n_channels: int
    duration_s: float
    level_uV: float
    has_motion: bool = False
    accidents_per_hour: float = 0.0
    now_s: float = 0.0
    events: list[PlannedEvent] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not self.duration_s >= SHORTEST_S:
            raise ValueError(f"a drawn recording lasts {SHORTEST_S:g} s at least, got {self.duration_s:g} s")

    def quiet(self) -> tuple[float, float]:
        """A quiet stretch from now on, a quarter of the recording at most: start and stop [s]."""
        start = self.now_s + 0.5
        stop = start + min(self.ranges.quiet.draw(self.rng), self.duration_s / 4)
        self.now_s = stop + _MARGIN_S
        return start, stop

    def wait(self, gap: Range) -> bool:
        """Let time pass; False when the recording is over (nothing may begin in its last three seconds)."""
        self.now_s += max(gap.draw(self.rng), _MARGIN_S)
        return self.now_s < self.duration_s - 3.0

    def spasm(self, class_: TruthClass, length: Range) -> None:
        """A spasm on one or more channels, from now on."""
        wanted = self._length(class_, length.draw(self.rng))
        chosen = np.flatnonzero(self.rng.random(self.n_channels) < 0.7)
        if not len(chosen):
            chosen = np.array([self.rng.integers(self.n_channels)])
        for channel in chosen:
            self.events.append(self.event(int(channel), class_, self.now_s, wanted))
        self.now_s = max(event.stop_s + event.fall_s / 2 for event in self.events[-len(chosen) :])

    def _length(self, class_: TruthClass, wanted_s: float) -> float:
        rest = self.duration_s - 1.0 - self.now_s
        return min(wanted_s, rest) if class_ != "myoclonus" else wanted_s

    def event(self, channel: int, class_: TruthClass, start_s: float, length_s: float) -> PlannedEvent:
        """One event at about the recording's level."""
        rng, ranges = self.rng, self.ranges
        frequency = ranges.clonus.draw(rng) if class_ in ("clonus", "mixed") else None
        if class_ == "clonus" and frequency is not None:
            length_s = max(3, int(length_s * frequency)) / frequency
        longest = 0.45 * length_s
        return PlannedEvent(
            channel=channel,
            start_s=start_s,
            stop_s=start_s + length_s,
            class_=class_,
            rms_uV=self.event_level_uV(class_),
            rise_s=min(ranges.rise.draw(rng), longest),
            fall_s=min(ranges.fall.draw(rng), longest),
            fluctuation=ranges.fluctuation.draw(rng),
            frequency_hz=frequency,
            burst=ranges.burst.draw(rng),
            ramp=ranges.ramp,
        )

    def event_level_uV(self, class_: TruthClass) -> float:
        """Near the recording's level, on the same side of the least sure one."""
        level = self.level_uV * float(np.exp(0.2 * self.rng.standard_normal()))
        if class_ == "cramp":
            level *= 2
        if self.level_uV < LEAST_SURE_UV:
            return float(np.clip(level, self.ranges.level.low, 0.999 * LEAST_SURE_UV))
        return float(np.clip(level, LEAST_SURE_UV, self.ranges.level.high))

    def voluntary(self, length: Range) -> None:
        """Voluntary work on all channels, seen by the motion sensor or else noted."""
        rng, ranges = self.rng, self.ranges
        wanted = min(length.draw(rng), self.duration_s - 1.0 - self.now_s)
        level = ranges.voluntary.draw(rng)
        for channel in range(self.n_channels):
            one = self.event(channel, "voluntary", self.now_s, wanted)
            self.events.append(replace(one, rms_uV=level * float(rng.uniform(0.6, 1.0))))
        stop = max(event.stop_s + event.fall_s / 2 for event in self.events[-self.n_channels :])
        self.movements.append(
            Movement(
                start_s=self.now_s - rng.uniform(0.05, 0.3),
                stop_s=stop + rng.uniform(0.1, 0.5),
                acceleration_g=ranges.acceleration.draw(rng) if self.has_motion else 0.0,
                artefact_uV=float(rng.uniform(0, 0.3)) * ranges.artefact.draw(rng),
                annotated=not self.has_motion,
            )
        )
        self.now_s = self.movements[-1].stop_s

    def movement(self, length: Range) -> None:
        """A movement without muscle work: turned over by somebody, a tugged cable, a change of posture."""
        rng, ranges = self.rng, self.ranges
        stop = min(self.now_s + length.draw(rng), self.duration_s - 1.0)
        self.movements.append(
            Movement(
                start_s=self.now_s,
                stop_s=max(stop, self.now_s + 0.3),
                acceleration_g=ranges.acceleration.draw(rng) if self.has_motion else 0.0,
                turn_deg=float(rng.choice([0.0, rng.uniform(10, 90)])),
                artefact_uV=ranges.artefact.draw(rng),
                step_uV=float(rng.choice([0.0, ranges.step.draw(rng)])),
            )
        )
        self.now_s = self.movements[-1].stop_s + 1.0


def drawn_plan(
    draft: Draft,
    *,
    busy: bool,
    quiet: tuple[tuple[float, float], ...] = (),
    file: str = "simulated-recording.edf",
    period_s: Fraction | None = None,
) -> RecordingPlan:
    """The plan of a draft that has been filled: its electrodes and, in a busy one, what disturbs them."""
    rng, ranges = draft.rng, draft.ranges
    channels = tuple(_channel(draft, number, busy) for number in range(draft.n_channels))
    return RecordingPlan(
        seed=int(rng.integers(2**62)),
        duration_s=draft.duration_s,
        period_s=period_s or ranges.periods_s[int(rng.integers(len(ranges.periods_s)))],
        channels=channels,
        events=tuple(draft.events),
        movements=tuple(draft.movements),
        heart=Heart(
            rate_per_min=ranges.heart_rate.draw(rng),
            variability=ranges.heart_variability.draw(rng),
            shape=ranges.heart_shape,
            reference_uV=800.0 if rng.random() < 0.3 else 0.0,
        )
        if busy
        else None,
        mains=Mains(frequency_hz=float(rng.choice(ranges.mains_hz)), drift=float(rng.uniform(0.05, 0.4))),
        motion=MotionSensor(start_s=float(rng.uniform(0, 0.05)), clock_ppm=float(rng.uniform(-50, 50)))
        if draft.has_motion
        else None,
        quiet=quiet,
        file=file,
    )


def _channel(draft: Draft, number: int, busy: bool) -> PlannedChannel:
    rng, ranges = draft.rng, draft.ranges
    low = ranges.spectrum_low.draw(rng)
    peak = ranges.heart_peak.draw(rng) * float(rng.choice([-1, 1]))
    return PlannedChannel(
        label=f"EMG {number + 1}",
        generator=Generator.UNITS if rng.random() < 0.5 else Generator.NOISE,
        spectrum=Spectrum(low_hz=low, high_hz=max(ranges.spectrum_high.draw(rng), low)),
        pool=UnitPool(
            n_units=round(ranges.units.draw(rng)),
            size_ratio=ranges.size_ratio.draw(rng),
            full_uV=ranges.unit_full.draw(rng),
            interval_cv=ranges.interval_cv,
            duration_s=ranges.unit_duration_s,
            triphasic=ranges.triphasic.draw(rng),
        ),
        noise=RecorderNoise(
            rms_uV=ranges.noise.draw(rng),
            corner_hz=ranges.noise_corner.draw(rng),
            drift=ranges.noise_drift.draw(rng),
        ),
        heart_uV=peak if busy else 0.0,
        mains_uV=ranges.mains.draw(rng) if busy else float(rng.uniform(0, 2)),
        movement_gain=float(rng.uniform(0.3, 1.0)),
        offset_uV=float(rng.uniform(-200, 200)),
        drop_outs=_drop_outs(draft) if busy else (),
        pops=_pops(draft) if busy else (),
    )


def _free_times(draft: Draft, length_s: float) -> list[float]:
    """Times that lie clear of everything that happens, and of the quiet stretch before it."""
    rng = draft.rng
    happens = [(one.start_s, one.stop_s) for one in draft.events]
    happens += [(one.start_s, one.stop_s) for one in draft.movements]
    first = min((start for start, _ in happens), default=draft.duration_s)
    taken = [(start - length_s - 2, stop + 3) for start, stop in happens]
    starts, stops = np.array(taken or [(0.0, 0.0)]).T
    n_wanted = rng.poisson(draft.accidents_per_hour * draft.duration_s / 3600)
    free = []
    for at in rng.uniform(first, max(draft.duration_s - length_s - 1, first + 1e-3), n_wanted):
        if not np.any((starts < at) & (at < stops)):
            free.append(float(at))
    return free


def _drop_outs(draft: Draft) -> tuple[DropOut, ...]:
    shown = ("nan", "zero", "rail")
    return tuple(
        DropOut(
            start_s=at,
            stop_s=at + float(draft.rng.uniform(0.2, 5.0)),
            shows=shown[int(draft.rng.integers(3))],  # type: ignore[arg-type]
        )
        for at in _free_times(draft, 5.0)
    )


def _pops(draft: Draft) -> tuple[Pop, ...]:
    rng = draft.rng
    return tuple(
        Pop(
            at_s=at,
            step_uV=float(rng.choice([-1, 1]) * rng.uniform(200, 3000)),
            decay_s=float(rng.uniform(0.005, 0.1)),
        )
        for at in _free_times(draft, 1.0)
    )
