"""Posterior of one change in the rate of clustered counts: negative binomial, integrated on a grid.

The model of `change_point` with var(y) = mu + alpha mu^2 and a half-normal law of alpha. Rates are summed
over a grid of their logarithm, alpha over Gauss-Legendre nodes; the change is summed over every session,
nothing is sampled. With alpha towards 0 it is the exact Poisson posterior.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.interpolate import CubicSpline
from scipy.special import gammainccinv, gammaincinv, gammaln, logsumexp

from atlasplane.stats.checks import Array, share
from atlasplane.stats.refusal import NotFinite, OutOfRange
from atlasplane.stats.series.change_point import (
    ChangePoint,
    ChangePrior,
    RatePrior,
    change_posterior,
    checked_series,
    has_mean_ratio,
)
from atlasplane.stats.series.count_regression import CountFamily
from atlasplane.stats.series.posterior import Distribution

_TAIL = 1e-8
"""Of a rate's law, left out at either end of the grid."""
_LEAST = 1e-250
"""Quantile below which its logarithm is worked out by itself."""
_LARGEST_LOG = 600.0
_STEP = 0.25
"""Of the grid, in standard deviations of the logarithm of the best known rate."""
_MOST_CELLS = 20_000_000
_BLOCK = 1 << 17
"""Cells of sessions, rates and alphas held at a time."""
_COARSE, _FINE = 12, 40
"""Nodes of alpha, for the search of where its posterior lies and for the sums over it."""
_RESOLVED = 0.5
"""Share of the alphas searched that the posterior takes, from which on the search is close enough."""
_WIDEST = 6.0
"""Scales of the half-normal law over which alpha is searched."""
_NEGLIGIBLE = 1e-10
"""Of the largest part: parts that are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlphaPrior:
    """Half-normal law of alpha.

    Attributes
    ----------
    scale : float
        alpha is below it with probability 0.68. sqrt(alpha) is the coefficient of variation of the rate
        itself from session to session.
    """

    scale: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.scale):
            raise NotFinite(f"the scale of alpha's prior is {self.scale}; give a number")
        if not self.scale > 0:
            raise OutOfRange(f"the scale of alpha's prior must be above 0; it is {self.scale:g}")


def negative_binomial_change_point(
    counts: ArrayLike,
    *,
    exposure: ArrayLike,
    prior: ChangePrior,
    rate_prior: RatePrior,
    alpha_prior: AlphaPrior,
    level: float,
) -> ChangePoint:
    """Posterior of a change in the rate of counts that scatter more than Poisson.

    p(y | k, alpha) = prod over both sides of int prod NB2(y_i; mu = r e_i, alpha) Gamma(r; a, b) dr, and this
    averaged over alpha, which is the same on both sides.

    Parameters
    ----------
    counts, exposure, prior, rate_prior, level
        As for `poisson_change_point`.
    alpha_prior : AlphaPrior

    Raises
    ------
    OutOfRange
        More sessions and events than the grid has room for.
    """
    share(level, "level")
    y, e = checked_series(counts, exposure, prior)
    grid = _Grid.of(y, e, rate_prior)
    ends = grid.alphas(prior, alpha_prior)
    nodes, widths = _nodes(*ends, _FINE)
    logs = grid.marginals(nodes, prior, alpha_prior)
    of_change = logsumexp(logs.change + np.log(widths)[:, None], axis=0)
    weights, p_change, p_none = change_posterior(
        of_change, float(logsumexp(logs.none + np.log(widths))), prior
    )
    with np.errstate(divide="ignore"):
        joint = logs.change + np.log(widths)[:, None] + np.log(prior.weights)
    before, after, ratio = grid.rates(nodes, np.exp(joint - logsumexp(joint)))
    if not has_mean_ratio(y, prior, rate_prior):
        ratio = replace(ratio, mean=math.inf)
    return ChangePoint(
        family=CountFamily.NB2,
        prior=prior,
        rate_prior=rate_prior,
        given_change=weights,
        p_change=p_change,
        p_no_change=p_none,
        before=before.posterior(level),
        after=after.posterior(level),
        ratio=ratio.posterior(level),
        p_decrease=ratio.below(1.0),
        averaged_ratio=ratio.posterior(level, at_one=p_none),
        alpha=_of_alpha(ends, logs.any_model).posterior(level),
    )


def _nodes(low: float, high: float, n_nodes: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and widths between two ends."""
    nodes, widths = np.polynomial.legendre.leggauss(n_nodes)
    return low + (high - low) * (nodes + 1) / 2, (high - low) * widths / 2


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Marginals:
    """ln p(y, alpha | model) at each alpha: a change after k (j, n - 1), none (j,), and both averaged."""

    change: Array
    none: Array
    any_model: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Grid:
    """Rates on an even grid of their logarithm t, shape (g,), with the logarithm of their prior mass."""

    y: Array
    e: Array
    prior: RatePrior
    t: Array
    log_mass: Array

    @classmethod
    def of(cls, y: Array, e: Array, prior: RatePrior) -> _Grid:
        sums, exposures = np.cumsum(y), np.cumsum(e)
        events = np.concatenate([[0.0], sums, sums[-1] - sums[:-1]])
        over = np.concatenate([[0.0], exposures, exposures[-1] - exposures[:-1]])
        shapes, rates = prior.shape + events, prior.rate + over
        quantiles = gammaincinv(shapes, _TAIL)
        # Near 0 the law is x^shape / G(shape + 1), the quantile of which may lie below the least number.
        power = (math.log(_TAIL) + gammaln(shapes + 1)) / shapes
        logs = np.log(quantiles, out=power, where=quantiles > _LEAST)
        low = float(np.min(logs - np.log(rates)))
        high = math.log(max(float(np.max(gammainccinv(shapes, _TAIL) / rates)), _LEAST))
        step = _STEP / math.sqrt(float(shapes.max()))
        size = math.ceil((high - low) / step) + 1
        if size * len(y) > _MOST_CELLS:
            raise OutOfRange(
                f"{len(y)} sessions with {y.sum():g} events want a grid of {size} rates, too large a one; "
                "join sessions, or take poisson_change_point"
            )
        t = np.asarray(low + step * np.arange(size), dtype=np.float64)
        constant = prior.shape * math.log(prior.rate) - float(gammaln(prior.shape))
        log_mass = constant + prior.shape * t - prior.rate * np.exp(t) + math.log(step)
        return cls(y=y, e=e, prior=prior, t=t, log_mass=log_mass)

    def sides(self, alphas: Array) -> tuple[Array, Array, Array]:
        """Log-likelihood times prior mass of each rate, for each alpha.

        Before k and after k, shape (j, n - 1, g), and of all sessions, (j, g).
        """
        mean = np.exp(self.t) * self.e[:, None]
        units = np.log1p(alphas[:, None] * np.arange(self.y.max()))
        summed = np.concatenate([np.zeros((len(alphas), 1)), np.cumsum(units, axis=1)], axis=1)
        constants = summed[:, self.y.astype(np.int64)] - gammaln(self.y + 1) + self.y * np.log(self.e)
        logs = np.log1p(alphas[:, None, None] * mean)
        logs *= -(self.y + 1 / alphas[:, None])[:, :, None]
        logs += self.y[:, None] * self.t
        logs += constants[:, :, None]
        sums = np.cumsum(logs, axis=1, out=logs)
        whole = sums[:, -1]
        return (
            sums[:, :-1] + self.log_mass,
            whole[:, None] - sums[:, :-1] + self.log_mass,
            whole + self.log_mass,
        )

    def blocks(self, n_nodes: int) -> Iterator[slice]:
        """Nodes of alpha that are worked on at a time: as many as the memory is to hold."""
        size = max(1, _BLOCK // (len(self.y) * len(self.t)))
        return (slice(start, start + size) for start in range(0, n_nodes, size))

    def marginals(self, nodes: Array, prior: ChangePrior, alpha_prior: AlphaPrior) -> _Marginals:
        change, none = np.empty((len(nodes), len(self.y) - 1)), np.empty(len(nodes))
        for block in self.blocks(len(nodes)):
            before, after, whole = self.sides(nodes[block])
            change[block] = _log_sums(before) + _log_sums(after)
            none[block] = _log_sums(whole)
        scale = alpha_prior.scale
        density = math.log(math.sqrt(2 / math.pi) / scale) - (nodes / scale) ** 2 / 2
        change, none = density[:, None] + change, density + none
        with np.errstate(divide="ignore"):
            given = math.log1p(-prior.no_change) + logsumexp(change + np.log(prior.weights), axis=1)
            both = np.logaddexp(given, np.log(prior.no_change) + none)
        return _Marginals(change=change, none=none, any_model=both)

    def alphas(self, prior: ChangePrior, alpha_prior: AlphaPrior) -> tuple[float, float]:
        """Ends between which alpha lies, sought ever closer: nodes may lie beside a narrow posterior."""
        low, high = 0.0, _WIDEST * alpha_prior.scale
        while True:
            nodes, _ = _nodes(low, high, _COARSE)
            logs = self.marginals(nodes, prior, alpha_prior).any_model
            held = np.flatnonzero(logs > logs.max() + math.log(_NEGLIGIBLE))
            edges = np.concatenate([[low], nodes, [high]])
            width, low, high = high - low, float(edges[held[0]]), float(edges[held[-1] + 2])
            if high - low > _RESOLVED * width:
                return low, high

    def rates(self, nodes: Array, joint: Array) -> tuple[Distribution, Distribution, Distribution]:
        """Rate before, after, and their ratio, given a change; `joint` is P(alpha, k), shape (j, n - 1)."""
        size, rates = len(self.t), np.exp(self.t)
        length = next_fast_len(2 * size, real=True)
        masses, mean_ratio = np.zeros((2, size)), 0.0
        spectrum = np.zeros(length // 2 + 1, dtype=np.complex128)
        parts = joint > _NEGLIGIBLE * joint.max()
        used = parts.any(axis=1)
        nodes, joint, parts = nodes[used], joint[used] / joint[parts].sum(), parts[used]
        for block in self.blocks(len(nodes)):
            p, held = joint[block][parts[block]], parts[block]
            before, after = (_shares(side[held]) for side in self.sides(nodes[block])[:2])
            masses += np.stack([p @ before, p @ after])
            inverses = self.mean_inverses(before, np.nonzero(held)[1])
            mean_ratio += float(p @ (inverses * (after @ rates)))
            spectrum += p @ (np.conj(rfft(before, length, axis=1)) * rfft(after, length, axis=1))
        # Index d of the correlation is t_after - t_before = d steps, the negative ones at its end.
        cyclic = np.maximum(irfft(spectrum, length), 0.0)
        of_ratio = np.concatenate([cyclic[-(size - 1) :], cyclic[:size]])
        step = float(self.t[1] - self.t[0])
        differences = np.asarray(step * np.arange(1 - size, size), dtype=np.float64)
        return (
            _of_masses(self.t, masses[0], mean=float(masses[0] @ rates)),
            _of_masses(self.t, masses[1], mean=float(masses[1] @ rates)),
            _of_masses(differences, of_ratio, mean=mean_ratio),
        )

    def mean_inverses(self, masses: Array, last_before: NDArray[np.intp]) -> Array:
        """Mean of 1 / rate before, of rows of masses with these places of k; shape of `last_before`.

        Below the grid masses fall by the power shape + events of the rate: what they add is a geometric sum.
        """
        inverse = np.exp(np.minimum(-self.t, _LARGEST_LOG))
        power = self.prior.shape + np.cumsum(self.y)[last_before] - 1
        falls = np.expm1(power * (self.t[1] - self.t[0]))
        below = np.divide(masses[:, 0] * inverse[0], falls, out=np.zeros_like(power), where=power > 0)
        means: Array = masses @ inverse + below
        return means


def _log_sums(logs: Array) -> Array:
    """Logarithm of the sum of the exponentials along the last axis, finite ones."""
    largest = logs.max(axis=-1, keepdims=True)
    sums: Array = largest[..., 0] + np.log(np.exp(logs - largest).sum(axis=-1))
    return sums


def _shares(logs: Array) -> Array:
    """Exponentials of each row over their sum."""
    masses: Array = np.exp(logs - logs.max(axis=1, keepdims=True))
    masses /= masses.sum(axis=1, keepdims=True)
    return masses


def _of_masses(t: Array, masses: Array, *, mean: float) -> Distribution:
    """Distribution from its masses at even steps of the logarithm, its function a spline's integral."""
    integral = CubicSpline(t, masses / masses.sum()).antiderivative()
    whole = float(integral(t[-1]))

    def below(at: float) -> float:
        return min(max(float(integral(min(max(at, t[0]), t[-1]))) / whole, 0.0), 1.0)

    return Distribution(log_below=below, ends=(float(t[0]), float(t[-1])), mean=mean)


def _of_alpha(ends: tuple[float, float], logs: Array) -> Distribution:
    """From the logarithms of its density at `_nodes` between the ends, by the polynomial through them."""
    nodes, widths = _nodes(*ends, len(logs))
    density = np.exp(logs - logsumexp(logs + np.log(widths)))
    low, high = ends
    at, weights = np.polynomial.legendre.leggauss(len(logs))
    degrees = np.arange(len(logs))
    terms = np.polynomial.legendre.legvander(at, len(logs) - 1)
    function = np.polynomial.Legendre((degrees + 0.5) * (terms.T @ (weights * density)), domain=ends)
    integral = function.integ(lbnd=low)

    def below(at: float) -> float:
        return min(max(float(integral(min(max(math.exp(at), low), high))), 0.0), 1.0)

    return Distribution(
        log_below=below,
        ends=(math.log(max(low, high * 1e-12)), math.log(high)),
        mean=float((density * widths) @ nodes),
    )
