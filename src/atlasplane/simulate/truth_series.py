"""Truth of the films of the series: lateral, vertex and nasium lines, by formulas of this room's own."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.optimize import least_squares

from atlasplane.geometry.types import Array

Values = dict[str, float]


def angle_deg(from_point: Array, to_point: Array) -> float:
    """Direction of a step in film axes, deg, counter-clockwise from the first axis."""
    step = to_point - from_point
    return math.degrees(math.atan2(step[1], step[0]))


def lateral_values(p: Mapping[str, Array]) -> Values:
    """Lines of the lateral film at the atlas and the palate."""
    s_line = angle_deg(p["C1_ARCH_13"], p["C1_ARCH_LM"])
    palate = (p["HP_ANT"] + p["HP_POST"]) / 2
    ahead = palate - p["C1_ARCH_13"]
    rise = math.radians(s_line)
    return {
        "s_line_angle": s_line,
        "nasium_tube_angle": s_line,
        "s_palate_angle": s_line - angle_deg(p["HP_POST"], p["HP_ANT"]),
        "s_offset": ahead[0] * math.sin(rise) - ahead[1] * math.cos(rise),
        "atlas_plane_sagittal": angle_deg(p["C1_PT"], p["C1_AT"]),
    }


def vertex_values(p: Mapping[str, Array]) -> Values:
    """Rotation of the atlas on the vertex film."""
    across, ahead = p["TF_R"] - p["TF_L"], p["CRIB"] - p["FM_C"]
    # In the frame (anterior, right) a right side that goes forward leans the transverse line towards the
    # skull's axis.
    return {"atlas_rotation": 90.0 - _angle_between(across, ahead)}


def _angle_between(u: Array, v: Array) -> float:
    return math.degrees(math.atan2(abs(u[0] * v[1] - u[1] * v[0]), float(u @ v)))


def nasium_values(
    p: Mapping[str, Array], contours: Mapping[str, Array], lean: float, through: Array
) -> Values:
    """The nasium film; `lean` (deg) and `through` (mm) are of the central skull line."""
    phi = angle_deg(p["PL_L"], p["PL_R"])
    values = {"atlas_plane_tilt": phi, "head_tilt": lean, "atlas_laterality": phi + lean}
    middle = (p["PL_R"] + p["PL_L"]) / 2
    right = np.array([math.cos(math.radians(phi)), math.sin(math.radians(phi))])

    def offset(at: Array) -> float:
        return float((at - middle) @ right)

    values |= _neck(p, phi, middle, offset)
    for side in ("R", "L"):
        name = {"R": "right", "L": "left"}[side]
        if f"TP_{side}" in p:
            values[f"transverse_offset/{name}"] = offset(p[f"TP_{side}"])
    circles = {}
    for name, ids in (("condylar", ("COND_R", "COND_L")), ("axial", ("AXIS_R", "AXIS_L"))):
        if all(id_ in contours for id_ in ids):
            centre, circles[name] = _circle(np.concatenate([contours[id_] for id_ in ids]))
            values[f"{name}_radius"] = circles[name]
            values[f"{name}_centre_offset"] = offset(centre)
            for id_, side in zip(ids, ("right", "left"), strict=True):
                values[f"{name}_radius/{side}"] = _circle(contours[id_])[1]
    if len(circles) == 2:
        values["circle_ratio"] = circles["condylar"] / circles["axial"]
        values["circle_difference"] = 2 * (circles["condylar"] - circles["axial"]) / 25.4
    # The skull line runs along (sin h, cos h); solve for where it meets the atlas plane line.
    system = np.column_stack([right, [-math.sin(math.radians(lean)), -math.cos(math.radians(lean))]])
    values["skull_offset"] = float(np.linalg.solve(system, through - middle)[0])
    return values


def _neck(p: Mapping[str, Array], phi: float, middle: Array, offset: object) -> Values:
    assert callable(offset)
    dens, spinous = offset(p["OD_BASE"]), offset(p["C2_SPB"])
    values = {
        "odontoid_offset": dens,
        "spinous_offset": spinous,
        "axis_rotation": math.degrees(math.asin((spinous - dens) / 40.0)),
    }
    if "C7_C" in p:
        up = (p["OD_BASE"] + p["C2_SPB"]) / 2 - p["C7_C"]
        lean = math.degrees(math.atan2(up[0], up[1]))
        values |= {
            "cervical_lean": lean,
            "lower_angle": -(lean + phi),
            "c7_offset": float(p["C7_C"][0] - middle[0]),
        }
    return values


def _circle(points: Array) -> tuple[Array, float]:
    """Geometric least squares, started from the algebraic fit."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    start, *_ = np.linalg.lstsq(system, np.sum(points**2, axis=1), rcond=None)
    first = [start[0], start[1], math.sqrt(start[2] + start[0] ** 2 + start[1] ** 2)]
    fit = least_squares(
        lambda c: np.hypot(points[:, 0] - c[0], points[:, 1] - c[1]) - c[2], first, xtol=1e-12
    )
    return fit.x[:2], float(fit.x[2])
