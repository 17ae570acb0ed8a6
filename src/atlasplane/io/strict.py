"""What all our tables have in common: no unknown key but under `x`, finite numbers, times with an offset."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Positive = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0)]
NotNegative = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=0)]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Text = Annotated[str, Field(min_length=1)]
Pair = tuple[Number, Number]
Direction = Literal["image_left", "image_right", "image_up", "image_down"]

_DRIVE = re.compile(r"[A-Za-z]:")


class Strict(BaseModel):
    """A frozen table that refuses unknown keys; `x` is free for the user."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    x: dict[str, object] | None = None


def _instant_text(value: object) -> object:
    if isinstance(value, datetime | str):
        return value
    raise ValueError("a time such as 2026-03-02T09:10:00+01:00 is expected")


def _inside(value: str) -> str:
    bad = "\\" in value or value.startswith("/") or _DRIVE.match(value) or not value.isprintable()
    if bad or ".." in PurePosixPath(value).parts:
        raise ValueError(
            f"'{value}' must name a file inside the folder, with forward slashes, without '..' or a drive"
        )
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_instant_text)]
"""A time with its offset from UTC."""

InsideFile = Annotated[str, Field(min_length=1), AfterValidator(_inside)]
"""A file below the folder of the table that names it."""
