"""How well poses are known: covariance of a fit whose residuals are correlated between pixels, and its floor.

Neighbouring residuals of a film share causes (a vessel, a gas bubble, the blur of the CT), so the covariance
of independent pixels is far too small. Here the fit is repeated, to first order, with one block of pixels
after another left out: the jackknife over clusters, which needs no model of the correlation and corrects for
few clusters (MacKinnon, Nielsen and Webb 2023, doi:10.1016/j.jeconom.2022.04.001). Blocks are wider than the
correlation of the residuals, as in the spatial covariance of Conley 1999, doi:10.1016/S0304-4076(98)00084-0,
and laid in several places whose results are averaged. What all residuals share (the CT's own errors) leaves
no trace in them; it is added as a floor that was measured on films with known poses.

Blocks cut through what is correlated, so the covariance from them is too small, by a part that falls with
their size. It is made up for by that from blocks half as large, as in the lugsail estimators of Vats and
Flegal 2022, doi:10.1093/biomet/asab049; no direction becomes narrower by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.linalg import cho_factor, cho_solve

from atlasplane.geometry.se3 import cross_matrix
from atlasplane.geometry.transform import RigidTransform
from atlasplane.geometry.types import Array
from atlasplane.xray.registration_poses import bone_columns
from atlasplane.xray.registration_problem import PER_POSE, RegistrationProblem, Rig
from atlasplane.xray.registration_states import limit
from atlasplane.xray.tables import packaged_table

Whole = NDArray[np.int64]
FLOOR_SCHEMA = "atlasplane.bias-floor/1"
FLOOR_KINDS = ("rotation_deg", "translation_mm")
SKULL_FLOOR = "skull_mm"
"""What the skull's shift has beside: the scan ends within it, and its voxels are coarser."""
_SKULL_SHIFT = slice(3, 6)
_TINY = 1e-12
_KEPT = 0.1
"""Part of a block's information that stays when it is left out, so that no unknown is ever wholly lost."""
_CELLS = 4
"""Squares that the pixels are first summed over, along the edge of a block."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Linearised:
    """One film at the minimum, pixels in any order; several bands repeat the places of their pixels.

    Attributes
    ----------
    residual : array, shape (n,)
        Film minus model, filtered, free of gain and background (projected out with the same weights).
    jacobian : array, shape (n, p)
        Derivative of the model by all unknowns, projected alike.
    weight : array, shape (n,)
        Robust weight over the variance of a residual: J'WJ is the information of independent pixels.
    row, column : array of int, shape (n,)
        Places on the film in pixels of the level, from any origin.
    curvature : float
        Mean derivative of the robust influence over the mean weight, (0, 1]; 1 without robustness. By it the
        information of independent pixels is smaller than J'WJ (Huber 1981, ch. 7).
    """

    residual: Array
    jacobian: Array
    weight: Array
    row: Whole
    column: Whole
    curvature: float = 1.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sandwich:
    """Covariance of the unknowns, and what went into it.

    Attributes
    ----------
    cov, independent : array, shape (p, p)
        With correlated residuals, and as if every pixel stood for itself.
    block_px : tuple of int
        Edge of the blocks on each film.
    blocks : tuple of int
        Blocks on each film.
    """

    cov: Array
    independent: Array
    block_px: tuple[int, ...]
    blocks: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Relation:
    """One bone in another.

    Attributes
    ----------
    motion : RigidTransform
        How the bone moved in the other since the scan, volume -> volume.
    centre_mm : array, shape (3,)
        Of the bone, in the volume.
    cov : array, shape (6, 6)
        Of changes (w rad, d mm) about the bone's centre, axes of the volume.
    """

    motion: RigidTransform
    centre_mm: Array
    cov: Array


def sandwich(films: Sequence[Linearised], prior: Array, *, block_px: int | None = None) -> Sandwich:
    """Covariance of the unknowns at the minimum.

    Parameters
    ----------
    films : sequence of Linearised
        Residuals of different films are independent.
    prior : array, shape (p, p)
        Information of the priors; zeros for what has none.
    block_px : int, optional
        Edge of the blocks, a multiple of 4; default from the correlation of each film's residuals
        (`correlation_px`).

    Raises
    ------
    ValueError
        When films and priors do not tell all unknowns.
    """
    information = np.array(prior, dtype=float)
    for film in films:
        information += film.curvature * _information(film.jacobian, film.weight)
    # In units of what each unknown would be known to by itself: rad, mm and shares differ by orders of size.
    told = np.diag(information)
    if not np.all(told > 0):
        raise ValueError("films and priors do not tell all unknowns")
    units = 1 / np.sqrt(told)
    both = np.outer(units, units)
    try:
        factor = cho_factor(information * both, lower=True)
    except np.linalg.LinAlgError as told_too_little:
        raise ValueError("films and priors do not tell all unknowns") from told_too_little
    inverse = cho_solve(factor, np.eye(len(information)))
    cov = inverse @ (prior * both) @ inverse
    made = [
        _left_out(film, units, information * both, inverse, block_px or block_edge_px(film)) for film in films
    ]
    cov = cov + np.sum([own.spread for own in made], axis=0)
    return Sandwich(
        cov=0.5 * (cov + cov.T) * both,
        independent=inverse * both,
        block_px=tuple(own.edge for own in made),
        blocks=tuple(own.blocks for own in made),
    )


def block_edge_px(film: Linearised) -> int:
    """Edge of the blocks: so many correlation lengths, unless there were few or very many blocks then."""
    covered = np.count_nonzero(_on_grid(film)[1])
    largest = np.sqrt(covered / limit("covariance", "least_blocks"))
    smallest = np.sqrt(covered / limit("covariance", "most_blocks"))
    wanted = limit("covariance", "block_lengths") * correlation_px(film)
    return _CELLS * max(1, round(float(min(max(wanted, smallest), largest)) / _CELLS))


def correlation_px(film: Linearised) -> float:
    """Distance, pixels, at which the correlation of the weighted residuals has fallen below 1/e^2.

    Over all directions; from the whole film, so that its own sampling error is small.
    """
    image, there = _on_grid(film)
    size = [fft.next_fast_len(2 * n, real=True) for n in image.shape]
    products = _autocorrelation(image, size)
    pairs = _autocorrelation(there, size)
    rows, columns = (np.minimum(np.arange(n), n - np.arange(n)) for n in size)
    distance = np.rint(np.hypot(rows[:, None], columns[None, :])).astype(int)
    most = min(image.shape) // 2 + 1
    near = (distance <= most) & (pairs > 0.5)
    sums = np.bincount(distance[near], products[near], most + 1)
    counts = np.bincount(distance[near], pairs[near], most + 1)
    profile = sums / np.maximum(counts, 1)
    if not profile[0] > 0:
        return 1.0
    below = np.nonzero(profile / profile[0] < np.exp(-2))[0]
    return float(max(1, below[0] if len(below) else most))


def relations(
    problem: RegistrationProblem, motions: Mapping[str, RigidTransform], cov: Array
) -> dict[str, Relation]:
    """Every bone in each one before it: ``c1_in_skull``, ``c2_in_skull``, ``c2_in_c1`` ...

    Parameters
    ----------
    motions : mapping bone -> RigidTransform
        Of every bone but the skull, as `Registration.bones`.
    cov : array, shape (p, p)
        As `Registration.cov`.
    """
    places = {model.bone: k for k, model in enumerate(problem.bones)}
    return {
        f"{bone}_in_{upper}": _relation(problem, motions, cov, at, places[upper])
        for bone, at in places.items()
        for upper in problem.names[:at]
    }


def _relation(
    problem: RegistrationProblem, motions: Mapping[str, RigidTransform], cov: Array, at: int, upper: int
) -> Relation:
    """A bone in another, by their places among the bones."""
    model, base = problem.bones[at], problem.bones[upper]
    motion = motions[model.bone]
    by_poses = np.zeros((PER_POSE, cov.shape[0]))
    by_poses[:, bone_columns(problem, at)] = np.eye(PER_POSE)
    if upper:
        moved = motions[base.bone]
        arm = motion.apply(model.centre_mm) - moved.apply(base.centre_mm)
        by_poses[:, bone_columns(problem, upper)] = -_carried(arm)
        by_poses = np.kron(np.eye(2), moved.rotation.T) @ by_poses
        motion = moved.inverse() @ motion
    return Relation(motion=motion, centre_mm=model.centre_mm, cov=by_poses @ cov @ by_poses.T)


def floor_map(
    problem: RegistrationProblem,
    skull: Sequence[RigidTransform],
    motions: Mapping[str, RigidTransform],
) -> Array:
    """What errors of the bones, each by itself in the volume, do to the poses, shape (p, 6 bones).

    Columns: of every bone in order its turn (rad) and shift (mm) about its centre, axes of the volume.
    """
    first = problem.bones[0]
    matrix = np.zeros((PER_POSE * problem.poses, PER_POSE * len(problem.bones)))
    for number in range(problem.skulls):
        rows = slice(PER_POSE * number, PER_POSE * (number + 1))
        matrix[rows, :PER_POSE] = np.kron(np.eye(2), skull[number].rotation)
    for number, model in enumerate(problem.bones[1:], start=1):
        rows = bone_columns(problem, number)
        matrix[rows, PER_POSE * number : PER_POSE * (number + 1)] = np.eye(PER_POSE)
        arm = motions[model.bone].apply(model.centre_mm) - first.centre_mm
        matrix[rows, :PER_POSE] = -_carried(arm)
    return matrix


def with_floor(
    cov: Array,
    problem: RegistrationProblem,
    skull: Sequence[RigidTransform],
    motions: Mapping[str, RigidTransform],
    *,
    floor: Mapping[str, Sequence[float]] | None = None,
) -> Array:
    """The covariance of all poses widened by what residuals do not show, shape (p, p).

    Parameters
    ----------
    cov : array, shape (p, p)
        As `Start.cov`.
    floor : mapping, optional
        ``rotation_deg`` and ``translation_mm``: standard deviations of every bone by itself about and along
        X, Y and Z of the volume; ``skull_mm``, where it is there, those of the skull's shift beside them;
        default those of the rig in ``bias_floor.toml``.
    """
    floor = bias_floor(problem.rig) if floor is None else floor
    matrix = floor_map(problem, skull, motions)
    own = np.concatenate([np.radians(floor["rotation_deg"]), floor["translation_mm"]])
    sds = np.tile(own, len(problem.bones))
    sds[_SKULL_SHIFT] = np.hypot(sds[_SKULL_SHIFT], floor.get(SKULL_FLOOR, np.zeros(3)))
    scaled = matrix * sds
    return np.asarray(cov + scaled @ scaled.T)


def bias_floor(rig: Rig) -> Mapping[str, Sequence[float]]:
    """The floor of one rig: ``rotation_deg``, ``translation_mm`` and ``skull_mm``, each of X, Y and Z."""
    own = packaged_table("bias_floor.toml", FLOOR_SCHEMA)[rig]
    return MappingProxyType({kind: tuple(own[kind]) for kind in (*FLOOR_KINDS, SKULL_FLOOR)})


def _carried(arm_mm: Array) -> Array:
    """Change of a point `arm_mm` away from the centre of a changed pose, shape (6, 6): d + w x arm."""
    matrix = np.eye(PER_POSE)
    matrix[3:, :3] = -cross_matrix(arm_mm)
    return matrix


def _information(jacobian: Array, weight: Array) -> Array:
    return np.asarray((jacobian * weight[:, None]).T @ jacobian, dtype=float)


@dataclass(frozen=True, slots=True, eq=False)
class _LeftOut:
    """What the blocks of one film make of the covariance, their edge and mean number."""

    spread: Array
    edge: int
    blocks: int


def _left_out(film: Linearised, units: Array, information: Array, inverse: Array, edge: int) -> _LeftOut:
    """Sum over blocks of squared changes of the unknowns when one is left out, mean over layings.

    Information, its inverse and what is returned are in the units, shape (p,), of the unknowns.
    """
    used = np.nonzero(np.any(film.jacobian, axis=0))[0]
    jacobian = film.jacobian[:, used].astype(np.float32) * units[used].astype(np.float32)
    cells = _Cells.of(film, jacobian, edge // _CELLS)
    spread, counts = np.zeros_like(information), []
    for shift in (0, _CELLS // 2):
        scores, told = cells.blocks(_CELLS, shift)
        remaining = np.repeat(information[None], len(scores), axis=0)
        remaining[:, used[:, None], used] -= (1 - _KEPT) * told
        pulls = np.zeros((len(scores), len(information)))
        pulls[:, used] = scores
        changes = np.linalg.solve(remaining, pulls[:, :, None])[:, :, 0]
        spread += 0.5 * changes.T @ changes * ((len(scores) - 1) / len(scores))
        counts.append(len(scores))
    beyond = _beyond(cells.squared(_CELLS), cells.squared(_CELLS // 2))
    by_scores = inverse[:, used]
    return _LeftOut(spread + by_scores @ beyond @ by_scores.T, edge, round(float(np.mean(counts))))


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """Sums over squares of a quarter of a block's edge, which whole and half blocks are laid of.

    Attributes
    ----------
    row, column : array of int, shape (c,)
        Of the squares, in squares.
    scores : array, shape (c, k)
        What pulls at the unknowns that the film tells.
    pairs : array of int, shape (c,)
        The two by two squares, laid on even rows and columns, that each belongs to.
    told : array, shape (number of pairs, k, k)
        Information of each two by two squares.
    """

    row: Whole
    column: Whole
    scores: Array
    pairs: Whole
    told: Array

    @classmethod
    def of(cls, film: Linearised, jacobian: NDArray[np.float32], edge: int) -> _Cells:
        row = (film.row - film.row.min()) // edge
        column = (film.column - film.column.min()) // edge
        pairs_across = int(column.max()) // 2 + 1
        label = 4 * ((row // 2) * pairs_across + column // 2) + 2 * (row % 2) + column % 2
        order = np.argsort(label, kind="stable")
        label, jacobian = label[order], jacobian[order]
        starts = np.concatenate([[0], np.nonzero(np.diff(label))[0] + 1])
        pull = jacobian * (film.weight * film.residual)[order, None].astype(np.float32)
        inner = jacobian * np.sqrt(film.weight * film.curvature)[order, None].astype(np.float32)
        pair = label[starts] // 4
        first = np.concatenate([[0], np.nonzero(np.diff(pair))[0] + 1])
        pieces = np.split(inner, starts[first][1:])
        return cls(
            row=row[order][starts],
            column=column[order][starts],
            scores=np.add.reduceat(pull, starts, axis=0).astype(float),
            pairs=np.repeat(np.arange(len(first)), np.diff([*first, len(starts)])),
            told=np.array([piece.T @ piece for piece in pieces], dtype=float),
        )

    def blocks(self, side: int, shift: int) -> tuple[Array, Array]:
        """Scores (b, k) and information (b, k, k) of blocks of so many squares, an even number of them on."""
        block = self._block(side, shift)
        of_pair = np.empty(len(self.told), dtype=np.int64)
        of_pair[self.pairs] = block
        return _summed(self.scores, block), _summed(self.told, of_pair)

    def squared(self, side: int) -> Array:
        """Sum over blocks of their squared scores, mean over two layings, shape (k, k)."""
        sums = [_summed(self.scores, self._block(side, shift)) for shift in (0, side // 2)]
        return np.asarray(0.5 * sum(own.T @ own for own in sums))

    def _block(self, side: int, shift: int) -> Whole:
        row, column = (self.row + shift) // side, (self.column + shift) // side
        block: Whole = np.unique(row * (int(column.max()) + 1) + column, return_inverse=True)[1]
        return block


def _summed(values: Array, group: Whole) -> Array:
    """Sums of the values of each group; the groups are numbered from 0 on and none is empty."""
    order = np.argsort(group, kind="stable")
    sums: Array = np.add.reduceat(values[order], np.searchsorted(group[order], np.arange(group.max() + 1)))
    return sums


def _beyond(whole: Array, half: Array) -> Array:
    """What `whole` has over `half` as far as that is positive, along no direction larger than `whole`."""
    # Unknowns differ by orders of size.
    scale = np.sqrt(np.maximum(np.diag(whole), _TINY))
    values, vectors = np.linalg.eigh(whole / np.outer(scale, scale))
    root = np.sqrt(np.maximum(values, _TINY))
    out, back = vectors * root * scale[:, None], (vectors / root).T / scale
    ratio, axes = np.linalg.eigh(back @ half @ back.T)
    along = out @ axes
    return np.asarray((along * np.clip(1 - ratio, 0, 1)) @ along.T)


def _on_grid(film: Linearised) -> tuple[Array, Array]:
    """Weighted residuals, mean over bands, and where there are any, as images."""
    row, column = film.row - film.row.min(), film.column - film.column.min()
    shape = int(row.max()) + 1, int(column.max()) + 1
    at = row * shape[1] + column
    image = np.asarray(np.bincount(at, film.weight * film.residual, shape[0] * shape[1]), dtype=float)
    there = np.zeros(shape)
    there[row, column] = 1.0
    return image.reshape(shape), there


def _autocorrelation(image: Array, size: list[int]) -> Array:
    """Sums of products of pixels by their distance along both axes, cyclic on the padded size."""
    power = np.abs(fft.rfft2(image, size)) ** 2
    products: Array = fft.irfft2(power, size)
    return products
