"""Power of a randomisation test by simulation: how often a design finds an effect.

Sessions are drawn as mean 0, marginal SD 1 and first-order autocorrelation, the assignment by chance from the
design, the treatment adds its effect to the treated sessions, and the share of tests with p <= alpha is the
power (Ferron & Onghena 1996, The power of randomization tests for single-case phase designs, J Exp Educ).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from atlasplane.stats.checks import Array, share
from atlasplane.stats.refusal import OutOfRange
from atlasplane.stats.shares import clopper_pearson
from atlasplane.stats.single_case.assignments import Aggregate, MonteCarlo
from atlasplane.stats.single_case.cases_design import CasesDesign
from atlasplane.stats.single_case.design import SingleCaseDesign
from atlasplane.stats.single_case.phase_statistics import PhaseStatistic
from atlasplane.stats.single_case.randomisation import (
    Alternative,
    randomisation_test,
    randomisation_test_of_cases,
)
from atlasplane.stats.single_case.sequences import Treated, uniform_ranks
from atlasplane.stats.single_case.series import PhasedSeries, phased_series


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Power with the interval that the number of simulations leaves.

    Attributes
    ----------
    power : float
        Share of the simulations with p <= alpha.
    low, high : float
        Clopper-Pearson interval at `level`.
    level, alpha, effect, ar1 : float
        `effect` in marginal SDs of the sessions.
    n_simulations : int
    statistic : str
    alternative : Alternative
    smallest_possible_p : float
        Of the test, with the assignments that it compares.
    """

    power: float
    low: float
    high: float
    level: float
    interval: str
    alpha: float
    effect: float
    ar1: float
    n_simulations: int
    statistic: str
    alternative: Alternative
    smallest_possible_p: float

    @property
    def why(self) -> tuple[str, ...]:
        """Words where no effect could be found; else empty."""
        if self.smallest_possible_p <= self.alpha:
            return ()
        return (
            f"the smallest p that this design can give is {self.smallest_possible_p:.3g}, above "
            f"{self.alpha:g}: its power is 0 for every effect",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a design.

    Attributes
    ----------
    effect : float
        Added to treated sessions, in marginal SDs; + raises them.
    ar1 : float
        Autocorrelation of neighbouring sessions, above -1 and below 1.
    alpha : float
    statistic : PhaseStatistic
    aggregate : Aggregate or None
        Of several cases; None for one.
    alternative : Alternative
    n_draws : int or None
        Monte Carlo assignments of a test, where there are more than 100 000.

    Raises
    ------
    OutOfRange
    """

    effect: float
    ar1: float
    alpha: float
    statistic: PhaseStatistic
    aggregate: Aggregate | None
    alternative: Alternative
    n_draws: int | None

    def __post_init__(self) -> None:
        share(self.alpha, "alpha")
        if not -1 < self.ar1 < 1:
            raise OutOfRange(f"ar1 is {self.ar1:g}; a stationary series has one above -1 and below 1")
        if not math.isfinite(self.effect):
            raise OutOfRange(f"effect is {self.effect:g}; give a number of SDs")


def power(
    design: SingleCaseDesign | CasesDesign,
    question: Question,
    *,
    n_simulations: int,
    level: float,
    rng: np.random.Generator,
) -> Power:
    """Power of the randomisation test of a design by simulation.

    Parameters
    ----------
    design : design of one case or of several
    question : Question
    n_simulations : int
        The half-width of the interval is about 1 / sqrt(n_simulations) at most.
    level : float
        Of the interval of the power.
    rng : numpy.random.Generator

    Raises
    ------
    OutOfRange
        For a level, effect, autocorrelation or number of simulations that cannot be; for `aggregate` None
        with several cases.
    TooManyAssignments
        Beyond 100 000 assignments without `n_draws`.
    """
    share(level, "level")
    if n_simulations < 1:
        raise OutOfRange(f"{n_simulations} simulations; give 1 or more, better 1 000")
    p_values = np.empty(n_simulations)
    smallest = 1.0
    for k in range(n_simulations):
        p_values[k], smallest = _simulated(design, question, rng)
    # p is a ratio of counts; alpha written in decimals may lie a rounding error below it.
    n_found = int(np.sum(p_values <= question.alpha * (1 + 1e-12)))
    low, high = clopper_pearson(n_found, n_simulations, level=level)
    return Power(
        power=n_found / n_simulations,
        low=low,
        high=high,
        level=level,
        interval="Clopper-Pearson",
        alpha=question.alpha,
        effect=question.effect,
        ar1=question.ar1,
        n_simulations=n_simulations,
        statistic=question.statistic.name,
        alternative=question.alternative,
        smallest_possible_p=smallest,
    )


def ar1_series(n_series: int, n_sessions: int, *, ar1: float, rng: np.random.Generator) -> Array:
    """Stationary Gaussian series of marginal SD 1, shape (n_series, n_sessions): y_t = ar1 y_{t-1} + e_t."""
    found = rng.normal(size=(n_series, n_sessions))
    found[:, 1:] *= math.sqrt(1 - ar1**2)
    for session in range(1, n_sessions):
        found[:, session] += ar1 * found[:, session - 1]
    return found


def _simulated(
    design: SingleCaseDesign | CasesDesign, question: Question, rng: np.random.Generator
) -> tuple[float, float]:
    """P of one simulated study, and the smallest that its test could have given."""
    monte_carlo = None if question.n_draws is None else MonteCarlo(n_draws=question.n_draws, rng=rng)
    if isinstance(design, CasesDesign):
        if question.aggregate is None:
            raise OutOfRange("several cases need an aggregate; choose Aggregate.MEAN or MEDIAN")
        ranks = design.drawn_case_ranks(1, rng)
        series = {
            name: _drawn(own.treated(rank)[0], question, rng)
            for name, own, rank in zip(design.names, design.designs, ranks, strict=True)
        }
        test = randomisation_test_of_cases(
            series,
            design,
            statistic=question.statistic,
            aggregate=question.aggregate,
            alternative=question.alternative,
            monte_carlo=monte_carlo,
        )
    else:
        treated = design.treated(uniform_ranks(design.n_assignments, 1, rng))[0]
        test = randomisation_test(
            _drawn(treated, question, rng),
            design,
            statistic=question.statistic,
            alternative=question.alternative,
            monte_carlo=monte_carlo,
        )
    return test.p_value, test.smallest_possible_p


def _drawn(treated: Treated, question: Question, rng: np.random.Generator) -> PhasedSeries:
    values = ar1_series(1, len(treated), ar1=question.ar1, rng=rng)[0] + question.effect * treated
    return phased_series(values, ["AB"[int(own)] for own in treated], baseline="A")
