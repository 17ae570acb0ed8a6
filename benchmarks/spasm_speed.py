"""How long the analysis takes: a whole day of eight channels, and one short channel against NeuroKit2."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from atlasplane.chain.spasms import analyse_recording
from atlasplane.simulate.night import write_night
from atlasplane.simulate.recording_plan import RecordingPlan
from atlasplane.simulate.semg_draw import Group, random_plan
from atlasplane.simulate.semg_recording import simulated_recording
from atlasplane.sources.recording import Recording, Samples
from benchmarks.bar import Bar, at_least, at_most
from benchmarks.registration_peers import PeerMissing, missing_bar
from benchmarks.spasm_peers import neurokit_seconds

SEED = 62
HOURS = 24.0
CHANNELS = 8
PERIOD_S = Fraction(1, 2000)
SHORT_S = 600.0
REPEATS = 5
SECONDS, MEBIBYTES, TIMES_FASTER = 120.0, 1024.0, 50.0
_CHILD = """
import json, sys, time
start = time.perf_counter()
from atlasplane.cli import run
status = run(sys.argv[1:])
seconds = time.perf_counter() - start
with open("/proc/self/status", encoding="ascii") as lines:
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(json.dumps({"status": status, "seconds": seconds, "peak_KiB": peak}), file=sys.stderr)
"""
"""The peak is that of the program alone: what `getrusage` gives may be that of whoever started it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One run of the command line in a process of its own.

    Attributes
    ----------
    status : int
    seconds : float
        Imports included, start of the interpreter not.
    peak_MiB : float
        Largest resident memory.
    document : dict
        What it printed with `--json`.
    complaint : str
        What it wrote beside.
    """

    status: int
    seconds: float
    peak_MiB: float
    document: dict[str, Any]
    complaint: str


def command(*arguments: object) -> Ran:
    """Run `atlasplane` with these arguments and `--json`.

    Raises
    ------
    RuntimeError
        When it ends without a word.
    """
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    *complaint, last = done.stderr.strip().splitlines() or [""]
    try:
        told = json.loads(last)
    except json.JSONDecodeError as error:
        raise RuntimeError(done.stderr) from error
    return Ran(
        status=told["status"],
        seconds=told["seconds"],
        peak_MiB=told["peak_KiB"] / 1024,
        document=json.loads(done.stdout) if done.stdout.strip() else {},
        complaint="\n".join(complaint),
    )


def bars(hours: float = HOURS, short_s: float = SHORT_S) -> Iterator[Bar]:
    """The long recording through the command line, the short one in this process."""
    yield from _day(hours)
    yield from _against_neurokit(short_s)


def _day(hours: float) -> Iterator[Bar]:
    """The file is on the disk and not in memory, as a person's would be after copying."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "day.edf"
        start = time.perf_counter()
        write_night(path, busy_plan(3600 * hours, CHANNELS))
        yield Bar(id="spasm.speed.day.made", value=time.perf_counter() - start, unit="s", seed=SEED)
        ran = command("spasm", path)
        gibibytes = path.stat().st_size / 2**30
    if ran.status not in (0, 1):
        raise RuntimeError(ran.complaint)
    name = f"{hours:g} h x {CHANNELS} x {float(1 / PERIOD_S):g} Hz"
    yield at_most("spasm.speed.day.seconds", ran.seconds, SECONDS, f"s, {name}", seed=SEED)
    yield at_most("spasm.speed.day.peak", ran.peak_MiB, MEBIBYTES, "MiB", seed=SEED)
    yield Bar(id="spasm.speed.day.file", value=gibibytes, unit="GiB", seed=SEED)


def _against_neurokit(short_s: float) -> Iterator[Bar]:
    """One busy channel with heart beats in it, samples in memory; both have run before they are timed."""
    recording = in_memory(simulated_recording(busy_plan(short_s, 1)))
    ours = seconds_of(recording)
    yield Bar(id="spasm.speed.short.seconds", value=ours, unit="s", n=REPEATS, seed=SEED)
    signal = recording.samples.read(0, 0, recording.channels[0].n_samples)
    try:
        theirs = neurokit_seconds(signal, float(1 / PERIOD_S))[0]
    except PeerMissing as why:
        yield missing_bar("spasm.speed.short.times-faster", str(why))
        return
    bar = at_least("spasm.speed.short.times-faster", theirs / ours, TIMES_FASTER, "1", seed=SEED)
    yield replace(bar, peer=f"NeuroKit2 0.2.13 emg_process: {theirs:.1f} s", ratio=theirs / ours)


def seconds_of(recording: Recording, repeats: int = REPEATS) -> float:
    """Median time of a whole analysis, after one that compiles."""
    analyse_recording(recording)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        analyse_recording(recording)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def busy_plan(duration_s: float, n_channels: int) -> RecordingPlan:
    """Spasms, voluntary work, heart beats, mains, movements, drop-outs and a motion sensor."""
    rng = np.random.default_rng(SEED)
    plan = random_plan(rng, Group.BUSY, n_channels=n_channels, duration_s=duration_s, level_uV=30.0)
    return replace(plan, period_s=PERIOD_S)


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    arrays: tuple[Samples, ...]

    def read(self, channel: int, first: int, stop: int) -> Samples:
        return self.arrays[channel][first:stop]


def in_memory(recording: Recording) -> Recording:
    """The same recording with all its samples made."""
    arrays = [recording.samples.read(k, 0, each.n_samples) for k, each in enumerate(recording.channels)]
    return replace(recording, samples=_Held(tuple(arrays)))
