"""One bar: what was measured, what was wanted, whether it was met."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

COVERAGE = (0.935, 0.965)
"""What 95 % intervals are to hold over 2000 draws."""
COVERAGE_AT_LEAST = (0.935, 1.0)
ALPHA = 0.05
"""Level of every test whose errors of the first kind are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One measured number.

    Attributes
    ----------
    id : str
        Dotted name; its first part is the group.
    value : float or None
        None where it could not be measured; `why` says so.
    unit : str
    bar : str or None
        What is wanted, e.g. "<= 2.0"; None for a number that is only printed.
    passed : bool or None
    peer : str or None
        What it was compared with in the same run.
    ratio : float or None
        Peer over ours.
    n : int
        Repeats or cases.
    seed : int or None
    why : str or None
        Why there is no value.
    """

    id: str
    value: float | None
    unit: str
    bar: str | None = None
    passed: bool | None = None
    peer: str | None = None
    ratio: float | None = None
    n: int = 1
    seed: int | None = None
    why: str | None = None

    def line(self) -> dict[str, Any]:
        """The line that `--json` prints."""
        fields = asdict(self)
        return {**{k: v for k, v in fields.items() if k != "passed"}, "pass": self.passed}


def at_most(id_: str, value: float, limit: float, unit: str, *, n: int = 1, seed: int | None = None) -> Bar:
    """A bar that is met by small values."""
    return Bar(
        id=id_,
        value=float(value),
        unit=unit,
        bar=f"<= {limit:g}",
        passed=bool(value <= limit),
        n=n,
        seed=seed,
    )


def at_least(id_: str, value: float, limit: float, unit: str, *, n: int = 1, seed: int | None = None) -> Bar:
    """A bar that is met by large values."""
    return Bar(
        id=id_,
        value=float(value),
        unit=unit,
        bar=f">= {limit:g}",
        passed=bool(value >= limit),
        n=n,
        seed=seed,
    )


def covers(
    id_: str,
    share: float,
    *,
    n: int,
    seed: int,
    judged: bool = True,
    band: tuple[float, float] = COVERAGE,
) -> Bar:
    """Share of intervals that hold the truth; a band up to 1 is for exact intervals, which may hold more."""
    low, high = band
    return Bar(
        id=id_,
        value=float(share),
        unit="1",
        bar=(f"{low} to {high}" if high < 1 else f">= {low}") if judged else None,
        passed=bool(low <= share <= high) if judged else None,
        n=n,
        seed=seed,
    )


def rejects(id_: str, share: float, *, n: int, seed: int, judged: bool = True) -> Bar:
    """Share of true hypotheses that a test at 5 % rejects; judged by two standard errors of the draws."""
    limit = ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / n)
    return Bar(
        id=id_,
        value=float(share),
        unit="1",
        bar=f"<= {limit:.4f}" if judged else None,
        passed=bool(share <= limit) if judged else None,
        n=n,
        seed=seed,
    )
