"""`python -m benchmarks [ID] [--json] [--cases N]`.

ID is a group (main-job, coverage, mark, 3d, registration, spasm, stats) or one bar; of spasm and stats also a
part, such as spasm.speed, stats.coverage or the topic stats.meta. Exits 0 even on a miss.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import chain

from benchmarks import (
    coverage,
    main_job,
    mark,
    masks,
    other_shape,
    registration,
    registration_head,
    registration_one_bone,
    registration_render,
    spasm,
    stats,
    three_d,
)
from benchmarks.bar import Bar


def main() -> None:
    """Run the wanted bars and print one line each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "id",
        nargs="?",
        help="main-job, coverage, mark, 3d, registration, spasm, stats, or one bar such as main-job.import",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--cases",
        type=int,
        help="simulated cases of coverage, 3d, registration, spasm and stats; default each group's own",
    )
    wanted = parser.parse_args()
    groups = _groups(wanted.id, wanted.cases)
    asked = (wanted.id or "").split(".")[0]
    if asked and asked not in groups:
        parser.error(f"there is no group '{asked}'; groups: {', '.join(groups)}")
    if asked == "stats" and not stats.names_rows(wanted.id):
        parser.error(f"no row of statistics is named '{wanted.id}'; topics: {', '.join(stats.TOPICS)}")
    for name, bars in groups.items():
        if asked in ("", name):
            for bar in bars():
                # A topic of statistics is no part of the ids of its rows: the group has chosen them itself.
                if name == "stats" or _is_wanted(bar, wanted.id):
                    print(json.dumps(bar.line()) if wanted.json else _text(bar), flush=True)


def _groups(id_: str | None, cases: int | None) -> dict[str, Callable[[], Iterator[Bar]]]:
    """The bars of each group, not yet begun."""
    return {
        "main-job": main_job.bars,
        "coverage": lambda: coverage.bars(cases or coverage.CASES),
        "mark": mark.bars,
        "3d": lambda: chain(
            three_d.bars(cases or three_d.CASES),
            other_shape.bars(cases or other_shape.CASES),
            masks.bars(),
        ),
        "registration": lambda: chain(
            registration_render.bars(),
            registration_one_bone.bars(),
            registration_head.bars(),
            registration.bars(cases or registration.CASES),
        ),
        "spasm": lambda: spasm.bars(id_, cases or spasm.CASES),
        "stats": lambda: stats.bars(id_, cases or stats.CASES),
    }


def _is_wanted(bar: Bar, asked: str | None) -> bool:
    """Whether a bar is the one that was asked for, or of that group or part."""
    return asked is None or bar.id == asked or bar.id.startswith(f"{asked}.")


def _text(bar: Bar) -> str:
    verdict = {True: "met", False: "MISSED", None: ""}[bar.passed]
    if bar.value is None:
        return f"{bar.id:<48} {'-':>10} {bar.why}"
    return f"{bar.id:<48} {bar.value:>10.4g} {bar.unit:<18} {bar.bar or '':<16} n={bar.n:<7} {verdict}"


if __name__ == "__main__":
    main()
