"""What a film's lines and the joint fit of the same clicks have in common, and how far they lie apart.

The difference of the two is the film's projection error: what head position, beam and enlargement do to the
line. Both rest on the same clicks, so their errors go together, and the difference is known better than
either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from atlasplane.core.joint import JointObservations
from atlasplane.core.observation import Measurement
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.pathways.alignment.film_fit_clicks import FilmClicks
from atlasplane.uncertainty.first_order import jacobian

PAIRS: tuple[tuple[str, str, float], ...] = (
    ("atlas_laterality", "atlas_laterality_3d", 1.0),
    ("atlas_rotation", "atlas_rotation_3d", 1.0),
    ("atlas_plane_sagittal", "atlas_flexion_3d", -1.0),
)
"""A film's quantity, its counterpart in space, and the sign between them."""
_STEP_OF_U = 0.25
"""Half-distance of the numerical derivative, in standard uncertainties of the click."""
_RIDGE = 1e-9
"""Of each variance, so that quantities that depend on each other leave the covariance invertible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionDifference:
    """A film's value beside the value in space.

    Attributes
    ----------
    film, space : Measurement
    space_value : float
        The value in space with the sign of the film's quantity.
    value : float
        Film minus space, the film's projection error, deg.
    u : float or None
        Standard uncertainty of the difference: placing and scale of the film's line, u of the value in space,
        less what the same clicks give both. The film's term for head position is left out, since the
        difference is what it stands for.
    """

    film: Measurement
    space: Measurement
    space_value: float
    value: float
    u: float | None


def projection_differences(joint: JointObservations) -> tuple[ProjectionDifference, ...]:
    """Film and space beside each other, for laterality, rotation and the atlas plane where both are there."""
    found = []
    for flat, space, sign in PAIRS:
        film, fitted = joint.measurement(flat), joint.measurement(space)
        if film is not None and fitted is not None:
            found.append(_difference(joint, film, fitted, sign))
    return tuple(found)


def _difference(
    joint: JointObservations, film: Measurement, fitted: Measurement, sign: float
) -> ProjectionDifference:
    u = None
    if film.u_film is not None and fitted.u is not None:
        common = joint.own_cov[joint.order.index(film.key), joint.order.index(fitted.key)]
        variance = film.u_film**2 + fitted.u**2 - 2 * sign * float(common)
        u = math.sqrt(variance) if variance > 0 else None
    return ProjectionDifference(
        film=film,
        space=fitted,
        space_value=sign * fitted.value,
        value=film.value - sign * fitted.value,
        u=u,
    )


def click_covariance(clicks: FilmClicks, effect: Array) -> Mapping[str, Array]:
    """Covariance of a film's quantities with the angles in space, through the clicks that both rest on.

    Parameters
    ----------
    clicks : FilmClicks
    effect : array, shape (n, 2 k)
        Change of the angles, deg, by the film's k clicks, px.

    Returns
    -------
    mapping key with its condition -> array, shape (n,)
        Empty with several observers, whose spread is not a click's.
    """
    analysis = clicks.analysis
    if len({read.marked.reading.observer for read in analysis.readings}) > 1:
        return {}
    marked = analysis.first.marked
    shared = [k for k, id_ in enumerate(clicks.ids) if id_ in marked.slots]
    if not shared:
        return {}
    by_px = _by_clicks(analysis, [clicks.ids[k] for k in shared])
    gain = effect.reshape(len(effect), -1, 2)[:, shared]
    cov = np.einsum("qki,kij,nkj->qn", by_px, clicks.cov_px[shared], gain)
    keys = analysis.first.keys
    return {str(analysis.observed(key)): cov[k] for k, key in enumerate(keys) if not key.startswith("check.")}


def _by_clicks(analysis: FilmAnalysis, ids: Sequence[str]) -> Array:
    """Change of every key of the first reading by some of its points, per px, shape (q, k, 2)."""
    read = analysis.first
    marked = read.marked
    places = np.array([[marked.slots[id_][0], marked.slots[id_][0] + 1] for id_ in ids]).ravel()

    def carried(moved: Array) -> Array:
        inputs = np.broadcast_to(marked.values, (*moved.shape[:-1], len(marked.values))).copy()
        inputs[..., places] = moved
        return read.carried(inputs)

    step = _STEP_OF_U * np.sqrt(np.diag(marked.cov)[places])
    by_film = jacobian(carried, marked.values[places], step).reshape(-1, len(ids), 2)
    by_px: Array = by_film @ marked.frame.matrix
    return by_px


def bounded(cross: Array, first: Array, second: Array) -> Array:
    """A cross covariance (m, n) made no larger than two covariances (m, m), (n, n) allow together.

    Both sides are known to first order and in part by sampling, so that together they may ask for a
    correlation a little beyond 1 in some direction.
    """
    roots = [np.linalg.cholesky(cov + np.diag(_RIDGE * np.diag(cov) + 1e-300)) for cov in (first, second)]
    unit = np.linalg.solve(roots[0], np.linalg.solve(roots[1], cross.T).T)
    most = float(np.linalg.norm(unit, 2))
    return cross / most if most > 1 else cross
