"""Linear mediation with a mediator of known measurement uncertainty: its path, freed of attenuation.

A mediator measured with error variance u^2 has its path b shortened to lambda b, and what is lost goes to
c'. lambda is the part of the mediator's variance *that treatment and covariates leave* which is true:
(s^2 - u^2) / s^2, smaller than the mediator's plain reliability wherever treatment moves the mediator.
The correction takes sum u_i^2 from the mediator's sum of squares (Fuller 1987, Measurement Error Models,
doi:10.1002/9780470316665, 3.1.1); the covariance of all paths is that of the stacked estimating equations
(Stefanski and Boos 2002, doi:10.1198/000313002753631330), and carries the uncertainty of u itself where
its degrees of freedom are given. What is divided by, s^2 - u^2, is uncertain itself: where little is true of
what treatment leaves, these moments are too large on average, and `inverse_attenuation` is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from atlasplane.stats.checks import Array, number, numbers, positive, share
from atlasplane.stats.mediation.causal import Effect
from atlasplane.stats.mediation.product import ProductEstimate, product_interval
from atlasplane.stats.mediation.sample import MediationSample, least_squares
from atlasplane.stats.refusal import NotFinite, NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.variants import named

Moments = Literal["plain", "unbiased"]
_WEAK = 3.0
"""True variance over its standard error below which b, a ratio with it below, is far from normal."""


class NoTrueVariance(NoVariance):
    """What treatment and covariates leave of the mediator is no larger than its measurement error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedMediation:
    """Paths freed of the mediator's measurement error, beside those that ignore it.

    Attributes
    ----------
    indirect : Effect
        a b with the corrected b; its interval is that of `product`.
    direct : Effect
        c', corrected: the total minus `indirect`; the interval lies around c' of the plain moments.
    total : float
        a b + c', which measurement error does not change.
    product : ProductEstimate
        a and the b of the plain moments, b / lambda, with the covariance of both. Its interval is used with
        either moments: around the unbiased value it would be too short (see `corrected_mediation`).
    moments : str
        "plain" or "unbiased", of both values.
    naive_indirect, naive_direct : float
        Without correction.
    reliability : float
        1 - mean u^2 / Var(M): of the mediator as it lies in the sample.
    attenuation : float
        lambda, the part of b that is left without correction.
    u_dof : float
        Degrees of freedom of u as given; infinite where u was taken as known.
    level : float
    n_persons : int
    why : tuple of str
        What cannot be concluded.
    """

    indirect: Effect
    direct: Effect
    total: float
    product: ProductEstimate
    moments: Moments
    naive_indirect: float
    naive_direct: float
    reliability: float
    attenuation: float
    u_dof: float
    level: float
    n_persons: int
    why: tuple[str, ...]


@named
def corrected_mediation(
    sample: MediationSample, u: ArrayLike, *, u_dof: float, moments: Moments, level: float
) -> CorrectedMediation:
    """Indirect and direct effect of a linear model, corrected for the mediator's uncertainty.

    Parameters
    ----------
    sample : MediationSample
    u : float or array, shape (n_persons,)
        Standard uncertainty (k = 1) of each mediator value, in its unit; errors independent of each other
        and of everything else. A part that all values share (one scale for all films) is no part of it.
    u_dof : float
        Degrees of freedom behind u, infinite where it is known: n (k - 1) for k repeats of n persons.
    moments : {"plain", "unbiased"}
        What the uncorrected b is multiplied by. "plain": 1 / lambda as estimated, too large on average where
        lambda is small (by 19 % at lambda = 0.24 with 300 persons). "unbiased": `inverse_attenuation`, whose
        mean is right for a normal mediator. The interval is the same, for its own reason: with an estimate
        that is too small its standard error is too small as well, and at that lambda an interval around the
        unbiased value would hold the truth in 91 %, that of the plain moments in 94 % of samples.
    level : float

    Raises
    ------
    OutOfRange
        For a negative u, or degrees of freedom not above 0.
    NoTrueVariance
        When u leaves nothing of the mediator: no correction is possible, a better measurement is needed.
    TooFew
        With fewer than 3 degrees of freedom of the mediator for "unbiased".
    NotFinite, WrongShape
    """
    share(level, "level")
    errors = _uncertainties(u, sample.n_persons)
    number(u_dof, "u_dof", remedy="give math.inf for a known u")
    if not u_dof > 0:
        raise OutOfRange(f"u_dof must be above 0; it is {u_dof:g}; give math.inf for a known u")
    sample = sample.centred
    first = least_squares(sample.mediator, sample.mediator_design)
    second = least_squares(sample.outcome, sample.outcome_design(interaction=False))
    mean_square, variance = float(np.mean(errors**2)), first.residual_variance
    _something_left(variance, mean_square)
    why = sample.order.why + _weakness(variance, variance - mean_square, first.dof, u_dof)
    product, plain = _plain_moments(sample, errors, u_dof, level=level, why=why)
    total, value = product.value + plain.value, product.value
    a, naive = product.a, float(second.coefficients[0])
    if moments == "unbiased":
        value = a * naive * inverse_attenuation(variance, mean_square, dof=first.dof, u_dof=u_dof)
    return CorrectedMediation(
        indirect=Effect(value=value, low=product.low, high=product.high),
        direct=Effect(value=total - value, low=plain.low, high=plain.high),
        total=total,
        product=product,
        moments=moments,
        naive_indirect=a * naive,
        naive_direct=float(second.coefficients[1]),
        reliability=1 - mean_square / float(np.var(sample.mediator, ddof=1)),
        attenuation=1 - mean_square / variance,
        u_dof=u_dof,
        level=level,
        n_persons=sample.n_persons,
        why=why,
    )


def inverse_attenuation(residual_variance: float, mean_square: float, *, dof: float, u_dof: float) -> float:
    """Unbiased estimate of 1 / lambda = S / (S - u^2), by which the uncorrected b is multiplied.

    With r = mean_square / residual_variance, the estimates of u^2 and S,

        1 + sum_j r^j prod_i (1 - 2 i / dof) / (1 + 2 (i - 1) / u_dof),  i = 1 ... j < dof / 2,

    because 1 / lambda is the sum of (u^2 / S)^j, and every term is divided by what the negative moment of one
    chi-squared variable and the moment of the other add to it. What the missing terms j >= dof / 2 leave is
    -(1 - lambda)^(dof / 2) of it. Every estimate with one fixed part of u^2 taken out is biased at some
    lambda: (1 - alpha / dof) u^2 (Fuller 1987, 2.5) is right to second order for alpha = 2 / lambda alone.

    Parameters
    ----------
    residual_variance : float
        What treatment and covariates leave of the mediator, > 0; dof times it over S is chi-squared.
    mean_square : float
        Mean u^2, below it.
    dof, u_dof : float
        Of both; `dof` at least 3, `u_dof` infinite where u is known.

    Raises
    ------
    NoTrueVariance
    TooFew
        With fewer than 3 degrees of freedom.
    """
    _something_left(residual_variance, mean_square)
    if dof < 3:
        raise TooFew(f"the mediator has {dof:g} degrees of freedom; an unbiased correction needs 3 or more")
    j = np.arange(1, math.ceil(dof / 2))
    ratio = mean_square / residual_variance
    return 1 + float(np.cumprod(ratio * (1 - 2 * j / dof) / (1 + 2 * (j - 1) / u_dof)).sum())


def _something_left(residual_variance: float, mean_square: float) -> None:
    if residual_variance <= mean_square:
        raise NoTrueVariance(
            f"treatment and covariates leave a variance of {residual_variance:g} of the mediator, its "
            f"measurement error alone has {mean_square:g}: nothing of it is left; measure it more exactly"
        )


def _plain_moments(
    sample: MediationSample, errors: Array, u_dof: float, *, level: float, why: tuple[str, ...]
) -> tuple[ProductEstimate, Effect]:
    """Product a b and c' of the plain moments, each with its interval."""
    a, b, direct, covariance = _paths(sample, errors, u_dof)
    se_a, se_b, se_direct = (math.sqrt(float(variance)) for variance in np.diag(covariance))
    correlation = float(covariance[0, 1]) / (se_a * se_b)
    product = product_interval(a, se_a, b, se_b, correlation=correlation, level=level)
    half = float(ndtri((1 + level) / 2)) * se_direct
    return replace(product, why=why), Effect(value=direct, low=direct - half, high=direct + half)


def _uncertainties(u: ArrayLike, n_persons: int) -> Array:
    errors = numbers(u, "u")
    if errors.shape not in ((), (n_persons,)):
        raise WrongShape(
            f"u has shape {errors.shape}; give one number, or one for each of {n_persons} persons"
        )
    errors = np.broadcast_to(errors, (n_persons,)).copy()
    if not np.isfinite(errors).all():
        raise NotFinite("a u is missing or infinite; an unknown u cannot be corrected for")
    positive(errors, "u", zero=True)
    return errors


def _paths(sample: MediationSample, errors: Array, u_dof: float) -> tuple[float, float, float, Array]:
    """a, corrected b and c', and their covariance, shape (3, 3)."""
    # Every column without its mean: the paths stay, and a far zero of a scale costs no digits.
    columns = np.column_stack([sample.mediator, sample.treatment, sample.covariates])
    W = np.column_stack([columns - columns.mean(axis=0), np.ones(sample.n_persons)])
    D, outcome = W[:, 1:], sample.outcome - sample.outcome.mean()
    n, unit = sample.n_persons, np.eye(W.shape[1])[0]
    # The regression takes its share of the error too: n - coefficients of n are left.
    errors_left = errors**2 * (n - D.shape[1]) / n
    taken = float(errors_left.sum())
    inverse = np.linalg.inv(W.T @ W - taken * np.outer(unit, unit))
    beta = inverse @ (W.T @ outcome)
    scores = W * (outcome - W @ beta)[:, None]
    scores[:, 0] += errors_left * beta[0]
    alpha, spread = np.linalg.lstsq(D, W[:, 0], rcond=None)[0], np.linalg.inv(D.T @ D)
    influence = np.column_stack(
        [(D * (W[:, 0] - D @ alpha)[:, None]) @ spread[:, 0], scores @ inverse[:, :2]]
    )
    covariance = influence.T @ influence * n / (n - W.shape[1])
    # Sum u^2 has relative variance 2 / dof; it moves b and c' by inverse[:, 0] b.
    moved = np.concatenate([[0.0], inverse[:2, 0] * beta[0] * taken])
    covariance += np.outer(moved, moved) * 2 / u_dof
    return float(alpha[0]), float(beta[0]), float(beta[1]), covariance


def _weakness(residual_variance: float, left: float, dof: int, u_dof: float) -> tuple[str, ...]:
    """Said where the true variance is hardly told from 0: the corrected path then has no normal error."""
    error = math.sqrt(2 * residual_variance**2 / dof + 2 * (residual_variance - left) ** 2 / u_dof)
    if left < _WEAK * error:
        return (
            "most of what treatment leaves of the mediator is measurement error: the corrected path and its "
            "interval are unreliable, measure the mediator more exactly",
        )
    return ()
