"""Craniocervical junction from the side: lateral film, or the mid-sagittal plane of a volume.

Every interval is signed and every angle is taken with its direction, so that none has a kink where its value
passes through 0 or 180 and the first-order propagation holds there. Two are distances between points (basion
to dens, diameter of the foramen); they are smooth as long as they are large against the placing error.
"""

from __future__ import annotations

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.lateral_lines import LateralLines, ratio
from atlasplane.pathways.alignment.marks import Construction


def _apart(film: LateralLines, a: str, b: str) -> Array:
    between = film.marks[a] - film.marks[b]
    return planar.dot(between, between) ** 0.5


def _tip_above(film: LateralLines, back: str, front: str) -> Array:
    """Tip of the dens above a line of the skull's base."""
    tip, base = film.marks["DENS_TIP"], film.marks[back]
    return planar.signed_distance(tip, base, film.direction(back, front))


def _powers(film: LateralLines) -> Array:
    return ratio(_apart(film, "BA", "SLL_C1"), _apart(film, "OP", "C1_AA"))


def _ranawat(film: LateralLines) -> Array:
    """Along the axis of C2 from the pedicle to the line of the atlas."""
    pedicle = film.marks["C2_PED"]
    upward = planar.unit(film.marks["DENS_TIP"] - film.middle("C2_AI", "C2_PI"))
    meeting = planar.intersection(pedicle, upward, film.marks["C1_PT"], film.atlas_plane)
    return planar.dot(meeting - pedicle, upward)


def _redlund_johnell(film: LateralLines) -> Array:
    base = film.middle("C2_AI", "C2_PI")
    return -planar.signed_distance(base, film.marks["OCC_INF"], film.mcgregor)


def _clivoaxial(film: LateralLines) -> Array:
    """Straight (180) plus the forward bend of the clivus line on the axis, which is negative."""
    return 180.0 + planar.signed_angle_deg(-film.posterior_axial, film.direction("BA", "CLIV_SUP"))


def _grabb_oakes(film: LateralLines) -> Array:
    return -planar.signed_distance(film.marks["DURA_C2"], film.marks["BA"], film.direction("BA", "C2_PI"))


_AXIAL = ("DENS_POST_SUP", "DENS_POST_INF")
_MCGREGOR = ("HP_POST", "OCC_INF")
_ATLAS = ("C1_AT", "C1_PT")
_BASE = ("C2_AI", "C2_PI")

CRANIOCERVICAL: tuple[Construction[LateralLines], ...] = (
    Construction("adi", ("C1_AA", "DENS_ANT", *_AXIAL), lambda film: film.before_axis("C1_AA", "DENS_ANT")),
    Construction("padi", ("SLL_C1", *_AXIAL), lambda film: -film.before_axis("SLL_C1")),
    Construction("bdi", ("BA", "DENS_TIP"), lambda film: _apart(film, "BA", "DENS_TIP")),
    Construction("bai", ("BA", *_AXIAL), lambda film: film.before_axis("BA")),
    Construction("powers_ratio", ("BA", "SLL_C1", "OP", "C1_AA"), _powers),
    # The clivus line runs down and back: what lies on its left lies in front of it.
    Construction(
        "wackenheim", ("CLIV_SUP", "BA", "DENS_TIP"), lambda film: _tip_above(film, "CLIV_SUP", "BA")
    ),
    Construction(
        "chamberlain", ("HP_POST", "OP", "DENS_TIP"), lambda film: _tip_above(film, "OP", "HP_POST")
    ),
    Construction("mcrae", ("BA", "OP", "DENS_TIP"), lambda film: _tip_above(film, "OP", "BA")),
    Construction("foramen_magnum_diameter", ("BA", "OP"), lambda film: _apart(film, "BA", "OP")),
    Construction("mcgregor", (*_MCGREGOR, "DENS_TIP"), lambda film: _tip_above(film, "OCC_INF", "HP_POST")),
    Construction("ranawat", ("C2_PED", *_ATLAS, "DENS_TIP", *_BASE), _ranawat),
    Construction("redlund_johnell", _BASE + _MCGREGOR, _redlund_johnell),
    Construction("clivoaxial_angle", ("CLIV_SUP", "BA", *_AXIAL), _clivoaxial),
    Construction("grabb_oakes", ("BA", "C2_PI", "DURA_C2"), _grabb_oakes),
    Construction(
        "c0_c1_angle",
        _ATLAS + _MCGREGOR,
        lambda film: planar.signed_angle_deg(film.atlas_plane, film.mcgregor),
    ),
    Construction(
        "c1_c2_angle", _ATLAS + _BASE, lambda film: planar.signed_angle_deg(film.axis_base, film.atlas_plane)
    ),
    Construction(
        "c0_c2_angle", _MCGREGOR + _BASE, lambda film: planar.signed_angle_deg(film.axis_base, film.mcgregor)
    ),
)
