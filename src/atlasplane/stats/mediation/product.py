"""Product of two normal estimates: the indirect effect a b and its interval, never a b +- 1.96 SE.

The product of two normal variables is skewed wherever one of them is near 0 (MacKinnon et al. 2004,
doi:10.1207/s15327906mbr3901_4; Preacher and Selig 2012, doi:10.1080/19312458.2012.679848).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import ndtr

from atlasplane.stats.checks import Array, generator, share, vector
from atlasplane.stats.mediation.sample import MediationSample, enough_draws, least_squares
from atlasplane.stats.refusal import OutOfRange

ProductMethod = Literal["quadrature", "monte-carlo"]

_REACH = 9.5
"""Standard deviations over which is integrated; beyond lie 2e-21."""
_PANELS = 48
_GAUSS_LEGENDRE = np.polynomial.legendre.leggauss(16)
_NARROWEST = 1e-12
_LEAST_DRAWS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductEstimate:
    """Distribution of a b, (a, b) normal with their covariance.

    Attributes
    ----------
    a, se_a, b, se_b, correlation : float
    value : float
        a b.
    mean, sd : float
        Of the product: a b + cov and sqrt(a^2 sb^2 + b^2 sa^2 + sa^2 sb^2 + 2 a b cov + cov^2).
    low, high, level : float
        Equal probability in both tails.
    method : str
        "quadrature" (exact) or "monte-carlo".
    n_draws : int
        0 for quadrature.
    why : tuple of str
        What cannot be concluded.
    """

    a: float
    se_a: float
    b: float
    se_b: float
    correlation: float
    value: float
    mean: float
    sd: float
    low: float
    high: float
    level: float
    method: ProductMethod
    n_draws: int
    why: tuple[str, ...] = ()

    @property
    def sobel_se(self) -> float:
        """sqrt(a^2 sb^2 + b^2 sa^2 + 2 a b cov), for reference: value +- 1.96 of it is not an interval."""
        shared = self.correlation * self.se_a * self.se_b
        square = (self.a * self.se_b) ** 2 + (self.b * self.se_a) ** 2 + 2 * self.a * self.b * shared
        return math.sqrt(max(square, 0.0))


def product_probability(
    at: ArrayLike, *, a: float, se_a: float, b: float, se_b: float, correlation: float
) -> Array:
    """P(A B <= at) by quadrature over A, shape of `at`.

    For each A, B is normal; the panels shrink towards A = 0, where P(B <= at / A) changes fast.
    """
    _usable(a, se_a, b, se_b, correlation=correlation)
    points = np.asarray(at, dtype=np.float64)
    below = _distribution(a, se_a, b, se_b, correlation)
    found: Array = np.array([below(float(point)) for point in points.ravel()]).reshape(points.shape)
    return found


def product_interval(
    a: float, se_a: float, b: float, se_b: float, *, correlation: float, level: float
) -> ProductEstimate:
    """Exact interval of a b from the distribution of the product.

    Parameters
    ----------
    a, se_a, b, se_b : float
        Estimates and standard errors of both paths.
    correlation : float
        Of the two estimates: 0 where they come from the two regressions of one sample.
    level : float

    Raises
    ------
    OutOfRange
        When a standard error is not above 0, or the correlation not within -1 and 1.
    """
    _usable(a, se_a, b, se_b, correlation=correlation)
    share(level, "level")
    mean, sd = _moments(a, se_a, b, se_b, correlation)

    below = _distribution(a, se_a, b, se_b, correlation)

    def end(probability: float) -> float:
        def excess(at: float) -> float:
            return below(at) - probability

        reach = 4 * sd
        while excess(mean - reach) > 0 or excess(mean + reach) < 0:
            reach *= 2
        return float(brentq(excess, mean - reach, mean + reach, xtol=1e-13 * sd, rtol=1e-14))

    return ProductEstimate(
        a=a,
        se_a=se_a,
        b=b,
        se_b=se_b,
        correlation=correlation,
        value=a * b,
        mean=mean,
        sd=sd,
        low=end((1 - level) / 2),
        high=end((1 + level) / 2),
        level=level,
        method="quadrature",
        n_draws=0,
    )


def product_monte_carlo(
    estimates: tuple[float, float],
    covariance: ArrayLike,
    *,
    level: float,
    n_draws: int,
    rng: np.random.Generator,
) -> ProductEstimate:
    """The same by draws of (a, b) from N(estimates, covariance).

    Parameters
    ----------
    estimates : (a, b)
    covariance : array, shape (2, 2)
    level : float
    n_draws : int
        At least 1000; 10^5 give an end to about 0.01 SD.
    rng : numpy.random.Generator

    Raises
    ------
    OutOfRange
    """
    (a, b), cov = estimates, np.asarray(covariance, dtype=np.float64)
    if cov.shape != (2, 2) or not np.isfinite(cov).all() or (np.diag(cov) <= 0).any():
        raise OutOfRange("covariance must be (2, 2) with variances above 0; give that of a and b")
    se_a, se_b = (float(value) for value in np.sqrt(np.diag(cov)))
    correlation = float(cov[0, 1]) / (se_a * se_b)
    _usable(a, se_a, b, se_b, correlation=correlation)
    share(level, "level")
    enough_draws(n_draws, _LEAST_DRAWS)
    generator(rng)
    first, second = rng.normal(size=(2, n_draws))
    draws_a = a + se_a * first
    draws_b = b + se_b * (correlation * first + math.sqrt(1 - correlation**2) * second)
    low, high = np.quantile(draws_a * draws_b, [(1 - level) / 2, (1 + level) / 2])
    mean, sd = _moments(a, se_a, b, se_b, correlation)
    return ProductEstimate(
        a=a,
        se_a=se_a,
        b=b,
        se_b=se_b,
        correlation=correlation,
        value=a * b,
        mean=mean,
        sd=sd,
        low=float(low),
        high=float(high),
        level=level,
        method="monte-carlo",
        n_draws=n_draws,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearMediation:
    """Paths of the two linear regressions and the indirect effect, each per unit of treatment.

    Attributes
    ----------
    indirect : ProductEstimate
        a b; its `why` holds what the order of measurement leaves open.
    direct, se_direct : float
        c'.
    total : float
        a b + c': the coefficient of treatment without the mediator.
    residual_sd_mediator, residual_sd_outcome : float
    n_persons : int
    """

    indirect: ProductEstimate
    direct: float
    se_direct: float
    total: float
    residual_sd_mediator: float
    residual_sd_outcome: float
    n_persons: int


def linear_mediation(sample: MediationSample, *, level: float) -> LinearMediation:
    """Indirect effect a b of a linear mediator and outcome, its interval by quadrature.

    It is the effect carried by the mediator only if nothing unmeasured moves both mediator and outcome
    (see `sensitivity`) and the mediator is measured without error (see `measurement_error`).
    """
    sample = sample.centred
    first = least_squares(sample.mediator, sample.mediator_design)
    second = least_squares(sample.outcome, sample.outcome_design(interaction=False))
    a, b = float(first.coefficients[0]), float(second.coefficients[0])
    # The estimates of a and b are uncorrelated: b is that of the outcome on the residual of the mediator.
    indirect = product_interval(a, float(first.se[0]), b, float(second.se[0]), correlation=0.0, level=level)
    held = {name: getattr(indirect, name) for name in indirect.__dataclass_fields__ if name != "why"}
    return LinearMediation(
        indirect=ProductEstimate(**held, why=sample.order.why),
        direct=float(second.coefficients[1]),
        se_direct=float(second.se[1]),
        total=a * b + float(second.coefficients[1]),
        residual_sd_mediator=math.sqrt(first.residual_variance),
        residual_sd_outcome=math.sqrt(second.residual_variance),
        n_persons=sample.n_persons,
    )


def _usable(a: float, se_a: float, b: float, se_b: float, *, correlation: float) -> None:
    vector([a, se_a, b, se_b, correlation], "a, se_a, b, se_b and correlation")
    if not (se_a > 0 and se_b > 0):
        raise OutOfRange(f"standard errors must be above 0; they are {se_a:g} and {se_b:g}")
    if not -1 < correlation < 1:
        raise OutOfRange(f"the correlation of a and b must lie between -1 and 1; it is {correlation:g}")


def _moments(a: float, se_a: float, b: float, se_b: float, correlation: float) -> tuple[float, float]:
    shared = correlation * se_a * se_b
    variance = (a * se_b) ** 2 + (b * se_a) ** 2 + (se_a * se_b) ** 2 + 2 * a * b * shared + shared**2
    return a * b + shared, math.sqrt(variance)


def _distribution(
    a: float, se_a: float, b: float, se_b: float, correlation: float
) -> Callable[[float], float]:
    """P(A B <= z) as a function of z."""
    values, weights = _nodes(a, se_a)
    mean_b = b + correlation * se_b * (values - a) / se_a
    # P(B <= z / A) where A > 0, P(B >= z / A) where A < 0: one sign for both.
    sd_b = np.sign(values) * se_b * math.sqrt(1 - correlation**2)
    inverse, shift = 1 / (values * sd_b), mean_b / sd_b
    return lambda at: float(ndtr(at * inverse - shift) @ weights)


def _nodes(a: float, se_a: float) -> tuple[Array, Array]:
    """Values of A and their probability: Gauss-Legendre on panels that shrink towards A = 0."""
    low, high = a - _REACH * se_a, a + _REACH * se_a
    edges = [_panels(low, high, se_a, sign) for sign in (-1, 1)]
    x, w = _GAUSS_LEGENDRE
    values, weights = [], []
    for side in edges:
        half, middle = np.diff(side) / 2, (side[1:] + side[:-1]) / 2
        values.append((middle[:, None] + half[:, None] * x).ravel())
        weights.append((half[:, None] * w).ravel())
    found, weight = np.concatenate(values), np.concatenate(weights)
    density = np.exp(-0.5 * ((found - a) / se_a) ** 2) / (se_a * math.sqrt(2 * math.pi))
    return found, weight * density


def _panels(low: float, high: float, se_a: float, sign: int) -> Array:
    """Ascending edges of panels on one side of 0: from 1e-12 SD next to it up to half an SD."""
    nearest, farthest = (max(0.0, low), high) if sign > 0 else (max(0.0, -high), -low)
    if farthest <= nearest:
        return np.zeros(1)
    fine = np.geomspace(_NARROWEST * se_a, se_a, _PANELS)
    fine = fine[(fine > nearest) & (fine < farthest)]
    start = max(nearest, se_a)
    wide = np.linspace(start, farthest, 2 + math.ceil(2 * max(farthest - start, 0.0) / se_a))
    edges = np.concatenate([[nearest], fine, wide[wide > start], [farthest]])
    edges = np.unique(np.minimum(edges, farthest))
    return edges if sign > 0 else -edges[::-1]
