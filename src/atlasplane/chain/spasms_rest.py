"""Where a recording's rest lies: stated, noted in the file, or in a file of its own; and its reference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from atlasplane.chain.spasms_channels import conditioning_of
from atlasplane.chain.spasms_settings import spasms_setting
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.recording_file import read_recording
from atlasplane.io.recording_map import ChannelMap
from atlasplane.pathways.spasm.baseline import baseline_from, baseline_of_noise, baseline_of_reference
from atlasplane.pathways.spasm.context import Stretch
from atlasplane.pathways.spasm.estimates import STRETCHES
from atlasplane.pathways.spasm.quality import told
from atlasplane.pathways.spasm.result import Baseline, Estimate
from atlasplane.pathways.spasm.settings import SpasmSettings
from atlasplane.signals.conditioning import Conditioning, frames
from atlasplane.signals.envelope import Amplitude, envelope
from atlasplane.signals.filters import upper_edge_hz
from atlasplane.signals.frames import Frames
from atlasplane.signals.normalisation import is_clear
from atlasplane.sources.recording import MICROVOLT, Channel, ChannelKind, Recording, Samples, unit_text
from atlasplane.sources.visit_recording import StatedStretch

QUIET, REFERENCE = "quiet", "reference"
"""Texts of annotations, whatever their case."""
WEAK = "spasm.reference_weak"
_SAME_BAND = 0.99
"""Share of an upper edge from which on two bands are one: clocks differ by less than a thousandth."""
REMEDY = (
    "Say where the muscle was at rest: --quiet START:STOP, --quiet-file FILE or --noise-uV CHANNEL=UV, "
    "in visit.toml 'quiet' or 'noise_uV', or an EDF+ annotation 'quiet' with a duration; or, "
    "less sure, where a reference contraction is: --reference START:STOP"
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rest:
    """What is known of the rest of a recording; each channel takes the first that applies.

    Attributes
    ----------
    noise_uV : mapping label -> float
    stated : StatedStretch or None
    elsewhere : Recording or None
        Of the stated stretch, where it lies in another file.
    reference : StatedStretch or None
    reference_elsewhere : Recording or None
    reference_kind : "MVE" or "RVC"
    """

    noise_uV: Mapping[str, float] = field(default_factory=dict)
    stated: StatedStretch | None = None
    elsewhere: Recording | None = None
    reference: StatedStretch | None = None
    reference_elsewhere: Recording | None = None
    reference_kind: Literal["MVE", "RVC"] = "RVC"


def rest_of(
    recording: Recording,
    quiet: StatedStretch | None,
    noise_uV: Mapping[str, float],
    reference: StatedStretch | None,
    kind: str,
    *,
    channels: ChannelMap | None = None,
) -> Rest:
    """Rest and reference of a recording, with the files that they lie in opened, by the same channel map.

    Raises
    ------
    BadInput
        When noise is stated of a channel that is not there or not in microvolts, a stretch lies beyond the
        recording, or a channel has no rest at all.
    """
    for label in noise_uV:
        _check_noise(recording, label)
    rest = Rest(
        noise_uV=noise_uV,
        stated=quiet,
        elsewhere=_opened(quiet, channels),
        reference=reference,
        reference_elsewhere=_opened(reference, channels),
        reference_kind="MVE" if kind.upper() in ("MVE", "MVC") else "RVC",
    )
    for stretch, other, what in (
        (quiet, rest.elsewhere, QUIET),
        (reference, rest.reference_elsewhere, REFERENCE),
    ):
        _check_within(stretch, other or recording, what)
    for channel in recording.channels:
        if channel.kind is ChannelKind.EMG and not _has_rest(rest, recording, channel.label):
            what = f"nothing says where channel '{channel.label}' was at rest, and no threshold comes from it"
            raise BadInput(recording.file, what, REMEDY)
    return rest


def _check_noise(recording: Recording, label: str) -> None:
    """Noise is stated in microvolts: it says nothing of a channel in steps of its converter."""
    labels = [channel.label for channel in recording.channels]
    if label not in labels:
        raise BadInput(recording.file, f"has no channel '{label}'", f"Its channels are: {', '.join(labels)}")
    unit = recording.channels[labels.index(label)].unit
    if unit != MICROVOLT:
        what = f"noise is stated in microvolts, and channel '{label}' is in {unit_text(unit)}"
        remedy = "State its unit or converter in a channel map, or a stretch of rest in place of the noise"
        raise BadInput(recording.file, what, remedy)


def _opened(stretch: StatedStretch | None, channels: ChannelMap | None) -> Recording | None:
    if stretch is None or stretch.path is None:
        return None
    return read_recording(stretch.path, channels=channels and replace(channels, partial=True))


def _check_within(stretch: StatedStretch | None, recording: Recording, what: str) -> None:
    if stretch is None:
        return
    start_s, stop_s = _ends(stretch, recording)
    if not 0 <= start_s < stop_s <= recording.duration_s + 1e-6:
        said = f"the {what} stretch {start_s:g} to {stop_s:g} s is not within its {recording.duration_s:g} s"
        raise BadInput(recording.file, said, "Correct its start and stop, s after the start of the recording")


def _ends(stretch: StatedStretch, recording: Recording) -> tuple[float, float]:
    start_s = 0.0 if stretch.start_s is None else stretch.start_s
    return start_s, recording.duration_s if stretch.stop_s is None else stretch.stop_s


def _has_rest(rest: Rest, recording: Recording, label: str) -> bool:
    if rest.stated is not None or label in rest.noise_uV or rest.reference is not None:
        return True
    return bool(_noted(recording, QUIET, label)) or bool(_noted(recording, REFERENCE, label))


def _noted(recording: Recording, text: str, label: str) -> list[Stretch]:
    """Annotated stretches of a text that hold for a channel."""
    return [
        Stretch(start_s=note.start_s, stop_s=min(note.start_s + note.duration_s, recording.duration_s))
        for note in recording.annotations
        if note.text.strip().lower() == text
        and note.duration_s > 0
        and note.start_s < recording.duration_s
        and note.channel in (None, label)
    ]


def _longest(noted: list[Stretch]) -> Stretch | None:
    return max(noted, key=lambda stretch: stretch.stop_s - stretch.start_s, default=None)


def baseline_of(
    rest: Rest, recording: Recording, k: int, powers: Frames, settings: SpasmSettings
) -> tuple[Baseline, Frames | None]:
    """The baseline of a channel, and the frames of its quiet stretch where one was recorded.

    The first that applies: stated noise of this channel, a stated stretch, a note `quiet`, a reference
    contraction.

    Raises
    ------
    BadInput
        When the quiet stretch or reference contraction is too short or tells nothing, or its file lacks the
        channel, or has it in a narrower band.
    """
    with _named(recording.file, recording.channels[k].label):
        return _baseline(rest, recording, k, powers, settings)


@contextmanager
def _named(file: str, label: str) -> Iterator[None]:
    """Faults of a channel's rest name the file as well: a baseline knows its channel alone."""
    try:
        yield
    except BadInput as fault:
        if fault.file != label:
            raise
        raise BadInput(file, f"channel '{label}': {fault.what}", fault.remedy) from fault


def _baseline(
    rest: Rest, recording: Recording, k: int, powers: Frames, settings: SpasmSettings
) -> tuple[Baseline, Frames | None]:
    channel = recording.channels[k]
    if channel.label in rest.noise_uV:
        return baseline_of_noise(rest.noise_uV[channel.label], label=channel.label, settings=settings), None
    if rest.stated is not None and rest.elsewhere is not None:
        start_s, stop_s = _ends(rest.stated, rest.elsewhere)
        quiet = _frames_elsewhere(rest.elsewhere, channel, recording.file, start_s, stop_s)
        made = baseline_from(
            quiet, label=channel.label, source="file", start_s=start_s, stop_s=stop_s, settings=settings
        )
        return made, quiet
    if rest.stated is not None:
        part = Stretch(**dict(zip(("start_s", "stop_s"), _ends(rest.stated, recording), strict=True)))
    else:
        noted = _longest(_noted(recording, QUIET, channel.label))
        if noted is None:
            return _from_reference(rest, recording, k, powers, settings), None
        part = noted
    made = baseline_from(
        powers,
        label=channel.label,
        source="segment",
        start_s=part.start_s,
        stop_s=part.stop_s,
        settings=settings,
    )
    return made, powers


def heart_at_rest(rest: Rest, recording: Recording, k: int) -> bool | None:
    """Whether a channel's quiet stretch holds heart beats; None where it is too short to tell, or unknown.

    A heart beats at rest as well: what is found during activity alone is the rhythm of the muscle. Rest of
    another file does not tell: its electrodes may have lain where the heart is not seen.
    """
    channel = recording.channels[k]
    if rest.elsewhere is not None:
        return None
    if rest.stated is not None:
        part = _ends(rest.stated, recording)
    else:
        longest = _longest(_noted(recording, QUIET, channel.label))
        if longest is None:
            return None
        part = (longest.start_s, longest.stop_s)
    if part[1] - part[0] < spasms_setting("heart_rest"):
        return None
    return _frames_elsewhere(recording, channel, recording.file, *part).heart_per_min is not None


def _from_reference(
    rest: Rest, recording: Recording, k: int, powers: Frames, settings: SpasmSettings
) -> Baseline:
    label = recording.channels[k].label
    stated = _reference_part(rest, recording, k, powers)
    power = None if stated is None else stated.power(settings)
    if stated is None or power is None:
        file = recording.file if stated is None else stated.file
        what = f"channel '{label}': the reference contraction tells nothing, and no threshold comes from it"
        raise BadInput(file, what, "Mark a reference contraction that was recorded, or a stretch of rest")
    return baseline_of_reference(
        math.sqrt(power.value), label=label, kind=rest.reference_kind, settings=settings
    )


def reference_of(
    rest: Rest, recording: Recording, k: int, powers: Frames, baseline: Baseline, settings: SpasmSettings
) -> tuple[Estimate | None, tuple[Finding, ...]]:
    """Root mean square of the reference contraction, uV, the noise's power taken off; None without one.

    What is not clear of the noise is none, and a finding says so. Its uncertainty is the scatter of equal
    stretches of it, with that of the noise.
    """
    stated = _reference_part(rest, recording, k, powers)
    if stated is None:
        return None, ()
    power = stated.power(settings)
    if power is not None:
        noise_uV2 = 0.0 if baseline.source == "reference" else baseline.noise_uV**2
        relative = (power.u or 0.0) / power.value
        seen = envelope(
            np.array([power.value]),
            noise_uV2=noise_uV2,
            u_noise_uV2=baseline.u_rel * noise_uV2,
            dof=2 / relative**2 if relative > 0 else math.inf,
            amplitude=Amplitude.RMS,
        )
        value_uV, u_uV = float(seen.value_uV[0]), float(seen.u_uV[0])
        if is_clear(value_uV, u_uV):
            return Estimate(value=value_uV, interval=None, u=u_uV, dof=power.dof), ()
    text = (
        f"{recording.channels[k].label}: the reference contraction from {stated.start_s:g} to "
        f"{stated.stop_s:g} s of {stated.file} is not clear of the noise: no strength is told in percent"
    )
    return None, (Finding(code=WEAK, severity=Severity.WARN, file=recording.file, text=text),)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Part:
    """A stretch of a channel, and the file that it lies in."""

    file: str
    frames: Frames
    start_s: float
    stop_s: float

    def power(self, settings: SpasmSettings) -> Estimate | None:
        """Mean power of the frames that tell something, uV^2, with u; None where that is fewer than two."""
        part = self.frames.between(self.start_s, self.stop_s)
        power = np.asarray(self.frames.power_uV2[part], dtype=float)[told(self.frames, settings)[part]]
        if len(power) < 2 or not power.mean() > 0:
            return None
        means = [float(each.mean()) for each in np.array_split(power, min(STRETCHES, len(power)))]
        u = float(np.std(means, ddof=1)) / math.sqrt(len(means))
        return Estimate(value=float(power.mean()), interval=None, u=u, dof=len(means) - 1)


def _reference_part(rest: Rest, recording: Recording, k: int, powers: Frames) -> _Part | None:
    """The reference contraction of a channel: as stated, else the longest that is noted."""
    channel = recording.channels[k]
    if rest.reference is not None and rest.reference_elsewhere is not None:
        other = rest.reference_elsewhere
        start_s, stop_s = _ends(rest.reference, other)
        own = _frames_elsewhere(other, channel, recording.file, start_s, stop_s)
        return _Part(file=other.file, frames=own, start_s=start_s, stop_s=stop_s)
    if rest.reference is not None:
        start_s, stop_s = _ends(rest.reference, recording)
        return _Part(file=recording.file, frames=powers, start_s=start_s, stop_s=stop_s)
    longest = _longest(_noted(recording, REFERENCE, channel.label))
    if longest is None:
        return None
    return _Part(file=recording.file, frames=powers, start_s=longest.start_s, stop_s=longest.stop_s)


def stretches_apart(rest: Rest, recording: Recording, label: str) -> tuple[Stretch, ...]:
    """Quiet and reference stretches within the recording: not analysed, and not at fault."""
    found = [*_noted(recording, QUIET, label), *_noted(recording, REFERENCE, label)]
    for stated in (rest.stated, rest.reference):
        if stated is not None and stated.path is None:
            start_s, stop_s = _ends(stated, recording)
            found.append(Stretch(start_s=start_s, stop_s=stop_s))
    return tuple(found)


def _frames_elsewhere(other: Recording, channel: Channel, file: str, start_s: float, stop_s: float) -> Frames:
    """Frames of the same channel of another recording, of a stretch of it."""
    k = next((k for k, own in enumerate(other.channels) if own.label == channel.label), None)
    if k is None:
        labels = ", ".join(own.label for own in other.channels)
        remedy = f"Name a recording with the channels of {file}; it has {labels}"
        raise BadInput(other.file, f"has no channel '{channel.label}'", remedy)
    own = other.channels[k]
    if own.unit != channel.unit:
        what = f"has channel '{own.label}' in {unit_text(own.unit)}, {file} in {unit_text(channel.unit)}"
        raise BadInput(other.file, what, "State the unit of both in a channel map")
    conditioning = _same_band(conditioning_of(other, k), own, other.file, channel, file)
    first = max(0, round((start_s - own.start_s) * own.rate_hz))
    stop = min(own.n_samples, round((stop_s - own.start_s) * own.rate_hz))
    begin_s = own.start_s + first / own.rate_hz
    return frames(_blocks(other, k, first, stop), own.rate_hz, conditioning, start_s=begin_s)


def _same_band(
    conditioning: Conditioning, own: Channel, other: str, channel: Channel, file: str
) -> Conditioning:
    """The conditioning of a channel of another file, with the band of the recording's: noise fills its band.

    Raises
    ------
    BadInput
        When its rate does not reach as far.
    """
    low_hz = conditioning.low_hz
    reach_hz = upper_edge_hz(own.rate_hz, conditioning.high_hz)
    wanted_hz = upper_edge_hz(channel.rate_hz, conditioning.high_hz)
    if reach_hz < _SAME_BAND * wanted_hz:
        what = (
            f"has channel '{own.label}' at {own.rate_hz:g} Hz, in the band {low_hz:g}-{reach_hz:g} Hz, "
            f"{file} at {channel.rate_hz:g} Hz, in {low_hz:g}-{wanted_hz:g} Hz: "
            "the noise would come out too low"
        )
        remedy = f"Record it as fast as {file}, or mark the stretch within {file}"
        raise BadInput(other, what, remedy)
    return replace(conditioning, high_hz=min(reach_hz, wanted_hz))


def _blocks(recording: Recording, k: int, first: int, stop: int) -> Iterator[Samples]:
    length = max(1, round(60 * recording.channels[k].rate_hz))
    for begin in range(first, stop, length):
        yield recording.samples.read(k, begin, min(begin + length, stop))
