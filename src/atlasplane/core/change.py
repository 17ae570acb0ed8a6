"""Did it change? One object holds the difference, its uncertainty and its verdict.

*Distinguishable* (``|change|`` beyond its minimal detectable change), *meaningful* (also beyond a published
minimal important change) and *sustained* (also beyond a stable baseline) are three words, never one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import gammaincinv

from atlasplane.core.observation import (
    Count,
    Grade,
    Mdc,
    Measurement,
    Observation,
    Pose,
    coverage_factor,
)
from atlasplane.geometry.se3 import left_jacobian, vector_from_rotation
from atlasplane.geometry.types import Array
from atlasplane.uncertainty.first_order import effective_dof

LEVEL = 0.95
REST_DOUBTFUL = "rest_doubtful"
"""Quality of what was held against a rest that was none."""
WITHHELD = frozenset({REST_DOUBTFUL})
"""Qualities with which a value's error is larger than its u says, by an amount that nothing tells."""
POSE_MDC = "rotation vector of this pair of poses, chi-square with 3 degrees of freedom"
"""What the minimal detectable change of a pose rests on."""
_NO_TURN = 1e-12
"""Turn, rad, below which a rotation has no axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The difference of two observations of one quantity, post minus pre.

    Attributes
    ----------
    pre, post : Observation
    value : float or None
        Difference in the quantity's unit (Pose: angle of the relative rotation, deg); None where no
        difference exists.
    u : float or None
        Standard uncertainty of the difference; None where either has none. Of a pose, along the observed
        axis (`compare_poses`).
    dof : float
        Effective degrees of freedom of u.
    correlation : float or None
        Correlation of the two errors that went into u.
    correlation_source : str
        "shared terms" with their names, or "stated by the caller".
    level : float
        Confidence level of the minimal detectable change.
    detectable : float or None
        The minimal detectable change where it is another than the coverage factor times u: of a pose, the
        angle about the observed axis beyond which the turn lies outside its confidence ellipsoid.
    """

    pre: Observation
    post: Observation
    value: float | None
    u: float | None = None
    dof: float = math.inf
    correlation: float | None = None
    correlation_source: str = ""
    level: float = LEVEL
    detectable: float | None = None

    @property
    def withheld(self) -> tuple[str, ...]:
        """Qualities of either observation for which no verdict is given, sorted; empty where one may be."""
        return tuple(sorted(WITHHELD.intersection((*self.pre.quality, *self.post.quality))))

    @property
    def mdc(self) -> Mdc | None:
        """Minimal detectable change of this very pair; None without u, or where the verdict is withheld."""
        if self.withheld:
            return None
        if self.detectable is not None:
            return Mdc(value=self.detectable, level=self.level, source=POSE_MDC)
        if self.u is None:
            return None
        value = coverage_factor(self.level, self.dof) * self.u
        return Mdc(value=value, level=self.level, source="this pair of measurements")

    @property
    def distinguishable(self) -> bool | None:
        """Whether ``|change|`` exceeds the minimal detectable change; None where unknown or withheld."""
        if self.withheld:
            return None
        if isinstance(self.pre, Count) and isinstance(self.post, Count):
            before, after = self.pre.interval(self.level), self.post.interval(self.level)
            assert before.low is not None and before.high is not None  # a rate interval is always closed
            assert after.low is not None and after.high is not None
            return after.low > before.high or after.high < before.low
        return None if self.mdc is None or self.value is None else abs(self.value) > self.mdc.value

    @property
    def meaningful(self) -> bool | None:
        """Whether a distinguishable change reaches a published minimal important one; None where none is."""
        important = self.post.quantity.mcid
        if important is None or important.sd is None or self.distinguishable is None or self.value is None:
            return None
        return self.distinguishable and abs(self.value) >= important.sd

    @property
    def sustained(self) -> bool | None:
        """Whether the change also stands beyond a stable baseline; two visits cannot tell, so None."""
        return None

    @property
    def percent_reduction(self) -> float | None:
        """``100 (|pre| - |post|) / |pre|``; None where ``|pre|`` is below its own MDC."""
        if self.withheld or not (isinstance(self.pre, Measurement) and isinstance(self.post, Measurement)):
            return None
        mdc = self.pre.mdc(self.level)
        if mdc is None or abs(self.pre.value) < mdc.value:
            return None
        return 100.0 * (abs(self.pre.value) - abs(self.post.value)) / abs(self.pre.value)


def compare(
    pre: Observation,
    post: Observation,
    *,
    correlation: float = 0.0,
    correlation_source: str = "stated by the caller",
    level: float = LEVEL,
) -> Change:
    """Compare two observations of the same quantity and site.

    Parameters
    ----------
    correlation : float
        Correlation of the two errors, in [-1, 1]; a joint comparison derives it from the shared terms.

    Raises
    ------
    ValueError
        When the two are not of one quantity, site and kind, or the correlation lies outside [-1, 1].
    """
    if pre.key != post.key or type(pre) is not type(post):
        raise ValueError(
            f"cannot compare {pre.key} ({type(pre).__name__}) with {post.key} ({type(post).__name__})"
        )
    if not -1 <= correlation <= 1:
        raise ValueError(f"correlation must lie in [-1, 1], got {correlation}")
    if isinstance(pre, Pose) and isinstance(post, Pose):
        return compare_poses(
            pre,
            post,
            cross_cov=_at_correlation(pre, post, correlation),
            correlation_source=correlation_source,
            level=level,
        )
    u, dof = _uncertainty(pre, post, correlation)
    return Change(
        pre=pre,
        post=post,
        value=_difference(pre, post),
        u=u,
        dof=dof,
        correlation=None if u is None else correlation,
        correlation_source="" if u is None else correlation_source,
        level=level,
    )


def compare_poses(
    pre: Pose,
    post: Pose,
    *,
    cross_cov: Array | None = None,
    correlation_source: str = "stated by the caller",
    level: float = LEVEL,
) -> Change:
    """Compare two poses of one bone by the turn that takes the first to the second.

    With D = R_post R_pre' = exp([d]x), small errors w_pre, w_post of the poses (left perturbations) change d
    by J(d)^-1 w_post - J(-d)^-1 w_pre, J the left Jacobian of the rotation vector (Sola et al. 2018,
    arXiv:1812.01537), which gives its covariance C. A turn is distinguishable when d' C^-1 d exceeds the
    quantile of chi-square with 3 degrees of freedom (Johnson and Wichern 2007, Applied Multivariate
    Statistical Analysis, ch. 5: a region for three numbers at once). Told as an angle: `value` = ``|d|``,
    minimal detectable change = sqrt(quantile / (n' C^-1 n)) along the observed axis n, so that one exceeds
    the other exactly then. u = sqrt(n' C n) is the standard uncertainty of the turn along n, with d = 0 that
    of the least known axis; near d = 0 an angle, which cannot be negative, is no normal quantity, and only
    the comparison with the minimal detectable change counts. Shifts of the bone are not compared.

    Parameters
    ----------
    pre, post : Pose
        Of one quantity, in the same frames.
    cross_cov : array, shape (6, 6), optional
        Covariance of the errors of the first pose (rows) with those of the second (columns), rad and mm;
        default none.
    """
    turn = vector_from_rotation(post.rotation @ pre.rotation.T)
    change = Change(pre=pre, post=post, value=float(np.degrees(np.linalg.norm(turn))), level=level)
    if pre.cov6 is None or post.cov6 is None or _frames(pre) != _frames(post):
        return change
    cross = np.zeros((6, 6)) if cross_cov is None else cross_cov
    ahead: Array = np.asarray(np.linalg.inv(left_jacobian(turn)), dtype=np.float64)
    behind: Array = np.asarray(np.linalg.inv(left_jacobian(-turn)), dtype=np.float64)
    mixed = ahead @ cross[:3, :3].T @ behind.T
    cov = ahead @ post.cov6[:3, :3] @ ahead.T + behind @ pre.cov6[:3, :3] @ behind.T - mixed - mixed.T
    values, axes = np.linalg.eigh(cov)
    if not values[0] > 0:
        return change
    angle = float(np.linalg.norm(turn))
    along: Array = turn / angle if angle > _NO_TURN else axes[:, -1]
    quantile = 2 * float(gammaincinv(1.5, level))
    sd = math.sqrt(along @ cov @ along)
    return replace(
        change,
        u=math.degrees(sd),
        correlation=_correlation_along(along, ahead, behind, pre.cov6, post.cov6, cross),
        correlation_source=correlation_source,
        detectable=math.degrees(math.sqrt(quantile / (along @ np.linalg.solve(cov, along)))),
    )


def _correlation_along(
    along: Array, ahead: Array, behind: Array, pre: Array, post: Array, cross: Array
) -> float:
    """Correlation of the two poses' errors along the observed axis."""
    before, after = along @ behind, along @ ahead
    scale = math.sqrt((before @ pre[:3, :3] @ before) * (after @ post[:3, :3] @ after))
    return float(np.clip((before @ cross[:3, :3] @ after) / scale, -1.0, 1.0))


def _at_correlation(pre: Pose, post: Pose, correlation: float) -> Array | None:
    """Cross covariance of two poses whose errors are correlated alike in every direction."""
    if pre.cov6 is None or post.cov6 is None or not correlation:
        return None
    first, second = np.linalg.cholesky(pre.cov6), np.linalg.cholesky(post.cov6)
    product: Array = correlation * first @ second.T
    return product


def _frames(pose: Pose) -> tuple[str, str, str, str]:
    """What must be the same in two poses for their difference to mean a movement."""
    return pose.from_frame, pose.to_frame, pose.origin, pose.provenance.get("frames", "")


def _difference(pre: Observation, post: Observation) -> float | None:
    match pre, post:
        case Measurement(), Measurement():
            return post.value - pre.value
        case Count(), Count():
            return post.rate - pre.rate
        case Grade(), Grade():
            return float(post.level - pre.level) if pre.scale == post.scale else None
        case _:
            return None


def _uncertainty(pre: Observation, post: Observation, correlation: float) -> tuple[float | None, float]:
    if not (isinstance(pre, Measurement) and isinstance(post, Measurement)):
        return None, math.inf
    if pre.u is None or post.u is None:
        return None, math.inf
    shared = correlation * pre.u * post.u
    variance = pre.u**2 + post.u**2 - 2 * shared
    if not variance > 0:
        return None, math.inf
    # What both have in common cancels: only the own parts are independent and spend degrees of freedom.
    own = [math.sqrt(max(u**2 - shared, 0.0)) for u in (pre.u, post.u)]
    u = math.sqrt(variance)
    return u, effective_dof(u, own, (pre.dof, post.dof))
