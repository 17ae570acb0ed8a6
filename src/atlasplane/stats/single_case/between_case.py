"""Standardized mean difference between cases: a single-case study on the scale of a group study.

Model: a case has its own level, all cases one change, no trends; errors within a case are AR(1) with phi.
The share of the total variance that lies between cases is rho. The effect is the mean change over the total
standard deviation, as it is in Cohen's d. Moment estimates of Hedges, Pustejovsky and Shadish for (AB)^k
designs (2012, doi:10.1002/jrsm.1052) and for multiple baselines (2013, doi:10.1002/jrsm.1086):

    D      mean over cases of the mean change, treatment less baseline
    S^2    y'Ay / tr A; A takes out the means of the cells (same time, same treatment) over cases
    phi    sum of lag-1 over sum of squared residuals within phases, + sum((h-1)/h) / (g - phases)
    s_w^2  sum of squared residuals within phases / (g - tr[(X'X)^-1 X'R(0,phi)X])
    rho    max(0, 1 - s_w^2/S^2)
    nu     tr(A)^2 / tr(AVAV), V the correlations under rho and phi
    theta  standard error of D under V, in units of the total standard deviation
    J      1 - 3/(4 nu - 1)
    delta  J D/S,   variance J^2 [theta^2 nu/(nu-2) + delta^2 (nu/(nu-2) - 1/J^2)]

with g observations, h of them in a phase of a case, and X the means of the phases of each case. The two
designs differ in what is compared with what. Multiple baseline: cells have one session number and one
treatment, and products of neighbours are taken within a case. (AB)^k: cells are the places within a phase,
counted anew in each, that every case has; products and R in s_w^2 are taken within phases on those places.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import nctdtr

from atlasplane.stats.checks import Array, share
from atlasplane.stats.refusal import NotConverged, NoVariance, OutOfOrder, OutOfRange, TooFew
from atlasplane.stats.single_case.series import PhasedSeries
from atlasplane.stats.student import half_width
from atlasplane.stats.variants import named

FEWEST_CASES = 3
_FEW_CASES = 6


class Design(Enum):
    """How treatment was given; it decides which observations are compared across cases."""

    MULTIPLE_BASELINE = "multiple baseline (2013)"
    REVERSAL = "(AB)^k (2012)"


class SmdInterval(Enum):
    """How the interval is made."""

    SYMMETRIC_T = "symmetric t"
    """delta +- t(nu) standard errors."""
    NONCENTRAL_T = "noncentral t"
    """All effects under which D / (theta S), noncentral t with nu degrees of freedom, is not extreme."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BetweenCaseSmd:
    """The effect, and everything on the way to it in the notation above.

    Attributes
    ----------
    design : Design
    n_cases, n_observations : int
    n_cells : int
        Multiple baseline: K, cells with an observation. (AB)^k: places that every case has.
    change : float
        D, in the unit of the values; + where treatment is higher.
    total_variance : float
        S^2.
    unadjusted : float
        D / S.
    phi, within_variance, rho, theta, dof : float
        phi, s_w^2, rho, theta, nu.
    untruncated_rho : float
        1 - s_w^2/S^2; below zero where cases differ less than sessions do.
    correction : float
        J.
    value : float
        delta.
    variance : float
        Infinite where nu is 2 or less.
    low, high, level : float
    interval : SmdInterval
    why : tuple of str
        What cannot be concluded, or only with care; empty where nothing speaks against it.
    """

    design: Design
    n_cases: int
    n_observations: int
    n_cells: int
    change: float
    total_variance: float
    unadjusted: float
    phi: float
    within_variance: float
    rho: float
    untruncated_rho: float
    theta: float
    dof: float
    correction: float
    value: float
    variance: float
    low: float
    high: float
    level: float
    interval: SmdInterval
    why: tuple[str, ...]

    @property
    def u(self) -> float:
        """Standard error of `value`."""
        return math.sqrt(self.variance)


@named
def between_case_smd(
    cases: Sequence[PhasedSeries], *, design: Design, interval: SmdInterval, level: float
) -> BetweenCaseSmd:
    """Between-case standardized mean difference by moments.

    Parameters
    ----------
    cases : sequence of PhasedSeries
        Three or more. Multiple baseline: baseline, then treatment, the numbers of the sessions counted from
        the same day in every case. (AB)^k: baseline and treatment in turns, as many in every case.
        Sessions are whole numbers; a missed session is left out, its number is not used again.
    level : float
        Of the interval, e.g. 0.95.

    Raises
    ------
    TooFew
        Fewer than three cases, or no cell that two cases share.
    OutOfOrder
        Phases that are not those of the design.
    OutOfRange
        Sessions that are not whole numbers, or an autocorrelation estimated at 1 or beyond.
    NoVariance
        No spread between cases or within phases.
    NotConverged
        A noncentral t beyond what can be computed, some millions.
    """
    share(level, "level")
    plan = _plan(cases, design)
    residuals = plan.y - plan.phase_means @ (np.linalg.pinv(plan.phase_means) @ plan.y)
    squares = float(residuals @ residuals)
    centred = plan.maker @ plan.y
    total_variance = float(centred @ centred) / plan.dof
    if min(squares, total_variance) <= 1e-20 * float(plan.y @ plan.y):
        raise NoVariance("values do not vary between cases or within phases; the effect has no scale")
    phi = _autocorrelation(plan, residuals)
    within = squares / (len(plan.y) - _trace(plan, phi))
    untruncated = 1 - within / total_variance
    rho = max(0.0, untruncated)
    v = rho * plan.same_case + (1 - rho) * np.where(plan.same_case, phi**plan.distance, 0.0)
    theta = math.sqrt(float(plan.contrast @ v @ plan.contrast))
    inner = plan.maker @ v
    nu = plan.dof**2 / float(np.sum(inner * inner.T))
    change = float(plan.contrast @ plan.y)
    unadjusted = change / math.sqrt(total_variance)
    j = 1 - 3 / (4 * nu - 1)
    value = j * unadjusted
    variance = math.inf
    if nu > 2:
        variance = j**2 * (theta**2 * nu / (nu - 2) + value**2 * (nu / (nu - 2) - 1 / j**2))
    low, high = _ends(unadjusted, value, variance, (theta, nu), interval=interval, level=level)
    return BetweenCaseSmd(
        design=design,
        n_cases=len(cases),
        n_observations=len(plan.y),
        n_cells=plan.n_cells,
        change=change,
        total_variance=total_variance,
        unadjusted=unadjusted,
        phi=phi,
        within_variance=within,
        rho=rho,
        untruncated_rho=untruncated,
        theta=theta,
        dof=nu,
        correction=j,
        value=value,
        variance=variance,
        low=low,
        high=high,
        level=level,
        interval=interval,
        why=_why(len(cases), untruncated, nu),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Plan:
    """The design in matrices, one row for each observation of each case.

    `maker` is A and `dof` its trace; `distance` the sessions between two observations; `places` the place of
    each observation, by which s_w^2 counts how far apart two are; `chain` the stretch (or case) within which
    neighbours are multiplied.
    """

    y: Array
    phase_means: Array
    maker: Array
    dof: float
    n_cells: int
    contrast: Array
    same_case: Array
    distance: Array
    places: Array
    chain: NDArray[np.int64]


def _plan(cases: Sequence[PhasedSeries], design: Design) -> _Plan:
    if len(cases) < FEWEST_CASES:
        raise TooFew(f"{len(cases)} cases; the variance between cases needs {FEWEST_CASES} or more")
    _as_designed(cases, design)
    owner = np.repeat(np.arange(len(cases)), [case.n_sessions for case in cases])
    sessions = np.concatenate([case.sessions for case in cases])
    if (sessions != np.round(sessions)).any():
        raise OutOfRange("sessions are not whole numbers; number them from the same day in every case")
    lengths = [[len(run) for run in case.stretches] for case in cases]
    stretch = np.concatenate([np.repeat(np.arange(len(own)), own) for own in lengths])
    place = np.concatenate([np.arange(length) for own in lengths for length in own]).astype(float)
    phase = owner * len(lengths[0]) + stretch
    indicator = (phase[:, None] == np.arange(phase.max() + 1)).astype(float)
    contrast = indicator @ (
        np.where(np.arange(phase.max() + 1) % 2, 1.0, -1.0) / indicator.sum(axis=0) / (phase.max() + 1) * 2
    )
    if design is Design.REVERSAL:
        shared = place < np.min(lengths, axis=0)[stretch]
        cell = np.where(shared, stretch * len(place) + place, -1)
    else:
        shared = np.ones(len(place), dtype=bool)
        cell = 2 * sessions + stretch % 2
    kinds = np.unique(cell[shared])
    cells = (cell[:, None] == kinds).astype(float)
    dof = float(shared.sum() - len(kinds))
    if dof == 0:
        raise TooFew("no two cases share a session and treatment; number the sessions from the same day")
    return _Plan(
        y=np.concatenate([case.values for case in cases]),
        phase_means=indicator,
        maker=np.diag(shared.astype(float)) - (cells / cells.sum(axis=0)) @ cells.T,
        dof=dof,
        n_cells=len(kinds),
        contrast=contrast,
        same_case=owner[:, None] == owner,
        distance=np.abs(np.subtract.outer(sessions, sessions)),
        places=place if design is Design.REVERSAL else sessions,
        chain=phase if design is Design.REVERSAL else owner,
    )


def _as_designed(cases: Sequence[PhasedSeries], design: Design) -> None:
    """Refuse phases that are not those of the design."""
    wanted = len(cases[0].stretches) if design is Design.REVERSAL else 2
    for number, case in enumerate(cases, start=1):
        runs = case.stretches
        turns = [(run.label == case.baseline) == (k % 2 == 0) for k, run in enumerate(runs)]
        if len(runs) != wanted or wanted % 2 or not all(turns):
            told = "-".join(str(run.label) for run in runs)
            raise OutOfOrder(
                f"case {number} has phases {told}; a {design.value} design has baseline and treatment in "
                f"turns, the same {wanted} phases in every case"
            )


def _autocorrelation(plan: _Plan, residuals: Array) -> float:
    neighbours = plan.chain[1:] == plan.chain[:-1]
    raw = float((residuals[1:] * residuals[:-1])[neighbours].sum() / (residuals @ residuals))
    held = plan.phase_means.sum(axis=0)
    phi = raw + float(((held - 1) / held).sum()) / (len(residuals) - len(held))
    if not -1 < phi < 1:
        raise OutOfRange(
            f"the autocorrelation within phases is estimated at {phi:.3g}: the values trend, and the "
            "model without trends does not hold; use piecewise regression"
        )
    return phi


def _trace(plan: _Plan, phi: float) -> float:
    """tr[(X'X)^-1 X'R(0,phi)X]: over phases, the mean of a row of R within the phase."""
    apart = np.abs(np.subtract.outer(plan.places, plan.places))
    same_phase = plan.phase_means @ plan.phase_means.T
    held = plan.phase_means @ plan.phase_means.sum(axis=0)
    return float(np.sum(same_phase * phi**apart / held[:, None]))


def _ends(
    unadjusted: float,
    value: float,
    variance: float,
    moments: tuple[float, float],
    *,
    interval: SmdInterval,
    level: float,
) -> tuple[float, float]:
    theta, nu = moments
    if interval is SmdInterval.SYMMETRIC_T:
        half = float(half_width(math.sqrt(variance), nu, level=level))
        return value - half, value + half
    t = unadjusted / theta
    return theta * _noncentrality(t, nu, (1 + level) / 2), theta * _noncentrality(t, nu, (1 - level) / 2)


def _noncentrality(t: float, nu: float, probability: float) -> float:
    """The noncentrality under which a noncentral t lies below `t` with this probability."""
    step = math.sqrt(1 + t**2 / (2 * nu))
    low = high = t
    while nctdtr(nu, low, t) < probability:
        low -= step
    while nctdtr(nu, high, t) > probability:
        high += step
    if math.isnan(nctdtr(nu, low, t) + nctdtr(nu, high, t)):
        raise NotConverged(
            f"the noncentral t of {t:.3g} cannot be computed; take the symmetric t, or ask what an effect "
            "of so many standard deviations means"
        )
    return float(brentq(lambda shift: float(nctdtr(nu, shift, t)) - probability, low, high))


def _why(n_cases: int, rho: float, nu: float) -> tuple[str, ...]:
    why = []
    if n_cases < _FEW_CASES:
        why.append(f"{n_cases} cases: the standard deviation between cases is hardly known")
    if rho < 0:
        why.append("no variance between cases was found (rho at its boundary 0)")
    if nu <= 2:
        why.append(f"{nu:.2g} degrees of freedom: the variance of the effect is not finite")
    return tuple(why)
