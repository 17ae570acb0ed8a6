"""The class of a spasm from its length, its rhythm and how densely its motor units fire.

The classes are those of Thomas et al. 2014 (J Electromyogr Kinesiol 24:747): unit, tonic, clonus,
myoclonus, mixed; where their rules give no number, the number is ours (data/spasm.toml). Cramp is added where
a note says so: it hurts, and pain is not in the signal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from atlasplane.pathways.spasm.context import Context, Signal, Stretch
from atlasplane.pathways.spasm.result import Baseline, EventClass
from atlasplane.pathways.spasm.rhythm import Rhythm, rhythm
from atlasplane.pathways.spasm.settings import SpasmSettings
from atlasplane.sources.recording import Annotation

Floats = NDArray[np.float64]

CRAMP = "cramp"
"""Text of an annotation, in any case."""
_DETAIL_S = 0.01
"""Frames of the envelope of an event that is looked at in detail."""
_UNEVEN = 0.62
"""Share of frames of 50 ms that hold nine tenths of the power, below which an event is looked at in detail:
simulated units have 0.53 and less, clonus 0.54, mixed spasm 0.57, 99 of 100 tonic spasms more."""
_DETAIL_LONGEST_S = 30.0
"""Part of an event that is looked at in detail."""


def spasm_kind(
    stretch: Stretch,
    power: Floats,
    hop_s: float,
    *,
    baseline: Baseline,
    context: Context,
    settings: SpasmSettings,
) -> tuple[EventClass, float | None]:
    """Class of a spasm, and the frequency of its contractions where it has a rhythm.

    Parameters
    ----------
    stretch : Stretch
    power : array, shape (n,)
        Of its frames, uV^2, without that of the noise.
    hop_s : float
    """
    if _noted(context.annotations, stretch):
        return EventClass.CRAMP, None
    if stretch.stop_s - stretch.start_s < settings.myoclonus_s:
        return EventClass.MYOCLONUS, None
    if context.signal is not None and _held(power) < _UNEVEN:
        power, hop_s = _detail(context.signal, stretch, baseline)
    found = rhythm(power, hop_s, settings.clonus_low_hz, settings.clonus_high_hz)
    if found is not None and _is_rhythmic(found, settings):
        # Frames of 50 ms blur the pause between two contractions: there all are called clonus.
        shaken = hop_s <= 2 * _DETAIL_S and found.trough > settings.clonus_trough
        return (EventClass.MIXED if shaken else EventClass.CLONUS), found.frequency_hz
    return (EventClass.UNIT if _is_sparse(power, hop_s, settings) else EventClass.TONIC), None


def _noted(annotations: tuple[Annotation, ...], stretch: Stretch) -> bool:
    """Whether a note says cramp while the muscle is active."""
    return any(
        CRAMP in note.text.casefold()
        and note.start_s < stretch.stop_s
        and note.start_s + note.duration_s >= stretch.start_s
        for note in annotations
    )


def _detail(signal: Signal, stretch: Stretch, baseline: Baseline) -> tuple[Floats, float]:
    """Power in frames of about 10 ms, from the middle of a long event."""
    middle, half = 0.5 * (stretch.start_s + stretch.stop_s), 0.5 * _DETAIL_LONGEST_S
    start_s, stop_s = max(stretch.start_s, middle - half), min(stretch.stop_s, middle + half)
    samples, rate_hz = signal(start_s, stop_s)
    width = max(round(_DETAIL_S * rate_hz), 1)
    whole = len(samples) // width * width
    squares = np.square(np.nan_to_num(samples[:whole].astype(float))).reshape(-1, width)
    return np.maximum(squares.mean(axis=1) - baseline.noise_uV**2, 0), width / rate_hz


def _is_rhythmic(found: Rhythm, settings: SpasmSettings) -> bool:
    return (
        found.cycles >= settings.clonus_cycles
        and found.share >= settings.clonus_share
        and found.depth >= settings.clonus_depth
    )


def _is_sparse(power: Floats, hop_s: float, settings: SpasmSettings) -> bool:
    """Whether single potentials stand apart: most of the power in few of the short frames."""
    return hop_s <= 2 * _DETAIL_S and _held(power) < settings.unit_share


def _held(power: Floats) -> float:
    """Share of the frames that hold nine tenths of the power."""
    ordered = np.sort(power)[::-1]
    total = float(ordered.sum())
    return float(np.searchsorted(np.cumsum(ordered), 0.9 * total) + 1) / len(ordered) if total > 0 else 1.0
