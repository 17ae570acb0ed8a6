"""Where a muscle is active: the two-state course that explains the powers of the frames best.

The power of a frame of quiet channel, over the noise's own, is a chi-squared variable over its degrees of
freedom; that of active muscle the same, larger by a rise R or more. The score of a frame is the logarithm of
how much likelier its power is under a rise R than without one, (dof / 2) (x (1 - 1/R) - ln R), and grows with
every rise from x = R ln R / (R - 1) on. A stretch is active when its frames score more than the cost
together, and quiet when they lose as much (Page 1954, Biometrika 41:100, doi 10.1093/biomet/41.1-2.100):
a strong contraction shows within a fraction of a second, a weak one by lasting.

The cost follows from the false alarms that are borne. From any given frame on, quiet frames ever gain h with
probability at most exp(-h) (Ville's inequality for the likelihood ratio; Lorden 1971, Ann Math Stat 42:1897,
doi 10.1214/aoms/1177693055), so that h = ln(frames a day / alarms a day) keeps to them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Runs = NDArray[np.int64]

DAY_S = 86_400.0


def turning_point(rise: float) -> float:
    """Power over that of the noise from which on a frame speaks for activity."""
    return rise * math.log(rise) / (rise - 1)


def switching_cost(hop_s: float, alarms_per_day: float) -> float:
    """What an active stretch must score, so that a quiet channel gives no more alarms a day than these."""
    return math.log(DAY_S / hop_s / alarms_per_day)


def activity_score(ratio: Floats, *, dof: float, rise: float, most: float) -> Floats:
    """Score of each frame for active muscle.

    Parameters
    ----------
    ratio : array, shape (n,)
        Power over that of the noise; NaN where the frame tells nothing, which scores 0.
    dof : float
        Degrees of freedom of the power of a quiet frame.
    rise : float
        Weakest power over that of the noise that is looked for.
    most : float
        Largest score for or against that one frame may have: no single frame decides. A cap keeps the bound
        on false alarms.
    """
    score = 0.5 * dof * (ratio * (1 - 1 / rise) - math.log(rise))
    np.nan_to_num(score, copy=False, nan=0.0)
    return np.clip(score, -most, most, out=score)


def active_frames(score: Floats, cost: float) -> Flags:
    """The course of two states whose active frames score most, less `cost` for each stretch.

    Exact (Viterbi for two states): the lead of "active" over "quiet" is a walk held between -+ cost / 2, and
    the best course changes state where, seen from the end, the walk last met the other bound.
    """
    half, n = 0.5 * cost, len(score)
    met = np.zeros(n, dtype=np.int8)
    rise, fall = _next(score > 0), _next(score < 0)
    lead, k = 0.0, 0
    while k < n:
        if abs(lead) >= half:
            # Held at a bound: nothing changes before a frame speaks against it.
            side = 1 if lead > 0 else -1
            turn = int(rise[k] if side < 0 else fall[k])
            met[k:turn] = side
            lead, k = side * half, turn
            if k == n:
                break
        lead += float(score[k])
        met[k] = (lead > half) - (lead < -half)
        k += 1
    if n and met[-1] == 0:
        met[-1] = 1 if lead > 0 else -1
    return np.asarray(_filled_from_behind(met) > 0)


def _next(flags: Flags) -> Runs:
    """Place of the next set flag at or after each place; the length where none follows."""
    at = np.where(flags, np.arange(len(flags)), len(flags))
    return np.asarray(np.minimum.accumulate(at[::-1])[::-1])


def _filled_from_behind(marks: NDArray[np.int8]) -> NDArray[np.int8]:
    """Zeros replaced by the next mark that is none."""
    at = np.where(marks != 0, np.arange(len(marks)), len(marks) - 1)
    return np.asarray(marks[np.minimum.accumulate(at[::-1])[::-1]])


def runs(flags: Flags) -> Runs:
    """First frame and the one after the last of each stretch of set flags, shape (n, 2)."""
    padded = np.zeros(len(flags) + 2, dtype=np.int8)
    padded[1:-1] = flags
    change = np.diff(padded)
    return np.stack([np.flatnonzero(change == 1), np.flatnonzero(change == -1)], axis=1)


def flags_of(stretches: Runs, n: int) -> Flags:
    """The inverse of `runs`, for stretches that may overlap."""
    change = np.zeros(n + 1, dtype=np.int64)
    np.add.at(change, stretches[:, 0], 1)
    np.add.at(change, stretches[:, 1], -1)
    return np.asarray(np.cumsum(change[:-1]) > 0)


def joined(stretches: Runs, gap: int) -> Runs:
    """Stretches that lie less than `gap` frames apart made one."""
    if len(stretches) < 2:
        return stretches
    apart = stretches[1:, 0] - stretches[:-1, 1] >= gap
    first = np.concatenate([[True], apart])
    last = np.concatenate([apart, [True]])
    return np.stack([stretches[first, 0], stretches[last, 1]], axis=1)
