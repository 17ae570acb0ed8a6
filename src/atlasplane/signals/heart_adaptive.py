"""Heart beats taken out by an adaptive filter that follows an electrocardiogram recorded beside.

The electrocardiogram, passed through a short filter, is what of the heart reaches the muscle's electrodes;
that filter is learnt as the recording runs (normalised least mean squares; Widrow 1975, Proc IEEE 63:1692).
It needs no beats and works at any rhythm; what it takes from the muscle is half its step, 1 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from atlasplane.signals import heart_kernels
from atlasplane.signals.filters import band_pass, causal, upper_edge_hz
from atlasplane.signals.settings import setting

Samples = NDArray[np.float32]


def without_heart(
    emg: Iterable[Samples], ecg: Iterable[Samples], rate_hz: float, *, low_hz: float = 20.0
) -> Iterator[Samples]:
    """A channel, band-passed by a causal filter, less what an electrocardiogram explains of it.

    Parameters
    ----------
    emg, ecg : iterable of array of float32
        Blocks of both channels, uV, of the same rate, start and lengths; NaN where nothing was recorded.
    rate_hz : float
    low_hz : float
        Lower edge of the band.

    Yields
    ------
    array of float32
        As long as each block; all together shifted by nothing but the causal filter's own delay and by
        the reach of the adaptive one (`delay_samples`).

    Raises
    ------
    ValueError
        When the blocks of both differ in length, or the rate is too low.
    """
    band = band_pass(rate_hz, low_hz, upper_edge_hz(rate_hz), zero_phase=False)
    spacing = _spacing(rate_hz)
    reach = delay_samples(rate_hz)
    n_taps = 2 * (reach // spacing) + 1
    weights = np.zeros(n_taps)
    level = np.array([0.0, n_taps * setting("adaptive_floor", "heart") ** 2])
    step = setting("adaptive_step", "heart")
    forget = 1 / (setting("adaptive_level", "heart") * rate_hz)
    muscle, heart = np.zeros(2 * reach, dtype=np.float32), np.zeros(2 * reach, dtype=np.float32)
    for now, beside in zip(causal(emg, band), causal(ecg, band), strict=True):
        if now.shape != beside.shape:
            raise ValueError(f"blocks of equal length expected, got {now.shape} and {beside.shape}")
        muscle = np.concatenate([muscle[-2 * reach :], now])
        heart = np.concatenate([heart[-2 * reach :], np.nan_to_num(beside, nan=0.0)])
        out = np.empty(now.size, dtype=np.float32)
        heart_kernels.follow(muscle, heart, spacing, step, forget, weights, level, out)
        yield out


def delay_samples(rate_hz: float) -> int:
    """Samples by which what `without_heart` yields comes later than what it was given."""
    spacing = _spacing(rate_hz)
    return round(setting("adaptive_reach", "heart") * rate_hz / spacing) * spacing


def _spacing(rate_hz: float) -> int:
    """Samples between taps: QRS complexes hold little above 50 Hz, EMG is not to be modelled."""
    return max(int(rate_hz / setting("adaptive_rate", "heart")), 1)
