"""`case.toml` and `visit.toml` as typed tables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from atlasplane.io.strict import (
    Direction,
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

CASE_SCHEMA = "atlasplane.case/1"
VISIT_SCHEMA = "atlasplane.visit/1"

Row4 = tuple[Number, Number, Number, Number]
FilmView = Literal[
    "lateral",
    "nasium",
    "vertex",
    "base-posterior",
    "apom",
    "ap-cervical",
    "lateral-full",
    "ap-full",
    "blair-right",
    "blair-left",
]
ScaleKind = Literal[
    "user_fiducial",
    "dicom_fiducial",
    "dicom_geometry",
    "modality_corrected",
    "ermf",
    "sid_sod",
    "detector_plane_only",
    "none",
]
BodySide = Literal["right", "left"]


class LabelledMask(Strict):
    """One label of a file that holds several bones."""

    file: InsideFile
    label: Annotated[Whole, Field(ge=1)]


class VolumeTable(Strict):
    """A CT, CBCT or MRI of the case.

    `masks` are NIfTI files on its grid, `meshes` STL or PLY files in LPS millimetres, `segmentation` the
    record of who accepted them, or of a proposal that waits; `hounsfield` says whether its greys are
    Hounsfield units, `visit` which visit its measures belong to.
    """

    file: InsideFile
    landmarks: InsideFile | None = None
    masks: dict[BoneName, InsideFile | LabelledMask] = Field(default_factory=dict)
    meshes: dict[BoneName, InsideFile] = Field(default_factory=dict)
    segmentation: InsideFile | None = None
    hounsfield: Flag | None = None
    modality: Literal["ct", "cbct", "mri"] = "ct"
    visit: Text | None = None


class PlanTable(Strict):
    """How the correction vector of this case is worked out; the traditional charts are user files."""

    height: Literal["manual", "table", "two-arc"] = "manual"
    height_table: InsideFile | None = None
    types_table: InsideFile | None = None
    lever_in: Positive | None = None
    rotation_share: Positive | None = None


class CaseFile(Strict):
    """case.toml."""

    schema_: Literal["atlasplane.case/1"] = Field(alias="schema")
    id: Text
    pseudonym: Text
    birth_year: Annotated[Whole, Field(ge=1850, le=2200)] | None = None
    sex: Literal["female", "male", "other", "unknown"] = "unknown"
    simulated: Flag = False
    consents: dict[Text, Flag] = Field(default_factory=dict)
    volume: tuple[VolumeTable, ...] = ()
    plan: PlanTable | None = None


class TechniqueTable(Strict):
    """How a film was taken; distances along the central ray, tube angle caudad +."""

    sid_mm: Positive
    sod_mm: Positive
    tube_deg: Annotated[Number, Field(gt=-60, lt=60)] = 0.0
    detector: Literal["upright", "perpendicular"] = "upright"
    principal_px: Pair | None = None


class CalibrationTable(Strict):
    """Where the millimetres come from; `mm_per_px` is [column, row]."""

    kind: ScaleKind
    mm_per_px: tuple[Positive, Positive] | None = None
    u_rel: Annotated[Number, Field(ge=0, lt=1)] | None = None


class CameraTable(Strict):
    """A full camera: 3 x 4, LPS mm to pixel."""

    P: tuple[Row4, Row4, Row4]


class FilmTable(Strict):
    """One film of a visit.

    `frame` says which frame of a file of several it is, the first being 1; `marker_at` is the pixel of the
    side marker; `ignore_header_orientation` says that a person found the header's orientation to be wrong.
    """

    file: InsideFile
    frame: Annotated[Whole, Field(ge=1)] | None = None
    view: FilmView
    landmarks: InsideFile | None = None
    patient_right: Direction | None = None
    patient_anterior: Direction | None = None
    patient_superior: Direction | None = None
    marker: Literal["R", "L", "none"] | None = None
    marker_at: Pair | None = None
    ignore_header_orientation: Flag = False
    technique: TechniqueTable | None = None
    calibration: CalibrationTable | None = None
    camera: CameraTable | None = None
    rig: Text | None = None


class PhotoTable(Strict):
    """One photograph of a visit."""

    file: InsideFile
    view: Literal["photo-lateral", "photo-front", "photo-back"]
    landmarks: InsideFile | None = None
    patient_right: Direction | None = None
    patient_anterior: Direction | None = None
    patient_superior: Direction | None = None
    calibration: CalibrationTable | None = None


class ChannelTable(Strict):
    """One channel of a recording."""

    label: Text
    muscle: Text | None = None
    side: BodySide | None = None


class QuietTable(Strict):
    """A stretch of rest, in this recording or in another file."""

    file: InsideFile | None = None
    start_s: NotNegative | None = None
    stop_s: Positive | None = None


class ReferenceTable(Strict):
    """A reference contraction."""

    kind: Text
    file: InsideFile | None = None
    start_s: NotNegative | None = None
    stop_s: Positive | None = None


class RecordingTable(Strict):
    """One recording of a visit; `channel_map` names a file that says more of its channels."""

    file: InsideFile
    kind: Literal["semg", "imu", "nirs", "ppg", "doppler", "sep", "hreflex", "rr"]
    channels: tuple[ChannelTable, ...] = ()
    channel_map: InsideFile | None = None
    quiet: QuietTable | None = None
    noise_uV: dict[Text, Positive] | None = None
    reference: ReferenceTable | None = None


class FileTable(Strict):
    """A table that only names a file."""

    file: InsideFile


class EnteredVector(Strict):
    """What the clinician entered for this visit: height in inches, + = notch high."""

    height_in: Number
    u_in: Positive | None = None


class VisitFile(Strict):
    """visit.toml."""

    schema_: Literal["atlasplane.visit/1"] = Field(alias="schema")
    id: Text
    time: Instant
    phase: Literal["baseline", "care", "follow-up"]
    moment: Literal["single", "pre", "post"] = "single"
    observer: Text | None = None
    film: tuple[FilmTable, ...] = ()
    photo: tuple[PhotoTable, ...] = ()
    recording: tuple[RecordingTable, ...] = ()
    responses: tuple[FileTable, ...] = ()
    labs: tuple[FileTable, ...] = ()
    exam: FileTable | None = None
    vector: EnteredVector | None = None
