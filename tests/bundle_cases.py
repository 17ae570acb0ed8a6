"""A small world for the joint fit: a skull, a C1, a C2, three films, and everything that is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from atlasplane.geometry.bundle import (
    BoneShape,
    BundleFilm,
    BundleFit,
    CameraSd,
    JointPrior,
    Movement,
    Problem,
    solve,
)
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

BONES = ("skull", "c1", "c2")
POINTS: dict[str, tuple[str, tuple[float, float, float]]] = {
    "S_O": ("skull", (0, 0, 0)),
    "S_N": ("skull", (90, 50, 0)),
    "S_P": ("skull", (-50, -10, 0)),
    "S_R": ("skull", (10, 20, 50)),
    "S_L": ("skull", (10, 20, -50)),
    "S_HR": ("skull", (60, 40, 45)),
    "S_HL": ("skull", (60, 40, -45)),
    "A_A": ("c1", (18, 0, 0)),
    "A_P": ("c1", (-27, 0, 0)),
    "A_R": ("c1", (0, 0, 27)),
    "A_L": ("c1", (0, 0, -27)),
    "A_UR": ("c1", (-9, 5, 22)),
    "A_UL": ("c1", (-9, 5, -22)),
    "B_T": ("c2", (1, 18, 0)),
    "B_S": ("c2", (-45, -10, 0)),
    "B_R": ("c2", (-5, -14, 24)),
    "B_L": ("c2", (-5, -14, -24)),
}
"""Point -> bone, place in its frame (ISB axes, mm); _R and _L mirror each other."""
FRAME_POINTS = {
    "skull": ("S_O", "S_N", "S_R", "S_L"),
    "c1": ("A_P", "A_A", "A_R", "A_L"),
    "c2": ("B_S", "B_T", "B_R", "B_L"),
}
JOINTS = {
    "c1": RigidTransform(rotation_from_zxy(10, 2, -3), np.array([-6.0, -19.0, 1.0])),
    "c2": RigidTransform(rotation_from_zxy(-4, 1, 5), np.array([2.0, -35.0, -1.0])),
}
JOINT_COV = np.diag(np.repeat([0.1, 4.0], 3) ** 2)
SKULL_COV = np.diag(np.repeat([0.15, 20.0], 3) ** 2)
CAMERA_SD = CameraSd(sid_mm=15.0, principal_mm=8.0, pitch_rel=0.004)
NO_CAMERA_SD = CameraSd(sid_mm=0.0, principal_mm=0.0, pitch_rel=0.0)
X, Y, Z = np.eye(3)


def frame_of(bone: str):
    """Frame from an origin, a point ahead and a pair; broadcasts."""
    back, front, right, left = FRAME_POINTS[bone]

    def build(points: Mapping[str, Array]) -> RigidTransform:
        across = _unit(points[right] - points[left])
        up = _unit(np.cross(across, points[front] - points[back]))
        rotation = np.stack([np.cross(up, across), up, across], axis=-1)
        return RigidTransform(rotation, (points[right] + points[left]) / 2)

    return build


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector, axis=-1, keepdims=True)


FRAMES = {bone: frame_of(bone) for bone in BONES}


def camera(
    beam: Array, up: Array, *, sid: float = 1100.0, sod: float = 850.0, off: float = 0.0
) -> PinholeCamera:
    """A camera that looks along `beam` at the origin; `off` turns its detector (deg) out of the square."""
    row = -up
    column = np.cross(row, beam)
    turn = np.radians(off)
    return PinholeCamera(
        source_mm=-sod * beam,
        centre_mm=(sid - sod) * beam,
        column_axis=column,
        row_axis=row * np.cos(turn) + beam * np.sin(turn),
        pitch_mm=np.array([0.2, 0.25]),
        principal_px=np.array([500.0, 620.0]),
    )


CAMERAS = (
    camera(-Z, Y, sid=1800.0, sod=1550.0),
    camera(-X * np.cos(0.2) - Y * np.sin(0.2), Y * np.cos(0.2) - X * np.sin(0.2), off=12.0),
    camera(-Y, X),
)


def shape(sd_mm: float = 0.3, points: Mapping[str, tuple[str, Sequence[float]]] = POINTS) -> BoneShape:
    """All points, errors independent."""
    return BoneShape(
        ids=tuple(points),
        bones=tuple(bone for bone, _ in points.values()),
        points_mm=np.array([at for _, at in points.values()], dtype=float),
        cov_mm2=sd_mm**2 * np.eye(3 * len(points)),
    )


def heads(rng: np.random.Generator, deg: float = 4.0, mm: float = 10.0) -> list[RigidTransform]:
    """True places of the skull in the three rooms."""
    return [
        RigidTransform(
            rotation_from_zxy(*rng.normal(0, deg, 3)), np.array([6.0, 19, 0]) + rng.normal(0, mm, 3)
        )
        for _ in CAMERAS
    ]


def film(
    camera: PinholeCamera,
    skull: RigidTransform,
    *,
    joints: Mapping[str, RigidTransform] = JOINTS,
    ids: Sequence[str] = tuple(POINTS),
    points: Mapping[str, tuple[str, Sequence[float]]] = POINTS,
    sd_px: float = 2.0,
    camera_sd: CameraSd = CAMERA_SD,
) -> BundleFilm:
    """A film with exact clicks; the skull is expected upright, 20 mm above the room's origin."""
    places = {"skull": skull} | {bone: skull @ pose for bone, pose in joints.items()}
    at = np.array([places[points[id_][0]].apply(np.array(points[id_][1], dtype=float)) for id_ in ids])
    return BundleFilm(
        camera=camera,
        skull=RigidTransform(np.eye(3), np.array([6.0, 20.0, 0.0])),
        skull_cov=SKULL_COV,
        camera_sd=camera_sd,
        ids=tuple(ids),
        at_px=camera.project(at),
        cov_px=np.tile(sd_px**2 * np.eye(2), (len(ids), 1, 1)),
    )


def joint_priors(
    joints: Mapping[str, RigidTransform] = JOINTS, cov: Array = JOINT_COV
) -> tuple[JointPrior, ...]:
    return tuple(JointPrior(bone=bone, pose=pose, cov=cov) for bone, pose in joints.items())


def problem(films: Sequence[BundleFilm], **fields: object) -> Problem:
    """A problem of these films; other fields as in this file."""
    given: dict[str, object] = {
        "films": tuple(films),
        "shape": shape(),
        "joints": joint_priors(),
        "frames": FRAMES,
    }
    return Problem(**(given | fields))  # type: ignore[arg-type]


def usual(seed: int = 1, **fields: object) -> Problem:
    """Three films with exact clicks of heads by chance."""
    places = heads(np.random.default_rng(seed))
    return problem([film(c, s) for c, s in zip(CAMERAS, places, strict=True)], **fields)


def clicked_with_noise(given: Problem, rng: np.random.Generator, factor: float = 1.0) -> Problem:
    """Errors of the clicks, as large as they say."""
    films = []
    for one in given.films:
        off = np.einsum("nij,nj->ni", np.linalg.cholesky(one.cov_px), rng.normal(size=one.at_px.shape))
        films.append(replace(one, at_px=one.at_px + factor * off))
    return replace(given, films=tuple(films))


MOVEMENT = Movement(turn_deg=2.0, shift_mm=0.3)


def solved(problem: Problem, *, robust_k: float | None = None) -> BundleFit:
    """The fit, with a test made for movements of 2 deg."""
    return solve(problem, robust_k=robust_k, movement=MOVEMENT)
