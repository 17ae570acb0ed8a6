"""Two recordings on which detectors with a threshold of their own find nothing, and rules that must hold.

120 s of one contraction at 50 uV with a file of the quiet muscle; and 60 s of spasm at 20 uV beside four
voluntary bursts that the recording notes. Both are written as files and go through the command line. The
peers get the same samples and, where they take one, the same quiet stretch; what they find is cut to the
spasm and not merged.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from atlasplane.chain.spasms import SpasmRequest, analyse_recording
from atlasplane.pathways.spasm.scales import BadAnswer, scale_grades
from atlasplane.simulate.night import write_night
from atlasplane.simulate.recording_plan import (
    Movement,
    PlannedChannel,
    PlannedEvent,
    RecorderNoise,
    RecordingPlan,
    TruthClass,
)
from atlasplane.simulate.semg_recording import simulated_recording
from benchmarks.bar import Bar, at_least, at_most
from benchmarks.registration_peers import PeerMissing, missing_bar
from benchmarks.spasm_judging import SETTINGS, words
from benchmarks.spasm_peers import NEUROKIT_METHODS, Trace, biosppy_as_it_comes, hodges_bui, neurokit_activity
from benchmarks.spasm_scoring import Stretches, length, score, stretches
from benchmarks.spasm_speed import command

SEED = 63
FULL_S, FULL_UV = 120.0, 50.0
SPASM_S, SPASM_UV, SPASM_AT_S = 60.0, 20.0, 45.0
BURST_S, BURST_UV, BURSTS_AT_S = 2.0, 150.0, (25.0, 33.0, 115.0, 125.0)
BESIDE_S, QUIET_S = 135.0, 20.0
NOISE_UV = 3.0
EDGE_S = 0.2
"""Two frames at each end: what is told of an edge of an envelope that rises and falls within 0.3 s."""
CLONUS_HZ = tuple(float(f) for f in np.linspace(4.7, 7.0, 24))
GAPS_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Merge gaps of the sweep."""
_LABEL = "EMG trap right"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scene:
    """A plan, its quiet muscle if that is another recording, and where its spasm lies."""

    name: str
    plan: RecordingPlan
    rest: RecordingPlan | None
    spasm: tuple[float, float]


def planned(seed: int, duration_s: float, events: Sequence[PlannedEvent] = ()) -> RecordingPlan:
    """One channel at 2000 Hz with 3 uV of noise."""
    channel = PlannedChannel(
        label=_LABEL, muscle="trapezius_upper", side="right", noise=RecorderNoise(rms_uV=NOISE_UV)
    )
    return RecordingPlan(
        seed=seed,
        duration_s=duration_s,
        channels=(channel,),
        period_s=Fraction(1, 2000),
        events=tuple(events),
    )


def event(start_s: float, stop_s: float, rms_uV: float, class_: TruthClass = "tonic") -> PlannedEvent:
    """A contraction of even strength."""
    return PlannedEvent(
        channel=0,
        start_s=start_s,
        stop_s=stop_s,
        class_=class_,
        rms_uV=rms_uV,
        fluctuation=0.05,
    )


def full() -> Scene:
    """In spasm from before the start till after the end."""
    plan = planned(SEED, FULL_S, [event(-5.0, FULL_S + 5.0, FULL_UV)])
    return Scene(name="full", plan=plan, rest=planned(SEED + 1, 60.0), spasm=(0.0, FULL_S))


def beside() -> Scene:
    """A weak spasm, two noted bursts before and two after it."""
    events = [event(SPASM_AT_S, SPASM_AT_S + SPASM_S, SPASM_UV)]
    events += [event(at, at + BURST_S, BURST_UV, "voluntary") for at in BURSTS_AT_S]
    noted = tuple(
        Movement(start_s=at - 0.2, stop_s=at + BURST_S + 0.3, acceleration_g=0.0, annotated=True)
        for at in BURSTS_AT_S
    )
    plan = replace(planned(SEED + 2, BESIDE_S, events), movements=noted, quiet=((0.0, QUIET_S),))
    return Scene(name="beside", plan=plan, rest=None, spasm=(SPASM_AT_S, SPASM_AT_S + SPASM_S))


def bars() -> Iterator[Bar]:
    """Ours on files, the peers beside, then clonus, merging and the rule of Penn's second part."""
    for scene in (full(), beside()):
        found = found_in(scene)
        yield from _ours(scene, found)
        yield from _beside_peers(scene, seconds_within(spasm_rows(found), scene.spasm))
    yield clonus_bar()
    yield from merge_bars()
    yield penn_bar()


def found_in(scene: Scene) -> Mapping[str, Any]:
    """The one channel of the command's document.

    Raises
    ------
    RuntimeError
        When the command fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{scene.name}.edf"
        write_night(path, scene.plan)
        more: tuple[object, ...] = ()
        if scene.rest is not None:
            write_night(Path(folder) / "rest.edf", scene.rest)
            more = ("--quiet-file", Path(folder) / "rest.edf")
        ran = command("spasm", path, *more)
    if ran.status not in (0, 1):
        raise RuntimeError(ran.complaint)
    (channel,) = ran.document["channels"]
    return dict(channel)


def _ours(scene: Scene, found: Mapping[str, Any]) -> Iterator[Bar]:
    rows, name = spasm_rows(found), f"spasm.acceptance.{scene.name}"
    burden = float(found["burden_percent"]["value"])
    if scene.name == "full":
        yield _equal(f"{name}.burden", burden, 100.0, "%")
    else:
        voluntary = [one for one in found["events"] if one["class"] == "voluntary"]
        off = abs(length(rows[:1]) - SPASM_S) if len(rows) else SPASM_S
        yield _equal(f"{name}.voluntary", len(voluntary), len(BURSTS_AT_S), "events")
        yield at_most(f"{name}.length-error", off, EDGE_S, "s", seed=SEED)
    yield _equal(f"{name}.spasms", len(rows), 1, "events")
    yield Bar(id=f"{name}.seconds", value=seconds_within(rows, scene.spasm), unit="s in the spasm", seed=SEED)


def _beside_peers(scene: Scene, ours_s: float) -> Iterator[Bar]:
    """Seconds inside the spasm, and outside of it, of each peer."""
    name = f"spasm.acceptance.{scene.name}.seconds"
    try:
        found = peer_rows(scene)
    except PeerMissing as why:
        yield missing_bar(name, str(why))
        return
    for key, (peer, rows) in found.items():
        if isinstance(rows, str):
            yield missing_bar(f"{name}.{key}", f"{peer}: {rows}")
            continue
        inside = seconds_within(rows, scene.spasm)
        yield Bar(
            id=f"{name}.{key}",
            value=inside,
            unit=f"s in the spasm (+ {length(rows) - inside:.1f} s outside)",
            peer=peer,
            ratio=inside / ours_s if ours_s else None,
            seed=SEED,
        )


def peer_rows(scene: Scene) -> dict[str, tuple[str, Stretches | str]]:
    """What each peer finds; Hodges-Bui with the setting that does best on this very record."""
    trace = trace_of(scene)
    rows: dict[str, tuple[str, Stretches | str]] = {}
    for method, found in neurokit_activity(trace, NEUROKIT_METHODS).items():
        rows[f"neurokit2-{method}"] = (f"NeuroKit2 0.2.13 {method}", found)
    rows["biosppy-emg"] = ("BioSPPy 2.2.4 emg()", biosppy_as_it_comes(trace))
    of_settings = hodges_bui([trace], SETTINGS)[0]
    wanted = [scene.spasm]
    scores = [score(wanted, found, scene.plan.duration_s).sample_f1 for found in of_settings]
    best = int(np.argmax(scores))
    told = f"BioSPPy 2.2.4 Hodges-Bui, {words(SETTINGS[best])}"
    rows["biosppy-hodges-bui"] = (told, of_settings[best])
    return rows


def trace_of(scene: Scene) -> Trace:
    """The samples of a scene and of its rest."""
    recording = simulated_recording(scene.plan)
    signal = recording.samples.read(0, 0, recording.channels[0].n_samples)
    if scene.rest is None:
        rest = signal[: round(QUIET_S * scene.plan.rate_hz)]
    else:
        other = simulated_recording(scene.rest)
        rest = other.samples.read(0, 0, other.channels[0].n_samples)
    return Trace(signal_uV=signal, rest_uV=rest, rate_hz=scene.plan.rate_hz)


def spasm_rows(found: Mapping[str, Any]) -> Stretches:
    """Spasms of a channel of the document, seconds."""
    other = ("voluntary", "unattributed")
    events = [one for one in found["events"] if one["class"] not in other]
    return stretches([(one["start_s"], one["stop_s"]) for one in events])


def seconds_within(rows: Stretches, part: tuple[float, float]) -> float:
    """Seconds of the rows that lie inside a part."""
    return float(np.clip(np.minimum(rows[:, 1], part[1]) - np.maximum(rows[:, 0], part[0]), 0, None).sum())


def clonus_bar(frequencies_hz: Sequence[float] = CLONUS_HZ) -> Bar:
    """Largest error of the frequency of a clonus of twelve contractions at 40 uV."""
    errors = []
    for k, frequency in enumerate(frequencies_hz):
        clonus = PlannedEvent(
            channel=0,
            start_s=25.0,
            stop_s=25.0 + 12 / frequency,
            class_="clonus",
            rms_uV=40.0,
            rise_s=0.1,
            fall_s=0.1,
            frequency_hz=frequency,
        )
        plan = replace(planned(SEED + 100 + k, 35.0, [clonus]), quiet=((0.0, QUIET_S),))
        (channel,) = analyse_recording(simulated_recording(plan)).analysis.channels
        told = [one.frequency_hz for one in channel.events if one.frequency_hz is not None]
        errors.append(abs(told[0] - frequency) if len(told) == 1 else float("inf"))
    return at_most("spasm.acceptance.clonus", max(errors), 0.1, "Hz", n=len(errors), seed=SEED + 100)


def merge_bars(gaps_s: Sequence[float] = GAPS_S) -> Iterator[Bar]:
    """The merge gap changes the count and never the burden."""
    starts = np.cumsum([30.0, 4.0, 5.0, 7.0, 11.0, 4.2, 9.0])
    plan = planned(SEED + 3, 90.0, [event(float(at), float(at) + 2.0, 40.0) for at in starts])
    recording = simulated_recording(replace(plan, quiet=((0.0, QUIET_S),)))
    found = [
        analyse_recording(recording, SpasmRequest(merge_gap_s=gap)).analysis.channels[0] for gap in gaps_s
    ]
    burdens = [one.burden_percent.value for one in found]
    counts = [one.rate.n for one in found]
    yield _equal("spasm.acceptance.merge.burden-change", max(burdens) - min(burdens), 0.0, "points")
    yield at_least(
        "spasm.acceptance.merge.counts", len(set(counts)), 2, "different counts", n=len(gaps_s), seed=SEED
    )


def penn_bar() -> Bar:
    """Of the three severities beside a frequency of 0, how many are refused, and none beside another."""
    refused = 0
    for severity in (1, 2, 3):
        answers = {"penn_frequency": 0, "penn_severity": severity}
        try:
            scale_grades(answers, file="visit.toml", visit="v1")
        except BadAnswer:
            refused += 1
        scale_grades({**answers, "penn_frequency": 1}, file="visit.toml", visit="v1")
    return _equal("spasm.acceptance.penn", refused, 3, "refused")


def _equal(id_: str, value: float, wanted: float, unit: str) -> Bar:
    return Bar(
        id=id_, value=float(value), unit=unit, bar=f"= {wanted:g}", passed=bool(value == wanted), seed=SEED
    )
