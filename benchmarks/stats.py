"""Bars of statistics: coverage of every interval, type I error of every test, mediation, speed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import chain

from benchmarks import (
    stats_counts,
    stats_mediation,
    stats_meta,
    stats_multilevel,
    stats_overlap,
    stats_randomisation,
    stats_regression,
    stats_reliability,
)
from benchmarks.bar import Bar

CASES = 2000
"""Simulated data sets of each row."""
TOPICS: dict[str, tuple[tuple[str, ...], Callable[[int], Iterator[Bar]]]] = {
    "reliability": (stats_reliability.IDS, stats_reliability.bars),
    "overlap": (stats_overlap.IDS, stats_overlap.bars),
    "randomisation": (stats_randomisation.IDS, stats_randomisation.bars),
    "regression": (stats_regression.IDS, stats_regression.bars),
    "counts": (stats_counts.IDS, stats_counts.bars),
    "multilevel": (stats_multilevel.IDS, stats_multilevel.bars),
    "mediation": (stats_mediation.IDS, stats_mediation.bars),
    "meta": (stats_meta.IDS, stats_meta.bars),
}
IDS: tuple[str, ...] = tuple(chain.from_iterable(ids for ids, _ in TOPICS.values()))
"""Every row of the table."""


def bars(wanted: str | None = None, cases: int = CASES) -> Iterator[Bar]:
    """All bars, or those that are wanted.

    Parameters
    ----------
    wanted : str, optional
        A topic ("stats.meta"), the first parts of some ids ("stats.coverage", "stats.type-i.egger") or an id;
        None or "stats" for everything. A topic works through its rows until the last one that is wanted.
    cases : int

    Raises
    ------
    RuntimeError
        When a topic ends without a row that it names.
    """
    for topic in TOPICS:
        yield from _of_topic(topic, rows(topic, wanted), cases)


def names_rows(wanted: str) -> bool:
    """Whether any row is so named."""
    return any(rows(topic, wanted) for topic in TOPICS)


def rows(topic: str, wanted: str | None) -> set[str]:
    """Ids of a topic that are wanted."""
    ids = TOPICS[topic][0]
    if wanted in (None, "stats", f"stats.{topic}"):
        return set(ids)
    return {id_ for id_ in ids if id_ == wanted or id_.startswith(f"{wanted}.")}


def _of_topic(topic: str, chosen: set[str], cases: int) -> Iterator[Bar]:
    left = set(chosen)
    made = TOPICS[topic][1](cases)
    while left:
        print(f"stats, {topic}: {len(left)} of {len(chosen)} rows to come", file=sys.stderr, flush=True)
        bar = next(made, None)
        if bar is None:
            raise RuntimeError(f"the bars of {topic} end without {', '.join(sorted(left))}")
        if bar.id in left:
            left.remove(bar.id)
            yield bar
