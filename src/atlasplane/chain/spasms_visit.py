"""The recordings of a visit as observations: rate, burden, duration and state of each muscle and side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from atlasplane.chain.spasms import AnalysedRecording, Progress, SpasmRequest, analyse_file
from atlasplane.core.errors import AtlasplaneError
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.observation import Count, Measurement, Observation, Site
from atlasplane.core.quantity import quantity
from atlasplane.io.recording_map import ChannelMap, MappedChannel, channel_map, read_channel_map
from atlasplane.pathways.spasm.estimates import STRETCHES
from atlasplane.pathways.spasm.muscle_state import muscle_state
from atlasplane.pathways.spasm.result import ChannelSpasms
from atlasplane.sources.case import Visit
from atlasplane.sources.visit_recording import SEMG, VisitRecording

METHOD = "outside-baseline/1"
RAW = "spasm_intensity"
"""In microvolts of one electrode on one day: shown, and compared with no other day."""
_TIGHT = {"tight": True, "soft": False}
"""Words of exam.toml [palpation] for a muscle's side."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RecordedVisit:
    """What the recordings of a visit came to.

    Attributes
    ----------
    recordings : tuple of AnalysedRecording
    observations : tuple of Observation
    findings : tuple of Finding
    """

    recordings: tuple[AnalysedRecording, ...]
    observations: tuple[Observation, ...]
    findings: tuple[Finding, ...]


def recorded_visit(visit: Visit, *, simulated: bool, progress: Progress | None = None) -> RecordedVisit:
    """Analyse every recording of muscle activity of a visit.

    One that cannot be analysed becomes a finding that says why: the films' numbers do not hang on it.

    Parameters
    ----------
    simulated : bool
        Whether the case is; its recordings then are too, whatever their files say.
    """
    recordings, observations, findings = [], list[Observation](), list[Finding]()
    tight = palpated(visit.exam)
    for stated in visit.recordings:
        if stated.kind != SEMG:
            continue
        try:
            request = _request(stated, tight)
            analysed = analyse_file(stated.path, request, name=stated.file, progress=progress)
        except AtlasplaneError as fault:
            findings.append(_not_measured(stated, fault))
            continue
        if simulated:
            analysed = replace(analysed, analysis=replace(analysed.analysis, simulated=True))
        recordings.append(analysed)
        observations += observations_of(analysed, visit, tight)
        findings += analysed.analysis.findings
    return RecordedVisit(
        recordings=tuple(recordings), observations=tuple(observations), findings=tuple(findings)
    )


def _request(stated: VisitRecording, tight: Mapping[tuple[str, str], bool]) -> SpasmRequest:
    return SpasmRequest(
        channels=_map(stated),
        quiet=stated.quiet,
        reference=stated.reference,
        reference_kind=stated.reference_kind,
        noise_uV=stated.noise_uV,
        tight=tight,
    )


def _map(stated: VisitRecording) -> ChannelMap | None:
    if stated.channel_map is not None:
        return read_channel_map(stated.channel_map)
    if not stated.channels:
        return None
    mapped = (MappedChannel(label=c.label, muscle=c.muscle, side=c.side) for c in stated.channels)
    return channel_map(mapped, file=stated.file)


def palpated(exam: Mapping[str, object]) -> Mapping[tuple[str, str], bool]:
    """What the hand found, by muscle and side: ``[palpation] trapezius_upper = { right = "tight" }``.

    Other words than "tight" and "soft" say nothing of it.
    """
    table = exam.get("palpation")
    found: dict[tuple[str, str], bool] = {}
    for muscle, sides in (table if isinstance(table, Mapping) else {}).items():
        for side, word in (sides if isinstance(sides, Mapping) else {}).items():
            if word in _TIGHT:
                found[str(muscle), str(side)] = _TIGHT[word]
    return found


def _not_measured(stated: VisitRecording, fault: AtlasplaneError) -> Finding:
    return Finding(
        code="spasm.not_measured",
        severity=Severity.WARN,
        file=stated.file,
        text=f"The recording is not measured: {fault.what}. {fault.remedy}",
    )


def observations_of(
    analysed: AnalysedRecording, visit: Visit, tight: Mapping[tuple[str, str], bool] | None = None
) -> Iterator[Observation]:
    """Rate, burden, duration, strength, clonus and state of each channel; what no spasm tells is left out."""
    for channel in analysed.analysis.channels:
        if not channel.analysed_s > 0:
            continue
        common = _Common(analysed, channel, visit)
        rate = channel.rate
        yield Count(**common.of("spasm_rate"), n=rate.n, exposure=rate.exposure_h, dispersion=rate.dispersion)
        yield from _measurements(channel, common, raw=channel.label in analysed.raw)
        yield muscle_state(
            channel,
            visit=visit.id,
            source=analysed.analysis.file,
            tight=(tight or {}).get((channel.muscle or "", channel.side or "")),
            provenance=common.provenance,
        )


def _measurements(channel: ChannelSpasms, common: _Common, *, raw: bool) -> Iterator[Measurement]:
    spasms = [event for event in channel.events if event.class_.is_spasm]
    rhythmic = [event for event in spasms if event.frequency_hz is not None]
    for id_, found, n in (
        ("spasm_burden", channel.burden_percent, STRETCHES),
        ("spasm_duration", channel.mean_duration_s, len(spasms)),
        (RAW, channel.intensity_uV, len(spasms)),
        ("spasm_intensity_relative", channel.intensity_percent, len(spasms)),
        ("clonus_frequency", channel.clonus_hz, len(rhythmic)),
    ):
        if found is None or (raw and id_ == RAW):
            continue
        u = found.u if found.u and id_ != RAW else None
        dof = math.inf if u is None else float(max(n - 1, 1))
        yield Measurement(
            **common.of(id_),
            value=found.value,
            u=u,
            dof=dof,
            budget={} if u is None else {"spasms": u},
        )


class _Common:
    """What all observations of a channel carry."""

    def __init__(self, analysed: AnalysedRecording, channel: ChannelSpasms, visit: Visit) -> None:
        self._visit, self._file = visit, analysed.analysis.file
        self._site = Site(structure=channel.muscle or channel.label, side=channel.side)
        started, raw = analysed.recording.started, channel.label in analysed.raw
        self.provenance = {
            "channel": channel.label,
            "analysed_s": f"{channel.analysed_s:.1f}",
            "baseline": channel.baseline.source,
            **({} if raw else {"threshold_uV": f"{channel.baseline.threshold_uV:.4g}"}),
            "merge_gap_s": f"{analysed.analysis.merge_gap_s:g}",
            **({} if started is None else {"started": started.isoformat()}),
        }

    def of(self, id_: str) -> dict[str, Any]:
        """Arguments of an observation of this quantity."""
        entry = quantity(id_)
        return {
            "quantity": entry,
            "visit": self._visit.id,
            "site": self._site,
            "method": METHOD,
            "tag": entry.tag,
            "source": (self._file,),
            "observer": () if self._visit.observer is None else (self._visit.observer,),
            "provenance": self.provenance,
        }
