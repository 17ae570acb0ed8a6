"""What is found in a recording of muscle activity: events, what was left out, counts and burden."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Literal

from atlasplane.core.finding import Finding
from atlasplane.core.observation import Interval


class EventClass(Enum):
    """Kind of an event (Thomas 2014, J Electromyogr Kinesiol 24:747; cramp added).

    `VOLUNTARY` stands only where a motion sensor or an annotation says movement; `UNATTRIBUTED` is active
    muscle that nothing tells spasm from voluntary work.
    """

    UNIT = "unit"
    TONIC = "tonic"
    CLONUS = "clonus"
    MYOCLONUS = "myoclonus"
    MIXED = "mixed"
    CRAMP = "cramp"
    VOLUNTARY = "voluntary"
    UNATTRIBUTED = "unattributed"

    @property
    def is_spasm(self) -> bool:
        """Whether it counts for rate and burden."""
        return self not in (EventClass.VOLUNTARY, EventClass.UNATTRIBUTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpasmEvent:
    """One stretch of active muscle.

    Attributes
    ----------
    start_s, stop_s : float
        After the start of the recording.
    class_ : EventClass
    rms_uV : float
        Root mean square of the event, the noise's power taken off.
    frequency_hz : float or None
        Of the contractions of a clonus.
    confidence : float
        0 to 1: how far the event stands above the threshold, in the spread of the baseline.
    """

    start_s: float
    stop_s: float
    class_: EventClass
    rms_uV: float
    frequency_hz: float | None = None
    confidence: float = 1.0

    def __post_init__(self) -> None:
        if not self.stop_s > self.start_s:
            raise ValueError(f"an event must end after it starts, got {self.start_s} to {self.stop_s} s")

    @property
    def duration_s(self) -> float:
        """Length."""
        return self.stop_s - self.start_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludedStretch:
    """A stretch that tells nothing of the muscle, and why (a finding's code)."""

    start_s: float
    stop_s: float
    why: str


FRAME_S = 0.05
"""Length of the frames that degrees of freedom are stated of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """Where the threshold comes from: outside of what is judged.

    Attributes
    ----------
    source : "segment", "file", "noise" or "reference"
    noise_uV : float
        Root mean square of the quiet channel.
    threshold_uV : float
        Root mean square from which on the muscle is active.
    start_s, stop_s : float or None
        Of the quiet segment, in its own file.
    dof : float
        Degrees of freedom of the power of one frame of 50 ms: how much quiet frames differ.
    u_rel : float
        Standard uncertainty of the noise's power, relative.
    slow_uV, mains_uV : float or None
        Root mean square of the quiet channel below the band, at the height that 99 % of the frames stay
        under, and of the mains taken out; None where no quiet was recorded.
    beats_leak : float
        Share of the power of heart beats that their removal left in the quiet channel.
    """

    source: Literal["segment", "file", "noise", "reference"]
    noise_uV: float
    threshold_uV: float
    start_s: float | None = None
    stop_s: float | None = None
    dof: float = 20.0
    u_rel: float = 0.0
    slow_uV: float | None = None
    mains_uV: float | None = None
    beats_leak: float = 0.0

    def __post_init__(self) -> None:
        if not (self.noise_uV > 0 and self.threshold_uV > self.noise_uV and self.dof > 0 and self.u_rel >= 0):
            raise ValueError(
                "a baseline needs noise > 0 uV, a threshold above it and dof > 0, "
                f"got {self.noise_uV}, {self.threshold_uV}, {self.dof}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its 95 % interval; the interval is None where the recording is too short to tell.

    Attributes
    ----------
    value : float
    interval : Interval or None
    u : float or None
        Standard uncertainty.
    dof : float
        Degrees of freedom of u.
    """

    value: float
    interval: Interval | None
    u: float | None = None
    dof: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class SpasmCount:
    """Spasms over the time analysed; `dispersion` is variance over mean of the counts of equal stretches."""

    n: int
    exposure_h: float
    dispersion: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSpasms:
    """One channel analysed.

    Attributes
    ----------
    label, muscle, side
        As `sources.recording.Channel`.
    rate_hz : float
    analysed_s : float
        Time that is neither quiet segment of the record nor excluded.
    baseline : Baseline
    burden_percent : Estimate
        Share of the analysed time in spasm, whatever the merge gap.
    rate : SpasmCount
    mean_duration_s, clonus_hz, intensity_uV : Estimate or None
        None without a spasm that tells it. The intensity is the root mean square within spasms, the noise's
        power taken off.
    intensity_percent : Estimate or None
        Of the reference contraction; None without one.
    burden_by_hour : tuple of Estimate or None
        Percent of each hour of the recording, from what was analysed of it; None where nothing was.
    events : tuple of SpasmEvent
        In time order.
    excluded : tuple of ExcludedStretch
    apart : tuple of (start_s, stop_s)
        Quiet and reference stretches of the recording, not analysed and not at fault.
    findings : tuple of Finding
    """

    label: str
    muscle: str | None
    side: str | None
    rate_hz: float
    analysed_s: float
    baseline: Baseline
    burden_percent: Estimate
    rate: SpasmCount
    mean_duration_s: Estimate | None
    clonus_hz: Estimate | None
    burden_by_hour: tuple[Estimate | None, ...]
    events: tuple[SpasmEvent, ...]
    excluded: tuple[ExcludedStretch, ...]
    intensity_uV: Estimate | None = None
    intensity_percent: Estimate | None = None
    apart: tuple[tuple[float, float], ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmeasuredChannel:
    """A channel of muscle activity that tells nothing, or lacks a baseline, and why (a finding's code)."""

    label: str
    muscle: str | None
    side: str | None
    why: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SpasmAnalysis:
    """A recording analysed.

    Attributes
    ----------
    file : str
    duration_s : float
    channels : tuple of ChannelSpasms
        Those of muscle activity that could be measured.
    unmeasured : tuple of UnmeasuredChannel
        The others: of their muscles nothing is known, which is not the same as no spasm.
    merge_gap_s : float
        Events nearer than this are counted as one; stated with every count.
    findings : tuple of Finding
    simulated : bool
    """

    file: str
    duration_s: float
    channels: tuple[ChannelSpasms, ...]
    merge_gap_s: float
    findings: tuple[Finding, ...] = ()
    simulated: bool = False
    unmeasured: tuple[UnmeasuredChannel, ...] = ()

    @property
    def analysed_s(self) -> float:
        """Longest time analysed of a channel."""
        return max((channel.analysed_s for channel in self.channels), default=0.0)
