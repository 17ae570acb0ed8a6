"""What the samples of a channel show: missing, clipped, flat, zero, or of an amplitude that no muscle has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.finding import Finding, Severity
from atlasplane.io.recording_settings import recording_limit, recording_limits
from atlasplane.sources.recording import Channel, ChannelKind, Recording, Samples

BLOCK = 1 << 20
"""Samples that are held at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelShares:
    """Shares of a channel's samples, 0 to 1.

    Attributes
    ----------
    missing : float
        Not recorded.
    saturated : float
        At an end of the recorder's range; where that is not known, the third and further of samples in a row
        that all have the largest or the smallest value.
    flat : float
        Equal to the sample before.
    zero : bool
        Whether every sample is 0.
    spread : float
        Standard deviation of the samples, in the channel's unit; NaN without samples.
    """

    missing: float
    saturated: float
    flat: float
    zero: bool
    spread: float


def surveyed(recording: Recording, channel: int) -> ChannelShares:
    """The shares of one channel, in one walk over its samples; raises BadInput."""
    about = recording.channels[channel]
    sums = _Sums(about)
    for block in recording.blocks(channel, BLOCK):
        sums.add(block)
    return sums.shares()


def share_findings(file: str, channel: Channel, shares: ChannelShares) -> tuple[Finding, ...]:
    """What a person should know of a channel's samples."""
    return tuple(_findings(file, channel, shares))


class _Sums:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._n = self._missing = self._flat = self._nonzero = 0
        self._at_ends = 0
        self._least, self._most = np.inf, -np.inf
        self._repeats = {"least": 0, "most": 0}
        self._last = np.full(2, np.nan, dtype=np.float32)
        self._sum = self._squares = 0.0

    def add(self, block: Samples) -> None:
        joined = np.concatenate([self._last, block])
        repeats = block == joined[1:-1]
        there = block[~np.isnan(block)]
        self._sum += float(there.sum(dtype=np.float64))
        self._squares += float(np.square(there, dtype=np.float64).sum())
        self._n += len(block)
        self._missing += len(block) - len(there)
        self._flat += int(np.count_nonzero(repeats))
        self._nonzero += int(np.count_nonzero(there))
        self._last = joined[-2:]
        if self._channel.low is not None and self._channel.high is not None:
            ends = (block <= np.float32(self._channel.low)) | (block >= np.float32(self._channel.high))
            self._at_ends += int(np.count_nonzero(ends))
        elif len(there):
            self._at_extremes(block, repeats & (block == joined[:-2]))

    def _at_extremes(self, block: Samples, repeats: NDArray[np.bool_]) -> None:
        least, most = float(np.nanmin(block)), float(np.nanmax(block))
        if least < self._least:
            self._least, self._repeats["least"] = least, 0
        if most > self._most:
            self._most, self._repeats["most"] = most, 0
        self._repeats["least"] += int(np.count_nonzero(repeats & (block == np.float32(self._least))))
        self._repeats["most"] += int(np.count_nonzero(repeats & (block == np.float32(self._most))))

    def shares(self) -> ChannelShares:
        n = max(self._n, 1)
        known = self._channel.low is not None
        return ChannelShares(
            missing=self._missing / n,
            saturated=(self._at_ends if known else sum(self._repeats.values())) / n,
            flat=self._flat / n,
            zero=self._nonzero == 0 and self._missing < self._n,
            spread=self._spread(),
        )

    def _spread(self) -> float:
        n = self._n - self._missing
        return math.sqrt(max(self._squares / n - (self._sum / n) ** 2, 0.0)) if n else math.nan


def _findings(file: str, channel: Channel, shares: ChannelShares) -> Iterator[Finding]:
    if shares.missing > recording_limit("missing_share"):
        text = "were not recorded; these stretches are not judged"
        yield _finding("recording.missing", file, channel, shares.missing, "missing_share", text)
    if shares.zero:
        text = (
            f"{channel.label} is zero throughout: nothing was connected, or the wrong channel was exported."
        )
        yield Finding(code="recording.zero", severity=Severity.WARN, file=file, text=text)
        return
    if shares.flat > recording_limit("flat_share") and _judged(channel):
        text = "repeat the one before: the channel is flat, or coarser than it is said to be"
        yield _finding("recording.flat", file, channel, shares.flat, "flat_share", text)
    elif shares.saturated > recording_limit("clipped_share") and _judged(channel):
        text = "lie at an end of the recorder's range: true amplitudes are larger"
        yield _finding("recording.clipped", file, channel, shares.saturated, "clipped_share", text)

    if channel.unit == "uV" and channel.kind is ChannelKind.EMG:
        yield from _amplitude(file, channel, shares.spread)


def _amplitude(file: str, channel: Channel, spread_uV: float) -> Iterator[Finding]:
    for limit, beyond in (
        ("emg_most_uV", spread_uV > recording_limit("emg_most_uV")),
        ("emg_least_uV", spread_uV < recording_limit("emg_least_uV")),
    ):
        if beyond:
            entry = recording_limits()[limit]
            text = (
                f"{channel.label}: a standard deviation of {spread_uV:.3g} uV is no muscle's (limit "
                f"{entry.value:g} uV): the unit that the file states is doubtful."
            )
            yield Finding(
                code="recording.unit_doubtful",
                severity=Severity.WARN,
                file=file,
                value=spread_uV,
                limit=entry.value,
                text=text,
                source=entry.source,
            )


def _judged(channel: Channel) -> bool:
    """Slow channels, such as angles, repeat themselves without a fault."""
    return channel.kind in (ChannelKind.EMG, ChannelKind.ECG)


def _finding(code: str, file: str, channel: Channel, value: float, limit: str, text: str) -> Finding:
    entry = recording_limits()[limit]
    return Finding(
        code=code,
        severity=Severity.WARN,
        file=file,
        value=value,
        limit=entry.value,
        text=f"{channel.label}: {100 * value:.3g} % of the samples {text} (limit {100 * entry.value:.3g} %).",
        source=entry.source,
    )
