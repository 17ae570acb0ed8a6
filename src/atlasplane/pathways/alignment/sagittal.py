"""Sagittal alignment of neck, trunk and pelvis: lateral and full-length lateral film.

Angles of curves are + for lordosis, slopes + where the anterior end lies lower. Identities: thoracic inlet
angle = T1 slope + neck tilt, pelvic incidence = pelvic tilt + sacral slope (both exact below 180 degrees).
"""

from __future__ import annotations

import numpy as np

from atlasplane.geometry import planar
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.lateral_lines import LateralLines, slope_deg
from atlasplane.pathways.alignment.marks import Construction
from atlasplane.pathways.alignment.segments import RELATIVE_ROTATION, SEGMENTS, tangent_angle_deg

_CORNERS = ("AS", "PS", "AI", "PI")
_AXIS = tuple(f"C2_{corner}" for corner in _CORNERS)
_C7 = tuple(f"C7_{corner}" for corner in _CORNERS)
_COBB = ("C2_AI", "C2_PI", "C7_AI", "C7_PI")
_T1 = ("T1_AS", "T1_PS")
_INLET = (*_T1, "STERN_TOP")
_SACRUM = ("S1_A", "S1_P")
_HIPS = ("FHC_R", "FHC_L")


def _cobb(film: LateralLines) -> Array:
    return planar.signed_angle_deg(film.direction("C7_PI", "C7_AI"), film.axis_base)


def _caudal_normal(forward: Array) -> Array:
    """Downward perpendicular of an endplate that is directed forward."""
    return -planar.perpendicular(forward)


def _t1_slope(film: LateralLines) -> Array:
    return slope_deg(film.direction("T1_PS", "T1_AS"))


def _inlet_line(film: LateralLines) -> Array:
    """From the middle of the T1 endplate to the top of the sternum."""
    return film.marks["STERN_TOP"] - film.middle(*_T1)


def _thoracic_inlet(film: LateralLines) -> Array:
    normal = _caudal_normal(film.direction("T1_PS", "T1_AS"))
    return planar.signed_angle_deg(normal, _inlet_line(film))


def _forward_of_plumb(line: Array) -> Array:
    """Angle of a line that runs downward against the vertical, + forward."""
    return np.degrees(np.arctan2(line[..., 0], -line[..., 1]))


def _k_line(film: LateralLines) -> Array:
    """The ossification before the line between the middles of the canal at C2 and C7."""
    upper, lower = (
        (film.middle(f"{level}_PS", f"{level}_PI") + film.marks[f"SLL_{level}"]) / 2 for level in ("C2", "C7")
    )
    return planar.signed_distance(film.marks["OPLL"], upper, planar.unit(lower - upper))


def _sacral_plate(film: LateralLines) -> Array:
    return film.direction("S1_P", "S1_A")


def _hip_line(film: LateralLines) -> Array:
    """From the middle of the sacral plate to the hip axis."""
    return film.middle(*_HIPS) - film.middle(*_SACRUM)


def _pelvic_incidence(film: LateralLines) -> Array:
    return planar.signed_angle_deg(_caudal_normal(_sacral_plate(film)), _hip_line(film))


_BOTH: tuple[Construction[LateralLines], ...] = (
    Construction("cobb_c2_c7", _COBB, _cobb),
    Construction(
        "ara_c2_c7",
        ("C2_PS", "C2_PI", "C7_PS", "C7_PI"),
        lambda film: tangent_angle_deg(film, "C2", "C7"),
    ),
    *RELATIVE_ROTATION,
    Construction(
        "sva_c2_c7",
        (*_AXIS, "C7_PS"),
        lambda film: film.middle(*_AXIS)[..., 0] - film.marks["C7_PS"][..., 0],
    ),
    Construction(
        "anterior_head_translation", ("C2_PS", "C7_PI"), lambda film: film.forward("C2_PS", "C7_PI")
    ),
    Construction("eam_c7_sva", ("EAM_C", "C7_PS"), lambda film: film.forward("EAM_C", "C7_PS")),
    Construction("t1_slope", _T1, _t1_slope),
    Construction("thoracic_inlet_angle", _INLET, _thoracic_inlet),
    Construction("neck_tilt", _INLET, lambda film: _forward_of_plumb(_inlet_line(film))),
    Construction("c7_slope", ("C7_AS", "C7_PS"), lambda film: slope_deg(film.direction("C7_PS", "C7_AS"))),
    Construction("t1_slope_mismatch", _T1 + _COBB, lambda film: _t1_slope(film) - _cobb(film)),
)

SAGITTAL: tuple[Construction[LateralLines], ...] = (
    *_BOTH,
    Construction("mcgregor_slope", ("HP_POST", "OCC_INF"), lambda film: slope_deg(film.mcgregor)),
    *SEGMENTS,
    Construction(
        "k_line_distance", ("C2_PS", "C2_PI", "SLL_C2", "C7_PS", "C7_PI", "SLL_C7", "OPLL"), _k_line
    ),
)
"""Lateral film of the neck."""

LATERAL_FULL: tuple[Construction[LateralLines], ...] = (
    *_BOTH,
    Construction(
        "sva_c7_s1", (*_C7, "S1_P"), lambda film: film.middle(*_C7)[..., 0] - film.marks["S1_P"][..., 0]
    ),
    # From the upper to the lower endplate, so that + is kyphosis.
    Construction(
        "thoracic_kyphosis",
        ("T4_AS", "T4_PS", "T12_AI", "T12_PI"),
        lambda film: planar.signed_angle_deg(
            film.direction("T4_PS", "T4_AS"), film.direction("T12_PI", "T12_AI")
        ),
    ),
    Construction(
        "lumbar_lordosis",
        ("L1_AS", "L1_PS", *_SACRUM),
        lambda film: planar.signed_angle_deg(_sacral_plate(film), film.direction("L1_PS", "L1_AS")),
    ),
    Construction("sacral_slope", _SACRUM, lambda film: slope_deg(_sacral_plate(film))),
    Construction("pelvic_tilt", _HIPS + _SACRUM, lambda film: _forward_of_plumb(_hip_line(film))),
    Construction("pelvic_incidence", _HIPS + _SACRUM, _pelvic_incidence),
)
"""Full-length lateral film."""
