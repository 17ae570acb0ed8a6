"""Treatment, mediator and outcome of each person, and the two regressions of every mediation analysis.

M = i + a X + covariates, Y = j + c' X + b M + covariates (MacKinnon 2008, ISBN 978-0-8058-6429-8).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import log_ndtr, ndtr

from atlasplane.stats.checks import Array, matrix, same_length, vector, whole
from atlasplane.stats.refusal import (
    Collinear,
    NotAChoice,
    NotConverged,
    NotFinite,
    NoVariance,
    OutOfOrder,
    OutOfRange,
    Refusal,
    TooFew,
)
from atlasplane.stats.variants import named

OutcomeModel = Literal["linear", "probit"]
_MOST_STEPS = 100
_ROUNDING = 1e-13
"""Spread of a column over its size that is rounding alone."""
_PERFECT = 30.0
"""Linear predictor of a probit that only a separated outcome has."""


class MediatorAfterOutcome(OutOfOrder):
    """The mediator was measured after the outcome: it cannot have carried an effect to it."""


class Separated(Refusal):
    """A combination of predictors tells every outcome: the probit has no finite coefficients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """When treatment, mediator and outcome were given or measured: three numbers, or three dates.

    Numbers are of one scale, e.g. days; dates are `datetime.date` or `datetime.datetime`, of one kind.

    Treatment may not come after the mediator, nor the mediator after the outcome.

    Raises
    ------
    MediatorAfterOutcome, OutOfOrder, NotFinite
    """

    treatment: float | date
    mediator: float | date
    outcome: float | date

    def __post_init__(self) -> None:
        for name in ("treatment", "mediator", "outcome"):
            _known_time(getattr(self, name), name)
        if _later(self.mediator, self.outcome):
            raise MediatorAfterOutcome(
                f"the mediator was measured at {_told(self.mediator)}, the outcome before it at "
                f"{_told(self.outcome)}: it cannot have carried the effect; use an earlier "
                "measurement of it or a later outcome"
            )
        if _later(self.treatment, self.mediator):
            raise OutOfOrder(
                f"treatment at {_told(self.treatment)} came after the mediator at {_told(self.mediator)}; "
                "use a later measurement of the mediator"
            )

    @property
    def why(self) -> tuple[str, ...]:
        """What the order leaves open, in words."""
        if self.mediator == self.outcome:
            return ("mediator and outcome were measured together: which moves the other is not in the data",)
        return ()


def _known_time(time: object, name: str) -> None:
    if not isinstance(time, Real | date):
        raise NotFinite(f"the time of the {name} is {time!r}, which is no time; give days, or dates")
    # What is no date (NaT) is unequal to itself.
    if not np.isfinite(float(time)) if isinstance(time, Real) else time != time:
        raise NotFinite(f"the time of the {name} is {time!r}; it must be known; give days, or dates")


def _later(first: Any, second: Any) -> bool:
    try:
        return bool(first > second)
    except TypeError:
        raise OutOfOrder(
            f"{first!r} and {second!r} cannot be put in order; give three numbers of days, or three dates of "
            "one kind"
        ) from None


def _told(time: float | date) -> str:
    return str(time) if isinstance(time, date) else f"{float(time):g}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MediationSample:
    """One row for each person; valid once constructed.

    Attributes
    ----------
    treatment, mediator, outcome : array, shape (n_persons,)
        Each in its unit; read-only.
    covariates : array, shape (n_persons, n_covariates)
        Measured before treatment; none: shape (n_persons, 0). The constant is added by itself.
    order : Order

    Raises
    ------
    NotFinite, WrongShape, TooFew
    NoVariance
        When treatment, mediator or outcome never changes.
    Collinear
    NotAChoice
        When `order` is no `Order`.
    """

    treatment: Array
    mediator: Array
    outcome: Array
    covariates: Array
    order: Order

    def __post_init__(self) -> None:
        if not isinstance(self.order, Order):
            raise NotAChoice(f"order is {self.order!r}; give Order(treatment=..., mediator=..., outcome=...)")
        held = {
            name: vector(getattr(self, name), name, at_least=4)
            for name in ("treatment", "mediator", "outcome")
        }
        held["covariates"] = matrix(self.covariates, "covariates", at_least=(4, 0))
        same_length(**held)
        for name, array in held.items():
            if name != "covariates" and np.ptp(array) == 0:
                raise NoVariance(f"{name} is {array[0]:g} for everybody; no path can be told")
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        self._refuse_columns()

    def _refuse_columns(self) -> None:
        design = self.outcome_design(interaction=False)
        if len(design) <= design.shape[1]:
            raise TooFew(f"{len(design)} persons for {design.shape[1]} coefficients; more persons are needed")
        # Mediator and covariates without their means: a far zero of their scales does not matter.
        moved = np.column_stack([_without_mean(self.mediator), self.treatment, design[:, 2:]])
        moved[:, 3:] = _without_mean(self.covariates)
        size, given = (np.sqrt((columns**2).sum(axis=0)) for columns in (moved, design))
        if (size <= _ROUNDING * given).any() or np.linalg.matrix_rank(moved / size, tol=1e-8) < len(size):
            raise Collinear(
                "treatment, mediator and covariates follow from each other; leave one out, or take its mean "
                "from a treatment that is far from 0"
            )

    @property
    def centred(self) -> MediationSample:
        """The same, mediator and covariates from their means: effects stay, fewer digits are lost."""
        return replace(self, mediator=_without_mean(self.mediator), covariates=_without_mean(self.covariates))

    @property
    def n_persons(self) -> int:
        """Number of persons."""
        return len(self.treatment)

    @property
    def mediator_design(self) -> Array:
        """Columns treatment, 1, covariates."""
        return np.column_stack([self.treatment, np.ones(self.n_persons), self.covariates])

    def outcome_design(self, *, interaction: bool) -> Array:
        """Columns mediator, treatment, 1, covariates, and mediator times treatment if wanted."""
        columns = [self.mediator, self.mediator_design]
        if interaction:
            columns.append(self.mediator * self.treatment)
        return np.column_stack(columns)


def _without_mean(columns: Array) -> Array:
    moved: Array = columns - columns.mean(axis=0)
    return moved


def mediation_sample(
    treatment: ArrayLike,
    mediator: ArrayLike,
    outcome: ArrayLike,
    *,
    order: Order,
    covariates: ArrayLike | None = None,
) -> MediationSample:
    """A sample from whatever holds numbers; without covariates none are adjusted for."""
    x = vector(treatment, "treatment")
    return MediationSample(
        treatment=x,
        mediator=vector(mediator, "mediator"),
        outcome=vector(outcome, "outcome"),
        covariates=np.empty((len(x), 0)) if covariates is None else matrix(covariates, "covariates"),
        order=order,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regression:
    """Coefficients of one model with their covariance.

    Attributes
    ----------
    coefficients : array, shape (n_coefficients,)
    covariance : array, shape (n_coefficients, n_coefficients)
    residual_variance : float
        Residual sum of squares / dof; 1 for a probit, where it is the latent error's.
    dof : int
        Rows minus coefficients.
    """

    coefficients: Array
    covariance: Array
    residual_variance: float
    dof: int

    @property
    def se(self) -> Array:
        """Standard errors, shape (n_coefficients,)."""
        return np.sqrt(np.diag(self.covariance))


def least_squares(y: Array, X: Array) -> Regression:
    """Ordinary least squares.

    Raises
    ------
    NoVariance
        When the columns reproduce y.
    """
    # By QR: the normal equations lose twice as many digits where the zero of a scale is far away.
    Q, R = np.linalg.qr(X)
    inverse = solve_triangular(R, np.eye(X.shape[1]))
    coefficients = inverse @ (Q.T @ y)
    residual = y - X @ coefficients
    dof = len(y) - X.shape[1]
    s2 = float(residual @ residual) / dof
    if s2 <= 1e-24 * float(y @ y) / len(y):
        raise NoVariance("a regression reproduces every value; no residual is left to judge by")
    return Regression(
        coefficients=coefficients,
        covariance=s2 * inverse @ inverse.T,
        residual_variance=s2,
        dof=dof,
    )


def probit(y: Array, X: Array) -> Regression:
    """P(y = 1) = Phi(X beta) by maximum likelihood (Newton); covariance from the observed information.

    Raises
    ------
    OutOfRange
        When y is neither 0 nor 1.
    Separated
        When the likelihood has no maximum.
    NotConverged
    """
    if not np.isin(y, (0.0, 1.0)).all():
        raise OutOfRange("a probit outcome must be 0 or 1 for everybody; use the linear model otherwise")
    sign = 2 * y - 1
    beta = np.zeros(X.shape[1])
    for _ in range(_MOST_STEPS):
        at = sign * (X @ beta)
        if np.abs(at).min() > _PERFECT / 5 and (at > 0).all():
            raise Separated("the predictors tell every outcome; no finite coefficient fits them best")
        # phi(at) / Phi(at), by logarithms: both vanish far below 0.
        mills = np.exp(-0.5 * at**2 - 0.5 * np.log(2 * np.pi) - log_ndtr(at))
        root = cho_factor((X * (mills * (mills + at))[:, None]).T @ X)
        step = cho_solve(root, X.T @ (sign * mills))
        beta = beta + step
        if float(np.abs(X @ step).max()) < 1e-10:
            covariance = cho_solve(root, np.eye(X.shape[1]))
            return Regression(
                coefficients=beta, covariance=covariance, residual_variance=1.0, dof=len(y) - X.shape[1]
            )
    raise NotConverged("the probit did not converge; look for a predictor that tells nearly every outcome")


@named
def outcome_regression(
    sample: MediationSample, *, outcome_model: OutcomeModel, interaction: bool
) -> Regression:
    """The outcome on mediator, treatment, covariates and, if wanted, mediator times treatment."""
    design = sample.outcome_design(interaction=interaction)
    fit = least_squares if outcome_model == "linear" else probit
    return fit(sample.outcome, design)


@named
def response(eta: Array, outcome_model: OutcomeModel) -> Array:
    """Expected outcome at a linear predictor."""
    mean: Array = eta if outcome_model == "linear" else ndtr(eta)
    return mean


def two_treatments(contrast: tuple[float, float]) -> None:
    """Refuse a contrast that compares a treatment with itself."""
    if contrast[0] == contrast[1] or not np.isfinite(contrast).all():
        raise OutOfRange(f"the contrast compares {contrast[0]:g} with {contrast[1]:g}; give two treatments")


def enough_draws(n_draws: int, least: int) -> None:
    """Refuse a number of draws that does not tell the ends of an interval, or is not whole."""
    whole(n_draws, "n_draws")
    if n_draws < least:
        raise OutOfRange(f"{n_draws} draws do not tell the ends of an interval; draw {least} or more")
