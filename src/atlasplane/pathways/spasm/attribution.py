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
    `own_duration_s` is voluntary. Of any other, what lies outside of the movement is spasm; it goes on under
    the movement where it lasts on both sides, and the movement is voluntary work on top where it doubles the
    power. Where movement meets only one end, that end is voluntary, or unattributed where it is no stronger
    than the rest: spasm that moves the limb looks the same.

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
    own = round(settings.own_duration_s / hop_s)
    parts: list[tuple[list[tuple[int, int]], ...]] = [
        _parts(int(first), int(stop), moving, power, certain, own) for first, stop in active
    ]
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


def _parts(
    first: int, stop: int, moving: Flags, power: Floats, certain: Flags, own: int
) -> tuple[_Ends, _Ends, _Ends]:
    """Spasm, voluntary and unattributed parts of one active stretch."""
    inside = [(first + int(a), first + int(b)) for a, b in runs(moving[first:stop])]
    if not inside:
        return [(first, stop)], [], []
    still = [(first + int(a), first + int(b)) for a, b in runs(~moving[first:stop])]
    kept = [(a, b) for a, b in still if b - a >= own and certain[a:b].any()]
    if not kept:
        return [], [(first, stop)], []
    level = float(np.median(np.concatenate([power[a:b] for a, b in kept])))
    low, high = kept[0][0], kept[-1][1]
    voluntary, unattributed = [], []
    for a, b in _outside(first, low, high, stop) + [(a, b) for a, b in inside if a >= low and b <= high]:
        stronger = _upper(power[a:b]) > _STRONGER * level
        if stronger:
            voluntary.append((a, b))
        elif a < low or b > high:
            unattributed.append((a, b))
    return [(low, high)], voluntary, unattributed


_STRONGER = 2.0
"""Power on top of a spasm over its own."""


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
