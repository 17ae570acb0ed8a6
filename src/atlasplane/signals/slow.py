"""What is slower than the band: movement of cable and electrode, and where heart beats are looked for."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal

from atlasplane.signals import filter_kernels
from atlasplane.signals.filters import filtered, low_pass
from atlasplane.signals.settings import setting

Samples = NDArray[np.float32]

_STOP_DB = 70.0
"""What folds down from above is weaker by so much: a thousandth part and less of a strong contraction."""


class SlowPart:
    """Reduces a channel to a low rate.

    Parameters
    ----------
    rate_hz : float
        Of the channel.
    top_hz : float
        Lower edge of the band.
    """

    def __init__(self, rate_hz: float, top_hz: float) -> None:
        self.step = max(int(rate_hz / setting("slow_rate")), 1)
        self.rate_hz = rate_hz / self.step
        top = min(setting("slow_top"), 0.4 * self.rate_hz)
        taps = _taps(rate_hz, top, self.rate_hz - top) if self.step > 1 else np.ones(1, dtype=np.float32)
        self._half = taps.size // 2
        self._taps = np.pad(taps, (0, -taps.size % filter_kernels.TAPS))
        self._below = low_pass(self.rate_hz, top_hz, zero_phase=True)

    def reduced(self, samples: Samples) -> Samples:
        """Every `step`-th sample from the first on, what is faster taken off; finite in, finite out."""
        count = -(-samples.size // self.step)
        padded = np.pad(samples, (self._half, self._taps.size + self.step), mode="edge")
        out = np.empty(count, dtype=np.float32)
        filter_kernels.every(padded, self._taps, self.step, out)
        return out

    def movement(self, reduced: Samples) -> Samples:
        """Below the band, offset and drift taken off."""
        below = filtered(reduced, self._below)
        length = round(setting("slow_offset") * self.rate_hz)
        return np.asarray(below - ndimage.uniform_filter1d(below, length, mode="nearest"))


@lru_cache(maxsize=16)
def _taps(rate_hz: float, pass_hz: float, stop_hz: float) -> Samples:
    """Symmetric low-pass of linear phase, an odd number of taps."""
    width = (stop_hz - pass_hz) / (rate_hz / 2)
    count, beta = signal.kaiserord(_STOP_DB, width)
    taps = signal.firwin(count | 1, (pass_hz + stop_hz) / 2, window=("kaiser", beta), fs=rate_hz)
    return np.asarray(taps, dtype=np.float32)
