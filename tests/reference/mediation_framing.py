"""Framing experiment, linear mediator and probit outcome (Tingley et al. 2014, doi:10.18637/jss.v059.i05).

The printed rho at which the effect vanishes, 0.3 on a grid of 0.1, comes from the form "medsens" of the
correlation of errors. The exact one is 0.463 (tests/test_stats_sensitivity.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.stats.mediation.causal import causal_mediation
from atlasplane.stats.mediation.sample import (
    MediationSample,
    Order,
    least_squares,
    mediation_sample,
    outcome_regression,
)
from atlasplane.stats.mediation.sensitivity import sensitivity

LEVELS = ("high school", "some college", "bachelor's degree or higher")


def sample_of(case: Mapping[str, Any]) -> MediationSample:
    """The data of the case: anxiety carries the frame to a message to Congress."""
    rows = case["data"]["rows"]
    emotion, treatment, age, _, _, income, message = (
        [row[k] if k not in (3, 4) else 0.0 for row in rows] for k in range(7)
    )
    education = [[float(row[3] == level) for level in LEVELS] for row in rows]
    female = [float(row[4] == "female") for row in rows]
    return mediation_sample(
        treatment,
        emotion,
        message,
        order=Order(treatment=0, mediator=1, outcome=2),
        covariates=np.column_stack([age, education, female, income]),
    )


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every expected value of the case."""
    sample, rng = sample_of(case), np.random.default_rng(2014)
    first = least_squares(sample.mediator, sample.mediator_design)
    second = outcome_regression(sample, outcome_model="probit", interaction=False)
    effects = causal_mediation(
        sample,
        outcome_model="probit",
        interaction=False,
        contrast=(0.0, 1.0),
        level=0.95,
        n_draws=4000,
        rng=rng,
    )
    grid = np.arange(-9, 10) / 10
    curve = sensitivity(
        sample,
        grid,
        outcome_model="probit",
        latent_correlation="medsens",
        contrast=(0.0, 1.0),
        level=0.95,
        n_draws=100,
        rng=rng,
    )
    acme = [effects.acme_0.value, effects.acme_1.value]
    return {
        "n": sample.n_persons,
        "a (treat -> emo)": first.coefficients[0],
        "SE a": first.se[0],
        "b probit (emo)": second.coefficients[0],
        "SE b": second.se[0],
        "ACME(0) closed form": acme[0],
        "ACME(1) closed form": acme[1],
        "ADE(0) closed form": effects.ade_0.value,
        "ADE(1) closed form": effects.ade_1.value,
        "total effect closed form": effects.total.value,
        "bootstrap vignette ACME(0), ACME(1)": acme,
        "bootstrap vignette total effect": effects.total.value,
        "bootstrap vignette ACME(average) 95 % CI": [effects.acme.low, effects.acme.high],
        "sensitivity: rho at which ACME = 0 (grid 0.1)": grid[np.argmin(np.abs(curve.acme_0))],
    }
