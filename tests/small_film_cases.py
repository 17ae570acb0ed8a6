"""Two or three small films of two made-up bones whose poses are known, for the tests of the registration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from atlasplane.anatomy.solids import Solid
from atlasplane.geometry.bundle_problem import CameraSd
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.film_signal import FilmSignal
from atlasplane.xray.projection import project, window_of
from atlasplane.xray.registration_poses import Poses, changed, moved_camera
from atlasplane.xray.registration_problem import BoneModel, FilmImage, RegistrationProblem, Rig, Start

PITCH_MM = 0.6
SHAPE = (190, 190)
SID_MM, SOD_MM = 1000.0, 800.0
EXACT = CameraSd(sid_mm=0.0, principal_mm=0.0, pitch_rel=0.0)
LOOSE = CameraSd(sid_mm=2.0, principal_mm=1.0, pitch_rel=0.0)
AXES = {
    "lateral.png": ([0.0, 0.0, 1.0], [1.0, 0.0, 0.0]),
    "nasium.png": ([1.0, 0.0, 0.0], [0.0, 0.0, 1.0]),
    "oblique.png": ([0.6, 0.0, 0.8], [0.8, 0.0, -0.6]),
}
"""Direction of the beam and of the columns; rows run downwards."""


@cache
def bones() -> tuple[BoneModel, ...]:
    """A shell with knobs and a ring with wings below it, of 1 mm voxels."""
    rng = np.random.default_rng(5)
    grids = [
        np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2 for n in size], indexing="ij"))
        for size in (_SKULL, _RING)
    ]
    x, y, z = grids[0]
    radius = np.sqrt((x / 26) ** 2 + (y / 18) ** 2 + (z / 23) ** 2)
    skull = 0.03 * np.clip(3 - 20 * np.abs(radius - 0.85), 0, 1)
    for place in rng.uniform(-17, 17, (24, 3)):
        skull += 0.03 * np.clip(3.5 - np.linalg.norm(grids[0] - place[:, None, None, None], axis=0), 0, 1)
    x, y, z = grids[1]
    ring = np.abs(np.hypot(x / 1.1, z) - 15) < 3
    c1 = 0.03 * (ring & (np.abs(y) < 5)) + 0.03 * ((np.abs(z) > 15) & (np.abs(x) < 4) & (np.abs(y) < 3))
    c1 = c1 * (1 + 0.4 * rng.standard_normal(c1.shape))
    return tuple(
        BoneModel(
            bone=bone, solid=_solid(values), to_volume=RigidTransform(np.eye(3), np.array([0.0, up, 0.0]))
        )
        for bone, values, up in (("skull", skull, 16.0), ("c1", c1, -14.0))
    )


_SKULL, _RING = (58, 44, 52), (42, 16, 50)


def _solid(values: Array) -> Solid:
    return Solid(
        attenuation_per_mm=np.pad(values.astype(np.float32), 1),
        origin_mm=-np.array(values.shape) / 2 - 0.5,
        spacing_mm=np.ones(3),
    )


def camera(name: str) -> PinholeCamera:
    """The stated camera of one film."""
    beam, columns = (np.array(axis) for axis in AXES[name])
    return PinholeCamera(
        source_mm=-SOD_MM * beam,
        centre_mm=(SID_MM - SOD_MM) * beam,
        column_axis=columns,
        row_axis=np.array([0.0, -1.0, 0.0]),
        pitch_mm=np.full(2, PITCH_MM),
        principal_px=(np.array(SHAPE[::-1]) - 1) / 2,
    )


def film_of(stated: PinholeCamera, poses: Poses, film: int) -> FilmSignal:
    """The noise-free log image of the bones at given poses."""
    seen_by = moved_camera(stated, poses.camera[film])
    image = np.zeros(SHAPE, dtype=np.float32)
    for number, model in enumerate(bones()):
        pose = poses.skull_of(film) @ poses.motion(number) @ model.to_volume
        window = window_of(model.solid, pose, seen_by, SHAPE, stride=1)
        assert window is not None
        (column, row), (width, height) = window.first, window.count
        image[row : row + height, column : column + width] += project(
            model.solid, pose, seen_by, window
        ).image
    return FilmSignal(log_image=image, valid=np.ones(SHAPE, dtype=bool))


def made_problem(
    *,
    rig: Rig = "fixed",
    names: Sequence[str] = ("lateral.png", "nasium.png"),
    off: float = 1.0,
    cameras: Array | None = None,
) -> tuple[RegistrationProblem, Poses]:
    """Films whose poses are known, and a start that is off by 3 deg and 2 mm times `off` or less.

    Parameters
    ----------
    cameras : array, shape (films, 4), optional
        How the true cameras lie off the stated ones; default exact ones.
    """
    count = len(names)
    turn = rotation_from_zxy(4.0, -3.0, 5.0)
    skulls = tuple(
        RigidTransform(turn @ rotation_from_zxy(2.0 * k, 0.0, -k), np.array([2.0, -1.0 - k, 3.0]))
        for k in range(1 if rig == "fixed" else count)
    )
    true = Poses(
        skull=skulls,
        bones=(RigidTransform.about(rotation_from_zxy(3.0, 2.0, -4.0), bones()[1].centre_mm),),
        camera=np.zeros((count, 4)) if cameras is None else cameras,
    )
    size = 6 * (len(skulls) + 1)
    sd = np.tile(np.repeat([np.radians(2.0), 1.5], 3), len(skulls) + 1)
    stated = [camera(name) for name in names]
    films = tuple(
        FilmImage(
            file=name,
            signal=film_of(stated[k], true, k),
            camera=stated[k],
            camera_sd=EXACT if cameras is None else LOOSE,
        )
        for k, name in enumerate(names)
    )
    exact = Start(skull=_per_film(skulls, count), bones={"c1": true.bones[0]}, cov=np.diag(sd**2))
    problem = RegistrationProblem(bones=bones(), films=films, rig=rig, start=exact)
    step = np.zeros(size + 4 * count)
    step[:size] = off * sd * np.random.default_rng(3).uniform(-1, 1, size)
    first = changed(problem, true, step)
    start = Start(skull=_per_film(first.skull, count), bones={"c1": first.bones[0]}, cov=np.diag(sd**2))
    return RegistrationProblem(bones=bones(), films=films, rig=rig, start=start), true


def _per_film(skulls: tuple[RigidTransform, ...], count: int) -> tuple[RigidTransform, ...]:
    return skulls if len(skulls) == count else skulls * count
