"""Exam, responses, laboratory results, care and diary: read and checked, kept as plain data."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from atlasplane.core.errors import BadInput
from atlasplane.io.faults import Model, nearest, validated
from atlasplane.io.models_records import (
    EXAM_SCHEMA,
    LABS_SCHEMA,
    RESPONSES_SCHEMA,
    ExamFile,
    LabsFile,
    ResponsesFile,
)
from atlasplane.io.text_file import checked_schema, read_json, read_text, read_toml

FHIR_RESPONSES = ("QuestionnaireResponse", "Bundle")
FHIR_LABS = ("Observation", "Bundle")


def read_exam(path: Path, *, name: str) -> Mapping[str, object]:
    """The tables of exam.toml that hold something, as written; raises BadInput."""
    table = validated(ExamFile, checked_schema(read_toml(path, name=name), EXAM_SCHEMA, name=name), name=name)
    tables = table.model_dump(exclude={"schema_", "x"}, exclude_none=True)
    return {part: own for part, own in tables.items() if own}


def read_responses(path: Path, *, name: str) -> ResponsesFile | Mapping[str, object]:
    """Answers to a questionnaire, or the FHIR resource as it is; raises BadInput."""
    return _own_or_fhir(path, ResponsesFile, RESPONSES_SCHEMA, FHIR_RESPONSES, name)


def read_labs(path: Path, *, name: str) -> LabsFile | Mapping[str, object]:
    """Laboratory results, or the FHIR resource as it is; raises BadInput."""
    return _own_or_fhir(path, LabsFile, LABS_SCHEMA, FHIR_LABS, name)


def read_rows(path: Path, columns: Sequence[str], *, name: str) -> tuple[Mapping[str, str], ...]:
    """Rows of a CSV file with known columns; a column may be left out, none may be unknown.

    Raises
    ------
    BadInput
        When a column is unknown or doubled, the first is missing, or a row has too many cells.
    """
    reader = csv.DictReader(io.StringIO(read_text(path, name=name)), restkey="", strict=True)
    try:
        found = list(reader.fieldnames or ())
        _check_columns(found, columns, name)
        rows = tuple(reader)
    except csv.Error as fault:
        raise BadInput(
            name, f"is not valid CSV: {fault} (line {reader.line_num})", "Correct that line"
        ) from fault
    long = next((n for n, row in enumerate(rows, start=2) if "" in row), None)
    if long is not None:
        raise BadInput(name, f"row {long} has more cells than the header", "Put text with commas in quotes")
    return rows


def _own_or_fhir(
    path: Path, model: type[Model], schema: str, resources: Sequence[str], name: str
) -> Model | Mapping[str, object]:
    content = read_json(path, name=name)
    if isinstance(content, dict) and "resourceType" in content:
        if content["resourceType"] not in resources:
            what = f"is a FHIR {content['resourceType']}, expected {' or '.join(resources)}"
            raise BadInput(name, what, "Export that resource")
        return content
    return validated(model, checked_schema(content, schema, name=name), name=name)


def _check_columns(found: Sequence[str], columns: Sequence[str], name: str) -> None:
    expected = ",".join(columns)
    if columns[0] not in found:
        raise BadInput(name, f"has no column '{columns[0]}'", f"Start with the line {expected}")
    for column in found:
        if column not in columns:
            close = nearest(column, columns)
            remedy = f"Did you mean '{close}'?" if close else f"The columns are {expected}"
            raise BadInput(name, f"unknown column '{column}'", remedy)
        if found.count(column) > 1:
            raise BadInput(name, f"column '{column}' is given twice", "Keep one of them")
