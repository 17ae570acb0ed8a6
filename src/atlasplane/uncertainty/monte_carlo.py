"""Propagation of distributions by Monte Carlo (JCGM 101:2008, clauses 6 and 7)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.uncertainty.first_order import Model

_ROWS = 256
"""Rows of a matrix product at a time: small enough that no product asks for threads of its own."""


class Distribution(Protocol):
    """An input's assigned probability density."""

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """`count` independent values."""


@dataclass(frozen=True, slots=True)
class Normal:
    """Gaussian with mean and standard uncertainty (JCGM 101, 6.4.7)."""

    mean: float
    u: float

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """`count` independent values."""
        return rng.normal(self.mean, self.u, count)


@dataclass(frozen=True, slots=True)
class StudentT:
    """Scaled and shifted t for few repeats (JCGM 101, 6.4.9): u = s / sqrt(n), dof = n - 1."""

    mean: float
    u: float
    dof: float

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """`count` independent values."""
        return self.mean + self.u * rng.standard_t(self.dof, count)


@dataclass(frozen=True, slots=True)
class Rectangular:
    """Uniform between two limits (JCGM 101, 6.4.2); u = half-width / sqrt 3."""

    low: float
    high: float

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """`count` independent values."""
        return rng.uniform(self.low, self.high, count)


@dataclass(frozen=True, slots=True)
class Arcsine:
    """U-shaped, of a sinusoidal cycle between two limits (JCGM 101, 6.4.6); u = half-width / sqrt 2."""

    low: float
    high: float

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """`count` independent values."""
        return (self.low + self.high) / 2 + (self.high - self.low) / 2 * np.sin(
            rng.uniform(0, 2 * np.pi, count)
        )


@dataclass(frozen=True, slots=True)
class CurvilinearTrapezoid:
    """Rectangular with limits known only to +- inexactness (JCGM 101, 6.4.3)."""

    low: float
    high: float
    inexactness: float

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """`count` independent values."""
        low = self.low - self.inexactness + 2 * self.inexactness * rng.random(count)
        return low + (self.low + self.high - 2 * low) * rng.random(count)


@dataclass(frozen=True, slots=True, eq=False)
class MonteCarloResult:
    """What a Monte Carlo run found, one entry for each output.

    Attributes
    ----------
    mean, u, low, high : array, shape (m,)
        Mean, standard deviation and ends of the coverage interval of each output.
    level : float
    interval : str
        "symmetric" (equal probability in both tails) or "shortest".
    cov : array, shape (m, m)
    draws : int
    stable : bool
        Whether an adaptive run met its tolerance; True for a run of fixed size.
    """

    mean: Array
    u: Array
    low: Array
    high: Array
    level: float
    interval: str
    cov: Array
    draws: int
    stable: bool = True


def summarise(
    outputs: Array, *, level: float, interval: Literal["symmetric", "shortest"], stable: bool = True
) -> MonteCarloResult:
    """Summary of draws of shape (count, m)."""
    ends = _symmetric_interval if interval == "symmetric" else _shortest_interval
    low, high = ends(outputs, level)
    return MonteCarloResult(
        mean=outputs.mean(axis=0),
        u=outputs.std(axis=0, ddof=1),
        low=low,
        high=high,
        level=level,
        interval=interval,
        cov=_covariance(outputs),
        draws=len(outputs),
        stable=stable,
    )


def monte_carlo(
    model: Model,
    sampler: Callable[[int, np.random.Generator], Array],
    *,
    draws: int,
    rng: np.random.Generator,
    level: float = 0.95,
    interval: Literal["symmetric", "shortest"] = "symmetric",
    block: int = 10_000,
) -> MonteCarloResult:
    """A run of fixed size (JCGM 101, 7.2 to 7.7), in blocks so that memory stays small.

    Parameters
    ----------
    model : callable
        Maps inputs (count, n) to outputs (count, m).
    sampler : callable
        Gives `count` joint input draws, shape (count, n).
    """
    sizes = [block] * (draws // block) + ([draws % block] if draws % block else [])
    outputs = np.concatenate([model(sampler(size, rng)) for size in sizes])
    return summarise(outputs, level=level, interval=interval)


def adaptive_monte_carlo(
    model: Model,
    sampler: Callable[[int, np.random.Generator], Array],
    *,
    rng: np.random.Generator,
    digits: int = 2,
    level: float = 0.95,
    interval: Literal["symmetric", "shortest"] = "symmetric",
    max_draws: int = 2_000_000,
) -> MonteCarloResult:
    """Blocks of draws until mean, u and both ends keep `digits` significant digits of u (JCGM 101, 7.9).

    A run that reaches `max_draws` first says so by ``stable=False``.
    """
    block = max(math.ceil(100 / (1 - level)), 10_000)
    blocks: list[Array] = []
    summaries: list[Array] = []
    while True:
        outputs = model(sampler(block, rng))
        blocks.append(outputs)
        part = summarise(outputs, level=level, interval=interval)
        summaries.append(np.stack([part.mean, part.u, part.low, part.high]))
        if len(blocks) < 2:
            continue
        spread = 2 * np.std(summaries, axis=0, ddof=1) / math.sqrt(len(summaries))
        tolerance = numerical_tolerance(np.mean([s[1] for s in summaries], axis=0), digits=digits)
        stable = bool(np.all(spread <= tolerance))
        if stable or (len(blocks) + 1) * block > max_draws:
            return summarise(np.concatenate(blocks), level=level, interval=interval, stable=stable)


def numerical_tolerance(u: Array | float, *, digits: int) -> Array:
    """Half a unit in the last of `digits` significant digits of u (JCGM 101, 7.9.2), shape of u; 0 for 0."""
    with np.errstate(divide="ignore"):
        exponent = np.floor(np.log10(np.asarray(u, dtype=float))) - (digits - 1)
    tolerance: Array = 0.5 * 10.0**exponent
    return tolerance


def transformed(draws: Array, matrix: Array) -> Array:
    """Draws (count, n) times matrix (n, m), a few rows at a time."""
    product = np.empty((len(draws), matrix.shape[1]))
    for start in range(0, len(draws), _ROWS):
        product[start : start + _ROWS] = draws[start : start + _ROWS] @ matrix
    return product


def _covariance(outputs: Array) -> Array:
    """Sample covariance of draws (count, m), a few rows at a time."""
    mean = outputs.mean(axis=0)
    total = np.zeros((outputs.shape[1],) * 2)
    for start in range(0, len(outputs), _ROWS):
        centred = outputs[start : start + _ROWS] - mean
        total += centred.T @ centred
    return total / (len(outputs) - 1)


def _symmetric_interval(outputs: Array, level: float) -> tuple[Array, Array]:
    columns = np.ascontiguousarray(outputs.T)
    low, high = np.quantile(columns, [(1 - level) / 2, (1 + level) / 2], axis=1)
    return low, high


def _shortest_interval(outputs: Array, level: float) -> tuple[Array, Array]:
    ordered = np.sort(outputs, axis=0)
    inside = min(math.floor(level * len(ordered) + 0.5), len(ordered) - 1)
    widths = ordered[inside:] - ordered[: len(ordered) - inside]
    start = np.argmin(widths, axis=0)
    columns = np.arange(ordered.shape[1])
    return ordered[start, columns], ordered[start + inside, columns]
