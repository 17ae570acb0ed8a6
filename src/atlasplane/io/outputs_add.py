"""What `add --json` prints for a folder or a volume."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from atlasplane.io.outputs import FindingJson
from atlasplane.io.strict import Strict, Text, Whole


class SortedJson(Strict):
    """One film, volume or left-out group of a folder; `file` is null where it was left out or only listed."""

    kind: Literal["film", "volume", "other"]
    source: Text
    count: Whole
    what: Text
    file: Text | None
    reason: Text | None
    remedy: Text | None
    findings: tuple[FindingJson, ...]


class AddFolderOutput(Strict):
    """`add --json` of a folder or a volume; `listed_only` says that the case was not touched."""

    schema_: Literal["atlasplane.add-folder/1"] = Field(alias="schema")
    listed_only: bool
    entries: tuple[SortedJson, ...]
