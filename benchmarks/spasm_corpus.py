"""Recordings with known spasms that detectors are tuned and judged on, and days without one.

Six groups (`simulate.semg_draw.Group`). Tuning and judging differ in seed and in what is drawn: the judging
recordings have other spectra, other unit potentials and pools, another heart, other ramps. The truth is
that of the plan: start and stop are where the planned envelope passes half its height. A label may lie below
what can be seen (5 uV over 5 uV of noise); such levels belong in the curve over the levels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from atlasplane.simulate.recording_plan import (
    Generator,
    HeartShape,
    Movement,
    PlannedChannel,
    PlannedEvent,
    RecordingPlan,
)
from atlasplane.simulate.semg_draw import Group, quiet_day, quiet_plan, random_plan
from atlasplane.simulate.semg_ranges import Range, Ranges, usual_ranges
from atlasplane.simulate.semg_recording import simulated_recording
from atlasplane.simulate.semg_truth import TruthLabel, truth_labels
from atlasplane.sources.recording import Recording

TUNING_SEED, JUDGING_SEED = 20_261, 77_003
N_EACH = 200
"""Recordings of a group."""
LEVELS_UV = (5.0, 7.0, 10.0, 14.0, 20.0, 35.0, 50.0, 100.0, 200.0)
"""Of the curve over the levels."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CorpusItem:
    """One recording with its truth.

    Attributes
    ----------
    name : str
    group : Group
    plan : RecordingPlan
    recording : Recording
        In memory; samples are made when they are read.
    quiet : Recording or None
        Recording of the quiet muscle, of another time; None where the recording notes its own quiet stretch.
    labels : tuple of TruthLabel
    """

    name: str
    group: Group
    plan: RecordingPlan
    recording: Recording
    quiet: Recording | None
    labels: tuple[TruthLabel, ...]

    @property
    def level_uV(self) -> float:
        """Median level of its spasms; NaN without one."""
        levels = [label.rms_uV for label in self.labels if label.is_spasm]
        return float(np.median(levels)) if levels else float("nan")


def tuning_ranges() -> Ranges:
    """What the tuning recordings are drawn from."""
    return usual_ranges()


def judging_ranges() -> Ranges:
    """What the judging recordings are drawn from: the same levels and noise, other signals."""
    return replace(
        usual_ranges(),
        spectrum_low=Range(35.0, 90.0),
        spectrum_high=Range(80.0, 180.0),
        noise_corner=Range(1.0, 30.0, log=True),
        rise=Range(0.05, 0.50),
        fall=Range(0.05, 0.60),
        ramp="linear",
        fluctuation=Range(0.02, 0.30),
        burst=Range(0.35, 0.75),
        units=Range(30.0, 160.0),
        size_ratio=Range(15.0, 150.0, log=True),
        unit_full=Range(150.0, 900.0),
        unit_duration_s=(0.006, 0.015),
        interval_cv=(0.12, 0.30),
        triphasic=Range(0.0, 1.0),
        heart_rate=Range(45.0, 110.0),
        heart_variability=Range(0.01, 0.10),
        # Wider QRS, late tall T, inverted P: another lead of another heart.
        heart_shape=HeartShape(
            at_s=(-0.150, -0.032, 0.0, 0.036, 0.300),
            height=(-0.10, -0.20, 1.0, -0.45, 0.40),
            width_s=(0.026, 0.012, 0.013, 0.014, 0.060),
        ),
    )


def corpus(
    group: Group,
    *,
    judging: bool,
    n: int = N_EACH,
    duration_s: float | None = None,
    level_uV: float | None = None,
) -> Iterator[CorpusItem]:
    """The recordings of a group, one after another; item i is the same whatever n.

    Parameters
    ----------
    group : Group
    judging : bool
        Those that are judged on, in place of those for tuning.
    n : int
    duration_s, level_uV : float, optional
        In place of a draw.
    """
    for number in range(n):
        yield corpus_item(group, number, judging=judging, duration_s=duration_s, level_uV=level_uV)


def corpus_item(
    group: Group,
    number: int,
    *,
    judging: bool,
    duration_s: float | None = None,
    level_uV: float | None = None,
) -> CorpusItem:
    """One recording of a group by its number."""
    ranges = judging_ranges() if judging else tuning_ranges()
    seed = JUDGING_SEED if judging else TUNING_SEED
    rng = np.random.default_rng([seed, list(Group).index(group), number])
    plan = random_plan(rng, group, ranges, duration_s=duration_s, level_uV=level_uV)
    quiet = simulated_recording(quiet_plan(rng, plan)) if group is Group.ALL_RECORD else None
    return _item(f"{group.value} {number}", group, plan, quiet)


def quiet_days(
    n: int = 30, *, judging: bool, hours: float = 24.0, periods_s: Sequence[Fraction] = (Fraction(1, 1000),)
) -> Iterator[CorpusItem]:
    """Days without any spasm, for false alarms; each begins with a quiet stretch that it notes.

    Parameters
    ----------
    n : int
    judging : bool
    hours : float
        Of each.
    periods_s : sequence of Fraction
        Sampling periods, taken in turn.
    """
    ranges = judging_ranges() if judging else tuning_ranges()
    seed = JUDGING_SEED if judging else TUNING_SEED
    for number in range(n):
        rng = np.random.default_rng([seed, 99, number])
        plan = quiet_day(rng, ranges, hours=hours, period_s=periods_s[number % len(periods_s)])
        yield _item(f"quiet day {number}", Group.BUSY, plan, None)


def contracted_throughout(generator: Generator = Generator.NOISE, *, seed: int = 5) -> CorpusItem:
    """120 s at 50 uV, from before the start till after the end, with a recording of the quiet muscle."""
    plan = RecordingPlan(
        seed=seed,
        duration_s=120.0,
        channels=(PlannedChannel(label="EMG", generator=generator),),
        events=(PlannedEvent(channel=0, start_s=-5.0, stop_s=125.0, class_="tonic", rms_uV=50.0),),
        file="contracted-throughout.edf",
    )
    quiet = simulated_recording(quiet_plan(np.random.default_rng(seed), plan))
    return _item("contracted throughout", Group.ALL_RECORD, plan, quiet)


def weak_beside_bursts(generator: Generator = Generator.NOISE, *, seed: int = 6) -> CorpusItem:
    """60 s at 20 uV beside four voluntary bursts of 2 s that the recording notes; 20 s of noted quiet."""
    bursts = (23.0, 27.0, 95.0, 101.0)
    voluntary = tuple(
        PlannedEvent(channel=0, start_s=at, stop_s=at + 2, class_="voluntary", rms_uV=200.0) for at in bursts
    )
    plan = RecordingPlan(
        seed=seed,
        duration_s=110.0,
        channels=(PlannedChannel(label="EMG", generator=generator),),
        events=(
            PlannedEvent(channel=0, start_s=32.0, stop_s=92.0, class_="tonic", rms_uV=20.0),
            *voluntary,
        ),
        movements=tuple(
            Movement(start_s=at - 0.2, stop_s=at + 2.2, acceleration_g=0.0, annotated=True) for at in bursts
        ),
        quiet=((0.0, 20.0),),
        file="weak-beside-bursts.edf",
    )
    return _item("weak beside bursts", Group.BESIDE_VOLUNTARY, plan, None)


def _item(name: str, group: Group, plan: RecordingPlan, quiet: Recording | None) -> CorpusItem:
    return CorpusItem(
        name=name,
        group=group,
        plan=plan,
        recording=simulated_recording(plan),
        quiet=quiet,
        labels=truth_labels(plan),
    )
