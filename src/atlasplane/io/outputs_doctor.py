"""What `doctor --json` prints."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from atlasplane.io.strict import Strict, Text


class TrialJson(Strict):
    """One thing that was looked at."""

    group: Text
    name: Text
    state: Literal["ok", "note", "problem"]
    text: Text
    remedy: Text | None = None


class DoctorOutput(Strict):
    """`doctor --json`."""

    schema_: Literal["atlasplane.doctor/1"] = Field(alias="schema")
    software: Text
    trials: tuple[TrialJson, ...]
