"""Pictures of statistical results: what is drawn is what the result says, and nothing is left behind."""

from __future__ import annotations

import io
import math
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from atlasplane.report.statistics_plots import sheet
from atlasplane.report.statistics_plots.bland_altman import bland_altman_plot
from atlasplane.report.statistics_plots.caterpillar import caterpillar_plot
from atlasplane.report.statistics_plots.change_point import change_point_plot
from atlasplane.report.statistics_plots.forest import EffectAxis, EffectScale, forest_plot, p_text
from atlasplane.report.statistics_plots.mediation_path import ShownIndirect, mediation_path_plot
from atlasplane.report.statistics_plots.phases import ShownCase, phases_plot
from atlasplane.stats.mediation.product import linear_mediation
from atlasplane.stats.mediation.sample import MediationSample, Order
from atlasplane.stats.meta.heterogeneity import heterogeneity
from atlasplane.stats.meta.pooled import IntervalMethod, fixed_effect, random_effects
from atlasplane.stats.meta.prediction import PredictionMethod, prediction_interval, prediction_over_tau2
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.multilevel.person_series import PersonSeries
from atlasplane.stats.multilevel.pooling import PooledSeries, pooled_series
from atlasplane.stats.refusal import OutOfRange, TooFew, WrongShape
from atlasplane.stats.reliability.bland_altman import LimitInterval, limits_of_agreement
from atlasplane.stats.series.change_point import RatePrior, poisson_change_point, uniform_change_prior
from atlasplane.stats.single_case.piecewise import Errors, Terms, TimeCoding, piecewise_regression
from atlasplane.stats.single_case.series import ab_series, phased_series

FIRST = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
SECOND = np.array([1.2, 1.9, 3.4, 4.1, 5.5, 5.9])
EFFECTS, VARIANCES = np.array([-0.9, -0.2, 0.1, -1.4]), np.array([0.04, 0.02, 0.9, 0.1])
STUDIES = ("One 1990", "Two 1991", "Three 1992", "Four 1993")
RATIO = EffectAxis(name="Risk ratio", scale=EffectScale.RATIO, favours=("fewer", "more"))


def texts(figure: Figure) -> list[str]:
    """Every word on the picture, as it is drawn."""
    figure.draw_without_rendering()
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def png(figure: Figure) -> bytes:
    held = io.BytesIO()
    figure.savefig(held, format="png", dpi=60)
    return held.getvalue()


def horizontal(axes: Axes) -> list[float]:
    """Heights of the lines that run over the whole width."""
    return [float(line.get_ydata()[0]) for line in axes.lines if list(line.get_xdata()) == [0, 1]]


def pooled_persons() -> PooledSeries:
    rng = np.random.default_rng(5)
    persons, treated = np.repeat(["P1", "P2", "P3", "P4"], 12), np.tile(np.arange(12) >= 6, 4).astype(float)
    effects = np.repeat([-4.0, -1.0, 1.5, -9.0], 12)
    return pooled_series(
        PersonSeries(
            values=10 + effects * treated + rng.normal(0, 1, 48),
            persons=tuple(persons),
            treated=treated,
            sessions=np.tile(np.arange(1.0, 13.0), 4),
        ),
        trend="none",
        structure="diagonal",
        residual="independent",
        interval="satterthwaite",
        mdc=1.0,
        level=0.95,
    )


def test_bland_altman_draws_bias_and_limits_and_writes_them() -> None:
    limits = limits_of_agreement(FIRST, SECOND, factor=1.96, interval=LimitInterval.EXACT)
    figure = bland_altman_plot(limits, FIRST, SECOND, names=("A", "B"), unit="mm", decimals=2)
    (axes,) = figure.axes
    dots = next(line for line in axes.lines if line.get_marker() == "o")
    assert np.allclose(dots.get_xdata(), (FIRST + SECOND) / 2)
    assert np.allclose(dots.get_ydata(), SECOND - FIRST)
    assert np.allclose(sorted(horizontal(axes)), sorted([0.0, limits.low, limits.bias, limits.high]))
    told = texts(figure)
    assert {"B − A, mm", "Mean of both, mm", f"Bias {limits.bias:.2f}", f"+1.96 SD {limits.high:.2f}"} <= set(
        told
    )
    assert "n = 6. Bands: 95\N{NO-BREAK SPACE}% intervals (exact)." in told
    low, high = axes.get_ylim()
    assert limits.low_interval is not None
    assert limits.high_interval is not None
    assert low < limits.low_interval[0]
    assert high > limits.high_interval[1]


def test_bland_altman_says_when_limits_are_not_straight_or_not_known() -> None:
    growing = FIRST * 1.5
    limits = limits_of_agreement(FIRST, growing, factor=2, interval=LimitInterval.EXACT)
    told = texts(bland_altman_plot(limits, FIRST, growing, names=("A", "B"), unit="", decimals=1))
    assert any("Bias changes with the size: limits are not straight." in words for words in told)
    assert "Mean of both" in told
    same = limits_of_agreement(FIRST, FIRST + 1, factor=2, interval=LimitInterval.EXACT)
    told = texts(bland_altman_plot(same, FIRST, FIRST + 1, names=("A", "B"), unit="", decimals=1))
    assert any("All differences are equal: their spread is not known." in words for words in told)


def test_bland_altman_refuses_other_readings() -> None:
    limits = limits_of_agreement(FIRST, SECOND, factor=2, interval=LimitInterval.EXACT)
    with pytest.raises(WrongShape, match="5 pairs"):
        bland_altman_plot(limits, FIRST[:5], SECOND[:5], names=("A", "B"), unit="", decimals=1)
    with pytest.raises(OutOfRange, match="mean difference of these readings"):
        bland_altman_plot(limits, FIRST, SECOND + 1, names=("A", "B"), unit="", decimals=1)


def test_forest_shows_every_study_the_pooled_effect_and_the_prediction() -> None:
    pooled = random_effects(
        EFFECTS, VARIANCES, tau2_method=Tau2Method.REML, interval=IntervalMethod.HARTUNG_KNAPP
    )
    ahead = prediction_interval(pooled, method=PredictionMethod.T_K_MINUS_2)
    spread = heterogeneity(EFFECTS, VARIANCES, tau2_method=Tau2Method.REML)
    figure = forest_plot(
        EFFECTS, VARIANCES, pooled, studies=STUDIES, axis=RATIO, prediction=ahead, spread=spread
    )
    told = texts(figure)
    assert {*STUDIES, "Random effects", "A further study (t, k - 2)", "Risk ratio (logarithmic axis)"} <= set(
        told
    )
    low, high = (math.exp(0.1 + sign * 1.959964 * math.sqrt(0.9)) for sign in (-1, 1))
    assert f"{math.exp(0.1):.3f} [{low:.3f}, {high:.3f}]" in told
    assert f"[{math.exp(ahead.low):.3f}, {math.exp(ahead.high):.3f}]" in told
    assert {"← fewer  ", "  more →", "0.1", "1"} <= set(told)
    assert any(
        "Interval: Hartung-Knapp." in words and f"I² {spread.i2_percent:.0f} %" in words for words in told
    )
    plot = figure.axes[1]
    squares = [line for line in plot.lines if line.get_marker() == "s"]
    assert [float(np.atleast_1d(line.get_xdata())[0]) for line in squares] == pytest.approx(list(EFFECTS))
    areas = np.array([line.get_markersize() for line in squares]) ** 2
    assert areas / areas.max() == pytest.approx(pooled.weights / pooled.weights.max(), rel=0.35)
    (diamond,) = plot.patches[:1]
    assert diamond.get_path().vertices[:, 0].min() == pytest.approx(float(pooled.low))
    assert diamond.get_path().vertices[:, 0].max() == pytest.approx(float(pooled.high))


def test_forest_names_the_prediction_over_all_tau2() -> None:
    pooled = random_effects(EFFECTS, VARIANCES, tau2_method=Tau2Method.REML, interval=IntervalMethod.WALD)
    ahead = prediction_over_tau2(EFFECTS, VARIANCES)
    told = texts(forest_plot(EFFECTS, VARIANCES, pooled, studies=STUDIES, axis=RATIO, prediction=ahead))
    assert "A further study (over tau²)" in told
    assert f"[{math.exp(ahead.low):.3f}, {math.exp(ahead.high):.3f}]" in told


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow() -> None:
    wide = np.array([0.01, 0.01, 400.0, 0.01])
    pooled = fixed_effect(EFFECTS, wide)
    axis = EffectAxis(name="Difference", scale=EffectScale.AS_IS)
    figure = forest_plot(EFFECTS, wide, pooled, studies=STUDIES, axis=axis)
    plot = figure.axes[1]
    assert {line.get_marker() for line in plot.lines} >= {"<", ">"}
    assert {"Fixed effect", "Difference"} <= set(texts(figure))


def test_a_ratio_axis_over_decades_is_ruled_by_decades() -> None:
    effects = np.log([0.002, 0.1, 30.0])
    pooled = fixed_effect(effects, np.full(3, 0.01))
    told = texts(forest_plot(effects, np.full(3, 0.01), pooled, studies=("a", "b", "c"), axis=RATIO))
    assert {"0.01", "0.1", "1", "10"} <= set(told)
    assert "0.5" not in told


def test_forest_refuses_what_does_not_belong_together() -> None:
    pooled = fixed_effect(EFFECTS, VARIANCES)
    with pytest.raises(WrongShape, match="3 names and 4 pooled studies"):
        forest_plot(EFFECTS, VARIANCES, pooled, studies=STUDIES[:3], axis=RATIO)
    many = fixed_effect(np.stack([EFFECTS, EFFECTS]), VARIANCES)
    with pytest.raises(WrongShape, match="one meta-analysis"):
        forest_plot(EFFECTS, VARIANCES, many, studies=STUDIES, axis=RATIO)
    with pytest.raises(OutOfRange, match="weighted mean of these effects"):
        forest_plot(EFFECTS + 1, VARIANCES, pooled, studies=STUDIES, axis=RATIO)
    with pytest.raises(OutOfRange, match="not those of the result"):
        forest_plot(EFFECTS, 2 * VARIANCES, pooled, studies=STUDIES, axis=RATIO)
    with pytest.raises(WrongShape, match="one word 'abcd'"):
        forest_plot(EFFECTS, VARIANCES, pooled, studies="abcd", axis=RATIO)


@pytest.mark.parametrize(("p", "words"), [(0.00002, "< 0.001"), (0.0123, "0.012"), (0.5, "0.500")])
def test_small_probabilities_are_not_printed_as_zero(p: float, words: str) -> None:
    assert p_text(p) == words


def test_phases_are_joined_inside_and_parted_between() -> None:
    series = phased_series([3.0, 4, 3, 7, 8, 9, 4, 3, 4], "AAABBBAAA", baseline="A")
    figure = phases_plot([ShownCase(name="P", series=series)], value="Spasms a day")
    (axes,) = figure.axes
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [list(line.get_ydata()) for line in dots] == [[3, 4, 3], [7, 8, 9], [4, 3, 4]]
    assert [line.get_markerfacecolor() == "white" for line in dots] == [True, False, True]
    changes = [line for line in axes.lines if list(line.get_ydata()) == [0, 1]]
    assert [float(line.get_xdata()[0]) for line in changes] == [3.5, 6.5]
    told = texts(figure)
    assert told.count("A") == 2
    assert {"B", "P", "Session", "Spasms a day", "mean of the phase"} <= set(told)


@pytest.mark.parametrize("coding", TimeCoding)
def test_level_and_trend_are_those_of_the_regression(coding: TimeCoding) -> None:
    series = ab_series([1.0, 2.2, 2.9, 4.1], [9.0, 9.8, 11.2, 12.1])
    fit = piecewise_regression(
        series, coding=coding, terms=Terms.LEVELS_AND_SLOPES, errors=Errors.INDEPENDENT, level=0.95
    )
    figure = phases_plot([ShownCase(name="", series=series, regression=fit)], value="y")
    (axes,) = figure.axes
    lines = [line for line in axes.lines if line.get_marker() == "None" and len(line.get_xdata()) > 2]
    fitted = series.values - fit.residuals
    assert np.allclose(np.concatenate([line.get_ydata() for line in lines[:2]]), fitted)
    carried = lines[2].get_ydata()
    slope = fit.coefficients[fit.index("trend")]
    assert np.allclose(carried, fitted[3] + slope * np.arange(5))
    assert {"baseline carried on", "level and trend"} <= set(texts(figure))


def test_a_regression_without_trend_is_named_so() -> None:
    series = ab_series([1.0, 2.2, 0.9, 2.1], [9.0, 9.8, 8.2, 9.1])
    fit = piecewise_regression(
        series, coding=TimeCoding.FROM_ZERO, terms=Terms.LEVELS, errors=Errors.INDEPENDENT, level=0.95
    )
    told = texts(phases_plot([ShownCase(name="", series=series, regression=fit)], value="y"))
    assert "level" in told
    assert "level and trend" not in told


def test_cases_of_a_multiple_baseline_are_joined_by_steps_and_share_their_axes() -> None:
    cases = [
        ShownCase(name=f"P{k}", series=ab_series(np.full(k, 9.0) + np.arange(k), np.arange(10.0 - k)))
        for k in (3, 5)
    ]
    alone = ShownCase(name="baseline only", series=phased_series([1.0, 2.0], "AA", baseline="A"))
    figure = phases_plot([*cases, alone], value="y", session="Day")
    assert len(figure.axes) == 3
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len(figure.artists) == 3  # three parts of one step: the third case has no change
    assert texts(figure).count("B") == 1


def test_phases_refuse_no_case_and_the_regression_of_another() -> None:
    with pytest.raises(TooFew, match="no case"):
        phases_plot([], value="y")
    series = ab_series([1.0, 2.2, 2.9, 4.1], [9.0, 9.8, 11.2, 12.1])
    fit = piecewise_regression(
        series,
        coding=TimeCoding.FROM_ZERO,
        terms=Terms.LEVELS,
        errors=Errors.INDEPENDENT,
        level=0.95,
    )
    other = ab_series([1.0, 2.0, 3.0, 4.0], [9.0, 8.0, 7.0])
    with pytest.raises(WrongShape, match="8 sessions for a series of 7"):
        phases_plot([ShownCase(name="x", series=other, regression=fit)], value="y")


def test_change_point_shows_posterior_rates_and_no_change() -> None:
    counts = np.array([5, 6, 4, 7, 5, 1, 0, 1, 2, 1])
    ones, days = np.ones(10), np.arange(1.0, 11.0)
    found = poisson_change_point(
        counts,
        exposure=ones,
        prior=uniform_change_prior(10, no_change=0.5),
        rate_prior=RatePrior(shape=1.0, rate=0.5),
        level=0.95,
    )
    figure = change_point_plot(
        found, counts, exposure=ones, sessions=days, rate="Spasms a day", expected_after=5.5
    )
    above, below, aside = figure.axes
    assert [bar.get_height() for bar in below.patches] == pytest.approx(list(found.by_session))
    assert [bar.get_x() + bar.get_width() / 2 for bar in below.patches] == pytest.approx(
        list(days[:-1] + 0.5)
    )
    assert aside.patches[0].get_height() == pytest.approx(found.p_no_change)
    told = texts(figure)
    assert f"{found.before.mean:.2f} [{found.before.low:.2f}, {found.before.high:.2f}] before" in told
    assert any(words.startswith(f"P(change) {found.p_change:.3f} (prior 0.50).") for words in told)
    assert [line for line in above.lines if list(line.get_xdata()) == [5.5, 5.5]]
    with pytest.raises(WrongShape, match="9 counts"):
        change_point_plot(found, counts[1:], exposure=ones[1:], sessions=days[1:], rate="x")


def test_a_posterior_that_is_nearly_sure_is_not_printed_as_sure() -> None:
    counts, ones = np.r_[np.full(30, 20), np.full(30, 1)], np.ones(60)
    found = poisson_change_point(
        counts,
        exposure=ones,
        prior=uniform_change_prior(60, no_change=0.5),
        rate_prior=RatePrior(shape=1.0, rate=0.1),
        level=0.95,
    )
    told = texts(change_point_plot(found, counts, exposure=ones, sessions=np.arange(60.0), rate="x"))
    assert "< 0.001" in told
    assert any(words.startswith("P(change) > 0.999") for words in told)


def test_caterpillar_orders_persons_and_tells_who_is_beyond_the_mdc() -> None:
    found = pooled_persons()
    figure = caterpillar_plot(found, effect="Change", decimals=1)
    told = texts(figure)
    order = [words for words in told if words in ("P1", "P2", "P3", "P4")]
    assert order == ["P4", "P1", "P2", "P3"]
    assert {"Mean", "A new person", "P(beyond MDC)", "> 0.99"} <= set(told)
    values = found.persons.values
    text = f"{values.max():.1f} [{found.persons.low[2]:.1f}, {found.persons.high[2]:.1f}]".replace("-", "−")
    assert text in told
    assert any(words.startswith("4 persons hardly tell") and words.endswith(".") for words in told)
    plot = figure.axes[1]
    dots = next(line for line in plot.lines if line.get_marker() == "o")
    assert np.allclose(dots.get_xdata(), np.sort(values))
    assert any(isinstance(drawn, LineCollection) for drawn in plot.collections)


def test_a_share_that_is_nearly_none_is_not_printed_as_none() -> None:
    rng = np.random.default_rng(1)
    treated = np.tile(np.arange(20) >= 10, 3).astype(float)
    found = pooled_series(
        PersonSeries(
            values=rng.normal(0, 0.1, 60) + np.repeat([0.0, 1.0, 2.0], 20),
            persons=tuple(np.repeat(["a", "b", "c"], 20)),
            treated=treated,
            sessions=np.tile(np.arange(20.0), 3),
        ),
        trend="none",
        structure="diagonal",
        residual="independent",
        interval="persons",
        mdc=5.0,
        level=0.9,
    )
    assert "< 0.01" in texts(caterpillar_plot(found, effect="Change", decimals=2))


def test_mediation_path_shows_paths_and_indirect_effects() -> None:
    rng = np.random.default_rng(5)
    x = np.tile([0.0, 1.0], 40)
    m = x + rng.normal(0, 1, 80)
    sample = MediationSample(
        treatment=x,
        mediator=m,
        outcome=2 * m + rng.normal(0, 1, 80),
        covariates=np.empty((80, 0)),
        order=Order(treatment=0, mediator=1, outcome=1),
    )
    found = linear_mediation(sample, level=0.95)
    besides = ShownIndirect(name="corrected", value=3.0, low=1.0, high=5.0)
    figure = mediation_path_plot(found, names=("Care", "Atlas", "Spasm"), decimals=2, besides=[besides])
    told = texts(figure)
    paths = {f"a = {found.indirect.a:.2f}", f"b = {found.indirect.b:.2f}"}
    assert {"Care", "Atlas", "Spasm", "corrected", "3.00 [1.00, 5.00]", *paths} <= set(told)
    indirect = found.indirect
    assert f"{indirect.value:.2f} [{indirect.low:.2f}, {indirect.high:.2f}]" in told
    assert any(words.startswith("Mediator and outcome were measured together") for words in told)
    plot = figure.axes[1]
    spans = [list(line.get_xdata()) for line in plot.lines if len(line.get_xdata()) == 2]
    assert [indirect.low, indirect.high] in spans


def test_type_is_the_reports_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sheet.FAMILY == "Source Sans Pro"
    monkeypatch.setattr(sheet, "find_spec", lambda name: None)
    assert sheet._family() == "DejaVu Sans"


def test_axes_lose_the_sides_that_are_named() -> None:
    axes = sheet.axes(sheet.figure(40, 30))
    sheet.bare(axes, "bottom")
    assert not axes.spines["bottom"].get_visible()
    assert axes.spines["left"].get_visible()


def test_the_same_result_is_the_same_picture() -> None:
    found = pooled_persons()
    assert png(caterpillar_plot(found, effect="x", decimals=1)) == png(
        caterpillar_plot(found, effect="x", decimals=1)
    )


def test_no_picture_touches_pyplot_and_the_package_starts_without_matplotlib() -> None:
    script = (
        "import sys; import atlasplane; assert 'matplotlib' not in sys.modules\n"
        "import atlasplane.report.write; assert 'matplotlib' not in sys.modules\n"
        "import atlasplane.report.statistics_plots.forest, atlasplane.report.statistics_plots.phases\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
