"""Mixed models and mediation beside statsmodels: `python validation/statsmodels/mixed_and_mediation.py`.

Prints the tables of mixed_and_mediation.md. All data are drawn from a fixed seed.
"""

from __future__ import annotations

import warnings

import numpy as np
import statsmodels.api as sm
from numpy.typing import NDArray
from statsmodels.regression.mixed_linear_model import MixedLM

from atlasplane.stats.mediation.causal import causal_mediation
from atlasplane.stats.mediation.sample import MediationSample, Order, mediation_sample, probit
from atlasplane.stats.multilevel.grouped_rows import grouped_rows
from atlasplane.stats.multilevel.mixed_model import mixed_model

SEED, N_STUDIES = 68, 40
Array = NDArray[np.float64]


def study(rng: np.random.Generator, tau: float) -> tuple[Array, Array, Array, Array]:
    """Values, design, persons and sessions of 8 persons with 12 sessions."""
    person, session = np.repeat(np.arange(8), 12), np.tile(np.arange(12.0), 8)
    treated = (session >= 6).astype(float)
    y = rng.normal(0, 1.5, 8)[person] + rng.normal(1, tau, 8)[person] * treated + rng.normal(size=96)
    return y, np.column_stack([np.ones(96), treated]), person, session


def mixed_models() -> None:
    """Difference of log-likelihoods (ours minus theirs, REML), and what theirs says of itself."""
    print(
        "| tau | studies | theirs worse by > 0.01 | theirs failed | greatest gain | ours worse by > 0.001 |"
    )
    print("|---|---|---|---|---|---|")
    for tau in (1.0, 0.3, 0.0):
        rng, gains, failed = np.random.default_rng(SEED), [], 0
        for _ in range(N_STUDIES):
            y, X, person, session = study(rng, tau)
            rows = grouped_rows(y, X, X, persons=person.tolist(), sessions=session)
            ours = mixed_model(rows, criterion="REML", structure="full", residual="independent")
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    theirs = MixedLM(y, X, groups=person, exog_re=X).fit(reml=True).llf
            except (np.linalg.LinAlgError, ValueError):
                failed += 1
                continue
            if not np.isfinite(theirs):
                failed += 1
                continue
            gains.append(-ours.value / 2 - theirs)
        gain = np.array(gains)
        print(
            f"| {tau} | {N_STUDIES} | {(gain > 0.01).sum()} | {failed} | {gain.max():.4f} "
            f"| {(gain < -0.001).sum()} |"
        )


def framed(rng: np.random.Generator, n: int) -> MediationSample:
    """A sample with a yes-or-no outcome."""
    x, age = rng.permutation(np.arange(n) % 2).astype(float), rng.normal(size=n)
    m = 0.8 * x + 0.3 * age + rng.normal(size=n)
    y = (0.6 * m + 0.2 * x - 0.2 * age + rng.normal(size=n) > 0.3).astype(float)
    order = Order(treatment=0, mediator=1, outcome=2)
    return mediation_sample(x, m, y, order=order, covariates=age[:, None])


def mediation() -> None:
    """Probit coefficients, and closed-form effects beside simulated ones."""
    sample, rng = framed(np.random.default_rng(SEED), 300), np.random.default_rng(1)
    design = sample.outcome_design(interaction=False)
    ours, theirs = probit(sample.outcome, design), sm.Probit(sample.outcome, design).fit(disp=0, tol=1e-12)
    print(f"probit coefficients differ by {np.abs(ours.coefficients - theirs.params).max():.1e}, ")
    print(f"standard errors by {np.abs(ours.se - theirs.bse).max():.1e}")
    outcome_model = sm.GLM(
        sample.outcome, design, family=sm.families.Binomial(link=sm.families.links.Probit())
    )
    mediator_model = sm.OLS(sample.mediator, sample.mediator_design)
    np.random.seed(SEED)  # noqa: NPY002 - their simulation has no other way
    simulated = sm.stats.Mediation(outcome_model, mediator_model, (1, 0), 0).fit(n_rep=300).summary()
    found = causal_mediation(
        sample,
        outcome_model="probit",
        interaction=False,
        contrast=(0.0, 1.0),
        level=0.95,
        n_draws=2000,
        rng=rng,
    )
    print("| effect | ours | our interval | theirs | their interval |")
    print("|---|---|---|---|---|")
    for name, row in (
        ("acme_0", "ACME (control)"),
        ("acme_1", "ACME (treated)"),
        ("ade_0", "ADE (control)"),
        ("ade_1", "ADE (treated)"),
        ("total", "Total effect"),
    ):
        own, other = getattr(found, name), simulated.loc[row].tolist()
        print(
            f"| {row} | {own.value:.4f} | {own.low:.4f} to {own.high:.4f} "
            f"| {other[0]:.4f} | {other[1]:.4f} to {other[2]:.4f} |"
        )


if __name__ == "__main__":
    mixed_models()
    mediation()
