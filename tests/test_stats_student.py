"""Student's t against scipy's distributions, and its end in the normal one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from atlasplane.stats.refusal import OutOfRange
from atlasplane.stats.student import half_width, quantile, two_sided

DOF = np.array([1.0, 2.5, 30.0, 1e6])


@pytest.mark.parametrize("probability", [0.025, 0.5, 0.9, 0.995])
def test_quantile_and_tail_are_those_of_an_independent_program(probability: float) -> None:
    found = quantile(probability, DOF)
    assert found == pytest.approx(stats.t.ppf(probability, DOF))
    assert two_sided(found, DOF) == pytest.approx(2 * min(probability, 1 - probability))


def test_t_without_end_is_normal() -> None:
    mixed = np.array([4.0, math.inf])
    assert quantile(0.975, mixed) == pytest.approx([stats.t.ppf(0.975, 4), stats.norm.ppf(0.975)])
    assert half_width(2.0, math.inf, level=0.9) == pytest.approx(2 * stats.norm.ppf(0.95))
    assert two_sided([3.0, 3.0], mixed) == pytest.approx([2 * stats.t.sf(3, 4), 2 * stats.norm.sf(3)])


def test_both_tails_mirror_each_other() -> None:
    assert quantile(0.1, DOF) == pytest.approx(-quantile(0.9, DOF))
    assert two_sided(-2.0, DOF) == pytest.approx(two_sided(2.0, DOF))


def test_an_interval_is_in_proportion_to_its_standard_error() -> None:
    assert half_width(3e-9, DOF, level=0.95) == pytest.approx(3e-9 * half_width(1.0, DOF, level=0.95))


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_a_level_that_is_no_share_is_refused(level: float) -> None:
    with pytest.raises(OutOfRange, match="level"):
        half_width(1.0, 5, level=level)
