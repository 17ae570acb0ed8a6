"""The record of a segmentation, and seeds of one, as typed tables."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from atlasplane.io.limits import limit
from atlasplane.io.outputs import FindingJson
from atlasplane.io.strict import InsideFile, Instant, Number, Strict, Text, Whole
from atlasplane.sources.volume import BoneName

SEGMENTATION_SCHEMA = "atlasplane.segmentation/1"
SEEDS_SCHEMA = "atlasplane.seeds/1"

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seed = tuple[Number, Number, Number]
SeedName = Literal[BoneName, "other"]
"""What a seed may lie in; `other` is bone that is none of those that are looked for."""
Seeds = dict[SeedName, Annotated[tuple[Seed, ...], Field(max_length=limit("seeds"))]]


class SeedsFile(Strict):
    """Points that lie inside the bones, LPS mm, from which a segmentation starts."""

    schema_: Literal["atlasplane.seeds/1"] = Field(alias="schema")
    seeds: Seeds


class SegmentedVolume(Strict):
    """The volume that was segmented; the digest is that of its bytes (over all files of a DICOM folder)."""

    file: InsideFile
    sha256: Digest


class SegmentationTool(Strict):
    """What made the masks; `version` is null where the tool does not say."""

    name: Text
    version: Text | None = None


class SegmentedBone(Strict):
    """Files of one bone, named as they lie beside the record."""

    mask: InsideFile
    mask_sha256: Digest
    mesh: InsideFile
    mesh_sha256: Digest
    voxels: Annotated[Whole, Field(ge=1)]


class SegmentationFile(Strict):
    """segmentation.json: what was found, by what, and whether a person accepted it.

    `replaces` is the record that case.toml named before, as it is named there.
    """

    schema_: Literal["atlasplane.segmentation/1"] = Field(alias="schema")
    volume: SegmentedVolume
    status: Literal["proposed", "accepted"]
    tool: SegmentationTool
    time: Instant
    accepted_by: Text | None = None
    accepted_at: Instant | None = None
    seeds: Seeds = Field(default_factory=dict)
    bones: Annotated[dict[BoneName, SegmentedBone], Field(min_length=1)]
    findings: tuple[FindingJson, ...] = ()
    replaces: InsideFile | None = None

    @model_validator(mode="after")
    def _acceptance(self) -> Self:
        said = (self.accepted_by is not None, self.accepted_at is not None)
        if said != ((True, True) if self.status == "accepted" else (False, False)):
            raise ValueError("accepted_by and accepted_at belong to status = 'accepted', and to no other")
        return self
