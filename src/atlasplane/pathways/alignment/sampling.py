"""The joint result by Monte Carlo (JCGM 101): a check on first-order propagation, and for curved quantities.

Placing errors go through the full constructions; scale, head and tube enter as in the first-order result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import FilmAnalysis
from atlasplane.pathways.alignment.visit_analysis import AlignmentAnalysis
from atlasplane.uncertainty.monte_carlo import MonteCarloResult, summarise

BLOCK = 2000
"""Draws at a time: a block of a film's inputs stays in the processor's cache."""
_RIDGE = 1e-3
"""Of u squared: 0.05 % of u."""


def sampled(
    analysis: AlignmentAnalysis, *, draws: int, rng: np.random.Generator, level: float = 0.95
) -> MonteCarloResult:
    """Draws of every measurement in `analysis.joint.order`.

    Films that were read several times are sampled about their first reading, with the combined placing
    covariance's size.

    Parameters
    ----------
    analysis : AlignmentAnalysis
    draws : int
    rng : Generator
    level : float
        Of the coverage intervals, which are probabilistically symmetric.
    """
    joint = analysis.joint
    outputs = np.empty((draws, len(joint.order)))
    shared = {key: rng.standard_normal(draws) for key in joint.shared}
    column = 0
    for film in analysis.films:
        keys = [key for key in joint.order if key in film.keys]
        stop = column + len(keys)
        own = joint.own_cov[column:stop, column:stop]
        outputs[:, column:stop] = _with_head(film, keys, own, _placed(film, keys, draws, rng), rng)
        column = stop
    for key, effect in joint.shared.items():
        outputs += shared[key][:, None] * effect
    return summarise(outputs, level=level, interval="symmetric")


def _placed(film: FilmAnalysis, keys: Sequence[str], draws: int, rng: np.random.Generator) -> Array:
    read = film.first
    root = np.linalg.cholesky(_two_by_two(read.marked.cov)) / np.sqrt(len(film.readings))
    values = np.empty((draws, len(keys)))
    starts = range(0, draws, BLOCK)

    def block(start: int, own: np.random.Generator) -> None:
        stop = min(start + BLOCK, draws)
        noise = own.standard_normal((stop - start, len(root), 2))
        moved = np.empty_like(noise)
        moved[..., 0] = noise[..., 0] * root[:, 0, 0]
        moved[..., 1] = noise[..., 0] * root[:, 1, 0] + noise[..., 1] * root[:, 1, 1]
        values[start:stop] = read.model(read.marked.values + moved.reshape(stop - start, -1), keys)

    # Every block has its own stream, so the result does not depend on how many threads share the work.
    with ThreadPoolExecutor() as pool:
        list(pool.map(block, starts, rng.spawn(len(starts))))
    combined = np.array([film.value(key) for key in keys], dtype=float)
    return values + (combined - read.model(read.marked.values, keys))


def _with_head(
    film: FilmAnalysis, keys: Sequence[str], own: Array, placed: Array, rng: np.random.Generator
) -> Array:
    """Placed draws (draws, q) turned into draws whose covariance is `own`, that of placing and head together.

    The film's checks correlate the head with the clicks, so the head cannot simply be added. In the
    directions that make both covariances diagonal the clicks are shrunk where the checks took variance away,
    and the head's own draws fill up the rest.
    """
    picks = [film.keys.index(key) for key in keys]
    size = np.sqrt(np.diag(own))
    # Laterality, plane and tilt depend on each other: the ridge leaves such directions as they were drawn.
    ridge = _RIDGE * np.eye(len(keys))
    root = np.linalg.cholesky(film.placing_cov[np.ix_(picks, picks)] / np.outer(size, size) + ridge)
    wanted = own / np.outer(size, size) + ridge
    ratio, turn = np.linalg.eigh(np.linalg.solve(root, np.linalg.solve(root, wanted).T))
    basis = root @ turn
    shrunk = basis * np.sqrt(np.clip(ratio, 0.0, 1.0)) @ np.linalg.inv(basis)
    added = basis * np.sqrt(np.maximum(ratio - 1.0, 0.0))
    centre = np.array([film.value(key) for key in keys], dtype=float)
    deviation = (placed - centre) / size @ shrunk.T + rng.standard_normal(placed.shape) @ added.T
    drawn: Array = centre + deviation * size
    return drawn


def _two_by_two(cov: Array) -> Array:
    """The diagonal blocks of a block-diagonal covariance, shape (n, 2, 2)."""
    n = len(cov) // 2
    blocks = cov.reshape(n, 2, n, 2)
    return np.stack([blocks[k, :, k, :] for k in range(n)])


def first_order_holds(
    analysis: AlignmentAnalysis, result: MonteCarloResult, tolerance: Mapping[str, float]
) -> dict[str, bool]:
    """Whether both ends of each first-order interval lie within a tolerance of the sampled ones.

    JCGM 101, clause 8.
    """
    verdict = {}
    for k, key in enumerate(analysis.joint.order):
        measured = analysis.joint.measurement(key)
        interval = None if measured is None else measured.interval(result.level)
        if interval is None or interval.low is None or interval.high is None or key not in tolerance:
            continue
        ends = (abs(interval.low - result.low[k]), abs(interval.high - result.high[k]))
        verdict[key] = max(ends) < tolerance[key]
    return verdict
