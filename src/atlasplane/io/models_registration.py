"""The result of a registration as typed tables: what `register --json` prints and a visit's folder keeps."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from atlasplane.io.models_segmentation import Digest
from atlasplane.io.outputs import FindingJson, Row4
from atlasplane.io.outputs_observations import PoseBodyJson, Row3
from atlasplane.io.strict import (
    Flag,
    InsideFile,
    Instant,
    NotNegative,
    Number,
    Pair,
    Positive,
    Strict,
    Text,
    Whole,
)
from atlasplane.sources.volume import BoneName

REGISTER_SCHEMA = "atlasplane.register/1"

Moving = Literal["c1", "c2"]
Share = Annotated[Number, Field(ge=0, le=1)]
ReasonCode = Literal[
    "residual",
    "starts_disagree",
    "start_disagrees",
    "weak_signal",
    "cameras",
    "one_direction",
    "not_converged",
    "shape",
    "off_film",
    "unresolved",
]


class DetectorJson(Strict):
    """A camera as source and detector, LPS mm of the room; `principal_px` is the pixel of `centre_mm`."""

    source_mm: Row3
    centre_mm: Row3
    column_axis: Row3
    row_axis: Row3
    pitch_mm: tuple[Positive, Positive]
    principal_px: Pair


class FilmCameraJson(Strict):
    """One film after the fit.

    `P` leads from LPS mm of the film's room to its pixels; `u` are the standard uncertainties of the distance
    (mm), of the source along columns and rows (mm) and of the pixel size (relative). `skull` leads from the
    volume to the film's room (ISB). `share` is the part of the film's filtered signal that the bones explain,
    `weight` the mean robust weight of the pixels that were compared.
    """

    file: InsideFile
    view: Text
    P: tuple[Row4, Row4, Row4]
    u: Row4
    detector: DetectorJson
    skull: PoseBodyJson
    gain: Number
    share: Share
    weight: Share
    pixels: Whole
    note: str = ""


class PictureJson(Strict):
    """An overlay: its file as it lies in the visit's folder, the film that it shows, and how.

    `box_px` is the part of the film, left, top, right and bottom in its pixels (a pixel's centre is a whole
    number); `image_px` is where that part lies in the file, left, top, width and height.
    """

    file: InsideFile
    film: InsideFile
    kind: Literal["contours", "difference", "checkerboard"]
    box_px: Row4
    image_px: tuple[Whole, Whole, Whole, Whole]


class ResidualJson(Strict):
    """What is left of the films, and above which value that is too much."""

    value: NotNegative
    limit: Positive


class AgreementJson(Strict):
    """Largest difference of a bone's pose between starts after they converged."""

    deg: NotNegative
    mm: NotNegative


class StartJson(Strict):
    """Where the search began: the marks of the films, or an earlier registration."""

    kind: Literal["landmarks", "file"]
    file: Text | None = None
    seed: Annotated[Whole, Field(ge=0)]


class MotionCovJson(Strict):
    """Covariance of the poses that were sought: distinct poses of the skull, then the motions.

    A change (w rad, d mm) turns the bone about its centre, a point of the volume (ISB mm):
    x_to = exp([w]x) (T x - T c) + T c + d.
    """

    order: tuple[Text, ...]
    centre_mm: dict[Text, Row3]
    cov: tuple[tuple[Number, ...], ...]

    @model_validator(mode="after")
    def _square(self) -> Self:
        size = 6 * len(self.order)
        if len(self.cov) != size or any(len(row) != size for row in self.cov):
            raise ValueError(f"{len(self.order)} poses need a covariance of {size} x {size}")
        return self


class FilmInputJson(Strict):
    """A film as it was registered: digests of its bytes, and of marks, geometry and directions as stated."""

    file: InsideFile
    sha256: Digest
    stated: Digest


class VolumeInputJson(Strict):
    """The scan as it was registered: digests of its bytes, and of its landmarks."""

    file: InsideFile
    sha256: Digest
    stated: Digest


class MaskInputJson(Strict):
    """A mask as it was registered; `label` where the file holds several bones."""

    file: InsideFile
    sha256: Digest
    label: Whole | None = None


class RegisterInputs(Strict):
    """All that the result rests on: where one of them is another now, the result is not used any more."""

    method: Text
    films: Annotated[tuple[FilmInputJson, ...], Field(min_length=2)]
    volume: VolumeInputJson
    masks: dict[BoneName, MaskInputJson]


class RegisterOutput(Strict):
    """`register --json`, and registration.json in the visit's folder.

    `bones` lead from the volume to the room of the first film (ISB axes, mm), `motion` from the volume to the
    volume: how a bone moved since the scan, the skull standing still. A refused result has no poses.
    `contours` are closed lines of [column, row] around each bone on each film.
    """

    schema_: Literal["atlasplane.register/1"] = Field(alias="schema")
    software: Text
    case: Text
    simulated: Flag
    visit: Text
    time: Instant
    status: Literal["ok", "doubtful", "refused"]
    reason: Text | None
    reasons: tuple[ReasonCode, ...] = ()
    rig: Literal["fixed", "free"]
    start: StartJson
    bones: dict[BoneName, PoseBodyJson]
    relative: dict[Literal["c1_in_skull", "c2_in_c1", "c2_in_skull"], PoseBodyJson]
    motion: dict[Moving, PoseBodyJson] = Field(default_factory=dict)
    uncertainty: MotionCovJson | None = None
    cameras: tuple[FilmCameraJson, ...]
    residual: ResidualJson
    agreement: AgreementJson
    iterations: Whole
    seconds: NotNegative
    inputs: RegisterInputs
    overlays: tuple[InsideFile, ...] = ()
    pictures: tuple[PictureJson, ...] = ()
    contours: dict[Text, dict[Text, tuple[tuple[Pair, ...], ...]]] = Field(default_factory=dict)
    findings: tuple[FindingJson, ...] = ()

    @model_validator(mode="after")
    def _no_number_refused(self) -> Self:
        if (self.status == "ok") == bool(self.reasons):
            raise ValueError("reasons belong to 'doubtful' and 'refused', and to no other")
        if self.status == "refused" and (self.bones or self.relative or self.motion or self.uncertainty):
            raise ValueError("a refused registration has no poses")
        if self.status != "refused" and not (self.bones and self.motion and self.uncertainty):
            raise ValueError("a registration that is not refused has poses and their covariance")
        return self
