"""Where a registration begins: the fit of the films' landmarks, or an earlier registration of the case."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import block_diag, cho_solve

from atlasplane.geometry.bundle_model import PER_FILM, PER_JOINT, BundleModel, Scene
from atlasplane.geometry.bundle_problem import CameraSd
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.least_squares import innovation_factor, minimise
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_fit import FittedVisit
from atlasplane.pathways.alignment.film_fit_settings import fit_settings
from atlasplane.pathways.alignment.marked_film import NOMINAL_MAGNIFICATION
from atlasplane.pathways.alignment.registered_poses import turned_at
from atlasplane.xray.registration_problem import about_centre, change_about_centre


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmStart:
    """One film before it is registered.

    Attributes
    ----------
    file : str
    camera : PinholeCamera
        As the landmarks have it; room of this film (ISB axes, mm), film pixels.
    camera_sd : CameraSd
    skull : RigidTransform
        Volume -> room.
    """

    file: str
    camera: PinholeCamera
    camera_sd: CameraSd
    skull: RigidTransform


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LandmarkStart:
    """Films and bones as the landmarks place them.

    Attributes
    ----------
    films : tuple of FilmStart
    motions : mapping bone -> RigidTransform
        Motion of C1, C2 in the volume since the scan, the skull standing still.
    cov : array, shape (6 (V + K), 6 (V + K))
        Of changes about the bones' centres: the skull on each film, then the motions in their order.
    """

    films: tuple[FilmStart, ...]
    motions: Mapping[str, RigidTransform]
    cov: Array


def landmark_start(
    fitted: FittedVisit,
    frames: Mapping[str, RigidTransform],
    centres_mm: Mapping[str, Array],
    *,
    calibrated: bool,
) -> LandmarkStart:
    """Skull, C1 and C2 as the joint fit of the films' landmarks places the bones of the scan.

    The fit knows a bone by its landmarks in the frame that they make in the volume; so its pose in the room,
    after that frame's inverse, is that of the volume. What the fit makes of the landmarks' own errors moves
    no bone of the scan and is left out here. A bone without landmarks on the films stays in the posture of
    the scan, as uncertain as the joint's prior says.

    Parameters
    ----------
    frames : mapping bone -> RigidTransform
        Frame of the scan's landmarks -> volume.
    centres_mm : mapping bone -> array, shape (3,)
        Of the bones that are registered; what changes turn about.
    calibrated : bool
        Whether the cameras are taken as stated, without error.
    """
    problem = fitted.problem
    model = BundleModel(problem)
    robust = fit_settings().robust.k if fitted.damped else None
    found = minimise(model, model.size, robust_k=robust)
    scene, jacobian = model.scene(found.unknowns), np.sqrt(found.weights)[:, None] * found.jacobian
    told = cho_solve(innovation_factor(jacobian), jacobian, check_finite=False)
    left = np.eye(model.size) - jacobian.T @ told
    films, rows = [], []
    for v, (film, click) in enumerate(zip(problem.films, fitted.clicks, strict=True)):
        skull, by_unknowns = _skull_on(model, scene, v, frames["skull"], centres_mm["skull"])
        rows.append(by_unknowns)
        camera = film.camera if calibrated else model.camera(film, scene.camera[v])
        films.append(
            FilmStart(
                file=click.file,
                camera=detector_behind(camera, skull.apply(centres_mm["skull"])),
                camera_sd=CALIBRATED if calibrated else _camera_sd(model, v, left),
                skull=skull,
            )
        )
    motions: dict[str, RigidTransform] = {}
    for k, bone in enumerate(problem.bones, start=1):
        if bone in centres_mm:
            motions[bone], by_unknowns = _motion_of(model, scene, k, bone, frames, centres_mm[bone])
            rows.append(by_unknowns)
    by_all = np.concatenate(rows)
    cov = by_all @ left @ by_all.T
    unseen = [bone for bone in centres_mm if bone not in ("skull", *motions)]
    motions |= dict.fromkeys(unseen, RigidTransform.identity())
    cov = block_diag(cov, *(joint_prior(bone) for bone in unseen))
    return LandmarkStart(films=tuple(films), motions=motions, cov=(cov + cov.T) / 2)


_HEAD_MM = 150.0
"""From the middle of the skull to the farthest bone that a scan of the head shows."""
CALIBRATED = CameraSd(sid_mm=0.0, principal_mm=0.0, pitch_rel=0.0)
"""A camera that is taken as stated."""


def detector_behind(camera: PinholeCamera, head_mm: Array) -> PinholeCamera:
    """The same camera with its detector behind the head, where rays end that have crossed it.

    A camera that was given as a matrix does not know where its detector is, and has it anywhere. Moved along
    the rays, with a pixel that grows alike, it sees every point at the same place.
    """
    reach = float((camera.centre_mm - camera.source_mm) @ camera.normal)
    depth = float((head_mm - camera.source_mm) @ camera.normal)
    if reach > depth + _HEAD_MM:
        return camera
    grown = max(NOMINAL_MAGNIFICATION * depth, depth + _HEAD_MM) / reach
    return replace(
        camera,
        centre_mm=camera.source_mm + grown * (camera.centre_mm - camera.source_mm),
        pitch_mm=camera.pitch_mm * grown,
    )


def joint_prior(bone: str) -> Array:
    """Covariance, shape (6, 6), of where a bone may stand in the skull without anybody having looked."""
    joint = fit_settings().joint
    spread = joint.c1 if bone == "c1" else joint.c2
    sd = np.repeat([math.radians(spread.rotation_sd_deg), spread.translation_sd_mm], 3)
    return np.diag(sd**2)


def in_one_room(start: LandmarkStart, centres_mm: Mapping[str, Array]) -> LandmarkStart:
    """The same for films that share a room: the one pose of the skull that fits all films' poses best.

    Generalised least squares about the first film's pose, with the covariance of all poses together.
    """
    films = len(start.films)
    first, centre = start.films[0].skull, centres_mm["skull"]
    off = [change_about_centre(first, film.skull, centre) for film in start.films]
    design = block_diag(np.tile(np.eye(PER_JOINT), (films, 1)), np.eye(PER_JOINT * len(start.motions)))
    weighted = np.linalg.solve(start.cov, design).T
    cov = np.linalg.inv(weighted @ design)
    changes = cov @ weighted @ np.concatenate([*off, np.zeros(PER_JOINT * len(start.motions))])
    best, *of_bones = changes.reshape(-1, PER_JOINT)
    skull = about_centre(first, best, centre)
    return LandmarkStart(
        films=tuple(replace(film, skull=skull) for film in start.films),
        motions={
            bone: about_centre(motion, change, centres_mm[bone])
            for (bone, motion), change in zip(start.motions.items(), of_bones, strict=True)
        },
        cov=(cov + cov.T) / 2,
    )


def _skull_on(
    model: BundleModel, scene: Scene, v: int, frame: RigidTransform, centre_mm: Array
) -> tuple[RigidTransform, Array]:
    """The volume in the room of a film, and its change about the skull's centre by the unknowns, (6, p)."""
    at = RigidTransform(scene.skull.rotation[v], scene.skull.translation_mm[v])
    skull = at @ frame.inverse()
    first = PER_FILM * v
    by_unknowns = np.zeros((PER_JOINT, model.size))
    by_unknowns[:, first : first + PER_FILM] = model.film_roots[v][:PER_JOINT]
    by_unknowns[:3] = scene.skull_left[v] @ by_unknowns[:3]
    return skull, turned_at(at.translation_mm, skull.apply(centre_mm)) @ by_unknowns


def _motion_of(
    model: BundleModel,
    scene: Scene,
    k: int,
    bone: str,
    frames: Mapping[str, RigidTransform],
    centre_mm: Array,
) -> tuple[RigidTransform, Array]:
    """How a bone moved in the volume, and its change about the bone's centre by the unknowns, (6, p)."""
    skull = frames["skull"]
    at = RigidTransform(scene.joint.rotation[k], scene.joint.translation_mm[k])
    motion = skull @ at @ frames[bone].inverse()
    first = PER_FILM * len(model.film_roots) + PER_JOINT * (k - 1)
    by_unknowns = np.zeros((PER_JOINT, model.size))
    by_unknowns[:, first : first + PER_JOINT] = model.joint_roots[k]
    by_unknowns[:3] = scene.joint_left[k] @ by_unknowns[:3]
    on_volume = np.kron(np.eye(2), skull.rotation) @ by_unknowns
    return motion, turned_at(skull.apply(at.translation_mm), motion.apply(centre_mm)) @ on_volume


def _camera_sd(model: BundleModel, v: int, left: Array) -> CameraSd:
    """What the landmarks leave open of a camera; one number for both directions, as the camera's own has."""
    own = slice(PER_FILM * v, PER_FILM * (v + 1))
    root = model.film_roots[v][PER_JOINT:]
    sid, column, row, pitch = np.sqrt(np.diag(root @ left[own, own] @ root.T))
    return CameraSd(
        sid_mm=float(sid), principal_mm=float(math.hypot(column, row) / math.sqrt(2)), pitch_rel=float(pitch)
    )
