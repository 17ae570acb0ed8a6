"""Truth beside measurement, for simulated cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase
from atlasplane.core.observation import Interval, Measurement
from atlasplane.report.numbers import decimals_of, fixed, shown_measurement, with_unit


def truth_rows(
    measured: MeasuredCase, comparison: Comparison, truth: Mapping[str, Any], shown: Sequence[str]
) -> list[list[str]]:
    """Rows (visit, quantity, truth, measured, u, within) of every visit, then of the change.

    Parameters
    ----------
    truth : mapping
        Content of truth.json; the patient's own values are compared.
    shown : sequence of str
        Observation keys, in order.
    """
    rows = []
    for visit in measured.visits:
        true = truth["visits"][visit.visit.id]["quantities"]
        for key in shown:
            found = visit.joint.measurement(key)
            if found is not None:
                rows.append([visit.visit.moment.value, *_cells(found, true[key]["patient"])])
    before, after = (truth["visits"][v.visit.id]["quantities"] for v in (comparison.pre, comparison.post))
    for key in shown:
        change = comparison.change(key)
        if change is None or change.mdc is None or change.u is None or change.value is None:
            continue
        post = change.post
        assert isinstance(post, Measurement)
        true_change = after[key]["patient"] - before[key]["patient"]
        digits, unit = decimals_of(post), post.quantity.unit
        inside = abs(change.value - true_change) <= change.mdc.value
        cells = [with_unit(fixed(v, digits), unit) for v in (true_change, change.value, change.u)]
        rows.append(["change", post.quantity.name, *cells, "yes" if inside else "no"])
    return rows


def _cells(found: Measurement, true: float) -> list[str]:
    digits, unit = decimals_of(found), found.quantity.unit
    text = shown_measurement(found)
    inside = _within(found.interval(), true)
    truth = with_unit(fixed(true, digits), unit)
    return [found.quantity.name, truth, text.value, text.u, "yes" if inside else "no"]


def _within(interval: Interval | None, true: float) -> bool:
    if interval is None:
        return False
    above = interval.low is None or interval.low <= true
    return above and (interval.high is None or true <= interval.high)
