"""What a film and the patient truly hold, by formulas of this room's own.

An oracle: nothing here is shared with the pathways, so that a mistake there cannot hide. Only cameras and
poses are common.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy.optimize import least_squares

from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy, zxy_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.setup import SETUPS, FilmSetup
from atlasplane.simulate.subject import Angles, Posed, Subject
from atlasplane.sources.film import View

Values = dict[str, float]


def film_axes_camera(setup: FilmSetup, tube_deg: float, target_mm: Array) -> PinholeCamera:
    """The film's camera with detector coordinates along the film frame's axes, in mm."""
    camera = setup.camera(tube_deg, target_mm)
    turn = np.stack([setup.first.vector, setup.second.vector])
    axes = turn @ np.stack([camera.column_axis, camera.row_axis])
    return PinholeCamera(
        source_mm=camera.source_mm,
        centre_mm=camera.centre_mm,
        column_axis=axes[0],
        row_axis=axes[1],
        pitch_mm=np.ones(2),
        principal_px=np.zeros(2),
    )


def film_truth(setup: FilmSetup, posed: Posed, tube_deg: float, target_mm: Array) -> Values:
    """Quantities of the film with perfect landmarks."""
    return _read(setup.view, posed, film_axes_camera(setup, tube_deg, target_mm), setup.magnification)


def patient_truth(view: View, subject: Subject, angles: Angles) -> Values:
    """The patient's own quantities of one view.

    A pose where it has a name; else the value on the ideal film: head straight (posture quantities: as it
    stood), beam along the atlas plane (vertex: across it), film perpendicular to the beam, atlas on the
    central ray.
    """
    straight = Angles(head=np.zeros(3), atlas=angles.atlas, axis=angles.axis, trunk=angles.trunk)
    values = _ideal(view, subject.posed(straight))
    as_it_stood = _ideal(view, subject.posed(angles))
    for key in ("cervical_lean", "c7_offset"):
        if key in values:
            values[key] = as_it_stood[key]
    exact = {
        "head_tilt": angles.head[2],
        "atlas_laterality": angles.atlas[1],
        "atlas_rotation": angles.atlas[2],
        "atlas_plane_sagittal": -angles.atlas[0],
    }
    return {key: float(exact.get(key, value)) for key, value in values.items()}


def _ideal(view: View, posed: Posed) -> Values:
    setup = SETUPS[view]
    origin = posed.room_from["c1"].translation_mm
    if view is not View.LATERAL:
        pitch, _, _ = zxy_from_rotation(posed.room_from["c1"].rotation)
        level = RigidTransform.about(rotation_from_zxy(-pitch, 0.0, 0.0), origin)
        posed = _moved(posed, level)
    straight = film_axes_camera(setup, 0.0, origin)
    return _read(view, posed, straight, setup.magnification)


def _moved(posed: Posed, move: RigidTransform) -> Posed:
    """The same subject after a further motion; its outline is seen by a camera that moves the other way."""
    back = move.inverse()

    def seen(camera: PinholeCamera) -> PinholeCamera:
        turn = back.rotation
        return PinholeCamera(
            source_mm=back.apply(camera.source_mm),
            centre_mm=back.apply(camera.centre_mm),
            column_axis=turn @ camera.column_axis,
            row_axis=turn @ camera.row_axis,
            pitch_mm=camera.pitch_mm,
            principal_px=camera.principal_px,
        )

    return Posed(
        points_mm={id_: move.apply(at) for id_, at in posed.points_mm.items()},
        contours_mm={id_: move.apply(at) for id_, at in posed.contours_mm.items()},
        room_from={bone: move @ pose for bone, pose in posed.room_from.items()},
        walls=lambda camera: posed.walls(seen(camera)),
        wall_heights=lambda camera: posed.wall_heights(seen(camera)),
        parts=posed.parts,
    )


def _read(view: View, posed: Posed, camera: PinholeCamera, magnification: float) -> Values:
    shown = camera.project_mm(np.array(list(posed.points_mm.values()))) / magnification
    points = dict(zip(posed.points_mm, shown, strict=True))
    if view is View.LATERAL:
        return _lateral(points)
    if view is View.VERTEX:
        return _vertex(points)
    contours = {id_: camera.project_mm(at) / magnification for id_, at in posed.contours_mm.items()}
    lean, through = posed.walls(camera).axis()
    return _nasium(points, contours, lean, through / magnification)


def _angle(from_point: Array, to_point: Array) -> float:
    step = to_point - from_point
    return math.degrees(math.atan2(step[1], step[0]))


def _lateral(p: Mapping[str, Array]) -> Values:
    s_line = _angle(p["C1_ARCH_13"], p["C1_ARCH_LM"])
    palate = (p["HP_ANT"] + p["HP_POST"]) / 2
    ahead = palate - p["C1_ARCH_13"]
    rise = math.radians(s_line)
    return {
        "s_line_angle": s_line,
        "nasium_tube_angle": s_line,
        "s_palate_angle": s_line - _angle(p["HP_POST"], p["HP_ANT"]),
        "s_offset": ahead[0] * math.sin(rise) - ahead[1] * math.cos(rise),
        "atlas_plane_sagittal": _angle(p["C1_PT"], p["C1_AT"]),
    }


def _vertex(p: Mapping[str, Array]) -> Values:
    across, ahead = p["TF_R"] - p["TF_L"], p["CRIB"] - p["FM_C"]
    # In the frame (anterior, right) a right side that goes forward leans the transverse line towards the
    # skull's axis.
    return {"atlas_rotation": 90.0 - _angle_between(across, ahead)}


def _angle_between(u: Array, v: Array) -> float:
    return math.degrees(math.atan2(abs(u[0] * v[1] - u[1] * v[0]), float(u @ v)))


def _nasium(p: Mapping[str, Array], contours: Mapping[str, Array], lean: float, through: Array) -> Values:
    phi = _angle(p["PL_L"], p["PL_R"])
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
