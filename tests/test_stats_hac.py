"""Newey-West covariance: published figures, what must not change it, its limits and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from atlasplane.stats.refusal import Collinear, NotFinite, NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.series.hac import (
    DofMethod,
    NeweyWestRegression,
    SmallSample,
    least_lags,
    newey_west,
    newey_west_regression,
)

SALES = (
    "123 121 123.5 124.4 126.7 127.1 128 126.4 126.1 121.9 120.2 118.6 115.4 110.8 104.8 102.8 99.7 97.5 "
    "90.1 82.4 77.8 68.7 67.5 63.4 58.6 56.4 54.5 53.8 52.3 47.2 41.6"
)
"""Packs of cigarettes sold per head in California, 1970 to 2000 (Abadie and others 2010)."""


def sales() -> tuple[np.ndarray, np.ndarray]:
    values = np.array(SALES.split(), dtype=float)
    t = np.arange(31.0)
    after = (t >= 19).astype(float)
    return values, np.column_stack([np.ones(31), t, after, after * (t - 19)])


def fitted(
    values: np.ndarray, design: np.ndarray, *, n_lags: int = 1, dof: DofMethod = DofMethod.RESIDUAL
) -> NeweyWestRegression:
    return newey_west_regression(
        values,
        design,
        n_lags=n_lags,
        small_sample=SmallSample.RESIDUAL_DOF,
        dof_method=dof,
        level=0.95,
    )


def test_coefficients_and_standard_errors_of_linden_2015() -> None:
    got = fitted(*sales())
    assert got.coefficients[1:] == pytest.approx([-1.779474, -20.0581, -1.494652], abs=1e-5)
    assert got.u[1:] == pytest.approx([0.3834188, 4.724395, 0.4368201], abs=1e-5)


@pytest.mark.parametrize("n_lags", [0, 1, 3, 6])
@pytest.mark.parametrize("small_sample", SmallSample)
def test_agrees_with_statsmodels(n_lags: int, small_sample: SmallSample) -> None:
    values, design = sales()
    wanted = sm.OLS(values, design).fit(
        cov_type="HAC",
        cov_kwds={"maxlags": n_lags, "use_correction": small_sample is SmallSample.RESIDUAL_DOF},
    )
    got = newey_west_regression(
        values, design, n_lags=n_lags, small_sample=small_sample, dof_method=DofMethod.RESIDUAL, level=0.95
    )
    assert got.covariance.cov == pytest.approx(wanted.cov_params(), rel=1e-9)
    assert got.covariance.small_sample is small_sample


def test_scores_of_a_poisson_model_agree_with_statsmodels() -> None:
    counts = np.array([3, 5, 2, 4, 6, 5, 3, 1, 0, 2, 1, 1, 0, 2.0])
    design = np.column_stack([np.ones(14), np.arange(14) >= 7]).astype(float)
    fit = sm.GLM(counts, design, family=sm.families.Poisson()).fit(
        cov_type="HAC", cov_kwds={"maxlags": 2, "use_correction": False}
    )
    mean = fit.fittedvalues
    got = newey_west(
        design * (counts - mean)[:, None],
        np.linalg.inv(design.T @ (design * mean[:, None])),
        n_lags=2,
        small_sample=SmallSample.NONE,
    )
    assert got.cov == pytest.approx(fit.cov_params(), rel=1e-6)


def test_without_lags_equal_errors_give_the_plain_standard_error_of_a_mean() -> None:
    got = newey_west_regression(
        [1.0, -1.0, 1.0, -1.0],
        np.ones((4, 1)),
        n_lags=0,
        small_sample=SmallSample.NONE,
        dof_method=DofMethod.RESIDUAL,
        level=0.95,
    )
    assert got.u[0] == pytest.approx(0.5)
    assert got.durbin_watson == pytest.approx(3.0)


def test_units_and_sign_of_the_values_go_through() -> None:
    values, design = sales()
    got, scaled = fitted(values, design), fitted(-10 * values, design)
    assert scaled.coefficients == pytest.approx(-10 * got.coefficients)
    assert scaled.low == pytest.approx(-10 * got.high)
    assert scaled.durbin_watson == pytest.approx(got.durbin_watson)


def test_satterthwaite_of_a_mean_without_lags_is_that_of_the_sample_variance() -> None:
    values = np.random.default_rng(1).standard_normal(9)
    got = fitted(values, np.ones((9, 1)), n_lags=0, dof=DofMethod.SATTERTHWAITE)
    assert got.dof[0] == pytest.approx(8)
    assert got.u[0] == pytest.approx(values.std(ddof=1) / 3)


def test_satterthwaite_does_not_depend_on_the_factor_and_is_wider() -> None:
    values, design = sales()
    plain, corrected = fitted(values, design), fitted(values, design, dof=DofMethod.SATTERTHWAITE)
    other = newey_west_regression(
        values,
        design,
        n_lags=1,
        small_sample=SmallSample.NONE,
        dof_method=DofMethod.SATTERTHWAITE,
        level=0.95,
    )
    assert other.u == pytest.approx(corrected.u)
    assert (corrected.dof < plain.dof).all()
    assert (corrected.high - corrected.low > plain.high - plain.low).all()


@pytest.mark.parametrize("dof", DofMethod)
def test_times_far_from_zero_lose_no_digits(dof: DofMethod) -> None:
    values, design = sales()
    far = design.copy()
    far[:, 1] += 1e6
    one, other = fitted(values, design, dof=dof), fitted(values, far, dof=dof)
    assert other.u[1:] == pytest.approx(one.u[1:], rel=1e-8)
    assert other.dof[1:] == pytest.approx(one.dof[1:], rel=1e-8)
    assert other.coefficients[1:] == pytest.approx(one.coefficients[1:], rel=1e-8)


def test_a_column_in_a_tiny_unit_is_as_good_as_any() -> None:
    values, design = sales()
    scale = np.array([1, 1, 1e-20, 1])
    one, other = fitted(values, design), fitted(values, design * scale)
    assert other.low * scale == pytest.approx(one.low)


def test_a_session_that_is_fitted_whatever_its_value_is_told() -> None:
    values = np.random.default_rng(3).standard_normal(60)
    alone = np.column_stack([np.ones(60), np.arange(60) == 59]).astype(float)
    plain, corrected = (fitted(values, alone, n_lags=4, dof=method) for method in DofMethod)
    assert "session 60 alone" in plain.covariance.why[0]
    # One value against a mean is as uncertain as a value, which the plain standard error does not see.
    assert plain.u[1] < 0.3 * values.std() < 0.7 * values.std() < corrected.u[1]


def test_what_speaks_against_relying_on_it_is_told() -> None:
    assert len(fitted(*sales()).covariance.why) == 2
    values = np.random.default_rng(2).standard_normal(60)
    assert fitted(values, np.ones((60, 1)), n_lags=4).covariance.why == ()


@pytest.mark.parametrize(("n_sessions", "lags"), [(1, 1), (8, 2), (9, 3), (27, 3), (28, 4), (1000, 10)])
def test_least_lags_is_the_cube_root_rounded_up(n_sessions: int, lags: int) -> None:
    assert least_lags(n_sessions) == lags


def test_no_sessions_have_no_lag() -> None:
    with pytest.raises(TooFew, match="give 1 or more"):
        least_lags(0)


@pytest.mark.parametrize(
    ("scores", "bread", "n_lags", "error"),
    [
        (np.ones((4, 2)), np.eye(3), 1, WrongShape),
        (np.ones((2, 2)), np.eye(2), 1, TooFew),
        (np.ones((4, 2)), np.eye(2), -1, OutOfRange),
        (np.ones((4, 2)), np.eye(2), 4, OutOfRange),
        ([[1.0], [np.nan]], np.eye(1), 0, NotFinite),
    ],
)
def test_scores_that_cannot_be_used_are_refused(
    scores: np.ndarray, bread: np.ndarray, n_lags: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        newey_west(scores, bread, n_lags=n_lags, small_sample=SmallSample.NONE)


@pytest.mark.parametrize(
    ("values", "design", "error"),
    [
        ([1.0, 2.0], np.ones((2, 2)), TooFew),
        ([1.0, 2.0, 4.0, 3.0], np.ones((4, 2)), Collinear),
        ([2.0, 2.0, 2.0], np.ones((3, 1)), NoVariance),
        ([1.0, 2.0, 3.0], np.ones((4, 1)), WrongShape),
    ],
)
def test_a_regression_that_cannot_be_made_is_refused(
    values: list[float], design: np.ndarray, error: type[Exception]
) -> None:
    with pytest.raises(error):
        fitted(np.array(values), design)


def test_a_word_in_the_place_of_a_variant_is_refused() -> None:
    values, design = sales()
    with pytest.raises(OutOfRange, match=r"DofMethod\.SATTERTHWAITE"):
        fitted(values, design, dof="satterthwaite")  # type: ignore[arg-type]
    with pytest.raises(OutOfRange, match=r"SmallSample\.NONE"):
        newey_west(np.ones((4, 1)), np.eye(1), n_lags=0, small_sample="none")  # type: ignore[arg-type]
