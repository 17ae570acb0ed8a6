"""Films and bones from coarse to fine: what each level of the registration compares.

A level looks at one rectangle of every film: the shadows of all bones, or of all but the skull, and a margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atlasplane.anatomy.solids import Solid
from atlasplane.core.errors import BadInput
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.xray.film_signal import FilmSignal, reduced, reduced_camera
from atlasplane.xray.projection import window_of
from atlasplane.xray.registration_blocks import block_means
from atlasplane.xray.registration_filter import HighPass
from atlasplane.xray.registration_poses import Poses, bone_pose, moved_camera
from atlasplane.xray.registration_problem import BoneModel, FilmImage, RegistrationProblem
from atlasplane.xray.registration_settings import settings

Film32 = NDArray[np.float32]
Seeks = Literal["all", "skull", "others"]
LooksAt = Literal["all", "others"]
_MARGIN_PX = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSpec:
    """One level as the settings state it; lengths of pixels and surroundings on the detector."""

    pixel_mm: float
    skull_voxel_mm: float
    bone_voxel_mm: float
    surroundings_mm: float
    most_steps: int
    settled_deg: float
    settled_mm: float
    enough: float
    widening: float
    seeks: Seeks
    looks_at: LooksAt

    @classmethod
    def of(cls, purpose: Literal["skull", "bone", "joint"]) -> tuple[LevelSpec, ...]:
        """The levels of the settings for one purpose, coarse to fine."""
        return tuple(cls(**table) for table in settings()[f"{purpose}_levels"])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Level:
    """What one level compares, whatever the poses.

    Attributes
    ----------
    spec : LevelSpec
    solids : tuple of Solid
        Of the problem's bones, in its order.
    signals : tuple of FilmSignal
        Reduced films.
    cameras : tuple of PinholeCamera
        As stated, for the pixels of `signals`.
    """

    spec: LevelSpec
    solids: tuple[Solid, ...]
    signals: tuple[FilmSignal, ...]
    cameras: tuple[PinholeCamera, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Section:
    """The part of one film that a level compares.

    Attributes
    ----------
    first : (row, column)
        Of the section on the reduced film.
    camera : PinholeCamera
        As stated, for the pixels of the section.
    high_pass : HighPass
    film : array of float32, shape (rows, columns)
        High-passed signal.
    basis : array of float32, shape (m, rows, columns)
        What the film's gain is made of: 1, its own surroundings (where it is dense, scatter and hardening
        leave less contrast), column and row.
    """

    first: tuple[int, int]
    camera: PinholeCamera
    high_pass: HighPass
    film: Film32
    basis: Film32

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.film.shape[0], self.film.shape[1]


def levels(problem: RegistrationProblem, specs: Sequence[LevelSpec]) -> tuple[Level, ...]:
    """The levels of a problem; films and bones of one size are made once."""
    solids: dict[tuple[str, int], Solid] = {}
    reduced_films: dict[float, list[tuple[FilmSignal, PinholeCamera]]] = {}
    made = []
    for spec in specs:
        bones = []
        for model in problem.bones:
            factor = _block(model, spec)
            key = model.bone, factor
            if key not in solids:
                solids[key] = block_means(model.solid, factor)
            bones.append(solids[key])
        if spec.pixel_mm not in reduced_films:
            reduced_films[spec.pixel_mm] = [_reduced(film, spec.pixel_mm) for film in problem.films]
        films = reduced_films[spec.pixel_mm]
        made.append(
            Level(
                spec=spec,
                solids=tuple(bones),
                signals=tuple(signal for signal, _ in films),
                cameras=tuple(camera for _, camera in films),
            )
        )
    return tuple(made)


def sections(
    problem: RegistrationProblem, level: Level, poses: Poses, margin_mm: float
) -> tuple[Section, ...]:
    """The parts of the films round the bones at given poses.

    Raises
    ------
    BadInput
        When a film shows none of the bones.
    """
    return tuple(_section(problem, level, poses, film, margin_mm) for film in range(len(problem.films)))


def _section(
    problem: RegistrationProblem, level: Level, poses: Poses, film: int, margin_mm: float
) -> Section:
    signal, stated = level.signals[film], level.cameras[film]
    camera = moved_camera(stated, poses.camera[film])
    sd_px = level.spec.surroundings_mm / float(camera.pitch_mm.max())
    margin = max(_MARGIN_PX, round(margin_mm / float(camera.pitch_mm.max()))) + round(sd_px)
    low, high = np.array(signal.log_image.shape), np.zeros(2, dtype=int)
    seen = [
        window_of(
            level.solids[bone],
            bone_pose(problem, poses, film, bone),
            camera,
            signal.log_image.shape,
            stride=1,
            margin_px=margin,
        )
        for bone in range(len(problem.bones))
    ]
    # A film that shows the skull alone is compared in it.
    looked_at = seen if level.spec.looks_at == "all" or not any(seen[1:]) else seen[1:]
    for window in looked_at:
        if window is not None:
            first = np.array(window.first[::-1])
            low, high = np.minimum(low, first), np.maximum(high, first + window.shape)
    if np.any(high <= low):
        raise BadInput(
            problem.films[film].file,
            "none of the bones falls on it where they are expected",
            "Check the camera, the landmarks and the orientation of the film",
        )
    high = np.minimum(high, signal.log_image.shape)
    at = slice(low[0], high[0]), slice(low[1], high[1])
    high_pass = HighPass.of(signal.valid[at], sd_px)
    image = np.ascontiguousarray(signal.log_image[at])
    passed = high_pass.apply(image[None])[0]
    return Section(
        first=(int(low[0]), int(low[1])),
        camera=reduced_camera(stated, 1, first_px=(int(low[1]), int(low[0]))),
        high_pass=high_pass,
        film=passed,
        basis=_gain_basis(image - passed, signal.valid[at]),
    )


def _gain_basis(surroundings: Film32, valid: NDArray[np.bool_]) -> Film32:
    """1, surroundings, column and row: all but the first with mean 0 and standard deviation 1."""
    rows, columns = surroundings.shape
    basis = np.empty((4, rows, columns), dtype=np.float32)
    basis[0] = 1
    basis[1] = _standardised(np.where(valid, surroundings, np.nan))
    basis[2] = np.linspace(-1, 1, columns, dtype=np.float32)
    basis[3] = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    return basis


def _standardised(image: Film32) -> Film32:
    if not np.any(np.isfinite(image)):
        return np.zeros_like(image)
    spread = max(float(np.nanstd(image)), 1e-6)
    scaled: Film32 = (image - np.float32(np.nanmean(image))) / np.float32(spread)
    return np.where(np.isfinite(scaled), scaled, np.float32(0))


def _block(model: BoneModel, spec: LevelSpec) -> int:
    wanted = spec.skull_voxel_mm if model.bone == "skull" else spec.bone_voxel_mm
    return max(1, round(wanted / float(model.solid.spacing_mm.min())))


def _reduced(film: FilmImage, pixel_mm: float) -> tuple[FilmSignal, PinholeCamera]:
    before = film.signal.pixel_step
    step = max(1, round(pixel_mm / float(film.camera.pitch_mm.max()) / before))
    return reduced(film.signal, step), reduced_camera(film.camera, before * step)
