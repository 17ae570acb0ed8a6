"""Active stretches that are no muscle: jumps of an electrode, creeping noise, onsets of the cleaning."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation

from atlasplane.pathways.spasm.context import Signal
from atlasplane.pathways.spasm.result import Baseline
from atlasplane.pathways.spasm.segmentation import Flags, Floats, Runs, flags_of
from atlasplane.pathways.spasm.settings import SpasmSettings
from atlasplane.signals.frames import Frames

JUMP, CREEP, ONSET = "spasm.jump", "spasm.creep", "spasm.onset"
"""Codes of what is excluded."""

_AROUND = 3
"""Frames on either side that belong to a jump: the band-pass rings before and after it."""
_AROUND_S = 0.1
_SPREAD = 0.6
"""Share of the power in two neighbouring frames under which a stretch is no jump: 0.74 and more of those."""
_FLANK_S, _APART_S = 5.0, 1.0
"""Nearest quiet that a stretch is held against, and how far the ramps of a contraction reach into it."""


def jumps(
    active: Runs,
    excess: Floats,
    frames: Frames,
    baseline: Baseline,
    signal: Signal | None,
    settings: SpasmSettings,
) -> Flags:
    """Which active stretches are the answer of the band-pass to one jump of the electrode's potential.

    It lasts about as long as a period of the band's lower edge, whatever jumped, while a twitch of a muscle
    lasts 0.1 s or more: most of the energy lies within 20 ms. Without samples the frames tell it less
    sharply, by how few of them hold the power and by the power below the band.

    Parameters
    ----------
    active : array, shape (k, 2)
    excess : array, shape (n,)
        Power above that of the noise, uV^2.

    Returns
    -------
    array of bool, shape (k,)
    """
    short = (active[:, 1] - active[:, 0]) * frames.hop_s <= settings.jump_longest_s
    found = np.zeros(len(active), dtype=bool)
    for k in np.flatnonzero(short):
        first, stop = (int(end) for end in active[k])
        if _two_frames(first, stop, excess) < _SPREAD:
            continue
        if signal is None:
            found[k] = _is_jump_of_frames(first, stop, excess, frames, baseline, settings)
        else:
            start_s, stop_s = (frames.start_s + frames.hop_s * end for end in (first, stop))
            samples, rate_hz = signal(max(start_s - _AROUND_S, 0.0), stop_s + _AROUND_S)
            found[k] = energy_within(samples, rate_hz, settings.jump_width_s) > settings.jump_share
    return found


def energy_within(samples: np.ndarray, rate_hz: float, width_s: float) -> float:
    """Largest share of a signal's energy that any window of this width holds; 0 without energy."""
    energy = np.concatenate([[0.0], np.cumsum(np.square(np.nan_to_num(samples.astype(float))))])
    width = min(max(round(width_s * rate_hz), 1), len(energy) - 1)
    if width < 1 or not energy[-1] > 0:
        return 0.0
    return float(np.max(energy[width:] - energy[:-width]) / energy[-1])


def _is_jump_of_frames(
    first: int, stop: int, excess: Floats, frames: Frames, baseline: Baseline, settings: SpasmSettings
) -> bool:
    part = slice(max(first - _AROUND, 0), stop + _AROUND)
    two, total = _two_frames(first, stop, excess), max(float(excess[part].sum()), 1e-12)
    slow_quiet = 0.0 if baseline.slow_uV is None else baseline.slow_uV**2
    slow = float(np.nansum(np.maximum(frames.slow_uV2[part] - slow_quiet, 0))) / total
    return two > settings.jump_two_frames or (slow > 1 and two > settings.jump_two_frames_slow)


def onsets(active: Runs, heard: Flags, hop_s: float, settings: SpasmSettings) -> Flags:
    """Which active stretches lie wholly next to an end of the signal, where the cleaning has no context.

    Parameters
    ----------
    active : array, shape (k, 2)
    heard : array of bool, shape (n,)
        Frames that tell something.

    Returns
    -------
    array of bool, shape (k,)
    """
    reach = round(settings.onset_s / hop_s)
    near = binary_dilation(np.pad(~heard, 1, constant_values=True), iterations=reach)[1:-1]
    clear = np.concatenate([[0], np.cumsum(~near)])
    return np.asarray(clear[active[:, 1]] == clear[active[:, 0]])


def _two_frames(first: int, stop: int, excess: Floats) -> float:
    """Largest share of a stretch's power in two neighbouring frames."""
    power = excess[max(first - _AROUND, 0) : stop + _AROUND]
    total = float(power.sum())
    return float(np.max(power[1:] + power[:-1])) / total if total > 0 and len(power) > 1 else 0.0


def creeping(active: Runs, ratio: Floats, hop_s: float, settings: SpasmSettings) -> Flags:
    """Which active stretches are noise that creeps: weak, and hardly above the quiet on either side.

    The noise of a contact rises over minutes; a contraction begins within a second. A weak stretch is kept
    where the step at one of its ends makes up at least half of what it stands above the baseline. One without
    quiet anywhere, such as a recording in spasm throughout, is kept. What has crept counts as quiet beside
    what lies next to it, so that strong contractions do not hide that nothing stepped between them.

    Parameters
    ----------
    active : array, shape (k, 2)
    ratio : array, shape (n,)
        Power over that of the baseline; NaN where nothing is told.

    Returns
    -------
    array of bool, shape (k,)
    """
    means = [float(np.nanmean(ratio[a:b])) if np.isfinite(ratio[a:b]).any() else np.inf for a, b in active]
    level = np.asarray(means, dtype=np.float64)
    weak = level < settings.least_rise
    found = np.zeros(len(active), dtype=bool)
    while True:
        quiet = np.flatnonzero(np.isfinite(ratio) & ~flags_of(active[~found], len(ratio)))
        more = [
            k
            for k in np.flatnonzero(weak & ~found)
            if _step(int(active[k, 0]), int(active[k, 1]), ratio, quiet, hop_s)
            < settings.creep_step * (level[k] - 1)
        ]
        if not more:
            return found
        found[more] = True


def _step(first: int, stop: int, ratio: Floats, quiet: Runs, hop_s: float) -> float:
    """How far a stretch stands above the nearest quiet, at the end with the larger step; infinite without."""
    reach, apart = round(_FLANK_S / hop_s), round(_APART_S / hop_s)
    before, after = np.searchsorted(quiet, (first - apart, stop + apart))
    # A stretch that is all ramp is taken as a whole.
    inner = (first + apart, stop - apart) if stop - first > 4 * apart else (first, stop)
    sides = (
        (quiet[max(before - reach, 0) : before], slice(inner[0], min(inner[0] + reach, inner[1]))),
        (quiet[after : after + reach], slice(max(inner[1] - reach, inner[0]), inner[1])),
    )
    steps = [
        float(np.nanmean(ratio[inside]) - ratio[flank].mean())
        for flank, inside in sides
        if flank.size and np.isfinite(ratio[inside]).any()
    ]
    return max(steps, default=np.inf)
