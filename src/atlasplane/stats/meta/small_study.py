"""Whether small studies tell larger effects: Egger's two regressions, the rank test, trim and fill.

None of them finds publication bias: small studies may differ for other reasons (Sterne et al. 2011,
doi:10.1136/bmj.d4002).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import kendalltau, rankdata

from atlasplane.stats.checks import vector
from atlasplane.stats.meta.pooled import Inference, IntervalMethod, PooledEffect, inference
from atlasplane.stats.meta.regression import meta_regression
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.meta.weighted import Array, design, one_set, study_arrays, weighted_fit
from atlasplane.stats.refusal import NotConverged, NoVariance
from atlasplane.stats.variants import named

FEWEST_TO_CONCLUDE = 10
"""Studies below which the tests have too little power to tell anything (Sterne et al. 2011)."""
_FEWEST = 3


class EggerForm(Enum):
    """Which of the two regressions: they are different tests."""

    LINEAR = "weighted linear regression, t with k - 2"
    MIXED = "mixed-effects regression"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EggerTest:
    """Regression of the effects on their standard errors.

    Attributes
    ----------
    form : EggerForm
    slope : Inference
        Change of the effect per unit of standard error, with its test against 0.
    limit : Inference
        Intercept: the effect towards which a study without error tends.
    interval : IntervalMethod or None
        Of the mixed form.
    tau2_method : Tau2Method or None
        Of the mixed form.
    n_studies : int
    """

    form: EggerForm
    slope: Inference
    limit: Inference
    interval: IntervalMethod | None
    tau2_method: Tau2Method | None
    n_studies: int

    @property
    def why(self) -> tuple[str, ...]:
        """What cannot be concluded, each as a sentence."""
        return _too_few_words(self.n_studies)


def egger_linear(effects: ArrayLike, variances: ArrayLike, *, level: float = 0.95) -> EggerTest:
    """Egger's test: weighted least squares of effect on SE, w = 1 / v, free dispersion, t with k - 2.

    The same as the intercept of effect / SE on 1 / SE (Egger et al. 1997, doi:10.1136/bmj.315.7109.629).
    Of log odds ratios the SE depends on the effect: the test finds too much there.

    Parameters
    ----------
    effects : array, shape (..., k)
        Of any number of data sets on the same variances.
    variances : array, shape (k,)

    Raises
    ------
    TooFew
        Below 3 studies.
    Collinear
        All standard errors are equal.
    NotFinite, OutOfRange, WrongShape
    """
    y, v = study_arrays(effects, vector(variances, "variances"), at_least=_FEWEST)
    of = design(y.shape[-1], np.sqrt(_row(v)))
    fit = weighted_fit(y, 1 / v, of)
    dof = y.shape[-1] - 2
    se = np.sqrt(np.diagonal(fit.covariance, axis1=-2, axis2=-1) * (fit.q / dof)[..., None])
    limit, slope = (inference(fit.coefficients[..., i], se[..., i], dof, level=level) for i in (0, 1))
    return EggerTest(
        form=EggerForm.LINEAR,
        slope=slope,
        limit=limit,
        interval=None,
        tau2_method=None,
        n_studies=y.shape[-1],
    )


@named
def egger_mixed(
    effects: ArrayLike,
    variances: ArrayLike,
    *,
    tau2_method: Tau2Method,
    interval: IntervalMethod,
    level: float = 0.95,
) -> EggerTest:
    """Meta-regression of effect on SE, w = 1 / (v + tau2) (Sterne and Egger 2005; Viechtbauer 2010).

    Parameters
    ----------
    effects : array, shape (..., k)
        Of any number of data sets on the same variances.
    variances : array, shape (k,)
    tau2_method : Tau2Method
    interval : IntervalMethod
        Wald's is z: of 20 studies it rejects what is true in 6.6 % of cases instead of 5 %, Hartung and
        Knapp's, t with k - 2, in 5.1 %.

    Raises
    ------
    TooFew, Collinear, NotFinite, OutOfRange, WrongShape, NoVariance, NotConverged
    """
    y, v = study_arrays(effects, vector(variances, "variances"), at_least=_FEWEST)
    found = meta_regression(
        y, v, np.sqrt(_row(v)), tau2_method=tau2_method, interval=interval, level=level
    ).coefficients
    limit, slope = (
        inference(found.estimate[..., i], found.se[..., i], found.dof[..., i], level=level) for i in (0, 1)
    )
    return EggerTest(
        form=EggerForm.MIXED,
        slope=slope,
        limit=limit,
        interval=interval,
        tau2_method=tau2_method,
        n_studies=y.shape[-1],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTest:
    """Rank correlation of standardised effects and variances.

    Attributes
    ----------
    tau : float
        Kendall's tau-b; + when small studies have larger effects.
    p_value : float
        Two-sided.
    exact : bool
        Of the permutation distribution; else, with ties, normal with correction of the variance for them.
    n_studies : int
    """

    tau: float
    p_value: float
    exact: bool
    n_studies: int

    @property
    def smallest_possible_p(self) -> float:
        """Of the exact test: 2 / k! (full agreement or full disagreement)."""
        return 2 / math.factorial(self.n_studies)

    @property
    def why(self) -> tuple[str, ...]:
        """What cannot be concluded, each as a sentence."""
        return _too_few_words(self.n_studies)


def rank_test(effects: ArrayLike, variances: ArrayLike) -> RankTest:
    """Kendall's tau of (y - m) / sqrt(v - 1 / sum w) with v; m is the fixed-effect mean, w = 1 / v.

    Begg and Mazumdar 1994, doi:10.2307/2533446. Exact where nothing is tied.

    Parameters
    ----------
    effects, variances : array, shape (k,)

    Raises
    ------
    TooFew
        Below 3 studies.
    Collinear
        All variances are equal.
    NoVariance
        All effects are equal.
    NotFinite, OutOfRange, WrongShape
    """
    y, v = one_set(effects, variances, at_least=_FEWEST)
    design(len(y), np.sqrt(v))  # refuses equal variances by name
    if (y == y[0]).all():
        raise NoVariance("all effects are equal: they have no order to compare with that of the variances")
    fit = weighted_fit(y, 1 / v, design(len(y)))
    standardised = fit.residuals / np.sqrt(v - 1 / fit.weights.sum())
    exact = len(np.unique(standardised)) == len(np.unique(v)) == len(y)
    found = kendalltau(standardised, v, method="exact" if exact else "asymptotic")
    return RankTest(tau=float(found.statistic), p_value=float(found.pvalue), exact=exact, n_studies=len(y))


class Side(Enum):
    """Where studies are thought to be missing: LEFT are small effects, RIGHT large ones."""

    LEFT = "left"
    RIGHT = "right"


class MissingEstimator(Enum):
    """Estimator of the number of missing studies (Duval and Tweedie 2000).

    With T the sum of the ranks of abs(y - m) of studies on the far side, L0 = (4 T - k (k + 1)) / (2 k - 1);
    R0 is one less than the number of studies on the far side that lie further out than any on the near side.
    """

    L0 = "L0"
    R0 = "R0"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class TrimAndFill:
    """A sensitivity analysis: what the pooled effect would be if the funnel had been symmetric.

    Attributes
    ----------
    n_missing : int
    side : Side
    estimator : MissingEstimator
    pooled : PooledEffect
        Of the studies and their filled mirror images. Its interval takes invented studies for real ones:
        never report it as the result.
    filled_effects, filled_variances : array, shape (n_missing,)
    n_studies : int
        Real ones.
    """

    n_missing: int
    side: Side
    estimator: MissingEstimator
    pooled: PooledEffect
    filled_effects: Array
    filled_variances: Array
    n_studies: int

    @property
    def why(self) -> tuple[str, ...]:
        """What cannot be concluded, each as a sentence."""
        return (
            "sensitivity only: the filled studies do not exist, and other causes make funnels lopsided",
            *_too_few_words(self.n_studies),
        )


@named
def trim_and_fill(
    effects: ArrayLike,
    variances: ArrayLike,
    *,
    side: Side,
    estimator: MissingEstimator,
    pool: Callable[[Array, Array], PooledEffect],
) -> TrimAndFill:
    """Trim the far side until the rest is symmetric about its mean, then fill in mirror images.

    Duval and Tweedie 2000, doi:10.1111/j.0006-341X.2000.00455.x.

    Parameters
    ----------
    effects, variances : array, shape (k,)
    side : Side
        Where studies are thought to be missing; to be said before looking.
    estimator : MissingEstimator
    pool : callable
        From effects and variances to the pooled effect: `fixed_effect`, or `random_effects` with its
        choices made.

    Raises
    ------
    TooFew
        Below 3 studies.
    NotConverged
        When the number of missing studies goes round in a circle.
    NotFinite, OutOfRange, WrongShape, NotAChoice
    """
    y, v = one_set(effects, variances, at_least=_FEWEST)
    sign = 1.0 if side is Side.LEFT else -1.0
    order = np.argsort(sign * y, kind="stable")
    y, v = sign * y[order], v[order]
    n_missing, mean = _trimmed(y, v, sign, estimator, pool)
    filled = sign * (2 * mean - y[len(y) - n_missing :])
    return TrimAndFill(
        n_missing=n_missing,
        side=side,
        estimator=estimator,
        pooled=pool(np.concatenate([sign * y, filled]), np.concatenate([v, v[len(v) - n_missing :]])),
        filled_effects=filled,
        filled_variances=v[len(v) - n_missing :],
        n_studies=len(y),
    )


def _trimmed(
    y: Array,
    v: Array,
    sign: float,
    estimator: MissingEstimator,
    pool: Callable[[Array, Array], PooledEffect],
) -> tuple[int, float]:
    """Number to trim of effects in ascending order, and the mean of the rest."""
    n_missing, seen = 0, set[int]()
    while n_missing not in seen:
        seen.add(n_missing)
        kept = slice(0, len(y) - n_missing)
        mean = sign * float(pool(sign * y[kept], v[kept]).mean)
        found = _missing(y - mean, estimator)
        if found == n_missing:
            return n_missing, mean
        n_missing = found
    raise NotConverged("the number of missing studies goes round in a circle; take the other estimator")


def _missing(deviations: Array, estimator: MissingEstimator) -> int:
    k = len(deviations)
    ranks = rankdata(np.abs(deviations))
    if estimator is MissingEstimator.L0:
        found = (4 * ranks[deviations > 0].sum() - k * (k + 1)) / (2 * k - 1)
    else:
        found = k - ranks[deviations <= 0].max(initial=0.0) - 1
    return min(max(0, round(float(found))), k - 2)


def _row(variances: Array) -> Array:
    """The variances that all data sets share, shape (k,)."""
    row: Array = variances.reshape(-1, variances.shape[-1])[0]
    return row


def _too_few_words(n_studies: int) -> tuple[str, ...]:
    if n_studies >= FEWEST_TO_CONCLUDE:
        return ()
    return (f"{n_studies} studies: below {FEWEST_TO_CONCLUDE} such a test has too little power to tell",)
