"""Exam, responses, laboratory results, care and diary: what is written down beside films and recordings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from atlasplane.io.strict import Instant, Number, Strict, Text

EXAM_SCHEMA = "atlasplane.exam/1"
RESPONSES_SCHEMA = "atlasplane.responses/1"
LABS_SCHEMA = "atlasplane.labs/1"

CARE_COLUMNS = (
    "time",
    "visit",
    "technique",
    "kind",
    "side",
    "height_in",
    "rotation_in",
    "provider",
    "adverse",
)
DIARY_COLUMNS = (
    "date",
    "spasms",
    "minutes",
    "nrs",
    "sleep_h",
    "medication",
    "hydration_l",
    "trigger",
    "event",
    "note",
)


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


class LegCheckTable(Strict):
    """Supine leg check: readings in mm, + = right leg short; one number, or a list of repeats."""

    leg_length_difference: (
        Annotated[tuple[Number, ...], BeforeValidator(_listed), Field(min_length=1)] | None
    ) = None


class ExamFile(Strict):
    """exam.toml; the keys of each table are ids of the catalogues."""

    schema_: Literal["atlasplane.exam/1"] = Field(alias="schema")
    history: dict[str, object] = Field(default_factory=dict)
    neuro: dict[str, object] = Field(default_factory=dict)
    leg_check: LegCheckTable = Field(default_factory=LegCheckTable)
    palpation: dict[str, object] = Field(default_factory=dict)
    weight: dict[str, object] = Field(default_factory=dict)
    adverse: dict[str, object] = Field(default_factory=dict)


class ResponsesFile(Strict):
    """Answers to one questionnaire; null is an item left out."""

    schema_: Literal["atlasplane.responses/1"] = Field(alias="schema")
    instrument: Text
    version: Text | None = None
    time: Instant
    answers: dict[str, int | float | str | bool | None]


class LabResult(Strict):
    """One laboratory result, its unit and the laboratory's own limits."""

    test: Text
    loinc: Text | None = None
    value: Number | None = None
    unit: Text | None = None
    low: Number | None = None
    high: Number | None = None
    time: Instant | None = None


class LabsFile(Strict):
    """Laboratory results."""

    schema_: Literal["atlasplane.labs/1"] = Field(alias="schema")
    results: tuple[LabResult, ...]
