"""A recording as a visit names it: its file, whose muscles its channels are, and where its rest lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from atlasplane.sources.recording import BodySide

SEMG = "semg"
"""Kind of a recording of surface electromyograms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedStretch:
    """A stretch of a recording, s after its start; an end that is None is the recording's own.

    Attributes
    ----------
    start_s, stop_s : float or None
    path : Path or None
        Of the recording that it lies in; None for the one that is judged.
    """

    start_s: float | None = None
    stop_s: float | None = None
    path: Path | None = None

    def __post_init__(self) -> None:
        if self.start_s is not None and self.stop_s is not None and not self.start_s < self.stop_s:
            raise ValueError(f"a stretch must end after it starts, got {self.start_s} to {self.stop_s} s")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedChannel:
    """Which muscle of which side of the patient a channel is of."""

    label: str
    muscle: str | None = None
    side: BodySide | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitRecording:
    """A recording of a visit.

    Attributes
    ----------
    file : str
        As the case names it: folder of the visit, then the file.
    path : Path
    kind : str
        `SEMG` for surface electromyograms; the other kinds are kept and not analysed here.
    channels : tuple of NamedChannel
        Empty where the file alone, or a map, says what its channels are.
    channel_map : Path or None
    quiet : StatedStretch or None
    noise_uV : mapping label -> float
        Root mean square of the quiet channel, where it is stated.
    reference : StatedStretch or None
        A reference contraction, for intensities in per cent of it.
    reference_kind : str
        "MVE" for a maximal one, "RVC" for a submaximal one.
    """

    file: str
    path: Path
    kind: str
    channels: tuple[NamedChannel, ...] = ()
    channel_map: Path | None = None
    quiet: StatedStretch | None = None
    noise_uV: Mapping[str, float] = field(default_factory=dict)
    reference: StatedStretch | None = None
    reference_kind: str = "RVC"
