"""The verbs: what the command line calls and what a Python user calls.

case = atlasplane.load("case")
measured = case.measure()
comparison = case.compare()
paths = case.report(pdf=True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from atlasplane.chain.case_check import CheckedCase, check_case
from atlasplane.chain.comparison import Comparison, compare_visits
from atlasplane.chain.measured import MeasuredCase, PlanSettings, Progress, measure_case
from atlasplane.core.change import LEVEL
from atlasplane.core.errors import BadInput, NoScale
from atlasplane.core.finding import Finding
from atlasplane.core.observation import Category, Count, Grade, Measurement, Observation
from atlasplane.core.quantity import quantities
from atlasplane.io.case_check_read import read_case_to_check
from atlasplane.io.case_folder import read_case
from atlasplane.sources.case import Case
from atlasplane.sources.film import View

if TYPE_CHECKING:
    import pandas as pd

    from atlasplane.chain.registered import RegisteredVisit
    from atlasplane.chain.spasms import AnalysedRecording, SpasmRequest
    from atlasplane.io.segmentation_record import StoredSegmentation

COLUMNS = (
    *("case", "visit", "time", "phase", "moment", "quantity", "site", "condition", "kind"),
    *("value", "u", "n", "exposure", "level", "unit"),
)
"""Columns of `to_frame`."""


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """A case with its verbs.

    Attributes
    ----------
    case : Case
        What the folder holds.
    """

    case: Case
    _kept: dict[str, MeasuredCase] = field(default_factory=dict, init=False, repr=False)

    def measure(
        self, settings: PlanSettings | None = None, *, progress: Progress | None = None
    ) -> MeasuredCase:
        """Every quantity of every visit, with listing, gates and vector.

        Parameters
        ----------
        settings : PlanSettings, optional
            How heights and vectors are worked out; default what case.toml says.
        progress : callable, optional
            Told how far the reading of a recording is, 0 to 1, and of which channel.

        Raises
        ------
        BadInput
            When marks cannot be used or contradict what is stored of the film.
        """
        if settings is not None:
            return measure_case(self.case, settings, progress=progress)
        if "measured" not in self._kept:  # a frozen case gives the same numbers every time
            self._kept["measured"] = measure_case(self.case, progress=progress)
        return self._kept["measured"]

    def check(self) -> CheckedCase:
        """Everything that can be known before the numbers are trusted; raises BadInput for unreadable films.

        A folder whose files contradict each other does not load: `atlasplane.api.check` says why.
        """
        return check_case(self.case, now=datetime.now(UTC))

    def compare(self, *, pre: str | None = None, post: str | None = None, level: float = LEVEL) -> Comparison:
        """Changes between two visits.

        Parameters
        ----------
        pre, post : str, optional
            Visit ids; default pre and post of one day, else first baseline against last visit.
        level : float
            Confidence level of the minimal detectable change.

        Raises
        ------
        BadInput
            When there are not two visits, or no visit has that id.
        """
        return compare_visits(self.measure(), pre=pre, post=post, level=level)

    def report(self, *, pdf: bool = True, folder: Path | str | None = None) -> list[Path]:
        """Write report.html (and report.pdf) into the case folder, or another one; returns their paths.

        Raises
        ------
        OutputFailed
            When a file cannot be written; what was there before is untouched.
        """
        from atlasplane.report.write import write_report

        measured = self.measure()
        comparison = compare_visits(measured) if len(measured.visits) > 1 else None
        return write_report(measured, comparison, Path(folder or self.case.folder), pdf=pdf)

    def to_frame(self) -> pd.DataFrame:
        """One row an observation, with pandas (any version that the user has); columns are `COLUMNS`.

        Raises
        ------
        BadInput
            When pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as missing:
            remedy = "Install it (pip install pandas), or use rows()"
            raise BadInput("to_frame", "needs pandas, which is not installed", remedy) from missing
        return pd.DataFrame(list(self.rows()), columns=list(COLUMNS))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of `to_frame` as plain dictionaries; what a kind does not have is None."""
        for visit in self.measure().visits:
            for observed in visit.joint.observations:
                own = {
                    "case": self.case.id,
                    "visit": visit.visit.id,
                    "time": visit.visit.time,
                    "phase": visit.visit.phase.value,
                    "moment": visit.visit.moment.value,
                    **_row(observed),
                }
                yield dict.fromkeys(COLUMNS) | own


def load(folder: Path | str) -> LoadedCase:
    """Read a case folder.

    Parameters
    ----------
    folder : path
        A folder with case.toml.

    Raises
    ------
    BadInput
        Naming file, fault and remedy.
    """
    return LoadedCase(read_case(folder))


def check(folder: Path | str) -> CheckedCase:
    """Check a case folder, also one that no other verb takes because its files contradict each other.

    Raises
    ------
    BadInput
        When a file cannot be read at all.
    """
    return LoadedCase(read_case_to_check(Path(folder))).check()


@dataclass(frozen=True, kw_only=True, eq=False)
class SegmentedVolume:
    """A segmentation as it stands in the case folder.

    Attributes
    ----------
    stored : StoredSegmentation
        Its record, and where its masks and meshes lie.
    seconds : float
        How long it took.
    """

    stored: StoredSegmentation
    seconds: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the shape check found."""
        return self.stored.findings

    @property
    def needs_a_person(self) -> bool:
        """Whether the shape check objects, and nobody has accepted it all the same."""
        return bool(self.stored.stops) and self.stored.record.status == "proposed"


def segment(
    folder: Path | str,
    *,
    volume: str | None = None,
    seeds: Path | None = None,
    tool: str = "atlasplane",
    accept: str | None = None,
) -> SegmentedVolume:
    """Masks and meshes of skull, C1 and C2 of a volume: a proposal until a person accepts it.

    Parameters
    ----------
    volume : str, optional
        Which, as case.toml names it; needed where there are several.
    seeds : path, optional
        A seeds file, or the record of an earlier segmentation: points inside the bones, LPS mm.
    tool : str
        ``atlasplane``, or an installed program of others: ``totalsegmentator``, ``spineps``.
    accept : str, optional
        Who accepts: the proposal that waits, where neither seeds nor another tool are given, else the new one
        unless its shape check stops.

    Raises
    ------
    BadInput
        When volume, seeds or program cannot be used, or the waiting proposal's shape check stops.
    MissingExtra
        When the optional part [ct] is not installed.
    OutputFailed
        When it cannot be written; the case is as before.
    """
    from atlasplane.chain.segmented import OWN, propose, volume_of
    from atlasplane.io.segmentation_file import accept_segmentation, waiting_proposal
    from atlasplane.io.segmentation_record import read_seeds

    root, start = Path(folder), perf_counter()
    named = volume_of(read_case(root), volume).file
    stored = None
    if accept is not None and seeds is None and tool == OWN:
        stored = waiting_proposal(root, named)
    if stored is None:
        points = None if seeds is None else read_seeds(seeds, name=seeds.name)
        proposal = propose(root, volume=named, seeds=points, tool=tool)
        stored = proposal.stored
        if accept is None or proposal.stops:
            return SegmentedVolume(stored=stored, seconds=perf_counter() - start)
    accepted = accept_segmentation(root, named, observer=str(accept))
    return SegmentedVolume(stored=accepted, seconds=perf_counter() - start)


def register(
    folder: Path | str,
    *,
    visit: str | None = None,
    rig: Literal["fixed", "free"] | None = None,
    start: str | Path = "landmarks",
    progress: Callable[[float, str], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> RegisteredVisit:
    """Register the CT or CBCT of a case to the films of a visit, and keep the result in the visit's folder.

    Written are ``registration.json`` and the overlays in ``registration/``; `measure` reads them from then
    on. A refused or doubtful result is kept too, and gives no measurement.

    Parameters
    ----------
    visit : str, optional
        Its id; default the last with two films that can be registered.
    rig : "fixed" or "free", optional
        Whether the films share one room and the head kept still between them; default fixed where all films
        name one rig and state full cameras.
    start : "landmarks", or path
        Where C1 and C2 begin: as the marks on the films place them, or where an earlier registration of this
        case (a ``registration.json``) found them.
    progress : callable, optional
        Told the share that is done, 0 to 1, and what is being done.
    cancelled : callable, optional
        Asked now and then; where it says so nothing is written.

    Raises
    ------
    BadInput
        When scan, masks, films, marks or the earlier registration cannot be used.
    Cancelled
        When `cancelled` said so.
    MissingExtra
        When the optional part [ct] is not installed.
    OutputFailed
        When the result cannot be written; what was there before is untouched.
    """
    from atlasplane.chain.registered import register_visit
    from atlasplane.chain.registered_overlays import with_pictures

    done = register_visit(
        read_case(folder), visit=visit, rig=rig, start=start, progress=progress, cancelled=cancelled
    )
    done = with_pictures(done)
    done.store()
    return done


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
        When the recording cannot be read, holds no muscle activity, or nothing says where it was at rest.
    Cancelled
        When `cancelled` said so.
    MissingExtra
        When the optional part [signals] is not installed.
    """
    from atlasplane.chain.spasms import analyse_file

    return analyse_file(Path(recording), request, progress=progress, cancelled=cancelled)


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


def comparison_findings(case: Case, comparison: Comparison) -> tuple[Finding, ...]:
    """Findings that a person should know before reading a comparison: of the folder and of its two visits."""
    visits = (comparison.pre, comparison.post)
    return (*case.findings, *(found for visit in visits for found in visit.alignment.findings))


def only_quantities(measured: MeasuredCase, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Check that quantities asked by name are known and measured in some visit.

    Raises
    ------
    BadInput
        When an id is unknown, or no visit has it.
    NoScale
        When it is a length and the film that it is read from has no scale.
    """
    for id_ in wanted:
        if id_ not in quantities():
            close = get_close_matches(id_, quantities(), n=1, cutoff=0.75)
            remedy = f"Did you mean '{close[0]}'?" if close else "Measure without --quantity to see them all"
            raise BadInput("--quantity", f"'{id_}' is no quantity", remedy)
        if not any(o.quantity.id == id_ for v in measured.visits for o in v.joint.observations):
            raise _not_measured(measured, id_)
    return wanted


def _not_measured(measured: MeasuredCase, id_: str) -> BadInput:
    """Why a known quantity is in no visit, and what to do."""
    entry = quantities()[id_]
    images = [image for visit in measured.case.visits for image in (*visit.films, *visit.photos)]
    films = [image for image in images if image.view.value in entry.views]
    if not films and entry.view is not None:
        kind, remedy = "film", f"Add one: atlasplane add CASE FILM --view {entry.view}"
        if View(entry.view).is_photo:
            kind, remedy = "photograph", "Name one as [[photo]] in visit.toml"
        what = f"{id_} is read from a {entry.view} {kind} and the case has none"
        return BadInput(str(measured.case.folder), what, remedy)
    bare = next((film.file for film in films if film.calibration.mm_per_px is None), None)
    if bare is not None and quantities()[id_].is_length:
        remedy = "State its calibration in visit.toml (kind, mm_per_px)"
        return NoScale(bare, f"{id_} is a length and the film has no scale", remedy)
    marked = ", ".join(quantities()[id_].landmarks)
    remedy = f"Mark its landmarks: {marked}" if marked else "The findings of 'atlasplane measure' say why"
    return BadInput(str(measured.case.folder), f"{id_} is not measured in any visit", remedy)


def _row(observed: Observation) -> dict[str, Any]:
    site = observed.site
    row: dict[str, Any] = {
        "quantity": observed.quantity.id,
        "site": None if site is None else "/".join(part for part in (site.level, site.side) if part),
        "condition": observed.condition,
        "kind": observed.quantity.kind,
        "unit": observed.quantity.unit,
    }
    match observed:
        case Measurement():
            row |= {"value": observed.value, "u": observed.u}
        case Count():
            row |= {"value": observed.rate, "n": observed.n, "exposure": observed.exposure}
        case Grade():
            row |= {"level": observed.level}
        case Category():
            row |= {"value": observed.value}
    return row
