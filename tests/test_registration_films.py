"""Poses from films of every kind of grey: what scatter, hardening and pictures made for viewing shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.anatomy.solids_cervical import atlas, axis
from atlasplane.anatomy.solids_person import person_of
from atlasplane.geometry.bundle_problem import CameraSd
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.transform import RigidTransform
from atlasplane.simulate.exposure import Beam, Detector, expected_counts, field_of, presented
from atlasplane.xray.film_signal import Kind, film_signal
from atlasplane.xray.projection import Window, project
from atlasplane.xray.registration import register
from atlasplane.xray.registration_problem import (
    BoneModel,
    FilmImage,
    RegistrationProblem,
    Start,
    about_centre,
    change_about_centre,
)

FILM = (488, 488)
"""A film of 293 mm: widths of the detector's filters are shares of it."""
BEAMS = {"lateral.png": (2, 0, 1), "nasium.png": (0, 2, 1)}
"""Axes of the room along beam, columns and, upwards, rows."""
START = np.array([0.02, -0.015, 0.02, 0.8, -0.6, 0.7])
SD = np.repeat([0.03, 1.5], 3)


@dataclass(frozen=True)
class Scene:
    """C2, which stands for the skull that all is measured in, and C1, filmed from the side and the front."""

    bones: tuple[BoneModel, ...]
    skull: RigidTransform
    cameras: dict[str, PinholeCamera]
    integrals: dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def scene() -> Scene:
    person, rng = person_of(mean_phantom()), np.random.default_rng(3)
    still = RigidTransform.identity()
    bones = tuple(
        BoneModel(bone=bone, solid=made(person, 0.7, rng).solid(), to_volume=still)
        for bone, made in (("skull", axis), ("c1", atlas))
    )
    skull = RigidTransform(np.eye(3), -bones[1].centre_mm)
    cameras = {file: _camera(*axes) for file, axes in BEAMS.items()}
    integrals = {
        file: sum(project(own.solid, skull, camera, Window((0, 0), FILM[::-1], 1)).image for own in bones)
        + _surroundings()
        for file, camera in cameras.items()
    }
    return Scene(bones, skull, cameras, integrals)


def _camera(beam: int, across: int, up: int) -> PinholeCamera:
    axes = np.eye(3)
    return PinholeCamera(
        source_mm=-1400 * axes[beam],
        centre_mm=300 * axes[beam],
        column_axis=axes[across],
        row_axis=-axes[up],
        pitch_mm=np.array([0.6, 0.6]),
        principal_px=np.array([243.5, 243.5]),
    )


def _surroundings() -> NDArray[np.float32]:
    """Smooth tissue, and something denser above the bones."""
    v, u = np.mgrid[: FILM[0], : FILM[1]] - 244.0
    tissue = 4.0 * np.exp(-(((u / 150) ** 2 + (v / 260) ** 2) ** 2))
    tissue += 0.15 * np.sin(u / 37) * np.cos(v / 51)
    dense = 1.8 * np.exp(-(((u - 10) / 40) ** 2) - ((v + 130) / 30) ** 2)
    return np.asarray(tissue * np.exp(-((u / 170) ** 12)) + dense, dtype=np.float32)


def _greys(integral: NDArray[np.float32], kind: Kind) -> NDArray[np.generic]:
    """The film without noise."""
    if kind == "log":
        return integral
    beam, detector = Beam(collimated=0.0), Detector()
    counts = expected_counts(integral, beam, detector, field_of(beam, FILM))
    if kind == "counts":
        return counts
    blurred = ndimage.gaussian_filter(counts, detector.blur_px)
    return presented(blurred, np.ones(FILM, dtype=bool), beam, detector)


@pytest.mark.parametrize("kind", ["log", "counts", "presentation"])
def test_films_leave_c1_where_it_is(scene: Scene, kind: Kind) -> None:
    """Scatter, hardening, unsharp mask, evening-out and S-curve; the start is 1.8 deg and 1.2 mm off."""
    films = tuple(
        FilmImage(
            file=file,
            signal=film_signal(_greys(scene.integrals[file], kind), kind=kind, bright_bone=kind != "counts"),
            camera=camera,
            camera_sd=CameraSd(sid_mm=0.0, principal_mm=0.0, pitch_rel=0.0),
        )
        for file, camera in scene.cameras.items()
    )
    centres = [bone.centre_mm for bone in scene.bones]
    start = Start(
        skull=(about_centre(scene.skull, -START, centres[0]),) * 2,
        bones={"c1": about_centre(RigidTransform.identity(), START, centres[1])},
        cov=np.diag(np.tile(SD**2, 2)),
    )
    problem = RegistrationProblem(bones=scene.bones, films=films, rig="fixed", start=start)
    found = register(problem, rng=np.random.default_rng(0), starts=1)
    off = change_about_centre(RigidTransform.identity(), found.bones["c1"], centres[1])
    # Half of what an uncertainty may be (0.3 deg, 0.1 mm) is left to the greys.
    assert np.degrees(np.linalg.norm(off[:3])) < 0.15
    assert np.linalg.norm(off[3:]) < 0.05
    assert found.status == "ok"
