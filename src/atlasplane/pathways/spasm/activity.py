"""Where the muscle of a channel is active, frame by frame and in seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from atlasplane.pathways.spasm.artefacts import CREEP, JUMP, ONSET, creeping, jumps, onsets
from atlasplane.pathways.spasm.context import Context, Stretch
from atlasplane.pathways.spasm.edges import falling_edge, rising_edge
from atlasplane.pathways.spasm.hysteresis import Levels, active_stretches
from atlasplane.pathways.spasm.quality import leaked_power, told
from atlasplane.pathways.spasm.result import FRAME_S, Baseline, ExcludedStretch
from atlasplane.pathways.spasm.segmentation import Flags, Floats, Runs, flags_of
from atlasplane.pathways.spasm.settings import SpasmSettings
from atlasplane.signals.frames import Frames

_EDGE_S = 0.5
"""What tells the amplitude that an edge is half of."""


@dataclass(frozen=True, slots=True, eq=False)
class Activity:
    """A channel frame by frame.

    Attributes
    ----------
    start_s, hop_s : float
        Of the frames.
    usable : array of bool, shape (n,)
        Frames that tell something and are analysed.
    told : array of bool, shape (n,)
        The same with what looks active there and is no muscle.
    excess_uV2 : array, shape (n,)
        Power above that of the baseline; 0 where not usable.
    active : array, shape (k, 2)
        Stretches of active muscle, first frame and the one after the last.
    certain : array of bool, shape (n,)
        Frames that pass the upper level of the hysteresis.
    excluded : tuple of ExcludedStretch
        Stretches that look active and are no muscle.
    baseline : Baseline
    under_s : float
        Seconds that lie far below the baseline.
    """

    start_s: float
    hop_s: float
    usable: Flags
    told: Flags
    excess_uV2: Floats
    active: Runs
    certain: Flags
    excluded: tuple[ExcludedStretch, ...]
    baseline: Baseline
    under_s: float

    def stretches(self, frames: Runs) -> tuple[Stretch, ...]:
        """Frames as seconds, with the ends where the amplitude is half of what lies next to them."""
        reach = max(round(_EDGE_S / self.hop_s), 1)
        found = []
        for first, stop in frames.tolist():
            start, end = float(first), float(stop)
            # What touches an end of the analysed time began before it, or goes on after it.
            if first and self.told[first - 1]:
                start = rising_edge(self.excess_uV2, first, stop, reach)
            if stop < len(self.told) and self.told[stop]:
                end = falling_edge(self.excess_uV2, first, stop, reach)
            if not end > start:
                start, end = first, stop
            found.append(Stretch(start_s=self.seconds(start), stop_s=self.seconds(end)))
        return tuple(found)

    def seconds(self, frame: float) -> float:
        """After the start of the recording."""
        return self.start_s + self.hop_s * frame

    def between(self, stretch: Stretch) -> slice:
        """Frames that a stretch touches."""
        first = math.floor((stretch.start_s - self.start_s) / self.hop_s + _ROUNDING)
        stop = math.ceil((stretch.stop_s - self.start_s) / self.hop_s - _ROUNDING)
        return slice(max(first, 0), min(max(stop, first + 1), len(self.usable)))

    def rms_uV(self, stretch: Stretch) -> float:
        """Root mean square of what is told of a stretch, without the noise's power."""
        part = self.between(stretch)
        told_frames = max(int(np.count_nonzero(self.usable[part])), 1)
        return math.sqrt(float(self.excess_uV2[part].sum()) / told_frames)

    def confidence(self, stretch: Stretch) -> float:
        """Probability that a quiet frame stays below the event's mean, the threshold taken as its middle."""
        quiet = self.baseline.noise_uV**2
        ratio = 1 + self.rms_uV(stretch) ** 2 / quiet
        over = ratio - self.baseline.threshold_uV**2 / quiet
        return float(ndtr(over / math.sqrt(2 * FRAME_S / (self.baseline.dof * self.hop_s))))


_ROUNDING = 1e-6


def activity(frames: Frames, baseline: Baseline, context: Context, settings: SpasmSettings) -> Activity:
    """Where the muscle is active, before anything is said of why."""
    heard = told(frames, settings)
    listened = heard & ~_apart(frames, baseline, context)
    power = np.where(listened, frames.power_uV2, np.nan).astype(float)
    levels = Levels(
        noise=baseline.noise_uV**2 * (1 + settings.noise_margin * baseline.u_rel),
        leaked=leaked_power(frames, baseline, settings),
        dof=baseline.dof * frames.hop_s / FRAME_S,
    )
    active, certain = active_stretches(power, levels, frames.hop_s, settings)
    excess = np.maximum(np.nan_to_num(power) - baseline.noise_uV**2, 0)
    none = {
        ONSET: onsets(active, heard, frames.hop_s, settings),
        JUMP: jumps(active, excess, frames, baseline, context.signal, settings),
        CREEP: creeping(active, power / baseline.noise_uV**2, frames.hop_s, settings),
    }
    refused = np.logical_or.reduce(list(none.values()))
    usable = listened & ~flags_of(active[refused], len(frames))
    return Activity(
        start_s=frames.start_s,
        hop_s=frames.hop_s,
        usable=usable,
        told=listened,
        excess_uV2=excess * usable,
        active=active[~refused],
        certain=certain,
        excluded=_excluded(active, none, frames),
        baseline=baseline,
        under_s=_under_s(power, baseline, settings, frames.hop_s),
    )


def _apart(frames: Frames, baseline: Baseline, context: Context) -> Flags:
    """Frames that are not to be analysed: quiet and reference stretches, and what a person excludes."""
    away = [(stretch.start_s, stretch.stop_s) for stretch in context.apart]
    away += [(stretch.start_s, stretch.stop_s) for stretch in context.excluded]
    if baseline.source == "segment" and baseline.start_s is not None and baseline.stop_s is not None:
        away.append((baseline.start_s, baseline.stop_s))
    found = np.zeros(len(frames), dtype=bool)
    for start_s, stop_s in away:
        found[frames.between(start_s, stop_s)] = True
    return found


def _excluded(active: Runs, none: Mapping[str, Flags], frames: Frames) -> tuple[ExcludedStretch, ...]:
    """Stretches that are no muscle, each under its first code."""
    found: dict[int, ExcludedStretch] = {}
    for code, flags in none.items():
        for first, stop in active[flags].tolist():
            start_s, stop_s = (frames.start_s + frames.hop_s * end for end in (first, stop))
            found.setdefault(first, ExcludedStretch(start_s=start_s, stop_s=stop_s, why=code))
    return tuple(found.values())


def _under_s(power: Floats, baseline: Baseline, settings: SpasmSettings, hop_s: float) -> float:
    """Seconds whose mean power over a second lies far below that of the baseline."""
    span = max(round(1 / hop_s), 1)
    means = power[: len(power) // span * span].reshape(-1, span).mean(axis=1)
    return float(np.count_nonzero(means < settings.under_baseline * baseline.noise_uV**2)) * span * hop_s
