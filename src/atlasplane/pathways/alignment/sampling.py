"""The joint result by Monte Carlo (JCGM 101): a check on first-order propagation, and for curved quantities.

Placing errors of films go through the full constructions; scale, head and tube enter as in the first-order
result. What films tell jointly, and what a volume tells, is drawn as the first-order result has it, with its
correlation with the films' own quantities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atlasplane.core.joint import JointObservations
from atlasplane.geometry.types import Array
from atlasplane.pathways.alignment.film_analysis import VIEWS, FilmAnalysis, ReadFilm
from atlasplane.pathways.alignment.visit_analysis import AlignmentAnalysis
from atlasplane.uncertainty.monte_carlo import MonteCarloResult, summarise, transformed

BLOCK = 25_000
"""Draws at a time: large enough that threads seldom wait for each other."""
_RIDGE = 1e-3
"""Of u squared: 0.05 % of u."""


def sampled(
    analysis: AlignmentAnalysis,
    *,
    draws: int,
    rng: np.random.Generator,
    level: float = 0.95,
    keys: Sequence[str] | None = None,
) -> MonteCarloResult:
    """Draws of every measurement in `analysis.joint.order`, or of some of them in that order.

    Films that were read several times are sampled about their first reading, with the combined placing
    covariance's size.

    Parameters
    ----------
    analysis : AlignmentAnalysis
    draws : int
    rng : Generator
    level : float
        Of the coverage intervals, which are probabilistically symmetric.
    keys : sequence of str, optional
        Which measurements; default all.
    """
    joint = analysis.joint
    asked = np.array([k for k, key in enumerate(joint.order) if keys is None or key in keys], dtype=int)
    outputs = np.empty((draws, len(asked)))
    effects = np.stack(list(joint.shared.values())) if joint.shared else np.zeros((0, len(joint.order)))
    effects = effects[:, asked]
    made = (_sampled_film(film, joint, asked) for film in analysis.images)
    films = [film for film in made if film is not None]
    rest = _SampledRest.of(joint, asked, films)

    def block(start: int, own: np.random.Generator) -> None:
        stop = min(start + BLOCK, draws)
        for film in films:
            outputs[start:stop, film.columns] = film.draw(stop - start, own)
        outputs[start:stop, rest.columns] = rest.draw(outputs[start:stop, rest.films], own)
        outputs[start:stop] += transformed(own.standard_normal((stop - start, len(effects))), effects)

    # Every block has its own stream, so the result does not depend on how many threads share the work.
    starts = range(0, draws, BLOCK)
    with ThreadPoolExecutor() as pool:
        list(pool.map(block, starts, rng.spawn(len(starts))))
    return summarise(outputs, level=level, interval="symmetric")


@dataclass(frozen=True, slots=True, eq=False)
class _SampledFilm:
    """One film ready to be drawn.

    Attributes
    ----------
    read : ReadFilm
    keys : tuple of str
    columns : array of int, shape (q,)
        Its places among the measurements that are drawn.
    used : array of int, shape (n,)
        Points that the quantities are made of, contours vertex by vertex, in the order of the inputs.
    root : array, shape (n, 2, 2)
        Cholesky roots of their covariances.
    shift : array, shape (q,)
        From the first reading's values to the combined ones.
    centre, size : array, shape (q,)
        Values and own standard uncertainties.
    shrunk, added : array, shape (q, q)
        What the head does to deviations, see `_head_maps`.
    """

    read: ReadFilm
    keys: tuple[str, ...]
    columns: NDArray[np.int_]
    used: NDArray[np.int_]
    root: Array
    shift: Array
    centre: Array
    size: Array
    shrunk: Array
    added: Array

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """Draws of the film's quantities, (count, q): placing through the constructions, then the head."""
        marked = self.read.marked
        noise = rng.standard_normal((count, len(self.root), 2), dtype=np.float32)
        inputs = np.tile(marked.values, (count, 1))
        inputs[:, 2 * self.used] += noise[..., 0] * self.root[:, 0, 0]
        inputs[:, 2 * self.used + 1] += (
            noise[..., 0] * self.root[:, 1, 0] + noise[..., 1] * self.root[:, 1, 1]
        )
        placed = self.read.model(inputs, self.keys) + self.shift
        deviation = transformed((placed - self.centre) / self.size, self.shrunk.T)
        deviation += transformed(rng.standard_normal(placed.shape), self.added.T)
        drawn: Array = self.centre + deviation * self.size
        return drawn


@dataclass(frozen=True, slots=True, eq=False)
class _SampledRest:
    """What no film's construction gives: normal about its value, given what the films' clicks drew.

    Attributes
    ----------
    columns, films : array of int, shape (m,), (q,)
        Places of the rest, and of the films' quantities, among the measurements that are drawn.
    centre, film_centre : array, shape (m,), (q,)
    gain : array, shape (m, q)
        Of a deviation of the films' quantities on the rest.
    root : array, shape (m, m)
        Of the covariance that is left.
    """

    columns: NDArray[np.int_]
    films: NDArray[np.int_]
    centre: Array
    film_centre: Array
    gain: Array
    root: Array

    @classmethod
    def of(
        cls, joint: JointObservations, asked: NDArray[np.int_], films: Sequence[_SampledFilm]
    ) -> _SampledRest:
        """Whatever the films leave of what is asked."""
        taken = np.concatenate([np.zeros(0, dtype=int), *(film.columns for film in films)])
        columns = np.setdiff1d(np.arange(len(asked)), taken)
        own = joint.own_cov[np.ix_(asked, asked)]
        of_films, cross = own[np.ix_(taken, taken)], own[np.ix_(columns, taken)]
        # Quantities that depend on each other leave the films' covariance without an inverse but for a ridge.
        gain = np.linalg.solve(of_films + _RIDGE * np.diag(np.diag(of_films)), cross.T).T
        left = own[np.ix_(columns, columns)] - gain @ of_films @ gain.T
        variance, axes = np.linalg.eigh(left)
        values = [m.value for k in asked[columns] if (m := joint.measurement(joint.order[k])) is not None]
        return cls(
            columns=columns,
            films=taken,
            centre=np.array(values),
            film_centre=np.concatenate([np.zeros(0), *(film.centre for film in films)]),
            gain=gain,
            root=axes * np.sqrt(np.maximum(variance, 0.0)),
        )

    def draw(self, films: Array, rng: np.random.Generator) -> Array:
        """Draws, shape (count, m), that go with the films' own, shape (count, q)."""
        drawn: Array = self.centre + transformed(films - self.film_centre, self.gain.T)
        drawn += transformed(rng.standard_normal(drawn.shape), self.root.T)
        return drawn


def _sampled_film(
    film: FilmAnalysis, joint: JointObservations, asked: NDArray[np.int_]
) -> _SampledFilm | None:
    observed = {str(film.observed(key)): key for key in film.keys if not key.startswith("check.")}
    columns = np.array([k for k, place in enumerate(asked) if joint.order[place] in observed], dtype=int)
    if not columns.size:
        return None
    keys = tuple(observed[joint.order[place]] for place in asked[columns])
    own = joint.own_cov[np.ix_(asked[columns], asked[columns])]
    read, centre = film.first, np.array([film.value(key) for key in keys], dtype=float)
    shrunk, added = _head_maps(film, keys, own)
    used = _used(read, keys)
    return _SampledFilm(
        read=read,
        keys=keys,
        columns=columns,
        used=used,
        root=np.linalg.cholesky(_two_by_two(read.marked.cov)[used]) / np.sqrt(len(film.readings)),
        shift=centre - read.model(read.marked.values, keys),
        centre=centre,
        size=np.sqrt(np.diag(own)),
        shrunk=shrunk,
        added=added,
    )


def _used(read: ReadFilm, keys: Sequence[str]) -> NDArray[np.int_]:
    """Indices of the points that some quantity needs."""
    table = VIEWS[read.marked.film.view].table
    needs = {id_ for key in keys for id_ in table[key].needs}
    slots = (read.marked.slots[id_] for id_ in read.marked.slots if id_ in needs)
    points = (range(start // 2, start // 2 + count) for start, count in slots)
    return np.array(sorted(k for group in points for k in group), dtype=int)


def _head_maps(film: FilmAnalysis, keys: Sequence[str], own: Array) -> tuple[Array, Array]:
    """Maps that turn placing draws into draws whose covariance is `own`, that of placing and head together.

    The film's checks correlate the head with the clicks, so the head cannot simply be added. In the
    directions that make both covariances diagonal the clicks are shrunk where the checks took variance away,
    and the head's own draws fill up the rest. Both maps work on deviations in units of their own u.
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
    return shrunk, basis * np.sqrt(np.maximum(ratio - 1.0, 0.0))


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
