"""Shrout and Fleiss 1979, table 4: six subjects, four judges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from atlasplane.stats.reliability.icc import Form, icc
from atlasplane.stats.reliability.mean_squares import mean_squares
from atlasplane.stats.reliability.sem import (
    Error,
    Quantile,
    minimal_detectable_change,
    standard_error_of_measurement,
)


def computed(case: Mapping[str, Any]) -> dict[str, Any]:
    """One value for every expected name."""
    ratings = np.array(case["data"]["rows_subjects_cols_raters"], dtype=float)
    squares = mean_squares(ratings)
    forms = {form: icc(ratings, form=form, level=0.95) for form in Form}
    names = {form: form.shrout_fleiss.replace("k", str(squares.n_raters)) for form in Form}
    consistency, agreement = (
        standard_error_of_measurement(ratings, error=error) for error in (Error.CONSISTENCY, Error.AGREEMENT)
    )
    return {
        **{names[form]: found.value for form, found in forms.items()},
        **{f"{names[form]} 95 % CI": [found.low, found.high] for form, found in forms.items()},
        "MSB": float(squares.between),
        "MSW": float(squares.within),
        "MSJ": float(squares.raters),
        "MSE": float(squares.error),
        "F one-way": forms[Form.ONE_WAY].f,
        "p one-way": forms[Form.ONE_WAY].p_value,
        "F two-way": forms[Form.CONSISTENCY].f,
        "p two-way": forms[Form.CONSISTENCY].p_value,
        "SEM consistency = sqrt(MSE)": consistency.value,
        "SEM agreement = sqrt((MSJ-MSE)/n + MSE)": agreement.value,
        "MDC95 consistency": minimal_detectable_change(consistency, quantile=Quantile.NORMAL).value,
        "MDC95 agreement": minimal_detectable_change(agreement, quantile=Quantile.NORMAL).value,
    }
