"""Whether a registration may be shown as a number: ok, doubtful or refused, and the reasons.

What speaks for and against a result is a list of measured values; a table says which of them are out of
bounds. A film that shows other bones, or metal over one, is found by the likeness of each bone's shadow; a
start in the wrong hollow by other starts, and by the landmarks that it came from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from atlasplane.geometry.types import Array
from atlasplane.xray.registration_result import REASONS, Status
from atlasplane.xray.tables import packaged_table

SCHEMA = "atlasplane.registration-limits/1"
Sense = Literal["at_most", "at_least"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One measured value.

    Attributes
    ----------
    measure : str
        A key of the table of measures.
    value : float
        In the measure's unit; NaN counts as out of all bounds.
    where : str
        The film or bone that it is of; empty for the whole.
    """

    measure: str
    value: float
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Where a measure turns doubtful and where it is refused."""

    reason: str
    sense: Sense
    doubtful: float
    refused: float

    def status(self, value: float) -> Status:
        """State by this measure alone."""
        if not self._within(value, self.refused):
            return "refused"
        return "ok" if self._within(value, self.doubtful) else "doubtful"

    def _within(self, value: float, bound: float) -> bool:
        return value <= bound if self.sense == "at_most" else value >= bound


def judged(evidence: Iterable[Evidence]) -> tuple[Status, tuple[str, ...]]:
    """State and the codes of what speaks against the result, in the order of `REASONS`.

    Raises
    ------
    KeyError
        For a measure that is not in the table.
    """
    states = [(bounds(e.measure).status(e.value), bounds(e.measure).reason) for e in evidence]
    against = {reason for state, reason in states if state != "ok"}
    worst: Status = max((state for state, _ in states), key=_ORDER.index, default="ok")
    return worst, tuple(code for code in REASONS if code in against)


_ORDER: tuple[Status, ...] = ("ok", "doubtful", "refused")


def likeness(own: NDArray[np.floating], rest: NDArray[np.floating], used: NDArray[np.bool_]) -> float:
    """How a bone's shadow agrees with the film once all other bones are taken off, -1 to 1.

    Parameters
    ----------
    own : array
        Filtered projection of the bone times the film's gain.
    rest : array, same shape
        Filtered film less the whole model.
    used : array of bool, same shape
        The bone's shadow on the usable film; robust weights are left out, they would hide metal.

    Returns
    -------
    float
        Correlation about zero of `own` with `own + rest`; 0 where there is no signal.
    """
    mine = np.asarray(own, dtype=float)[used]
    seen = mine + np.asarray(rest, dtype=float)[used]
    scale = float(np.sqrt((mine @ mine) * (seen @ seen)))
    return float(mine @ seen) / scale if scale > 0 else 0.0


def start_probability(changes: Array, start_cov: Array, own_cov: Array) -> float:
    """Probability that a start drawn from its covariance lies as far from the result.

    Parameters
    ----------
    changes : array, shape (p,)
        From the start to the result.
    start_cov, own_cov : array, shape (p, p)
        Of the start, and of the result about the truth.
    """
    distance = changes @ np.linalg.solve(start_cov + own_cov, changes)
    return float(chi2.sf(distance, len(changes)))


def spread_of(poses: Sequence[Array]) -> tuple[float, float]:
    """Largest turn (deg) and shift (mm) between changes, each of shape (..., 6), of the same poses."""
    if len(poses) < 2:
        return 0.0, 0.0
    stacked = np.asarray(poses, dtype=float)
    apart = np.abs(stacked[:, None] - stacked[None])
    turn = np.linalg.norm(apart[..., :3], axis=-1).max()
    return float(np.degrees(turn)), float(np.linalg.norm(apart[..., 3:], axis=-1).max())


@cache
def bounds(measure: str) -> Bounds:
    """Bounds of one measure."""
    own = _table()["measures"][measure]
    return Bounds(**{key: own[key] for key in ("reason", "sense", "doubtful", "refused")})


def measures() -> tuple[str, ...]:
    """All measures of the table."""
    return tuple(_table()["measures"])


@cache
def limit(table: str, name: str) -> float:
    """A single number of the limits, e.g. of the table ``covariance`` the number ``block_lengths``."""
    return float(_table()[table][name]["value"])


def _table() -> Mapping[str, Any]:
    return packaged_table("registration_limits.toml", SCHEMA)
