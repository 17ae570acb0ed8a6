"""Restricted likelihood of random effects with one mean, fitted to many data sets of one design at once.

What is estimated is free of the mean, so the data enter as contrasts: those that the effects reach, and the
sum of squares of the rest, which is error alone.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from atlasplane.stats.checks import Array
from atlasplane.stats.refusal import NotConverged, NoVariance, Refusal, TooFew

Flags = NDArray[np.bool_]

_ITERATIONS = 60
_HALVINGS = 12
_RIDGE = 1e-12
"""Keeps the information of few contrasts from being singular."""
_LEAST_STEP = 0.2
"""A step leaves at least this part of the error variance, which is 0 nowhere on the way."""
_LEAST_ERROR = 1e-10
"""Error variance, as part of the total, that is called 0."""
_LEVEL = 1e-3
"""Derivative of twice the log-likelihood by a variance's logarithm that is called none."""
_MOST = 1e4
"""Largest variance of an effect, as part of the total, that is looked for."""


class NotIdentified(Refusal):
    """Two effects that no pair of values tells apart."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ContrastDesign:
    """Random effects of a design, seen by the contrasts they reach.

    Attributes
    ----------
    basis : array, shape (n_values, n_contrasts)
        Orthonormal, orthogonal to the mean.
    kernels : array, shape (n_effects + 1, n_contrasts, n_contrasts)
        Covariance of the contrasts for each effect of variance 1; the error last.
    residual_dof : int
        Contrasts that only the error reaches.
    """

    basis: Array
    kernels: Array
    residual_dof: int

    @property
    def n_contrasts(self) -> int:
        """Contrasts that an effect reaches."""
        return int(self.basis.shape[1])

    def contrasts(self, values: Array) -> tuple[Array, Array]:
        """Contrasts (..., n_contrasts) and residual sums of squares (...) of data sets (..., n_values)."""
        centred = values - values.mean(axis=-1, keepdims=True)
        reached = centred @ self.basis
        if not self.residual_dof:
            return reached, np.zeros(reached.shape[:-1])
        # Not as a difference of squares, which would lose a small error beside large effects.
        return reached, np.square(centred - reached @ self.basis.T).sum(axis=-1)

    def drawn(self, variances: Array, n_draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Contrasts and residual sums of squares of so many normal data sets with these variances."""
        root = np.linalg.cholesky(np.tensordot(variances, self.kernels, 1))
        reached = rng.standard_normal((n_draws, self.n_contrasts)) @ root.T
        if not self.residual_dof:
            return reached, np.zeros(n_draws)
        return reached, variances[-1] * rng.chisquare(self.residual_dof, n_draws)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RestrictedFit:
    """Estimates of many data sets.

    Attributes
    ----------
    variances : array, shape (n_sets, n_effects + 1)
        0 or more; the error last.
    log_likelihood : array, shape (n_sets,)
        Restricted, without its constant.
    converged : array of bool, shape (n_sets,)
    """

    variances: Array
    log_likelihood: Array
    converged: Flags


def contrast_design(effects: Sequence[Sequence[Hashable]]) -> ContrastDesign:
    """Design of random effects, each given by the level of every value.

    Raises
    ------
    TooFew
        An effect with one level.
    NotIdentified
        Effects, or an effect and the error, that the design does not tell apart.
    """
    columns = [_indicators(labels) for labels in effects]
    if any(part.shape[1] < 2 for part in columns):
        raise TooFew("an effect has one level only; leave it out, its variance cannot be told")
    every = np.concatenate(columns, axis=1)
    left, sizes, _ = np.linalg.svd(every - every.mean(axis=0), full_matrices=False)
    basis = left[:, sizes > 1e-9 * sizes[0]]
    seen = [basis.T @ part for part in columns]
    kernels = np.array([*(part @ part.T for part in seen), np.eye(basis.shape[1])])
    residual_dof = len(every) - 1 - basis.shape[1]
    inner = np.einsum("gij,hij->gh", kernels, kernels)
    inner[-1, -1] += residual_dof
    scale = np.sqrt(np.diag(inner))
    if np.linalg.matrix_rank(inner / np.outer(scale, scale), tol=1e-9) < len(inner):
        raise NotIdentified(
            "the design does not tell all effects and the error apart; leave out an effect whose levels "
            "are those of another or hold one value each, or read some of them again"
        )
    return ContrastDesign(basis=basis, kernels=kernels, residual_dof=residual_dof)


def restricted_fit(
    reached: Array,
    residual_squares: Array,
    design: ContrastDesign,
    *,
    start: Array | None = None,
    rest: float = 1e-14,
) -> RestrictedFit:
    """Maximum of the restricted likelihood by average information, variances of 0 included.

    -2 l = log|V| + t' V^-1 t + nu log s_e + SS / s_e, with contrasts t of covariance V = sum s_g K_g, and the
    residual SS of nu degrees of freedom (Patterson and Thompson 1971, Biometrika 58:545,
    doi:10.1093/biomet/58.3.545; average information: Gilmour, Thompson and Cullis 1995, Biometrics 51:1440,
    doi:10.2307/2533274). A variance at 0 whose score points below stays there; a step that does not
    raise the likelihood is halved. Where the likelihood has a shelf, steps by the information creep over it;
    such data sets are searched one by one on the logarithms of the variances.

    Parameters
    ----------
    reached : array, shape (n_sets, n_contrasts)
    residual_squares : array, shape (n_sets,)
    start : array, shape (n_effects + 1,), optional
        Proportions to start from; equal ones without.
    rest : float
        What another step could still add to twice the log-likelihood when the search ends.
    """
    total = np.square(reached).sum(axis=1) + residual_squares
    if not (total > 0).all():
        raise NoVariance("all values are equal; there is no variance to divide")
    if design.residual_dof and not (residual_squares > 1e-12 * total).all():
        raise NoVariance("values that share every level are all equal; the error's variance would be 0")
    n_sets, n_parts = len(reached), len(design.kernels)
    dof = design.n_contrasts + design.residual_dof
    scale = total / dof
    data = reached / np.sqrt(scale)[:, None], residual_squares / scale
    first = np.ones(n_parts) / n_parts
    if start is not None:
        # Effects of 0 start a little above it, the error where it is: the search walks away from it slowly.
        first[:-1], first[-1] = np.maximum(start[:-1] / start.sum(), 0.01), start[-1] / start.sum()
    variances, value, converged = _searched(np.tile(first, (n_sets, 1)), data, design, rest)
    for lost in np.flatnonzero(~converged):
        one = data[0][lost], float(data[1][lost])
        starts = np.array([np.maximum(variances[lost], _LEAST_ERROR), np.ones(n_parts) / n_parts])
        variances[lost], value[lost], converged[lost] = _alone(one, design, starts)
    return RestrictedFit(
        variances=variances * scale[:, None],
        log_likelihood=value - dof / 2 * np.log(scale),
        converged=converged,
    )


def constrained_variances(
    reached: Array,
    residual_squares: float,
    design: ContrastDesign,
    *,
    chosen: Flags,
    total: float,
    start: Array,
) -> Array:
    """Variances of the largest restricted likelihood of one data set when some add up to a given total.

    Parameters
    ----------
    reached : array, shape (n_contrasts,)
    chosen : array of bool, shape (n_effects + 1,)
        Which variances make the total.
    total : float
        Above 0.
    start : array, shape (n_effects + 1,)

    Raises
    ------
    NotConverged
    """
    scale = float(start.sum())
    parts = np.maximum(start / scale, 1e-3)
    starts = np.array([parts, np.ones(len(parts)) / len(parts)])
    data = reached / math.sqrt(scale), residual_squares / scale
    variances, _, converged = _alone(data, design, starts, chosen, total / scale)
    if not converged:
        raise NotConverged(
            f"with variances that add up to {total:g} no maximum was found; leave out an effect"
        )
    return variances * scale


def _searched(
    variances: Array, data: tuple[Array, Array], design: ContrastDesign, rest: float
) -> tuple[Array, Array, Flags]:
    """Variances, likelihoods and whether they are maxima, from a start of each set."""
    value = _likelihood(variances, *data, design)
    left = np.arange(len(value))
    for _ in range(_ITERATIONS):
        some = data[0][left], data[1][left]
        move, gain = _information_step(variances[left], *some, design)
        going = gain > rest
        left, some = left[going], (some[0][going], some[1][going])
        if not len(left):
            break
        variances[left], value[left] = _improved(variances[left], value[left], move[going], some, design)
    converged = np.ones(len(value), dtype=np.bool_)
    converged[left] = False
    return variances, value, converged


def _alone(
    data: tuple[Array, float],
    design: ContrastDesign,
    starts: Array,
    chosen: Flags | None = None,
    total: float = 0.0,
) -> tuple[Array, float, bool]:
    """The best of quasi-Newton searches on the logarithms; the chosen variances as parts of their total."""
    t, rest = data[0][None], np.array([data[1]])
    some = np.zeros(len(design.kernels), dtype=np.bool_) if chosen is None else chosen

    def variances_at(logs: Array) -> Array:
        found = np.exp(logs)
        found[some] *= total / found[some].sum() if some.any() else 1.0
        return found

    def lost(logs: Array) -> tuple[float, Array]:
        variances = variances_at(logs)
        by_log = variances * _score(variances[None], t, rest, design)[0][0]
        if some.any():
            by_log[some] -= variances[some] / total * by_log[some].sum()
        return -2 * float(_likelihood(variances[None], t, rest, design)[0]), -by_log

    options, bounds = {"ftol": 1e-13, "gtol": 1e-7}, [(math.log(_LEAST_ERROR), math.log(_MOST))] * len(some)
    ends = [
        minimize(lost, np.log(first), method="L-BFGS-B", jac=True, bounds=bounds, options=options)
        for first in starts
    ]
    best = min(ends, key=lambda end: float(end.fun))
    # Not by the search's own word: it also gives up where rounding lets it go no further.
    at_rest = (np.abs(best.jac) < _LEVEL) | (best.x <= bounds[0][0])
    variances = variances_at(best.x)
    variances[:-1][variances[:-1] < 2 * _LEAST_ERROR] = 0.0
    return variances, float(_likelihood(variances[None], t, rest, design)[0]), bool(at_rest.all())


def _improved(
    now: Array, value: Array, step: Array, data: tuple[Array, Array], design: ContrastDesign
) -> tuple[Array, Array]:
    """The longest part of each step that does not lower the likelihood, and the likelihood there."""
    t, rest = data
    best, at = now.copy(), value.copy()
    waiting = np.arange(len(now))
    for halving in range(_HALVINGS):
        tried = np.maximum(now[waiting] + step[waiting] / 2**halving, 0.0)
        least = np.maximum(_LEAST_STEP * now[waiting, -1], _LEAST_ERROR)
        tried[:, -1] = np.maximum(tried[:, -1], least)
        there = _likelihood(tried, t[waiting], rest[waiting], design)
        better = there >= value[waiting] - 1e-13 * np.abs(value[waiting])
        best[waiting[better]], at[waiting[better]] = tried[better], there[better]
        waiting = waiting[~better]
        if not len(waiting):
            break
    return best, at


def _likelihood(variances: Array, t: Array, rest: Array, design: ContrastDesign) -> Array:
    covariance = np.tensordot(variances, design.kernels, 1)
    _, log_size = np.linalg.slogdet(covariance)
    solved = np.linalg.solve(covariance, t[..., None])[..., 0]
    error = variances[:, -1]
    whole = log_size + (t * solved).sum(axis=1) + design.residual_dof * np.log(error) + rest / error
    return np.asarray(-whole / 2)


def _score(variances: Array, t: Array, rest: Array, design: ContrastDesign) -> tuple[Array, Array]:
    """Derivatives of twice the log-likelihood, and the average information."""
    inverse = np.linalg.inv(np.tensordot(variances, design.kernels, 1))
    solved = (inverse @ t[..., None])[..., 0]
    pulled = np.tensordot(solved, design.kernels, ([1], [1]))
    score = (pulled @ solved[..., None])[..., 0]
    score -= inverse.reshape(len(t), -1) @ design.kernels.reshape(len(design.kernels), -1).T
    information = pulled @ inverse @ pulled.transpose(0, 2, 1)
    error = variances[:, -1]
    score[:, -1] += rest / error**2 - design.residual_dof / error
    # The expected one: from an error that is far too small it goes all the way in one step.
    information[:, -1, -1] += design.residual_dof / error**2
    return score, information


def _information_step(variances: Array, t: Array, rest: Array, design: ContrastDesign) -> tuple[Array, Array]:
    """Step by the average information, and what twice the log-likelihood would gain if it were exact."""
    score, information = _score(variances, t, rest, design)
    held = (variances <= _lowest(variances)) & (score <= 0)
    score[held] = 0.0
    one = np.eye(information.shape[-1])
    # To the size of each: that of a small error would outweigh the others.
    information += _RIDGE * information * one
    information = np.where(held[:, :, None] | held[:, None, :], one, information)
    step = np.asarray(np.linalg.solve(information, score[..., None])[..., 0])
    return step, (step * score).sum(axis=1)


def _lowest(variances: Array) -> Array:
    """Least value of each variance: 0, and of the error what is called 0."""
    return np.where(np.arange(variances.shape[1]) == variances.shape[1] - 1, _LEAST_ERROR, 0.0)


def _indicators(labels: Sequence[Hashable]) -> Array:
    at = {label: i for i, label in enumerate(dict.fromkeys(labels))}
    columns = np.zeros((len(labels), len(at)))
    columns[np.arange(len(labels)), [at[label] for label in labels]] = 1.0
    return columns
