"""Variance components: the analysis of variance of balanced data, MixedLM's of unbalanced, bootstrap ends."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from scipy import stats

from atlasplane.stats.refusal import Duplicate, NotConverged, NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.reliability import components as module
from atlasplane.stats.reliability import reml
from atlasplane.stats.reliability.components import (
    VarianceComponents,
    nested_labels,
    sd_interval,
    sd_p_values,
    share_interval,
    share_p_values,
    variance_components,
)
from atlasplane.stats.reliability.icc import Form, icc
from atlasplane.stats.reliability.reml import (
    NotIdentified,
    constrained_variances,
    contrast_design,
    restricted_fit,
)

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
SUBJECTS, RATERS = np.repeat(np.arange(6), 4).tolist(), np.tile(np.arange(4), 6).tolist()
UNBALANCED = {
    "patient": [0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5],
    "film": [0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 1, 1],
}
VALUES = np.array([5.1, 5.6, 6.9, 8.2, 8.8, 4.1, 4.0, 3.1, 2.2, 7.0, 6.1, 9.3, 9.0, 9.9, 5.2, 6.6, 6.1])


def one_way() -> VarianceComponents:
    return variance_components(SHROUT_FLEISS.ravel(), {"subject": SUBJECTS})


def nested() -> VarianceComponents:
    patient, film = UNBALANCED["patient"], UNBALANCED["film"]
    return variance_components(VALUES, {"patient": patient, "film": nested_labels(patient, film)})


# ---- estimates ----


def test_balanced_components_are_the_forms_of_shrout_and_fleiss() -> None:
    crossed = variance_components(SHROUT_FLEISS.ravel(), {"subject": SUBJECTS, "rater": RATERS})
    assert round(crossed.share(["subject"]), 2) == 0.29
    assert round(one_way().share(["subject"]), 2) == 0.17
    assert crossed.sd(["error"]) == pytest.approx(math.sqrt(1.019444), abs=1e-6)
    assert crossed.sd(["rater", "error"]) == pytest.approx(2.502776, abs=1e-6)
    assert crossed.mean == pytest.approx(SHROUT_FLEISS.mean())
    assert (crossed.n_levels, crossed.n_values, crossed.why) == ((6, 4), 24, ())
    assert crossed.names == ("subject", "rater", "error")


def test_unbalanced_nested_components_are_those_of_statsmodels() -> None:
    import pandas as pd
    from statsmodels.regression.mixed_linear_model import MixedLM

    found = nested()
    frame = pd.DataFrame({"y": VALUES, "patient": UNBALANCED["patient"], "film": UNBALANCED["film"]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = MixedLM.from_formula(
            "y ~ 1", groups="patient", re_formula="1", vc_formula={"film": "0 + C(film)"}, data=frame
        ).fit(reml=True)
    theirs = [float(np.asarray(fitted.cov_re)[0, 0]), float(fitted.vcomp[0]), float(fitted.scale)]
    assert found.variances == pytest.approx(theirs, rel=2e-3)
    assert found.mean == pytest.approx(float(np.asarray(fitted.fe_params)[0]), abs=1e-3)


def test_no_step_away_from_the_estimates_raises_the_likelihood() -> None:
    found = nested()
    design = found.design
    reached, rest = design.contrasts(VALUES[None])
    fit = restricted_fit(reached, rest, design)
    assert fit.converged.all()
    for i in range(3):
        for factor in (0.99, 1.01):
            other = fit.variances[0].copy()
            other[i] *= factor
            covariance = np.tensordot(other, design.kernels, 1)
            t = reached[0]
            value = -0.5 * (
                np.linalg.slogdet(covariance)[1]
                + t @ np.linalg.solve(covariance, t)
                + design.residual_dof * np.log(other[-1])
                + rest[0] / other[-1]
            )
            assert value < fit.log_likelihood[0]


def test_unit_shift_sign_and_order_do_not_change_the_parts() -> None:
    found = nested()
    order = np.random.default_rng(1).permutation(len(VALUES))
    patient = [UNBALANCED["patient"][i] for i in order]
    film = [UNBALANCED["film"][i] for i in order]
    other = variance_components(
        100 - 10 * VALUES[order], {"patient": patient, "film": nested_labels(patient, film)}
    )
    assert other.variances == pytest.approx([100 * v for v in found.variances], rel=1e-6)
    assert other.share(["patient"]) == pytest.approx(found.share(["patient"]), rel=1e-6)
    assert other.mean == pytest.approx(100 - 10 * found.mean)


def test_many_data_sets_of_one_design_are_each_as_alone() -> None:
    design = nested().design
    reached, rest = design.drawn(np.array([2.0, 0.5, 0.3]), 6, np.random.default_rng(2))
    together = restricted_fit(reached, rest, design)
    for i in range(6):
        alone = restricted_fit(reached[i : i + 1], rest[i : i + 1], design, start=np.array([1.0, 0.0, 3.0]))
        assert together.variances[i] == pytest.approx(alone.variances[0], abs=1e-6)


def test_a_variance_on_the_boundary_is_told() -> None:
    values = [1.0, 5.0, 5.0, 1.0, 3.0, 3.2]
    found = variance_components(values, {"subject": [0, 0, 1, 1, 2, 2]})
    assert found.variances[0] == 0.0
    assert "subject" in found.why[0]
    assert found.variances[1] == pytest.approx(np.var(values, ddof=1), rel=1e-6)
    rng = np.random.default_rng(3)
    share = share_interval(found, ["subject"], n_draws=99, rng=rng)
    assert (share.value, share.low, share.why) == (0.0, 0.0, found.why)
    assert share.high is not None and 0.05 < share.high < 1
    sd = sd_interval(found, ["subject"], n_draws=99, rng=rng)
    assert (sd.value, sd.low, sd.why) == (0.0, 0.0, found.why)
    assert sd.high is not None and sd.high > 0
    assert min(sd_p_values(found, ["subject"], sd.high * 1.5, n_draws=199, rng=rng)) < 0.025
    assert share_p_values(found, ["subject"], 0.5, n_draws=99, rng=rng)[1] == 1.0


# ---- intervals ----


def test_the_share_of_balanced_data_has_the_exact_f_interval_but_for_the_draws() -> None:
    exact = icc(SHROUT_FLEISS, form=Form.ONE_WAY)
    found = share_interval(one_way(), ["subject"], n_draws=999, rng=np.random.default_rng(4))
    assert found.low == 0.0
    assert found.high == pytest.approx(exact.high, abs=0.03)
    assert found.interval == "parametric bootstrap, test inversion"
    strong = np.random.default_rng(5).normal(size=(8, 1)) * 3 + np.random.default_rng(6).normal(size=(8, 3))
    subjects = np.repeat(np.arange(8), 3).tolist()
    wanted = icc(strong, form=Form.ONE_WAY)
    got = share_interval(
        variance_components(strong.ravel(), {"s": subjects}), ["s"], n_draws=999, rng=np.random.default_rng(7)
    )
    assert wanted.low is not None and wanted.low > 0
    assert (got.low, got.high) == pytest.approx((wanted.low, wanted.high), abs=0.06)


def test_the_ends_of_a_share_are_where_its_test_turns() -> None:
    found, rng = nested(), np.random.default_rng(8)
    ends = share_interval(found, ["patient", "film"], n_draws=299, level=0.8, rng=rng)
    assert ends.low is not None and ends.high is not None
    assert share_p_values(found, ["patient", "film"], ends.low, n_draws=499, rng=rng)[1] == pytest.approx(
        0.1, abs=0.06
    )
    assert share_p_values(found, ["patient", "film"], ends.high, n_draws=499, rng=rng)[0] == pytest.approx(
        0.1, abs=0.06
    )


def test_the_error_of_balanced_data_has_its_chi_squared_interval_but_for_the_draws() -> None:
    crossed = variance_components(SHROUT_FLEISS.ravel(), {"subject": SUBJECTS, "rater": RATERS})
    found = sd_interval(crossed, ["error"], n_draws=1999, rng=np.random.default_rng(9))
    exact = [found.value * math.sqrt(15 / stats.chi2.ppf(p, 15)) for p in (0.975, 0.025)]
    assert (found.low, found.high) == pytest.approx(exact, rel=0.03)
    assert (found.level, found.n_draws, found.of) == (0.95, 1999, ("error",))


def test_a_share_and_its_complement_have_complementary_intervals() -> None:
    found = nested()
    a = share_interval(found, ["patient"], n_draws=99, rng=np.random.default_rng(10))
    b = share_interval(found, ["film", "error"], n_draws=99, rng=np.random.default_rng(10))
    assert a.low is not None and b.high is not None
    assert (a.value + b.value, a.low + b.high) == pytest.approx((1, 1), abs=0.02)
    again = share_interval(found, ["patient"], n_draws=99, rng=np.random.default_rng(10))
    assert again == a


def test_the_ends_of_a_standard_deviation_are_where_its_test_turns() -> None:
    found, rng = nested(), np.random.default_rng(12)
    ends = sd_interval(found, ["film", "error"], n_draws=299, level=0.8, rng=rng)
    assert ends.low is not None and ends.high is not None
    assert ends.low < found.sd(["film", "error"]) < ends.high
    at_low = sd_p_values(found, ["film", "error"], ends.low, n_draws=499, rng=rng)
    at_high = sd_p_values(found, ["film", "error"], ends.high, n_draws=499, rng=rng)
    assert (at_low[1], at_high[0]) == pytest.approx((0.1, 0.1), abs=0.06)


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_ends_of_a_standard_deviation_take_the_unit(unit: float) -> None:
    found = nested()
    other = variance_components(
        unit * VALUES,
        {"patient": UNBALANCED["patient"], "film": nested_labels(*UNBALANCED.values())},
    )
    one, two = (
        sd_interval(of, ["error"], n_draws=99, rng=np.random.default_rng(13)) for of in (found, other)
    )
    assert one.low is not None and one.high is not None
    assert (two.low, two.high) == pytest.approx((unit * one.low, unit * one.high), rel=5e-3)


def test_two_levels_set_no_upper_end_to_their_variance() -> None:
    values = [1.0, 1.2, 1.9, 2.0, 2.4, 2.1]
    found = variance_components(values, {"visit": [0, 0, 0, 1, 1, 1]})
    sd = sd_interval(found, ["visit"], n_draws=999, level=0.999, rng=np.random.default_rng(14))
    assert sd.value > 0 and sd.high is None
    assert "no upper end" in sd.why[0]


def test_a_share_without_any_error_reaches_1() -> None:
    rng = np.random.default_rng(11)
    values = np.repeat([1.0, 5.0, 9.0, 2.0], 3) + rng.normal(0, 1e-4, 12)
    found = variance_components(values, {"s": np.repeat(np.arange(4), 3).tolist()})
    assert share_interval(found, ["s"], n_draws=99, rng=rng).high == 1.0


# ---- refusals ----


def test_designs_that_tell_nothing_apart() -> None:
    with pytest.raises(NotIdentified, match="read some of them again"):
        variance_components([1.0, 2.0, 4.0, 3.0], {"film": [0, 1, 2, 3]})
    with pytest.raises(NotIdentified):
        variance_components([1.0, 2.0, 4.0, 3.0], {"a": [0, 0, 1, 1], "b": ["x", "x", "y", "y"]})
    with pytest.raises(TooFew, match="one level"):
        contrast_design([[0, 0, 0]])


def test_a_design_may_have_no_contrast_of_the_error_alone() -> None:
    design = contrast_design([[0, 0, 1, 1], [0, 1, 1, 2]])
    assert (design.n_contrasts, design.residual_dof) == (3, 0)
    reached, rest = design.drawn(np.array([1.0, 1.0, 0.5]), 3, np.random.default_rng(1))
    assert (reached.shape, rest.tolist()) == ((3, 3), [0.0, 0.0, 0.0])
    assert (restricted_fit(reached, rest, design).variances >= 0).all()


def test_values_without_variance() -> None:
    labels = {"s": [0, 0, 1, 1]}
    with pytest.raises(NoVariance, match="all values are equal"):
        variance_components([2.0, 2.0, 2.0, 2.0], labels)
    with pytest.raises(NoVariance, match="error's variance would be 0"):
        variance_components([2.0, 2.0, 3.0, 3.0], labels)


def test_effects_that_cannot_be_used() -> None:
    with pytest.raises(TooFew, match="no effect"):
        variance_components([1.0, 2.0, 3.0], {})
    with pytest.raises(Duplicate, match="'error'"):
        variance_components([1.0, 2.0, 3.0], {"error": [0, 0, 1]})
    with pytest.raises(WrongShape, match="s has 2 labels for 3 values"):
        variance_components([1.0, 2.0, 3.0], {"s": [0, 1]})
    with pytest.raises(WrongShape):
        nested_labels([1, 2], [1])
    with pytest.raises(TooFew):
        variance_components([1.0, 2.0], {"s": [0, 1]})


def test_inner_labels_carry_the_outer_ones() -> None:
    assert nested_labels(["p", "q"], [1, 1]) == [("p", 1), ("q", 1)]
    patient, film = UNBALANCED["patient"], UNBALANCED["film"]
    bare = variance_components(VALUES, {"patient": patient, "film": film})
    # Film 0 of every patient as one level is another model.
    assert bare.n_levels[1] == 2 != nested().n_levels[1]


@pytest.mark.parametrize("of", [[], ["nobody"], ["patient", "patient"]])
def test_components_that_are_not_there(of: list[str]) -> None:
    with pytest.raises(OutOfRange, match="each once"):
        nested().share(of)


def test_draws_levels_and_shares_that_cannot_be() -> None:
    rng = np.random.default_rng(1)
    found = one_way()
    with pytest.raises(TooFew, match="99 or more"):
        share_interval(found, ["subject"], n_draws=5, rng=rng)
    with pytest.raises(TooFew):
        sd_interval(found, ["subject"], n_draws=5, rng=rng)
    with pytest.raises(OutOfRange, match="the whole"):
        share_interval(found, ["subject", "error"], n_draws=99, rng=rng)
    with pytest.raises(OutOfRange):
        share_p_values(found, ["subject"], 1.5, n_draws=99, rng=rng)
    with pytest.raises(OutOfRange):
        sd_interval(found, ["subject"], level=3, rng=rng)
    for impossible in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(OutOfRange, match="true_sd"):
            sd_p_values(found, ["subject"], impossible, n_draws=99, rng=rng)


SHELF = np.array([0.692, 0.068, 0.240])
"""Variances near those where the likelihood of some data sets has a shelf before its maximum at 0."""


def ten_patients() -> reml.ContrastDesign:
    films = [2, 1, 3, 2, 2, 1, 3, 2, 2, 2]
    patient = np.repeat(np.arange(10), 2 * np.array(films)).tolist()
    return contrast_design([patient, nested_labels(patient, [i // 2 for n in films for i in range(2 * n)])])


@pytest.mark.parametrize("truth", [SHELF, [1, 1, 1e-6], [1e4, 1, 1], [0, 0, 1e-6], [1e-6, 1, 1]])
def test_every_draw_finds_its_maximum_however_unequal_the_variances(truth: list[float]) -> None:
    design, proportions = ten_patients(), np.array(truth, dtype=float)
    reached, rest = design.drawn(proportions, 200, np.random.default_rng(15))
    fit = restricted_fit(reached, rest, design, start=proportions, rest=1e-10)
    assert fit.converged.all()
    other = restricted_fit(reached, rest, design)
    assert other.converged.all()
    assert fit.log_likelihood == pytest.approx(other.log_likelihood, abs=1e-6)


def test_one_by_one_the_same_maximum_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    design = ten_patients()
    reached, rest = design.drawn(np.array([0.2, 0.5, 0.3]), 40, np.random.default_rng(16))
    together = restricted_fit(reached, rest, design)
    assert (together.variances == 0).any()
    monkeypatch.setattr(reml, "_ITERATIONS", 1)
    alone = restricted_fit(reached, rest, design)
    assert alone.converged.all()
    assert alone.log_likelihood == pytest.approx(together.log_likelihood, abs=1e-6)
    assert alone.variances == pytest.approx(together.variances, abs=1e-3)


def test_under_a_total_no_other_division_is_more_likely() -> None:
    found = nested()
    chosen = np.array(found.chosen(["film", "error"]))
    best = constrained_variances(
        found.reached,
        found.residual_squares,
        found.design,
        chosen=chosen,
        total=2.0,
        start=np.array(found.variances),
    )
    assert best[chosen].sum() == pytest.approx(2.0)

    def value(variances: np.ndarray) -> float:
        covariance = np.tensordot(variances, found.design.kernels, 1)
        of_contrasts = stats.multivariate_normal.logpdf(found.reached, cov=covariance)
        rest = found.design.residual_dof * np.log(variances[-1]) + found.residual_squares / variances[-1]
        return float(of_contrasts - rest / 2)

    for move in ([0.05, 0, 0], [-0.05, 0, 0], [0, 0.02, -0.02], [0, -0.02, 0.02]):
        assert value(best + np.array(move)) < value(best)
    # At the total found it is the free maximum.
    free = np.array(found.variances)
    again = constrained_variances(
        found.reached,
        found.residual_squares,
        found.design,
        chosen=chosen,
        total=float(free[chosen].sum()),
        start=np.ones(3),
    )
    assert again == pytest.approx(free, rel=1e-3)


def test_a_small_error_beside_large_effects_and_far_values_is_right() -> None:
    rng = np.random.default_rng(17)
    noise = rng.normal(0, 1e-3, (12, 3))
    values = 1e6 + 100 * rng.normal(size=(12, 1)) + noise
    found = variance_components(values.ravel(), {"s": np.repeat(np.arange(12), 3).tolist()})
    assert found.sd(["error"]) == pytest.approx(math.sqrt(noise.var(axis=1, ddof=1).mean()), rel=1e-5)


def test_a_search_without_an_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    found, rng = nested(), np.random.default_rng(1)
    monkeypatch.setattr(reml, "_ITERATIONS", 1)
    monkeypatch.setattr(reml, "_LEVEL", 0.0)
    with pytest.raises(NotConverged, match="leave out an effect"):
        nested()
    with pytest.raises(NotConverged, match="of 99"):
        share_p_values(found, ["patient"], 0.4, n_draws=99, rng=rng)
    with pytest.raises(NotConverged, match="add up to"):
        sd_p_values(found, ["patient"], 1.0, n_draws=99, rng=rng)
    assert module.ERROR == "error"


def test_without_a_contrast_of_the_error_alone_the_error_may_be_0() -> None:
    found = variance_components([1.0, 2.0, 3.0, 4.5], {"a": [0, 0, 1, 1], "b": [0, 1, 1, 2]})
    assert found.residual_squares == 0
    assert found.variances[:2] == pytest.approx((0.5, 1.5833), abs=1e-3)
    assert found.variances[2] < 1e-6
    assert "error" in found.why[0]
