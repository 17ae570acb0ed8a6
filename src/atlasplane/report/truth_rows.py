"""Truth beside measurement, for simulated cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from atlasplane.chain.comparison import Comparison
from atlasplane.chain.measured import MeasuredCase
from atlasplane.core.change import LEVEL
from atlasplane.core.observation import Interval, Measurement
from atlasplane.geometry.se3 import vector_from_rotation
from atlasplane.io.models_registration import RegisterOutput
from atlasplane.report.numbers import decimals_of, fixed, shown_measurement, with_unit
from atlasplane.report.wording import REGISTERED
from atlasplane.sources.case import Moment, Visit


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
                rows.append([_name(visit.visit), *_cells(found, _patient(true, key))])
    before, after = (truth["visits"][v.visit.id]["quantities"] for v in (comparison.pre, comparison.post))
    for key in shown:
        change = comparison.change(key)
        if change is None or change.mdc is None or change.u is None or change.value is None:
            continue
        post = change.post
        assert isinstance(post, Measurement)
        true_change = _patient(after, key) - _patient(before, key)
        digits, unit = decimals_of(post), post.quantity.unit
        inside = abs(change.value - true_change) <= change.mdc.value
        cells = [with_unit(fixed(v, digits), unit) for v in (true_change, change.value, change.u)]
        rows.append(["change", _quantity_name(post), *cells, "yes" if inside else "no"])
    return rows


def turned_since_scan(record: RegisterOutput, truth: Mapping[str, Any]) -> list[str] | None:
    """Truth, registered, u, within: how far C1 turned in the skull since the scan; None without a pose.

    Unlike a pose it does not hang on the marks of the scan, so it is known much better.
    """
    if "c1" not in record.motion or record.uncertainty is None:
        return None
    turn = vector_from_rotation(np.array(record.motion["c1"].R))
    size = float(np.linalg.norm(turn))
    at = 6 * record.uncertainty.order.index("c1")
    cov = np.array(record.uncertainty.cov)[at : at + 3, at : at + 3]
    # A small turn on top changes the angle by its part along the axis.
    u = float(np.sqrt(turn @ cov @ turn)) / size
    table = truth["visits"][record.visit]["poses"]["c1_since_scan"]
    true = float(np.linalg.norm(vector_from_rotation(np.array(table["R"]))))
    cells = [with_unit(fixed(float(np.degrees(v)), 2), "deg") for v in (true, size, u)]
    within = abs(size - true) <= NormalDist().inv_cdf((1 + LEVEL) / 2) * u
    return [*cells, "yes" if within else "no"]


def _name(visit: Visit) -> str:
    """Moment of the visit; of one that is neither before nor after a correction its phase."""
    return visit.phase.value if visit.moment is Moment.SINGLE else visit.moment.value


def _patient(true: Mapping[str, Any], key: str) -> float:
    """The patient's own value; bones registered to films are his, whichever way they are measured."""
    return float(true[key.removesuffix(f"@{REGISTERED}")]["patient"])


def _cells(found: Measurement, true: float) -> list[str]:
    digits, unit = decimals_of(found), found.quantity.unit
    text = shown_measurement(found)
    inside = _within(found.interval(), true)
    truth = with_unit(fixed(true, digits), unit)
    name = _quantity_name(found)
    if found.condition == REGISTERED:
        name += ", registered"
    return [name, truth, text.value, text.u, "yes" if inside else "no"]


def _quantity_name(found: Measurement) -> str:
    """Name of the quantity, with the side of a muscle."""
    site = found.site
    return found.quantity.name + (f", {site.side}" if site and site.structure and site.side else "")


def _within(interval: Interval | None, true: float) -> bool:
    if interval is None:
        return False
    above = interval.low is None or interval.low <= true
    return above and (interval.high is None or true <= interval.high)
