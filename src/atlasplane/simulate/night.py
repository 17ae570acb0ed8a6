"""A simulated night: spasms, movements and a sleeper's posture; its file, and the truth beside it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from functools import partial
from math import floor
from pathlib import Path

import numpy as np

from atlasplane.io.atomic import write_text
from atlasplane.io.recording_edf_write import write_edf
from atlasplane.simulate.recording_plan import RecordingPlan
from atlasplane.simulate.semg_draft import Draft, drawn_plan
from atlasplane.simulate.semg_ranges import Range, Ranges, usual_ranges
from atlasplane.simulate.semg_recording import simulated_recording
from atlasplane.simulate.semg_truth import TruthLabel, truth_labels
from atlasplane.sources.recording import BodySide, Recording, Samples

TRUTH_SCHEMA = "atlasplane.recording-truth/1"
_SLAB_S = Fraction(15)
"""Time of the recording that is made and written at once."""
_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where an electrode lies.

    Attributes
    ----------
    label : str
        Name of the channel; a file takes 16 characters.
    muscle : str
        Id of the table of muscles.
    side : "left" or "right"
        Of the patient.
    """

    label: str
    muscle: str
    side: BodySide


@dataclass(frozen=True, slots=True, kw_only=True)
class NightHabits:
    """How often a sleeper has spasms and moves.

    Attributes
    ----------
    spasms_per_hour, movements_per_hour, voluntary_per_hour : float
    spasm_s : Range
        Length of a spasm.
    """

    spasms_per_hour: float = 6.0
    movements_per_hour: float = 4.0
    voluntary_per_hour: float = 2.0
    spasm_s: Range = field(default_factory=partial(Range, 4.0, 180.0, log=True))


def night_plan(
    rng: np.random.Generator,
    sites: Sequence[Site],
    *,
    hours: float = 8.0,
    level_uV: float = 30.0,
    habits: NightHabits | None = None,
    period_s: Fraction = Fraction(1, 2000),
    started: datetime | None = None,
    ranges: Ranges | None = None,
) -> RecordingPlan:
    """A night of one sleeper with a motion sensor; it begins with a noted quiet stretch.

    Spasms (most of them tonic, some clonus, mixed or cramp), movements and voluntary work come at random
    times and never at once.

    Parameters
    ----------
    rng : Generator
    sites : sequence of Site
        One channel each.
    hours : float
    level_uV : float
        About which the spasms lie.
    habits : NightHabits, optional
    period_s : Fraction
    started : datetime, optional
    ranges : Ranges, optional
        Default `usual_ranges()`.
    """
    habits = habits or NightHabits()
    ranges = ranges or usual_ranges()
    draft = Draft(rng, ranges, len(sites), hours * 3600, level_uV, has_motion=True, accidents_per_hour=0.5)
    quiet = draft.quiet()
    per_hour = np.array([habits.spasms_per_hour, habits.movements_per_hour, habits.voluntary_per_hour])
    while draft.wait(_fixed(rng.exponential(3600 / per_hour.sum()))):
        what = rng.choice(3, p=per_hour / per_hour.sum())
        if what == 0:
            _spasm(draft, habits.spasm_s)
        elif what == 1:
            draft.movement(Range(1.0, 15.0, log=True))
        else:
            draft.voluntary(Range(1.0, 30.0, log=True))
    plan = drawn_plan(draft, busy=True, quiet=(quiet,), file="simulated-night.edf", period_s=period_s)
    named = tuple(
        replace(channel, label=site.label, muscle=site.muscle, side=site.side)
        for channel, site in zip(plan.channels, sites, strict=True)
    )
    return replace(plan, channels=named, started=started)


def _fixed(value: float) -> Range:
    return Range(value, value)


def _spasm(draft: Draft, length: Range) -> None:
    kind = draft.rng.random()
    if kind < 0.7:
        draft.spasm("tonic", length)
    elif kind < 0.85:
        draft.spasm("clonus", Range(2.0, 15.0, log=True))
    elif kind < 0.95:
        draft.spasm("mixed", Range(3.0, 30.0, log=True))
    else:
        draft.spasm("cramp", Range(10.0, 60.0, log=True))


def write_night(path: Path, plan: RecordingPlan, *, truth: bool = False) -> tuple[TruthLabel, ...]:
    """Write a planned recording as EDF+, marked simulated; whole or not at all, in bounded memory.

    Parameters
    ----------
    path : Path
    plan : RecordingPlan
        Its quiet stretches are annotated `quiet`, and movements as planned `movement`.
    truth : bool
        Whether `NAME.labels.csv` (channel, start_s, stop_s, class) and `NAME.truth.json` are written beside.

    Returns
    -------
    tuple of TruthLabel

    Raises
    ------
    OutputFailed
        When it cannot be written.
    """
    recording = simulated_recording(replace(plan, file=path.name))
    write_edf(
        path,
        recording.channels,
        _slabs(recording),
        recording.annotations,
        started=recording.started,
        simulated=True,
    )
    labels = truth_labels(plan)
    if truth:
        write_text(path.with_suffix(".labels.csv"), label_table(labels))
        write_text(path.with_suffix(".truth.json"), truth_text(plan, labels))
    return labels


def label_table(labels: Sequence[TruthLabel]) -> str:
    """The labels as a person would give them: CSV with `channel,start_s,stop_s,class`."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["channel", "start_s", "stop_s", "class"])
    writer.writerows([one.channel, repr(one.start_s), repr(one.stop_s), one.class_] for one in labels)
    return table.getvalue()


def truth_text(plan: RecordingPlan, labels: Sequence[TruthLabel]) -> str:
    """The truth of a recording as JSON: its seed, length and labels with level and frequency."""
    rows = [{name.rstrip("_"): value for name, value in asdict(one).items()} for one in labels]
    truth = {"schema": TRUTH_SCHEMA, "seed": plan.seed, "duration_s": plan.duration_s, "labels": rows}
    return json.dumps(truth, indent=1) + "\n"


def _slabs(recording: Recording) -> Iterator[tuple[Samples, ...]]:
    """The next samples of every channel, slab after slab of time; channels are made side by side."""
    duration = max(channel.n_samples * channel.period_s for channel in recording.channels)
    n_slabs = -(-duration // _SLAB_S)

    def read(number: int, slab: int) -> Samples:
        channel = recording.channels[number]
        first, stop = (
            min(floor(k * _SLAB_S / channel.period_s), channel.n_samples) for k in (slab, slab + 1)
        )
        return recording.samples.read(number, first, stop)

    with ThreadPoolExecutor(_WORKERS) as workers:
        for slab in range(n_slabs):
            numbers = range(len(recording.channels))
            yield tuple(workers.map(read, numbers, [slab] * len(recording.channels)))
