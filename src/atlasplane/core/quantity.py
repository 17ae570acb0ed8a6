"""The catalogue of what is measured: ids, units, the meaning of +, published figures and their sources."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from atlasplane.core.catalogue import entries

TOPICS = ("atlas", "craniocervical", "sagittal", "coronal", "posture", "vector")
"""Files of the catalogue, in the order in which a report shows them."""

Tag = Literal["published", "reproduced", "derived", "proposed", "unverified"]
"""How well a statement is grounded; `proposed` and `unverified` say so in every output."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReferenceRange(_Entry):
    """Range of a quantity in people, for one modality."""

    modality: Literal["film", "ct", "cbct", "mri"]
    low: float | None = None
    high: float | None = None
    population: str
    tag: Tag
    source: str


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
    red_flag_low, red_flag_high : limits beyond which no correction vector is given; None for no red flag
    interval : scale on which the error is closest to normal
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
    interval: Literal["identity", "reciprocal"] = "identity"
    red_flag_low: float | None = None
    red_flag_high: float | None = None
    mcid: PublishedError | None = None
    ranges: tuple[ReferenceRange, ...] = ()
    errors: tuple[PublishedError, ...] = ()
    codes: Mapping[str, str] = Field(default_factory=dict)
    tag: Tag
    tag_note: str = ""
    source: str

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
