"""What a channel's events add up to, and what a person should know of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.finding import Finding, Severity
from atlasplane.pathways.spasm.activity import Activity
from atlasplane.pathways.spasm.baseline import UNDER_BASELINE
from atlasplane.pathways.spasm.context import Context, Stretch
from atlasplane.pathways.spasm.estimates import (
    STRETCHES,
    burden_estimate,
    log_interval,
    mean_estimate,
    spasm_count,
)
from atlasplane.pathways.spasm.result import (
    Baseline,
    ChannelSpasms,
    Estimate,
    ExcludedStretch,
    SpasmEvent,
)
from atlasplane.pathways.spasm.segmentation import Floats, flags_of
from atlasplane.pathways.spasm.settings import SpasmSettings
from atlasplane.signals.normalisation import Normalisation, normalised
from atlasplane.sources.recording import Channel

_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Found:
    """What the analysis of a channel brought up.

    Attributes
    ----------
    seen : Activity
    spasm : tuple of Stretch
        Before near ones are counted as one.
    events : tuple of SpasmEvent
    excluded : tuple of ExcludedStretch
    """

    seen: Activity
    spasm: tuple[Stretch, ...]
    events: tuple[SpasmEvent, ...]
    excluded: tuple[ExcludedStretch, ...]


def summary(
    channel: Channel, baseline: Baseline, context: Context, settings: SpasmSettings, found: Found
) -> ChannelSpasms:
    """Burden, rate, durations and findings of a channel."""
    clock = AnalysedTime.of(found.seen)
    spasms = [event for event in found.events if event.class_.is_spasm]
    burden = burden_estimate(clock.seconds(found.spasm), clock.total_s, independent_s=settings.independent_s)
    clonus = [event.frequency_hz for event in spasms if event.frequency_hz is not None]
    intensity = mean_estimate([event.rms_uV for event in spasms])
    return ChannelSpasms(
        label=channel.label,
        muscle=channel.muscle,
        side=channel.side,
        rate_hz=channel.rate_hz,
        analysed_s=clock.total_s,
        baseline=baseline,
        burden_percent=burden,
        rate=spasm_count(clock.counts(spasms), max(clock.total_s, found.seen.hop_s) / _HOUR_S),
        mean_duration_s=mean_estimate([event.duration_s for event in spasms], skewed=True),
        clonus_hz=mean_estimate(clonus),
        burden_by_hour=clock.by_hour(found.spasm, settings),
        events=found.events,
        excluded=found.excluded,
        intensity_uV=intensity,
        intensity_percent=_scaled(intensity, context.reference),
        apart=apart_s(baseline, context),
        findings=_findings(channel, context, settings, found, burden),
    )


@dataclass(frozen=True, slots=True, eq=False)
class AnalysedTime:
    """The time that is analysed as one clock: what is left out does not pass on it.

    Attributes
    ----------
    passed_s : array, shape (n + 1,)
        Analysed seconds up to the start of each frame.
    start_s, hop_s : float
        Of the frames.
    """

    passed_s: Floats
    start_s: float
    hop_s: float

    @classmethod
    def of(cls, seen: Activity) -> AnalysedTime:
        """From the frames that are analysed."""
        passed = np.concatenate([[0.0], np.cumsum(seen.usable)]) * seen.hop_s
        return cls(passed, seen.start_s, seen.hop_s)

    @property
    def total_s(self) -> float:
        """All analysed seconds."""
        return float(self.passed_s[-1])

    def at(self, second: float | Floats) -> Floats:
        """Analysed seconds up to a second of the recording."""
        place = np.clip((np.asarray(second) - self.start_s) / self.hop_s, 0, len(self.passed_s) - 1)
        before = np.minimum(place.astype(np.int64), len(self.passed_s) - 2)
        low, high = self.passed_s[before], self.passed_s[before + 1]
        return np.asarray(low + (place - before) * (high - low))

    def seconds(self, spasm: Sequence[Stretch]) -> Floats:
        """Seconds of spasm in each of the equal stretches of the analysed time."""
        return self._within(spasm, np.linspace(0.0, self.total_s, STRETCHES + 1))

    def _within(self, spasm: Sequence[Stretch], edges: Floats) -> Floats:
        """Seconds of spasm between neighbouring edges on the clock."""
        ends = self.at(np.array([(one.start_s, one.stop_s) for one in spasm]).reshape(-1, 2))
        before = np.concatenate([[0.0], np.cumsum(ends[:, 1] - ends[:, 0])])
        places = np.concatenate([[0.0], ends.ravel(), [self.total_s]])
        return np.diff(np.interp(edges, places, np.repeat(before, 2)))

    def counts(self, spasms: Sequence[SpasmEvent]) -> NDArray[np.int64]:
        """Spasms that start in each of the equal stretches of the analysed time."""
        starts = self.at(np.array([event.start_s for event in spasms]))
        edges = (0.0, max(self.total_s, self.hop_s))
        return np.histogram(starts, bins=STRETCHES, range=edges)[0].astype(np.int64)

    def by_hour(self, spasm: Sequence[Stretch], settings: SpasmSettings) -> tuple[Estimate | None, ...]:
        """Percent of each hour of the recording; None where nothing of it was analysed."""
        end_s = self.start_s + self.hop_s * (len(self.passed_s) - 1)
        hours = self.at(np.append(np.arange(0.0, end_s, _HOUR_S), end_s))
        edges = np.linspace(hours[:-1], hours[1:], STRETCHES + 1, axis=1)
        return tuple(
            burden_estimate(self._within(spasm, own), float(total_s), independent_s=settings.independent_s)
            if total_s > 0
            else None
            for own, total_s in zip(edges, np.diff(hours), strict=True)
        )


def apart_s(baseline: Baseline, context: Context) -> tuple[tuple[float, float], ...]:
    """Ends of the quiet and reference stretches of the recording, in time order."""
    ends = {(stretch.start_s, stretch.stop_s) for stretch in context.apart}
    if baseline.source == "segment" and baseline.start_s is not None and baseline.stop_s is not None:
        ends.add((baseline.start_s, baseline.stop_s))
    return tuple(sorted(ends))


def _scaled(estimate: Estimate | None, reference: Estimate | None) -> Estimate | None:
    """In percent of a reference contraction, whose uncertainty counts (Welch 1947, Biometrika 34:28)."""
    if estimate is None or reference is None:
        return None
    own_u, reference_u = estimate.u or 0.0, reference.u or 0.0
    value, u = normalised(
        estimate.value,
        own_u,
        reference_uV=reference.value,
        u_reference_uV=reference_u,
        variant=Normalisation.SUBMAXIMAL,
    )
    if estimate.u is None or not u > 0:
        return Estimate(value=value, interval=None)
    parts = ((own_u / estimate.value, estimate.dof), (reference_u / reference.value, reference.dof))
    dof = (u / value) ** 4 / sum(relative**4 / own for relative, own in parts)
    return Estimate(value=value, interval=log_interval(value, u, dof), u=u, dof=dof)


def _findings(
    channel: Channel, context: Context, settings: SpasmSettings, found: Found, burden: Estimate
) -> tuple[Finding, ...]:
    """What a person should know of a channel."""
    findings = []
    if context.movement is None and any(event.class_.is_spasm for event in found.events):
        findings.append(
            Finding(
                code="spasm.movement_unknown",
                severity=Severity.INFO,
                file=context.file,
                text=(
                    f"{channel.label}: no motion sensor and no annotation tell of movement, so voluntary "
                    "work is counted as spasm"
                ),
            )
        )
    findings += _quieter(channel, context, settings, found.seen)
    findings += _never_quiet(channel, context, found.seen)
    findings += _silent(channel, context, settings, burden)
    return tuple(findings)


def _quieter(channel: Channel, context: Context, settings: SpasmSettings, seen: Activity) -> list[Finding]:
    """A recording that falls below its own baseline: the quiet segment was not quiet."""
    if seen.under_s <= settings.under_baseline_s:
        return []
    return [
        Finding(
            code=UNDER_BASELINE,
            severity=Severity.WARN,
            file=context.file,
            value=seen.under_s,
            limit=settings.under_baseline_s,
            text=(
                f"{channel.label}: {seen.under_s:.0f} s of the recording have less than "
                f"{settings.under_baseline:g} of the baseline's power (limit "
                f"{settings.under_baseline_s:g} s): the quiet segment held activity, "
                "or the electrode changed; weak spasm is missed"
            ),
        )
    ]


def _never_quiet(channel: Channel, context: Context, seen: Activity) -> list[Finding]:
    """All of the analysed time is active: where rest was recorded this may well be."""
    still = seen.usable & ~flags_of(seen.active, len(seen.usable))
    if still.any() or not seen.usable.any():
        return []
    recorded = seen.baseline.source in ("segment", "file")
    return [
        Finding(
            code="spasm.never_quiet",
            severity=Severity.INFO if recorded else Severity.WARN,
            file=context.file,
            text=(
                f"{channel.label}: the whole recording lies above the threshold: either the muscle was "
                "contracted all along, or the rest is not this recording's"
            ),
        )
    ]


def _silent(channel: Channel, context: Context, settings: SpasmSettings, burden: Estimate) -> list[Finding]:
    """Felt tight, but not active."""
    if not context.tight or burden.value >= settings.silent_burden:
        return []
    return [
        Finding(
            code="spasm.silent_tightness",
            severity=Severity.INFO,
            file=context.file,
            value=burden.value,
            limit=settings.silent_burden,
            text=(
                f"{channel.label}: felt tight, but active in {burden.value:.2f} % of the time (limit "
                f"{settings.silent_burden:g} %): tightness without electrical activity, which is no spasm"
            ),
        )
    ]
