"""Log-linear regression of counts by maximum likelihood: Poisson, and negative binomial.

ln E(y) = ln(exposure) + x'b. Poisson: var = mu. NB2: var = mu + alpha mu^2, alpha by maximum likelihood with
b, on its boundary 0 where the counts scatter no more than Poisson (Cameron and Trivedi 1986,
doi:10.1002/jae.3950010104; Lawless 1987, doi:10.2307/3314912). b by Newton's steps, for Poisson
the iteratively reweighted least squares of generalised linear models (McCullagh and Nelder 1989, 2.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import gammaln

from atlasplane.stats.checks import Array, matrix, positive, same_length, vector
from atlasplane.stats.refusal import Collinear, NotConverged, OutOfRange, TooFew
from atlasplane.stats.series.events import whole_counts
from atlasplane.stats.variants import named

_MOST_ITERATIONS = 100
"""Some six are enough, and more where the counts span several powers of ten."""
_LEAST_MEAN = 1e-25
"""Expected count below which a coefficient is taken to run to infinity."""
_CLOSE = 1e-10
"""Change of every linear predictor at which the iteration ends."""
_ROUNDING = 1e-9
_LARGEST_COUNT = 10_000_000
"""Above it the sums over a count's units take too long, and nobody needs a law of counts."""


class CountFamily(Enum):
    """The law of the counts."""

    POISSON = "poisson"
    NB2 = "nb2"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CountRegression:
    """Fit of n counts on k columns.

    Attributes
    ----------
    family : CountFamily
    coefficients : array, shape (k,)
        On the scale of the logarithm.
    alpha : float
        Of NB2; 0 for Poisson, and for NB2 where its estimate lies on the boundary.
    means : array, shape (n,)
        Fitted expectations.
    residuals : array, shape (n,)
        Pearson's, (y - mu) / sqrt(mu + alpha mu^2).
    weights : array, shape (n,)
        mu / (1 + alpha mu), of the expected information X' diag(weights) X.
    bread : array, shape (k, k)
        Inverse of the expected information of the coefficients. That of alpha does not enter it: they are
        orthogonal (Lawless 1987).
    log_likelihood : float
    """

    family: CountFamily
    coefficients: Array
    alpha: float
    means: Array
    residuals: Array
    weights: Array
    bread: Array
    log_likelihood: float

    @property
    def dof(self) -> int:
        """Counts less coefficients."""
        return len(self.means) - len(self.coefficients)

    @property
    def dispersion(self) -> float:
        """Pearson's chi-squared over `dof`: near 1 where the variance is that of the family."""
        return float(self.residuals @ self.residuals) / self.dof


@named
def count_regression(
    counts: ArrayLike, design: ArrayLike, *, exposure: ArrayLike, family: CountFamily
) -> CountRegression:
    """Maximum likelihood of a log-linear model.

    Parameters
    ----------
    counts : array, shape (n,)
        Whole, 0 or more.
    design : array, shape (n, k)
        With its intercept, of full rank, k < n.
    exposure : array, shape (n,)
        Above 0; ones where every count has the same.

    Raises
    ------
    TooFew
        Not more counts than columns.
    Collinear
        Columns that depend on one another.
    NotConverged
        No finite estimate: a coefficient runs to infinity, as where a phase has no event.
    """
    y, x, e = vector(counts, "counts"), matrix(design, "design"), vector(exposure, "exposure")
    same_length(counts=y, design=x, exposure=e)
    whole_counts(y, "counts")
    positive(e, "exposure")
    if y.max() > _LARGEST_COUNT:
        raise OutOfRange(
            f"counts reach {y.max():g}; above {_LARGEST_COUNT:g} use a regression of their logarithm"
        )
    if len(y) <= x.shape[1]:
        raise TooFew(f"{len(y)} counts for {x.shape[1]} coefficients; more counts are needed")
    lengths = np.linalg.norm(x, axis=0)
    if not lengths.all() or np.linalg.matrix_rank(x / lengths) < x.shape[1]:
        raise Collinear("the columns of the design depend on one another; leave one out")
    # By orthogonal columns: far from 0, as years are, the given ones are nearly parallel.
    base, triangle = np.linalg.qr(x / lengths)
    inverse = np.linalg.inv(triangle) / lengths[:, None]
    data = _Data(y=y, x=base, offset=np.log(e))
    coefficients = data.fitted(data.start(), 0.0)
    alpha = 0.0
    if family is CountFamily.NB2 and data.score_of_alpha(coefficients, 0.0) > 0:
        alpha = data.most_likely_alpha(coefficients)
        coefficients = data.fitted(coefficients, alpha)
    return data.regression(coefficients, alpha, family, inverse)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Data:
    y: Array
    x: Array
    offset: Array

    def start(self) -> Array:
        """Least squares of the logarithm of the counts, moved away from 0, and weighted as they will be.

        Where that runs off at sessions without weight, the coefficients of one rate for all.
        """
        moved = self.y + 0.5
        logs, roots = np.log(moved) - self.offset, np.sqrt(moved)
        steady = np.full(len(moved), math.log(float(moved.sum()) / float(np.exp(self.offset).sum())))
        found = [
            np.linalg.lstsq(left, right, rcond=None)[0].astype(np.float64)
            for left, right in ((roots[:, None] * self.x, roots * logs), (self.x, steady))
        ]
        return max(found, key=lambda coefficients: self.log_likelihood(coefficients, 0.0))

    def means(self, coefficients: Array) -> Array:
        return np.exp(self.offset + self.x @ coefficients)

    def fitted(self, coefficients: Array, alpha: float) -> Array:
        """The most likely coefficients for this alpha by Newton's steps, halved where too long.

        The log-likelihood is concave in them: minus its second derivative by the linear predictor is
        mu (1 + alpha y) / (1 + alpha mu)^2.
        """
        before = self.log_likelihood(coefficients, alpha)
        for _ in range(_MOST_ITERATIONS):
            mu = self.means(coefficients)
            roots = np.sqrt(mu * (1 + alpha * self.y)) / (1 + alpha * mu)
            slopes = (self.y - mu) / (1 + alpha * mu)
            # Expectations below the least number leave no slope and no weight.
            working = np.divide(slopes, roots, out=np.zeros_like(mu), where=roots > 0)
            step = np.linalg.lstsq(roots[:, None] * self.x, working, rcond=None)[0].astype(np.float64)
            if np.abs(self.x @ step).max() < _CLOSE and mu.min() > _LEAST_MEAN:
                return coefficients + step
            after = self.log_likelihood(coefficients + step, alpha)
            while not after >= before - _ROUNDING * abs(before):
                step = step / 2
                after = self.log_likelihood(coefficients + step, alpha)
            coefficients, before = coefficients + step, after
        raise NotConverged(
            "no finite estimate is found: a coefficient runs to infinity, as where a phase has no event; "
            "ratios with a count of zero are had from rate_ratio"
        )

    def log_likelihood(self, coefficients: Array, alpha: float) -> float:
        """Of NB2 as sum over j < y of ln(1 + alpha j), which is exact down to Poisson."""
        with np.errstate(over="ignore", invalid="ignore"):
            eta = self.offset + self.x @ coefficients
            mu = np.exp(eta)
            own = self.y * eta - gammaln(self.y + 1)
            if not alpha:
                return float(np.sum(own - mu))
            units = np.log1p(alpha * np.arange(self.y.max()))
            return float(np.sum(own + self._summed(units) - (self.y + 1 / alpha) * np.log1p(alpha * mu)))

    def score_of_alpha(self, coefficients: Array, alpha: float) -> float:
        """Derivative of the log-likelihood by alpha; at 0 it is sum ((y - mu)^2 - y) / 2."""
        mu, y = self.means(coefficients), self.y
        if not alpha:
            return float(np.sum((y - mu) ** 2 - y)) / 2
        units = np.arange(y.max())
        own = self._summed(units / (1 + alpha * units)) - y * mu / (1 + alpha * mu)
        return float(np.sum(own + (np.log1p(alpha * mu) / alpha - mu / (1 + alpha * mu)) / alpha))

    def most_likely_alpha(self, coefficients: Array) -> float:
        """Root of the score, the coefficients being the most likely ones for each alpha.

        The score is above 0 at alpha 0 (the caller has seen to it) and below it for large alpha, where every
        session with an event takes 1 / alpha from it.
        """

        def profile(log_alpha: float) -> float:
            alpha = math.exp(log_alpha)
            return self.score_of_alpha(self.fitted(coefficients, alpha), alpha)

        mu = self.means(coefficients)
        low = high = math.log(float(np.sum((self.y - mu) ** 2 - self.y)) / float(np.sum(mu**2)))
        while profile(low) < 0:
            low -= 1
        while profile(high) > 0:
            high += 1
        return math.exp(float(brentq(profile, low, high, xtol=1e-12, rtol=1e-12)))

    def regression(
        self, coefficients: Array, alpha: float, family: CountFamily, back: Array
    ) -> CountRegression:
        """The fit in the columns that were given, whose coefficients are `back` @ coefficients."""
        mu = self.means(coefficients)
        weights = mu / (1 + alpha * mu)
        inverse = back @ np.linalg.inv(np.linalg.qr(np.sqrt(weights)[:, None] * self.x, mode="r"))
        bread = inverse @ inverse.T
        return CountRegression(
            family=family,
            coefficients=back @ coefficients,
            alpha=alpha,
            means=mu,
            residuals=(self.y - mu) / np.sqrt(mu + alpha * mu**2),
            weights=weights,
            bread=(bread + bread.T) / 2,
            log_likelihood=self.log_likelihood(coefficients, alpha),
        )

    def _summed(self, units: Array) -> Array:
        """For each count y the sum of the first y units."""
        sums = np.concatenate([[0.0], np.cumsum(units)])
        found: Array = sums[self.y.astype(np.int64)]
        return found
