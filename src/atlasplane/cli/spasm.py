"""`spasm`: spasms in a recording of muscle activity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from atlasplane.cli.documents import Json, print_json
from atlasplane.cli.spasm_values import noise_of, stretch_of

if TYPE_CHECKING:
    from atlasplane.chain.spasms import AnalysedRecording

RecordingPath = Annotated[
    Path,
    typer.Argument(
        metavar="RECORDING", help="EDF+, BDF, Delsys CSV, text, OTB+, C3D or PLUX HDF5; told by its content."
    ),
]
REST = "Rest: the threshold comes from here, never from what is judged"
OUT = "Files to write"
EXAMPLES = "\n\n".join(  # each on a line of its own
    (
        "Examples:",
        "atlasplane spasm atlasplane-demo/patient/2026-03-02/night.edf",
        "atlasplane spasm night.edf --quiet 0:60 --report night.html",
        "atlasplane spasm night.edf --quiet-file rest.edf --annotations noted.edf",
        "atlasplane spasm emg.csv --channels map.toml --noise-uV EMG1=2.1 --json",
    )
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("spasm", epilog=EXAMPLES)(spasm)


def spasm(  # noqa: PLR0913 - what a person states, one option each
    recording: RecordingPath,
    quiet: Annotated[
        str | None,
        typer.Option(
            metavar="START:STOP",
            help="Seconds of this recording in which the muscles rest.",
            rich_help_panel=REST,
        ),
    ] = None,
    quiet_file: Annotated[
        Path | None,
        typer.Option(metavar="F", help="A recording of rest, with the same channels.", rich_help_panel=REST),
    ] = None,
    noise_uv: Annotated[
        list[str] | None,
        typer.Option(
            "--noise-uV",
            metavar="CH=V",
            help="Root mean square of the quiet channel, microvolts. May be repeated.",
            rich_help_panel=REST,
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="START:STOP", help="A reference contraction: strength in per cent of it."),
    ] = None,
    channels: Annotated[
        Path | None,
        typer.Option(
            metavar="MAP.toml",
            help="Muscle and side of each channel, layout of a text file: atlasplane schema channels.",
        ),
    ] = None,
    merge_gap: Annotated[
        float | None,
        typer.Option(
            min=0.0, metavar="S", help="Spasms nearer than this count as one. Changes counts, never burden."
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A person's events (channel,start_s,stop_s,class), to be compared."
        ),
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.edf", help="The recording (EDF) with the events as annotations.", rich_help_panel=OUT
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="OUT.html", help="Pictures and tables as one page.", rich_help_panel=OUT),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find and count spasms in a recording of muscle activity: events, rate and burden with intervals.

    The threshold comes from rest outside of what is judged: one of the options below, or an EDF+ annotation
    'quiet' with a duration. Without any of them nothing is measured (exit status 2).
    """
    from atlasplane import api
    from atlasplane.chain.spasms import SpasmRequest
    from atlasplane.cli.terminal import steps
    from atlasplane.io.recording_map import read_channel_map

    request = SpasmRequest(
        channels=None if channels is None else read_channel_map(channels),
        quiet=stretch_of(quiet, quiet_file),
        reference=stretch_of(reference, None, option="--reference"),
        noise_uV=noise_of(noise_uv or ()),
        merge_gap_s=merge_gap,
        labels=labels,
    )
    api.check_spasm_outputs(recording, annotations=annotations, report=report)
    with steps("Reading the recording") as told:
        done = api.spasm(
            recording, request, progress=lambda share, channel: told(share, f"Reading {channel}")
        )
        written = []
        if annotations is not None:
            told(1.0, "Writing annotations")
            written.append(api.write_spasm_annotations(done, recording, annotations))
        if report is not None:
            told(1.0, "Drawing the report")
            written.append(api.write_spasm_report(done, report))
    if as_json:
        from atlasplane.report.spasm_document import spasm_document

        print_json(spasm_document(done))
    else:
        _print(done, written)


def _print(done: AnalysedRecording, written: list[Path]) -> None:
    from atlasplane.cli.spasm_table import print_spasms

    print_spasms(done)
    for path in written:
        typer.echo(f"written: {path}")
