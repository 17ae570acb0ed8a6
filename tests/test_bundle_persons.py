"""The joint fit of simulated persons, as the benchmark runs it, in few cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, chi2

from benchmarks.three_d import LEVEL, Setting, batch, rms
from benchmarks.three_d_generic import generic_believed, template_person

COUNT = 40
SEED = 3
COMPARED = 2 * 3 * 3
"""Ratio and coverage of three angles in three settings: one chance run in a thousand is for all together."""
TAILS = (0.0005 / COMPARED, 1 - 0.0005 / COMPARED)


def within_chance(share: float, expected: float, count: int) -> bool:
    """Whether a share lies within the two-sided limits."""
    low, high = binom.ppf(TAILS, count, expected) / count
    return bool(low <= share <= high)


@pytest.mark.parametrize(
    "setting",
    [
        Setting(classical=True),
        Setting(off_deg=5.0),
        Setting(person=template_person, believed=generic_believed),
    ],
    ids=["ct", "head 5 deg off", "generic"],
)
def test_errors_are_as_large_as_the_bound_and_as_the_fit_says(setting: Setting) -> None:
    errors = batch(setting, COUNT, [SEED])
    low, high = np.sqrt(chi2.ppf(TAILS, COUNT) / COUNT)
    for ratio, covered in zip(errors.ratio, errors.covered, strict=True):
        # The generic shape is loose: 5 % for what is curved.
        assert 0.95 * low < ratio < 1.05 * high
        assert within_chance(covered, 0.95, COUNT)
    np.testing.assert_allclose(rms(errors.sd), rms(errors.bound), rtol=0.05)
    assert errors.alarms <= binom.ppf(0.999, COUNT, 2 * LEVEL) / COUNT
    if setting.classical:
        # Laterality of lines drawn with the head turned by 3 deg is off by far more than a click's error.
        assert rms(errors.lines)[1] > 2 * rms(errors.off)[1]


def test_a_turn_of_ten_degrees_about_the_condyles_is_found() -> None:
    errors = batch(Setting(moved_deg=10.0), 20, [SEED])
    # 0.95 of them in the long run.
    assert errors.found >= binom.ppf(0.001, 20, 0.95) / 20
    assert np.mean(errors.best) >= errors.found - 0.1
