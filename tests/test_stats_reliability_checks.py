"""Checks of limits of agreement where rounding alone is left to judge."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.stats.refusal import OutOfRange
from atlasplane.stats.reliability.agreement_checks import heteroscedasticity, proportional_bias
from atlasplane.stats.reliability.bland_altman import LimitInterval, limits_of_agreement


def test_differences_that_are_equal_up_to_rounding_have_no_slope() -> None:
    first, second = (
        np.array([7.3, 15.6, 28.1, 31.7, 40.9, 63.2]),
        np.array([8.3, 16.6, 29.1, 32.7, 41.9, 64.2]),
    )
    assert np.ptp(second - first) > 0  # rounding, of which a slope could be made
    found = limits_of_agreement(first, second, factor=1.96, interval=LimitInterval.EXACT)
    for told in (
        found.proportional_bias,
        found.heteroscedasticity,
        heteroscedasticity(np.ones(3), np.ones(3)),
    ):
        assert (told.value, told.low, told.high, told.p_value) == (None, None, None, None)
        assert told.why == ("all differences are equal",)
    with pytest.raises(OutOfRange, match="level"):
        proportional_bias(first, second, level=95)
