"""Found spasms beside a person's labels, or the labels of two persons beside each other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, stdtrit

from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Interval
from atlasplane.pathways.spasm.estimates import LEVEL
from atlasplane.pathways.spasm.result import ChannelSpasms, Estimate, EventClass, SpasmAnalysis, SpasmEvent
from atlasplane.sources.recording import LabelledEvent

LEAST_IOU = 0.5
"""Share of their union that two events must have in common to be one."""
SPASM = "spasm"
"""What a person may write of a spasm without naming its class."""

_LEAST_LEFT_S = 1.0
"""Less than that, and than half, of a label that was cut is what a person's ends are off by."""
_ROUNDED_S = 0.1
"""By which the end of the last label may lie beyond the recording: a person rounds."""
_DAY_S = 86_400.0
_TAIL = 0.5 * (1 - LEVEL)
_NORMAL = 1.959963984540054
_Ends = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Spasms of two sources on one channel; the first is held to be true where one must be.

    Attributes
    ----------
    channel : str
    total_s : float
        Time compared.
    n_labelled, n_found, n_both : int
        Spasms of the first, of the second, and pairs that are one event.
    sensitivity, precision : Estimate or None
        Share of the labelled that were found, and of the found that are labelled (Wilson 1927); None without
        any.
    f1 : float or None
        2 both / (labelled + found).
    sample_sensitivity, sample_precision, sample_f1 : float or None
        The same of seconds.
    kappa : float or None
        Cohen's, of seconds in and out of spasm; None where both agree that there is but one of the two.
    false_alarms_per_day : Estimate
        Found but not labelled, with Garwood's interval.
    latency_s, duration_error_s : Estimate or None
        Mean over pairs of found less labelled start and length; + later, + longer.
    n_classed : int
        Pairs of which both name a class.
    same_class : Estimate or None
        Share of those with the same one.
    class_kappa : float or None
        Cohen's, of those classes.
    """

    channel: str
    total_s: float
    n_labelled: int
    n_found: int
    n_both: int
    sensitivity: Estimate | None
    precision: Estimate | None
    f1: float | None
    sample_sensitivity: float | None
    sample_precision: float | None
    sample_f1: float | None
    kappa: float | None
    false_alarms_per_day: Estimate
    latency_s: Estimate | None
    duration_error_s: Estimate | None
    n_classed: int
    same_class: Estimate | None
    class_kappa: float | None


def agreement(
    analysis: SpasmAnalysis,
    labels: Sequence[LabelledEvent],
    *,
    file: str | None = None,
    least_iou: float = LEAST_IOU,
) -> tuple[Agreement, ...]:
    """Found spasms of every channel beside a person's labels.

    Time that was not analysed, quiet and reference stretches and what is excluded, is not compared: labels
    are cut to the rest, and those of channels that could not be measured are left out.

    Parameters
    ----------
    file : str, optional
        What messages call the labels' file; default the recording's.

    Raises
    ------
    BadInput
        When a label names a channel that was not analysed or a class that there is not, or ends after the
        recording.
    """
    named = file or analysis.file
    known = [channel.label for channel in analysis.channels]
    lost = {channel.label for channel in analysis.unmeasured}
    for label in labels:
        if label.channel not in lost.union(known):
            raise BadInput(
                named,
                f"a label is of channel '{label.channel}', which was not analysed",
                f"Its channels are: {', '.join(known)}",
            )
        _class(label, named)
        _check_within(label, analysis, named)
    return tuple(_of_channel(channel, named, labels, least_iou) for channel in analysis.channels)


def _check_within(label: LabelledEvent, analysis: SpasmAnalysis, file: str) -> None:
    if label.stop_s > analysis.duration_s + _ROUNDED_S:
        raise BadInput(
            file,
            f"'{label.class_}' of channel '{label.channel}' from {label.start_s:g} to {label.stop_s:g} s "
            f"ends after {analysis.file}, which lasts {analysis.duration_s:g} s",
            "Times are seconds after its start: correct them, or name the labels of this recording",
        )


def raters_agreement(
    first: Sequence[LabelledEvent],
    second: Sequence[LabelledEvent],
    *,
    channel: str,
    total_s: float,
    least_iou: float = LEAST_IOU,
) -> Agreement:
    """The labels of two persons on one channel.

    Raises
    ------
    BadInput
        When a class is none, or a person's labels of spasms overlap.
    """
    sides = (
        _marked([label for label in labels if label.channel == channel], channel)
        for labels in (first, second)
    )
    return _compared(*sides, channel=channel, total_s=total_s, least_iou=least_iou)


@dataclass(frozen=True, slots=True, eq=False)
class _Marked:
    """Spasms in time order: ends, shape (n, 2), and classes, None where none was named."""

    ends: _Ends
    classes: tuple[EventClass | None, ...]


def _of_channel(
    channel: ChannelSpasms, file: str, labels: Sequence[LabelledEvent], least_iou: float
) -> Agreement:
    own = [label for label in labels if label.channel == channel.label]
    away = _not_analysed(channel)
    person = _cut(_marked(own, file), away)
    spasms = [event for event in channel.events if event.class_.is_spasm]
    found = _Marked(_ends_of(spasms), tuple(event.class_ for event in spasms))
    return _compared(
        person, found, channel=channel.label, total_s=channel.analysed_s, least_iou=least_iou, away=away
    )


def _not_analysed(channel: ChannelSpasms) -> list[tuple[float, float]]:
    """Stretches that are excluded or set apart, in order, those that touch made one."""
    joined: list[tuple[float, float]] = []
    for start_s, stop_s in sorted((*channel.apart, *((e.start_s, e.stop_s) for e in channel.excluded))):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], stop_s))
        else:
            joined.append((start_s, stop_s))
    return joined


def _marked(labels: Sequence[LabelledEvent], file: str) -> _Marked:
    """A person's spasms; what they call voluntary or leave unattributed is none."""
    named = sorted(((label, _class(label, file)) for label in labels), key=lambda pair: pair[0].start_s)
    spasms = [(label, class_) for label, class_ in named if class_ is None or class_.is_spasm]
    for (before, _), (after, _) in pairwise(spasms):
        if after.start_s < before.stop_s:
            raise BadInput(
                file,
                f"two spasms of channel '{after.channel}' overlap at {after.start_s:g} s",
                "Mark one event, or move its ends",
            )
    return _Marked(_ends_of([label for label, _ in spasms]), tuple(class_ for _, class_ in spasms))


def _class(label: LabelledEvent, file: str) -> EventClass | None:
    """The class that a person wrote; None for a spasm without one."""
    word = label.class_.strip().casefold()
    if word == SPASM:
        return None
    try:
        return EventClass(word)
    except ValueError:
        classes = ", ".join(class_.value for class_ in EventClass)
        raise BadInput(
            file,
            f"'{label.class_}' at {label.start_s:g} s is no class of an event",
            f"Write one of: {classes}, {SPASM}",
        ) from None


def _ends_of(events: Sequence[LabelledEvent] | Sequence[SpasmEvent]) -> _Ends:
    rows = [(event.start_s, event.stop_s) for event in events]
    return np.asarray(rows, dtype=float).reshape(-1, 2)


def _cut(marked: _Marked, away: Sequence[tuple[float, float]]) -> _Marked:
    """Ends that lie in time that was not analysed moved out of it; without what then is hardly left.

    Parameters
    ----------
    away : sequence of (start, stop)
        In order, apart from each other.
    """
    ends = marked.ends.copy()
    for start_s, stop_s in away:
        first, last = ends[:, 0], ends[:, 1]
        first[(first >= start_s) & (first < stop_s)] = stop_s
        last[(last > start_s) & (last <= stop_s)] = start_s
    removed = _common(ends, np.asarray(away, dtype=float).reshape(-1, 2)).sum(axis=1)
    left = np.diff(ends, axis=1)[:, 0] - removed
    kept = (left >= _LEAST_LEFT_S) | (left > 0.5 * np.diff(marked.ends, axis=1)[:, 0])
    classes = tuple(class_ for class_, keep in zip(marked.classes, kept, strict=True) if keep)
    return _Marked(ends[kept], classes)


def _compared(
    one: _Marked,
    other: _Marked,
    *,
    channel: str,
    total_s: float,
    least_iou: float,
    away: Sequence[tuple[float, float]] = (),
) -> Agreement:
    pairs = _pairs(one.ends, other.ends, least_iou)
    removed = np.asarray(away, dtype=float).reshape(-1, 2)
    one_s, other_s, both_s = (
        _length(part, removed) for part in (one.ends, other.ends, _overlaps(one.ends, other.ends))
    )
    alarms = len(other.ends) - len(pairs)
    classed = [(one.classes[i], other.classes[j]) for i, j in pairs if one.classes[i] and other.classes[j]]
    same = sum(a is b for a, b in classed)
    shift = [float(other.ends[j, 0] - one.ends[i, 0]) for i, j in pairs]
    longer = [float(np.diff(other.ends[j])[0] - np.diff(one.ends[i])[0]) for i, j in pairs]
    return Agreement(
        channel=channel,
        total_s=total_s,
        n_labelled=len(one.ends),
        n_found=len(other.ends),
        n_both=len(pairs),
        sensitivity=proportion(len(pairs), len(one.ends)),
        precision=proportion(len(pairs), len(other.ends)),
        f1=_ratio(2 * len(pairs), len(one.ends) + len(other.ends)),
        sample_sensitivity=_ratio(both_s, one_s),
        sample_precision=_ratio(both_s, other_s),
        sample_f1=_ratio(2 * both_s, one_s + other_s),
        kappa=_kappa_of_seconds(one_s, other_s, both_s, total_s),
        false_alarms_per_day=_per_day(alarms, total_s),
        latency_s=_mean(shift),
        duration_error_s=_mean(longer),
        n_classed=len(classed),
        same_class=proportion(same, len(classed)),
        class_kappa=_kappa_of_classes(classed),
    )


def proportion(n: int, total: int) -> Estimate | None:
    """A share with Wilson's score interval (Wilson 1927, J Am Stat Assoc 22:209); None of nothing."""
    if not total:
        return None
    share, z2 = n / total, _NORMAL**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = _NORMAL / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    interval = Interval(level=LEVEL, low=max(middle - half, 0.0), high=min(middle + half, 1.0))
    return Estimate(value=share, interval=interval, u=half / _NORMAL)


def _common(one: _Ends, other: _Ends) -> _Ends:
    """Seconds that each pair has in common, shape (n, m)."""
    start = np.maximum(one[:, None, 0], other[None, :, 0])
    stop = np.minimum(one[:, None, 1], other[None, :, 1])
    return np.asarray(np.maximum(stop - start, 0.0))


def _pairs(one: _Ends, other: _Ends, least_iou: float) -> list[tuple[int, int]]:
    """Events that are one, each in one pair at most, the most alike first."""
    common = _common(one, other)
    union = np.diff(one, axis=1) + np.diff(other, axis=1).T - common
    share = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
    taken_one, taken_other, found = set(), set(), []
    for i, j in sorted(np.argwhere(share >= least_iou).tolist(), key=lambda pair: -share[pair[0], pair[1]]):
        if i not in taken_one and j not in taken_other:
            taken_one.add(i)
            taken_other.add(j)
            found.append((int(i), int(j)))
    return sorted(found)


def _overlaps(one: _Ends, other: _Ends) -> _Ends:
    """Stretches that both have."""
    at = np.argwhere(_common(one, other) > 0)
    i, j = at[:, 0], at[:, 1]
    return np.stack([np.maximum(one[i, 0], other[j, 0]), np.minimum(one[i, 1], other[j, 1])], axis=1)


def _length(ends: _Ends, removed: _Ends) -> float:
    """Seconds of stretches outside of what is removed."""
    return float(np.diff(ends, axis=1).sum() - _common(ends, removed).sum())


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole > 0 else None


def _kappa_of_seconds(one_s: float, other_s: float, both_s: float, total_s: float) -> float | None:
    """Cohen 1960 of two states; the seconds are not independent, so that no interval is given."""
    if not total_s > 0:
        return None
    # Ends of frames and of labels differ by less than a frame: neither fills more than there is.
    one_s, other_s = min(one_s, total_s), min(other_s, total_s)
    agreed = (both_s + max(total_s - one_s - other_s + both_s, 0.0)) / total_s
    a, b = one_s / total_s, other_s / total_s
    chance = a * b + (1 - a) * (1 - b)
    return (agreed - chance) / (1 - chance) if chance < 1 else None


def _kappa_of_classes(pairs: Sequence[tuple[EventClass | None, EventClass | None]]) -> float | None:
    """Cohen 1960; None where both name one class only."""
    n = len(pairs)
    if not n:
        return None
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    chance = sum(first[class_] * second[class_] for class_ in first) / n**2
    agreed = sum(a is b for a, b in pairs) / n
    return (agreed - chance) / (1 - chance) if chance < 1 else None


def _per_day(alarms: int, total_s: float) -> Estimate:
    """Alarms a day with Garwood's exact interval."""
    days = total_s / _DAY_S
    if not days > 0:
        return Estimate(value=0.0, interval=None)
    low = float(gammaincinv(alarms, _TAIL)) / days if alarms else 0.0
    high = float(gammaincinv(alarms + 1, 1 - _TAIL)) / days
    return Estimate(value=alarms / days, interval=Interval(level=LEVEL, low=low, high=high))


def _mean(values: Sequence[float]) -> Estimate | None:
    """Mean with Student's interval; None without values."""
    n = len(values)
    if not n:
        return None
    mean = float(np.mean(values))
    u = float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    if not u > 0:
        return Estimate(value=mean, interval=None)
    half = float(stdtrit(n - 1, 1 - _TAIL)) * u
    interval = Interval(level=LEVEL, low=mean - half, high=mean + half)
    return Estimate(value=mean, interval=interval, u=u, dof=n - 1)
