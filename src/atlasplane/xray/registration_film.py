"""One film against the shadows of the bones: gain, residual, weights and derivatives.

The model of a film F and what is drawn of the bones D is

    H F = g(x) H D + noise,

with the high-pass H of `xray.registration_filter` (a picture less its own surroundings, Marr and Hildreth
1980, doi:10.1098/rspb.1980.0020). Soft tissue and fall-off of the beam are wider than the surroundings and
drop out. Scatter S on the primary P lowers the contrast of bone by the smooth factor P / (P + S), which is
part of the gain g, as are hardening and the curve of a picture made for viewing: g is made of a constant, the
film's own surroundings, column and row (`registration_levels.Section.basis`).

What is left is weighed by Cauchy's function on a scale of the film's own (median absolute deviation). The
gain enters linearly: it is worked out anew for every pose and projected out of the derivatives (variable
projection: Golub and Pereyra 1973, doi:10.1137/0710036, in the form of Kaufman 1975, doi:10.1007/BF01932995,
which leaves out a term of the size of the residual).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.registration_covariance import Linearised
from atlasplane.xray.registration_levels import Level, Section
from atlasplane.xray.registration_poses import Poses, bone_pose, camera_columns, chain, size
from atlasplane.xray.registration_problem import PER_CAMERA, PER_POSE, RegistrationProblem, placed
from atlasplane.xray.registration_settings import setting
from atlasplane.xray.registration_shadow import Shadow, shadow
from atlasplane.xray.registration_states import likeness
from atlasplane.xray.registration_sums import explained, log_cost, robust_weights, weighted_sums

Film32 = NDArray[np.float32]
Lines = NDArray[np.int64]
_NO_COLUMNS, _NO_LINES = np.zeros((0, 0, 0), dtype=np.float32), np.zeros((0, 2), dtype=np.int64)
_MAD = 1.4826
_TINY = 1e-12
SEEN = 0.05
"""Part of a shadow's strongest place from which on a place counts as the shadow."""
_LEAST_SCALE = 0.05
"""Part (1 sd) of the film's filtered signal that is never explained: empty air must not set the scale."""
_HELD = 1e-3
"""Part of the gain's own information that is added to it: it varies no further than the film tells."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FilmFit:
    """One film at given poses.

    Attributes
    ----------
    shadows : tuple of Shadow or None
        By bone.
    model : array of float32, shape (rows, columns)
        Sum of the shadows.
    gains : array, shape (m,)
        Factors of the section's basis.
    gain : array of float32, shape (rows, columns)
        Film signal per unit of the model.
    residual : array of float32, same shape
        Film minus gain times model; 0 where nothing is compared.
    scale : float
        Robust standard deviation of the residual.
    """

    shadows: tuple[Shadow | None, ...]
    model: Film32
    gains: Array
    gain: Film32
    residual: Film32
    scale: float


class FilmComparison:
    """One film on one level.

    Parameters
    ----------
    problem : RegistrationProblem
    level : Level
    section : Section
    film : int
    held : collection of int
        Bones that stay where they are; with the skull the camera does.
    """

    def __init__(
        self,
        problem: RegistrationProblem,
        level: Level,
        section: Section,
        film: int,
        *,
        held: Collection[int] = (),
    ) -> None:
        self.problem, self.level, self.section, self.film = problem, level, section, film
        self.held = held
        self.camera_free = (problem.films[film].camera_sds > 0) & (0 not in held)
        self.independent = min(1.0, float(np.prod(section.camera.pitch_mm)) / setting("fit", "correlated"))
        self._centres_mm = [model.to_volume.inverse().apply(model.centre_mm) for model in problem.bones]
        self._usable = section.high_pass.usable > 0
        self._least_scale = max(_LEAST_SCALE * float(np.std(section.film)), _TINY)
        self._count = int(np.count_nonzero(self._usable))

    def at(self, poses: Poses, before: FilmFit | None) -> FilmFit:
        """The film at given poses; shadows of `before` are used again where they still hold."""
        model = np.zeros(self.section.shape, dtype=np.float32)
        shadows = []
        for bone in range(len(self.problem.bones)):
            old = None if before is None else before.shadows[bone]
            seen, image = self._shadow(bone, poses, old)
            shadows.append(seen)
            if seen is not None and image is not None:
                model[seen.at] += image
        gains = self._gains(model, before)
        gain, residual = explained(self.section.film, model, self.section.basis, gains)
        return FilmFit(
            shadows=tuple(shadows),
            model=model,
            gains=gains,
            gain=gain,
            residual=residual,
            scale=self._scale(residual),
        )

    def cost(self, fit: FilmFit, scale: float) -> float:
        """Robust cost on a given scale: one half for each independent standard deviation squared."""
        wide = setting("fit", "cauchy")
        return 0.5 * wide**2 * log_cost(fit.residual, 1 / (wide * scale)) * self.independent

    def width(self, fit: FilmFit) -> float:
        """What the scale adds to minus the logarithm of the likelihood."""
        return float(np.log(fit.scale)) * self._count * self.independent

    def weights(self, fit: FilmFit) -> Film32:
        """Cauchy's weight of each pixel; 0 where nothing is compared."""
        return robust_weights(self.section.high_pass.usable, fit.residual, _factor(fit))

    def equations(self, fit: FilmFit, poses: Poses, taken: Film32 | None = None) -> tuple[Array, Array]:
        """The film's part of the normal equations: matrix (size, size) and downhill (size,).

        Parameters
        ----------
        taken : array of float32, shape (rows, columns), optional
            1 for pixels that count.
        """
        columns, lines, linked = self.columns(fit, poses)
        usable = self.section.high_pass.usable if taken is None else self.section.high_pass.usable * taken
        sums = weighted_sums(
            columns,
            lines,
            fit.gain,
            fit.residual,
            (fit.model, self.section.basis),
            (usable, fit.residual, _factor(fit)),
        )
        own, gains = slice(0, len(columns)), slice(len(columns), -1)
        # What the gain can do is taken out.
        taken_out = sums[own, gains] @ _inverse(sums[gains, gains])
        gram = sums[own, own] - taken_out @ sums[gains, own]
        slope = sums[own, -1] - taken_out @ sums[gains, -1]
        unit = self.independent / fit.scale**2
        return unit * linked.T @ gram @ linked, unit * linked.T @ slope

    def columns(self, fit: FilmFit, poses: Poses) -> tuple[Film32, Lines, Array]:
        """Derivatives of the model, shape (n, rows, columns), and their chain to the unknowns, (n, size).

        Between them, shape (n, 2), the rows of the film in which each may be other than 0.
        """
        bones = [
            (bone, seen)
            for bone, seen in enumerate(fit.shadows)
            if seen is not None and bone not in self.held
        ]
        own = PER_CAMERA if self.camera_free.any() else 0
        stack = np.zeros((PER_POSE * len(bones) + own, *self.section.shape), dtype=np.float32)
        linked = np.zeros((len(stack), size(self.problem)))
        lines = np.tile(np.array([0, self.section.shape[0]]), (len(stack), 1))
        for k, (bone, seen) in enumerate(bones):
            at = slice(PER_POSE * k, PER_POSE * (k + 1))
            stack[at, *seen.at] = seen.columns[:PER_POSE]
            lines[at] = seen.at[0].start, seen.at[0].stop
            linked[at] = chain(self.problem, poses, self.film, bone)
        if own:
            for _, seen in bones:
                stack[-own:, *seen.at] += seen.columns[PER_POSE:]
            linked[-own:, camera_columns(self.problem, self.film)] = np.diag(self.camera_free.astype(float))
        return stack, lines, linked

    def linearised(self, fit: FilmFit, poses: Poses, taken: Film32 | None = None) -> Linearised:
        """The film at the minimum, for the covariance; `taken` as in `equations`."""
        stack, _, linked = self.columns(fit, poses)
        columns = stack.reshape(len(stack), fit.residual.size)
        robust = self.weights(fit) if taken is None else self.weights(fit) * taken
        used = np.flatnonzero((robust > 0).ravel() & np.any(columns, axis=0))
        weight, gain = robust.ravel()[used], fit.gain.ravel()[used]
        jacobian = linked.T.astype(np.float32) @ (columns[:, used] * gain)
        scaled = self._scaled(fit.model)[:, used]
        weighted = scaled * weight
        factors = _inverse((weighted @ scaled.T).astype(float)).astype(np.float32) @ (weighted @ jacobian.T)
        jacobian -= factors.T @ scaled
        row, column = np.divmod(used, self.section.shape[1])
        # With u = 1 / weight - 1 the influence r / (1 + u) has the derivative (1 - u) / (1 + u)^2.
        bent = weight * (2 * weight - 1)
        return Linearised(
            residual=fit.residual.ravel()[used].astype(float),
            # Normal equations of poses and cameras together are too close to singular for single precision.
            jacobian=jacobian.T.astype(float),
            weight=weight.astype(float) * (self.independent / fit.scale**2),
            row=row,
            column=column,
            curvature=float(np.clip(bent.sum() / max(float(weight.sum()), _TINY), 0.1, 1.0)),
        )

    def likeness(self, fit: FilmFit, bone: int) -> float | None:
        """How a bone's shadow agrees with the film less the other bones, -1 to 1; None without a shadow."""
        seen = fit.shadows[bone]
        if seen is None:
            return None
        image = seen.image * fit.gain[seen.at]
        used = np.abs(image) > SEEN * float(np.abs(image).max(initial=0.0))
        return likeness(image, fit.residual[seen.at], used & self._usable[seen.at])

    def _scaled(self, model: Film32) -> Film32:
        """What the factors of the gain multiply, shape (m, pixels)."""
        basis = self.section.basis
        return np.asarray((basis * model).reshape(len(basis), -1))

    def _shadow(self, bone: int, poses: Poses, old: Shadow | None) -> tuple[Shadow | None, Film32 | None]:
        pose, camera = bone_pose(self.problem, poses, self.film, bone), poses.camera[self.film]
        if old is not None and self._is_slight(old, pose, camera, bone):
            return old, old.image_after(old.change_to(pose, camera))
        solid = self.level.solids[bone]
        seen = shadow(solid, pose, camera, self.section, camera_fitted=bool(self.camera_free.any()))
        return seen, None if seen is None else seen.image

    def _is_slight(self, old: Shadow, pose: RigidTransform, camera: Array, bone: int) -> bool:
        """Whether a shadow can be had from the last one's derivatives: turn, way of the centre, camera."""
        most = setting("fit", "rerendered")
        # A small turn w changes the matrix by [w]x R, whose norm is sqrt(2) |w|.
        turned_deg = np.degrees(np.linalg.norm(pose.rotation - old.pose.rotation) / np.sqrt(2))
        if turned_deg >= most or np.abs((camera - old.camera) / _CAMERA_ALIKE).max() >= most:
            return False
        centre = self._centres_mm[bone]
        return bool(np.linalg.norm(placed(pose, centre) - placed(old.pose, centre)) < most)

    def _gains(self, model: Film32, before: FilmFit | None) -> Array:
        """Least squares, weighed as the residual of the place before."""
        film, usable = self.section.film, self.section.high_pass.usable
        weighed = (usable, film, 0.0) if before is None else (usable, before.residual, _factor(before))
        sums = weighted_sums(_NO_COLUMNS, _NO_LINES, film, film, (model, self.section.basis), weighed)
        gains: Array = _inverse(sums[:-1, :-1]) @ sums[:-1, -1]
        return gains

    def _scale(self, residual: Film32) -> float:
        left = np.abs(residual[self._usable])
        return max(_MAD * float(np.median(left)) if left.size else 0.0, self._least_scale)


_CAMERA_ALIKE = np.array([20.0, 5.0, 5.0, 0.01])
"""Changes of a camera (distance, source along columns and rows, mm; pitch) that bend the image about as much
as 1 mm of the bone does."""


def _factor(fit: FilmFit) -> float:
    """What residuals are multiplied by in Cauchy's function."""
    return 1 / (setting("fit", "cauchy") * fit.scale)


def _inverse(gram: Array) -> Array:
    held = gram + _HELD * np.diag(np.diag(gram))
    held[np.diag_indices_from(held)] += _TINY
    return np.asarray(np.linalg.inv(held))
