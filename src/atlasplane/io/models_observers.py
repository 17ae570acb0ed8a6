"""`observers.toml` as typed tables: what repeat readings of a set of cases say of each observer."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from atlasplane.io.outputs import FindingJson
from atlasplane.io.strict import Flag, NotNegative, Number, Pair, Positive, Strict, Text, Whole

OBSERVERS_SCHEMA = "atlasplane.observers/1"

ROUNDING = 1e-9
"""Share of a covariance's trace that rounding may make of a zero variance."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Many = Annotated[Whole, Field(ge=0)]


class SourceTable(Strict):
    """One film that was read: its case, its path inside the case, its digest, and who read it how often."""

    case: Text
    film: Text
    sha256: Sha256
    readings: dict[Text, Many]


class PlacedTable(Strict):
    """Placing of one landmark; `cov_mm2` in film axes, mm squared on the film, for the right side of a pair.

    `why_default` says why the catalogue's default stays, where `used` is false.
    """

    cov_mm2: tuple[Pair, Pair]
    dof: Positive
    films: Many
    used: Flag
    why_default: Text | None = None

    @model_validator(mode="after")
    def _is_covariance(self) -> PlacedTable:
        cov = np.array(self.cov_mm2)
        # One repeat gives a covariance of rank one, whose other variance is zero up to rounding.
        if cov[0, 1] != cov[1, 0] or np.any(np.linalg.eigvalsh(cov) < -ROUNDING * np.trace(cov)):
            raise ValueError("cov_mm2 is no covariance: symmetric with no negative variance is expected")
        if self.used and not np.all(np.linalg.eigvalsh(cov) > 0):
            raise ValueError("a covariance that is used must have a variance above 0 in every direction")
        return self


class RepeatedTable(Strict):
    """Within-observer standard deviation and minimal detectable change of one quantity."""

    unit: str
    sd: NotNegative
    dof: Positive
    films: Many
    mdc95: NotNegative


class ObserverTable(Strict):
    """One observer; `cases` and `films` are those read at least twice."""

    name: Text
    cases: Many
    films: Many
    readings: Many
    not_blind: Many = 0
    used: Flag
    landmark: dict[Text, PlacedTable] = Field(default_factory=dict)
    quantity: dict[Text, RepeatedTable] = Field(default_factory=dict)


class BiasTable(Strict):
    """Second observer minus first, over films that both read; `limits` are those of Bland and Altman.

    `axis` names the film's axis of a landmark's difference (1 or 2, left mirrored onto right, mm on the
    film).
    """

    first: Text
    second: Text
    kind: Literal["landmark", "quantity"]
    id: Text
    axis: Literal[1, 2] | None = None
    unit: str
    mean: Number
    interval: Pair
    limits: Pair
    films: Many


class ObserversFile(Strict):
    """observers.toml."""

    schema_: Literal["atlasplane.observers/1"] = Field(alias="schema")
    software: Text | None = None
    observer: tuple[ObserverTable, ...] = ()
    bias: tuple[BiasTable, ...] = ()
    source: tuple[SourceTable, ...] = ()


class ObserversOutput(Strict):
    """`observers --json`: the tables of the data file, where it was written, and findings."""

    schema_: Literal["atlasplane.observer-study/1"] = Field(alias="schema")
    software: Text
    cases: Many
    observer: tuple[ObserverTable, ...]
    bias: tuple[BiasTable, ...]
    source: tuple[SourceTable, ...]
    findings: tuple[FindingJson, ...] = ()
    file: Text | None = None
