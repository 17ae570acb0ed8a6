"""Spasms in a recording: each channel read piece by piece, cleaned, and held against rest from outside."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

from atlasplane.chain.spasms_channels import ToldBeats, channel_signal, conditioning_of, told_beats
from atlasplane.chain.spasms_course import Course, course
from atlasplane.chain.spasms_doubts import rest_findings
from atlasplane.chain.spasms_movement import movement, sensed_movement
from atlasplane.chain.spasms_rest import (
    Rest,
    baseline_of,
    heart_at_rest,
    reference_of,
    rest_of,
    stretches_apart,
)
from atlasplane.chain.spasms_settings import spasms_setting
from atlasplane.chain.spasms_shares import (
    Unmeasured,
    channel_findings,
    channel_shares,
    check_analysed,
    nothing_measured,
    unmeasured,
)
from atlasplane.core.errors import BadInput, Cancelled
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.recording_file import read_labels, read_recording
from atlasplane.io.recording_map import ChannelMap
from atlasplane.pathways.spasm.agreement import Agreement, agreement
from atlasplane.pathways.spasm.analysis import analyse
from atlasplane.pathways.spasm.context import Context, Signal, Stretch
from atlasplane.pathways.spasm.result import ChannelSpasms, SpasmAnalysis
from atlasplane.pathways.spasm.settings import SpasmSettings, spasm_settings
from atlasplane.signals.conditioning import Conditioning, frames
from atlasplane.sources.muscles import muscles, side_in
from atlasplane.sources.recording import MICROVOLT, ChannelKind, Recording, Samples
from atlasplane.sources.visit_recording import StatedStretch

Progress = Callable[[float, str], None]
"""Told what share is done, 0 to 1, and what is being done; also from other threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpasmRequest:
    """What is stated of a recording beside what its file says.

    Attributes
    ----------
    channels : ChannelMap or None
        Muscles, sides, and the layout of a text file.
    quiet, reference : StatedStretch or None
        Rest, and a reference contraction.
    reference_kind : str
        "MVE" for a maximal one, "RVC" for a submaximal one.
    noise_uV : mapping label -> float
    merge_gap_s : float or None
        None for the packaged one.
    tight : mapping (muscle, side) -> bool
        What the hand found.
    labels : Path or None
        A person's events, to be compared.
    """

    channels: ChannelMap | None = None
    quiet: StatedStretch | None = None
    reference: StatedStretch | None = None
    reference_kind: str = "RVC"
    noise_uV: Mapping[str, float] = field(default_factory=dict)
    merge_gap_s: float | None = None
    tight: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    labels: Path | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class AnalysedRecording:
    """A recording with what was found in it, and what pictures of it need.

    Attributes
    ----------
    recording : Recording
        Its samples are read again for pictures.
    analysis : SpasmAnalysis
    courses : mapping label -> Course
    signals : mapping label -> callable
        The cleaned signal of a short stretch.
    agreements : tuple of Agreement
        Beside a person's labels; empty without.
    """

    recording: Recording
    analysis: SpasmAnalysis
    courses: Mapping[str, Course]
    signals: Mapping[str, Signal]
    agreements: tuple[Agreement, ...] = ()

    @property
    def raw(self) -> frozenset[str]:
        """Labels of channels that are in steps of a converter: their files do not tell microvolts."""
        return frozenset(own.label for own in self.recording.channels if own.unit != MICROVOLT)

    def index(self, label: str) -> int:
        """Place of a channel in the recording."""
        return next(k for k, channel in enumerate(self.recording.channels) if channel.label == label)


@dataclass(frozen=True, slots=True, eq=False)
class _Analysed:
    """One channel."""

    channel: ChannelSpasms
    course: Course
    signal: Signal
    findings: tuple[Finding, ...]


def analyse_file(
    path: Path,
    request: SpasmRequest | None = None,
    *,
    name: str | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> AnalysedRecording:
    """Spasms of a recording's file; arguments and errors as `analyse_recording`.

    Parameters
    ----------
    name : str, optional
        How results and messages name the file.
    """
    known = request or SpasmRequest()
    recording = read_recording(path, channels=known.channels)
    if name is not None:
        recording = replace(recording, file=name)
    return analyse_recording(recording, known, progress=progress, cancelled=cancelled)


def analyse_recording(
    recording: Recording,
    request: SpasmRequest | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> AnalysedRecording:
    """Spasms of every channel of muscle activity of a recording.

    Channels are worked on two at a time, each in pieces of a minute, so that a day needs no more memory than
    its frames. The same recording gives the same numbers.

    Raises
    ------
    BadInput
        When no channel is of muscle activity, rest is stated for none or only some of them, or not one tells
        anything.
    Cancelled
        When `cancelled` said so.
    MissingExtra
        When the optional part [signals] is not installed.
    """
    known = request or SpasmRequest()
    chosen = [k for k, channel in enumerate(recording.channels) if channel.kind is ChannelKind.EMG]
    if not chosen:
        remedy = "Say in a channel map which of its channels are of kind 'emg'"
        raise BadInput(recording.file, "holds no channel of muscle activity", remedy)
    settings = _settings(known, recording.file)
    rest = rest_of(
        recording,
        known.quiet,
        known.noise_uV,
        known.reference,
        known.reference_kind,
        channels=known.channels,
    )
    job = _Job(recording, known, rest, settings, _Meter(recording, chosen, progress, cancelled))
    done = job.all(chosen)
    found = [each for each in done if isinstance(each, _Analysed)]
    lost = [each for each in done if isinstance(each, Unmeasured)]
    if not found:
        raise nothing_measured(recording, lost)
    analysis = SpasmAnalysis(
        file=recording.file,
        duration_s=recording.duration_s,
        channels=tuple(each.channel for each in found),
        merge_gap_s=settings.merge_gap_s,
        findings=_once(
            (
                *recording.findings,
                *(f for each in done for f in each.findings),
                *_raw_sides(recording.file, [each.channel for each in found]),
            )
        ),
        simulated=recording.simulated,
        unmeasured=tuple(each.channel for each in lost),
    )
    agreements: tuple[Agreement, ...] = ()
    if known.labels is not None:
        analysis, agreements = _beside_labels(analysis, known.labels)
    return AnalysedRecording(
        recording=recording,
        analysis=analysis,
        courses={each.channel.label: each.course for each in found},
        signals={each.channel.label: each.signal for each in found},
        agreements=agreements,
    )


def _beside_labels(analysis: SpasmAnalysis, path: Path) -> tuple[SpasmAnalysis, tuple[Agreement, ...]]:
    """The analysis beside a person's labels; a finding says where they mark nothing."""
    labels = read_labels(path)
    found = agreement(analysis, labels, file=path.name)
    if labels:
        return analysis, found
    text = f"{path.name} marks no event: every spasm found counts as a false alarm"
    none = Finding(code="spasm.no_labels", severity=Severity.WARN, file=path.name, text=text)
    return replace(analysis, findings=(*analysis.findings, none)), found


def _raw_sides(file: str, channels: Sequence[ChannelSpasms]) -> Iterator[Finding]:
    """Muscles whose two sides stand beside each other in microvolts alone."""
    sides: dict[str, set[str]] = {}
    for channel in channels:
        side = channel.side or side_in(channel.label)
        if side and channel.intensity_percent is None:
            sides.setdefault(channel.muscle or "muscle", set()).add(side)
    for muscle in sorted(muscle for muscle, own in sides.items() if len(own) > 1):
        name = muscles()[muscle].name if muscle in muscles() else muscle
        text = (
            f"{name}: amplitudes of left and right do not compare, since skin and electrodes differ; a "
            "reference contraction of each side makes them comparable"
        )
        yield Finding(code="spasm.raw_sides", severity=Severity.INFO, file=file, text=text)


def _settings(known: SpasmRequest, file: str) -> SpasmSettings:
    """The packaged settings, with the merge gap of the request."""
    gap_s = known.merge_gap_s
    if gap_s is None:
        return spasm_settings()
    if not (math.isfinite(gap_s) and gap_s >= 0):
        raise BadInput(file, f"the merge gap is {gap_s:g} s", "Pass 0 or a positive number of seconds")
    return replace(spasm_settings(), merge_gap_s=gap_s)


def _once(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(dict.fromkeys(findings))


def _either(
    sensed: tuple[Stretch, ...] | None, noted: tuple[Stretch, ...] | None
) -> tuple[Stretch, ...] | None:
    """What sensors and notes say together; None where neither is there."""
    if sensed is None or noted is None:
        return sensed if noted is None else noted
    return tuple(sorted((*sensed, *noted), key=lambda stretch: stretch.start_s))


class _Meter:
    """How far the reading is, over all channels and threads; ends a run that is no longer wanted."""

    def __init__(
        self,
        recording: Recording,
        chosen: Sequence[int],
        progress: Progress | None,
        cancelled: Callable[[], bool] | None,
    ) -> None:
        self._total = max(1, sum(recording.channels[k].n_samples for k in chosen))
        self._file, self._progress, self._cancelled = recording.file, progress, cancelled
        self._done, self._lock, self._stopped = 0, Lock(), False

    def stop(self) -> None:
        """Have the threads end with the piece that they are at."""
        self._stopped = True

    def blocks(self, recording: Recording, k: int) -> Iterator[Samples]:
        """The samples of a channel in pieces, each counted."""
        channel = recording.channels[k]
        for block in recording.blocks(k, max(1, round(spasms_setting("block") * channel.rate_hz))):
            if self._stopped or (self._cancelled is not None and self._cancelled()):
                raise Cancelled(self._file)
            yield block
            with self._lock:
                self._done += len(block)
                share = self._done / self._total
            if self._progress is not None:
                self._progress(share, channel.label)


@dataclass(frozen=True, slots=True)
class _Job:
    """The analysis of a recording's channels."""

    recording: Recording
    request: SpasmRequest
    rest: Rest
    settings: SpasmSettings
    meter: _Meter

    def all(self, chosen: Sequence[int]) -> list[_Analysed | Unmeasured]:
        """Every channel, in their order; one that cannot be measured does not take the others with it."""
        beats = told_beats(self.recording)
        workers = max(1, min(2, os.cpu_count() or 1, len(chosen)))
        with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="spasm") as pool:
            # First in the queue, so that no channel waits for what has not begun.
            sensed = pool.submit(sensed_movement, self.recording)
            jobs = [pool.submit(self.one, k, sensed, beats) for k in chosen]
            try:
                return [job.result() for job in jobs]
            except BaseException:
                self.meter.stop()
                for job in jobs:
                    job.cancel()
                raise

    def one(
        self, k: int, sensed: Future[tuple[Stretch, ...] | None], beats: ToldBeats | None
    ) -> _Analysed | Unmeasured:
        """One channel, or why it is none."""
        doubts: list[Finding] = []
        try:
            return self._measured(k, sensed, conditioning_of(self.recording, k, beats), doubts)
        except BadInput as fault:
            return unmeasured(self.recording, k, fault, doubts)

    def _measured(
        self,
        k: int,
        sensed: Future[tuple[Stretch, ...] | None],
        conditioning: Conditioning,
        doubts: list[Finding],
    ) -> _Analysed:
        """One channel: its frames live only here; what is known of it is added to the doubts."""
        recording, channel = self.recording, self.recording.channels[k]
        searched = conditioning.heart and conditioning.beat_times_s is None
        if searched and heart_at_rest(self.rest, recording, k) is False:
            conditioning = replace(conditioning, heart=False)
        powers = frames(
            self.meter.blocks(recording, k), channel.rate_hz, conditioning, start_s=channel.start_s
        )
        doubts += channel_findings(
            recording, k, channel_shares(powers, self.settings, duration_s=channel.duration_s)
        )
        baseline, quiet = baseline_of(self.rest, recording, k, powers, self.settings)
        reference, weak = reference_of(self.rest, recording, k, powers, baseline, self.settings)
        doubts += weak
        signal = channel_signal(recording, k, conditioning)
        context = Context(
            file=recording.file,
            label=channel.label,
            movement=_either(sensed.result(), movement(recording, channel.label)),
            apart=stretches_apart(self.rest, recording, channel.label),
            annotations=recording.annotations,
            tight=self.request.tight.get((channel.muscle or "", channel.side or "")),
            reference=reference,
            signal=signal,
        )
        told = rest_findings(self.rest, recording, k, baseline, quiet, settings=self.settings)
        found = analyse(channel, powers, baseline, context, self.settings)
        found = replace(found, findings=(*told, *found.findings))
        check_analysed(recording, found, self.settings)
        return _Analysed(
            channel=found,
            course=course(powers, recording.duration_s),
            signal=signal,
            findings=(*doubts, *found.findings),
        )
