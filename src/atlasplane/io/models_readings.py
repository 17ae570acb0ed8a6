"""The landmark file as typed tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from atlasplane.io.strict import Flag, Instant, Number, Positive, Strict, Text

LANDMARKS_SCHEMA = "atlasplane.landmarks/1"

Coordinates = Annotated[tuple[Number, ...], Field(min_length=2, max_length=3)]
CovRows = Annotated[tuple[Coordinates, ...], Field(min_length=2, max_length=3)]


class PointTable(Strict):
    """A landmark: where it is, or that it cannot be seen."""

    at: Coordinates | None = None
    cov: CovRows | None = None
    visible: Flag = True

    @model_validator(mode="after")
    def _placed_or_hidden(self) -> PointTable:
        if self.visible and self.at is None:
            raise ValueError("has no 'at'; give its place, or say visible = false")
        if not self.visible and (self.at is not None or self.cov is not None):
            raise ValueError("is not visible, but has a place")
        if (
            self.at is not None
            and self.cov is not None
            and {len(row) for row in (self.cov, *self.cov)} != {len(self.at)}
        ):
            raise ValueError("has a 'cov' whose size does not fit 'at'")
        return self


class ReadingTable(Strict):
    """What one observer placed at one time; `contour_sd` is the placing SD of each vertex across the edge."""

    id: Text
    observer: Text
    time: Instant
    tool: Text
    blinded: Flag = False
    points: dict[str, PointTable] = Field(default_factory=dict)
    contours: dict[str, Annotated[tuple[Coordinates, ...], Field(min_length=2)]] = Field(default_factory=dict)
    contour_sd: dict[str, Positive] = Field(default_factory=dict)


class ImageTable(Strict):
    """The image that the landmarks were placed on."""

    file: Text
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class LandmarkFile(Strict):
    """A landmark file."""

    schema_: Literal["atlasplane.landmarks/1"] = Field(alias="schema")
    image: ImageTable
    space: Literal["pixel", "lps_mm"]
    readings: tuple[ReadingTable, ...] = ()
