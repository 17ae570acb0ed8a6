"""What `spasm --json` prints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NaiveDatetime

from atlasplane.io.outputs import FindingJson
from atlasplane.io.outputs_observations import CountJson, IntervalJson
from atlasplane.io.strict import Flag, Instant, NotNegative, Number, Positive, Strict, Text, Whole

EventWord = Literal["unit", "tonic", "clonus", "myoclonus", "mixed", "cramp", "voluntary", "unattributed"]
Share = Annotated[Number, Field(ge=0, le=1)]
Events = Annotated[Whole, Field(ge=0)]


class EstimateJson(Strict):
    """A value with its standard uncertainty and 95 % interval; null where nothing tells them."""

    value: Number
    unit: str
    u: Positive | None
    interval: IntervalJson | None


class QuietJson(Strict):
    """Where the threshold comes from; start and stop are those of the quiet stretch in its own file."""

    source: Literal["segment", "file", "noise", "reference"]
    start_s: Number | None
    stop_s: Number | None


class EventJson(Strict):
    """One event; `frequency_hz` is that of a clonus' contractions."""

    start_s: Number
    stop_s: Number
    class_: EventWord = Field(alias="class")
    rms_uV: NotNegative | None
    frequency_hz: Positive | None
    confidence: Share


class ExcludedJson(Strict):
    """A stretch that tells nothing of the muscle; `why` is a finding's code."""

    start_s: Number
    stop_s: Number
    why: Text


class SpasmChannelJson(Strict):
    """One channel; `burden_by_hour` is percent of each hour, null where nothing of it was analysed.

    Amplitudes are null where the file does not say how much a microvolt is.
    """

    label: Text
    muscle: Text | None
    side: Literal["left", "right"] | None
    rate_hz: Positive
    analysed_s: NotNegative
    threshold_uV: Positive | None
    noise_uV: NotNegative | None
    quiet: QuietJson
    burden_percent: EstimateJson
    rate: CountJson
    mean_duration_s: EstimateJson | None
    clonus_hz: EstimateJson | None
    intensity_uV: EstimateJson | None
    intensity_percent: EstimateJson | None
    burden_by_hour: tuple[NotNegative | None, ...]
    events: tuple[EventJson, ...]
    excluded: tuple[ExcludedJson, ...]


class UnmeasuredJson(Strict):
    """A channel of muscle activity of which nothing is known; `why` is a finding's code."""

    label: Text
    muscle: Text | None
    side: Literal["left", "right"] | None
    why: Text


class AgreementJson(Strict):
    """Spasms of one channel beside a person's; shares are of 1, null where nothing could be shared."""

    channel: Text
    compared_s: NotNegative
    n_labelled: Events
    n_found: Events
    n_both: Events
    sensitivity: EstimateJson | None
    precision: EstimateJson | None
    f1: Share | None
    sample_sensitivity: Share | None
    sample_precision: Share | None
    sample_f1: Share | None
    kappa: Number | None
    false_alarms_per_day: EstimateJson
    latency_s: EstimateJson | None
    duration_error_s: EstimateJson | None
    n_classed: Events
    same_class: EstimateJson | None
    class_kappa: Number | None


class SpasmOutput(Strict):
    """`spasm --json`; times are s after the start of the recording.

    `started` is its time of day, without an offset from UTC where the file states none.
    """

    schema_: Literal["atlasplane.spasm/1"] = Field(alias="schema")
    software: Text
    file: Text
    simulated: Flag
    started: Instant | NaiveDatetime | None
    duration_s: NotNegative
    analysed_s: NotNegative
    merge_gap_s: NotNegative
    channels: tuple[SpasmChannelJson, ...]
    unmeasured: tuple[UnmeasuredJson, ...] = ()
    agreement: tuple[AgreementJson, ...] | None
    findings: tuple[FindingJson, ...]
