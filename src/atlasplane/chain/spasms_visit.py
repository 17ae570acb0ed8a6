"""The recordings of a visit as observations: rate, burden, duration and state of each muscle and side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from atlasplane.chain.spasms import AnalysedRecording, Progress, SpasmRequest, analyse_file
from atlasplane.core.change import REST_DOUBTFUL
from atlasplane.core.errors import AtlasplaneError
from atlasplane.core.finding import Finding, Severity
from atlasplane.core.observation import Count, Measurement, Observation, Site
from atlasplane.core.quantity import quantity
from atlasplane.io.recording_map import ChannelMap, MappedChannel, channel_map, read_channel_map
from atlasplane.pathways.spasm.baseline import rest_is_doubtful
from atlasplane.pathways.spasm.muscle_state import muscle_state
from atlasplane.pathways.spasm.result import ChannelSpasms, Estimate
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
    recordings, findings = [], list[Finding]()
    sites: dict[str, list[_Place]] = {}
    tight = palpated(visit.exam)
    for stated in visit.recordings:
        if stated.kind != SEMG:
            continue
        try:
            request = _request(stated, tight)
            analysed = analyse_file(stated.path, request, name=stated.file, progress=progress)
        except AtlasplaneError as fault:
            findings.append(_not_measured(stated, fault))
            sites[stated.file] = [(c.label, c.muscle or c.label, c.side) for c in stated.channels]
            continue
        if simulated:
            analysed = replace(analysed, analysis=replace(analysed.analysis, simulated=True))
        recordings.append(analysed)
        sites[stated.file] = [(c.label, c.muscle or c.label, c.side) for c in analysed.analysis.channels]
        findings += analysed.analysis.findings
    apart = _told_apart(sites)
    observations = [
        observation
        for analysed in recordings
        for observation in observations_of(analysed, visit, tight, conditions=apart[analysed.analysis.file])
    ]
    return RecordedVisit(
        recordings=tuple(recordings), observations=tuple(observations), findings=tuple(findings)
    )


_Place = tuple[str, str, str | None]
"""Label of a channel, its muscle and its side."""


def _told_apart(sites: Mapping[str, Sequence[_Place]]) -> Mapping[str, Mapping[str, str]]:
    """What tells channels of one site apart, by file and label: the recording, the channel, or both.

    A recording goes by its path within the visit's folder, so that those of two visits find each other.
    """
    files: dict[tuple[str, str | None], list[str]] = {}
    for file, places in sites.items():
        for _, muscle, side in places:
            files.setdefault((muscle, side), []).append(file)
    found: dict[str, dict[str, str]] = {file: {} for file in sites}
    for file, places in sites.items():
        for label, muscle, side in places:
            same = files[muscle, side]
            parts = [file.partition("/")[2] or file] if len(set(same)) > 1 else []
            parts += [label] if same.count(file) > 1 else []
            if parts:
                found[file][label] = " ".join(parts)
    return found


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
    analysed: AnalysedRecording,
    visit: Visit,
    tight: Mapping[tuple[str, str], bool] | None = None,
    *,
    conditions: Mapping[str, str] | None = None,
) -> Iterator[Observation]:
    """Rate, burden, duration, strength, clonus and state of each channel; what no spasm tells is left out.

    All of a channel whose rest was none carry the quality `rest_doubtful`, and their changes no verdict.

    Parameters
    ----------
    tight : mapping, optional
        What the hand found, as `palpated` gives it.
    conditions : mapping, optional
        By label of a channel what tells its observations from those of the same site, where there are others.
    """
    for channel in analysed.analysis.channels:
        if not channel.analysed_s > 0:
            continue
        common = _Common(analysed, channel, visit, (conditions or {}).get(channel.label))
        rate = channel.rate
        yield Count(**common.of("spasm_rate"), n=rate.n, exposure=rate.exposure_h, dispersion=rate.dispersion)
        yield from _measurements(channel, common, raw=channel.label in analysed.raw)
        state = muscle_state(
            channel,
            visit=visit.id,
            source=analysed.analysis.file,
            tight=(tight or {}).get((channel.muscle or "", channel.side or "")),
            provenance=common.provenance,
            condition=common.condition,
        )
        yield replace(state, quality=common.quality)


def _measurements(channel: ChannelSpasms, common: _Common, *, raw: bool) -> Iterator[Measurement]:
    for id_, found in (
        ("spasm_burden", channel.burden_percent),
        ("spasm_duration", channel.mean_duration_s),
        (RAW, channel.intensity_uV),
        ("spasm_intensity_relative", channel.intensity_percent),
        ("clonus_frequency", channel.clonus_hz),
    ):
        if found is None or (raw and id_ == RAW):
            continue
        u = found.u if found.u and id_ != RAW else None
        yield Measurement(
            **common.of(id_),
            value=found.value,
            u=u,
            dof=math.inf if u is None else found.dof,
            budget={} if u is None else _budget(found, channel),
        )


def _budget(found: Estimate, channel: ChannelSpasms) -> dict[str, float]:
    """What u is made of: the scatter of the spasms, and of what they are parts of."""
    assert found.u is not None
    own = channel.intensity_uV
    if found is not channel.intensity_percent or own is None or own.u is None:
        return {"spasms": found.u}
    spasms = found.value * own.u / own.value
    return {"spasms": spasms, "reference": math.sqrt(max(found.u**2 - spasms**2, 0.0))}


class _Common:
    """What all observations of a channel carry."""

    def __init__(
        self, analysed: AnalysedRecording, channel: ChannelSpasms, visit: Visit, condition: str | None
    ) -> None:
        self.condition = condition
        self._visit, self._file = visit, analysed.analysis.file
        self._site = Site(structure=channel.muscle or channel.label, side=channel.side)
        self.quality = (REST_DOUBTFUL,) if rest_is_doubtful(channel.findings) else ("ok",)
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
            "condition": self.condition,
            "method": METHOD,
            "tag": entry.tag,
            "source": (self._file,),
            "observer": () if self._visit.observer is None else (self._visit.observer,),
            "provenance": self.provenance,
            "quality": self.quality,
        }
