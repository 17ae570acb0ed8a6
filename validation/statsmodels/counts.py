"""Counts beside statsmodels: `python validation/statsmodels/counts.py`.

Prints the tables of counts.md. Series are drawn from a fixed seed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from statsmodels.discrete.discrete_model import NegativeBinomial
from statsmodels.stats.rates import confint_poisson, test_poisson_2indep

from atlasplane.stats.series.count_regression import CountFamily, CountRegression, count_regression
from atlasplane.stats.series.counts import (
    CountCovariance,
    HacCovariance,
    Reference,
    interrupted_counts,
)
from atlasplane.stats.series.hac import SmallSample
from atlasplane.stats.series.interrupted_design import InterruptedDesign, interrupted_design
from atlasplane.stats.series.rate_ratios import rate_ratio
from atlasplane.stats.series.rates import Exactness, rate_interval

Array = NDArray[np.float64]
N_DRAWN, N_SESSIONS, SEED, N_LAGS = 100, 40, 11, 3
KINDS = {
    "model": (CountCovariance.MODEL, {}),
    "quasi": (CountCovariance.QUASI, {"scale": "X2"}),
    "Newey-West": (
        HacCovariance(n_lags=N_LAGS, small_sample=SmallSample.RESIDUAL_DOF),
        {"cov_type": "HAC", "cov_kwds": {"maxlags": N_LAGS, "use_correction": True}},
    ),
}


def drawn() -> Iterator[tuple[Array, Array]]:
    """Counts that scatter by alpha 0.3, with their exposure."""
    rng = np.random.default_rng(SEED)
    design = columns()
    for _ in range(N_DRAWN):
        exposure = rng.uniform(0.5, 2, N_SESSIONS)
        mean = exposure * np.exp(design.matrix @ [1.5, 0.01, -0.3, 0.0, 0.2, 0.1])
        yield rng.negative_binomial(1 / 0.3, 1 / (1 + 0.3 * mean)).astype(np.float64), exposure


def columns() -> InterruptedDesign:
    """Level, slope and one harmonic."""
    time = np.arange(1.0, N_SESSIONS + 1)
    return interrupted_design(time, start=21, slope_change=True, n_harmonics=1, period=12)


def poisson_differences(counts: Array, exposure: Array) -> dict[str, float]:
    """Of coefficients and log-likelihood, and relative ones of standard errors."""
    design, found = columns(), {}
    for name, (covariance, keywords) in KINDS.items():
        ours = interrupted_counts(
            counts,
            design,
            exposure=exposure,
            family=CountFamily.POISSON,
            covariance=covariance,
            reference=Reference.NORMAL,
            level=0.95,
        )
        model = sm.GLM(counts, design.matrix, family=sm.families.Poisson(), exposure=exposure)
        theirs = model.fit(tol=1e-12, **keywords)
        found["coefficients"] = _largest(ours.regression.coefficients - theirs.params)
        found["log-likelihood"] = abs(ours.regression.log_likelihood - theirs.llf)
        found[f"standard errors, {name}"] = _largest(ours.u / theirs.bse - 1)
    return found


def nb2_differences(counts: Array, exposure: Array) -> dict[str, float]:
    """At their best optimum; and by how much their default search stays below ours."""
    matrix = columns().matrix
    ours = count_regression(counts, matrix, exposure=exposure, family=CountFamily.NB2)
    if not ours.alpha:
        return {"boundary": 1.0}
    model = NegativeBinomial(counts, matrix, exposure=exposure)
    own = np.append(ours.coefficients, ours.alpha)
    there = model.fit(start_params=own, method="newton", disp=0, maxiter=200)
    glm = sm.GLM(
        counts, matrix, family=sm.families.NegativeBinomial(alpha=ours.alpha), exposure=exposure
    ).fit(tol=1e-12)
    return {
        "coefficients": _largest(own[:-1] - there.params[:-1]),
        "alpha": abs(ours.alpha - there.params[-1]),
        "log-likelihood": abs(ours.log_likelihood - there.llf),
        "standard errors, GLM at this alpha": _largest(_u(ours) / glm.bse - 1),
        "standard errors, joint Hessian": _largest(_u(ours) / there.bse[:-1] - 1),
        "default search below": ours.log_likelihood - model.fit(disp=0).llf,
    }


def rate_differences() -> dict[str, float]:
    """Relative ones of the ends of rates, absolute ones of mid-P values."""
    found = {"exact rate": 0.0, "mid-P rate": 0.0, "mid-P p-value": 0.0, "exact p-value": 0.0}
    for n in range(1, 60):
        for name, method, theirs in (
            ("exact rate", Exactness.EXACT, "exact-c"),
            ("mid-P rate", Exactness.MID_P, "midp-c"),
        ):
            ours = rate_interval(n, 3.0, method=method, level=0.95)
            ends = np.array(confint_poisson(n, 3.0, method=theirs))
            found[name] = max(found[name], _largest(np.array([ours.low, ours.high]) / ends - 1))
        for name, method, theirs in (
            ("exact p-value", Exactness.EXACT, "exact-cond"),
            ("mid-P p-value", Exactness.MID_P, "cond-midp"),
        ):
            own = rate_ratio(n, 20, exposure_after=3.0, exposure_before=2.0, method=method, level=0.95)
            other = test_poisson_2indep(n, 3.0, 20, 2.0, method=theirs).pvalue
            found[name] = max(found[name], abs(own.p_value - other))
    return found


def _u(found: CountRegression) -> Array:
    return np.sqrt(np.diag(found.bread))


def _largest(values: Array) -> float:
    return float(np.abs(values).max())


def _table(rows: list[dict[str, float]]) -> None:
    for name in {name: None for row in rows for name in row}:
        values = [row[name] for row in rows if name in row]
        print(f"| {name} | {max(values):.1e} | {len(values)} |")


def main() -> None:
    """The tables of counts.md."""
    warnings.simplefilter("ignore")
    series = list(drawn())
    print("Poisson\n")
    _table([poisson_differences(*one) for one in series])
    print("\nNB2\n")
    _table([nb2_differences(*one) for one in series])
    print("\nRates\n")
    _table([rate_differences()])


if __name__ == "__main__":
    main()
