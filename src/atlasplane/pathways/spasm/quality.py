"""Which frames tell nothing of the muscle, and what may have leaked into the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from atlasplane.pathways.spasm.result import Baseline, ExcludedStretch
from atlasplane.pathways.spasm.segmentation import runs
from atlasplane.pathways.spasm.settings import SpasmSettings
from atlasplane.signals.frames import Frames

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def faults(frames: Frames, settings: SpasmSettings) -> tuple[tuple[str, Flags], ...]:
    """Frames that tell nothing, by the code of what is wrong with them."""
    return (
        ("spasm.missing", (frames.missing > settings.missing_share) | ~np.isfinite(frames.power_uV2)),
        ("spasm.saturated", frames.saturated > settings.saturated_share),
        ("spasm.flat", frames.flat > settings.flat_share),
    )


def told(frames: Frames, settings: SpasmSettings) -> Flags:
    """Frames that tell something of the muscle."""
    wrong = np.zeros(len(frames), dtype=bool)
    for _, flags in faults(frames, settings):
        wrong |= flags
    return ~wrong


def excluded_stretches(frames: Frames, settings: SpasmSettings) -> tuple[ExcludedStretch, ...]:
    """Stretches that tell nothing, each under the first fault that holds."""
    left = np.ones(len(frames), dtype=bool)
    found = []
    for code, flags in faults(frames, settings):
        for first, stop in runs(flags & left):
            start_s, stop_s = frames.start_s + first * frames.hop_s, frames.start_s + stop * frames.hop_s
            found.append(ExcludedStretch(start_s=float(start_s), stop_s=float(stop_s), why=code))
        left &= ~flags
    return tuple(sorted(found, key=lambda stretch: stretch.start_s))


def leaked_power(frames: Frames, baseline: Baseline, settings: SpasmSettings) -> Floats:
    """Power that heart beats, mains and slow movement may have left in the band, uV^2, shape (n,).

    What is above the quiet channel's own counts, since that one is in the baseline already; of heart beats
    the share that their removal left in the quiet channel. The artefact of a movement swings through zero, so
    its height nearby counts.
    """
    slow_quiet = 0.0 if baseline.slow_uV is None else baseline.slow_uV**2
    mains_quiet = 0.0 if baseline.mains_uV is None else baseline.mains_uV**2
    level = (baseline.beats_leak + settings.beats_leak) * frames.beats_uV2.astype(float)
    level += settings.mains_leak * np.maximum(frames.mains_uV2 - mains_quiet, 0)
    reach = 2 * round(settings.slow_reach_s / frames.hop_s) + 1
    slow = maximum_filter1d(np.nan_to_num(frames.slow_uV2, nan=0.0), reach)
    level += settings.slow_leak * np.maximum(slow - slow_quiet, 0)
    return np.asarray(np.nan_to_num(level, nan=0.0))
