"""How a film was made from a photograph: the JSON file that lies beside it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from atlasplane.io.strict import NotNegative, Number, Pair, Positive, Strict, Text, Whole

RECTIFIED_SCHEMA = "atlasplane.rectified/1"
Row3 = tuple[Number, Number, Number]


class RectifiedOriginal(Strict):
    """The photograph: what its name ends in after the film's stem, and its digest."""

    ends_in: Text
    sha256: Text


class RectifiedFilm(Strict):
    """The film that was made."""

    sha256: Text


class RectifiedFile(Strict):
    """<film>.rectified.json; without corners only the display orientation was applied.

    `photo_px_from_film_px` takes [column, row, 1] of the film to the upright photograph; `u_rel_terms` are
    the parts of `u_rel` by cause.
    """

    schema_: Literal["atlasplane.rectified/1"] = Field(alias="schema")
    software: Text
    original: RectifiedOriginal
    film: RectifiedFilm
    exif_orientation: Annotated[Whole, Field(ge=1, le=8)]
    corners_px: tuple[Pair, Pair, Pair, Pair] | None = None
    size_mm: tuple[Positive, Positive] | None = None
    photo_px_from_film_px: tuple[Row3, Row3, Row3] | None = None
    mm_per_px: tuple[Positive, Positive] | None = None
    u_rel: NotNegative | None = None
    u_rel_terms: dict[Text, NotNegative] | None = None
