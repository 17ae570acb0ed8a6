"""What `segment --json` prints."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from atlasplane.io.models_segmentation import SegmentationTool
from atlasplane.io.outputs import FindingJson
from atlasplane.io.strict import NotNegative, Strict, Text
from atlasplane.sources.volume import BoneName


class SegmentOutput(Strict):
    """`segment --json`; paths are those of case.toml."""

    schema_: Literal["atlasplane.segment/1"] = Field(alias="schema")
    volume: Text
    record: Text
    status: Literal["proposed", "accepted"]
    tool: SegmentationTool
    masks: dict[BoneName, Text]
    meshes: dict[BoneName, Text]
    findings: tuple[FindingJson, ...]
    seconds: NotNegative
