"""The events beside those of a person, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from atlasplane.chain.spasms import AnalysedRecording
from atlasplane.pathways.spasm.agreement import Agreement
from atlasplane.pathways.spasm.result import Estimate
from atlasplane.report.bones_view import BonesCell, BonesRow, BonesTable
from atlasplane.report.document_observation import Json, finite, interval_json
from atlasplane.report.numbers import NOTHING, fixed, with_unit

NOTE = (
    "Two events are one where they share at least half of their union. The labels are held to be true, "
    "though two people who label one recording differ too, most of all in splitting and merging."
)
_MISSING = BonesCell(value=NOTHING, sub="", kind="missing")
_SHARE, _RAW = 100.0, 1.0


def agreement_table(analysed: AnalysedRecording) -> BonesTable | None:
    """The table, a column for each channel; None without labels."""
    found = analysed.agreements
    if not found:
        return None
    return BonesTable(
        title="Beside a person's labels",
        columns=tuple(each.channel for each in found),
        rows=(
            _row("Events", "labelled, found, both", found, _counts),
            _row("Sensitivity", "of the labelled, found", found, lambda a: _estimate(a.sensitivity, "%")),
            _row("Precision", "of the found, labelled", found, lambda a: _estimate(a.precision, "%")),
            _row("F1, events", "", found, lambda a: _number(a.f1)),
            _row("F1, seconds", "", found, lambda a: _number(a.sample_f1)),
            _row("Kappa, seconds", "Cohen's", found, lambda a: _number(a.kappa)),
            _row(
                "False alarms",
                "a day",
                found,
                lambda a: _estimate(a.false_alarms_per_day, "1/d", scale=_RAW, digits=1),
            ),
            _row(
                "Latency",
                "+ found later",
                found,
                lambda a: _estimate(a.latency_s, "s", scale=_RAW, digits=2),
            ),
            _row(
                "Duration error",
                "+ found longer",
                found,
                lambda a: _estimate(a.duration_error_s, "s", scale=_RAW, digits=2),
            ),
            _row("Same class", "of the pairs", found, lambda a: _estimate(a.same_class, "%")),
        ),
        notes=(NOTE,),
        rows_are="Measure",
    )


def _row(name: str, sub: str, found: Sequence[Agreement], cell: Callable[[Agreement], BonesCell]) -> BonesRow:
    return BonesRow(name=name, sub=sub, cells=tuple(cell(each) for each in found))


def _counts(found: Agreement) -> BonesCell:
    return BonesCell(value=f"{found.n_labelled}, {found.n_found}, {found.n_both}", sub="", kind="")


def _number(value: float | None) -> BonesCell:
    return _MISSING if value is None else BonesCell(value=fixed(value, 3), sub="", kind="")


def _estimate(found: Estimate | None, code: str, *, scale: float = _SHARE, digits: int = 1) -> BonesCell:
    """An estimate with its interval; a share in per cent."""
    if found is None:
        return _MISSING
    text = with_unit(fixed(scale * found.value, digits), code)
    if found.interval is None or found.interval.low is None or found.interval.high is None:
        return BonesCell(value=text, sub="", kind="")
    low, high = scale * found.interval.low, scale * found.interval.high
    return BonesCell(
        value=text, sub=f"{fixed(low, digits)} to {with_unit(fixed(high, digits), code)}", kind=""
    )


def agreement_json(analysed: AnalysedRecording) -> list[Json] | None:
    """The same for `spasm --json`; shares are of 1, null where nothing could be shared."""
    if not analysed.agreements:
        return None
    return [_json(each) for each in analysed.agreements]


def _json(found: Agreement) -> Json:
    return {
        "channel": found.channel,
        "compared_s": found.total_s,
        "n_labelled": found.n_labelled,
        "n_found": found.n_found,
        "n_both": found.n_both,
        "sensitivity": _estimate_json(found.sensitivity, "1"),
        "precision": _estimate_json(found.precision, "1"),
        "f1": found.f1,
        "sample_sensitivity": found.sample_sensitivity,
        "sample_precision": found.sample_precision,
        "sample_f1": found.sample_f1,
        "kappa": found.kappa,
        "false_alarms_per_day": _estimate_json(found.false_alarms_per_day, "1/d"),
        "latency_s": _estimate_json(found.latency_s, "s"),
        "duration_error_s": _estimate_json(found.duration_error_s, "s"),
        "n_classed": found.n_classed,
        "same_class": _estimate_json(found.same_class, "1"),
        "class_kappa": found.class_kappa,
    }


def _estimate_json(found: Estimate | None, unit: str) -> Json | None:
    if found is None:
        return None
    return {
        "value": found.value,
        "unit": unit,
        "u": finite(found.u) or None,
        "interval": interval_json(found.interval),
    }
