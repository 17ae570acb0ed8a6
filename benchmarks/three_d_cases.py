"""Simulated clicks on films of persons whose true poses are known, for the bars of the joint fit.

No picture and no file: the points of a person are projected by the camera that was, and fitted with the
camera that is stated. The head is off by a fixed angle about every axis, the sign by chance for each film.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from atlasplane.anatomy.bone_frames import DEFAULT_FRAMES, FRAMES
from atlasplane.anatomy.landmarks import landmarks
from atlasplane.anatomy.phantom import Phantom, mean_phantom, posture
from atlasplane.geometry.bundle import BoneShape, BundleFilm, CameraSd, JointPrior, Problem
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.quadric import Ellipsoid
from atlasplane.geometry.rotation import rotation_from_zxy, zxy_from_rotation
from atlasplane.geometry.se3 import perturbed, rotation_from_vector
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.simulate.setup import SETUPS
from atlasplane.sources.film import View

BONES = ("skull", "c1", "c2")
FILMS = (View.LATERAL, View.NASIUM, View.VERTEX)
FRAMES_OF = {bone: FRAMES[DEFAULT_FRAMES[bone]] for bone in BONES}
USUAL_FLEXION_DEG = -12.0
"""Of C1 in the skull; tube angle of nasium and vertex."""
_SKIN = "TRAGUS"


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Standard deviations of everything that is drawn.

    Attributes
    ----------
    click_mm : on the film, each coordinate
    shape_mm : of the points as a CT gives them, each coordinate
    head_deg, head_mm : of the skull in the room of one film; what is drawn is a fixed angle
    sid_mm, principal_mm, pitch_rel : of the camera
    joint_deg : of a bone in the skull about X, Y, Z (laterality, rotation, flexion)
    joint_mm : the same along every axis
    normal : otherwise poses and distances are uniform and errors of the shape skewed (an exponential less its
        mean), of these standard deviations
    """

    click_mm: float = 0.5
    shape_mm: float = 0.3
    head_deg: float = 10.0
    head_mm: float = 20.0
    sid_mm: float = 20.0
    principal_mm: float = 10.0
    pitch_rel: float = 0.005
    joint_deg: Mapping[str, tuple[float, float, float]] = field(
        default_factory=lambda: {"c1": (4.0, 5.0, 6.0), "c2": (4.0, 8.0, 8.0)}
    )
    joint_mm: float = 3.0
    normal: bool = True

    def joint_sd(self, bone: str) -> Array:
        """Of a change, rad and mm, shape (6,)."""
        return np.concatenate([np.radians(self.joint_deg[bone]), np.full(3, self.joint_mm)])

    def drawn(self, rng: np.random.Generator, sd: Array | float) -> Array:
        """Deviations with these standard deviations."""
        sd = np.asarray(sd, dtype=float)
        return rng.normal(0.0, sd) if self.normal else rng.uniform(-1, 1, sd.shape) * np.sqrt(3) * sd

    def shape_errors_mm(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Errors of the points of a CT."""
        drawn = rng.normal(size=shape) if self.normal else rng.exponential(size=shape) - 1
        return self.shape_mm * drawn


PRIOR = Spread()
OTHER = replace(PRIOR, normal=False, shape_mm=1.1 * PRIOR.shape_mm, sid_mm=1.5 * PRIOR.sid_mm)
"""Another distribution than the priors: uniform poses and distances, skewed errors of the shape; distances
are 1.5 and errors of the shape 1.1 times as large as the estimator is told."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Person:
    """True bones: each point in a frame of its bone, and where the bones are expected.

    Attributes
    ----------
    shape : BoneShape
        Known exactly.
    joints : mapping bone -> RigidTransform
        Frame of the bone's points -> that of the skull's, at rest.
    condyles_mm : array, shape (3,)
        Centre of the condyles' arc, skull frame: what C1 turns about.
    vault : Ellipsoid or None
        Outer table of the skull, skull frame.
    """

    shape: BoneShape
    joints: Mapping[str, RigidTransform]
    condyles_mm: Array
    vault: Ellipsoid | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Believed:
    """What the estimator is told of the bones; default a CT of the person (None)."""

    shape: BoneShape
    joints: Mapping[str, RigidTransform]
    prior: Spread = PRIOR


@dataclass(frozen=True, eq=False, kw_only=True)
class SimulatedFit:
    """A problem as the estimator sees it, and as it truly is.

    Attributes
    ----------
    problem : Problem
    at_truth : Problem
        The same with the mean of every prior at the truth: for the bound; its films hold the true cameras.
    true : mapping bone -> RigidTransform
        Anatomical frame of the bone -> that of the skull.
    moved_film : int
    """

    problem: Problem
    at_truth: Problem
    true: Mapping[str, RigidTransform]
    moved_film: int


def phantom_person(phantom: Phantom) -> Person:
    """A person of the phantom population."""
    ids = shape_ids(phantom.points_mm)
    stands = posture(phantom, head_deg=np.zeros(3), atlas_deg=np.array([USUAL_FLEXION_DEG, 0.0, 0.0]))
    bones = tuple(phantom.points_mm[id_][0] for id_ in ids)
    at = {id_: phantom.points_mm[id_][1] for id_ in ids}
    frames = {bone: FRAMES_OF[bone].build(at) for bone in BONES}
    back = {bone: frame.inverse() for bone, frame in frames.items()}
    _, arc = phantom.arcs_mm["COND_R"]
    return Person(
        shape=exact_shape(
            ids, bones, np.array([back[b].apply(at[i]) for i, b in zip(ids, bones, strict=True)])
        ),
        joints={bone: back["skull"] @ getattr(stands, bone) @ frames[bone] for bone in BONES[1:]},
        condyles_mm=back["skull"].apply(_centre_of_arc(arc)),
        vault=phantom.vault.moved(back["skull"]),
    )


def _centre_of_arc(arc: Array) -> Array:
    """Centre, in the mid-plane, of a coronal arc: as far from its first as from its last point."""
    (x, y, z), (_, y_end, z_end) = arc[0], arc[-1]
    height = (y_end**2 + z_end**2 - y**2 - z**2) / (2 * (y_end - y))
    return np.array([x, height, 0.0])


def exact_shape(ids: tuple[str, ...], bones: tuple[str, ...], points_mm: Array) -> BoneShape:
    """A shape without error."""
    return BoneShape(ids=ids, bones=bones, points_mm=points_mm, cov_mm2=np.zeros((points_mm.size,) * 2))


def shown_ids(view: View, ids: Sequence[str]) -> tuple[str, ...]:
    """Those of some points of skull, C1 and C2 that are marked on a film; skin is left out."""
    known = landmarks()
    return tuple(id_ for id_ in ids if view.value in known[id_].views and known[id_].id != _SKIN)


def shape_ids(points: Mapping[str, tuple[str, Array]]) -> tuple[str, ...]:
    """Points that a film shows or a frame needs."""
    own = sorted(id_ for id_, (bone, _) in points.items() if bone in BONES)
    needed = {id_ for frame in FRAMES_OF.values() for id_ in frame.needs}
    clicked = {id_ for view in FILMS for id_ in shown_ids(view, own)}
    return tuple(id_ for id_ in own if id_ in needed | clicked)


MEAN_IDS = shape_ids(mean_phantom().points_mm)


def turn_about(point_mm: Array, turn_deg: Array) -> RigidTransform:
    """Turn by a vector (deg) about a point."""
    return RigidTransform.about(rotation_from_vector(np.radians(turn_deg)), point_mm)


def simulated_fit(
    rng: np.random.Generator,
    person: Person,
    *,
    off_deg: float,
    truth: Spread = PRIOR,
    believed: Believed | None = None,
    moved: RigidTransform | None = None,
) -> SimulatedFit:
    """Clicks on the three films of one person.

    Parameters
    ----------
    off_deg : float
        How far the head is off about every axis.
    truth : Spread
        What is drawn; of the films the estimator believes `PRIOR`.
    believed : Believed, optional
        Default a CT of the person: the true points with errors.
    moved : RigidTransform, optional
        Movement of C1, in the skull, on one of the films by chance.
    """
    joints = {
        bone: perturbed(mean, truth.drawn(rng, truth.joint_sd(bone))) for bone, mean in person.joints.items()
    }
    told = believed or _ct(rng, person, truth)
    film = int(rng.integers(len(FILMS)))
    pairs = []
    for number, view in enumerate(FILMS):
        placed = {**joints, "c1": moved @ joints["c1"]} if moved and number == film else joints
        pairs.append(_film(rng, view, person, placed, told, off_deg, truth))
    return SimulatedFit(
        problem=_problem([stated for stated, _ in pairs], told.shape, told.joints, told.prior, person),
        at_truth=_problem(
            [true for _, true in pairs], _at_truth(told.shape, person), joints, told.prior, person
        ),
        true=_true_poses(person, joints),
        moved_film=film,
    )


def _true_poses(person: Person, joints: Mapping[str, RigidTransform]) -> dict[str, RigidTransform]:
    frames = {bone: FRAMES_OF[bone].build(person.shape.points_of(bone)) for bone in BONES}
    return {bone: frames["skull"].inverse() @ pose @ frames[bone] for bone, pose in joints.items()}


def _ct(rng: np.random.Generator, person: Person, truth: Spread) -> Believed:
    shape = person.shape
    points = shape.points_mm + truth.shape_errors_mm(rng, shape.points_mm.shape)
    cov = np.eye(points.size) * PRIOR.shape_mm**2
    return Believed(shape=replace(shape, points_mm=points, cov_mm2=cov), joints=person.joints)


def _at_truth(told: BoneShape, person: Person) -> BoneShape:
    at = dict(zip(person.shape.ids, person.shape.points_mm, strict=True))
    return replace(told, points_mm=np.array([at[id_] for id_ in told.ids]))


def _problem(
    films: Sequence[BundleFilm],
    shape: BoneShape,
    joints: Mapping[str, RigidTransform],
    prior: Spread,
    person: Person,
) -> Problem:
    priors = tuple(
        JointPrior(
            bone=bone,
            pose=pose,
            cov=np.diag(prior.joint_sd(bone) ** 2),
            centre_mm=person.condyles_mm if bone == "c1" else None,
        )
        for bone, pose in joints.items()
    )
    frames = {bone: frame.build for bone, frame in FRAMES_OF.items()}
    return Problem(films=tuple(films), shape=shape, joints=priors, frames=frames)


def angles_deg(pose: RigidTransform) -> Array:
    """atlas_flexion_3d, atlas_laterality_3d, atlas_rotation_3d, shape (3,)."""
    alpha, beta, gamma = zxy_from_rotation(pose.rotation)
    return np.array([-alpha, -beta, gamma])


def _film(
    rng: np.random.Generator,
    view: View,
    person: Person,
    joints: Mapping[str, RigidTransform],
    told: Believed,
    off_deg: float,
    truth: Spread,
) -> tuple[BundleFilm, BundleFilm]:
    """One film as stated, and as it was."""
    setup = SETUPS[view]
    stated = setup.camera(-USUAL_FLEXION_DEG if setup.follows_s_line else setup.tube_deg, np.zeros(3))
    true = _true_camera(rng, stated, truth)
    expected = RigidTransform(np.eye(3), -told.joints["c1"].translation_mm)
    yaw, pitch, roll = off_deg * rng.choice([-1.0, 1.0], 3)
    shift = rng.normal(0.0, truth.head_mm, 3)
    skull = RigidTransform(rotation_from_zxy(pitch, roll, yaw), shift - person.joints["c1"].translation_mm)
    in_room = {"skull": skull} | {bone: skull @ pose for bone, pose in joints.items()}
    shape = person.shape
    at = {i: in_room[b].apply(p) for i, b, p in zip(shape.ids, shape.bones, shape.points_mm, strict=True)}
    ids = shown_ids(view, told.shape.ids)
    exact = true.project(np.array([at[id_] for id_ in ids]))
    film = BundleFilm(
        camera=stated,
        skull=expected,
        skull_cov=np.diag(np.repeat([np.radians(PRIOR.head_deg), PRIOR.head_mm], 3) ** 2),
        camera_sd=CameraSd(sid_mm=PRIOR.sid_mm, principal_mm=PRIOR.principal_mm, pitch_rel=PRIOR.pitch_rel),
        ids=ids,
        at_px=exact + rng.normal(0.0, truth.click_mm, exact.shape) / stated.pitch_mm,
        cov_px=np.tile(np.diag((PRIOR.click_mm / stated.pitch_mm) ** 2), (len(ids), 1, 1)),
    )
    return film, replace(film, camera=true, skull=skull, at_px=exact)


def _true_camera(rng: np.random.Generator, stated: PinholeCamera, truth: Spread) -> PinholeCamera:
    away = (stated.source_mm - stated.centre_mm) / stated.sid_mm
    along, across = truth.drawn(rng, truth.sid_mm), rng.normal(0.0, truth.principal_mm, 2)
    moved = along * away + across[0] * stated.column_axis + across[1] * stated.row_axis
    scale = 1 + rng.normal(0.0, truth.pitch_rel)
    return replace(stated, source_mm=stated.source_mm + moved, pitch_mm=stated.pitch_mm * scale)
