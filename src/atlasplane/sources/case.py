"""A case is one person; a visit is one dated encounter with its films, photographs, recordings and exam."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

from atlasplane.core.finding import Finding
from atlasplane.sources.answers import Answers
from atlasplane.sources.film import Radiograph
from atlasplane.sources.observer import ObserverPlacing
from atlasplane.sources.photograph import Photograph
from atlasplane.sources.visit_recording import VisitRecording
from atlasplane.sources.volume import Volume


class Phase(Enum):
    """Stretch of the course that a visit belongs to."""

    BASELINE = "baseline"
    CARE = "care"
    FOLLOW_UP = "follow-up"


class Moment(Enum):
    """Before or after a correction of the same day, or neither."""

    SINGLE = "single"
    PRE = "pre"
    POST = "post"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredHeight:
    """A height that the clinician entered, inches, + = notch high; `u_in` None where no error was stated."""

    height_in: float
    u_in: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChoice:
    """What case.toml says of the correction vector.

    Attributes
    ----------
    height : "manual", "table" or "two-arc"
    height_table : mapping component -> ((value, inches), ...)
        The user's own chart, for "table".
    types : tuple of mapping
        The user's own type table.
    lever_in, rotation_share : float or None
    """

    height: str = "manual"
    height_table: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    types: tuple[Mapping[str, str], ...] = ()
    lever_in: float | None = None
    rotation_share: float | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Visit:
    """One dated encounter.

    Attributes
    ----------
    id : str
    time : datetime with offset
    phase : Phase
    moment : Moment
    observer : str or None
    folder : str
        Name of its folder inside the case.
    films : tuple of Radiograph
    photos : tuple of Photograph
    recordings : tuple of VisitRecording
    responses : tuple of Answers
    exam : mapping
        Tables of exam.toml as written, empty without one.
    entered_height : EnteredHeight or None
    """

    id: str
    time: datetime
    phase: Phase
    moment: Moment
    folder: str
    observer: str | None = None
    films: tuple[Radiograph, ...] = ()
    photos: tuple[Photograph, ...] = ()
    recordings: tuple[VisitRecording, ...] = ()
    responses: tuple[Answers, ...] = ()
    exam: Mapping[str, object] = field(default_factory=dict)
    entered_height: EnteredHeight | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Case:
    """One person, under a pseudonym, with visits in time order.

    Attributes
    ----------
    id, pseudonym : str
    folder : Path
    simulated : bool
    birth_year : int or None
    sex : str
    consents : mapping name -> bool
    visits : tuple of Visit
    volumes : tuple of Volume
    observers : mapping observer -> ObserverPlacing
        Placing errors of observers who repeated enough readings; they replace the catalogue's defaults.
    plan : PlanChoice
    diary : tuple of mapping column -> text
        Rows of diary.csv as written.
    findings : tuple of Finding
        What reading the folder brought up (marker, digest, other patient's data, ...).
    """

    id: str
    pseudonym: str
    folder: Path
    simulated: bool = False
    birth_year: int | None = None
    sex: str = "unknown"
    consents: Mapping[str, bool] = field(default_factory=dict)
    visits: tuple[Visit, ...] = ()
    volumes: tuple[Volume, ...] = ()
    observers: Mapping[str, ObserverPlacing] = field(default_factory=dict)
    plan: PlanChoice = PlanChoice()
    diary: tuple[Mapping[str, str], ...] = ()
    findings: tuple[Finding, ...] = ()

    def visit(self, id_: str) -> Visit | None:
        """The visit with this id, or None."""
        return next((v for v in self.visits if v.id == id_), None)
