"""The user's own tables of the technique: height chart and type table. None ships with the program."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path

from atlasplane.core.errors import BadFile, BadInput
from atlasplane.core.quantity import quantities
from atlasplane.io.faults import nearest
from atlasplane.io.models import PlanTable
from atlasplane.io.text_file import read_text
from atlasplane.sources.case import PlanChoice

HEIGHT_COLUMNS = ("component", "value", "inches")
TYPE_COLUMNS = ("name", "upper", "lower", "plane", "neck")
SIGNS = ("right", "left", "zero", "")
SITES = ("", "right", "left")

Heights = dict[str, tuple[tuple[float, float], ...]]


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
        what = "plan.height is 'table' and plan.height_table is missing"
        raise BadInput("case.toml", what, "Name your own chart (CSV)")
    return PlanChoice(
        height=table.height,
        height_table={} if table.height_table is None else read_height_table(root / table.height_table),
        types=() if table.types_table is None else read_type_table(root / table.types_table),
        lever_in=table.lever_in,
        rotation_share=table.rotation_share,
    )


def read_height_table(path: Path) -> Heights:
    """A height chart: CSV with the columns component (a quantity), value (its unit), inches.

    Raises
    ------
    BadInput
        Naming the file and the line; also where one value has two heights.
    """
    rows: dict[str, dict[float, float]] = {}
    for line, row in _rows(path, HEIGHT_COLUMNS):
        chart = rows.setdefault(_component(row["component"], path, line), {})
        value, inches = (_number(row[key], path, line) for key in ("value", "inches"))
        if value in chart:
            what = f"line {line}: {row['component']} = {value:g} stands in the chart twice"
            raise BadFile(path.name, what, "Keep one of the two lines")
        chart[value] = inches
    if not rows:
        raise BadFile(path.name, "holds no line below its header", "Write your chart into it")
    return {component: tuple(sorted(chart.items())) for component, chart in rows.items()}


def read_type_table(path: Path) -> tuple[dict[str, str], ...]:
    """A type table: CSV with the columns name, upper, lower, plane, neck (a sign, or empty for any).

    Raises
    ------
    BadInput
        Naming the file and the line.
    """
    types = []
    for line, row in _rows(path, TYPE_COLUMNS):
        if not row["name"]:
            raise BadFile(path.name, f"line {line} names no type", "Write the type's name in its first cell")
        wrong = next((key for key in TYPE_COLUMNS[1:] if row[key] not in SIGNS), None)
        if wrong is not None:
            what = f"line {line}: {wrong} = '{row[wrong]}'"
            raise BadFile(path.name, what, "Use right, left, zero, or nothing for any")
        types.append({key: value for key, value in row.items() if value})
    return tuple(types)


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Rows with the number of their line; every row has every column. Raises BadInput."""
    reader = csv.DictReader(io.StringIO(read_text(path, name=path.name)), strict=True)
    rows = []
    try:
        found = tuple(name.strip() for name in reader.fieldnames or ())
        if found != columns:
            what = f"has the columns {', '.join(found)}" if found else "is empty"
            raise BadFile(path.name, what, f"Let its first line be {','.join(columns)}")
        reader.fieldnames = list(columns)
        for row in reader:
            if None in row or None in row.values():
                what = f"line {reader.line_num} has not {len(columns)} cells"
                raise BadFile(path.name, what, f"Fill {', '.join(columns)}; decimals with a point")
            rows.append((reader.line_num, {key: value.strip() for key, value in row.items()}))
    except csv.Error as fault:
        what = f"is not valid CSV: {fault} (line {reader.line_num})"
        raise BadFile(path.name, what, "Correct that line") from fault
    return rows


def _component(text: str, path: Path, line: int) -> str:
    id_, _, side = text.partition("/")
    if id_ not in quantities():
        close = nearest(id_, quantities())
        remedy = f"Did you mean '{close}'?" if close else "Use ids such as atlas_plane_tilt"
        raise BadFile(path.name, f"line {line}: '{id_}' is no quantity", remedy)
    if side not in SITES:
        raise BadFile(path.name, f"line {line}: '{side}' is no side", f"Write {id_}/right or {id_}/left")
    return text


def _number(text: str, path: Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadFile(path.name, f"line {line}: '{text}' is no number", "Write decimals with a point")
    return value
