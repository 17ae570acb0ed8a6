"""A neutral, computable classification of a misalignment.

Basic types exist in the teaching of the techniques, but their definition table was not found: the mapping to
Type I-IV is a user's own file (`TypeRule`s), shipped empty, and nothing here invents one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Measurement

Sign = Literal["right", "left", "zero"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRule:
    """One line of a user's type table; None matches anything."""

    name: str
    upper: Sign | None = None
    lower: Sign | None = None
    plane: Sign | None = None
    neck: Sign | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """Signs of the factors and what they say together.

    Attributes
    ----------
    label : str
        ``same side``, ``opposite angles`` or ``single-angle`` of upper and lower angle.
    upper, lower, plane, tilt, neck : Sign or None
        Right, left or zero (within the factor's own MDC95); None where not measured.
    lower_neck : str or None
        Whether C7 stands toward or away from the side of laterality.
    head : str or None
        Whether the head tilts toward or away from it.
    type_name : str or None
        From the user's table.
    tag : str
    """

    label: str
    upper: Sign
    lower: Sign
    plane: Sign | None
    tilt: Sign | None
    neck: Sign | None
    lower_neck: str | None
    head: str | None
    type_name: str | None
    tag: str = "proposed"


def classify(joint: JointObservations, rules: tuple[TypeRule, ...] = ()) -> Classification | None:
    """Classify a visit; None where upper or lower angle is not measured with an uncertainty."""
    upper, lower = _sign(joint.measurement("atlas_laterality")), _sign(joint.measurement("lower_angle"))
    if upper is None or lower is None:
        return None
    plane, tilt = _sign(joint.measurement("atlas_plane_tilt")), _sign(joint.measurement("head_tilt"))
    neck = _sign(joint.measurement("c7_offset"))
    if "zero" in (upper, lower):
        label = "single-angle"
    else:
        label = "same side" if upper == lower else "opposite angles"
    signs = {"upper": upper, "lower": lower, "plane": plane, "neck": neck}
    matching = (r.name for r in rules if all(getattr(r, k) in (None, v) for k, v in signs.items()))
    return Classification(
        label=label,
        upper=upper,
        lower=lower,
        plane=plane,
        tilt=tilt,
        neck=neck,
        lower_neck=_relation(neck, upper),
        head=_relation(tilt, upper),
        type_name=next(matching, None),
    )


def _sign(measured: Measurement | None) -> Sign | None:
    mdc = None if measured is None else measured.mdc()
    if measured is None or mdc is None:
        return None
    if abs(measured.value) < mdc.value:
        return "zero"
    return "right" if measured.value > 0 else "left"


def _relation(factor: Sign | None, laterality: Sign) -> str | None:
    if factor is None or "zero" in (factor, laterality):
        return None
    return "toward" if factor == laterality else "away"
