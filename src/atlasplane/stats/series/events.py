"""Counts of events as the procedures of this folder take them: whole, over an exposure, in stretches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from atlasplane.stats.checks import Array, positive, same_length, vector
from atlasplane.stats.refusal import NotFinite, OutOfRange


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stretches:
    """Stretches of time that have one rate.

    Attributes
    ----------
    counts, exposures : array, shape (m,)
    """

    counts: Array
    exposures: Array

    @property
    def n_events(self) -> float:
        """Of all stretches."""
        return float(self.counts.sum())

    @property
    def exposure(self) -> float:
        """Of all stretches."""
        return float(self.exposures.sum())

    @property
    def chi_squared(self) -> float:
        """Pearson's, of the counts about their common rate; 0 without events."""
        if not self.n_events:
            return 0.0
        means = self.exposures * (self.n_events / self.exposure)
        return float(np.sum((self.counts - means) ** 2 / means))


def stretches(
    counts: ArrayLike, exposures: ArrayLike, name: str, name_of_exposures: str, *, at_least: int
) -> Stretches:
    """Counts and exposures made arrays, refused where they cannot be used; the names are for the message."""
    y, e = vector(counts, name, at_least=at_least), vector(exposures, name_of_exposures)
    same_length(**{name: y, name_of_exposures: e})
    whole_counts(y, name)
    positive(e, name_of_exposures)
    return Stretches(counts=y, exposures=e)


def dispersion(groups: list[Stretches], dof: float) -> tuple[float, tuple[str, ...]]:
    """Pearson's chi-squared of all groups over `dof`, at least 1; and what stands in the way of it."""
    if not any(group.n_events for group in groups):
        return 1.0, ("no event: the dispersion cannot be seen and is taken as 1",)
    return max(1.0, sum(group.chi_squared for group in groups) / dof), ()


def whole_counts(counts: Array, name: str) -> None:
    """Refuse counts that are negative or broken; `name` is for the message."""
    positive(counts, name, zero=True)
    if (counts != np.round(counts)).any():
        raise OutOfRange(f"{name} holds a broken number; give counts, and their exposure apart")


def single_count(count: float, name: str) -> int:
    """A single count, refused where it is negative or broken."""
    whole_counts(vector([count], name), name)
    return int(count)


def single_exposure(exposure: float, name: str) -> float:
    """A single exposure, refused where it is no number above 0."""
    if not math.isfinite(exposure):
        raise NotFinite(f"{name} is {exposure}; give a number")
    if not exposure > 0:
        raise OutOfRange(f"{name} must be above 0; it is {exposure:g}")
    return float(exposure)
