"""Seven estimators of tau2 on one set of ten studies (Viechtbauer 2005, p. 271)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from atlasplane.stats.meta.heterogeneity import heterogeneity
from atlasplane.stats.meta.tau2 import Tau2Method, tau2_estimate

METHODS = {
    "HS": Tau2Method.HS,
    "HE": Tau2Method.HE,
    "DL": Tau2Method.DL,
    "ML": Tau2Method.ML,
    "REML": Tau2Method.REML,
    "EB (=PM)": Tau2Method.EB,
    "SJ": Tau2Method.SJ,
}


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """One value for each expected name."""
    y, v = case["data"]["yi"], case["data"]["vi"]
    estimates = [tau2_estimate(y, v, method=method) for method in METHODS.values()]
    spread = [heterogeneity(y, v, tau2_method=method) for method in METHODS.values()]
    return {
        "estimators": list(METHODS),
        "tau2": [estimate.tau2 for estimate in estimates],
        "I2": [found.i2_percent for found in spread],
        "H2": [found.h2 for found in spread],
        "SE of tau2": [estimate.se for estimate in estimates],
    }
