"""Newey-West and the local level beside statsmodels: `python validation/statsmodels/regression.py`.

Prints the tables of regression.md. Series are drawn from a fixed seed; the Nile is the one of statsmodels.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray

from atlasplane.stats.series.hac import DofMethod, SmallSample, newey_west_regression
from atlasplane.stats.series.level_filter import Likelihood
from atlasplane.stats.series.local_level import local_level
from atlasplane.stats.single_case.piecewise import Terms, TimeCoding, piecewise_design
from atlasplane.stats.single_case.series import PhasedSeries, ab_series

Array = NDArray[np.float64]
N_DRAWN, N_SESSIONS, SEED = 100, 30, 7
METHODS = ("lbfgs", "powell", "nm")
_FIRST = math.log(2 * math.pi) / 2
"""statsmodels counts a constant for the first value, of which the diffuse likelihood is none."""


def drawn() -> Iterator[PhasedSeries]:
    """Drifting levels with a step."""
    rng = np.random.default_rng(SEED)
    for _ in range(N_DRAWN):
        angle = rng.uniform(0, math.pi / 2)
        values = math.cos(angle) * rng.standard_normal(N_SESSIONS)
        values += math.sin(angle) * np.cumsum(rng.standard_normal(N_SESSIONS))
        half = N_SESSIONS // 2
        yield ab_series(values[:half], values[half:] + 1)


def newey_west_difference(series: PhasedSeries, n_lags: int, small_sample: SmallSample) -> float:
    """Largest relative difference of a covariance."""
    design, _ = piecewise_design(series, coding=TimeCoding.FROM_ZERO, terms=Terms.LEVELS_AND_SLOPES)
    ours = newey_west_regression(
        series.values,
        design,
        n_lags=n_lags,
        small_sample=small_sample,
        dof_method=DofMethod.RESIDUAL,
        level=0.95,
    ).covariance.cov
    keywords = {"maxlags": n_lags, "use_correction": small_sample is SmallSample.RESIDUAL_DOF}
    theirs = sm.OLS(series.values, design).fit(cov_type="HAC", cov_kwds=keywords).cov_params()
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def level_differences(series: PhasedSeries) -> dict[str, float]:
    """Of the log-likelihood and the level at our optimum, and by how much each optimiser stays below it."""
    ours = local_level(series, likelihood=Likelihood.DIFFUSE, level=0.95)
    model = sm.tsa.UnobservedComponents(
        series.values, "llevel", exog=series.treated.astype(float), use_exact_diffuse=True
    )
    there = model.smooth([ours.noise**2, ours.drift**2, ours.effect])
    found = {
        "log-likelihood": abs(ours.log_likelihood - there.llf - _FIRST),
        "level": float(np.abs(there.smoothed_state[0] - ours.path).max()),
    }
    for method in METHODS:
        fit = model.fit(method=method, disp=0, maxiter=1000)
        found[method] = there.llf - fit.llf
    return found


def main() -> None:
    """Both tables."""
    warnings.simplefilter("ignore")
    all_series = list(drawn())
    print("| Newey-West, lags | factor | largest relative difference |\n| --- | --- | --- |")
    for n_lags in (0, 1, 4):
        for small_sample in SmallSample:
            worst = max(newey_west_difference(own, n_lags, small_sample) for own in all_series)
            print(f"| {n_lags} | {small_sample.value} | {worst:.1e} |")
    rows = [level_differences(own) for own in all_series]
    print("\n| local level | largest | series with more than 1e-5 |\n| --- | --- | --- |")
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        print(f"| {name} | {values.max():.1e} | {int((values > 1e-5).sum())} of {N_DRAWN} |")
    flow = sm.datasets.nile.load_pandas().data["volume"].to_numpy(float)
    ours = local_level(ab_series(flow, [0.0]), likelihood=Likelihood.RESTRICTED, level=0.95)
    theirs = sm.tsa.UnobservedComponents(flow, "llevel", use_exact_diffuse=True).fit(disp=0)
    print(f"\nNile: ours {ours.noise**2:.1f} and {ours.drift**2:.1f}, {ours.log_likelihood:.6f};", end=" ")
    print(f"theirs {theirs.params[0]:.1f} and {theirs.params[1]:.1f}, {theirs.llf + _FIRST:.6f}")


if __name__ == "__main__":
    main()
