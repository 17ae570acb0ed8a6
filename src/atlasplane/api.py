"""The verbs: what the command line calls and what a Python user calls.

    case = atlasplane.load("case")
    measured = case.measure()
    comparison = case.compare()
    paths = case.report(pdf=True)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atlasplane.chain.comparison import Comparison, compare_visits
from atlasplane.chain.measured import MeasuredCase, PlanSettings, measure_case
from atlasplane.core.change import LEVEL
from atlasplane.core.errors import BadInput, NoScale
from atlasplane.core.observation import Category, Measurement, Observation
from atlasplane.core.quantity import quantities
from atlasplane.io.case_folder import read_case
from atlasplane.sources.case import Case

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, eq=False)
class LoadedCase:
    """A case with its verbs.

    Attributes
    ----------
    case : Case
        What the folder holds.
    """

    case: Case

    def measure(self, settings: PlanSettings | None = None) -> MeasuredCase:
        """Every quantity of every visit, with listing, gates and vector.

        Parameters
        ----------
        settings : PlanSettings, optional
            How heights and vectors are worked out; default what case.toml says.
        """
        return measure_case(self.case, settings)

    def compare(self, *, pre: str | None = None, post: str | None = None, level: float = LEVEL) -> Comparison:
        """Changes between two visits; default pre and post of one day, else first baseline against last visit."""
        return compare_visits(self.measure(), pre=pre, post=post, level=level)

    def report(self, *, pdf: bool = True, folder: Path | None = None) -> list[Path]:
        """Write report.html (and report.pdf) into the case folder, or another one; returns their paths."""
        from atlasplane.report.write import write_report

        measured = self.measure()
        comparison = compare_visits(measured) if len(measured.visits) > 1 else None
        return write_report(measured, comparison, folder or self.case.folder, pdf=pdf)

    def to_frame(self) -> pd.DataFrame:
        """One row an observation, with pandas (any version that the user has).

        Columns: case, visit, time, phase, moment, quantity, site, condition, kind, value, u, unit.
        """
        try:
            import pandas as pd
        except ImportError as missing:
            raise BadInput("to_frame", "needs pandas", "Install it: pip install pandas, or use .rows().") from missing
        return pd.DataFrame(list(self.rows()))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of `to_frame` as plain dictionaries."""
        for visit in self.measure().visits:
            for observed in visit.joint.observations:
                yield {
                    "case": self.case.id,
                    "visit": visit.visit.id,
                    "time": visit.visit.time,
                    "phase": visit.visit.phase.value,
                    "moment": visit.visit.moment.value,
                    **_row(observed),
                }


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
            raise BadInput("--quantity", f"'{id_}' is no quantity", "See the reference, or 'atlasplane measure' without it.")
        if any(o.quantity.id == id_ for v in measured.visits for o in v.joint.observations):
            continue
        entry = quantities()[id_]
        bare = [
            film.file
            for visit in measured.case.visits
            for film in visit.films
            if film.view.value == entry.view and film.calibration.mm_per_px is None
        ]
        if entry.is_length and bare:
            raise NoScale(
                bare[0], f"{id_} is a length and the film has no scale", "State its calibration in visit.toml (kind, mm_per_px)."
            )
        raise BadInput(str(measured.case.folder), f"{id_} is not measured in any visit", "Mark its landmarks on the film.")
    return wanted


def _row(observed: Observation) -> dict[str, Any]:
    site = observed.site
    row = {
        "quantity": observed.quantity.id,
        "site": None if site is None else site.side,
        "condition": observed.condition,
        "kind": observed.quantity.kind,
        "value": None,
        "u": None,
        "unit": observed.quantity.unit,
    }
    if isinstance(observed, Measurement):
        row |= {"value": observed.value, "u": observed.u}
    elif isinstance(observed, Category):
        row |= {"value": observed.value}
    return row
