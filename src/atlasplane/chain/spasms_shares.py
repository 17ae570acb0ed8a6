"""What the frames of a channel say of the channel itself: missing, zero, flat, clipped, unit in doubt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.recording_settings import recording_limit, recording_limits
from atlasplane.pathways.spasm.quality import faults, told
from atlasplane.pathways.spasm.result import ChannelSpasms, UnmeasuredChannel
from atlasplane.pathways.spasm.settings import SpasmSettings
from atlasplane.signals.frames import Frames
from atlasplane.sources.recording import MICROVOLT, Channel, Recording

MISSING, ZERO, FLAT, CLIPPED, UNIT = (
    "recording.missing",
    "recording.zero",
    "recording.flat",
    "recording.clipped",
    "recording.unit_doubtful",
)
NOT_MEASURED = "spasm.not_measured"
_NOT_COUNTED = "these stretches are not judged, and a spasm in them is not counted"
_NAMED = 8
"""Channels that a message names."""
_MINUTES_FROM_S = 120.0
_REMEDY = "Check the sensor and the export, or leave the channel out: kind = 'other' in a channel map"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelShares:
    """How much of a channel is wanting, from the frames that it is judged by.

    Attributes
    ----------
    duration_s : float
        Of the channel.
    missing, saturated : float
        Shares of the samples, 0 to 1, that were not recorded, or lie at an end of the recorder's range.
    still : float
        Share of the time, 0 to 1, in which most samples repeat the one before them.
    clipped_s : float
        Seconds that are not judged because they are clipped.
    untold : str
        Code of what is wrong with most of the frames where not one of them tells anything; else empty.
    rms : float
        Root mean square of what tells something, in the channel's unit: muscle, heart, mains and movement,
        without offset and drift; NaN where nothing does.
    """

    duration_s: float
    missing: float
    saturated: float
    still: float
    clipped_s: float
    untold: str
    rms: float


class UntoldChannel(BadInput):
    """A channel of which not one frame tells anything of its muscle; `finding` says what is wrong with it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding.file), finding.text.rstrip("."), _REMEDY)
        self.finding = finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A channel that could not be measured, while others of the recording may be.

    Attributes
    ----------
    channel : UnmeasuredChannel
    fault : BadInput
    findings : tuple of Finding
    """

    channel: UnmeasuredChannel
    fault: BadInput
    findings: tuple[Finding, ...]


def unmeasured(recording: Recording, k: int, fault: BadInput, findings: Iterable[Finding] = ()) -> Unmeasured:
    """What stands for a channel that could not be measured; `findings` are those known before."""
    channel = recording.channels[k]
    if isinstance(fault, UntoldChannel):
        finding = fault.finding
    else:
        said = fault.what.removeprefix(f"channel '{channel.label}': ")
        said = said if fault.file == recording.file else f"{fault.file} {said}"
        text = f"{channel.label} is not measured: {said}. {fault.remedy}."
        finding = Finding(code=NOT_MEASURED, severity=Severity.WARN, file=recording.file, text=text)
    return Unmeasured(
        channel=UnmeasuredChannel(
            label=channel.label, muscle=channel.muscle, side=channel.side, why=finding.code
        ),
        fault=fault,
        findings=(*findings, finding),
    )


def nothing_measured(recording: Recording, lost: Sequence[Unmeasured]) -> BadInput:
    """The error of a recording of which no channel could be measured: each reason once, with its channels."""
    first = lost[0].fault
    if len(lost) == 1:
        return first
    reasons: dict[str, list[str]] = {}
    for each in lost:
        label = each.channel.label
        said = each.fault.what
        for name in (f"channel '{label}': ", f"{label}: ", f"{label} "):
            said = said.removeprefix(name)
        reasons.setdefault(said, []).append(label)
    why = "; ".join(f"{_listed(labels)}: {said}" for said, labels in reasons.items())
    what = f"none of its {len(lost)} channels of muscle activity can be measured: {why}"
    return BadInput(first.file, what, first.remedy)


def _listed(labels: Sequence[str]) -> str:
    """Labels, the first few of many."""
    more = len(labels) - _NAMED
    return ", ".join(labels[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def check_analysed(recording: Recording, found: ChannelSpasms, settings: SpasmSettings) -> None:
    """Refuse what would be numbers of no time at all, or hardly any; raises BadInput."""
    if found.analysed_s < settings.least_judged_s:
        left = f"{found.analysed_s:.2g} s are" if found.analysed_s > 0 else "nothing is"
        what = f"channel '{found.label}': {left} left to judge beside its rest and what is excluded"
        what += f", {settings.least_judged_s:g} s are needed"
        remedy = "State a shorter quiet stretch, or give it as a recording of its own: --quiet-file FILE"
        raise BadInput(recording.file, what, remedy)


def channel_shares(frames: Frames, settings: SpasmSettings, *, duration_s: float) -> ChannelShares:
    """The shares of a channel that lasts `duration_s`; its last frame may reach beyond its end."""
    flags = dict(faults(frames, settings))
    use = told(frames, settings)
    beyond_s = max(len(frames) * frames.hop_s - duration_s, 0.0)
    missing, saturated, still = (
        float(np.sum(values, dtype=np.float64)) * frames.hop_s / max(duration_s, frames.hop_s)
        for values in (frames.missing, frames.saturated, flags["spasm.flat"])
    )
    return ChannelShares(
        duration_s=duration_s,
        missing=max(missing - beyond_s / max(duration_s, frames.hop_s), 0.0),
        saturated=saturated,
        still=still,
        clipped_s=float(np.count_nonzero(flags["spasm.saturated"])) * frames.hop_s,
        untold="" if use.any() else _commonest(flags),
        rms=_rms(frames, use),
    )


def channel_findings(recording: Recording, k: int, shares: ChannelShares) -> tuple[Finding, ...]:
    """What a person should know of a channel that tells something at least in parts.

    Raises
    ------
    UntoldChannel
        When it tells nothing at all.
    """
    file, channel = recording.file, recording.channels[k]
    if shares.untold:
        raise UntoldChannel(_untold(recording, k, shares.untold))
    return tuple(_findings(file, channel, shares))


def _commonest(flags: dict[str, np.ndarray]) -> str:
    """What holds for most frames; a channel that stands still at an end of the range is flat."""
    code = max(
        ("spasm.flat", "spasm.missing", "spasm.saturated"), key=lambda name: np.count_nonzero(flags[name])
    )
    return {"spasm.flat": FLAT, "spasm.missing": MISSING, "spasm.saturated": CLIPPED}[code]


def _rms(frames: Frames, use: np.ndarray) -> float:
    if not use.any():
        return math.nan
    parts = (frames.power_uV2, frames.slow_uV2, frames.mains_uV2, frames.beats_uV2)
    return math.sqrt(sum(float(np.nanmean(part[use], dtype=np.float64)) for part in parts))


def _untold(recording: Recording, k: int, code: str) -> Finding:
    label = recording.channels[k].label
    if code == FLAT and _is_zero(recording, k):
        code = ZERO
    said = {
        MISSING: "was not recorded at all, or only in scraps",
        ZERO: "is zero throughout: nothing was connected, or the wrong channel was exported",
        FLAT: "stands still throughout: the sensor was off, or its steps are coarser than the signal",
        CLIPPED: "is clipped throughout: it reaches an end of the recorder's range all the time",
    }[code]
    text = f"{label} {said}; whether its muscle was active cannot be told."
    return Finding(code=code, severity=Severity.WARN, file=recording.file, text=text)


def _is_zero(recording: Recording, k: int) -> bool:
    """Whether a channel that does not change is at 0: its first piece tells."""
    stop = min(recording.channels[k].n_samples, round(60 * recording.channels[k].rate_hz))
    first = recording.samples.read(k, 0, stop)
    return not np.any(np.nan_to_num(first))


def _findings(file: str, channel: Channel, shares: ChannelShares) -> Iterator[Finding]:
    if _lasting(shares.missing, shares, "missing_share"):
        said = f"{_percent(shares.missing)} of the samples were not recorded: {_NOT_COUNTED}"
        yield _finding(MISSING, file, channel, shares.missing, "missing_share", said)
    if _lasting(shares.still, shares, "still_share"):
        said = (
            f"in {_percent(shares.still)} of the time most samples repeat the one before them, because the "
            f"sensor was off or its steps are coarser than the signal: {_NOT_COUNTED}"
        )
        yield _finding(FLAT, file, channel, shares.still, "still_share", said)
    if shares.saturated > recording_limit("clipped_share"):
        said = f"{_percent(shares.saturated)} of the samples lie at an end of the recorder's range: "
        said += "true amplitudes are larger"
        if shares.clipped_s:
            said += f", and {_length(shares.clipped_s)} are not judged for it, so that strong spasm may be "
            said += "missing from counts and burden"
        yield _finding(CLIPPED, file, channel, shares.saturated, "clipped_share", said)
    if channel.unit == MICROVOLT:
        yield from _amplitude(file, channel, shares.rms)


def _lasting(share: float, shares: ChannelShares, limit: str) -> bool:
    """Whether a share is beyond its limit, and lasts so long that it may change a count."""
    return share > recording_limit(limit) and share * shares.duration_s >= recording_limit("wanting_s")


def _amplitude(file: str, channel: Channel, rms_uV: float) -> Iterator[Finding]:
    for limit, beyond in (
        ("emg_most_uV", rms_uV > recording_limit("emg_most_uV")),
        ("emg_least_uV", rms_uV < recording_limit("emg_least_uV")),
    ):
        if beyond:
            says = "the channel map" if channel.unit_stated else "the file"
            said = (
                f"a root mean square of {rms_uV:.3g} uV is no muscle's: the unit that {says} states is "
                "doubtful"
            )
            yield _finding(UNIT, file, channel, rms_uV, limit, said, unit=MICROVOLT)


def _length(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < _MINUTES_FROM_S else f"{seconds / 60:.0f} min"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _finding(
    code: str, file: str, channel: Channel, value: float, limit: str, said: str, *, unit: str = "%"
) -> Finding:
    entry = recording_limits()[limit]
    most = f"{100 * entry.value:.3g} %" if unit == "%" else f"{entry.value:g} {unit}"
    return Finding(
        code=code,
        severity=Severity.WARN,
        file=file,
        value=value,
        limit=entry.value,
        text=f"{channel.label}: {said} (limit {most}).",
        source=entry.source,
    )
