"""The user's own tables of the technique: height chart and type table. None ships with the program."""

from __future__ import annotations

import csv
import math
from pathlib import Path

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.core.quantity import quantities
from atlasplane.io.models import PlanTable
from atlasplane.io.text_file import read_text
from atlasplane.sources.case import PlanChoice

HEIGHT_COLUMNS = ("component", "value", "inches")
TYPE_COLUMNS = ("name", "upper", "lower", "plane", "neck")
SIGNS = ("right", "left", "zero", "")


def plan_choice(root: Path, table: PlanTable | None) -> PlanChoice:
    """The plan table of case.toml with the files that it names.

    Raises
    ------
    BadInput
        When a chart is missing, or a cell of it cannot be used.
    """
    if table is None:
        return PlanChoice()
    if table.height == "table" and table.height_table is None:
        raise BadInput("case.toml", "plan.height is 'table' and plan.height_table is missing", "Name your own chart (CSV).")
    return PlanChoice(
        height=table.height,
        height_table={} if table.height_table is None else read_height_table(root / table.height_table),
        types=() if table.types_table is None else read_type_table(root / table.types_table),
        lever_in=table.lever_in,
        rotation_share=table.rotation_share,
    )


def read_height_table(path: Path) -> dict[str, tuple[tuple[float, float], ...]]:
    """A height chart: CSV with the columns component (a quantity), value (its unit), inches."""
    rows: dict[str, list[tuple[float, float]]] = {}
    for number, row in _rows(path, HEIGHT_COLUMNS):
        component = row["component"]
        if component.split("/")[0] not in quantities():
            raise BadFile(path.name, f"line {number}: '{component}' is no quantity", "Use ids such as atlas_plane_tilt.")
        rows.setdefault(component, []).append((_number(row["value"], path, number), _number(row["inches"], path, number)))
    return {component: tuple(sorted(pairs)) for component, pairs in rows.items()}


def read_type_table(path: Path) -> tuple[dict[str, str], ...]:
    """A type table: CSV with the columns name, upper, lower, plane, neck (right, left, zero or empty for any)."""
    types = []
    for number, row in _rows(path, TYPE_COLUMNS):
        wrong = next((key for key in TYPE_COLUMNS[1:] if row[key] not in SIGNS), None)
        if wrong is not None:
            raise BadFile(path.name, f"line {number}: {wrong} = '{row[wrong]}'", "Use right, left, zero or nothing.")
        types.append({key: value for key, value in row.items() if value})
    return tuple(types)


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(read_text(path, name=path.name).splitlines())
    if tuple(reader.fieldnames or ()) != columns:
        raise BadFile(path.name, f"has the columns {', '.join(reader.fieldnames or ())}", f"Write {', '.join(columns)}.")
    rows = []
    for number, row in enumerate(reader, start=2):
        if None in row or None in row.values():
            raise BadFile(path.name, f"line {number} has not {len(columns)} cells", f"Write {', '.join(columns)}.")
        rows.append((number, {key: value.strip() for key, value in row.items()}))
    return rows


def _number(text: str, path: Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadFile(path.name, f"line {line}: '{text}' is no number", "Write decimals with a point.")
    return value
