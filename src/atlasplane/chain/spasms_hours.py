"""Intervals of the burden of each hour."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.observation import Interval
from atlasplane.pathways.spasm.estimates import STRETCHES, burden_estimate
from atlasplane.pathways.spasm.result import ChannelSpasms, Estimate
from atlasplane.pathways.spasm.settings import spasm_settings

HOUR_S = 3600.0

Span = tuple[float, float]


def hour_intervals(channel: ChannelSpasms, duration_s: float) -> tuple[Interval | None, ...]:
    """The 95 % interval of the burden of each hour of a recording; None where nothing of it was analysed.

    Its width is that of the scatter over equal stretches of the hour (`pathways.spasm.estimates`), laid
    around the burden of the hour: events are merged by the gap, the burden is not.
    """
    spasms = [(e.start_s, e.stop_s) for e in channel.events if e.class_.is_spasm]
    excluded = [(part.start_s, part.stop_s) for part in channel.excluded]
    found: list[Interval | None] = []
    for k, percent in enumerate(channel.burden_by_hour):
        hour = (k * HOUR_S, min((k + 1) * HOUR_S, duration_s))
        total_s = hour[1] - hour[0] - float(_seconds(excluded, np.array(hour)).sum())
        if percent is None or not total_s > 0:
            found.append(None)
            continue
        on_s = _seconds(spasms, np.linspace(*hour, STRETCHES + 1))
        found.append(_interval(percent, on_s, total_s))
    return tuple(found)


def _seconds(spans: Sequence[Span], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds of the spans between neighbouring edges."""
    within = np.zeros(len(edges) - 1)
    for start_s, stop_s in spans:
        within += np.clip(stop_s, edges[:-1], edges[1:]) - np.clip(start_s, edges[:-1], edges[1:])
    return within


def _interval(percent: float, on_s: NDArray[np.float64], total_s: float) -> Interval | None:
    estimate = burden_estimate(on_s, total_s, independent_s=spasm_settings().independent_s)
    if estimate.interval is None or not 0 < percent < 100 or not 0 < estimate.value < 100:
        return estimate.interval
    return _around(percent, estimate)


def _around(percent: float, estimate: Estimate) -> Interval:
    """The estimate's interval moved on the scale of log odds."""
    assert estimate.interval is not None
    shift = _log_odds(percent) - _log_odds(estimate.value)
    low, high = (
        None if end is None else 100 / (1 + math.exp(-(_log_odds(end) + shift)))
        for end in (estimate.interval.low, estimate.interval.high)
    )
    return Interval(level=estimate.interval.level, low=low, high=high)


def _log_odds(percent: float) -> float:
    held = min(max(percent, 1e-9), 100 - 1e-9)
    return math.log(held / (100 - held))
