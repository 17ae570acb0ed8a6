"""Random plans of recordings: six kinds of spasm, and days without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from fractions import Fraction

import numpy as np

from atlasplane.simulate.recording_plan import RecordingPlan, TruthClass
from atlasplane.simulate.semg_draft import LEAST_SURE_UV, Draft, drawn_plan
from atlasplane.simulate.semg_ranges import Range, Ranges, usual_ranges


class Group(Enum):
    """Kinds of recordings."""

    ALL_RECORD = "all-record"
    WEAK = "weak"
    BESIDE_VOLUNTARY = "beside-voluntary"
    CLONUS = "clonus"
    INTERMITTENT = "intermittent"
    BUSY = "busy"


WEAK_UV = Range(5.0, 20.0, log=True)
_WITH_MOTION = {Group.BUSY: 0.7, Group.BESIDE_VOLUNTARY: 0.5}
"""Share of the recordings that have a motion sensor."""


def random_plan(
    rng: np.random.Generator,
    group: Group,
    ranges: Ranges | None = None,
    *,
    n_channels: int | None = None,
    duration_s: float | None = None,
    level_uV: float | None = None,
) -> RecordingPlan:
    """A recording of one group, drawn over the whole ranges.

    It begins with a quiet stretch that it notes as `quiet`; one of `ALL_RECORD` has none, for it is in spasm
    from before its start till after its end: `quiet_plan` is its recording of the quiet muscle.

    Parameters
    ----------
    rng : Generator
    group : Group
    ranges : Ranges, optional
        Default `usual_ranges()`.
    n_channels : int, optional
        Default 1 to 3.
    duration_s, level_uV : float, optional
        In place of a draw; `level_uV` is that of the spasms, about which each has its own.
    """
    ranges = ranges or usual_ranges()
    if group is Group.WEAK and level_uV is None:
        ranges = replace(ranges, level=WEAK_UV)
    level = ranges.level.draw(rng) if level_uV is None else level_uV
    draft = Draft(
        rng,
        ranges,
        n_channels or int(rng.integers(1, 4)),
        duration_s or ranges.duration.draw(rng),
        level,
        has_motion=rng.random() < _WITH_MOTION.get(group, 0.0),
        accidents_per_hour=15.0,
    )
    quiet: tuple[tuple[float, float], ...] = ()
    if group is not Group.ALL_RECORD:
        quiet = (draft.quiet(),)
    _FILL[group](draft)
    return drawn_plan(draft, busy=group is Group.BUSY, quiet=quiet, file=f"simulated-{group.value}.edf")


def quiet_plan(rng: np.random.Generator, plan: RecordingPlan, duration_s: float = 60.0) -> RecordingPlan:
    """The same electrodes on the quiet muscle: no event, no movement, nothing lost."""
    channels = tuple(replace(channel, pops=(), drop_outs=()) for channel in plan.channels)
    return replace(
        plan,
        seed=int(rng.integers(2**62)),
        duration_s=duration_s,
        channels=channels,
        events=(),
        movements=(),
        quiet=((0.0, duration_s),),
        file="simulated-quiet.edf",
    )


def quiet_day(
    rng: np.random.Generator,
    ranges: Ranges | None = None,
    *,
    hours: float = 24.0,
    n_channels: int = 1,
    period_s: Fraction = Fraction(1, 1000),
) -> RecordingPlan:
    """A day without any spasm, with all that may be taken for one.

    Heart, mains, voluntary work, movements and changes of posture with a motion sensor, jumps of the
    electrode, drop-outs. It begins with a noted quiet stretch.

    Parameters
    ----------
    rng : Generator
    ranges : Ranges, optional
        Default `usual_ranges()`.
    hours : float
    n_channels : int
    period_s : Fraction
    """
    ranges = ranges or usual_ranges()
    draft = Draft(
        rng, ranges, n_channels, hours * 3600, ranges.level.low, has_motion=True, accidents_per_hour=3.0
    )
    quiet = (draft.quiet(),)
    while draft.wait(Range(20.0, 1200.0, log=True)):
        if rng.random() < 0.6:
            draft.voluntary(Range(1.0, 60.0, log=True))
        else:
            draft.movement(Range(0.5, 20.0, log=True))
    return drawn_plan(draft, busy=True, quiet=quiet, file="simulated-day.edf", period_s=period_s)


def _fill_all_record(draft: Draft) -> None:
    for channel in range(draft.n_channels):
        draft.events.append(draft.event(channel, "tonic", -5.0, draft.duration_s + 10.0))


def _fill_weak(draft: Draft) -> None:
    draft.wait(_FIRST)
    while True:
        kind = draft.rng.random()
        if draft.level_uV < LEAST_SURE_UV and kind < 0.25:
            draft.spasm("unit", Range(10.0, 120.0, log=True))
        else:
            draft.spasm("mixed" if kind > 0.85 else "tonic", Range(4.0, 120.0, log=True))
        if not draft.wait(Range(5.0, 60.0, log=True)):
            return


def _fill_beside_voluntary(draft: Draft) -> None:
    draft.wait(_FIRST)
    draft.spasm("tonic", Range(5.0, 60.0, log=True))
    while draft.wait(Range(3.0, 40.0, log=True)):
        if draft.rng.random() < 0.5:
            draft.spasm("tonic", Range(4.0, 60.0, log=True))
        else:
            draft.voluntary(Range(1.0, 10.0, log=True))


def _fill_clonus(draft: Draft) -> None:
    draft.wait(_FIRST)
    draft.spasm("clonus", _CLONUS_S)
    while draft.wait(Range(4.0, 40.0, log=True)):
        draft.spasm("clonus", _CLONUS_S)


def _fill_intermittent(draft: Draft) -> None:
    pause = _FIRST
    while draft.wait(pause):
        for _ in range(int(draft.rng.integers(3, 11))):
            draft.spasm("tonic", Range(1.0, 8.0, log=True))
            if not draft.wait(Range(2.0, 12.0, log=True)):
                return
        pause = Range(10.0, 60.0, log=True)


_FIRST = Range(2.0, 20.0, log=True)
"""Time from the quiet stretch to the first spasm, which every recording has."""
_CLONUS_S = Range(1.5, 15.0, log=True)
_BUSY: Sequence[tuple[TruthClass, float, Range]] = (
    ("tonic", 0.45, Range(3.0, 60.0, log=True)),
    ("clonus", 0.20, _CLONUS_S),
    ("mixed", 0.15, Range(3.0, 20.0, log=True)),
    ("cramp", 0.10, Range(8.0, 60.0, log=True)),
    ("myoclonus", 0.10, Range(0.15, 0.4, log=True)),
)


def _fill_busy(draft: Draft) -> None:
    draft.wait(_FIRST)
    draft.spasm("tonic", Range(3.0, 60.0, log=True))
    while draft.wait(Range(3.0, 40.0, log=True)):
        what = draft.rng.random()
        if what < 0.5:
            class_, _, length = _BUSY[int(draft.rng.choice(len(_BUSY), p=[share for _, share, _ in _BUSY]))]
            draft.spasm(class_, length)
        elif what < 0.75:
            draft.voluntary(Range(1.0, 10.0, log=True))
        else:
            draft.movement(Range(0.5, 8.0, log=True))


_FILL: dict[Group, Callable[[Draft], None]] = {
    Group.ALL_RECORD: _fill_all_record,
    Group.WEAK: _fill_weak,
    Group.BESIDE_VOLUNTARY: _fill_beside_voluntary,
    Group.CLONUS: _fill_clonus,
    Group.INTERMITTENT: _fill_intermittent,
    Group.BUSY: _fill_busy,
}
