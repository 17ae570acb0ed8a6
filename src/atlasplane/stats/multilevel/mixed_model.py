"""Linear mixed model of one level of grouping by REML or ML, with AR(1) residuals if wanted.

y_i = X_i beta + Z_i u_i + e_i, u_i ~ N(0, sigma^2 Lambda), e_i ~ N(0, sigma^2 R_i), person i (Laird and Ware
1982, doi:10.2307/2529876). Likelihoods of this kind can be flat and a search can stop early: three searches
are made and compared, and a variance at 0 is looked for and told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from atlasplane.stats.checks import Array
from atlasplane.stats.multilevel.grouped_rows import GroupedRows
from atlasplane.stats.multilevel.likelihood import (
    MOST_PHI,
    Criterion,
    Likelihood,
    Residual,
    Structure,
    random_effects,
)
from atlasplane.stats.refusal import NotConverged, NoVariance, TooFew
from atlasplane.stats.variants import named

_STARTS = (0.3, 1.0, 3.0)
"""SDs of the random effects over the residual SD from which the search sets out."""
_AGREE = 1e-3
"""Difference of -2 log-likelihood below which two searches ended at the same place: far below what any
interval notices (3.84)."""
_NO_WORSE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixedModel:
    """A fitted linear mixed model.

    Attributes
    ----------
    criterion : str
        "REML" or "ML".
    structure : str
        "full": random effects of a person are correlated; "diagonal": they are not.
    residual : str
        "independent" or "ar1".
    value : float
        -2 log-likelihood of the criterion, constants included.
    values_from_starts : tuple of float
        The same where each of three searches ended; at least two agree to 0.001.
    coefficients, covariance : array, shape (n_fixed,) and (n_fixed, n_fixed)
    random_covariance : array, shape (n_random, n_random)
    effects : array, shape (n_persons, n_random)
        Predicted random effects (BLUP).
    residual_sds : tuple of float
        One for each equation.
    phi : float or None
        Autocorrelation of neighbouring sessions; None where residuals are independent.
    boundary : bool
        A random effect has variance 0, two are correlated by 1 or -1, or phi is at +-0.99: intervals of
        persons that use the variances are too narrow there.
    parameters : array
        Those of the search, of this project's own making.
    rows : GroupedRows
    """

    criterion: Criterion
    structure: Structure
    residual: Residual
    value: float
    values_from_starts: tuple[float, ...]
    coefficients: Array
    covariance: Array
    random_covariance: Array
    effects: Array
    residual_sds: tuple[float, ...]
    phi: float | None
    boundary: bool
    parameters: Array
    rows: GroupedRows

    @property
    def se(self) -> Array:
        """Standard errors of the coefficients, the variances taken as known, shape (n_fixed,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def random_sds(self) -> Array:
        """SDs of the random effects, shape (n_random,)."""
        return np.sqrt(np.diag(self.random_covariance))

    @property
    def why(self) -> tuple[str, ...]:
        """What cannot be concluded, in words."""
        if not self.boundary:
            return ()
        return (
            "a variance, correlation or autocorrelation is at the end of its range: the data do not tell it, "
            "and what is shown of single persons and of a new person is too certain",
        )


@named
def mixed_model(
    rows: GroupedRows, *, criterion: Criterion, structure: Structure, residual: Residual
) -> MixedModel:
    """The model whose (restricted) likelihood is largest, searched for from three starts.

    Parameters
    ----------
    rows : GroupedRows
    criterion : {"REML", "ML"}
        REML for estimates and intervals; ML to compare models of different fixed effects.
    structure : {"full", "diagonal"}
        Of the covariance of the random effects.
    residual : {"independent", "ar1"}
        Correlation of a person's residuals; "ar1" needs whole session numbers, and gaps are minded.

    Raises
    ------
    NotConverged
        When no two searches end at the same likelihood.
    NoVariance
        When the fixed and random effects leave no residual.
    TooFew
        With no more rows than random effects: residual and differences between persons are then one.
    """
    n_effects = rows.n_persons * rows.random.shape[1]
    if rows.n_rows <= n_effects:
        raise TooFew(
            f"{rows.n_rows} rows for {n_effects} random effects: what is residual and what differs between "
            "persons cannot be told apart; use more rows of each person, or fewer random effects"
        )
    likelihood = Likelihood(rows, criterion=criterion, structure=structure, residual=residual)
    ends = _three_ends(likelihood)
    parameters = _on_boundary(likelihood, ends[0][1])
    found = likelihood.profile(parameters)
    if found.rss <= 1e-15 * likelihood.scale**2 * rows.n_rows:
        raise NoVariance("the model reproduces every value: no residual is left to judge by")
    phi = likelihood.phi(parameters)
    sigma = math.sqrt(found.sigma2)
    ratios = (1.0, math.exp(likelihood.log_ratio(parameters)))[: rows.n_equations]
    return MixedModel(
        criterion=criterion,
        structure=structure,
        residual=residual,
        value=found.value,
        values_from_starts=tuple(value for value, _ in ends),
        coefficients=found.coefficients,
        covariance=found.sigma2 * found.unscaled,
        random_covariance=found.sigma2 * found.factor @ found.factor.T,
        effects=random_effects(found),
        residual_sds=tuple(sigma * ratio for ratio in ratios),
        phi=phi if residual == "ar1" else None,
        boundary=_is_boundary(likelihood, parameters),
        parameters=parameters,
        rows=rows,
    )


def _three_ends(likelihood: Likelihood) -> list[tuple[float, Array]]:
    """Where searches from three starts end, the best first; the better two agree."""
    ends = sorted((_search(likelihood, likelihood.start(size)) for size in _STARTS), key=lambda end: end[0])
    if ends[1][0] - ends[0][0] < _AGREE:
        return ends
    ends = sorted((_search(likelihood, _simplex(likelihood, at)) for _, at in ends), key=lambda end: end[0])
    if not ends[1][0] - ends[0][0] < _AGREE:
        told = ", ".join(f"{value:.4f}" for value, _ in ends)
        raise NotConverged(f"three searches ended at -2 log-likelihoods {told}; use a simpler model")
    return ends


def _search(likelihood: Likelihood, start: Array) -> tuple[float, Array]:
    """Where a quasi-Newton search from one start ends; once more from there, its curvature forgotten."""
    bounds, options = likelihood.bounds(), {"ftol": 1e-14, "gtol": 1e-7}
    at = start
    for _ in range(2):
        with np.errstate(invalid="ignore"):
            end = minimize(
                likelihood.with_gradient, at, method="L-BFGS-B", jac=True, bounds=bounds, options=options
            )
        at = end.x
    return float(end.fun), np.asarray(end.x, dtype=np.float64)


def _simplex(likelihood: Likelihood, at: Array) -> Array:
    """Where a search without derivatives ends, for likelihoods that are nearly flat."""
    options = {"xatol": 1e-6, "fatol": 1e-8, "maxfev": 2000, "adaptive": True}
    end = minimize(likelihood, at, method="Nelder-Mead", bounds=likelihood.bounds(), options=options)
    return np.asarray(end.x, dtype=np.float64)


def _on_boundary(likelihood: Likelihood, parameters: Array) -> Array:
    """Parameters with a positive diagonal, at 0 wherever that does not make the fit worse."""
    parameters = parameters.copy()
    for place in likelihood.diagonal:
        if parameters[place] < 0:
            parameters[: likelihood.n_factor][likelihood.places[1] == likelihood.places[1][place]] *= -1
    for place in likelihood.diagonal[::-1]:
        trial = parameters.copy()
        trial[place] = 0.0
        if likelihood(trial) <= likelihood(parameters) + _NO_WORSE:
            parameters = trial
    return parameters


def _is_boundary(likelihood: Likelihood, parameters: Array) -> bool:
    at_phi = abs(likelihood.phi(parameters)) >= MOST_PHI
    return at_phi or bool((parameters[likelihood.diagonal] == 0).any())
