"""The catalogue of what is measured: ids, units, the meaning of +, published figures and their sources."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from atlasplane.core.catalogue import entries

TOPICS = ("atlas", "craniocervical", "sagittal", "coronal", "posture", "vector", "three_d", "spasm")
"""Files of the catalogue, in the order in which a report shows them."""

Tag = Literal["published", "reproduced", "derived", "proposed", "unverified"]
"""How well a statement is grounded; `proposed` and `unverified` say so in every output."""
Modality = Literal["film", "photo", "exam", "ct", "cbct", "mri", "semg"]
"""What a number was read from: the same bones give other cut-offs on a film than on a CT."""
_CENTRAL_95 = 1.96


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReferenceRange(_Entry):
    """Range of a quantity in people, for one modality.

    A source that gives a mean and a standard deviation is entered with them; `low` and `high` then are the
    central 95 % of a normal distribution, mean -+ 1.96 SD.
    """

    modality: Modality
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    sd: float | None = Field(default=None, gt=0)
    population: str
    tag: Tag
    source: str

    @model_validator(mode="before")
    @classmethod
    def _ends_of_mean_and_sd(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("mean") is None or given.get("sd") is None:
            return given
        half = _CENTRAL_95 * given["sd"]
        return {"low": given["mean"] - half, "high": given["mean"] + half, **given}

    @model_validator(mode="after")
    def _has_an_end(self) -> ReferenceRange:
        _check_ends(self.low, self.high)
        return self


class RedFlag(_Entry):
    """Limit beyond which no correction vector is given, for one modality.

    Attributes
    ----------
    modality : what the number was read from
    low, high : the figure of the source, unchanged; beyond it the gate stops
    sex : where the source has one limit a sex
    magnification : how much larger than the bone the source's films may have shown it, where the figure is
        in millimetres on a film; 1 where that was taken out. Between high / magnification and high (or low /
        magnification and a negative low) an object length is neither within nor beyond the limit
    clears : whether a value inside counts as within limits; false for a limit that only the worst cases pass
    """

    modality: Modality
    low: float | None = None
    high: float | None = None
    sex: Literal["male", "female"] | None = None
    magnification: float = Field(default=1.0, ge=1.0)
    clears: bool = True
    tag: Tag
    source: str

    @model_validator(mode="after")
    def _has_an_end(self) -> RedFlag:
        _check_ends(self.low, self.high)
        return self


def _check_ends(low: float | None, high: float | None) -> None:
    if low is None and high is None:
        raise ValueError("a range needs a low or a high end")
    if low is not None and high is not None and not low < high:
        raise ValueError(f"low {low} must lie under high {high}")


class PublishedError(_Entry):
    """A published reading error; shown beside ours, never used as u."""

    sd: float | None = None
    text: str
    tag: Tag
    source: str


class Quantity(_Entry):
    """One quantity of the catalogue.

    Attributes
    ----------
    id : str
    kind : which of the five observation kinds carries it
    name : what a report prints
    unit : UCUM code
    views : films it is read from, its home view first; on another view the observation's condition names it
    positive : what + means
    lateral : whether + and - are sides of the patient
    posture : whether the patient's own value keeps the true head position
    patient : the three-dimensional counterpart that `u` is about
    definition : how it is constructed
    landmarks : ids that the construction uses
    method : name and version of the procedure, "<id>/1" where empty
    decimals : digits that a report shows
    red_flags : limits beyond which no correction vector is given, each for one modality; empty for most
    interval : scale on which the error is closest to normal; "log_odds" is that of a share in per cent
    """

    id: str = ""
    kind: Literal["measurement", "count", "grade", "category", "pose"] = "measurement"
    name: str
    unit: str
    views: tuple[str, ...] = ()
    positive: str
    lateral: bool = False
    posture: bool = False
    patient: str
    definition: str
    landmarks: tuple[str, ...] = ()
    method: str = ""
    decimals: int = 1
    interval: Literal["identity", "reciprocal", "log", "log_odds"] = "identity"
    red_flags: tuple[RedFlag, ...] = ()
    mcid: PublishedError | None = None
    ranges: tuple[ReferenceRange, ...] = ()
    errors: tuple[PublishedError, ...] = ()
    codes: Mapping[str, str] = Field(default_factory=dict)
    tag: Tag
    tag_note: str = ""
    source: str

    @model_validator(mode="after")
    def _one_limit_an_end(self) -> Quantity:
        ends = [
            (flag.modality, flag.sex, end)
            for flag in self.red_flags
            for end in ("low", "high")
            if getattr(flag, end) is not None
        ]
        if len(ends) != len(set(ends)):
            raise ValueError(f"{self.id}: two red flags for one modality, sex and end")
        return self

    @property
    def view(self) -> str | None:
        """The home view, or None for what is read from no film."""
        return self.views[0] if self.views else None

    @property
    def is_length(self) -> bool:
        """Whether the film needs a scale for it."""
        return self.unit in ("mm", "[in_i]")


@cache
def quantities() -> Mapping[str, Quantity]:
    """Every quantity by id, validated when first read."""
    table = entries("atlasplane.core", "quantities", TOPICS, "atlasplane.quantities/1")
    return MappingProxyType({id_: Quantity(**{**entry, "id": id_}) for id_, entry in table})


def quantity(id_: str) -> Quantity:
    """The quantity with this id.

    Raises
    ------
    KeyError
        When the catalogue has no such id.
    """
    return quantities()[id_]
