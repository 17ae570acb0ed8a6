"""What the joint fit takes as known beforehand, as data (data/film_fit.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from atlasplane.core.quantity import Tag
from atlasplane.geometry.bundle_movement import Movement
from atlasplane.sources.film import View


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Sourced(_Table):
    tag: Tag
    source: str


class PoseSd(_Table):
    """Standard deviations of a pose, the same about and along every axis."""

    rotation_sd_deg: float = Field(gt=0)
    translation_sd_mm: float = Field(gt=0)


class HeadSd(PoseSd, _Sourced):
    """How far the head stands off where a film's marks suggest it."""


class CameraPrior(_Sourced):
    """How well a film's camera is known.

    Attributes
    ----------
    sid_sd_mm, principal_sd_mm : float
    pitch_rel_least : relative, the least that is taken for any pixel size
    pitch_rel_unscaled : relative, of a film whose scale is that of the mean person
    """

    sid_sd_mm: float = Field(ge=0)
    principal_sd_mm: float = Field(ge=0)
    pitch_rel_least: float = Field(gt=0, lt=1)
    pitch_rel_unscaled: float = Field(gt=0, lt=1)


class JointTable(_Sourced):
    """How far C1 and C2 stand off where they are expected in the skull."""

    c1: PoseSd
    c2: PoseSd


class MovementTable(_Sourced):
    """Movements of a joint between films that the test is made for, standard deviations along every axis.

    `c1_centre_mm` is what C1 turns about, in the skull's frame.
    """

    turn_sd_deg: float = Field(gt=0)
    shift_sd_mm: float = Field(ge=0)
    c1_centre_mm: tuple[float, float, float]


class RidgeSd(_Table):
    """How far points of real bones lie off the template, mm along each axis.

    Attributes
    ----------
    alike_sd_mm : both sides of a pair together; a mid-line point within its plane
    asymmetry_sd_mm : each side in its own way; a mid-line point out of its plane
    """

    alike_sd_mm: float = Field(gt=0)
    asymmetry_sd_mm: float = Field(gt=0)


class TemplateTable(_Sourced):
    """The generic shape: how many persons of the phantom are drawn, and what real bones differ in on top."""

    persons: int = Field(gt=1)
    skull: RidgeSd
    vertebra: RidgeSd


class ViewsTable(_Sourced):
    """Views that are fitted together, and what is added to every click's placing error (SD, px)."""

    views: tuple[View, ...]
    least_click_px: float = Field(gt=0)


class RobustTable(_Sourced):
    """Standard deviations beyond which a click is damped, and Cauchy's constant by which."""

    beyond: float = Field(gt=0)
    k: float = Field(gt=0)


class FitLimit(_Sourced):
    """A number beyond which nothing is given."""

    value: float
    unit: str


class FitSettings(_Table):
    """The whole of data/film_fit.toml."""

    films: ViewsTable
    excluded: Mapping[str, str]
    head: HeadSd
    camera: CameraPrior
    camera_matrix: CameraPrior
    joint: JointTable
    movement: MovementTable
    template: TemplateTable
    robust: RobustTable
    limits: Mapping[str, FitLimit]


@cache
def fit_settings() -> FitSettings:
    """The settings, validated when first read."""
    text = files("atlasplane.pathways.alignment").joinpath("data/film_fit.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    table.pop("schema")
    return FitSettings(**table)


def movement_looked_for() -> Movement:
    """Movements between films that the test is made for."""
    table = fit_settings().movement
    return Movement(turn_deg=table.turn_sd_deg, shift_mm=table.shift_sd_mm)


@cache
def excluded_ids() -> Mapping[str, str]:
    """Why a landmark, by its id in files (sides apart), is not fitted."""
    told: dict[str, str] = {}
    for id_, why in fit_settings().excluded.items():
        told |= dict.fromkeys((id_, f"{id_}_R", f"{id_}_L"), why)
    return MappingProxyType(told)
