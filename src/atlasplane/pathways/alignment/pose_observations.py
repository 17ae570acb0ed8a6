"""Films fitted jointly as observations: poses of C1 and C2, their angles, and what they share with others.

A pose's errors come from the clicks, from the shape of the bones, from what the films leave open of cameras,
heads and joints and, with a CT whose surfaces ask for other frames than its landmarks, from the choice of
frames. The clicks are the visit's own; shape and frames are the same on every visit and on the CT itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.anatomy.bone_frames import DEFAULT_FRAMES, FRAMES
from atlasplane.core.finding import Finding
from atlasplane.core.observation import Measurement, Pose
from atlasplane.core.quantity import quantities, quantity
from atlasplane.geometry.bundle_model import PER_FILM
from atlasplane.geometry.bundle_problem import SKULL
from atlasplane.geometry.se3 import relative_jacobians
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment import film_fit_findings as say
from atlasplane.pathways.alignment.film_fit import FittedVisit
from atlasplane.pathways.alignment.film_fit_settings import fit_settings
from atlasplane.pathways.alignment.image_part import Part
from atlasplane.pathways.alignment.pose_angles import POSE_ANGLES
from atlasplane.sources.case import Visit
from atlasplane.sources.film import View
from atlasplane.uncertainty.first_order import effective_dof

METHOD = "films-jointly/1"
_SERIES = (View.LATERAL, View.NASIUM, View.VERTEX)
_NOT_OBSERVED = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """One bone in another, and its change by the changes of the fitted poses, shape (6, 6 K)."""

    quantity: str
    moving: str
    reference: str
    pose: RigidTransform
    by_fit: Array


@dataclass(frozen=True, slots=True, eq=False)
class _Angle:
    """One angle in degrees and its change by the changes of the fitted poses, shape (6 K,)."""

    quantity: str
    bones: frozenset[str]
    value: float
    by_fit: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PosePart:
    """Observations of the joint fit with their share of the visit's joint covariance.

    Attributes
    ----------
    part : Part
        Angles in `measurements`, poses in `others`.
    pose_shared : mapping key of a pose -> mapping name of an input -> array, shape (6,)
        Effect of one standard uncertainty of inputs that other visits share on the pose (rad, mm).
    click_effect : mapping file -> array, shape (n, 2 n_v)
        Change of each angle, deg, by the clicks of one film, px, in the order of `FilmClicks.ids`.
    """

    part: Part
    pose_shared: Mapping[str, Mapping[str, Array]]
    click_effect: Mapping[str, Array]


def pose_part(visit: Visit, fitted: FittedVisit) -> tuple[PosePart, tuple[Finding, ...]]:
    """Poses and angles that the films tell, and a finding for those that they do not."""
    placed = _placed(fitted)
    angles = [angle for bone in placed for angle in _angles(bone)]
    told = [angle for angle in angles if _share(fitted, angle.by_fit) <= _limit(angle.quantity)]
    poses = [
        bone for bone in placed if _is_given(bone) and max(_shares(fitted, bone)) <= _limit(bone.quantity)
    ]
    part, click_effect = _angle_part(visit, fitted, told)
    observed = tuple(_pose(visit, fitted, bone) for bone in poses)
    shared = {pose.key: _shared(fitted, bone.by_fit) for pose, bone in zip(observed, poses, strict=True)}
    whole = PosePart(
        part=Part(part.measurements, observed, part.own_cov, part.shared),
        pose_shared=shared,
        click_effect=click_effect,
    )
    return whole, _not_told(visit, fitted, placed, angles)


def _placed(fitted: FittedVisit) -> list[_Placed]:
    """C1 and C2 in the skull, C2 in C1, C1 in C2 for its angles; without bones that moved."""
    fit = fitted.fit
    bones = [bone for bone in fit.bones if bone not in fitted.moved]
    whole = dict(zip(fit.bones, np.eye(6 * len(fit.bones)).reshape(len(fit.bones), 6, -1), strict=True))
    found = [_Placed(f"{bone}_in_skull", bone, "skull", fit.poses[bone], whole[bone]) for bone in bones]
    for moving, reference in (("c2", "c1"), ("c1", "c2")):
        if moving in bones and reference in bones:
            by_reference, by_moving = relative_jacobians(fit.poses[reference], fit.poses[moving])
            relative = fit.poses[reference].inverse() @ fit.poses[moving]
            by_fit = by_reference @ whole[reference] + by_moving @ whole[moving]
            found.append(_Placed(f"{moving}_in_{reference}", moving, reference, relative, by_fit))
    return found


def _is_given(placed: _Placed) -> bool:
    """Whether the catalogue has the pose itself, and not its inverse."""
    return placed.quantity in quantities()


def _angles(placed: _Placed) -> list[_Angle]:
    found = []
    for name, read in POSE_ANGLES.get(placed.quantity, {}).items():
        value, by_turn = read(placed.pose.rotation)
        bones = frozenset({placed.moving, placed.reference})
        found.append(_Angle(name, bones, value, by_turn @ placed.by_fit[:3]))
    return found


def _limit(quantity_id: str) -> float:
    limits = fit_settings().limits
    return limits.get(f"unresolved.{quantity_id}", limits["unresolved"]).value


def _share(fitted: FittedVisit, by_fit: Array) -> float:
    """By how much of an error of the joints' priors a number is off, 0 to 1 where the prior alone tells it.

    The root of the variance that the priors' errors leave over the variance under the priors.
    """
    fit = fitted.fit
    left = by_fit @ fit.prior_gain[:, PER_FILM * len(fit.films) :]
    sd = np.concatenate([np.sqrt(np.diag(joint.cov)) for joint in fitted.problem.joints])
    before = float(np.sum((by_fit * sd) ** 2))
    return math.sqrt(float(left @ left) / before) if before > _NOT_OBSERVED else 0.0


def _shares(fitted: FittedVisit, placed: _Placed) -> list[float]:
    return [_share(fitted, row) for row in placed.by_fit]


def _not_told(
    visit: Visit, fitted: FittedVisit, placed: Sequence[_Placed], angles: Sequence[_Angle]
) -> tuple[Finding, ...]:
    shares = {angle.quantity: _share(fitted, angle.by_fit) for angle in angles}
    shares |= {bone.quantity: max(_shares(fitted, bone)) for bone in placed if _is_given(bone)}
    lost = {quantity(id_).name: share for id_, share in shares.items() if share > _limit(id_)}
    told = (say.no_lower_angle(visit),) if _c7_is_marked(fitted) else ()
    if not lost:
        return told
    lacking = [view.value for view in _SERIES if view not in fitted.views]
    return (say.unresolved(visit, list(lost), max(lost.values()), lacking), *told)


def _c7_is_marked(fitted: FittedVisit) -> bool:
    """Whether a film has the lower angle."""
    return any("lower_angle" in film.analysis.keys for film in fitted.clicks)


def _shape_effect(fitted: FittedVisit) -> Array:
    """Change of the fitted poses by each standardised input of the shape's errors, shape (6 K, c)."""
    effect: Array = fitted.fit.shape_gain @ fitted.shape.root_mm
    return effect


def _frame_effects(fitted: FittedVisit) -> dict[str, Array]:
    """Change of the fitted poses by one standard uncertainty of which frame a bone has, shape (6 K,).

    A frame turned by w on its own axes, F exp([w]x), turns the bone's pose R, t by R w; the skull's turns
    every pose by -w and shifts it by -w x t.
    """
    effects = {}
    for key, (turned, turn) in fitted.shape.turns_by_key().items():
        change = np.zeros((len(fitted.fit.bones), 6))
        for k, bone in enumerate(fitted.fit.bones):
            pose = fitted.fit.poses[bone]
            if turned == SKULL:
                change[k] = -np.concatenate([turn, np.cross(turn, pose.translation_mm)])
            elif turned == bone:
                change[k, :3] = pose.rotation @ turn
        effects[key] = change.ravel()
    return effects


def _frame_cov(fitted: FittedVisit, by_fit: Array) -> Array:
    """Covariance that the choice of frames adds to numbers that the fitted poses make, shape (m, m)."""
    effects = [by_fit @ effect for effect in _frame_effects(fitted).values()]
    return sum((np.outer(effect, effect) for effect in effects), np.zeros((len(by_fit), len(by_fit))))


def _shared(fitted: FittedVisit, by_fit: Array) -> dict[str, Array]:
    """Effects (m,) of inputs that other visits and the volume share, by name; without those of no effect."""
    shape = by_fit @ _shape_effect(fitted)
    named = dict(zip(fitted.shape.error_keys(), shape.T, strict=True))
    named |= {key: by_fit @ effect for key, effect in _frame_effects(fitted).items()}
    return {key: effect for key, effect in named.items() if np.any(effect)}


def _angle_part(visit: Visit, fitted: FittedVisit, angles: Sequence[_Angle]) -> tuple[Part, dict[str, Array]]:
    by_fit = np.array([angle.by_fit for angle in angles]).reshape(len(angles), len(fitted.fit.cov))
    shape = by_fit @ _shape_effect(fitted)
    cov = by_fit @ fitted.fit.cov @ by_fit.T
    clicks = {
        film.file: by_fit @ gain for film, gain in zip(fitted.clicks, fitted.fit.click_gain, strict=True)
    }
    placing = np.zeros(len(angles))
    for film, given in zip(fitted.clicks, fitted.problem.films, strict=True):
        gain = clicks[film.file].reshape(len(angles), -1, 2)
        placing += np.einsum("qni,nij,qnj->q", gain, given.cov_px, gain)
    own = cov - shape @ shape.T
    left = np.maximum(np.diag(own) - placing, 0.0)
    variances = {
        "landmarks": placing,
        "shape": np.sum(shape**2, axis=1),
        "frame": np.diag(_frame_cov(fitted, by_fit)),
        "head": left,
    }
    measurements = tuple(
        _measurement(visit, fitted, angle, {name: float(of[k]) for name, of in variances.items()})
        for k, angle in enumerate(angles)
    )
    return Part(measurements, (), (own + own.T) / 2, _shared(fitted, by_fit)), clicks


def _measurement(
    visit: Visit, fitted: FittedVisit, angle: _Angle, variances: Mapping[str, float]
) -> Measurement:
    entry = quantity(angle.quantity)
    u = math.sqrt(sum(variances.values()))
    dof = min(film.dof for film in fitted.clicks)
    return Measurement(
        quantity=entry,
        visit=visit.id,
        method=METHOD,
        tag=entry.tag,
        source=(*fitted.files, *fitted.shape.source),
        observer=_observers(fitted),
        provenance=_provenance(fitted, angle.bones),
        quality=_quality(fitted, entry.tag),
        value=angle.value,
        u=u,
        dof=effective_dof(u, (math.sqrt(variances["landmarks"]),), (dof,)),
        budget={name: math.sqrt(part) for name, part in variances.items() if part or name != "frame"},
    )


def _pose(visit: Visit, fitted: FittedVisit, placed: _Placed) -> Pose:
    entry = quantity(placed.quantity)
    cov = placed.by_fit @ fitted.fit.cov @ placed.by_fit.T + _frame_cov(fitted, placed.by_fit)
    moving, reference = (FRAMES[DEFAULT_FRAMES[bone]] for bone in (placed.moving, placed.reference))
    return Pose(
        quantity=entry,
        visit=visit.id,
        method=METHOD,
        tag=entry.tag,
        source=(*fitted.files, *fitted.shape.source),
        observer=_observers(fitted),
        provenance=_provenance(fitted, frozenset({placed.moving, placed.reference})),
        quality=_quality(fitted, entry.tag),
        from_frame=placed.moving,
        to_frame=placed.reference,
        origin=f"{moving.origin}, in {placed.reference} from {reference.origin}",
        rotation=placed.pose.rotation,
        translation_mm=placed.pose.translation_mm,
        cov6=(cov + cov.T) / 2,
    )


def _observers(fitted: FittedVisit) -> tuple[str, ...]:
    return tuple(sorted({m.reading.observer for film in fitted.clicks for m in film.readings}))


def _quality(fitted: FittedVisit, tag: str) -> tuple[str, ...]:
    flags = {
        "generic_shape": not fitted.shape.own,
        tag: tag in ("proposed", "unverified"),
    }
    return tuple(name for name, raised in flags.items() if raised) or ("ok",)


def _provenance(fitted: FittedVisit, bones: frozenset[str]) -> dict[str, str]:
    readings = [m.reading for film in fitted.clicks for m in film.readings]
    placed_by = frozenset().union(*(m.placed_by for film in fitted.clicks for m in film.readings))
    said = {
        "sha256": ", ".join(film.analysis.film.sha256 or "none" for film in fitted.clicks),
        "readings": ", ".join(
            f"{film.file}: {', '.join(m.reading.id for m in film.readings)}" for film in fitted.clicks
        ),
        "tools": ", ".join(sorted({reading.tool for reading in readings})),
        "placing": "; ".join(sorted(placed_by)),
        "shape": fitted.shape.name,
        "frames": ", ".join(sorted(DEFAULT_FRAMES[bone] for bone in bones)),
        "head": "fitted on every film, priors of data/film_fit.toml",
        "fit": f"chi-square {fitted.fit.chi2:.1f} with {fitted.fit.dof} click coordinates",
    }
    return said | ({"damped": "; ".join(fitted.damped)} if fitted.damped else {})
