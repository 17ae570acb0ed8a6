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
_TOGETHER = 3


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

    What is missing for longer than `bridge_s` ends a stretch, and so does a step of the power to less than
    `lull_share`: what goes on at the lower level after it, if it is active at all, is a stretch of its own.

    Parameters
    ----------
    power : array, shape (n,)
        Of each frame, uV^2; NaN where it tells nothing.
    levels : Levels
    hop_s : float

    Returns
    -------
    (array, shape (k, 2); array of bool, shape (n,))
        First frame and the one after the last of each stretch, in order; frames above the upper level.
    """
    gone = runs(np.isnan(power))
    away = flags_of(gone[gone[:, 1] - gone[:, 0] > settings.bridge_s / hop_s], len(power))
    upper = _course(power, levels, settings.least_rise, hop_s, settings)
    upper = (upper | _train(power, levels, hop_s, settings)) & ~away
    lower = _course(power, levels, settings.lasting_rise, hop_s, settings) & ~away
    excess = np.maximum(np.nan_to_num(power) - levels.noise, 0)
    pause = round(settings.pause_s / hop_s)
    steps = _Steps.of(upper, excess, pause, settings.lull_share)
    whole = joined(runs(lower | upper), pause)
    found = [part for start, stop in whole.tolist() for part in steps.parts(start, stop)]
    parts = np.asarray(sorted(found), dtype=np.int64).reshape(-1, 2)
    lasting = parts[:, 1] - parts[:, 0] >= settings.least_duration_s / hop_s - _ROUNDING
    return parts[lasting], upper


def _course(power: Floats, levels: Levels, rise: float, hop_s: float, settings: SpasmSettings) -> Flags:
    """Active frames for one rise; power that may have leaked in speaks neither for nor against activity."""
    cost = switching_cost(hop_s, settings.alarms_per_day)
    # As many frames as the least duration holds decide together, and none fewer than three.
    most = cost / max(settings.least_duration_s / hop_s, _TOGETHER) * (1 + _ROUNDING)
    against = activity_score(power / levels.noise, dof=levels.dof, rise=rise, most=most)
    speaks_for = activity_score(power / (levels.noise + levels.leaked), dof=levels.dof, rise=rise, most=most)
    return active_frames(np.maximum(speaks_for, np.minimum(against, 0)), cost)


def _train(power: Floats, levels: Levels, hop_s: float, settings: SpasmSettings) -> Flags:
    """Frames of units that fire apart: single strong ones with less than a pause between them.

    In frames of 50 ms a few potentials a second are mostly quiet; over the length of a pause they are active.
    """
    width = round(settings.pause_s / hop_s)
    count = len(power) // width
    found = np.zeros(len(power), dtype=bool)
    heard = np.isfinite(power[: count * width]).reshape(count, width)
    n = heard.sum(axis=1)
    sums = np.nan_to_num(power[: count * width]).reshape(count, width).sum(axis=1)
    mean = np.divide(sums, n, out=np.full(count, np.nan), where=n > 0)
    leaked = levels.leaked[: count * width].reshape(count, width).mean(axis=1)
    over = Levels(noise=levels.noise, leaked=leaked, dof=levels.dof * width)
    active = _course(mean, over, settings.least_rise, hop_s * width, settings)
    found[: count * width] = np.repeat(active, width)
    with np.errstate(invalid="ignore"):
        strong = power > settings.least_rise * (levels.noise + levels.leaked)
    return flags_of(joined(runs(found & strong), width), len(power))


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Splits stretches where their power steps; `certain` are runs above the upper level, `mean` their power.

    Attributes
    ----------
    certain : array, shape (n, 2)
    mean : array, shape (n,)
        Of each, without the noise, uV^2.
    excess : array, shape (n_frames,)
        That power of each frame.
    pause : int
        Frames; a shorter pause never splits.
    share : float
        Of the power of the weaker part beside it, from which on a part goes on what is beside it.
    """

    certain: Runs
    mean: Floats
    excess: Floats
    pause: int
    share: float

    @classmethod
    def of(cls, upper: Flags, excess: Floats, pause: int, share: float) -> _Steps:
        """Of frames above the upper level and the power of all."""
        sums, certain = np.concatenate([[0.0], np.cumsum(excess)]), runs(upper)
        mean = np.diff(sums[certain], axis=1)[:, 0] / np.maximum(np.diff(certain, axis=1)[:, 0], 1)
        return cls(certain, mean, excess, pause, share)

    def parts(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Parts between two frames, in no order: the strong ones first, then those in what they leave."""
        # Runs above the upper level lie wholly within or wholly without.
        low, high = np.searchsorted(self.certain[:, 0], (start, stop))
        if low == high:
            return []
        runs_, mean = self.certain[low:high], self.mean[low:high]
        strong = mean >= self.share * mean.max()
        runs_, mean = runs_[strong], mean[strong]
        ends = [start, *runs_.ravel().tolist(), stop]
        found, left = [(int(first), int(last)) for first, last in runs_], []
        for k, (begin, end) in enumerate(zip(ends[::2], ends[1::2], strict=True)):
            beside = float(mean[max(k - 1, 0) : k + 1].min())
            if self._goes_on(begin, end, beside, between=0 < k < len(mean)):
                found.append((begin, end))
            else:
                left += self.parts(begin, end)
        together = joined(np.asarray(sorted(found), dtype=np.int64), 1)
        return [*map(tuple, together.tolist()), *left]

    def _goes_on(self, begin: int, end: int, beside: float, *, between: bool) -> bool:
        """Whether a part goes on what lies beside it: a pause between two, or nearly as strong."""
        if between and end - begin < self.pause:
            return True
        # A single jump in the part does not speak for all of it.
        return end > begin and bool(np.minimum(self.excess[begin:end], beside).mean() >= self.share * beside)
