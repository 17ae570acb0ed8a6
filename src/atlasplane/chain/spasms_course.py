"""The course of a channel over a whole recording, as fine as a picture can show it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.signals.frames import Frames

COLUMNS = 800
"""Most steps of a course: more than a picture across a page has."""
WINDOW_S = 0.25
"""Activity is averaged over this before its peak is taken: that of one frame is mostly chance."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Course:
    """Root mean square of a channel, step after step from the start of the recording.

    Attributes
    ----------
    step_s : float
    rms_uV, peak_uV : array, shape (n,)
        Of the whole step, and of its strongest quarter of a second; NaN where nothing was recorded.
    """

    step_s: float
    rms_uV: Floats
    peak_uV: Floats


def course(frames: Frames, duration_s: float) -> Course:
    """The course of a channel.

    Parameters
    ----------
    frames : Frames
    duration_s : float
        Of the whole recording, which every channel's course spans.
    """
    step_s = max(duration_s / COLUMNS, WINDOW_S)
    count = max(1, math.ceil(duration_s / step_s))
    windows, centres_s = _windows(frames)
    place = np.minimum((centres_s / step_s).astype(np.int64), count - 1)
    known = np.isfinite(windows) & (place >= 0)
    place, windows = place[known], windows[known]
    n = np.bincount(place, minlength=count)
    total = np.bincount(place, weights=windows, minlength=count)
    peak = np.full(count, -np.inf)
    np.maximum.at(peak, place, windows)
    held = n > 0
    rms = np.full(count, np.nan)
    rms[held] = np.sqrt(total[held] / n[held])
    return Course(
        step_s=step_s,
        rms_uV=rms.astype(np.float32),
        peak_uV=np.sqrt(np.where(held, peak, np.nan)).astype(np.float32),
    )


def _windows(frames: Frames) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean powers (uV squared) of windows of a few frames, and their centres, s."""
    size = max(1, round(WINDOW_S / frames.hop_s))
    power = np.asarray(frames.power_uV2, dtype=np.float64)
    whole = len(power) // size * size
    parts = power[:whole].reshape(-1, size)
    n = np.isfinite(parts).sum(axis=1)
    mean = np.divide(np.nansum(parts, axis=1), n, out=np.full(len(parts), np.nan), where=n > 0)
    centres_s = frames.start_s + (np.arange(len(parts)) + 0.5) * size * frames.hop_s
    return np.asarray(mean, dtype=np.float64), np.asarray(centres_s, dtype=np.float64)
