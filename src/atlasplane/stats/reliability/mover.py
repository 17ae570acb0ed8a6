"""Intervals of sums of variances, each term with degrees of freedom of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtri

from atlasplane.stats.checks import share


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceTerm:
    """A multiple of an independent mean square.

    Attributes
    ----------
    value : float
        Weight times mean square, 0 or more.
    dof : float
        Of the mean square.
    """

    value: float
    dof: float


def variance_sum_interval(terms: Sequence[VarianceTerm], *, level: float) -> tuple[float, float]:
    """Interval of the sum; exact, by chi-squared, of a single term.

    Sum - sqrt(sum (v_i - l_i)^2) to sum + sqrt(sum (u_i - v_i)^2), where l_i and u_i are the ends of each
    term alone: modified large sample (Graybill and Wang 1980, J Am Stat Assoc 75:869,
    doi:10.1080/01621459.1980.10477565), which is MOVER of variances (Zou 2013, Stat Methods Med Res 22:630,
    doi:10.1177/0962280211402548). Terms of 0 are passed over.
    """
    share(level, "level")
    value = np.array([term.value for term in terms if term.value > 0])
    dof = np.array([term.dof for term in terms if term.value > 0])
    # chdtri takes the upper tail.
    below = value * (1 - dof / chdtri(dof, (1 - level) / 2))
    above = value * (dof / chdtri(dof, (1 + level) / 2) - 1)
    total = float(value.sum())
    return total - float(np.sqrt(np.sum(below**2))), total + float(np.sqrt(np.sum(above**2)))


def satterthwaite_dof(terms: Sequence[VarianceTerm]) -> float:
    """Degrees of freedom of a chi-squared with the mean and variance of the sum; 0 of nothing.

    (sum v_i)^2 / sum(v_i^2 / dof_i): Satterthwaite 1946, Biometrics 2:110, doi:10.2307/3002019.
    """
    counted = [term for term in terms if term.value > 0]
    if not counted:
        return 0.0
    return sum(term.value for term in counted) ** 2 / sum(term.value**2 / term.dof for term in counted)
