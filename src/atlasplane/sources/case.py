"""A case is one person; a visit is one dated encounter with its films."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path

from atlasplane.core.finding import Finding
from atlasplane.sources.film import Radiograph
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
    exam : mapping
        Tables of exam.toml as written, empty without one.
    """

    id: str
    time: datetime
    phase: Phase
    moment: Moment
    folder: str
    observer: str | None = None
    films: tuple[Radiograph, ...] = ()
    exam: Mapping[str, object] = field(default_factory=dict)


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
    findings: tuple[Finding, ...] = ()

    def visit(self, id_: str) -> Visit | None:
        """The visit with this id, or None."""
        return next((v for v in self.visits if v.id == id_), None)
