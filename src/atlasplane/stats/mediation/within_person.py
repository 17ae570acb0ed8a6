"""Mediation within persons over time (1-1-1): every path may differ from person to person.

M_it = d1_i + a_i X_i,t-k + e1, Y_i,t+l = d2_i + b_i M_it + c'_i X_i,t-k + e2, with (a_i, b_i, c'_i) normal
around (a, b, c') with a full covariance. Both equations are stacked and fitted at once by REML, each with
its own residual variance, so that the covariance of a_i and b_i is estimated (Bauer, Preacher and Gil 2006,
doi:10.1037/1082-989X.11.2.142). The mean indirect effect is a b + s_ab, its variance across persons
b^2 s_a^2 + a^2 s_b^2 + s_a^2 s_b^2 + 2 a b s_ab + s_ab^2 (Kenny, Korchmaros and Bolger 2003,
doi:10.1037/1082-989X.8.2.115). Levels d1_i, d2_i (and a person's own linear course) are taken out of every
column of that person, which is the same as a fixed effect for each: nothing between persons is left.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from atlasplane.stats.checks import Array, generator, same_length, share, vector
from atlasplane.stats.mediation.causal import Effect, central_parts
from atlasplane.stats.mediation.sample import MediatorAfterOutcome, enough_draws
from atlasplane.stats.multilevel.grouped_rows import GroupedRows, grouped_rows
from atlasplane.stats.multilevel.likelihood import Likelihood
from atlasplane.stats.multilevel.mixed_inference import covariance_of_parameters
from atlasplane.stats.multilevel.mixed_model import MixedModel, mixed_model
from atlasplane.stats.refusal import Duplicate, NoVariance, OutOfRange, TooFew, WrongShape
from atlasplane.stats.variants import named

Detrending = Literal["level", "linear"]
_LEAST_DRAWS = 1000
_ALIKE = 0.2
"""Correlation of neighbouring residuals above which intervals are visibly short (by about a fifth)."""
_A, _B = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lags:
    """Sessions from treatment to mediator and from mediator to outcome: whole, 0 or more.

    Lags (1, 1) are X_t-1 -> M_t -> Y_t+1; with 0 nothing tells which came first.
    """

    treatment_to_mediator: int
    mediator_to_outcome: int

    def __post_init__(self) -> None:
        if self.mediator_to_outcome < 0:
            raise MediatorAfterOutcome(
                f"the mediator lies {-self.mediator_to_outcome} sessions after the outcome: it cannot have "
                "carried an effect to it; give a lag of 0 or more"
            )
        if self.treatment_to_mediator < 0:
            raise OutOfRange("treatment lies after the mediator; give a lag of 0 or more")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RepeatedMediation:
    """One row for each session of each person; valid once constructed.

    Attributes
    ----------
    persons : tuple, length n_rows
    sessions : array, shape (n_rows,)
        Whole numbers; neighbouring sessions differ by 1.
    treatment, mediator, outcome : array, shape (n_rows,)

    Raises
    ------
    NotFinite, WrongShape, OutOfRange, Duplicate
    """

    persons: tuple[Hashable, ...]
    sessions: Array
    treatment: Array
    mediator: Array
    outcome: Array

    def __post_init__(self) -> None:
        names = ("sessions", "treatment", "mediator", "outcome")
        held = {name: vector(getattr(self, name), name) for name in names}
        same_length(**held)
        if len(self.persons) != len(held["sessions"]):
            raise WrongShape(f"{len(self.persons)} persons for {len(held['sessions'])} rows; give both")
        if not np.array_equal(held["sessions"], np.round(held["sessions"])):
            raise OutOfRange("sessions must be whole numbers, so that a lag is one of them")
        keys = list(zip(self.persons, held["sessions"].tolist(), strict=True))
        if len(set(keys)) < len(keys):
            raise Duplicate("a person has two rows for one session; keep one of them")
        for name, array in held.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "persons", tuple(self.persons))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WithinMediation:
    """Indirect effect within persons, its mean and its spread.

    Attributes
    ----------
    a, b, direct : Effect
        Mean paths; c' is `direct`.
    covariance_ab : float
        Of a_i and b_i across persons.
    sd_a, sd_b, sd_direct : float
        Across persons.
    indirect : Effect
        Mean over persons: a b + covariance_ab.
    indirect_sd : float
        Across persons.
    labels : tuple
    person_indirect : array, shape (n_persons,)
        Product of each person's predicted paths.
    lags : Lags
    detrending : str
        "level" or "linear", taken out person by person.
    previous : bool
        Whether M_t-1 and the outcome before are held constant.
    n_rows : int
        Sessions that have all that the lags need.
    residual_correlation : (float, float)
        Lag-1 correlation of the residuals of both equations: far from 0, the intervals are too short.
    interval : str
        "monte-carlo-t": draws of paths (t, persons - 1) and of the covariance.
    level : float
    n_draws : int
    model : MixedModel
        Of columns scaled to unit SD within persons.
    """

    a: Effect
    b: Effect
    direct: Effect
    covariance_ab: float
    sd_a: float
    sd_b: float
    sd_direct: float
    indirect: Effect
    indirect_sd: float
    labels: tuple[Hashable, ...]
    person_indirect: Array
    lags: Lags
    detrending: Detrending
    previous: bool
    n_rows: int
    residual_correlation: tuple[float, float]
    interval: str
    level: float
    n_draws: int
    model: MixedModel

    @property
    def why(self) -> tuple[str, ...]:
        """What cannot be concluded, in words."""
        told = list(self.model.why)
        if self.lags.mediator_to_outcome == 0:
            told.append("mediator and outcome are of one session: which moves the other is not in the data")
        if max(abs(value) for value in self.residual_correlation) > _ALIKE:
            told.append("residuals of neighbouring sessions are correlated: the intervals are too short")
        return tuple(told)


@named
def within_person_mediation(
    data: RepeatedMediation,
    *,
    lags: Lags,
    detrending: Detrending,
    previous: bool,
    level: float,
    n_draws: int,
    rng: np.random.Generator,
) -> WithinMediation:
    """Mean and spread of the indirect effect within persons.

    Parameters
    ----------
    data : RepeatedMediation
    lags : Lags
    detrending : {"level", "linear"}
        What of each person is taken out: the level, or the level and a linear course over sessions.
    previous : bool
        Hold the mediator and the outcome of the session before constant. With few sessions a person this
        biases their coefficients by about -1 / sessions (Nickell 1981, doi:10.2307/1911408).
    level : float
    n_draws : int
        At least 1000.
    rng : numpy.random.Generator

    Raises
    ------
    TooFew
        With fewer than two persons who have the sessions needed.
    NoVariance, Collinear, NotConverged, OutOfRange
    """
    share(level, "level")
    enough_draws(n_draws, _LEAST_DRAWS)
    generator(rng)
    labels, model, unit = _fitted(data, lags, detrending=detrending, previous=previous)
    a, b, c, indirect = _effects(model, unit, level, n_draws, rng)
    spread = model.random_covariance * np.outer(unit, unit)
    own = model.coefficients[:3] * unit + model.effects * unit
    var_a, var_b, cov_ab = float(spread[_A, _A]), float(spread[_B, _B]), float(spread[_A, _B])
    return WithinMediation(
        a=a,
        b=b,
        direct=c,
        covariance_ab=cov_ab,
        sd_a=math.sqrt(var_a),
        sd_b=math.sqrt(var_b),
        sd_direct=math.sqrt(float(spread[2, 2])),
        indirect=indirect,
        indirect_sd=math.sqrt(indirect_variance(a.value, b.value, var_a=var_a, var_b=var_b, cov_ab=cov_ab)),
        labels=labels,
        person_indirect=own[:, _A] * own[:, _B],
        lags=lags,
        detrending=detrending,
        previous=previous,
        n_rows=model.rows.n_rows // 2,
        residual_correlation=_residual_correlation(model),
        interval="monte-carlo-t",
        level=level,
        n_draws=n_draws,
        model=model,
    )


def _fitted(
    data: RepeatedMediation, lags: Lags, *, detrending: Detrending, previous: bool
) -> tuple[tuple[Hashable, ...], MixedModel, Array]:
    """Persons, the model of both equations in columns of unit SD, and the units of a, b and c'."""
    labels, person, columns, sessions = _aligned(data, lags, previous)
    columns = _residuals(person, sessions, columns, detrending)
    units = columns.std(axis=0)
    rows = _stacked(person, sessions, columns / units, 1 if detrending == "level" else 2)
    model = mixed_model(rows, criterion="REML", structure="full", residual="independent")
    # Mediator by treatment, outcome by mediator, outcome by treatment.
    unit = np.array([units[1] / units[0], units[2] / units[1], units[2] / units[0]])
    return labels, model, unit


def _effects(
    model: MixedModel, unit: Array, level: float, n_draws: int, rng: np.random.Generator
) -> list[Effect]:
    """a, b, c' and a b + covariance with the central part of their draws."""
    paths, shared = _draws(model, n_draws, rng)
    paths, shared = paths * unit, shared * unit[_A] * unit[_B]
    drawn = np.column_stack([paths, paths[:, _A] * paths[:, _B] + shared])
    mean = model.coefficients[:3] * unit
    cov_ab = model.random_covariance[_A, _B] * unit[_A] * unit[_B]
    return central_parts([*mean, mean[_A] * mean[_B] + cov_ab], drawn, level=level)


def indirect_variance(a: float, b: float, *, var_a: float, var_b: float, cov_ab: float) -> float:
    """Variance across persons of a_i b_i, both normal (Kenny et al. 2003).

    b^2 var_a + a^2 var_b + var_a var_b + 2 a b cov_ab + cov_ab^2.

    Raises
    ------
    OutOfRange
        When the variances and the covariance belong to no distribution.
    """
    if var_a < 0 or var_b < 0 or cov_ab**2 > var_a * var_b * (1 + 1e-9):
        raise OutOfRange(f"variances {var_a:g} and {var_b:g} cannot have covariance {cov_ab:g}")
    return float(b**2 * var_a + a**2 * var_b + var_a * var_b + 2 * a * b * cov_ab + cov_ab**2)


def _aligned(
    data: RepeatedMediation, lags: Lags, previous: bool
) -> tuple[tuple[Hashable, ...], NDArray[np.intp], Array, Array]:
    """Persons, and columns treatment, mediator, outcome and, if wanted, the last two one session before."""
    at = {key: k for k, key in enumerate(zip(data.persons, data.sessions.tolist(), strict=True))}
    labels = tuple(dict.fromkeys(data.persons))
    before, after = lags.treatment_to_mediator, lags.mediator_to_outcome
    shifts = [-before, 0, after, -1, after - 1] if previous else [-before, 0, after]
    kept = []
    place = {label: who for who, label in enumerate(labels)}
    for label, session in sorted(at, key=lambda key: (place[key[0]], key[1])):
        found = [at.get((label, session + shift)) for shift in shifts]
        if None not in found:
            kept.append((place[label], session, found))
    if not kept:
        raise TooFew("no person has the sessions that the lags need; number neighbouring sessions by 1")
    indices = np.array([found for _, _, found in kept], dtype=np.intp)
    held = [data.treatment, data.mediator, data.outcome, data.mediator, data.outcome]
    columns = np.column_stack([column[own] for column, own in zip(held, indices.T, strict=False)])
    present = sorted({who for who, _, _ in kept})
    person = np.searchsorted(present, [who for who, _, _ in kept]).astype(np.intp)
    return (
        tuple(labels[who] for who in present),
        person,
        columns,
        np.array([session for _, session, _ in kept]),
    )


def _residuals(person: NDArray[np.intp], sessions: Array, columns: Array, detrending: Detrending) -> Array:
    """Columns without each person's level and, if wanted, linear course."""
    out = np.empty_like(columns)
    for who in range(int(person.max()) + 1):
        keep = person == who
        own = [np.ones(keep.sum())] + (
            [sessions[keep] - sessions[keep].mean()] if detrending == "linear" else []
        )
        base = np.linalg.qr(np.column_stack(own))[0]
        if keep.sum() <= base.shape[1]:
            raise TooFew(f"a person has {keep.sum()} usable sessions; leave out who has so few")
        out[keep] = columns[keep] - base @ (base.T @ columns[keep])
    left = out.std(axis=0)
    names = ("treatment", "mediator", "outcome", "mediator before", "outcome before")
    for name, value, size in zip(names, left, np.abs(columns).max(axis=0), strict=False):
        if value <= 1e-12 * size:
            raise NoVariance(f"{name} never changes within a person: no path within persons can be told")
    return out


def _stacked(person: NDArray[np.intp], sessions: Array, columns: Array, n_absorbed_each: int) -> GroupedRows:
    """Both equations below each other; fixed columns a, b, c' and those of the session before."""
    n, n_persons = len(person), int(person.max()) + 1
    x, m, y = columns[:, :3].T
    zero = np.zeros(n)
    first, second = [x, zero, zero], [zero, m, x]
    if columns.shape[1] == 5:
        first, second = [*first, columns[:, 3], zero], [*second, zero, columns[:, 4]]
    fixed = np.concatenate([np.column_stack(first), np.column_stack(second)])
    return grouped_rows(
        np.concatenate([m, y]),
        fixed,
        fixed[:, :3],
        persons=np.tile(person, 2).tolist(),
        sessions=np.tile(sessions, 2),
        equation=np.repeat([0, 1], n),
        n_absorbed=2 * n_absorbed_each * n_persons,
    )


def _draws(model: MixedModel, n_draws: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draws of the paths (n_draws, 3) and of the covariance of a and b (n_draws,)."""
    likelihood = Likelihood(model.rows, criterion="REML", structure="full", residual="independent")
    dof = model.rows.n_persons - 1
    root = np.linalg.cholesky(model.covariance[:3, :3])
    stretch = np.sqrt(dof / rng.chisquare(dof, n_draws))
    paths = model.coefficients[:3] + stretch[:, None] * (rng.normal(size=(n_draws, 3)) @ root.T)
    values, vectors = np.linalg.eigh(covariance_of_parameters(likelihood, model))
    # The symmetric root: it does not depend on the signs of the eigenvectors, so a seed gives one result.
    moves = rng.normal(size=(n_draws, len(values))) @ (vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T)
    at = np.append(model.parameters, 0.0) + moves
    # The first rows of the factor: (t0), (t1, t2), ...; s_ab = sigma^2 t0 t1 in scaled columns.
    sigma2 = model.residual_sds[0] ** 2 * np.exp(2 * at[:, -1])
    shared: Array = sigma2 * at[:, 0] * at[:, 1] / (likelihood.unit[_A] * likelihood.unit[_B])
    return paths, shared


def _residual_correlation(model: MixedModel) -> tuple[float, float]:
    """Correlation of residuals of neighbouring sessions, in each equation."""
    rows = model.rows
    person = np.repeat(np.arange(rows.n_persons), np.diff(np.append(rows.starts, rows.n_rows)))
    fitted = rows.fixed @ model.coefficients + (rows.random * model.effects[person]).sum(axis=1)
    left = rows.response - fitted
    out = []
    for k in (0, 1):
        pairs = np.flatnonzero(
            ~rows.first_of_series & (rows.equation == k) & (np.diff(rows.sessions, prepend=0) == 1)
        )
        own = left[rows.equation == k]
        out.append(float(np.mean(left[pairs] * left[pairs - 1]) / np.mean(own**2)) if len(pairs) else 0.0)
    return out[0], out[1]
