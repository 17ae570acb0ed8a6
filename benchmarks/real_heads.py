"""Real heads as persons of the simulator: marked points of skull, C1 and C2, and what may be made of them.

Two heads are marked (tests/data): the Visible Human male and BodyParts3D. What is real is the shape of their
bones; poses, cameras and clicks are drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from atlasplane.anatomy.landmarks import landmark
from atlasplane.anatomy.phantom import mean_phantom
from atlasplane.geometry.bundle import BundleFit, solve
from atlasplane.geometry.frames import ISB_FROM_LPS, isb_from_lps
from atlasplane.geometry.rotation import rotation_from_zxy
from atlasplane.geometry.se3 import difference
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.io.landmark_file import read_landmarks
from atlasplane.pathways.alignment.film_fit_settings import fit_settings, movement_looked_for
from atlasplane.pathways.alignment.film_fit_shape import fitted_ids, generic_fitted_shape
from benchmarks.three_d_cases import (
    BONES,
    FRAMES_OF,
    MEAN_IDS,
    PRIOR,
    USUAL_FLEXION_DEG,
    Believed,
    Person,
    Spread,
    exact_shape,
    phantom_person,
    simulated_fit,
)

HEADS: Mapping[str, str] = {"visible-human": "visible_human_male_head", "bodyparts3d": "bodyparts3d"}
"""Name of a head -> its landmark file."""
DATA = Path(__file__).resolve().parents[1] / "tests" / "data"
_UNMARKED = ("C2_TF_R", "C2_TF_L")
"""Where a head lacks them, the template's are laid on its C2: they carry C2's frame and are on no film."""
_SIDES = {"_R": "_L", "_L": "_R"}
_STEP_MM = 1e-3


@dataclass(frozen=True, eq=False)
class Head:
    """Marks of a real head.

    Attributes
    ----------
    points_mm : mapping id -> array, shape (3,)
        Mean of the readings, ISB axes; points that are fitted.
    cov_mm2 : mapping id -> array, shape (3, 3)
        Of one reading.
    """

    points_mm: Mapping[str, Array]
    cov_mm2: Mapping[str, Array]


@cache
def head(name: str) -> Head:
    """A head's marks by its name in HEADS."""
    readings = read_landmarks(DATA / f"{HEADS[name]}.landmarks.json")
    needed = {id_ for frame in FRAMES_OF.values() for id_ in frame.needs}
    marks = {
        id_: [reading.points[id_] for reading in readings if id_ in reading.points]
        for id_ in MEAN_IDS
        if id_ in fitted_ids() | needed
    }
    marks = {id_: found for id_, found in marks.items() if found}
    points = {id_: isb_from_lps(np.mean([m.at for m in found], axis=0)) for id_, found in marks.items()}
    cov = {
        id_: ISB_FROM_LPS @ np.mean([m.cov for m in found if m.cov is not None], axis=0) @ ISB_FROM_LPS.T
        for id_, found in marks.items()
    }
    stand_ins = _stand_ins(points)
    return Head({**points, **stand_ins}, {**cov, **dict.fromkeys(stand_ins, np.eye(3))})


def _stand_ins(points_mm: Mapping[str, Array]) -> dict[str, Array]:
    template = {id_: at for id_, (bone, at) in mean_phantom().points_mm.items() if bone == "c2"}
    shared = sorted(template.keys() & points_mm.keys())
    laid = _laid_on(np.array([template[i] for i in shared]), np.array([points_mm[i] for i in shared]))
    return {id_: laid.apply(template[id_]) for id_ in _UNMARKED if id_ not in points_mm}


def _laid_on(start: Array, end: Array) -> RigidTransform:
    """Least-squares rigid transform from points to points (Kabsch 1976, doi:10.1107/S0567739476001873)."""
    left, _, right = np.linalg.svd((start - start.mean(axis=0)).T @ (end - end.mean(axis=0)))
    turn = right.T @ np.diag([1.0, 1.0, np.linalg.det(right.T @ left.T)]) @ left.T
    return RigidTransform(turn, end.mean(axis=0) - turn @ start.mean(axis=0))


def mirrored(points_mm: Mapping[str, Array]) -> dict[str, Array]:
    """The other way round: z reversed, right and left exchanged; ISB axes."""
    return {
        id_[:-2] + _SIDES[id_[-2:]] if id_[-2:] in _SIDES else id_: at * np.array([1.0, 1.0, -1.0])
        for id_, at in points_mm.items()
    }


def in_own_frames(points_mm: Mapping[str, Array]) -> dict[str, Array]:
    """Points of skull, C1 and C2, each in the frame of its bone."""
    back = {bone: FRAMES_OF[bone].build(points_mm).inverse() for bone in BONES}
    return {id_: back[landmark(id_).bone].apply(at) for id_, at in points_mm.items()}


def person_of(points_mm: Mapping[str, Array], joints: Mapping[str, RigidTransform] | None = None) -> Person:
    """A person with these points, each in its bone's frame.

    At rest the bones stand as the mean person's do unless `joints` says otherwise. The vault is the mean
    person's, laid in the head's own frame: exactly symmetric, which favours the classical line.
    """
    ids = tuple(sorted(points_mm))
    shape = exact_shape(ids, tuple(landmark(i).bone for i in ids), np.array([points_mm[i] for i in ids]))
    mean = phantom_person(mean_phantom())
    level = rotation_from_zxy(-USUAL_FLEXION_DEG, 0.0, 0.0)
    rest = {
        bone: RigidTransform(level if bone == "c1" else np.eye(3), pose.translation_mm)
        for bone, pose in mean.joints.items()
    }
    return Person(shape=shape, joints=joints or rest, condyles_mm=mean.condyles_mm, vault=mean.vault)


def real_person(rng: np.random.Generator, *, name: str) -> Person:
    """A real head, mirrored by chance."""
    points = head(name).points_mm
    return person_of(in_own_frames(mirrored(points) if rng.random() < 0.5 else points))


def mixed_person(rng: np.random.Generator) -> Person:
    """A head that lies off the template as normal mixtures of the real heads and their mirror images do."""
    mean, off = template_errors()
    drawn = np.tensordot(rng.normal(size=len(off)) / np.sqrt(len(off)), off, axes=1)
    points = {id_: at + step for (id_, at), step in zip(mean.items(), drawn, strict=True)}
    return person_of(in_own_frames(points))


@cache
def template_errors() -> tuple[dict[str, Array], Array]:
    """The template's points that all heads have, and how far the heads lie off them.

    Returns
    -------
    points_mm, off_mm : mapping id -> (3,), and array, shape (heads, n, 3)
        In the frames of the bones; the second half of the heads are mirror images of the first.
    """
    own = [in_own_frames(head(name).points_mm) for name in HEADS]
    told = generic_fitted_shape().shape
    at = dict(zip(told.ids, told.points_mm, strict=True))
    shared = sorted(set.intersection(*(set(points) for points in own)))
    heads = [*own, *(mirrored(points) for points in own)]
    return {id_: at[id_] for id_ in shared}, np.array(
        [[points[id_] - at[id_] for id_ in shared] for points in heads]
    )


def told_of(ids: Collection[str]) -> Believed:
    """What the program believes of bones that it knows these points of: generic shape, its own priors."""
    told = generic_fitted_shape().keeping(ids, BONES)
    return Believed(shape=told.shape, joints=told.joints, prior=program_prior())


def told_of_head(name: str) -> Believed:
    """The same of a real head: the points that it has."""
    return told_of(head(name).points_mm)


def told_of_mixture() -> Believed:
    """The same of a mixture."""
    return told_of(template_errors()[0])


def program_prior() -> Spread:
    """Priors of the joints as the program has them; films and clicks as everywhere."""
    joint = fit_settings().joint
    turns = {bone: (getattr(joint, bone).rotation_sd_deg,) * 3 for bone in BONES[1:]}
    return replace(PRIOR, joint_deg=turns, joint_mm=joint.c1.translation_sd_mm)


def ct_against_films(rng: np.random.Generator, cases: int, *, off_deg: float) -> tuple[Array, Array]:
    """C1 in the skull of the Visible Human: from a reading of its CT, and from films with that CT's shape.

    The reading errs about the mean of the markings as its covariances say, the films as everywhere (clicks
    0.5 mm); C1 stands as it was scanned. Both poses share the errors of the reading, so their difference is
    judged with its own covariance.

    Parameters
    ----------
    cases : int
    off_deg : float
        How far the head is off about every axis.

    Returns
    -------
    distance, turn_deg : arrays, shape (cases,)
        Squared Mahalanobis distance of the two poses (chi-square with 6 degrees of freedom if all is as
        stated), and the angle between them.
    """
    pairs = np.array([_one_against_films(rng, off_deg) for _ in range(cases)])
    return pairs[:, 0], pairs[:, 1]


def _one_against_films(rng: np.random.Generator, off_deg: float) -> tuple[float, float]:
    scanned = head("visible-human")
    errors = {id_: rng.multivariate_normal(np.zeros(3), cov) for id_, cov in scanned.cov_mm2.items()}
    read = {id_: at + errors[id_] for id_, at in scanned.points_mm.items()}
    told = _as_scanned(read)
    cov, root = _reading_cov(read, scanned.cov_mm2)
    case = simulated_fit(
        rng,
        _as_scanned(scanned.points_mm),
        off_deg=off_deg,
        truth=replace(PRIOR, joint_deg={"c1": (0.0,) * 3, "c2": (0.0,) * 3}, joint_mm=0.0),
        believed=Believed(shape=replace(told.shape, cov_mm2=cov), joints=told.joints, prior=program_prior()),
    )
    fit = solve(case.problem, robust_k=None, movement=movement_looked_for())
    off = difference(told.joints["c1"], fit.poses["c1"])
    spread = _difference_cov(fit, read, cov, root)
    return float(off @ np.linalg.solve(spread, off)), float(np.degrees(np.linalg.norm(off[:3])))


def _as_scanned(points_mm: Mapping[str, Array]) -> Person:
    """A person whose bones stand as the points do."""
    return person_of(in_own_frames(points_mm), {bone: _in_skull(points_mm, bone) for bone in BONES[1:]})


def _in_skull(points_mm: Mapping[str, Array], bone: str) -> RigidTransform:
    back = FRAMES_OF["skull"].build(points_mm).inverse()
    return back @ FRAMES_OF[bone].build(points_mm)


def _reading_cov(points_mm: Mapping[str, Array], cov_mm2: Mapping[str, Array]) -> tuple[Array, Array]:
    """Covariance of the points in the frames of their bones, and its factor."""
    ids = sorted(points_mm)
    turn = {bone: FRAMES_OF[bone].build(points_mm).rotation.T for bone in BONES}
    root = np.zeros((3 * len(ids), 3 * len(ids)))
    for k, id_ in enumerate(ids):
        own = slice(3 * k, 3 * k + 3)
        root[own, own] = turn[landmark(id_).bone] @ np.linalg.cholesky(cov_mm2[id_])
    return root @ root.T, root


def _difference_cov(fit: BundleFit, points_mm: Mapping[str, Array], cov: Array, root: Array) -> Array:
    """Covariance of films' pose of C1 minus that of the reading, which shares its errors, shape (6, 6)."""
    gain = fit.shape_gain[:6]
    alone = fit.cov[:6, :6] - gain @ cov @ gain.T
    shared = (gain - _pose_by_points(points_mm)) @ root
    return np.asarray(alone + shared @ shared.T)


def _pose_by_points(points_mm: Mapping[str, Array]) -> Array:
    """Change of the reading's pose of C1 by its points, each along the axes of its bone, shape (6, 3 n)."""
    axes = {bone: FRAMES_OF[bone].build(points_mm).rotation for bone in BONES}
    ids = sorted(points_mm)
    steps = np.zeros((3 * len(ids), len(ids), 3))
    for k, id_ in enumerate(ids):
        steps[3 * k : 3 * k + 3, k] = _STEP_MM * axes[landmark(id_).bone].T
    moved = _in_skull({id_: points_mm[id_] + steps[:, k] for k, id_ in enumerate(ids)}, "c1")
    return np.asarray(difference(_in_skull(points_mm, "c1"), moved).T / _STEP_MM)
