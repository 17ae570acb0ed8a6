"""Template persons in one film's camera: what the film would show of them, and what is true of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from atlasplane.anatomy.phantom import BONES, Phantom, Posture, mean_phantom, phantom_population, posture
from atlasplane.anatomy.views import film_camera
from atlasplane.core.key import ObservationKey
from atlasplane.core.quantity import quantity
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.quadric import Ellipse, outline
from atlasplane.geometry.rotation import rotation_from_zxy, zxy_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_views import VIEWS
from atlasplane.pathways.alignment.head_prior import AtlasEstimate, HeadPrior, neighbour_sd_deg
from atlasplane.pathways.alignment.marks import Marks
from atlasplane.sources.film import Detector, Technique, View

_TEMPLATE_SEED = 20_260_302
"""Fixed, so that one film always gives the same u; the draws stand for a population and not for a patient."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Template persons with standard normal draws of everything that turns."""

    phantom: Phantom
    head: Array
    atlas: Array
    axis: Array
    trunk: Array
    camera: Array

    def atlas_deg(self, atlas: AtlasEstimate) -> Array:
        """Poses of C1 around the visit's estimate, shape (persons, 3)."""
        return atlas.mean_deg + self.atlas * atlas.u_deg


@cache
def population(count: int) -> Population:
    """That many template persons, always the same; one alone is the mean person."""
    rng = np.random.default_rng(_TEMPLATE_SEED)
    normal = rng.standard_normal((4, count, 3))
    phantom = phantom_population(count, rng) if count > 1 else mean_phantom(count)
    # A stream of its own: what photographs need must not move the persons of the films.
    camera = np.random.default_rng([_TEMPLATE_SEED, 1]).standard_normal((count, 3))
    return Population(phantom, normal[0], normal[1], normal[2], normal[3], camera)


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One image's geometry.

    `shift_mm` is the atlas off the central ray (object mm along the image's axes); `from_left` says from
    which side a profile was taken.
    """

    view: View
    technique: Technique
    shift_mm: Array
    tube_offset_deg: float = 0.0
    from_left: bool = False

    def camera(self) -> PinholeCamera:
        """The image's camera, detector mm along the film's axes."""
        upright = self.technique.detector is Detector.UPRIGHT
        return self._camera(self.technique.tube_deg + self.tube_offset_deg, upright, self.shift_mm)

    def ideal_camera(self) -> PinholeCamera:
        """At tube angle 0, perpendicular to its film, the atlas on the central ray."""
        return self._camera(0.0, upright=False, shift_mm=np.zeros(2))

    def off_by_one_u(self, prior: HeadPrior) -> Scene:
        """The same with the tube's scale, or the camera's distance, one standard uncertainty off."""
        further = self.technique.sod_mm + prior.distance_sd_mm
        technique = replace(
            self.technique, sod_mm=further, sid_mm=self.technique.sid_mm / self.technique.sod_mm * further
        )
        return replace(
            self,
            tube_offset_deg=prior.tube_sd_deg,
            technique=technique if prior.distance_sd_mm else self.technique,
        )

    def _camera(self, tube_deg: float, upright: bool, shift_mm: Array) -> PinholeCamera:
        """Camera in film axes (detector mm), with the atlas shifted off the central ray by object mm."""
        base = film_camera(
            self.view.value,
            sid_mm=self.technique.sid_mm,
            sod_mm=self.technique.sod_mm,
            tube_deg=tube_deg,
            upright=upright,
            target_mm=np.zeros(3),
            first_px=np.array([1.0, 0.0]),
            second_px=np.array([0.0, 1.0]),
            pitch_mm=np.ones(2),
            principal_px=np.zeros(2),
            from_left=self.from_left,
        )
        offset = shift_mm[0] * base.column_axis + shift_mm[1] * base.row_axis
        return PinholeCamera(
            source_mm=base.source_mm - offset,
            centre_mm=base.centre_mm - offset,
            column_axis=base.column_axis,
            row_axis=base.row_axis,
            pitch_mm=base.pitch_mm,
            principal_px=base.principal_px,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """Template persons in one image's scene; film coordinates in object millimetres.

    `camera_deg` is how far the camera is off, as the position of the person that would look the same; None
    where it is not.
    """

    people: Population
    scene: Scene
    atlas_deg: Array
    head_deg: Array
    camera_deg: Array | None = None

    def can_show(self, key: str) -> bool:
        """Whether the persons have every mark that a key needs."""
        phantom = self.people.phantom
        return all(
            id_ in phantom.points_mm or id_ in phantom.arcs_mm or id_[:-2] == "SKULL"
            for id_ in VIEWS[self.scene.view].table[key].needs
        )

    def film_values(self, keys: Sequence[str]) -> Array:
        """What errors of quantities and checks of the film are carried through, shape (persons, q)."""
        seen_deg = self.head_deg if self.camera_deg is None else self.head_deg + self.camera_deg
        return self._values(self._posture(seen_deg), self.scene.camera(), keys)

    def patient_values(self, keys: Sequence[str]) -> Array:
        """The patients' own values, (persons, q): the ideal film, or the pose itself where it has a name."""
        exact = {
            "atlas_laterality": self.atlas_deg[:, 1],
            "atlas_rotation": self.atlas_deg[:, 2],
            "atlas_plane_sagittal": -self.atlas_deg[:, 0],
            "head_tilt": self.head_deg[:, 2],
        }
        as_it_stood = [key for key in keys if key not in exact and _is_posture(key)]
        straight = [key for key in keys if key not in exact and key not in as_it_stood]
        stood_deg = self.head_deg * np.array(VIEWS[self.scene.view].ideal.keeps)
        columns = dict(exact)
        for group, head_deg in ((straight, np.zeros_like(self.head_deg)), (as_it_stood, stood_deg)):
            if group:
                columns |= dict(zip(group, self._ideal_values(head_deg, group).T, strict=True))
        return np.stack([columns[key] for key in keys], axis=-1)

    def _posture(self, head_deg: Array) -> Posture:
        axis_sd, trunk_sd = neighbour_sd_deg(self.scene.view)
        return posture(
            self.people.phantom,
            head_deg=head_deg,
            atlas_deg=self.atlas_deg,
            axis_deg=self.people.axis * axis_sd,
            trunk_deg=self.people.trunk * trunk_sd,
        )

    def _ideal_values(self, head_deg: Array, keys: Sequence[str]) -> Array:
        pose = self._posture(head_deg)
        if VIEWS[self.scene.view].ideal.level_atlas:
            pitch, _, _ = zxy_from_rotation(pose.room_from("c1").rotation)
            flat = np.zeros_like(pitch)
            level = RigidTransform(rotation_from_zxy(-pitch, flat, flat), np.zeros(3))
            pose = replace(pose, head=level @ pose.head)
        return self._values(pose, self.scene.ideal_camera(), keys)

    def _values(self, pose: Posture, camera: PinholeCamera, keys: Sequence[str]) -> Array:
        view = VIEWS[self.scene.view]
        scale = 1 / self.scene.technique.magnification
        needed = {id_ for key in keys for id_ in view.table[key].needs}
        marks = projected(self.people.phantom, pose, camera, needed, scale)
        skull = None
        if view.skull_line:
            vault = self.people.phantom.vault.moved(pose.room_from("skull"))
            skull = _OutlineAxis(outline(vault, camera.matrix(pixels=False)), scale)
        lines = view.lines(marks, skull)
        return np.stack([view.table[key].carried(lines) for key in keys], axis=-1)


def _is_posture(key: str) -> bool:
    """Whether the patient's own value keeps the true position; checks have none of their own."""
    return not key.startswith("check.") and quantity(ObservationKey.parse(key).quantity).posture


def projected(
    phantom: Phantom, pose: Posture, camera: PinholeCamera, needed: Collection[str], scale: float
) -> Marks:
    """Needed points and arcs of all persons on the film, bone by bone in one sweep."""
    points: dict[str, Array] = {}
    contours: dict[str, Array] = {}
    for bone in BONES:
        ids = [id_ for id_, (on, _) in phantom.points_mm.items() if on == bone and id_ in needed]
        arcs = [id_ for id_, (on, _) in phantom.arcs_mm.items() if on == bone and id_ in needed]
        if not ids and not arcs:
            continue
        stacked = [phantom.points_mm[id_][1][:, None, :] for id_ in ids] + [
            phantom.arcs_mm[id_][1] for id_ in arcs
        ]
        room = pose.room_from(bone)
        moved = (
            np.concatenate(stacked, axis=1) @ np.swapaxes(room.rotation, -1, -2)
            + room.translation_mm[:, None, :]
        )
        shown = camera.project_mm(moved) * scale
        points |= {id_: shown[:, k] for k, id_ in enumerate(ids)}
        start = len(ids)
        for id_ in arcs:
            stop = start + phantom.arcs_mm[id_][1].shape[-2]
            contours[id_] = shown[:, start:stop]
            start = stop
    return Marks(points, contours)


@dataclass(frozen=True, slots=True, eq=False)
class _OutlineAxis:
    """Central skull line of an ellipsoidal vault.

    The long axis of its outline is the fixed point of geometry.midline.
    """

    vault: Ellipse
    scale: float

    @property
    def point(self) -> Array:
        return self.vault.centre_mm * self.scale

    @property
    def lean_deg(self) -> Array:
        return self.vault.long_axis_lean_deg()

    @property
    def direction(self) -> Array:
        lean = np.radians(self.lean_deg)
        return np.stack([np.sin(lean), np.cos(lean)], axis=-1)
