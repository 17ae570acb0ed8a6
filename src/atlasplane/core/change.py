"""Did it change? One object holds the difference, its uncertainty and its verdict.

*Distinguishable* (``|change|`` beyond its minimal detectable change), *meaningful* (also beyond a published
minimal important change) and *sustained* (also beyond a stable baseline) are three words, never one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from atlasplane.core.observation import (
    Count,
    Grade,
    Mdc,
    Measurement,
    Observation,
    Pose,
    coverage_factor,
)
from atlasplane.geometry.rotation import rotation_angle_deg
from atlasplane.uncertainty.first_order import effective_dof

LEVEL = 0.95


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
        Standard uncertainty of the difference; None where either has none.
    dof : float
        Effective degrees of freedom of u.
    correlation : float or None
        Correlation of the two errors that went into u.
    correlation_source : str
        "shared terms" with their names, or "stated by the caller".
    level : float
        Confidence level of the minimal detectable change.
    """

    pre: Observation
    post: Observation
    value: float | None
    u: float | None = None
    dof: float = math.inf
    correlation: float | None = None
    correlation_source: str = ""
    level: float = LEVEL

    @property
    def mdc(self) -> Mdc | None:
        """Minimal detectable change of this very pair; None without u."""
        if self.u is None:
            return None
        value = coverage_factor(self.level, self.dof) * self.u
        return Mdc(value=value, level=self.level, source="this pair of measurements")

    @property
    def distinguishable(self) -> bool | None:
        """Whether ``|change|`` exceeds the minimal detectable change; None where that is unknown."""
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
        if not (isinstance(self.pre, Measurement) and isinstance(self.post, Measurement)):
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


def _difference(pre: Observation, post: Observation) -> float | None:
    match pre, post:
        case Measurement(), Measurement():
            return post.value - pre.value
        case Count(), Count():
            return post.rate - pre.rate
        case Grade(), Grade():
            return float(post.level - pre.level) if pre.scale == post.scale else None
        case Pose(), Pose():
            return rotation_angle_deg(post.rotation @ pre.rotation.T)
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
