"""A recording: channels with clocks of their own, notes, and samples that are read piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from fractions import Fraction
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.finding import Finding

Samples = NDArray[np.float32]
BodySide = Literal["left", "right"]
MICROVOLT = "uV"
NO_UNIT = "1"


class ChannelKind(Enum):
    """What a channel records."""

    EMG = "emg"
    ECG = "ecg"
    ACCELERATION = "acceleration"
    ROTATION = "rotation"
    ANGLE = "angle"
    OTHER = "other"


def unit_text(unit: str) -> str:
    """A channel's unit in words: what has none are steps of the recorder's converter."""
    return {MICROVOLT: "microvolts", NO_UNIT: "steps of its converter"}.get(unit, f"'{unit}'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel.

    Attributes
    ----------
    label : str
        As the file names it; unique within a recording.
    kind : ChannelKind
    unit : str
        Of the samples as they are read, UCUM: "uV" for electromyograms and electrocardiograms, "[g]",
        "deg/s", "deg", "1".
    period_s : Fraction
        From sample to sample, exact: a device's rate is often a rounded one.
    n_samples : int
    start_s : float
        First sample after the start of the recording.
    low, high : float or None
        Ends of the recorder's range, in `unit`; None where the file does not say.
    muscle : str or None
        Id of the table of muscles.
    side : "left", "right" or None
        Of the patient.
    unit_stated : bool
        Whether a channel map states the unit, and not the file.
    """

    label: str
    kind: ChannelKind
    unit: str
    period_s: Fraction
    n_samples: int
    start_s: float = 0.0
    low: float | None = None
    high: float | None = None
    muscle: str | None = None
    side: BodySide | None = None
    unit_stated: bool = False

    def __post_init__(self) -> None:
        if not self.period_s > 0 or self.n_samples < 0:
            raise ValueError(
                f"{self.label}: period_s > 0 and n_samples >= 0 expected, "
                f"got {self.period_s}, {self.n_samples}"
            )

    @property
    def rate_hz(self) -> float:
        """Samples a second."""
        return float(1 / self.period_s)

    @property
    def duration_s(self) -> float:
        """From the first sample to the end of the last."""
        return float(self.n_samples * self.period_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """A note on a stretch of the recording, or on an instant (`duration_s` 0); of all channels or of one."""

    start_s: float
    text: str
    duration_s: float = 0.0
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledEvent:
    """An event that a person marked on one channel; `class_` as the person wrote it.

    Attributes
    ----------
    channel : str
        Label of the channel.
    start_s, stop_s : float
        After the start of the recording.
    class_ : str
    """

    channel: str
    start_s: float
    stop_s: float
    class_: str

    def __post_init__(self) -> None:
        if not self.stop_s > self.start_s:
            raise ValueError(f"an event must end after it starts, got {self.start_s} to {self.stop_s} s")


class SampleReader(Protocol):
    """Where the samples come from."""

    def read(self, channel: int, first: int, stop: int) -> Samples:
        """Samples first to stop - 1 of a channel, in its unit; NaN where nothing was recorded."""
        ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Recording:
    """A recording whose samples stay in its file.

    Attributes
    ----------
    file : str
        Name for messages, without a folder.
    channels : tuple of Channel
    samples : SampleReader
        May be read by several threads at once.
    annotations : tuple of Annotation
    started : datetime or None
        With offset where the file states one.
    simulated : bool
    findings : tuple of Finding
        What reading the header brought up.
    """

    file: str
    channels: tuple[Channel, ...]
    samples: SampleReader
    annotations: tuple[Annotation, ...] = ()
    started: datetime | None = None
    simulated: bool = False
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        labels = [channel.label for channel in self.channels]
        twice = sorted({label for label in labels if labels.count(label) > 1})
        if twice:
            raise ValueError(f"{self.file}: channel labels must be unique, these are not: {', '.join(twice)}")

    @property
    def duration_s(self) -> float:
        """From the start of the recording to the end of its longest channel."""
        return max((channel.start_s + channel.duration_s for channel in self.channels), default=0.0)

    def blocks(self, channel: int, length: int) -> Iterator[Samples]:
        """The samples of a channel in pieces of `length`, the last one maybe shorter."""
        for first in range(0, self.channels[channel].n_samples, length):
            yield self.samples.read(channel, first, min(first + length, self.channels[channel].n_samples))
