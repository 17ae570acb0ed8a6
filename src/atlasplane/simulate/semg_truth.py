"""What truly happens in a planned recording, as a person would label it who knows the plan."""

from __future__ import annotations

from dataclasses import dataclass

from atlasplane.simulate.recording_plan import RecordingPlan, TruthClass


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthLabel:
    """What truly happens on a channel.

    Attributes
    ----------
    channel : str
        Label of the channel.
    start_s, stop_s : float
        Within the recording.
    class_ : TruthClass
    rms_uV : float
        Without noise, from start to stop.
    frequency_hz : float or None
        Of the contractions.
    """

    channel: str
    start_s: float
    stop_s: float
    class_: TruthClass
    rms_uV: float
    frequency_hz: float | None = None

    @property
    def is_spasm(self) -> bool:
        """Whether it counts for rate and burden."""
        return self.class_ != "voluntary"


def truth_labels(plan: RecordingPlan) -> tuple[TruthLabel, ...]:
    """The events that a recording holds, cut to its length, in time order."""
    seen = [event for event in plan.events if event.start_s < plan.duration_s and event.stop_s > 0]
    return tuple(
        TruthLabel(
            channel=plan.channels[event.channel].label,
            start_s=max(event.start_s, 0.0),
            stop_s=min(event.stop_s, plan.duration_s),
            class_=event.class_,
            rms_uV=event.rms_uV,
            frequency_hz=event.frequency_hz,
        )
        for event in sorted(seen, key=lambda event: (event.start_s, event.channel))
    )
