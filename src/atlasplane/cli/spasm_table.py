"""Spasms of a recording as a table in the terminal; the digits are the report's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from atlasplane.cli.terminal import Column, cells, console, print_findings, print_labelled, table
from atlasplane.report.numbers import NOTHING, length_text
from atlasplane.report.spasm_agreement import agreement_table
from atlasplane.report.spasm_numbers import (
    axis_of,
    baseline_text,
    by_muscle,
    channel_name,
    class_counts,
    estimate_interval,
    estimate_text,
    excluded_text,
    findings_once,
    level_text,
    rate_interval,
    rate_text,
    strength_text,
)

if TYPE_CHECKING:
    from rich.console import Console

    from atlasplane.chain.spasms import AnalysedRecording
    from atlasplane.pathways.spasm.result import ChannelSpasms, UnmeasuredChannel
    from atlasplane.report.spasm_svg import TimeAxis

SIMULATED = "[bold magenta]SIMULATED[/] data: not a patient's recording."


def print_spasms(done: AnalysedRecording) -> None:
    """Findings, then burden, counts and durations of each channel, then where the thresholds come from."""
    out, analysis = console(), done.analysis
    if analysis.simulated:
        out.print(SIMULATED)
    print_findings(out, findings_once(analysis))
    ordered = [channel for group in by_muscle(analysis.channels) for channel in group]
    numbers = ("burden", "95 %", "spasms", "mean duration", "clonus")
    shown = table(
        f"{analysis.file}: {length_text(analysis.duration_s)}, merge gap {length_text(analysis.merge_gap_s)}",
        [Column("channel", least=8), *(Column(name, "right") for name in numbers)],
    )
    for channel in ordered:
        shown.add_row(*cells(_row(channel)))
    for lost in analysis.unmeasured:
        shown.add_row(*cells([channel_name(lost), *(NOTHING for _ in numbers)]))
    out.print(shown)
    axis = axis_of(analysis.duration_s, done.recording.started)
    rows = [line for channel in ordered for line in _lines(channel, axis, raw=channel.label in done.raw)]
    rows += [
        (_bold(lost), f"not measured ({lost.why}): this is not the same as no spasm")
        for lost in analysis.unmeasured
    ]
    print_labelled(out, rows)
    _print_agreement(out, done)


def _lines(channel: ChannelSpasms, axis: TimeAxis, *, raw: bool) -> Iterator[tuple[str, str]]:
    """Classes, rate, what was left out, and where the threshold comes from."""
    low, high = (
        level_text(value, 2, raw=raw) for value in (channel.baseline.noise_uV, channel.baseline.threshold_uV)
    )
    yield _bold(channel), class_counts(channel)
    yield "", f"{rate_interval(channel.rate)}; analysed {length_text(channel.analysed_s)}"
    if channel.intensity_uV is not None:
        yield "", f"strength {strength_text(channel, raw=raw)}"
    if channel.excluded:
        yield "", excluded_text(channel)
    yield "", f"threshold {high}, noise {low}: {baseline_text(channel, axis)}"


def _bold(channel: ChannelSpasms | UnmeasuredChannel) -> str:
    return f"[bold]{cells([channel_name(channel)])[0]}[/]"


def _row(channel: ChannelSpasms) -> tuple[str, ...]:
    burden = channel.burden_percent
    return (
        channel_name(channel),
        estimate_text(burden, "%"),
        estimate_interval(burden, "%"),
        rate_text(channel.rate),
        estimate_text(channel.mean_duration_s, "s"),
        estimate_text(channel.clonus_hz, "Hz"),
    )


def _print_agreement(out: Console, done: AnalysedRecording) -> None:
    """With intervals where the window has the room."""
    found = agreement_table(done)
    if found is None:
        return
    names = [_with(row.name, row.sub) for row in found.rows]
    full = [[_with(cell.value, cell.sub) for cell in row.cells] for row in found.rows]
    needed = max(map(len, names)) + sum(2 + max(map(len, column)) for column in zip(*full, strict=True))
    rows = full if needed <= out.width else [[cell.value for cell in row.cells] for row in found.rows]
    shown = table(found.title, [Column(found.rows_are), *(Column(name, "right") for name in found.columns)])
    for name, values in zip(names, rows, strict=True):
        shown.add_row(*cells([name, *values]))
    out.print(shown)


def _with(text: str, more: str) -> str:
    return f"{text} ({more})" if more else text
