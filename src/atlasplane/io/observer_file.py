"""`observers.toml`: an observer's own placing errors, read by the next run in place of the defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atlasplane.anatomy.landmarks import landmarks
from atlasplane.core.errors import BadInput
from atlasplane.core.finding import Finding, Severity
from atlasplane.io.atomic import write_text
from atlasplane.io.digest import sha256_of
from atlasplane.io.faults import nearest, validated
from atlasplane.io.models_observers import OBSERVERS_SCHEMA, ObserversFile, ObserverTable
from atlasplane.io.text_file import checked_schema, read_toml
from atlasplane.io.toml_text import table_lines
from atlasplane.sources.observer import ObserverPlacing, observer_needs

OBSERVERS_FILE = "observers.toml"

_HEAD = (
    "# Placing errors of each observer, estimated from repeat readings of the films below.",
    "# Beside case.toml, or one folder above, it replaces the catalogue's default placing errors.",
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ObserversRead:
    """Observers whose own repeats may be used, by name, and what reading the file brought up."""

    placings: Mapping[str, ObserverPlacing]
    findings: tuple[Finding, ...] = ()


def find_observers(case_folder: Path) -> ObserversRead:
    """Observers of observers.toml in a case's folder, else in the folder above; empty without one.

    Raises
    ------
    BadInput
        When the file is there and cannot be used.
    """
    for folder, name in (
        (case_folder, OBSERVERS_FILE),
        (case_folder.resolve().parent, f"../{OBSERVERS_FILE}"),
    ):
        if (folder / OBSERVERS_FILE).is_file():
            return read_observers(folder / OBSERVERS_FILE, name=name)
    return ObserversRead(placings={})


def read_observers(path: Path, *, name: str | None = None) -> ObserversRead:
    """Observers of a data file; who has too few repeats is left out, with a finding.

    Parameters
    ----------
    name : str, optional
        How messages and the provenance call the file.

    Raises
    ------
    BadInput
        When it cannot be read, names an unknown landmark, or an observer twice.
    """
    name = name or path.name
    digest = sha256_of(path, name=name)
    table = read_observers_table(path, name=name)
    _check(table, name)
    placings, findings = {}, []
    for each in table.observer:
        placing = _placing(each, name, digest)
        if placing is None:
            findings.append(_too_few(each, name))
        else:
            placings[each.name] = placing
    return ObserversRead(placings=placings, findings=tuple(findings))


def read_observers_table(path: Path, *, name: str) -> ObserversFile:
    """The file as tables, whatever is used of it; raises BadInput."""
    content = checked_schema(read_toml(path, name=name), OBSERVERS_SCHEMA, name=name)
    return validated(ObserversFile, content, name=name)


def write_observers(path: Path, table: ObserversFile) -> None:
    """Write the data file, sorted and at full precision; the same study gives the same bytes.

    Raises
    ------
    OutputFailed
        When it cannot be written; what was there before is untouched.
    """
    write_text(path, observers_text(table))


def observers_text(table: ObserversFile) -> str:
    """The data file as text."""
    head = {"schema": OBSERVERS_SCHEMA, "software": table.software}
    blocks = [[*_HEAD, *table_lines(head)]]
    for each in sorted(table.observer, key=lambda o: o.name):
        own = each.model_dump(exclude={"landmark", "quantity", "x"})
        blocks.append(["[[observer]]", *table_lines(own)])
        for key in ("landmark", "quantity"):
            rows = each.model_dump(include={key}, exclude_none=True)[key]
            blocks.append([f"[observer.{key}]", *table_lines(dict(sorted(rows.items())))])
    dumped = table.model_dump(exclude_none=True)
    order = ("first", "second", "kind", "id", "axis")
    bias = sorted(dumped["bias"], key=lambda row: tuple(str(row.get(key, "")) for key in order))
    blocks += _tables("bias", bias)
    blocks += _tables("source", sorted(dumped["source"], key=lambda row: (row["case"], row["film"])))
    return "\n".join("\n".join(block) + "\n" for block in blocks)


def _tables(key: str, rows: Iterable[Mapping[str, object]]) -> list[list[str]]:
    return [[f"[[{key}]]", *table_lines(row)] for row in rows]


def _check(table: ObserversFile, name: str) -> None:
    names = [each.name for each in table.observer]
    twice = next((each for each in names if names.count(each) > 1), None)
    if twice is not None:
        raise BadInput(name, f"gives observer '{twice}' twice", "Keep one of them")
    known = {entry.id for entry in landmarks().values()}
    for each in table.observer:
        strange = next((id_ for id_ in each.landmark if id_ not in known), None)
        if strange is not None:
            close = nearest(strange, known)
            remedy = f"Did you mean '{close}'?" if close else "Use the ids of the landmark catalogue, no side"
            raise BadInput(name, f"observer '{each.name}': unknown landmark '{strange}'", remedy)


def _placing(table: ObserverTable, name: str, digest: str) -> ObserverPlacing | None:
    """What may be used of an observer; a file edited by hand cannot get round the number of cases."""
    needs = observer_needs()
    if not table.used or table.cases < needs["cases"]:
        return None
    kept = {id_: row for id_, row in table.landmark.items() if row.used and row.films >= needs["films"]}
    return ObserverPlacing(
        observer=table.name,
        cov_mm2={id_: np.array(row.cov_mm2, dtype=float) for id_, row in kept.items()},
        dof={id_: row.dof for id_, row in kept.items()},
        n_cases=table.cases,
        file=name,
        sha256=digest,
    )


def _too_few(table: ObserverTable, name: str) -> Finding:
    needed = observer_needs()["cases"]
    switched = "" if table.cases < needed else " (used = false in the file)"
    return Finding(
        code="observer.not_used",
        severity=Severity.INFO,
        file=name,
        value=float(table.cases),
        limit=needed,
        text=f"Repeats of observer {table.name} are not used{switched}: {table.cases} cases read twice, "
        f"{needed:g} needed (proposed); the catalogue's placing errors stand.",
        source="sources/data/observers.toml",
    )
