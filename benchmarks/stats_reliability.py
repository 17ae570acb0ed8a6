"""Whether intervals and tests of reliability, agreement and change hold, over drawn data sets."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from atlasplane.stats.reliability.agreement_checks import heteroscedasticity, proportional_bias
from atlasplane.stats.reliability.bland_altman import (
    LimitInterval,
    LimitsOfAgreement,
    limits_of_agreement,
    tolerance_factor,
)
from atlasplane.stats.reliability.bland_altman_repeated import LinkedVariance, linked_limits, repeated_limits
from atlasplane.stats.reliability.components import (
    nested_labels,
    sd_p_values,
    share_p_values,
    variance_components,
)
from atlasplane.stats.reliability.icc import Form, generalised_interval, icc_interval
from atlasplane.stats.reliability.kappa import (
    KappaInterval,
    ShareInterval,
    Weights,
    agreement_weights,
    exact_agreement,
    weighted_kappa,
)
from atlasplane.stats.reliability.mean_regression import expected_change, shrunken_value_from
from atlasplane.stats.reliability.mean_squares import mean_squares
from atlasplane.stats.reliability.reliable_change import reliable_change
from atlasplane.stats.reliability.sem import (
    Error,
    Quantile,
    detectable_factor,
    standard_error_of_measurement,
    two_trial_error,
)
from benchmarks.bar import ALPHA, Bar, covers, rejects

Array = NDArray[np.float64]
Ends = tuple[float | None, float | None]
SEED = 2101
_AT_ONCE = 100
"""Data sets for which the draws of a generalised interval are the same: shared by all, the chance of one set
of draws would be taken for the procedure's."""
_BOOTSTRAP = 119
"""Draws of an inner bootstrap: (n + 1) / 40 is whole, so that the tail of 2.5 % is exact."""
_SUBJECTS, _RATERS = 20, 3
_OF_SUBJECT, _OF_RATER, _OF_ERROR = 2.0, 0.7, 1.0
"""Standard deviations of the two-way model."""
_REPEATS = (3, 2, 1, 2, 3, 2, 4, 2, 1, 3, 2, 2, 3, 2, 2)
"""Readings of each of 15 subjects."""
_FILMS = (2, 1, 3, 2, 2, 1, 3, 2, 2, 2)
"""Films of each of ten patients, each read twice."""
_CUTS = np.array([-0.8, 0.2, 1.0])
_PHIS = (0.3, 0.6)

IDS: tuple[str, ...] = (
    *(
        f"stats.coverage.icc-{name}"
        for name in ("one-way", "one-way-mean", "consistency", "consistency-mean")
    ),
    "stats.coverage.icc-agreement-satterthwaite",
    "stats.coverage.icc-agreement-mean-satterthwaite",
    "stats.coverage.icc-agreement-generalised",
    "stats.coverage.icc-agreement-mean-generalised",
    "stats.coverage.icc-agreement-satterthwaite.unlike-raters",
    "stats.coverage.icc-agreement-generalised.unlike-raters",
    *(f"stats.coverage.sem-{name}" for name in ("consistency", "one-way", "agreement", "two-trials")),
    *(f"stats.coverage.limits-{name}" for name in ("exact", "mover", "1999", "1986")),
    "stats.coverage.limits-bias",
    "stats.coverage.tolerance-factor",
    "stats.coverage.repeated-limits",
    *(f"stats.coverage.linked-limits-{variance}" for variance in ("subject-means", "analysis-of-variance")),
    "stats.coverage.proportional-bias",
    "stats.coverage.reliable-change",
    "stats.coverage.shrunken-value",
    "stats.coverage.expected-change",
    *(f"stats.coverage.kappa-{w}-{i}" for w in ("linear", "quadratic") for i in ("atanh", "normal")),
    "stats.coverage.kappa-quadratic-atanh.30-subjects",
    "stats.coverage.exact-agreement-wilson",
    "stats.coverage.exact-agreement-clopper-pearson",
    "stats.coverage.component-share-one-way",
    "stats.coverage.component-share-nested",
    "stats.coverage.component-sd-nested",
    *(
        f"stats.type-i.{test}{tail}"
        for test in ("proportional-bias", "heteroscedasticity", "mdc-student", "icc-f")
        for tail in ("", *(f".ar1-{phi}" for phi in _PHIS))
    ),
    "stats.type-i.mdc-normal",
    "stats.type-i.component-share",
)


def bars(cases: int) -> Iterator[Bar]:
    """Every row of `IDS`, in another order; shares over so many drawn data sets.

    Printed without a bar are published procedures that do not hold their level: Satterthwaite's interval with
    raters who differ much, kappa's of 30 subjects, Clopper and Pearson's (above it), and the normal
    quantile for a detectable change.
    """
    yield from _forms(cases)
    yield from _errors(cases)
    yield from _plain_limits(cases)
    yield from _repeats(cases)
    yield from _changes(cases)
    yield from _grades(cases)
    yield from _components(cases)
    yield from _tests(cases)


def _coverage(name: str, inside: Array | list[bool], *, judged: bool = True) -> Bar:
    return covers(f"stats.coverage.{name}", float(np.mean(inside)), n=len(inside), seed=SEED, judged=judged)


def _type_i(name: str, p_values: Array, *, judged: bool = True) -> Bar:
    share = float(np.mean(p_values <= ALPHA))
    return rejects(f"stats.type-i.{name}", share, n=len(p_values), seed=SEED, judged=judged)


def _rng(part: int) -> np.random.Generator:
    return np.random.default_rng([SEED, part])


def _holds(ends: tuple[float, float] | None, truth: float) -> bool:
    return ends is not None and ends[0] <= truth <= ends[1]


def _ratings(rng: np.random.Generator, cases: int, *, of_rater: float = _OF_RATER) -> Array:
    of_subject = rng.normal(0, _OF_SUBJECT, (cases, _SUBJECTS, 1))
    return (
        of_subject
        + rng.normal(0, of_rater, (cases, 1, _RATERS))
        + rng.normal(0, _OF_ERROR, (cases, _SUBJECTS, _RATERS))
    )


def _forms(cases: int) -> Iterator[Bar]:
    rng = _rng(1)
    ratings = _ratings(rng, cases)
    crossed = mean_squares(ratings)
    # One way: raters differ from subject to subject, so their part lies in the error.
    loose = _ratings(rng, cases, of_rater=0.0) + rng.normal(0, _OF_RATER, (cases, _SUBJECTS, _RATERS))
    subject, rater, error = _OF_SUBJECT**2, _OF_RATER**2, _OF_ERROR**2
    for form, name, squares, noise in (
        (Form.ONE_WAY, "one-way", mean_squares(loose), rater + error),
        (Form.ONE_WAY_MEAN, "one-way-mean", mean_squares(loose), (rater + error) / _RATERS),
        (Form.CONSISTENCY, "consistency", crossed, error),
        (Form.CONSISTENCY_MEAN, "consistency-mean", crossed, error / _RATERS),
        (Form.AGREEMENT, "agreement-satterthwaite", crossed, rater + error),
        (Form.AGREEMENT_MEAN, "agreement-mean-satterthwaite", crossed, (rater + error) / _RATERS),
    ):
        truth = subject / (subject + noise)
        low, high = icc_interval(squares, form=form, level=0.95)
        yield _coverage(f"icc-{name}", (low <= truth) & (truth <= high))
        if form.single is Form.AGREEMENT:
            inside = _generalised_inside(ratings, form, truth, rng)
            yield _coverage(f"icc-{name.replace('satterthwaite', 'generalised')}", inside)
    # Three raters who differ as much as the subjects do: Satterthwaite's is printed without a bar.
    ratings = _ratings(rng, cases, of_rater=_OF_SUBJECT)
    low, high = icc_interval(mean_squares(ratings), form=Form.AGREEMENT, level=0.95)
    truth = subject / (2 * subject + error)
    inside = (low <= truth) & (truth <= high)
    yield _coverage("icc-agreement-satterthwaite.unlike-raters", inside, judged=False)
    inside = _generalised_inside(ratings, Form.AGREEMENT, truth, rng)
    yield _coverage("icc-agreement-generalised.unlike-raters", inside)


def _generalised_inside(ratings: Array, form: Form, truth: float, rng: np.random.Generator) -> list[bool]:
    inside: list[bool] = []
    for start in range(0, len(ratings), _AT_ONCE):
        some = mean_squares(ratings[start : start + _AT_ONCE])
        low, high = generalised_interval(some, form=form, level=0.95, n_draws=20_000, rng=rng)
        inside += ((low <= truth) & (truth <= high)).tolist()
    return inside


def _errors(cases: int) -> Iterator[Bar]:
    tables = _ratings(_rng(2), cases)
    for error, name, truth in (
        (Error.CONSISTENCY, "consistency", _OF_ERROR),
        (Error.AGREEMENT, "agreement", math.hypot(_OF_ERROR, _OF_RATER)),
    ):
        found = [standard_error_of_measurement(table, error=error) for table in tables]
        yield _coverage(f"sem-{name}", [_between((f.low, f.high), truth) for f in found])
    loose = _ratings(_rng(3), cases, of_rater=0.0)
    found = [standard_error_of_measurement(table, error=Error.ONE_WAY) for table in loose]
    yield _coverage("sem-one-way", [_between((f.low, f.high), _OF_ERROR) for f in found])
    found = [two_trial_error(table[:, 0], table[:, 1] + 3) for table in loose]
    yield _coverage("sem-two-trials", [_between((f.low, f.high), _OF_ERROR) for f in found])


def _between(ends: Ends, truth: float) -> bool:
    low, high = ends
    return low is not None and low <= truth and (high is None or truth <= high)


def _plain_limits(cases: int) -> Iterator[Bar]:
    first, second = _rng(4).normal(size=(2, cases, _SUBJECTS))
    sd, truth = math.sqrt(2), 1.96 * math.sqrt(2)
    for interval, name in (
        (LimitInterval.EXACT, "exact"),
        (LimitInterval.MOVER, "mover"),
        (LimitInterval.BLAND_ALTMAN_1999, "1999"),
        (LimitInterval.BLAND_ALTMAN_1986, "1986"),
    ):
        found = [
            limits_of_agreement(a, b, factor=1.96, interval=interval)
            for a, b in zip(first, second, strict=True)
        ]
        yield _coverage(f"limits-{name}", _both(found, truth))
    yield _coverage("limits-bias", [_holds(f.bias_interval, 0.0) for f in found])
    slopes = [f.proportional_bias for f in found]
    yield _coverage("proportional-bias", [_between((s.low, s.high), 0.0) for s in slopes])
    factor = tolerance_factor(_SUBJECTS, content=0.95, level=0.95)
    bias, reach = np.array([f.bias for f in found]), factor * np.array([f.sd for f in found])
    content = stats.norm.cdf((bias + reach) / sd) - stats.norm.cdf((bias - reach) / sd)
    yield _coverage("tolerance-factor", content >= 0.95)


def _both(found: list[LimitsOfAgreement], truth: float) -> list[bool]:
    """Of each data set whether the interval of the lower, and whether that of the upper limit holds."""
    return [held for f in found for held in (_holds(f.low_interval, -truth), _holds(f.high_interval, truth))]


def _repeats(cases: int) -> Iterator[Bar]:
    rng = _rng(5)
    counts, n = np.array(_REPEATS), len(_REPEATS)
    people = np.repeat(np.arange(n), counts).tolist()
    edges = np.cumsum(counts)[:-1]
    of_pair, of_subject, of_first, of_second = 0.5, 0.8, 0.6, 0.9
    repeats: list[LimitsOfAgreement] = []
    links: dict[LinkedVariance, list[LimitsOfAgreement]] = {variance: [] for variance in LinkedVariance}
    for _ in range(cases):
        apart = np.repeat(rng.normal(0, of_subject, n), counts)
        first = rng.normal(0, of_first, len(people))
        second = apart + rng.normal(0, of_second, len(people))
        linked = second + rng.normal(0, of_pair, len(people))
        repeats.append(repeated_limits(np.split(first, edges), np.split(second, edges), factor=1.96))
        for variance, found in links.items():
            found.append(linked_limits(people, first, linked, variance=variance, factor=1.96))
    truth = 1.96 * math.sqrt(of_subject**2 + of_first**2 + of_second**2)
    yield _coverage("repeated-limits", _both(repeats, truth))
    truth = 1.96 * math.sqrt(of_subject**2 + of_first**2 + of_second**2 + of_pair**2)
    for variance, found in links.items():
        yield _coverage(f"linked-limits-{variance.value.replace(' ', '-')}", _both(found, truth))


def _changes(cases: int) -> Iterator[Bar]:
    rng = _rng(6)
    held: dict[str, list[bool]] = {"reliable-change": [], "shrunken-value": [], "expected-change": []}
    for _ in range(cases):
        trials = rng.normal(size=(2, 10))
        sem = two_trial_error(trials[0], trials[1])
        pre, post = rng.normal(0, 1), rng.normal(1.5, 1)
        change = reliable_change(pre, post, sem=sem.value, dof=sem.dof, quantile=Quantile.STUDENT)
        held["reliable-change"].append(change.low <= 1.5 <= change.high)
        # Untreated people who were themselves selected: their first values lie above 0.
        first = np.abs(rng.normal(size=15))
        second = 0.6 * first + rng.normal(0, 0.8, 15)
        chosen = rng.normal(1.5, 0.3, 8)
        known = {"untreated_first": first, "untreated_second": second}
        value = shrunken_value_from(1.8, **known)
        held["shrunken-value"].append(value.low <= 0.6 * 1.8 + rng.normal(0, 0.8) <= value.high)
        expected = expected_change(chosen, **known)
        held["expected-change"].append(expected.low <= -0.4 * chosen.mean() <= expected.high)
    for name, inside in held.items():
        yield _coverage(name, inside)


def _grades(cases: int) -> Iterator[Bar]:
    shares = _grade_shares()
    for n in (100, 30):
        tables = _rng(7).multinomial(n, shares.ravel(), size=cases).reshape(-1, 4, 4)
        for weights in (Weights.LINEAR, Weights.QUADRATIC):
            truth = _kappa_of(shares, agreement_weights(4, weights=weights))
            for interval, name in ((KappaInterval.ATANH, "atanh"), (KappaInterval.NORMAL, "normal")):
                if n == 30 and (weights, name) != (Weights.QUADRATIC, "atanh"):
                    continue
                found = [weighted_kappa(table, weights=weights, interval=interval) for table in tables]
                tail = "" if n == 100 else f".{n}-subjects"
                inside = [_between((f.low, f.high), truth) for f in found]
                yield _coverage(f"kappa-{weights.value}-{name}{tail}", inside, judged=n == 100)
    # Of a binomial the coverage swings with the share: it is judged over shares.
    rng = _rng(8)
    truths = rng.uniform(0.3, 0.95, cases)
    agreeing = rng.binomial(60, truths)
    for share_interval_, name in (
        (ShareInterval.WILSON, "wilson"),
        (ShareInterval.CLOPPER_PEARSON, "clopper-pearson"),
    ):
        inside = []
        for truth, same in zip(truths, agreeing, strict=True):
            found = exact_agreement([[same, 60 - same], [0, 0]], interval=share_interval_)
            inside.append(found.low <= truth <= found.high)
        # Clopper and Pearson's is never below its level, and so above it in the mean.
        yield _coverage(f"exact-agreement-{name}", inside, judged=name == "wilson")


def _grade_shares() -> Array:
    """Shares of pairs of four grades of a latent normal that both raters see with error, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    below = stats.norm.cdf((np.concatenate([[-np.inf], _CUTS, [np.inf]])[:, None] - nodes) / 0.6)
    each = np.diff(below, axis=0)
    return np.asarray((each * weights) @ each.T / weights.sum())


def _kappa_of(shares: Array, weights: Array) -> float:
    chance = (weights * np.outer(shares.sum(axis=1), shares.sum(axis=0))).sum()
    return float(((weights * shares).sum() - chance) / (1 - chance))


def _components(cases: int) -> Iterator[Bar]:
    rng = _rng(9)
    subjects = np.repeat(np.arange(len(_REPEATS)), _REPEATS).tolist()
    patients = np.repeat(np.arange(len(_FILMS)), np.array(_FILMS) * 2).tolist()
    films = [number // 2 for films in _FILMS for number in range(2 * films)]
    labels = {"patient": patients, "film": nested_labels(patients, films)}
    held: dict[str, list[bool]] = {"share-one-way": [], "share-nested": [], "sd-nested": []}
    false: list[float] = []
    for _ in range(cases):
        of_subject = np.repeat(rng.normal(0, 1.5, len(_REPEATS)), _REPEATS)
        one = variance_components(of_subject + rng.normal(size=len(subjects)), {"subject": subjects})
        p_values = share_p_values(one, ["subject"], 2.25 / 3.25, n_draws=_BOOTSTRAP, rng=rng)
        held["share-one-way"].append(min(p_values) > 0.025)
        patient = np.repeat(rng.normal(0, 1.5, len(_FILMS)), np.array(_FILMS) * 2)
        film = np.repeat(rng.normal(0, 0.8, sum(_FILMS)), 2)
        two = variance_components(patient + film + rng.normal(0, 0.6, len(patients)), labels)
        p_values = share_p_values(two, ["patient"], 2.25 / (2.25 + 0.64 + 0.36), n_draws=_BOOTSTRAP, rng=rng)
        held["share-nested"].append(min(p_values) > 0.025)
        false.append(2 * min(p_values))
        p_values = sd_p_values(two, ["film", "error"], 1.0, n_draws=_BOOTSTRAP, rng=rng)
        held["sd-nested"].append(min(p_values) > 0.025)
    for name, inside in held.items():
        yield _coverage(f"component-{name}", inside)
    yield _type_i("component-share", np.array(false))


def _tests(cases: int) -> Iterator[Bar]:
    for phi in (0.0, *_PHIS):
        tail = f".ar1-{phi}" if phi else ""
        rng = _rng(10)
        first, second = (_autocorrelated(rng, (cases, 25), phi) for _ in range(2))
        for name, test in (
            ("proportional-bias", proportional_bias),
            ("heteroscedasticity", heteroscedasticity),
        ):
            found = [test(a, b).p_value for a, b in zip(first, second, strict=True)]
            yield _type_i(f"{name}{tail}", np.array(found), judged=not phi)
        # Two more measurements of nobody's change, against an error estimated from ten pairs.
        trials = _autocorrelated(rng, (cases, 22), phi)
        index = [_index(row) for row in trials]
        student = detectable_factor(9, quantile=Quantile.STUDENT, level=0.95)
        yield _type_i(f"mdc-student{tail}", _flags(np.abs(index) > student), judged=not phi)
        if not phi:
            yield _type_i("mdc-normal", _flags(np.abs(index) > 1.96), judged=False)
        squares = mean_squares(np.moveaxis(_autocorrelated(rng, (cases, _RATERS, _SUBJECTS), phi), 1, 2))
        f = squares.between / squares.within
        p_values = stats.f.sf(f, squares.dof_between, squares.dof_within)
        yield _type_i(f"icc-f{tail}", p_values, judged=not phi)


def _index(row: Array) -> float:
    sem = two_trial_error(row[2:12], row[12:])
    return reliable_change(row[0], row[1], sem=sem.value, dof=sem.dof, quantile=Quantile.STUDENT).index


def _flags(rejected: NDArray[np.bool_]) -> Array:
    return np.where(rejected, 0.0, 1.0)


def _autocorrelated(rng: np.random.Generator, shape: tuple[int, ...], phi: float) -> Array:
    """Stationary AR(1) with standard deviation 1 along the last axis."""
    noise = rng.normal(size=shape)
    values = np.empty(shape)
    values[..., 0] = noise[..., 0]
    for t in range(1, shape[-1]):
        values[..., t] = phi * values[..., t - 1] + math.sqrt(1 - phi**2) * noise[..., t]
    return values
