"""The pictures of docs/statistics, made anew: `python -m tools.statistics_pictures`.

Published numbers where a picture names them, simulated ones else.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from atlasplane.report.statistics_plots.bland_altman import bland_altman_plot
from atlasplane.report.statistics_plots.caterpillar import caterpillar_plot
from atlasplane.report.statistics_plots.change_point import change_point_plot
from atlasplane.report.statistics_plots.forest import EffectAxis, EffectScale, forest_plot
from atlasplane.report.statistics_plots.mediation_path import ShownIndirect, mediation_path_plot
from atlasplane.report.statistics_plots.phases import ShownCase, phases_plot
from atlasplane.stats.mediation.measurement_error import corrected_mediation
from atlasplane.stats.mediation.product import linear_mediation
from atlasplane.stats.mediation.sample import Order, mediation_sample
from atlasplane.stats.meta.effects import GroupCounts, log_risk_ratio
from atlasplane.stats.meta.heterogeneity import heterogeneity
from atlasplane.stats.meta.pooled import IntervalMethod, random_effects
from atlasplane.stats.meta.prediction import PredictionMethod, prediction_interval
from atlasplane.stats.meta.tau2 import Tau2Method
from atlasplane.stats.multilevel.person_series import PersonSeries
from atlasplane.stats.multilevel.pooling import pooled_series
from atlasplane.stats.reliability.bland_altman import LimitInterval, limits_of_agreement
from atlasplane.stats.series.change_point import RatePrior, poisson_change_point, uniform_change_prior
from atlasplane.stats.single_case.series import ab_series

STATIC = Path(__file__).resolve().parents[1] / "docs" / "_static"
DPI = 160

BCG = {
    "Aronson 1948": (4, 123, 11, 139),
    "Ferguson & Simes 1949": (6, 306, 29, 303),
    "Rosenthal et al. 1960": (3, 231, 11, 220),
    "Hart & Sutherland 1977": (62, 13598, 248, 12867),
    "Frimodt-Møller et al. 1973": (33, 5069, 47, 5808),
    "Stein & Aronson 1953": (180, 1541, 372, 1451),
    "Vandiviere et al. 1973": (8, 2545, 10, 629),
    "TPT Madras 1980": (505, 88391, 499, 88391),
    "Coetzee & Berjak 1968": (29, 7499, 45, 7277),
    "Rosenthal et al. 1961": (17, 1716, 65, 1665),
    "Comstock et al. 1974": (186, 50634, 141, 27338),
    "Comstock & Webster 1969": (5, 2498, 3, 2341),
    "Comstock et al. 1976": (27, 16913, 29, 17854),
}
"""Ill and all, vaccinated and not (Colditz et al. 1994, doi:10.1001/jama.1994.03510330076038)."""
PEAK_FLOW = (
    (494, 512), (395, 430), (516, 520), (434, 428), (476, 500), (557, 600), (413, 364), (442, 380),
    (650, 658), (433, 445), (417, 432), (656, 626), (267, 260), (478, 477), (178, 259), (423, 350),
    (427, 451),
)  # fmt: skip
"""Wright and mini Wright meter, l/min (Bland and Altman 1986, doi:10.1016/S0140-6736(86)90837-8)."""
COAL = (
    "45401434063340263354531441553425223421322111130010110031"
    "0322011101010002100011023311211112420014000100000100101"
)
"""Disasters of each year from 1851 on (Jarrett 1979, doi:10.1093/biomet/66.1.191)."""


def forest() -> Figure:
    """Thirteen trials of a vaccine."""
    treated, of_treated, control, of_control = np.array(list(BCG.values()), dtype=float).T
    sizes = log_risk_ratio(
        GroupCounts(events=treated, n_subjects=of_treated), GroupCounts(events=control, n_subjects=of_control)
    )
    y, v = sizes.effects, sizes.variances
    pooled = random_effects(y, v, tau2_method=Tau2Method.REML, interval=IntervalMethod.HARTUNG_KNAPP)
    favours = ("vaccine protects", "vaccine harms")
    return forest_plot(
        y,
        v,
        pooled,
        studies=tuple(BCG),
        axis=EffectAxis(name="Risk ratio", scale=EffectScale.RATIO, favours=favours),
        prediction=prediction_interval(pooled, method=PredictionMethod.T_K_MINUS_2),
        spread=heterogeneity(y, v, tau2_method=Tau2Method.REML),
    )


def bland_altman() -> Figure:
    """Two meters, seventeen subjects."""
    wright, mini = np.array(PEAK_FLOW, dtype=float).T
    limits = limits_of_agreement(mini, wright, factor=1.96, interval=LimitInterval.EXACT)
    names = ("Mini Wright meter", "Wright meter")
    return bland_altman_plot(limits, mini, wright, names=names, unit="l/min", decimals=0)


def phases() -> Figure:
    """Three simulated persons, their treatment begun one after the other."""
    rng, cases = np.random.default_rng(3), []
    for name, start in (("P1", 6), ("P2", 10), ("P3", 14)):
        values = 12 - 5 * (np.arange(22) >= start) + rng.normal(0, 1.3, 22)
        cases.append(ShownCase(name=name, series=ab_series(values[:start], values[start:])))
    return phases_plot(cases, value="Spasms a day", session="Day")


def caterpillar() -> Figure:
    """Nine simulated persons of twenty sessions."""
    rng, n_persons, n_sessions = np.random.default_rng(5), 9, 20
    effects, levels = rng.normal(-2.5, 1.2, n_persons), rng.normal(12, 2, n_persons)
    treated = np.tile(np.arange(n_sessions) >= 10, n_persons).astype(float)
    noise = rng.normal(0, 1.5, n_persons * n_sessions)
    series = PersonSeries(
        values=np.repeat(levels, n_sessions) + np.repeat(effects, n_sessions) * treated + noise,
        persons=tuple(f"P{k + 1:02d}" for k in np.repeat(np.arange(n_persons), n_sessions)),
        treated=treated,
        sessions=np.tile(np.arange(1.0, n_sessions + 1), n_persons),
    )
    found = pooled_series(
        series,
        trend="none",
        structure="diagonal",
        residual="independent",
        interval="satterthwaite",
        mdc=1.5,
        level=0.95,
    )
    return caterpillar_plot(found, effect="Change in spasms a day", decimals=1)


def mediation() -> Figure:
    """A simulated trial whose mediator is measured with an uncertainty of 0.6."""
    rng, n_persons, u = np.random.default_rng(5), 160, 0.6
    care = rng.integers(0, 2, n_persons).astype(float)
    atlas = -1.0 * care + rng.normal(0, 1, n_persons)
    spasms = 1.5 * atlas - 0.5 * care + rng.normal(0, 2, n_persons)
    measured = atlas + rng.normal(0, u, n_persons)
    sample = mediation_sample(care, measured, spasms, order=Order(treatment=0, mediator=1, outcome=7))
    freed = corrected_mediation(sample, u, u_dof=np.inf, moments="unbiased", level=0.95).indirect
    besides = ShownIndirect(
        name="freed of the mediator's error", value=freed.value, low=freed.low, high=freed.high
    )
    names = ("Correction", "Atlas laterality", "Spasms a day")
    return mediation_path_plot(
        linear_mediation(sample, level=0.95), names=names, decimals=2, besides=[besides]
    )


def change_point() -> Figure:
    """Coal-mining disasters of each year."""
    counts = np.array([int(digit) for digit in COAL])
    ones = np.ones(len(counts))
    found = poisson_change_point(
        counts,
        exposure=ones,
        prior=uniform_change_prior(len(counts), no_change=0.5),
        rate_prior=RatePrior(shape=1.0, rate=1.0),
        level=0.95,
    )
    years = 1851.0 + np.arange(len(counts))
    return change_point_plot(
        found, counts, exposure=ones, sessions=years, rate="Disasters a year", session="Year"
    )


PICTURES: dict[str, Callable[[], Figure]] = {
    "forest": forest,
    "bland_altman": bland_altman,
    "phases": phases,
    "caterpillar": caterpillar,
    "mediation": mediation,
    "change_point": change_point,
}


def main() -> None:
    """Write every picture."""
    for name, made in PICTURES.items():
        made().savefig(STATIC / f"statistics_{name}.png", dpi=DPI)


if __name__ == "__main__":
    main()
