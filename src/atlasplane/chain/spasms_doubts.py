"""What a person should know of a channel's rest: it was none, was assumed, or is in other steps."""

from __future__ import annotations

from collections.abc import Iterator

from atlasplane.chain.spasms_rest import Rest
from atlasplane.core.finding import Finding, Severity
from atlasplane.pathways.spasm.baseline import assumed_rest, baseline_findings
from atlasplane.pathways.spasm.result import Baseline
from atlasplane.pathways.spasm.settings import SpasmSettings
from atlasplane.signals.frames import Frames
from atlasplane.sources.recording import MICROVOLT, Recording


def rest_findings(
    rest: Rest,
    recording: Recording,
    k: int,
    baseline: Baseline,
    quiet: Frames | None,
    *,
    settings: SpasmSettings,
) -> Iterator[Finding]:
    """What a person should know of a channel's rest: it was none, was assumed, or is in other steps.

    Parameters
    ----------
    quiet : Frames or None
        As `baseline_of` gives them.
    """
    label, file = recording.channels[k].label, recording.file
    if quiet is not None:
        yield from baseline_findings(quiet, baseline, label=label, file=file, settings=settings)
    if baseline.source == "reference":
        yield assumed_rest(rest.reference_kind, label=label, file=file, settings=settings)
    other = rest.elsewhere if baseline.source == "file" else rest.reference_elsewhere
    if other is not None and recording.channels[k].unit != MICROVOLT:
        text = (
            f"{label}: both {file} and {other.file} hold steps of a converter, which compare only where "
            "recorder and gain were the same; state unit or converter of both in a channel map"
        )
        yield Finding(code="spasm.raw_rest", severity=Severity.WARN, file=file, text=text)
