"""What a channel says in each short frame of time: the form in which a whole day fits in memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Frames:
    """Powers and shares of consecutive frames of one channel.

    Frame k holds the samples from ``start_s + k hop_s`` up to ``start_s + (k + 1) hop_s``.

    Attributes
    ----------
    hop_s : float
        Length of a frame.
    start_s : float
        Start of the first frame after the start of the recording.
    power_uV2 : array, shape (n,)
        Mean square in the band of the electromyogram, heart beats and mains taken out; NaN without samples.
    slow_uV2 : array, shape (n,)
        Mean square below that band, without the offset: movement of cable and electrode.
    mains_uV2 : array, shape (n,)
        Mean square of mains and its harmonics that was taken out.
    beats_uV2 : array, shape (n,)
        Mean square of the heart beats that were taken out.
    missing, saturated, flat : array, shape (n,)
        Share of the samples, 0 to 1, that were not recorded, lie at an end of the recorder's range, or repeat
        the sample before them.
    band_hz : (float, float) or None
        Edges of the band that `power_uV2` is of: at low rates the upper one is lower than wanted.
    mains_hz : float or None
        Frequency of the mains that was taken out, at the middle of the recording; None without any.
    heart_per_min : float or None
        Heart beats a minute that were taken out; None where none were found.
    """

    hop_s: float
    start_s: float = 0.0
    power_uV2: Floats
    slow_uV2: Floats
    mains_uV2: Floats
    beats_uV2: Floats
    missing: Floats
    saturated: Floats
    flat: Floats
    band_hz: tuple[float, float] | None = None
    mains_hz: float | None = None
    heart_per_min: float | None = None

    def __post_init__(self) -> None:
        if not self.hop_s > 0:
            raise ValueError(f"hop_s must be > 0, got {self.hop_s}")
        lengths = {getattr(self, name).shape for name in ARRAYS}
        if len(lengths) != 1 or self.power_uV2.ndim != 1:
            raise ValueError(f"all arrays must have one shape (n,), got {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.power_uV2)

    def between(self, start_s: float, stop_s: float) -> slice:
        """The frames that lie wholly within a stretch of the recording."""
        first = int(np.ceil((start_s - self.start_s) / self.hop_s - _ROUNDING))
        last = int(np.floor((stop_s - self.start_s) / self.hop_s + _ROUNDING))
        return slice(max(first, 0), max(last, max(first, 0)))


_ROUNDING = 1e-6
"""Part of a frame that rounding of seconds may be off by."""

ARRAYS = ("power_uV2", "slow_uV2", "mains_uV2", "beats_uV2", "missing", "saturated", "flat")
"""Names of the arrays, in order."""
