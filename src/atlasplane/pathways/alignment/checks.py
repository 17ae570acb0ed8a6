"""What a film says about itself: numbers held against limits, which also tighten the head-position term.

They go through the same propagation as the quantities; their keys start with `check.`.
"""

from __future__ import annotations

import numpy as np

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.lateral import LateralLines
from atlasplane.pathways.alignment.marks import Construction
from atlasplane.pathways.alignment.nasium import NasiumLines
from atlasplane.pathways.alignment.vertex import VertexLines

YAW_PAIRS = {"check.orbits": "ORB", "check.rami": "RAM"}
"""Paired structures whose distances from the central skull line tell the head's yaw."""


def _shift_left(film: NasiumLines, pair: str) -> Array:
    """(d_L - d_R) / 2 of a pair, d the distance of each side from the central skull line; film units."""
    line = film.central_skull
    middle = (film.marks[f"{pair}_R"] + film.marks[f"{pair}_L"]) / 2
    return planar.signed_distance(middle, line.point, line.direction)


def _orbits(film: NasiumLines) -> Array:
    return _shift_left(film, "ORB")


def _rami(film: NasiumLines) -> Array:
    return _shift_left(film, "RAM")


def _attachments(film: NasiumLines) -> Array:
    return planar.signed_angle_deg(film.atlas_plane, film.check_line)


def _roll(film: NasiumLines) -> Array:
    return np.asarray(film.central_skull.lean_deg)


_SKULL = ("SKULL_R", "SKULL_L")

LATERAL_CHECKS: tuple[Construction[LateralLines], ...] = ()
NASIUM_CHECKS: tuple[Construction[NasiumLines], ...] = (
    Construction("check.orbits", (*_SKULL, "ORB_R", "ORB_L"), _orbits),
    Construction("check.rami", (*_SKULL, "RAM_R", "RAM_L"), _rami),
    Construction("check.roll", _SKULL, _roll),
    Construction("check.attachments", ("PL_R", "PL_L", "PLU_R", "PLU_L"), _attachments),
)
VERTEX_CHECKS: tuple[Construction[VertexLines], ...] = ()
