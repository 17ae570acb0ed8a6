"""What is true as the tables of truth.json: poses, cameras, landmarks, and a scan's own entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.frames import lps_from_isb
from atlasplane.geometry.rotation import zxy_from_rotation
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.truth_series import Values
from atlasplane.simulate.truth_space import bone_poses, relative_poses, scan_values

Table = dict[str, object]
Poses = Mapping[str, RigidTransform]
VOLUME = "volume"
"""Axes of a scan; of the phantom's they are those of the room when it was taken."""
_ORIGINS = {
    "skull": "basion",
    "c1": "C1 transverse foramina midpoint",
    "c2": "centre of the dens at its base",
    VOLUME: "origin of the scan's axes",
}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScanTruth:
    """What a scan of the visit truly holds.

    Attributes
    ----------
    condition : str
        Its modality, which stands after the `@` of a key.
    points_mm, contours_mm : mapping id -> array, shape (3,) or (n, 3)
        True places of what was marked, ISB axes of the scan, mm.
    """

    condition: str
    points_mm: Mapping[str, Array]
    contours_mm: Mapping[str, Array]

    def values(self) -> Values:
        """True values by key with condition."""
        found = scan_values(self.points_mm, self.contours_mm)
        return {f"{key}@{self.condition}": value for key, value in sorted(found.items())}

    def poses(self) -> dict[str, Table]:
        """Bones in each other, and the skull in the axes of the scan."""
        bones = bone_poses(self.points_mm, self.contours_mm)
        tables = pose_tables(relative_poses(bones))
        if "skull" in bones:
            tables["skull_in_room"] = pose_table(bones["skull"], "skull", "room")
        return {f"{name}@{self.condition}": table for name, table in tables.items()}


def pose_tables(poses: Mapping[str, RigidTransform]) -> dict[str, Table]:
    """Tables of poses keyed `BONE_in_OTHER`."""
    tables = {}
    for name, pose in poses.items():
        bone, _, other = name.split("_")
        tables[name] = pose_table(pose, bone, other)
    return tables


def since_scan(scanned: Poses, now: Mapping[str, Poses]) -> dict[str, Table]:
    """What moved since the scan: what a registration of the films with it has to find.

    Parameters
    ----------
    scanned : mapping bone -> RigidTransform
        Bone to room when the scan was taken.
    now : mapping film -> mapping bone -> RigidTransform
        The same on every film.

    Returns
    -------
    dict
        ``volume_in_room/FILM`` as the skull takes it along; ``c1_since_scan`` and ``c2_since_scan``, the
        motion of the bone in the axes of the scan, the skull held still.
    """
    rooms = {film: poses["skull"] @ scanned["skull"].inverse() for film, poses in now.items()}
    tables = {f"volume_in_room/{film}": pose_table(room, VOLUME, "room") for film, room in rooms.items()}
    first = next(iter(now))
    for bone in ("c1", "c2"):
        if bone in scanned:
            moved = rooms[first].inverse() @ now[first][bone] @ scanned[bone].inverse()
            tables[f"{bone}_since_scan"] = pose_table(moved, VOLUME, VOLUME)
    return tables


def pose_table(pose: RigidTransform, bone: str, to: str) -> Table:
    """One pose, exact, so without a covariance."""
    alpha, beta, gamma = zxy_from_rotation(pose.rotation)
    return {
        "from": bone,
        "to": to,
        "R": [[float(x) for x in row] for row in pose.rotation],
        "t_mm": [float(x) for x in pose.translation_mm],
        "origin": _ORIGINS[bone],
        "zxy_deg": {"flexext": float(alpha), "lateral": float(beta), "axial": float(gamma)},
        "cov6": None,
    }


def camera_table(camera: PinholeCamera) -> list[list[float]]:
    """The true projection of a film, 3 x 4, room (ISB mm) to pixels; the third row is the depth, mm."""
    return [[float(x) for x in row] for row in camera.matrix()]


def landmark_table(points_mm: Mapping[str, Array]) -> dict[str, list[float]]:
    """Room points as LPS mm, by id."""
    return {id_: [float(x) for x in lps_from_isb(at)] for id_, at in sorted(points_mm.items())}
