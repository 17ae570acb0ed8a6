"""A real CT as the subject: its bones as they lie, filmed with known projection.

The films are simulated; the bones are a real person's. They cannot be moved against each other without masks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.bone_frames import atlas_frame, skull_frame
from atlasplane.anatomy.solids_field import Solid
from atlasplane.core.errors import BadInput, BadLandmarks
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.frames import ISB_FROM_LPS, isb_from_lps
from atlasplane.geometry.rotation import rotation_from_zxy, zxy_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.io.digest import sha256_of, sha256_of_folder
from atlasplane.io.landmark_file import MarkedImage, read_landmarks
from atlasplane.io.volume_file import open_volume
from atlasplane.simulate.ct_files import CtSource
from atlasplane.simulate.subject import Angles, Posed
from atlasplane.sources.reading import Reading
from atlasplane.xray.ct import HOUNSFIELD, GreyMap, attenuation, cropped, patient_mask
from atlasplane.xray.render import Part

SURFACE_SHARE = 0.28
"""Bone begins at this share of the way from water to dense bone (grey 92 of the 8-bit head)."""
_BAND_MM = 15.0
"""How far beyond suture and turn the outline is gathered, so that its ends are not the contour's."""
_OUTLINE_DEGREE = 5
_ROOM_FROM_LPS = RigidTransform(ISB_FROM_LPS, np.zeros(3))


def ct_subject(ct: Path, landmarks: Path) -> CtSubject:
    """A subject from a CT and its landmark file (space lps_mm); several readings are averaged.

    Raises
    ------
    BadInput
        When a file cannot be used, or a landmark of the frames or of a film is missing.
    """
    image = open_volume(ct)
    marked = MarkedImage(
        sha256=sha256_of_folder(ct) if ct.is_dir() else sha256_of(ct),
        size=image.shape,
        index_from_lps=np.linalg.inv(image.affine_lps).astype(np.float64),
    )
    points, contours = _averaged(read_landmarks(landmarks, image=marked))
    needed = {
        "N",
        "BA",
        "INC_F",
        "PO_R",
        "PO_L",
        "OR_R",
        "OR_L",
        "TF_R",
        "TF_L",
        "C1_AT",
        "C1_PT",
        "SQ_R",
        "TURN_R",
    }
    missing = sorted(needed - points.keys())
    if missing:
        raise BadLandmarks(
            str(landmarks), f"lacks {', '.join(missing)}", "Mark them: the bone frames and films need them."
        )
    voxels = image.load_voxels()
    greys = HOUNSFIELD if image.hounsfield else _grey_map(voxels)
    return CtSubject(
        points_isb=points,
        contours_isb=contours,
        solid=_solid(voxels, image.affine_lps, greys, str(ct)),
        surface=_surface_level(greys),
        source=CtSource(ct=ct, landmarks=landmarks),
    )


@dataclass(frozen=True, eq=False)
class CtSubject:
    """A CT that can be turned as one piece.

    Attributes
    ----------
    points_isb, contours_isb : mapping id -> array, shape (3,) or (n, 3)
        Landmarks on ISB axes, mm of the volume.
    solid : Solid
        Attenuation on LPS axes.
    surface : float
        Attenuation (1/mm) at which bone begins.
    source : CtSource or None
        The files that it came from.
    """

    points_isb: Mapping[str, Array]
    contours_isb: Mapping[str, Array]
    solid: Solid
    surface: float
    simulated_bones: bool = False
    source: CtSource | None = None

    @cached_property
    def _skull(self) -> RigidTransform:
        return skull_frame(self.points_isb)

    @cached_property
    def _atlas(self) -> RigidTransform:
        return atlas_frame(self.points_isb)

    def atlas_deg(self, requested: Array) -> Array:
        """Pose of C1 in the skull as it lies (flexion, laterality, rotation); moving it is refused."""
        if np.any(np.asarray(requested) != 0):
            raise BadInput(
                "--atlas",
                "the bones of a CT cannot be moved against each other here",
                "Leave it out, or use the phantom.",
            )
        alpha, beta, gamma = zxy_from_rotation((self._skull.inverse() @ self._atlas).rotation)
        return np.array([-float(alpha), -float(beta), float(gamma)])

    def posed(self, angles: Angles) -> Posed:
        """The CT with the skull's frame turned by the head angles about the atlas, the room's origin."""
        yaw, pitch, roll = angles.head
        in_skull = self._skull.inverse()
        to_origin = RigidTransform(np.eye(3), -(in_skull @ self._atlas).translation_mm)
        room = RigidTransform(rotation_from_zxy(pitch, roll, yaw), np.zeros(3)) @ to_origin @ in_skull
        return Posed(
            points_mm={id_: room.apply(at) for id_, at in self.points_isb.items()},
            contours_mm={id_: room.apply(at) for id_, at in self.contours_isb.items()},
            room_from={"skull": room @ self._skull, "c1": room @ self._atlas},
            walls=lambda camera: _SurfaceWalls(
                room.apply(self._side_surface), camera, self._heights(room, camera)
            ),
            wall_heights=lambda camera: self._heights(room, camera),
            parts=lambda: [Part(solid=self.solid, pose=room @ _ROOM_FROM_LPS)],
        )

    def _heights(self, room: RigidTransform, camera: PinholeCamera) -> tuple[float, float]:
        heights = []
        for name in ("SQ", "TURN"):
            sides = [self.points_isb[f"{name}_{s}"] for s in "RL" if f"{name}_{s}" in self.points_isb]
            heights.append(float(camera.project_mm(room.apply(np.array(sides)))[:, 1].mean()))
        return heights[0], heights[1]

    @cached_property
    def _side_surface(self) -> Array:
        """Outermost bone right and left of every sagittal line around the vault, ISB mm, shape (n, 3)."""
        low = self.points_isb["SQ_R"][1] - 2 * _BAND_MM
        high = self.points_isb["TURN_R"][1] + 2 * _BAND_MM
        return _outermost(self.solid, self.surface, low, high)


class _SurfaceWalls:
    """Outline of a bone surface: the extreme of the projected surface at each film height, smoothed."""

    def __init__(self, surface_mm: Array, camera: PinholeCamera, heights: tuple[float, float]) -> None:
        shown = camera.project_mm(surface_mm)
        self._heights = heights
        margin = _BAND_MM * float(camera.magnification(np.zeros(3)))
        self._middle = sum(heights) / 2
        self._span = (heights[1] - heights[0]) / 2 + margin
        bins = np.arange(heights[0] - margin, heights[1] + margin, 1.0)
        self._fits = {}
        for sign in (1, -1):
            extreme = _extreme_by_bin(shown, bins, sign)
            good = np.isfinite(extreme)
            x = (bins[:-1] + 0.5 - self._middle) / self._span
            self._fits[sign] = np.polynomial.Polynomial.fit(
                x[good], extreme[good], _OUTLINE_DEGREE, domain=[-1, 1]
            )

    def side(self, heights_mm: Array, sign: int) -> Array:
        heights_mm = np.asarray(heights_mm, dtype=float)
        return np.stack([self._fits[sign]((heights_mm - self._middle) / self._span), heights_mm], axis=-1)

    def axis(self) -> tuple[float, Array]:
        """The fixed point: chords across the line are bisected by it.

        Found by plain repetition on a fine outline.
        """
        low, high = self._heights
        fine = np.linspace(low - 10, high + 10, 400)
        right, left = self.side(fine, 1), self.side(fine, -1)
        through = np.array([(self.side(np.array([self._middle]), s)[0, 0]) for s in (1, -1)]).mean()
        pivot = np.array([through, self._middle])
        lean = 0.0
        for _ in range(200):
            up, out = np.array([np.sin(lean), np.cos(lean)]), np.array([np.cos(lean), -np.sin(lean)])
            levels = np.linspace(low - self._middle, high - self._middle, 60)
            walls = [np.interp(levels, (w - pivot) @ up, (w - pivot) @ out) for w in (right, left)]
            slope, offset = np.polyfit(levels, (walls[0] + walls[1]) / 2, 1)
            lean += np.arctan(slope)
        return float(np.degrees(lean)), pivot + offset * np.array([np.cos(lean), -np.sin(lean)])


def _averaged(readings: tuple[Reading, ...]) -> tuple[dict[str, Array], dict[str, Array]]:
    """Mean of the readings, ISB axes; contours are averaged where all drew the same number of points."""
    ids = {id_ for reading in readings for id_ in reading.points}
    points = {
        id_: isb_from_lps(np.mean([r.points[id_].at for r in readings if id_ in r.points], axis=0))
        for id_ in sorted(ids)
    }
    contours: dict[str, Array] = {}
    for id_ in sorted({id_ for reading in readings for id_ in reading.contours}):
        drawn = [r.contours[id_].at for r in readings if id_ in r.contours]
        same = [at for at in drawn if len(at) == len(drawn[0])]
        contours[id_] = isb_from_lps(np.mean(same, axis=0))
    return points, contours


def _grey_map(voxels: NDArray[np.generic]) -> GreyMap:
    """Greys of air, water and dense bone read off the histogram of an uncalibrated CT."""
    greys = np.asarray(voxels, dtype=np.float32).ravel()
    top = float(np.quantile(greys, 0.9999))
    counts, edges = np.histogram(greys, bins=256, range=(float(greys.min()), top))
    middle = (edges[:-1] + edges[1:]) / 2
    body = middle > (middle[0] + 0.15 * (top - middle[0]))
    water = float(middle[body][np.argmax(counts[body])])
    air = float(middle[~body][np.argmax(counts[~body])])
    dense = float(np.quantile(greys[greys > water + 0.1 * (top - water)], 0.9))
    return GreyMap(air=air, water=water, bone=max(dense, water + 1.0), hounsfield=False)


def _surface_level(greys: GreyMap) -> float:
    level = greys.water + SURFACE_SHARE * (greys.bone - greys.water)
    mapped, _ = attenuation(np.array([level], dtype=np.float32), greys)
    return float(mapped[0])


def _solid(voxels: NDArray[np.generic], affine_lps: Array, greys: GreyMap, name: str) -> Solid:
    """Attenuation on rising LPS axes, the patient alone."""
    linear = affine_lps[:3, :3]
    order = np.argmax(np.abs(linear), axis=1)
    spacing = np.array([linear[axis, order[axis]] for axis in range(3)])
    stray = np.abs(linear).sum() - np.abs(spacing).sum()
    if len(set(order)) < 3 or stray > 1e-3 * np.abs(spacing).sum():
        raise BadInput(
            name, "its voxel axes are oblique to the patient's", "Resample it to axes along the patient's."
        )
    values, note = attenuation(voxels, greys)
    values = np.transpose(values, order)
    origin = affine_lps[:3, 3].copy()
    for axis in range(3):
        if spacing[axis] < 0:
            values = np.flip(values, axis)
            origin[axis] += spacing[axis] * (values.shape[axis] - 1)
    del note  # films of it say SIMULATED; densities of an uncalibrated CT are not used
    whole = Solid(
        attenuation_per_mm=np.ascontiguousarray(values), origin_mm=origin, spacing_mm=np.abs(spacing)
    )
    return cropped(whole, patient_mask(whole.attenuation_per_mm))


def _outermost(solid: Solid, level: float, low_y: float, high_y: float) -> Array:
    """Points where each left-right voxel line first and last crosses `level`, interpolated, ISB mm."""
    z_lps = solid.origin_mm[2] + solid.spacing_mm[2] * np.arange(solid.attenuation_per_mm.shape[2])
    band = (z_lps >= low_y) & (z_lps <= high_y)
    values = solid.attenuation_per_mm[:, :, band]
    inside = values >= level
    rows, columns = np.nonzero(inside.any(axis=0))
    found = []
    for first in (True, False):
        hit = inside[:, rows, columns]
        at = np.argmax(hit, axis=0) if first else len(hit) - 1 - np.argmax(hit[::-1], axis=0)
        before = np.clip(at - 1 if first else at + 1, 0, len(hit) - 1)
        here, there = values[at, rows, columns], values[before, rows, columns]
        share = np.where(here > there, (here - level) / np.maximum(here - there, 1e-9), 0.0)
        index = at + (before - at) * share
        x = solid.origin_mm[0] + solid.spacing_mm[0] * index
        y = solid.origin_mm[1] + solid.spacing_mm[1] * rows
        found.append(np.stack([x, y, z_lps[band][columns]], axis=-1))
    return isb_from_lps(np.concatenate(found))


def _extreme_by_bin(shown: Array, bins: Array, sign: int) -> Array:
    """Largest sign * first coordinate in every height bin, shape (bins - 1,); NaN where a bin is empty."""
    place = np.digitize(shown[:, 1], bins) - 1
    extreme = np.full(len(bins) - 1, -np.inf)
    valid = (place >= 0) & (place < len(extreme))
    np.maximum.at(extreme, place[valid], sign * shown[valid, 0])
    return np.where(np.isfinite(extreme), sign * extreme, np.nan)
