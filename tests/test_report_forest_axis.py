"""The axis and the digits of a forest plot: effects of every size can be read."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from atlasplane.report.statistics_plots.forest import EffectAxis, EffectScale, forest_plot
from atlasplane.stats.meta.pooled import fixed_effect
from atlasplane.stats.refusal import NotAChoice, OutOfRange, WrongShape
from tests.test_report_statistics_plots import RATIO, texts


def test_an_axis_of_effects_names_its_scale_and_two_sides() -> None:
    with pytest.raises(NotAChoice, match=r"EffectScale\.RATIO"):
        EffectAxis(name="Risk ratio", scale="ratio")  # type: ignore[arg-type]
    for favours in ("ab", ("fewer",), ("a", "b", "c")):
        with pytest.raises(WrongShape, match="two words"):
            EffectAxis(name="Risk ratio", scale=EffectScale.RATIO, favours=favours)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("unit", "decimals", "first"),
    [
        (1e-3, None, "0.00120 [0.00042, 0.00198]"),
        (1e6, None, "1.20 [0.42, 1.98] × 10⁶"),
        (1e-8, None, "1.20 [0.42, 1.98] × 1e−8"),
        (1e6, 0, "1200000 [416014, 1983986]"),
    ],
)
def test_effects_of_every_size_are_told_in_digits(unit: float, decimals: int | None, first: str) -> None:
    y, v = np.array([1.2, 0.8, 1.5]) * unit, np.array([0.16, 0.25, 0.36]) * unit**2
    axis = EffectAxis(name="A difference with a long name, which has no room", scale=EffectScale.AS_IS)
    figure = forest_plot(y, v, fixed_effect(y, v), studies=("a", "b", "c"), axis=axis, decimals=decimals)
    told = texts(figure)
    assert "Effect [95\N{NO-BREAK SPACE}%]" in told
    page = figure.axes[0]
    columns = {text.get_text(): text for text in page.texts}
    weight = next(text for words, text in columns.items() if words.endswith(" %"))
    numbers = next(text for words, text in columns.items() if words == first)
    assert weight.get_window_extent().x1 < numbers.get_window_extent().x0


def test_a_number_of_decimals_that_cannot_be_is_refused() -> None:
    y, v = np.array([1.0, 2.0]), np.array([1.0, 1.0])
    with pytest.raises(OutOfRange, match="decimals is -1"):
        forest_plot(y, v, fixed_effect(y, v), studies=("a", "b"), axis=RATIO, decimals=-1)


def test_no_effect_is_on_the_axis_only_within_reach() -> None:
    y, v = np.array([1000.0, 1001.0, 1002.0]), np.full(3, 0.1)
    axis = EffectAxis(name="Difference", scale=EffectScale.AS_IS, favours=("less", "more"))
    figure = forest_plot(y, v, fixed_effect(y, v), studies=("a", "b", "c"), axis=axis)
    assert figure.axes[1].get_xlim()[0] > 990
    told = texts(figure)
    assert "  more →" in told
    assert "← less  " not in told


def test_ratios_far_from_one_and_far_apart_have_round_ticks() -> None:
    near = np.log([300.0, 301.0, 303.0])
    pooled = fixed_effect(near, np.full(3, 1e-5))
    told = texts(forest_plot(near, np.full(3, 1e-5), pooled, studies=("a", "b", "c"), axis=RATIO))
    assert {"300", "302"} <= set(told)
    wide, errors = np.array([-20.0, 1.0, 800.0]), np.array([4.0, 1.0, 1e4])
    told = texts(forest_plot(wide, errors, fixed_effect(wide, errors), studies=("a", "b", "c"), axis=RATIO))
    assert any("∞" in words for words in told)
    assert any("× 1e−" in words for words in told)
