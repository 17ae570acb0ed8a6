"""Figures that metafor prints for published data, beside ours: `python validation/metafor/compare.py`.

metafor (GPL) is neither run nor copied: only its printed figures stand here, with where they were printed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from atlasplane.stats.meta.dependent import ThreeLevelInterval, cluster_robust, three_level  # noqa: E402
from atlasplane.stats.meta.heterogeneity import heterogeneity, q_profile  # noqa: E402
from atlasplane.stats.meta.influence import influence, leave_one_out  # noqa: E402
from atlasplane.stats.meta.pooled import IntervalMethod, random_effects  # noqa: E402
from atlasplane.stats.meta.prediction import PredictionMethod, prediction_interval  # noqa: E402
from atlasplane.stats.meta.regression import meta_regression  # noqa: E402
from atlasplane.stats.meta.small_study import (  # noqa: E402
    MissingEstimator,
    Side,
    egger_mixed,
    rank_test,
    trim_and_fill,
)
from atlasplane.stats.meta.tau2 import Tau2Method, tau2_estimate  # noqa: E402
from tests import meta_cases as cases  # noqa: E402

BCG = (cases.BCG_EFFECTS, cases.BCG_VARIANCES)
TEN = (cases.TEN_EFFECTS, cases.TEN_VARIANCES)
SCHOOLS = (cases.SCHOOL_EFFECTS, cases.SCHOOL_VARIANCES)
MAGNESIUM = (cases.MAGNESIUM_SIZES.effects, cases.MAGNESIUM_SIZES.variances)
WALD = {"tau2_method": Tau2Method.REML, "interval": IntervalMethod.WALD}
Row = tuple[str, str, float, float]


def rows() -> Iterator[Row]:
    """What, of which data, printed, ours."""
    printed = {
        "HS": 0.2282,
        "HE": 0.1484,
        "DL": 0.2768,
        "ML": 0.1967,
        "REML": 0.2232,
        "PM": 0.1920,
        "SJ": 0.1992,
    }
    for name, value in printed.items():
        yield f"tau2, {name}", "ten studies", value, tau2_estimate(*TEN, method=Tau2Method[name]).tau2
    yield from _bcg()
    yield from _small_study()
    yield from _clustered()


def _bcg() -> Iterator[Row]:
    pooled = random_effects(*BCG, **WALD)
    yield "REML mean", "BCG", -0.7145, pooled.mean
    yield "REML SE", "BCG", 0.1798, pooled.se
    further = prediction_interval(pooled, method=PredictionMethod.NORMAL)
    yield "prediction interval, normal, low", "BCG", -1.8667, further.low
    yield "prediction interval, normal, high", "BCG", 0.4376, further.high
    yield "Q", "BCG", 152.2330, heterogeneity(*BCG, tau2_method=Tau2Method.REML).q
    ends = q_profile(*BCG)
    yield "Q-profile, low", "BCG", 0.1197, ends.low
    yield "Q-profile, high", "BCG", 1.1115, ends.high
    slope = meta_regression(*BCG, cases.BCG_LATITUDE, **WALD)
    yield "meta-regression, tau2", "BCG on latitude", 0.0764, slope.tau2
    yield "meta-regression, QM", "BCG on latitude", 16.3571, slope.omnibus.statistic
    yield "meta-regression, QE", "BCG on latitude", 30.7331, slope.q_residual
    found = influence(*BCG, tau2_method=Tau2Method.REML)
    yield "studentised residual", "BCG, trial 1", -0.218142, found.studentised[0]
    yield "DFFITS", "BCG, trial 1", -0.040708, found.dffits[0]
    yield "Cook's distance", "BCG, trial 1", 0.001717, found.cook[0]
    yield "leave-one-out mean", "BCG, trial 1", -0.707084, leave_one_out(*BCG, **WALD).pooled.mean[0]


def _small_study() -> Iterator[Row]:
    yield "Egger, mixed, z", "magnesium", -4.6686, egger_mixed(*MAGNESIUM, **WALD).slope.statistic
    test = rank_test(*MAGNESIUM)
    yield "rank test, tau", "magnesium", 0.15, test.tau
    yield "rank test, p", "magnesium", 0.4503, test.p_value
    pool = partial(random_effects, tau2_method=Tau2Method.DL, interval=IntervalMethod.WALD)
    filled = trim_and_fill(
        cases.SMOKING_EFFECTS,
        cases.SMOKING_VARIANCES,
        side=Side.LEFT,
        estimator=MissingEstimator.L0,
        pool=pool,
    )
    yield "trim and fill, filled", "passive smoking", 7, filled.n_missing
    yield "trim and fill, relative risk", "passive smoking", 1.19, np.exp(filled.pooled.mean)


def _clustered() -> Iterator[Row]:
    found = three_level(
        *SCHOOLS, cases.SCHOOL_DISTRICTS, sampling_correlation=0.0, interval=ThreeLevelInterval.NORMAL
    )
    yield "three-level, mean", "schools", 0.1847132, found.coefficients.estimate[0]
    yield "three-level, SE", "schools", 0.08455592, found.coefficients.se[0]
    yield "three-level, between", "schools", 0.06506194, found.between
    yield "three-level, within", "schools", 0.03273652, found.within
    yield "three-level, log-likelihood", "schools", -7.9587, found.log_likelihood
    tau2 = float(tau2_estimate(*BCG, method=Tau2Method.REML).tau2)
    robust = cluster_robust(*BCG, np.arange(13), between=0.0, within=tau2, sampling_correlation=0.0)
    yield "CR2 variance (clubSandwich)", "BCG", 0.03229357, robust.covariance[0, 0]
    yield "CR2 degrees of freedom", "BCG", 11.04125, robust.coefficients.dof[0]
    yield "CR2 t", "BCG", -3.97616, robust.coefficients.statistic[0]


def main() -> None:
    """Print the table."""
    print("| figure | data | printed | ours | difference |\n| --- | --- | --- | --- | --- |")
    for what, data, printed, ours in rows():
        print(f"| {what} | {data} | {printed:g} | {float(ours):.8g} | {float(ours) - printed:+.1e} |")


if __name__ == "__main__":
    main()
