"""Whether the intervals of burden, rate and duration hold the truth, over many simulated nights.

A night is drawn as spasms and pauses and handed to the analysis as frames, whose powers are drawn as
chi-squared: all after the conditioning is judged. The truth is that of the process and not of the night:
what the next night would show on average. Two kinds of process, each with its own parameters every night:
pauses that do not know of one another, of even to clustered lengths, and restless hours, in which the rate
changes by a factor about every quarter of an hour of pause. Both have a truth in closed form.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from atlasplane.chain.batch_processes import one_thread_each
from atlasplane.core.observation import Interval
from atlasplane.pathways.spasm.analysis import analyse
from atlasplane.pathways.spasm.baseline import baseline_from
from atlasplane.pathways.spasm.result import ChannelSpasms
from atlasplane.signals.frames import Frames
from atlasplane.sources.recording import Channel, ChannelKind
from benchmarks.bar import Bar, covers

NIGHTS = 2000
SEED = 61
HOURS = 8.0
PROCESSES = ("apart", "restless")
QUANTITIES = ("burden", "rate", "duration")
HOP_S = 0.05
NOISE_UV, QUIET_S = 3.0, 120.0
_NOISE_DOF, _MUSCLE_DOF = 36.0, 14.0
"""Of a frame: 20 to 450 Hz, and the narrower spectrum of muscle."""
_LEAST_PAUSE_S = 4.0
"""Longer than the gap that is merged, so that every spasm of the process is one event."""
_LOG_SD = 0.6
_PHASE_S = 900.0
_BURN_IN_S = 7200.0
_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Spasms and pauses without end.

    Attributes
    ----------
    duration_s : float
        Mean of a spasm; lognormal.
    pause_s : float
        Mean of a pause.
    clustering : float
        `apart`: squared coefficient of variation of the pauses. `restless`: factor between the two rates.
    restless : bool
    rms_uV : float
    """

    duration_s: float
    pause_s: float
    clustering: float
    restless: bool
    rms_uV: float

    @property
    def truth(self) -> dict[str, float]:
        """Burden in percent, spasms an hour, seconds of a spasm."""
        cycle_s = self.duration_s + self.pause_s
        return {
            "burden": 100 * self.duration_s / cycle_s,
            "rate": 3600 / cycle_s,
            "duration": self.duration_s,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Of one night and each of `QUANTITIES`: whether its interval held the truth; None without one."""

    process: str
    n_spasms: int
    inside: tuple[bool | None, ...]
    relative_width: tuple[float, ...]


def bars(nights: int = NIGHTS) -> Iterator[Bar]:
    """Share of 95 % intervals that hold the truth, of all nights and of those of each process."""
    found = run(nights)
    for k, quantity in enumerate(QUANTITIES):
        yield _share(f"spasm.coverage.{quantity}", found, k, judged=True)
        for process in PROCESSES:
            own = [held for held in found if held.process == process]
            yield _share(f"spasm.coverage.{quantity}.{process}", own, k, judged=False)
        missing = sum(held.inside[k] is None for held in found)
        yield Bar(
            id=f"spasm.coverage.{quantity}.without", value=missing, unit="nights", n=len(found), seed=SEED
        )


def _share(id_: str, found: Sequence[Held], k: int, *, judged: bool) -> Bar:
    inside = [bool(held.inside[k]) for held in found if held.inside[k] is not None]
    share = float(np.mean(inside)) if inside else float("nan")
    return covers(id_, share, n=len(inside), seed=SEED, judged=judged)


def run(nights: int, *, seed: int = SEED, workers: int = _WORKERS, hours: float = HOURS) -> list[Held]:
    """Nights in turns of the two processes; the k-th does not depend on the others."""
    one = partial(held, seed=seed, hours=hours)
    if workers == 0:
        return [one(k) for k in range(nights)]
    found = []
    with (
        one_thread_each(),
        ProcessPoolExecutor(max_workers=workers, mp_context=get_context("spawn")) as pool,
    ):
        for k, part in enumerate(pool.map(one, range(nights), chunksize=5), start=1):
            found.append(part)
            if k % 100 == 0:
                print(f"spasm coverage: {k} of {nights} nights, seed {seed}", file=sys.stderr, flush=True)
    return found


def held(k: int, *, seed: int = SEED, hours: float = HOURS) -> Held:
    """One night."""
    rng = np.random.default_rng([seed, k])
    process = drawn(rng, restless=bool(k % 2))
    spasms = analysed(rng, stretches(rng, process, 3600 * hours), process.rms_uV, 3600 * hours)
    truth = process.truth
    ends = stated(spasms)
    return Held(
        process=PROCESSES[k % 2],
        n_spasms=spasms.rate.n,
        inside=tuple(
            None if own is None else bool(own[0] <= truth[name] <= own[1]) for name, own in ends.items()
        ),
        relative_width=tuple(
            float("nan") if own is None else (own[1] - own[0]) / truth[name] for name, own in ends.items()
        ),
    )


def stated(spasms: ChannelSpasms) -> dict[str, tuple[float, float] | None]:
    """Both ends of the intervals of `QUANTITIES`."""
    duration = spasms.mean_duration_s
    return {
        "burden": _ends(spasms.burden_percent.interval),
        "rate": _ends(spasms.rate.interval),
        "duration": None if duration is None else _ends(duration.interval),
    }


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    if interval is None:
        return None
    low = -np.inf if interval.low is None else interval.low
    return low, np.inf if interval.high is None else interval.high


def drawn(rng: np.random.Generator, *, restless: bool) -> Process:
    """Another person: 2 to 30 spasms an hour of 3 to 60 s in the mean."""
    duration_s = float(np.exp(rng.uniform(np.log(3), np.log(60))))
    cycle_s = 3600 / float(np.exp(rng.uniform(np.log(2), np.log(30))))
    return Process(
        duration_s=duration_s,
        pause_s=max(cycle_s - duration_s, 4 * _LEAST_PAUSE_S),
        clustering=float(rng.uniform(2, 4) if restless else rng.uniform(0.3, 2)),
        restless=restless,
        rms_uV=float(rng.uniform(15, 60)),
    )


def stretches(rng: np.random.Generator, process: Process, length_s: float) -> NDArray[np.float64]:
    """The spasms of one night, shape (n, 2), cut to it; the process has run for hours before."""
    n = int(3 * (length_s + _BURN_IN_S) / (process.duration_s + process.pause_s)) + 60
    of_log = np.log(process.duration_s) - _LOG_SD**2 / 2
    lasting = rng.lognormal(of_log, _LOG_SD, n)
    free_s = process.pause_s - _LEAST_PAUSE_S
    if process.restless:
        pauses = _LEAST_PAUSE_S + _restless(rng, n, free_s, process.clustering)
    else:
        shape = 1 / process.clustering
        pauses = _LEAST_PAUSE_S + rng.gamma(shape, free_s / shape, n)
    stop = np.cumsum(pauses + lasting) - _BURN_IN_S
    if stop[-1] < length_s:
        raise ValueError("the process ended before the night")
    rows = np.column_stack([stop - lasting, stop])
    rows = rows[(rows[:, 1] > 0) & (rows[:, 0] < length_s)]
    return np.clip(rows, 0, length_s)


def _restless(rng: np.random.Generator, n: int, mean_s: float, factor: float) -> NDArray[np.float64]:
    """Waiting times of a Poisson process whose rate changes by a factor from phase to phase.

    The phases are exponential and equally long in the mean, so that the mean rate is that of the two.
    """
    rates = np.array([2.0, 2.0 * factor]) / (1 + factor) / mean_s
    n_phases = int(3 * n * mean_s / _PHASE_S) + 60
    lengths = rng.exponential(_PHASE_S, n_phases)
    rate = rates[(np.arange(n_phases) + rng.integers(2)) % 2]
    # In the time scale in which the rate is 1, the waiting times are exponential.
    scaled = np.concatenate([[0.0], np.cumsum(lengths * rate)])
    at = np.cumsum(rng.exponential(1.0, n))
    seconds = np.interp(at[at < scaled[-1]], scaled, np.concatenate([[0.0], np.cumsum(lengths)]))
    return np.diff(seconds, prepend=0.0)


def analysed(
    rng: np.random.Generator, spasms: NDArray[np.float64], rms_uV: float, length_s: float
) -> ChannelSpasms:
    """The analysis of a channel with these spasms, its baseline from a quiet recording of its own."""
    quiet = frames_of(rng, np.empty((0, 2)), 0.0, QUIET_S)
    channel = Channel(
        label="EMG",
        kind=ChannelKind.EMG,
        unit="uV",
        period_s=Fraction(1, 2000),
        n_samples=round(2000 * length_s),
    )
    baseline = baseline_from(quiet, label=channel.label, source="file")
    return analyse(channel, frames_of(rng, spasms, rms_uV, length_s), baseline)


def frames_of(
    rng: np.random.Generator, spasms: NDArray[np.float64], rms_uV: float, length_s: float
) -> Frames:
    """Frames of a quiet channel with spasms of one strength."""
    n = round(length_s / HOP_S)
    lasting = np.diff(spasms, axis=1)[:, 0]
    before = np.cumsum(lasting) - lasting
    share = np.zeros(n)
    if len(spasms):
        # Seconds of spasm up to each edge of a frame.
        inside = np.interp(
            np.arange(n + 1) * HOP_S, spasms.ravel(), np.column_stack([before, before + lasting]).ravel()
        )
        share = np.diff(inside) / HOP_S
    power = NOISE_UV**2 * rng.chisquare(_NOISE_DOF, n) / _NOISE_DOF
    power += rms_uV**2 * share * rng.chisquare(_MUSCLE_DOF, n) / _MUSCLE_DOF
    none = np.zeros(n, dtype=np.float32)
    return Frames(
        hop_s=HOP_S,
        power_uV2=power.astype(np.float32),
        slow_uV2=none + np.float32(1.0),
        mains_uV2=none,
        beats_uV2=none,
        missing=none,
        saturated=none,
        flat=none,
    )
