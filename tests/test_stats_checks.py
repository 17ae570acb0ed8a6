"""What is no number is refused by name, and a mask is a gap."""

from __future__ import annotations

import numpy as np
import pytest

from atlasplane.stats.checks import generator, number, numbers, vector, whole
from atlasplane.stats.meta.effects import Measure, effect_sizes
from atlasplane.stats.refusal import NotAChoice, NotFinite, OutOfRange


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
        vector([1, None, 3], "values")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given", [["1", "2"], [1, "1"], (2, [3, "1"]), np.array([["1"], ["x"]], dtype=object)]
)
def test_the_first_text_is_told_with_the_remedy(given: object) -> None:
    with pytest.raises(NotFinite, match=r"values holds what is no number: the text '1'; .* float\(\.\.\.\)"):
        numbers(given, "values")  # type: ignore[arg-type]


def test_one_number_a_count_and_a_generator_are_told_from_what_is_none() -> None:
    number(np.float64(1), "mdc", remedy="")
    with pytest.raises(NotFinite, match="mdc is None, which is no number; give one"):
        number(None, "mdc", remedy="give one")  # type: ignore[arg-type]
    whole(np.int64(3), "n_draws")  # type: ignore[arg-type]
    with pytest.raises(OutOfRange, match=r"n_draws is 100\.0; give a whole number"):
        whole(100.0, "n_draws")  # type: ignore[arg-type]
    generator(np.random.default_rng(1))
    with pytest.raises(NotAChoice, match=r"rng is 1; give numpy\.random\.default_rng"):
        generator(1)  # type: ignore[arg-type]
