"""Mixed model with correlated random intercept and slope (Bates et al. 2015, doi:10.18637/jss.v067.i01)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.stats.multilevel.grouped_rows import GroupedRows, grouped_rows
from atlasplane.stats.multilevel.mixed_model import mixed_model


def rows_of(case: Mapping[str, Any]) -> GroupedRows:
    """The data of the case: reaction time by days, both random."""
    reaction, days, persons = zip(*case["data"]["rows"], strict=True)
    design = np.column_stack([np.ones(len(days)), days])
    return grouped_rows(reaction, design, design, persons=persons, sessions=days)


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """Every expected value of the case."""
    rows = rows_of(case)
    reml = mixed_model(rows, criterion="REML", structure="full", residual="independent")
    ml = mixed_model(rows, criterion="ML", structure="full", residual="independent")
    effects = dict(zip(rows.persons, reml.effects, strict=True))
    return {
        "REML criterion (-2 log REML)": reml.value,
        "intercept": reml.coefficients[0],
        "slope": reml.coefficients[1],
        "SE intercept": reml.se[0],
        "SE slope": reml.se[1],
        "SD intercept": reml.random_sds[0],
        "SD slope": reml.random_sds[1],
        "correlation": reml.random_covariance[0, 1] / np.prod(reml.random_sds),
        "residual SD": reml.residual_sds[0],
        "ML deviance": ml.value,
        "BLUP subject 308 [intercept, slope]": effects["308"].tolist(),
        "BLUP subject 309": effects["309"].tolist(),
    }
