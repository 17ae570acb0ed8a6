"""Log response ratio of two phases: by what factor the mean level changed, for values with a true zero.

With mean and variance of n sessions of each phase,

    R1 = ln mean_B - ln mean_A,
    R2 = R1 + s_B^2 / (2 n_B mean_B^2) - s_A^2 / (2 n_A mean_A^2),
    V = s_A^2 / (n_A mean_A^2) + s_B^2 / (n_B mean_B^2).

R2 takes away the bias of R1 to the first order: the logarithm of a mean of few sessions is too small on
average. Pustejovsky 2015, doi:10.1037/met0000019, and 2018, doi:10.1016/j.jsp.2018.02.003. V takes the
sessions as independent; where neighbours are alike it is too small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from atlasplane.stats.checks import Array, positive, share
from atlasplane.stats.refusal import NoVariance, OutOfRange
from atlasplane.stats.single_case.series import Improvement, PhasedSeries
from atlasplane.stats.single_case.ties import SAME, rounding
from atlasplane.stats.student import half_width
from atlasplane.stats.variants import named


class RatioForm(Enum):
    """Which way the ratio is turned.

    For counts, rates and times the two differ by the sign alone. For shares of a whole they are two
    numbers: a share that should fall is turned into its complement for LRRi, and the other way round.

    - LRRI: of values that should rise; + is improvement.
    - LRRD: of values that should fall; - is improvement.
    """

    LRRI = "LRRi"
    LRRD = "LRRd"


class RatioCorrection(Enum):
    """R1, the logarithm of the ratio of means, or R2, the same less its bias to the first order."""

    R1 = "R1"
    R2 = "R2"


class RatioInterval(Enum):
    """Quantile that R -+ quantile x SE takes.

    - NORMAL: the published one; it holds the truth in 93 to 94 % of series of 8 to 20 sessions a phase, in
      90 to 93 % with 5.
    - WELCH_T: t with (V_A + V_B)^2 / (V_A^2 / (n_A - 1) + V_B^2 / (n_B - 1)) degrees of freedom, which pays
      for estimated variances (Welch 1947, doi:10.1093/biomet/34.1-2.28).
    """

    NORMAL = "normal"
    WELCH_T = "Welch t"


class ZeroMean(Enum):
    """What is done with a phase in which nothing was seen, whose logarithm does not exist.

    - REFUSED: an error.
    - TRUNCATED: its mean is taken as d / (2 n), its variance as d^2 / n^3, with d the least step of one
      session's value, e.g. 1 for counts, 1 / minutes for a rate (Pustejovsky 2018). Says then `truncated`
      and `why`. Phases with any event stay as they are.
    """

    REFUSED = "refused"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRatio:
    """Log response ratio of treatment to baseline.

    Attributes
    ----------
    value : float
        Natural logarithm; its sign is that of `form`.
    se : float
    low, high : float
    level : float
    dof : float
        Of the quantile; infinite for `RatioInterval.NORMAL`.
    form : RatioForm
    correction : RatioCorrection
    interval : RatioInterval
    zeros : ZeroMean
    truncated : bool
        Whether a mean was 0 and was raised: value and interval then depend on `zeros` and not on the
        sessions alone.
    why : tuple of str
        What cannot be concluded: which mean was 0. Empty where nothing is in the way.
    improvement : Improvement
    mean_baseline, mean_treatment : float
        As they entered the logarithm: of the complement where `form` turned the share, and truncated.
    n_baseline, n_treatment : int
    """

    value: float
    se: float
    low: float
    high: float
    level: float
    dof: float
    form: RatioForm
    correction: RatioCorrection
    interval: RatioInterval
    zeros: ZeroMean
    truncated: bool
    why: tuple[str, ...]
    improvement: Improvement
    mean_baseline: float
    mean_treatment: float
    n_baseline: int
    n_treatment: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phase:
    mean: float
    relative_variance: float
    n_sessions: int
    why: tuple[str, ...]


@named
def response_ratio(
    series: PhasedSeries,
    *,
    form: RatioForm,
    improvement: Improvement,
    whole: float | None,
    correction: RatioCorrection,
    interval: RatioInterval,
    least_step: float | None,
    level: float = 0.95,
) -> ResponseRatio:
    """Log response ratio of two phases.

    Parameters
    ----------
    series : PhasedSeries
        One baseline and one treatment after it, each of 2 or more sessions; no value below 0.
    form : RatioForm
    improvement : Improvement
    whole : float or None
        What a share is a share of, 1 or 100, so that its complement is `whole` - value; None for counts,
        rates and times, which have no upper end.
    correction : RatioCorrection
    interval : RatioInterval
    least_step : float or None
        Least difference that one session's value can show, for `ZeroMean.TRUNCATED`; None refuses phases
        whose mean is 0 (`ZeroMean.REFUSED`).
    level : float

    Raises
    ------
    OutOfOrder, TooFew
    OutOfRange
        When a value is negative or above the whole, or a mean is 0 and `least_step` is None.
    NoVariance
        When neither phase varies but for rounding, with or without an event.
    """
    share(level, "level")
    if least_step is not None and not least_step > 0:
        raise OutOfRange(f"least_step must be above 0; it is {least_step:g}")
    before, after = (
        _turned(phase, form=form, improvement=improvement, whole=whole) for phase in series.ab(at_least=2)
    )
    _refuse_constant(before, after, within=rounding(series.values), whole=whole)
    left = "" if whole is None or not _is_mirrored(form, improvement) else "complement of the "
    a, b = _phase(before, f"{left}baseline", least_step), _phase(after, f"{left}treatment", least_step)
    variance = a.relative_variance + b.relative_variance
    value = _log_ratio(a, b, correction)
    if whole is None and _is_mirrored(form, improvement):
        value = -value
    dof = _dof(a, b) if interval is RatioInterval.WELCH_T else math.inf
    half = float(half_width(math.sqrt(variance), dof, level=level))
    return ResponseRatio(
        value=value,
        se=math.sqrt(variance),
        low=value - half,
        high=value + half,
        level=level,
        dof=dof,
        form=form,
        correction=correction,
        interval=interval,
        zeros=ZeroMean.REFUSED if least_step is None else ZeroMean.TRUNCATED,
        truncated=bool(a.why or b.why),
        why=a.why + b.why,
        improvement=improvement,
        mean_baseline=a.mean,
        mean_treatment=b.mean,
        n_baseline=a.n_sessions,
        n_treatment=b.n_sessions,
    )


def _log_ratio(a: _Phase, b: _Phase, correction: RatioCorrection) -> float:
    plain = math.log(b.mean) - math.log(a.mean)
    bias = (a.relative_variance - b.relative_variance) / 2
    return plain - bias if correction is RatioCorrection.R2 else plain


def _dof(a: _Phase, b: _Phase) -> float:
    parts = (part.relative_variance**2 / (part.n_sessions - 1) for part in (a, b))
    return (a.relative_variance + b.relative_variance) ** 2 / sum(parts)


def _is_mirrored(form: RatioForm, improvement: Improvement) -> bool:
    return (form is RatioForm.LRRI) != (improvement is Improvement.INCREASE)


def _turned(phase: Array, *, form: RatioForm, improvement: Improvement, whole: float | None) -> Array:
    """Values, or what is left of the whole where the form asks for the other direction."""
    positive(phase, "values", zero=True)
    if whole is None:
        return phase
    if (phase > whole).any():
        raise OutOfRange(f"a share of {phase.max():g} is more than the whole of {whole:g}")
    if not _is_mirrored(form, improvement):
        return phase
    left = whole - phase
    return np.where(left <= SAME * whole, 0.0, left)


def _refuse_constant(before: Array, after: Array, *, within: float, whole: float | None) -> None:
    if np.ptp(before) > within or np.ptp(after) > within:
        return
    if whole is None and not before.any() and not after.any():
        raise NoVariance(
            "no event in either phase: nothing is known of the ratio; report the rates with their intervals "
            "(overdispersed_rate_ratio)"
        )
    raise NoVariance(
        "neither phase varies: the sessions give no standard error of the ratio; report the two means alone"
    )


def _phase(values: Array, name: str, least_step: float | None) -> _Phase:
    n, mean, variance = len(values), float(values.mean()), float(values.var(ddof=1))
    why: tuple[str, ...] = ()
    if mean == 0:
        if least_step is None:
            raise OutOfRange(
                f"the mean of the {name} is 0 and has no logarithm; give least_step, or count longer"
            )
        mean, variance = least_step / (2 * n), least_step**2 / n**3
        why = (
            f"the mean of the {name} is 0 and was taken as {mean:.3g}: the size of the ratio is that of "
            f"least_step and of the {n} sessions, only its direction that of the values",
        )
    return _Phase(mean=mean, relative_variance=variance / (n * mean**2), n_sessions=n, why=why)
