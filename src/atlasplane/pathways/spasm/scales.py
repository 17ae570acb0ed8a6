"""Scales of spasm that a person or an examiner answers: levels and rules as data (data/scales.toml).

They stand beside the recording and are never added up with it or with each other: what is told and what is
recorded correlate weakly (Front Integr Neurosci 2017, 11:2, doi 10.3389/fnint.2017.00002).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from atlasplane.core.errors import BadInput
from atlasplane.core.observation import Grade, Site
from atlasplane.core.quantity import Tag, quantity

SCHEMA = "atlasplane.spasm-scales/1"


class BadAnswer(BadInput):
    """An answer that the scale does not have, or that its rules do not allow."""


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Skip(_Table):
    """An answer after which this one is not asked."""

    where: str
    is_: int = Field(alias="is")


class Measured(_Table):
    """What an examiner measures, and the bounds of levels 2 and 3.

    Attributes
    ----------
    unit : "s" or "deg"
    from_ : float
        Where level 2 begins.
    over : float
        What level 3 exceeds.
    """

    unit: str
    from_: float = Field(alias="from")
    over: float


class Scale(_Table):
    """One scale.

    Attributes
    ----------
    scale : str
        Its name on the observation.
    levels : tuple of str
        What the levels mean, lowest first.
    first : int
        The lowest level.
    skipped : Skip or None
    needs : str or None
        Answer without which this one says nothing.
    measured : Measured or None
    """

    scale: str
    levels: tuple[str, ...]
    first: int
    skipped: Skip | None = None
    needs: str | None = None
    measured: Measured | None = None
    tag: Tag
    source: str

    @property
    def last(self) -> int:
        """The highest level."""
        return self.first + len(self.levels) - 1


@cache
def scales() -> Mapping[str, Scale]:
    """Every scale by the id of its quantity, validated when first read."""
    text = files("atlasplane.pathways.spasm").joinpath("data/scales.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    if table.pop("schema") != SCHEMA:
        raise ValueError("scales.toml: unknown schema")
    return MappingProxyType({id_: Scale(**entry) for id_, entry in table.items()})


def scale_grades(
    answers: Mapping[str, object],
    *,
    file: str,
    visit: str,
    observer: tuple[str, ...] = (),
    site: Site | None = None,
) -> tuple[Grade, ...]:
    """The answers to the scales as grades, in the order of the scales.

    Parameters
    ----------
    answers : mapping
        Level by id of the scale, such as ``{"penn_frequency": 2, "penn_severity": 1}``; None where it was not
        answered. Ids that are no scale of spasm are not looked at.
    file : str
        Name for messages.
    visit : str
        Id of the visit.
    observer : tuple of str
        Who asked.
    site : Site, optional
        Limb and side that were examined.

    Raises
    ------
    BadAnswer
        When an answer is no level of its scale, or its scale was to be skipped.
    """
    known = scales()
    given = {
        id_: _level(id_, answers[id_], known[id_], file) for id_ in known if answers.get(id_) is not None
    }
    for id_ in given:
        _check_rules(id_, given, known, file)
    return tuple(
        Grade(
            quantity=quantity(id_),
            visit=visit,
            site=site,
            method=f"{known[id_].scale}/1",
            tag=known[id_].tag,
            source=(file,),
            observer=observer,
            level=level,
            scale=known[id_].scale,
            agreement="; ".join(f"{error.text} ({error.source})" for error in quantity(id_).errors) or None,
        )
        for id_, level in given.items()
    )


def scats_level(id_: str, value: float, *, file: str) -> int:
    """Level of a spastic reflex from its length in seconds, or the flexion in degrees; 0 for none.

    Raises
    ------
    BadAnswer
        When the scale is not measured, or the value is negative or no number.
    """
    scale = scales().get(id_)
    if scale is None or scale.measured is None:
        raise BadAnswer(file, f"{id_} is not measured in seconds or degrees", "Pass a level of the scale")
    if not (math.isfinite(value) and value >= 0):
        raise BadAnswer(
            file, f"{id_} must be >= 0 {scale.measured.unit}, got {value:g}", "Enter what was measured"
        )
    if value == 0:
        return 0
    if value < scale.measured.from_:
        return 1
    return 3 if value > scale.measured.over else 2


def _level(id_: str, answer: object, scale: Scale, file: str) -> int:
    """The answer as a level."""
    whole = isinstance(answer, int) and not isinstance(answer, bool)
    if isinstance(answer, int) and whole and scale.first <= answer <= scale.last:
        return answer
    meant = ", ".join(f"{scale.first + k} {text}" for k, text in enumerate(scale.levels))
    raise BadAnswer(file, f"{id_} = {answer!r} is no level of the scale", f"Enter one of: {meant}")


def _check_rules(id_: str, given: Mapping[str, int], known: Mapping[str, Scale], file: str) -> None:
    """Answers that another answer leaves no room for."""
    scale = known[id_]
    if scale.skipped is not None and given.get(scale.skipped.where) == scale.skipped.is_:
        raise BadAnswer(
            file,
            f"{id_} = {given[id_]} stands beside {scale.skipped.where} = {scale.skipped.is_}, "
            "after which it is not asked",
            f"Leave {id_} out, or correct {scale.skipped.where}",
        )
    if scale.needs is not None and scale.needs not in given:
        raise BadAnswer(file, f"{id_} stands without {scale.needs}", f"Enter {scale.needs} too")
