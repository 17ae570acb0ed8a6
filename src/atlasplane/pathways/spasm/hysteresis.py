"""Active stretches of a channel: a lower level holds what an upper one is sure of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from atlasplane.pathways.spasm.segmentation import (
    Flags,
    Floats,
    Runs,
    active_frames,
    activity_score,
    flags_of,
    joined,
    runs,
    switching_cost,
)
from atlasplane.pathways.spasm.settings import SpasmSettings

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Levels:
    """What quiet muscle would show.

    Attributes
    ----------
    noise : float
        Power of the quiet channel, at the upper end of its uncertainty, uV^2.
    leaked : array, shape (n,)
        Power that may have come into each frame from heart, mains and movement, uV^2.
    dof : float
        Degrees of freedom of the power of a quiet frame.
    """

    noise: float
    leaked: Floats
    dof: float


def active_stretches(
    power: Floats, levels: Levels, hop_s: float, settings: SpasmSettings
) -> tuple[Runs, Flags]:
    """Stretches that pass the lower level without a pause and the upper one somewhere.

    What is missing for longer than `bridge_s` ends a stretch.

    Parameters
    ----------
    power : array, shape (n,)
        Of each frame, uV^2; NaN where it tells nothing.
    levels : Levels
    hop_s : float

    Returns
    -------
    (array, shape (k, 2); array of bool, shape (n,))
        First frame and the one after the last of each stretch; frames above the upper level.
    """
    gone = runs(np.isnan(power))
    away = flags_of(gone[gone[:, 1] - gone[:, 0] > settings.bridge_s / hop_s], len(power))
    upper = _course(power, levels, settings.least_rise, hop_s, settings) & ~away
    lower = _course(power, levels, settings.lasting_rise, hop_s, settings) & ~away
    excess = np.maximum(np.nan_to_num(power) - levels.noise, 0)
    held = _without_lulls(runs(lower | upper), upper, excess, settings.lull_share)
    whole = joined(runs(held), round(settings.pause_s / hop_s))
    lasting = whole[:, 1] - whole[:, 0] >= settings.least_duration_s / hop_s - _ROUNDING
    return whole[lasting], upper


def _course(power: Floats, levels: Levels, rise: float, hop_s: float, settings: SpasmSettings) -> Flags:
    """Active frames for one rise; power that may have leaked in speaks neither for nor against activity."""
    cost = switching_cost(hop_s, settings.alarms_per_day)
    # As many frames as the least duration holds decide together, and none fewer.
    most = cost * hop_s / settings.least_duration_s * (1 + _ROUNDING)
    against = activity_score(power / levels.noise, dof=levels.dof, rise=rise, most=most)
    speaks_for = activity_score(power / (levels.noise + levels.leaked), dof=levels.dof, rise=rise, most=most)
    return active_frames(np.maximum(speaks_for, np.minimum(against, 0)), cost)


def _without_lulls(whole: Runs, upper: Flags, excess: Floats, share: float) -> Flags:
    """Frames of stretches that pass the upper level, less the parts under it that are far too weak for them.

    A part under the upper level stays where it holds at least a share of the power of the weaker certain part
    next to it: a weak contraction that fluctuates is one, and noise that has risen does not join two strong
    ones.
    """
    held = upper.copy()
    sums = np.concatenate([[0.0], np.cumsum(excess)])
    certain = runs(upper)
    levels = np.diff(sums[certain], axis=1)[:, 0] / np.diff(certain, axis=1)[:, 0]
    # Certain parts of each stretch: all lie within one.
    first = np.searchsorted(certain[:, 0], whole[:, 0])
    after = np.searchsorted(certain[:, 0], whole[:, 1])
    for (start, stop), low, high in zip(whole.tolist(), first.tolist(), after.tolist(), strict=True):
        if high == low:
            continue
        ends = [start, *certain[low:high].ravel().tolist(), stop]
        for k, (begin, end) in enumerate(zip(ends[::2], ends[1::2], strict=True)):
            beside = levels[max(low + k - 1, low) : min(low + k + 1, high)].min()
            if end > begin and sums[end] - sums[begin] >= share * beside * (end - begin):
                held[begin:end] = True
    return held
