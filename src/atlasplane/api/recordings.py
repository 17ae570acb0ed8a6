"""A recording of muscle activity: its spasms, and what is written of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from atlasplane.chain.measured import Progress

if TYPE_CHECKING:
    from atlasplane.chain.spasms import AnalysedRecording, SpasmRequest


def spasm(
    recording: Path | str,
    request: SpasmRequest | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> AnalysedRecording:
    """Spasms in a recording of muscle activity: events, rate and burden of each channel, with intervals.

    Parameters
    ----------
    recording : path
        EDF, EDF+, BDF, Delsys CSV, text, OTB+, C3D or PLUX HDF5; told by its content.
    request : SpasmRequest, optional
        Where its rest lies and whose its channels are, where the file does not say so itself.
    progress : callable, optional
        Told the share that is read, 0 to 1, and of which channel; also from other threads.
    cancelled : callable, optional
        Asked now and then.

    Raises
    ------
    BadInput
        When the recording cannot be read, holds no muscle activity, nothing says where it was at rest, or
        no channel tells anything.
    Cancelled
        When `cancelled` said so.
    MissingExtra
        When the optional part [signals] is not installed.
    """
    from atlasplane.chain.spasms import analyse_file

    return analyse_file(Path(recording), request, progress=progress, cancelled=cancelled)


def check_spasm_outputs(recording: Path, *, annotations: Path | None, report: Path | None) -> None:
    """Refuse what `write_spasm_annotations` and `write_spasm_report` would, before the recording is analysed.

    Raises
    ------
    BadInput
        When annotations are wanted and the recording is no EDF.
    OutputFailed
        When a file cannot lie where it is wanted, or the report is not named .html.
    """
    if annotations is not None:
        from atlasplane.io.atomic import check_place
        from atlasplane.io.recording_edf_copy import check_edf

        check_edf(recording)
        check_place(annotations)
    if report is not None:
        from atlasplane.report.spasm_page import check_page_path

        check_page_path(report)


def write_spasm_annotations(analysed: AnalysedRecording, recording: Path, out: Path) -> Path:
    """Write the recording with its events as EDF+ annotations; returns its path.

    Raises
    ------
    BadInput
        When the recording is no EDF.
    OutputFailed
        When the file cannot be written; what was there before is untouched.
    """
    from atlasplane.chain.spasms_annotations import event_annotations
    from atlasplane.io.recording_edf_copy import write_annotations

    write_annotations(recording, out, event_annotations(analysed.analysis))
    return out


def write_spasm_report(analysed: AnalysedRecording, out: Path) -> Path:
    """Write pictures and tables of a recording as one self-contained page; returns its path.

    Raises
    ------
    OutputFailed
        When the file cannot be written; what was there before is untouched.
    """
    from atlasplane.report.spasm_page import write_spasm_page

    write_spasm_page(analysed, out)
    return out
