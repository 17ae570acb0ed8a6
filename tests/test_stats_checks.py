"""What is no number is refused by name, and a mask is a gap."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.stats.checks import numbers, vector
from atlasplane.stats.meta.effects import Measure, effect_sizes
from atlasplane.stats.refusal import NotFinite


@pytest.mark.parametrize("given", [[1, 2], (1.0, 2.0), np.array([1, 2], dtype=np.int8), [True, 2]])
def test_whatever_holds_numbers_becomes_a_copy_of_floats(given: object) -> None:
    found = numbers(given, "values")  # type: ignore[arg-type]
    assert found.dtype == np.float64
    assert found.tolist() == [1.0, 2.0]
    assert found is not given


@pytest.mark.parametrize("given", [["1", "2"], "12", [1j, 2], [1, "x"], [[1, 2], [3]], [object()]])
def test_words_and_ragged_rows_are_refused_by_name(given: object) -> None:
    with pytest.raises(NotFinite, match="values holds what is no number"):
        numbers(given, "values")  # type: ignore[arg-type]


def test_what_is_masked_is_a_gap_and_never_used() -> None:
    masked = np.ma.masked_array([1, 99, 3], mask=[False, True, False])
    assert np.isnan(numbers(masked, "values")).tolist() == [False, True, False]
    with pytest.raises(NotFinite, match="missing"):
        vector(masked, "values")
    with pytest.raises(NotFinite, match="missing"):
        effect_sizes(masked, [1, 1, 1], measure=Measure.MEAN_DIFFERENCE)


def test_none_is_a_gap() -> None:
    with pytest.raises(NotFinite, match="missing"):
        vector([1, None, 3], "values")
