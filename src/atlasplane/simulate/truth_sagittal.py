"""Truth of what is read from the side: craniocervical lines, neck, trunk, pelvis, profile photograph.

Film coordinates (x, y) in object millimetres: anterior, superior. Formulas are this room's own, written from
the definitions of the catalogue; lordosis is positive.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.simulate.truth_series import Values, angle_deg

Points = Mapping[str, Array]
CERVICAL = tuple(range(2, 8))


def sagittal_values(p: Points) -> Values:
    """Every quantity from the side whose points are there."""
    values: Values = {}
    for part in (_joint_of_dens, _base_lines, _angles, _neck, _inlet, _segments, _canal, _trunk, _pelvis):
        values |= part(_Known(p))
    return {key: value for key, value in values.items() if not math.isnan(value)}


class _Known:
    """Points by id; one that is missing is nan, and so is all that hangs on it."""

    def __init__(self, points: Points) -> None:
        self._points = points

    def __getitem__(self, id_: str) -> Array:
        return self._points.get(id_, np.full(2, np.nan))

    def middle(self, *ids: str) -> Array:
        at: Array = np.mean([self[id_] for id_ in ids], axis=0)
        return at

    def tilt(self, rear: str, front: str) -> float:
        return angle_deg(self[rear], self[front])


def _turn(from_deg: float, to_deg: float) -> float:
    """Angle from one direction to another, deg in (-180, 180]."""
    return -((from_deg - to_deg + 180.0) % 360.0 - 180.0)


def _left_of(at: Array, start: Array, end: Array) -> float:
    """Distance of a point from a line, + on the left of its direction."""
    along, off = end - start, at - start
    return float((along[0] * off[1] - along[1] * off[0]) / math.hypot(*along))


def _distance(a: Array, b: Array) -> float:
    return math.dist(a, b)


def _joint_of_dens(p: _Known) -> Values:
    # The posterior axial line runs downward, so its left is ventral.
    def ventral(at: Array) -> float:
        return _left_of(at, p["DENS_POST_SUP"], p["DENS_POST_INF"])

    up, base = p["DENS_TIP"], p.middle("C2_AI", "C2_PI")
    axis, arch = (up - base) / _distance(up, base), p["C1_AT"] - p["C1_PT"]
    to_arch = p["C1_PT"] - p["C2_PED"]
    return {
        "adi": ventral(p["C1_AA"]) - ventral(p["DENS_ANT"]),
        "padi": -ventral(p["SLL_C1"]),
        "bai": ventral(p["BA"]),
        "bdi": _distance(p["BA"], p["DENS_TIP"]),
        "powers_ratio": _distance(p["BA"], p["SLL_C1"]) / _distance(p["OP"], p["C1_AA"]),
        "grabb_oakes": -_left_of(p["DURA_C2"], p["BA"], p["C2_PI"]),
        # Up the axis of C2 from its pedicle until the line of the atlas is met.
        "ranawat": float(np.linalg.solve(np.column_stack([axis, -arch]), to_arch)[0])
        if np.all(np.isfinite([axis, arch, to_arch]))
        else math.nan,
    }


def _base_lines(p: _Known) -> Values:
    tip = p["DENS_TIP"]
    return {
        "wackenheim": _left_of(tip, p["CLIV_SUP"], p["BA"]),
        "chamberlain": -_left_of(tip, p["HP_POST"], p["OP"]),
        "mcrae": -_left_of(tip, p["BA"], p["OP"]),
        "mcgregor": -_left_of(tip, p["HP_POST"], p["OCC_INF"]),
        "redlund_johnell": _left_of(p.middle("C2_AI", "C2_PI"), p["HP_POST"], p["OCC_INF"]),
        "foramen_magnum_diameter": _distance(p["BA"], p["OP"]),
        "clivoaxial_angle": (p.tilt("BA", "CLIV_SUP") - p.tilt("DENS_POST_SUP", "DENS_POST_INF")) % 360.0,
    }


def _angles(p: _Known) -> Values:
    skull, atlas, axis = p.tilt("OCC_INF", "HP_POST"), p.tilt("C1_PT", "C1_AT"), p.tilt("C2_PI", "C2_AI")
    return {
        "c0_c1_angle": _turn(atlas, skull),
        "c1_c2_angle": _turn(axis, atlas),
        "c0_c2_angle": _turn(axis, skull),
        "mcgregor_slope": -skull,
        "cobb_c2_c7": _turn(p.tilt("C7_PI", "C7_AI"), axis),
        "ara_c2_c7": _turn(p.tilt("C7_PS", "C7_PI"), p.tilt("C2_PS", "C2_PI")),
    }


def _neck(p: _Known) -> Values:
    centroid = p.middle("C2_AS", "C2_PS", "C2_AI", "C2_PI")
    return {
        "sva_c2_c7": float(centroid[0] - p["C7_PS"][0]),
        "anterior_head_translation": float(p["C2_PS"][0] - p["C7_PI"][0]),
        "eam_c7_sva": float(p["EAM_C"][0] - p["C7_PS"][0]),
    }


def _inlet(p: _Known) -> Values:
    slope = -p.tilt("T1_PS", "T1_AS")
    to_sternum = p["STERN_TOP"] - p.middle("T1_AS", "T1_PS")
    caudal_normal = -90.0 - slope
    return {
        "t1_slope": slope,
        "c7_slope": -p.tilt("C7_PS", "C7_AS"),
        "neck_tilt": math.degrees(math.atan2(to_sternum[0], -to_sternum[1])),
        "thoracic_inlet_angle": _turn(caudal_normal, angle_deg(np.zeros(2), to_sternum)),
        "t1_slope_mismatch": slope - _turn(p.tilt("C7_PI", "C7_AI"), p.tilt("C2_PI", "C2_AI")),
    }


def _segments(p: _Known) -> Values:
    values: Values = {}
    for upper, lower in pairwise(CERVICAL):
        level, a, b = f"C{upper}-C{lower}", f"C{upper}", f"C{lower}"
        plate = p[f"{b}_AS"] - p[f"{b}_PS"]
        length = math.hypot(*plate)
        slip = float((p[f"{a}_PI"] - p[f"{b}_PS"]) @ plate) / length
        values |= {
            f"rra/{level}": _turn(p.tilt(f"{b}_PS", f"{b}_PI"), p.tilt(f"{a}_PS", f"{a}_PI")),
            f"disc_angle/{level}": _turn(p.tilt(f"{b}_PS", f"{b}_AS"), p.tilt(f"{a}_PI", f"{a}_AI")),
            f"listhesis/{level}": slip,
            f"listhesis_percent/{level}": 100.0 * slip / length,
        }
    return values


def _canal(p: _Known) -> Values:
    corners = [f"C{k}_{end}" for k in CERVICAL for end in ("PS", "PI")]
    values = {
        f"george_deviation/{here}": _left_of(p[here], p[above], p[below])
        for above, here, below in zip(corners, corners[1:], corners[2:], strict=False)
    }
    for k in CERVICAL[1:]:
        front, rear = p.middle(f"C{k}_AS", f"C{k}_AI"), p.middle(f"C{k}_PS", f"C{k}_PI")
        values[f"torg_ratio/C{k}"] = _distance(rear, p[f"SLL_C{k}"]) / _distance(front, rear)
    top, bottom = ((p.middle(f"C{k}_PS", f"C{k}_PI") + p[f"SLL_C{k}"]) / 2 for k in (2, 7))
    return values | {"k_line_distance": _left_of(p["OPLL"], top, bottom)}


def _trunk(p: _Known) -> Values:
    centroid = p.middle("C7_AS", "C7_PS", "C7_AI", "C7_PI")
    return {
        "sva_c7_s1": float(centroid[0] - p["S1_P"][0]),
        "thoracic_kyphosis": _turn(p.tilt("T4_PS", "T4_AS"), p.tilt("T12_PI", "T12_AI")),
        "lumbar_lordosis": _turn(p.tilt("S1_P", "S1_A"), p.tilt("L1_PS", "L1_AS")),
    }


def _pelvis(p: _Known) -> Values:
    slope = -p.tilt("S1_P", "S1_A")
    hips, plate = p.middle("FHC_R", "FHC_L"), p.middle("S1_A", "S1_P")
    return {
        "sacral_slope": slope,
        "pelvic_tilt": math.degrees(math.atan2(hips[0] - plate[0], plate[1] - hips[1])),
        "pelvic_incidence": _turn(-90.0 - slope, angle_deg(plate, hips)),
    }


def profile_values(p: Points, side: str) -> Values:
    """Photograph from the side; `side` is the one towards the camera."""
    tragus = f"TRAGUS_{side[0].upper()}"
    if tragus not in p or "C7_SP" not in p:
        return {}
    return {f"craniovertebral_angle/{side}": angle_deg(p["C7_SP"], p[tragus])}
