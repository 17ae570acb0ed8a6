"""Intraclass correlation: the six forms of Shrout and Fleiss by the names of McGraw and Wong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc, fdtri

from atlasplane.stats.checks import Array, numbers, share
from atlasplane.stats.refusal import NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.reliability.mean_squares import MeanSquares, mean_squares
from atlasplane.stats.variants import named


class Form(Enum):
    """What is divided by what; the value is the name of McGraw and Wong 1996.

    The one-way forms are for raters who differ from subject to subject, consistency leaves the raters'
    level out, agreement counts it as error. `..._MEAN` is the reliability of the mean of all raters.
    """

    ONE_WAY = "ICC(1)"
    ONE_WAY_MEAN = "ICC(k)"
    AGREEMENT = "ICC(A,1)"
    AGREEMENT_MEAN = "ICC(A,k)"
    CONSISTENCY = "ICC(C,1)"
    CONSISTENCY_MEAN = "ICC(C,k)"

    @property
    def shrout_fleiss(self) -> str:
        """The name of Shrout and Fleiss 1979, k the number of raters."""
        return f"ICC({_NUMBER[self.single]},{'k' if self.of_mean else 1})"

    @property
    def of_mean(self) -> bool:
        """Whether it is the reliability of the mean of all raters, not of a single one."""
        return self.name.endswith("_MEAN")

    @property
    def single(self) -> Form:
        """The same form for a single rating."""
        return Form[self.name.removesuffix("_MEAN")]


_NUMBER = {Form.ONE_WAY: 1, Form.AGREEMENT: 2, Form.CONSISTENCY: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class IntraclassCorrelation:
    """An intraclass correlation with its interval and the F test that subjects do not differ.

    Attributes
    ----------
    value : float
        May be below 0, where subjects differ less than their ratings do.
    low, high : float or None
        None where no rating disagrees: nothing tells how far that holds.
    form : Form
    interval : "exact F", "Satterthwaite" or "generalised"
    level : float
    f, p_value : float
        F of subjects against the form's error, and its upper tail; infinite and 0 without disagreement.
    dof : (int, int)
        Of F.
    n_subjects, n_raters : int
    why : tuple of str
        What cannot be concluded.
    """

    value: float
    low: float | None
    high: float | None
    form: Form
    interval: Literal["exact F", "Satterthwaite", "generalised"]
    level: float
    f: float
    p_value: float
    dof: tuple[int, int]
    n_subjects: int
    n_raters: int
    why: tuple[str, ...]


@named
def icc(ratings: ArrayLike, *, form: Form, level: float = 0.95) -> IntraclassCorrelation:
    """One intraclass correlation of a complete table.

    The interval is exact for normal one-way and consistency models. That of the agreement forms takes
    Satterthwaite's degrees of freedom (McGraw and Wong 1996, Psychol Methods 1:30,
    doi:10.1037/1082-989X.1.1.30, with its erratum 1:390). At 95 % and 20 subjects it was found to hold 94 %
    of the time with three raters who differ by a third of what subjects do, 86 % where they differ as much,
    and 81 % with two such raters: take `generalised_icc` there (95 and 96 %).

    Parameters
    ----------
    ratings : array, shape (n_subjects, n_raters)

    Raises
    ------
    NoVariance
        All ratings are equal, or all subjects are and what is left counts for no error in the form.
    """
    squares = _one_table(ratings)
    ends = icc_interval(squares, form=form, level=level)
    name: Literal["exact F", "Satterthwaite"] = (
        "Satterthwaite" if form.single is Form.AGREEMENT else "exact F"
    )
    return _result(squares, form, name, level, ends)


@named
def generalised_icc(
    ratings: ArrayLike,
    *,
    form: Form,
    level: float = 0.95,
    n_draws: int = 20_000,
    rng: np.random.Generator,
) -> IntraclassCorrelation:
    """An agreement form with the generalised interval, which holds its level with few unlike raters too.

    The mean squares' expectations are drawn from their fiducial distributions, MS dof / chi2(dof), and the
    correlation's quantiles taken (Weerahandi 1993, J Am Stat Assoc 88:899, doi:10.2307/2290779; compared
    with others by Ionan et al. 2014, BMC Med Res Methodol 14:121, doi:10.1186/1471-2288-14-121).
    """
    if form.single is not Form.AGREEMENT:
        raise OutOfRange(f"{form.value} has an exact interval; use icc for it")
    if n_draws < 1000:
        raise TooFew(f"{n_draws} draws do not tell a tail; take 1000 or more")
    squares = _one_table(ratings)
    ends = generalised_interval(squares, form=form, level=level, n_draws=n_draws, rng=rng)
    return _result(squares, form, "generalised", level, ends)


def _one_table(ratings: ArrayLike) -> MeanSquares:
    table = numbers(ratings, "ratings")
    if table.ndim != 2:
        raise WrongShape(f"ratings have {table.ndim} dimensions; give subjects in rows, raters in columns")
    squares = mean_squares(table)
    if not (squares.between > 0 or squares.within > 0):
        raise NoVariance("all ratings are equal; nothing tells subjects or raters apart")
    return squares


def _result(
    squares: MeanSquares,
    form: Form,
    interval: Literal["exact F", "Satterthwaite", "generalised"],
    level: float,
    ends: tuple[Array, Array],
) -> IntraclassCorrelation:
    error, dof = _error_of(squares, form)
    if not (squares.between > 0 or error > 0):
        raise NoVariance(
            "beyond what the form leaves out nothing scatters, and subjects do not differ; rate unlike ones"
        )
    f = float(squares.between / error) if error > 0 else np.inf
    value = float(icc_value(squares, form=form))
    known = bool(error > 0)
    return IntraclassCorrelation(
        value=value,
        low=float(ends[0]) if known else None,
        high=float(ends[1]) if known else None,
        form=form,
        interval=interval,
        level=level,
        f=f,
        p_value=float(fdtrc(squares.dof_between, dof, f)) if known else 0.0,
        dof=(squares.dof_between, dof),
        n_subjects=squares.n_subjects,
        n_raters=squares.n_raters,
        why=_why(value, known),
    )


def _why(value: float, known: bool) -> tuple[str, ...]:
    if not known:
        return ("the ratings scatter nowhere beyond what the form leaves out: no interval can be given",)
    if value < 0:
        return ("subjects differ less than their ratings do: a correlation below 0 is read as none",)
    return ()


@named
def icc_value(squares: MeanSquares, *, form: Form) -> Array:
    """The correlation from mean squares, elementwise.

    Of one rating: ICC(1) = (MSB - MSW) / (MSB + (k - 1) MSW), ICC(C,1) the same with MSE, ICC(A,1) =
    (MSB - MSE) / (MSB + (k - 1) MSE + k (MSJ - MSE) / n). Of the mean of k: 1 - MSW / MSB, 1 - MSE / MSB and
    (MSB - MSE) / (MSB + (MSJ - MSE) / n). Shrout and Fleiss 1979, Psychol Bull 86:420,
    doi:10.1037/0033-2909.86.2.420. Minus infinity for a mean where a single rating's is -1 / (k - 1) or less:
    what stands below the line is then not above 0.
    """
    n, k = squares.n_subjects, squares.n_raters
    error, _ = _error_of(squares, form)
    excess = squares.between - error
    with np.errstate(divide="ignore", invalid="ignore"):
        if form.single is Form.AGREEMENT:
            level = (squares.raters - error) / n
            below = error + level if not form.of_mean else 0.0
            whole = squares.between + (k - 1) * below + level
            if form.of_mean:
                return np.where((whole > 0) | (excess >= 0), excess / whole, -np.inf)
            return np.asarray(excess / whole)
        whole = squares.between + (0 if form.of_mean else (k - 1)) * error
        return np.asarray(excess / whole)


@named
def icc_interval(squares: MeanSquares, *, form: Form, level: float) -> tuple[Array, Array]:
    """Both ends from mean squares, elementwise, alpha / 2 in each tail; NaN where the error is 0."""
    share(level, "level")
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (
            _agreement_ends(squares, level)
            if form.single is Form.AGREEMENT
            else _exact_ends(squares, form, level)
        )
    if form.of_mean:
        return _stepped_up(low, squares.n_raters), _stepped_up(high, squares.n_raters)
    return low, high


@named
def generalised_interval(
    squares: MeanSquares, *, form: Form, level: float, n_draws: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Both ends of an agreement form by draws of the expected mean squares, elementwise."""
    share(level, "level")

    def drawn(square: Array, dof: int) -> Array:
        return np.asarray(square[..., None] * dof / rng.chisquare(dof, n_draws))

    draws = MeanSquares(
        between=drawn(squares.between, squares.dof_between),
        raters=drawn(squares.raters, squares.dof_raters),
        error=drawn(squares.error, squares.dof_error),
        within=np.zeros(()),
        n_subjects=squares.n_subjects,
        n_raters=squares.n_raters,
    )
    values = icc_value(draws, form=form.single)
    tail = (1 - level) / 2
    low, high = np.quantile(values, [tail, 1 - tail], axis=-1)
    if form.of_mean:
        return _stepped_up(low, squares.n_raters), _stepped_up(high, squares.n_raters)
    return low, high


def _error_of(squares: MeanSquares, form: Form) -> tuple[Array, int]:
    if form.single is Form.ONE_WAY:
        return squares.within, squares.dof_within
    return squares.error, squares.dof_error


def _exact_ends(squares: MeanSquares, form: Form, level: float) -> tuple[Array, Array]:
    error, dof = _error_of(squares, form)
    f, k, upper = squares.between / error, squares.n_raters, (1 + level) / 2
    ends = [f / fdtri(squares.dof_between, dof, p) for p in (upper, 1 - upper)]
    return (ends[0] - 1) / (ends[0] + k - 1), (ends[1] - 1) / (ends[1] + k - 1)


def _agreement_ends(squares: MeanSquares, level: float) -> tuple[Array, Array]:
    n, k, upper = squares.n_subjects, squares.n_raters, (1 + level) / 2
    between, raters, error = squares.between, squares.raters, squares.error
    r = icc_value(squares, form=Form.AGREEMENT)
    # Satterthwaite's degrees of freedom of what MSB is compared with, a sum of MSJ and MSE.
    of_raters, of_error = k * r * raters, (n * (1 + (k - 1) * r) - k * r) * error
    dof = (of_raters + of_error) ** 2 / ((n - 1) * of_raters**2 + of_error**2) * squares.dof_error
    rest = k * raters + (k * n - k - n) * error
    down = fdtri(n - 1, dof, upper)
    up = fdtri(dof, n - 1, upper)
    low = n * (between - down * error) / (down * rest + n * between)
    high = n * (up * between - error) / (rest + n * up * between)
    return low, high


def _stepped_up(single: Array, n_raters: int) -> Array:
    """Spearman and Brown: the reliability of the mean of so many; minus infinity from -1 / (k - 1) down."""
    below = 1 + (n_raters - 1) * single
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below <= 0, -np.inf, n_raters * single / below)
