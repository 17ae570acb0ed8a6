"""The numbers of one visit come with one covariance.

Each input that several films, or several visits, have in common (scale of one set-up, an observer's own way
of placing, the tube's angle scale) appears once, under a key: what carries the same key is the same unknown.
So the correlation between two quantities, and between pre and post, is derived and never assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from atlasplane.core.change import LEVEL, Change, compare, compare_poses
from atlasplane.core.observation import Measurement, Observation, Pose
from atlasplane.geometry.types import Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class JointObservations:
    """Observations of one visit with their joint covariance.

    Attributes
    ----------
    observations : tuple of Observation
    order : tuple of str
        Keys of the measurements that the covariance speaks of.
    own_cov : array, shape (n, n)
        Part of the covariance that nothing outside this visit shares.
    shared : mapping key -> array, shape (n,)
        Effect of one standard uncertainty of each shared input, in the quantities' units. Inputs that belong
        together have a name in common and a number after " #"; a text names them once.
    pose_shared : mapping key of a pose -> mapping key of an input -> array, shape (6,)
        The same of poses, as turn (rad) and shift (mm) on the axes of the pose's `to_frame`.
    """

    observations: tuple[Observation, ...]
    order: tuple[str, ...] = ()
    own_cov: Array = field(default_factory=lambda: np.zeros((0, 0)))
    shared: Mapping[str, Array] = field(default_factory=dict)
    pose_shared: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    _by_key: Mapping[str, Observation] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        n = len(self.order)
        # The first of equal keys, as a search in order would find.
        by_key = {o.key: o for o in reversed(self.observations)}
        object.__setattr__(self, "_by_key", by_key)
        if self.own_cov.shape != (n, n) or any(effect.shape != (n,) for effect in self.shared.values()):
            raise ValueError(f"joint covariance does not fit its {n} quantities")
        if any(effect.shape != (6,) for pose in self.pose_shared.values() for effect in pose.values()):
            raise ValueError("the effect of a shared input on a pose is three turns and three shifts")

    @property
    def cov(self) -> Array:
        """Covariance of the measurements in `order`, shape (n, n)."""
        total = self.own_cov.copy()
        for effect in self.shared.values():
            total += np.outer(effect, effect)
        return np.asarray((total + total.T) / 2)

    def get(self, key: str) -> Observation | None:
        """The observation with this key, or None."""
        return self._by_key.get(key)

    def measurement(self, key: str) -> Measurement | None:
        """The measurement with this key, or None where it is absent or of another kind."""
        found = self.get(key)
        return found if isinstance(found, Measurement) else None

    def combine(self, weights: Mapping[str, float]) -> tuple[float, float]:
        """Linear combination of measurements and its standard uncertainty.

        Raises
        ------
        KeyError
            When a key has no covariance here.
        """
        w = np.zeros(len(self.order))
        values = np.zeros(len(self.order))
        for key, weight in weights.items():
            measured = self.measurement(key)
            if key not in self.order or measured is None:
                raise KeyError(key)
            w[self.order.index(key)], values[self.order.index(key)] = weight, measured.value
        return float(w @ values), float(np.sqrt(w @ self.cov @ w))

    def compare(self, post: JointObservations, *, level: float = LEVEL) -> tuple[Change, ...]:
        """Changes of everything that both visits have, with the correlation that their shared inputs give."""
        keys = dict.fromkeys(o.key for o in self.observations)
        changes = (self.change(key, post, level=level) for key in keys)
        return tuple(change for change in changes if change is not None)

    def change(self, key: str, post: JointObservations, *, level: float = LEVEL) -> Change | None:
        """Change of one key from this visit to another; None where either has no such observation."""
        before, after = self.get(key), post.get(key)
        if before is None or after is None or type(after) is not type(before):
            return None
        if isinstance(before, Pose) and isinstance(after, Pose):
            cross, names = self._cross_covariance(post, key)
            return compare_poses(
                before, after, cross_cov=cross, correlation_source=_sources(names), level=level
            )
        correlation, names = self._correlation(post, key)
        source = _sources(names)
        return compare(before, after, correlation=correlation, correlation_source=source, level=level)

    def _correlation(self, post: JointObservations, key: str) -> tuple[float, Sequence[str]]:
        if key not in self.order or key not in post.order:
            return 0.0, ()
        i, j = self.order.index(key), post.order.index(key)
        products = {
            k: float(self.shared[k][i] * post.shared[k][j]) for k in self.shared.keys() & post.shared.keys()
        }
        scale = float(np.sqrt(self._variance(i) * post._variance(j)))
        if scale == 0:
            return 0.0, ()
        names = sorted(k for k, product in products.items() if product)
        return float(np.clip(sum(products.values()) / scale, -1.0, 1.0)), names

    def _cross_covariance(self, post: JointObservations, key: str) -> tuple[Array, Sequence[str]]:
        """Covariance (6, 6) of the errors of one pose here (rows) and there (columns)."""
        before, after = self.pose_shared.get(key, {}), post.pose_shared.get(key, {})
        names = sorted(before.keys() & after.keys())
        if not names:
            return np.zeros((6, 6)), ()
        cross: Array = np.stack([before[k] for k in names], axis=1) @ np.stack([after[k] for k in names])
        return cross, names

    def _variance(self, k: int) -> float:
        """One entry of the covariance's diagonal."""
        return float(self.own_cov[k, k] + sum(effect[k] * effect[k] for effect in self.shared.values()))


def _sources(names: Sequence[str]) -> str:
    """Shared inputs in words, those that belong together once."""
    once = dict.fromkeys(name.partition(" #")[0] for name in names)
    return f"shared terms: {', '.join(once)}" if once else "no shared terms"
