"""The class of a spasm from its length, its rhythm and how densely its motor units fire.

The classes are those of Thomas et al. 2014 (J Electromyogr Kinesiol 24:747): unit, tonic, clonus,
myoclonus, mixed; where their rules give no number, the number is ours (data/spasm.toml). Cramp is added where
a note says so: it hurts, and pain is not in the signal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.pathways.spasm.context import Context, Signal, Stretch
from atlasplane.pathways.spasm.result import Baseline, EventClass
from atlasplane.pathways.spasm.rhythm import Rhythm, rhythm
from atlasplane.pathways.spasm.settings import SpasmSettings

Floats = NDArray[np.float64]

CRAMP = "cramp"
"""Whole text of an annotation, in any case."""
_DETAIL_S = 0.01
"""Frames of the envelope of an event that is looked at in detail."""
_UNEVEN = 0.62
"""Share of frames of 50 ms that hold nine tenths of the power, below which an event is looked at in detail:
simulated units have 0.53 and less, clonus 0.54, mixed spasm 0.57, 99 of 100 tonic spasms more."""
_DETAIL_LONGEST_S = 30.0
"""Part of an event that is looked at in detail."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Class of a part of an event, the frequency of its contractions, and how long it is active."""

    class_: EventClass
    frequency_hz: float | None
    active_s: float


def kind_of_parts(parts: Sequence[Kind]) -> Kind:
    """What the parts of one event are together; the pauses between them say nothing.

    A jerk beside anything longer does not count; what is rhythmic in one part and steady in another is mixed;
    single units beside steady activity are part of it. The frequency is that of the longest rhythmic part.
    """
    if len(parts) == 1:
        return parts[0]
    total_s = sum(part.active_s for part in parts)
    longest = max(parts, key=lambda part: part.active_s)
    if any(part.class_ is EventClass.CRAMP for part in parts):
        return Kind(EventClass.CRAMP, None, total_s)
    classes = {part.class_ for part in parts} - {EventClass.MYOCLONUS} or {EventClass.MYOCLONUS}
    rhythmic = [part for part in parts if part.frequency_hz is not None]
    if rhythmic:
        longest = max(rhythmic, key=lambda part: part.active_s)
    if len(classes) == 1:
        return Kind(classes.pop(), longest.frequency_hz, total_s)
    class_ = EventClass.MIXED if rhythmic else EventClass.TONIC
    return Kind(class_, longest.frequency_hz, total_s)


def spasm_kind(
    stretch: Stretch,
    power: Floats,
    hop_s: float,
    *,
    active: Sequence[Stretch] | None = None,
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
    active : sequence of Stretch, optional
        Parts of it without the pauses between them, which say nothing of how densely units fire; default all.
    """
    start_s = stretch.start_s
    if _noted(context, stretch):
        return EventClass.CRAMP, None
    if stretch.stop_s - stretch.start_s < settings.myoclonus_s:
        return EventClass.MYOCLONUS, None
    if context.signal is not None and _held(power) < _UNEVEN:
        start_s, power, hop_s = _detail(context.signal, stretch, baseline)
    found = rhythm(power, hop_s, settings.clonus_low_hz, settings.clonus_high_hz)
    if found is not None and _is_rhythmic(found, settings):
        # Frames of 50 ms blur the pause between two contractions: there all are called clonus.
        shaken = hop_s <= 2 * _DETAIL_S and found.trough > settings.clonus_trough
        return (EventClass.MIXED if shaken else EventClass.CLONUS), found.frequency_hz
    if hop_s <= 2 * _DETAIL_S:
        power = power[_within(active or (stretch,), start_s, hop_s, len(power))]
        if _is_sparse(power, settings) and _is_weak(power, baseline, settings):
            return EventClass.UNIT, None
    return EventClass.TONIC, None


def _noted(context: Context, stretch: Stretch) -> bool:
    """Whether a note of this channel, or of all, says cramp while the muscle is active."""
    return any(
        note.text.strip().casefold() == CRAMP
        and note.channel in (None, context.label)
        and note.start_s < stretch.stop_s
        and note.start_s + note.duration_s >= stretch.start_s
        for note in context.annotations
    )


def _detail(signal: Signal, stretch: Stretch, baseline: Baseline) -> tuple[float, Floats, float]:
    """Start, power and length of frames of about 10 ms, from the middle of a long event."""
    middle, half = 0.5 * (stretch.start_s + stretch.stop_s), 0.5 * _DETAIL_LONGEST_S
    start_s, stop_s = max(stretch.start_s, middle - half), min(stretch.stop_s, middle + half)
    samples, rate_hz = signal(start_s, stop_s)
    width = max(round(_DETAIL_S * rate_hz), 1)
    whole = len(samples) // width * width
    squares = np.square(np.nan_to_num(samples[:whole].astype(float))).reshape(-1, width)
    return start_s, np.maximum(squares.mean(axis=1) - baseline.noise_uV**2, 0), width / rate_hz


def _within(stretches: Sequence[Stretch], start_s: float, hop_s: float, n: int) -> NDArray[np.bool_]:
    """Frames whose middle lies in one of the stretches; all where none does."""
    middle_s = start_s + hop_s * (np.arange(n) + 0.5)
    found = np.zeros(n, dtype=bool)
    for stretch in stretches:
        found |= (middle_s >= stretch.start_s) & (middle_s < stretch.stop_s)
    return found if found.any() else ~found


def _is_rhythmic(found: Rhythm, settings: SpasmSettings) -> bool:
    return (
        found.cycles >= settings.clonus_cycles
        and found.share >= settings.clonus_share
        and found.depth >= settings.clonus_depth
    )


def _is_sparse(power: Floats, settings: SpasmSettings) -> bool:
    """Whether single potentials stand apart: most of the power in few of the short frames."""
    return _held(power) < settings.unit_share


def _is_weak(power: Floats, baseline: Baseline, settings: SpasmSettings) -> bool:
    """Whether it is no more than one unit gives."""
    return math.sqrt(float(power.mean())) <= settings.unit_most * baseline.threshold_uV


def _held(power: Floats) -> float:
    """Share of the frames that hold nine tenths of the power."""
    ordered = np.sort(power)[::-1]
    total = float(ordered.sum())
    return float(np.searchsorted(np.cumsum(ordered), 0.9 * total) + 1) / len(ordered) if total > 0 else 1.0
