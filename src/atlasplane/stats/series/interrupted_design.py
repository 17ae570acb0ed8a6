"""The columns of an interrupted series: level and trend, their change at a start, and harmonics."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from atlasplane.stats.checks import Array, vector
from atlasplane.stats.refusal import OutOfOrder, OutOfRange

LEVEL_CHANGE, SLOPE_CHANGE = "level change", "slope change"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class InterruptedDesign:
    """The columns of an interrupted series.

    Attributes
    ----------
    names : tuple of str
        "intercept" (at time 0), "time", "level change" (at `start`), "slope change" where asked for, then
        "sin 1", "cos 1", ... of the harmonics.
    matrix : array, shape (n, k)
    time : array, shape (n,)
    start : float
        Time of the first treated session.
    """

    names: tuple[str, ...]
    matrix: Array
    time: Array
    start: float

    @property
    def treated(self) -> Array:
        """1 from the start on, else 0; shape (n,)."""
        return (self.time >= self.start).astype(np.float64)

    @property
    def without_change(self) -> Array:
        """The columns as if there had been no start; shape (n, k)."""
        changed = np.isin(self.names, (LEVEL_CHANGE, SLOPE_CHANGE))
        columns: Array = np.where(changed, 0.0, self.matrix)
        return columns


def interrupted_design(
    time: ArrayLike, *, start: float, slope_change: bool, n_harmonics: int, period: float
) -> InterruptedDesign:
    """Columns for an interrupted series.

    Parameters
    ----------
    time : array, shape (n,)
        Strictly increasing, in the unit in which slopes are wanted.
    start : float
        Time of the first treated session; 1 session or more before it.
    slope_change : bool
        Whether the slope may change too; that wants 2 sessions or more on either side.
    n_harmonics : int
        Pairs sin, cos of 2 pi h t / period for h = 1 ... n_harmonics; 0 for none.
    period : float
        In the unit of `time`; not used without harmonics.

    Raises
    ------
    OutOfOrder
        Times that do not increase.
    OutOfRange
        A start that leaves one side without its sessions, or harmonics without a period.
    """
    t = vector(time, "time", at_least=3)
    if (np.diff(t) <= 0).any():
        raise OutOfOrder("time must strictly increase; sort the sessions, and one count for each")
    n_before, least = int(np.sum(t < start)), 2 if slope_change else 1
    if n_before < least or len(t) - n_before < least:
        raise OutOfRange(
            f"start {start:g} leaves {n_before} sessions before and {len(t) - n_before} after; "
            f"{least} or more are needed on either side"
        )
    if n_harmonics < 0 or (n_harmonics and not (math.isfinite(period) and period > 0)):
        raise OutOfRange(f"{n_harmonics} harmonics of period {period:g}; give 0 or more and a period above 0")
    treated = (t >= start).astype(np.float64)
    columns = {"intercept": np.ones_like(t), "time": t, LEVEL_CHANGE: treated}
    if slope_change:
        columns[SLOPE_CHANGE] = treated * (t - start)
    for h in range(1, n_harmonics + 1):
        angle = 2 * math.pi * h * t / period
        columns |= {f"sin {h}": np.sin(angle), f"cos {h}": np.cos(angle)}
    return InterruptedDesign(
        names=tuple(columns), matrix=np.column_stack(list(columns.values())), time=t, start=float(start)
    )
