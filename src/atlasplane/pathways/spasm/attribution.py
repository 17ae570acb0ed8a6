"""Which active stretches are voluntary: those that a motion sensor or a note says movement of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.pathways.spasm.context import Stretch
from atlasplane.pathways.spasm.segmentation import Flags, Floats, Runs, flags_of, runs
from atlasplane.pathways.spasm.settings import SpasmSettings
from atlasplane.signals.frames import Frames


@dataclass(frozen=True, slots=True, eq=False)
class Attributed:
    """Active stretches by what they are held to be, in frames, each shape (n, 2)."""

    spasm: Runs
    voluntary: Runs
    unattributed: Runs


def attributed(
    active: Runs,
    power: Floats,
    certain: Flags,
    moving: Flags | None,
    settings: SpasmSettings,
    hop_s: float,
) -> Attributed:
    """Active stretches told apart by movement.

    A stretch without movement is spasm. One that movement covers but for what is shorter than
    `own_duration_s` is voluntary. Of any other, what lies outside of the movement is spasm where the signal
    shows it to be another activity than the movement's (`own_step`), or where it outlasts the movement; it
    goes on under the movement where it lasts on both sides, and the movement is voluntary work on top where
    it doubles the power. Where movement meets only one end, that end is voluntary, or unattributed where it
    is no stronger than the rest: spasm that moves the limb looks the same. What is left beside a longer
    movement without a step of its own is unattributed: work that the sensor missed looks the same.

    Parameters
    ----------
    active : array, shape (n, 2)
    power : array, shape (n,)
        Of each frame without that of the noise, uV^2.
    certain : array of bool, shape (n,)
        Frames that pass the upper level; a spasm of its own has some.
    moving : array, shape (n,), or None
        Frames with movement; None where nothing tells.
    """
    if moving is None or not moving.any():
        return Attributed(active, _NONE, _NONE)
    seen = _Seen(power, certain, moving, round(settings.own_duration_s / hop_s), settings.own_step)
    parts = [seen.parts(first, stop) for first, stop in active.tolist()]
    return Attributed(*(_stacked(part[kind] for part in parts) for kind in range(3)))


def moving_frames(movement: Iterable[Stretch], frames: Frames, settings: SpasmSettings) -> Flags:
    """Frames in which movement may make the muscle work: a lead before it and a lag after it."""
    ends = [
        (stretch.start_s - settings.movement_lead_s, stretch.stop_s + settings.movement_lag_s)
        for stretch in movement
    ]
    if not ends:
        return np.zeros(len(frames), dtype=bool)
    places = (np.asarray(ends) - frames.start_s) / frames.hop_s
    stretches = np.stack([np.floor(places[:, 0]), np.ceil(places[:, 1])], axis=1).astype(np.int64)
    return flags_of(np.clip(stretches, 0, len(frames)), len(frames))


_NONE: Runs = np.empty((0, 2), dtype=np.int64)
_Ends = list[tuple[int, int]]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A channel's frames; `own` is the least number of frames of a spasm beside a movement."""

    power: Floats
    certain: Flags
    moving: Flags
    own: int
    step: float

    def parts(self, first: int, stop: int) -> tuple[_Ends, _Ends, _Ends]:
        """Spasm, voluntary and unattributed parts of one active stretch."""
        inside = [(first + a, first + b) for a, b in runs(self.moving[first:stop]).tolist()]
        if not inside:
            return [(first, stop)], [], []
        still = [(first + a, first + b) for a, b in runs(~self.moving[first:stop]).tolist()]
        kept = [(a, b) for a, b in still if b - a >= self.own and self.certain[a:b].any()]
        if not kept:
            return [], [(first, stop)], []
        level = float(np.median(self._of(kept)))
        if not self._is_another(kept, inside, level):
            return [], _between(kept, first, stop), kept
        low, high = kept[0][0], kept[-1][1]
        voluntary, unattributed = [], []
        for a, b in _outside(first, low, high, stop) + [(a, b) for a, b in inside if a >= low and b <= high]:
            if _upper(self.power[a:b]) > _STRONGER * level:
                voluntary.append((a, b))
            elif a < low or b > high:
                unattributed.append((a, b))
        return [(low, high)], voluntary, unattributed

    def _is_another(self, kept: _Ends, inside: _Ends, level: float) -> bool:
        """Whether what is left beside movements outlasts them, or has another level: then it is another."""
        if _length(kept) > _length(inside):
            return True
        moved = _upper(self._of(inside))
        return moved > self.step * level or level > self.step * moved

    def _of(self, ends: _Ends) -> Floats:
        return np.concatenate([self.power[a:b] for a, b in ends])


_STRONGER = 2.0
"""Power on top of a spasm over its own."""


def _length(ends: _Ends) -> int:
    return sum(b - a for a, b in ends)


def _between(ends: _Ends, first: int, stop: int) -> _Ends:
    """What stretches leave of a longer one."""
    places = [first, *(place for pair in ends for place in pair), stop]
    return [(a, b) for a, b in zip(places[::2], places[1::2], strict=True) if b > a]


def _upper(power: NDArray[np.float64]) -> float:
    """Of a stretch with lead and lag: its stronger half."""
    return float(np.quantile(power, 0.75))


def _outside(first: int, low: int, high: int, stop: int) -> _Ends:
    """What lies before and after the kept part."""
    return [(a, b) for a, b in ((first, low), (high, stop)) if b > a]


def _stacked(parts: Iterable[_Ends]) -> Runs:
    """Stretches of several lists as one array."""
    flat = [stretch for part in parts for stretch in part]
    return np.asarray(flat, dtype=np.int64).reshape(-1, 2)
