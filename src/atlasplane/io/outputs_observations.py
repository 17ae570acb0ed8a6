"""The five kinds of observation as JSON, told apart by `kind`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from atlasplane.io.strict import NotNegative, Number, Positive, Strict, Text, Whole

Row3 = tuple[Number, Number, Number]
Row6 = tuple[Number, Number, Number, Number, Number, Number]
Level = Annotated[Number, Field(gt=0, lt=1)]
SideWord = Literal["right", "left", "undetermined"]


class IntervalJson(Strict):
    """A coverage interval; an end is null where the data set no bound."""

    level: Level
    low: Number | None
    high: Number | None


class MdcJson(Strict):
    """Minimal detectable change."""

    value: NotNegative
    level: Level
    source: Text


class SiteJson(Strict):
    """Where on the patient."""

    structure: Text | None = None
    level: Text | None = None
    side: Literal["right", "left"] | None = None


class ObservationJson(Strict):
    """What all five kinds carry; what is unknown is null or absent."""

    quantity: Text
    name: Text | None = None
    visit: Text | None = None
    unit: str | None = None
    site: SiteJson | None = None
    condition: Text | None = None
    method: Text | None = None
    measurand: Literal["film", "patient"] | None = None
    tag: Text | None = None
    source: tuple[Text, ...] = ()
    observer: tuple[Text, ...] = ()
    provenance: dict[str, str] = Field(default_factory=dict)
    quality: tuple[Text, ...] = ()


class MeasurementJson(ObservationJson):
    """A value on an interval or ratio scale; `u` null means no published error, `dof` null infinite."""

    kind: Literal["measurement"]
    value: Number
    unit: str
    u: Positive | None
    u_film: Positive | None = None
    dof: Positive | None = None
    interval: IntervalJson | None = None
    interval_film: IntervalJson | None = None
    side: SideWord | None = None
    mdc: MdcJson | None = None
    budget: dict[str, NotNegative] = Field(default_factory=dict)
    calibration: Text | None = None


class ExposureJson(Strict):
    """How long, or how often, one looked."""

    value: Positive
    unit: str


class CountJson(ObservationJson):
    """Events over an exposure; the interval is that of the rate."""

    kind: Literal["count"]
    n: Annotated[Whole, Field(ge=0)]
    exposure: ExposureJson
    rate: NotNegative | None = None
    dispersion: Annotated[Number, Field(ge=1)] | None = None
    interval: IntervalJson | None = None


class GradeJson(ObservationJson):
    """A level of a named ordinal scale."""

    kind: Literal["grade"]
    level: Whole
    scale: Text
    agreement: Text | None = None


class CategoryJson(ObservationJson):
    """One of a named set, `unknown` included."""

    kind: Literal["category"]
    value: Text
    set: tuple[Text, ...]


class ZxyJson(Strict):
    """Extension, right side bending, left axial rotation."""

    flexext: Number
    lateral: Number
    axial: Number


class PoseBodyJson(Strict):
    """x_to = R x_from + t, ISB axes; `cov6` in the tangent space, left perturbation, rad then mm."""

    from_: Text = Field(alias="from")
    to: Text
    R: tuple[Row3, Row3, Row3]
    t_mm: Row3
    origin: Text | None = None
    zxy_deg: ZxyJson | None = None
    cov6: tuple[Row6, Row6, Row6, Row6, Row6, Row6] | None = None


class PoseJson(ObservationJson):
    """One bone relative to another."""

    kind: Literal["pose"]
    pose: PoseBodyJson


AnyObservation = Annotated[
    MeasurementJson | CountJson | GradeJson | CategoryJson | PoseJson, Field(discriminator="kind")
]
