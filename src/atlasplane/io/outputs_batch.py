"""What a command prints with `--json` when it was given a folder of cases."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from atlasplane.io.models_registration import RegisterOutput
from atlasplane.io.strict import Flag, NotNegative, Strict, Text, Whole


class BatchErrorJson(Strict):
    """Why a case has no result."""

    file: Text
    what: Text
    remedy: Text


class RegisteredCaseJson(Strict):
    """One case of a batch; `kept` is an earlier result that is still valid, `seconds` the work on it now."""

    case: Text
    status: Literal["ok", "doubtful", "refused", "failed"]
    kept: Flag
    seconds: NotNegative
    result: RegisterOutput | None
    error: BatchErrorJson | None

    @model_validator(mode="after")
    def _result_or_error(self) -> Self:
        failed = self.status == "failed"
        if failed != (self.result is None) or failed == (self.error is None):
            raise ValueError("a case has a result, or has failed and has an error")
        return self


class RegisterBatchOutput(Strict):
    """`register FOLDER --json` of a folder of cases; `workers` are those that did one."""

    schema_: Literal["atlasplane.register-batch/1"] = Field(alias="schema")
    cases: tuple[RegisteredCaseJson, ...]
    seconds: NotNegative
    workers: Whole
    cases_per_s: NotNegative
