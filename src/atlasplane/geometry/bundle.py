"""Films fitted jointly: one pose per bone from the clicks of two to four films, with its covariance.

Bundle adjustment with priors (maximum a posteriori): for each film the skull's pose and the camera, for each
bone its pose in the skull, for all bones the shape. The covariance is that of the linear model at the fit; it
contains what clicks, cameras, shape and frames leave open (Triggs et al. 2000, doi:10.1007/3-540-44480-7_21).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atlasplane.geometry.bundle_linear import LinearFit, prior_bound
from atlasplane.geometry.bundle_model import BundleModel
from atlasplane.geometry.bundle_movement import MovedTest, Movement
from atlasplane.geometry.bundle_problem import (
    SKULL,
    BoneShape,
    BundleFilm,
    CameraSd,
    CollinearViews,
    FrameNeedsPoint,
    FrameOf,
    JointPrior,
    OneFilm,
    Problem,
    TooFewClicks,
    view_angle_deg,
)
from atlasplane.geometry.camera import PinholeCamera
from atlasplane.geometry.least_squares import Minimum, NotConverged, NotFinite, minimise
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array

__all__ = [
    "BoneShape",
    "BundleFilm",
    "BundleFit",
    "CameraSd",
    "CollinearViews",
    "FilmFit",
    "FrameNeedsPoint",
    "FrameOf",
    "JointPrior",
    "MovedTest",
    "Movement",
    "NotConverged",
    "NotFinite",
    "OneFilm",
    "Problem",
    "SKULL",
    "TooFewClicks",
    "bound",
    "solve",
    "view_angle_deg",
]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmFit:
    """What the fit says of one film.

    Attributes
    ----------
    skull : RigidTransform
        Frame of the skull's points -> room of this film.
    camera : PinholeCamera
    residual_px : array, shape (n, 2)
        Clicked minus fitted.
    standardised : array, shape (n,)
        How far each click lies off what all others and the priors make of it: squared, a chi-square with 2
        degrees of freedom if the click is as good as it says (test for one outlier; Baarda 1968).
    weights : array, shape (n,)
        Robust weights, 1 without robustness.
    """

    skull: RigidTransform
    camera: PinholeCamera
    residual_px: Array
    standardised: Array
    weights: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BundleFit:
    """Poses of K bones in the skull, and all that is needed to use them.

    Attributes
    ----------
    converged : bool
        Always true of a fit that `solve` returns; it raises otherwise.
    iterations : int
    bones : tuple of str
        Without the skull.
    poses : mapping bone -> RigidTransform
        Anatomical frame of the bone -> anatomical frame of the skull, both built from the fitted points.
    cov : array, shape (6 K, 6 K)
        Joint covariance of the poses in the order of `bones`, rad and mm (`geometry.se3`).
    shape_gain : array, shape (6 K, 3 n)
        Change of the poses by an error of the expected points, per mm.
    click_gain : tuple of arrays, shape (6 K, 2 n_v)
        Change of the poses by an error of each film's clicks, per px.
    prior_gain : array, shape (6 K, q)
        Change of the poses by an error of one standard deviation of each other prior. So
        cov = prior_gain prior_gain' + shape_gain C shape_gain' + sum of click_gain R click_gain'.
    films : tuple of FilmFit
    chi2 : float
        Objective at the minimum: clicks and priors.
    dof : int
        Click coordinates: the priors bring as many numbers as there are unknowns.
    moved : mapping bone -> MovedTest
    resolved : mapping bone -> array, shape (6,)
        1 - variance after / variance before the films, of each direction of the pose; near 0 the number is
        the prior's, not the films'.
    points_mm : array, shape (n, 3)
        Fitted points in the order of the shape.
    """

    converged: bool
    iterations: int
    bones: tuple[str, ...]
    poses: Mapping[str, RigidTransform]
    cov: Array
    shape_gain: Array
    click_gain: tuple[Array, ...]
    prior_gain: Array
    films: tuple[FilmFit, ...]
    chi2: float
    dof: int
    moved: Mapping[str, MovedTest]
    resolved: Mapping[str, Array]
    points_mm: Array


def solve(problem: Problem, *, robust_k: float | None, movement: Movement) -> BundleFit:
    """Fit all films jointly.

    Parameters
    ----------
    problem : Problem
    robust_k : float or None
        Huber's constant in standard deviations of a click; None takes all clicks as normal.
    movement : Movement
        What the test of a movement between films is made for; it stays valid for any other and finds it less
        often.

    Raises
    ------
    NotConverged, NotFinite, FrameNeedsPoint
        When there is no fit; `Problem` refuses what no fit can come from.
    """
    model = BundleModel(problem)
    found = minimise(model, model.size, robust_k=robust_k)
    linear = LinearFit.at(problem, model, found)
    return BundleFit(
        converged=True,
        iterations=found.iterations,
        bones=problem.bones,
        poses=dict(zip(problem.bones, linear.frames.poses, strict=True)),
        cov=linear.cov,
        shape_gain=linear.shape_gain(),
        click_gain=linear.click_gain(),
        prior_gain=linear.prior_gain(),
        films=_film_fits(linear, found),
        chi2=found.objective,
        dof=len(found.residuals),
        moved=linear.moved(movement),
        resolved=linear.resolved(),
        points_mm=linear.scene.points_mm,
    )


def bound(problem: Problem) -> Array:
    """Covariance of the poses, shape (6 K, 6 K), that no estimator with the same priors can beat on average.

    The problem is taken at its priors' means, which must be the truth; clicked places do not enter. The bound
    is the Cramer-Rao bound with the information of the priors added (van Trees 1968), as a test of an
    estimator that uses those priors has to be.

    Raises
    ------
    NotFinite
        When a point lies behind a source.
    """
    return prior_bound(problem)


def _film_fits(linear: LinearFit, found: Minimum) -> tuple[FilmFit, ...]:
    model, scene = linear.model, linear.scene
    whitened = -found.residuals.reshape(-1, 2, 1)
    residual_px = np.linalg.solve(model.whiten, whitened)[..., 0]
    outliers, weights = linear.outliers(), found.weights[::2]
    fits = []
    for v, film in enumerate(linear.problem.films):
        on = model.film_of == v
        fits.append(
            FilmFit(
                skull=RigidTransform(scene.skull.rotation[v], scene.skull.translation_mm[v]),
                camera=model.camera(film, scene.camera[v]),
                residual_px=residual_px[on],
                standardised=outliers[on],
                weights=weights[on],
            )
        )
    return tuple(fits)
