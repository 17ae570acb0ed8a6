"""Bars of spasm: acceptance, simulated corpus, false alarms, intervals, speed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import spasm_acceptance, spasm_coverage, spasm_judging, spasm_speed
from benchmarks.bar import Bar

CASES = spasm_judging.N_EACH
"""Recordings of each group; what else is repeated shrinks or grows with them."""


def bars(wanted: str | None = None, cases: int = CASES) -> Iterator[Bar]:
    """All bars, or those of one part.

    Parameters
    ----------
    wanted : str, optional
        "spasm.speed.day.peak" runs the part `speed` alone; None or "spasm" every part.
    cases : int
    """
    share = cases / CASES
    parts: dict[str, Callable[[], Iterator[Bar]]] = {
        "acceptance": spasm_acceptance.bars,
        "speed": spasm_speed.bars,
        "corpus": lambda: spasm_judging.bars(cases),
        "curve": lambda: spasm_judging.curve_bars(cases),
        "false-alarms": lambda: spasm_judging.alarm_bars(max(2, round(share * spasm_judging.DAYS))),
        "coverage": lambda: spasm_coverage.bars(max(20, round(share * spasm_coverage.NIGHTS))),
    }
    asked = (wanted or "").split(".")[1:2]
    for name, part in parts.items():
        if asked in ([], [name]):
            yield from part()
