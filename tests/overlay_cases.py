"""Two films of the phantom, the poses that made them, and a registration that says so: nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.anatomy.solids import Solid, solids
from atlasplane.anatomy.views import film_camera
from atlasplane.geometry.bundle_problem import CameraSd
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.transform import RigidTransform
from atlasplane.simulate.exposure import radiograph
from atlasplane.xray.film_signal import film_signal
from atlasplane.xray.registration_problem import BoneModel, FilmImage, RegistrationProblem, Start
from atlasplane.xray.registration_result import FilmResidual, Registration
from atlasplane.xray.render import Part, render

SCANNER = RigidTransform(rotation_from_zxy(8.0, -4.0, 15.0), np.array([21.0, -140.0, 8.0]))
"""Where the skull lies in the volume."""
HEAD = RigidTransform(rotation_from_zxy(2.0, 1.0, -3.0), np.array([4.0, -3.0, 2.0]))
"""Where the skull lies in the room of the films."""
ATLAS_DEG = (2.0, -3.0, 4.0)
"""How C1 turned about its own centre since the scan (Z, X', Y'')."""
SIZE = {"lateral": (1700, 1240), "nasium": (1760, 1120)}
_SETUPS: Mapping[str, Mapping[str, Any]] = {
    "lateral": {"sid_mm": 1830.0, "sod_mm": 1580.0, "tube_deg": 0.0, "upright": False},
    "nasium": {"sid_mm": 1067.0, "sod_mm": 837.0, "tube_deg": 15.0, "upright": True},
}
_PRINCIPAL = {"lateral": (660.0, 640.0), "nasium": (559.5, 960.0)}
_PITCH_MM = 0.2
_EXACT = CameraSd(sid_mm=0.0, principal_mm=0.0, pitch_rel=0.0)
_STILL = RigidTransform.identity()


@dataclass(frozen=True, eq=False, kw_only=True)
class OverlayCase:
    """Films with the problem and the registration that are true of them."""

    problem: RegistrationProblem
    registration: Registration
    pixels: Mapping[str, NDArray[np.uint16]]


def camera(view: str, coarse: int = 1) -> PinholeCamera:
    """A film's camera; pixels `coarse` times as large as the simulation's."""
    return film_camera(
        view,
        target_mm=HEAD.apply(mean_phantom().origins_mm["c1"]),
        pitch_mm=np.full(2, _PITCH_MM * coarse),
        principal_px=(np.array(_PRINCIPAL[view]) - 0.5 * (coarse - 1)) / coarse,
        first_px=np.array([-1.0, 0.0]),
        second_px=np.array([0.0, -1.0]),
        **_SETUPS[view],
    )


@cache
def overlay_case(coarse: int = 4, voxel_mm: float = 1.2) -> OverlayCase:
    """Films of the mean person, C1 turned by `ATLAS_DEG` since the scan, with the true poses.

    Parameters
    ----------
    coarse : int
        Film pixels are so many times 0.2 mm.
    voxel_mm : float
        Of C1 and C2; the skull's are twice as large.
    """
    rng = np.random.default_rng(7)
    phantom = mean_phantom()
    blocks = solids(
        phantom, rng=rng, spine_voxel_mm=voxel_mm, skull_voxel_mm=2 * voxel_mm, soft_voxel_mm=4 * voxel_mm
    )
    bones = tuple(_bone(name, blocks[name]) for name in ("skull", "c1", "c2"))
    turn = RigidTransform.about(rotation_from_zxy(*ATLAS_DEG), bones[1].centre_mm)
    motions = {"c1": turn, "c2": _STILL}
    skull = HEAD @ SCANNER.inverse()
    trunk = HEAD @ RigidTransform(np.eye(3), phantom.origins_mm["trunk"])
    parts = [Part(solid=b.solid, pose=skull @ motions.get(b.bone, _STILL) @ b.to_volume) for b in bones]
    parts += [Part(solid=blocks["soft"], pose=HEAD), Part(solid=blocks["trunk"], pose=trunk)]
    pixels, films = {}, []
    for view, size in SIZE.items():
        shape = (size[0] // coarse, size[1] // coarse)
        own, file = camera(view, coarse), f"{view}.dcm"
        pixels[file] = radiograph(render(parts, own, shape), rng=rng)
        signal = film_signal(pixels[file], kind="presentation", bright_bone=True)
        films.append(FilmImage(file=file, signal=signal, camera=own, camera_sd=_EXACT))
    cov = np.diag([1e-4, 1e-4, 1e-4, 0.04, 0.04, 0.04] * 3)
    start = Start(skull=(skull,) * len(films), bones=motions, cov=cov)
    problem = RegistrationProblem(bones=bones, films=tuple(films), rig="fixed", start=start)
    return OverlayCase(problem=problem, registration=_registration(problem), pixels=pixels)


def turned(case: OverlayCase, change_deg: tuple[float, float, float]) -> Registration:
    """The registration with C1 turned further about its centre: a wrong one."""
    off = RigidTransform.about(rotation_from_zxy(*change_deg), case.problem.bones[1].centre_mm)
    bones = {**case.registration.bones, "c1": case.registration.bones["c1"] @ off}
    return replace(case.registration, bones=bones)


def _bone(name: str, solid: Solid) -> BoneModel:
    origin = mean_phantom().origins_mm[name]
    return BoneModel(bone=name, solid=solid, to_volume=SCANNER @ RigidTransform(np.eye(3), origin))


def _registration(problem: RegistrationProblem) -> Registration:
    nothing = np.zeros((1, 1), dtype=np.float32)
    films = tuple(
        FilmResidual(
            file=f.file, gain=0.4, first_px=(0, 0), step_px=1, residual=nothing, weights=nothing, share=0.9
        )
        for f in problem.films
    )
    return Registration(
        status="ok",
        reasons=(),
        skull=problem.start.skull,
        bones=problem.start.bones,
        cov=problem.start.cov,
        cameras=tuple(f.camera for f in problem.films),
        camera_u=tuple(np.zeros(4) for _ in problem.films),
        residual=0.31,
        limit=0.52,
        agreement_deg=0.02,
        agreement_mm=0.01,
        films=films,
        iterations=24,
        seconds=0.8,
    )
