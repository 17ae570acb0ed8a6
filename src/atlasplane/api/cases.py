"""A case folder, and what can be asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlasplane.api.rows import COLUMNS, observation_row
from atlasplane.chain.case_check import CheckedCase, check_case
from atlasplane.chain.comparison import Comparison, compare_visits
from atlasplane.chain.measured import MeasuredCase, PlanSettings, Progress, measure_case
from atlasplane.core.change import LEVEL
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding
from atlasplane.io.case_check_read import read_case_to_check
from atlasplane.io.case_folder import read_case
from atlasplane.sources.case import Case

if TYPE_CHECKING:
    import pandas as pd


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
                    **observation_row(observed),
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


def comparison_findings(case: Case, comparison: Comparison) -> tuple[Finding, ...]:
    """Findings that a person should know before reading a comparison: of the folder and of its two visits."""
    visits = (comparison.pre, comparison.post)
    return (*case.findings, *(found for visit in visits for found in visit.alignment.findings))
