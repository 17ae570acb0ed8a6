"""`python -m benchmarks [ID] [--json] [--cases N]`.

ID is a group (main-job, coverage, mark, 3d, registration, spasm) or one bar; of spasm also one part, such as
spasm.speed. Exits 0 even on a miss.
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
    three_d,
)
from benchmarks.bar import Bar


def main() -> None:
    """Run the wanted bars and print one line each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "id",
        nargs="?",
        help="main-job, coverage, mark, 3d, registration, spasm, or one bar such as main-job.import",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--cases",
        type=int,
        help="simulated cases of coverage, 3d, registration and spasm; default each group's own",
    )
    wanted = parser.parse_args()
    groups: dict[str, Callable[[], Iterator[Bar]]] = {
        "main-job": main_job.bars,
        "coverage": lambda: coverage.bars(wanted.cases or coverage.CASES),
        "mark": mark.bars,
        "3d": lambda: chain(
            three_d.bars(wanted.cases or three_d.CASES),
            other_shape.bars(wanted.cases or other_shape.CASES),
            masks.bars(),
        ),
        "registration": lambda: chain(
            registration_render.bars(),
            registration_one_bone.bars(),
            registration_head.bars(),
            registration.bars(wanted.cases or registration.CASES),
        ),
        "spasm": lambda: spasm.bars(wanted.id, wanted.cases or spasm.CASES),
    }
    asked = (wanted.id or "").split(".")[0]
    if asked and asked not in groups:
        parser.error(f"there is no group '{asked}'; groups: {', '.join(groups)}")
    for name, bars in groups.items():
        if asked in ("", name):
            for bar in bars():
                if _is_wanted(bar, wanted.id):
                    print(json.dumps(bar.line()) if wanted.json else _text(bar), flush=True)


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
