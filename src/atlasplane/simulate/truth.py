"""What a film and the patient truly hold, by formulas of this room's own.

An oracle: nothing here is shared with the pathways, so that a mistake there cannot hide. Only cameras and
poses are common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantity
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy, zxy_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.setup import SETUPS, FilmSetup
from atlasplane.simulate.subject import Angles, Posed, Subject
from atlasplane.simulate.truth_coronal import base_values, facing_values, frontal_values, open_mouth_values
from atlasplane.simulate.truth_sagittal import profile_values, sagittal_values
from atlasplane.simulate.truth_series import Values, lateral_values, nasium_values, vertex_values
from atlasplane.sources.film import Detector, View

ALONG_THE_ATLAS = (View.NASIUM, View.VERTEX)
"""Views whose ideal beam takes its direction from the plane of the atlas."""


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
    """Quantities of the film with perfect landmarks, by key `id[/LEVEL][/side][@condition]`."""
    return _read(setup, posed, film_axes_camera(setup, tube_deg, target_mm))


def patient_truth(view: View, subject: Subject, angles: Angles, *, from_left: bool = False) -> Values:
    """The patient's own quantities of one view.

    A pose where it has a name; else the value on the ideal film: head straight (posture quantities: as it
    stood, turned square to the beam on views that are neither nasium nor vertex), beam along the atlas plane
    on the nasium and across it on the vertex, else level (base-posterior: upright), film perpendicular to the
    beam, atlas on the central ray.
    """
    setup = replace(SETUPS[view], from_left=from_left)
    straight = Angles(head=np.zeros(3), atlas=angles.atlas, axis=angles.axis, trunk=angles.trunk)
    values = _ideal(setup, subject.posed(straight))
    as_it_stood = _ideal(setup, subject.posed(replace(angles, head=angles.head * _kept(view))))
    for key in values:
        if quantity(ObservationKey.parse(key).quantity).posture:
            values[key] = as_it_stood[key]
    exact = {
        "head_tilt": angles.head[2],
        "atlas_laterality": angles.atlas[1],
        "atlas_rotation": angles.atlas[2],
        "atlas_plane_sagittal": -angles.atlas[0],
    }
    return {key: float(exact.get(key, value)) for key, value in values.items()}


def _kept(view: View) -> Array:
    """Which of yaw, pitch and roll posture keeps: a profile knows pitch alone, a front view no yaw."""
    if view in ALONG_THE_ATLAS:
        return np.ones(3)
    return np.array([0.0, 1.0, 0.0] if view.is_profile else [0.0, 1.0, 1.0])


def _ideal(setup: FilmSetup, posed: Posed) -> Values:
    origin = posed.room_from["c1"].translation_mm
    if setup.view in ALONG_THE_ATLAS:
        pitch, _, _ = zxy_from_rotation(posed.room_from["c1"].rotation)
        level = RigidTransform.about(rotation_from_zxy(-pitch, 0.0, 0.0), origin)
        posed = _moved(posed, level)
    perpendicular = replace(setup, detector=Detector.PERPENDICULAR)
    return _read(setup, posed, film_axes_camera(perpendicular, 0.0, origin))


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


def _read(setup: FilmSetup, posed: Posed, camera: PinholeCamera) -> Values:
    ids, scale = list(posed.points_mm), 1 / setup.magnification
    shown = camera.project_mm(np.array([posed.points_mm[id_] for id_ in ids])) * scale
    points = dict(zip(ids, shown, strict=True))
    contours = {id_: camera.project_mm(at) * scale for id_, at in posed.contours_mm.items()}
    if setup.view is View.NASIUM:
        lean, through = posed.walls(camera).axis()
        values = nasium_values(points, contours, lean, through * scale)
    else:
        values = _PLAIN.get(setup.view, _nothing)(points, contours, setup)
    return _keyed(setup.view, values)


def _nothing(points: Mapping[str, Array], contours: Mapping[str, Array], setup: FilmSetup) -> Values:
    del points, contours, setup
    return {}


_PLAIN: Mapping[View, Callable[[Mapping[str, Array], Mapping[str, Array], FilmSetup], Values]] = {
    View.LATERAL: lambda p, _, __: lateral_values(p) | sagittal_values(p),
    View.VERTEX: lambda p, _, __: vertex_values(p),
    View.LATERAL_FULL: lambda p, _, __: sagittal_values(p),
    View.APOM: lambda p, c, _: open_mouth_values(p, c),
    View.AP_CERVICAL: lambda p, _, __: frontal_values(p),
    View.AP_FULL: lambda p, _, __: frontal_values(p),
    View.BASE_POSTERIOR: lambda p, _, __: base_values(p),
    View.PHOTO_LATERAL: lambda p, _, setup: profile_values(p, "left" if setup.from_left else "right"),
    View.PHOTO_FRONT: lambda p, _, __: facing_values(p, from_behind=False),
    View.PHOTO_BACK: lambda p, _, __: facing_values(p, from_behind=True),
}
"""What is read from a view; Blair's oblique views are looked at, not measured."""


def _keyed(view: View, values: Values) -> Values:
    """Values that the catalogue reads from the view; away from the home view the key names its condition."""
    keyed: Values = {}
    for key, value in values.items():
        views = quantity(ObservationKey.parse(key).quantity).views
        if view.value in views:
            keyed[key if views[0] == view.value else f"{key}@{view.value}"] = value
    return keyed
