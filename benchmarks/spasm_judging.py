"""The spasms found in simulated recordings against those that are there, beside the detector of Hodges-Bui.

Every recording goes the way of the command `spasm` from its samples to its events. What counts as found is
every event of a spasm's class; voluntary and unattributed activity does not. The peer gets the same quiet
stretch, the band-passed signal (20 to 450 Hz), what was not recorded as 0, and our merge gap and shortest
duration. One of its settings is taken for all groups: the one that does best, in the mean of both F1 over the
groups, on the very recordings that are judged, which no user could know. What its best setting for each
single group would reach is printed beside.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from atlasplane.chain.batch_processes import one_thread_each
from atlasplane.chain.spasms import SpasmRequest, analyse_recording
from atlasplane.io.recording_edf_write import write_edf
from atlasplane.pathways.spasm.result import ChannelSpasms
from atlasplane.pathways.spasm.settings import spasm_settings
from atlasplane.simulate.semg_draw import Group
from atlasplane.sources.recording import Recording
from atlasplane.sources.visit_recording import StatedStretch
from benchmarks.bar import Bar, at_most
from benchmarks.registration_peers import PeerMissing
from benchmarks.spasm_corpus import JUDGING_SEED, LEVELS_UV, CorpusItem, corpus_item, quiet_days
from benchmarks.spasm_peers import HodgesBui, Trace, hodges_bui
from benchmarks.spasm_scoring import Score, Stretches, score, tidied, total, without

N_EACH = 50
LEAST_UV = 10.0
"""Recordings with weaker spasms stand in the curve alone."""
KINDS = ("event_f1", "sample_f1")
EVENT_F1, SAMPLE_F1, BURDEN_POINTS, ALARMS_A_DAY = 0.90, 0.95, 2.0, 0.5
DAYS, DAY_HOURS = 30, 24.0
PER_LEVEL = 4
"""Recordings of each group at each level of the curve."""
CURVE_S = 180.0
"""Length of its recordings: long ones would take the peer hours."""
CURVE_FROM = 100_000
"""Number of the first recording of the curve: none is judged twice."""
SETTINGS = tuple(
    HodgesBui(window_s=window, threshold=threshold, rectified=rectified)
    for window, (rectified, thresholds) in product(
        (0.05, 0.1, 0.25), ((False, (1.0, 1.2, 1.5, 2.0, 3.0)), (True, (2.0, 3.0, 5.0, 8.0, 12.0)))
    )
    for threshold in thresholds
)
PEER = "BioSPPy 2.2.4 Hodges-Bui"
_BATCH, _WORKERS = 4, 2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Judged:
    """One recording.

    Attributes
    ----------
    name : str
    level_uV : float
    ours : Score
        All its channels together.
    burden_errors : tuple of float
        Of each channel, found less true, percentage points.
    peers : tuple of Score
        One for each of `SETTINGS`; empty without the peer.
    """

    name: str
    level_uV: float
    ours: Score
    burden_errors: tuple[float, ...]
    peers: tuple[Score, ...] = ()


def bars(n_each: int = N_EACH) -> Iterator[Bar]:
    """Every group."""
    found = {group: run(numbers_from(group, n_each), workers=_WORKERS) for group in Group}
    setting = best_setting(list(found.values()))
    for group, judged_ones in found.items():
        yield from _group_bars(group, judged_ones, setting)


def curve_bars(n_each: int = N_EACH) -> Iterator[Bar]:
    """All groups together at one level after another."""
    few = max(1, min(PER_LEVEL, n_each // 4))
    wanted = [(group, CURVE_FROM + k) for group in Group for k in range(few)]
    found = {level: run(wanted, level_uV=level, duration_s=CURVE_S, workers=_WORKERS) for level in LEVELS_UV}
    setting = best_setting(list(found.values()))
    for level, judged_ones in found.items():
        for what in KINDS:
            id_ = f"spasm.curve.{level:g}uV.{what.replace('_', '-')}"
            yield beside(id_, what, judged_ones, None, setting)


def best_setting(groups: Sequence[Sequence[Judged]]) -> int | None:
    """The setting of the peer with the best mean of both F1 over the groups; None without the peer."""
    if not all(one.peers for found in groups for one in found):
        return None
    return int(np.argmax(np.mean([_peer_f1(found, what) for found in groups for what in KINDS], axis=0)))


def _peer_f1(found: Sequence[Judged], what: str) -> list[float]:
    """One of the two F1 with each of `SETTINGS`."""
    return [getattr(total([one.peers[k] for one in found]), what) for k in range(len(SETTINGS))]


def _group_bars(group: Group, found: Sequence[Judged], setting: int | None) -> Iterator[Bar]:
    ours = total([one.ours for one in found])
    name, n = f"spasm.corpus.{group.value}", len(found)
    for what, limit in zip(KINDS, (EVENT_F1, SAMPLE_F1), strict=True):
        yield beside(f"{name}.{what.replace('_', '-')}", what, found, limit, setting)
    errors = np.abs(np.concatenate([one.burden_errors for one in found]))
    yield at_most(
        f"{name}.burden-error", errors.mean(), BURDEN_POINTS, "points", n=len(errors), seed=JUDGING_SEED
    )
    yield Bar(
        id=f"{name}.burden-error.p95",
        value=float(np.quantile(errors, 0.95)),
        unit="points",
        n=len(errors),
        seed=JUDGING_SEED,
    )
    yield Bar(id=f"{name}.false-alarms", value=ours.false_alarms_a_day, unit="1/d", n=n, seed=JUDGING_SEED)


def beside(id_: str, what: str, found: Sequence[Judged], limit: float | None, setting: int | None) -> Bar:
    """One of the two F1, met when it reaches the limit and is above the peer's, or 1."""
    value = getattr(total([one.ours for one in found]), what)
    peer, told = 0.0, None
    if setting is not None:
        every = _peer_f1(found, what)
        peer = every[setting]
        told = f"{PEER}: {peer:.3f} with {words(SETTINGS[setting])} (best of this row: {max(every):.3f})"
    return Bar(
        id=id_,
        value=value,
        unit="1",
        bar=None if limit is None else f">= {limit:g}" + (" and above the peer" if told else ""),
        passed=None
        if limit is None
        else bool(value >= limit and (peer is None or value > peer or value == 1)),
        peer=told,
        ratio=peer / value if told and value else None,
        n=len(found),
        seed=JUDGING_SEED,
    )


def words(setting: HodgesBui) -> str:
    """A setting of the peer, readable."""
    rest = "rectified rest" if setting.rectified else "rest"
    return f"{1000 * setting.window_s:g} ms, {setting.threshold:g} SD of the {rest}"


def numbers_from(group: Group, n: int, *, least_uV: float = LEAST_UV) -> list[tuple[Group, int]]:
    """The first recordings of a group whose spasms are all strong enough."""
    chosen: list[tuple[Group, int]] = []
    number = 0
    while len(chosen) < n:
        if corpus_item(group, number, judging=True).level_uV >= least_uV:
            chosen.append((group, number))
        number += 1
    return chosen


def run(
    wanted: Sequence[tuple[Group, int]],
    *,
    level_uV: float | None = None,
    duration_s: float | None = None,
    workers: int = 0,
    peer: bool = True,
) -> list[Judged]:
    """Recordings of the judging draw, by group and number; they do not depend on the number of processes."""
    parts = [wanted[k : k + _BATCH] for k in range(0, len(wanted), _BATCH)]
    one = partial(batch, level_uV=level_uV, duration_s=duration_s, peer=peer)
    if not workers:
        return [judged for part in parts for judged in one(part)]
    found: list[Judged] = []
    with (
        one_thread_each(),
        ProcessPoolExecutor(max_workers=workers, mp_context=get_context("spawn")) as pool,
    ):
        for judged in pool.map(one, parts):
            found += judged
            level = "" if level_uV is None else f" at {level_uV:g} uV"
            print(
                f"spasm corpus: {found[-1].name}{level}, {len(found)} of {len(wanted)}, seed {JUDGING_SEED}",
                file=sys.stderr,
                flush=True,
            )
    return found


def batch(
    wanted: Sequence[tuple[Group, int]],
    *,
    level_uV: float | None = None,
    duration_s: float | None = None,
    peer: bool = True,
) -> list[Judged]:
    """Some recordings in this process; the peer is started once for them."""
    items = [
        corpus_item(group, number, judging=True, level_uV=level_uV, duration_s=duration_s)
        for group, number in wanted
    ]
    others = peer_scores(items) if peer else [()] * len(items)
    return [judged(item, scores) for item, scores in zip(items, others, strict=True)]


def judged(item: CorpusItem, peers: tuple[Score, ...] = ()) -> Judged:
    """One recording through the whole analysis."""
    channels = {one.label: one for one in analysed(item)}
    scores, errors = [], []
    for label, true, seconds in truths(item):
        own = channels[label]
        scores.append(score(true, spasms_of(own), seconds))
        errors.append(own.burden_percent.value - 100 * scores[-1].true_s / seconds)
    return Judged(
        name=item.name,
        level_uV=item.level_uV,
        ours=total(scores),
        burden_errors=tuple(errors),
        peers=peers,
    )


def analysed(item: CorpusItem) -> tuple[ChannelSpasms, ...]:
    """The channels of a recording; the quiet muscle of another time is handed over as a file."""
    if item.quiet is None:
        return analyse_recording(item.recording).analysis.channels
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / item.quiet.file
        write_short(path, item.quiet)
        request = SpasmRequest(quiet=StatedStretch(path=path))
        return analyse_recording(item.recording, request).analysis.channels


def write_short(path: Path, recording: Recording) -> None:
    """A recording of a minute or so as EDF+."""
    samples = [recording.samples.read(k, 0, each.n_samples) for k, each in enumerate(recording.channels)]
    write_edf(path, recording.channels, [samples], recording.annotations, simulated=True)


def spasms_of(channel: ChannelSpasms) -> Stretches:
    """Events of a spasm's class, seconds."""
    rows = [(event.start_s, event.stop_s) for event in channel.events if event.class_.is_spasm]
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


def truths(item: CorpusItem) -> Iterator[tuple[str, Stretches, float]]:
    """Of each channel its label, its true spasms and the seconds that are judged."""
    quiet_s = sum(stop - start for start, stop in item.plan.quiet)
    for channel in item.plan.channels:
        rows = sorted(
            (label.start_s, label.stop_s)
            for label in item.labels
            if label.channel == channel.label and label.is_spasm
        )
        yield channel.label, np.array(rows).reshape(-1, 2), item.plan.duration_s - quiet_s


def peer_scores(items: Sequence[CorpusItem]) -> list[tuple[Score, ...]]:
    """What Hodges-Bui with each of `SETTINGS` makes of the recordings; nothing where it is missing."""
    traces = [trace for item in items for trace in traces_of(item)]
    try:
        found = iter(hodges_bui(traces, SETTINGS))
    except PeerMissing as why:
        print(f"spasm corpus: {why}", file=sys.stderr, flush=True)
        return [()] * len(items)
    scores = []
    for item in items:
        own = [
            [_peer_score(item, true, rows, seconds) for rows in next(found)]
            for _, true, seconds in truths(item)
        ]
        scores.append(tuple(total(list(each)) for each in zip(*own, strict=True)))
    return scores


def _peer_score(item: CorpusItem, true: Stretches, rows: Stretches, seconds: float) -> Score:
    used = spasm_settings()
    for start_s, stop_s in item.plan.quiet:
        rows = without(rows, start_s, stop_s)
    return score(true, tidied(rows, gap_s=used.merge_gap_s, least_s=used.least_duration_s), seconds)


def traces_of(item: CorpusItem) -> Iterator[Trace]:
    """Each electromyogram with its quiet stretch, as arrays; what was not recorded is 0."""
    for k, channel in enumerate(item.recording.channels[: len(item.plan.channels)]):
        signal = item.recording.samples.read(k, 0, channel.n_samples)
        if item.quiet is not None:
            rest = item.quiet.samples.read(k, 0, item.quiet.channels[k].n_samples)
        else:
            start_s, stop_s = item.plan.quiet[0]
            rest = signal[round(start_s * channel.rate_hz) : round(stop_s * channel.rate_hz)]
        yield Trace(signal_uV=np.nan_to_num(signal), rest_uV=np.nan_to_num(rest), rate_hz=channel.rate_hz)


def alarm_bars(days: int = DAYS, *, hours: float = DAY_HOURS) -> Iterator[Bar]:
    """False alarms of days without a spasm, one channel each, at 1000 Hz."""
    found: list[tuple[int, float]] = []
    with (
        one_thread_each(),
        ProcessPoolExecutor(max_workers=_WORKERS, mp_context=get_context("spawn")) as pool,
    ):
        for alarms, seconds in pool.map(partial(alarms_of_day, hours=hours), range(days)):
            found.append((alarms, seconds))
            print(f"spasm alarms: {len(found)} of {days} days, {alarms}", file=sys.stderr, flush=True)
    alarms, seconds = (sum(column) for column in zip(*found, strict=True))
    yield at_most(
        "spasm.false-alarms",
        alarms * 86_400 / seconds,
        ALARMS_A_DAY,
        "1/d",
        n=days,
        seed=JUDGING_SEED,
    )
    worst = max(count for count, _ in found)
    yield Bar(id="spasm.false-alarms.worst-day", value=worst, unit="1", n=days, seed=JUDGING_SEED)


def alarms_of_day(number: int, *, hours: float = DAY_HOURS) -> tuple[int, float]:
    """Spasms found in a day without one, and the seconds that were judged."""
    *_, item = quiet_days(number + 1, judging=True, hours=hours)
    (channel,) = analysed(item)
    return len(spasms_of(channel)), channel.analysed_s
