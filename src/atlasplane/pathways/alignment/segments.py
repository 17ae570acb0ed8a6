"""Cervical levels from the side: one number for each vertebra or pair of neighbours."""

from __future__ import annotations

from collections.abc import Callable

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.lateral_lines import LateralLines, ratio
from atlasplane.pathways.alignment.marks import Construction

_PAIRS = tuple((f"C{k}", f"C{k + 1}") for k in range(2, 7))
"""Upper and lower vertebra of each segment."""
_ARC = tuple(f"C{k}_{corner}" for k in range(2, 8) for corner in ("PS", "PI"))
"""George's line: the posterior corners from above downward."""

Segment = Callable[[LateralLines, str, str], Array]


def tangent_angle_deg(film: LateralLines, upper: str, lower: str) -> Array:
    """Posterior tangent of the upper vertebra against that of the lower one, + lordosis (Harrison)."""
    below, above = (film.direction(f"{bone}_PS", f"{bone}_PI") for bone in (lower, upper))
    return planar.signed_angle_deg(below, above)


def _disc_angle(film: LateralLines, upper: str, lower: str) -> Array:
    below, above = film.direction(f"{lower}_PS", f"{lower}_AS"), film.direction(f"{upper}_PI", f"{upper}_AI")
    return planar.signed_angle_deg(below, above)


def _listhesis(film: LateralLines, upper: str, lower: str) -> Array:
    shift = film.marks[f"{upper}_PI"] - film.marks[f"{lower}_PS"]
    return planar.dot(shift, film.direction(f"{lower}_PS", f"{lower}_AS"))


def _listhesis_percent(film: LateralLines, upper: str, lower: str) -> Array:
    plate = film.marks[f"{lower}_AS"] - film.marks[f"{lower}_PS"]
    shift = film.marks[f"{upper}_PI"] - film.marks[f"{lower}_PS"]
    return 100.0 * ratio(planar.dot(shift, plate), planar.dot(plate, plate))


def _torg(film: LateralLines, level: str) -> Array:
    behind = film.middle(f"{level}_PS", f"{level}_PI")
    canal = film.marks[f"SLL_{level}"] - behind
    body = film.middle(f"{level}_AS", f"{level}_AI") - behind
    return ratio(planar.dot(canal, canal), planar.dot(body, body)) ** 0.5


def _each(
    id_: str, value: Segment, upper_corners: tuple[str, ...], lower_corners: tuple[str, ...]
) -> tuple[Construction[LateralLines], ...]:
    """One construction for each segment C2-C3 to C6-C7."""

    def construction(upper: str, lower: str) -> Construction[LateralLines]:
        needs = (*(f"{upper}_{c}" for c in upper_corners), *(f"{lower}_{c}" for c in lower_corners))
        return Construction(f"{id_}/{upper}-{lower}", needs, lambda film: value(film, upper, lower))

    return tuple(construction(upper, lower) for upper, lower in _PAIRS)


def _george(above: str, corner: str, below: str) -> Construction[LateralLines]:
    def before_chord(film: LateralLines) -> Array:
        return planar.signed_distance(film.marks[corner], film.marks[above], film.direction(above, below))

    return Construction(f"george_deviation/{corner}", (above, corner, below), before_chord)


def _torg_ratio(level: str) -> Construction[LateralLines]:
    needs = (*(f"{level}_{c}" for c in ("AS", "PS", "AI", "PI")), f"SLL_{level}")
    return Construction(f"torg_ratio/{level}", needs, lambda film: _torg(film, level))


RELATIVE_ROTATION = _each("rra", tangent_angle_deg, ("PS", "PI"), ("PS", "PI"))
"""Also read from a full-length film."""

SEGMENTS: tuple[Construction[LateralLines], ...] = (
    *_each("disc_angle", _disc_angle, ("AI", "PI"), ("AS", "PS")),
    *_each("listhesis", _listhesis, ("PI",), ("AS", "PS")),
    *_each("listhesis_percent", _listhesis_percent, ("PI",), ("AS", "PS")),
    *(_george(*three) for three in zip(_ARC, _ARC[1:], _ARC[2:], strict=False)),
    *(_torg_ratio(f"C{k}") for k in range(3, 8)),
)
