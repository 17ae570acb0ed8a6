"""What the page sends, as typed tables: held against them before anything is done with it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from atlasplane.io.models import CalibrationTable
from atlasplane.io.models_readings import Coordinates, PointTable
from atlasplane.io.models_segmentation import Digest, Seeds
from atlasplane.io.strict import Direction, Flag, Instant, Pair, Positive, Strict

MOST_DRAWINGS = 200
MOST_VERTICES = 5000

Observer = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]
ReadingId = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,40}$")]
PixelLine = tuple[Pair, Pair]
Line = tuple[Coordinates, Coordinates]
Contour = Annotated[tuple[Coordinates, ...], Field(min_length=2, max_length=MOST_VERTICES)]


class FreeAngle(Strict):
    """Two lines whose angle is wanted."""

    kind: Literal["angle"]
    lines: tuple[Line, Line]


class FreeLength(Strict):
    """A line whose length is wanted."""

    kind: Literal["length"]
    line: Line


Free = Annotated[FreeAngle | FreeLength, Field(discriminator="kind")]


class NewReading(Strict):
    """Who reads, and whether blind to earlier readings."""

    observer: Observer
    blinded: Flag = False


class ReadingBody(Strict):
    """A reading as the page holds it; `film_sha256` is the digest of the image that it was marked on."""

    id: ReadingId
    observer: Observer
    blinded: Flag = False
    time: Instant | None = None
    tool: str | None = None
    points: dict[str, PointTable] = Field(default_factory=dict)
    contours: dict[str, Contour] = Field(default_factory=dict)
    free: Annotated[tuple[Free, ...], Field(max_length=MOST_DRAWINGS)] = ()
    film_sha256: str | None = None


class LiveBody(Strict):
    """The marks of a reading as they are at this moment."""

    reading: ReadingId
    observer: Observer | None = None
    points: dict[str, PointTable] = Field(default_factory=dict)
    contours: dict[str, Annotated[tuple[Coordinates, ...], Field(max_length=MOST_VERTICES)]] = Field(
        default_factory=dict
    )
    full: Flag = False


class SnapBody(Strict):
    """A polyline, or one point, to be moved to the edge near it."""

    contour: Annotated[tuple[Pair, ...], Field(min_length=1, max_length=MOST_VERTICES)] | None = None
    point: Pair | None = None
    reach_px: Annotated[float, Field(gt=0, le=100)] = 8.0


class CalibrationBody(Strict):
    """Both ends of an object of known length; `at_object` says that it lay where the atlas was."""

    from_: Pair = Field(alias="from")
    to: Pair
    length_mm: Positive
    u_length_mm: Annotated[float, Field(ge=0)] = 0.0
    at_object: Flag = True


class AngleBody(Strict):
    """Two free lines."""

    lines: tuple[PixelLine, PixelLine]


class LengthBody(Strict):
    """A free line."""

    line: PixelLine


class SettingsBody(Strict):
    """Keys of a film's table in visit.toml; one that is null is taken away, one that is absent stays."""

    patient_right: Direction | None = None
    patient_anterior: Direction | None = None
    patient_superior: Direction | None = None
    marker: Literal["R", "L", "none"] | None = None
    marker_at: Pair | None = None
    calibration: CalibrationTable | None = None


class SeedsBody(Strict):
    """Points inside the bones of a volume, LPS mm; without any they are looked for."""

    seeds: Seeds = Field(default_factory=dict)


class DecisionBody(Strict):
    """What a person decides about a segmentation; `revision` is that of the record that was shown."""

    revision: Digest
    observer: Observer
    despite_stop: Flag = False
