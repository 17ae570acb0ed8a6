"""What `export --json` and `import --json` print."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from atlasplane.io.strict import Strict, Text


class ExportOutput(Strict):
    """`export --json`: the files, by name, in the new folder."""

    schema_: Literal["atlasplane.export/1"] = Field(alias="schema")
    folder: Text
    files: tuple[Text, ...]


class ImportOutput(Strict):
    """`import --json`: the landmark file in the case, and whether it held this reading already."""

    schema_: Literal["atlasplane.import/1"] = Field(alias="schema")
    file: Text
    reading: Text
    is_known: bool
