"""The joint fit as a linear map about its minimum: covariance, gains, outliers, movement between films.

With the whitened unknowns x ~ N(0, I) of the priors, whitened clicks y = J x + N(0, I) and wanted poses
g = G x, the covariance of the clicks is S = I + J J', the gain of the poses is G J' S^-1, and S^-1 y at the
minimum is the whitened residual itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve

from atlasplane.geometry.bundle_model import BundleModel, Derivatives, Scene
from atlasplane.geometry.bundle_movement import MovedTest, Movement, moved_test
from atlasplane.geometry.bundle_poses import FramePoses, frame_poses
from atlasplane.geometry.bundle_problem import Problem
from atlasplane.geometry.least_squares import Minimum, NotFinite, innovation_factor
from atlasplane.geometry.se3 import cross_matrix
from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LinearFit:
    """A linearised fit of N clicks; rows are whitened and carry the robust weights.

    Attributes
    ----------
    problem, model, scene, blocks, frames
        What was fitted, where, and its derivatives there.
    jacobian : array, shape (2 N, p)
    root_weights : array, shape (2 N,)
    score : array, shape (2 N,)
        S^-1 y, with y clicked minus expected under the priors.
    solved : array, shape (2 N, 2 N)
        S^-1.
    gain : array, shape (6 K, 2 N)
        Change of the poses by an error of the whitened clicks.
    cov : array, shape (6 K, 6 K)
    """

    problem: Problem
    model: BundleModel
    scene: Scene
    blocks: Derivatives
    frames: FramePoses
    jacobian: Array
    root_weights: Array
    score: Array
    solved: Array
    gain: Array
    cov: Array

    @classmethod
    def at(cls, problem: Problem, model: BundleModel, found: Minimum) -> LinearFit:
        """The linear model at a minimum."""
        scene = model.scene(found.unknowns)
        frames = frame_poses(problem, model, scene)
        root = np.sqrt(found.weights)
        jacobian = root[:, None] * found.jacobian
        solved = cho_solve(innovation_factor(jacobian), np.eye(len(jacobian)), check_finite=False)
        gain = frames.by_unknowns @ jacobian.T @ solved
        return cls(
            problem=problem,
            model=model,
            scene=scene,
            blocks=model.evaluate(scene)[1],
            frames=frames,
            jacobian=jacobian,
            root_weights=root,
            score=-root * found.residuals,
            solved=solved,
            gain=gain,
            cov=_left(frames.by_unknowns, gain @ jacobian),
        )

    def shape_gain(self) -> Array:
        """Change of the poses by an error of the expected points, per mm, shape (6 K, 3 n)."""
        fitted: Array = self.gain @ (self.root_weights[:, None] * self.model.by_point(self.blocks))
        return self.frames.by_points - fitted

    def click_gain(self) -> tuple[Array, ...]:
        """For each film the change of the poses by an error of its clicks, per px, shape (6 K, 2 n_v)."""
        weighted = (self.gain * self.root_weights).reshape(len(self.gain), -1, 2)
        per_px = np.einsum("gnj,njk->gnk", weighted, self.model.whiten)
        films = range(len(self.problem.films))
        return tuple(per_px[:, self.model.film_of == v].reshape(len(self.gain), -1) for v in films)

    def prior_gain(self) -> Array:
        """Change of the poses by an error of 1 SD of each prior of films and joints, shape (6 K, q)."""
        others = slice(0, self.model.nuisances)
        left: Array = self.frames.by_unknowns[:, others] - self.gain @ self.jacobian[:, others]
        return left

    def resolved(self) -> dict[str, Array]:
        """1 - variance after over before the clicks, by bone, shape (6,); 0 where all was known before."""
        before = np.sum(self.frames.by_unknowns**2, axis=1)
        known = before == 0
        told = np.where(known, 0.0, 1 - np.diag(self.cov) / np.where(known, 1.0, before))
        return dict(zip(self.problem.bones, told.reshape(-1, 6), strict=True))

    def outliers(self) -> Array:
        """How far each click lies off what all others make of it, in standard deviations, shape (N,)."""
        clicks = np.arange(len(self.score) // 2)
        own = self.solved.reshape(len(clicks), 2, len(clicks), 2)[clicks, :, clicks]
        score = self.score.reshape(-1, 2)
        off = np.linalg.solve(own, score[..., None])[..., 0]
        return np.asarray(np.sqrt(np.sum(score * off, axis=1)), dtype=float)

    def moved(self, movement: Movement) -> dict[str, MovedTest]:
        """Test of each bone for a pose in the skull that differs between films."""
        by_pose = self.root_weights[:, None] * self.blocks.joint.reshape(-1, 6)
        film_of, tests = np.repeat(self.model.film_of, 2), {}
        for k, joint in enumerate(self.problem.joints, start=1):
            rows = np.repeat(self.model.bone_of == k, 2)
            about_centre = by_pose[rows]
            if joint.centre_mm is not None:
                # A turn w about the centre c also shifts the origin t: by w x (t - c).
                lever = cross_matrix(self.scene.joint.translation_mm[k] - joint.centre_mm)
                about_centre[:, :3] -= about_centre[:, 3:] @ lever
            solved = self.solved[np.ix_(rows, rows)]
            tests[joint.bone] = moved_test(about_centre, film_of[rows], self.score[rows], solved, movement)
        return tests


def prior_bound(problem: Problem) -> Array:
    """Covariance of the poses, shape (6 K, 6 K), linearised at the means of the priors."""
    model = BundleModel(problem)
    _, jacobian = model(np.zeros(model.size))
    if not np.all(np.isfinite(jacobian)):
        raise NotFinite("a point lies behind a source")
    wanted = frame_poses(problem, model, model.scene(np.zeros(model.size))).by_unknowns
    gain = cho_solve(innovation_factor(jacobian), jacobian @ wanted.T, check_finite=False).T
    return _left(wanted, gain @ jacobian)


def _left(wanted: Array, told: Array) -> Array:
    """Covariance of G x that is left when the clicks tell K J x of it: (G - K J) G'."""
    cov = (wanted - told) @ wanted.T
    return np.asarray((cov + cov.T) / 2)
