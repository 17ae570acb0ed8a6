"""The JSON document of `spasm`, in full precision."""

from __future__ import annotations

import atlasplane
from atlasplane.chain.spasms import AnalysedRecording
from atlasplane.pathways.spasm.result import ChannelSpasms, Estimate, SpasmCount, SpasmEvent
from atlasplane.report.document import finding_json
from atlasplane.report.document_observation import Json, finite, interval_json
from atlasplane.report.spasm_agreement import agreement_json


def spasm_document(analysed: AnalysedRecording) -> Json:
    """`spasm --json`: events, rate and burden of every channel."""
    analysis, started = analysed.analysis, analysed.recording.started
    return {
        "schema": "atlasplane.spasm/1",
        "software": atlasplane.__version__,
        "file": analysis.file,
        "simulated": analysis.simulated,
        "started": None if started is None else started.isoformat(),
        "duration_s": analysis.duration_s,
        "analysed_s": analysis.analysed_s,
        "merge_gap_s": analysis.merge_gap_s,
        "channels": [_channel(channel, raw=channel.label in analysed.raw) for channel in analysis.channels],
        "unmeasured": [
            {"label": lost.label, "muscle": lost.muscle, "side": lost.side, "why": lost.why}
            for lost in analysis.unmeasured
        ],
        "agreement": agreement_json(analysed),
        "findings": [finding_json(finding) for finding in analysis.findings],
    }


def _channel(channel: ChannelSpasms, *, raw: bool) -> Json:
    """A channel; amplitudes of one that is not in microvolts are null."""
    baseline = channel.baseline
    return {
        "label": channel.label,
        "muscle": channel.muscle,
        "side": channel.side,
        "rate_hz": channel.rate_hz,
        "analysed_s": channel.analysed_s,
        "threshold_uV": None if raw else baseline.threshold_uV,
        "noise_uV": None if raw else baseline.noise_uV,
        "quiet": {"source": baseline.source, "start_s": baseline.start_s, "stop_s": baseline.stop_s},
        "burden_percent": _estimate(channel.burden_percent, "%"),
        "rate": _rate(channel.rate),
        "mean_duration_s": _estimate(channel.mean_duration_s, "s"),
        "clonus_hz": _estimate(channel.clonus_hz, "Hz"),
        "intensity_uV": None if raw else _estimate(channel.intensity_uV, "uV"),
        "intensity_percent": _estimate(channel.intensity_percent, "%"),
        "burden_by_hour": [None if hour is None else hour.value for hour in channel.burden_by_hour],
        "events": [_event(event, raw=raw) for event in channel.events],
        "excluded": [
            {"start_s": part.start_s, "stop_s": part.stop_s, "why": part.why} for part in channel.excluded
        ],
    }


def _estimate(found: Estimate | None, unit: str) -> Json | None:
    if found is None:
        return None
    return {
        "value": found.value,
        "unit": unit,
        "u": finite(found.u) or None,
        "interval": interval_json(found.interval),
    }


def _rate(rate: SpasmCount) -> Json:
    """The count as `measure` prints it."""
    return {
        "kind": "count",
        "quantity": "spasm_rate",
        "n": rate.n,
        "exposure": {"value": rate.exposure_h, "unit": "h"},
        "unit": "1/h",
        "rate": rate.n / rate.exposure_h,
        "dispersion": rate.dispersion,
        "interval": interval_json(rate.interval),
    }


def _event(event: SpasmEvent, *, raw: bool) -> Json:
    return {
        "start_s": event.start_s,
        "stop_s": event.stop_s,
        "class": event.class_.value,
        "rms_uV": None if raw else event.rms_uV,
        "frequency_hz": event.frequency_hz,
        "confidence": event.confidence,
    }
