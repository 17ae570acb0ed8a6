"""Published data sets of meta-analysis, as printed."""

from __future__ import annotations

import numpy as np

from atlasplane.stats.meta.effects import GroupCounts, log_odds_ratio, log_risk_ratio

# Trial, vaccinated with and without tuberculosis, controls with and without, degrees of latitude:
# Colditz et al. 1994, JAMA 271:698, doi:10.1001/jama.1994.03510330076038.
BCG = np.array(
    [
        [4, 119, 11, 128, 44],
        [6, 300, 29, 274, 55],
        [3, 228, 11, 209, 42],
        [62, 13536, 248, 12619, 52],
        [33, 5036, 47, 5761, 13],
        [180, 1361, 372, 1079, 44],
        [8, 2537, 10, 619, 19],
        [505, 87886, 499, 87892, 13],
        [29, 7470, 45, 7232, 27],
        [17, 1699, 65, 1600, 42],
        [186, 50448, 141, 27197, 18],
        [5, 2493, 3, 2338, 33],
        [27, 16886, 29, 17825, 33],
    ],
    dtype=float,
)
BCG_LATITUDE = BCG[:, 4]
_bcg = log_risk_ratio(
    GroupCounts(events=BCG[:, 0], n_subjects=BCG[:, 0] + BCG[:, 1]),
    GroupCounts(events=BCG[:, 2], n_subjects=BCG[:, 2] + BCG[:, 3]),
)
BCG_EFFECTS, BCG_VARIANCES = _bcg.effects, _bcg.variances

# Viechtbauer 2005, J Educ Behav Stat 30:261, doi:10.3102/10769986030003261, example 1.
TEN_EFFECTS = np.array([-0.581, 0.530, 0.771, 1.031, 0.553, 0.295, 0.078, 0.573, -0.176, -0.232])
TEN_VARIANCES = np.array([0.023, 0.052, 0.060, 0.115, 0.095, 0.203, 0.200, 0.211, 0.051, 0.040])

# District, effect, variance, year of 56 schools: Konstantopoulos 2011, doi:10.1002/jrsm.35, Table 3.
_DISTRICTS = {
    (11, 1976): "-.18 .118 -.22 .118 .23 .144 -.30 .144",
    (12, 1989): ".13 .014 -.26 .014 .19 .015 .32 .024",
    (18, 1994): ".45 .023 .38 .043 .29 .012",
    (27, 1976): ".16 .020 .65 .004 .36 .004 .60 .007",
    (56, 1997): ".08 .019 .04 .007 .19 .005 -.06 .004",
    (58, 1976): "-.18 .020 .00 .018 .00 .019 -.28 .022 -.04 .020 -.30 .021 .07 .006 .00 .007 .05 .007 "
    "-.08 .007 -.09 .007",
    (71, 1997): ".30 .015 .98 .011 1.19 .010",
    (86, 1997): "-.07 .001 -.05 .001 -.01 .001 .02 .001 -.03 .001 .00 .001 .01 .001 -.10 .001",
    (91, 2000): ".50 .010 .66 .011 .20 .010 .00 .009 .05 .013 .07 .013",
    (108, 2000): "-.52 .031 .70 .031 -.03 .030 .27 .030 -.34 .030",
    (644, 1995): ".12 .087 .61 .082",
    (644, 1994): ".04 .067 -.05 .067",
}
_schools = [
    (district, float(effect), float(variance), year)
    for (district, year), text in _DISTRICTS.items()
    for effect, variance in zip(text.split()[::2], text.split()[1::2], strict=True)
]
SCHOOL_DISTRICTS, SCHOOL_EFFECTS, SCHOOL_VARIANCES, SCHOOL_YEARS = (
    np.array(column) for column in zip(*_schools, strict=True)
)

# Deaths and patients with intravenous magnesium, and without: Egger et al. 2001, Systematic Reviews in
# Health Care, 2nd ed., ch. 18. Bertschat 1989 has an empty cell.
MAGNESIUM = np.array(
    [
        [1, 40, 2, 36],
        [9, 135, 23, 135],
        [2, 200, 7, 200],
        [1, 48, 1, 46],
        [10, 150, 8, 148],
        [1, 59, 9, 56],
        [1, 25, 3, 23],
        [0, 22, 1, 21],
        [6, 76, 11, 75],
        [1, 27, 7, 27],
        [2, 89, 12, 80],
        [5, 23, 13, 33],
        [4, 130, 8, 122],
        [90, 1159, 118, 1157],
        [4, 107, 17, 108],
        [2216, 29011, 2103, 29039],
    ],
    dtype=float,
)
MAGNESIUM_SIZES = log_odds_ratio(
    GroupCounts(events=MAGNESIUM[:, 0], n_subjects=MAGNESIUM[:, 1]),
    GroupCounts(events=MAGNESIUM[:, 2], n_subjects=MAGNESIUM[:, 3]),
)

# Relative risk of lung cancer with its 95 % limits, 37 studies of passive smoking: Hackshaw, Law and Wald
# 1997, BMJ 315:980, doi:10.1136/bmj.315.7114.980, Table.
_SMOKING = """
1.18 .90 1.54 1.45 1.02 2.08 2.02 .48 8.56 1.20 .80 1.60 .75 .43 1.30 2.07 .81 5.25 2.13 1.19 3.83
.80 .34 1.90 .79 .25 2.45 2.01 1.09 3.72 1.23 .81 1.87 1.20 .50 3.30 1.52 .87 2.63 1.03 .41 2.55
1.55 .90 2.67 1.03 .61 1.74 2.34 .81 6.75 1.65 1.16 2.35 1.19 .82 1.73 1.52 .39 5.96 2.16 1.08 4.29
1.08 .64 1.82 2.55 .74 8.78 1.62 .90 2.91 1.06 .74 1.52 .79 .62 1.02 .74 .32 1.69 2.27 .75 6.82
.97 .78 1.21 1.60 .80 3.00 1.19 .66 2.13 1.66 .73 3.78 1.26 1.04 1.54 1.10 .62 1.96 1.66 1.12 2.45
1.16 .80 1.69 1.11 .67 1.84
"""
_smoking = np.log(np.array(_SMOKING.split(), dtype=float).reshape(-1, 3))
SMOKING_EFFECTS = _smoking[:, 0]
SMOKING_VARIANCES = ((_smoking[:, 2] - _smoking[:, 1]) / (2 * 1.959964)) ** 2
