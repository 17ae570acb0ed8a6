"""What `--json` prints, as typed tables: one model a command; and a simulated case's truth."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from atlasplane.io.outputs_observations import (
    AnyObservation,
    IntervalJson,
    Level,
    MdcJson,
    PoseBodyJson,
    Row3,
    SideWord,
    SiteJson,
)
from atlasplane.io.strict import Flag, Instant, NotNegative, Number, Pair, Positive, Strict, Text, Whole

SignWord = Literal["right", "left", "zero"]
Row4 = tuple[Number, Number, Number, Number]


class FindingJson(Strict):
    """One finding."""

    code: Text
    severity: Literal["info", "warn", "stop"]
    text: Text
    file: Text | None = None
    visit: Text | None = None
    value: Number | None = None
    limit: Number | None = None
    source: Text | None = None


class JointJson(Strict):
    """Covariance of the measurements in `order`."""

    order: tuple[Text, ...]
    cov: tuple[tuple[Number, ...], ...]


class ListingJson(Strict):
    """The technique's shorthand of the measurements."""

    text: str
    canonical: str
    words: tuple[str, ...] = ()
    undetermined: tuple[Text, ...] = ()


class ClassificationJson(Strict):
    """Signs of the factors, and what they say together."""

    label: Text
    upper: SignWord
    lower: SignWord
    plane: SignWord | None = None
    tilt: SignWord | None = None
    neck: SignWord | None = None
    lower_neck: Text | None = None
    head: Text | None = None
    type_name: Text | None = None
    tag: Text | None = None


class HeadPieceJson(Strict):
    """Head-piece set-up; each a range."""

    eop_below_c7_in: Pair
    angle_deg: Pair
    height_in: Pair


class VectorJson(Strict):
    """The correction vector; `u` is the covariance of (height, rotation), inches squared."""

    height_in: Number | None
    rotation_in: Number | None
    u: tuple[tuple[Number, ...], ...] | None = None
    direction_isb: Row3 | None = None
    lever_mm: Positive | None = None
    model: Literal["manual", "table", "two-arc"]
    headpiece: HeadPieceJson | None = None
    side: SideWord | None = None
    letter: Literal["A", "P"] | None = None
    words: tuple[str, ...] = ()
    torque: Text | None = None
    tag: Text | None = None


class GateJson(Strict):
    """What allows or forbids a correction vector."""

    id: Text
    state: Literal["pass", "stop", "unknown"]
    reason: Text


class MeasuredVisit(Strict):
    """Everything measured at one visit."""

    id: Text
    time: Instant
    phase: Literal["baseline", "care", "follow-up"] | None = None
    moment: Literal["single", "pre", "post"]
    observations: tuple[AnyObservation, ...]
    joint: JointJson | None = None
    listing: ListingJson | None = None
    classification: ClassificationJson | None = None
    vector: VectorJson | None = None
    no_vector_because: Text | None = None
    gates: tuple[GateJson, ...] = ()


class MeasureOutput(Strict):
    """`measure --json`."""

    schema_: Literal["atlasplane.measure/1"] = Field(alias="schema")
    software: Text
    case: Text
    simulated: Flag
    visits: tuple[MeasuredVisit, ...]
    findings: tuple[FindingJson, ...]


class CheckOutput(Strict):
    """`check --json`."""

    schema_: Literal["atlasplane.check/1"] = Field(alias="schema")
    software: Text | None = None
    case: Text
    simulated: Flag | None = None
    findings: tuple[FindingJson, ...]


class ChangeJson(Strict):
    """One change, post minus pre; `distinguishable`, `meaningful` and `sustained` are three words.

    `withheld` names the qualities of either value for which no verdict is given.
    """

    quantity: Text
    name: Text | None = None
    kind: Literal["measurement", "count", "grade", "category", "pose"]
    unit: str | None = None
    site: SiteJson | None = None
    condition: Text | None = None
    pre: Number | Text | AnyObservation | None
    post: Number | Text | AnyObservation | None
    change: Number | None
    u: NotNegative | None
    dof: Positive | None = None
    interval: IntervalJson | None = None
    correlation: Annotated[Number, Field(ge=-1, le=1)] | None
    correlation_source: str | None = None
    mdc: MdcJson | None
    distinguishable: Flag | None
    withheld: tuple[Text, ...] = ()
    meaningful: Flag | None
    sustained: Flag | None
    percent_reduction: Number | None = None
    level: Level | None = None


class SeriesPointJson(Strict):
    """One visit of a series; the change is against its first visit."""

    visit: Text
    value: Number | Text | AnyObservation | None
    u: NotNegative | None
    change: Number | None
    mdc: MdcJson | None
    distinguishable: Flag | None


class SeriesJson(Strict):
    """A quantity at three visits or more, in time order."""

    quantity: Text
    name: Text | None = None
    unit: str | None = None
    site: SiteJson | None = None
    condition: Text | None = None
    points: tuple[SeriesPointJson, ...]


class CompareOutput(Strict):
    """`compare --json`; `pre` and `post` are the ids of the visits, `series` is over all visits."""

    schema_: Literal["atlasplane.compare/1"] = Field(alias="schema")
    software: Text | None = None
    case: Text | None = None
    simulated: Flag | None = None
    pre: Text
    post: Text
    changes: tuple[ChangeJson, ...]
    series: tuple[SeriesJson, ...] = ()
    findings: tuple[FindingJson, ...] = ()


class ErrorOutput(Strict):
    """What every command prints with `--json` when the input cannot be used."""

    schema_: Literal["atlasplane.error/1"] = Field(alias="schema")
    file: Text
    what: Text
    remedy: Text


class AddOutput(Strict):
    """`add --json`."""

    schema_: Literal["atlasplane.add/1"] = Field(alias="schema")
    visit: Text
    file: Text
    findings: tuple[FindingJson, ...]


class ReportOutput(Strict):
    """`report --json`: the files that were written."""

    schema_: Literal["atlasplane.report/1"] = Field(alias="schema")
    files: tuple[Text, ...]


class NewOutput(Strict):
    """`new --json`."""

    schema_: Literal["atlasplane.new/1"] = Field(alias="schema")
    folder: Text


class SimulateOutput(Strict):
    """`simulate --json`."""

    schema_: Literal["atlasplane.simulate/1"] = Field(alias="schema")
    folder: Text
    seed: Whole


class DemoOutput(Strict):
    """`demo --json`: the two cases and their reports."""

    schema_: Literal["atlasplane.demo/1"] = Field(alias="schema")
    cases: tuple[Text, ...]
    files: tuple[Text, ...]


class SchemasOutput(Strict):
    """`schema --json`: the names of the schemas."""

    schema_: Literal["atlasplane.schemas/1"] = Field(alias="schema")
    names: tuple[Text, ...]


class TrueQuantity(Strict):
    """True value of a quantity, on the film as taken and in the patient; null where it has none."""

    film: Number | None = None
    patient: Number | None = None


class TruthVisit(Strict):
    """The truth of one simulated visit: tube, head (yaw, pitch, roll), camera (ISB mm to pixel) of each film.

    A key with a modality after `@` is of a scan taken at this visit.
    """

    poses: dict[Text, PoseBodyJson]
    quantities: dict[Text, TrueQuantity]
    landmarks_lps_mm: dict[Text, Row3]
    tube_deg: dict[Text, Number] = Field(default_factory=dict)
    head_deg: dict[Text, Row3] = Field(default_factory=dict)
    cameras: dict[Text, tuple[Row4, Row4, Row4]] = Field(default_factory=dict)


class TruthFile(Strict):
    """truth.json of a simulated case; no measurement reads it."""

    schema_: Literal["atlasplane.truth/1"] = Field(alias="schema")
    software: Text | None = None
    seed: Whole
    visits: dict[Text, TruthVisit]
