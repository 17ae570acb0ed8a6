"""A CT or CBCT of a case: bones out of it, and its place on the films of a visit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from atlasplane.core.finding import Finding
from atlasplane.io.case_folder import read_case

if TYPE_CHECKING:
    from atlasplane.chain.registered import RegisteredVisit
    from atlasplane.io.segmentation_record import StoredSegmentation


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
