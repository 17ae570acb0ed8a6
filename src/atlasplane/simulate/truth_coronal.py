"""Truth of what is read from the front, from below and from behind, and of the two rotations of a volume.

Film coordinates (z, y) in object millimetres: right, superior; base-posterior (x, z): anterior, right.
Formulas are this room's own, written from the definitions of the catalogue.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.simulate.truth_series import Values, angle_deg

Points = Mapping[str, Array]
_SIDES = (("right", "R", 1.0), ("left", "L", -1.0))
_GAP_AT = (0.125, 0.375, 0.625, 0.875)
_FINE = 2000


def open_mouth_values(p: Points, contours: Points) -> Values:
    """Open-mouth film, or the same in space: intervals beside the dens, overhang, gap of condyle and C1."""
    values: Values = {}
    if _has(p, "DENS_LAT", "C1_LMM"):
        wide = _unit(p["C1_LMM_R"] - p["C1_LMM_L"])
        for side, s, out in _SIDES:
            values[f"ladi/{side}"] = out * float((p[f"C1_LMM_{s}"] - p[f"DENS_LAT_{s}"]) @ wide)
        values["ladi_asymmetry"] = values["ladi/right"] - values["ladi/left"]
    if _has(p, "C1_LML", "C2_FL"):
        wide = _unit(p["C2_FL_R"] - p["C2_FL_L"])
        steps = [out * float((p[f"C1_LML_{s}"] - p[f"C2_FL_{s}"]) @ wide) for _, s, out in _SIDES]
        values["lateral_mass_overhang"] = sum(max(0.0, step) for step in steps)
    if _has(contours, "C0_FACET", "C1_FACET"):
        for side, s, _ in _SIDES:
            gap = _mean_gap(contours[f"C0_FACET_{s}"], contours[f"C1_FACET_{s}"])
            values[f"condyle_c1_interval/{side}"] = gap
    return values


def _mean_gap(condyle: Array, facet: Array) -> float:
    """Mean distance of four points of the condyle from the facet, found on finely drawn lines."""
    shares = np.linspace(0.0, 1.0, _FINE)
    drawn = _drawn(facet, shares)
    return float(
        np.mean([np.linalg.norm(drawn - at, axis=1).min() for at in _drawn(condyle, np.array(_GAP_AT))])
    )


def _drawn(line: Array, shares: Array) -> Array:
    """Points at shares of a polyline's length."""
    gone = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    return np.stack([np.interp(shares * gone[-1], gone, axis) for axis in line.T], axis=-1)


def frontal_values(p: Points) -> Values:
    """Cervical and full-length film from the front."""
    values = {
        key: angle_deg(p[f"{name}_L"], p[f"{name}_R"])
        for key, name in (("t1_tilt", "T1_SUP"), ("clavicle_angle", "CLAV"), ("pelvic_obliquity", "CREST"))
        if _has(p, name)
    }
    if _has(p, "COBB_U", "COBB_L"):
        upper, lower = (angle_deg(p[f"{name}_L"], p[f"{name}_R"]) for name in ("COBB_U", "COBB_L"))
        values["coronal_cobb"] = upper - lower
    if all(id_ in p for id_ in ("OD_BASE", "C2_SPB", "C7_C")):
        values["coronal_c2_c7_offset"] = float((p["OD_BASE"] + p["C2_SPB"])[0] / 2 - p["C7_C"][0])
    if "C7_C" in p and "S1_MID" in p:
        values["c7_plumb_offset"] = float(p["C7_C"][0] - p["S1_MID"][0])
    if _has(p, "FHT"):
        values["femoral_head_difference"] = float(p["FHT_R"][1] - p["FHT_L"][1])
    return values


def base_values(p: Points) -> Values:
    """Base-posterior film: convergence of the condyles' long axes on the mid-sagittal plane."""
    if not _has(p, "CONV_A", "CONV_P") or "MSP_A" not in p or "MSP_P" not in p:
        return {}
    ahead = angle_deg(p["MSP_P"], p["MSP_A"])
    return {
        f"blair_convergence/{side}": out * (ahead - angle_deg(p[f"CONV_P_{s}"], p[f"CONV_A_{s}"]))
        for side, s, out in _SIDES
    }


def facing_values(p: Points, *, from_behind: bool) -> Values:
    """Photograph from the front or from behind: head tilt by the eyes or by the ear lobes, shoulders."""
    head = "EARLOBE" if from_behind else "EYE"
    values: Values = {}
    if _has(p, head):
        values["head_tilt_photo"] = -angle_deg(p[f"{head}_L"], p[f"{head}_R"])
    if _has(p, "ACR"):
        values["shoulder_tilt"] = angle_deg(p["ACR_L"], p["ACR_R"])
    return values


def rotation_values(p: Points) -> Values:
    """Rotations that only a volume shows, from points (3,) on ISB axes, deg, + = right side anterior."""
    values: Values = {}
    if all(id_ in p for id_ in ("N", "BA", "INC_F", "C1_AT", "C1_PT")) and _has(p, "PO"):
        right = _unit(np.cross(p["N"] - p["BA"], p["INC_F"] - p["BA"]))
        right = right * np.sign(right @ (p["PO_R"] - p["PO_L"]))
        values["c0_c1_rotation"] = -math.degrees(math.asin(_unit(p["C1_AT"] - p["C1_PT"]) @ right))
    if all(id_ in p for id_ in ("DENS_TIP", "C2_AI", "C2_PI")) and _has(p, "C2_TF", "TF"):
        across, over = (p[f"{name}_R"] - p[f"{name}_L"] for name in ("C2_TF", "TF"))
        ahead = np.cross(p["DENS_TIP"] - (p["C2_AI"] + p["C2_PI"]) / 2, across)
        values["c1_c2_rotation"] = math.degrees(math.atan2(over @ _unit(ahead), over @ _unit(across)))
    return values


def _has(p: Points, *names: str) -> bool:
    return all(f"{name}_{side}" in p for name in names for side in "RL")


def _unit(v: Array) -> Array:
    length: Array = v / np.linalg.norm(v)
    return length
